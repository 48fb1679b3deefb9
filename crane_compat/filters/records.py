"""What job_submit.lua reads of partitions and of existing jobs: plain tables of Slurm's field names."""

from __future__ import annotations

from typing import Any

from crane_compat.core import states as st
from crane_compat.filters import constants as c
from crane_compat.filters.job_desc import FIELDS, Facts
from crane_compat.wire import pb


def _set_or(record: Any, name: str, unset: int) -> int:
    return int(getattr(record, name)) if record.HasField(name) else unset


def partition(record: pb.PartitionRecord) -> dict[str, Any]:
    """One entry of part_list; texts that are not set are missing (nil)."""
    values: dict[str, Any] = {
        "name": record.name,
        "allow_accounts": record.allow_accounts,
        "allow_alloc_nodes": record.alloc_nodes,
        "allow_groups": record.allow_groups,
        "allow_qos": record.allow_qos,
        "alternate": record.alternate,
        "billing_weights_str": record.tres_billing_weights,
        "default_time": record.default_time if record.default_time_set else c.NO_VAL,
        "def_mem_per_cpu": _set_or(record, "def_mem_per_cpu", c.NO_VAL64),
        "def_mem_per_node": _set_or(record, "def_mem_per_node", c.NO_VAL64),
        "deny_accounts": record.deny_accounts,
        "deny_qos": record.deny_qos,
        "flag_default": int(record.is_default),
        "flags": int(record.is_default) | int(record.hidden) << 1 | int(record.root_only) << 3,
        "max_cpus_per_node": _set_or(record, "max_cpus_per_node", c.INFINITE),
        "max_cpus_per_socket": _set_or(record, "max_cpus_per_socket", c.INFINITE),
        "max_mem_per_cpu": _set_or(record, "max_mem_per_cpu", 0),
        "max_mem_per_node": _set_or(record, "max_mem_per_node", 0),
        "max_nodes": record.max_nodes,
        "max_nodes_orig": record.max_nodes,
        "max_share": 1,
        "max_time": record.max_time,
        "min_nodes": record.min_nodes,
        "min_nodes_orig": record.min_nodes,
        "nodes": record.nodes,
        "priority_job_factor": record.priority_job_factor,
        "priority_tier": record.priority_tier,
        "qos": record.qos,
        "state_up": record.state,
        "total_cpus": record.total_cpus,
        "total_nodes": record.total_nodes,
    }
    return {name: value for name, value in values.items() if value != ""}


def job(record: pb.JobRecord) -> dict[str, Any]:
    """job_rec, and an entry of slurm.jobs; texts that are not set are missing (nil)."""
    spec = record.spec
    facts = Facts(record.uid, record.gid, record.user)
    values: dict[str, Any] = {name: field.get(spec, facts) for name, field in FIELDS.items() if name != "script"}
    values |= {
        "account": record.account,
        "admin_comment": record.admin_comment,
        "array_job_id": record.array_job_id,
        "array_task_id": record.array_task_id if record.HasField("array_task_id") else c.NO_VAL,
        "assoc_id": record.assoc_id,
        "batch_flag": int(record.batch_flag),
        "batch_host": record.batch_host,
        "cpu_cnt": record.num_cpus,
        "db_index": record.job_db_inx,
        "derived_ec": record.derived_exit_code,
        "direct_set_prio": int(record.spec.HasField("priority")),
        "end_time": int(record.end_time),
        "exit_code": record.exit_code,
        "het_job_id": record.het_job_id,
        "het_job_offset": record.het_offset,
        "job_id": record.job_id,
        "job_state": record.state & st.BASE_MASK,
        "min_cpus": record.min_cpus,
        "min_nodes": record.min_nodes,
        "max_nodes": record.max_nodes,
        "nodes": record.node_list,
        "node_cnt": record.num_nodes,
        "partition": record.partition,
        "priority": record.priority,
        "qos": record.qos,
        "restart_cnt": record.restarts,
        "resv_name": spec.reservation,
        "sched_nodes": record.sched_nodes,
        "start_time": int(record.start_time),
        "state_reason": record.reason,
        "submit_time": int(record.submit_time),
        "time_limit": record.time_limit,
        "total_cpus": record.num_cpus,
        "total_nodes": record.num_nodes,
        "tres_alloc_str": record.tres_alloc,
        "tres_req_str": record.tres_req,
        "user_id": record.uid,
        "user_name": record.user,
        "wckey": record.wckey,
    }
    return {name: value for name, value in values.items() if value is not None and value != ""}
