"""Host lists: ``n[1-3,07],login`` to names and back.

    list  := item { (',' | white space) item }
    item  := text { '[' range {',' range} ']' text }
    range := low [ '-' high ]              # zero padding: the width of `low`

>>> expand("n[1-3],r[1-2]c[01-02]")
['n1', 'n2', 'n3', 'r1c01', 'r1c02', 'r2c01', 'r2c02']
>>> compress(["n1", "n2", "n3", "n07", "login"])
'n[1-3,07],login'

Source: slurm.conf(5) "hostlist expressions", scontrol(1) show hostlist.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

#: A range may not hold more hosts (Slurm's MAX_RANGE).
MAX_RANGE = 64 * 1024

_NUMBERED = re.compile(r"^(.*?)(\d+)(\D*)$", re.DOTALL)


class HostlistError(ValueError):
    """A host list that is none: the whole text, the column (from 1) and the piece at fault."""

    def __init__(self, text: str, column: int, part: str, why: str) -> None:
        self.text, self.column, self.part = text, column, part
        super().__init__(f"Invalid hostlist: {why} in {part!r} at column {column}")


def _items(text: str) -> Iterator[tuple[int, str]]:
    """(position, item) of the list's items."""
    start, depth = 0, 0
    for position, char in enumerate(text):
        if char == "[":
            if depth:
                raise HostlistError(text, position + 1, text[start : position + 1], "nested bracket")
            depth = 1
        elif char == "]":
            if not depth:
                raise HostlistError(text, position + 1, text[start : position + 1], "closing bracket without opening")
            depth = 0
        elif not depth and (char == "," or char.isspace()):
            if position > start:
                yield start, text[start:position]
            start = position + 1
    if depth:
        raise HostlistError(text, start + 1, text[start:], "bracket without end")
    if start < len(text):
        yield start, text[start:]


def _range(text: str, column: int, part: str) -> list[str]:
    low, dash, high = part.partition("-")
    if not (low.isascii() and low.isdigit()) or (dash and not (high.isascii() and high.isdigit())):
        raise HostlistError(text, column, part, "range is not a number or low-high")
    if not dash:
        return [low]
    first, last = int(low), int(high)
    if last < first:
        raise HostlistError(text, column, part, "range runs backwards")
    if last - first >= MAX_RANGE:
        raise HostlistError(text, column, part, f"range of more than {MAX_RANGE} hosts")
    width = len(low)
    if width == 1 or low[0] != "0":
        return [str(number) for number in range(first, last + 1)]
    return [f"{number:0{width}d}" for number in range(first, last + 1)]


def expand(text: str) -> list[str]:
    """The names a host list stands for, in order, repetitions kept.  Raises HostlistError."""
    names: list[str] = []
    for start, item in _items(text):
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
        tail = item[position:]
        names += [head + tail for head in heads] if tail else heads
    return names


def compress(names: Iterable[str], *, sort: bool = False) -> str:
    """The shortest host list for these names: neighbours with one prefix share brackets.

    Order is kept unless `sort`, which orders by prefix, then number, and drops repetitions.
    """
    keyed: list[tuple[str, str, int, int]] = []  # prefix, suffix, width of padding, number; width -1 = no number
    for name in names:
        match = _NUMBERED.match(name)
        if match is None:
            keyed.append((name, "", -1, 0))
        else:
            digits = match[2]
            keyed.append((match[1], match[3], len(digits) if digits[0] == "0" and len(digits) > 1 else 0, int(digits)))
    if sort:
        keyed = sorted(set(keyed))
    out: list[str] = []
    position = 0
    while position < len(keyed):
        prefix, suffix, width, _ = keyed[position]
        if width < 0:
            out.append(prefix)
            position += 1
            continue
        spans: list[str] = []
        count = 0
        while position < len(keyed) and keyed[position][:2] == (prefix, suffix) and keyed[position][2] >= 0:
            width, first = keyed[position][2:]
            last = first
            position += 1
            count += 1
            while (
                position < len(keyed)
                and keyed[position][:2] == (prefix, suffix)
                and keyed[position][3] == last + 1
                and _same_padding(width, last + 1, keyed[position][2])
            ):
                last += 1
                position += 1
                count += 1
            low = f"{first:0{width}d}" if width else str(first)
            spans.append(low if last == first else f"{low}-{last:0{width}d}" if width else f"{low}-{last}")
        out.append(f"{prefix}{spans[0]}{suffix}" if count == 1 else f"{prefix}[{','.join(spans)}]{suffix}")
    return ",".join(out)


def _same_padding(width: int, number: int, other: int) -> bool:
    """May a number continue a span padded to `width`?  09 is followed by 10, which shows no padding of its own."""
    if width == other:
        return not width or len(str(number)) <= width
    return width > 0 and other == 0 and len(str(number)) == width
