"""``scontrol show``: every entity, one function each (scontrol(1))."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Sequence

from crane_compat.commands.format.blocks import block
from crane_compat.commands.format.texts import moment
from crane_compat.commands.slurm.scontrol_hosts import show_hostlist, show_hostnames
from crane_compat.commands.slurm.scontrol_session import Session
from crane_compat.core import states as st
from crane_compat.core.errors import Errno, RequestError
from crane_compat.parsers import hostlist
from crane_compat.wire import pb

Show = Callable[[Session, str | None], None]

_JOB_ID = re.compile(r"(\d+)(?:_(\d+|\*)|\+(\d+))?$")


def _print_blocks(session: Session, blocks: Iterable[list[str]], indent: str = "   ") -> None:
    sys.stdout.write("".join(block(lines, oneliner=session.oneliner, indent=indent) for lines in blocks))


# ---------------------------------------------------------------- jobs and steps


def load_jobs(session: Session, number: int | None) -> pb.Jobs | None:
    """The jobs of an id (None = all); None after saying why there are none."""
    request = pb.ListJobs(all=session.all or number is not None, details=bool(session.details))
    if number is not None:
        request.job_ids.append(number)
    try:
        reply = session.controller.ask(pb.Request(list_jobs=request)).jobs
        if number is not None and not reply.jobs:
            raise RequestError(Errno.INVALID_JOB_ID)
    except RequestError as exc:
        session.fail(f"slurm_load_jobs error: {exc.text}")
        return None
    return reply


def show_job(session: Session, text: str | None) -> None:
    """One job (with the tasks of its array, the components of a heterogeneous job), or all."""
    from crane_compat.commands.format.show_job import job_lines

    match = _JOB_ID.match(text) if text is not None else None
    if text is not None and match is None:
        session.fail("scontrol_print_job error: Invalid job id specified")
        return
    reply = load_jobs(session, int(match[1]) if match else None)
    if reply is None:
        return
    jobs = list(reply.jobs)
    if match and jobs:
        number, task, offset = match.groups()
        jobs.sort(key=lambda job: (job.job_id != int(number), -job.job_id) if job.array_job_id else (False, 0))
        if offset is not None:
            jobs = [job for job in jobs if job.het_job_id and job.het_offset == int(offset)]
        if task is not None and task != "*":
            jobs = _one_task(jobs, int(task))
        if not jobs:
            session.missing(f"Job {text} not found")
            return
    if session.form:
        _write_jobs(session, reply, jobs, 0.0 if match else reply.now)
        return
    if not jobs:
        if not session.quiet:
            print("No jobs in the system")
        return
    now = reply.now or time.time()
    _print_blocks(session, (job_lines(job, now, session.details) for job in jobs))


def _write_jobs(session: Session, reply: pb.Jobs, jobs: list[pb.JobRecord], updated: float) -> None:
    """A document; what is asked of one job is of no time (`updated` 0)."""
    from crane_compat.commands.format.job_document import job_record

    now, cluster = reply.now or time.time(), session.controller.cluster_name()
    shapes = session.controller.node_shapes() if any(job.nodes for job in jobs) else {}
    rows = [job_record(job, now, cluster, shapes) for job in jobs]
    session.write("jobs", rows, empty="Zero jobs to dump", last_backfill=reply.last_backfill, last_update=updated)


def _one_task(jobs: list[pb.JobRecord], task: int) -> list[pb.JobRecord]:
    """The task's own record, or the waiting array shown as this task."""
    from crane_compat.parsers.arrays import ArrayError, parse_array

    for job in jobs:
        if job.HasField("array_task_id"):
            if job.array_task_id == task:
                return [job]
            continue
        try:
            waits = bool(job.array_task_str) and task in parse_array(job.array_task_str)
        except ArrayError:
            waits = False
        if waits:
            job.array_task_id = task
            return [job]
    return []


