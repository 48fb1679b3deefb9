"""What a step uses: CPU time from wait4(2), memory and I/O from samples of /proc.

Source: jobacct_gather/linux in slurm.conf(5).  A task's figures are the sums
over its process tree; a step shorter than the sampling interval has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crane_compat.wire import pb

from . import procfs
from .tasks import Task


@dataclass
class _Peak:
    resident: int = 0
    virtual: int = 0
    pages: int = 0
    read: int = 0
    written: int = 0


class Meter:
    """Samples of one step on one node."""

    def __init__(self, node: str, tasks: Sequence[Task]) -> None:
        self.node = node
        self.tasks = tasks
        self.sampled = False
        self._peaks = {task.rank: _Peak() for task in tasks}
        self._live_cpu: dict[int, tuple[float, float]] = {}
        #: CPU seconds of processes that outlived their task's program and were reaped by the supervisor
        self.orphan_user = 0.0
        self.orphan_system = 0.0

    def sample(self, pids: Sequence[int]) -> int:
        """Look at the step's processes now; their resident memory in KiB."""
        owner = {task.pid: task.rank for task in self.tasks if task.pid}
        processes = {pid: process for pid in pids if (process := procfs.read(pid)) and process.state != "Z"}
        first = self.tasks[0].rank if self.tasks else 0
        sums: dict[int, _Peak] = {}
        cpu: dict[int, tuple[float, float]] = {}
        total = 0
        for process in processes.values():
            pid = process.pid
            while pid not in owner and pid in processes:
                pid = processes[pid].parent
            rank = owner.get(pid, first)
            value = sums.setdefault(rank, _Peak())
            read, written = procfs.disk_io(process.pid)
            value.resident += process.resident
            value.virtual += process.virtual
            value.pages += process.major_faults
            value.read += read
            value.written += written
            user, system = cpu.get(rank, (0.0, 0.0))
            cpu[rank] = (user + process.user, system + process.system)
            total += process.resident
        for rank, value in sums.items():
            peak = self._peaks.setdefault(rank, _Peak())
            for name in ("resident", "virtual", "pages", "read", "written"):
                setattr(peak, name, max(getattr(peak, name), getattr(value, name)))
        if processes:
            self.sampled = True
        self._live_cpu = cpu
        return total

    def usage(self) -> pb.Usage:
        """The figures so far."""
        usage = pb.Usage(node=self.node, tasks=len(self.tasks), sampled=self.sampled)
        least: float | None = None
        for task in self.tasks:
            user, system = task.user_sec, task.system_sec
            if task.status is None:
                user, system = self._live_cpu.get(task.rank, (0.0, 0.0))
            usage.user_sec += user
            usage.sys_sec += system
            if least is None or user + system < least:
                least, usage.min_cpu_task = user + system, task.rank
        usage.min_cpu = least or 0.0
        usage.user_sec += self.orphan_user
        usage.sys_sec += self.orphan_system
        usage.min_cpu_node = self.node
        largest = (
            ("resident", "max_rss"),
            ("virtual", "max_vsize"),
            ("pages", "max_pages"),
            ("read", "max_disk_read"),
            ("written", "max_disk_write"),
        )
        if self.sampled:
            for attribute, name in largest:
                rank, peak = max(self._peaks.items(), key=lambda item: getattr(item[1], attribute))
                setattr(usage, name, getattr(peak, attribute))
                setattr(usage, f"{name}_task", rank)
                setattr(usage, f"{name}_node", self.node)
        totals = (
            ("resident", "total_rss"),
            ("virtual", "total_vsize"),
            ("pages", "total_pages"),
            ("read", "disk_read"),
            ("written", "disk_write"),
        )
        for attribute, name in totals:
            setattr(usage, name, sum(getattr(peak, attribute) for peak in self._peaks.values()))
        return usage
