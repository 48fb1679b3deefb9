"""The daemons' log: Slurm's line format and levels, one file, reopened on USR2.

``[2026-11-22T15:16:35.014] error: text``; info and verbose lines have no
prefix.  Levels are those of SlurmctldDebug/SlurmdDebug/DebugLevel.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from collections.abc import Sequence

FATAL = logging.CRITICAL
ERROR = logging.ERROR
WARNING = logging.WARNING
INFO = logging.INFO
VERBOSE = 15
DEBUG = logging.DEBUG
DEBUG2, DEBUG3, DEBUG4, DEBUG5 = 8, 6, 4, 2

#: SlurmctldDebug and the like: name, and the old number as index (quiet = 0)
LEVELS: dict[str, int] = {
    "quiet": 100,
    "fatal": FATAL,
    "error": ERROR,
    "info": INFO,
    "verbose": VERBOSE,
    "debug": DEBUG,
    "debug2": DEBUG2,
    "debug3": DEBUG3,
    "debug4": DEBUG4,
    "debug5": DEBUG5,
}

_ORDER = tuple(LEVELS.values())

#: what stands before the text; Slurm writes two blanks after "debug:"
_PREFIX: dict[int, str] = {
    FATAL: "fatal: ",
    ERROR: "error: ",
    WARNING: "warning: ",
    DEBUG: "debug:  ",
    DEBUG2: "debug2: ",
    DEBUG3: "debug3: ",
    DEBUG4: "debug4: ",
    DEBUG5: "debug5: ",
}


def level_of(text: str, more: int = 0) -> int:
    """The level named (or numbered) by a Debug parameter, `more` steps (-v) further; unknown names count as info."""
    word = text.strip().lower()
    if word.isdigit():
        index = min(int(word), len(_ORDER) - 1)
    else:
        index = _ORDER.index(LEVELS.get(word, INFO))
    return _ORDER[min(index + more, len(_ORDER) - 1)]


class SlurmFormat(logging.Formatter):
    """A record as one line of a Slurm log."""

    def __init__(self, program: str = "") -> None:
        super().__init__()
        self.program = program

    def format(self, record: logging.LogRecord) -> str:
        text = _PREFIX.get(record.levelno, "") + record.getMessage()
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        if self.program:
            return f"{self.program}: {text}"
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(record.created))
        return f"[{stamp}.{int(record.msecs):03d}] {text}"


class LogFile(logging.Handler):
    """Appends lines to a file; a full or vanished disk loses lines, never the daemon."""

    def __init__(self, path: str, owner: tuple[int, int] | None = None) -> None:
        super().__init__()
        self.path = path
        self.owner = owner
        self.fd = -1
        self.setFormatter(SlurmFormat())
        self.reopen()

    def reopen(self) -> None:
        """Open the file of that name anew (after a rotation).  Raises OSError where it cannot be opened."""
        fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if self.owner and os.geteuid() == 0:
            os.fchown(fd, *self.owner)
        old, self.fd = self.fd, fd
        if old >= 0:
            os.close(old)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:  # a wrong format string in a log call must not stop a daemon
            line = f"error: unprintable log record from {record.name}: {record.msg!r}"
        with contextlib.suppress(OSError):
            os.write(self.fd, line.encode(errors="surrogateescape") + b"\n")


def setup(
    program: str,
    level: int,
    files: Sequence[str] = (),
    owner: tuple[int, int] | None = None,
    terminal: bool = False,
) -> None:
    """Send the root logger to `files` and, in the foreground, to stderr as ``program: text``.

    Raises OSError where a file cannot be opened.
    """
    root = logging.getLogger()
    root.setLevel(level)
    for handler in list(root.handlers):
        root.removeHandler(handler)
    for path in files:
        root.addHandler(LogFile(path, owner))
    if terminal:
        screen = logging.StreamHandler(sys.stderr)
        screen.setFormatter(SlurmFormat(program))
        root.addHandler(screen)
    if not root.handlers:
        root.addHandler(logging.NullHandler())


def reopen() -> None:
    """Reopen every log file: what USR2 asks for.  A file that cannot be opened keeps its old descriptor."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LogFile):
            try:
                handler.reopen()
            except OSError as exc:
                logging.getLogger("log").error("cannot reopen %s: %s", handler.path, exc.strerror)
