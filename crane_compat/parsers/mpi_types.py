"""The words of srun's --mpi and of MpiDefault, and what they mean here."""

from __future__ import annotations

import re

PMI2 = "pmi2"
PMIX = "pmix"

#: Types whose tasks get nothing from the step: their MPI library starts by itself, or by its own launcher.
#: For Cray's PMI the node would need Cray's software, which has its own way to find its peers.
WITHOUT_SERVER = ("none", "openmpi", "cray_shasta")

_VERSION = re.compile(r"pmix_v(\d+)")


def serves(name: str) -> str:
    """Which server the step's tasks get: PMI2, PMIX or "".

    >>> serves("pmix_v4"), serves("none")
    ('pmix', '')
    """
    return PMIX if _VERSION.fullmatch(name) else name if name in (PMI2, PMIX) else ""


def pmix_version(name: str) -> int | None:
    """The major version of PMIx that a type asks for; None = any."""
    found = _VERSION.fullmatch(name)
    return int(found[1]) if found else None


def is_known(name: str) -> bool:
    return name in WITHOUT_SERVER or bool(serves(name))
