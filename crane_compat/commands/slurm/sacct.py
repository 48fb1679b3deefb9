"""sacct: job and step records from accounting.

Source: sacct(1) and the recordings.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from crane_compat.core import states
from crane_compat.core.errors import RequestError

from . import when
from .daemon_call import NoAnswer, ask, complain
from .record_table import Layout

if TYPE_CHECKING:
    from crane_compat.commands.format.documents import Form

VERSION = "slurm 25.11.7"
ERASE = "-" * 80


@dataclass(frozen=True, slots=True)
class Option:
    """An option: long name, letter, whether it takes a value, and what it does (a key of SETTERS)."""

    name: str
    short: str
    takes: str
    key: str


def _options() -> tuple[Option, ...]:
    kinds = {"=": "required", "?": "optional"}
    return tuple(
        Option(name.rstrip("=?"), key if len(key) == 1 else "", kinds.get(name[-1], "none"), key)
        for key, names in _NAMES.items()
        for name in names.split()
    )


#: letter, or a name of its own → long names; "=" takes a value, "?" may take one
_NAMES: dict[str, str] = {
    "a": "allusers", "A": "account= accounts=", "array": "array", "b": "brief", "B": "batch-script", "c": "completion",
    "C": "constraints=", "delimiter": "delimiter=", "D": "duplicates", "e": "helpformat help-fields", "E": "endtime=",
    "env-vars": "env-vars", "federation": "federation", "expand-patterns": "expand-patterns", "f": "file=",
    "g": "gid= group=", "h": "help", "helpreason": "helpreason", "helpstate": "helpstate", "i": "nnodes=",
    "I": "ncpus=", "j": "jobs=", "json": "json?", "k": "timelimit-min=", "K": "timelimit-max=", "local": "local",
    "l": "long", "L": "allclusters", "M": "cluster= clusters=", "n": "noheader", "noconvert": "noconvert",
    "N": "nodelist=", "name": "name=", "o": "format=", "p": "parsable", "P": "parsable2", "q": "qos=",
    "r": "partition=", "R": "reason=", "s": "state=", "S": "starttime=", "T": "truncate", "u": "uid= user=",
    "units": "units=", "usage": "usage", "U": "use-local-uid", "v": "verbose", "V": "version", "W": "wckeys=",
    "whole-hetjob": "whole-hetjob?", "x": "associations=", "X": "allocations", "yaml": "yaml?",
}  # fmt: skip


class Failed(Exception):
    """Stop with status 1 after printing these lines to stderr as they are."""

    def __init__(self, *lines: str) -> None:
        self.lines = list(lines)
        super().__init__(*lines)


@dataclass(slots=True)
class Settings:
    """The command line."""

    filter: dict[str, Any] = field(default_factory=dict)
    steps_of: dict[str, set[str]] = field(default_factory=dict)  # "12", "12_3" → step names asked for
    whole_jobs: set[str] = field(default_factory=set)
    format: str = ""
    header: bool = True
    parsable: bool = False
    ending: bool = False
    delimiter: str = "|"
    allocations: bool = False
    all_users: bool = False
    array: bool = False
    truncate: bool = False
    unit: int | None = None
    convert: bool = True
    expand: bool = False
    start: int | None = None
    end: int | None = None
    output: str = ""  # "", "script", "env", "completion"
    form: Form | None = None
    action: str = ""  # help, usage, version, helpformat …
    now: int = 0
    command: list[str] = field(default_factory=list)


def _given(argv: list[str]) -> list[tuple[str, str]]:
    """(key, value) of every option; words that are none are passed over.  Raises Failed."""
    from crane_compat.parsers.getopt_long import Table, UsageError, scan

    table: Table[Option] = Table.of(_options())
    found: list[tuple[str, str]] = []
    rest = argv
    try:
        while rest:
            options, rest = scan(table, rest)
            found += [(option.key, value or "") for option, value in options]
            rest = rest[1:]
    except UsageError as exc:
        raise Failed(f"sacct: {exc}") from None
    return found


def _commas(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def _range(text: str, what: str) -> list[int]:
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    if not match:
        raise Failed(f'sacct: error: Invalid numeric value "{text}" for requested {what} range.')
    return [int(match[1]), int(match[2] or match[1])]


def _users(text: str) -> list[int]:
    import pwd

    found = []
    for name in _commas(text):
        try:
            found.append(int(name) if name.isdigit() else pwd.getpwnam(name).pw_uid)
        except KeyError:
            raise Failed(f"sacct: error: Invalid user id: {name}") from None
    return found


def _groups(text: str) -> list[int]:
    import grp

    found = []
    for name in _commas(text):
        try:
            found.append(int(name) if name.isdigit() else grp.getgrnam(name).gr_gid)
        except KeyError:
            raise Failed(f"sacct: fatal: Invalid group id: {name}") from None
    return found


#: names -s takes beside the states': the flags stored as states
_STATE_WORDS = {
    "RQ": states.REQUEUED, "REQUEUED": states.REQUEUED, "RS": states.RESIZING, "RESIZING": states.RESIZING,
    "RV": states.REVOKED, "REVOKED": states.REVOKED, "CG": states.COMPLETING, "COMPLETING": states.COMPLETING,
    "CF": states.CONFIGURING, "CONFIGURING": states.CONFIGURING, "SE": states.SPECIAL_EXIT,
    "SPECIAL_EXIT": states.SPECIAL_EXIT,
}  # fmt: skip


def _states(text: str) -> list[int]:
    found = []
    for word in _commas(text):
        upper = word.upper()
        number = next((n for n, names in states.JOB_NAMES.items() if upper in names), _STATE_WORDS.get(upper))
        if number is None:
            raise Failed(f"sacct: fatal: unrecognized job state value '{word}'")
        found.append(number)
    return found


_JOB = re.compile(r"(\d+)(?:_(\d+)|\+(\d+))?(?:\.(\w+)(?:\+\d+)?)?$")


def _jobs(settings: Settings, text: str) -> None:
    wanted = settings.filter.setdefault("jobs", [])
    for part in re.split(r",(?![^\[]*\])", text):
        if not part:
            continue
        match = _JOB.match(part)
        if not match:
            if re.match(r"\d+_", part):
                raise Failed(f"sacct: fatal: Bad job array element specified: {part.split('_')[0]}")
            raise Failed(f"sacct: fatal: Bad job/step specified: {part}")
        job, task, het, step = match.groups()
        wanted.append([int(job), int(task) if task else None, int(het) if het else None])
        key = part.split(".")[0]
        if step:
            settings.steps_of.setdefault(key, set()).add(step)
        else:
            settings.whole_jobs.add(key)


def _time(text: str, now: int) -> int:
    try:
        return when.parse(text, now)
    except when.TimeError as exc:
        raise Failed(str(exc)) from None


def _unit(text: str) -> int:
    from .quantities import UNITS

    letter = text[:1].upper()
    if len(text) != 1 or letter not in "KMGTP":
        raise Failed(
            f"sacct: error: Invalid unit type '{text}'. Possible options are 'KMGTP'", "sacct: fatal: Invalid unit type"
        )
    return UNITS.index(letter)


Setter = Callable[[Settings, str], None]


def _document(kind: str) -> Setter:
    def set_form(settings: Settings, value: str) -> None:
        from crane_compat.commands.format.documents import obey

        settings.form = obey("sacct", [(kind, value)])

    return set_form


def _put(name: str, convert: Callable[[str], Any]) -> Setter:
    def set_filter(settings: Settings, value: str) -> None:
        settings.filter[name] = convert(value)

    return set_filter


def _attr(name: str, value: Any = True) -> Setter:
    return lambda settings, given: setattr(settings, name, value)


def _value(name: str) -> Setter:
    return lambda settings, given: setattr(settings, name, given)


def _parsable(ending: bool) -> Setter:
    def put(settings: Settings, given: str) -> None:
        settings.parsable, settings.ending = True, ending

    return put


def _whole(settings: Settings, given: str) -> None:
    settings.filter["whole_het"] = given != "no"


def _limit(index: int) -> Setter:
    def put(settings: Settings, given: str) -> None:
        if not given.isdigit():
            raise Failed(f"sacct: error: Invalid time limit specification: {given}")
        span = settings.filter.setdefault("limit_range", [0, 0])
        span[index] = int(given)

    return put


#: option → what it does to the settings
SETTERS: dict[str, Setter] = {
    "a": _attr("all_users"), "A": _put("accounts", _commas), "array": _attr("array"),
    "b": lambda s, v: setattr(s, "format", _formats().BRIEF), "B": _attr("output", "script"),
    "c": _attr("output", "completion"), "C": _put("constraints", _commas), "delimiter": _value("delimiter"),
    "D": _put("duplicates", lambda v: True), "e": _attr("action", "helpformat"),
    "E": lambda s, v: setattr(s, "end", _time(v, s.now)), "env-vars": _attr("output", "env"),
    "federation": lambda s, v: None, "expand-patterns": _attr("expand"), "f": lambda s, v: _file(v),
    "g": _put("groups", _groups), "h": _attr("action", "help"), "helpreason": _attr("action", "helpreason"),
    "helpstate": _attr("action", "helpstate"), "i": _put("node_range", lambda v: _range(v, "node")),
    "I": _put("cpu_range", lambda v: _range(v, "cpu")), "j": _jobs, "json": _document("json"),
    "k": _limit(0), "K": _limit(1), "local": lambda s, v: None,
    "l": lambda s, v: setattr(s, "format", _formats().LONG), "L": _put("clusters", lambda v: ["all"]),
    "M": _put("clusters", _commas), "n": _attr("header", False), "noconvert": _attr("convert", False),
    "N": _put("nodes", str), "name": _put("names", _commas), "o": lambda s, v: setattr(s, "format", s.format + "," + v),
    "p": _parsable(True), "P": _parsable(False), "q": _put("qos_names", _commas), "r": _put("partitions", _commas),
    "R": _put("reason_names", _commas), "s": _put("states", _states),
    "S": lambda s, v: setattr(s, "start", _time(v, s.now)), "T": _attr("truncate"),
    "u": _put("users", _users), "U": lambda s, v: None, "units": lambda s, v: setattr(s, "unit", _unit(v)),
    "usage": _attr("action", "usage"), "v": lambda s, v: None, "V": _attr("action", "version"),
    "W": _put("wckeys", _commas), "whole-hetjob": _whole,
    "x": _put("associations", lambda v: [int(p) for p in _commas(v) if p.isdigit()]),
    "X": _attr("allocations"), "yaml": _document("yaml"),
}  # fmt: skip


def _formats() -> Any:
    from . import sacct_fields

    return sacct_fields


def _file(path: str) -> None:
    if not os.path.isfile(path):
        raise Failed(f"{path} is not a valid file")


def read_options(argv: list[str], now: int) -> Settings:
    """The command line as settings; raises Failed."""
    # the documents name all words but the last
    settings = Settings(now=now, command=["sacct", *argv][:-1])
    for key, value in _given(argv):
        SETTERS[key](settings, value)
        if settings.action in ("help", "usage", "version", "helpformat"):
            return settings
    _defaults(settings)
    return settings


def _defaults(settings: Settings) -> None:
    """What is selected where the user does not say (sacct(1), DEFAULT TIME WINDOW)."""
    wanted, now = settings.filter, settings.now
    jobs = wanted.get("jobs")
    start, end = settings.start, settings.end
    if start is None:
        if wanted.get("states") and not jobs:
            start = end if end is not None else now
        elif jobs:
            start = 0
        else:
            day = time.localtime(now)
            start = int(time.mktime((day.tm_year, day.tm_mon, day.tm_mday, 0, 0, 0, 0, 0, -1)))
    if end is None and wanted.get("states") and not jobs:
        end = start  # states without an end are those at the start
    if end is None:
        # the second that is running counts: jobs that began in it are there
        end = now + 1 if not jobs or settings.start is not None else 0
    if end and start > end:
        raise Failed(f"sacct: error: Start time ({_stamp(start)}) requested is after end time ({_stamp(end)}).")
    wanted["start"], wanted["end"] = start, end
    if settings.output in ("script", "env") and not jobs:
        what = "scripts" if settings.output == "script" else "environment"
        raise Failed(
            f"sacct: fatal: When requesting job {what} you must also request specific jobs with the '-j' option."
        )
    span = wanted.get("limit_range")
    if span and not span[1]:
        span[1] = span[0]
    if not (settings.all_users or jobs or wanted.get("users") or os.getuid() == 0):
        wanted["users"] = [os.getuid()]


def _stamp(value: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(value))


# ---------------------------------------------------------------- output


def main(argv: list[str]) -> int:
    """Run sacct; the exit status."""
    try:
        settings = read_options(argv, int(time.time()))
        if settings.action:
            return _ACTIONS[settings.action]()
        return _run(settings)
    except Failed as exc:
        complain(exc.lines)
        return 1
    except RequestError as exc:
        complain([f"sacct: error: {exc.text}"])
        return 1
    except NoAnswer as exc:
        if exc.disabled:
            complain(["Slurm accounting storage is disabled"])
        else:
            last = exc.lines[-1].rpartition(": ")[2] if exc.lines else ""
            complain([*exc.lines, f"sacct: error: Problem talking to the database: {last}"])
        return 1


def _run(settings: Settings) -> int:
    if settings.output == "completion":
        raise Failed("Slurm job completion is disabled")
    fields = _fields(settings)
    request = dict(settings.filter)
    request["steps"] = not settings.allocations or settings.form is not None
    request["script"], request["env"] = settings.output == "script", settings.output == "env"
    if words := request.pop("reason_names", None):
        from crane_compat.accounting.codes import reason_number

        request["reasons"] = [reason_number(word) for word in words]
    reply = ask("sacct", "jobs", request)
    if bad := reply.get("bad_qos"):
        raise Failed(
            f"sacct: error: You gave a bad qos '{bad}'. Valid QOS's are {reply['valid_qos']}",
            "sacct: fatal: problem processing qos list",
        )
    if settings.output in ("script", "env"):
        return _texts(settings, reply)
    if settings.form:
        from . import sacct_document

        lines = list(lines_of(settings, reply))
        cluster = reply["clusters"][0]["cluster"] if reply["clusters"] else ""
        sacct_document.show(lines, settings.command, cluster, settings.form)
        return 0
    layout = Layout(settings.header, settings.parsable, settings.ending, settings.delimiter)
    columns = [(f.name, width) for f, width in fields]
    rows = ([f.get(line) for f, _ in fields] for line in lines_of(settings, reply))
    out = sys.stdout
    for text in layout.lines(columns, rows):
        out.write(text + "\n")
    return 0


def _fields(settings: Settings) -> list[tuple[Any, int]]:
    from .sacct_fields import DEFAULT, FIELDS, find_field

    text = settings.format.strip(",") or os.environ.get("SACCT_FORMAT", "") or DEFAULT
    chosen: list[tuple[Any, int]] = []
    for part in _commas(text):
        name, percent, width = part.partition("%")
        if name.lower() == "all":
            chosen += [(f, f.width) for f in FIELDS]
            continue
        found = find_field(name)
        if found is None:
            raise Failed(f'sacct: error: Invalid field requested: "{name}"')
        chosen.append((found, _number(width) if percent else found.width))
    return chosen


def _number(text: str) -> int:
    match = re.match(r"-?\d+", text)
    return int(match[0]) if match else 0


def lines_of(settings: Settings, reply: dict[str, Any]) -> Iterator[Any]:
    """The jobs of a reply and their steps, in order, as far as they were asked for."""
    from crane_compat.accounting.codes import JOB_FLAGS, REASONS

    from .sacct_fields import Line, View, array_tasks

    tres = {int(number): name for number, name in reply["tres"].items()}
    for cluster in reply["clusters"]:
        view = View(
            cluster["cluster"], tres, reply["now"], settings.unit, settings.convert, settings.expand, REASONS, JOB_FLAGS
        )
        names, step_names = cluster["columns"], cluster.get("step_columns", ())
        for index, row in enumerate(cluster["rows"]):
            job = dict(zip(names, row, strict=True))
            steps: list[Any] = [
                dict(zip(step_names, s, strict=True)) for s in cluster.get("steps", {}).get(str(index), ())
            ]
            if settings.truncate:
                for record in (job, *steps):
                    _truncate(record, reply["filter"]["start"], reply["filter"]["end"])
            chosen = _chosen_steps(settings, job)
            if chosen is None or not settings.steps_of:
                tasks = array_tasks(job["array_task_str"]) if settings.array and job["array_task_str"] else [None]
                for task in tasks:
                    yield Line(view, job, steps, None, task)
            if settings.allocations:
                continue
            for step in steps:
                if chosen is None or states.step_name(step["id_step"]) in chosen:
                    yield Line(view, job, steps, step)


def _chosen_steps(settings: Settings, job: dict[str, Any]) -> set[str] | None:
    """The steps named with -j for a job; None: all of it."""
    if not settings.steps_of:
        return None
    keys = {str(job["id_job"]), str(job["id_array_job"]), f"{job['id_array_job']}_{job['id_array_task']}"}
    keys |= {str(job["het_job_id"]), f"{job['het_job_id']}+{job['het_job_offset']}"} if job["het_job_id"] else set()
    if keys & settings.whole_jobs:
        return None
    return {step for key in keys for step in settings.steps_of.get(key, ())}


def _truncate(record: dict[str, Any], start: int, end: int) -> None:
    """-T: times outside the window are moved to its edges."""
    if record["time_start"] and record["time_start"] < start:
        record["time_start"] = start
    if end and (record["time_end"] > end or not record["time_end"]):
        record["time_end"] = end
    if record["time_start"] > end > 0:
        record["time_suspended"] = 0


def _texts(settings: Settings, reply: dict[str, Any]) -> int:
    column = settings.output
    title = {"script": "Batch Script for {}", "env": "Environment used for {} (must be batch to display)"}[column]
    for cluster in reply["clusters"]:
        names = cluster["columns"]
        for row in cluster["rows"]:
            job = dict(zip(names, row, strict=True))
            text = job.get(column) or "NONE\n"
            end = "" if text.endswith("\n") else "\n"
            sys.stdout.write(f"{title.format(job['id_job'])}\n{ERASE}\n{text}{end}")
    return 0


def _help_format() -> int:
    from .sacct_fields import FIELDS

    for index, item in enumerate(FIELDS):
        sys.stdout.write(f"{item.name:<20}" if (index + 1) % 4 else f"{item.name:<19}\n")
    if len(FIELDS) % 4:
        sys.stdout.write("\n")
    return 0


def _usage() -> int:
    print("Usage: sacct [options]\n\tUse --help for help")
    return 0


def _version() -> int:
    print(VERSION)
    return 0


def _help() -> int:
    print("sacct [<OPTION>]\n    Options (see sacct(1)):")
    values = {"required": "=VALUE", "optional": "[=VALUE]", "none": ""}
    shown: dict[str, list[str]] = {}
    for option in _options():
        shown.setdefault(option.key, []).append(f"--{option.name}{values[option.takes]}")
    for key, forms in shown.items():
        print("     " + ", ".join(([f"-{key}"] if len(key) == 1 else []) + forms))
    return 0


def _help_states() -> int:
    names = [name for name, _ in states.JOB_NAMES.values()] + ["REQUEUED", "RESIZING", "REVOKED"]
    print("\n".join(names))
    return 0


def _help_reasons() -> int:
    from crane_compat.accounting.codes import REASONS

    print("\n".join(dict.fromkeys(REASONS.values())))
    return 0


_ACTIONS: dict[str, Callable[[], int]] = {
    "help": _help, "usage": _usage, "version": _version, "helpformat": _help_format, "helpstate": _help_states,
    "helpreason": _help_reasons,
}  # fmt: skip
