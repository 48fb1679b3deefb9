"""Files that are sent to this node for its jobs: orders go to the processes that write them, answers come back.

Every file has a writer of its own (`stepd.file_writer`), which acts as the job's user and may hang in the user's file
system without holding up anything here.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from crane_compat.core.errors import TEXT, Errno
from crane_compat.daemon.node.pipes import ChildPipe
from crane_compat.wire import pb

if TYPE_CHECKING:
    from crane_compat.daemon.node.craned import Craned

log = logging.getLogger("slurmd")


class WriterPipe(ChildPipe):
    """The conversation with one writer."""

    def __init__(self, files: FileWriters, order: pb.FileOpen) -> None:
        super().__init__(f"the writer of a file of job {order.job_id}")
        self.files, self.order = files, order
        self.open = 1  # messages that it has not answered: the order to begin

    def received(self, message: pb.NodeUp) -> None:
        self.open -= 1
        self.files.tell(message)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.files.gone(self)

    def send(self, message: pb.NodeDown) -> None:
        self.open += 1
        super().send(message)

    def close(self) -> None:
        """At once: what it has not been sent yet is not wanted any more."""
        if self.transport is not None:
            self.transport.abort()


class FileWriters:
    """The files that are being written on this node, by the number of their transfer."""

    def __init__(self, craned: Craned) -> None:
        self.craned = craned
        self.pipes: dict[int, WriterPipe] = {}
        self._tasks: set[asyncio.Future[None]] = set()

    def receive(self, message: pb.NodeDown) -> None:
        """An order of the controller."""
        kind = message.WhichOneof("msg")
        if kind == "file_open":
            task = asyncio.ensure_future(self._open(message.file_open))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return
        number = message.file_block.transfer if kind == "file_block" else message.file_end.transfer
        pipe = self.pipes.get(number)
        if pipe is not None:
            pipe.send(message)
        elif kind == "file_block" or message.file_end.whole:
            self._refuse(number, int(Errno.ALREADY_DONE), TEXT[Errno.ALREADY_DONE])

    async def _open(self, order: pb.FileOpen) -> None:
        self._context(order)
        pipe = self.pipes[order.transfer] = WriterPipe(self, order)
        try:
            sock = self.craned.fork(pb.NodeDown(file_open=order))
            sock.setblocking(False)
            await asyncio.get_running_loop().create_connection(lambda: pipe, sock=sock)
        except Exception as exc:
            log.error("no process to write a file of job %d: %s", order.job_id, exc)
            self.gone(pipe)

    def _context(self, order: pb.FileOpen) -> None:
        """Let the writer count as a process of the step that the file is for, else of the job's script."""
        order.ClearField("context")
        job = self.craned.jobs.get(order.job_id)
        steps = job.steps if job is not None else {}
        wanted = order.step_id if order.HasField("step_id") else min(steps, default=0)
        if wanted in steps and (wanted < 0 or order.HasField("step_id")):
            launch = steps[wanted].launch
            order.context.CopyFrom(
                pb.StepLaunch(
                    job_id=launch.job_id, step_id=launch.step_id, uid=launch.uid, node=launch.node,
                    settings=launch.settings,
                )
            )  # fmt: skip

    def tell(self, message: pb.NodeUp) -> None:
        self.craned.link.send(message)

    def gone(self, pipe: WriterPipe) -> None:
        """Its writer has ended: what it has not answered will not be done any more."""
        if self.pipes.get(pipe.order.transfer) is pipe:
            del self.pipes[pipe.order.transfer]
        while pipe.open > 0:
            pipe.open -= 1
            self._refuse(pipe.order.transfer, int(Errno.ALREADY_DONE), TEXT[Errno.ALREADY_DONE])

    def _refuse(self, transfer: int, error: int, text: str) -> None:
        result = pb.FileResult(node=self.craned.node.name, error=error, text=text)
        self.tell(pb.NodeUp(file_reply=pb.FileReply(transfer=transfer, results=[result])))

    def job_over(self, job_id: int) -> None:
        """The job is being ended: nothing more is written for it."""
        for pipe in [pipe for pipe in self.pipes.values() if pipe.order.job_id == job_id]:
            pipe.close()

    def close(self) -> None:
        """Give up all of them."""
        for pipe in list(self.pipes.values()):
            pipe.close()
