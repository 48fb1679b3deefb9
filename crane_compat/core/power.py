"""Nodes that are switched off while nobody needs them, and on again for jobs; and their reboots.

A node that has been idle for SuspendTime is handed to SuspendProgram and counts as off SuspendTimeout later.  A job
that gets such nodes has ResumeProgram switch them on and is CONFIGURING until they have registered; where one does not
within ResumeTimeout, it is DOWN.  Source: slurm.conf(5), scontrol(1) "power", "reboot"; the states as recorded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from crane_compat.core import node_failure, preparing
from crane_compat.core import states as st
from crane_compat.core.effects import RunProgram, SendNode
from crane_compat.core.errors import Errno, RequestError
from crane_compat.core.node import Node
from crane_compat.core.parameters import PowerSettings, suspend_seconds
from crane_compat.parsers import hostlist
from crane_compat.wire import pb

if TYPE_CHECKING:
    from crane_compat.core.cluster import Cluster

#: All flags about a node's power.
POWER = st.NODE_POWERED_DOWN | st.NODE_POWERING_DOWN | st.NODE_POWER_DOWN | st.NODE_POWERING_UP | st.NODE_POWER_UP

_REBOOT = st.NODE_REBOOT_REQUESTED | st.NODE_REBOOT_ISSUED

#: The words of ``scontrol update state=`` that are dealt with here.
WORDS = frozenset({"POWER_UP", "POWER_DOWN", "POWER_DOWN_ASAP", "POWER_DOWN_FORCE",
                   "REBOOT", "REBOOT_ASAP", "CANCEL_REBOOT"})  # fmt: skip


class Power:
    """The power of a cluster's nodes."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._suspended: deque[float] = deque()  # when nodes were handed over, within the last minute
        self._resumed: deque[float] = deque()

    @property
    def settings(self) -> PowerSettings:
        return self.cluster.parameters.power

    # ------------------------------------------------------------ what is asked for

    def change(self, node: Node, word: str, reason: str, next_state: str, now: float) -> None:
        """``scontrol update state=WORD``, ``power`` and ``reboot``.  Raises RequestError."""
        record = node.record
        if word in ("REBOOT", "REBOOT_ASAP"):
            if record.state & _REBOOT or record.state & st.NODE_BASE_MASK in (st.NODE_DOWN, st.NODE_FUTURE):
                raise RequestError(Errno.INVALID_NODE_STATE, "Invalid node state transition")
            record.state |= st.NODE_REBOOT_REQUESTED | (st.NODE_DRAIN if word == "REBOOT_ASAP" else 0)
            record.next_state = next_state.lower()
            record.reason, record.reason_time = reason or "Reboot ASAP" * (word == "REBOOT_ASAP"), now
            self._reboot_if_free(node, now)
        elif word == "CANCEL_REBOOT":
            if not record.state & st.NODE_REBOOT_REQUESTED:
                raise RequestError(Errno.INVALID_NODE_STATE, "Invalid node state transition")
            record.state &= ~(st.NODE_REBOOT_REQUESTED | st.NODE_DRAIN)
            record.reason, record.reason_time = "", 0.0
        elif not self.settings.saves:
            raise RequestError(Errno.INVALID_NODE_STATE, "Invalid node state transition")
        elif word == "POWER_UP":
            self.up([node.name], now)
        else:
            if word == "POWER_DOWN_FORCE":
                for job_id in sorted(node.jobs):
                    node_failure.lose(self.cluster, self.cluster.jobs[job_id], node.name, now)
                self._down([node], now)
            elif record.state & st.NODE_POWERED_DOWN:
                return
            elif node.jobs:
                record.state |= st.NODE_POWER_DOWN | (st.NODE_POWER_DRAIN if word == "POWER_DOWN_ASAP" else 0)
            else:
                self._down([node], now)

    def up(self, names: Iterable[str], now: float) -> None:
        """Switch on those of the nodes that are off."""
        for name in names:
            node = self.cluster.nodes[name]
            record = node.record
            if record.state & st.NODE_POWERING_DOWN:
                record.state |= st.NODE_POWER_UP  # as soon as it is off
            elif record.state & st.NODE_POWERED_DOWN:
                record.state = (record.state & ~POWER) | st.NODE_POWERING_UP
                record.power_since = 0.0  # not yet handed over
            else:
                record.state &= ~(st.NODE_POWER_DOWN | st.NODE_POWER_DRAIN)
            self.cluster.touch_node(node)
        self._resume(now)

    def _resume(self, now: float) -> None:
        """Hand over nodes that are to come up, as many as ResumeRate allows."""
        waiting = [
            node
            for node in self.cluster.nodes.values()
            if node.record.state & st.NODE_POWERING_UP and not node.record.power_since
        ]
        chosen = waiting[: _room(self._resumed, self.settings.resume_rate, now)]
        for node in chosen:
            node.record.power_since = now
            self.cluster.touch_node(node)
        self._resumed.extend([now] * len(chosen))
        self._run("ResumeProgram", [node.name for node in chosen])

    def _down(self, nodes: Sequence[Node], now: float) -> None:
        for node in nodes:
            record = node.record
            record.state = (record.state & ~(POWER | st.NODE_POWER_DRAIN)) | st.NODE_POWERING_DOWN
            record.power_since = now
            self.cluster.touch_node(node)
        self._suspended.extend([now] * len(nodes))
        self._run("SuspendProgram", [node.name for node in nodes])

    def _run(self, key: str, names: list[str]) -> None:
        if names:
            self.cluster.effects.append(RunProgram(key, (hostlist.compress(names),)))

    # ------------------------------------------------------------ what comes about

    def registered(self, node: Node, now: float) -> None:
        """A node has reached us; where it has come up, whoever waited for it goes on."""
        record = node.record
        if not record.state & (POWER | st.NODE_REBOOT_ISSUED):
            return
        if record.state & st.NODE_REBOOT_ISSUED:
            if record.boot_time < record.power_since:
                return  # it has not gone down yet
            self._rebooted(node)
        elif record.state & st.NODE_POWERING_DOWN:
            return  # its last words
        record.state &= ~POWER
        if record.state & st.NODE_BASE_MASK == st.NODE_DOWN and record.state & st.NODE_CLOUD:
            record.state = (record.state & ~st.NODE_BASE_MASK) | st.NODE_IDLE
        record.last_busy = now
        self.cluster.touch_node(node)
        for job_id in sorted(node.jobs):
            preparing.proceed(self.cluster, self.cluster.jobs[job_id], now)

    def tick(self, now: float) -> None:
        """Whatever is due."""
        idle = []
        self._resume(now)
        for node in self.cluster.nodes.values():
            state = node.record.state
            if state & st.NODE_POWERING_UP:
                since = node.record.power_since
                if since and now - since >= self._timeout(node, "resume_timeout"):
                    self._failed(node, now)
            elif state & st.NODE_POWERING_DOWN:
                if now - node.record.power_since >= self._timeout(node, "suspend_timeout"):
                    self._off(node, now)
            elif state & st.NODE_POWER_DOWN and not node.jobs:
                self._down([node], now)
            elif state & st.NODE_REBOOT_REQUESTED:
                self._reboot_if_free(node, now)
            elif state & st.NODE_REBOOT_ISSUED:
                if now - node.record.power_since >= self.settings.resume_timeout:
                    self._failed(node, now, "reboot timed out")
            elif self.settings.saves and self._unused(node, now):
                idle.append(node)
        room = _room(self._suspended, self.settings.suspend_rate, now)
        if idle[:room]:
            self._down(idle[:room], now)

    def _timeout(self, node: Node, key: str) -> float:
        """A time of the node's partitions, the longest, or else the cluster's."""
        texts = [getattr(self.cluster.partitions[name], key) for name in node.record.partitions]
        times = [float(text) for text in texts if text.isdigit()]
        return max(times) if times else float(getattr(self.settings, key))

    def _unused(self, node: Node, now: float) -> bool:
        """Has nobody needed a node for so long that it may be switched off?"""
        record, settings = node.record, self.settings
        if record.state & (POWER | _REBOOT | st.NODE_DRAIN | st.NODE_NO_RESPOND) or node.jobs or not node.connected:
            return False
        if record.state & st.NODE_BASE_MASK != st.NODE_IDLE or node.name in settings.excluded_nodes:
            return False
        if not settings.excluded_parts.isdisjoint(record.partitions):
            return False
        times = [
            suspend_seconds(text) for name in record.partitions if (text := self.cluster.partitions[name].suspend_time)
        ]
        return now - record.last_busy >= (max(times) if times else settings.idle_time)

    def _off(self, node: Node, now: float) -> None:
        record = node.record
        wanted = record.state & st.NODE_POWER_UP
        record.state = (record.state & ~(POWER | st.NODE_NO_RESPOND)) | st.NODE_POWERED_DOWN
        self.cluster.touch_node(node)
        self.cluster.wants_scheduling = True
        if wanted:
            self.up([node.name], now)

    def _failed(self, node: Node, now: float, reason: str = "ResumeTimeout reached") -> None:
        """A node has not come up in time."""
        record = node.record
        record.state &= ~(POWER | _REBOOT)
        record.state |= st.NODE_NO_RESPOND
        record.reason, record.reason_time = reason, now
        record.reason_uid, record.reason_user = self.cluster.slurm_uid, self.cluster.parameters.slurm_user
        node_failure.set_down(self.cluster, node, now)
        self.cluster.touch_node(node)
        self.cluster.tell_accounting("node_state", now, node=node, text=reason)
        self._run("ResumeFailProgram", [node.name])

    # ------------------------------------------------------------ reboots

    def reboot_for(self, names: Iterable[str], now: float) -> None:
        """Reboot the nodes that a job has got (--reboot)."""
        for name in names:
            self._reboot(self.cluster.nodes[name], now)

    def _reboot_if_free(self, node: Node, now: float) -> None:
        if not node.jobs and node.connected:
            self._reboot(node, now)

    def _reboot(self, node: Node, now: float) -> None:
        record = node.record
        record.state = (record.state & ~st.NODE_REBOOT_REQUESTED) | st.NODE_REBOOT_ISSUED
        record.power_since = now
        self.cluster.effects.append(SendNode(node.name, pb.NodeDown(reboot=pb.Reboot())))
        self.cluster.touch_node(node)

    def _rebooted(self, node: Node) -> None:
        record = node.record
        record.state &= ~_REBOOT
        if record.next_state == "down":
            record.state = (record.state & ~st.NODE_BASE_MASK) | st.NODE_DOWN
        else:
            record.state &= ~st.NODE_DRAIN
            record.reason, record.reason_time = "", 0.0
        record.next_state = ""


def _room(times: deque[float], rate: int, now: float) -> int:
    """How many more nodes may be handed over within this minute."""
    while times and now - times[0] >= 60.0:
        times.popleft()
    return max(0, rate - len(times)) if rate else 1 << 30
