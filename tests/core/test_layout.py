"""Tasks over nodes against srun(1)'s definitions said a second time, and against Slurm's recorded answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from crane_compat.core.errors import Errno, RequestError
from crane_compat.core.layout import arbitrary_layout, cores_for_tasks, fills_sockets, room_for_tasks, task_layout

ROOM = some.lists(some.integers(1, 9), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("tasks", "room", "distribution", "expected"),
    [
        (4, [3, 1], "", [[0, 1, 2], [3]]),
        (2, [3, 1], "", [[0], [1]]),
        (6, [5, 1], "cyclic", [[0, 2, 3, 4, 5], [1]]),
        (7, [5, 1, 1], "plane=2", [[0, 1, 4, 5, 6], [2], [3]]),
        (8, [5, 1, 1, 1], "cyclic:block", [[0, 4, 5, 6, 7], [1], [2], [3]]),
        (5, [4, 4], "plane=2", [[0, 1, 4], [2, 3]]),
        (6, [2, 2], "block", [[0, 1, 2], [3, 4, 5]]),
        (6, [8, 8], "block", [[0, 1, 2], [3, 4, 5]]),  # evenly, as round robin would
        (6, [8, 8], "block,Pack", [[0, 1, 2, 3, 4], [5]]),
        (4, [2, 2, 2], "", [[0, 1], [2], [3]]),  # the example of srun(1)
        (1, [2, 2], "block", [[0], []]),
    ],
)
def test_task_layout(tasks: int, room: list[int], distribution: str, expected: list[list[int]]) -> None:
    assert task_layout(tasks, room, distribution) == expected


def test_whether_nodes_are_packed_is_the_sites_choice_unless_the_user_says() -> None:
    assert task_layout(6, [8, 8], "block", pack=True) == [[0, 1, 2, 3, 4], [5]]
    assert task_layout(6, [8, 8], "block,nopack", pack=True) == [[0, 1, 2], [3, 4, 5]]


def _dealt(tasks: int, room: list[int], most: int) -> list[int]:
    """The node of each task, dealt one card at a time."""
    nodes = len(room)
    free = list(room)
    result: list[int] = []
    node, given_here = 0, 0
    while len(result) < tasks:
        if not any(free) and node == 0 and given_here == 0:
            return result + _dealt(tasks - len(result), [most] * nodes, most)
        if free[node] and given_here < most:
            free[node] -= 1
            given_here += 1
            result.append(node)
        else:
            node, given_here = (node + 1) % nodes, 0
    return result


@given(some.integers(1, 60), ROOM, some.integers(1, 5))
def test_plane_and_cyclic_deal_tasks_like_cards(tasks: int, room: list[int], size: int) -> None:
    for kind, most in ((f"plane={size}", size), ("cyclic", 1)):
        dealt = _dealt(tasks, room, most)
        assert task_layout(tasks, room, kind) == [
            [rank for rank, node in enumerate(dealt) if node == each] for each in range(len(room))
        ]


@given(some.integers(1, 60), ROOM, some.sampled_from(["block", "block,pack", "block,nopack", "*:cyclic"]))
def test_block_keeps_ranks_together_and_within_the_room(tasks: int, room: list[int], kind: str) -> None:
    layout = task_layout(tasks, room, kind)
    if kind.startswith("block"):
        assert [rank for ranks in layout for rank in ranks] == list(range(tasks))
    if tasks <= sum(room):
        assert all(len(ranks) <= space for ranks, space in zip(layout, room, strict=True))
    if tasks >= len(room):
        assert all(layout)  # no node of the step is without a task
    counts = sorted(len(ranks) for ranks in layout)
    if "pack" in kind and "nopack" not in kind and tasks >= len(room) and tasks <= sum(room):
        partly = [
            index for index, (ranks, space) in enumerate(zip(layout, room, strict=True)) if 1 < len(ranks) < space
        ]
        assert len(partly) <= 1
    if kind == "block,nopack" and tasks <= min(room) * len(room):
        assert counts[-1] - counts[0] <= 1


@given(
    some.integers(1, 12),
    some.sampled_from([1, 2, 4]),
    some.integers(1, 5),
    some.integers(0, 3),
    some.integers(0, 4),
)
def test_the_cores_for_tasks_are_the_fewest_with_room(
    tasks: int, cpus_per_core: int, cpus_per_task: int, tasks_per_core: int, threads_per_core: int
) -> None:
    def room(cores: int) -> int:
        return room_for_tasks(
            cores * cpus_per_core,
            cpus_per_core,
            cpus_per_task,
            tasks_per_core=tasks_per_core,
            threads_per_core=threads_per_core,
        )

    cores = cores_for_tasks(
        tasks, cpus_per_core, cpus_per_task, tasks_per_core=tasks_per_core, threads_per_core=threads_per_core
    )
    assert room(cores) >= tasks > room(cores - 1)


def test_what_is_no_distribution_is_the_default() -> None:
    assert task_layout(3, [2, 2], "plane=0") == [[0, 1], [2]] and not fills_sockets("nonsense", False)


def test_arbitrary_layout_follows_the_list_of_hosts() -> None:
    assert arbitrary_layout(4, ["n1", "n2", "n3"], ["n3", "n1", "n3", "n2", "n1"]) == [[1], [3], [0, 2]]
    for tasks, hosts in ((2, ["n1"]), (1, ["n9"])):
        with pytest.raises(RequestError) as caught:
            arbitrary_layout(tasks, ["n1", "n2"], hosts)
        assert caught.value.errno == Errno.BAD_DIST
