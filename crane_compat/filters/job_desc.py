"""A request as a site's Lua script sees it: field names of Slurm's job_desc on our JobSpec.

Unset numbers read as NO_VAL of the field's width, unset strings as nil (None); numbers are Lua floats, as in Slurm.
Source: the field names of job_submit.lua (slurm.schedmd.com/job_submit_plugins, the recordings).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from crane_compat.filters import constants as c
from crane_compat.wire import pb

Value: TypeAlias = str | float | bool | bytes | None


class Unsettable(Exception):
    """The field cannot be set, or not to such a value; the text says so."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a script may read of the request's owner that the request itself does not say."""

    uid: int = 0
    gid: int = 0
    user_name: str = ""
    default_account: str = ""
    default_qos: str = ""


Getter = Callable[[pb.JobSpec, Facts], Value]
Setter = Callable[[pb.JobSpec, Value], None]


@dataclass(frozen=True, slots=True)
class Field:
    """One name of job_desc; `set` is None where scripts only read it."""

    get: Getter
    set: Setter | None = None


def to_text(value: Value) -> str:
    """A Lua value where a string is wanted: whole floats without their fraction; nil is empty."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def to_number(value: Value) -> int:
    """A Lua value where a number is wanted.  Raises Unsettable."""
    try:
        return int(float(to_text(value) or "nan"))
    except (ValueError, OverflowError):
        raise Unsettable(f"a number is needed, not {to_text(value)!r}") from None


# ---------------------------------------------------------------- the usual kinds


def _text(name: str) -> Field:
    def get(spec: pb.JobSpec, _facts: Facts) -> Value:
        return getattr(spec, name) or None

    def put(spec: pb.JobSpec, value: Value) -> None:
        setattr(spec, name, to_text(value))

    return Field(get, put)


def _number(name: str, unset: int) -> Field:
    """A field with presence; NO_VAL clears it."""

    def get(spec: pb.JobSpec, _facts: Facts) -> Value:
        return float(getattr(spec, name)) if spec.HasField(name) else float(unset)

    def put(spec: pb.JobSpec, value: Value) -> None:
        number = unset if value is None else to_number(value)
        if number == unset:
            spec.ClearField(name)
            return
        setattr(spec, name, number)

    return Field(get, put)


def _switch(name: str, unset: float = 0.0) -> Field:
    """A flag: 0 or 1."""

    def get(spec: pb.JobSpec, _facts: Facts) -> Value:
        return 1.0 if getattr(spec, name) else unset

    def put(spec: pb.JobSpec, value: Value) -> None:
        number = to_number(value)
        setattr(spec, name, number not in (0, c.NO_VAL16, c.NO_VAL))

    return Field(get, put)


def _fact(name: str) -> Field:
    def get(_spec: pb.JobSpec, facts: Facts) -> Value:
        value = getattr(facts, name)
        return float(value) if isinstance(value, int) else value or None

    return Field(get)


# ---------------------------------------------------------------- fields with a rule of their own


def _min_cpus(spec: pb.JobSpec, _facts: Facts) -> Value:
    if spec.overcommit:
        return float(max(1, spec.min_nodes))
    tasks = spec.num_tasks or max(1, spec.min_nodes) * max(1, spec.ntasks_per_node)
    return float(tasks * max(1, spec.cpus_per_task))


def _set_min_cpus(spec: pb.JobSpec, value: Value) -> None:
    spec.num_tasks = max(1, to_number(value) // max(1, spec.cpus_per_task))


def _memory_text(spec: pb.JobSpec, _facts: Facts) -> Value:
    if spec.HasField("mem_per_cpu"):
        return float(c.MEM_PER_CPU | spec.mem_per_cpu)
    return float(spec.mem_per_node if spec.HasField("mem_per_node") else c.NO_VAL64)


def _set_memory(spec: pb.JobSpec, value: Value) -> None:
    number = to_number(value)
    spec.ClearField("mem_per_cpu")
    spec.ClearField("mem_per_node")
    if number >= c.MEM_PER_CPU:
        # a float has no room for the bit and the number: all that is far above the bit means "unset"
        if number < c.MEM_PER_CPU + (1 << 52):
            spec.mem_per_cpu = number - c.MEM_PER_CPU
    else:
        spec.mem_per_node = number


def _memory(name: str, other: str) -> Field:
    def get(spec: pb.JobSpec, _facts: Facts) -> Value:
        return float(getattr(spec, name)) if spec.HasField(name) else None

    def put(spec: pb.JobSpec, value: Value) -> None:
        spec.ClearField(name)
        if value is not None:
            spec.ClearField(other)
            setattr(spec, name, to_number(value))

    return Field(get, put)


_PREFIX = re.compile(r"(?<![^,])gres[/:]")


def _as_tres(text: str) -> str | None:
    return ",".join(f"gres/{item.removeprefix('gres/').removeprefix('gres:')}" for item in text.split(",")) or None


def _without_prefix(value: Value) -> str:
    return _PREFIX.sub("", to_text(value))


def _gpus(text: str) -> str:
    return ",".join(f"gpu:{item}" for item in text.split(","))


def _tres_per_node(spec: pb.JobSpec, _facts: Facts) -> Value:
    parts = [text for text in (spec.gres, _gpus(spec.gpus_per_node) if spec.gpus_per_node else "") if text]
    return _as_tres(",".join(parts)) if parts else None


def _set_tres_per_node(spec: pb.JobSpec, value: Value) -> None:
    spec.gres = _without_prefix(value)
    spec.gpus_per_node = ""


def _tres_of_gpus(name: str) -> Field:
    def get(spec: pb.JobSpec, _facts: Facts) -> Value:
        text = getattr(spec, name)
        return _as_tres(_gpus(text)) if text else None

    def put(spec: pb.JobSpec, value: Value) -> None:
        items = [item for item in _without_prefix(value).split(",") if item]
        kinds = [item.partition(":") for item in items]
        if any(kind != "gpu" for kind, _, _ in kinds):
            raise Unsettable("only GPUs can be asked for so")
        setattr(spec, name, ",".join(rest or "1" for _, _, rest in kinds))

    return Field(get, put)


def _tres_per_task(spec: pb.JobSpec, _facts: Facts) -> Value:
    parts = [spec.tres_per_task] if spec.tres_per_task else []
    if spec.gpus_per_task:
        parts.append(_as_tres(_gpus(spec.gpus_per_task)) or "")
    return ",".join(parts) or None


def _set_tres_per_task(spec: pb.JobSpec, value: Value) -> None:
    spec.tres_per_task, spec.gpus_per_task = to_text(value), ""


def _shared(spec: pb.JobSpec, _facts: Facts) -> Value:
    kinds = {"exclusive": c.SHARED_NONE, "user": c.SHARED_USER, "mcs": c.SHARED_MCS}
    number = kinds.get(spec.exclusive, c.NO_VAL16)
    return float(c.SHARED_OK if spec.oversubscribe else number)


def _set_shared(spec: pb.JobSpec, value: Value) -> None:
    number = to_number(value)
    names = {c.SHARED_NONE: "exclusive", c.SHARED_USER: "user", c.SHARED_MCS: "mcs"}
    spec.exclusive = names.get(number, "")
    spec.oversubscribe = number == c.SHARED_OK


def _begin(spec: pb.JobSpec, _facts: Facts) -> Value:
    return float(int(spec.begin_time))


def _set_begin(spec: pb.JobSpec, value: Value) -> None:
    spec.begin_time = to_number(value)


def _deadline(spec: pb.JobSpec, _facts: Facts) -> Value:
    return float(int(spec.deadline))


def _set_deadline(spec: pb.JobSpec, value: Value) -> None:
    spec.deadline = to_number(value)


def _mail_type(spec: pb.JobSpec, _facts: Facts) -> Value:
    return float(sum(c.MAIL.get(name, 0) for name in spec.mail_type))


def _set_mail_type(spec: pb.JobSpec, value: Value) -> None:
    bits = to_number(value)
    spec.mail_type[:] = [name for name, bit in c.MAIL.items() if bits & bit]


def _nice(spec: pb.JobSpec, _facts: Facts) -> Value:
    return float(c.NICE_OFFSET + spec.nice) if spec.HasField("nice") else float(c.NO_VAL)


def _set_nice(spec: pb.JobSpec, value: Value) -> None:
    spec.nice = to_number(value) - c.NICE_OFFSET


def _script(spec: pb.JobSpec, _facts: Facts) -> Value:
    return spec.script or None


def _set_script(spec: pb.JobSpec, value: Value) -> None:
    spec.script = value if isinstance(value, bytes) else to_text(value).encode()


def _argc(spec: pb.JobSpec, _facts: Facts) -> Value:
    return float(len(arguments(spec)))


def arguments(spec: pb.JobSpec) -> list[bytes]:
    """argv as scripts know it: the program, then its arguments."""
    if spec.batch:
        return [spec.command.encode(), *spec.argv]
    words = list(spec.argv)
    return words or [word.encode() for word in shlex.split(spec.command)[:1]]


def _requeue(spec: pb.JobSpec, _facts: Facts) -> Value:
    return float(spec.requeue) if spec.HasField("requeue") else float(c.NO_VAL16)


def _set_requeue(spec: pb.JobSpec, value: Value) -> None:
    number = to_number(value)
    if number == c.NO_VAL16:
        spec.ClearField("requeue")
    else:
        spec.requeue = bool(number)


def _nothing(value: float | None) -> Field:
    """A field that has no counterpart: reads as unset, and keeps what a script sets without effect."""
    return Field(lambda _spec, _facts: value, lambda _spec, _value: None)


_OF_GPUS = Field(_tres_per_node, _set_tres_per_node)

FIELDS: dict[str, Field] = {
    "account": _text("account"),
    "acctg_freq": _text("acctg_freq"),
    "admin_comment": _text("admin_comment"),
    "alloc_node": _text("alloc_node"),
    "alloc_sid": Field(lambda spec, _facts: float(spec.alloc_sid)),
    "argc": Field(_argc),
    "array_inx": _text("array"),
    "batch_features": _text("batch_features"),
    "begin_time": Field(_begin, _set_begin),
    "bitflags": _nothing(0.0),
    "boards_per_node": _nothing(float(c.NO_VAL16)),
    "burst_buffer": _text("burst_buffer"),
    "cluster_features": _text("cluster_constraint"),
    "clusters": _text("clusters"),
    "comment": _text("comment"),
    "container": _text("container"),
    "contiguous": _switch("contiguous"),
    "core_spec": _number("core_spec", c.NO_VAL16),
    "cores_per_socket": _number("cores_per_socket", c.NO_VAL16),
    "cpu_freq_gov": _nothing(float(c.NO_VAL)),
    "cpu_freq_max": _nothing(float(c.NO_VAL)),
    "cpu_freq_min": _nothing(float(c.NO_VAL)),
    "cpus_per_task": _number("cpus_per_task", c.NO_VAL16),
    "cpus_per_tres": Field(
        lambda spec, _facts: f"gres/gpu:{spec.cpus_per_gpu}" if spec.HasField("cpus_per_gpu") else None
    ),
    "cron_job": Field(lambda spec, _facts: spec.HasField("cron")),
    "deadline": Field(_deadline, _set_deadline),
    "default_account": _fact("default_account"),
    "default_qos": _fact("default_qos"),
    "delay_boot": _number("delay_boot", c.NO_VAL),
    "dependency": _text("dependency"),
    "end_time": Field(_deadline, _set_deadline),
    "exc_nodes": _text("exc_nodes"),
    "extra": _text("extra"),
    "features": _text("features"),
    "gres": _OF_GPUS,
    "group_id": _fact("gid"),
    "het_job_offset": Field(lambda spec, _facts: float(spec.het_offset)),
    "immediate": _switch("immediate"),
    "licenses": _text("licenses"),
    "mail_type": Field(_mail_type, _set_mail_type),
    "mail_user": _text("mail_user"),
    "max_cpus": _nothing(float(c.NO_VAL)),
    "max_nodes": _number("max_nodes", c.NO_VAL),
    "mcs_label": _text("mcs_label"),
    "mem_per_tres": Field(
        lambda spec, _facts: f"gres/gpu:{spec.mem_per_gpu}" if spec.HasField("mem_per_gpu") else None
    ),
    "min_cpus": Field(_min_cpus, _set_min_cpus),
    "min_mem_per_cpu": _memory("mem_per_cpu", "mem_per_node"),
    "min_mem_per_gpu": _memory("mem_per_gpu", "mem_per_node"),
    "min_mem_per_node": _memory("mem_per_node", "mem_per_cpu"),
    "min_nodes": _number("min_nodes", c.NO_VAL),
    "name": _text("name"),
    "network": _text("network"),
    "nice": Field(_nice, _set_nice),
    "ntasks_per_board": _nothing(float(c.NO_VAL16)),
    "ntasks_per_core": _number("ntasks_per_core", c.NO_VAL16),
    "ntasks_per_gpu": _number("ntasks_per_gpu", c.NO_VAL16),
    "ntasks_per_node": _number("ntasks_per_node", c.NO_VAL16),
    "ntasks_per_socket": _number("ntasks_per_socket", c.NO_VAL16),
    "ntasks_per_tres": _number("ntasks_per_gpu", c.NO_VAL16),
    "num_tasks": _number("num_tasks", c.NO_VAL),
    "oversubscribe": Field(_shared, _set_shared),
    "partition": _text("partition"),
    "pn_min_cpus": _number("mincpus", c.NO_VAL16),
    "pn_min_memory": Field(_memory_text, _set_memory),
    "pn_min_tmp_disk": _number("tmp_disk", c.NO_VAL),
    "prefer": _text("prefer"),
    "priority": _number("priority", c.NO_VAL),
    "qos": _text("qos"),
    "reboot": _switch("reboot", float(c.NO_VAL16)),
    "req_context": _nothing(None),
    "req_nodes": _text("req_nodes"),
    "req_switch": _number("switches", c.NO_VAL),
    "requeue": Field(_requeue, _set_requeue),
    "reservation": _text("reservation"),
    "script": Field(_script, _set_script),
    "segment_size": _nothing(0.0),
    "selinux_context": _nothing(None),
    "shared": Field(_shared, _set_shared),
    "site_factor": Field(lambda _spec, _facts: float(c.NO_VAL)),
    "sockets_per_board": _nothing(float(c.NO_VAL16)),
    "sockets_per_node": _number("sockets_per_node", c.NO_VAL16),
    "spank_job_env_size": Field(lambda spec, _facts: float(len(spec.spank_env))),
    "std_err": _text("std_err"),
    "std_in": _text("std_in"),
    "std_out": _text("std_out"),
    "submit_line": Field(lambda spec, _facts: spec.submit_line or None),
    "thread_spec": _number("thread_spec", c.NO_VAL16),
    "threads_per_core": _number("threads_per_core", c.NO_VAL16),
    "time_limit": _number("time_limit", c.NO_VAL),
    "time_min": _number("time_min", c.NO_VAL),
    "tres_bind": _text("tres_bind"),
    "tres_freq": _text("gpu_freq"),
    "tres_per_job": _tres_of_gpus("gpus"),
    "tres_per_node": _OF_GPUS,
    "tres_per_socket": _tres_of_gpus("gpus_per_socket"),
    "tres_per_task": Field(_tres_per_task, _set_tres_per_task),
    "user_id": _fact("uid"),
    "user_name": _fact("user_name"),
    "wait4switch": _number("switch_wait", c.NO_VAL),
    "wckey": _text("wckey"),
    "work_dir": _text("work_dir"),
}


def set_field(spec: pb.JobSpec, name: str, value: Value) -> None:
    """Set a field as a script asks.  Raises Unsettable where there is no such field, or not for such a value."""
    field = FIELDS.get(name)
    if field is None or field.set is None:
        raise Unsettable("it is read only" if field else "there is no such field")
    try:
        field.set(spec, value)
    except (ValueError, TypeError) as exc:  # out of the range of the request's field
        raise Unsettable(str(exc)) from None
