"""What a controller without usage of its own takes from the roll-ups that slurmdbd has made."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from crane_compat.accounting import schema, usage

from . import dump

HOUR, DAY = 3600, 86400
#: a Monday; and the first of a month a while before it
MONDAY = 1_795_392_000


@pytest.fixture(autouse=True)
def utc() -> Iterator[None]:
    """Days begin when they do in these databases."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    yield
    del os.environ["TZ"]
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    made = schema.open_engine(f"sqlite:///{tmp_path}/acct.db")
    schema.create(made, "lab")
    yield made
    made.dispose()


def told(engine: sa.Engine, half_life: float, since: float, now: float) -> dict[str, dict[str, float]]:
    with engine.begin() as conn:
        return usage.history(conn, schema.Schema("lab"), half_life, since, now)


def fill(engine: sa.Engine, rolled: tuple[int, int, int], **tables: list[tuple[int, int]]) -> None:
    """CPU seconds of association 5 by the start of the hour, day or month."""
    with engine.begin() as conn:
        conn.exec_driver_sql(
            "INSERT INTO tres_table (creation_time, deleted, id, type, name) VALUES (0, 0, 1, 'cpu', '')"
        )
        conn.exec_driver_sql("UPDATE lab_last_ran_table SET hourly_rollup=?, daily_rollup=?, monthly_rollup=?", rolled)
        for name, rows in tables.items():
            for start, seconds in rows:
                conn.exec_driver_sql(
                    f"INSERT INTO lab_assoc_usage_{name}_table (creation_time, mod_time, deleted, id, id_tres,"
                    " time_start, alloc_secs) VALUES (0, 0, 0, 5, 1, ?, ?)",
                    (start, seconds),
                )


def test_hours_since_the_last_day_and_days_before(engine: sa.Engine) -> None:
    rolled = (MONDAY + 3 * HOUR, MONDAY, 0)
    hours = [(MONDAY - HOUR, 100), (MONDAY, 10), (MONDAY + 2 * HOUR, 1)]  # the first is in its day as well
    fill(engine, rolled, hour=hours, day=[(MONDAY - DAY, 1000), (MONDAY - 2 * DAY, 2000)])
    assert told(engine, 0, 0, MONDAY + 4 * HOUR) == {"5": {"cpu": 3011.0}}
    assert told(engine, 0, MONDAY - DAY, MONDAY + 4 * HOUR) == {"5": {"cpu": 1011.0}}
    assert told(engine, 0, MONDAY + HOUR, MONDAY + 4 * HOUR) == {"5": {"cpu": 1.0}}


def test_months_where_days_have_been_purged(engine: sa.Engine) -> None:
    october, november, december = 1_790_812_800, 1_793_491_200, 1_796_083_200
    days = [(november, 7), (november + DAY, 8)]
    fill(engine, (december, december, december), month=[(october, 500), (november, 15)], day=days)
    assert told(engine, 0, 0, december) == {"5": {"cpu": 515.0}}


def test_it_has_decayed_meanwhile(engine: sa.Engine) -> None:
    fill(engine, (MONDAY, MONDAY, 0), day=[(MONDAY - 8 * DAY, 1000)])
    left = told(engine, 7 * DAY, 0, MONDAY)["5"]["cpu"]
    assert left == pytest.approx(1000 * 2 ** -(7.5 / 7), rel=0.001)
    assert told(engine, 3600, 0, MONDAY) == {}


@pytest.mark.skipif(not dump.GOLDEN.exists(), reason="the recordings are not here")
def test_all_of_a_real_database_is_found(tmp_path: Path) -> None:
    engine = schema.open_engine(dump.load(tmp_path / "acct.db"))
    with sqlite3.connect(tmp_path / "acct.db") as db:
        rows = db.execute(
            "SELECT id, SUM(alloc_secs) FROM lab_assoc_usage_hour_table WHERE id_tres=1 AND alloc_secs>0 GROUP BY id"
        ).fetchall()
        (end,) = db.execute("SELECT hourly_rollup FROM lab_last_ran_table").fetchone()
    found = told(engine, 0, 0, end)
    engine.dispose()
    assert rows and {number: seconds["cpu"] for number, seconds in found.items()} == {str(n): s for n, s in rows}
