"""The command launcher: one root process with every command imported, forking a child for each call.

Single-threaded, no gRPC, no secrets.  Idle children ("workers") wait in
accept() on the shared socket, so that no fork lies between a user's call and
its answer; the launcher keeps their number up and reports the ends of those
that die of a signal.  Who calls, and with which limits, the worker reads from
the kernel (SO_PEERCRED, SO_PEERGROUPS, /proc), never from the message.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import gc
import importlib
import importlib.util
import logging
import os
import re
import resource
import select
import selectors
import signal
import socket
import struct
import sys
import time
from types import FrameType, ModuleType
from typing import NoReturn

from crane_compat import commands, paths
from crane_compat.commands import caller

from . import request
from .spawn import keep

#: Workers waiting for a call; below LOW the launcher forks at once, else when it has been quiet for a moment.
POOL = 5
LOW = 3
QUIET = 0.002

#: A caller has this long (seconds) to send its call.
SEND_TIMEOUT = 5.0

#: Imported besides the commands: what Python and the libraries load on their way.
PRELOAD = ("encodings.idna", "setproctitle", "signal", "stat", "crane_compat.wire", "crane_compat.daemon.rpc.client")

#: Never imported here, though a command may have use for it on some way of its own: large, or starts threads.
HEAVY = ("grpc", "sqlalchemy", "pymysql", "lark", "numpy", "asyncio", "click")

_PEERCRED = struct.Struct("3i")
_SO_PEERGROUPS = 59  # asm-generic/socket.h; not among Python's constants
_PR_SET_PDEATHSIG = 1
_TAKEN = struct.Struct("=i")

__all__ = ["Launcher", "keep", "listen", "preload", "run"]

log = logging.getLogger("launcher")
_libc = ctypes.CDLL(None, use_errno=True)


class _Refuse:
    """A finder that has no HEAVY module: what needs one is left to the commands that need it."""

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        if _heavy(name):
            raise ImportError(f"{name} is not imported into the launcher", name=name)


def _heavy(name: str) -> bool:
    return any(name == heavy or name.startswith(heavy + ".") for heavy in HEAVY)


def preload() -> list[str]:
    """Import all that a command may need, function-level imports included; what could not be imported."""
    refuse = _Refuse()
    sys.meta_path.insert(0, refuse)
    try:
        return _preload()
    finally:
        sys.meta_path.remove(refuse)


def _preload() -> list[str]:
    failed: list[str] = []
    seen: set[str] = set()
    waiting = [*PRELOAD, *dict.fromkeys(commands.COMMANDS.values())]
    while waiting:
        name = waiting.pop()
        if name in seen or _heavy(name):
            continue
        seen.add(name)
        try:
            module = importlib.import_module(name)
        except ImportError as exc:
            if not _heavy(exc.name or ""):
                failed.append(f"{name}: {exc}")
            continue
        if name.startswith("crane_compat.") and not name.startswith("crane_compat.daemon.launcher"):
            waiting += _imports(module)
    return failed


_IMPORT = re.compile(r"^[ \t]*(?:from\s+(\.*[\w.]*)\s+import\s+(\(?[\w ,]+)|import\s+([\w.]+))", re.MULTILINE)


def _imports(module: ModuleType) -> list[str]:
    """The modules that the text of `module` imports anywhere."""
    try:
        with open(module.__file__ or "", encoding="utf-8") as file:
            text = file.read()
    except OSError:
        return []
    found = []
    package = module.__package__ or ""
    for source, names, plain in _IMPORT.findall(text):
        if plain:
            found.append(plain)
            continue
        try:
            base = importlib.util.resolve_name(source, package)
            found.append(base)
            for name in names.strip("(").split(","):
                below = f"{base}.{name.split(' as ')[0].strip()}"
                if base.startswith("crane_compat") and importlib.util.find_spec(below):
                    found.append(below)
        except (ImportError, ValueError):
            continue
    return found


def listen(path: str) -> socket.socket:
    """The socket that stubs connect to: everyone may, the directory is root's."""
    directory = os.path.dirname(path)
    os.makedirs(directory, 0o755, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.bind(path)
    os.chmod(path, 0o666)
    sock.listen(1024)
    return sock


# ---------------------------------------------------------------- a worker


class Refused(Exception):
    """The call cannot be served from here; the stub runs the command itself."""


def _groups(conn: socket.socket) -> list[int]:
    for room in (256, 65536):  # the second is NGROUPS_MAX; socket.getsockopt takes 256 at most
        buffer = (ctypes.c_uint32 * room)()
        size = ctypes.c_uint32(ctypes.sizeof(buffer))
        if _libc.getsockopt(conn.fileno(), socket.SOL_SOCKET, _SO_PEERGROUPS, buffer, ctypes.byref(size)) == 0:
            return list(buffer[: size.value // 4])
    raise Refused("the caller's groups are not known")


_WORLD = ("ns/mnt", "ns/user", "root")


def _world(process: int | str) -> list[tuple[int, int]]:
    seen = [os.stat(f"/proc/{process}/{entry}") for entry in _WORLD]
    return [(entry.st_dev, entry.st_ino) for entry in seen]


def _same_world(pid: int, ours: list[tuple[int, int]]) -> None:
    """Raise Refused where the caller sees other files than we do: another mount namespace, or a chroot."""
    try:
        theirs = _world(pid)
    except OSError as exc:
        raise Refused("the caller's process is not visible") from exc
    if theirs != ours:
        raise Refused("the caller lives in another namespace")


#: first words of /proc/PID/limits → resource
_LIMITS = {
    b"Max cpu time": resource.RLIMIT_CPU,
    b"Max file size": resource.RLIMIT_FSIZE,
    b"Max data size": resource.RLIMIT_DATA,
    b"Max stack size": resource.RLIMIT_STACK,
    b"Max core file size": resource.RLIMIT_CORE,
    b"Max resident set": resource.RLIMIT_RSS,
    b"Max processes": resource.RLIMIT_NPROC,
    b"Max open files": resource.RLIMIT_NOFILE,
    b"Max locked memory": resource.RLIMIT_MEMLOCK,
    b"Max address space": resource.RLIMIT_AS,
    b"Max pending signals": resource.RLIMIT_SIGPENDING,
    b"Max msgqueue size": resource.RLIMIT_MSGQUEUE,
    b"Max nice priority": resource.RLIMIT_NICE,
    b"Max realtime priority": resource.RLIMIT_RTPRIO,
    b"Max realtime timeout": resource.RLIMIT_RTTIME,
}


def _take_limits(pid: int) -> None:
    # the file, not prlimit(2): that takes CAP_SYS_RESOURCE, which root in a container often lacks
    with open(f"/proc/{pid}/limits", "rb") as file:
        lines = file.read().splitlines()[1:]
    for line in lines:
        limit = _LIMITS.get(line[:26].rstrip())
        if limit is None:
            continue
        soft, hard = (resource.RLIM_INFINITY if word == b"unlimited" else int(word) for word in line[26:].split()[:2])
        if (soft, hard) != resource.getrlimit(limit):
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(limit, (soft, hard))
    nice = os.getpriority(os.PRIO_PROCESS, pid)
    if nice != os.getpriority(os.PRIO_PROCESS, 0):
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, nice)


def _become(uid: int, gid: int, groups: list[int]) -> None:
    os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if os.getresuid() != (uid, uid, uid) or os.getresgid() != (gid, gid, gid):
        os._exit(126)  # never run a user's command with other rights than the user's
    if uid:
        with contextlib.suppress(OSError):
            os.setuid(0)
            os._exit(126)


def _take_fds(call: request.Call, conn: socket.socket) -> socket.socket:
    """Give the caller's descriptors the numbers they had there; the connection moves out of the way."""
    top = max([*call.fds, *call.fds.values(), conn.fileno(), call.cwd, 2]) + 1
    moved = {number: fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, top) for number, fd in call.fds.items()}
    own = fcntl.fcntl(conn.fileno(), fcntl.F_DUPFD_CLOEXEC, top)
    if call.cwd >= 0:
        os.fchdir(call.cwd)
    os.closerange(0, top)
    conn.detach()
    for number, fd in moved.items():
        os.dup2(fd, number)
        os.close(fd)
    return socket.socket(fileno=own)


def _take_environment(call: request.Call) -> None:
    os.environ.clear()
    for item in call.env:
        key, equals, value = item.partition(b"=")
        if equals and key:
            os.environ[os.fsdecode(key)] = os.fsdecode(value)
    time.tzset()
    if call.sysconfdir:
        paths.DEFAULT_CONF = os.path.join(os.fsdecode(call.sysconfdir), "slurm.conf")


def _reset_signals() -> None:
    """Every signal as a fresh interpreter has it, whatever this process was started with."""
    for number in range(1, 32):
        if number not in (signal.SIGKILL, signal.SIGSTOP, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)


def _take_signals(ignored: int) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in range(1, 32):
        if ignored >> number & 1 and number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_IGN)


