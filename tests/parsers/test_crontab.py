"""Crontabs: what their lines say, that lark's notation says the same, and that the next time is the next."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lark import Lark
from lark.exceptions import LarkError

from crane_compat import parsers
from crane_compat.parsers.crontab import (
    BROKEN,
    CrontabError,
    Entry,
    Options,
    Schedule,
    SpecError,
    comment_out,
    read,
)

EXAMPLES = settings(max_examples=150, deadline=None)


@functools.cache
def grammar() -> Lark:
    with open(os.path.join(os.path.dirname(parsers.__file__), "crontab.lark"), encoding="utf-8") as file:
        return Lark(file.read() + "\n%ignore / +/\n", parser="earley")


def in_grammar(text: str) -> bool:
    try:
        grammar().parse(text)
    except LarkError:
        return False
    return True


# ---------------------------------------------------------------- when


def field(first: int, last: int) -> st.SearchStrategy[str]:
    number = st.integers(first, last)
    ranges = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    listed = st.lists(st.one_of(number.map(str), ranges), min_size=1, max_size=3).map(",".join)
    steps = st.integers(2, max(2, last // 2)).map(lambda step: f"*/{step}")
    return st.one_of(st.just("*"), st.just("*"), listed, steps)


specs = st.tuples(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 7)).map(" ".join)
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])

#: Around the changes of clocks of 2026, a leap day, and anywhere.
moments = st.one_of(
    st.integers(1774742400 - 172800, 1774742400 + 172800),  # 29 March
    st.integers(1792893600 - 172800, 1792893600 + 172800),  # 25 October
    st.integers(1772928000 - 172800, 1772928000 + 172800),  # 8 March
    st.integers(1835308800 - 172800, 1835308800 + 172800),  # 28 February 2028
    st.integers(1_700_000_000, 1_900_000_000),
)


@pytest.fixture(autouse=True)
def zone() -> Iterator[None]:
    before = os.environ.get("TZ")
    yield
    if before is None:
        os.environ.pop("TZ", None)
    else:
        os.environ["TZ"] = before
    time.tzset()


def live_in(name: str) -> None:
    os.environ["TZ"] = name
    time.tzset()


def wanted(schedule: Schedule, clock: datetime) -> bool:
    """Does a minute of the wall clock match?  Written down again from the manual."""
    day = schedule.day is None or clock.day in schedule.day
    weekday = schedule.weekday is None or (clock.weekday() + 1) % 7 in schedule.weekday
    either = schedule.day is not None and schedule.weekday is not None
    return (
        (schedule.minute is None or clock.minute in schedule.minute)
        and (schedule.hour is None or clock.hour in schedule.hour)
        and (schedule.month is None or clock.month in schedule.month)
        and ((day or weekday) if either else (day and weekday))
    )


def by_brute_force(schedule: Schedule, now: float, days: int) -> float | None:
    """Every minute of the wall clock for some days: when it is, and the earliest of these after `now`."""
    clock = datetime.fromtimestamp(now).replace(hour=0, minute=0, second=0, microsecond=0, fold=0) - timedelta(days=1)
    found = []
    for _ in range((days + 2) * 1440):
        if wanted(schedule, clock):
            found.append(clock.timestamp())
            twice = clock.replace(fold=1).timestamp()
            if schedule.hour is None and datetime.fromtimestamp(twice).replace(fold=0) == clock:
                found.append(twice)
        clock += timedelta(minutes=1)
    return min((moment for moment in found if moment > now), default=None)


@given(specs, moments, zones)
@EXAMPLES
def test_the_next_time_is_the_first_that_matches(spec: str, now: int, name: str) -> None:
    live_in(name)
    schedule = Schedule.parse(spec)
    found = schedule.after(now)
    assert found > now
    expected = by_brute_force(schedule, now, 3)
    if expected is not None:
        assert found == expected
    else:
        assert found > now + 2 * 86400


@given(specs)
@EXAMPLES
def test_what_scontrol_shows_means_the_same(spec: str) -> None:
    schedule = Schedule.parse(spec)
    assert Schedule.parse(schedule.text).text == schedule.text
    assert Schedule.parse(schedule.text) == schedule


@given(st.one_of(specs, st.text("0123456789*,-/ @adilymonjfeb", max_size=24)))
@EXAMPLES
def test_lark_reads_what_we_read(text: str) -> None:
    try:
        Schedule.parse(text)
    except SpecError:
        return
    if len(text.split()) in (1, 5):
        assert in_grammar(text)


@given(
    st.sampled_from(["60 * * * *", "* 24 * * *", "0 0 1 jan sun", "0 0 * * mon-fri", "1-10/3 * * * *", "*/59 * * * *"])
)
def test_both_read_these(text: str) -> None:
    assert in_grammar(text) and Schedule.parse(text)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("*/20 * * * *", "0,20,40 * * * *"),
        ("60 24 * * 7", "0 0 * * 0"),
        ("1-10/3 * * * *", "3,6,9 * * * *"),  # steps count from the beginning of the field
        ("0 0 */10 */6 */2", "0 0 1,11,21,31 1,7 0-1,3,5"),
        ("0 0 * FEB Mon", "0 0 * 2 1"),
        ("@weekly", "0 0 * * 0"),
        ("@Teatime", "0 16 * * *"),
    ],
)
def test_fields(spec: str, text: str) -> None:
    assert Schedule.parse(spec).text == text


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("61 * * * *", ""),
        ("5-3 * * * *", ""),
        ("*/1 * * * *", "bad step value"),
        ("*/61 * * * *", "bad step value"),
        ("* * * foo *", "bad month specification"),
        ("* * * * foo", "bad day specification"),
        ("0 0 30 2 *", ""),
        ("0 0 31 4,6,9,11 *", ""),
        ("* * *", "cronspec_to_bitstring: unexpected end of line"),
        ("@reboot", "invalid @ line"),
        ("", "cronspec_to_bitstring: unexpected end of line"),
        ("5/10 * * * *", ""),  # 5 is no multiple of 10
    ],
)
def test_no_time_to_begin_at(spec: str, said: str) -> None:
    with pytest.raises(SpecError) as refused:
        Schedule.parse(spec)
    assert str(refused.value) == said


def test_when_clocks_change() -> None:
    live_in("Europe/Berlin")

    def after(spec: str, *clock: int) -> str:
        return time.strftime("%d. %H:%M %Z", time.localtime(Schedule.parse(spec).after(datetime(*clock).timestamp())))

    # 29 March 2026: there is no 2 o'clock; 25 October: there are two
    assert after("30 2 * * *", 2026, 3, 29, 0, 0) == "29. 03:30 CEST"
    assert after("30 2 * * *", 2026, 10, 25, 0, 0) == "25. 02:30 CEST"
    assert after("30 2 * * *", 2026, 10, 25, 2, 30) == "26. 02:30 CET"
    assert after("*/30 * * * *", 2026, 10, 25, 2, 30) == "25. 02:00 CET"


# ---------------------------------------------------------------- lines

TABLE = """\
# a comment
WHO = "the world"
GREETING='hello'
\t
#SCRON -J cron1 -t 2
#SCRON --comment="two words" # and more
*/5\t* * * *  echo $GREETING $WHO $OTHER
 @daily true
