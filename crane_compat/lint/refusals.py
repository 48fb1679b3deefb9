"""What sbatch refuses, all of it, each with its place.

sbatch stops at the first thing it cannot take.  Here that is noted and blanked, and
sbatch's reader asked again, until it is content: the verdict is its own.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import NamedTuple

from crane_compat.lint.findings import Subject, Use, at, quoted
from crane_compat.parsers import getopt_long, options
from crane_compat.parsers.directive_words import Word
from crane_compat.parsers.directives import Directives, problems, read_directives
from crane_compat.parsers.option_table import Option
from crane_compat.parsers.option_values import EndProgram, OptionError

#: so many errors of one script are listed
MOST_ERRORS = 50

Reading = getopt_long.Reading[Option]


class Content(NamedTuple):
    """What is left of a script when everything that is refused is blanked."""

    directives: Directives
    readings: list[Reading]  # of each component's words
    submission: options.Submission | None  # None: not to be had


def reading(words: Sequence[Word]) -> Reading:
    """sbatch's options in these words."""
    return getopt_long.read(options.table_of("sbatch"), [word.text for word in words])


def check_file(subject: Subject) -> None:
    """What is wrong with the file as a whole."""
    sbatch = subject.report.command == "sbatch"
    for problem in problems(subject.script):
        says = " ".join(problem.lines)
        text, hint = _FILE[problem.kind]
        if problem.kind == "no-interpreter" and subject.script.startswith(b"\xef\xbb\xbf#!"):
            text, hint = "the file begins with a byte order mark, not with #!", "save it without (UTF-8, no BOM)"
        place = at(problem.line, problem.column)
        subject.add("error" if sbatch else "warning", problem.kind, place, text, hint, says=says if sbatch else "")


_FILE = {
    "empty": ("there is nothing in it", "write a script, beginning with #!/bin/bash"),
    "no-interpreter": ("the first line names no interpreter", "make it #!/bin/bash"),
    "nul": ("there is a NUL character in it", "is this a text file?"),
    "dos-line-ends": ("the lines end as in Windows files (CR LF)", "dos2unix FILE, or sed -i 's/\\r$//' FILE"),
}


def content(subject: Subject) -> Content:
    """Note what is refused; what is left then."""
    lines = list(subject.lines)
    name = subject.file.rpartition("/")[2]
    for number in range(MOST_ERRORS + 1):
        script = "\n".join(lines).encode("utf-8", "surrogateescape")
        directives = Directives()
        try:
            directives = read_directives("sbatch", script, name)
            submission = options.parse("sbatch", [], {}, script, name)
        except (OptionError, EndProgram) as exc:
            if number == MOST_ERRORS:
                subject.add("error", "more-errors", at(1), f"there are more than {MOST_ERRORS} errors")
                break
            blamed = _blame(subject, lines, directives, exc)
            if not _blank(lines, blamed):
                break
        else:
            return Content(directives, [reading(words) for words in directives.words], submission)
    return Content(directives, [reading(words) for words in directives.words], None)


def _blank(lines: list[str], words: Sequence[Word]) -> bool:
    """Put blanks where these words are; is anything different now?"""
    changed = False
    for word in words:
        line = lines[word.line - 1]
        begin, end = word.column - 1, word.end - 1
        changed |= bool(line[begin:end].strip())
        lines[word.line - 1] = line[:begin] + " " * (end - begin) + line[end:]
    return changed


# ---------------------------------------------------------------- who is at fault