def _die_with(conn: socket.socket) -> None:
    """Have the kernel kill this process when the stub goes away: it was killed, so is the command."""
    fd = conn.fileno()
    fcntl.fcntl(fd, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)
    waiting = select.poll()
    waiting.register(fd, select.POLLRDHUP)
    if waiting.poll(0):
        os._exit(0)


def serve(conn: socket.socket, ours: list[tuple[int, int]]) -> NoReturn:
    """Run the one call on `conn` and end; `ours` is the launcher's `_world`."""
    conn.settimeout(SEND_TIMEOUT)
    pid, uid, gid = _PEERCRED.unpack(conn.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEERCRED.size))
    try:
        call = request.receive(conn)
        name = os.fsdecode(call.argv[0])
        if name not in commands.COMMANDS:
            raise Refused(f"no command is called {name}")
        if pid <= 0:
            raise Refused("the caller's process is not visible")
        _same_world(pid, ours)
        _take_limits(pid)
        groups = _groups(conn)
    except (request.BadRequest, Refused, OSError, ValueError) as exc:
        log.debug("call of uid %d not served: %s", uid, exc)
        with contextlib.suppress(OSError):
            conn.send(request.REFUSED)
        os._exit(0)
    conn.setblocking(True)
    _become(uid, gid, groups)
    _libc.prctl(_PR_SET_PDEATHSIG, 0, 0, 0, 0)  # a running command outlives its launcher
    conn = _take_fds(call, conn)
    os.umask(call.umask)
    _take_environment(call)
    caller.set_session(call.session)
    caller.install_streams()
    argv = [os.fsdecode(word) for word in call.argv[1:]]
    sys.argv = [name, *argv]
    _title(name, argv)
    own = os.pidfd_open(os.getpid())
    socket.send_fds(conn, [request.STARTED], [own])
    os.close(own)
    _die_with(conn)
    _take_signals(call.ignored)
    status = commands.run(name, argv)
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    number = conn.fileno()
    os.closerange(0, number)  # whoever reads our output sees its end before the stub ends
    os.closerange(number + 1, number + 256)
    with contextlib.suppress(OSError):
        conn.send(request.ANSWER.pack(request.ENDED, request.EXIT, status & 0xFF))
    os._exit(0)


