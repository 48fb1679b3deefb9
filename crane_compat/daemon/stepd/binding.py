"""What a node does about binding: its tasks' CPUs, memory and devices (TaskPlugin, cgroup.conf, docs/binding.md).

`core.binding` decides which CPUs; here the kernel and the tasks' environment are told.  A node that pretends more
CPUs than its machine has binds nothing, but says all that it would.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, replace

from crane_compat.core import binding
from crane_compat.core.cores import cores_of
from crane_compat.core.job_env import asked_binding, binding_variables
from crane_compat.core.layout import distribution_of, fills_sockets
from crane_compat.core.node import index_ranges
from crane_compat.core.states import BATCH_STEP, INTERACTIVE_STEP
from crane_compat.parsers.binding import Binding, parse_cpu_binding, parse_memory_binding
from crane_compat.wire import pb

from . import messages
from .tracking import Tracker

#: set_mempolicy(2), which the C library does not have: its number, by machine.
_SET_MEMPOLICY = {
    "x86_64": 238, "aarch64": 237, "riscv64": 237, "loongarch64": 237, "ppc64le": 261, "s390x": 270,
}  # fmt: skip
_MPOL_PREFERRED = 1
_MPOL_BIND = 2

#: As the verbose line calls a mode.
_SPOKEN = {"none": "NONE", "rank": "RANK", "local": "LOC", "map_mem": "MAP", "mask_mem": "MASK"}


def bits(text: str) -> int:
    """The set that a kernel's list, ``0-3,8``, stands for."""
    return cores_of(text.strip(), 1)


def listed(cpus: int) -> str:
    """A set as the kernel's lists write it."""
    return index_ranges([number for number in range(cpus.bit_length()) if cpus >> number & 1])


