"""Mail about jobs: when it is due, to whom it goes, its subject.

MailProg gets ``-s SUBJECT RECIPIENT`` and variables (`hook_env`).  Source: sbatch(1) --mail-type, slurm.conf(5)
MailProg; subjects and variables as recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crane_compat.core import states as st
from crane_compat.core.effects import RunProgram
from crane_compat.core.hook_env import controller_variables
from crane_compat.core.job import Job
from crane_compat.parsers.time_limit import format_hms
from crane_compat.wire import INFINITE, pb

if TYPE_CHECKING:
    from crane_compat.core.cluster import Cluster

#: --mail-type → what happened, as the subject says it
VERBS = {
    "BEGIN": "Began",
    "END": "Ended",
    "FAIL": "Failed",
    "REQUEUE": "Requeued",
    "INVALID_DEPEND": "Invalid dependency",
    "TIME_LIMIT": "Reached time limit",
    "TIME_LIMIT_90": "Reached 90% of time limit",
    "TIME_LIMIT_80": "Reached 80% of time limit",
    "TIME_LIMIT_50": "Reached 50% of time limit",
}

#: --mail-type → the part of the time limit that must be over
SHARES = {"TIME_LIMIT_50": 0.5, "TIME_LIMIT_80": 0.8, "TIME_LIMIT_90": 0.9}

_ARRAY_TASKS = "ARRAY_TASKS"


def began(cluster: Cluster, job: Job, now: float) -> None:
    """The job has its nodes; of an array the first task speaks for all."""
    if _speaks_for_array(cluster, job):
        first = cluster.jobs[job.record.array_job_id]
        if "BEGIN" in first.record.mailed:
            return
        first.record.mailed.append("BEGIN")
        cluster.mark(first)
        job = first
    _send(cluster, job, "BEGIN", now)


def ended(cluster: Cluster, job: Job, now: float) -> None:
    """The job is over; an array, when its last task is."""
    record = job.record
    if not record.spec.mail_type:
        return
    summary = _speaks_for_array(cluster, job)
    if record.requeue_pending:
        if not summary:
            _send(cluster, job, "REQUEUE", now)
        return
    ends = pb.Ends()
    if summary:
        first = cluster.jobs[record.array_job_id]
        ends = first.record.ends
        cluster.mark(first)
    _add(ends, record)
    if summary:
        others = (cluster.jobs[number] for number in cluster.arrays[record.array_job_id] if number in cluster.jobs)
        if any(not each.finished for each in others):
            return
        job = first
    well = set(ends.states) <= {st.COMPLETED, st.CANCELLED}
    _send(cluster, job, "FAIL" if not well and "FAIL" in record.spec.mail_type else "END", now, ends)


def _add(ends: pb.Ends, record: pb.JobRecord) -> None:
    """Take a job's end into account."""
    code, state = record.exit_code >> 8 & 0xFF, record.state & st.BASE_MASK
    ends.min_code = min(ends.min_code, code) if ends.states else code
    ends.max_code = max(ends.max_code, code)
    ends.max_signal = max(ends.max_signal, record.exit_code & 0x7F)
    if state not in ends.states:
        ends.states.append(state)


def invalid_dependency(cluster: Cluster, job: Job, now: float) -> None:
    """The job waits for something that cannot come; told once."""
    _once(cluster, job, "INVALID_DEPEND", now)


def time_limit(cluster: Cluster, job: Job, now: float) -> None:
    """The job has used up its time."""
    _send(cluster, job, "TIME_LIMIT", now)


def time_shares(cluster: Cluster, job: Job, now: float) -> None:
    """Tell of each part of the time limit that is over, once; of several that have gone by, the last."""
    over = [kind for kind, moment in _moments(job) if moment <= now]
    job.record.mailed.extend(over[:-1])
    for kind in over[-1:]:
        _once(cluster, job, kind, now)


def next_share(job: Job) -> float:
    """When the next such mail is due (seconds since the epoch); infinity: never."""
    return min((moment for _, moment in _moments(job)), default=float("inf"))


