"""slurm.conf: a file's text becomes `SlurmConf`, an immutable value.

Every key is read by one table (`slurm_keys`).  What is unknown, obsolete, or
recorded without effect becomes a `Diagnostic` that names file, line and what to
do; what Slurm's daemons refuse to start with is a ConfError in their words.
Old dialects (ControlMachine, FastSchedule, Shared=, Procs= …) are read as what
they meant.  Source: slurm.conf(5) of 20.11 to 26.05.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from crane_compat.core import states as st
from crane_compat.parsers import hostlist
from crane_compat.parsers.conf_lines import Line, LineError, Word, read, words
from crane_compat.parsers.slurm_keys import KEYS, LINE_KEYS, Key
from crane_compat.parsers.time_limit import parse_minutes
from crane_compat.wire import INFINITE, pb

Value = int | str | bool | tuple[str, ...] | None

_TRUE, _FALSE = ("yes", "up", "true", "1"), ("no", "down", "false", "0")
_LIMITS = {"u16": 0xFFFF, "u32": 0xFFFFFFFF, "u64": 0xFFFFFFFFFFFFFFFF}


class ConfError(Exception):
    """The file cannot be used: `args[0]` is the line Slurm prints behind ``error: ``."""

    def __init__(self, text: str, file: str = "", line: int = 0, column: int = 0) -> None:
        self.text, self.file, self.line, self.column = text, file, line, column
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """Something an admin should know of: severity is error, warning or notice."""

    severity: str
    file: str
    line: int
    column: int
    key: str
    text: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.file}:{self.line}:{self.column}: {self.key}: {self.text}{hint}"


@dataclass(frozen=True)
class SlurmConf:
    """One cluster's configuration."""

    path: str
    cluster_name: str
    controllers: tuple[tuple[str, str], ...]  # (host, address) of primary and backups
    values: Mapping[str, Value]  # what the file says, by lower-case key
    nodes: tuple[pb.NodeRecord, ...]
    partitions: tuple[pb.PartitionRecord, ...]
    down_nodes: tuple[tuple[tuple[str, ...], str, str], ...]  # (names, state, reason)
    diagnostics: tuple[Diagnostic, ...]
    multiple_slurmd: bool = True

    @property
    def directory(self) -> str:
        return os.path.dirname(os.path.abspath(self.path))

    def get(self, key: str) -> Any:
        """The value of a key as its type says (`slurm_keys`), or Slurm's default (None: unset); KeyError for a name that is no key."""
        name = key.lower()
        if name in self.values:
            return self.values[name]
        return KEYS[name].default

    def given(self, key: str) -> bool:
        """Does the file say so?"""
        return key.lower() in self.values

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
        """Licenses= as counts."""
        result = {}
        for item in filter(None, str(self.get("Licenses") or "").replace(";", ",").split(",")):
            name, _, count = item.strip().partition(":")
            result[name] = int(count) if count.isdigit() else 1
        return result


@dataclass(slots=True)
class _Reading:
    """What gathers while a file is read."""

    strict: bool
    values: dict[str, Value] = field(default_factory=dict)
    nodes: list[tuple[Line, list[Word]]] = field(default_factory=list)
    partitions: list[tuple[Line, list[Word]]] = field(default_factory=list)
    node_sets: list[list[Word]] = field(default_factory=list)
    down_nodes: list[list[Word]] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    first_error: ConfError | None = None

    def note(self, severity: str, line: Line, word: Word, text: str, hint: str = "") -> None:
        self.diagnostics.append(Diagnostic(severity, line.file, line.number, word.column, word.key, text, hint))

    def error(self, line: Line, word: Word, text: str, hint: str = "") -> None:
        """Something Slurm's daemons would not start with."""
        self.note("error", line, word, text, hint)
        if self.first_error is None:
            self.first_error = ConfError(text, line.file, line.number, word.column)


