"""What sacctmgr changes: accounts, users, associations, QOS, clusters, coordinators, resources, jobs.

`apply` does one command within a transaction and tells what it did as values;
the command words it.  Every change leaves a row in txn_table, as slurmdbd does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from . import codes, directory, journal, limits, schema
from .jobs import tres_names
from .permissions import Caller
from .schema import Schema, full_row
from .tree import Row, Tree
from .writer import ensure_cluster

if TYPE_CHECKING:
    from .service import AccountingService

#: a row younger than this (seconds) that no job used is removed for good
YOUNG = 86400

Outcome = dict[str, Any]


class Refused(Exception):
    """The command cannot be done; `outcome` says why."""

    def __init__(self, error: str, **more: Any) -> None:
        self.outcome: Outcome = {"error": error, **more}
        super().__init__(error)


@dataclass(slots=True)
class Change:
    """One command: what it names and sets, and where it works."""

    conn: Connection
    service: AccountingService
    caller: Caller
    where: dict[str, list[str]]
    given: list[tuple[str, str, str]]  # (word, operator, value)
    now: int = field(default_factory=lambda: int(time.time()))
    warnings: list[str] = field(default_factory=list)

    @property
    def base(self) -> Schema:
        return self.service.schema_of(self.service.cluster)

    def names(self, key: str = "names") -> list[str]:
        return [name.lower() for name in self.where.get(key, ())]

    def clusters(self) -> list[str]:
        """The clusters named, else all; raises Refused for an unknown one."""
        known = sorted(directory.cluster_names(self.conn, self.base), key=lambda name: name != self.service.cluster)
        wanted = self.names("clusters")
        for name in wanted:
            if name not in known:
                raise Refused("bad_cluster", name=name)
        return wanted or known

    def tree(self, cluster: str) -> Tree:
        return Tree(self.conn, self.service.schema_of(cluster))

    def value(self, word: str, default: str = "") -> str:
        """The last value given for a setting that is no limit."""
        return next((v for w, _, v in reversed(self.given) if w == word), default)

    def parsed(self, table: tuple[limits.Setting, ...]) -> list[tuple[limits.Setting, Any]]:
        """The limits given, parsed.  Raises Refused."""
        base = self.base
        tres = {name: number for number, name in tres_names(self.conn, base).items()}
        query = sa.select(base.qos.c.name, base.qos.c.id).where(base.qos.c.deleted == 0).order_by(base.qos.c.id)
        numbers = limits.Numbers(tres, {row.name: row.id for row in self.conn.execute(query)})
        found = []
        for word, op, text in self.given:
            setting = limits.find(table, word)
            if setting is None:
                continue
            try:
                found.append((setting, limits.parse(setting, op, text, numbers)))
            except limits.ValueRefused as exc:
                if exc.fatal:
                    raise Refused("bad_value", text=exc.text, option=f"{word.lower()}{op}{text}") from None
                self.warnings.append(exc.text)
        return found

    def shown(self, settings: list[tuple[limits.Setting, Any]]) -> list[list[str]]:
        """[name, text] of parsed limits, in the order they are printed."""
        tres = tres_names(self.conn, self.base)
        qos = {row.id: row.name for row in self.conn.execute(sa.select(self.base.qos.c.id, self.base.qos.c.name))}
        order = {id(s): i for i, s in enumerate((*limits.ASSOCIATION, *limits.QOS))}
        out = []
        for setting, value in sorted(settings, key=lambda item: order[id(item[0])]):
            stored = limits.merge(setting, None, value)
            out.append([setting.names[0], limits.show(setting, stored, tres, qos)])
        return out

    def record(self, action: str, name: str, cluster: str = "", info: str | None = None) -> None:
        """A row of txn_table."""
        journal.write(self.conn, self.base, self.now, action, self.caller.name, name, cluster, info)


def apply(conn: Connection, service: AccountingService, caller: Caller, args: dict[str, Any]) -> Outcome:
    """Do ``args``: action, entity, where (lists of values), set ([word, operator, value])."""
    change = Change(
        conn, service, caller, dict(args.get("where") or {}), [tuple(item) for item in args.get("set") or ()]
    )  # fmt: skip
    operation = _OPERATIONS.get((args.get("action", ""), args.get("entity", "")))
    if operation is None:
        return {"error": "unknown_operation"}
    try:
        outcome = operation(change)
    except Refused as exc:
        outcome = exc.outcome
    outcome["warnings"] = change.warnings
    return outcome


def need(allowed: bool, error: str = "denied") -> None:
    if not allowed:
        raise Refused(error)


# ---------------------------------------------------------------- accounts


def add_account(change: Change) -> Outcome:
    """New accounts below `parent` (root where none is named), in each cluster."""
    names, parent = change.names(), change.value("parent", "root").lower()
    settings = change.parsed(limits.ASSOCIATION)
    table = change.base.acct
    caller = change.caller
    need(caller.is_operator or parent in caller.coordinates, "account_denied")
    there = set(change.conn.execute(sa.select(table.c.name).where(table.c.deleted == 0)).scalars())
    new, assocs, existing, added = [], [], [], []
    for cluster in change.clusters():
        tree = change.tree(cluster)
        if parent not in tree.accounts:
            raise Refused("no_parent", parent=parent, cluster=cluster)
        for name in names:
            if name in tree.accounts:
                existing.append([cluster, name])
                continue
            if name not in there:
                _put_account(change, name, parent)
                there.add(name)
                new.append(name)
            row = tree.add({"acct": name, "parent_acct": parent}, change.now)
            tree.set(row, settings, change.now)
            added.append((cluster, row))
            assocs.append({"cluster": cluster, "account": name})
    for cluster, row in added:
        change.record("add_assoc", f"id_assoc={row['id_assoc']}", cluster, journal.new_association(row))
    return {
        "changed": bool(assocs), "new": new, "associations": assocs, "existing": existing,
        "settings": change.shown(settings),
        "parent": change.value("parent"), "description": change.value("description"),
        "organization": change.value("organization"), "any_set": bool(change.given),
    }  # fmt: skip


def _put_account(change: Change, name: str, parent: str) -> None:
    table = change.base.acct
    organization = change.value("organization") or (parent if parent != "root" else name)
    values: Row = {"description": change.value("description") or name, "organization": organization, "flags": "0"}
    change.record("add_account", name, "", journal.values(values))
    values["flags"] = 0
    row = full_row(table, values | {"creation_time": change.now, "mod_time": change.now, "deleted": 0, "name": name})
    _insert_or_revive(change.conn, table, "name", row)


def _insert_or_revive(conn: Connection, table: sa.Table, key: str, row: Row) -> None:
    found = conn.execute(sa.select(table.c[key]).where(table.c[key] == row[key])).first()
    if found is None:
        conn.execute(sa.insert(table).values(row))
    else:
        conn.execute(sa.update(table).where(table.c[key] == row[key]).values(row))


def _account_matches(change: Change) -> list[str]:
    """The accounts a where clause selects."""
    table = change.base.acct
    query = sa.select(table.c.name).where(table.c.deleted == 0)
    names = change.names()
    if names:
        query = query.where(table.c.name.in_(names))
    if change.where.get("description"):
        query = query.where(table.c.description.in_(change.where["description"]))
    if change.where.get("organization"):
        query = query.where(table.c.organization.in_(change.where["organization"]))
    return list(change.conn.execute(query.order_by(table.c.name)).scalars())


def modify_account(change: Change) -> Outcome:
    """Description and organization of accounts; limits and parent of their associations."""
    settings = change.parsed(limits.ASSOCIATION)
    names = _account_matches(change)
    caller = change.caller
    parent = change.value("parent").lower()
    own = {w: v for w, _, v in change.given if w in ("description", "organization")}
    outcome: Outcome = {"changed": False}
    if own:
        if not caller.is_operator:
            raise Refused("denied", sections=["accounts"])
        table = change.base.acct
        if names:
            change.conn.execute(sa.update(table).where(table.c.name.in_(names)).values(own | {"mod_time": change.now}))
            change.record("modify_account", journal.either("name", map(repr, names)), "", journal.values(own))
        outcome["accounts"] = names
    if settings or parent:
        lines: list[Row] = []
        for cluster in change.clusters():
            tree = change.tree(cluster)
            for name in names:
                row = tree.accounts.get(name)
                if row is None:
                    continue
                if not (caller.is_operator or name in caller.coordinates):
                    raise Refused("denied", sections=["account_associations"])
                listed = [row]
                before = dict(row)
                if parent:
                    if parent not in tree.accounts:
                        raise Refused("no_parent", parent=parent, cluster=cluster)
                    if parent == name or tree.accounts[parent]["lineage"].startswith(row["lineage"]):
                        raise Refused("bad_parent", parent=parent, account=name)
                    if parent != row["parent_acct"]:
                        listed = tree.move(name, parent, change.now)
                if settings:
                    tree.set(row, settings, change.now)
                    _record_settings(change, cluster, [row], settings)
                lines += [_line(cluster, before) if r is row else _line(cluster, r) | {"moved": True} for r in listed]
        outcome["account_associations"] = lines
    outcome["changed"] = bool(outcome.get("accounts") or outcome.get("account_associations"))
    return outcome


def _record_settings(change: Change, cluster: str, rows: list[Row], settings: list[tuple[limits.Setting, Any]]) -> None:
    if rows:
        info = journal.changed(list(rows), dict.fromkeys(s.column for s, _ in settings), "id_assoc")
        change.record("modify_assoc", journal.either("id_assoc", (r["id_assoc"] for r in rows)), cluster, info)


def _line(cluster: str, row: Row) -> Row:
    return {
        "cluster": cluster, "account": row["acct"], "user": row["user"], "partition": row["partition"],
        "parent": row["parent_acct"],
    }  # fmt: skip


def _in(column: str, names: list[str]) -> str:
    return f"{column} in(" + ",".join(f"'{name}'" for name in names) + ")"


def delete_account(change: Change) -> Outcome:
    """Remove accounts with all below them, unless one is somebody's default account."""
    need(bool(change.where), "no_conditions")
    names = [name for name in _account_matches(change) if name != "root"]
    if not names:
        return {"changed": False, "accounts": []}
    need(change.caller.is_operator)
    clusters = change.clusters()
    trees = {cluster: change.tree(cluster) for cluster in clusters}
    gone = {c: [r for n in names for r in t.below(n)] for c, t in trees.items()}
    _keep_defaults(trees, gone)
    for cluster, tree in trees.items():
        if gone[cluster]:
            tree.remove(gone[cluster], change.now, change.now - YOUNG)
    table = change.base.acct
    deleted = sorted({row["acct"] for rows in gone.values() for row in rows} | set(names))
    if set(clusters) == directory.cluster_names(change.conn, change.base):
        _drop(change, table, "name", deleted)
        coord = change.base.acct_coord
        change.conn.execute(sa.delete(coord).where(coord.c.acct.in_(deleted)))
        change.record("remove_coord", journal.either("acct", map(repr, names)))
    change.record("remove_account", _in("name", names))
    return {"changed": True, "accounts": names}


