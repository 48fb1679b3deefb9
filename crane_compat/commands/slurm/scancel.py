"""scancel: end or signal jobs, array tasks and steps (scancel(1))."""

from __future__ import annotations

import os
import pwd
import re
import sys
from collections.abc import Sequence

from crane_compat.commands.slurm.arguments import COMMON, Arguments, Exit, Option, parse
from crane_compat.commands.slurm.controller_call import Controller, unknown_cluster
from crane_compat.core import states as st
from crane_compat.core.errors import Errno, RequestError
from crane_compat.parsers.signal_spec import signal_number
from crane_compat.wire import pb

OPTIONS: tuple[Option, ...] = (
    Option("account", "A", "required", "names", "only jobs charged to these accounts", "SCANCEL_ACCOUNT"),
    Option("admin-comment", "", "required", "text", "a comment kept with the job"),
    Option("batch", "b", "none", "", "signal the batch script's shell only", "SCANCEL_BATCH"),
    Option("clusters", "M", "required", "names", "the clusters to act on", "SLURM_CLUSTERS"),
    Option("cron", "c", "none", "", "also jobs of scrontab"),
    Option("ctld", "", "none", "", "send the request through the controller", "SCANCEL_CTLD"),
    Option("full", "f", "none", "", "signal the script, its children and the steps", "SCANCEL_FULL"),
    Option("hurry", "H", "none", "", "do not stage data out", "SCANCEL_HURRY"),
    Option("interactive", "i", "none", "", "ask before each", "SCANCEL_INTERACTIVE"),
    Option("jobname", "n", "required", "names", "only jobs of these names", "SCANCEL_NAME"),
    Option("me", "", "none", "", "only my jobs"),
    Option("name", "", "required", "names", "only jobs of these names"),
    Option("nodelist", "w", "required", "hosts", "only jobs on these nodes"),
    Option("partition", "p", "required", "names", "only jobs in these partitions", "SCANCEL_PARTITION"),
    Option("qos", "q", "required", "names", "only jobs with these QOS", "SCANCEL_QOS"),
    Option("quiet", "Q", "none", "", "say nothing of jobs that have ended"),
    Option("reservation", "R", "required", "name", "only jobs in this reservation"),
    Option("sibling", "", "required", "name", "the sibling of a federation's job"),
    Option("signal", "s", "required", "name", "send this signal", "SCANCEL_SIGNAL"),
    Option("state", "t", "required", "names", "only jobs in these states", "SCANCEL_STATE"),
    Option("states", "", "required", "names", "only jobs in these states"),
    Option("user", "u", "required", "name", "only jobs of this user", "SCANCEL_USER"),
    Option("verbose", "v", "none", "", "say what is done", "SCANCEL_VERBOSE"),
    Option("wckey", "", "required", "names", "only jobs with these wckeys", "SCANCEL_WCKEY"),
    *COMMON,
)

_ID = re.compile(r"\d+(?:_(?:\d+|\*|\[[\d,:-]+(?:%\d+)?\]))?(?:\+\d+)?(?:\.\w+)?$")
_STATES = {
    name.lower(): number for number in (st.PENDING, st.RUNNING, st.SUSPENDED) for name in st.JOB_NAMES[number]
}

USAGE = (
    "Usage: scancel [-A account] [--batch] [--full] [--interactive] [-n job_name] [-p partition] [-q qos] [-Q]\n"
    "               [-R reservation] [-s signal] [-t state] [-u user] [-w hosts...] [--wckey=wckey]\n"
    "               [job_id[_array_id][.step_id]]"
)


class Refused(Exception):
    """The command line cannot be taken: the lines for stderr; the exit status is 1."""


