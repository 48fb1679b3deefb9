"""crane lint: every finding at its place, and a verdict that is the commands' own."""

from __future__ import annotations

import csv
import glob
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as some

from crane_compat.commands.native.crane import cli
from crane_compat.commands.native.lint import guarded
from crane_compat.lint import CODES, Report, examine, lint_script
from crane_compat.parsers import options
from crane_compat.parsers.directives import check_script
from crane_compat.parsers.option_values import EndProgram, OptionError
from crane_compat.parsers.slurm_conf import load

CORPUS = Path(os.environ.get("CRANE_SHARED") or Path(__file__).parents[3] / "shared") / "corpus"
SCRIPTS = sorted(glob.glob(str(CORPUS / "sbatch" / "*")) + glob.glob(str(CORPUS / "bsub" / "*")))

CONF = """\
ClusterName=c
SlurmctldHost=localhost
GresTypes=gpu
MaxArraySize=101
Licenses=matlab:2
EnforcePartLimits=ALL
NodeName=n[1-4] CPUs=8 RealMemory=8000 Feature=amd
NodeName=g1 CPUs=8 RealMemory=8000 Gres=gpu:a100:2 Feature=intel
PartitionName=batch Nodes=n[1-4] Default=YES MaxTime=60
PartitionName=gpu Nodes=g1
"""


def _lines(*lines: str) -> bytes:
    return "\n".join(["#!/bin/sh", *lines, ""]).encode()


@pytest.mark.parametrize(
    ("lines", "place", "severity", "code"),
    [
        (["#SBATCH --tmie=10"], (2, 9), "error", "unknown-option"),
        (["#SBATCH --time=soon"], (2, 9), "error", "bad-value"),
        (["#SBATCH --ntasks"], (2, 9), "error", "missing-value"),
        (["#SBATCH --hold=yes"], (2, 9), "error", "unwanted-value"),
        (["#SBATCH --no=1"], (2, 9), "error", "ambiguous-option"),
        (["#SBATCH -J my job"], (2, 15), "error", "stray-word"),
        (["#SBATCH -J 'my job"], (2, 12), "error", "unmatched-quote"),
        (["#SBATCH --exclusive", "#SBATCH --oversubscribe"], (3, 9), "error", "conflict"),
        (["#SBATCH --help"], (2, 9), "error", "ends-sbatch"),
        (["#SBATCH --array=1-"], (2, 9), "error", "bad-expression"),
        (["#SBATCH -C a&&b"], (2, 9), "error", "bad-expression"),
        (["echo hi", "#SBATCH -n 2"], (3, 1), "warning", "after-command"),
        (["# SBATCH -n 2"], (2, 1), "warning", "looks-like-directive"),
        (["##SBATCH -n 2"], (2, 1), "note", "looks-like-directive"),
        (["#SBATCH -o $HOME/out"], (2, 9), "warning", "not-expanded"),
        (["#SBATCH -o ~/out"], (2, 9), "warning", "not-expanded"),
        (["#SBATCH --comment=a#b"], (2, 9), "warning", "cut-by-comment"),
        (["#SBATCH --job-na=x"], (2, 9), "warning", "abbreviation"),
        (["#SBATCH -mem=4G"], (2, 9), "error", "bad-value"),
        (["#SBATCH -n 1", "#SBATCH -n 2"], (3, 9), "warning", "repeated"),
        (["#SBATCH --network=ib"], (2, 9), "warning", "no-effect"),
        (["#BSUB -n 4"], (2, 7), "note", "other-header"),
        (["#SBATCH -n 2", "#BSUB -n 4"], (3, 7), "note", "overruled"),
        (["#BSUB -a app"], (2, 7), "warning", "left-out"),
        (["#SBATCH -o /no/such/place/out"], (2, 9), "note", "no-directory"),
    ],
)  # fmt: skip
def test_a_finding_at_its_place(lines: list[str], place: tuple[int, int], severity: str, code: str) -> None:
    found = [(f.line, f.column, f.severity, f.code) for f in lint_script(_lines(*lines), "job.sh")]
    assert (*place, severity, code) in found, found


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("--partition=bathc", "partition"),
        ("--time=2:00:00", "time-limit"),
        ("--nodes=9", "nodes"),
        ("--nodelist=n9", "nodes"),
        ("--constraint=intel", "constraint"),
        ("--gres=gpu:1", "gres"),
        ("--mem=9000", "size"),
        ("--licenses=matlab:3", "licenses"),
        ("--array=0-101", "array"),
    ],
)
def test_what_a_site_has_not(line: str, code: str, tmp_path: Path) -> None:
    (tmp_path / "slurm.conf").write_text(CONF)
    conf = load(str(tmp_path / "slurm.conf"), strict=False)
    assert code in [f.code for f in lint_script(_lines(f"#SBATCH {line}"), "job.sh", conf) if f.severity == "error"]
    fine = _lines("#SBATCH -p gpu -C intel --gres=gpu:a100:2 -t 5", "#SBATCH -n 8 --mem=8000")
    assert lint_script(fine, "job.sh", conf) == []


