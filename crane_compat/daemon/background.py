"""How a daemon starts: directories, log, pid file, process title, and "usable" told to whoever waits.

`start` runs a daemon's `run(ready)` in the foreground or, as Slurm's daemons do
without -D, in the background: then it returns only once the daemon has called
`ready.ok()`, or with the reason why it never will.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import pwd
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from . import log as daemon_log

#: How long (seconds) a new daemon waits for its predecessor to end.
PREDECESSOR_PATIENCE = 60.0

_FLOCK = struct.Struct("hhqqi4x")  # struct flock of 64-bit Linux: type, whence, start, len, pid


class StartError(Exception):
    """A daemon cannot start; the text says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Log:
    """Where a daemon logs: file names (expanded), level (daemon.log), owner (uid, gid) of files it creates."""

    files: tuple[str, ...] = ()
    level: int = daemon_log.INFO
    owner: tuple[int, int] | None = None


#: a daemon that logs nowhere
NO_LOG = Log()


class Ready:
    """Tells the starter that the daemon is usable, or why not.  Calls after the first do nothing."""

    def __init__(self, fd: int = -1, notify: str | None = None) -> None:
        self._fd = fd
        self._notify = notify
        self.told = False

    def ok(self) -> None:
        """The daemon answers requests from now on."""
        self._tell(b"+")
        if self._notify:
            _sd_notify(self._notify, f"READY=1\nMAINPID={os.getpid()}")
            self._notify = None

    def failed(self, text: str) -> None:
        """The daemon will end; `text` goes to the starter's stderr behind ``program: fatal:``."""
        self._tell(b"-" + text.encode(errors="surrogateescape"))

    def _tell(self, message: bytes) -> None:
        self.told = True
        fd, self._fd = self._fd, -1
        if fd >= 0:
            with contextlib.suppress(OSError):
                os.write(fd, message[:4096])
            os.close(fd)


def _sd_notify(address: str, state: str) -> None:
    name = "\0" + address[1:] if address.startswith("@") else address
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect(name)
        sock.sendall(state.encode())


# ---------------------------------------------------------------- users and directories


def user_ids(name: str) -> tuple[int, int]:
    """(uid, gid) of a user given by name or number.  Raises StartError where there is none."""
    try:
        entry = pwd.getpwuid(int(name)) if name.isdigit() else pwd.getpwnam(name)
    except KeyError:
        raise StartError(
            f"user {name} of the configuration does not exist: create it "
            f"(useradd --system --no-create-home {name}) or set SlurmUser=root"
        ) from None
    return entry.pw_uid, entry.pw_gid


def become(name: str) -> None:
    """Give up root for user `name`, with all of its groups; nothing where already that user.

    Raises StartError where the process is neither root nor that user.
    """
    uid, gid = user_ids(name)
    if os.geteuid() == uid:
        return
    if os.geteuid() != 0:
        raise StartError(f"must be started as root or as {name}")
    os.initgroups(pwd.getpwuid(uid).pw_name, gid)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def directory(path: str, owner: tuple[int, int] | None = None, mode: int = 0o755) -> None:
    """Create `path` and its parents where missing; only what is created here gets `owner` and `mode`.

    Raises StartError naming the directory.
    """
    try:
        missing = []
        head = path.rstrip("/") or "/"
        while not os.path.isdir(head):
            missing.append(head)
            head = os.path.dirname(head) or "."
        for name in reversed(missing):
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, mode if name == missing[0] else 0o755)
                if owner and os.geteuid() == 0 and name == missing[0]:
                    os.chown(name, *owner)
                if name == missing[0]:
                    os.chmod(name, mode)
    except OSError as exc:
        raise StartError(f"cannot create directory {path}: {exc.strerror}") from None


# ---------------------------------------------------------------- pid file


