"""``scontrol write``: a job's script, or the configuration in force as a file that can be read as one."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator

from crane_compat.commands.slurm.scontrol_session import Session
from crane_compat.core import states as st
from crane_compat.core.errors import Errno, RequestError
from crane_compat.wire import INFINITE, pb


def write(session: Session, op: str, words: list[str]) -> None:
    """write batch_script JOB [FILE|-], write config [FILE]."""
    what = words[0].lower()
    if what.startswith("batch_script"[: max(1, len(what))]) and len(words) > 1:
        _write_script(session, words[1], words[2] if len(words) > 2 else None)
    elif "config".startswith(what):
        _write_config(session, words[1] if len(words) > 1 else None)
    else:
        session.fail(f"invalid write argument: {words[0]}")


def _write_script(session: Session, job: str, path: str | None) -> None:
    number = job.partition("_")[0].partition("+")[0]
    try:
        if not number.isdigit():
            raise RequestError(Errno.INVALID_JOB_ID)
        blob = session.controller.ask(pb.Request(get_blob=pb.GetBlob(job_id=int(number)))).blob
    except RequestError as exc:  # the status stays 0
        session.warn(f"job script retrieval failed: {exc.text}")
        return
    if path == "-":
        sys.stdout.flush()
        sys.stdout.write(blob.script.decode("utf-8", "surrogateescape"))
        return
    path = path or f"slurm-{job}.sh"
    try:
        with open(path, "wb") as file:
            file.write(blob.script)
    except OSError as exc:
        session.fail(f"failed to open file `{path}`: {exc.strerror}")
        return
    print(f"batch script for job {job} written to {path}")


# ---------------------------------------------------------------- the configuration


def _write_config(session: Session, path: str | None) -> None:
    try:
        config = session.controller.config()
        nodes = session.controller.ask(pb.Request(list_nodes=pb.ListNodes(future=True))).nodes.nodes
        partitions = session.controller.ask(pb.Request(list_partitions=pb.ListPartitions(all=True))).partitions
    except RequestError as exc:
        session.fail(f"slurm_load_ctl_conf error:{exc.text}")
        return
    now = time.strftime("%Y-%m-%dT%H:%M:%S")
    name = f"{path or os.environ.get('SLURM_CONF_OUT') or config.conf_file}.{now}"
    lines = [f"# written by scontrol on {now}", *_values(config), ""]
    lines += [_line(_NODE, node) for node in nodes]
    lines += ["", *(_line(_PARTITION, partition) for partition in partitions.partitions)]
    try:
        with open(name, "w", encoding="utf-8") as file:
            file.write("\n".join([*lines, ""]))
    except OSError as exc:
        session.warn(f"Could not create file {name}: {exc.strerror}")
        return
    print(f"Slurm config saved to {name}")


#: What scontrol shows behind a number, and of users behind their name.
_UNITS = re.compile(r"(?<=\d) (?:sec|usec|min|percent|nodes/min)$")
_NOTHING = frozenset({"", "(null)", "(null type)", "N/A"})


def _values(config: pb.Config) -> Iterator[str]:
    """The parameters as slurm.conf has them; what only tells the state of the daemons is left out."""
    for row in config.values:
        key = row.key.partition("[")[0]
        if row.value in _NOTHING or (key.isupper() and "_" in key):
            continue
        value = _UNITS.sub("", row.value)
        if key in ("SlurmUser", "SlurmdUser"):
            value = re.sub(r"\(\d+\)$", "", value)
        yield f'{key}="{value}"' if " " in value else f"{key}={value}"


def _limit(minutes: int) -> str:
    return "UNLIMITED" if minutes == INFINITE else str(minutes)


#: Keys of a line in their order, and their values: "" = the key is left out.
_NODE: tuple[tuple[str, Callable[[pb.NodeRecord], object]], ...] = (
    ("NodeName", lambda n: n.name),
    ("NodeAddr", lambda n: n.address if n.address != n.name else ""),
    ("NodeHostname", lambda n: n.hostname if n.hostname != n.name else ""),
    ("Port", lambda n: n.port if n.port_set else ""),
    ("CPUs", lambda n: n.cpus),
    ("Boards", lambda n: n.boards),
    ("SocketsPerBoard", lambda n: n.sockets // max(1, n.boards)),
    ("CoresPerSocket", lambda n: n.cores),
    ("ThreadsPerCore", lambda n: n.threads),
    ("RealMemory", lambda n: n.memory),
    ("TmpDisk", lambda n: n.tmp_disk or ""),
    ("Weight", lambda n: n.weight if n.weight != 1 else ""),
    ("Feature", lambda n: n.features),
    ("Gres", lambda n: n.gres),
    ("State", lambda n: "FUTURE" if n.state & st.NODE_BASE_MASK == st.NODE_FUTURE else ""),
)
_PARTITION: tuple[tuple[str, Callable[[pb.PartitionRecord], object]], ...] = (
    ("PartitionName", lambda p: p.name),
    ("Nodes", lambda p: p.nodes),
    ("Default", lambda p: "YES" if p.is_default else ""),
    ("MaxTime", lambda p: _limit(p.max_time)),
    ("DefaultTime", lambda p: _limit(p.default_time) if p.default_time_set else ""),
    ("MinNodes", lambda p: p.min_nodes or ""),
    ("MaxNodes", lambda p: p.max_nodes if p.max_nodes != INFINITE else ""),
    ("AllowGroups", lambda p: p.allow_groups),
    ("AllowAccounts", lambda p: p.allow_accounts),
    ("DenyAccounts", lambda p: p.deny_accounts if not p.allow_accounts else ""),
    ("AllowQos", lambda p: p.allow_qos),
    ("DenyQos", lambda p: p.deny_qos if not p.allow_qos else ""),
    ("QOS", lambda p: p.qos),
    ("Hidden", lambda p: "YES" if p.hidden else ""),
    ("RootOnly", lambda p: "YES" if p.root_only else ""),
    ("DisableRootJobs", lambda p: "YES" if p.disable_root_jobs else ""),
    ("ExclusiveUser", lambda p: "YES" if p.exclusive_user else ""),
    ("LLN", lambda p: "YES" if p.lln else ""),
    ("ReqResv", lambda p: "YES" if p.req_resv else ""),
    ("PriorityJobFactor", lambda p: p.priority_job_factor if p.priority_job_factor != 1 else ""),
    ("PriorityTier", lambda p: p.priority_tier if p.priority_tier != 1 else ""),
    ("OverSubscribe", lambda p: p.oversubscribe if p.oversubscribe != "NO" else ""),
    ("PreemptMode", lambda p: p.preempt_mode),
    ("DefMemPerCPU", lambda p: p.def_mem_per_cpu if p.HasField("def_mem_per_cpu") else ""),
    ("DefMemPerNode", lambda p: p.def_mem_per_node if p.HasField("def_mem_per_node") else ""),
    ("MaxMemPerCPU", lambda p: p.max_mem_per_cpu if p.HasField("max_mem_per_cpu") else ""),
    ("MaxMemPerNode", lambda p: p.max_mem_per_node if p.HasField("max_mem_per_node") else ""),
    ("State", lambda p: st.PARTITION_NAMES[p.state]),
)  # fmt: skip


def _line(table: tuple[tuple[str, Callable[..., object]], ...], record: pb.NodeRecord | pb.PartitionRecord) -> str:
    pairs = ((key, value(record)) for key, value in table)
    return " ".join(f"{key}={value}" for key, value in pairs if value != "")
