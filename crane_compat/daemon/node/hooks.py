"""Prolog, Epilog, HealthCheckProgram and RebootProgram on a node (slurm.conf(5)): run as root.

The environment of the first two is the documented one and no PATH; several programs (globs) run in reverse
alphabetical order.  A failing prolog keeps the job from starting, a failing epilog drains the node.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from crane_compat.core import hook_env
from crane_compat.daemon import site_programs
from crane_compat.wire import pb

if TYPE_CHECKING:
    from crane_compat.daemon.node.craned import Craned

log = logging.getLogger("hooks")

#: Seconds that a health check may take (slurm.conf(5)).
HEALTH_CHECK_SECS = 60.0


def programs(craned: Craned, key: str) -> list[str]:
    """The programs a Prolog= or Epilog= setting names, in the order they run."""
    return site_programs.paths(craned.conf, key)


async def nothing() -> str:
    """In the place of a prolog that ran before we came."""
    return ""


async def prolog(craned: Craned, job: pb.JobRecord) -> str:
    """Run the prolog before a job's first step here; "" or why it failed."""
    return await _of_job(craned, job, "Prolog", "prolog_slurmd", "PrologTimeout")


async def epilog(craned: Craned, job: pb.JobRecord | None) -> str:
    """Run the epilog; "" or the reason the node is drained for."""
    if job is None:  # nothing of it has ever been here
        return ""
    return "Epilog error" if await _of_job(craned, job, "Epilog", "epilog_slurmd", "EpilogTimeout") else ""


async def _of_job(craned: Craned, job: pb.JobRecord, key: str, context: str, timeout_key: str) -> str:
    names = programs(craned, key)
    if not names:
        return ""
    conf = craned.conf
    variables = hook_env.node_variables(job, conf.cluster_name, conf.path, craned.node.name)
    variables["SLURM_SCRIPT_CONTEXT"] = context
    seconds = site_programs.time_limit(conf, timeout_key)
    async with craned.serial or contextlib.nullcontext():
        for name in names:
            if status := await run(craned, name, variables, seconds):
                log.error("%s %s of job %d failed with status %d", key, name, job.job_id, status)
                return f"{name} failed with status {status}"
    return ""


async def health_check(craned: Craned) -> None:
    """Run HealthCheckProgram; what is to be done about a sick node, it does itself (scontrol update)."""
    if program := str(craned.conf.get("HealthCheckProgram") or ""):
        if status := await run(craned, program, _environ(craned), HEALTH_CHECK_SECS):
            log.error("health check %s ended with status %d", program, status)


async def reboot(craned: Craned) -> None:
    """Run RebootProgram, which does not come back where it does its work."""
    program = str(craned.conf.get("RebootProgram") or "")
    if not program:
        log.error("asked to reboot, but there is no RebootProgram")
        return
    log.info("rebooting with %s", program)
    if status := await run(craned, program, _environ(craned), None):
        log.error("%s ended with status %d", program, status)


def _environ(craned: Craned) -> dict[str, str]:
    """What a program gets that belongs to the node, not to a job."""
    return {
        "PATH": os.defpath,
        "SLURMD_NODENAME": craned.node.name,
        "SLURM_CLUSTER_NAME": craned.conf.cluster_name,
        "SLURM_CONF": craned.conf.path,
    }


async def run(craned: Craned, program: str, variables: Mapping[str, str], seconds: float | None) -> int:
    """Run one program in the log directory; its status, or 1 where it cannot be run or takes too long."""
    log_file = craned.conf.path_of("SlurmdLogFile", node=craned.node.name, host=craned.node.hostname)
    try:
        return await site_programs.run(
            [program], variables, seconds, cwd=os.path.dirname(log_file) if log_file else "/"
        )
    except TimeoutError:
        log.error("%s took longer than %s s", program, seconds)
        return 1
    except OSError as exc:
        log.error("cannot run %s: %s", program, exc.strerror)
        return 1
