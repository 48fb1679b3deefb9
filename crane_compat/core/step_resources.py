"""What of its job's nodes, cores, memory and devices a step gets.

Rules: srun(1).  Of more nodes than it needs a step takes those on which no other step works, then (with --exact)
those that have cores left.  Devices that a step asks for are its own until it ends; a step that asks for none sees
all of its job's.
"""

from __future__ import annotations

from collections.abc import Callable

from crane_compat.core import admission
from crane_compat.core.cluster import Cluster
from crane_compat.core.errors import Errno, RequestError
from crane_compat.core.job import Job, Step
from crane_compat.core.request import GresNeed
from crane_compat.parsers import hostlist
from crane_compat.wire import pb


class MustWait(Exception):
    """The job's own resources are in use by its other steps."""


def steps_at_work(job: Job) -> list[Step]:
    """The steps that hold something against others: not the batch script's, which shares with all."""
    return [step for step in job.steps.values() if step.waiting and step.record.step_id >= 0]


def free_cores(cluster: Cluster, job: Job, alloc: pb.NodeAlloc, *, overlap: bool) -> int:
    """The job's cores on a node that no other step holds (bits); with --overlap all of them."""
    mask = cluster.nodes[alloc.node].mask_of(alloc)
    if not overlap:
        for step in steps_at_work(job):
            mask &= ~step.core_masks.get(alloc.node, 0)
    return mask


def choose_nodes(
    cluster: Cluster, job: Job, request: pb.StepRequest, free: dict[str, int], *, exact: bool
) -> list[pb.NodeAlloc]:
    """The nodes of a step in their job's order; of those that do not matter, the ones it can start on soonest.

    `free` are the cores without other steps by node.  Raises RequestError.
    """
    spec = request.spec
    allocs, named = _candidates(job, request)
    wanted = spec.min_nodes if spec.HasField("min_nodes") else 0
    if wanted > len(allocs):
        unknown = wanted > len(job.record.nodes)
        raise RequestError(Errno.INVALID_NODE_COUNT if unknown else Errno.REQUESTED_NODE_CONFIG_UNAVAILABLE)
    if not wanted or named == {alloc.node for alloc in allocs}:
        return allocs
    count = max(wanted, min(spec.max_nodes or wanted, len(allocs)))
    if request.HasField("relative"):
        return allocs[:count]
    per_task = spec.cpus_per_task or 1

    def room(alloc: pb.NodeAlloc, mask: int) -> int:
        """Tasks for which a node's cores are enough."""
        return mask.bit_count() * cluster.nodes[alloc.node].cpus_per_core // per_task

    def rank(alloc: pb.NodeAlloc) -> tuple[bool, ...]:
        idle = free[alloc.node] == whole[alloc.node]
        usable = idle or (exact and room(alloc, free[alloc.node]) > 0)
        return (alloc.node not in named, not room(alloc, whole[alloc.node]), not usable, not idle)

    def most(masks: dict[str, int]) -> Callable[[pb.NodeAlloc], tuple[bool, int]]:
        return lambda alloc: (alloc.node not in named, -room(alloc, masks[alloc.node]))

    whole = {alloc.node: cluster.nodes[alloc.node].mask_of(alloc) for alloc in allocs}
    tasks = 0 if spec.overcommit or job.record.spec.overcommit else spec.num_tasks
    taken = sorted(allocs, key=rank)[:count]
    for masks in (free, whole):  # what is free at once may be too small
        if sum(room(alloc, masks[alloc.node]) for alloc in taken) >= tasks:
            break
        taken = sorted(allocs, key=most(masks))[:count]
    return [alloc for alloc in allocs if alloc in taken]


def _candidates(job: Job, request: pb.StepRequest) -> tuple[list[pb.NodeAlloc], set[str]]:
    """The nodes that a step may have, and which of them it must.  Raises RequestError."""
    spec = request.spec
    excluded = set(hostlist.expand(spec.exc_nodes)) if spec.exc_nodes else set()
    allocs = [alloc for alloc in job.record.nodes if alloc.node not in excluded]
    named = set(hostlist.expand(spec.req_nodes)) if spec.req_nodes else set()
    if named - {alloc.node for alloc in job.record.nodes}:
        raise RequestError(Errno.REQUESTED_NODE_CONFIG_UNAVAILABLE)
    if named and not spec.HasField("min_nodes"):
        return [alloc for alloc in job.record.nodes if alloc.node in named], named
    if request.HasField("relative"):
        if request.relative >= len(allocs):
            raise RequestError(Errno.INVALID_NODE_COUNT)
        allocs = allocs[request.relative :]
    return allocs, named


