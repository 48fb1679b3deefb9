"""Batch steps: output, exit codes, identity, endings."""

from __future__ import annotations

import os
import re
import signal

import pytest

from crane_compat.daemon.stepd import procfs
from crane_compat.wire import pb

from .conftest import Node, wait_for

STAMP = r"\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\] error: "


def test_output_and_exit_code(node: Node) -> None:
    done = node.run("#!/bin/sh\necho out; echo err >&2; exit 3\n")
    assert [(each.task, each.status) for each in done.exits] == [(0, 3 << 8)]
    assert node.output() == "out\nerr\n"
    assert not done.error


def test_runs_as_the_user_in_its_directory(node: Node) -> None:
    node.run('#!/bin/sh\nid -un; id -G; umask; pwd; echo $0; echo "$@"\n', argv=[b"a b", b"c"], umask=0o027)
    name, groups, umask, place, zero, args = node.output().splitlines()
    assert name == "alice"
    assert {int(g) for g in groups.split()} == set(os.getgrouplist("alice", node.user.pw_gid))
    assert (umask, place) == ("0027", str(node.work))
    assert zero == f"{node.spool}/job01001/slurm_script"
    assert args == "a b c"
    assert (node.work / "slurm-1001.out").stat().st_uid == node.user.pw_uid
    assert not os.path.exists(f"{node.spool}/job01001")


def test_tasks_get_three_descriptors_and_no_signal_ignored(node: Node) -> None:
    node.run("#!/bin/sh\nls /proc/self/fd | wc -l; grep -E 'Sig(Ign|Blk)' /proc/self/status\n")
    count, blocked, ignored = node.output().split("\n")[:3]
    assert int(count) == 4  # ls itself has the directory open
    assert int(blocked.split()[1], 16) == int(ignored.split()[1], 16) == 0


def test_signal_is_the_status(node: Node) -> None:
    assert node.run("#!/bin/sh\nkill -9 $$\n").exits[0].status == signal.SIGKILL


@pytest.mark.parametrize(
    ("script", "code", "text"),
    [
        ("#!/no/such/interp\n", 2, r"execve\(\): bad interpreter\(/no/such/interp\): No such file or directory"),
        ("echo no shebang\n", 8, r"execve\(\): .*/slurm_script: Exec format error"),
    ],
)
def test_failing_exec_says_why(node: Node, script: str, code: int, text: str) -> None:
    assert node.run(script).exits[0].status == code << 8
    assert re.fullmatch(STAMP + text + "\n", node.output())


def test_unwritable_output_is_0_53(node: Node) -> None:
    assert node.run("#!/bin/sh\necho x\n", std_out="/nonexistent/dir/x").exits[0].status == 53
    assert node.run("#!/bin/sh\ncat\n", std_in="nofile").exits[0].status == 53


def test_missing_directory(node: Node) -> None:
    out = str(node.work / "o-%j.out")
    node.run("#!/bin/sh\npwd\n", work_dir="/nonexistent", std_out=out)
    line = STAMP + r"couldn't chdir to `/nonexistent': No such file or directory: going to /tmp instead\n"
    assert re.fullmatch(line * 2 + "/tmp\n", node.output("o-1001.out"))


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("o-%j-%x-%u-%N-%n-%t-%s-%J-%%.out", "o-1001-test-alice-n1-0-0-batch-1001-%.out"),
        ("pad-%8j-%4a-%3t.out", "pad-00001001-4294967294-000.out"),
        ("%b-%a-%A-%q-%Z.out", "4-4294967294-1001-%q-%Z.out"),
        ("\\\\%j.out", "%j.out"),
        ("dir/sub/%j.out", "dir/sub/1001.out"),
    ],
)
def test_file_name_patterns(node: Node, pattern: str, name: str) -> None:
    node.run("#!/bin/sh\necho x\n", std_out=pattern)
    assert node.output(name) == "x\n"


def test_array_names(node: Node) -> None:
    launch = node.batch("#!/bin/sh\necho x\n", job_id=1003)
    launch.job.array_job_id, launch.job.array_task_id = 1002, 3
    node.launch(launch).done()
    assert node.output("slurm-1002_3.out") == "x\n"


