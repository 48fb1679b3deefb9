"""sbcast and srun --bcast: files come to a job's nodes as the job's user, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from crane_compat.core.errors import Errno, RequestError
from crane_compat.daemon.rpc.client import Client
from crane_compat.wire import MAX_BLOCK, pb

from .site import Site, until

NO_JOB = "Need a job id to run this command.  Run from within a Slurm job or use the --jobid option."


@pytest.fixture
def job(shared_site: Site) -> Iterator[int]:
    """A job of alice on both nodes, with room for steps."""
    number = shared_site.submit("-N2 -n4 -o /dev/null --wrap 'sleep 600'")
    shared_site.until(number, "RUNNING")
    yield number
    shared_site.run(f"scancel {number}")
    shared_site.until(number)


@pytest.fixture
def place(shared_site: Site) -> Iterator[str]:
    """An empty directory of alice's."""
    shared_site.sh("mkdir place")
    yield "place"
    shared_site.run("rm -rf place", "root")


def names(site: Site, place: str) -> list[str]:
    return sorted(os.listdir(os.path.join(site.work, place)))


def test_a_file_arrives_with_its_content_and_rights(shared_site: Site, job: int, place: str) -> None:
    size = 3 * MAX_BLOCK + 17
    shared_site.sh(
        f"head -c {size} /dev/urandom > {place}/from; chmod 750 {place}/from; touch -d 2001-02-03 {place}/from"
    )
    # both nodes are this host: to one of them
    step = f"-j {job}.batch"
    shared_site.sh(f"sbcast {step} {place}/from {place}/to && cmp {place}/from {place}/to")
    found = os.stat(os.path.join(shared_site.work, place, "to"))
    assert found.st_mode & 0o7777 == 0o750 and found.st_mtime > 1e9
    assert found.st_uid == os.stat(os.path.join(shared_site.work, place)).st_uid
    refused = shared_site.run(f"sbcast {step} {place}/from {place}/to")
    assert (refused.rc, refused.stderr) == (17, "sbcast: error: REQUEST_FILE_BCAST(n1): File exists\n")
    shared_site.sh(f"sbcast -fp -s 10k {step} {place}/from {place}/to && cmp {place}/from {place}/to")
    assert shared_site.sh(f"stat -c %y {place}/to").startswith("2001-02-03 00:00:00")
    assert names(shared_site, place) == ["from", "to"]


def test_in_a_job_the_file_goes_to_all_of_its_nodes(shared_site: Site, place: str) -> None:
    script = "echo x > $0.in; sbcast -f $0.in $PWD/place/all; echo rc=$?; sbcast nosuch place/b; echo rc=$?"
    job = shared_site.submit(f"-N2 -o place/out --wrap '{script}'")
    shared_site.until(job, "COMPLETED")
    assert shared_site.read("place/out").splitlines() == [
        "rc=0", "sbcast: error: Can't open `nosuch`: No such file or directory", "rc=255",
    ]  # fmt: skip
    assert names(shared_site, place) == ["all", "out"]


def test_it_is_written_as_the_user_of_the_job(shared_site: Site, job: int, place: str) -> None:
    shared_site.sh("echo mine > place/from")
    shared_site.sh("mkdir locked; chmod 700 locked", "bob")
    shared_site.sh("ln -s ../locked place/trap")
    for user, target in (("alice", "locked/x"), ("root", "locked/x"), ("root", "place/trap/x")):
        outcome = shared_site.run(f"sbcast -f -j {job}.batch place/from $PWD/{target}", user)
        assert outcome.rc == 13, outcome
        assert outcome.stderr == "sbcast: error: REQUEST_FILE_BCAST(n1): Permission denied\n"
    shared_site.sh(f"sbcast -j {job}.batch place/from place/by-root", "root")
    assert shared_site.sh("stat -c %U place/by-root") == "alice\n"
    shared_site.run("rm -rf locked", "root")


@pytest.mark.parametrize(
    ("user", "target", "said"),
    [
        ("bob", "{job}", "Access/permission denied"),
        ("alice", "99999", "Invalid job id specified"),
        ("alice", "{job}.7", "Invalid job id specified"),
        ("alice", "{job}+1", "Invalid job id specified"),
    ],
)
def test_who_may_not(shared_site: Site, job: int, user: str, target: str, said: str) -> None:
    target = target.format(job=job)
    outcome = shared_site.run(f"sbcast -j {target} /etc/passwd /tmp/crane-none", user)
    assert (outcome.rc, outcome.stderr) == (255, f"sbcast: error: Slurm job {target} lookup error: {said}\n")
    assert not os.path.exists("/tmp/crane-none")