def request_of(found: Arguments) -> pb.CancelJobs:
    """The request a command line makes.  Raises Refused."""
    ids: list[str] = []
    for word in found.operands:
        for text in re.split(r",(?![^\[]*\])", word):
            if not _ID.match(text):
                raise Refused(f"scancel: error: Invalid job id {text}")
            ids.append(text)
    request = pb.CancelJobs(
        ids=ids,
        batch=found.has("batch"),
        full=found.has("full"),
        me=found.has("me"),
        hurry=found.has("hurry"),
        accounts=found.names("account"),
        partitions=found.names("partition"),
        qos=found.names("qos"),
        names=[*found.names("name"), *found.names("jobname")],
        wckeys=found.names("wckey"),
        reservation=found.get("reservation") or "",
        sibling=found.get("sibling") or "",
    )
    if (nodes := found.get("nodelist")) is not None:
        request.nodelist.append(nodes)
    if (text := found.get("signal")) is not None:
        try:
            request.signal = signal_number(text)
        except ValueError:
            raise Refused(f"Unknown job signal: {text}") from None
        request.signal_set = True
    for text in [*found.names("state"), *found.names("states")]:
        if text.lower() not in _STATES:
            raise Refused(
                f"Invalid job state specified: {text}\nValid job states are PENDING, RUNNING, and SUSPENDED"
            )
        request.states.append(_STATES[text.lower()])
    if (user := found.get("user")) is not None:
        try:
            entry = pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
        except KeyError:
            raise Refused(f"scancel: error: Invalid user name: {user}") from None
        request.users.append(entry.pw_name)
    return request


def _anything(request: pb.CancelJobs) -> bool:
    return bool(
        request.ids or request.users or request.me or request.accounts or request.partitions or request.qos
        or request.names or request.states or request.nodelist or request.reservation or request.wckeys
    )  # fmt: skip


def _say(result: pb.OpResult) -> str:
    what = f"job step id {result.id}" if "." in result.id else f"job id {result.id}"
    return f"scancel: error: Kill job error on {what}: {result.error}\n"


def _confirmed(text: str) -> bool:
    sys.stdout.write(f"Cancel job_id={text} [y/n]? ")
    sys.stdout.flush()
    return sys.stdin.readline()[:1].lower() == "y"


def _ask_each(controller: Controller, request: pb.CancelJobs) -> Sequence[str]:
    """-i: which of the jobs found the user means."""
    look = pb.CancelJobs()
    look.CopyFrom(request)
    look.interactive_only_list = True
    found = controller.ask(pb.Request(cancel=look)).results.results
    return [result.id for result in found if not result.rc and _confirmed(result.id)]


def main(argv: list[str]) -> int:
    """Run the command line; its exit status."""
    try:
        found = parse("scancel", OPTIONS, argv, os.environ, USAGE)
        request = request_of(found)
    except Exit as exc:
        return int(exc.code or 0)
    except Refused as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    if not _anything(request):
        sys.stderr.write("scancel: error: No job identification provided\n")
        return 1
    controller = Controller("scancel")
    try:
        for name in found.names("clusters"):
            if name.lower() != controller.cluster_name():
                sys.stderr.write("".join(f"{line}\n" for line in unknown_cluster("scancel", name)))
                return 1
        if found.has("interactive"):
            chosen = _ask_each(controller, request)
            if not chosen:
                return 0
            request.ids[:] = chosen
        verbose = found.counts.get("verbose", 0)
        results = controller.ask(pb.Request(cancel=request)).results.results
    except RequestError as exc:
        sys.stderr.write(f"scancel: error: {exc.text}\n")
        return 1
    finally:
        controller.close()
    plain = not (request.signal_set or request.batch or request.full)
    status = 0
    for result in results:
        if verbose and request.ids:
            verb = f"Signal {request.signal} to" if request.signal_set else "Terminating"
            sys.stderr.write(f"scancel: {verb} {'step' if '.' in result.id else 'job'} {result.id}\n")
        if not result.rc:
            continue
        ended = result.rc in (Errno.ALREADY_DONE, Errno.INVALID_JOB_ID)
        if ended and plain and "." not in result.id:
            # what is gone already needs no cancelling: an error only for those who want to know
            if verbose:
                sys.stderr.write(_say(result))
            continue
        if not (ended and found.has("quiet")):
            sys.stderr.write(_say(result))
        if status == 0:
            status = 1 if ended and "." not in result.id else result.rc & 0xFF
    return status
