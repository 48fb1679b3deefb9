"""kill -9 of each part, and of all of it, at bad moments; a full disk."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from .site import Site, alive, kill_all, until

DAEMONS = ("slurmctld", "slurmdbd", "slurmd.n1", "slurmd.n2")


def test_controller_killed_in_a_stream_of_submissions(site: Site) -> None:
    """No acknowledged job is lost or run twice, no id is given twice."""
    acknowledged: list[int] = []
    enough = threading.Event()
    line = "sbatch -o /dev/null --wrap 'echo $SLURM_JOB_ID >> ran.$SLURM_JOB_ID' || true"

    def submit() -> None:
        while not enough.is_set():
            acknowledged.extend(int(number) for number in re.findall(r"job (\d+)\n", site.run(line).stdout))

    clients = [threading.Thread(target=submit) for _ in range(3)]
    for client in clients:
        client.start()
    for round_ in range(1, 6):
        wanted = len(acknowledged) + 7 * round_
        until(lambda: len(acknowledged) >= wanted, f"{wanted} submissions")  # noqa: B023
        site.kill("slurmctld")
        site.start("slurmctld")
    enough.set()
    for client in clients:
        client.join()
    assert [job for job, count in Counter(acknowledged).items() if count > 1] == []
    for job in acknowledged:
        site.until(job)
        assert site.cluster.job_states(job) == ["COMPLETED"]
        assert site.read(f"ran.{job}") == f"{job}\n"


def test_controller_killed_under_running_jobs(site: Site) -> None:
    running = site.submit("-N2 -o run-%j.out --wrap 'srun sh -c \"while [ ! -e go ]; do sleep .1; done; echo out\"'")
    site.until(running, "RUNNING")
    held = site.submit("-H -a 1-5 --wrap true")
    dependent = site.submit(f"-d afterok:{running} -o dep-%j.out --wrap 'echo dep'")
    until(lambda: len(site.processes(running)) > 4, "the step's processes")
    site.kill("slurmctld")
    site.start("slurmctld")
    assert site.sh("squeue -h -S i -o '%i %t'") == f"{running} R\n{held}_[1-5] PD\n{dependent} PD\n"
    site.file("go", "")
    site.until(running, "COMPLETED")
    site.until(dependent, "COMPLETED")
    assert site.read(f"run-{running}.out") == "out\nout\n"
    assert site.accounted(running)[0] == f"{running}|COMPLETED|0:0"


def test_a_job_that_ends_while_the_controller_is_away_is_reported(site: Site) -> None:
    job = site.submit("-o /dev/null --wrap 'while [ ! -e go ]; do sleep .05; done; touch gone; exit 4'")
    site.until(job, "RUNNING")
    site.kill("slurmctld")
    site.file("go", "")
    until(lambda: not site.processes(job), "end of the job's processes")
    site.start("slurmctld")
    site.until(job, "FAILED")
    assert site.accounted(job)[0] == f"{job}|FAILED|4:0"


def test_node_daemon_replaced_under_a_running_step(site: Site) -> None:
    job = site.submit("-w n1 -o step-%j.out --wrap 'srun sh -c \"while [ ! -e go ]; do sleep .05; done; echo done\"'")
    site.until(job, "RUNNING")
    until(lambda: len(site.supervisors(job)) == 2, "two supervisors")
    site.kill("slurmd.n1")
    site.start("slurmd -N n1")
    site.file("go", "")
    site.until(job, "COMPLETED")
    assert site.read(f"step-{job}.out") == "done\n"


def test_everything_killed_supervisors_too(site: Site) -> None:
    """As after a crash of the host, but for its processes: nothing runs on unwatched."""
    job = site.submit("--no-requeue -o /dev/null --wrap 'sleep 62'")
    site.until(job, "RUNNING")
    until(lambda: site.processes(job), "the job's processes")
    tasks = site.processes(job)
    kill_all([pid for daemon in DAEMONS if (pid := site.pid(daemon))] + site.supervisors(job))
    site.up_again()
    site.until(job)
    assert site.cluster.job_states(job) != ["COMPLETED"]
    until(lambda: not any(alive(pid) for pid in tasks), "end of the job's processes")


def test_accounting_away(site: Site) -> None:
    """What ends meanwhile is accounted for when it is back."""
    site.kill("slurmdbd")
    jobs = [site.submit("-o /dev/null --wrap 'exit 2'") for _ in range(3)]
    for job in jobs:
        site.until(job, "FAILED")
    site.kill("slurmctld")
    site.start("slurmctld")
    site.start("slurmdbd")
    for job in jobs:
        until(lambda: site.run(f"sacct -n -j {job}", "root").stdout, f"job {job} in sacct")  # noqa: B023
        assert site.accounted(job)[0] == f"{job}|FAILED|2:0"


@pytest.fixture
def small_disk(site: Site) -> Iterator[Callable[[bool], None]]:
    """StateSaveLocation on a file system of 4 MiB; a function that fills and empties it."""
    place = os.path.join(site.cluster.state, "ctld")
    os.kill(site.pid("slurmctld"), 15)
    until(lambda: not site.pid("slurmctld"), "end of the controller")
    kept = os.path.join(site.base, "kept")
    os.rename(place, kept)
    os.mkdir(place)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=755", "tmpfs", place], check=True)
    subprocess.run(["cp", "-a", f"{kept}/.", place], check=True)
    ballast = os.path.join(place, "ballast")

    def fill(full: bool) -> None:
        if not full:
            os.unlink(ballast)
            return
        with open(ballast, "wb", buffering=0) as file:
            for size in (65536, 1):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    pass

    site.start("slurmctld")
    yield fill
    site.cluster.stop()
    subprocess.run(["umount", place], check=True)


def test_disk_full(site: Site, small_disk: Callable[[bool], None]) -> None:
    before = site.submit("-H --wrap true")
    small_disk(True)
    refused = None
    for _ in range(200):  # what has been laid aside for the journal may hold a few more
        outcome = site.run("sbatch -H --wrap true")
        if outcome.rc:
            refused = outcome
            break
        before = int(outcome.stdout.split()[-1])
    assert refused, "nothing is refused although nothing can be written"
    assert refused.stdout == ""
    assert refused.stderr.startswith("sbatch: error: Batch job submission failed: ")
    assert "Traceback" not in refused.stderr
    assert f"{before}" in site.sh("squeue -h -o %i").split()  # the rest works
    small_disk(False)
    until(lambda: site.run("sbatch -o /dev/null --wrap true").rc == 0, "a submission with space again")
    site.kill("slurmctld")
    site.start("slurmctld")
    assert f"{before}" in site.sh("squeue -h -o %i").split()
