"""Job dependencies: what a job waits for, and whether that has come true.

Grammar and meaning: sbatch(1), --dependency; the texts scontrol shows
(``afterok:1002(failed)``) are the recorded ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from crane_compat.core import states as st
from crane_compat.core.admission import Identity
from crane_compat.core.errors import Errno, RequestError
from crane_compat.parsers.dependency import DependencyError, parse_dependency
from crane_compat.wire import pb

if TYPE_CHECKING:
    from crane_compat.core.cluster import Cluster
    from crane_compat.core.job import Job

UNFULFILLED, FULFILLED, FAILED = "unfulfilled", "fulfilled", "failed"


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition: `task` None = the whole job or array; `delay` in minutes (``after:12+5``)."""

    kind: str
    job_id: int = 0
    task: int | None = None
    delay: int = 0
    state: str = UNFULFILLED

    def show(self) -> str:
        if self.kind == "singleton":
            return f"singleton({self.state})"
        name = str(self.job_id) if self.task is None else f"{self.job_id}_{self.task}"
        delay = f"+{self.delay}" if self.delay else ""
        return f"{self.kind}:{name}{delay}({self.state})"


@dataclass(slots=True)
class Dependency:
    """All conditions of a job; `any_of`: one is enough (``?``)."""

    clauses: list[Clause]
    any_of: bool = False

    def text(self, cluster: Cluster) -> str:
        """What scontrol and squeue show: conditions that came true are gone."""
        return ("?" if self.any_of else ",").join(c.show() for c in self.clauses if c.state != FULFILLED)


def _refuse() -> RequestError:
    return RequestError(Errno.DEPENDENCY)


def _clauses(text: str) -> Dependency:
    try:
        found = parse_dependency(text)
    except DependencyError as exc:
        raise _refuse() from exc
    return Dependency([Clause(c.type, c.target, c.task, c.delay) for c in found.conditions], found.any_of)


def parse(cluster: Cluster, text: str, who: Identity) -> Dependency | None:
    """A --dependency value against the jobs there are; a job that was never seen is refused (DEPENDENCY)."""
    result = _clauses(text)
    kept = []
    for clause in result.clauses:
        if clause.kind == "expand":  # a job that grows another is not to be had any more, in Slurm neither
            raise RequestError(Errno.NOT_SUPPORTED)
        if clause.kind != "singleton" and clause.job_id not in cluster.jobs and clause.job_id not in cluster.arrays:
            # a job that is no longer known has ended well enough for all kinds but afternotok
            if clause.job_id >= cluster.next_job_id or clause.job_id == 0:
                raise _refuse()
            if clause.kind == "afternotok":
                clause = replace(clause, state=FAILED)
            else:
                continue
        kept.append(clause)
    result.clauses = kept
    return result if kept else None


def restore(record: pb.JobRecord) -> Dependency | None:
    """The dependency of a kept record; states are found anew."""
    try:
        result = _clauses(record.spec.dependency)
    except RequestError:
        return None
    shown = record.dependency
    result.clauses = [c for c in result.clauses if c.show().rsplit("(", 1)[0] in shown]
    return result


def _targets(cluster: Cluster, clause: Clause, job: Job) -> list[Job]:
    if clause.kind == "aftercorr" and job.record.HasField("array_task_id"):
        clause = replace(clause, task=job.record.array_task_id)
    members = [cluster.jobs[i] for i in cluster.arrays.get(clause.job_id, ()) if i in cluster.jobs]
    if not members:
        single = cluster.jobs.get(clause.job_id)
        return [single] if single is not None else []
    if clause.task is None:
        return members
    return [m for m in members if m.record.HasField("array_task_id") and m.record.array_task_id == clause.task] or [
        m for m in members if clause.task in m.array_pending
    ]


def _clause_state(cluster: Cluster, clause: Clause, job: Job, now: float) -> str:
    if clause.state != UNFULFILLED:
        return clause.state
    if clause.kind == "singleton":
        for other in cluster.jobs.values():
            same = other.record.uid == job.record.uid and other.record.spec.name == job.record.spec.name
            if same and other.id != job.id and (other.running or (other.pending and other.id < job.id)):
                return UNFULFILLED
        return FULFILLED
    targets = _targets(cluster, clause, job)
    if not targets:
        return FAILED if clause.kind == "afternotok" else FULFILLED
    if clause.kind == "after":
        for target in targets:
            if target.pending or now < target.record.start_time + clause.delay * 60:
                return UNFULFILLED
        return FULFILLED
    done = all(t.finished and not t.state & st.COMPLETING and not t.record.requeue_pending for t in targets)
    good = [t for t in targets if t.finished and t.state & st.BASE_MASK == st.COMPLETED]
    bad = [t for t in targets if t.finished and t.state & st.BASE_MASK != st.COMPLETED]
    if clause.kind in ("afterok", "aftercorr"):
        if bad and not any(t.record.requeue_pending for t in bad):
            return FAILED
        return FULFILLED if done and good else UNFULFILLED
    if clause.kind == "afternotok":
        if not done:
            return UNFULFILLED
        return FULFILLED if bad else FAILED
    return FULFILLED if done else UNFULFILLED


def evaluate(cluster: Cluster, job: Job, now: float) -> str:
    """UNFULFILLED, FULFILLED or FAILED (can never come true); refreshes the shown text."""
    depends = job.dependency
    if not isinstance(depends, Dependency):
        return FULFILLED
    depends.clauses = [replace(c, state=_clause_state(cluster, c, job, now)) for c in depends.clauses]
    states = [c.state for c in depends.clauses]
    if depends.any_of:
        result = FULFILLED if FULFILLED in states else UNFULFILLED if UNFULFILLED in states else FAILED
    else:
        result = FAILED if FAILED in states else UNFULFILLED if UNFULFILLED in states else FULFILLED
    text = "" if result == FULFILLED else depends.text(cluster)
    if text != job.record.dependency:
        job.record.dependency = text
        cluster.mark(job)
    if result == FULFILLED and not job.is_array:
        job.dependency = None
    return result
