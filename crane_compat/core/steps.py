"""Steps within a job: which of its nodes and CPUs a step gets and where its tasks go.

Rules: srun(1).  A step without --exact takes all of the job's CPUs on its nodes,
so that a second one waits for it; --exact (implied by -c) takes what it asks
for; --overlap shares with all.
"""

from __future__ import annotations

from crane_compat.core import process_map
from crane_compat.core import states as st
from crane_compat.core import step_resources as resources
from crane_compat.core.cluster import Cluster
from crane_compat.core.effects import LaunchStep, StepReady
from crane_compat.core.errors import Errno, RequestError
from crane_compat.core.job import Job, Step, WaitingStep
from crane_compat.core.layout import arbitrary_layout, cores_for_tasks, layout_of, room_for_tasks, task_layout
from crane_compat.core.node import Node
from crane_compat.core.step_resources import MustWait
from crane_compat.parsers import hostlist, mpi_types
from crane_compat.parsers.binding import default_unit
from crane_compat.wire import INFINITE, pb

#: A step's request in one job, or in one component of a heterogeneous job.
Part = tuple[Job, pb.StepRequest]


def create(cluster: Cluster, job: Job, request: pb.StepRequest, now: float) -> Step:
    """Give a step its part of the job and launch it; raises MustWait or RequestError."""
    return create_parts(cluster, [(job, request)], now)[0]


def create_parts(cluster: Cluster, parts: list[Part], now: float) -> list[Step]:
    """One step over several components of a heterogeneous job, with one id and ranks that run on; all or nothing."""
    first = parts[0][0]
    leader = cluster.jobs.get(first.record.het_job_id, first)
    counter = leader.record
    planned = [_plan(cluster, job, request, counter.next_step_id, now) for job, request in parts]
    if planned[0].record.step_id >= 0:
        counter.next_step_id += 1
        cluster.mark(leader)
    tasks = nodes = 0
    for step in planned:
        step.request.task_offset, step.request.node_offset = tasks, nodes
        tasks += step.record.num_tasks
        nodes += step.record.num_nodes
    first_request = parts[0][1]
    mpi = "none" if first_request.interactive else first_request.mpi or cluster.parameters.mpi_default
    layout, world = _world(planned) if mpi_types.serves(mpi) else ("", [])
    for (job, _), step in zip(parts, planned, strict=True):
        step.request.mpi, step.request.process_map, step.request.world[:] = mpi, layout, world
        if len(planned) > 1:
            step.request.het_tasks, step.request.het_nodes = tasks, nodes
        cluster.add_step(job, step, now)
        for name in sorted(step.waiting, key=[alloc.node for alloc in step.record.nodes].index):
            cluster.effects.append(LaunchStep(name, job.id, step.record.step_id))
    return planned


def _world(parts: list[Step]) -> tuple[str, list[str]]:
    """Where the tasks of all parts of a step are, and the names of their nodes."""
    names: list[str] = []
    node_of: dict[int, int] = {}
    for part in parts:
        for alloc, ranks in zip(part.record.nodes, task_layout_of(part), strict=True):
            node_of.update((part.request.task_offset + rank, len(names)) for rank in ranks)
            names.append(alloc.node)
    return process_map.text_of([node_of[rank] for rank in sorted(node_of)]), names


