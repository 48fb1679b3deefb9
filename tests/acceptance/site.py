"""A site of two nodes for a test, driven as users drive it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

from crane_compat.daemon.background import PidFile
from crane_compat.daemon.rpc.client import Client
from crane_compat.wire import pb
from tests.clusters import users
from tests.clusters.cluster import FINAL
from tests.clusters.crane import CraneCluster

_CONF = """\
ClusterName={name}
SlurmctldHost=@HOST@(127.0.0.1)
SlurmUser={slurm_user}
SlurmctldPort={ports[0]}
StateSaveLocation=@STATE@/ctld
SlurmdSpoolDir=@STATE@/spool/%n
SlurmctldPidFile=@STATE@/run/slurmctld.pid
SlurmdPidFile=@STATE@/run/slurmd.%n.pid
SlurmctldLogFile=@STATE@/log/slurmctld.log
SlurmdLogFile=@STATE@/log/slurmd.%n.log
SlurmdParameters=config_overrides
ProctrackType={proctrack}
JobAcctGatherType=jobacct_gather/linux
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=10
KillWait=1
ReturnToService=2
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=localhost
AccountingStoragePort={ports[1]}
NodeName=n1 NodeHostname=@HOST@ NodeAddr=127.0.0.1 Port={ports[2]} RealMemory=4000 {cpus[0]}
NodeName=n2 NodeHostname=@HOST@ NodeAddr=127.0.0.1 Port={ports[3]} RealMemory=4000 {cpus[1]}
PartitionName=main Nodes=ALL Default=YES MaxTime=1:00:00
PartitionName=off Nodes=n1 State=DOWN
{more}
"""
_DBD_CONF = """\
DbdHost=localhost
DbdPort={ports[1]}
SlurmUser={slurm_user}
LogFile=@STATE@/log/slurmdbd.log
PidFile=@STATE@/run/slurmdbd.pid
StorageType=accounting_storage/mysql
"""
#: seconds that anything at all may take on a busy machine
PATIENCE = 20.0


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now."""
    socks = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in socks]
    for sock in socks:
        sock.close()
    return ports


