"""PrivateData: what the controller shows to whom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from crane_compat.core.admission import Identity
from crane_compat.core.errors import Errno, RequestError
from crane_compat.daemon.controller.controller import Controller
from crane_compat.daemon.controller.store import Store
from crane_compat.daemon.rpc.server import Peer
from crane_compat.wire import pb
from tests.core.machine_room import ALICE, BOB, ROOT, MachineRoom


class Caller:
    """One end of a conversation, which keeps what it is told."""

    def __init__(self, who: Identity) -> None:
        self.peer = Peer(who.uid, who.gid, 1)
        self.on_close: list[Callable[[], None]] = []
        self.closed = False
        self.told: list[pb.Response] = []

    def send(self, response: pb.Response) -> None:
        self.told.append(response)

    def send_raw(self, body: bytes) -> None:
        self.send(pb.Response.FromString(body))

    def refuse(self, error: RequestError) -> None:
        self.told.append(pb.Response(rc=int(error.errno)))


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    """Alice and bob have a job each, on n1 and n2; all is private."""
    room = MachineRoom(tmp_path, extra="PrivateData=jobs,nodes,partitions")

    async def make() -> Controller:
        return Controller(room.conf, Store(f"sqlite:///{tmp_path}/x.sqlite"), 0)

    found = asyncio.run(make())
    found.cluster = room.cluster
    for who, node in ((ALICE, "n1"), (BOB, "n2")):
        room.submit(who, req_nodes=node)
    room.schedule()
    known = {who.uid: who for who in (ALICE, BOB, ROOT)}
    found.identities.of = lambda uid, gid: known[uid]  # type: ignore[method-assign]
    return found


def ask(controller: Controller, who: Identity, **body: object) -> pb.Response:
    caller = Caller(who)
    request = pb.Request(**body)  # type: ignore[arg-type]
    handler = controller.server.handlers[request.WhichOneof("body") or ""]
    try:
        handler(caller, request)
    except RequestError as exc:
        caller.refuse(exc)
    return caller.told[0]


def test_jobs_are_seen_by_their_owners_and_operators(controller: Controller) -> None:
    mine, other = (job.id for job in controller.cluster.jobs.values())
    listed = {who.user: ask(controller, who, list_jobs=pb.ListJobs()).jobs.jobs for who in (ALICE, BOB, ROOT)}
    assert {user: [job.job_id for job in jobs] for user, jobs in listed.items()} == {
        "alice": [mine], "bob": [other], "root": [mine, other],
    }  # fmt: skip
    reply = ask(controller, ALICE, list_jobs=pb.ListJobs(job_ids=[other])).jobs
    assert reply.unknown_id and not reply.jobs
    assert ask(controller, ALICE, list_steps=pb.ListSteps(job_id=other)).rc == Errno.INVALID_JOB_ID
    assert [step.job_id for step in ask(controller, ALICE, list_steps=pb.ListSteps()).steps.steps] == [mine]
    assert ask(controller, ALICE, watch=pb.WatchJob(job_id=other)).rc == Errno.INVALID_JOB_ID


def test_coordinators_see_the_jobs_of_their_account(controller: Controller) -> None:
    for job in controller.cluster.jobs.values():
        job.record.account = "physics"
    controller.cluster.accounts.coordinators = {"physics": frozenset({"bob"})}
    assert len(ask(controller, BOB, list_jobs=pb.ListJobs()).jobs.jobs) == 2


def test_nodes_and_partitions_are_operators_business_but_for_those_of_ones_own_job(controller: Controller) -> None:
    assert ask(controller, ALICE, list_nodes=pb.ListNodes()).rc == Errno.ACCESS_DENIED
    assert ask(controller, ALICE, list_nodes=pb.ListNodes(names=["n2"])).rc == Errno.ACCESS_DENIED
    assert [n.name for n in ask(controller, ALICE, list_nodes=pb.ListNodes(names=["n1"])).nodes.nodes] == ["n1"]
    assert len(ask(controller, ROOT, list_nodes=pb.ListNodes()).nodes.nodes) == 4
    assert ask(controller, ALICE, list_partitions=pb.ListPartitions()).rc == Errno.ACCESS_DENIED
    assert ask(controller, ROOT, list_partitions=pb.ListPartitions()).partitions.partitions
