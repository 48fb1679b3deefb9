"""slurmdbd's accounting database: opening, creating and describing it.

`open_engine` gives a connection pool on SQLite or MySQL/MariaDB with the session
settings slurmdbd uses; `create` makes the tables a cluster needs; `Schema`
holds the SQLAlchemy tables, cut down to the columns the database really has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from . import tables

#: the first id of a site's own TRES
FIRST_OWN_TRES = 1001
NO_VAL = 0xFFFFFFFE
INFINITE = 0xFFFFFFFF
NO_VAL64 = 0xFFFFFFFFFFFFFFFE
INFINITE64 = 0xFFFFFFFFFFFFFFFF
#: mem_req: the amount is per CPU, not per node
MEM_PER_CPU = 1 << 63

#: the form new databases are created in
RELEASE = "25.11"
#: convert_version_table of that form
CONVERT_VERSION = 16

#: first match tells the release: (table, column, release); "" = the table itself
FINGERPRINT = (
    ("job_table", "sluid", "26.05"),
    ("step_table", "timelimit", "25.11"),
    ("job_table", "restart_cnt", "24.11"),
    ("job_table", "std_out", "24.05"),
    ("assoc_table", "lineage", "23.11"),
    ("job_table", "extra", "23.02"),
    ("job_script_table", "", "22.05"),
    ("job_table", "batch_script", "21.08"),
    ("job_table", "track_steps", "20.11"),
)


class Unsigned64(sa.types.TypeDecorator[int]):
    """Unsigned 64-bit values in SQLite's signed integers (two's complement)."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: sa.Dialect) -> int | None:
        if value is not None and value >= 1 << 63 and dialect.name == "sqlite":
            return value - (1 << 64)
        return value

    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> int | None:
        return value + (1 << 64) if value is not None and value < 0 else value


class TextBlob(sa.types.TypeDecorator[str]):
    """Text kept in a blob column: MySQL gives bytes back."""

    impl = sa.Text
    cache_ok = True

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> str | None:
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


@dataclass(frozen=True, slots=True)
class Column:
    """One column as `tables` declares it."""

    name: str
    kind: str
    not_null: bool
    default: str | None
    auto: bool
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Key:
    kind: str  # primary, unique, index
    name: str
    columns: tuple[str, ...]  # with "~" where a prefix is indexed


@dataclass(frozen=True, slots=True)
class TableDef:
    name: str
    first: str  # the first release that has the table; "" = all
    columns: tuple[Column, ...]
    keys: tuple[Key, ...]

    def at(self, release: str) -> tuple[Column, ...]:
        """The columns the table has in `release`."""
        return tuple(c for c in self.columns if (c.first or "0") <= release <= (c.last or "99"))


_COLUMN = re.compile(r"(\w+) (\w+?)(!)?(?:=(\S*))?( auto)?(?: @([\d.]*)-([\d.]*))?$")


def _parse(text: str) -> Iterator[TableDef]:
    for block in re.split(r"\n(?=\S)", text.strip()):
        head, *lines = block.split("\n")
        name, _, releases = head.partition(" @")
        columns, keys = [], []
        for line in lines:
            words = line.split()
            if words[0] in ("primary", "unique", "index") and words[1] not in _TYPES:
                keys.append(Key(words[0], words[1] if len(words) > 2 else "", tuple(words[-1].split(","))))
                continue
            match = _COLUMN.match(line.strip())
            assert match, line
            column, kind, not_null, default, auto, first, last = match.groups()
            columns.append(Column(column, kind, bool(not_null), default, bool(auto), first or "", last or ""))
        for full in _expand(name):
            yield TableDef(full, releases.rstrip("-"), tuple(columns), tuple(keys))


def _expand(name: str) -> list[str]:
    match = re.search(r"\{([^}]*)\}", name)
    if not match:
        return [name]
    return [n for part in match[1].split(",") for n in _expand(name[: match.start()] + part + name[match.end() :])]


#: kind → (MySQL type, SQLite type, SQLAlchemy type)
_TYPES: dict[str, tuple[str, str, Any]] = {
    "i8": ("tinyint", "INTEGER", sa.Integer()),
    "i16": ("smallint", "INTEGER", sa.Integer()),
    "u16": ("smallint unsigned", "INTEGER", sa.Integer()),
    "i32": ("int", "INTEGER", sa.Integer()),
    "u32": ("int unsigned", "INTEGER", sa.BigInteger()),
    "u64": ("bigint unsigned", "INTEGER", Unsigned64()),
    "n64": ("bigint unsigned", "INTEGER", Unsigned64()),
    "f64": ("double", "REAL", sa.Float()),
    "tiny": ("tinytext", "TEXT", sa.Text()),
    "text": ("text", "TEXT", sa.Text()),
    "long": ("longtext", "TEXT", sa.Text()),
    "blob": ("blob", "TEXT", TextBlob()),
    "stamp": ("timestamp", "TEXT", sa.Text()),
}
_NUMERIC = {"i8", "i16", "u16", "i32", "u32", "u64", "n64", "f64"}

