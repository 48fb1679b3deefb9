"""Which processes belong to a step, and what can be done to all of them.

``proctrack/cgroup`` keeps them in a control group (v1 or v2, whichever the host
has); ``proctrack/linuxproc`` and ``proctrack/pgid`` follow the process tree: the
supervisor is a child subreaper, so that every descendant of the step, daemonised
or not, stays below it.  Source: slurm.conf(5) ProctrackType, cgroup.conf(5),
cgroups(7), prctl(2) PR_SET_CHILD_SUBREAPER.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
import zlib
from collections.abc import Iterable
from typing import Protocol

from crane_compat.core.states import BATCH_STEP, step_name
from crane_compat.wire import pb

from . import procfs, spool

DEFAULT_MOUNT = "/sys/fs/cgroup"


class Tracker(Protocol):
    """The processes of one step."""

    def attach(self) -> None:
        """Enter the calling process, before it becomes the user's.  Raises OSError."""

    def pids(self) -> list[int]:
        """Living processes of the step."""

    def freeze(self) -> None:
        """Stop everything (suspend)."""

    def thaw(self) -> None:
        """Let everything go on."""

    def limit_memory(self, mib: int) -> bool:
        """Have the kernel enforce a limit; False where that is not possible here."""

    def limit_cpus(self, job: str, step: str) -> bool:
        """Keep the step, and its job, to CPUs, lists like ``0-3,8``; False where that is not possible here."""

    def deny_devices(self, devices: Iterable[str]) -> bool:
        """Keep the step from devices, each ``c 195:0``; False where that is not possible here."""

    def oom_killed(self) -> bool:
        """The kernel killed a process of the step for want of memory."""

    def destroy(self) -> None:
        """Forget the step; its processes must be gone."""


def send_signal(pids: Iterable[int], number: int) -> int:
    """Signal each process; how many were there to get it."""
    count = 0
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
            count += 1
    return count


class ProcessTree:
    """proctrack/linuxproc: everything below the supervisor."""

    def __init__(self, supervisor: int) -> None:
        self.supervisor = supervisor
        self.apart: set[int] = set()  # children that help the supervisor and are none of the step's

    def attach(self) -> None:
        pass

    def pids(self) -> list[int]:
        table = procfs.everything()
        found = procfs.descendants([self.supervisor], table)
        return [pid for pid in found if table[pid].state != "Z" and pid not in self.apart]

    def freeze(self) -> None:
        send_signal(self.pids(), signal.SIGSTOP)

    def thaw(self) -> None:
        send_signal(self.pids(), signal.SIGCONT)

    def limit_memory(self, mib: int) -> bool:
        return False

    def limit_cpus(self, job: str, step: str) -> bool:
        return False

    def deny_devices(self, devices: Iterable[str]) -> bool:
        return False

    def oom_killed(self) -> bool:
        return False

    def destroy(self) -> None:
        pass


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _read(path: str) -> str:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(1 << 20).decode()
    except OSError:
        return ""


def _field(path: str, key: str) -> int:
    for line in _read(path).splitlines():
        name, _, value = line.partition(" ")
        if name == key and value.strip().isdigit():
            return int(value)
    return 0


#: Levels of a step's group: node, user, job, step.
_LEVELS = 4


def _make(path: str) -> None:
    """Make a group; another step's end may be removing its parents at this moment."""
    for attempt in range(10):
        try:
            os.makedirs(path, exist_ok=True)
            return
        except FileNotFoundError:
            if attempt == 9:
                raise


def _remove(path: str) -> None:
    """Remove a group and its now empty parents up to the node's."""
    for _ in range(_LEVELS):
        try:
            os.rmdir(path)
        except OSError:
            return
        path = os.path.dirname(path)


def _parents(path: str) -> list[str]:
    """The groups from the one above the node's down to the step's."""
    found = [path]
    for _ in range(_LEVELS):
        found.insert(0, os.path.dirname(found[0]))
    return found


