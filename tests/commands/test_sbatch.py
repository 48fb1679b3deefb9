"""sbatch against a controller that answers as told: what it asks, prints and exits with."""

from __future__ import annotations

import pytest

from crane_compat.core import states
from crane_compat.core.errors import TEXT, Errno
from crane_compat.daemon.rpc.client import Client, Unreachable
from crane_compat.wire import pb

from .conftest import Controller, Typed


def accepted(job_id: int = 7, **job: object) -> pb.Response:
    record = pb.JobRecord(job_id=job_id, **job)  # type: ignore[arg-type]
    return pb.Response(submitted=pb.Submitted(job_id=job_id, cluster="lab", job=record))


def ended(job_id: int, state: int, exit_code: int = 0, more: bool = True) -> pb.Response:
    job = pb.JobRecord(job_id=job_id, state=state, exit_code=exit_code)
    return pb.Response(job_event=pb.JobEvent(job=job), more=more)


@pytest.mark.parametrize(
    ("options", "printed"),
    [
        ([], "Submitted batch job 7\n"),
        (["--parsable"], "7\n"),
        (["-M", "lab"], "Submitted batch job 7 on cluster lab\n"),
        (["-M", "lab", "--parsable"], "7;lab\n"),
        (["-Q"], ""),
    ],
)
def test_what_is_printed(typed: Typed, controller: Controller, options: list[str], printed: str) -> None:
    controller.reply = accepted()
    said = typed(["sbatch", *options, "--wrap", "true"])
    assert (said.rc, said.stdout, said.stderr) == (0, printed, "")


def test_what_is_asked(typed: Typed) -> None:
    with open("job.sh", "w", encoding="utf-8") as file:
        file.write("#!/bin/bash\n#SBATCH -n2 -o out/%j\nhostname\n")
    said = typed(["sbatch", "-t5", "job.sh", "a b", "c"], env={"FOO": "x\ny"})
    assert said.asked is not None
    spec = said.asked.specs[0]
    assert (spec.name, spec.batch, spec.num_tasks, spec.time_limit) == ("job.sh", True, 2, 5)
    assert spec.command.endswith("/job.sh") and spec.command.startswith("/")
    assert list(spec.argv) == [b"a b", b"c"]
    assert spec.script.endswith(b"hostname\n")
    assert spec.std_out == f"{spec.work_dir}/out/%j" and not spec.std_err and not spec.std_in
    assert b"FOO=x\ny" in spec.env
    assert spec.submit_line == "sbatch -t5 job.sh a b c"
    assert {limit.name for limit in spec.rlimits} >= {"NOFILE", "CORE", "AS"}


def test_environment_that_goes_along(typed: Typed) -> None:
    env = {"FOO": "1", "BAR": "2", "SLURM_X": "3"}

    def variables(*options: str) -> dict[str, str]:
        said = typed(["sbatch", *options, "--wrap", "true"], env=env)
        assert said.asked is not None
        return dict(item.decode().split("=", 1) for item in said.asked.specs[0].env)

    everything = variables()
    assert everything["FOO"] == "1" and "SLURM_EXPORT_ENV" not in everything
    none = variables("--export=NONE")
    assert "FOO" not in none and none["SLURM_X"] == "3"
    assert (none["SLURM_EXPORT_ENV"], none["SLURM_GET_USER_ENV"]) == ("NONE", "1")
    assert "SLURM_GET_USER_ENV" not in variables("--export=NIL")
    some = variables("--export=FOO,NEW=a,ABSENT")
    assert (some["FOO"], some["NEW"], "BAR" in some, "ABSENT" in some) == ("1", "a", False, False)
    assert variables('--export=ALL,NEW="a,b"')["NEW"] == '"a,b"'


def test_refusals_have_their_details_first(typed: Typed, controller: Controller) -> None:
    controller.reply = pb.Response(rc=2000, error="Invalid partition name specified", messages=["no such thing: x"])
    said = typed(["sbatch", "-p", "x", "--wrap", "true"], env={"SLURM_EXIT_ERROR": "42"})
    assert (said.rc, said.stdout) == (42, "")
    assert said.stderr.splitlines() == [
        "sbatch: error: no such thing: x",
        "sbatch: error: Batch job submission failed: Invalid partition name specified",
    ]


def test_only_a_test(typed: Typed, controller: Controller) -> None:
    controller.reply = accepted(8, start_time=0, num_cpus=2, node_list="n[1-2]", partition="debug")
    said = typed(["sbatch", "--test-only", "--wrap", "true"], env={"TZ": "UTC"})
    assert said.asked is not None and said.asked.test_only
    assert said.stderr.endswith(" a using 2 processors on nodes n[1-2] in partition debug\n")
    controller.reply = pb.Response(rc=1, error="Requested node configuration is not available")
    said = typed(["sbatch", "--test-only", "--wrap", "true"])
    assert (said.rc, said.stderr) == (1, "allocation failure: Requested node configuration is not available\n")


@pytest.mark.parametrize(
    ("ends", "rc"),
    [
        ([(7, states.COMPLETED, 0)], 0),
        ([(7, states.FAILED, 5 << 8)], 5),
        ([(7, states.FAILED, 9)], 1),
        ([(7, states.CANCELLED, 0)], 1),
        ([(7, states.TIMEOUT, 0)], 1),
        ([(8, states.FAILED, 2 << 8), (9, states.FAILED, 3 << 8), (7, states.COMPLETED, 0)], 3),
    ],
)
def test_waiting_for_the_end(typed: Typed, controller: Controller, ends: list[tuple[int, int, int]], rc: int) -> None:
    controller.reply = accepted()
    controller.events = [ended(7, states.RUNNING)]
    controller.events += [ended(*end, more=end is not ends[-1]) for end in ends]
    said = typed(["sbatch", "-W", "--wrap", "true"])
    assert said.asked is not None and said.asked.watch
    assert (said.rc, said.stdout) == (rc, "Submitted batch job 7\n")


def test_without_a_controller(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object) -> Client:
        raise Unreachable

    monkeypatch.setattr(Client, "controller", unreachable)
    said = typed(["sbatch", "--wrap", "true"])
    text = TEXT[Errno.COMMUNICATIONS_CONNECTION]
    assert (said.rc, said.stderr) == (1, f"sbatch: error: Batch job submission failed: {text}\n")


def test_a_script_along_the_path(typed: Typed, tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("bin")
    (place / "found.sh").write_text("#!/bin/sh\n#SBATCH -J there\n")
    said = typed(["sbatch", "found.sh"], env={"PATH": f"/nonexistent:{place}"})
    assert said.asked is not None
    assert (said.asked.specs[0].name, said.asked.specs[0].command) == ("there", f"{place}/found.sh")


def test_words_that_are_no_unicode(typed: Typed) -> None:
    said = typed(["sbatch", "-J", "\udcff", "--comment=ü", "--wrap", "echo \udcff"], env={"SBATCH_ACCOUNT": "\udcfe"})
    assert said.asked is not None
    spec = said.asked.specs[0]
    assert (spec.name, spec.comment, spec.account) == ("\ufffd", "ü", "\ufffd")
    assert spec.script.endswith(b"echo \xff\n")