def _blame(subject: Subject, lines: list[str], directives: Directives, exc: OptionError | EndProgram) -> list[Word]:
    """Note an error at its place; the words without which it would not be."""
    if isinstance(exc, OptionError) and exc.line:
        return _unmatched(subject, lines, exc)
    if exc.origin and exc.origin.number >= 0:
        foreign = exc.origin.source == "other scheduler"
        words = directives.other.words if foreign else directives.words[exc.origin.component]
        taken = reading(words).taken
        if exc.origin.source in ("other scheduler", "script") and exc.origin.number < len(taken):
            return _value(subject, words, taken[exc.origin.number], exc, directives.other.dialect if foreign else "")
    if isinstance(exc, OptionError):
        for component, words in enumerate(directives.words):
            read = reading(words)
            if read.error:
                return _usage(subject, words, read, exc, component)
            if read.end < len(words):
                return _stray(subject, words, read.end, exc)
        return _conflict(subject, directives, exc)
    subject.add("error", "ends-sbatch", at(1), "sbatch prints something and submits nothing")
    return []


def _unmatched(subject: Subject, lines: list[str], exc: OptionError) -> list[Word]:
    line = lines[exc.line - 1]
    match = re.search(r"Unmatched `(.)` in \[(.*)\]$", exc.lines[0], re.DOTALL)
    column = line.find(match[1], len(line) - len(match[2])) + 1 if match else 1
    hint = "close it, or write \\ before it"
    subject.add(
        "error", "unmatched-quote", at(exc.line, max(1, column)), "this quote has no end", hint, says=_said(exc)
    )
    prefix = re.match(r"#[A-Z]+", line)
    begin = prefix.end() if prefix else 0
    return [Word("", exc.line, begin + 1, len(line) + 1)]


def _value(
    subject: Subject,
    words: Sequence[Word],
    taken: getopt_long.Taken[Option],
    exc: OptionError | EndProgram,
    dialect: str,
) -> list[Word]:
    option, value = taken.option, taken.value
    place = words[taken.begin]
    blamed = list(words[taken.begin : taken.end])
    name = f"--{option.name}"
    if isinstance(exc, EndProgram):
        text = f"{name} makes sbatch print something and end: no job is submitted"
        subject.add("error", "ends-sbatch", place, text, "leave it out", option=name)
        code = "ends-sbatch"
    elif "mutually exclusive" in exc.lines[0]:
        code = "conflict"
        subject.add("error", code, place, f"{name} does not go with an option before it", "keep one", option=name,
                    says=_said(exc))  # fmt: skip
    else:
        code = "bad-value"
        where = f"{name}, which this {dialect} option means," if dialect else name
        text = f"{where} does not take {quoted(value or '')}" if value is not None else f"{where} is not permitted"
        subject.add("error", code, place, text, _hint(option, value or "", place.text), option=name, says=_said(exc))
    subject.report.uses.append(Use(place.line, place.column, dialect or "#SBATCH", name, value, "refused", option.help))
    return blamed


def _usage(subject: Subject, words: Sequence[Word], read: Reading, exc: OptionError, component: int) -> list[Word]:
    """A word that is no option, or one without its value."""
    word = words[read.end]
    name = word.text.partition("=")[0]
    message = str(read.error)
    blamed = [word]
    if "ambiguous" in message:
        names = re.findall(r"'(--[^']+)'", message.partition("possibilities:")[2])
        text = f"{quoted(name)} may be {', '.join(names[:-1])} or {names[-1]}"
        code, hint = "ambiguous-option", "write the name in full"
    elif "requires an argument" in message:
        text, code, hint = f"{quoted(name)} has no value", "missing-value", "give it one, or leave the option out"
    elif "doesn't allow" in message:
        text, code, hint = f"{quoted(name)} takes no value", "unwanted-value", f"write {name} alone"
    else:
        shown = message.rpartition("'")[0].rpartition("'")[2] if message.startswith("invalid option") else name
        text = f"sbatch has no option {quoted(shown if shown.startswith('--') else '-' + shown.lstrip('-'))}"
        code, hint = "unknown-option", _meant(word.text)
        if "=" not in word.text:  # its value, where it has one
            blamed += _bare(words, read.end + 1)
    subject.add("error", code, word, text, hint, option=name, says=_said(exc))
    status = "refused"
    subject.report.uses.append(Use(word.line, word.column, "#SBATCH", name, None, status, "nothing", component))
    return blamed


