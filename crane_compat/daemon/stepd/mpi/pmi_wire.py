"""The two grammars that MPI libraries speak over PMI_FD.

PMI-1 is lines of ``key=value`` words, with the exception of spawning, which is
several lines from ``mcmd=`` to ``endcmd``.  PMI-2 begins with one such line; then
each message is six characters of length and as many bytes of ``key=value;``, in
which a semicolon of a value is written twice.  Source: MPICH's description of
the PMI-2 wire protocol and its clients.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

#: No line of PMI-1 is longer (bytes).
LONGEST_LINE = 64 << 10

#: Lines that one ``mcmd`` may have.
MOST_LINES = 4096

_LENGTH_SIZE = 6
_PAIR = re.compile(rb"((?:[^;]|;;)*)(?:;|\Z)", re.DOTALL)


class WireError(Exception):
    """The client does not speak PMI."""


class Message(NamedTuple):
    """A command and its arguments."""

    command: bytes
    arguments: dict[bytes, bytes]


def _message(pairs: Iterator[tuple[bytes, bytes]]) -> Message:
    arguments = dict(pairs)
    command = arguments.pop(b"cmd", None)
    if not command:
        raise WireError("a message without a command")
    return Message(command, arguments)


def parse_line(line: bytes) -> Message:
    """A message of PMI-1.  Raises WireError.

    >>> parse_line(b"cmd=put kvsname=k key=a value=b=c")
    Message(command=b'put', arguments={b'kvsname': b'k', b'key': b'a', b'value': b'b=c'})
    """
    words = (word.partition(b"=") for word in line.split(b" ") if word)
    return _message((key, value) for key, _, value in words)


def line(command: str, **arguments: str | bytes | int) -> bytes:
    """A message of PMI-1 as it is sent; a value with a space or a line's end cannot be in one.

    >>> line("barrier_out", rc=0)
    b'cmd=barrier_out rc=0\\n'
    """
    return b" ".join(key + b"=" + value for key, value in _pairs(command, arguments)) + b"\n"


def parse_body(body: bytes) -> Message:
    """A message of PMI-2 without its length.  Raises WireError.

    >>> parse_body(b"cmd=kvs-put;key=a;value=b;;c;")
    Message(command=b'kvs-put', arguments={b'key': b'a', b'value': b'b;c'})
    """
    found = (match[1].replace(b";;", b";").partition(b"=") for match in _PAIR.finditer(body) if match[1])
    return _message((key, value) for key, _, value in found)


def packet(command: str, **arguments: str | bytes | int) -> bytes:
    """A message of PMI-2 as it is sent; what is a dash in the protocol is an underscore in a name here.

    >>> packet("kvs-fence-response", rc=0)
    b'    28cmd=kvs-fence-response;rc=0;'
    """
    body = b"".join(
        key.replace(b"_", b"-") + b"=" + value.replace(b";", b";;") + b";" for key, value in _pairs(command, arguments)
    )
    return b"%6d" % len(body) + body


def _pairs(command: str, arguments: dict[str, str | bytes | int]) -> list[tuple[bytes, bytes]]:
    return [
        (key.encode(), value if isinstance(value, bytes) else str(value).encode())
        for key, value in {"cmd": command, **arguments}.items()
    ]


class Reader:
    """Cuts what a client sends into messages; `version` is set to 2 by whoever agrees on it with the client."""

    def __init__(self) -> None:
        self.version = 1
        self._waiting = bytearray()
        self._spawn: list[bytes] | None = None

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that end in `data`.  Raises WireError.

        The version may be changed between two of them.
        """
        self._waiting += data
        while (message := self._next()) is not None:
            yield message

    def _next(self) -> Message | None:
        return self._packet() if self.version == 2 else self._line()

    def _packet(self) -> Message | None:
        head = bytes(self._waiting[:_LENGTH_SIZE])
        if len(head) < _LENGTH_SIZE:
            return None
        if not head.strip().isdigit():
            raise WireError(f"no length: {head!r}")
        end = _LENGTH_SIZE + int(head)
        if len(self._waiting) < end:
            return None
        body = bytes(self._waiting[_LENGTH_SIZE:end])
        del self._waiting[:end]
        return parse_body(body)

    def _line(self) -> Message | None:
        while (end := self._waiting.find(b"\n")) >= 0:
            text = bytes(self._waiting[:end])
            del self._waiting[: end + 1]
            if self._spawn is not None:
                if text.strip() == b"endcmd":
                    self._spawn = None
                    return Message(b"spawn", {})
                self._spawn.append(text)
                if len(self._spawn) > MOST_LINES:
                    raise WireError("a command without an end")
            elif text.startswith(b"mcmd="):
                self._spawn = []
            elif text.strip():
                return parse_line(text)
        if len(self._waiting) > LONGEST_LINE:
            raise WireError("a line without an end")
        return None
