"""#BSUB and #PBS lines: what they become, what is left out, and what counts beside #SBATCH."""

from __future__ import annotations

from collections.abc import Sequence

from crane_compat.lint.findings import Subject, Use
from crane_compat.lint.refusals import Content, reading
from crane_compat.lint.uses import check_expansion
from crane_compat.parsers.directive_words import Item
from crane_compat.parsers.directives import Directives
from crane_compat.parsers.option_table import Option

#: options of #BSUB lines that Slurm's sbatch takes; at any other it gives up
_SLURM_TAKES = frozenset(("-cwd", "-e", "-J", "-m", "-M", "-n", "-o", "-q", "-W", "-x"))

_PATHS = ("--chdir", "--error", "--input", "--output")


def check_other_header(subject: Subject, content: Content) -> None:
    """Record each option of another scheduler's lines and say what becomes of it."""
    other = content.directives.other
    if not other.dialect:
        return
    own = {
        taken.option.spec or taken.option.name: (content.directives.words[0][taken.begin].line, taken.option)
        for taken in content.readings[0].taken
    }
    _header(subject, content.directives, bool(own))
    groups: list[list[Item]] = []
    for item in other.items:
        if groups and _place(groups[-1][0]) == _place(item):
            groups[-1].append(item)
        else:
            groups.append([item])
    for group in groups:
        _use(subject, other.dialect, group, own)
        for item in group:
            _item(subject, other.dialect, item)


def _place(item: Item) -> tuple[int, int]:
    return item.option.line, item.option.column


def _header(subject: Subject, directives: Directives, own: bool) -> None:
    other = directives.other
    if not other.items:
        return
    place = other.items[0].option
    strange = other.dialect == "#BSUB" and next((i for i in other.items if i.option.text not in _SLURM_TAKES), None)
    refuses = f", and gives up at {strange.option.text}" if strange else ""
    if own:
        text = (
            f"#SBATCH counts, {other.dialect} fills in what it leaves open; Slurm does it the other way round{refuses}"
        )
        subject.add("note", "two-headers", place, text, "sbatch --ignore-pbs reads #SBATCH only")
    else:
        text = f"there are no #SBATCH options: sbatch reads the {other.dialect} lines"
        text += f"; Slurm gives up at {strange.option.text}" if strange else ""
        subject.add("note", "other-header", place, text)


def _use(subject: Subject, dialect: str, group: Sequence[Item], own: dict[str, tuple[int, Option]]) -> None:
    first = group[0]
    words = [word for item in group for word in item.words]
    taken = [] if not words else reading(words).taken
    counting = [t for t in taken if (t.option.spec or t.option.name) not in own]
    for t in taken:
        found = own.get(t.option.spec or t.option.name)
        if found is not None:
            line, option = found
            text = f"{first.option.text} does not count: --{option.name} of line {line} does"
            subject.add("note", "overruled", first.option, text, option=first.option.text)
    if counting:
        status = "translated"
    elif taken:
        status = "overruled"
    else:
        status = "needless" if all(item.needless for item in group) else "left out"
    means = " ".join(
        f"--{t.option.name}" + (f"={t.value}" if t.value is not None else "") for t in counting or taken
    )  # fmt: skip
    use = Use(
        first.option.line, first.option.column, dialect, first.option.text,
        first.value.text if first.value else None, status, means or "nothing", 0,
        tuple(name for t in counting for name in filter(None, (*t.option.spec.split(", "), t.option.name))),
    )  # fmt: skip
    subject.report.uses.append(use)
    for t in counting:
        check_expansion(subject, use, t.value or "", path=f"--{t.option.name}" in _PATHS)


def _item(subject: Subject, dialect: str, item: Item) -> None:
    name = item.option.text
    if not item.note:
        return
    if item.needless:
        subject.add("note", "differs", item.option, item.note, item.hint, option=name)
    elif not item.becomes:
        subject.add("warning", "left-out", item.option, item.note, item.hint, option=name)
    else:
        severity = "warning" if item.hint else "note"
        text = f"{name} is {item.becomes[0]}: {item.note}"
        subject.add(
            "warning" if severity == "warning" else "note", "differs", item.option, text, item.hint, option=name
        )
