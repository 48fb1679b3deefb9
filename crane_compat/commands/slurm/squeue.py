"""squeue: the jobs and steps in the queue (squeue(1))."""

from __future__ import annotations

import os
import pwd
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from crane_compat.commands.format import job_values as jv
from crane_compat.commands.format.columns import FieldTable, Layout, all_letters, parse_letters, parse_names
from crane_compat.commands.format.job_fields import View, job_fields
from crane_compat.commands.format.sorting import SortError, sort_records
from crane_compat.commands.format.step_fields import step_fields
from crane_compat.commands.format.texts import clock, task_ranges
from crane_compat.commands.slurm.arguments import COMMON, DOCUMENTS, Arguments, Option, parse
from crane_compat.commands.slurm.controller_call import Controller, unknown_cluster
from crane_compat.core import states as st
from crane_compat.core.errors import RequestError
from crane_compat.parsers import hostlist
from crane_compat.parsers.arrays import ArrayError, parse_array
from crane_compat.parsers.time_limit import parse_seconds
from crane_compat.wire import pb

if TYPE_CHECKING:
    from crane_compat.commands.format.documents import Form

USAGE = """\
Usage: squeue [-A account] [--clusters names] [-i seconds] [--job jobid]
              [-n name] [-o format] [--only-job-state] [-p partitions]
              [--qos qos] [--reservation reservation] [--sort fields] [--start]
              [--step step_id] [-t states] [-u user_name] [--usage]
              [-L licenses] [-w nodes] [--federation] [--local] [--sibling]
              [--expand-patterns] [--json=data_parser] [--yaml=data_parser]
              [--running-over=time] [--running-under=time] [-ahjlrsv]"""

OPTIONS = (
    Option("account", "A", "required", "ACCOUNTS", "only jobs of these accounts", "SQUEUE_ACCOUNT"),
    Option("all", "a", help="also jobs in hidden partitions", env="SQUEUE_ALL"),
    Option("array", "r", help="one line for each task of an array", env="SQUEUE_ARRAY"),
    Option("clusters", "M", "required", "NAMES", "ask these clusters", "SLURM_CLUSTERS"),
    Option("expand-patterns", help="replace %j and the like in file names"),
    Option("explain", "", "required", "JOB", "why a job waits, and what would let it start"),
    Option("federation", help="jobs of the whole federation", env="SQUEUE_FEDERATION"),
    Option("Format", "O", "required", "FIELDS", "fields by name: name[:[.]width[text]],…", "SQUEUE_FORMAT2"),
    Option("format", "o", "required", "FORMAT", "fields by letter: %[[.]width]letter", "SQUEUE_FORMAT"),
    Option("hide", help="leave out hidden partitions (as without -a)"),
    Option("iterate", "i", "required", "SECONDS", "show again every so many seconds"),
    Option("jobs", "j", "optional", "IDS", "only these jobs"),
    Option("licenses", "L", "required", "NAMES", "only jobs that asked for these licences", "SQUEUE_LICENSES"),
    Option("local", help="jobs of this cluster only", env="SQUEUE_LOCAL"),
    Option("long", "l", help="more fields"),
    Option("me", help="only jobs of mine"),
    Option("name", "n", "required", "NAMES", "only jobs of these names", "SQUEUE_NAMES"),
    Option("noconvert", help="memory in the unit it is kept in"),
    Option("nodelist", "w", "required", "HOSTS", "only jobs on these nodes"),
    Option("noheader", "h", help="no line of titles"),
    Option("notme", help="only jobs of others"),
    Option("only-job-state", help="ids and states, nothing else"),
    Option("partition", "p", "required", "NAMES", "only jobs of these partitions", "SQUEUE_PARTITION"),
    Option("priority", "P", help="a line for each partition a job asks for", env="SQUEUE_PRIORITY"),
    Option("qos", "q", "required", "NAMES", "only jobs of these QOS", "SQUEUE_QOS"),
    Option("reservation", "R", "required", "NAME", "only jobs in this reservation", "SQUEUE_RESERVATION"),
    Option("running-over", "", "required", "TIME", "only jobs that have run longer"),
    Option("running-under", "", "required", "TIME", "only jobs that have run no longer"),
    Option("sibling", help="jobs of sibling clusters", env="SQUEUE_SIB"),
    Option("sort", "S", "required", "FIELDS", "order, e.g. P,t,-p", "SQUEUE_SORT"),
    Option("start", help="expected starts of waiting jobs"),
    Option("states", "t", "required", "STATES", 'only jobs in these states, or "all"', "SQUEUE_STATES"),
    Option("steps", "s", "optional", "IDS", "steps instead of jobs"),
    Option("user", "u", "required", "USERS", "only jobs of these users", "SQUEUE_USERS"),
    Option("verbose", "v", help="say what is asked for"),
    Option("helpFormat", help="list the names for --Format"),
    Option("helpformat", help="list the letters for --format"),
    Option("helpstate", help="list the states for --states"),
    *DOCUMENTS,
    *COMMON,
)

