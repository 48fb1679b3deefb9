"""The state store: what the controller must not forget, in any SQL database.

One row per job, step, node, changed partition and association with usage, each
holding its serialised record, plus the outbox to accounting.  A commit writes
all rows that changed since the last one in one transaction, so that the cost of
a start-up follows the number of live jobs and a half-written change cannot exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crane_compat.wire import pb

#: Version of this schema; a store with another is refused with a sentence.
SCHEMA = 1

_metadata = sa.MetaData()
_BLOB = sa.LargeBinary(length=(1 << 32) - 1)
_NAME = sa.String(255)

META = sa.Table("crane_meta", _metadata, sa.Column("name", _NAME, primary_key=True), sa.Column("value", sa.Text))
JOBS = sa.Table(
    "crane_job",
    _metadata,
    sa.Column("job_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("record", _BLOB, nullable=False),
)
BLOBS = sa.Table(
    "crane_job_blob",
    _metadata,
    sa.Column("job_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("blob", _BLOB, nullable=False),
)
STEPS = sa.Table(
    "crane_step",
    _metadata,
    sa.Column("job_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("step_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("record", _BLOB, nullable=False),
    sa.Column("request", _BLOB, nullable=False),
)
NODES = sa.Table(
    "crane_node", _metadata, sa.Column("name", _NAME, primary_key=True), sa.Column("record", _BLOB, nullable=False)
)
PARTITIONS = sa.Table(
    "crane_partition",
    _metadata,
    sa.Column("name", _NAME, primary_key=True),
    sa.Column("record", _BLOB, nullable=False),
)
RESERVATIONS = sa.Table(
    "crane_reservation",
    _metadata,
    sa.Column("name", _NAME, primary_key=True),
    sa.Column("record", _BLOB, nullable=False),
)
TRIGGERS = sa.Table(
    "crane_trigger",
    _metadata,
    sa.Column("trigger_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("record", _BLOB, nullable=False),
)
CRONTABS = sa.Table(
    "crane_crontab",
    _metadata,
    sa.Column("uid", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("record", _BLOB, nullable=False),
)
USAGE = sa.Table(
    "crane_usage",
    _metadata,
    sa.Column("assoc_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("record", _BLOB, nullable=False),
)
OUTBOX = sa.Table(
    "crane_outbox",
    _metadata,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("event", _BLOB, nullable=False),
)


class StoreError(Exception):
    """The store cannot be used; the text says why and what to do."""


@dataclass(slots=True)
class Batch:
    """One commit's rows, serialised."""

    jobs: list[tuple[int, bytes]] = field(default_factory=list)
    gone_jobs: list[int] = field(default_factory=list)
    blobs: list[tuple[int, bytes]] = field(default_factory=list)
    steps: list[tuple[int, int, bytes, bytes]] = field(default_factory=list)
    gone_steps: list[tuple[int, int]] = field(default_factory=list)
    nodes: list[tuple[str, bytes]] = field(default_factory=list)
    partitions: list[tuple[str, bytes]] = field(default_factory=list)
    reservations: list[tuple[str, bytes]] = field(default_factory=list)
    gone_reservations: list[str] = field(default_factory=list)
    triggers: list[tuple[int, bytes]] = field(default_factory=list)
    gone_triggers: list[int] = field(default_factory=list)
    crontabs: list[tuple[int, bytes]] = field(default_factory=list)
    gone_crontabs: list[int] = field(default_factory=list)
    usage: list[tuple[int, bytes]] = field(default_factory=list)
    outbox: list[tuple[int, bytes]] = field(default_factory=list)
    outbox_done: int = 0
    meta: dict[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(
            self.jobs or self.gone_jobs or self.blobs or self.steps or self.gone_steps or self.nodes
            or self.partitions or self.reservations or self.gone_reservations or self.usage or self.outbox
            or self.outbox_done or self.meta or self.triggers or self.gone_triggers
            or self.crontabs or self.gone_crontabs
        )  # fmt: skip


class Store:
    """A connection to the database behind `url`, used by one thread at a time."""

    def __init__(self, url: str) -> None:
        self.url = url
        parsed = sa.make_url(url)
        self.sqlite = parsed.get_backend_name() == "sqlite"
        options: dict[str, object] = {"pool_pre_ping": True}
        if self.sqlite:
            options = {"connect_args": {"check_same_thread": False, "timeout": 30}}
        self.engine = sa.create_engine(url, **options)
        if self.sqlite:
            sa.event.listen(self.engine, "connect", _sqlite_pragmas)
        self._connection: Connection | None = None
        self._statements: dict[str, tuple[str, tuple[str, ...]]] = {}
        # MariaDB's REPLACE and SQLite's OR REPLACE write a row in one statement; elsewhere delete and insert do
        backend = parsed.get_backend_name()
        self._replace = {"sqlite": "OR REPLACE", "mysql": "REPLACE", "mariadb": "REPLACE"}.get(backend)

    def open(self) -> None:
        """Connect and create what is missing; raises StoreError."""
        try:
            _metadata.create_all(self.engine)
            self._connection = self.engine.connect()
            found = self.meta().get("schema")
        except sa.exc.SQLAlchemyError as exc:
            raise StoreError(f"cannot open the state store {self._shown()}: {_root(exc)}") from exc
        if found is None:
            self.commit(Batch(meta={"schema": str(SCHEMA)}))
        elif found != str(SCHEMA):
            raise StoreError(
                f"the state store {self._shown()} has schema {found}, this program writes {SCHEMA}: "
                "start the release that made it, or start with -c to begin with an empty queue"
            )

    def _shown(self) -> str:
        return sa.make_url(self.url).render_as_string(hide_password=True)

    def _conn(self) -> Connection:
        if self._connection is None or self._connection.closed or self._connection.invalidated:
            self._connection = self.engine.connect()
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self.engine.dispose()

    def clear(self) -> None:
        """Forget everything but the schema (slurmctld -c)."""
        connection = self._conn()
        with connection.begin():
            for table in (JOBS, BLOBS, STEPS, NODES, PARTITIONS, CRONTABS, USAGE, OUTBOX):
                connection.execute(table.delete())
            connection.execute(META.delete().where(META.c.name != "schema"))

    def _put(self, connection: Connection, table: sa.Table, rows: list[dict[str, object]]) -> None:
        if not rows:
            return
        if self._replace == "OR REPLACE":
            text, order = self._replacing(table)
            connection.exec_driver_sql(text, [tuple(row[name] for name in order) for row in rows])
            return
        keys = list(table.primary_key.columns)
        connection.execute(
            table.delete().where(*(column == sa.bindparam("k_" + column.name) for column in keys)),
            [{"k_" + column.name: row[column.name] for column in keys} for row in rows],
        )
        connection.execute(table.insert(), rows)

    def _replacing(self, table: sa.Table) -> tuple[str, tuple[str, ...]]:
        """A table's statement, compiled once: compiling it took longer than SQLite needs to carry it out."""
        made = self._statements.get(table.name)
        if made is None:
            compiled = table.insert().prefix_with("OR REPLACE").compile(self.engine)
            made = self._statements[table.name] = str(compiled), tuple(compiled.positiontup or ())
        return made

    def commit(self, batch: Batch) -> None:
        """Write a batch durably or not at all; raises StoreError."""
        try:
            connection = self._conn()
            with connection.begin():
                self._write(connection, batch)
        except sa.exc.SQLAlchemyError as exc:
            if self._connection is not None:
                self._connection.invalidate() if not self.sqlite else self._connection.close()
                self._connection = None
            raise StoreError(_root(exc)) from exc

    def _write(self, connection: Connection, batch: Batch) -> None:
        put = self._put
        put(connection, JOBS, [{"job_id": i, "record": r} for i, r in batch.jobs])
        put(connection, BLOBS, [{"job_id": i, "blob": b} for i, b in batch.blobs])
        put(
            connection,
            STEPS,
            [{"job_id": j, "step_id": s, "record": r, "request": q} for j, s, r, q in batch.steps],
        )
        put(connection, NODES, [{"name": n, "record": r} for n, r in batch.nodes])
        put(connection, PARTITIONS, [{"name": n, "record": r} for n, r in batch.partitions])
        put(connection, RESERVATIONS, [{"name": n, "record": r} for n, r in batch.reservations])
        if batch.gone_reservations:
            connection.execute(RESERVATIONS.delete().where(RESERVATIONS.c.name.in_(batch.gone_reservations)))
        put(connection, TRIGGERS, [{"trigger_id": i, "record": r} for i, r in batch.triggers])
        if batch.gone_triggers:
            connection.execute(TRIGGERS.delete().where(TRIGGERS.c.trigger_id.in_(batch.gone_triggers)))
        put(connection, CRONTABS, [{"uid": u, "record": r} for u, r in batch.crontabs])
        if batch.gone_crontabs:
            connection.execute(CRONTABS.delete().where(CRONTABS.c.uid.in_(batch.gone_crontabs)))
        put(connection, USAGE, [{"assoc_id": a, "record": r} for a, r in batch.usage])
        put(connection, META, [{"name": k, "value": v} for k, v in batch.meta.items()])
        put(connection, OUTBOX, [{"seq": s, "event": e} for s, e in batch.outbox])
        if batch.outbox_done:
            connection.execute(OUTBOX.delete().where(OUTBOX.c.seq <= batch.outbox_done))
        if batch.gone_jobs:
            gone = [{"gone": job_id} for job_id in batch.gone_jobs]
            for table in (JOBS, BLOBS, STEPS):
                connection.execute(table.delete().where(table.c.job_id == sa.bindparam("gone")), gone)
        if batch.gone_steps:
            connection.execute(
                STEPS.delete().where(STEPS.c.job_id == sa.bindparam("job"), STEPS.c.step_id == sa.bindparam("step")),
                [{"job": job_id, "step": step_id} for job_id, step_id in batch.gone_steps],
            )

    # ------------------------------------------------------------ reading

    def meta(self) -> dict[str, str]:
        return {row.name: row.value for row in self._rows(META)}

    def _rows(self, table: sa.Table, order: Iterable[sa.Column[object]] = ()) -> Iterator[sa.Row[tuple[object, ...]]]:
        connection = self._conn()
        rows = connection.execute(table.select().order_by(*order)).fetchall()
        connection.commit()
        yield from rows

    def jobs(self) -> Iterator[pb.JobRecord]:
        return (pb.JobRecord.FromString(row.record) for row in self._rows(JOBS, (JOBS.c.job_id,)))

    def steps(self) -> Iterator[tuple[pb.StepRecord, pb.StepRequest]]:
        return (
            (pb.StepRecord.FromString(row.record), pb.StepRequest.FromString(row.request))
            for row in self._rows(STEPS, (STEPS.c.job_id, STEPS.c.step_id))
        )

    def nodes(self) -> Iterator[pb.NodeRecord]:
        return (pb.NodeRecord.FromString(row.record) for row in self._rows(NODES))

    def partitions(self) -> Iterator[pb.PartitionRecord]:
        return (pb.PartitionRecord.FromString(row.record) for row in self._rows(PARTITIONS))

    def reservations(self) -> Iterator[pb.ReservationRecord]:
        return (pb.ReservationRecord.FromString(row.record) for row in self._rows(RESERVATIONS))

    def triggers(self) -> Iterator[pb.TriggerRecord]:
        return (pb.TriggerRecord.FromString(row.record) for row in self._rows(TRIGGERS, (TRIGGERS.c.trigger_id,)))

    def crontabs(self) -> Iterator[pb.Crontab]:
        return (pb.Crontab.FromString(row.record) for row in self._rows(CRONTABS))

    def usage(self) -> Iterator[pb.AssocUsage]:
        return (pb.AssocUsage.FromString(row.record) for row in self._rows(USAGE))

    def outbox(self) -> Iterator[pb.AcctEvent]:
        return (pb.AcctEvent.FromString(row.event) for row in self._rows(OUTBOX, (OUTBOX.c.seq,)))

    def blob(self, job_id: int) -> pb.JobBlob | None:
        """Script and environment of a batch job; on a connection of its own, so that any thread may ask."""
        with self.engine.connect() as connection:
            row = connection.execute(sa.select(BLOBS.c.blob).where(BLOBS.c.job_id == job_id)).first()
        return pb.JobBlob.FromString(row.blob) if row is not None else None


def _sqlite_pragmas(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=2000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _root(exc: BaseException) -> str:
    """The database's own words."""
    original = getattr(exc, "orig", None)
    return str(original or exc).splitlines()[0]