def _keep_defaults(trees: dict[str, Tree], gone: dict[str, list[Row]]) -> None:
    """Refuse where a user would keep associations but lose the default one."""
    blocked = []
    for cluster, rows in gone.items():
        ids = {row["id_assoc"] for row in rows}
        for row in rows:
            others = (other for other in trees[cluster].of_user(row["user"]) if other["id_assoc"] not in ids)
            if row["user"] and row["is_def"] and any(others):
                blocked.append(_line(cluster, row))
    if blocked:
        raise Refused("default_account", associations=blocked)


def _drop(change: Change, table: sa.Table, key: str, names: list[str]) -> None:
    """Remove rows of a table by name: for good where they are young."""
    c = table.c
    where = c[key].in_(names)
    change.conn.execute(sa.delete(table).where(where, c.creation_time >= change.now - YOUNG))
    change.conn.execute(sa.update(table).where(where).values(deleted=1, mod_time=change.now))


# ---------------------------------------------------------------- users


def add_user(change: Change) -> Outcome:
    """Users into accounts; the first account becomes the default."""
    names, default = change.names(), change.value("defaultaccount").lower()
    accounts = [a.lower() for a in change.where.get("accounts", ())] or ([default] if default else [])
    partitions = change.where.get("partitions") or [""]
    need(bool(accounts), "no_account")
    settings = change.parsed(limits.ASSOCIATION)
    caller = change.caller
    need(caller.is_operator or bool(set(accounts) & caller.coordinates), "user_denied")
    level = _admin_level(change)
    users = change.base.user
    there = set(change.conn.execute(sa.select(users.c.name).where(users.c.deleted == 0)).scalars())
    new: list[str] = []
    assocs: list[Row] = []
    skipped: list[list[str]] = []
    for cluster in change.clusters():
        tree = change.tree(cluster)
        for account in accounts:
            if account not in tree.accounts:
                skipped.append([account, cluster])
                continue
            need(caller.is_operator or account in caller.coordinates, "user_denied")
            for name in names:
                for partition in partitions:
                    if (name, account, partition) in tree.users:
                        continue
                    if name not in there:
                        _put_user(change, name, level or codes_level("None"))
                        there.add(name)
                        new.append(name)
                    first = not any(row["is_def"] for row in tree.of_user(name))
                    is_default = account == default if default in accounts else first
                    if is_default and not first:
                        for row in tree.of_user(name):
                            if row["is_def"]:
                                tree.update(row, {"is_def": 0}, change.now)
                    values = {"acct": account, "user": name, "partition": partition, "is_def": int(is_default)}
                    row = tree.add(values, change.now)
                    tree.set(row, settings, change.now)
                    change.record("add_assoc", f"id_assoc={row['id_assoc']}", cluster, journal.new_association(row))
                    assocs.append(_line(cluster, row))
    return {
        "changed": bool(assocs or new), "new": new, "associations": assocs, "skipped": skipped,
        "settings": change.shown(settings), "default_account": default,
        "admin_level": codes.ADMIN_LEVELS[level] if level else "",
    }  # fmt: skip


