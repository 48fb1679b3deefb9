"""What a job waits for: ``--dependency=afterok:12:13_4,singleton`` (sbatch(1)).

    dependency := condition {',' condition} | condition {'?' condition}
    condition  := 'singleton' | type ':' job {':' job} | job
    job        := ID ['_' (TASK | '*' | '[' TASKS ']')] ['+' NUMBER]

All conditions (``,``) or one of them (``?``) must come true.  A job without a type
means afterany.  ``+NUMBER`` is a delay in minutes with `after`, else the component
of a heterogeneous job.  The same in lark's notation: ``dependency.lark`` (a property
test keeps the two together).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from crane_compat.parsers.arrays import ArrayError, parse_array

TYPES = ("after", "afterany", "afterok", "afternotok", "aftercorr", "afterburstbuffer", "expand", "singleton")

#: a condition, a job: what stands in brackets holds no separators
_CONDITION = re.compile(r"(?:\[[\d,:-]*\]|[^,?])*", re.ASCII)
_ONE_JOB = re.compile(r"(?:\[[\d,:-]*\]|[^:])*", re.ASCII)
_JOB = re.compile(r"(\d{1,10})(?:_(?:(\d{1,10})|(\*)|\[([\d,:-]+)\]))?(?:\+(\d{1,9}))?", re.ASCII)


class DependencyError(ValueError):
    """No dependency: the piece at fault and its column (from 1)."""

    def __init__(self, text: str, column: int, part: str) -> None:
        self.text, self.column, self.part = text, column, part
        super().__init__(f"invalid dependency {text!r}: {part!r} at column {column}")


@dataclass(frozen=True, slots=True)
class Condition:
    """One job (or task of an array) and what must have become of it.

    task: None = the job, all of an array.  delay: minutes after its start.  component: of a heterogeneous job.
    """

    type: str
    job_id: int = 0
    task: int | None = None
    delay: int = 0
    component: int = 0

    @property
    def target(self) -> int:
        """The job's own id: the components of a heterogeneous job are numbered from its id on."""
        return self.job_id + self.component

    def __str__(self) -> str:
        if self.type == "singleton":
            return self.type
        task = f"_{self.task}" if self.task is not None else ""
        number = self.delay or self.component
        return f"{self.type}:{self.job_id}{task}" + (f"+{number}" if number else "")


@dataclass(frozen=True, slots=True)
class Conditions:
    """All conditions; `any_of`: one is enough."""

    conditions: tuple[Condition, ...]
    any_of: bool = False

    def __str__(self) -> str:
        return ("?" if self.any_of else ",").join(map(str, self.conditions))


def parse_dependency(text: str) -> Conditions:
    """Read a dependency; empty or ``0`` is none.  Raises DependencyError."""
    if text.strip() in ("", "0"):
        return Conditions(())
    conditions: list[Condition] = []
    separator = ""
    for start, end in _pieces(_CONDITION, text):
        if start and separator not in ("", text[start - 1]):
            raise DependencyError(text, start, text[start - 1])
        separator = text[start - 1] if start else ""
        conditions += _condition(text, start + 1, text[start:end])
    return Conditions(tuple(conditions), separator == "?")


def _pieces(form: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    """Where the pieces of a list begin and end; one character separates them."""
    position = 0
    while True:
        match = form.match(text, position)
        end = match.end() if match else position
        yield position, end
        if end >= len(text):
            return
        position = end + 1


def _condition(text: str, column: int, piece: str) -> list[Condition]:
    kind, colon, jobs = piece.strip().partition(":")
    kind = kind.lower()
    if not colon and kind[:1].isdigit():
        kind, jobs = "afterany", piece.strip()
    elif kind == "singleton" and not colon:
        return [Condition(kind)]
    elif kind not in TYPES or kind == "singleton":
        raise DependencyError(text, column, piece)
    found: list[Condition] = []
    for start, end in _pieces(_ONE_JOB, jobs):
        found += _job(text, column, jobs[start:end], kind)
    return found


def _job(text: str, column: int, job: str, kind: str) -> list[Condition]:
    match = _JOB.fullmatch(job)
    if match is None:
        raise DependencyError(text, column, job)
    number = int(match[5] or 0)
    delay, component = (number, 0) if kind == "after" else (0, number)
    if match[4] is not None:
        try:
            tasks: list[int | None] = [*parse_array(match[4])]
        except ArrayError:
            raise DependencyError(text, column, job) from None
    else:
        tasks = [int(match[2]) if match[2] is not None else None]
    return [Condition(kind, int(match[1]), task, delay, component) for task in tasks]
