"""Long queues: the showing commands, and scancel, with 10,000 jobs that wait and an array of 100,000 tasks."""

from __future__ import annotations

import os
import sys
import time

from .experiment import MILLISECONDS, PROJECT, Bench, Figures, experiment

JOBS = 10_000

#: what is run how often
_COMMANDS = {
    "squeue": (["squeue"], 10),
    "squeue -j": (["squeue", "-j", "500"], 20),
    "squeue --json": (["squeue", "--json"], 5),
    "scontrol show job": (["scontrol", "show", "job", "500"], 20),
    "sprio": (["sprio"], 5),
}


def measure(bench: Bench) -> Figures:
    """Jobs of 200 kinds, held by nodes that take no work; then the array in their place."""
    bench.run("scontrol", "update", "nodename=ALL", "state=drain", "reason=benchmark")
    for kind in range(200):
        limit, tasks = 1 + kind % 50, 1 + kind // 50
        bench.submit(JOBS // 200, 8, "-o", "/dev/null", "-t", str(limit), "-n", str(tasks), "--wrap", "true")
    figures = {name: bench.median(*words, times=times) for name, (words, times) in _COMMANDS.items()}
    if bench.ours:
        for name in ("squeue", "squeue --json"):
            print(f"peak memory of {name}: {_peak(bench, *_COMMANDS[name][0]) / 1024:.0f} MiB", file=sys.stderr)
    figures["scancel -u, all of them"] = bench.run("scancel", "-u", "root")
    bench.drain()
    bench.run("sbatch", "-o", "/dev/null", "--array", "1-100000", "--wrap", "true")
    figures["squeue, an array of 100,000"] = bench.median("squeue", times=5)
    figures["squeue -r of it"] = bench.median("squeue", "-r", times=5)
    started = time.perf_counter()
    bench.run("scancel", "-u", "root")
    figures["scancel of it"] = time.perf_counter() - started
    return figures


def _peak(bench: Bench, *words: str) -> int:
    """KiB at most, of the command in a process of its own."""
    program = [sys.executable, "-m", "crane_compat.commands", *words]
    actions = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    env = bench.env | {"SLURM_CONF": os.path.join(bench.cluster.etc, "slurm.conf"), "PYTHONPATH": str(PROJECT)}
    _, status, usage = os.wait4(os.posix_spawn(sys.executable, program, env, file_actions=actions), 0)
    if status:
        raise RuntimeError(f"{' '.join(words)} failed")
    return usage.ru_maxrss


if __name__ == "__main__":
    experiment(
        "Long queues, median", MILLISECONDS, measure, settings="MaxJobCount=300000\nMaxArraySize=100001\n",
        module="benchmarks.queue",
    )  # fmt: skip
