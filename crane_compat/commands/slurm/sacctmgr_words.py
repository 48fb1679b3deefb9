"""sacctmgr's grammar as data: commands, entities, and what may follow ``where`` and ``set``."""

from __future__ import annotations

from dataclasses import dataclass, field

from crane_compat.accounting import limits

#: word → (command, letters that must be given)
COMMANDS: dict[str, tuple[str, int]] = {
    "add": ("add", 3), "create": ("add", 1), "archive": ("archive", 2), "delete": ("delete", 3),
    "remove": ("delete", 3), "dump": ("dump", 3), "exit": ("quit", 1), "quit": ("quit", 4), "help": ("help", 2),
    "list": ("show", 3), "show": ("show", 3), "load": ("load", 2), "modify": ("modify", 1), "update": ("modify", 1),
    "ping": ("ping", 4), "version": ("version", 4), "reconfigure": ("reconfigure", 1), "clear": ("clear", 1),
}  # fmt: skip

#: entity word → (entity, letters that must be given)
ENTITIES: dict[str, tuple[str, int]] = {
    "accounts": ("account", 2), "associations": ("association", 2), "clusters": ("cluster", 2),
    "configuration": ("configuration", 2), "coordinators": ("coordinator", 2), "events": ("event", 1),
    "federations": ("federation", 1), "instances": ("instance", 1), "jobs": ("job", 1), "problems": ("problem", 1),
    "qos": ("qos", 1), "resources": ("resource", 4), "reservations": ("reservation", 4), "runawayjobs": ("runaway", 2),
    "stats": ("stats", 1), "transactions": ("transaction", 1), "txn": ("transaction", 1), "tres": ("tres", 2),
    "users": ("user", 1), "wckeys": ("wckey", 1),
}  # fmt: skip

#: what each command says when its entity is none
VALID: dict[str, str] = {
    "show": (
        'No valid entity in list command\nInput line must include "Account", "Association", "Cluster", '
        '"Configuration",\n"Event", "Federation", "Problem", "QOS", "Resource", "Reservation",\n'
        '"RunAwayJobs", "Stats", "Transaction", "TRES", "User", or "WCKey"'
    ),
    "add": (
        'No valid entity in add command\nInput line must include "Account", "Cluster", "Coordinator", "Federation", '
        '"QOS", "Resource", or "User"'
    ),
    "modify": (
        'No valid entity in modify command\nInput line must include "Account", "Cluster", "Federation", "Job", "QOS", '
        '"Resource" or "User"'
    ),
    "delete": (
        'No valid entity in delete command\nInput line must include "Account", "Cluster", "Coordinator", '
        '"Federation", "QOS", "Resource", or "User"'
    ),
}

#: entities each command takes
ALLOWED: dict[str, frozenset[str]] = {
    "add": frozenset({"account", "cluster", "coordinator", "qos", "resource", "user"}),
    "modify": frozenset({"account", "cluster", "job", "qos", "resource", "user"}),
    "delete": frozenset({"account", "cluster", "coordinator", "qos", "resource", "user"}),
}


@dataclass(frozen=True, slots=True)
class Grammar:
    """What may be said of one entity: word → (canonical name, letters that must be given)."""

    where: dict[str, tuple[str, int]] = field(default_factory=dict)
    set: dict[str, tuple[str, int]] = field(default_factory=dict)
    settings: tuple[limits.Setting, ...] = ()


_NAMES = {"names": ("names", 1)}
_CLUSTERS = {"clusters": ("clusters", 1)}
_ACCOUNT_SET = {"description": ("description", 1), "organization": ("organization", 1), "parent": ("parent", 1)}
_USER_SET = {
    "adminlevel": ("adminlevel", 2), "defaultaccount": ("defaultaccount", 8), "newname": ("newname", 1),
}  # fmt: skip
_ASSOC_WHERE = {
    "users": ("users", 1), "accounts": ("accounts", 2), "accts": ("accounts", 4), "partitions": ("partitions", 3),
    "parent": ("parent", 4), "id": ("id", 1), "ids": ("id", 1), "qos": ("qos", 1), "qoslevel": ("qos", 1),
}  # fmt: skip

