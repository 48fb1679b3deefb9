"""``scontrol update job`` and job_submit.lua: the keys of the one are fields of the other."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from crane_compat.filters import constants as c
from crane_compat.filters.job_desc import Unsettable, Value, set_field, to_number, to_text
from crane_compat.parsers.number import count
from crane_compat.parsers.size import parse_memory
from crane_compat.parsers.time_limit import parse_minutes
from crane_compat.wire import pb

#: scontrol's key (lower case) → field of job_desc; the first key of a field is the one we write
_KEYS = {
    "account": "account", "admincomment": "admin_comment", "batchfeatures": "batch_features", "comment": "comment",
    "corespec": "core_spec", "cpuspertask": "cpus_per_task", "delayboot": "delay_boot", "dependency": "dependency",
    "excnodelist": "exc_nodes", "extra": "extra", "features": "features", "jobname": "name",
    "licenses": "licenses", "mailuser": "mail_user", "mincpusnode": "pn_min_cpus", "minmemorycpu": "min_mem_per_cpu",
    "minmemorynode": "min_mem_per_node", "mintmpdisknode": "pn_min_tmp_disk", "name": "name", "nice": "nice",
    "nodelist": "req_nodes", "ntaskspernode": "ntasks_per_node", "numnodes": "min_nodes", "numtasks": "num_tasks",
    "partition": "partition", "prefer": "prefer", "priority": "priority", "qos": "qos", "reqnodelist": "req_nodes",
    "reservationname": "reservation", "stderr": "std_err", "stdin": "std_in",
    "stdout": "std_out", "switches": "req_switch", "timelimit": "time_limit", "trespernode": "tres_per_node",
    "gres": "tres_per_node", "wckey": "wckey", "workdir": "work_dir",
}  # fmt: skip
_KEY_OF = {field: key for key, field in reversed(_KEYS.items())}

_MEMORY = frozenset({"min_mem_per_cpu", "min_mem_per_node", "pn_min_tmp_disk"})


def spec_of(values: Iterable[pb.KeyValue]) -> pb.JobSpec:
    """The changes asked for as a request in which all else is unset; what cannot be read is left out."""
    spec = pb.JobSpec()
    for item in values:
        name = _KEYS.get(item.key)
        if name is None:
            continue
        with contextlib.suppress(ValueError, Unsettable):
            set_field(spec, name, _read(name, item.value))
            if name == "min_nodes":
                _, dash, most = item.value.partition("-")
                spec.max_nodes = count(most) if dash else spec.min_nodes
    return spec


def _read(name: str, text: str) -> Value:
    if name == "time_limit":
        return float(parse_minutes(text.lstrip("+-")))
    if name in _MEMORY:
        return float(parse_memory(text))
    if name == "nice":
        return float(c.NICE_OFFSET + int(text))
    if name == "min_nodes":
        return float(count(text.partition("-")[0]))
    return text


def merged(values: Iterable[pb.KeyValue], changed: dict[str, Value]) -> list[pb.KeyValue]:
    """The changes, with what a script made of them: fields it set take the place of what was asked for."""
    result = {item.key: item.value for item in values}
    for name, value in changed.items():
        key = _KEY_OF.get(name)
        if key is None:
            continue
        for other, field in _KEYS.items():
            if field == name:
                result.pop(other, None)
        result[key] = str(to_number(value) - c.NICE_OFFSET) if name == "nice" else to_text(value)
    return [pb.KeyValue(key=key, value=value) for key, value in result.items()]
