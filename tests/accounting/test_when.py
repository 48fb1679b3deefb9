"""Times of -S and -E."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crane_compat.commands.slurm import when

NOW = 1_795_360_363  # 2026-11-22T15:12:43 UTC


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("now", 0), ("now-1hour", -3600), ("now+2days", 172800), ("now-90", -90), ("today", -54763),
        ("midnight", -54763), ("15:12", -43), ("16:00", -83563), ("3:00 PM", -763), ("2026-11-22", -54763),
        ("2026-11-22T15:12:43", 0), ("11/22", -54763), ("1122", -54763), ("11/22/26-15:00", -763),
        ("uts1795360363", 0), ("yesterday", -141163),
    ],
)  # fmt: skip
def test_times(text: str, seconds: int) -> None:
    assert when.parse(text, NOW) - NOW == seconds


@pytest.mark.parametrize(("text", "position"), [("abc", 0), ("2020-13-01", 5), ("now+1fortnight", 5), ("", 0)])
def test_errors_name_the_place(text: str, position: int) -> None:
    with pytest.raises(when.TimeError) as caught:
        when.parse(text, NOW)
    assert str(caught.value) == f"Invalid time specification (pos={position}): {text}"


@given(st.text(max_size=20))
def test_anything_is_a_time_or_an_error(text: str) -> None:
    try:
        assert isinstance(when.parse(text, NOW), int)
    except when.TimeError:
        pass
