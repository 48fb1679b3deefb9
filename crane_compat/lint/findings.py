"""What is said about a script: findings, and the options it uses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from crane_compat.parsers.directive_words import Word

Severity = Literal["error", "warning", "note"]

#: the kinds of findings, as they stand in brackets behind each and in JSON
CODES: dict[str, str] = {
    # what sbatch refuses
    "empty": "the file is empty",
    "no-interpreter": "the first line does not begin with #!",
    "nul": "a NUL character",
    "dos-line-ends": "lines end with CR LF",
    "unmatched-quote": "a quote without its end",
    "unknown-option": "no such option",
    "ambiguous-option": "a shortened name that fits several options",
    "missing-value": "an option without its value",
    "unwanted-value": "a value for an option that takes none",
    "stray-word": "a word that belongs to no option; nothing behind it is read",
    "bad-value": "a value that the option does not take",
    "conflict": "options that exclude one another",
    "ends-sbatch": "an option that prints something and submits nothing",
    "more-errors": "there are too many errors to list",
    # what the controller refuses
    "too-large": "larger than a script may be",
    "bad-expression": "a list or an expression that the controller cannot read",
    # what is read otherwise than it looks
    "after-command": "a directive behind the first command is not read",
    "looks-like-directive": "a comment that looks like a directive",
    "not-expanded": "variables and ~ are not filled in",
    "cut-by-comment": "a # within a word ends the line",
    "value-elsewhere": "an option takes its value from a later line",
    "single-dash": "a long name behind one hyphen is read as a short option with a value",
    "typographic": "a quote or dash of a text processor",
    "old-prefix": "#SLURM for #SBATCH",
    # what another release or another setting may see otherwise
    "abbreviation": "a shortened option name",
    "former-name": "a name that Slurm has dropped",
    "repeated": "an option given twice: the last counts",
    "mail-types-add-up": "several --mail-type: Slurm takes the last",
    "no-effect": "recorded, without effect here",
    "sbatch-warns": "sbatch itself warns about it",
    # other schedulers' lines
    "two-headers": "lines for two schedulers",
    "other-header": "lines for another scheduler only",
    "left-out": "an option that has no counterpart here",
    "differs": "an option that means something else here",
    "overruled": "an #SBATCH option counts instead",
    "not-read": "lines that sbatch does not look at",
    # native lines
    "native-header": "#CBATCH lines are cbatch's",
    "native-option": "an option that cbatch does not have",
    "native-value": "a value that cbatch does not take",
    "native-combination": "options that cbatch wants together or not at all",
    # the file system
    "no-directory": "a directory that is not there",
    "is-directory": "a directory where a file is to be written",
    # against a slurm.conf
    "partition": "no such partition, or it takes no jobs",
    "time-limit": "longer than the partition allows",
    "nodes": "more nodes than there are, or unknown ones",
    "constraint": "features that no node has",
    "gres": "devices that no node has",
    "size": "more memory or CPUs than a node has",
    "licenses": "licences that are not there",
    "array": "an array larger than MaxArraySize",
}

#: codes of what `parsers.options.parse` and `check_script` refuse
REFUSALS = frozenset(list(CODES)[: list(CODES).index("too-large")])


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know.  line and column count from 1; option: "--time", "-W", "" = none in particular.

    says: what sbatch prints about it, "" = nothing.
    """

    file: str
    line: int
    column: int
    severity: Severity
    code: str
    text: str
    hint: str = ""
    option: str = ""
    says: str = ""


@dataclass(frozen=True, slots=True)
class Use:
    """An option of a directive and what becomes of it.

    dialect: "#SBATCH", "#BSUB", "#PBS" or "#CBATCH".  status: honoured, shown, recorded, notice, old (as in the option
    table) or refused; of another scheduler's lines translated, needless, overruled or left out; native for #CBATCH.
    means: what it does here.  fields: what it sets.
    """

    line: int
    column: int
    dialect: str
    option: str
    value: str | None
    status: str
    means: str
    component: int = 0
    fields: tuple[str, ...] = ()


@dataclass
class Report:
    """All about one script."""

    file: str
    command: str  # who reads it: "sbatch" or "cbatch"
    findings: list[Finding] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)

    @property
    def accepted(self) -> bool:
        """Nothing is refused, as far as can be seen."""
        return not any(finding.severity == "error" for finding in self.findings)


@dataclass
class Subject:
    """A script while it is looked at."""

    file: str
    script: bytes
    lines: list[str]  # bytes that are no UTF-8 as surrogates
    report: Report

    @classmethod
    def of(cls, script: bytes, file: str) -> Subject:
        lines = script.decode("utf-8", "surrogateescape").split("\n")
        native = b"#CBATCH" in script and any(line.startswith("#CBATCH") for line in lines)
        other = any(line.startswith(("#SBATCH", "#SLURM", "#BSUB", "#PBS")) for line in lines)
        return cls(file, script, lines, Report(file, "cbatch" if native and not other else "sbatch"))

    def add(
        self, severity: Severity, code: str, place: Word | Use, text: str, hint: str = "", *, option: str = "",
        says: str = "",
    ) -> None:  # fmt: skip
        if not option and isinstance(place, Use):
            option = place.option
        words = (readable(text), readable(hint), readable(option), readable(says))
        self.report.findings.append(Finding(self.file, place.line, place.column, severity, code, *words))

    def use_of(self, *names: str, component: int = 0) -> Use | None:
        """The use that counts of the options with these names or of what sets these fields."""
        found = [
            use
            for use in self.report.uses
            if use.status in _COUNTING
            and use.component <= component
            and (use.option.removeprefix("--") in names or not set(names).isdisjoint(use.fields))
        ]
        return max(found, key=lambda use: (use.component, use.line, use.column), default=None)


#: the statuses of uses that have a say in the request
_COUNTING = ("honoured", "shown", "recorded", "old", "translated")


def at(line: int, column: int = 1) -> Word:
    """A place without a word."""
    return Word("", line, column, column)


def readable(text: str) -> str:
    """Text for a terminal or JSON: no control characters, no surrogates, in one line."""
    clean = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in clean)


def quoted(text: str) -> str:
    """A value in a sentence, not longer than is good for it."""
    return f'"{text}"' if len(text) <= 60 else f'"{text[:57]}…"'
