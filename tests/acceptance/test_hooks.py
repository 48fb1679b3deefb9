"""The site's own programs, on a real cluster: prologs, epilogs, mail, health checks, power saving, lost nodes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from .site import Site, until

#: A program that notes down its name, user and what it is told; and what the job's name tells it to do
_NOTE = """#!/bin/bash
[ "$SLURM_JOB_NAME$SLURM_JOB_COMMENT" = "slow{name}" ] && while [ ! -e {notes}/go ]; do sleep 0.05; done
echo "{name} $(id -un) $SLURM_JOB_ID ${{SLURMD_NODENAME:-ctld}} $* $SLURM_JOB_EXIT_CODE2" >> {notes}/notes
[ "$SLURM_JOB_COMMENT" != "fail{name}" ]
"""


@pytest.fixture
def hooked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Site]]:
    """Make a site whose programs write to `notes` in the work directory."""
    made: list[Site] = []

    def make(*settings: str) -> Site:
        site = Site("hooks")
        made.append(site)
        keys = ("Prolog", "Epilog", "PrologSlurmctld", "EpilogSlurmctld", "MailProg", "HealthCheckProgram",
                "SuspendProgram", "ResumeProgram")  # fmt: skip
        more = list(settings)
        for key in keys:
            path = os.path.join(site.work, key)
            with open(path, "w", encoding="utf-8") as file:
                file.write(_NOTE.format(name=key, notes=site.work))
            os.chmod(path, 0o755)
            more = [line.replace(f"{key}=@", f"{key}={path}") for line in more]
        with open(os.path.join(site.source, "slurm.conf"), "a", encoding="utf-8") as file:
            file.write("\n".join(more) + "\n")
        site.up()
        return site

    yield make
    for site in made:
        site.close()


def _notes(site: Site, job: int) -> list[str]:
    lines = [line.split() for line in site.read("notes").splitlines()]
    return [" ".join([words[0], words[1], *words[3:]]) for words in lines if words[2] == str(job)]


_FOUR = ("Prolog=@", "Epilog=@", "PrologSlurmctld=@", "EpilogSlurmctld=@")


def test_programs_of_a_job_run_in_order_and_once(hooked: Callable[..., Site]) -> None:
    site = hooked(*_FOUR)
    job = site.submit("-N1 -o out --wrap 'srun true; srun true; exit 3'")
    site.until(job, "FAILED")
    assert sorted(_notes(site, job)[:2], reverse=True) == ["PrologSlurmctld root ctld", "Prolog root n1"]
    assert sorted(_notes(site, job)[2:]) == ["Epilog root n1 3:0", "EpilogSlurmctld root ctld 3:0"]


def test_an_allocation_waits_for_its_prologs(hooked: Callable[..., Site]) -> None:
    site = hooked(*_FOUR, "PrologFlags=Alloc")
    outcome = site.run("salloc -N2 true")
    assert outcome.rc == 0 and "salloc: Nodes n[1-2] are ready for job\n" in outcome.stderr
    assert {line.split()[2] for line in _notes(site, 1) if line.startswith("Prolog ")} == {"n1", "n2"}


def test_a_job_is_configuring_while_prolog_slurmctld_runs(hooked: Callable[..., Site]) -> None:
    site = hooked(*_FOUR)
    job = site.submit("-J slowPrologSlurmctld -o out --wrap true")
    until(lambda: site.sh(f"squeue -h -j {job} -o '%t %N'") == "CF n1\n", "the job configuring")
    site.kill("slurmctld")
    site.up_again()  # the program is run again
    site.file("go", "")
    site.until(job, "COMPLETED")


def test_a_failing_prolog(hooked: Callable[..., Site]) -> None:
    site = hooked(*_FOUR)
    job = site.submit("--comment=failProlog -o out --wrap true")
    until(lambda: site.job(job).restarts == 1, "the job requeued")
    assert site.sh(f"squeue -h -j {job} -o '%T %r'") == "PENDING launch failed requeued held\n"
    assert site.sh("sinfo -h -n n1 -p main -o '%T %E'") == "drained Prolog error\n"
    site.sh(f"scancel {job}")
    outcome = site.run("srun -w n2 --comment=failProlog true")
    assert outcome.rc == 1 and "Job prolog failed" in outcome.stderr, outcome


def test_a_failing_epilog_drains_its_node(hooked: Callable[..., Site]) -> None:
    site = hooked(*_FOUR)
    job = site.submit("--comment=failEpilog -o out --wrap true")
    site.until(job, "COMPLETED")
    assert site.sh("sinfo -h -n n1 -p main -o '%T %E'") == "drained Epilog error\n"


def test_a_program_that_hangs_is_ended(hooked: Callable[..., Site]) -> None:
    site = hooked(*_FOUR, "PrologEpilogTimeout=1")
    job = site.submit("--comment=slowEpilog -o out --wrap true")
    site.until(job, "COMPLETED")
    assert site.sh("sinfo -h -n n1 -p main -o '%T %E'") == "drained Epilog error\n"


def test_mail(hooked: Callable[..., Site]) -> None:
    site = hooked("MailProg=@", "MailDomain=example.org")
    job = site.submit("-J post --mail-type=ALL -o out --wrap true")
    site.until(job, "COMPLETED")
    until(lambda: len(_notes(site, job)) == 2, "two mails")
    assert [line.split(",")[0] for line in _notes(site, job)] == [
        f"MailProg root ctld -s Slurm Job_id={job} Name=post Began",
        f"MailProg root ctld -s Slurm Job_id={job} Name=post Ended",
    ]
    assert all("alice@example.org" in line for line in site.read("notes").splitlines())


def test_health_checks(hooked: Callable[..., Site]) -> None:
    site = hooked("HealthCheckProgram=@", "HealthCheckInterval=1")
    until(lambda: site.read("notes").count("HealthCheckProgram root") >= 4, "two rounds of checks")


def test_nodes_that_are_switched_off_come_up_for_a_job(hooked: Callable[..., Site]) -> None:
    site = hooked("SuspendProgram=@", "ResumeProgram=@", "SuspendTime=1", "SuspendTimeout=1", "ResumeTimeout=60",
                  "SuspendExcNodes=n2")  # fmt: skip
    until(lambda: "SuspendProgram root ctld n1" in " ".join(site.read("notes").split()), "n1 handed over")
    site.kill("slurmd.n1")
    until(lambda: site.sh("sinfo -h -n n1 -p main -o %t") == "idle~\n", "n1 off")
    job = site.submit("-w n1 -o out --wrap 'echo ran'")
    until(lambda: site.sh(f"squeue -h -j {job} -o '%t %N'") == "CF n1\n", "the job configuring")
    until(lambda: "ResumeProgram root ctld n1" in " ".join(site.read("notes").split()), "n1 called up")
    site.up_again()
    site.until(job, "COMPLETED")
    assert site.read("out") == "ran\n"


def test_srun_hears_of_a_lost_node(hooked: Callable[..., Site]) -> None:
    site = hooked()
    site.file("lose.sh", "#!/bin/sh\nsrun -w n1 sleep 100 &\nwait\n")
    job = site.submit("-w n1 --no-requeue -o out lose.sh")
    until(lambda: len(site.sh(f"squeue -h -s -j {job}").splitlines()) == 2, "the step")
    site.sh("scontrol update node=n1 state=down reason=test", "root")
    site.until(job, "NODE_FAIL")
    assert "srun: error: Node failure on n1\n" in site.read("out")
    assert site.accounted(job) == [f"{job}|NODE_FAIL|1:0", f"{job}.batch|CANCELLED|", f"{job}.0|CANCELLED|"]
