"""``scontrol update|create|delete``: what is typed becomes requests; what can be told here to be wrong is told here."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable

from crane_compat.commands.slurm import scontrol_reservation
from crane_compat.commands.slurm.scontrol_session import Session
from crane_compat.core.errors import Errno, RequestError
from crane_compat.parsers.begin_time import TimeSpecError, parse_time
from crane_compat.parsers.binding import default_unit
from crane_compat.parsers.time_limit import parse_minutes
from crane_compat.wire import pb

#: (key, its shortest form, what it is called in the request); source: scontrol(1), "SPECIFICATIONS FOR UPDATE COMMAND"
JOB_KEYS: tuple[tuple[str, int, str], ...] = (
    ("arraytaskthrottle", 10, "arraytaskthrottle"),
    ("account", 1, "account"),
    ("admincomment", 2, "admincomment"),
    ("burstbuffer", 1, "burstbuffer"),
    ("clusterfeatures", 8, "clusterfeatures"),
    ("comment", 3, "comment"),
    ("contiguous", 3, "contiguous"),
    ("corespec", 4, "corespec"),
    ("cpuspertask", 4, "cpuspertask"),
    ("deadline", 3, "deadline"),
    ("delayboot", 5, "delayboot"),
    ("dependency", 1, "dependency"),
    ("eligibletime", 2, "eligibletime"),
    ("endtime", 2, "endtime"),
    ("excnodelist", 3, "excnodelist"),
    ("extra", 2, "extra"),
    ("features", 1, "features"),
    ("gres", 2, "gres"),
    ("jobname", 4, "jobname"),
    ("licenses", 1, "licenses"),
    ("mailtype", 5, "mailtype"),
    ("mailuser", 5, "mailuser"),
    ("mincpusnode", 4, "mincpusnode"),
    ("minmemorycpu", 10, "minmemorycpu"),
    ("minmemorynode", 10, "minmemorynode"),
    ("mintmpdisknode", 5, "mintmpdisknode"),
    ("name", 2, "jobname"),
    ("network", 3, "network"),
    ("nice", 2, "nice"),
    ("nodelist", 5, "nodelist"),
    ("ntaskspernode", 2, "ntaskspernode"),
    ("numcpus", 4, "numcpus"),
    ("numnodes", 4, "numnodes"),
    ("numtasks", 4, "numtasks"),
    ("oversubscribe", 2, "oversubscribe"),
    ("partition", 2, "partition"),
    ("prefer", 3, "prefer"),
    ("priority", 2, "priority"),
    ("qos", 2, "qos"),
    ("reqnodelist", 8, "reqnodelist"),
    ("requirednodelist", 8, "reqnodelist"),
    ("requeue", 4, "requeue"),
    ("reservationname", 3, "reservationname"),
    ("resetaccruetime", 5, "resetaccruetime"),
    ("shared", 2, "oversubscribe"),
    ("sitefactor", 5, "sitefactor"),
    ("starttime", 2, "starttime"),
    ("stderr", 4, "stderr"),
    ("stdin", 4, "stdin"),
    ("stdout", 4, "stdout"),
    ("switches", 5, "switches"),
    ("systemcomment", 2, "systemcomment"),
    ("taskspernode", 2, "ntaskspernode"),
    ("threadspec", 4, "threadspec"),
    ("timelimit", 5, "timelimit"),
    ("timemin", 5, "timemin"),
    ("trespernode", 5, "trespernode"),
    ("userid", 3, "userid"),
    ("wckey", 1, "wckey"),
    ("workdir", 2, "workdir"),
)
_TIMES = frozenset(("starttime", "eligibletime", "endtime", "deadline"))

NODE_KEYS: tuple[tuple[str, int, str], ...] = (
    ("activefeatures", 3, "activefeatures"),
    ("availablefeatures", 3, "availablefeatures"),
    ("certtoken", 4, "certtoken"),
    ("comment", 3, "comment"),
    ("cpubind", 3, "cpubind"),
    ("extra", 3, "extra"),
    ("features", 1, "availablefeatures"),
    ("gres", 1, "gres"),
    ("instanceid", 9, "instanceid"),
    ("instancetype", 9, "instancetype"),
    ("nodeaddr", 5, "nodeaddr"),
    ("nodehostname", 5, "nodehostname"),
    ("reason", 1, "reason"),
    ("resumeafter", 6, "resumeafter"),
    ("state", 1, "state"),
    ("topology", 2, "topology"),
    ("weight", 1, "weight"),
)
#: Words `state=` takes; the controller says whether the node can become that now.
NODE_STATES = (
    "NORESP", "CANCEL_REBOOT", "DRAIN", "FAIL", "FUTURE", "RESUME", "POWER_DOWN", "POWER_DOWN_ASAP",
    "POWER_DOWN_FORCE", "POWER_UP", "UNDRAIN", "DOWN", "IDLE", "ALLOCATED", "MIXED", "UNKNOWN", "PLANNED", "BLOCKED",
)  # fmt: skip
_NEEDS_REASON = frozenset(("DRAIN", "FAIL", "DOWN"))

PARTITION_KEYS = frozenset(
    (
        "allocnodes", "allowaccounts", "allowgroups", "allowqos", "alternate", "cpubind", "default", "defaulttime",
        "defcpupergpu", "defmempercpu", "defmempergpu", "defmempernode", "denyaccounts", "denyqos", "disablerootjobs",
        "exclusivetopo", "exclusiveuser", "gracetime", "hidden", "jobdefaults", "lln", "maxcpuspernode",
        "maxcpuspersocket", "maxmempercpu", "maxmempernode", "maxnodes", "maxtime", "minnodes", "nodes",
        "overtimelimit", "oversubscribe", "powerdownonidle", "preemptmode", "priorityjobfactor", "prioritytier",
        "qos", "reqresv", "resumetimeout", "rootonly", "shared", "state", "suspendtime", "suspendtimeout",
        "topology", "tresbillingweights",
    )
)  # fmt: skip
_PARTITION_STATES = frozenset(("UP", "DOWN", "DRAIN", "INACTIVE"))


def split(word: str) -> tuple[str, str]:
    """(key in lower case, value); ``+=`` and ``-=`` keep their sign before the value."""
    key, _, value = word.partition("=")
    if key.endswith(("+", "-")) and value:
        key, value = key[:-1], key[-1] + value
    return key.lower(), value


def _full(key: str, table: Iterable[tuple[str, int, str]]) -> str | None:
    for name, shortest, canonical in table:
        if len(key) >= shortest and name.startswith(key):
            return canonical
    return None


#: what an update or deletion is of: (beginnings of the key, kind)
_KINDS: tuple[tuple[str, int, str], ...] = (
    ("nodename", 4, "node"),
    ("partitionname", 4, "partition"),
    ("jobid", 3, "job"),
    ("jobname", 4, "jobname"),
    ("stepid", 4, "step"),
    ("reservationname", 3, "reservation"),
    ("slurmctlddebug", 2, "debug"),
)


def update(session: Session, words: list[str]) -> None:
    """``update ENTITY=NAME KEY=VALUE …``: the first word that names an entity says which."""
    pairs = [split(word) for word in words]
    for index, (key, value) in enumerate(pairs):
        kind = _full(key, _KINDS)
        if kind is None:
            continue
        rest = [(word, *pair) for i, (word, pair) in enumerate(zip(words, pairs, strict=True)) if i != index]
        match kind:
            case "job":
                _update_jobs(session, [part for part in value.split(",") if part], rest)
            case "jobname":
                _update_named(session, value, rest)
            case "step":
                _update_step(session, value, rest)
            case "node":
                _update_node(session, value, rest)
            case "partition":
                _update_partition(session, value, rest, "update")
            case "reservation":
                scontrol_reservation.update(session, value, [word for word, *_ in rest])
            case _:
                session.fail("slurm_set_debug_level error:Requested operation not supported on this system")
        return
    session.fail(
        "No valid entity in update command",
        'Input line must include "NodeName", "PartitionName", "Reservation", "JobId", or "SlurmctldDebug"',
    )


Words = list[tuple[str, str, str]]  # (as typed, key, value)


# ---------------------------------------------------------------- jobs and steps


def _job_values(session: Session, rest: Words) -> list[pb.KeyValue] | None:
    """The changes as the controller wants them; None after saying what is wrong."""
    values = []
    for word, key, value in rest:
        name = _full(key, JOB_KEYS)
        if name is None or ("=" not in word and name not in ("nice", "resetaccruetime")):
            session.fail(f"Update of this parameter is not supported: {word}", "Request aborted")
            return None
        if name == "userid":  # only root may, and only of jobs not yet started
            continue
        if name in ("timelimit", "timemin"):
            try:
                parse_minutes(value.lstrip("+-") or "x")
            except ValueError:
                session.fail(f"scontrol: error: Invalid {'TimeLimit' if name == 'timelimit' else 'TimeMin'} value")
                return None
        if name in _TIMES:
            try:  # in this user's time zone
                value = f"uts{int(parse_time(value, time.time()))}"
            except TimeSpecError as exc:
                session.fail(str(exc), f"Invalid input: {word}", "Request aborted")
                return None
        values.append(pb.KeyValue(key=name, value=value))
    if not values:
        session.fail("No changes specified")
        return None
    return values


def refusal(result: pb.OpResult) -> str:
    """How a refusal is told of a job: tasks of arrays are named first."""
    if "_" in result.id:
        return f"{result.id}: {result.error}"
    return f"{result.error} for job {result.id}"


def _update_jobs(session: Session, ids: list[str], rest: Words) -> None:
    values = _job_values(session, rest)
    if values is None:
        return
    for job_id in ids:
        try:
            request = pb.UpdateJob(id=job_id, values=values)
            response = session.controller.ask(pb.Request(update_job=request))
        except RequestError as exc:
            text = exc.text if exc.errno != Errno.COMMUNICATIONS_CONNECTION else "Unexpected message received"
            session.fail(f"{text} for job {job_id}")
            continue
        results = response.results.results
        kind = "error: " if any(result.rc for result in results) else ""
        for line in response.messages:
            print(f"scontrol: {kind}{line}", file=sys.stderr)
        for result in results:
            if not result.rc:
                continue
            throttle = any(value.key == "arraytaskthrottle" for value in values)
            if throttle and result.rc == Errno.NOT_SUPPORTED:
                session.fail("scontrol: error: Update of ArrayTaskThrottle is only allowed on ArrayJobId")
            session.fail(refusal(result))


def named_jobs(session: Session, name: str, *, active: bool) -> list[str] | None:
    """Ids of the caller's jobs of a name (root: of everyone's); None after saying that they cannot be had."""
    request = pb.ListJobs(all=True, active_only=active)
    if os.getuid():
        request.uids.append(os.getuid())
    try:
        jobs = session.controller.ask(pb.Request(list_jobs=request)).jobs.jobs
    except RequestError as exc:
        session.fail(f"slurm_load_jobs error: {exc.text}")
        return None
    return [str(job.job_id) for job in jobs if job.spec.name == name]


def _update_named(session: Session, name: str, rest: Words) -> None:
    ids = named_jobs(session, name, active=True)
    if ids is None:
        return
    if not ids:
        session.fail(f"scontrol: error: No jobs with name '{name}'")
        return
    _update_jobs(session, ids, rest)


def _update_step(session: Session, step_id: str, rest: Words) -> None:
    values = []
    for word, key, value in rest:
        if not "timelimit".startswith(key) or len(key) < 5:
            session.fail(f"Update of this parameter is not supported: {word}", "Request aborted")
            return
        values.append(pb.KeyValue(key="steptimelimit", value=value))
    if not values:
        session.fail("No changes specified")
        return
    try:
        request = pb.UpdateJob(id=step_id, values=values)
        results = session.controller.ask(pb.Request(update_job=request)).results.results
    except RequestError as exc:
        session.fail(f"slurm_update error: {exc.text}")
        return
    for result in results:
        if result.rc:
            session.fail(f"slurm_update error: {result.error}")


# ---------------------------------------------------------------- nodes


def _update_node(session: Session, names: str, rest: Words) -> None:
    values: dict[str, str] = {}
    for word, key, value in rest:
        name = _full(key, NODE_KEYS)
        if name is None or "=" not in word:
            session.fail(f"Update of this parameter is not supported: {word}", "Request aborted")
            return
        if name == "weight" and not value.isdigit():
            session.fail(f"scontrol: error: Invalid value {word} for Weight")
            return
        if name == "cpubind" and default_unit(value) is None:
            session.fail(f"scontrol: error: Invalid input {word}")
            return
        if name == "state":
            full = next((s for s in NODE_STATES if s == value.upper()), None)
            full = full or next((s for s in NODE_STATES if len(value) > 2 and s.startswith(value.upper())), None)
            if full is None:
                session.fail(
                    f"Invalid input: {word}",
                    "Request aborted",
                    "Valid states are: NoResp DRAIN FAIL FUTURE RESUME POWER_DOWN POWER_UP UNDRAIN",
                    "Not all states are valid given a node's prior state",
                )
                return
            value = full
        values[name] = value
    if not values:
        session.fail("No changes specified")
        return
    if values.get("state") in _NEEDS_REASON and not values.get("reason"):
        session.fail("You must specify a reason when DOWNING or DRAINING a node. Request denied")
        return
    change_node(session, names, values, "update", "slurm_update error: ")


def change_node(session: Session, names: str, values: dict[str, str], op: str, prefix: str) -> None:
    """Ask the controller; a refusal is told behind `prefix`."""
    request = pb.UpdateNode(names=names, op=op, values=[pb.KeyValue(key=k, value=v) for k, v in values.items()])
    try:
        session.controller.ask(pb.Request(update_node=request))
    except RequestError as exc:
        session.fail(prefix + exc.text)


# ---------------------------------------------------------------- partitions


def _update_partition(session: Session, name: str, rest: Words, op: str) -> None:
    values = []
    for word, key, value in rest:
        if key not in PARTITION_KEYS:
            session.fail(
                f"scontrol: error: Update of this parameter is not supported: {word}\n",
                "scontrol: error: Request aborted",
            )
            return
        if key == "cpubind" and default_unit(value) is None:
            session.fail(f"scontrol: error: Invalid input {word}")
            return
        if key == "state" and value.upper() not in _PARTITION_STATES:
            session.fail(
                f"scontrol: error: Invalid input: {word}",
                "scontrol: error: Acceptable State values are UP, DOWN, DRAIN and INACTIVE",
            )
            return
        if key in ("maxtime", "defaulttime") and value.upper() not in ("DEFAULT", "NONE"):
            try:
                parse_minutes(value)
            except ValueError:
                session.fail(f"scontrol: error: Invalid input {word}")
                return
        values.append(pb.KeyValue(key=key, value=value))
    if not values and op == "update":
        session.fail("No changes specified")
        return
    prefix = "slurm_update error: " if op == "update" else "Error creating the partition: "
    try:
        request = pb.UpdatePartition(name=name, values=values, op=op)
        session.controller.ask(pb.Request(update_partition=request))
    except RequestError as exc:
        session.fail(prefix + exc.text)


# ---------------------------------------------------------------- create, delete


def create(session: Session, words: list[str]) -> None:
    """``create partitionname=…``, ``create reservation …``, ``create nodename=…``."""
    key, equals, value = words[0].partition("=")
    lower = key.lower()
    if lower.startswith("res"):
        scontrol_reservation.create(session, words if equals else words[1:])
    elif "partitionname".startswith(lower):
        rest = words[1:]
        if not equals:
            if not rest or not split(rest[0])[0].startswith("part"):
                session.fail(f"scontrol: error: Invalid input: {key}  Request aborted")
                return
            value, rest = split(rest[0])[1], rest[1:]
        _update_partition(session, value, [(word, *split(word)) for word in rest], "create")
    elif "nodename".startswith(lower):
        rest = words[1:]
        if not equals and rest:
            value, rest = split(rest[0])[1], rest[1:]
        values = dict(split(word) for word in rest)
        change_node(session, value, values, "create", "Error creating node(s): ")
    else:
        session.fail(f"scontrol: error: Invalid creation entity: {key}")


def delete(session: Session, words: list[str]) -> None:
    """``delete ENTITY=NAME`` or ``delete ENTITY NAME``."""
    key, equals, value = words[0].partition("=")
    kind = _full(key.lower(), _KINDS)
    if not equals and len(words) > 1:
        value = words[1]
    if kind not in ("node", "partition", "reservation") or not value:
        session.fail("scontrol: error: Proper format is 'delete <ENTITY>=<ID>' or 'delete <ENTITY> <ID>'")
        return
    shown = words[0] if equals else f"{words[0]} {value}"
    match kind:
        case "node":
            change_node(session, value, {}, "delete", f"delete_node {shown}: ")
        case "partition":
            try:
                request = pb.UpdatePartition(name=value, op="delete")
                session.controller.ask(pb.Request(update_partition=request))
            except RequestError as exc:
                session.fail(f"delete_partition {shown}: {exc.text}")
        case _:
            scontrol_reservation.delete(session, value, shown)
