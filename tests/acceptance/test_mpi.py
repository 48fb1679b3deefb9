"""MPI programs: their tasks find each other over the nodes of a step, and end together.

Those of MPICH and Open MPI are built from source with the compilers' wrappers of the Debian packages.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator

import pytest

from crane_compat import libpmix
from tests.clusters import users

from .site import Site, free_ports, until

#: Open MPI names its shared memory by host and local rank, and here four nodes are one host.
OVER_TCP = "OMPI_MCA_btl=self,tcp"

PROGRAM = r"""
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int rank, size, one, sum;
    const char *what = argc > 1 ? argv[1] : "", *own = getenv("SLURM_PROCID");
    if (!strcmp(what, "die") && own && !strcmp(own, "1"))
        _exit(atoi(argv[2]));
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    one = rank + 1;
    MPI_Allreduce(&one, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    printf("%d of %d: %d\n", rank, size, sum);
    fflush(stdout);
    if (!strcmp(what, "abort")) {
        if (rank == 1)
            MPI_Abort(MPI_COMM_WORLD, atoi(argv[2]));
        MPI_Barrier(MPI_COMM_WORLD);
    }
    MPI_Finalize();
    return 0;
}
"""

#: A task that speaks PMI without any MPI library: it puts its rank, meets the others, and adds up what they have put.
PLAIN = r"""#!/usr/bin/python3
import os, socket
pmi = socket.socket(fileno=int(os.environ["PMI_FD"])).makefile("rwb")
rank, size = int(os.environ["PMI_RANK"]), int(os.environ["PMI_SIZE"])

def ask1(text):
    pmi.write(text.encode() + b"\n")
    pmi.flush()
    return pmi.readline().decode().strip()

def ask2(text):
    pmi.write(b"%6d" % len(text) + text.encode())
    pmi.flush()
    return pmi.read(int(pmi.read(6))).decode()

if rank % 2:
    assert "rc=0" in ask1("cmd=init pmi_version=2 pmi_subversion=0")
    assert f"rank={rank};size={size};" in ask2("cmd=fullinit;")
    assert "rc=0" in ask2(f"cmd=kvs-put;key=rank-{rank};value={rank + 1};")
    assert "rc=0" in ask2("cmd=kvs-fence;")
    values = [ask2(f"cmd=kvs-get;key=rank-{n};").split("value=")[1].split(";")[0] for n in range(size)]
    assert "rc=0" in ask2("cmd=finalize;")
else:
    assert "rc=0" in ask1("cmd=init pmi_version=1 pmi_subversion=1")
    assert "rc=0" in ask1(f"cmd=put kvsname=x key=rank-{rank} value={rank + 1}")
    assert ask1("cmd=barrier_in") == "cmd=barrier_out rc=0"
    values = [ask1(f"cmd=get kvsname=x key=rank-{n}").split("value=")[1] for n in range(size)]
    assert "rc=0" in ask1("cmd=finalize")
print(f"{rank} of {size}: {sum(map(int, values))}", flush=True)
"""

_NODES = """\
MpiDefault=pmi2
NodeName=n3 NodeHostname=@HOST@ NodeAddr=127.0.0.1 Port={} CPUs=16 RealMemory=4000
NodeName=n4 NodeHostname=@HOST@ NodeAddr=127.0.0.1 Port={} CPUs=16 RealMemory=4000
"""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Four nodes."""
    users.create_missing()
    one = Site("mpi", more=_NODES.format(*free_ports(2)))
    try:
        one.up()
        one.file("plain", PLAIN)
        yield one
    finally:
        one.close()


def _build(site: Site, flavour: str, package: str) -> str:
    compiler = f"mpicc.{flavour}"
    if not shutil.which(compiler):
        pytest.skip(f"no {compiler} here (Debian: {package})")
    source = site.file(f"{flavour}.c", PROGRAM)
    program = os.path.join(site.work, f"ring.{flavour}")
    subprocess.run([compiler, source, "-o", program], check=True, capture_output=True)
    return program


@pytest.fixture(scope="module")
def mpich(site: Site) -> str:
    return _build(site, "mpich", "mpich libmpich-dev gcc")


