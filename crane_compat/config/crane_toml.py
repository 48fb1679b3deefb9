"""crane.toml beside slurm.conf: what slurm.conf cannot say (optional).

``[accounting] url`` an SQLAlchemy URL instead of slurmdbd.conf's Storage…;
``[state] url`` one for the controller's state store; ``[keys] directory``;
``[transport] grpc``: listen for other hosts though all nodes are on this one;
``[scheduling] batch_sched_delay``: seconds that a batch job may wait for
others to be submitted (0: none), so that priorities decide among them.
"""

from __future__ import annotations

import os
import tomllib
from typing import Any


class CraneTomlError(Exception):
    """The file cannot be read; the text names file, line and column."""


def crane_toml(directory: str) -> dict[str, Any]:
    """The file's tables; empty where there is none."""
    path = os.path.join(directory, "crane.toml")
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError as exc:
        raise CraneTomlError(f"{path}: {exc}") from exc
    except OSError as exc:
        raise CraneTomlError(f"{path}: {exc.strerror}") from exc
