"""Memory of each kind of process.

PSS counts a page shared by n processes as 1/n of it, so that PSS of all of them adds up to what is really
used; "private" (USS) is what goes away with the process.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from .experiment import MEBIBYTES, Bench, Figures, experiment

#: jobs in the queue when the controller is looked at
_QUEUES = (0, 1000, 10000)


def _processes() -> dict[int, str]:
    """Process → command line, of all on this host."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    found[int(entry)] = file.read().replace(b"\0", b" ").decode(errors="replace").strip()
            except OSError:
                continue
    return found


def memory(pid: int) -> dict[str, int]:
    """RSS, PSS and private memory of a process in bytes."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        kib = {key: int(value) for key, value in re.findall(r"(?m)^(\w+):\s+(\d+) kB", file.read())}
    private = kib["Private_Clean"] + kib["Private_Dirty"]
    return {"RSS": kib["Rss"] * 1024, "PSS": kib["Pss"] * 1024, "private": private * 1024}


def _figures(name: str, pids: Iterable[int]) -> Figures:
    """Of several processes of a kind, the mean."""
    all_ = [memory(pid) for pid in pids]
    return {f"{name}: {kind}": sum(one[kind] for one in all_) / len(all_) for kind in all_[0]} if all_ else {}


def _titled(bench: Bench, pattern: str) -> list[int]:
    """Processes of this cluster whose title is like `pattern`."""
    mark = re.compile(pattern.format(base=re.escape(bench.cluster.base)))
    return [pid for pid, line in _processes().items() if mark.search(line)]


#: what a process is → how its command line looks (ours; Slurm's)
_KINDS = {
    "node daemon": (r"^slurmd -N n1 .*{base}", r"slurmd -N n1$"),
    "launcher": (r"^crane-launcher: {base}", ""),
    "fork server": (r"^crane-forkserver: n1", ""),
    "step supervisor": (r"^slurmstepd: ", r"^slurmstepd: "),
}


def _pid_file(bench: Bench, name: str) -> int:
    with open(os.path.join(bench.cluster.state, "run", name), encoding="ascii") as file:
        return int(file.read().split()[0])


def measure(bench: Bench) -> Figures:
    figures: Figures = {}
    held = ("-H", "-o", "/dev/null", "--wrap", "true")
    total = 0
    for count in _QUEUES:
        bench.submit(count - total, 8, *held)
        total = count
        figures |= _figures(f"controller, {count:,} jobs", [_pid_file(bench, "slurmctld.pid")])
    bench.run("scancel", "--state=PENDING", "--me")
    figures |= _figures("accounting daemon", [_pid_file(bench, "slurmdbd.pid")])
    bench.run("sbatch", "-w", "n1", "-o", "/dev/null", "--wrap", "sleep 600")
    while bench.output("squeue", "-h", "-t", "RUNNING", "-o", "%t").split() != ["R"]:
        pass
    for name, patterns in _KINDS.items():
        pattern = patterns[0 if bench.ours else 1]
        if pattern:
            figures |= _figures(name, _titled(bench, pattern))
    bench.run("scancel", "--me")
    bench.drain()
    return figures


if __name__ == "__main__":
    experiment("Memory", MEBIBYTES, measure, module="benchmarks.memory")
