"""What scontrol does besides showing and updating: hold, requeue, reconfigure, write, ping …"""

from __future__ import annotations

import os
import time

from crane_compat.commands.format.texts import moment
from crane_compat.commands.slurm.scontrol_session import Session
from crane_compat.commands.slurm.scontrol_show import load_jobs, print_ping
from crane_compat.commands.slurm.scontrol_update import change_node, named_jobs, refusal
from crane_compat.core import states as st
from crane_compat.core.errors import TEXT, Errno, RequestError
from crane_compat.daemon.rpc.client import Unreachable
from crane_compat.parsers import hostlist
from crane_compat.wire import pb


def _operate(session: Session, op: str, job_id: str, state: str = "") -> list[pb.OpResult]:
    """The refusals of one operation on one id."""
    try:
        request = pb.JobOp(op=op, ids=[job_id], state=state)
        results = session.controller.ask(pb.Request(job_op=request)).results.results
    except RequestError as exc:
        text = exc.text if exc.errno != Errno.COMMUNICATIONS_CONNECTION else TEXT[Errno.UNEXPECTED_MSG]
        return [pb.OpResult(id=job_id, rc=int(exc.errno), error=text)]
    return [result for result in results if result.rc]


def _ids(words: list[str]) -> list[str]:
    return [part for word in words for part in word.split(",") if part]


def hold(session: Session, op: str, words: list[str]) -> None:
    """hold, uhold, release: ids or ``jobname=NAME``."""
    for word in words:
        name = word.partition("=")[2] if word.lower().startswith(("jobname=", "name=")) else ""
        if name:
            ids = named_jobs(session, name, active=False)
            if ids is None:
                return
            refusals = [refused for job_id in ids for refused in _operate(session, op, job_id)]
            for refused in refusals:
                session.fail(refusal(refused))
            if refusals:
                session.fail("slurm_suspend error")
            continue
        for job_id in _ids([word]):
            refusals = _operate(session, op, job_id)
            for refused in refusals:
                session.fail(refusal(refused))
            if refusals:
                session.fail(f"slurm_suspend error:{refusals[-1].error}")


def operate(session: Session, op: str, words: list[str]) -> None:
    """requeue, suspend, resume, top: ids."""
    for job_id in _ids(words):
        for refused in _operate(session, op, job_id):
            if op in ("suspend", "resume") and refused.rc == Errno.INVALID_JOB_ID:
                refused.error = TEXT[Errno.UNEXPECTED_MSG]
            session.fail(refusal(refused))


def requeue_hold(session: Session, op: str, words: list[str]) -> None:
    """requeuehold [State=SpecialExit] IDS."""
    state = ""
    if words and words[0].lower().startswith("state="):
        state, words = words[0].partition("=")[2], words[1:]
        if not "specialexit".startswith(state.lower()):
            session.fail(f"Invalid state {state}")
            return
    for job_id in _ids(words):
        for refused in _operate(session, op, job_id, state):
            session.fail(refusal(refused))


def notify(session: Session, op: str, words: list[str]) -> None:
    for refused in _operate(session, op, words[0], " ".join(words[1:])):
        session.fail(f"job notify failure: {refused.error}")


# ---------------------------------------------------------------- daemons


def reconfigure(session: Session, op: str, words: list[str]) -> None:
    try:
        session.controller.ask(pb.Request(reconfigure=pb.Reconfigure()))
    except RequestError as exc:
        session.fail(f"slurm_reconfigure error:{exc.text}")


def shutdown(session: Session, op: str, words: list[str]) -> None:
    """Answered by the end of the connection."""
    from crane_compat import paths
    from crane_compat.daemon.rpc.client import Client

    session.controller.close()
    try:
        with Client.controller(paths.conf_path(), "scontrol") as client:
            client.request(pb.Request(shutdown=pb.Shutdown()))
            response = client.receive()
    except Unreachable:
        session.fail(f"slurm_shutdown error:{TEXT[Errno.COMMUNICATIONS_CONNECTION]}")
        return
    if response is not None and response.rc:
        session.fail(f"slurm_shutdown error:{response.error}")


