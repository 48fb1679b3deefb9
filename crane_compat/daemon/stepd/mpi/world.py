"""The tasks of a step and the nodes they are on, as one node's MPI server sees them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from crane_compat.core import process_map
from crane_compat.core.states import step_name
from crane_compat.wire import pb


@dataclass(frozen=True)
class World:
    job_id: int
    step: str  # "0"
    node: int  # ours; an index into `names`
    ranks: tuple[int, ...]  # of the tasks here
    names: tuple[str, ...]
    node_of: tuple[int, ...]  # by rank
    mapping: str  # the same as text (core.process_map)

    @classmethod
    def of(cls, launch: pb.StepLaunch) -> World:
        """Raises ValueError where the order to start the step is no whole one."""
        request = launch.request
        size = request.het_tasks or launch.num_tasks
        return cls(
            job_id=launch.job.het_job_id or launch.job_id,
            step=step_name(launch.step_id),
            node=launch.node_index,
            ranks=tuple(launch.task_ids),
            names=tuple(request.world),
            node_of=tuple(process_map.nodes_of(request.process_map, size)),
            mapping=request.process_map,
        )

    @property
    def size(self) -> int:
        return len(self.node_of)

    @property
    def alone(self) -> bool:
        """Nobody is on another node."""
        return len(self.names) == 1

    @cached_property
    def ranks_on(self) -> tuple[tuple[int, ...], ...]:
        """By node."""
        found: list[list[int]] = [[] for _ in self.names]
        for rank, node in enumerate(self.node_of):
            found[node].append(rank)
        return tuple(map(tuple, found))