def show_step(session: Session, text: str | None) -> None:
    from crane_compat.commands.format.show_other import step_lines

    request = pb.ListSteps()
    job_text, _, step_text = (text or "").partition(".")
    match = _JOB_ID.match(job_text) if text else None
    if text and match is None:
        session.missing(f"Job step {text} not found")
        return
    if match:
        request.job_id = int(match[1])
    try:
        steps = list(session.controller.ask(pb.Request(list_steps=request)).steps.steps)
    except RequestError as exc:
        if exc.errno != Errno.INVALID_JOB_ID:
            session.fail(f"slurm_get_job_steps error: {exc.text}")
            return
        steps = []
    if match and match[2]:
        steps = [step for step in steps if step.HasField("array_task_id") and str(step.array_task_id) == match[2]]
    if step_text:
        steps = [step for step in steps if st.step_name(step.step_id) == step_text]
    if session.form:
        from crane_compat.commands.format.job_document import step_record

        now, cluster = time.time(), session.controller.cluster_name()
        rows = [step_record(step, now, cluster) for step in steps]
        session.write("steps", rows, empty="Zero steps to dump", last_update=now)
        return
    if not steps:
        if text:
            session.missing(f"Job step {job_text}.{step_text} not found")
        elif not session.quiet:
            print("No job steps in the system")
        return
    _print_blocks(session, (step_lines(step) for step in steps))


# ---------------------------------------------------------------- nodes, partitions


def show_node(session: Session, text: str | None) -> None:
    from crane_compat.commands.format.show_node import node_lines

    request = pb.ListNodes(future=session.future)
    if text is not None and text.upper() != "ALL":  # of a large cluster no more than what is asked for
        with contextlib.suppress(hostlist.HostlistError):
            request.names.extend(hostlist.expand(text))
    try:
        reply = session.controller.ask(pb.Request(list_nodes=request)).nodes
        visible = session.controller.ask(pb.Request(list_partitions=pb.ListPartitions(all=session.all))).partitions
    except RequestError as exc:
        session.fail(f"slurm_load_node error: {exc.text}")
        return
    names_shown = {partition.name for partition in visible.partitions}
    for node in reply.nodes:
        node.partitions[:] = [name for name in node.partitions if name in names_shown]
    known = {node.name: node for node in reply.nodes}
    try:
        names = list(known) if text is None or text.upper() == "ALL" else hostlist.expand(text)
    except hostlist.HostlistError:
        names = [text or ""]
    if session.form:
        from crane_compat.commands.format.cluster_document import node_record

        chosen = [known[name] for name in names if name in known]
        session.write("nodes", [node_record(node) for node in chosen], last_update=reply.now)
        session.status = session.status or int(len(chosen) < len(names))
        return
    if not names and not session.quiet:
        print("No nodes in the system")
    for name in names:
        if name not in known:
            session.missing(f"Node {name} not found")
        else:
            _print_blocks(session, [node_lines(known[name], details=bool(session.details))])


def show_partition(session: Session, text: str | None) -> None:
    from crane_compat.commands.format.show_partition import partition_lines

    try:
        request = pb.ListPartitions(all=session.all)
        reply = session.controller.ask(pb.Request(list_partitions=request)).partitions
        session.controller.complete(reply.partitions)
    except RequestError as exc:
        session.fail(f"slurm_load_partitions error: {exc.text}")
        return
    chosen = [p for p in reply.partitions if text is None or p.name == text]
    if session.form:
        from crane_compat.commands.format.cluster_document import partition_record

        session.write("partitions", [partition_record(p) for p in chosen], last_update=reply.now)
        session.status = session.status or int(not chosen and text is not None)
        return
    if not chosen and text is not None:
        session.missing(f"Partition {text} not found")
    elif not chosen and not session.quiet:
        print("No partitions in the system")
    _print_blocks(session, (partition_lines(p) for p in chosen))


def show_reservation(session: Session, text: str | None) -> None:
    from crane_compat.commands.format.show_other import reservation_lines

    try:
        reply = session.controller.ask(pb.Request(list_reservations=pb.ListReservations())).reservations
    except RequestError as exc:
        session.fail(f"slurm_load_reservations error: {exc.text}")
        return
    chosen = [r for r in reply.reservations if text is None or r.name == text]
    if session.form:
        from crane_compat.commands.format.cluster_document import reservation_record

        session.write("reservations", [reservation_record(r) for r in chosen], last_update=time.time())
        session.status = session.status or int(not chosen and text is not None)
        return
    if not chosen and text is not None:
        session.missing(f"Reservation {text} not found")
    elif not chosen and not session.quiet:
        print("No reservations in the system")
    _print_blocks(session, (reservation_lines(r) for r in chosen))


