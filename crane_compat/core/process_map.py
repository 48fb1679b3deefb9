"""Which node each task of a step runs on, in the few characters that MPI libraries read.

``(vector,(0,2,4))``: from node 0, two nodes, four tasks each.  Where tasks are
left when the last group is through, the groups begin again.  Source: MPICH's
PMI_process_mapping, which Slurm's plug-ins give, too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

_GROUP = re.compile(r"\((\d+),(\d+),(\d+)\)")
_WHOLE = re.compile(r"\(vector((?:,\(\d+,\d+,\d+\))+)\)")

#: first node, number of nodes, tasks on each
Group = tuple[int, int, int]


def _groups(node_of: Sequence[int]) -> list[Group]:
    groups: list[Group] = []
    for node, tasks in groupby(node_of):
        count = len(list(tasks))
        if groups and (last := groups[-1])[2] == count and last[0] + last[1] == node:
            groups[-1] = (last[0], last[1] + 1, count)
        else:
            groups.append((node, 1, count))
    return groups


def _period(groups: list[Group]) -> int:
    """After how many groups they repeat themselves to the end."""
    size = len(groups)
    return next(
        length for length in range(1, size + 1) if size % length == 0 and groups == groups[:length] * (size // length)
    )


def text_of(node_of: Sequence[int]) -> str:
    """The mapping of tasks whose nodes are `node_of`, by rank.

    >>> text_of([0, 0, 1, 1]), text_of([0, 1, 0, 1]), text_of([0, 0, 1])
    ('(vector,(0,2,2))', '(vector,(0,2,1))', '(vector,(0,1,2),(1,1,1))')
    """
    groups = _groups(node_of)
    if not groups:
        return "(vector,(0,0,0))"
    return "(vector" + "".join(f",({a},{b},{c})" for a, b, c in groups[: _period(groups)]) + ")"


def nodes_of(text: str, tasks: int) -> list[int]:
    """The node of each of so many tasks.  Raises ValueError.

    >>> nodes_of("(vector,(0,2,1))", 4)
    [0, 1, 0, 1]
    """
    whole = _WHOLE.fullmatch(text)
    if whole is None:
        raise ValueError(f"no process mapping: {text}")
    once = [
        first + index // each
        for first, nodes, each in (tuple(map(int, found)) for found in _GROUP.findall(whole[1]))
        for index in range(min(nodes * each, tasks))
    ]
    if not once and tasks:
        raise ValueError(f"a process mapping without tasks: {text}")
    return (once * (tasks // len(once) + 1))[:tasks] if tasks else []
