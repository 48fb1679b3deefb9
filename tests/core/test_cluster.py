"""The state machine: what a job's life looks like from submission to the end."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from crane_compat.core import cancel, dependency, steps, updates
from crane_compat.core import states as st
from crane_compat.core.effects import SendNode
from crane_compat.core.errors import Errno, RequestError
from crane_compat.core.job import Job, Step, WaitingStep
from crane_compat.wire import pb

from .machine_room import ALICE, BOB, ROOT, MachineRoom


@pytest.fixture
def room(tmp_path: Path) -> MachineRoom:
    return MachineRoom(tmp_path)


def test_a_job_from_submission_to_its_end(room: MachineRoom) -> None:
    job = room.submit(num_tasks=3)
    assert job.pending and job.record.tres_req == "cpu=3,mem=300M,node=1,billing=3"
    room.schedule()
    assert job.running and job.record.node_list == "n1"
    assert job.record.nodes[0].cpu_ids == "0-1,4"  # dealt out over the sockets
    room.take()
    assert [(e.node, e.step_id) for e in room.launched] == [("n1", st.BATCH_STEP)]
    room.finish(job)
    assert job.state == st.COMPLETED
    room.check()
    assert not room.cluster.nodes["n1"].jobs


@pytest.mark.parametrize(
    ("status", "state", "reason"),
    [(0, st.COMPLETED, "None"), (3 << 8, st.FAILED, "NonZeroExitCode"), (9, st.FAILED, "RaisedSignal:9(Killed)")],
)
def test_the_exit_status_decides_the_state(room: MachineRoom, status: int, state: int, reason: str) -> None:
    job = room.submit()
    room.schedule()
    room.finish(job, status)
    assert (job.state, job.record.reason, job.record.exit_code) == (state, reason, status)


def test_tasks_fill_the_first_node_and_leave_one_for_each_other(room: MachineRoom) -> None:
    job = room.submit(min_nodes=2, max_nodes=2, num_tasks=4)
    room.schedule()
    assert [a.cpus for a in job.record.nodes] == [3, 1]


def test_low_weight_nodes_first_and_gpus_where_they_are(room: MachineRoom) -> None:
    job = room.submit(gres="gpu:1")
    room.schedule()
    assert job.record.node_list == "n3"
    assert list(job.record.nodes[0].gres[0].index) == [0]
    other = room.submit(gres="gpu:tesla:2")
    room.schedule()
    assert other.record.node_list == "n4"
    room.check()


def test_a_blocked_job_is_not_delayed_by_what_comes_behind(room: MachineRoom) -> None:
    for _ in range(3):
        room.submit(exclusive="exclusive", time_limit=10)
    room.schedule()
    big = room.submit(min_nodes=4, max_nodes=4, time_limit=5)
    long, short = room.submit(time_limit=30), room.submit(time_limit=5)
    room.schedule()
    assert (big.pending, big.record.reason) == (True, "Resources")
    assert big.record.start_time == room.now + 600
    assert (long.pending, long.record.reason) == (True, "Priority")
    assert short.running


@pytest.mark.parametrize(
    ("fields", "errno", "details"),
    [
        ({"partition": "nope"}, Errno.INVALID_PARTITION_NAME, ("invalid partition specified: nope",)),
        ({"cpus_per_task": 9}, Errno.REQUESTED_NODE_CONFIG_UNAVAILABLE, ("CPU count per node can not be satisfied",)),
        ({"mem_per_node": 8001}, Errno.REQUESTED_NODE_CONFIG_UNAVAILABLE,
         ("Memory specification can not be satisfied",)),
        ({"features": "intel&amd"}, Errno.REQUESTED_NODE_CONFIG_UNAVAILABLE, ()),
        ({"gres": "gpu:3"}, Errno.REQUESTED_NODE_CONFIG_UNAVAILABLE, ()),
        ({"gres": "fpga:1"}, Errno.INVALID_GRES, ()),
        ({"licenses": "matlab:3"}, Errno.INVALID_LICENSES, ()),
        ({"req_nodes": "n1", "exc_nodes": "n1"}, Errno.INVALID_NODE_NAME, ()),
        ({"array": "0-2000"}, Errno.INVALID_ARRAY, ()),
        ({"dependency": "afterok:99"}, Errno.DEPENDENCY, ()),
    ],
)  # fmt: skip
def test_refusals(room: MachineRoom, fields: dict[str, object], errno: Errno, details: tuple[str, ...]) -> None:
    with pytest.raises(RequestError) as caught:
        room.submit(**fields)
    assert (caught.value.errno, caught.value.details) == (errno, details)
    assert not room.cluster.jobs


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"min_nodes": 5}, "PartitionNodeLimit"),
        ({"num_tasks": 100}, "PartitionConfig"),
        ({"partition": "small", "min_nodes": 2}, "PartitionNodeLimit"),
        ({"time_limit": 60}, "PartitionTimeLimit"),
        ({"begin_time": 2e9}, "BeginTime"),
        ({"hold": True}, "JobHeldUser"),
    ],
)
def test_what_waits_and_why(room: MachineRoom, fields: dict[str, object], reason: str) -> None:
    job = room.submit(**fields)
    room.schedule()
    assert (job.pending, job.record.reason) == (True, reason)


def test_an_array_is_one_record_until_its_tasks_start(room: MachineRoom) -> None:
    array = room.submit(array="1-3%2", num_tasks=8)
    assert len(room.cluster.jobs) == 1
    room.schedule()
    assert sorted(room.cluster.jobs) == [1, 2, 3]
    assert (array.record.array_task_str, array.record.reason) == ("3", "JobArrayTaskLimit")
    room.finish(room.job(2))
    room.schedule()
    assert array.running and array.record.array_task_id == 3  # the last task keeps the array's id


def test_dependencies(room: MachineRoom) -> None:
    first = room.submit()
    good = room.submit(dependency=f"afterok:{first.id}")
    bad = room.submit(dependency=f"afternotok:{first.id}")
    room.schedule()
    assert good.record.reason == "Dependency"
    assert good.record.dependency == f"afterok:{first.id}(unfulfilled)"
    room.finish(first)
    room.schedule()
    assert good.running
    assert bad.record.reason == "DependencyNeverSatisfied"
    assert isinstance(bad.dependency, dependency.Dependency)


def test_cancel_by_the_owner_only(room: MachineRoom) -> None:
    job = room.submit()
    room.schedule()
    refused = cancel.cancel(room.cluster, pb.CancelJobs(ids=[str(job.id)]), BOB, room.now)
    assert refused[0].rc == Errno.ACCESS_DENIED
    assert cancel.cancel(room.cluster, pb.CancelJobs(ids=[str(job.id)]), ALICE, room.now)[0].rc == 0
    room.take()
    assert job.state == st.CANCELLED | st.COMPLETING
    assert room.sent[-1].message.terminate.reason == "CANCELLED"
    room.clean(job)
    assert job.state == st.CANCELLED
    room.check()


def test_time_limit_ends_a_job_as_timeout(room: MachineRoom) -> None:
    job = room.submit(time_limit=1)
    room.schedule()
    room.now += 59
    room.cluster.tick(room.now)
    assert job.running
    room.now += 2
    room.cluster.tick(room.now)
    assert job.state == st.TIMEOUT | st.COMPLETING
    room.finish(job, 15)
    assert (job.state, job.record.exit_code) == (st.TIMEOUT, 15)


def test_the_warning_signal_comes_before_the_end(room: MachineRoom) -> None:
    job = room.submit(time_limit=2, signal="B:USR1@60")
    room.schedule()
    room.take()
    room.now += 61
    room.cluster.tick(room.now)
    room.cluster.tick(room.now)
    room.take()
    signals = [e.message.signal for e in room.sent if e.message.HasField("signal")]
    assert [(s.job_id, s.signal, s.batch_only) for s in signals] == [(job.id, 10, True)]


def test_a_step_has_a_limit_of_its_own(room: MachineRoom) -> None:
    job = room.submit(time_limit=10)
    room.schedule()
    request = pb.StepRequest(job_id=job.id, spec=pb.JobSpec(num_tasks=1, time_limit=1))
    step = steps.create(room.cluster, job, request, room.now)
    room.now += 61
    room.cluster.tick(room.now)
    room.take()
    order = room.sent[-1].message.terminate
    assert (order.step_id, order.reason, job.running) == (step.record.step_id, "TIME LIMIT", True)
    room.cluster.step_done(job, step, "n1", [pb.TaskExit(task=0, status=15)], None, room.now, error="", oom=False)
    assert step.record.state == st.TIMEOUT


def test_requeue_keeps_the_id_and_waits_two_minutes(room: MachineRoom) -> None:
    job = room.submit()
    room.schedule()
    updates.job_op(room.cluster, pb.JobOp(op="requeue", ids=[str(job.id)]), ALICE, room.now)
    room.clean(job)
    assert (job.pending, job.record.restarts, job.record.reason) == (True, 1, "BeginTime")
    room.schedule()
    assert job.pending
    room.now += 121
    room.schedule()
    assert job.running
    room.check()


def test_steps_share_a_job_as_srun_says(room: MachineRoom) -> None:
    job = room.submit(num_tasks=4)
    room.schedule()
    request = pb.StepRequest(job_id=job.id, spec=pb.JobSpec(num_tasks=2))

    def started(wanted: pb.StepRequest) -> list[Step]:
        outcome = steps.request_step(room.cluster, [(job, wanted)], room.now)
        assert isinstance(outcome, list)
        return outcome

    (first,) = started(request)
    assert first.record.num_cpus == 4  # without --exact all of the job's CPUs
    assert isinstance(steps.request_step(room.cluster, [(job, request)], room.now), WaitingStep)
    overlap = pb.StepRequest(job_id=job.id, spec=pb.JobSpec(num_tasks=2), overlap=True)
    assert started(overlap)
    exits = [pb.TaskExit(task=0, status=0), pb.TaskExit(task=1, status=7 << 8)]
    room.cluster.step_done(job, first, "n1", exits, None, room.now, error="", oom=False)
    assert (first.record.state, first.record.exit_code) == (st.FAILED, 7 << 8)
    assert not job.waiting_steps  # it took the place of the first
    assert job.record.derived_exit_code == 7 << 8


def test_a_script_may_not_be_longer_than_the_site_says(tmp_path: Path) -> None:
    room = MachineRoom(tmp_path, extra="SchedulerParameters=max_script_size=20")
    with pytest.raises(RequestError) as caught:
        room.submit(script=b"#!/bin/sh\n" + b"#" * 11)
    assert caught.value.errno == Errno.PATHNAME_TOO_LONG
    assert room.submit(script=b"#!/bin/sh\n" + b"#" * 10).pending


def test_no_more_jobs_than_MaxJobCount_each_task_being_one(tmp_path: Path) -> None:
    room = MachineRoom(tmp_path, extra="MaxJobCount=10")
    room.submit(array="0-7", hold=True)
    room.submit()
    with pytest.raises(RequestError) as caught:
        room.submit(array="0-1")
    assert caught.value.errno == Errno.AGAIN
    room.submit()
    room.schedule()
    with pytest.raises(RequestError):
        room.submit()


def test_a_host_named_twice_is_one_node(room: MachineRoom) -> None:
    job = room.submit(req_nodes="n2,n1,n2", min_nodes=2, max_nodes=2)
    room.schedule()
    assert job.running and job.record.node_list == "n[1-2]"


def test_what_keeps_an_allocation_from_starting_is_told(room: MachineRoom) -> None:
    assert room.cluster.hindrance(room.submit()) is None
    assert room.cluster.hindrance(room.submit(num_tasks=999)) == Errno.REQUESTED_PART_CONFIG_UNAVAILABLE
    waiting = room.submit()
    room.cluster.partitions["debug"].state = st.PARTITION_DOWN
    assert room.cluster.hindrance(waiting) == Errno.PARTITION_DOWN


def test_a_step_killed_over_its_memory_was_killed_by_the_node(room: MachineRoom) -> None:
    job = room.submit()
    room.schedule()
    step = job.steps[st.BATCH_STEP]
    room.cluster.step_done(
        job, step, "n1", [pb.TaskExit(task=0, status=9)], None, room.now, error="", oom=False, over_memory=True
    )
    assert step.record.HasField("killed_by") and step.record.killed_by == 0


job_shapes = some.fixed_dictionaries(
    {},
    optional={
        "num_tasks": some.integers(1, 20),
        "cpus_per_task": some.integers(1, 8),
        "min_nodes": some.integers(1, 4),
        "gres": some.sampled_from(["gpu:1", "gpu:tesla:2"]),
        "mem_per_cpu": some.integers(1, 900),
        "exclusive": some.sampled_from(["", "exclusive", "user"]),
        "time_limit": some.integers(1, 30),
        "array": some.sampled_from(["", "0-4", "1-9:2%2"]),
        "licenses": some.sampled_from(["", "matlab:1"]),
    },
)
events = some.lists(some.tuples(some.sampled_from("sssfcqrt"), job_shapes, some.integers(0, 1 << 16)), max_size=40)


@settings(max_examples=150, deadline=None)
@given(events)
def test_nothing_is_given_twice_whatever_happens(tmp_path_factory: pytest.TempPathFactory, history: list) -> None:
    room = MachineRoom(tmp_path_factory.mktemp("room"))
    seen: set[int] = set()
    for kind, shape, choice in history:
        live = [j for j in room.cluster.jobs.values() if not j.finished]
        job = live[choice % len(live)] if live else None
        if kind == "s":
            try:
                new = room.submit(who=ALICE if choice % 2 else BOB, **shape)
            except RequestError:
                continue
            assert new.id not in seen
        elif job is None:
            continue
        elif kind == "f" and job.running:
            room.finish(job, (choice % 3) << 8)
        elif kind == "c":
            room.cluster.end_job(job, st.CANCELLED, room.now, killed_by=0)
            if choice % 2:
                room.clean(job)
        elif kind == "q" and job.running:
            room.cluster.requeue(job, room.now)
        elif kind == "r":
            for completing in [j for j in room.cluster.jobs.values() if j.record.completing_nodes]:
                room.clean(completing)
        elif kind == "t":
            room.now += choice % 600
            room.cluster.tick(room.now)
        seen |= set(room.cluster.jobs)
        room.schedule()
        room.check()
        used = sum(1 for j in room.cluster.jobs.values() if j.running and j.record.spec.licenses)
        assert used <= 2
    assert ROOT.is_root()


def _het(room: MachineRoom, *specs: dict[str, object]) -> list[Job]:
    """Submit a heterogeneous job: its components."""
    made = []
    for fields in specs:
        spec = pb.JobSpec(batch=True, name="het", work_dir="/tmp", script=b"#!/bin/sh\n")
        for name, value in fields.items():
            setattr(spec, name, value)
        made.append(spec)
    return room.cluster.components(room.cluster.submit(made, ALICE, room.now))


def test_components_start_together_or_not_at_all(room: MachineRoom) -> None:
    blocker = room.submit(req_nodes="n2", exclusive="exclusive", time_limit=10)
    room.schedule()
    first, second = _het(room, {"num_tasks": 1}, {"req_nodes": "n2", "exclusive": "exclusive", "time_limit": 5})
    room.schedule()
    assert first.pending and second.pending
    assert (second.record.reason, second.record.start_time) == ("Resources", blocker.record.end_time)
    room.finish(blocker)
    room.schedule()
    assert first.running and second.running
    assert [set(job.steps) for job in (first, second)] == [{st.BATCH_STEP}, set()]
    room.check()


def test_components_take_different_nodes_where_there_are_enough(room: MachineRoom) -> None:
    jobs = _het(room, {"num_tasks": 1}, {"num_tasks": 1})
    room.schedule()
    assert sorted(job.record.node_list for job in jobs) == ["n1", "n2"]


def test_components_share_a_node_where_there_is_no_other(room: MachineRoom) -> None:
    jobs = _het(room, {"num_tasks": 1, "req_nodes": "n1"}, {"num_tasks": 2, "req_nodes": "n1"})
    too_many = _het(room, *({"num_tasks": 3, "req_nodes": "n1"} for _ in range(9)))
    room.schedule()
    assert [job.record.node_list for job in jobs] == ["n1", "n1"]
    assert all(job.pending for job in too_many)
    room.check()


def test_nobody_takes_what_a_component_waits_for(room: MachineRoom) -> None:
    blocker = room.submit(req_nodes="n2", exclusive="exclusive", time_limit=10)
    room.schedule()
    _het(room, {"req_nodes": "n1", "exclusive": "exclusive"}, {"req_nodes": "n2", "exclusive": "exclusive"})
    late = room.submit(req_nodes="n1", time_limit=60)
    early = room.submit(req_nodes="n1", time_limit=5)
    room.schedule()
    assert (late.pending, early.running) == (True, True)
    assert blocker.running


def test_components_end_with_the_first(room: MachineRoom) -> None:
    first, second = _het(room, {"num_tasks": 1}, {"num_tasks": 1})
    room.schedule()
    room.finish(first, status=3 << 8)
    room.clean(second)
    assert [job.record.state for job in (first, second)] == [st.FAILED, st.FAILED]
    assert second.record.exit_code == 3 << 8
    room.check()


def test_components_are_requeued_together(room: MachineRoom) -> None:
    jobs = _het(room, {"num_tasks": 1}, {"num_tasks": 1})
    room.schedule()
    room.cluster.requeue(jobs[0], room.now)
    for job in jobs:
        room.clean(job)
    assert all(job.pending and job.record.restarts == 1 for job in jobs)


def test_nodes_asked_for_by_name_that_are_busy_are_waited_for(room: MachineRoom) -> None:
    room.submit(req_nodes="n1", exclusive="exclusive", time_limit=10)
    room.schedule()
    job = room.submit(req_nodes="n1,n2", min_nodes=2, exclusive="exclusive", time_limit=5)
    room.schedule()
    assert (job.record.reason, job.record.start_time) == ("Resources", room.job(1).record.end_time)
    room.cluster.nodes["n2"].record.state = st.NODE_DOWN
    room.cluster.touch_node(room.cluster.nodes["n2"])
    room.schedule()
    assert job.record.reason == "ReqNodeNotAvail"


def test_a_start_beyond_the_backfill_window_keeps_no_nodes(tmp_path: Path) -> None:
    room = MachineRoom(tmp_path, extra="SchedulerParameters=bf_window=10")
    room.submit(req_nodes="n1", exclusive="exclusive", time_limit=25)
    room.schedule()
    whole = room.submit(min_nodes=2, req_nodes="n1,n2", exclusive="exclusive", time_limit=5)
    behind = room.submit(req_nodes="n2", time_limit=28)
    room.schedule()
    assert behind.running and whole.pending


def test_a_step_over_components_has_one_id_and_ranks_that_run_on(room: MachineRoom) -> None:
    jobs = _het(room, {"num_tasks": 1}, {"num_tasks": 2})
    room.schedule()
    requests = [
        pb.StepRequest(job_id=job.id, spec=pb.JobSpec(num_tasks=n)) for job, n in zip(jobs, (1, 2), strict=True)
    ]
    both = steps.request_step(room.cluster, list(zip(jobs, requests, strict=True)), room.now)
    assert isinstance(both, list) and [step.record.step_id for step in both] == [0, 0]
    launches = [
        steps.launch_of(room.cluster, job, step, job.record.node_list) for job, step in zip(jobs, both, strict=True)
    ]
    assert [list(launch.task_ids) for launch in launches] == [[0], [1, 2]]
    assert [launch.node_index for launch in launches] == [0, 1]
    alone = steps.request_step(room.cluster, [(jobs[1], requests[1])], room.now)
    assert isinstance(alone, WaitingStep)
    again = steps.request_step(room.cluster, list(zip(jobs, requests, strict=True)), room.now)
    assert isinstance(again, WaitingStep) and jobs[0].waiting_steps == [again]
    exits = [pb.TaskExit(task=1, status=0), pb.TaskExit(task=2, status=0)]
    room.cluster.step_done(jobs[1], both[1], jobs[1].record.node_list, exits, None, room.now, error="", oom=False)
    assert sorted(jobs[1].steps) == [0, 1]  # the one that needs only this component went on, with the next id
    assert [step.ticket for step in jobs[0].waiting_steps] == [again.ticket]


def test_cores_within_a_node_are_dealt_out_or_packed(room: MachineRoom) -> None:
    jobs = [
        room.submit(num_tasks=2, **fields)
        for fields in ({}, {"cpus_per_task": 1}, {"distribution": "block:block"}, {"distribution": "*:cyclic"})
    ]
    room.schedule()
    assert [(job.record.node_list, job.record.nodes[0].cpu_ids) for job in jobs] == [
        ("n1", "0,4"), ("n1", "1-2"), ("n1", "5-6"), ("n1", "3,7"),
    ]  # fmt: skip
    room.check()


def test_tasks_are_spread_and_bounded_by_sockets_and_cores(room: MachineRoom) -> None:
    spread = room.submit(num_tasks=6, spread_job=True)
    by_socket = room.submit(num_tasks=4, ntasks_per_socket=1)
    by_core = room.submit(num_tasks=4, ntasks_per_core=1)
    room.schedule()
    assert [alloc.cpus for alloc in spread.record.nodes] == [2, 2, 1, 1]
    assert [len(job.record.nodes) for job in (by_socket, by_core)] == [2, 1]
    room.check()


def test_a_job_that_makes_do_with_less_time_fits_before_a_plan(room: MachineRoom) -> None:
    room.submit(req_nodes="n1", exclusive="exclusive", time_limit=10)
    room.schedule()
    room.submit(req_nodes="n1,n2", min_nodes=2, exclusive="exclusive", time_limit=5)
    unable = room.submit(req_nodes="n2", time_limit=25)
    able = room.submit(req_nodes="n2", time_limit=25, time_min=5)
    room.schedule()
    assert (unable.pending, able.running, able.record.time_limit) == (True, True, 10)


def test_of_more_nodes_than_may_be_used_the_first_are(room: MachineRoom) -> None:
    job = room.submit(req_nodes="n2,n1", min_nodes=1, max_nodes=1)
    room.schedule()
    assert job.record.node_list == "n2"


def test_of_a_range_of_node_counts_a_job_gets_what_is_free(room: MachineRoom) -> None:
    busy = room.submit(req_nodes="n4", exclusive="exclusive")
    room.schedule()
    many = room.submit(min_nodes=1, max_nodes=9)
    by_tasks = room.submit(min_nodes=1, max_nodes=9, num_tasks=2)
    fewest = room.submit(min_nodes=1, max_nodes=9, use_min_nodes=True)
    narrow = room.submit(min_nodes=1, max_nodes=9, partition="small")
    room.schedule()
    assert [job.record.num_nodes for job in (busy, many, by_tasks, fewest, narrow)] == [1, 3, 2, 1, 1]
    assert (many.record.num_tasks, by_tasks.record.num_tasks, many.record.max_nodes) == (3, 2, 9)
    tested = room.cluster.plan(pb.JobSpec(min_nodes=1, max_nodes=9, use_min_nodes=True, work_dir="/"), ALICE, room.now)
    assert tested.record.num_nodes == 3
    room.check()


def test_preferred_features_replace_others_where_nothing_waits_for_them(room: MachineRoom) -> None:
    at_once = room.submit(features="intel", prefer="amd", num_tasks=16)
    otherwise = room.submit(features="intel", prefer="amd")
    room.schedule()
    assert (at_once.record.node_list, otherwise.record.node_list) == ("n[3-4]", "n1")
    room.check()


def _step(room: MachineRoom, job: Job, *, exact: bool = False, overlap: bool = False, **fields: object) -> Step | None:
    """A step of a job; None where it has to wait."""
    request = pb.StepRequest(job_id=job.id, exact=exact, overlap=overlap)
    for name, value in fields.items():
        setattr(request.spec, name, value)
    made = steps.request_step(room.cluster, [(job, request)], room.now)
    return None if isinstance(made, WaitingStep) else made[0]


def test_a_step_for_one_node_takes_one_that_is_idle(room: MachineRoom) -> None:
    job = room.submit(num_tasks=4, min_nodes=2, max_nodes=2)  # three CPUs and one
    room.schedule()
    one: dict[str, object] = {"num_tasks": 1, "min_nodes": 1, "max_nodes": 1}
    taken = [_step(room, job, **one) for _ in range(3)]
    assert [step and step.record.node_list for step in taken] == ["n1", "n2", None]


def test_a_step_that_no_idle_node_is_large_enough_for_waits_for_one_that_is(room: MachineRoom) -> None:
    job = room.submit(num_tasks=4, min_nodes=2, max_nodes=2)
    room.schedule()
    first = _step(room, job, num_tasks=1, min_nodes=1, max_nodes=1)
    assert first is not None and first.record.node_list == "n1"
    assert _step(room, job, num_tasks=3, min_nodes=1, max_nodes=1) is None
    room.cluster.step_done(job, first, "n1", [pb.TaskExit(task=0, status=0)], None, room.now, error="", oom=False)
    assert [step.record.node_list for step in job.steps.values() if step.record.step_id == 1] == ["n1"]


def test_exact_steps_fill_nodes_that_have_cores_left(room: MachineRoom) -> None:
    job = room.submit(num_tasks=4, min_nodes=2, max_nodes=2)
    room.schedule()
    one: dict[str, object] = {"num_tasks": 1, "min_nodes": 1, "max_nodes": 1}
    taken = [_step(room, job, exact=True, **one) for _ in range(5)]
    assert [step and step.record.node_list for step in taken] == ["n1", "n2", "n1", "n1", None]


def test_steps_side_by_side_have_devices_of_their_own(room: MachineRoom) -> None:
    job = room.submit(num_tasks=8, gres="gpu:2", req_nodes="n3")
    room.schedule()

    def devices(step: Step | None) -> list[int] | None:
        return step and [index for alloc in step.record.nodes for gres in alloc.gres for index in gres.index]

    for option in ("gres", "gpus", "gpus_per_task", "gpus_per_node"):
        value = "gpu:1" if option == "gres" else "1"
        wanted: dict[str, object] = {"num_tasks": 1, option: value}
        seen = [_step(room, job, exact=True, **wanted) for _ in range(3)]
        assert [devices(step) for step in seen] == [[0], [1], None], option
        assert devices(_step(room, job, overlap=True, **wanted)) == [0]
        assert devices(_step(room, job, exact=True, num_tasks=1)) == [0, 1]  # it asks for none: it sees all
        for step in list(job.steps.values()):
            if step.record.step_id >= 0:
                room.cluster.step_done(job, step, "n3", [], None, room.now, error="", oom=False)
        for step in list(job.steps.values()):  # the third, which waited
            if step.record.step_id >= 0:
                room.cluster.step_done(job, step, "n3", [], None, room.now, error="", oom=False)
    with pytest.raises(RequestError) as caught:
        _step(room, job, num_tasks=1, gpus="3")
    assert caught.value.errno == Errno.INVALID_GRES


def test_gpus_of_a_step_are_spread_over_its_nodes(room: MachineRoom) -> None:
    job = room.submit(num_tasks=2, min_nodes=2, max_nodes=2, gres="gpu:2")
    room.schedule()
    step = _step(room, job, num_tasks=2, min_nodes=2, max_nodes=2, gpus="3")
    assert step is not None
    assert [[gres.count for gres in alloc.gres] for alloc in step.record.nodes] == [[2], [1]]


def test_a_step_asks_for_no_more_memory_than_its_job_has(room: MachineRoom) -> None:
    job = room.submit(num_tasks=2)
    room.schedule()
    with pytest.raises(RequestError) as caught:
        _step(room, job, num_tasks=1, mem_per_node=201)
    assert caught.value.errno == Errno.INVALID_TASK_MEMORY
    step = _step(room, job, num_tasks=1, mem_per_node=150)
    assert step is not None and step.record.memory == 150


def test_a_job_waits_neither_for_itself_nor_in_a_circle(room: MachineRoom) -> None:
    first = room.submit(hold=True)
    second = room.submit(dependency=f"afterok:{first.id}")
    third = room.submit(dependency=f"afterany:{second.id}")

    def change(value: str) -> pb.OpResult:
        request = pb.UpdateJob(id=str(first.id), values=[pb.KeyValue(key="dependency", value=value)])
        return updates.update_job(room.cluster, request, ALICE, room.now)[0]

    assert change(f"afterok:{first.id}").rc == Errno.DEPENDENCY
    assert change(f"afterok:{third.id}").rc == Errno.CIRCULAR_DEPENDENCY
    assert first.dependency is None and first.record.dependency == ""
    other = room.submit(hold=True)
    assert change(f"afterok:{other.id}").rc == 0


def test_a_dependency_that_holds_already_is_none(room: MachineRoom) -> None:
    job = room.submit(name="alone", dependency="singleton")
    assert (job.record.dependency, job.record.reason) == ("", "None")
    again = room.submit(name="alone", dependency="singleton")
    assert (again.record.dependency, again.record.reason) == ("singleton(unfulfilled)", "Dependency")


def test_each_task_waits_for_its_corresponding_one(room: MachineRoom) -> None:
    first = room.submit(array="0-3")
    second = room.submit(array="0-4", dependency=f"aftercorr:{first.id}")
    room.schedule()
    tasks = {job.record.array_task_id: job for job in room.cluster.jobs.values() if job.record.array_job_id == first.id}
    assert len(tasks) == 4
    room.schedule()

    def states() -> dict[int, tuple[int, str]]:
        found = {}
        for number in room.cluster.arrays[second.id]:
            job = room.job(number)
            if job.record.HasField("array_task_id"):
                found[job.record.array_task_id] = (job.state, job.record.reason)
        return found

    assert states() == {4: (st.RUNNING, "None")}  # there is no task to wait for
    room.finish(tasks[2])
    room.finish(tasks[1], status=256)
    room.schedule()
    assert states() == {
        1: (st.PENDING, "DependencyNeverSatisfied"), 2: (st.RUNNING, "None"), 4: (st.RUNNING, "None")
    }  # fmt: skip
    room.finish(tasks[0])
    room.finish(tasks[3])
    room.schedule()
    assert {task for task, (state, _) in states().items() if state == st.RUNNING} == {0, 2, 3, 4}
    room.check()


def test_the_time_limit_of_a_step_can_be_changed(room: MachineRoom) -> None:
    job = room.submit(num_tasks=2, time_limit=20)
    room.schedule()
    step = _step(room, job, num_tasks=1)
    assert step is not None
    room.take()

    def change(step_id: str, value: str) -> pb.OpResult:
        request = pb.UpdateJob(id=step_id, values=[pb.KeyValue(key="steptimelimit", value=value)])
        return updates.update_job(room.cluster, request, ALICE, room.now)[0]

    assert change(f"{job.id}.0", "5").rc == 0 and step.record.time_limit == 5
    _, effects = room.take()
    (sent,) = [effect for effect in effects if isinstance(effect, SendNode)]
    assert (sent.message.update_limit.step_id, sent.message.update_limit.deadline) == (0, room.now + 300)
    assert change(str(job.id), "UNLIMITED").rc == 0
    (sent,) = [effect for effect in room.take()[1] if isinstance(effect, SendNode)]
    assert sent.message.update_limit.deadline == job.record.end_time
    assert change(f"{job.id}.7", "5").rc == Errno.INVALID_JOB_ID
    assert change(f"{job.id}.0", "soon").rc == Errno.INVALID_TIME_LIMIT


def test_exit_codes_that_make_a_script_run_again(tmp_path: Path) -> None:
    room = MachineRoom(tmp_path, extra="RequeueExit=3,10-12\nRequeueExitHold=99")
    again, held, failed, killed = (room.submit() for _ in range(4))
    room.schedule()
    for job, status in ((again, 11 << 8), (held, 99 << 8), (failed, 4 << 8), (killed, 9)):
        room.finish(job, status)
    assert (again.state, again.record.reason, again.record.restarts) == (st.PENDING, "BeginTime", 1)
    assert (held.state, held.record.reason) == (st.PENDING | st.SPECIAL_EXIT, "JobHeldUser")
    assert held.record.reason_text == "job requeued in special exit state"
    assert (failed.state, killed.state) == (st.FAILED, st.FAILED)
    room.schedule()
    assert held.record.reason == "JobHeldUser"
    (done,) = updates.job_op(room.cluster, pb.JobOp(op="release", ids=[str(held.id)]), ALICE, room.now)
    assert done.rc == 0 and held.state == st.PENDING
    room.now += 200
    room.schedule()
    assert again.running and held.running
    room.check()


def test_requeued_by_hand_in_special_exit_state(room: MachineRoom) -> None:
    running, over = room.submit(), room.submit()
    room.schedule()
    room.finish(over)
    ids = [str(running.id), str(over.id)]
    updates.job_op(room.cluster, pb.JobOp(op="requeuehold", ids=ids, state="SpecialExit"), ALICE, room.now)
    room.clean(running)
    assert {running.state, over.state} == {st.PENDING | st.SPECIAL_EXIT}
    assert st.job_state_compact(over.state) == "SE"


def test_tasks_with_records_of_their_own_are_throttled_as_the_others(room: MachineRoom) -> None:
    array = room.submit(array="0-5%2")
    changed = pb.UpdateJob(id=f"{array.id}_5", values=[pb.KeyValue(key="nice", value="-0")])
    updates.update_job(room.cluster, changed, ALICE, room.now)
    room.schedule()
    tasks = [job for job in room.cluster.jobs.values() if job.record.HasField("array_task_id")]
    assert sum(job.running for job in tasks) == 2 and len(tasks) == 3
    (alone,) = (job for job in tasks if job.pending)
    assert (alone.record.array_task_id, alone.record.reason) == (5, "JobArrayTaskLimit")
    more = pb.UpdateJob(id=str(array.id), values=[pb.KeyValue(key="arraytaskthrottle", value="3")])
    assert [result.rc for result in updates.update_job(room.cluster, more, ALICE, room.now)] == [0]
    assert alone.record.array_max_tasks == 3
    room.schedule()
    assert sum(job.running for job in room.cluster.jobs.values()) == 3
    room.check()


def test_lives_of_a_job_within_a_second_are_told_apart(room: MachineRoom) -> None:
    job = room.submit()
    before = job.record.submit_time
    room.schedule()
    updates.job_op(room.cluster, pb.JobOp(op="requeue", ids=[str(job.id)]), ALICE, room.now)
    room.clean(job)
    assert job.pending and int(job.record.submit_time) > int(before)


step_moves = some.lists(
    some.tuples(some.booleans(), some.integers(1, 5), some.integers(0, 2), some.booleans(), some.integers(0, 2)),
    min_size=1,
    max_size=14,
)


@settings(max_examples=150, deadline=None)
@given(step_moves)
def test_steps_share_nothing_that_is_their_own(tmp_path_factory: pytest.TempPathFactory, moves: list) -> None:
    """Of cores and of devices asked for each belongs to one step; who waits is let in once there is room."""
    room = MachineRoom(tmp_path_factory.mktemp("room"))
    job = room.submit(num_tasks=10, min_nodes=2, max_nodes=2, gres="gpu:2")
    room.schedule()
    whole = {alloc.node: room.cluster.nodes[alloc.node].mask_of(alloc) for alloc in job.record.nodes}

    def at_work() -> list[Step]:
        return [step for step in job.steps.values() if step.waiting and step.record.step_id >= 0]

    def end(step: Step) -> None:
        for name in sorted(step.waiting):
            room.cluster.step_done(job, step, name, [], None, room.now, error="", oom=False)

    for ending, tasks, nodes, exact, gpus in moves:
        if ending and at_work():
            end(at_work()[tasks % len(at_work())])
        fields: dict[str, object] = {"num_tasks": max(tasks, nodes)}
        if nodes:
            fields |= {"min_nodes": nodes, "max_nodes": nodes}
        if gpus:
            fields["gres"] = f"gpu:{gpus}"
        with contextlib.suppress(RequestError):
            _step(room, job, exact=exact, **fields)
        for name, mask in whole.items():
            cores, devices = 0, set()
            for step in at_work():
                own = step.core_masks.get(name, 0)
                assert not own & cores and not own & ~mask
                cores |= own
                if step.request.spec.gres:
                    indices = {i for a in step.record.nodes if a.node == name for g in a.gres for i in g.index}
                    assert not indices & devices
                    devices |= indices
    while at_work():
        end(at_work()[0])
    assert not job.waiting_steps
