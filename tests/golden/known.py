"""``known.txt``: what is known to match, and must go on doing so.

A line is a scenario's name, and, where not all of it matches, the steps that
do: ``job/basic 1 3-9``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from .player import Result

Known = dict[str, frozenset[int] | None]

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "known.txt")

_HEAD = """\
# Recorded scenarios, and of those that match in part the steps (numbered from 0), that are known to match.
# Kept by `python -m tests.golden.replay --save-known`; it only grows.
"""


def read(path: str = PATH) -> Known:
    """Scenario → the steps that match; None = all of them."""
    known: Known = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            words = line.split("#")[0].split()
            if words:
                known[words[0]] = _numbers(words[1:]) if words[1:] else None
    return known


def _numbers(ranges: Iterable[str]) -> frozenset[int]:
    found: set[int] = set()
    for word in ranges:
        first, _, last = word.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def _ranges(numbers: Iterable[int]) -> Iterable[str]:
    ordered = sorted(numbers)
    while ordered:
        end = 0
        while end + 1 < len(ordered) and ordered[end + 1] == ordered[end] + 1:
            end += 1
        yield str(ordered[0]) if end == 0 else f"{ordered[0]}-{ordered[end]}"
        ordered = ordered[end + 1 :]


def grown(known: Known, results: Iterable[Result]) -> Known:
    """`known` and what has matched now besides.  Nothing leaves it."""
    new = dict(known)
    for result in results:
        if result.trouble or not result.matched:
            continue
        all_steps = {step.index for step in result.steps}
        matched = {step.index for step in result.steps if step.matched}
        before = new.get(result.name, frozenset())
        if before is None:
            continue
        union = before | matched
        new[result.name] = None if union >= all_steps else frozenset(union)
    return new


def write(known: Known, path: str = PATH) -> None:
    """Write the list, in the order of names."""
    lines = (name if steps is None else f"{name} {' '.join(_ranges(steps))}" for name, steps in sorted(known.items()))
    with open(path, "w", encoding="utf-8") as file:
        file.write(_HEAD + "".join(f"{line}\n" for line in lines))
