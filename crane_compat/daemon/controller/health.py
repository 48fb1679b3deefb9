"""When nodes are told to run HealthCheckProgram (slurm.conf(5) HealthCheckInterval, HealthCheckNodeState)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crane_compat.core import states as st
from crane_compat.wire import pb

if TYPE_CHECKING:
    from crane_compat.core.node import Node
    from crane_compat.daemon.controller.controller import Controller

#: HealthCheckNodeState → the base states of nodes that it means
_STATES = {
    "alloc": {st.NODE_ALLOCATED},
    "idle": {st.NODE_IDLE},
    "mixed": {st.NODE_MIXED},
    "nondrained_idle": {st.NODE_IDLE},
}


class HealthChecks:
    """Asks each node once in an interval, with CYCLE spread over it, otherwise all at once."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self._last: dict[str, float] = {}

    def registered(self, node: Node, now: float) -> None:
        """A node checks itself when it comes up."""
        if self.controller.cluster.parameters.health_check_interval:
            self._ask(node, now)

    def tick(self, now: float) -> None:
        parameters = self.controller.cluster.parameters
        interval, wanted = parameters.health_check_interval, parameters.health_check_states
        if not interval or "start_only" in wanted:
            return
        nodes = self.controller.cluster.nodes
        due = [node for node in nodes.values() if now - self._last.get(node.name, 0.0) >= interval]
        due = [node for node in due if node.connected and self._meant(node, wanted)]
        if "cycle" in wanted:  # a second's share of them
            due = due[: -(-len(nodes) // interval)]
        for node in due:
            self._ask(node, now)

    @staticmethod
    def _meant(node: Node, wanted: frozenset[str]) -> bool:
        state = node.record.state
        kinds = wanted & _STATES.keys()
        if not kinds:  # ANY
            return True
        if kinds == {"nondrained_idle"} and state & st.NODE_DRAIN:
            return False
        return any(state & st.NODE_BASE_MASK in _STATES[kind] for kind in kinds)

    def _ask(self, node: Node, now: float) -> None:
        self._last[node.name] = now
        self.controller.nodes.send(node.name, pb.NodeDown(health_check=pb.HealthCheck()))
