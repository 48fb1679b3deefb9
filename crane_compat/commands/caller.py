"""The calling process as a command needs to know it, and the standard streams every way of starting gives.

A command runs in an interpreter of its own or in a child of the launcher; in
the latter the session of the terminal is that of the stub which waits for it.
"""

from __future__ import annotations

import io
import os
import signal
import sys

_session: int | None = None


def session_id() -> int:
    """The caller's session id (AllocSID of a job)."""
    return os.getsid(0) if _session is None else _session


def set_session(session: int) -> None:
    """Called by the launcher's child: the stub's session."""
    global _session
    _session = session


def _writer(fd: int, through: bool) -> io.TextIOWrapper:
    try:
        raw = io.FileIO(fd, "w", closefd=False)
    except OSError:  # closed by the caller
        raw = io.FileIO(os.devnull, "w")
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding="utf-8",
        errors="surrogateescape",
        newline="\n",
        line_buffering=raw.isatty() or through,
        write_through=through,
    )


def install_streams() -> None:
    """Standard streams that take any bytes, whatever the locale: UTF-8 with surrogateescape, buffered like C's."""
    try:
        os.fstat(0)
        sys.stdin = io.TextIOWrapper(
            io.BufferedReader(io.FileIO(0, "r", closefd=False)), encoding="utf-8", errors="surrogateescape"
        )
    except OSError:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - for the life of the process
    sys.stdout = _writer(1, False)
    sys.stderr = _writer(2, True)


def die_of(sig: int) -> int:
    """End this process by `sig`, as a program that does not catch it; a shell's status for that where it fails."""
    signal.signal(sig, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {sig})
    os.kill(os.getpid(), sig)
    return 128 + sig
