"""The association tree of one cluster: reading, adding, moving, removing rows.

From 23.11 on a row knows its parent by number and its path by `lineage`.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from . import limits
from .schema import Schema, full_row

Row = dict[str, Any]


class Tree:
    """All live rows of a cluster's association table, by account and user."""

    def __init__(self, conn: Connection, schema: Schema, deleted: bool = False) -> None:
        self.conn, self.schema = conn, schema
        table = schema.assoc
        query = sa.select(table)
        if not deleted:
            query = query.where(table.c.deleted == 0)
        self.rows: list[Row] = sorted(
            (dict(r._mapping) for r in conn.execute(query)), key=lambda row: (row.get("lineage") or "", row["id_assoc"])
        )
        self.index()

    def index(self) -> None:
        self.accounts = {row["acct"]: row for row in self.rows if not row["user"]}
        self.users = {(row["user"], row["acct"], row["partition"]): row for row in self.rows if row["user"]}

    def of_user(self, user: str) -> list[Row]:
        return [row for row in self.rows if row["user"] == user]

    def below(self, account: str) -> list[Row]:
        """The account's row and everything under it, by lineage."""
        top = self.accounts.get(account)
        if top is None:
            return []
        return [row for row in self.rows if (row["lineage"] or "").startswith(top["lineage"])]

    def parent(self, row: Row) -> Row | None:
        """The row a row inherits from."""
        name = row["acct"] if row["user"] else row["parent_acct"]
        return self.accounts.get(name) if name else None

    def lineage(self, parent: Row, account: str, user: str = "", partition: str = "") -> str:
        base = parent["lineage"] or "/"
        if not user:
            return f"{base}{account}/"
        return f"{base}0-{user}/" + (f"{partition}/" if partition else "")

    def add(self, values: Row, now: int) -> Row:
        """Insert a row, or take a removed one of the same user, account and partition back."""
        table = self.schema.assoc
        parent = self.accounts[values["acct"] if values.get("user") else values["parent_acct"]]
        values = values | {
            "creation_time": now,
            "mod_time": now,
            "deleted": 0,
            "id_parent": parent["id_assoc"],
            "lineage": self.lineage(parent, values["acct"], values.get("user", ""), values.get("partition", "")),
        }
        row = full_row(table, {"user": "", "partition": "", "parent_acct": "", "shares": 1} | values)
        same = sa.and_(table.c.user == row["user"], table.c.acct == row["acct"], table.c.partition == row["partition"])
        old = self.conn.execute(sa.select(table.c.id_assoc).where(same)).scalar()
        if old is not None:
            self.conn.execute(sa.update(table).where(table.c.id_assoc == old).values(row))
            row["id_assoc"] = old
        else:
            result = self.conn.execute(sa.insert(table).values(row))
            row["id_assoc"] = int((result.inserted_primary_key or (0,))[0])
        for column in table.c:
            row.setdefault(column.name, None)
        self.rows.append(row)
        self.rows.sort(key=lambda r: (r.get("lineage") or "", r["id_assoc"]))
        self.index()
        return row

    def update(self, row: Row, values: Row, now: int) -> None:
        """Change columns of one row."""
        table = self.schema.assoc
        values = {name: value for name, value in values.items() if name in table.c}
        self.conn.execute(
            sa.update(table).where(table.c.id_assoc == row["id_assoc"]).values(values | {"mod_time": now})
        )
        row.update(values)

    def set(self, row: Row, settings: list[tuple[limits.Setting, Any]], now: int) -> None:
        """Apply parsed settings to a row; QOS changes of a row without its own list go to delta_qos."""
        values: Row = {}
        for setting, value in settings:
            column = setting.column
            if setting.kind == "qos_list" and value[0] != "=" and not (values.get("qos") or row["qos"]):
                sign, numbers = value
                deltas = [part for part in (row["delta_qos"] or "").split(",") if part]
                deltas = [part for part in deltas if int(part[1:]) not in numbers]
                deltas += [f"{sign}{number}" for number in numbers]
                values["delta_qos"] = "," + ",".join(deltas) if deltas else ""
                continue
            values[column] = limits.merge(setting, values.get(column, row.get(column)), value)
            if setting.kind == "qos_list" and value[0] == "=":
                values["delta_qos"] = ""
        self.update(row, values, now)

    def move(self, account: str, parent: str, now: int) -> list[Row]:
        """Hang an account under another one; the rows whose path changed."""
        moved = self.below(account)
        top = self.accounts[account]
        old, new_parent = top["lineage"], self.accounts[parent]
        new = self.lineage(new_parent, account)
        for row in moved:
            values: Row = {"lineage": new + row["lineage"][len(old) :]}
            if row is top:
                values |= {"parent_acct": parent, "id_parent": new_parent["id_assoc"]}
            self.update(row, values, now)
        self.rows.sort(key=lambda r: (r.get("lineage") or "", r["id_assoc"]))
        return moved

    def remove(self, rows: list[Row], now: int, keep_since: int) -> list[int]:
        """Remove rows: for good where they are newer than `keep_since` and no job refers to them.

        Returns the numbers of those that stay, marked as deleted.
        """
        table, job = self.schema.assoc, self.schema.job
        ids = [row["id_assoc"] for row in rows]
        used = set(self.conn.execute(sa.select(job.c.id_assoc).where(job.c.id_assoc.in_(ids)).distinct()).scalars())
        young = [r["id_assoc"] for r in rows if r["creation_time"] >= keep_since and r["id_assoc"] not in used]
        kept = [number for number in ids if number not in young]
        if young:
            self.conn.execute(sa.delete(table).where(table.c.id_assoc.in_(young)))
        if kept:
            self.conn.execute(
                sa.update(table).where(table.c.id_assoc.in_(kept)).values(deleted=1, mod_time=now, is_def=0)
            )
        self.rows = [row for row in self.rows if row["id_assoc"] not in ids]
        self.index()
        return kept
