"""The command launcher: one root process with every command imported, forking a child for each call.

Single-threaded, no gRPC, no secrets.  Idle children ("workers") wait for a
connection, so that no fork lies between a user's call and its answer; the
launcher keeps their number up and reports the ends of those that die of a
signal.  Who calls, and with which limits, is read from the kernel
(SO_PEERCRED, SO_PEERGROUPS, /proc), never from the message.

A worker that became a user can never be another's.  Where its command leaves
nothing behind (`commands.REPEATABLE`) it is kept for a few seconds for that
user's next call: half of what a call costs is copying the pages a new child
writes to.  The launcher hands it only connections of the very same identity
(user, group, all groups).
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
from dataclasses import dataclass
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

#: Workers kept for another call of the same identity: how many, how long (seconds), for how many calls,
#: and how much they may have grown (KiB).
KEPT = 8
KEEP = 5.0
CALLS = 1000
GROWTH = 16 << 10

#: A caller has this long (seconds) to send its call.
SEND_TIMEOUT = 5.0

#: Imported besides the commands: what Python and the libraries load on their way.
PRELOAD = ("encodings.idna", "setproctitle", "signal", "stat", "crane_compat.wire", "crane_compat.daemon.rpc.client")

#: Never imported here, though a command may have use for it on some way of its own: large, or starts threads.
HEAVY = ("grpc", "sqlalchemy", "pymysql", "lark", "numpy", "asyncio", "click")

_PEERCRED = struct.Struct("3i")
_SO_PEERGROUPS = 59  # asm-generic/socket.h; not among Python's constants
_PR_SET_PDEATHSIG = 1
#: launcher → worker: serve the connection that comes along; worker → launcher: done, and ready for another; or: not
#: by me (its limits are not those of the caller)
_CALL, _READY, _UNFIT = b"C", b"R", b"U"

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


def _peer(conn: socket.socket) -> tuple[int, int, int]:
    """Process, user and group id of who connected, from the kernel."""
    pid, uid, gid = _PEERCRED.unpack(conn.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEERCRED.size))
    return pid, uid, gid


def _limits_of(pid: int) -> dict[int, tuple[int, int]]:
    # the file, not prlimit(2): that takes CAP_SYS_RESOURCE, which root in a container often lacks
    with open(f"/proc/{pid}/limits", "rb") as file:
        lines = file.read().splitlines()[1:]
    found = {}
    for line in lines:
        limit = _LIMITS.get(line[:26].rstrip())
        if limit is not None:
            soft, hard = (resource.RLIM_INFINITY if w == b"unlimited" else int(w) for w in line[26:].split()[:2])
            found[limit] = (soft, hard)
    return found


def _limits_fit(pid: int) -> bool:
    """Has a worker that is no longer root, and has used CPU time, the limits of this caller?"""
    try:
        wanted = _limits_of(pid)
        nice = os.getpriority(os.PRIO_PROCESS, pid)
    except OSError:
        return False
    endless = wanted.get(resource.RLIMIT_CPU, (resource.RLIM_INFINITY,))[0] == resource.RLIM_INFINITY
    fits = all(resource.getrlimit(limit) == pair for limit, pair in wanted.items())
    return endless and fits and nice == os.getpriority(os.PRIO_PROCESS, 0)


def _take_limits(pid: int) -> None:
    for limit, (soft, hard) in _limits_of(pid).items():
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


def _take_fds(call: request.Call, conn: socket.socket, channel: socket.socket) -> tuple[socket.socket, socket.socket]:
    """Give the caller's descriptors the numbers they had there; connection and channel move out of the way."""
    top = max([*call.fds, *call.fds.values(), conn.fileno(), channel.fileno(), call.cwd, 2]) + 1
    moved = {number: fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, top) for number, fd in call.fds.items()}
    own, kept = (fcntl.fcntl(sock.fileno(), fcntl.F_DUPFD_CLOEXEC, top) for sock in (conn, channel))
    if call.cwd >= 0:
        os.fchdir(call.cwd)
    os.closerange(0, top)
    conn.detach()
    channel.detach()
    for number, fd in moved.items():
        os.dup2(fd, number)
        os.close(fd)
    return socket.socket(fileno=own), socket.socket(fileno=kept)


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


