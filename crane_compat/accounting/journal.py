"""txn_table: what changed, written the way slurmdbd words it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from . import codes
from .schema import Schema, full_row

Row = Mapping[str, Any]

_GROUP = ("grp_jobs", "grp_jobs_accrue", "grp_submit_jobs", "grp_wall")
_MAXIMA = ("max_jobs", "max_jobs_accrue", "min_prio_thresh", "max_submit_jobs", "max_wall_pj", "priority", "def_qos_id")
_ASSOC_TRES = (
    "max_tres_pj", "max_tres_pn", "max_tres_mins_pj", "max_tres_run_mins", "grp_tres", "grp_tres_mins",
    "grp_tres_run_mins",
)  # fmt: skip
_QOS = (
    "description", "flags", "grace_time", *_GROUP, "max_jobs_pa", "max_jobs_per_user", "max_jobs_accrue_pa",
    "max_jobs_accrue_pu", "min_prio_thresh", "max_submit_jobs_pa", "max_submit_jobs_per_user",
    "max_wall_duration_per_job", "preempt", "preempt_exempt_time", "preempt_mode", "priority", "usage_factor",
    "usage_thres", "limit_factor",
)  # fmt: skip
_QOS_TRES = (
    "max_tres_pa", "max_tres_pj", "max_tres_pn", "max_tres_pu", "max_tres_mins_pj", "max_tres_run_mins_pa",
    "max_tres_run_mins_pu", "min_tres_pj", "grp_tres", "grp_tres_mins", "grp_tres_run_mins",
)  # fmt: skip


def write(
    conn: Connection, schema: Schema, now: int, action: str, actor: str, name: str, cluster: str, info: str | None
) -> None:
    """One row; `action` is a key of codes.TXN."""
    row = {
        "timestamp": now, "action": codes.TXN[action][0], "name": name, "actor": actor, "cluster": cluster,
        "info": info, "deleted": 0,
    }  # fmt: skip
    conn.execute(sa.insert(schema.txn).values(full_row(schema.txn, row)))


def _sql(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, float):
        return f"{value:.6f}"
    return str(value) if isinstance(value, int) else f"'{value}'"


def _list(row: Row, columns: Iterable[str]) -> list[str]:
    return [f"{column}={_sql(row.get(column))}" for column in columns]


def values(row: Row) -> str:
    """``column=value, …`` in the row's own order."""
    return ", ".join(_list(row, row))


def _limits(row: Row) -> list[str]:
    parts = _list(row, _MAXIMA)
    parts += [f"{column}='{row[column]}'" for column in _ASSOC_TRES if row.get(column)]
    if row.get("flags"):
        parts.append(f"flags={row['flags']}")
    parts.append(f"qos='{row.get('qos') or ''}'")
    if not row.get("qos"):
        parts.append("delta_qos=''")
    return parts


def new_association(row: Row, root: bool = False) -> str:
    """An association that was added; `root`: user root's, which comes with the cluster."""
    parts = [f"mod_time={row['mod_time']}", f"acct='{row['acct']}'"]
    default = f"is_def={row['is_def']}"
    if not root:
        parts.append(default)
    if row["user"]:
        parts += [f"user='{row['user']}'", f"`partition`='{row['partition']}'"]
    else:
        parts += [f"parent_acct='{row['parent_acct']}'", "user=''"]
    parts += [f"id_parent='{row['id_parent']}'", f"lineage='{row['lineage']}'", f"shares={row['shares']}"]
    parts += _list(row, _GROUP)
    if root:
        parts.append(default)
    return ", ".join(parts + _limits(row))


def new_cluster(root: Row) -> str:
    """A cluster that was added, from the root of its tree."""
    parts = [f"mod_time={root['mod_time']}", f"shares={root['shares']}", *_list(root, _GROUP), *_list(root, _MAXIMA)]
    parts += [f"qos='{root['qos']}'", "federation=''", "fed_id=0", "fed_state=0", "features=''"]
    return ", ".join(parts)


def new_qos(row: Row) -> str:
    parts = [f"mod_time={row['mod_time']}"]
    parts += _list(row, (column for column in _QOS if column != "preempt" or row.get("preempt")))
    parts += [f"{column}='{row[column]}'" for column in _QOS_TRES if row.get(column)]
    return ", ".join(parts)


def changed(rows: list[Row], columns: Iterable[str], key: str) -> str:
    """What was set on `rows`: equal for all but TRES limits, which are listed row by row."""
    columns = list(columns)
    plain = [c for c in (*_GROUP, "shares", *_MAXIMA, *_QOS) if c in columns]
    rest = [c for c in columns if c not in plain and "tres" not in c]
    parts = _list(rows[0], dict.fromkeys([*plain, *rest])) if rows else []
    for column in columns:
        if "tres" in column:
            parts += [f"{column} = if ({key}={row[key]}, '{row.get(column) or ''}', {column})" for row in rows]
    return ", ".join(parts)


def either(key: str, numbers: Iterable[Any]) -> str:
    """``(id_assoc=8 || id_assoc=7)``."""
    return "(" + " || ".join(f"{key}={number}" for number in numbers) + ")"