def _plan(cluster: Cluster, job: Job, request: pb.StepRequest, number: int, now: float) -> Step:
    """The step as it would be; nothing is taken yet."""
    record, spec = job.record, request.spec
    if job.finished:
        raise RequestError(Errno.ALREADY_DONE)
    if job.pending:
        raise RequestError(Errno.JOB_PENDING)
    if record.state & st.BASE_MASK == st.SUSPENDED:
        raise RequestError(Errno.JOB_SUSPENDED)
    if record.state & st.CONFIGURING:
        raise MustWait
    if number >= cluster.parameters.max_step_count:
        raise RequestError(Errno.STEP_LIMIT)
    cpus_per_task = spec.cpus_per_task or 1
    exact = (request.exact or spec.HasField("cpus_per_task")) and not request.whole
    free = {a.node: resources.free_cores(cluster, job, a, overlap=request.overlap) for a in record.nodes}
    chosen = resources.choose_nodes(cluster, job, request, free, exact=exact)
    tasks = spec.num_tasks or len(chosen) * max(1, spec.ntasks_per_node)
    cpus = {
        a.node: (free[a.node] if exact else cluster.nodes[a.node].mask_of(a)).bit_count()
        * cluster.nodes[a.node].cpus_per_core
        for a in chosen
    }
    total = sum(a.cpus for a in chosen)
    overcommit = spec.overcommit or record.spec.overcommit
    if tasks * cpus_per_task > total and not overcommit:
        if tasks * cpus_per_task > sum(a.cpus for a in record.nodes):
            raise RequestError(Errno.TOO_MANY_REQUESTED_CPUS)
        raise RequestError(Errno.REQUESTED_NODE_CONFIG_UNAVAILABLE)
    if not request.overlap:
        for alloc in chosen:
            whole = cluster.nodes[alloc.node].mask_of(alloc)
            if (not exact and free[alloc.node] != whole) or (exact and not free[alloc.node]):
                raise MustWait
        if exact and tasks * cpus_per_task > sum(cpus.values()) and not overcommit:
            raise MustWait
    if not spec.HasField("min_nodes") and not spec.req_nodes and tasks < len(chosen):
        chosen = chosen[:tasks]
    if exact and not spec.HasField("min_nodes") and not spec.req_nodes:
        chosen = resources.fewest(chosen, cpus, tasks * cpus_per_task)
    arbitrary = spec.distribution.startswith("arbitrary") and bool(spec.req_nodes)
    pack = cluster.parameters.pack_nodes
    if arbitrary:
        layout = arbitrary_layout(tasks, [a.node for a in chosen], hostlist.expand(spec.req_nodes))
        room = [len(ranks) for ranks in layout]
    else:
        room = [_room(cluster.nodes[a.node], a, spec, cpus[a.node]) for a in chosen]
        layout = task_layout(tasks, room, spec.distribution, pack=pack)
    gpus = resources.spread_gpus(spec, chosen)
    allocs, masks = [], {}
    counts = {"cpu": 0, "mem": 0, "node": len(chosen)}
    for alloc, ranks in zip(chosen, layout, strict=True):
        node = cluster.nodes[alloc.node]
        mask = node.mask_of(alloc)
        if exact:
            mask = _exact_cores(cluster, node, free[alloc.node] or mask, spec, len(ranks))
        part = pb.NodeAlloc(node=alloc.node, cpus=mask.bit_count() * node.cpus_per_core, cpu_ids=node.cpu_ids(mask))
        part.memory = resources.memory_of(job, spec, alloc, part.cpus)
        for gres in resources.devices_of(job, request, alloc, len(ranks), gpus.get(alloc.node, [])):
            part.gres.append(gres)
            cluster._count_gres(counts, gres.name, gres.type, gres.count)
        counts["cpu"] += part.cpus
        counts["mem"] += part.memory
        allocs.append(part)
        masks[alloc.node] = 0 if request.overlap else mask
    step_id = st.INTERACTIVE_STEP if request.interactive else number
    names = [a.node for a in chosen]
    step = Step(
        pb.StepRecord(
            job_id=job.id, step_id=step_id, name="interactive" if request.interactive else spec.name,
            state=st.RUNNING, start_time=now, node_list=hostlist.compress(names), num_nodes=len(names),
            num_tasks=tasks, num_cpus=counts["cpu"], nodes=allocs,
            time_limit=spec.time_limit if spec.HasField("time_limit") and spec.time_limit else INFINITE,
            uid=record.uid, user=record.user, partition=record.partition,
            tres_alloc=cluster.tres.text(counts), tres_alloc_ids=cluster.tres.id_text(counts),
            tasks_per_node=[len(r) for r in layout], submit_line=spec.submit_line, work_dir=spec.work_dir,
            std_in=spec.std_in, std_out=spec.std_out, std_err=spec.std_err, srun_host=request.srun_host,
            srun_pid=request.srun_pid, array_job_id=record.array_job_id, cpus_per_task=cpus_per_task,
            overlap=request.overlap, memory=allocs[0].memory if allocs else 0,
            distribution=(spec.distribution or ("Block" if tasks > len(names) else "Cyclic")).capitalize(),
            container=spec.container, task_room=room, pack_nodes=pack,
        ),
        request, waiting=set(names), core_masks=masks,
    )  # fmt: skip
    if record.HasField("array_task_id"):
        step.record.array_task_id = record.array_task_id
    return step


def request_step(cluster: Cluster, parts: list[Part], now: float) -> list[Step] | WaitingStep:
    """`create_parts`, or a ticket that `StepReady`/`StepRefused` will name once the jobs' other steps make room."""
    try:
        return create_parts(cluster, parts, now)
    except MustWait:
        if parts[0][1].immediate:
            raise RequestError(Errno.NODES_BUSY) from None
        waiting = WaitingStep(cluster.next_ticket, parts)
        cluster.next_ticket += 1
        for job, _ in parts:
            job.waiting_steps.append(waiting)
        return waiting


def forget_waiting(waiting: WaitingStep) -> None:
    """It has started, was refused, or its srun is gone."""
    for job, _ in waiting.parts:
        job.waiting_steps[:] = [other for other in job.waiting_steps if other is not waiting]