def _bare(words: Sequence[Word], begin: int) -> list[Word]:
    """The words from here that are no options, on the line of the one before."""
    end = begin
    while end < len(words) and words[end].line == words[begin - 1].line and not words[end].text.startswith("-"):
        end += 1
    return list(words[begin:end])


def _stray(subject: Subject, words: Sequence[Word], position: int, exc: OptionError) -> list[Word]:
    word = words[position]
    blamed = [word, *_bare(words, position + 1)]
    if position and words[position - 1].text == "--":
        blamed.insert(0, words[position - 1])
    before = words[position - 1] if position else None
    together = before is not None and before.line == word.line
    if word.text[:1] in ("–", "—", "−"):
        hint = "this dash is a typographic one: write -"
    elif not together and word.column <= len("#SBATCH") + 1:
        hint = "a blank belongs behind #SBATCH, and two hyphens before a name"
    elif before is not None and together and "=" in before.text and before.text.endswith("="):
        hint = "no blank behind ="
    elif before is not None and together and before.text.startswith("-"):
        name = before.text.partition("=")[0]
        hint = (
            f'a value with blanks needs quotes: {name}="… {word.text}"' if "=" in before.text else "use = for a value"
        )
    elif together:
        hint = "a value with blanks needs quotes; a comment needs a #"
    else:
        hint = "an option begins with two hyphens; a comment needs a #"
    text = f"{quoted(word.text)} belongs to no option, and nothing behind it would be read"
    subject.add("error", "stray-word", word, text, hint, says=_said(exc))
    return blamed


def _conflict(subject: Subject, directives: Directives, exc: OptionError) -> list[Word]:
    """Options that exclude or need one another: at the last that the message names."""
    named = set(re.findall(r"--([a-z][a-z-]+)", exc.lines[0]))
    for fragment, name in (("mem_per_tres", "mem-per-gpu"), ("ntasks-per-tres", "ntasks-per-gpu")):
        if fragment in exc.lines[0]:
            named.add(name)
    places = [
        (words[taken.begin], taken.option.name, words[taken.begin : taken.end])
        for words in (*directives.words, directives.other.words)
        for taken in reading(words).taken
        if taken.option.name in named
    ]
    said = _said(exc)
    if not places:
        subject.add("error", "conflict", at(1), "the options do not go together", says=said)
        return []
    place, name, blamed = max(places, key=lambda found: (found[0].line, found[0].column))
    text = f"--{name} does not go with the other options, or lacks one"
    subject.add("error", "conflict", place, text, "see what sbatch says", option=f"--{name}", says=said)
    return list(blamed)


def _said(exc: OptionError) -> str:
    """sbatch's lines without its name."""
    lines = [re.sub(r"^sbatch: (?:error: |fatal: )?", "", line) for line in exc.lines if not line.startswith("Try ")]
    return " ".join(line.strip() for line in lines)


# ---------------------------------------------------------------- what to write instead

_COUNT = "a whole number"
_SIZE = "a whole number, with K, M, G or T: 4096M, 4G"
_TIME = "minutes, hours:minutes:seconds or days-hours[:minutes]: 90, 1:30:00, 1-12"
_WHEN = "HH:MM, now+1hour or 2026-12-31T08:00"
_DEVICES = "a number, or type:number: 2, a100:2"

