"""gres.conf, cgroup.conf, slurmdbd.conf."""

from __future__ import annotations

from pathlib import Path

import pytest

from crane_compat.parsers import cgroup_conf, gres_conf, slurmdbd_conf

GOLDEN = Path(__file__).parents[1] / "golden/slurm-25.11/profiles"


def gres(tmp_path: Path, text: str) -> gres_conf.GresConf:
    path = tmp_path / "gres.conf"
    path.write_text(text)
    return gres_conf.load(str(path))


def test_recorded_gres() -> None:
    conf = gres_conf.load(str(GOLDEN / "base" / "gres.conf"))
    assert not conf.diagnostics
    assert [(line.name, line.type, line.files, line.count) for line in conf.of("n3")] == [
        ("gpu", "tesla", ("/dev/zero",), 1),
        ("gpu", "tesla", ("/dev/null",), 1),
    ]
    assert conf.of("n1") == ()


def test_gres_lines(tmp_path: Path) -> None:
    conf = gres(
        tmp_path,
        "# all nodes\nName=gpu Type=a100 File=/dev/nvidia[0-3] Cores=0-3,8 Links=-1,2 Flags=nvidia_gpu_env\n"
        "NodeName=n[1-2] Name=nvme Count=2K Flags=CountOnly\n"
        "NodeName=n1 Name=gpu MultipleFiles=/dev/a,/dev/b CPUs=1\n",
    )
    gpu, nvme, mig = conf.of("n1")
    assert (gpu.count, gpu.files[3], gpu.cores) == (4, "/dev/nvidia3", (0, 1, 2, 3, 8))
    assert (gpu.links, gpu.flags, gpu.nodes, gpu.line) == ((-1, 2), {"nvidia_gpu_env"}, None, 2)
    assert (nvme.count, nvme.nodes) == (2048, ("n1", "n2"))
    assert (mig.count, mig.files, mig.cores) == (1, ("/dev/a", "/dev/b"), (1,))
    assert not conf.diagnostics


def test_autodetect(tmp_path: Path) -> None:
    conf = gres(tmp_path, "AutoDetect=NVML\nNodeName=n[1-2] AutoDetect=off\nNodeName=n3 AutoDetect=rsmi Name=gpu\n")
    assert [conf.detection(node) for node in ("n1", "n3", "n4")] == ["", "rsmi", "nvml"]
    assert [line.nodes for line in conf.lines] == [("n3",)]


@pytest.mark.parametrize(
    ("text", "key", "hint"),
    [
        ("Name=gpu Fiel=/dev/x", "Fiel", "spelling"),
        ("File=/dev/x", "File", "Name=gpu"),
        ("Name=gpu Count=two", "Count", "number"),
        ("Name=gpu Cores=a-b", "Cores", "0-15"),
        ("Name=gpu Flags=fast", "Flags", "CountOnly"),
        ("Name=gpu File=/dev/x[1-2] Count=3", "Count", "files are counted"),
        ("AutoDetect=maybe", "AutoDetect", "nvml"),
        ("NodeName=n[1- Name=gpu", "NodeName", "bracket"),
        ("{% for x in y %}", "{% for x in y %}", "template"),
    ],
)
def test_gres_problems(tmp_path: Path, text: str, key: str, hint: str) -> None:
    found = gres(tmp_path, f"\n{text}\n").diagnostics
    assert [(d.key, d.line) for d in found] == [(key, 2)]
    assert hint in found[0].hint


def test_no_files(tmp_path: Path) -> None:
    missing = str(tmp_path / "nothing")
    assert gres_conf.load(missing).lines == ()
    assert cgroup_conf.load(missing).get("CgroupMountpoint") == "/sys/fs/cgroup"
    assert slurmdbd_conf.load(missing).number("StoragePort") == 3306


def test_cgroup(tmp_path: Path) -> None:
    path = tmp_path / "cgroup.conf"
    path.write_text("constraincores=YES\nMaxRAMPercent=95.5%\nTaskAffinity=no\nConstrainRamSpce=yes\nMinRAMSpace=x\n")
    conf = cgroup_conf.load(str(path))
    assert (conf.flag("ConstrainCores"), conf.flag("ConstrainDevices"), conf.percent("maxrampercent")) == (
        True,
        False,
        95.5,
    )
    assert [(d.severity, d.line, d.key) for d in conf.diagnostics] == [
        ("notice", 3, "TaskAffinity"),
        ("error", 4, "ConstrainRamSpce"),
        ("error", 5, "MinRAMSpace"),
    ]
    assert "constrainramspace" in conf.diagnostics[1].hint


def test_slurmdbd(tmp_path: Path) -> None:
    path = tmp_path / "slurmdbd.conf"
    path.write_text("StoragePass=a\\#b\nStorageHost=db # here\nPurgeJobAfter=12months\nPurgeStepMonths=3\n")
    conf = slurmdbd_conf.load(str(path))
    assert (conf.get("StoragePass"), conf.get("StorageHost"), conf.given("StoragePort")) == ("a#b", "db", False)
    assert [d.hint for d in conf.diagnostics] == ["write PurgeStepAfter"]
    assert slurmdbd_conf.purge_age(conf.get("PurgeJobAfter") or "") == (12, "month")
    assert [slurmdbd_conf.purge_age(text) for text in ("30days", "24hours", "6")] == [
        (30, "day"),
        (24, "hour"),
        (6, "month"),
    ]
    with pytest.raises(ValueError, match="not an age"):
        slurmdbd_conf.purge_age("soon")


def test_recorded_profiles() -> None:
    for path in GOLDEN.glob("*/slurmdbd.conf"):
        # the port is filled in when a cluster is set up
        assert [d.key for d in slurmdbd_conf.load(str(path)).diagnostics] == ["StoragePort"]
