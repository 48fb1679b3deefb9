"""Who may change what in accounting.

Root and SlurmUser are administrators; others by admin_level; a coordinator
manages the associations of the accounts they coordinate, and of all below.
Source: sacctmgr(1) "Account Hierarchy" and admin levels.
"""

from __future__ import annotations

import pwd
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from .schema import Schema

NONE, OPERATOR, ADMINISTRATOR = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Caller:
    """The person behind a request."""

    uid: int
    name: str
    level: int
    coordinates: frozenset[str] = field(default_factory=frozenset)

    @property
    def is_operator(self) -> bool:
        return self.level >= OPERATOR

    @property
    def is_admin(self) -> bool:
        return self.level >= ADMINISTRATOR

    @classmethod
    def of(cls, conn: Connection, schema: Schema, uid: int, slurm_uids: set[int]) -> Caller:
        try:
            name = pwd.getpwuid(uid).pw_name
        except KeyError:
            name = str(uid)
        if uid in slurm_uids:
            return cls(uid, name, ADMINISTRATOR)
        user, coord = schema.user, schema.acct_coord
        level = conn.execute(sa.select(user.c.admin_level).where(user.c.name == name, user.c.deleted == 0)).scalar()
        query = sa.select(coord.c.acct).where(coord.c.user == name, coord.c.deleted == 0)
        accounts = set(conn.execute(query).scalars())
        if accounts:
            accounts |= below(conn, schema, accounts)
        return cls(uid, name, level or NONE, frozenset(accounts))


def below(conn: Connection, schema: Schema, accounts: set[str]) -> set[str]:
    """The accounts under `accounts` in the tree."""
    table = schema.assoc
    children: dict[str, list[str]] = {}
    query = sa.select(table.c.acct, table.c.parent_acct).where(table.c.user == "", table.c.deleted == 0)
    for acct, parent in conn.execute(query):
        children.setdefault(parent, []).append(acct)
    found: set[str] = set()
    todo = list(accounts)
    while todo:
        for child in children.get(todo.pop(), ()):
            if child not in found:
                found.add(child)
                todo.append(child)
    return found
