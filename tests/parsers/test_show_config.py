"""`scontrol show config` as Slurm 25.11 printed it, from the very files it ran under."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from crane_compat.config.show import show_cgroup, show_config, show_mpi
from crane_compat.parsers import cgroup_conf
from crane_compat.parsers.slurm_conf import load

GOLDEN = Path(__file__).parents[1] / "golden" / "slurm-25.11"
PLACES = {"@STATE@": "/state", "@ETC@": "/etc/lab", "@HOST@": "vm", "@PREFIX@": "/usr"}


def fill(text: str) -> str:
    for place, value in PLACES.items():
        text = text.replace(place, value)
    return text


def profile(name: str, directory: Path, extra: str = "") -> str:
    """The profile's slurm.conf with its places filled in; returns the path."""
    path = directory / "slurm.conf"
    path.write_text(fill((GOLDEN / "profiles" / name / "slurm.conf").read_text()) + extra)
    return str(path)


def recorded(scenario: str) -> list[str]:
    steps = yaml.safe_load((GOLDEN / "scenarios" / f"{scenario}.yaml").read_text())["steps"]
    text: str = next(step["stdout"] for step in steps if step.get("run") == "scontrol show config")
    return fill(text).split("\n")


@pytest.mark.parametrize(
    ("name", "scenario", "next_job"), [("base", "static/scontrol/show", 1001), ("minimal", "minimal/tour", 7)]
)
def test_recorded(name: str, scenario: str, next_job: int, tmp_path: Path) -> None:
    lines = recorded(scenario)
    end = lines.index("")
    conf = load(profile(name, tmp_path), strict=True)
    rows = show_config(conf, boot_time=0, next_job_id=next_job)
    mine = [f"{key:<23} = {value}" for key, value in rows]
    # these three depend on the place and time of running
    here = ("BOOT_TIME", "SLURM_CONF", "SlurmUser")
    assert [line for line in mine if not line.startswith(here)] == [
        line for line in lines[1:end] if not line.startswith(here)
    ]
    assert [line.split()[0] for line in mine] == [line.split()[0] for line in lines[1:end]]
    rest = lines[lines.index("MPI Plugins Configuration:") + 1 :]
    assert [f"{key:<23} = {value}" for key, value in show_mpi()] == rest[: rest.index("")]


def rows_of(tmp_path: Path, extra: str) -> dict[str, str]:
    return dict(show_config(load(profile("minimal", tmp_path, extra)), boot_time=0, next_job_id=1))


@pytest.mark.parametrize(
    ("line", "row", "value"),
    [
        ("PrologFlags=x11", "PrologFlags", "Alloc,Contain,X11"),
        ("PrivateData=users,jobs", "PrivateData", "jobs,users"),
        ("AccountingStorageEnforce=safe,wckeys", "AccountingStorageEnforce", "associations,limits,safe,wckeys"),
        ("OverTimeLimit=UNLIMITED", "OverTimeLimit", "UNLIMITED"),
        ("SlurmctldDebug=6", "SlurmctldDebug", "debug2"),
        ("Prolog=/a\nProlog=/b", "Prolog[1]", "/b"),
        ("MaxMemPerCPU=2000", "MaxMemPerCPU", "2000"),
        ("DefCPUPerGPU=4", "JobDefaults", "DefCpuPerGPU=4"),
        ("SuspendTime=300", "SuspendTime", "300 sec"),
        ("EnforcePartLimits=yes", "EnforcePartLimits", "ALL"),
        ("JobCompPass=word", "JobCompPass", "********"),
        ("PropagateResourceLimitsExcept=MEMLOCK", "PropagateResourceLimits", "(null)"),
        ("PriorityDecayHalfLife=0", "PriorityDecayHalfLife", "00:00:00"),
        ("PriorityFlags=max_tres,calculate_running", "PriorityFlags", "CALCULATE_RUNNING,MAX_TRES"),
    ],
)
def test_values(line: str, row: str, value: str, tmp_path: Path) -> None:
    assert rows_of(tmp_path, line + "\n")[row] == value


def test_basic_priority_has_no_weights(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "PriorityType=priority/basic\n")
    assert rows["PriorityType"] == "priority/basic"
    assert not any(re.match("PriorityWeight|FairShare", key) for key in rows)


def test_cgroup_section(tmp_path: Path) -> None:
    path = tmp_path / "cgroup.conf"
    path.write_text("ConstrainCores=yes\nAllowedRAMSpace=95.5\n")
    rows = dict(show_cgroup(cgroup_conf.load(str(path))))
    assert (rows["ConstrainCores"], rows["AllowedRAMSpace"], rows["ConstrainDevices"]) == ("yes", "95.5%", "no")
    path.write_text("CgroupPlugin=disabled\n")
    assert show_cgroup(cgroup_conf.load(str(path))) == []
