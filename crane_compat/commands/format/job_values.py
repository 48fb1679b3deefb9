"""What is derived from a job's record for every view of it: its id as shown, times used and left, node lists."""

from __future__ import annotations

import os

from crane_compat.commands.format.texts import NO_VAL, array_tasks, expand_pattern
from crane_compat.core import states as st
from crane_compat.parsers import hostlist
from crane_compat.wire import INFINITE, pb

_SHOWS_REASON = frozenset((st.PENDING, st.TIMEOUT, st.OUT_OF_MEMORY, st.DEADLINE, st.FAILED))


def shown_id(job: pb.JobRecord) -> str:
    """``12``, ``12_3``, ``12_[4-7%2]``, ``12+1``; tasks longer than squeue's buffer of 31 bytes are cut."""
    if number := job.array_job_id:
        if job.HasField("array_task_id"):
            return f"{number}_{job.array_task_id}"
        if job.array_task_str:
            text = f"{number}_[{array_tasks(job.array_task_str, job.array_max_tasks)}]"
            return text if "SLURM_BITSTR_LEN" in os.environ else text[:31]
        return str(number)
    if job.het_job_id:
        return f"{job.het_job_id}+{job.het_offset}"
    return str(job.job_id)


def id_key(job: pb.JobRecord) -> tuple[int, int]:
    """Order by id: tasks of an array by their number, those that wait last."""
    if job.array_job_id:
        return job.array_job_id, job.array_task_id if job.HasField("array_task_id") else NO_VAL
    if job.het_job_id:
        return job.het_job_id, job.het_offset
    return job.job_id, 0


def time_used(job: pb.JobRecord, now: float) -> int:
    """Seconds run, without suspensions."""
    base = job.state & st.BASE_MASK
    if not job.start_time or base == st.PENDING:
        return 0
    if base == st.SUSPENDED:
        return int(job.pre_suspend_secs)
    end = int(now) if base == st.RUNNING or not job.end_time else int(job.end_time)
    if job.suspend_time:
        return end - int(job.suspend_time) + int(job.pre_suspend_secs)
    return end - int(job.start_time)


def time_left(job: pb.JobRecord, now: float) -> int | None:
    """Seconds left of the limit (negative when over it); None where there is no limit."""
    if job.time_limit == INFINITE:
        return None
    return job.time_limit * 60 - time_used(job, now)


def start_time(job: pb.JobRecord, now: float) -> float:
    """When it started or will; a job that may not start yet starts at the earliest when it may.  0 = unknown."""
    if job.state & st.BASE_MASK == st.PENDING and not job.start_time:
        earliest = max(job.eligible_time, job.spec.begin_time)
        return earliest if earliest > now else 0.0
    return job.start_time


def end_time(job: pb.JobRecord, now: float) -> float:
    """When it ended or is expected to.  0 = unknown."""
    if job.state & st.BASE_MASK == st.PENDING and not job.end_time and job.time_limit != INFINITE:
        start = start_time(job, now)
        return start + job.time_limit * 60 if start else 0.0
    return job.end_time


def nodes(job: pb.JobRecord) -> str:
    """The nodes it holds; while it is completing, those that are not free yet."""
    if job.state & st.COMPLETING and job.completing_nodes:
        return hostlist.compress(job.completing_nodes)
    return job.node_list


def ranged(text: str) -> str:
    """A list of nodes as asked for, ``n1,n3``, in its shortest form, ``n[1,3]``."""
    if "," not in text:
        return text
    try:
        return hostlist.compress(hostlist.expand(text))
    except hostlist.HostlistError:
        return text


def batch_host(job: pb.JobRecord) -> str:
    """The first node, where the script runs; ``""`` for a job without nodes."""
    return job.batch_host or (job.nodes[0].node if job.nodes else "")


def reason(job: pb.JobRecord) -> str:
    return job.reason_text or job.reason or "None"


