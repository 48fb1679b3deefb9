"""The commands' way to a daemon: a blocking conversation over its unix socket.

Who the caller is, the daemon reads from the socket (SO_PEERCRED); nothing of
that is in the messages.  On a host without the controller the local craned's
agent socket takes the same conversation and relays it.
"""

from __future__ import annotations

import contextlib
import glob
import os
import socket
from collections.abc import Iterator

from crane_compat import paths
from crane_compat.core.errors import Errno, RequestError
from crane_compat.wire import PROTOCOL, FrameError, pb, recv_frame, send


class Unreachable(Exception):
    """No daemon answers on this host for the configuration."""


def _connect(path: str, timeout: float | None) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout)
        sock.connect(path)
        sock.settimeout(None)
    except OSError:
        sock.close()
        raise
    return sock


class Client:
    """One connection; requests on it are answered in order.

    ``Client.controller(conf)`` and ``Client.accounting(conf)`` connect, raising Unreachable.
    """

    def __init__(self, sock: socket.socket, command: str) -> None:
        self.sock = sock
        self.command = command

    @classmethod
    def controller(cls, conf: str, command: str = "") -> Client:
        """Connect to the controller of the cluster of `conf`, directly or through this host's agent."""
        candidates = [paths.controller_socket(conf)]
        candidates += sorted(glob.glob(paths.agent_socket(conf, "*")))
        return cls._first(candidates, command)

    @classmethod
    def accounting(cls, conf: str, command: str = "") -> Client:
        """Connect to the accounting daemon, or to the agent that relays to it."""
        candidates = [paths.accounting_socket(conf)]
        candidates += sorted(glob.glob(paths.agent_socket(conf, "*")))
        return cls._first(candidates, command)

    @classmethod
    def _first(cls, candidates: list[str], command: str) -> Client:
        error: OSError | None = None
        for path in candidates:
            try:
                return cls(_connect(path, 10.0), command)
            except OSError as exc:
                error = error or exc
        raise Unreachable(os.strerror(error.errno) if error and error.errno else "Connection refused")

    def fileno(self) -> int:
        return self.sock.fileno()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.sock.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def request(self, request: pb.Request) -> None:
        """Send without waiting for the answer."""
        request.protocol = PROTOCOL
        request.command = self.command
        try:
            send(self.sock, request)
        except OSError as exc:
            raise Unreachable(str(exc)) from exc

    def receive(self) -> pb.Response | None:
        """The next response; None where the daemon closed the connection.  Does not raise on rc."""
        try:
            return recv_frame(self.sock, pb.Response)
        except (OSError, FrameError) as exc:
            raise Unreachable(str(exc)) from exc

    def call(self, request: pb.Request, check: bool = True) -> pb.Response:
        """Send and take the first response.

        Raises RequestError where the daemon refuses (unless `check` is false), Unreachable where it is gone.
        """
        self.request(request)
        response = self.receive()
        if response is None:
            raise Unreachable("the daemon closed the connection")
        if check and response.rc:
            raise error_of(response)
        return response

    def stream(self, request: pb.Request) -> Iterator[pb.Response]:
        """Send and yield responses until one without `more`, raising RequestError on a refusal."""
        self.request(request)
        while (response := self.receive()) is not None:
            if response.rc:
                raise error_of(response)
            yield response
            if not response.more:
                return


def error_of(response: pb.Response) -> RequestError:
    """The refusal in `response` as the exception that carries it."""
    try:
        errno = Errno(response.rc)
    except ValueError:
        errno = Errno.INTERNAL
    return RequestError(errno, response.error, tuple(response.messages))