def codes_level(word: str) -> int:
    """The number of an administrator level; 0 for none of that name."""
    word = word.lower()
    return next((n for n, name in codes.ADMIN_LEVELS.items() if n and word and name.lower().startswith(word)), 0)


def _admin_level(change: Change) -> int:
    word = change.value("adminlevel")
    level = codes_level(word)
    if word and not level:
        return 0
    if level > 1:
        need(change.caller.is_admin or (change.caller.is_operator and level < 3))
    return level


def _put_user(change: Change, name: str, level: int) -> None:
    table = change.base.user
    change.record("add_user", name, "", f"admin_level={level}")
    row = {"creation_time": change.now, "mod_time": change.now, "deleted": 0, "name": name, "admin_level": level}
    _insert_or_revive(change.conn, table, "name", full_row(table, row))


def _selects_associations(change: Change) -> bool:
    return bool(change.where.get("accounts") or change.where.get("partitions"))


def _user_matches(change: Change) -> list[str]:
    table = change.base.user
    query = sa.select(table.c.name).where(table.c.deleted == 0)
    if names := change.names():
        query = query.where(table.c.name.in_(names))
    if levels := change.where.get("adminlevel"):
        query = query.where(table.c.admin_level.in_([codes_level(word) for word in levels]))
    found = list(change.conn.execute(query.order_by(table.c.name)).scalars())
    defaults = [name.lower() for name in change.where.get("defaultaccount", ())]
    if defaults:
        tree = change.tree(change.service.cluster)
        mine = {row["user"] for row in tree.rows if row["is_def"] and row["acct"] in defaults}
        found = [name for name in found if name in mine]
    return found


