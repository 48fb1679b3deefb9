"""Job priority: `priority/basic` and `priority/multifactor` (slurm.conf(5), multifactor page).

Every factor is in 0…1; the priority is their weighted sum, truncated.  Without
usage history the fair-share factor is 1, as for a user who has used nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crane_compat.core.tres import STATIC

if TYPE_CHECKING:
    from crane_compat.core.cluster import Cluster
    from crane_compat.core.job import Job

#: priority/basic counts down from here (slurmctld: the first job gets the highest number)
BASIC_TOP = 4294901759


def job_priority(cluster: Cluster, job: Job, now: float) -> int:
    """The priority of a job that is not held (≥ 1)."""
    weights = cluster.parameters.priority
    record = job.record
    nice = record.spec.nice if record.spec.HasField("nice") else 0
    if not weights.multifactor:
        return max(1, BASIC_TOP - record.job_id - nice)
    total = 0.0
    if weights.age and record.accrue_time:
        total += weights.age * min(1.0, max(0.0, now - record.accrue_time) / weights.max_age)
    if weights.fairshare:
        total += weights.fairshare * (1.0 if record.assoc_id else 0.0)
    name = record.partition.split(",")[0]
    partition = cluster.partitions.get(name)
    nodes = max(1, len(cluster.nodes))
    cpus = max(1, int(cluster.table.cpus_total.sum()))
    if weights.job_size:
        share = (record.min_nodes / nodes + record.min_cpus / cpus) / 2.0
        total += weights.job_size * (1.0 - share if weights.favor_small else share)
    if weights.partition and partition is not None:
        highest = max((p.priority_job_factor for p in cluster.partitions.values()), default=0) or 1
        total += weights.partition * partition.priority_job_factor / highest
    if weights.qos:
        qos = cluster.accounts.qos.get(record.qos)
        highest_qos = cluster.accounts.max_qos_priority()
        if qos is not None and highest_qos:
            total += weights.qos * qos.priority / highest_qos
    for resource, weight in weights.tres.items():
        total += weight * _tres_share(cluster, job, resource)
    return max(1, int(total) - nice)


def _tres_share(cluster: Cluster, job: Job, resource: str) -> float:
    """Requested over configured amount of one trackable resource in the job's partition."""
    key = str(cluster.tres.ids.get(resource, STATIC.get(resource, 0)))
    wanted = dict(item.split("=", 1) for item in job.record.tres_req_ids.split(",") if "=" in item).get(key)
    if not wanted:
        return 0.0
    table = cluster.table
    mask = cluster.partition_mask(job.record.partition.split(",")[0])
    if resource == "cpu":
        total = int(table.cpus_total[mask].sum())
    elif resource == "mem":
        total = int(table.memory_total[mask].sum())
    elif resource == "node":
        total = int(mask.sum())
    elif resource.startswith("gres/"):
        name, _, kind = resource[5:].partition(":")
        total = int(table.gres_total(name, kind)[mask].sum())
    else:
        return 0.0
    return min(1.0, int(wanted) / total) if total else 0.0
