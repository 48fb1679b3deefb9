"""Trivial jobs per second, from the first submission until all are COMPLETED, on four emulated nodes.

Slurm gets the settings that its high-throughput guide recommends.
"""

from __future__ import annotations

import time

from .experiment import PER_SECOND, Bench, Figures, experiment

_COUNT = 400
#: see "High Throughput Computing" in Slurm's documentation
_TUNED = """\
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,sched_interval=1,default_queue_depth=1000,max_rpc_cnt=150
SlurmctldDebug=error
SlurmdDebug=error
"""


def measure(bench: Bench) -> Figures:
    bench.submit(8, 8, "-o", "/dev/null", "--wrap", "true")
    bench.drain()
    started = time.perf_counter()
    bench.submit(_COUNT, 8, "-o", "/dev/null", "--wrap", "true")
    bench.drain()
    by_job = _COUNT / (time.perf_counter() - started)
    started = time.perf_counter()
    bench.run("sbatch", "-o", "/dev/null", "-a", f"1-{_COUNT}", "--wrap", "true")
    bench.drain()
    return {"jobs, 8 clients": by_job, f"an array of {_COUNT}": _COUNT / (time.perf_counter() - started)}


if __name__ == "__main__":
    experiment(
        "Jobs per second, submission to COMPLETED",
        PER_SECOND,
        measure,
        slurm_settings=_TUNED,
        module="benchmarks.throughput",
    )
