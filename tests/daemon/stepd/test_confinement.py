"""Where a node's processors and devices are, and what its control groups are told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from crane_compat.daemon.node import machine
from crane_compat.daemon.stepd.binding import bits, denied_devices, listed
from crane_compat.daemon.stepd.settings import device_files
from crane_compat.daemon.stepd.tracking import CgroupV2
from crane_compat.parsers.gres_conf import load
from crane_compat.wire import pb

MACHINES = {
    "cores": {(0, 0): [0, 4], (0, 1): [1, 5], (1, 0): [2, 6], (1, 1): [3, 7]},
    "flat": {(0, core): [core] for core in range(8)},
}


@pytest.mark.parametrize(
    ("here", "node", "numbers"),
    [
        ("cores", {"sockets": 2, "cores": 2, "threads": 2, "cpus": 8}, [0, 4, 1, 5, 2, 6, 3, 7]),
        ("cores", {"sockets": 2, "cores": 2, "threads": 1, "cpus": 4}, [0, 1, 2, 3]),
        ("cores", {"sockets": 1, "cores": 1, "threads": 2, "cpus": 2}, [0, 4]),
        ("cores", {"sockets": 8, "cores": 1, "threads": 1, "cpus": 8}, [0, 4, 1, 5, 2, 6, 3, 7]),
        ("flat", {"sockets": 2, "cores": 2, "threads": 2, "cpus": 8}, [0, 1, 2, 3, 4, 5, 6, 7]),
        ("flat", {"sockets": 4, "cores": 4, "threads": 1, "cpus": 16}, None),
    ],
)
def test_a_nodes_processors_are_the_machines(
    monkeypatch: pytest.MonkeyPatch, here: str, node: dict[str, int], numbers: list[int] | None
) -> None:
    monkeypatch.setattr(machine, "_cores", lambda: MACHINES[here])
    shape = machine.shape(pb.NodeRecord(boards=1, **node))  # type: ignore[arg-type]
    assert shape.pretended == (numbers is None)
    assert list(shape.numbers) == (numbers or list(range(node["cpus"])))


def test_this_machine_is_itself() -> None:
    here = machine.detect()
    shape = machine.shape(
        pb.NodeRecord(boards=1, sockets=here.sockets, cores=here.cores, threads=here.threads, cpus=here.cpus)
    )
    assert not shape.pretended and set(shape.numbers) == os.sched_getaffinity(0)


def test_sets_as_the_kernel_lists_them() -> None:
    assert (bits("0-2,5\n"), bits(""), listed(0b100111)) == (0b100111, 0, "0-2,5")


GRES = """\
NodeName=n1 Name=gpu Type=a100 File=/dev/null
NodeName=n[1-2] Name=gpu Type=tesla File=/dev/zero
NodeName=n[1-2] Name=gpu Type=tesla File=/dev/full
NodeName=n1 Name=license Count=4
"""


def test_devices_that_a_step_does_not_hold_are_denied(tmp_path: Path) -> None:
    (tmp_path / "gres.conf").write_text(GRES)
    lines = load(str(tmp_path / "gres.conf")).of("n1")
    files = device_files("gpu:a100:1,gpu:tesla:2", lines)
    assert [(file.type, file.index, file.path) for file in files] == [
        ("a100", 0, "/dev/null"), ("tesla", 0, "/dev/zero"), ("tesla", 1, "/dev/full"),
    ]  # fmt: skip
    assert denied_devices(files, []) == ["c 1:3", "c 1:5", "c 1:7"]
    held = [pb.GresAlloc(name="gpu", type="tesla", count=1, index=[1])]
    assert denied_devices(files, held) == ["c 1:3", "c 1:5"]


def test_devices_of_no_type_are_counted_by_their_name(tmp_path: Path) -> None:
    (tmp_path / "gres.conf").write_text(GRES)
    files = device_files("gpu:3", load(str(tmp_path / "gres.conf")).of("n1"))
    assert [(file.type, file.index) for file in files] == [("", 0), ("", 1), ("", 2)]


def test_what_v2_groups_are_told(tmp_path: Path) -> None:
    """The files that the kernel would make are made here: not every machine has the controller."""
    relative = "slurm_n1_0/uid_1/job_2/step_0"
    group = CgroupV2(str(tmp_path), relative, memory=False)
    assert not group.limit_cpus("0-3", "1")  # no such controller
    above = tmp_path
    for part in relative.split("/"):
        (above / "cgroup.subtree_control").touch()
        above /= part
        (above / "cpuset.cpus").touch()
    assert group.limit_cpus("0-3", "1")
    assert (above / "cpuset.cpus").read_text() == "1"
    assert (above.parent / "cpuset.cpus").read_text() == "0-3"
    assert (above.parent / "cgroup.subtree_control").read_text() == "+cpuset"
    assert not group.deny_devices(["c 1:7"])
