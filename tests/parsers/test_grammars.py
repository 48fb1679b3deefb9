"""What the small grammars of the submission language read, and that lark's notation of them says the same."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lark import Lark
from lark.exceptions import LarkError

from crane_compat import parsers
from crane_compat.parsers.arrays import MAX_INDEX, ArrayError, ArraySpec, parse_array
from crane_compat.parsers.begin_time import TimeSpecError, parse_time
from crane_compat.parsers.binding import (
    Binding,
    BindingError,
    is_gpu_binding,
    parse_cpu_binding,
    parse_memory_binding,
)
from crane_compat.parsers.constraint import Constraint, ConstraintError, Feature, Group, parse_constraint
from crane_compat.parsers.dependency import Condition, Conditions, DependencyError, parse_dependency
from crane_compat.parsers.device_request import (
    DeviceError,
    DeviceRequest,
    LicenseRequest,
    parse_devices,
    parse_licenses,
)
from crane_compat.parsers.distribution import Distribution, parse_distribution
from crane_compat.parsers.mail_types import KNOWN, parse_mail_types
from crane_compat.parsers.signal_spec import SignalSpec, parse_signal_spec

EXAMPLES = settings(max_examples=200, deadline=None)


@functools.cache
def lark(name: str) -> Lark:
    with open(os.path.join(os.path.dirname(parsers.__file__), f"{name}.lark"), encoding="utf-8") as file:
        return Lark(file.read(), parser="earley")


def accepts(reader: Callable[[str], object], text: str) -> bool:
    try:
        reader(text)
    except (ValueError, LarkError):
        return False
    return True


# ---------------------------------------------------------------- both notations

names = st.text("abAB01._-", min_size=1, max_size=4)
counts = st.integers(0, 99)


def features() -> st.SearchStrategy[Feature]:
    return st.builds(Feature, names, counts)


def constraints(terms: st.SearchStrategy[Feature | Group]) -> st.SearchStrategy[Constraint]:
    return st.lists(terms, min_size=1, max_size=3).flatmap(
        lambda found: st.builds(
            Constraint, st.just(tuple(found)), st.tuples(*[st.sampled_from("&|")] * (len(found) - 1))
        )
    )


inner = st.builds(Group, st.just("("), constraints(features()), counts)
middle = st.builds(Group, st.just("["), constraints(features() | inner), counts)
outer = constraints(features() | inner | middle)


@EXAMPLES
@given(outer)
def test_constraint_printed_and_read_again(value: Constraint) -> None:
    assert parse_constraint(str(value)) == value
    assert accepts(lark("constraint").parse, str(value))


@EXAMPLES
@given(st.text("ab1*&|,()[] ", max_size=10))
def test_constraint_notations_agree(text: str) -> None:
    assert accepts(parse_constraint, text) == accepts(lark("constraint").parse, text)


ranges = st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(1, 9)).map(lambda r: (r[0], r[0] + r[1], r[2]))
arrays = st.builds(
    ArraySpec,
    st.lists(ranges.map(lambda r: r if r[0] != r[1] else (r[0], r[0], 1)), min_size=1, max_size=4).map(tuple),
    st.none() | st.integers(0, 99),
)


@EXAMPLES
@given(arrays)
def test_array_printed_and_read_again(value: ArraySpec) -> None:
    assert parse_array(str(value)) == value
    assert value.count == len(list(value)) and max(value) == value.last
    assert accepts(lark("arrays").parse, str(value))


@EXAMPLES
@given(st.text("0123,-:%[]", max_size=10))
def test_array_notations_agree(text: str) -> None:
    if accepts(parse_array, text):
        assert accepts(lark("arrays").parse, text)
    elif accepts(lark("arrays").parse, text):  # what a grammar cannot say: order, steps and the largest index
        assert "-" in text or any(int(number) > MAX_INDEX for number in re.findall(r"[0-9]+", text))


conditions = st.builds(
    Condition,
    st.sampled_from(["afterany", "afterok", "afternotok", "aftercorr"]),
    st.integers(1, 9999),
    st.none() | st.integers(0, 99),
    component=st.integers(0, 5),
) | st.builds(Condition, st.just("after"), st.integers(1, 9999), delay=st.integers(0, 600))


@EXAMPLES
@given(st.lists(conditions | st.just(Condition("singleton")), min_size=1, max_size=4), st.booleans())
def test_dependency_printed_and_read_again(found: list[Condition], any_of: bool) -> None:
    value = Conditions(tuple(found), any_of and len(found) > 1)
    assert parse_dependency(str(value)) == value
    assert accepts(lark("dependency").parse, str(value))


@EXAMPLES
@given(st.text("a1_*+:,?[]-", max_size=9) | st.text("1_*+:,?", max_size=6).map("afterok:".__add__))
def test_dependency_notations_agree(text: str) -> None:
    if accepts(parse_dependency, text):
        assert accepts(lark("dependency").parse, text)
    elif accepts(lark("dependency").parse, text):
        assert "-" in text


# ---------------------------------------------------------------- printed and read again

words = st.text("abcxyz-", min_size=1, max_size=6).filter(lambda word: word != "none")


@EXAMPLES
@given(st.lists(st.builds(DeviceRequest, words, st.just("") | words, st.integers(0, 1 << 40)), min_size=1, max_size=4))
def test_devices_printed_and_read_again(found: list[DeviceRequest]) -> None:
    assert parse_devices(",".join(map(str, found))) == tuple(found)


@EXAMPLES
@given(
    st.lists(st.builds(LicenseRequest, words, st.just("") | words, st.integers(0, 999)), min_size=2, max_size=4),
    st.booleans(),
)
def test_licenses_printed_and_read_again(found: list[LicenseRequest], any_of: bool) -> None:
    assert parse_licenses(("|" if any_of else ",").join(map(str, found))) == (tuple(found), any_of)


levels = st.sampled_from(["", "block", "cyclic", "fcyclic"])


@EXAMPLES
@given(
    st.builds(
        Distribution,
        st.sampled_from(["", "block", "cyclic", "arbitrary"]),
        levels,
        levels,
        pack=st.sampled_from([None, True, False]),
    )
    | st.builds(Distribution, st.just("plane"), plane=st.integers(1, 99))
)
def test_distribution_printed_and_read_again(value: Distribution) -> None:
    assert parse_distribution(str(value)) == value


@EXAMPLES
@given(st.sets(st.sampled_from([name for name in KNOWN if name != "NONE"]), min_size=1))
def test_mail_types_printed_and_read_again(types: set[str]) -> None:
    read = parse_mail_types(",".join(types))
    assert set(read) == types and parse_mail_types(",".join(read)) == read


# ---------------------------------------------------------------- particular texts


@pytest.mark.parametrize(
    ("text", "fits", "does_not"),
    [
        ("intel", "intel", "amd"),
        ("intel&ib", "intel ib", "intel"),
        ("intel|amd", "amd", "arm"),
        ("intel,ib", "intel ib", "ib"),
        ("[r1|r2]&ib", "r2 ib", "r2"),
        ("[a*2&b*1]", "b", "c"),
        ("(a&b)|c", "c", "a"),
        ("a|b&c", "a c", "a"),  # from left to right
        ("[(a&b)|c]", "a b", "b"),
    ],
)
def test_constraint_of_one_node(text: str, fits: str, does_not: str) -> None:
    constraint = parse_constraint(text)
    assert constraint.fits(frozenset(fits.split()))
    assert not constraint.fits(frozenset(does_not.split()))


@pytest.mark.parametrize(
    ("reader", "text", "error", "column"),
    [
        (parse_constraint, "[intel|amd", ConstraintError, 11),
        (parse_constraint, "a&&b", ConstraintError, 3),
        (parse_constraint, "((a))", ConstraintError, 2),
        (parse_constraint, "a*0", ConstraintError, 3),
        (parse_array, "1,5-2", ArrayError, 3),
        (parse_array, "1-9:0", ArrayError, 1),
        (parse_array, "-1", ArrayError, 1),
        (parse_array, "9" * 5000, ArrayError, 1),
        (parse_dependency, "afterok:1,foo:2", DependencyError, 11),
        (parse_dependency, "afterok:1,after:2?after:3", DependencyError, 18),
        (parse_dependency, "singleton:5", DependencyError, 1),
        (parse_dependency, "afterok", DependencyError, 1),
        (parse_devices, "gpu:1,nvme:a:b:c", DeviceError, 7),
        (parse_licenses, "a:2,b:x", DeviceError, 5),
    ],
)
def test_errors_name_the_piece(
    reader: Callable[[str], object], text: str, error: type[ValueError], column: int
) -> None:
    with pytest.raises(error) as caught:
        reader(text)
    assert caught.value.column == column  # type: ignore[attr-defined]


def test_dependency_of_array_tasks_and_components() -> None:
    assert parse_dependency("aftercorr:7_[1-3,9]").conditions == tuple(
        Condition("aftercorr", 7, task) for task in (1, 2, 3, 9)
    )
    assert parse_dependency("12,13") == Conditions((Condition("afterany", 12), Condition("afterany", 13)))
    assert parse_dependency("afterok:100+2").conditions[0].target == 102
    assert parse_dependency("after:100+2").conditions[0] == Condition("after", 100, delay=2)
    assert parse_dependency("") == parse_dependency("0") == Conditions(())


def test_array_as_squeue_shows_it() -> None:
    assert parse_array("[1-5,7%2]") == ArraySpec(((1, 5, 1), (7, 7, 1)), 2)


def test_devices_without_their_name() -> None:
    assert parse_devices("tesla:2", "gpu") == (DeviceRequest("gpu", "tesla", 2),)
    assert parse_devices("2k", "gpu") == (DeviceRequest("gpu", "", 2048),)
    assert parse_devices("gres/gpu=1,none,") == (DeviceRequest("gpu"),)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("USR1", SignalSpec(10)),
        ("B:USR1@10", SignalSpec(10, 10, batch=True)),
        ("rb:SIGTERM@65535", SignalSpec(15, 65535, batch=True, reservation=True)),
        ("9", SignalSpec(9)),
    ],
)
def test_signals(text: str, value: SignalSpec) -> None:
    assert parse_signal_spec(text) == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("n", Binding(mode="none")),
        ("v,cores", Binding(verbose=True, unit="cores")),
        ("verbose", Binding(verbose=True)),
        ("v,q", Binding()),
        ("q,map_cpu:0,2*2,3", Binding(mode="map_cpu", values=("0", "2", "2", "3"))),
        ("mask_cpu:0xf*2,3", Binding(mode="mask_cpu", values=("f", "f", "3"))),
        ("map_cpu:1,2,Core", Binding(mode="map_cpu", unit="cores", values=("1", "2"))),
        ("rank_ldom", Binding(mode="rank_ldom")),
    ],
)
def test_cpu_bindings(text: str, expected: Binding) -> None:
    assert parse_cpu_binding(text) == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("foo", 'unrecognized --cpu-bind argument "foo"'),
        ("cores,x", 'unrecognized --cpu-bind argument "x"'),
        ("mask_cpu:0xf,f", 'unrecognized --cpu-bind argument "f"'),
        ("map_cpu", 'missing list for "--cpu-bind=map_cpu:<list>"'),
        ("map_cpu:", 'missing list for "--cpu-bind=map_cpu:<list>"'),
        ("map_cpu:0x1", "Failed to validate number: 0x1, the offending character is x"),
        ("map_cpu:0-1", "Failed to validate number: 0-1, the offending character is -"),
        ("mask_cpu:zz", "Failed to validate number: zz, the offending character is z"),
        ("map_cpu:0*a", "Failed to validate number: *a, the offending character is a"),
        ("mask_cpu:" + "f" * 5000, "Failed to validate number: " + "f" * 64 + ", it is out of range"),
        ("map_cpu:0*999999999", "Failed to validate number: 0*999999999, it is out of range"),
    ],
)
def test_no_cpu_bindings(text: str, complaint: str) -> None:
    with pytest.raises(BindingError) as caught:
        parse_cpu_binding(text)
    assert str(caught.value) == complaint


@EXAMPLES
@given(st.text(alphabet="mapskcpu_rn:,0x1f*v-"))
def test_whatever_is_bound_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(BindingError):
        assert all(number >= 0 for number in parse_cpu_binding(text).numbers)
    with contextlib.suppress(BindingError):
        assert all(number >= 0 for number in parse_memory_binding(text).numbers)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("local", Binding(mode="local")),
        ("v,none", Binding(verbose=True, mode="none")),
        ("sort,map_mem:0,1", Binding(mode="map_mem", values=("0", "1"), sort=True)),
        ("p,mask_mem:0x3", Binding(mode="mask_mem", values=("3",), prefer=True)),
        ("prefer", Binding(prefer=True)),
    ],
)
def test_memory_bindings(text: str, expected: Binding) -> None:
    assert parse_memory_binding(text) == expected


def test_gpu_bindings() -> None:
    good, bad = "closest v,single:2 per_task:1 map_gpu:0,1 mask:0x1,0x2 none", "foo single closest,none"
    assert [text for text in good.split() if not is_gpu_binding(text)] == []
    assert [text for text in bad.split() if is_gpu_binding(text)] == []


def test_a_long_binding_is_read_at_once() -> None:
    begun = time.perf_counter()
    masks = ",".join(["0x0f"] * 20_000)
    assert len(parse_cpu_binding(f"mask_cpu:{masks}").values) == 20_000
    with pytest.raises(BindingError):
        parse_cpu_binding(f"mask_cpu:{masks}!")
    assert time.perf_counter() - begun < 1


#: Wednesday, 2026-11-25 13:00:00 UTC
NOW = 1_795_611_600.0
DAY = 86400


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("now", 0),
        ("now+90", 90),
        ("now+1hour", 3600),
        ("now + 2 days", 2 * DAY),
        ("now-60minutes", -3600),
        ("13:30", 1800),
        ("12:30", DAY - 1800),  # passed: tomorrow
        ("1:30pm", 1800),
        ("teatime", 3 * 3600),
        ("noon", DAY - 3600),
        ("tomorrow", 11 * 3600),
        ("2026-11-26", 11 * 3600),
        ("2026-11-26T01:00:30", 12 * 3600 + 30),
        ("11/26/26 01:00", 12 * 3600),
        ("11/26/26-01:00", 12 * 3600),
        ("112626", 11 * 3600),
        ("today", -13 * 3600),
        ("Tomorrow", 11 * 3600),
        ("uts1795611660", 60),
    ],
)
def test_points_in_time(text: str, offset: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    assert parse_time(text, NOW) - NOW == offset


@pytest.mark.parametrize(
    ("text", "position"), [("xyz", 0), ("now+abc", 3), ("25:00", 0), ("4pm", 1), ("2020-13-01", 5), ("2020-01-32", 8)]
)
def test_where_reading_of_a_time_stopped(text: str, position: int) -> None:
    with pytest.raises(TimeSpecError) as caught:
        parse_time(text, NOW)
    assert caught.value.position == position


@EXAMPLES
@given(st.text(max_size=20) | st.text("0123456789-/.:T tomrw", max_size=20))
def test_no_text_breaks_a_time(text: str) -> None:
    try:
        parse_time(text, NOW)
    except TimeSpecError as exc:
        assert 0 <= exc.position <= len(text)


# ---------------------------------------------------------------- large ones


@pytest.mark.timeout(30)  # where the square of their length mattered, it would be hours
def test_large_lists_are_read_at_once() -> None:
    numbers = range(0, 200_000, 2)
    spec = parse_array(",".join(map(str, numbers)))
    assert spec.count == 100_000
    assert len(list(parse_constraint("|".join(f"f{n}" for n in numbers)).names())) == 100_000
    assert len(parse_dependency("afterok:" + ":".join(map(str, numbers[1:]))).conditions) == 99_999


def test_a_million_indices_cost_nothing() -> None:
    begun = time.perf_counter()
    spec = parse_array("0-999999%50")
    assert (spec.count, spec.last, next(iter(spec))) == (1_000_000, 999_999, 0)
    assert time.perf_counter() - begun < 0.1


@given(st.builds(SignalSpec, st.integers(1, 64), st.integers(0, 0xFFFF), st.booleans(), st.booleans()))
def test_signal_printed_and_read_again(value: SignalSpec) -> None:
    assert parse_signal_spec(str(value)) == value


def test_a_step_without_a_range_is_nothing() -> None:
    assert parse_array("3-3:2%5") == parse_array("3%5")
