"""Points in time as the accounting commands' -S, -E, Start= take them: a bare time of day lies in the past.

Source: sacct(1) "valid start/end time formats", sbatch(1) --begin.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass


@dataclass
class TimeError(ValueError):
    """Not a time: `text`, wrong at `position`."""

    text: str
    position: int

    def __str__(self) -> str:
        return f"Invalid time specification (pos={self.position}): {self.text}"


_UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400, "weeks": 604800}
_WORDS = {"midnight": 0, "noon": 12, "elevenses": 11, "fika": 15, "teatime": 16}
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?\s*(am|pm)?", re.I)
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_SLASH = re.compile(r"(\d{1,2})[/.](\d{1,2})(?:[/.](\d{2,4}))?")
_DIGITS = re.compile(r"(\d{2})(\d{2})(\d{2})(?!\d)|(\d{2})(\d{2})(?!\d)")
_DELTA = re.compile(r"([+-])(\d+)([a-z]*)", re.I)


class _Text:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self.text, self.at)
        if match:
            self.at = match.end()
        return match

    def word(self, words: dict[str, int] | tuple[str, ...]) -> str | None:
        rest = self.text[self.at :].lower()
        for word in words:
            if rest.startswith(word):
                self.at += len(word)
                return word
        return None

    def fail(self, position: int | None = None) -> TimeError:
        return TimeError(self.text, self.at if position is None else position)


def parse(text: str, now: float, past: bool = True) -> int:
    """Unix seconds of `text`; `past`: a time of day without a date is not in the future.  Raises TimeError."""
    source = _Text(text.strip())
    if source.text.lower().startswith("uts") and source.text[3:].isdigit():
        return int(source.text[3:])
    today = time.localtime(now)
    date: tuple[int, int, int] | None = None
    clock: tuple[int, int, int] | None = None
    delta, base = 0, None
    while source.at < len(source.text):
        begin = source.at
        if source.text[source.at] in " \t-T" and (date or clock) and begin:
            source.at += 1
            continue
        if source.word(("now",)):
            base = int(now)
            if source.text[source.at : source.at + 1] in ("+", "-"):
                delta += _delta(source)
        elif source.text[source.at] == "+" and date is None and clock is None and base is None:
            base = int(now)
            delta += _delta(source)
        elif word := source.word(("today", "tomorrow", "yesterday")):
            shift = {"today": 0, "tomorrow": 1, "yesterday": -1}[word]
            date = (today.tm_year, today.tm_mon, today.tm_mday + shift)
            if re.match(r"[+-]\d", source.text[source.at :]):
                delta += _delta(source)
        elif word := source.word(_WORDS):
            clock = (_WORDS[word], 0, 0)
        elif match := source.take(_ISO):
            year, month, day = (int(part) for part in match.groups())
            _check(source, match, 2, not 1 <= month <= 12)
            _check(source, match, 3, not 1 <= day <= 31)
            date = (year, month, day)
        elif match := source.take(_SLASH):
            month, day = int(match[1]), int(match[2])
            _check(source, match, 1, not 1 <= month <= 12)
            _check(source, match, 2, not 1 <= day <= 31)
            year = int(match[3]) if match[3] else today.tm_year
            date = (year + 2000 if year < 100 else year, month, day)
        elif match := source.take(_CLOCK):
            hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
            _check(source, match, 1, hour > 23)
            _check(source, match, 2, minute > 59)
            if match[4]:
                hour = hour % 12 + (12 if match[4].lower() == "pm" else 0)
            clock = (hour, minute, second)
        elif match := source.take(_DIGITS):
            month, day = int(match[1] or match[4]), int(match[2] or match[5])
            if not (1 <= month <= 12 and 1 <= day <= 31):
                raise source.fail(match.start())
            date = (2000 + int(match[3]) if match[3] else today.tm_year, month, day)
        else:
            raise source.fail()
    if base is not None and date is None and clock is None:
        return base + delta
    if date is None and clock is None:
        raise source.fail(0)
    year, month, day = date or (today.tm_year, today.tm_mon, today.tm_mday)
    hour, minute, second = clock or (0, 0, 0)
    result = int(time.mktime((year, month, day, hour, minute, second, 0, 0, -1)))
    if date is None and past and result > now:
        result = int(time.mktime((year, month, day - 1, hour, minute, second, 0, 0, -1)))
    return result + delta


def _check(source: _Text, match: re.Match[str], group: int, wrong: bool) -> None:
    if wrong:
        raise source.fail(match.start(group))


def _delta(source: _Text) -> int:
    match = source.take(_DELTA)
    if not match:
        raise source.fail()
    sign, count, unit = match.groups()
    factor = 1
    if unit:
        factor = next((n for name, n in _UNITS.items() if name.startswith(unit.lower()) or unit.lower() == name), 0)
        if not factor:
            raise source.fail(match.start(3))
    return int(count) * factor * (-1 if sign == "-" else 1)
