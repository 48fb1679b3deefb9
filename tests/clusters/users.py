"""The users that test jobs belong to, and running commands as one of them."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

#: name → number it had where the recordings were made: outputs show it ("CANCELLED by 1003")
USERS = {"alice": 1003, "bob": 1004, "carol": 1005, "dave": 1006}
NAMES = tuple(USERS)
_SYSTEM_PATH = ("/usr/bin", "/bin", "/usr/sbin", "/sbin")


def create_missing() -> None:
    """Make the users that this host does not know; a user's group has the user's name."""
    for name, number in USERS.items():
        try:
            pwd.getpwnam(name)
        except KeyError:
            command = ["useradd", "--create-home", "--user-group", "--shell", "/bin/bash"]
            taken = subprocess.run([*command, "--uid", str(number), name], check=False, stderr=subprocess.DEVNULL)
            if taken.returncode:
                subprocess.run([*command, name], check=True)


def environment(user: str, directories: tuple[str, ...]) -> dict[str, str]:
    """What a command of `user` starts with: nothing of ours, `directories` first in PATH."""
    entry = pwd.getpwnam(user)
    return {
        "HOME": entry.pw_dir,
        "USER": user,
        "LOGNAME": user,
        "SHELL": "/bin/bash",
        "PATH": ":".join((*directories, *_SYSTEM_PATH)),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
    }


@dataclass(frozen=True)
class Outcome:
    """How a command ended: status as `subprocess` gives it (-N = by signal N)."""

    rc: int
    stdout: str
    stderr: str
    timed_out: bool = False


class Command:
    """A shell command line of a user, in a session of its own so that all of it can be signalled."""

    def __init__(
        self, line: str, user: str, env: Mapping[str, str], cwd: str, stdin: str | bytes | None = None
    ) -> None:
        entry = pwd.getpwnam(user)
        self._input = stdin.encode() if isinstance(stdin, str) else stdin
        self.process = subprocess.Popen(
            [shutil.which("bash") or "/bin/bash", "-c", line],
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=dict(env),
            user=entry.pw_uid,
            group=entry.pw_gid,
            extra_groups=os.getgrouplist(user, entry.pw_gid),
            umask=0o022,
            start_new_session=True,
        )

    def signal(self, number: int) -> None:
        """Send to every process of the command."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def outcome(self, seconds: float) -> Outcome:
        """Wait for the end, at most `seconds`; after that, all of it is killed."""
        timed_out = False
        try:
            out, err = self.process.communicate(self._input, timeout=seconds)
        except subprocess.TimeoutExpired:
            timed_out = True
            self.signal(signal.SIGKILL)
            try:
                out, err = self.process.communicate(timeout=5)
            except subprocess.TimeoutExpired as exc:  # a descendant with a session of its own holds our pipe
                self._close()
                out, err = exc.stdout or b"", exc.stderr or b""
        return Outcome(self.process.returncode, _text(out), _text(err), timed_out)

    def _close(self) -> None:
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()
        self.process.wait()


def _text(data: bytes | str | None) -> str:
    return data.decode(errors="backslashreplace") if isinstance(data, bytes) else data or ""


def run(line: str, user: str, env: Mapping[str, str], cwd: str, seconds: float = 30.0) -> Outcome:
    """Run one command line to its end."""
    return Command(line, user, env, cwd).outcome(seconds)
