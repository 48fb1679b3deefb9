"""Array specifications: ``--array=0-99:3%5`` (sbatch(1)).

    spec  := token {',' token}
    token := ['['] index [ '-' last [ ':' step ] ] [']'] [ '%' number [']'] ]

The first ``%number`` says how many tasks may run at a time.  Brackets are only
looked for, so that ``[1-5,7%2]`` as squeue shows it reads as well.  A million
indices cost no memory until they are asked for.  The same in lark's notation:
``arrays.lark`` (a property test keeps the two together).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


class ArrayError(ValueError):
    """No array specification: the piece at fault and its column (from 1)."""

    def __init__(self, text: str, column: int, part: str) -> None:
        self.text, self.column, self.part = text, column, part
        super().__init__(f"invalid array specification {text!r}: {part!r} at column {column}")


@dataclass(frozen=True, slots=True)
class ArraySpec:
    """Task ids as ranges (first, last, step), ascending and without repetition when iterated."""

    ranges: tuple[tuple[int, int, int], ...]
    throttle: int | None = None

    @property
    def last(self) -> int:
        return max(first + (last - first) // step * step for first, last, step in self.ranges)

    @property
    def count(self) -> int:
        if len(self.ranges) == 1:
            first, last, step = self.ranges[0]
            return (last - first) // step + 1
        return len(self._indices())

    def _indices(self) -> set[int]:
        indices: set[int] = set()
        for first, last, step in self.ranges:
            indices.update(range(first, last + 1, step))
        return indices

    def __iter__(self) -> Iterator[int]:
        if len(self.ranges) == 1:
            first, last, step = self.ranges[0]
            return iter(range(first, last + 1, step))
        return iter(sorted(self._indices()))

    def __str__(self) -> str:
        parts = []
        for first, last, step in self.ranges:
            if first == last:
                parts.append(str(first))
            else:
                parts.append(f"{first}-{last}" + (f":{step}" if step != 1 else ""))
        return ",".join(parts) + (f"%{self.throttle}" if self.throttle is not None else "")


#: No index may be larger (slurm.conf(5), MaxArraySize is at most 4000001).
MAX_INDEX = 4_000_001

_TOKEN = re.compile(
    r"\[?(?P<first>\d{1,10})(?:-(?P<last>\d{1,10})(?::(?P<step>\d{1,10}))?)?\]?(?:%(?P<limit>\d{1,9})\]?)?", re.ASCII
)


def parse_array(text: str) -> ArraySpec:
    """Read a specification.  Raises ArrayError."""
    ranges: list[tuple[int, int, int]] = []
    throttle: int | None = None
    column = 1
    for part in text.split(","):
        match = _TOKEN.fullmatch(part.strip())
        if match is None:
            raise ArrayError(text, column, part)
        first = int(match["first"])
        last = int(match["last"] or first)
        step = int(match["step"] or 1)
        if last < first or step < 1 or last > MAX_INDEX:
            raise ArrayError(text, column, part)
        if match["limit"] is not None and throttle is None:
            throttle = int(match["limit"])
        ranges.append((first, last, step if last > first else 1))
        column += len(part) + 1
    return ArraySpec(tuple(ranges), throttle)
