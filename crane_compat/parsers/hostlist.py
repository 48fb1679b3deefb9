"""Host lists: ``n[1-3,07],login`` to names and back.

    list  := item { (',' | white space) item }
    item  := text { '[' range {',' range} ']' text }
    range := low [ '-' high ]              # zero padding: the width of `low`

>>> expand("n[1-3],r[1-2]c[01-02]")
['n1', 'n2', 'n3', 'r1c01', 'r1c02', 'r2c01', 'r2c02']
>>> compress(["n1", "n2", "n3", "n07", "login"])
'n[1-3,07],login'

Source: slurm.conf(5) "hostlist expressions", scontrol(1) show hostlist, and what scontrol of 25.11 prints.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cmp_to_key
from itertools import pairwise

#: A range may not hold more hosts (Slurm's MAX_RANGE).
MAX_RANGE = 64 * 1024
#: A list may not stand for more names: a line of a few kilobytes would fill the memory of whoever reads it.
MAX_NAMES = 1024 * 1024

_LAST_NUMBER = re.compile(r"\d+\Z", re.ASCII)
_DIGITS = re.compile(r"(\d+)", re.ASCII)


class HostlistError(ValueError):
    """A host list that is none.

    `text`: the whole list; `column`: from 1; `part`: the piece at fault; `range`: is `part` one range of a bracket
    (scontrol then names it in a line of its own) rather than a bracket that does not close.
    """

    def __init__(self, text: str, column: int, part: str, why: str, *, range: bool = False) -> None:
        self.text, self.column, self.part, self.why, self.range = text, column, part, why, range
        super().__init__(f"Invalid hostlist: {why} in {part!r} at column {column}")


def _items(text: str) -> Iterator[tuple[int, str]]:
    """(position, item) of the list's items.  A closing bracket alone is part of a name."""
    start, inside = 0, False
    for position, char in enumerate(text):
        if char == "[":
            if inside:
                raise HostlistError(text, position + 1, text[start : position + 1], "bracket within brackets")
            inside = True
        elif char == "]":
            inside = False
        elif not inside and (char == "," or char.isspace()):
            if position > start:
                yield start, text[start:position]
            start = position + 1
    if inside:
        raise HostlistError(text, start + 1, text[start:], "bracket without end")
    if start < len(text):
        yield start, text[start:]


def _range(text: str, column: int, part: str) -> list[str]:
    low, dash, high = part.partition("-")
    if not (low.isascii() and low.isdigit()) or (dash and not (high.isascii() and high.isdigit())):
        raise HostlistError(text, column, part, "range is not a number or low-high", range=True)
    if not dash:
        return [low]
    if len(low) > 18 or len(high) > 18:
        raise HostlistError(text, column, part, "number too long", range=True)
    first, last = int(low), int(high)
    if last < first:
        raise HostlistError(text, column, part, "range runs backwards", range=True)
    if last - first >= MAX_RANGE:
        raise HostlistError(text, column, part, f"range of more than {MAX_RANGE} hosts", range=True)
    width = len(low)
    if width == 1 or low[0] != "0":
        return [str(number) for number in range(first, last + 1)]
    return [f"{number:0{width}d}" for number in range(first, last + 1)]


def expand(text: str) -> list[str]:
    """The names a host list stands for, in order, repetitions kept.  Raises HostlistError."""
    names: list[str] = []
    for start, item in _items(text) if "[" in text else ((0, name) for name in text.replace(",", " ").split()):
        if "[" not in item:
            names.append(item)
            continue
        heads = [""]
        position = 0
        while (opening := item.find("[", position)) >= 0:
            closing = item.index("]", opening)
            text_before = item[position:opening]
            values: list[str] = []
            column = start + opening + 2
            for part in item[opening + 1 : closing].split(","):
                values += _range(text, column, part)
                column += len(part) + 1
            if len(heads) * len(values) > MAX_RANGE:
                raise HostlistError(text, start + 1, item, f"more than {MAX_RANGE} hosts")
            heads = [head + text_before + value for head in heads for value in values]
            position = closing + 1
        if len(names) + len(heads) > MAX_NAMES:
            raise HostlistError(text, start + 1, item, f"more than {MAX_NAMES} hosts")
        tail = item[position:]
        names += [head + tail for head in heads] if tail else heads
    return names


class _Run:
    """Hosts with one prefix and consecutive numbers; `width` -1: a single name without a number at its end."""

    __slots__ = ("first", "last", "prefix", "width")

    def __init__(self, prefix: str, first: int, last: int, width: int) -> None:
        self.prefix, self.first, self.last, self.width = prefix, first, last, width

    def text(self) -> str:
        low = f"{self.first:0{self.width}d}"
        return low if self.last == self.first else f"{low}-{self.last:0{self.width}d}"


