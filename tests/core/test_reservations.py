"""Reservations: who may run where and when, and what becomes of them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from crane_compat.core import states as st
from crane_compat.core.errors import Errno, RequestError
from crane_compat.core.job import Job
from crane_compat.core.reservations import FlagError, Reservation, parse_flags
from crane_compat.wire import INFINITE, pb

from .machine_room import ALICE, BOB, ROOT, MachineRoom

HOUR = 3600.0


@pytest.fixture
def room(tmp_path: Path) -> MachineRoom:
    return MachineRoom(tmp_path)


def reserve(
    room: MachineRoom, name: str = "r", *, start: float = 0.0, hours: float = 1.0, **values: str
) -> Reservation:
    """Root's own from `start` (seconds from now) on."""
    given = {"start": repr(room.now + start), "duration": repr(hours * HOUR), "users": "root"} | values
    change(room, "create", name, **given)
    return room.cluster.reservations.by_name[name]


def change(room: MachineRoom, op: str, name: str, **values: str) -> str:
    pairs = [pb.KeyValue(key=key, value=value) for key, value in values.items()]
    return room.cluster.reservations.change(pb.UpdateReservation(name=name, op=op, values=pairs), ROOT, room.now)


def places(job: Job) -> list[str]:
    return [alloc.node for alloc in job.record.nodes]


def test_jobs_of_others_keep_off(room: MachineRoom) -> None:
    reserve(room, nodes="n[1-3]")
    job = room.submit(num_tasks=2)
    wide = room.submit(min_nodes=2)
    named = room.submit(req_nodes="n1")
    room.schedule()
    assert places(job) == ["n4"]
    for waiting in (wide, named):
        assert (waiting.record.reason, waiting.record.reason_text) == (
            "ReqNodeNotAvail", "ReqNodeNotAvail, May be reserved for other job",
        )  # fmt: skip


def test_who_ends_in_time_may_start_before(room: MachineRoom) -> None:
    reserve(room, start=600.0, nodes="n[1-4]", flags="maint,ignore_jobs")
    short, long = room.submit(time_limit=10), room.submit(time_limit=11)
    room.schedule()
    assert short.running
    assert long.record.reason_text == "ReqNodeNotAvail, Reserved for maintenance"


def test_its_own_jobs_run_on_nothing_else_and_end_with_it(room: MachineRoom) -> None:
    one = reserve(room, hours=0.25, nodes="n2")
    job = room.submit(ROOT, reservation="r", time_limit=30)
    more = room.submit(ROOT, reservation="r", exclusive="exclusive", time_limit=5)
    room.schedule()
    assert (places(job), job.record.end_time) == (["n2"], one.record.end_time)
    assert more.pending


def test_access(room: MachineRoom) -> None:
    reserve(room, nodes="n1")
    for name, who, errno in (("r", ALICE, Errno.RESERVATION_ACCESS), ("r,x", ROOT, Errno.RESERVATION_INVALID)):
        with pytest.raises(RequestError) as refused:
            room.submit(who, reservation=name)
        assert refused.value.errno == errno


@pytest.mark.parametrize(
    ("said", "able"),
    [
        ({"users": "bob"}, False), ({"users": "-bob"}, True), ({"users": "-alice"}, False), ({"groups": "alice"}, True),
        ({"users": "alice", "accounts": "chem"}, False), ({"users": "alice", "accounts": "physics"}, True),
        ({"qos": "high"}, False), ({"allowed_partitions": "gpu,debug"}, True),
    ],
)  # fmt: skip
def test_everything_that_is_said_of_a_job_must_be_met(said: dict[str, str], able: bool) -> None:
    one = Reservation(pb.ReservationRecord(**said))  # type: ignore[arg-type]
    assert one.admits("alice", ("alice",), "physics", "normal", "debug") is able


def test_waiting_for_its_begin(room: MachineRoom) -> None:
    reserve(room, start=60.0, nodes="n1")
    job = room.submit(ROOT, reservation="r")
    room.schedule()
    assert (job.record.reason, job.record.eligible_time) == ("Reservation", 0.0)
    room.now += 60.0
    room.schedule()
    assert job.running


