"""Finding the steps of a node that were started by an earlier node daemon."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass

from crane_compat.wire import pb

from . import procfs, spool

#: Seconds that a living supervisor has to begin to listen, or to leave its last word.
COMING_SECS = 10.0


@dataclass
class Found:
    """A step in the spool: with a living supervisor (`sock`), ended (`done`), or orphaned (neither).

    For an orphan call `tracking.kill_leftovers(found.launch)`, then report it as failed
    (`lost`) and `forget` it once the controller knows.
    """

    job_id: int
    step_id: int
    launch: pb.StepLaunch
    files: spool.StepFiles
    sock: socket.socket | None = None
    done: pb.StepDone | None = None

    def forget(self) -> None:
        """Remove everything the spool holds of the step."""
        self.files.remove(self.files.run, self.files.done, self.files.socket)


def lost(launch: pb.StepLaunch, now: float) -> pb.StepDone:
    """The report of a step whose supervisor died: its processes have been killed."""
    return pb.StepDone(
        job_id=launch.job_id,
        step_id=launch.step_id,
        node=launch.node,
        epoch=launch.epoch,
        exits=[pb.TaskExit(task=rank, status=9) for rank in launch.task_ids or [0]],
        error="step supervisor died",
        end_time=now,
    )


def _step_id(name: str) -> int | None:
    from crane_compat.core.states import STEP_NAMES

    for number, text in STEP_NAMES.items():
        if text == name:
            return number
    return int(name) if name.isdigit() else None


def find(directory: str) -> list[Found]:
    """Every step in the spool `directory` (SlurmdSpoolDir), by job, step and life."""
    place = spool.directory(directory)
    try:
        names = os.listdir(place)
    except OSError:
        return []
    stems = {name.rsplit(".", 1)[0] for name in names if name.endswith((".run", ".done", ".sock"))}
    found = []
    for stem in sorted(stems):
        job, _, rest = stem.partition(".")
        step, _, life = rest.partition(".")
        number = _step_id(step)
        if job.isdigit() and number is not None and life.isdigit():
            each = look(directory, int(job), number, int(life))
            if each is not None:
                found.append(each)
    return found


def look(directory: str, job: int, step: int, life: int) -> Found | None:
    """One life of a step in the spool; None where there is nothing (any more).

    A supervisor that lives but does not listen is about to do so, or to leave how the step ended: it is waited for, as
    long as COMING_SECS.  Blocks.
    """
    files = spool.StepFiles(directory, job, step, life)
    end = time.monotonic() + COMING_SECS
    while True:
        launch = files.read_run()
        found = Found(job, step, launch or pb.StepLaunch(job_id=job, step_id=step, epoch=life), files)
        try:
            found.sock = files.connect()
            return found
        except OSError:
            found.done = files.read_done()
        if found.done is not None:
            return found
        if launch is None and not os.path.exists(files.run):
            files.remove(files.socket)  # nothing but a dead socket: the step was over and acknowledged
            return None
        if not _lives(found.launch) or time.monotonic() > end:
            return found
        time.sleep(0.01)


def _lives(launch: pb.StepLaunch) -> bool:
    """Is the supervisor that took the step on still there?"""
    settings = launch.settings
    process = procfs.read(settings.supervisor_pid) if settings.supervisor_pid else None
    return process is not None and process.start == settings.supervisor_start and process.state != "Z"