class PidFile:
    """The daemon's pid file, held by a POSIX record lock for as long as the daemon lives.

    The lock, not the number in the file, tells whether a predecessor still runs: it
    dies with its process, is not inherited by children, and the kernel names its holder.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.fd = -1

    def holder(self) -> int:
        """The process that holds the file; 0 where none does."""
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return 0
        try:
            asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            kind, _, _, _, pid = _FLOCK.unpack(fcntl.fcntl(fd, fcntl.F_GETLK, asked))
            return 0 if kind == fcntl.F_UNLCK else pid
        finally:
            os.close(fd)

    def take(self, owner: tuple[int, int] | None = None, replace: bool = True) -> None:
        """Write our number and hold the file; a predecessor is asked to end first (as Slurm's daemons do).

        Raises StartError where it does not within `PREDECESSOR_PATIENCE` s, or the file cannot be written.
        """
        deadline = time.monotonic() + PREDECESSOR_PATIENCE
        asked: set[int] = set()
        while True:
            try:
                fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            except OSError as exc:
                raise StartError(f"cannot write pid file {self.path}: {exc.strerror}") from None
            try:
                fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as exc:
                os.close(fd)
                if exc.errno not in (errno.EACCES, errno.EAGAIN):
                    raise StartError(f"cannot lock pid file {self.path}: {exc.strerror}") from None
            else:
                if _same_file(fd, self.path):
                    break
                os.close(fd)  # the predecessor removed it on its way out: ours is a new file
                continue
            pid = self.holder()
            if pid and not replace:
                raise StartError(f"is already running (pid {pid})")
            if pid and pid not in asked:
                asked.add(pid)
                logging.getLogger("daemon").info("ending the old daemon, pid %d", pid)
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGTERM)
            if time.monotonic() > deadline:
                raise StartError(f"the old daemon (pid {pid}) does not end; stop it first")
            time.sleep(0.01)
        os.ftruncate(fd, 0)
        os.write(fd, f"{os.getpid()}\n".encode())
        if owner and os.geteuid() == 0:
            os.fchown(fd, *owner)
        self.fd = fd

    def release(self) -> None:
        """Remove the file if it is still ours; what stays behind holds no lock."""
        if self.fd < 0:
            return
        with contextlib.suppress(OSError):
            if _same_file(self.fd, self.path):
                os.unlink(self.path)
        os.close(self.fd)
        self.fd = -1


def _same_file(fd: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except FileNotFoundError:
        return False


# ---------------------------------------------------------------- start


def set_title(title: str) -> None:
    """Show `title` as the process's command line and its first word as the process's name."""
    import setproctitle

    setproctitle.setproctitle(title)
    setproctitle.setthreadtitle(os.path.basename(title.split()[0])[:15])


def start(
    run: Callable[[Ready], int],
    *,
    title: str,
    pid_file: str | None,
    log: Log = NO_LOG,
    foreground: bool = False,
    systemd: bool = False,
    directories: Iterable[tuple[str, tuple[int, int] | None, int]] = (),
    nice: int = 0,
    keep_fds: Iterable[int] = (),
) -> int:
    """Run a daemon; the exit status for the starting program.

    `run(ready)` is called in the daemon process with directories made (`directories`:
    path, owner, mode), log open, pid file held (a predecessor has ended by then), title
    set and, in the background, session, standard streams and working directory detached;
    descriptors other than `keep_fds` are closed.  It calls ``ready.ok()`` once usable and
    returns an exit status when told to stop.  StartError (or OSError) raised by it before
    that is printed by the starter; any other exception is logged with its traceback, and
    told in one line.
    """
    program = title.split()[0]
    if foreground:
        notify = os.environ.get("NOTIFY_SOCKET") if systemd else None
        return _daemon(run, Ready(notify=notify), program, title, pid_file, log, directories, nice, terminal=True)
    sys.stdout.flush()
    sys.stderr.flush()
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write_end)
        os.waitpid(pid, 0)
        return _await_ready(read_end, program)
    try:
        os.close(read_end)
        os.setsid()
        if os.fork():
            os._exit(0)
        _detach({write_end, *keep_fds})
        status = _daemon(run, Ready(write_end), program, title, pid_file, log, directories, nice, terminal=False)
    except BaseException:  # a forked child must never return into its caller
        status = 1
    os._exit(status & 0xFF)


def _await_ready(fd: int, program: str) -> int:
    answer = b""
    while part := os.read(fd, 4096):
        answer += part
    os.close(fd)
    if answer.startswith(b"+"):
        return 0
    text = answer[1:].decode(errors="surrogateescape") or "ended before it was usable; its log file says more"
    print(f"{program}: fatal: {text}", file=sys.stderr)
    return 1


def _detach(keep: set[int]) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    edge = 3
    for fd in sorted(keep):
        os.closerange(edge, fd)
        edge = fd + 1
    os.closerange(edge, 65536)
    os.chdir("/")
    os.umask(0o022)


def _daemon(
    run: Callable[[Ready], int],
    ready: Ready,
    program: str,
    title: str,
    pid_file: str | None,
    log: Log,
    directories: Iterable[tuple[str, tuple[int, int] | None, int]],
    nice: int,
    terminal: bool,
) -> int:
    holder = PidFile(pid_file) if pid_file else None
    logger = logging.getLogger("daemon")
    try:
        set_title(title)
        if nice:
            os.nice(nice)
        for path, owner, mode in directories:
            directory(path, owner, mode)
        for path in log.files:
            directory(os.path.dirname(path) or ".", log.owner)
        try:
            daemon_log.setup(program, log.level, log.files, log.owner, terminal)
        except OSError as exc:
            raise StartError(f"cannot write log file {exc.filename}: {exc.strerror}") from None
        if holder and pid_file:
            directory(os.path.dirname(pid_file) or ".", log.owner)
            holder.take(log.owner)
        status = run(ready)
    except (StartError, OSError) as exc:
        status = _refuse(ready, logger, program, str(exc))
    except SystemExit as exc:
        status = exc.code if isinstance(exc.code, int) else 0 if exc.code is None else 1
        if isinstance(exc.code, str):
            status = _refuse(ready, logger, program, exc.code)
    except KeyboardInterrupt:
        status = 130
    except Exception as exc:  # the last line of defence: the log has the traceback, the user a sentence
        logger.critical("internal error: %s", exc, exc_info=True)
        ready.failed(f"internal error: {type(exc).__name__}: {exc}")
        status = 1
    finally:
        if holder:
            holder.release()
    if not ready.told:
        ready.failed("")
    return status


def _refuse(ready: Ready, logger: logging.Logger, program: str, text: str) -> int:
    if not any(isinstance(handler, logging.StreamHandler) for handler in logging.getLogger().handlers):
        with contextlib.suppress(OSError, ValueError):
            print(f"{program}: fatal: {text}", file=sys.stderr)  # in the background this is /dev/null
    logger.critical("%s", text)
    ready.failed(text)
    return 1


# ---------------------------------------------------------------- stopping others


def stop(pid: int, patience: float = 10.0, sig: int = signal.SIGTERM) -> bool:
    """Ask a process to end and wait until it is gone, by force after `patience` seconds; False where there was none.

    With `sig` 0 it is not asked, only waited for.
    """
    try:
        fd = os.pidfd_open(pid)
    except (ProcessLookupError, OSError):
        return False
    try:
        if sig:
            signal.pidfd_send_signal(fd, sig)
        if not select.select([fd], [], [], patience)[0]:
            signal.pidfd_send_signal(fd, signal.SIGKILL)
            select.select([fd], [], [], 5.0)
    except ProcessLookupError:
        pass
    finally:
        os.close(fd)
    return True


def quiet_main(main: Callable[[], Any]) -> int:
    """Run a program's body: StartError as one sentence on stderr and status 1, no traceback."""
    try:
        return int(main() or 0)
    except StartError as exc:
        print(f"{os.path.basename(sys.argv[0])}: error: {exc}", file=sys.stderr)
        return 1
