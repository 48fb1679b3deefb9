"""srun's side of a step: its tasks' input and output, their ends, and ending them.

The supervisors on the step's nodes connect to the listener made here
(`daemon.stepd.stream`); the controller tells on its connection when the step
is over.  Everything runs in one event loop without a thread.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from crane_compat.commands.slurm.step_exchange import Exchange
from crane_compat.commands.slurm.voice import Voice
from crane_compat.core.errors import CPU_BIND_FAILED, Errno, RequestError
from crane_compat.core.states import step_name
from crane_compat.daemon.rpc.client import Client, Unreachable, error_of
from crane_compat.daemon.stepd import stream
from crane_compat.daemon.stepd.loop import READ, WRITE, Loop, Timer
from crane_compat.daemon.stepd.stream import ALL, KEY_SIZE, Assembler, Channel, Frame, Hello, Kind, StreamError
from crane_compat.wire import pb

#: Wait status of a task that ran out of memory.
OUT_OF_MEMORY = 125

#: Wait status of a task whose files could not be opened.
SETUP_FAILED = 53

#: Seconds within which the nodes of a step that we attach to connect.
CONNECT_SECS = 10.0

#: Seconds in which a second ^C ends the step.
INTERRUPT_SECS = 1.0

#: Signals that srun hands on to its tasks; the others it acts upon.
FORWARDED = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM)
ENDING = (signal.SIGTERM, signal.SIGHUP)


class StepRefused(Exception):
    """The controller does not create the step."""

    def __init__(self, reason: RequestError) -> None:
        self.reason = reason
        super().__init__(reason.text)


@dataclass
class Manner:
    """How the step's streams are treated and when it is ended; what the options of srun say about it."""

    label: bool = False
    kill_on_bad_exit: bool = False
    wait_secs: int = 0  # after the first task's end; 0 = for ever
    no_status: bool = False  # -X
    quit_on_interrupt: bool = False
    stdin: int | None = 0  # descriptor; None = the tasks get nothing
    stdin_rank: int = ALL
    stdout: int = 1
    stderr: int = 2
    stdout_rank: int = ALL  # show only this task's
    stderr_rank: int = ALL
    terminal: bool = False  # --pty
    own_allocation: bool = False
    no_kill: bool = False  # -k: a lost node does not end the step


def ranks_text(ranks: list[int]) -> str:
    """
    >>> ranks_text([0]), ranks_text([0, 1, 2, 5])
    ('task 0', 'tasks 0-2,5')
    """
    parts: list[str] = []
    start = previous = ranks[0]
    for rank in [*ranks[1:], -2]:
        if rank == previous + 1:
            previous = rank
            continue
        parts.append(f"{start}-{previous}" if previous > start else str(start))
        start = previous = rank
    return ("tasks " if len(ranks) > 1 else "task ") + ",".join(parts)


def exit_code(status: int) -> int:
    """srun's exit code for a task's wait status."""
    return 128 + (status & 0x7F) if status & 0x7F else status >> 8 & 0xFF


@dataclass
class _Node:
    name: str
    ended: bool = False


@dataclass
class Listener:
    """Where the supervisors connect to."""

    sock: socket.socket
    host: str
    key: bytes = field(default_factory=lambda: os.urandom(KEY_SIZE))

    @classmethod
    def on(cls, host: str, ports: tuple[int, int] | None = None) -> Listener:
        """Listen on loopback where `host` is, else on every interface; `ports` is SrunPortRange.  Raises OSError."""
        address = host if host.startswith("127.") else ""
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        for port in range(ports[0], ports[1] + 1) if ports else (0,):
            try:
                sock.bind((address, port))
                break
            except OSError:
                if ports and port < ports[1]:
                    continue
                sock.close()
                raise
        sock.listen(128)
        sock.setblocking(False)
        return cls(sock, host)

    def fill(self, request: pb.StepRequest) -> None:
        """Say in the step's request where we are."""
        request.io_host = self.host
        request.io_port = self.sock.getsockname()[1]
        request.io_key = self.key


