"""What the core asks the outside world to do, once its changes are durable.

Effects are values.  The controller performs them after the commit of the state
they follow from; the simulator answers them from a virtual machine room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from crane_compat.wire import pb


@dataclass(frozen=True, slots=True)
class LaunchStep:
    """Start one node's part of a step.  The controller adds script and environment of a batch step."""

    node: str
    job_id: int
    step_id: int


@dataclass(frozen=True, slots=True)
class SendNode:
    """Send a message to one node's daemon (signal, terminate, new limit …)."""

    node: str
    message: pb.NodeDown


@dataclass(frozen=True, slots=True)
class JobChanged:
    """The commands that watch this job are told."""

    job_id: int
    notice: str = ""
    failed_node: str = ""


@dataclass(frozen=True, slots=True)
class StepChanged:
    """The srun that owns this step is told."""

    job_id: int
    step_id: int
    event: pb.StepEvent


@dataclass(frozen=True, slots=True)
class StepReady:
    """A step that had to wait for resources now has them: its srun gets the answer it waits for."""

    ticket: int
    job_id: int
    step_id: int


@dataclass(frozen=True, slots=True)
class StepRefused:
    """A waiting step can no longer start (its job has ended)."""

    ticket: int
    errno: int
    text: str


@dataclass(frozen=True, slots=True)
class RunTrigger:
    """A trigger has been pulled: its program is to be run, as its user, with one argument."""

    record: pb.TriggerRecord
    argument: str


@dataclass(frozen=True, slots=True)
class RunProgram:
    """One of the site's programs on the controller's host is to be run.

    The end of a job's program (`job_id`) is told to `Cluster.program_ended`.
    """

    key: str  # the setting that names it: MailProg, PrologSlurmctld, ResumeProgram …
    arguments: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    job_id: int = 0
    epoch: int = 0  # restarts of the job


Effect = RunProgram | RunTrigger | LaunchStep | SendNode | JobChanged | StepChanged | StepReady | StepRefused
