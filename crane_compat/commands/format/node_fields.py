"""What sinfo can show: a row is one or several nodes of a partition that agree in what is shown (sinfo(1))."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from crane_compat.commands.format import node_state
from crane_compat.commands.format.columns import Field, FieldTable
from crane_compat.commands.format.texts import NULL, moment, natural_key, or_null
from crane_compat.core import states as st
from crane_compat.parsers import hostlist
from crane_compat.parsers.time_limit import format_minutes
from crane_compat.wire import INFINITE, pb

Node = pb.NodeRecord
Partition = pb.PartitionRecord

_WORKING = (st.NODE_ALLOCATED, st.NODE_MIXED)


class Row:
    """Nodes shown together and the partition they are shown for."""

    __slots__ = ("nodes", "partition")

    def __init__(self, partition: Partition, nodes: list[Node] | None = None) -> None:
        self.partition = partition
        self.nodes = nodes if nodes is not None else []

    @property
    def state(self) -> int:
        return self.nodes[0].state if self.nodes else 0

    def node_counts(self) -> tuple[int, int, int]:
        """Nodes allocated, idle, other."""
        alloc = other = 0
        for node in self.nodes:
            base = node.state & st.NODE_BASE_MASK
            if base in _WORKING or node.state & st.NODE_COMPLETING:
                alloc += 1
            elif node.state & st.NODE_DRAIN or base == st.NODE_DOWN:
                other += 1
        return alloc, len(self.nodes) - alloc - other, other

    def cpu_counts(self) -> tuple[int, int, int]:
        """CPUs allocated, idle, other."""
        alloc = idle = other = 0
        for node in self.nodes:
            alloc += node.alloc_cpus
            free = node.cpus - node.alloc_cpus
            if node.state & st.NODE_DRAIN or node.state & st.NODE_BASE_MASK == st.NODE_DOWN:
                other += free
            else:
                idle += free
        return alloc, idle, other


@dataclass(frozen=True, slots=True)
class RowField(Field[Row]):
    """A field of rows and what nodes (and partitions) must have in common to share a row that shows it."""

    node_key: Callable[[Node], Any] | None = None
    part_key: Callable[[Partition], Any] | None = None
    exact_key: Callable[[Node], Any] | None = None  #: with --exact


Text = Callable[[Row], str]


def _span(get: Callable[[Node], float], between: bool = False, form: Callable[[float], str] = str) -> Text:
    """``8``, ``8+`` (different, at least 8) or, `between`, ``8-16``."""

    def text(row: Row) -> str:
        values = [get(node) for node in row.nodes] or [0]
        low, high = min(values), max(values)
        if low == high:
            return form(low)
        return f"{form(low)}-{form(high)}" if between else f"{form(low)}+"

    return text


def _by(get: Callable[[Node], Any]) -> Callable[[Row], Any]:
    """Sort key: what the row's first node has, rows without nodes first."""
    return lambda row: (1, get(row.nodes[0])) if row.nodes else (0,)


def _number(
    name: str, header: str, letter: str, attribute: str, between: bool = False, form: Callable[[float], str] = str
) -> RowField:
    """A number of nodes: rows may hold different ones, unless --exact."""
    get = attrgetter(attribute)
    return RowField((name,), header, _span(get, between, form), letter, sort=_by(get), exact_key=get)


def _node(name: str, header: str, letter: str, get: Callable[[Node], str], absent: str = "", **more: Any) -> RowField:
    """A text of nodes: those of a row agree in it; `absent` is shown for a row without nodes."""
    more.setdefault("node_key", get)
    more.setdefault("sort", _by(get))
    return RowField((name,), header, lambda row: get(row.nodes[0]) if row.nodes else absent, letter, **more)


