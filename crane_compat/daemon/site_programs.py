"""What the site's own programs have in common on the controller's host and on the nodes (slurm.conf(5)).

Who they are, how long they may take, and how one of them runs: without a shell, in a session of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import glob
import os
import signal
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crane_compat.parsers.slurm_conf import SlurmConf

#: PrologEpilogTimeout and its kind from here on: no limit
_UNLIMITED = 65534


def paths(conf: SlurmConf, key: str) -> list[str]:
    """The programs that a setting names, in the order they run: those of a pattern in reverse alphabetical order."""
    value = conf.get(key)
    patterns = list(value) if isinstance(value, tuple | list) else [str(value)] if value else []
    found: list[str] = []
    for pattern in patterns:
        found += sorted(glob.glob(pattern), reverse=True) if any(c in pattern for c in "*?[") else [pattern]
    return found


def time_limit(conf: SlurmConf, key: str) -> float | None:
    """Seconds by the setting `key`, else by PrologEpilogTimeout; None where there is no limit."""
    limit = int(conf.get(key) or conf.get("PrologEpilogTimeout") or _UNLIMITED)
    return float(limit) if limit < _UNLIMITED else None


async def run(
    argv: Sequence[str], variables: Mapping[str, str], seconds: float | None, *, cwd: str, **more: Any
) -> int:
    """Run one program with nothing but `variables`; its status.

    :param more: whom it runs as: ``user``, ``group``, ``extra_groups``.
    :raises TimeoutError: it took more than `seconds` and was killed with all that it had started.
    :raises OSError: it cannot be run.
    :raises ValueError: an argument or a variable holds a NUL.
    """
    process = await asyncio.create_subprocess_exec(
        *argv, env=variables, cwd=cwd, start_new_session=True, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, **more,
    )  # fmt: skip
    try:
        return await asyncio.wait_for(process.wait(), seconds)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        raise
