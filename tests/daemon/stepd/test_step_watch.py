"""srun's side and the supervisor's side of a step together; the test plays the controller."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from crane_compat.commands.slurm.step_watch import Listener, Manner, StepWatch, ranks_text
from crane_compat.commands.slurm.voice import Voice
from crane_compat.daemon.rpc.client import Client
from crane_compat.wire import pb, recv_frame, send

from .conftest import NODE, Node, Step, wait_for

STAMP = r"\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\] error: "


class Srun:
    """A forked process that watches a step, as srun does."""

    def __init__(self, node: Node, manner: Manner, stdin: bytes | Path = b"") -> None:
        self.node = node
        self.out, self.err = node.work / "srun.out", node.work / "srun.err"
        self.controller, theirs = socket.socketpair()
        self.controller.settimeout(20)
        if isinstance(stdin, Path):
            reader = os.open(stdin, os.O_RDONLY)
        else:
            reader, writer = os.pipe()
            os.write(writer, stdin)
            os.close(writer)
        self.pid = os.fork()
        if self.pid == 0:
            code = 70
            try:
                for number, target in ((reader, 0), (_create(self.out), 1), (_create(self.err), 2)):
                    os.dup2(number, target)
                sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
                sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
                watch = StepWatch(Voice("srun"), Listener.on("127.0.0.1"), replace(manner, stdin=0), "/nonexistent")
                code = watch.run(Client(theirs, "srun"), pb.StepRequest(job_id=1001))
            finally:
                sys.stdout.flush()
                os._exit(code)
        theirs.close()
        os.close(reader)

    def launch(self, launch: pb.StepLaunch) -> Step:
        """Answer its request by launching the step."""
        request = recv_frame(self.controller, pb.Request)
        assert request is not None
        asked = request.create_step
        for name in ("io_host", "io_port", "io_key"):
            setattr(launch.request, name, getattr(asked, name))
        record = pb.StepRecord(job_id=launch.job_id, step_id=launch.step_id, num_nodes=1, num_tasks=launch.num_tasks)
        record.nodes.add(node=NODE, cpus=1)
        self._tell(step_created=pb.StepCreated(step=record), more=True)
        self.step = self.node.launch(launch)
        self.step.started()
        return self.step

    def _tell(self, **response: object) -> None:
        send(self.controller, pb.Response(**response))  # type: ignore[arg-type]

    def finish(self) -> int:
        """Carry the step's end to it; its exit code."""
        done = self.step.done()
        self._tell(step_event=pb.StepEvent(exits=done.exits, node=done.node), more=False)
        return self.wait()

    def wait(self) -> int:
        _, status = os.waitpid(self.pid, 0)
        self.controller.close()
        return os.waitstatus_to_exitcode(status)

    def said(self) -> str:
        return self.err.read_text()


def _create(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o666)


def run(
    node: Node, launch: pb.StepLaunch, manner: Manner | None = None, stdin: bytes | Path = b""
) -> tuple[int, str, str]:
    srun = Srun(node, manner or Manner(), stdin)
    srun.launch(launch)
    code = srun.finish()
    return code, srun.out.read_text(), srun.said()


def test_output_and_labels(node: Node) -> None:
    launch = node.step("sh", "-c", "echo out $SLURM_PROCID; echo err >&2", tasks=11)
    code, out, err = run(node, launch, Manner(label=True))
    assert code == 0
    assert sorted(out.splitlines()) == sorted(f"{rank:>2}: out {rank}" for rank in range(11))
    assert sorted(err.splitlines()) == sorted(f"{rank:>2}: err" for rank in range(11))


def test_exit_codes(node: Node) -> None:
    code, _, err = run(node, node.step("sh", "-c", "exit $SLURM_PROCID", tasks=3))
    assert code == 2
    assert err == "srun: error: n1: task 1: Exited with exit code 1\nsrun: error: n1: task 2: Exited with exit code 2\n"


def test_killed_task(node: Node) -> None:
    code, _, err = run(node, node.step("sh", "-c", "kill -9 $$"))
    assert code == 137
    assert err == "srun: error: n1: task 0: Killed\nsrun: Force Terminated StepId=1001.0\n"