DEFAULT = "%.18i %.9P %.8j %.8u %.2t %.10M %.6D %R"
LONG = "%.18i %.9P %.8j %.8u %.8T %.10M %.9l %.6D %R"
START = "%.18i %.9P %.8j %.8u %.2t %.19S %.6D %20Y %R"
STEPS = "%.15i %.8j %.9P %.8u %.9M %N"
ONLY_STATE = "%.18i %.2t"

#: What --states takes, in the order it is listed.
STATE_WORDS = (
    "pending,running,suspended,completed,cancelled,failed,timeout,node_fail,preempted,boot_fail,deadline,"
    "out_of_memory,completing,configuring,expediting,resizing,resv_del_hold,requeued,requeue_fed,requeue_hold,"
    "revoked,signaling,special_exit,stage_out,stopped"
)
_NAMES = {name: bits for table in (st.JOB_NAMES, st.JOB_FLAG_NAMES) for bits, names in table.items() for name in names}
_ACTIVE_FLAGS = (
    st.COMPLETING | st.CONFIGURING | st.RESIZING | st.STOPPED | st.SIGNALING | st.STAGE_OUT
)  # fmt: skip


class Unusable(Exception):
    """A filter that cannot be: the lines for standard error; the command ends with 1."""


def _error(text: str) -> None:
    sys.stdout.flush()
    print(f"squeue: error: {text}", file=sys.stderr)


class JobId:
    """One word of --jobs: a job, an array with chosen tasks, or a heterogeneous job."""

    def __init__(self, word: str) -> None:
        number, underscore, tasks = word.partition("_")
        number, plus, offset = number.partition("+")
        if not number.isdigit() or (plus and not offset.isdigit()):
            raise Unusable(f"Invalid job id: {word}")
        self.number = int(number)
        self.tasks: set[int] | None = None
        if underscore and tasks != "*":
            try:
                self.tasks = set(parse_array(tasks.strip("[]")))
            except ArrayError:
                raise Unusable(f"Invalid job id: {word}") from None