def _user_rows(change: Change, tree: Tree, users: set[str]) -> list[Row]:
    """The user associations a where clause selects, by lineage."""
    accounts, partitions = change.names("accounts"), change.where.get("partitions")
    return [
        row
        for row in tree.rows
        if row["user"] in users
        and (not accounts or row["acct"] in accounts)
        and (not partitions or row["partition"] in partitions)
    ]


def modify_user(change: Change) -> Outcome:
    """Administrator level and default account of users; limits of their associations."""
    settings = change.parsed(limits.ASSOCIATION)
    users = _user_matches(change)
    caller = change.caller
    outcome: Outcome = {"changed": False}
    word, default = change.value("adminlevel"), change.value("defaultaccount").lower()
    new_name = change.value("newname").lower()
    if word or default or new_name:
        outcome["users"] = _modify_users(change, users, word, default, new_name)
    if settings:
        lines: list[Row] = []
        for cluster in change.clusters():
            tree = change.tree(cluster)
            rows = [
                row
                for row in _user_rows(change, tree, set(users))
                if caller.is_operator or row["acct"] in caller.coordinates
            ]
            for row in rows:
                tree.set(row, settings, change.now)
                lines.append(_line(cluster, row))
            _record_settings(change, cluster, rows, settings)
        outcome["user_associations"] = lines
    outcome["changed"] = bool(outcome.get("users") or outcome.get("user_associations"))
    return outcome


