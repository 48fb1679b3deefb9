"""What associations have used: seconds of each trackable resource, half of them forgotten in every half-life.

`Ledger` keeps the sums by the association that jobs were charged to; accounts have what is charged below them, which
`fairshare.Tree` adds up.  `Meter` charges running jobs little by little.

Source: slurm.conf(5), PriorityDecayHalfLife; priority_multifactor.html.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from crane_compat.core import states as st
from crane_compat.core.job import Job
from crane_compat.core.tres import STATIC
from crane_compat.wire import INFINITE, pb

#: So many half-lives after the time they stand for, amounts are brought up to date: a float holds far more than 2^64.
_FAR = 64.0

#: A job without a time limit claims this much of the future (seconds), as in Slurm.
UNLIMITED = 365 * 86400.0

_BILLING, _ENERGY = STATIC["billing"], STATIC["energy"]


@dataclass(frozen=True, slots=True)
class Decay:
    """Exponential decay; a half-life (seconds) of 0 forgets nothing."""

    half_life: float

    def factor(self, seconds: float) -> float:
        """What is left of 1 after so many seconds."""
        return math.exp2(-seconds / self.half_life) if self.half_life else 1.0

    def lasting(self, begin: float, end: float, at: float) -> float:
        """What is left at `at` of one unit in use from `begin` to `end`, in seconds; more than there was if `at` is
        earlier."""
        if end <= begin or not self.half_life:
            return max(0.0, end - begin)
        rate = math.log(2.0) / self.half_life
        return self.factor(at - end) * -math.expm1(rate * (begin - end)) / rate


@dataclass(slots=True)
class Usage:
    """Seconds of billing (what fair share goes by), of wall time, and of each resource by its number."""

    billing: float = 0.0
    wall: float = 0.0
    tres: dict[int, float] = field(default_factory=dict)

    def add(self, other: Usage, times: float = 1.0) -> None:
        self.billing += other.billing * times
        self.wall += other.wall * times
        for number, seconds in other.tres.items():
            self.tres[number] = self.tres.get(number, 0.0) + seconds * times

    def scaled(self, times: float) -> Usage:
        return Usage(self.billing * times, self.wall * times, {n: s * times for n, s in self.tres.items()})


class Ledger:
    """Usage by the association that was charged; that of a QOS under its negative number.

    The amounts stand for the time `at`; all decay alike, so nothing has to be touched as time goes by.
    """

    def __init__(self, decay: Decay, now: float) -> None:
        self.decay = decay
        self.at = now
        self.own: dict[int, Usage] = {}
        self.changed: set[int] = set()  # since they were last written

    def charge(self, assoc_id: int, rates: Usage, begin: float, end: float) -> None:
        """Add a use at even `rates` (amounts of one second)."""
        if end <= begin or not assoc_id:
            return
        if self.decay.half_life and end - self.at > _FAR * self.decay.half_life:
            self.bring_to(end)
        self.add(assoc_id, rates, self.decay.lasting(begin, end, self.at))

    def add(self, assoc_id: int, usage: Usage, times: float = 1.0) -> None:
        """Add an amount as it is at the ledger's time."""
        self.own.setdefault(assoc_id, Usage()).add(usage, times)
        self.changed.add(assoc_id)

    def bring_to(self, now: float) -> None:
        """Let the amounts stand for `now`; what is kept elsewhere needs no change."""
        if now <= self.at:
            return
        left = self.decay.factor(now - self.at)
        if left != 1.0:
            self.own = {number: usage.scaled(left) for number, usage in self.own.items()}
        self.at = now

    def change_decay(self, decay: Decay, now: float) -> None:
        """From now on usage decays otherwise: all that is kept has to be written anew."""
        self.bring_to(now)
        self.decay = decay
        self.changed |= set(self.own)

    def clear(self) -> None:
        """Forget all usage (PriorityUsageResetPeriod)."""
        self.changed |= set(self.own)
        self.own = {number: Usage() for number in self.own}

    def move(self, old: int, new: int) -> None:
        """What one association has used becomes another's."""
        if usage := self.own.get(old):
            self.add(new, usage)
            self.own[old] = Usage()
            self.changed.add(old)

    def rows(self) -> Iterator[pb.AssocUsage]:
        """What has changed since the last call, to be kept; an association without usage is one to forget."""
        for number in sorted(self.changed):
            usage = self.own[number]
            row = pb.AssocUsage(assoc_id=number, at=self.at, billing=usage.billing, wall=usage.wall)
            for tres, seconds in usage.tres.items():
                row.tres[tres] = seconds
            yield row
            if not usage.billing and not usage.wall and not any(usage.tres.values()):
                del self.own[number]
        self.changed.clear()

    def restore(self, rows: Iterable[pb.AssocUsage], decay: Decay, numbers: Mapping[int, int]) -> None:
        """Take kept rows, which have decayed as `decay` says since they were written.

        `numbers`: what the resources' numbers of then are now; others are no longer counted.
        """
        for row in rows:
            left = decay.factor(max(0.0, self.at - row.at))
            tres = {numbers[number]: seconds for number, seconds in row.tres.items() if number in numbers}
            self.own.setdefault(row.assoc_id, Usage()).add(Usage(row.billing, row.wall, tres), left)