def test_some_cores_of_a_node(room: MachineRoom) -> None:
    one = reserve(room, nodes="n3", core_count="2")
    assert [(part.node, part.core_ids) for part in one.record.cores] == [("n3", "0,4")]
    assert (one.record.core_count, one.record.tres, one.record.flags) == (2, "cpu=2", "SPEC_NODES")
    others = room.submit(req_nodes="n3", num_tasks=6)
    room.schedule()
    mine = room.submit(ROOT, reservation="r", num_tasks=2)
    one_too_many = room.submit(req_nodes="n3")
    room.schedule()
    assert (others.running, mine.running, one_too_many.pending) == (True, True, True)
    assert mine.record.nodes[0].cpu_ids == "0,4"
    room.check()


def test_licences(room: MachineRoom) -> None:
    reserve(room, licenses="matlab:1", flags="any_nodes")
    both, one = room.submit(licenses="matlab:2"), room.submit(licenses="matlab:1")
    room.schedule()
    assert (both.record.reason, one.running) == ("Licenses", True)
    assert room.cluster.reservations.licenses_kept(room.now) == {"matlab": 1}


def test_nodes_are_chosen_where_nobody_is(room: MachineRoom) -> None:
    room.submit(req_nodes="n1", time_limit=INFINITE, partition="small")
    room.schedule()
    one = reserve(room, node_count="2")
    assert (one.record.nodes, one.record.partition, one.record.flags) == ("n[2-3]", "debug", "")
    with pytest.raises(RequestError) as refused:
        reserve(room, "more", node_count="2")
    assert refused.value.errno == Errno.NODES_BUSY
    assert reserve(room, "over", node_count="4", flags="overlap,ignore_jobs").record.node_count == 4


def test_two_do_not_have_the_same_nodes_at_the_same_time(room: MachineRoom) -> None:
    reserve(room, nodes="n1", flags="daily")
    for start in (0.0, 86400.0 + 1800):
        with pytest.raises(RequestError) as refused:
            reserve(room, "other", start=start, nodes="n[1-2]")
        assert refused.value.errno == Errno.RESERVATION_OVERLAP
    reserve(room, "other", start=2 * HOUR, nodes="n[1-2]")


def test_it_ends(room: MachineRoom) -> None:
    one = reserve(room, hours=0.25, nodes="n1")
    running, waiting = (room.submit(ROOT, reservation="r", exclusive="exclusive", time_limit=30) for _ in range(2))
    room.schedule()
    with pytest.raises(RequestError) as refused:
        change(room, "delete", "r")
    assert refused.value.errno == Errno.RESERVATION_BUSY
    room.now = one.record.end_time
    room.cluster.tick(room.now)
    assert not room.cluster.reservations.by_name
    assert waiting.record.state & st.RESV_DEL_HOLD and waiting.record.priority == 0
    assert running.timed_out


def test_it_comes_again_at_the_same_time_of_the_day(room: MachineRoom) -> None:
    room.now = time.mktime((2026, 3, 27, 22, 0, 0, 0, 0, -1))  # a Friday
    one = reserve(room, nodes="n1", flags="weekday")
    room.now += HOUR
    room.cluster.tick(room.now)
    begin = time.localtime(one.record.start_time)
    assert (begin.tm_mday, begin.tm_hour, one.record.end_time - one.record.start_time) == (30, 22, HOUR)
    change(room, "update", "r", skip="1")
    assert time.localtime(one.record.start_time).tm_mday == 31


def test_nodes_show_it(room: MachineRoom) -> None:
    reserve(room, nodes="n1")
    reserve(room, "m", nodes="n2", flags="maint")
    for _ in range(2):
        room.cluster.tick(room.now)
        room.now += 10.0
    nodes = room.cluster.nodes
    assert (nodes["n1"].record.resv_name, nodes["n1"].record.state & st.NODE_RES) == ("r", st.NODE_RES)
    assert nodes["n2"].record.state & st.NODE_MAINT
    mine = room.submit(ROOT, reservation="m")
    room.schedule()
    assert mine.running
    change(room, "delete", "r")
    assert not nodes["n1"].record.resv_name


def test_what_is_down_is_replaced(room: MachineRoom) -> None:
    one = reserve(room, node_count="2", flags="replace_down")
    assert one.record.nodes == "n[1-2]"
    room.cluster.nodes["n2"].record.state |= st.NODE_DRAIN
    for _ in range(2):
        room.cluster.tick(room.now)
        room.now += 10.0
    assert one.record.nodes == "n[1,3]"


