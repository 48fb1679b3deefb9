"""The process that plays scenarios: one cluster, reset before each, on a private host where there can be one.

Reads one request a line from its standard input (``{"root":…, "scenario":…}``)
and answers each with one line; ends, and stops its cluster, at the end of the input.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from typing import Any

from tests.clusters import private_host, users
from tests.clusters.cluster import Cluster, ClusterError

from .golden_format import Recordings, Scenario
from .player import Difference, Player, Result, StepResult

#: users of the recorded host with their ids, which sacct prints; on a host that is not private they are what they are
_IDS = {"alice": 1003, "bob": 1004, "carol": 1005, "dave": 1006, "slurm": 64030}


#: The recorded controller started batch jobs at the next backfill cycle: together, by priority, when the commands that
#: followed at once had seen them pending.  So does ours here, and later where nothing waits for a job to run.
_CYCLE, _CYCLE_COMMANDS = 2.0, 40
_PACE = "[scheduling]\nbatch_sched_delay = {seconds}\n"


def _pace(scenario: Scenario) -> str:
    waits = any("wait_job" in step or "wait_until" in step for step in scenario.steps)
    runs = any(
        word in str(step.get("run", "")) for step in scenario.steps for word in ("srun", "salloc", "--wait", "-W")
    )
    if waits or runs:
        return _PACE.format(seconds=0.5)
    # a rest much longer than the recorded cycle is for jobs to start in; so many commands took a cycle
    rests = any(float(step.get("sleep", 0)) > 1.5 * _CYCLE for step in scenario.steps[:_CYCLE_COMMANDS])
    return _PACE.format(seconds=_CYCLE if rests else 30)


def _cluster(backend: str, base: str) -> Cluster:
    if backend == "slurm":
        from tests.clusters.slurm import SlurmCluster

        return SlurmCluster(base)
    from tests.clusters.crane import CraneCluster

    return CraneCluster(base)


def _set_up_accounting(cluster: Cluster, directory: str) -> str:
    """Run the profile's accounting.cmds; "" or what failed."""
    path = os.path.join(directory, "accounting.cmds")
    if not os.path.exists(path):
        return ""
    env = users.environment("root", cluster.directories)
    with open(path, encoding="utf-8") as file:
        lines = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    failed = []
    for line in lines:
        outcome = users.run(line, "root", env, "/")
        if outcome.rc and " add cluster " not in line:  # a controller that has started has added its cluster
            failed.append(f"{line}: {(outcome.stderr or outcome.stdout).strip()}")
    return f"{failed[0]} ({len(failed)} of {len(lines)} accounting.cmds failed)" if failed else ""


def _work_directory() -> str:
    """A directory whose name is as long as the recordings' was, and begins like it: columns are cut to widths."""
    while True:
        path = f"/tmp/l{secrets.token_hex(2)}"
        with contextlib.suppress(FileExistsError):
            os.mkdir(path)
            return path


def play(cluster: Cluster, root: str, name: str, host: str, work: str) -> Result:
    """Reset the cluster and play one scenario."""
    recordings = Recordings(root)
    if name not in set(recordings):
        return Result(name, [], trouble=f"no such scenario in {root}")
    scenario = recordings.scenario(name)
    directory = recordings.profile(scenario.profile)
    cluster.settings = _pace(scenario)
    try:
        cluster.start(directory)
    except (ClusterError, OSError, subprocess.TimeoutExpired) as exc:
        return Result(name, [], trouble=str(exc))
    trouble = _set_up_accounting(cluster, directory)
    return dataclasses.replace(Player(scenario, cluster, host, work).play(), trouble=trouble)


def result_of(document: dict[str, Any]) -> Result:
    """The Result that a stage wrote as JSON."""
    steps = [
        StepResult(**{**step, "differences": [Difference(**each) for each in step["differences"]]})
        for step in document["steps"]
    ]
    return Result(document["name"], steps, document["seconds"], document["trouble"])


def main(backend: str, keep: str) -> int:
    """Answer requests until the input ends."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if private_host.inside():
        private_host.furnish("vm", _IDS)
    else:
        users.create_missing()
    host = socket.gethostname().split(".")[0]
    base = keep or tempfile.mkdtemp(prefix="crane-stage-", dir="/tmp")
    os.makedirs(base, exist_ok=True)
    os.chmod(base, 0o755)
    work = os.path.join(keep, "work") if keep else _work_directory()
    answers = os.fdopen(os.dup(1), "w")  # whatever a cluster prints must not mix with the answers
    os.dup2(2, 1)
    cluster = _cluster(backend, base)
    try:
        for line in sys.stdin:
            request = json.loads(line)
            result = play(cluster, request["root"], request["scenario"], host, work)
            answers.write(json.dumps(dataclasses.asdict(result)) + "\n")
            answers.flush()
    except KeyboardInterrupt:
        pass
    finally:
        try:
            cluster.stop()
        finally:
            if not keep:
                shutil.rmtree(base, ignore_errors=True)
                shutil.rmtree(work, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
