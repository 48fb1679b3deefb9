"""strigger: programs that are run when nodes, jobs or daemons change (strigger(1))."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Iterator

from crane_compat.commands.slurm.arguments import Arguments, Option, parse
from crane_compat.commands.slurm.controller_call import Controller, unknown_cluster
from crane_compat.core.errors import RequestError
from crane_compat.wire import pb

USAGE = "Usage: strigger [--set | --get | --clear | --version] [-aAbBcCdDefFgGhHiIjnNopQrtuv]"

#: option → kind of thing, what happens to it; the first that is given counts
_EVENTS: tuple[tuple[str, str, str, str], ...] = (
    ("burst_buffer", "", "slurmctld", "a burst buffer has an error"),
    ("primary_slurmctld_failure", "a", "slurmctld", "the first controller fails"),
    ("primary_slurmctld_resumed_operation", "A", "slurmctld", "the first controller works again"),
    ("primary_slurmctld_resumed_control", "b", "slurmctld", "the first controller has control again"),
    ("backup_slurmctld_failure", "B", "slurmctld", "the second controller fails"),
    ("backup_slurmctld_resumed_operation", "c", "slurmctld", "the second controller works again"),
    ("backup_slurmctld_assumed_control", "C", "slurmctld", "the second controller has taken over"),
    ("primary_slurmctld_acct_buffer_full", "e", "slurmctld", "too much waits for accounting"),
    ("primary_slurmdbd_failure", "g", "slurmdbd", "the accounting daemon fails"),
    ("primary_slurmdbd_resumed_operation", "G", "slurmdbd", "the accounting daemon works again"),
    ("primary_database_failure", "h", "database", "the database fails"),
    ("primary_database_resumed_operation", "H", "database", "the database works again"),
    ("reconfig", "r", "slurmctld", "the configuration is read again"),
)
_OF_NODES: tuple[tuple[str, str, str], ...] = (
    ("down", "d", "a node goes down"),
    ("drained", "D", "a node is drained"),
    ("draining", "", "a node is to be drained, and still works"),
    ("fail", "F", "a node is expected to fail"),
    ("idle", "I", "a node stays idle (--offset: so long)"),
    ("resume", "R", "a node takes work again"),
    ("up", "u", "a node comes back from being down"),
)
_OF_JOBS: tuple[tuple[str, str, str], ...] = (
    ("fini", "f", "a job has ended"),
    ("time", "t", "a job's time limit comes near (--offset: so long before)"),
)

OPTIONS = (
    Option("set", help="make a trigger"),
    Option("get", help="show triggers"),
    Option("clear", help="remove triggers"),
    *(Option(name, short, help=f"when {text}") for name, short, _, text in _EVENTS),
    *(Option(name, short, help=f"when {text}") for name, short, text in (*_OF_NODES, *_OF_JOBS)),
    Option("flags", "", "required", "perm", "perm: it stays when it has been pulled"),
    Option("id", "i", "required", "ID", "the number of a trigger"),
    Option("jobid", "j", "required", "JOB", "of this job"),
    Option("cluster", "M", "required", "NAME", "of this cluster"),
    Option("clusters", "", "required", "NAME", "the same"),
    Option("node", "n", "optional", "HOSTS", "of these nodes; of all where none is named"),
    Option("noheader", "N", help="no titles"),
    Option("offset", "o", "required", "SECONDS", "so long after the event; negative: before it"),
    Option("program", "p", "required", "PATH", "what is run"),
    Option("quiet", "Q", help="say nothing that is no error"),
    Option("user", "", "required", "USER", "of this user"),
    Option("verbose", "v", help="say what is done"),
    Option("version", "V", help="show the version and exit"),
    Option("help", help="show this text and exit"),
    Option("usage", help="show the synopsis and exit"),
)
_HEADER = ("TRIG_ID", "RES_TYPE", "RES_ID", "TYPE", "OFFSET", "USER", "FLAGS", "PROGRAM")
_ROW = "%7s %9s %7s %-35s %6s %8s %5s %s"


class Wrong(Exception):
    """The command line cannot be; the line for standard error."""


def main(argv: list[str]) -> int:
    """Run strigger; the exit status."""
    args = parse("strigger", OPTIONS, argv, os.environ, USAGE)
    try:
        modes = [mode for mode in ("set", "get", "clear") if args.has(mode)]
        if len(modes) != 1:
            raise Wrong("You must use exactly one of the following options: --set, --get or --clear")
        controller = Controller("strigger")
        if name := args.get("cluster") or args.get("clusters"):
            if name != controller.cluster_name():
                print("\n".join(unknown_cluster("strigger", name)), file=sys.stderr)
                return 1
        return {"set": _set, "get": _get, "clear": _clear}[modes[0]](args, controller)
    except Wrong as exc:
        print(f"strigger: error: {exc}", file=sys.stderr)
    except RequestError as exc:
        print(f"slurm_load_ctl_conf error: {exc.text}", file=sys.stderr)
    return 1


def _number(args: Arguments, name: str) -> int:
    text = args.get(name)
    if text is None:
        return 0
    if not text.lstrip("+-").isdigit():
        raise Wrong(f"Invalid {name}: {text}")
    return int(text)


def _uid(args: Arguments) -> int | None:
    text = args.get("user")
    if text is None:
        return None
    try:
        return int(text) if text.isdigit() else pwd.getpwnam(text).pw_uid
    except KeyError:
        raise Wrong(f"Invalid user: {text}") from None


def _set(args: Arguments, controller: Controller) -> int:
    record = pb.TriggerRecord(offset=_number(args, "offset"), permanent="perm" in (args.get("flags") or "").lower())
    job, of_nodes = _number(args, "jobid"), next((name for name, *_ in _OF_NODES if args.has(name)), "")
    of_job = next((name for name, *_ in _OF_JOBS if args.has(name)), "")
    of_daemon = next(((kind, name) for name, _, kind, _ in _EVENTS if args.has(name)), None)
    if of_daemon:
        (record.res_type, record.type), record.res_id = of_daemon, "*"
    elif job or of_job:
        if not job:
            raise Wrong("You must specify a --jobid value")
        if not (of_job or of_nodes):
            raise Wrong("You must specify a trigger (--down, --up, --time, or --fini)")
        record.res_type, record.res_id, record.type = "job", str(job), of_job or of_nodes
    elif of_nodes:
        record.res_type, record.res_id, record.type = "node", args.get("node") or "*", of_nodes
    else:
        raise Wrong("You must specify a trigger")
    if not (program := args.get("program")):
        raise Wrong("You must specify a --program value")
    if not program.startswith("/"):
        raise Wrong('The --program value must begin with "/"')
    record.program = program
    try:
        controller.ask(pb.Request(set_trigger=record))
    except RequestError as exc:
        print(f"slurm_set_trigger: {exc.text}", file=sys.stderr)
        return 1
    if args.has("verbose"):
        print("strigger: trigger set", file=sys.stderr)
    return 0


def _get(args: Arguments, controller: Controller) -> int:
    try:
        reply = controller.ask(pb.Request(list_triggers=pb.ListTriggers())).triggers
    except RequestError as exc:
        print(f"slurm_get_triggers: {exc.text}", file=sys.stderr)
        return 1
    if args.has("verbose"):
        print(f"strigger: Read {len(reply.triggers)} trigger records", file=sys.stderr)
    rows = list(_chosen(args, reply))
    if rows and not args.has("noheader"):
        print(_ROW % _HEADER)
    for one in rows:
        flags = "PERM" if one.permanent else ""
        print(_ROW % (one.id, one.res_type, one.res_id, one.type, one.offset, one.user, flags, one.program))
    return 0


def _chosen(args: Arguments, reply: pb.Triggers) -> Iterator[pb.TriggerRecord]:
    number, job, uid, nodes = _number(args, "id"), _number(args, "jobid"), _uid(args), args.get("node")
    types = {name for name, *_ in (*_EVENTS, *_OF_NODES, *_OF_JOBS) if args.has(name)}
    for one in reply.triggers:
        if (number and one.id != number) or (job and (one.res_type, one.res_id) != ("job", str(job))):
            continue
        if (uid is not None and one.uid != uid) or (types and one.type not in types):
            continue
        if nodes is not None and (one.res_type != "node" or (nodes and one.res_id not in (nodes, "*"))):
            continue
        yield one


def _clear(args: Arguments, controller: Controller) -> int:
    request, uid = pb.ClearTrigger(id=_number(args, "id"), job_id=_number(args, "jobid")), _uid(args)
    if uid is not None:
        request.uid = uid
    if not (request.id or request.job_id or uid is not None):
        raise Wrong("You must specify a --id, --jobid, or --user to clear")
    try:
        controller.ask(pb.Request(clear_trigger=request))
    except RequestError as exc:
        if not args.has("quiet"):
            print(f"slurm_clear_trigger: {exc.text}", file=sys.stderr)
        return 1
    return 0
