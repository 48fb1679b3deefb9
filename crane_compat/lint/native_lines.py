"""#CBATCH lines: read by the rules of cbatch, which sbatch does not look at."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from crane_compat.lint.findings import Severity, Subject, Use, at, quoted
from crane_compat.lint.refusals import MOST_ERRORS
from crane_compat.parsers import getopt_long, options
from crane_compat.parsers.directive_words import Word
from crane_compat.parsers.directives import read_native
from crane_compat.parsers.native_options import NativeOption, native_table
from crane_compat.parsers.option_table import OPTIONS
from crane_compat.parsers.option_values import EndProgram, OptionError

_HELP = {option.name: option.help for option in OPTIONS if "sbatch" in option.commands}

#: of these the second is wanted with the first
_TOGETHER = (("mail-type", "mail-user"), ("mail-user", "mail-type"))
#: these exclude one another
_APART = (("mem", "mem-per-cpu"), ("array", "repeat"), ("requeue", "no-requeue"))


def check_native(subject: Subject) -> None:
    """Record the options of #CBATCH lines; an error where the script is for cbatch, else a warning."""
    severity: Severity = "error" if subject.report.command == "cbatch" else "warning"
    try:
        words = read_native(subject.script, "cbatch", subject.file.rpartition("/")[2])
    except OptionError as exc:
        subject.add(severity, "unmatched-quote", at(exc.line), "a quote has no end", "close it, or write \\ before it")
        return
    if not words:
        return
    if subject.report.command == "cbatch":
        text = "a script for cbatch: sbatch would see no options in it"
    else:
        text = "#CBATCH lines are read by cbatch; sbatch does not look at them"
    subject.add("note", "native-header", words[0], text)
    found = _options(subject, severity, words)
    _combinations(subject, severity, found)


def _options(subject: Subject, severity: Severity, words: Sequence[Word]) -> dict[str, Word]:
    """The options by name; a word that is none is noted and passed over."""
    found: dict[str, Word] = {}
    begin = 0
    for _ in range(MOST_ERRORS):
        rest = words[begin:]
        read = getopt_long.read(native_table(), [word.text for word in rest])
        for taken in read.taken:
            place = rest[taken.begin]
            found[taken.option.name] = place
            _use(subject, severity, place, taken.option, taken.value)
        if read.end >= len(rest):
            break
        word = rest[read.end]
        name = word.text.partition("=")[0]
        if read.error is None:
            text, hint = f"{quoted(word.text)} belongs to no option", "a value with blanks needs quotes"
        elif "unrecognized" in str(read.error) or "invalid option" in str(read.error):
            text, hint = f"cbatch has no option {quoted(name)}", _meant(name)
        else:
            text, hint = f"{quoted(name)}: {read.error}", ""
        subject.add(severity, "native-option", word, text, hint, option=name)
        begin += read.end + 1
        while "=" not in word.text and begin < len(words) and words[begin].line == word.line:
            if words[begin].text.startswith("-"):
                break
            begin += 1
    return found


def _meant(name: str) -> str:
    names = native_table().whole
    known = name.lstrip("-")
    for option in OPTIONS:
        if option.name == known and "sbatch" in option.commands:
            return "an option of sbatch that cbatch lacks"
    close = difflib.get_close_matches(known[:40], names, 1, 0.75)
    return f"did you mean --{close[0]}?" if close else "see cbatch --help"


def _use(subject: Subject, severity: Severity, place: Word, option: NativeOption, value: str | None) -> None:
    name = f"--{option.name}"
    means = _HELP.get(option.counterpart, "as cbatch documents it")
    subject.report.uses.append(Use(place.line, place.column, "#CBATCH", name, value, "native", means))
    if not option.same or not option.counterpart or value is None:
        return
    try:
        options.parse("sbatch", [f"--{option.counterpart}={value}"], {})
    except OptionError:
        subject.add(severity, "native-value", place, f"{name} does not take {quoted(value)}", "see cbatch --help",
                    option=name)  # fmt: skip
    except EndProgram:
        pass


def _combinations(subject: Subject, severity: Severity, found: dict[str, Word]) -> None:
    for name, other in _TOGETHER:
        if name in found and other not in found:
            text = f"--{name} needs --{other}"
            subject.add(severity, "native-combination", found[name], text, f"add --{other}", option=f"--{name}")
    for name, other in _APART:
        if name in found and other in found:
            text = f"--{name} and --{other} exclude one another"
            subject.add(severity, "native-combination", found[other], text, "keep one", option=f"--{other}")
    for name, place in found.items():
        if name.startswith("pod-") and "pod" not in found:
            text = f"--{name} needs --pod"
            subject.add(severity, "native-combination", place, text, "add --pod", option=f"--{name}")
