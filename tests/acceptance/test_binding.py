"""Tasks on a node that is this machine: the kernel's word on what they may use."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest

from crane_compat.daemon.node import machine
from tests.acceptance.site import Site
from tests.clusters import users

HERE = machine.detect()
#: this machine, and one that has more processors than it
REAL = (
    f"CPUs={HERE.cpus} Boards=1 SocketsPerBoard={HERE.sockets} CoresPerSocket={HERE.cores} "
    f"ThreadsPerCore={HERE.threads} Gres=gpu:2"
)
PRETENDED = f"CPUs={HERE.cpus * 8} Boards=1 SocketsPerBoard=2 CoresPerSocket={HERE.cpus * 4} ThreadsPerCore=1"
MORE = """\
TaskPlugin=task/cgroup,task/affinity
GresTypes=gpu
PartitionName=unbound Nodes=n1 CpuBind=none State=UP
"""
FILES = {
    "cgroup.conf": "ConstrainCores=yes\nConstrainDevices=yes\n",
    "gres.conf": "NodeName=n1 Name=gpu File=/dev/full\nNodeName=n1 Name=gpu File=/dev/loop-control\n",
}
HAS_NUMA = os.path.exists("/proc/self/numa_maps")
ALLOWED = "grep Cpus_allowed_list /proc/self/status"

pytestmark = pytest.mark.skipif(HERE.cpus < 2, reason="with one CPU there is nothing to choose")


def has_v1(controller: str) -> bool:
    """May we make groups in a hierarchy of cgroup v1?"""
    return os.path.isfile(f"/sys/fs/cgroup/{controller}/cgroup.procs") and os.access(
        f"/sys/fs/cgroup/{controller}", os.W_OK
    )


needs_cpuset = pytest.mark.skipif(not has_v1("cpuset"), reason="no cpuset controller of cgroup v1")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    users.create_missing()
    made = Site("bind", more=MORE, cpus=(REAL, PRETENDED), proctrack="proctrack/cgroup", files=FILES)
    try:
        made.up()
        yield made
    finally:
        made.close()


def cpus(text: str) -> list[set[int]]:
    """The CPUs of each line that the kernel wrote."""
    found = []
    for listed in re.findall(r"Cpus_allowed_list:\s*(\S+)", text):
        spans = [part.partition("-") for part in listed.split(",")]
        found.append({cpu for low, _, high in spans for cpu in range(int(low), int(high or low) + 1)})
    return found


def everything() -> set[int]:
    return set(os.sched_getaffinity(0))


def test_each_task_has_its_own_cores(site: Site) -> None:
    tasks = HERE.sockets * HERE.cores
    found = cpus(site.sh(f"srun -w n1 -n{tasks} -c{HERE.threads} {ALLOWED}"))
    assert len(found) == tasks and set().union(*found) == everything()
    assert sum(map(len, found)) == len(everything())


def test_a_task_is_told_and_tells_how_it_is_bound(site: Site) -> None:
    outcome = site.run("srun -w n1 -n2 --ntasks-per-core=1 --cpu-bind=verbose sh -c 'echo $$ $SLURM_CPU_BIND'")
    lines = re.findall(r"cpu-bind=MASK - n1, task  (\d)  (\d) \[(\d+)\]: mask 0x([0-9a-f]+) set\n", outcome.stderr)
    assert outcome.rc == 0 and sorted(line[:2] for line in lines) == [("0", "0"), ("1", "1")]
    words = [line.split() for line in outcome.stdout.splitlines()]
    assert {pid for pid, _ in words} == {pid for _, _, pid, _ in lines}
    listed = words[0][1].removeprefix("verbose,mask_cpu:0x").split(",0x")
    assert [int(mask, 16) for mask in listed] == [int(line[3], 16) for line in sorted(lines)]


@pytest.mark.parametrize(
    ("options", "first", "second"),
    [("map_cpu:{1},{0}", {1}, {0}), ("mask_cpu:0x1,0x3", {0}, {0, 1}), ("rank", {0}, {1}), ("none", None, None)],
)
def test_what_the_user_says(site: Site, options: str, first: set[int] | None, second: set[int] | None) -> None:
    known = sorted(everything())
    if known[:2] != [0, 1]:
        pytest.skip("the machine's first CPUs are not ours")
    line = f"srun -w n1 -n2 --cpu-bind={options.format(*known)} sh -c 'echo $SLURM_PROCID $({ALLOWED})'"
    found = {}
    for rank, text in re.findall(r"(\d) (Cpus.*\n)", site.sh(f"salloc -Q -w n1 --exclusive {line}")):
        (found[int(rank)],) = cpus(text)
    assert found == {0: first or everything(), 1: second or everything()}


def test_what_a_step_has_not_got_is_refused(site: Site) -> None:
    last = sorted(everything())[-1]
    outcome = site.run(f"srun -w n1 -n1 --cpu-bind=map_cpu:{last} true")
    assert outcome.rc == 192 and outcome.stdout == ""
    assert re.fullmatch(
        r"srun: error: CPU binding outside of job step allocation, allocated CPUs are: 0x[0-9A-F]+\.\n"
        r"srun: error: Task launch for StepId=\d+\.0 failed on node n1: Unable to satisfy cpu bind request\n"
        r"srun: error: Application launch failed: Unable to satisfy cpu bind request\n"
        r"srun: Job step aborted\n",
        outcome.stderr,
    )


def test_a_step_that_one_node_refuses_ends_on_all(site: Site) -> None:
    first = sorted(everything())[0]
    held = site.submit("-w n1 -n1 -o /dev/null --wrap 'sleep 600'")  # the first core of n1
    site.until(held, "RUNNING")
    outcome = site.run(f"srun -N2 -n2 --cpu-bind=map_cpu:{first} sleep 600")
    site.sh(f"scancel {held}")
    assert outcome.rc == 192 and "failed on node n1: Unable to satisfy cpu bind request\n" in outcome.stderr
    site.until(held, "CANCELLED")


def test_memory_comes_from_nodes_that_are_there(site: Site) -> None:
    outcome = site.run("srun -w n1 -n1 --mem-bind=v,local true")
    assert outcome.rc == 0
    assert re.fullmatch(r"mem-bind=LOC - \S+, task  0  0 \[\d+\]: mask 0x[0-9a-f]+ set\n", outcome.stderr)
    for rule, policy in (("local", "bind:"), ("prefer,local", "prefer")):
        told = site.sh(f"srun -w n1 -n1 --mem-bind={rule} cat /proc/self/numa_maps") if HAS_NUMA else policy
        assert policy in told
    outcome = site.run("srun -w n1 -n1 --mem-bind=map_mem:63 echo never")
    assert (outcome.rc, outcome.stdout) == (1, "")
    assert "NUMA node 63 does not exist; cannot bind local task 0 to it (--mem-bind=map_mem)" in outcome.stderr


def test_steps_at_the_same_time_have_cores_of_their_own(site: Site) -> None:
    # each waits, bound, until the other has told its CPUs
    one = f"""sh -c '{ALLOWED} > step$SLURM_STEP_ID; until [ -s step0 -a -s step1 ]; do sleep 0.05; done'"""
    site.file("apart.sh", f"#!/bin/sh\nrm -f step0 step1\nsrun --exact -n1 {one} &\nsrun --exact -n1 {one} &\nwait\n")
    site.sh(f"sbatch -W -Q -w n1 -n{HERE.cpus} -o apart.out apart.sh")
    (first,), (second,) = cpus(site.read("step0")), cpus(site.read("step1"))
    assert first and second and not first & second and first | second <= everything()


@needs_cpuset
def test_the_kernel_keeps_a_job_to_its_cores(site: Site) -> None:
    widen = f"python3 -c 'import os; os.sched_setaffinity(0, range({os.cpu_count()}))'"
    site.sh(f'sbatch -W -Q -w n1 -n1 -o kept.out --wrap "{ALLOWED}; {widen}; {ALLOWED}; srun {ALLOWED}"')
    found = cpus(site.read("kept.out"))
    assert len(found) == 3 and len(found[0]) == HERE.threads and found[0] == found[1] == found[2]


@pytest.mark.skipif(not has_v1("devices"), reason="no devices controller of cgroup v1")
def test_a_step_reaches_only_its_own_devices(site: Site) -> None:
    look = "sh -c 'head -c 1 /dev/full | wc -c'"
    assert site.sh(f"srun -w n1 -n1 --gres=gpu:2 {look}") == "1\n"
    assert site.sh(f"srun -w n1 -n1 --gres=gpu:1 {look}") == "1\n"  # it is the first
    outcome = site.run(f"srun -w n1 -n1 {look}")
    assert outcome.stdout == "0\n" and "Operation not permitted" in outcome.stderr


def test_a_node_that_pretends_binds_nothing_and_says_what_it_would(site: Site) -> None:
    found = site.sh(f"srun -w n2 -n2 sh -c '{ALLOWED}; echo $SLURM_CPU_BIND_LIST'")
    assert cpus(found) == [everything(), everything()]
    digits = HERE.cpus * 8 // 4
    first, second = 1, 1 << HERE.cpus * 4  # the first core of each socket
    assert f"0x{first:0{digits}X},0x{second:0{digits}X}\n" in found


def test_a_node_may_say_how_tasks_are_bound(site: Site) -> None:
    site.sh("scontrol update nodename=n1 cpubind=core", "root")
    assert " CpuBind=cores CoresPerSocket=" in site.sh("scontrol show node n1")
    told = site.run("salloc -Q -w n1 --exclusive srun -n1 --cpu-bind=v true").stderr
    assert re.search(r"mask 0x(\w+) set", told) and cpus(
        site.sh(f"salloc -Q -w n1 --exclusive srun -n1 {ALLOWED}")
    ) == [set(sorted(everything())[: HERE.threads])]
    site.sh("scontrol update nodename=n1 cpubind=off", "root")
    assert "CpuBind" not in site.sh("scontrol show node n1")
    refused = site.run("scontrol update nodename=n1 cpubind=foo", "root")
    assert (refused.rc, refused.stderr) == (1, "scontrol: error: Invalid input cpubind=foo\n")
    assert "Default=NO CpuBind=none  QoS=N/A" in site.sh("scontrol show partition unbound")


@pytest.mark.parametrize("partition", ["main", "unbound"])
def test_the_partition_may_say_how_tasks_are_bound(site: Site, partition: str) -> None:
    found = cpus(site.sh(f"salloc -Q -p {partition} -w n1 --exclusive srun -n{HERE.sockets * HERE.cores} {ALLOWED}"))
    whole = everything()
    assert all((each == whole) == (partition == "unbound") for each in found)
