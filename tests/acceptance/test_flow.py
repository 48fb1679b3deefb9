"""What a user does on a first day."""

from __future__ import annotations

from .site import Site

_SCRIPT = """\
#!/bin/bash
#SBATCH --job-name=first
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=2
#SBATCH --time=5
#SBATCH --output=%x-%j.out
echo "$SLURM_JOB_NAME on $SLURM_JOB_NODELIST with $SLURM_NTASKS"
srun --label sh -c 'echo $SLURMD_NODENAME $SLURM_PROCID' | sort
"""


def test_a_script_its_output_its_account(shared_site: Site) -> None:
    shared_site.file("first.sh", _SCRIPT)
    job = shared_site.submit("first.sh")
    shared_site.until(job)
    assert shared_site.read(f"first-{job}.out") == ("first on n[1-2] with 4\n0: n1 0\n1: n1 1\n2: n2 2\n3: n2 3\n")
    assert shared_site.sh(f"squeue -h -j {job}") == ""
    assert shared_site.accounted(job, "JobID,JobName,State,ExitCode") == [
        f"{job}|first|COMPLETED|0:0",
        f"{job}.batch|batch|COMPLETED|0:0",
        f"{job}.0|sh|COMPLETED|0:0",
    ]


def test_the_queue_shows_what_waits_and_what_runs(shared_site: Site) -> None:
    running = shared_site.submit("-N2 --exclusive --wrap 'sleep 60'")
    shared_site.until(running, "RUNNING")
    waiting = shared_site.submit("-J next --wrap true")
    shown = shared_site.sh("squeue -h -S i -o '%i %j %t %R' --me")
    assert shown == f"{running} wrap R n[1-2]\n{waiting} next PD (Resources)\n"
    assert shared_site.sh("sinfo -h -p main -o '%D %t %N'") == "2 alloc n[1-2]\n"
    shared_site.sh(f"scancel {running}")
    shared_site.until(waiting, "COMPLETED")
    assert shared_site.accounted(running, "State")[0] == "CANCELLED by " + shared_site.sh("id -u").strip()


def test_srun_gives_its_output_and_its_exit_code(shared_site: Site) -> None:
    outcome = shared_site.run("echo in | srun -n2 -l sh -c 'cat; echo err >&2; exit 3'")
    assert outcome.rc == 3
    assert sorted(outcome.stdout.splitlines()) == ["0: in", "1: in"]
    assert {"0: err", "1: err"} <= set(outcome.stderr.splitlines())


def test_sbatch_wait_passes_the_exit_code_on(shared_site: Site) -> None:
    assert shared_site.run("sbatch -W -o /dev/null --wrap 'exit 7'").rc == 7


def test_salloc_runs_its_command_in_the_allocation(shared_site: Site) -> None:
    outcome = shared_site.run("salloc -N2 sh -c 'srun -l hostname; exit 5'")
    assert outcome.rc == 5
    assert len(outcome.stdout.splitlines()) == 2
    assert "salloc: Granted job allocation" in outcome.stderr


def test_hold_release_requeue(shared_site: Site) -> None:
    job = shared_site.submit("-H -o held-%j.out --wrap 'echo $SLURM_RESTART_COUNT; sleep 60'")
    assert shared_site.sh(f"squeue -h -j {job} -o '%t %r'") == "PD JobHeldUser\n"
    shared_site.sh(f"scontrol release {job}")
    shared_site.until(job, "RUNNING")
    shared_site.sh(f"scontrol requeue {job}")
    shared_site.until(job, "PENDING")
    shared_site.sh(f"scontrol update jobid={job} starttime=now")
    shared_site.until(job, "RUNNING")
    assert shared_site.job(job).restarts == 1
    shared_site.sh(f"scancel {job}")
    shared_site.until(job, "CANCELLED")


def test_an_array_is_one_line_until_it_starts(shared_site: Site) -> None:
    job = shared_site.submit("-H -a 1-3 -o 'array-%A_%a.out' --wrap 'echo $SLURM_ARRAY_TASK_ID'")
    assert shared_site.sh(f"squeue -h -j {job} -o %i") == f"{job}_[1-3]\n"
    shared_site.sh(f"scontrol release {job}")
    shared_site.until(job)
    assert [shared_site.read(f"array-{job}_{task}.out") for task in (1, 2, 3)] == ["1\n", "2\n", "3\n"]


def test_every_task_of_an_array_runs_its_own_steps(shared_site: Site) -> None:
    """The last task has the array's number, and a step asked for by that number is that task's alone."""
    array = shared_site.submit("-W -a 0-2%1 -o /dev/null --wrap 'srun -o step-%A-%a -- printenv SLURM_ARRAY_TASK_ID'")
    assert [shared_site.read(f"step-{array}-{task}") for task in range(3)] == ["0\n", "1\n", "2\n"]
    assert shared_site.accounted(array, "JobID,State") == [
        f"{array}_{task}{step}|COMPLETED" for task in range(3) for step in ("", ".batch", ".0")
    ]
