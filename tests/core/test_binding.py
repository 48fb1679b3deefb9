"""Tasks' CPUs: what Slurm 22.05 bound on a node of two sockets with four cores of two threads, and what must hold."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as some

from crane_compat.core.binding import Cpus, Share, plan, whole_job
from crane_compat.parsers.binding import Binding, BindingError, parse_cpu_binding

NODE = Cpus(sockets=2, cores=4, threads=2, numbers=tuple(range(16)))
ALL = 0xFF


def bound(binding: str, cores: int, tasks: int, **more: int) -> str:
    """The list of masks, as SLURM_CPU_BIND_LIST tells it."""
    return plan(NODE, Share(cores, tasks, **more), parse_cpu_binding(binding)).binding.list  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("binding", "cores", "tasks", "more", "expected"),
    [
        # nothing asked for: what the step has suggests the unit
        ("q", 0b10001, 4, {}, "0x0001,0x0100,0x0002,0x0200"),
        ("q", 0b11, 2, {"cpus_per_task": 2}, "0x0003,0x000C"),
        ("q", 0b11, 4, {"block": 1}, "0x0001,0x0002,0x0004,0x0008"),
        ("q", 0b1, 1, {}, "0x0003"),
        ("q", 0b10001, 3, {}, "0x0303"),
        ("q", ALL, 2, {}, "0x00FF,0xFF00"),
        ("q", ALL, 8, {}, "0x0003,0x0300,0x000C,0x0C00,0x0030,0x3000,0x00C0,0xC000"),
        ("q", ALL, 8, {"block": 1}, "0x0003,0x000C,0x0030,0x00C0,0x0300,0x0C00,0x3000,0xC000"),
        ("q", ALL, 3, {}, "0xFFFF"),
        ("q", ALL, 1, {"cpus_per_task": 16}, "0xFFFF"),
        ("q", ALL, 4, {"cpus_per_task": 4}, "0x000F,0x0F00,0x00F0,0xF000"),
        # a unit
        ("threads", 0b10001, 4, {}, "0x0001,0x0100,0x0002,0x0200"),
        ("threads", ALL, 5, {}, "0x0001,0x0100,0x0002,0x0200,0x0004"),
        ("threads", ALL, 4, {"cpus_per_task": 2, "block": 1}, "0x0003,0x000C,0x0030,0x00C0"),
        ("threads", ALL, 4, {"cpus_per_task": 2}, "0x0003,0x0300,0x000C,0x0C00"),
        ("threads", ALL, 4, {"cpus_per_task": 2, "scattered": 1}, "0x0101,0x0202,0x0404,0x0808"),
        ("threads", ALL, 4, {"threads_per_core": 1}, "0x0001,0x0100,0x0004,0x0400"),
        ("threads", ALL, 4, {"block": 1, "tasks_per_socket": 2}, "0x0001,0x0002,0x0100,0x0200"),
        ("threads", ALL, 4, {"tasks_per_socket": 2}, "0x0001,0x0100,0x0002,0x0200"),
        ("cores", 0b110011, 4, {"tasks_per_core": 1}, "0x0003,0x0300,0x000C,0x0C00"),
        ("cores", 0b10001, 4, {}, "0x0003,0x0300,0x0300,0x0003"),
        ("cores", ALL, 4, {}, "0x0003,0x0300,0x000C,0x0C00"),
        ("cores", ALL, 4, {"block": 1}, "0x0003,0x000C,0x0030,0x00C0"),
        ("cores", ALL, 4, {"cpus_per_task": 2}, "0x0003,0x0300,0x000C,0x0C00"),
        ("cores", ALL, 4, {"cpus_per_task": 3}, "0x000F,0x0F00,0x00F0,0xF000"),
        ("cores", ALL, 4, {"tasks_per_core": 2}, "0x0003,0x0300,0x000C,0x0C00"),
        ("sockets", ALL, 2, {}, "0x00FF,0xFF00"),
        ("sockets", ALL, 3, {"block": 1}, "0x00FF,0x00FF,0x00FF"),
        ("ldoms", ALL, 4, {}, "0xFFFF,0xFFFF,0xFFFF,0xFFFF"),
        ("none", 0b1, 2, {}, "0x0003"),  # part of a node: the tasks are kept to it
    ],
)
def test_what_slurm_bound(binding: str, cores: int, tasks: int, more: dict[str, int], expected: str) -> None:
    assert bound(binding, cores, tasks, **more) == expected


def test_more_tasks_than_cpus_share_all_of_them() -> None:
    made = plan(NODE, Share(0b1, 3), parse_cpu_binding("v,cores"))
    assert (made.binding.type, made.binding.list) == ("cores,mask_cpu:", "0x0003")
    assert made.line("n1", 12, 2, 77) == "cpu-bind-cores=MASK - n1, task 12  2 [77]: mask 0x3 set"


def test_lists_are_used_from_the_start_again() -> None:
    made = plan(NODE, Share(ALL, 3), parse_cpu_binding("map_cpu:5,0"))
    assert [made.cpus_of(task) for task in range(3)] == [1 << 5, 1, 1 << 5]
    assert made.line("n1", 0, 0, 7) == "cpu-bind=MAP  - n1, task  0  0 [7]: mask 0x20 set"
    masks = plan(NODE, Share(ALL, 2), parse_cpu_binding("mask_cpu:0xf0,3"))
    assert (masks.binding.type, masks.binding.list, masks.sets) == ("mask_cpu:", "f0,3", (0xF0, 3))


def test_none_and_rank_of_a_whole_node() -> None:
    none = plan(NODE, Share(ALL, 2), Binding(mode="none"))
    assert (none.cpus_of(1), none.line("n1", 1, 1, 9)) == (None, "cpu-bind=NONE - n1, task  1  1 [9]: mask 0x0")
    rank = plan(NODE, Share(ALL, 2), Binding(mode="rank"))
    assert (rank.cpus_of(1), rank.cpus_of(17)) == (2, 2)


@pytest.mark.parametrize(
    ("binding", "complaint"),
    [
        ("map_cpu:2", "CPU binding outside of job step allocation, allocated CPUs are: 0x0003."),
        ("map_cpu:0*9,999999999", "CPU binding outside of job step allocation, allocated CPUs are: 0x0003."),
        ("mask_cpu:0x7", "CPU binding outside of job step allocation, allocated CPUs are: 0x0003."),
        ("v,rank_ldom", "Entire node must be allocated for verbose,rank_ldom"),
    ],
)
def test_what_a_step_has_not_got(binding: str, complaint: str) -> None:
    with pytest.raises(BindingError) as caught:
        plan(NODE, Share(0b1, 1), parse_cpu_binding(binding))
    assert str(caught.value) == complaint


def test_numa_nodes() -> None:
    node = Cpus(2, 2, 1, (0, 2, 1, 3), domains=(0b0101, 0b1010))  # the machine counts cores across its sockets
    assert plan(node, Share(0b1111, 2), parse_cpu_binding("rank_ldom")).sets == (0b0101, 0b1010)
    assert plan(node, Share(0b1111, 2), parse_cpu_binding("map_ldom:1,0")).sets == (0b1010, 0b0101)
    assert plan(node, Share(0b1111, 1), parse_cpu_binding("mask_ldom:0x3")).sets == (0b1111,)
    assert plan(node, Share(0b0111, 2), parse_cpu_binding("ldoms")).sets == (0b0101, 0b0010)
    with pytest.raises(BindingError):
        plan(node, Share(0b1111, 1), parse_cpu_binding("map_ldom:2"))


def test_the_batch_script_has_what_the_job_has() -> None:
    assert whole_job(NODE, 0b10001).binding.list == "0x0303"


SHAPES = some.tuples(some.integers(1, 3), some.integers(1, 4), some.sampled_from([1, 2, 4]))


@given(
    shape=SHAPES,
    data=some.data(),
    unit=some.sampled_from(["threads", "cores", "sockets"]),
    cpus_per_task=some.integers(1, 4),
    tasks=some.integers(1, 12),
    block=some.booleans(),
    scattered=some.booleans(),
)
def test_tasks_stay_inside_and_apart(
    shape: tuple[int, int, int],
    data: some.DataObject,
    unit: str,
    cpus_per_task: int,
    tasks: int,
    block: bool,
    scattered: bool,
) -> None:
    sockets, cores, threads = shape
    numbers = data.draw(some.permutations(range(sockets * cores * threads)))
    node = Cpus(sockets, cores, threads, tuple(numbers))
    held = data.draw(some.integers(1, (1 << sockets * cores) - 1))
    share = Share(held, tasks, cpus_per_task, block=block, scattered=scattered and not block)
    made = plan(node, share, Binding(unit=unit))
    allowed = node.on_machine(node.of_cores(held))
    sets = [made.cpus_of(task) or 0 for task in range(tasks)]
    assert all(each and not each & ~allowed for each in sets)
    if tasks * cpus_per_task <= held.bit_count() * threads:
        assert all(each.bit_count() >= cpus_per_task for each in sets)
        enough = tasks * -(-cpus_per_task // threads) <= held.bit_count()
        if unit == "threads" or (unit == "cores" and enough and not share.scattered):
            assert sum(each.bit_count() for each in sets) == _bits(sets)  # no CPU is of two tasks


def _bits(sets: list[int]) -> int:
    united = 0
    for each in sets:
        united |= each
    return united.bit_count()


@given(shape=SHAPES, data=some.data())
def test_block_fills_sockets_and_cyclic_goes_round_them(shape: tuple[int, int, int], data: some.DataObject) -> None:
    """Said again from srun(1): consecutive tasks share a socket, or are on the next one."""
    sockets, cores, threads = shape
    node = Cpus(sockets, cores, threads, tuple(range(sockets * cores * threads)))
    tasks = data.draw(some.integers(1, sockets * cores * threads))
    assume(tasks > 1)

    def socket_of(mask: int) -> int:
        assert mask.bit_count() == 1
        return (mask.bit_length() - 1) // (cores * threads)

    every = (1 << sockets * cores) - 1
    block = plan(node, Share(every, tasks, block=True), Binding(unit="threads")).sets
    cyclic = plan(node, Share(every, tasks), Binding(unit="threads")).sets
    assert [socket_of(mask) for mask in block] == [task // (cores * threads) for task in range(tasks)]
    assert [socket_of(mask) for mask in cyclic] == [task % sockets for task in range(tasks)]
