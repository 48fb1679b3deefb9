"""What a command says of a slurm.conf that it cannot use, before it says anything else."""

from __future__ import annotations

from crane_compat.parsers.conf_lines import cannot_stat
from crane_compat.parsers.slurm_conf import ConfError, load


def complaints(program: str, path: str) -> list[str]:
    """The lines for standard error; none where the file is in order.

    Slurm's programs go on trying for a minute when the file is not there; ours say the same and end at once.
    """
    try:
        load(path, strict=True)
        return []
    except ConfError as exc:
        errors = exc.errors
    except OSError as exc:
        errors = (cannot_stat(path, exc.strerror or str(exc)), "ClusterName needs to be specified")
    lines = [f"{program}: error: {text}" for text in errors]
    return [*lines, f"{program}: fatal: Unable to process configuration file"]
