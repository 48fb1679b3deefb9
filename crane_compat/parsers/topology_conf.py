"""topology.conf(5) for topology/tree: the switches of a cluster.

    SwitchName=leaf1 Nodes=n[1-16]
    SwitchName=spine Switches=leaf[1-8] [LinkSpeed=…]

A file that does not exist is an empty one: then there is no tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from crane_compat.parsers.conf_lines import Line, Word
from crane_compat.parsers.conf_reading import Diagnostic, Reading, entries

_KEYS = frozenset("switchname nodes switches linkspeed comment".split())


@dataclass(slots=True)
class Switch:
    """One switch: its nodes, those below it included."""

    name: str
    level: int = 0  # 0: nodes are connected to it
    link_speed: int = 1
    nodes: list[str] = field(default_factory=list)
    switches: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Topology:
    """All switches, in the order of the file."""

    switches: tuple[Switch, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    def above(self, node: str) -> list[Switch]:
        """The switches between the root and a node, the root first."""
        found: list[Switch] = []
        current = next((s for s in self.switches if s.level == 0 and node in s.nodes), None)
        while current is not None and current not in found:
            found.insert(0, current)
            current = next((s for s in self.switches if found[0].name in s.switches), None)
        return found

    def address(self, node: str) -> tuple[str, str]:
        """``spine.leaf1.n1`` and ``switch.switch.node``, as jobs are told."""
        names = [switch.name for switch in self.above(node)]
        return ".".join([*names, node]), ".".join([*(["switch"] * len(names)), "node"])


def load(path: str) -> Topology:
    """Read topology.conf.  Whatever cannot be understood is a Diagnostic; raises OSError where it cannot be read."""
    reading = Reading()
    switches: dict[str, Switch] = {}

    for line, entry in entries(path, reading.unreadable):
        for switch in _switches(reading, line, entry):
            switches[switch.name] = switch
    for switch in switches.values():
        _complete(switch, switches, ())
    return Topology(tuple(switches.values()), tuple(reading.diagnostics))


def _switches(reading: Reading, line: Line, entry: list[Word]) -> Iterator[Switch]:
    given = {word.key.lower(): word for word in entry}
    for key, word in given.items():
        if key not in _KEYS:
            reading.note("error", line, word, f"{word.key} is no setting of a switch", "see topology.conf(5)")
    if "switchname" not in given:
        reading.note("error", line, entry[0], "a line without SwitchName", "add SwitchName=")
        return
    lists = {key: reading.expand(line, given[key], given[key].value) for key in ("nodes", "switches") if key in given}
    speed = given["linkspeed"].value if "linkspeed" in given else "1"
    for name in reading.expand(line, given["switchname"], given["switchname"].value):
        yield Switch(
            name, 0, int(speed) if speed.isdigit() else 1, list(lists.get("nodes", ())), list(lists.get("switches", ()))
        )


def _complete(switch: Switch, switches: dict[str, Switch], seen: tuple[str, ...]) -> None:
    """Levels and nodes follow from what is below; a circle ends where it closes."""
    if switch.name in seen:
        return
    nodes = dict.fromkeys(switch.nodes)
    for name in switch.switches:
        below = switches.get(name)
        if below is None:
            continue
        _complete(below, switches, (*seen, switch.name))
        switch.level = max(switch.level, below.level + 1)
        nodes |= dict.fromkeys(below.nodes)
    switch.nodes = list(nodes)
