"""Which cores of a node a job or step gets.

Cores are numbered socket by socket.  The rules are those of srun(1), --distribution, and slurm.conf(5),
SelectTypeParameters; how ties are decided was observed of Slurm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CoreOrder:
    """How cores are to be chosen."""

    block: bool = False  # fill as few sockets as possible; else go round the sockets
    cpus_per_task: int = 0  # where asked for: the CPUs of a task come from one socket, if possible
    tasks_per_socket: int = 0  # at most; 0 = no rule
    tasks_per_core: int = 0
    threads_per_core: int = 0


#: One core of each socket after the other, Slurm's default.
IN_TURN = CoreOrder()


def cores_of(cpu_ids: str, cpus_per_core: int) -> int:
    """The mask of cores that an allocation's CPUs, ``0-1,4``, are on."""
    mask = 0
    for part in filter(None, cpu_ids.split(",")):
        low, _, high = part.partition("-")
        for cpu in range(int(low), int(high or low) + 1):
            mask |= 1 << (cpu // cpus_per_core)
    return mask


def pick_cores(free: int, sockets: int, width: int, cpus_per_core: int, count: int, order: CoreOrder) -> int:
    """A mask of `count` cores out of the mask `free`, which has so many, on sockets of `width` cores each."""
    usable = min(cpus_per_core, order.threads_per_core or cpus_per_core)
    queues = [[core for core in range(s * width, (s + 1) * width) if free >> core & 1] for s in range(sockets)]
    per_socket = -(-order.tasks_per_socket * max(1, order.cpus_per_task) // usable)
    if order.block:
        capped = [queue[:per_socket] for queue in queues] if per_socket else queues
        taken = _fill(capped if sum(map(len, capped)) >= count else queues, count)
    elif per_socket:
        taken = _in_turn(_without_spare(queues, count, per_socket), count)
    elif order.cpus_per_task:
        taken = _by_task(queues, count, usable, order)
    else:
        taken = _in_turn(queues, count)
    return sum(1 << core for core in taken)


def _in_turn(queues: Sequence[Sequence[int]], count: int) -> list[int]:
    """One core of each socket after the other."""
    rounds = range(max(map(len, queues), default=0))
    return [queue[index] for index in rounds for queue in queues if index < len(queue)][:count]


def _fill(queues: Sequence[list[int]], count: int) -> list[int]:
    """The socket that is filled best, of those too small for all the largest; and so on."""
    left = [queue for queue in queues if queue]
    taken: list[int] = []
    while len(taken) < count and left:
        enough = [queue for queue in left if len(queue) >= count]
        best = min(enough, key=len) if enough else max(left, key=len)
        taken += best[: count - len(taken)]
        left.remove(best)
    return taken


def _by_task(queues: Sequence[list[int]], count: int, usable: int, order: CoreOrder) -> list[int]:
    """Socket by socket what whole tasks can have of it; what is left of the count goes round what is left."""
    each = order.cpus_per_task
    taken: list[int] = []
    rest = []
    for queue in queues:
        tasks = len(queue) * usable // each
        whole = tasks * -(-each // usable) if order.tasks_per_core == 1 else -(-tasks * each // usable)
        whole = min(whole, count - len(taken))
        taken += queue[:whole]
        rest.append(queue[whole:])
    return taken + _in_turn(rest, count - len(taken))


def _without_spare(queues: Sequence[list[int]], count: int, most: int) -> list[list[int]]:
    """Sockets with at most `most` cores of each, where that is enough; the first ones stay free if they can."""
    total = sum(map(len, queues))
    capped = list(queues)
    for index, queue in enumerate(queues):
        if total > count and len(queue) > most:
            total -= len(queue) - most
            capped[index] = queue[:most]
    if total < count:
        return list(queues)
    for index, queue in enumerate(capped):
        if total > count and len(queue) <= most and total - len(queue) >= count:
            total -= len(queue)
            capped[index] = []
    return capped