@pytest.mark.parametrize(("program", "code"), [("nosuchprog", 2), ("/etc/passwd", 13), ("", 2), ("/tmp", 13)])
def test_program_that_cannot_run(node: Node, program: str, code: int) -> None:
    got, _, err = run(node, node.step(program, tasks=2))
    assert got == code
    reason = os.strerror(code)
    line = STAMP + re.escape(f"execve(): {program}: {reason}") + "\n"
    assert re.fullmatch(line * 2 + f"srun: error: n1: tasks 0-1: Exited with exit code {code}\n", err)


def test_stdin_reaches_every_task(node: Node) -> None:
    code, out, _ = run(node, node.step("cat", tasks=2), Manner(), b"a\nb\n")
    assert (code, sorted(out.split())) == (0, ["a", "a", "b", "b"])


def test_stdin_for_one_task(node: Node) -> None:
    code, out, _ = run(node, node.step("cat", tasks=3), Manner(label=True, stdin_rank=1), b"a\nb\n")
    assert (code, out) == (0, "1: a\n1: b\n")


def test_much_output_is_complete(node: Node) -> None:
    launch = node.step("sh", "-c", "seq 200000", tasks=2)
    code, out, _ = run(node, launch)
    assert code == 0
    assert len(out.splitlines()) == 400000
    assert sum(map(int, out.split())) == 200000 * 200001


def test_much_input_is_complete(node: Node) -> None:
    big = node.work / "big"
    big.write_bytes(b"0123456789abcde\n" * (300 << 10))
    launch = node.step("sh", "-c", "sleep 0.1; cksum", tasks=2)
    code, out, _ = run(node, launch, stdin=big)
    expected = subprocess.run(["cksum"], stdin=big.open("rb"), capture_output=True, text=True, check=True).stdout
    assert (code, out) == (0, expected * 2)


def test_last_line_without_its_end(node: Node) -> None:
    assert run(node, node.step("printf", "no newline"))[1] == "no newline"


def test_files_on_the_node(node: Node) -> None:
    launch = node.step("sh", "-c", "echo o; echo e >&2", tasks=2, std_out="o-%j-%s-%t", std_err="e-%t")
    assert run(node, launch) == (0, "", "")
    assert node.output("o-1001-0-1") == "o\n" and node.output("e-0") == "e\n"


def test_missing_directory_is_said_to_srun(node: Node) -> None:
    code, out, err = run(node, node.step("pwd", work_dir="/nonexistent"))
    line = STAMP + r"couldn't chdir to `/nonexistent': No such file or directory: going to /tmp instead\n"
    assert (code, out) == (0, "/tmp\n")
    assert re.fullmatch(line * 2, err)


def test_cancelled_from_outside(node: Node) -> None:
    srun = Srun(node, Manner(label=True))
    step = srun.launch(node.step("sleep", "100", tasks=2))
    step.send(terminate=pb.TerminateJob(job_id=1001, reason="TIME LIMIT", kill_wait=1))
    assert srun.finish() == 143
    lines = srun.said().splitlines(keepends=True)
    text = r"0: " + STAMP + r"\*\*\* STEP 1001.0 ON n1 CANCELLED AT [-0-9T:]+ DUE TO TIME LIMIT \*\*\*\n"
    assert re.fullmatch(text, lines[0])
    assert lines[1:] == [
        "srun: Job step aborted: Waiting up to 3 seconds for job step to finish.\n",
        "srun: error: n1: tasks 0-1: Terminated\n",
    ]


def test_forwarded_signal(node: Node) -> None:
    srun = Srun(node, Manner())
    script = "trap 'echo usr1; exit 5' USR1; echo up; sleep 100 & wait"
    srun.launch(node.step("sh", "-c", script, tasks=2))
    wait_for(lambda: srun.out.read_text().count("up") == 2)
    os.kill(srun.pid, signal.SIGUSR1)
    assert srun.finish() == 5
    assert srun.out.read_text().count("usr1") == 2
    assert srun.said().endswith("srun: error: n1: tasks 0-1: Exited with exit code 5\n")


def test_two_interrupts_end_the_step(node: Node) -> None:
    srun = Srun(node, Manner())
    step = srun.launch(node.step("sleep", "100", tasks=2))
    os.kill(srun.pid, signal.SIGINT)
    wait_for(lambda: "running" in srun.said())
    os.kill(srun.pid, signal.SIGINT)
    code = srun.finish()
    assert step is srun.step
    assert code == 130
    assert srun.said().splitlines()[:5] == [
        "srun: interrupt (one more within 1 sec to abort)",
        "srun: StepId=1001.0 tasks 0-1: running",
        "srun: sending Ctrl-C to StepId=1001.0",
        "srun: forcing job termination",
        "srun: Job step aborted: Waiting up to 3 seconds for job step to finish.",
    ]


