"""A step's files: names from patterns, opened with the user's rights.

Source: sbatch(1), srun(1) "FILENAME PATTERN" and the recordings.  Missing
parent directories are made, as 25.11 does.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from typing import NamedTuple

#: What %a shows outside of an array (Slurm's NO_VAL).
NO_TASK = 0xFFFFFFFE

#: Widest zero padding a pattern may ask for.
MAX_WIDTH = 10

_FIELD = re.compile(r"%(\d*)([%A-Za-z])")


class Identity(NamedTuple):
    """Whose rights files are opened and tasks run with."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]

    @classmethod
    def of(cls, name: str, uid: int, gid: int) -> Identity:
        """With all groups of `name`; one unknown to this node has its main group only."""
        try:
            groups = os.getgrouplist(name, gid)
        except (OSError, UnicodeError):
            groups = [gid]
        return cls(name, uid, gid, tuple(groups))


@contextlib.contextmanager
def rights_of(user: Identity) -> Iterator[None]:
    """Act on files as `user`.  The process must be single-threaded: the rights are the whole process's."""
    if os.geteuid() != 0:  # not root: there is only one to act as
        yield
        return
    mine = os.getgroups()
    os.setgroups(user.groups)
    os.setegid(user.gid)
    os.seteuid(user.uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(mine)


class Names(NamedTuple):
    """What the letters of a file name pattern stand for."""

    job_id: int
    step: str  # "batch", "0"
    node: str
    node_index: int
    rank: int
    user: str
    job_name: str
    array_job_id: int = 0
    array_task_id: int = NO_TASK
    restarts: int = 0

    def _value(self, letter: str) -> str | None:
        match letter:
            case "%":
                return "%"
            case "A":
                return str(self.array_job_id or self.job_id)
            case "a":
                return str(self.array_task_id)
            case "b":
                return str(self.array_task_id % 10)
            case "J":
                return str(self.job_id) if self.step == "batch" else f"{self.job_id}.{self.step}"
            case "j":
                return str(self.job_id)
            case "N":
                return self.node.split(".")[0]
            case "n":
                return str(self.node_index)
            case "r":
                return str(self.restarts)
            case "s":
                return self.step
            case "t":
                return str(self.rank)
            case "u":
                return self.user
            case "x":
                return self.job_name
        return None

    def expand(self, pattern: str) -> str:
        r"""The file name; a backslash in the pattern switches all substitution off.

        >>> Names(12, "batch", "n1", 0, 0, "alice", "x").expand("o-%4j-%x-%q.out")
        'o-0012-x-%q.out'
        """
        if "\\" in pattern:
            return pattern.replace("\\", "")

        def replace(match: re.Match[str]) -> str:
            value = self._value(match[2])
            if value is None:
                return match[0]
            return value.zfill(min(int(match[1]), MAX_WIDTH)) if match[1] and value.isdigit() else value

        return _FIELD.sub(replace, pattern)


def path_of(name: str, work_dir: str) -> str:
    """Relative names are against the job's directory."""
    return os.path.join(work_dir or "/", name)


def _open(path: str, flags: int) -> int:
    # Without O_NONBLOCK a FIFO that nobody reads would hold up the supervisor for ever.
    flags |= os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o666)
    except OSError as exc:
        if exc.errno != errno.ENXIO or flags & os.O_ACCMODE == os.O_RDONLY:
            raise
        descriptor = os.open(path, flags & ~os.O_ACCMODE | os.O_RDWR, 0o666)
    os.set_blocking(descriptor, True)
    return descriptor


def open_output(path: str, append: bool, umask: int, user: Identity) -> int:
    """Open a task's output file, making its directories.  Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (0 if append else os.O_TRUNC)
    old = os.umask(umask)
    try:
        with rights_of(user):
            try:
                return _open(path, flags)
            except FileNotFoundError:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                return _open(path, flags)
    finally:
        os.umask(old)


def open_input(path: str, user: Identity) -> int:
    """Open a task's standard input.  Raises OSError."""
    with rights_of(user):
        return _open(path, os.O_RDONLY)