def parts_of(cluster: Cluster, job: Job, step: Step) -> list[tuple[Job, Step]]:
    """All parts of a step, in the order of their ranks."""
    if not step.request.het_tasks:
        return [(job, step)]
    number = step.record.step_id
    found = [(each, each.steps[number]) for each in cluster.components(job) if number in each.steps]
    return sorted(found, key=lambda part: part[1].request.task_offset)


def start_waiting_steps(cluster: Cluster, job: Job, now: float) -> None:
    """A step ended: whoever waited for its CPUs may start, in order."""
    from crane_compat.core.effects import StepRefused

    for waiting in list(job.waiting_steps):
        try:
            started = create_parts(cluster, waiting.parts, now)
        except MustWait:
            continue
        except RequestError as exc:
            cluster.effects.append(StepRefused(waiting.ticket, int(exc.errno), exc.text))
        else:
            cluster.effects.append(StepReady(waiting.ticket, waiting.parts[0][0].id, started[0].record.step_id))
        forget_waiting(waiting)


def step_deadline(job: Job, step: Step) -> float:
    """When its own limit or its job's strikes, whichever is first; 0 = never."""
    record = step.record
    own = record.start_time + record.time_limit * 60.0 if record.time_limit != INFINITE else 0.0
    return min(filter(None, (own, job.record.end_time)), default=0.0)


def launch_of(cluster: Cluster, job: Job, step: Step, node: str) -> pb.StepLaunch:
    """What the supervisor on one node is told (the batch step's script and environment are added by the controller)."""
    record, job_record = step.record, job.record
    names = [a.node for a in record.nodes]
    index = names.index(node)
    layout = task_layout_of(step)
    first_rank, first_node = step.request.task_offset, step.request.node_offset
    address, pattern = cluster.topology.address(node)
    return pb.StepLaunch(
        topology_addr=address, topology_pattern=pattern,
        job_id=job.id, step_id=record.step_id, uid=job_record.uid, gid=job_record.gid, user=job_record.user,
        node=node, node_index=first_node + index, node_list=record.node_list, job_node_list=job_record.node_list,
        num_nodes=len(names), num_tasks=record.num_tasks,
        task_ids=[first_rank + rank for rank in layout[index]], tasks_per_node=record.tasks_per_node,
        request=step.request, alloc=record.nodes[index],
        job_alloc=next(a for a in job_record.nodes if a.node == node), deadline=step_deadline(job, step),
        cluster=cluster.parameters.cluster_name, job_name=job_record.spec.name, job=job_record,
        cpus_per_node=[a.cpus for a in job_record.nodes], step=record, epoch=job_record.restarts,
        default_cpu_bind=_default_cpu_bind(cluster, job_record),
    )  # fmt: skip


def _default_cpu_bind(cluster: Cluster, job: pb.JobRecord) -> str:
    """How a job's tasks are bound if it does not say: its nodes' CpuBind where they agree, else its partition's."""
    of_nodes = {cluster.nodes[alloc.node].record.cpu_bind for alloc in job.nodes if alloc.node in cluster.nodes}
    if len(of_nodes) == 1 and (one := of_nodes.pop()):
        return one
    partition = cluster.partitions.get(job.partition)
    return default_unit(partition.cpu_bind) or "" if partition is not None else ""


def task_layout_of(step: Step) -> list[list[int]]:
    """Global ranks per node of an existing step."""
    record = step.record
    if record.step_id < 0:
        return [list(range(n)) for n in record.tasks_per_node] or [[0]]
    spec = step.request.spec
    if spec.distribution.startswith("arbitrary") and spec.req_nodes:
        return arbitrary_layout(record.num_tasks, [a.node for a in record.nodes], hostlist.expand(spec.req_nodes))
    return layout_of(record)


def _room(node: Node, alloc: pb.NodeAlloc, spec: pb.JobSpec, cpus: int) -> int:
    """How many of a step's tasks its CPUs on a node have room for; at least one, as it has the node."""
    limits = [spec.ntasks_per_node, spec.ntasks_per_socket * node.sockets_of(node.mask_of(alloc))]
    room = room_for_tasks(
        cpus,
        node.cpus_per_core,
        spec.cpus_per_task,
        tasks_per_core=spec.ntasks_per_core,
        threads_per_core=spec.threads_per_core,
        tasks_per_node=min(filter(None, limits), default=0),
    )
    return max(1, room)


def _exact_cores(cluster: Cluster, node: Node, free: int, spec: pb.JobSpec, tasks: int) -> int:
    """Cores for so many tasks out of the mask `free`, as far as it has them."""
    count = cores_for_tasks(
        tasks,
        node.cpus_per_core,
        spec.cpus_per_task,
        tasks_per_core=spec.ntasks_per_core,
        threads_per_core=spec.threads_per_core,
    )
    return node.pick_cores(min(count, free.bit_count()), cluster.core_order(spec), free=free)
