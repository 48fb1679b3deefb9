"""Points in time as users write them: ``now+1hour``, ``teatime``, ``16:30``, ``2027-01-20T12:34`` (sbatch(1), --begin).

Local time of the caller's TZ; a time of day that has passed means tomorrow.
"""

from __future__ import annotations

import re
import time

_DAY = 86400
_NAMED = {"midnight": (0, 0), "noon": (12, 0), "elevenses": (11, 0), "fika": (15, 0), "teatime": (16, 0)}
_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": _DAY, "week": 7 * _DAY}
_RELATIVE = re.compile(r"now(?:\s*([+-])\s*(\d{1,9})\s*([a-z]*))?$", re.IGNORECASE | re.ASCII)
_EPOCH = re.compile(r"uts(\d{1,10})", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?\s*(am|pm)?$", re.IGNORECASE)
_DATES = (
    re.compile(r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})$", re.ASCII),
    re.compile(r"(?P<m>\d{1,2})[/.](?P<d>\d{1,2})(?:[/.](?P<y>\d{2,4}))?$", re.ASCII),
    re.compile(r"(?P<m>\d{2})(?P<d>\d{2})(?P<y>\d{2})$", re.ASCII),
)
#: what stands between a date and a time of day
_JOINT = re.compile(r"\s+|(?<=\d)T(?=\d)|(?<=\d)-(?=\d{1,2}:)")


class TimeSpecError(ValueError):
    """No point in time; `position` (from 0) is where reading stopped."""

    def __init__(self, text: str, position: int) -> None:
        self.text, self.position = text, position
        super().__init__(f"Invalid time specification (pos={position}): {text}")


def parse_time(text: str, now: float) -> float:
    """Seconds since the epoch.  Raises TimeSpecError."""
    word = text.strip()
    lower = word.lower()
    if lower.startswith("now"):
        return _relative(text, lower, now)
    if match := _EPOCH.fullmatch(lower):
        return float(match[1])
    today = time.localtime(now)
    day: tuple[int, int, int] | None = None
    clock: tuple[int, int, int] | None = None
    position = text.find(word)
    for part in _JOINT.split(word):
        position = text.find(part, position)
        name = part.lower()
        if name in _NAMED:
            clock = (*_NAMED[name], 0)
        elif name in ("today", "tomorrow"):
            day = _day(now, 1 if name == "tomorrow" else 0)
        elif _CLOCK.match(part):
            clock = _clock(part, text, position)
        else:
            day = _date(part, today.tm_year, text, position)
        position += len(part)
    if day is not None:
        return _moment(day, clock or (0, 0, 0), text)
    if clock is None:
        raise TimeSpecError(text, 0)
    when = _moment(_day(now, 0), clock, text)
    return when if when >= now else _moment(_day(now, 1), clock, text)


def _day(now: float, later: int) -> tuple[int, int, int]:
    """Today, or so many days later: the date, whatever the length of the days between."""
    date = time.localtime(now)
    moved = time.localtime(time.mktime((date.tm_year, date.tm_mon, date.tm_mday + later, 12, 0, 0, 0, 0, -1)))
    return moved.tm_year, moved.tm_mon, moved.tm_mday


def _relative(text: str, lower: str, now: float) -> float:
    match = _RELATIVE.match(lower)
    if match is None:
        raise TimeSpecError(text, 3)
    if match[1] is None:
        return now
    unit = match[3].rstrip("s") if match[3] not in ("", "s") else "second"
    known = [name for name in _UNITS if unit and name.startswith(unit)]
    if not known:
        raise TimeSpecError(text, match.start(3))
    delta = int(match[2]) * _UNITS[known[0]]
    return now + (delta if match[1] == "+" else -delta)


def _clock(part: str, text: str, position: int) -> tuple[int, int, int]:
    match = _CLOCK.match(part)
    assert match is not None
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    if match[4]:
        hour = hour % 12 + (12 if match[4].lower() == "pm" else 0)
    if hour > 23 or minute > 59 or second > 59:
        raise TimeSpecError(text, position)
    return hour, minute, second


def _date(part: str, year: int, text: str, position: int) -> tuple[int, int, int]:
    for form in _DATES:
        if match := form.match(part):
            found, month, day = int(match["y"] or year), int(match["m"]), int(match["d"])
            if not 1 <= month <= 12:
                raise TimeSpecError(text, position + match.start("m"))
            if not 1 <= day <= 31:
                raise TimeSpecError(text, position + match.start("d"))
            return (found + 2000 if found < 100 else found, month, day)
    digits = re.match(r"\d{0,2}", part, re.ASCII)
    raise TimeSpecError(text, position + (digits.end() if digits else 0))


def _moment(day: tuple[int, int, int], clock: tuple[int, int, int], text: str) -> float:
    try:
        return time.mktime((*day, *clock, 0, 0, -1))
    except (OverflowError, ValueError):
        raise TimeSpecError(text, 0) from None
