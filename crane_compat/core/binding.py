"""Which CPUs each task of a step may use on one node: a pure function of topology, cores, layout and what was asked.

The rules are srun(1)'s, --cpu-bind and --distribution; how Slurm decides where the manual leaves it open was observed
of it (docs/binding.md).  CPUs are first numbered as slurm.conf counts them, socket by socket, core by core, thread by
thread; what is bound to are the machine's numbers (`Cpus.numbers`).  Sets of CPUs are integers, bit by number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from crane_compat.parsers.binding import Binding, BindingError

#: As the verbose line calls a mode.
_SPOKEN = {
    "none": "NONE",
    "rank": "RANK",
    "map_cpu": "MAP ",
    "mask_cpu": "MASK",
    "rank_ldom": "LDRANK",
    "map_ldom": "LDMAP ",
    "mask_ldom": "LDMASK",
}


@dataclass(frozen=True, slots=True)
class Cpus:
    """A node's processors."""

    sockets: int
    cores: int  # a socket
    threads: int  # a core
    numbers: tuple[int, ...]  # of each thread, in order, on the machine
    domains: tuple[int, ...] = ()  # the machine's NUMA nodes: sets of its numbers; none known: all are one
    one_thread: bool = False  # slurm.conf counts cores as CPUs, though they have several threads

    def of_cores(self, mask: int) -> int:
        """All threads of a set of cores."""
        every = (1 << self.threads) - 1
        cores = range(self.sockets * self.cores)
        return sum(every << core * self.threads for core in cores if mask >> core & 1)

    def on_machine(self, cpus: int) -> int:
        """The same set by the machine's numbers."""
        found = 0
        for index, number in enumerate(self.numbers):
            if cpus >> index & 1:
                found |= 1 << number
        return found

    def groups(self, unit: str) -> list[int]:
        """The sets of CPUs, by our numbers, that are one core, or one socket, …"""
        size = {"threads": 1, "cores": self.threads, "sockets": self.cores * self.threads}[unit]
        return [((1 << size) - 1) << start for start in range(0, len(self.numbers), size)]

    @property
    def ldoms(self) -> tuple[int, ...]:
        return self.domains or (self.on_machine((1 << len(self.numbers)) - 1),)

    def hex(self, mask: int) -> str:
        """A set as variables tell it: as many digits as the machine's CPUs need."""
        return f"0x{mask:0{(len(self.numbers) + 3) // 4}X}"


@dataclass(frozen=True, slots=True)
class Share:
    """What a step has on the node, and how its tasks are to be bound."""

    cores: int  # a set of core numbers
    tasks: int
    cpus_per_task: int = 1
    block: bool = False  # tasks fill one socket after the other; else they go round the sockets
    scattered: bool = False  # the CPUs of one task go round the sockets, too (fcyclic)
    tasks_per_core: int = 0  # at most; 0 = no rule
    tasks_per_socket: int = 0
    threads_per_core: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """How the tasks of a step are bound; `sets` by local task number, used again from the start where it is short."""

    binding: Binding  # as it turned out
    sets: tuple[int, ...]  # by the machine's numbers; none: tasks are not bound

    def cpus_of(self, task: int) -> int | None:
        """What a task is bound to; None: it may use what the step may."""
        return self.sets[task % len(self.sets)] if self.sets else None

    def line(self, node: str, rank: int, task: int, pid: int, failed: bool = False) -> str:
        """What a task says of its binding where that is asked for."""
        unit = f"-{self.binding.unit}" if self.binding.unit else ""
        done = (" FAILED" if failed else " set") if self.sets else ""
        who = f"{_SPOKEN[self.binding.mode]} - {node}, task {rank:2} {task:2} [{pid}]"
        return f"cpu-bind{unit}={who}: mask 0x{self.cpus_of(task) or 0:x}{done}"


def plan(cpus: Cpus, share: Share, asked: Binding, autobind: str = "") -> Plan:
    """Bind the tasks of a step.

    `autobind`: the unit where none was asked for and none suggests itself (TaskPluginParam).  Raises BindingError
    where something is asked for that the step has not got.
    """
    available = cpus.of_cores(share.cores)
    if asked.mode:
        return _as_told(cpus, share, asked, available)
    unit = asked.unit or _suggested(cpus, share, available) or autobind
    if unit and available.bit_count() >= share.tasks:
        return _masks(cpus, replace(asked, unit=""), _dealt(cpus, share, available, unit))
    return _masks(cpus, asked, [cpus.on_machine(available)])


def whole_job(cpus: Cpus, cores: int) -> Plan:
    """The batch script may use all that the job has on its node."""
    return _masks(cpus, Binding(), [cpus.on_machine(cpus.of_cores(cores))])


def _masks(cpus: Cpus, asked: Binding, sets: Sequence[int]) -> Plan:
    return Plan(replace(asked, mode="mask_cpu", values=tuple(map(cpus.hex, sets))), tuple(sets))


