"""What ``squeue -s`` can show of a step (squeue(1), --steps)."""

from __future__ import annotations

from crane_compat.commands.format.columns import Field, FieldTable
from crane_compat.commands.format.texts import NULL, moment, or_null
from crane_compat.core import states as st
from crane_compat.parsers.time_limit import format_elapsed
from crane_compat.wire import INFINITE, pb

Step = pb.StepRecord


def shown_id(step: Step) -> str:
    """``12.0``, ``12_3.batch``."""
    job = f"{step.array_job_id}_{step.array_task_id}" if step.HasField("array_task_id") else str(step.job_id)
    return f"{job}.{st.step_name(step.step_id)}"


def id_key(step: Step) -> tuple[int, int]:
    """Order by job, then step; those with a name (batch, extern …) come last, as their numbers are huge."""
    return step.job_id, step.step_id & 0xFFFFFFFF


def limit(step: Step) -> str:
    if step.time_limit in (0, INFINITE):
        return "UNLIMITED"
    return format_elapsed(step.time_limit * 60)


def step_fields(now: float, cluster: str = "") -> FieldTable[Step]:
    """The table for one reply made at `now`."""

    def used(step: Step) -> str:
        return format_elapsed(int(step.end_time or now) - int(step.start_time))

    fields: list[Field[Step]] = [
        Field(("arrayjobid",), "ARRAY_JOB_ID", lambda s: str(s.array_job_id)),
        Field(("arraytaskid",), "ARRAY_TASK_ID", lambda s: str(s.array_task_id) if s.array_job_id else "N/A"),
        Field(("cluster",), "CLUSTER", lambda s: cluster or NULL),
        Field(("container",), "CONTAINER", lambda s: or_null(s.container)),
        Field(("containerid",), "CONTAINER_ID", lambda s: NULL),
        Field(("cpufreq",), "CPU_FREQ", lambda s: s.cpu_freq or "N/A"),
        Field(("jobid",), "JOB_ID", lambda s: str(s.job_id), sort=lambda s: s.job_id),
        Field(("network",), "NETWORK", lambda s: or_null(s.network)),
        Field(("nodes", "nodelist"), "NODELIST", lambda s: s.node_list, "N", sort=lambda s: s.node_list),
        Field(("numcpus",), "CPUS", lambda s: str(s.num_cpus)),
        Field(("numnodes",), "NODES", lambda s: str(s.num_nodes)),
        Field(("numtasks",), "TASKS", lambda s: str(s.num_tasks), "A", sort=lambda s: s.num_tasks),
        Field(("partition",), "PARTITION", lambda s: s.partition, "P", sort=lambda s: s.partition),
        Field(("resvports",), "RESERVED_PORTS", lambda s: NULL),
        Field(("sluid",), "SLUID", lambda s: NULL),
        Field(("starttime",), "START_TIME", lambda s: moment(s.start_time), "S", sort=lambda s: s.start_time),
        Field(("stepid",), "STEPID", shown_id, "i", sort=id_key),
        Field(("stepname",), "NAME", lambda s: s.name, "j", sort=lambda s: s.name),
        Field(("stepstate",), "STATE", lambda s: st.job_state_name(s.state)),
        Field(("submitline",), "SUBMIT_LINE", lambda s: or_null(s.submit_line)),
        Field(("timelimit",), "TIME_LIMIT", limit, "l", cut=False, sort=lambda s: s.time_limit),
        Field(("timeused",), "TIME", used, "M", cut=False, sort=lambda s: -s.start_time),
        Field(("tres-bind",), "TRES_BIND", lambda s: NULL),
        Field(("tres-freq",), "TRES_FREQ", lambda s: NULL),
        Field(("tres-per-step",), "TRES_PER_STEP", lambda s: NULL, "b", letter_header="TRES_PER_JOB"),
        Field(("tres-per-node",), "TRES_PER_NODE", lambda s: NULL),
        Field(("tres-per-socket",), "TRES_PER_SOCKET", lambda s: NULL),
        Field(("tres-per-task",), "TRES_PER_TASK", lambda s: NULL),
        Field(("userid",), "UID", lambda s: str(s.uid), "U", sort=lambda s: s.uid),
        Field(("username",), "USER", lambda s: s.user, "u", sort=lambda s: s.user),
        Field(("workdir",), "WORK_DIR", lambda s: or_null(s.work_dir)),
        Field(("stdin",), "STDIN", lambda s: or_null(s.std_in)),
        Field(("stdout",), "STDOUT", lambda s: or_null(s.std_out)),
        Field(("stderr",), "STDERR", lambda s: or_null(s.std_err)),
    ]
    return FieldTable(fields)
