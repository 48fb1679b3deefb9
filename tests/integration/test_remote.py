"""Between hosts: gRPC over TLS with tokens.  One machine plays both: the controller's address is not this host's."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crane_compat import paths
from crane_compat.core import states as st
from crane_compat.core.errors import Errno, RequestError
from crane_compat.daemon.rpc import keys, remote, tokens
from crane_compat.daemon.rpc.client import Client, Unreachable
from crane_compat.daemon.rpc.server import Peer
from crane_compat.parsers.slurm_conf import SlurmConf, load
from crane_compat.wire import PROTOCOL, pb

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="daemons run as root")

CONF = """\
ClusterName=far
SlurmctldHost=elsewhere(127.0.0.2)
SlurmctldPort={port}
SlurmUser=root
StateSaveLocation={state}/ctld
SlurmdSpoolDir={state}/spool/%n
SlurmctldPidFile={state}/run/slurmctld.pid
SlurmdPidFile={state}/run/slurmd.%n.pid
SlurmctldLogFile={state}/log/slurmctld.log
SlurmdLogFile={state}/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
SlurmdParameters=config_overrides
NodeName=n1 NodeHostname=localhost NodeAddr=127.0.0.1 CPUs=4 RealMemory=1000
PartitionName=main Nodes=n1 Default=YES MaxTime=10
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.2", 0))
        return int(probe.getsockname()[1])


