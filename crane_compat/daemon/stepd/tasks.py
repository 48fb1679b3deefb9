"""One task: the forked child on its way to the user's program.

Everything here runs between fork and exec in a process of its own; it reports
only through its standard error and its exit status.  An exec that fails ends
the task with the error's number, as Slurm's tasks do.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import resource
import signal
import stat
import termios
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from crane_compat.core import job_env
from crane_compat.wire import pb

from . import messages
from .binding import Binder
from .output import Identity
from .tracking import Tracker

UNLIMITED = 0xFFFFFFFFFFFFFFFF

#: The signal that stands for "the job's files could not be set up" in a wait status (0:53).
SETUP_FAILED = 53

#: Seconds a login shell may take to say its environment (--get-user-env).
LOGIN_SHELL_SECS = 120


@dataclass
class Program:
    """What the tasks of a step run, and how; the same for all but `argv` and `rank`."""

    user: Identity
    work_dir: str
    umask: int
    rlimits: Sequence[pb.RLimit]
    shared_env: Mapping[bytes, bytes]
    tracker: Tracker
    binder: Binder
    memory: int = 0  # MiB that the job has here; 0 = not limited
    prologs: Sequence[str] = ()
    get_user_env: bool = False
    new_session: bool = False  # a terminal of its own


@dataclass
class Task:
    """A task as its supervisor sees it."""

    rank: int
    local_id: int
    argv: list[bytes]
    pid: int = 0
    status: int | None = None  # wait status
    user_sec: float = 0.0
    system_sec: float = 0.0
    epilog: int = 0  # pid of its running TaskEpilog
    reported: bool = False
    files: list[int] = field(default_factory=list)  # descriptors kept for messages and the epilog
    env: dict[bytes, bytes] = field(default_factory=dict)  # of this task alone
    inherited: list[int] = field(default_factory=list)  # descriptors that stay open


#: Ignored by the supervisor or by Python itself, which exec would hand on.
IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD)


def _default_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in IGNORED:
        signal.signal(number, signal.SIG_DFL)


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, messages.line(text))


def _limits(program: Program) -> None:
    """The submitter's soft limits, as far as this node's hard limits allow (setrlimit(2)).

    The job's memory is its limit of resident memory, which no kernel of today enforces but programs may look at.
    """
    memory = [pb.RLimit(name="RSS", soft=program.memory << 20)] if program.memory else []
    for limit in (*program.rlimits, *memory):
        number = getattr(resource, f"RLIMIT_{limit.name}", None)
        if number is None:
            continue
        _, hard = resource.getrlimit(number)
        soft = resource.RLIM_INFINITY if limit.soft == UNLIMITED else min(limit.soft, (1 << 63) - 1)
        if hard != resource.RLIM_INFINITY and (soft == resource.RLIM_INFINITY or soft > hard):
            soft = hard
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(number, (soft, hard))


def become(user: Identity) -> None:
    """Be the user, with all groups, and never root again."""
    if os.geteuid() != 0:
        return
    os.setgroups(user.groups)
    os.setresgid(user.gid, user.gid, user.gid)
    os.setresuid(user.uid, user.uid, user.uid)
    if user.uid and os.getresuid() != (user.uid,) * 3:
        os._exit(1)


def _chdir(path: str) -> None:
    try:
        os.chdir(path or "/")
    except OSError as exc:
        _say(f"couldn't chdir to `{path}': {exc.strerror}: going to /tmp instead")
        with contextlib.suppress(OSError):
            os.chdir("/tmp")


def _find(name: bytes, env: Mapping[bytes, bytes], work_dir: str) -> bytes:
    """Where execvp(3) would find the program; the bare name where nowhere."""
    if b"/" in name:
        return os.path.join(os.fsencode(work_dir), name)
    for place in env.get(b"PATH", b"").split(b":"):
        path = os.path.join(place, name)
        with contextlib.suppress(OSError):
            if place and name and os.access(path, os.X_OK) and stat.S_ISREG(os.stat(path).st_mode):
                return path
    return name


def _interpreter(path: bytes) -> bytes:
    """The program a script's first line names."""
    with contextlib.suppress(OSError), open(path, "rb") as file:
        first = file.readline(256)
        if first.startswith(b"#!"):
            return (first[2:].split() or [b""])[0]
    return b""


def execute(argv: Sequence[bytes], env: Mapping[bytes, bytes], work_dir: str) -> NoReturn:
    """Become the program, or say why not and exit with the error's number."""
    path = _find(argv[0], env, work_dir)
    try:
        os.execve(path, list(argv), dict(env))
    except (OSError, ValueError) as exc:  # ValueError: an empty name, which execve(2) does not find either
        code = exc.errno or errno.ENOENT if isinstance(exc, OSError) else errno.ENOENT
        reason = os.strerror(code)
        interpreter = _interpreter(path)
        if code == errno.ENOENT and interpreter and not os.path.exists(interpreter):
            _say(f"execve(): bad interpreter({os.fsdecode(interpreter)}): {reason}")
        else:
            _say(f"execve(): {os.fsdecode(path)}: {reason}")
        os._exit(code)


