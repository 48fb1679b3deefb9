"""Why a job waits: what is said is what the scheduler decided, and what is said to help does."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from crane_compat.core import updates
from crane_compat.core.errors import RequestError
from crane_compat.core.job import Job
from crane_compat.scheduling.explain import SENTENCES, explain
from crane_compat.wire import pb
from tests.core.machine_room import ROOT, MachineRoom
from tests.core.test_reservations import reserve


@pytest.fixture
def room(tmp_path: Path) -> MachineRoom:
    return MachineRoom(tmp_path)


def told(room: MachineRoom, job: Job) -> pb.Explanation:
    return explain(room.cluster, job, room.now)


def groups(one: pb.Explanation) -> dict[str, str]:
    return {group.cause: group.nodes for group in one.partitions[0].groups}


def test_nodes_by_what_keeps_a_job_from_them(room: MachineRoom) -> None:
    room.submit(req_nodes="n1", exclusive="exclusive", time_limit=10)
    room.schedule()
    updates.update_node(
        room.cluster,
        pb.UpdateNode(
            names="n2", op="update",
            values=[pb.KeyValue(key="state", value="DRAIN"), pb.KeyValue(key="reason", value="bad disk")],
        ),
        ROOT, room.now,
    )  # fmt: skip
    reserve(room, nodes="n3")
    job = room.submit(min_nodes=2, features="amd|intel", time_limit=10)
    room.schedule()
    one = told(room, job)
    assert groups(one) == {"down": "n2", "reserved": "n3", "busy": "n1", "free": "n4"}
    assert one.reason == job.record.reason
    assert [(remedy.option, remedy.value) for remedy in one.remedies] == [("nodes", "1")]


def test_the_plan(room: MachineRoom) -> None:
    blocker = room.submit(min_nodes=3, exclusive="exclusive", time_limit=10)
    room.schedule()
    first = room.submit(min_nodes=4, exclusive="exclusive", time_limit=5)
    second = room.submit(num_tasks=1, time_limit=30)
    room.schedule()
    one = told(room, first)
    assert (one.start, one.start_nodes, one.ahead) == (blocker.record.end_time, "n[1-4]", 0)
    other = told(room, second)
    assert (other.ahead, groups(other)["kept"]) == (1, "n4")
    assert [(r.option, r.value, r.command) for r in other.remedies] == [
        ("time", "10", f"scontrol update job={second.id} timelimit=10")
    ]


def test_an_array_with_a_throttle(room: MachineRoom) -> None:
    job = room.submit(array="1-3%1")
    room.schedule()
    assert told(room, job).reason == "JobArrayTaskLimit"


def test_a_job_that_does_not_wait(room: MachineRoom) -> None:
    job = room.submit()
    assert (told(room, job).reason, list(told(room, job).because)) == ("", ["nothing: it can start now, on n1"])
    room.schedule()
    assert list(told(room, job).because) == ["it does not wait: it is running"]


def test_licences_and_other_reasons(room: MachineRoom) -> None:
    room.submit(licenses="matlab:1")
    room.schedule()
    job, held = room.submit(licenses="matlab:2"), room.submit(hold=True)
    later = room.submit(begin_time=room.now + 600)
    room.schedule()
    one = told(room, job)
    assert list(one.because) == ["it asks for 2 of licence matlab, of which 1 of 2 are in use, 0 reserved"]
    assert ("licenses", "") in [(r.option, r.value) for r in one.remedies]
    assert list(told(room, held).because) == [SENTENCES["JobHeldUser"]]
    assert told(room, later).start == room.now + 600


_JOBS = some.fixed_dictionaries(
    {"num_tasks": some.integers(1, 20), "time_limit": some.integers(1, 30)},
    optional={
        "min_nodes": some.integers(1, 4), "mem_per_node": some.integers(1, 8000), "cpus_per_task": some.integers(1, 4),
        "features": some.sampled_from(["intel", "amd"]), "req_nodes": some.sampled_from(["n1", "n2", "n3"]),
        "exclusive": some.just("exclusive"), "licenses": some.sampled_from(["matlab:1", "matlab:2"]),
        "exc_nodes": some.sampled_from(["n4", "n[1-2]"]), "contiguous": some.just(True), "hold": some.just(True),
    },
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    jobs=some.lists(_JOBS, min_size=3, max_size=14), kept=some.booleans(), drained=some.booleans(),
    which=some.integers(0, 9),
)  # fmt: skip
def test_the_scheduler_agrees(
    tmp_path_factory: pytest.TempPathFactory, jobs: list[dict[str, object]], kept: bool, drained: bool, which: int
) -> None:
    """The reason is the scheduler's, asking changes nothing, and a change that is said to help lets the job start."""
    room = MachineRoom(tmp_path_factory.mktemp("room"))
    if drained:
        room.cluster.nodes["n2"].record.state |= 1 << 9
        room.cluster.touch_node(room.cluster.nodes["n2"])
    if kept:
        reserve(room, start=600.0, nodes="n3")
    for fields in jobs:
        try:
            room.submit(**fields)
        except RequestError:
            continue
    while room.schedule():
        pass
    room.take()
    waiting = [job for job in room.cluster.jobs.values() if job.pending]
    before = [job.record.SerializeToString(deterministic=True) for job in waiting]
    answers = [told(room, job) for job in waiting]
    assert [job.record.SerializeToString(deterministic=True) for job in waiting] == before
    assert not room.take()[0]
    for job, one in zip(waiting, answers, strict=True):
        assert (one.reason, one.text) == (job.record.reason, job.record.reason_text)
        names = [name for part in one.partitions for group in part.groups for name in group.nodes.split(",")]
        assert names or not one.partitions
    for job, one in zip(waiting, answers, strict=True):
        if one.remedies:
            _try(room, job, one.remedies[which % len(one.remedies)])
            break


def _try(room: MachineRoom, job: Job, remedy: pb.Remedy) -> None:
    if remedy.command:
        key, _, value = remedy.command.split()[-1].partition("=")
        names = {"nodelist": "reqnodelist"}
        change = pb.UpdateJob(id=str(job.id), values=[pb.KeyValue(key=names.get(key, key), value=value)])
        results = updates.update_job(room.cluster, change, ROOT, room.now)
        assert not any(result.rc for result in results), results
    else:
        job.record.spec.ClearField({"exclusive": "exclusive", "contiguous": "contiguous"}[remedy.option])  # type: ignore[arg-type]
        job.requests = []
        room.cluster.wants_scheduling = True
    room.schedule()
    assert job.running, f"{remedy.option}={remedy.value} did not help: {job.record.reason}"
    room.check()
