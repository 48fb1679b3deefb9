"""Which node runs which task of a step (srun(1), --distribution).

Nodes have room for a number of tasks each; where all of it is taken (overcommitment), tasks go on round robin.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from crane_compat.core.errors import Errno, RequestError
from crane_compat.parsers.distribution import Distribution, parse_distribution
from crane_compat.wire import pb


def room_for_tasks(
    cpus: int,
    cpus_per_core: int,
    cpus_per_task: int = 1,
    *,
    tasks_per_core: int = 0,
    threads_per_core: int = 0,
    tasks_per_node: int = 0,
) -> int:
    """How many tasks `cpus` CPUs of whole cores can hold; limits of 0 are none."""
    cores = cpus // cpus_per_core
    usable = min(cpus_per_core, threads_per_core or cpus_per_core)
    each = max(1, cpus_per_task)
    room = cores // -(-each // usable) if tasks_per_core == 1 else cores * usable // each
    if tasks_per_core > 1:
        room = min(room, cores * tasks_per_core)
    return min(room, tasks_per_node) if tasks_per_node else room


def cores_for_tasks(
    tasks: int, cpus_per_core: int, cpus_per_task: int = 1, *, tasks_per_core: int = 0, threads_per_core: int = 0
) -> int:
    """The fewest cores with room for `tasks` tasks: what `room_for_tasks` counts, the other way round."""
    usable = min(cpus_per_core, threads_per_core or cpus_per_core)
    each = max(1, cpus_per_task)
    if tasks_per_core == 1:
        return tasks * -(-each // usable)
    cores = -(-tasks * each // usable)
    return max(cores, -(-tasks // tasks_per_core)) if tasks_per_core else cores


def distribution_of(text: str) -> Distribution:
    """A --distribution; what is none, which no command of ours would send, is the default."""
    with contextlib.suppress(ValueError):
        return parse_distribution(text)
    return Distribution()


def fills_sockets(distribution: str, default: bool) -> bool:
    """Does a distribution go on to the next socket only where one is full?  `default`: CR_CORE_DEFAULT_DIST_BLOCK."""
    how = distribution_of(distribution)
    if how.nodes == "plane":
        return True
    return how.sockets == "block" if how.sockets else default


def task_layout(tasks: int, room: Sequence[int], distribution: str = "", *, pack: bool = False) -> list[list[int]]:
    """Global ranks per node.

    block, the default where there are more tasks than nodes: consecutive ranks share a node, and every node gets
    as many tasks as a round robin would give it, or with `pack` (CR_PACK_NODES; the distribution's own Pack or
    NoPack overrides it) the first nodes are filled once each has one.  cyclic: round robin.  plane: so many at a
    time, round robin.
    """
    how = distribution_of(distribution)
    nodes = len(room)
    kind = how.nodes or ("block" if tasks > nodes else "cyclic")
    if kind == "plane":
        order = _in_turns(tasks, room, how.plane)
    elif kind == "cyclic":
        order = _in_turns(tasks, room, 1)
    elif pack if how.pack is None else how.pack:
        order = sorted(_packed(tasks, room))
    else:
        order = sorted(_in_turns(tasks, room, 1))
    ranks: list[list[int]] = [[] for _ in range(nodes)]
    for rank, node in enumerate(order):
        ranks[node].append(rank)
    return ranks


def layout_of(step: pb.StepRecord) -> list[list[int]]:
    """Global ranks per node of an existing step; where a list of hosts decided, only how many each has is right."""
    room = list(step.task_room) or list(step.tasks_per_node)
    return task_layout(step.num_tasks, room, step.distribution, pack=step.pack_nodes)


def _in_turns(tasks: int, room: Sequence[int], most: int) -> list[int]:
    """The node of each task where nodes take `most` tasks in turn, as long as they have room."""
    taken = [0] * len(room)
    order: list[int] = []
    while len(order) < tasks:
        full = all(count >= space for count, space in zip(taken, room, strict=True))
        for node, space in enumerate(room):
            count = min(most, tasks - len(order), most if full else max(0, space - taken[node]))
            taken[node] += count
            order += [node] * count
    return order


def _packed(tasks: int, room: Sequence[int]) -> list[int]:
    """A node for each task: one on every node, then node by node what it has room for, then round robin."""
    order = [node for node in range(len(room)) if room[node]][:tasks]
    for node, space in enumerate(room):
        order += [node] * min(space - 1, tasks - len(order))
    rest = tasks - len(order)
    return order + [index % len(room) for index in range(rest)]


def arbitrary_layout(tasks: int, names: list[str], hosts: list[str]) -> list[list[int]]:
    """Global ranks per node where the user gives a host for each task (``-m arbitrary`` with -w or SLURM_HOSTFILE).

    Raises RequestError where there are more tasks than hosts, or a host is not one of the nodes.
    """
    if tasks > len(hosts) or any(host not in names for host in hosts[:tasks]):
        raise RequestError(Errno.BAD_DIST)
    return [[rank for rank in range(tasks) if hosts[rank] == name] for name in names]