class Filter:
    """Which jobs are shown, from the options."""

    def __init__(self, args: Arguments) -> None:
        self.args = args
        self.ids = [JobId(word) for word in args.names("jobs")]
        self.accounts = set(args.names("account"))
        self.partitions = set(args.names("partition"))
        self.qos = set(args.names("qos"))
        self.names = set(args.names("name"))
        self.licenses = set(args.names("licenses"))
        self.reservation = args.get("reservation")
        self.uids = self._users()
        self.states = self._states()
        self.nodes: set[str] | None = None
        self.over = self._seconds("running-over")
        self.under = self._seconds("running-under")

    def _users(self) -> set[int] | None:
        if self.args.has("me") and not self.args.has("notme"):
            return {os.getuid()}
        if not self.args.has("user"):
            return None
        found = set()
        for name in self.args.names("user"):
            try:
                found.add(int(name) if name.isdigit() else pwd.getpwnam(name).pw_uid)
            except KeyError:
                _error(f"Invalid user: {name}\n")
        return found

    def _states(self) -> list[int] | None:
        """None: what is in the queue; an empty list: everything."""
        if self.args.has("start") and not self.args.has("states"):
            return [st.PENDING]
        if not self.args.has("states"):
            return None
        words = self.args.names("states")
        if "all" in (word.lower() for word in words):
            return []
        states = []
        for word in words:
            bits = _NAMES.get(word.upper())
            if bits is None:
                raise Unusable(
                    f"Invalid job state specified: {word}\nsqueue: error: Valid job states include: {STATE_WORDS}\n"
                )
            states.append(bits)
        return states

    def _seconds(self, name: str) -> int | None:
        text = self.args.get(name)
        if text is None:
            return None
        try:
            return parse_seconds(text)
        except ValueError:
            raise Unusable(f"Invalid time value: --{name}={text}") from None

    def resolve_nodes(self, controller: Controller) -> None:
        """--nodelist: names of nodes or of their hosts."""
        text = self.args.get("nodelist")
        if text is None:
            return
        try:
            wanted = hostlist.expand(text)
        except hostlist.HostlistError:
            raise Unusable(f"Invalid node name {text}") from None
        known = controller.ask(pb.Request(list_nodes=pb.ListNodes())).nodes.nodes
        by_name = {node.name: node.name for node in known}
        hosts = {node.hostname: node.name for node in reversed(known)}
        self.nodes = set()
        for name in wanted:
            if name == "localhost":
                name = os.uname().nodename
            node = by_name.get(name) or hosts.get(name)
            if node is None:
                raise Unusable(f"Invalid node name {name}")
            self.nodes.add(node)

    def _state_fits(self, state: int) -> bool:
        if self.states is None:
            return state & st.BASE_MASK <= st.SUSPENDED or bool(state & _ACTIVE_FLAGS)
        if not self.states:
            return True
        shown = state & ~st.UPDATE_DB
        return any(shown & wanted if wanted & ~st.BASE_MASK else shown == wanted for wanted in self.states)

    def _tests(self, now: float) -> Iterator[Callable[[pb.JobRecord], bool]]:
        """One for each option given: does a job pass?"""
        if (uids := self.uids) is not None:
            yield lambda job: job.uid in uids
        if self.args.has("notme"):
            me = os.getuid()
            yield lambda job: job.uid != me
        if self.partitions:
            yield lambda job: not self.partitions.isdisjoint(job.partition.split(","))
        if self.accounts:
            yield lambda job: job.account in self.accounts
        if self.qos:
            yield lambda job: job.qos in self.qos
        if self.names:
            yield lambda job: job.spec.name in self.names
        if self.reservation is not None:
            yield lambda job: job.spec.reservation == self.reservation
        if self.licenses:
            yield (
                lambda job: (
                    not self.licenses.isdisjoint(part.partition(":")[0] for part in job.spec.licenses.split(","))
                )
            )
        if (nodes := self.nodes) is not None:
            yield lambda job: not nodes.isdisjoint(alloc.node for alloc in job.nodes)
        if (over := self.over) is not None:
            yield lambda job: jv.time_used(job, now) > over
        if (under := self.under) is not None:
            yield lambda job: jv.time_used(job, now) <= under

    def chosen(self, jobs: Iterable[pb.JobRecord], now: float) -> Iterator[pb.JobRecord]:
        """The jobs that pass; an array of which single waiting tasks are asked for shows as those."""
        ids = {wanted.number: wanted for wanted in self.ids}
        tests = list(self._tests(now))
        fits: dict[int, bool] = {}
        for job in jobs:
            state = job.state
            if state not in fits:
                fits[state] = self._state_fits(state)
            if not fits[state] or (tests and not all(test(job) for test in tests)):
                continue
            if ids:
                wanted = ids.get(job.array_job_id or job.het_job_id or job.job_id) or ids.get(job.job_id)
                if wanted is None:
                    continue
                if wanted.tasks is not None:
                    yield from _tasks_of(job, wanted.tasks)
                    continue
            yield job


def _tasks_of(job: pb.JobRecord, wanted: set[int] | None) -> Iterator[pb.JobRecord]:
    """A job as its single tasks, as far as they are wanted (None = all)."""
    if job.HasField("array_task_id") or not job.array_task_str:
        if wanted is None or job.array_task_id in wanted:
            yield job
        return
    for task in parse_array(job.array_task_str):
        if wanted is None or task in wanted:
            single = pb.JobRecord()
            single.CopyFrom(job)
            single.array_task_id = task
            yield single


#: Letters of --sort that tell the tasks of an array apart.
_BY_TASK = frozenset("iAFKS")


def _lines_of_tasks(layout: Layout[pb.JobRecord], jobs: Iterable[pb.JobRecord]) -> Iterator[str]:
    """A line for each job and each task that waits; of an array, only what differs is looked at again."""

    def numbered(task: int) -> Callable[[pb.JobRecord], None]:
        return lambda job: setattr(job, "array_task_id", task)

    for job in jobs:
        if job.HasField("array_task_id") or not job.array_task_str:
            yield from layout.rows((job,))
        else:
            yield from layout.alike(job, map(numbered, parse_array(job.array_task_str)))


