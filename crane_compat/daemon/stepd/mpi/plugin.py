"""What the step supervisor has to do with MPI, whatever the protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from crane_compat.daemon.stepd.tasks import Task

#: Sends a message to srun: kind, payload.
Send = Callable[[int, bytes], None]

#: Ends the step for a task: rank, exit code (0 = see how it ends).
Abort = Callable[[int, int], None]


class MpiError(Exception):
    """The tasks cannot be given MPI; the text says why."""


class Plugin(Protocol):
    """Serves the tasks of one step on one node."""

    def helpers(self) -> set[int]:
        """Processes that are ours, not the step's."""

    def prepare(self, task: Task) -> None:
        """Before the fork: what the task needs in its environment and among its descriptors."""

    def forked(self, task: Task) -> None:
        """After the fork."""

    def ended(self, task: Task) -> None:
        """The task's process is over."""

    def message(self, kind: int, data: bytes) -> None:
        """From srun."""

    def cut_off(self) -> None:
        """srun is gone: the other nodes cannot be reached any more."""

    def close(self) -> None:
        """No task is left."""
