"""Seconds until a cluster of four nodes is usable: the first time, again from an empty state, and its end."""

from __future__ import annotations

import time

from tests.clusters.crane import CraneCluster

from .experiment import SECONDS, Bench, Figures, experiment


def measure(bench: Bench) -> Figures:
    cluster = bench.cluster
    if not isinstance(cluster, CraneCluster):
        return {}
    figures: Figures = {}
    for name, command in (
        ("crane down", ("down",)),
        ("crane up", ("up",)),
        ("crane up --clean", ("up", "--clean")),
        ("crane status", ("status",)),
    ):
        started = time.perf_counter()
        cluster.crane(*command)
        figures[name] = time.perf_counter() - started
    return figures


if __name__ == "__main__":
    experiment("Start and stop, four nodes and accounting", SECONDS, measure, module="benchmarks.startup", both=False)
