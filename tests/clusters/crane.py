"""A cluster of ours on this host, by the programs a site uses: `crane` and the commands."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys

from crane_compat.core import states
from crane_compat.core.errors import RequestError
from crane_compat.daemon.rpc.client import Client, Unreachable
from crane_compat.wire import pb

from .cluster import Cluster, ClusterError

#: the accounting database is a file of the cluster, whatever server slurmdbd.conf names
_CRANE_TOML = '[accounting]\nurl = "sqlite:///@STATE@/accounting/slurm_acct_db.sqlite"\n'


class CraneCluster(Cluster):
    """`crane up --clean` from a directory with a slurm.conf, below one base directory."""

    def __init__(self, base: str, settings: str = "") -> None:
        """`settings` are lines for crane.toml."""
        super().__init__(base)
        self.settings = settings
        self.source = os.path.join(base, "conf")
        self._client: Client | None = None
        #: directory that the running cluster was configured from
        self._running: str | None = None

    @property
    def etc(self) -> str:
        return os.path.join(self.state, "etc")

    def crane(self, *arguments: str, timeout: float = 60.0) -> str:
        """Run a `crane` subcommand on this cluster; its stdout.  Raises ClusterError with what it said."""
        name, *rest = arguments
        place = ["--config", self.source, "--state", self.state]
        done = subprocess.run(
            [sys.executable, "-m", "crane_compat.commands.native.crane", name, *place, *rest],
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode:
            raise ClusterError(f"crane {name}: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def install(self) -> None:
        """Commands and daemons, as a site installs them, with the directory of the configuration compiled in."""
        done = subprocess.run(
            [
                *(sys.executable, "-m", "crane_compat.commands.native.crane", "install"),
                *("--prefix", self.prefix, "--sysconfdir", self.etc),
            ],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise ClusterError(f"crane install: {done.stderr.strip()}")

    def configure(self, directory: str) -> None:
        """Take the configuration files of `directory` for the next start."""
        if os.path.isdir(self.source):
            shutil.rmtree(self.source)
        os.makedirs(self.source)
        for name in os.listdir(directory):
            if name != "accounting.cmds":
                copied = shutil.copy(os.path.join(directory, name), self.source)
                with open(copied, "rb") as file:
                    text = file.read()
                if text.startswith(b"#!"):  # recordings have lost who may run them
                    with open(copied, "wb") as file:
                        file.write(text.replace(b"@PREFIX@", os.fsencode(self.prefix)))
                    os.chmod(copied, 0o755)
        if not os.path.exists(os.path.join(self.source, "crane.toml")):
            with open(os.path.join(self.source, "crane.toml"), "w", encoding="utf-8") as file:
                file.write(_CRANE_TOML + self.settings)

    def start(self, directory: str) -> None:
        self._forget()
        if self._running not in (None, directory):  # `up --clean` stops what its own configuration names
            with contextlib.suppress(ClusterError):
                self.crane("down", "--quiet")
        self._running = directory
        self.configure(directory)
        if not os.path.isdir(self.prefix):
            self.install()
        self.crane("up", "--clean", "--quiet")

    def stop(self) -> None:
        self._forget()
        if os.path.isdir(self.source):
            self.crane("down", "--quiet")

    def _forget(self) -> None:
        if self._client:
            self._client.close()
            self._client = None

    def job_states(self, job: int) -> list[str]:
        # one retry: the controller may have been restarted since the last question
        for _ in range(2):
            try:
                if self._client is None:
                    self._client = Client.controller(os.path.join(self.etc, "slurm.conf"), "squeue")
                answer = self._client.call(pb.Request(list_jobs=pb.ListJobs(job_ids=[job], all=True)))
                return [_state(record.state) for record in answer.jobs.jobs]
            except Unreachable:
                self._forget()
            except RequestError:
                return []
        return ["UNREACHABLE"]


def _state(number: int) -> str:
    """The state as squeue shows it: a job that still completes has not ended yet."""
    return "COMPLETING" if number & states.COMPLETING else states.JOB_NAMES[number & states.BASE_MASK][0]
