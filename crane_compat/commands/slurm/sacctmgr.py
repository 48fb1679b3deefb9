"""sacctmgr: show and change users, accounts, associations, QOS and clusters.

Source: sacctmgr(1) and the recordings.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from crane_compat.core.errors import RequestError

from . import when
from .daemon_call import NoAnswer, ask, complain
from .record_table import Layout
from .sacctmgr_words import ALLOWED, COMMANDS, ENTITIES, FLAGS, GRAMMARS, VALID, match

if TYPE_CHECKING:
    from crane_compat.commands.format.documents import Form

VERSION = "slurm 25.11.7"
PROMPT_SECONDS = 30
NO_PLUGIN = [
    "You are not running a supported accounting_storage plugin",
    "Only 'accounting_storage/slurmdbd' is supported.",
]


@dataclass(frozen=True, slots=True)
class Option:
    name: str
    short: str
    takes: str = "none"


OPTIONS = tuple(
    Option(name.rstrip("?"), short, "optional" if name.endswith("?") else "none")
    for name, short in (
        ("help", "h"), ("usage", ""), ("immediate", "i"), ("noheader", "n"), ("oneliner", "o"), ("parsable", "p"),
        ("parsable2", "P"), ("quiet", "Q"), ("readonly", "r"), ("associations", "s"), ("verbose", "v"),
        ("version", "V"), ("json?", ""), ("yaml?", ""), ("autocomplete?", ""),
    )
)  # fmt: skip


class Failed(Exception):
    """Stop this command with status 1; `out` and `err` are printed as they are."""

    def __init__(self, *err: str, out: list[str] | None = None) -> None:
        self.err, self.out = list(err), out or []
        super().__init__(*err)


@dataclass(slots=True)
class Session:
    """The options, and what interactive use remembers."""

    given: set[str] = field(default_factory=set)
    form: Form | None = None  # of documents
    rc: int = 0
    ended: bool = False

    @property
    def immediate(self) -> bool:
        return "immediate" in self.given


@dataclass(slots=True)
class Sentence:
    """A command's words, read by the entity's grammar."""

    where: dict[str, list[str]] = field(default_factory=dict)
    settings: list[tuple[str, str, str]] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    format: str = ""


# ---------------------------------------------------------------- reading

_PAIR = re.compile(r"([A-Za-z_]+)([+-]?=)(.*)", re.DOTALL)


def _values(text: str) -> list[str]:
    """A comma list; quotes keep commas and case."""
    text = text.strip("\"'")
    return [part.strip() for part in text.split(",") if part.strip()]


def read_show(entity: str, words: list[str]) -> Sentence:
    """Conditions, flags and format of a listing.  Raises Failed."""
    sentence = Sentence()
    grammar = GRAMMARS[entity]
    for word in words:
        pair = _PAIR.match(word)
        if pair is None:
            _bare(sentence, entity, word)
            continue
        key, _, value = pair.groups()
        if len(key) >= 1 and "format".startswith(key.lower()):
            sentence.format += "," + value
            continue
        name = match(grammar.where, key)
        if name is None:
            raise Failed(f" Unknown condition: {word}", " Use keyword 'set' to modify value")
        if name in ("start", "end"):
            sentence.where[name] = [str(_moment(value))]
        else:
            sentence.where.setdefault(name, []).extend(_values(value))
    return sentence


def _moment(text: str) -> int:
    try:
        return when.parse(text, time.time())
    except when.TimeError as exc:
        raise Failed(str(exc)) from None


def _bare(sentence: Sentence, entity: str, word: str) -> None:
    if word.lower() in ("where", "set", "all_clusters"):
        return
    flag = match(FLAGS, word)
    if flag:
        sentence.flags.add(flag)
    elif entity == "event":
        kinds = ("cluster", "node")
        if not any(kind.startswith(word.lower()) for kind in kinds):
            raise Failed(f" Unknown event type: '{word}'  Valid events are Cluster and Node.")
        sentence.where.setdefault("event", []).append(next(k for k in kinds if k.startswith(word.lower())))
    elif entity == "association":
        sentence.where.setdefault("id", []).extend(_values(word))
    else:
        sentence.where.setdefault("names", []).extend(_values(word))


def read_change(action: str, entity: str, words: list[str]) -> Sentence:
    """The names, conditions and settings of a change.  Raises Failed."""
    sentence = Sentence()
    grammar = GRAMMARS[entity]
    mode = "where" if action != "add" else "both"
    for word in words:
        lower = word.lower()
        if lower in ("where", "set") and action == "modify":
            mode = lower
            continue
        if lower == "where":
            continue
        pair = _PAIR.match(word)
        if pair is None:
            if mode == "set":
                _unknown(action, word)
            sentence.where.setdefault("names", []).extend(_values(word))
            continue
        key, op, value = pair.groups()
        if mode in ("set", "both") and _read_setting(sentence, grammar, key, op, value):
            continue
        name = match(grammar.where, key) if mode in ("where", "both") else None
        if name is not None:
            sentence.where.setdefault(name, []).extend(_values(value))
        elif mode == "where":
            raise Failed(f" Unknown condition: {word}", " Use keyword 'set' to modify value")
        else:
            _unknown(action, word)
    return sentence


def _read_setting(sentence: Sentence, grammar: Any, key: str, op: str, value: str) -> bool:
    from crane_compat.accounting import limits

    value = value.strip("\"'") if value[:1] in "\"'" else value
    if key.lower() in grammar.where and key.lower() not in grammar.set and grammar.where[key.lower()][0] != "parent":
        return False  # a full name of a condition is no short form of a setting
    setting = limits.find(grammar.settings, key)
    name = match(grammar.set, key)
    if name is not None and (setting is None or key.lower() == name or len(key) > 2):
        sentence.settings.append((name, op, value))
        return True
    if setting is not None:
        sentence.settings.append((setting.names[0], op, value))
        return True
    return False


def _unknown(action: str, word: str) -> None:
    lines = [f" Unknown option: {word}", " Use keyword 'where' to modify condition"]
    if action == "add":
        raise Failed(out=lines)
    raise Failed(*lines)


# ---------------------------------------------------------------- commands


def show(session: Session, words: list[str]) -> None:
    entity = match(ENTITIES, words[0]) if words else None
    if entity is None or entity not in (*GRAMMARS, "configuration", "stats") or entity in ("coordinator", "job"):
        raise Failed(VALID["show"])
    if entity in _SPECIAL:
        _SPECIAL[entity](session, words[1:])
        return
    from .sacctmgr_fields import DEFAULTS, Names, find_field

    sentence = read_show(entity, words[1:])
    flags = sentence.flags | ({"withassoc"} if "associations" in session.given else set())
    if {"users", "parent"} & set(sentence.where) and entity in ("user", "account"):
        flags.add("withassoc")
    layout_key = next((f"{entity} {flag}" for flag in flags if f"{entity} {flag}" in DEFAULTS), entity)
    wanted = [part for part in sentence.format.split(",") if part]
    if not wanted:
        wanted = DEFAULTS[layout_key].split(",")
        if "withcoord" in flags:
            wanted.append("coordinators")
        if "withrawqos" in flags:
            wanted.append("qosraw")
    columns = []
    tree = "tree" in flags
    for word in wanted:
        name, percent, width = word.partition("%")
        found = find_field(entity, name)
        if found is None:
            raise Failed(f" Unknown field '{name}'".lstrip())
        size = int(width) if percent and width.lstrip("-").isdigit() else found.width
        if tree and found.title == "Account" and not percent:
            size = -20
        columns.append((found, size))
    reply = ask("sacctmgr", "show", {"entity": entity, "where": sentence.where, "flags": sorted(flags)})
    if session.form:
        from . import sacctmgr_document

        if sacctmgr_document.show(entity, reply, session.form):
            return
    names = Names(_numbered(reply["tres"]), _numbered(reply["qos"]), tree)
    _print(session, columns, ([f.get(row, names) for f, _ in columns] for row in reply["rows"]))


def _numbered(table: dict[str, str]) -> dict[int, str]:
    return {int(number): name for number, name in table.items()}


def _print(session: Session, columns: list[tuple[Any, int]], rows: Any) -> None:
    given = session.given
    layout = Layout("noheader" not in given, bool(given & {"parsable", "parsable2"}), "parsable" in given)
    titles = [(found.title, width) for found, width in columns]
    for line in layout.lines(titles, rows):
        sys.stdout.write(line + "\n")


def _show_runaway(session: Session, words: list[str]) -> None:
    """Jobs that accounting thinks alive and the controller does not know."""
    from .sacctmgr_fields import DEFAULTS, Names, find_field

    sentence = read_show("runaway", words)
    reply = ask("sacctmgr", "show", {"entity": "runaway", "where": sentence.where, "flags": []})
    alive = _live_jobs()
    rows = [row for row in reply["rows"] if row["id_job"] not in alive]
    if not rows:
        print(f"Runaway Jobs: No runaway jobs found on cluster {reply['cluster']}")
        return
    print(
        "NOTE: Runaway jobs are jobs that don't exist in the controller but have a start time and no end time in "
        "the database"
    )
    columns = []
    for word in [part for part in sentence.format.split(",") if part] or DEFAULTS["runaway"].split(","):
        found = find_field("runaway", word.partition("%")[0])
        if found is None:
            raise Failed(f"Unknown field '{word}'")
        columns.append((found, found.width))
    names = Names({}, {})
    _print(session, columns, ([f.get(row, names) for f, _ in columns] for row in rows))
    print("\nWould you like to fix these runaway jobs?")
    print(
        "(This will set the end time for each job to the latest out of the start, eligible, or submit times, and "
        "set the state to completed.\nOnce corrected, this will trigger the rollup to reroll usage from before the "
        "earliest submit time of all the runaway jobs.)\n"
    )
    if _confirmed(session, "Would you like to commit changes?"):
        ask("sacctmgr", "fix_runaway", {"jobs": [row["job_db_inx"] for row in rows], "cluster": reply["cluster"]})


def _live_jobs() -> set[int]:
    from crane_compat import paths
    from crane_compat.daemon.rpc.client import Client, Unreachable
    from crane_compat.wire import pb

    try:
        with Client.controller(paths.conf_path(), "sacctmgr") as client:
            reply = client.call(pb.Request(list_jobs=pb.ListJobs(all=True, active_only=True)))
    except Unreachable as exc:
        raise Failed(f"sacctmgr: error: Slurmctld is not running, runaway jobs can not be found: {exc}") from None
    return {job.job_id for job in reply.jobs.jobs}


def _show_configuration(session: Session, words: list[str]) -> None:
    from . import sacctmgr_config

    for line in sacctmgr_config.lines(ask("sacctmgr", "config", {})):
        print(line)


def _show_stats(session: Session, words: list[str]) -> None:
    from . import sacctmgr_config

    for line in sacctmgr_config.statistics(ask("sacctmgr", "statistics", {})):
        print(line)


_SPECIAL: dict[str, Callable[[Session, list[str]], None]] = {
    "runaway": _show_runaway,
    "configuration": _show_configuration,
    "stats": _show_stats,
}


def change(action: str) -> Callable[[Session, list[str]], None]:
    def run(session: Session, words: list[str]) -> None:
        entity = match(ENTITIES, words[0]) if words else None
        if entity is None or entity not in ALLOWED[action]:
            raise Failed(VALID[action])
        if "readonly" in session.given:
            raise Failed("Can't run this command in readonly mode.")
        sentence = read_change(action, entity, words[1:])
        if action == "modify" and not sentence.settings:
            raise Failed(" You didn't give me anything to set")
        if action == "add" and not sentence.where.get("names"):
            raise Failed(f" Need name of {entity} to add.")
        _do(session, action, entity, sentence)

    return run


def _do(session: Session, action: str, entity: str, sentence: Sentence) -> None:
    from .sacctmgr_reports import REPORTS

    args: dict[str, Any] = {"action": action, "entity": entity, "where": sentence.where, "set": sentence.settings}
    outcome = ask("sacctmgr", "change", args | {"dry": not session.immediate})
    complain(outcome.get("warnings", []))
    error = outcome.get("error")
    if error == "bad_value":
        _bad_value(action, outcome)
    if error == "bad_cluster":
        raise Failed(f" The cluster '{outcome['name']}' doesn't exist. Please add first.")
    report = REPORTS[action, entity](outcome)
    quiet = "quiet" in session.given and report.done
    for line in [] if quiet else report.out:
        print(line)
    complain(report.err)
    if not report.done:
        session.rc = report.rc
        return
    if not session.immediate:
        if not _confirmed(session):
            print(" Changes Discarded")
            return
        outcome = ask("sacctmgr", "change", args)
        if outcome.get("error") or not outcome.get("changed"):
            report = REPORTS[action, entity](outcome)
            complain(report.err)
            session.rc = report.rc


def _bad_value(action: str, outcome: dict[str, Any]) -> None:
    text = outcome["text"].split("\n")
    if not text[0].startswith("sacctmgr: error:"):
        raise Failed(out=text)
    if outcome.get("option"):
        text += [f" Unknown option: {outcome['option']}", " Use keyword 'where' to modify condition"]
    raise Failed(*text)


def _confirmed(session: Session, question: str = "Would you like to commit changes?") -> bool:
    """Ask; no answer within 30 seconds is a no."""
    import select

    if session.immediate:
        return True
    print(f"{question} (You have {PROMPT_SECONDS} seconds to decide)\n(N/y): ", end="")
    sys.stdout.flush()
    try:
        ready, _, _ = select.select([sys.stdin], [], [], PROMPT_SECONDS)
        answer = sys.stdin.readline() if ready else None
    except (OSError, ValueError):
        answer = ""
    print()
    if answer is None:
        print("timeout")
        return False
    if not answer:
        print("error: Inappropriate ioctl for device")
        return False
    return answer[:1] in "yY"


def ping(session: Session, words: list[str]) -> None:
    from crane_compat import paths
    from crane_compat.parsers import slurm_conf

    try:
        host = slurm_conf.load(paths.conf_path(), strict=False).get("AccountingStorageHost") or "localhost"
    except (OSError, slurm_conf.ConfError) as exc:
        raise Failed(f"sacctmgr: error: {exc}") from None
    try:
        ask("sacctmgr", "ping", {})
        state = "UP"
    except NoAnswer:
        state, session.rc = "DOWN", 1
    print(f"slurmdbd(primary) at {host} is {state}")


def version(session: Session, words: list[str]) -> None:
    print(VERSION)


def leave(session: Session, words: list[str]) -> None:
    session.ended = True


def usage(session: Session, words: list[str]) -> None:
    print("sacctmgr [<OPTION>] [<COMMAND>]\n    Options:")
    for option in OPTIONS:
        print(f"     {'-' + option.short + ' or ' if option.short else ''}--{option.name}")
    print("    Commands:")
    for command in sorted({name for name, _ in COMMANDS.values()}):
        print(f"     {command}")
    print("    Entities (with what where= and set= take):")
    for entity, grammar in GRAMMARS.items():
        print(f"     {entity}: where {', '.join(sorted(grammar.where))}")
        names = [*grammar.set, *(setting.names[0] for setting in grammar.settings)]
        if names:
            print(f"       set {', '.join(names)}")


def dump(session: Session, words: list[str]) -> None:
    from . import sacctmgr_file

    session.rc = sacctmgr_file.dump(words) or session.rc


_RUN: dict[str, Callable[[Session, list[str]], None]] = {
    "show": show, "add": change("add"), "modify": change("modify"), "delete": change("delete"), "ping": ping,
    "version": version, "quit": leave, "help": usage, "dump": dump,
}  # fmt: skip


def run(session: Session, words: list[str]) -> None:
    """One command; its failures are printed and kept in the session's status."""
    if not words:
        return
    try:
        command = match(COMMANDS, words[0])
        if command is None or command not in _RUN:
            raise Failed(f"invalid keyword: {words[0]}")
        _RUN[command](session, words[1:])
    except Failed as exc:
        for line in exc.out:
            print(line)
        complain(exc.err)
        session.rc = 1
    except RequestError as exc:
        complain([f"sacctmgr: error: {exc.text}"])
        session.rc = 1
    except NoAnswer as exc:
        complain(NO_PLUGIN if exc.disabled else exc.lines)
        session.rc = 1
        session.ended = True


