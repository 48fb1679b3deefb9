"""scontrol and scancel: what they ask of the controller, and what they say of its answers."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from crane_compat import commands
from crane_compat.core.errors import TEXT, Errno
from crane_compat.daemon.rpc import client as rpc
from crane_compat.wire import pb

Answer = Callable[[pb.Request], pb.Response]


@dataclass
class Scripted:
    """Stands in for `Client`: keeps what it was asked, answers what it was told to."""

    answer: Answer
    asked: list[pb.Request] = field(default_factory=list)

    def call(self, request: pb.Request, check: bool = True) -> pb.Response:
        kept = pb.Request()
        kept.CopyFrom(request)
        self.asked.append(kept)
        response = self.answer(request)
        if response.rc and check:
            raise rpc.error_of(response)
        return response

    def close(self) -> None:
        pass


@dataclass
class Run:
    status: int
    stdout: str
    stderr: str
    asked: list[pb.Request]


Command = Callable[..., Run]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Command:
    """``run("scancel 12", answer)``: a command line with a controller that answers so, typed by a user."""

    def command(line: str, answer: Answer = lambda _: pb.Response(), stdin: str = "", uid: int = 1000) -> Run:
        scripted = Scripted(answer)
        out, err = io.StringIO(), io.StringIO()
        monkeypatch.setattr(rpc.Client, "controller", classmethod(lambda *_: scripted))
        monkeypatch.setattr(os, "getuid", lambda: uid)
        words = line.split()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            patch.setattr(sys, "stdin", io.StringIO(stdin))
            try:
                status = commands.load(words[0])(words[1:])
            except SystemExit as exc:
                status = int(exc.code or 0)
        return Run(status, out.getvalue(), err.getvalue(), scripted.asked)

    return command


def refused(errno: Errno, *, of: str) -> Answer:
    """Every operation on `of` is refused."""
    result = pb.OpResult(id=of, rc=int(errno), error=TEXT[errno])
    return lambda _: pb.Response(results=pb.OpResults(results=[result]))


def done(_: pb.Request) -> pb.Response:
    return pb.Response(results=pb.OpResults())


# ---------------------------------------------------------------- scancel


@pytest.mark.parametrize(
    ("line", "ids"),
    [
        ("scancel 12", ["12"]),
        ("scancel 12,13 14", ["12", "13", "14"]),
        ("scancel 12_3 12_[1-5,7] 12+1", ["12_3", "12_[1-5,7]", "12+1"]),
        ("scancel 12.0 12_3.batch", ["12.0", "12_3.batch"]),
    ],
)
def test_scancel_ids(run: Command, line: str, ids: list[str]) -> None:
    assert list(run(line, done).asked[0].cancel.ids) == ids


def test_scancel_by_filter_is_about_the_callers_jobs(run: Command) -> None:
    request = run("scancel -n x -t PD -p debug,batch", done).asked[0].cancel
    assert (request.me, list(request.names), list(request.states)) == (True, ["x"], [0])
    assert list(request.partitions) == ["debug", "batch"]
    assert not run("scancel -n x", done, uid=0).asked[0].cancel.me


def test_scancel_signal(run: Command) -> None:
    request = run("scancel -s USR1 -b 12", done).asked[0].cancel
    assert (request.signal, request.signal_set, request.batch) == (10, True, True)


@pytest.mark.parametrize(
    ("line", "errno", "status", "said"),
    [
        ("scancel 12", Errno.INVALID_JOB_ID, 0, ""),
        ("scancel 12", Errno.ALREADY_DONE, 0, ""),
        ("scancel -s 9 12", Errno.INVALID_JOB_ID, 1, "job id 12: Invalid job id specified"),
        ("scancel 12", Errno.ACCESS_DENIED, 210, "job id 12: Access/permission denied"),
        ("scancel 12.0", Errno.INVALID_JOB_ID, 1, "job step id 12.0: Invalid job id specified"),
    ],
)
def test_scancel_refusals(run: Command, line: str, errno: Errno, status: int, said: str) -> None:
    result = run(line, refused(errno, of=line.split()[-1]))
    assert result.status == status
    assert result.stderr == (f"scancel: error: Kill job error on {said}\n" if said else "")


def test_scancel_names_the_job_where_only_the_step_is_unknown(run: Command) -> None:
    def answer(request: pb.Request) -> pb.Response:
        if request.HasField("list_jobs"):
            return pb.Response(jobs=pb.Jobs(jobs=[pb.JobRecord(job_id=12)]))
        return refused(Errno.INVALID_JOB_ID, of="12.9")(request)

    result = run("scancel 12.9", answer)
    assert result.stderr == "scancel: error: Kill job error on job step id 12: Invalid job id specified\n"
    assert result.status == 225


def test_scancel_asks(run: Command) -> None:
    def answer(request: pb.Request) -> pb.Response:
        if request.HasField("list_jobs"):
            jobs = [pb.JobRecord(job_id=n, partition="debug", spec=pb.JobSpec(name="x")) for n in (12, 13)]
            return pb.Response(jobs=pb.Jobs(jobs=jobs))
        results = [pb.OpResult(id="12"), pb.OpResult(id="13")]
        return pb.Response(results=pb.OpResults(results=results if request.cancel.interactive_only_list else []))

    result = run("scancel -i 12 13", answer, stdin="n\ny\n")
    assert list(result.asked[-1].cancel.ids) == ["13"]
    assert result.stdout.startswith("Cancel job_id=12 name=x partition=debug [y/n]? ")


# ---------------------------------------------------------------- scontrol


def keys(request: pb.Request) -> dict[str, str]:
    body = getattr(request, str(request.WhichOneof("body")))
    return {item.key: item.value for item in body.values}


def test_update_job_sends_full_keys(run: Command) -> None:
    request = run("scontrol upd job=12 timel=+3 NumN=2-4 pri=5 nice", done).asked[0]
    assert request.update_job.id == "12"
    assert keys(request) == {"timelimit": "+3", "numnodes": "2-4", "priority": "5", "nice": ""}


def test_update_job_takes_several(run: Command) -> None:
    asked = run("scontrol update jobid=12,13_4 comment=x", done).asked
    assert [request.update_job.id for request in asked] == ["12", "13_4"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("scontrol update job=12 foo=1", "Update of this parameter is not supported: foo=1\nRequest aborted\n"),
        ("scontrol update job=12 timelimit=abc", "scontrol: error: Invalid TimeLimit value\n"),
        ("scontrol update job=12", "No changes specified\n"),
        ("scontrol update node=n1 weight=x", "scontrol: error: Invalid value weight=x for Weight\n"),
        ("scontrol hold", "too few arguments for keyword:hold\n"),
        ("scontrol nope", "invalid keyword: nope\n"),
        ("scontrol delete r1", "scontrol: error: Proper format is 'delete <ENTITY>=<ID>' or 'delete <ENTITY> <ID>'\n"),
    ],
)
def test_what_is_wrong_is_not_asked(run: Command, line: str, said: str) -> None:
    result = run(line)
    assert (result.status, result.stderr, result.asked) == (1, said, [])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("scontrol hold 12", "{text} for job 12\nslurm_suspend error:{text}\n"),
        ("scontrol requeue 12", "{text} for job 12\n"),
        ("scontrol update job=12 comment=x", "{text} for job 12\n"),
        ("scontrol -Q requeue 12", ""),
    ],
)
def test_refusals_of_jobs(run: Command, line: str, said: str) -> None:
    result = run(line, refused(Errno.JOB_FINISHED, of="12"))
    assert (result.status, result.stderr) == (1, said.format(text="Job has already finished"))


def test_refusals_of_array_tasks(run: Command) -> None:
    result = run("scontrol update job=12_9 comment=x", refused(Errno.INVALID_JOB_ID, of="12_9"))
    assert result.stderr == "12_9: Invalid job id specified\n"


def test_times_are_in_the_callers_zone(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    request = run("scontrol update job=12 starttime=2035-01-01T00:00:00", done).asked[0]
    assert keys(request) == {"starttime": "uts2051222400"}


def test_session(run: Command) -> None:
    result = run("scontrol", done, stdin="hold 12\n!!\nfoo\nquit\nhold 13\n")
    assert [list(request.job_op.ids) for request in result.asked] == [["12"], ["12"]]
    assert result.stdout == "scontrol: hold 12\nscontrol: !!\nscontrol: foo\nscontrol: quit\n"
    assert (result.status, result.stderr) == (1, "invalid keyword: foo\n")


def test_show_config(run: Command) -> None:
    rows = [pb.KeyValue(key="ClusterName", value="lab"), pb.KeyValue(key="AccountingStorageBackupHost", value="(null)")]

    def answer(request: pb.Request) -> pb.Response:
        if request.HasField("ping"):
            return pb.Response(pong=pb.Pong(host="vm"))
        return pb.Response(config=pb.Config(values=rows, now=1795358482, mpi=[pb.KeyValue(key="PMIxDebug", value="0")]))

    lines = run("scontrol show conf", answer).stdout.splitlines()
    assert lines[1:] == [
        "ClusterName             = lab",
        "AccountingStorageBackupHost = (null)",
        "",
        "MPI Plugins Configuration:",
        "PMIxDebug               = 0",
        "",
        "Slurmctld(primary) at vm is UP",
    ]


def test_write_script(run: Command) -> None:
    blob = pb.JobBlob(script=b"#!/bin/sh\ntrue\n")
    assert run("scontrol write batch_script 12 -", lambda _: pb.Response(blob=blob)).stdout == "#!/bin/sh\ntrue\n"
    missing = pb.Response(rc=int(Errno.INVALID_JOB_ID), error=TEXT[Errno.INVALID_JOB_ID])
    result = run("scontrol write batch_script 12", lambda _: missing)
    assert (result.status, result.stderr) == (0, "job script retrieval failed: Invalid job id specified\n")


# ---------------------------------------------------------------- nobody there


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("squeue", "slurm_load_jobs error: {text}\n"),
        ("sinfo", "slurm_load_partitions: {text}\n"),
        ("scontrol show job", "slurm_load_jobs error: {text}\n"),
        ("scontrol show config", "slurm_load_ctl_conf error:{text}\n"),
        ("scontrol update job=1 timelimit=1", "Unexpected message received for job 1\n"),
    ],
)
def test_no_controller(run: Command, line: str, said: str) -> None:
    def answer(_: pb.Request) -> pb.Response:
        raise rpc.Unreachable("Connection refused")

    result = run(line, answer)
    text = "Unable to contact slurm controller (connect failure)"
    assert (result.status, result.stdout, result.stderr) == (1, "", said.format(text=text))
