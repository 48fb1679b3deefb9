"""The controller's skin: requests become core operations, core effects become messages.

One asyncio loop owns the cluster.  A request that changes something is answered
only when the change is in the store: handlers change the core and leave their
answer with `after_commit`; the flush loop takes all that has gathered, commits
it in the store's thread (so that many requests share one fsync), performs the
effects and sends the answers.
"""

from __future__ import annotations

import asyncio
import collections
import concurrent.futures
import functools
import json
import logging
import os
import pwd
import socket
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any

from crane_compat import SLURM_VERSION, paths
from crane_compat.config.crane_toml import crane_toml
from crane_compat.core import cancel, job_env, steps, updates
from crane_compat.core import states as st
from crane_compat.core.admission import Identity
from crane_compat.core.cluster import Cluster, merge_usage
from crane_compat.core.effects import (
    Effect,
    JobChanged,
    LaunchStep,
    RunProgram,
    RunTrigger,
    SendNode,
    StepChanged,
    StepReady,
    StepRefused,
)
from crane_compat.core.errors import TEXT, Errno, RequestError
from crane_compat.core.job import Job, Step, WaitingStep
from crane_compat.core.parameters import Parameters
from crane_compat.daemon.controller import persistence
from crane_compat.daemon.controller.accounting_link import AccountingLink
from crane_compat.daemon.controller.associations import Associations
from crane_compat.daemon.controller.crontabs import CrontabRequests
from crane_compat.daemon.controller.filter_link import FilterLink
from crane_compat.daemon.controller.health import HealthChecks
from crane_compat.daemon.controller.identity import Identities
from crane_compat.daemon.controller.nodes import NodeManager
from crane_compat.daemon.controller.programs import Programs
from crane_compat.daemon.controller.shares import Shares
from crane_compat.daemon.controller.statistics import Statistics
from crane_compat.daemon.controller.store import Batch, Store, StoreError
from crane_compat.daemon.controller.transfers import Transfers
from crane_compat.daemon.log import level_of
from crane_compat.daemon.rpc.server import Connection, FrameServer
from crane_compat.parsers import hostlist, topology_conf
from crane_compat.parsers.slurm_conf import SlurmConf
from crane_compat.parsers.topology_conf import Topology
from crane_compat.scheduling.main_loop import schedule
from crane_compat.wire import pb

log = logging.getLogger("controller")

#: Why jobs wait that could not start now whatever is free: nobody waits behind them.
_NOT_YET = frozenset({"Dependency", "DependencyNeverSatisfied", "BeginTime"})

#: Seconds between attempts to write while the store refuses.
STORE_RETRY = 0.5

#: Of an array no more tasks than these are explained: each takes about a pass.
MAX_EXPLAINED = 20

#: A pass may take at most this share of the time: after one of d seconds the next waits 3 d.
PASS_SHARE = 3.0


@dataclass(slots=True)
class Answer:
    """What is told once the changes before it are durable."""

    tell: Callable[[], None]
    fail: Callable[[RequestError], None] | None = None
    withdraw: list[int] = field(default_factory=list)  # jobs that do not exist if it cannot be written


#: The keys of Response.jobs and Jobs.jobs on the wire.
_RESPONSE_JOBS = pb.Response.DESCRIPTOR.fields_by_name["jobs"].number << 3 | 2
_JOBS_JOBS = bytes([pb.Jobs.DESCRIPTOR.fields_by_name["jobs"].number << 3 | 2])


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def _jobs_response(reply: pb.Jobs, jobs: Iterable[Job]) -> bytes:
    """A response with `jobs` in `reply`, put together from the records as they were last written.

    A list of many jobs costs little then: nothing is copied, and what has not changed is not serialised.
    """
    lengths: dict[int, bytes] = {}
    evaluated: dict[float, bytes] = {}  # a field behind the record, where it goes before that in the record
    parts = [reply.SerializeToString()]
    for job in jobs:
        wire = job.wire
        if not wire:
            wire = job.wire = job.record.SerializeToString()
        when = job.evaluated
        tail = evaluated.get(when)
        if tail is None:
            tail = evaluated[when] = pb.JobRecord(last_sched_eval=when).SerializeToString()
        size = len(wire) + len(tail)
        head = lengths.get(size)
        if head is None:
            head = lengths[size] = _JOBS_JOBS + _varint(size)
        parts += (head, wire, tail)
    body = b"".join(parts)
    return b"".join((_varint(_RESPONSE_JOBS), _varint(len(body)), body))


def _topology(conf: SlurmConf) -> Topology:
    """The switches that topology.conf tells of, where topology/tree is configured."""
    if str(conf.get("TopologyPlugin") or "").rpartition("/")[2] != "tree":
        return Topology()
    found = topology_conf.load(os.path.join(conf.directory, "topology.conf"))
    for item in found.diagnostics:
        log.warning("%s", item)
    return found


