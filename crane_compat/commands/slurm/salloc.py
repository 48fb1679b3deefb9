"""salloc: get an allocation, run a command with its environment, give it back.

Source: salloc(1) and the recordings.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import sys
from collections.abc import Mapping

from crane_compat import paths
from crane_compat.commands.slurm import allocation, submission
from crane_compat.commands.slurm.allocation import Allocation, GivenUp
from crane_compat.commands.slurm.voice import Voice
from crane_compat.core import job_env, states
from crane_compat.core.errors import TEXT, Errno
from crane_compat.daemon.rpc.client import Client, Unreachable
from crane_compat.daemon.stepd.loop import READ, Loop
from crane_compat.wire import pb

#: Deaths of the command that are taken as the user's wish, not as a failure.
WANTED_DEATHS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)

#: Handed on to the command.
FORWARDED = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGUSR1,
    signal.SIGUSR2,
)


class Command:
    """The command of an allocation while it runs."""

    def __init__(self, voice: Voice, granted: Allocation, kill_signal: int, conf: str) -> None:
        self.voice, self.granted, self.kill_signal, self.conf = voice, granted, kill_signal, conf
        self.interactive = os.isatty(0)
        self.revoked = False
        self.status: int | None = None
        self.pid = 0
        self.loop = Loop()

    def run(self, path: str, argv: list[str], env: Mapping[str, str]) -> int:
        """Run it to its end: its wait status."""
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, *FORWARDED):
            signal.signal(number, lambda *_: None)
        self._wakeup = reader
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            self._become(path, argv, env)
        self.loop.watch(reader, READ, self._signalled)
        self.loop.watch(self.granted.client.sock, READ, self._job_changed)
        self._reap()
        if self.status is None:
            self.loop.run()
        signal.set_wakeup_fd(-1)
        if self.interactive:
            self._foreground(os.getpgrp())
        return self.status or 0

    def _become(self, path: str, argv: list[str], env: Mapping[str, str]) -> None:
        signal.set_wakeup_fd(-1)
        os.setpgid(0, 0)
        if self.interactive:
            self._foreground(os.getpid())
        for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ, *FORWARDED):
            signal.signal(number, signal.SIG_DFL)
        try:
            os.execve(path, argv, dict(env))
        except OSError as exc:
            self.voice.error(f"execve({path}): {exc.strerror}")
        os._exit(1)

    @staticmethod
    def _foreground(group: int) -> None:
        """Make a process group the terminal's; we may be in the background while we do."""
        before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        with contextlib.suppress(OSError):
            os.tcsetpgrp(0, group)
        signal.signal(signal.SIGTTOU, before)

    def _signalled(self, _events: int) -> None:
        with contextlib.suppress(BlockingIOError):
            for number in self._wakeup.recv(256):
                if number in FORWARDED:
                    self._kill(number)
        self._reap()

    def _kill(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _reap(self) -> None:
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid:
            self.status = status
            self.loop.stop()

    def _job_changed(self, _events: int) -> None:
        client = self.granted.client
        try:
            response = client.receive()
        except Unreachable:
            response = None
        if response is None or response.rc:  # the controller is away: the allocation is still ours
            self.loop.unwatch(client.sock)
            if response is None:
                client.close()
                self.loop.later(allocation.RETRY_SECS, self._rejoin)
            return
        event = response.job_event
        over = event.HasField("job") and states.is_finished(event.job.state)
        if event.failed_node:
            self.voice.error(f"Node failure on {event.failed_node}")
        if event.notice and not over:
            self.voice.info(event.notice)
        if over and not self.revoked:
            self.revoked = True
            job_id = event.job.job_id
            if states.base(event.job.state) == states.TIMEOUT:
                self.voice.info(f"Job {job_id} has exceeded its time limit and its allocation has been revoked.")
            else:
                self.voice.info(f"Job allocation {job_id} has been revoked.")
            if number := self.kill_signal or (signal.SIGHUP if self.interactive else 0):
                self._kill(number)
        if not response.more:
            self.loop.unwatch(client.sock)

    def _rejoin(self) -> None:
        client = allocation.rejoin(self.conf, "salloc", self.granted.job.job_id)
        if client is None:
            self.loop.later(allocation.RETRY_SECS, self._rejoin)
            return
        self.granted.client = client
        self.loop.watch(client.sock, READ, self._job_changed)


def exit_code(status: int) -> int:
    """salloc's own exit code for its command's wait status."""
    if os.WIFEXITED(status):
        return os.WEXITSTATUS(status)
    return 0 if os.WTERMSIG(status) in WANTED_DEATHS else 1


def _shell() -> str:
    if shell := os.environ.get("SHELL"):
        return shell
    try:
        return pwd.getpwuid(os.getuid()).pw_shell or "/bin/sh"
    except KeyError:
        return "/bin/sh"


def environment(granted: Allocation, conf: str) -> dict[str, str]:
    """The command's environment."""
    env = dict(os.environ)
    conf = os.path.realpath(conf)
    if len(granted.jobs) > 1:
        env |= job_env.het_alloc_env(granted.jobs, granted.cluster, conf)
    else:
        env |= job_env.alloc_env(granted.job, granted.cluster, conf)
    env["SLURM_SUBMIT_DIR"] = os.getcwd()
    env["SLURM_SUBMIT_HOST"] = os.uname().nodename
    return env


def main(argv: list[str]) -> int:
    """Run the command line; its exit status."""
    try:
        asked = submission.parse("salloc", argv)
    except submission.Refused as exc:
        return exc.code
    voice = Voice("salloc", asked.flags.verbose, asked.flags.quiet)
    conf = paths.conf_path()
    for spec in asked.specs:
        # An allocation without a shell must outlive this command.
        spec.interactive = not asked.flags.no_shell
    try:
        with Client.controller(conf, "salloc") as client:
            patience = float(asked.flags.immediate_secs)
            granted = allocation.obtain(voice, allocation.SALLOC, client, conf, asked.specs, patience)
            if asked.filters:
                asked.filters.post_submit(0, granted.job.job_id)
            return _use(voice, granted, asked, conf)
    except Unreachable:
        voice.error(f"Job submit/allocate failed: {TEXT[Errno.COMMUNICATIONS_CONNECTION]}")
        return 1
    except GivenUp as exc:
        return exc.code


def _use(voice: Voice, granted: Allocation, asked: submission.Asked, conf: str) -> int:
    job: pb.JobRecord = granted.job
    voice.info(f"Granted job allocation {job.job_id}")
    allocation.await_ready(voice, allocation.SALLOC, granted, conf, voice.info)
    if asked.flags.no_shell:
        return 0
    operands = asked.operands or [_shell()]
    env = environment(granted, conf)
    path = shutil.which(operands[0], path=env.get("PATH"))
    revoked = False
    if path is None:
        voice.error(f'_fork_command: Unable to find command "{operands[0]}"')
        status = 1 << 8
    else:
        command = Command(voice, granted, asked.flags.kill_command if "kill-command" in asked.given else 0, conf)
        status = command.run(path, operands, env)
        revoked = command.revoked
    if not revoked:
        voice.info(f"Relinquishing job allocation {job.job_id}")
        allocation.complete(conf, "salloc", job.job_id, status)
    return exit_code(status)
