"""strigger's triggers: programs to be run when a node, a job or a daemon of the cluster changes.

Source: strigger(1).  Nodes are compared with how they were at the last look, so that every way of changing them counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from crane_compat.core import states as st
from crane_compat.core.admission import Identity
from crane_compat.core.effects import RunTrigger
from crane_compat.core.errors import Errno, RequestError
from crane_compat.parsers import hostlist
from crane_compat.wire import pb

if TYPE_CHECKING:
    from crane_compat.core.cluster import Cluster
    from crane_compat.core.node import Node

#: What can happen to each kind of thing.
JOB = frozenset({"time", "fini", "down", "up"})
NODE = frozenset({"down", "up", "drained", "draining", "fail", "idle", "resume"})
DAEMON = frozenset({
    "reconfig", "primary_slurmctld_resumed_operation", "primary_slurmctld_failure", "primary_slurmctld_resumed_control",
    "backup_slurmctld_failure", "backup_slurmctld_resumed_operation", "backup_slurmctld_assumed_control",
    "primary_slurmctld_acct_buffer_full", "primary_slurmdbd_failure", "primary_slurmdbd_resumed_operation",
    "primary_database_failure", "primary_database_resumed_operation", "burst_buffer",
})  # fmt: skip

#: Seconds between two looks, as in Slurm (strigger(1)).
PERIOD = 15.0


class Triggers:
    """All triggers of a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.by_id: dict[int, pb.TriggerRecord] = {}
        self.last_id = 0
        self._looked = 0.0
        self._events: set[str] = set()  # of daemons, since the last look
        self._nodes: dict[str, frozenset[str]] = {}  # what each node was at the last look
        self._since: dict[tuple[int, str], float] = {}  # when what a trigger with an offset waits for came about

    def restore(self, records: Iterable[pb.TriggerRecord]) -> None:
        self.by_id = {record.id: record for record in records}
        self.last_id = max(self.by_id, default=0)

    def add(self, record: pb.TriggerRecord, who: Identity) -> int:
        """Add one; its number.  Only root and SlurmUser may.  Raises RequestError."""
        if who.uid not in (0, self.cluster.slurm_uid):
            raise RequestError(Errno.ACCESS_DENIED)
        if record.res_type == "job":
            job = self.cluster.jobs.get(int(record.res_id)) if record.res_id.isdigit() else None
            if job is None:
                raise RequestError(Errno.INVALID_JOB_ID)
            if job.finished:
                raise RequestError(Errno.ALREADY_DONE)
        elif record.res_type == "node" and record.res_id != "*":
            try:
                names = hostlist.expand(record.res_id)
            except hostlist.HostlistError:
                raise RequestError(Errno.INVALID_NODE_NAME) from None
            if any(name not in self.cluster.nodes for name in names):
                raise RequestError(Errno.INVALID_NODE_NAME)
        known = {"job": JOB, "node": NODE}.get(record.res_type, DAEMON)
        if record.type not in known or not record.program.startswith("/"):
            raise RequestError(Errno.INTERNAL)
        for other in self.by_id.values():
            if _same(other, record, who):
                raise RequestError(Errno.TRIGGER_DUP)
        self.last_id += 1
        kept = pb.TriggerRecord()
        kept.CopyFrom(record)
        kept.id, kept.uid, kept.gid, kept.user = self.last_id, who.uid, who.gid, who.user
        self.by_id[kept.id] = kept
        self.cluster.changes.triggers.add(kept.id)
        self._nodes = self._nodes or {name: _kinds(node) for name, node in self.cluster.nodes.items()}
        return kept.id

    def clear(self, request: pb.ClearTrigger, who: Identity) -> None:
        """Remove those of a number, a job or a user; INVALID_JOB_ID's like where there is none."""
        found = [
            record
            for record in self.by_id.values()
            if (not request.id or record.id == request.id)
            and (not request.job_id or (record.res_type == "job" and record.res_id == str(request.job_id)))
            and (not request.HasField("uid") or record.uid == request.uid)
            and (who.uid in (0, self.cluster.slurm_uid) or who.uid == record.uid)
        ]
        if not found:
            raise RequestError(Errno.ERROR, "No such process")
        for record in found:
            self._remove(record)

    def happened(self, event: str) -> None:
        """Something about a daemon."""
        if self.by_id:
            self._events.add(event)

    def due(self) -> float:
        """When to look next (seconds since the epoch)."""
        return self._looked + PERIOD if self.by_id else float("inf")

    def look(self, now: float) -> list[RunTrigger]:
        """What has been pulled since the last look, at most every PERIOD."""
        if not self.by_id or now - self._looked < PERIOD:
            return []
        self._looked = now
        events, self._events = self._events, set()
        changed = dict(self._changes())
        fired = []
        for record in list(self.by_id.values()):
            argument = self._argument(record, changed, events, now)
            if argument is None:
                continue
            fired.append(RunTrigger(record, argument))
            if not record.permanent or record.res_type == "job":
                self._remove(record)
        return fired

    def _remove(self, record: pb.TriggerRecord) -> None:
        del self.by_id[record.id]
        self.cluster.changes.triggers.add(record.id)

    def _changes(self) -> Iterator[tuple[str, frozenset[str]]]:
        """What nodes have become since the last look."""
        for name, node in self.cluster.nodes.items():
            before, kinds = self._nodes.get(name), _kinds(node)
            self._nodes[name] = kinds
            if before is None:
                continue
            new = kinds - before
            if "down" in before and "down" not in kinds:
                new |= {"up"}
            if before & {"down", "drained", "draining", "fail"} and not kinds & {"down", "drained", "draining", "fail"}:
                new |= {"resume"}
            if new:
                yield name, new

    def _argument(
        self, record: pb.TriggerRecord, changed: dict[str, frozenset[str]], events: set[str], now: float
    ) -> str | None:
        """What the program is told; None where the trigger has not been pulled."""
        if record.res_type == "node":
            wanted = set(self.cluster.nodes) if record.res_id == "*" else set(hostlist.expand(record.res_id))
            names = [name for name in self._reached(record, changed, now) if name in wanted]
            return hostlist.compress(names) if names else None
        if record.res_type == "job":
            return self._of_job(record, changed, now)
        return record.type if record.type in events else None

    def _reached(self, record: pb.TriggerRecord, changed: dict[str, frozenset[str]], now: float) -> list[str]:
        """Nodes of which it is so since the trigger's offset."""
        found = [name for name, kinds in changed.items() if record.type in kinds]
        if record.offset <= 0 and record.type != "idle":
            return found
        for name in found:
            self._since.setdefault((record.id, name), now)
        if record.type == "idle":  # nodes that were so already count from the first look
            for name, kinds in self._nodes.items():
                if "idle" in kinds:
                    self._since.setdefault((record.id, name), now)
        ripe = []
        for key, since in list(self._since.items()):
            number, name = key
            if number != record.id:
                continue
            if record.type != "up" and record.type != "resume" and record.type not in self._nodes.get(name, ()):
                del self._since[key]
            elif now - since >= record.offset:
                ripe.append(name)
                del self._since[key]
        return ripe

    def _of_job(self, record: pb.TriggerRecord, changed: dict[str, frozenset[str]], now: float) -> str | None:
        job = self.cluster.jobs.get(int(record.res_id))
        match record.type:
            case "fini":
                if job is not None and not job.finished:
                    return None
                over = job.record.end_time if job is not None else now
                return record.res_id if now >= over + max(0, record.offset) else None
            case "time":
                if job is None or job.finished:
                    self._remove(record)
                    return None
                end = job.record.end_time
                return record.res_id if job.running and end and now >= end + record.offset else None
            case _:
                names = {alloc.node for alloc in job.record.nodes} if job is not None else set()
                pulled = any(record.type in kinds for name, kinds in changed.items() if name in names)
                return record.res_id if pulled else None


def _same(one: pb.TriggerRecord, other: pb.TriggerRecord, who: Identity) -> bool:
    mine = (one.res_type, one.res_id, one.type, one.offset, one.program, one.uid)
    return mine == (other.res_type, other.res_id, other.type, other.offset, other.program, who.uid)


def _kinds(node: Node) -> frozenset[str]:
    """What a node is, in strigger's words."""
    state = node.record.state
    base = state & st.NODE_BASE_MASK
    busy = bool(node.jobs)
    found = set()
    if base == st.NODE_DOWN:
        found.add("down")
    if state & st.NODE_DRAIN:
        found.add("draining" if busy else "drained")
    if state & st.NODE_FAILING:
        found.add("fail")
    if base == st.NODE_IDLE and not busy and not state & st.NODE_DRAIN:
        found.add("idle")
    return frozenset(found)
