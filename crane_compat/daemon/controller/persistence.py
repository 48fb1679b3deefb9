"""Between core and store: changes become a batch, rows become a cluster again."""

from __future__ import annotations

from crane_compat.core.cluster import Changes, Cluster
from crane_compat.core.job import Job, Step
from crane_compat.daemon.controller.store import Batch, Store
from crane_compat.wire import pb


def batch_of(cluster: Cluster, changes: Changes, outbox_done: int = 0) -> Batch:
    """Serialise what changed.  Runs in the event loop: a record must not change while it is written."""
    batch = Batch(outbox_done=outbox_done)
    for job_id in changes.jobs:
        job = cluster.jobs.get(job_id)
        if job is not None:
            job.wire = job.record.SerializeToString()
            batch.jobs.append((job_id, job.wire))
    batch.gone_jobs = sorted(changes.gone_jobs)
    batch.blobs = [(job_id, blob.SerializeToString()) for job_id, blob in changes.blobs.items()]
    for job_id, step_id in changes.steps:
        job = cluster.jobs.get(job_id)
        step = job.steps.get(step_id) if job is not None else None
        if step is not None:
            batch.steps.append(
                (job_id, step_id, step.record.SerializeToString(), _slim(step.request).SerializeToString())
            )
    batch.gone_steps = [key for key in changes.gone_steps if key not in changes.steps or not _has(cluster, key)]
    batch.nodes = [
        (name, cluster.nodes[name].record.SerializeToString()) for name in changes.nodes if name in cluster.nodes
    ]
    batch.partitions = [
        (name, cluster.partitions[name].SerializeToString())
        for name in changes.partitions
        if name in cluster.partitions
    ]
    for name in changes.reservations:
        if one := cluster.reservations.by_name.get(name):
            batch.reservations.append((name, one.record.SerializeToString()))
        else:
            batch.gone_reservations.append(name)
    for number in changes.triggers:
        if trigger := cluster.triggers.by_id.get(number):
            batch.triggers.append((number, trigger.SerializeToString()))
        else:
            batch.gone_triggers.append(number)
    for uid in changes.crontabs:
        if table := cluster.crontabs.by_uid.get(uid):
            batch.crontabs.append((uid, table.SerializeToString()))
        else:
            batch.gone_crontabs.append(uid)
    batch.outbox = [(event.seq, event.SerializeToString()) for event in changes.outbox]
    if changes.next_job_id:
        batch.meta["next_job_id"] = str(cluster.next_job_id)
    if changes.outbox:
        batch.meta["outbox_seq"] = str(cluster.outbox_seq)
    return batch


def _has(cluster: Cluster, key: tuple[int, int]) -> bool:
    job = cluster.jobs.get(key[0])
    return job is not None and key[1] in job.steps


def _slim(request: pb.StepRequest) -> pb.StepRequest:
    """A step's request without its environment: once launched, nobody needs that again."""
    if not request.spec.env:
        return request
    kept = pb.StepRequest.FromString(request.SerializeToString())
    kept.spec.ClearField("env")
    return kept


def restore(cluster: Cluster, store: Store) -> list[pb.AcctEvent]:
    """Fill a cluster from the store; returns the events accounting has not confirmed."""
    meta = store.meta()
    cluster.next_job_id = max(cluster.parameters.first_job_id, int(meta.get("next_job_id", 0)))
    cluster.outbox_seq = int(meta.get("outbox_seq", 0))
    for kept in store.nodes():
        node = cluster.nodes.get(kept.name)
        if node is None:
            continue
        for name in (
            "state", "reason", "reason_uid", "reason_user", "reason_time", "last_busy", "boot_time",
            "slurmd_start_time", "comment", "extra", "weight", "active_features",
        ):  # fmt: skip
            setattr(node.record, name, getattr(kept, name))
    for partition in store.partitions():
        if partition.name in cluster.partitions:
            cluster.partitions[partition.name].state = partition.state
    cluster.triggers.restore(store.triggers())
    cluster.crontabs.restore(store.crontabs())
    cluster.reservations.restore(store.reservations())
    for record in store.jobs():
        cluster.restore(Job(record))
    for step_record, request in store.steps():
        job = cluster.jobs.get(step_record.job_id)
        if job is None:
            continue
        step = Step(step_record, request)
        if not step_record.end_time:
            reported = {usage.node for usage in step_record.node_usage}
            step.waiting = {a.node for a in step_record.nodes} - reported
            if not step_record.overlap and step_record.step_id >= 0:
                step.core_masks = {
                    a.node: cluster.nodes[a.node].mask_of(a) for a in step_record.nodes if a.node in cluster.nodes
                }
        job.steps[step_record.step_id] = step
    cluster.count_running_tasks()
    for node in cluster.nodes.values():
        node.show_state()
    cluster.rebuild_table()
    return list(store.outbox())