def test_magnetic_and_flexible(room: MachineRoom) -> None:
    reserve(room, nodes="n[1-4]", flags="magnetic", groups="alice", users="alice")
    attracted, other = room.submit(ALICE), room.submit(BOB)
    room.schedule()
    assert (attracted.running, other.pending) == (True, True)
    change(room, "update", "r", flags="-=magnetic", groups="", users="root")
    change(room, "update", "r", nodes="n1", flags="+=flex")
    wide = room.submit(ROOT, reservation="r", min_nodes=3)
    room.schedule()
    assert wide.running and len(places(wide)) == 3


def test_changes(room: MachineRoom) -> None:
    one = reserve(room, nodes="n4")
    job = room.submit(ROOT, reservation="r")
    room.schedule()
    with pytest.raises(RequestError) as refused:
        change(room, "update", "r", users="daemon")
    assert refused.value.details == (f"Reservation update rejected because of JobId={job.id}",)
    change(room, "update", "r", users="+=daemon", duration=repr(2 * HOUR), flags="+=maint")
    assert (one.record.users, one.record.end_time, one.record.flags) == (
        "root,daemon", room.now + 2 * HOUR, "MAINT,SPEC_NODES",
    )  # fmt: skip
    with pytest.raises(RequestError) as refused:
        change(room, "update", "r", start=repr(room.now + 60))
    assert refused.value.errno == Errno.RSV_ALREADY_STARTED


def test_flags() -> None:
    assert parse_flags("maint,-daily,purge=5:00") == ({"MAINT", "PURGE_COMP"}, {"DAILY"}, 300.0)
    for text in ("foo", "spec_nodes", "daily=1", "purge_comp=x"):
        with pytest.raises(FlagError):
            parse_flags(text)


_NODES = some.sets(some.sampled_from(["n1", "n2", "n3", "n4"]), min_size=1).map(lambda names: ",".join(sorted(names)))


@settings(max_examples=60, deadline=None)
@given(
    kept=some.lists(some.tuples(some.integers(0, 40), some.integers(1, 40), _NODES, some.booleans()), max_size=4),
    jobs=some.lists(
        some.tuples(some.integers(1, 30), some.integers(1, 9), some.booleans(), some.integers(0, 4)), max_size=12
    ),
)
def test_no_job_is_where_it_may_not_be(
    tmp_path_factory: pytest.TempPathFactory,
    kept: list[tuple[int, int, str, bool]],
    jobs: list[tuple[int, int, bool, int]],
) -> None:
    """Whoever runs is out of the way of every reservation but its own, whose cores alone it has."""
    room = MachineRoom(tmp_path_factory.mktemp("room"))
    for number, (start, length, nodes, partial) in enumerate(kept):
        more = {"core_count": "3"} if partial else {}
        try:
            reserve(room, f"r{number}", start=start * 60.0, hours=length / 60.0, nodes=nodes, **more)
        except RequestError as exc:
            assert exc.errno in (Errno.RESERVATION_OVERLAP, Errno.NODES_BUSY)
    mine: dict[int, str] = {}
    for minutes, tasks, inside, which in jobs:
        name = f"r{which}"
        wanted = {"reservation": name} if inside and name in room.cluster.reservations.by_name else {}
        try:
            job = room.submit(ROOT, num_tasks=tasks, time_limit=minutes, **wanted)
        except RequestError:
            continue
        mine[job.id] = wanted.get("reservation", "")
    for _ in range(30):
        room.cluster.tick(room.now)
        room.schedule()
        for job in room.cluster.jobs.values():
            if job.running:
                _check(room, job, mine[job.id])
        room.check()
        for job in [job for job in room.cluster.jobs.values() if job.running and job.record.end_time <= room.now + 60]:
            room.finish(job)
        room.now += 60.0


def _check(room: MachineRoom, job: Job, own: str) -> None:
    reservations = room.cluster.reservations.by_name
    for alloc in job.record.nodes:
        cores = room.cluster.nodes[alloc.node].mask_of(alloc)
        for one in reservations.values():
            if alloc.node not in one.nodes or one.name == own:
                continue
            if own in reservations and alloc.node in reservations[own].cores and alloc.node not in one.cores:
                continue  # whoever has the rest of the node leaves it the cores that it has
            if one.meets(job.record.start_time, job.record.end_time):
                assert alloc.node in one.cores and not cores & one.cores[alloc.node]
        if own in reservations:
            assert alloc.node in reservations[own].nodes
            assert not cores & ~reservations[own].cores.get(alloc.node, -1)
