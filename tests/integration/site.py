"""A real cluster for one test module: daemons as `crane up` starts them, reached as commands reach them."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from crane_compat.core import states as st
from crane_compat.daemon.rpc.client import Client, Unreachable
from crane_compat.wire import pb

CONF = """\
ClusterName=trial
SlurmctldHost=@HOST@(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
StateSaveLocation=@STATE@/ctld
SlurmdSpoolDir=@STATE@/spool/%n
SlurmctldPidFile=@STATE@/run/slurmctld.pid
SlurmdPidFile=@STATE@/run/slurmd.%n.pid
SlurmctldLogFile=@STATE@/log/slurmctld.log
SlurmdLogFile=@STATE@/log/slurmd.%n.log
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=50
ProctrackType=proctrack/linuxproc
JobAcctGatherType=jobacct_gather/linux
SlurmdParameters=config_overrides
KillWait=1
ReturnToService=2
{extra}
NodeName=n[1-2] NodeHostname=@HOST@ NodeAddr=127.0.0.1 Port=[{first}-{last}] CPUs=8 RealMemory=4000
PartitionName=main Nodes=n[1-2] Default=YES DefaultTime=10 MaxTime=60
"""


def until(what: Callable[[], bool], patience: float = 30.0) -> bool:
    """Wait for a state, not for a time."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.01)
    return False


def _ports(count: int) -> int:
    """The first of `count` neighbouring ports that are free now."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            first = int(probe.getsockname()[1])
        if first + count < 65535:
            return first


class Site:
    """A cluster with its configuration in ``base/conf`` and its state in ``base/state``."""

    def __init__(self, base: Path, extra: str = "", state: Path | None = None) -> None:
        self.base = base
        os.chmod(base, 0o755)
        self.config = base / "conf"
        self.config.mkdir()
        port = _ports(4)
        text = CONF.format(port=port, first=port + 1, last=port + 2, extra=extra)
        (self.config / "slurm.conf").write_text(text)
        self.state = state or base / "state"
        self.work = base / "work"
        self.work.mkdir(mode=0o777)
        os.chmod(self.work, 0o777)

    @property
    def conf(self) -> str:
        return str(self.state / "etc" / "slurm.conf")

    def crane(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "crane_compat.commands.native.crane", *arguments]
        command += ["--config", str(self.config), "--state", str(self.state)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    def up(self) -> None:
        done = self.crane("up")
        assert done.returncode == 0, done.stderr

    def down(self) -> None:
        self.crane("down")

    # ------------------------------------------------------------ daemons

    def pid(self, daemon: str) -> int:
        """``slurmctld`` or ``slurmd.n1``."""
        return int((self.state / "run" / f"{daemon}.pid").read_text())

    def kill(self, daemon: str) -> None:
        """kill -9, and wait until the process is gone."""
        handle = os.pidfd_open(self.pid(daemon))
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        select.select([handle], [], [], 10)
        os.close(handle)

    def start(self, *command: str) -> None:
        done = subprocess.run(
            [str(self.state / "bin" / command[0]), "-f", self.conf, *command[1:]],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def log(self, daemon: str) -> str:
        return (self.state / "log" / f"{daemon}.log").read_text()

    # ------------------------------------------------------------ jobs

    def client(self) -> Client:
        return Client.controller(self.conf, "test")

    def spec(self, script: str, **fields: object) -> pb.JobSpec:
        spec = pb.JobSpec(
            name="trial", batch=True, work_dir=str(self.work), script=f"#!/bin/bash\n{script}\n".encode(),
            std_in="/dev/null", std_out=str(self.work / "%j.out"), env=[b"PATH=/usr/bin:/bin"],
        )  # fmt: skip
        for name, value in fields.items():
            setattr(spec, name, value)
        return spec

    def submit(self, script: str, **fields: object) -> int:
        with self.client() as client:
            reply = client.call(pb.Request(submit=pb.Submit(specs=[self.spec(script, **fields)])))
        return int(reply.submitted.job_id)

    def job(self, job_id: int) -> pb.JobRecord | None:
        try:
            with self.client() as client:
                found = client.call(pb.Request(list_jobs=pb.ListJobs(job_ids=[job_id]))).jobs.jobs
        except Unreachable:
            return None
        return found[0] if found else None

    def jobs(self) -> dict[int, pb.JobRecord]:
        with self.client() as client:
            return {job.job_id: job for job in client.call(pb.Request(list_jobs=pb.ListJobs())).jobs.jobs}

    def reaches(self, job_id: int, state: int, patience: float = 30.0) -> bool:
        def there() -> bool:
            job = self.job(job_id)
            return job is not None and job.state == state

        return until(there, patience)

    def runs(self, job_id: int) -> bool:
        """Wait until the script is running: it has opened its output."""
        return self.reaches(job_id, st.RUNNING) and until((self.work / f"{job_id}.out").exists)
