"""Lines that are no directives, though they look like some."""

from __future__ import annotations

import re
from collections.abc import Iterator

from crane_compat.lint.findings import Subject, at
from crane_compat.parsers.directives import FOREIGN_DEPTH, Directives

_LIKE = re.compile(r"(\s*)(#+)([ \t]*)(SBATCH|SLURM|BSUB|PBS|CBATCH)(?![A-Za-z0-9_])(.*)", re.IGNORECASE | re.DOTALL)
_HERE_DOCUMENT = re.compile(r"<<(-?)\s*(['\"\\]?)([A-Za-z_][\w.-]*)\2")

#: what stands behind a directive's name that was meant as one
_OPTION = re.compile(r"\s*(?:-|[–—−]\w|hetjob\b)")


def check_lines(subject: Subject, directives: Directives) -> None:
    """Directives behind commands, and comments that look like directives."""
    begun = 0  # the first command's line
    commands = 0
    passed_over = False
    for number, line, quoted_text in _lines(subject.lines):
        if not line.startswith("#"):
            commands += 1
        match = _LIKE.match(line)
        if match is None:
            if not begun and line.strip() and not line.lstrip().startswith("#"):
                begun = number
            continue
        indent, hashes, gap, name, rest = match.groups()
        place = at(number, len(indent) + 1)
        if not indent and hashes == "#" and not gap and name.isupper():
            if name in ("SBATCH", "SLURM"):
                _sbatch(subject, number, begun, name, quoted_text)
            elif name in ("BSUB", "PBS") and not passed_over:
                passed_over = _other(subject, number, f"#{name}", directives.other.dialect, commands)
        elif not begun and _OPTION.match(rest):
            if hashes != "#":
                text = f"a comment: {hashes} switches the directive off"
                subject.add("note", "looks-like-directive", place, text, "remove the line if it is not needed")
            else:
                why = (
                    "it is indented"
                    if indent
                    else f"there is a blank behind {hashes}"
                    if gap
                    else "it is in lower case"
                )
                text = f"a comment, not a directive: {why}"
                subject.add("warning", "looks-like-directive", place, text, f"#{name.upper()} at the begin of the line")
        if not begun and not line.lstrip().startswith("#"):
            begun = number


def _lines(lines: list[str]) -> Iterator[tuple[int, str, bool]]:
    """(number, line, whether a here document has it)."""
    end = ""
    strips = False
    for number, line in enumerate(lines, 1):
        if end:
            yield number, line, True
            if (line.lstrip("\t") if strips else line).rstrip("\r") == end:
                end = ""
            continue
        yield number, line, False
        if not line.lstrip().startswith("#") and (match := _HERE_DOCUMENT.search(line)):
            strips, end = match[1] == "-", match[3]


def _sbatch(subject: Subject, number: int, begun: int, name: str, quoted_text: bool) -> None:
    if begun and quoted_text:
        text = "part of a here document: meant for the script that it writes, not for this one"
        subject.add("note", "after-command", at(number), text)
    elif begun:
        text = f"not read: it stands behind the first command (line {begun})"
        subject.add("warning", "after-command", at(number), text, "move it up, before the first command")
    elif name == "SLURM":
        text = "read like #SBATCH, for which it is an old name"
        subject.add("note", "old-prefix", at(number), text, "write #SBATCH")


def _other(subject: Subject, number: int, prefix: str, dialect: str, commands: int) -> bool:
    """A #BSUB or #PBS line; True where a reason has been given that holds for those behind it as well."""
    if dialect and prefix != dialect:
        text = f"{prefix} lines are not read: there are {dialect} lines"
    elif commands > FOREIGN_DEPTH:
        text = f"not read: sbatch looks for {prefix} lines until {FOREIGN_DEPTH} lines have begun with no #"
    else:
        return False
    hint = "keep one header" if dialect and prefix != dialect else "move it up, before the first command"
    subject.add("warning", "not-read", at(number), text, hint)
    return commands > FOREIGN_DEPTH or prefix == "#PBS"
