"""What sdiag shows of the controller: counters since the start, midnight (UTC) or `sdiag --reset`.

There are no agents and no threads to count: messages to nodes leave at once, and one loop does all work.  What
Slurm's two schedulers do is done in one pass here, which goes on behind a job that must wait, with a start planned
for it.  Every pass counts as one of the main scheduler; one that left jobs waiting counts as one of the backfill
scheduler too.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from crane_compat.core import states as st
from crane_compat.daemon.controller.message_types import NAMES, type_of
from crane_compat.scheduling.main_loop import MAX_PLANS, SchedulingPass
from crane_compat.wire import pb

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crane_compat.core.cluster import Cluster
    from crane_compat.core.job import Job

DAY = 86400.0

#: Ends that are not the job's own doing; all others but a cancellation count as completed.
_BROKEN = frozenset({"NODE_FAIL", "BOOT_FAIL"})


def clock_latency() -> int:
    """Microseconds that 1000 looks at the clock take."""
    start = time.perf_counter()
    for _ in range(1000):
        time.time()
    return round((time.perf_counter() - start) * 1e6)


@dataclass(slots=True)
class Calls:
    """Requests of one kind, or of one user."""

    count: int = 0
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        self.count += 1
        self.seconds += seconds


@dataclass(slots=True)
class Passes:
    """Scheduling passes of one kind; the message is what is told of them."""

    told: pb.PassStatistics = field(default_factory=pb.PassStatistics)

    def add(self, done: SchedulingPass, now: float, seconds: float, queue: int) -> None:
        told, took = self.told, round(seconds * 1e6)
        table = 1 + len(np.unique(done.kept_from[np.isfinite(done.kept_from)]))
        told.cycles += 1
        told.last, told.max, told.last_time = took, max(told.max, took), now
        told.sum += took
        told.last_depth, told.last_tried, told.last_queue, told.last_table = done.looked, done.tried, queue, table
        told.depth_sum += done.looked
        told.tried_sum += done.tried
        told.queue_sum += queue
        told.table_sum += table
        if done.plans >= MAX_PLANS:
            told.ended_plans += 1
        else:
            told.ended_queue += 1


class Statistics:
    """The counters of one controller."""

    def __init__(self, now: float) -> None:
        self.latency = clock_latency()
        self.backfilled = 0
        self.types: dict[int, Calls] = {}
        self.users: dict[int, Calls] = {}
        self._known: dict[int, int] = {}  # base state of each job when it was last looked at
        self._clear(now)

    def _clear(self, now: float) -> None:
        self.since = now
        self.submitted = self.started = self.completed = self.cancelled = self.failed = 0
        self.main, self.backfill = Passes(), Passes()
        self.backfilled_since = self.backfilled_het = 0

    def reset(self, now: float) -> None:
        """Everything from 0, as sdiag --reset asks."""
        self._clear(now)
        self.backfilled = 0
        self.types.clear()
        self.users.clear()

    def tick(self, cluster: Cluster, now: float) -> None:
        """At midnight (UTC) the scheduler's counters begin again; those of requests go on."""
        if now // DAY != self.since // DAY:
            self._clear(now)
        if len(self._known) > 2 * len(cluster.jobs) + 1000:
            self._known = {number: state for number, state in self._known.items() if number in cluster.jobs}

    # ------------------------------------------------------------ what happens

    def called(self, name: str, request: pb.Request, uid: int, seconds: float) -> None:
        """A request has been worked on for so long."""
        kind = type_of(name, request)
        calls = self.types.get(kind)
        if calls is None:
            calls = self.types[kind] = Calls()
        calls.add(seconds)
        calls = self.users.get(uid)
        if calls is None:
            calls = self.users[uid] = Calls()
        calls.add(seconds)

    def known(self, jobs: Iterable[Job]) -> None:
        """Jobs of an earlier life: what they did then is not counted."""
        self._known.update((job.id, job.state & st.BASE_MASK) for job in jobs)

    def admitted(self, jobs: Iterable[Job]) -> None:
        """Jobs have been submitted; the tasks of an array count one by one."""
        for job in jobs:
            self.submitted += len(job.array_pending) or 1
            self._known[job.id] = st.PENDING

    def changed(self, job: Job) -> None:
        """A job may have started or ended since it was last looked at."""
        state = job.state & st.BASE_MASK
        before = self._known.get(job.id, st.PENDING)
        if state == before:
            return
        self._known[job.id] = state
        if before == st.PENDING and job.record.nodes:
            self.started += 1
        if state <= st.SUSPENDED:
            return
        if state == st.CANCELLED:
            self.cancelled += 1
        elif st.JOB_NAMES[state][0] in _BROKEN:
            self.failed += 1
        else:
            self.completed += 1

    def scheduled(self, done: SchedulingPass, now: float, seconds: float, queue: int) -> None:
        """A pass is over; `queue`: how many jobs waited when it began."""
        self.main.add(done, now, seconds, queue)
        if done.cluster.pending and done.cluster.parameters.backfill:
            self.backfill.add(done, now, seconds, queue)
            self.backfilled += done.backfilled
            self.backfilled_since += done.backfilled
            self.backfilled_het += done.backfilled_het

    # ------------------------------------------------------------ what is told

    def diagnostics(self, cluster: Cluster, now: float, *, threads: int, accounting_queue: int) -> pb.Diagnostics:
        """Everything as sdiag wants it."""
        running = {number for node in cluster.nodes.values() for number in node.jobs if cluster.jobs[number].running}
        told = pb.Diagnostics(
            now=now, since=self.since, server_threads=threads, accounting_queue=accounting_queue,
            clock_latency=self.latency, submitted=self.submitted, started=self.started, completed=self.completed,
            cancelled=self.cancelled, failed=self.failed,
            pending=sum(len(cluster.jobs[number].array_pending) or 1 for number in cluster.pending),
            running=len(running), states_time=now, main=self.main.told, backfill=self.backfill.told,
            backfilled=self.backfilled, backfilled_since=self.backfilled_since, backfilled_het=self.backfilled_het,
        )  # fmt: skip
        for number, calls in self.types.items():
            told.by_type.add(id=number, name=NAMES.get(number, ""), count=calls.count, time=round(calls.seconds * 1e6))
        for number, calls in self.users.items():
            told.by_user.add(id=number, count=calls.count, time=round(calls.seconds * 1e6))
        return told
