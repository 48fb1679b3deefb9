"""One call of a command as the stub sends it to the launcher.

A stream: ``CRN1``, u32 length of what follows the 12-byte head, u32 number of
descriptors (they travel with the first byte, SCM_RIGHTS); then u32 umask, u32
session, u64 mask of ignored signals, u32 argc, u32 envc, u32 nfds, u32 0, nfds
u32 (the number each descriptor had; 0xffffffff marks the working directory),
and NUL-ended strings: configuration directory, argc arguments (the command's
name first), envc variables.  Integers are in host order: both ends are on one
machine.

The answer: ``P`` with the child's pidfd (SCM_RIGHTS) once it runs as the
caller, later ``X``, ``E`` or ``S`` (exit, signal) and an i32; ``R`` instead of
``P``: not served, run it yourself.
"""

from __future__ import annotations

import array
import socket
import struct
from dataclasses import dataclass

MAGIC = b"CRN1"
HEAD = struct.Struct("=4sII")
FIXED = struct.Struct("=IIQIIII")
ANSWER = struct.Struct("=cci")
CWD = 0xFFFFFFFF

#: larger calls are not served (bytes); the kernel's own limit on arguments is far below
MAX_SIZE = 64 << 20
MAX_FDS = 253

STARTED, REFUSED, ENDED = b"P", b"R", b"X"
EXIT, SIGNAL = b"E", b"S"


class BadRequest(Exception):
    """What came is no call of a command."""


@dataclass(frozen=True)
class Call:
    """A decoded call; `fds` maps the caller's descriptor numbers to ours."""

    sysconfdir: bytes
    argv: list[bytes]
    env: list[bytes]
    umask: int
    session: int
    ignored: int
    fds: dict[int, int]
    cwd: int


def receive(sock: socket.socket) -> Call:
    """Read one call.  Raises BadRequest (truncated, oversized, malformed) or OSError (time-out)."""
    numbers: array.array[int] = array.array("i")
    space = socket.CMSG_SPACE(MAX_FDS * numbers.itemsize)
    data, ancillary, _, _ = sock.recvmsg(1 << 16, space, socket.MSG_CMSG_CLOEXEC)
    for level, kind, body in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            numbers.frombytes(body[: len(body) - len(body) % numbers.itemsize])
    buffer = bytearray(data)
    while len(buffer) < HEAD.size:
        buffer += _more(sock)
    magic, size, _ = HEAD.unpack_from(buffer)
    if magic != MAGIC or size > MAX_SIZE:
        raise BadRequest("not a call of a command")
    while len(buffer) < HEAD.size + size:
        buffer += _more(sock)
    return _decode(bytes(buffer[HEAD.size : HEAD.size + size]), list(numbers))


def _more(sock: socket.socket) -> bytes:
    part = sock.recv(1 << 20)
    if not part:
        raise BadRequest("the caller went away")
    return part


def _decode(body: bytes, fds: list[int]) -> Call:
    try:
        umask, session, ignored, argc, envc, nfds, _ = FIXED.unpack_from(body)
        theirs = struct.unpack_from(f"={nfds}I", body, FIXED.size)
        strings = body[FIXED.size + 4 * nfds :].split(b"\0")
    except struct.error:
        raise BadRequest("a call that is too short") from None
    if argc < 1 or len(strings) != 2 + argc + envc or len(fds) != nfds:
        raise BadRequest("a call that does not add up")
    numbered = dict(zip(theirs, fds, strict=True))
    cwd = numbered.pop(CWD, -1)
    return Call(
        sysconfdir=strings[0],
        argv=strings[1 : 1 + argc],
        env=strings[1 + argc : 1 + argc + envc],
        umask=umask & 0o777,
        session=session,
        ignored=ignored,
        fds=numbered,
        cwd=cwd,
    )