@dataclass(slots=True)
class Run:
    """A job between its start and its end: what it takes each second, and up to when that is charged."""

    assoc_id: int
    qos: str
    start: float
    tres_ids: str
    billing: str  # exactly, where that is no whole number
    rates: Usage
    since: float
    ends: float  # when its time limit strikes
    paused: bool = False

    def is_of(self, record: pb.JobRecord) -> bool:
        """Is it still this run, charged alike?"""
        kept = (record.assoc_id, record.start_time, record.tres_alloc_ids, record.billing)
        return kept == (self.assoc_id, self.start, self.tres_ids, self.billing)

    def left(self) -> float:
        """Seconds that it may still take, as of the last charge."""
        return max(0.0, self.ends - self.since)


class Meter:
    """Charges jobs to a ledger, each second of each job once.

    Every job that runs has been charged up to `charged`, or to a later time: what has to be kept beside the ledger for
    the charges to go on where they stopped.
    """

    def __init__(self, ledger: Ledger, charged: float = 0.0) -> None:
        self.ledger = ledger
        self.charged = charged
        self.factors: dict[str, float] = {}  # UsageFactor by QOS, where it is not 1
        self.qos_ids: dict[str, int] = {}
        self.runs: dict[int, Run] = {}

    def weigh(self, factors: Mapping[str, float], now: float) -> None:
        """From now on use under each QOS counts so many times."""
        wanted = {name: max(0.0, factor) for name, factor in factors.items() if factor != 1.0}
        if wanted == self.factors:
            return
        self.charge_all(now)
        self.factors = wanted
        for run in self.runs.values():
            run.rates = self._rates(run.qos, run.tres_ids, run.billing)

    def observe(self, job: Job, now: float) -> None:
        """A job has changed: begin, pause or end its charge."""
        record = job.record
        run = self.runs.get(job.id)
        suspended = record.state & st.BASE_MASK == st.SUSPENDED
        if run is not None:
            same = run.is_of(record)
            if not run.paused and not (job.running and same):
                self._charge(run, self._until(record, run, now))
            if same and (job.running or suspended):
                if run.paused and job.running:
                    run.since = max(run.since, record.suspend_time)
                run.paused = suspended
                run.ends = _limit_of(record)
                return
            del self.runs[job.id]
        if not record.assoc_id or not record.start_time or not (job.running or suspended):
            return
        if run is not None and run.start == record.start_time:
            # charged otherwise from now on: after a restart nothing but `charged` tells what was charged before
            self.charge_all(now)
        begin = max(record.start_time, record.suspend_time, self.charged)
        self.runs[job.id] = Run(
            record.assoc_id, record.qos, record.start_time, record.tres_alloc_ids, record.billing,
            self._rates(record.qos, record.tres_alloc_ids, record.billing), begin, _limit_of(record), suspended,
        )  # fmt: skip

    def keep(self, jobs: Container[int]) -> None:
        """Forget the runs of other jobs than these: those that were withdrawn have not been."""
        for job_id in [job_id for job_id in self.runs if job_id not in jobs]:
            del self.runs[job_id]

    def _until(self, record: pb.JobRecord, run: Run, now: float) -> float:
        """When the run that is over, or paused, stopped to use its resources."""
        if record.start_time != run.start:  # it is already another one
            return now
        base = record.state & st.BASE_MASK
        if base == st.SUSPENDED:
            return record.suspend_time
        return record.end_time if base > st.SUSPENDED and record.end_time else now

    def _rates(self, qos: str, tres_ids: str, billing: str) -> Usage:
        """What a job uses in a second."""
        counts, factor = amounts(tres_ids), self.factors.get(qos, 1.0)
        tres = {number: count * factor for number, count in counts.items() if number != _ENERGY}
        billed = factor * (float(billing) if billing else counts.get(_BILLING, 0))
        if billed:
            tres[_BILLING] = billed
        return Usage(billed, factor, tres)

    def _charge(self, run: Run, until: float) -> None:
        self.ledger.charge(run.assoc_id, run.rates, run.since, until)
        self.ledger.charge(-self.qos_ids.get(run.qos, 0), run.rates, run.since, until)
        run.since = max(run.since, until)

    def charge_all(self, now: float) -> None:
        """Charge all that run up to now."""
        for run in self.runs.values():
            if not run.paused:
                self._charge(run, now)
        self.charged = max(self.charged, now)


def _limit_of(record: pb.JobRecord) -> float:
    if record.time_limit == INFINITE or not record.end_time:
        return record.start_time + UNLIMITED
    return record.end_time


def amounts(tres_ids: str) -> dict[int, int]:
    """``1=4,2=400`` as numbers."""
    pairs = (part.partition("=") for part in tres_ids.split(",") if part)
    return {int(number): int(count) for number, _, count in pairs}