def show_license(session: Session, text: str | None) -> None:
    from crane_compat.commands.format.show_other import license_lines

    try:
        reply = session.controller.ask(pb.Request(list_licenses=pb.ListLicenses())).licenses
    except RequestError as exc:
        session.fail(f"slurm_load_licenses error: {exc.text}")
        return
    if session.form:
        from crane_compat.commands.format.cluster_document import license_record

        session.write("licenses", [license_record(one) for one in reply.licenses], last_update=time.time())
        return
    if not reply.licenses:
        if not session.quiet:
            print("No licenses configured in Slurm.")
        return
    for one in sorted(reply.licenses, key=lambda lic: lic.name):
        if text is None or one.name == text:
            text_of = " " if session.oneliner else "\n    "
            print(text_of.join(license_lines(one)))


# ---------------------------------------------------------------- the cluster


def show_config(session: Session, text: str | None) -> None:
    try:
        config = session.controller.config()
    except RequestError as exc:
        session.fail(f"slurm_load_ctl_conf error:{exc.text}")
        return
    print(f"Configuration data as of {moment(config.now or time.time())}")
    _print_rows(config.values)
    for title, rows in (("Cgroup Support", config.cgroup), ("MPI Plugins", config.mpi)):
        if rows:
            print(f"\n{title} Configuration:")
            _print_rows(rows)
    print()
    session.form = None  # there is no document of this
    print_ping(session)


def _print_rows(rows: Iterable[pb.KeyValue]) -> None:
    sys.stdout.write("".join(f"{row.key:<23} = {row.value}\n" for row in rows))


def print_ping(session: Session) -> bool:
    """The line of each controller; is one up?"""
    asked = time.monotonic()
    try:
        host = session.controller.ask(pb.Request(ping=pb.Ping())).pong.host
        up = True
    except RequestError:
        host, up = _configured_host(), False
    if session.form:
        latency = int((time.monotonic() - asked) * 1e6)
        state = "UP" if up else "DOWN"
        told = {"hostname": host, "pinged": state, "responding": up, "latency": latency, "mode": "primary"}
        session.write("pings", [{**told, "primary": True}])
        return up
    print(f"Slurmctld(primary) at {host} is {'UP' if up else 'DOWN'}")
    return up


def _configured_host() -> str:
    from crane_compat import paths
    from crane_compat.parsers import slurm_conf

    try:
        controllers = slurm_conf.load(paths.conf_path()).controllers
    except (OSError, ValueError):
        return os.uname().nodename
    return controllers[0][0] if controllers else os.uname().nodename


def _local_nodes(session: Session, host: str) -> list[pb.NodeRecord]:
    nodes = session.controller.ask(pb.Request(list_nodes=pb.ListNodes(future=True))).nodes.nodes
    return [node for node in nodes if node.hostname == host or node.hostname.partition(".")[0] == host]


def show_daemons(session: Session, text: str | None) -> None:
    host = os.uname().nodename.partition(".")[0]
    try:
        words = []
        if session.controller.config().controller_host.partition(".")[0] == host:
            words.append("slurmctld")
        if _local_nodes(session, host):
            words.append("slurmd")
    except RequestError as exc:
        session.fail(f"slurm_load_ctl_conf error:{exc.text}")
        return
    print(" ".join(words))


def show_aliases(session: Session, text: str | None) -> None:
    """The node names of this host, or of the host `text`."""
    try:
        names = [node.name for node in _local_nodes(session, text or os.uname().nodename)]
    except RequestError as exc:
        session.fail(f"slurm_load_node error: {exc.text}")
        return
    if names:
        print(" ".join(names))


#: The kinds of records that ``show assoc_mgr`` has: the word of ``flags=``, a title, and what there may be none of.
_KINDS = (("users", "User", "users"), ("assoc", "Association", "associations"), ("qos", "QOS", "QOS"))


