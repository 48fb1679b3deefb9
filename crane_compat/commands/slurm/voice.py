"""What a command says about itself: ``srun: …`` and ``srun: error: …`` on standard error.

Levels as in Slurm: -Q leaves out information, each -v adds a level; errors
always show.
"""

from __future__ import annotations

import sys


class Voice:
    def __init__(self, command: str, verbose: int = 0, quiet: bool = False) -> None:
        self.command, self.verbosity, self.quiet = command, verbose, quiet

    def _say(self, text: str) -> None:
        sys.stdout.flush()
        sys.stderr.write(f"{self.command}: {text}\n")
        sys.stderr.flush()

    def error(self, text: str) -> None:
        self._say(f"error: {text}")

    def fatal(self, text: str) -> None:
        self._say(f"fatal: {text}")

    def info(self, text: str) -> None:
        if not self.quiet:
            self._say(text)

    def verbose(self, text: str) -> None:
        if self.verbosity >= 1 and not self.quiet:
            self._say(text)