def fewest(chosen: list[pb.NodeAlloc], cpus: dict[str, int], wanted: int) -> list[pb.NodeAlloc]:
    """As many of the nodes, from the first on, as have `wanted` CPUs together."""
    taken: list[pb.NodeAlloc] = []
    for alloc in chosen:
        if not cpus[alloc.node]:
            continue
        taken.append(alloc)
        wanted -= cpus[alloc.node]
        if wanted <= 0:
            break
    return taken or chosen[:1]


def memory_of(job: Job, spec: pb.JobSpec, alloc: pb.NodeAlloc, cpus: int) -> int:
    """MiB of a step on a node.  Raises RequestError where it asks for more than its job has there."""
    if spec.HasField("mem_per_node") and spec.mem_per_node:
        if spec.mem_per_node > alloc.memory > 0:
            raise RequestError(Errno.INVALID_TASK_MEMORY)
        return int(spec.mem_per_node)
    per_cpu = spec.mem_per_cpu or (job.record.min_memory if job.record.memory_per_cpu else 0)
    return min(alloc.memory or per_cpu * cpus, per_cpu * cpus) if per_cpu else int(alloc.memory)


def _needs(spec: pb.JobSpec, tasks: int) -> list[GresNeed]:
    """The devices asked for on each node."""
    needs = list(admission.gres_needs(spec.gres)) + list(admission.gres_needs(spec.gpus_per_node, "gpu"))
    return needs + [GresNeed(n.name, n.type, n.count * tasks) for n in admission.gres_needs(spec.gpus_per_task, "gpu")]


def _asks(spec: pb.JobSpec) -> bool:
    return bool(spec.gres or spec.gpus or spec.gpus_per_node or spec.gpus_per_task)


def _matching(alloc: pb.NodeAlloc, need: GresNeed) -> list[pb.GresAlloc]:
    return [g for g in alloc.gres if g.name == need.name and need.type.lower() in ("", g.type.lower())]


def spread_gpus(spec: pb.JobSpec, nodes: list[pb.NodeAlloc]) -> dict[str, list[GresNeed]]:
    """--gpus over the step's nodes: as many as each has from the first on, one at least for each of the others.

    Options that speak of nodes or tasks come first.  Raises RequestError where there are too few.
    """
    spread: dict[str, list[GresNeed]] = {}
    if spec.gres or spec.gpus_per_node or spec.gpus_per_task:
        return spread
    for need in admission.gres_needs(spec.gpus, "gpu"):
        left = need.count
        for index, alloc in enumerate(nodes):
            there = sum(gres.count for gres in _matching(alloc, need))
            share = min(there, max(1, left - (len(nodes) - index - 1)), left)
            left -= share
            spread.setdefault(alloc.node, []).append(GresNeed(need.name, need.type, share))
        if left:
            raise RequestError(Errno.INVALID_GRES)
    return spread


def _held(job: Job, node: str) -> tuple[dict[tuple[str, str], int], set[tuple[str, str, int]]]:
    """What other steps asked for and have on a node: counts, and devices by their index."""
    counts: dict[tuple[str, str], int] = {}
    devices: set[tuple[str, str, int]] = set()
    for step in steps_at_work(job):
        if step.request.overlap or not _asks(step.request.spec):
            continue
        for gres in (gres for alloc in step.record.nodes if alloc.node == node for gres in alloc.gres):
            counts[gres.name, gres.type] = counts.get((gres.name, gres.type), 0) + gres.count
            devices.update((gres.name, gres.type, index) for index in gres.index)
    return counts, devices


def devices_of(
    job: Job, request: pb.StepRequest, alloc: pb.NodeAlloc, tasks: int, gpus: list[GresNeed]
) -> list[pb.GresAlloc]:
    """The job's devices on the node, or those of them that the step asks for; `gpus` is its part of --gpus.

    Raises RequestError where the job has not so many, MustWait where other steps have them.
    """
    spec = request.spec
    if spec.gres.lower() == "none":
        return []
    if not _asks(spec):
        return list(alloc.gres)
    counts, devices = ({}, set()) if request.overlap else _held(job, alloc.node)
    taken = []
    for need in _needs(spec, tasks) + gpus:
        left, total = need.count, 0
        for gres in _matching(alloc, need):
            total += gres.count
            share = min(left, gres.count - counts.get((gres.name, gres.type), 0))
            if share > 0:
                left -= share
                free = [index for index in gres.index if (gres.name, gres.type, index) not in devices]
                taken.append(pb.GresAlloc(name=gres.name, type=gres.type, count=share, index=free[:share]))
        if need.count > total:
            raise RequestError(Errno.INVALID_GRES)
        if left:
            raise MustWait
    return taken