GLOBAL = {t.name: t for t in _parse(tables.GLOBAL)}
CLUSTER = {t.name: t for t in _parse(tables.CLUSTER)}

#: index prefix lengths of text columns (characters)
_PREFIX = {"env_hash": 66, "script_hash": 66, "table_name": 50}


def _ddl(table: TableDef, prefix: str, mysql: bool, release: str) -> Iterator[str]:
    quote = "`" if mysql else '"'

    def q(name: str) -> str:
        return f"{quote}{name}{quote}"

    lines = []
    present = table.at(release)
    auto = next((c.name for c in present if c.auto), None)
    for c in present:
        text = f"{q(c.name)} {_TYPES[c.kind][0 if mysql else 1]}"
        if not mysql and c.auto:
            lines.append(text + " PRIMARY KEY AUTOINCREMENT")
            continue
        text += " NOT NULL" if c.not_null else ""
        if c.auto:
            text += " AUTO_INCREMENT"
        elif c.default == "now":
            text += " DEFAULT CURRENT_TIMESTAMP"
        elif c.default is not None:
            value = str(NO_VAL) if c.default == "NO_VAL" else c.default
            # MySQL knows no defaults of text columns; every insert gives them explicitly
            if c.kind in _NUMERIC:
                text += f" DEFAULT {value}"
            elif not mysql:
                text += f" DEFAULT '{value}'"
        lines.append(text)
    indexes = []
    for key in table.keys:
        names = []
        for column in key.columns:
            name = column.rstrip("~")
            length = f"({_PREFIX.get(name, 42)})" if mysql and column.endswith("~") else ""
            names.append(q(name) + length)
        body = "(" + ", ".join(names) + ")"
        if key.kind == "primary":
            if mysql or key.columns != (auto,):
                lines.append("PRIMARY KEY " + body)
        elif mysql:
            lines.append(("UNIQUE KEY " if key.kind == "unique" else "KEY ") + q(key.name) + " " + body)
        elif key.name != "archive_delete":  # nearly all rows are live: SQLite would take it for every query
            unique = "UNIQUE " if key.kind == "unique" else ""
            name = q(f"{prefix}{table.name}_{key.name}")
            indexes.append(f"CREATE {unique}INDEX IF NOT EXISTS {name} ON {q(prefix + table.name)} {body}")
    tail = ") ENGINE=InnoDB" if mysql else ")"
    if mysql and table.name == "tres_table":
        tail += " AUTO_INCREMENT=1001"
    yield f"CREATE TABLE IF NOT EXISTS {q(prefix + table.name)} ({', '.join(lines)}{tail}"
    yield from indexes


def open_engine(url: str) -> Engine:
    """Connect lazily to `url` (an SQLAlchemy URL); sets what slurmdbd sets on its sessions."""
    if url.startswith("sqlite"):
        engine = sa.create_engine(url, connect_args={"timeout": 30, "check_same_thread": False})
        sa.event.listen(engine, "connect", _sqlite_pragmas)
        # pysqlite begins transactions only before DML; a reader of several tables wants one as well
        sa.event.listen(engine, "begin", lambda conn: conn.exec_driver_sql("BEGIN"))
        return engine
    engine = sa.create_engine(url, pool_recycle=3600, pool_pre_ping=True)
    sa.event.listen(engine, "connect", _mysql_mode)
    return engine


def _sqlite_pragmas(dbapi: Any, _record: Any) -> None:
    dbapi.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "cache_size=-16384"):
        dbapi.execute(f"PRAGMA {pragma}")


def _mysql_mode(dbapi: Any, _record: Any) -> None:
    with dbapi.cursor() as cursor:
        cursor.execute("SET SESSION sql_mode='NO_ENGINE_SUBSTITUTION'")


def create(engine: Engine, cluster: str = "") -> None:
    """Create what is missing: the global tables, the fixed rows, and `cluster`'s tables where given.

    An existing database keeps its form: nothing is altered.
    """
    with engine.begin() as conn:
        create_within(conn, cluster)
    _found.cache_clear()