@pytest.mark.parametrize(
    ("arguments", "rc", "said"),
    [
        ("", 1, 'Need two file names, have 0 names\nTry "sbcast --help" for more information\n'),
        (
            "a b", 1, f"sbcast: error: {NO_JOB}\n",
        ),
        ("-j 1 /nosuch /tmp/x", 255, "sbcast: error: Can't open `/nosuch`: No such file or directory\n"),
        ("-j 1 /tmp /tmp/x", 255, "sbcast: error: Can't mmap file `/tmp`, No such device.\n"),
        ("-j 1 /dev/null /tmp/x", 255, "sbcast: error: Can't mmap file `/dev/null`, No such device.\n"),
    ],
)  # fmt: skip
def test_what_it_cannot_do(shared_site: Site, arguments: str, rc: int, said: str) -> None:
    outcome = shared_site.run(f"sbcast {arguments}")
    assert (outcome.rc, outcome.stdout, outcome.stderr) == (rc, "", said)


# ---------------------------------------------------------------- the conversation


def begin(holder: Client, job: int, path: str, size: int, **more: object) -> pb.FileReply:
    order = pb.FileOpen(job_id=job, path=path.encode(), size=size, mode=0o644, **more)  # type: ignore[arg-type]
    return holder.call(pb.Request(file_open=order)).file_reply


def send(client: Client, transfer: int, offset: int, data: bytes) -> pb.FileReply:
    block = pb.FileBlock(transfer=transfer, offset=offset, data=data)
    return client.call(pb.Request(file_block=block)).file_reply


def test_who_goes_away_leaves_nothing_behind(shared_site: Site, job: int, place: str) -> None:
    path = os.path.join(shared_site.work, place, "half")
    with Client.controller(shared_site.conf, "test") as client:
        with Client.controller(shared_site.conf, "test") as holder:
            reply = begin(holder, job, path, 2000)
            assert (list(reply.results), reply.node_list) == ([], "n[1-2]")
            assert not send(client, reply.transfer, 0, b"x" * 1000).results
            growing = names(shared_site, place)
            assert len(growing) == 2 and not os.path.exists(path)  # one for each node, none under the real name
        until(lambda: not names(shared_site, place), "the end of half files")
        with pytest.raises(RequestError) as refused:
            send(client, reply.transfer, 1000, b"x" * 1000)
        assert refused.value.errno == Errno.ALREADY_DONE


def test_the_end_of_the_job_ends_its_transfers(shared_site: Site, place: str) -> None:
    job = shared_site.submit("-o /dev/null --wrap 'sleep 600'")
    shared_site.until(job, "RUNNING")
    path = os.path.join(shared_site.work, place, "half")
    with Client.controller(shared_site.conf, "test") as holder, Client.controller(shared_site.conf, "test") as client:
        reply = begin(holder, job, path, 2000)
        shared_site.sh(f"scancel {job}")
        until(lambda: not names(shared_site, place), "the end of half files")
        (result,) = send(client, reply.transfer, 0, b"x" * 1000).results
        assert (result.node, result.text) == ("n1", "Job/step already completing or completed")
    shared_site.until(job, "CANCELLED")


def test_a_controller_that_dies_gives_transfers_up(shared_site: Site, place: str) -> None:
    job = shared_site.submit("-o /dev/null --wrap 'sleep 600'")
    shared_site.until(job, "RUNNING")
    path = os.path.join(shared_site.work, place, "half")
    with Client.controller(shared_site.conf, "test") as holder:
        begin(holder, job, path, 2000)
        assert names(shared_site, place)
        shared_site.kill("slurmctld")
        shared_site.up_again()
        until(lambda: not names(shared_site, place), "the end of half files")
    shared_site.sh(f"scancel {job}")
    shared_site.until(job, "CANCELLED")


