"""The daemons by name: which `main` runs under ``slurmctld``, ``slurmd``, ``slurmdbd`` and our own names."""

from __future__ import annotations

import importlib
import sys

from .cli import ALIASES

#: Slurm's name → module with ``main(argv) -> int``
MAINS = {
    "slurmctld": "crane_compat.daemon.controller.main",
    "slurmd": "crane_compat.daemon.node.main",
    "slurmdbd": "crane_compat.daemon.accounting.main",
}


def main(name: str, argv: list[str]) -> int:
    """Run the daemon called `name`; its exit status.  Flags that only print are answered without loading it."""
    from . import cli

    if {"-V", "-h"} & set(argv):
        cli.parse(name, argv)
    return int(importlib.import_module(MAINS[ALIASES.get(name, name)]).main(argv))


def cranectld() -> int:
    """Entry point of ``cranectld``."""
    return main("cranectld", sys.argv[1:])


def craned() -> int:
    """Entry point of ``craned``."""
    return main("craned", sys.argv[1:])


def cranedbd() -> int:
    """Entry point of ``cranedbd``."""
    return main("cranedbd", sys.argv[1:])
