"""``scontrol show partition``."""

from __future__ import annotations

from crane_compat.commands.format.node_fields import max_cpus
from crane_compat.core import states as st
from crane_compat.parsers.binding import default_unit
from crane_compat.parsers.time_limit import format_limit
from crane_compat.wire import INFINITE, pb


def _yes(flag: bool) -> str:
    return "YES" if flag else "NO"


def _limit(value: int) -> str:
    return "UNLIMITED" if value == INFINITE else str(value)


def _memory(partition: pb.PartitionRecord, prefix: str) -> str:
    """``DefMemPerCPU=50`` or ``DefMemPerNode=…``, whichever is set; 0 is no limit."""
    name = prefix.lower() + "_mem_per_"
    for where, word in (("cpu", "CPU"), ("node", "Node")):
        if partition.HasField(name + where) and getattr(partition, name + where):
            return f"{prefix}MemPer{word}={getattr(partition, name + where)}"
    return f"{prefix}MemPerNode=UNLIMITED"


def _job_defaults(partition: pb.PartitionRecord) -> str:
    parts = []
    if partition.HasField("def_cpu_per_gpu"):
        parts.append(f"DefCpuPerGPU={partition.def_cpu_per_gpu}")
    if partition.HasField("def_mem_per_gpu"):
        parts.append(f"DefMemPerGPU={partition.def_mem_per_gpu}")
    return ",".join(parts) or "(null)"


def partition_lines(part: pb.PartitionRecord) -> list[str]:
    """The lines of one partition."""
    accounts = (
        f"DenyAccounts={part.deny_accounts}"
        if part.deny_accounts and not part.allow_accounts
        else f"AllowAccounts={part.allow_accounts or 'ALL'}"
    )
    qos = f"DenyQos={part.deny_qos}" if part.deny_qos and not part.allow_qos else f"AllowQos={part.allow_qos or 'ALL'}"
    default_time = format_limit(part.default_time) if part.default_time_set else "NONE"
    sockets = part.max_cpus_per_socket if part.HasField("max_cpus_per_socket") else INFINITE
    over_time = str(part.over_time_limit) if part.HasField("over_time_limit") else "NONE"
    unit = default_unit(part.cpu_bind)
    bound = f" CpuBind={unit} " if unit else ""
    lines = [
        f"PartitionName={part.name}",
        f"AllowGroups={part.allow_groups or 'ALL'} {accounts} {qos}",
        f"AllocNodes={part.alloc_nodes or 'ALL'} Default={_yes(part.is_default)}{bound} QoS={part.qos or 'N/A'}",
    ]
    if part.alternate:
        lines.append(f"Alternate={part.alternate}")
    lines += [
        (
            f"DefaultTime={default_time} DisableRootJobs={_yes(part.disable_root_jobs)} "
            f"ExclusiveUser={_yes(part.exclusive_user)} ExclusiveTopo={_yes(part.exclusive_topo)} "
            f"GraceTime={part.grace_time} Hidden={_yes(part.hidden)}"
        ),
        (
            f"MaxNodes={_limit(part.max_nodes)} MaxTime={format_limit(part.max_time)} MinNodes={part.min_nodes} "
            f"LLN={_yes(part.lln)} MaxCPUsPerNode={max_cpus(part)} MaxCPUsPerSocket={_limit(sockets)}"
        ),
    ]
    if part.nodes.upper() == "ALL":
        from crane_compat.parsers import hostlist

        lines += ["NodeSets=ALL", f"Nodes={hostlist.compress(part.node_names)}"]
    else:
        lines.append(f"Nodes={part.nodes or '(null)'}")
    lines += [
        (
            f"PriorityJobFactor={part.priority_job_factor} PriorityTier={part.priority_tier} "
            f"RootOnly={_yes(part.root_only)} ReqResv={_yes(part.req_resv)} OverSubscribe={part.oversubscribe or 'NO'}"
        ),
        f"OverTimeLimit={over_time} PreemptMode={part.preempt_mode or 'OFF'}",
        (
            f"State={st.PARTITION_NAMES.get(part.state, 'UNKNOWN')} TotalCPUs={part.total_cpus} "
            f"TotalNodes={part.total_nodes} SelectTypeParameters={part.select_type_parameters or 'NONE'}"
        ),
        f"JobDefaults={_job_defaults(part)}",
        f"{_memory(part, 'Def')} {_memory(part, 'Max')}",
        f"TRES={part.tres}",
    ]
    if part.tres_billing_weights:
        lines.append(f"TRESBillingWeights={part.tres_billing_weights}")
    return lines
