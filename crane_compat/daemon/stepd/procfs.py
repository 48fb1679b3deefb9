"""What /proc tells about processes: parents, sessions, resources.

Source: proc(5).  A process may vanish between two reads; then it is simply not
in the answer.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024
TICK = os.sysconf("SC_CLK_TCK")


class Process(NamedTuple):
    """One process; times in seconds, sizes in KiB, `start` in clock ticks since boot."""

    pid: int
    state: str
    parent: int
    group: int
    session: int
    user: float
    system: float
    major_faults: int
    start: int
    virtual: int
    resident: int


def read(pid: int) -> Process | None:
    """The process, or None where it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            text = file.read(2048)
    except OSError:
        return None
    # The command's name stands in parentheses and may hold anything, also ") ".
    fields = text[text.rfind(b")") + 2 :].split()
    if len(fields) < 22:
        return None
    return Process(
        pid,
        fields[0].decode(),
        int(fields[1]),
        int(fields[2]),
        int(fields[3]),
        int(fields[11]) / TICK,
        int(fields[12]) / TICK,
        int(fields[9]),
        int(fields[19]),
        int(fields[20]) // 1024,
        int(fields[21]) * PAGE_KIB,
    )


def everything() -> dict[int, Process]:
    """All processes of the machine by pid."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (process := read(int(name))):
            found[process.pid] = process
    return found


def descendants(roots: Iterable[int], table: dict[int, Process]) -> list[int]:
    """The pids below `roots` (without them), parents before children."""
    children: dict[int, list[int]] = {}
    for process in table.values():
        children.setdefault(process.parent, []).append(process.pid)
    found: list[int] = []
    todo = list(roots)
    while todo:
        for child in children.get(todo.pop(), ()):
            found.append(child)
            todo.append(child)
    return found


def uid_of(pid: int) -> int | None:
    """The real user id of a process."""
    try:
        with open(f"/proc/{pid}/status", "rb", buffering=0) as file:
            for line in file.read(4096).split(b"\n"):
                if line.startswith(b"Uid:"):
                    return int(line.split()[1])
    except OSError:
        pass
    return None


def environment(pid: int) -> dict[bytes, bytes]:
    """The environment a process was started with; empty where it cannot be read."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            data = file.read()
    except OSError:
        return {}
    return {key: value for key, equals, value in (item.partition(b"=") for item in data.split(b"\0")) if equals}


def disk_io(pid: int) -> tuple[int, int]:
    """Bytes read and written by a process through read(2)/write(2) and the like."""
    try:
        with open(f"/proc/{pid}/io", "rb", buffering=0) as file:
            fields = dict(line.split(b": ", 1) for line in file.read(1024).splitlines() if b": " in line)
        return int(fields[b"rchar"]), int(fields[b"wchar"])
    except (OSError, KeyError, ValueError):
        return 0, 0
