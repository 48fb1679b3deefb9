"""sacct's columns: name, width and what they show of a job or step.

`FIELDS` is in the order of ``sacct --helpformat``.  A getter takes a `Line`
(a job, or one of its steps) and returns the text; an empty text where the
field says nothing about that kind of line.
"""

from __future__ import annotations

import functools
import grp
import pwd
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crane_compat.core import states

from .quantities import (
    INFINITE,
    NO_VAL,
    NO_VAL64,
    UNITS,
    cpu_time,
    minutes,
    moment,
    parse_tres,
    seconds,
    sluid_text,
    with_unit,
)

Record = Mapping[str, Any]

CPU, MEM, ENERGY, NODE, BILLING, DISK, VMEM, PAGES = range(1, 9)
#: SIG_OOM, the dummy exit status of a step killed for its memory
OOM_STATUS = 253


@dataclass(slots=True)
class View:
    """What all lines of one output share."""

    cluster: str
    tres: dict[int, str]
    now: int
    unit: int | None = None  # --units
    convert: bool = True  # not --noconvert
    expand: bool = False  # --expand-patterns
    reasons: Mapping[int, str] = field(default_factory=dict)
    flags: Mapping[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class Line:
    """One line of output: a job, or one of its steps."""

    view: View
    job: Record
    steps: list[Record]
    step: Record | None = None
    task: int | None = None  # --array: one pending task of the meta record

    @property
    def own(self) -> Record:
        return self.job if self.step is None else self.step

    @property
    def elapsed(self) -> int:
        own = self.own
        start: int = own["time_start"]
        end: int = own["time_end"]
        suspended: int = own["time_suspended"]
        if not start:
            return 0
        if own["state"] == states.SUSPENDED:
            return max(0, suspended - start)
        return max(0, (end or self.view.now) - start - suspended)

    @property
    def cpus(self) -> int:
        return parse_tres(self.own["tres_alloc"]).get(CPU, 0)

    @property
    def nodes(self) -> int:
        own = self.own
        return (
            own["nodes_alloc"]
            or parse_tres(own["tres_alloc"]).get(NODE)
            or (parse_tres(self.job["tres_req"]).get(NODE, 0) if self.step is None else 0)
        )


Getter = Callable[[Line], str]


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    width: int
    get: Getter


# ---------------------------------------------------------------- getters


def job_only(column: str) -> Getter:
    """A text column of the job; nothing for steps."""
    return lambda line: "" if line.step is not None else str(line.job.get(column) or "")


def job_number(column: str) -> Getter:
    return lambda line: "" if line.step is not None else str(line.job.get(column) or 0)


def both(column: str) -> Getter:
    return lambda line: str(line.own.get(column) or "")


def of_job(column: str) -> Getter:
    """The job's column, on its steps as well."""
    return lambda line: str(line.job.get(column) or "")


def _base_id(line: Line) -> str:
    job = line.job
    if line.task is not None:
        return f"{job['id_array_job']}_{line.task}"
    if job["array_task_str"]:
        return f"{job['id_array_job']}_[{array_text(job['array_task_str'], job['array_max_tasks'])}]"
    if job["id_array_task"] != NO_VAL:
        return f"{job['id_array_job']}_{job['id_array_task']}"
    if job["het_job_id"]:
        return f"{job['het_job_id']}+{job['het_job_offset']}"
    return str(job["id_job"])


def array_tasks(text: str) -> list[int]:
    """The task numbers of an array_task_str: a hex bitmap, or ``1-5,7``."""
    if text[1:2] == "x":
        bits = int(text, 16)
        return [n for n in range(bits.bit_length()) if bits >> n & 1]
    tasks: list[int] = []
    for part in text.split("%")[0].split(","):
        span, _, step = part.partition(":")
        first, _, last = span.partition("-")
        if first.isdigit():
            tasks += range(int(first), int(last or first) + 1, int(step or 1))
    return tasks


def array_text(text: str, throttle: int) -> str:
    """``1-5,7%2`` for a stored array_task_str."""
    if text[1:2] != "x":
        return text
    tasks = array_tasks(text)
    parts: list[str] = []
    index = 0
    while index < len(tasks):
        end = index
        while end + 1 < len(tasks) and tasks[end + 1] == tasks[end] + 1:
            end += 1
        if end > index + 1:
            parts.append(f"{tasks[index]}-{tasks[end]}")
            index = end + 1
        else:
            parts.append(str(tasks[index]))
            index += 1
    return ",".join(parts) + (f"%{throttle}" if throttle else "")


def _step_suffix(line: Line) -> str:
    if line.step is None:
        return ""
    text = "." + states.step_name(line.step["id_step"])
    component = line.step["step_het_comp"]
    return text if component == NO_VAL else f"{text}+{component}"


def job_id(line: Line) -> str:
    return _base_id(line) + _step_suffix(line)


def job_id_raw(line: Line) -> str:
    return f"{line.job['id_job']}{_step_suffix(line)}"


def job_name(line: Line) -> str:
    return str(line.job["job_name"] if line.step is None else line.step["step_name"])


@functools.cache
def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@functools.cache
def group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def user(line: Line) -> str:
    return "" if line.step is not None else str(line.job["user"] or user_name(line.job["id_user"]))


def group(line: Line) -> str:
    return "" if line.step is not None else group_name(line.job["id_group"])


def state(line: Line) -> str:
    own = line.own
    number = own["state"]
    if number == states.CANCELLED and own["kill_requid"] is not None:
        return f"CANCELLED by {own['kill_requid']}"
    if line.step is not None and own["kill_requid"] is not None and number > states.SUSPENDED:
        return f"CANCELLED by {own['kill_requid']}" if number == states.CANCELLED else states.job_state_name(number)
    return states.job_state_name(number)


def wait_status(status: int) -> str:
    """``exit:signal`` of a wait status."""
    if status == OOM_STATUS:
        return "0:125"
    signal = status & 0x7F
    if status & 0xFF == 0x7F:  # stopped
        signal = 0
    return f"{status >> 8 & 0xFF if not signal else 0}:{signal}"


def exit_code(line: Line) -> str:
    status = line.own["exit_code"] & 0xFFFFFFFF
    return "" if status == NO_VAL else wait_status(status)


def derived_exit_code(line: Line) -> str:
    if line.step is not None:
        return ""
    status = line.job["derived_ec"]
    return "0:0" if status == NO_VAL else wait_status(status)


def submit(line: Line) -> str:
    return moment(line.job["time_submit"] if line.step is None else line.step["time_start"])


def eligible(line: Line) -> str:
    return moment(line.job["time_eligible"] if line.step is None else line.step["time_start"])


def start(line: Line) -> str:
    own = line.own
    if not own["time_start"] and own["time_end"]:
        return "None"
    return moment(own["time_start"])


def end(line: Line) -> str:
    return moment(line.own["time_end"])


def planned(line: Line) -> int:
    job = line.job
    begin = job["time_eligible"]
    if not begin or begin == INFINITE:
        return 0
    if job["time_start"]:
        return int(job["time_start"] - begin)
    return int((job["time_end"] or line.view.now) - begin)


def _planned(factor: bool, raw: bool) -> Getter:
    def get(line: Line) -> str:
        if line.step is not None:
            return ""
        value = planned(line) * (line.job["cpus_req"] if factor else 1)
        return str(value & 0xFFFFFFFF) if raw else seconds(value)

    return get


def cpu_seconds(kind: str) -> Getter:
    """User, system or both; a job's is the sum of its steps'."""

    def get(line: Line) -> str:
        second = micro = 0
        for step in line.steps if line.step is None else [line.step]:
            if kind != "sys":
                second, micro = second + step["user_sec"], micro + step["user_usec"]
            if kind != "user":
                second, micro = second + step["sys_sec"], micro + step["sys_usec"]
        return cpu_time(second, micro)

    return get


def time_limit(line: Line) -> str:
    if line.step is not None:
        return ""
    value = line.job["timelimit"]
    return "Partition_Limit" if value == NO_VAL else minutes(value)


def time_limit_raw(line: Line) -> str:
    if line.step is not None:
        return ""
    value = line.job["timelimit"]
    return {INFINITE: "UNLIMITED", NO_VAL: "Partition_Limit"}.get(value, str(value))


def memory_text(view: View, mebibytes: int) -> str:
    if not view.convert:
        return f"{mebibytes}M"
    return with_unit(mebibytes, UNITS.index("M"), spec=view.unit)


def tres_text(view: View, text: str | None, usage: bool = False) -> str:
    """``billing=1,cpu=1,mem=100M``: by name, in alphabetical order."""
    parts = []
    for number, count in parse_tres(text).items():
        name = view.tres.get(number)
        if name is None or count in (NO_VAL64,):
            continue
        parts.append(f"{name}={_tres_count(view, number, count, usage)}")
    return ",".join(sorted(parts))


def _tres_count(view: View, number: int, count: int, usage: bool) -> str:
    if usage:
        if number == CPU:
            return seconds(count // 1000)
        if number in (MEM, VMEM):
            return bytes_text(view, count)
        return str(count)
    return memory_text(view, count) if number == MEM else str(count)


def bytes_text(view: View, count: float) -> str:
    if not view.convert:
        return str(int(count))
    return with_unit(count, 0, spec=view.unit)


def requested_memory(line: Line) -> str:
    if line.step is not None:
        return ""
    view = line.view
    value = parse_tres(line.job["tres_req"]).get(MEM)
    return "0" if value is None else memory_text(view, value)


def tres_of(column: str, steps: bool) -> Getter:
    def get(line: Line) -> str:
        if line.step is None:
            return tres_text(line.view, line.job[column])
        return tres_text(line.view, line.step[column]) if steps else ""

    return get


def energy(line: Line) -> str:
    if line.step is not None:
        value = line.step["consumed_energy"]
        return "0" if value == NO_VAL64 else with_unit(value, 0, exact=False, base=1000)
    if parse_tres(line.job["tres_alloc"]).get(ENERGY) == NO_VAL64 or not line.job["tres_alloc"]:
        return ""
    total = sum(s["consumed_energy"] for s in line.steps if s["consumed_energy"] != NO_VAL64)
    return with_unit(total, 0, exact=False, base=1000)


def energy_raw(line: Line) -> str:
    if line.step is not None:
        value = line.step["consumed_energy"]
        return "0" if value == NO_VAL64 else str(value)
    if parse_tres(line.job["tres_alloc"]).get(ENERGY) == NO_VAL64 or not line.job["tres_alloc"]:
        return ""
    return str(sum(s["consumed_energy"] for s in line.steps if s["consumed_energy"] != NO_VAL64))


def frequency(line: Line) -> str:
    if line.step is None:
        return ""
    return with_unit(line.step["act_cpufreq"], UNITS.index("K"), exact=False, base=1000)


def requested_frequency(column: str) -> Getter:
    governors = {0x10: "Conservative", 0x8: "OnDemand", 0x4: "Performance", 0x2: "PowerSave", 0x20: "UserSpace"}
    words = {1: "Low", 2: "Medium", 3: "High", 4: "HighM1"}

    def get(line: Line) -> str:
        value = NO_VAL if line.step is None else line.step[column]
        if value == NO_VAL:
            return "Unknown"
        if value & 0x80000000:
            table = governors if column == "req_cpufreq_gov" else words
            return table.get(value & 0x7FFFFFFF, "Unknown")
        return with_unit(value, UNITS.index("K"), exact=False, base=1000)

    return get


def usage(column: str, number: int, form: Callable[[View, int], str]) -> Getter:
    """One TRES of a step's usage text; nothing where it has not been sampled."""

    def get(line: Line) -> str:
        if line.step is None:
            return ""
        value = parse_tres(line.step[column]).get(number)
        return "" if value is None or value == NO_VAL64 else form(line.view, value)

    return get


def usage_node(column: str, number: int) -> Getter:
    def get(line: Line) -> str:
        if line.step is None:
            return ""
        value = parse_tres(line.step[column]).get(number)
        return "" if value is None else node_name(line.step["nodelist"], value)

    return get


@functools.cache
def node_name(nodes: str, place: int) -> str:
    from crane_compat.parsers import hostlist

    try:
        names = hostlist.expand(nodes)
    except hostlist.HostlistError:
        return ""
    return names[place] if place < len(names) else ""


def usage_all(column: str, form: str = "") -> Getter:
    """The whole usage text by names: counts, task ranks or nodes."""

    def get(line: Line) -> str:
        if line.step is None:
            return ""
        text = line.step[column]
        if not form:
            return tres_text(line.view, text, usage=True)
        nodes = line.step["nodelist"]
        parts = []
        for number, value in parse_tres(text).items():
            if (name := line.view.tres.get(number)) is not None:
                parts.append(f"{name}={node_name(nodes, value) if form == 'node' else value}")
        return ",".join(sorted(parts))

    return get


def _raw_count(view: View, value: int) -> str:
    return with_unit(value, 0) if view.convert else str(value)


def _disk(view: View, value: int) -> str:
    if not view.convert:
        return str(value)
    return with_unit(value, 0, spec=UNITS.index("M") if view.unit is None else view.unit)


def _cpu_ms(view: View, value: int) -> str:
    return seconds(value // 1000)


def _rank(view: View, value: int) -> str:
    return str(value)


def requested_cpus(line: Line) -> str:
    return str(line.job["cpus_req"] if line.step is None else line.cpus)


def requested_nodes(line: Line) -> str:
    if line.step is not None:
        return str(line.step["nodes_alloc"])
    return str(parse_tres(line.job["tres_req"]).get(NODE, 0))


def layout(line: Line) -> str:
    from crane_compat.accounting.codes import DISTRIBUTIONS

    return "" if line.step is None else DISTRIBUTIONS.get(line.step["task_dist"] & 0xFF, "Unknown")


def flags(line: Line) -> str:
    if line.step is not None:
        return ""
    value = line.job["flags"]
    return ",".join(name for bit, name in line.view.flags.items() if value & bit)


def reason(line: Line) -> str:
    return "" if line.step is not None else line.view.reasons.get(line.job["state_reason_prev"], "None")


def pattern(column: str) -> Getter:
    def get(line: Line) -> str:
        if line.step is not None:
            return str(line.step.get(column) or "")
        text = str(line.job.get(column) or "")
        return expand_pattern(line, text) if line.view.expand and text else text

    return get


def expand_pattern(line: Line, text: str) -> str:
    """A file name pattern as the batch step would have expanded it (sbatch, "filename pattern")."""
    job = line.job
    if "\\" in text:
        text = text.replace("\\", "")
    else:
        values = {
            "%": "%", "A": job["id_array_job"] or job["id_job"], "a": job["id_array_task"], "j": job["id_job"],
            "J": job["id_job"], "x": job["job_name"], "u": user(line), "N": node_name(job["nodelist"] or "", 0),
            "n": 0, "t": 0, "s": "batch", "b": job["id_array_task"] % 10 if job["id_array_task"] is not None else 0,
        }  # fmt: skip
        out, index = [], 0
        while index < len(text):
            if text[index] != "%":
                out.append(text[index])
                index += 1
                continue
            mark = index + 1
            while mark < len(text) and text[mark].isdigit():
                mark += 1
            key = text[mark : mark + 1]
            if key in values:
                value = str(values[key])
                if width := text[index + 1 : mark]:
                    value = value.rjust(int(width), "0") if value.isdigit() else value
                out.append(value)
            else:
                out.append(text[index : mark + 1])
            index = mark + 1
        text = "".join(out)
    return text if text.startswith("/") else f"{job['work_dir']}/{text}"


def _optional_number(column: str) -> Getter:
    """A number that is left out where it is zero."""
    return job_only(column)


def _unsigned(column: str) -> Getter:
    return lambda line: str(line.job[column])


#: every field, in the order of --helpformat
FIELDS: tuple[Field, ...] = (
    Field("Account", 10, of_job("account")),
    Field("AdminComment", 15, job_only("admin_comment")),
    Field("AllocCPUS", 10, lambda line: str(line.cpus)),
    Field("AllocNodes", 10, lambda line: str(line.nodes)),
    Field("AllocTRES", 10, tres_of("tres_alloc", True)),
    Field("AssocID", 7, _unsigned("id_assoc")),
    Field("AveCPU", 10, usage("tres_usage_in_ave", CPU, _cpu_ms)),
    Field("AveCPUFreq", 10, frequency),
    Field("AveDiskRead", 14, usage("tres_usage_in_ave", DISK, _disk)),
    Field("AveDiskWrite", 14, usage("tres_usage_out_ave", DISK, _disk)),
    Field("AvePages", 10, usage("tres_usage_in_ave", PAGES, _raw_count)),
    Field("AveRSS", 10, usage("tres_usage_in_ave", MEM, bytes_text)),
    Field("AveVMSize", 10, usage("tres_usage_in_ave", VMEM, bytes_text)),
    Field("BlockID", 16, of_job("id_block")),
    Field("Cluster", 10, lambda line: line.view.cluster),
    Field("Comment", 14, job_only("derived_es")),
    Field("Constraints", 19, job_only("constraints")),
    Field("ConsumedEnergy", 14, energy),
    Field("ConsumedEnergyRaw", 17, energy_raw),
    Field("Container", 19, both("container")),
    Field("CPUTime", 10, lambda line: seconds(line.elapsed * line.cpus)),
    Field("CPUTimeRAW", 10, lambda line: str(line.elapsed * line.cpus)),
    Field("DBIndex", -21, _unsigned("job_db_inx")),
    Field("DerivedExitCode", 15, derived_exit_code),
    Field("Elapsed", 10, lambda line: seconds(line.elapsed)),
    Field("ElapsedRaw", 10, lambda line: str(line.elapsed)),
    Field("Eligible", 19, eligible),
    Field("End", 19, end),
    Field("ExitCode", 8, exit_code),
    Field("Extra", 14, job_only("extra")),
    Field("FailedNode", 8, job_only("failed_node")),
    Field("Flags", 19, flags),
    Field("GID", 6, job_number("id_group")),
    Field("Group", 9, group),
    Field("JobID", -12, job_id),
    Field("JobIDRaw", -12, job_id_raw),
    Field("JobName", 10, job_name),
    Field("Layout", 9, layout),
    Field("Licenses", 10, job_only("licenses")),
    Field("MaxDiskRead", 12, usage("tres_usage_in_max", DISK, _disk)),
    Field("MaxDiskReadNode", 15, usage_node("tres_usage_in_max_nodeid", DISK)),
    Field("MaxDiskReadTask", 15, usage("tres_usage_in_max_taskid", DISK, _rank)),
    Field("MaxDiskWrite", 12, usage("tres_usage_out_max", DISK, _disk)),
    Field("MaxDiskWriteNode", 16, usage_node("tres_usage_out_max_nodeid", DISK)),
    Field("MaxDiskWriteTask", 16, usage("tres_usage_out_max_taskid", DISK, _rank)),
    Field("MaxPages", 8, usage("tres_usage_in_max", PAGES, _raw_count)),
    Field("MaxPagesNode", 12, usage_node("tres_usage_in_max_nodeid", PAGES)),
    Field("MaxPagesTask", 14, usage("tres_usage_in_max_taskid", PAGES, _rank)),
    Field("MaxRSS", 10, usage("tres_usage_in_max", MEM, bytes_text)),
    Field("MaxRSSNode", 10, usage_node("tres_usage_in_max_nodeid", MEM)),
    Field("MaxRSSTask", 10, usage("tres_usage_in_max_taskid", MEM, _rank)),
    Field("MaxVMSize", 10, usage("tres_usage_in_max", VMEM, bytes_text)),
    Field("MaxVMSizeNode", 14, usage_node("tres_usage_in_max_nodeid", VMEM)),
    Field("MaxVMSizeTask", 14, usage("tres_usage_in_max_taskid", VMEM, _rank)),
    Field("McsLabel", 12, job_only("mcs_label")),
    Field("MinCPU", 10, usage("tres_usage_in_min", CPU, _cpu_ms)),
    Field("MinCPUNode", 10, usage_node("tres_usage_in_min_nodeid", CPU)),
    Field("MinCPUTask", 10, usage("tres_usage_in_min_taskid", CPU, _rank)),
    Field("NCPUS", 10, lambda line: str(line.cpus)),
    Field("NNodes", 8, lambda line: str(line.nodes)),
    Field("NodeList", 15, both("nodelist")),
    Field("NTasks", 8, lambda line: "" if line.step is None else str(line.step["task_cnt"])),
    Field("Partition", 10, job_only("partition")),
    Field("Planned", 10, _planned(False, False)),
    Field("PlannedCPU", 10, _planned(True, False)),
    Field("PlannedCPURAW", 13, _planned(True, True)),
    Field("Priority", 10, job_number("priority")),
    Field("QOS", 10, job_only("qos")),
    Field("QOSRAW", 6, job_number("id_qos")),
    Field("QOSREQ", 10, job_only("qos_req")),
    Field("Reason", 22, reason),
    Field("ReqCPUFreq", 10, requested_frequency("req_cpufreq")),
    Field("ReqCPUFreqGov", 13, requested_frequency("req_cpufreq_gov")),
    Field("ReqCPUFreqMax", 13, requested_frequency("req_cpufreq")),
    Field("ReqCPUFreqMin", 13, requested_frequency("req_cpufreq_min")),
    Field("ReqCPUS", 8, requested_cpus),
    Field("ReqMem", 10, requested_memory),
    Field("ReqNodes", 8, requested_nodes),
    Field("ReqTRES", 10, tres_of("tres_req", False)),
    Field("Reservation", 20, job_only("resv_name")),
    Field("ReservationId", 8, _optional_number("id_resv")),
    Field("ReqReservation", 20, job_only("resv_req")),
    Field("Restarts", 8, job_number("restart_cnt")),
    Field("SegmentSize", 11, _optional_number("segment_size")),
    Field("SLUID", 14, lambda line: sluid_text(line.job["job_db_inx"])),
    Field("Start", 19, start),
    Field("State", 10, state),
    Field("StdErr", 20, pattern("std_err")),
    Field("StdIn", 20, pattern("std_in")),
    Field("StdOut", 20, pattern("std_out")),
    Field("Submit", 19, submit),
    Field("SubmitLine", 20, both("submit_line")),
    Field("Suspended", 10, lambda line: seconds(suspended(line))),
    Field("SystemComment", 15, job_only("system_comment")),
    Field("SystemCPU", 10, cpu_seconds("sys")),
    Field("Timelimit", 10, time_limit),
    Field("TimelimitRaw", 10, time_limit_raw),
    Field("TotalCPU", 10, cpu_seconds("total")),
    Field("TRESUsageInAve", 14, usage_all("tres_usage_in_ave")),
    Field("TRESUsageInMax", 14, usage_all("tres_usage_in_max")),
    Field("TRESUsageInMaxNode", 18, usage_all("tres_usage_in_max_nodeid", "node")),
    Field("TRESUsageInMaxTask", 18, usage_all("tres_usage_in_max_taskid", "task")),
    Field("TRESUsageInMin", 14, usage_all("tres_usage_in_min")),
    Field("TRESUsageInMinNode", 18, usage_all("tres_usage_in_min_nodeid", "node")),
    Field("TRESUsageInMinTask", 18, usage_all("tres_usage_in_min_taskid", "task")),
    Field("TRESUsageInTot", 14, usage_all("tres_usage_in_tot")),
    Field("TRESUsageOutAve", 15, usage_all("tres_usage_out_ave")),
    Field("TRESUsageOutMax", 15, usage_all("tres_usage_out_max")),
    Field("TRESUsageOutMaxNode", 19, usage_all("tres_usage_out_max_nodeid", "node")),
    Field("TRESUsageOutMaxTask", 19, usage_all("tres_usage_out_max_taskid", "task")),
    Field("TRESUsageOutMin", 15, usage_all("tres_usage_out_min")),
    Field("TRESUsageOutMinNode", 19, usage_all("tres_usage_out_min_nodeid", "node")),
    Field("TRESUsageOutMinTask", 19, usage_all("tres_usage_out_min_taskid", "task")),
    Field("TRESUsageOutTot", 15, usage_all("tres_usage_out_tot")),
    Field("UID", 6, job_number("id_user")),
    Field("User", 9, user),
    Field("UserCPU", 10, cpu_seconds("user")),
    Field("WCKey", 10, job_only("wckey")),
    Field("WCKeyID", 10, job_number("id_wckey")),
    Field("WorkDir", 20, job_only("work_dir")),
)


def suspended(line: Line) -> int:
    own = line.own
    if own["state"] == states.SUSPENDED and own["time_suspended"]:
        return max(0, line.view.now - int(own["time_suspended"]))
    return int(own["time_suspended"])


DEFAULT = "jobid,jobname,partition,account,alloccpus,state,exitcode"
BRIEF = "jobid,state,exitcode"
LONG = (
    "jobid,jobidraw,jobname,partition,maxvmsize,maxvmsizenode,maxvmsizetask,avevmsize,maxrss,maxrssnode,maxrsstask,"
    "averss,maxpages,maxpagesnode,maxpagestask,avepages,mincpu,mincpunode,mincputask,avecpu,ntasks,alloccpus,elapsed,"
    "state,exitcode,avecpufreq,reqcpufreqmin,reqcpufreqmax,reqcpufreqgov,reqmem,consumedenergy,maxdiskread,"
    "maxdiskreadnode,maxdiskreadtask,avediskread,maxdiskwrite,maxdiskwritenode,maxdiskwritetask,avediskwrite,reqtres,"
    "alloctres,tresusageinave,tresusageinmax,tresusageinmaxnode,tresusageinmaxtask,tresusageinmin,tresusageinminnode,"
    "tresusageinmintask,tresusageintot,tresusageoutmax,tresusageoutmaxnode,tresusageoutmaxtask,tresusageoutave,"
    "tresusageouttot"
)


def find_field(word: str) -> Field | None:
    """The field a word stands for: the first one whose name begins so."""
    word = word.lower()
    return next((f for f in FIELDS if f.name.lower() == word), None) or next(
        (f for f in FIELDS if f.name.lower().startswith(word)), None
    )
