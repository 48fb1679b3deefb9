"""The process that owns one step on one node.

It starts the tasks, carries their input and output, watches what they use,
ends them when it is told to, and reports how they ended.  It outlives the node
daemon: whoever comes next finds it through the spool (`spool`, `adopt`).

Life: set-up → RUNNING → (all tasks exited) → ENDING, what the tasks left
behind is killed → FLUSHING, srun gets the last output → DONE, reported until
acknowledged.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from enum import Enum, auto

from setproctitle import setproctitle

from crane_compat.core import job_env
from crane_compat.core.errors import CPU_BIND_FAILED
from crane_compat.core.states import ALL_STEPS, BATCH_STEP, step_name
from crane_compat.parsers import multi_prog
from crane_compat.parsers.binding import BindingError
from crane_compat.wire import FrameError, pb, recv_frame, send

from . import file_writer, messages, mpi, procfs, spool, stream, task_io, tasks, tracking
from .binding import Binder
from .control import Peer
from .loop import READ, Loop, Timer
from .output import NO_TASK, Identity, Names, open_input, open_output, path_of, rights_of
from .settings import task_frequency
from .tasks import Task
from .usage import Meter

_prctl = ctypes.CDLL(None).prctl
_PR_SET_CHILD_SUBREAPER = 36

#: Seconds within which exits of several tasks are reported together.
EXIT_GATHER_SECS = 0.02

#: Seconds the end of a step may wait for its acknowledgement before it is written to the spool.
ACK_SECS = 0.5

#: Seconds past the time limit after which the supervisor ends the step itself.
DEADLINE_GRACE_SECS = 60.0

#: Seconds for srun to take the last output of a step that is being killed.
FLUSH_SECS = 5.0

#: Seconds that a further listener has to take our connection; the tasks' streams wait meanwhile.
ATTACH_SECS = 2.0

#: Seconds srun waits beyond KillWait for a killed step.
ABORT_EXTRA_SECS = 2

#: Wait status that stands for "out of memory" (shown as 0:125).
OUT_OF_MEMORY = 125

#: A job's batch step and its steps are ended at the same time, but what they say of it shall be in order: who is
#: told what when, in multiples of this time (seconds).
STAGGER_SECS = 0.01

#: (batch step?, for a reason of its own, as a time limit?) → when what is done
_ENDING_PLANS: dict[tuple[bool, bool], tuple[tuple[int, str], ...]] = {
    (False, False): ((0, "abort"), (2, "announce"), (6, "wake"), (6, "end")),
    (True, False): ((0, "wake"), (4, "announce"), (4, "end")),
    (False, True): ((1, "announce"), (6, "wake"), (6, "end")),
    (True, True): ((0, "announce"), (2, "wake"), (4, "end")),
}

#: Seconds that what a script leaves behind when it ends on SIGTERM has for ending, too.
LAST_WORDS_SECS = 1.0

#: What keeps an extern step alive until it is ended (three years).
EXTERN_COMMAND = [b"/bin/sleep", b"100000000"]

DEFAULT_BATCH_OUTPUT = "slurm-%j.out"
DEFAULT_ARRAY_OUTPUT = "slurm-%A_%a.out"


class Phase(Enum):
    RUNNING = auto()
    ENDING = auto()
    FLUSHING = auto()
    DONE = auto()


class SetupError(Exception):
    """The step cannot be started; the text says why (for the log and the step's error)."""

    def __init__(self, text: str, code: int = 0) -> None:
        super().__init__(text)
        self.code = code


class TakenError(Exception):
    """Another supervisor has taken this life of the step on."""


class Supervisor:
    def __init__(self, launch: pb.StepLaunch, sock: socket.socket) -> None:
        self.launch = launch
        self.settings = launch.settings
        self.batch = launch.step_id == BATCH_STEP
        self.request = launch.request
        self.spec = launch.job.spec if self.batch else launch.request.spec
        self.loop = Loop()
        self.files = spool.StepFiles(self.settings.spool, launch.job_id, launch.step_id, launch.epoch)
        self.user = Identity.of(launch.user, launch.uid, launch.gid)
        self.peers: list[Peer] = []
        self.phase = Phase.RUNNING
        self.tasks: list[Task] = []
        self.by_pid: dict[int, Task] = {}
        self.epilogs: dict[int, Task] = {}
        self.streams: task_io.Streams | None = None
        self.mpi: mpi.Plugin | None = None
        self.helpers: set[int] = set()  # children that are ours, not the step's
        self.messages_to: list[int] = []  # descriptors of the job's own error file
        self.announced = False
        self.aborted = False
        self._terminating = False
        self._last_words = False
        self._frozen = False
        self.over_memory = False
        self.done: pb.StepDone | None = None
        self.acknowledged = False
        self.error = ""
        self._pending_exits: list[Task] = []
        self._exit_timer: Timer | None = None
        self._deadline: Timer | None = None
        self._kill_timer: Timer | None = None
        self._listener: socket.socket | None = None
        self._opened: dict[str, int] = {}
        self.tracker: tracking.Tracker = tracking.ProcessTree(os.getpid())
        self._first_peer = Peer(self.loop, sock, self._message, self._gone)
        self.peers.append(self._first_peer)

    # ------------------------------------------------------------ set-up

    def start(self) -> None:
        """Bring the tasks to life.  Raises SetupError, OSError."""
        self._signals()
        me = procfs.read(os.getpid())
        self.settings.supervisor_pid = os.getpid()
        self.settings.supervisor_start = me.start if me else 0
        conf = [item for item in self.launch.env if item.startswith(b"SLURM_CONF=")]
        self.settings.conf_file = os.fsdecode(conf[-1].partition(b"=")[2]) if conf else ""
        spool.make_directories(self.settings.spool)
        if not self.files.claim(self.launch):
            raise TakenError
        self._listener = self.files.listen()
        self.loop.watch(self._listener, READ, self._accept)
        try:
            binder = Binder.of(self.launch)
        except BindingError as exc:
            raise SetupError(str(exc), CPU_BIND_FAILED) from None
        self.tracker = tracking.create(self.settings, self.launch, os.getpid())
        memory = self.launch.alloc.memory or self.launch.job_alloc.memory
        if memory and self.settings.constrain_ram:
            self.tracker.limit_memory(memory)
        binder.confine(self.tracker, self.launch)
        argv = self._arguments()
        shared_env = job_env.node_env(self.launch)
        if self.request.bcast:
            argv = self._sent_program(argv, shared_env)
        self._connect()
        self.program = tasks.Program(
            user=self.user,
            work_dir=self.spec.work_dir or "/",
            umask=self.spec.umask,
            rlimits=list(self.spec.rlimits),
            shared_env=shared_env | binder.environment(),
            tracker=self.tracker,
            binder=binder,
            memory=self.launch.job_alloc.memory,
            prologs=self._hooks(self.settings.task_prolog, self.request.task_prolog),
            new_session=False,
        )
        self.program.get_user_env = self.batch and b"SLURM_GET_USER_ENV" in self.program.shared_env
        self.epilog_paths = self._hooks(self.settings.task_epilog, self.request.task_epilog)
        ranks = list(self.launch.task_ids) or [0]
        self.tasks = [Task(rank, local, argv(rank)) for local, rank in enumerate(ranks)]
        self.meter = Meter(self.launch.node, self.tasks)
        self._serve_mpi()
        self._check_directory()
        try:
            for task in self.tasks:
                self._fork(task)
        except OSError as exc:
            self._files_failed(exc)
        self._set_deadline(self.launch.deadline)
        # --acctg-freq overrides the site's interval; where the site samples nothing there is nothing to override
        asked = self.spec.acctg_freq or self.launch.job.spec.acctg_freq
        if asked and self.settings.sample_secs:
            self.settings.sample_secs = task_frequency(asked)
        if self.settings.sample_secs:
            self.loop.later(self.settings.sample_secs, self._sample)
        self._report(pb.NodeUp(started=self._started()))
        self._check_end()  # where files failed there is nothing to wait for

    def _signals(self) -> None:
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        self._wakeup = (reader, writer)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
        self.loop.watch(reader, READ, self._signalled)

    def _arguments(self) -> Callable[[int], list[bytes]]:
        """A function from rank to the argument vector of that task."""
        if self.spec.container:
            raise SetupError("Container is not configured")  # better than to run outside of it
        if self.request.external:
            return lambda rank: EXTERN_COMMAND
        if self.batch:
            path = spool.write_script(
                self.settings.spool, self.launch.job_id, self.launch.script, self.launch.uid, self.launch.gid
            )
            argv = [os.fsencode(path), *self.spec.argv]
            return lambda rank: argv
        if self.request.multi_prog:
            name = os.fsdecode(self.spec.argv[0]) if self.spec.argv else ""
            plan = multi_prog.parse(self.request.multi_prog_conf, self.request.het_tasks or self.launch.num_tasks, name)
            return lambda rank: plan.argv(rank)
        if not self.spec.argv:
            raise SetupError("the step has no command")
        return lambda rank: list(self.spec.argv)

    def _hooks(self, site: Iterable[str], own: str) -> list[str]:
        """TaskProlog or TaskEpilog of the site, then srun's."""
        return [] if self.request.external else [*site, *filter(None, (own,))]

    def _sent_program(
        self, argv: Callable[[int], list[bytes]], env: dict[bytes, bytes]
    ) -> Callable[[int], list[bytes]]:
        """The program that srun --bcast has sent here, in the place of the one it was made from."""
        launch = self.launch
        path = file_writer.destination(os.fsencode(self.request.bcast[0]), launch.job_id, launch.step_id, launch.node)
        if self.request.libraries_sent:
            before = env.get(b"LD_LIBRARY_PATH")
            env[b"LD_LIBRARY_PATH"] = file_writer.library_directory(path) + (b":" + before if before else b"")
        return lambda rank: [path, *argv(rank)[1:]]

    def _connect(self) -> None:
        """Open the conversation with srun, where one waits for it."""
        if not self.request.io_host or not self.request.io_port or self.batch:
            return
        try:
            sock = socket.create_connection((self.request.io_host, self.request.io_port), 10.0)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as exc:
            raise SetupError(f"srun at {self.request.io_host} cannot be reached: {exc.strerror or exc}") from exc
        channel = stream.Channel(sock)
        self.streams = task_io.Streams(self.loop, channel, self._signal_all)
        wait = self.settings.kill_wait + ABORT_EXTRA_SECS
        hello = stream.Hello(self.launch.node_index, len(self.launch.task_ids) or 1, wait, self.launch.node)
        channel.send(stream.Kind.HELLO, stream.ALL, self.request.io_key + hello.pack())

    def _serve_mpi(self) -> None:
        """Have the tasks find a server for their MPI library, where the step asks for one."""
        if self.batch:
            return
        try:
            self.mpi = mpi.create(self.launch, self.user, self.tasks, self.loop, self._to_srun, self._mpi_abort)
        except mpi.MpiError as exc:
            raise SetupError(str(exc)) from exc
        if self.mpi is None:
            return
        self.helpers |= self.mpi.helpers()
        if isinstance(self.tracker, tracking.ProcessTree):
            self.tracker.apart = self.helpers
        if self.streams:
            self.streams.on_message, self.streams.on_lost = self.mpi.message, self.mpi.cut_off
        else:
            self.mpi.cut_off()

    def _to_srun(self, kind: int, data: bytes) -> None:
        """A message for the MPI servers of the other nodes."""
        if self.streams:
            self.streams.channel.send_message(kind, data)
            self.streams.watch()

    def _mpi_abort(self, rank: int, code: int) -> None:
        """A task ends the step; without srun at least its part on this node."""
        if self.streams and not self.streams.channel.closed:
            self.streams.channel.send(stream.Kind.MPI_ABORT, rank, stream.pack_number(code))
            self.streams.watch()
        elif self.phase is Phase.RUNNING:
            self._signal_pids(signal.SIGKILL)
            self._expect_death()

    def _names(self, rank: int) -> Names:
        job = self.launch.job
        return Names(
            job_id=self.launch.job_id,
            step=step_name(self.launch.step_id),
            node=self.launch.node,
            node_index=self.launch.node_index,
            rank=rank,
            user=self.launch.user,
            job_name=self.launch.job_name or self.spec.name,
            array_job_id=job.array_job_id,
            array_task_id=job.array_task_id if job.HasField("array_task_id") else NO_TASK,
            restarts=job.restarts,
        )

    def _path(self, pattern: str, rank: int) -> str:
        return path_of(self._names(rank).expand(pattern), self.spec.work_dir)

    def _check_directory(self) -> None:
        with rights_of(self.user):
            try:
                os.chdir(self.spec.work_dir or "/")
            except OSError as exc:
                self._directory_error = (
                    f"couldn't chdir to `{self.spec.work_dir}': {exc.strerror}: going to /tmp instead"
                )
            else:
                self._directory_error = ""
            finally:
                os.chdir("/")

    def _output(self, pattern: str, rank: int) -> int:
        """The opened output file of a task; tasks with the same file share it."""
        path = self._path(pattern, rank)
        if path not in self._opened:
            mode = self.spec.open_mode
            again = self.launch.job.restarts > 0 and not self.launch.job.spec.HasField("cron")
            append = mode.startswith("a") or (not mode and (self.settings.append_output or again))
            self._opened[path] = open_output(path, append, self.spec.umask, self.user)
        return self._opened[path]

    def _patterns(self) -> tuple[str, str, str]:
        """File name patterns of stdin, stdout and stderr; "" = srun."""
        spec = self.spec
        if not self.batch:
            return spec.std_in, spec.std_out, spec.std_err
        default = DEFAULT_ARRAY_OUTPUT if self.launch.job.array_job_id else DEFAULT_BATCH_OUTPUT
        out = spec.std_out or default
        return spec.std_in or "/dev/null", out, spec.std_err or out

    def _fork(self, task: Task) -> None:
        """Fork one task with its three streams.  Raises OSError where a file of the user's cannot be opened."""
        close: list[int] = []
        std_in, std_out, std_err = self._patterns()
        streams = self.streams
        rank = task.rank
        new_session = False
        if not streams and not self.batch:
            std_in, std_out, std_err = (text or "/dev/null" for text in (std_in, std_out, std_err))
        try:
            if self.request.pty and streams and rank == 0:
                stdin, close = self._terminal(rank)
                stdout = stderr = stdin
                new_session = True
            else:
                if self.request.pty and streams:
                    std_in = std_out = std_err = "/dev/null"
                if std_in:
                    stdin = open_input(self._path(std_in, rank), self.user)
                    close.append(stdin)
                else:
                    stdin, sink = os.pipe()
                    close.append(stdin)
                    assert streams is not None
                    streams.add_input(rank, sink)
                stdout = self._output(std_out, rank) if std_out else self._pipe(rank, stream.Kind.OUT, close)
                stderr = self._output(std_err, rank) if std_err else self._pipe(rank, stream.Kind.ERR, close)
                if std_err:
                    if stderr not in self.messages_to:
                        self.messages_to.append(stderr)
            if self._directory_error and task.local_id == 0:
                self.say(self._directory_error)
            if self.mpi:
                self.mpi.prepare(task)
            pid = os.fork()
            if pid == 0:
                self.program.new_session = new_session
                tasks.run(self.program, task, stdin, stdout, stderr)
            task.pid = pid
            if self.mpi:
                self.mpi.forked(task)
            self.by_pid[pid] = task
            if self.epilog_paths:
                task.files = [os.dup(stderr)]
        finally:
            for descriptor in close:
                os.close(descriptor)

    def _pipe(self, rank: int, kind: int, close: list[int]) -> int:
        assert self.streams is not None
        if self.request.unbuffered and kind == stream.Kind.OUT:
            source, sink = task_io.open_terminal(raw_output=True)
        else:
            source, sink = os.pipe()
        close.append(sink)
        self.streams.add_output(rank, kind, source, by_line=not self.request.unbuffered)
        return sink

    def _terminal(self, rank: int) -> tuple[int, list[int]]:
        assert self.streams is not None
        master, slave = task_io.open_terminal(raw_output=False)
        if os.geteuid() == 0:
            os.fchown(slave, self.user.uid, -1)
        if self.request.win_rows:
            task_io.set_window(master, self.request.win_rows, self.request.win_cols)
        self.streams.terminal = master
        self.streams.add_input(rank, os.dup(master), terminal=True)
        self.streams.add_output(rank, stream.Kind.OUT, master, by_line=False)
        return slave, [slave]

    def _files_failed(self, exc: OSError) -> None:
        """A file of the user's could not be opened: the tasks end with 0:53 without having run."""
        if not self.batch:
            self.say(f"Could not open file {exc.filename}: {exc.strerror}")
        for task in self.tasks:
            if not task.pid:
                task.status = tasks.SETUP_FAILED
                self._pending_exits.append(task)
        self._signal_pids(signal.SIGKILL)

    # ------------------------------------------------------------ words to the job and to the node daemon

    def say(self, text: str) -> None:
        """Write a line of our own where the step's error output goes."""
        data = messages.line(text)
        if self.messages_to:
            for descriptor in self.messages_to[:1]:
                with contextlib.suppress(OSError):
                    os.write(descriptor, data)
        elif self.streams:
            rank = self.tasks[0].rank if self.tasks else 0
            self.streams.send(stream.Kind.ERR, rank, data)
            self.streams.after_output()

    def _report(self, message: pb.NodeUp) -> None:
        for peer in list(self.peers):
            peer.send(message)

    def _started(self) -> pb.StepStarted:
        launch = self.launch
        return pb.StepStarted(
            job_id=launch.job_id,
            step_id=launch.step_id,
            node=launch.node,
            epoch=launch.epoch,
            pids=[task.pid for task in self.tasks if task.pid],
        )

    def _exits(self, which: list[Task]) -> list[pb.TaskExit]:
        return [pb.TaskExit(task=task.rank, status=task.status or 0) for task in which]

    # ------------------------------------------------------------ from the node daemon

    def _accept(self, _events: int) -> None:
        assert self._listener is not None
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return
        peer = Peer(self.loop, sock, self._message, self._gone)
        self.peers.append(peer)
        peer.send(pb.NodeUp(started=self._started()))
        if self.done is not None:
            peer.send(pb.NodeUp(done=self.done))

    def _gone(self, peer: Peer) -> None:
        self.peers.remove(peer)
        if self.phase is Phase.DONE and not self.peers:
            self._leave()

    def _message(self, peer: Peer, message: pb.NodeDown) -> None:
        kind = message.WhichOneof("msg")
        if kind == "signal":
            self._signal(message.signal)
        elif kind == "terminate":
            self._terminate(message.terminate)
        elif kind == "update_limit":
            self._set_deadline(message.update_limit.deadline)
        elif kind == "notice":
            self._notice(message.notice.text)
        elif kind == "ping":
            self.meter.sample(self.tracker.pids())
            peer.send(pb.NodeUp(usage=self._usage_now()))
        elif kind == "attach":
            self._attach(message.attach)
        elif kind == "ack":
            self._acknowledge()

    def _attach(self, told: pb.AttachStep) -> None:
        """Somebody else wants to see and feed the tasks: connect to it as to srun."""
        if self.streams is None or self.phase is not Phase.RUNNING:
            return
        try:
            sock = socket.create_connection((told.io_host, told.io_port), ATTACH_SECS)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            return  # it has gone, or cannot be reached: nobody else is told
        channel = stream.Channel(sock)
        wait = self.settings.kill_wait + ABORT_EXTRA_SECS
        hello = stream.Hello(self.launch.node_index, len(self.launch.task_ids) or 1, wait, self.launch.node)
        channel.send(stream.Kind.HELLO, stream.ALL, told.io_key + hello.pack())
        self.streams.attach(channel)

    def _usage_now(self) -> pb.StepUsage:
        launch = self.launch
        return pb.StepUsage(
            job_id=launch.job_id,
            step_id=launch.step_id,
            node=launch.node,
            usage=self.meter.usage(),
            pids=self.tracker.pids(),
            tasks=[
                pb.TaskPid(pid=task.pid, local=task.local_id, task=task.rank)
                for task in self.tasks
                if task.pid and task.status is None
            ],
        )

    def _notice(self, text: str) -> None:
        if self.streams:
            self.streams.send(stream.Kind.NOTICE, stream.ALL, text.encode(errors="surrogateescape"))
            self.streams.after_output()
        else:
            self.say(text)

    # ------------------------------------------------------------ signals and endings

    def _signal_pids(self, number: int) -> int:
        return tracking.send_signal(self.tracker.pids(), number)

    def _signal_all(self, number: int) -> None:
        """srun passes a signal on to its tasks."""
        if 0 < number < signal.NSIG and self.phase is Phase.RUNNING:
            self._signal_pids(number)

    def _signal(self, request: pb.SignalStep) -> None:
        number = request.signal
        if not 0 < number < signal.NSIG:
            return
        if self.request.external and number not in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTSTP, signal.SIGCONT):
            return  # nobody's program
        if self.batch:
            if request.steps_only or (request.step_id == ALL_STEPS and not (request.batch_only or request.full)):
                return
        elif request.batch_only:
            return
        if request.message:
            # As recorded: a step at its own time limit is not "aborted" for its srun, a cancelled one is.
            self._announce(request.message, number, time.time(), abort=request.message not in messages.REASONS)
        if self.batch and request.batch_only:
            tracking.send_signal([task.pid for task in self.tasks if task.pid and task.status is None], number)
        elif number in (signal.SIGSTOP, signal.SIGTSTP):
            self.tracker.freeze()
            self._frozen = True
        elif number == signal.SIGCONT:
            self._thaw()
            self._signal_pids(number)
        else:
            self._signal_pids(number)
        if number == signal.SIGKILL:
            self._expect_death()

    def _thaw(self) -> None:
        if self._frozen:
            self._frozen = False
            with contextlib.suppress(OSError):
                self.tracker.thaw()

    def _announce(self, reason: str, number: int, moment: float, abort: bool = True) -> None:
        """Say once in the output that the step is being ended, and let srun know."""
        first = self.launch.node_index == 0 and not self.announced and self.phase is Phase.RUNNING
        if first:
            self.announced = True
            text = (
                reason
                if reason.startswith("***")
                else messages.ended(self.launch.job_id, self.launch.step_id, self.launch.node, reason, number, moment)
            )
            self.say(text)
        if abort:
            self._abort()

    def _abort(self) -> None:
        if self.streams and not self.aborted:
            self.aborted = True
            wait = self.settings.kill_wait + ABORT_EXTRA_SECS
            self.streams.send(stream.Kind.ABORT, stream.ALL, stream.pack_number(wait))
            self.streams.after_output()

    def _terminate(self, request: pb.TerminateJob) -> None:
        if self.phase is not Phase.RUNNING:
            return
        number = signal.SIGKILL if request.now else signal.SIGTERM
        if self._terminating:
            if request.now:
                self._kill()
            return
        self._terminating = True
        self._thaw()
        tell = request.reason or not self.batch
        moment = request.time or time.time()

        # of a lost node srun has told already: its step ends without a word
        tell = tell and (self.batch or request.reason != "NODE FAILURE")

        def announce() -> None:
            if tell:  # as recorded, a step at its own time limit is not "aborted" for its srun
                own_limit = request.HasField("step_id") and request.reason in messages.REASONS
                self._announce(request.reason, number, moment, abort=not own_limit)

        def wake() -> None:
            self._signal_pids(signal.SIGCONT)

        def end() -> None:
            if self.phase is not Phase.RUNNING:
                return
            self._signal_pids(number)
            if request.now:
                self._expect_death()
            elif self._kill_timer is None:
                wait = request.kill_wait or self.settings.kill_wait
                self._kill_timer = self.loop.later(wait, self._kill)

        if request.now:
            announce()
            end()
            return
        plan = _ENDING_PLANS[self.batch, request.reason in messages.REASONS]
        actions = {"abort": self._abort if tell else wake, "announce": announce, "wake": wake, "end": end}
        for delay, name in plan:
            if delay:
                self.loop.later(delay * STAGGER_SECS, actions[name])
            else:
                actions[name]()

    def _kill(self) -> None:
        if self.phase in (Phase.RUNNING, Phase.ENDING):
            self._signal_pids(signal.SIGKILL)
            self._expect_death()

    def _expect_death(self) -> None:
        """SIGKILL was sent: repeat it for processes that were being forked, give up after UnkillableStepTimeout."""
        if self._kill_timer is not None:
            self._kill_timer.cancel()
        end = time.monotonic() + (self.settings.unkillable_secs or 60)
        pause = 0.05

        def again() -> None:
            nonlocal pause
            if self.phase not in (Phase.RUNNING, Phase.ENDING):
                return
            if time.monotonic() > end:
                self.error = "Kill task failed"
                self._give_up()
                return
            self._signal_pids(signal.SIGKILL)
            pause = min(pause * 2, 5.0)
            self._kill_timer = self.loop.later(pause, again)

        self._kill_timer = self.loop.later(pause, again)

    def _give_up(self) -> None:
        """Some process does not die: report the step as ended all the same."""
        for task in self.tasks:
            if task.status is None:
                task.status = signal.SIGKILL
                self._pending_exits.append(task)
        self._flush_exits()
        self._finish()

    def _set_deadline(self, deadline: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if deadline:
            delay = max(0.0, deadline - time.time()) + DEADLINE_GRACE_SECS
            reason = pb.TerminateJob(reason="TIME LIMIT")
            self._deadline = self.loop.later(delay, lambda: self._terminate(reason))

    # ------------------------------------------------------------ memory

    def _sample(self) -> None:
        if self.phase is not Phase.RUNNING:
            return
        resident = self.meter.sample(self.tracker.pids())
        memory = self.launch.alloc.memory or self.launch.job_alloc.memory
        if self.settings.over_memory_kill and memory and resident > memory * 1024 and not self.over_memory:
            self._exceeded(resident * 1024, memory << 20)
        self.loop.later(self.settings.sample_secs, self._sample)

    def _exceeded(self, used: int, limit: int) -> None:
        """The step has grown over its memory (OverMemoryKill): say so as Slurm does, twice, and kill it."""
        self.over_memory = True
        text = (
            f"StepId={self.launch.job_id}.{step_name(self.launch.step_id)} exceeded memory limit "
            f"({used} > {limit}), being killed"
        )
        self.say(text)
        self._tell_job("Exceeded job memory limit")
        self._announce("MEMORY", signal.SIGKILL, time.time())
        self._signal_pids(signal.SIGKILL)
        self.say(text)
        self._tell_job("Exceeded job memory limit")
        self._expect_death()

    def _tell_job(self, text: str) -> None:
        """A word for whoever holds the job: its batch script's output, else its srun."""
        if not self.batch and self.launch.job.batch_flag:
            with contextlib.suppress(OSError):
                files = spool.StepFiles(self.settings.spool, self.launch.job_id, BATCH_STEP, self.launch.epoch)
                with files.connect() as sock:
                    send(sock, pb.NodeDown(notice=pb.JobNotice(job_id=self.launch.job_id, text=text)))
            return
        self._notice(text)

    # ------------------------------------------------------------ exits

    def _signalled(self, _events: int) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wakeup[0].recv(4096)
        self._reap()

    def _reap(self) -> None:
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            task = self.by_pid.pop(pid, None)
            if task is not None:
                task.user_sec, task.system_sec = usage.ru_utime, usage.ru_stime
                task.status = status
                self._task_ended(task)
            elif (task := self.epilogs.pop(pid, None)) is not None:
                if status:
                    self.say(f"TaskEpilog failed status={os.waitstatus_to_exitcode(status)}")
                task.epilog = 0
                self._task_over(task)
            elif pid in self.helpers:
                self.helpers.discard(pid)
            else:  # a process that outlived its parent and came to us
                self.meter.orphan_user += usage.ru_utime
                self.meter.orphan_system += usage.ru_stime
        self._check_end()

    def _task_ended(self, task: Task) -> None:
        if self.mpi:
            self.mpi.ended(task)
        if task.files and self.epilog_paths:
            pid = os.fork()
            if pid == 0:
                tasks.run_epilog(self.program, task, self.epilog_paths, *task.files)
            task.epilog = pid
            self.epilogs[pid] = task
            return
        self._task_over(task)

    def _task_over(self, task: Task) -> None:
        for descriptor in task.files:
            os.close(descriptor)
        task.files = []
        self._pending_exits.append(task)
        if self._exit_timer is None:
            self._exit_timer = self.loop.later(EXIT_GATHER_SECS, self._flush_exits)

    def _flush_exits(self) -> None:
        """Report the exits gathered so far; what the tasks wrote goes first."""
        if self._exit_timer is not None:
            self._exit_timer.cancel()
            self._exit_timer = None
        exits, self._pending_exits = self._pending_exits, []
        if not exits:
            return
        if self.tracker.oom_killed():
            for task in exits:
                if task.status == signal.SIGKILL:
                    task.status = OUT_OF_MEMORY
        for task in exits:
            task.reported = True
        if self.streams:
            for task in exits:
                self.streams.drain(task.rank)
            pairs = sorted((task.rank, task.status or 0) for task in exits)
            self.streams.send(stream.Kind.EXIT, stream.ALL, stream.pack_exits(pairs))
            self.streams.after_output()
        if not all(task.reported for task in self.tasks):
            launch = self.launch
            self._report(
                pb.NodeUp(
                    exits=pb.TaskExits(
                        job_id=launch.job_id, step_id=launch.step_id, node=launch.node, exits=self._exits(exits)
                    )
                )
            )

    def _check_end(self) -> None:
        if self.phase is Phase.RUNNING and all(task.status is not None and not task.epilog for task in self.tasks):
            self.phase = Phase.ENDING
            if self.mpi:
                self.mpi.close()
            self._flush_exits()
        if self.phase is not Phase.ENDING:
            return
        if self.nothing_left():
            self._finish()
            return
        if self._terminating and not self._last_words:
            self._last_words = True
            wait = min(self.settings.kill_wait, LAST_WORDS_SECS)
            if self._kill_timer is not None:
                self._kill_timer.cancel()
            self._kill_timer = self.loop.later(wait, self._kill)
        elif self._kill_timer is None:
            self._signal_pids(signal.SIGKILL)
            self._expect_death()

    def nothing_left(self) -> bool:
        """No process of the step lives.  A subreaper without children has no descendants at all."""
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return isinstance(self.tracker, tracking.ProcessTree) or not self.tracker.pids()
        return False

    # ------------------------------------------------------------ the end

    def _finish(self) -> None:
        if self.phase in (Phase.FLUSHING, Phase.DONE):
            return
        self.phase = Phase.FLUSHING
        if self.mpi:
            self.mpi.close()
        if self._kill_timer is not None:
            self._kill_timer.cancel()
        oom = self.tracker.oom_killed()
        if oom:
            name = f"{self.launch.job_id}.{step_name(self.launch.step_id)}"
            self.say(f"Detected 1 oom_kill event in StepId={name}. Some of the step tasks have been OOM Killed.")
        launch = self.launch
        self.done = pb.StepDone(
            job_id=launch.job_id,
            step_id=launch.step_id,
            node=launch.node,
            epoch=launch.epoch,
            exits=self._exits(self.tasks),
            usage=self.meter.usage() if self.tasks else None,
            oom=oom,
            over_memory=self.over_memory,
            error=self.error,
            end_time=time.time(),
        )
        self.tracker.destroy()
        if self.batch:
            spool.remove_script(self.settings.spool, launch.job_id)
        if self.streams and not (self.streams.channel.closed and not self.streams.attached):
            self.streams.finish()
            self.streams.send(stream.Kind.END, stream.ALL)
            self.streams.after_output()
            if self.streams.channel.wants_write:
                self._await_flush()
                return
        self._announce_done()

    def _await_flush(self) -> None:
        """srun is slow to take the last output: wait for it, not for ever if the step was killed."""
        streams = self.streams
        assert streams is not None
        end = time.monotonic() + FLUSH_SECS if self.aborted else None

        def check() -> None:
            streams.after_output()
            late = end is not None and time.monotonic() > end
            if streams.channel.closed or not streams.channel.wants_write or late:
                self._announce_done()
            else:
                self.loop.later(0.05, check)

        self.loop.later(0.01, check)

    def _announce_done(self) -> None:
        assert self.done is not None
        self.phase = Phase.DONE
        if self.streams and not self.streams.channel.closed:
            self.loop.unwatch(self.streams.channel)
            with contextlib.suppress(OSError):
                self.streams.channel.sock.shutdown(socket.SHUT_WR)
        for channel in self.streams.attached if self.streams else ():
            with contextlib.suppress(OSError):
                channel.sock.shutdown(socket.SHUT_WR)
        self._report(pb.NodeUp(done=self.done))
        if not self.peers:
            self._leave()
        else:
            self.loop.later(ACK_SECS, self._persist)

    def _persist(self) -> None:
        if self.done is not None and not self.acknowledged:
            try:
                self.files.write_done(self.done)
            except OSError:  # no room: we stay and try again, the answer lives on in this process
                self.loop.later(5.0, self._persist)

    def _acknowledge(self) -> None:
        if self.phase is not Phase.DONE:
            return
        self.acknowledged = True
        self.files.remove(self.files.run, self.files.done, self.files.socket)
        self.loop.stop()

    def _leave(self) -> None:
        """Nobody is there to hear it: write it down and go."""
        assert self.done is not None
        try:
            self.files.write_done(self.done)
        except OSError:
            self.loop.later(5.0, self._leave_if_alone)
            return
        self.files.remove(self.files.run, self.files.socket)
        self.loop.stop()

    def _leave_if_alone(self) -> None:
        if not self.peers and not self.acknowledged:
            self._leave()

    # ------------------------------------------------------------ what must not happen

    def fail(self, reason: str, code: int = 0) -> None:
        """End the step because the supervisor cannot go on; its processes are killed."""
        self.error = reason
        with contextlib.suppress(OSError):
            self._signal_pids(signal.SIGKILL)
        if self.mpi:
            self.mpi.close()
        if not hasattr(self, "meter"):
            self.meter = Meter(self.launch.node, self.tasks)
        for task in self.tasks:
            if task.status is None:
                task.status = signal.SIGKILL
        if self.done is None:
            launch = self.launch
            self.done = pb.StepDone(
                job_id=launch.job_id,
                step_id=launch.step_id,
                node=launch.node,
                epoch=launch.epoch,
                exits=self._exits(self.tasks),
                error=reason,
                error_code=code,
                end_time=time.time(),
            )
        if self.batch:
            spool.remove_script(self.settings.spool, self.launch.job_id)
        self._announce_done()
        self.loop.run()

    def run(self) -> None:
        try:
            self.start()
            self.loop.run()
        except TakenError:  # whoever waits for us finds the other's word in the spool
            for peer in self.peers:
                peer.close()
        except SetupError as exc:
            self.fail(str(exc), exc.code)
        except (OSError, multi_prog.MultiProgError) as exc:
            self.fail(str(exc))
        except Exception as exc:
            traceback.print_exc(file=sys.stderr)
            self.fail(f"step supervisor: {type(exc).__name__}: {exc}")


def become_subreaper() -> None:
    """Have orphaned descendants come to this process instead of init (prctl(2))."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def warm_up() -> None:
    """Do once, before the fork, what would otherwise cost every supervisor: libraries loaded on first use."""
    Identity.of("root", 0, 0)
    Names(1, "batch", "n", 0, 0, "u", "j").expand("%j")
    messages.line(messages.ended(1, BATCH_STEP, "n", "", signal.SIGTERM, 0.0))
    procfs.read(os.getpid())
    pb.StepLaunch.FromString(pb.StepLaunch(job=pb.JobRecord(spec=pb.JobSpec())).SerializeToString())


def main(sock: socket.socket) -> bool:
    """Run a step; `sock` leads to the node daemon, whose first frame says what to run.

    True where it left nothing behind: no process, nothing that is still to be told.
    """
    sock.settimeout(60.0)
    try:
        first = recv_frame(sock, pb.NodeDown)
    except (OSError, FrameError, ValueError):
        return False
    if first is not None and first.WhichOneof("msg") == "file_open":
        file_writer.main(sock, first.file_open)  # as the user from now on: this process is good for nothing else
        return False
    if first is None or first.WhichOneof("msg") != "launch":
        return False
    launch = first.launch
    setproctitle(f"slurmstepd: [{launch.job_id}.{step_name(launch.step_id)}]")
    become_subreaper()
    step = Supervisor(launch, sock)
    step.run()
    return step.acknowledged and not step.error and step.nothing_left()
