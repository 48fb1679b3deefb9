"""Configuration files of real sites: each is read, or its problems are named; none breaks the reader.

The files are not part of the project: the tests run where a collection of them is at hand.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from crane_compat.config.show import show_config
from crane_compat.parsers import cgroup_conf, gres_conf, slurmdbd_conf
from crane_compat.parsers.slurm_conf import ConfError, load

CORPUS = Path(os.environ.get("CRANE_SHARED") or Path(__file__).parents[3] / "shared") / "corpus"


def files(kind: str) -> list[Path]:
    index = CORPUS / "index.tsv"
    if not index.exists():
        return []
    with index.open(newline="") as table:
        rows = csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [CORPUS / row["file"] for row in rows if row["kind"] == kind]


def with_files(kind: str) -> pytest.MarkDecorator:
    found = files(kind)
    mark = pytest.mark.skipif(not found, reason="no collection of site files here")
    return pytest.mark.parametrize("path", [pytest.param(p, marks=mark, id=p.name) for p in found or [CORPUS]])


@with_files("slurm.conf")
def test_slurm_conf(path: Path) -> None:
    try:
        conf = load(str(path))
    except ConfError as exc:
        assert exc.errors
        assert all(item.line and item.key and item.text for item in exc.diagnostics)
        return
    lines = {str(path): path.read_text(errors="replace").split("\n")}
    for item in conf.diagnostics:
        assert item.severity in ("fatal", "error", "warning", "notice")
        assert (
            item.key in lines.get(item.file, [item.key])[item.line - 1 if item.file in lines else 0] or item.column == 9
        )
    # whatever slurm.conf says can be shown
    assert len(show_config(conf, boot_time=0, next_job_id=1)) > 180
    try:
        load(str(path), strict=True)
    except ConfError as exc:
        assert any(item.severity == "error" for item in conf.diagnostics)
        assert exc.line


@with_files("gres.conf")
def test_gres_conf(path: Path) -> None:
    assert all(item.line and item.key for item in gres_conf.load(str(path)).diagnostics)


@with_files("cgroup.conf")
def test_cgroup_conf(path: Path) -> None:
    assert all(item.line and item.key for item in cgroup_conf.load(str(path)).diagnostics)


@with_files("slurmdbd.conf")
def test_slurmdbd_conf(path: Path) -> None:
    assert all(item.line and item.key for item in slurmdbd_conf.load(str(path)).diagnostics)
