"""One scheduling pass: who starts now, and why the others do not.

Jobs are looked at by partition tier, priority and age of their id.  A job that
does not fit keeps the nodes it will need from a planned time on (the earliest
at which running jobs free enough of them); jobs behind it may use those nodes
only if they end before.  Jobs of one request class share the answer, so that a
pass costs by distinct requests and nodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crane_compat.core import dependency
from crane_compat.core import states as st
from crane_compat.core.admission import partition_denies
from crane_compat.core.request import Request
from crane_compat.scheduling.placement import Failure, Mask, Placement
from crane_compat.wire import INFINITE

if TYPE_CHECKING:
    from crane_compat.core.cluster import Cluster
    from crane_compat.core.job import Job

#: How many blocked jobs keep nodes for themselves in one pass (bf_max_job_test bounds it as well).
MAX_PLANS = 100


class SchedulingPass:
    """State of one pass."""

    def __init__(self, cluster: Cluster, now: float) -> None:
        self.cluster = cluster
        self.now = now
        # from when on each node is kept for a job of higher priority
        self.kept_from = np.full(len(cluster.table.nodes), np.inf)
        self.blocked: dict[tuple[str, Request, int], str] = {}
        self.plans = 0
        self.started = 0
        self.looked = self.tried = self.backfilled = 0  # jobs seen, placed if possible, started before one that waits
        self.limited = False  # has anybody met a limit that a start since then may have moved?

    def run(self) -> int:
        """Start what can start; returns how many jobs (array tasks) did."""
        cluster = self.cluster
        cluster.wants_scheduling = False
        jobs = [cluster.jobs[i] for i in cluster.pending]
        jobs.sort(key=self._order)
        for job in jobs:
            if job.is_array:
                self._array(job)
            else:
                self._one(job)
        if self.limited and self.started:
            cluster.wants_scheduling = True
        return self.started

    def _order(self, job: Job) -> tuple[int, int, int]:
        partition = self.cluster.partitions.get(job.record.partition.split(",")[0])
        tier = partition.priority_tier if partition is not None else 0
        return (-tier, -job.record.priority, job.id)

    def _array(self, job: Job) -> None:
        limit = job.record.array_max_tasks
        while job.array_pending:
            if limit and job.array_running >= limit:
                if self._eligible(job):
                    self._reason(job, "JobArrayTaskLimit")
                return
            last = len(job.array_pending) == 1
            if not self._one(job) or last:
                return

    def _one(self, job: Job) -> bool:
        """Try to start one job (one task); True if it started."""
        self.looked += 1
        if not self._eligible(job):
            return False
        cluster = self.cluster
        requests = cluster.requests_of(job)
        if job.impossible:
            self._reason(job, job.impossible)
            return False
        reason = ""
        self.tried += 1
        for name, request in requests:
            partition = cluster.partitions[name]
            if partition.state in (st.PARTITION_DOWN, st.PARTITION_INACTIVE):
                reason = reason or ("PartitionDown" if partition.state == st.PARTITION_DOWN else "PartitionInactive")
                continue
            denied, text = partition_denies(partition, job.record.account, job.record.qos)
            if denied:
                reason, job.record.reason_text = reason or denied, text
                continue
            if partition.max_time != INFINITE and job.record.time_limit > partition.max_time:
                reason = reason or "PartitionTimeLimit"
                continue
            if partition.max_nodes != INFINITE and request.min_nodes > partition.max_nodes:
                reason = reason or "PartitionNodeLimit"
                continue
            if over := cluster.limits.hindrance(job, name, self.now):
                reason, self.limited = reason or over, True
                continue
            outcome = self._place(job, name, request)
            if isinstance(outcome, Placement):
                if over := cluster.limits.over_with(job, name, outcome, self.now):
                    reason = reason or over
                    continue
                cluster.start(job, name, outcome, self.now, "Main")
                self.started += 1
                self.backfilled += bool(self.plans)
                return True
            reason = reason or outcome.reason
        self._reason(job, reason or "Resources")
        return False

    def _place(self, job: Job, name: str, request: Request) -> Placement | Failure:
        cluster = self.cluster
        # jobs of one class and time limit have the same answer within a pass
        key = (name, request, job.record.time_limit)
        known = self.blocked.get(key)
        if known is not None:
            return Failure("Priority" if known == "Resources" else known)
        for licence, count in request.licenses:
            if cluster.licenses_used.get(licence, 0) + count > cluster.parameters.licenses.get(licence, 0):
                return Failure("Licenses")
        mask = cluster.partition_mask(name)
        limit = None
        if self.plans:
            end = np.inf if job.record.time_limit == INFINITE else self.now + job.record.time_limit * 60.0
            limit = self.kept_from >= end
        outcome = cluster.table.place(request, mask, limit=limit)
        if isinstance(outcome, Failure):
            reason = outcome.reason
            if reason == "Resources" and not self._enough_up(request, mask):
                reason = "ReqNodeNotAvail"
            elif reason == "Resources" and self.plans and limit is not None and not bool(limit[mask].all()):
                reason = "Priority" if isinstance(cluster.table.place(request, mask), Placement) else "Resources"
            if reason == "Resources":
                self._plan(job, request, mask)
            self.blocked[key] = "Resources" if reason in ("Resources", "Priority") else reason
            return Failure(reason)
        return outcome

    def _enough_up(self, request: Request, mask: Mask) -> bool:
        """Could the nodes that are up hold the request if they were empty?"""
        table = self.cluster.table
        able, tasks = table.capacity(request, mask & table.up, empty=True)
        if request.req_nodes and not bool(able[table.mask_of(request.req_nodes)].all()):
            return False
        wanted = request.num_tasks or 1
        return int(able.sum()) >= request.min_nodes and (request.overcommit or int(tasks[able].sum()) >= wanted)

    def _plan(self, job: Job, request: Request, mask: Mask) -> None:
        """Keep the nodes the job will get, from the time they will be free."""
        if self.plans >= MAX_PLANS or not self.cluster.parameters.backfill:
            if not self.cluster.parameters.backfill:
                # sched/builtin: nothing behind a blocked job of the partition may start
                self.kept_from[mask] = np.minimum(self.kept_from[mask], self.now)
                self.plans += 1
            return
        table = self.cluster.table
        able, tasks = table.capacity(request, mask & table.up, empty=True)
        free_at = np.full(len(table.nodes), self.now)
        for position in np.flatnonzero(able):
            ends = [self.cluster.jobs[j].record.end_time or np.inf for j in table.nodes[int(position)].jobs]
            if ends:
                free_at[position] = max(ends)
        order = [int(i) for i in np.argsort(free_at, kind="stable") if able[i]]
        if request.req_nodes:
            needed = table.mask_of(request.req_nodes)
            order = [i for i in order if needed[i]] + [i for i in order if not needed[i]]
        chosen: list[int] = []
        total, wanted = 0, request.num_tasks or request.min_nodes * max(1, request.ntasks_per_node)
        for index in order:
            chosen.append(index)
            total += int(tasks[index])
            if len(chosen) >= max(request.min_nodes, len(request.req_nodes)) and total >= wanted:
                break
        start = max((float(free_at[i]) for i in chosen), default=np.inf)
        if not np.isfinite(start):
            start = self.now + 365 * 86400.0
        self.kept_from[chosen] = np.minimum(self.kept_from[chosen], start)
        self.plans += 1
        if job.record.start_time != start:
            job.record.start_time = start
            self.cluster.changes.jobs.add(job.id)

    # ------------------------------------------------------------ eligibility

    def _eligible(self, job: Job) -> bool:
        record = job.record
        if record.state & (st.COMPLETING | st.REVOKED):
            return False
        if record.priority == 0:
            if not record.reason.startswith("JobHeld") and record.reason != "job_requeued_in_held_state":
                self._reason(job, "JobHeldUser" if record.user_hold else "JobHeldAdmin")
            return False
        if record.spec.begin_time > self.now:
            record.eligible_time = record.spec.begin_time
            self._reason(job, "BeginTime")
            return False
        outcome = dependency.evaluate(self.cluster, job, self.now)
        if outcome == dependency.UNFULFILLED:
            self._reason(job, "Dependency")
            return False
        if outcome == dependency.FAILED:
            kill = (
                record.spec.kill_on_invalid_dep
                if record.spec.kill_on_invalid_dep_set
                else self.cluster.parameters.kill_on_invalid_dependency
            )
            self._reason(job, "DependencyNeverSatisfied")
            if kill:
                self.cluster.end_job(job, st.CANCELLED, self.now)
            return False
        if not record.eligible_time or record.eligible_time > self.now:
            record.eligible_time = self.now
            self.cluster.changes.jobs.add(job.id)
        if not record.accrue_time:
            record.accrue_time = self.now
        return True

    def _reason(self, job: Job, reason: str) -> None:
        if job.record.reason != reason:
            job.record.reason = reason
            if reason not in ("AccountNotAllowed", "QOSNotAllowed"):
                job.record.reason_text = ""
            self.cluster.changes.jobs.add(job.id)
        job.record.last_sched_eval = self.now


def schedule(cluster: Cluster, now: float) -> int:
    """Run one pass; returns the number of jobs started."""
    return SchedulingPass(cluster, now).run()