def ping(session: Session, op: str, words: list[str]) -> None:
    if not print_ping(session):
        session.status = 1


def takeover(session: Session, op: str, words: list[str]) -> None:
    """There is no backup controller that could be asked."""
    session.fail(
        "scontrol: error: slurm_get_port: Address family '0' not supported",
        "scontrol: error: Error connecting, bad data: family = 0, port = 0",
        "slurm_takeover error: Unable to contact slurm controller (connect failure)",
    )


_DEBUG_LEVELS = ("quiet", "fatal", "error", "info", "verbose", "debug", "debug2", "debug3", "debug4", "debug5")


def set_level(session: Session, op: str, words: list[str]) -> None:
    """setdebug, setdebugflags, schedloglevel, fsdampeningfactor."""
    word = words[0]
    known = {
        "setdebug": word.lower() in _DEBUG_LEVELS or word.isdigit(),
        "setdebugflags": all(part[:1] in ("+", "-") and len(part) > 1 for part in words if "=" not in part),
        "schedloglevel": word.lower() in ("enable", "disable", "0", "1"),
        "fsdampeningfactor": word.isdigit(),
    }[op]
    if not known:
        session.fail(
            *{
                "setdebug": (f"invalid debug level: {word}",),
                "setdebugflags": (
                    f"invalid debug flag: {word}",
                    "Usage: setdebugflags {+|-}NAME [{+|-}NAME] [nodes=<NODES>]",
                ),
                "schedloglevel": (f"invalid schedlog level: {word}",),
                "fsdampeningfactor": (f"invalid dampening factor: {word}",),
            }[op]
        )
        return
    if any(part.lower().startswith("nodes=") for part in words):
        session.fail(f"{op}: levels of node daemons cannot be changed while they run; set them in slurm.conf")
        return
    call, what, value = {
        "setdebug": ("slurm_set_debug_level", "SlurmctldDebug", _level_name(word)),
        "setdebugflags": ("slurm_set_debug_flags", "DebugFlags", " ".join(part for part in words if "=" not in part)),
        "schedloglevel": (
            "slurm_set_schedlog_level", "SlurmSchedLogLevel", "1" if word.lower() in ("enable", "1") else "0",
        ),
        "fsdampeningfactor": ("slurm_set_fs_dampeningfactor", "FairShareDampeningFactor", word),
    }[op]  # fmt: skip
    try:
        session.controller.ask(pb.Request(set_level=pb.SetLevel(what=what, value=value)))
    except RequestError as exc:
        session.fail(f"{call} error:{exc.text}")


def _level_name(word: str) -> str:
    """A level by its name or number."""
    return _DEBUG_LEVELS[min(int(word), len(_DEBUG_LEVELS) - 1)] if word.isdigit() else word.lower()


def token(session: Session, op: str, words: list[str]) -> None:
    """token [lifespan=SECONDS] [username=NAME]."""
    request = pb.Token()
    for word in words:
        key, _, value = word.partition("=")
        if key.lower() == "lifespan" and (value.isdigit() or value.lower() in ("infinite", "unlimited")):
            request.lifespan = int(value) if value.isdigit() else 0xFFFFFFFF
        elif key.lower() == "username" and value:
            request.user = value
        else:
            session.fail(f"scontrol: error: Invalid option for token: {word}")
            return
    try:
        print(f"SLURM_JWT={session.controller.ask(pb.Request(token=request)).token.token}")
    except RequestError as exc:
        session.fail(f"scontrol: error: slurm_fetch_token: error with request: {exc.text}")


# ---------------------------------------------------------------- nodes


def power(session: Session, op: str, words: list[str]) -> None:
    """power up NODES, power down [ASAP|FORCE] NODES [reason=…]."""
    rest = list(words[1:])
    direction = words[0].lower()
    if direction not in ("up", "down"):
        session.fail(f"unexpected argument: '{words[0]}'")
        return
    state = "POWER_UP" if direction == "up" else "POWER_DOWN"
    if direction == "down" and rest and rest[0].lower() in ("asap", "force"):
        state += "_" + rest.pop(0).upper()
    values = {"state": state}
    names = [word for word in rest if "=" not in word]
    for word in rest:
        if word.lower().startswith("reason="):
            values["reason"] = word.partition("=")[2]
    if len(names) != 1:
        session.fail("scontrol: error: Missing node list")
        return
    change_node(session, names[0], values, "update", "scontrol_power_nodes error:")


