"""A fork server, a spool and a user whose jobs run in it."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crane_compat.core.states import BATCH_STEP
from crane_compat.daemon.stepd import forkserver, spool
from crane_compat.wire import frame, pb, recv_frame

NODE = "n1"


@pytest.fixture(scope="session")
def alice() -> pwd.struct_passwd:
    if os.geteuid() != 0:
        pytest.skip("steps run as their users only under root")
    try:
        return pwd.getpwnam("alice")
    except KeyError:
        subprocess.run(["useradd", "-m", "-s", "/bin/bash", "alice"], check=False)
        return pwd.getpwnam("alice")


@pytest.fixture(scope="session")
def server() -> Iterator[forkserver.ForkServer]:
    # Forked before any test starts a thread.
    handle = forkserver.ForkServer.start(NODE)
    yield handle
    handle.close()


class Step:
    """A launched step as the node daemon sees it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        sock.settimeout(20)
        self.heard: list[pb.NodeUp] = []

    def receive(self) -> pb.NodeUp | None:
        message = recv_frame(self.sock, pb.NodeUp)
        if message is not None:
            self.heard.append(message)
        return message

    def started(self) -> pb.StepStarted:
        while (message := self.receive()) is not None:
            if message.WhichOneof("msg") == "started":
                return message.started
        raise AssertionError("the supervisor went away before its step started")

    def done(self, acknowledge: bool = True) -> pb.StepDone:
        while (message := self.receive()) is not None:
            if message.WhichOneof("msg") == "done":
                if acknowledge:
                    self.send(ack=pb.AckDone(job_id=message.done.job_id, step_id=message.done.step_id))
                    assert self.receive() is None
                return message.done
        raise AssertionError("the supervisor went away without a report")

    def send(self, **message: object) -> None:
        self.sock.sendall(frame(pb.NodeDown(**message)))  # type: ignore[arg-type]


class Node:
    """Launches steps of one user in a spool of its own."""

    def __init__(self, server: forkserver.ForkServer, user: pwd.struct_passwd, root: Path) -> None:
        self.server, self.user = server, user
        self.spool = str(root / "spool" / NODE)
        self.work = root / "work"
        self.work.mkdir()
        self.work.chmod(0o777)
        for parent in (root, *root.parents):
            if str(parent).startswith("/tmp/") and parent.stat().st_uid == 0:
                parent.chmod(parent.stat().st_mode | 0o055)
        spool.make_directories(self.spool)
        self.settings = pb.StepSettings(spool=self.spool, proctrack="linuxproc", kill_wait=1, sample_secs=1)
        self.steps: list[Step] = []

    def batch(self, script: str, job_id: int = 1001, **spec: object) -> pb.StepLaunch:
        """The launch of a batch step."""
        user = self.user
        fields: dict[str, object] = {"name": "test", "work_dir": str(self.work), "umask": 0o022, "batch": True}
        job = pb.JobRecord(job_id=job_id, uid=user.pw_uid, gid=user.pw_gid, user=user.pw_name, batch_flag=True)
        job.spec.CopyFrom(pb.JobSpec(**(fields | spec)))  # type: ignore[arg-type]
        return pb.StepLaunch(
            job_id=job_id,
            step_id=BATCH_STEP,
            uid=user.pw_uid,
            gid=user.pw_gid,
            user=user.pw_name,
            node=NODE,
            node_list=NODE,
            num_nodes=1,
            num_tasks=1,
            task_ids=[0],
            script=script.encode(),
            env=[b"PATH=/usr/bin:/bin", f"SLURM_JOB_ID={job_id}".encode(), b"HOME=/tmp"],
            job_alloc=pb.NodeAlloc(node=NODE, cpus=1),
            job_name=str(fields.get("name")),
            job=job,
            settings=self.settings,
        )

    def step(self, *argv: str, job_id: int = 1001, step_id: int = 0, tasks: int = 1, **spec: object) -> pb.StepLaunch:
        """The launch of a step as srun makes them."""
        launch = self.batch("", job_id)
        launch.step_id = step_id
        launch.job.batch_flag = False
        launch.num_tasks = tasks
        del launch.task_ids[:]
        launch.task_ids.extend(range(tasks))
        launch.env.append(f"SLURM_STEP_ID={step_id}".encode())
        launch.alloc.CopyFrom(launch.job_alloc)
        fields: dict[str, object] = {"work_dir": str(self.work), "umask": 0o022, "argv": [a.encode() for a in argv]}
        launch.request.spec.CopyFrom(pb.JobSpec(**(fields | spec)))  # type: ignore[arg-type]
        return launch

    def launch(self, launch: pb.StepLaunch) -> Step:
        step = Step(self.server.launch(launch))
        self.steps.append(step)
        return step

    def run(self, script: str, **spec: object) -> pb.StepDone:
        """Run a batch script to its end."""
        return self.launch(self.batch(script, **spec)).done()  # type: ignore[arg-type]

    def output(self, name: str = "slurm-1001.out") -> str:
        return (self.work / name).read_text()


@pytest.fixture
def node(server: forkserver.ForkServer, alice: pwd.struct_passwd, tmp_path: Path) -> Iterator[Node]:
    handle = Node(server, alice, tmp_path)
    yield handle
    for step in handle.steps:
        step.sock.close()


def wait_for(condition: object, seconds: float = 10.0) -> None:
    """Until `condition()` holds."""
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)
