"""Submissions per second into a queue of held jobs, one client after the other and eight at a time."""

from __future__ import annotations

from .experiment import PER_SECOND, Bench, Figures, experiment

_HELD = ("-H", "-o", "/dev/null", "--wrap", "true")


def measure(bench: Bench) -> Figures:
    bench.submit(10, 1, *_HELD)
    return {
        "sbatch, 1 client": 200 / bench.submit(200, 1, *_HELD),
        "sbatch, 8 clients": 800 / bench.submit(800, 8, *_HELD),
    }


if __name__ == "__main__":
    experiment("Submissions per second", PER_SECOND, measure, module="benchmarks.submissions")
