"""The site's own programs on the controller's host: prologs and epilogs, mail, power saving, triggers.

They run as the controller does (SlurmUser), triggers as the user who set them; without a shell, with the variables
they are told of and nothing of ours.  Source: slurm.conf(5).
"""

from __future__ import annotations

import asyncio
import logging
import os
import pwd
import signal
from collections.abc import Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crane_compat.core.effects import RunProgram, RunTrigger
from crane_compat.daemon import site_programs

if TYPE_CHECKING:
    from crane_compat.daemon.controller.controller import Controller

log = logging.getLogger("programs")

#: Seconds that a program may take for which there is no setting.
TIME_LIMIT = 300.0

#: Settings → the one that says how long their programs may take.
_TIMEOUTS = {"PrologSlurmctld": "PrologTimeout", "EpilogSlurmctld": "EpilogTimeout"}

#: Programs that run at once; further ones wait, so that the end of a large array is no storm of processes.
_AT_ONCE = 64


class Programs:
    """Runs programs beside the controller's loop and tells the cluster how those of jobs have ended."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._mail: dict[str, asyncio.Lock] = {}  # by recipient, who gets one after the other

    def start(self, effect: RunProgram) -> None:
        """Begin with what the core asked for."""
        self._spawn(self._post(effect) if effect.key == "MailProg" else self._run(effect))

    async def _post(self, effect: RunProgram) -> None:
        """Mail to one user goes out in the order in which it was written."""
        recipient = effect.arguments[-1]
        lock = self._mail.setdefault(recipient, asyncio.Lock())
        async with lock:
            await self._run(effect)
        if not lock.locked():
            self._mail.pop(recipient, None)

    def pull(self, effect: RunTrigger) -> None:
        """Run a trigger's program."""
        self._spawn(self._trigger(effect))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, effect: RunProgram) -> None:
        status = 0
        async with self._room:
            for path in site_programs.paths(self.controller.conf, effect.key):
                status = await _run(
                    [path, *effect.arguments], effect.variables, self._limit(effect.key), cwd=self._directory()
                )
                if status:
                    log.error("%s %s %s ended with %d", effect.key, path, " ".join(effect.arguments), status)
                    break
        if effect.job_id:
            self.controller.program_ended(effect, status)

    def _limit(self, key: str) -> float | None:
        setting = _TIMEOUTS.get(key)
        return site_programs.time_limit(self.controller.conf, setting) if setting else TIME_LIMIT

    def _directory(self) -> str:
        """Where such programs run: as recorded, beside the log file."""
        log_file = str(self.controller.conf.get("SlurmctldLogFile") or "")
        return os.path.dirname(log_file) if log_file.startswith("/") else "/"

    async def _trigger(self, effect: RunTrigger) -> None:
        record = effect.record
        try:
            user = pwd.getpwuid(record.uid)
        except KeyError:
            log.error("trigger %d: its user %d is no more", record.id, record.uid)
            return
        variables = {"PATH": os.defpath, "USER": user.pw_name, "LOGNAME": user.pw_name, "HOME": user.pw_dir}
        as_user = {"user": record.uid, "group": record.gid, "extra_groups": os.getgrouplist(user.pw_name, record.gid)}
        status = await _run([record.program, effect.argument], variables, TIME_LIMIT, cwd="/", **as_user)
        if status:
            log.error("trigger %d: %s ended with %d", record.id, record.program, status)


async def _run(
    argv: Sequence[str], variables: Mapping[str, str], seconds: float | None, *, cwd: str, **more: Any
) -> int:
    """A program's exit status; 127 where it cannot be run, -9 where it took too long."""
    try:
        return await site_programs.run(argv, variables, seconds, cwd=cwd, **more)
    except TimeoutError:
        log.error("%s took longer than %g s", argv[0], seconds)
        return -signal.SIGKILL
    except (OSError, ValueError) as exc:
        log.error("%s cannot be run: %s", argv[0], exc)
        return 127
