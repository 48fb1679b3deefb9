"""What known.txt says matches, matches."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator

import pytest

from tests.clusters import private_host

from . import known
from .golden_format import Recordings, default_root
from .replay import missing
from .stages import Stage, stage

#: seconds a scenario sleeps and waits by itself before it counts as slow
_SLOW = 12.0

_KNOWN = known.read()
_RECORDINGS = Recordings(default_root())


def _parameters() -> list[object]:
    def one(name: str) -> object:
        slow = [pytest.mark.slow] if _RECORDINGS.scenario(name).seconds > _SLOW else []
        return pytest.param(name, marks=[pytest.mark.cluster, *slow])

    return [one(name) for name in _KNOWN]


@pytest.fixture(scope="session")
def golden_stage() -> Iterator[Stage]:
    """One process that plays all of them."""
    if os.geteuid() != 0:
        pytest.skip("scenarios are played by several users: needs root")
    if not private_host.available():
        pytest.skip("the recorded configurations have fixed ports: needs network namespaces")
    with stage(default_root()) as one:
        yield one


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", _parameters())
def test_recording(name: str, golden_stage: Stage) -> None:
    result = golden_stage.play(name)
    lost = missing(result, _KNOWN[name])
    if lost:  # chance may lose a step once; a fault loses it again
        result = golden_stage.play(name)
        lost = missing(result, _KNOWN[name])
    wanted = {line.partition(":")[0] for line in lost}
    shown = [
        line
        for step in result.steps
        if f"{name} step {step.index}" in wanted
        for difference in step.differences
        for line in difference.lines()
    ]
    assert not lost, "\n".join([*lost, *shown])


@functools.cache
def _entries() -> dict[str, dict[str, object]]:
    return _RECORDINGS.entries


def test_known_scenarios_exist() -> None:
    assert set(_KNOWN) <= set(_entries())
