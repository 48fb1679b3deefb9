"""srun and salloc as people use them: steps side by side, allocations without a shell, what is refused."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable

import pytest

from .site import Site, until


def test_steps_in_the_background_use_all_nodes_of_their_job(shared_site: Site) -> None:
    """Each `srun -N1 -n1 &` gets a node of its own while there are idle ones; nothing waits that need not."""
    line = "srun -N1 -n1 sh -c 'echo $SLURMD_NODENAME > where.$SLURM_STEP_ID; until test -e go; do sleep 0.05; done' &"
    script = shared_site.file("side.sh", f"#!/bin/bash\n#SBATCH -N2 -n4 -o side.out\n{line}\n{line}\nwait\n")
    job = shared_site.submit(script)
    until(lambda: shared_site.read("where.0") and shared_site.read("where.1"), "both steps at work")
    assert {shared_site.read("where.0"), shared_site.read("where.1")} == {"n1\n", "n2\n"}
    shared_site.sh("touch go")
    shared_site.until(job, "COMPLETED")
    assert shared_site.read("side.out") == ""


def test_a_step_asks_for_no_more_memory_than_its_job_has(shared_site: Site) -> None:
    refused = shared_site.run("salloc -Q -n1 --mem=50 srun --mem=60 true")
    told = f"Unable to create step for job {_last_job(shared_site)}: Memory required by task is not available"
    assert (refused.rc, refused.stderr) == (1, f"srun: error: {told}\n")


def _last_job(site: Site) -> int:
    return max(int(number) for number in site.sh("squeue -h -t all -o %A").split())


def test_an_allocation_without_a_shell(shared_site: Site) -> None:
    told = shared_site.run("salloc --no-shell -n2 -J noshell")
    found = re.fullmatch(r"salloc: Granted job allocation (\d+)\nsalloc: Nodes n1 are ready for job\n", told.stderr)
    assert found and (told.rc, told.stdout) == (0, "")
    assert shared_site.sh(f"srun --jobid={found[1]} -n2 echo in") == "in\nin\n"
    shared_site.sh(f"scancel {found[1]}")
    shared_site.until(int(found[1]), "CANCELLED")


def test_an_allocation_that_cannot_be_had_at_once_has_failed(shared_site: Site) -> None:
    busy = shared_site.submit("-N2 --exclusive -o /dev/null --wrap 'sleep 600'")
    shared_site.until(busy, "RUNNING")
    refused = shared_site.run("salloc -I -n1 true")
    number = _last_job(shared_site)
    assert refused.rc == 1 and refused.stderr == (
        "salloc: error: Unable to allocate resources: Requested nodes are busy\n"
        f"salloc: Job allocation {number} has been revoked.\n"
    )
    assert shared_site.accounted(number) == [f"{number}|FAILED|1:0"]
    shared_site.sh(f"scancel {busy}")
    shared_site.until(busy)


def test_x11_is_refused(shared_site: Site) -> None:
    for command in ("srun", "salloc"):
        refused = shared_site.run(f"{command} --x11 true")
        assert refused.rc == 1 and refused.stdout == ""
        assert refused.stderr == (
            f"{command}: error: X11 forwarding is not available: "
            "run the program on the login host, or tunnel with ssh -X\n"
        )


def test_files_of_tasks_that_cannot_be_opened(shared_site: Site) -> None:
    done = shared_site.run("srun -n2 -o '/nowhere/x.%t' true")
    assert done.rc == 1
    assert "Could not open file" in done.stderr
    assert done.stderr.endswith("srun: error: tasks 0-1 launch failed: Slurmd could not connect IO\n")


def test_the_limit_of_a_step_is_changed_while_it_runs(shared_site: Site) -> None:
    job = shared_site.submit("-n1 -t 5 -o step.out --wrap 'srun sleep 600'")
    until(lambda: f"{job}.0" in shared_site.sh("squeue -h -s -o %i"), "the step")
    shared_site.sh(f"scontrol update step={job}.0 timelimit=3")
    assert "TimeLimit=00:03:00" in shared_site.sh(f"scontrol show step {job}.0")
    other = shared_site.run(f"scontrol update step={job}.0 timelimit=4", user="bob")
    assert (other.rc, other.stderr) == (1, "slurm_update error: Access/permission denied\n")
    missing = shared_site.run(f"scontrol update step={job}.7 timelimit=4")
    assert (missing.rc, missing.stderr) == (1, "slurm_update error: Invalid job id specified\n")
    shared_site.sh(f"scancel {job}")
    shared_site.until(job)


def test_exit_codes_that_requeue(make_site: Callable[..., Site]) -> None:
    site = make_site("again", more="RequeueExit=3\nRequeueExitHold=4")
    text = '#!/bin/sh\n#SBATCH -o /dev/null --open-mode=append\ntest -n "$SLURM_RESTART_COUNT" || exit {}\n'
    again = site.submit(site.file("again.sh", text.format(3)))
    held = site.submit(site.file("held.sh", text.format(4)))
    site.until(again, "PENDING")
    until(lambda: site.sh(f"squeue -h -j {held} -o %t") == "SE\n", "the special exit state")
    assert site.sh(f"squeue -h -j {held} -o '%T %r'") == "SPECIAL_EXIT job requeued in special exit state\n"
    site.sh(f"scontrol release {held}")
    site.sh(f"scontrol update job={again} starttime=now")

    def lives(job: int) -> list[str]:
        return site.sh(f"sacct -D -X -n -P -j {job} -o state,exitcode").splitlines()

    until(lambda: lives(again) == ["REQUEUED|3:0", "COMPLETED|0:0"], "two lives of one")
    until(lambda: lives(held) == ["REQUEUED|4:0", "COMPLETED|0:0"], "two lives of the other")


def test_a_site_says_when_a_step_ends_for_one_task(make_site: Callable[..., Site]) -> None:
    site = make_site("ends", more="KillOnBadExit=1\nWaitTime=1")
    bad = site.run("srun -n2 sh -c '[ $SLURM_PROCID = 1 ] || sleep 600; exit 3'")
    assert bad.rc == 137 and "srun: error: n1: task 1: Exited with exit code 3\nsrun: Terminating" in bad.stderr
    late = site.run("srun -n2 sh -c '[ $SLURM_PROCID = 1 ] || sleep 600'")
    assert late.rc == 137 and "srun: First task exited 1s ago\n" in late.stderr
    assert site.run("srun -n2 --kill-on-bad-exit=0 -W0 sh -c 'exit $SLURM_PROCID'").rc == 1


def test_a_step_that_waits_says_so_to_who_asks(shared_site: Site) -> None:
    shared_site.file(
        "waits.sh",
        "srun -n1 sh -c 'touch busy; sleep 1' &\nuntil test -e busy; do sleep 0.05; done\nsrun -v -n1 true\nwait\n",
    )
    told = shared_site.run("salloc -Q -n1 bash waits.sh")
    assert "step creation temporarily disabled, retrying (Requested nodes are busy)\n" in told.stderr, told
    assert "srun: Step created for StepId=" in told.stderr


def test_nobody_waits_behind_a_job_that_may_not_start_yet(shared_site: Site) -> None:
    later = shared_site.submit("--begin=now+1hour -o /dev/null --wrap true")
    never = shared_site.submit(f"-d afterok:{later} -o /dev/null --wrap true")
    told = shared_site.run("salloc -n1 true")
    assert told.rc == 0 and "queued" not in told.stderr
    shared_site.sh(f"scancel {later} {never}")


@pytest.mark.skipif(shutil.which("script") is None, reason="no script(1)")
def test_a_terminal_and_its_size(shared_site: Site) -> None:
    shared_site.file("size.sh", "stty rows 33 cols 121; srun --pty sh -c 'stty size; env | grep WIN | sort; exit 5'\n")
    outcome = shared_site.run("script -qec 'sh size.sh' /dev/null < /dev/null | tr -d '\\r'; exit ${PIPESTATUS[0]}")
    assert outcome.rc == 5
    assert "33 121\nSLURM_PTY_WIN_COL=121\nSLURM_PTY_WIN_ROW=33\n" in outcome.stdout
