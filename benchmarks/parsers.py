"""What parsing costs: large inputs at two sizes (twice the input, twice the time), typical ones, and imports."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from crane_compat.lint import examine
from crane_compat.parsers import arrays, constraint, dependency, hostlist, options

_SCRIPT = (
    b"#!/bin/bash\n#SBATCH -J train -N 2 --ntasks-per-node=4\n#SBATCH --mem=16G --gres=gpu:4\n#SBATCH -t 1-0\nrun\n"
)
_LINE = ["-N2", "--ntasks-per-node=4", "--mem=16G", "--gres=gpu:4", "-t", "1-0", "-p", "gpu", "job.sh"]

#: What a command loads on its way; the first line is what lark alone would cost.
_IMPORTS = (
    "lark",
    "click",
    "google.protobuf.message",
    "crane_compat.wire",
    "crane_compat.parsers.options",
    "crane_compat.parsers.slurm_conf",
    "crane_compat.commands.slurm.sbatch",
    "crane_compat.commands.slurm.squeue",
    "crane_compat.commands.slurm.scontrol",
)


def _hosts(count: int) -> str:
    return ",".join(f"r{number % 97}n{number}" for number in range(count))


def _script(size: int) -> bytes:
    lines = b"#!/bin/bash\n" + b"#SBATCH --comment=x\n" * (size // 40)
    return lines.ljust(size, b"#")


#: name → (what is done with an input, an input of a size, the size)
_LARGE: dict[str, tuple[Callable[..., object], Callable[[int], object], int]] = {
    "script of 4 MiB, options": (
        lambda script: options.parse("sbatch", [], {}, script, "x"),
        _script,
        4 << 20,
    ),
    "script of 4 MiB, crane lint": (
        lambda script: examine(script, "x"),
        lambda n: _SCRIPT.ljust(n, b"x"),
        4 << 20,
    ),
    "list of 100,000 hosts, expand": (hostlist.expand, _hosts, 100_000),
    "2 ranges of 50,000 hosts, expand": (hostlist.expand, lambda n: f"n[1-{n // 2}],m[1-{n // 2}]", 100_000),
    "100,000 hosts, compress": (hostlist.compress, lambda n: _hosts(n).split(","), 100_000),
    "array list of 100,000": (
        arrays.parse_array,
        lambda n: ",".join(str(2 * number) for number in range(n)),
        100_000,
    ),
    "constraint of 100,000 features": (
        constraint.parse_constraint,
        lambda n: "|".join(f"f{number}" for number in range(n)),
        100_000,
    ),
    "dependency on 100,000 jobs": (
        dependency.parse_dependency,
        lambda n: "afterok:" + ":".join(str(1 + number) for number in range(n)),
        100_000,
    ),
}


def _seconds(work: Callable[[], object], times: int = 5) -> float:
    found = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def _import_seconds(module: str) -> float:
    """Importing in a fresh interpreter, less the interpreter alone."""

    def run(code: str) -> float:
        return _seconds(lambda: subprocess.run([sys.executable, "-c", code], check=True), times=7)

    return run(f"import {module}") - run("pass")


def main() -> None:
    """Print the tables."""
    print("| large input | half of it | all of it |\n|---|---|---|")
    for name, (work, make, size) in _LARGE.items():
        half, whole = make(size // 2), make(size)
        print(f"| {name} | {_seconds(lambda: work(half)):.3f} s | {_seconds(lambda: work(whole)):.3f} s |")  # noqa: B023
    print("\n| typical input | |\n|---|---|")
    command = _seconds(lambda: options.parse("sbatch", _LINE, {}), times=500)
    script = _seconds(lambda: options.parse("sbatch", ["job.sh"], {}, _SCRIPT, "job.sh"), times=500)
    print(f"| command line of 9 words | {command * 1e6:.0f} µs |")
    print(f"| script of 3 directives | {script * 1e6:.0f} µs |")
    print("\n| import, fresh interpreter | |\n|---|---|")
    for module in _IMPORTS:
        print(f"| `{module}` | {_import_seconds(module) * 1e3:.0f} ms |")


if __name__ == "__main__":
    main()
