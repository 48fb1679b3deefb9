"""Crontabs as scrontab(1) reads them: when a line's job begins, its command, and the options before it.

    line      := BLANK | comment | '#SCRON' options | setting | when COMMAND
    setting   := NAME '=' VALUE                          either may be quoted
    when      := '@' WORD | field field field field field
    field     := ('*' | item {',' item}) ['/' STEP]      see crontab.lark
    item      := value ['-' value]

The fields are minute, hour, day of the month, month and day of the week (0 and 7: Sunday).  Differences from cron(8),
all of them Slurm's: a step counts from the field's beginning and not from that of the range (``1-10/3`` is 3,6,9 in
minutes), it is at least 2, and there is no @reboot.  Lists and ranges of names are taken as well, which Slurm refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from crane_compat.parsers.directives import split_words
from crane_compat.parsers.option_values import OptionError

#: What scrontab says of every line that it cannot read, behind the reason where it knows one.
BROKEN = "something is broken"


class CrontabError(ValueError):
    """A line that cannot be: its number (from 1), and scrontab's words for it."""

    def __init__(self, line: int, *reasons: str) -> None:
        self.line, self.reasons = line, reasons
        super().__init__(f"line {line}: {'; '.join(reasons)}")


class SpecError(ValueError):
    """No time to begin at; scrontab's words for it, "" where it has none."""


# ---------------------------------------------------------------- when

_NUMBER = re.compile(r"[0-9]{1,9}$")


@dataclass(frozen=True, slots=True)
class _Field:
    first: int
    last: int
    origin: int  # of steps
    alias: int | None = None  # another number for 0
    names: tuple[str, ...] = ()  # of the numbers from `first` on
    misnamed: str = ""

    def number(self, text: str) -> int:
        if _NUMBER.match(text):
            value = int(text)
            if self.first <= value <= self.last:
                return value
            raise SpecError("")
        if self.names and text[:1].isalpha():
            if text.lower() in self.names:
                return self.first + self.names.index(text.lower())
            raise SpecError(self.misnamed)
        raise SpecError("")

    def values(self, text: str) -> frozenset[int] | None:
        """The numbers that a field stands for; None: all.  Raises SpecError."""
        listed, slash, step = text.partition("/")
        found: set[int] = set()
        if listed == "*":
            if not slash:
                return None
            found.update(range(self.first, self.last + 1))
        else:
            for item in listed.split(","):
                low, dash, high = item.partition("-")
                start = self.number(low)
                end = self.number(high) if dash else start
                if end < start:
                    raise SpecError("")
                found.update(range(start, end + 1))
        if slash:
            if not (_NUMBER.match(step) and 1 < int(step) <= self.last):
                raise SpecError("bad step value")
            found = {value for value in found if (value - self.origin) % int(step) == 0}
        if self.alias in found:
            found = found - {self.alias} | {0}
        if not found:
            raise SpecError("")
        return frozenset(found)


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = (
    _Field(0, 60, 0, alias=60),
    _Field(0, 24, 0, alias=24),
    _Field(1, 31, 1),
    _Field(1, 12, 1, names=_MONTHS, misnamed="bad month specification"),
    _Field(0, 7, 1, alias=7, names=_DAYS, misnamed="bad day specification"),
)
_WORDS = {
    "yearly": "0 0 1 1 *", "annually": "0 0 1 1 *", "monthly": "0 0 1 * *", "weekly": "0 0 * * 0",
    "daily": "0 0 * * *", "midnight": "0 0 * * *", "hourly": "0 * * * *", "elevenses": "0 11 * * *",
    "fika": "0 15 * * *", "teatime": "0 16 * * *",
}  # fmt: skip

#: The most days that each month can have.
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

#: Days to look ahead: from one 29th of February to the next it can be eight years.
_HORIZON = 366 * 9

_EVERY_MINUTE, _EVERY_HOUR = frozenset(range(60)), frozenset(range(24))


