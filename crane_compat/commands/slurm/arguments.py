"""Command lines of the commands that show and control: options and operands in any order, values by option name."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from crane_compat import SLURM_VERSION
from crane_compat.parsers.getopt_long import Table, UsageError, scan

if TYPE_CHECKING:
    from crane_compat.commands.format.documents import Form


@dataclass(frozen=True, slots=True)
class Option:
    """One option: ``takes`` is none, required or optional; the help text is ours."""

    name: str
    short: str = ""
    takes: str = "none"
    metavar: str = ""
    help: str = ""
    env: str = ""  #: environment variable that sets it where the command line does not


@dataclass(slots=True)
class Arguments:
    """What was given: the last value of each option ("" for flags), how often, all in order, and the operands."""

    values: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    operands: list[str] = field(default_factory=list)
    given: list[tuple[str, str]] = field(default_factory=list)

    def has(self, name: str) -> bool:
        return name in self.values

    def get(self, name: str) -> str | None:
        return self.values.get(name)

    def form(self, command: str) -> Form | None:
        """What --json and --yaml (DOCUMENTS) ask for; what cannot be obeyed is said and ends the command."""
        if not self.values.keys() & {"json", "yaml"}:
            return None
        from crane_compat.commands.format.documents import obey

        return obey(command, self.given)

    def names(self, name: str) -> list[str]:
        """A comma-separated value as a list."""
        return [part.strip() for part in self.values.get(name, "").split(",") if part.strip()]


class Exit(SystemExit):
    """The command is over with this status."""


def parse(
    command: str,
    options: Sequence[Option],
    argv: Sequence[str],
    env: Mapping[str, str],
    usage: str = "",
    help_text: str = "",
) -> Arguments:
    """Read a command line; variables of the environment stand behind it.

    Answers --help, --usage and --version itself.  Raises Exit for those and for bad options.
    """
    table = Table.of(options)
    found = Arguments()
    rest = list(argv)
    try:
        while rest:
            given, after = scan(table, rest)
            for option, value in given:
                found.values[option.name] = value or ""
                found.counts[option.name] = found.counts.get(option.name, 0) + 1
                found.given.append((option.name, value or ""))
            position = len(rest) - len(after)
            if (position and rest[position - 1] == "--") or not after:
                found.operands += after
                break
            found.operands.append(after[0])
            rest = after[1:]
    except UsageError as exc:
        print(f'{command}: {exc}\nTry "{command} --help" for more information', file=sys.stderr)
        raise Exit(1) from None
    if "version" in found.values:
        print(f"slurm {SLURM_VERSION}")
        raise Exit(0)
    if "help" in found.values:
        print(help_text or help_of(command, options), end="")
        raise Exit(0)
    if "usage" in found.values:
        print(usage or f"Usage: {command} [OPTIONS]")
        raise Exit(0)
    for option in options:
        value = env.get(option.env) if option.env and option.name not in found.values else None
        if value or (value == "" and option.takes == "none"):  # an empty value is how scripts take it back
            found.values[option.name] = value
            found.counts[option.name] = 1
    return found


def help_of(command: str, options: Sequence[Option], synopsis: str = "[OPTIONS]") -> str:
    """The text of --help."""
    lines = [f"Usage: {command} {synopsis}"]
    for option in options:
        short = f"-{option.short}, " if option.short else "    "
        value = {"none": "", "required": f"={option.metavar}", "optional": f"[={option.metavar}]"}[option.takes]
        name = f"  {short}--{option.name}{value}"
        if option.help:
            lines.append(f"{name:<34} {option.help}" if len(name) <= 34 else f"{name}\n{'':<35}{option.help}")
        else:
            lines.append(name)
    return "\n".join(lines) + "\n"


#: Commands that write documents have these; what they mean is in format/documents.py.
DOCUMENTS = (
    Option("json", "", "optional", "data_parser", "as a JSON document; =list names the forms"),
    Option("yaml", "", "optional", "data_parser", "as a YAML document"),
)

#: Every command has these.
COMMON = (
    Option("help", help="show this text and exit"),
    Option("usage", help="show the synopsis and exit"),
    Option("version", "V", help="show the version and exit"),
)
