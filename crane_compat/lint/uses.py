"""The options of a script as they count, and what catches the eye about how they are written."""

from __future__ import annotations

import re
from collections.abc import Sequence

from crane_compat.lint.findings import Subject, Use, quoted
from crane_compat.lint.refusals import Content
from crane_compat.parsers import options
from crane_compat.parsers.directive_words import Word
from crane_compat.parsers.getopt_long import Taken
from crane_compat.parsers.option_table import Option

#: these add up, or say nothing that another could overrule
_OFTEN = ("verbose", "quiet", "help", "usage", "version")

_CURLY = re.compile("[“”„‘’«»]")
_VARIABLE = re.compile(r"\$(?:\w|\{|\()|`")

#: values that the shell of the job sees
_FOR_A_SHELL = ("wrap",)
_PATHS = ("chdir", "error", "input", "output", "workdir")


def note_uses(subject: Subject, content: Content) -> None:
    """Record each #SBATCH option, and say what is odd about it."""
    for component, (words, read) in enumerate(zip(content.directives.words, content.readings, strict=True)):
        first: dict[str, tuple[Use, Option]] = {}
        for taken in read.taken:
            word = words[taken.begin]
            option = taken.option
            use = Use(
                word.line, word.column, "#SBATCH", f"--{option.name}", taken.value, option.status, option.help,
                component, tuple(filter(None, option.spec.split(", "))),
            )  # fmt: skip
            subject.report.uses.append(use)
            _status(subject, use, option)
            _spelling(subject, use, option, word)
            _repetition(subject, use, option, first)
            _value(subject, use, words, taken)
        _cuts(subject, words)
    for word in content.directives.separators:
        text = "begins the next component of a heterogeneous job"
        subject.report.uses.append(Use(word.line, word.column, "#SBATCH", word.text, None, "honoured", text))


def _status(subject: Subject, use: Use, option: Option) -> None:
    if option.status == "recorded":
        subject.add("warning", "no-effect", use, f"{use.option} is recorded and has no effect here", option.why)
    elif option.status == "shown":
        subject.add("note", "no-effect", use, f"{use.option} is kept and shown; nothing acts on it", option.why)
    elif option.status == "old":
        new = option.help.rpartition(" ")[2]
        subject.add("warning", "former-name", use, f"{use.option} is a former name: Slurm refuses it", f"write {new}")


def _spelling(subject: Subject, use: Use, option: Option, word: Word) -> None:
    typed = word.text.partition("=")[0]
    if typed.startswith("--"):
        if typed != use.option:
            text = f"{typed} is short for {use.option}: a release with more options may find it ambiguous"
            subject.add("warning", "abbreviation", use, text, f"write {use.option}")
    elif len(typed) > 2 and typed[1:] in options.table_of("sbatch").long:
        text = f"{typed} is read as -{option.short} with the value {quoted(word.text[2:])}"
        subject.add("warning", "single-dash", use, text, f"two hyphens: -{typed}")


def _repetition(subject: Subject, use: Use, option: Option, first: dict[str, tuple[Use, Option]]) -> None:
    key = option.spec or option.name
    before, _ = first.get(key, (None, None))
    first[key] = (use, option)
    if before is None or option.name in _OFTEN:
        return
    same = before.value == use.value and before.option == use.option
    if option.name == "mail-type":
        if not same:
            text = f"with that of line {before.line} this adds up; Slurm from 25.05 on takes the last alone"
            subject.add("warning", "mail-types-add-up", use, text, f"--mail-type={before.value},{use.value}")
        return
    text = f"{use.option} counts, not {before.option} of line {before.line}"
    if same:
        text = f"{use.option} says the same as in line {before.line}"
    subject.add("note" if same else "warning", "repeated", use, text, "keep one of them")


def _value(subject: Subject, use: Use, words: Sequence[Word], taken: Taken[Option]) -> None:
    value = taken.value or ""
    if _CURLY.search(value):
        text = f"the quotes in {quoted(value)} are typographic ones and belong to the value"
        subject.add("warning", "typographic", use, text, "write \" or '")
    if taken.option.name not in _FOR_A_SHELL:
        check_expansion(subject, use, value, path=taken.option.name in _PATHS)
    if taken.end - taken.begin == 2 and words[taken.begin].line != words[taken.end - 1].line:
        line = words[taken.end - 1].line
        text = f"{use.option} has no value on its line and takes {quoted(value)} of line {line}"
        subject.add("warning", "value-elsewhere", use, text, f"write {use.option}={value}")


def check_expansion(subject: Subject, use: Use, value: str, *, path: bool) -> None:
    """Variables and ~ stay as they are: no shell sees directives."""
    if match := _VARIABLE.search(value):
        hint = "%u, %x, %j and %a are filled in here" if path else f"sbatch {use.option}=… on the command line"
        name = re.match(r"\$\{?\w+\}?", value[match.start() :])
        text = f"{name[0] if name else match[0]} in {quoted(value)} is not filled in: no shell sees directives"
        subject.add("warning", "not-expanded", use, text, hint)
    elif path and value.startswith("~"):
        text = f"~ in {quoted(value)} is not filled in: it means a directory of that name"
        subject.add("warning", "not-expanded", use, text, "write the path in full")


def _cuts(subject: Subject, words: Sequence[Word]) -> None:
    for word in words:
        if word.cut:
            text = f"# ends the line: {quoted(word.text)} is all that is read of this word"
            subject.add(
                "warning", "cut-by-comment", word, text, "a blank before a comment, quotes around a value with #"
            )


def note_warnings(subject: Subject, content: Content) -> None:
    """What sbatch says of a script that it accepts."""
    for notice in content.submission.notices if content.submission else ():
        if "is the former name of" in notice:
            continue
        place = subject.use_of("num_tasks", "min_nodes", component=len(content.directives.words))
        text = notice.removeprefix("warning: ")
        subject.add("warning", "sbatch-warns", place or Word("", 1, 1, 1), text, says=notice)
