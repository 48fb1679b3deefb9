"""The process that step supervisors are forked from.

It has imported everything a supervisor needs and does nothing but fork, so
that starting a step costs a fork, not an interpreter's start, and supervisors
share its memory.  It ends when the node daemon does; supervisors go on.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import subprocess
import sys

from setproctitle import setproctitle

from crane_compat.wire import frame, pb

from . import supervisor


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
        sock = self.spawn()
        sock.sendall(frame(pb.NodeDown(launch=launch)))
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
    while True:
        try:
            data, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        except OSError:
            break
        if not data:
            break
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)  # what comes over a socket is inheritable, down to users' programs
            _fork(descriptor, control)


def _fork(descriptor: int, control: socket.socket) -> None:
    try:
        pid = os.fork()
    except OSError:  # no process to be had: the node daemon sees its end of the socket close
        os.close(descriptor)
        return
    if pid:
        os.close(descriptor)
        return
    status = 1
    try:
        control.close()
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        supervisor.main(socket.socket(fileno=descriptor))
        status = 0
    finally:
        os._exit(status)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2])
