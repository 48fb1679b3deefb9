"""The environment of batch scripts, allocations, steps and tasks.

Pure functions over records.  What every process of a job or step shares is put
together by the controller (`batch_env`, `step_env`) or by salloc (`alloc_env`);
what only the node knows (rank, pid, devices) the step's supervisor adds
(`task_env`).  Source: sbatch(1), srun(1) "OUTPUT ENVIRONMENT VARIABLES" and the
recorded environments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from crane_compat.core.layout import task_layout
from crane_compat.core.states import BATCH_STEP
from crane_compat.parsers.binding import Binding, BindingError, parse_cpu_binding, parse_memory_binding
from crane_compat.wire import INFINITE, pb

#: So that MPI launchers start their own processes through srun.
MPI_LAUNCHERS = {
    "HYDRA_BOOTSTRAP": "slurm",
    "HYDRA_LAUNCHER_EXTRA_ARGS": "--external-launcher",
    "I_MPI_HYDRA_BOOTSTRAP": "slurm",
    "I_MPI_HYDRA_BOOTSTRAP_EXEC_EXTRA_ARGS": "--external-launcher",
    "OMPI_MCA_plm_slurm_args": "--external-launcher",
    "PRTE_MCA_plm_slurm_args": "--external-launcher",
}

#: How each GPU vendor's run time is told which devices to use.
GPU_VARIABLES = ("CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK")


def _profile(text: str) -> str:
    return ",".join(word.strip().capitalize() for word in text.split(","))


#: Options that show in the job's environment as they were given: field of JobSpec → variable, format.
OPTION_VARIABLES: tuple[tuple[str, str, Callable[[str], str]], ...] = (
    ("cpus_per_task", "SLURM_CPUS_PER_TASK", str),
    ("cpus_per_task", "SLURM_TRES_PER_TASK", "cpu={}".format),
    ("ntasks_per_node", "SLURM_NTASKS_PER_NODE", str),
    ("ntasks_per_socket", "SLURM_NTASKS_PER_SOCKET", str),
    ("ntasks_per_core", "SLURM_NTASKS_PER_CORE", str),
    ("ntasks_per_gpu", "SLURM_NTASKS_PER_GPU", str),
    ("threads_per_core", "SLURM_THREADS_PER_CORE", str),
    ("gpus", "SLURM_GPUS", str),
    ("gpus_per_node", "SLURM_GPUS_PER_NODE", str),
    ("gpus_per_task", "SLURM_GPUS_PER_TASK", str),
    ("gpus_per_socket", "SLURM_GPUS_PER_SOCKET", str),
    ("cpus_per_gpu", "SLURM_CPUS_PER_GPU", str),
    ("tres_per_task", "SLURM_TRES_PER_TASK", str),
    ("acctg_freq", "SLURM_ACCTG_FREQ", str),
    ("profile", "SLURM_PROFILE", _profile),
    ("hint", "SLURM_HINT", str),
    ("gpu_bind", "SLURM_TRES_BIND", "gres/gpu:{}".format),
    ("tres_bind", "SLURM_TRES_BIND", str),
    ("gpu_freq", "SLURM_GPU_FREQ", str),
    ("network", "SLURM_NETWORK", str),
)


def compress_counts(counts: Sequence[int]) -> str:
    """Counts by node as Slurm writes them.

    >>> compress_counts([3, 1, 1])
    '3,1(x2)'
    """
    parts: list[str] = []
    start = 0
    for index in range(1, len(counts) + 1):
        if index == len(counts) or counts[index] != counts[start]:
            repeat = index - start
            parts.append(f"{counts[start]}(x{repeat})" if repeat > 1 else str(counts[start]))
            start = index
    return ",".join(parts)


def tasks_per_node(job: pb.JobRecord) -> list[int]:
    """How many tasks each node of the allocation is meant for: what its CPUs hold, up to the number asked for."""
    per_task = job.spec.cpus_per_task or 1
    room = [max(1, node.cpus // per_task) for node in job.nodes]
    if job.spec.HasField("ntasks_per_node") and job.spec.ntasks_per_node:
        return [job.spec.ntasks_per_node] * len(room)
    if not job.spec.HasField("num_tasks") or not room:
        return room
    return [len(ranks) or 1 for ranks in task_layout(job.spec.num_tasks, room, job.spec.distribution)]


def total_tasks(job: pb.JobRecord) -> int | None:
    """The number of tasks where the user said one, else None."""
    if job.spec.HasField("num_tasks"):
        return job.spec.num_tasks
    if job.spec.HasField("ntasks_per_node") and job.spec.ntasks_per_node:
        return job.spec.ntasks_per_node * len(job.nodes)
    return None


def _given(spec: pb.JobSpec, field: str) -> bool:
    descriptor = spec.DESCRIPTOR.fields_by_name[field]
    return spec.HasField(field) if descriptor.has_presence else bool(getattr(spec, field))


def _options(spec: pb.JobSpec) -> dict[str, str]:
    values = {
        variable: form(str(getattr(spec, field))) for field, variable, form in OPTION_VARIABLES if _given(spec, field)
    }
    if spec.overcommit:
        values["SLURM_OVERCOMMIT"] = "1"
    return values


def _memory(spec: pb.JobSpec) -> dict[str, str]:
    for field in ("mem_per_gpu", "mem_per_cpu", "mem_per_node"):
        if spec.HasField(field):
            return {f"SLURM_{field.upper()}": str(getattr(spec, field))}
    return {}


def alloc_env(job: pb.JobRecord, cluster: str, conf_file: str) -> dict[str, str]:
    """What salloc's command gets on top of its own environment."""
    values = dict(MPI_LAUNCHERS)
    values |= {
        "SLURM_CLUSTER_NAME": cluster,
        "SLURM_CONF": conf_file,
        "SLURM_JOBID": str(job.job_id),
        "SLURM_JOB_ID": str(job.job_id),
        "SLURM_JOB_CPUS_PER_NODE": compress_counts([node.cpus for node in job.nodes]),
        "SLURM_JOB_NAME": job.spec.name,
        "SLURM_JOB_NODELIST": job.node_list,
        "SLURM_JOB_NUM_NODES": str(len(job.nodes)),
        "SLURM_JOB_PARTITION": job.partition,
        "SLURM_NNODES": str(len(job.nodes)),
        "SLURM_NODELIST": job.node_list,
        "SLURM_TASKS_PER_NODE": compress_counts(tasks_per_node(job)),
    }
    if job.account:
        values["SLURM_JOB_ACCOUNT"] = job.account
    if job.qos:
        values["SLURM_JOB_QOS"] = job.qos
    if job.spec.reservation:
        values["SLURM_JOB_RESERVATION"] = job.spec.reservation
    if job.spec.licenses:
        values["SLURM_JOB_LICENSES"] = job.spec.licenses
    if job.dependency:
        values["SLURM_JOB_DEPENDENCY"] = job.dependency
    if (tasks := total_tasks(job)) is not None:
        values["SLURM_NTASKS"] = values["SLURM_NPROCS"] = str(tasks)
    if job.spec.distribution:
        values["SLURM_DISTRIBUTION"] = _distribution(job.spec.distribution)
    values |= _options(job.spec)
    values |= _memory(job.spec)
    return values


