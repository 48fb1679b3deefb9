"""The conversation between a step's supervisors and the srun that watches it.

One TCP connection a node, opened by the supervisor towards srun's listener.
A frame is a kind (1 byte), a task rank (4 bytes, signed, big-endian; ALL where
no single task is meant), a length (4 bytes) and that many bytes.  The
supervisor's first frame is HELLO: the 16-byte key that srun made for the step,
then a serialised `Hello`; whoever cannot present the key is dropped.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

#: Rank of a frame that concerns every task.
ALL = -1

#: Bytes of the key that opens a conversation.
KEY_SIZE = 16

#: Largest payload of one frame (bytes).
MAX_PAYLOAD = 1 << 20

#: Largest message that may come in several frames (bytes).
MAX_MESSAGE = 256 << 20

_HEAD = struct.Struct(">BiI")
_EXIT = struct.Struct(">iI")
_HELLO = struct.Struct(">III")
_SIZE = struct.Struct(">HH")
_SIGNAL = struct.Struct(">I")


class Kind(IntEnum):
    """What a frame carries; the first group goes to srun, the second comes from it."""

    HELLO = 1
    OUT = 2
    ERR = 3
    EXIT = 4  # wait statuses, see pack_exits
    NOTICE = 5  # text that srun prints as its own
    ABORT = 6  # the step is being killed; seconds until srun gives up
    END = 7  # nothing more will come from this node
    GATHER = 8  # pb.MpiGather
    RELAY = 9  # pb.MpiRelay
    LEAVE = 10  # no collective operation can succeed any more that needs this node, for want of this task (pack_number)
    MPI_ABORT = 11  # the frame's task ends the step; its exit code, 0 = see how it ends

    PMIX_READY = 12  # pb.PmixReady; these a PMIx server says to its supervisor alone
    PMIX_JOINED = 13  # the frame's task has connected
    PMIX_FINALIZED = 14  # it will take part in nothing more

    STDIN = 16
    STDIN_EOF = 17
    SIGNAL = 18
    WINDOW = 19
    GATHERED = 20  # pb.MpiGathered
    RELAYED = 21  # pb.MpiRelay


#: What comes from srun for the step's MPI server, and may come in pieces.
TO_MPI = (Kind.GATHERED, Kind.RELAYED)


class Frame(NamedTuple):
    kind: int
    rank: int
    data: bytes


class StreamError(Exception):
    """The peer does not keep to the framing."""


class Hello(NamedTuple):
    """Who speaks."""

    node_index: int  # within the step
    tasks: int  # of the step on this node
    abort_wait: int  # seconds srun waits for a killed step
    node: str

    def pack(self) -> bytes:
        return _HELLO.pack(self.node_index, self.tasks, self.abort_wait) + self.node.encode()

    @classmethod
    def unpack(cls, data: bytes) -> Hello:
        if len(data) < _HELLO.size:
            raise StreamError("short greeting")
        index, tasks, wait = _HELLO.unpack_from(data)
        return cls(index, tasks, wait, data[_HELLO.size :].decode(errors="replace"))


def pack(kind: int, rank: int, data: bytes = b"") -> bytes:
    """One frame as bytes."""
    return _HEAD.pack(kind, rank, len(data)) + data


def pack_exits(exits: list[tuple[int, int]]) -> bytes:
    """Payload of EXIT: (rank, wait status) pairs."""
    return b"".join(_EXIT.pack(rank, status) for rank, status in exits)


def unpack_exits(data: bytes) -> list[tuple[int, int]]:
    return [(rank, status) for rank, status in _EXIT.iter_unpack(data[: len(data) // _EXIT.size * _EXIT.size])]


def pack_window(rows: int, columns: int) -> bytes:
    return _SIZE.pack(rows & 0xFFFF, columns & 0xFFFF)


def unpack_window(data: bytes) -> tuple[int, int]:
    if len(data) != _SIZE.size:
        raise StreamError("bad window size")
    rows, columns = _SIZE.unpack(data)
    return rows, columns


def pack_number(value: int) -> bytes:
    """Payload of SIGNAL (a signal number) and ABORT (seconds)."""
    return _SIGNAL.pack(value)


def unpack_number(data: bytes) -> int:
    if len(data) != _SIGNAL.size:
        raise StreamError("bad number")
    return int(_SIGNAL.unpack(data)[0])


class Assembler:
    """Puts together what `Channel.send_message` has sent in pieces, one message of a kind after the other."""

    def __init__(self) -> None:
        self._begun: dict[int, bytearray] = {}

    def add(self, frame: Frame) -> bytes | None:
        """The message that ends with this frame.  Raises StreamError where it is too long."""
        begun = self._begun.setdefault(frame.kind, bytearray())
        begun += frame.data
        if len(begun) > MAX_MESSAGE:
            raise StreamError(f"message of more than {MAX_MESSAGE} bytes")
        if frame.rank > 0:
            return None
        return bytes(self._begun.pop(frame.kind))


class Channel:
    """Frames over a non-blocking socket, with a bounded appetite.

    `wants_write` says whether to watch for writability; `full` that the peer
    is slower than the tasks and their pipes should be left unread for a while.
    """

    #: Bytes waiting for the peer above which producers should pause.
    HIGH_WATER = 1 << 20

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self._in = bytearray()
        self._out = bytearray()
        self.closed = False

    def fileno(self) -> int:
        return self.sock.fileno()

    @property
    def wants_write(self) -> bool:
        return bool(self._out) and not self.closed

    @property
    def waiting(self) -> int:
        """Bytes that the peer has not taken yet."""
        return len(self._out)

    @property
    def full(self) -> bool:
        return len(self._out) > self.HIGH_WATER and not self.closed

    def send(self, kind: int, rank: int = ALL, data: bytes = b"") -> None:
        """Queue a frame and write as much as the socket takes; silently dropped once the peer is gone."""
        if self.closed:
            return
        if len(data) > MAX_PAYLOAD:
            for start in range(0, len(data), MAX_PAYLOAD):
                self.send(kind, rank, data[start : start + MAX_PAYLOAD])
            return
        self._out += _HEAD.pack(kind, rank, len(data))
        self._out += data
        self.flush()

    def send_message(self, kind: int, data: bytes) -> None:
        """Queue a message of any length: in each frame the place of the rank says how many are still to come."""
        pieces = max(1, -(-len(data) // MAX_PAYLOAD))
        for index in range(pieces):
            self.send(kind, pieces - 1 - index, data[index * MAX_PAYLOAD : (index + 1) * MAX_PAYLOAD])

    def flush(self) -> None:
        """Write what the socket takes."""
        while self._out and not self.closed:
            try:
                sent = self.sock.send(memoryview(self._out)[: 256 << 10])
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self.close()
                return
            del self._out[:sent]

    def frames(self) -> Iterator[Frame]:
        """Frames received so far; closes the channel at the peer's end.  Raises StreamError."""
        while not self.closed:
            try:
                data = self.sock.recv(256 << 10)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as exc:
                if exc.errno not in (errno.ECONNRESET, errno.EPIPE, errno.ETIMEDOUT):
                    raise StreamError(os.strerror(exc.errno or 0)) from exc
                data = b""
            if not data:
                yield from self._parse()
                self.close()
                return
            self._in += data
            if len(data) < (256 << 10):
                break
        yield from self._parse()

    def _parse(self) -> Iterator[Frame]:
        start = 0
        try:
            while len(self._in) - start >= _HEAD.size:
                kind, rank, size = _HEAD.unpack_from(self._in, start)
                if size > MAX_PAYLOAD:
                    raise StreamError(f"frame of {size} bytes")
                end = start + _HEAD.size + size
                if len(self._in) < end:
                    break
                data = bytes(memoryview(self._in)[start + _HEAD.size : end])
                start = end
                yield Frame(kind, rank, data)
        finally:
            del self._in[:start]

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._out.clear()
            self.sock.close()
