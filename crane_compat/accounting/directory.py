"""Users, accounts, associations and QOS as values: read once, looked up by name.

`dump` is the document the controller decides by (see core.accounts).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from . import codes
from .jobs import tres_names
from .schema import Schema

#: association limits: name in slurm.conf/sacctmgr terms → column
ASSOC_LIMITS = {
    "GrpJobs": "grp_jobs", "GrpJobsAccrue": "grp_jobs_accrue", "GrpSubmitJobs": "grp_submit_jobs",
    "GrpTRES": "grp_tres", "GrpTRESMins": "grp_tres_mins", "GrpTRESRunMins": "grp_tres_run_mins",
    "GrpWall": "grp_wall", "MaxJobs": "max_jobs", "MaxJobsAccrue": "max_jobs_accrue",
    "MaxSubmitJobs": "max_submit_jobs", "MaxTRESPerJob": "max_tres_pj", "MaxTRESPerNode": "max_tres_pn",
    "MaxTRESMinsPerJob": "max_tres_mins_pj", "MaxTRESRunMins": "max_tres_run_mins",
    "MaxWallDurationPerJob": "max_wall_pj", "MinPrioThreshold": "min_prio_thresh", "Priority": "priority",
}  # fmt: skip

#: QOS limits likewise
QOS_LIMITS = {
    "GrpJobs": "grp_jobs", "GrpJobsAccrue": "grp_jobs_accrue", "GrpSubmitJobs": "grp_submit_jobs",
    "GrpTRES": "grp_tres", "GrpTRESMins": "grp_tres_mins", "GrpTRESRunMins": "grp_tres_run_mins",
    "GrpWall": "grp_wall", "MaxJobsPerAccount": "max_jobs_pa", "MaxJobsPerUser": "max_jobs_per_user",
    "MaxJobsAccruePerAccount": "max_jobs_accrue_pa", "MaxJobsAccruePerUser": "max_jobs_accrue_pu",
    "MaxSubmitJobsPerAccount": "max_submit_jobs_pa", "MaxSubmitJobsPerUser": "max_submit_jobs_per_user",
    "MaxTRESPerAccount": "max_tres_pa", "MaxTRESPerJob": "max_tres_pj", "MaxTRESPerNode": "max_tres_pn",
    "MaxTRESPerUser": "max_tres_pu", "MaxTRESMinsPerJob": "max_tres_mins_pj",
    "MaxTRESRunMinsPerAccount": "max_tres_run_mins_pa", "MaxTRESRunMinsPerUser": "max_tres_run_mins_pu",
    "MinTRESPerJob": "min_tres_pj", "MaxWallDurationPerJob": "max_wall_duration_per_job",
    "MinPrioThreshold": "min_prio_thresh", "GraceTime": "grace_time", "PreemptExemptTime": "preempt_exempt_time",
    "UsageFactor": "usage_factor", "UsageThreshold": "usage_thres", "LimitFactor": "limit_factor",
}  # fmt: skip

_TRES_COLUMNS = frozenset(c for c in (*ASSOC_LIMITS.values(), *QOS_LIMITS.values()) if "tres" in c)

PARENT_SHARES = 0x7FFFFFFF


def cluster_names(conn: Connection, schema: Schema) -> set[str]:
    table = schema.cluster_table
    return set(conn.execute(sa.select(table.c.name).where(table.c.deleted == 0)).scalars())


def qos_names(conn: Connection, schema: Schema) -> list[str]:
    """The live QOS in the order of their numbers."""
    table = schema.qos
    query = sa.select(table.c.name).where(table.c.deleted == 0).order_by(table.c.id)
    return list(conn.execute(query).scalars())


def qos_numbers(conn: Connection, schema: Schema, names: list[str]) -> list[int]:
    """The numbers of QOS names; an unknown one matches nothing."""
    table = schema.qos
    return list(conn.execute(sa.select(table.c.id).where(table.c.name.in_(names))).scalars()) or [-1]


def number_list(text: str | None) -> list[int]:
    """``,1,4,`` → [1, 4]."""
    return [int(part) for part in (text or "").split(",") if part.lstrip("+-").isdigit()]


def _limits(row: Any, table: dict[str, str], tres: dict[int, str]) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    for name, column in table.items():
        value = row.get(column)
        if value in (None, ""):
            continue
        if column in _TRES_COLUMNS:
            counts = {}
            for part in value.split(","):
                number, _, count = part.partition("=")
                if number.isdigit() and int(number) in tres:
                    counts[tres[int(number)]] = int(count)
            limits[name] = counts
        else:
            limits[name] = value
    return limits


def dump(conn: Connection, schema: Schema) -> dict[str, Any]:
    """The document of the call ``assoc_dump``; limits with TRES by name, inherited ones not filled in."""
    tres = tres_names(conn, schema)
    qos_rows = [dict(r._mapping) for r in conn.execute(sa.select(schema.qos).where(schema.qos.c.deleted == 0))]
    qos_name = {row["id"]: row["name"] for row in qos_rows}
    rows = [dict(r._mapping) for r in conn.execute(sa.select(schema.assoc).where(schema.assoc.c.deleted == 0))]
    by_account = {row["acct"]: row for row in rows if not row["user"]}
    associations, defaults = [], {}
    for row in rows:
        parent = by_account.get(row["acct"]) if row["user"] else by_account.get(row["parent_acct"])
        if row["user"] and row["is_def"]:
            defaults[row["user"]] = row["acct"]
        associations.append(
            {
                "id": row["id_assoc"],
                "user": row["user"],
                "account": row["acct"],
                "partition": row["partition"],
                "parent_id": parent["id_assoc"] if parent else 0,
                "parent_account": row["acct"] if row["user"] else row["parent_acct"],
                "lineage": row.get("lineage") or "",
                "comment": row.get("comment") or "",
                "is_default": bool(row["is_def"]),
                "shares": "parent" if row["shares"] == PARENT_SHARES else row["shares"],
                "qos": [qos_name[n] for n in effective_qos(row, by_account) if n in qos_name],
                "default_qos": qos_name.get(effective(row, by_account, "def_qos_id") or 0, ""),
                "limits": _limits(row, ASSOC_LIMITS, tres),
            }
        )
    coordinators: dict[str, list[str]] = {}
    coord = schema.acct_coord
    for account, user in conn.execute(sa.select(coord.c.acct, coord.c.user).where(coord.c.deleted == 0)):
        coordinators.setdefault(account, []).append(user)
    accounts, users = schema.acct, schema.user
    return {
        "cluster": schema.cluster,
        "tres": {name: number for number, name in tres.items()},
        "users": [
            {
                "name": row.name,
                "admin_level": codes.ADMIN_LEVELS.get(row.admin_level, "None"),
                "default_account": defaults.get(row.name, ""),
            }
            for row in conn.execute(sa.select(users).where(users.c.deleted == 0))
        ],
        "accounts": [
            {
                "name": row.name,
                "description": row.description,
                "organization": row.organization,
                "parent": by_account[row.name]["parent_acct"] if row.name in by_account else "",
                "coordinators": coordinators.get(row.name, []),
            }
            for row in conn.execute(sa.select(accounts).where(accounts.c.deleted == 0))
        ],
        "associations": associations,
        "default_wckeys": {
            row.user: row.wckey_name
            for row in conn.execute(
                sa.select(schema.wckey).where(schema.wckey.c.deleted == 0, schema.wckey.c.is_def == 1)
            )
        },
        "wckeys": [
            [row.user, row.wckey_name]
            for row in conn.execute(sa.select(schema.wckey).where(schema.wckey.c.deleted == 0))
        ],
        "qos": [
            {
                "id": row["id"],
                "name": row["name"],
                "priority": row["priority"] or 0,
                "flags": [name for name, bit in codes.QOS_FLAGS.items() if (row["flags"] or 0) & bit],
                "preempt": [qos_name[n] for n in number_list(row["preempt"]) if n in qos_name],
                "preempt_mode": row["preempt_mode"] or 0,
                "limits": _limits(row, QOS_LIMITS, tres),
            }
            for row in qos_rows
        ],
    }


def effective(row: dict[str, Any], accounts: dict[str, dict[str, Any]], column: str) -> Any:
    """A column of an association, or of the nearest account above that has it."""
    current: dict[str, Any] | None = row
    while current is not None:
        if current[column] not in (None, ""):
            return current[column]
        up = current["acct"] if current["user"] else current["parent_acct"]
        current = accounts.get(up) if up else None
    return None


def effective_qos(row: dict[str, Any], accounts: dict[str, dict[str, Any]]) -> list[int]:
    """The QOS an association may use: its own list, or the account's above with the changes below it."""
    current: dict[str, Any] | None = row
    numbers: list[int] = []
    changes: list[str] = []
    while current is not None:
        if current["delta_qos"]:
            changes = [part for part in current["delta_qos"].split(",") if part] + changes
        if current["qos"]:
            numbers = number_list(current["qos"])
            break
        up = current["acct"] if current["user"] else current["parent_acct"]
        current = accounts.get(up) if up else None
    for change in changes:
        number = int(change.lstrip("+-"))
        if change.startswith("-"):
            numbers = [n for n in numbers if n != number]
        elif number not in numbers:
            numbers.append(number)
    return numbers