def load(path: str, *, strict: bool = False) -> SlurmConf:
    """Read a configuration file.

    strict: raise ConfError for what Slurm refuses (daemons and commands); otherwise only for a
    file that is of no use at all, everything else being a Diagnostic.  Raises OSError where it cannot be read.
    """
    reading = _Reading(strict)
    try:
        for line in read(path):
            try:
                _line(reading, line)
            except LineError as exc:
                if strict:
                    raise ConfError(str(exc), exc.file, exc.line, exc.column) from None
                reading.diagnostics.append(
                    Diagnostic("error", exc.file, exc.line, exc.column, exc.text[:40], "is not KEY=VALUE", "remove it")
                )
    except LineError as exc:
        raise ConfError(str(exc), exc.file, exc.line, exc.column) from None
    if strict and reading.first_error is not None:
        raise reading.first_error
    return _finish(path, reading)


def _line(reading: _Reading, line: Line) -> None:
    found = words(line)
    key = found[0].key.lower()
    if key in LINE_KEYS:
        for word in found:
            if word.key.lower() not in LINE_KEYS[key]:
                reading.error(
                    line, word, f"_parse_next_key: Parsing error at unrecognized key: {word.key}",
                    f"no option of {found[0].key}; check the spelling",
                )  # fmt: skip
        kept = [word for word in found if word.key.lower() in LINE_KEYS[key]]
        if key == "nodename":
            reading.nodes.append((line, kept))
        elif key == "partitionname":
            reading.partitions.append((line, kept))
        elif key == "nodeset":
            reading.node_sets.append(kept)
        elif key == "downnodes":
            reading.down_nodes.append(kept)
        else:
            reading.note("error", line, found[0], "front-end nodes are not supported", "use NodeName lines")
        return
    if len(found) > 1:
        rest = line.text[found[1].column - 1 :].strip()
        raise LineError(line.file, line.number, found[1].column, rest)
    _simple(reading, line, found[0])


def _simple(reading: _Reading, line: Line, word: Word) -> None:
    name = word.key.lower()
    key = KEYS.get(name)
    if key is None:
        reading.error(
            line, word, f"_parse_next_key: Parsing error at unrecognized key: {word.key}",
            "no parameter of slurm.conf in any release; check the spelling or remove it",
        )  # fmt: skip
        return
    if name == "slurmctldhost":
        reading.hosts.append(word.value)
        return
    if key.status == "O":
        reading.note("notice", line, word, "obsolete: accepted, without effect", "it can be removed")
    elif key.status == "A":
        reading.note("notice", line, word, "recorded, not acted on")
    value = _value(reading, line, word, key)
    if key.type == "array":
        old = reading.values.get(name) or ()
        reading.values[name] = (*old, str(value)) if isinstance(old, tuple) else (str(value),)
        return
    if name in reading.values:
        reading.note("warning", line, word, "given before: this value counts", "keep one of them")
    reading.values[name] = value


def _value(reading: _Reading, line: Line, word: Word, key: Key) -> Value:
    text = word.value
    if key.type == "bool":
        lower = text.lower()
        if lower in _TRUE:
            return True
        if lower in _FALSE:
            return False
        reading.error(line, word, f'"{text}" is not a valid option for "{key.name}"', "give YES or NO")
        return key.default
    if key.type in _LIMITS:
        if text.upper() in ("UNLIMITED", "INFINITE"):
            return _LIMITS[key.type]
        try:
            number = c_integer(text)
        except ValueError:
            reading.error(line, word, f'{key.name} value "{text}" is not a valid number')
            return key.default
        if number > _LIMITS[key.type]:
            reading.error(line, word, f"{key.name} value ({number}) is out of range")
            return key.default
        if text[:1] == "0" and len(text) > 1 and text[1:2] not in "xX":
            reading.note("warning", line, word, f"{text} is octal: {number}", "drop the leading zero")
        return number
    return text


