"""The one state machine: every job, step and node of a cluster and how they move.

`Cluster` is deterministic and does no I/O: time comes in as an argument, what
must happen outside goes out as effects (`core.effects`), and what must be kept
is named in `Changes`.  The controller commits the changes, then performs the
effects and answers the client; the simulator does the same with a virtual clock.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from crane_compat.core import admission, crontabs, dependency, mail, preparing
from crane_compat.core import states as st
from crane_compat.core.accounts import Accounts
from crane_compat.core.admission import Identity
from crane_compat.core.billing import billed
from crane_compat.core.cores import CoreOrder
from crane_compat.core.effects import (
    Effect,
    JobChanged,
    LaunchStep,
    SendNode,
    StepChanged,
    StepRefused,
)
from crane_compat.core.errors import Errno, RequestError
from crane_compat.core.job import Job, Step
from crane_compat.core.layout import fills_sockets
from crane_compat.core.limits import Limits
from crane_compat.core.node import Node
from crane_compat.core.parameters import Parameters
from crane_compat.core.power import Power
from crane_compat.core.request import Request, RequestTable
from crane_compat.core.reservations import Reservations
from crane_compat.core.tres import TresTable
from crane_compat.core.triggers import Triggers
from crane_compat.parsers import hostlist
from crane_compat.parsers.constraint import ConstraintError, parse_constraint
from crane_compat.parsers.signal_spec import parse_signal_spec
from crane_compat.parsers.topology_conf import Topology
from crane_compat.scheduling.placement import Failure, Mask, NodeTable, Placement
from crane_compat.scheduling.priority import job_priority
from crane_compat.wire import INFINITE, pb

#: Slurm keeps a requeued job from starting for this long (slurmctld, job_mgr: two minutes).
REQUEUE_DELAY = 120.0

#: The limit (minutes) that a job gets with its nodes where neither it nor its partition has one, as recorded of
#: Slurm's backfill scheduler; components of heterogeneous jobs stay without.
YEAR = 365 * 24 * 60

#: The wait status of a step whose node was lost (slurmdbd's schema: NO_VAL).
UNKNOWN_STATUS = -2

#: Exit status of a batch script that could not be set up (shown as 0:53).
SETUP_FAILED = 53


@dataclass(slots=True)
class Changes:
    """What has to be written before anybody is told."""

    jobs: set[int] = field(default_factory=set)
    gone_jobs: set[int] = field(default_factory=set)
    blobs: dict[int, pb.JobBlob] = field(default_factory=dict)
    steps: set[tuple[int, int]] = field(default_factory=set)
    gone_steps: set[tuple[int, int]] = field(default_factory=set)
    nodes: set[str] = field(default_factory=set)
    partitions: set[str] = field(default_factory=set)
    reservations: set[str] = field(default_factory=set)
    triggers: set[int] = field(default_factory=set)
    crontabs: set[int] = field(default_factory=set)  # uids
    outbox: list[pb.AcctEvent] = field(default_factory=list)
    next_job_id: bool = False

    def __bool__(self) -> bool:
        return bool(
            self.jobs or self.gone_jobs or self.blobs or self.steps or self.gone_steps or self.nodes
            or self.partitions or self.reservations or self.triggers or self.crontabs or self.outbox
            or self.next_job_id
        )  # fmt: skip


class Cluster:
    """All state of one cluster.  Methods that change it take `now` (seconds since the epoch)."""

    def __init__(
        self, parameters: Parameters, nodes: Iterable[pb.NodeRecord], partitions: Iterable[pb.PartitionRecord]
    ) -> None:
        self.parameters = parameters
        self.slurm_uid = 0
        self.accounts = Accounts()
        self.limits = Limits(self)
        self.tres = TresTable(parameters.accounting_tres)
        self.reservations = Reservations(self)
        self.triggers = Triggers(self)
        self.power = Power(self)
        self.crontabs = crontabs.Crontabs(self)
        self.topology = Topology()
        self.request_table = RequestTable()
        self.jobs: dict[int, Job] = {}
        self.arrays: dict[int, list[int]] = {}  # array job id → job ids of its records
        self.het_jobs: dict[int, list[int]] = {}  # heterogeneous job id → job ids of its components, by offset
        self.pending: set[int] = set()
        self.licenses_used: dict[str, int] = {}
        self.next_job_id = parameters.first_job_id
        self.next_ticket = 1
        self.outbox_seq = 0
        self.changes = Changes()
        self.effects: list[Effect] = []
        self.wants_scheduling = True
        self.list_end = 0  # the place of the last in the list of jobs
        self.priorities_at = 0.0  # when the priorities of waiting jobs were last added up
        self.partitions: dict[str, pb.PartitionRecord] = {}
        self.nodes: dict[str, Node] = {}
        self._masks: dict[str, Mask] = {}
        self.configure(parameters, nodes, partitions)

    # ------------------------------------------------------------ configuration

    def configure(
        self, parameters: Parameters, nodes: Iterable[pb.NodeRecord], partitions: Iterable[pb.PartitionRecord]
    ) -> None:
        """Take a (changed) configuration: node states and allocations are kept."""
        self.parameters = parameters
        old = self.nodes
        self.nodes = {}
        for record in nodes:
            node = Node.of(pb.NodeRecord.FromString(record.SerializeToString()))
            before = old.get(record.name)
            if before is not None:
                kept = before.record
                for name in (
                    "state", "reason", "reason_uid", "reason_user", "reason_time", "boot_time", "slurmd_start_time",
                    "last_busy", "cpu_load", "free_memory", "os", "arch", "version", "comment", "extra",
                    "real_memory_seen", "cpus_seen", "power_since", "next_state",
                ):  # fmt: skip
                    setattr(node.record, name, getattr(kept, name))
                node.connected, node.last_seen = before.connected, before.last_seen
            node.boots_for_jobs = parameters.power.saves
            self.nodes[record.name] = node
        self.partitions = {p.name: pb.PartitionRecord.FromString(p.SerializeToString()) for p in partitions}
        for node in self.nodes.values():
            del node.record.partitions[:]
            node.record.tres_cfg = self._node_tres(node)
        for partition in self.partitions.values():
            names = [n for n in partition.node_names if n in self.nodes]
            for name in names:
                self.nodes[name].record.partitions.append(partition.name)
            self._partition_totals(partition, names)
        for job in self.jobs.values():
            self._hold_resources(job)
        self.rebuild_table()
        for job in self.jobs.values():
            if job.pending:
                job.requests = []
        self.wants_scheduling = True

    def _node_tres(self, node: Node) -> str:
        record = node.record
        counts = {"cpu": record.effective_cpus, "mem": record.memory, "billing": record.effective_cpus}
        for pool in node.pools:
            counts[f"gres/{pool.name}"] = counts.get(f"gres/{pool.name}", 0) + pool.count
            if pool.type:
                counts[f"gres/{pool.name}:{pool.type}"] = pool.count
        return self.tres.text(counts)

    def _partition_totals(self, partition: pb.PartitionRecord, names: list[str]) -> None:
        counts = {"cpu": 0, "mem": 0, "node": len(names), "billing": 0}
        for name in names:
            node = self.nodes[name]
            counts["cpu"] += node.record.cpus
            counts["mem"] += node.record.memory
            for pool in node.pools:
                for key in {f"gres/{pool.name}", f"gres/{pool.name}:{pool.type}" if pool.type else ""} - {""}:
                    counts[key] = counts.get(key, 0) + pool.count
        counts["billing"] = int(billed(counts, partition.tres_billing_weights, self.parameters.priority.billing))
        for name, total in self.parameters.licenses.items():
            counts[f"license/{name}"] = total
        partition.total_cpus, partition.total_nodes = counts["cpu"], len(names)
        partition.tres = self.tres.text(counts)

    def _hold_resources(self, job: Job) -> None:
        """Mark an existing allocation as used (after a restart or a new configuration)."""
        record = job.record
        if not (record.state & st.BASE_MASK in (st.RUNNING, st.SUSPENDED) or record.state & st.COMPLETING):
            return
        open_nodes = set(record.completing_nodes) if record.state & st.COMPLETING else None
        for alloc in record.nodes:
            node = self.nodes.get(alloc.node)
            if node is None or (open_nodes is not None and alloc.node not in open_nodes):
                continue
            node.adopt_gres(alloc)
            node.allocate(job.id, alloc)
            if self._exclusive(job):
                node.exclusive_job = job.id
            node.show_state()

    def rebuild_table(self) -> None:
        """Make the arrays the scheduler matches against anew."""
        self.table = NodeTable(list(self.nodes.values()), linear=self.parameters.linear)
        self._masks = {}

    def partition_mask(self, name: str) -> Mask:
        """Which nodes belong to a partition (array over nodes)."""
        mask = self._masks.get(name)
        if mask is None:
            mask = self.table.mask_of(tuple(self.partitions[name].node_names))
            self._masks[name] = mask
        return mask

    def features_known(self, expression: str) -> bool:
        """Is it a constraint, and does every name in it exist on some node?"""
        if not expression:
            return True
        try:
            names = set(parse_constraint(expression).names())
        except ConstraintError:
            return False
        return names <= {feature for node in self.nodes.values() for feature in node.record.features.split(",")}

    # ------------------------------------------------------------ permissions

    def is_operator(self, who: Identity) -> bool:
        """Root, SlurmUser, operators and administrators of the accounting database."""
        return who.uid in (0, self.slurm_uid) or self.accounts.is_operator(who.user)

    def may_change(self, job: Job, who: Identity) -> bool:
        """The owner, an operator, or a coordinator of the job's account."""
        return (
            who.uid == job.record.uid
            or self.is_operator(who)
            or self.accounts.coordinates(who.user, (job.record.account,))
        )

    def may_see(self, job: Job, who: Identity) -> bool:
        """Everybody, or with PrivateData=jobs those who may change the job."""
        return "jobs" not in self.parameters.private or self.may_change(job, who)

    # ------------------------------------------------------------ bookkeeping

    def in_order(self, jobs: Iterable[Job]) -> list[Job]:
        """Jobs as they stand in the list."""
        return sorted(jobs, key=lambda job: job.record.list_order)

    def mark(self, job: Job) -> None:
        """The job's record changed: keep it."""
        self.changes.jobs.add(job.id)
        job.wire = b""

    def touch(self, job: Job) -> None:
        """The job's record changed: keep it and tell who watches it."""
        self.mark(job)
        self.limits.update(job)
        self.effects.append(JobChanged(job.id))

    def touch_node(self, node: Node) -> None:
        """The node changed: keep it and refresh the scheduler's arrays."""
        node.show_state()
        node.record.tres_alloc = self._node_alloc_tres(node)
        self.changes.nodes.add(node.name)
        position = self.table.index.get(node.name)
        if position is not None:
            self.table.refresh(position)

    def _node_alloc_tres(self, node: Node) -> str:
        counts = {"cpu": node.record.alloc_cpus, "mem": node.record.alloc_memory}
        for pool, used in zip(node.pools, node.used_count, strict=True):
            if used:
                counts[f"gres/{pool.name}"] = counts.get(f"gres/{pool.name}", 0) + used
                if pool.type:
                    counts[f"gres/{pool.name}:{pool.type}"] = used
        return self.tres.text(counts)

    def tell_accounting(
        self,
        kind: str,
        now: float,
        *,
        job: Job | None = None,
        step: Step | None = None,
        node: Node | None = None,
        text: str = "",
        blob: pb.JobBlob | None = None,
        reservation: pb.ReservationRecord | None = None,
    ) -> None:
        """Queue an event for the accounting daemon (kept in the outbox until it confirms)."""
        if not self.parameters.with_accounting:
            return
        self.outbox_seq += 1
        event = pb.AcctEvent(seq=self.outbox_seq, time=now, kind=kind, text=text)
        if job is not None:
            event.job.CopyFrom(job.record)
        if step is not None:
            event.step.CopyFrom(step.record)
        if node is not None:
            event.node.CopyFrom(node.record)
        if blob is not None:
            event.blob.CopyFrom(blob)
        if reservation is not None:
            event.reservation.CopyFrom(reservation)
        self.changes.outbox.append(event)

    def take(self) -> tuple[Changes, list[Effect]]:
        """Hand over what has accumulated since the last call."""
        changes, effects = self.changes, self.effects
        self.changes, self.effects = Changes(), []
        return changes, effects

    def _new_id(self) -> int:
        for _ in range(self.parameters.max_job_id):
            number = self.next_job_id
            self.next_job_id = number + 1 if number + 1 < self.parameters.max_job_id else self.parameters.first_job_id
            if number not in self.jobs:
                self.changes.next_job_id = True
                return number
        raise RequestError(Errno.ERROR_ON_DESC_TO_RECORD_COPY)

    # ------------------------------------------------------------ submission

    def submit(self, specs: list[pb.JobSpec], who: Identity, now: float) -> Job:
        """Accept a request (several specs: a heterogeneous job), raising RequestError where it is refused."""
        if self._job_count() + sum(admission.count_of(self, spec) for spec in specs) > self.parameters.max_job_count:
            raise RequestError(Errno.AGAIN)
        if len(specs) > 1 and any(spec.array for spec in specs):
            raise RequestError(Errno.INVALID_ARRAY)
        admitted = [self._admit(spec, who, now) for spec in specs]
        leader = admitted[0][0]
        for offset, (job, blob) in enumerate(admitted):
            if len(admitted) > 1:
                job.record.het_job_id = leader.id
                job.record.het_offset = offset
                job.record.het_job_id_set = f"{leader.id}-{admitted[-1][0].id}"
                if job.impossible and job.record.reason == job.impossible:
                    job.record.reason = job.why_impossible()
            self._add(job)
            if offset == 0 and job.record.batch_flag:
                self.changes.blobs[job.id] = blob
            self.tell_accounting("job_submit", now, job=job, blob=blob if job.record.batch_flag else None)
        return leader

    def components(self, job: Job) -> list[Job]:
        """All components of a heterogeneous job that are still known, by offset; else the job alone."""
        members = self.het_jobs.get(job.record.het_job_id, ())
        return [self.jobs[number] for number in members if number in self.jobs] or [job]

    def _job_count(self) -> int:
        """Jobs known, each waiting task of an array as one (MaxJobCount)."""
        firsts = (self.jobs[number] for number in self.arrays if number in self.jobs)
        return len(self.jobs) + sum(max(0, len(first.array_pending) - 1) for first in firsts)

    def hindrance(self, job: Job) -> Errno | None:
        """What stands in the way of a waiting srun or salloc that time alone will not clear, as the user is told."""
        if not job.pending:
            return None
        if job.impossible:
            return Errno.REQUESTED_PART_CONFIG_UNAVAILABLE
        asked = [self.partitions[name] for name in job.record.partition.split(",") if name in self.partitions]
        down = all(partition.state == st.PARTITION_DOWN for partition in asked)
        return Errno.PARTITION_DOWN if asked and down else None

    def withdraw(self, job_id: int) -> None:
        """A job that could not be made durable never was: nobody has been told of it."""
        job = self.jobs.pop(job_id, None)
        if job is None:
            return
        self.pending.discard(job_id)
        self.limits.forget(job_id)
        self.arrays.pop(job.record.array_job_id, None)
        self.het_jobs.pop(job.record.het_job_id, None)
        changes = self.changes
        changes.jobs.discard(job_id)
        changes.blobs.pop(job_id, None)
        changes.outbox = [event for event in changes.outbox if event.job.job_id != job_id]
        for alloc in job.record.nodes:
            node = self.nodes.get(alloc.node)
            if node is not None:
                node.release(job_id, alloc)
                self.touch_node(node)

    def plan(self, spec: pb.JobSpec, who: Identity, now: float) -> Job:
        """--test-only: the job as it would be, with the earliest start; an id is used up as in Slurm."""
        job, _ = self._admit(spec, who, now, test_only=True)
        if job.impossible:
            raise RequestError(Errno.REQUESTED_NODE_CONFIG_UNAVAILABLE)
        start = now
        for name, request in job.requests:
            mask = self.partition_mask(name)
            request = replace(request, fewest=False)  # as recorded: such a test looks for the most nodes of a range
            placement = self.table.place(request, mask)
            if isinstance(placement, Failure):
                placement = self.table.place(request, mask, empty=True)
                start = max(now, self._drain_time(mask))
            if isinstance(placement, Failure):
                raise RequestError(Errno.REQUESTED_NODE_CONFIG_UNAVAILABLE)
            self._fill_allocation(job, name, placement)
            break
        job.record.start_time = max(start, job.record.spec.begin_time)
        return job

    def _drain_time(self, mask: Mask) -> float:
        """When the last job now on these nodes must have ended."""
        ends = [0.0]
        for position in np.flatnonzero(mask):
            for job_id in self.table.nodes[int(position)].jobs:
                ends.append(self.jobs[job_id].record.end_time)
        return max(ends)

    def _admit(self, spec: pb.JobSpec, who: Identity, now: float, *, test_only: bool = False) -> tuple[Job, pb.JobBlob]:
        par = self.parameters
        admission.check_identity(self, spec, who)
        partitions = admission.partitions_of(self, spec, who)
        required, excluded = admission.check_nodes_named(self, spec)
        licenses = admission.licenses_of(self, spec.licenses)
        tasks, throttle = admission.array_of(self, spec.array) if spec.array else ([], 0)
        account, association = admission.account_of(self, spec, who)
        qos, qos_id = admission.qos_of(self, spec, association, who)
        limit = admission.time_limit_of(spec, partitions[0])
        charged = (association.id if association else 0, qos, partitions[0].name, who.user, account)
        if not spec.HasField("time_limit"):
            limit = min(limit, self.limits.longest(*charged))
        admission.check_times(spec, limit, now)
        admission.check_features(self, spec)
        if spec.HasField("min_nodes") and spec.max_nodes and spec.max_nodes < spec.min_nodes:
            raise RequestError(Errno.INVALID_NODE_COUNT)

        def enforced(exceeded: int) -> bool:
            """Is a job refused whose request is too much for so many of its partitions?"""
            most = {"ALL": 1, "ANY": len(partitions)}.get(par.enforce_part_limits)
            return most is not None and exceeded >= most

        over = [p for p in partitions if p.max_time != INFINITE and limit > p.max_time]
        if enforced(len(over)):
            raise RequestError(Errno.INVALID_TIME_LIMIT)

        requests = [
            (p.name, admission.build_request(self, spec, p, required, excluded, licenses, who.uid)) for p in partitions
        ]
        admission.check_gres_known(self, requests[0][1].gres_per_node + requests[0][1].gres_per_job)
        request = requests[0][1]
        num_tasks = spec.num_tasks or request.min_nodes * max(1, request.ntasks_per_node)
        counts = self._requested_tres(request, partitions[0].name, num_tasks)
        denied = [admission.partition_denies(p, account, qos) for p in partitions]
        if enforced(sum(bool(reason) for reason, _ in denied)):
            first = next(reason for reason, _ in denied if reason)
            raise RequestError(Errno.INVALID_ACCOUNT if first == "AccountNotAllowed" else Errno.INVALID_QOS)
        pairs = zip(requests, partitions, strict=True)
        beyond = [errno for (_, r), p in pairs if (errno := admission.partition_limit(self, r, p)[1])]
        if enforced(len(beyond)):
            raise RequestError(beyond[0])
        admission.check_wckey(self, spec, who)
        policy = self.limits.refusal(*charged, tasks=len(tasks) or 1, minutes=limit, tres=counts)
        if policy:
            raise RequestError(Errno.ACCOUNTING_POLICY, details=(policy,))
        # from here on a refusal has used up an id, as in Slurm
        record = pb.JobRecord(job_id=self._new_id())
        depends = dependency.parse(self, spec.dependency, who) if spec.dependency else None
        if spec.reservation:
            self.reservations.admit(spec, who, account, qos, spec.partition or partitions[0].name)
        admission.check_batch_features(self, spec)
        try:
            impossible = [
                admission.check_shape(self, request, p, held=spec.hold and not test_only)
                for (_, request), p in zip(requests, partitions, strict=True)
            ]
        except RequestError as exc:
            if test_only:
                exc.details = ()
            raise
        if all(impossible) and par.enforce_part_limits in ("ALL", "ANY"):
            raise RequestError(Errno.REQUESTED_NODE_CONFIG_UNAVAILABLE)
        record.spec.CopyFrom(spec)
        blob = pb.JobBlob(script=record.spec.script, env=record.spec.env)
        record.spec.ClearField("script")
        record.spec.ClearField("env")
        if spec.switches and self.topology.switches:
            most = par.max_switch_wait
            record.spec.switch_wait = min(spec.switch_wait or most, most)
        record.uid, record.gid, record.user, record.group = who.uid, who.gid, who.user, who.group
        record.state, record.reason = st.PENDING, "None"
        record.submit_time = now
        record.partition = spec.partition or partitions[0].name
        record.account, record.qos, record.qos_id = account, qos, qos_id
        record.assoc_id = association.id if association else 0
        record.wckey = spec.wckey
        record.resv_id = self.reservations.number_of(spec.reservation)
        record.admin_comment = spec.admin_comment
        record.time_limit = limit
        record.min_cpus, record.min_nodes, record.max_nodes = request.min_cpus, request.min_nodes, spec.max_nodes
        record.num_tasks = num_tasks
        record.cpus_per_task = request.cpus_per_task
        record.min_memory, record.memory_per_cpu = request.memory, request.memory_per_cpu
        record.requeue = spec.requeue if spec.HasField("requeue") else par.job_requeue
        record.batch_flag = spec.batch
        record.num_nodes, record.num_cpus = self._likely_nodes(request, partitions[0].name), request.min_cpus
        record.tres_req, record.tres_req_ids = self.tres.text(counts), self.tres.id_text(counts)
        record.std_in, record.std_out, record.std_err = spec.std_in, spec.std_out, spec.std_err
        if spec.batch:  # where a name was left out it is the usual one, relative to the working directory
            record.std_in = spec.std_in or "/dev/null"
            record.std_out = spec.std_out or ("slurm-%A_%a.out" if spec.array else "slurm-%j.out")
        record.deadline = spec.deadline
        record.exit_code = 0
        job = Job(record, requests=requests)
        job.impossible = impossible[0] if all(impossible) else ""
        if tasks:
            job.array_pending = tasks
            record.array_job_id = record.job_id
            record.array_max_tasks = throttle
            record.array_count, record.array_min, record.array_max = len(tasks), tasks[0], tasks[-1]
            record.array_step = tasks[1] - tasks[0] if len(tasks) > 1 else 1
            job.show_array()
        if depends is not None:
            job.dependency = depends
            outcome = dependency.look(self, job, now)
            record.dependency = dependency.show(self, job, outcome)
            if outcome == dependency.FULFILLED and not tasks:
                job.dependency = depends = None
        if spec.hold:
            record.priority, record.user_hold = 0, True
            record.reason = "JobHeldUser"
        else:
            asked = spec.HasField("priority") and self.is_operator(who)
            record.priority = spec.priority if asked else job_priority(self, job, now)
            if record.priority == 0:
                record.reason = "JobHeldAdmin"
        if spec.begin_time > now:
            record.eligible_time = spec.begin_time
            record.reason = "BeginTime" if record.reason == "None" else record.reason
        elif depends is not None:
            record.reason = "Dependency" if record.reason == "None" else record.reason
        elif not spec.hold and not tasks and not self.reservations.closed_to(job, now):
            record.eligible_time = record.accrue_time = now
        if all(reason for reason, _ in denied):
            record.reason, record.reason_text = denied[0]
        elif job.impossible and record.reason == "None":
            record.reason = job.impossible
        record.last_sched_eval = now
        record.scheduler = "Main"
        return job, blob

    def _likely_nodes(self, request: Request, partition: str) -> int:
        """As many nodes as it asks for; more, if it would need them on an empty machine."""
        mask = self.partition_mask(partition)
        if request.min_cpus > int(self.table.cpus_total[mask].max(initial=0)):
            placement = self.table.place(request, mask, empty=True)
            if isinstance(placement, Placement):
                return max(request.min_nodes, len(placement.nodes))
        return request.min_nodes

    def _requested_tres(self, request: Request, partition: str, tasks: int) -> dict[str, int]:
        nodes, cpus = request.min_nodes, request.min_cpus
        counts = {"cpu": cpus, "node": nodes}
        counts["mem"] = request.memory * (cpus if request.memory_per_cpu else nodes)
        if request.all_memory:
            mask = self.partition_mask(partition)
            if mask.any():
                counts["mem"] = int(self.table.memory_total[mask].min()) * nodes
        tasks = tasks or nodes
        for needs, times in (
            (request.gres_per_node, nodes),
            (request.gres_per_job, 1),
            (request.gres_per_task, tasks),
        ):
            for need in needs:
                self._count_gres(counts, need.name, need.type, need.count * times)
        for name, number in request.licenses:
            counts[f"license/{name}"] = number
        if request.memory_per_gpu:
            counts["mem"] = request.memory_per_gpu * counts.get("gres/gpu", 0)
        counts["billing"] = int(self._billed(partition, counts))
        return counts

    def _billed(self, partition: str, counts: Mapping[str, int]) -> float:
        """What such amounts are billed in a partition."""
        found = self.partitions.get(partition)
        return billed(counts, found.tres_billing_weights if found is not None else "", self.parameters.priority.billing)

    @staticmethod
    def _count_gres(counts: dict[str, int], name: str, kind: str, number: int) -> None:
        counts[f"gres/{name}"] = counts.get(f"gres/{name}", 0) + number
        if kind:
            counts[f"gres/{name}:{kind}"] = counts.get(f"gres/{name}:{kind}", 0) + number

    def _add(self, job: Job) -> None:
        self.jobs[job.id] = job
        self._to_end(job)
        if job.record.array_job_id:
            self.arrays.setdefault(job.record.array_job_id, []).append(job.id)
        if job.record.het_job_id:
            self.het_jobs.setdefault(job.record.het_job_id, []).append(job.id)
        if job.pending:
            self.pending.add(job.id)
            self.wants_scheduling |= job.record.priority > 0
        self.touch(job)

    def _to_end(self, job: Job) -> None:
        """Of the list of jobs, as they are shown where no order is asked for."""
        self.list_end += 1
        job.record.list_order = self.list_end

    # ------------------------------------------------------------ starting

    def requests_of(self, job: Job) -> list[tuple[str, Request]]:
        """The job's request classes; made anew after a change of configuration or of the job."""
        if not job.requests:
            spec = job.record.spec
            required, excluded = (
                tuple(n for n in dict.fromkeys(hostlist.expand(text)) if n in self.nodes) if text else ()
                for text in (spec.req_nodes, spec.exc_nodes)
            )
            licenses = admission.licenses_of(self, spec.licenses)
            reasons = []
            for name in job.record.partition.split(","):
                partition = self.partitions.get(name)
                if partition is None:
                    continue
                request = admission.build_request(self, spec, partition, required, excluded, licenses, job.record.uid)
                job.requests.append((name, request))
                try:
                    reasons.append(admission.check_shape(self, request, partition))
                except RequestError:
                    reasons.append("BadConstraints")
            job.impossible = reasons[0] if reasons and all(reasons) else "" if reasons else "PartitionDown"
        return job.requests

    def _exclusive(self, job: Job) -> bool:
        return (
            any(request.exclusive for _, request in self.requests_of(job))
            if job.requests
            else (job.record.spec.exclusive in ("exclusive", "mcs", "topo") or self.parameters.linear)
        )

    def start(self, job: Job, partition: str, placement: Placement, now: float, scheduler: str) -> Job:
        """Allocate a placement to a job (to one task of an array) and launch its batch step."""
        if job.is_array:
            job = self._split_task(job, job.array_pending[0], now)
        record = job.record
        self._fill_allocation(job, partition, placement)
        request = dict(self.requests_of(job)).get(partition) or job.requests[0][1]
        for alloc, chosen in zip(record.nodes, placement.nodes, strict=True):
            node = self.table.nodes[chosen.index]
            node.allocate(job.id, alloc)
            if request.exclusive:
                node.exclusive_job = job.id
            if request.exclusive_user >= 0:
                node.exclusive_uid = request.exclusive_user
            node.record.last_busy = now
            self.touch_node(node)
        for name, number in request.licenses:
            self.licenses_used[name] = self.licenses_used.get(name, 0) + number
        record.state, record.reason, record.reason_text = st.RUNNING, "None", ""
        record.start_time = now
        record.eligible_time = record.eligible_time or now
        if record.time_limit == INFINITE and self._may_be_limited(job):
            record.time_limit = YEAR
        record.end_time = now + record.time_limit * 60.0 if record.time_limit != INFINITE else 0.0
        if placement.until:  # with its reservation, but for what a job may overrun that
            latest = placement.until + self.parameters.resv_over_run
            record.end_time = min(record.end_time or latest, latest)
        record.resv_id = placement.reservation or record.resv_id
        record.scheduler, record.last_sched_eval, job.evaluated = scheduler, now, 0.0
        record.next_step_id = 0
        self.pending.discard(job.id)
        job.timed_out = job.warned = False
        if record.array_job_id:
            first = self.jobs.get(record.array_job_id)
            if first is not None:
                first.array_running += 1
        self.tell_accounting("job_start", now, job=job)
        preparing.begin(self, job, now)
        self.touch(job)
        mail.began(self, job, now)
        return job

    def _may_be_limited(self, job: Job) -> bool:
        record = job.record
        return self.parameters.backfill and not record.het_job_id and not record.spec.HasField("time_limit")

    def _split_task(self, array: Job, task: int, now: float) -> Job:
        """Give one task of an array a record of its own; the last task keeps the array's."""
        array.array_pending.remove(task)
        if not array.array_pending:
            array.record.array_task_id = task
            array.record.array_task_str = ""
            return array
        record = pb.JobRecord.FromString(array.record.SerializeToString())
        record.job_id = self._new_id()
        record.array_task_id = task
        record.array_task_str = ""
        depends = array.dependency.copy() if isinstance(array.dependency, dependency.Dependency) else None
        job = Job(record, requests=list(array.requests), dependency=depends)
        self._to_end(array)  # the task has the array's place
        array.record.eligible_time = 0.0  # the rest is looked at anew
        array.show_array()
        self.jobs[job.id] = job
        self.arrays[record.array_job_id].append(job.id)
        self.touch(array)
        return job

    def split_task(self, array: Job, task: int, now: float) -> Job:
        """The same for a task that is cancelled, held or changed by itself while it is pending."""
        job = self._split_task(array, task, now)
        self.pending.add(job.id)
        self.touch(job)
        return job

    def drop_tasks(self, array: Job, tasks: Iterable[int]) -> None:
        """Waiting tasks that were cancelled leave no record, as in Slurm; the rest of the array goes on."""
        gone = set(tasks)
        array.array_pending = [task for task in array.array_pending if task not in gone]
        array.show_array()
        self.touch(array)
        self.arrays_changed(array.id)

    def _fill_allocation(self, job: Job, partition: str, placement: Placement) -> None:
        record = job.record
        del record.nodes[:]
        order = self.core_order(record.spec)
        for chosen in placement.nodes:
            node = self.table.nodes[chosen.index]
            free = node.free_cores & chosen.cores
            cores = min(-(-chosen.cpus // node.cpus_per_core), free.bit_count() or node.total_cores)
            enough = free.bit_count() >= cores
            mask = node.pick_cores(cores, order, free=free) if enough else (1 << cores) - 1
            alloc = record.nodes.add(
                node=node.name, cpus=cores * node.cpus_per_core, cpu_ids=node.cpu_ids(mask), memory=chosen.memory
            )
            for need in chosen.gres:
                alloc.gres.extend(node.take_gres(need.name, need.type, need.count))
        record.partition = partition
        self.count_allocation(job)
        record.batch_host = record.nodes[0].node if record.batch_flag else ""
        if not record.spec.num_tasks:
            record.num_tasks = len(placement.nodes) * max(1, record.spec.ntasks_per_node)

    def count_allocation(self, job: Job) -> None:
        """Add up what a job holds on its nodes."""
        record = job.record
        counts = {"cpu": 0, "mem": 0, "node": len(record.nodes)}
        for alloc in record.nodes:
            counts["cpu"] += alloc.cpus
            counts["mem"] += alloc.memory
            for gres in alloc.gres:
                self._count_gres(counts, gres.name, gres.type, gres.count)
        for name, number in admission.licenses_of(self, record.spec.licenses) if record.spec.licenses else ():
            counts[f"license/{name}"] = number
        billing = self._billed(record.partition, counts)
        counts["billing"] = int(billing)
        record.billing = "" if billing == counts["billing"] else repr(billing)
        record.tres_alloc, record.tres_alloc_ids = self.tres.text(counts), self.tres.id_text(counts)
        record.num_nodes, record.num_cpus = len(record.nodes), counts["cpu"]
        record.node_list = hostlist.compress([alloc.node for alloc in record.nodes])

    def core_order(self, spec: pb.JobSpec) -> CoreOrder:
        """How the cores of a job or step are chosen."""
        return CoreOrder(
            block=self.parameters.cpus_alone or fills_sockets(spec.distribution, self.parameters.block_cores),
            cpus_per_task=spec.cpus_per_task,
            tasks_per_socket=spec.ntasks_per_socket,
            tasks_per_core=spec.ntasks_per_core or int(self.parameters.one_task_per_core),
            threads_per_core=spec.threads_per_core,
        )

    def add_batch_step(self, job: Job, now: float) -> None:
        record = job.record
        alloc = record.nodes[0]
        counts = {"cpu": alloc.cpus, "mem": alloc.memory, "node": 1}
        for gres in alloc.gres:
            self._count_gres(counts, gres.name, gres.type, gres.count)
        step = Step(
            pb.StepRecord(
                job_id=job.id, step_id=st.BATCH_STEP, name="batch", state=st.RUNNING, start_time=now,
                node_list=alloc.node, num_nodes=1, num_tasks=1, num_cpus=alloc.cpus, nodes=[alloc],
                time_limit=INFINITE, uid=record.uid, user=record.user, partition=record.partition,
                tres_alloc=self.tres.text(counts), tres_alloc_ids=self.tres.id_text(counts), tasks_per_node=[1],
                work_dir=record.spec.work_dir, std_in=record.std_in, std_out=record.std_out, std_err=record.std_err,
                array_job_id=record.array_job_id, memory=alloc.memory,
            ),
            pb.StepRequest(job_id=job.id),
            waiting={alloc.node},
        )  # fmt: skip
        if record.HasField("array_task_id"):
            step.record.array_task_id = record.array_task_id
        self.add_step(job, step, now)
        self.effects.append(LaunchStep(alloc.node, job.id, st.BATCH_STEP))

    def add_extern_step(self, job: Job, now: float) -> None:
        """PrologFlags=Contain: a step on all nodes, for processes that come to the job from outside (pam_slurm)."""
        record = job.record
        step = Step(
            pb.StepRecord(
                job_id=job.id, step_id=st.EXTERN_STEP, name="extern", state=st.RUNNING, start_time=now,
                node_list=record.node_list, num_nodes=len(record.nodes), num_tasks=len(record.nodes),
                num_cpus=record.num_cpus, nodes=record.nodes, time_limit=INFINITE, uid=record.uid, user=record.user,
                partition=record.partition, tres_alloc=record.tres_alloc, tres_alloc_ids=record.tres_alloc_ids,
                tasks_per_node=[1] * len(record.nodes), work_dir="/", array_job_id=record.array_job_id,
            ),
            pb.StepRequest(job_id=job.id, external=True),
            waiting={alloc.node for alloc in record.nodes},
        )  # fmt: skip
        if record.HasField("array_task_id"):
            step.record.array_task_id = record.array_task_id
        self.add_step(job, step, now)
        for alloc in record.nodes:
            self.effects.append(LaunchStep(alloc.node, job.id, st.EXTERN_STEP))

    def add_step(self, job: Job, step: Step, now: float) -> None:
        job.steps[step.record.step_id] = step
        self.changes.steps.add((job.id, step.record.step_id))
        self.tell_accounting("step_start", now, job=job, step=step)

    # ------------------------------------------------------------ ending

    def end_job(
        self,
        job: Job,
        state: int,
        now: float,
        *,
        reason: str = "",
        killed_by: int | None = None,
        clean: bool = False,
    ) -> None:
        """The job is over (or, pending, never starts): its nodes clean up, then it is final.

        `clean`: its only node has already said that nothing of it is left.
        """
        record = job.record
        if job.finished:
            return
        was_pending = job.pending
        if killed_by is not None:
            record.killed_by, record.cancelled = killed_by, True
        record.state = state
        if state == st.NODE_FAIL:
            record.exit_code = 1
        if was_pending:
            record.start_time = record.end_time = now
            self.pending.discard(job.id)
        else:
            record.end_time = now
            for waiting in list(job.waiting_steps):
                self.effects.append(StepRefused(waiting.ticket, int(Errno.ALREADY_DONE), ""))
                for part, _ in waiting.parts:
                    part.waiting_steps.remove(waiting)
            record.state |= st.COMPLETING
            record.completing_nodes[:] = [alloc.node for alloc in record.nodes]
            preparing.ended(self, job)
            if record.het_job_id == job.id:
                self._end_components(job, state, now, reason, killed_by)
            if clean and len(record.nodes) == 1 and not any(s.waiting for s in job.steps.values()):
                self.touch(job)
                self._after_end(job, now)
                self.node_clean(job, record.nodes[0].node, now)
                return
            self._terminate_nodes(job, now, reason)
        self.touch(job)
        if was_pending:
            self.tell_accounting("job_end", now, job=job)
            if record.array_job_id and record.array_job_id != record.job_id:
                self.arrays_changed(record.array_job_id)
        self._after_end(job, now)

    def _end_components(self, leader: Job, state: int, now: float, reason: str, killed_by: int | None) -> None:
        """The components of a heterogeneous job end with the first, as it does."""
        for component in self.components(leader):
            if component is not leader:
                component.record.exit_code = leader.record.exit_code
                self.end_job(component, state, now, reason=reason, killed_by=killed_by)

    def _terminate_nodes(self, job: Job, now: float, reason: str) -> None:
        record = job.record
        for alloc in record.nodes:
            node = self.nodes.get(alloc.node)
            down = node is not None and node.record.state & st.NODE_BASE_MASK == st.NODE_DOWN
            if node is None or (down and not node.connected):  # one that is only said to be down cleans up
                self.node_clean(job, alloc.node, now)
                continue
            self.effects.append(SendNode(alloc.node, self.termination(job, reason, now)))
            node.record.state |= st.NODE_COMPLETING
            self.touch_node(node)
        job.terminate_sent = now

    def termination(self, job: Job, reason: str, now: float) -> pb.NodeDown:
        """The order to end a job that is over, and to clean up behind it."""
        record = job.record
        message = pb.TerminateJob(
            job_id=job.id, epoch=record.restarts, kill_wait=self.parameters.kill_wait, reason=reason,
            uid=record.killed_by, time=now, job=record if self.parameters.epilog else None,
        )  # fmt: skip
        return pb.NodeDown(terminate=message)

    def drain(self, node: Node, reason: str, now: float) -> None:
        """Nothing new starts on a node, for a reason that the system itself found."""
        record = node.record
        record.state |= st.NODE_DRAIN
        record.reason, record.reason_time = reason, now
        record.reason_uid, record.reason_user = self.slurm_uid, self.parameters.slurm_user
        self.touch_node(node)
        self.tell_accounting("node_state", now, node=node, text=reason)

    def program_ended(self, key: str, job_id: int, epoch: int, status: int, now: float) -> None:
        """A program of the site's that `RunProgram` asked for on a job's behalf has ended."""
        job = self.jobs.get(job_id)
        if job is not None and job.record.restarts == epoch:
            preparing.program_ended(self, key, job, status, now)

    def node_clean(self, job: Job, name: str, now: float) -> None:
        """Nothing of a completing job is left on a node: its resources are free again."""
        record = job.record
        if name not in record.completing_nodes:
            return
        left = [node for node in record.completing_nodes if node != name]
        record.completing_nodes[:] = left
        self.free_node(job, name, now)
        for step in list(job.steps.values()):
            if name in step.waiting:  # its supervisor is gone without a word
                self.step_done(job, step, name, [], None, now, error="", oom=False)
        self.completed(job, now)
        self.touch(job)
        self.wants_scheduling = True

    def completed(self, job: Job, now: float) -> None:
        """Is nothing left to be cleaned up?  Then the job is final."""
        record = job.record
        if record.state & st.COMPLETING and not record.completing_nodes and not record.epilog_running:
            record.state &= ~st.COMPLETING
            self._released(job, now)

    def free_node(self, job: Job, name: str, now: float) -> None:
        """Give back what a job holds on a node."""
        node = self.nodes.get(name)
        alloc = next((a for a in job.record.nodes if a.node == name), None)
        if node is None or alloc is None:
            return
        node.release(job.id, alloc)
        node.record.last_busy = now
        if not node.jobs:
            node.exclusive_uid = -1
        if not any(name in self.jobs[other].record.completing_nodes for other in node.jobs):
            node.record.state &= ~st.NODE_COMPLETING
        self.touch_node(node)

    def _released(self, job: Job, now: float) -> None:
        """The last node is clean: licences, array count, accounting, and a second life where it is requeued."""
        record = job.record
        for name, number in admission.licenses_of(self, record.spec.licenses) if record.spec.licenses else ():
            self.licenses_used[name] = max(0, self.licenses_used.get(name, 0) - number)
        if record.array_job_id:
            first = self.jobs.get(record.array_job_id)
            if first is not None:
                first.array_running = max(0, first.array_running - 1)
        if record.requeue_pending or st.recurs(record):
            self._requeue_now(job, now)
        self.wants_scheduling = True

    def _after_end(self, job: Job, now: float) -> None:
        """Accounting learns the end; who depends on the job is looked at."""
        if job.finished and job.record.nodes:
            self.tell_accounting("job_requeue" if job.record.requeue_pending else "job_end", now, job=job)
        mail.ended(self, job, now)
        self.wants_scheduling = True

    def arrays_changed(self, array_id: int) -> None:
        self.wants_scheduling = True
        first = self.jobs.get(array_id)
        if first is not None:
            self.mark(first)

    def requeue(
        self,
        job: Job,
        now: float,
        *,
        hold: bool = False,
        state: int = st.CANCELLED,
        reason: str = "",
        clean: bool = False,
        why: str = "",
    ) -> None:
        """Back to pending under the same id, once its nodes are clean; it ends as `state`, and shows `why` it is held.

        The flag SPECIAL_EXIT of `state` stays with the job until it is released.  `clean` as in `end_job`.
        """
        record = job.record
        for component in self.components(job):
            component.record.requeue_pending = True
            component.record.hold_after_requeue, component.record.hold_reason = hold, why
        if job.running or job.record.state & st.BASE_MASK == st.SUSPENDED:
            self.end_job(job, state, now, reason=reason, clean=clean)
        else:
            record.state |= state & st.SPECIAL_EXIT
            if not record.state & st.COMPLETING:
                self._requeue_now(job, now)

    def _requeue_now(self, job: Job, now: float) -> None:
        record = job.record
        hold = record.hold_after_requeue
        record.requeue_pending = record.hold_after_requeue = False
        del record.mailed[:]
        record.restarts += 1
        special = record.state & st.SPECIAL_EXIT
        record.state = st.PENDING | special
        record.reason = "None"
        record.exit_code = record.derived_exit_code = 0
        record.node_list = record.batch_host = ""
        if not record.failed_node:  # else, as recorded, what it had still shows as AllocTRES
            record.tres_alloc = record.tres_alloc_ids = ""
        record.failed_node = ""
        del record.nodes[:]
        record.start_time = record.end_time = record.suspend_time = 0.0
        record.pre_suspend_secs = 0.0
        record.cancelled, record.killed_by = False, 0
        record.num_nodes, record.num_cpus = record.min_nodes, record.min_cpus
        record.num_tasks = record.spec.num_tasks or record.min_nodes * max(1, record.spec.ntasks_per_node)
        record.job_db_inx = 0
        record.submit_time = max(now, int(record.submit_time) + 1)  # accounting tells its lives apart by the second
        begin = crontabs.next_start(record.spec.cron, now) if st.recurs(record) else now + REQUEUE_DELAY
        record.eligible_time = record.begin_requeue = int(begin)
        record.accrue_time = 0.0
        for step_id in list(job.steps):
            self.changes.gone_steps.add((job.id, step_id))
        job.steps.clear()
        if hold:
            record.priority, record.user_hold = 0, True
            how = "special exit" if special else "held"
            record.reason = "JobHeldUser"
            record.reason_text = record.hold_reason or f"job requeued in {how} state"
        else:
            record.spec.begin_time = begin
            record.priority = job_priority(self, job, now)
            record.reason = "BeginTime"
        self.pending.add(job.id)
        self.touch(job)
        self.tell_accounting("job_submit", now, job=job)
        self.wants_scheduling = True

    # ------------------------------------------------------------ steps

    def step_done(
        self,
        job: Job,
        step: Step,
        node: str,
        exits: Iterable[pb.TaskExit],
        usage: pb.Usage | None,
        now: float,
        *,
        error: str,
        oom: bool,
        over_memory: bool = False,
        error_code: int = 0,
        last_of_job: bool = False,
    ) -> None:
        """One node's part of a step has ended; after the last, the step has."""
        if node not in step.waiting:
            return
        step.waiting.discard(node)
        for item in exits:
            step.exits[item.task] = item.status
        step.oom |= oom
        if over_memory:
            step.record.killed_by = 0  # the node did it, which accounting shows as root
        step.error = step.error or error
        step.error_code = step.error_code or error_code
        if usage is not None:
            kept = pb.Usage()
            kept.CopyFrom(usage)
            kept.node = node
            step.record.node_usage.append(kept)
        event = pb.StepEvent(node=node, exits=list(exits), error=error, error_code=error_code, oom=oom)
        if step.waiting:
            event.step.CopyFrom(step.record)
            self.effects.append(StepChanged(job.id, step.record.step_id, event))
            return
        record = step.record
        record.end_time = now
        record.exit_code = worst_status(step.exits.values())
        if step.error and not step.exits:
            record.exit_code = step.error_code or SETUP_FAILED
        if record.step_id == st.EXTERN_STEP and not step.error:
            record.state, record.exit_code = st.COMPLETED, 0  # it always ends by being ended
        elif job.record.failed_node and job.record.failed_node == node and job.finished:
            record.state, record.exit_code = st.CANCELLED, UNKNOWN_STATUS  # nobody can say how the tasks ended
        elif oom or step.oom:
            record.state = st.OUT_OF_MEMORY
        elif step.timed_out:
            record.state = st.TIMEOUT
        elif record.exit_code & 0x7F:
            record.state = st.CANCELLED
        elif record.exit_code:
            record.state = st.FAILED
        else:
            record.state = st.COMPLETED
        merge_usage(record)
        if record.step_id >= 0 and record.exit_code != UNKNOWN_STATUS:
            job.record.derived_exit_code = max_exit(job.record.derived_exit_code, record.exit_code)
        self.changes.steps.add((job.id, record.step_id))
        self.tell_accounting("step_end", now, job=job, step=step)
        event.step.CopyFrom(record)
        self.effects.append(StepChanged(job.id, record.step_id, event))
        from crane_compat.core.steps import start_waiting_steps

        start_waiting_steps(self, job, now)
        if record.step_id == st.BATCH_STEP:
            if not job.finished:
                self._batch_ended(job, step, now, last_of_job)
            elif job.state & st.BASE_MASK != st.NODE_FAIL:
                # it was ended: accounting keeps 0:0, scontrol shows how the script went
                job.record.exit_code = record.exit_code
                self.mark(job)

    def _batch_ended(self, job: Job, step: Step, now: float, clean: bool) -> None:
        record = job.record
        record.exit_code = step.record.exit_code
        record.exit_known = True
        if step.oom:
            state = st.OUT_OF_MEMORY
        elif step.record.exit_code:
            state = st.FAILED
            signal = step.record.exit_code & 0x7F
            if signal and not step.error:
                record.reason = f"RaisedSignal:{signal}({_signal_name(signal)})"
            elif not step.error:
                record.reason = "NonZeroExitCode"
        else:
            state = st.COMPLETED
        code = step.record.exit_code >> 8
        if not step.record.exit_code & 0x7F and code in self.parameters.requeue_exit:
            self.requeue(job, now, state=state, clean=clean)
        elif not step.record.exit_code & 0x7F and code in self.parameters.requeue_exit_hold:
            self.requeue(job, now, hold=True, state=state | st.SPECIAL_EXIT, clean=clean)
        else:
            self.end_job(job, state, now, clean=clean)

    # ------------------------------------------------------------ time

    def tick(self, now: float) -> None:
        """Whatever is due: time limits, begin times, reservations, old records."""
        self.reservations.tick(now)
        self.effects.extend(self.triggers.look(now))
        self.power.tick(now)
        for job_id in list(self.jobs):
            job = self.jobs.get(job_id)
            if job is None:
                continue
            record = job.record
            if job.running and record.end_time and now >= record.end_time + self._over_time(job) and not job.timed_out:
                self.time_out(job, now)
            elif job.running:
                self._warn(job, now)
                mail.time_shares(self, job, now)
                self._step_limits(job, now)
            elif job.finished and not record.state & st.COMPLETING:
                if now - record.end_time >= self.parameters.min_job_age:
                    self._purge(job)
            elif job.pending and record.deadline and now >= record.deadline:
                self.end_job(job, st.DEADLINE, now)
            elif job.pending and record.eligible_time and record.reason == "BeginTime" and now >= record.eligible_time:
                self.wants_scheduling = True

    def next_due(self, now: float) -> float:
        """When `tick` has something to do next (seconds from now, at most 60)."""
        soonest = min(now + 60.0, self.reservations.next_due(), self.triggers.due())
        for job in self.jobs.values():
            record = job.record
            if job.running and record.end_time and not job.timed_out:
                soonest = min(soonest, record.end_time + self._over_time(job), mail.next_share(job))
                if record.spec.signal and not job.warned:
                    soonest = min(soonest, record.end_time - parse_signal_spec(record.spec.signal).seconds)
                for step in job.steps.values():
                    if step.waiting and step.record.time_limit != INFINITE and not step.timed_out:
                        soonest = min(soonest, step.record.start_time + step.record.time_limit * 60.0)
            elif job.pending:
                if record.deadline:
                    soonest = min(soonest, record.deadline)
                if record.reason == "BeginTime" and record.eligible_time:
                    soonest = min(soonest, record.eligible_time)
        return max(0.01, soonest - now)

    def _over_time(self, job: Job) -> float:
        partition = self.partitions.get(job.record.partition)
        minutes = self.parameters.over_time_limit
        if partition is not None and partition.HasField("over_time_limit"):
            minutes = partition.over_time_limit
        return math.inf if minutes >= 0xFFFF else minutes * 60.0

    def time_out(self, job: Job, now: float) -> None:
        """The time limit strikes: TERM, KillWait, KILL; the state is TIMEOUT whatever the script does with TERM."""
        job.timed_out = True
        record = job.record
        record.reason = "TimeLimit"
        mail.time_limit(self, job, now)
        self.effects.append(
            JobChanged(job.id, notice=f"Job {job.id} has exceeded its time limit and its allocation has been revoked.")
        )
        self.end_job(job, st.TIMEOUT, now, reason="TIME LIMIT")

    def _warn(self, job: Job, now: float) -> None:
        """--signal: tell the steps, or with ``B:`` the batch shell, that the end is near."""
        record = job.record
        if not record.spec.signal or job.warned or not record.end_time:
            return
        wanted = parse_signal_spec(record.spec.signal)
        if now < record.end_time - wanted.seconds:
            return
        job.warned = True
        for name in sorted({node for step in job.steps.values() for node in step.waiting}):
            message = pb.SignalStep(
                job_id=job.id, step_id=st.ALL_STEPS, signal=wanted.number, batch_only=wanted.batch,
                steps_only=not wanted.batch, uid=record.uid,
            )  # fmt: skip
            self.effects.append(SendNode(name, pb.NodeDown(signal=message)))

    def _step_limits(self, job: Job, now: float) -> None:
        """A step's own --time, shorter than its job's."""
        for step in job.steps.values():
            limit = step.record.time_limit
            if step.waiting and limit != INFINITE and not step.timed_out:
                if now >= step.record.start_time + limit * 60.0:
                    step.timed_out = True
                    self.end_step(job, step, "TIME LIMIT", now)

    def end_step(self, job: Job, step: Step, reason: str, now: float) -> None:
        """Have a step's supervisors end it (TERM, KillWait, KILL); the job goes on."""
        for name in sorted(step.waiting):
            message = pb.TerminateJob(
                job_id=job.id, epoch=job.record.restarts, kill_wait=self.parameters.kill_wait, reason=reason,
                uid=step.record.killed_by, time=now, step_id=step.record.step_id,
            )  # fmt: skip
            self.effects.append(SendNode(name, pb.NodeDown(terminate=message)))

    def _purge(self, job: Job) -> None:
        del self.jobs[job.id]
        self.changes.gone_jobs.add(job.id)
        for step_id in job.steps:
            self.changes.gone_steps.add((job.id, step_id))
        members = self.arrays.get(job.record.array_job_id)
        if members is not None:
            members.remove(job.id)
            if not members:
                del self.arrays[job.record.array_job_id]
        components = self.het_jobs.get(job.record.het_job_id)
        if components is not None:
            components.remove(job.id)
            if not components:
                del self.het_jobs[job.record.het_job_id]

    # ------------------------------------------------------------ restore

    def restore(self, job: Job) -> None:
        """Put a kept record back at start-up."""
        record = job.record
        self.jobs[job.id] = job
        self.list_end = max(self.list_end, record.list_order)
        if record.array_job_id:
            self.arrays.setdefault(record.array_job_id, []).append(job.id)
            if record.array_task_str:
                from crane_compat.parsers.arrays import parse_array

                job.array_pending = list(parse_array(record.array_task_str))
        if record.het_job_id:
            members = self.het_jobs.setdefault(record.het_job_id, [])
            members.append(job.id)
            members.sort(key=lambda number: self.jobs[number].record.het_offset)
        if job.pending:
            self.pending.add(job.id)
        if record.spec.dependency and job.pending:
            job.dependency = dependency.restore(record)
        self._hold_resources(job)
        preparing.resume(self, job)
        if record.state & st.BASE_MASK == st.RUNNING or record.state & st.COMPLETING:
            for name, number in admission.licenses_of(self, record.spec.licenses) if record.spec.licenses else ():
                self.licenses_used[name] = self.licenses_used.get(name, 0) + number

    def tasks_running(self, job: Job) -> int:
        """How many tasks of the job's array run; its first record counts them for as long as it is known."""
        first = self.jobs.get(job.record.array_job_id)
        if first is not None:
            return first.array_running
        members = (self.jobs[number] for number in self.arrays.get(job.record.array_job_id, ()) if number in self.jobs)
        return sum(1 for member in members if member.running or member.state & st.COMPLETING)

    def count_running_tasks(self) -> None:
        """Derive the number of running tasks of every array (after a restart)."""
        for array_id, members in self.arrays.items():
            first = self.jobs.get(array_id)
            if first is not None:
                first.array_running = sum(
                    1 for m in members if m in self.jobs and not self.jobs[m].pending
                    and (self.jobs[m].running or self.jobs[m].state & st.COMPLETING)
                )  # fmt: skip


def _signal_name(number: int) -> str:
    import signal

    return signal.strsignal(number) or str(number)


def worst_status(statuses: Iterable[int]) -> int:
    """The wait status that stands for a step: the highest exit code, a signal before a plain failure."""
    worst = 0
    for status in statuses:
        if (status & 0x7F, status >> 8) > (worst & 0x7F, worst >> 8):
            worst = status
    return worst


def max_exit(old: int, new: int) -> int:
    """DerivedExitCode: the highest exit code of the steps (sacct(1))."""
    if (new >> 8, new & 0x7F) > (old >> 8, old & 0x7F):
        return new
    return old


def merge_usage(record: pb.StepRecord) -> None:
    """Fold the nodes' usage into the step's: sums for time, maxima with their node for memory."""
    total = record.usage
    total.Clear()
    first = True
    for item in record.node_usage:
        total.user_sec += item.user_sec
        total.sys_sec += item.sys_sec
        total.tasks += item.tasks
        for name in ("total_rss", "total_vsize", "total_pages", "disk_read", "disk_write"):
            setattr(total, name, getattr(total, name) + getattr(item, name))
        total.sampled |= item.sampled
        for name in ("max_rss", "max_vsize", "max_pages", "max_disk_read", "max_disk_write"):
            if getattr(item, name) > getattr(total, name) or first:
                setattr(total, name, getattr(item, name))
                setattr(total, name + "_task", getattr(item, name + "_task"))
                setattr(total, name + "_node", item.node)
        if first or item.min_cpu < total.min_cpu:
            total.min_cpu, total.min_cpu_task, total.min_cpu_node = item.min_cpu, item.min_cpu_task, item.node
        first = False
