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

    def copy(self) -> Dependency:
        """For a task that goes on by itself."""
        return Dependency(list(self.clauses), self.any_of)

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


def refuse_circle(cluster: Cluster, job: Job, depends: Dependency) -> None:
    """A job may not wait for itself (DEPENDENCY), nor for one that waits for it (CIRCULAR_DEPENDENCY)."""
    seen: set[int] = set()
    waits_for = {clause.job_id for clause in depends.clauses}
    own = {job.id, job.record.array_job_id} - {0}
    if own & waits_for:
        raise _refuse()
    while waits_for:
        number = waits_for.pop()
        seen.add(number)
        for member in cluster.arrays.get(number, (number,)):
            other = cluster.jobs.get(member)
            if other is not None and isinstance(other.dependency, Dependency):
                waits_for |= {clause.job_id for clause in other.dependency.clauses} - seen
        if own & waits_for:
            raise RequestError(Errno.CIRCULAR_DEPENDENCY)


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
            if same and other.id != job.id and not other.finished and (not other.pending or other.id < job.id):
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


def decided_tasks(cluster: Cluster, array: Job) -> dict[int, bool] | None:
    """Waiting tasks of an array whose corresponding tasks (aftercorr) are over, and whether these went well.

    None where all tasks of the array wait for the same.
    """
    depends = array.dependency
    clauses = [c for c in depends.clauses if c.kind == "aftercorr"] if isinstance(depends, Dependency) else []
    if not clauses:
        return None
    busy: set[int] = set()
    failed: set[int] = set()
    for clause in clauses:
        for number in cluster.arrays.get(clause.job_id, ()):
            other = cluster.jobs.get(number)
            if other is None:
                continue
            tasks = [other.record.array_task_id] if other.record.HasField("array_task_id") else other.array_pending
            if not other.finished or other.state & st.COMPLETING or other.record.requeue_pending:
                busy.update(tasks)
            elif other.state & st.BASE_MASK != st.COMPLETED:
                failed.update(tasks)
    return {task: task not in failed for task in array.array_pending if task not in busy}


def look(cluster: Cluster, job: Job, now: float) -> str:
    """What has become of the job's conditions: UNFULFILLED, FULFILLED or FAILED (can never come true)."""
    depends = job.dependency
    if not isinstance(depends, Dependency):
        return FULFILLED
    depends.clauses = [replace(c, state=_clause_state(cluster, c, job, now)) for c in depends.clauses]
    states = [c.state for c in depends.clauses]
    if depends.any_of:
        return FULFILLED if FULFILLED in states else UNFULFILLED if UNFULFILLED in states else FAILED
    return FAILED if FAILED in states else UNFULFILLED if UNFULFILLED in states else FULFILLED


def show(cluster: Cluster, job: Job, outcome: str) -> str:
    """The conditions that a job still waits for, as they are shown."""
    depends = job.dependency
    return depends.text(cluster) if isinstance(depends, Dependency) and outcome != FULFILLED else ""


def evaluate(cluster: Cluster, job: Job, now: float) -> str:
    """`look`, and refresh the shown text."""
    if not isinstance(job.dependency, Dependency):
        return FULFILLED
    result = look(cluster, job, now)
    text = show(cluster, job, result)
    if text != job.record.dependency:
        job.record.dependency = text
        cluster.mark(job)
    if result == FULFILLED and not job.is_array:
        job.dependency = None
    return result
