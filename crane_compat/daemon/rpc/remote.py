"""The same conversations between hosts: gRPC over TLS, the caller known from a signed token.

The port is opened only where some node or command can be on another host; on
one host the unix sockets do, and gRPC (tens of MiB) is not even imported.
A server thread runs gRPC's own loop; requests hop onto the controller's loop,
which alone touches the cluster.
"""

from __future__ import annotations

import asyncio
import logging
import pwd
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from crane_compat.core.errors import Errno, RequestError
from crane_compat.daemon.rpc import keys as key_store
from crane_compat.daemon.rpc import tokens
from crane_compat.daemon.rpc.server import Peer
from crane_compat.wire import pb

if TYPE_CHECKING:
    from crane_compat.daemon.controller.controller import Controller
    from crane_compat.parsers.slurm_conf import SlurmConf

log = logging.getLogger("remote")

SERVICE = "crane.Crane"
_END = object()
_OPTIONS = [("grpc.max_receive_message_length", 256 << 20), ("grpc.max_send_message_length", 256 << 20)]


def local_names() -> set[str]:
    """The names and loopback addresses that mean this host."""
    name = socket.gethostname()
    return {name, name.split(".")[0], "localhost", "127.0.0.1", "::1"}


def wanted(conf: SlurmConf) -> bool:
    """Is any node of the configuration on another host, or does crane.toml ask for the port ([transport] grpc)?"""
    from crane_compat.config.crane_toml import crane_toml

    asked = crane_toml(conf.directory).get("transport", {}).get("grpc")
    if asked is not None:
        return bool(asked)
    here = local_names()
    return any(
        (node.hostname or node.name).split(".")[0] not in here and node.address not in here for node in conf.nodes
    )


class StreamLink:
    """A conversation over one gRPC call; looks like a `Connection` to the handlers."""

    def __init__(self, peer: Peer, loop: asyncio.AbstractEventLoop) -> None:
        self.peer = peer
        self.loop = loop
        self.out: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.on_close: list[Callable[[], None]] = []
        self.closed = False

    def send(self, response: pb.Response) -> None:
        if not self.closed:
            # a snapshot: the record may change before gRPC's thread serialises it
            self.out.put(pb.Response.FromString(response.SerializeToString()))
            if not response.more:
                self.out.put(_END)

    def send_raw(self, body: bytes) -> None:
        if not self.closed:
            self.out.put(pb.Response.FromString(body))
            self.out.put(_END)

    def refuse(self, error: RequestError) -> None:
        self.send(pb.Response(rc=int(error.errno), error=error.text, messages=list(error.details)))

    def close(self) -> None:
        self.out.put(_END)

    def ended(self) -> None:
        """The call is over (called in the controller's loop)."""
        if not self.closed:
            self.closed = True
            for callback in self.on_close:
                callback()
            self.on_close.clear()

    def responses(self) -> Iterator[pb.Response]:
        try:
            while (item := self.out.get()) is not _END:
                yield item
        finally:
            self.loop.call_soon_threadsafe(self.ended)


