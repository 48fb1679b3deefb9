"""``sacctmgr dump``: a cluster's accounts, users and QOS as a file that can be edited and loaded.

Source: sacctmgr(1), FLAT FILE DUMP AND LOAD.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crane_compat.accounting import limits

from .daemon_call import ask, complain

Row = dict[str, Any]

HEADER = """\
# To edit this file start with a cluster line for the new cluster
# Cluster - 'cluster_name':MaxTRESPerJob=node=50
# Followed by Accounts you want in this fashion (root is created by default)...
# Parent - 'root'
# Account - 'cs':MaxTRESPerJob=node=5:MaxJobs=4:MaxTRESMinsPerJob=cpu=20:FairShare=399:MaxWallDurationPerJob=40:\
Description='Computer Science':Organization='LC'
# Any of the options after a ':' can be left out and they can be in any order.
# If you want to add any sub accounts just list the Parent THAT HAS ALREADY
# BEEN CREATED before the account line in this fashion...
# Parent - 'cs'
# Account - 'test':MaxTRESPerJob=node=1:MaxJobs=1:MaxTRESMinsPerJob=cpu=1:FairShare=1:MaxWallDurationPerJob=1:\
Description='Test Account':Organization='Test'
# To add users to a account add a line like this after a Parent - 'line'
# User - 'lipari':MaxTRESPerJob=node=2:MaxJobs=3:MaxTRESMinsPerJob=cpu=4:FairShare=1:MaxWallDurationPerJob=1
"""

#: names in the file that differ from the ones on the command line
_QOS_NAMES = {
    "MaxJobsPerUser": "MaxJobsPU", "MaxSubmitJobsPerUser": "MaxSubmitJobsPU", "MaxJobsPerAccount": "MaxJobsPA",
    "MaxSubmitJobsPerAccount": "MaxSubmitJobsPA", "MaxWall": "MaxWallDurationPerJob",
}  # fmt: skip
_QUOTED = frozenset({"text", "qos_flags", "qos", "qos_list", "preempt", "preempt_mode"})


class _Names:
    def __init__(self, reply: Row) -> None:
        self.tres = {int(n): name for n, name in reply["tres"].items()}
        self.qos = {int(n): name for n, name in reply["qos"].items()}


def _settings(row: Row, table: tuple[limits.Setting, ...], names: _Names, skip: frozenset[str]) -> str:
    parts = []
    for setting in table:
        value = row.get(setting.column)
        if setting.hidden or setting.column in skip or value in (None, "", 0) or value == 0.0:
            continue
        if setting.kind == "float" and value == 1.0:
            continue
        text = (
            str(value) if setting.kind in ("minutes", "seconds") else limits.show(setting, value, names.tres, names.qos)
        )
        name = _QOS_NAMES.get(setting.names[0], setting.names[0]) if table is limits.QOS else setting.names[0]
        parts.append(f":{name}='{text}'" if setting.kind in _QUOTED else f":{name}={text}")
    return "".join(parts)


def _show(entity: str, where: Row, flags: list[str]) -> Row:
    reply: Row = ask("sacctmgr", "show", {"entity": entity, "where": where, "flags": flags})
    return reply


def _qos_lines() -> Iterator[str]:
    reply = _show("qos", {}, [])
    names = _Names(reply)
    for row in reply["rows"]:
        yield f"QOS - '{row['name']}'" + _settings(row, limits.QOS, names, frozenset())


def _lines(cluster: str) -> Iterator[str]:
    """The tree from the root down: an account's users, then the accounts below it."""
    reply = _show("association", {"clusters": [cluster]}, ["wopi"])
    names = _Names(reply)
    accounts = {row["name"]: row for row in _show("account", {}, [])["rows"]}
    users = {row["name"]: row for row in _show("user", {}, [])["rows"]}
    children: dict[str, list[Row]] = {}
    for row in reply["rows"]:
        children.setdefault(row["acct"] if row["user"] else row["parent_acct"], []).append(row)
    root = next(row for row in reply["rows"] if not row["user"] and row["acct"] == "root")
    yield f"Cluster - '{cluster}'" + _settings(root, limits.ASSOCIATION, names, frozenset())
    todo = ["root"]
    while todo:
        parent = todo.pop(0)
        below = children.get(parent, [])
        if not below:
            continue
        yield f"Parent - '{parent}'"
        for row in sorted(below, key=lambda r: not r["user"]):
            rest = _settings(row, limits.ASSOCIATION, names, frozenset())
            if row["user"]:
                yield _user(row, users.get(row["user"], {})) + rest
            else:
                known = accounts.get(row["acct"], {})
                about = f":Description='{known.get('description', '')}':Organization='{known.get('organization', '')}'"
                yield f"Account - '{row['acct']}'{about}{rest}"
        todo = [row["acct"] for row in below if not row["user"]] + todo


def _user(row: Row, known: Row) -> str:
    text = f"User - '{row['user']}'"
    if row["partition"]:
        text += f":Partition='{row['partition']}'"
    if known.get("default_account"):
        text += f":DefaultAccount='{known['default_account']}'"
    if known.get("admin_level", 1) > 1:
        text += f":AdminLevel='{known['admin']}'"
    if known.get("coordinates"):
        text += f":Coordinator='{','.join(known['coordinates'])}'"
    return text


def dump(words: list[str]) -> int:
    """Write the file, telling each line on stderr; the exit status."""
    cluster, path = "", ""
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key.lower().startswith("cluster"):
            cluster = (value or key).lower()
        elif key.lower().startswith("file"):
            path = value
    if not cluster:
        complain([" We need a cluster to dump."])
        return 1
    if cluster not in {row["name"] for row in _show("cluster", {}, [])["rows"]}:
        complain([f" Cluster {cluster} doesn't exist."])
        return 1
    if not path:
        path = f"./{cluster}.cfg"
        print(f" No filename given, using {path}.")
    qos, tree = list(_qos_lines()), list(_lines(cluster))
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(HEADER + "\n".join([*qos, *tree]) + "\n")
    except OSError as exc:
        complain([f"sacctmgr: error: Can't open file {path}: {exc.strerror}"])
        return 1
    complain(["sacctmgr: " + "\n".join([*qos, tree[0]]), *(f"sacctmgr: {line}" for line in tree[1:])])
    return 0
