"""What happens to a request at the door: defaults, permissions, limits, refusals.

`admit` turns a `JobSpec` as the user gave it into a `JobRecord` and its request
classes, or raises RequestError with the number and text a Slurm controller
answers.  The order of the checks is the recorded one: whoever may not use a
partition learns that before the shape of the request is looked at, and only
the latter uses up a job id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from crane_compat.core import states as st
from crane_compat.core.accounts import Association
from crane_compat.core.errors import Errno, RequestError
from crane_compat.core.request import GresNeed, Request
from crane_compat.parsers import hostlist
from crane_compat.parsers.arrays import ArrayError, parse_array
from crane_compat.parsers.device_request import DeviceError, parse_devices, parse_licenses
from crane_compat.wire import INFINITE, pb

if TYPE_CHECKING:
    from crane_compat.core.cluster import Cluster


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks, as the kernel or a signed token says."""

    uid: int
    gid: int
    user: str
    group: str
    groups: frozenset[str] = frozenset()  # names of all groups

    def is_root(self) -> bool:
        return self.uid == 0


# ---------------------------------------------------------------- first: may they?


def check_identity(cluster: Cluster, spec: pb.JobSpec, who: Identity) -> None:
    """Who may submit at all, and not too long a script."""
    if cluster.parameters.disable_root_jobs and who.uid == 0:
        raise RequestError(Errno.USER_ID_MISSING)
    if len(spec.script) > cluster.parameters.max_script_size:
        raise RequestError(Errno.PATHNAME_TOO_LONG)
    if spec.reboot and not cluster.is_operator(who):
        raise RequestError(Errno.ACCESS_DENIED, details=("rebooting of nodes is only allowed for admins",))


def partitions_of(cluster: Cluster, spec: pb.JobSpec, who: Identity) -> list[pb.PartitionRecord]:
    """The partitions a request names (or the default one), each checked for access."""
    if not spec.partition:
        default = next((p for p in cluster.partitions.values() if p.is_default), None)
        if default is None:
            raise RequestError(Errno.DEFAULT_PARTITION_NOT_SET)
        found = [default]
    else:
        found = []
        for name in filter(None, spec.partition.split(",")):
            partition = cluster.partitions.get(name)
            if partition is None:
                raise RequestError(Errno.INVALID_PARTITION_NAME, details=(f"invalid partition specified: {name}",))
            found.append(partition)
    for partition in found:
        if partition.root_only and who.uid not in (0, cluster.slurm_uid):
            raise RequestError(Errno.ACCESS_DENIED)
        if partition.disable_root_jobs and who.uid == 0:
            raise RequestError(Errno.ACCESS_DENIED)
        if partition.state in (st.PARTITION_INACTIVE, st.PARTITION_DRAIN):
            raise RequestError(Errno.PARTITION_NOT_AVAIL)
        if partition.allow_groups and who.uid != 0 and not who.groups & set(partition.allow_groups.split(",")):
            raise RequestError(Errno.JOB_MISSING_REQUIRED_PARTITION_GROUP)
    return found


def account_of(cluster: Cluster, spec: pb.JobSpec, who: Identity) -> tuple[str, Association | None]:
    """The account to charge and the association it is charged through."""
    accounts = cluster.accounts
    account = spec.account or accounts.default_account(who.user)
    if not cluster.parameters.with_accounting or not accounts.known:
        return account, None
    association = accounts.find(who.user, account, spec.partition.split(",")[0])
    if association is None and cluster.parameters.enforce_associations and who.uid != 0:
        raise RequestError(Errno.INVALID_ACCOUNT)
    return account, association


def check_wckey(cluster: Cluster, spec: pb.JobSpec, who: Identity) -> None:
    """A key that the accounting database does not have, where the site insists on them."""
    if cluster.parameters.enforce_wckeys and cluster.accounts.known:
        if spec.wckey and (who.user, spec.wckey) not in cluster.accounts.wckeys:
            raise RequestError(Errno.INVALID_WCKEY)