#: Variables that every component of a heterogeneous job has under a name of its own: of batch jobs, of salloc's.
HET_BATCH = (
    "SLURM_JOB_ACCOUNT",
    "SLURM_JOB_CPUS_PER_NODE",
    "SLURM_JOB_ID",
    "SLURM_JOB_NAME",
    "SLURM_JOB_NODELIST",
    "SLURM_JOB_NUM_NODES",
    "SLURM_JOB_PARTITION",
    "SLURM_JOB_QOS",
    "SLURM_MEM_PER_CPU",
    "SLURM_MEM_PER_NODE",
    "SLURM_NPROCS",
    "SLURM_NTASKS",
    "SLURM_TASKS_PER_NODE",
)
HET_ALLOC = (*HET_BATCH, "SLURM_JOBID", "SLURM_NNODES", "SLURM_NODELIST")


def _het(
    components: Sequence[pb.JobRecord], names: Sequence[str], values: Sequence[Mapping[str, str]]
) -> dict[str, str]:
    """Each component's variables under both names they have had."""
    found = {"SLURM_HET_SIZE": str(len(components)), "SLURM_PACK_SIZE": str(len(components))}
    for index, own in enumerate(values):
        for name in names:
            if name in own:
                found[f"{name}_HET_GROUP_{index}"] = found[f"{name}_PACK_GROUP_{index}"] = own[name]
    return found


