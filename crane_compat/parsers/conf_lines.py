"""Lines of Slurm's KEY=VALUE files: comments, continuation, Include, and the words on a line.

Rules (reference: slurm.conf(5) and the behaviour of its parser): a ``#`` not
preceded by an odd number of backslashes ends the line, quotes do not protect
it; a backslash at the end joins the next line without a blank; ``Include FILE``
stands in column 0; values are either in double quotes or end at white space.
The same in lark's notation: ``slurm_conf.lark`` (a property test keeps the two together).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

#: key, operator, value: Slurm's own regular expression, anchored where the scan stands
WORD = re.compile(r'\s*([A-Za-z0-9_.]+)\s*[-*+/]?=\s*("[^"]*"|\S+)(?=\s|$)')
_INCLUDE = re.compile(r"include\s+(\S+)\s*(.*)$", re.IGNORECASE)
_ESCAPE = re.compile(r"\\(.)")
_MAX_DEPTH = 16


@dataclass(frozen=True, slots=True)
class Line:
    """One logical line: `number` is that of its first physical line."""

    file: str
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Word:
    """``key=value`` on a line; `column` counts from 1."""

    key: str
    value: str
    column: int


class LineError(Exception):
    """A line that cannot be read: where, and the text at fault."""

    def __init__(self, file: str, line: int, column: int, text: str) -> None:
        self.file, self.line, self.column, self.text = file, line, column, text
        super().__init__(f'Parse error in file {file} line {line}: "{text}"')


class IncludeError(LineError):
    """An Include that cannot be followed."""


def without_comment(text: str) -> str:
    """Cut at the first ``#`` that an even number of backslashes precedes."""
    start = 0
    while (position := text.find("#", start)) >= 0:
        slashes = position - len(text[:position].rstrip("\\"))
        if slashes % 2 == 0:
            return text[:position]
        start = position + 1
    return text


def logical_lines(text: str, file: str) -> Iterator[Line]:
    """Physical lines stripped of comments, joined where they continue, escapes resolved, blank ones left out."""
    parts: list[str] = []
    first = 0
    for number, physical in enumerate(text.split("\n"), 1):
        line = physical if "#" not in physical else without_comment(physical)
        first = first or number
        if line.find("\\") >= 0:
            stripped = line.rstrip()
            if (len(stripped) - len(stripped.rstrip("\\"))) % 2:
                parts.append(stripped[:-1])
                continue
        parts.append(line)
        joined = parts[0] if len(parts) == 1 else "".join(parts)
        parts.clear()
        if joined and not joined.isspace():
            yield Line(file, first, _ESCAPE.sub(r"\1", joined) if "\\" in joined else joined)
        first = 0
    if parts and "".join(parts).strip():
        yield Line(file, first, _ESCAPE.sub(r"\1", "".join(parts)))


def words(line: Line) -> list[Word]:
    """The key=value words of a line; raises LineError at the first text that is none."""
    found = []
    text, position, end = line.text, 0, len(line.text.rstrip())
    while position < end:
        match = WORD.match(text, position)
        if match is None:
            # Slurm shows the rest of the line from where it cannot go on
            rest = text[position:].strip()
            column = position + len(text[position:]) - len(text[position:].lstrip()) + 1
            raise LineError(line.file, line.number, column, rest)
        value = match[2]
        found.append(Word(match[1], value[1:-1] if value[:1] == '"' else value, match.start(1) + 1))
        position = match.end()
    return found


def read(path: str, *, directory: str | None = None, cluster: str = "", depth: int = 0) -> Iterator[Line]:
    """All logical lines of a file and of what it includes.

    `directory`: where relative Include names start (that of slurm.conf).  Raises OSError where the
    file itself, IncludeError where an included one cannot be read.
    """
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
        text = file.read()
    place = directory if directory is not None else os.path.dirname(os.path.abspath(path))
    for line in logical_lines(text, path):
        if line.text[:1] in "iI" and (match := _INCLUDE.match(line.text)):
            if not cluster and "%c" in match[1]:
                raise IncludeError(path, line.number, 9, f"{match[1]}: %c before ClusterName is set")
            name = match[1].replace("%c", cluster)
            if match[2].strip():
                raise LineError(path, line.number, match.start(2) + 1, match[2].strip())
            if any(char in name for char in "*?["):
                raise IncludeError(path, line.number, 9, f"{name}: Slurm does not support glob parsing")
            if depth >= _MAX_DEPTH:
                raise IncludeError(path, line.number, 9, f"{name}: included more than {_MAX_DEPTH} deep")
            target = name if name.startswith("/") else os.path.join(place, name)
            try:
                yield from read(target, directory=place, cluster=cluster, depth=depth + 1)
            except OSError as exc:
                raise IncludeError(path, line.number, 9, f"{target}: {exc.strerror}") from exc
            continue
        if not cluster and line.text.lower().lstrip().startswith("clustername"):
            cluster = line.text.partition("=")[2].strip().strip('"').lower()
        yield line