def show_associations(session: Session, words: Sequence[str]) -> None:
    """``show assoc_mgr [users=…] [accounts=…] [qos=…] [flags=users,assoc,qos]``."""
    from crane_compat.commands.format.show_associations import association_lines, qos_lines, user_line

    request, flags = pb.AssocInfo(), set()
    for word in words:
        name, _, value = word.partition("=")
        names, name = [part for part in value.split(",") if part], name.lower()
        if names and "users".startswith(name):
            request.users.extend(names)
        elif names and "accounts".startswith(name):
            request.accounts.extend(names)
        elif names and "qos".startswith(name):
            request.qos.extend(names)
        elif names and "flags".startswith(name):
            for flag in names:
                kind = next((kind for kind, *_ in _KINDS if kind.startswith(flag.lower())), None)
                if kind is None:
                    session.fail(f"invalid flag '{flag}', should be users, assoc and/or qos")
                    return
                flags.add(kind)
        else:
            session.fail(f"invalid entity: {word} for keyword:show assoc_mgr")
            return
    try:
        reply = session.controller.ask(pb.Request(assoc_info=request)).assoc_records
    except RequestError as exc:
        session.fail(f"slurm_load_assoc_mgr_info error: {exc.text}")
        return
    tres = reply.tres_names
    records = {
        "users": [[user_line(user)] for user in reply.users],
        "assoc": [association_lines(one, reply.cluster, tres) for one in reply.associations],
        "qos": [qos_lines(one, tres, session.oneliner) for one in reply.qos],
    }
    blank, joint = ("", " ") if session.oneliner else ("\n", "\n    ")
    print("Current Association Manager state")
    for kind, title, missing in _KINDS:
        if flags and kind not in flags:
            continue
        if not records[kind]:
            print(f"\nNo {missing} currently cached in Slurm.\n")
            continue
        print(f"{blank}{title} Records{blank}")
        sys.stdout.write("".join(f"{joint.join(lines)}\n" for lines in records[kind]))


def show_slurmd(session: Session, text: str | None) -> None:
    session.fail(
        "scontrol: error: slurm_slurmd_info: Connection refused", "slurm_load_slurmd_status:Connection refused"
    )


def show_topoconf(session: Session, text: str | None) -> None:
    print("%YAML 1.1\n---\n- topology: default\n  cluster_default: false\n  block: {}\n  flat: false\n  tree: {}\n...")


def show_topology(session: Session, text: str | None) -> None:
    """All switches, or with ``node=NAME`` those above a node."""
    from crane_compat.commands.format.show_other import switch_line

    key, equals, node = (text or "").partition("=")
    if text and not (equals and key.lower() == "node"):
        session.warn("slurm_load_topo error: Requested topology configuration is not available")
        return
    try:
        reply = session.controller.ask(pb.Request(list_topology=pb.ListTopology(node=node))).topology
    except RequestError as exc:
        session.fail(f"slurm_load_topo error: {exc.text}")
        return
    for one in reply.switches:
        print(switch_line(one))


def show_nothing(session: Session, text: str | None) -> None:
    """Entities this cluster has none of: burst buffers, federations."""


def _sorted(session: Session, text: str | None) -> None:
    show_hostlist(session, text or "", ordered=True)


def _unsorted(session: Session, text: str | None) -> None:
    show_hostlist(session, text or "", ordered=False)


#: (entity, shortest form, what shows it); the first that fits counts
ENTITIES: tuple[tuple[str, int, Show], ...] = (
    ("aliases", 1, show_aliases),
    ("bbstat", 2, show_nothing),
    ("burstbuffer", 2, show_nothing),
    ("config", 1, show_config),
    ("daemons", 1, show_daemons),
    ("dwstat", 2, show_nothing),
    ("federation", 3, show_nothing),
    ("hostnames", 5, show_hostnames),
    ("hostlist", 5, _unsorted),
    ("hostlistsorted", 9, _sorted),
    ("jobs", 1, show_job),
    ("licenses", 2, show_license),
    ("nodes", 1, show_node),
    ("partitions", 1, show_partition),
    ("reservations", 1, show_reservation),
    ("slurmd", 2, show_slurmd),
    ("steps", 2, show_step),
    ("topoconf", 5, show_topoconf),
    ("topology", 1, show_topology),
)


def entity(word: str) -> Show | None:
    """What shows the entity of this name or beginning."""
    lower = word.lower()
    for name, shortest, function in ENTITIES:
        if len(lower) >= shortest and name.startswith(lower):
            return function
    return None


def show(session: Session, words: list[str]) -> None:
    """``show ENTITY [ID]`` or ``show ENTITY=ID``."""
    name, equals, value = words[0].partition("=")
    text = value if equals else words[1] if len(words) > 1 else None
    if len(name) > 1 and "assoc_mgr".startswith(name.lower()):
        show_associations(session, words[1:])
        return
    function = entity(name)
    if function is None:
        session.fail(f"invalid entity:{words[0]} for keyword:show")
        return
    if len(words) > 2:
        session.fail("too many arguments for keyword:show")
        return
    if function in (_sorted, _unsorted) and text is None:
        from crane_compat.commands.slurm.scontrol_help import HELP

        session.status = 1
        print(HELP, end="")
        return
    function(session, text)