def het_alloc_env(components: Sequence[pb.JobRecord], cluster: str, conf_file: str) -> dict[str, str]:
    """What salloc's command gets in a heterogeneous allocation: all but a few variables are by component."""
    values = [alloc_env(job, cluster, conf_file) for job in components]
    env = _het(components, HET_ALLOC, values)
    env |= {name: values[0][name] for name in (*MPI_LAUNCHERS, "SLURM_CLUSTER_NAME", "SLURM_CONF", "SLURM_JOB_ID")}
    tasks = [total_tasks(job) for job in components]
    if None not in tasks:
        env["SLURM_NTASKS"] = env["SLURM_NPROCS"] = str(sum(count or 0 for count in tasks))
    return env


def _distribution(text: str) -> str:
    """``plane=2`` shows as ``plane``."""
    return "plane" if text.lower().startswith("plane") else text


def _identity(job: pb.JobRecord) -> dict[str, str]:
    values = {
        "SLURM_JOB_GID": str(job.gid),
        "SLURM_JOB_START_TIME": str(int(job.start_time)),
        "SLURM_JOB_UID": str(job.uid),
        "SLURM_JOB_USER": job.user,
        "SLURM_OOM_KILL_STEP": "0",
    }
    if job.time_limit != INFINITE or job.end_time:
        values["SLURM_JOB_END_TIME"] = str(int(job.end_time))
    if job.restarts and not job.spec.HasField("cron"):  # its runs are no restarts
        values["SLURM_RESTART_COUNT"] = str(job.restarts)
    return values | array_variables(job)


def array_variables(job: pb.JobRecord) -> dict[str, str]:
    """What a task of a job array is told of it; nothing for other jobs."""
    if not job.array_job_id:
        return {}
    values = {
        "SLURM_ARRAY_JOB_ID": str(job.array_job_id),
        "SLURM_ARRAY_TASK_COUNT": str(job.array_count),
        "SLURM_ARRAY_TASK_MAX": str(job.array_max),
        "SLURM_ARRAY_TASK_MIN": str(job.array_min),
        "SLURM_ARRAY_TASK_STEP": str(job.array_step),
    }
    if job.HasField("array_task_id"):
        values["SLURM_ARRAY_TASK_ID"] = str(job.array_task_id)
    return values


def _merge(user_env: Iterable[bytes], values: Mapping[str, str], defaults: Mapping[str, str]) -> list[bytes]:
    """The user's variables with `values` over and `defaults` under them, as ``K=V``."""
    merged = {key: value for key, separator, value in (item.partition(b"=") for item in user_env) if separator}
    for key, text in defaults.items():
        merged.setdefault(key.encode(), text.encode(errors="surrogateescape"))
    for key, text in values.items():
        merged[key.encode()] = text.encode(errors="surrogateescape")
    return [key + b"=" + value for key, value in merged.items()]


def _batch_values(job: pb.JobRecord, cluster: str, conf_file: str) -> dict[str, str]:
    values = alloc_env(job, cluster, conf_file)
    if not _memory(job.spec) and job.min_memory:  # the partition's default shows as if it had been asked for
        values["SLURM_MEM_PER_CPU" if job.memory_per_cpu else "SLURM_MEM_PER_NODE"] = str(job.min_memory)
    return values


def batch_env(
    job: pb.JobRecord,
    user_env: Iterable[bytes],
    cluster: str,
    conf_file: str,
    components: Sequence[pb.JobRecord] = (),
) -> list[bytes]:
    """The batch script's environment but for what only its node knows; `components` are a heterogeneous job's."""
    values = _batch_values(job, cluster, conf_file) | _identity(job)
    values["ENVIRONMENT"] = "BATCH"
    if components:
        values |= _het(components, HET_BATCH, [_batch_values(each, cluster, conf_file) for each in components])
    if job.spec.mem_bind:
        values["SLURM_MEM_BIND"] = job.spec.mem_bind
        values["SLURM_MEM_BIND_VERBOSE"] = "quiet"
    defaults = {
        "SLURM_SUBMIT_DIR": job.spec.work_dir,
        "SLURM_SUBMIT_HOST": job.spec.alloc_node,
        "SLURM_PRIO_PROCESS": "0",
    }
    return _merge(user_env, values, defaults)