_HINTS = {
    "acctg-freq": "seconds, or task=seconds",
    "begin": _WHEN,
    "deadline": _WHEN,
    "delay-boot": "minutes",
    "distribution": "block, cyclic, plane=n or arbitrary, as in block:cyclic",
    "exclusive": "nothing, user, mcs or topo",
    "export-file": "a file that can be read when the job is submitted",
    "extra-node-info": "sockets[:cores[:threads]]",
    "gid": "only root may",
    "gpu-bind": "closest, none, single:n, per_task:n or map_gpu:list",
    "gpus": _DEVICES,
    "gpus-per-node": _DEVICES,
    "gpus-per-socket": _DEVICES,
    "gpus-per-task": _DEVICES,
    "gres": "name:number or name:type:number: gpu:2, gpu:a100:2",
    "hint": "compute_bound, memory_bound, multithread or nomultithread",
    "kill-on-invalid-dep": "yes or no",
    "mail-type": "NONE, BEGIN, END, FAIL, REQUEUE, ALL, TIME_LIMIT, TIME_LIMIT_80, ARRAY_TASKS …",
    "mem-bind": "none, local, rank, map_mem:list …",
    "nodefile": "a file that can be read when the job is submitted",
    "nodelist": "host names, or a file that can be read when the job is submitted",
    "nodes": "a number or a range: 4, 2-8",
    "open-mode": "append or truncate",
    "profile": "all, none, energy, task, lustre or network",
    "propagate": "ALL, NONE or limits: MEMLOCK,STACK",
    "signal": "[B:]signal[@seconds]: B:USR1@120",
    "switches": "number[@time]",
    "time": _TIME,
    "time-min": _TIME,
    "tmp": _SIZE,
    "uid": "only root may",
    "wait-all-nodes": "0 or 1",
} | dict.fromkeys(("mem", "mem-per-cpu", "mem-per-gpu"), _SIZE)


def _hint(option: Option, value: str, word: str) -> str:
    """How a refused value might be written."""
    typed = word[1:].partition("=")[0] if word.startswith("-") and not word.startswith("--") else ""
    if len(typed) > 1 and typed in options.table_of("sbatch").long:
        return f"two hyphens: --{typed}"
    if value.startswith("=") and option.short:
        return f"no = behind a short option: -{option.short} {value[1:]} or --{option.name}{value}"
    if "$" in value or "`" in value:
        return f"variables are not filled in: give the value, or sbatch --{option.name}=… on the command line"
    if any(mark in value for mark in ("{{", "<", "!TBG")):
        return "a place of a template that has not been filled in"
    if option.name in ("time", "time-min") and re.fullmatch(r"\d+(?:\.\d+)?\s*[a-z]+", value, re.IGNORECASE):
        return f"no units: {_TIME}"
    if _HINTS.get(option.name) == _SIZE and "." in value:
        return "no fractions: 1536M for 1.5G"
    return _HINTS.get(option.name, _COUNT if option.value in ("n", "s") else "")


#: what options of other releases, plug-ins and programs are called here
_INSTEAD = {
    "checkpoint": "dropped by Slurm: the program itself must write checkpoints",
    "checkpoint-dir": "dropped by Slurm: the program itself must write checkpoints",
    "cores": "--cores-per-socket, or --cpus-per-task",
    "cpu-bind": "an option of srun",
    "cpu_bind": "an option of srun",
    "gpu": "--gpus, or --gres=gpu:n",
    "image": "an option of a container plug-in (Shifter), which is not there",
    "jobid": "dropped by Slurm: an option of srun",
    "label": "an option of srun",
    "mem-per-task": "--mem-per-cpu, with --cpus-per-task",
    "memory": "--mem",
    "mpi": "an option of srun",
    "name": "--job-name",
    "power": "dropped by Slurm",
    "pty": "an option of srun",
    "queue": "--partition",
    "runtime": "--time",
    "walltime": "--time",
    "x11": "an option of srun and salloc",
}


def _meant(word: str) -> str:
    """What a word that is no option may have been meant as."""
    name = word.lstrip("-").partition("=")[0]
    if not word.startswith("--"):
        return f"two hyphens: --{name}" if name in options.table_of("sbatch").long else "see sbatch --help"
    if name in _INSTEAD:
        return _INSTEAD[name]
    if name.startswith("container-"):
        return "an option of a container plug-in (Pyxis), which is not there"
    known = options.table_of("sbatch").long
    if "_" in name and name.replace("_", "-") in known:
        return f"--{name.replace('_', '-')}, with a hyphen"
    close = difflib.get_close_matches(name[:40], known, 1, 0.75)
    return f"did you mean --{close[0]}?" if close else "see sbatch --help"
