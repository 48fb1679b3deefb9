"""A short storm in every run; `python -m tests.integration.chaos` rages for longer."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.acceptance.site import Site
from tests.clusters import users

from .chaos import Storm

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="daemons run as root"),
]

SECONDS = 20.0


@pytest.fixture
def site() -> Iterator[Site]:
    users.create_missing()
    site = Site("chaos", more="MinJobAge=7200")
    try:
        site.up()
        yield site
    finally:
        site.close()


@pytest.mark.timeout(400)
def test_jobs_end_as_their_processes_did(site: Site) -> None:
    Storm(site, seed=11).run(SECONDS)
