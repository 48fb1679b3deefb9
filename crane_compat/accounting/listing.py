"""What sacctmgr shows: one query an entity, rows as dicts with names in place of numbers.

The rows carry slurmdbd's columns; the command chooses and prints.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from . import codes, directory
from .jobs import tres_names
from .permissions import Caller
from .schema import Schema
from .tree import Row, Tree

if TYPE_CHECKING:
    from .service import AccountingService


@dataclass(slots=True)
class Query:
    """One listing: conditions (lists of values by name) and flags (withassoc, withdeleted …)."""

    conn: Connection
    service: AccountingService
    caller: Caller
    where: dict[str, list[str]]
    flags: frozenset[str]

    @property
    def base(self) -> Schema:
        return self.service.schema_of(self.service.cluster)

    def names(self, key: str) -> list[str]:
        return [name.lower() for name in self.where.get(key, ())]

    @property
    def deleted(self) -> bool:
        return "withdeleted" in self.flags

    def clusters(self) -> list[str]:
        known = sorted(directory.cluster_names(self.conn, self.base), key=lambda n: (n != self.service.cluster, n))
        wanted = self.names("clusters")
        return [name for name in known if not wanted or name in wanted]

    def rows(self, table: sa.Table, *conditions: Any, order: Any = None) -> list[Row]:
        """Live rows of a table (all with withdeleted) under the conditions."""
        query = sa.select(table)
        if "deleted" in table.c and not self.deleted:
            query = query.where(table.c.deleted == 0)
        query = query.where(*conditions)
        if order is not None:
            query = query.order_by(order)
        return [dict(row._mapping) for row in self.conn.execute(query)]

    def named(self, table: sa.Table, column: str, key: str = "names") -> list[Any]:
        names = self.names(key)
        return [table.c[column].in_(names)] if names else []


def show(conn: Connection, service: AccountingService, caller: Caller, args: dict[str, Any]) -> dict[str, Any]:
    """``{"rows": […], "tres": {number: name}, "qos": {number: name}}`` for ``args["entity"]``."""
    query = Query(conn, service, caller, dict(args.get("where") or {}), frozenset(args.get("flags") or ()))
    rows = _LISTINGS[args["entity"]](query)
    base = query.base
    qos = {row.id: row.name for row in conn.execute(sa.select(base.qos.c.id, base.qos.c.name))}
    return {"rows": rows, "tres": tres_names(conn, base), "qos": qos, "cluster": service.cluster}


def _associations(query: Query, cluster: str) -> list[Row]:
    """Rows of one cluster by lineage, with what they inherit filled in (unless wopi)."""
    tree = Tree(query.conn, query.service.schema_of(cluster), query.deleted)
    for row in tree.rows:
        parent = tree.parent(row)
        row["cluster"] = cluster
        row["parent"] = row["parent_acct"]
        row["parent_id"] = parent["id_assoc"] if parent else 0
        row["depth"] = max((row["lineage"] or "/").count("/") - 1, 0) - (1 if row["partition"] else 0)
    accounts = tree.accounts
    for row in tree.rows:
        if "wopi" in query.flags:
            row["qos_list"] = directory.number_list(row["qos"])
            continue
        row["qos_list"] = directory.effective_qos(row, accounts)
        for column in _INHERITED:
            row[column] = directory.effective(row, accounts, column)
    return tree.rows


#: what an association without a value of its own takes from the account above
_INHERITED = (
    "def_qos_id", "max_jobs", "max_jobs_accrue", "max_submit_jobs", "max_tres_pj", "max_tres_pn", "max_tres_mins_pj",
    "max_tres_run_mins", "max_wall_pj", "min_prio_thresh",
)  # fmt: skip


def _selected(query: Query, row: Row) -> bool:
    for key, column in (("users", "user"), ("accounts", "acct"), ("parent", "parent_acct")):
        names = query.names(key)
        if names and row[column] not in names:
            return False
    wanted = query.where.get("partitions", [])
    if wanted and row["partition"] not in wanted:
        return False
    ids = query.names("id")
    if ids and str(row["id_assoc"]) not in ids:
        return False
    return not ("onlydefaults" in query.flags and not (row["user"] and row["is_def"]))


def associations(query: Query) -> list[Row]:
    rows = []
    qos_names = query.names("qos")
    numbers = directory.qos_numbers(query.conn, query.base, qos_names) if qos_names else []
    for cluster in query.clusters():
        for row in _associations(query, cluster):
            if _selected(query, row) and (not numbers or set(numbers) & set(row["qos_list"])):
                rows.append(row)
    return rows


def _default_accounts(query: Query) -> dict[str, str]:
    found: dict[str, str] = {}
    for cluster in reversed(query.clusters()):
        table = query.service.schema_of(cluster).assoc
        where = (table.c.is_def == 1, table.c.deleted == 0, table.c.user != "")
        for user, acct in query.conn.execute(sa.select(table.c.user, table.c.acct).where(*where)):
            found[user] = acct
    return found


def _coordinators(query: Query) -> list[tuple[str, str]]:
    table = query.base.acct_coord
    pairs = query.conn.execute(sa.select(table.c.acct, table.c.user).where(table.c.deleted == 0))
    return [(acct, user) for acct, user in pairs]


def users(query: Query) -> list[Row]:
    table = query.base.user
    rows = query.rows(table, *query.named(table, "name"), order=table.c.name)
    defaults = _default_accounts(query)
    coordinated: dict[str, list[str]] = {}
    for acct, user in _coordinators(query):
        coordinated.setdefault(user, []).append(acct)
    for row in rows:
        row["user"] = row["name"]
        row["default_account"] = defaults.get(row["name"], "")
        row["coordinates"] = sorted(coordinated.get(row["name"], []))
        row["admin"] = codes.ADMIN_LEVELS.get(row["admin_level"], "None")
    if wanted := query.names("defaultaccount"):
        rows = [row for row in rows if row["default_account"] in wanted]
    if levels := query.where.get("adminlevel"):
        rows = [row for row in rows if any(row["admin"].lower().startswith(word.lower()) for word in levels)]
    return _with_associations(query, rows, "user")


def accounts(query: Query) -> list[Row]:
    table = query.base.acct
    conditions = query.named(table, "name")
    for key in ("description", "organization"):
        if values := query.where.get(key):
            conditions.append(table.c[key].in_(values))
    rows = query.rows(table, *conditions, order=table.c.name)
    coordinated: dict[str, list[str]] = {}
    for acct, user in _coordinators(query):
        coordinated.setdefault(acct, []).append(user)
    for row in rows:
        row["acct"] = row["name"]
        row["coordinates"] = sorted(coordinated.get(row["name"], []))
    return _with_associations(query, rows, "acct")


def _with_associations(query: Query, rows: list[Row], key: str) -> list[Row]:
    """withassoc: one row an association of each."""
    if "withassoc" not in query.flags:
        return rows
    grouped: dict[str, list[Row]] = {}
    for cluster in query.clusters():
        for row in _associations(query, cluster):
            if row[key] and _selected(query, row):
                grouped.setdefault(row[key], []).append(row)
    return [row | assoc for row in rows for assoc in grouped.get(row["name"], [])]


def qos(query: Query) -> list[Row]:
    table = query.base.qos
    conditions = query.named(table, "name")
    if ids := query.where.get("id"):
        conditions.append(table.c.id.in_([int(n) for n in ids if n.isdigit()]))
    return query.rows(table, *conditions, order=table.c.id)


def clusters(query: Query) -> list[Row]:
    table = query.base.cluster_table
    rows = query.rows(table, *query.named(table, "name"), order=table.c.name)
    for row in rows:
        if row["deleted"]:
            continue
        tree = Tree(query.conn, query.service.schema_of(row["name"]))
        root = tree.accounts.get("root")
        if root is not None:
            kept = {
                "name": row["name"],
                "flags": row["flags"],
                "cluster_id": row.get("id"),
                "features": row["features"],
            }
            row |= root | kept
            row["qos_list"] = directory.effective_qos(root, tree.accounts)
        row["cluster"] = row["name"]
        row["nodes"], row["tres"] = _registered(query, row["name"])
    return rows


def _registered(query: Query, cluster: str) -> tuple[str, str]:
    """Node list and TRES of the open registration event."""
    table = query.service.schema_of(cluster).event
    where = (table.c.node_name == "", table.c.time_end == 0)
    row = query.conn.execute(sa.select(table.c.cluster_nodes, table.c.tres).where(*where)).first()
    return (row.cluster_nodes, row.tres) if row else ("", "")


def tres(query: Query) -> list[Row]:
    table = query.base.tres
    conditions = query.named(table, "type", "type") + query.named(table, "name", "names")
    return query.rows(table, *conditions, order=table.c.id)


def _window(query: Query, default_start: int) -> tuple[int, int]:
    start, end = query.where.get("start"), query.where.get("end")
    return int(start[0]) if start else default_start, int(end[0]) if end else 0


def events(query: Query) -> list[Row]:
    """Node and cluster events that touch the window (the last day unless given)."""
    start, end = _window(query, int(time.time()) - 86400)
    rows = []
    for cluster in query.clusters():
        table = query.service.schema_of(cluster).event
        conditions = [sa.or_(table.c.time_end >= start, table.c.time_end == 0)]
        if end:
            conditions.append(table.c.time_start < end)
        if nodes := query.where.get("nodes"):
            conditions.append(table.c.node_name.in_(nodes))
        kind = query.names("event")
        if kind and kind != ["cluster", "node"]:
            conditions.append(table.c.node_name == "" if kind[0] == "cluster" else table.c.node_name != "")
        found = query.rows(table, *conditions)
        if "instances" in query.flags:
            found = [row for row in found if row.get("instance_id") or row.get("instance_type")]
        found.sort(key=lambda row: (row["node_name"], row["time_start"]))
        rows += [row | {"cluster": cluster} for row in found]
    return rows


def instances(query: Query) -> list[Row]:
    """Events of cloud instances only."""
    query.flags |= {"instances"}
    return events(query)


def reservations(query: Query) -> list[Row]:
    start, end = _window(query, int(time.time()) - 86400)
    rows = []
    for cluster in query.clusters():
        table = query.service.schema_of(cluster).resv
        conditions = [sa.or_(table.c.time_end >= start, table.c.time_end == 0), *query.named(table, "resv_name")]
        if end:
            conditions.append(table.c.time_start < end)
        found = query.rows(table, *conditions, order=table.c.time_start)
        rows += [row | {"cluster": cluster} for row in found]
    return rows


def transactions(query: Query) -> list[Row]:
    table = query.base.txn
    conditions: list[Any] = [*query.named(table, "actor", "actor"), *query.named(table, "cluster", "clusters")]
    if ids := query.where.get("id"):
        conditions.append(table.c.id.in_([int(n) for n in ids if n.isdigit()]))
    start, end = _window(query, 0)
    if start:
        conditions.append(table.c.timestamp >= start)
    if end:
        conditions.append(table.c.timestamp < end)
    return query.rows(table, *conditions, order=table.c.id)


def wckeys(query: Query) -> list[Row]:
    rows = []
    for cluster in query.clusters():
        table = query.service.schema_of(cluster).wckey
        conditions = query.named(table, "wckey_name") + query.named(table, "user", "users")
        rows += [row | {"cluster": cluster} for row in query.rows(table, *conditions, order=table.c.id_wckey)]
    return rows


def resources(query: Query) -> list[Row]:
    table = query.base.res
    rows = query.rows(table, *query.named(table, "name"), *query.named(table, "server", "server"), order=table.c.name)
    shares = query.rows(query.base.clus_res)
    for row in rows:
        own = [share for share in shares if share["res_id"] == row["id"]]
        row["allocated"] = sum(share["allowed"] or 0 for share in own)
        row["shares"] = [{"cluster": share["cluster"], "allowed": share["allowed"]} for share in own]
    if "withclusters" in query.flags:
        rows = [row | share for row in rows for share in row["shares"] or [{}]]
    return rows


def federations(query: Query) -> list[Row]:
    table = query.base.federation
    return query.rows(table, *query.named(table, "name"), order=table.c.name)


def problems(query: Query) -> list[Row]:
    """Accounts without users, users without associations or without a uid."""
    import pwd

    found = []
    for cluster in query.clusters():
        tree = Tree(query.conn, query.service.schema_of(cluster))
        used = {row["acct"] for row in tree.rows if row["user"]}
        for row in tree.rows:
            if not row["user"] and row["acct"] not in used:
                problem = "Account has no users"
            elif row["user"] and not _has_uid(pwd, row["user"]):
                problem = "User does not have a uid"
            else:
                continue
            found.append({"cluster": cluster, "acct": row["acct"], "user": row["user"], "problem": problem})
    return found


def _has_uid(pwd: Any, name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def open_jobs(query: Query) -> list[Row]:
    """Jobs that accounting holds for pending, running or suspended (runaway where the controller knows them not)."""
    rows = []
    for cluster in query.clusters():
        table = query.service.schema_of(cluster).job
        conditions = (table.c.time_end == 0, table.c.state <= 2)
        found = query.rows(table, *conditions, order=table.c.id_job)
        rows += [row | {"cluster": cluster} for row in found]
    return rows


_LISTINGS: dict[str, Callable[[Query], list[Row]]] = {
    "account": accounts, "association": associations, "cluster": clusters, "event": events,
    "federation": federations, "instance": instances, "problem": problems, "qos": qos, "reservation": reservations,
    "resource": resources, "runaway": open_jobs, "transaction": transactions, "tres": tres, "user": users,
    "wckey": wckeys,
}  # fmt: skip