def asked_binding(spec: pb.JobSpec) -> Binding:
    """How a step's tasks are to be bound: as --cpu-bind says, else as its other options imply.  Raises BindingError."""
    asked = parse_cpu_binding(spec.cpu_bind) if spec.cpu_bind else Binding()
    if asked.mode or asked.unit:
        return asked
    if spec.hint in ("compute_bound", "memory_bound"):
        unit = "cores"
    elif spec.hint or spec.threads_per_core:
        unit = "threads"
    else:
        unit = "cores" if spec.ntasks_per_core else "sockets" if spec.ntasks_per_socket else ""
    return replace(asked, unit=unit)


def binding_variables(what: str, bound: Binding) -> dict[str, str]:
    """How tasks are bound; `what`: CPU or MEM."""
    voice = "verbose" if bound.verbose else "quiet"
    rule = ",".join(filter(None, (voice, "prefer" if bound.prefer else "", bound.type)))
    values = {
        "": f"{rule}{bound.list}",
        "_LIST": bound.list,
        "_TYPE": bound.type,
        "_VERBOSE": voice,
    }
    if bound.prefer:
        values["_PREFER"] = "prefer"
    if bound.sort:
        values["_SORT"] = "sort"
    return {f"SLURM_{what}_BIND{name}": value for name, value in values.items()}


def _binding(spec: pb.JobSpec) -> dict[str, str]:
    """How tasks are bound, as srun tells them.  What is no binding is left for their node to refuse."""
    try:
        asked = asked_binding(spec)
        memory = binding_variables("MEM", parse_memory_binding(spec.mem_bind)) if spec.mem_bind else {}
    except BindingError:
        return {}
    values = binding_variables("CPU", asked) if spec.cpu_bind or asked.unit else {}
    return values | memory


def step_env(
    job: pb.JobRecord, step: pb.StepRecord, request: pb.StepRequest, cluster: str, conf_file: str
) -> list[bytes]:
    """The environment of a step's tasks but for what only their node knows; the user's part is `request.spec.env`."""
    spec = request.spec
    values = alloc_env(job, cluster, conf_file) | _identity(job)
    # What srun was not asked for it does not set: inside a batch job the job's own values are in the user's part.
    for key in {variable for _, variable, _ in OPTION_VARIABLES} | {"SLURM_OVERCOMMIT", "SLURM_DISTRIBUTION"}:
        values.pop(key, None)
    for field in ("mem_per_gpu", "mem_per_cpu", "mem_per_node"):
        values.pop(f"SLURM_{field.upper()}", None)
    if job.het_job_id:
        values["SLURM_JOB_ID"] = values["SLURM_JOBID"] = str(job.het_job_id)
    per_node = compress_counts(list(step.tasks_per_node))
    port = str(request.io_port)
    values |= _options(spec) | _memory(spec) | _binding(spec)
    values |= {
        "SLURMD_DEBUG": "2",
        "SLURM_JOB_GROUP": job.group,
        "SLURM_LAUNCH_NODE_IPADDR": request.io_host,
        "SLURM_NNODES": str(request.het_nodes or step.num_nodes),
        "SLURM_NPROCS": str(request.het_tasks or step.num_tasks),
        "SLURM_NTASKS": str(request.het_tasks or step.num_tasks),
        "SLURM_SRUN_COMM_HOST": request.io_host,
        "SLURM_SRUN_COMM_PORT": port,
        "SLURM_STEPID": str(step.step_id),
        "SLURM_STEP_ID": str(step.step_id),
        "SLURM_STEP_LAUNCHER_PORT": port,
        "SLURM_STEP_NODELIST": step.node_list,
        "SLURM_STEP_NUM_NODES": str(step.num_nodes),
        "SLURM_STEP_NUM_TASKS": str(step.num_tasks),
        "SLURM_STEP_TASKS_PER_NODE": per_node,
        "SLURM_TASKS_PER_NODE": per_node,
        "SLURM_UMASK": f"{spec.umask:04o}",
        "SRUN_DEBUG": "3",
    }
    if spec.distribution:
        values["SLURM_DISTRIBUTION"] = _distribution(spec.distribution)
    elif not job.spec.srun_job and step.num_tasks <= step.num_nodes:
        values["SLURM_DISTRIBUTION"] = "cyclic"
    if request.label:
        values["SLURM_LABELIO"] = "1"
    if spec.gpu_bind or spec.tres_bind:
        values["SLURMD_TRES_BIND"] = values["SLURM_TRES_BIND"]
    defaults = {
        "SLURM_SUBMIT_DIR": spec.work_dir,
        "SLURM_SUBMIT_HOST": request.srun_host or job.spec.alloc_node,
        "SLURM_PRIO_PROCESS": "0",
    }
    return _merge(spec.env, values, defaults)