class CgroupV1:
    """Groups in the freezer hierarchy, and in those of memory, CPUs and devices where these are constrained."""

    def __init__(self, mount: str, relative: str, memory: bool) -> None:
        self.mount, self.relative = mount, relative
        self.freezer = f"{mount}/freezer/{relative}"
        self.memory = f"{mount}/memory/{relative}" if memory and os.path.isdir(f"{mount}/memory") else ""
        self.others: list[str] = []
        _make(self.freezer)
        if self.memory:
            _make(self.memory)

    def attach(self) -> None:
        pid = str(os.getpid())
        _write(f"{self.freezer}/cgroup.procs", pid)
        for path in filter(None, (self.memory, *self.others)):
            _write(f"{path}/cgroup.procs", pid)

    def pids(self) -> list[int]:
        return [int(word) for word in _read(f"{self.freezer}/cgroup.procs").split()]

    def freeze(self) -> None:
        _write(f"{self.freezer}/freezer.state", "FROZEN")

    def thaw(self) -> None:
        _write(f"{self.freezer}/freezer.state", "THAWED")

    def limit_memory(self, mib: int) -> bool:
        if not self.memory:
            return False
        try:
            _write(f"{self.memory}/memory.limit_in_bytes", str(mib << 20))
        except OSError:
            return False
        with contextlib.suppress(OSError):  # without swap accounting this file is not there
            _write(f"{self.memory}/memory.memsw.limit_in_bytes", str(mib << 20))
        return True

    def limit_cpus(self, job: str, step: str) -> bool:
        path = f"{self.mount}/cpuset/{self.relative}"
        try:
            _make(path)
            above, *own = _parents(path)
            cpus, nodes = (_read(f"{above}/cpuset.{what}").strip() for what in ("cpus", "mems"))
            for group, listed in zip(own, [cpus] * (_LEVELS - 2) + [job, step], strict=True):
                _write(f"{group}/cpuset.mems", nodes)
                _write(f"{group}/cpuset.cpus", listed)
        except OSError:
            _remove(path)
            return False
        self.others.append(path)
        return True

    def deny_devices(self, devices: Iterable[str]) -> bool:
        path = f"{self.mount}/devices/{self.relative}"
        try:
            _make(path)
            for device in devices:
                _write(f"{path}/devices.deny", f"{device} rwm")
        except OSError:
            _remove(path)
            return False
        self.others.append(path)
        return True

    def oom_killed(self) -> bool:
        return bool(self.memory) and _field(f"{self.memory}/memory.oom_control", "oom_kill") > 0

    def destroy(self) -> None:
        for path in filter(None, (self.freezer, self.memory, *self.others)):
            _remove(path)


class CgroupV2:
    """A group in the unified hierarchy."""

    def __init__(self, mount: str, relative: str, memory: bool) -> None:
        self.path = f"{mount}/{relative}"
        _make(self.path)
        self.memory = memory and self._enable("memory")

    def _enable(self, controller: str) -> bool:
        """Have the step's group a controller's files."""
        try:
            for group in _parents(self.path)[:-1]:
                _write(f"{group}/cgroup.subtree_control", f"+{controller}")
        except OSError:
            return False
        return True

    def attach(self) -> None:
        _write(f"{self.path}/cgroup.procs", str(os.getpid()))

    def pids(self) -> list[int]:
        return [int(word) for word in _read(f"{self.path}/cgroup.procs").split()]

    def freeze(self) -> None:
        _write(f"{self.path}/cgroup.freeze", "1")

    def thaw(self) -> None:
        _write(f"{self.path}/cgroup.freeze", "0")

    def limit_memory(self, mib: int) -> bool:
        if not self.memory:
            return False
        try:
            _write(f"{self.path}/memory.max", str(mib << 20))
        except OSError:
            return False
        with contextlib.suppress(OSError):
            _write(f"{self.path}/memory.swap.max", "0")
        return True

    def limit_cpus(self, job: str, step: str) -> bool:
        if not self._enable("cpuset"):
            return False
        try:
            _write(f"{os.path.dirname(self.path)}/cpuset.cpus", job)
            _write(f"{self.path}/cpuset.cpus", step)
        except OSError:
            return False
        return True

    def deny_devices(self, devices: Iterable[str]) -> bool:
        return False  # v2 has no files for this: it would need a BPF program

    def oom_killed(self) -> bool:
        return self.memory and _field(f"{self.path}/memory.events", "oom_kill") > 0

    def destroy(self) -> None:
        _remove(self.path)


