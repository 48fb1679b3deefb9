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


#: an interpreter that every user may run: the programs' environments are made with it
PYTHON = "/usr/bin/python3"


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not (CLIENTS / "run_all.sh").exists(), reason="no client scenarios here (CRANE_SHARED)")
@pytest.mark.skipif(not os.path.exists(PYTHON), reason=f"no {PYTHON}")
@pytest.mark.parametrize("client", ["submitit", "simple-slurm", "mpich", "dask-jobqueue", "reframe", "lightning"])
def test_client(client: str, make_site: Callable[..., Site]) -> None:
    """Each as an ordinary user whose login shell finds the commands, as a site's profile makes it."""
    made = subprocess.run(
        [CLIENTS / "run_all.sh", "-k", CLIENTS / client],
        env={**os.environ, "CLIENT_PYTHON": PYTHON},
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        pytest.skip(f"the packages of {client} cannot be installed here")
    site = make_site("clients")
    site.sh(f"mkdir home; echo 'PATH={':'.join(site.cluster.directories)}:$PATH' > home/.bash_profile")
    line = f"HOME=$PWD/home CLIENT_PARTITION=main CLIENT_PYTHON={PYTHON} {CLIENTS}/run_all.sh"
    for _ in range(2):  # two workers of torchrun write to one pipe, word by word: now and then they mix
        outcome = site.run(f"{line} -o $PWD/out {CLIENTS / client}", seconds=600)
        if outcome.rc == 0 or client != "lightning":
            break
    assert outcome.rc == 0, f"{outcome.stdout}\n{outcome.stderr}\n{site.read(f'out/{client}.log')[-5000:]}"