def c_integer(text: str) -> int:
    """A number as strtoul(3) with base 0 reads it: 010 is 8, 0x10 is 16.  Raises ValueError."""
    if not re.fullmatch(r"\+?(0[xX][0-9a-fA-F]+|\d+)", text):
        raise ValueError(text)
    digits = text.lstrip("+")
    if digits[:2].lower() == "0x":
        return int(digits, 16)
    if digits.startswith("0") and len(digits) > 1:
        return int(digits, 8)
    return int(digits)


# ---------------------------------------------------------------- the whole


def _finish(path: str, reading: _Reading) -> SlurmConf:
    values = reading.values
    cluster = str(values.get("clustername") or "").lower()
    if not cluster:
        raise ConfError("ClusterName needs to be specified", path)
    hosts = reading.hosts or [
        f"{values[name]}({values[address]})" if values.get(address) else str(values[name])
        for name, address in (("controlmachine", "controladdr"), ("backupcontroller", "backupaddr"))
        if values.get(name)
    ]
    if not hosts:
        raise ConfError("No SlurmctldHost defined.", path)
    nodes = _nodes(reading)
    partitions = _partitions(reading, nodes)
    down = tuple(
        (
            tuple(_expand(reading, None, _get(line, "downnodes"))),
            _get(line, "state") or "DOWN",
            _get(line, "reason"),
        )
        for line in reading.down_nodes
    )
    by_name = {node.name: node for node in nodes}
    for names, state, reason in down:
        for name in names:
            if name in by_name:
                by_name[name].state = _node_state(state)
                by_name[name].reason = reason
    return SlurmConf(
        path=path,
        cluster_name=cluster,
        controllers=tuple(_host(text) for text in hosts),
        values=values,
        nodes=tuple(nodes),
        partitions=tuple(partitions),
        down_nodes=down,
        diagnostics=tuple(reading.diagnostics),
    )


def _host(text: str) -> tuple[str, str]:
    """``name(address)``; the address of a plain name is the name."""
    match = re.fullmatch(r"([^()]+)\(([^()]*)\)", text)
    return (match[1], match[2]) if match else (text, text)


def _get(found: Iterable[Word], key: str) -> str:
    value = ""
    for word in found:
        if word.key.lower() == key:
            value = word.value
    return value


def _expand(reading: _Reading, line: Line | None, text: str) -> list[str]:
    try:
        return hostlist.expand(text)
    except ValueError as exc:
        where = line or Line("", 0, "")
        raise ConfError(f"{exc}", where.file, where.number) from exc


# ---------------------------------------------------------------- nodes

_NODE_STATES = {
    "UNKNOWN": st.NODE_UNKNOWN,
    "IDLE": st.NODE_UNKNOWN,
    "DOWN": st.NODE_DOWN,
    "DRAIN": st.NODE_UNKNOWN | st.NODE_DRAIN,
    "FAIL": st.NODE_UNKNOWN | st.NODE_FAIL,
    "FAILING": st.NODE_UNKNOWN | st.NODE_FAIL,
    "FUTURE": st.NODE_FUTURE,
    "CLOUD": st.NODE_IDLE | st.NODE_CLOUD | st.NODE_POWERED_DOWN,
    "EXTERNAL": st.NODE_UNKNOWN,
}


def _node_state(text: str) -> int:
    return _NODE_STATES.get(text.upper(), st.NODE_UNKNOWN)


