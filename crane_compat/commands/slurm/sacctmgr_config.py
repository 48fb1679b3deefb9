"""``sacctmgr show configuration`` and ``show stats``: what the accounting daemon is and has done."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from .quantities import moment


def lines(reply: dict[str, Any]) -> Iterator[str]:
    """The client's view of slurm.conf, then slurmdbd.conf as the daemon has it."""
    yield f"Configuration data as of {moment(int(time.time()))}"
    for key, value in reply["client"]:
        yield f"{key:<22} = {value}"
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