def test_all_errors_are_told_and_each_option_with_its_meaning() -> None:
    report = examine(_lines("#SBATCH --tmie=1 -n x", "#SBATCH --mem=4G", "#SBATCH --foo"), "job.sh")
    assert [f.code for f in report.findings if f.severity == "error"] == [
        "unknown-option",
        "bad-value",
        "unknown-option",
    ]
    assert {(use.option, use.status) for use in report.uses} >= {("--mem", "honoured"), ("--ntasks", "refused")}


def _takes(script: bytes) -> bool:
    try:
        check_script(script)
        options.parse("sbatch", [], {}, script, "job.sh")
    except (OptionError, EndProgram):
        return False
    return True


def _read(report: Report) -> bool:
    """sbatch takes it, whatever the controller says then."""
    theirs = ("bad-expression", "too-large")
    return all(finding.code in theirs for finding in report.findings if finding.severity == "error")


_WORDS = some.sampled_from(
    ["-n", "2", "--ntasks=2", "--time", "10", "--mem=4G", "-J", "a b", "'x", '"y z"', "#c", "--foo", "hetjob", "-",
     "--", "--exclusive", "--oversubscribe", "--gpus=1", "$X", "=", "-t1:0:0", "--help", "\\", "–n"]
)  # fmt: skip
_LINE = some.one_of(
    some.lists(_WORDS, max_size=4).map(lambda words: "#SBATCH " + " ".join(words)),
    some.lists(_WORDS, max_size=3).map(lambda words: "#BSUB " + " ".join(words)),
    some.lists(_WORDS, max_size=3).map(lambda words: "#PBS " + " ".join(words)),
    some.sampled_from(["", "# text", "echo hi", "  #SBATCH -n 1", "##SBATCH -n 1", "#CBATCH -n 1", "cat <<E", "E"]),
)


@given(some.lists(_LINE, max_size=6))
def test_the_verdict_is_that_of_sbatch(lines: list[str]) -> None:
    script = _lines(*lines)
    report = examine(script, "job.sh", isdir=lambda _: True)
    if report.command == "sbatch":
        assert _read(report) == _takes(script), report.findings
    for finding in report.findings:
        assert finding.code in CODES and 1 <= finding.line <= len(lines) + 2 and finding.column >= 1


@given(some.binary(max_size=300).map(lambda tail: b"#!/bin/sh\n#SBATCH " + tail))
def test_nothing_is_too_strange_to_be_judged(script: bytes) -> None:
    guarded(script, "job.sh", None)


@pytest.mark.skipif(not SCRIPTS, reason="there is no corpus of job scripts")
def test_every_script_of_the_corpus_gets_a_verdict() -> None:
    for path in SCRIPTS:
        script = Path(path).read_bytes()
        report = guarded(script, path, None)
        assert report.command == "cbatch" or _read(report) == _takes(script), path


