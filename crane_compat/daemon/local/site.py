"""Which configuration, state directory and programs belong together, and what of it runs on this host."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass

from crane_compat import shared_files
from crane_compat.core import states
from crane_compat.daemon.background import PidFile, StartError, user_ids
from crane_compat.daemon.launcher import install
from crane_compat.parsers.hostlist import expand
from crane_compat.parsers.slurm_conf import SlurmConf, load

from . import template

#: state directories of clusters whose --state is not given lie here, by the name of their configuration
STATE_ROOT = "/var/lib/crane"


@dataclass(frozen=True)
class Site:
    """A configuration and where its cluster on this host keeps its things."""

    #: directory or example that --config named
    source: str
    state: str
    #: the slurm.conf that daemons and commands read
    conf: str

    @property
    def bin(self) -> str:
        """The directory of commands and daemons to put in PATH."""
        return os.path.join(self.state, "bin")


@dataclass(frozen=True)
class Daemon:
    """One daemon that this host runs."""

    name: str
    argv: tuple[str, ...]
    pid_file: str
    log_file: str
    node: str = ""
    on_demand: bool = False

    @property
    def label(self) -> str:
        return f"{self.name} {self.node}".strip()

    def pid(self) -> int:
        """Its process; 0 where it does not run."""
        return PidFile(self.pid_file).holder()


def find(config: str | None, state: str | None) -> Site:
    """The site that ``--config`` and ``--state`` mean.

    `config` is a directory, a slurm.conf, or the name of an example (default: demo).  Raises StartError.
    """
    known = shared_files.examples()
    name = config or "demo"
    if name.endswith(".conf") and os.path.isfile(name):
        name = os.path.dirname(name) or "."
    source = os.path.abspath(name) if os.path.isdir(name) and (config is not None) else known.get(name, "")
    if not source or not os.path.exists(os.path.join(source, "slurm.conf")):
        raise StartError(
            f"no slurm.conf in {name}: give a directory that has one, or an example: {', '.join(known) or 'none here'}"
        )
    place = os.path.abspath(state or os.path.join(STATE_ROOT, os.path.basename(source)))
    directory = os.path.join(place, "etc") if template.has_places(source) else source
    return Site(source, place, os.path.join(directory, "slurm.conf"))


def prepare(site: Site) -> None:
    """Make the state directory with the filled-in configuration and the commands.  Raises StartError."""
    try:
        os.makedirs(site.state, exist_ok=True)
        etc = os.path.dirname(site.conf)
        if etc != site.source:
            template.render(site.source, site.state, etc)
        install.commands(site.bin, etc)
        install.daemons(site.bin, etc)
    except install.InstallError as exc:
        raise StartError(str(exc)) from None
    except OSError as exc:
        raise StartError(f"cannot write {exc.filename or site.state}: {exc.strerror}") from None


@contextlib.contextmanager
def alone(site: Site) -> Iterator[None]:
    """One `crane up` or `down` at a time for a state directory; a second one waits.  Raises StartError."""
    try:
        os.makedirs(site.state, exist_ok=True)
        lock = os.open(os.path.join(site.state, ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise StartError(f"cannot write {exc.filename or site.state}: {exc.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def secure(site: Site, conf: SlurmConf) -> None:
    """Give the copy of slurmdbd.conf, which holds a password, to SlurmUser alone.  Raises StartError."""
    owner = user_ids(str(conf.get("SlurmUser") or "root"))
    path = os.path.join(os.path.dirname(site.conf), "slurmdbd.conf")
    if os.path.dirname(path) != site.source and os.path.exists(path):
        os.chown(path, *owner)
        os.chmod(path, 0o600)


def read(site: Site) -> SlurmConf:
    """The site's configuration.  Raises ConfError, StartError."""
    try:
        return load(site.conf, strict=False)
    except FileNotFoundError:
        raise StartError(f"{site.conf} does not exist: `crane up` makes it") from None
    except OSError as exc:
        raise StartError(f"cannot read {site.conf}: {exc.strerror}") from None


def daemons(site: Site, conf: SlurmConf, nodes: str | None = None) -> list[Daemon]:
    """What this host runs of the cluster, in the order of starting; `nodes` (a hostlist) picks among its nodes.

    Raises StartError where that is nothing at all.
    """
    from crane_compat.daemon.accounting.main import _dbd_files
    from crane_compat.daemon.rpc.remote import local_names

    here = local_names()
    flags = ("-f", site.conf)
    found = []
    storage_host = str(conf.get("AccountingStorageHost") or "localhost")
    if "slurmdbd" in str(conf.get("AccountingStorageType") or "") and storage_host.split(".")[0] in here:
        pid_file, log_file, _ = _dbd_files(conf)
        found.append(Daemon("slurmdbd", flags, pid_file, log_file))
    if any(host.split(".")[0] in here or address in here for host, address in conf.controllers):
        found.append(
            Daemon("slurmctld", flags, conf.path_of("SlurmctldPidFile"), conf.path_of("SlurmctldLogFile") or "")
        )
    picked = set(expand(nodes)) if nodes else None
    local = [node for node in conf.nodes if (node.hostname or node.name).split(".")[0] in here]
    if picked is not None and (unknown := picked - {node.name for node in local}):
        raise StartError(f"no node of this host in {site.conf}: {', '.join(sorted(unknown))}")
    for node in local:
        if picked is None or node.name in picked:
            found.append(
                Daemon(
                    "slurmd",
                    ("-N", node.name, *flags),
                    conf.path_of("SlurmdPidFile", node=node.name, host=node.hostname),
                    conf.path_of("SlurmdLogFile", node=node.name, host=node.hostname) or "",
                    node.name,
                    # one that is switched off comes up with a job, by ResumeProgram
                    on_demand=picked is None and bool(node.state & states.NODE_POWERED_DOWN),
                )
            )
    if not found:
        hosts = ", ".join(sorted({host for host, _ in conf.controllers})) or "nothing"
        raise StartError(
            f"{site.conf} has nothing for this host ({os.uname().nodename}): its SlurmctldHost is {hosts}, "
            "and no NodeName or NodeHostname is this host"
        )
    pid_files = [daemon.pid_file for daemon in found]
    if twice := next((path for path in pid_files if pid_files.count(path) > 1), None):
        raise StartError(f"several daemons of this host share the pid file {twice}: put %n into SlurmdPidFile")
    return found