@dataclass(frozen=True, slots=True)
class Schedule:
    """When something is to begin, again and again, by local time; None stands for every value.

    >>> Schedule.parse("*/20 8-10 * * mon-fri").text
    '0,20,40 8-10 * * 1-5'
    """

    minute: frozenset[int] | None
    hour: frozenset[int] | None
    day: frozenset[int] | None
    month: frozenset[int] | None
    weekday: frozenset[int] | None  # 0: Sunday

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """Read five fields, or a word such as ``@daily``.  Raises SpecError."""
        if text.startswith("@"):
            if text[1:].lower() not in _WORDS:
                raise SpecError("invalid @ line")
            text = _WORDS[text[1:].lower()]
        words = text.split()
        if len(words) < len(_FIELDS):
            raise SpecError("cronspec_to_bitstring: unexpected end of line")
        found = cls(*(field.values(word) for field, word in zip(_FIELDS, words, strict=True)))
        if found.day is not None and min(found.day) > max(_LONGEST[m - 1] for m in found.month or range(1, 13)):
            raise SpecError("")
        return found

    @property
    def text(self) -> str:
        """The five fields, as scontrol shows them."""
        return " ".join(map(_ranges, (self.minute, self.hour, self.day, self.month, self.weekday)))

    def on(self, day: date) -> bool:
        """Is it ever on this day?  Where both kinds of days are restricted, either will do."""
        if self.month is not None and day.month not in self.month:
            return False
        of_month = self.day is None or day.day in self.day
        of_week = self.weekday is None or day.isoweekday() % 7 in self.weekday
        if self.day is not None and self.weekday is not None:
            return of_month or of_week
        return of_month and of_week

    def after(self, now: float) -> float:
        """The first moment later than `now` (seconds since the epoch, as the result).

        When clocks go forward, what falls into the hour that is left out begins that much later; when they go back,
        what has its hours given begins once, and what goes on in every hour in both of them.
        """
        today = datetime.fromtimestamp(now).date()
        # a clock that was put back makes yesterday's last hour come again, one put forward may reach into tomorrow
        days = (today + timedelta(offset) for offset in range(-1, _HORIZON))
        best: float | None = None
        for day in filter(self.on, days):
            found = min((moment for moment in self._moments(day) if moment > now), default=None)
            if best is not None:
                return best if found is None else min(best, found)
            best = found
        if best is None:
            raise ValueError(f"{self.text} does not come to be")
        return best

    def _moments(self, day: date) -> Iterator[float]:
        for hour in sorted(_EVERY_HOUR if self.hour is None else self.hour):
            for minute in sorted(_EVERY_MINUTE if self.minute is None else self.minute):
                clock = datetime(day.year, day.month, day.day, hour, minute)
                yield clock.timestamp()
                if self.hour is None:
                    again = clock.replace(fold=1).timestamp()
                    if datetime.fromtimestamp(again).replace(fold=0) == clock:  # not so where the time is left out
                        yield again


def _ranges(values: frozenset[int] | None) -> str:
    if values is None:
        return "*"
    parts: list[list[int]] = []
    for value in sorted(values):
        if parts and parts[-1][1] == value - 1:
            parts[-1][1] = value
        else:
            parts.append([value, value])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in parts)


# ---------------------------------------------------------------- lines


@dataclass(frozen=True, slots=True)
class Options:
    """A #SCRON line: options of sbatch for the entry that follows."""

    line: int
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A line that stands for a job, with the #SCRON lines before it."""

    first: int  # line numbers, from 1
    last: int
    when: Schedule
    written: str  # `when` as the user wrote it
    command: str
    directives: tuple[str, ...]  # the #SCRON lines as they are


_NAME = r"""(?:(?P<quote>["'])(?P<quoted>.*?)(?P=quote)|(?P<bare>[^\s=]+))"""
_SETTING = re.compile(rf"""{_NAME}\s*=\s*(?:(?P<mark>["'])(?P<text>.*)(?P=mark)|(?P<plain>[^"'].*?|))\s*$""")
_VARIABLE = re.compile(r"\$(\w+)")


def read(text: str) -> Iterator[Options | Entry]:
    """What stands in a crontab, in its order.  Raises CrontabError when it comes to a line that cannot be."""
    variables: dict[str, str] = {}
    directives: list[str] = []
    first = 0
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.lstrip(" \t")
        if stripped.startswith("#SCRON"):
            directives.append(line)
            first = first or number
            try:
                words = split_words(stripped[len("#SCRON") :], "scrontab", number=number)
            except OptionError as exc:
                raise CrontabError(number, f"Invalid option found in #SCRON line: {stripped[6:].strip()}") from exc
            yield Options(number, tuple(words))
            continue
        if not stripped or stripped.startswith("#"):
            continue
        if setting := _SETTING.match(stripped):
            name = setting["bare"] or setting["quoted"] or ""
            variables[name] = setting["text"] if setting["mark"] else setting["plain"]
            continue
        written, command = _split(number, stripped)
        try:
            when = Schedule.parse(written)
        except SpecError as exc:
            raise CrontabError(number, *filter(None, (str(exc), BROKEN))) from exc
        command = _VARIABLE.sub(lambda match: variables.get(match[1], match[0]), command)
        yield Entry(first or number, number, when, written, command, tuple(directives))
        directives, first = [], 0


def _split(number: int, line: str) -> tuple[str, str]:
    """When, and what.  Raises CrontabError where either is missing."""
    count = 1 if line.startswith("@") else len(_FIELDS)
    match = re.match(rf"((?:\S+[ \t]+){{{count - 1}}}\S+)[ \t]+(\S.*)$", line)
    if match is not None:
        return match[1], match[2]
    words = line.split()
    try:
        Schedule.parse(" ".join(words[:count]))
    except SpecError as exc:  # what is wrong with the time is said first
        raise CrontabError(number, *filter(None, (str(exc), BROKEN))) from exc
    raise CrontabError(number, BROKEN)


def comment_out(text: str, ranges: list[tuple[int, int]], mark: str) -> str:
    """The crontab with the lines of these ranges (from 1) behind a mark.

    >>> comment_out("a\\nb\\nc\\n", [(2, 3)], "#BAD: ")
    'a\\n#BAD: b\\n#BAD: c\\n'
    """
    lines = text.split("\n")
    count = len(lines) - (not lines[-1])
    for first, last in ranges:
        for number in range(first, min(last, count) + 1):
            if not lines[number - 1].startswith(mark):
                lines[number - 1] = mark + lines[number - 1]
    return "\n".join(lines)
