"""The daemons' unix sockets: frames in, frames out, the caller known from the kernel.

`FrameServer` gives every connection's requests, in order, to one handler.  The
peer's uid, gid and pid are those of SO_PEERCRED at the time of the connect;
nothing in a message can change them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import struct
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from google.protobuf.message import DecodeError

from crane_compat.core.errors import TEXT, Errno, RequestError
from crane_compat.wire import MAX_FRAME, PROTOCOL, frame, pb

log = logging.getLogger("rpc")

_LENGTH = struct.Struct(">I")
_CREDENTIALS = struct.Struct("3i")


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end."""

    uid: int
    gid: int
    pid: int


class Conversation(Protocol):
    """What a handler needs of the other end: a unix socket's `Connection`, or a gRPC stream."""

    peer: Peer
    on_close: list[Callable[[], None]]

    @property
    def closed(self) -> bool: ...

    def send(self, response: pb.Response) -> None: ...

    def refuse(self, error: RequestError) -> None: ...


class Connection(asyncio.Protocol):
    """One client: splits the byte stream into requests and writes responses."""

    def __init__(self, server: FrameServer) -> None:
        self.server = server
        self.buffer = bytearray()
        self.transport: asyncio.Transport | None = None
        self.peer = Peer(-1, -1, -1)
        self.on_close: list[Callable[[], None]] = []

    @property
    def closed(self) -> bool:
        return self.transport is None or self.transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        sock: socket.socket = transport.get_extra_info("socket")
        pid, uid, gid = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
        self.peer = Peer(uid, gid, pid)
        self.server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.connections.discard(self)
        self.transport = None
        for callback in self.on_close:
            callback()
        self.on_close.clear()

    def data_received(self, data: bytes) -> None:
        buffer = self.buffer
        buffer += data
        while len(buffer) >= 4:
            (size,) = _LENGTH.unpack_from(buffer)
            if size > MAX_FRAME:
                log.error("closing a connection of uid %d: frame of %d bytes", self.peer.uid, size)
                self.close()
                return
            if len(buffer) < size + 4:
                return
            body = bytes(memoryview(buffer)[4 : size + 4])
            del buffer[: size + 4]
            try:
                request = pb.Request.FromString(body)
            except DecodeError:
                log.error("closing a connection of uid %d: not a request", self.peer.uid)
                self.close()
                return
            self.server.dispatch(self, request)

    def send(self, response: pb.Response) -> None:
        """Queue a response; silently nothing where the client is gone."""
        if self.transport is not None:
            self.transport.write(frame(response))

    def send_raw(self, body: bytes) -> None:
        """Queue a response that is serialised already."""
        if self.transport is not None:
            self.transport.write(_LENGTH.pack(len(body)))
            self.transport.write(body)

    def refuse(self, error: RequestError) -> None:
        """Answer with an error."""
        self.send(pb.Response(rc=int(error.errno), error=error.text, messages=list(error.details)))

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()


#: the conversation is a `Connection`, or a `StreamLink` of rpc.remote; what cannot be done at once is given back
#: as a coroutine
Handler = Callable[[Any, pb.Request], Coroutine[Any, Any, None] | None]

Observer = Callable[[str, pb.Request, int, float], None]


def bind_socket(path: str, mode: int = 0o666) -> socket.socket:
    """A listening socket at `path`, in the place of a dead predecessor's; called while still root."""
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.bind(path)
    os.chmod(path, mode)
    sock.listen(512)
    sock.setblocking(False)
    return sock


class FrameServer:
    """A listening unix socket.  `handlers`: request body name → function(connection, request).

    `observe` is told of every request a handler has worked on: its body's name, itself, whose it was, the seconds.
    """

    def __init__(self, handlers: dict[str, Handler], observe: Observer | None = None) -> None:
        self.handlers = handlers
        self.observe = observe
        self.connections: set[Connection] = set()
        self.server: asyncio.Server | None = None
        self.path = ""
        self._tasks: set[asyncio.Future[None]] = set()  # kept from the garbage collector while they run

    async def listen(self, path: str, sock: socket.socket | None = None) -> None:
        """Listen at `path`, or on the socket that `bind_socket` made there."""
        loop = asyncio.get_running_loop()
        self.path = path
        self.server = await loop.create_unix_server(lambda: Connection(self), sock=sock or bind_socket(path))

    def dispatch(self, connection: Conversation, request: pb.Request) -> None:
        """Find the handler; refusals and faults become answers, never a closed connection without a word."""
        name = request.WhichOneof("body") or ""
        if request.protocol != PROTOCOL:
            connection.refuse(RequestError(Errno.PROTOCOL_VERSION))
            return
        handler = self.handlers.get(name)
        if handler is None:
            connection.refuse(RequestError(Errno.UNEXPECTED_MSG))
            return
        start, rest = time.perf_counter(), None
        with self._answered(connection, name):
            rest = handler(connection, request)
        if rest is None:
            self._worked(connection, name, request, start)
            return
        task = asyncio.ensure_future(self._finish(connection, name, request, rest, start))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _finish(
        self, connection: Conversation, name: str, request: pb.Request, rest: Coroutine[Any, Any, None], start: float
    ) -> None:
        with self._answered(connection, name):
            await rest
        self._worked(connection, name, request, start)

    def _worked(self, connection: Conversation, name: str, request: pb.Request, start: float) -> None:
        if self.observe is not None:
            self.observe(name, request, connection.peer.uid, time.perf_counter() - start)

    @property
    def in_work(self) -> int:
        """Requests that wait for something before they can be answered."""
        return len(self._tasks)

    @contextlib.contextmanager
    def _answered(self, connection: Conversation, name: str) -> Iterator[None]:
        try:
            yield
        except RequestError as exc:
            connection.refuse(exc)
        except Exception:
            log.exception("request %s of uid %d failed", name, connection.peer.uid)
            connection.refuse(RequestError(Errno.INTERNAL, TEXT[Errno.INTERNAL]))

    async def close(self) -> None:
        """Stop listening and drop all connections."""
        if self.server is not None:
            self.server.close()
        for connection in list(self.connections):
            connection.close()
        with contextlib.suppress(OSError):  # the directory may be root's: the next daemon takes the name over
            os.unlink(self.path)
