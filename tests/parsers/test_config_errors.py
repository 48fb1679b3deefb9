"""Files that Slurm's commands refuse, in the words they were recorded with."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from crane_compat import commands
from crane_compat.config import check
from crane_compat.config.check import complaints

RECORDED = Path(__file__).parents[1] / "golden/slurm-25.11/scenarios/static/config-errors.yaml"


def recorded() -> list[tuple[str, str, str, list[str]]]:
    """(program, file, its content, the lines it complains with) of each recorded command."""
    files: dict[str, str] = {}
    found = []
    for step in yaml.safe_load(RECORDED.read_text())["steps"]:
        if "file" in step:
            files[step["file"]] = step["content"]
        elif not step.get("timed_out"):
            name = step["env"]["SLURM_CONF"].rpartition("/")[2]
            found.append((step["run"].split()[0], name, files.get(name, ""), step["stderr"].splitlines()))
    return found


@pytest.mark.parametrize(("program", "name", "content", "lines"), recorded())
def test_recorded(program: str, name: str, content: str, lines: list[str], tmp_path: Path) -> None:
    path = tmp_path / name
    if content:
        path.write_text(content)
    expected = [line.replace("@WORK@", str(tmp_path)) for line in lines]
    assert complaints(program, str(path)) == expected


def test_commands_end_before_they_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "slurm.conf"
    path.write_text("ClusterName=x\nSlurmctldHost=localhost\nFooBar=1\n")
    monkeypatch.setenv("SLURM_CONF", str(path))
    assert commands.run("scontrol", ["show", "hostnames", "n[1-2]"]) == 1
    out, err = capfd.readouterr()
    assert (out, err.splitlines()) == (
        "",
        [
            "scontrol: error: _parse_next_key: Parsing error at unrecognized key: FooBar",
            "scontrol: fatal: Unable to process configuration file",
        ],
    )
    path.write_text("ClusterName=x\nSlurmctldHost=localhost\n")
    assert commands.run("scontrol", ["show", "hostnames", "n[1-2]"]) == 0
    assert capfd.readouterr().out == "n1\nn2\n"


def test_a_file_that_appears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "slurm.conf"
    monkeypatch.setenv("SLURM_CONF", str(path))
    monkeypatch.setattr(check.time, "sleep", lambda _: path.write_text("ClusterName=x\nSlurmctldHost=h\n"))
    assert not check.refuses("sinfo", [])
    assert capsys.readouterr().err == (
        f"sinfo: error: s_p_parse_file: cannot stat file {path}: No such file or directory, "
        "retrying in 1sec up to 60sec\n"
    )


def test_no_file_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("SLURM_CONF", raising=False)
    monkeypatch.setenv("CRANE_SYSCONFDIR", str(tmp_path))
    assert check.refuses("sinfo", [])
    assert "fatal: Could not establish a configuration source" in capsys.readouterr().err
    assert not check.refuses("sinfo", ["--version"])


def test_names_that_are_no_unicode_are_read(tmp_path: Path) -> None:
    from crane_compat.parsers.slurm_conf import load

    path = tmp_path / "slurm.conf"
    path.write_bytes(
        b'ClusterName=c\nSlurmctldHost=h\nNodeName=n\xe9 Reason="d\xe9fectueux"\nPartitionName=p Nodes=ALL\n'
    )
    assert [node.name for node in load(str(path), strict=False).nodes] == ["n\N{REPLACEMENT CHARACTER}"]
