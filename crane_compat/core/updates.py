"""What operators and users change by hand: scontrol update, hold, release, requeue, suspend …

Keys arrive as scontrol's client sends them (lower case, values as typed); each
has one entry in a table that says what it changes, who may, and when.
"""

from __future__ import annotations

from collections.abc import Callable

from crane_compat.core import admission, cancel, dependency, node_failure, power
from crane_compat.core import states as st
from crane_compat.core.admission import Identity
from crane_compat.core.cluster import Cluster
from crane_compat.core.effects import SendNode
from crane_compat.core.errors import Errno, RequestError
from crane_compat.core.job import Job
from crane_compat.core.node import Node, parse_gres
from crane_compat.core.steps import step_deadline
from crane_compat.parsers import hostlist
from crane_compat.parsers.begin_time import parse_time
from crane_compat.parsers.binding import default_unit
from crane_compat.parsers.size import parse_memory
from crane_compat.parsers.time_limit import parse_minutes
from crane_compat.scheduling.priority import is_given, job_priority
from crane_compat.wire import INFINITE, pb

Change = Callable[[Cluster, Job, str, Identity, float], None]


def _unchangeable(job: Job, what: Errno = Errno.JOB_NOT_PENDING) -> None:
    """Only a pending job can be changed so."""
    if job.finished:
        raise RequestError(Errno.JOB_FINISHED)
    if not job.pending:
        raise RequestError(what)


def _operator(cluster: Cluster, who: Identity) -> None:
    if not cluster.is_operator(who):
        raise RequestError(Errno.ACCESS_DENIED)


def _replan(cluster: Cluster, job: Job) -> None:
    """The request changed: its class, its counts and its TRES are found anew."""
    job.requests = []
    requests = cluster.requests_of(job)
    if not requests:
        return
    record, request = job.record, requests[0][1]
    record.min_cpus, record.min_nodes, record.max_nodes = request.min_cpus, request.min_nodes, record.spec.max_nodes
    record.cpus_per_task = request.cpus_per_task
    record.num_tasks = record.spec.num_tasks or record.min_nodes * max(1, request.ntasks_per_node)
    record.min_memory, record.memory_per_cpu = request.memory, request.memory_per_cpu
    record.num_nodes, record.num_cpus = request.min_nodes, request.min_cpus
    counts = cluster._requested_tres(request, requests[0][0], record.num_tasks)
    record.tres_req, record.tres_req_ids = cluster.tres.text(counts), cluster.tres.id_text(counts)


def _number(text: str) -> int:
    if not text.isdigit():
        raise RequestError(Errno.INVALID_NODE_COUNT)
    return int(text)


# ---------------------------------------------------------------- single fields of a job