def _modify_users(change: Change, users: list[str], word: str, default: str, new_name: str) -> list[str]:
    caller, table = change.caller, change.base.user
    if word:
        level = codes_level(word)
        if not level:
            return []
        if not caller.is_operator or (level > 2 and not caller.is_admin):
            raise Refused("denied", sections=["users"])
        change.conn.execute(
            sa.update(table).where(table.c.name.in_(users)).values(admin_level=level, mod_time=change.now)
        )
        change.record("modify_user", journal.either("name", map(repr, users)), "", f"admin_level={level}")
    if default:
        if not caller.is_operator and users != [caller.name]:
            raise Refused("denied", sections=["users"])
        trees = {cluster: change.tree(cluster) for cluster in change.clusters()}
        missing = [
            [user, cluster] for user in users for cluster, tree in trees.items()
            if not any(row["acct"] == default for row in tree.of_user(user))
        ]  # fmt: skip
        if missing:
            raise Refused("not_associated", account=default, users=missing)
        for tree in trees.values():
            for user in users:
                for row in tree.of_user(user):
                    wanted = int(row["acct"] == default)
                    if row["is_def"] != wanted:
                        tree.update(row, {"is_def": wanted}, change.now)
    if new_name:
        need(caller.is_operator)
        if len(users) != 1:
            raise Refused("one_name")
        change.conn.execute(sa.update(table).where(table.c.name == users[0]).values(name=new_name, mod_time=change.now))
        for cluster in change.clusters():
            tree = change.tree(cluster)
            for row in tree.of_user(users[0]):
                parent = tree.accounts[row["acct"]]
                path = tree.lineage(parent, row["acct"], new_name, row["partition"])
                tree.update(row, {"user": new_name, "lineage": path}, change.now)
    return users


def delete_user(change: Change) -> Outcome:
    """Users, or only the associations an account or partition selects."""
    need(bool(change.where), "no_conditions")
    users = _user_matches(change)
    caller = change.caller
    if not users:
        return {"changed": False, "users": []}
    trees = {cluster: change.tree(cluster) for cluster in change.clusters()}
    gone = {cluster: _user_rows(change, tree, set(users)) for cluster, tree in trees.items()}
    rows = [row for found in gone.values() for row in found]
    if not caller.is_operator and not (rows and all(row["acct"] in caller.coordinates for row in rows)):
        raise Refused("denied")
    by_association = _selects_associations(change)
    if by_association:
        if not rows:
            return {"changed": False, "users": []}
        blocked = [
            _line(cluster, row)
            for cluster, found in gone.items()
            for row in found
            if row["is_def"] and len(trees[cluster].of_user(row["user"])) > sum(r["user"] == row["user"] for r in found)
        ]
        if blocked:
            raise Refused("default_account", associations=blocked, of_user=True)
    for cluster, tree in trees.items():
        if gone[cluster]:
            kept = tree.remove(gone[cluster], change.now, change.now - YOUNG)
            if kept:
                change.record("remove_assoc", " || ".join(f"id_assoc={number}" for number in kept), cluster)
    if by_association:
        lines = [_line(cluster, row) for cluster, found in gone.items() for row in found]
        return {"changed": True, "user_associations": lines}
    if not change.where.get("clusters"):
        _drop(change, change.base.user, "name", users)
        coord = change.base.acct_coord
        change.conn.execute(sa.delete(coord).where(coord.c.user.in_(users)))
        change.record("remove_coord", journal.either("user", map(repr, users)))
        change.record("remove_user", _in("name", users))
    return {"changed": True, "users": users}


# ---------------------------------------------------------------- coordinators


def add_coordinator(change: Change) -> Outcome:
    users, accounts = change.names(), change.names("accounts")
    base, caller = change.base, change.caller
    need(bool(users), "no_user")
    need(bool(accounts), "no_account")
    need(caller.is_operator or set(accounts) <= caller.coordinates)
    known = set(change.conn.execute(sa.select(base.user.c.name).where(base.user.c.deleted == 0)).scalars())
    there = set(change.conn.execute(sa.select(base.acct.c.name).where(base.acct.c.deleted == 0)).scalars())
    table = base.acct_coord
    added = False
    for account in accounts:
        if account not in there:
            raise Refused("bad_account", name=account)
        for user in users:
            if user not in known:
                raise Refused("bad_user", name=user)
            same = sa.and_(table.c.acct == account, table.c.user == user)
            deleted = change.conn.execute(sa.select(table.c.deleted).where(same)).scalar()
            if deleted == 0:
                continue
            row = {"creation_time": change.now, "mod_time": change.now, "deleted": 0, "acct": account, "user": user}
            if deleted is None:
                change.conn.execute(sa.insert(table).values(row))
            else:
                change.conn.execute(sa.update(table).where(same).values(row))
            added = True
    if added:
        change.record("add_coord", ",".join(users), "", ",".join(accounts))
    return {"changed": added, "users": users, "accounts": accounts}


