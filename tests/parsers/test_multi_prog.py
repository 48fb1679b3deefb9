"""srun --multi-prog files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from crane_compat.parsers.multi_prog import MultiProgError, parse


def test_recorded_example() -> None:
    plan = parse(b"# comment\n0 echo task %t offset %o\n1-2 echo t:%t o:%o\n* echo rest %t %o\n", 5, "mp.conf")
    assert [b" ".join(plan.argv(rank)) for rank in range(5)] == [
        b"echo task 0 offset 0", b"echo t:1 o:0", b"echo t:2 o:1", b"echo rest 3 3", b"echo rest 4 4",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "tasks", "lines"),
    [
        (b"0 echo a\n0 echo b\n", 2,
         ("Duplicate record for task 0", "Line 2 of configuration file mp.conf invalid")),
        (b"0 hostname\n", 3, ("Configuration file mp.conf invalid, no record for task id 1",)),
        (b"junk\n", 1, ("Line 1 of configuration file mp.conf invalid",)),
        (b"0\n", 1, ("Line 1 of configuration file mp.conf invalid",)),
        (b"3-1 x\n", 1, ("Line 1 of configuration file mp.conf invalid",)),
        (b"0 'x\n", 1, ("Line 1 of configuration file mp.conf invalid",)),
        (b"0-999999999 x\n", 1, ("Line 1 of configuration file mp.conf invalid",)),
    ],
)  # fmt: skip
def test_errors(text: bytes, tasks: int, lines: tuple[str, ...]) -> None:
    with pytest.raises(MultiProgError) as caught:
        parse(text, tasks, "mp.conf")
    assert caught.value.lines == lines


def test_quotes_and_continuation() -> None:
    plan = parse(b"0,2-3 prog 'a b' \\\n  c\n1 other\n", 4, "f")
    assert plan.argv(2) == [b"prog", b"a b", b"c"]
    assert plan.argv(1) == [b"other"]


@given(some.binary(max_size=200), some.integers(1, 8))
def test_any_bytes_give_a_plan_or_a_reason(text: bytes, tasks: int) -> None:
    try:
        plan = parse(text, tasks, "f")
    except MultiProgError:
        return
    assert all(plan.argv(rank) for rank in range(tasks))
