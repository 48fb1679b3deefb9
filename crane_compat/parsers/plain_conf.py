"""The small KEY=VALUE files beside slurm.conf that are read as they stand: cgroup.conf, slurmdbd.conf."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crane_compat.parsers.conf_lines import LineError, read, words


@dataclass(frozen=True, slots=True)
class PlainConf:
    """Keys in any letter case; the last setting of a key counts."""

    path: str
    values: Mapping[str, str]
    defaults: Mapping[str, str]
    unknown: tuple[str, ...] = ()  # "file:line:column: key …"

    def get(self, key: str) -> str | None:
        """The value, or the documented default, or None."""
        name = key.lower()
        return self.values.get(name, self.defaults.get(name))

    def given(self, key: str) -> bool:
        return key.lower() in self.values


def load_plain(path: str, keys: frozenset[str], defaults: Mapping[str, str]) -> PlainConf:
    """Read a file; one that does not exist is empty.  What cannot be understood is listed in `unknown`."""
    values: dict[str, str] = {}
    unknown: list[str] = []
    try:
        for line in read(path):
            try:
                found = words(line)
            except LineError as exc:
                unknown.append(f"{exc.file}:{exc.line}:{exc.column}: {exc.text}: not KEY=VALUE")
                continue
            for word in found:
                if word.key.lower() not in keys:
                    unknown.append(f"{line.file}:{line.number}:{word.column}: {word.key}: unknown, ignored")
                values[word.key.lower()] = word.value
    except FileNotFoundError:
        pass
    return PlainConf(path, values, defaults, tuple(unknown))
