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
    re.compile(r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})$"),
    re.compile(r"(?P<m>\d{1,2})[/.](?P<d>\d{1,2})(?:[/.](?P<y>\d{2,4}))?$"),
    re.compile(r"(?P<m>\d{2})(?P<d>\d{2})(?P<y>\d{2})$"),
)


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
    if lower in ("today", "tomorrow"):
        moved = time.localtime(now + (_DAY if lower == "tomorrow" else 0))
        return _moment((moved.tm_year, moved.tm_mon, moved.tm_mday), (0, 0, 0), text) if lower == "tomorrow" else now
    for part in re.split(r"[T\s]+", word) if word.lower() not in _NAMED else [word]:
        if part.lower() in _NAMED:
            hour, minute = _NAMED[part.lower()]
            clock = (hour, minute, 0)
        elif (found := _clock(part)) is not None:
            clock = found
        elif (date := _date(part, today.tm_year)) is not None:
            day = date
        elif part.lower() in ("today", "tomorrow"):
            moved = time.localtime(now + (_DAY if part.lower() == "tomorrow" else 0))
            day = (moved.tm_year, moved.tm_mon, moved.tm_mday)
        else:
            raise TimeSpecError(text, text.find(part) if part else 0)
    if clock is None and day is None:
        raise TimeSpecError(text, 0)
    if day is None:
        assert clock is not None
        when = _moment((today.tm_year, today.tm_mon, today.tm_mday), clock, text)
        if when < now:
            moved = time.localtime(now + _DAY)
            when = _moment((moved.tm_year, moved.tm_mon, moved.tm_mday), clock, text)
        return when
    return _moment(day, clock or (0, 0, 0), text)


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


def _clock(text: str) -> tuple[int, int, int] | None:
    match = _CLOCK.match(text)
    if match is None:
        return None
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    if match[4]:
        hour = hour % 12 + (12 if match[4].lower() == "pm" else 0)
    return (hour, minute, second) if hour < 24 and minute < 60 and second < 60 else None


def _date(text: str, year: int) -> tuple[int, int, int] | None:
    for form in _DATES:
        if match := form.match(text):
            found = int(match["y"] or year)
            return (found + 2000 if found < 100 else found, int(match["m"]), int(match["d"]))
    return None


def _moment(day: tuple[int, int, int], clock: tuple[int, int, int], text: str) -> float:
    if not (1 <= day[1] <= 12 and 1 <= day[2] <= 31):
        raise TimeSpecError(text, 0)
    try:
        return time.mktime((*day, *clock, 0, 0, -1))
    except OverflowError:
        raise TimeSpecError(text, 0) from None