def qos_of(cluster: Cluster, spec: pb.JobSpec, association: Association | None, who: Identity) -> tuple[str, int]:
    """The QOS and its id; without accounting there is none."""
    accounts = cluster.accounts
    if not cluster.parameters.with_accounting or not accounts.known:
        return spec.qos, 0
    name = spec.qos or (association.default_qos if association else "")
    if not name:
        name = association.qos[0] if association and len(association.qos) == 1 else "normal"
    qos = accounts.qos.get(name)
    if qos is None:
        if spec.qos:
            raise RequestError(Errno.INVALID_QOS)
        return "", 0
    if spec.qos and association and association.qos and name not in association.qos and who.uid != 0:
        if cluster.parameters.enforce_qos:
            raise RequestError(Errno.INVALID_QOS)
    return qos.name, qos.id


def check_times(spec: pb.JobSpec, limit: int, now: float) -> None:
    """A deadline that cannot be met, or a shortest time above the limit."""
    shortest = spec.time_min or limit
    if spec.time_min and limit != INFINITE and spec.time_min > limit:
        raise RequestError(Errno.INVALID_TIME_MIN)
    if spec.deadline:
        start = max(now, spec.begin_time)
        if spec.deadline < now or (shortest != INFINITE and start + shortest * 60.0 > spec.deadline):
            raise RequestError(Errno.INVALID_TIME_LIMIT)


def check_features(cluster: Cluster, spec: pb.JobSpec) -> None:
    """Names in --constraint and --prefer that no node has."""
    if not cluster.features_known(spec.features):
        raise RequestError(Errno.INVALID_FEATURE)
    if not cluster.features_known(spec.prefer):
        raise RequestError(Errno.INVALID_PREFER)


def check_batch_features(cluster: Cluster, spec: pb.JobSpec) -> None:
    """Names in --batch that no node has."""
    if spec.batch_features and not cluster.features_known(spec.batch_features):
        raise RequestError(Errno.INVALID_BATCH_FEATURE)


