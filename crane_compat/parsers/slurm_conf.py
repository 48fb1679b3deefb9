"""slurm.conf: a file's text becomes `SlurmConf`, an immutable value.

Every key is read by one table (`slurm_keys`).  What is unknown, obsolete, or
recorded without effect becomes a `Diagnostic` that names file, line and what to
do; what Slurm's programs refuse is a ConfError in their words.  Old dialects
(ControlMachine, FastSchedule, Shared=, Procs= …) are read as what they meant
(`old_dialect`).  Source: slurm.conf(5) of 20.11 to 26.05.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from crane_compat.parsers import cgroup_conf, node_lines, slurmdbd_conf
from crane_compat.parsers.conf_lines import Line, LineError, Word, left_over, parse_error, read, scan
from crane_compat.parsers.conf_reading import FALSE, TRUE, ConfError, Diagnostic, Reading, c_integer, line_hint
from crane_compat.parsers.node_lines import ArrayLine, DownNodes
from crane_compat.parsers.old_dialect import reinterpret
from crane_compat.parsers.partition_lines import partition_from_words, partitions
from crane_compat.parsers.slurm_keys import KEYS, LINE_KEYS, NODE_KEYS, PARTITION_KEYS, Key
from crane_compat.wire import pb

__all__ = ["ConfError", "Diagnostic", "SlurmConf", "load", "partition_from_words"]

Value = int | str | bool | tuple[str, ...] | None

_LIMITS = {"u16": 0xFFFF, "u32": 0xFFFFFFFF, "u64": 0xFFFFFFFFFFFFFFFF}


@dataclass(frozen=True)
class SlurmConf:
    """One cluster's configuration."""

    path: str
    #: lower case, as in the names of the accounting tables
    cluster_name: str
    #: (host, address) of the primary and its backups
    controllers: tuple[tuple[str, str], ...]
    #: what the file says, by lower-case key
    values: Mapping[str, Value]
    #: what follows from other keys (old names, sizes of the cluster), by lower-case key
    derived: Mapping[str, Value]
    nodes: tuple[pb.NodeRecord, ...]
    partitions: tuple[pb.PartitionRecord, ...]
    #: (names, state, reason) of the DownNodes lines; `nodes` have those states already
    down_nodes: tuple[DownNodes, ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def directory(self) -> str:
        """Where the files beside slurm.conf are."""
        return os.path.dirname(os.path.abspath(self.path))

    @property
    def fatal(self) -> tuple[Diagnostic, ...]:
        """What Slurm's controller would not start with, though its commands do."""
        return tuple(item for item in self.diagnostics if item.severity == "fatal")

    def get(self, key: str) -> Any:
        """The value of a key as its type says (`slurm_keys`), else what follows from others, else Slurm's default.

        None: unset.  KeyError for a name that is no key.
        """
        name = key.lower()
        for source in (self.derived, self.values):
            if name in source:
                return source[name]
        return KEYS[name].default

    def given(self, key: str) -> bool:
        """Does the file say so, itself or in older words?"""
        return key.lower() in self.values or key.lower() in self.derived

    def params(self, key: str) -> dict[str, str | None]:
        """A comma list such as SchedulerParameters: word → value (None for a bare word)."""
        result: dict[str, str | None] = {}
        for item in str(self.get(key) or "").split(","):
            name, separator, value = item.strip().partition("=")
            if name:
                result[name] = value if separator else None
        return result

    def path_of(self, key: str, *, node: str = "", host: str = "") -> str:
        """A file name with %h (host), %n (node) and %% filled in; "" where there is none."""
        values = {"%h": host or os.uname().nodename.split(".")[0], "%n": node, "%%": "%"}
        return re.sub(r"%[hn%]", lambda match: values[match[0]], str(self.get(key) or ""))

    @cached_property
    def licenses(self) -> dict[str, int]:
        """Licenses= as counts; a name alone is one licence."""
        result = {}
        for item in filter(None, str(self.get("Licenses") or "").replace(";", ",").split(",")):
            name, _, count = item.strip().partition(":")
            result[name] = int(count) if count.isdigit() else 1
        return result


@dataclass(slots=True)
class _File(Reading):
    """The settings of a file as they come."""

    values: dict[str, Value] = field(default_factory=dict)
    places: dict[str, tuple[Line, Word]] = field(default_factory=dict)  # where each was given last
    arrays: dict[str, list[ArrayLine]] = field(default_factory=dict)  # NodeName and its like
    hosts: list[str] = field(default_factory=list)


def load(path: str, *, strict: bool = False) -> SlurmConf:
    """Read a configuration file.

    strict: raise ConfError for what no Slurm program accepts; otherwise only for a file that is of no use at all (no
    cluster, no controller), everything else being a Diagnostic.  Raises OSError where it cannot be read.
    """
    file = _File()

    def on_error(exc: LineError) -> None:
        word = Word("Include", "", exc.column)
        file.note("error", Line(exc.file, exc.line, ""), word, exc.text, "the file's settings are missing")
        file.stop(exc.file, exc.line, exc.column, exc.printed)

    for line in read(path, on_error=on_error):
        _line(file, line)
    conf = _finish(path, file)
    if strict and file.errors:
        raise file.failure()
    return conf


def _line(file: _File, line: Line) -> None:
    found, end = scan(line)
    error = left_over(line, end)
    if found:
        key = found[0].key.lower()
        if key in LINE_KEYS:
            _array_line(file, line, key, found)
        else:
            if len(found) > 1:
                error = LineError(line.file, line.number, found[1].column, line.text[found[0].end :].rstrip("\r\n"))
            _simple(file, line, found[0])
    if error:
        word = Word(error.text.strip().partition("=")[0][:40] or "?", "", error.column)
        file.error(
            line, word, f'not KEY=VALUE: "{error.text.strip()[:60]}"', _line_hint(error.text), printed=error.printed
        )


def _line_hint(text: str) -> str:
    return "one parameter a line" if text.strip().partition("=")[0].lower() in KEYS else line_hint(text)


def _array_line(file: _File, line: Line, key: str, found: list[Word]) -> None:
    allowed = LINE_KEYS[key]
    kept: list[Word] = []
    end = 0
    for word in found:
        if word.key.lower() not in allowed:
            rest = line.text[end:].rstrip("\r\n")
            file.error(
                line,
                word,
                f"no option of {found[0].key}",
                _key_hint(word.key, allowed),
                printed=(
                    f"Parsing error at unrecognized key: {word.key}",
                    parse_error(line.file, line.number, rest),
                ),
            )
            continue
        kept.append(word)
        end = word.end
    if key == "frontendname":
        file.note("error", line, found[0], "front-end nodes are not supported", "write NodeName lines")
        return
    file.arrays.setdefault(key, []).append(ArrayLine(line, tuple(kept)))


def _key_hint(key: str, names: frozenset[str] | None = None) -> str:
    """What a key that is none may have been meant as."""
    name = key.lower()
    if names is None:
        for others, hint in (
            (NODE_KEYS, "an option of NodeName: does the line before lack its backslash?"),
            (PARTITION_KEYS, "an option of PartitionName: does the line before lack its backslash?"),
            (cgroup_conf.KEYS.types, "belongs into cgroup.conf"),
            (slurmdbd_conf.KEYS.types, "belongs into slurmdbd.conf"),
        ):
            if name in others:
                return hint
    import difflib  # rarely needed, slow to import

    close = difflib.get_close_matches(name, names or KEYS.keys(), 1, 0.8)
    if close:
        return f"did you mean {KEYS[close[0]].name if close[0] in KEYS and names is None else close[0]}?"
    return "no parameter of any release: check the spelling or remove it"


def _simple(file: _File, line: Line, word: Word) -> None:
    name = word.key.lower()
    key = KEYS.get(name)
    if key is None:
        text = f"_parse_next_key: Parsing error at unrecognized key: {word.key}"
        file.error(line, word, "unknown parameter", _key_hint(word.key), printed=(text,))
        return
    if name == "slurmctldhost":
        file.hosts.append(word.value)
        return
    value = _value(file, line, word, key)
    if key.type == "array":
        old = file.values.get(name) or ()
        file.values[name] = (*old, str(value)) if isinstance(old, tuple) else (str(value),)
        return
    if name in file.values:
        file.note("warning", line, word, "given before: this value counts", "keep one of them")
    if key.status == "O" or key.until or key.defunct:
        file.note("notice", line, word, "obsolete: without effect of its own", key.instead)
    elif key.status == "A" and value != key.default and word.value.rpartition("/")[2].lower() != "none":
        file.note("notice", line, word, "recorded, not acted on")
    file.values[name] = value
    file.places[name] = (line, word)


def _value(file: _File, line: Line, word: Word, key: Key) -> Value:
    text = word.value
    if key.type == "bool":
        lower = text.lower()
        if lower not in TRUE + FALSE:
            file.error(line, word, f'"{text}" is not a valid option for "{key.name}"', "give YES or NO")
            return key.default
        return lower in TRUE
    if key.type in _LIMITS:
        limit = _LIMITS[key.type]
        if text.upper() in ("UNLIMITED", "INFINITE"):
            return limit
        try:
            number = c_integer(text)
        except ValueError:
            problem = f'{key.name} value "{text}" is not a valid number'
            if re.fullmatch(r"-\d+", text):
                problem = f"{key.name} value ({text}) is less than zero"
            file.error(line, word, problem, "give a whole number without a unit")
            return key.default
        if number > limit:
            file.error(line, word, f"{key.name} value ({text}) is greater than {limit}")
            return key.default
        if text[:1] == "0" and len(text) > 1 and text[1] not in "xX":
            file.note("warning", line, word, f"{text} is octal: {number}", "drop the leading zero")
        return number
    return text


# ---------------------------------------------------------------- the whole


def _finish(path: str, file: _File) -> SlurmConf:
    values = file.values
    cluster = str(values.get("clustername") or "").lower()
    if not cluster:
        raise file.failure("ClusterName needs to be specified", path)
    hosts = _hosts(file)
    if not hosts:
        raise file.failure("No SlurmctldHost defined.", path)
    derived = _derived(file)
    port = values.get("slurmdport")
    nodes = node_lines.nodes(file, file.arrays.get("nodename", ()), port if isinstance(port, int) else 6818)
    sets = node_lines.node_sets(file, file.arrays.get("nodeset", ()), nodes)
    queues = partitions(file, file.arrays.get("partitionname", ()), tuple(node.name for node in nodes), sets)
    down = node_lines.down_nodes(file, file.arrays.get("downnodes", ()), nodes)
    _contradictions(file)
    return SlurmConf(
        path=path,
        cluster_name=cluster,
        controllers=hosts,
        values=values,
        derived=derived,
        nodes=tuple(nodes),
        partitions=tuple(queues),
        down_nodes=tuple(down),
        diagnostics=tuple(file.diagnostics),
    )


def _hosts(file: _File) -> tuple[tuple[str, str], ...]:
    """Controllers from SlurmctldHost, else from the older ControlMachine and BackupController."""
    values = file.values
    found = [_host(text) for text in file.hosts]
    for name, address in (("controlmachine", "controladdr"), ("backupcontroller", "backupaddr")):
        host = values.get(name)
        if not host:
            continue
        line, word = file.places[name]
        where = str(values.get(address) or host)
        if file.hosts:
            file.note("warning", line, word, "ignored: SlurmctldHost is given", "remove it")
            continue
        new = f"SlurmctldHost={host}" + (f"({where})" if where != host else "")
        file.note("notice", line, word, "the old name of SlurmctldHost", f"write {new}")
        found.append((str(host), where))
    return tuple(found)


def _host(text: str) -> tuple[str, str]:
    """``name(address)``; the address of a plain name is the name."""
    match = re.fullmatch(r"([^()]+)\(([^()]*)\)", text)
    return (match[1], match[2]) if match else (text, text)


def _derived(file: _File) -> dict[str, Value]:
    """What old settings mean for others, and the defaults that depend on other settings."""
    derived: dict[str, Value] = {}
    for old in reinterpret(file.values):
        line, word = file.places[old.key.lower()]
        file.note("warning" if old.becomes else "notice", line, word, old.text)
        if old.becomes:
            derived[old.becomes.lower()] = old.value
    if "selecttypeparameters" not in file.values and str(file.values.get("selecttype")).endswith("/linear"):
        derived["selecttypeparameters"] = "CR_Memory"
    return derived


#: (key that is out of force, because of key)
_CONTRADICTIONS = (
    ("defmempernode", "defmempercpu"),
    ("defmempergpu", "defmempercpu"),
    ("maxmempernode", "maxmempercpu"),
    ("propagateresourcelimits", "propagateresourcelimitsexcept"),
)


def _contradictions(file: _File) -> None:
    for loser, winner in _CONTRADICTIONS:
        if loser in file.values and winner in file.values:
            line, word = file.places[loser]
            file.note("warning", line, word, f"ignored: {KEYS[winner].name} is given too", "keep one of them")
    if file.values.get("firstjobid") == 0:
        line, word = file.places["firstjobid"]
        file.note("fatal", line, word, "FirstJobId must be greater than 0", "the first job id is 1")
