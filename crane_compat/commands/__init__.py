"""The commands users type, by the name they are started under.

Each is a module with ``main(argv: list[str]) -> int`` (argv without the
program's name).  It reads os.environ and the working directory, writes to
sys.stdout/sys.stderr and returns the exit status; it keeps no state between
calls, so that the launcher's forked children, a plain interpreter and the
tests all run it the same way.
"""

from __future__ import annotations

import errno
import importlib
import os
import signal
import sys
from collections.abc import Callable

from crane_compat.config import check

from . import caller

_SLURM = "crane_compat.commands.slurm."

_NAMES = (
    "sbatch",
    "srun",
    "salloc",
    "scancel",
    "squeue",
    "sinfo",
    "scontrol",
    "sprio",
    "sdiag",
    "sshare",
    "sstat",
    "sattach",
    "sacct",
    "sacctmgr",
    "sbcast",
    "scrontab",
    "seff",
    "strigger",
)

#: command → module
COMMANDS: dict[str, str] = {name: _SLURM + name for name in _NAMES}

#: These leave nothing behind in their process: no child, no handler, no thread.  One worker of the launcher may run
#: several, one after the other.
REPEATABLE = set(_NAMES) - {"sattach", "scrontab"}


def load(name: str) -> Callable[[list[str]], int]:
    """The `main` of a command; KeyError where there is none of that name."""
    return importlib.import_module(COMMANDS[name]).main  # type: ignore[no-any-return]


def run(name: str, argv: list[str]) -> int:
    """Run a command as its own program would; the exit status.

    SystemExit becomes a status; ^C ends the process by SIGINT, a reader that went away gives
    SIGPIPE's status; a fault of ours is one sentence (with CRANE_DEBUG set, a traceback).
    """
    try:
        try:
            if check.refuses(name, argv):
                return 1
            status = load(name)(argv)
        except SystemExit as exc:
            code = exc.code
            status = code if isinstance(code, int) else 0 if code is None else 1
            if isinstance(code, str):
                print(code, file=sys.stderr)
        sys.stdout.flush()
        sys.stderr.flush()
        return status
    except KeyboardInterrupt:
        return caller.die_of(signal.SIGINT)
    except BrokenPipeError:
        return 141
    except Exception as exc:  # the last line of defence
        if os.environ.get("CRANE_DEBUG"):
            raise
        if isinstance(exc, OSError) and exc.errno == errno.ENOSPC:
            print(f"{name}: error: cannot write output: {exc.strerror}", file=sys.stderr)
        else:
            print(f"{name}: error: internal error: {type(exc).__name__}: {exc}", file=sys.stderr)
        return 1
