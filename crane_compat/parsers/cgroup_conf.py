"""cgroup.conf(5): how steps are confined."""

from __future__ import annotations

from crane_compat.parsers.plain_conf import PlainConf, load_plain

KEYS = frozenset(
    """
    cgroupplugin cgroupautomount cgroupmountpoint constraincores constrainramspace constrainswapspace constraindevices
    allowedramspace allowedswapspace maxrampercent maxswappercent minramspace memoryswappiness ignoresystemd
    ignoresystemdonfailure enablecontrollers enableextracontrollers signalchildrenprocesses systemdtimeout cgroupslice
    cgroupjobidpaths memorylimitenforcement memorylimitthreshold taskaffinity cgroupreleaseagentdir constrainkmemspace
    alloweddevicesfile allowedkmemspace minkmemspace maxkmempercent
    """.split()
)

DEFAULTS = {
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
    "minramspace": "30",
}


def load(path: str) -> PlainConf:
    """Read cgroup.conf; no file is an empty one."""
    return load_plain(path, KEYS, DEFAULTS)