def delete_coordinator(change: Change) -> Outcome:
    users, accounts = change.names(), change.names("accounts")
    need(bool(users or accounts), "no_conditions")
    need(change.caller.is_operator or (bool(accounts) and set(accounts) <= change.caller.coordinates))
    table = change.base.acct_coord
    where = [table.c.deleted == 0]
    if users:
        where.append(table.c.user.in_(users))
    if accounts:
        where.append(table.c.acct.in_(accounts))
    found = [[row.user, row.acct] for row in change.conn.execute(sa.select(table).where(*where))]
    if found:
        young = table.c.creation_time >= change.now - YOUNG
        change.conn.execute(sa.delete(table).where(*where, young))
        change.conn.execute(sa.update(table).where(*where).values(deleted=1, mod_time=change.now))
        change.record("remove_coord", ",".join(user for user, _ in found))
    return {"changed": bool(found), "removed": found, "users": users, "accounts": accounts}


# ---------------------------------------------------------------- QOS


def add_qos(change: Change) -> Outcome:
    table = change.base.qos
    settings = change.parsed(limits.QOS)
    known = set(change.conn.execute(sa.select(table.c.name).where(table.c.deleted == 0)).scalars())
    new = [name for name in change.names() if name not in known]
    outcome: Outcome = {"new": new, "settings": change.shown(settings), "changed": bool(new)}
    if not change.caller.is_operator:
        return outcome | {"error": "denied"}
    for name in new:
        values: Row = {"mod_time": change.now, "description": name, "flags": 0, "grace_time": 0, "preempt_mode": 0}
        values["usage_factor"] = 1.0
        for setting, value in settings:
            values[setting.column] = limits.merge(setting, values.get(setting.column), value)
        row = full_row(table, values | {"creation_time": change.now, "deleted": 0, "name": name})
        _insert_or_revive(change.conn, table, "name", row)
        change.record("add_qos", name, "", journal.new_qos(row))
    return outcome


def _qos_matches(change: Change) -> list[Row]:
    table = change.base.qos
    query = sa.select(table).where(table.c.deleted == 0)
    if names := change.names():
        query = query.where(table.c.name.in_(names))
    if ids := change.where.get("id"):
        query = query.where(table.c.id.in_([int(n) for n in ids if n.isdigit()]))
    return [dict(row._mapping) for row in change.conn.execute(query.order_by(table.c.id))]


def modify_qos(change: Change) -> Outcome:
    table = change.base.qos
    settings = change.parsed(limits.QOS)
    found = _qos_matches(change)
    if found:
        need(change.caller.is_operator)
    for row in found:
        values: Row = {}
        for setting, value in settings:
            values[setting.column] = limits.merge(setting, values.get(setting.column, row[setting.column]), value)
        update = sa.update(table).where(table.c.id == row["id"])
        change.conn.execute(update.values(values | {"mod_time": change.now}))
        info = journal.changed([row | values], values, "id")
        change.record("modify_qos", f"(name='{row['name']}')", "", info)
    return {"changed": bool(found), "qos": [row["name"] for row in found]}


def delete_qos(change: Change) -> Outcome:
    need(bool(change.where), "no_conditions")
    found = _qos_matches(change)
    if not found:
        return {"changed": False, "qos": []}
    need(change.caller.is_operator)
    numbers = [row["id"] for row in found]
    for cluster in directory.cluster_names(change.conn, change.base):
        tree = change.tree(cluster)
        for row in tree.rows:
            values: Row = {}
            for column in ("qos", "delta_qos"):
                parts = [p for p in (row[column] or "").split(",") if p]
                kept = [p for p in parts if int(p.lstrip("+-")) not in numbers]
                if kept != parts:
                    values[column] = "," + ",".join(kept) + "," if kept else ""
            if row["def_qos_id"] in numbers:
                values["def_qos_id"] = None
            if values:
                tree.update(row, values, change.now)
    table = change.base.qos
    young = table.c.creation_time >= change.now - YOUNG
    change.conn.execute(sa.delete(table).where(table.c.id.in_(numbers), young))
    change.conn.execute(sa.update(table).where(table.c.id.in_(numbers)).values(deleted=1, mod_time=change.now))
    for number in numbers:
        change.record("remove_qos", f"id='{number}'")
    return {"changed": True, "qos": [row["name"] for row in found]}


# ---------------------------------------------------------------- clusters


def add_cluster(change: Change) -> Outcome:
    settings = change.parsed(limits.ASSOCIATION)
    names = change.names()
    known = directory.cluster_names(change.conn, change.base)
    existing = [name for name in names if name in known]
    new = [name for name in names if name not in known]
    if new:
        need(change.caller.is_admin)
    for name in new:
        schema.create_within(change.conn, name)
        of = schema.Schema(name, change.base.release)
        ensure_cluster(change.conn, of, name, change.now)
        tree = Tree(change.conn, of)
        if settings:
            tree.set(tree.accounts["root"], settings, change.now)
        change.record("add_cluster", name, "", journal.new_cluster(tree.accounts["root"]))
        own = tree.of_user("root")[0]
        for _ in range(2):  # slurmdbd notes it with the cluster and once more by itself
            change.record("add_assoc", f"id_assoc={own['id_assoc']}", name, journal.new_association(own, root=True))
    return {"changed": bool(new), "new": new, "existing": existing, "settings": change.shown(settings)}


