"""scancel: ending or signalling jobs and steps (scancel(1))."""

from __future__ import annotations

import os
import pwd
import re
import sys

from crane_compat.commands.slurm.arguments import COMMON, Arguments, Option, parse
from crane_compat.commands.slurm.controller_call import Controller, unknown_cluster
from crane_compat.core import states as st
from crane_compat.core.errors import Errno, RequestError
from crane_compat.parsers.signal_spec import signal_number
from crane_compat.wire import pb

USAGE = """\
Usage: scancel [-A account] [--batch] [--ctld] [--full] [--interactive] [-n job_name]
               [-p partition] [-Q] [-q qos] [-R reservation] [-s signal | integer]
               [-t PENDING | RUNNING | SUSPENDED] [--usage] [-u user_name]
               [--hurry] [-V] [-v] [-w hosts...] [--wckey=wckey]
               [job_id[_array_id][.step_id]]"""

OPTIONS = (
    Option("account", "A", "required", "NAME", "only jobs of this account", "SCANCEL_ACCOUNT"),
    Option("admin-comment", "", "required", "TEXT", "leave this comment on the jobs"),
    Option("batch", "b", help="signal only the script's shell", env="SCANCEL_BATCH"),
    Option("clusters", "M", "required", "NAMES", "ask these clusters"),
    Option("cron", "c", help="also jobs of scrontab", env="SCANCEL_CRON"),
    Option("ctld", help="ask the controller directly (always so)", env="SCANCEL_CTLD"),
    Option("full", "f", help="signal the script, its children and the steps", env="SCANCEL_FULL"),
    Option("hurry", "H", help="leave out staging of burst buffers", env="SCANCEL_HURRY"),
    Option("interactive", "i", help="ask for each job", env="SCANCEL_INTERACTIVE"),
    Option("me", help="only jobs of mine"),
    Option("name", "n", "required", "NAME", "only jobs of this name", "SCANCEL_NAME"),
    Option("jobname", "", "required", "NAME", "as --name"),
    Option("nodelist", "w", "required", "HOSTS", "only jobs on these nodes"),
    Option("partition", "p", "required", "NAME", "only jobs of this partition", "SCANCEL_PARTITION"),
    Option("qos", "q", "required", "NAME", "only jobs of this QOS", "SCANCEL_QOS"),
    Option("quiet", "Q", help="say nothing of jobs that are over"),
    Option("reservation", "R", "required", "NAME", "only jobs in this reservation"),
    Option("sibling", "", "required", "CLUSTER", "end a federated job's sibling there"),
    Option("signal", "s", "required", "NAME|NUMBER", "send this signal instead of ending", "SCANCEL_SIGNAL"),
    Option("state", "t", "required", "STATE", "only jobs in this state", "SCANCEL_STATE"),
    Option("states", "", "required", "STATE", "as --state"),
    Option("user", "u", "required", "NAME", "only jobs of this user", "SCANCEL_USER"),
    Option("verbose", "v", help="say what is done", env="SCANCEL_VERBOSE"),
    Option("wckey", "", "required", "KEY", "only jobs of this workload key", "SCANCEL_WCKEY"),
    *COMMON,
)

_ID = re.compile(r"(\d+)(_(\d+|\*|\[[\d,\-:%]+\]))?(\+\d+)?(\.(\d+|batch|extern|interactive))?$")
_FILTERS = (
    "account", "jobname", "me", "name", "nodelist", "partition", "qos", "reservation", "state", "states", "user",
    "wckey",
)  # fmt: skip
_STATES = {
    "PENDING": st.PENDING, "PD": st.PENDING, "RUNNING": st.RUNNING, "R": st.RUNNING, "SUSPENDED": st.SUSPENDED,
    "S": st.SUSPENDED,
}  # fmt: skip

#: Not worth a word: what was to end is over.
_OVER = (Errno.ALREADY_DONE, Errno.INVALID_JOB_ID)


class Refused(Exception):
    """What was asked cannot be; the text is the message, complete."""


def _ids(words: list[str]) -> list[str]:
    """The ids named, commas outside of brackets between them."""
    found = []
    for word in words:
        for part in re.split(r",(?![^\[]*\])", word):
            if not part:
                continue
            if not _ID.match(part):
                raise Refused(f"scancel: error: Invalid job id {part}")
            found.append(part)
    return found


def _user(text: str) -> str:
    try:
        return pwd.getpwuid(int(text)).pw_name if text.isdigit() else pwd.getpwnam(text).pw_name
    except KeyError:
        raise Refused(f"scancel: error: Invalid user name: {text}") from None


def _state(text: str) -> int:
    state = _STATES.get(text.upper())
    if state is None:
        raise Refused(f"Invalid job state specified: {text}\nValid job states are PENDING, RUNNING, and SUSPENDED")
    return state