def until(reached: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Wait until `reached()` is true; an AssertionError naming `what` if it does not come to be."""
    deadline = time.monotonic() + patience
    while not reached():
        assert time.monotonic() < deadline, f"not within {patience:.0f} s: {what}"
        time.sleep(0.01)


class Site:
    """A running cluster; `work` is a directory in which every user may write.

    `cpus`: the words of the two nodes' lines about processors (and Gres); `files`: further ones of the configuration.
    """

    def __init__(
        self,
        name: str = "it",
        slurm_user: str = "root",
        more: str = "",
        *,
        cpus: tuple[str, str] = ("CPUs=16", "CPUs=16"),
        proctrack: str = "proctrack/linuxproc",
        files: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.base = tempfile.mkdtemp(prefix=f"crane-{name}-", dir="/tmp")
        os.chmod(self.base, 0o755)
        self.work = os.path.join(self.base, "work")
        os.mkdir(self.work)
        os.chmod(self.work, 0o777)
        self.cluster = CraneCluster(self.base)
        source = os.path.join(self.base, "site")
        os.mkdir(source)
        words = {
            "name": name, "slurm_user": slurm_user, "ports": free_ports(4), "more": more, "cpus": cpus,
            "proctrack": proctrack,
        }  # fmt: skip
        ours = {"slurm.conf": _CONF.format(**words), "slurmdbd.conf": _DBD_CONF.format(**words)}
        for file_name, text in (ours | dict(files)).items():
            with open(os.path.join(source, file_name), "w", encoding="utf-8") as file:
                file.write(text)
        self.source = source

    @property
    def conf(self) -> str:
        return os.path.join(self.cluster.etc, "slurm.conf")

    def up(self) -> None:
        """Start it, empty."""
        self.cluster.start(self.source)

    def up_again(self) -> None:
        """Start what does not run, with all that is remembered."""
        self.cluster.crane("up", "--quiet")

    def close(self) -> None:
        """Stop and remove it."""
        try:
            self.cluster.stop()
        finally:
            shutil.rmtree(self.base, ignore_errors=True)

    # ------------------------------------------------------------ as a user

    def run(self, line: str, user: str = "alice", seconds: float = PATIENCE) -> users.Outcome:
        """Run a shell command line of `user` in `work`."""
        return users.run(line, user, users.environment(user, self.cluster.directories), self.work, seconds)

    def sh(self, line: str, user: str = "alice") -> str:
        """The same, of a command that must succeed without a complaint; its stdout."""
        outcome = self.run(line, user)
        assert (outcome.rc, outcome.stderr) == (0, ""), f"{line}: {outcome}"
        return outcome.stdout

    def submit(self, arguments: str, user: str = "alice") -> int:
        """`sbatch ARGUMENTS`; the job's id."""
        answer = self.sh(f"sbatch {arguments}", user)
        found = re.fullmatch(r"Submitted batch job (\d+)\n", answer)
        assert found, answer
        return int(found[1])

    def file(self, name: str, text: str, user: str = "alice", mode: int = 0o755) -> str:
        """Write a file of `user` in `work`; its path."""
        path = os.path.join(self.work, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        shutil.chown(path, user, user)
        os.chmod(path, mode)
        return path

    def read(self, name: str) -> str:
        """What a job wrote; "" where there is no such file (yet)."""
        with contextlib.suppress(FileNotFoundError), open(os.path.join(self.work, name), encoding="utf-8") as file:
            return file.read()
        return ""

    # ------------------------------------------------------------ looking

    def job(self, job: int) -> pb.JobRecord:
        """The controller's record of a job.  Raises RequestError where it has none."""
        with Client.controller(self.conf, "test") as client:
            answer = client.call(pb.Request(list_jobs=pb.ListJobs(job_ids=[job], all=True)))
        return answer.jobs.jobs[0]

    def until(self, job: int, *states: str) -> None:
        """Wait until all records of `job` are in one of `states` (none given: have ended)."""
        wanted = set(states or FINAL)
        self.cluster._forget()

        def reached() -> bool:
            seen = self.cluster.job_states(job)
            return bool(seen) and set(seen) <= wanted

        until(reached, f"job {job} in {sorted(wanted)}; it is in {self.cluster.job_states(job)}")

    def accounted(self, job: int, fields: str = "JobID,State,ExitCode") -> list[str]:
        """`sacct` lines of a job once its end has come there."""
        line = f"sacct -n -P -j {job} -o {fields},End"

        def rows() -> list[list[str]]:
            return [row.split("|") for row in self.sh(line, "root").splitlines()]

        until(
            lambda: (got := rows()) and all(row[-1] not in ("Unknown", "") for row in got), f"the end of {job} in sacct"
        )
        return ["|".join(row[:-1]) for row in rows()]

    # ------------------------------------------------------------ as fate

    def pid(self, daemon: str) -> int:
        """Process of `slurmctld`, `slurmdbd` or `slurmd.NODE`; 0 = does not run."""
        return PidFile(os.path.join(self.cluster.state, "run", f"{daemon}.pid")).holder()

    def kill(self, *daemons: str) -> None:
        """kill -9, all of them at once; returns when they are gone."""
        pids = [pid for daemon in daemons if (pid := self.pid(daemon))]
        assert len(pids) == len(daemons), f"not all of {daemons} run"
        kill_all(pids)

    def start(self, command: str) -> None:
        """Start a daemon by its command, as an init script would; it is usable when this returns."""
        done = subprocess.run(
            [
                os.path.join(self.cluster.prefix, "sbin", word) if i == 0 else word
                for i, word in enumerate(command.split())
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            env={"PATH": "/usr/bin:/bin"},
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"

    def supervisors(self, job: int) -> list[int]:
        """The step supervisors of a job, by the spool of their nodes."""
        from crane_compat.daemon.stepd import adopt

        found = []
        for node in ("n1", "n2"):
            spool = os.path.join(self.cluster.state, "spool", node)
            for step in adopt.find(spool) if os.path.isdir(spool) else ():
                if step.sock is not None:
                    step.sock.close()
                if step.done is None and step.launch.job_id == job and step.launch.settings.supervisor_pid:
                    found.append(step.launch.settings.supervisor_pid)
        return found

    def processes(self, job: int) -> list[int]:
        """All processes that carry the job's id in their environment."""
        mark = b"SLURM_JOB_ID=%d" % job
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdecimal():
                with contextlib.suppress(OSError), open(f"/proc/{entry}/environ", "rb") as file:
                    environment = file.read().split(b"\0")
                    if mark in environment and f"SLURM_CONF={self.conf}".encode() in environment:
                        found.append(int(entry))
        return found


def kill_all(pids: list[int]) -> None:
    """kill -9 of all `pids`; returns when they are gone."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until(lambda: not any(alive(pid) for pid in pids), f"end of {pids}")


def alive(pid: int) -> bool:
    """Whether a process exists and is not a zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False
