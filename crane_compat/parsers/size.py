"""Memory and disk sizes: ``--mem=2G`` is 2048 MiB, and back (sbatch(1), --mem)."""

from __future__ import annotations

import re

_SIZE = re.compile(r"(\d{1,12})([KMGTkmgt]?)[Bb]?$", re.ASCII)
_SHIFT = {"": 0, "M": 0, "G": 10, "T": 20}
_UNITS = "MGTPE"


def parse_memory(text: str) -> int:
    """MiB; K rounds up to the next MiB.  Raises ValueError (no fractions, no other units)."""
    match = _SIZE.match(text.strip())
    if match is None:
        raise ValueError(f"not a size: {text!r}")
    number, unit = int(match[1]), match[2].upper()
    if unit == "K":
        return -(-number // 1024)
    return number << _SHIFT[unit]


def format_memory(mebibytes: int) -> str:
    """``100M``, ``8000M``, ``2G``: in the largest unit that divides it, as in TRES texts."""
    value, index = mebibytes, 0
    while value and value % 1024 == 0 and index < len(_UNITS) - 1:
        value //= 1024
        index += 1
    return f"{value}{_UNITS[index]}"
