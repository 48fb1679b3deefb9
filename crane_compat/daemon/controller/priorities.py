"""What sprio shows: the parts of each waiting job's priority, as the scheduler adds them up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crane_compat.scheduling.priority import is_given, priority_factors
from crane_compat.wire import pb

if TYPE_CHECKING:
    from crane_compat.core.admission import Identity
    from crane_compat.core.cluster import Cluster
    from crane_compat.core.job import Job
    from crane_compat.parsers.slurm_conf import SlurmConf


def told(cluster: Cluster, conf: SlurmConf, who: Identity, now: float) -> pb.PriorityFactors:
    """Everything sprio wants to know; jobs that are held, or wait for a time or for other jobs, have no part in it."""
    weights = cluster.parameters.priority
    reply = pb.PriorityFactors(
        priority_type="priority/multifactor" if weights.multifactor else "priority/basic",
        cluster=cluster.parameters.cluster_name,
        weight_age=weights.age,
        weight_assoc=weights.assoc,
        weight_fairshare=weights.fairshare,
        weight_job_size=weights.job_size,
        weight_partition=weights.partition,
        weight_qos=weights.qos,
        weight_tres=str(conf.get("PriorityWeightTRES") or ""),
    )
    for number in sorted(cluster.pending):
        job = cluster.jobs[number]
        record = job.record
        waits = record.priority and record.eligible_time and record.eligible_time <= now
        if waits and cluster.may_see(job, who):
            for partition in record.partition.split(","):
                reply.jobs.append(_row(cluster, job, partition))
    return reply


def _row(cluster: Cluster, job: Job, partition: str) -> pb.JobPriority:
    record = job.record
    row = pb.JobPriority(
        job_id=record.job_id, uid=record.uid, user=record.user, account=record.account, partition=partition,
        qos=record.qos, nice=record.spec.nice,
    )  # fmt: skip
    weights = cluster.parameters.priority
    if is_given(record) or not weights.multifactor:
        row.given = record.priority
        return row
    factors = priority_factors(cluster, job, max(cluster.priorities_at, record.submit_time), partition)
    row.age, row.assoc, row.fairshare, row.job_size = factors.age, factors.assoc, factors.fairshare, factors.job_size
    row.partition_part, row.qos_part, row.site = factors.partition, factors.qos, factors.site
    for name, part in factors.tres.items():
        row.tres.add(name=name, part=part, weight=weights.tres[name])
    return row