def _combined(jobs: list[pb.JobRecord]) -> list[pb.JobRecord]:
    """Waiting tasks that have records of their own show with the rest of their array, as long as some of that waits."""
    arrays = {
        job.array_job_id: job
        for job in jobs
        if job.array_task_str and not job.HasField("array_task_id") and st.is_pending(job.state)
    }
    if not arrays:
        return jobs
    tasks: dict[int, set[int]] = {}
    kept = []
    for job in jobs:
        if job.HasField("array_task_id") and st.is_pending(job.state) and job.array_job_id in arrays:
            tasks.setdefault(job.array_job_id, set()).add(job.array_task_id)
        else:
            kept.append(job)
    for number, more in tasks.items():
        whole = arrays[number]
        whole.array_task_str = task_ranges(more.union(parse_array(whole.array_task_str)))
        whole.array_max_tasks = 0
    return kept


def _by_partition(job: pb.JobRecord) -> Iterator[pb.JobRecord]:
    names = job.partition.split(",")
    if len(names) == 1:
        yield job
        return
    for name in names:
        single = pb.JobRecord()
        single.CopyFrom(job)
        single.partition = name
        yield single


def _layout(args: Arguments, table: FieldTable[Any], default: str, kind: str) -> Layout[Any]:
    """The columns asked for; what is unknown is said on standard error.

    An option of the command line goes before the environment, --format before --Format.
    """
    letters, names = args.get("format"), args.get("Format")
    if names is not None and (letters is None or args.counts.get("format", 0) == 0):
        layout, unknown = parse_names(names, table, negative=" ")
    else:
        text = letters if letters is not None else default
        if text.lower() == "%all":
            text = all_letters(table, "|", "|").removesuffix("|")
        layout, unknown = parse_letters(text, table)
    for word in unknown:
        _error(f"Invalid {kind} format specification: {word}")
    return layout


def _sort(records: list[Any], spec: str, table: FieldTable[Any]) -> None:
    def key_of(letter: str, sign: str) -> Any:
        field = table.by_letter.get(letter)
        return field.sort if field is not None and sign != "#" else None

    try:
        sort_records(records, spec, key_of)
    except SortError as exc:
        raise Unusable(f"Invalid sort specification: {exc}") from None