def _alike(number: int, width: int, other: int, other_width: int) -> bool:
    """Are two numbers written to one width?  09 and 10 are, and 99 and 100; 1 and 02 are not."""
    if width == other_width:
        return True
    digits, other_digits = len(str(number)), len(str(other))
    padded, other_padded = max(0, width - digits), max(0, other_width - other_digits)
    return padded == max(0, other_width - digits) or other_padded == max(0, width - other_digits)


def _runs(names: Iterable[str]) -> list[_Run]:
    runs: list[_Run] = []
    tail = _Run("", 0, 0, -1)
    for name in names:
        match = _LAST_NUMBER.search(name)
        if match is None or len(match[0]) > 18:
            tail = _Run(name, 0, 0, -1)
        else:
            digits = match[0]
            prefix, number, width = name[: match.start()], int(digits), len(digits)
            if tail.width >= 0 and tail.last + 1 == number and tail.prefix == prefix:
                if tail.width == width or _alike(tail.last, tail.width, number, width):
                    tail.last = number
                    continue
            tail = _Run(prefix, number, number, width)
        runs.append(tail)
    return runs


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Order of prefixes: digits within them by value."""
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in _DIGITS.split(text) if part]


def _compare(left: _Run, right: _Run) -> int:
    if left.prefix != right.prefix:
        mine, other = _natural(left.prefix), _natural(right.prefix)
        if mine != other:
            return -1 if mine < other else 1
        return -1 if left.prefix < right.prefix else 1
    if left.width < 0 or right.width < 0:
        return (left.width >= 0) - (right.width >= 0)
    if _alike(left.first, left.width, right.first, right.width):
        return left.first - right.first
    return left.width - right.width


def _sorted(runs: list[_Run]) -> list[_Run]:
    """The runs in order; overlapping ones are taken apart first, so that equal names stand side by side."""
    runs = sorted(runs, key=cmp_to_key(_compare))
    for one, two in pairwise(runs):
        if one.prefix == two.prefix and two.first <= one.last and one.width >= 0 and two.width >= 0:
            single = [_Run(r.prefix, n, n, r.width) for r in runs for n in range(r.first, r.last + 1)]
            runs = sorted(single, key=cmp_to_key(_compare))
            break
    joined: list[_Run] = []
    for run in runs:
        tail = joined[-1] if joined else None
        if (
            tail is not None
            and tail.width >= 0
            and run.width >= 0
            and tail.prefix == run.prefix
            and tail.last + 1 == run.first
            and _alike(tail.last, tail.width, run.first, run.width)
        ):
            tail.last = run.last
        else:
            joined.append(run)
    return joined


def compress(names: Iterable[str], *, sort: bool = False) -> str:
    """The shortest host list for these names: neighbours with one prefix share brackets.

    Order is kept unless `sort`, which orders by prefix, then number.  Repetitions are kept either way, as scontrol
    does; only a number at the very end of a name is folded.
    """
    runs = _runs(names)
    if sort:
        runs = _sorted(runs)
    out: list[str] = []
    position = 0
    while position < len(runs):
        run = runs[position]
        position += 1
        if run.width < 0:
            out.append(run.prefix)
            continue
        spans = [run.text()]
        while position < len(runs) and runs[position].width >= 0 and runs[position].prefix == run.prefix:
            spans.append(runs[position].text())
            position += 1
        single = len(spans) == 1 and run.first == run.last
        out.append(f"{run.prefix}{spans[0]}" if single else f"{run.prefix}[{','.join(spans)}]")
    return ",".join(out)


def ranges(numbers: Iterable[int]) -> str:
    """Numbers as Slurm lists CPU and device indexes: ``0-3,7``; ascending, each once.

    >>> ranges([7, 0, 1, 2, 3])
    '0-3,7'
    """
    spans: list[list[int]] = []
    for number in sorted(set(numbers)):
        if spans and spans[-1][1] + 1 == number:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in spans)


def parse_ranges(text: str) -> list[int]:
    """The numbers of ``0-3,7``, in the order given.  Raises HostlistError."""
    text = text.strip()
    inner = text[1:-1] if text[:1] == "[" and text[-1:] == "]" else text
    numbers: list[int] = []
    column = 1 + (inner is not text)
    for part in inner.split(",") if inner else []:
        numbers += map(int, _range(text, column, part.strip()))
        column += len(part) + 1
    return numbers
