"""TRESBillingWeights of a partition: ``CPU=1.0,Mem=0.25G,GRES/gpu=2.0`` (slurm.conf(5))."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from types import MappingProxyType

_ITEM = re.compile(r"(?P<name>[^=\s]+)=(?P<weight>\d+(?:\.\d*)?|\.\d+)(?P<unit>[KMGTPkmgtp]?)$", re.ASCII)
_UNITS = "KMGTP"


@functools.lru_cache(maxsize=256)
def parse_weights(text: str) -> Mapping[str, float]:
    """What one of each resource counts; one MiB of memory.  Raises ValueError.

    A unit behind a weight says what so much is of: ``Mem=0.25G`` is a quarter for each GiB.
    """
    found = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        match = _ITEM.match(item)
        if match is None:
            raise ValueError(f"not a weight of a resource: {item!r}")
        name = match["name"].lower() if "/" not in match["name"] else _with_kind(match["name"])
        plain = _UNITS.index("M") if name == "mem" or name.startswith("bb/") else -1
        power = _UNITS.index(match["unit"].upper()) - plain if match["unit"] else 0
        found[name] = float(match["weight"]) / 1024.0**power
    return MappingProxyType(found)


def _with_kind(name: str) -> str:
    """``GRES/gpu`` is ``gres/gpu``: the name behind the kind stays as it is."""
    kind, _, rest = name.partition("/")
    return f"{kind.lower()}/{rest}"
