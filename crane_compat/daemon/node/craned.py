"""The node daemon: carries orders from the controller to step supervisors, and their reports back.

It owns nothing that must survive it.  Steps live in their supervisors, what
they were and how they ended in the spool; a new craned finds them there
(`stepd.adopt`) and reports what the controller has not heard yet.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from crane_compat import SLURM_VERSION, paths
from crane_compat.core import states as st
from crane_compat.core.errors import Errno, RequestError
from crane_compat.daemon.node import hooks, machine
from crane_compat.daemon.node.files import FileWriters
from crane_compat.daemon.node.link import ControllerLink
from crane_compat.daemon.node.pipes import ChildPipe
from crane_compat.daemon.rpc.server import FrameServer
from crane_compat.daemon.stepd import adopt, spool, tracking
from crane_compat.daemon.stepd.forkserver import ForkServer, ForkServerGone
from crane_compat.parsers.slurm_conf import SlurmConf
from crane_compat.wire import PROTOCOL, pb

log = logging.getLogger("slurmd")

#: Seconds between reports of load and free memory.
LOAD_INTERVAL = 30.0

#: Steps that are brought to life at once (or twice the processors, where that is more): a hundred would take turns,
#: and all be late.  One that is not up after SETTLE_SECS, on a slow file system perhaps, counts no more.
MIN_AT_ONCE = 4
SETTLE_SECS = 2.0

Key = tuple[int, int]


class StepPipe(ChildPipe):
    """The conversation with one supervisor."""

    def __init__(self, daemon: Craned, launch: pb.StepLaunch) -> None:
        super().__init__(f"step {launch.job_id}.{st.step_name(launch.step_id)}: its supervisor")
        self.daemon = daemon
        self.launch = launch
        self.key: Key = (launch.job_id, launch.step_id)
        self.done = False
        self.settled = asyncio.Event()  # its tasks run, or never will

    def received(self, message: pb.NodeUp) -> None:
        self.daemon.from_step(self, message)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.daemon.step_gone(self)


@dataclass(slots=True)
class LocalJob:
    """A job with steps here, or one that is being cleaned up."""

    epoch: int
    starting: set[int] = field(default_factory=set)  # launched, their supervisors not yet connected
    steps: dict[int, StepPipe] = field(default_factory=dict)
    reports: dict[int, pb.StepDone] = field(default_factory=dict)  # ended, not yet acknowledged
    terminating: pb.TerminateJob | None = None
    over: bool = False  # cleaned up
    record: pb.JobRecord | None = None
    prolog: asyncio.Task[str] | None = None  # runs or has run; "" or why it failed


class Craned:
    """One node."""

    def __init__(self, conf: SlurmConf, node: pb.NodeRecord, settings: pb.StepSettings, forks: ForkServer) -> None:
        self.conf = conf
        self.node = node
        self.settings = settings
        self.forks = forks
        self.jobs: dict[int, LocalJob] = {}
        self.machine = machine.detect()
        self.start_time = time.time()
        self.boot_time = machine.boot_time()
        self.link = ControllerLink(conf, node.name, self.from_controller, self.register)
        self.files = FileWriters(self)
        self.agent = FrameServer({})
        self.stopping = asyncio.Event()
        self.registered = asyncio.Event()
        self.refusal = ""
        self._at_once = asyncio.Semaphore(max(MIN_AT_ONCE, 2 * (os.cpu_count() or 1)))
        #: with PrologFlags=Serial one prolog or epilog runs at a time
        self.serial = asyncio.Lock() if "serial" in str(conf.get("PrologFlags") or "").lower().split(",") else None
        self._tasks: set[asyncio.Future[None]] = set()
        #: by job, step and life: supervisors whose step has ended and that wait for the acknowledgement
        self._lingering: dict[tuple[int, int, int], StepPipe] = {}

    # ------------------------------------------------------------ life

    async def run(self, ready: Callable[[], None]) -> None:
        await self._adopt()
        tasks = [asyncio.create_task(self.link.run()), asyncio.create_task(self._report_load())]
        if not self.link.local:
            from crane_compat.daemon.node.agent import Agent

            self.agent = Agent(self)
            await self.agent.listen(paths.agent_socket(self.conf.path, self.node.name))
        ready()
        log.info("slurmd version %s started on node %s", SLURM_VERSION, self.node.name)
        await self.stopping.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.agent.close()
        self.forks.close()
        # supervisors go on: the next craned finds them in the spool

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _adopt(self) -> None:
        """Take over the steps an earlier daemon of this node started."""
        for found in adopt.find(self.settings.spool):
            job = self.jobs.setdefault(found.job_id, LocalJob(found.launch.epoch))
            if found.launch.epoch > job.epoch:
                job = self.jobs[found.job_id] = LocalJob(found.launch.epoch)
            if found.launch.HasField("job"):
                job.record = found.launch.job
            if hooks.programs(self, "Prolog"):  # it ran before the job's first step
                job.prolog = asyncio.create_task(hooks.nothing())
            if found.sock is not None:
                log.info("adopting step %d.%s", found.job_id, st.step_name(found.step_id))
                await self._connect(found.sock, found.launch)
            elif found.done is not None:
                self._report(found.job_id, found.step_id, found.launch.epoch, found.done)
            else:
                tracking.kill_leftovers(found.launch)
                self._report(found.job_id, found.step_id, found.launch.epoch, adopt.lost(found.launch, time.time()))

    async def _connect(self, sock: socket.socket, launch: pb.StepLaunch) -> StepPipe:
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        _, pipe = await loop.create_connection(lambda: StepPipe(self, launch), sock=sock)
        job = self.jobs.setdefault(launch.job_id, LocalJob(launch.epoch))
        if job.epoch == launch.epoch:
            job.steps[launch.step_id] = pipe
        return pipe

    def register(self) -> None:
        """Tell a new link who we are, and what the controller may have missed."""
        self.files.close()  # of transfers over the old link the controller knows nothing more
        load, free = machine.load()
        here = self.machine
        told = pb.NodeRegister(
            node=self.node.name, version=SLURM_VERSION, protocol=PROTOCOL, cpus=here.cpus, boards=here.boards,
            sockets=here.sockets, cores=here.cores, threads=here.threads, memory=here.memory, tmp_disk=here.tmp_disk,
            os=machine.operating_system(), arch=os.uname().machine, boot_time=self.boot_time,
            start_time=self.start_time, cpu_load=load, free_memory=free, hostname=os.uname().nodename,
        )  # fmt: skip
        for job_id, job in self.jobs.items():
            for step_id in (*job.steps, *job.reports):
                told.steps.add(job_id=job_id, step_id=step_id, epoch=job.epoch)
        self.link.send(pb.NodeUp(register=told))
        for job_id, job in list(self.jobs.items()):
            for done in job.reports.values():
                self.link.send(pb.NodeUp(done=done))
            self._finish_termination(job_id, job)

    async def _report_load(self) -> None:
        while True:
            await asyncio.sleep(LOAD_INTERVAL)
            load, free = machine.load()
            self.link.send(pb.NodeUp(load=pb.NodeLoad(node=self.node.name, cpu_load=load, free_memory=free)))

    # ------------------------------------------------------------ from the controller

    def from_controller(self, message: pb.NodeDown) -> None:
        kind = message.WhichOneof("msg")
        if kind == "registered":
            self.refusal = message.registered.error
            if not message.registered.ok:
                log.error("registration refused: %s", self.refusal)
            self.registered.set()
        elif kind == "launch":
            self._launch(message.launch)
        elif kind == "prepare":
            self._prepare(message.prepare)
        elif kind == "signal":
            self._signal(message)
        elif kind == "terminate":
            self._terminate(message.terminate)
        elif kind == "ack":
            self._acknowledged(message.ack)
        elif kind == "measure":
            self._measure(message.measure)
        elif kind == "attach":
            job = self.jobs.get(message.attach.job_id)
            pipe = job.steps.get(message.attach.step_id) if job is not None else None
            if pipe is not None:
                pipe.send(message)
        elif kind in ("update_limit", "notice"):
            body = getattr(message, kind)
            job = self.jobs.get(body.job_id)
            alone = body.step_id if body.HasField("step_id") else None
            for step_id, pipe in list(job.steps.items()) if job is not None else ():
                if alone is None or step_id == alone:
                    pipe.send(message)
        elif kind in ("file_open", "file_block", "file_end"):
            self.files.receive(message)
        elif kind == "shutdown":
            self.stopping.set()
        elif kind == "reconfigure":
            self._reconfigure()
        elif kind == "health_check":
            self._spawn(hooks.health_check(self))
        elif kind == "reboot":
            self._spawn(hooks.reboot(self))

    def _reconfigure(self) -> None:
        from crane_compat.daemon.node.main import node_settings
        from crane_compat.parsers.slurm_conf import ConfError, load

        try:
            self.conf = load(self.conf.path, strict=False)
        except (ConfError, OSError) as exc:
            log.error("not reconfigured: %s", exc)
            return
        self.settings = node_settings(self.conf, self.node)

    def _launch(self, launch: pb.StepLaunch) -> None:
        job = self.jobs.get(launch.job_id)
        if job is not None and job.epoch == launch.epoch:
            if launch.step_id in job.steps or launch.step_id in job.starting:
                return  # told twice: it runs
            if launch.step_id in job.reports:
                self.link.send(pb.NodeUp(done=job.reports[launch.step_id]))
                return
            if job.terminating is not None:
                return
        if job is None or job.epoch != launch.epoch:
            job = self.jobs[launch.job_id] = LocalJob(launch.epoch)
        if launch.HasField("job"):
            job.record = launch.job
        launch.settings.CopyFrom(self.settings)
        job.starting.add(launch.step_id)
        self._spawn(self._start(job, launch))

    def _prepare(self, order: pb.PrepareJob) -> None:
        """PrologFlags=Alloc: run the prolog as soon as the job has the node, and say when it has ended."""
        job_id, epoch = order.job.job_id, order.job.restarts
        job = self.jobs.get(job_id)
        if job is None or job.epoch != epoch:
            job = self.jobs[job_id] = LocalJob(epoch)
        job.record = order.job

        async def prepare() -> None:
            error = await self._prolog(job, order.job)
            self.link.send(
                pb.NodeUp(prepared=pb.JobPrepared(job_id=job_id, node=self.node.name, epoch=epoch, error=error))
            )

        self._spawn(prepare())

    async def _prolog(self, job: LocalJob, record: pb.JobRecord) -> str:
        """Run the prolog, once for a job, or wait for it; "" or why it failed."""
        if job.prolog is None:
            if not hooks.programs(self, "Prolog"):
                return ""
            job.prolog = asyncio.create_task(hooks.prolog(self, record))
        return await job.prolog

    async def _start(self, job: LocalJob, launch: pb.StepLaunch) -> None:
        try:
            if error := await self._prolog(job, launch.job):
                failed = pb.JobPrepared(job_id=launch.job_id, node=self.node.name, epoch=launch.epoch, error=error)
                self.link.send(pb.NodeUp(prepared=failed))
                raise RequestError(Errno.PROLOG_FAILED)
            async with self._at_once:
                if job.terminating is not None:
                    raise RequestError(Errno.ALREADY_DONE)
                sock = self.fork(pb.NodeDown(launch=launch))
                pipe = await self._connect(sock, launch)
                job.starting.discard(launch.step_id)
                if job.terminating is not None:
                    pipe.send(pb.NodeDown(terminate=job.terminating))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(pipe.settled.wait(), SETTLE_SECS)
        except Exception as exc:
            job.starting.discard(launch.step_id)
            log.error("step %d.%s cannot be started: %s", launch.job_id, st.step_name(launch.step_id), exc)
            done = adopt.lost(launch, time.time())
            done.error = f"cannot start the step: {exc}"
            if isinstance(exc, RequestError):
                done.error, done.error_code = exc.text, int(exc.errno)
            self._report(launch.job_id, launch.step_id, launch.epoch, done)

    def fork(self, order: pb.NodeDown) -> socket.socket:
        """A socket to a new child of the fork server, which does what `order` says."""
        try:
            return self.forks.send(order)
        except ForkServerGone:
            log.error("the fork server is gone; starting another")
            self.forks = ForkServer.start_process(self.node.name)
            return self.forks.send(order)

    def _measure(self, step: pb.StepRef) -> None:
        """Have a step's supervisor say what it uses; of one that is not here the controller hears nothing used."""
        job = self.jobs.get(step.job_id)
        pipe = job.steps.get(step.step_id) if job is not None else None
        if pipe is not None:
            pipe.send(pb.NodeDown(ping=pb.Ping()))
        else:
            self.link.send(pb.NodeUp(usage=pb.StepUsage(job_id=step.job_id, step_id=step.step_id, node=self.node.name)))

    def _signal(self, message: pb.NodeDown) -> None:
        body = message.signal
        job = self.jobs.get(body.job_id)
        if job is None:
            return
        for step_id, pipe in list(job.steps.items()):
            if body.step_id == step_id or (
                body.step_id == st.ALL_STEPS
                and not (body.steps_only and step_id == st.BATCH_STEP)
                and not (body.batch_only and step_id != st.BATCH_STEP)
            ):
                pipe.send(message)

    def _terminate(self, order: pb.TerminateJob) -> None:
        job = self.jobs.get(order.job_id)
        if job is None or job.epoch != order.epoch:
            if job is None:
                job = self.jobs[order.job_id] = LocalJob(order.epoch)
            else:
                self.link.send(
                    pb.NodeUp(terminated=pb.JobTerminated(job_id=order.job_id, node=self.node.name, epoch=order.epoch))
                )
                return
        if order.HasField("step_id"):
            pipe = job.steps.get(order.step_id)
            if pipe is not None:
                pipe.send(pb.NodeDown(terminate=order))
            return
        job.terminating = order
        self.files.job_over(order.job_id)
        for pipe in list(job.steps.values()):
            pipe.send(pb.NodeDown(terminate=order))
        self._finish_termination(order.job_id, job)

    def _finish_termination(self, job_id: int, job: LocalJob) -> None:
        """All steps are over: clean up and say so."""
        if job.terminating is None or job.steps or job.starting:
            return
        order = job.terminating
        job.terminating = None

        async def finish() -> None:
            if job.prolog is not None:
                await job.prolog
            error = await hooks.epilog(self, order.job if order.HasField("job") else job.record)
            job.over = True
            spool.remove_script(self.settings.spool, job_id)
            self.link.send(
                pb.NodeUp(
                    terminated=pb.JobTerminated(job_id=job_id, node=self.node.name, epoch=order.epoch, error=error)
                )
            )
            if not job.reports and not job.steps and not job.starting and self.jobs.get(job_id) is job:
                del self.jobs[job_id]

        self._spawn(finish())

    def _acknowledged(self, ack: pb.AckDone) -> None:
        job = self.jobs.get(ack.job_id)
        current = job is not None and job.epoch == ack.epoch
        if job is not None and current:
            job.reports.pop(ack.step_id, None)
        pipe = self._lingering.pop((ack.job_id, ack.step_id, ack.epoch), None)
        if pipe is not None and pipe.transport is not None:
            pipe.send(pb.NodeDown(ack=ack))
        elif job is None or not current or ack.step_id not in job.steps:
            files = spool.StepFiles(self.settings.spool, ack.job_id, ack.step_id, ack.epoch)
            files.remove(files.run, files.done, files.socket)
        if job is None or not current:
            return
        if not job.steps and not job.starting and not job.reports and job.terminating is None:
            spool.remove_script(self.settings.spool, ack.job_id)
            if job.prolog is None or job.over:  # else further steps must know that it has run
                self.jobs.pop(ack.job_id, None)

    # ------------------------------------------------------------ from supervisors

    def from_step(self, pipe: StepPipe, message: pb.NodeUp) -> None:
        kind = message.WhichOneof("msg")
        pipe.settled.set()
        if kind == "done":
            pipe.done = True
            self._report(*pipe.key, pipe.launch.epoch, message.done, pipe)
        else:
            self.link.send(message)

    def _report(self, job_id: int, step_id: int, epoch: int, done: pb.StepDone, pipe: StepPipe | None = None) -> None:
        """Tell how a step has ended; `pipe`: its supervisor waits until the controller has acknowledged that."""
        job = self.jobs.setdefault(job_id, LocalJob(epoch))
        done.node = self.node.name
        done.epoch = epoch
        if pipe is not None:
            self._lingering[(job_id, step_id, epoch)] = pipe
        if job.epoch != epoch:  # the last word of an earlier life
            self.link.send(pb.NodeUp(done=done))
            return
        job.steps.pop(step_id, None)
        job.reports[step_id] = done
        alone = not job.steps and not job.starting and job.terminating is None
        done.last_of_job = alone and job.prolog is None and not hooks.programs(self, "Epilog")
        self.link.send(pb.NodeUp(done=done))
        self._finish_termination(job_id, job)

    def step_gone(self, pipe: StepPipe) -> None:
        """A supervisor's end of the socket closed: after `done` all is well, before it something is wrong."""
        pipe.settled.set()
        self._lingering.pop((*pipe.key, pipe.launch.epoch), None)
        if pipe.done:
            return
        job = self.jobs.get(pipe.key[0])
        if job is None or job.steps.get(pipe.key[1]) is not pipe:
            return
        if self.stopping.is_set():
            return
        self._spawn(self._search(pipe))

    async def _search(self, pipe: StepPipe) -> None:
        """What has become of a step: another supervisor has it, its own left its last word and went, or died.

        A dead one's processes are killed, which can take a while, and its step reported as lost.
        """
        loop, launch = asyncio.get_running_loop(), pipe.launch
        found = await loop.run_in_executor(None, adopt.look, self.settings.spool, *pipe.key, launch.epoch)
        if found is not None and found.sock is not None:
            await self._connect(found.sock, launch)
        elif found is not None and found.done is not None:
            self._report(*pipe.key, launch.epoch, found.done)
        else:
            log.error("the supervisor of step %d.%s died", pipe.key[0], st.step_name(pipe.key[1]))
            await loop.run_in_executor(None, tracking.kill_leftovers, launch)
            self._report(*pipe.key, launch.epoch, adopt.lost(launch, time.time()))
