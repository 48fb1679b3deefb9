"""Wall time of the commands users type most, on an idle cluster and with 1,000 jobs in the queue."""

from __future__ import annotations

from .experiment import MILLISECONDS, Bench, Figures, experiment

#: what is run how often
_COMMANDS = {
    "sbatch --wrap true": (["sbatch", "-H", "-o", "/dev/null", "--wrap", "true"], 50),
    "squeue": (["squeue"], 50),
    "sinfo": (["sinfo"], 50),
    "scontrol show job": (["scontrol", "show", "job", "1"], 50),
    "srun hostname (own allocation)": (["srun", "hostname"], 15),
    "salloc true": (["salloc", "-Q", "true"], 15),
    "srun -N4 -n128 true": (["srun", "-N4", "-n128", "true"], 5),
    "sbatch -W --wrap true": (["sbatch", "-W", "-o", "/dev/null", "--wrap", "true"], 5),
}


def measure(bench: Bench) -> Figures:
    bench.run("sbatch", "-H", "-o", "/dev/null", "--wrap", "true")
    figures = {name: bench.median(*words, times=times) for name, (words, times) in _COMMANDS.items()}
    figures["srun true (step in an allocation)"] = _step(bench)
    bench.submit(1000, 8, "-H", "-o", "/dev/null", "--wrap", "true")
    for name in ("squeue", "sinfo", "scontrol show job"):
        figures[f"{name}, 1,000 jobs"] = bench.median(*_COMMANDS[name][0], times=20)
    return figures


def _step(bench: Bench) -> float:
    """Seconds of one step of many inside of one allocation."""
    times = 20
    loop = (
        f"srun true; s=$(date +%s%N); for i in $(seq {times}); do srun true; done; echo $((($(date +%s%N)-s)/{times}))"
    )
    words = bench.output("salloc", "-Q", "-n1", "bash", "-c", loop).split()
    return int(words[-1]) / 1e9


if __name__ == "__main__":
    experiment("Wall time of commands, median", MILLISECONDS, measure, module="benchmarks.commands")