def request_of(args: Arguments) -> pb.CancelJobs:
    """The request a command line stands for.  Raises Refused."""
    request = pb.CancelJobs(
        batch=args.has("batch"),
        full=args.has("full"),
        hurry=args.has("hurry"),
        ctld=args.has("ctld"),
        cron=args.has("cron"),
        me=args.has("me"),
    )
    if args.has("signal"):
        text = args.values["signal"]
        try:
            request.signal, request.signal_set = signal_number(text), True
        except ValueError:
            raise Refused(f"Unknown job signal: {text}") from None
    for name in ("state", "states"):
        request.states.extend(_state(word) for word in args.names(name))
    request.ids.extend(_ids(args.operands))
    request.users.extend(_user(word) for word in args.names("user"))
    request.accounts.extend(args.names("account"))
    request.partitions.extend(args.names("partition"))
    request.qos.extend(args.names("qos"))
    request.names.extend(args.names("name") + args.names("jobname"))
    request.wckeys.extend(args.names("wckey"))
    request.reservation = args.get("reservation") or ""
    if nodes := args.get("nodelist"):
        request.nodelist.append(nodes)
    if not request.ids and not any(args.has(name) for name in _FILTERS):
        raise Refused("scancel: error: No job identification provided")
    if not request.ids and not request.users and os.getuid():
        request.me = True  # nobody ends others' jobs by a filter
    return request


class Cancel:
    """One run of scancel."""

    def __init__(self, args: Arguments) -> None:
        self.args = args
        self.controller = Controller("scancel")
        self.request = request_of(args)
        self.status = 0

    def say(self, text: str) -> None:
        if self.args.has("verbose"):
            print(f"scancel: {text}", file=sys.stderr)

    def run(self) -> int:
        """Ask, and tell what was refused; the exit status."""
        request = self.request
        if self.args.has("interactive"):
            self._confirm()
            if not request.ids:
                return self.status
        for job_id in request.ids:
            what = f"Signal {request.signal} to" if request.signal_set else "Terminating"
            self.say(f"{what} {'step' if '.' in job_id else 'job'} {job_id}")
        try:
            results = list(self.controller.ask(pb.Request(cancel=request)).results.results)
        except RequestError as exc:
            if not request.ids:  # which jobs these are cannot be asked either
                print(f"slurm_load_jobs error: {exc.text}", file=sys.stderr)
                return 1
            results = [pb.OpResult(id=job_id, rc=int(exc.errno), error=exc.text) for job_id in request.ids]
        for result in results:
            if not request.ids:
                self.say(f"Terminating job {result.id}")
            if result.rc:
                self._refusal(result)
        return self.status

    def _refusal(self, result: pb.OpResult) -> None:
        step = "." in result.id
        told = self.request.signal_set or self.request.batch or step
        shown, status = result.id, result.rc & 0xFF
        if result.rc == Errno.INVALID_JOB_ID:
            job = result.id.partition(".")[0]
            if step and self._known(job):
                shown = job  # the job is there, the step is not
            else:
                status = 1
        if result.rc in _OVER and not told:
            if self.args.has("verbose") and not self.args.has("quiet"):
                print(f"scancel: error: Kill job error on job id {shown}: {result.error}", file=sys.stderr)
            return
        self.status = max(self.status, status)
        if self.args.has("quiet") and result.rc in _OVER:
            return
        kind = "job step id" if step else "job id"
        print(f"scancel: error: Kill job error on {kind} {shown}: {result.error}", file=sys.stderr)

    def _known(self, job: str) -> bool:
        number = re.match(r"\d+", job)
        try:
            request = pb.ListJobs(job_ids=[int(number[0])] if number else [])
            return bool(self.controller.ask(pb.Request(list_jobs=request)).jobs.jobs)
        except RequestError:
            return False

    def _confirm(self) -> None:
        """--interactive: leave in what the user says yes to."""
        request = pb.CancelJobs()
        request.CopyFrom(self.request)
        request.interactive_only_list = True
        try:
            results = self.controller.ask(pb.Request(cancel=request)).results.results
            jobs: dict[int, pb.JobRecord] = {}
            listing = pb.ListJobs(active_only=True, all=True)
            for job in self.controller.ask(pb.Request(list_jobs=listing)).jobs.jobs:
                jobs.setdefault(job.array_job_id or job.job_id, job)
                jobs[job.job_id] = job
        except RequestError as exc:
            print(f"scancel: error: {exc.text}", file=sys.stderr)
            self.status = 1
            del self.request.ids[:]
            return
        chosen = []
        for result in results:
            number = re.match(r"\d+", result.id)
            known = jobs.get(int(number[0])) if number else None
            if result.rc or known is None:
                continue
            step = result.id.partition(".")[2]
            what = f"Cancel step_id={result.id}" if step else f"Cancel job_id={result.id}"
            if _yes(f"{what} name={known.spec.name} partition={known.partition} [y/n]? "):
                chosen.append(result.id)
        self.request.CopyFrom(
            pb.CancelJobs(
                ids=chosen, signal=request.signal, signal_set=request.signal_set, batch=request.batch,
                full=request.full, hurry=request.hurry, cron=request.cron,
            )
        )  # fmt: skip


def _yes(question: str) -> bool:
    """Ask until the answer is yes or no; no answer is no."""
    while True:
        sys.stdout.write(question)
        sys.stdout.flush()
        line = sys.stdin.readline()
        if not line:
            return False
        if line[:1] in "yY":
            return True
        if line[:1] in "nN":
            return False


def main(argv: list[str]) -> int:
    args = parse("scancel", OPTIONS, argv, os.environ, USAGE)
    try:
        cancel = Cancel(args)
        if clusters := args.get("clusters"):
            ours = cancel.controller.cluster_name()
            for name in clusters.split(","):
                if name not in (ours, "all"):
                    raise Refused("\n".join(unknown_cluster("scancel", name)))
        return cancel.run()
    except Refused as exc:
        print(exc, file=sys.stderr)
    except RequestError as exc:
        print(f"scancel: error: {exc.text}", file=sys.stderr)
    return 1