def _nodes(reading: _Reading) -> list[pb.NodeRecord]:
    defaults: dict[str, str] = {}
    result: list[pb.NodeRecord] = []
    seen: set[str] = set()
    for line, found in reading.nodes:
        given = {word.key.lower(): word.value for word in found}
        name = given.pop("nodename")
        if name.upper() == "DEFAULT":
            defaults |= given
            continue
        merged = {**defaults, **given}
        names = _expand(reading, line, name)
        columns = {
            key: _per_node(reading, line, merged.get(key, ""), names, key)
            for key in ("nodehostname", "nodeaddr", "port")
        }
        for position, node in enumerate(names):
            if node in seen:
                if reading.strict:
                    reading.note("error", line, found[0], f"duplicated NodeName {node}", "name every node once")
                continue
            seen.add(node)
            host = columns["nodehostname"][position] or node
            record = pb.NodeRecord(
                name=node,
                hostname=host,
                address=columns["nodeaddr"][position] or columns["nodehostname"][position] or node,
                index=len(result),
            )
            port = columns["port"][position]
            record.port = int(port) if port.isdigit() else _port(reading)
            record.port_set = bool(port)
            _node_fields(reading, line, found[0], record, merged)
            result.append(record)
    return result


def _port(reading: _Reading) -> int:
    value = reading.values.get("slurmdport")
    return value if isinstance(value, int) else 6818


def _per_node(reading: _Reading, line: Line, text: str, names: list[str], key: str) -> list[str]:
    """One value a node out of a host list (Port: also ``[7001-7004]`` and ``7001-7004``)."""
    if not text:
        return [""] * len(names)
    if key == "port" and re.fullmatch(r"\d+-\d+", text):
        text = f"[{text}]"
    values = _expand(reading, line, text)
    if len(values) == 1:
        return values * len(names)
    if len(values) != len(names):
        raise ConfError(f"{key}={text} names {len(values)} values for {len(names)} nodes", line.file, line.number)
    return values