"""


def test_a_table() -> None:
    items = list(read(TABLE))
    assert items[0] == Options(5, ("-J", "cron1", "-t", "2"))
    assert items[1] == Options(6, ("--comment=two words",))
    first, second = (item for item in items if isinstance(item, Entry))
    assert (first.first, first.last, first.written) == (5, 7, "*/5\t* * * *")
    assert first.command == "echo hello the world $OTHER"
    assert first.directives == ("#SCRON -J cron1 -t 2", '#SCRON --comment="two words" # and more')
    assert (second.first, second.last, second.command, second.directives) == (8, 8, "true", ())


@pytest.mark.parametrize(
    ("text", "line", "reasons"),
    [
        ("\n* * * * *\n", 2, (BROKEN,)),
        ("#x\n* * * * 9 x\n", 2, (BROKEN,)),
        ("*/0 * * * * x", 1, ("bad step value", BROKEN)),
        ("@reboot x", 1, ("invalid @ line", BROKEN)),
        ("hello", 1, ("cronspec_to_bitstring: unexpected end of line", BROKEN)),
        ("A='x\n", 1, ("cronspec_to_bitstring: unexpected end of line", BROKEN)),
        ("#SCRON -J 'x\n", 1, ("Invalid option found in #SCRON line: -J 'x",)),
    ],
)
def test_a_line_that_cannot_be(text: str, line: int, reasons: tuple[str, ...]) -> None:
    with pytest.raises(CrontabError) as refused:
        list(read(text))
    assert (refused.value.line, refused.value.reasons) == (line, reasons)


@given(st.text(max_size=60))
@EXAMPLES
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        list(read(text))
    except CrontabError as exc:
        assert 1 <= exc.line <= text.count("\n") + 1 and exc.reasons


def test_lines_become_comments_once() -> None:
    text = comment_out("a\nb\nc\n", [(2, 2), (3, 9)], "#BAD: ")
    assert text == "a\n#BAD: b\n#BAD: c\n"
    assert comment_out("a\nb", [(1, 1), (1, 1)], "#X ") == "#X a\nb"
