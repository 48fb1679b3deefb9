"""The words of a directive and where they stand, and what an option of another scheduler becomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from crane_compat.parsers.option_values import OptionError


class Word(NamedTuple):
    """A word of a directive and where it stands: line, column and the column behind it, characters from 1."""

    text: str
    line: int = 0
    column: int = 0
    end: int = 0
    cut: bool = False  # a # within the word ended it, and the line


@dataclass(frozen=True, slots=True)
class Item:
    """An option of another scheduler's line and what becomes of it.

    becomes: the same in sbatch's words (an option, its value, …); nothing where it is left out, or `needless` because
    things are so anyway.  note: what is lost or differs, "" = nothing; hint: what to write instead.
    """

    option: Word
    value: Word | None
    becomes: tuple[str, ...]
    note: str = ""
    hint: str = ""
    needless: bool = False

    @property
    def words(self) -> list[Word]:
        """`becomes`, each word with the place it comes from."""
        places = (self.option, self.value or self.option)
        return [places[not text.startswith("--")]._replace(text=text, cut=False) for text in self.becomes]


def quoted(word: str) -> str:
    """A word as it may stand in a directive: `words_of` gives it back.  It must be one line."""
    if word and not any(char in "\\'\"#" or char.isspace() for char in word):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def words_of(text: str, command: str = "sbatch", name: str = "", number: int = 0, offset: int = 0) -> list[Word]:
    """The words of a directive with their places; `text` begins `offset` characters into line `number`.

    Raises OptionError for a quote without its end.
    """
    words: list[Word] = []
    word: list[str] = []
    inside = False
    quote = ""
    begun = 0  # where reading of the present word began, for the message
    first = 0  # where it stands
    cut = False
    end = len(text)
    characters = iter(enumerate(text))
    for position, char in characters:
        if not inside and not quote:
            first = position
        if char == "\\":
            word.append(next(characters, (0, ""))[1])
            inside = True
        elif quote:
            if char == quote:
                quote = ""
            else:
                word.append(char)
        elif char in "'\"":
            quote = char
            inside = True
        elif char == "#":
            cut, end = inside, position
            break
        elif char.isspace():
            if inside:
                words.append(Word("".join(word), number, offset + first + 1, offset + position + 1))
                begun = position
            word, inside = [], False
        else:
            word.append(char)
            inside = True
    if quote:
        lines = [f"{command}: fatal: {name}: line {number}: Unmatched `{quote}` in [{text[begun:]}]"]
        raise OptionError(lines, 1, line=number)
    if inside:
        words.append(Word("".join(word), number, offset + first + 1, offset + end + 1, cut))
    return words
