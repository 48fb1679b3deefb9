"""What `crane install` lays down works from anywhere, and finds its configuration by itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from crane_compat import shared_files
from crane_compat.commands import COMMANDS
from crane_compat.daemon.launcher import install
from crane_compat.daemon.local import template


def crane(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "crane_compat.commands.native.crane", *argv],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture(scope="module", params=["compiled", "python"])
def prefix(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("prefix")
    if request.param == "compiled" and not any(map(shutil.which, install._COMPILERS)):
        pytest.skip("no C compiler here")
    flags = ["--python-stub"] if request.param == "python" else []
    done = crane("install", "--prefix", str(root), *flags)
    assert done.returncode == 0, done.stderr
    assert f"configuration: {root}/etc" in done.stdout
    return root


def test_every_command_and_daemon_is_there(prefix: Path) -> None:
    assert {*COMMANDS, "crane"} <= set(os.listdir(prefix / "bin"))
    assert set(os.listdir(prefix / "sbin")) == {"slurmctld", "slurmd", "slurmdbd", "cranectld", "craned", "cranedbd"}
    for name in ("slurmctld", "slurmd", "slurmdbd"):
        unit = (prefix / "lib" / "systemd" / "system" / f"{name}.service").read_text()
        assert f"ExecStart={prefix}/sbin/{name} --systemd" in unit and "@" not in unit


@pytest.mark.parametrize("name", ["slurmctld", "slurmd", "slurmdbd", "cranectld"])
def test_daemon_version_without_any_environment(prefix: Path, name: str) -> None:
    done = subprocess.run([prefix / "sbin" / name, "-V"], env={}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "slurm 25.11.7\n", "")


def test_commands_work_through_symlinks_and_path(prefix: Path, tmp_path: Path) -> None:
    name = sorted(COMMANDS)[0]
    (tmp_path / name).symlink_to(prefix / "bin" / name)
    outputs = []
    for command, path in (
        ([str(prefix / "bin" / name)], ""),
        ([str(tmp_path / name)], ""),
        ([name], str(prefix / "bin")),
    ):
        done = subprocess.run([*command, "--version"], env={"PATH": path}, capture_output=True, text=True, check=False)
        outputs.append((done.returncode, done.stdout, done.stderr))
    assert outputs[0] == outputs[1] == outputs[2]


def test_installing_again_changes_nothing(prefix: Path) -> None:
    compiled = (prefix / "bin" / "squeue").read_bytes().startswith(b"\x7fELF")
    before = {name: os.stat(prefix / "bin" / name).st_ino for name in COMMANDS}
    install.commands(str(prefix / "bin"), str(prefix / "etc"), compiled=compiled)
    assert {name: os.stat(prefix / "bin" / name).st_ino for name in COMMANDS} == before


def test_slurmd_prints_its_machine(prefix: Path) -> None:
    done = subprocess.run([prefix / "sbin" / "slurmd", "-C"], env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    node, uptime = done.stdout.splitlines()
    assert re.fullmatch(
        r"NodeName=\S+ CPUs=\d+ Boards=1 SocketsPerBoard=\d+ CoresPerSocket=\d+ ThreadsPerCore=\d+ RealMemory=\d+", node
    )
    assert re.fullmatch(r"UpTime=\d+-\d\d:\d\d:\d\d", uptime)


def test_unwritable_prefix_is_a_sentence() -> None:
    done = crane("install", "--prefix", "/proc/nowhere")
    assert done.returncode == 1
    assert done.stderr.startswith("crane: error: cannot write /proc/nowhere")


def test_an_unknown_configuration_is_a_sentence(tmp_path: Path) -> None:
    for command in ("env", "status"):
        done = crane(command, "--config", str(tmp_path))
        assert done.returncode == 1
        assert done.stderr.startswith(f"crane: error: no slurm.conf in {tmp_path}")


@pytest.mark.skipif(os.geteuid() != 0, reason="drops root")
def test_up_needs_root() -> None:
    if install.blocked():
        pytest.skip("ordinary users cannot run this Python")
    done = subprocess.run(
        [sys.executable, "-m", "crane_compat.commands.native.crane", "up"],
        capture_output=True, text=True, check=False, user=65534, group=65534, extra_groups=[],
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == ("crane: error: must be run as root: the node daemons run jobs as the users they belong to\n")


def test_own_version() -> None:
    assert re.fullmatch(r"crane \d+\.\d+\.\d+ \(as Slurm 25\.11\.7\)\n", crane("--version").stdout)


def test_placeholders(tmp_path: Path) -> None:
    source, state = tmp_path / "site", tmp_path / "state"
    source.mkdir()
    (source / "slurm.conf").write_text("SlurmctldHost=@HOST@\nX=@STATE@/a\nY=@ETC@\nMail=a@b.c @OTHER@\n")
    (source / "slurmdbd.conf").write_text("StoragePass=@DBPASS@\nStoragePort=@DBPORT@\n")
    assert template.has_places(str(source))
    template.render(str(source), str(state), str(state / "etc"))
    host = os.uname().nodename.split(".")[0]
    rendered = (state / "etc" / "slurm.conf").read_text()
    assert rendered == f"SlurmctldHost={host}\nX={state}/a\nY={state}/etc\nMail=a@b.c @OTHER@\n"
    first = (state / "etc" / "slurmdbd.conf").read_text()
    assert re.fullmatch(r"StoragePass=[0-9a-f]{32}\nStoragePort=3306\n", first)
    stamp = os.stat(state / "etc" / "slurm.conf").st_mtime_ns
    template.render(str(source), str(state), str(state / "etc"))
    assert (state / "etc" / "slurmdbd.conf").read_text() == first
    assert os.stat(state / "etc" / "slurm.conf").st_mtime_ns == stamp
    (source / "slurmdbd.conf").unlink()
    template.render(str(source), str(state), str(state / "etc"))
    assert os.listdir(state / "etc") == ["slurm.conf"]


def test_units_and_examples_come_along() -> None:
    assert set(shared_files.units()) == {"slurmctld.service", "slurmd.service", "slurmdbd.service"}
