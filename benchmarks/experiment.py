"""One experiment on our cluster and, where it is installed, on Debian's Slurm: same configuration, one after the other.

Both run on a private host (network, host name), so that nothing of the machine's own is touched.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import click

from tests.clusters import private_host, slurm, users
from tests.clusters.cluster import Cluster
from tests.clusters.crane import CraneCluster

PROJECT = Path(__file__).resolve().parents[1]
SITE = str(Path(__file__).resolve().parent / "site")

#: name of a measurement → its value
Figures = dict[str, float]


class Bench:
    """A running cluster and the commands on it, started as directly as a shell starts them."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.ours = isinstance(cluster, CraneCluster)
        self.env = users.environment("root", cluster.directories)
        path = self.env["PATH"]
        if isinstance(cluster, slurm.SlurmCluster):
            # Debian's binaries themselves: the wrappers of the test cluster would cost a shell each
            self.env["SLURM_CONF"] = os.path.join(cluster.etc, "slurm.conf")
            path = "/usr/bin:/usr/sbin"
        self._path = path

    def spawn(self, words: Sequence[str], output: str = os.devnull) -> int:
        """Start a command; its process."""
        program = shutil.which(words[0], path=self._path) or words[0]
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
        ]
        return os.posix_spawn(program, list(words), self.env, file_actions=actions)

    def run(self, *words: str) -> float:
        """Run a command; the seconds it took.  Raises RuntimeError where it fails."""
        started = time.perf_counter()
        _, status = os.waitpid(self.spawn(words), 0)
        seconds = time.perf_counter() - started
        if status:
            raise RuntimeError(f"{' '.join(words)} failed: {os.waitstatus_to_exitcode(status)}")
        return seconds

    def output(self, *words: str) -> str:
        """Stdout of a command."""
        program = shutil.which(words[0], path=self._path) or words[0]
        done = subprocess.run([program, *words[1:]], env=self.env, capture_output=True, text=True, check=True)
        return done.stdout

    def median(self, *words: str, times: int) -> float:
        """Median seconds of `times` runs, after two that do not count."""
        taken = [self.run(*words) for _ in range(times + 2)][2:]
        return sorted(taken)[len(taken) // 2]

    def submit(self, count: int, parallel: int, *words: str) -> float:
        """Run ``sbatch WORDS…`` `count` times, `parallel` at a time; the seconds that took."""
        started = time.perf_counter()
        if parallel == 1:
            for _ in range(count):
                self.run("sbatch", *words)
        else:
            with ThreadPoolExecutor(parallel) as pool:
                list(pool.map(lambda _: self.run("sbatch", *words), range(count)))
        return time.perf_counter() - started

    def active(self) -> int:
        """Number of jobs that have not ended."""
        return len(self.output("squeue", "-h", "-r", "-o", "%i").split())

    def drain(self, pause: float = 0.02) -> None:
        """Wait until no job is left."""
        while self.active():
            time.sleep(pause)


Measure = Callable[[Bench], Figures]


@contextlib.contextmanager
def running(backend: str, more: str = "") -> Iterator[Bench]:
    """A cluster from the benchmarks' configuration (`more`: lines added to it), stopped in the end."""
    base = tempfile.mkdtemp(prefix=f"crane-bench-{backend}-", dir="/tmp")
    os.chmod(base, 0o755)
    site = os.path.join(base, "site")
    shutil.copytree(SITE, site)
    with open(os.path.join(site, "slurm.conf"), "a", encoding="utf-8") as file:
        file.write(more)
    cluster: Cluster = slurm.SlurmCluster(base) if backend == "slurm" else CraneCluster(base)
    try:
        cluster.start(site)
        yield Bench(cluster)
    finally:
        try:
            cluster.stop()
        finally:
            shutil.rmtree(base, ignore_errors=True)


@dataclass(frozen=True)
class Unit:
    """How figures of an experiment are shown, and which way is better."""

    name: str
    factor: float = 1.0
    #: the ratio is ours : Slurm's; where more is better, at least this is aimed at, else at most
    more_is_better: bool = False
    digits: int = 1


MILLISECONDS = Unit("ms", 1000.0)
SECONDS = Unit("s", digits=2)
PER_SECOND = Unit("1/s", more_is_better=True, digits=0)
MEBIBYTES = Unit("MiB", 1 / 2**20)


def table(title: str, unit: Unit, ours: Figures, theirs: Figures | None) -> str:
    """Text of a table of both sides, or of the one that has been measured."""
    if not ours and theirs:
        width = max(len(name) for name in theirs)
        rows = [f"{name:<{width}}  {value * unit.factor:>9.{unit.digits}f}" for name, value in theirs.items()]
        return "\n".join([f"{title} ({unit.name}; {os.cpu_count()} CPUs)", f"{'':<{width}}  {'slurm':>9}", *rows])
    width = max(len(name) for name in ours)
    lines = [f"{title} ({unit.name}; {os.cpu_count()} CPUs)"]
    lines.append(f"{'':<{width}}  {'crane':>9}" + (f"  {'slurm':>9}  {'ratio':>6}" if theirs is not None else ""))
    for name, value in ours.items():
        line = f"{name:<{width}}  {value * unit.factor:>9.{unit.digits}f}"
        if theirs is not None:
            other = theirs.get(name)
            line += (
                f"  {other * unit.factor:>9.{unit.digits}f}  {value / other:>6.2f}"
                if other
                else f"  {'-':>9}  {'-':>6}"
            )
        lines.append(line)
    if not slurm.installed() and theirs is None:
        lines.append("(Slurm is not installed here: apt-get install slurm-wlm slurmdbd munge mariadb-server)")
    return "\n".join(lines)


def experiment(
    title: str,
    unit: Unit,
    measure: Measure,
    settings: str = "",
    slurm_settings: str = "",
    module: str = "",
    both: bool = True,
) -> None:
    """The program of a benchmark: measure both sides, print the table, with ``--json FILE`` write the figures.

    `settings` are lines added to slurm.conf on both sides, `slurm_settings` on Slurm's only (where it needs to
    be tuned for what is measured); without `both`, Slurm has no part in it.
    """

    @click.command()
    @click.option("--only", type=click.Choice(["crane", "slurm"]), help="One side only.")
    @click.option("--json", "json_file", metavar="FILE", help="Write the figures there too.")
    def program(only: str | None, json_file: str | None) -> None:
        if not private_host.inside() and private_host.available():
            command = private_host.command(["-m", module, *sys.argv[1:]])
            os.chdir(PROJECT)
            os.execvp(command[0], command)
        if private_host.inside():
            private_host.furnish("bench")
        ours: Figures = {}
        theirs: Figures | None = None
        if only != "slurm":
            with running("crane", settings) as bench:
                ours = measure(bench)
        if only != "crane" and slurm.installed() and both:
            with running("slurm", settings + slurm_settings) as bench:
                theirs = measure(bench)
        print(table(title, unit, ours, theirs))
        if json_file:
            with open(json_file, "w", encoding="utf-8") as file:
                json.dump({"title": title, "unit": unit.name, "crane": ours, "slurm": theirs}, file, indent=1)

    program()
