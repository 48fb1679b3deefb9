"""What this machine is: processors, memory, boot time, load (slurmd -C, registration)."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Machine:
    """Counts as slurm.conf names them; memory and disk in MiB."""

    cpus: int
    boards: int
    sockets: int
    cores: int  # per socket
    threads: int  # per core
    memory: int
    tmp_disk: int


def detect(tmp: str = "/tmp") -> Machine:
    """Read /proc and /sys.  Machines with uneven sockets are described by their total."""
    packages: dict[tuple[str, str], set[str]] = {}
    cpus = sorted(os.sched_getaffinity(0))
    for cpu in cpus:
        base = f"/sys/devices/system/cpu/cpu{cpu}/topology/"
        try:
            package, core = (_read(base + name) for name in ("physical_package_id", "core_id"))
        except OSError:
            package, core = "0", str(cpu)
        packages.setdefault((package, core), set()).add(str(cpu))
    sockets = {package for package, _ in packages} or {"0"}
    threads = max((len(members) for members in packages.values()), default=1)
    cores = max(1, len(packages) // len(sockets))
    if len(sockets) * cores * threads != len(cpus):
        sockets, cores, threads = {"0"}, len(cpus), 1
    disk = os.statvfs(tmp)
    return Machine(
        cpus=len(cpus),
        boards=1,
        sockets=len(sockets),
        cores=cores,
        threads=threads,
        memory=_meminfo("MemTotal") // 1024,
        tmp_disk=disk.f_blocks * disk.f_frsize >> 20,
    )


def _read(path: str) -> str:
    with open(path) as file:
        return file.read().strip()


def _meminfo(key: str) -> int:
    with open("/proc/meminfo") as file:
        for line in file:
            name, _, rest = line.partition(":")
            if name == key:
                return int(rest.split()[0])
    return 0


def boot_time() -> float:
    """When the machine was booted, seconds since the epoch."""
    with open("/proc/stat") as file:
        for line in file:
            if line.startswith("btime "):
                return float(line.split()[1])
    return 0.0


def load() -> tuple[float, int]:
    """(one-minute load average, free memory in MiB)."""
    return os.getloadavg()[0], _meminfo("MemFree") // 1024


def operating_system() -> str:
    """``Linux 6.1.0 #1 SMP …`` as scontrol show node prints it."""
    name = os.uname()
    return f"{name.sysname} {name.release} {name.version}"


def node_line(machine: Machine, name: str) -> str:
    """What ``slurmd -C`` prints: the machine as a NodeName line, and its uptime."""
    up = int(time.time() - boot_time())
    days, rest = divmod(up, 86400)
    hours, rest = divmod(rest, 3600)
    return (
        f"NodeName={name} CPUs={machine.cpus} Boards={machine.boards} SocketsPerBoard={machine.sockets} "
        f"CoresPerSocket={machine.cores} ThreadsPerCore={machine.threads} RealMemory={machine.memory}\n"
        f"UpTime={days}-{hours:02d}:{rest // 60:02d}:{rest % 60:02d}"
    )