class Worker:
    """A child: waits for a connection on `channel`, runs the one call on it; and again, for the same identity."""

    def __init__(self, channel: socket.socket, ours: list[tuple[int, int]]) -> None:
        self.channel = channel
        self.ours = ours  # the launcher's `_world`
        self.calls = 0
        self.size = 0

    def run(self) -> NoReturn:
        while True:
            try:
                data, fds, _, _ = socket.recv_fds(self.channel, 1, 1)
            except InterruptedError:
                continue
            except OSError:
                os._exit(0)
            if data != _CALL or not fds:
                os._exit(0)
            conn = socket.socket(fileno=fds[0])
            pid, uid, gid = _peer(conn)
            if self.calls and not _limits_fit(pid):
                conn.close()
                self.channel.send(_UNFIT)
                continue
            self.serve(conn, pid, uid, gid)

    def serve(self, conn: socket.socket, pid: int, uid: int, gid: int) -> None:
        """Run the one call on `conn`; returns where the worker can be kept."""
        conn.settimeout(SEND_TIMEOUT)
        try:
            call = request.receive(conn)
            name = os.fsdecode(call.argv[0])
            if name not in commands.COMMANDS:
                raise Refused(f"no command is called {name}")
            if pid <= 0:
                raise Refused("the caller's process is not visible")
            _same_world(pid, self.ours)
            _take_limits(pid)
            groups = _groups(conn)
        except (request.BadRequest, Refused, OSError, ValueError) as exc:
            log.debug("call of uid %d not served: %s", uid, exc)
            with contextlib.suppress(OSError):
                conn.send(request.REFUSED)
            os._exit(0)
        conn.setblocking(True)
        if not self.calls:
            _become(uid, gid, groups)
            _libc.prctl(_PR_SET_PDEATHSIG, 0, 0, 0, 0)  # a running command outlives its launcher
        conn, self.channel = _take_fds(call, conn, self.channel)
        os.umask(call.umask)
        _take_environment(call)
        caller.set_session(call.session)
        caller.install_streams()
        argv = [os.fsdecode(word) for word in call.argv[1:]]
        sys.argv = [name, *argv]
        _title(name, argv)
        if self.calls:
            _reset_signals()
        own = os.pidfd_open(os.getpid())
        socket.send_fds(conn, [request.STARTED], [own])
        os.close(own)
        _die_with(conn)
        _take_signals(call.ignored)
        status = commands.run(name, argv)
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        self.calls += 1
        if name not in commands.REPEATABLE or self.calls >= CALLS:
            number = conn.fileno()
            os.closerange(0, number)  # whoever reads our output sees its end before the stub ends
            os.closerange(number + 1, number + 256)
            _answer(conn, status)
            os._exit(0)
        self._clear(conn)
        _answer(conn, status)
        self._settle(conn)

    def _clear(self, conn: socket.socket) -> None:
        """Give back what the call left: descriptors, a working directory, its name, the order to die."""
        fd = conn.fileno()
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) & ~os.O_ASYNC)
        first, second = sorted((fd, self.channel.fileno()))
        os.closerange(0, first)
        os.closerange(first + 1, second)
        os.closerange(second + 1, second + 256)
        os.chdir("/")
        _title(IDLE, [])  # a command that is over must not be found by pgrep(1)

    def _settle(self, conn: socket.socket) -> None:
        """Wait until the caller is gone, whose signals come to this process, and tell the launcher."""
        conn.settimeout(1.0)
        try:
            if conn.recv(1):
                os._exit(0)
        except OSError:
            os._exit(0)
        conn.close()
        number = fcntl.fcntl(self.channel.fileno(), fcntl.F_DUPFD_CLOEXEC, 3)
        self.channel.close()  # every call moves it up
        self.channel = socket.socket(fileno=number)
        _reset_signals()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.stdin = sys.stdout = sys.stderr = None
        gc.collect()  # objects of this call must not close descriptors of the next
        size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self.size = self.size or size
        if size > self.size + GROWTH:
            os._exit(0)
        self.channel.send(_READY)


def _answer(conn: socket.socket, status: int) -> None:
    with contextlib.suppress(OSError):
        conn.send(request.ANSWER.pack(request.ENDED, request.EXIT, status & 0xFF))


#: The title of a worker between two calls.
IDLE = "crane-worker"


def _title(name: str, argv: list[str]) -> None:
    import setproctitle

    text = " ".join([name, *argv])[:512]
    setproctitle.setproctitle(text.encode(errors="surrogateescape").decode(errors="replace"))
    setproctitle.setthreadtitle(name[:15])


# ---------------------------------------------------------------- the launcher

#: user id, group id, all groups
Identity = tuple[int, int, tuple[int, ...]]


@dataclass(slots=True, eq=False)
class Child:
    """A worker as the launcher sees it; `conn` while it serves a call, `ready` (monotonic) since when it is kept."""

    pid: int
    channel: socket.socket
    identity: Identity | None = None
    conn: socket.socket | None = None
    ready: float = 0.0


