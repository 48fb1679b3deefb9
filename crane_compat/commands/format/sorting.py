"""``--sort``: records in the order of several fields, the first one foremost (squeue(1), sinfo(1))."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

R = TypeVar("R")


class SortError(ValueError):
    """A letter that cannot be sorted by; it is the exception's text."""


def sort_records(records: list[R], spec: str, key_of: Callable[[str, str], Callable[[R], Any] | None]) -> None:
    """Sort in place by e.g. ``P,t,-p``.

    `key_of(letter, sign)` gives the key of a letter (sign ``+``, ``-``, ``#`` or nothing) or None where there is
    none.  Letters are looked at from the last to the first, as equal records keep their order.  Raises SortError.
    """
    for position in range(len(spec) - 1, -1, -1):
        letter = spec[position]
        if letter in ",+-":
            continue
        sign = spec[position - 1] if position and spec[position - 1] in "+-#" else ""
        key = key_of(letter, sign)
        if key is None:
            if letter == "#" and position + 1 < len(spec) and key_of(spec[position + 1], "#") is not None:
                continue
            raise SortError(letter)
        records.sort(key=key, reverse=sign == "-")
