"""What sacctmgr says about a change: one function a (command, entity), from the values the daemon answers.

Returns what to print before the question whether to commit, and whether there is anything to commit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .quantities import moment

Outcome = dict[str, Any]

NOT_ADDED = (
    "Nothing added.\n"
    "Make sure the accounts requested here have been added to the system/cluster. (sacctmgr add account...)"
)
DENIED = [
    "sacctmgr: error: Your user doesn't have privilege to perform this action",
    " Error with request: Access/permission denied",
]


@dataclass(slots=True)
class Report:
    """Lines for stdout and stderr; `done`: the change can be committed; `rc`: the exit status otherwise."""

    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)
    done: bool = False
    rc: int = 1


def association(item: Outcome) -> str:
    """An association in the lists of added and modified ones."""
    text = f"  C = {item['cluster']:<10} A = {item['account']:<20}"
    if item.get("user"):
        text += f" U = {item['user']:<9}"
    if item.get("partition"):
        text += f" P = {item['partition']}"
    return text


def modified(item: Outcome) -> str:
    if not item["user"] and not item.get("moved"):
        return f"  C = {item['cluster']:<10} A = {item['account']}" + (
            f" of {item['parent']}" if item["parent"] else ""
        )
    return association(item)


def removed(item: Outcome) -> str:
    text = f"  C = {item['cluster']:<10} A = {item['account']:<10} U = {item['user']:<9}"
    return text + (f" P = {item['partition']:<10}" if item["partition"] else "")


def _settings(items: list[list[str]], width: int) -> list[str]:
    return [f"  {name:<{width}} = {text}" for name, text in items]


def add_account(outcome: Outcome) -> Report:
    error = outcome.get("error")
    if error == "account_denied":
        return Report(err=[" error: Only admins/operators/coordinators can add accounts"])
    if error == "no_parent":
        return Report(err=[f" error: No parent account '{outcome['parent']}' on cluster '{outcome['cluster']}'"])
    if not outcome["changed"]:
        if not outcome["existing"]:
            return Report(out=[" Nothing new added."])
        return Report(
            out=[f" Already existing account {name} on cluster {cluster}" for cluster, name in outcome["existing"]]
        )
    out: list[str] = []
    if outcome["new"]:
        out += [" Adding Account(s)", *(f"  {name}" for name in outcome["new"]), " Settings"]
        out.append(f"  Description     = {outcome['description'] or 'Account Name'}")
        out.append(f"  Organization    = {outcome['organization'] or 'Parent/Account Name'}")
    out += [" Associations =", *map(association, outcome["associations"])]
    if outcome["any_set"]:
        out.append(" Settings")
        out += _settings(outcome["settings"], 13)
        if outcome["parent"]:
            out.append(f"  Parent        = {outcome['parent']}")
    return Report(out=out, done=True)


def add_user(outcome: Outcome) -> Report:
    error = outcome.get("error")
    if error == "no_account":
        return Report(err=[" Need name of account or wckey to add."])
    if error == "user_denied":
        return Report(err=[" error: Only admins/operators/coordinators can add users"])
    out = [f"No account {account} on cluster {cluster}, skipping." for account, cluster in outcome["skipped"]]
    if not outcome["changed"]:
        return Report(out=[*(out or ["Request didn't affect anything"]), NOT_ADDED])
    if outcome["new"]:
        out += [" Adding User(s)", *(f"  {name}" for name in outcome["new"]), " Settings"]
        if outcome["default_account"]:
            out.append(f"  Default Account = {outcome['default_account']}")
        if outcome["admin_level"]:
            out.append(f"  Admin Level     = {outcome['admin_level']}")
    out += [" Associations =", *map(association, outcome["associations"])]
    if outcome["settings"]:
        out += [" Non Default Settings", *_settings(outcome["settings"], 13)]
    return Report(out=out, done=True)


def add_coordinator(outcome: Outcome) -> Report:
    error = outcome.get("error")
    if error == "no_user":
        return Report(err=[" You need to specify a user list here."])
    if error == "no_account":
        return Report(err=[" You need to specify an account list here."])
    if error == "bad_account":
        return Report(out=[f" Can't find account {outcome['name']}"])
    if error == "bad_user":
        return Report(out=[f" Can't find user {outcome['name']}"])
    if not outcome["changed"]:
        return Report(out=[" Nothing new added."])
    return Report(
        out=[
            " Adding Coordinator User(s)",
            *(f"  {name}" for name in outcome["users"]),
            " To Account(s) and all sub-accounts",
            *(f"  {name}" for name in outcome["accounts"]),
        ],
        done=True,
    )


def add_qos(outcome: Outcome) -> Report:
    if not outcome.get("new"):
        return Report(out=[" Nothing new added."])
    settings = outcome["settings"]
    description = next((text for name, text in settings if name == "Description"), "")
    out = [" Adding QOS(s)", *(f"  {name}" for name in outcome["new"]), " Settings"]
    out.append(f"  Description    = {description or outcome['new'][0]}")
    out += _settings([item for item in settings if item[0] != "Description"], 24)
    if outcome.get("error") == "denied":
        return Report(out=out, err=[" Problem adding QOS: Access/permission denied"])
    return Report(out=out, done=True)


def add_cluster(outcome: Outcome) -> Report:
    out = [f" This cluster {name} already exists.  Not adding." for name in outcome["existing"]]
    if not outcome["new"]:
        return Report(out=out)
    out += [" Adding Cluster(s)", *(f"  Name           = {name}" for name in outcome["new"])]
    if outcome["settings"]:
        out += [" Setting", "  Default Limits:", *_settings(outcome["settings"], 13)]
    return Report(out=out, done=True)


def add_resource(outcome: Outcome) -> Report:
    if outcome.get("error") == "denied":
        return Report(err=[" Problem adding resource: Access/permission denied"])
    if not outcome["changed"]:
        return Report(out=[" Nothing new added."])
    out = [" Adding Resource(s)"]
    for name in dict.fromkeys([*outcome["new"], *(name for name, _, _ in outcome["shared"])]):
        out.append(f"  {name}@{outcome['server']}")
        out += [f"   Cluster - {cluster}\t{share}" for owner, cluster, share in outcome["shared"] if owner == name]
    if outcome["new"]:
        out.append(" Settings")
        for title, text in (
            ("Name", outcome["new"][0]), ("Server", outcome["server"]),
            ("Description", outcome["description"] or outcome["new"][0]), ("Count", str(outcome["count"])),
            ("Type", "License"),
        ):  # fmt: skip
            out.append(f"  {title:<14} = {text}")
    return Report(out=out, done=True)


def modify_resource(outcome: Outcome) -> Report:
    if outcome.get("error") == "denied":
        return Report(err=DENIED)
    if not outcome["changed"]:
        return Report(out=["  Nothing modified"])
    return Report(out=[" Modified server resource ...", *(f"  {name}" for name in outcome["resources"])], done=True)


def delete_resource(outcome: Outcome) -> Report:
    if outcome.get("error") == "no_conditions":
        return Report(err=[" No conditions given to remove, not executing."])
    if outcome.get("error") == "denied":
        return Report(err=DENIED)
    if not outcome["changed"]:
        return Report(out=["  Nothing deleted"])
    out = [" Deleting resource(s)..."]
    for name, clusters in outcome["removed"]:
        out += [f"  {name}", *(f"  Cluster - {cluster}\t- {name}" for cluster in clusters)]
    return Report(out=out, done=True)


_SECTIONS = {
    "accounts": " Modified accounts...",
    "account_associations": " Modified account associations...",
    "users": " Modified users...",
    "user_associations": " Modified user associations...",
    "jobs": " Modified jobs...",
}


def _modify(outcome: Outcome) -> Report:
    error = outcome.get("error")
    if error == "denied":
        return Report(out=[_SECTIONS[key] for key in outcome.get("sections", ())], err=DENIED)
    if error == "no_parent":
        return Report(err=[f" Account {outcome['parent']} doesn't exist on cluster {outcome['cluster']}"])
    if error == "bad_parent":
        return Report(err=[f" Error with request: {outcome['parent']} is below {outcome['account']}"])
    if error == "one_name":
        return Report(err=[" Can only change the name of one user at a time"])
    if error == "not_associated":
        out = [_SECTIONS["users"]]
        out.append(
            f" Can't modify because these users aren't associated with new default account '{outcome['account']}'..."
        )
        return Report(out=[*out, *(f"  U = {user} C = {cluster}" for user, cluster in outcome["users"])])
    out = []
    for key, title in _SECTIONS.items():
        if key not in outcome:
            continue
        items = outcome[key]
        lines = [f"  {item}" if isinstance(item, str) else modified(item) for item in items]
        out += [title, *(lines or ["  Nothing modified"])]
    return Report(out=out, done=bool(outcome.get("changed")))


def modify_qos(outcome: Outcome) -> Report:
    if outcome.get("error") == "denied":
        return Report(out=[" Modified qos..."], err=DENIED)
    if not outcome["changed"]:
        return Report(out=["  Nothing modified"])
    return Report(out=[" Modified qos...", *(f"  {name}" for name in outcome["qos"])], done=True)


def modify_cluster(outcome: Outcome) -> Report:
    if outcome.get("error") == "denied":
        return Report(err=DENIED)
    if not outcome["changed"]:
        return Report(out=["  Nothing modified"])
    out = [" Setting", "  Default Limits:", *_settings(outcome["settings"], 13)]
    out.append(" Modified cluster defaults for associations...")
    out += [f"  C = {name:<10} A = root" for name in outcome["clusters"]]
    return Report(out=out, done=True)


def modify_job(outcome: Outcome) -> Report:
    out = [_SECTIONS["jobs"]]
    if outcome.get("error") == "denied":
        return Report(out=out, err=DENIED)
    if outcome.get("error") == "no_change":
        return Report(out=out, err=[" Error with request: Data has not changed since time specified"])
    return Report(out=[*out, *(f"  {job} submitted at {moment(when)}" for job, when in outcome["jobs"])], done=True)


def _delete(key: str, title: str, indent: str = " ") -> Callable[[Outcome], Report]:
    def report(outcome: Outcome) -> Report:
        error = outcome.get("error")
        if error == "no_conditions":
            return Report(err=[" No conditions given to remove, not executing."])
        if error == "denied":
            return Report(err=DENIED)
        if error == "default_account":
            return _default_account(outcome)
        if "user_associations" in outcome:
            lines = [removed(item) for item in outcome["user_associations"]]
            return Report(out=[" Deleting user associations...", *lines], done=True)
        if not outcome.get("changed"):
            return Report(out=[f"{indent}Nothing deleted"])
        return Report(out=[title, *(f"  {name}" for name in outcome[key])], done=True)

    return report


def _default_account(outcome: Outcome) -> Report:
    err = [" Error with request: You can not remove the default account of a user"]
    for item in outcome["associations"]:
        text = f"  C = {item['cluster']:<15} A = {item['account']:<10} U = {item['user']:<9}"
        err.append(text + (f" P = {item['partition']:<9}" if item["partition"] else ""))
    if outcome.get("of_user"):
        err.append(
            " You must change the default account of these users or remove the users completely from the affected "
            "clusters to allow these changes."
        )
    else:
        err.append(" Please either remove the accounts listed above from list and resubmit,")
        err.append(" or change these users' default accounts to remove the account(s).")
    return Report(err=[*err, " Changes Discarded"])


def delete_coordinator(outcome: Outcome) -> Report:
    if outcome.get("error") == "no_conditions":
        return Report(err=[" No conditions given to remove, not executing."])
    if outcome.get("error") == "denied":
        return Report(err=DENIED)
    out: list[str] = []
    if outcome["users"]:
        out += [" Removing Coordinators with user name", *(f"  {name}" for name in outcome["users"])]
    if outcome["accounts"]:
        out += [" From Account(s)", *(f"  {name}" for name in outcome["accounts"])]
    if not outcome["changed"]:
        return Report(out=[*out, " Nothing removed"])
    out.append(" Removed Coordinators (sub accounts not listed)...")
    out += [f"  U = {user:<9} A = {account:<10}" for user, account in outcome["removed"]]
    return Report(out=out, done=True)


REPORTS: dict[tuple[str, str], Callable[[Outcome], Report]] = {
    ("add", "account"): add_account,
    ("add", "user"): add_user,
    ("add", "coordinator"): add_coordinator,
    ("add", "qos"): add_qos,
    ("add", "cluster"): add_cluster,
    ("add", "resource"): add_resource,
    ("modify", "account"): _modify,
    ("modify", "user"): _modify,
    ("modify", "qos"): modify_qos,
    ("modify", "cluster"): modify_cluster,
    ("modify", "job"): modify_job,
    ("modify", "resource"): modify_resource,
    ("delete", "account"): _delete("accounts", " Deleting accounts..."),
    ("delete", "user"): _delete("users", " Deleting users..."),
    ("delete", "coordinator"): delete_coordinator,
    ("delete", "qos"): _delete("qos", " Deleting QOS(s)...", "  "),
    ("delete", "resource"): delete_resource,
    ("delete", "cluster"): _delete("clusters", " Deleting clusters..."),
}
