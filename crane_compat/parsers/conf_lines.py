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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate

#: key, operator, value: Slurm's own regular expression, anchored where the scan stands
WORD = re.compile(r'\s*([A-Za-z0-9_.]+)\s*[-*+/]?=\s*(?:"([^"]*)"|(\S+))(?=\s|$)')
_INCLUDE = re.compile(r"include\s+(\S+)\s*(.*)$", re.IGNORECASE)
_ESCAPE = re.compile(r"\\(.)")
_MAX_DEPTH = 16


@dataclass(frozen=True, slots=True)
class Line:
    """One logical line: `number` is that of its first physical line."""

    file: str
    number: int
    text: str
    #: of a continued line: where in `text` each further physical line begins
    joints: tuple[int, ...] = ()

    def place(self, column: int) -> tuple[int, int]:
        """Physical line and column (from 1) of a column of `text`."""
        below = [joint for joint in self.joints if joint < column]
        return self.number + len(below), column - (below[-1] if below else 0)


@dataclass(frozen=True, slots=True)
class Word:
    """``key=value`` on a line; `column` counts from 1, `end` is the position behind the value."""

    key: str
    value: str
    column: int
    end: int = 0


class LineError(Exception):
    """A line that cannot be read: where, the text at fault, and the lines Slurm prints for it."""

    def __init__(self, file: str, line: int, column: int, text: str, *, printed: tuple[str, ...] = ()) -> None:
        self.file, self.line, self.column, self.text = file, line, column, text
        self.printed = printed or (parse_error(file, line, text),)
        super().__init__(self.printed[-1])


class IncludeError(LineError):
    """An Include that cannot be followed."""

    def __init__(self, file: str, line: int, name: str, why: str, *, printed: tuple[str, ...]) -> None:
        super().__init__(
            file, line, 9, f"{name}: {why}", printed=(*printed, f'"Include" failed in file {file} line {line}')
        )


def parse_error(file: str, line: int, text: str) -> str:
    """Slurm's words for text it cannot read."""
    return f'Parse error in file {file} line {line}: "{text}"'


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
    for number, physical in enumerate(text.split("\n"), 1):
        line = physical if "#" not in physical else without_comment(physical)
        if line.find("\\") >= 0:
            stripped = line.rstrip()
            if (len(stripped) - len(stripped.rstrip("\\"))) % 2:
                parts.append(stripped[:-1])
                continue
        if parts:
            parts.append(line)
            yield from _joined(file, number - len(parts) + 1, parts)
            parts.clear()
        elif line and not line.isspace():
            yield Line(file, number, _unescaped(line))
    if parts:
        yield from _joined(file, text.count("\n") - len(parts) + 2, parts)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(r"\1", text) if "\\" in text else text


def _joined(file: str, number: int, parts: list[str]) -> Iterator[Line]:
    """The line that continued ones make together, unless it is blank."""
    texts = [_unescaped(part) for part in parts]
    joints = tuple(accumulate(map(len, texts[:-1])))
    whole = "".join(texts)
    if whole and not whole.isspace():
        yield Line(file, number, whole, joints)


def scan(line: Line) -> tuple[list[Word], int]:
    """The key=value words of a line up to the first text that is none, and the position where they end."""
    found = []
    text, position = line.text, 0
    while match := WORD.match(text, position):
        position = match.end()
        key, quoted, bare = match.groups()
        found.append(Word(key, bare if quoted is None else quoted, match.start(1) + 1, position))
    return found, position


def left_over(line: Line, position: int) -> LineError | None:
    """The error that the rest of a line is, unless it is white space; Slurm shows that rest with its blanks."""
    rest = line.text[position:].rstrip("\r\n")
    if not rest or rest.isspace():
        return None
    column = position + len(rest) - len(rest.lstrip()) + 1
    return LineError(line.file, line.number, column, rest)


def words(line: Line) -> list[Word]:
    """The key=value words of a line; raises LineError at the first text that is none."""
    found, position = scan(line)
    if error := left_over(line, position):
        raise error
    return found


OnError = Callable[[LineError], None]


def read(
    path: str, *, directory: str | None = None, cluster: str = "", on_error: OnError | None = None, depth: int = 0
) -> Iterator[Line]:
    """All logical lines of a file and of what it includes.

    `directory`: where relative Include names start (that of slurm.conf); `on_error`: told of an Include that cannot
    be followed instead of raising it.  Raises OSError where the file itself, LineError where an Include cannot be read.
    """
    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        text = file.read()
    place = directory if directory is not None else os.path.dirname(os.path.abspath(path))
    for line in logical_lines(text, path):
        if line.text[:1] in "iI" and (match := _INCLUDE.match(line.text)):
            try:
                target = _target(line, match, place, cluster, depth)
                yield from _included(line, target, place, cluster, on_error, depth)
            except LineError as exc:
                if on_error is None:
                    raise
                on_error(exc)
            continue
        if not cluster and line.text.lower().lstrip().startswith("clustername"):
            cluster = line.text.partition("=")[2].strip().strip('"').lower()
        yield line


def _target(line: Line, match: re.Match[str], place: str, cluster: str, depth: int) -> str:
    """The file that an Include line names.  Raises LineError."""
    name = match[1]
    if match[2].strip():
        raise LineError(line.file, line.number, match.start(2) + 1, match[2].strip())
    if "%c" in name and not cluster:
        raise _no_include(line, name, "%c stands before ClusterName is set")
    name = name.replace("%c", cluster)
    if any(char in name for char in "*?["):
        raise _no_include(line, name, "Slurm does not support glob parsing")
    if depth >= _MAX_DEPTH:
        raise _no_include(line, name, f"included more than {_MAX_DEPTH} deep")
    return name if name.startswith("/") else os.path.join(place, name)


def _no_include(line: Line, name: str, why: str) -> IncludeError:
    return IncludeError(line.file, line.number, name, why, printed=(f"{name}: {why}",))


def _included(
    line: Line, target: str, place: str, cluster: str, on_error: OnError | None, depth: int
) -> Iterator[Line]:
    try:
        yield from read(target, directory=place, cluster=cluster, on_error=on_error, depth=depth + 1)
    except OSError as exc:
        why = exc.strerror or str(exc)
        raise IncludeError(line.file, line.number, target, why, printed=(cannot_stat(target, why),)) from exc


def cannot_stat(path: str, why: str) -> str:
    """Slurm's words for a configuration file that is not there."""
    return f"s_p_parse_file: cannot stat file {path}: {why}, retrying in 1sec up to 60sec"
