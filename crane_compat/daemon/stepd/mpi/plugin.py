"""What the step supervisor has to do with MPI, whatever the protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from crane_compat.daemon.stepd.loop import Loop
from crane_compat.daemon.stepd.output import Identity
from crane_compat.daemon.stepd.tasks import Task
from crane_compat.parsers import mpi_types
from crane_compat.wire import pb

from .world import World

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


def create(
    launch: pb.StepLaunch, user: Identity, tasks: list[Task], loop: Loop, send: Send, abort: Abort
) -> Plugin | None:
    """The plug-in that the step asks for.  Raises MpiError, OSError."""
    name = launch.request.mpi
    if not mpi_types.is_known(name or "none"):
        raise MpiError(f"MPI: Cannot create context for mpi/{name}")
    server = mpi_types.serves(name)
    if not server:
        return None
    try:
        world = World.of(launch)
    except ValueError as exc:
        raise MpiError(str(exc)) from exc
    if server == mpi_types.PMI2:
        from .pmi import Server

        return Server(world, tasks, loop, send, abort)
    from .pmix import Pmix

    return Pmix(world, launch, user, tasks, loop, send, abort)