def _title(name: str, argv: list[str]) -> None:
    import setproctitle

    text = " ".join([name, *argv])[:512]
    setproctitle.setproctitle(text.encode(errors="surrogateescape").decode(errors="replace"))
    setproctitle.setthreadtitle(name[:15])


def worker(listener: socket.socket, taken: socket.socket, ours: list[tuple[int, int]]) -> NoReturn:
    """Wait for one call, tell the launcher that this worker is busy, serve it."""
    while True:
        try:
            conn, _ = listener.accept()
            break
        except InterruptedError:
            continue
        except OSError:
            os._exit(0)
    with contextlib.suppress(OSError):
        socket.send_fds(taken, [_TAKEN.pack(os.getpid())], [conn.fileno()])
    listener.close()
    taken.close()
    serve(conn, ours)


# ---------------------------------------------------------------- the launcher


class Launcher:
    """Keeps `POOL` workers waiting on `listener` until the daemon behind `parent` (a pipe) ends."""

    def __init__(self, listener: socket.socket, parent: int) -> None:
        self.listener = listener
        self.parent = parent
        self.idle: set[int] = set()
        self.busy: dict[int, socket.socket] = {}
        self.taken, self.worker_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.taken.setblocking(False)
        self.wake_read, self.wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.selector = selectors.DefaultSelector()
        self.stopping = False
        self.world = _world("self")

    def fork(self) -> None:
        """Add a worker to the pool."""
        try:
            pid = os.fork()
        except OSError as exc:
            log.error("cannot fork: %s", exc.strerror)
            time.sleep(0.1)
            return
        if pid:
            self.idle.add(pid)
            return
        try:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self.selector.close()
            for conn in self.busy.values():
                conn.close()
            for fd in (self.taken.fileno(), self.wake_read, self.wake_write, self.parent):
                if fd >= 0:
                    os.close(fd)
            worker(self.listener, self.worker_end, self.world)
        except BaseException:  # the stub sees the end of the connection and runs the command itself
            if os.environ.get("CRANE_DEBUG"):
                raise
        finally:
            os._exit(70)

    def run(self) -> int:
        """Serve until SIGTERM or the end of the daemon; 0."""
        signal.set_wakeup_fd(self.wake_write)
        signal.signal(signal.SIGCHLD, _noted)
        signal.signal(signal.SIGTERM, self._stop)
        self.selector.register(self.taken, selectors.EVENT_READ, self._take)
        self.selector.register(self.wake_read, selectors.EVENT_READ, self._reap)
        if self.parent >= 0:
            self.selector.register(self.parent, selectors.EVENT_READ, self._orphaned)
        try:
            while not self.stopping:
                while len(self.idle) < LOW:
                    self.fork()
                events = self.selector.select(QUIET if len(self.idle) < POOL else None)
                for key, _ in events:
                    key.data()
                if not events and len(self.idle) < POOL:
                    self.fork()
        finally:
            for pid in self.idle:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        return 0

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def _orphaned(self) -> None:
        self.stopping = True

    def _take(self) -> None:
        while True:
            try:
                data, fds, _, _ = socket.recv_fds(self.taken, _TAKEN.size, 1)
            except BlockingIOError:
                return
            if len(data) != _TAKEN.size:
                return
            (pid,) = _TAKEN.unpack(data)
            self.idle.discard(pid)
            if fds:
                self.busy[pid] = socket.socket(fileno=fds[0])

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self.wake_read, 512):
                pass
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            self._take()  # what it said before it died is there by now
            self.idle.discard(pid)
            conn = self.busy.pop(pid, None)
            if conn is None:
                continue
            if os.WIFSIGNALED(status):
                with contextlib.suppress(OSError):
                    conn.setblocking(False)
                    conn.send(request.ANSWER.pack(request.ENDED, request.SIGNAL, os.WTERMSIG(status)))
            conn.close()


def _noted(_signal: int, _frame: FrameType | None) -> None:
    """SIGCHLD is handled through the wake-up descriptor."""


def run(conf: str, parent: int = -1) -> int:
    """Serve the commands of the cluster of `conf`; the exit status."""
    if os.geteuid() != 0:
        print("crane-launcher: error: must run as root: it takes the identity of the users it serves", file=sys.stderr)
        return 1
    os.chdir("/")
    for failure in preload():
        log.warning("commands will import it themselves: %s", failure)
    _reset_signals()
    os.environ.clear()  # workers take over that of the caller
    listener = listen(paths.launcher_socket(conf))
    gc.collect()
    gc.freeze()
    gc.disable()  # commands are short; a collection would only copy shared pages
    return Launcher(listener, parent).run()
