"""NodeName, NodeSet and DownNodes lines of slurm.conf become node records."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crane_compat.core import states as st
from crane_compat.parsers.binding import default_unit
from crane_compat.parsers.conf_lines import Line, Word
from crane_compat.parsers.conf_reading import Reading, c_integer
from crane_compat.wire import pb

#: State= of a NodeName or DownNodes line (slurm.conf(5)); IDLE means UNKNOWN until the node has registered
NODE_STATES = {
    "UNKNOWN": st.NODE_UNKNOWN,
    "IDLE": st.NODE_UNKNOWN,
    "DOWN": st.NODE_DOWN,
    "DRAIN": st.NODE_UNKNOWN | st.NODE_DRAIN,
    "FAIL": st.NODE_UNKNOWN | st.NODE_FAILING,
    "FAILING": st.NODE_UNKNOWN | st.NODE_FAILING,
    "FUTURE": st.NODE_FUTURE,
    "CLOUD": st.NODE_IDLE | st.NODE_CLOUD | st.NODE_POWERED_DOWN,
    "EXTERNAL": st.NODE_UNKNOWN,
}

#: sub-key → whole-number field of NodeRecord
_NUMBERS = {
    "realmemory": "memory",
    "tmpdisk": "tmp_disk",
    "weight": "weight",
    "corespeccount": "core_spec",
    "memspeclimit": "mem_spec",
}
_TEXTS = {"cpuspeclist": "cpu_spec_list", "gres": "gres", "reason": "reason", "bcastaddr": "bcast_addr"}


@dataclass(frozen=True, slots=True)
class ArrayLine:
    """A line of a key that may be given often, with its words; `get` by lower-case sub-key."""

    line: Line
    words: tuple[Word, ...]

    @property
    def first(self) -> Word:
        return self.words[0]

    def given(self) -> dict[str, str]:
        """Lower-case sub-key → value; the last of equal ones counts."""
        return {word.key.lower(): word.value for word in self.words}

    def get(self, key: str) -> str:
        return self.given().get(key, "")

    def word(self, *keys: str) -> Word:
        """The word of one of these sub-keys, else the line's first."""
        return next((word for word in self.words if word.key.lower() in keys), self.first)


def nodes(reading: Reading, lines: Sequence[ArrayLine], port: int) -> list[pb.NodeRecord]:
    """All nodes in the order of the file; `port`: SlurmdPort.  The first line of a name counts."""
    defaults: dict[str, str] = {}
    result: list[pb.NodeRecord] = []
    seen: set[str] = set()
    for entry in lines:
        given = entry.given()
        name = given.pop("nodename")
        if name.upper() == "DEFAULT":
            defaults |= given
            continue
        merged = {**defaults, **given}
        names = reading.expand(entry.line, entry.first, name)
        pattern = _pattern(reading, entry, merged, name)
        hosts = _per_node(reading, entry, merged.get("nodehostname", ""), names, "NodeHostname")
        addresses = _per_node(reading, entry, merged.get("nodeaddr", ""), names, "NodeAddr")
        ports = _per_node(reading, entry, merged.get("port", ""), names, "Port")
        for position, node in enumerate(names):
            if node in seen:
                hint = "name every node once"
                reading.note("fatal", entry.line, entry.first, f"duplicated NodeName {node}", hint)
                continue
            seen.add(node)
            record = pb.NodeRecord()
            record.CopyFrom(pattern)
            record.name = node
            record.hostname = hosts[position] or node
            record.address = addresses[position] or record.hostname
            record.index = len(result)
            own = ports[position]
            if own and not (own.isdigit() and int(own) < 65536):
                reading.note("error", entry.line, entry.word("port"), f'Port "{own}" is not a port number')
                own = ""
            record.port, record.port_set = int(own or port), bool(own)
            result.append(record)
    return result


def _per_node(reading: Reading, entry: ArrayLine, text: str, names: list[str], key: str) -> list[str]:
    """One value a node out of a host list (Port: also ``[7001-7004]`` and ``7001-7004``)."""
    if not text:
        return [""] * len(names)
    word = entry.word(key.lower())
    if key == "Port" and re.fullmatch(r"\d+-\d+", text):
        text = f"[{text}]"
    values = reading.expand(entry.line, word, text)
    if len(values) == len(names):
        return values
    if len(values) > 1:
        reading.note(
            "fatal",
            entry.line,
            word,
            f"{key}={text} has {len(values)} values for {len(names)} nodes",
            "give one, or as many as there are nodes",
        )
    return (values or [""])[:1] * len(names)