@pytest.fixture(scope="module")
def openmpi(site: Site) -> str:
    if libpmix.installed() is None:
        pytest.skip("no libpmix here (Debian: libpmix2)")
    return _build(site, "openmpi", "openmpi-bin libopenmpi-dev gcc")


def world(size: int) -> list[str]:
    """What the tasks of one world print."""
    return [f"{rank} of {size}: {size * (size + 1) // 2}" for rank in range(size)]


def printed(text: str) -> list[str]:
    return sorted(re.findall(r"^\d+ of \d+: \d+$", text, re.MULTILINE))


# ---------------------------------------------------------------- one world


def test_both_protocols_in_one_step(site: Site) -> None:
    assert printed(site.sh("srun --mpi=pmi2 -N4 -n6 ./plain")) == world(6)


def test_the_default_is_that_of_the_site(site: Site) -> None:
    assert printed(site.sh("srun -n3 ./plain")) == world(3)
    names = site.sh("srun --mpi=none -n1 env; SLURM_MPI_TYPE=none srun -n1 env")
    assert "PMI_" not in names


def test_pmi2(site: Site, mpich: str) -> None:
    assert printed(site.sh(f"srun --mpi=pmi2 -N4 -n8 {mpich}")) == world(8)
    assert printed(site.sh(f"srun --mpi=pmi2 -N4 -n8 -m cyclic {mpich}")) == world(8)


def test_pmix(site: Site, openmpi: str) -> None:
    assert printed(site.sh(f"srun --mpi=pmix -N4 -n4 {openmpi}")) == world(4)
    assert printed(site.sh(f"{OVER_TCP} srun --mpi=pmix -N4 -n8 -m cyclic {openmpi}")) == world(8)
    asking_each = f"{OVER_TCP} OMPI_MCA_pmix_base_collect_data=0"  # the fence brings nothing: direct modex
    assert printed(site.sh(f"{asking_each} srun --mpi=pmix -N4 -n4 {openmpi}")) == world(4)
    spool = os.path.join(site.cluster.state, "spool", "n1")
    assert [name for name in os.listdir(spool) if name.startswith("pmix")] == []


@pytest.mark.parametrize(("flavour", "launcher"), [("mpich", "mpiexec.mpich"), ("openmpi", "mpirun.openmpi")])
def test_their_own_launchers(site: Site, flavour: str, launcher: str, request: pytest.FixtureRequest) -> None:
    program = request.getfixturevalue(flavour)
    if not shutil.which(launcher):
        pytest.skip(f"no {launcher} here")
    job = site.submit(f"-N4 --ntasks-per-node=1 -o {flavour}.out --wrap '{launcher} {program}'")
    site.until(job)
    assert printed(site.read(f"{flavour}.out")) == world(4), site.read(f"{flavour}.out")
    steps = [line.split("|") for line in site.accounted(job, "JobID,State,NNodes")]
    daemons = [step for step in steps if step[0] == f"{job}.0"]
    assert daemons == [[f"{job}.0", "COMPLETED", daemons[0][2]]]
    assert int(daemons[0][2]) >= 3  # on all nodes but, with some launchers, its own


def test_components_of_a_heterogeneous_step_share_a_world(site: Site, mpich: str) -> None:
    assert printed(site.run(f"srun --mpi=pmi2 -N1 -n2 {mpich} : -N2 -n3 {mpich}").stdout) == world(5)


def test_heterogeneous_with_pmix(site: Site, openmpi: str) -> None:
    outcome = site.run(f"{OVER_TCP} srun --mpi=pmix -N1 -n2 {openmpi} : -N2 -n3 {openmpi}")
    assert printed(outcome.stdout) == world(5)


def test_two_steps_at_once_are_two_worlds(site: Site) -> None:
    job = site.submit(
        "-N2 -n8 -o two.out --wrap 'srun -N2 -n4 --exact ./plain & srun -N2 -n3 --overlap ./plain & wait'"
    )
    site.until(job)
    assert printed(site.read("two.out")) == sorted(world(4) + world(3))


