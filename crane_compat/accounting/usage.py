"""The usage that slurmdbd's roll-ups have kept, for a controller that has none of its own yet.

Hours are summed up to days, days to months; the finest that is there counts (older ones may have been purged).
Source: slurmdbd schema, assoc_usage_{hour,day,month}_table, last_ran_table.
"""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crane_compat.scheduling.usage import Decay

from .jobs import tres_names
from .schema import Schema

#: Usage of so many half-lives ago is nothing any more.
FORGOTTEN = 40.0


def history(
    conn: Connection, schema: Schema, half_life: float, since: float, now: float
) -> dict[str, dict[str, float]]:
    """Association → resource → seconds, as much as is left of them at `now`.

    `half_life` in seconds (0: nothing is forgotten); usage from before `since` does not count.
    """
    decay = Decay(half_life)
    if half_life:
        since = max(since, now - FORGOTTEN * half_life)
    _, daily, monthly = _rolled_up_to(conn, schema)
    names = tres_names(conn, schema)
    found: dict[str, dict[str, float]] = {}
    days = schema.assoc_usage_day
    first_day = conn.execute(sa.select(sa.func.min(days.c.time_start)).where(days.c.deleted == 0)).scalar()
    day_from = 0.0
    for start in _periods(conn, schema.assoc_usage_month):
        if start < (monthly if first_day is None else first_day):
            day_from = max(day_from, _next_month(start))
    for table, begin, end, length in (
        (schema.assoc_usage_month, since, day_from, _next_month),
        (days, max(since, day_from), float(daily) if daily else now, _next_day),
        (schema.assoc_usage_hour, max(since, float(daily), day_from), now, lambda start: start + 3600.0),
    ):
        query = sa.select(table.c.id, table.c.id_tres, table.c.time_start, table.c.alloc_secs).where(
            table.c.deleted == 0, table.c.time_start >= int(begin), table.c.time_start < end, table.c.alloc_secs > 0
        )
        left: dict[int, float] = {}  # share of a period's usage that is left
        for assoc_id, tres, start, seconds in conn.execute(query):
            if start not in left:
                stop = min(length(start), now)
                left[start] = decay.lasting(start, stop, now) / (stop - start) if stop > start else 1.0
            sums = found.setdefault(str(assoc_id), {})
            if name := names.get(tres):
                sums[name] = sums.get(name, 0.0) + seconds * left[start]
    return found


def _rolled_up_to(conn: Connection, schema: Schema) -> tuple[int, int, int]:
    """Ends of the last hour, day and month that have been summed up."""
    row: Any = conn.execute(sa.select(schema.last_ran)).first()
    return (row.hourly_rollup, row.daily_rollup, row.monthly_rollup) if row is not None else (0, 0, 0)


def _periods(conn: Connection, table: sa.Table) -> list[int]:
    return list(conn.execute(sa.select(table.c.time_start).where(table.c.deleted == 0).distinct()).scalars())


def _next_day(start: float) -> float:
    day = time.localtime(start)
    return time.mktime((day.tm_year, day.tm_mon, day.tm_mday + 1, 0, 0, 0, 0, 0, -1))


def _next_month(start: float) -> float:
    day = time.localtime(start)
    return time.mktime((day.tm_year, day.tm_mon + 1, 1, 0, 0, 0, 0, 0, -1))
