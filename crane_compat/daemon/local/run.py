"""Starting, watching and stopping the daemons of a site on this host.

All daemons are forked from this one process, which has imported everything
once: an interpreter for each of them would take most of the start-up time.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import importlib
import os
import select
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from crane_compat import paths
from crane_compat.core import states
from crane_compat.core.errors import RequestError
from crane_compat.daemon import background, entry
from crane_compat.daemon.background import StartError, user_ids
from crane_compat.daemon.rpc.client import Client, Unreachable
from crane_compat.parsers.slurm_conf import SlurmConf
from crane_compat.wire import FrameError, pb, recv_frame, send

from .site import Daemon, Site

#: seconds until every node must have registered
PATIENCE = 30.0
#: seconds a daemon gets to end by itself
STOP_PATIENCE = 10.0
#: seconds between two looks at the nodes while they register
_LOOK = 0.01

#: imported before controller and accounting are forked, besides their own modules
_SHARED = ("asyncio", "sqlite3", "sqlalchemy.dialects.sqlite.pysqlite", "crane_compat.accounting.service")


def _import(names: Iterable[str]) -> None:
    """Import what the next forks need, and keep the garbage collector off it, so that they share the pages."""
    for name in names:
        with contextlib.suppress(ImportError):  # the daemon that needs it says so
            importlib.import_module(name)
    gc.collect()
    gc.freeze()


def _fork(daemon: Daemon, extra: Sequence[str]) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        status = entry.main(daemon.name, [*daemon.argv, *extra])
    except SystemExit as exc:
        status = exc.code if isinstance(exc.code, int) else 1
    except BaseException as exc:  # a child must not return into the program that forked it
        print(f"{daemon.label}: fatal: {type(exc).__name__}: {exc}", file=sys.stderr)
    finally:
        sys.stderr.flush()
        os._exit(status & 0xFF)


def _start_all(daemons: Iterable[Daemon], extra: Sequence[str] = ()) -> None:
    children = {_fork(daemon, extra): daemon for daemon in daemons}
    failed = []
    for pid, daemon in children.items():
        _, status = os.waitpid(pid, 0)
        if status:
            failed.append(daemon)
    if failed:
        logs = ", ".join(sorted({daemon.log_file for daemon in failed if daemon.log_file}))
        where = f"; see {logs}" if logs else ""
        raise StartError(f"{', '.join(daemon.label for daemon in failed)} did not start{where}")


def start(site: Site, daemons: Sequence[Daemon], clear: bool = False) -> list[Daemon]:
    """Start those of `daemons` that do not run, each usable when this returns; what was started.

    Raises StartError naming those that failed; what has been started stays.
    """
    missing = [daemon for daemon in daemons if not daemon.pid()]
    if not missing:
        return []
    # nodes come first: they must not carry the controller's modules into every fork of a step's supervisor, and
    # they register as soon as there is a controller
    _import([entry.MAINS["slurmd"], "asyncio"])
    _start_all([daemon for daemon in missing if daemon.name == "slurmd"])
    _import([*entry.MAINS.values(), *_SHARED])
    _start_all([daemon for daemon in missing if daemon.name == "slurmdbd"])
    _start_all([daemon for daemon in missing if daemon.name == "slurmctld"], ["-c"] if clear else [])
    return missing


def _usable(node: pb.NodeRecord) -> bool:
    base = node.state & states.NODE_BASE_MASK
    return base in (states.NODE_IDLE, states.NODE_ALLOCATED, states.NODE_MIXED) and not (
        node.state & states.NODE_NO_RESPOND
    )


def _accounting_knows(client: Client) -> bool:
    """Has accounting confirmed all it was told so far (among it that the cluster exists)?"""
    rows = client.call(pb.Request(statistics=pb.Statistics())).statistics.values
    return all(row.value == "0" for row in rows if row.key == "outbox")


def wait_for_nodes(site: Site, names: set[str]) -> None:
    """Return once the controller has all of `names` as usable nodes.

    Raises StartError with those that are not after `PATIENCE` seconds (drained nodes are not waited for).
    """
    deadline = time.monotonic() + PATIENCE
    waiting = set(names)
    client = None
    while True:
        try:
            client = client or Client.controller(site.conf, "crane")
            nodes = client.call(pb.Request(list_nodes=pb.ListNodes(names=sorted(waiting)))).nodes.nodes
            given_up = states.NODE_DRAIN | states.NODE_FAILING
            waiting -= {node.name for node in nodes if _usable(node) or node.state & given_up}
            if not waiting and _accounting_knows(client):
                client.close()
                return
        except Unreachable:
            client = None
        except RequestError as exc:
            raise StartError(f"the controller refuses to list its nodes: {exc.text}") from None
        if time.monotonic() > deadline:
            raise StartError(
                f"no answer from {', '.join(sorted(waiting))} within {PATIENCE:.0f} s; their log files say why"
            )
        time.sleep(_LOOK)


# ---------------------------------------------------------------- stopping


def stop(site: Site, conf: SlurmConf, daemons: Sequence[Daemon]) -> list[str]:
    """Stop all that runs of the site on this host, running steps included; labels of what has been stopped.

    When this returns every process is gone and so is the run-time directory.
    """
    stopped = []
    for names in (("slurmctld",), ("slurmd",), ("slurmdbd",)):
        chosen = [daemon for daemon in daemons if daemon.name in names]
        stopped += _stop_all(chosen)
        if names == ("slurmd",):
            stopped += _stop_steps(_spool(conf, daemon) for daemon in chosen)
    _await_launcher(site.conf)
    with contextlib.suppress(OSError):
        shutil.rmtree(paths.run_dir(site.conf))
    with contextlib.suppress(OSError):
        os.rmdir(paths.RUN_ROOT)
    return stopped


def _spool(conf: SlurmConf, daemon: Daemon) -> str:
    host = next((node.hostname for node in conf.nodes if node.name == daemon.node), "")
    return str(conf.path_of("SlurmdSpoolDir", node=daemon.node, host=host))


def _stop_all(daemons: Iterable[Daemon]) -> list[str]:
    """Ask all of them to end, wait for all, by force in the end."""
    handles: dict[int, Daemon] = {}
    for daemon in daemons:
        if pid := daemon.pid():
            with contextlib.suppress(ProcessLookupError):
                handles[os.pidfd_open(pid)] = daemon
    labels = [daemon.label for daemon in handles.values()]
    for number, patience in ((signal.SIGTERM, STOP_PATIENCE), (signal.SIGKILL, 5.0)):
        for fd in handles:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(fd, number)
        deadline = time.monotonic() + patience
        while handles and time.monotonic() < deadline:
            ready, _, _ = select.select(list(handles), [], [], max(0.0, deadline - time.monotonic()))
            for fd in ready:
                os.close(fd)
                del handles[fd]
    for fd in handles:
        os.close(fd)
    return labels


def _stop_steps(spools: Iterable[str]) -> list[str]:
    """End the running steps of these spools at once, all of their processes; how they ended stays in the spool.

    The supervisors do it, so that output is flushed and control groups go; what does not obey is killed.
    """
    from crane_compat.daemon.stepd import adopt, tracking

    steps = [step for spool in spools for step in adopt.find(spool)]
    running = [(step, step.sock) for step in steps if step.sock is not None]
    for step, sock in running:
        with contextlib.suppress(OSError):
            send(sock, pb.NodeDown(terminate=pb.TerminateJob(job_id=step.job_id, now=True)))
    deadline = time.monotonic() + STOP_PATIENCE
    for step, sock in running:
        _await_end(sock, deadline)
        pid = step.launch.settings.supervisor_pid
        if pid:
            background.stop(pid, max(0.0, deadline - time.monotonic()), 0)
    for step in steps:
        if step.done is None:
            tracking.kill_leftovers(step.launch)
    return [f"step {step.files.stem}" for step, _ in running]


def _await_end(sock: socket.socket, deadline: float) -> None:
    """Read what a supervisor reports until the step has ended; closing then lets it go."""
    with contextlib.suppress(OSError, FrameError, ValueError), sock:
        sock.settimeout(max(0.001, deadline - time.monotonic()))
        while (message := recv_frame(sock, pb.NodeUp)) is not None:
            if message.HasField("done"):
                return


def _await_launcher(conf: str, patience: float = 5.0) -> None:
    """The launcher ends with the last daemon; its lock tells when."""
    try:
        fd = os.open(os.path.join(paths.run_dir(conf), "cmd.lock"), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return
    deadline = time.monotonic() + patience
    try:
        while time.monotonic() < deadline:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                time.sleep(0.005)
    finally:
        os.close(fd)


def clear(conf: SlurmConf, daemons: Sequence[Daemon]) -> str:
    """Forget queue, spool and accounting of a stopped cluster; "" or what has been left alone and why.

    Keys stay, so that nothing has to be distributed again.
    """
    from crane_compat.daemon.accounting.main import database_url

    _empty(conf.path_of("StateSaveLocation"), keep={"keys"})
    for daemon in daemons:
        if daemon.node:
            _empty(_spool(conf, daemon))
    if "filetxt" in str(conf.get("JobCompType") or "") and conf.get("JobCompLoc"):
        with contextlib.suppress(OSError):
            os.unlink(str(conf.get("JobCompLoc")))
    url = database_url(conf)
    if not url.startswith("sqlite:///"):
        return "the accounting database is not a file of this cluster: its jobs stay"
    database = url.removeprefix("sqlite:///")
    for suffix in ("", "-wal", "-shm", "-journal"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(database + suffix)
    # SlurmUser may be another from now on
    owner = user_ids(str(conf.get("SlurmUser") or "root"))
    for top in (conf.path_of("StateSaveLocation"), os.path.dirname(database)):
        for path, _, names in os.walk(top):
            for name in ("", *names):
                os.chown(os.path.join(path, name), *owner, follow_symlinks=False)
    return ""


def _empty(directory: str, keep: Iterable[str] = ()) -> None:
    try:
        entries = list(os.scandir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry_ in entries:
        if entry_.name in keep:
            continue
        if entry_.is_dir(follow_symlinks=False):
            shutil.rmtree(entry_.path)
        else:
            os.unlink(entry_.path)


# ---------------------------------------------------------------- looking


@dataclass(frozen=True)
class Status:
    """What `crane status` shows."""

    #: label, pid (0 = down), log file
    daemons: list[tuple[str, int, str]]
    #: state name → number of nodes; empty where the controller does not answer
    nodes: dict[str, int]
    #: the same of jobs that have not ended
    jobs: dict[str, int]
    answers: bool


def status(site: Site, daemons: Sequence[Daemon]) -> Status:
    """The daemons of this host, and what the controller says of nodes and jobs."""
    rows = [(daemon.label, daemon.pid(), daemon.log_file) for daemon in daemons]
    nodes: dict[str, int] = {}
    jobs: dict[str, int] = {}
    try:
        with Client.controller(site.conf, "crane") as client:
            for node in client.call(pb.Request(list_nodes=pb.ListNodes())).nodes.nodes:
                name = states.NODE_NAMES.get(node.state & states.NODE_BASE_MASK, "UNKNOWN")
                for flag, word in ((states.NODE_NO_RESPOND, "NOT_RESPONDING"), (states.NODE_DRAIN, "DRAIN")):
                    if node.state & flag:
                        name += f"+{word}"
                nodes[name] = nodes.get(name, 0) + 1
            for job in client.call(pb.Request(list_jobs=pb.ListJobs(all=True, active_only=True))).jobs.jobs:
                name = states.job_state_name(job.state)
                jobs[name] = jobs.get(name, 0) + 1
    except (Unreachable, RequestError):
        return Status(rows, {}, {}, False)
    return Status(rows, nodes, jobs, True)