def create_within(conn: Connection, cluster: str) -> None:
    """`create` within a transaction (MySQL commits at each table)."""
    existing = set(sa.inspect(conn).get_table_names())
    if "tres_table" not in existing:
        _make(conn, GLOBAL, "")
        conn.exec_driver_sql(f"INSERT INTO convert_version_table (mod_time, version) VALUES (0, {CONVERT_VERSION})")
    if cluster and f"{cluster}_job_table" not in existing:
        _make(conn, CLUSTER, cluster + "_")
        quote = "`" if conn.dialect.name == "mysql" else '"'
        conn.exec_driver_sql(f"INSERT INTO {quote}{cluster}_last_ran_table{quote} VALUES (0, 0, 0)")
    if OWN_TABLE not in existing:
        conn.exec_driver_sql(
            f"CREATE TABLE IF NOT EXISTS {OWN_TABLE} (name VARCHAR(190) PRIMARY KEY, value BIGINT NOT NULL)"
        )


#: our own counters; slurmdbd ignores tables it does not know by name
OWN_TABLE = "crane_state"


def _make(conn: Connection, definitions: dict[str, TableDef], prefix: str, release: str = RELEASE) -> None:
    mysql = conn.dialect.name == "mysql"
    for table in definitions.values():
        if table.first <= release:
            for statement in _ddl(table, prefix, mysql, release):
                conn.exec_driver_sql(statement)


class Schema:
    """The tables of one database and (unless "") one cluster, as SQLAlchemy objects.

    ``schema.job``, ``schema.assoc_usage_hour`` …: named as slurmdbd's without ``_table``.
    """

    def __init__(self, cluster: str = "", release: str = RELEASE) -> None:
        self.cluster = cluster
        self.release = release
        self.metadata = sa.MetaData()
        self._tables: dict[str, sa.Table] = {}
        for table in GLOBAL.values():
            self._add(table, "")
        if cluster:
            for table in CLUSTER.values():
                if table.first <= release:
                    self._add(table, cluster + "_")
        self.state = sa.Table(
            OWN_TABLE, self.metadata, sa.Column("name", sa.Text, primary_key=True), sa.Column("value", sa.BigInteger)
        )

    def _add(self, table: TableDef, prefix: str) -> None:
        primary = next((k.columns for k in table.keys if k.kind == "primary"), ())
        keys = {c.rstrip("~") for c in primary}
        columns: list[Any] = [
            sa.Column(c.name, _TYPES[c.kind][2], primary_key=c.name in keys, autoincrement=c.auto, quote=True)
            for c in table.at(self.release)
        ]
        self._tables[table.name.removesuffix("_table")] = sa.Table(
            prefix + table.name, self.metadata, *columns, quote=True
        )

    def __getattr__(self, name: str) -> sa.Table:
        try:
            return self._tables[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def cluster_table(self) -> sa.Table:
        """cluster_table (`cluster` is the cluster's name)."""
        return self._tables["cluster"]

    @staticmethod
    def found(engine: Engine, cluster: str = "") -> Schema:
        """The schema `engine`'s database has, recognised by its columns."""
        return _found(engine, cluster)


@cache
def _found(engine: Engine, cluster: str) -> Schema:
    if not cluster:
        return Schema("")
    inspector = sa.inspect(engine)
    names = set(inspector.get_table_names())
    columns: dict[str, set[str]] = {}
    for table, column, release in FINGERPRINT:
        full = f"{cluster}_{table}"
        if full not in names:
            continue
        if table not in columns:
            columns[table] = {c["name"] for c in inspector.get_columns(full)}
        if not column or column in columns[table]:
            return Schema(cluster, release)
    return Schema(cluster)


@cache
def defaults(table: sa.Table) -> dict[str, Any]:
    """The declared defaults of a table's columns; '' or 0 where a column may not be NULL and has none.

    MySQL knows no defaults of text columns, so inserts name every column.
    """
    name = table.name
    candidates = [d for d in CLUSTER.values() if name.endswith("_" + d.name)]
    definition = GLOBAL.get(name) or max(candidates, key=lambda d: len(d.name))
    values: dict[str, Any] = {}
    for column in definition.columns:
        if column.name not in table.c or column.auto:
            continue
        if column.default == "NO_VAL":
            values[column.name] = NO_VAL
        elif column.kind in _NUMERIC:
            if column.default is not None or column.not_null:
                values[column.name] = float(column.default or 0) if column.kind == "f64" else int(column.default or 0)
        elif column.kind != "stamp" and (column.not_null or column.default is not None):
            values[column.name] = column.default or ""
    return values


def full_row(table: sa.Table, values: dict[str, Any]) -> dict[str, Any]:
    """`values` cut to the table's columns, text columns that may not be NULL filled with ''."""
    row = {name: value for name, value in defaults(table).items() if name not in values}
    row.update({name: value for name, value in values.items() if name in table.c})
    return row
