"""Nodes, partitions, sinfo's rows, reservations and licences as records of ``--json`` and ``--yaml``.

Names, order and types are those of the data parser v0.0.44.  Source: recordings.
"""

from __future__ import annotations

from typing import Any

from crane_compat.commands.format.documents import number
from crane_compat.commands.format.node_fields import Row, gres_used
from crane_compat.commands.format.node_state import FLAG_WORDS
from crane_compat.core import states as st
from crane_compat.parsers.binding import CPU_BIND
from crane_compat.wire import INFINITE, pb

_UNSET = number(None)
_ENDLESS = number(None, infinite=True)
#: The bit that makes a number of MiB one for each CPU.
_PER_CPU = 1 << 63
#: The bit that makes a number of jobs on one CPU a forced one.
_FORCED = 1 << 15
_SHARED = {"NO": (1, False), "EXCLUSIVE": (0, False), "YES": (4, False), "FORCE": (4, True)}


def _moment(seconds: float) -> dict[str, Any]:
    return number(int(seconds))


def _limit(value: int) -> dict[str, Any]:
    return _ENDLESS if value == INFINITE else number(value)


def state_words(state: int) -> list[str]:
    """``["IDLE", "DRAIN"]``: the base state, then the flags."""
    names = (name for flag, name in FLAG_WORDS.items() if state & flag)
    return [st.NODE_NAMES.get(state & st.NODE_BASE_MASK, "UNKNOWN"), *names]


def node_record(node: pb.NodeRecord) -> dict[str, Any]:
    """One node."""
    return {
        "architecture": node.arch,
        "burstbuffer_network_address": node.bcast_addr,
        "boards": max(1, node.boards),
        "boot_time": _moment(node.boot_time),
        "tls_cert_last_renewal": number(0),
        "cert_flags": [],
        "cluster_name": "",
        "cores": node.cores,
        "specialized_cores": node.core_spec,
        "cpu_binding": CPU_BIND.get(node.cpu_bind, 0),
        "cpu_load": round(node.cpu_load * 100),
        "free_mem": number(node.free_memory) if node.free_memory else _UNSET,
        "cpus": node.cpus,
        "effective_cpus": node.effective_cpus or node.cpus,
        "specialized_cpus": node.cpu_spec_list,
        "energy": {
            "average_watts": 0,
            "base_consumed_energy": 0,
            "consumed_energy": 0,
            "current_watts": number(0),
            "previous_consumed_energy": 0,
            "last_collected": 0,
        },
        "external_sensors": {},
        "extra": node.extra,
        "power": {},
        "features": _words(node.features),
        "active_features": _words(node.active_features),
        "gpu_spec": "",
        "gres": node.gres,
        "gres_drained": "N/A",
        "gres_used": gres_used(node) if node.gres else "",
        "instance_id": "",
        "instance_type": "",
        "last_busy": _moment(node.last_busy),
        "mcs_label": node.mcs_label,
        "specialized_memory": node.mem_spec,
        "name": node.name,
        "next_state_after_reboot": ["INVALID"],
        "address": node.address,
        "hostname": node.hostname,
        "state": state_words(node.state),
        "operating_system": node.os,
        "owner": node.owner,
        "partitions": list(node.partitions),
        "port": node.port,
        "real_memory": node.memory,
        "res_cores_per_gpu": 0,
        "comment": node.comment,
        "reason": node.reason,
        "reason_changed_at": _moment(node.reason_time),
        "reason_set_by_user": _reason_user(node),
        "resume_after": _moment(node.resume_after),
        "reservation": node.resv_name,
        "alloc_memory": node.alloc_memory,
        "alloc_cpus": node.alloc_cpus,
        "alloc_idle_cpus": max(0, (node.effective_cpus or node.cpus) - node.alloc_cpus),
        "tres_used": node.tres_alloc,
        "tres_weighted": 0.0,
        "slurmd_start_time": _moment(node.slurmd_start_time),
        "sockets": node.sockets,
        "threads": node.threads,
        "temporary_disk": node.tmp_disk,
        "weight": node.weight,
        "topology": "",
        "tres": node.tres_cfg,
        "version": node.version,
    }


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def _reason_user(node: pb.NodeRecord) -> str:
    return (node.reason_user or str(node.reason_uid)) if node.reason else ""


def _memory(part: pb.PartitionRecord, prefix: str) -> dict[str, Any]:
    """The three names of one number: raw, as a number for each CPU, as one for each node."""
    names = ("memory_per_cpu", "partition_memory_per_cpu", "partition_memory_per_node")
    if value := getattr(part, f"{prefix}_mem_per_cpu"):
        return dict(zip(names, (value | _PER_CPU, number(value), _UNSET), strict=True))
    value = getattr(part, f"{prefix}_mem_per_node")
    return dict(zip(names, (value, _UNSET, number(value)), strict=True))


def _job_defaults(part: pb.PartitionRecord) -> str:
    values = (("DefCpuPerGPU", "def_cpu_per_gpu"), ("DefMemPerGPU", "def_mem_per_gpu"))
    return ",".join(f"{name}={getattr(part, field)}" for name, field in values if part.HasField(field))