def modify_cluster(change: Change) -> Outcome:
    settings = change.parsed(limits.ASSOCIATION)
    known = directory.cluster_names(change.conn, change.base)
    names = [name for name in change.names() or sorted(known) if name in known]
    outcome: Outcome = {"changed": bool(names), "clusters": names, "settings": change.shown(settings)}
    if not names:
        return outcome
    need(change.caller.is_admin)
    for name in names:
        tree = change.tree(name)
        tree.set(tree.accounts["root"], settings, change.now)
        _record_settings(change, name, [tree.accounts["root"]], settings)
    return outcome


def delete_cluster(change: Change) -> Outcome:
    need(bool(change.where), "no_conditions")
    known = directory.cluster_names(change.conn, change.base)
    names = [name for name in change.names() if name in known]
    if not names:
        return {"changed": False, "clusters": []}
    need(change.caller.is_admin)
    table = change.base.cluster_table
    change.conn.execute(
        sa.update(table).where(table.c.name.in_(names)).values(deleted=1, mod_time=change.now, control_host="")
    )
    for name in names:
        change.record("remove_cluster", f"name='{name}'")
    return {"changed": True, "clusters": names}


# ---------------------------------------------------------------- resources


def _resources(change: Change) -> list[Row]:
    """The resources named (``name`` or ``name@server``), live ones."""
    table = change.base.res
    query = sa.select(table).where(table.c.deleted == 0)
    names = change.names()
    if names:
        query = query.where(table.c.name.in_([name.split("@")[0] for name in names]))
    if servers := change.where.get("server"):
        query = query.where(table.c.server.in_(servers))
    return [dict(row._mapping) for row in change.conn.execute(query.order_by(table.c.id))]


def _numbers(change: Change, words: tuple[str, ...]) -> dict[str, int]:
    found = {}
    for word in words:
        text = change.value(word)
        if text and not text.isdigit():
            raise Refused("bad_value", text=f"sacctmgr: error: Invalid value for {word} ({text})", option="")
        if text:
            found[word] = int(text)
    return found


def add_resource(change: Change) -> Outcome:
    """Licences served from outside, and the clusters' shares of them."""
    need(change.caller.is_operator)
    counts = _numbers(change, ("count", "allowed"))
    server = (change.where.get("server") or ["slurmdb"])[0]
    known = {(row["name"], row["server"]): row["id"] for row in _resources(change)}
    clusters = [c for c in change.names("clusters") if c in directory.cluster_names(change.conn, change.base)]
    table, shares = change.base.res, change.base.clus_res
    new, shared = [], []
    for name in change.names():
        number = known.get((name, server))
        if number is None:
            values: Row = {
                "count": counts.get("count", 0), "description": change.value("description") or name, "type": 1,
                "server": server, "manager": change.value("manager"), "name": name, "flags": 0, "last_consumed": 0,
            }  # fmt: skip
            stamps = {"creation_time": change.now, "mod_time": change.now, "deleted": 0}
            result = change.conn.execute(sa.insert(table).values(full_row(table, values | stamps)))
            number = int((result.inserted_primary_key or (0,))[0])
            told = {"mod_time": change.now, "count": values["count"], "description": values["description"], "type": 1}
            change.record("add_resource", str(number), "", journal.values(told))
            new.append(name)
        for cluster in clusters:
            row = {"creation_time": change.now, "mod_time": change.now, "deleted": 0, "cluster": cluster}
            row |= {"res_id": number, "allowed": counts.get("allowed", 0)}
            same = sa.and_(shares.c.res_id == number, shares.c.cluster == cluster)
            change.conn.execute(sa.delete(shares).where(same))
            change.conn.execute(sa.insert(shares).values(full_row(shares, row)))
            change.record("add_resource", f"{number}@{cluster}", "", f"mod_time={change.now}, allowed={row['allowed']}")
            shared.append([name, cluster, row["allowed"]])
    return {
        "changed": bool(new or shared), "new": new, "shared": shared, "server": server,
        "description": change.value("description"), "count": counts.get("count", 0),
    }  # fmt: skip


