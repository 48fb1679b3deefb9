"""Finding the steps of a node that were started by an earlier node daemon."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

from crane_compat.wire import pb

from . import spool


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
    """Every step in the spool `directory` (SlurmdSpoolDir), by job and step."""
    place = spool.directory(directory)
    try:
        names = os.listdir(place)
    except OSError:
        return []
    stems = {name.rsplit(".", 1)[0] for name in names if name.endswith((".run", ".done", ".sock"))}
    found = []
    for stem in sorted(stems):
        job, _, step = stem.partition(".")
        number = _step_id(step)
        if not job.isdigit() or number is None:
            continue
        files = spool.StepFiles(directory, int(job), number)
        launch = files.read_run() or pb.StepLaunch(job_id=int(job), step_id=number)
        each = Found(int(job), number, launch, files)
        try:
            each.sock = files.connect()
        except OSError:
            each.done = files.read_done()
            if each.done is None and not os.path.exists(files.run):
                files.remove(files.socket)  # nothing but a dead socket: the step was over and acknowledged
                continue
        found.append(each)
    return found
