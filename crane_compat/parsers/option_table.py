"""Every option of sbatch, srun and salloc, once: names, values, variables, what it sets.

Command line, environment, script directives, help and documentation all read
this table.  Source: sbatch(1), srun(1), salloc(1) of 25.11.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from crane_compat.parsers import option_values as v

if TYPE_CHECKING:
    from crane_compat.parsers.options import Draft

Setter = Callable[["Draft", "Option", str | None], None]

B, R, A = "sbatch", "srun", "salloc"
ALL = (B, R, A)


@dataclass(frozen=True)
class Option:
    """One option.

    takes: none, required or optional.  env: command → variables, the later one counts.
    status: honoured, shown (kept, shown and in the environment; nothing acts on it), recorded (taken, without effect
    here), refused (with the reason) or old (a former name: taken whole only, with a notice).
    """

    name: str
    short: str
    takes: str
    commands: tuple[str, ...]
    apply: Setter
    help: str
    value: str = ""  # the value's name in the help
    env: dict[str, tuple[str, ...]] = field(default_factory=dict)
    status: str = "honoured"
    spec: str = ""  # the field of JobSpec (or StepRequest) it sets, for documentation

    @property
    def why(self) -> str:
        """Why it has no effect here, or what to do instead; "" where it has."""
        return WHY.get(self.name, "")


#: options that are kept with the job and shown, but that nothing acts on; `WHY` has the reasons
SHOWN = frozenset(
    ("batch", "core-spec", "delay-boot", "gpu-bind", "switches", "thread-spec", "tres-bind")
)  # fmt: skip


def _usual(stem: str) -> dict[str, tuple[str, ...]]:
    return {B: (f"SBATCH_{stem}",), R: (f"SLURM_{stem}",), A: (f"SALLOC_{stem}",)}


def _make(
    name: str, commands: tuple[str, ...], apply: Setter, help_text: str, *, short: str = "", takes: str = "required",
    value: str = "", env: dict[str, tuple[str, ...]] | None = None, status: str = "", spec: str = "",
) -> Option:  # fmt: skip
    status = status or ("shown" if name in SHOWN else "honoured")
    return Option(name, short, takes, commands, apply, help_text, value, env or {}, status, spec)


def _text(name: str, commands: tuple[str, ...], spec: str, help_text: str, **more: object) -> Option:
    return _make(name, commands, v.text(spec), help_text, spec=spec, **more)  # type: ignore[arg-type]


def _number(name: str, commands: tuple[str, ...], spec: str, help_text: str, **more: object) -> Option:
    return _make(name, commands, v.number(spec), help_text, spec=spec, **more)  # type: ignore[arg-type]


def _flag(name: str, commands: tuple[str, ...], spec: str, help_text: str, **more: object) -> Option:
    return _make(name, commands, v.flag(spec), help_text, takes="none", spec=spec, **more)  # type: ignore[arg-type]


def _kept(name: str, commands: tuple[str, ...], help_text: str, **more: object) -> Option:
    return _make(name, commands, v.kept, help_text, status="recorded", **more)  # type: ignore[arg-type]


#: why an option that is taken does nothing
WHY: dict[str, str] = {
    "accel-bind": "devices are bound by --gpu-bind and --tres-bind",
    "async": "srun waits for its step; put it in the background with &",
    "batch": "the script runs on the first of the job's nodes; that some node has the features is checked",
    "bb": "there are no burst buffers: stage data in the script",
    "bbf": "there are no burst buffers: stage data in the script",
    "cluster-constraint": "there is one cluster, and it takes the job",
    "consolidate-segments": "nodes are chosen without regard to segments",
    "container": "a job with one fails at its start: there is no OCI runtime yet",
    "container-id": "there are no containers yet",
    "container-type": "there are no containers yet",
    "core-spec": "no cores are set aside for the system",
    "context": "tasks run in the SELinux context of their node's daemon",
    "cpu-freq": "frequencies are left to the nodes' governors",
    "debugger-test": "there is no stop for debuggers",
    "delay-boot": "a job does not wait for nodes that are on rather than have others switched on",
    "gpu-bind": "tasks see all GPUs of their step",
    "gres-flags": "devices are given without regard to the sockets that they are near",
    "slurmd-debug": "the node daemon's level is its own",
    "switches": "there is no topology plug-in yet: switches are not counted",
    "thread-spec": "no threads are set aside for the system",
    "tres-bind": "tasks see all devices of their step",
    "external": "the controller runs jobs of its own only",
    "gpu-freq": "frequencies are left to the nodes' drivers",
    "mcs-label": "there is no mcs plug-in: users are kept apart by --exclusive=user",
    "msg-timeout": "messages wait as long as their connection lives",
    "network": "there is no switch plug-in: networks are not allocated",
    "no-allocate": "the step gets an allocation as any other",
    "oom-kill-step": "a step that runs out of memory is ended as a whole",
    "preserve-env": "srun's counts are those of the step",
    "profile": "usage is kept in accounting, not in HDF5 files",
    "resources": "there are no hierarchical resources",
    "resv-ports": "MPI libraries find free ports themselves",
    "segment": "nodes are chosen without regard to segments",
    "spread-segments": "nodes are chosen without regard to segments",
    "stepmgr": "steps are managed by the controller",
    "threads": "srun does all in one thread",
    "treewidth": "messages go to nodes directly",
    "x11": "run the program on the login host, or tunnel with ssh -X",
    "wait-for-children": "a task is over when its process is",
}


OPTIONS: tuple[Option, ...] = (
    _kept("accel-bind", (R,), "bind tasks to devices, as older releases did", value="type"),
    _text("account", ALL, "account", "charge this account", short="A", value="name", env=_usual("ACCOUNT")),
    _make("acctg-freq", ALL, v.acctg_freq, "how often usage is sampled", value="list", env=_usual("ACCTG_FREQ"),
          spec="acctg_freq"),
    _kept("async", (R,), "return once launched", takes="none"),
    _text("array", (B,), "array", "submit an array of these tasks", short="a", value="indexes",
          env={B: ("SBATCH_ARRAY_INX",)}),
    _make("autocomplete", ALL, v.autocomplete, "list the options that contain this", value="text"),
    _text("batch", (B,), "batch_features", "features of the node the script runs on", value="list",
          env={B: ("SBATCH_BATCH",)}),
    _text("bb", ALL, "burst_buffer", "burst buffer request", value="spec", env=_usual("BURST_BUFFER"),
          status="recorded"),
    _kept("bbf", ALL, "file of burst buffer requests", value="file"),
    _make("bcast", (R,), v.broadcast("bcast"), "copy the program to the nodes first", takes="optional", value="dest",
          env={R: ("SLURM_BCAST",)}),
    _make("bcast-exclude", (R,), v.broadcast("bcast_exclude"), "libraries not to copy", value="paths",
          env={R: ("SLURM_BCAST_EXCLUDE",)}),
    _make("begin", ALL, v.begin, "start no earlier", short="b", value="time", spec="begin_time"),
    _make("bell", (A,), v.bell, "ring when the allocation is there", takes="none", env={A: ("SALLOC_BELL",)}),
    _make("chdir", ALL, v.chdir, "working directory", short="D", value="path",
          env={R: ("SLURM_REMOTE_CWD", "SLURM_WORKING_DIR")}, spec="work_dir"),
    _text("cluster", ALL, "clusters", "the cluster to use", value="name"),
    _text("cluster-constraint", ALL, "cluster_constraint", "features of the cluster", value="list",
          env=_usual("CLUSTER_CONSTRAINT"), status="recorded"),
    _text("clusters", ALL, "clusters", "the cluster(s) to use", short="M", value="names", env=_usual("CLUSTERS")),
    _text("comment", ALL, "comment", "a text kept with the job", value="text", env=_usual("COMMENT")),
    _make("compress", (R,), v.broadcast("compress"), "compress what is broadcast", takes="optional",
          env={R: ("SLURM_COMPRESS",)}),
    _kept("consolidate-segments", ALL, "segments side by side", takes="none", env=_usual("CONSOLIDATE_SEGMENTS")),
    _text("constraint", ALL, "features", "features the nodes must have", short="C", value="list",
          env=_usual("CONSTRAINT")),
    _text("container", ALL, "container", "OCI bundle to run in", value="path",
          env={B: ("SBATCH_CONTAINER",), R: ("SRUN_CONTAINER", "SLURM_CONTAINER"), A: ("SALLOC_CONTAINER",)},
          status="recorded"),
    _text("container-id", ALL, "container_id", "id of the container", value="id",
          env={B: ("SBATCH_CONTAINER_ID",), R: ("SRUN_CONTAINER_ID", "SLURM_CONTAINER_ID"),
               A: ("SALLOC_CONTAINER_ID",)},
          status="recorded"),
    _kept("container-type", ALL, "type of the container", value="type"),
    _kept("context", ALL, "SELinux context", value="context"),
    _flag("contiguous", ALL, "contiguous", "neighbouring nodes only"),
    _make("core-spec", ALL, v.core_spec, "cores a node for the system", short="S", value="n", env=_usual("CORE_SPEC"),
          spec="core_spec"),
    _number("cores-per-socket", ALL, "cores_per_socket", "nodes with at least that many cores a socket", value="n",
            env={R: ("SLURM_NCORES_PER_SOCKET",)}),
    _make("cpu-bind", (R,), v.cpu_bind, "bind tasks to CPUs", value="type", env={R: ("SLURM_CPU_BIND",)},
          spec="cpu_bind"),
    _make("cpu_bind", (R,), v.cpu_bind, "old spelling of --cpu-bind", value="type", spec="cpu_bind"),
    _text("cpu-freq", ALL, "cpu_freq", "frequency of the CPUs", value="freq", env=_usual("CPU_FREQ_REQ"),
          status="recorded"),
    _number("cpus-per-gpu", ALL, "cpus_per_gpu", "CPUs for each GPU", value="n", env=_usual("CPUS_PER_GPU")),
    _number("cpus-per-task", ALL, "cpus_per_task", "CPUs for each task", short="c", value="n",
            env={R: ("SRUN_CPUS_PER_TASK", "SLURM_CPUS_PER_TASK")}),
    _make("deadline", ALL, v.deadline, "remove the job unless it can end by then", value="time", spec="deadline"),
    _kept("debugger-test", (R,), "stop before the launch", takes="none"),
    _make("delay-boot", ALL, v.delay_boot, "minutes to wait for powered-up nodes", value="minutes",
          env=_usual("DELAY_BOOT"), spec="delay_boot"),
    _text("dependency", ALL, "dependency", "start after other jobs", short="d", value="list",
          env={R: ("SLURM_DEPENDENCY",)}),
    _make("disable-status", (R,), v.kept, "one ^C ends the step", short="X", takes="none",
          env={R: ("SLURM_DISABLE_STATUS",)}),
    _make("distribution", ALL, v.distribution, "how tasks are laid out", short="m", value="type",
          env={B: ("SBATCH_DISTRIBUTION",), R: ("SLURM_DISTRIBUTION",), A: ()}, spec="distribution"),
    _make("epilog", (R,), v.run_text("epilog"), "program to run here after the step", value="path",
          env={R: ("SLURM_EPILOG",)}),
    _make("error", (B, R), v.path("std_err"), "file for stderr", short="e", value="pattern",
          env={B: ("SBATCH_ERROR",), R: ("SLURM_STDERRMODE", "SRUN_ERROR")}, spec="std_err"),
    _make("exact", (R,), v.step_flag("exact"), "only what the step asks for", takes="none",
          env={R: ("SLURM_EXACT",)}),
    _text("exclude", ALL, "exc_nodes", "nodes not to use", short="x", value="hosts"),
    _make("exclusive", ALL, v.exclusive, "share no node", takes="optional", value="user|mcs|topo",
          env=_usual("EXCLUSIVE"), spec="exclusive"),
    _make("export", (B, R), v.export, "environment to pass on", value="list",
          env={B: ("SBATCH_EXPORT",), R: ("SLURM_EXPORT_ENV", "SRUN_EXPORT_ENV")}, spec="export_mode"),
    _make("export-file", (B,), v.export_file, "file of NUL separated variables", value="file"),
    _kept("external", (B,), "a job that runs elsewhere", takes="none"),
    _make("external-launcher", (R,), v.step_flag("overlap"), "daemons of an MPI launcher: beside the job's other steps",
          takes="optional", env={R: ("SLURM_EXTERNAL_LAUNCHER",)}),
    _text("extra", ALL, "extra", "a text kept with the job", value="text"),
    _make("extra-node-info", ALL, v.extra_node_info, "sockets:cores:threads a node must have", short="B",
          value="S[:C[:T]]"),
    _make("get-user-env", (B,), v.get_user_env, "build the user's login environment", takes="none",
          env={B: ("SBATCH_GET_USER_ENV",)}, spec="get_user_env"),
    _make("gid", (B,), v.other_id("gid"), "run as this group (root only)", value="group"),
    _make("gpu-bind", ALL, v.gpu_bind, "bind tasks to GPUs", value="type", env=_usual("GPU_BIND"), spec="gpu_bind"),
    _make("gpu-freq", ALL, v.gpu_freq, "frequency of the GPUs", value="freq", env=_usual("GPU_FREQ"),
          spec="gpu_freq", status="recorded"),
    _make("gpus", ALL, v.tres("gpus"), "GPUs for the job", short="G", value="[type:]n", env=_usual("GPUS"),
          spec="gpus"),
    _make("gpus-per-node", ALL, v.tres("gpus_per_node"), "GPUs on each node", value="[type:]n",
          env=_usual("GPUS_PER_NODE"), spec="gpus_per_node"),
    _make("gpus-per-socket", ALL, v.tres("gpus_per_socket"), "GPUs for each socket", value="[type:]n",
          env=_usual("GPUS_PER_SOCKET"), spec="gpus_per_socket"),
    _make("gpus-per-task", ALL, v.tres("gpus_per_task"), "GPUs for each task", value="[type:]n",
          env=_usual("GPUS_PER_TASK"), spec="gpus_per_task"),
    _make("gres", ALL, v.tres("gres"), "devices on each node", value="list", env=_usual("GRES"), spec="gres"),
    _text("gres-flags", ALL, "gres_flags", "how devices are placed", value="list", env=_usual("GRES_FLAGS"),
          status="recorded"),
    _make("help", ALL, v.show_help, "show these options", short="h", takes="none"),
    _make("het-group", (R,), v.het_group, "components of the heterogeneous job to run in", value="list"),
    _make("hint", ALL, v.hint, "what the program needs most", value="type",
          env={B: ("SBATCH_HINT", "SLURM_HINT"), R: ("SLURM_HINT",), A: ("SALLOC_HINT", "SLURM_HINT")}, spec="hint"),
    _flag("hold", ALL, "hold", "submit held", short="H"),
    _make("ignore-pbs", (B,), v.kept, "do not read #PBS and #BSUB lines", takes="none",
          env={B: ("SBATCH_IGNORE_PBS",)}),
    _make("immediate", (R, A), v.immediate, "give up unless resources are there at once", short="I",
          takes="optional", value="seconds", env={A: ("SALLOC_IMMEDIATE",), R: ("SLURM_IMMEDIATE",)},
          spec="immediate"),
    _make("input", (B, R), v.path("std_in"), "file for stdin", short="i", value="pattern",
          env={B: ("SBATCH_INPUT",), R: ("SLURM_STDINMODE", "SRUN_INPUT")}, spec="std_in"),
    _make("interactive", (R,), v.step_flag("interactive"), "the shell step of salloc", takes="none"),
    _text("job-name", ALL, "name", "name of the job", short="J", value="text",
          env={B: ("SBATCH_JOB_NAME",), R: ("SLURM_JOB_NAME",), A: ("SALLOC_JOB_NAME",)}),
    _make("jobid", (R,), v.job_id, "run in this job's allocation", value="id",
          env={R: ("SLURM_JOBID", "SLURM_JOB_ID")}),
    _make("kill-command", (A,), v.kill_command, "signal for the command at the end", short="K", takes="optional",
          value="signal", env={A: ("SALLOC_KILL_CMD",)}),
    _make("kill-on-bad-exit", (R,), v.kill_on_bad_exit, "end the step when a task fails", short="K",
          takes="optional", value="0|1", env={R: ("SLURM_KILL_BAD_EXIT",)}),
    _make("kill-on-invalid-dep", (B,), v.kill_on_invalid_dep, "cancel when a dependency can never come true",
          value="yes|no", spec="kill_on_invalid_dep"),
    _make("label", (R,), v.step_flag("label"), "prefix lines with the task's rank", short="l", takes="none",
          env={R: ("SLURM_LABELIO",)}),
    _text("licenses", ALL, "licenses", "licences the job needs", short="L", value="list", env=_usual("LICENSES")),
    _make("mail-type", ALL, v.mail_type, "when to send mail", value="list", spec="mail_type"),
    _text("mail-user", ALL, "mail_user", "who gets the mail", value="address"),
    _text("mcs-label", ALL, "mcs_label", "label of the mcs plug-in", value="label", status="recorded"),
    _make("mem", ALL, v.memory("mem_per_node"), "memory on each node", value="size", env=_usual("MEM_PER_NODE"),
          spec="mem_per_node"),
    _make("mem-bind", ALL, v.mem_bind, "bind tasks to memory", value="type", env=_usual("MEM_BIND"),
          spec="mem_bind"),
    _make("mem-per-cpu", ALL, v.memory("mem_per_cpu"), "memory for each CPU", value="size",
          env=_usual("MEM_PER_CPU"), spec="mem_per_cpu"),
    _make("mem-per-gpu", ALL, v.memory("mem_per_gpu"), "memory for each GPU", value="size",
          env=_usual("MEM_PER_GPU"), spec="mem_per_gpu"),
    _number("mincpus", ALL, "mincpus", "CPUs a node at least", value="n"),
    _make("mpi", (R,), v.mpi, "how MPI starts", value="type", env={R: ("SLURM_MPI_TYPE",)}),
    _make("msg-timeout", (R,), v.checked_number, "seconds for messages", value="s", status="recorded"),
    _make("multi-prog", (R,), v.step_flag("multi_prog"), "the operand is a file of programs by rank", takes="none",
          env={R: ("SLURM_SRUN_MULTI",)}),
    _text("network", ALL, "network", "network request", value="type", env=_usual("NETWORK"), status="recorded"),
    _make("nice", ALL, v.nice, "lower the priority", takes="optional", value="n", spec="nice"),
    _make("no-allocate", (R,), v.no_allocate, "run without an allocation", short="Z", takes="none",
          status="recorded"),
    _make("no-bell", (A,), v.kept, "do not ring", takes="none", env={A: ("SALLOC_NO_BELL",)}),
    _make("no-kill", ALL, v.no_kill, "keep the allocation when a node fails", short="k", takes="optional",
          value="off", env=_usual("NO_KILL"), spec="no_kill"),
    _make("no-requeue", (B,), v.requeue(False), "never requeue", takes="none", env={B: ("SBATCH_NO_REQUEUE",)},
          spec="requeue"),
    _make("no-shell", (A,), v.no_shell, "allocate and return", takes="none"),
    _make("nodefile", ALL, v.nodefile, "file of nodes to use", short="F", value="file", spec="req_nodes"),
    _make("nodelist", ALL, v.nodelist, "nodes to use", short="w", value="hosts", spec="req_nodes"),
    _make("nodes", ALL, v.nodes, "number of nodes", short="N", value="min[-max]",
          env={R: ("SLURM_NNODES", "SLURM_JOB_NUM_NODES")}, spec="min_nodes, max_nodes"),
    _number("ntasks", ALL, "num_tasks", "number of tasks", short="n", value="n",
            env={R: ("SLURM_NPROCS", "SLURM_NTASKS")}),
    _number("ntasks-per-core", ALL, "ntasks_per_core", "tasks a core at most", value="n",
            env={R: ("SLURM_NTASKS_PER_CORE",)}),
    _number("ntasks-per-gpu", ALL, "ntasks_per_gpu", "tasks for each GPU", value="n",
            env={R: ("SLURM_NTASKS_PER_GPU",)}),
    _number("ntasks-per-node", ALL, "ntasks_per_node", "tasks on each node", value="n",
            env={R: ("SLURM_NTASKS_PER_NODE",)}),
    _number("ntasks-per-socket", ALL, "ntasks_per_socket", "tasks a socket at most", value="n",
            env={R: ("SLURM_NTASKS_PER_SOCKET",)}),
    _number("ntasks-per-tres", ALL, "ntasks_per_gpu", "tasks for each GPU", value="n",
            env={R: ("SLURM_NTASKS_PER_TRES",)}),
    _make("oom-kill-step", ALL, v.oom_kill_step, "end the whole step when memory runs out", takes="optional",
          value="0|1", env={R: ("SLURM_OOM_KILL_STEP",)}, status="recorded"),
    _make("open-mode", (B, R), v.open_mode, "append to output files or truncate them", value="append|truncate",
          env={B: ("SBATCH_OPEN_MODE",), R: ("SLURM_OPEN_MODE",)}, spec="open_mode"),
    _make("output", (B, R), v.path("std_out"), "file for stdout", short="o", value="pattern",
          env={B: ("SBATCH_OUTPUT",), R: ("SLURM_STDOUTMODE", "SRUN_OUTPUT")}, spec="std_out"),
    _flag("overcommit", ALL, "overcommit", "more tasks than CPUs", short="O", env=_usual("OVERCOMMIT")),
    _make("overlap", (R,), v.step_flag("overlap"), "share the job's resources with its other steps",
          takes="optional", value="force", env={R: ("SLURM_OVERLAP",)}),
    _flag("oversubscribe", ALL, "oversubscribe", "share nodes with other jobs", short="s"),
    _make("pack-group", (R,), v.het_group, "old name of --het-group", value="list"),
    _make("parsable", (B,), v.run_flag("parsable"), "print the id only", takes="none"),
    _text("partition", ALL, "partition", "partition(s) to use", short="p", value="names", env=_usual("PARTITION")),
    _text("prefer", ALL, "prefer", "features the nodes should have", value="list"),
    _kept("preserve-env", (R,), "keep the environment's task counts", short="E", takes="none"),
    _make("priority", ALL, v.priority, "priority of the job (operators)", value="n", spec="priority"),
    _make("profile", ALL, v.profile, "what to profile", value="list", env=_usual("PROFILE"), spec="profile",
          status="recorded"),
    _make("prolog", (R,), v.run_text("prolog"), "program to run here before the step", value="path",
          env={R: ("SLURM_PROLOG",)}),
    _make("propagate", (B, R), v.propagate, "resource limits to pass on", takes="optional", value="list",
          env={B: (), R: ()}),
    _make("pty", (R,), v.step_flag("pty"), "run task 0 in a terminal", takes="optional", value="fd"),
    _make("qos", ALL, v.text("qos"), "quality of service", short="q", value="name", env=_usual("QOS"), spec="qos"),
    _make("quiet", ALL, v.run_flag("quiet"), "say less", short="Q", takes="none"),
    _make("quit-on-interrupt", (R,), v.kept, "one ^C ends srun", takes="none"),
    _make("reboot", ALL, v.flag("reboot"), "reboot the nodes first (operators)", takes="none", spec="reboot"),
    _make("relative", (R,), v.relative, "skip the allocation's first nodes", short="r", value="n"),
    _make("requeue", (B,), v.requeue(True), "requeue after a node failure", takes="optional", value="expedite",
          env={B: ("SBATCH_REQUEUE",)}, spec="requeue"),
    _text("reservation", ALL, "reservation", "run in this reservation", value="name", env=_usual("RESERVATION")),
    _kept("resources", ALL, "hierarchical resources", value="names"),
    _make("resv-ports", ALL, v.resv_ports, "ports to reserve", takes="optional", value="n",
          env={R: ("SLURM_RESV_PORTS",)}, status="recorded"),
    _kept("segment", ALL, "size of a segment of nodes", value="n",
          env={B: ("SBATCH_SEGMENT_SIZE",), R: ("SRUN_SEGMENT_SIZE",), A: ("SALLOC_SEGMENT_SIZE",)}),
    _make("share", ALL, v.former(v.flag("oversubscribe"), "oversubscribe"), "old name of --oversubscribe",
          takes="none", status="old"),
    _make("send-libs", (R,), v.broadcast("send_libs"), "copy libraries as well", takes="optional",
          env={R: ("SLURM_SEND_LIBS",)}),
    _make("signal", ALL, v.signal, "signal before the end", value="[R|B:]sig[@s]", env=_usual("SIGNAL"),
          spec="signal"),
    _make("slurmd-debug", (R,), v.slurmd_debug, "log level of the node daemons (root)", value="level",
          env={R: ("SLURMD_DEBUG",)}, status="recorded"),
    _number("sockets-per-node", ALL, "sockets_per_node", "nodes with at least that many sockets", value="n",
            env={R: ("SLURM_NSOCKETS_PER_NODE",)}),
    _flag("spread-job", ALL, "spread_job", "over as many nodes as possible", env=_usual("SPREAD_JOB")),
    _kept("spread-segments", ALL, "segments in blocks of their own", takes="none", env=_usual("SPREAD_SEGMENTS")),
    _kept("stepmgr", ALL, "steps managed on the first node", takes="none"),
    _make("switches", ALL, v.switches, "leaf switches at most", value="n[@time]", spec="switches"),
    _make("task-epilog", (R,), v.step_text("task_epilog"), "program to run after each task", value="path",
          env={R: ("SLURM_TASK_EPILOG",)}),
    _make("task-prolog", (R,), v.step_text("task_prolog"), "program to run before each task", value="path",
          env={R: ("SLURM_TASK_PROLOG",)}),
    _number("tasks-per-node", ALL, "ntasks_per_node", "tasks on each node", value="n"),
    _make("test-only", (B, R), v.run_flag("test_only"), "say when the job would start", takes="none"),
    _number("thread-spec", ALL, "thread_spec", "threads a node for the system", value="n",
            env=_usual("THREAD_SPEC")),
    _make("threads", (R,), v.checked_number, "threads of srun", short="T", value="n", env={R: ("SLURM_THREADS",)},
          status="recorded"),
    _number("threads-per-core", ALL, "threads_per_core", "threads a core to use", value="n",
            env=_usual("THREADS_PER_CORE")),
    _make("time", ALL, v.minutes("time_limit"), "time limit", short="t", value="time", env=_usual("TIMELIMIT"),
          spec="time_limit"),
    _make("time-min", ALL, v.minutes("time_min"), "shortest time limit to accept", value="time", spec="time_min"),
    _make("tmp", ALL, v.memory("tmp_disk"), "disk on each node", value="size", spec="tmp_disk"),
    _kept("treewidth", (R,), "fan-out of messages", value="n"),
    _text("tres-bind", ALL, "tres_bind", "bind tasks to devices", value="list", env=_usual("TRES_BIND")),
    _make("tres-per-task", ALL, v.tres_per_task, "resources for each task", value="list",
          env=_usual("TRES_PER_TASK"), spec="tres_per_task"),
    _make("uid", (B,), v.other_id("uid"), "run as this user (root only)", value="user"),
    _make("unbuffered", (R,), v.step_flag("unbuffered"), "do not gather lines of output", short="u", takes="none",
          env={R: ("SLURM_UNBUFFEREDIO",)}),
    _make("usage", ALL, v.show_usage, "show a summary of the options", takes="none"),
    _flag("use-min-nodes", ALL, "use_min_nodes", "with a range of nodes prefer the least",
          env=_usual("USE_MIN_NODES")),
    _make("verbose", ALL, v.verbose, "say more", short="v", takes="none", env=_usual("DEBUG")),
    _make("version", ALL, v.show_version, "print the version", short="V", takes="none"),
    _make("wait", (B,), v.run_flag("wait"), "wait for the end of the job", short="W", takes="none",
          env={B: ("SBATCH_WAIT",)}),
    _make("wait", (R,), v.wait_seconds, "seconds to wait after the first task ended", short="W", value="s",
          env={R: ("SLURM_WAIT",)}),
    _make("wait-all-nodes", (B, A), v.zero_or_one("wait_all_nodes"), "start when all nodes are up", value="0|1",
          env={B: ("SBATCH_WAIT_ALL_NODES",), A: ("SALLOC_WAIT_ALL_NODES",)}, spec="wait_all_nodes"),
    _kept("wait-for-children", (R,), "wait for the tasks' children", takes="none"),
    _text("wckey", ALL, "wckey", "workload characterisation key", value="name", env=_usual("WCKEY")),
    _make("whole", (R,), v.step_flag("whole"), "all of the job's resources on the nodes", takes="none"),
    _make("wrap", (B,), v.wrap, "run this command in a script of its own", value="command"),
    _make("workdir", ALL, v.former(v.chdir, "chdir"), "old name of --chdir", value="path", status="old"),
    _make("x11", (R, A), v.x11, "forward X11", takes="optional", value="all|first|last", status="refused"),
)  # fmt: skip

#: what a component of a heterogeneous job hands on to the next (Slurm's page on heterogeneous jobs);
#: the others start anew in each
PROPAGATED = frozenset(
    [
        "account", "acctg-freq", "begin", "cluster-constraint", "clusters", "comment", "deadline", "delay-boot",
        "dependency", "distribution", "epilog", "error", "export", "export-file", "exclude", "get-user-env", "gid",
        "hold", "ignore-pbs", "immediate", "input", "job-name", "kill-on-bad-exit", "label", "mcs-label", "mem",
        "msg-timeout", "no-allocate", "no-requeue", "nice", "no-kill", "open-mode", "output", "priority", "profile",
        "propagate", "pty", "qos", "quit-on-interrupt", "reboot", "reservation", "requeue", "signal", "slurmd-debug",
        "task-epilog", "task-prolog", "time", "time-min", "unbuffered", "wait", "wait-all-nodes", "wckey", "chdir",
        "workdir",
    ]
)  # fmt: skip
