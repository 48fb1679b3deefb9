"""cgroup.conf(5): how steps are confined."""

from __future__ import annotations

from crane_compat.parsers.plain_conf import PlainConf, PlainKeys, load_plain, types

_GONE = "remove it"

KEYS = PlainKeys(
    types=types(
        str="cgroupplugin cgroupmountpoint cgroupslice cgroupjobidpaths cgroupreleaseagentdir alloweddevicesfile "
        "enableextracontrollers",
        flag="cgroupautomount constraincores constrainramspace constrainswapspace constraindevices constrainkmemspace "
        "ignoresystemd ignoresystemdonfailure enablecontrollers signalchildrenprocesses memorylimitenforcement "
        "taskaffinity",
        number="minramspace memoryswappiness systemdtimeout minkmemspace",
        percent="allowedramspace allowedswapspace maxrampercent maxswappercent memorylimitthreshold allowedkmemspace "
        "maxkmempercent",
    ),
    defaults={
        "cgroupplugin": "autodetect",
        "cgroupmountpoint": "/sys/fs/cgroup",
        "constraincores": "no",
        "constrainramspace": "no",
        "constrainswapspace": "no",
        "constraindevices": "no",
        "allowedramspace": "100",
        "allowedswapspace": "0",
        "maxrampercent": "100",
        "maxswappercent": "100",
        "minramspace": "30",  # MiB
    },
    obsolete={
        "cgroupautomount": _GONE,
        "cgroupreleaseagentdir": _GONE,
        "alloweddevicesfile": "remove it: devices follow from gres.conf",
        "constrainkmemspace": _GONE,
        "allowedkmemspace": _GONE,
        "maxkmempercent": _GONE,
        "minkmemspace": _GONE,
        "taskaffinity": "write TaskPlugin=task/affinity,task/cgroup in slurm.conf",
        "memorylimitenforcement": "write ConstrainRAMSpace=yes",
        "memorylimitthreshold": "write AllowedRAMSpace",
    },
)


def load(path: str) -> PlainConf:
    """Read cgroup.conf; no file is an empty one."""
    return load_plain(path, KEYS)
