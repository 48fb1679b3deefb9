"""sattach: hear and feed a step that somebody else's srun began."""

from __future__ import annotations

import threading

from .site import Site, until


def test_a_second_listener_hears_and_feeds_the_tasks(shared_site: Site) -> None:
    """The tasks end when they have read a line; nobody but sattach gives them one."""
    shared_site.file("reader", "#!/bin/sh\necho ready\nread line\necho got $SLURM_PROCID $line\n")
    shared_site.sh("mkfifo hold; (sleep 600 > hold & echo $! > holder) < /dev/null > /dev/null 2>&1")
    job = shared_site.submit("-N2 -o out-%j --wrap 'srun -N2 -n2 ./reader < hold'")
    shared_site.until(job, "RUNNING")
    until(lambda: shared_site.run(f"sattach --layout {job}.0").rc == 0, "the step")
    layout = shared_site.sh(f"sattach --layout {job}.0")
    assert layout == (
        "Job step layout:\n\t2 tasks, 2 nodes (n[1-2])\n\n"
        "\tNode 0 (n1), 1 task(s): 0 \n\tNode 1 (n2), 1 task(s): 1 \n"
    )  # fmt: skip
    until(lambda: shared_site.read(f"out-{job}").count("ready") == 2, "both tasks")
    heard: list[str] = []

    def listen() -> None:
        heard.append(shared_site.sh(f"echo words | sattach -l {job}.0"))

    listener = threading.Thread(target=listen)
    listener.start()
    listener.join()
    assert sorted(heard[0].splitlines()) == ["0: got 0 words", "1: got 1 words"]
    shared_site.until(job, "COMPLETED")
    assert shared_site.read(f"out-{job}").count("words") == 2  # srun heard them as well
    shared_site.sh("kill $(cat holder); rm hold holder")
    over = shared_site.run(f"sattach {job}.0")
    assert (over.rc, over.stderr) == (
        1, "sattach: error: Could not get job step info: Job/step already completing or completed\n",
    )  # fmt: skip


def test_nobody_else_may(shared_site: Site) -> None:
    job = shared_site.submit("-o /dev/null --wrap 'srun sleep 600'")
    shared_site.until(job, "RUNNING")
    until(lambda: shared_site.run(f"sattach --layout {job}.0").rc == 0, "the step")
    other = shared_site.run(f"sattach {job}.0", user="bob")
    assert (other.rc, other.stderr) == (1, "sattach: error: Could not get job step info: Access/permission denied\n")
    shared_site.sh(f"scancel {job}")
    shared_site.until(job, "CANCELLED")
