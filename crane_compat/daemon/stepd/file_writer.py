"""The process that writes a file which was sent to a job's node (sbcast, srun --bcast).

It becomes the job's user before it looks at any path.  The file grows under a
name of its own beside its destination and gets its real name when it is whole;
whatever happens before, nobody finds a half file under that name.  Every message
is answered in turn; when the node daemon's end of the socket closes, the file is
given up.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket

from setproctitle import setproctitle

from crane_compat.wire import FrameError, pb, recv_frame, send

from . import tasks, tracking
from .output import Identity

#: Errors of link(2) on file systems without hard links.
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS)


def destination(path: bytes, job_id: int, step_id: int, node: str) -> bytes:
    """The file that `path` stands for: one that ends in a slash is a directory, for a file with a name of its own.

    >>> destination(b"/tmp/", 7, 0, "n1")
    b'/tmp/slurm_bcast_7.0_n1'
    """
    return path + b"slurm_bcast_%d.%d_%s" % (job_id, step_id, node.encode()) if path.endswith(b"/") else path


def library_directory(program: bytes) -> bytes:
    """Where the shared objects of a program lie that was sent with them."""
    return program + b"_libs"


class FileWriter:
    """One file; every method raises OSError."""

    def __init__(self, order: pb.FileOpen) -> None:
        self.order = order
        path = destination(order.path, order.job_id, order.step_id, order.node)
        if order.library:
            directory, self.name = library_directory(path), order.library
            with contextlib.suppress(FileExistsError):
                os.mkdir(directory, 0o700)
        else:
            directory, self.name = os.path.split(path)
        self.directory = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._check_name()
        self.temporary = b".%s.%d-%x" % (self.name[:200], os.getpid(), order.transfer)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self.file = os.open(self.temporary, flags, 0o600, dir_fd=self.directory)
        self.written = 0

    def _check_name(self) -> None:
        """Say at once what would be said at the end."""
        try:
            found = os.stat(self.name, dir_fd=self.directory, follow_symlinks=False)
        except FileNotFoundError:
            return
        if not self.order.force:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        if found.st_mode & 0o170000 == 0o040000:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))

    def write(self, block: pb.FileBlock) -> None:
        data = memoryview(_inflated(block))
        position = block.offset
        if position + len(data) > self.order.size:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        self.written += len(data)
        while data:
            count = os.pwrite(self.file, data, position)
            data, position = data[count:], position + count

    def finish(self) -> None:
        """Give the file its name."""
        if self.written != self.order.size:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        os.fchmod(self.file, self.order.mode & (0o7777 if self.order.preserve else 0o777))
        if self.order.preserve:
            os.utime(self.file, ns=(self.order.atime_ns, self.order.mtime_ns))
        os.close(self.file)
        place = {"src_dir_fd": self.directory, "dst_dir_fd": self.directory}
        if not self.order.force:
            try:
                os.link(self.temporary, self.name, follow_symlinks=False, **place)
            except OSError as exc:
                if exc.errno not in _NO_LINKS:
                    raise
                self._check_name()
            else:
                os.unlink(self.temporary, dir_fd=self.directory)
                return
        os.rename(self.temporary, self.name, **place)

    def discard(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.temporary, dir_fd=self.directory)


def _inflated(block: pb.FileBlock) -> bytes:
    if not block.inflated:
        return block.data
    try:
        import lz4.block
    except ImportError as exc:
        raise OSError(errno.EOPNOTSUPP, "lz4 is not installed on this node") from exc
    try:
        data: bytes = lz4.block.decompress(block.data, uncompressed_size=block.inflated)
    except lz4.block.LZ4BlockError as exc:
        raise OSError(errno.EBADMSG, os.strerror(errno.EBADMSG)) from exc
    return data


def main(sock: socket.socket, order: pb.FileOpen) -> None:
    """Write a file as its user, from the order to make it until it is whole or given up."""
    setproctitle(f"slurmstepd: [{order.job_id} file]")
    sock.settimeout(None)
    if order.HasField("context"):
        tracking.join(order.context)
    tasks.become(Identity.of(order.user, order.uid, order.gid))
    os.umask(0o077)
    writer: FileWriter | None = None

    def answer(exc: OSError | None = None) -> None:
        result = pb.FileResult(node=order.node)
        if exc is not None:
            result.error, result.text = exc.errno or errno.EIO, exc.strerror or str(exc)
        send(sock, pb.NodeUp(file_reply=pb.FileReply(transfer=order.transfer, results=[result])))

    try:
        writer = FileWriter(order)
        answer()
        while (message := recv_frame(sock, pb.NodeDown)) is not None:
            if message.WhichOneof("msg") == "file_block":
                writer.write(message.file_block)
                answer()
                continue
            if message.file_end.whole:
                writer.finish()
                writer = None
            answer()
            return
    except OSError as exc:
        with contextlib.suppress(OSError):
            answer(exc)
    except FrameError:
        pass
    finally:
        if writer is not None:
            with contextlib.suppress(OSError):
                writer.discard()
