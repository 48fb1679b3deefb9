"""The node daemon's link to the controller: a unix socket on the same host, a gRPC stream between hosts.

Both give the same two calls: `send` and a callback for what comes in.  A broken
link is made again, first at once, then ever more slowly.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Iterator

from crane_compat import paths
from crane_compat.daemon.rpc import remote
from crane_compat.parsers.slurm_conf import SlurmConf
from crane_compat.wire import MAX_BLOCK, PROTOCOL, frame, pb

log = logging.getLogger("link")

RETRY_FIRST, RETRY_LAST = 0.02, 2.0  # seconds
#: for so long (seconds) a controller that is not there is taken to be starting
PATIENT = 5.0
_LENGTH = struct.Struct(">I")

OnMessage = Callable[[pb.NodeDown], None]
OnUp = Callable[[], None]


class ControllerLink:
    """Keeps a link up; `on_up` is called for each new one and sends the registration."""

    def __init__(self, conf: SlurmConf, node: str, on_message: OnMessage, on_up: OnUp) -> None:
        self.conf = conf
        self.node = node
        self.on_message = on_message
        self.on_up = on_up
        self.up = False
        self.writer: asyncio.StreamWriter | None = None
        self.outgoing: queue.SimpleQueue[pb.NodeUp | None] | None = None
        self.channel: remote.RemoteChannel | None = None

    def send(self, message: pb.NodeUp) -> None:
        """Send if there is a link.  Nothing is lost without: what matters is reported at the next registration."""
        if self.writer is not None:
            self.writer.write(frame(pb.Request(protocol=PROTOCOL, command="slurmd", node_up=message)))
        elif self.outgoing is not None:
            self.outgoing.put(message)

    @property
    def local(self) -> bool:
        """Is the controller on this host?"""
        here = remote.local_names()
        return any(host.split(".")[0] in here or address in here for host, address in self.conf.controllers)

    async def run(self) -> None:
        """Connect again and again, for as long as the daemon lives."""
        delay = RETRY_FIRST
        lost = time.monotonic()
        connect: Callable[[], Awaitable[None]] = self._unix if self.local else self._grpc
        while True:
            try:
                await connect()
                delay, lost = RETRY_FIRST, time.monotonic()
            except (OSError, asyncio.IncompleteReadError):
                pass
            except Exception:
                log.exception("the link to the controller failed")
            finally:
                if self.up:
                    delay, lost = RETRY_FIRST, time.monotonic()
                    log.info("the link to the controller is down")
                self.up = False
                self.writer = None
                self.outgoing = None
            await asyncio.sleep(delay)
            if time.monotonic() - lost > PATIENT:
                delay = min(delay * 1.5, RETRY_LAST)

    async def _unix(self) -> None:
        reader, self.writer = await asyncio.open_unix_connection(
            paths.controller_socket(self.conf.path), limit=2 * MAX_BLOCK
        )
        try:
            self.up = True
            self.on_up()
            while True:
                (size,) = _LENGTH.unpack(await reader.readexactly(4))
                response = pb.Response.FromString(await reader.readexactly(size))
                if response.rc:
                    log.error("the controller refuses: %s", response.error)
                    await asyncio.sleep(1.0)
                    return
                self.on_message(response.node_down)
        finally:
            writer, self.writer = self.writer, None
            if writer is not None:
                writer.close()

    async def _grpc(self) -> None:
        from crane_compat.daemon.rpc import keys

        loop = asyncio.get_running_loop()
        if self.channel is None:
            self.channel = remote.RemoteChannel(self.conf, keys.find(self.conf), self.node)
        outgoing: queue.SimpleQueue[pb.NodeUp | None] = queue.SimpleQueue()
        self.outgoing = outgoing
        over: asyncio.Future[None] = loop.create_future()

        def messages() -> Iterator[pb.NodeUp]:
            while (message := outgoing.get()) is not None:
                yield message

        call = self.channel.node_link(messages())

        def finish() -> None:
            if not over.done():
                over.set_result(None)

        def pump() -> None:
            try:
                for message in call:
                    loop.call_soon_threadsafe(self.on_message, message)
            except Exception as exc:  # gRPC's errors have no common base worth naming: all end the link
                details = exc.details() if hasattr(exc, "details") else str(exc)
                loop.call_soon_threadsafe(log.debug, "the controller's stream ended: %s", details)
            outgoing.put(None)
            loop.call_soon_threadsafe(finish)

        self.up = True
        self.on_up()
        threading.Thread(target=pump, name="controller", daemon=True).start()
        await over
