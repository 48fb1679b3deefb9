"""CliFilterPlugins: what a site's cli_filter.lua and a user's defaults do to a command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from crane_compat.filters.cli import CliFilters
from crane_compat.parsers.options import OptionError, Submission, parse

SCRIPT = """\
function slurm_cli_setup_defaults(options, early_pass) {defaults} return slurm.SUCCESS end
function slurm_cli_pre_submit(options, offset) {before} return slurm.SUCCESS end
function slurm_cli_post_submit(offset, job_id, step_id) {after} return slurm.SUCCESS end
"""


def filters(where: Path, plugins: str = "lua", command: str = "sbatch", **parts: str) -> CliFilters:
    pieces = {"defaults": "", "before": "", "after": ""} | parts
    (where / "cli_filter.lua").write_text(SCRIPT.format(**pieces))
    return CliFilters(command, plugins, str(where), "lab")


def read(chain: CliFilters, *argv: str, env: dict[str, str] | None = None) -> Submission:
    return parse(chain.command, argv, env or {}, b"#!/bin/sh\n#SBATCH -p script\n", "job.sh", chain)


def test_defaults_yield_to_everything_else(tmp_path: Path) -> None:
    chain = filters(tmp_path, defaults="options['partition'] = 'site' options['time'] = '10' options.hold = 'set'")
    spec = read(chain).specs[0]
    assert (spec.partition, spec.time_limit, spec.hold) == ("script", 10, True)
    assert read(chain, "-t", "5").specs[0].time_limit == 5


def test_pre_submit_sees_and_changes_what_was_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chain = filters(
        tmp_path,
        before="slurm.log_info('%s %s %s', options['job-name'], options['hold'], tostring(options['qos'])) "
        "if options['comment'] == 'no' then slurm.log_error('refused') return slurm.ERROR end "
        "options['comment'] = 'seen' slurm.log_user(slurm.json_cli_options(options))",
    )
    assert read(chain, "-J", "x").specs[0].comment == "seen"
    assert capsys.readouterr().err.splitlines()[0] == "sbatch: lua: x unset nil"
    with pytest.raises(OptionError) as caught:
        read(chain, "--comment=no", "-J", "x", "-H")
    assert caught.value.lines == ["sbatch: error: cli_filter plugin terminated with error"]
    assert caught.value.code == 1
    assert "sbatch: error: lua: refused" in capsys.readouterr().err


def test_each_component_of_a_heterogeneous_job_is_seen(tmp_path: Path) -> None:
    chain = filters(tmp_path, before="options['comment'] = string.format('%d', offset)")
    assert [spec.comment for spec in read(chain, "-n1", ":", "-n2").specs] == ["0", "1"]


def test_a_broken_script_refuses_with_its_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chain = filters(tmp_path, before="local x = nosuch.field")
    with pytest.raises(OptionError):
        read(chain)
    assert "nosuch" in capsys.readouterr().err
    (tmp_path / "cli_filter.lua").unlink()
    with pytest.raises(OptionError):
        read(CliFilters("sbatch", "lua", str(tmp_path), "lab"))
    assert "cannot read" in capsys.readouterr().err


def test_post_submit_knows_the_job(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    filters(tmp_path, after="slurm.log_info('%d %d', job_id, step_id)").post_submit(0, 17, 3)
    assert capsys.readouterr().err == "sbatch: lua: 17 3\n"


def test_user_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".slurm").mkdir()
    (tmp_path / ".slurm" / "defaults").write_text(
        "# mine\ntime = 7\nsrun:comment=no\nsbatch:lab:comment = here\n*:other:qos=high\nnosuch=1\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    spec = read(filters(tmp_path, "cli_filter/user_defaults")).specs[0]
    assert (spec.time_limit, spec.comment, spec.qos) == (7, "here", "")
