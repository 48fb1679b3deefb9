"""What gathers while a configuration file is read: diagnostics, and the errors Slurm would print."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from crane_compat.parsers import hostlist
from crane_compat.parsers.conf_lines import Line, LineError, Word, read, words

#: severities of a Diagnostic, the worst first: the controller does not start; no program accepts the file;
#: something is not as it was meant; something is without effect
SEVERITIES = ("fatal", "error", "warning", "notice")

TRUE, FALSE = ("yes", "up", "true", "1"), ("no", "down", "false", "0")


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """Something an admin should know of a file: where, which key, what is wrong, what to do."""

    severity: str
    file: str
    line: int
    column: int
    key: str
    text: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.file}:{self.line}:{self.column}: {self.key}: {self.text}{hint}"


class ConfError(Exception):
    """The file cannot be used.

    `errors`: the lines Slurm's programs print, each behind ``error: ``; `file`, `line`, `column` (from 1; 0: the file
    as a whole) of the first; `diagnostics`: all that was found until then.
    """

    def __init__(
        self,
        text: str,
        file: str = "",
        line: int = 0,
        column: int = 0,
        *,
        errors: tuple[str, ...] = (),
        diagnostics: tuple[Diagnostic, ...] = (),
    ) -> None:
        self.text, self.file, self.line, self.column = text, file, line, column
        self.errors = errors or (text,)
        self.diagnostics = diagnostics
        super().__init__(text)


@dataclass(slots=True)
class Reading:
    """Diagnostics in order of the file, and the lines Slurm would print for those that stop it."""

    diagnostics: list[Diagnostic] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    first: tuple[str, int, int] = ("", 0, 0)

    def note(self, severity: str, line: Line, word: Word, text: str, hint: str = "") -> None:
        number, column = line.place(word.column)
        self.diagnostics.append(Diagnostic(severity, line.file, number, column, word.key, text, hint))

    def unreadable(self, exc: LineError) -> None:
        """Note a line that is not KEY=VALUE."""
        word = Word(exc.text.strip()[:40] or "?", "", exc.column)
        self.note("error", Line(exc.file, exc.line, ""), word, "not KEY=VALUE", line_hint(exc.text))

    def error(self, line: Line, word: Word, text: str, hint: str = "", *, printed: tuple[str, ...] = ()) -> None:
        """Something no Slurm program accepts; `printed`: its lines where they differ from `text`."""
        self.note("error", line, word, text, hint)
        self.stop(line.file, *line.place(word.column), printed or (text,))

    def stop(self, file: str, line: int, column: int, printed: tuple[str, ...]) -> None:
        if not self.errors:
            self.first = (file, line, column)
        self.errors += printed

    def failure(self, text: str = "", file: str = "") -> ConfError:
        """The exception that tells of all errors up to now, `text` last."""
        errors = (*self.errors, *((text,) if text else ()))
        where = self.first if self.errors else (file, 0, 0)
        return ConfError(errors[0], *where, errors=errors, diagnostics=tuple(self.diagnostics))

    def expand(self, line: Line, word: Word, text: str) -> list[str]:
        """Names of a host list; a bad one is an error and no names."""
        try:
            return hostlist.expand(text)
        except hostlist.HostlistError as exc:
            self.error(line, word, f'Invalid hostlist "{text}"', f"{exc.why}: {exc.part}")
            return []


def entries(path: str, on_error: Callable[[LineError], None]) -> Iterator[tuple[Line, list[Word]]]:
    """The lines of a file with the words on each; a file that does not exist has none.

    Lines that cannot be read go to `on_error` and are left out.  Raises OSError where the file cannot be read.
    """
    try:
        for line in read(path, on_error=on_error):
            try:
                found = words(line)
            except LineError as exc:
                on_error(exc)
                continue
            yield line, found
    except FileNotFoundError:
        pass


#: text that no configuration file has → what it is
_FOREIGN = (
    (re.compile(r"\{\{|\}\}|\{%|<%|%>|\$\{"), "looks like a template: fill it in first"),
    (re.compile(r"@[A-Z_]+@|<[A-Za-z_ -]+>"), "a place of a template that is not filled in"),
    (re.compile(r"^\s*;"), "comments begin with #"),
)


def line_hint(text: str) -> str:
    """What to do about text that is not KEY=VALUE."""
    for pattern, hint in _FOREIGN:
        if pattern.search(text):
            return hint
    return "write KEY=VALUE, a value with blanks in double quotes"


_NUMBER = re.compile(r"\+?(0[xX][0-9a-fA-F]+|[0-9]+)")


def c_integer(text: str) -> int:
    """A number as strtoul(3) with base 0 reads it: 010 is 8, 0x10 is 16.  Raises ValueError."""
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(f"not a number: {text!r}")
    digits = text.lstrip("+")
    if digits[:2].lower() == "0x":
        return int(digits, 16)
    if digits.startswith("0") and len(digits) > 1:
        return int(digits, 8)
    return int(digits)
