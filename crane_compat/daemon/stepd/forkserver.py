"""The process that step supervisors are forked from.

It has imported everything a supervisor needs and does nothing but fork, so
that starting a step costs a fork, not an interpreter's start, and supervisors
share its memory.  It ends when the node daemon does; supervisors go on.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import select
import signal
import socket
import subprocess
import sys

from setproctitle import setproctitle

from crane_compat.wire import frame, pb

from . import supervisor

#: Supervisors that wait for another step after theirs: how many, how long (seconds), for how many steps in all, and
#: how large they may have become (KiB).
SPARE = 16
SPARE_SECS = 5.0
STEPS = 500
LARGEST = 64 << 10


class ForkServerGone(Exception):
    """The fork server has died; `ForkServer.start_process` brings up another."""


class ForkServer:
    """The node daemon's handle on its fork server.

    >>> server = ForkServer.start("n1")            # doctest: +SKIP
    >>> sock = server.launch(step_launch)          # doctest: +SKIP

    `launch` gives a connected socket of frames: pb.NodeUp comes out of it
    (started, exits, done), pb.NodeDown goes in (signal, terminate,
    update_limit, notice, ping, ack).  End of file without `done` means that the
    supervisor died: `tracking.kill_leftovers`.
    """

    def __init__(self, control: socket.socket, pid: int) -> None:
        self._control = control
        self.pid = pid

    @classmethod
    def start(cls, node: str, log: int | None = None) -> ForkServer:
        """Fork the server; the caller must have no threads and no gRPC yet.

        `log` is the descriptor that supervisors' own troubles are written to (default: our stderr).
        """
        mine, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            try:
                mine.close()
                serve(theirs, node, log)
            finally:
                os._exit(0)
        theirs.close()
        return cls(mine, pid)

    @classmethod
    def start_process(cls, node: str, log: int | None = None) -> ForkServer:
        """Start the server as a new interpreter: for a caller that has threads (slower, ~0.2 s)."""
        mine, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", __name__, str(theirs.fileno()), node]
            process = subprocess.Popen(
                command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stderr=log, start_new_session=True
            )
        return cls(mine, process.pid)

    def spawn(self) -> socket.socket:
        """A (blocking) socket to a new supervisor, which waits for its pb.NodeDown(launch=…).

        Raises ForkServerGone.
        """
        mine, theirs = socket.socketpair()
        try:
            socket.send_fds(self._control, [b"."], [theirs.fileno()])
        except OSError as exc:
            mine.close()
            raise ForkServerGone(str(exc)) from exc
        finally:
            theirs.close()
        return mine

    def launch(self, launch: pb.StepLaunch) -> socket.socket:
        """Start a step; blocks for as long as the supervisor takes to read `launch` (under a millisecond)."""
        return self.send(pb.NodeDown(launch=launch))

    def send(self, order: pb.NodeDown) -> socket.socket:
        """Give a new child an order: to run a step, or to write a file.  Raises ForkServerGone."""
        sock = self.spawn()
        sock.sendall(frame(order))
        return sock

    def close(self) -> None:
        """Have the server end."""
        self._control.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def _quiet_descriptors(keep: int, log: int | None) -> None:
    """Nothing of the node daemon's may stay open here: a supervisor would hold it for as long as the step runs."""
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    if log is not None:
        os.dup2(log, 2)
    limit = os.sysconf("SC_OPEN_MAX")
    os.closerange(3, keep)
    os.closerange(keep + 1, limit)


def serve(control: socket.socket, node: str, log: int | None = None) -> None:
    """Fork a supervisor for each socket that comes in, until the node daemon is gone."""
    with contextlib.suppress(OSError):
        os.setsid()
    _quiet_descriptors(control.fileno(), log)
    control.set_inheritable(False)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are reaped by the kernel
    signal.set_wakeup_fd(-1)
    setproctitle(f"crane-forkserver: {node}")
    os.chdir("/")
    os.umask(0o022)
    supervisor.warm_up()
    gc.collect()
    gc.freeze()
    _Supervisors(control).run()


class _Supervisors:
    """The children: each runs a step, and another if one comes soon after; at most `SPARE` wait for that.

    Half of what a short step costs is copying the pages that a new supervisor writes to.
    """

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.channels: dict[int, socket.socket] = {}  # by descriptor; a word on it: ready for another step
        self.spare: list[int] = []
        self.poll = select.poll()
        self.poll.register(control, select.POLLIN)

    def run(self) -> None:
        while True:
            events = self.poll.poll(SPARE_SECS * 1000 if self.spare else None)
            if not events:
                self._close(self.spare.pop(0))
            for descriptor, _ in events:
                if descriptor != self.control.fileno():
                    self._hear(descriptor)
                elif not self._order():
                    return

    def _order(self) -> bool:
        """Start a supervisor on each socket that came in; False where the node daemon is gone."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self.control, 1, 1)
        except OSError:
            return False
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)  # what comes over a socket is inheritable, down to users' programs
            if not self._reuse(descriptor):
                self._fork(descriptor)
            os.close(descriptor)
        return bool(data)

    def _reuse(self, descriptor: int) -> bool:
        while self.spare:
            channel = self.channels[self.spare.pop()]
            try:
                socket.send_fds(channel, [b"."], [descriptor])
            except OSError:  # it was killed
                self._close(channel.fileno())
            else:
                return True
        return False

    def _hear(self, descriptor: int) -> None:
        channel = self.channels.get(descriptor)
        if channel is None:
            return
        try:
            word = channel.recv(1)
        except OSError:
            word = b""
        if not word:
            self._close(descriptor)
        else:
            self.spare.append(descriptor)
            if len(self.spare) > SPARE:
                self._close(self.spare.pop(0))

    def _close(self, descriptor: int) -> None:
        """The supervisor has ended, or shall."""
        if descriptor in self.spare:
            self.spare.remove(descriptor)
        self.poll.unregister(descriptor)
        self.channels.pop(descriptor).close()

    def _fork(self, descriptor: int) -> None:
        ours: socket.socket | None
        theirs: socket.socket | None
        try:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        except OSError:  # no descriptors left: a supervisor for this step alone
            ours = theirs = None
        try:
            pid = os.fork()
        except OSError:  # no process to be had: the node daemon sees its end of the socket close
            pid = -1
        if pid == 0:
            status = 1
            try:
                _live(descriptor, theirs)
                status = 0
            finally:
                os._exit(status)
        if theirs is not None:
            theirs.close()
        if ours is not None and pid > 0:
            self.channels[ours.fileno()] = ours
            self.poll.register(ours, select.POLLIN)


def _only(*keep: int) -> None:
    """Close all descriptors above standard error but these."""
    first = 3
    for descriptor in sorted(keep):
        os.closerange(first, descriptor)
        first = descriptor + 1
    os.closerange(first, first + 4096)


def _live(descriptor: int, channel: socket.socket | None) -> None:
    """A supervisor's life: a step, and as long as one leaves nothing behind, perhaps another."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for _ in range(STEPS):
        if channel is None:
            _only(descriptor)
        else:
            _only(descriptor, channel.fileno())
        if not supervisor.main(socket.socket(fileno=descriptor)) or channel is None:
            return
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        gc.collect()  # its objects must not close descriptors of the next step
        _only(channel.fileno())
        if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > LARGEST:
            return
        setproctitle("slurmstepd: [ready]")
        channel.send(b".")
        data, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
        if not data or not descriptors:
            return
        descriptor = descriptors[0]
        os.set_inheritable(descriptor, False)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2])
