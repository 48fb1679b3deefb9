"""What a job needs, reduced to what the scheduler compares: the request class.

Pending jobs with equal requests share one `Request` object (`RequestTable`), so
that a scheduling pass costs by the number of distinct requests, not of jobs.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GresNeed:
    """A device request: `count` of a name (and type) per node, per task or for the job."""

    name: str
    type: str
    count: int


@dataclass(frozen=True, slots=True)
class Request:
    """One request class.  Counts are CPUs as slurm.conf counts them; memory is MiB."""

    min_nodes: int
    max_nodes: int  # 0 = as many as needed
    num_tasks: int  # 0 = one a node
    cpus_per_task: int
    ntasks_per_node: int  # 0 = no rule
    min_cpus: int  # in all
    pn_min_cpus: int  # on each node
    memory: int  # MiB, per node or per CPU
    memory_per_cpu: bool
    tmp_disk: int
    features: str
    req_nodes: tuple[str, ...]
    exc_nodes: tuple[str, ...]
    gres_per_node: tuple[GresNeed, ...]
    gres_per_job: tuple[GresNeed, ...]
    gres_per_task: tuple[GresNeed, ...]
    memory_per_gpu: int
    exclusive: bool
    exclusive_user: int  # uid, or -1
    overcommit: bool
    contiguous: bool
    spread: bool
    sockets: int
    cores: int
    threads: int
    licenses: tuple[tuple[str, int], ...]
    all_memory: bool = False  # --mem=0, or no limit known: all of each node's memory
    core_spec: int = 0
    most_cpus: int = 0  # on each node, by the partition; 0 = all
    tasks_per_socket: int = 0  # at most; 0 = no rule
    tasks_per_core: int = 0
    fewest: bool = False  # of a range of node counts; else as many as are free


class RequestTable:
    """Interns requests: equal ones become the same object."""

    def __init__(self) -> None:
        self._table: dict[Request, Request] = {}

    def intern(self, request: Request) -> Request:
        return self._table.setdefault(request, request)

    def __len__(self) -> int:
        return len(self._table)

    def keep_only(self, used: set[Request]) -> None:
        """Forget the classes no pending job has."""
        self._table = {request: request for request in self._table if request in used}