def until(what: Callable[[], bool], patience: float = 20.0) -> bool:
    """Wait for a state, not for a time."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.01)
    return False


@pytest.fixture(scope="module")
def conf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmConf]:
    """A running controller and node that only know each other over the network."""
    place = tmp_path_factory.mktemp("far")
    os.chmod(place, 0o755)
    path = place / "slurm.conf"
    path.write_text(CONF.format(port=free_port(), state=place))
    (place / "crane.toml").write_text("[transport]\ngrpc = true\n")
    started = []
    try:
        for module, arguments in (("controller", []), ("node", ["-N", "n1"])):
            command = [sys.executable, "-m", f"crane_compat.daemon.{module}.main", "-f", str(path), *arguments]
            subprocess.run(command, check=True, timeout=60)
            started.append(module)
        yield load(str(path))
    finally:
        for pid_file in sorted((place / "run").glob("*.pid"), reverse=True):
            stop(pid_file)


def stop(pid_file: Path) -> None:
    import signal

    pid = int(pid_file.read_text())
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    signal.pidfd_send_signal(handle, signal.SIGTERM)
    import select

    select.select([handle], [], [], 10)
    os.close(handle)


def agent(conf: SlurmConf) -> Client:
    """As a command on the node's host: through craned's agent socket."""
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(paths.agent_socket(conf.path, "n1"))
    return Client(sock, "test")


def node_state(conf: SlurmConf) -> int:
    try:
        with agent(conf) as client:
            return int(client.call(pb.Request(list_nodes=pb.ListNodes())).nodes.nodes[0].state)
    except (OSError, Unreachable, RequestError):
        return -1


def test_a_node_on_another_host_registers_and_runs_jobs(conf: SlurmConf, tmp_path: Path) -> None:
    assert until(lambda: node_state(conf) == st.NODE_IDLE)
    output = tmp_path / "out"
    spec = pb.JobSpec(
        name="far", batch=True, work_dir="/", script=b"#!/bin/sh\necho $SLURMD_NODENAME\n", std_out=str(output),
        std_in="/dev/null", env=[b"PATH=/usr/bin:/bin"],
    )  # fmt: skip
    with agent(conf) as client:
        events = list(client.stream(pb.Request(submit=pb.Submit(specs=[spec], watch=True))))
    assert st.base(events[-1].job_event.job.state) == st.COMPLETED
    assert output.read_text() == "n1\n"


def test_the_agent_says_who_the_caller_is(conf: SlurmConf) -> None:
    assert until(lambda: node_state(conf) >= 0)
    channel = remote.RemoteChannel(conf, keys.find(conf), "n1")
    try:
        request = pb.Request(protocol=PROTOCOL, update_node=pb.UpdateNode(names="n1", op="update"))
        (answer,) = channel.call(request, Peer(65534, 65534, 0))
        assert answer.rc == Errno.USER_ID_MISSING  # nobody is no operator, whoever runs this test
    finally:
        channel.close()


@pytest.mark.parametrize("fault", ["other key", "expired", "no token", "node call with a user's token"])
def test_a_bad_token_is_no_entry(conf: SlurmConf, fault: str) -> None:
    import grpc

    found = keys.find(conf)
    token = tokens.issue(found, "root")
    if fault == "other key":
        token = tokens.issue(keys.Keys("", b"x" * 32, b"", b""), "root")
    elif fault == "expired":
        token = tokens.issue(found, "root", lifespan=-10)
    credentials = grpc.ssl_channel_credentials(root_certificates=found.certificate)
    options = [("grpc.ssl_target_name_override", "cranectld")]
    metadata = [] if fault == "no token" else [("authorization", f"Bearer {token}")]
    with grpc.secure_channel(f"127.0.0.2:{conf.get('SlurmctldPort')}", credentials, options=options) as channel:
        if fault.startswith("node"):
            call = channel.stream_stream(
                f"/{remote.SERVICE}/Node", pb.NodeUp.SerializeToString, pb.NodeDown.FromString
            )(iter([pb.NodeUp(register=pb.NodeRegister(node="n1", protocol=PROTOCOL))]), metadata=metadata, timeout=10)
            expected = grpc.StatusCode.PERMISSION_DENIED
        else:
            call = channel.unary_stream(
                f"/{remote.SERVICE}/Call", pb.Request.SerializeToString, pb.Response.FromString
            )(pb.Request(protocol=PROTOCOL, ping=pb.Ping()), metadata=metadata, timeout=10)
            expected = grpc.StatusCode.UNAUTHENTICATED
        with pytest.raises(grpc.RpcError) as caught:
            list(call)
    assert caught.value.code() == expected


def test_a_user_with_a_token_is_that_user(conf: SlurmConf) -> None:
    import grpc

    found = keys.find(conf)
    credentials = grpc.ssl_channel_credentials(root_certificates=found.certificate)
    options = [("grpc.ssl_target_name_override", "cranectld")]
    metadata = [("authorization", f"Bearer {tokens.issue(found, 'nobody')}")]
    with grpc.secure_channel(f"127.0.0.2:{conf.get('SlurmctldPort')}", credentials, options=options) as channel:
        call = channel.unary_stream(f"/{remote.SERVICE}/Call", pb.Request.SerializeToString, pb.Response.FromString)
        spec = pb.JobSpec(name="t", batch=True, hold=True, work_dir="/", script=b"#!/bin/sh\n")
        request = pb.Request(protocol=PROTOCOL, submit=pb.Submit(specs=[spec]))
        (answer,) = call(request, metadata=metadata, timeout=10)
    assert answer.submitted.job.user == "nobody"


def test_another_protocol_version_is_refused_by_name(conf: SlurmConf) -> None:
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(paths.controller_socket(conf.path))
    from crane_compat.wire import recv_frame, send

    send(sock, pb.Request(protocol=PROTOCOL + 1, ping=pb.Ping()))
    answer = recv_frame(sock, pb.Response)
    sock.close()
    assert answer is not None and answer.error == "Incompatible versions of client and server code"


def test_a_file_goes_to_a_node_on_another_host(conf: SlurmConf, tmp_path: Path) -> None:
    """Every request is a call of its own there: they are told apart by the transfer, and may overtake each other."""
    assert until(lambda: node_state(conf) == st.NODE_IDLE)
    spec = pb.JobSpec(
        name="host", batch=True, work_dir="/", script=b"#!/bin/sh\nsleep 600\n", std_out="/dev/null",
        std_in="/dev/null", env=[b"PATH=/usr/bin:/bin"],
    )  # fmt: skip
    with agent(conf) as client:
        job = client.call(pb.Request(submit=pb.Submit(specs=[spec]))).submitted.job_id
        assert until(
            lambda: st.is_running(client.call(pb.Request(list_jobs=pb.ListJobs(job_ids=[job]))).jobs.jobs[0].state)
        )
        content, half = os.urandom(3000), 1500
        order = pb.FileOpen(job_id=job, path=os.fsencode(tmp_path / "copy"), size=len(content), mode=0o600)
        with agent(conf) as holder:
            opened = holder.call(pb.Request(file_open=order)).file_reply
            assert opened.node_list == "n1" and not opened.results
            for offset in (half, 0):
                block = pb.FileBlock(transfer=opened.transfer, offset=offset, data=content[offset : offset + half])
                assert not client.call(pb.Request(file_block=block)).file_reply.results
            assert not (tmp_path / "copy").exists()
            end = pb.FileEnd(transfer=opened.transfer, whole=True)
            assert not client.call(pb.Request(file_end=end)).file_reply.results
        assert (tmp_path / "copy").read_bytes() == content
        with agent(conf) as holder:
            order.force = True
            assert not holder.call(pb.Request(file_open=order)).file_reply.results
            assert len(list(tmp_path.iterdir())) == 2
        assert until(lambda: len(list(tmp_path.iterdir())) == 1)
        client.call(pb.Request(cancel=pb.CancelJobs(ids=[str(job)])))