@pytest.mark.skipif(not SCRIPTS, reason="there is no corpus of job scripts")
def test_directives_of_scripts_that_were_submitted_somewhere_are_understood() -> None:
    """Templates aside; what remains refused has a first line, an option or a word that Slurm refuses as well."""
    with open(CORPUS / "index.tsv", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["kind"] in ("sbatch", "bsub")]
    scripts = [row["file"] for row in rows if row["note"] != "template"]
    strange = []
    for name in scripts:
        report = guarded((CORPUS / name).read_bytes(), name, None)
        lines = {finding.line for finding in report.findings if finding.severity == "error"} - {1}
        strange_codes = ("unmatched-quote", "stray-word", "bad-value", "conflict")
        if (lines and name.startswith("bsub/")) or any(f.code in strange_codes for f in report.findings):
            strange.append((name, lines))
    assert len(strange) <= 0.01 * len(scripts), strange


# ---------------------------------------------------------------- the command


def test_directories_json_and_exit_codes(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "good.sh").write_bytes(_lines("#SBATCH -n 2"))
    (tmp_path / "jobs" / "notes.txt").write_text("no script\n")
    (tmp_path / "jobs" / ".hidden").mkdir()
    (tmp_path / "jobs" / ".hidden" / "bad.sh").write_bytes(_lines("#SBATCH --foo"))
    run = CliRunner().invoke
    fine = run(cli, ["lint", str(tmp_path / "jobs")])
    assert fine.exit_code == 0 and fine.output.splitlines()[-1].startswith("1 script: 1 accepted, 0 refused; 0 errors")
    (tmp_path / "jobs" / "bad.sh").write_bytes(_lines("#SBATCH --foo"))
    refused = run(cli, ["lint", "--json", str(tmp_path / "jobs")])
    document = json.loads(refused.output)
    assert refused.exit_code == 1
    assert [(os.path.basename(s["file"]), s["accepted"]) for s in document["scripts"]] == [
        ("bad.sh", False), ("good.sh", True),
    ]  # fmt: skip
    (finding,) = document["scripts"][0]["findings"]
    assert (finding["line"], finding["column"], finding["code"], finding["says"]) == (
        2, 9, "unknown-option", "unrecognized option '--foo'",
    )  # fmt: skip
    assert document["summary"]["refused"] == 1
    for words in (["lint"], ["lint", str(tmp_path / "none")], ["lint", "--config", str(tmp_path), "x"]):
        outcome = run(cli, words)
        assert outcome.exit_code == 2 and "Traceback" not in outcome.output


def test_a_header_in_sbatchs_words(tmp_path: Path) -> None:
    (tmp_path / "lsf.sh").write_bytes(_lines("#BSUB -J 'my job' -n 4", "#BSUB -W 1:30", "#BSUB -a app"))
    (tmp_path / "bad.sh").write_bytes(_lines("#SBATCH --foo"))
    done = CliRunner().invoke(cli, ["lint", "--as-sbatch", str(tmp_path / "lsf.sh")])
    assert (done.exit_code, done.output.splitlines()[1:]) == (
        0, ['#SBATCH "--job-name=my job"', "#SBATCH --ntasks=4", "#SBATCH --time=1:30:00"],
    )  # fmt: skip
    assert CliRunner().invoke(cli, ["lint", "--as-sbatch", str(tmp_path / "bad.sh")]).exit_code == 1


def test_one_script_is_explained_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "job.sh").write_bytes(_lines("#SBATCH --ntasks=2 --network=x"))
    shown = CliRunner().invoke(cli, ["lint", str(tmp_path / "job.sh")]).output
    assert "2:9   #SBATCH --ntasks=2: number of tasks" in shown
    assert "(recorded)" in shown and "warning: --network is recorded" in shown


def test_the_document_names_every_code() -> None:
    text = (Path(__file__).parents[2] / "docs" / "lint.md").read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if line.startswith("| `")] == [
        f"| `{code}` | {meaning} |" for code, meaning in CODES.items()
    ]
