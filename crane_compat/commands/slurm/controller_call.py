"""The conversation of the showing commands with the controller, and what they say when there is none."""

from __future__ import annotations

from collections.abc import Iterable

from crane_compat import paths
from crane_compat.core.errors import TEXT, Errno, RequestError
from crane_compat.daemon.rpc.client import Client, Unreachable
from crane_compat.wire import pb


class Controller:
    """Asks the controller; one connection for all questions of a command.

    A controller that cannot be reached shows as RequestError(COMMUNICATIONS_CONNECTION).
    """

    def __init__(self, command: str) -> None:
        self.command = command
        self._client: Client | None = None
        self._settings: dict[str, str] | None = None

    def ask(self, request: pb.Request, *, check: bool = True) -> pb.Response:
        """The first response.  Raises RequestError."""
        try:
            if self._client is None:
                self._client = Client.controller(paths.conf_path(), self.command)
            return self._client.call(request, check)
        except Unreachable:
            self.close()
            raise RequestError(Errno.COMMUNICATIONS_CONNECTION, TEXT[Errno.COMMUNICATIONS_CONNECTION]) from None

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def config(self) -> pb.Config:
        return self.ask(pb.Request(get_config=pb.GetConfig())).config

    def setting(self, key: str) -> str:
        """The value of a parameter as scontrol shows it; asked for once."""
        if self._settings is None:
            self._settings = {row.key: row.value for row in self.config().values}
        return self._settings.get(key, "")

    def cluster_name(self) -> str:
        return self.setting("ClusterName")

    def node_shapes(self) -> dict[str, tuple[int, int, int]]:
        """Sockets, cores of each and threads of each of those, by node."""
        nodes = self.ask(pb.Request(list_nodes=pb.ListNodes())).nodes.nodes
        return {node.name: (node.sockets, node.cores, node.threads) for node in nodes}

    def complete(self, partitions: Iterable[pb.PartitionRecord]) -> None:
        """Fill in what partitions have from the cluster."""
        for partition in partitions:
            if not partition.preempt_mode:
                partition.preempt_mode = self.setting("PreemptMode")


def unknown_cluster(command: str, name: str) -> list[str]:
    """What is said of a --clusters name that is not ours."""
    return [
        f"{command}: error: No cluster '{name}' known by database.",
        (
            f"{command}: error: '{name}' can't be reached now, or it is an invalid entry for --cluster.  "
            "Use 'sacctmgr list clusters' to see available clusters."
        ),
        f"{command}: fatal: Could not get cluster information",
    ]
