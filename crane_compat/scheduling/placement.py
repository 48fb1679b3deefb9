"""Node selection by consumable resources (`select/cons_tres`, `select/linear`).

`NodeTable` holds one numpy array per resource over all nodes; a request is
matched against all nodes at once and gives the mask of nodes that can take part,
and how many of its tasks each can hold.  Only the chosen nodes are touched one
by one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crane_compat.core import states as st
from crane_compat.core.layout import cores_for_tasks
from crane_compat.core.node import Node
from crane_compat.core.request import GresNeed, Request
from crane_compat.parsers.constraint import ConstraintError, parse_constraint

Mask = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

_UNBOUNDED = np.int64(1 << 40)


@dataclass(frozen=True, slots=True)
class Chosen:
    """One node of a placement."""

    index: int
    tasks: int
    cpus: int
    memory: int  # MiB
    gres: tuple[GresNeed, ...]
    cores: int = -1  # mask of the cores that it may have


#: Added to the weight of a node that is switched off: any other is taken before it.
_SWITCHED_OFF = 1 << 40


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a job goes."""

    nodes: tuple[Chosen, ...]
    reservation: int = 0  # the number of the reservation that it is in; 0 = in none
    until: float = 0.0  # when that ends; 0 = it may go on then


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no placement: a reason by its Slurm name."""

    reason: str
    text: str = ""  # shown instead, where that says more


class NodeTable:
    """The machine as arrays, index = order in the configuration."""

    def __init__(self, nodes: list[Node], *, linear: bool = False) -> None:
        self.nodes = nodes
        self.linear = linear
        self.index = {node.name: i for i, node in enumerate(nodes)}
        count = len(nodes)
        self.cpus_total: Ints = np.fromiter((n.record.effective_cpus for n in nodes), np.int64, count)
        self.memory_total: Ints = np.fromiter((n.record.effective_memory for n in nodes), np.int64, count)
        self.tmp_disk: Ints = np.fromiter((n.record.tmp_disk for n in nodes), np.int64, count)
        self.sockets: Ints = np.fromiter((n.record.sockets * max(1, n.record.boards) for n in nodes), np.int64, count)
        self.cores: Ints = np.fromiter((n.record.cores for n in nodes), np.int64, count)
        self.threads: Ints = np.fromiter((n.record.threads for n in nodes), np.int64, count)
        self.per_core: Ints = np.fromiter((n.cpus_per_core for n in nodes), np.int64, count)
        self.weight: Ints = np.zeros(count, np.int64)
        self._order: Ints | None = None
        self.cpus_free: Ints = np.zeros(count, np.int64)
        self.memory_free: Ints = np.zeros(count, np.int64)
        self.up: Mask = np.zeros(count, np.bool_)
        self.idle: Mask = np.zeros(count, np.bool_)
        self.owner: Ints = np.full(count, -1, np.int64)
        self._features: dict[str, Mask] = {}
        self._gres_free: dict[tuple[str, str], Ints] = {}
        self._gres_total: dict[tuple[str, str], Ints] = {}
        for position in range(count):
            self.refresh(position)

    @property
    def order(self) -> Ints:
        """Nodes in the order they are used: by weight, those that are switched off last, then as configured."""
        if self._order is None:
            self._order = np.lexsort((np.arange(len(self.nodes)), self.weight))
        return self._order

    def refresh(self, position: int) -> None:
        """Copy one node's changed figures into the arrays."""
        node = self.nodes[position]
        self.cpus_free[position] = 0 if node.exclusive_job else node.free_cores.bit_count() * self.per_core[position]
        self.memory_free[position] = node.free_memory
        self.up[position] = node.schedulable()
        self.idle[position] = not node.jobs
        self.owner[position] = node.exclusive_uid if node.jobs else -1
        weight = node.record.weight + (_SWITCHED_OFF if node.record.state & st.NODE_POWERED_DOWN else 0)
        if weight != self.weight[position]:
            self.weight[position], self._order = weight, None
        for key, column in self._gres_free.items():
            column[position] = node.gres_free(*key)

    def reserve(self, placement: Placement, request: Request) -> None:
        """Count a placement as taken in the arrays alone, to try a further one; `refresh` of its nodes undoes it."""
        for chosen in placement.nodes:
            position = chosen.index
            self.cpus_free[position] = 0 if request.exclusive else self.cpus_free[position] - chosen.cpus
            self.memory_free[position] -= chosen.memory
            self.idle[position] = False
            if request.exclusive_user >= 0:
                self.owner[position] = request.exclusive_user
            for need in chosen.gres:
                for (name, kind), column in self._gres_free.items():
                    if name == need.name and (kind in ("", need.type) or not need.type):
                        column[position] -= need.count

    @contextlib.contextmanager
    def restricted(self, cores: Mapping[int, int]) -> Iterator[None]:
        """For a while, only these cores (masks by position) of some nodes are to be had."""
        before = {position: self.cpus_free[position] for position in cores}
        for position, mask in cores.items():
            node = self.nodes[position]
            free = 0 if node.exclusive_job else (node.free_cores & mask).bit_count()
            self.cpus_free[position] = min(self.cpus_free[position], free * self.per_core[position])
        try:
            yield
        finally:
            for position, count in before.items():
                self.cpus_free[position] = count

    def gres_free(self, name: str, kind: str) -> Ints:
        """Free devices per node (array over nodes)."""
        key = (name, kind)
        column = self._gres_free.get(key)
        if column is None:
            column = np.fromiter((n.gres_free(name, kind) for n in self.nodes), np.int64, len(self.nodes))
            self._gres_free[key] = column
        return column

    def gres_total(self, name: str, kind: str) -> Ints:
        """Configured devices per node (array over nodes)."""
        key = (name, kind)
        column = self._gres_total.get(key)
        if column is None:
            column = np.fromiter((n.gres_total(name, kind) for n in self.nodes), np.int64, len(self.nodes))
            self._gres_total[key] = column
        return column

    def with_features(self, expression: str) -> Mask:
        """Nodes that a constraint allows each by itself; counts and matching-or decide between sets of them.

        A text that is no constraint allows none.
        """
        mask = self._features.get(expression)
        if mask is None:
            try:
                fits = parse_constraint(expression).fits
            except ConstraintError:
                mask = np.zeros(len(self.nodes), np.bool_)
            else:
                mask = np.fromiter((fits(n.features) for n in self.nodes), np.bool_, len(self.nodes))
            self._features[expression] = mask
        return mask

    def mask_of(self, names: tuple[str, ...]) -> Mask:
        mask = np.zeros(len(self.nodes), np.bool_)
        for name in names:
            position = self.index.get(name)
            if position is not None:
                mask[position] = True
        return mask

    # -------------------------------------------------------------- matching

    def capacity(self, request: Request, partition: Mask, *, empty: bool) -> tuple[Mask, Ints]:
        """(nodes that can take part, tasks each can hold).

        `empty`: as if nothing ran and all nodes were up: what the machine could ever give.
        """
        cpus = self.cpus_total if empty else self.cpus_free
        memory = self.memory_total if empty else self.memory_free
        mask = partition.copy()
        if not empty:
            mask &= self.up
            if request.exclusive or self.linear:
                mask &= self.idle
            if request.exclusive_user >= 0:
                mask &= self.idle | (self.owner == request.exclusive_user)
            else:
                mask &= self.owner < 0
        if request.features:
            mask &= self.with_features(request.features)
        if request.exc_nodes:
            mask &= ~self.mask_of(request.exc_nodes)
        if request.tmp_disk:
            mask &= self.tmp_disk >= request.tmp_disk
        if request.sockets:
            mask &= self.sockets >= request.sockets
        if request.cores:
            mask &= self.cores >= request.cores
        if request.threads:
            mask &= self.threads >= request.threads
        per_task = 1 if request.overcommit else request.cpus_per_task
        usable = np.minimum(cpus, request.most_cpus) if request.most_cpus else cpus
        if request.all_memory:
            mask &= memory >= self.memory_total
        elif request.memory and request.memory_per_cpu:
            usable = np.minimum(usable, memory // request.memory)
        elif request.memory:
            mask &= memory >= request.memory
        cores = usable // self.per_core
        threads = np.minimum(self.per_core, request.threads) if request.threads else self.per_core
        tasks: Ints = cores // -(-per_task // threads) if request.tasks_per_core == 1 else cores * threads // per_task
        if request.overcommit:
            tasks = np.where(usable > 0, _UNBOUNDED, 0)
        if request.tasks_per_socket:
            tasks = np.minimum(tasks, request.tasks_per_socket * self.sockets)
        if request.tasks_per_core > 1:
            tasks = np.minimum(tasks, request.tasks_per_core * cores)
        if request.ntasks_per_node:
            mask &= tasks >= (request.ntasks_per_node if not request.overcommit else 1)
            tasks = np.minimum(tasks, request.ntasks_per_node)
        if request.pn_min_cpus:
            mask &= usable >= request.pn_min_cpus
        for need in request.gres_per_node:
            mask &= self._devices(request, need.name, need.type, empty) >= need.count
        for need in request.gres_per_task:
            tasks = np.minimum(tasks, self._devices(request, need.name, need.type, empty) // need.count)
        for need in request.gres_per_job:
            mask &= self._devices(request, need.name, need.type, empty) > 0
        mask &= tasks > 0
        return mask, tasks

    def _devices(self, request: Request, name: str, kind: str, empty: bool) -> Ints:
        """Devices per node that the request can have: as many as there is memory for, where each needs some."""
        found = (self.gres_total if empty else self.gres_free)(name, kind)
        if name == "gpu" and request.memory_per_gpu:
            memory = self.memory_total if empty else self.memory_free
            found = np.minimum(found, memory // request.memory_per_gpu)
        return found

    def place(
        self, request: Request, partition: Mask, *, empty: bool = False, limit: Mask | None = None
    ) -> Placement | Failure:
        """Choose nodes for a request; `limit` further restricts them (reservations for higher jobs)."""
        mask, tasks = self.capacity(request, partition, empty=empty)
        if limit is not None:
            mask &= limit
        required: list[int] = []
        if request.req_nodes:
            need = self.mask_of(request.req_nodes)
            if not bool(np.all(mask[need])):
                return Failure("ReqNodeNotAvail" if not empty else "BadConstraints")
            required = [int(i) for i in self.order if need[i]]
        candidates = required + [int(i) for i in self.order if mask[i] and i not in set(required)]
        if request.contiguous:
            candidates = self._contiguous(candidates, request, mask)
        return self._choose(request, candidates, tasks, len(required), empty)

    def _contiguous(self, candidates: list[int], request: Request, mask: Mask) -> list[int]:
        """Candidates reduced to the first run of neighbouring nodes long enough."""
        run: list[int] = []
        for position in range(len(self.nodes)):
            if mask[position]:
                run.append(position)
                if len(run) >= request.min_nodes:
                    return run
            else:
                run = []
        return [] if request.min_nodes > 1 else candidates

    def _choose(
        self, request: Request, candidates: list[int], tasks: Ints, required: int, empty: bool
    ) -> Placement | Failure:
        min_nodes = max(1, request.min_nodes, required)
        if len(candidates) < min_nodes:
            return Failure("Resources")
        max_nodes = request.max_nodes or len(candidates)
        if max_nodes > min_nodes and request.max_nodes and not request.fewest and not request.gres_per_job:
            by_spread = request.spread and request.num_tasks > 0
            if not by_spread and (many := self._many(request, candidates, tasks, min_nodes)):
                return self._build(request, *many, empty)
        wanted = request.num_tasks or min_nodes * max(1, request.ntasks_per_node)
        if request.overcommit:
            return self._build(request, candidates[:min_nodes], self._deal(wanted, [wanted] * min_nodes), empty)
        if request.num_tasks == 0 and request.min_cpus > wanted * request.cpus_per_task:
            wanted = -(-request.min_cpus // request.cpus_per_task)
        if (
            request.spread
            and not request.gres_per_job
            and (spread := self._spread(candidates, tasks, wanted, max_nodes))
        ):
            return self._build(request, *spread, empty)
        chosen: list[int] = []
        total = 0
        gpus_missing = {(n.name, n.type): n.count for n in request.gres_per_job}
        best_fit = self._single(request, candidates, tasks, wanted, min_nodes, required, gpus_missing, empty)
        if best_fit is not None:
            return best_fit
        for position in candidates:
            if len(chosen) >= max_nodes:
                break
            chosen.append(position)
            total += int(tasks[position])
            for key in gpus_missing:
                gpus_missing[key] -= int(self._devices(request, *key, empty)[position])
            enough = total >= wanted and all(v <= 0 for v in gpus_missing.values())
            if len(chosen) >= min_nodes and enough and len(chosen) >= required:
                break
        else:
            if total < wanted or any(v > 0 for v in gpus_missing.values()):
                return Failure("Resources")
        if total < wanted or any(v > 0 for v in gpus_missing.values()) or len(chosen) < min_nodes:
            return self._largest(request, candidates, tasks, wanted, min_nodes, max_nodes, required, empty)
        return self._build(request, chosen, self._deal(wanted, [int(tasks[i]) for i in chosen]), empty)

    def _many(
        self, request: Request, candidates: list[int], tasks: Ints, min_nodes: int
    ) -> tuple[list[int], list[int]] | None:
        """Of a range of node counts as many as there are, each with a task; None where that is no more than the least.

        Source: srun(1), --nodes and --use-min-nodes.
        """
        count = min(request.max_nodes, request.num_tasks or request.max_nodes, len(candidates))
        chosen = sorted(candidates[:count])
        room = [int(tasks[i]) for i in chosen]
        wanted = request.num_tasks or count * max(1, request.ntasks_per_node)
        if count <= min_nodes or sum(room) < wanted:
            return None
        return chosen, self._deal(wanted, room)

    @staticmethod
    def _spread(candidates: list[int], tasks: Ints, wanted: int, most: int) -> tuple[list[int], list[int]] | None:
        """As many nodes as there are tasks, and tasks dealt evenly (--spread-job); None where they do not fit."""
        chosen = sorted(candidates[: min(wanted, most)])
        dealt = [0] * len(chosen)
        left = wanted
        while left:
            open_places = [i for i, position in enumerate(chosen) if dealt[i] < tasks[position]]
            if not open_places:
                return None
            for i in open_places[:left]:
                dealt[i] += 1
            left -= min(left, len(open_places))
        return chosen, dealt

    def _single(
        self,
        request: Request,
        candidates: list[int],
        tasks: Ints,
        wanted: int,
        min_nodes: int,
        required: int,
        gpus: dict[tuple[str, str], int],
        empty: bool,
    ) -> Placement | None:
        """One node that holds it all, where one is enough: of the lowest weight the fullest, then the first.

        Packing keeps other nodes whole for jobs that need all of one.
        """
        if min_nodes > 1 or required > 1:
            return None
        free = {key: self._devices(request, *key, empty) for key in gpus}
        cpus = self.cpus_total if empty else self.cpus_free
        best = -1
        for position in candidates[:1] if required else candidates:
            if best >= 0 and self.weight[position] != self.weight[best]:
                break
            if tasks[position] >= wanted and all(free[key][position] >= count for key, count in gpus.items()):
                if best < 0 or cpus[position] < cpus[best]:
                    best = position
        return self._build(request, [best], [wanted], empty) if best >= 0 else None

    def _largest(
        self,
        request: Request,
        candidates: list[int],
        tasks: Ints,
        wanted: int,
        min_nodes: int,
        max_nodes: int,
        required: int,
        empty: bool,
    ) -> Placement | Failure:
        """With a maximum node count: the nodes that hold most."""
        if request.max_nodes == 0 or request.gres_per_job:
            return Failure("Resources")
        head = candidates[:required]
        tail = sorted(candidates[required:], key=lambda i: -int(tasks[i]))
        chosen = (head + tail)[:max_nodes]
        if len(chosen) < min_nodes or sum(int(tasks[i]) for i in chosen) < wanted:
            return Failure("Resources")
        chosen.sort()
        return self._build(request, chosen, self._deal(wanted, [int(tasks[i]) for i in chosen]), empty)

    @staticmethod
    def _deal(wanted: int, capacity: list[int]) -> list[int]:
        """Tasks per node: the first nodes are filled, each later one keeps at least one task."""
        left, result = wanted, []
        for position, room in enumerate(capacity):
            behind = len(capacity) - position - 1
            share = max(1, min(room, left - behind))
            result.append(share)
            left -= share
        return result

    def _build(self, request: Request, chosen: list[int], dealt: list[int], empty: bool) -> Placement:
        nodes: list[Chosen] = []
        left = {(n.name, n.type): n.count for n in request.gres_per_job}
        for rank, (position, tasks) in enumerate(zip(chosen, dealt, strict=True)):
            per_core = int(self.per_core[position])
            whole = request.exclusive or self.linear
            free = int(self.cpus_total[position] if empty else self.cpus_free[position])
            cores = cores_for_tasks(
                1 if request.overcommit else tasks,
                per_core,
                1 if request.overcommit else request.cpus_per_task,
                tasks_per_core=request.tasks_per_core,
                threads_per_core=request.threads,
            )
            cores = max(cores, -(-request.pn_min_cpus // per_core))
            cpus = free if whole else min(free, cores * per_core)
            if request.all_memory:
                memory = int(self.memory_total[position])
            elif request.memory_per_cpu and request.memory:
                memory = request.memory * cpus
                if whole:
                    memory = min(memory, int(self.memory_total[position]))
            elif request.memory:
                memory = request.memory
            else:
                memory = int(self.memory_total[position] if empty else self.memory_free[position]) if whole else 0
            needs = list(request.gres_per_node)
            needs += [GresNeed(n.name, n.type, n.count * tasks) for n in request.gres_per_task]
            for key in left:
                # spread what remains evenly, but never leave more than the later nodes can give
                devices = self._devices(request, *key, empty)
                here, later = int(devices[position]), int(devices[chosen[rank + 1 :]].sum())
                share = min(here, max(left[key] - later, -(-left[key] // (len(chosen) - rank))))
                left[key] -= share
                if share:
                    needs.append(GresNeed(key[0], key[1], share))
            if request.memory_per_gpu:
                memory = request.memory_per_gpu * sum(n.count for n in needs if n.name == "gpu")
            nodes.append(Chosen(position, tasks, cpus, memory, tuple(needs)))
        return Placement(tuple(nodes))
