"""Jobs and steps as records of ``--json`` and ``--yaml`` (squeue, scontrol).

Names, order and types are those of the data parser v0.0.44.  Source: recordings; for steps, of which the recordings
have none, the public list of its fields.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Mapping
from typing import Any

from crane_compat.commands.format import job_values as jv
from crane_compat.commands.format.documents import exit_status, number, row_text, text_of
from crane_compat.commands.format.show_job import ALL_MAIL, node_gres
from crane_compat.commands.format.step_fields import shown_id
from crane_compat.commands.format.texts import NO_VAL
from crane_compat.core import states as st
from crane_compat.core.job_text import sluid
from crane_compat.parsers.hostlist import parse_ranges
from crane_compat.wire import INFINITE, pb

#: How a node is laid out: sockets, cores a socket, threads a core.
Shapes = Mapping[str, tuple[int, int, int]]

_UNSET = number(None)
_ZERO = number(0)
_ENDLESS = number(None, infinite=True)
#: A thread count of the specialized cores that was not given, as it comes out of the 16 bits it is kept in.
_NO_THREAD_SPEC = 0x7FFE
_ALLOCATED, _UNALLOCATED = ["ALLOCATED"], ["UNALLOCATED"]
_DEPENDENT = ("Dependency", "JobHeldUser", "JobHeldAdmin", "DependencyNeverSatisfied")
_SHARED = {"user": ["user"], "mcs": ["mcs"], "topo": ["topo"]}


def _optional(spec: pb.JobSpec, name: str, absent: dict[str, Any] = _UNSET) -> dict[str, Any]:
    return number(getattr(spec, name)) if spec.HasField(name) else absent


def _moment(seconds: float) -> dict[str, Any]:
    return number(int(seconds)) if seconds else _ZERO


def _minutes(value: int) -> dict[str, Any]:
    return _ENDLESS if value == INFINITE else number(value)


def state_words(state: int) -> list[str]:
    """The base state, then the flags."""
    base = st.JOB_NAMES.get(state & st.BASE_MASK)
    return [base[0] if base else "INVALID", *(names[0] for flag, names in st.JOB_FLAG_NAMES.items() if state & flag)]


def _flags(job: pb.JobRecord) -> list[str]:
    spec = job.spec
    pending = st.is_pending(job.state)
    ran = bool(job.start_time) and not pending
    flags = (
        ("EXACT_TASK_COUNT_REQUESTED", spec.HasField("num_tasks")),
        ("EXACT_CPU_COUNT_REQUESTED", spec.HasField("cpus_per_task")),
        ("CRON_JOB", st.recurs(job)),
        ("KILL_INVALID_DEPENDENCY", spec.kill_on_invalid_dep_set and spec.kill_on_invalid_dep),
        ("NO_KILL_INVALID_DEPENDENCY", spec.kill_on_invalid_dep_set and not spec.kill_on_invalid_dep),
        ("SPREAD_JOB", spec.spread_job),
        ("PREFER_MINIMUM_NODE_COUNT", spec.use_min_nodes),
        ("ACCRUE_COUNT_CLEARED", ran),
        ("JOB_WAS_RUNNING", ran),
        ("EXACT_MEMORY_REQUESTED", spec.HasField("mem_per_node")),
        ("USING_DEFAULT_ACCOUNT", not spec.account),
        ("USING_DEFAULT_PARTITION", not spec.partition),
        ("USING_DEFAULT_QOS", not spec.qos),
        ("USING_DEFAULT_WCKEY", not spec.wckey),
        ("DEPENDENT", pending and job.reason in _DEPENDENT),
        ("PARTITION_ASSIGNED", not spec.partition),
        ("BACKFILL_ATTEMPTED", bool(job.last_sched_eval)),
        ("SCHEDULING_ATTEMPTED", pending and bool(job.last_sched_eval)),
    )
    return [name for name, given in flags if given]


def _sockets(alloc: pb.NodeAlloc, shape: tuple[int, int, int] | None) -> list[dict[str, Any]]:
    """Which cores of a node's sockets a job holds; a node that is gone has as many as are needed."""
    held = set(parse_ranges(alloc.cpu_ids)) if alloc.cpu_ids else set()
    sockets, cores, threads = shape or (1, max(held, default=0) + 1, 1)
    taken = {cpu // max(1, threads) for cpu in held}
    return [
        {
            "index": socket,
            "cores": [
                {"index": core, "status": _ALLOCATED if socket * cores + core in taken else _UNALLOCATED}
                for core in range(cores)
            ],
        }
        for socket in range(sockets)
    ]


def _resources(job: pb.JobRecord, shapes: Shapes) -> dict[str, Any] | None:
    if not job.nodes:
        return None
    return {
        "select_type": ["CORE"],
        "nodes": {
            "count": len(job.nodes),
            "select_type": ["AVAILABLE" if job.spec.exclusive else "ONE_ROW"],
            "list": job.node_list,
            "whole": bool(job.spec.exclusive),
            "allocation": [
                {
                    "index": index,
                    "name": alloc.node,
                    "cpus": {"count": alloc.cpus, "used": 0},
                    "memory": {"used": 0, "allocated": alloc.memory},
                    "sockets": _sockets(alloc, shapes.get(alloc.node)),
                }
                for index, alloc in enumerate(job.nodes)
            ],
        },
        "cpus": job.num_cpus,
        "threads_per_core": _UNSET,
    }


def _counted(licenses: str) -> str:
    """``matlab`` as ``matlab:1``."""
    return ",".join(one if ":" in one else f"{one}:1" for one in licenses.split(",") if one)


def _shared(job: pb.JobRecord) -> list[str]:
    spec = job.spec
    if spec.exclusive:
        return _SHARED.get(spec.exclusive, ["none"])
    return ["oversubscribe"] if spec.oversubscribe else []


def _billable(job: pb.JobRecord) -> dict[str, Any]:
    for part in job.tres_alloc.split(","):
        name, _, count = part.partition("=")
        if name == "billing":
            return number(float(count))
    return {"set": False, "infinite": False, "number": 0.0}


def _files(job: pb.JobRecord) -> tuple[str, str, str]:
    """Input, output and error file, as they were named."""
    spec = job.spec
    stdin, stdout, stderr = job.std_in or spec.std_in, job.std_out or spec.std_out, job.std_err or spec.std_err
    if job.batch_flag:
        stdin, stdout = stdin or "/dev/null", stdout or "slurm-%j.out"
    return stdin, stdout, stderr


def _expanded(job: pb.JobRecord, stdin: str) -> str:
    return stdin if stdin == "/dev/null" else jv.file_path(job, stdin)


def job_record(job: pb.JobRecord, now: float, cluster: str, shapes: Shapes) -> dict[str, Any]:
    """One job."""
    spec = job.spec
    pending = st.is_pending(job.state)
    per_cpu = job.memory_per_cpu and not spec.HasField("mem_per_gpu")
    task = job.HasField("array_task_id")
    mail = ALL_MAIL.split(",") if "ALL" in spec.mail_type else list(spec.mail_type)
    stdin, stdout, stderr = _files(job)
    most = job.max_nodes or (job.num_nodes if spec.hold else 0)
    return {
        "account": job.account,
        "accrue_time": _moment(job.accrue_time),
        "admin_comment": job.admin_comment,
        "allocating_node": job.alloc_host or spec.alloc_node,
        "array_job_id": number(job.array_job_id),
        "array_task_id": number(job.array_task_id) if task else _UNSET,
        "array_max_tasks": number(job.array_max_tasks),
        "array_task_string": (
            f"{job.array_task_str}%{job.array_max_tasks}" if job.array_max_tasks else job.array_task_str
        ) if job.array_task_str and not task else "",
        "association_id": job.assoc_id,
        "batch_features": spec.batch_features,
        "batch_flag": job.batch_flag,
        "batch_host": "" if pending else jv.batch_host(job),
        "flags": _flags(job),
        "burst_buffer": spec.burst_buffer,
        "burst_buffer_state": job.burst_buffer_state,
        "cluster": cluster,
        "cluster_features": spec.cluster_constraint,
        "command": spec.command,
        "comment": spec.comment,
        "container": spec.container,
        "container_id": spec.container_id,
        "contiguous": spec.contiguous,
        "core_spec": spec.core_spec,
        "thread_spec": spec.thread_spec if spec.HasField("thread_spec") else _NO_THREAD_SPEC,
        "cores_per_socket": _optional(spec, "cores_per_socket"),
        "billable_tres": _billable(job),
        "cpus_per_task": number(job.cpus_per_task or 1),
        "cpu_frequency_minimum": _UNSET,
        "cpu_frequency_maximum": _UNSET,
        "cpu_frequency_governor": _UNSET,
        "cpus_per_tres": jv.cpus_per_tres(job),
        "cron": spec.cron.spec,
        "deadline": _moment(job.deadline or spec.deadline),
        "delay_boot": number(spec.delay_boot),
        "dependency": job.dependency,
        "derived_exit_code": exit_status(job.derived_exit_code),
        "eligible_time": _moment(job.eligible_time),
        "end_time": _moment(jv.end_time(job, now)),
        "excluded_nodes": jv.ranged(spec.exc_nodes),
        "exit_code": exit_status(job.exit_code),
        "extra": spec.extra,
        "failed_node": job.failed_node,
        "features": spec.features,
        "federation_origin": "",
        "federation_siblings_active": "",
        "federation_siblings_viable": "",
        "gres_detail": [node_gres(alloc) for alloc in job.nodes if alloc.gres],
        "group_id": job.gid,
        "group_name": job.group,
        "het_job_id": number(job.het_job_id),
        "het_job_id_set": job.het_job_id_set,
        "het_job_offset": number(job.het_offset),
        "job_id": job.job_id,
        "job_resources": _resources(job, shapes),
        "job_size_str": [],
        "job_state": state_words(job.state),
        "last_sched_evaluation": _moment(job.last_sched_eval),
        "licenses": _counted(spec.licenses),
        "licenses_allocated": jv.licenses_held(job),
        "mail_type": mail,
        "mail_user": spec.mail_user or job.user,
        "max_cpus": _ZERO,
        "max_nodes": number(most if pending else 0),
        "mcs_label": spec.mcs_label,
        "memory_per_tres": jv.mem_per_tres(job),
        "name": spec.name,
        "network": spec.network,
        "nodes": jv.nodes(job),
        "nice": spec.nice,
        "tasks_per_core": _optional(spec, "ntasks_per_core", _ENDLESS),
        "tasks_per_tres": number(spec.ntasks_per_gpu),
        "tasks_per_node": number(spec.ntasks_per_node),
        "tasks_per_socket": _optional(spec, "ntasks_per_socket", _ENDLESS),
        "tasks_per_board": _ZERO,
        "cpus": number(job.num_cpus),
        "node_count": number(job.num_nodes),
        "tasks": number(jv.num_tasks(job)),
        "partition": job.partition,
        "prefer": spec.prefer,
        "memory_per_cpu": number(job.min_memory) if per_cpu else _UNSET,
        "memory_per_node": _UNSET if per_cpu else number(job.min_memory),
        "minimum_cpus_per_node": number(jv.min_cpus_node(job)),
        "minimum_tmp_disk_per_node": number(spec.tmp_disk),
        "power": {"flags": []},
        "preempt_time": _ZERO,
        "preemptable_time": _ZERO,
        "pre_sus_time": number(int(job.pre_suspend_secs)),
        "hold": pending and job.priority == 0,
        "priority": number(job.priority),
        "priority_by_partition": [],
        "profile": [spec.profile.upper()] if spec.profile else ["NOT_SET"],
        "qos": job.qos,
        "reboot": spec.reboot,
        "required_nodes": jv.ranged(spec.req_nodes),
        "required_switches": spec.switches,
        "requeue": job.requeue,
        "resize_time": _ZERO,
        "restart_cnt": job.restarts,
        "resv_name": spec.reservation,
        "scheduled_nodes": job.sched_nodes if pending else "",
        "segment_size": 0,
        "selinux_context": "",
        "shared": _shared(job),
        "step_id": {
            "sluid": sluid(job),
            "job_id": number(job.job_id),
            "step_het_component": _UNSET,
            "step_id": "entire",
        },
        "sockets_per_board": 0,
        "sockets_per_node": _optional(spec, "sockets_per_node"),
        "start_time": _moment(jv.start_time(job, now)),
        "state_description": job.reason_text,
        "state_reason": job.reason or "None",
        "standard_input": stdin,
        "standard_output": stdout,
        "standard_error": stderr,
        "stdin_expanded": _expanded(job, stdin),
        "stdout_expanded": jv.file_path(job, stdout),
        "stderr_expanded": jv.file_path(job, stderr),
        "submit_time": _moment(job.submit_time),
        "submit_line": spec.submit_line,
        "suspend_time": _moment(job.suspend_time),
        "system_comment": job.system_comment,
        "time_limit": _minutes(job.time_limit),
        "time_minimum": number(spec.time_min),
        "threads_per_core": _optional(spec, "threads_per_core"),
        "tres_bind": spec.tres_bind or (f"gres/gpu:{spec.gpu_bind}" if spec.gpu_bind else ""),
        "tres_freq": spec.gpu_freq,
        "tres_per_job": jv.tres_per_job(job),
        "tres_per_node": jv.tres_per_node(job),
        "tres_per_socket": jv.tres_per_socket(job),
        "tres_per_task": jv.tres_per_task(job),
        "tres_req_str": job.tres_req,
        "tres_alloc_str": job.tres_alloc,
        "user_id": job.uid,
        "user_name": job.user,
        "maximum_switch_wait_time": spec.switch_wait,
        "wckey": job.wckey,
        "current_working_directory": spec.work_dir,
    }  # fmt: skip


#: What jobs that are alike otherwise differ in: fields of the record, and of what was asked for.
_OWN = (
    "job_id", "list_order", "submit_time", "eligible_time", "accrue_time", "start_time", "end_time", "last_sched_eval",
    "priority",
)  # fmt: skip
_OWN_SPEC = ("name", "submit_line", "command")


class JobTexts:
    """Jobs as rows of a JSON document, written once for all that are alike: the cost is that of distinct requests."""

    def __init__(self, now: float, cluster: str, shapes: Shapes) -> None:
        self.now, self.cluster, self.shapes = now, cluster, shapes
        self._mark = f"@{secrets.token_hex(8)}@"  # stands in a text for what is a job's own
        self._parts: dict[tuple[bytes, bool, bool, bool], list[str]] = {}

    def of(self, job: pb.JobRecord) -> str:
        """The row of a job; the record is spent by it."""
        own = self._own(job)
        spec, kept = job.spec, (bool(job.start_time), bool(job.last_sched_eval), bool(job.priority))
        values = [getattr(job, name) for name in _OWN]
        texts = [getattr(spec, name) for name in _OWN_SPEC]
        for name in _OWN:
            job.ClearField(name)
        for name in _OWN_SPEC:
            spec.ClearField(name)
        key = (job.SerializeToString(), *kept)
        parts = self._parts.get(key)
        if parts is None:
            for name, value in zip(_OWN, values, strict=True):
                setattr(job, name, value)
            for name, text in zip(_OWN_SPEC, texts, strict=True):
                setattr(spec, name, text)
            parts = self._parts[key] = self._write(job)
        return "".join(itertools.chain.from_iterable(zip(parts, own, strict=False))) + parts[-1]

    def _own(self, job: pb.JobRecord) -> list[str]:
        """What is a job's own, in the order in which it stands in the row."""
        spec = job.spec
        stdin, stdout, stderr = _files(job)
        number_of = str(job.job_id)
        return [
            str(int(job.accrue_time)),
            text_of(spec.command),
            str(int(job.eligible_time)),
            str(int(jv.end_time(job, self.now))),
            number_of,
            str(int(job.last_sched_eval)),
            text_of(spec.name),
            str(job.priority),
            text_of(sluid(job)),
            number_of,
            str(int(jv.start_time(job, self.now))),
            text_of(_expanded(job, stdin)),
            text_of(jv.file_path(job, stdout)),
            text_of(jv.file_path(job, stderr)),
            str(int(job.submit_time)),
            text_of(spec.submit_line),
        ]

    def _write(self, job: pb.JobRecord) -> list[str]:
        """The pieces of a row between what is a job's own."""
        row = job_record(job, self.now, self.cluster, self.shapes)
        for name in ("accrue_time", "eligible_time", "end_time", "last_sched_evaluation", "priority", "start_time",
                     "submit_time"):  # fmt: skip
            row[name] = number(0) | {"number": self._mark}
        for name in (
            "command",
            "job_id",
            "name",
            "stdin_expanded",
            "stdout_expanded",
            "stderr_expanded",
            "submit_line",
        ):
            row[name] = self._mark
        row["step_id"] = row["step_id"] | {"sluid": self._mark, "job_id": number(0) | {"number": self._mark}}
        return row_text(row).split(f'"{self._mark}"')


def step_record(step: pb.StepRecord, now: float, cluster: str) -> dict[str, Any]:
    """One step."""
    special = step.step_id < 0
    task = step.HasField("array_task_id")
    return {
        "array": {"job_id": step.array_job_id, "task_id": step.array_task_id if task else NO_VAL},
        "cluster": cluster,
        "container": "",
        "container_id": "",
        "cpu": {"frequency": {"min": _UNSET, "max": _UNSET, "governor": _UNSET}},
        "tres": {
            "per": {"cpu": "", "memory": "", "step": "", "node": "", "socket": "", "task": ""},
            "allocation": "" if special else step.tres_alloc,
            "binding": "",
            "frequency": "",
        },
        "name": step.name,
        "network": step.network,
        "nodes": step.node_list,
        "number_cpus": 0 if special else step.num_cpus,
        "number_tasks": step.num_tasks,
        "partition": step.partition,
        "reserved_ports": "",
        "time": {
            "running": number(max(0, int((step.end_time or now) - step.start_time))),
            "start": _moment(step.start_time),
            "limit": _minutes(step.time_limit or INFINITE),
        },
        "srun": {"host": step.srun_host, "pid": step.srun_pid},
        "state": state_words(step.state),
        "id": shown_id(step),
        "stderr": step.std_err,
        "stdin": step.std_in,
        "stdout": step.std_out,
        "stdin_expanded": step.std_in,
        "stdout_expanded": step.std_out,
        "stderr_expanded": step.std_err,
        "submit_line": step.submit_line,
        "task": {"distribution": "" if special else step.distribution.capitalize() or "Unknown"},
        "user": step.user,
    }
