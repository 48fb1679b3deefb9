"""A supervisor's settings out of slurm.conf and cgroup.conf."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from crane_compat.core.node import parse_gres
from crane_compat.parsers.gres_conf import GresLine
from crane_compat.wire import pb

#: A parameter's value, or None where the file does not say.
Lookup = Callable[[str], str | None]

_YES = ("yes", "true", "1", "up")


def _number(text: str | None, default: float) -> float:
    match = re.match(r"\s*(\d+(?:\.\d+)?)", text or "")
    return float(match[1]) if match else default


def task_frequency(text: str | None) -> int:
    """Seconds between samples: ``30`` or ``task=30,energy=10`` (slurm.conf(5) JobAcctGatherFrequency)."""
    if not text:
        return 30
    for part in text.split(","):
        key, separator, value = part.strip().partition("=")
        if not separator:
            return int(_number(key, 30))
        if key.lower() == "task":
            return int(_number(value, 30))
    return 30


def _yes(text: str | None) -> bool:
    return (text or "").strip().lower() in _YES


def _words(text: str | None) -> list[str]:
    return [word.strip().lower() for word in (text or "").split(",") if word.strip()]


def device_files(gres: str, lines: Iterable[GresLine]) -> list[pb.DeviceFile]:
    """The files of a node's devices, numbered as they are allocated: `gres` is its Gres= of slurm.conf."""
    pools = {(pool.name, pool.type.lower()) for pool in parse_gres(gres)}
    counts: dict[tuple[str, str], int] = {}
    found = []
    for line in lines:
        kind = line.type if (line.name, line.type.lower()) in pools else ""
        for paths in [line.files] if line.multiple_files else [(path,) for path in line.files]:
            index = counts.get((line.name, kind), 0)
            counts[line.name, kind] = index + 1
            found += [pb.DeviceFile(name=line.name, type=kind, index=index, path=path) for path in paths]
    return found


def from_config(conf: Lookup, cgroup: Lookup, spool: str, conf_file: str) -> pb.StepSettings:
    """Settings of a node; `conf` and `cgroup` look up parameters, `spool` is its SlurmdSpoolDir, filled in."""
    gather = (conf("JobAcctGatherType") or "none").lower()
    parameters = (conf("JobAcctGatherParams") or "").lower()
    prolog, epilog = conf("TaskProlog"), conf("TaskEpilog")
    plugins = {word.removeprefix("task/") for word in _words(conf("TaskPlugin"))}
    return pb.StepSettings(
        spool=spool,
        conf_file=conf_file,
        proctrack=(conf("ProctrackType") or "proctrack/cgroup").lower().removeprefix("proctrack/"),
        cgroup_plugin=(cgroup("CgroupPlugin") or "autodetect").lower(),
        cgroup_mount=cgroup("CgroupMountpoint") or "",
        constrain_cores="cgroup" in plugins and _yes(cgroup("ConstrainCores")),
        constrain_devices="cgroup" in plugins and _yes(cgroup("ConstrainDevices")),
        task_affinity="affinity" in plugins,
        task_param=",".join(_words(conf("TaskPluginParam"))),
        block_cores="cr_core_default_dist_block" in _words(conf("SelectTypeParameters")),
        constrain_ram=_yes(cgroup("ConstrainRAMSpace")),
        constrain_swap=_yes(cgroup("ConstrainSwapSpace")),
        allowed_ram_percent=_number(cgroup("AllowedRAMSpace"), 100.0),
        allowed_swap_percent=_number(cgroup("AllowedSwapSpace"), 0.0),
        min_ram=int(_number(cgroup("MinRAMSpace"), 30)),
        sample_secs=0 if gather.endswith("none") else task_frequency(conf("JobAcctGatherFrequency")),
        over_memory_kill="overmemorykill" in parameters,
        kill_wait=int(_number(conf("KillWait"), 30)),
        task_prolog=[prolog] if prolog else [],
        task_epilog=[epilog] if epilog else [],
        unkillable_secs=int(_number(conf("UnkillableStepTimeout"), 60)),
        append_output=(conf("JobFileAppend") or "0").strip() == "1",
    )
