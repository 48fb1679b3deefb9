"""Usage decays by its half-life, and every second of every job is charged once, whatever happens to the controller."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from crane_compat.core import states as st
from crane_compat.core.job import Job
from crane_compat.scheduling.usage import Decay, Ledger, Meter, Usage
from crane_compat.wire import INFINITE, pb

WEEK = 7 * 86400.0
ONE = Usage(1.0, 1.0, {1: 4.0})
moments = some.lists(some.floats(0, 4 * WEEK), min_size=2, max_size=12, unique=True).map(sorted)


def amount(ledger: Ledger, now: float, number: int = 1) -> float:
    """Billing seconds of an association as they are `now`."""
    return ledger.own.get(number, Usage()).billing * ledger.decay.factor(now - ledger.at)


def test_half_of_it_is_left_after_a_half_life() -> None:
    ledger = Ledger(Decay(WEEK), 0.0)
    ledger.add(1, Usage(800.0))
    for weeks, left in ((0, 800.0), (1, 400.0), (2, 200.0), (3, 100.0)):
        assert amount(ledger, weeks * WEEK) == pytest.approx(left)
        ledger.bring_to(weeks * WEEK)
        assert ledger.own[1].billing == pytest.approx(left)


def test_what_is_used_all_the_time_comes_to_a_rest_at_the_integral() -> None:
    assert Decay(WEEK).lasting(0.0, 100 * WEEK, 100 * WEEK) == pytest.approx(WEEK / math.log(2))
    assert Decay(0.0).lasting(5.0, 9.0, 100.0) == 4.0
    assert Decay(WEEK).lasting(9.0, 5.0, 100.0) == 0.0


@given(moments, some.sampled_from([0.0, 3600.0, WEEK]))
def test_little_by_little_is_as_much_as_all_at_once(times: list[float], half_life: float) -> None:
    end = times[-1]
    whole, pieces = Ledger(Decay(half_life), 0.0), Ledger(Decay(half_life), 0.0)
    whole.charge(1, ONE, times[0], end)
    for begin, stop in pairwise(times):
        pieces.charge(1, ONE, begin, stop)
        pieces.bring_to(stop)
    assert amount(pieces, end) == pytest.approx(amount(whole, end), abs=1e-6)
    assert amount(pieces, end) <= end - times[0] + 1e-6


@given(moments, some.floats(3600.0, WEEK))
def test_later_is_never_more(times: list[float], half_life: float) -> None:
    ledger = Ledger(Decay(half_life), 0.0)
    ledger.charge(1, ONE, 0.0, times[0])
    seen = [amount(ledger, now) for now in times]
    assert seen == sorted(seen, reverse=True)


def test_a_controller_that_was_away_for_long_finds_no_overflow() -> None:
    ledger = Ledger(Decay(60.0), 0.0)
    ledger.charge(1, ONE, 1e8, 1e8 + 10)
    assert amount(ledger, 1e8 + 10) == pytest.approx(10, rel=0.1)


def test_kept_rows_have_decayed_meanwhile() -> None:
    ledger = Ledger(Decay(WEEK), 1000.0)
    ledger.charge(1, ONE, 500.0, 1000.0)
    rows = list(ledger.rows())
    assert list(ledger.rows()) == []  # nothing has changed since
    later = Ledger(Decay(WEEK), 1000.0 + WEEK)
    later.restore(rows, Decay(WEEK), {1: 7})  # resource 1 has become 7
    assert later.own[1].billing == pytest.approx(ledger.own[1].billing / 2)
    assert later.own[1].tres[7] == pytest.approx(ledger.own[1].tres[1] / 2)


def test_another_half_life_has_everything_written_anew() -> None:
    ledger = Ledger(Decay(WEEK), 0.0)
    ledger.add(1, Usage(800.0))
    list(ledger.rows())
    ledger.change_decay(Decay(2 * WEEK), WEEK)
    (row,) = ledger.rows()
    assert (row.at, row.billing) == (WEEK, pytest.approx(400.0))
    assert amount(ledger, 3 * WEEK) == pytest.approx(200.0)


# ------------------------------------------------------------ jobs


def job(number: int = 1, tres: str = "1=4,2=400,4=1,5=4", limit: int = 60) -> Job:
    record = pb.JobRecord(job_id=number, assoc_id=number, qos="normal", tres_alloc_ids=tres, time_limit=limit)
    return Job(record)


def start(this: Job, now: float) -> None:
    this.record.state, this.record.start_time = st.RUNNING, now
    this.record.end_time = now + this.record.time_limit * 60 if this.record.time_limit != INFINITE else 0


def test_usage_factor_of_the_qos_counts_for_all_but_what_a_job_may_still_take() -> None:
    meter = Meter(Ledger(Decay(0.0), 0.0))
    meter.weigh({"normal": 0.5, "other": 3.0}, 0.0)
    this = job()
    start(this, 100.0)
    meter.observe(this, 100.0)
    meter.charge_all(160.0)
    usage = meter.ledger.own[1]
    assert (usage.billing, usage.wall, usage.tres[2]) == (120.0, 30.0, 12000.0)
    assert meter.runs[1].left() == 3540.0
    meter.weigh({"normal": 2.0}, 170.0)  # what was before counts as it did
    meter.charge_all(180.0)
    assert usage.billing == 120.0 + 20.0 + 80.0


def test_without_a_limit_a_job_may_take_a_year() -> None:
    meter = Meter(Ledger(Decay(0.0), 0.0))
    this = job(limit=INFINITE)
    start(this, 100.0)
    meter.observe(this, 100.0)
    assert meter.runs[1].left() == 365 * 86400.0


def test_a_job_that_becomes_smaller_is_charged_less_from_then_on() -> None:
    meter = Meter(Ledger(Decay(0.0), 0.0))
    this = job()
    start(this, 100.0)
    meter.observe(this, 100.0)
    this.record.tres_alloc_ids = "1=1,5=1"
    meter.observe(this, 200.0)
    meter.charge_all(250.0)
    assert meter.ledger.own[1].billing == 450.0


def test_billing_is_exact() -> None:
    meter = Meter(Ledger(Decay(0.0), 0.0))
    this = job(tres="1=1,5=3")
    this.record.billing = "3.25"
    start(this, 100.0)
    meter.observe(this, 100.0)
    meter.charge_all(200.0)
    assert (meter.ledger.own[1].billing, meter.ledger.own[1].tres) == (325.0, {1: 100.0, 5: 325.0})


EVENTS = ("start", "suspend", "resume", "end", "requeue", "resize", "limit", "calculate", "crash")


@given(
    some.lists(some.tuples(some.sampled_from(EVENTS), some.integers(1, 2), some.integers(1, 1000)), max_size=40),
)
def test_no_second_is_charged_twice_or_never(events: list[tuple[str, int, int]]) -> None:
    """Two jobs live any life; after every event all is committed, and a crash leaves what was."""
    jobs = {number: job(number) for number in (1, 2)}
    kept: dict[int, pb.AssocUsage] = {}
    meter = Meter(Ledger(Decay(0.0), 0.0))
    now, expected, billing = 0.0, {1: 0.0, 2: 0.0}, {1: 4, 2: 4}
    for what, number, seconds in events:
        now += seconds
        for each, other in jobs.items():
            if other.running:
                expected[each] += billing[each] * seconds
        this, record = jobs[number], jobs[number].record
        suspended = record.state == st.SUSPENDED
        if what == "start" and not (this.running or suspended):
            record.tres_alloc_ids, billing[number], record.suspend_time = "1=4,5=4", 4, 0.0
            start(this, now)
        elif what == "suspend" and this.running:
            record.state, record.suspend_time = st.SUSPENDED, now
        elif what == "resume" and suspended:
            record.state, record.suspend_time = st.RUNNING, now
        elif what == "end" and (this.running or suspended):
            record.state, record.end_time = st.COMPLETED, now
        elif what == "requeue" and (this.running or suspended):
            record.state, record.tres_alloc_ids = st.PENDING, ""
            record.start_time = record.end_time = record.suspend_time = 0.0
        elif what == "resize" and this.running:
            record.tres_alloc_ids, billing[number] = "1=1,5=1", 1
        elif what == "limit" and this.running:
            record.end_time += 60.0
        elif what == "calculate":
            meter.charge_all(now)
            meter.ledger.bring_to(now)
        elif what == "crash":
            charged = meter.charged
            meter = Meter(Ledger(Decay(0.0), now), charged)
            meter.ledger.restore(kept.values(), Decay(0.0), {1: 1, 5: 5})
        for each in jobs.values() if what == "crash" else [this]:
            meter.observe(each, now)
        kept |= {row.assoc_id: row for row in meter.ledger.rows()}
    meter.charge_all(now)
    assert {n: amount(meter.ledger, now, n) for n in jobs} == pytest.approx(expected)
