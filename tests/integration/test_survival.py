"""What must survive: daemons killed at any moment, steps orphaned, a full disk."""

from __future__ import annotations

import os
import random
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from crane_compat.core import states as st
from crane_compat.core.errors import RequestError
from crane_compat.daemon.rpc.client import Unreachable
from crane_compat.wire import pb

from .site import Site, until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="daemons run as root")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One cluster for the module; each test leaves all daemons running."""
    site = Site(tmp_path_factory.mktemp("survival"))
    try:
        site.up()
        yield site
    finally:
        site.down()


def test_a_stream_of_submissions_survives_kills_of_the_controller(site: Site) -> None:
    """No acknowledged job is lost or run twice, no id is given twice."""
    acknowledged: list[int] = []
    enough = threading.Event()

    def submit_on_and_on() -> None:
        while not enough.is_set():
            try:
                acknowledged.append(site.submit("echo ran >> $SLURM_JOB_ID.ran"))
            except (Unreachable, OSError):
                continue

    dice = random.Random(20)
    sender = threading.Thread(target=submit_on_and_on)
    sender.start()
    try:
        for _ in range(5):
            goal = len(acknowledged) + dice.randrange(5, 40)
            assert until(lambda goal=goal: len(acknowledged) >= goal)  # type: ignore[misc]
            site.kill("slurmctld")
            site.start("slurmctld")
    finally:
        enough.set()
        sender.join()
    assert len(set(acknowledged)) == len(acknowledged)
    assert until(lambda: all(j.state == st.COMPLETED for j in site.jobs().values()), 120)
    known = site.jobs()
    assert not [number for number in acknowledged if number not in known]
    runs = {number: (site.work / f"{number}.ran").read_text().count("ran") for number in acknowledged}
    assert set(runs.values()) == {1}


def test_jobs_go_on_without_their_node_daemon(site: Site) -> None:
    gate = site.work / "gate1"
    job = site.submit(f"while [ ! -e {gate} ]; do sleep 0.05; done; echo done; exit 4", req_nodes="n1")
    assert site.runs(job)
    site.kill("slurmd.n1")
    gate.touch()
    assert until(lambda: (site.work / f"{job}.out").read_text() == "done\n")
    site.start("slurmd", "-N", "n1")
    assert site.reaches(job, st.FAILED)
    record = site.job(job)
    assert record is not None and record.exit_code == 4 << 8


def test_a_running_job_is_adopted_by_the_next_node_daemon(site: Site) -> None:
    gate = site.work / "gate2"
    job = site.submit(f"while [ ! -e {gate} ]; do sleep 0.05; done", req_nodes="n1")
    assert site.runs(job)
    site.kill("slurmd.n1")
    site.start("slurmd", "-N", "n1")
    with site.client() as client:
        client.call(pb.Request(cancel=pb.CancelJobs(ids=[str(job)])))
    assert site.reaches(job, st.CANCELLED)


def supervisor_of(job: int) -> int:
    found = subprocess.run(["pgrep", "-f", rf"slurmstepd: \[{job}\.batch\]"], capture_output=True, text=True)
    return int(found.stdout.split()[0]) if found.stdout else 0


def test_a_killed_supervisor_fails_its_job_and_leaves_no_process(site: Site) -> None:
    job = site.submit("echo $$ > pid.$SLURM_JOB_ID; (setsid sleep 1000 &) ; sleep 1000", req_nodes="n2")
    pid_file = site.work / f"pid.{job}"
    assert until(lambda: pid_file.exists() and pid_file.read_text().strip() != "")
    os.kill(supervisor_of(job), 9)
    assert until(lambda: (r := site.job(job)) is not None and r.state in (st.FAILED, st.NODE_FAIL))
    marker = f"SLURM_JOB_ID={job}\0".encode()

    def left_over() -> bool:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if marker in (entry / "environ").read_bytes():
                        return True
                except OSError:
                    continue
        return False

    assert until(lambda: not left_over())
    assert "supervisor" in site.log("slurmctld")


def test_everything_killed_and_started_again(site: Site) -> None:
    gate = site.work / "gate3"
    job = site.submit(f"while [ ! -e {gate} ]; do sleep 0.05; done; echo end", req_nodes="n2")
    held = site.submit("true", hold=True)
    assert site.runs(job)
    for daemon in ("slurmctld", "slurmd.n1", "slurmd.n2"):
        site.kill(daemon)
    site.start("slurmd", "-N", "n2")
    site.start("slurmctld")
    site.start("slurmd", "-N", "n1")
    gate.touch()
    assert site.reaches(job, st.COMPLETED)
    record = site.job(held)
    assert record is not None and (record.state, record.reason) == (st.PENDING, "JobHeldUser")


def test_a_full_disk_refuses_submissions_and_recovers(tmp_path_factory: pytest.TempPathFactory) -> None:
    base = tmp_path_factory.mktemp("full")
    state = base / "state"
    state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(state)], check=True)
    try:
        site = Site(base, state=state)
        site.up()
        try:
            before = site.submit("true")
            assert site.reaches(before, st.COMPLETED)
            ballast = state / "ballast"
            with pytest.raises(OSError), ballast.open("wb") as file:
                while True:
                    file.write(b"\0" * (1 << 16))
                    file.flush()
            refused = ""
            for _ in range(50):  # the database may still have free pages
                try:
                    site.submit("true # " + "x" * 100_000)
                except RequestError as exc:
                    refused = exc.text
                    break
            assert "I/O error writing script/environment to file" in refused
            assert "free space" in refused
            ballast.unlink()
            after: list[int] = []

            def accepted() -> bool:
                try:
                    after.append(site.submit("true"))
                except RequestError:
                    return False
                return True

            assert until(accepted)
            assert site.reaches(after[0], st.COMPLETED)
        finally:
            site.down()
    finally:
        subprocess.run(["umount", "-l", str(state)], check=True)
