"""The controller's way to accounting: the outbox goes out, the association tree comes in.

Events are kept in the store until the accounting daemon has confirmed them, so
that a database that is away for a night loses nothing.
"""

from __future__ import annotations

import asyncio
import collections
import json
import logging
import struct
from collections.abc import Iterable
from typing import TYPE_CHECKING

from crane_compat import paths
from crane_compat.wire import PROTOCOL, frame, pb

if TYPE_CHECKING:
    from crane_compat.daemon.controller.controller import Controller

log = logging.getLogger("accounting")

#: Events in one message.
BATCH = 500
#: After a message others gather for so long (seconds) under load; one that comes alone goes at once.
GATHER = 0.02
RETRY_FIRST, RETRY_LAST = 0.05, 5.0  # seconds
_LENGTH = struct.Struct(">I")


class AccountingLink:
    """A connection to the accounting daemon that is made again whenever it breaks."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self.queue: collections.deque[pb.AcctEvent] = collections.deque()
        self.news = asyncio.Event()
        self.up = False

    def push(self, events: Iterable[pb.AcctEvent]) -> None:
        """Durable events that wait to be told."""
        before = len(self.queue)
        self.queue.extend(events)
        if len(self.queue) != before:
            self.news.set()

    async def run(self) -> None:
        if not self.controller.cluster.parameters.with_accounting:
            return
        await asyncio.gather(self._forever(self._send_events), self._forever(self._follow_tree))

    async def _forever(self, talk: object) -> None:
        delay = RETRY_FIRST
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(paths.accounting_socket(self.controller.conf.path))
            except OSError:
                await asyncio.sleep(delay)
                delay = min(delay * 2, RETRY_LAST)
                continue
            delay = RETRY_FIRST
            try:
                await talk(reader, writer)  # type: ignore[operator]
            except (OSError, asyncio.IncompleteReadError):
                pass
            except Exception:
                log.exception("accounting: conversation failed")
                await asyncio.sleep(1.0)
            finally:
                writer.close()
                self.up = False

    async def _call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, call: pb.AcctCall) -> pb.Response:
        writer.write(frame(pb.Request(protocol=PROTOCOL, command="slurmctld", acct=call)))
        (size,) = _LENGTH.unpack(await reader.readexactly(4))
        return pb.Response.FromString(await reader.readexactly(size))

    async def _send_events(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.up = True
        loop = asyncio.get_running_loop()
        sent = 0.0
        while True:
            if not self.queue:
                # a connection that breaks meanwhile is noticed by the next call, and the events are sent again
                self.news.clear()
                await self.news.wait()
                continue
            await asyncio.sleep(max(0.0, sent + GATHER - loop.time()))
            sent = loop.time()
            events = [self.queue[i] for i in range(min(BATCH, len(self.queue)))]
            reply = await self._call(reader, writer, pb.AcctCall(op="events", events=events))
            if reply.rc:
                log.error("accounting refused events: %s", reply.error)
                await asyncio.sleep(RETRY_LAST)
                continue
            done = reply.acct.last_event or events[-1].seq
            while self.queue and self.queue[0].seq <= done:
                self.queue.popleft()
            self.controller.outbox_done = max(self.controller.outbox_done, done)
            self.controller.kick()

    async def _follow_tree(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Fetch users, associations and QOS, then wait for changes and fetch them again."""
        since = 0
        while True:
            reply = await self._call(reader, writer, pb.AcctCall(op="assoc_dump", args=b"{}"))
            if reply.rc:
                log.error("accounting refused the association tree: %s", reply.error)
                await asyncio.sleep(RETRY_LAST)
                continue
            document = json.loads(reply.acct.result)
            self.controller.cluster.accounts.load(document)
            self.controller.cluster.limits.accounts_changed()
            self.controller.shares.tree_changed()
            if (wanted := self.controller.shares.history_call()) is not None:
                reply = await self._call(reader, writer, pb.AcctCall(op="usage", args=json.dumps(wanted).encode()))
                if reply.rc:
                    log.error("accounting refused the usage of associations: %s", reply.error)
                else:
                    self.controller.shares.take_history(json.loads(reply.acct.result or b"{}"))
            self.controller.cluster.wants_scheduling = True
            self.controller.kick()
            args = json.dumps({"since": since}).encode()
            reply = await self._call(reader, writer, pb.AcctCall(op="wait_change", args=args))
            since = int(json.loads(reply.acct.result or b"{}").get("version", since + 1))
