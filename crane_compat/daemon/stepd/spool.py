"""What a supervisor keeps in the node's spool directory.

``stepd/<job>.<step>.<life>.sock``  where a node daemon reaches it (root only)
``stepd/<job>.<step>.<life>.run``   the step (pb.StepLaunch without script and environment), while it runs
``stepd/<job>.<step>.<life>.done``  how it ended (pb.StepDone), until the controller has acknowledged it
``job<id>/slurm_script``            the batch script, owned by its user
``pmix.<job>.<step>/``              what the PMIx server of a step shares with its tasks, owned by the user

A life is the number of the job's restarts.  Whoever creates the run file runs that life of the step: a node daemon that
dies before its supervisor has come so far leaves the next one with an order for a step it does not find.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket

from google.protobuf.message import DecodeError

from crane_compat.core.states import step_name
from crane_compat.wire import pb


def directory(spool: str) -> str:
    return os.path.join(spool, "stepd")


def make_directories(spool: str) -> None:
    """The spool itself must be traversable by users: their scripts lie below."""
    try:
        os.mkdir(directory(spool), mode=0o700)
    except FileExistsError:
        pass
    except FileNotFoundError:
        os.makedirs(spool, mode=0o755, exist_ok=True)
        os.makedirs(directory(spool), mode=0o700, exist_ok=True)


class StepFiles:
    """The files of one life of a step."""

    def __init__(self, spool: str, job: int, step: int, life: int) -> None:
        self.directory = directory(spool)
        self.stem = f"{job}.{step_name(step)}.{life}"
        base = os.path.join(self.directory, self.stem)
        self.socket = base + ".sock"
        self.run = base + ".run"
        self.done = base + ".done"

    def _at(self, name: str) -> tuple[int, str]:
        """A name for bind(2)/connect(2) that is short however long the spool's path is (they take 107 bytes)."""
        handle = os.open(self.directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        return handle, f"/proc/self/fd/{handle}/{name}"

    def listen(self) -> socket.socket:
        """The supervisor's listening socket."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.socket)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        handle, name = self._at(self.stem + ".sock")
        old = os.umask(0o177)
        try:
            listener.bind(name)
        finally:
            os.umask(old)
            os.close(handle)
        listener.listen(8)
        listener.setblocking(False)
        return listener

    def connect(self) -> socket.socket:
        """Connect to the step's supervisor.  Raises OSError where none listens."""
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            handle, name = self._at(self.stem + ".sock")
            try:
                client.connect(name)
            finally:
                os.close(handle)
        except OSError:
            client.close()
            raise
        return client

    def claim(self, launch: pb.StepLaunch) -> bool:
        """Take the step on, remembering it for whoever finds its supervisor dead; False where another has taken it.

        Raises OSError.
        """
        record = pb.StepLaunch()
        record.CopyFrom(launch)
        for field in ("script", "env"):
            record.ClearField(field)
        record.request.spec.ClearField("env")
        record.request.ClearField("io_key")
        name = f"{self.run}.new.{os.getpid()}"
        with open(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(record.SerializeToString())
        try:
            os.link(name, self.run)
        except FileExistsError:
            return False
        finally:
            os.unlink(name)
        if os.path.exists(self.done):  # the other has ended it already
            self.remove(self.run)
            return False
        return True

    def read_run(self) -> pb.StepLaunch | None:
        try:
            with open(self.run, "rb") as file:
                return pb.StepLaunch.FromString(file.read())
        except (OSError, DecodeError):
            return None

    def write_done(self, done: pb.StepDone) -> None:
        """Durable when it returns: survives a crash of the host.  Raises OSError."""
        _replace(self.done, done.SerializeToString(), durable=True)

    def read_done(self) -> pb.StepDone | None:
        try:
            with open(self.done, "rb") as file:
                return pb.StepDone.FromString(file.read())
        except (OSError, DecodeError):
            return None

    def remove(self, *paths: str) -> None:
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


def _replace(path: str, data: bytes, durable: bool) -> None:
    name = f"{path}.new.{os.getpid()}"
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.rename(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    if durable:
        handle = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def job_directory(spool: str, job: int) -> str:
    return os.path.join(spool, f"job{job:05d}")


def pmix_directory(spool: str, job: int, step: int) -> str:
    return os.path.join(spool, f"pmix.{job}.{step_name(step)}")


def write_script(spool: str, job: int, script: bytes, uid: int, gid: int) -> str:
    """Put the batch script where the user, and nobody else, can read and run it; its path.  Raises OSError."""
    place = job_directory(spool, job)
    try:
        os.mkdir(place, mode=0o700)
    except FileExistsError:  # of an earlier run of the job
        shutil.rmtree(place)
        os.mkdir(place, mode=0o700)
    path = os.path.join(place, "slurm_script")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o700)
    with os.fdopen(descriptor, "wb") as file:
        file.write(script)
        os.fchmod(file.fileno(), 0o700)
        if os.geteuid() == 0:
            os.fchown(file.fileno(), uid, gid)
    if os.geteuid() == 0:
        os.chown(place, uid, gid)
    return path


def remove_script(spool: str, job: int) -> None:
    place = job_directory(spool, job)
    try:
        os.unlink(os.path.join(place, "slurm_script"))
        os.rmdir(place)
    except FileNotFoundError:
        pass
    except OSError:  # something else has been put there
        shutil.rmtree(place, ignore_errors=True)
