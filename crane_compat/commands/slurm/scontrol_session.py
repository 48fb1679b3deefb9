"""What all keywords of scontrol share: the switches, the controller, where messages go and the exit status."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from crane_compat.commands.slurm.controller_call import Controller
from crane_compat.core.errors import RequestError

if TYPE_CHECKING:
    from crane_compat.commands.format.documents import Form


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
    form: Form | None = None  #: entities as a document
    words: Sequence[str] = ()  #: of the keyword, as a document tells them

    def write(self, name: str, rows: Any, *, empty: str = "", **moments: float) -> None:
        """Print a document; `empty` is its warning when there are no `rows`, `moments` the times they are of."""
        from crane_compat.commands.format.documents import document, write

        assert self.form is not None
        try:
            cluster = self.controller.cluster_name()
        except RequestError:
            cluster = ""  # a document that says that the controller is down
        write(document(name, rows, self.words[:-1], cluster, empty=empty, **moments), self.form)

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
