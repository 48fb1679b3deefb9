"""Which jobs, tasks and steps a scancel names, and what happens to them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from crane_compat.core import states as st
from crane_compat.core.admission import Identity
from crane_compat.core.cluster import Cluster
from crane_compat.core.effects import SendNode
from crane_compat.core.errors import Errno, RequestError
from crane_compat.core.job import Job
from crane_compat.parsers import hostlist
from crane_compat.wire import pb

_ID = re.compile(r"(\d+)(?:_(\d+|\*|\[[^\]]*\]))?(?:\+(\d+))?(?:\.(\w+))?$")
_STEP_IDS = {"batch": st.BATCH_STEP, "extern": st.EXTERN_STEP, "interactive": st.INTERACTIVE_STEP}


@dataclass(slots=True)
class Target:
    """One thing named: a job (record), possibly single pending array tasks of it, possibly a step."""

    job: Job
    tasks: list[int] | None = None
    step: int | None = None


def resolve(cluster: Cluster, text: str) -> list[Target]:
    """What an id stands for: ``12``, ``12_3``, ``12_[1-5]``, ``12+1``, ``12.0``, ``12_3.batch``.

    Raises RequestError(INVALID_JOB_ID) where there is no such job.
    """
    match = _ID.match(text)
    if match is None:
        raise RequestError(Errno.INVALID_JOB_ID)
    number, task, het, step_name = int(match[1]), match[2], match[3], match[4]
    step = None
    if step_name is not None:
        step = _STEP_IDS.get(step_name.lower(), int(step_name) if step_name.isdigit() else None)
        if step is None:
            raise RequestError(Errno.INVALID_JOB_ID)
    if het is not None:
        members = [cluster.jobs[i] for i in cluster.het_jobs.get(number, ()) if i in cluster.jobs]
        found = [j for j in members if j.record.het_offset == int(het)]
        if not found:
            raise RequestError(Errno.INVALID_JOB_ID)
        return [Target(j, step=step) for j in found]
    members = [cluster.jobs[i] for i in cluster.arrays.get(number, ()) if i in cluster.jobs]
    if task is not None and task != "*":
        wanted = _numbers(task.strip("[]"))
        targets = []
        for job in members:
            if job.record.HasField("array_task_id"):
                if job.record.array_task_id in wanted:
                    targets.append(Target(job, step=step))
            else:
                tasks = [t for t in job.array_pending if t in wanted]
                if tasks:
                    targets.append(Target(job, tasks=tasks, step=step))
        if not targets:
            raise RequestError(Errno.INVALID_JOB_ID)
        return targets
    if members:
        return [Target(job, step=step) for job in members]
    single = cluster.jobs.get(number)
    if single is None:
        raise RequestError(Errno.INVALID_JOB_ID)
    if single.record.het_job_id == number:
        return [Target(j, step=step) for j in cluster.components(single)]
    return [Target(single, step=step)]


def _numbers(text: str) -> set[int]:
    result: set[int] = set()
    for part in filter(None, text.split(",")):
        span, _, stride = part.partition(":")
        low, _, high = span.partition("-")
        if not low.isdigit() or (high and not high.isdigit()) or (stride and not stride.isdigit()):
            raise RequestError(Errno.INVALID_JOB_ID)
        result.update(range(int(low), int(high or low) + 1, int(stride or 1) or 1))
    return result


def matches(cluster: Cluster, job: Job, request: pb.CancelJobs, who: Identity) -> bool:
    """Do the filters of a scancel leave this job in?"""
    record = job.record
    state = record.state & st.BASE_MASK
    return all(
        (
            not request.users or record.user in request.users or str(record.uid) in request.users,
            not request.me or record.uid == who.uid,
            not request.accounts or record.account in request.accounts,
            not request.partitions or bool(set(record.partition.split(",")) & set(request.partitions)),
            not request.qos or record.qos in request.qos,
            not request.names or record.spec.name in request.names,
            not request.states or state in request.states,
            not request.wckeys or record.wckey in request.wckeys,
            not request.reservation or record.spec.reservation == request.reservation,
            not request.nodelist or _on_nodes(record, request.nodelist),
        )
    )


def _on_nodes(record: pb.JobRecord, lists: object) -> bool:
    wanted = {name for text in lists for name in hostlist.expand(text)}  # type: ignore[attr-defined]
    return any(alloc.node in wanted for alloc in record.nodes)


def cancel(cluster: Cluster, request: pb.CancelJobs, who: Identity, now: float) -> list[pb.OpResult]:
    """Carry out a scancel; one result for each id named, or for each job the filters found."""
    results = []
    if request.ids:
        for text in request.ids:
            try:
                targets = resolve(cluster, text)
                chosen = [t for t in targets if matches(cluster, t.job, request, who)]
                if not request.interactive_only_list:
                    _each(cluster, chosen, request, who, now)
                results.append(pb.OpResult(id=text))
            except RequestError as exc:
                results.append(pb.OpResult(id=text, rc=int(exc.errno), error=exc.text))
        return results
    for job in list(cluster.jobs.values()):
        if job.finished or not matches(cluster, job, request, who):
            continue
        try:
            if not cluster.may_change(job, who):
                raise RequestError(Errno.ACCESS_DENIED)
            if not request.interactive_only_list:
                _one(cluster, Target(job), request, who, now)
            results.append(pb.OpResult(id=job.display_id()))
        except RequestError as exc:
            results.append(pb.OpResult(id=job.display_id(), rc=int(exc.errno), error=exc.text))
    return results


def _each(cluster: Cluster, targets: list[Target], request: pb.CancelJobs, who: Identity, now: float) -> None:
    if not targets:
        return
    for target in targets:
        if not cluster.may_change(target.job, who):
            raise RequestError(Errno.ACCESS_DENIED)
    live = [t for t in targets if not t.job.finished]
    if not live:
        raise RequestError(Errno.ALREADY_DONE)
    if len(live) > 1 and live[0].step is not None:  # a step need not span all components of a heterogeneous job
        live = [t for t in live if t.step in t.job.steps and t.job.steps[t.step].waiting] or live[:1]
    for target in live:
        _one(cluster, target, request, who, now)


def _one(cluster: Cluster, target: Target, request: pb.CancelJobs, who: Identity, now: float) -> None:
    job = target.job
    if target.tasks is not None and len(target.tasks) < len(job.array_pending):
        if request.signal_set:
            return
        cluster.drop_tasks(job, target.tasks)
        return
    if target.step is not None:
        if target.step not in job.steps or not job.steps[target.step].waiting:
            raise RequestError(Errno.ALREADY_DONE if job.finished else Errno.INVALID_JOB_ID)
        signal_step(cluster, job, target.step, request, who)
        return
    if request.signal_set or request.batch or request.full:
        if job.pending:
            if request.signal in (0, 9, 15) and not request.batch:
                _end(cluster, job, request, who, now)
                return
            raise RequestError(Errno.JOB_PENDING if request.signal_set else Errno.INVALID_JOB_ID)
        if (request.signal_set and request.signal != 9) or request.batch:
            signal_step(cluster, job, st.ALL_STEPS, request, who)
            return
    _end(cluster, job, request, who, now)


def _end(cluster: Cluster, job: Job, request: pb.CancelJobs, who: Identity, now: float) -> None:
    if st.recurs(job.record):
        if cluster.parameters.explicit_scancel and not request.cron:
            raise RequestError(Errno.CANNOT_CANCEL_CRON_JOB)
        cluster.crontabs.disable(job)
    cluster.end_job(job, st.CANCELLED, now, reason="CANCELLED", killed_by=who.uid)


def signal_step(cluster: Cluster, job: Job, step_id: int, request: pb.CancelJobs, who: Identity) -> None:
    """Send a signal to a step, or to the steps of a job as -b and -f say."""
    number, message = request.signal or 15, ""
    names = {node for sid, step in job.steps.items() if step_id in (sid, st.ALL_STEPS) for node in step.waiting}
    if step_id != st.ALL_STEPS and not request.signal_set:
        number, message = 9, "CANCELLED"
        job.steps[step_id].record.killed_by = who.uid
    for name in sorted(names):
        cluster.effects.append(
            SendNode(
                name,
                pb.NodeDown(
                    signal=pb.SignalStep(
                        job_id=job.id, step_id=step_id, signal=number, batch_only=request.batch, full=request.full,
                        uid=who.uid, message=message,
                        steps_only=step_id == st.ALL_STEPS and not request.batch and not request.full,
                    )
                ),
            )
        )  # fmt: skip
