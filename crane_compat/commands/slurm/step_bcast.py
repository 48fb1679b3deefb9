"""srun --bcast: a step's program is sent to its nodes before its tasks begin (srun(1))."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator

from crane_compat.commands.slurm import file_bcast
from crane_compat.commands.slurm.file_bcast import Broadcast, Manner
from crane_compat.commands.slurm.voice import Voice
from crane_compat.parsers.options import Flags
from crane_compat.parsers.slurm_conf import ConfError, load
from crane_compat.wire import pb


class StepBcast:
    """Sends programs as the options of one srun say."""

    def __init__(self, voice: Voice, conf_path: str, flags: Flags) -> None:
        self.voice, self.conf_path, self.flags = voice, conf_path, flags

    def send(self, job: pb.JobRecord, step: pb.StepRecord, program: str, work_dir: str) -> pb.StartStep | None:
        """Send the program; the order to begin with it, None where that failed.  Raises Unreachable."""
        flags = self.flags
        try:
            conf = load(self.conf_path, strict=False)
        except (ConfError, OSError) as exc:
            self.voice.error(f"cannot read {self.conf_path}: {exc}")
            return None
        compression = file_bcast.parameter(conf, "Compression") if flags.compress is None else flags.compress
        manner = Manner(
            job_id=step.job_id,
            step_id=step.step_id,
            het_offset=job.het_offset if job.het_job_id else None,
            force=True,
            preserve=True,
            compress=file_bcast.wants_compression(self.voice, compression),
            send_libs=file_bcast.wants_libraries(self.voice, flags.send_libs, conf),
            exclude=file_bcast.excluded(self.voice, flags.bcast_exclude, conf),
        )
        # a directory: the nodes name the file after the step and themselves
        dest = flags.bcast or f"{file_bcast.parameter(conf, 'DestDir') or work_dir}/"
        dest = os.path.join(work_dir, dest)
        broadcast = Broadcast(self.voice, self.conf_path, manner)
        with _interruptible():
            if broadcast.send(program, dest):
                return None
        return pb.StartStep(
            job_id=step.job_id, step_id=step.step_id, program=dest, libraries_sent=broadcast.libraries_sent
        )


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """^C ends srun while it sends; once there are tasks, it is theirs."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
