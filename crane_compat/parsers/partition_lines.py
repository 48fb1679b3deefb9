"""PartitionName lines of slurm.conf, and the same words in scontrol's updates, become partition records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from crane_compat.core import states as st
from crane_compat.parsers import hostlist
from crane_compat.parsers.billing_weights import parse_weights
from crane_compat.parsers.conf_reading import FALSE, TRUE, Reading, c_integer
from crane_compat.parsers.node_lines import ArrayLine
from crane_compat.parsers.time_limit import parse_minutes
from crane_compat.wire import INFINITE, pb

PARTITION_STATES = {
    "UP": st.PARTITION_UP,
    "DOWN": st.PARTITION_DOWN,
    "DRAIN": st.PARTITION_DRAIN,
    "INACTIVE": st.PARTITION_INACTIVE,
}

#: sub-key → text field of PartitionRecord
_TEXTS = {
    "allowgroups": "allow_groups",
    "allowaccounts": "allow_accounts",
    "denyaccounts": "deny_accounts",
    "allowqos": "allow_qos",
    "denyqos": "deny_qos",
    "allocnodes": "alloc_nodes",
    "alternate": "alternate",
    "qos": "qos",
    "selecttypeparameters": "select_type_parameters",
    "resumetimeout": "resume_timeout",
    "suspendtimeout": "suspend_timeout",
    "suspendtime": "suspend_time",
    "cpubind": "cpu_bind",
    "topology": "topology",
}
#: of these ALL is the same as nothing
_ALL_IS_NONE = {"allowgroups", "allowaccounts", "allowqos", "allocnodes"}
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
#: UNLIMITED is the same as no such limit
_UNLIMITED_IS_UNSET = {
    "def_mem_per_cpu",
    "def_mem_per_node",
    "max_mem_per_cpu",
    "max_mem_per_node",
    "max_cpus_per_node",
    "max_cpus_per_socket",
}
#: (the one that counts, the one it puts out of force)
_EXCLUSIVE = (
    ("allowaccounts", "denyaccounts"),
    ("allowqos", "denyqos"),
    ("defmempercpu", "defmempernode"),
    ("maxmempercpu", "maxmempernode"),
)


def partitions(
    reading: Reading,
    lines: Sequence[ArrayLine],
    nodes: tuple[str, ...],
    node_sets: Mapping[str, list[str]],
) -> list[pb.PartitionRecord]:
    """All partitions in the order of the file; the first line of a name counts."""
    defaults: dict[str, str] = {}
    result: list[pb.PartitionRecord] = []
    seen: set[str] = set()
    apply = partial(partition_from_words, nodes=nodes, node_sets=node_sets)
    known = set(nodes)
    for entry in lines:
        given = entry.given()
        name = given.pop("partitionname")
        is_default = name.upper() == "DEFAULT"
        if not is_default and name in seen:
            reading.note("fatal", entry.line, entry.first, f"duplicated partition {name}", "name every partition once")
            continue
        seen.add(name)
        for counts, other in _EXCLUSIVE:
            if counts in given and other in given:
                del given[other]
                reading.note("error", entry.line, entry.word(other), f"ignored: {entry.word(counts).key} is given too")
        record = new_partition(name, len(result))
        merged = {**defaults, **given}
        for key, value in merged.items():
            word = entry.word(key)
            try:
                record = apply(record, [(word.key if word.key.lower() == key else key, value)])
            except ValueError as exc:
                reading.error(entry.line, word, str(exc))
        if is_default:
            defaults |= given
            continue
        unknown = [node for node in record.node_names if node not in known]
        if unknown:
            text = f"unknown node {unknown[0]} in partition {name}"
            reading.note("fatal", entry.line, entry.word("nodes"), text, "add a NodeName line")
            record.node_names[:] = [node for node in record.node_names if node in known]
        result.append(record)
    return result


def new_partition(name: str, index: int) -> pb.PartitionRecord:
    """A partition of which nothing has been said."""
    return pb.PartitionRecord(
        name=name, state=st.PARTITION_UP, max_time=INFINITE, max_nodes=INFINITE, priority_job_factor=1,
        priority_tier=1, oversubscribe="NO", index=index,
    )  # fmt: skip


def partition_from_words(
    base: pb.PartitionRecord,
    given: list[tuple[str, str]],
    nodes: tuple[str, ...],
    node_sets: Mapping[str, list[str]] | None = None,
) -> pb.PartitionRecord:
    """A copy of `base` with the settings of a PartitionName line (or scontrol's) applied.

    `nodes`: all node names in order, for ``Nodes=ALL``.  Raises ValueError naming the setting.
    """
    record = pb.PartitionRecord()
    record.CopyFrom(base)
    for raw, value in given:
        key = raw.lower()
        if key in _TEXTS:
            setattr(record, _TEXTS[key], "" if value.upper() == "ALL" and key in _ALL_IS_NONE else value)
        elif key in _FLAGS:
            setattr(record, _FLAGS[key], _flag(raw, value))
        elif key in _NUMBERS:
            _number(record, raw, _NUMBERS[key], value)
        elif key in _OTHERS:
            _OTHERS[key](record, raw, value)
        elif key == "nodes":
            _nodes(record, value, nodes, node_sets or {})
        elif key not in ("partitionname", "partition"):
            raise ValueError(f"{raw} is no setting of a partition")
    return record


def _flag(raw: str, value: str) -> bool:
    if value.lower() not in TRUE + FALSE:
        raise ValueError(f'"{value}" is not a valid option for "{raw}"')
    return value.lower() in TRUE


def _plain(raw: str, value: str) -> int:
    try:
        number = c_integer(value)
    except ValueError:
        raise ValueError(f'{raw} value "{value}" is not a valid number') from None
    if number > INFINITE:
        raise ValueError(f"{raw} value ({value}) is greater than {INFINITE}")
    return number


def _minutes(raw: str, value: str) -> int:
    try:
        minutes = parse_minutes(value)
    except ValueError:
        raise ValueError(f'Bad value "{value}" for {raw}') from None
    return min(minutes, INFINITE)


def _number(record: pb.PartitionRecord, raw: str, name: str, value: str) -> None:
    word = value.upper()
    if word not in ("UNLIMITED", "INFINITE", "NONE"):
        setattr(record, name, _plain(raw, value))
    elif name == "max_nodes" or (word != "NONE" and name not in _UNLIMITED_IS_UNSET):
        setattr(record, name, INFINITE)
    else:
        record.ClearField(name)


Setter = Callable[[pb.PartitionRecord, str, str], None]


def _priority(record: pb.PartitionRecord, raw: str, value: str) -> None:
    record.priority_job_factor = record.priority_tier = _plain(raw, value)


def _state(record: pb.PartitionRecord, raw: str, value: str) -> None:
    if value.upper() not in PARTITION_STATES:
        raise ValueError(f'Bad value "{value}" for {raw}')
    record.state = PARTITION_STATES[value.upper()]


def _max_time(record: pb.PartitionRecord, raw: str, value: str) -> None:
    record.max_time = _minutes(raw, value)


def _default_time(record: pb.PartitionRecord, raw: str, value: str) -> None:
    record.default_time_set = value.upper() != "NONE"
    record.default_time = _minutes(raw, value) if record.default_time_set else 0


def _grace_time(record: pb.PartitionRecord, raw: str, value: str) -> None:
    """Seconds, or a time with colons."""
    record.grace_time = _minutes(raw, value) * 60 if ":" in value else _plain(raw, value)


def _oversubscribe(record: pb.PartitionRecord, raw: str, value: str) -> None:
    word, _, count = value.upper().partition(":")
    if word in ("YES", "FORCE") and (not count or count.isdigit()):
        record.oversubscribe = f"{word}:{count or 4}"
    elif word in ("NO", "EXCLUSIVE"):
        record.oversubscribe = word
    else:
        raise ValueError(f'Bad value "{value}" for {raw}')


def _exclusive(record: pb.PartitionRecord, raw: str, value: str) -> None:
    """Exclusive= of 26.05: NO, NODE, USER, TOPO."""
    word = value.upper()
    if word not in ("NO", "NODE", "USER", "TOPO"):
        raise ValueError(f'Bad value "{value}" for {raw}')
    record.oversubscribe = "EXCLUSIVE" if word == "NODE" else "NO"
    record.exclusive_user, record.exclusive_topo = word == "USER", word == "TOPO"


def _preempt_mode(record: pb.PartitionRecord, raw: str, value: str) -> None:
    words = {word.strip().upper() for word in value.split(",")}
    if not words <= {"OFF", "CANCEL", "GANG", "REQUEUE", "SUSPEND", "WITHIN", "PRIORITY", "NONE"}:
        raise ValueError(f'Bad value "{value}" for {raw}')
    record.preempt_mode = value.upper()


def _billing_weights(record: pb.PartitionRecord, raw: str, value: str) -> None:
    try:
        parse_weights(value)
    except ValueError:
        raise ValueError(f'Bad value "{value}" for {raw}') from None
    record.tres_billing_weights = value


#: sub-keys with a form of their own
_OTHERS: dict[str, Setter] = {
    "tresbillingweights": _billing_weights,
    "priority": _priority,
    "state": _state,
    "maxtime": _max_time,
    "defaulttime": _default_time,
    "gracetime": _grace_time,
    "oversubscribe": _oversubscribe,
    "shared": _oversubscribe,
    "exclusive": _exclusive,
    "preemptmode": _preempt_mode,
}


def _nodes(record: pb.PartitionRecord, value: str, nodes: tuple[str, ...], node_sets: Mapping[str, list[str]]) -> None:
    order = {name: index for index, name in enumerate(nodes)}
    chosen: dict[str, None] = {}
    for name in nodes if value.upper() == "ALL" else hostlist.expand(value):
        for node in (name,) if name in order else node_sets.get(name, (name,)):
            chosen[node] = None
    names = sorted(chosen, key=lambda name: order.get(name, len(order)))
    record.node_names[:] = names
    record.nodes = hostlist.compress(names)
