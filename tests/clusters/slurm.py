"""Debian's Slurm, started privately: to try the replayer on the real thing, and to measure side by side.

Needs the packages slurm-wlm, slurmdbd, munge and mariadb-server; none of their
services.  Its release is older than the recordings: keys of slurm.conf that it
does not know are left out.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable

from .cluster import Cluster, ClusterError

_PROGRAMS = ("slurmctld", "slurmd", "slurmdbd", "munged", "mariadbd")

_COMMANDS = (
    *("sbatch", "srun", "salloc", "squeue", "sinfo", "scontrol", "scancel", "sattach", "sbcast", "strigger"),
    *("sacct", "sacctmgr", "sreport", "sshare", "sprio", "sstat", "sdiag", "scrontab", "seff"),
    *("slurmctld", "slurmd", "slurmdbd"),
)

#: value of AccountingStoreFlags, SchedulerParameters … that releases before 23.02 refuse
_TOO_NEW = {"job_extra"}
#: lines of which files that Debian's release does not take
_DROP = re.compile(r"(?i)^\s*(CgroupPlugin|ScronParameters)\s*=")
PATIENCE = 30.0


def installed() -> bool:
    """Whether all programs of it are here."""
    return all(shutil.which(name) or os.path.exists(f"/usr/sbin/{name}") for name in _PROGRAMS)


def _await(reached: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not reached():
        if time.monotonic() > deadline:
            raise ClusterError(f"{what} is not there after {PATIENCE:.0f} s")
        time.sleep(0.05)


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


class SlurmCluster(Cluster):
    """Slurm with munge and MariaDB of its own."""

    DBPORT = 6999
    settle = 1.0

    def __init__(self, base: str) -> None:
        super().__init__(base)
        self.prefix = "/usr"
        self._helpers: list[subprocess.Popen[bytes]] = []
        self._password = secrets.token_hex(8)
        self.env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "SLURM_CONF": os.path.join(self.etc, "slurm.conf")}

    @property
    def etc(self) -> str:
        return os.path.join(self.base, "etc")

    @property
    def directories(self) -> tuple[str, ...]:
        return (os.path.join(self.base, "bin"),)

    # ------------------------------------------------------------ start

    def start(self, directory: str) -> None:
        self._stop_daemons()
        if not self._helpers:
            self._start_munge()
            self._start_mariadb()
            self._wrap_commands()
        self._clear()
        self._configure(directory)
        if os.path.exists(os.path.join(self.etc, "slurmdbd.conf")):
            self._daemon("slurmdbd")
            _await(lambda: _listens(self._port("slurmdbd.conf", "DbdPort", 6819)), "slurmdbd")
            self._command("sacctmgr", "-i", "add", "cluster", self._value("slurm.conf", "ClusterName"))
        self._daemon("slurmctld", "-c")
        for node in self._nodes():
            self._daemon("slurmd", "-N", node)
        _await(self._idle, "every node idle")

    def _start_munge(self) -> None:
        place = os.path.join(self.base, "munge")
        os.makedirs(place, mode=0o755)
        key = os.path.join(place, "key")
        with open(os.open(key, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
            file.write(secrets.token_bytes(128))
        # munged insists on the right owner of every directory above: run it as root where it lies in /tmp
        arguments = [
            f"--socket={place}/sock",
            f"--key-file={key}",
            f"--log-file={place}/log",
            f"--pid-file={place}/pid",
        ]
        self._helpers.append(
            subprocess.Popen(
                ["munged", "--foreground", "--force", f"--seed-file={place}/seed", *arguments],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        _await(lambda: os.path.exists(f"{place}/sock"), "munged")

    def _start_mariadb(self) -> None:
        place = os.path.join(self.base, "mariadb")
        os.makedirs(place)
        shutil.chown(place, "mysql", "mysql")
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
        subprocess.run(
            [
                *("mariadb-install-db", "--user=mysql", f"--datadir={place}/data", "--skip-test-db"),
                "--auth-root-authentication-method=normal",
            ],
            check=True,
            env=self.env,
            **quiet,  # type: ignore[call-overload]
        )
        self._helpers.append(
            subprocess.Popen(
                [
                    *("mariadbd", "--no-defaults", "--user=mysql", f"--datadir={place}/data", f"--socket={place}/sock"),
                    *("--bind-address=127.0.0.1", f"--port={self.DBPORT}", f"--pid-file={place}/pid"),
                    *("--innodb-buffer-pool-size=64M", "--innodb-lock-wait-timeout=900"),
                ],
                env=self.env,
                **quiet,  # type: ignore[call-overload]
            )
        )
        _await(lambda: _listens(self.DBPORT), "mariadbd")
        self._sql(f"CREATE USER slurm@'%' IDENTIFIED BY '{self._password}'; GRANT ALL ON *.* TO slurm@'%'")

    def _sql(self, statement: str) -> None:
        subprocess.run(
            ["mariadb", f"--socket={self.base}/mariadb/sock", "-u", "root", "-e", statement], check=True, env=self.env
        )

    def _wrap_commands(self) -> None:
        """Debian's commands look for /etc/slurm: these look here.

        Every test's command has no SLURM_CONF of its own, as on a site.
        """
        place = os.path.join(self.base, "bin")
        os.makedirs(place)
        for name in _COMMANDS:
            if real := shutil.which(name, path="/usr/bin:/usr/sbin"):
                path = os.path.join(place, name)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(
                        f'#!/bin/sh\nexport SLURM_CONF="${{SLURM_CONF:-{self.etc}/slurm.conf}}"\nexec {real} "$@"\n'
                    )
                os.chmod(path, 0o755)

    def _clear(self) -> None:
        shutil.rmtree(self.state, ignore_errors=True)
        for name in ("ctld", "spool", "log", "run"):
            os.makedirs(os.path.join(self.state, name))
        for name in ("ctld", "log", "run"):
            shutil.chown(os.path.join(self.state, name), "slurm", "slurm")
        self._sql("DROP DATABASE IF EXISTS slurm_acct_db; CREATE DATABASE slurm_acct_db")

    def _configure(self, directory: str) -> None:
        shutil.rmtree(self.etc, ignore_errors=True)
        os.makedirs(self.etc)
        words = {
            "HOST": socket.gethostname().split(".")[0],
            "STATE": self.state,
            "ETC": self.etc,
            "DBPORT": str(self.DBPORT),
            "DBPASS": self._password,
        }
        auth = f"AuthInfo=socket={self.base}/munge/sock\n"
        for name in os.listdir(directory):
            with open(os.path.join(directory, name), encoding="utf-8") as file:
                text = re.sub(r"@(\w+)@", lambda m: words.get(m[1], m[0]), file.read())
            text = "".join(line for line in text.splitlines(True) if not _DROP.match(line))
            for word in _TOO_NEW:
                text = re.sub(rf",{word}\b|\b{word},", "", text)
            if name in ("slurm.conf", "slurmdbd.conf"):
                text += auth
            if name == "slurm.conf" and os.path.exists(os.path.join(directory, "slurmdbd.conf")):
                text += f"AccountingStoragePass={self.base}/munge/sock\n"
            path = os.path.join(self.etc, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            shutil.copymode(os.path.join(directory, name), path)
            if name == "slurmdbd.conf":
                os.chmod(path, 0o600)
                shutil.chown(path, "slurm", "slurm")

    def _value(self, name: str, key: str, default: str = "") -> str:
        with open(os.path.join(self.etc, name), encoding="utf-8") as file:
            found = re.findall(rf"(?im)^\s*{key}\s*=\s*(\S+)", file.read())
        return found[-1] if found else default

    def _port(self, name: str, key: str, default: int) -> int:
        return int(self._value(name, key, str(default)))

    def _nodes(self) -> list[str]:
        with open(os.path.join(self.etc, "slurm.conf"), encoding="utf-8") as file:
            names = re.findall(r"(?im)^NodeName=(\S+)(.*)$", file.read())
        lists = [name for name, rest in names if name != "DEFAULT" and "STATE=CLOUD" not in rest.upper()]
        return self._command("scontrol", "show", "hostnames", ",".join(lists)).split()

    def _daemon(self, name: str, *arguments: str) -> None:
        done = subprocess.run(
            [name, *arguments], env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE
        )
        if done.returncode:
            raise ClusterError(f"{name}: {done.stderr.strip()}")

    def _command(self, *words: str) -> str:
        """Stdout of a command; "" where it fails, or tries too long to find a daemon."""
        try:
            done = subprocess.run(
                words, env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10
            )
        except subprocess.TimeoutExpired:
            return ""
        return done.stdout if done.returncode == 0 else ""

    def _idle(self) -> bool:
        states = self._command("sinfo", "-h", "-N", "-o", "%t").split()
        return bool(states) and set(states) <= {"idle", "idle~"}

    # ------------------------------------------------------------ stop

    def pids(self) -> dict[str, int]:
        """Daemon → process, of those that run."""
        found = {}
        for path in glob.glob(os.path.join(self.state, "run", "*.pid")):
            with contextlib.suppress(OSError, ValueError), open(path, encoding="ascii") as file:
                pid = int(file.read())
                os.kill(pid, 0)
                found[os.path.basename(path).removesuffix(".pid")] = pid
        return found

    def _stop_daemons(self) -> None:
        if not self.pids():  # without a controller, every command would try for a minute
            return
        self._command("scancel", "--state=PENDING", "-u", "root,alice,bob,carol,dave")
        for pid in self._steps():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for number, patience in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 2.0)):
            left = self.pids()
            for pid in left.values():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            deadline = time.monotonic() + patience
            while self.pids() and time.monotonic() < deadline:
                time.sleep(0.02)

    def _steps(self) -> list[int]:
        """The step daemons of this cluster and what they started."""
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdecimal():
                with contextlib.suppress(OSError), open(f"/proc/{entry}/environ", "rb") as file:
                    environment = file.read().split(b"\0")
                    mine = b"SLURM_CONF=" + os.fsencode(os.path.join(self.etc, "slurm.conf"))
                    if mine in environment and any(v.startswith(b"SLURM_JOB_ID=") for v in environment):
                        found.append(int(entry))
        return found

    def stop(self) -> None:
        self._stop_daemons()
        for helper in self._helpers:
            helper.terminate()
        for helper in self._helpers:
            helper.wait(20)
        self._helpers.clear()

    def job_states(self, job: int) -> list[str]:
        states = self._command("squeue", "-h", "-t", "all", "-j", str(job), "-o", "%T").split()
        return ["COMPLETING" if state.startswith("COMPLETING") else state for state in states]