def _pattern(reading: Reading, entry: ArrayLine, given: Mapping[str, str], name: str) -> pb.NodeRecord:
    """What all nodes of a line have in common."""

    def number(*keys: str, default: int = 0) -> int:
        for key in keys:
            if key in given:
                word = entry.word(key)
                try:
                    value = c_integer(given[key])
                except ValueError:
                    reading.error(entry.line, word, f'{word.key} value "{given[key]}" is not a valid number')
                    continue
                if value <= 0xFFFFFFFF:
                    return value
                reading.error(entry.line, word, f"{word.key} value ({given[key]}) is greater than {0xFFFFFFFF}")
        return default

    cpus, boards, threads = number("cpus", "procs"), number("boards") or 1, number("threadspercore") or 1
    cores, sockets = number("corespersocket"), number("socketsperboard")
    if not sockets and (total := number("sockets")):
        sockets = max(1, total // boards)
    if not sockets and not cores:
        # CPUs alone: that many sockets of one core (slurm.conf(5), CPUs)
        sockets, cores = max(1, cpus // (boards * threads) if cpus % (boards * threads) == 0 else cpus), 1
    sockets = sockets or max(1, cpus // (cores * threads * boards))
    cores = cores or max(1, cpus // (sockets * threads * boards)) if "sockets" not in given else cores or 1
    layout = boards * sockets * cores * threads
    if cpus and cpus not in (layout, boards * sockets * cores, boards * sockets):
        reading.note(
            "error",
            entry.line,
            entry.word("cpus", "procs"),
            f"NodeNames={name} CPUs={cpus} match no Sockets, Sockets*CoresPerSocket or "
            "Sockets*CoresPerSocket*ThreadsPerCore. Resetting CPUs.",
            f"the layout has {layout} CPUs: make CPUs that product, or leave it out",
        )
        cpus = 0
    record = pb.NodeRecord(
        cpus=cpus or layout, boards=boards, sockets=sockets, cores=cores, threads=threads, memory=1, weight=1
    )
    for key, field in _NUMBERS.items():
        if key in given:
            setattr(record, field, number(key, default=getattr(record, field)))
    for key, field in _TEXTS.items():
        setattr(record, field, given.get(key, ""))
    record.cpu_bind = default_unit(given.get("cpubind", "")) or ""
    record.features = record.active_features = given.get("features") or given.get("feature") or ""
    state = given.get("state", "UNKNOWN")
    if state.upper() not in NODE_STATES:
        hint = f"one of {', '.join(NODE_STATES)}"
        reading.note("fatal", entry.line, entry.word("state"), f"Invalid node state {state}", hint)
    record.state = NODE_STATES.get(state.upper(), st.NODE_UNKNOWN)
    return record


DownNodes = tuple[tuple[str, ...], str, str]


def down_nodes(reading: Reading, lines: Sequence[ArrayLine], known: Sequence[pb.NodeRecord]) -> list[DownNodes]:
    """(names, state, reason) of the DownNodes lines, which set the state of those nodes."""
    by_name = {node.name: node for node in known}
    result: list[DownNodes] = []
    for entry in lines:
        names = reading.expand(entry.line, entry.first, entry.get("downnodes"))
        state, reason = (entry.get("state") or "DOWN").upper(), entry.get("reason")
        if state not in NODE_STATES:
            reading.note("fatal", entry.line, entry.word("state"), f"Invalid node state {state}")
            continue
        for name in names:
            if name not in by_name:
                reading.note("error", entry.line, entry.first, f"unknown node {name}", "add a NodeName line")
                continue
            by_name[name].state = NODE_STATES[state]
            by_name[name].reason = reason
        result.append((tuple(names), state, reason))
    return result


def node_sets(reading: Reading, lines: Sequence[ArrayLine], known: Sequence[pb.NodeRecord]) -> dict[str, list[str]]:
    """Name of a NodeSet → its nodes in the order of the file: those named, and those with the feature."""
    result: dict[str, list[str]] = {}
    for entry in lines:
        name, feature = entry.get("nodeset"), entry.get("feature")
        named = set(reading.expand(entry.line, entry.word("nodes"), entry.get("nodes")))
        if not feature and not named:
            reading.note("error", entry.line, entry.first, f"NodeSet {name} has neither Nodes nor Feature")
        result[name] = [n.name for n in known if n.name in named or (feature and feature in n.features.split(","))]
    return result
