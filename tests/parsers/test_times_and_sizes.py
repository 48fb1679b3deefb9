"""Durations and sizes: the forms of the manual, what the recordings show, and round trips."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crane_compat.parsers.size import format_memory, parse_memory
from crane_compat.parsers.time_limit import (
    INFINITE,
    format_elapsed,
    format_hms,
    format_limit,
    format_minutes,
    parse_minutes,
    parse_seconds,
)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("5", 5),
        ("5:01", 6),
        ("1:30:00", 90),
        ("1-0", 1440),
        ("1-2:30", 1590),
        ("2-1:02:03", 2943),
        ("UNLIMITED", INFINITE),
        ("infinite", INFINITE),
        ("-1", INFINITE),
        ("0:00:01", 1),
        ("0", 0),
    ],
)
def test_minutes(text: str, minutes: int) -> None:
    assert parse_minutes(text) == minutes


@pytest.mark.parametrize("text", ["", "abc", "1:2:3:4", "1-", "-5", "1d", "5:", "1.5", "٣"])
def test_no_minutes(text: str) -> None:
    with pytest.raises(ValueError, match="not a time"):
        parse_minutes(text)


@pytest.mark.parametrize(
    ("minutes", "queue", "control"),
    [
        (5, "5:00", "00:05:00"),
        (30, "30:00", "00:30:00"),
        (90, "1:30:00", "01:30:00"),
        (1440, "1-00:00:00", "1-00:00:00"),
        (INFINITE, "infinite", "UNLIMITED"),
    ],
)
def test_limits(minutes: int, queue: str, control: str) -> None:
    assert (format_minutes(minutes), format_limit(minutes)) == (queue, control)


def test_elapsed() -> None:
    assert [format_elapsed(n) for n in (0, 5, 65, 3723, 93784)] == ["0:00", "0:05", "1:05", "1:02:03", "1-02:03:04"]


@given(st.integers(0, 10**8))
def test_round_trip(seconds: int) -> None:
    assert parse_seconds(format_hms(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "mebibytes"),
    [("100", 100), ("100M", 100), ("2G", 2048), ("1t", 1048576), ("1K", 1), ("1025K", 2), ("2GB", 2048), ("0", 0)],
)
def test_memory(text: str, mebibytes: int) -> None:
    assert parse_memory(text) == mebibytes


@pytest.mark.parametrize("text", ["", "1.5G", "G", "-1", "1X", "1 G"])
def test_no_memory(text: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        parse_memory(text)


@pytest.mark.parametrize(
    ("mebibytes", "text"), [(100, "100M"), (8000, "8000M"), (32000, "32000M"), (2048, "2G"), (1048576, "1T"), (0, "0M")]
)
def test_memory_text(mebibytes: int, text: str) -> None:
    assert format_memory(mebibytes) == text


@given(st.integers(0, 10**9))
def test_memory_round_trip(mebibytes: int) -> None:
    text = format_memory(mebibytes)
    if text[-1] in "MGT":
        assert parse_memory(text) == mebibytes
