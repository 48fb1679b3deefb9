"""Command lines as GNU getopt_long(3) reads them, from a table of options.

Long names may be shortened while they are unambiguous, values stand behind ``=``
or in the next word, optional values only behind ``=`` (or glued to a short
option), and the first word that is no option ends the options.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


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
    found: list[tuple[Option, str | None]] = []
    rest = list(argv)
    words = iter(range(len(rest)))
    for position in words:
        word = rest[position]
        if word == "--":
            return found, rest[position + 1 :]
        if word == "-" or not word.startswith("-"):
            return found, rest[position:]
        if word.startswith("--"):
            option = table.find(word)
            _, given, value = word.partition("=")
            if given and option.takes == "none":
                raise UsageError(f"option '--{option.name}' doesn't allow an argument")
            if option.takes == "required" and not given:
                following = next(words, None)
                if following is None:
                    raise UsageError(f"option '--{option.name}' requires an argument")
                found.append((option, rest[following]))
            else:
                found.append((option, value if given else None))
            continue
        found += _bundle(table, word, rest, words)
    return found, []


def _bundle(table: Table[Option], word: str, rest: list[str], words: Iterator[int]) -> list[tuple[Option, str | None]]:
    """Short options written together: ``-vH -n4``."""
    found: list[tuple[Option, str | None]] = []
    index = 1
    while index < len(word):
        letter = word[index]
        option = table.short.get(letter)
        if option is None:
            raise UsageError(f"invalid option -- '{letter}'")
        index += 1
        if option.takes == "none":
            found.append((option, None))
            continue
        glued = word[index:]
        if glued:
            found.append((option, glued))
        elif option.takes == "optional":
            found.append((option, None))
        else:
            following = next(words, None)
            if following is None:
                raise UsageError(f"option requires an argument -- '{letter}'")
            found.append((option, rest[following]))
        break
    return found