def _part(
    name: str, header: str, letter: str, get: Callable[[Partition], str], sort: str = "", **more: Any
) -> RowField:
    """A text of partitions; `sort` is the attribute to sort by."""
    key = attrgetter("partition." + sort) if sort else lambda row: get(row.partition)
    return RowField((name,), header, lambda row: get(row.partition), letter, sort=key, part_key=get, **more)


def partition_name(partition: Partition) -> str:
    """With ``*`` behind the default partition."""
    return partition.name + "*" if partition.is_default else partition.name


def _available(partition: Partition) -> str:
    return st.PARTITION_NAMES.get(partition.state, "UNKNOWN").lower()


def _job_size(partition: Partition) -> str:
    low = max(1, partition.min_nodes)
    if partition.max_nodes == INFINITE:
        return f"{low}-infinite"
    return str(low) if low == partition.max_nodes else f"{low}-{partition.max_nodes}"


def _default_time(partition: Partition) -> str:
    return format_minutes(partition.default_time) if partition.default_time_set else "n/a"


def max_cpus(partition: Partition) -> str:
    if not partition.HasField("max_cpus_per_node") or partition.max_cpus_per_node == INFINITE:
        return "UNLIMITED"
    return str(partition.max_cpus_per_node)


def _reason_user(node: Node) -> str:
    return node.reason_user if node.reason and node.reason_user else "Unknown"


def _reason_user_long(node: Node) -> str:
    return f"{node.reason_user}({node.reason_uid})" if node.reason and node.reason_user else "Unknown"


def _reason_time(node: Node) -> str:
    return moment(node.reason_time) if node.reason else "Unknown"


def gres_used(node: Node) -> str:
    """``gpu:tesla:1(IDX:0)``; idle devices where the controller says nothing."""
    if node.gres_used or not node.gres:
        return node.gres_used
    parts = (part.partition("(")[0].rpartition(":") for part in node.gres.split(","))
    return ",".join(f"{name}:0(IDX:N/A)" for name, _, _ in parts if name)


def _load(value: float) -> str:
    return f"{value:.2f}"


def _slashes(counts: tuple[int, int, int]) -> str:
    return "/".join(map(str, (*counts, sum(counts))))


def _null(name: str) -> Callable[[Node], str]:
    return lambda node: getattr(node, name) or NULL


def _word(node: Node) -> str:
    return node_state.state_word(node.state)


def _short_word(node: Node) -> str:
    return node_state.state_word(node.state, short=True)


