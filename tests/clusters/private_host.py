"""A host of its own for a test cluster: network, host name and /etc/hosts are private.

Inside, the ports of any slurm.conf are free and several clusters with the same
ones run side by side; the host has the name that recordings were made under.
Needs root and namespaces; `available` says whether this machine grants them.
"""

from __future__ import annotations

import functools
import os
import shutil
import socket
import subprocess
import sys
import tempfile

#: set in processes inside
MARK = "CRANE_TEST_PRIVATE_HOST"

_UNSHARE = ["unshare", "--net", "--mount", "--uts", "--"]


@functools.cache
def available() -> bool:
    """Whether this process may make a private host."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    return subprocess.run([*_UNSHARE, "true"], capture_output=True).returncode == 0


def inside() -> bool:
    """Whether this process runs on a private host."""
    return MARK in os.environ


def command(argv: list[str]) -> list[str]:
    """`argv`, to be run by this interpreter (``-m module …``), as a command that runs on a private host.

    Where there can be none, on this one.
    """
    run = [sys.executable, *argv]
    return [*_UNSHARE, "env", f"{MARK}=1", *run] if available() else run


def furnish(name: str) -> None:
    """Give the private host this process is in its name and a loopback that works."""
    from pyroute2 import IPRoute

    socket.sethostname(name)
    with IPRoute() as network:
        loopback = network.link_lookup(ifname="lo")[0]
        network.link("set", index=loopback, state="up")
        # a host with nothing but 127.0.0.1 has no address as far as getaddrinfo is concerned
        network.addr("add", index=loopback, address="198.18.0.1", prefixlen=32)
    with tempfile.NamedTemporaryFile("w", prefix="crane-hosts-", delete=False) as file:
        file.write(f"127.0.0.1 localhost\n127.0.0.1 {name}\n")
    os.chmod(file.name, 0o644)
    subprocess.run(["mount", "--bind", file.name, "/etc/hosts"], check=True)
    os.unlink(file.name)
