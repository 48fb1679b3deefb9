"""Small pieces of text that several views share: absent values, sizes, moments, array tasks, file names."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Mapping

from crane_compat.parsers.arrays import parse_array
from crane_compat.wire import INFINITE

#: How an absent text is shown by squeue and scontrol.
NULL = "(null)"

#: What Slurm's 32-bit "no value" looks like where it leaks into file names (pending array tasks).
NO_VAL = 0xFFFFFFFE

_UNITS = "MGTPEZ"


def or_null(text: str) -> str:
    return text or NULL


def size(mebibytes: int, *, convert: bool = True) -> str:
    """``100M``, ``1G``, ``1.50G``; 0 has no unit.  Without `convert` always in M."""
    if not mebibytes:
        return "0"
    value, unit = float(mebibytes), 0
    while convert and value >= 1024 and value % 1024 == 0 and unit < len(_UNITS) - 1:
        value /= 1024
        unit += 1
    return f"{int(value)}{_UNITS[unit]}"


def moment(value: float, unknown: str = "Unknown") -> str:
    """A time in the local zone, as $SLURM_TIME_FORMAT asks ("standard", "relative" or a strftime format)."""
    second = int(value)
    if second in (0, INFINITE, NO_VAL):
        return unknown
    form = os.environ.get("SLURM_TIME_FORMAT") or "standard"
    if form == "relative":
        return _relative(second)
    if form == "standard":
        form = "%Y-%m-%dT%H:%M:%S"
    return time.strftime(form, time.localtime(second))


def _relative(second: int) -> str:
    """The nearer, the shorter (squeue(1), SLURM_TIME_FORMAT)."""
    then, now = time.localtime(second), time.localtime()
    if then.tm_year != now.tm_year:
        return time.strftime("%-d %b %Y", then)
    days = then.tm_yday - now.tm_yday
    forms = {0: "%H:%M:%S", -1: "Ystday %H:%M", 1: "Tomorr %H:%M"}
    if days in forms:
        return time.strftime(forms[days], then)
    return time.strftime("%a %H:%M" if -7 < days < 7 else "%-d %b %H:%M", then)


def clock(now: float) -> str:
    """``Sun Nov 22 14:41:26 2026``: the first line of long reports."""
    return time.strftime("%a %b %d %H:%M:%S %Y", time.localtime(now))


def exit_code(status: int) -> str:
    """A wait(2) status as ``code:signal``."""
    return f"{status >> 8 & 0xFF}:{status & 0x7F}"


def array_tasks(tasks: str, throttle: int) -> str:
    """The waiting tasks of an array, ``5,7,9%2``; as long as $SLURM_BITSTR_LEN allows (64; 0 = whole)."""
    if ":" in tasks:  # strides are written out
        tasks = task_ranges(parse_array(tasks))
    limit = bitstr_length()
    if limit > 0:
        room = limit - 1
        if len(tasks) > room:  # whole ranges that fit
            tasks = tasks[: tasks.rfind(",", 0, room + 1)] if "," in tasks[: room + 1] else tasks[:room]
        if len(tasks) > limit - 3:
            tasks = tasks[: limit - 4] + "..."
    return f"{tasks}%{throttle}" if throttle else tasks


def task_ranges(tasks: Iterable[int]) -> str:
    """``0-1,5,7-20``: numbers as ranges."""
    parts: list[str] = []
    first = last = -2
    for task in [*sorted(tasks), -2]:
        if task == last + 1:
            last = task
            continue
        if first >= 0:
            parts.append(str(first) if first == last else f"{first}-{last}")
        first = last = task
    return ",".join(parts)


def bitstr_length() -> int:
    """$SLURM_BITSTR_LEN, at most 4096; 64 where it is not set or no number."""
    try:
        value = int(os.environ.get("SLURM_BITSTR_LEN", "64"))
    except ValueError:
        value = 0
    return 64 if value < 0 else min(value, 4096)


_PATTERN = re.compile(r"%(\d*)([%AabjJNnsStuUx])|\\")


def expand_pattern(path: str, values: Mapping[str, str]) -> str:
    r"""A file name with its ``%j`` … replaced (sbatch(1), filename pattern); a backslash switches replacing off."""
    if "\\" in path:
        return path.replace("\\", "")

    def one(match: re.Match[str]) -> str:
        width, letter = match.groups()
        if letter == "%":
            return "%"
        text = values.get(letter)
        if text is None:
            return match[0]
        return text.zfill(min(int(width), 10)) if width and text.isdigit() else text

    return _PATTERN.sub(one, path)


def natural_key(text: str) -> list[tuple[int, int, str]]:
    """Sort key under which n2 comes before n10."""
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.split(r"(\d+)", text) if part]
