"""The node daemon's conversations with its children: frames of NodeUp come in, frames of NodeDown go out."""

from __future__ import annotations

import asyncio
import logging
import struct

from google.protobuf.message import DecodeError

from crane_compat.wire import frame, pb

log = logging.getLogger("slurmd")

_LENGTH = struct.Struct(">I")


class ChildPipe(asyncio.Protocol):
    """One conversation; `who` names the other end in the log."""

    def __init__(self, who: str) -> None:
        self.who = who
        self.buffer = bytearray()
        self.transport: asyncio.Transport | None = None

    def received(self, message: pb.NodeUp) -> None:
        """What the child says."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while len(self.buffer) >= _LENGTH.size:
            (size,) = _LENGTH.unpack_from(self.buffer)
            if len(self.buffer) < size + _LENGTH.size:
                return
            body = bytes(memoryview(self.buffer)[_LENGTH.size : size + _LENGTH.size])
            del self.buffer[: size + _LENGTH.size]
            try:
                message = pb.NodeUp.FromString(body)
            except DecodeError:
                log.error("%s sent no message", self.who)
                self.close()
                return
            self.received(message)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None

    def send(self, message: pb.NodeDown) -> None:
        if self.transport is not None:
            self.transport.write(frame(message))

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()
