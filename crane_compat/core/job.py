"""A job in the controller's memory: its record and what is derived from it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from crane_compat.core import states as st
from crane_compat.core.node import index_ranges
from crane_compat.core.request import Request
from crane_compat.wire import pb


@dataclass(slots=True, eq=False)
class Step:
    """A running (or just ended) step: its record and which nodes still work on it."""

    record: pb.StepRecord
    request: pb.StepRequest
    waiting: set[str] = field(default_factory=set)  # nodes that have not reported its end
    core_masks: dict[str, int] = field(default_factory=dict)  # cores held against other steps
    exits: dict[int, int] = field(default_factory=dict)  # task → wait status
    started: set[str] = field(default_factory=set)
    oom: bool = False
    timed_out: bool = False
    error: str = ""
    error_code: int = 0


@dataclass(slots=True, eq=False)
class WaitingStep:
    """A step request that waits for resources of its job."""

    ticket: int
    parts: list[tuple[Job, pb.StepRequest]]  # several: in components of a heterogeneous job


@dataclass(slots=True, eq=False)
class Job:
    """One job, or all tasks of an array that have not started.

    `record` is what is kept and shown; the other fields are caches over it.
    """

    record: pb.JobRecord
    requests: list[tuple[str, Request]] = field(default_factory=list)  # (partition, request class), in order
    steps: dict[int, Step] = field(default_factory=dict)
    waiting_steps: list[WaitingStep] = field(default_factory=list)
    array_pending: list[int] = field(default_factory=list)  # task ids not started, ascending
    array_running: int = 0  # on the array's first record: tasks running now
    dependency: object | None = None
    impossible: str = ""  # reason why it can never run with the present configuration
    terminate_sent: float = 0.0
    timed_out: bool = False
    warned: bool = False  # --signal has been sent
    evaluated: float = 0.0  # when a pass last looked at it; 0: see the record
    wire: bytes = b""  # `record` as it was last written, for listings; empty where it has changed since

    @property
    def id(self) -> int:
        return self.record.job_id

    @property
    def state(self) -> int:
        return self.record.state

    @property
    def pending(self) -> bool:
        return self.record.state & st.BASE_MASK == st.PENDING

    @property
    def running(self) -> bool:
        return self.record.state & st.BASE_MASK == st.RUNNING

    @property
    def finished(self) -> bool:
        return (self.record.state & st.BASE_MASK) > st.SUSPENDED

    @property
    def is_array(self) -> bool:
        """Tasks of an array that have not started yet: one record for all of them."""
        return bool(self.array_pending)

    def why_impossible(self) -> str:
        """The reason shown; as recorded, too many nodes are no limit to a component of a heterogeneous job."""
        limit = self.impossible == "PartitionNodeLimit"
        return "PartitionConfig" if limit and self.record.het_job_id else self.impossible

    def show_array(self) -> None:
        """Refresh the text of the tasks that have not started."""
        self.record.array_task_str = array_text(self.array_pending)

    def display_id(self) -> str:
        """``12``, ``12_3`` or ``12_[1-5]`` as messages show it."""
        if self.record.array_job_id:
            if self.record.HasField("array_task_id"):
                return f"{self.record.array_job_id}_{self.record.array_task_id}"
            return f"{self.record.array_job_id}_[{self.record.array_task_str}]"
        if self.record.het_job_id:
            return f"{self.record.het_job_id}+{self.record.het_offset}"
        return str(self.record.job_id)


def array_text(indices: list[int]) -> str:
    """Pending tasks as squeue shows them: ranges, or ``0-98:2`` where a constant step covers them all."""
    if len(indices) > 2:
        step = indices[1] - indices[0]
        if step > 1 and indices[-1] - indices[0] == step * (len(indices) - 1):
            if all(b - a == step for a, b in itertools.pairwise(indices)):
                return f"{indices[0]}-{indices[-1]}:{step}"
    return index_ranges(indices)