def _whole(created: pb.StepCreated) -> pb.StepRecord:
    """The step with all its parts: in a heterogeneous job, ranks and nodes are numbered through."""
    step = pb.StepRecord()
    step.CopyFrom(created.step)
    for part in created.components:
        step.num_tasks += part.num_tasks
        step.num_nodes += part.num_nodes
        step.nodes.extend(part.nodes)
        step.node_list += f",{part.node_list}"
    return step


class StepWatch:
    """One step from its creation to its end: `run` gives srun's exit code."""

    def __init__(self, voice: Voice, listener: Listener, manner: Manner, conf: str) -> None:
        self.voice, self.listener, self.manner, self.conf = voice, listener, manner, conf
        self.loop = Loop()
        self.job_id = 0
        self.step: pb.StepRecord | None = None
        self.status: dict[int, int] = {}
        self.worst = 0
        self.worst_status = 0
        self.nodes: dict[int, _Node] = {}
        self.channels: dict[Channel, Hello | None] = {}
        self.exchange = Exchange(self._to_node, lambda task: self._mpi_abort(task, 0))
        self._assemblers: dict[Channel, Assembler] = {}
        self.aborted_by: tuple[int, int] | None = None  # the task that has ended the step, and its exit code
        self.over = False  # the controller says so
        self.aborted = False
        self.cancelled = False
        self.announced_abort = False
        self.kill_signal = False
        self.on_created: Callable[[pb.StepRecord], None] = lambda _step: None
        self.before_start: Callable[[pb.StepCreated], None] = lambda _created: None
        self.forcing = False
        self.abort_wait = 32
        self.failure = ""
        self.unbound = ""  # the node that could not bind our tasks
        self.delayed = False
        self._width = 1
        self._last_interrupt = 0.0
        self._first_exit: Timer | None = None
        self._stdin_started = False
        self._stdin_ended = False
        self._dead_output: set[int] = set()
        self._lost: set[str] = set()  # nodes
        self._unfinished: dict[int, bool] = {}
        self.attached = False  # to a step that another srun began
        self._patient = True
        self._client: Client | None = None
        self._restore: Callable[[], None] = lambda: None

    # ------------------------------------------------------------ life

    def run(self, client: Client, request: pb.StepRequest) -> int:
        """Have the step created and see it through.  Raises StepRefused, Unreachable."""
        self.job_id = request.job_id
        for part in (request, *request.components):
            self.listener.fill(part)
        return self._see_through(client, pb.Request(create_step=request))

    def attach(self, client: Client, step: pb.AttachStep) -> int:
        """Join a step that runs until it ends; the exit code.  Raises StepRefused, Unreachable."""
        self.attached = True
        step.io_host, step.io_port, step.io_key = (
            self.listener.host,
            self.listener.sock.getsockname()[1],
            self.listener.key,
        )
        return self._see_through(client, pb.Request(attach_step=step))

    def _see_through(self, client: Client, request: pb.Request) -> int:
        self._client = client
        previous = self._catch_signals()
        try:
            self.loop.watch(self.listener.sock, READ, self._connected)
            client.request(request)
            self.loop.watch(client.sock, READ, self._from_controller)
            self.loop.run()
        finally:
            self._restore()
            for number, handler in previous.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(-1)
            self.listener.sock.close()
            for channel in self.channels:
                channel.close()
            self.loop.close()
        return self._result()

    def _result(self) -> int:
        if self.unbound:
            return self._not_launched()
        if self.failure and not self.status:
            self.voice.error(self.failure)
            return 1
        if self.kill_signal and not self.aborted and self.step is not None:
            self.voice.info(f"Force Terminated {self._id()}")
        if self.aborted_by is not None:
            rank, code = self.aborted_by
            self.worst = code or exit_code(self.status.get(rank, 0)) or 1
            self.worst_status = self.worst << 8
        return self.worst

    def _not_launched(self) -> int:
        text = "Unable to satisfy cpu bind request"
        self.voice.error(self.failure)
        self.voice.error(f"Task launch for {self._id()} failed on node {self.unbound}: {text}")
        self.voice.error(f"Application launch failed: {text}")
        self.voice.info("Job step aborted")
        return CPU_BIND_FAILED >> 8

    def _id(self) -> str:
        assert self.step is not None
        return f"StepId={self.step.job_id}.{step_name(self.step.step_id)}"

    def _tasks_left(self) -> bool:
        return self.step is None or len(self.status) < self.step.num_tasks

    def _check_end(self) -> None:
        if self.attached and self.step is not None and len(self.nodes) < self.step.num_nodes and self._patient:
            return  # they connect one by one
        if self.over and all(hello is not None for hello in self.channels.values()) and not self._streams_open():
            self.loop.stop()

    def _streams_open(self) -> bool:
        return any(not channel.closed and not self._ended(hello) for channel, hello in self.channels.items())

    def _ended(self, hello: Hello | None) -> bool:
        return hello is not None and self.nodes[hello.node_index].ended

    # ------------------------------------------------------------ the controller

    def _from_controller(self, _events: int) -> None:
        assert self._client is not None
        try:
            response = self._client.receive()
        except Unreachable:
            response = None
        if response is None:
            self._controller_gone()
            return
        if response.rc:
            self.loop.stop()
            if self.step is None:
                raise StepRefused(error_of(response))
            self.failure = response.error
            return
        kind = response.WhichOneof("body")
        if kind == "step_created":
            self._created(response.step_created)
        elif kind == "step_event":
            self._event(response.step_event)
        if not response.more:
            self.loop.unwatch(self._client.sock)
            self.over = True
            # A node whose supervisor never came has nothing to say; those that came are heard out.
            self._connected(READ)
            self._check_end()

    def _controller_gone(self) -> None:
        """The controller went away: the step goes on, its supervisors tell us the rest."""
        assert self._client is not None
        self.loop.unwatch(self._client.sock)
        if self.step is None:
            self.loop.stop()
            raise Unreachable("the controller closed the connection")
        self.over = True
        if len(self.nodes) == self.step.num_nodes or not self._tasks_left():
            self._check_end()
            return
        self.failure = "Unable to contact slurm controller (connect failure)"
        self.loop.later(self.abort_wait, self.loop.stop)

    def _created(self, created: pb.StepCreated) -> None:
        self.step = _whole(created)
        self.on_created(created.step)
        self.before_start(created)
        self._width = len(str(max(0, self.step.num_tasks - 1)))
        if self.attached:
            self.loop.later(CONNECT_SECS, self._impatient)
        if created.warning:
            self.voice.info(created.warning)
        if self.delayed:
            self.voice.info(f"Step created for {self._id()}")
        if self.voice.verbosity:
            for part in (created.step, *created.components):
                self._describe(part)
        if self.forcing or self.aborted_by:  # before we knew which step it is
            self._abort()

    def _impatient(self) -> None:
        """Nodes that have not connected to us by now will not: their part of the step is over, or writes to files."""
        self._patient = False
        self._check_end()

    def _describe(self, step: pb.StepRecord) -> None:
        """What -v says of the step."""
        from crane_compat.core.layout import layout_of

        say = self.voice.verbose
        counts = ",".join(f"{node.cpus}(x1)" for node in step.nodes)
        say(f"jobid {step.job_id}: nodes({step.num_nodes}):`{step.node_list}', cpu counts: {counts}")
        say("CpuBindType=(null type)")
        for node, ranks in zip(step.nodes, layout_of(step), strict=True):
            listed = ranks_text(ranks).split()[1] if ranks else ""
            say(f"launching {self._id()} on host {node.node}, {len(ranks)} tasks: {listed}")
        say("topology/default: init: topology Default plugin loaded")

    def _event(self, event: pb.StepEvent) -> None:
        if self.step is None:
            self.delayed = True
            self.voice.verbose(f"Job {self.job_id} step creation temporarily disabled, retrying ({event.error})")
            return
        if event.notice:
            self.voice.info(event.notice)
        if event.node_failed:
            self._node_failed(event.node)
            return
        if event.error_code == Errno.PROLOG_FAILED:
            self._launch_failed(event)
            return
        if event.error and not self.failure:
            self.failure = event.error
            if event.error_code == CPU_BIND_FAILED:
                self.unbound = event.node
                self._abort(quietly=True)  # its other nodes may have begun
        fresh = [(each.task, each.status) for each in event.exits if each.task not in self.status]
        if fresh:
            if event.error and event.node:
                self.voice.error(f"{event.node}: {event.error}")
            self._exits(event.node or self.step.node_list, sorted(fresh))
        if event.oom and not self._tasks_left():
            self.worst = self.worst or OUT_OF_MEMORY

    def _launch_failed(self, event: pb.StepEvent) -> None:
        """A node refuses to run its part of the step."""
        self.voice.error(f"Task launch for {self._id()} failed on node {event.node}: {event.error}")
        if not self.aborted:
            self.voice.error(f"Application launch failed: {event.error}")
        self.worst = self.worst or 1
        for each in event.exits:
            self.status[each.task] = each.status
        if self._tasks_left():
            self._abort()

    def _node_failed(self, name: str) -> None:
        """A node is lost; as recorded, the allocation's owner hears of it twice."""
        self._lost.add(name)
        for _ in range(2 if self.manner.own_allocation else 1):
            self.voice.error(f"Node failure on {name}")
        self.worst = self.worst or 1
        if self.manner.no_kill:
            return
        if self.manner.own_allocation or any(node.name not in self._lost for node in self.nodes.values()):
            self._being_killed()
        else:
            self.loop.stop()  # nobody is left who could tell how the tasks end

    # ------------------------------------------------------------ the nodes

    def _connected(self, _events: int) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                sock, _ = self.listener.sock.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                channel = Channel(sock)
                self.channels[channel] = None
                self._watch(channel)

    def _watch(self, channel: Channel) -> None:
        events = READ | (WRITE if channel.wants_write else 0)
        self.loop.watch(channel, events, self._reader(channel))

    def _reader(self, channel: Channel) -> Callable[[int], None]:
        descriptor = channel.fileno()

        def ready(events: int) -> None:
            if events & WRITE:
                channel.flush()
                self._resume_stdin()
            if events & READ:
                try:
                    for frame in channel.frames():
                        self._frame(channel, frame)
                except StreamError:
                    channel.close()
            if channel.closed:
                self.loop.unwatch(descriptor)
                if (hello := self.channels.get(channel)) is None:
                    self.channels.pop(channel, None)
                else:
                    self.exchange.left(hello.node_index)
                self._check_end()
            elif not channel.wants_write:
                self.loop.watch(channel, READ, ready)

        return ready

    def _frame(self, channel: Channel, frame: Frame) -> None:
        hello = self.channels.get(channel)
        if hello is None:
            key, rest = frame.data[:KEY_SIZE], frame.data[KEY_SIZE:]
            if frame.kind != Kind.HELLO or key != self.listener.key:
                channel.close()
                return
            hello = self.channels[channel] = Hello.unpack(rest)
            self.nodes[hello.node_index] = _Node(hello.node)
            self.abort_wait = hello.abort_wait
            self.voice.verbose(f"Node {hello.node}, {hello.tasks} tasks started")
            self._assemblers[channel] = Assembler()
            self.exchange.arrived(hello.node_index)
            self._begin_stdin()
            return
        manner = self.manner
        if frame.kind == Kind.OUT:
            if manner.stdout_rank in (ALL, frame.rank):
                self._write(manner.stdout, frame.rank, frame.data)
        elif frame.kind == Kind.ERR:
            if manner.stderr_rank in (ALL, frame.rank):
                self._write(manner.stderr, frame.rank, frame.data)
        elif frame.kind == Kind.EXIT:
            self._exits(hello.node, stream.unpack_exits(frame.data))
        elif frame.kind == Kind.NOTICE:
            self.voice.info(frame.data.decode(errors="surrogateescape"))
        elif frame.kind == Kind.ABORT:
            self.abort_wait = stream.unpack_number(frame.data)
            self._being_killed()
        elif frame.kind in (Kind.GATHER, Kind.RELAY):
            if (message := self._assemblers[channel].add(frame)) is not None:
                self.exchange.message(hello.node_index, frame.kind, message)
        elif frame.kind == Kind.LEAVE:
            self.exchange.left(hello.node_index, stream.unpack_number(frame.data))
        elif frame.kind == Kind.MPI_ABORT:
            self._mpi_abort(frame.rank, stream.unpack_number(frame.data))
        elif frame.kind == Kind.END:
            self.nodes[hello.node_index].ended = True
            self._check_end()

    def _send(self, kind: int, rank: int = ALL, data: bytes = b"") -> None:
        for channel, hello in self.channels.items():
            if hello is not None and not channel.closed:
                channel.send(kind, rank, data)
                if not channel.closed:
                    self._watch(channel)

    def _to_node(self, node: int, kind: int, data: bytes) -> None:
        for channel, hello in self.channels.items():
            if hello is not None and hello.node_index == node and not channel.closed:
                channel.send_message(kind, data)
                if not channel.closed:
                    self._watch(channel)

    def _write(self, descriptor: int, rank: int, data: bytes) -> None:
        if descriptor in self._dead_output:
            return
        if self.manner.label and rank >= 0:
            mark = f"{rank:>{self._width}}: ".encode()
            lines = data.split(b"\n")
            if not lines[-1]:
                lines.pop()
            data = b"".join(mark + line + b"\n" for line in lines)
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(descriptor, view) :]
            except BlockingIOError:
                _wait_writable(descriptor)
            except OSError:  # nobody reads it any more
                self._dead_output.add(descriptor)
                return

    # ------------------------------------------------------------ tasks ending

    def _exits(self, node: str, pairs: list[tuple[int, int]]) -> None:
        groups: dict[int, list[int]] = {}
        for rank, status in pairs:
            if rank not in self.status:
                self.status[rank] = status
                groups.setdefault(status, []).append(rank)
        for status, ranks in groups.items():
            if self.voice.verbosity and self.step is not None:
                many = "s" if len(ranks) > 1 else ""
                self.voice.verbose(f"Received task exit notification for {len(ranks)} task{many} of {self._id()} "
                                   f"(status=0x{status:04x}).")  # fmt: skip
            if node not in self._lost:
                self._group(node, status, ranks)
        if not self._tasks_left():
            if self._first_exit is not None:
                self._first_exit.cancel()
            return
        if self.aborted:
            self._say_aborted()
        elif groups and self._first_exit is None and self.manner.wait_secs:
            self._first_exit = self.loop.later(self.manner.wait_secs, self._waited_long_enough)

    def _group(self, node: str, status: int, ranks: list[int]) -> None:
        tasks = f"{node}: {ranks_text(ranks)}"
        code, number = exit_code(status), status & 0x7F
        if number == SETUP_FAILED:  # they never ran
            self.voice.error(f"{ranks_text(ranks)} launch failed: Slurmd could not connect IO")
            self.worst, self.worst_status = max(self.worst, 1), self.worst_status or 1 << 8
            return
        if code > self.worst:
            self.worst, self.worst_status = code, status
        if status == 0:
            self.voice.verbose(f"{tasks}: Completed")
            return
        if number == OUT_OF_MEMORY:
            self.voice.error(f"{tasks}: Out Of Memory")
        elif number:
            if number in (signal.SIGTERM, signal.SIGKILL):
                self.kill_signal = True
            text = (signal.strsignal(number) or f"Unknown signal {number}") + (
                " (core dumped)" if status & 0x80 else ""
            )
            if self.cancelled:
                self.voice.verbose(f"{tasks}: {text}")
            else:
                self.voice.error(f"{tasks}: {text}")
        else:
            self.voice.error(f"{tasks}: Exited with exit code {code}")
        if self.manner.kill_on_bad_exit and not self.aborted:
            self.voice.info(f"Terminating {self._id()}")
            self._abort(quietly=True)

    def _waited_long_enough(self) -> None:
        if not self._tasks_left() or self.aborted:
            return
        self.voice.info(f"First task exited {self.manner.wait_secs}s ago")
        self._print_states()
        self.voice.info(f"Terminating {self._id()}")
        self._abort()

    def _print_states(self) -> None:
        assert self.step is not None
        running = [rank for rank in range(self.step.num_tasks) if rank not in self.status]
        normal = sorted(rank for rank, status in self.status.items() if status == 0)
        abnormal = sorted(rank for rank, status in self.status.items() if status)
        for ranks, text in ((running, "running"), (normal, "exited"), (abnormal, "exited abnormally")):
            if ranks:
                self.voice.info(f"{self._id()} {ranks_text(ranks)}: {text}")

    # ------------------------------------------------------------ ending them

    def _being_killed(self) -> None:
        """A supervisor tells that the step is being ended from outside."""
        if not self.aborted:
            self.aborted = True
            self._give_up_later()
        if self._tasks_left():
            self._say_aborted()

    def _say_aborted(self) -> None:
        if not self.announced_abort:
            self.announced_abort = True
            self.voice.info(f"Job step aborted: Waiting up to {self.abort_wait} seconds for job step to finish.")

    def _abort(self, quietly: bool = False) -> None:
        """End the step: the controller has its supervisors kill it."""
        if self.aborted or self.step is None:
            return
        self.aborted = True
        if not quietly:
            self._say_aborted()
        self._give_up_later()
        name = f"{self.step.job_id}.{step_name(self.step.step_id)}"
        try:
            with Client.controller(self.conf, "srun") as client:
                client.call(pb.Request(cancel=pb.CancelJobs(ids=[name])), check=False)
        except Unreachable:
            self._send(Kind.SIGNAL, data=stream.pack_number(signal.SIGKILL))

    def _mpi_abort(self, rank: int, code: int) -> None:
        """A task ends the step, or its end makes the others wait in vain."""
        self.aborted_by = self.aborted_by or (rank, code)
        self._abort()

    def _give_up_later(self) -> None:
        self.loop.later(self.abort_wait, self._give_up)

    def _give_up(self) -> None:
        if self._tasks_left() or not self.over:
            self.voice.error("Timed out waiting for job step to complete")
            self.worst = self.worst or 1
            self.loop.stop()

    # ------------------------------------------------------------ signals to srun

    def _catch_signals(self) -> dict[int, Any]:
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        self._pipes = (reader, writer)
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        previous: dict[int, Any] = {}
        numbers = [signal.SIGINT, signal.SIGQUIT, signal.SIGCONT, *ENDING, *FORWARDED]
        if self.manner.terminal:
            numbers.append(signal.SIGWINCH)
        for number in numbers:
            previous[number] = signal.signal(number, lambda *_: None)
        previous[signal.SIGPIPE] = signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        self.loop.watch(reader, READ, self._signalled)
        return previous

    def _signalled(self, _events: int) -> None:
        try:
            numbers = self._pipes[0].recv(256)
        except BlockingIOError:
            return
        for number in numbers:
            self._signal(number)

    def _signal(self, number: int) -> None:
        if number == signal.SIGINT:
            self._interrupt()
        elif number in ENDING or number == signal.SIGQUIT:
            self._force()
        elif number == signal.SIGCONT:
            if not self.attached:
                self.voice.info("got SIGCONT")
        elif number == signal.SIGWINCH:
            self._send_window()
        elif number in FORWARDED:
            self.voice.verbose(f"forwarding signal {number} to the step")
            self._send(Kind.SIGNAL, data=stream.pack_number(number))

    def _force(self) -> None:
        if self.attached:
            self.worst = self.worst or 1
            self.loop.stop()
            return
        if not self.forcing:
            self.forcing = True
            self.voice.info("forcing job termination")
        if self.step is None:
            self.loop.stop()
            self.failure = "Job step creation interrupted"
            return
        self._abort()

    def _interrupt(self) -> None:
        if self.attached:  # it is not ours to end
            self.worst = self.worst or 128 + signal.SIGINT
            self.loop.stop()
            return
        if self.manner.quit_on_interrupt or self.step is None:
            self._force()
            return
        now = time.monotonic()
        if now - self._last_interrupt > INTERRUPT_SECS and not self.manner.no_status:
            self._last_interrupt = now
            self.voice.info("interrupt (one more within 1 sec to abort)")
            self._print_states()
            return
        self.voice.info(f"sending Ctrl-C to {self._id()}")
        self._send(Kind.SIGNAL, data=stream.pack_number(signal.SIGINT))
        self.cancelled = True
        self._force()

    # ------------------------------------------------------------ standard input

    def _begin_stdin(self) -> None:
        """Read our input once every node is there to get it."""
        manner, step = self.manner, self.step
        if self._stdin_started:
            return
        if step is None or len(self.nodes) < step.num_nodes:
            if step is None:  # the supervisors were faster than the controller's answer
                self.loop.later(0.001, self._begin_stdin)
            return
        self._stdin_started = True
        if manner.terminal:
            self._raw_terminal()
        if manner.stdin is None:
            return
        if manner.stdin_rank != ALL and not self.attached:
            for rank in range(step.num_tasks):
                if rank != manner.stdin_rank:
                    self._send(Kind.STDIN_EOF, rank)
        self._resume_stdin()

    def _resume_stdin(self) -> None:
        descriptor = self.manner.stdin
        if descriptor is None or not self._stdin_started or self._stdin_ended:
            return
        try:
            self.loop.watch(descriptor, READ, self._read_stdin)
        except (PermissionError, ValueError, OSError):  # a plain file is always ready, and epoll will not take it
            self.loop.later(0, lambda: self._read_stdin(READ))

    def _read_stdin(self, _events: int) -> None:
        descriptor = self.manner.stdin
        if descriptor is None or self._stdin_ended:
            return
        if any(channel.full for channel in self.channels):
            self.loop.unwatch(descriptor)  # until the channel has room again: _reader
            return
        try:
            data = os.read(descriptor, 64 << 10)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._send(Kind.STDIN, self.manner.stdin_rank, data)
            self._resume_stdin()
            return
        self._stdin_ended = True
        self.loop.unwatch(descriptor)
        if not self.attached:  # the tasks' input ends with that of their srun
            self._send(Kind.STDIN_EOF, self.manner.stdin_rank)

    # ------------------------------------------------------------ --pty

    def _raw_terminal(self) -> None:
        import termios
        import tty

        try:
            before = termios.tcgetattr(0)
            tty.setraw(0, termios.TCSADRAIN)  # what was typed ahead stays
        except termios.error:
            return
        self._restore = lambda: termios.tcsetattr(0, termios.TCSADRAIN, before)

    def _send_window(self) -> None:
        with contextlib.suppress(OSError):
            size = os.get_terminal_size(0)
            self._send(Kind.WINDOW, data=stream.pack_window(size.lines, size.columns))


def _wait_writable(descriptor: int) -> None:
    import select

    select.select([], [descriptor], [])


def own_descriptor(name: str, default: int) -> int:
    """The descriptor behind sys.stdout or sys.stderr, flushed; `default` where it has none."""
    file = getattr(sys, name)
    file.flush()
    try:
        return int(file.fileno())
    except (OSError, ValueError, AttributeError):
        return default