def _run_hook(path: str, env: Mapping[bytes, bytes]) -> tuple[int, bytes]:
    """Run a user-level hook to its end: wait status and what it printed."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(writer, 1)
        _exec_hook(path, env)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        output = file.read()
    return os.waitpid(pid, 0)[1], output


def _exec_hook(path: str, env: Mapping[bytes, bytes]) -> NoReturn:
    try:
        os.execve(path, [path], dict(env))
    except OSError as exc:
        _say(f"execve({path}): {exc.strerror}")
    os._exit(127)


def _prolog(path: str, env: dict[bytes, bytes], limits: dict[bytes, bytes]) -> None:
    """Run a task prolog and do what its lines say (srun(1) --task-prolog)."""
    status, output = _run_hook(path, env | limits | {b"SLURM_SCRIPT_CONTEXT": b"prolog_task"})
    if status:
        _say(f"TaskProlog failed status={os.waitstatus_to_exitcode(status)}")
    for line in output.split(b"\n"):
        verb, _, rest = line.strip(b" ").partition(b" ")
        if verb == b"export":
            key, separator, value = rest.partition(b"=")
            if separator and key:
                env[key.strip()] = value
        elif verb == b"unset":
            env.pop(rest.strip(), None)
        elif verb == b"print":
            with contextlib.suppress(OSError):
                os.write(1, rest + b"\n")


def _login_env(user: str) -> dict[bytes, bytes]:
    """The environment of the user's login shell; empty where it cannot be had in time."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(LOGIN_SHELL_SECS)
        null = os.open("/dev/null", os.O_RDWR)
        for target, source in ((0, null), (1, writer), (2, null)):
            os.dup2(source, target)
        try:
            # nothing of ours: su would keep our TERM
            os.execve("/bin/su", ["su", "-", user, "-c", "echo BEGIN-ENV; /usr/bin/env -0; :"], {})
        except OSError:
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        output = file.read()
    os.waitpid(pid, 0)
    _, found, text = output.partition(b"BEGIN-ENV\n")
    if not found:
        return {}
    return {key: value for key, equals, value in (item.partition(b"=") for item in text.split(b"\0")) if equals}


def _take_descriptors(stdin: int, stdout: int, stderr: int) -> None:
    """Make three descriptors 0, 1 and 2, whatever numbers they have."""
    moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3) for descriptor in (stdin, stdout, stderr)]
    for target, source in enumerate(moved):
        os.dup2(source, target)


def run(program: Program, task: Task, stdin: int, stdout: int, stderr: int) -> NoReturn:
    """The child's whole life up to exec."""
    try:
        _default_signals()
        if program.new_session:
            os.setsid()
        else:
            os.setpgid(0, 0)
        _take_descriptors(stdin, stdout, stderr)
        if program.new_session:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        program.tracker.attach()
        program.binder.bind(task.rank, task.local_id)
        env = job_env.task_env(program.shared_env, task.rank, task.local_id, os.getpid()) | task.env
        if program.get_user_env:
            env = _login_env(program.user.name) | env
        _limits(program)
        become(program.user)
        os.umask(program.umask)
        _chdir(program.work_dir)
        for path in program.prologs:
            _prolog(path, env, job_env.limit_env(program.rlimits))
        for descriptor in task.inherited:
            os.set_inheritable(descriptor, True)
        execute(task.argv, env, program.work_dir)
    except BaseException as exc:  # whatever it is, the child must never return into its parent's loop
        _say(f"task {task.rank}: {type(exc).__name__}: {exc}")
    os._exit(1)


#: What a task knew and its epilog does not, as recorded.
_NOT_IN_EPILOGS = (
    b"SLURM_CPUS_ON_NODE", b"SLURM_GTIDS", b"SLURM_JOB_END_TIME", b"SLURM_JOB_START_TIME", b"SLURM_TASK_PID",
)  # fmt: skip


def run_epilog(program: Program, task: Task, paths: Sequence[str], stderr: int) -> NoReturn:
    """A child that runs a task's epilogs; exits with the last failure's code.  What they print nobody sees."""
    code = 0
    try:
        _default_signals()
        null = os.open("/dev/null", os.O_RDWR)
        _take_descriptors(null, null, stderr)
        os.setpgid(0, 0)
        become(program.user)
        os.umask(program.umask)
        with contextlib.suppress(OSError):
            os.chdir(program.work_dir)
        env = job_env.task_env(program.shared_env, task.rank, task.local_id, task.pid)
        env |= job_env.limit_env(program.rlimits) | {b"SLURM_SCRIPT_CONTEXT": b"epilog_task"}
        for name in _NOT_IN_EPILOGS:
            env.pop(name, None)
        for path in paths:
            pid = os.fork()
            if pid == 0:
                _exec_hook(path, env)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) or code
    except BaseException as exc:
        _say(f"task epilog: {type(exc).__name__}: {exc}")
        code = 127
    os._exit(code & 0xFF)