def check_nodes_named(cluster: Cluster, spec: pb.JobSpec) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The required and the excluded nodes, expanded."""
    result = []
    for text in (spec.req_nodes, spec.exc_nodes):
        try:
            names = tuple(dict.fromkeys(hostlist.expand(text))) if text else ()
        except ValueError as exc:
            raise RequestError(Errno.INVALID_NODE_NAME) from exc
        if any(name not in cluster.nodes for name in names):
            raise RequestError(Errno.INVALID_NODE_NAME)
        result.append(names)
    required, excluded = result
    if set(required) & set(excluded):
        raise RequestError(Errno.INVALID_NODE_NAME)
    return required, excluded


def licenses_of(cluster: Cluster, text: str) -> tuple[tuple[str, int], ...]:
    """``matlab:2,ansys`` as pairs; more than there are, or an unknown name, is refused."""
    needs: dict[str, int] = {}
    try:
        asked, _any_of = parse_licenses(text)
    except DeviceError as exc:
        raise RequestError(Errno.INVALID_LICENSES) from exc
    for item in asked:
        name = f"{item.name}@{item.server}" if item.server else item.name
        needs[name] = needs.get(name, 0) + item.count
        if needs[name] > cluster.parameters.licenses.get(name, 0):
            raise RequestError(Errno.INVALID_LICENSES)
    return tuple(sorted(needs.items()))


#: (the list of a partition, does it permit or deny, what it lists, how that is called)
_RULES = (
    ("allow_accounts", True, "account", "account"),
    ("deny_accounts", False, "account", "account"),
    ("allow_qos", True, "qos", "QOS"),
    ("deny_qos", False, "qos", "QOS"),
)


def partition_denies(partition: pb.PartitionRecord, account: str, qos: str) -> tuple[str, str]:
    """Why a partition does not take jobs of this account or QOS: reason and text; empty where it does.

    Such a job is accepted and waits, unless EnforcePartLimits says otherwise (slurm.conf(5)).
    """
    given = {"account": account, "qos": qos}
    for field, permits, what, called in _RULES:
        text: str = getattr(partition, field)
        if not text or not given[what]:
            continue
        if (given[what] in text.split(",")) is not permits:
            rule = f"allows {text} not {given[what]}" if permits else f"denies {text} including {given[what]}"
            reason = "AccountNotAllowed" if what == "account" else "QOSNotAllowed"
            return reason, f"Job's {called} not permitted to use this partition ({partition.name} {rule})"
    return "", ""


# ---------------------------------------------------------------- then: what?


def gres_needs(text: str, default_name: str = "") -> tuple[GresNeed, ...]:
    """``gpu:tesla:2,nvme`` (or, with a default name, ``tesla:2`` as --gpus takes it)."""
    try:
        asked = parse_devices(text, default_name) if text else ()
    except DeviceError as exc:
        raise RequestError(Errno.INVALID_GRES) from exc
    return tuple(GresNeed(item.name, item.type, item.count) for item in asked if item.count)


def check_gres_known(cluster: Cluster, needs: tuple[GresNeed, ...]) -> None:
    for need in needs:
        if need.name.lower() not in cluster.parameters.gres_types:
            raise RequestError(Errno.INVALID_GRES)


def time_limit_of(spec: pb.JobSpec, partition: pb.PartitionRecord) -> int:
    """Minutes: as asked, else DefaultTime, else MaxTime of the partition."""
    if spec.HasField("time_limit"):
        return spec.time_limit or INFINITE
    if partition.default_time_set:
        return partition.default_time
    return partition.max_time


def build_request(
    cluster: Cluster,
    spec: pb.JobSpec,
    partition: pb.PartitionRecord,
    required: tuple[str, ...],
    excluded: tuple[str, ...],
    licenses: tuple[tuple[str, int], ...],
    uid: int,
) -> Request:
    """The request class of a spec in one partition, with all defaults applied."""
    par = cluster.parameters
    cpus_per_task = spec.cpus_per_task or 1
    per_node = gres_needs(spec.gres) + gres_needs(spec.gpus_per_node, "gpu")
    per_job = gres_needs(spec.gpus, "gpu")
    per_task = gres_needs(spec.gpus_per_task, "gpu")
    ntasks_per_node = spec.ntasks_per_node
    if 0 < spec.max_nodes < len(required):  # more are named than may be used: the first of them
        required = required[: spec.max_nodes]
    if spec.HasField("num_tasks") and ntasks_per_node:
        # with -n, --ntasks-per-node is a maximum: it only decides how many nodes are needed
        needed = -(-spec.num_tasks // ntasks_per_node)
        min_nodes = max(spec.min_nodes or 1, needed)
    else:
        min_nodes = spec.min_nodes or 1
    if spec.sockets_per_node and spec.gpus_per_socket:
        per_node += tuple(
            GresNeed(n.name, n.type, n.count * spec.sockets_per_node) for n in gres_needs(spec.gpus_per_socket, "gpu")
        )
    min_nodes = max(min_nodes, len(required))
    max_nodes = max(min_nodes, min(spec.max_nodes, partition.max_nodes)) if spec.max_nodes else 0
    num_tasks = spec.num_tasks
    # a job that asks for a range of node counts, and no tasks, asks for one task's CPUs
    ranged = spec.max_nodes > (spec.min_nodes or 1) and not ntasks_per_node
    tasks = num_tasks or (1 if ranged else min_nodes * (ntasks_per_node or 1))
    gpus_here = sum(n.count for n in per_node if n.name == "gpu")
    cpus_per_gpu = spec.cpus_per_gpu or (par.def_cpu_per_gpu or 0)
    pn_min_cpus = spec.mincpus
    if cpus_per_gpu and gpus_here:
        pn_min_cpus = max(pn_min_cpus, cpus_per_gpu * gpus_here)
    if cpus_per_gpu and per_task:
        cpus_per_task = max(cpus_per_task, cpus_per_gpu * sum(n.count for n in per_task))
    min_cpus = tasks if spec.overcommit else tasks * cpus_per_task
    if cpus_per_gpu and per_job and not gpus_here:
        min_cpus = max(min_cpus, cpus_per_gpu * sum(n.count for n in per_job))
    min_cpus = max(min_cpus, pn_min_cpus * min_nodes)
    if spec.overcommit:
        min_cpus = min_nodes

    memory, per_cpu, all_memory = 0, False, False
    if spec.HasField("mem_per_node"):
        memory, all_memory = spec.mem_per_node, spec.mem_per_node == 0
    elif spec.HasField("mem_per_cpu"):
        memory, per_cpu, all_memory = spec.mem_per_cpu, True, spec.mem_per_cpu == 0
    elif spec.HasField("mem_per_gpu"):
        memory = 0
    elif partition.HasField("def_mem_per_cpu") or partition.HasField("def_mem_per_node"):
        per_cpu = partition.HasField("def_mem_per_cpu")
        memory = partition.def_mem_per_cpu if per_cpu else partition.def_mem_per_node
    elif par.def_mem_per_cpu:
        memory, per_cpu = par.def_mem_per_cpu, True
    elif par.def_mem_per_node:
        memory = par.def_mem_per_node
    elif par.memory_is_consumable:
        all_memory = True
    if not par.memory_is_consumable and not (spec.HasField("mem_per_node") or spec.HasField("mem_per_cpu")):
        memory, all_memory = 0, False
    limit = partition.max_mem_per_cpu if partition.HasField("max_mem_per_cpu") else par.max_mem_per_cpu
    if limit and per_cpu and memory > limit and spec.HasField("mem_per_cpu"):
        # slurm.conf(5), MaxMemPerCPU: more memory per CPU is granted as more CPUs
        factor = -(-memory // limit)
        cpus_per_task *= factor
        min_cpus *= factor
        memory = -(-memory // factor)
    exclusive = spec.exclusive in ("exclusive", "mcs", "topo") or partition.oversubscribe == "EXCLUSIVE" or par.linear
    return cluster.request_table.intern(
        Request(
            min_nodes=max(min_nodes, partition.min_nodes or 1),
            max_nodes=max_nodes,
            num_tasks=num_tasks,
            cpus_per_task=cpus_per_task,
            ntasks_per_node=ntasks_per_node,
            min_cpus=min_cpus,
            pn_min_cpus=pn_min_cpus,
            memory=memory,
            memory_per_cpu=per_cpu,
            tmp_disk=spec.tmp_disk,
            features=spec.features,
            req_nodes=required,
            exc_nodes=excluded,
            gres_per_node=per_node,
            gres_per_job=per_job,
            gres_per_task=per_task,
            memory_per_gpu=spec.mem_per_gpu,
            exclusive=exclusive,
            exclusive_user=uid if spec.exclusive == "user" or partition.exclusive_user else -1,
            overcommit=spec.overcommit,
            contiguous=spec.contiguous,
            spread=spec.spread_job,
            sockets=spec.sockets_per_node,
            cores=spec.cores_per_socket,
            threads=spec.threads_per_core,
            licenses=licenses,
            all_memory=all_memory,
            core_spec=spec.core_spec,
            tasks_per_socket=spec.ntasks_per_socket,
            tasks_per_core=spec.ntasks_per_core or int(cluster.parameters.one_task_per_core),
            fewest=spec.use_min_nodes,
            most_cpus=partition.max_cpus_per_node if partition.max_cpus_per_node != INFINITE else 0,
        )
    )


#: (what is compared, the line a refused sbatch prints before the error)
_CPUS = "CPU count per node can not be satisfied"
_MEMORY = "Memory specification can not be satisfied"
_DISK = "Temporary disk specification can not be satisfied"
_TOPOLOGY = "Socket, core and/or thread specification can not be satisfied"


def partition_limit(cluster: Cluster, request: Request, partition: pb.PartitionRecord) -> tuple[str, Errno | None]:
    """More nodes or CPUs than a partition gives: the reason a job waits for, and the error where that refuses."""
    mask = cluster.partition_mask(partition.name)
    if request.min_nodes > int(mask.sum()) or request.min_nodes > partition.max_nodes:
        return "PartitionNodeLimit", Errno.INVALID_NODE_COUNT
    shape = request.sockets * request.cores * max(1, request.threads)
    if max(request.min_cpus, shape) > int(cluster.table.cpus_total[mask].sum()):
        return "PartitionConfig", Errno.TOO_MANY_REQUESTED_CPUS
    return "", None


def check_shape(cluster: Cluster, request: Request, partition: pb.PartitionRecord, *, held: bool = False) -> str:
    """Refuse what no single node could ever give; returns the reason where only the number of nodes is too large.

    A held job is not looked at so closely before it is released: then it waits with the reason BadConstraints.
    """
    table = cluster.table
    mask = cluster.partition_mask(partition.name)
    if not mask.any():
        return "PartitionConfig"
    if held:
        return ""
    beyond, _ = partition_limit(cluster, request, partition)
    if beyond:
        return beyond

    def refuse(detail: str = "") -> RequestError:
        return RequestError(Errno.REQUESTED_NODE_CONFIG_UNAVAILABLE, details=(detail,) if detail else ())

    cpus = 1 if request.overcommit else request.cpus_per_task * max(1, request.ntasks_per_node)
    if request.overcommit:
        cpus = request.pn_min_cpus
    if max(cpus, request.pn_min_cpus) > int(table.cpus_total[mask].max()):
        raise refuse(_CPUS)
    memory = request.memory * (max(cpus, 1) if request.memory_per_cpu else 1)
    if memory > int(table.memory_total[mask].max()):
        raise refuse(_MEMORY)
    if (
        request.sockets > int(table.sockets[mask].max())
        or request.cores > int(table.cores[mask].max())
        or request.threads > int(table.threads[mask].max())
    ):
        raise refuse(_TOPOLOGY)
    if request.tmp_disk > int(table.tmp_disk[mask].max()):
        raise refuse(_DISK)
    able, tasks = table.capacity(request, mask, empty=True)
    if not able.any():
        raise refuse()
    if request.max_nodes and request.num_tasks > int(np.sort(tasks[able])[-request.max_nodes :].sum()):
        raise refuse()
    if request.req_nodes and not able[table.mask_of(request.req_nodes)].all():
        raise refuse()
    for need in request.gres_per_job:
        if need.count > int(table.gres_total(need.name, need.type)[able].sum()):
            raise refuse()
    return "PartitionConfig" if request.min_nodes > int(able.sum()) else ""


def count_of(cluster: Cluster, spec: pb.JobSpec) -> int:
    """How many jobs a request is; INVALID_ARRAY where that cannot be said."""
    return len(array_of(cluster, spec.array)[0]) if spec.array else 1


def array_of(cluster: Cluster, text: str) -> tuple[list[int], int]:
    """The task ids and the throttle (0 = none) of --array; INVALID_ARRAY where they do not fit MaxArraySize."""
    try:
        spec = parse_array(text)
    except (ArrayError, ValueError) as exc:
        raise RequestError(Errno.INVALID_ARRAY) from exc
    limit = cluster.parameters.max_array_size
    if spec.last >= limit or spec.count > limit:
        raise RequestError(Errno.INVALID_ARRAY)
    return list(spec), spec.throttle or 0
