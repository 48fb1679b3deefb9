"""Recorded command lines of sbatch, srun and salloc: what is refused before the controller is asked, and how."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from tests.golden.golden_format import Recordings, default_root

from .conftest import Typed

SCENARIOS = (
    "static/errors/sbatch-options",
    "static/errors/batch-scripts",
    "static/errors/env-defaults",
    "static/errors/srun-salloc-options",
    "static/errors/sbatch-resources",
    "job/submit-forms",
    "strict/sbatch-resources",
)
#: stderr of a refusal that only the controller can know of
BY_CONTROLLER = re.compile(
    r"Batch job submission failed|Unable to allocate|submit/allocate failed|allocation failure|known by database|"
    r"Invalid generic resource|AllowSpecResourcesUsage|job \d+ queued|Requested |Partition |Pending job|"
    r"Unable to confirm|to start at|couldn't chdir|Exited with"
)
#: files that root may read
_OTHERS_FILES = re.compile("/etc/shadow|/dev/stdin")
_SUBMISSION = re.compile(r"(sbatch|srun|salloc)\b[^;|<>$]*$")


def lines() -> Iterator[Any]:
    recordings = Recordings(default_root())
    for name in SCENARIOS:
        files: dict[str, tuple[bytes, str]] = {}
        for index, step in enumerate(recordings.scenario(name).steps):
            if "file" in step:
                files[step["file"]] = (step["content"].encode(), step.get("mode", "644"))
            run = step.get("run", "")
            if _SUBMISSION.match(run) and not _OTHERS_FILES.search(run) and "SLURM_CONF" not in step.get("env", {}):
                yield pytest.param(step, dict(files), id=f"{name}-{index}")


@pytest.mark.parametrize(("step", "files"), list(lines()))
def test_like_recorded(step: dict[str, Any], files: dict[str, tuple[bytes, str]], typed: Typed) -> None:
    for name, (content, mode) in files.items():
        with open(name, "wb") as file:
            file.write(content)
        os.chmod(name, int(mode, 8))
    said = typed(shlex.split(step["run"]), step.get("env"), step.get("stdin", "").encode())
    shown = f"{said.rc} {said.stdout}{said.stderr}"
    if step["rc"] == 0 or step.get("timed_out"):
        assert said.rc == 0, shown
        if "warning" in step["stderr"] or "defined options" in step["stderr"]:
            assert without_limits(said.stderr) == without_limits(step["stderr"])
    elif said.asked is not None:
        assert BY_CONTROLLER.search(step["stderr"]) or not step["stderr"], f"should have been refused: {step['stderr']}"
    else:
        assert (said.rc, said.stdout, said.stderr) == (step["rc"], step["stdout"], step["stderr"])


def without_limits(text: str) -> str:
    """This machine's limits are its own."""
    return re.sub(r"(RLIMIT_\w+|UMASK)=\w+", r"\1=", text)
