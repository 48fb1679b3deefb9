"""Trackable resources: their ids and the two texts they are written as.

``cpu=1,mem=100M,node=1,billing=1`` is what scontrol prints; ``1=1,2=100,4=1,5=1``
is what the slurmdbd schema stores.  Ids 1-8 are fixed, the others count from
1001 in the order of AccountingStorageTRES (slurmdbd schema, tres_table).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

#: the fixed resources, by name
STATIC: dict[str, int] = {
    "cpu": 1, "mem": 2, "energy": 3, "node": 4, "billing": 5, "fs/disk": 6, "vmem": 7, "pages": 8,
}  # fmt: skip

FIRST_DYNAMIC = 1001


def configured(names: Iterable[str]) -> list[str]:
    """What AccountingStorageTRES adds to the resources that always exist, in order; GPUs come with their two measured
    ones."""
    words = {name.strip() for name in names if name.strip()}
    extra = {word.lower() if word.lower().startswith("gres/gpu") else word for word in words}
    extra = {word for word in extra if word.lower() not in STATIC}
    if any(word == "gres/gpu" or word.startswith("gres/gpu:") for word in extra):
        extra |= {"gres/gpumem", "gres/gpuutil"}
    return sorted(extra)


class TresTable:
    """Names and ids of one cluster's trackable resources."""

    def __init__(self, names: Iterable[str]) -> None:
        self.ids: dict[str, int] = dict(STATIC)
        self.ids |= {name: FIRST_DYNAMIC + place for place, name in enumerate(configured(names))}

    def counts(self, text: str) -> dict[str, int]:
        """Name → amount of an ``id_text``."""
        names = {number: name for name, number in self.ids.items()}
        pairs = (item.partition("=") for item in text.split(",") if item)
        return {names[int(number)]: int(amount) for number, _, amount in pairs if int(number) in names}

    def text(self, counts: Mapping[str, int]) -> str:
        """``cpu=1,mem=100M,…``: known resources with a count, by id."""
        return ",".join(
            f"{name}={format_memory(counts[name]) if name == 'mem' else counts[name]}"
            for name in self.ids
            if counts.get(name)
        )

    def id_text(self, counts: Mapping[str, int]) -> str:
        """``1=1,2=100,…``: the same as stored in accounting (memory in MiB)."""
        return ",".join(f"{number}={counts[name]}" for name, number in self.ids.items() if counts.get(name))


def format_memory(mebibytes: int) -> str:
    """A memory amount as Slurm's TRES strings show it: the largest unit that divides it, at least M."""
    value, units = mebibytes, "MGTPE"
    index = 0
    while value and value % 1024 == 0 and index < len(units) - 1:
        value //= 1024
        index += 1
    return f"{value}{units[index]}"