@dataclass(frozen=True, slots=True)
class Binder:
    """How the tasks of a step on this node are bound."""

    cpus: binding.Cpus
    job_cores: int
    step_cores: int
    plan: binding.Plan | None  # None: without task/affinity
    memory: Binding
    node: str
    batch: bool  # or interactive
    pretended: bool

    @classmethod
    def of(cls, launch: pb.StepLaunch) -> Binder:
        """From the node daemon's order.  Raises BindingError where the step has not got what is asked for."""
        settings, shape = launch.settings, launch.settings.shape
        # An interactive step starts others, as the script does: neither it nor its variables may narrow them.
        batch = launch.step_id in (BATCH_STEP, INTERACTIVE_STEP)
        count = shape.sockets * shape.cores
        cpus = binding.Cpus(
            sockets=shape.sockets,
            cores=shape.cores,
            threads=shape.threads,
            numbers=tuple(shape.numbers),
            domains=tuple(map(bits, shape.domains)),
            one_thread=shape.cpus == count and shape.threads > 1,
        )
        per_core = max(1, shape.cpus // count) if count else 1
        job_cores = cores_of(launch.job_alloc.cpu_ids, per_core)
        step_cores = cores_of(launch.alloc.cpu_ids, per_core) or job_cores
        spec = launch.request.spec
        plan = None
        if settings.task_affinity and count:
            plan = binding.whole_job(cpus, job_cores) if batch else _plan(launch, cpus, step_cores)
        memory = Binding()
        if settings.task_affinity and not batch and spec.mem_bind:
            memory = parse_memory_binding(spec.mem_bind)
        return cls(cpus, job_cores, step_cores, plan, memory, launch.node, batch, shape.pretended or not count)

    # ------------------------------------------------------------ by the supervisor

    def environment(self) -> dict[bytes, bytes]:
        """Variables that say how the tasks were bound in the end."""
        if self.plan is None or self.batch:
            return {}
        return {key.encode(): value.encode() for key, value in binding_variables("CPU", self.plan.binding).items()}

    def confine(self, tracker: Tracker, launch: pb.StepLaunch) -> None:
        """Have the kernel keep the step to its cores and devices, as far as configured and possible."""
        settings = launch.settings
        if settings.constrain_cores and not self.pretended:
            job, step = (self.cpus.on_machine(self.cpus.of_cores(c)) for c in (self.job_cores, self.step_cores))
            tracker.limit_cpus(listed(job), listed(step))
        if settings.constrain_devices:
            alloc = launch.job_alloc if self.batch and not launch.alloc.gres else launch.alloc
            if denied := denied_devices(settings.devices, alloc.gres):
                tracker.deny_devices(denied)

    # ------------------------------------------------------------ by the task, before it is the user's

    def bind(self, rank: int, task: int) -> None:
        """Bind the calling process and say so on its stderr where asked.  Ends it where its memory is not there."""
        if self.plan is not None:
            wanted, failed = self.plan.cpus_of(task), False
            if wanted is not None and not self.pretended:
                try:
                    os.sched_setaffinity(0, _numbers(wanted))
                except OSError:
                    failed = True
            if self.plan.binding.verbose:
                _say(self.plan.line(self.node, rank, task, os.getpid(), failed))
        if (self.memory.mode or self.memory.prefer or self.memory.verbose) and not self.pretended:
            self._bind_memory(rank, task)

    def _bind_memory(self, rank: int, task: int) -> None:
        there = [number for number, cpus in enumerate(self.cpus.domains) if cpus] or [0]
        wanted, missing = self._memory_nodes(task, there)
        if missing >= 0:
            mode = self.memory.mode
            text = f"NUMA node {missing} does not exist; cannot bind local task {task} to it (--mem-bind={mode})"
            os.write(2, messages.line(text))
        elif wanted:
            _set_memory_policy(wanted, only=not self.memory.prefer)
        if self.memory.verbose and self.memory.mode:
            shown = wanted if wanted and missing < 0 else sum(1 << number for number in there)
            kind = f" PREFER {_SPOKEN[self.memory.mode]}" if self.memory.prefer else f"={_SPOKEN[self.memory.mode]}"
            done = "" if self.memory.mode == "none" else " set"
            who = f"{os.uname().nodename}, task {rank:2} {task:2} [{os.getpid()}]"
            _say(f"mem-bind{kind} - {who}: mask 0x{shown:x}{done}")
        if missing >= 0:
            os.write(2, messages.line("Failed to invoke task plugins: task_p_pre_launch error"))
            os._exit(1)

    def _memory_nodes(self, task: int, there: list[int]) -> tuple[int, int]:
        """(the set of NUMA nodes a task's memory comes from, 0 = any; a number asked for that is none, or -1)."""
        mode, numbers = self.memory.mode, self.memory.numbers
        if mode == "local":
            own = os.sched_getaffinity(0)
            return sum(1 << n for n in there if own & _numbers(self.cpus.ldoms[n])), -1
        if mode == "rank":
            wanted = 1 << task
        elif mode == "map_mem":
            number = numbers[task % len(numbers)]
            return (1 << number, -1) if number in there else (0, number)
        elif mode == "mask_mem":
            wanted = numbers[task % len(numbers)]
        else:
            return 0, -1
        known = sum(1 << number for number in there)
        foreign = wanted & ~known
        return wanted, (foreign & -foreign).bit_length() - 1


def _plan(launch: pb.StepLaunch, cpus: binding.Cpus, cores: int) -> binding.Plan:
    settings, spec = launch.settings, launch.request.spec
    words = settings.task_param.split(",")
    asked = asked_binding(spec)
    if not asked.mode and not asked.unit:
        default = launch.default_cpu_bind or next((word for word in words if word in _UNITS), "")
        if default:
            asked = replace(parse_cpu_binding(default), verbose=asked.verbose)
    if "verbose" in words:
        asked = replace(asked, verbose=True)
    share = binding.Share(
        cores=cores,
        tasks=max(1, len(launch.task_ids)),
        cpus_per_task=spec.cpus_per_task or 1,
        block=fills_sockets(spec.distribution, settings.block_cores),
        scattered=distribution_of(spec.distribution).sockets == "fcyclic",
        tasks_per_core=spec.ntasks_per_core,
        tasks_per_socket=spec.ntasks_per_socket,
        threads_per_core=spec.threads_per_core,
    )
    autobind = next((word.partition("=")[2] for word in words if word.startswith("autobind=")), "")
    return binding.plan(cpus, share, asked, autobind if autobind in ("threads", "cores", "sockets") else "")


#: Words of TaskPluginParam that are a --cpu-bind where none is given.
_UNITS = ("none", "sockets", "cores", "threads")


def denied_devices(files: Iterable[pb.DeviceFile], held: Iterable[pb.GresAlloc]) -> list[str]:
    """The devices of a node that are not among those held, as cgroups name them: ``c 195:0``."""
    own = {(gres.name, gres.type.lower(), index) for gres in held for index in gres.index}
    allowed: set[str] = set()
    others: set[str] = set()
    for file in files:
        with contextlib.suppress(OSError):
            told = os.stat(file.path)
            if stat.S_ISCHR(told.st_mode) or stat.S_ISBLK(told.st_mode):
                kind = "c" if stat.S_ISCHR(told.st_mode) else "b"
                name = f"{kind} {os.major(told.st_rdev)}:{os.minor(told.st_rdev)}"
                (allowed if (file.name, file.type.lower(), file.index) in own else others).add(name)
    return sorted(others - allowed)


def _numbers(mask: int) -> set[int]:
    return {number for number in range(mask.bit_length()) if mask >> number & 1}


def _set_memory_policy(nodes: int, *, only: bool) -> None:
    """Have the calling process's memory come from NUMA nodes; of several preferred ones it is the first."""
    number = _SET_MEMPOLICY.get(os.uname().machine)
    if number is None:
        return
    if not only:
        nodes &= -nodes
    size = nodes.bit_length() // 64 + 1
    mask = (ctypes.c_uint64 * size)(*((nodes >> 64 * word) & (1 << 64) - 1 for word in range(size)))
    mode = _MPOL_BIND if only else _MPOL_PREFERRED
    ctypes.CDLL(None).syscall(ctypes.c_long(number), ctypes.c_long(mode), mask, ctypes.c_ulong(64 * size + 1))


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, f"{text}\n".encode())
