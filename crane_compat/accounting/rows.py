"""The controller's records as rows of job_table and step_table.

Pure: record in, column values out.  Encodings: slurmdbd schema.
"""

from __future__ import annotations

from typing import Any

from crane_compat.core import states
from crane_compat.parsers import hostlist
from crane_compat.wire import pb

from . import codes
from .schema import INFINITE, MEM_PER_CPU, NO_VAL, NO_VAL64
from .usage_text import TOTALS, USAGE_COLUMNS, usage_columns

#: the states stored with their flag instead of the base state, on closed rows only
_CLOSING_FLAGS = (states.REQUEUED, states.RESIZING, states.REVOKED)

UNSTARTED = "None assigned"


def sluid(cluster_id: int, milliseconds: int, sequence: int) -> int:
    """A job's row identity from 25.11 on: 12 bits cluster, 42 bits time, 10 bits sequence."""
    return (cluster_id & 0xFFF) << 52 | (milliseconds & ((1 << 42) - 1)) << 10 | (sequence & 0x3FF)


def task_bitmap(tasks: str) -> tuple[str, int]:
    """The hex bitmap stored for ``1-5,7:2%3``-like pending tasks, and how many they are."""
    bits = 0
    for part in tasks.split("%")[0].split(","):
        span, _, step = part.partition(":")
        first, _, last = span.partition("-")
        if not first.isdigit():
            continue
        for task in range(int(first), int(last or first) + 1, int(step or 1) or 1):
            bits |= 1 << task
    return (f"0x{bits:X}" if bits else ""), bits.bit_count()


def node_ranges(nodes: list[str], order: dict[str, int]) -> str:
    """``0-3,7``: where the nodes stand in the cluster's order."""
    places = sorted(order[n] for n in nodes if n in order)
    out: list[str] = []
    index = 0
    while index < len(places):
        end = index
        while end + 1 < len(places) and places[end + 1] == places[end] + 1:
            end += 1
        out.append(str(places[index]) if end == index else f"{places[index]}-{places[end]}")
        index = end + 1
    return ",".join(out)


def expand(nodes: str) -> list[str]:
    """The names in a hostlist; none where it is no hostlist."""
    if not nodes or nodes == UNSTARTED:
        return []
    try:
        return hostlist.expand(nodes)
    except hostlist.HostlistError:
        return []


class Names:
    """What rows refer to by number: TRES, QOS, associations, node positions."""

    def __init__(self) -> None:
        self.tres: dict[str, int] = {}
        self.qos: dict[str, int] = {}
        self.assoc: dict[tuple[str, str, str], int] = {}
        self.node_order: dict[str, int] = {}
        self.cluster_id = 1

    def tres_ids(self, text: str, ids: str) -> str:
        """``cpu=1,mem=100M`` in the database's numbering; `ids` where the text is empty."""
        if not text:
            return ids
        counts: dict[int, int] = {}
        for part in text.split(","):
            name, _, value = part.partition("=")
            number = self.tres.get(name)
            if number is not None:
                counts[number] = _count(value)
        return ",".join(f"{number}={count}" for number, count in sorted(counts.items()))

    def association(self, record: pb.JobRecord) -> int:
        user, account = record.user, record.account
        return (
            self.assoc.get((user, account, record.partition)) or self.assoc.get((user, account, "")) or record.assoc_id
        )


_UNITS = {"K": 1 / 1024, "M": 1, "G": 1024, "T": 1024**2, "P": 1024**3}


def _count(value: str) -> int:
    if value[-1:] in _UNITS:
        return int(float(value[:-1]) * _UNITS[value[-1]])
    return int(value) if value.isdigit() else 0