def test_several_programs_are_one_world(site: Site) -> None:
    site.file("several.conf", "0 ./plain\n1-3 ./plain again\n")
    assert printed(site.sh("srun -N2 -n4 --multi-prog several.conf")) == world(4)


def test_without_a_server_every_task_is_alone(site: Site, mpich: str) -> None:
    assert printed(site.sh(f"srun --mpi=none -n3 {mpich}")) == world(1) * 3


# ---------------------------------------------------------------- the end


@pytest.mark.parametrize(("flavour", "kind"), [("mpich", "pmi2"), ("openmpi", "pmix")])
def test_abort_ends_the_step_with_its_code(site: Site, flavour: str, kind: str, request: pytest.FixtureRequest) -> None:
    program = request.getfixturevalue(flavour)
    outcome = site.run(f"srun --mpi={kind} -N3 -n3 {program} abort 7")
    assert outcome.rc == 7, outcome
    assert "Job step aborted" in outcome.stderr


@pytest.mark.parametrize("code", [0, 3])
@pytest.mark.parametrize("nodes", [1, 2])
@pytest.mark.parametrize(("flavour", "kind"), [("mpich", "pmi2"), ("openmpi", "pmix")])
def test_a_task_that_dies_before_it_meets_the_others(
    site: Site, flavour: str, kind: str, nodes: int, code: int, request: pytest.FixtureRequest
) -> None:
    program = request.getfixturevalue(flavour)
    outcome = site.run(f"srun --mpi={kind} -N{nodes} -n4 {program} die {code}")
    assert outcome.rc == (code or 1), outcome
    assert printed(outcome.stdout) == []


def test_killed_in_a_fence(site: Site) -> None:
    """One waits in the fence; the other, on another node, is killed before it comes there."""
    site.file(
        "half",
        PLAIN.replace("if rank % 2:", "if rank == 1:\n    import time\n    print('there', flush=True)\n"
                      "    time.sleep(600)\nif False:"),
    )  # fmt: skip
    job = site.submit("-N2 -n2 -o half.out --wrap 'srun -N2 -n2 ./half; echo code $?'")
    until(lambda: "there" in site.read("half.out"), "the task")
    (sleeper,) = (pid for pid in site.processes(job) if _variable(pid, "PMI_RANK") == "1")
    os.kill(sleeper, signal.SIGKILL)
    site.until(job)
    assert "code 137\n" in site.read("half.out")


def _variable(pid: int, name: str) -> str:
    with open(f"/proc/{pid}/environ", "rb") as file:
        items = dict(item.partition(b"=")[::2] for item in file.read().split(b"\0"))
    return items.get(name.encode(), b"").decode()


def test_garbage_harms_nobody(site: Site) -> None:
    site.file(
        "garbage",
        "#!/usr/bin/python3\nimport os, sys\nfd = int(os.environ['PMI_FD'])\n"
        "for _ in range(100):\n"
        "    try: os.write(fd, os.urandom(10000))\n    except OSError: pass\n"
        "print('through', flush=True)\n",
    )
    assert site.sh("srun -N2 -n4 ./garbage").count("through") == 4
    assert printed(site.sh("srun -N2 -n4 ./plain")) == world(4)


def test_the_pmix_server_is_killed(site: Site, openmpi: str) -> None:
    site.file("wait", f"#!/bin/sh\n{openmpi}\necho ready\nexec sleep 600\n")
    job = site.submit("-N1 -n1 -o server.out --wrap 'srun --mpi=pmix ./wait; echo code $?'")
    until(lambda: "ready" in site.read("server.out"), "the program")
    (server,) = _named(f"slurmstepd: pmix [{job}.0]")
    assert _owner(server) == pwd.getpwnam("alice").pw_uid
    os.kill(server, signal.SIGKILL)
    site.until(job)
    assert re.search(r"code [1-9]", site.read("server.out"))


def _named(title: str) -> list[int]:
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    if file.read().rstrip(b"\0 ").decode(errors="replace") == title:
                        found.append(int(entry))
            except OSError:
                continue
    return found


def _owner(pid: int) -> int:
    return os.stat(f"/proc/{pid}").st_uid