def row_fields(cluster: str = "") -> FieldTable[Row]:
    """The table; `cluster` is shown where --clusters was given."""
    state: dict[str, Any] = {"sort": attrgetter("state"), "node_key": _word}
    shared = _part("share", "OVERSUBSCRIBE", "h", lambda p: p.oversubscribe or "NO")
    return FieldTable(
        (
            _node("allocmem", "ALLOCMEM", "", lambda n: str(n.alloc_memory), "0"),
            _part("allocnodes", "ALLOCNODES", "S", lambda p: p.alloc_nodes or "all"),
            _part("available", "AVAIL", "a", _available, "state"),
            RowField(("cluster",), "CLUSTER", lambda row: cluster or "N/A", "V"),
            _node("comment", "COMMENT", "", _null("comment"), NULL),
            _number("cores", "CORES", "Y", "cores"),
            _number("cpus", "CPUS", "c", "cpus"),
            _number("cpusload", "CPU_LOAD", "O", "cpu_load", True, _load),
            RowField(("cpusstate",), "CPUS(A/I/O/T)", lambda r: _slashes(r.cpu_counts()), "C", sort=Row.cpu_counts),
            _part("defaulttime", "DEFAULTTIME", "L", _default_time, "default_time", cut=False),
            _number("disk", "TMP_DISK", "d", "tmp_disk"),
            _node("extra", "EXTRA", "", _null("extra"), NULL),
            _node("features", "AVAIL_FEATURES", "f", _null("features"), NULL),
            _node("features_act", "ACTIVE_FEATURES", "b", _null("active_features"), NULL),
            _number("freemem", "FREE_MEM", "e", "free_memory", True, lambda mebibytes: str(int(mebibytes))),
            _node("gres", "GRES", "G", _null("gres"), NULL),
            _node("gresused", "GRES_USED", "", lambda n: or_null(gres_used(n)), NULL),
            _part("groups", "GROUPS", "g", lambda p: p.allow_groups or "all"),
            _part("maxcpuspernode", "MAX_CPUS_PER_NODE", "B", max_cpus),
            _number("memory", "MEMORY", "m", "memory"),
            _node("nodeaddr", "NODE_ADDR", "o", attrgetter("address")),
            RowField(("nodeai",), "NODES(A/I)", _alloc_idle, "A", sort=Row.node_counts),
            RowField(("nodeaiot",), "NODES(A/I/O/T)", lambda r: _slashes(r.node_counts()), "F", sort=Row.node_counts),
            _node("nodehost", "HOSTNAMES", "n", attrgetter("hostname"), sort=_by(lambda n: natural_key(n.hostname))),
            RowField(("nodelist",), "NODELIST", _names, "N", cut_header=False, sort=_by(lambda n: natural_key(n.name))),
            RowField(("nodes",), "NODES", lambda row: str(len(row.nodes)), "D", sort=lambda row: len(row.nodes)),
            replace(shared, names=("oversubscribe", "share")),
            _part("partition", "PARTITION", "P", partition_name, "name"),
            _part("partitionname", "PARTITION", "R", attrgetter("name"), "name"),
            RowField(("port",), "PORT", lambda row: str(row.nodes[0].port) if row.nodes else ""),
            _part("preemptmode", "PREEMPT_MODE", "M", lambda p: p.preempt_mode or "OFF"),
            _part("priorityjobfactor", "PRIO_JOB_FACTOR", "I", _job_factor, "priority_job_factor"),
            _part("prioritytier", "PRIO_TIER", "p", lambda p: str(p.priority_tier), "priority_tier"),
            _node("reason", "REASON", "E", lambda n: n.reason or "none", "none"),
            _node("reservation", "RESERVATION", "i", attrgetter("resv_name")),
            _part("root", "ROOT", "r", lambda p: "yes" if p.root_only else "no"),
            _part("size", "JOB_SIZE", "s", _job_size, "max_nodes"),
            _number("sockets", "SOCKETS", "X", "sockets"),
            RowField(("socketcorethread",), "S:C:T", _topology, "z", exact_key=_shape, sort=_by(_shape)),
            _node("statecompact", "STATE", "t", _short_word, "n/a", **state),
            _node("statecomplete", "STATECOMPLETE", "", lambda n: node_state.state_flags(n.state).lower(), "n/a"),
            _node("statelong", "STATE", "T", _word, "n/a", **state),
            _number("threads", "THREADS", "Z", "threads"),
            _part("time", "TIMELIMIT", "l", lambda p: format_minutes(p.max_time), "max_time", cut=False),
            _node("timestamp", "TIMESTAMP", "H", _reason_time, "Unknown"),
            _node("user", "USER", "u", _reason_user, "Unknown"),
            _node("userlong", "USER", "U", _reason_user_long, "Unknown"),
            _node("version", "VERSION", "v", attrgetter("version")),
            _number("weight", "WEIGHT", "w", "weight"),
        )
    )


def _job_factor(partition: Partition) -> str:
    return str(partition.priority_job_factor)


def _alloc_idle(row: Row) -> str:
    alloc, idle, _ = row.node_counts()
    return f"{alloc}/{idle}"


def _names(row: Row) -> str:
    return hostlist.compress([node.name for node in row.nodes], sort=True)


def _shape(node: Node) -> tuple[int, int, int]:
    return node.sockets, node.cores, node.threads


def _topology(row: Row) -> str:
    return ":".join(_span(attrgetter(name))(row) for name in ("sockets", "cores", "threads"))
