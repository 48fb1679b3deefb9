"""Users, accounts, associations and QOS, as the accounting daemon tells them.

Fed with the document of the accounting call ``assoc_dump``; without accounting
the directory is empty and everything is permitted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

ADMIN_LEVELS = {"None": 0, "Operator": 1, "Administrator": 2}


@dataclass(frozen=True, slots=True)
class Association:
    """One row of the association tree (slurmdbd schema, <cluster>_assoc_table)."""

    id: int
    user: str
    account: str
    partition: str
    qos: tuple[str, ...]
    default_qos: str
    is_default: bool
    limits: dict[str, Any] = field(default_factory=dict, compare=False, hash=False)
    parent_id: int = 0  # 0 = the root
    shares: int | None = 1  # None: those of the parent
    lineage: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Qos:
    id: int
    name: str
    priority: int
    flags: tuple[str, ...] = ()
    limits: dict[str, Any] = field(default_factory=dict, compare=False, hash=False)
    preempt_mode: int = 0  # bits, as in the database


class Accounts:
    """Answers who may charge what, under which QOS."""

    def __init__(self) -> None:
        self.known = False
        self.associations: dict[tuple[str, str, str], Association] = {}
        self.by_id: dict[int, Association] = {}
        self.defaults: dict[str, str] = {}
        self.qos: dict[str, Qos] = {}
        self.admin: dict[str, int] = {}
        self.coordinators: dict[str, frozenset[str]] = {}
        self.accounts: frozenset[str] = frozenset()
        self.highest_priority = 0  # among associations
        self.fair_share: dict[int, float] = {}  # factors by association, as the usage tree last gave them
        self.wckeys: frozenset[tuple[str, str]] = frozenset()  # (user, key)
        self.default_wckeys: dict[str, str] = {}

    def load(self, document: dict[str, Any]) -> None:
        """Replace everything by an ``assoc_dump`` document."""
        self.associations = {}
        self.defaults = {}
        self.admin = {}
        self.default_wckeys = dict(document.get("default_wckeys") or {})
        for row in document.get("users", ()):
            self.admin[row["name"]] = ADMIN_LEVELS.get(str(row.get("admin_level", "None")), 0)
            if row.get("default_account"):
                self.defaults[row["name"]] = row["default_account"]
        for row in document.get("associations", ()):
            assoc = Association(
                int(row["id"]),
                row.get("user", "") or "",
                row.get("account", "") or "",
                row.get("partition", "") or "",
                tuple(row.get("qos") or ()),
                row.get("default_qos", "") or "",
                bool(row.get("is_default")),
                dict(row.get("limits") or {}),
                int(row.get("parent_id") or 0),
                None if row.get("shares") == "parent" else int(row.get("shares") or 0),
                row.get("lineage") or "",
                row.get("comment") or "",
            )
            self.associations[(assoc.user, assoc.account, assoc.partition)] = assoc
            if assoc.is_default and assoc.user:
                self.defaults[assoc.user] = assoc.account
        self.by_id = {assoc.id: assoc for assoc in self.associations.values()}
        self.qos = {
            row["name"]: Qos(
                int(row["id"]),
                row["name"],
                int(row.get("priority") or 0),
                tuple(row.get("flags") or ()),
                dict(row.get("limits") or {}),
                int(row.get("preempt_mode") or 0),
            )
            for row in document.get("qos", ())
        }
        self.coordinators = _with_those_above(document.get("accounts", ()))
        self.accounts = frozenset(self.coordinators)
        self.highest_priority = max((int(a.limits.get("Priority") or 0) for a in self.by_id.values()), default=0)
        self.wckeys = frozenset((user, key) for user, key in document.get("wckeys", ()))
        self.known = True

    def chain(self, assoc_id: int) -> list[Association]:
        """An association and those above it, the root last."""
        found: list[Association] = []
        while (assoc := self.by_id.get(assoc_id)) is not None and len(found) <= len(self.by_id):
            found.append(assoc)
            assoc_id = assoc.parent_id
        return found

    def find(self, user: str, account: str, partition: str) -> Association | None:
        """The association for a user in an account, the partition's own first."""
        return self.associations.get((user, account, partition)) or self.associations.get((user, account, ""))

    def fair_share_of(self, assoc_id: int) -> float:
        """The fair-share factor (0…1) of what a job is charged to; 1 while nothing has been calculated."""
        return self.fair_share.get(assoc_id, 1.0) if assoc_id else 0.0

    def default_account(self, user: str) -> str:
        return self.defaults.get(user, "")

    def max_qos_priority(self) -> int:
        return max((qos.priority for qos in self.qos.values()), default=0)

    def is_operator(self, user: str) -> bool:
        return self.admin.get(user, 0) >= 1

    def coordinates(self, user: str, accounts: Iterable[str]) -> bool:
        return any(user in self.coordinators.get(account, ()) for account in accounts)


def _with_those_above(accounts: Iterable[dict[str, Any]]) -> dict[str, frozenset[str]]:
    """Coordinators by account: one's own and those of the accounts above (sacctmgr(1))."""
    rows = {row["name"]: row for row in accounts}
    found = {}
    for name, row in rows.items():
        own: set[str] = set()
        seen: set[str] = set()
        above: dict[str, Any] | None = row
        while above is not None and above["name"] not in seen:
            seen.add(above["name"])
            own.update(above.get("coordinators") or ())
            above = rows.get(above.get("parent") or "")
        found[name] = frozenset(own)
    return found
