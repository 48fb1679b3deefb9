"""Why a job waits, in plain words, and what would let it start.

The scheduler itself is asked: a `Trial` is a pass that changes nothing.  It looks at the jobs before the one in
question as a pass does, then at that job, and then at the same job with one wish less.  What is said to help is what
the scheduler then found a place for.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from crane_compat.core import admission
from crane_compat.core import states as st
from crane_compat.core.errors import RequestError
from crane_compat.core.request import Request
from crane_compat.parsers import hostlist
from crane_compat.scheduling.main_loop import NOT_UP, SchedulingPass
from crane_compat.scheduling.placement import Mask, Placement
from crane_compat.wire import INFINITE, pb

if TYPE_CHECKING:
    from crane_compat.core.cluster import Cluster
    from crane_compat.core.job import Job

Found = tuple[str, Placement]

#: What Slurm's words mean; what depends on the job is said by `_Account`.
SENTENCES: dict[str, str] = {
    "AccountNotAllowed": "the partition does not take jobs of its account",
    "BadConstraints": "no node will ever have what it asks for",
    "BeginTime": "its begin time has not come",
    "Dependency": "it waits for other jobs",
    "DependencyNeverSatisfied": "what it depends on can no longer come true; cancel it, or change its dependency",
    "JobArrayTaskLimit": "as many tasks of its array run as may at a time (the % of --array)",
    "JobHeldAdmin": "an administrator holds it, or its priority is 0",
    "JobHeldUser": "its user holds it; scontrol release lets it go",
    "Licenses": "not enough licences are free",
    "PartitionDown": "its partition is down",
    "PartitionInactive": "its partition is inactive",
    "PartitionConfig": "its partition has not as many nodes of the kind it needs",
    "PartitionNodeLimit": "it asks for more nodes than its partition gives to a job",
    "PartitionTimeLimit": "it asks for more time than its partition allows",
    "Priority": "jobs with a higher priority wait for the same nodes",
    "QOSNotAllowed": "the partition does not take jobs of its QOS",
    "ReqNodeNotAvail": "nodes that it needs are down, drained or reserved",
    "Reservation": "its reservation has not begun",
    "ReservationDeleted": "its reservation is over; scontrol release lets it go",
    "Resources": "the nodes that it needs are not free",
    "job_requeued_in_held_state": "it was put back into the queue, held; scontrol release lets it go",
}

#: Reasons that a smaller wish may do away with.
_FOR_ROOM = frozenset({"Resources", "Priority", "ReqNodeNotAvail", "BadConstraints", "PartitionConfig",
                       "PartitionNodeLimit", "PartitionTimeLimit", "Licenses"})  # fmt: skip


class Trial(SchedulingPass):
    """A pass that starts nothing and writes nothing: what could start holds its nodes from then on."""

    def __init__(self, cluster: Cluster, now: float) -> None:
        super().__init__(cluster, now)
        self.reasons: dict[int, tuple[str, str]] = {}
        self.plan_of: dict[int, tuple[float, str]] = {}
        self.ahead = 0

    def up_to(self, job: Job) -> None:
        """Look at the jobs that come before one."""
        order = sorted((self.cluster.jobs[i] for i in self.cluster.pending), key=self._order)
        for other in order:
            if other is job:
                break
            if other.record.het_job_id:
                self._component(other)
            else:
                self._one(other)
            self.ahead += self.reasons.get(other.id, ("", ""))[0] in ("Resources", "Priority", "ReqNodeNotAvail")

    def judge(self, job: Job) -> Found | None:
        """The place that a job would get; its reason is in `reasons` where there is none."""
        if (job.is_array and self._throttled(job)) or not self._eligible(job):
            return None
        before = self.kept_from.copy(), self.planned_until.copy(), self.plans
        found = self._find(job)
        self.kept_from, self.planned_until, self.plans = before  # its own plan is not in its way
        return found

    def vary(self, job: Job, spec: pb.JobSpec, minutes: int, partitions: str) -> bool:
        """Would it start, if it were asked for so?"""
        cluster, record = self.cluster, job.record
        before = record.time_limit, job.requests, job.impossible, dict(self.blocked), record.tres_req_ids
        try:
            requests = list(_requests(cluster, job, spec, partitions))
            if not requests:
                return False
            record.time_limit, job.requests, job.impossible = minutes, requests, ""
            first = requests[0]
            counts = cluster._requested_tres(first[1], first[0], spec.num_tasks)
            record.tres_req_ids = cluster.tres.id_text(counts)
            self.trying = True
            return self._find(job) is not None
        finally:
            self.trying = False
            record.time_limit, job.requests, job.impossible, self.blocked, record.tres_req_ids = before

    # ------------------------------------------------------------ nothing is done

    def _find(self, job: Job) -> Found | None:
        minutes = job.record.time_limit
        found = super()._find(job)
        job.record.time_limit = minutes  # --time-min may have shortened it
        return found

    def _eligible(self, job: Job) -> bool:
        return self._independent(job)

    def _start(self, job: Job, name: str, placement: Placement) -> None:
        self._hold(job, placement)
        self.started += 1

    def _tell_of_dependency(self, job: Job) -> None:
        pass

    def _give_up(self, job: Job) -> None:
        pass

    def _planned(self, job: Job, start: float, nodes: str) -> None:
        self.plan_of[job.id] = (start, nodes)

    def _reason(self, job: Job, reason: str, text: str = "") -> None:
        self.reasons[job.id] = (reason, text)


def _requests(cluster: Cluster, job: Job, spec: pb.JobSpec, partitions: str) -> Iterator[tuple[str, Request]]:
    """The request classes of a spec; none where a partition could never give it."""
    names = (tuple(hostlist.expand(text)) if text else () for text in (spec.req_nodes, spec.exc_nodes))
    required, excluded = names
    licenses = admission.licenses_of(cluster, spec.licenses)
    for name in partitions.split(","):
        partition = cluster.partitions.get(name)
        if partition is None:
            continue
        request = admission.build_request(cluster, spec, partition, required, excluded, licenses, job.record.uid)
        try:
            if not admission.check_shape(cluster, request, partition):
                yield name, request
        except RequestError:
            continue


def explain(cluster: Cluster, job: Job, now: float) -> pb.Explanation:
    """Everything that can be said of a waiting job; of another that it does not wait."""
    told = pb.Explanation(job=job.record)
    if not job.pending:
        told.because.append("it does not wait: it is " + st.job_state_name(job.state).lower().replace("_", " "))
        return told
    wanted = cluster.wants_scheduling
    trial = Trial(cluster, now)
    trial.up_to(job)
    found = trial.judge(job)
    told.ahead = trial.ahead
    account = _Account(cluster, job, trial, now)
    if found is not None:
        told.because.append("nothing: it can start now, on " + account.names([n.index for n in found[1].nodes]))
    else:
        told.reason, told.text = trial.reasons.get(job.id, (job.record.reason, job.record.reason_text))
        told.because.extend(account.because(told.reason, told.text))
        told.start, told.start_nodes = account.start(told.reason)
        if told.reason in _FOR_ROOM or told.reason not in SENTENCES:  # the others are limits
            told.remedies.extend(account.remedies())
    requests = cluster.requests_of(job)
    told.nodes_needed = requests[0][1].min_nodes if requests else 0
    told.partitions.extend(account.view(name, request) for name, request in requests)
    cluster.wants_scheduling = wanted
    return told


class _Account:
    """What there is to say of one job after a trial."""

    def __init__(self, cluster: Cluster, job: Job, trial: Trial, now: float) -> None:
        self.cluster, self.job, self.trial, self.now = cluster, job, trial, now
        self.record = job.record

    def names(self, positions: list[int]) -> str:
        return hostlist.compress([self.cluster.table.nodes[position].name for position in positions])

    # ------------------------------------------------------------ why

    def because(self, reason: str, text: str) -> Iterator[str]:
        """Sentences."""
        cluster, record = self.cluster, self.record
        if text and reason in ("AccountNotAllowed", "QOSNotAllowed"):
            yield text
        elif reason == "Dependency":
            yield f"{SENTENCES[reason]}: {record.dependency}"
        elif reason == "Licenses":
            yield from self._licenses()
        elif reason == "Reservation":
            yield f"{SENTENCES[reason]}: {record.spec.reservation}"
        elif text == NOT_UP:
            yield "too few of the nodes that could run it are up and not reserved"
        elif reason in SENTENCES:
            yield SENTENCES[reason]
        else:
            for name, _ in cluster.requests_of(self.job):
                rule = cluster.limits.broken(self.job, name, self.now)
                if rule is not None and rule.reason == reason:
                    yield f"a limit: {cluster.limits.sentence(rule, self.job)}"
                    return
            yield "a limit of its association or QOS does not allow what it would be given"

    def _licenses(self) -> Iterator[str]:
        cluster = self.cluster
        kept = cluster.reservations.licenses_kept(self.now)
        for name, count in admission.licenses_of(cluster, self.record.spec.licenses):
            used, held = cluster.licenses_used.get(name, 0), kept.get(name, 0)
            total = cluster.parameters.licenses.get(name, 0)
            if used + held + count > total:
                yield f"it asks for {count} of licence {name}, of which {used} of {total} are in use, {held} reserved"

    def start(self, reason: str) -> tuple[float, str]:
        """When and where it is expected to start."""
        if reason == "BeginTime":
            return self.record.spec.begin_time, ""
        if reason == "Reservation":
            wanted = self.record.spec.reservation.split(",")
            known = [
                self.cluster.reservations.by_name[name] for name in wanted if name in self.cluster.reservations.by_name
            ]
            return min((one.record.start_time for one in known), default=0.0), ""
        start, nodes = self.trial.plan_of.get(self.job.id, (0.0, ""))
        if start:
            return start, nodes
        return (self.record.start_time, self.record.sched_nodes) if reason in ("Resources", "Priority") else (0.0, "")

    # ------------------------------------------------------------ where

    def view(self, name: str, request: Request) -> pb.PartitionView:
        """Every node of a partition, by what keeps the job from it."""
        cluster, table = self.cluster, self.cluster.table
        view = pb.PartitionView(name=name)
        left = cluster.partition_mask(name).copy()

        def take(cause: str, mask: Mask, text: Callable[[list[int]], str] | str = "") -> None:
            nonlocal left
            chosen = left & mask
            left = left & ~mask
            positions = [int(i) for i in np.flatnonzero(chosen)]
            if positions:
                said = text if isinstance(text, str) else text(positions)
                view.groups.add(cause=cause, nodes=self.names(positions), count=len(positions), text=said)

        plain = replace(request, req_nodes=(), exc_nodes=(), features="", contiguous=False)
        every = np.ones(len(table.nodes), np.bool_)
        if request.exc_nodes:
            take("unfit", table.mask_of(request.exc_nodes), "excluded by the job")
        if request.req_nodes and len(request.req_nodes) >= request.min_nodes:
            take("unfit", ~table.mask_of(request.req_nodes), "the job names others")
        if request.features:
            take("unfit", ~table.with_features(request.features), f"without {request.features}")
        able, _ = table.capacity(plain, every, empty=True)
        take("unfit", ~able, "too small for a share of the job, even when empty")
        take("down", ~table.up, self._why_down)
        room = cluster.reservations.room(self.job, name, self.now)
        if room is not None and room.nodes is not None:
            take("reserved", ~room.nodes, self._why_reserved)
        with table.restricted(room.cores if room is not None else {}):
            now, _ = table.capacity(plain, every, empty=False)
        take("busy", ~now, self._until)
        limit = self.trial._limit(self.job)
        if limit is not None:
            take("kept", ~limit, "planned for jobs before it, which it would delay")
        take("free", every)
        return view

    def _why_down(self, positions: list[int]) -> str:
        reasons = (self.cluster.table.nodes[position].record.reason for position in positions)
        return "; ".join(dict.fromkeys(reason for reason in reasons if reason))

    def _why_reserved(self, positions: list[int]) -> str:
        names = {self.cluster.table.nodes[position].name for position in positions}
        held = [one for one in self.cluster.reservations.by_name.values() if one.nodes & names]
        return "by " + ", ".join(one.name for one in held) if held else "not in the job's reservation"

    def _until(self, positions: list[int]) -> str:
        ends = []
        for position in positions:
            jobs = [
                self.cluster.jobs[i].record for i in self.cluster.table.nodes[position].jobs if i in self.cluster.jobs
            ]
            ends += [record.end_time for record in jobs if record.end_time]
        if not ends:
            return ""
        minutes = max(0, int(min(ends) - self.now)) // 60
        return f"the first job there ends in {minutes} minutes at the latest"

    # ------------------------------------------------------------ what would help

    def remedies(self) -> Iterator[pb.Remedy]:
        """Changes each of which alone lets the job start now, the smaller ones first."""
        record, spec = self.record, self.record.spec
        minutes = record.time_limit if record.time_limit != INFINITE else 365 * 1440
        if (longest := self._most(minutes - 1, lambda value: self._could(minutes=value))) is not None:
            yield self._remedy("time", str(longest), f"timelimit={longest}")
        for option, field, key in (
            ("constraint", "features", "features="), ("nodelist", "req_nodes", "nodelist="),
            ("exclude", "exc_nodes", "excnodelist="), ("contiguous", "contiguous", ""), ("exclusive", "exclusive", ""),
            ("licenses", "licenses", "licenses="),
        ):  # fmt: skip
            if getattr(spec, field) and self._could(self._without(field)):
                yield self._remedy(option, "", key)
        nodes = max(spec.min_nodes, 1)
        if spec.min_nodes > 1 and (fewer := self._most(nodes - 1, lambda n: self._could(self._nodes(n)))) is not None:
            yield self._remedy("nodes", str(fewer), f"numnodes={fewer}")
        if spec.num_tasks > 1:
            fewer = self._most(spec.num_tasks - 1, lambda n: self._could(self._with(num_tasks=n)))
            if fewer is not None:
                yield self._remedy("ntasks", str(fewer), f"numtasks={fewer}")
        if spec.cpus_per_task > 1:
            fewer = self._most(spec.cpus_per_task - 1, lambda n: self._could(self._with(cpus_per_task=n)))
            if fewer is not None:
                yield self._remedy("cpus-per-task", str(fewer), f"cpuspertask={fewer}")
        for option, field, key in (
            ("mem", "mem_per_node", "minmemorynode"), ("mem-per-cpu", "mem_per_cpu", "minmemorycpu"),
        ):  # fmt: skip
            value = getattr(spec, field)
            less = self._most(value - 1, functools.partial(self._could_with, field)) if value else None
            if less is not None:
                yield self._remedy(option, f"{less}M", f"{key}={less}")
        for name, partition in self.cluster.partitions.items():
            if name in record.partition.split(",") or partition.hidden or not self._welcome(name):
                continue
            if self._could(partitions=name):
                yield self._remedy("partition", name, f"partition={name}")

    def _remedy(self, option: str, value: str, change: str) -> pb.Remedy:
        command = f"scontrol update job={self.record.job_id} {change}" if change else ""
        return pb.Remedy(option=option, value=value, command=command)

    def _most(self, most: int, could: Callable[[int], bool]) -> int | None:
        """The greatest number up to `most` that would do, where less of it is never worse; None where not even 1."""
        if most < 1 or not could(1):
            return None
        low, high = 1, most
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if could(middle) else (low, middle - 1)
        return low

    def _could(self, spec: pb.JobSpec | None = None, minutes: int | None = None, partitions: str = "") -> bool:
        record = self.record
        return self.trial.vary(
            self.job,
            spec or record.spec,
            record.time_limit if minutes is None else minutes,
            partitions or record.partition,
        )

    def _could_with(self, field: str, value: int) -> bool:
        return self._could(self._with(**{field: value}))

    def _with(self, **values: int) -> pb.JobSpec:
        spec = pb.JobSpec()
        spec.CopyFrom(self.record.spec)
        for name, value in values.items():
            setattr(spec, name, value)
        return spec

    def _nodes(self, count: int) -> pb.JobSpec:
        return self._with(min_nodes=count, max_nodes=count)

    def _without(self, field: str) -> pb.JobSpec:
        spec = self._with()
        spec.ClearField(field)
        return spec

    def _welcome(self, name: str) -> bool:
        """May its user use a partition?"""
        record = self.record
        owner = admission.Identity(record.uid, record.gid, record.user, record.group, frozenset((record.group,)))
        try:
            admission.partitions_of(self.cluster, pb.JobSpec(partition=name), owner)
        except RequestError:
            return False
        return True