class Queue:
    """One run of squeue: asks, chooses, orders, prints."""

    def __init__(self, args: Arguments, argv: Sequence[str], form: Form | None) -> None:
        self.args = args
        self.argv = argv
        self.form = form
        self.controller = Controller("squeue")
        self.filter = Filter(args)

    def show(self) -> int:
        """Print once; the exit status."""
        self.filter.resolve_nodes(self.controller)
        if self.args.has("steps"):
            return self._show_steps()
        wanted = pb.ListJobs(all=self.args.has("all"), active_only=self.filter.states is None)
        if self.filter.ids:
            wanted.job_ids.extend(dict.fromkeys(i.number for i in self.filter.ids))
        if self.filter.uids:
            wanted.uids.extend(sorted(self.filter.uids))
        try:
            reply = self.controller.ask(pb.Request(list_jobs=wanted)).jobs
            if reply.unknown_id and len(self.filter.ids) == 1:
                print("slurm_load_jobs error: Invalid job id specified", file=sys.stderr)
                return 1
        except RequestError as exc:
            print(f"slurm_load_jobs error: {exc.text}", file=sys.stderr)
            return 1
        if self.form:
            self._write_jobs(reply, self.form)
            return 0
        needs_cluster = "cluster" in (self.args.get("Format") or "").lower()
        view = View(
            reply.now or time.time(),
            self.controller.cluster_name() if needs_cluster else "",
            convert=not self.args.has("noconvert"),
            expand=self.args.has("expand-patterns"),
        )
        table = job_fields(view)
        only_state, start = self.args.has("only-job-state"), self.args.has("start")
        default = ONLY_STATE if only_state else START if start else LONG if self.args.has("long") else DEFAULT
        layout = _layout(self.args, table, default, "job")
        self._heading(view.now, len(reply.jobs))
        if not self.args.has("noheader"):
            print(layout.header())
        jobs = list(self.filter.chosen(reply.jobs, view.now))
        if not self.args.has("array"):
            jobs = _combined(jobs)
        if self.args.has("priority"):
            jobs = [single for job in jobs for single in _by_partition(job)]
        if only_state:
            for job in jobs:
                job.array_max_tasks = 0
        # where all else is equal, waiting jobs come newest first, others as they were submitted
        others = [job for job in jobs if not st.is_pending(job.state)]
        jobs = [job for job in reversed(jobs) if st.is_pending(job.state)]
        jobs += reversed(others) if only_state else others
        order = self.args.get("sort") or ("t" if only_state else "S" if start else "P,t,-p")
        if self.args.has("array") and not set(order) & _BY_TASK:  # tasks of an array stay together
            _sort(jobs, order, table)
            _print(_lines_of_tasks(layout, jobs))
            return 0
        if self.args.has("array"):
            jobs = [single for job in jobs for single in _tasks_of(job, None)]
        _sort(jobs, order, table)
        _print(layout.rows(jobs))
        return 0

    def _write_jobs(self, reply: pb.Jobs, form: Form) -> None:
        from crane_compat.commands.format.documents import document, write, write_texts
        from crane_compat.commands.format.job_document import JobTexts, job_record

        now, cluster = reply.now or time.time(), self.controller.cluster_name()
        jobs = list(self.filter.chosen(reply.jobs, now))
        shapes = self.controller.node_shapes() if any(job.nodes for job in jobs) else {}
        moments = {"last_backfill": reply.last_backfill, "last_update": now}
        words, empty = ["squeue", *self.argv[:-1]], "" if jobs else "Zero jobs to dump"
        if form.kind == "json" and not form.bare:
            texts = JobTexts(now, cluster, shapes)
            write_texts("jobs", map(texts.of, jobs), document("jobs", [], words, cluster, empty=empty, **moments))
            return
        rows = [job_record(job, now, cluster, shapes) for job in jobs]
        write(document("jobs", rows, words, cluster, empty=empty, **moments), form)

    def explain(self, word: str) -> int:
        """Why a job waits; the exit status."""
        from crane_compat.commands.format import explanation

        number = JobId(word).number
        try:
            reply = self.controller.ask(pb.Request(explain=pb.Explain(job_id=number))).explanations
        except RequestError as exc:
            print(f"slurm_load_jobs error: {exc.text}", file=sys.stderr)
            return 1
        if self.form:
            from crane_compat.commands.format.documents import document, write

            rows = [explanation.record(one) for one in reply.jobs]
            write(document("explanations", rows, ["squeue", *self.argv[:-1]], reply.cluster), self.form)
            return 0
        print("\n\n".join("\n".join(explanation.lines(one, reply.now)) for one in reply.jobs))
        return 0

    def _show_steps(self) -> int:
        wanted: set[tuple[int, int | None, int | None]] = set()
        for word in self.args.names("steps"):
            wanted.add(_step_id(word))
        try:
            reply = self.controller.ask(pb.Request(list_steps=pb.ListSteps())).steps
        except RequestError as exc:
            print(f"slurm_get_job_steps error: {exc.text}", file=sys.stderr)
            return 1
        now = reply.now or time.time()
        if self.form:
            from crane_compat.commands.format.documents import document, write
            from crane_compat.commands.format.job_document import step_record

            cluster = self.controller.cluster_name()
            rows = [step_record(step, now, cluster) for step in reply.steps if self._step_fits(step, wanted)]
            words = ["squeue", *self.argv[:-1]]
            write(document("steps", rows, words, cluster, empty="Zero steps to dump", last_update=now), self.form)
            return 0
        table = step_fields(now)
        layout = _layout(self.args, table, STEPS, "job step")
        self._heading(now, len(reply.steps))
        if not self.args.has("noheader"):
            print(layout.header())
        steps = [step for step in reply.steps if self._step_fits(step, wanted)]
        _sort(steps, self.args.get("sort") or "P,i", table)
        _print(layout.rows(steps))
        return 0

    def _step_fits(self, step: pb.StepRecord, wanted: set[tuple[int, int | None, int | None]]) -> bool:
        chosen = self.filter
        if wanted and not any(
            number in (step.array_job_id or step.job_id, step.job_id)
            and (task is None or (step.HasField("array_task_id") and step.array_task_id == task))
            and (step_id is None or step_id == step.step_id)
            for number, task, step_id in wanted
        ):
            return False
        if chosen.ids and not any(
            i.number in (step.array_job_id or step.job_id, step.job_id, step.het_job_id)
            and (i.tasks is None or step.array_task_id in i.tasks)
            for i in chosen.ids
        ):
            return False
        if chosen.uids is not None and step.uid not in chosen.uids:
            return False
        if self.args.has("notme") and step.uid == os.getuid():
            return False
        if chosen.partitions and step.partition not in chosen.partitions:
            return False
        return chosen.nodes is None or not chosen.nodes.isdisjoint(alloc.node for alloc in step.nodes)

    def _heading(self, now: float, records: int) -> None:
        verbose = self.args.has("verbose")
        if self.args.has("iterate") or self.args.has("long") or verbose:
            print(clock(now))
        if verbose:
            print(f"last_update_time=0 records={records}")


