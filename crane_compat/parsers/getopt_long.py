"""Command lines as GNU getopt_long(3) reads them, from a table of options.

Long names may be shortened while they are unambiguous, values stand behind ``=``
or in the next word, optional values only behind ``=`` (or glued to a short
option), and the first word that is no option ends the options.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar


class Described(Protocol):
    """What the scanner needs to know of an option."""

    @property
    def name(self) -> str: ...

    @property
    def short(self) -> str: ...

    @property
    def takes(self) -> str:
        """``none``, ``required`` or ``optional``."""


Option = TypeVar("Option", bound=Described)


class UsageError(Exception):
    """A word that is no option, or an option without its value: the text behind ``program: ``."""


class Taken(NamedTuple, Generic[Option]):
    """An option of a command line, its value, and which words of the line (from, to behind the last) gave it."""

    option: Option
    value: str | None
    begin: int
    end: int


class Reading(NamedTuple, Generic[Option]):
    """A command line as far as it could be read."""

    taken: list[Taken[Option]]
    end: int  # the word that ended it: the first operand, the one at fault, or behind the last
    error: UsageError | None


@dataclass(frozen=True, slots=True)
class Table(Generic[Option]):
    """Options by short and by long name; `whole` ones only by their whole name."""

    short: Mapping[str, Option]
    long: Mapping[str, Option]
    whole: Mapping[str, Option]

    @classmethod
    def of(cls, options: Iterable[Option], whole: Iterable[Option] = ()) -> Table[Option]:
        listed = list(options)
        return cls({o.short: o for o in listed if o.short}, {o.name: o for o in listed}, {o.name: o for o in whole})

    def find(self, word: str) -> Option:
        """The option of a long name or an unambiguous beginning of one.  Raises UsageError."""
        name = word[2:].partition("=")[0]
        exact = self.long.get(name) or self.whole.get(name)
        if exact is not None:
            return exact
        candidates = [o for n, o in self.long.items() if n.startswith(name)] if name else []
        if len({id(o) for o in candidates}) == 1:
            return candidates[0]
        if candidates:
            names = " ".join(f"'--{o.name}'" for o in candidates)
            raise UsageError(f"option '{word}' is ambiguous; possibilities: {names}")
        raise UsageError(f"unrecognized option '{word}'")


def scan(table: Table[Option], argv: Sequence[str]) -> tuple[list[tuple[Option, str | None]], list[str]]:
    """(options with their values in order, the words from the first operand on).  Raises UsageError."""
    reading = read(table, argv)
    if reading.error:
        raise reading.error
    return [(taken.option, taken.value) for taken in reading.taken], list(argv[reading.end :])


def read(table: Table[Option], argv: Sequence[str]) -> Reading[Option]:
    """The options of a command line, each with its place; an error ends it."""
    taken: list[Taken[Option]] = []
    position = 0
    try:
        while position < len(argv):
            word = argv[position]
            if word == "--":
                return Reading(taken, position + 1, None)
            if word == "-" or not word.startswith("-"):
                return Reading(taken, position, None)
            taken += (_long if word.startswith("--") else _bundle)(table, argv, position)
            position = taken[-1].end
    except UsageError as exc:
        return Reading(taken, position, exc)
    return Reading(taken, position, None)


def _long(table: Table[Option], argv: Sequence[str], position: int) -> list[Taken[Option]]:
    option = table.find(argv[position])
    _, given, value = argv[position].partition("=")
    if given and option.takes == "none":
        raise UsageError(f"option '--{option.name}' doesn't allow an argument")
    if option.takes != "required" or given:
        return [Taken(option, value if given else None, position, position + 1)]
    if position + 1 >= len(argv):
        raise UsageError(f"option '--{option.name}' requires an argument")
    return [Taken(option, argv[position + 1], position, position + 2)]


def _bundle(table: Table[Option], argv: Sequence[str], position: int) -> list[Taken[Option]]:
    """Short options written together: ``-vH -n4``."""
    found: list[Taken[Option]] = []
    word = argv[position]
    for index, letter in enumerate(word[1:], 2):
        option = table.short.get(letter)
        if option is None:
            raise UsageError(f"invalid option -- '{letter}'")
        if option.takes == "none":
            found.append(Taken(option, None, position, position + 1))
            continue
        if glued := word[index:]:
            found.append(Taken(option, glued, position, position + 1))
        elif option.takes == "optional":
            found.append(Taken(option, None, position, position + 1))
        elif position + 1 < len(argv):
            found.append(Taken(option, argv[position + 1], position, position + 2))
        else:
            raise UsageError(f"option requires an argument -- '{letter}'")
        break
    return found
