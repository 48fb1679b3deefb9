"""Sending a file to the nodes of a job: what sbcast and srun --bcast share.

Source: sbcast(1), slurm.conf(5) BcastParameters and BcastExclude, the recordings.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from crane_compat.commands.slurm.voice import Voice
from crane_compat.core.errors import Errno, RequestError
from crane_compat.daemon.rpc.client import Client, Unreachable, error_of
from crane_compat.parsers.slurm_conf import SlurmConf
from crane_compat.wire import MAX_BLOCK, pb

#: What -v shows as the size of blocks; they travel in pieces of MAX_BLOCK.
BLOCK_SIZE = 8 << 20
SMALLEST_BLOCK = 4096

#: Blocks on their way at the same time.
WINDOW = 2

#: Seconds that ldd may take.
LDD_SECS = 5.0

#: Exit status where nothing was sent at all (SLURM_ERROR).
FAILED = 255


@dataclass
class Manner:
    """Where to, and how."""

    job_id: int = 0
    step_id: int | None = None
    het_offset: int | None = None
    force: bool = False
    preserve: bool = False
    block_size: int = BLOCK_SIZE
    fanout: int = 0
    timeout: int = 0  # seconds; 0 = as configured
    compress: bool = False
    send_libs: bool = False
    exclude: tuple[str, ...] = field(default=())  # directories whose libraries are not sent


def parameter(conf: SlurmConf, name: str) -> str | None:
    """One of BcastParameters; "" where it has no value."""
    for item in str(conf.get("BcastParameters") or "").split(","):
        key, _, value = item.strip().partition("=")
        if key.lower() == name.lower():
            return value
    return None


def wants_compression(voice: Voice, text: str | None) -> bool:
    """What --compress, or Compression of BcastParameters, asks for; None = nothing."""
    if text is None or text.lower() == "none":
        return False
    if text and text.lower() != "lz4":
        voice.error(f"Compression type '{text}' unknown, disabling compression support.")
        return False
    try:
        import lz4.block  # noqa: F401
    except ImportError:
        voice.error("No compression library available, compression disabled.")
        return False
    return True


def wants_libraries(voice: Voice, text: str | None, conf: SlurmConf) -> bool:
    """What --send-libs says, else BcastParameters."""
    default = parameter(conf, "send_libs") is not None
    if text is None:
        return default
    if text.lower() in ("", "yes", "no"):
        return text.lower() != "no"
    voice.error(f"Ignoring unrecognized --send-libs value '{text}'")
    return default


def excluded(voice: Voice, text: str | None, conf: SlurmConf) -> tuple[str, ...]:
    """The directories of --exclude, else of BcastExclude."""
    listed = str(conf.get("BcastExclude") or "") if text is None else text
    if listed.lower() == "none":
        return ()
    found = []
    for path in filter(None, listed.split(",")):
        if path.startswith("/"):
            found.append(path.rstrip("/") or "/")
        else:
            voice.error(f"Ignoring non-absolute excluded path: '{path}'")
    return tuple(found)


def libraries(voice: Voice, program: str, exclude: tuple[str, ...]) -> list[str] | None:
    """The shared objects of a program that are to be sent with it; None where they cannot be told."""
    try:
        done = subprocess.run(
            ["/usr/bin/ldd", program], stdin=subprocess.DEVNULL, capture_output=True, timeout=LDD_SECS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        voice.error(f"Cannot autodetect libraries for '{program}' with ldd command; "
                    "still sending the file but ignoring send_libs")  # fmt: skip
        return None
    found = []
    for line in os.fsdecode(done.stdout).splitlines():
        match = re.search(r"(/\S+) \(", line)
        if match is None:
            continue
        if any(match[1].startswith(f"{directory.rstrip('/')}/") for directory in exclude):
            voice.verbose(f"Skipping broadcast of excluded '{match[1]}'")
        else:
            found.append(match[1])
    return found


class Broadcast:
    """Sends files to the nodes of one job; what goes wrong is said."""

    def __init__(self, voice: Voice, conf_path: str, manner: Manner) -> None:
        self.voice, self.conf_path, self.manner = voice, conf_path, manner
        self.libraries_sent = False
        #: told the nodes, once they are known
        self.on_nodes: Callable[[str], None] = lambda _nodes: None

    def send(self, source: str, dest: str, on_file: Callable[[os.stat_result], None] = lambda _found: None) -> int:
        """The program or file, and its libraries where they are wanted; the exit status."""
        manner = self.manner
        try:
            file = os.open(source, os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError as exc:
            self.voice.error(f"Can't open `{source}`: {exc.strerror}")
            return FAILED
        try:
            found = os.fstat(file)
            on_file(found)
            if not stat.S_ISREG(found.st_mode):
                self.voice.error(f"Can't mmap file `{source}`, {os.strerror(errno.ENODEV)}.")
                return FAILED
            if not found.st_size:
                self.voice.error(f"file `{source}` is empty.")
                return FAILED
            shared = libraries(self.voice, source, manner.exclude) if manner.send_libs else None
            if status := self._file(source, file, found, dest):
                return status
        finally:
            os.close(file)
        self.libraries_sent = shared is not None
        for number, path in enumerate(shared or (), 1):
            if self._library(path, dest):
                self.voice.error(f"Broadcast of '{path}' failed")
                return FAILED
            self.voice.verbose(f"Broadcast of shared object '{path}' to destination cache directory succeeded "
                               f"({number}/{len(shared or ())})")  # fmt: skip
        return 0

    def _library(self, path: str, dest: str) -> int:
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as exc:
            self.voice.error(f"Can't open `{path}`: {exc.strerror}")
            return FAILED
        try:
            return self._file(path, file, os.fstat(file), dest, os.path.basename(path))
        finally:
            os.close(file)

    def _file(self, source: str, file: int, found: os.stat_result, dest: str, library: str = "") -> int:
        manner = self.manner
        order = pb.FileOpen(
            job_id=manner.job_id, path=os.fsencode(dest), library=os.fsencode(library), size=found.st_size,
            mode=stat.S_IMODE(found.st_mode), force=manner.force, preserve=manner.preserve,
            atime_ns=found.st_atime_ns, mtime_ns=found.st_mtime_ns, fanout=manner.fanout, timeout=manner.timeout,
        )  # fmt: skip
        if manner.step_id is not None:
            order.step_id = manner.step_id
        if manner.het_offset is not None:
            order.het_offset = manner.het_offset
        try:
            # the one conversation lasts as long as the transfer, which ends with it; blocks go over the other
            with Client.controller(self.conf_path, "sbcast") as holder:
                reply = holder.call(pb.Request(file_open=order)).file_reply
                if not library:
                    self.on_nodes(reply.node_list)
                if reply.results:
                    return self._failed(reply.results)
                with Client.controller(self.conf_path, "sbcast") as client:
                    return self._contents(client, reply.transfer, source, file, found.st_size)
        except Unreachable:
            refusal = RequestError(Errno.COMMUNICATIONS_CONNECTION)
        except RequestError as exc:
            refusal = exc
        self.voice.error(f"Slurm job {job_name(manner)} lookup error: {refusal.text}")
        return FAILED

    def _contents(self, client: Client, transfer: int, source: str, file: int, size: int) -> int:
        """Raises Unreachable."""
        sent = answered = 0
        for number, block in enumerate(self._blocks(file, size), 1):
            block.transfer = transfer
            if self.voice.verbosity > 1:
                self.voice.verbose(f"debug:  block {number}, size {len(block.data)}")
            client.request(pb.Request(file_block=block))
            sent += 1
            if sent - answered >= WINDOW:
                answered += 1
                if status := self._answer(client):
                    return status
        while answered < sent:
            answered += 1
            if status := self._answer(client):
                return status
        if (left := os.fstat(file).st_size) != size:
            self.voice.error(f"Can't read `{source}`: it has changed from {size} to {left} bytes")
            return FAILED
        client.request(pb.Request(file_end=pb.FileEnd(transfer=transfer, whole=True)))
        return self._answer(client)

    def _blocks(self, file: int, size: int) -> Iterator[pb.FileBlock]:
        """The file in pieces; a file that has become shorter ends early."""
        length = max(SMALLEST_BLOCK, min(self.manner.block_size or BLOCK_SIZE, MAX_BLOCK))
        position = 0
        while position < size and (data := os.pread(file, min(length, size - position), position)):
            block = pb.FileBlock(offset=position, data=data)
            if self.manner.compress:
                import lz4.block

                if len(packed := lz4.block.compress(data, store_size=False)) < len(data):
                    block.data, block.inflated = packed, len(data)
            yield block
            position += len(data)

    def _answer(self, client: Client) -> int:
        """The exit status after what the nodes say to one request.  Raises Unreachable."""
        response = client.receive()
        if response is None:
            raise Unreachable("the daemon closed the connection")
        if response.rc:
            self.voice.error(error_of(response).text)
            return FAILED
        return self._failed(response.file_reply.results)

    def _failed(self, results: Iterable[pb.FileResult]) -> int:
        status = 0
        for result in results:
            self.voice.error(f"REQUEST_FILE_BCAST({result.node}): {result.text}")
            status = result.error & 0xFF or 1
        return status


def job_name(manner: Manner) -> str:
    """The job as it was named: ``12+1.0``."""
    offset = "" if manner.het_offset is None else f"+{manner.het_offset}"
    return f"{manner.job_id}{offset}{'' if manner.step_id is None else f'.{manner.step_id}'}"


def describe(found: os.stat_result) -> list[str]:
    """What -v says of the file."""
    return [
        f"modes    = {found.st_mode:o}",
        f"uid      = {found.st_uid}",
        f"gid      = {found.st_gid}",
        f"atime    = {time.ctime(found.st_atime)}",
        f"mtime    = {time.ctime(found.st_mtime)}",
        f"ctime    = {time.ctime(found.st_ctime)}",
        f"size     = {found.st_size}",
    ]