def _moments(job: Job) -> list[tuple[str, float]]:
    """When which part of the time limit is over, of those that are still to be told."""
    record = job.record
    wanted = record.spec.mail_type
    if not wanted or record.time_limit in (0, INFINITE) or not record.end_time:
        return []
    total = record.time_limit * 60.0
    return [
        (kind, record.end_time - (1.0 - share) * total)
        for kind, share in SHARES.items()
        if kind in wanted and kind not in record.mailed
    ]


def _once(cluster: Cluster, job: Job, kind: str, now: float) -> None:
    if kind in job.record.spec.mail_type and kind not in job.record.mailed:
        job.record.mailed.append(kind)
        cluster.mark(job)
        _send(cluster, job, kind, now)


def _speaks_for_array(cluster: Cluster, job: Job) -> bool:
    """Is there one mail for all tasks of the job's array?"""
    array_id = job.record.array_job_id
    return array_id != 0 and array_id in cluster.jobs and _ARRAY_TASKS not in job.record.spec.mail_type


def _send(cluster: Cluster, job: Job, kind: str, now: float, ends: pb.Ends | None = None) -> None:
    record = job.record
    if kind not in record.spec.mail_type:
        return
    summary = _speaks_for_array(cluster, job)
    variables = controller_variables(record, cluster.parameters.cluster_name)
    variables["SLURM_JOB_MAIL_TYPE"] = VERBS[kind]
    variables["SLURM_JOB_STATE"] = st.job_state_name(record.state & st.BASE_MASK)
    time = _time(record, kind, now, variables)
    outcome = _outcome(ends, summary, variables) if ends is not None else ""
    name = f"Name={record.spec.name} {VERBS[kind]}"
    if summary:
        subject = f"Slurm Array Summary Job_id={record.array_job_id}_* ({record.job_id}) {name}{outcome}"
    elif record.HasField("array_task_id"):
        number = f"{record.array_job_id}_{record.array_task_id}"
        subject = f"Slurm Array Task Job_id={number} ({record.job_id}) {name}{time}{outcome}"
    else:
        subject = f"Slurm Job_id={record.job_id} {name}{time}{outcome}"
    cluster.effects.append(RunProgram("MailProg", ("-s", subject, recipient(record, cluster)), variables))


def recipient(record: pb.JobRecord, cluster: Cluster) -> str:
    """--mail-user, else the user; a name without a host gets MailDomain."""
    name = record.spec.mail_user or record.user
    domain = cluster.parameters.mail_domain
    return f"{name}@{domain}" if domain and "@" not in name else name


def _time(record: pb.JobRecord, kind: str, now: float, variables: dict[str, str]) -> str:
    """``, Queued time 00:00:01`` or ``, Run time 00:00:01``, also as a variable."""
    if kind == "BEGIN":
        text = format_hms(int(record.start_time) - int(record.submit_time))
        variables["SLURM_JOB_QUEUED_TIME"] = text
        return f", Queued time {text}"
    if kind == "INVALID_DEPEND":
        return ""
    end = record.end_time if st.is_finished(record.state) else now
    text = format_hms(max(0, int(end) - int(record.start_time)))
    variables["SLURM_JOB_RUN_TIME"] = text
    return f", Run time {text}"


def _outcome(ends: pb.Ends, summary: bool, variables: dict[str, str]) -> str:
    """``, COMPLETED, ExitCode 0``; of an array's tasks together the range of their codes, also as variables."""
    word = st.job_state_name(ends.states[0]) if len(ends.states) == 1 else "Mixed"
    if ends.max_signal:
        variables["SLURM_JOB_TERM_SIGNAL_MAX"] = str(ends.max_signal)
        return f", {word}, MaxSignal [{ends.max_signal}]" if summary else f", {word}"
    variables["SLURM_JOB_EXIT_CODE_MAX"] = str(ends.max_code)
    if not summary:
        return f", {word}, ExitCode {ends.max_code}"
    variables["SLURM_JOB_EXIT_CODE_MIN"] = str(ends.min_code)
    return f", {word}, ExitCode [{ends.min_code}-{ends.max_code}]"