def job_row(
    record: pb.JobRecord, names: Names, kind: str, now: int, energy_known: bool, flags: set[str]
) -> dict[str, Any]:
    """The job_table columns of a record after the event `kind`; not job_db_inx and the hashes.

    `energy_known`: a step has reported, else the energy of a started job is marked unknown.
    `flags`: AccountingStoreFlags.
    """
    spec = record.spec
    state = states.base(record.state)
    end = int(record.end_time) if states.is_finished(state) else 0
    if kind == "job_end":
        state = next((f for f in _CLOSING_FLAGS if record.state & f), state)
    elif kind == "job_requeue":
        state = state if state == states.NODE_FAIL else states.REQUEUED
        end = now
    started = bool(record.node_list)
    nodes = expand(record.node_list)
    tasks, pending = task_bitmap(record.array_task_str) if record.array_task_str else ("", 0)
    tres_alloc = names.tres_ids(record.tres_alloc, record.tres_alloc_ids) if started else ""
    if tres_alloc and not energy_known:
        tres_alloc = _with_unknown_energy(tres_alloc)
    suspended = int(record.pre_suspend_secs)
    if state == states.SUSPENDED and record.suspend_time:
        suspended = int(record.suspend_time) - suspended
    array_default = "slurm-%A_%a.out" if record.array_job_id else "slurm-%j.out"
    return {
        "id_job": record.job_id,
        "time_submit": int(record.submit_time),
        "mod_time": now,
        "deleted": 0,
        "account": record.account,
        "admin_comment": record.admin_comment or None,
        "array_task_str": tasks or None,
        "array_max_tasks": record.array_max_tasks,
        "array_task_pending": pending,
        "constraints": spec.features,
        "container": spec.container or None,
        "cpus_req": record.min_cpus,
        "derived_ec": max(record.derived_exit_code, 0),
        "derived_es": (spec.comment or None) if "job_comment" in flags else None,
        # 1 is no signal here: it was set because a node was lost
        "exit_code": 1 << 8 if record.exit_code == 1 else record.exit_code & 0xFFFFFFFF,
        "extra": (spec.extra or None) if "job_extra" in flags else None,
        "flags": codes.START_RECEIVED | (codes.FLAG_OF_SCHEDULER.get(record.scheduler, 0) if started else 0),
        "failed_node": record.failed_node or None,
        "job_name": spec.name or "allocation",
        "id_assoc": names.association(record),
        "id_array_job": record.array_job_id,
        "id_array_task": record.array_task_id if record.HasField("array_task_id") else NO_VAL,
        "id_block": None,
        "id_qos": names.qos.get(record.qos, record.qos_id),
        "id_wckey": 0,
        "id_user": record.uid,
        "id_group": record.gid,
        # as recorded, a component that has not started is a job like any other
        "het_job_id": record.het_job_id if record.nodes else 0,
        "het_job_offset": record.het_offset if record.het_job_id and record.nodes else NO_VAL,
        "kill_requid": record.killed_by if record.cancelled else None,
        "state_reason_prev": 0 if record.reason in codes.PASSING else _past_reason(record, started),
        "licenses": spec.licenses or None,
        "mcs_label": spec.mcs_label,
        "mem_req": record.min_memory | (MEM_PER_CPU if record.memory_per_cpu else 0),
        "nodelist": record.node_list or UNSTARTED,
        "nodes_alloc": record.num_nodes if started else 0,
        "node_inx": node_ranges(nodes, names.node_order) or None,
        "partition": (record.partition if started else spec.partition) or record.partition,
        "priority": record.priority,
        "qos_req": spec.qos or None,
        "restart_cnt": record.restarts,
        "resv_req": spec.reservation or None,
        "id_resv": record.resv_id,
        "state": state,
        "timelimit": record.time_limit,
        "time_eligible": int(record.eligible_time),
        "time_start": int(record.start_time) if started else 0,
        "time_end": end,
        "time_suspended": suspended,
        "gres_used": "",
        "wckey": record.wckey,
        "work_dir": spec.work_dir,
        "segment_size": 0,
        "std_err": _pattern(spec.std_err, spec.work_dir, ""),
        "std_in": _pattern(spec.std_in, spec.work_dir, "/dev/null" if record.batch_flag else ""),
        "std_out": _output(spec, array_default if record.batch_flag else ""),
        "submit_line": spec.submit_line or None,
        "system_comment": record.system_comment or None,
        "tres_alloc": tres_alloc,
        "tres_req": names.tres_ids(record.tres_req, record.tres_req_ids),
    }


def _past_reason(record: pb.JobRecord, started: bool) -> int:
    return codes.reason_number(record.reason) if started and not states.is_finished(record.state) else 0


def _pattern(given: str, work_dir: str, default: str) -> str:
    if not given:
        return default
    return given if given.startswith("/") else f"{work_dir}/{given}"


def _output(spec: pb.JobSpec, default: str) -> str:
    """The output pattern; the default one stays relative, as sbatch leaves it."""
    text = _pattern(spec.std_out, spec.work_dir, default)
    return default if default and text == f"{spec.work_dir}/{default}" else text


def _with_unknown_energy(tres: str) -> str:
    counts = dict(part.split("=") for part in tres.split(","))
    counts.setdefault("3", str(NO_VAL64))
    return ",".join(f"{number}={counts[number]}" for number in sorted(counts, key=int))


def step_row(step: pb.StepRecord, names: Names) -> dict[str, Any]:
    """The step_table columns of a record; not job_db_inx."""
    nodes = expand(step.node_list)
    ended = states.is_finished(step.state)
    own = step.step_id >= 0
    usage = step.usage
    row: dict[str, Any] = {
        "deleted": 0,
        "exit_code": step.exit_code if ended else 0,
        "id_step": step.step_id,
        "step_het_comp": step.het_offset if step.het_job_id else NO_VAL,
        "kill_requid": step.killed_by if step.HasField("killed_by") and ended else None,
        "nodelist": step.node_list,
        "nodes_alloc": step.num_nodes,
        "node_inx": node_ranges(nodes, names.node_order) or None,
        "state": states.base(step.state),
        "step_name": step.name,
        "task_cnt": step.num_tasks,
        "task_dist": codes.distribution_number(step.distribution, step.num_tasks, step.num_nodes) if own else 0,
        "time_start": int(step.start_time),
        "time_end": int(step.end_time) if ended else 0,
        "time_suspended": 0,
        "timelimit": step.time_limit or INFINITE,
        "user_sec": int(usage.user_sec),
        "user_usec": int(usage.user_sec % 1 * 1e6),
        "sys_sec": int(usage.sys_sec),
        "sys_usec": int(usage.sys_sec % 1 * 1e6),
        "act_cpufreq": 0.0,
        "consumed_energy": 0,
        "container": step.container or None,
        "req_cpufreq_min": NO_VAL if own else 0,
        "req_cpufreq": NO_VAL if own else 0,
        "req_cpufreq_gov": NO_VAL if own else 0,
        "cwd": step.work_dir if own else "",
        "std_err": step.std_err if own else "",
        "std_in": step.std_in if own else "",
        "std_out": step.std_out if own else "",
        "submit_line": (step.submit_line or None) if own else None,
        "tres_alloc": _without_billing(names.tres_ids(step.tres_alloc, step.tres_alloc_ids)),
    }
    row.update(dict.fromkeys(USAGE_COLUMNS, ""))
    if ended and usage.sampled:
        row.update(usage_columns(usage, nodes))
    elif ended and usage.tasks:  # reported, but gone before the first sample: only the energy is known
        row.update(dict.fromkeys(TOTALS, "3=0"))
    return row


def _without_billing(tres: str) -> str:
    return ",".join(part for part in tres.split(",") if not part.startswith("5="))