def partition_record(part: pb.PartitionRecord) -> dict[str, Any]:
    """One partition."""
    word, _, count = (part.oversubscribe or "NO").partition(":")
    jobs, forced = _SHARED.get(word.upper(), (1, False))
    jobs = int(count) if count.isdigit() else jobs
    sockets = part.max_cpus_per_socket if part.HasField("max_cpus_per_socket") else INFINITE
    cpus = part.max_cpus_per_node if part.HasField("max_cpus_per_node") else INFINITE
    default_time = _limit(part.default_time) if part.default_time_set else _UNSET
    return {
        "nodes": {
            "allowed_allocation": "" if part.alloc_nodes.upper() == "ALL" else part.alloc_nodes,
            "configured": _configured(part),
            "total": part.total_nodes,
        },
        "accounts": {"allowed": part.allow_accounts, "deny": part.deny_accounts},
        "groups": {"allowed": part.allow_groups},
        "qos": {"allowed": part.allow_qos, "deny": part.deny_qos, "assigned": part.qos},
        "alternate": part.alternate,
        "tres": {"billing_weights": part.tres_billing_weights, "configured": part.tres},
        "cluster": "",
        "select_type": _words(part.select_type_parameters.removeprefix("CR_")),
        "cpus": {"task_binding": 0, "total": part.total_cpus},
        "defaults": {**_memory(part, "def"), "time": default_time, "job": _job_defaults(part)},
        "grace_time": part.grace_time,
        "maximums": {
            "cpus_per_node": _limit(cpus),
            "cpus_per_socket": _limit(sockets),
            **_memory(part, "max"),
            "nodes": _limit(part.max_nodes),
            "shares": jobs | (_FORCED if forced else 0),
            "oversubscribe": {"jobs": jobs, "flags": ["force"] if forced else []},
            "time": _limit(part.max_time),
            "over_time_limit": number(part.over_time_limit) if part.HasField("over_time_limit") else _UNSET,
        },
        "minimums": {"nodes": part.min_nodes},
        "name": part.name,
        "node_sets": "",
        "priority": {"job_factor": part.priority_job_factor, "tier": part.priority_tier},
        "timeouts": {"resume": _seconds(part.resume_timeout), "suspend": _seconds(part.suspend_timeout)},
        "topology": part.topology,
        "partition": {"state": [st.PARTITION_NAMES.get(part.state, "UNKNOWN")]},
        "suspend_time": _seconds(part.suspend_time),
    }


def _seconds(text: str) -> dict[str, Any]:
    if text.upper() == "INFINITE":
        return _ENDLESS
    return number(int(text)) if text.isdigit() else _UNSET


def _configured(part: pb.PartitionRecord) -> str:
    if part.nodes.upper() != "ALL":
        return part.nodes
    from crane_compat.parsers import hostlist

    return hostlist.compress(part.node_names)


def row_record(row: Row) -> dict[str, Any]:
    """One row of sinfo: nodes that agree, and their partition."""
    nodes, part = row.nodes, row.partition
    first = nodes[0] if nodes else pb.NodeRecord()

    def span(name: str) -> dict[str, int]:
        values = [getattr(node, name) for node in nodes] or [0]
        return {"minimum": min(values), "maximum": max(values)}

    allocated, idle, other = row.node_counts()
    cpus_allocated, cpus_idle, cpus_other = row.cpu_counts()
    loads = [round(node.cpu_load * 100) for node in nodes] or [0]
    free = [node.free_memory for node in nodes] or [0]
    per_node = part.max_cpus_per_node if part.HasField("max_cpus_per_node") else INFINITE
    return {
        "port": first.port,
        "node": {"state": state_words(first.state) if nodes else []},
        "nodes": {
            "allocated": allocated,
            "idle": idle,
            "other": other,
            "total": len(nodes),
            "hostnames": [],
            "addresses": [],
            "nodes": [node.name for node in nodes],
        },
        "cpus": {
            "allocated": cpus_allocated,
            "idle": cpus_idle,
            "other": cpus_other,
            "total": cpus_allocated + cpus_idle + cpus_other,
            **span("cpus"),
            "load": {"minimum": min(loads), "maximum": max(loads)},
            "per_node": {"max": _limit(per_node)},
        },
        "sockets": span("sockets"),
        "cores": span("cores"),
        "threads": span("threads"),
        "disk": span("tmp_disk"),
        "memory": {
            **span("memory"),
            "free": {"minimum": number(min(free)), "maximum": number(max(free))},
            "allocated": sum(node.alloc_memory for node in nodes),
        },
        "weight": span("weight"),
        "features": {"total": first.features, "active": first.active_features},
        "gres": {"total": first.gres, "used": gres_used(first) if first.gres else ""},
        "cluster": "",
        "comment": first.comment,
        "extra": first.extra,
        "reason": {"description": first.reason, "time": int(first.reason_time), "user": _reason_user(first)},
        "reservation": first.resv_name,
        "resource_spec": {"cpus": first.cpu_spec_list, "memory": first.mem_spec},
        "partition": partition_record(part),
    }


def license_record(one: pb.License) -> dict[str, Any]:
    """One kind of licence."""
    return {
        "LicenseName": one.name,
        "Total": one.total,
        "Used": one.used,
        "Free": max(0, one.total - one.used),
        "Remote": False,
        "Reserved": one.reserved,
        "LastConsumed": 0,
        "LastDeficit": 0,
        "LastUpdate": 0,
        "Nodes": "",
    }


def reservation_record(one: pb.ReservationRecord) -> dict[str, Any]:
    """One reservation."""
    return {
        "accounts": one.accounts,
        "burst_buffer": one.burst_buffer,
        "core_count": one.core_count,
        "core_specializations": [{"node": part.node, "core": part.core_ids} for part in one.cores],
        "end_time": _moment(one.end_time),
        "features": one.features,
        "flags": _words(one.flags),
        "groups": one.groups,
        "licenses": one.licenses,
        "max_start_delay": one.max_start_delay,
        "name": one.name,
        "node_count": one.node_count,
        "node_list": one.nodes,
        "partition": one.partition,
        "purge_completed": {"time": number(one.purge_seconds or 300)},
        "start_time": _moment(one.start_time),
        "watts": {},
        "tres": one.tres,
        "users": one.users,
    }
