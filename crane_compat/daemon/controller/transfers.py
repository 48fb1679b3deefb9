"""Files on their way to a job's nodes (sbcast, srun --bcast).

The sender opens a transfer, sends blocks and ends it; every request is handed to
the job's nodes and answered when all of them have done it.  So at most a block
for each transfer is in work: the sender waits for its nodes, and the controller
never holds more of a file than that block for `fanout` nodes.  Nothing of a
transfer is kept: when the sender, a node or the controller goes away, it is
given up, and the nodes remove what they have of the file.
"""

from __future__ import annotations

import asyncio
import collections
import itertools
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from crane_compat.core.errors import TEXT, Errno, RequestError
from crane_compat.core.job import Job
from crane_compat.daemon.rpc.server import Conversation
from crane_compat.parsers import hostlist
from crane_compat.wire import MAX_BLOCK, pb

if TYPE_CHECKING:
    from crane_compat.daemon.controller.controller import Controller

log = logging.getLogger("transfers")

#: Transfers that one user may have at the same time.
MOST = 64

#: Requests of a transfer that may wait for the nodes: one is in work, the next is on its way.
WINDOW = 2

#: Slurm's error of a node that does not answer in time.
TIMED_OUT = 5004, "Socket timed out on send/recv operation"
NOT_REACHED = int(Errno.COMMUNICATIONS_CONNECTION), "Communication connection failure"


