"""scontrol's keywords about this host and its nodes: listjobs, liststeps, listpids, pidinfo, getaddrs.

Whose processes are whose the steps' supervisors say, through the controller: of this cluster alone, and of the steps
that the caller may look into.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator

from crane_compat import paths
from crane_compat.commands.slurm.scontrol_session import Session
from crane_compat.commands.slurm.scontrol_show import load_jobs
from crane_compat.core import states as st
from crane_compat.core.errors import Errno, RequestError
from crane_compat.parsers import hostlist
from crane_compat.wire import pb


def get_addresses(session: Session, op: str, words: list[str]) -> None:
    """getaddrs NODES: where the nodes' daemons are reached."""
    try:
        names = hostlist.expand(words[0])
    except hostlist.HostlistError:
        session.fail(f"Invalid hostlist: {words[0]}")
        return
    try:
        listing = pb.ListNodes(names=names, future=True)
        nodes = {node.name: node for node in session.controller.ask(pb.Request(list_nodes=listing)).nodes.nodes}
    except RequestError as exc:
        session.fail(f"slurm_load_node error: {exc.text}")
        return
    for name in names:
        node = nodes.get(name)
        if node is None:
            session.fail(f"Node {name} not found")
        else:
            print(f"{name}: {node.address or node.hostname or name}:{node.port}")


def pid_info(session: Session, op: str, words: list[str]) -> None:
    """The job that a process belongs to."""
    job_id = _job_of(words[0])
    if job_id is None:
        session.fail("Failed to locate job for requested pid")
        return
    reply = load_jobs(session, job_id)
    if reply is None:
        return
    print(f"Slurm JobId={job_id} ends at {time.ctime(reply.jobs[0].end_time)}")


def _job_of(pid: str) -> int | None:
    """From the environment the process was started with; None for one of another cluster, or of none."""
    with contextlib.suppress(ValueError, OSError, KeyError):
        with open(f"/proc/{int(pid)}/environ", "rb") as file:
            env = dict(item.split(b"=", 1) for item in file.read().split(b"\0") if b"=" in item)
        if os.path.realpath(os.fsdecode(env[b"SLURM_CONF"])) == os.path.realpath(paths.conf_path()):
            return int(env[b"SLURM_JOB_ID"])
    return None


# ---------------------------------------------------------------- steps


def _nodes_here(session: Session, named: str | None) -> set[str]:
    """The node named, else those that this host is.  Raises RequestError."""
    if named is not None:
        return {named}
    host = os.uname().nodename
    nodes = session.controller.ask(pb.Request(list_nodes=pb.ListNodes())).nodes.nodes
    return {node.name for node in nodes if node.hostname.partition(".")[0] == host.partition(".")[0]}


def _steps(session: Session, nodes: set[str]) -> list[pb.StepRecord]:
    """What runs on these nodes.  Raises RequestError."""
    steps = session.controller.ask(pb.Request(list_steps=pb.ListSteps())).steps.steps
    return [step for step in steps if any(alloc.node in nodes for alloc in step.nodes)]


def _listed(session: Session, words: list[str]) -> list[pb.StepRecord]:
    """For listjobs and liststeps; empty where the reason has been said."""
    try:
        steps = _steps(session, _nodes_here(session, words[0] if words else None))
    except RequestError as exc:
        session.fail(f"slurm_get_job_steps error: {exc.text}")
        return []
    if not steps:
        session.fail("No slurmstepd's found on this node")
    return steps


def list_jobs(session: Session, op: str, words: list[str]) -> None:
    """listjobs [NODE]"""
    if steps := _listed(session, words):
        print("JOBID")
        for number in sorted({step.job_id for step in steps}):
            print(number)


def list_steps(session: Session, op: str, words: list[str]) -> None:
    """liststeps [NODE]"""
    if steps := _listed(session, words):
        print(f"{'JOBID':<8} STEPID")
        for step in steps:
            print(f"{step.job_id:<8} {st.step_name(step.step_id)}")


def list_pids(session: Session, op: str, words: list[str]) -> None:
    """listpids [JOB[.STEP] [NODE]]: the processes of steps; tasks with their numbers."""
    job, _, step = (words[0] if words and words[0] != "*" else "").partition(".")
    named = words[1] if len(words) > 1 else None
    try:
        nodes = _nodes_here(session, named)
        wanted = [
            (record.job_id, record.step_id)
            for record in _steps(session, nodes)
            if job in ("", str(record.job_id)) and step in ("", st.step_name(record.step_id))
        ]
        rows = list(_processes(session, dict.fromkeys(job_id for job_id, _ in wanted), set(wanted), nodes))
    except RequestError as exc:
        session.fail(f"slurm_get_job_steps error: {exc.text}")
        return
    if rows:
        print(f"{'PID':<8} {'JOBID':<8} {'STEPID':<8} {'LOCALID':<7} {'GLOBALID':<8}")
        for pid, (job_id, step_id), local, rank in rows:
            print(f"{pid:<8} {job_id:<8} {st.step_name(step_id):<8} {local:<7} {rank:<8}")
        return
    node = named or os.uname().nodename.partition(".")[0]
    if step:
        session.fail(f"StepId={job}.{step} does not exist on node {node}.")
    elif job:
        session.fail(f"There are no steps for job {job} on node {node}.")
    else:
        session.fail("No job steps exist on this node.")


Row = tuple[int, tuple[int, int], str, str]


def _processes(session: Session, jobs: Iterable[int], wanted: set[tuple[int, int]], nodes: set[str]) -> Iterator[Row]:
    """Raises RequestError."""
    for job_id in jobs:
        try:
            listing = pb.ListSteps(job_id=job_id, usage=True)
            usages = session.controller.ask(pb.Request(list_steps=listing)).steps.usages
        except RequestError as exc:
            if exc.errno == Errno.INVALID_JOB_ID:  # over by now
                continue
            raise
        for told in usages:
            key = (told.job_id, told.step_id)
            if told.node not in nodes or key not in wanted:
                continue
            tasks = {task.pid: task for task in told.tasks}
            yield from ((task.pid, key, str(task.local), str(task.task)) for task in told.tasks)
            yield from ((pid, key, "-", "-") for pid in sorted(told.pids) if pid not in tasks)