def _as_told(cpus: Cpus, share: Share, asked: Binding, available: int) -> Plan:
    allowed = cpus.on_machine(available)
    if asked.mode in ("map_cpu", "mask_cpu"):
        sets = _listed_sets(asked, allowed.bit_length())
        if sets is None or any(each & ~allowed or not each for each in sets):
            raise BindingError(f"CPU binding outside of job step allocation, allocated CPUs are: {cpus.hex(allowed)}.")
        return Plan(asked, tuple(sets))
    if available != (1 << len(cpus.numbers)) - 1:
        if asked.mode != "none":
            words = (*(["verbose"] if asked.verbose else []), asked.unit, asked.mode)
            words += ("one_thread",) if cpus.one_thread or cpus.threads == 1 else ()
            raise BindingError(f"Entire node must be allocated for {','.join(filter(None, words))}")
        return _masks(cpus, asked, [allowed])
    if asked.mode == "none":
        return Plan(asked, ())
    if asked.mode == "rank":
        return Plan(asked, tuple(1 << number for number in sorted(cpus.numbers)))
    if asked.mode == "rank_ldom":
        return Plan(asked, cpus.ldoms)
    domains = _listed_sets(asked, len(cpus.ldoms))
    if domains is None or any(each >> len(cpus.ldoms) or not each for each in domains):
        raise BindingError(f"NUMA nodes outside of the node's {len(cpus.ldoms)}: {asked.list}")
    return Plan(asked, tuple(_united(mask for i, mask in enumerate(cpus.ldoms) if each >> i & 1) for each in domains))


def _listed_sets(asked: Binding, end: int) -> list[int] | None:
    """The sets that a list names; None where a number is not below `end` (however large: nothing is made of it)."""
    if asked.mode.startswith("mask"):
        return list(asked.numbers)
    return [1 << number for number in asked.numbers] if all(number < end for number in asked.numbers) else None


def _united(sets: Iterator[int]) -> int:
    found = 0
    for each in sets:
        found |= each
    return found


def _suggested(cpus: Cpus, share: Share, available: int) -> str:
    """The unit of which the step has, whole and no more, as many as its tasks want CPUs."""
    wanted = share.tasks * share.cpus_per_task
    for unit in ("sockets", "cores", "threads"):
        held = [group for group in cpus.groups(unit) if group & available]
        if len(held) == wanted and all(group & available == group for group in held):
            return unit
    return ""


def _dealt(cpus: Cpus, share: Share, available: int, unit: str) -> list[int]:
    """Each task's CPUs, by the machine's numbers: those it was dealt and all of its units that the step has."""
    each = min(share.cpus_per_task, available.bit_count() // share.tasks)  # less where it is overcommitted
    dealt = _Dealer(cpus, share, available, unit).deal(each)
    if unit == "ldoms":
        allowed = cpus.on_machine(available)
        own = [cpus.on_machine(mask) for mask in dealt]
        return [_united(domain & allowed for domain in cpus.ldoms if domain & mask) for mask in own]
    groups = cpus.groups(unit)
    return [cpus.on_machine(_united(group & available for group in groups if group & mask)) for mask in dealt]


class _Dealer:
    """Deals CPUs to tasks, each only once while there are some left."""

    def __init__(self, cpus: Cpus, share: Share, available: int, unit: str) -> None:
        self.cpus = cpus
        self.share = share
        self.whole_cores = unit == "cores" or share.tasks_per_core == 1
        self.threads_per_core = share.threads_per_core or (1 if cpus.one_thread else cpus.threads)
        queues = cpus.groups("sockets")
        if share.block:
            queues = [_united(iter(queues))]
        self.full = [[cpu for cpu in range(len(cpus.numbers)) if queue & available & 1 << cpu] for queue in queues]
        self._again()

    def _again(self) -> None:
        self.queues = [list(reversed(queue)) for queue in self.full]
        self.tasks_on_core: dict[int, int] = {}
        self.used_on_core: dict[int, int] = {}
        self.tasks_on_socket: dict[int, int] = {}

    def _next(self, position: int) -> int | None:
        """The next CPU of a queue on which a limit allows one more."""
        queue = self.queues[position]
        while queue:
            cpu = queue.pop()
            core = cpu // self.cpus.threads
            socket = core // self.cpus.cores
            if (
                self.used_on_core.get(core, 0) < self.threads_per_core
                and not 0 < self.share.tasks_per_core <= self.tasks_on_core.get(core, 0)
                and not 0 < self.share.tasks_per_socket <= self.tasks_on_socket.get(socket, 0)
            ):
                return cpu
        return None

    def _take(self, position: int) -> tuple[int, int] | None:
        """A CPU, of the queue at a position or the next that has one, and where that is."""
        count = len(self.queues)
        for step in range(count):
            here = (position + step) % count
            if (cpu := self._next(here)) is not None:
                return cpu, here
        return None

    def deal(self, each: int) -> list[int]:
        """`each` CPUs for every task of the share; where they run out, they are dealt once more."""
        sets = []
        position = 0
        for _ in range(self.share.tasks):
            mask = 0
            for index in range(each):
                found = self._take(position)
                if found is None:
                    self._again()
                    found = self._take((position - 1) % len(self.queues))
                if found is None:
                    break
                cpu, position = found
                mask |= 1 << cpu
                core = cpu // self.cpus.threads
                self.used_on_core[core] = self.used_on_core.get(core, 0) + 1
                if index == each - 1:
                    self._finish(core, position)
                if self.share.scattered and index < each - 1:
                    position = (position + 1) % len(self.queues)
            position = (position + 1) % len(self.queues)
            sets.append(mask)
        return sets

    def _finish(self, core: int, position: int) -> None:
        """A task has its last CPU: the limits count it, and where it has whole cores the rest is its own."""
        socket = core // self.cpus.cores
        self.tasks_on_core[core] = self.tasks_on_core.get(core, 0) + 1
        self.tasks_on_socket[socket] = self.tasks_on_socket.get(socket, 0) + 1
        if self.whole_cores:
            queue = self.queues[position]
            while queue and queue[-1] // self.cpus.threads == core:
                queue.pop()