def test_open_mode(node: Node) -> None:
    (node.work / "o").write_text("old\n")
    (node.work / "o").chmod(0o666)
    node.run("#!/bin/sh\necho new\n", std_out="o", open_mode="append")
    assert node.output("o") == "old\nnew\n"
    node.run("#!/bin/sh\necho only\n", std_out="o", open_mode="truncate")
    assert node.output("o") == "only\n"


def test_nothing_outlives_the_script(node: Node) -> None:
    script = "#!/bin/bash\nsetsid sh -c 'sleep 1000 & echo $! > pids; wait' &\nwhile [ ! -s pids ]; do :; done\n"
    script += "(setsid nohup sleep 1001 >/dev/null 2>&1 & echo $! >> pids)\n"
    done = node.run(script)
    assert done.exits[0].status == 0
    pids = [int(text) for text in (node.work / "pids").read_text().split()]
    assert len(pids) == 2
    assert not any(procfs.read(pid) for pid in pids)


def test_cancel(node: Node) -> None:
    step = node.launch(node.batch("#!/bin/sh\necho up\nexec sleep 100\n"))
    step.started()
    wait_for(lambda: (node.work / "slurm-1001.out").read_text())
    step.send(terminate=pb.TerminateJob(job_id=1001, reason="CANCELLED", kill_wait=1))
    assert step.done().exits[0].status == signal.SIGTERM
    text = r"\*\*\* JOB 1001 ON n1 CANCELLED AT [-0-9T:]+ DUE to SIGNAL Terminated \*\*\*\n"
    assert re.fullmatch("up\n" + STAMP + text, node.output())


def test_time_limit_then_kill(node: Node) -> None:
    step = node.launch(node.batch("#!/bin/sh\ntrap 'echo caught' TERM\necho up\nsleep 100 & wait; sleep 100\n"))
    step.started()
    wait_for(lambda: (node.work / "slurm-1001.out").read_text())
    step.send(terminate=pb.TerminateJob(job_id=1001, reason="TIME LIMIT", kill_wait=1))
    assert step.done().exits[0].status == signal.SIGKILL
    text = r"\*\*\* JOB 1001 ON n1 CANCELLED AT [-0-9T:]+ DUE TO TIME LIMIT \*\*\*\ncaught\n"
    assert re.fullmatch("up\n" + STAMP + text, node.output())


def test_signal_to_the_batch_shell_only(node: Node) -> None:
    script = "#!/bin/sh\ntrap 'echo usr1; exit 4' USR1\necho up\nsleep 0.4\n"
    step = node.launch(node.batch(script))
    step.started()
    wait_for(lambda: (node.work / "slurm-1001.out").read_text())
    step.send(signal=pb.SignalStep(job_id=1001, step_id=-2, signal=signal.SIGUSR1))  # to steps: not for us
    step.send(signal=pb.SignalStep(job_id=1001, step_id=-2, signal=signal.SIGUSR1, batch_only=True))
    assert step.done().exits[0].status == 4 << 8
    assert node.output() == "up\nusr1\n"


def test_usage(node: Node) -> None:
    node.settings.sample_secs = 1
    loop = "while time.time() < e or time.process_time() < 0.4: pass"
    script = f"#!/bin/sh\npython3 -c 'import time; x=bytearray(40<<20); e=time.time()+1.2\n{loop}'\n"
    usage = node.run(script).usage
    assert usage.sampled and usage.max_rss > 40 << 10 and usage.user_sec > 0.2 and usage.tasks == 1
    assert not node.run("#!/bin/sh\ntrue\n").usage.sampled


def test_over_memory(node: Node) -> None:
    node.settings.over_memory_kill = True
    launch = node.batch("#!/bin/sh\npython3 -c 'import time; x=bytearray(90<<20); time.sleep(30)'; echo rc=$?\n")
    launch.job_alloc.memory = 50
    step = node.launch(launch)
    done = step.done()
    assert done.exits[0].status == signal.SIGKILL and done.over_memory and not done.oom
    first = STAMP + r"StepId=1001.batch exceeded memory limit \(\d+ > 52428800\), being killed\n"
    second = STAMP + "Exceeded job memory limit\n"
    kill = STAMP + r"\*\*\* JOB 1001 ON n1 CANCELLED AT [-0-9T:]+ DUE to SIGNAL Killed \*\*\*\n"
    assert re.fullmatch(first + second + kill + first + second, node.output())
