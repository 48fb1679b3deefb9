"""The documents of --json and --yaml: what is written is what was meant."""

from __future__ import annotations

import contextlib
import io
import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

from crane_compat.commands.format import documents
from crane_compat.commands.format.documents import Form, Unwritable, document, exit_status, form, number, render
from crane_compat.commands.format.job_document import JobTexts, job_record
from crane_compat.wire import pb

_TEXTS = some.text(some.characters(blacklist_categories=["Cs"]))
_SCALARS = some.none() | some.booleans() | some.integers(-(2**63), 2**64 - 1) | _TEXTS
_VALUES = some.recursive(
    _SCALARS, lambda inner: some.lists(inner) | some.dictionaries(some.from_regex("[a-z_]+", fullmatch=True), inner)
)


@given(_VALUES)
def test_json_says_what_was_given(value: Any) -> None:
    assert json.loads(render(value, "json")) == value


def _maps(values: some.SearchStrategy[Any]) -> some.SearchStrategy[Any]:
    return some.dictionaries(some.from_regex("[a-z_]+", fullmatch=True), values, min_size=1)


@given(_maps(_SCALARS | some.lists(_SCALARS) | _maps(_SCALARS) | some.lists(_maps(_SCALARS | some.just({})))))
def test_yaml_says_what_was_given(value: Any) -> None:
    assert yaml.safe_load(render(value, "yaml")) == value


def test_the_layout_of_json() -> None:
    text = render({"none": [], "path": "a/b", "deep": [{"x": {}}]}, "json")
    assert text == (
        '{\n  "none": [\n  ],\n  "path": "a\\/b",\n  "deep": [\n    {\n      "x": {\n      }\n    }\n  ]\n}\n'
    )


def test_a_text_that_looks_like_an_empty_list_stays_a_text() -> None:
    assert json.loads(render({"a": ["[]", '": {},'], "b": "{}"}, "json")) == {"a": ["[]", '": {},'], "b": "{}"}


def test_numbers_beyond_what_the_library_writes() -> None:
    assert json.loads(render({"a": 2**65, "b": "\udcff"}, "json")) == {"a": float(2**65), "b": "\ufffd"}


def test_complex_numbers_are_bare(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {"a": number(3), "b": number(None), "c": number(None, infinite=True), "d": "", "user": ""}
    documents.write(rows, Form("json", bare=True))
    assert json.loads(capsys.readouterr().out) == {"a": 3, "b": None, "c": "Infinity", "d": None, "user": ""}


def test_what_the_options_ask_for() -> None:
    assert form("squeue", [("jobs", ""), ("noheader", "")]) is None
    assert form("squeue", [("json", ""), ("yaml", "v0.0.43")]) == Form("yaml")
    assert form("squeue", [("json", "data_parser/v0.0.44+complex")]) == Form("json", bare=True)
    with pytest.raises(Unwritable):
        form("squeue", [("json", "v0.0.1")])


def test_an_empty_document_warns() -> None:
    found = document("jobs", [], ["squeue"], "lab", empty="Zero jobs to dump", last_update=5.5)
    assert found["warnings"] == [{"description": "Zero jobs to dump", "source": ""}]
    assert found["last_update"] == number(5)
    assert document("jobs", [1], [], "lab", empty="Zero jobs to dump")["warnings"] == []


@pytest.mark.parametrize(
    ("status", "words", "code", "signal"),
    [
        (0, ["SUCCESS"], 0, None),
        (3 << 8, ["ERROR"], 3, None),
        (9, ["SIGNALED"], None, 9),
        (11 | 0x80, ["SIGNALED", "CORE_DUMPED"], None, 11),
        (0xFFFFFFFE, ["PENDING"], None, None),
    ],
)
def test_wait_statuses(status: int, words: list[str], code: int | None, signal: int | None) -> None:
    told = exit_status(status)
    assert told["status"] == words
    assert told["return_code"] == number(code)
    assert told["signal"]["id"] == number(signal)


_SOME_TEXTS = some.sampled_from(["", "a", 'b "c"', "/d/%j_%x", "é\\", "@", "x" * 40])
_SPECS = some.builds(
    pb.JobSpec, name=_SOME_TEXTS, submit_line=_SOME_TEXTS, command=_SOME_TEXTS, comment=_SOME_TEXTS,
    work_dir=some.sampled_from(["/tmp", "/home/a"]), std_out=_SOME_TEXTS, std_in=_SOME_TEXTS, hold=some.booleans(),
)  # fmt: skip
_TIMES = some.sampled_from([0.0, 5.5, 1000.0, 2e9])
_RECORDS = some.lists(
    some.builds(
        pb.JobRecord, job_id=some.integers(1, 99), spec=_SPECS, submit_time=_TIMES, eligible_time=_TIMES,
        accrue_time=_TIMES, start_time=_TIMES, end_time=_TIMES, last_sched_eval=_TIMES, priority=some.integers(0, 2),
        state=some.sampled_from([0, 1, 3]), user=some.sampled_from(["alice", "bob"]), batch_flag=some.booleans(),
        array_job_id=some.sampled_from([0, 7]), list_order=some.integers(0, 9), time_limit=some.integers(1, 9),
    ),
    max_size=12,
)  # fmt: skip


@given(_RECORDS)
def test_jobs_that_are_alike_are_written_as_each_alone(jobs: list[pb.JobRecord]) -> None:
    expected = render({"jobs": [job_record(job, 1234.5, "lab", {}) for job in jobs], "meta": {}}, "json")
    texts = JobTexts(1234.5, "lab", {})
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        documents.write_texts("jobs", [texts.of(job) for job in jobs], {"jobs": [], "meta": {}})
    assert out.getvalue() == expected
