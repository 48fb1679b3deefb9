"""Files that Slurm's commands refuse, in the words they were recorded with."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

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
