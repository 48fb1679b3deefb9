"""Reading and comparing recordings."""

from __future__ import annotations

import pytest

from . import known
from .golden_format import Recordings, Scenario, Setting, default_root, normalise, view
from .player import Difference, Result, StepResult

_HERE = Setting("host7", {"WORK": "/tmp/w", "ETC": "/tmp/s/etc", "STATE": "/tmp/s"}, {"j": "17", "k": "171"})


@pytest.mark.parametrize(
    "rules, text, expected",
    [
        (["ts"], "End=2026-11-22T14:06:03 x", "End=YYYY-MM-DDTHH:MM:SS x"),
        (["elapsed"], "1-02:03:04 02:03:04 5:59 1:2", "#-##:##:## ##:##:## #:## 1:2"),
        (["pid"], "AllocNode:Sid=localhost:3206", "AllocNode:Sid=localhost:PID"),
        (["uid"], "UserId=alice(1003)", "UserId=alice(UID)"),
        ([], "171 17 17.batch 1717 0.17", "{k} {j} {j}.batch 1717 0.17"),
        ([], "host7 host7x /tmp/w/a /tmp/s/etc/b \\/tmp\\/s\\/c", "@HOST@ host7x @WORK@/a @ETC@/b @STATE@\\/c"),
    ],
)
def test_normalise(rules: list[str], text: str, expected: str) -> None:
    assert normalise(text, rules, _HERE) == expected


def test_views() -> None:
    assert view('{"a": [1, 2]}', {"compare": "json"}, _HERE) == view('{"a": [9]}', {"compare": "json"}, _HERE)
    assert view('{"a": 1}\n200\n', {"compare": "json+status"}, _HERE).endswith("\n200")
    assert view("b\na\n", {"compare": "sorted"}, _HERE) == "a\nb"
    assert view("x 12\n", {"unstable": True}, _HERE) == view("x  9\n", {"unstable": True}, _HERE)
    assert view("no json", {"compare": "json"}, _HERE) == "no json"


def test_fill_leaves_other_braces_alone() -> None:
    assert _HERE.fill("squeue -j {j} -o {x} @WORK@ ${y}") == "squeue -j 17 -o {x} /tmp/w ${y}"


def test_all_recordings_can_be_read() -> None:
    recordings = Recordings(default_root())
    scenarios = [recordings.scenario(name) for name in recordings]
    assert all(isinstance(scenario, Scenario) and scenario.steps for scenario in scenarios)
    assert {scenario.profile for scenario in scenarios} >= {"base", "minimal", "strict"}


def test_known_list_only_grows(tmp_path: object) -> None:
    lost, fine = StepResult(0, "a", [Difference("stdout", "x", "y")]), StepResult(1, "b")
    list_: known.Known = {"a": frozenset({0}), "b": None}
    assert known.grown(list_, [Result("a", [lost, fine]), Result("b", [lost, fine]), Result("c", [lost])]) == {
        "a": None,
        "b": None,
    }
    path = f"{tmp_path}/known.txt"
    known.write({"x/y": frozenset({1, 2, 3, 7}), "z": None}, path)
    assert known.read(path) == {"x/y": frozenset({1, 2, 3, 7}), "z": None}