def _node_fields(reading: _Reading, line: Line, word: Word, record: pb.NodeRecord, given: Mapping[str, str]) -> None:
    def number(*keys: str, default: int = 0) -> int:
        for key in keys:
            if key in given:
                try:
                    return c_integer(given[key])
                except ValueError:
                    reading.error(line, word, f'{key} value "{given[key]}" is not a valid number')
        return default

    cpus = number("cpus", "procs")
    boards = number("boards", default=1) or 1
    sockets = number("socketsperboard") or (number("sockets") // boards if "sockets" in given else 0)
    cores, threads = number("corespersocket"), number("threadspercore", default=1) or 1
    if not sockets and not cores:
        sockets, cores = (cpus // threads if cpus and cpus % threads == 0 and threads > 1 else cpus) or 1, 1
    sockets, cores = sockets or max(1, cpus // max(1, cores * threads * boards)), cores or 1
    total = boards * sockets * cores * threads
    if not cpus:
        cpus = total
    elif cpus not in (total, boards * sockets * cores) and cpus != boards * sockets:
        reading.note(
            "warning", line, word,
            f"CPUs={cpus} of {record.name} match no {boards}x{sockets}x{cores}x{threads} layout; {total} are used",
            "make CPUs the product, or leave it out",
        )  # fmt: skip
        cpus = total
    record.cpus, record.boards, record.sockets, record.cores, record.threads = cpus, boards, sockets, cores, threads
    record.memory = number("realmemory", default=1)
    record.tmp_disk = number("tmpdisk")
    record.weight = number("weight", default=1)
    record.core_spec, record.mem_spec = number("corespeccount"), number("memspeclimit")
    record.cpu_spec_list = given.get("cpuspeclist", "")
    record.features = record.active_features = given.get("features") or given.get("feature") or ""
    record.gres = given.get("gres", "")
    record.reason = given.get("reason", "")
    record.bcast_addr = given.get("bcastaddr", "")
    record.state = _node_state(given.get("state", "UNKNOWN"))


# ---------------------------------------------------------------- partitions

_PARTITION_STATES = {
    "UP": st.PARTITION_UP,
    "DOWN": st.PARTITION_DOWN,
    "DRAIN": st.PARTITION_DRAIN,
    "INACTIVE": st.PARTITION_INACTIVE,
}

#: sub-key → text field of PartitionRecord; ALL means "no restriction"
_TEXTS = {
    "allowgroups": "allow_groups",
    "allowaccounts": "allow_accounts",
    "denyaccounts": "deny_accounts",
    "allowqos": "allow_qos",
    "denyqos": "deny_qos",
    "allocnodes": "alloc_nodes",
    "alternate": "alternate",
    "qos": "qos",
    "tresbillingweights": "tres_billing_weights",
    "selecttypeparameters": "select_type_parameters",
    "resumetimeout": "resume_timeout",
    "suspendtimeout": "suspend_timeout",
    "suspendtime": "suspend_time",
    "cpubind": "cpu_bind",
    "topology": "topology",
}
_FLAGS = {
    "default": "is_default",
    "hidden": "hidden",
    "rootonly": "root_only",
    "disablerootjobs": "disable_root_jobs",
    "exclusiveuser": "exclusive_user",
    "exclusivetopo": "exclusive_topo",
    "lln": "lln",
    "reqresv": "req_resv",
    "powerdownonidle": "power_down_on_idle",
}
_NUMBERS = {
    "minnodes": "min_nodes",
    "maxnodes": "max_nodes",
    "maxcpuspernode": "max_cpus_per_node",
    "maxcpuspersocket": "max_cpus_per_socket",
    "priorityjobfactor": "priority_job_factor",
    "prioritytier": "priority_tier",
    "overtimelimit": "over_time_limit",
    "defmempercpu": "def_mem_per_cpu",
    "defmempernode": "def_mem_per_node",
    "maxmempercpu": "max_mem_per_cpu",
    "maxmempernode": "max_mem_per_node",
    "defcpupergpu": "def_cpu_per_gpu",
    "defmempergpu": "def_mem_per_gpu",
}
_UNLIMITED_IS_UNSET = {
    "def_mem_per_cpu", "def_mem_per_node", "max_mem_per_cpu", "max_mem_per_node", "max_cpus_per_node",
    "max_cpus_per_socket",
}  # fmt: skip


def _partitions(reading: _Reading, nodes: list[pb.NodeRecord]) -> list[pb.PartitionRecord]:
    sets = {
        _get(found, "nodeset"): [
            n.name
            for n in nodes
            if n.name in set(hostlist.expand(_get(found, "nodes")) if _get(found, "nodes") else ())
            or (_get(found, "feature") and _get(found, "feature") in n.features.split(","))
        ]
        for found in reading.node_sets
    }
    names = tuple(node.name for node in nodes)
    defaults: dict[str, str] = {}
    result: list[pb.PartitionRecord] = []
    seen: set[str] = set()
    for line, found in reading.partitions:
        given = {word.key.lower(): word.value for word in found}
        name = given.pop("partitionname")
        if name.upper() == "DEFAULT":
            defaults |= given
            continue
        if name in seen:
            reading.note("error", line, found[0], f"duplicated partition {name}", "name every partition once")
            continue
        seen.add(name)
        base = pb.PartitionRecord(
            name=name, state=st.PARTITION_UP, max_time=INFINITE, max_nodes=INFINITE, priority_job_factor=1,
            priority_tier=1, oversubscribe="NO", index=len(result),
        )  # fmt: skip
        merged = {**defaults, **given}
        try:
            record = partition_from_words(base, list(merged.items()), names, sets)
        except ValueError as exc:
            reading.error(line, found[0], str(exc))
            continue
        unknown = [n for n in record.node_names if n not in set(names)]
        if unknown:
            reading.note(
                "error", line, found[0], f"unknown node {unknown[0]} in partition {name}", "add a NodeName line"
            )
            kept = [n for n in record.node_names if n in set(names)]
            record.node_names[:] = kept
        result.append(record)
    if result and not any(p.is_default for p in result) and len(result) == 1:
        pass  # a single partition is still no default: jobs must name it, as in Slurm
    return result


def partition_from_words(
    base: pb.PartitionRecord,
    given: list[tuple[str, str]],
    nodes: tuple[str, ...],
    node_sets: Mapping[str, list[str]] | None = None,
) -> pb.PartitionRecord:
    """A copy of `base` with the settings of a PartitionName line (or scontrol's) applied.

    `nodes`: all node names in order, for ``Nodes=ALL``.  Raises ValueError naming the setting.
    """
    record = pb.PartitionRecord.FromString(base.SerializeToString())
    for raw, value in given:
        key = raw.lower()
        if key in _TEXTS:
            setattr(record, _TEXTS[key], "" if value.upper() == "ALL" and key.startswith("all") else value)
        elif key in _FLAGS:
            if value.lower() not in _TRUE + _FALSE:
                raise ValueError(f'"{value}" is not a valid option for "{raw}"')
            setattr(record, _FLAGS[key], value.lower() in _TRUE)
        elif key in _NUMBERS:
            _partition_number(record, raw, _NUMBERS[key], value)
        elif key == "priority":
            record.priority_job_factor = record.priority_tier = _plain(raw, value)
        elif key == "state":
            if value.upper() not in _PARTITION_STATES:
                raise ValueError(f'Bad value "{value}" for State')
            record.state = _PARTITION_STATES[value.upper()]
        elif key == "maxtime":
            record.max_time = _minutes(raw, value)
        elif key == "defaulttime":
            record.default_time_set = value.upper() != "NONE"
            record.default_time = _minutes(raw, value) if record.default_time_set else 0
        elif key == "gracetime":
            record.grace_time = _minutes(raw, value) * 60 if ":" in value else _plain(raw, value)
        elif key in ("oversubscribe", "shared", "exclusive"):
            record.oversubscribe = _oversubscribe(key, value)
            if key == "exclusive" and value.upper() == "USER":
                record.exclusive_user = True
        elif key == "preemptmode":
            record.preempt_mode = value.upper()
        elif key == "nodes":
            _partition_nodes(record, value, nodes, node_sets or {})
        elif key not in ("partitionname", "partition"):
            raise ValueError(f"{raw} is no setting of a partition")
    return record


def _plain(raw: str, value: str) -> int:
    try:
        return c_integer(value)
    except ValueError:
        raise ValueError(f'{raw} value "{value}" is not a valid number') from None


def _minutes(raw: str, value: str) -> int:
    try:
        return parse_minutes(value)
    except ValueError:
        raise ValueError(f'Bad value "{value}" for {raw}') from None


def _partition_number(record: pb.PartitionRecord, raw: str, name: str, value: str) -> None:
    if value.upper() in ("UNLIMITED", "INFINITE", "NONE"):
        if name in _UNLIMITED_IS_UNSET or value.upper() == "NONE":
            record.ClearField(name)
            if name == "max_nodes":
                record.max_nodes = INFINITE
        else:
            setattr(record, name, INFINITE)
        return
    setattr(record, name, _plain(raw, value))


def _oversubscribe(key: str, value: str) -> str:
    word, _, count = value.upper().partition(":")
    if key == "exclusive":
        return "EXCLUSIVE" if word in ("NODE", "YES") else "NO"
    if word in ("YES", "FORCE"):
        return f"{word}:{count or 4}"
    if word in ("NO", "EXCLUSIVE"):
        return word
    raise ValueError(f'Bad value "{value}" for OverSubscribe')


def _partition_nodes(
    record: pb.PartitionRecord, value: str, nodes: tuple[str, ...], node_sets: Mapping[str, list[str]]
) -> None:
    if value.upper() == "ALL":
        names = list(nodes)
    else:
        names = []
        for name in hostlist.expand(value) if value else []:
            names += node_sets.get(name, [name]) if name not in nodes else [name]
    unique = list(dict.fromkeys(names))
    order = {name: index for index, name in enumerate(nodes)}
    unique.sort(key=lambda name: order.get(name, len(order)))
    record.node_names[:] = unique
    record.nodes = hostlist.compress(unique)
