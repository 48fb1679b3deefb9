"""How tasks are laid out over nodes, sockets and cores: ``--distribution=cyclic:block,NoPack`` (srun(1))."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SPEC = re.compile(
    r"(?:(?P<nodes>\*|block|cyclic|arbitrary|plane=(?P<plane>[1-9]\d{0,8}))"
    r"(?::(?P<sockets>\*|block|cyclic|fcyclic))?(?::(?P<cores>\*|block|cyclic|fcyclic))?"
    r"(?:,(?P<pack>pack|nopack))?|(?P<only>pack|nopack))",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Distribution:
    """block, cyclic, fcyclic, arbitrary, plane or "" (the default) for each level.

    plane: tasks of one block.  pack: as many tasks a node as fit; None = the partition's choice.
    """

    nodes: str = ""
    sockets: str = ""
    cores: str = ""
    plane: int = 0
    pack: bool | None = None

    def __str__(self) -> str:
        first = f"plane={self.plane}" if self.plane else self.nodes or "*"
        text = first + (f":{self.sockets or '*'}" if self.sockets or self.cores else "")
        text += f":{self.cores}" if self.cores else ""
        return text if self.pack is None else f"{text},{'Pack' if self.pack else 'NoPack'}"


def parse_distribution(text: str) -> Distribution:
    """Read a --distribution.  Raises ValueError."""
    match = _SPEC.fullmatch(text)
    if match is None:
        raise ValueError(f"no distribution: {text!r}")
    levels = [(match[name] or "").lower().replace("*", "") for name in ("nodes", "sockets", "cores")]
    pack = (match["pack"] or match["only"] or "").lower()
    plane = int(match["plane"] or 0)
    return Distribution("plane" if plane else levels[0], levels[1], levels[2], plane, pack == "pack" if pack else None)
