"""The small KEY=VALUE files beside slurm.conf that are read as they stand: cgroup.conf, slurmdbd.conf."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crane_compat.parsers.conf_lines import Line, LineError, Word
from crane_compat.parsers.conf_reading import FALSE, TRUE, Diagnostic, Reading, c_integer, entries, line_hint


@dataclass(frozen=True, slots=True)
class PlainConf:
    """Keys in any letter case; the last setting of a key counts."""

    path: str
    values: Mapping[str, str]
    defaults: Mapping[str, str]
    diagnostics: tuple[Diagnostic, ...] = ()

    def get(self, key: str) -> str | None:
        """The value, or the documented default, or None."""
        name = key.lower()
        return self.values.get(name, self.defaults.get(name))

    def given(self, key: str) -> bool:
        return key.lower() in self.values

    def flag(self, key: str) -> bool:
        """A yes-or-no key; anything but yes, up, true, 1 is no."""
        return (self.get(key) or "").lower() in TRUE

    def number(self, key: str, default: int = 0) -> int:
        """A whole-number key; `default` where it is unset or no number."""
        try:
            return c_integer(self.get(key) or "")
        except ValueError:
            return default

    def percent(self, key: str, default: float = 100.0) -> float:
        """A key in percent, with or without its sign."""
        try:
            return float((self.get(key) or "").rstrip("%"))
        except ValueError:
            return default


@dataclass(frozen=True, slots=True)
class PlainKeys:
    """What a file may hold, in lower case: all keys with their types, defaults, and what is without effect today."""

    #: key → "str", "flag", "number", "percent"
    types: Mapping[str, str]
    defaults: Mapping[str, str]
    #: obsolete key → what to do about it
    obsolete: Mapping[str, str]


def types(**kinds: str) -> dict[str, str]:
    """key → type out of blank-separated keys by type."""
    return {key: kind for kind, keys in kinds.items() for key in keys.split()}


def load_plain(path: str, keys: PlainKeys) -> PlainConf:
    """Read a file; one that does not exist is empty.  What cannot be understood is a Diagnostic."""
    values: dict[str, str] = {}
    reading = Reading()

    def on_error(exc: LineError) -> None:
        word = Word(exc.text.strip().partition("=")[0][:40] or "?", "", exc.column)
        reading.note("error", Line(exc.file, exc.line, ""), word, "not KEY=VALUE", line_hint(exc.text))

    for line, found in entries(path, on_error):
        for word in found:
            _check(reading, line, word, keys)
            values[word.key.lower()] = word.value
    return PlainConf(path, values, keys.defaults, tuple(reading.diagnostics))


def _check(reading: Reading, line: Line, word: Word, keys: PlainKeys) -> None:
    name = word.key.lower()
    kind = keys.types.get(name)
    if kind is None:
        import difflib  # rarely needed, slow to import

        close = difflib.get_close_matches(name, keys.types, 1, 0.8)
        hint = f"did you mean {close[0]}?" if close else "check the spelling or remove it"
        reading.note("error", line, word, "unknown parameter, ignored", hint)
    elif name in keys.obsolete:
        reading.note("notice", line, word, "obsolete: without effect", keys.obsolete[name])
    elif not _valid(kind, word.value):
        reading.note("error", line, word, f'"{word.value}" is no value for it', _WANTED[kind])


_WANTED = {"flag": "give yes or no", "number": "give a whole number", "percent": "give a percentage"}


def _valid(kind: str, value: str) -> bool:
    if kind == "flag":
        return value.lower() in TRUE + FALSE
    try:
        if kind == "number":
            c_integer(value)
        elif kind == "percent":
            float(value.rstrip("%"))
    except ValueError:
        return False
    return True