def modify_resource(change: Change) -> Outcome:
    need(change.caller.is_operator)
    counts = _numbers(change, ("count", "allowed", "lastconsumed"))
    found = _resources(change)
    clusters = change.names("clusters")
    table, shares = change.base.res, change.base.clus_res
    values: Row = {}
    if "count" in counts:
        values["count"] = counts["count"]
    if "lastconsumed" in counts:
        values["last_consumed"] = counts["lastconsumed"]
    if text := change.value("description"):
        values["description"] = text
    for row in found:
        if values:
            update = sa.update(table).where(table.c.id == row["id"])
            change.conn.execute(update.values(values | {"mod_time": change.now}))
            change.record("modify_resource", f"id='{row['id']}'", "", journal.values(values))
        if "allowed" in counts:
            where = [shares.c.res_id == row["id"]] + ([shares.c.cluster.in_(clusters)] if clusters else [])
            change.conn.execute(sa.update(shares).where(*where).values(allowed=counts["allowed"], mod_time=change.now))
    return {"changed": bool(found), "resources": [f"{row['name']}@{row['server']}" for row in found]}


def delete_resource(change: Change) -> Outcome:
    need(bool(change.where), "no_conditions")
    need(change.caller.is_operator)
    found = _resources(change)
    clusters = change.names("clusters")
    table, shares = change.base.res, change.base.clus_res
    gone = []
    for row in found:
        where = [shares.c.res_id == row["id"]] + ([shares.c.cluster.in_(clusters)] if clusters else [])
        held = change.conn.execute(sa.select(shares.c.cluster).where(*where, shares.c.deleted == 0)).scalars().all()
        change.conn.execute(sa.delete(shares).where(*where))
        name = f"{row['name']}@{row['server']}"
        gone.append([name, list(held)])
        if not clusters:
            change.conn.execute(sa.delete(table).where(table.c.id == row["id"]))
            change.record("remove_resource", f"id='{row['id']}'")
    return {"changed": bool(found), "removed": gone}


# ---------------------------------------------------------------- jobs


def modify_job(change: Change) -> Outcome:
    """Comment, derived exit code and the like of finished jobs in accounting."""
    columns: dict[str, Callable[[str], Any]] = {
        "derivedexitcode": int, "comment": str, "admincomment": str, "systemcomment": str, "extra": str, "wckey": str,
    }  # fmt: skip
    target = {
        "derivedexitcode": "derived_ec", "comment": "derived_es", "admincomment": "admin_comment",
        "systemcomment": "system_comment", "extra": "extra", "wckey": "wckey",
    }  # fmt: skip
    values: Row = {}
    for word, _, text in change.given:
        try:
            values[target[word]] = columns[word](text)
        except ValueError:
            raise Refused("bad_value", text=f"sacctmgr: error: Invalid value for {word} ({text})", option="") from None
    cluster = (change.clusters() or [change.service.cluster])[0]
    table = change.service.schema_of(cluster).job
    done = []
    for text in change.names():
        if not text.isdigit():
            continue
        query = sa.select(table).where(table.c.id_job == int(text), table.c.deleted == 0)
        row = change.conn.execute(query.order_by(table.c.time_submit.desc()).limit(1)).first()
        if row is None:
            continue
        if not change.caller.is_operator and row.id_user != change.caller.uid:
            raise Refused("denied", sections=["jobs"])
        change.conn.execute(sa.update(table).where(table.c.job_db_inx == row.job_db_inx).values(values))
        change.record("modify_job", f"job_db_inx={row.job_db_inx}", cluster, journal.values(values))
        done.append([text, row.time_submit])
    return {"changed": bool(done), "jobs": done, "error": "" if done else "no_change"}


_OPERATIONS: dict[tuple[str, str], Callable[[Change], Outcome]] = {
    ("add", "account"): add_account,
    ("add", "user"): add_user,
    ("add", "coordinator"): add_coordinator,
    ("add", "qos"): add_qos,
    ("add", "cluster"): add_cluster,
    ("add", "resource"): add_resource,
    ("modify", "account"): modify_account,
    ("modify", "user"): modify_user,
    ("modify", "qos"): modify_qos,
    ("modify", "cluster"): modify_cluster,
    ("modify", "job"): modify_job,
    ("modify", "resource"): modify_resource,
    ("delete", "account"): delete_account,
    ("delete", "user"): delete_user,
    ("delete", "coordinator"): delete_coordinator,
    ("delete", "qos"): delete_qos,
    ("delete", "cluster"): delete_cluster,
    ("delete", "resource"): delete_resource,
}
