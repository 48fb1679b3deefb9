"""topology.conf: levels, nodes below, addresses."""

from __future__ import annotations

from pathlib import Path

from crane_compat.parsers import topology_conf

TREE = """\
SwitchName=spine Switches=leaf[1-2] LinkSpeed=100   # before what is below it
SwitchName=leaf1 Nodes=n[1-2]
SwitchName=leaf2 Nodes=n[3-4]
"""


def read(where: Path, text: str) -> topology_conf.Topology:
    path = where / "topology.conf"
    path.write_text(text)
    return topology_conf.load(str(path))


def test_a_tree(tmp_path: Path) -> None:
    tree = read(tmp_path, TREE)
    assert [(s.name, s.level, s.link_speed, s.nodes) for s in tree.switches] == [
        ("spine", 1, 100, ["n1", "n2", "n3", "n4"]), ("leaf1", 0, 1, ["n1", "n2"]), ("leaf2", 0, 1, ["n3", "n4"]),
    ]  # fmt: skip
    assert tree.address("n3") == ("spine.leaf2.n3", "switch.switch.node")
    assert tree.address("n9") == ("n9", "node")


def test_what_is_wrong_is_said_at_its_place(tmp_path: Path) -> None:
    found = read(tmp_path, "SwitchName=a Nodes=n1 Speed=3\nNodes=n2\nnonsense\n").diagnostics
    assert [(item.line, item.severity) for item in found] == [(1, "error"), (2, "error"), (3, "error")]


def test_a_circle_ends(tmp_path: Path) -> None:
    tree = read(tmp_path, "SwitchName=a Switches=b\nSwitchName=b Switches=a Nodes=n1\n")
    assert {node for switch in tree.switches for node in switch.nodes} == {"n1"}
    assert tree.address("n1")[0].endswith("n1")


def test_no_file(tmp_path: Path) -> None:
    assert topology_conf.load(str(tmp_path / "topology.conf")).switches == ()
