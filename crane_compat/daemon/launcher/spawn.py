"""A daemon's hold on the command launcher of its host.

The daemons of a cluster on one host share one launcher.  Whoever gets the lock
in the run-time directory starts it and keeps its lifeline (a pipe); the others
wait for the lock in a thread, so that the launcher comes back when its daemon
goes, or when it dies itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import subprocess
import sys
import threading
import time

from crane_compat import paths

log = logging.getLogger("launcher")

#: seconds before a launcher that ended is started again
_PAUSE = 1.0


class Keeper:
    """Keeps a launcher running; made by `keep`."""

    def __init__(self, conf: str) -> None:
        self.conf = conf
        self.process: subprocess.Popen[bytes] | None = None
        self.lifeline = -1
        self.closed = False

    def _lock(self, wait: bool) -> int:
        """The lock that the launcher holds while it lives; -1 where another has it."""
        fd = os.open(os.path.join(paths.run_dir(self.conf), "cmd.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(fd)
            return -1
        return fd

    def start(self, wait: bool) -> bool:
        """Start the launcher if the lock is free (or becomes so); False where another daemon keeps one."""
        lock = self._lock(wait)
        if lock < 0:
            return False
        if self.closed:
            os.close(lock)
            return False
        read_end, lifeline = os.pipe2(os.O_CLOEXEC)
        command = [sys.executable, "-I", "-X", "utf8", "-m", "crane_compat.daemon.launcher"]
        command += ["--conf", self.conf, "--parent-fd", str(read_end)]
        try:
            self.process = subprocess.Popen(
                command,
                pass_fds=(read_end, lock),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,
            )
        except OSError:
            os.close(lifeline)
            raise
        finally:
            os.close(read_end)
            os.close(lock)  # the launcher has its own copy: the lock is held as long as it lives
        self.lifeline = lifeline
        return True

    def run(self) -> None:
        """Start it again whenever it ends, until closed or no longer root (then another daemon does)."""
        try:
            while not self.closed:
                if self.process is not None:
                    self.process.wait()
                    self._let_go()
                    time.sleep(0 if self.closed else _PAUSE)
                if self.closed or os.geteuid() != 0:
                    return
                self.start(wait=True)
        except OSError as exc:
            log.error("cannot start the command launcher: %s", exc)

    def _let_go(self) -> None:
        fd, self.lifeline = self.lifeline, -1
        if fd >= 0:
            os.close(fd)

    def close(self) -> None:
        """Let the launcher end; commands that run go on, another daemon of this host starts the next one."""
        self.closed = True
        self._let_go()


def keep(conf: str) -> Keeper | None:
    """Have a command launcher run for the cluster of `conf` for as long as a daemon of it runs on this host.

    Called once by a daemon, as root (otherwise nothing happens and None: commands then run in interpreters
    of their own), and after it has forked children that outlive it, for they would keep the lifeline open.
    Returns at once; the launcher is usable a moment later.
    """
    if os.geteuid() != 0:
        return None
    keeper = Keeper(conf)
    try:
        os.makedirs(paths.run_dir(conf), 0o755, exist_ok=True)
        keeper.start(wait=False)
    except OSError as exc:
        log.error("cannot start the command launcher: %s", exc)
        return None
    with contextlib.suppress(RuntimeError):
        threading.Thread(target=keeper.run, name="launcher", daemon=True).start()
    return keeper
