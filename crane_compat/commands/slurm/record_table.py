"""Printing of records as sacct and sacctmgr do: columns of fixed width, or delimited.

A value longer than its column is cut and ends in ``+``; a negative width is left-justified.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Layout:
    """How rows are written: header or not, ``-p`` (delimiter at the end), ``-P``."""

    header: bool = True
    parsable: bool = False
    ending: bool = False
    delimiter: str = "|"

    def lines(self, columns: Sequence[tuple[str, int]], rows: Iterable[Sequence[str]]) -> Iterable[str]:
        """The lines of a table of `columns` (title, width)."""
        if self.parsable:
            end = self.delimiter if self.ending else ""
            if self.header:
                yield self.delimiter.join(title for title, _ in columns) + end
            for row in rows:
                yield self.delimiter.join(row) + end
            return
        widths = [width for _, width in columns]
        if self.header:
            yield "".join(_title(title, width) for title, width in columns)
            yield "".join("-" * abs(width) + " " for width in widths)
        for row in rows:
            yield "".join(cell(value, width) for value, width in zip(row, widths, strict=True))


def _title(text: str, width: int) -> str:
    size = abs(width)
    return (text[:size].ljust(size) if width < 0 else text[:size].rjust(size)) + " "


def cell(text: str, width: int) -> str:
    """`text` in a column of `width`, with the blank behind it."""
    size = abs(width)
    if len(text) > size:
        text = text[: size - 1] + "+" if size else ""
    return (text.ljust(size) if width < 0 else text.rjust(size)) + " "