def group_path(launch: pb.StepLaunch) -> str:
    """Where the groups of a step lie below the mount.

    The node's name keeps emulated nodes apart, its spool directory clusters side by side.
    """
    mark = zlib.crc32(launch.settings.spool.encode())
    step = step_name(launch.step_id)
    return f"slurm_{launch.node}_{mark:08x}/uid_{launch.uid}/job_{launch.job_id}/step_{step}"


def _plugin(settings: pb.StepSettings, mount: str) -> str:
    """``v1``, ``v2`` or "" where control groups are not wanted or not there."""
    if settings.proctrack != "cgroup" or settings.cgroup_plugin == "disabled":
        return ""
    wanted = settings.cgroup_plugin.removeprefix("cgroup/")
    if wanted in ("v1", "v2"):
        return wanted
    return "v2" if os.path.exists(f"{mount}/cgroup.controllers") else "v1"


def create(settings: pb.StepSettings, launch: pb.StepLaunch, supervisor: int) -> Tracker:
    """Start tracking a step: in control groups where configured and possible, else by the process tree."""
    mount = settings.cgroup_mount or DEFAULT_MOUNT
    relative = group_path(launch)
    plugin = _plugin(settings, mount)
    with contextlib.suppress(OSError):
        if plugin == "v1":
            return CgroupV1(mount, relative, settings.constrain_ram)
        if plugin == "v2":
            return CgroupV2(mount, relative, settings.constrain_ram)
    return ProcessTree(supervisor)


def join(launch: pb.StepLaunch) -> None:
    """Enter the groups of a running step from outside, where it has any."""
    for path in _group_directories(launch):
        with contextlib.suppress(OSError):
            _write(f"{path}/cgroup.procs", str(os.getpid()))


def _group_directories(launch: pb.StepLaunch) -> Iterable[str]:
    """The groups that a step may have made, in whichever hierarchy."""
    mount = launch.settings.cgroup_mount or DEFAULT_MOUNT
    if not _plugin(launch.settings, mount):
        return ()
    relative = group_path(launch)
    return (f"{mount}/freezer/{relative}", f"{mount}/memory/{relative}", f"{mount}/{relative}")


def leftovers(launch: pb.StepLaunch) -> list[int]:
    """Processes of a step whose supervisor is dead, from what it left in the spool.

    They are those in its control group, those of its session, and those of the
    job's user that carry the step in the environment they were started with.
    """
    if not launch.settings.supervisor_pid:  # the order as the node daemon sent it; the spool knows more
        files = spool.StepFiles(launch.settings.spool, launch.job_id, launch.step_id, launch.epoch)
        launch = files.read_run() or launch
    settings = launch.settings
    found: set[int] = set()
    for path in _group_directories(launch):
        found.update(int(word) for word in _read(f"{path}/cgroup.procs").split())
    job, step = str(launch.job_id).encode(), str(launch.step_id).encode()
    for process in procfs.everything().values():
        if process.state == "Z" or process.pid in found or process.start < settings.supervisor_start:
            continue
        if procfs.uid_of(process.pid) != launch.uid or process.pid == os.getpid():
            continue
        if settings.supervisor_pid and process.session == settings.supervisor_pid:
            found.add(process.pid)
            continue
        environment = procfs.environment(process.pid)
        if environment.get(b"SLURM_JOB_ID") != job or environment.get(b"SLURMD_NODENAME") != launch.node.encode():
            continue
        # Another cluster on this host may have a job of the same number.
        if environment.get(b"SLURM_CONF", b"") != settings.conf_file.encode():
            continue
        own_step = environment.get(b"SLURM_STEP_ID")
        if own_step is None if launch.step_id == BATCH_STEP else own_step == step:
            found.add(process.pid)
    return sorted(found)


def kill_leftovers(launch: pb.StepLaunch, patience: float = 5.0) -> bool:
    """Kill what a dead supervisor left behind; False where something does not go within `patience` seconds.

    Blocks: call it from a thread.
    """
    end = time.monotonic() + patience
    while pids := leftovers(launch):
        send_signal(pids, signal.SIGKILL)
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    shutil.rmtree(spool.pmix_directory(launch.settings.spool, launch.job_id, launch.step_id), ignore_errors=True)
    return True
