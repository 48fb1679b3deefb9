"""Job records that never got an end: closed as ``sacctmgr show runawayjobs`` does.

The end becomes the latest of start, eligible and submit time, the state COMPLETED;
the roll-ups start again before the earliest of them.
"""

from __future__ import annotations

import time

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crane_compat.core import states

from .schema import Schema


def close(conn: Connection, schema: Schema, inxs: list[int]) -> int:
    """Close the records of these job_db_inx; the number of records changed."""
    table, step = schema.job, schema.step
    earliest, fixed = 0, 0
    for begin in range(0, len(inxs), 400):
        chosen = inxs[begin : begin + 400]
        query = sa.select(table.c.job_db_inx, table.c.time_submit, table.c.time_eligible, table.c.time_start)
        query = query.where(table.c.job_db_inx.in_(chosen), table.c.time_end == 0)
        for row in conn.execute(query).all():
            end = max(row.time_submit, row.time_eligible, row.time_start)
            values = {"time_end": end, "state": states.COMPLETED, "mod_time": int(time.time())}
            conn.execute(sa.update(table).where(table.c.job_db_inx == row.job_db_inx).values(values))
            earliest = min(earliest or row.time_submit, row.time_submit)
            fixed += 1
        conn.execute(
            sa.update(step)
            .where(step.c.job_db_inx.in_(chosen), step.c.time_end == 0)
            .values(time_end=step.c.time_start, state=states.COMPLETED)
        )
    if fixed:
        reset_rollup(conn, schema, earliest)
    return fixed


def reset_rollup(conn: Connection, schema: Schema, since: int) -> None:
    """Let the roll-ups be made anew from the hour, day and month of `since` (local time)."""
    when = time.localtime(since)
    hour = since - since % 3600
    day = int(time.mktime((when.tm_year, when.tm_mon, when.tm_mday, 0, 0, 0, 0, 0, -1)))
    month = int(time.mktime((when.tm_year, when.tm_mon, 1, 0, 0, 0, 0, 0, -1)))
    table = schema.last_ran
    row = conn.execute(sa.select(table)).first()
    if row is None:
        return
    conn.execute(
        sa.update(table).values(
            hourly_rollup=min(row.hourly_rollup, hour),
            daily_rollup=min(row.daily_rollup, day),
            monthly_rollup=min(row.monthly_rollup, month),
        )
    )