def _step_id(word: str) -> tuple[int, int | None, int | None]:
    """(job, array task, step) of ``12_3.0``; like squeue, names of steps count as 0."""
    job, dot, step = word.partition(".")
    number, underscore, task = job.partition("_")
    if not dot or not number.isdigit() or (underscore and not task.isdigit()):
        raise Unusable(f"Invalid job_step id: {job}.??")
    digits = step[: len(step) - len(step.lstrip("0123456789"))]
    return int(number), int(task) if underscore else None, int(digits or 0)


def _print(lines: Iterable[str]) -> None:
    text = "\n".join(lines)
    if text:
        sys.stdout.write(text + "\n")


def _options_text(args: Arguments) -> str:
    """What -v shows of the options."""

    def text(name: str) -> str:
        return args.get(name) or "(null)"

    def flag(name: str) -> str:
        return "true" if args.has(name) else "false"

    rows = (
        ("all", flag("all")), ("array", flag("array")), ("federation", flag("federation")),
        ("format", text("format")), ("iterate", args.get("iterate") or "0"),
        ("job_flag", str(int(args.has("jobs")))), ("jobs", text("jobs")), ("licenses", text("licenses")),
        ("local", flag("local")), ("names", text("name")), ("nodes", args.get("nodelist") or ""),
        ("only_job_state", flag("only-job-state")), ("partitions", text("partition")), ("priority", flag("priority")),
        ("reservation", text("reservation")), ("sibling", flag("sibling")), ("sort", text("sort")),
        ("start_flag", str(int(args.has("start")))), ("states", text("states")),
        ("step_flag", str(int(args.has("steps")))), ("steps", text("steps")), ("users", text("user")),
        ("verbose", str(args.counts.get("verbose", 0))),
    )  # fmt: skip
    line = "-" * 29
    body = "\n".join(f"{key:<12}= {value}" if key != "sibling" else f"sibling      = {value}" for key, value in rows)
    body = body.replace("only_job_state=", "only_job_state =")
    return f"{line}\n{body}\n{line}\n\n"


def _lists(args: Arguments) -> bool:
    """--helpstate, --helpformat, --helpFormat."""
    table = job_fields(View(0.0))
    if args.has("helpstate"):
        print(STATE_WORDS.replace(",", "\n"))
    elif args.has("helpformat"):
        print("\n".join(f"%{letter} {table.by_letter[letter].names[0]}" for letter in table.letters()))
    elif args.has("helpFormat"):
        print("\n".join(sorted(table.by_name)))
    else:
        return False
    return True


def main(argv: list[str]) -> int:
    args = parse("squeue", OPTIONS, argv, os.environ, USAGE)
    if _lists(args):
        return 0
    if args.operands and args.has("jobs") and not args.get("jobs"):
        args.values["jobs"] = args.operands.pop(0)
    if args.operands and args.has("steps") and not args.get("steps"):
        args.values["steps"] = args.operands.pop(0)
    if args.operands:
        print(USAGE)
        _error(f"Unrecognized option: {args.operands[0]}")
        return 1
    if args.has("hide"):
        args.values.pop("all", None)
    try:
        return _run(args, argv)
    except Unusable as exc:
        _error(str(exc))
        return 1


def _run(args: Arguments, argv: Sequence[str]) -> int:
    form = args.form("squeue")
    every = _period(args)
    queue = Queue(args, argv, form)
    if args.has("explain"):
        return queue.explain(args.values["explain"])
    if args.has("verbose"):
        print(_options_text(args))
    if clusters := args.get("clusters"):
        try:
            ours = queue.controller.cluster_name()
        except RequestError as exc:
            print(f"slurm_load_jobs error: {exc.text}", file=sys.stderr)
            return 1
        for name in clusters.split(","):
            if name not in (ours, "all"):
                print("\n".join(unknown_cluster("squeue", name)), file=sys.stderr)
                return 1
        print(f"CLUSTER: {ours}")
    while True:
        status = queue.show()
        if not every:
            return status
        print()
        if sys.stdout.isatty():
            sys.stdout.flush()
        time.sleep(every)


def _period(args: Arguments) -> int:
    text = args.get("iterate")
    if text is None:
        return 0
    if not text.isdigit() or not int(text):
        raise Unusable(f"--iterate={text}\n")
    return int(text)
