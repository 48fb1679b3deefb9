"""sacct's --json and --yaml documents."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from crane_compat.accounting.codes import DISTRIBUTIONS, JOB_FLAGS, REASONS
from crane_compat.commands.format.documents import Form, document, exit_status, number, write
from crane_compat.core import states

from .quantities import INFINITE, NO_VAL, NO_VAL64, parse_tres
from .sacct_fields import (
    Line,
    expand_pattern,
    group,
    node_name,
    planned,
    requested_frequency,
    suspended,
    user,
    user_name,
)

MEM_PER_CPU = 1 << 63

#: job_table.flags as the data parser names them
_FLAGS = {
    "None": "NONE",
    "SchedSubmit": "STARTED_ON_SUBMIT",
    "SchedMain": "STARTED_ON_SCHEDULE",
    "SchedBackfill": "STARTED_ON_BACKFILL",
    "StartReceived": "START_RECEIVED",
    "JobAltered": "JOB_ALTERED",
}


def show(lines: Sequence[Line], command: Sequence[str], cluster: str, form: Form) -> None:
    """Print the document of the jobs among `lines`."""
    write(document("jobs", [job(line) for line in lines if line.step is None], command, cluster), form)


def tres(line: Line, stored: str | None) -> list[dict[str, Any]]:
    """A TRES text as records; counts above 2^63 wrap, as they do there."""
    out = []
    for ident, count in parse_tres(stored).items():
        name = line.view.tres.get(ident)
        if name is not None:
            kind, _, rest = name.partition("/")
            out.append({"type": kind, "name": rest, "id": ident, "count": _signed(count)})
    return out


def _signed(count: int) -> int:
    return count - (1 << 64) if count >= 1 << 63 else count


def _usage(line: Line, way: str, what: str) -> list[dict[str, Any]]:
    step = line.step
    assert step is not None
    records = tres(line, step[f"tres_usage_{way}_{what}"])
    tasks = parse_tres(step[f"tres_usage_{way}_{what}_taskid"])
    nodes = parse_tres(step[f"tres_usage_{way}_{what}_nodeid"])
    for record in records:
        record["task"] = tasks.get(record["id"], 0)
        record["node"] = node_name(step["nodelist"], nodes[record["id"]]) if record["id"] in nodes else ""
    return records


def _cpu(steps: Sequence[Any], kinds: Sequence[str]) -> dict[str, int]:
    micro = sum(s[f"{k}_sec"] * 1_000_000 + s[f"{k}_usec"] for s in steps for k in kinds)
    return {"seconds": micro // 1_000_000, "microseconds": micro % 1_000_000}


def _limit(minutes: int) -> dict[str, Any]:
    return number(None if minutes == NO_VAL else minutes, minutes == INFINITE)


def _killer(uid: int | None) -> str:
    return "" if uid is None else user_name(uid)


def job(line: Line) -> dict[str, Any]:
    """One job with its steps."""
    row = line.job
    memory = row["mem_req"]
    per_cpu = bool(memory & MEM_PER_CPU)
    task = row["id_array_task"]
    steps = [step(Line(line.view, row, line.steps, own)) for own in line.steps]
    return {
        "account": row["account"] or "",
        "comment": {
            "administrator": row["admin_comment"] or "",
            "job": row["derived_es"] or "",
            "system": row["system_comment"] or "",
        },
        "allocation_nodes": row["nodes_alloc"],
        "array": {
            "job_id": row["id_array_job"],
            "limits": {"max": {"running": {"tasks": row["array_max_tasks"]}}},
            "task_id": number(None if task == NO_VAL else task),
            "task": row["array_task_str"] or "",
        },
        "association": {
            "account": "",
            "cluster": line.view.cluster,
            "partition": "",
            "user": "",
            "id": row["id_assoc"],
        },
        "block": row["id_block"] or "",
        "cluster": line.view.cluster,
        "constraints": row["constraints"] or "",
        "container": row.get("container") or "",
        "derived_exit_code": exit_status(row["derived_ec"]),
        "time": {
            "elapsed": line.elapsed,
            "eligible": row["time_eligible"],
            "end": row["time_end"],
            "planned": number(planned(line)),
            "start": row["time_start"],
            "submission": row["time_submit"],
            "suspended": suspended(line),
            "system": _cpu(line.steps, ("sys",)),
            "limit": _limit(row["timelimit"]),
            "total": _cpu(line.steps, ("user", "sys")),
            "user": _cpu(line.steps, ("user",)),
        },
        "exit_code": exit_status(row["exit_code"]),
        "extra": row.get("extra") or "",
        "failed_node": row.get("failed_node") or "",
        "flags": [_FLAGS[name] for bit, name in JOB_FLAGS.items() if row["flags"] & bit],
        "group": group(line),
        "het": {
            "job_id": row["het_job_id"],
            "job_offset": number(None if row["het_job_offset"] == NO_VAL else row["het_job_offset"]),
        },
        "job_id": row["id_job"],
        "name": row["job_name"],
        "licenses": row.get("licenses") or "",
        "mcs": {"label": row["mcs_label"] or ""},
        "nodes": row["nodelist"] or "",
        "partition": row["partition"],
        "hold": row["priority"] == 0 and row["state"] == states.PENDING,
        "priority": number(row["priority"]),
        "qos": row["qos"] or "",
        "qosreq": row.get("qos_req") or "",
        "required": {
            "CPUs": row["cpus_req"],
            "memory_per_cpu": number(memory & ~MEM_PER_CPU if per_cpu else None),
            "memory_per_node": number(None if per_cpu else memory),
        },
        "kill_request_user": _killer(row["kill_requid"]),
        "restart_cnt": row.get("restart_cnt") or 0,
        "reservation": {
            "id": row["id_resv"],
            "name": row["resv_name"],
            "requested": row.get("resv_req") or "",
        },
        "script": row.get("script") or "",
        "segment_size": row.get("segment_size") or 0,
        "stdin_expanded": _expanded(line, "std_in"),
        "stdout_expanded": _expanded(line, "std_out"),
        "stderr_expanded": _expanded(line, "std_err"),
        "stdout": row.get("std_out") or "",
        "stderr": row.get("std_err") or "",
        "stdin": row.get("std_in") or "",
        "state": {
            "current": [states.job_state_name(row["state"])],
            "reason": REASONS.get(row["state_reason_prev"], "None"),
        },
        "steps": steps,
        "submit_line": row.get("submit_line") or "",
        "tres": {"allocated": tres(line, row["tres_alloc"]), "requested": tres(line, row["tres_req"])},
        "used_gres": row["gres_used"] or "",
        "user": user(line),
        "wckey": {"wckey": row["wckey"].lstrip("*"), "flags": ["ASSIGNED_DEFAULT"] if row["wckey"][:1] == "*" else []},
        "working_directory": row["work_dir"],
    }


def _expanded(line: Line, column: str) -> str:
    given = str(line.job.get(column) or "")
    return expand_pattern(line, given) if given else ""


def _frequency(value: int) -> dict[str, Any]:
    return number(None if value == NO_VAL else value)


def step(line: Line) -> dict[str, Any]:
    """One step of a job."""
    from crane_compat.accounting.rows import expand

    row = line.step
    assert row is not None
    energy = row["consumed_energy"]
    ident = f"{line.job['id_job']}.{states.step_name(row['id_step'])}"
    if row["step_het_comp"] != NO_VAL:
        ident += f"+{row['step_het_comp']}"
    return {
        "time": {
            "elapsed": line.elapsed,
            "end": number(row["time_end"]),
            "start": number(row["time_start"]),
            "suspended": suspended(line),
            "system": _cpu([row], ("sys",)),
            "limit": _limit(row.get("timelimit", INFINITE)),
            "total": _cpu([row], ("user", "sys")),
            "user": _cpu([row], ("user",)),
        },
        "exit_code": exit_status(row["exit_code"] & 0xFFFFFFFF),
        "nodes": {"count": row["nodes_alloc"], "range": row["nodelist"], "list": expand(row["nodelist"])},
        "tasks": {"count": row["task_cnt"]},
        "pid": "",
        "CPU": {
            "requested_frequency": {"min": _frequency(row["req_cpufreq_min"]), "max": _frequency(row["req_cpufreq"])},
            "governor": requested_frequency("req_cpufreq_gov")(line),
        },
        "kill_request_user": _killer(row["kill_requid"]),
        "state": [states.job_state_name(row["state"])],
        "statistics": {
            # the field is an integer there, filled with the bits of a double
            "CPU": {"actual_frequency": struct.unpack("<Q", struct.pack("<d", row["act_cpufreq"]))[0]},
            "energy": {"consumed": number(None if energy == NO_VAL64 else energy)},
        },
        "step": {
            "id": ident,
            "name": row["step_name"],
            "stderr": row.get("std_err") or "",
            "stdin": row.get("std_in") or "",
            "stdout": row.get("std_out") or "",
            "stderr_expanded": "",
            "stdin_expanded": "",
            "stdout_expanded": "",
        },
        "task": {"distribution": DISTRIBUTIONS.get(row["task_dist"] & 0xFF, "Unknown")},
        "tres": {
            "requested": {
                "max": _usage(line, "in", "max"),
                "min": _usage(line, "in", "min"),
                "average": tres(line, row["tres_usage_in_ave"]),
                "total": tres(line, row["tres_usage_in_tot"]),
            },
            "consumed": {
                "max": _usage(line, "out", "max"),
                "min": _usage(line, "out", "min"),
                "average": tres(line, row["tres_usage_out_ave"]),
                "total": tres(line, row["tres_usage_out_tot"]),
            },
            "allocated": tres(line, row["tres_alloc"]),
        },
    }
