"""`crane up` and its kin on real clusters, two side by side."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crane_compat import paths
from crane_compat.daemon.background import PidFile
from crane_compat.daemon.rpc.client import Client
from crane_compat.wire import pb

from .conftest import ROOT

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(os.geteuid() != 0, reason="node daemons run as root"),
]

_CONF = """\
ClusterName={name}
SlurmctldHost=@HOST@(127.0.0.1)
SlurmctldPort={port}
SlurmdPort={port}1
StateSaveLocation=@STATE@/ctld
SlurmdSpoolDir=@STATE@/spool/%n
SlurmctldPidFile=@STATE@/run/slurmctld.pid
SlurmdPidFile=@STATE@/run/slurmd.%n.pid
SlurmctldLogFile=@STATE@/log/slurmctld.log
SlurmdLogFile=@STATE@/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
SlurmdParameters=config_overrides
SelectType=select/cons_tres
NodeName=a[1-3] NodeHostname=@HOST@ NodeAddr=127.0.0.1 Port={port}[1-3] CPUs=4 RealMemory=1000
PartitionName=main Nodes=ALL Default=YES
"""


class Cluster:
    """A cluster of three nodes below a directory of its own."""

    def __init__(self, name: str, port: int) -> None:
        self.root = Path(tempfile.mkdtemp(prefix=f"crane-{name}-"))
        self.root.chmod(0o755)
        self.config, self.state = self.root / "site", self.root / "state"
        self.config.mkdir()
        (self.config / "slurm.conf").write_text(_CONF.format(name=name, port=port))
        self.conf = str(self.state / "etc" / "slurm.conf")

    def crane(self, command: str, *argv: str) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-m", "crane_compat.commands.native.crane", command]
        place = ["--config", str(self.config), "--state", str(self.state)]
        return subprocess.run(
            [*program, *place, *argv], capture_output=True, text=True, check=False, timeout=60, cwd=ROOT
        )

    def pid(self, name: str) -> int:
        return PidFile(str(self.state / "run" / f"{name}.pid")).holder()

    def submit(self, script: str) -> int:
        spec = pb.JobSpec(batch=True, name="t", script=script.encode(), work_dir="/tmp", std_out="/dev/null")
        spec.env.append(b"PATH=/usr/bin:/bin")
        with Client.controller(self.conf, "test") as client:
            return int(client.call(pb.Request(submit=pb.Submit(specs=[spec]))).submitted.job_id)

    def jobs(self) -> dict[int, int]:
        with Client.controller(self.conf, "test") as client:
            jobs = client.call(pb.Request(list_jobs=pb.ListJobs(all=True))).jobs.jobs
        return {job.job_id: job.state & 0xFF for job in jobs}


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    made = Cluster("one", 2711)
    yield made
    made.crane("down", "--purge")
    shutil.rmtree(made.root)


def until(condition: object, patience: float = 10.0) -> bool:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.01)
    return False


def processes(text: str) -> list[str]:
    done = subprocess.run(["pgrep", "-af", text], capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def test_up_status_env_down(cluster: Cluster) -> None:
    done = cluster.crane("up")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"cluster one is up: 3 nodes, {cluster.conf}\n")
    assert cluster.crane("up").stdout.startswith("cluster one runs already: 3 nodes")
    status = cluster.crane("status")
    assert status.returncode == 0
    assert "nodes: 3 IDLE\njobs:  none\n" in status.stdout
    env = cluster.crane("env").stdout
    assert env == f"export PATH={cluster.state}/bin:$PATH\nexport SLURM_CONF={cluster.conf}\n"
    assert len(processes(f"slurmd -N a1 -f {cluster.conf}")) == 1
    pids = [cluster.pid(name) for name in ("slurmctld", "slurmd.a1", "slurmd.a2", "slurmd.a3")]
    assert all(pids)
    done = cluster.crane("down")
    assert done.stdout == "stopped: slurmctld, slurmd a1, slurmd a2, slurmd a3\n"
    assert not os.path.exists(paths.run_dir(cluster.conf))
    assert not processes(cluster.conf)
    assert os.listdir(cluster.state / "run") == []
    assert cluster.crane("down").stdout == "stopped: nothing was running\n"
    status = cluster.crane("status")
    assert status.returncode == 1 and "the controller does not answer" in status.stdout


def test_down_ends_running_steps_and_clean_forgets_them(cluster: Cluster) -> None:
    cluster.crane("up")
    first = cluster.submit(f"#!/bin/sh\nsetsid sleep 4711 & exec sleep 4711 # {cluster.root}\n")
    assert until(lambda: len(processes("^sleep 4711$")) == 2)
    assert f"step {first}.batch" in cluster.crane("down").stdout
    assert processes("^sleep 4711$") == []
    cluster.crane("up")
    assert until(lambda: cluster.jobs().get(first) not in (0, 1))  # its end was reported when the node came back
    assert cluster.submit("#!/bin/sh\n") > first
    assert cluster.crane("up", "--clean").returncode == 0
    assert cluster.jobs() == {}
    assert cluster.submit("#!/bin/sh\n") == 1


def test_some_nodes_only(cluster: Cluster) -> None:
    assert cluster.crane("up", "--nodes", "a[1,3]").stdout.startswith("cluster one is up: 2 nodes")
    assert cluster.pid("slurmd.a1") and cluster.pid("slurmd.a3") and not cluster.pid("slurmd.a2")
    done = cluster.crane("up", "--nodes", "b7")
    assert (done.returncode, done.stderr) == (1, f"crane: error: no node of this host in {cluster.conf}: b7\n")


def test_two_clusters_side_by_side(cluster: Cluster) -> None:
    other = Cluster("two", 2712)
    try:
        assert cluster.crane("up").returncode == 0
        assert other.crane("up").returncode == 0
        assert other.submit("#!/bin/sh\nsleep 60\n") == 1
        assert cluster.jobs() == {}
        assert cluster.crane("down").returncode == 0
        assert 1 in other.jobs()
    finally:
        other.crane("down", "--purge")
        assert not other.state.exists()
        shutil.rmtree(other.root)


def test_daemons_by_themselves(cluster: Cluster) -> None:
    """In the background once usable, a second start replaces the first, TERM removes the pid file."""
    cluster.crane("up", "--nodes", "a1")
    before = cluster.pid("slurmctld"), cluster.pid("slurmd.a1")
    binaries = cluster.state / "bin"
    for command in (["slurmctld"], ["slurmd", "-N", "a1"], ["slurmd", "-N", "a2"]):
        done = subprocess.run(
            [binaries / command[0], *command[1:]], capture_output=True, text=True, check=False, env={}
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    after = cluster.pid("slurmctld"), cluster.pid("slurmd.a1")
    assert all(after) and before[0] != after[0] and before[1] != after[1]
    os.kill(after[0], signal.SIGTERM)
    assert until(lambda: not cluster.pid("slurmctld"))
    assert not (cluster.state / "run" / "slurmctld.pid").exists()


def test_a_wrong_configuration_is_told(cluster: Cluster) -> None:
    conf = cluster.config / "slurm.conf"
    conf.write_text(conf.read_text() + "NoSuchKey=1\n")
    done = cluster.crane("up")
    assert done.returncode == 1
    assert "NoSuchKey" in done.stderr and "Traceback" not in done.stderr
    cluster.crane("down")  # node daemons take what they understand and stay
    conf.write_text("ClusterName=x\nSlurmctldHost=elsewhere\nNodeName=far\nPartitionName=p Nodes=far\n")
    done = cluster.crane("up", "--clean")
    assert done.returncode == 1
    assert re.search(r"has nothing for this host .*SlurmctldHost is elsewhere", done.stderr)
