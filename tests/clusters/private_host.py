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
from collections.abc import Mapping

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


def furnish(name: str, users: Mapping[str, int] | None = None) -> None:
    """Give the private host this process is in its name, a loopback that works, and `users` with these ids.

    The users (their groups have the same names and ids) have empty homes; the machine's own are hidden.
    """
    from pyroute2 import IPRoute

    socket.sethostname(name)
    with IPRoute() as network:
        loopback = network.link_lookup(ifname="lo")[0]
        network.link("set", index=loopback, state="up")
        # a host with nothing but 127.0.0.1 has no address as far as getaddrinfo is concerned
        network.addr("add", index=loopback, address="198.18.0.1", prefixlen=32)
    _put("/etc/hosts", f"127.0.0.1 localhost\n127.0.0.1 {name}\n")
    if users:
        _settle(users)


def _put(path: str, text: str) -> None:
    """Have `text` at `path`, on this host only."""
    with tempfile.NamedTemporaryFile("w", prefix="crane-private-", delete=False) as file:
        file.write(text)
    os.chmod(file.name, 0o644)
    subprocess.run(["mount", "--bind", file.name, path], check=True)
    os.unlink(file.name)


def _settle(users: Mapping[str, int]) -> None:
    ids = {str(number) for number in users.values()}

    def others(path: str) -> str:
        with open(path, encoding="utf-8") as file:
            entries = [line.split(":") for line in file]
        return "".join(":".join(entry) for entry in entries if entry[0] not in users and entry[2] not in ids)

    people = "".join(f"{user}:x:{id_}:{id_}::/home/{user}:/bin/bash\n" for user, id_ in users.items())
    _put("/etc/passwd", others("/etc/passwd") + people)
    _put("/etc/group", others("/etc/group") + "".join(f"{user}:x:{id_}:\n" for user, id_ in users.items()))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/home"], check=True)
    for user, id_ in users.items():
        os.mkdir(f"/home/{user}")
        os.chown(f"/home/{user}", id_, id_)
