"""Durations as Slurm writes and reads them.

Input (sbatch(1), --time): minutes, minutes:seconds, hours:minutes:seconds,
days-hours, days-hours:minutes, days-hours:minutes:seconds, UNLIMITED.
"""

from __future__ import annotations

import re

#: "no limit" in minutes
INFINITE = 0xFFFFFFFF

_DAYS = re.compile(r"(\d{1,10})-(\d{1,10})(?::(\d{1,10}))?(?::(\d{1,10}))?$", re.ASCII)
_PLAIN = re.compile(r"(\d{1,10})(?::(\d{1,10}))?(?::(\d{1,10}))?$", re.ASCII)


def parse_seconds(text: str) -> int:
    """Seconds; INFINITE for an unlimited time.  Raises ValueError."""
    word = text.strip()
    if word.upper() in ("UNLIMITED", "INFINITE", "-1"):
        return INFINITE
    if match := _DAYS.match(word):
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return days * 86400 + hours * 3600 + minutes * 60 + seconds
    if match := _PLAIN.match(word):
        first, second, third = match.groups()
        if third is not None:
            return int(first) * 3600 + int(second) * 60 + int(third)
        return int(first) * 60 + int(second or 0)
    raise ValueError(f"not a time: {text!r}")


def parse_minutes(text: str) -> int:
    """Minutes, seconds rounded up; INFINITE for an unlimited time.  Raises ValueError."""
    seconds = parse_seconds(text)
    return INFINITE if seconds == INFINITE else -(-seconds // 60)


def format_hms(seconds: float) -> str:
    """``00:00:05``, ``1-02:03:04``: scontrol's and sacct's form."""
    total = max(0, int(seconds))
    days, rest = divmod(total, 86400)
    text = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{days}-{text}" if days else text


def format_elapsed(seconds: float) -> str:
    """``0:05``, ``1:02:03``, ``1-02:03:04``: squeue's form."""
    total = max(0, int(seconds))
    days, rest = divmod(total, 86400)
    hours, minutes, secs = rest // 3600, rest // 60 % 60, rest % 60
    if days:
        return f"{days}-{hours:02d}:{minutes:02d}:{secs:02d}"
    if hours:
        return f"{hours}:{minutes:02d}:{secs:02d}"
    return f"{minutes}:{secs:02d}"


def format_minutes(minutes: int) -> str:
    """A limit as squeue and sinfo show it: ``30:00``, ``1-00:00:00``, ``infinite``."""
    return "infinite" if minutes == INFINITE else format_elapsed(minutes * 60)


def format_limit(minutes: int) -> str:
    """A limit as scontrol shows it: ``00:05:00``, ``UNLIMITED``."""
    return "UNLIMITED" if minutes == INFINITE else format_hms(minutes * 60)
