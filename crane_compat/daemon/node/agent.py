"""On a host without the controller: local commands talk to this socket, requests go on over gRPC.

The node daemon says who the caller is (from the kernel); the controller
believes it because the daemon holds the cluster's key.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

from crane_compat.core.errors import TEXT, Errno, RequestError
from crane_compat.daemon.rpc.server import Conversation, FrameServer
from crane_compat.wire import pb

if TYPE_CHECKING:
    from crane_compat.daemon.node.craned import Craned


class Agent(FrameServer):
    """A frame server whose every request is relayed."""

    def __init__(self, craned: Craned) -> None:
        super().__init__({})
        self.craned = craned

    def dispatch(self, connection: Conversation, request: pb.Request) -> None:
        channel = self.craned.link.channel
        if channel is None or request.WhichOneof("body") == "node_up":
            connection.refuse(RequestError(Errno.COMMUNICATIONS_CONNECTION))
            return
        loop = asyncio.get_running_loop()
        call = channel.call(request, connection.peer)
        connection.on_close.append(call.cancel)
        threading.Thread(target=self._pump, args=(loop, connection, call), daemon=True).start()

    @staticmethod
    def _pump(loop: asyncio.AbstractEventLoop, connection: Conversation, call: Any) -> None:
        try:
            for response in call:
                loop.call_soon_threadsafe(connection.send, response)
        except Exception:  # every gRPC failure means the same to a command: no controller
            error = RequestError(Errno.COMMUNICATIONS_CONNECTION, TEXT[Errno.COMMUNICATIONS_CONNECTION])
            loop.call_soon_threadsafe(connection.refuse, error)
