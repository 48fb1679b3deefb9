"""A request as the options that make it: words of a command line, or #SBATCH lines.

Reading what is printed gives the same request (a property test says so).
"""

from __future__ import annotations

from collections.abc import Iterator

from crane_compat.parsers.directive_words import quoted
from crane_compat.parsers.options import Submission


def words(found: Submission, component: int = 0) -> list[str]:
    """The options of one component by their whole names, as words; wherever they came from."""
    printed = []
    for option, value in found.applied[component]:
        printed.append(f"--{option.name}" if value is None else f"--{option.name}={value}")
    return printed


def command_line(found: Submission) -> list[str]:
    """All components, with ``:`` between them, and the operands of each."""
    line: list[str] = []
    for component in range(len(found.specs)):
        if component:
            line.append(":")
        line += words(found, component)
        if component < len(found.commands):
            line += found.commands[component]
    return line


def directives(found: Submission) -> Iterator[str]:
    """The same as lines of a batch script; values must be single lines."""
    for component in range(len(found.specs)):
        if component:
            yield "#SBATCH hetjob"
        for word in words(found, component):
            yield f"#SBATCH {quoted(word)}"