def reboot(session: Session, op: str, words: list[str]) -> None:
    """reboot [ASAP] [nextstate=…] [reason=…] NODES."""
    try:
        rows = {row.key: row.value for row in session.controller.config().values}
    except RequestError as exc:
        session.fail(f"scontrol_reboot_nodes error:{exc.text}")
        return
    if rows.get("RebootProgram", "(null)") == "(null)":
        session.fail("scontrol: error: RebootProgram isn't defined", "scontrol_reboot_nodes error:Unspecified error")
        return
    values = {"state": "REBOOT"}
    names = "ALL"
    for word in words:
        key, equals, value = word.partition("=")
        if equals:
            values[key.lower()] = value
        elif word.upper() == "ASAP":
            values["state"] = "REBOOT_ASAP"
        else:
            names = word
    change_node(session, names, values, "update", "scontrol_reboot_nodes error:")


def cancel_reboot(session: Session, op: str, words: list[str]) -> None:
    change_node(session, words[0], {"state": "CANCEL_REBOOT"}, "update", "slurm_update error: ")


# ---------------------------------------------------------------- jobs


def explain(session: Session, op: str, words: list[str]) -> None:
    """Why a job waits, and what would let it start."""
    from crane_compat.commands.format import explanation

    number = words[0].partition("_")[0].partition("+")[0]
    try:
        if not number.isdigit():
            raise RequestError(Errno.INVALID_JOB_ID)
        request = pb.Request(explain=pb.Explain(job_id=int(number)))
        reply = session.controller.ask(request).explanations
    except RequestError as exc:
        session.fail(f"slurm_load_jobs error: {exc.text}")
        return
    if session.form:
        session.write("explanations", [explanation.record(one) for one in reply.jobs])
        return
    print("\n\n".join("\n".join(explanation.lines(one, reply.now)) for one in reply.jobs))


def completing(session: Session, op: str, words: list[str]) -> None:
    """Jobs that have ended but whose nodes are not free yet."""
    reply = load_jobs(session, None)
    if reply is None:
        return
    now = reply.now or time.time()
    for job in reply.jobs:
        if not job.state & st.COMPLETING:
            continue
        waited = int(now - job.end_time)
        spent = f"{waited // 3600:02d}:{waited // 60 % 60:02d}:{waited % 60:02d}"
        names = hostlist.compress(job.completing_nodes) if job.completing_nodes else job.node_list
        print(f"JobId={job.job_id} EndTime={moment(job.end_time)} CompletingTime={spent} Nodes(COMPLETING)={names}")


def wait_job(session: Session, op: str, words: list[str]) -> None:
    """Wait until the job has its nodes and they can be used."""
    from crane_compat import paths
    from crane_compat.daemon.rpc.client import Client

    try:
        with Client.controller(paths.conf_path(), "scontrol") as client:
            watch = pb.WatchJob(job_id=int(words[0]), until_started=True)
            for response in client.stream(pb.Request(watch=watch)):
                job = response.job_event.job
                if st.is_finished(job.state):
                    break
                if st.is_running(job.state) and not job.state & st.CONFIGURING:
                    return
    except (ValueError, RequestError, Unreachable):
        pass
    session.fail(f"scontrol: Problem running job {words[0]}")


def errnumstr(session: Session, op: str, words: list[str]) -> None:
    if not words[0].lstrip("-").isdigit():
        session.fail("numeric arguments required for keyword:errnumstr")
        return
    number = int(words[0])
    try:
        print(TEXT.get(Errno(number)) or os.strerror(number))
    except ValueError:
        print(os.strerror(number))


def getent(session: Session, op: str, words: list[str]) -> None:
    """Users known on a node: none are kept."""
