"""Where the parts of one cluster on one host meet.

All run-time sockets of a cluster live in one directory named after the real
path of its slurm.conf, so that clusters side by side on a host never meet and
a command finds its daemons from the configuration alone.  The C stub
(`daemon/launcher/stub.c`) computes the same name.
"""

from __future__ import annotations

import os

#: Owned by root, mode 0755: its entries are trusted.
RUN_ROOT = "/run/crane"

#: Where a command looks for slurm.conf when neither -f nor SLURM_CONF says.
DEFAULT_CONF = "/etc/slurm/slurm.conf"


def conf_path(explicit: str | None = None) -> str:
    """The slurm.conf to read: `explicit`, else $SLURM_CONF, else the installation's.

    Source: installation-contract "Finding things"; $CRANE_SYSCONFDIR is set by an
    installed stub to the directory compiled into it.
    """
    if explicit:
        return explicit
    if value := os.environ.get("SLURM_CONF"):
        return value
    if value := os.environ.get("CRANE_SYSCONFDIR"):
        return os.path.join(value, "slurm.conf")
    return DEFAULT_CONF


def _fnv1a(data: bytes) -> int:
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def run_dir(conf: str) -> str:
    """The run-time directory of the cluster whose configuration is `conf`."""
    return f"{RUN_ROOT}/{_fnv1a(os.fsencode(os.path.realpath(conf))):016x}"


def controller_socket(conf: str) -> str:
    """cranectld's unix socket."""
    return run_dir(conf) + "/ctld.sock"


def accounting_socket(conf: str) -> str:
    """The accounting daemon's unix socket."""
    return run_dir(conf) + "/dbd.sock"


def launcher_socket(conf: str) -> str:
    """The command launcher's unix socket (the stub connects here)."""
    return run_dir(conf) + "/cmd.sock"


def agent_socket(conf: str, node: str) -> str:
    """craned's unix socket: relays local users' requests to a controller on another host."""
    return f"{run_dir(conf)}/agent.{node}.sock"
