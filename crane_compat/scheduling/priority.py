"""Job priority: `priority/basic` and `priority/multifactor` (slurm.conf(5), multifactor page).

Every factor is in 0…1, its part of the priority is the factor times the weight of
slurm.conf; the priority is the sum of the parts, less the nice value, truncated.
The fair-share factor comes from the tree of usage (`fairshare`); a user who has used nothing has 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from crane_compat.core.tres import STATIC

if TYPE_CHECKING:
    from crane_compat.core.cluster import Cluster
    from crane_compat.core.job import Job
    from crane_compat.wire import pb

#: priority/basic counts down from here (slurmctld: the first job gets the highest number)
BASIC_TOP = 4294901759

#: 0 is a held job's, and the field has 32 bits
LOWEST, HIGHEST = 1, 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Factors:
    """The parts whose sum is a job's priority: weighted, not yet rounded."""

    age: float = 0.0
    assoc: float = 0.0
    fairshare: float = 0.0
    job_size: float = 0.0
    partition: float = 0.0
    qos: float = 0.0
    tres: dict[str, float] = field(default_factory=dict)  # by resource, in the order of PriorityWeightTRES
    site: int = 0
    nice: int = 0

    @property
    def priority(self) -> int:
        """Their sum as the priority of a job that is not held."""
        parts = self.age + self.assoc + self.fairshare + self.job_size + self.partition + self.qos
        return min(HIGHEST, max(LOWEST, int(parts + sum(self.tres.values()) + self.site - self.nice)))


def job_priority(cluster: Cluster, job: Job, now: float) -> int:
    """The priority of a job that is not held (≥ 1)."""
    if not cluster.parameters.priority.multifactor:
        return max(LOWEST, BASIC_TOP - job.record.job_id - job.record.spec.nice)
    return priority_factors(cluster, job, now).priority


def is_given(record: pb.JobRecord) -> bool:
    """Has somebody said this priority, rather than that it is the sum of its factors?"""
    return record.spec.HasField("priority") and record.spec.priority == record.priority


def priority_factors(cluster: Cluster, job: Job, now: float, partition: str = "") -> Factors:
    """What the priority of a job consists of in one of its partitions, the first where none is named."""
    weights = cluster.parameters.priority
    record = job.record
    name = partition or record.partition.split(",")[0]
    return Factors(
        age=weights.age * _age(job, now, weights.max_age) if weights.age else 0.0,
        assoc=weights.assoc * _association(cluster, job) if weights.assoc else 0.0,
        fairshare=weights.fairshare * _fair_share(cluster, job) if weights.fairshare else 0.0,
        job_size=weights.job_size * _size(cluster, job) if weights.job_size else 0.0,
        partition=weights.partition * _partition(cluster, name) if weights.partition else 0.0,
        qos=weights.qos * _qos(cluster, job) if weights.qos else 0.0,
        tres={resource: weight * _tres_share(cluster, job, resource) for resource, weight in weights.tres.items()},
        site=0,  # there is no plug-in that would set it
        nice=record.spec.nice,
    )


def _age(job: Job, now: float, longest: float) -> float:
    if not job.record.accrue_time:
        return 0.0
    waited = int(now) - int(job.record.accrue_time)  # whole seconds, as Slurm counts them
    return min(1.0, max(0, waited) / longest) if longest else 1.0


def _association(cluster: Cluster, job: Job) -> float:
    """The association's Priority as a share of the highest one; an unset one counts as 0."""
    accounts = cluster.accounts
    assoc = accounts.by_id.get(job.record.assoc_id)
    own = int(assoc.limits.get("Priority") or 0) if assoc is not None else 0
    if not own:
        return 0.0
    return own / accounts.highest_priority


def _fair_share(cluster: Cluster, job: Job) -> float:
    return cluster.accounts.fair_share_of(job.record.assoc_id)


def _size(cluster: Cluster, job: Job) -> float:
    nodes = max(1, len(cluster.nodes))
    cpus = max(1, int(cluster.table.cpus_total.sum()))
    share = (job.record.min_nodes / nodes + job.record.min_cpus / cpus) / 2.0
    return min(1.0, max(0.0, 1.0 - share if cluster.parameters.priority.favor_small else share))


def _partition(cluster: Cluster, name: str) -> float:
    partition = cluster.partitions.get(name)
    highest = max((p.priority_job_factor for p in cluster.partitions.values()), default=0)
    return partition.priority_job_factor / highest if partition is not None and highest else 0.0


def _qos(cluster: Cluster, job: Job) -> float:
    qos = cluster.accounts.qos.get(job.record.qos)
    highest = cluster.accounts.max_qos_priority()
    return qos.priority / highest if qos is not None and highest else 0.0


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