def nodes_or_reason(job: pb.JobRecord) -> str:
    state = job.state
    if not state & st.COMPLETING and state & st.BASE_MASK in _SHOWS_REASON:
        return f"({job.reason_text or job.reason or 'None'})"
    return nodes(job)


def num_tasks(job: pb.JobRecord) -> int:
    """Tasks asked for; one a node where the number was left open."""
    return job.num_tasks or job.num_nodes


def min_cpus_node(job: pb.JobRecord) -> int:
    return max(1, job.spec.mincpus, job.cpus_per_task, job.spec.ntasks_per_node * max(1, job.cpus_per_task))


def topology(job: pb.JobRecord) -> tuple[str, str, str]:
    """Sockets a node, cores a socket, threads a core; ``*`` = not asked for."""
    spec = job.spec
    return (
        str(spec.sockets_per_node) if spec.HasField("sockets_per_node") else "*",
        str(spec.cores_per_socket) if spec.HasField("cores_per_socket") else "*",
        str(spec.threads_per_core) if spec.HasField("threads_per_core") else "*",
    )


def _gres(text: str, name: str = "") -> str:
    """``gpu:tesla:2,nvme`` → ``gres/gpu:tesla:2,gres/nvme``; `name` goes before plain counts (``--gpus=2``)."""
    parts = []
    for part in filter(None, text.split(",")):
        if name:
            part = f"{name}:{part}"
        parts.append(part if part.startswith(("gres/", "license/")) else f"gres/{part}")
    return ",".join(parts)


def tres_per_node(job: pb.JobRecord) -> str:
    return ",".join(filter(None, (_gres(job.spec.gres), _gres(job.spec.gpus_per_node, "gpu"))))


def tres_per_job(job: pb.JobRecord) -> str:
    return _gres(job.spec.gpus, "gpu")


def tres_per_socket(job: pb.JobRecord) -> str:
    return _gres(job.spec.gpus_per_socket, "gpu")


def tres_per_task(job: pb.JobRecord) -> str:
    spec = job.spec
    if spec.tres_per_task:
        return spec.tres_per_task
    cpus = f"cpu={spec.cpus_per_task}" if spec.HasField("cpus_per_task") else ""
    return ",".join(filter(None, (cpus, _gres(spec.gpus_per_task, "gpu"))))


def cpus_per_tres(job: pb.JobRecord) -> str:
    return f"gres/gpu:{job.spec.cpus_per_gpu}" if job.spec.HasField("cpus_per_gpu") else ""


def mem_per_tres(job: pb.JobRecord) -> str:
    return f"gres/gpu:{job.spec.mem_per_gpu}" if job.spec.HasField("mem_per_gpu") else ""


def file_path(job: pb.JobRecord, path: str) -> str:
    """A stream's file with everything replaced that is known of the job as a whole; ``""`` where none is set."""
    if not path:
        return ""
    task = job.array_task_id if job.HasField("array_task_id") else NO_VAL
    values = {
        "A": str(job.array_job_id or job.job_id),
        "a": str(task),
        "j": str(job.job_id),
        "u": job.user,
        "x": job.spec.name,
        "U": str(job.uid),
    }
    if host := batch_host(job):
        values["N"] = host
    # what differs by node, step or task is shown as of the batch script
    values.update({"J": str(job.job_id), "b": str(task % 10), "n": "0", "s": "batch", "t": "0"})
    text = expand_pattern(path, values)
    return text if text.startswith("/") else f"{job.spec.work_dir}/{text}"


def licenses_held(job: pb.JobRecord) -> str:
    """The licences of a started job as ``matlab:2;ansys:1``."""
    if not job.node_list or not job.spec.licenses:
        return ""
    return ";".join(part if ":" in part else f"{part}:1" for part in job.spec.licenses.split(","))


def priority_share(job: pb.JobRecord) -> str:
    """The priority between 0 and 1."""
    return f"{job.priority / 0xFFFFFFFF:.14f}"