class Launcher:
    """Keeps `POOL` workers waiting for connections to `listener` until the daemon behind `parent` (a pipe) ends."""

    def __init__(self, listener: socket.socket, parent: int) -> None:
        self.listener = listener
        self.listener.setblocking(False)
        self.parent = parent
        self.children: dict[int, Child] = {}
        self.fresh: list[Child] = []
        self.kept: list[Child] = []  # in the order they became ready
        self.wake_read, self.wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.selector = selectors.DefaultSelector()
        self.stopping = False
        self.world = _world("self")

    def fork(self) -> None:
        """Add a worker to the pool."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            pid = os.fork()
        except OSError as exc:
            log.error("cannot fork: %s", exc.strerror)
            ours.close()
            theirs.close()
            time.sleep(0.1)
            return
        if pid:
            theirs.close()
            ours.setblocking(False)
            child = self.children[pid] = Child(pid, ours)
            self.fresh.append(child)
            self.selector.register(ours, selectors.EVENT_READ, lambda: self._hear(child))
            return
        try:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            number = theirs.fileno()
            os.closerange(3, number)  # above all the channels and connections of others
            os.closerange(number + 1, number + 4096)
            Worker(theirs, self.world).run()
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
        self.selector.register(self.listener, selectors.EVENT_READ, self._accept)
        self.selector.register(self.wake_read, selectors.EVENT_READ, self._reap)
        if self.parent >= 0:
            self.selector.register(self.parent, selectors.EVENT_READ, self._orphaned)
        try:
            while not self.stopping:
                while len(self.fresh) < LOW:
                    self.fork()
                patience = QUIET if len(self.fresh) < POOL else KEEP if self.kept else None
                events = self.selector.select(patience)
                for key, _ in events:
                    key.data()
                if not events and len(self.fresh) < POOL:
                    self.fork()
                if self.kept:
                    self._let_go(time.monotonic() - KEEP)
        finally:
            for child in (*self.fresh, *self.kept):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGKILL)
        return 0

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def _orphaned(self) -> None:
        self.stopping = True

    def _accept(self) -> None:
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            try:
                _, uid, gid = _peer(conn)
                self._hand(conn, (uid, gid, tuple(_groups(conn))))
            except (Refused, OSError):
                with contextlib.suppress(OSError):
                    conn.send(request.REFUSED)
                conn.close()

    def _hand(self, conn: socket.socket, identity: Identity, *, kept: bool = True) -> None:
        """Have a worker serve a connection: one kept for this identity, else a fresh one."""
        child = next((c for c in reversed(self.kept) if c.identity == identity), None) if kept else None
        if child is not None:
            self.kept.remove(child)
        else:
            while not self.fresh:
                self.fork()
            child = self.fresh.pop(0)
        try:
            socket.send_fds(child.channel, [_CALL], [conn.fileno()])
        except OSError:  # it has just died
            self._hand(conn, identity, kept=kept)
            return
        child.identity, child.conn = identity, conn

    def _hear(self, child: Child) -> None:
        """A worker is done with its call, will not have it, or has ended."""
        if child.channel.fileno() < 0:
            return  # dismissed by an event of the same moment
        try:
            word = child.channel.recv(1)
        except BlockingIOError:
            return
        except OSError:
            word = b""
        if not word:
            self.selector.unregister(child.channel)  # the rest is told by its end
            return
        conn, child.conn = child.conn, None
        if conn is None or child.identity is None:
            return
        if word == _UNFIT:
            self._hand(conn, child.identity, kept=False)
        else:
            conn.close()
        child.ready = time.monotonic()
        self.kept.append(child)
        if len(self.kept) > KEPT:
            self._dismiss(self.kept.pop(0))

    def _let_go(self, before: float) -> None:
        while self.kept and self.kept[0].ready <= before:
            self._dismiss(self.kept.pop(0))

    def _dismiss(self, child: Child) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self.selector.unregister(child.channel)
        child.channel.close()  # it ends

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
            child = self.children.pop(pid, None)
            if child is None:
                continue
            for pool in (self.fresh, self.kept):
                if child in pool:
                    pool.remove(child)
            if child.channel.fileno() >= 0:
                self._dismiss(child)
            if child.conn is None:
                continue
            if os.WIFSIGNALED(status):
                with contextlib.suppress(OSError):
                    child.conn.setblocking(False)
                    child.conn.send(request.ANSWER.pack(request.ENDED, request.SIGNAL, os.WTERMSIG(status)))
            child.conn.close()


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
