"""Numbers as option values: decimal digits, bounded (so that a hostile text costs nothing)."""

from __future__ import annotations

import re

_NATURAL = re.compile(r"\d{1,10}", re.ASCII)
_COUNT = re.compile(r"\+?(\d{1,10})([kKmM]?)", re.ASCII)
_SHIFT = {"": 0, "k": 10, "m": 20}

#: the largest count of anything
MOST = 0x7FFFFFFF


def natural(text: str, most: int = MOST) -> int:
    """``0`` to `most`.  Raises ValueError."""
    if not _NATURAL.fullmatch(text) or int(text) > most:
        raise ValueError(f"no number up to {most}: {text[:20]!r}")
    return int(text)


def count(text: str) -> int:
    """A number with an optional ``k`` (1024) or ``m`` (1048576).  Raises ValueError."""
    match = _COUNT.fullmatch(text.strip())
    if match is None or int(match[1]) << _SHIFT[match[2].lower()] > MOST:
        raise ValueError(f"no count: {text[:20]!r}")
    return int(match[1]) << _SHIFT[match[2].lower()]


def leading(text: str) -> int:
    """The number a text begins with, as atoi(3) sees it: 0 where there is none, at most `MOST` either way."""
    match = re.match(r"\s*([+-]?)0*(\d{0,11})", text, re.ASCII)
    assert match is not None
    number = min(int(match[2] or 0), MOST)
    return -number if match[1] == "-" else number
