"""What the tasks of an MPI program ask of their step: who they are, where the others are, and to meet them."""

from __future__ import annotations

from crane_compat.daemon.stepd.loop import Loop
from crane_compat.daemon.stepd.output import Identity
from crane_compat.daemon.stepd.tasks import Task
from crane_compat.parsers import mpi_types
from crane_compat.wire import pb

from .plugin import Abort, MpiError, Plugin, Send
from .pmi import Server
from .pmix import Pmix
from .world import World

__all__ = ["MpiError", "Plugin", "create"]


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
        return Server(world, tasks, loop, send, abort)
    return Pmix(world, launch, user, tasks, loop, send, abort)
