"""Tables of fields: ``-o "%.18i %.9P"`` and ``-O name:.12,name`` become columns, columns print rows.

A field is declared once, with its letter, its long names, its header and how
its text is got from a record; the squeue and sinfo tables are lists of such
fields.  Source: squeue(1) and sinfo(1), --format and --Format.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

R = TypeVar("R")

#: Width of a column of --Format without a width of its own.
LONG_WIDTH = 20

_LETTER = re.compile(r"(\.?)(\d*)(.?)(.*)", re.DOTALL)
_SPEC = re.compile(r"(\.?)(\d*)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Field(Generic[R]):
    """One thing that can be shown of a record."""

    names: tuple[str, ...]  #: long names in lower case, the first is the documented one
    header: str
    get: Callable[[R], str]
    letter: str = ""
    cut: bool = True  #: a longer text is cut where it is right-justified; durations show in full
    cut_header: bool = True
    sort: Callable[[R], Any] | None = None  #: key of --sort; None = cannot be sorted by
    letter_header: str = ""  #: header where the letter is used, if it differs


@dataclass(frozen=True, slots=True)
class Column(Generic[R]):
    """A field (or none: literal text) with width (0 = as long as needed), justification and the text behind it."""

    field: Field[R] | None
    width: int = 0
    right: bool = False
    suffix: str = ""
    header: str = ""

    def template(self, *, header: bool) -> str:
        """The column as a %-format for one string."""
        suffix = self.suffix.replace("%", "%%")
        if self.field is None:
            return suffix
        if not self.width:
            return "%s" + suffix
        if not self.right:
            return f"%-{self.width}.{self.width}s{suffix}"
        if self.field.cut_header if header else self.field.cut:
            return f"%{self.width}.{self.width}s{suffix}"
        return f"%{self.width}s{suffix}"


class FieldTable(Generic[R]):
    """The fields of one kind of record."""

    def __init__(self, fields: Iterable[Field[R]]) -> None:
        self.fields = list(fields)
        self.by_letter: Mapping[str, Field[R]] = {f.letter: f for f in self.fields if f.letter}
        self.by_name: Mapping[str, Field[R]] = {name: f for f in self.fields for name in f.names}

    def letters(self) -> list[str]:
        """All letters, small ones first."""
        return sorted(self.by_letter, key=lambda c: (c.isupper(), c))


class Layout(Generic[R]):
    """The columns of one table, ready to print."""

    def __init__(self, columns: Sequence[Column[R]], prefix: str = "") -> None:
        self.columns = list(columns)
        used = [(c, c.field) for c in columns if c.field is not None]
        lead = prefix.replace("%", "%%")
        self.fields = [field for _, field in used]
        self._header = lead + "".join(c.template(header=True) for c in columns)
        self._titles = tuple(c.header or field.header for c, field in used)
        self._row = lead + "".join(c.template(header=False) for c in columns)
        self._get = tuple(field.get for field in self.fields)

    def describe(self) -> str:
        """The columns as a --Format."""
        shown = (c for c in self.columns if c.field is not None)
        return ",".join(f"{c.field.names[0]}:{'.' * c.right}{c.width}{c.suffix}" for c in shown if c.field)

    def header(self) -> str:
        return self._header % self._titles

    def rows(self, records: Iterable[R]) -> Iterator[str]:
        """One line for each record."""
        row, getters = self._row, self._get
        for record in records:
            yield row % tuple([get(record) for get in getters])

    def alike(self, record: R, changes: Iterable[Callable[[R], None]]) -> Iterator[str]:
        """One line for `record` after each of some changes to it, of which most fields know nothing.

        Which fields those are is seen from the first, second and last change.
        """
        steps = list(changes)
        samples = []
        for step in (*steps[:2], *steps[-1:]):
            step(record)
            samples.append([get(record) for get in self._get])
        if not samples:
            return
        values = samples[0]
        moving = [place for place in range(len(values)) if any(other[place] != values[place] for other in samples[1:])]
        row, getters = self._row, self._get
        for step in steps:
            step(record)
            for place in moving:
                values[place] = getters[place](record)
            yield row % tuple(values)


def parse_letters(text: str, table: FieldTable[R]) -> tuple[Layout[R], list[str]]:
    """The layout of a --format and the letters that mean nothing; those show as they are written."""
    prefix, *tokens = text.split("%")
    columns: list[Column[R]] = []
    unknown: list[str] = []
    for token in tokens:
        match = _LETTER.match(token) if token else None  # "%%": nothing
        if match is None:
            continue
        dot, width, letter, suffix = match.groups()
        field = table.by_letter.get(letter)
        if field is None:
            unknown.append(letter)
            columns.append(Column(None, suffix="%" + token))
        else:
            columns.append(Column(field, int(width or 0), bool(dot), suffix, field.letter_header))
    return Layout(columns, prefix), unknown


def parse_names(text: str, table: FieldTable[R], negative: str | None = None) -> tuple[Layout[R], list[str]]:
    """The layout of a --Format and the names that mean nothing; those are left out.

    A field of negative width shows whole with the text `negative` behind it, or not at all.
    """
    columns: list[Column[R]] = []
    unknown: list[str] = []
    for token in text.split(","):
        name, colon, spec = token.partition(":")
        if not name:
            continue
        field = table.by_name.get(name.lower())
        if field is None:
            unknown.append(name)
            continue
        if spec.startswith("-"):
            columns.append(Column(None) if negative is None else Column(field, suffix=negative))
            continue
        match = _SPEC.match(spec) if colon else None
        if match is None:
            columns.append(Column(field, LONG_WIDTH))
        else:
            dot, width, suffix = match.groups()
            columns.append(Column(field, int(width or 0), bool(dot), suffix))
    return Layout(columns), unknown


def all_letters(table: FieldTable[R], between: str, capital: str) -> str:
    """The --format that ``%all`` stands for: every letter, `between` behind small ones, `capital` behind capitals."""
    return "".join(f"%{c}{capital if c.isupper() else between}" for c in table.letters())