def test_gone_srun_does_not_hold_up_the_step(node: Node) -> None:
    srun = Srun(node, Manner())
    step = srun.launch(node.step("sh", "-c", "read x; seq 100000; echo done > flag"))
    os.kill(srun.pid, signal.SIGKILL)
    os.waitpid(srun.pid, 0)
    assert step.done().exits[0].status == 0
    assert (node.work / "flag").exists()


def test_a_stranger_is_turned_away(node: Node) -> None:
    listener = Listener.on("127.0.0.1")
    request = pb.StepRequest()
    listener.fill(request)
    srun = Srun(node, Manner())
    launch = node.step("sleep", "0.2")
    launch.request.io_key = b"x" * 16
    step = srun.launch(launch)
    stranger = socket.create_connection(("127.0.0.1", launch.request.io_port))
    stranger.sendall(b"\x01\xff\xff\xff\xff\x00\x00\x00\x20" + b"k" * 32)
    stranger.settimeout(5)
    assert stranger.recv(1) == b""
    assert step is srun.step
    assert srun.finish() == 0


def test_ranks_text() -> None:
    assert [ranks_text(ranks) for ranks in ([3], [0, 1], [0, 2, 3, 4, 9])] == ["task 3", "tasks 0-1", "tasks 0,2-4,9"]


def test_multi_prog(node: Node) -> None:
    launch = node.step("mp.conf", tasks=3)
    launch.request.multi_prog = True
    launch.request.multi_prog_conf = b"# c\n0 echo task %t offset %o\n* echo rest %t\n"
    code, out, _ = run(node, launch, Manner(label=True))
    assert (code, sorted(out.splitlines())) == (0, ["0: task 0 offset 0", "1: rest 1", "2: rest 2"])


def test_terminal(node: Node) -> None:
    launch = node.step("sh", "-c", "test -t 0 && test -t 1 && stty size")
    launch.request.pty = True
    launch.request.win_rows, launch.request.win_cols = 40, 100
    code, out, _ = run(node, launch)
    assert (code, out) == (0, "40 100\n")  # \r\n as written: read_text takes the \r away


def test_unbuffered_output_is_a_terminal(node: Node) -> None:
    launch = node.step("sh", "-c", "test -t 1 && echo yes")
    launch.request.unbuffered = True
    assert run(node, launch)[:2] == (0, "yes\n")


def test_task_prolog_and_epilog(node: Node) -> None:
    prolog, epilog = node.work / "prolog", node.work / "epilog"
    prolog.write_text("#!/bin/sh\necho print hello $SLURM_PROCID\necho export V=set here\necho unset HOME\necho x\n")
    epilog.write_text("#!/bin/sh\necho unseen\necho bye $SLURM_PROCID $SLURM_SCRIPT_CONTEXT > bye\n")
    for each in (prolog, epilog):
        each.chmod(0o755)
    launch = node.step("sh", "-c", 'echo "V=$V HOME=$HOME"')
    launch.request.task_prolog, launch.request.task_epilog = str(prolog), str(epilog)
    assert run(node, launch)[:2] == (0, "hello 0\nV=set here HOME=\n")
    assert (node.work / "bye").read_text() == "bye 0 epilog_task\n"
    launch = node.step("true")
    launch.request.task_epilog = "/nope"
    code, _, err = run(node, launch)
    assert code == 0
    assert re.fullmatch(
        STAMP + r"execve\(/nope\): No such file or directory\n" + STAMP + "TaskEpilog failed status=127\n", err
    )


def test_wait_after_the_first_exit(node: Node) -> None:
    srun = Srun(node, Manner(wait_secs=1))
    srun.launch(node.step("sh", "-c", "[ $SLURM_PROCID = 0 ] || exec sleep 30", tasks=2))
    start = time.monotonic()
    # No controller answers the cancellation here, so srun ends the step through its supervisors.
    assert srun.finish() == 137
    assert time.monotonic() - start < 5
    assert srun.said().splitlines()[:5] == [
        "srun: First task exited 1s ago",
        "srun: StepId=1001.0 task 1: running",
        "srun: StepId=1001.0 task 0: exited",
        "srun: Terminating StepId=1001.0",
        "srun: Job step aborted: Waiting up to 3 seconds for job step to finish.",
    ]