#: What a step's tasks are told and srun's own prolog and epilog are not, as recorded.
_OF_TASKS = (
    "SLURM_JOB_END_TIME", "SLURM_JOB_NODELIST", "SLURM_JOB_START_TIME", "SLURM_LAUNCH_NODE_IPADDR",
    "SLURM_OOM_KILL_STEP", "SLURM_SRUN_COMM_HOST", "SLURM_SRUN_COMM_PORT", "SLURM_STEP_LAUNCHER_PORT",
    "SLURM_STEP_NODELIST", "SLURM_STEP_NUM_NODES", "SLURM_STEP_NUM_TASKS", "SLURM_STEP_TASKS_PER_NODE", "SRUN_DEBUG",
    *MPI_LAUNCHERS,
)  # fmt: skip


def srun_script_env(
    job: pb.JobRecord, step: pb.StepRecord, request: pb.StepRequest, cluster: str, conf_file: str
) -> dict[bytes, bytes]:
    """What --prolog and --epilog of srun get on top of its environment."""
    asked = pb.StepRequest()
    asked.CopyFrom(request)
    del asked.spec.env[:]
    values = dict(item.split(b"=", 1) for item in step_env(job, step, asked, cluster, conf_file))
    values |= limit_env(request.spec.rlimits)
    values[b"SLURM_MPI_TYPE"] = (request.mpi or "none").encode()
    for name in _OF_TASKS:
        values.pop(name.encode(), None)
    return values


def _gpus(alloc: pb.NodeAlloc) -> list[int]:
    return sorted(index for gres in alloc.gres if gres.name == "gpu" for index in gres.index)


def device_env(launch: pb.StepLaunch) -> dict[str, str]:
    """The devices of a step on its node."""
    batch = launch.step_id == BATCH_STEP
    own = _gpus(launch.job_alloc if batch and not launch.alloc.gres else launch.alloc)
    if not own:
        return {}
    text = ",".join(map(str, own))
    values = dict.fromkeys(GPU_VARIABLES, text)
    values["SLURM_GPUS_ON_NODE"] = str(len(own))
    # The job's devices are told to the batch script; a step has them from there, if it has them at all.
    values["SLURM_JOB_GPUS" if batch else "SLURM_STEP_GPUS"] = text
    return values


def node_env(launch: pb.StepLaunch) -> dict[bytes, bytes]:
    """What all tasks of a step on one node share: `launch.env` and what the node knows."""
    batch = launch.step_id == BATCH_STEP
    alloc = launch.job_alloc if batch and not launch.alloc.cpus else launch.alloc
    values = {
        "SLURMD_NODENAME": launch.node,
        "SLURM_CPUS_ON_NODE": str(alloc.cpus),
        "SLURM_GTIDS": ",".join(map(str, launch.task_ids)),
        "SLURM_NODEID": str(launch.node_index),
        "SLURM_TOPOLOGY_ADDR": launch.topology_addr or launch.node,
        "SLURM_TOPOLOGY_ADDR_PATTERN": launch.topology_pattern or "node",
    }
    if batch:
        values["HOSTNAME"] = launch.node
    values |= device_env(launch)
    env = {key: value for key, separator, value in (item.partition(b"=") for item in launch.env) if separator and key}
    env.update((key.encode(), value.encode(errors="surrogateescape")) for key, value in values.items())
    return env


def limit_env(rlimits: Iterable[pb.RLimit]) -> dict[bytes, bytes]:
    """The submitter's limits, as task prologs and epilogs see them."""
    return {f"SLURM_RLIMIT_{limit.name}".encode(): str(limit.soft).encode() for limit in rlimits}


def task_env(shared: Mapping[bytes, bytes], rank: int, local_id: int, pid: int) -> dict[bytes, bytes]:
    """One task's environment from what its node's tasks share (`node_env`)."""
    env = dict(shared)
    env[b"SLURM_PROCID"] = b"%d" % rank
    env[b"SLURM_LOCALID"] = b"%d" % local_id
    env[b"SLURM_TASK_PID"] = b"%d" % pid
    if local_id == 0:  # as recorded: a node's other tasks are not given one
        env.setdefault(b"TMPDIR", b"/tmp")
    return env
