"""The plugins of JobSubmitPlugins that Slurm brings along, where they change or refuse a request.

Source: slurm.conf(5), JobSubmitPlugins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from crane_compat.core.errors import Errno, RequestError
from crane_compat.wire import pb

Partitions = Iterable[pb.PartitionRecord]


def _all_partitions(spec: pb.JobSpec, partitions: Partitions) -> None:
    """A job without a partition may use any."""
    if not spec.partition:
        spec.partition = ",".join(one.name for one in partitions if not (one.hidden or one.root_only))


def _require_timelimit(spec: pb.JobSpec, _partitions: Partitions) -> None:
    """A job must say how long it may take."""
    if not spec.HasField("time_limit"):
        raise RequestError(Errno.MISSING_TIME_LIMIT)


def _nothing(_spec: pb.JobSpec, _partitions: Partitions) -> None:
    """Changes no request."""


#: name → what it does; raises RequestError where it refuses
NATIVE: dict[str, Callable[[pb.JobSpec, Partitions], None]] = {
    "all_partitions": _all_partitions,
    "require_timelimit": _require_timelimit,
    "logging": _nothing,
}
