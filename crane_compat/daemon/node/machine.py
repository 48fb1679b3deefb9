"""What this machine is: processors, memory, boot time, load (slurmd -C, registration)."""

from __future__ import annotations

import glob
import os
import re
import time
from dataclasses import dataclass

from crane_compat.wire import pb


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
    found = _cores()
    cpus = sum(map(len, found.values()))
    sockets = len({package for package, _ in found}) or 1
    threads = max(map(len, found.values()), default=1)
    cores = max(1, len(found) // sockets)
    if sockets * cores * threads != cpus:
        sockets, cores, threads = 1, cpus, 1
    disk = os.statvfs(tmp)
    return Machine(
        cpus=cpus,
        boards=1,
        sockets=sockets,
        cores=cores,
        threads=threads,
        memory=_meminfo("MemTotal") // 1024,
        tmp_disk=disk.f_blocks * disk.f_frsize >> 20,
    )


def _cores() -> dict[tuple[int, int], list[int]]:
    """The CPUs that we may use by socket and core, in order."""
    found: dict[tuple[int, int], list[int]] = {}
    for cpu in sorted(os.sched_getaffinity(0)):
        base = f"/sys/devices/system/cpu/cpu{cpu}/topology/"
        try:
            key = (int(_read(base + "physical_package_id")), int(_read(base + "core_id")))
        except (OSError, ValueError):
            key = (0, cpu)
        found.setdefault(key, []).append(cpu)
    return dict(sorted(found.items()))


def shape(node: pb.NodeRecord) -> pb.NodeShape:
    """A node's processors as it is configured, and which of the machine's they are.

    Cores are cores where the machine has as many, with as many threads; else threads are CPUs in the machine's order.
    Where it has not even so many CPUs, the node pretends: its numbers are its own.
    """
    sockets = max(1, node.boards) * node.sockets
    count = sockets * node.cores * node.threads
    here = [cpus for cpus in _cores().values() if len(cpus) >= node.threads]
    if len(here) >= sockets * node.cores:
        numbers = [cpu for cpus in here for cpu in cpus[: node.threads]][:count]
    else:
        numbers = [cpu for cpus in _cores().values() for cpu in cpus][:count]
    pretended = len(numbers) < count
    return pb.NodeShape(
        boards=node.boards, sockets=sockets, cores=node.cores, threads=node.threads, cpus=node.cpus,
        numbers=range(count) if pretended else numbers, domains=[] if pretended else _domains(), pretended=pretended,
    )  # fmt: skip


def _domains() -> list[str]:
    """The CPUs of each NUMA node, "" of numbers that are none."""
    found = {}
    for path in glob.glob("/sys/devices/system/node/node*/cpulist"):
        if match := re.search(r"/node(\d+)/", path):
            found[int(match[1])] = _read(path)
    return [found.get(number, "") for number in range(max(found, default=-1) + 1)]


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
