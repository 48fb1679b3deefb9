"""``--mpi=pmix``: the step supervisor's side of the PMIx server that it starts.

Between that server and srun it passes messages on without looking at them.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import time

from google.protobuf.message import DecodeError

from crane_compat.daemon.stepd import spool
from crane_compat.daemon.stepd.loop import READ, WRITE, Loop
from crane_compat.daemon.stepd.output import Identity
from crane_compat.daemon.stepd.stream import (
    ALL,
    Assembler,
    Channel,
    Frame,
    Kind,
    StreamError,
    pack_number,
    unpack_number,
)
from crane_compat.daemon.stepd.tasks import Task
from crane_compat.wire import pb

from . import pmix_server
from .plugin import Abort, MpiError, Send
from .world import World

#: Seconds in which the server must be ready.
READY_SECS = 30.0


class Pmix:
    """`plugin.Plugin` for PMIx."""

    def __init__(
        self, world: World, launch: pb.StepLaunch, user: Identity, tasks: list[Task], loop: Loop, send: Send,
        abort: Abort,
    ) -> None:  # fmt: skip
        self.world, self.loop, self._send, self._abort = world, loop, send, abort
        self._living = {task.rank for task in tasks}
        self._joined: set[int] = set()  # tasks that have begun with PMIx, and not ended it yet
        self._finalized: set[int] = set()
        self._lost: set[int] = set()  # tasks that have ended otherwise
        self._left = self._closed = False
        self._assembler = Assembler()
        self._shared = _shared_env(world, launch.request.io_port)
        self._directory = _make_directory(launch, user)
        ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            pmix_server.main(world, user, self._directory, theirs)
        theirs.close()
        self._channel = Channel(ours)
        try:
            ready = self._await_ready()
        except BaseException:
            self.close()
            raise
        self._env = {
            rank: {key: value for key, _, value in (item.partition(b"=") for item in task.env)}
            for rank, task in zip(world.ranks, ready.tasks, strict=True)
        }
        self._watch()

    def _await_ready(self) -> pb.PmixReady:
        deadline = time.monotonic() + READY_SECS
        while not self._channel.closed and (left := deadline - time.monotonic()) > 0:
            select.select([self._channel], [], [], left)
            with contextlib.suppress(StreamError):
                for frame in self._channel.frames():
                    if (data := self._assembler.add(frame)) is not None and frame.kind == Kind.PMIX_READY:
                        return self._checked(data)
        raise MpiError("MPI: the PMIx server did not start")

    def _checked(self, data: bytes) -> pb.PmixReady:
        try:
            ready = pb.PmixReady.FromString(data)
        except DecodeError as exc:
            raise MpiError("MPI: the PMIx server did not start") from exc
        if ready.error or len(ready.tasks) != len(self.world.ranks):
            raise MpiError(f"MPI: Cannot create context for mpi/pmix: {ready.error}")
        return ready

    # ------------------------------------------------------------ plugin.Plugin

    def helpers(self) -> set[int]:
        return {self.pid}

    def prepare(self, task: Task) -> None:
        task.env |= self._env[task.rank] | self._shared

    def forked(self, task: Task) -> None:
        pass

    def ended(self, task: Task) -> None:
        self._ready(READ)  # it may just have said that it will take part in nothing more
        self._living.discard(task.rank)
        if task.rank not in self._finalized:
            self._joined.discard(task.rank)
            self._lost.add(task.rank)
            self._check_lost()
        if not self._left and not self.world.alone and (self._lost or not self._living):
            self._left = True
            self._send(Kind.LEAVE, pack_number(min(self._lost, default=task.rank)))

    def _check_lost(self) -> None:
        """Where some of our tasks use PMIx and one has ended without it, libpmix would have them wait for ever."""
        if self._lost and self._joined:
            self._abort(min(self._lost), 0)

    def message(self, kind: int, data: bytes) -> None:
        self._channel.send_message(kind, data)
        self._watch()

    def cut_off(self) -> None:
        self._channel.send(Kind.LEAVE)
        self._watch()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if not self._channel.closed:
            self.loop.unwatch(self._channel)
            self._channel.close()
        with contextlib.suppress(ChildProcessError):  # it has ended, and been waited for: its number may be another's
            if os.waitpid(self.pid, os.WNOHANG) == (0, 0):
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
        shutil.rmtree(self._directory, ignore_errors=True)

    # ------------------------------------------------------------ the server

    def _watch(self) -> None:
        if not self._channel.closed:
            self.loop.watch(self._channel, READ | (WRITE if self._channel.wants_write else 0), self._ready)

    def _ready(self, events: int) -> None:
        if self._channel.closed:
            return
        descriptor = self._channel.fileno()
        if events & WRITE:
            self._channel.flush()
        if events & READ:
            try:
                for frame in self._channel.frames():
                    self._frame(frame)
            except StreamError:
                self._channel.close()
        if self._channel.closed:
            self.loop.unwatch(descriptor)
            if not self._closed:  # its clients cannot go on without it
                self._abort(ALL, 1)
        else:
            self._watch()

    def _frame(self, frame: Frame) -> None:
        if frame.kind == Kind.MPI_ABORT:
            self._abort(frame.rank, unpack_number(frame.data))
        elif frame.kind == Kind.PMIX_JOINED:
            self._joined.add(frame.rank)
            self._check_lost()
        elif frame.kind == Kind.PMIX_FINALIZED:
            self._joined.discard(frame.rank)
            self._finalized.add(frame.rank)
        elif frame.kind in (Kind.GATHER, Kind.RELAY) and (data := self._assembler.add(frame)) is not None:
            self._send(frame.kind, data)


def _make_directory(launch: pb.StepLaunch, user: Identity) -> str:
    """Where the server and its clients keep their files; the user's.  Raises OSError."""
    path = spool.pmix_directory(launch.settings.spool, launch.job_id, launch.step_id)
    shutil.rmtree(path, ignore_errors=True)  # of an earlier run of the job
    os.mkdir(path, mode=0o700)
    if os.geteuid() == 0:
        os.chown(path, user.uid, user.gid)
    return path + "/"


def _shared_env(world: World, port: int) -> dict[bytes, bytes]:
    """Variables that Slurm's plug-in gives beside those of the library."""
    key = f"{world.job_id:08x}{int(world.step):08x}"
    return {
        b"SLURM_PMIX_MAPPING_SERV": world.mapping.encode(),
        b"SLURM_PMIXP_ABORT_AGENT_PORT": b"%d" % port,
        b"OMPI_MCA_orte_precondition_transports": f"{key}-{key}".encode(),
    }
