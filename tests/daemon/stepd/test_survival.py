"""Steps and the deaths of those who look after them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from crane_compat.daemon.stepd import adopt, forkserver, procfs, tracking
from crane_compat.wire import pb

from .conftest import Node, Step, wait_for


def _supervisor(step: Step) -> int:
    task = procfs.read(step.started().pids[0])
    assert task is not None
    return task.parent


def test_adoption_of_a_running_step(node: Node) -> None:
    step = node.launch(node.batch("#!/bin/sh\nwhile [ ! -e go ]; do sleep 0.02; done; exit 7\n"))
    pids = list(step.started().pids)
    step.sock.close()  # the node daemon dies
    (found,) = adopt.find(node.spool)
    assert (found.job_id, found.step_id, found.done) == (1001, -5, None)
    assert found.launch.uid == node.user.pw_uid and not found.launch.env
    assert found.sock is not None
    adopted = Step(found.sock)
    assert list(adopted.started().pids) == pids
    (node.work / "go").touch()
    assert adopted.done().exits[0].status == 7 << 8
    assert os.listdir(node.spool + "/stepd") == []


def test_end_without_a_node_daemon_is_kept(node: Node) -> None:
    step = node.launch(node.batch("#!/bin/sh\nwhile [ ! -e go ]; do sleep 0.02; done; exit 7\n"))
    supervisor = _supervisor(step)
    step.sock.close()
    (node.work / "go").touch()
    wait_for(lambda: procfs.read(supervisor) is None)
    (found,) = adopt.find(node.spool)
    assert found.done is not None and found.done.exits[0].status == 7 << 8
    found.forget()
    assert adopt.find(node.spool) == []


def test_unacknowledged_end_is_written_down(node: Node) -> None:
    step = node.launch(node.batch("#!/bin/sh\nexit 7\n"))
    step.done(acknowledge=False)
    wait_for(lambda: any(name.endswith(".done") for name in os.listdir(node.spool + "/stepd")))
    (found,) = adopt.find(node.spool)
    assert found.sock is not None
    again = Step(found.sock)
    again.started()
    assert again.done().exits[0].status == 7 << 8
    assert os.listdir(node.spool + "/stepd") == []


def test_killed_supervisor_leaves_nothing_running(node: Node) -> None:
    script = "#!/bin/bash\n(setsid sleep 1234 & echo $! > pid)\nsleep 1235 & echo $! >> pid\nwait\n"
    step = node.launch(node.batch(script))
    supervisor = _supervisor(step)
    wait_for(lambda: (node.work / "pid").exists() and len((node.work / "pid").read_text().split()) == 2)
    pids = [int(text) for text in (node.work / "pid").read_text().split()]
    os.kill(supervisor, signal.SIGKILL)
    wait_for(lambda: procfs.read(supervisor) is None)
    try:
        assert step.receive() is None  # what the node daemon sees
    except OSError:
        pass
    (found,) = adopt.find(node.spool)
    assert found.sock is None and found.done is None
    assert set(pids) <= set(tracking.leftovers(found.launch))
    assert tracking.kill_leftovers(found.launch)
    wait_for(lambda: not any(process and process.state != "Z" for process in map(procfs.read, pids)))
    done = adopt.lost(found.launch, time.time())
    assert done.error and done.exits[0].status == signal.SIGKILL
    found.forget()


def test_another_clusters_job_of_the_same_number_is_left_alone(node: Node) -> None:
    launch = node.batch("#!/bin/sh\nsetsid sleep 1236 & echo $! > pid; wait\n")
    launch.env.append(b"SLURM_CONF=/elsewhere/slurm.conf")
    step = node.launch(launch)
    step.started()
    wait_for(lambda: (node.work / "pid").exists() and (node.work / "pid").read_text())
    pid = int((node.work / "pid").read_text())
    ours = node.batch("")
    ours.settings.supervisor_pid, ours.settings.conf_file = 1 << 22, "/here/slurm.conf"
    assert pid not in tracking.leftovers(ours)
    ours.settings.conf_file = "/elsewhere/slurm.conf"
    wait_for(lambda: pid in tracking.leftovers(ours))  # not while it becomes another program
    step.send(terminate=pb.TerminateJob(job_id=1001, now=True))
    step.done()


def test_steps_outlive_the_fork_server(node: Node, tmp_path: Path) -> None:
    node.server = forkserver.ForkServer.start_process("n1")
    step = node.launch(node.batch("#!/bin/sh\nwhile [ ! -e go ]; do sleep 0.02; done; echo end\n"))
    step.started()
    node.server.close()
    (node.work / "go").touch()
    assert step.done().exits[0].status == 0
    assert node.output() == "end\n"


def test_process_titles(node: Node) -> None:
    step = node.launch(node.batch("#!/bin/sh\nexec sleep 100\n"))
    supervisor = _supervisor(step)
    title = Path(f"/proc/{supervisor}/cmdline").read_bytes().rstrip(b"\0")
    assert title == b"slurmstepd: [1001.batch]"
    step.send(terminate=pb.TerminateJob(job_id=1001, now=True))
    step.done()


def test_supervisor_is_small(node: Node) -> None:
    step = node.launch(node.batch("#!/bin/sh\nexec sleep 100\n"))
    supervisor = _supervisor(step)
    private = 0
    for line in Path(f"/proc/{supervisor}/smaps_rollup").read_text().splitlines():
        if line.startswith("Private_"):
            private += int(line.split()[1])
    assert private < 12 << 10
    step.send(terminate=pb.TerminateJob(job_id=1001, now=True))
    step.done()


def test_deep_spool_directory(node: Node) -> None:
    node.spool = node.spool + "/" + "d" * 120
    node.settings.spool = node.spool
    step = node.launch(node.batch("#!/bin/sh\nwhile [ ! -e go ]; do sleep 0.02; done\n"))
    step.started()
    step.sock.close()
    (found,) = adopt.find(node.spool)
    assert found.sock is not None
    (node.work / "go").touch()
    assert Step(found.sock).done().exits[0].status == 0


def test_suspend_and_resume(node: Node) -> None:
    step = node.launch(node.batch("#!/bin/sh\necho up; exec sleep 100\n"))
    pid = step.started().pids[0]
    wait_for(lambda: node.output() == "up\n")
    step.send(signal=pb.SignalStep(job_id=1001, step_id=-5, signal=signal.SIGSTOP))
    wait_for(lambda: (found := procfs.read(pid)) is not None and found.state == "T")
    step.send(signal=pb.SignalStep(job_id=1001, step_id=-5, signal=signal.SIGCONT))
    wait_for(lambda: (found := procfs.read(pid)) is not None and found.state == "S")
    step.send(terminate=pb.TerminateJob(job_id=1001, reason="CANCELLED", kill_wait=1))
    assert step.done().exits[0].status == signal.SIGTERM


def test_cgroup_v1(node: Node) -> None:
    """Where the host has writable control groups: memory limit by the kernel, and the tree kept together."""
    if not os.access("/sys/fs/cgroup/freezer", os.W_OK) or not os.access("/sys/fs/cgroup/memory", os.W_OK):
        pytest.skip("no writable v1 control groups")
    node.settings.proctrack, node.settings.cgroup_plugin, node.settings.constrain_ram = "cgroup", "cgroup/v1", True
    launch = node.batch("#!/bin/sh\necho $$; python3 -c 'x=bytearray(200<<20)'; echo rc=$?\n")
    launch.job_alloc.memory = 64
    done = node.launch(launch).done()
    assert done.oom
    assert "rc=137" in node.output() and "oom_kill event in StepId=1001.batch" in node.output()
    assert not any(name.startswith("slurm_n1") for name in os.listdir("/sys/fs/cgroup/freezer"))