@pytest.mark.parametrize("fault", ["too long", "too large", "unfinished", "another user's"])
def test_senders_that_cheat(shared_site: Site, job: int, place: str, fault: str) -> None:
    path = os.path.join(shared_site.work, place, "half")
    with Client.controller(shared_site.conf, "test") as holder, Client.controller(shared_site.conf, "test") as client:
        reply = begin(holder, job, path, 2 * MAX_BLOCK if fault == "too large" else 1000)
        if fault == "another user's":
            # tests are root: alice's command must not reach what root has begun
            program = (
                "from crane_compat.daemon.rpc.client import Client; from crane_compat.wire import pb; "
                f"c = Client.controller({shared_site.conf!r}, 'test'); "
                f"print(c.call(pb.Request(file_end=pb.FileEnd(transfer={reply.transfer})), check=False).rc)"
            )
            import sys

            assert shared_site.sh(f'{sys.executable} -c "{program}"') == f"{int(Errno.ALREADY_DONE)}\n"
            assert names(shared_site, place)
            return
        with pytest.raises(RequestError):
            match fault:
                case "too long":
                    send(client, reply.transfer, 0, b"x" * 1001)
                case "too large":
                    send(client, reply.transfer, 0, b"x" * (MAX_BLOCK + 1))
                case "unfinished":
                    client.call(pb.Request(file_end=pb.FileEnd(transfer=reply.transfer, whole=True)))
        until(lambda: not names(shared_site, place), "the end of half files")


def test_blocks_may_be_packed(shared_site: Site, job: int, place: str) -> None:
    pytest.importorskip("lz4.block", reason="lz4 is an extra of this package")
    shared_site.sh("seq 300000 > place/from")
    shared_site.sh(f"sbcast -C -j {job}.batch place/from place/to && cmp place/from place/to")


# ---------------------------------------------------------------- srun --bcast


def test_srun_sends_its_program(shared_site: Site, job: int, place: str) -> None:
    shared_site.file("prog", "#!/bin/sh\necho $0 $1\n")
    said = shared_site.sh(f"cd place; srun --jobid={job} --overlap -N2 -n2 -l --bcast ../prog word")
    where = os.path.join(shared_site.work, place)
    assert sorted(said.splitlines()) == [
        f"{rank}: {where}/slurm_bcast_{job}.0_n{rank + 1} word" for rank in (0, 1)
    ]  # fmt: skip
    assert names(shared_site, place) == [f"slurm_bcast_{job}.0_n1", f"slurm_bcast_{job}.0_n2"]
    said = shared_site.sh(f"srun --jobid={job} --overlap -N1 -n1 --bcast=place/named ./prog word")
    assert said == f"{where}/named word\n"


def test_srun_sends_libraries(shared_site: Site, job: int, place: str) -> None:
    line = f"srun --jobid={job} --overlap -N1 -n1 --bcast=place/sh --send-libs --bcast-exclude=NONE"
    said = shared_site.sh(f"{line} /bin/sh -c 'echo $LD_LIBRARY_PATH'")
    assert said == f"{shared_site.work}/place/sh_libs\n"
    assert any(name.startswith("libc.") for name in names(shared_site, "place/sh_libs"))


def test_a_program_that_cannot_be_sent_is_not_started(shared_site: Site, job: int) -> None:
    outcome = shared_site.run(f"srun --jobid={job} --overlap -N1 -n1 --bcast=/nosuch/x true")
    assert outcome.rc == 1 and outcome.stdout == ""
    assert outcome.stderr == (
        "srun: error: REQUEST_FILE_BCAST(n1): No such file or directory\n"
        "srun: error: Failed to broadcast '/usr/bin/true'. Step launch aborted.\n"
    )
    until(lambda: f"{job}.0" not in shared_site.sh(f"squeue -h -s -j {job} -o %i").split(), "the end of the step")


def test_components_get_what_is_theirs(shared_site: Site, place: str) -> None:
    """In a heterogeneous job: a file goes to all of them or to one, a step's programs each to its own."""
    script = (
        "echo x > place/in; sbcast -v -f place/in place/all 2>&1 | grep node_list; "
        "sbcast -v -f -j $SLURM_JOB_ID+1 place/in place/one 2>&1 | grep -e node_list -e jobid; rm place/*; "
        "srun --bcast=place/ true : --bcast=place/ false; ls place"
    )
    job = shared_site.submit(f"-N1 -w n1 -o het.out --wrap '{script}' : -N1 -w n2")
    shared_site.until(job)
    assert [line for line in shared_site.read("het.out").splitlines() if "srun:" not in line] == [
        "sbcast: node_list  = n[1-2]",
        f"sbcast: jobid      = {job}+1",
        "sbcast: node_list  = n2",
        f"slurm_bcast_{job}.0_n1",
        f"slurm_bcast_{job + 1}.0_n2",
    ]