GRAMMARS: dict[str, Grammar] = {
    "account": Grammar(
        {
            **_NAMES, "accounts": ("names", 1), "accts": ("names", 4), **_CLUSTERS, "description": ("description", 1),
            "organization": ("organization", 1), "parent": ("parent", 1), "users": ("users", 1),
        },
        _ACCOUNT_SET,
        limits.ASSOCIATION,
    ),
    "user": Grammar(
        {
            **_NAMES, "users": ("names", 1), "accounts": ("accounts", 2), "accts": ("accounts", 4), **_CLUSTERS,
            "partitions": ("partitions", 3), "adminlevel": ("adminlevel", 2), "defaultaccount": ("defaultaccount", 8),
            "wckeys": ("wckeys", 1),
        },
        _USER_SET,
        limits.ASSOCIATION,
    ),
    "association": Grammar({**_ASSOC_WHERE, **_CLUSTERS}),
    "qos": Grammar({**_NAMES, "qoslevel": ("names", 1), "id": ("id", 1), "ids": ("id", 1)}, {}, limits.QOS),
    "cluster": Grammar(
        {**_NAMES, **_CLUSTERS | {"clusters": ("names", 1)}, "classification": ("classification", 3)},
        {"classification": ("classification", 3), "features": ("features", 3), "federation": ("federation", 3)},
        limits.ASSOCIATION,
    ),
    "coordinator": Grammar({**_NAMES, "users": ("names", 1), "accounts": ("accounts", 1), "accts": ("accounts", 4)}),
    "job": Grammar(
        {**_NAMES, "jobid": ("names", 1), **_CLUSTERS},
        {
            "derivedexitcode": ("derivedexitcode", 12), "derivedes": ("comment", 12), "comment": ("comment", 7),
            "admincomment": ("admincomment", 2), "systemcomment": ("systemcomment", 2), "extra": ("extra", 2),
            "wckey": ("wckey", 1),
        },
    ),
    "event": Grammar(
        {
            **_CLUSTERS, "end": ("end", 1), "event": ("event", 2), "nodes": ("nodes", 1), "reason": ("reason", 1),
            "start": ("start", 4), "states": ("states", 4), "users": ("users", 1),
        }
    ),
    "tres": Grammar({**_NAMES, "type": ("type", 1), "id": ("id", 1)}),
    "transaction": Grammar(
        {
            **_CLUSTERS, "actor": ("actor", 2), "accounts": ("accounts", 3), "id": ("id", 1), "start": ("start", 1),
            "end": ("end", 1), "users": ("users", 1), "action": ("action", 4),
        }
    ),
    "reservation": Grammar({**_NAMES, **_CLUSTERS, "start": ("start", 1), "end": ("end", 1), "id": ("id", 1)}),
    "resource": Grammar(
        {**_NAMES, "server": ("server", 3), **_CLUSTERS, "id": ("id", 1)},
        {
            "allowed": ("allowed", 2), "percentallowed": ("allowed", 1), "count": ("count", 3),
            "description": ("description", 1), "lastconsumed": ("lastconsumed", 1), "servertype": ("manager", 7),
            "type": ("type", 1), "flags": ("flags", 1),
        },
    ),
    "wckey": Grammar({**_NAMES, **_CLUSTERS, "users": ("users", 1), "id": ("id", 1)}),
    "federation": Grammar({**_NAMES}),
    "problem": Grammar({**_CLUSTERS}),
    "runaway": Grammar({**_CLUSTERS}),
}  # fmt: skip
GRAMMARS["instance"] = GRAMMARS["event"]

#: words without "=" that a listing takes
FLAGS: dict[str, tuple[str, int]] = {
    "withassoc": ("withassoc", 5), "withcoordinators": ("withcoord", 5), "withdeleted": ("withdeleted", 5),
    "withclusters": ("withclusters", 5), "withrawqoslevel": ("withrawqos", 5), "withsubaccounts": ("withsub", 5),
    "wopinfo": ("wopi", 4), "woplimits": ("wopl", 4), "tree": ("tree", 4), "onlydefaults": ("onlydefaults", 4),
}  # fmt: skip


def match(table: dict[str, tuple[str, int]], word: str) -> str | None:
    """The canonical name of `word`: a beginning of a name, long enough."""
    word = word.lower()
    if word in table:
        return table[word][0]
    for name, (canonical, least) in table.items():
        if len(word) >= least and name.startswith(word):
            return canonical
    return None
