"""Columns, array tasks, node states: the pieces the tables are made of."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as some

from crane_compat.commands.format import texts
from crane_compat.commands.format.columns import Field, FieldTable, parse_letters, parse_names
from crane_compat.commands.format.job_fields import View, job_fields
from crane_compat.commands.format.node_state import state_flags, state_word
from crane_compat.core import states as st
from crane_compat.parsers.arrays import parse_array

from . import recorded_cluster as rec

TABLE: FieldTable[str] = FieldTable(
    (Field(("name",), "NAME", str, "j"), Field(("time",), "TIME_LIMIT", lambda _: "365-00:00:00", "l", cut=False))
)


@pytest.mark.parametrize(
    ("text", "header", "row"),
    [
        ("%j", "NAME", "abcdef"),
        ("%.8j|", "    NAME|", "  abcdef|"),
        ("%8j|", "NAME    |", "abcdef  |"),
        ("%.3j|%3j|", "NAM|NAM|", "abc|abc|"),
        ("%.9l|%9l|", "TIME_LIMI|TIME_LIMI|", "365-00:00:00|365-00:00|"),
        ("x%%j y", "xNAME y", "xabcdef y"),
        ("100", "100", "100"),
    ],
)
def test_letters(text: str, header: str, row: str) -> None:
    layout, unknown = parse_letters(text, TABLE)
    assert (layout.header(), list(layout.rows(["abcdef"])), unknown) == (header, [row], [])


def test_unknown_letters_show_as_written() -> None:
    layout, unknown = parse_letters("%j %-5j %!", TABLE)
    assert (layout.header(), unknown) == ("NAME %-5j %!", ["-", "!"])


def test_names() -> None:
    layout, unknown = parse_names("name:.8,NAME:3,name:|,nope,name", TABLE)
    assert list(layout.rows(["abcdef"])) == ["  abcdef" + "abc" + "abcdef|" + "abcdef" + " " * 14]
    assert unknown == ["nope"]


@given(some.text(), some.text())
def test_any_format_prints(letters: str, names: str) -> None:
    for layout, _ in (parse_letters(letters, TABLE), parse_names(names, TABLE)):
        assert isinstance(layout.header(), str)
        assert len(list(layout.rows(["a", "b"]))) == 2


@given(some.sets(some.integers(0, 5000), min_size=1))
def test_task_ranges_are_read_back(tasks: set[int]) -> None:
    assert set(parse_array(texts.task_ranges(tasks))) == tasks


def test_array_tasks_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = "1-2,5,9,13,20,22,24,26,28,31,33,37"
    assert texts.array_tasks("5-9:2", 2) == "5,7,9%2"
    monkeypatch.setenv("SLURM_BITSTR_LEN", "20")
    assert texts.array_tasks(tasks, 0) == "1-2,5,9,13,20,22..."
    monkeypatch.setenv("SLURM_BITSTR_LEN", "0")
    assert texts.array_tasks(tasks, 0) == tasks


@pytest.mark.parametrize(
    ("state", "short", "long", "flags"),
    [
        (st.NODE_IDLE, "idle", "idle", "IDLE"),
        (st.NODE_MIXED, "mix", "mixed", "MIXED"),
        (st.NODE_ALLOCATED | st.NODE_DRAIN, "drng", "draining", "ALLOCATED+DRAIN"),
        (st.NODE_IDLE | st.NODE_DRAIN, "drain", "drained", "IDLE+DRAIN"),
        (st.NODE_IDLE | st.NODE_FAILING, "fail", "fail", "IDLE+FAIL"),
        (st.NODE_IDLE | st.NODE_NO_RESPOND, "idle*", "idle*", "IDLE+NOT_RESPONDING"),
        (
            st.NODE_IDLE | st.NODE_CLOUD | st.NODE_POWERED_DOWN,
            "idle~",
            "idle~",
            "IDLE+CLOUD+POWERED_DOWN",
        ),
        (st.NODE_IDLE | st.NODE_POWERING_DOWN, "idle%", "idle%", "IDLE+POWERING_DOWN"),
        (st.NODE_DOWN | st.NODE_NO_RESPOND, "down*", "down*", "DOWN+NOT_RESPONDING"),
        (st.NODE_IDLE | st.NODE_COMPLETING, "comp", "completing", "IDLE+COMPLETING"),
        (st.NODE_IDLE | st.NODE_MAINT, "maint", "maint", "IDLE+MAINTENANCE"),
        (st.NODE_IDLE | st.NODE_PLANNED, "plnd", "planned", "IDLE+PLANNED"),
    ],
)
def test_node_states(state: int, short: str, long: str, flags: str) -> None:
    assert (state_word(state, short=True), state_word(state), state_flags(state)) == (short, long, flags)


def test_ten_thousand_jobs_are_printed_at_once() -> None:
    jobs = rec.queue() * 1000
    table = job_fields(View(rec.NOW))
    layout, _ = parse_letters("%.18i %.9P %.8j %.8u %.2t %.10M %.6D %R", table)
    begin = time.process_time()
    assert len(list(layout.rows(jobs))) == 10_000
    assert time.process_time() - begin < 1.0  # 0.06 s on an idle machine