class Controller:
    """One cluster's controller."""

    def __init__(self, conf: SlurmConf, store: Store, slurm_uid: int) -> None:
        self.conf = conf
        self.store = store
        self.cluster = Cluster(Parameters.of(conf), conf.nodes, conf.partitions)
        self.cluster.topology = _topology(conf)
        self.cluster.slurm_uid = slurm_uid
        self.identities = Identities()
        self.start_time = time.time()
        self.nodes = NodeManager(self)
        self.accounting = AccountingLink(self)
        self.shares = Shares(self)
        self.associations = Associations(self)
        self.filters = FilterLink(conf, self.cluster)
        self.transfers = Transfers(self)
        self.crontabs = CrontabRequests(self)
        self.thread = concurrent.futures.ThreadPoolExecutor(1, "store")
        self.answers: list[Answer] = []
        self.wake = asyncio.Event()
        self.stopping = asyncio.Event()
        self.watchers: dict[int, list[Connection]] = collections.defaultdict(list)
        self.step_owners: dict[tuple[int, int], Connection] = {}
        self.tickets: dict[int, Connection] = {}
        self.orphans: set[int] = set()  # waiting jobs of an srun or salloc that is no more
        self.blobs: dict[int, pb.JobBlob] = {}  # of jobs not yet launched; the store has them all
        self.outbox_done = 0
        self.store_error = ""
        self.next_pass = 0.0
        self.programs = Programs(self)
        self.health = HealthChecks(self)
        self.levels: dict[str, str] = {}  # settings that scontrol has changed, as they are shown
        self.batch_delay = float(crane_toml(conf.directory).get("scheduling", {}).get("batch_sched_delay", 0))
        self.passes = 0
        self.started_jobs = 0
        self.statistics = Statistics(self.start_time)
        self.server = FrameServer(
            {
                "ping": self.ping,
                "submit": self.submit,
                "watch": self.watch,
                "list_jobs": self.list_jobs,
                "list_nodes": self.list_nodes,
                "list_partitions": self.list_partitions,
                "list_reservations": self.list_reservations,
                "list_steps": self.list_steps,
                "list_licenses": self.list_licenses,
                "get_config": self.get_config,
                "get_blob": self.get_blob,
                "statistics": self.tell_statistics,
                "priority_factors": self.priority_factors,
                "cancel": self.cancel,
                "job_op": self.job_op,
                "update_job": self.update_job,
                "update_node": self.update_node,
                "update_partition": self.update_partition,
                "update_reservation": self.update_reservation,
                "explain": self.explain,
                "list_topology": self.list_topology,
                "set_level": self.set_level,
                "set_trigger": self.set_trigger,
                "list_triggers": self.list_triggers,
                "clear_trigger": self.clear_trigger,
                "create_step": self.create_step,
                "start_step": self.start_step,
                "end_step": self.end_step,
                "attach_step": self.attach_step,
                "complete_job": self.complete_job,
                "reconfigure": self.reconfigure,
                "shutdown": self.shutdown,
                "token": self.token,
                "share_info": self.shares.answer,
                "assoc_info": self.associations.answer,
                "file_open": self.transfers.open,
                "file_block": self.transfers.block,
                "file_end": self.transfers.end,
                "update_crontab": self.crontabs.update,
                "get_crontab": self.crontabs.get,
                "node_up": self.node_up,
            },
            observe=self.statistics.called,
        )

    # ------------------------------------------------------------ life

    async def run(self, ready: Callable[[], None], listener: socket.socket) -> None:
        """Serve until told to stop."""
        self.accounting.queue.extend(persistence.restore(self.cluster, self.store))
        self.statistics.known(self.cluster.jobs.values())
        self.shares.restore(self.store)
        self.cluster.triggers.happened("primary_slurmctld_resumed_operation")
        for item in self.conf.diagnostics:
            log.log(logging.INFO if item.severity == "notice" else logging.WARNING, "%s", item)
        await self.server.listen(paths.controller_socket(self.conf.path), listener)
        tasks = [asyncio.create_task(work) for work in (self._flush_loop(), self._clock_loop(), self.accounting.run())]
        self.nodes.start()
        self.cluster.tell_accounting("cluster", time.time(), text=self._cluster_text())
        self.kick()
        ready()
        log.info("slurmctld version %s started on cluster %s", SLURM_VERSION, self.conf.cluster_name)
        await self.stopping.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._commit_rest()
        await self.server.close()
        self.filters.close()
        self.nodes.close()
        self.thread.shutdown()
        self.store.close()

    def _cluster_text(self) -> str:
        names = [node.name for node in self.cluster.nodes.values()]
        counts = {"cpu": 0, "mem": 0, "node": len(names)}
        for node in self.cluster.nodes.values():
            counts["cpu"] += node.record.cpus
            counts["mem"] += node.record.memory
            for pool in node.pools:
                key = f"gres/{pool.name}"
                counts[key] = counts.get(key, 0) + pool.count
                if pool.type:
                    counts[f"{key}:{pool.type}"] = counts.get(f"{key}:{pool.type}", 0) + pool.count
        counts["billing"] = counts["cpu"]
        for name, total in self.cluster.parameters.licenses.items():
            counts[f"license/{name}"] = total
        from crane_compat.parsers import hostlist

        return json.dumps(
            {
                "nodes": hostlist.compress(names),
                "tres": self.cluster.tres.id_text(counts),
                "tres_names": {name: number for name, number in self.cluster.tres.ids.items() if number > 1000},
                "host": os.uname().nodename,
                "port": int(str(self.conf.get("SlurmctldPort")).split("-")[0]),
            }
        )

    def kick(self) -> None:
        """Something changed: the flush loop has work."""
        self.wake.set()

    def after_commit(self, tell: Callable[[], None], **more: object) -> None:
        """Call `tell` once everything changed so far is durable."""
        self.answers.append(Answer(tell, **more))  # type: ignore[arg-type]
        self.kick()

    async def _flush_loop(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self.wake.wait()
            self.wake.clear()
            await self._flush()
            if self.cluster.wants_scheduling:
                now = loop.time()
                if now >= self.next_pass:
                    self._schedule()
                    self.next_pass = loop.time() + PASS_SHARE * (loop.time() - now)
                    await self._flush()
                else:
                    loop.call_at(self.next_pass, self.wake.set)

    def _schedule(self) -> None:
        try:
            now, start, queue = time.time(), time.perf_counter(), len(self.cluster.pending)
            done = schedule(self.cluster, now)
            self.started_jobs += done.started
            taken = time.perf_counter() - start
            self.statistics.scheduled(done, now, taken, queue)
            if self.levels.get("SlurmSchedLogLevel", str(self.conf.get("SlurmSchedLogLevel") or "0")) != "0":
                log.info("sched: %d of %d waiting jobs started, %d looked at, %d us", done.started, queue, done.looked,
                         int(taken * 1e6))  # fmt: skip
        except Exception:
            log.exception("the scheduling pass failed")
        self.passes += 1

    async def _flush(self) -> None:
        """Commit what has gathered, then act and answer."""
        changes, effects = self.cluster.take()
        for number in changes.jobs:
            if number in self.cluster.jobs:
                self.statistics.changed(self.cluster.jobs[number])
        answers, self.answers = self.answers, []
        done = self.outbox_done
        batch = persistence.batch_of(self.cluster, changes, done)
        self.shares.write(changes.jobs, batch)
        if batch:
            while True:
                try:
                    await asyncio.get_running_loop().run_in_executor(self.thread, self.store.commit, batch)
                    break
                except StoreError as exc:
                    answers, batch = await self._store_failed(str(exc), answers, batch)
            if self.store_error:
                log.info("the state store can be written again")
                self.store_error = ""
            if self.outbox_done == done:
                self.outbox_done = 0
            for job_id, blob in changes.blobs.items():
                if job_id in self.cluster.jobs:
                    self.blobs[job_id] = blob
            self.accounting.push(changes.outbox)
        for effect in effects:
            self.perform(effect)
        for answer in answers:
            answer.tell()

    async def _store_failed(self, text: str, answers: list[Answer], batch: Batch) -> tuple[list[Answer], Batch]:
        """Nothing can be written: new jobs are refused with a sentence, the rest is kept until it can."""
        if text != self.store_error:
            log.error("cannot write the state store: %s; submissions are refused until it can be written", text)
        self.store_error = text
        kept = []
        for answer in answers:
            if answer.fail is None:
                kept.append(answer)
                continue
            answer.fail(self._full())
            for job_id in answer.withdraw:
                self.cluster.withdraw(job_id)
                batch.jobs = [row for row in batch.jobs if row[0] != job_id]
                batch.blobs = [row for row in batch.blobs if row[0] != job_id]
                batch.outbox = [row for row in batch.outbox if pb.AcctEvent.FromString(row[1]).job.job_id != job_id]
        if self.answers:  # those that came meanwhile
            later, self.answers = self.answers, []
            for answer in later:
                if answer.fail is None:
                    self.answers.append(answer)
                    continue
                answer.fail(self._full())
                for job_id in answer.withdraw:
                    self.cluster.withdraw(job_id)
        await asyncio.sleep(STORE_RETRY)
        return kept, batch

    def check_store(self) -> None:
        """Refuse new jobs where they could not be kept.  Raises RequestError."""
        if self.store_error:
            raise self._full()

    def _full(self) -> RequestError:
        return RequestError(
            Errno.WRITING_TO_FILE,
            f"{TEXT[Errno.WRITING_TO_FILE]}: {self.store_error}; the job was not accepted, "
            "free space on the controller's state directory and submit again",
        )

    async def _commit_rest(self) -> None:
        changes, _ = self.cluster.take()
        batch = persistence.batch_of(self.cluster, changes, self.outbox_done)
        self.shares.write(changes.jobs, batch)
        if batch:
            try:
                self.store.commit(batch)
            except StoreError as exc:
                log.error("cannot write the state store: %s", exc)

    async def _clock_loop(self) -> None:
        while True:
            now = time.time()
            self.cluster.tick(now)
            self.nodes.tick(now)
            self.health.tick(now)
            self.statistics.tick(self.cluster, now)
            self.shares.tick(now)
            self.kick()
            await asyncio.sleep(min(self.cluster.next_due(time.time()), 1.0))

    # ------------------------------------------------------------ effects

    def perform(self, effect: Effect) -> None:
        """Do what the core asked for."""
        match effect:
            case LaunchStep():
                self._launch(effect)
            case SendNode():
                self.nodes.send(effect.node, effect.message)
            case RunProgram():
                self.programs.start(effect)
            case RunTrigger():
                self.programs.pull(effect)
            case JobChanged():
                self._tell_watchers(effect)
            case StepChanged():
                owner = self.step_owners.get((effect.job_id, effect.step_id))
                if owner is not None:
                    ended = bool(effect.event.step.end_time)
                    if ended:
                        del self.step_owners[(effect.job_id, effect.step_id)]
                    owner.send(pb.Response(step_event=effect.event, more=not ended or self._owns_more(owner, effect)))
            case StepReady():
                owner = self.tickets.pop(effect.ticket, None)
                job = self.cluster.jobs.get(effect.job_id)
                if job is None or effect.step_id not in job.steps:
                    return
                parts = steps.parts_of(self.cluster, job, job.steps[effect.step_id])
                if owner is None or owner.closed:
                    for part in parts:
                        self._kill_step(*part)
                else:
                    self._own(owner, parts)
                    self._answer_step(owner, parts)
            case StepRefused():
                owner = self.tickets.pop(effect.ticket, None)
                if owner is not None:
                    errno = Errno(effect.errno)
                    owner.refuse(RequestError(errno, effect.text))

    def program_ended(self, effect: RunProgram, status: int) -> None:
        """A program that was run for a job has ended."""
        self.cluster.program_ended(effect.key, effect.job_id, effect.epoch, status, time.time())
        self.kick()

    def _owns_more(self, owner: Connection, effect: StepChanged) -> bool:
        """Is a step still going on in other components of its heterogeneous job?"""
        job = self.cluster.jobs.get(effect.job_id)
        others = self.cluster.components(job) if job is not None and job.record.het_job_id else []
        return any(self.step_owners.get((other.id, effect.step_id)) is owner for other in others)

    def _launch(self, effect: LaunchStep) -> None:
        job = self.cluster.jobs.get(effect.job_id)
        step = job.steps.get(effect.step_id) if job is not None else None
        if job is None or step is None or job.finished or step.request.hold_launch:
            return
        self.nodes.send(effect.node, pb.NodeDown(launch=self.launch_message(job, step, effect.node)))

    def launch_message(self, job: Job, step: Step, node: str) -> pb.StepLaunch:
        """The complete launch order for one node."""
        launch = steps.launch_of(self.cluster, job, step, node)
        conf = self.conf
        if step.record.step_id == st.BATCH_STEP:
            blob_id = job.record.array_job_id or job.record.het_job_id or job.id
            blob = self.blobs.get(blob_id) or self.store.blob(blob_id) or pb.JobBlob()
            if not job.record.array_job_id or not self._array_waits(job.record.array_job_id):
                self.blobs.pop(blob_id, None)
            launch.script = blob.script
            components = [each.record for each in self.cluster.components(job)] if job.record.het_job_id else []
            launch.env.extend(job_env.batch_env(job.record, blob.env, conf.cluster_name, conf.path, components))
        else:
            launch.env.extend(job_env.step_env(job.record, step.record, step.request, conf.cluster_name, conf.path))
        return launch

    def _array_waits(self, array_id: int) -> bool:
        first = self.cluster.jobs.get(array_id)
        return first is not None and first.is_array

    def _tell_watchers(self, effect: JobChanged) -> None:
        job = self.cluster.jobs.get(effect.job_id)
        if job is None:
            return
        if job.id in self.orphans and not job.pending:
            self.orphans.discard(job.id)
            if not job.finished:
                self.cluster.end_job(job, st.CANCELLED, time.time(), reason="CANCELLED", killed_by=job.record.uid)
                self.kick()
        keys = {effect.job_id, job.record.array_job_id, job.record.het_job_id} - {0}
        for key in keys:
            connections = self.watchers.get(key)
            if not connections:
                continue
            over = job.finished and not job.state & st.COMPLETING and not job.record.requeue_pending
            if over and self._all_over(key):
                # the last change of several jobs can be in one commit: tell how each of them ended
                members = sorted(self._members(key), key=lambda member: member is job)
                for member in members:
                    self._send_event(connections, member, effect, more=member is not members[-1])
                del self.watchers[key]
            else:
                self._send_event(connections, job, effect, more=True)

    def _send_event(self, connections: list[Connection], job: Job, effect: JobChanged, *, more: bool) -> None:
        event = pb.JobEvent(job=job.record, notice=effect.notice, failed_node=effect.failed_node)
        for alloc in job.record.nodes:
            node = self.cluster.nodes.get(alloc.node)
            event.node_addrs.append(node.record.address if node is not None else alloc.node)
        response = pb.Response(job_event=event, more=more)
        for connection in list(connections):
            connection.send(response)

    def _all_over(self, key: int) -> bool:
        """Is every task of an array, every component of a job, final?"""
        jobs = self._members(key)
        return all(j.finished and not j.state & st.COMPLETING and not j.record.requeue_pending for j in jobs)

    def _members(self, key: int) -> list[Job]:
        """The jobs that go by one id: an array's tasks, a heterogeneous job's components, or the one."""
        ids = self.cluster.arrays.get(key) or self.cluster.het_jobs.get(key) or [key]
        return [self.cluster.jobs[i] for i in ids if i in self.cluster.jobs]

    # ------------------------------------------------------------ who asks

    def who(self, connection: Connection) -> Identity:
        return self.identities.of(connection.peer.uid, connection.peer.gid)

    def operator(self, connection: Connection, otherwise: Errno = Errno.USER_ID_MISSING) -> Identity:
        """The caller, who must be an operator; `otherwise`: what others are told."""
        who = self.who(connection)
        if not self.cluster.is_operator(who):
            raise RequestError(otherwise)
        return who

    def _private(self, what: str, connection: Connection) -> None:
        """ACCESS_DENIED where PrivateData names it and the caller is no operator."""
        if what in self.cluster.parameters.private and not self.cluster.is_operator(self.who(connection)):
            raise RequestError(Errno.ACCESS_DENIED)

    def _has_jobs_on(self, names: Iterable[str], connection: Connection) -> bool:
        """Does the caller have a job on each of these nodes?  Their addresses are then no secret: srun needs them."""
        uid = self.who(connection).uid
        nodes = [self.cluster.nodes[name] for name in names if name in self.cluster.nodes]
        return all(any(self.cluster.jobs[i].record.uid == uid for i in node.jobs) for node in nodes)

    # ------------------------------------------------------------ requests that only look

    def ping(self, connection: Connection, request: pb.Request) -> None:
        connection.send(
            pb.Response(
                pong=pb.Pong(
                    version=SLURM_VERSION, host=self._host(), start_time=self.start_time, primary=True, pid=os.getpid()
                )
            )
        )

    def _host(self) -> str:
        return self.conf.controllers[0][0] if self.conf.controllers else os.uname().nodename

    def list_jobs(self, connection: Connection, request: pb.Request) -> None:
        wanted = request.list_jobs
        who = self.who(connection)
        jobs = self.cluster.jobs
        private = "jobs" in self.cluster.parameters.private
        reply = pb.Jobs(now=time.time(), last_backfill=self.statistics.backfill.told.last_time)
        if wanted.job_ids:
            found: list[Job] = []
            for number in wanted.job_ids:
                ids = self.cluster.arrays.get(number) or [number]
                some = [jobs[i] for i in ids if i in jobs and (not private or self.cluster.may_see(jobs[i], who))]
                if not some:
                    reply.unknown_id = True
                if some and some[0].record.het_job_id == number:
                    some = self.cluster.components(some[0])
                found += [j for j in some if j not in found] if len(found) < 64 else some
        else:
            found = self.cluster.in_order(jobs.values())
        if private:
            found = [job for job in found if self.cluster.may_see(job, who)]
        if uids := set(wanted.uids):
            found = [job for job in found if job.record.uid in uids]
        if parts := set(wanted.partitions):
            found = [job for job in found if not parts.isdisjoint(job.record.partition.split(","))]
        if wanted.active_only:
            found = [job for job in found if not job.finished or job.record.state & st.COMPLETING]
        if wanted.with_steps:
            for job in found:
                reply.steps.extend(step.record for step in job.steps.values() if step.waiting)
        connection.send_raw(_jobs_response(reply, found))

    def list_nodes(self, connection: Connection, request: pb.Request) -> None:
        wanted = request.list_nodes
        if not wanted.names or not self._has_jobs_on(wanted.names, connection):
            self._private("nodes", connection)
        reply = pb.Nodes(now=time.time())
        names = wanted.names or self.cluster.nodes
        for name in names:
            node = self.cluster.nodes.get(name)
            if node is None:
                continue
            if node.record.state & st.NODE_BASE_MASK == st.NODE_FUTURE and not wanted.future:
                continue
            reply.nodes.append(node.record)
        connection.send(pb.Response(nodes=reply))

    def list_partitions(self, connection: Connection, request: pb.Request) -> None:
        who = self.who(connection)
        self._private("partitions", connection)
        everything = request.list_partitions.all
        reply = pb.Partitions(now=time.time())
        for partition in self.cluster.partitions.values():
            if partition.hidden and not everything and not self.cluster.is_operator(who):
                continue
            reply.partitions.append(partition)
        connection.send(pb.Response(partitions=reply))

    def list_reservations(self, connection: Connection, request: pb.Request) -> None:
        who, now = self.who(connection), time.time()
        reply = pb.Reservations()
        private = "reservations" in self.cluster.parameters.private and not self.cluster.is_operator(who)
        for one in self.cluster.reservations.by_name.values():
            record = one.record
            account = self.cluster.accounts.default_account(who.user)
            if private and not one.admits(who.user, who.groups, account, record.qos, record.allowed_partitions):
                continue
            record.state = "ACTIVE" if one.active(now) else "INACTIVE"
            reply.reservations.append(record)
        connection.send(pb.Response(reservations=reply))

    def list_licenses(self, connection: Connection, request: pb.Request) -> None:
        reply = pb.Licenses()
        used, kept = self.cluster.licenses_used, self.cluster.reservations.licenses_kept(time.time())
        for name, total in self.cluster.parameters.licenses.items():
            reply.licenses.add(name=name, total=total, used=used.get(name, 0), reserved=kept.get(name, 0))
        connection.send(pb.Response(licenses=reply))

    def list_steps(self, connection: Connection, request: pb.Request) -> Coroutine[Any, Any, None] | None:
        wanted = request.list_steps
        if wanted.job_id:
            ids = self.cluster.arrays.get(wanted.job_id) or [wanted.job_id]
            jobs = [self.cluster.jobs[i] for i in ids if i in self.cluster.jobs]
        else:
            jobs = self.cluster.in_order(self.cluster.jobs.values())
        who = self.who(connection)
        jobs = [job for job in jobs if self.cluster.may_see(job, who)]
        if wanted.job_id and not jobs:
            raise RequestError(Errno.INVALID_JOB_ID)
        reply = pb.Steps(now=time.time())
        for job in jobs:
            for step in job.steps.values():
                if step.waiting and (not wanted.HasField("step_id") or wanted.step_id == step.record.step_id):
                    reply.steps.append(step.record)
        if wanted.usage:
            return self._measured(connection, reply, who)
        connection.send(pb.Response(steps=reply))
        return None

    async def _measured(self, connection: Connection, reply: pb.Steps, who: Identity) -> None:
        """Add what the steps use now, of those that are the caller's."""
        found = []
        for record in reply.steps:
            job = self.cluster.jobs.get(record.job_id)
            if job is not None and record.step_id in job.steps and self.cluster.may_change(job, who):
                found.append(job.steps[record.step_id])
        del reply.steps[:]
        for usages in await asyncio.gather(*(self.nodes.measure(step) for step in found)):
            reply.usages.extend(usages)
        for step in found:
            record = reply.steps.add()
            record.CopyFrom(step.record)
            ids = (record.job_id, record.step_id)
            for told in reply.usages:
                if (told.job_id, told.step_id) == ids:
                    usage = record.node_usage.add()
                    usage.CopyFrom(told.usage)
                    usage.node = told.node
            merge_usage(record)
        connection.send(pb.Response(steps=reply))

    def get_config(self, connection: Connection, request: pb.Request) -> None:
        from crane_compat.config.show import show_cgroup, show_config, show_mpi
        from crane_compat.parsers import cgroup_conf

        now = time.time()
        reply = pb.Config(
            conf_file=self.conf.path, now=now, boot_time=self.start_time, next_job_id=self.cluster.next_job_id,
            controller_host=self._host(),
        )  # fmt: skip
        for key, value in show_config(
            self.conf,
            now=now,
            boot_time=self.start_time,
            next_job_id=self.cluster.next_job_id,
            hostname=os.uname().nodename,
        ):
            reply.values.add(key=key, value=self.levels.get(key, value))
        for key, value in show_cgroup(cgroup_conf.load(os.path.join(self.conf.directory, "cgroup.conf"))):
            reply.cgroup.add(key=key, value=value)
        for key, value in show_mpi():
            reply.mpi.add(key=key, value=value)
        connection.send(pb.Response(config=reply))

    def get_blob(self, connection: Connection, request: pb.Request) -> Coroutine[Any, Any, None]:
        job = self.cluster.jobs.get(request.get_blob.job_id)
        if job is None:
            raise RequestError(Errno.INVALID_JOB_ID)
        if not self.cluster.may_change(job, self.who(connection)):
            raise RequestError(Errno.USER_ID_MISSING)
        if not job.record.batch_flag:
            raise RequestError(Errno.JOB_SCRIPT_MISSING)
        number = job.record.array_job_id or job.id

        async def answer() -> None:
            blob = self.blobs.get(number)
            if blob is None:
                blob = await asyncio.get_running_loop().run_in_executor(self.thread, self.store.blob, number)
            connection.send(pb.Response(blob=blob or pb.JobBlob()))

        return answer()

    def set_trigger(self, connection: Connection, request: pb.Request) -> None:
        self.cluster.triggers.add(request.set_trigger, self.who(connection))
        self.after_commit(lambda: connection.send(pb.Response()))

    def list_triggers(self, connection: Connection, request: pb.Request) -> None:
        connection.send(pb.Response(triggers=pb.Triggers(triggers=self.cluster.triggers.by_id.values())))

    def clear_trigger(self, connection: Connection, request: pb.Request) -> None:
        self.cluster.triggers.clear(request.clear_trigger, self.who(connection))
        self.after_commit(lambda: connection.send(pb.Response()))

    def set_level(self, connection: Connection, request: pb.Request) -> None:
        """Change what is logged, or FairShareDampeningFactor, until the configuration is read again."""
        if not self.cluster.is_operator(self.who(connection)):
            raise RequestError(Errno.ACCESS_DENIED, "Permission denied")
        what, value = request.set_level.what, request.set_level.value
        match what:
            case "SlurmctldDebug":
                logging.getLogger().setLevel(level_of(value))
            case "DebugFlags":
                given = str(self.levels.get(what) or self.conf.get(what) or "")
                flags = dict.fromkeys(flag for flag in given.split(",") if flag and flag != "(null)")
                for word in value.split():
                    name = next((flag for flag in flags if flag.lower() == word[1:].lower()), word[1:])
                    flags = {flag: None for flag in flags if flag != name} | ({name: None} if word[0] == "+" else {})
                value = ",".join(flags) or "(null)"
            case "FairShareDampeningFactor":
                self.shares.dampen(float(value))
            case "SlurmSchedLogLevel":
                pass
            case _:
                raise RequestError(Errno.NOT_SUPPORTED)
        self.levels[what] = value
        log.info("%s is %s until the configuration is read again", what, value)
        connection.send(pb.Response())

    def list_topology(self, connection: Connection, request: pb.Request) -> None:
        topology, node = self.cluster.topology, request.list_topology.node
        reply = pb.TopologyReply()
        for switch in topology.switches:
            if not node or node in switch.nodes:
                reply.switches.add(
                    name=switch.name, level=switch.level, link_speed=switch.link_speed,
                    nodes=hostlist.compress(switch.nodes) if switch.nodes else "",
                    switches=hostlist.compress(switch.switches) if switch.switches else "",
                )  # fmt: skip
        connection.send(pb.Response(topology=reply))

    def explain(self, connection: Connection, request: pb.Request) -> None:
        """Why the job, all tasks of the array or all components, of an id wait."""
        from crane_compat.scheduling.explain import explain

        who, jobs, number = self.who(connection), self.cluster.jobs, request.explain.job_id
        found = [jobs[i] for i in self.cluster.arrays.get(number) or [number] if i in jobs]
        found = [job for job in found if self.cluster.may_see(job, who)]
        if not found:
            raise RequestError(Errno.INVALID_JOB_ID)
        if found[0].record.het_job_id == number:
            found = self.cluster.components(found[0])
        waiting = [job for job in found if job.pending] or found[:1]
        now = time.time()
        reply = pb.Explanations(now=now, cluster=self.conf.cluster_name)
        reply.jobs.extend(explain(self.cluster, job, now) for job in waiting[:MAX_EXPLAINED])
        connection.send(pb.Response(explanations=reply))

    def priority_factors(self, connection: Connection, request: pb.Request) -> None:
        """What the priorities of the jobs that could start consist of."""
        from crane_compat.daemon.controller.priorities import told

        connection.send(pb.Response(priority_factors=told(self.cluster, self.conf, self.who(connection), time.time())))

    def tell_statistics(self, connection: Connection, request: pb.Request) -> None:
        if request.statistics.reset:
            self.operator(connection, Errno.ACCESS_DENIED)
            self.statistics.reset(time.time())
        rows = {
            "passes": self.passes,
            "jobs_started": self.started_jobs,
            "jobs": len(self.cluster.jobs),
            "jobs_pending": len(self.cluster.pending),
            "request_classes": len(self.cluster.request_table),
            "outbox": len(self.accounting.queue),
        }
        reply = pb.StatisticsReply()
        for key, value in rows.items():
            reply.values.add(key=key, value=str(value))
        reply.diagnostics.CopyFrom(
            self.statistics.diagnostics(
                self.cluster, time.time(), threads=1 + self.server.in_work, accounting_queue=len(self.accounting.queue)
            )
        )
        connection.send(pb.Response(statistics=reply))

    # ------------------------------------------------------------ requests that change

    def submit(self, connection: Connection, request: pb.Request) -> Coroutine[Any, Any, None] | None:
        who = self.who(connection)
        body = request.submit
        if not body.specs:
            raise RequestError(Errno.JOB_SCRIPT_MISSING)
        for spec in body.specs:
            spec.ClearField("admin_comment")  # not the user's to give
            spec.ClearField("cron")  # update_crontab is for that
            if spec.HasField("uid") and spec.uid != who.uid:
                if not who.is_root():
                    raise RequestError(Errno.USER_ID_MISSING)
                who = self.other(spec.uid, spec.gid if spec.HasField("gid") else None)
        if self.filters.active:
            return self._filtered(connection, body, who)
        self._admit(connection, body, who, [])
        return None

    async def _filtered(self, connection: Connection, body: pb.Submit, who: Identity) -> None:
        """Admit what the site's plugins have let through; what they said goes before what we say."""
        said: list[str] = []
        try:
            for offset, spec in enumerate(body.specs):
                spec.het_offset = offset
                said += await self.filters.submit(spec, who)
            if connection.closed:
                return
            self._admit(connection, body, who, said)
        except RequestError as exc:
            exc.details = (*said, *exc.details)
            raise

    def _admit(self, connection: Connection, body: pb.Submit, who: Identity, said: list[str]) -> None:
        now = time.time()
        specs = list(body.specs)
        if body.test_only:
            job = self.cluster.plan(specs[0], who, now)
            self.after_commit(
                lambda: connection.send(
                    pb.Response(
                        messages=said,
                        submitted=pb.Submitted(job_id=job.id, job=job.record, cluster=self.conf.cluster_name),
                    )
                )
            )
            return
        self.check_store()
        job = self.cluster.submit(specs, who, now)
        components = self.cluster.components(job)
        self.statistics.admitted(components)
        if self._over_loopback():
            for component in components:
                component.record.alloc_host = "localhost"
        ids = [component.id for component in components]
        immediate = specs[0].immediate
        if specs[0].batch:
            self._gather()
        elif not immediate and self._tries_at_submit(job):
            self._schedule()

        def tell() -> None:
            if immediate:
                self._immediate(job)
            hindrance = self.cluster.hindrance(job) if body.watch and not specs[0].batch else None
            connection.send(
                pb.Response(
                    messages=[*said, TEXT[hindrance]] if hindrance else said,
                    submitted=pb.Submitted(job_id=job.id, job=job.record, cluster=self.conf.cluster_name),
                    more=body.watch,
                )
            )
            if body.watch:
                for component in components:
                    self._watch(component.id, connection, owns=specs[0].interactive)

        self.after_commit(tell, fail=connection.refuse, withdraw=ids)

    def _gather(self) -> None:
        """Let batch jobs wait a moment for others, where the site wants priorities to decide among them."""
        now = asyncio.get_running_loop().time()
        if self.batch_delay and now >= self.next_pass:
            self.next_pass = now + self.batch_delay

    def _over_loopback(self) -> bool:
        """Do commands reach the controller at a loopback address?  Slurm then names the submitting host by it."""
        return bool(self.conf.controllers) and self.conf.controllers[0][1].startswith("127.")

    def _tries_at_submit(self, job: Job) -> bool:
        """Does a waiting srun or salloc get its nodes within the request itself?

        As in Slurm: unless SchedulerParameters=defer, and only where no job of its partitions is before it.
        """
        if "defer" in self.cluster.parameters.scheduler:
            return False
        mine = set(job.record.partition.split(","))
        others = (self.cluster.jobs[number].record for number in self.cluster.pending if number != job.id)
        return not any(
            o.priority >= job.record.priority and o.reason not in _NOT_YET and mine & set(o.partition.split(","))
            for o in others
        )

    def other(self, uid: int, gid: int | None = None) -> Identity:
        """A user on whose behalf root asks.  Raises RequestError."""
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            raise RequestError(Errno.USER_ID_MISSING) from None
        return self.identities.of(uid, entry.pw_gid if gid is None else gid)

    def _immediate(self, job: Job) -> None:
        """--immediate: start in this very moment or not at all."""
        self._schedule()
        if job.pending:
            job.record.reason, job.record.exit_code = "Resources", 1 << 8
            self.cluster.end_job(job, st.FAILED, time.time())
        self.kick()

    def _watch(self, job_id: int, connection: Connection, *, owns: bool) -> None:
        """Send this connection every change of a job; one that owns the allocation ends it by going away."""
        self.watchers[job_id].append(connection)
        job = self.cluster.jobs.get(job_id)
        if job is not None and not job.pending:
            self._tell_watchers(JobChanged(job_id))

        def gone() -> None:
            listeners = self.watchers.get(job_id)
            if listeners and connection in listeners:
                listeners.remove(connection)
            lost = self.cluster.jobs.get(job_id)
            if owns and lost is not None and lost.pending:
                self.orphans.add(job_id)  # as in Slurm it keeps waiting; nobody is there to use it once it starts
            elif owns and lost is not None and not lost.finished:
                if not self.stopping.is_set():
                    self.cluster.end_job(lost, st.CANCELLED, time.time(), reason="CANCELLED", killed_by=lost.record.uid)
                    self.kick()

        connection.on_close.append(gone)

    def watch(self, connection: Connection, request: pb.Request) -> None:
        job = self.cluster.jobs.get(request.watch.job_id)
        if job is None:
            raise RequestError(Errno.INVALID_JOB_ID)
        if not self.cluster.may_see(job, self.who(connection)):
            raise RequestError(Errno.INVALID_JOB_ID)
        over = job.finished and not job.state & st.COMPLETING and self._all_over(job.record.array_job_id or job.id)
        connection.send(pb.Response(job_event=pb.JobEvent(job=job.record), more=not over))
        if not over:
            self._watch(job.id, connection, owns=False)

    def complete_job(self, connection: Connection, request: pb.Request) -> None:
        """The command that held an allocation is done with it."""
        body = request.complete_job
        job = self.cluster.jobs.get(body.job_id)
        if job is None:
            raise RequestError(Errno.INVALID_JOB_ID)
        who = self.who(connection)
        if not self.cluster.may_change(job, who):
            raise RequestError(Errno.ACCESS_DENIED)
        now = time.time()
        for component in self.cluster.components(job):
            if component.finished:
                continue
            if component.pending:
                self.cluster.end_job(component, st.CANCELLED, now, killed_by=who.uid)
                continue
            component.record.exit_code = body.exit_code
            if body.exit_code:
                component.record.reason = "NonZeroExitCode"
            self.cluster.end_job(component, st.FAILED if body.exit_code else st.COMPLETED, now)
        self.after_commit(lambda: connection.send(pb.Response()))

    def cancel(self, connection: Connection, request: pb.Request) -> None:
        results = cancel.cancel(self.cluster, request.cancel, self.who(connection), time.time())
        self.after_commit(lambda: connection.send(pb.Response(results=pb.OpResults(results=results))))

    def job_op(self, connection: Connection, request: pb.Request) -> None:
        results = updates.job_op(self.cluster, request.job_op, self.who(connection), time.time())
        self.after_commit(lambda: connection.send(pb.Response(results=pb.OpResults(results=results))))

    def update_job(self, connection: Connection, request: pb.Request) -> Coroutine[Any, Any, None] | None:
        who = self.who(connection)
        if self.filters.active and "." not in request.update_job.id:
            return self._filtered_update(connection, request.update_job, who)
        self._update_job(connection, request.update_job, who, [])
        return None

    async def _filtered_update(self, connection: Connection, change: pb.UpdateJob, who: Identity) -> None:
        said: list[str] = []
        try:
            job = cancel.resolve(self.cluster, change.id)[0].job
            values, said = await self.filters.modify(change.values, job.record, who)
        except RequestError as exc:
            result = pb.OpResult(id=change.id, rc=int(exc.errno), error=exc.text)
            connection.send(pb.Response(messages=exc.details, results=pb.OpResults(results=[result])))
            return
        self._update_job(connection, pb.UpdateJob(id=change.id, values=values), who, said)

    def _update_job(self, connection: Connection, change: pb.UpdateJob, who: Identity, said: list[str]) -> None:
        results = updates.update_job(self.cluster, change, who, time.time())
        self.after_commit(lambda: connection.send(pb.Response(messages=said, results=pb.OpResults(results=results))))

    def update_node(self, connection: Connection, request: pb.Request) -> None:
        updates.update_node(self.cluster, request.update_node, self.operator(connection), time.time())
        self.after_commit(lambda: connection.send(pb.Response()))

    def update_reservation(self, connection: Connection, request: pb.Request) -> None:
        name = self.cluster.reservations.change(request.update_reservation, self.who(connection), time.time())
        self.after_commit(lambda: connection.send(pb.Response(results=pb.OpResults(results=[pb.OpResult(id=name)]))))

    def update_partition(self, connection: Connection, request: pb.Request) -> None:
        updates.update_partition(self.cluster, request.update_partition, self.operator(connection), time.time())
        self.after_commit(lambda: connection.send(pb.Response()))

    # ------------------------------------------------------------ steps

    def create_step(self, connection: Connection, request: pb.Request) -> None:
        who = self.who(connection)
        body = request.create_step
        parts: list[steps.Part] = []
        for part in (body, *body.components):
            job = self.cluster.jobs.get(part.job_id)
            if job is None:
                raise RequestError(Errno.INVALID_JOB_ID)
            if who.uid != job.record.uid and not who.is_root():
                raise RequestError(Errno.ACCESS_DENIED)
            if any(job is other for other, _ in parts) or (parts and job not in self.cluster.components(parts[0][0])):
                raise RequestError(Errno.NOT_HET_JOB)
            parts.append((job, part))
        if len(parts) > 1:
            parts = [(job, pb.StepRequest.FromString(part.SerializeToString())) for job, part in parts]
            del parts[0][1].components[:]
        outcome = steps.request_step(self.cluster, parts, time.time())
        if not isinstance(outcome, WaitingStep):
            created = [(job, step) for (job, _), step in zip(parts, outcome, strict=True)]
            self._own(connection, created)
            self.after_commit(lambda: self._answer_step(connection, created))
            return
        waiting = outcome
        self.tickets[waiting.ticket] = connection

        def gone() -> None:
            if self.tickets.pop(waiting.ticket, None) is not None:
                steps.forget_waiting(waiting)

        connection.on_close.append(gone)
        self.after_commit(
            lambda: connection.send(
                pb.Response(more=True, step_event=pb.StepEvent(notice="wait", error=TEXT[Errno.NODES_BUSY]))
            )
        )

    def _own(self, connection: Connection, parts: list[tuple[Job, Step]]) -> None:
        """The srun behind this connection hears of the step, and the step ends with it."""
        for job, step in parts:
            self.step_owners[(job.id, step.record.step_id)] = connection
            connection.on_close.append(functools.partial(self._srun_gone, job, step, connection))

    def _answer_step(self, connection: Connection, parts: list[tuple[Job, Step]]) -> None:
        job, step = parts[0]
        created = pb.StepCreated(
            step=step.record, job=job.record, components=[further.record for _, further in parts[1:]]
        )
        for _, part in parts:
            for alloc in part.record.nodes:
                node = self.cluster.nodes.get(alloc.node)
                created.node_addrs.append(node.record.address if node is not None else alloc.node)
        connection.send(pb.Response(step_created=created, more=True))

    def _srun_gone(self, job: Job, step: Step, connection: Connection) -> None:
        """srun went away without ending its step: the step ends."""
        if self.step_owners.get((job.id, step.record.step_id)) is not connection:
            return
        del self.step_owners[(job.id, step.record.step_id)]
        if step.waiting and not self.stopping.is_set():
            self._kill_step(job, step)

    def _kill_step(self, job: Job, step: Step) -> None:
        if step.request.hold_launch:  # no node knows of it yet
            for name in sorted(step.waiting):
                self.cluster.step_done(job, step, name, [], None, time.time(), error="", oom=False)
            self.kick()
            return
        for name in sorted(step.waiting):
            self.nodes.send(
                name,
                pb.NodeDown(
                    signal=pb.SignalStep(
                        job_id=job.id, step_id=step.record.step_id, signal=9, uid=job.record.uid, message="CANCELLED"
                    )
                ),
            )

    def start_step(self, connection: Connection, request: pb.Request) -> None:
        """What a step waited for has been done (its program is on the nodes): launch it."""
        body = request.start_step
        job = self.cluster.jobs.get(body.job_id)
        step = job.steps.get(body.step_id) if job is not None else None
        if job is None or step is None:
            raise RequestError(Errno.INVALID_JOB_ID)
        who = self.who(connection)
        if who.uid != job.record.uid and not who.is_root():
            raise RequestError(Errno.ACCESS_DENIED)
        if not step.waiting or not step.request.hold_launch:
            raise RequestError(Errno.ALREADY_DONE)
        step.request.hold_launch = False
        step.request.libraries_sent = body.libraries_sent
        if body.program:
            step.request.bcast[:] = [body.program]
        self.cluster.changes.steps.add((job.id, body.step_id))
        self.cluster.effects.extend(LaunchStep(alloc.node, job.id, body.step_id) for alloc in step.record.nodes)
        self.after_commit(lambda: connection.send(pb.Response()))

    def end_step(self, connection: Connection, request: pb.Request) -> None:
        """srun wants its step ended (^C twice, --wait, --kill-on-bad-exit)."""
        body = request.end_step
        job = self.cluster.jobs.get(body.job_id)
        if job is None:
            raise RequestError(Errno.INVALID_JOB_ID)
        if not self.cluster.may_change(job, self.who(connection)):
            raise RequestError(Errno.ACCESS_DENIED)
        step = job.steps.get(body.step_id)
        if step is not None and step.waiting:
            self._kill_step(job, step)
        connection.send(pb.Response())

    def attach_step(self, connection: Connection, request: pb.Request) -> None:
        """sattach: the step's nodes connect to the caller as they did to srun."""
        body = request.attach_step
        job = self.cluster.jobs.get(body.job_id)
        if job is None or (body.step_id not in job.steps and not job.finished):
            raise RequestError(Errno.INVALID_JOB_ID)
        if not self.cluster.may_change(job, self.who(connection)):
            raise RequestError(Errno.ACCESS_DENIED)
        step = job.steps.get(body.step_id)
        if step is None or not step.waiting:
            raise RequestError(Errno.ALREADY_DONE)
        if body.io_port:
            for name in sorted(step.waiting):
                self.nodes.send(name, pb.NodeDown(attach=body))
        connection.send(pb.Response(step_created=pb.StepCreated(step=step.record, job=job.record)))

    # ------------------------------------------------------------ administration

    def reconfigure(self, connection: Connection, request: pb.Request) -> None:
        self.operator(connection)
        self.reload()
        self.after_commit(lambda: connection.send(pb.Response()))

    def reload(self) -> None:
        """Read slurm.conf again; the old configuration stays in force where the new one cannot be read."""
        from crane_compat.parsers.slurm_conf import ConfError, load

        try:
            conf = load(self.conf.path, strict=True)
            parameters = Parameters.of(conf)
        except (ConfError, OSError) as exc:
            log.error("not reconfigured: %s", exc)
            raise RequestError(Errno.INTERNAL, str(exc)) from exc
        self.conf = conf
        if self.levels.pop("SlurmctldDebug", ""):
            logging.getLogger().setLevel(level_of(str(conf.get("SlurmctldDebug") or "info")))
        self.levels.clear()
        self.filters.close()
        self.filters = FilterLink(conf, self.cluster)
        self.cluster.configure(parameters, conf.nodes, conf.partitions)
        self.cluster.topology = _topology(conf)
        self.nodes.reconfigured()
        self.shares.reconfigured()
        self.cluster.triggers.happened("reconfig")
        log.info("reconfigured from %s", conf.path)
        self.kick()

    def shutdown(self, connection: Connection, request: pb.Request) -> None:
        self.operator(connection)
        # answered by the end of the connection: the caller waits until we are gone
        self.nodes.shutdown_nodes()
        self.stopping.set()

    def token(self, connection: Connection, request: pb.Request) -> None:
        from crane_compat.daemon.rpc import tokens

        who = self.who(connection)
        user = request.token.user or who.user
        if user != who.user and not self.cluster.is_operator(who):
            raise RequestError(Errno.ACCESS_DENIED)
        text = tokens.issue(self.nodes.keys(), user, request.token.lifespan or tokens.LIFESPAN)
        connection.send(pb.Response(token=pb.TokenReply(token=text)))

    def node_up(self, connection: Connection, request: pb.Request) -> None:
        """A node daemon on this host: only root may be one."""
        if connection.peer.uid not in (0, self.cluster.slurm_uid):
            raise RequestError(Errno.ACCESS_DENIED)
        self.nodes.receive(connection, request.node_up)
