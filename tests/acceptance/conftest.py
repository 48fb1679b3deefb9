"""Sites for the tests: one that several share, and fresh ones for those that break things."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from tests.clusters import users

from .site import Site


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "acceptance":
            item.add_marker(pytest.mark.cluster)
            if os.geteuid() != 0:
                item.add_marker(pytest.mark.skip(reason="node daemons run as root"))


def _with_logs(site: Site, request: pytest.FixtureRequest) -> None:
    """Where a test fails, what the daemons said comes with it."""
    if request.session.testsfailed:
        for name, text in site.cluster.logs().items():
            print(f"--- {name}\n{text[-3000:]}")


@pytest.fixture(scope="module")
def shared_site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """One site for all tests of a module; they leave it running."""
    users.create_missing()
    site = Site("shared")
    try:
        site.up()
        yield site
        _with_logs(site, request)
    finally:
        site.close()


@pytest.fixture
def make_site(request: pytest.FixtureRequest) -> Iterator[Callable[..., Site]]:
    """Make sites that are stopped and removed after the test."""
    users.create_missing()
    made: list[Site] = []

    def make(*arguments: str, **options: str) -> Site:
        made.append(Site(*arguments, **options))
        made[-1].up()
        return made[-1]

    yield make
    for site in made:
        _with_logs(site, request)
        site.close()


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """A fresh site."""
    return make_site()
