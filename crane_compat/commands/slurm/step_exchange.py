"""What the nodes of an MPI step tell each other goes through their srun: it gathers and passes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError

from crane_compat.daemon.stepd.stream import ALL, Kind, StreamError
from crane_compat.wire import pb

#: Sends a message to a node of the step: its index, kind, payload.
Send = Callable[[int, int, bytes], None]


@dataclass
class _Collective:
    nodes: list[int]
    parts: dict[int, bytes] = field(default_factory=dict)


class Exchange:
    """The collective operations of a step, and messages from node to node.

    `on_failure` is told the task without which an operation cannot succeed.
    """

    def __init__(self, send: Send, on_failure: Callable[[int], None]) -> None:
        self._send, self._on_failure = send, on_failure
        self._open: dict[str, _Collective] = {}
        self._present: set[int] = set()
        self._gone: dict[int, int] = {}  # node → task
        self._early: dict[int, list[bytes]] = {}  # for nodes that have not connected yet

    def arrived(self, node: int) -> None:
        """A node has connected."""
        self._present.add(node)
        for data in self._early.pop(node, ()):
            self._send(node, Kind.RELAYED, data)

    def left(self, node: int, task: int = ALL) -> None:
        """A node can add nothing any more for want of this task: what waits for it fails."""
        self._gone.setdefault(node, task)
        for name in list(self._open):
            self._settle(name)

    def message(self, node: int, kind: int, data: bytes) -> None:
        """A message of a node.  Raises StreamError."""
        try:
            if kind == Kind.GATHER:
                self._gather(node, pb.MpiGather.FromString(data))
            else:
                self._relay(node, pb.MpiRelay.FromString(data))
        except DecodeError as exc:
            raise StreamError("not a message of an MPI server") from exc

    def _gather(self, node: int, gather: pb.MpiGather) -> None:
        collective = self._open.setdefault(gather.name, _Collective(list(gather.nodes)))
        collective.parts[node] = gather.data
        self._settle(gather.name)

    def _settle(self, name: str) -> None:
        """Answer where all have come, or where somebody never will."""
        collective = self._open[name]
        missing = set(collective.nodes) - collective.parts.keys()
        gone = missing & self._gone.keys()
        if missing and not gone:
            return
        del self._open[name]
        gathered = pb.MpiGathered(name=name, failed=bool(missing))
        if not missing:
            gathered.parts.extend(collective.parts[node] for node in collective.nodes)
        data = gathered.SerializeToString()
        for node in collective.parts:
            self._send(node, Kind.GATHERED, data)
        if gone:
            self._on_failure(self._gone[min(gone)])

    def _relay(self, node: int, relay: pb.MpiRelay) -> None:
        data = pb.MpiRelay(node=node, data=relay.data).SerializeToString()
        if relay.node in self._present:
            self._send(relay.node, Kind.RELAYED, data)
        else:
            self._early.setdefault(relay.node, []).append(data)
