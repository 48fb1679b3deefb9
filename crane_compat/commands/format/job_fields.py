"""What squeue can show of a job: one declaration a field (squeue(1), --format and --Format)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from crane_compat.commands.format import job_values as jv
from crane_compat.commands.format.columns import Field, FieldTable
from crane_compat.commands.format.texts import NULL, array_tasks, exit_code, moment, natural_key, or_null, size
from crane_compat.core import states as st
from crane_compat.core.job_text import over_subscribe, sluid
from crane_compat.parsers.time_limit import format_elapsed
from crane_compat.wire import INFINITE, pb

Job = pb.JobRecord
Get = Callable[[Job], str]


@dataclass(frozen=True, slots=True)
class View:
    """What the fields need besides the record."""

    now: float
    cluster: str = ""
    convert: bool = True
    expand: bool = False  #: replace what can be replaced in file names


def _spec(name: str) -> Get:
    return lambda job: getattr(job.spec, name) or NULL


def _plain(name: str) -> Get:
    return lambda job: getattr(job.spec, name)


def _record(name: str) -> Get:
    return lambda job: getattr(job, name) or NULL


def _number(name: str) -> Get:
    return lambda job: str(getattr(job.spec, name))


def _time(name: str) -> Get:
    return lambda job: moment(getattr(job, name), "N/A")


def _na(get: Get) -> Get:
    return lambda job: get(job) or "N/A"


def _given(name: str) -> Get:
    return lambda job: str(getattr(job.spec, name)) if job.spec.HasField(name) else "N/A"


def _const(text: str) -> Get:
    return lambda job: text


def _flag(name: str) -> Get:
    return lambda job: "1" if getattr(job.spec, name) else "0"


def _of(name: str) -> Callable[[Job], Any]:
    return attrgetter(name)


def _limit(job: Job) -> str:
    return "UNLIMITED" if job.time_limit == INFINITE else format_elapsed(job.time_limit * 60)


def _array_task(job: Job) -> str:
    if job.HasField("array_task_id"):
        return str(job.array_task_id)
    return array_tasks(job.array_task_str, job.array_max_tasks) if job.array_task_str else "N/A"


def _core_spec(job: Job) -> str:
    if job.spec.HasField("thread_spec"):
        return f"{job.spec.thread_spec} Threads"
    return str(job.spec.core_spec) if job.spec.HasField("core_spec") else "N/A"


def _first_host(text: str) -> tuple[bool, list[tuple[int, int, str]]]:
    return not text, natural_key(text.replace("[", "").partition(",")[0].partition("-")[0])


def _batch_host(job: Job) -> str:
    return "n/a" if job.state & st.BASE_MASK == st.PENDING else jv.batch_host(job) or "n/a"


def job_fields(view: View) -> FieldTable[Job]:
    """The table for one reply; `view` holds the moment it was made."""
    now = int(view.now)
    state_name, state_compact = functools.cache(st.job_state_name), functools.cache(st.job_state_compact)

    def wanted(job: Job) -> str:
        return jv.ranged(job.spec.req_nodes)

    def path(name: str) -> Get:
        def text(job: Job) -> str:
            pattern: str = getattr(job, name) or getattr(job.spec, name)
            return or_null(jv.file_path(job, pattern) if view.expand else pattern)

        return text

    elapsed = functools.cache(format_elapsed)

    def used(job: Job) -> str:
        return elapsed(jv.time_used(job, now)) if job.start_time else "0:00"

    def used_key(job: Job) -> int:  # a job yet to start has run for less than nothing
        if job.state & st.BASE_MASK == st.PENDING and (begin := jv.start_time(job, now)):
            return now - int(begin)
        return jv.time_used(job, now)

    def start(job: Job) -> str:
        return moment(jv.start_time(job, now), "N/A")

    def start_key(job: Job) -> float:
        return jv.start_time(job, now) or float("inf")

    def end(job: Job) -> str:
        return moment(jv.end_time(job, now), "N/A")

    def left(job: Job) -> str:
        seconds = jv.time_left(job, now)
        if seconds is None:
            return "UNLIMITED"
        return f"-{format_elapsed(-seconds)}" if seconds < 0 else format_elapsed(seconds)

    def left_key(job: Job) -> int:
        seconds = jv.time_left(job, now)
        return 1 << 62 if seconds is None else seconds

    def pending(job: Job) -> str:
        until = int(job.start_time) if 0 < job.start_time <= now else now
        return str(max(0, until - int(job.submit_time)))

    def memory(job: Job) -> str:
        return size(job.min_memory, convert=view.convert)

    def disk(job: Job) -> str:
        return size(job.spec.tmp_disk, convert=view.convert)

    return FieldTable(
        (
            Field(("account",), "ACCOUNT", _record("account"), "a", sort=_of("account")),
            Field(("accruetime",), "ACCRUE_TIME", _time("accrue_time")),
            Field(("admin_comment", "admincomment"), "ADMIN_COMMENT", _record("admin_comment")),
            Field(("allocnodes",), "ALLOC_NODES", lambda j: j.alloc_host or j.spec.alloc_node),
            Field(("allocsid",), "ALLOC_SID", _number("alloc_sid")),
            Field(("arrayjobid",), "ARRAY_JOB_ID", lambda j: str(j.array_job_id or j.job_id), "F", sort=jv.id_key),
            Field(("arraytaskid",), "ARRAY_TASK_ID", _array_task, "K"),
            Field(("associd",), "ASSOC_ID", lambda j: str(j.assoc_id)),
            Field(("batchflag",), "BATCH_FLAG", lambda j: str(int(j.batch_flag))),
            Field(("batchhost",), "EXEC_HOST", _batch_host, "B", sort=jv.batch_host),
            Field(("boardspernode",), "BOARDS_PER_NODE", _const("0")),
            Field(("burstbuffer",), "BURST_BUFFER", _spec("burst_buffer")),
            Field(("burstbufferstate",), "BURST_BUFFER_STATE", _record("burst_buffer_state")),
            Field(("cluster",), "CLUSTER", _const(view.cluster)),
            Field(("clusterfeature", "clusterfeatures"), "CLUSTER_FEATURES", _spec("cluster_constraint")),
            Field(("command",), "COMMAND", _spec("command"), "o"),
            Field(("comment",), "COMMENT", _spec("comment"), "k"),
            Field(("container",), "CONTAINER", _spec("container")),
            Field(("containerid",), "CONTAINERID", _spec("container_id")),
            Field(("contiguous",), "CONTIGUOUS", _flag("contiguous"), "O", sort=_of("spec.contiguous")),
            Field(("cores",), "CORES_PER_SOCKET", lambda j: jv.topology(j)[1], "I", sort=_of("spec.cores_per_socket")),
            Field(("corespec",), "CORE_SPEC", _core_spec, "X"),
            Field(("cpuspertask", "cpus-per-task"), "CPUS_PER_TASK", lambda j: str(j.cpus_per_task or 1)),
            Field(("cpus-per-tres",), "CPUS_PER_TRES", _na(jv.cpus_per_tres)),
            Field(("cronjob",), "CRON_JOB", lambda j: "Yes" if st.recurs(j) else "No"),
            Field(("deadline",), "DEADLINE", _time("deadline")),
            Field(("delayboot",), "DELAY_BOOT", lambda j: format_elapsed(j.spec.delay_boot)),
            Field(("dependency",), "DEPENDENCY", _record("dependency"), "E"),
            Field(("derivedec",), "DERIVED_EC", lambda j: exit_code(j.derived_exit_code)),
            Field(("eligibletime",), "ELIGIBLE_TIME", _time("eligible_time")),
            Field(("endtime",), "END_TIME", end, "e", sort=lambda j: jv.end_time(j, now)),
            Field(("excnodes",), "EXC_NODES", lambda j: jv.ranged(j.spec.exc_nodes), "x"),
            Field(("exit_code", "exitcode"), "EXIT_CODE", lambda j: exit_code(j.exit_code)),
            Field(("feature", "features"), "FEATURES", _spec("features"), "f", sort=_of("spec.features")),
            Field(("gres",), "TRES_PER_NODE", _na(jv.tres_per_node), "b", sort=jv.tres_per_node),
            Field(("groupid",), "GROUP", lambda j: str(j.gid), "G", sort=_of("gid")),
            Field(("groupname",), "GROUP", _of("group"), "g", sort=_of("group")),
            Field(("hetjobid",), "HET_JOB_ID", lambda j: str(j.het_job_id or "N/A")),
            Field(("hetjobidset",), "HET_JOB_ID_SET", lambda j: j.het_job_id_set or "N/A"),
            Field(("hetjoboffset",), "HET_JOB_OFFSET", lambda j: str(j.het_offset) if j.het_job_id else "N/A"),
            Field(("jobarrayid",), "JOBID", jv.shown_id, "i", sort=jv.id_key),
            Field(("jobid",), "JOBID", lambda j: str(j.job_id), "A", sort=_of("job_id")),
            Field(("lastschedeval",), "LAST_SCHED_EVAL", _time("last_sched_eval")),
            Field(("licenses",), "LICENSES", _spec("licenses"), "W"),
            Field(("licensesalloc",), "LICENSES_ALLOC", lambda j: or_null(jv.licenses_held(j))),
            Field(("maxcpus",), "MAX_CPUS", lambda j: str(j.num_cpus)),
            Field(("maxnodes",), "MAX_NODES", lambda j: str(j.max_nodes or j.num_nodes)),
            Field(("mem-per-tres",), "MEM_PER_TRES", _na(jv.mem_per_tres)),
            Field(("mcslabel",), "MCSLABEL", _spec("mcs_label")),
            Field(("mincpus",), "MIN_CPUS", lambda j: str(jv.min_cpus_node(j)), "c", sort=jv.min_cpus_node),
            Field(("minmemory",), "MIN_MEMORY", memory, "m", sort=_of("min_memory")),
            Field(("mintime",), "TIME_MIN", lambda j: format_elapsed(j.spec.time_min * 60)),
            Field(("mintmpdisk",), "MIN_TMP_DISK", disk, "d", sort=_of("spec.tmp_disk")),
            Field(("name",), "NAME", _of("spec.name"), "j", sort=_of("spec.name")),
            Field(("network",), "NETWORK", _spec("network")),
            Field(("nice",), "NICE", _number("nice"), "y"),
            Field(("nodelist", "nodes"), "NODELIST", jv.nodes, "N", sort=lambda j: _first_host(jv.nodes(j))),
            Field(("ntpercore",), "NTASKS_PER_CORE", _given("ntasks_per_core")),
            Field(("ntpernode",), "NTASKS_PER_NODE", _number("ntasks_per_node")),
            Field(("ntpersocket",), "NTASKS_PER_SOCKET", _given("ntasks_per_socket")),
            Field(("ntperboard",), "NTASKS_PER_BOARD", _const("0")),
            Field(("numcpus",), "CPUS", lambda j: str(j.num_cpus), "C", sort=_of("num_cpus")),
            Field(("numnodes",), "NODES", lambda j: str(j.num_nodes), "D", sort=_of("num_nodes")),
            Field(("numtasks",), "TASKS", lambda j: str(jv.num_tasks(j))),
            Field(("origin",), "ORIGIN", _const("NA")),
            Field(("originraw",), "ORIGIN_RAW", _const("NA")),
            Field(("oversubscribe",), "OVER_SUBSCRIBE", over_subscribe, "h", sort=over_subscribe),
            Field(("partition",), "PARTITION", _of("partition"), "P", sort=_of("partition")),
            Field(("pendingtime",), "PENDING_TIME", pending),
            Field(("preempttime",), "PREEMPT_TIME", _const("N/A")),
            Field(("prefer",), "PREFER", _spec("prefer")),
            Field(("priority",), "PRIORITY", jv.priority_share, "p", sort=_of("priority")),
            Field(("prioritylong",), "PRIORITY", lambda j: str(j.priority), "Q", sort=_of("priority")),
            Field(("profile",), "PROFILE", lambda j: j.spec.profile or "NotSet"),
            Field(("qos",), "QOS", _record("qos"), "q", sort=_of("qos")),
            Field(("reason",), "REASON", jv.reason, "r", sort=jv.reason),
            Field(("reasonlist",), "NODELIST(REASON)", jv.nodes_or_reason, "R"),
            Field(("reboot",), "REBOOT", _flag("reboot")),
            Field(("reqnodes",), "REQ_NODES", wanted, "n", sort=lambda j: _first_host(wanted(j))),
            Field(("reqswitch",), "REQ_SWITCH", _number("switches")),
            Field(("requeue",), "REQUEUE", lambda j: str(int(j.requeue))),
            Field(("reservation",), "RESERVATION", _spec("reservation"), "v", sort=_of("spec.reservation")),
            Field(("resizetime",), "RESIZE_TIME", _const("N/A")),
            Field(("restartcnt",), "RESTART_COUNT", lambda j: str(j.restarts)),
            Field(("schednodes",), "SCHEDNODES", _record("sched_nodes"), "Y", sort=_of("sched_nodes")),
            Field(("sct",), "S:C:T", lambda j: ":".join(jv.topology(j)), "z", sort=jv.topology),
            Field(("segmentsize",), "SEGMENT_SIZE", _const("N/A")),
            Field(("siblingsactive",), "ACTIVE_SIBLINGS", _const("NA")),
            Field(("siblingsactiveraw",), "ACTIVE_SIBLINGS_RAW", _const("NA")),
            Field(("siblingsviable",), "VIABLE_SIBLINGS", _const("NA")),
            Field(("siblingsviableraw",), "VIABLE_SIBLINGS_RAW", _const("NA")),
            Field(("shared",), "OVER_SUBSCRIBE", over_subscribe),
            Field(("sluid",), "SLUID", sluid, "s"),
            Field(("sockets",), "SOCKETS_PER_NODE", lambda j: jv.topology(j)[0], "H", sort=jv.topology),
            Field(("sperboard",), "SOCKETS_PER_BOARD", _const("0")),
            Field(("starttime",), "START_TIME", start, "S", sort=start_key),
            Field(("state",), "STATE", lambda j: state_name(j.state), "T", sort=_of("state")),
            Field(("statecompact",), "ST", lambda j: state_compact(j.state), "t", sort=_of("state")),
            Field(("stderr",), "STDERR", path("std_err")),
            Field(("stdin",), "STDIN", path("std_in")),
            Field(("stdout",), "STDOUT", path("std_out")),
            Field(("submittime",), "SUBMIT_TIME", _time("submit_time"), "V", sort=_of("submit_time")),
            Field(("system_comment", "systemcomment"), "SYSTEM_COMMENT", _record("system_comment")),
            Field(("threads",), "THREADS_PER_CORE", lambda j: jv.topology(j)[2], "J", sort=jv.topology),
            Field(("timeleft",), "TIME_LEFT", left, "L", cut=False, sort=left_key),
            Field(("timelimit",), "TIME_LIMIT", _limit, "l", cut=False, sort=_of("time_limit")),
            Field(("timeused",), "TIME", used, "M", cut=False, sort=used_key),
            Field(("tres", "tres-alloc", "tresalloc"), "TRES_ALLOC", lambda j: j.tres_alloc or j.tres_req or "N/A"),
            Field(("tres-bind",), "TRES_BIND", _na(_plain("tres_bind"))),
            Field(("tres-freq",), "TRES_FREQ", _na(_plain("gpu_freq"))),
            Field(("tres-per-job",), "TRES_PER_JOB", _na(jv.tres_per_job)),
            Field(("tres-per-node",), "TRES_PER_NODE", _na(jv.tres_per_node)),
            Field(("tres-per-socket",), "TRES_PER_SOCKET", _na(jv.tres_per_socket)),
            Field(("tres-per-task",), "TRES_PER_TASK", _na(jv.tres_per_task)),
            Field(("userid",), "UID", lambda j: str(j.uid), "U", sort=_of("uid")),
            Field(("username",), "USER", _of("user"), "u", sort=_of("user")),
            Field(("wait4switch",), "WAIT4SWITCH", lambda j: format_elapsed(j.spec.switch_wait)),
            Field(("wckey",), "WCKEY", _record("wckey"), "w"),
            Field(("workdir",), "WORK_DIR", _spec("work_dir"), "Z"),
        )
    )