@dataclass(slots=True)
class Transfer:
    number: int
    uid: int  # whose it is
    job_id: int
    nodes: list[str]
    fanout: int
    timeout: float
    left: int  # bytes that have not come yet
    sender: Conversation
    waiting: dict[str, collections.deque[asyncio.Future[pb.FileResult]]] = field(default_factory=dict)
    queued: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Transfers:
    """All that are going on."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self.by_number: dict[int, Transfer] = {}
        self._numbers = itertools.count(1)

    # ------------------------------------------------------------ from the sender

    def open(self, connection: Conversation, request: pb.Request) -> Coroutine[Any, Any, None]:
        """Begin: each of the nodes makes a file that has no name yet."""
        controller, order = self.controller, request.file_open
        job = controller.cluster.jobs.get(order.job_id)
        if job is None:
            raise RequestError(Errno.INVALID_JOB_ID)
        who = controller.identities.of(connection.peer.uid, connection.peer.gid)
        if who.uid not in (job.record.uid, 0, controller.cluster.slurm_uid):
            raise RequestError(Errno.ACCESS_DENIED)
        if not order.path.startswith(b"/") or b"\0" in order.path + order.library or b"/" in order.library:
            raise RequestError(Errno.PATHNAME_TOO_LONG, "the destination is no absolute path")
        if sum(transfer.uid == who.uid for transfer in self.by_number.values()) >= MOST:
            raise RequestError(Errno.AGAIN)
        nodes = self._nodes(job, order)
        conf = controller.conf
        transfer = Transfer(
            next(self._numbers), who.uid, job.id, nodes, order.fanout or int(conf.get("TreeWidth")),
            order.timeout or float(conf.get("MessageTimeout")), order.size, connection,
        )  # fmt: skip
        order.transfer, order.user = transfer.number, job.record.user
        order.uid, order.gid = job.record.uid, job.record.gid
        order.ClearField("context")  # the node's to say
        self.by_number[transfer.number] = transfer
        connection.on_close.append(lambda: self._give_up(transfer))
        return self._open(transfer, order)

    def _nodes(self, job: Job, order: pb.FileOpen) -> list[str]:
        """Those of the job, of its component or of its step, which must be running.  Raises RequestError."""
        jobs = self.controller.cluster.components(job) if job.record.het_job_id == job.id else [job]
        if order.HasField("het_offset"):
            jobs = [one for one in jobs if one.record.het_offset == order.het_offset]
            if not jobs or not job.record.het_job_id:
                raise RequestError(Errno.INVALID_JOB_ID)
        if job.pending:
            raise RequestError(Errno.JOB_PENDING)
        if job.finished:
            raise RequestError(Errno.ALREADY_DONE)
        if not order.HasField("step_id"):
            return [alloc.node for one in jobs for alloc in one.record.nodes]
        steps = [one.steps[order.step_id] for one in jobs if order.step_id in one.steps]
        steps = [step for step in steps if step.waiting]
        if not steps:
            raise RequestError(Errno.INVALID_JOB_ID)
        return [alloc.node for step in steps for alloc in step.record.nodes]

    async def _open(self, transfer: Transfer, order: pb.FileOpen) -> None:
        def message(node: str) -> pb.NodeDown:
            down = pb.NodeDown(file_open=order)
            down.file_open.node = node
            return down

        results = await self._each(transfer, message)
        reply = pb.FileReply(
            transfer=transfer.number, results=results, node_list=hostlist.compress(transfer.nodes) or ""
        )
        if results:
            self._give_up(transfer)
        transfer.sender.send(pb.Response(file_reply=reply, more=not results))

    def block(self, connection: Conversation, request: pb.Request) -> Coroutine[Any, Any, None]:
        body = request.file_block
        transfer = self._mine(connection, body.transfer)
        size = body.inflated or len(body.data)
        if max(len(body.data), size) > MAX_BLOCK or size > transfer.left or transfer.queued >= WINDOW:
            self._give_up(transfer)
            raise RequestError(Errno.UNEXPECTED_MSG)
        transfer.left -= size
        down = pb.NodeDown(file_block=body)
        return self._pass_on(connection, transfer, lambda _node: down)

    def end(self, connection: Conversation, request: pb.Request) -> Coroutine[Any, Any, None]:
        body = request.file_end
        transfer = self._mine(connection, body.transfer)
        if body.whole and (transfer.left or transfer.queued):
            self._give_up(transfer)
            raise RequestError(Errno.UNEXPECTED_MSG)
        down = pb.NodeDown(file_end=body)
        return self._pass_on(connection, transfer, lambda _node: down, last=True)

    def _mine(self, connection: Conversation, number: int) -> Transfer:
        transfer = self.by_number.get(number)
        if transfer is None or transfer.uid != connection.peer.uid:
            raise RequestError(Errno.ALREADY_DONE)
        return transfer

    async def _pass_on(
        self, connection: Conversation, transfer: Transfer, message: Callable[[str], pb.NodeDown], last: bool = False
    ) -> None:
        transfer.queued += 1
        try:
            async with transfer.turn:
                results = await self._each(transfer, message)
        finally:
            transfer.queued -= 1
        if last:
            self.by_number.pop(transfer.number, None)
        elif results:
            self._give_up(transfer)
        connection.send(pb.Response(file_reply=pb.FileReply(transfer=transfer.number, results=results)))
        if last:
            transfer.sender.send(pb.Response())  # its first request is over as well

    # ------------------------------------------------------------ to the nodes and from them

    async def _each(self, transfer: Transfer, message: Callable[[str], pb.NodeDown]) -> list[pb.FileResult]:
        """Send to all nodes, `fanout` at a time; what went wrong."""
        failed: list[pb.FileResult] = []
        nodes = transfer.nodes
        for start in range(0, len(nodes), transfer.fanout):
            group = nodes[start : start + transfer.fanout]
            results = await asyncio.gather(*(self._one(transfer, node, message(node)) for node in group))
            failed += [result for result in results if result.error]
        return failed

    async def _one(self, transfer: Transfer, node: str, message: pb.NodeDown) -> pb.FileResult:
        if node not in self.controller.nodes.links:
            return _result(node, *NOT_REACHED)
        if transfer.number not in self.by_number:
            return _result(node, int(Errno.ALREADY_DONE), TEXT[Errno.ALREADY_DONE])
        future: asyncio.Future[pb.FileResult] = asyncio.get_running_loop().create_future()
        transfer.waiting.setdefault(node, collections.deque()).append(future)
        self.controller.nodes.send(node, message)
        try:
            return await asyncio.wait_for(future, transfer.timeout)
        except TimeoutError:
            return _result(node, *TIMED_OUT)

    def answered(self, reply: pb.FileReply) -> None:
        """A node has done what it was sent first of what it has not answered yet."""
        transfer = self.by_number.get(reply.transfer)
        for result in reply.results if transfer is not None else ():
            waiting = transfer.waiting.get(result.node) if transfer is not None else None
            if waiting:
                future = waiting.popleft()
                if not future.done():
                    future.set_result(result)

    def lost(self, node: str) -> None:
        """The link to a node is gone."""
        for transfer in list(self.by_number.values()):
            for future in transfer.waiting.pop(node, ()):
                if not future.done():
                    future.set_result(_result(node, *NOT_REACHED))

    def _give_up(self, transfer: Transfer) -> None:
        if self.by_number.pop(transfer.number, None) is None:
            return
        for node in transfer.nodes:
            self.controller.nodes.send(node, pb.NodeDown(file_end=pb.FileEnd(transfer=transfer.number)))
        for node, waiting in transfer.waiting.items():
            for future in waiting:
                if not future.done():
                    future.set_result(_result(node, int(Errno.ALREADY_DONE), TEXT[Errno.ALREADY_DONE]))


def _result(node: str, error: int, text: str) -> pb.FileResult:
    return pb.FileResult(node=node, error=error, text=text)
