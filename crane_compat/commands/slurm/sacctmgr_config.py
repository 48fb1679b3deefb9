"""``sacctmgr show configuration`` and ``show stats``: what the accounting daemon is and has done."""

from __future__ import annotations

import pwd
import time
from collections.abc import Iterator
from typing import Any

from crane_compat import paths

from .quantities import moment

#: (name printed, width of its column, key of slurm.conf, unit); the order and widths are sacctmgr's
_CLIENT: tuple[tuple[str, int, str, str], ...] = (
    ("AccountingStorageBackupHost", 28, "AccountingStorageBackupHost", ""),
    ("AccountingStorageHost", 22, "AccountingStorageHost", ""),
    ("AccountingStorageParameters", 27, "AccountingStorageParameters", ""),
    ("AccountingStoragePass", 22, "AccountingStoragePass", ""),
    ("AccountingStoragePort", 22, "AccountingStoragePort", ""),
    ("AccountingStorageType", 22, "AccountingStorageType", ""),
    ("AuthType", 22, "AuthType", ""),
    ("MessageTimeout", 22, "MessageTimeout", " sec"),
    ("PluginDir", 22, "PluginDir", ""),
    ("PrivateData", 22, "PrivateData", ""),
    ("SlurmUserId", 22, "SlurmUser", ""),
    ("SLURM_CONF", 22, "", ""),
    ("SLURM_VERSION", 22, "", ""),
    ("TCPTimeout", 22, "TCPTimeout", " sec"),
    ("TrackWCKey", 22, "TrackWCKey", ""),
)


def _client() -> Iterator[str]:
    from crane_compat.parsers import slurm_conf

    path = paths.conf_path()
    conf = slurm_conf.load(path, strict=False)
    fixed = {"SLURM_CONF": path, "SLURM_VERSION": "25.11.7", "SlurmUserId": _user(str(conf.get("SlurmUser") or "root"))}
    for name, width, key, unit in _CLIENT:
        value = fixed.get(name)
        if value is None:
            value = _text(conf.get(key), name) + unit
        yield f"{name:<{width}} = {value}"


def _text(value: Any, name: str) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if value in (None, "", ()):
        return "none" if name == "PrivateData" else "(null)"
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _user(name: str) -> str:
    try:
        return f"{name}({pwd.getpwnam(name).pw_uid})"
    except KeyError:
        return name


def lines(reply: dict[str, Any]) -> Iterator[str]:
    """The client's view of slurm.conf, then slurmdbd.conf as the daemon has it."""
    yield f"Configuration data as of {moment(int(time.time()))}"
    yield from _client()
    yield ""
    yield "SlurmDBD configuration:"
    for key, value in reply["daemon"]:
        yield f"{key:<22} = {value}"


def _stamp(value: int) -> str:
    return f"{time.ctime(value)} ({value})"


def statistics(reply: dict[str, Any]) -> Iterator[str]:
    """Calls by operation and by user, times in microseconds."""
    rule = "*" * 67
    yield rule
    yield f"sacctmgr show stats output at {_stamp(int(time.time()))}"
    yield f"Data since                    {_stamp(reply['since'])}"
    yield "All statistics are in microseconds"
    yield rule
    for title, table in (("by message type", reply["calls"]), ("by user", reply["users"])):
        yield ""
        yield f"Remote Procedure Call statistics {title}"
        for name, count, total in sorted(table, key=lambda row: -row[1]):
            average = total // count if count else 0
            yield f"\t{name:<24} count:{count:<6} ave_time:{average:<6} total_time:{total}"
