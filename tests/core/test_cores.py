"""Which cores jobs get: what Slurm gave on a node of two sockets with four cores of two threads, and what must hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from crane_compat.core import steps
from crane_compat.core.cores import CoreOrder, pick_cores
from crane_compat.parsers.options import parse
from crane_compat.wire import pb
from tests.core.machine_room import MachineRoom

SHAPE = "Boards=1 SocketsPerBoard=2 CoresPerSocket=4"
PARTITION = "PartitionName=debug Nodes=n1 Default=YES State=UP"


def room_of(where: Path, cpus: str, extra: str = "") -> MachineRoom:
    node = f"NodeName=n1 {cpus} {SHAPE} RealMemory=16000"
    return MachineRoom(where, nodes=node, partitions=PARTITION, extra=extra)


def cpu_ids(room: MachineRoom, options: str) -> str:
    """What `scontrol -d show job` tells of the job; it goes on running."""
    spec = parse("sbatch", [*options.split(), "--wrap=true"], {}).specs[0]
    job = room.submit(**{field.name: value for field, value in spec.ListFields() if field.name != "std_in"})
    room.schedule()
    return job.record.nodes[0].cpu_ids if job.running else job.record.reason


#: recorded of Slurm 22.05 on CPUs=16 ThreadsPerCore=2
GIVEN = {
    "-n1": "0-1", "-n2": "0-1", "-n3": "0-1,8-9", "-n5": "0-3,8-9", "-n9": "0-5,8-11",
    "-n2 -c2": "0-3", "-n2 -c1": "0-1", "-n2 -c3": "0-5", "-n3 -c3": "0-5,8-11", "-n2 -c4": "0-7",
    "-n2 -c5": "0-5,8-11", "-n2 --ntasks-per-core=1": "0-1,8-9", "-n3 --ntasks-per-core=1": "0-3,8-9",
    "-n2 -c3 --ntasks-per-core=1": "0-7", "-n2 --hint=nomultithread": "0-1,8-9",
    "-n2 --threads-per-core=1": "0-1,8-9", "-n4 --threads-per-core=1": "0-3,8-11",
    "-n2 -c2 --threads-per-core=1": "0-7", "-n2 -c3 --hint=nomultithread": "0-5,8-13",
    "-n4 -m block:block": "0-3", "-n5 -m block:block": "0-5", "-n4 -m block:cyclic": "0-1,8-9",
    "-n4 -m block:fcyclic": "0-1,8-9", "-n2 -c4 -m block:fcyclic": "0-7", "-n2 -c4 -m block:block": "0-7",
    "-n4 --ntasks-per-socket=2": "0-1,8-9", "-n2 --ntasks-per-socket=2": "8-9", "--ntasks-per-node=3": "0-1,8-9",
    "--ntasks-per-node=3 -c2": "0-5", "-n4 -m plane=2": "0-3", "-n6 --hint=compute_bound": "0-5,8-13",
    "-n2 --hint=memory_bound": "0-1,8-9", "-n2 --hint=multithread": "0-1", "-n3 -c2 --hint=multithread": "0-5",
    "--exclusive -n1": "0-15", "-n3 -O": "0-1",
}  # fmt: skip


@pytest.mark.parametrize(("options", "expected"), GIVEN.items())
def test_what_slurm_gave(tmp_path: Path, options: str, expected: str) -> None:
    assert cpu_ids(room_of(tmp_path, "CPUs=16 ThreadsPerCore=2"), options) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("-n2 -m block:block", "4-5"), ("-n4 -m block:block", "4-7"), ("-n6 -m block:block", "8-13"),
        ("-n1 -c4", "4-7"), ("-n2 -c4", "4-11"), ("-n4", "4-5,8-9"), ("-n1 -c6", "8-13"), ("-n3 -c2", "4-9"),
        ("-n4 --ntasks-per-socket=2", "4-5,8-9"),
    ],
)  # fmt: skip
def test_what_slurm_gave_of_the_rest(tmp_path: Path, options: str, expected: str) -> None:
    room = room_of(tmp_path, "CPUs=16 ThreadsPerCore=2")
    assert (cpu_ids(room, "-n2"), cpu_ids(room, "-n1 -c2")) == ("0-1", "2-3")
    assert cpu_ids(room, options) == expected


@pytest.mark.parametrize(
    ("select", "options", "expected"),
    [
        ("CR_Core,CR_CORE_DEFAULT_DIST_BLOCK", "-n4", "0-3"), ("CR_Core,CR_CORE_DEFAULT_DIST_BLOCK", "-n5", "0-5"),
        ("CR_Core,CR_CORE_DEFAULT_DIST_BLOCK", "-n3 -m block:cyclic", "0-1,8-9"),
        ("CR_Core,CR_CORE_DEFAULT_DIST_BLOCK", "-n4 -m cyclic", "0-3"),
        ("CR_CPU", "-n4", "0-3"), ("CR_CPU", "-n3 -m block:cyclic", "0-3"),
        ("CR_CPU", "-n4 --ntasks-per-core=1", "0-7"), ("CR_CPU", "-n4 --ntasks-per-socket=2", "0-1,8-9"),
        ("CR_Core,CR_ONE_TASK_PER_CORE", "-n4", "0-3,8-11"), ("CR_Core,CR_ONE_TASK_PER_CORE", "-n4 -c2", "0-7"),
        ("CR_Core,CR_ONE_TASK_PER_CORE", "-n2 -c3 -m block:fcyclic", "0-7"),
        ("CR_Core,CR_ONE_TASK_PER_CORE", "-n4 --ntasks-per-core=2", "0-1,8-9"),
    ],
)  # fmt: skip
def test_what_the_site_says(tmp_path: Path, select: str, options: str, expected: str) -> None:
    room = room_of(tmp_path, "CPUs=16 ThreadsPerCore=2", f"SelectTypeParameters={select}")
    assert cpu_ids(room, options) == expected


def test_cores_that_count_as_one_cpu(tmp_path: Path) -> None:
    room = room_of(tmp_path, "CPUs=8 ThreadsPerCore=2")
    assert cpu_ids(room, "-n5") == "0-2,4-5"
    assert room.cluster.nodes["n1"].record.effective_cpus == 8


@given(
    sockets=some.integers(1, 4),
    width=some.integers(1, 6),
    cpus_per_core=some.sampled_from([1, 2]),
    order=some.builds(CoreOrder, some.booleans(), some.integers(0, 5), some.integers(0, 3)),
    data=some.data(),
)
def test_as_many_as_wanted_of_those_free(
    sockets: int, width: int, cpus_per_core: int, order: CoreOrder, data: some.DataObject
) -> None:
    free = data.draw(some.integers(0, (1 << sockets * width) - 1))
    count = data.draw(some.integers(0, free.bit_count()))
    mask = pick_cores(free, sockets, width, cpus_per_core, count, order)
    assert mask.bit_count() == count and not mask & ~free


@given(
    wishes=some.lists(
        some.tuples(some.integers(1, 4), some.integers(1, 3), some.sampled_from(["", "block:block", "block:cyclic"])),
        max_size=6,
    )
)
def test_steps_at_the_same_time_share_no_core(
    tmp_path_factory: pytest.TempPathFactory, wishes: list[tuple[int, int, str]]
) -> None:
    room = room_of(tmp_path_factory.mktemp("room"), "CPUs=16 ThreadsPerCore=2")
    job = room.submit(num_tasks=12, cpus_per_task=1)
    room.schedule()
    held = room.cluster.nodes["n1"].mask_of(job.record.nodes[0])
    taken = 0
    for tasks, cpus_per_task, distribution in wishes:
        spec = pb.JobSpec(num_tasks=tasks, cpus_per_task=cpus_per_task, distribution=distribution)
        started = steps.request_step(room.cluster, [(job, pb.StepRequest(job_id=job.id, spec=spec))], room.now)
        if isinstance(started, list):
            mask = room.cluster.nodes["n1"].mask_of(started[0].record.nodes[0])
            assert mask.bit_count() * 2 >= tasks * cpus_per_task
            assert not mask & ~held and not mask & taken
            taken |= mask
        else:  # there are not enough
            assert (held & ~taken).bit_count() * 2 < tasks * cpus_per_task