class RemoteServer:
    """The controller's port for other hosts."""

    def __init__(self, controller: Controller, keys: key_store.Keys, port: int) -> None:
        from concurrent.futures import ThreadPoolExecutor

        import grpc

        self.controller = controller
        self.keys = keys
        self.loop = asyncio.get_running_loop()
        self.grpc = grpc
        nodes = len(controller.cluster.nodes)
        self.server = grpc.server(ThreadPoolExecutor(nodes + 64, "grpc"), options=_OPTIONS)
        credentials = grpc.ssl_server_credentials([(keys.private_key, keys.certificate)])
        handlers: dict[str, Any] = {
            "Call": grpc.unary_stream_rpc_method_handler(
                self._call, pb.Request.FromString, pb.Response.SerializeToString
            ),
            "Node": grpc.stream_stream_rpc_method_handler(
                self._node, pb.NodeUp.FromString, pb.NodeDown.SerializeToString
            ),
        }
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        if not self.server.add_secure_port(f"[::]:{port}", credentials):
            raise OSError(f"cannot listen on port {port}")
        self.server.start()

    def stop(self) -> None:
        self.server.stop(0.5)

    def _claims(self, context: Any) -> dict[str, object]:
        token = dict(context.invocation_metadata()).get("authorization", "").removeprefix("Bearer ")
        try:
            return tokens.verify(self.keys, token)
        except tokens.BadToken as exc:
            context.abort(self.grpc.StatusCode.UNAUTHENTICATED, f"token refused: {exc}")
            raise  # abort does not return

    def _call(self, request: pb.Request, context: Any) -> Iterator[pb.Response]:
        claims = self._claims(context)
        if "node" in claims:  # a node daemon vouches for its local user
            relayed = request
            peer_meta = dict(context.invocation_metadata())
            peer = Peer(int(peer_meta.get("x-uid", -1)), int(peer_meta.get("x-gid", -1)), 0)
            request = relayed
        else:
            try:
                entry = pwd.getpwnam(str(claims.get("sun", "")))
            except KeyError:
                context.abort(self.grpc.StatusCode.PERMISSION_DENIED, "no such user on the controller")
                raise
            peer = Peer(entry.pw_uid, entry.pw_gid, 0)
        if request.WhichOneof("body") == "node_up":
            context.abort(self.grpc.StatusCode.PERMISSION_DENIED, "nodes use the Node call")
        link = StreamLink(peer, self.loop)
        context.add_callback(link.close)
        self.loop.call_soon_threadsafe(self.controller.server.dispatch, link, request)
        return link.responses()

    def _node(self, messages: Iterator[pb.NodeUp], context: Any) -> Iterator[pb.NodeDown]:
        claims = self._claims(context)
        name = claims.get("node")
        if not name:
            context.abort(self.grpc.StatusCode.PERMISSION_DENIED, "not a node's token")
        link = StreamLink(Peer(0, 0, 0), self.loop)
        context.add_callback(link.close)

        def pump() -> None:
            try:
                for message in messages:
                    if message.WhichOneof("msg") == "register" and message.register.node != name:
                        log.error("the token of node %s was used to register %s", name, message.register.node)
                        break
                    self.loop.call_soon_threadsafe(self._receive, link, message)
            except self.grpc.RpcError:
                pass
            link.close()

        threading.Thread(target=pump, name=f"node-{name}", daemon=True).start()
        return (response.node_down for response in link.responses())

    def _receive(self, link: StreamLink, message: pb.NodeUp) -> None:
        try:
            self.controller.nodes.receive(link, message)
        except RequestError as exc:
            log.error("message of a node refused: %s", exc)
        except Exception:
            log.exception("message of a node failed")


def serve_if_needed(controller: Controller) -> RemoteServer | None:
    """Open SlurmctldPort where the configuration has other hosts."""
    if not wanted(controller.conf):
        return None
    port = int(str(controller.conf.get("SlurmctldPort")).split("-")[0])
    server = RemoteServer(controller, controller.nodes.keys(), port)
    log.info("listening for other hosts on port %d", port)
    return server


class RemoteChannel:
    """A client's side: one warm channel to the controller of another host."""

    def __init__(self, conf: SlurmConf, keys: key_store.Keys, node: str) -> None:
        import grpc

        self.grpc = grpc
        self.keys = keys
        self.node = node
        host, address = conf.controllers[0]
        port = int(str(conf.get("SlurmctldPort")).split("-")[0])
        credentials = grpc.ssl_channel_credentials(root_certificates=keys.certificate)
        options = [*_OPTIONS, ("grpc.ssl_target_name_override", "cranectld")]
        self.channel = grpc.secure_channel(f"{address or host}:{port}", credentials, options=options)
        self._call = self.channel.unary_stream(f"/{SERVICE}/Call", pb.Request.SerializeToString, pb.Response.FromString)
        self._node = self.channel.stream_stream(f"/{SERVICE}/Node", pb.NodeUp.SerializeToString, pb.NodeDown.FromString)

    def _metadata(self, *more: tuple[str, str]) -> tuple[tuple[str, str | bytes], ...]:
        return (("authorization", "Bearer " + tokens.issue_node(self.keys, self.node)), *more)

    def call(self, request: pb.Request, peer: Peer) -> Any:
        """Relay a local user's request; iterates over the responses, `cancel()` ends it."""
        return self._call(request, metadata=self._metadata(("x-uid", str(peer.uid)), ("x-gid", str(peer.gid))))

    def node_link(self, outgoing: Iterator[pb.NodeUp]) -> Any:
        """The node's own conversation."""
        return self._node(outgoing, metadata=self._metadata())

    def close(self) -> None:
        self.channel.close()


__all__ = ["Errno", "RemoteChannel", "RemoteServer", "local_names", "serve_if_needed", "wanted"]
