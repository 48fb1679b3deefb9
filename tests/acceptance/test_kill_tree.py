"""Nothing of a job is left when it has ended, whatever it did to get away."""

from __future__ import annotations

import signal

import pytest

from .site import Site, until

#: a grandchild in a session of its own, whose parent is gone, that ignores the polite signals
_RUNAWAY = """\
#!/bin/bash
(setsid bash -c 'trap "" TERM HUP INT; (trap "" TERM; sleep 3601) & sleep 3602' &)
sleep {seconds}
"""


@pytest.mark.parametrize("end", ["by itself", "scancel", "scancel --signal=KILL --full"])
def test_runaway_processes(end: str, shared_site: Site) -> None:
    name = f"runaway-{end.split()[-1].strip('-')}.sh"
    shared_site.file(name, _RUNAWAY.format(seconds="0.5" if end == "by itself" else 3600))
    job = shared_site.submit(f"-o /dev/null {name}")
    until(lambda: len(shared_site.processes(job)) >= 5 or end == "by itself", "the job's processes")
    if end != "by itself":
        shared_site.sh(f"{end} {job}")
    shared_site.until(job)
    until(lambda: not shared_site.processes(job), "no process of the job", 5.0)


def test_processes_of_a_step_go_with_the_step(shared_site: Site) -> None:
    job = shared_site.submit(
        '-o steps-%j.out --wrap \'srun sh -c "(setsid sleep 3603 &)"; pgrep -fc "sleep 360[3]"; :\''
    )
    shared_site.until(job)
    assert shared_site.read(f"steps-{job}.out") == "0\n"


def test_interrupting_srun_ends_its_step(shared_site: Site) -> None:
    from tests.clusters import users

    command = users.Command(
        "exec srun -N2 sleep 3604",
        "alice",
        users.environment("alice", shared_site.cluster.directories),
        shared_site.work,
    )
    until(lambda: shared_site.sh("squeue -h --me -o '%t %j'") == "R sleep\n", "srun's job")
    job = int(shared_site.sh("squeue -h --me -o %i"))
    until(lambda: len(shared_site.processes(job)) >= 2, "its tasks")

    def interrupted() -> bool:
        command.signal(signal.SIGINT)
        return command.process.poll() is not None

    until(interrupted, "end of srun")  # the second ^C within a second ends it
    outcome = command.outcome(10)
    assert not outcome.timed_out and outcome.rc != 0
    until(lambda: not [p for p in shared_site.processes(job) if p != command.process.pid], "no process of the job")
