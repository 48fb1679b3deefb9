"""The options a script carries: #SBATCH lines, another scheduler's (#BSUB, #PBS), and the native #CBATCH lines.

Rules of #SBATCH (sbatch(1) and the behaviour of its reader): the line starts in
column 0 with the seven bytes ``#SBATCH``; reading stops at the first line that is
neither blank nor a comment; all lines make one command line; quotes may stand
within words, a backslash escapes, an unquoted ``#`` ends the line.  #BSUB, #PBS and
#CBATCH lines count behind commands as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from crane_compat.parsers.directive_words import Item, Word, words_of
from crane_compat.parsers.option_values import OptionError

_PREFIXES = (b"#SBATCH", b"#SLURM")


class Problem(NamedTuple):
    """Why a file is no batch script: a name for the reason, sbatch's lines, and where (line and column from 1)."""

    kind: str
    lines: tuple[str, ...]
    line: int = 1
    column: int = 1


def problems(script: bytes) -> Iterator[Problem]:
    """Everything for which sbatch refuses a file before it reads directives; the first is what it says."""
    if not script.strip():
        yield Problem("empty", ("Batch script is empty!",))
        return
    if not script.startswith(b"#!"):
        yield Problem(
            "no-interpreter",
            (
                "This does not look like a batch script.  The first",
                "line must start with #! followed by the path to an interpreter.",
                "For instance: #!/bin/sh",
            ),
        )
    for kind, piece, lines in (
        ("nul", b"\0", ("The Slurm controller does not allow scripts that", "contain a NULL character '\\0'.")),
        (
            "dos-line-ends",
            b"\r\n",
            ("Batch script contains DOS line breaks (\\r\\n)", "instead of expected UNIX line breaks (\\n)."),
        ),
    ):
        position = script.find(piece)
        if position >= 0:
            begin = script.rfind(b"\n", 0, position) + 1
            column = len(_decoded(script[begin:position])) + 1
            yield Problem(kind, lines, script.count(b"\n", 0, position) + 1, column)


def check_script(script: bytes, command: str = "sbatch") -> None:
    """Refuse what is no batch script.  Raises OptionError with sbatch's own lines."""
    for problem in problems(script):
        raise OptionError([f"{command}: error: {line}" for line in problem.lines], 1)


@dataclass(frozen=True, slots=True)
class Foreign:
    """What another scheduler's lines say."""

    dialect: str = ""  # "#BSUB" or "#PBS"; "" = the script has neither
    items: tuple[Item, ...] = ()

    @property
    def words(self) -> list[Word]:
        """In sbatch's words."""
        return [word for item in self.items for word in item.words]


@dataclass
class Directives:
    """The words of each component's #SBATCH lines, where components begin, and another scheduler's lines."""

    words: list[list[Word]] = field(default_factory=lambda: [[]])
    separators: list[Word] = field(default_factory=list)
    other: Foreign = Foreign()

    @property
    def components(self) -> list[list[str]]:
        """The words alone."""
        return [[word.text for word in words] for words in self.words]

    @property
    def foreign(self) -> list[str]:
        """The other scheduler's lines in sbatch's words."""
        return [word.text for word in self.other.words]


def _decoded(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")


def read_directives(command: str, script: bytes, name: str = "", foreign: bool = True) -> Directives:
    """A script's directives; ``#SBATCH hetjob`` starts the next component.  Raises OptionError.

    foreign: read #BSUB and #PBS lines as well (not with --ignore-pbs).
    """
    found = Directives()
    position = 0
    number = 0
    while position < len(script):
        end = script.find(b"\n", position)
        end = len(script) if end < 0 else end
        line = script[position:end]
        position = end + 1
        number += 1
        if line.startswith(_PREFIXES):
            prefix = _PREFIXES[0] if line.startswith(_PREFIXES[0]) else _PREFIXES[1]
            words = words_of(_decoded(line[len(prefix) :]), command, name, number, len(prefix))
            if [word.text for word in words] in (["hetjob"], ["packjob"]):
                found.separators += words
                found.words.append([])
            else:
                found.words[-1] += words
            continue
        stripped = line.lstrip()
        if stripped and not stripped.startswith(b"#"):
            break
    if foreign and command == "sbatch":
        found.other = _foreign(script, command, name)
    return found


def split_words(text: str, command: str = "sbatch", name: str = "", number: int = 0) -> list[str]:
    """A directive's words.  Raises OptionError for a quote without its end."""
    return [word.text for word in words_of(text, command, name, number)]


# ---------------------------------------------------------------- other schedulers' lines

#: so many lines that begin with no # end the search for #BSUB and #PBS lines
FOREIGN_DEPTH = 100


def _foreign(script: bytes, command: str, name: str) -> Foreign:
    """The first of #BSUB and #PBS that the script has.

    Slurm refuses a script over an option it does not know, and lets these lines overrule #SBATCH; a script with
    headers for both schedulers is meant to run on both, so we leave such an option out and #SBATCH counts more.
    """
    if b"#BSUB" not in script and b"#PBS" not in script:
        return Foreign()
    lines: dict[str, list[tuple[int, str]]] = {"#BSUB": [], "#PBS": []}
    commands = 0
    for number, line in enumerate(script.split(b"\n"), 1):
        if not line.startswith(b"#"):
            commands += 1
            if commands > FOREIGN_DEPTH:
                break
            continue
        for prefix, listed in lines.items():
            if line.startswith(prefix.encode()):
                listed.append((number, _decoded(line[len(prefix) :])))
    dialect = next((prefix for prefix, listed in lines.items() if listed), "")
    words = [words_of(text, command, name, number, len(dialect)) for number, text in lines.get(dialect, ())]
    if dialect == "#BSUB":
        from crane_compat.parsers import bsub_lines

        return Foreign(dialect, bsub_lines.translate(words))
    if dialect == "#PBS":
        from crane_compat.parsers import pbs_lines

        return Foreign(dialect, pbs_lines.translate(words))
    return Foreign()


# ---------------------------------------------------------------- the native commands' lines


def read_native(script: bytes, command: str = "cbatch", name: str = "") -> list[Word]:
    """The words of the #CBATCH lines, wherever they stand, also behind commands.  Raises OptionError.

    cbatch reads them, sbatch does not.  They are split like #SBATCH lines (the original takes one option a line,
    without quotes and comments).
    """
    found: list[Word] = []
    if b"#CBATCH" not in script:
        return found
    for number, line in enumerate(script.split(b"\n"), 1):
        if line.startswith(b"#CBATCH"):
            found += words_of(_decoded(line[7:]), command, name, number, 7)
    return found
