"""Host lists: the recorded answers of scontrol, and properties."""

from __future__ import annotations

import doctest
import shlex
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from crane_compat.parsers import hostlist
from crane_compat.parsers.hostlist import HostlistError, compress, expand, parse_ranges, ranges

RECORDED = Path(__file__).parents[1] / "golden/slurm-25.11/scenarios/static/scontrol/hostlist.yaml"


def recorded() -> list[tuple[str, str, str, str]]:
    found = []
    for step in yaml.safe_load(RECORDED.read_text())["steps"]:
        words = shlex.split(step["run"])
        if len(words) == 4 and words[:2] == ["scontrol", "show"] and "{" not in words[3]:
            found.append((words[2], words[3], step["stdout"], step["stderr"]))
    return found


@pytest.mark.parametrize(("kind", "text", "stdout", "stderr"), recorded())
def test_recorded(kind: str, text: str, stdout: str, stderr: str) -> None:
    if kind == "hostnames":
        if not stdout and text:
            with pytest.raises(HostlistError) as error:
                expand(text)
            lines = [f"scontrol: error: _parse_single_range: Invalid range: `{error.value.part}'"]
            assert [*(lines if error.value.range else []), f"Invalid hostlist: {text}"] == stderr.splitlines()
        else:
            assert expand(text) == stdout.split()
    else:
        assert compress(expand(text), sort=kind == "hostlistsorted") == stdout.strip()


def test_examples_in_the_docstrings() -> None:
    assert doctest.testmod(hostlist).failed == 0


@pytest.mark.parametrize(
    ("text", "column", "part"),
    [
        ("n1,m[1-x]", 6, "1-x"),
        ("n[1,5-2]", 5, "5-2"),
        ("a,n[1-", 3, "n[1-"),
        ("n[1-70000]", 3, "1-70000"),
        (",".join(["n[1-65536]"] * 17), 177, "n[1-65536]"),
    ],
)
def test_errors_name_the_part(text: str, column: int, part: str) -> None:
    with pytest.raises(HostlistError) as error:
        expand(text)
    assert (error.value.column, error.value.part, error.value.text) == (column, part, text)


NAMES = st.from_regex(r"[a-z]{1,3}(0?[0-9]{1,3})?(-[a-z])?", fullmatch=True)


@given(st.lists(NAMES, max_size=30))
def test_round_trip(names: list[str]) -> None:
    assert expand(compress(names)) == names
    assert sorted(expand(compress(names, sort=True))) == sorted(names)


@given(st.text(alphabet="n1[]-,:0 9a", max_size=20))
def test_any_text_is_names_or_an_error(text: str) -> None:
    try:
        names = expand(text)
    except HostlistError as error:
        assert 1 <= error.column <= len(text) + 1
    else:
        assert all(names)


@given(st.lists(st.integers(0, 500)))
def test_ranges(numbers: list[int]) -> None:
    assert parse_ranges(ranges(numbers)) == sorted(set(numbers))


def test_speed() -> None:
    names = [f"rack{rack}n{node}" for rack in range(100) for node in range(1000)]
    start = time.perf_counter()
    text = compress(names)
    assert expand(text) == names
    assert time.perf_counter() - start < 1
