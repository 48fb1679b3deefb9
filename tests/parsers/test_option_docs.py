"""What is made from the option table is made anew with it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from crane_compat.commands.slurm.submission import ineffective
from crane_compat.parsers import option_docs
from crane_compat.parsers.option_help import bash_completion
from crane_compat.parsers.option_table import OPTIONS, SHOWN, WHY
from crane_compat.parsers.options import parse

DOCUMENT = Path(__file__).parents[2] / "docs" / "options.md"


def test_the_document_is_of_this_table() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == option_docs.text(), (
        "make it anew: python -m crane_compat.parsers.option_docs > docs/options.md"
    )


def test_what_has_no_effect_has_a_reason_and_what_has_has_none() -> None:
    names = {option.name for option in OPTIONS}
    assert set(WHY) <= names and names >= SHOWN
    for option in OPTIONS:
        assert bool(option.why) == (option.status in ("shown", "recorded", "refused")), option.name


def test_who_asks_in_vain_is_told() -> None:
    asked = parse("sbatch", ["--network=ib", "--mem=1G", "x.sh"], {})
    assert ineffective(asked.givens) == [f"--network has no effect: {WHY['network']}"]


def test_bash_completes_names() -> None:
    script = bash_completion() + (
        "complete() { :; }; compopt() { :; }\n"
        "COMP_WORDS=(sbatch --ntasks-per-s) COMP_CWORD=1; _crane_sbatch; echo ${COMPREPLY[@]}\n"
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("--ntasks-per-socket=\n", "")