def main(argv: list[str]) -> int:
    """Run sacctmgr; the exit status."""
    from crane_compat.parsers.getopt_long import Table, UsageError, scan

    table: Table[Option] = Table.of(OPTIONS)
    session = Session()
    words: list[str] = []
    documents: list[tuple[str, str]] = []
    rest = argv
    try:
        while rest:
            found, rest = scan(table, rest)
            session.given |= {option.name for option, _ in found}
            documents += [(option.name, value or "") for option, value in found if option.name in ("json", "yaml")]
            words += rest[:1]
            rest = rest[1:]
    except UsageError as exc:
        complain([f"sacctmgr: {exc}", 'Try "sacctmgr --help" for more information'])
        return 1
    if session.given & {"help", "usage"}:
        usage(session, [])
        return 0
    if "version" in session.given:
        version(session, [])
        return 0
    if documents:
        from crane_compat.commands.format.documents import obey

        session.form = obey("sacctmgr", documents)
    if words:
        run(session, words)
        return session.rc
    return _interactive(session)


def _interactive(session: Session) -> int:
    terminal = os.isatty(0)
    while not session.ended:
        sys.stdout.write("sacctmgr: ")
        sys.stdout.flush()
        line = sys.stdin.readline()
        if not line:
            sys.stdout.write("\n")
            break
        if not terminal:
            sys.stdout.write(line if line.endswith("\n") else line + "\n")
        try:
            words = shlex.split(line)
        except ValueError:
            words = line.split()
        run(session, words)
    return session.rc
