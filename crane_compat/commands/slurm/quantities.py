"""Numbers, times and TRES texts as Slurm's accounting commands print them."""

from __future__ import annotations

import os
import time

NO_VAL = 0xFFFFFFFE
INFINITE = 0xFFFFFFFF
NO_VAL64 = 0xFFFFFFFFFFFFFFFE
INFINITE64 = 0xFFFFFFFFFFFFFFFF

UNITS = "\0KMGTPEZ"


def with_unit(number: float, unit: int, *, spec: int | None = None, exact: bool = True, base: int = 1024) -> str:
    """`number` of ``UNITS[unit]`` with its unit letter.

    `spec`: the unit to show it in.  `exact`: go to a larger unit only where nothing is lost.
    """
    if number == 0:
        return "0"
    if spec is not None:
        number = number * float(base) ** (unit - spec)
        unit = spec
    elif exact:
        while number > base and number == int(number) and int(number) % base == 0 and unit < len(UNITS) - 1:
            number /= base
            unit += 1
    else:
        while number > base and unit < len(UNITS) - 1:
            number /= base
            unit += 1
    letter = UNITS[unit].strip("\0")
    if number == int(number):
        return f"{int(number)}{letter}"
    return f"{number:.2f}{letter}"


def seconds(value: int) -> str:
    """``[D-]HH:MM:SS``; a negative duration is INVALID."""
    if value < 0:
        return "INVALID"
    minutes, second = divmod(value, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return (f"{days}-" if days else "") + f"{hour:02d}:{minute:02d}:{second:02d}"


def minutes(value: int) -> str:
    """A time limit in minutes."""
    if value == INFINITE:
        return "UNLIMITED"
    return seconds(value * 60)


def cpu_time(second: int, micro: int) -> str:
    """CPU time: milliseconds are shown only below an hour."""
    second += micro // 1_000_000
    milli = micro % 1_000_000 // 1000
    if second < 3600 and milli:
        return f"{second // 60:02d}:{second % 60:02d}.{milli:03d}"
    return seconds(second)


def moment(value: int, unknown: str = "Unknown") -> str:
    """A time in the local zone, as SLURM_TIME_FORMAT asks."""
    if value in (0, INFINITE, NO_VAL):
        return unknown
    form = os.environ.get("SLURM_TIME_FORMAT") or "standard"
    if form == "standard":
        form = "%Y-%m-%dT%H:%M:%S"
    elif form == "relative":
        return relative(value)
    return time.strftime(form, time.localtime(value))


def relative(value: int) -> str:
    """``SLURM_TIME_FORMAT=relative``: the nearer, the shorter."""
    then, now = time.localtime(value), time.localtime()
    days = (then.tm_year - now.tm_year) * 365 + then.tm_yday - now.tm_yday
    if then.tm_year != now.tm_year:
        return time.strftime("%-d %b %Y", then)
    if days == 0:
        return time.strftime("%H:%M:%S", then)
    if days == -1:
        return time.strftime("Ystday %H:%M", then)
    if days == 1:
        return time.strftime("Tomorr %H:%M", then)
    if -7 < days < 7:
        return time.strftime("%a %H:%M", then)
    return time.strftime("%-d %b %H:%M", then)


def parse_tres(text: str | None) -> dict[int, int]:
    """``1=4,2=1024`` → {1: 4, 2: 1024}."""
    if not text:
        return {}
    return {int(k): int(v) for k, _, v in (part.partition("=") for part in text.split(",") if part) if v}


def sluid_text(value: int) -> str:
    """A 64-bit job identity as ``s`` and 13 base-32 digits (without I, L, O, U)."""
    digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    return "s" + "".join(digits[value >> shift & 31] for shift in range(60, -1, -5))
