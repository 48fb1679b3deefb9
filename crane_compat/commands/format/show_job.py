"""``scontrol show job``."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from crane_compat.commands.format import job_values as jv
from crane_compat.commands.format.texts import array_tasks, exit_code, moment, or_null, size
from crane_compat.core import states as st
from crane_compat.core.job_text import over_subscribe, sluid
from crane_compat.parsers import hostlist
from crane_compat.parsers.time_limit import format_hms, format_limit
from crane_compat.wire import pb

#: How --mail-type=ALL shows.
ALL_MAIL = "INVALID_DEPEND,BEGIN,END,FAIL,REQUEUE,STAGE_OUT"


def job_lines(job: pb.JobRecord, now: float, details: int = 0) -> list[str]:
    """The lines of one job; `details` is how often --details was given."""
    return [
        line for line in itertools.chain(_who(job, details), _when(job, now), _what(job, details), _how(job)) if line
    ]


def _who(job: pb.JobRecord, details: int) -> Iterator[str]:
    spec = job.spec
    array = ""
    if job.array_job_id:
        tasks = (
            str(job.array_task_id)
            if job.HasField("array_task_id")
            else array_tasks(job.array_task_str, job.array_max_tasks)
        )
        array = f"ArrayJobId={job.array_job_id} ArrayTaskId={tasks} "
        if job.array_max_tasks:
            array += f"ArrayTaskThrottle={job.array_max_tasks} "
    het = f"HetJobId={job.het_job_id} HetJobOffset={job.het_offset} " if job.het_job_id else ""
    yield f"JobId={job.job_id} {array}{het}JobName={spec.name}"
    if job.het_job_id_set:
        yield f"HetJobIdSet={job.het_job_id_set}"
    if details:
        yield f"SLUID={sluid(job)}"
    yield f"UserId={job.user}({job.uid}) GroupId={job.group}({job.gid}) MCS_label={spec.mcs_label or 'N/A'}"
    yield f"Priority={job.priority} Nice={spec.nice} Account={or_null(job.account)} QOS={or_null(job.qos)}" + (
        f" WCKey={job.wckey}" if job.wckey and job.wckey.startswith("*") else ""
    )
    reason = jv.reason(job).replace(" ", "_")
    failed = f" FailedNode={job.failed_node}" if job.failed_node and job.state & st.BASE_MASK == st.NODE_FAIL else ""
    yield (
        f"JobState={st.job_state_name(job.state)} Reason={reason}"
        f"{failed if details else ''} Dependency={or_null(job.dependency)}"
    )
    yield (
        f"Requeue={int(job.requeue)} Restarts={job.restarts} BatchFlag={int(job.batch_flag)} "
        f"Reboot={int(spec.reboot)} ExitCode={exit_code(job.exit_code)}"
    )
    if details:
        yield f"DerivedExitCode={exit_code(job.derived_exit_code)}"


def _when(job: pb.JobRecord, now: float) -> Iterator[str]:
    spec = job.spec
    time_min = format_hms(spec.time_min * 60) if spec.time_min else "N/A"
    yield f"RunTime={format_hms(jv.time_used(job, now))} TimeLimit={format_limit(job.time_limit)} TimeMin={time_min}"
    yield f"SubmitTime={moment(job.submit_time)} EligibleTime={moment(job.eligible_time)}"
    yield f"AccrueTime={moment(job.accrue_time)}"
    deadline = moment(job.deadline or spec.deadline, "N/A")
    start, end = moment(jv.start_time(job, now)), moment(jv.end_time(job, now))
    yield f"StartTime={start} EndTime={end} Deadline={deadline}"
    if spec.HasField("cron"):
        yield f'{"" if spec.cron.over else "CronJob=Yes "}CrontabSpec="{spec.cron.spec}"'
    evaluated = moment(job.last_sched_eval)
    yield (
        f"SuspendTime={moment(job.suspend_time, 'None')} SecsPreSuspend={int(job.pre_suspend_secs)} "
        f"LastSchedEval={evaluated} Scheduler={job.scheduler or 'Main'}"
    )


def _range(low: int, high: int) -> str:
    return f"{min(low, high)}-{high}" if high else str(low)


def _what(job: pb.JobRecord, details: int) -> Iterator[str]:
    spec = job.spec
    pending = st.is_pending(job.state)
    yield f"Partition={job.partition} AllocNode:Sid={job.alloc_host or spec.alloc_node}:{spec.alloc_sid}"
    yield f"ReqNodeList={or_null(jv.ranged(spec.req_nodes))} ExcNodeList={or_null(jv.ranged(spec.exc_nodes))}"
    yield f"NodeList={jv.nodes(job)}"
    if not pending and (host := jv.batch_host(job)):
        yield f"BatchHost={host}"
    if job.sched_nodes and pending:
        yield f"SchedNodeList={job.sched_nodes}"
    never_ran = st.is_finished(job.state) and not job.node_list
    tasks = "N/A" if never_ran else jv.num_tasks(job)
    sockets, cores, threads = jv.topology(job)
    # a job submitted held keeps the number of nodes it would get as its maximum
    most = job.max_nodes or (job.num_nodes if spec.hold else 0)
    yield (
        f"NumNodes={_range(job.num_nodes, most if pending else 0)} NumCPUs={job.num_cpus} NumTasks={tasks} "
        f"CPUs/Task={job.cpus_per_task or 'N/A'} ReqB:S:C:T=0:0:{cores}:{threads}"
    )
    yield f"ReqTRES={or_null(job.tres_req)}"
    yield f"AllocTRES={or_null(job.tres_alloc)}"
    per_core = spec.ntasks_per_core if spec.HasField("ntasks_per_core") else "*"
    per_socket = spec.ntasks_per_socket if spec.HasField("ntasks_per_socket") else "*"
    yield (
        f"Socks/Node={sockets} NtasksPerN:B:S:C={spec.ntasks_per_node}:0:{per_socket}:{per_core} "
        f"CoreSpec={_core_spec(job)}"
    )
    if details and job.nodes:
        yield f"JOB_GRES={or_null(_total_gres(job))}"
        yield from _allocation(job)
    per, memory = "CPU" if job.memory_per_cpu else "Node", job.min_memory
    if spec.HasField("mem_per_gpu"):
        per, memory = "TRES", spec.mem_per_gpu
    yield (f"MinCPUsNode={jv.min_cpus_node(job)} MinMemory{per}={size(memory)} MinTmpDiskNode={size(spec.tmp_disk)}")


def _core_spec(job: pb.JobRecord) -> str:
    spec = job.spec
    if spec.HasField("thread_spec"):
        return f"{spec.thread_spec} Threads"
    return str(spec.core_spec) if spec.HasField("core_spec") else "*"


def _total_gres(job: pb.JobRecord) -> str:
    totals: dict[str, int] = {}
    for alloc in job.nodes:
        for gres in alloc.gres:
            name = f"{gres.name}:{gres.type}" if gres.type else gres.name
            totals[name] = totals.get(name, 0) + gres.count
    return ",".join(f"{name}:{count}" for name, count in totals.items())


def node_gres(alloc: pb.NodeAlloc) -> str:
    """``gpu:tesla:1(IDX:0)``: what a job holds of a node."""
    parts = []
    for gres in alloc.gres:
        name = f"{gres.name}:{gres.type}" if gres.type else gres.name
        indices = f"(IDX:{ranges(gres.index)})" if gres.index else "(IDX:N/A)"
        parts.append(f"{name}:{gres.count}{indices}")
    return ",".join(parts)


def ranges(numbers: object) -> str:
    """``0-1,4``."""
    text = hostlist.compress([f"x{n}" for n in sorted(numbers)])  # type: ignore[call-overload]
    return text[1:].strip("[]")


def _allocation(job: pb.JobRecord) -> Iterator[str]:
    """What it holds, neighbours that hold the same on one line."""
    over = st.is_finished(job.state)  # devices have been given back

    def held(alloc: pb.NodeAlloc) -> tuple[str, int, str]:
        return alloc.cpu_ids, alloc.memory, "" if over else node_gres(alloc)

    alike = itertools.groupby(job.nodes, key=held)
    for (cpu_ids, memory, gres), group in alike:
        names = hostlist.compress([alloc.node for alloc in group])
        yield f"  Nodes={names} CPU_IDs={cpu_ids} Mem={memory} GRES={gres}"


def _how(job: pb.JobRecord) -> Iterator[str]:
    spec = job.spec
    yield f"Features={or_null(spec.features)} DelayBoot={format_hms(spec.delay_boot)}"
    yield f"Prefer={spec.prefer}" if spec.prefer else ""
    yield f"Reservation={spec.reservation}" if spec.reservation else ""
    yield (
        f"OverSubscribe={over_subscribe(job)} Contiguous={int(spec.contiguous)} Licenses={or_null(spec.licenses)} "
        f"LicensesAlloc={or_null(jv.licenses_held(job))} Network={or_null(spec.network)}"
    )
    yield f"Command={or_null(spec.command)}"
    yield f"SubmitLine={or_null(spec.submit_line)}"
    yield f"WorkDir={or_null(spec.work_dir)}"
    optional = (
        ("AdminComment", job.admin_comment),
        ("SystemComment", job.system_comment),
        ("Comment", spec.comment),
        ("Extra", spec.extra),
        ("BurstBuffer", spec.burst_buffer),
        ("Container", spec.container),
    )
    for key, value in optional:
        yield f"{key}={value}" if value else ""
    if job.batch_flag:
        yield f"StdErr={jv.file_path(job, job.std_err or spec.std_err)}"
        yield f"StdIn={jv.file_path(job, job.std_in or spec.std_in) or '/dev/null'}"
        yield f"StdOut={jv.file_path(job, job.std_out or spec.std_out)}"
    if spec.switches:
        yield f"Switches={spec.switches}@{format_hms(spec.switch_wait)}"
    requests = (
        ("CpusPerTres", jv.cpus_per_tres(job)),
        ("MemPerTres", jv.mem_per_tres(job)),
        ("TresBind", spec.tres_bind or (f"gres/gpu:{spec.gpu_bind}" if spec.gpu_bind else "")),
        ("TresFreq", spec.gpu_freq),
        ("TresPerJob", jv.tres_per_job(job)),
        ("TresPerNode", jv.tres_per_node(job)),
        ("TresPerSocket", jv.tres_per_socket(job)),
        ("TresPerTask", jv.tres_per_task(job)),
    )
    for key, value in requests:
        yield f"{key}={value}" if value else ""
    if spec.mail_type:
        types = ALL_MAIL if "ALL" in spec.mail_type else ",".join(spec.mail_type)
        yield f"MailUser={spec.mail_user or job.user} MailType={types}"
    if spec.kill_on_invalid_dep_set:
        yield f"KillOnInvalidDependent={'Yes' if spec.kill_on_invalid_dep else 'No'}"
