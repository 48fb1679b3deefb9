"""What tests and benchmarks need of a cluster, whoever's daemons it runs."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod

#: states that a job does not leave by itself; `GONE` is no record at all
FINAL = frozenset(
    (
        *("COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "BOOT_FAIL", "DEADLINE"),
        *("OUT_OF_MEMORY", "REVOKED", "GONE"),
    )
)


class ClusterError(Exception):
    """The cluster could not be started or stopped; the text says why."""


class Cluster(ABC):
    """One cluster below a base directory that all users may enter."""

    #: seconds that accounting may lag behind the controller
    settle = 0.05

    def __init__(self, base: str) -> None:
        self.base = base
        self.settings = ""  # lines for crane.toml, where there is one
        self.state = os.path.join(base, "state")
        self.prefix = os.path.join(base, "prefix")

    @property
    @abstractmethod
    def etc(self) -> str:
        """Directory of the slurm.conf in use."""

    @property
    def directories(self) -> tuple[str, ...]:
        """What goes first in the PATH of a user."""
        return os.path.join(self.prefix, "bin"), os.path.join(self.prefix, "sbin")

    @abstractmethod
    def start(self, directory: str) -> None:
        """Have an empty cluster with the configuration in `directory`, its nodes idle.  Raises ClusterError."""

    @abstractmethod
    def stop(self) -> None:
        """Stop all of it."""

    @abstractmethod
    def job_states(self, job: int) -> list[str]:
        """The states of the records of a job (of an array: of each task); empty where it is not known (any more)."""

    def logs(self) -> dict[str, str]:
        """Log files by name, for reports of failures."""
        directory = os.path.join(self.state, "log")
        found = {}
        for name in sorted(os.listdir(directory)) if os.path.isdir(directory) else ():
            with open(os.path.join(directory, name), encoding="utf-8", errors="replace") as file:
                found[name] = file.read()
        return found
