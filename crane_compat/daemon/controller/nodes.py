"""The controller's end of the node daemons' links.

A link is whatever a node registered on: a unix socket connection on this host, a
gRPC stream from another.  Messages for a node without a link are not queued:
when it registers, it is told everything it must do from the cluster's state.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from crane_compat import SLURM_VERSION
from crane_compat.core import node_failure, preparing
from crane_compat.core import states as st
from crane_compat.core.job import Job, Step
from crane_compat.core.power import POWER
from crane_compat.wire import PROTOCOL, pb

if TYPE_CHECKING:
    from crane_compat.core.node import Node
    from crane_compat.daemon.controller.controller import Controller
    from crane_compat.daemon.rpc.keys import Keys

log = logging.getLogger("nodes")

#: Error number of a step whose supervisor vanished or never started (shown as exit status 0:53).
LOST = 53

#: Seconds that a node has to say what a step uses.
MEASURE_SECS = 5.0


class Link(Protocol):
    """What a node can be reached over."""

    @property
    def on_close(self) -> list[Callable[[], None]]: ...

    def send(self, response: pb.Response) -> None: ...

    def close(self) -> None: ...


class NodeManager:
    """Links by node name, and what node messages do to the cluster."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self.links: dict[str, Link] = {}
        self._keys: Keys | None = None
        self._remote: object | None = None
        #: who waits for a step's usage on a node
        self._measured: dict[tuple[int, int, str], list[asyncio.Future[pb.StepUsage]]] = {}

    # ------------------------------------------------------------ life

    def start(self) -> None:
        """Expect every node within SlurmdTimeout; open the port for nodes on other hosts."""
        now = time.time()
        for node in self.controller.cluster.nodes.values():
            node.last_seen = now
        from crane_compat.daemon.rpc import remote

        self._remote = remote.serve_if_needed(self.controller)

    def keys(self) -> Keys:
        from crane_compat.daemon.rpc import keys

        if self._keys is None:
            self._keys = keys.find(self.controller.conf)
        return self._keys

    def close(self) -> None:
        for link in list(self.links.values()):
            link.close()
        stop = getattr(self._remote, "stop", None)
        if stop is not None:
            stop()

    def reconfigured(self) -> None:
        for name in list(self.links):
            if name not in self.controller.cluster.nodes:
                self.links.pop(name).close()
            else:
                self.send(name, pb.NodeDown(reconfigure=pb.Reconfigure()))

    def shutdown_nodes(self) -> None:
        for name in list(self.links):
            self.send(name, pb.NodeDown(shutdown=pb.Shutdown()))

    def send(self, name: str, message: pb.NodeDown) -> None:
        """Send to a node; without a link nothing is lost: registration brings it up to date."""
        link = self.links.get(name)
        if link is not None:
            link.send(pb.Response(node_down=message, more=True))

    async def measure(self, step: Step) -> list[pb.StepUsage]:
        """What a running step uses on each of its nodes; those that do not answer in time are left out."""
        record = step.record
        waiting = []
        for name in sorted(step.waiting):
            if name not in self.links:
                continue
            future: asyncio.Future[pb.StepUsage] = asyncio.get_running_loop().create_future()
            self._measured.setdefault((record.job_id, record.step_id, name), []).append(future)
            self.send(name, pb.NodeDown(measure=pb.StepRef(job_id=record.job_id, step_id=record.step_id)))
            waiting.append(future)
        if not waiting:
            return []
        done, late = await asyncio.wait(waiting, timeout=MEASURE_SECS)
        for future in late:
            future.cancel()
        return sorted((future.result() for future in done), key=lambda usage: usage.node)

    def _usage(self, told: pb.StepUsage) -> None:
        for future in self._measured.pop((told.job_id, told.step_id, told.node), ()):
            if not future.done():
                future.set_result(told)

    def tick(self, now: float) -> None:
        """Nodes that have not been heard of go down; their jobs end or are requeued."""
        cluster = self.controller.cluster
        timeout = cluster.parameters.slurmd_timeout
        for node in cluster.nodes.values():
            base = node.record.state & st.NODE_BASE_MASK
            if base == st.NODE_DOWN and node_failure.returns(cluster, node, now):
                self._back(node, now)
            known = not timeout or node.connected or base in (st.NODE_FUTURE, st.NODE_DOWN)
            known |= bool(node.record.state & (POWER | st.NODE_REBOOT_ISSUED))
            if known or now - node.last_seen < timeout:
                continue
            log.error("node %s not responding, setting DOWN", node.name)
            self.set_down(node, "Not responding", now)

    def set_down(self, node: Node, reason: str, now: float) -> None:
        """A node is lost: it is DOWN*, and so are the jobs on it."""
        cluster = self.controller.cluster
        record = node.record
        record.state |= st.NODE_NO_RESPOND
        if not record.reason:
            record.reason, record.reason_time = reason, now
            record.reason_uid, record.reason_user = cluster.slurm_uid, cluster.parameters.slurm_user
        node_failure.set_down(cluster, node, now)
        cluster.touch_node(node)
        cluster.tell_accounting("node_state", now, node=node, text=reason)
        self.controller.kick()

    # ------------------------------------------------------------ messages

    def receive(self, link: Link, message: pb.NodeUp) -> None:
        """One message of a node daemon."""
        kind = message.WhichOneof("msg")
        now = time.time()
        if kind == "register":
            self._register(link, message.register, now)
        elif kind == "started":
            self._started(message.started)
        elif kind == "exits":
            self._exits(message.exits)
        elif kind == "done":
            self._done(link, message.done, now)
        elif kind == "terminated":
            self._terminated(message.terminated, now)
        elif kind == "prepared":
            self._prepared(message.prepared, now)
        elif kind == "usage":
            self._usage(message.usage)
        elif kind == "file_reply":
            self.controller.transfers.answered(message.file_reply)
            return
        elif kind == "load":
            node = self.controller.cluster.nodes.get(message.load.node)
            if node is not None:
                node.record.cpu_load, node.record.free_memory = message.load.cpu_load, message.load.free_memory
                node.last_seen = now
        self.controller.kick()

    def _register(self, link: Link, told: pb.NodeRegister, now: float) -> None:
        cluster = self.controller.cluster
        node = cluster.nodes.get(told.node)
        if told.protocol != PROTOCOL:
            error = (
                f"the node daemon speaks protocol {told.protocol}, this controller {PROTOCOL}: "
                "install the same release on both"
            )
        elif node is None:
            error = f"node {told.node} is not in this cluster's configuration"
        else:
            error = ""
        if error or node is None:
            log.error("registration of %s refused: %s", told.node, error)
            link.send(pb.Response(node_down=pb.NodeDown(registered=pb.Registered(error=error)), more=True))
            return
        old = self.links.get(told.node)
        if old is not None and old is not link:
            old.close()
        self.links[told.node] = link
        name = told.node
        link.on_close.append(lambda: self._closed(name, link))
        record = node.record
        node.connected, node.last_seen = True, now
        record.boot_time, record.slurmd_start_time = told.boot_time, told.start_time
        record.cpu_load, record.free_memory = told.cpu_load, told.free_memory
        record.os, record.arch, record.version = told.os, told.arch, told.version
        record.cpus_seen, record.real_memory_seen = told.cpus, told.memory
        self._state_on_register(node, told, now)
        cluster.touch_node(node)
        cluster.power.registered(node, now)
        self.controller.health.registered(node, now)
        link.send(
            pb.Response(node_down=pb.NodeDown(registered=pb.Registered(ok=True, version=SLURM_VERSION)), more=True)
        )
        self._reconcile(node, told, now)
        cluster.wants_scheduling = True
        log.debug("node %s registered", name)

    def _state_on_register(self, node: Node, told: pb.NodeRegister, now: float) -> None:
        cluster = self.controller.cluster
        record = node.record
        was_down = record.state & st.NODE_BASE_MASK == st.NODE_DOWN
        not_responding = bool(record.state & st.NODE_NO_RESPOND) or record.reason == "Not responding"
        record.state &= ~st.NODE_NO_RESPOND
        override = "config_overrides" in self.controller.conf.params("SlurmdParameters")
        if not override and (told.memory < record.memory or told.cpus < record.cpus):
            what = "RealMemory" if told.memory < record.memory else "socket*core*thread count"
            reason = f"Low {what} (reported:{told.memory} < 100.00% of configured:{record.memory})"
            if told.memory >= record.memory:
                reason = f"Low {what}, Low CPUs"
            record.state |= st.NODE_INVALID_REG | st.NODE_DRAIN
            record.reason, record.reason_time, record.reason_user = reason, now, cluster.parameters.slurm_user
            log.error("node %s: %s", node.name, reason)
        else:
            record.state &= ~st.NODE_INVALID_REG
        if was_down:
            back = cluster.parameters.return_to_service
            if back == 2 or (back == 1 and not_responding):
                self._back(node, now)
        elif record.state & st.NODE_BASE_MASK == st.NODE_UNKNOWN:
            record.state = (record.state & ~st.NODE_BASE_MASK) | st.NODE_IDLE
            record.last_busy = record.last_busy or now
            cluster.tell_accounting("node_state", now, node=node, text="")

    def _back(self, node: Node, now: float) -> None:
        """A node that was DOWN is in service again."""
        cluster, record = self.controller.cluster, node.record
        record.state = (record.state & ~st.NODE_BASE_MASK) | st.NODE_IDLE
        if not record.state & st.NODE_DRAIN:
            record.reason, record.reason_time, record.reason_user = "", 0.0, ""
        cluster.touch_node(node)
        cluster.tell_accounting("node_state", now, node=node, text="")
        cluster.wants_scheduling = True

    def _closed(self, name: str, link: Link) -> None:
        if self.links.get(name) is link:
            del self.links[name]
            self.controller.transfers.lost(name)
            node = self.controller.cluster.nodes.get(name)
            if node is not None:
                node.connected, node.last_seen = False, time.time()

    def _reconcile(self, node: Node, told: pb.NodeRegister, now: float) -> None:
        """Make node and controller agree: launch what never arrived, end what should not run."""
        controller, cluster = self.controller, self.controller.cluster
        running = {(ref.job_id, ref.step_id, ref.epoch) for ref in told.steps}
        for job_id in list(node.jobs):
            job = cluster.jobs[job_id]
            epoch = job.record.restarts
            if job.record.state & st.COMPLETING:
                self.send(node.name, cluster.termination(job, "", now))
                continue
            if node.name in job.record.prolog_nodes:
                self.send(node.name, preparing.order(job))
            for step in list(job.steps.values()):
                if node.name not in step.waiting or (job_id, step.record.step_id, epoch) in running:
                    continue
                if step.record.step_id == st.BATCH_STEP:
                    # the node decides: it knows of a step that ended while we were away, and reports that instead
                    self.send(node.name, pb.NodeDown(launch=controller.launch_message(job, step, node.name)))
                else:
                    self._lost(job, step, node.name, now)
        for ref in told.steps:
            owner = cluster.jobs.get(ref.job_id)
            nodes = {a.node for a in owner.record.nodes} if owner is not None else set()
            if owner is None or node.name not in nodes or ref.epoch != owner.record.restarts:
                log.error("node %s runs job %d, which is not its: ending it", node.name, ref.job_id)
                self.send(
                    node.name,
                    pb.NodeDown(terminate=pb.TerminateJob(job_id=ref.job_id, epoch=ref.epoch, now=True, time=now)),
                )

    def _lost(self, job: Job, step: Step, name: str, now: float) -> None:
        log.error("step %d.%s is lost on node %s", job.id, st.step_name(step.record.step_id), name)
        self.controller.cluster.step_done(
            job, step, name, [], None, now, error="step lost: its node daemon does not know it", oom=False,
            error_code=LOST,
        )  # fmt: skip

    def _step(self, job_id: int, step_id: int) -> tuple[Job, Step] | None:
        job = self.controller.cluster.jobs.get(job_id)
        step = job.steps.get(step_id) if job is not None else None
        return (job, step) if job is not None and step is not None else None

    def _started(self, told: pb.StepStarted) -> None:
        found = self._step(told.job_id, told.step_id)
        if found is None or found[0].record.restarts != told.epoch:
            return
        step = found[1]
        step.started.add(told.node)
        owner = self.controller.step_owners.get((told.job_id, told.step_id))
        if owner is not None:
            owner.send(pb.Response(step_event=pb.StepEvent(node=told.node, started=True), more=True))

    def _exits(self, told: pb.TaskExits) -> None:
        found = self._step(told.job_id, told.step_id)
        if found is None:
            return
        for item in told.exits:
            found[1].exits[item.task] = item.status
        owner = self.controller.step_owners.get((told.job_id, told.step_id))
        if owner is not None:
            owner.send(pb.Response(step_event=pb.StepEvent(node=told.node, exits=told.exits), more=True))

    def _done(self, link: Link, told: pb.StepDone, now: float) -> None:
        found = self._step(told.job_id, told.step_id)
        acknowledge = pb.NodeDown(ack=pb.AckDone(job_id=told.job_id, step_id=told.step_id, epoch=told.epoch))
        if found is not None and found[0].record.restarts == told.epoch:
            job, step = found
            if told.error:
                log.error("step %d.%s on %s: %s", told.job_id, st.step_name(told.step_id), told.node, told.error)
            self.controller.cluster.step_done(
                job, step, told.node, told.exits, told.usage, now, error=told.error, oom=told.oom,
                over_memory=told.over_memory, error_code=told.error_code, last_of_job=told.last_of_job,
            )  # fmt: skip
        # only when the end is in the store may the node forget it
        self.controller.after_commit(lambda: self.send(told.node, acknowledge))

    def _terminated(self, told: pb.JobTerminated, now: float) -> None:
        cluster = self.controller.cluster
        job = cluster.jobs.get(told.job_id)
        if job is None or job.record.restarts != told.epoch:
            return
        if told.error:
            log.error("node %s: %s", told.node, told.error)
            cluster.drain(cluster.nodes[told.node], told.error, now)
        cluster.node_clean(job, told.node, now)

    def _prepared(self, told: pb.JobPrepared, now: float) -> None:
        """The prolog of a job has ended on a node."""
        cluster = self.controller.cluster
        job = cluster.jobs.get(told.job_id)
        if job is not None and job.record.restarts != told.epoch:
            job = None
        if told.error:
            log.error("node %s: prolog of job %d: %s", told.node, told.job_id, told.error)
            preparing.prolog_failed(cluster, job, cluster.nodes[told.node], now)
        elif job is not None:
            preparing.prepared(cluster, job, told.node, now)
