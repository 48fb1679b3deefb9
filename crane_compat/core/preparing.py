"""What must be done between a job's start and its first step: nodes that boot, PrologSlurmctld, prologs on the nodes.

The job is CONFIGURING until its nodes are up and PrologSlurmctld has ended.  With PrologFlags=Alloc its nodes then run
their prologs at once (without, before the first step there); a batch script waits on its node for that one only, a
command that waits for the allocation for all of them unless PrologFlags=NoHold.  Source: slurm.conf(5) Prolog,
PrologSlurmctld, PrologFlags; what a failure leads to is as recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crane_compat.core import states as st
from crane_compat.core.effects import RunProgram, SendNode
from crane_compat.core.hook_env import controller_variables
from crane_compat.core.job import Job
from crane_compat.wire import pb

if TYPE_CHECKING:
    from crane_compat.core.cluster import Cluster
    from crane_compat.core.node import Node

#: What a job shows that waits for somebody to look at why its prolog failed.
LAUNCH_FAILED = "launch failed requeued held"

#: Node states in which nothing can be started on a node yet.
_BOOTING = st.NODE_POWERED_DOWN | st.NODE_POWERING_DOWN | st.NODE_POWERING_UP | st.NODE_REBOOT_ISSUED

PROLOG, EPILOG = "PrologSlurmctld", "EpilogSlurmctld"


def begin(cluster: Cluster, job: Job, now: float) -> None:
    """The job has its nodes: have them made ready."""
    record = job.record
    off = [alloc.node for alloc in record.nodes if cluster.nodes[alloc.node].record.state & st.NODE_POWERED_DOWN]
    if off:
        cluster.power.up(off, now)
    if record.spec.reboot and cluster.parameters.power.reboots:
        cluster.power.reboot_for([alloc.node for alloc in record.nodes if alloc.node not in off], now)
    if cluster.parameters.prolog_slurmctld:
        record.prolog_running = True
        _run(cluster, job, PROLOG)
    if record.prolog_running or _boots(cluster, job):
        record.state |= st.CONFIGURING
    else:
        _on_nodes(cluster, job)
        _launch(cluster, job, now)


def proceed(cluster: Cluster, job: Job, now: float) -> None:
    """Something that the job waited for has come about: go on where it was the last."""
    record = job.record
    if not record.state & st.CONFIGURING or record.prolog_running or _boots(cluster, job):
        return
    record.state &= ~st.CONFIGURING
    _on_nodes(cluster, job)
    _launch(cluster, job, now)
    cluster.touch(job)
    from crane_compat.core.steps import start_waiting_steps

    start_waiting_steps(cluster, job, now)


def resume(cluster: Cluster, job: Job) -> None:
    """After a restart of the controller: run again what nobody will hear the end of."""
    record = job.record
    if record.prolog_running and record.state & st.CONFIGURING:
        _run(cluster, job, PROLOG)
    if record.epilog_running:
        _run(cluster, job, EPILOG)


def ended(cluster: Cluster, job: Job) -> None:
    """The job is over: nothing is prepared any more, EpilogSlurmctld runs."""
    record = job.record
    record.prolog_running = False
    record.prolog_nodes[:] = []
    if cluster.parameters.epilog_slurmctld:
        record.epilog_running = True
        _run(cluster, job, EPILOG)


def program_ended(cluster: Cluster, key: str, job: Job, status: int, now: float) -> None:
    """PrologSlurmctld or EpilogSlurmctld of a job has ended."""
    record = job.record
    if key == EPILOG and record.epilog_running:
        record.epilog_running = False
        cluster.completed(job, now)
        cluster.touch(job)
    elif key == PROLOG and record.prolog_running:
        record.prolog_running = False
        if not status:
            proceed(cluster, job, now)
        elif record.batch_flag and record.requeue:
            cluster.requeue(job, now)
        else:
            cluster.end_job(job, st.CANCELLED, now, reason="CANCELLED", killed_by=cluster.slurm_uid)


def order(job: Job) -> pb.NodeDown:
    """What a node of the job is told with PrologFlags=Alloc."""
    return pb.NodeDown(prepare=pb.PrepareJob(job=job.record))


def prepared(cluster: Cluster, job: Job, node: str, now: float) -> None:
    """The prolog of an allocation has ended well on a node."""
    record = job.record
    if node not in record.prolog_nodes:
        return
    record.prolog_nodes[:] = [name for name in record.prolog_nodes if name != node]
    if not record.prolog_nodes and record.reason == "Prolog":
        record.reason = "None"
    cluster.touch(job)


def prolog_failed(cluster: Cluster, job: Job | None, node: Node, now: float) -> None:
    """A node's prolog failed: no more jobs for the node, and this one waits for somebody to look at it."""
    cluster.drain(node, "Prolog error", now)
    if job is None or job.finished or job.pending:
        return
    if job.record.batch_flag and job.record.requeue:
        if "nohold_on_prolog_fail" in cluster.parameters.scheduler:
            cluster.requeue(job, now)
        else:
            cluster.requeue(job, now, hold=True, why=LAUNCH_FAILED)
    else:
        cluster.end_job(job, st.CANCELLED, now, reason="CANCELLED", killed_by=cluster.slurm_uid)


def _boots(cluster: Cluster, job: Job) -> bool:
    names = (alloc.node for alloc in job.record.nodes)
    return any(cluster.nodes[name].record.state & _BOOTING for name in names if name in cluster.nodes)


def _on_nodes(cluster: Cluster, job: Job) -> None:
    flags, record = cluster.parameters.prolog_flags, job.record
    if "alloc" not in flags or not cluster.parameters.prolog:
        return
    record.prolog_nodes[:] = [alloc.node for alloc in record.nodes]
    if "nohold" not in flags:
        record.reason = "Prolog"
    for name in record.prolog_nodes:
        cluster.effects.append(SendNode(name, order(job)))


def _launch(cluster: Cluster, job: Job, now: float) -> None:
    """Start the script, which of a heterogeneous job runs in the first component once all are ready."""
    if "contain" in cluster.parameters.prolog_flags and st.EXTERN_STEP not in job.steps:
        cluster.add_extern_step(job, now)
    components = cluster.components(job)
    leader = components[0]
    if leader.record.batch_flag and st.BATCH_STEP not in leader.steps:
        if all(each.running and not each.state & st.CONFIGURING for each in components):
            cluster.add_batch_step(leader, now)


def _run(cluster: Cluster, job: Job, key: str) -> None:
    variables = controller_variables(job.record, cluster.parameters.cluster_name)
    variables["SLURM_SCRIPT_CONTEXT"] = "prolog_slurmctld" if key == PROLOG else "epilog_slurmctld"
    cluster.effects.append(RunProgram(key, (), variables, job.id, job.record.restarts))
