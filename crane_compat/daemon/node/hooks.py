"""Prolog and Epilog of a job on its node (slurm.conf(5)): run as root, once a job.

The environment is the documented one and no PATH; several programs (globs) run
in reverse alphabetical order.  A failing prolog keeps the job from starting, a
failing epilog drains the node.
"""

from __future__ import annotations

import asyncio
import glob
import logging
import os
from typing import TYPE_CHECKING

from crane_compat.wire import pb

if TYPE_CHECKING:
    from crane_compat.daemon.node.craned import Craned

log = logging.getLogger("hooks")


def programs(craned: Craned, key: str) -> list[str]:
    """The programs a Prolog= or Epilog= setting names, in the order they run."""
    value = craned.conf.get(key)
    patterns = list(value) if isinstance(value, tuple | list) else [str(value)] if value else []
    found: list[str] = []
    for pattern in patterns:
        found += sorted(glob.glob(pattern), reverse=True) if any(c in pattern for c in "*?[") else [pattern]
    return found


def has_epilog(craned: Craned) -> bool:
    return bool(craned.conf.get("Epilog"))


async def prolog(craned: Craned, launch: pb.StepLaunch) -> bool:
    """Run the prolog before a job's first step here; False where it failed."""
    names = programs(craned, "Prolog")
    job = craned.jobs.get(launch.job_id)
    if not names or (job is not None and (job.steps or job.reports)):
        return True
    environment = _environment(craned, launch.job, "prolog_slurmd", launch.job_alloc)
    for name in names:
        if status := await _run(craned, name, environment, "PrologTimeout"):
            log.error("prolog %s of job %d failed with status %d", name, launch.job_id, status)
            return False
    return True


async def epilog(craned: Craned, job_id: int, record: pb.JobRecord | None) -> str:
    """Run the epilog; "" or the reason the node is drained for."""
    names = programs(craned, "Epilog")
    if not names or record is None:
        return ""
    alloc = next((a for a in record.nodes if a.node == craned.node.name), pb.NodeAlloc())
    environment = _environment(craned, record, "epilog_slurmd", alloc)
    for name in names:
        if status := await _run(craned, name, environment, "EpilogTimeout"):
            log.error("epilog %s of job %d failed with status %d", name, job_id, status)
            return "Epilog error"
    return ""


def _environment(craned: Craned, job: pb.JobRecord, context: str, alloc: pb.NodeAlloc) -> dict[str, str]:
    values = {
        "SLURM_CLUSTER_NAME": craned.conf.cluster_name,
        "SLURM_CONF": craned.conf.path,
        "SLURMD_NODENAME": craned.node.name,
        "SLURM_JOB_ID": str(job.job_id),
        "SLURM_JOBID": str(job.job_id),
        "SLURM_JOB_UID": str(job.uid),
        "SLURM_UID": str(job.uid),
        "SLURM_JOB_GID": str(job.gid),
        "SLURM_JOB_USER": job.user,
        "SLURM_JOB_NAME": job.spec.name,
        "SLURM_JOB_PARTITION": job.partition,
        "SLURM_JOB_ACCOUNT": job.account,
        "SLURM_JOB_QOS": job.qos,
        "SLURM_JOB_NODELIST": job.node_list,
        "SLURM_JOB_NUM_NODES": str(job.num_nodes),
        "SLURM_JOB_START_TIME": str(int(job.start_time)),
        "SLURM_JOB_END_TIME": str(int(job.end_time)),
        "SLURM_JOB_WORK_DIR": job.spec.work_dir,
        "SLURM_JOB_RESTART_COUNT": str(job.restarts),
        "SLURM_JOB_STDOUT": job.std_out,
        "SLURM_JOB_STDIN": job.std_in,
        "SLURM_JOB_STDERR": job.std_err,
        "SLURM_SCRIPT_CONTEXT": context,
        "SLURM_SUBMIT_HOST": job.spec.alloc_node,
    }
    devices = ",".join(str(i) for gres in alloc.gres if gres.name == "gpu" for i in gres.index)
    if devices:
        values |= {"SLURM_JOB_GPUS": devices, "CUDA_VISIBLE_DEVICES": devices, "GPU_DEVICE_ORDINAL": devices}
        values["ROCR_VISIBLE_DEVICES"] = devices
    if job.spec.comment:
        values["SLURM_JOB_COMMENT"] = job.spec.comment
    if job.spec.features:
        values["SLURM_JOB_CONSTRAINTS"] = job.spec.features
    return values


async def _run(craned: Craned, program: str, environment: dict[str, str], timeout_key: str) -> int:
    """Run one program; its status, or 1 where it cannot be run or takes too long."""
    limit = craned.conf.get(timeout_key) or craned.conf.get("PrologEpilogTimeout")
    seconds = float(limit) if limit and int(limit) < 65534 else None
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            env=environment,
            cwd="/",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as exc:
        log.error("cannot run %s: %s", program, exc.strerror)
        return 1
    try:
        return await asyncio.wait_for(process.wait(), seconds)
    except TimeoutError:
        log.error("%s took longer than %s s", program, seconds)
        os.killpg(process.pid, 9)
        await process.wait()
        return 1
