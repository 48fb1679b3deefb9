"""The file of ``srun --multi-prog``: which program each task runs.

A line is ``TASKS PROGRAM [ARGUMENTS]``; TASKS is a list of ranks and ranges or
``*`` for all that no other line names.  In the program and its arguments ``%t``
stands for the task's rank and ``%o`` for its place within the line's tasks.
Comments begin with ``#``, a line ending in a backslash goes on in the next, and
blanks can be quoted.  Source: srun(1) "MULTIPLE PROGRAM CONFIGURATION".
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass


class MultiProgError(ValueError):
    """The file cannot be used; `lines` are what srun prints behind ``srun: error: ``."""

    def __init__(self, *lines: str) -> None:
        self.lines = lines
        super().__init__(lines[-1])


@dataclass(frozen=True)
class Entry:
    """One line: its tasks, in ascending order (None = the rest), and its words."""

    tasks: tuple[int, ...] | None
    words: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """Which entry each rank runs, and as which of the entry's tasks."""

    by_rank: dict[int, tuple[Entry, int]]

    def argv(self, rank: int) -> list[bytes]:
        """The argument vector of a task."""
        entry, offset = self.by_rank[rank]
        values = {"%t": str(rank), "%o": str(offset)}
        return [
            re.sub("%[to]", lambda match: values[match[0]], word).encode(errors="surrogateescape")
            for word in entry.words
        ]


_RANGE = re.compile(r"(\d+)(?:-(\d+))?\Z")

#: No step has more tasks; a range beyond it is a mistake, not a request for memory.
_MOST_TASKS = 1 << 22


def _ranks(text: str, tasks: int) -> tuple[int, ...] | None:
    """The ranks of ``0,2-4`` that there are among `tasks`.  Raises ValueError."""
    if text == "*":
        return None
    found: set[int] = set()
    for part in text.split(","):
        match = _RANGE.match(part)
        if not match:
            raise ValueError(part)
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or last >= _MOST_TASKS:
            raise ValueError(part)
        found.update(range(first, min(last + 1, tasks)))
    return tuple(sorted(found))


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = "#"
    return list(lexer)


def parse(data: bytes, tasks: int, name: str) -> Plan:
    """The plan for a step of `tasks` tasks; `name` is the file's, for messages.  Raises MultiProgError."""
    by_rank: dict[int, tuple[Entry, int]] = {}
    rest: Entry | None = None
    text = data.decode(errors="surrogateescape").replace("\\\n", " ")
    for number, line in enumerate(text.split("\n"), 1):
        invalid = f"Line {number} of configuration file {name} invalid"
        try:
            words = _words(line)
            if not words:
                continue
            entry = Entry(_ranks(words[0], tasks), tuple(words[1:]))
        except ValueError:
            raise MultiProgError(invalid) from None
        if not entry.words:
            raise MultiProgError(invalid)
        if entry.tasks is None:
            rest = entry
            continue
        for offset, rank in enumerate(entry.tasks):
            if rank in by_rank:
                raise MultiProgError(f"Duplicate record for task {rank}", invalid)
            by_rank[rank] = (entry, offset)
    missing = [rank for rank in range(tasks) if rank not in by_rank]
    if missing and rest is None:
        raise MultiProgError(f"Configuration file {name} invalid, no record for task id {missing[0]}")
    if rest is not None:
        for rank in missing:
            # As recorded: with "0", "1-2" and "*" over five tasks, %o of task 3 is 3.
            by_rank[rank] = (rest, rank)
    return Plan(by_rank)
