"""Messages shared by every part, and their framing on stream sockets.

A frame is a 4-byte big-endian length followed by one serialised message.
``crane_pb2`` is generated from ``crane.proto`` by ``python -m crane_compat.wire.generate``;
a test keeps the two in step.
"""

from __future__ import annotations

import socket
import struct
from typing import TypeVar

from google.protobuf.message import Message

from . import crane_pb2 as pb

#: Version of the conversation between commands, controller and node daemons.
#: A daemon refuses a peer with another number, by name (`core.errors.PROTOCOL_VERSION`).
PROTOCOL = 1

#: No message may be larger (bytes): a client cannot make a daemon allocate without bound.
MAX_FRAME = 256 << 20

#: No block of a file that is sent to nodes may be larger (bytes).
MAX_BLOCK = 1 << 20

INFINITE = 0xFFFFFFFF

_LENGTH = struct.Struct(">I")
M = TypeVar("M", bound=Message)

__all__ = ["INFINITE", "MAX_BLOCK", "MAX_FRAME", "PROTOCOL", "FrameError", "frame", "pb", "recv_frame", "send"]


class FrameError(Exception):
    """The peer sent something that is no frame, or closed in the middle of one."""


def frame(message: Message) -> bytes:
    """The bytes of one frame holding `message`."""
    body = message.SerializeToString()
    return _LENGTH.pack(len(body)) + body


def send(sock: socket.socket, message: Message) -> None:
    """Write one frame (blocking socket)."""
    sock.sendall(frame(message))


def _exactly(sock: socket.socket, size: int) -> bytes:
    first = sock.recv(size)
    if len(first) == size or not first:
        return first
    parts = [first]
    missing = size - len(first)
    while missing:
        part = sock.recv(min(missing, 1 << 20))
        if not part:
            raise FrameError("connection closed in the middle of a frame")
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def recv_frame(sock: socket.socket, kind: type[M]) -> M | None:
    """Read one frame (blocking socket); None where the peer closed between frames.

    Raises FrameError on a truncated or oversized frame.
    """
    head = _exactly(sock, 4)
    if not head:
        return None
    (size,) = _LENGTH.unpack(head)
    if size > MAX_FRAME:
        raise FrameError(f"frame of {size} bytes is larger than {MAX_FRAME}")
    body = _exactly(sock, size) if size else b""
    if len(body) != size:
        raise FrameError("connection closed in the middle of a frame")
    return kind.FromString(body)
