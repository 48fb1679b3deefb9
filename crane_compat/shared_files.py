"""Files that come with the distribution but are no Python: example sites, service units."""

from __future__ import annotations

import os
import sys


def directory(name: str, checkout: str) -> str:
    """The directory `name` of an installation (PREFIX/share/crane-compat/NAME), or `checkout` of a source tree."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    place = os.path.join(root, checkout)
    if os.path.isdir(place):
        return place
    return os.path.join(sys.prefix, "share", "crane-compat", name)


def examples() -> dict[str, str]:
    """The example sites: name → directory with a slurm.conf."""
    root = directory("examples", "slurm.conf.examples")
    try:
        names = sorted(os.listdir(root))
    except FileNotFoundError:
        return {}
    places = {name: os.path.join(root, name) for name in names}
    return {name: place for name, place in places.items() if os.path.exists(os.path.join(place, "slurm.conf"))}


def units() -> dict[str, str]:
    """The systemd units: file name → text, with @SBINDIR@ and @SYSCONFDIR@ to fill in."""
    root = directory("systemd", os.path.join("packaging", "systemd"))
    found = {}
    for name in sorted(os.listdir(root)) if os.path.isdir(root) else []:
        if name.endswith(".service"):
            with open(os.path.join(root, name), encoding="utf-8") as file:
                found[name] = file.read()
    return found
