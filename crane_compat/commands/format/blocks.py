"""Blocks of ``Key=value`` lines as scontrol show prints them, or the same on one line (scontrol(1), --oneliner)."""

from __future__ import annotations

from collections.abc import Iterable


def block(lines: Iterable[str], *, oneliner: bool, indent: str = "   ") -> str:
    """The text of one record, with its final line end: lines under each other and a blank line, or one line."""
    if oneliner:
        return " ".join(lines) + "\n"
    return ("\n" + indent).join(lines) + "\n\n"