def _time_limit(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
    record = job.record
    if job.finished:
        raise RequestError(Errno.JOB_FINISHED)
    sign = value[:1] if value[:1] in "+-" else ""
    try:
        minutes = parse_minutes(value.lstrip("+-"))
    except ValueError as exc:
        raise RequestError(Errno.INVALID_TIME_LIMIT) from exc
    old = record.time_limit
    if sign == "+":
        minutes = old if old == INFINITE else old + minutes
    elif sign == "-":
        minutes = max(0, old - minutes) if old != INFINITE else INFINITE
    if minutes > old and not cluster.is_operator(who):
        partition = cluster.partitions.get(record.partition.split(",")[0])
        if not job.pending:
            raise RequestError(Errno.ACCESS_DENIED)
        if partition is not None and partition.max_time != INFINITE and minutes > partition.max_time:
            if cluster.parameters.enforce_part_limits in ("ALL", "ANY"):
                raise RequestError(Errno.INVALID_TIME_LIMIT)
    record.time_limit = minutes
    record.spec.time_limit = minutes
    if job.running:
        record.end_time = 0.0 if minutes == INFINITE else record.start_time + minutes * 60.0
        for alloc in record.nodes:
            cluster.effects.append(
                SendNode(alloc.node, pb.NodeDown(update_limit=pb.UpdateLimit(job_id=job.id, deadline=record.end_time)))
            )
        cluster.tell_accounting("job_update", now, job=job)


def _name(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
    job.record.spec.name = value
    cluster.tell_accounting("job_update", now, job=job)


def _comment(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
    job.record.spec.comment = value
    cluster.tell_accounting("job_update", now, job=job)


def _admin_comment(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
    _operator(cluster, who)
    job.record.admin_comment = value
    cluster.tell_accounting("job_update", now, job=job)


def _partition(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
    _unchangeable(job)
    spec = pb.JobSpec(partition=value)
    try:
        admission.partitions_of(cluster, spec, who)
    except RequestError as exc:
        raise RequestError(exc.errno) from None
    job.record.partition = job.record.spec.partition = value
    _replan(cluster, job)


def _qos(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
    _unchangeable(job)
    _, association = admission.account_of(cluster, pb.JobSpec(account=job.record.account), who)
    job.record.qos, job.record.qos_id = admission.qos_of(cluster, pb.JobSpec(qos=value), association, who)
    job.record.spec.qos = value


def _account(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
    _unchangeable(job)
    account, association = admission.account_of(cluster, pb.JobSpec(account=value), who)
    job.record.account = account
    job.record.assoc_id = association.id if association else 0


def _nice(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
    try:
        nice = int(value) if value else 100
    except ValueError as exc:
        raise RequestError(Errno.INVALID_TIME_VALUE, "Invalid nice value") from exc
    if nice < 0:
        _operator(cluster, who)
    if job.finished:
        raise RequestError(Errno.JOB_FINISHED)
    if not job.pending:
        return  # taken, but there is nothing left to be sorted
    old = job.record.spec.nice
    job.record.spec.nice = nice
    if job.record.priority and not is_given(job.record):
        job.record.priority = max(1, job.record.priority + old - nice)


def _priority(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
    if job.finished:
        raise RequestError(Errno.JOB_FINISHED)
    if not job.pending:
        raise RequestError(Errno.PRIO_RESET_FAIL)
    if not value.isdigit():
        raise RequestError(Errno.INVALID_TIME_VALUE)
    if job.record.priority == 0 and int(value):
        raise RequestError(Errno.JOB_HELD)
    if not int(value) and job.record.uid == who.uid and not cluster.is_operator(who):  # a hold
        _hold(cluster, job, who, now, admin=False)
        return
    if not cluster.is_operator(who):
        if job.record.priority == 0:
            raise RequestError(Errno.JOB_HELD)
        if int(value) > job.record.priority:
            raise RequestError(Errno.ACCESS_DENIED)
    job.record.priority = int(value)
    if int(value):
        job.record.spec.priority = int(value)  # it stays what was said, and is no sum of factors any more
    if int(value) == 0:
        job.record.reason = "JobHeldAdmin"
        job.record.user_hold = False
    elif job.record.reason.startswith("JobHeld"):
        job.record.reason = "None"


def _nodes(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
    _unchangeable(job, Errno.NOT_SUPPORTED)  # jobs that run neither grow nor shrink
    low, _, high = value.partition("-")
    job.record.spec.min_nodes = _number(low)
    if high:
        job.record.spec.max_nodes = _number(high)
    else:
        job.record.spec.max_nodes = job.record.spec.min_nodes
    _replan(cluster, job)


def _set_number(field: str) -> Change:
    def change(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
        _unchangeable(job)
        setattr(job.record.spec, field, _number(value.split("-")[0]))
        _replan(cluster, job)

    return change


def _cpus(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
    _unchangeable(job)
    job.record.min_cpus = job.record.num_cpus = _number(value.split("-")[0])
    job.record.spec.num_tasks = max(1, job.record.min_cpus // max(1, job.record.cpus_per_task))
    _replan(cluster, job)


def _memory(per_cpu: bool) -> Change:
    def change(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
        _unchangeable(job)
        try:
            amount = parse_memory(value)
        except ValueError as exc:
            raise RequestError(Errno.REQUESTED_NODE_CONFIG_UNAVAILABLE) from exc
        job.record.spec.ClearField("mem_per_cpu")
        job.record.spec.ClearField("mem_per_node")
        setattr(job.record.spec, "mem_per_cpu" if per_cpu else "mem_per_node", amount)
        _replan(cluster, job)

    return change


def _set_text(field: str, *, replan: bool = False, operator: bool = False, pending: bool = True) -> Change:
    def change(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
        if operator:
            _operator(cluster, who)
        if pending:
            _unchangeable(job)
        setattr(job.record.spec, field, value)
        if replan:
            _replan(cluster, job)

    return change


def _node_list(field: str) -> Change:
    def change(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
        _unchangeable(job)
        spec = pb.JobSpec()
        setattr(spec, field, value)
        admission.check_nodes_named(cluster, spec)
        setattr(job.record.spec, field, value)
        _replan(cluster, job)

    return change


def _tasks_of_node(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
    _unchangeable(job)
    _operator(cluster, who)
    job.record.spec.ntasks_per_node = _number(value)
    _replan(cluster, job)


def _licenses(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
    if job.running:
        _operator(cluster, who)
    _unchangeable(job)
    admission.licenses_of(cluster, value)
    job.record.spec.licenses = value
    _replan(cluster, job)


def _gres(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
    _unchangeable(job)
    admission.check_gres_known(cluster, admission.gres_needs(value))
    job.record.spec.gres = value
    _replan(cluster, job)


def _dependency(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
    _unchangeable(job)
    parsed = dependency.parse(cluster, value, who) if value else None
    if parsed is not None:
        dependency.refuse_circle(cluster, job, parsed)
    job.record.spec.dependency = value
    job.dependency = parsed
    job.record.dependency = parsed.text(cluster) if parsed is not None else ""


def _start_time(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
    _unchangeable(job)
    try:
        when = parse_time(value, now)
    except ValueError as exc:
        raise RequestError(Errno.INVALID_TIME_VALUE) from exc
    job.record.spec.begin_time = when
    job.record.eligible_time = when
    if when <= now and job.record.reason == "BeginTime":
        job.record.reason = "None"


def _end_time(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
    if not job.running:
        raise RequestError(Errno.JOB_FINISHED if job.finished else Errno.JOB_NOT_RUNNING)
    try:
        when = parse_time(value, now)
    except ValueError as exc:
        raise RequestError(Errno.INVALID_TIME_VALUE) from exc
    if when > job.record.end_time and not cluster.is_operator(who):
        raise RequestError(Errno.ACCESS_DENIED)
    job.record.end_time = max(when, now)
    job.record.time_limit = max(0, int((job.record.end_time - job.record.start_time) / 60))


def _deadline(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
    _operator(cluster, who)
    _unchangeable(job)
    try:
        job.record.deadline = job.record.spec.deadline = parse_time(value, now)
    except ValueError as exc:
        raise RequestError(Errno.INVALID_TIME_VALUE) from exc


def _requeue_flag(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
    job.record.requeue = value not in ("0", "no", "NO")


def _std(field: str) -> Change:
    def change(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
        _unchangeable(job)
        # a relative one is in the working directory that the job has when it starts
        setattr(job.record, field, value)
        setattr(job.record.spec, field, value)

    return change


def _work_dir(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
    _unchangeable(job)
    job.record.spec.work_dir = value


def _admin_flag(field: str) -> Change:
    def change(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
        _operator(cluster, who)
        _unchangeable(job)
        setattr(job.record.spec, field, value.lower() in ("1", "yes", "y"))
        _replan(cluster, job)

    return change


def _reservation(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
    _unchangeable(job)
    record = job.record
    if value:
        # it is the job that has to be welcome, whoever changes it
        owner = Identity(record.uid, record.gid, record.user, record.group, frozenset((record.group,)))
        wanted = pb.JobSpec(reservation=value)
        cluster.reservations.admit(wanted, owner, record.account, record.qos, record.partition)
    record.spec.reservation = value
    record.resv_id = cluster.reservations.number_of(value)
    record.state &= ~st.RESV_DEL_HOLD


def _throttle(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
    if not job.record.array_job_id or job.id != job.record.array_job_id:
        raise RequestError(Errno.NOT_SUPPORTED)
    limit = _number(value)
    for member in (cluster.jobs[number] for number in cluster.arrays[job.id] if number in cluster.jobs):
        if not member.finished:
            member.record.array_max_tasks = limit
            cluster.mark(member)


def _mail_type(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
    from crane_compat.parsers.mail_types import parse_mail_types

    try:
        words = parse_mail_types(value)
    except ValueError as exc:
        raise RequestError(Errno.INVALID_TIME_VALUE, "Invalid MailType value") from exc
    job.record.spec.mail_type[:] = list(words)


def _wckey(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
    job.record.wckey = job.record.spec.wckey = value


def _not_supported(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
    raise RequestError(Errno.NOT_SUPPORTED)


def _admin_number(field: str) -> Change:
    def change(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
        _operator(cluster, who)
        _unchangeable(job)
        setattr(job.record.spec, field, _number(value))

    return change


def _delay_boot(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
    try:
        job.record.spec.delay_boot = parse_minutes(value) * 60
    except ValueError as exc:
        raise RequestError(Errno.INVALID_TIME_VALUE) from exc


def _switches(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
    count, _, wait = value.partition("@")
    job.record.spec.switches = _number(count)
    if wait:
        job.record.spec.switch_wait = parse_minutes(wait) * 60


def _accrue(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
    job.record.accrue_time = 0.0


def _site_factor(cluster: Cluster, job: Job, value: str, who: Identity, now: float) -> None:
    _operator(cluster, who)


#: key → what it does.  Keys are scontrol(1)'s for "update job", lower case.
JOB_FIELDS: dict[str, Change] = {
    "timelimit": _time_limit,
    "jobname": _name,
    "name": _name,
    "comment": _comment,
    "admincomment": _admin_comment,
    "partition": _partition,
    "qos": _qos,
    "account": _account,
    "nice": _nice,
    "priority": _priority,
    "numnodes": _nodes,
    "numcpus": _cpus,
    "numtasks": _set_number("num_tasks"),
    "cpuspertask": _set_number("cpus_per_task"),
    "mincpusnode": _set_number("mincpus"),
    "mintmpdisknode": _set_number("tmp_disk"),
    "ntaskspernode": _tasks_of_node,
    "minmemorynode": _memory(per_cpu=False),
    "minmemorycpu": _memory(per_cpu=True),
    "features": _set_text("features", replan=True),
    "prefer": _set_text("prefer"),
    "extra": _set_text("extra", pending=False),
    "reqnodelist": _node_list("req_nodes"),
    "excnodelist": _node_list("exc_nodes"),
    "nodelist": _node_list("req_nodes"),
    "gres": _gres,
    "trespernode": _gres,
    "licenses": _licenses,
    "dependency": _dependency,
    "starttime": _start_time,
    "eligibletime": _start_time,
    "endtime": _end_time,
    "deadline": _deadline,
    "requeue": _requeue_flag,
    "stdout": _std("std_out"),
    "stdin": _std("std_in"),
    "stderr": _std("std_err"),
    "workdir": _work_dir,
    "oversubscribe": _admin_flag("oversubscribe"),
    "shared": _admin_flag("oversubscribe"),
    "contiguous": _admin_flag("contiguous"),
    "reservationname": _reservation,
    "reservation": _reservation,
    "arraytaskthrottle": _throttle,
    "mailuser": _set_text("mail_user", pending=False),
    "mailtype": _mail_type,
    "delayboot": _delay_boot,
    "switches": _switches,
    "corespec": _admin_number("core_spec"),
    "threadspec": _admin_number("thread_spec"),
    "wckey": _wckey,
    "burstbuffer": _not_supported,
    "resetaccruetime": _accrue,
    "sitefactor": _site_factor,
}


def update_job(cluster: Cluster, request: pb.UpdateJob, who: Identity, now: float) -> list[pb.OpResult]:
    """Apply the changes to every record an id stands for; the first refusal of each is its result."""
    try:
        targets = cancel.resolve(cluster, request.id)
    except RequestError as exc:
        return [pb.OpResult(id=request.id, rc=int(exc.errno), error=exc.text)]
    if any(item.key == "steptimelimit" for item in request.values):
        return [_update_steps(cluster, target, request, who) for target in targets]
    results = []
    if len(targets) > 1 and any(not target.job.finished for target in targets):
        targets = [target for target in targets if not target.job.finished]
    if any(item.key == "arraytaskthrottle" for item in request.values):
        targets = targets[:1]  # the array's own record, which sets it for all
    for target in targets:
        job = target.job
        if target.tasks is not None and len(target.tasks) < len(job.array_pending):
            jobs = [cluster.split_task(job, task, now) for task in list(target.tasks)]
        else:
            jobs = [job]
        for each in jobs:
            results.append(_update_one(cluster, each, request, who, now))
    return results


def _update_one(cluster: Cluster, job: Job, request: pb.UpdateJob, who: Identity, now: float) -> pb.OpResult:
    try:
        if not cluster.may_change(job, who):
            raise RequestError(Errno.USER_ID_MISSING)
        if job.finished and not {v.key for v in request.values} <= {"comment", "admincomment", "extra", "wckey"}:
            raise RequestError(Errno.JOB_FINISHED)
        if st.recurs(job.record):
            raise RequestError(Errno.CANNOT_MODIFY_CRON_JOB)
        for item in request.values:
            change = JOB_FIELDS.get(item.key)
            if change is None:
                raise RequestError(Errno.NOT_SUPPORTED)
            change(cluster, job, item.value, who, now)
    except RequestError as exc:
        cluster.touch(job)
        return pb.OpResult(id=request.id, rc=int(exc.errno), error=exc.text)
    cluster.touch(job)
    cluster.wants_scheduling = True
    return pb.OpResult(id=request.id)


def _update_steps(cluster: Cluster, target: cancel.Target, request: pb.UpdateJob, who: Identity) -> pb.OpResult:
    """The time limit of one step, or of all that run."""
    job = target.job
    try:
        if not cluster.may_change(job, who):
            raise RequestError(Errno.ACCESS_DENIED)
        chosen = [
            step
            for number, step in job.steps.items()
            if step.waiting and (number == target.step if target.step is not None else number >= 0)
        ]
        if not chosen:
            raise RequestError(Errno.INVALID_JOB_ID)
        try:
            minutes = parse_minutes(request.values[-1].value)
        except ValueError as exc:
            raise RequestError(Errno.INVALID_TIME_LIMIT) from exc
    except RequestError as exc:
        return pb.OpResult(id=request.id, rc=int(exc.errno), error=exc.text)
    for step in chosen:
        step.record.time_limit = minutes
        cluster.changes.steps.add((job.id, step.record.step_id))
        limit = pb.UpdateLimit(job_id=job.id, step_id=step.record.step_id, deadline=step_deadline(job, step))
        for name in sorted(step.waiting):
            cluster.effects.append(SendNode(name, pb.NodeDown(update_limit=limit)))
    return pb.OpResult(id=request.id)


# ---------------------------------------------------------------- hold, release, requeue …


def _hold(cluster: Cluster, job: Job, who: Identity, now: float, *, admin: bool) -> None:
    if job.finished:
        raise RequestError(Errno.JOB_FINISHED)
    if not job.pending:
        raise RequestError(Errno.JOB_NOT_PENDING)
    job.record.priority = 0
    job.record.user_hold = not admin
    job.record.reason = "JobHeldAdmin" if admin else "JobHeldUser"


def _release(cluster: Cluster, job: Job, who: Identity, now: float) -> None:
    if job.finished:
        raise RequestError(Errno.JOB_FINISHED)
    if not job.pending:
        raise RequestError(Errno.JOB_NOT_PENDING)
    if job.record.priority == 0 and not job.record.user_hold and not cluster.is_operator(who):
        raise RequestError(Errno.ACCESS_DENIED)
    if job.record.priority == 0:
        job.record.spec.ClearField("priority")
        job.record.priority = job_priority(cluster, job, now)
        job.record.reason, job.record.reason_text = "None", ""
        job.record.user_hold = False
        job.record.state &= ~st.SPECIAL_EXIT
        job.requests = []  # its shape is looked at now


def _requeue(cluster: Cluster, job: Job, now: float, *, hold: bool, special: bool = False) -> None:
    if not job.record.batch_flag:
        raise RequestError(Errno.BATCH_ONLY)
    if job.pending:
        raise RequestError(Errno.JOB_PENDING)
    if not job.record.requeue:
        raise RequestError(Errno.DISABLED)
    if job.record.requeue_pending:
        raise RequestError(Errno.ALREADY_DONE)
    state = st.CANCELLED | (st.SPECIAL_EXIT if special else 0)
    cluster.requeue(job, now, hold=hold, state=state, reason="JOB REQUEUE")


def _suspend(cluster: Cluster, job: Job, who: Identity, now: float, *, resume: bool) -> None:
    _operator(cluster, who)
    record = job.record
    suspended = record.state & st.BASE_MASK == st.SUSPENDED
    if job.finished:
        raise RequestError(Errno.JOB_FINISHED)
    if job.pending:
        raise RequestError(Errno.JOB_PENDING)
    if resume and not suspended:
        raise RequestError(Errno.JOB_NOT_SUSPENDED)
    if not resume and suspended:
        return
    if resume:
        record.priority = job_priority(cluster, job, now)
        if record.end_time:
            record.end_time += now - record.suspend_time
        record.state = (record.state & ~st.BASE_MASK) | st.RUNNING
    else:
        record.pre_suspend_secs += now - (record.suspend_time or record.start_time)
        record.state = (record.state & ~st.BASE_MASK) | st.SUSPENDED
        record.priority = 0
    record.suspend_time = now
    number = 18 if resume else 19  # SIGCONT, SIGSTOP
    for alloc in record.nodes:
        message = pb.SignalStep(job_id=job.id, step_id=st.ALL_STEPS, signal=number, full=True, uid=who.uid)
        cluster.effects.append(SendNode(alloc.node, pb.NodeDown(signal=message)))
    cluster.tell_accounting("job_suspend", now, job=job, text="resume" if resume else "suspend")


def _top(cluster: Cluster, job: Job, who: Identity, now: float) -> None:
    _operator(cluster, who)
    if not job.pending:
        raise RequestError(Errno.JOB_NOT_PENDING)
    if not job.record.priority:
        raise RequestError(Errno.JOB_HELD)
    job.record.priority = max((cluster.jobs[i].record.priority for i in cluster.pending), default=0) + 1
    job.record.spec.priority = job.record.priority


def _notify(cluster: Cluster, job: Job, text: str) -> None:
    """Write a line into the output of the job's script."""
    if not job.running or not job.record.batch_host:
        raise RequestError(Errno.JOB_NOT_RUNNING)
    notice = pb.JobNotice(job_id=job.id, step_id=st.BATCH_STEP, text=text)
    cluster.effects.append(SendNode(job.record.batch_host, pb.NodeDown(notice=notice)))


_OPS: dict[str, Callable[[Cluster, Job, Identity, float], None]] = {
    "hold": lambda c, j, w, n: _hold(c, j, w, n, admin=w.uid != j.record.uid),
    "uhold": lambda c, j, w, n: _hold(c, j, w, n, admin=False),
    "release": _release,
    "requeue": lambda c, j, w, n: _requeue(c, j, n, hold=False),
    "requeuehold": lambda c, j, w, n: _requeue(c, j, n, hold=True),
    "suspend": lambda c, j, w, n: _suspend(c, j, w, n, resume=False),
    "resume": lambda c, j, w, n: _suspend(c, j, w, n, resume=True),
    "top": _top,
}


def job_op(cluster: Cluster, request: pb.JobOp, who: Identity, now: float) -> list[pb.OpResult]:
    """Hold, release, requeue, suspend, resume …: one result for each record an id stands for."""
    act = _OPS.get(request.op)
    if request.op == "notify":
        act = lambda c, j, w, n: _notify(c, j, request.state)  # noqa: E731
    elif request.op == "requeuehold" and request.state:  # SpecialExit
        act = lambda c, j, w, n: _requeue(c, j, n, hold=True, special=True)  # noqa: E731
    if act is None:
        raise RequestError(Errno.NOT_SUPPORTED)
    if request.op == "top":
        _operator(cluster, who)
    results = []
    for text in request.ids:
        try:
            targets = cancel.resolve(cluster, text)
        except RequestError as exc:
            results.append(pb.OpResult(id=text, rc=int(exc.errno), error=exc.text))
            continue
        several = len(targets) > 1
        for target in targets:
            job = target.job
            if several and request.op in ("hold", "uhold", "release") and not job.pending:
                continue
            if target.tasks is not None and len(target.tasks) < len(job.array_pending):
                jobs = [cluster.split_task(job, task, now) for task in list(target.tasks)]
            else:
                jobs = [job]
            for each in jobs:
                result = pb.OpResult(id=text)
                try:
                    if not cluster.may_change(each, who):
                        raise RequestError(Errno.USER_ID_MISSING)
                    act(cluster, each, who, now)
                except RequestError as exc:
                    result.rc, result.error = int(exc.errno), exc.text
                cluster.touch(each)
                results.append(result)
    cluster.wants_scheduling = True
    return results


# ---------------------------------------------------------------- nodes


#: States that are the controller's own to set, or need a program that there is not.
_UNREACHABLE = frozenset({
    "ALLOCATED", "MIXED", "UNKNOWN", "PLANNED", "BLOCKED",
})  # fmt: skip


def _node_state(
    cluster: Cluster, node: Node, value: str, reason: str, next_state: str, who: Identity, now: float
) -> None:
    record = node.record
    word = value.upper()
    if word in power.WORDS:
        cluster.power.change(node, word, reason, next_state, now)
        return
    base = record.state & st.NODE_BASE_MASK
    if word in _UNREACHABLE or (
        word == "RESUME"
        and base not in (st.NODE_DOWN, st.NODE_UNKNOWN, st.NODE_FUTURE)
        and not record.state & (st.NODE_DRAIN | st.NODE_FAILING | st.NODE_NO_RESPOND | st.NODE_INVALID_REG)
    ):
        raise RequestError(Errno.INVALID_NODE_STATE, "Invalid node state transition")
    if word in ("DRAIN", "FAIL") and not (reason or record.reason):
        raise RequestError(Errno.INVALID_NODE_STATE, "You must specify a reason when DRAINING a node. Request denied")
    if word in ("DRAIN", "DRAINED", "DRAINING"):
        record.state |= st.NODE_DRAIN
    elif word in ("RESUME", "IDLE"):
        if base in (st.NODE_DOWN, st.NODE_UNKNOWN, st.NODE_FUTURE):
            base = st.NODE_IDLE if node.connected else st.NODE_DOWN
        record.state = (record.state & ~st.NODE_BASE_MASK & ~st.NODE_DRAIN & ~st.NODE_FAILING) | base
        record.state &= ~(st.NODE_MAINT | st.NODE_INVALID_REG)
        if node.connected:
            record.state &= ~st.NODE_NO_RESPOND
        record.reason, record.reason_time, record.reason_user, record.reason_uid = "", 0.0, "", 0
    elif word == "UNDRAIN":
        record.state &= ~(st.NODE_DRAIN | st.NODE_FAILING)
        record.reason, record.reason_time, record.reason_user, record.reason_uid = "", 0.0, "", 0
    elif word == "DOWN":
        node_failure.set_down(cluster, node, now)
    elif word in ("FAIL", "FAILING"):
        record.state |= st.NODE_FAILING
    elif word == "NORESP":
        record.state |= st.NODE_NO_RESPOND
    elif word == "FUTURE":
        record.state = (record.state & ~st.NODE_BASE_MASK) | st.NODE_FUTURE
    else:
        raise RequestError(Errno.INVALID_NODE_STATE)


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def _check_node_gres(record: pb.NodeRecord, text: str) -> None:
    """How many devices a node has is said by its files alone; what is no device of it changes nothing."""
    counts = {(pool.name, pool.type): pool.count for pool in parse_gres(record.gres)}
    for pool in parse_gres(text):
        known = {key: count for key, count in counts.items() if key[0] == pool.name}
        if known and known.get((pool.name, pool.type)) != pool.count:
            raise RequestError(Errno.INVALID_GRES)


def update_node(cluster: Cluster, request: pb.UpdateNode, who: Identity, now: float) -> None:
    """scontrol update node: state, reason, weight, features, comment …"""
    try:
        names = list(cluster.nodes) if request.names.upper() == "ALL" else hostlist.expand(request.names)
    except ValueError as exc:
        raise RequestError(Errno.INVALID_NODE_NAME) from exc
    if request.op != "update":
        raise RequestError(Errno.NOT_SUPPORTED)
    values = {item.key: item.value for item in request.values}
    if any(name not in cluster.nodes for name in names) or not names:
        raise RequestError(Errno.INVALID_NODE_NAME)
    for name in names:
        node = cluster.nodes[name]
        record = node.record
        reason = values.get("reason", "")
        if "state" in values:
            _node_state(cluster, node, values["state"], reason, values.get("nextstate", ""), who, now)
        if reason:
            record.reason, record.reason_time = reason, now
            record.reason_user, record.reason_uid = who.user, who.uid
        if "weight" in values:
            record.weight = _number(values["weight"])
        if "cpubind" in values:
            record.cpu_bind = default_unit(values["cpubind"]) or ""
        if "comment" in values:
            record.comment = values["comment"]
        if "extra" in values:
            record.extra = values["extra"]
        available = values.get("availablefeatures", record.features)
        active = values.get("activefeatures", record.active_features)
        if not set(_words(active)) <= set(_words(available)):
            raise RequestError(Errno.ACTIVE_FEATURE_NOT_SUBSET)
        record.features, record.active_features = available, active
        if "gres" in values:
            _check_node_gres(record, values["gres"])
        node.features = frozenset(filter(None, record.active_features.split(",")))
        cluster.touch_node(node)
        if "state" in values or reason:
            cluster.tell_accounting("node_state", now, node=node, text=record.reason)
    cluster.rebuild_table()
    cluster.wants_scheduling = True


# ---------------------------------------------------------------- partitions

_PARTITION_STATES = {
    "UP": st.PARTITION_UP,
    "DOWN": st.PARTITION_DOWN,
    "DRAIN": st.PARTITION_DRAIN,
    "INACTIVE": st.PARTITION_INACTIVE,
}


def update_partition(cluster: Cluster, request: pb.UpdatePartition, who: Identity, now: float) -> None:
    """scontrol update/create/delete partition: everything a PartitionName line can say."""
    partition = cluster.partitions.get(request.name)
    if request.op == "delete":
        if partition is None:
            raise RequestError(Errno.INVALID_PARTITION_NAME)
        if any(request.name in job.record.partition.split(",") and not job.finished for job in cluster.jobs.values()):
            raise RequestError(Errno.PARTITION_IN_USE)
        del cluster.partitions[request.name]
    else:
        from crane_compat.parsers.partition_lines import new_partition, partition_from_words

        if (request.op == "update") is (partition is None):
            raise RequestError(Errno.INVALID_PARTITION_NAME)
        base = partition
        if base is None:
            base = new_partition(request.name, len(cluster.partitions))
            base.min_nodes = 1
        changed = partition_from_words(base, [(v.key, v.value) for v in request.values], tuple(cluster.nodes))
        if any(name not in cluster.nodes for name in changed.node_names):
            raise RequestError(Errno.INVALID_NODE_NAME)
        if changed.is_default:
            for other in cluster.partitions.values():
                other.is_default = other.name == request.name and changed.is_default
        cluster.partitions[request.name] = changed
    _relink_partitions(cluster)
    cluster.changes.partitions.add(request.name)
    cluster.wants_scheduling = True


def _relink_partitions(cluster: Cluster) -> None:
    for node in cluster.nodes.values():
        del node.record.partitions[:]
    for partition in cluster.partitions.values():
        names = [n for n in partition.node_names if n in cluster.nodes]
        for name in names:
            cluster.nodes[name].record.partitions.append(partition.name)
        cluster._partition_totals(partition, names)
    cluster.rebuild_table()
