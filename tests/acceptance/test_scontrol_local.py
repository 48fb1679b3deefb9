"""scontrol about this host: whose processes are whose, where nodes are, what is in force."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from crane_compat.config.show import show_config
from crane_compat.parsers.slurm_conf import SlurmConf, load

from .site import Site, until

HEADER = ["PID", "JOBID", "STEPID", "LOCALID", "GLOBALID"]


def pids(site: Site, arguments: str, user: str = "alice") -> list[list[str]]:
    rows = [row.split() for row in site.sh(f"scontrol listpids {arguments}", user).splitlines()]
    assert rows[0] == HEADER
    return rows[1:]


def test_listpids_knows_the_steps_of_its_own_cluster(make_site: Callable[..., Site]) -> None:
    site, other = make_site("mine"), make_site("theirs")
    job, foreign = (
        each.submit("-N2 -n3 -o /dev/null --wrap 'srun -n3 sh -c \"sleep 600; true\"'") for each in (site, other)
    )
    assert job == foreign  # the numbers do not tell them apart
    for each in (site, other):
        each.until(job, "RUNNING")

        def step(each: Site = each) -> bool:
            outcome = each.run(f"scontrol listpids {job}.0")
            return sum(row.split()[-1].isdigit() for row in outcome.stdout.splitlines()[1:]) == 3

        until(step, "the step's tasks")
    rows = pids(site, "")
    assert {row[1] for row in rows} == {str(job)}
    assert sorted({row[2] for row in rows}) == ["0", "batch"]
    tasks = [row for row in rows if row[2] == "0" and row[4] != "-"]
    assert sorted((row[3], row[4]) for row in tasks) == [("0", "0"), ("0", "2"), ("1", "1")]
    for pid, *_ in rows:
        with open(f"/proc/{pid}/environ", "rb") as file:
            assert f"SLURM_CONF={site.conf}".encode() in file.read().split(b"\0")
    assert [row for row in pids(site, f"{job} n2") if row[4] != "-"] == [row for row in tasks if row[4] == "2"]
    assert pids(site, "'*' n1") == pids(site, f"{job} n1")
    assert pids(site, f"{job}.batch") == [row for row in rows if row[2] == "batch"]
    assert pids(site, str(job), "root") == rows
    for arguments, user, said in (
        (f"{job}.5 n1", "alice", f"StepId={job}.5 does not exist on node n1."),
        ("99 n1", "alice", "There are no steps for job 99 on node n1."),
        ("", "bob", "No job steps exist on this node."),
    ):
        outcome = site.run(f"scontrol listpids {arguments}", user)
        assert (outcome.rc, outcome.stdout, outcome.stderr) == (1, "", f"{said}\n")
    assert site.sh("scontrol listjobs").split() == ["JOBID", str(job)]
    assert site.sh("scontrol liststeps n2").split() == ["JOBID", "STEPID", str(job), "0"]
    assert site.sh(f"scontrol pidinfo {tasks[0][0]}").startswith(f"Slurm JobId={job} ends at ")
    (their_pid, *_), *_ = pids(other, "")
    assert site.run(f"scontrol pidinfo {their_pid}").rc == 1


def test_addresses(shared_site: Site) -> None:
    outcome = shared_site.run("scontrol getaddrs n[1-2]")
    assert (outcome.rc, [line.partition(":")[0] for line in outcome.stdout.splitlines()]) == (0, ["n1", "n2"])
    assert "n1: 127.0.0.1:" in outcome.stdout
    missing = shared_site.run("scontrol getaddrs n1,n9")
    assert (missing.rc, missing.stderr) == (1, "Node n9 not found\n")


def test_the_configuration_written_is_the_one_in_force(shared_site: Site) -> None:
    said = shared_site.sh("scontrol write config $PWD/conf", "root")
    path = said.strip().removeprefix("Slurm config saved to ")
    assert path.startswith(f"{shared_site.work}/conf.")
    written = os.path.join(shared_site.work, "slurm.conf")
    os.rename(path, written)

    def shown(conf: SlurmConf) -> dict[str, str]:
        rows = dict(show_config(conf, now=0.0, boot_time=0.0, next_job_id=1, hostname="here"))
        del rows["SLURM_CONF"]
        return rows

    ours, theirs = load(shared_site.conf, strict=True), load(written, strict=True)
    assert shown(theirs) == shown(ours)
    assert (theirs.nodes, theirs.partitions) == (ours.nodes, ours.partitions)
    os.unlink(written)


def test_waiting_for_a_job(shared_site: Site) -> None:
    job = shared_site.submit("-o /dev/null -H --wrap 'sleep 600'")
    outcomes = []
    waiter = threading.Thread(target=lambda: outcomes.append(shared_site.run(f"scontrol wait_job {job}")))
    waiter.start()
    shared_site.sh(f"scontrol release {job}")
    waiter.join()
    assert (outcomes[0].rc, outcomes[0].stderr) == (0, "")
    shared_site.sh(f"scancel {job}")
    shared_site.until(job, "CANCELLED")
    over = shared_site.run(f"scontrol wait_job {job}")
    assert (over.rc, over.stderr) == (1, f"scontrol: Problem running job {job}\n")
