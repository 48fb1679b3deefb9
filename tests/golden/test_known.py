"""What known.txt says matches, matches."""

from __future__ import annotations

import os
import re
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from crane_compat import libpmix
from tests.clusters import private_host

from . import known
from .golden_format import Recordings, default_root
from .player import Result
from .replay import missing
from .stages import Stage

#: those that take more than a few seconds: time limits, commands that are left to hang, many waits
_SLOW = frozenset(
    (
        *("control/ctld-restart", "dep/kinds", "env/salloc", "env/tasks-layout", "job/cancel", "job/export"),
        *("job/time-limit", "salloc/basic", "srun/basic", "srun/cancel-steps", "static/errors/srun-salloc-options"),
    )
)

_KNOWN = known.read()
_RECORDINGS = Recordings(default_root())

#: commands that show the system's libpmix, which not every machine has
_OF_LIBPMIX = re.compile(r"--mpi=(list|pmix)")


def _parameters() -> list[object]:
    def one(name: str) -> object:
        slow = [pytest.mark.slow] if name in _SLOW else []
        return pytest.param(name, marks=[pytest.mark.cluster, *slow])

    return [one(name) for name in _KNOWN]


class _Theatre:
    """Plays all that is asked for in the background, on as many stages as there are CPUs (at most two)."""

    def __init__(self, names: list[str]) -> None:
        self._stages = [Stage(default_root()) for _ in range(min(2, os.cpu_count() or 1))]
        self._waiting: deque[tuple[str, Future[Result]]] = deque()
        self._plays: dict[str, Future[Result]] = {}
        for name in names:
            self._plays[name] = Future()
            self._waiting.append((name, self._plays[name]))
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [threading.Thread(target=self._play, args=(one,)) for one in self._stages]
        for thread in self._threads:
            thread.start()

    def _play(self, stage: Stage) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._waiting)
                if self._closed:
                    return
                name, play = self._waiting.popleft()
            try:
                play.set_result(stage.play(name))
            except Exception as error:
                play.set_exception(error)

    def result(self, name: str) -> Result:
        """What the play in the background has given."""
        return self._plays[name].result()

    def again(self, name: str) -> Result:
        """Play it once more, before all that still wait."""
        play: Future[Result] = Future()
        with self._changed:
            self._waiting.appendleft((name, play))
            self._changed.notify()
        return play.result()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        for stage in self._stages:
            stage.close()


@pytest.fixture(scope="session")
def theatre(request: pytest.FixtureRequest) -> Iterator[_Theatre]:
    if os.geteuid() != 0:
        pytest.skip("scenarios are played by several users: needs root")
    if not private_host.available():
        pytest.skip("the recorded configurations have fixed ports: needs network namespaces")
    asked = [
        item.callspec.params["name"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.originalname == "test_recording"
    ]
    one = _Theatre(asked)
    yield one
    one.close()


def _wanted(result: Result) -> frozenset[int] | None:
    """The steps that must match on this machine; None = all."""
    wanted = _KNOWN[result.name]
    strange = {step.index for step in result.steps if _OF_LIBPMIX.search(step.label)}
    if not strange or libpmix.installed() is not None:
        return wanted
    return (frozenset(step.index for step in result.steps) if wanted is None else wanted) - strange


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", _parameters())
def test_recording(name: str, theatre: _Theatre) -> None:
    result = theatre.result(name)
    lost = missing(result, _wanted(result))
    if lost:  # chance may lose a step once; a fault loses it again
        result = theatre.again(name)
        lost = missing(result, _wanted(result))
    wanted = {line.partition(":")[0] for line in lost}
    shown = [
        line
        for step in result.steps
        if f"{name} step {step.index}" in wanted
        for difference in step.differences
        for line in difference.lines()
    ]
    assert not lost, "\n".join([*lost, *shown])


def test_known_scenarios_exist() -> None:
    assert set(_KNOWN) | _SLOW <= set(_RECORDINGS)
