"""What all keywords of scontrol share: the switches, the controller, where messages go and the exit status."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

from crane_compat.commands.slurm.controller_call import Controller


@dataclass(slots=True)
class Session:
    """One run of scontrol: a single keyword, or an interactive session."""

    controller: Controller = field(default_factory=lambda: Controller("scontrol"))
    all: bool = False
    details: int = 0
    future: bool = False
    oneliner: bool = False
    quiet: bool = False
    verbose: int = 0
    status: int = 0
    over: bool = False  #: exit or quit was typed

    def fail(self, *lines: str) -> None:
        """Say lines on standard error (unless --quiet) and end with 1."""
        self.status = 1
        self.warn(*lines)

    def warn(self, *lines: str) -> None:
        if self.quiet:
            return
        sys.stdout.flush()
        for line in lines:
            print(line, file=sys.stderr)
        sys.stderr.flush()

    def missing(self, line: str) -> None:
        """An entity that does not exist: that is part of the answer, but the status is 1."""
        self.status = 1
        if not self.quiet:
            print(line)
