"""What becomes of jobs whose node is lost: they end, are requeued, or go on without it (--no-kill).

Source: sbatch(1) --no-kill, --requeue; the states, codes and words as recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crane_compat.core import states as st
from crane_compat.core.effects import JobChanged, SendNode, StepChanged
from crane_compat.core.job import Job
from crane_compat.core.node import Node
from crane_compat.wire import pb

if TYPE_CHECKING:
    from crane_compat.core.cluster import Cluster

#: TerminateJob.reason of such jobs
REASON = "NODE FAILURE"


def set_down(cluster: Cluster, node: Node, now: float) -> None:
    """The node is DOWN, and with it what runs there."""
    node.record.state = (node.record.state & ~st.NODE_BASE_MASK) | st.NODE_DOWN
    node.down_since = now
    for job_id in sorted(node.jobs):
        job = cluster.jobs.get(job_id)
        if job is not None:
            lose(cluster, job, node.name, now)


def lose(cluster: Cluster, job: Job, name: str, now: float) -> None:
    """A job has lost a node."""
    record = job.record
    if record.state & st.COMPLETING:
        node = cluster.nodes[name]
        if not node.connected:
            cluster.node_clean(job, name, now)
        return
    if job.finished:
        return
    record.failed_node = name
    for step in job.steps.values():
        if name in step.waiting:
            event = pb.StepEvent(node=name, node_failed=True)
            cluster.effects.append(StepChanged(job.id, step.record.step_id, event))
    cluster.effects.append(JobChanged(job.id, failed_node=name))
    if record.spec.no_kill and len(record.nodes) > 1 and name != record.batch_host:
        _excise(cluster, job, name, now)
    elif record.requeue and record.batch_flag:
        cluster.requeue(job, now, state=st.NODE_FAIL, reason=REASON)
    else:
        booting = bool(record.state & st.CONFIGURING)  # it never had the node
        record.reason = "BootFailure" if booting else "NodeDown"
        cluster.end_job(job, st.BOOT_FAIL if booting else st.NODE_FAIL, now, reason=REASON)


def _excise(cluster: Cluster, job: Job, name: str, now: float) -> None:
    """The job goes on with the nodes that are left."""
    record = job.record
    order = pb.TerminateJob(job_id=job.id, epoch=record.restarts, now=True, time=now)
    cluster.effects.append(SendNode(name, pb.NodeDown(terminate=order)))
    for step in list(job.steps.values()):
        if name in step.waiting:
            cluster.step_done(job, step, name, [], None, now, error="Node failure", oom=False)
    cluster.free_node(job, name, now)
    kept = [alloc for alloc in record.nodes if alloc.node != name]
    del record.nodes[:]
    record.nodes.extend(kept)
    cluster.count_allocation(job)
    cluster.touch(job)
    cluster.wants_scheduling = True


def returns(cluster: Cluster, node: Node, now: float) -> bool:
    """Is a node that answers, but was set DOWN, in service again (ReturnToService=2, slurm.conf(5))?"""
    down = node.record.state & st.NODE_BASE_MASK == st.NODE_DOWN
    settled = node.connected and not node.jobs and now - node.down_since >= SETTLE_SECS
    return down and settled and cluster.parameters.return_to_service == 2


#: Seconds that a node stays DOWN that answers: what ran there has then been ended.
SETTLE_SECS = 1.0
