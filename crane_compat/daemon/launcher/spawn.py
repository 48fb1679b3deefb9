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


def _lock(directory: str) -> int:
    return os.open(os.path.join(directory, "cmd.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _start(conf: str, lock: int) -> tuple[subprocess.Popen[bytes], int]:
    """The launcher, holding `lock` (our copy is closed), and the end of its lifeline that must stay open."""
    read_end, lifeline = os.pipe2(os.O_CLOEXEC)
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-X", "utf8", "-m", "crane_compat.daemon.launcher"]
            + ["--conf", conf, "--parent-fd", str(read_end)],
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
        os.close(lock)
    return process, lifeline


def _keep(conf: str, running: tuple[subprocess.Popen[bytes], int] | None) -> None:
    while True:
        if running:
            process, lifeline = running
            process.wait()
            os.close(lifeline)
            time.sleep(_PAUSE)
        if os.geteuid() != 0:
            return  # the daemon has given up root: another one of this host starts the next launcher
        try:
            lock = _lock(paths.run_dir(conf))
            fcntl.flock(lock, fcntl.LOCK_EX)
            running = _start(conf, lock)
        except OSError as exc:
            log.error("cannot start the command launcher: %s", exc)
            return


def spawn_launcher(conf: str) -> None:
    """Have a command launcher run for the cluster of `conf` for as long as a daemon of it runs on this host.

    Called once by a daemon, as root (otherwise nothing happens: commands then run in interpreters of
    their own).  Returns at once; the launcher is usable a moment later.
    """
    if os.geteuid() != 0:
        return
    running = None
    try:
        directory = paths.run_dir(conf)
        os.makedirs(directory, 0o755, exist_ok=True)
        lock = _lock(directory)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
        else:
            running = _start(conf, lock)
    except OSError as exc:
        log.error("cannot start the command launcher: %s", exc)
        return
    with contextlib.suppress(RuntimeError):
        threading.Thread(target=_keep, args=(conf, running), name="launcher", daemon=True).start()
