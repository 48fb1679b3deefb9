"""Programs that users drive a cluster with, as they come from PyPI.

The scenarios are not part of the project; where they lie is in ``CRANE_SHARED``.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from .site import Site

SHARED = Path(os.environ.get("CRANE_SHARED") or Path(__file__).resolve().parents[3] / "shared")
CLIENTS = SHARED / "clients"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not (CLIENTS / "run_all.sh").exists(), reason="no client scenarios here (CRANE_SHARED)")
@pytest.mark.parametrize("client", ["submitit", "simple-slurm", "mpich"])
def test_client(client: str, make_site: Callable[..., Site], tmp_path: Path) -> None:
    site = make_site("clients")
    done = subprocess.run(
        [CLIENTS / "run_all.sh", "-o", tmp_path, CLIENTS / client],
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "VIRTUAL_ENV"))},
            "PATH": ":".join((*site.cluster.directories, "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")),
            "CLIENT_PARTITION": "main",
        },
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    log = (tmp_path / f"{client}.log").read_text() if (tmp_path / f"{client}.log").exists() else ""
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{log[-5000:]}"
