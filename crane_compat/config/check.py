"""What a command says of a slurm.conf that it cannot use, before it says anything else."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence

from crane_compat import paths

#: Slurm's programs look again for so many seconds where the file that SLURM_CONF names is not there (yet)
PATIENCE = 60

#: asking for these needs no cluster
_NEEDS_NONE = {"--version", "-V", "--help", "--usage"}


def complaints(program: str, path: str) -> list[str]:
    """The lines for standard error; none where the file is in order."""
    from crane_compat.parsers.conf_lines import cannot_stat
    from crane_compat.parsers.slurm_conf import ConfError, load

    try:
        load(path, strict=True)
        return []
    except ConfError as exc:
        errors = exc.errors
    except OSError as exc:
        errors = (cannot_stat(path, exc.strerror or str(exc)), "ClusterName needs to be specified")
    lines = [f"{program}: error: {text}" for text in errors]
    return [*lines, f"{program}: fatal: Unable to process configuration file"]


def refuses(program: str, argv: Sequence[str]) -> bool:
    """Whether a command has to end before it begins; what is wrong has been said then.

    A cluster with daemons on this host has a configuration that they accepted: it is not read again.
    """
    path = paths.conf_path()
    if os.path.isdir(paths.run_dir(path)) or not _NEEDS_NONE.isdisjoint(argv):
        return False
    if not os.path.exists(path):
        if not os.environ.get("SLURM_CONF"):
            print(f"{program}: error: there is no {path}, and SLURM_CONF names no other file", file=sys.stderr)
            print(f"{program}: fatal: Could not establish a configuration source", file=sys.stderr)
            return True
        if program != "scontrol":  # which does not wait
            return not _appears(program, path)
    lines = complaints(program, path)
    for line in lines:
        print(line, file=sys.stderr)
    return bool(lines)


def _appears(program: str, path: str) -> bool:
    """Wait for a file on a file system that may not be mounted yet."""
    from crane_compat.parsers.conf_lines import cannot_stat

    print(f"{program}: error: {cannot_stat(path, os.strerror(2))}", file=sys.stderr, flush=True)
    for _ in range(PATIENCE):
        time.sleep(1)
        if os.path.exists(path):
            return True
    print(f"{program}: fatal: Unable to process configuration file", file=sys.stderr)
    return False
