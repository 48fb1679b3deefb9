"""sstat: what runs, measured while it runs; and nobody else's."""

from __future__ import annotations

import os

from .site import Site, until

_BUSY = r"""--wrap 'srun -N2 -n2 -J busy sh -c "x=\$(head -c 30000000 /dev/zero | tr \\\\0 x); sleep 60"'"""


def test_live_usage_of_a_step_on_two_nodes(shared_site: Site) -> None:
    job = shared_site.submit(f"-N2 -o /dev/null {_BUSY}")
    shared_site.until(job, "RUNNING")
    line = f"sstat -n -P -j {job} -o jobid,ntasks,maxrss,maxrssnode,avecpu --noconvert"

    def shown() -> list[str]:
        return shared_site.sh(line).strip().split("|")

    def holds_much() -> bool:
        row = shown()
        return len(row) == 5 and int(row[2] or 0) > 30_000_000

    until(holds_much, "30 MB used")
    found = shown()
    assert found[:2] == [f"{job}.0", "2"] and found[3] in ("n1", "n2") and found[4].startswith("00:00:")
    steps = shared_site.sh(f"sstat -a -n -P -j {job} -o jobid").split()
    assert steps == [f"{job}.batch", f"{job}.0"]

    def alive() -> bool:
        rows = [row.split("|") for row in shared_site.sh(f"sstat -a -i -n -P -j {job}.0").splitlines()]
        assert [row[:2] for row in rows] == [[f"{job}.0", "n1"], [f"{job}.0", "n2"]]
        return all(os.path.exists(f"/proc/{pid}") for row in rows for pid in row[2].split(","))

    until(alive, "the shell's own children, which fill the variable, have ended")
    other = shared_site.run(f"sstat -n -j {job}.0", user="bob")
    assert (other.rc, other.stdout, other.stderr) == (0, "", f"sstat: error: StepId={job}.0 not found running.\n")
    shared_site.sh(f"scancel {job}")
    shared_site.until(job, "CANCELLED")
    over = shared_site.run(f"sstat -n -j {job}")
    assert (over.rc, over.stderr) == (0, f"sstat: error: No steps running for job {job}\n")


def test_bad_command_lines(shared_site: Site) -> None:
    for words, text in (
        ("", "sstat: error: You didn't give me any jobs to stat.\n"),
        ("-j abc", "sstat: fatal: Bad job/step specified: abc\n"),
        ("-o foo -j 1", 'sstat: error: Invalid field requested: "foo"\n'),
    ):
        outcome = shared_site.run(f"sstat {words}")
        assert (outcome.rc, outcome.stdout, outcome.stderr) == (1, "", text)
