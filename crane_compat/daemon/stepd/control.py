"""A supervisor's conversations with node daemons: frames of pb.NodeDown in, pb.NodeUp out.

The node daemon that started the step holds one from the beginning; one that
was restarted connects to the step's socket in the spool.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

from google.protobuf.message import DecodeError

from crane_compat.wire import MAX_FRAME, frame, pb

from .loop import READ, WRITE, Loop

_LENGTH = struct.Struct(">I")


class Peer:
    """One connected node daemon."""

    def __init__(
        self,
        loop: Loop,
        sock: socket.socket,
        on_message: Callable[[Peer, pb.NodeDown], None],
        on_gone: Callable[[Peer], None],
    ) -> None:
        sock.setblocking(False)
        self.loop, self.sock, self.on_message, self.on_gone = loop, sock, on_message, on_gone
        self._in = bytearray()
        self._out = bytearray()
        self.closed = False
        loop.watch(sock, READ, self._ready)

    def send(self, message: pb.NodeUp) -> None:
        if not self.closed:
            self._out += frame(message)
            self._flush()

    def _flush(self) -> None:
        while self._out:
            try:
                sent = self.sock.send(self._out)
            except BlockingIOError:
                break
            except OSError:  # it does not listen any more; what it has said is still to be read, to its end
                self._out.clear()
                break
            del self._out[:sent]
        self.loop.watch(self.sock, READ | (WRITE if self._out else 0), self._ready)

    def _ready(self, events: int) -> None:
        if events & WRITE:
            self._flush()
        if events & READ and not self.closed:
            try:
                data = self.sock.recv(64 << 10)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self.close()
                return
            self._in += data
            self._parse()

    def _parse(self) -> None:
        while len(self._in) >= _LENGTH.size and not self.closed:
            (size,) = _LENGTH.unpack_from(self._in)
            if size > MAX_FRAME:
                self.close()
                return
            end = _LENGTH.size + size
            if len(self._in) < end:
                return
            body = bytes(self._in[_LENGTH.size : end])
            del self._in[:end]
            try:
                message = pb.NodeDown.FromString(body)
            except DecodeError:
                self.close()
                return
            self.on_message(self, message)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.loop.unwatch(self.sock)
            self.sock.close()
            self.on_gone(self)
