"""What users type wrong: a sentence and an exit code, and the cluster goes on."""

from __future__ import annotations

import os

import pytest

from .site import Site

_NO_PARTITION = (
    "sbatch: error: invalid partition specified: nope\n"
    "sbatch: error: Batch job submission failed: Invalid partition name specified\n"
)


@pytest.mark.parametrize(
    "arguments, rc, said",
    [
        ("-p nope --wrap true", 1, _NO_PARTITION),
        ("-N 1 -n 1 --mem=999999 --wrap true", 1, None),
        ("no-such-file.sh", 1, "sbatch: error: Unable to open file no-such-file.sh\n"),
        ("plain.txt", 1, None),
        ("binary.bin", 1, None),
        ("--no-such-option --wrap true", 255, None),
        ("-t nonsense --wrap true", 255, "sbatch: error: Invalid --time specification\n"),
        ("bad-option.sh", 255, None),
    ],
)  # fmt: skip
def test_submission(arguments: str, rc: int, said: str | None, shared_site: Site) -> None:
    shared_site.file("plain.txt", "hello\n")
    shared_site.file("bad-option.sh", "#!/bin/sh\n#SBATCH -t never\ntrue\n")
    with open(os.path.join(shared_site.work, "binary.bin"), "wb") as file:
        file.write(b"\x7fELF\x00\x01\x02")
    outcome = shared_site.run(f"sbatch {arguments}")
    assert (outcome.rc, outcome.stdout) == (rc, "")
    assert outcome.stderr.startswith("sbatch: ")
    assert "Traceback" not in outcome.stderr
    if said is not None:
        assert outcome.stderr == said


@pytest.mark.parametrize(
    "line",
    [
        "squeue -j abc",
        "squeue --no-such",
        "squeue -t WRONG",
        "sinfo --no-such",
        "scontrol show job 999999",
        "scontrol show node nope",
        "scontrol frobnicate",
        "scontrol update jobid=999999 timelimit=3",
        "scancel --no-such",
        "srun --no-such true",
        "salloc -p nope true",
        "sacct -S nonsense",
    ],
)
def test_other_commands(line: str, shared_site: Site) -> None:
    outcome = shared_site.run(line)
    assert outcome.rc != 0
    assert outcome.stderr + outcome.stdout
    assert "Traceback" not in outcome.stderr
    assert "internal error" not in outcome.stderr


def test_odd_names_and_bytes_come_through(shared_site: Site) -> None:
    name = "a b'c\"d\\e é"
    shared_site.file("odd.sh", "#!/bin/sh\nprintf '%s' \"$SLURM_JOB_NAME\"\n")
    line = "sbatch -o odd-%j.out -J 'a b'\\''c\"d\\e é' odd.sh"
    job = int(shared_site.sh(line).split()[-1])
    shared_site.until(job)
    assert shared_site.read(f"odd-{job}.out") == name


def test_a_corrupt_configuration_is_named(shared_site: Site) -> None:
    path = shared_site.file("bad.conf", "ClusterName=x\nSlurmctldHost=localhost\nNodeName=n[1- CPUs=2\n", mode=0o644)
    for command in ("squeue", "sinfo", "sbatch --wrap true"):
        outcome = shared_site.run(f"SLURM_CONF={path} {command}", seconds=15)
        assert outcome.rc != 0
        assert "Traceback" not in outcome.stderr
    outcome = shared_site.run(f"slurmctld -D -f {path}", user="root")
    assert outcome.rc != 0
    assert "n[1-" in outcome.stderr
