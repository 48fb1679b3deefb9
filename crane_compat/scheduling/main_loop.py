"""One scheduling pass: who starts now, and why the others do not.

Jobs are looked at by partition tier, priority and age of their id.  A job that
does not fit keeps the nodes it will need from a planned time on (the earliest
at which running jobs free enough of them); jobs behind it may use those nodes
only if they end before.  A time further away than bf_window keeps nothing.
Jobs of one request class share the answer, so that a pass costs by distinct
requests and nodes.

The components of a heterogeneous job start together or not at all.  Each is
looked at in its own turn; until the last of them, the nodes found for the
others are held against everybody.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from crane_compat.core import dependency, mail
from crane_compat.core import states as st
from crane_compat.core.admission import partition_denies
from crane_compat.core.request import Request
from crane_compat.parsers import hostlist
from crane_compat.scheduling.placement import Failure, Mask, Placement
from crane_compat.wire import INFINITE

if TYPE_CHECKING:
    from crane_compat.core.cluster import Cluster
    from crane_compat.core.job import Job
    from crane_compat.core.reservations import Room

#: What is said of jobs that wait for nodes which are not to be had; source: recordings.
NOT_UP = "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions"
RESERVED = "ReqNodeNotAvail, May be reserved for other job"
MAINTAINED = "ReqNodeNotAvail, Reserved for maintenance"

#: How many blocked jobs keep nodes for themselves in one pass (bf_max_job_test bounds it as well).
MAX_PLANS = 100


@dataclass(slots=True)
class _Together:
    """A heterogeneous job within a pass."""

    components: list[Job]
    able: bool  # can all start now?
    found: dict[int, tuple[str, Placement]] = field(default_factory=dict)  # job id → partition and nodes, in turn


class SchedulingPass:
    """State of one pass."""

    def __init__(self, cluster: Cluster, now: float) -> None:
        self.cluster = cluster
        self.now = now
        # from when on each node is kept for a job of higher priority
        self.kept_from = np.full(len(cluster.table.nodes), np.inf)
        # until when each node is held for a component of a heterogeneous job; 0 = it is not
        self.held_until = np.zeros(len(cluster.table.nodes))
        self.planned_until = np.zeros(len(cluster.table.nodes))  # when those planned there will have ended
        self.holding = False  # has any been held in this pass?
        self.together: dict[int, _Together] = {}
        self.trying = False  # only asking: what does not fit makes no plan
        self.blocked: dict[tuple[str, Request, int, int, str], str] = {}
        self.plans = 0
        self.started = 0
        self.looked = self.tried = self.backfilled = 0  # jobs seen, placed if possible, started before one that waits
        self.backfilled_het = 0  # of these, components of heterogeneous jobs
        self.crowded: set[str] = set()  # partitions in which somebody waits for nodes
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
            elif job.record.het_job_id:
                self._component(job)
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
        decided = dependency.decided_tasks(self.cluster, job)
        if decided is not None:
            self._by_task(job, decided)
            return
        while job.array_pending:
            if self._throttled(job):
                return
            last = len(job.array_pending) == 1
            if not self._one(job) or last:
                return

    def _by_task(self, job: Job, decided: dict[int, bool]) -> None:
        """An array whose tasks wait each for one of another (aftercorr): those whose turn has come go on alone."""
        if not self._released(job):
            return
        for task, good in decided.items():
            if good and (self._throttled(job) or self._find(job) is None):
                return
            self._one(self.cluster.split_task(job, task, self.now))
        if job.is_array:
            self._reason(job, "Dependency")

    def _throttled(self, job: Job) -> bool:
        """Do as many tasks of its array run as may?"""
        limit = job.record.array_max_tasks
        if not limit or self.cluster.tasks_running(job) < limit:
            return False
        if self._independent(job):
            self._reason(job, "JobArrayTaskLimit")
        return True

    def _one(self, job: Job) -> bool:
        """Try to start one job (one task); True if it started."""
        self.looked += 1
        if not job.is_array and self._throttled(job):  # a task that has a record of its own
            return False
        if not self._eligible(job):
            return False
        found = self._find(job)
        if found is not None:
            self._start(job, *found)
        return found is not None

    def _start(self, job: Job, name: str, placement: Placement) -> None:
        self.cluster.start(job, name, placement, self.now, "Main")
        self.started += 1
        if self.plans:
            self.backfilled += 1
            self.backfilled_het += bool(job.record.het_job_id)

    def _find(self, job: Job) -> tuple[str, Placement] | None:
        """The partition and nodes where an eligible job can start now; otherwise its reason is set."""
        cluster = self.cluster
        requests = cluster.requests_of(job)
        if job.impossible:
            self._reason(job, job.why_impossible())
            return None
        reason = text = ""
        self.tried += 1
        for name, request in requests:
            partition = cluster.partitions[name]
            if partition.state in (st.PARTITION_DOWN, st.PARTITION_INACTIVE):
                reason = reason or ("PartitionDown" if partition.state == st.PARTITION_DOWN else "PartitionInactive")
                continue
            denied, why = partition_denies(partition, job.record.account, job.record.qos)
            if denied:
                reason, text = (reason, text) if reason else (denied, why)
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
                over = cluster.limits.over_with(job, name, outcome, self.now)
                if over and not request.fewest and request.max_nodes > request.min_nodes:  # may be too many for limits
                    outcome = self._place(job, name, replace(request, fewest=True))
                    if isinstance(outcome, Placement):
                        over = cluster.limits.over_with(job, name, outcome, self.now)
                if isinstance(outcome, Failure) or over:
                    reason = reason or over
                    continue
                return name, outcome
            if not reason:
                reason, text = outcome.reason, outcome.text
        self._reason(job, reason or "Resources", text)
        return None

    # ------------------------------------------------------------ heterogeneous jobs

    def _component(self, job: Job) -> None:
        """One component's turn: it gets nodes to hold; the last one's starts them all."""
        leader = job.record.het_job_id
        if leader not in self.together:
            self.together[leader] = self._whole(job)
        group = self.together[leader]
        if not group.able:
            return
        found = self._find(job)
        if found is None:  # somebody between the components took what was there for it
            group.able = False
            self._let_go(group)
            return
        group.found[job.id] = found
        self._hold(job, found[1])
        if len(group.found) == len(group.components):
            self._start_together(group)

    def _whole(self, job: Job) -> _Together:
        """Could all components start now, each on nodes of its own?  What keeps one from it is planned for all.

        On fewer nodes than components they may share some; then they start at once, without waiting for their turns.
        """
        components = self.cluster.components(job)
        self.looked += len(components)
        eligible = [component for component in components if component.pending and self._eligible(component)]
        group = _Together(components, len(eligible) == len(components))
        if not group.able:
            return group
        in_turn = sorted(components, key=self._order)
        self.trying = True
        group.able = self._apart(group, in_turn)
        shared = not group.able and self._share(group, in_turn)
        self.trying = False
        if shared:
            self._begin(group)
        elif not group.able:
            self._plan_together(in_turn)
        group.found.clear()
        return group

    def _apart(self, group: _Together, in_turn: list[Job]) -> bool:
        """Are there nodes for all components, none of them for two?"""
        held = self.held_until.copy()
        for component in in_turn:
            found = self._find(component)
            if found is None:
                break
            group.found[component.id] = found
            self._hold(component, found[1])
        self.held_until = held
        return len(group.found) == len(in_turn)

    def _share(self, group: _Together, in_turn: list[Job]) -> bool:
        """Find nodes for all components where several may be on one."""
        table = self.cluster.table
        touched = set()
        group.found.clear()
        for component in in_turn:
            found = self._find(component)
            if found is None:
                break
            group.found[component.id] = found
            table.reserve(found[1], dict(self.cluster.requests_of(component))[found[0]])
            touched |= {chosen.index for chosen in found[1].nodes}
        for position in touched:
            table.refresh(position)
        return len(group.found) == len(in_turn)

    def _plan_together(self, in_turn: list[Job]) -> None:
        """When the last of the missing ones can have its nodes, the others must have theirs."""
        there = {component.id: self._find(component) for component in in_turn}
        missing = [component for component in in_turn if there[component.id] is None]
        if missing and all(component.record.reason in ("Resources", "Priority") for component in missing):
            start = max(component.record.start_time for component in missing)
            for found in filter(None, there.values()):
                self._keep([chosen.index for chosen in found[1].nodes], start)

    def _hold(self, job: Job, placement: Placement) -> None:
        end = np.inf if job.record.time_limit == INFINITE else self.now + job.record.time_limit * 60.0
        self.held_until[[chosen.index for chosen in placement.nodes]] = end
        self.holding = True

    def _let_go(self, group: _Together) -> None:
        for _, placement in group.found.values():
            self.held_until[[chosen.index for chosen in placement.nodes]] = 0.0
        self.cluster.wants_scheduling = True  # others were kept from these nodes

    def _start_together(self, group: _Together) -> None:
        """Each on the best nodes that the others have not; what was held is good enough where that fails."""
        by_id = {component.id: component for component in group.components}
        self._let_go(group)
        planned, group.found = group.found, {}
        for number in planned:
            found = self._find(by_id[number])
            if found is None:
                self._let_go(group)
                group.found = planned
                break
            group.found[number] = found
            self._hold(by_id[number], found[1])
        self._begin(group)
        self._let_go(group)

    def _begin(self, group: _Together) -> None:
        by_id = {component.id: component for component in group.components}
        for number, (name, placement) in group.found.items():
            self._start(by_id[number], name, placement)

    def _place(self, job: Job, name: str, request: Request) -> Placement | Failure:
        cluster = self.cluster
        # jobs of one class and time limit have the same answer within a pass
        key = (name, request, job.record.time_limit, job.record.spec.time_min, job.record.spec.prefer)
        known = None if job.record.het_job_id else self.blocked.get(key)  # what is held differs by component
        if known is not None:
            return Failure("Priority" if known == "Resources" else known)
        room = cluster.reservations.room(job, name, self.now)
        if room is not None and room.refused:
            return Failure(room.refused)
        kept = room.licenses if room is not None else {}
        for licence, count in request.licenses:
            most = cluster.parameters.licenses.get(licence, 0) - kept.get(licence, 0)
            if cluster.licenses_used.get(licence, 0) + count > most:
                return Failure("Licenses")
        mask = cluster.partition_mask(name)
        if room is None:
            return self._place_on(job, name, request, mask, key)
        return self._place_in(job, name, request, mask, room)

    def _place_in(self, job: Job, name: str, request: Request, mask: Mask, room: Room) -> Placement | Failure:
        """On what reservations leave to the job."""
        table = self.cluster.table
        left = mask if room.nodes is None else mask & room.nodes
        with table.restricted(room.cores):
            outcome = self._place_on(job, name, request, left, None)
        if isinstance(outcome, Placement):
            nodes = tuple(
                replace(chosen, cores=room.cores[chosen.index]) if chosen.index in room.cores else chosen
                for chosen in outcome.nodes
            )
            return Placement(nodes, room.reservation, room.until)
        if outcome.reason in ("Resources", "ReqNodeNotAvail", "Priority") and not room.reservation:
            # is it for the reservations that it has to wait?
            needed = room.nodes is not None and room.nodes[table.mask_of(request.req_nodes)]
            held = needed is not False and not bool(np.all(needed))
            if held or isinstance(table.place(request, mask, limit=self._limit(job)), Placement):
                return Failure("ReqNodeNotAvail", MAINTAINED if room.maintenance else RESERVED)
        return outcome

    def _limit(self, job: Job) -> Mask | None:
        """The nodes that are not kept for others before the job would end; None = all."""
        if not self.plans and not self.holding:
            return None
        end = np.inf if job.record.time_limit == INFINITE else self.now + job.record.time_limit * 60.0
        free: Mask = (self.kept_from >= end) & (self.held_until == 0.0)
        return free

    def _place_on(
        self, job: Job, name: str, request: Request, mask: Mask, key: tuple[str, Request, int, int, str] | None
    ) -> Placement | Failure:
        """On nodes of `mask`; a failure is remembered under `key`."""
        cluster = self.cluster
        limit = self._limit(job)
        if preferred := job.record.spec.prefer:  # instead of --constraint, if the job need not wait for it
            outcome = cluster.table.place(replace(request, features=preferred), mask, limit=limit)
            if isinstance(outcome, Placement):
                return outcome
        outcome = cluster.table.place(request, mask, limit=limit)
        if isinstance(outcome, Failure):
            reason, text = outcome.reason, ""
            if reason in ("Resources", "ReqNodeNotAvail"):  # nodes that are only busy are worth waiting for
                reason = "Resources"
                if not self._enough_up(request, mask):
                    reason, text = ("ReqNodeNotAvail", RESERVED) if request.req_nodes else ("Resources", NOT_UP)
            if text:
                self.crowded.add(name)
                self._planned(job, 0.0, "")
                return Failure(reason, text)
            if reason == "Resources" and limit is not None and not bool(limit[mask].all()):
                if job.record.spec.time_min and (shorter := self._shorter(job, request, mask)):
                    return shorter
                reason = "Priority" if isinstance(cluster.table.place(request, mask), Placement) else "Resources"
            if reason == "Resources" and not self.trying:
                self._plan(job, request, mask)
            if key is not None and not job.record.het_job_id:
                self.blocked[key] = "Resources" if reason in ("Resources", "Priority") else reason
            if reason == "Resources" and not self.trying:
                if name in self.crowded:  # somebody before it waits there already
                    reason = "Priority"
                self.crowded.add(name)
            return Failure(reason)
        return outcome

    def _shorter(self, job: Job, request: Request, mask: Mask) -> Placement | None:
        """With --time-min: a place before what is planned there, if the job makes do with the time that is left."""
        least = self.now + job.record.spec.time_min * 60.0
        limit = (self.kept_from >= least) & (self.held_until == 0.0)
        outcome = self.cluster.table.place(request, mask, limit=limit)
        if isinstance(outcome, Failure):
            return None
        until = min(float(self.kept_from[chosen.index]) for chosen in outcome.nodes)
        if np.isfinite(until):
            job.record.time_limit = min(job.record.time_limit, int((until - self.now) // 60))
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
        free_at = np.maximum(np.maximum(self.held_until, self.planned_until), self.now)
        for position in np.flatnonzero(able):
            ends = [self.cluster.jobs[j].record.end_time or np.inf for j in table.nodes[int(position)].jobs]
            if ends:
                free_at[position] = max(free_at[position], *ends)
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
        self._keep(chosen, start)
        minutes = job.record.time_limit
        self.planned_until[chosen] = start + (np.inf if minutes == INFINITE else minutes * 60.0)
        within = start < self.now + self.cluster.parameters.backfill_window
        names = hostlist.compress([table.nodes[index].name for index in sorted(chosen)]) if within else ""
        self._planned(job, start, names)

    def _planned(self, job: Job, start: float, nodes: str) -> None:
        if (job.record.start_time, job.record.sched_nodes) != (start, nodes):
            job.record.start_time, job.record.sched_nodes = start, nodes
            self.cluster.mark(job)

    def _keep(self, nodes: list[int], start: float) -> None:
        """Who would still be on these nodes at `start` may not begin, if that is within the window."""
        if start < self.now + self.cluster.parameters.backfill_window:
            self.kept_from[nodes] = np.minimum(self.kept_from[nodes], start)
            self.plans += 1

    # ------------------------------------------------------------ eligibility

    def _eligible(self, job: Job) -> bool:
        """May it start as soon as there is room?  Its time of waiting counts from then on."""
        if not self._independent(job):
            return False
        record = job.record
        if not record.eligible_time or record.eligible_time > self.now:
            record.eligible_time = self.now
            self.cluster.mark(job)
        if not record.accrue_time:
            record.accrue_time = self.now
            job.wire = b""
        return True

    def _released(self, job: Job) -> bool:
        """Is it not held, and its time come?"""
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
        if record.spec.reservation and self.cluster.reservations.closed_to(job, self.now):
            self._reason(job, "Reservation")
            return False
        return True

    def _independent(self, job: Job) -> bool:
        """The same, and is what it depends on over?"""
        record = job.record
        if not self._released(job):
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
            self._tell_of_dependency(job)
            if kill:
                self._give_up(job)
            return False
        return True

    def _tell_of_dependency(self, job: Job) -> None:
        mail.invalid_dependency(self.cluster, job, self.now)

    def _give_up(self, job: Job) -> None:
        self.cluster.end_job(job, st.CANCELLED, self.now)

    def _reason(self, job: Job, reason: str, text: str = "") -> None:
        if (job.record.reason, job.record.reason_text) != (reason, text):
            job.record.reason, job.record.reason_text = reason, text
            self.cluster.mark(job)
        job.evaluated = self.now  # not in the record, which would have to be written anew for every pass


def schedule(cluster: Cluster, now: float) -> SchedulingPass:
    """Run one pass; what it did."""
    done = SchedulingPass(cluster, now)
    done.run()
    return done
