"""The controller's events, written as slurmdbd writes them.

`Writer.apply` takes a batch in one transaction and may be given the same events
again: it remembers the last number it has seen, and what it writes is
insert-or-update on slurmdbd's own keys.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crane_compat.core import states
from crane_compat.core.tres import STATIC
from crane_compat.wire import pb

from . import codes, journal
from .rows import Names, expand, job_row, node_ranges, sluid, step_row
from .schema import FIRST_OWN_TRES, Schema, full_row

#: rpc_version of a registered 25.11 controller
RPC_VERSION = 44 << 8
#: cluster_table.flags of a registered controller
CLUSTER_FLAGS = 128
#: HashPlugin number in front of a stored hash
HASH_SHA256 = 3
#: node states that are an event: down, or any of these flags
_EVENT_FLAGS = states.NODE_DRAIN | states.NODE_FAILING


class Writer:
    """Writes one cluster's events; keeps the numbers rows refer to in memory between batches."""

    def __init__(
        self,
        schema: Schema,
        store_flags: Iterable[str] = (),
        slurm_user: str = "slurm",
        slurm_uid: int = 0,
        address: str = "",
    ) -> None:
        self.schema = schema
        self.cluster = schema.cluster
        self.store_flags = set(store_flags)
        self.slurm_user, self.slurm_uid, self.address = slurm_user, slurm_uid, address
        self.names: Names | None = None
        self._inx: dict[tuple[int, int], int] = {}
        self._sequence = (0, 0)  # milliseconds, number within them
        self._upserts: dict[tuple[str, tuple[str, ...]], Any] = {}

    def forget(self) -> None:
        """Associations or QOS changed: read the numbers again."""
        self.names = None

    def apply(self, conn: Connection, events: Sequence[pb.AcctEvent]) -> int:
        """Write the events within `conn`'s transaction; returns the number of the last one applied."""
        key = f"last_event:{self.cluster}"
        state = self.schema.state
        seen = conn.execute(sa.select(state.c.value).where(state.c.name == key)).scalar()
        if events and events[0].seq == 1:
            seen = 0 if seen is not None else None  # a controller that starts anew counts from 1
        fresh = [e for e in events if e.seq > (seen or 0)]
        if fresh:
            self._write(conn, fresh)
            if seen is None:
                conn.execute(sa.insert(state).values(name=key, value=fresh[-1].seq))
            else:
                conn.execute(sa.update(state).where(state.c.name == key).values(value=fresh[-1].seq))
            return fresh[-1].seq
        return seen or 0

    # ------------------------------------------------------------ batches

    def _write(self, conn: Connection, events: Sequence[pb.AcctEvent]) -> None:
        names = self.names or self._load_names(conn)
        jobs: dict[tuple[int, int], _Job] = {}
        steps: dict[tuple[tuple[int, int], int, int], pb.StepRecord] = {}
        suspends: list[tuple[tuple[int, int], pb.AcctEvent]] = []
        split: dict[tuple[int, int], set[int]] = {}
        late: dict[tuple[int, int], int] = {}
        for event in events:
            kind = event.kind
            if kind.startswith(("job_", "step_")):
                key = (event.job.job_id, int(event.job.submit_time))
                if event.job.HasField("array_task_id") and event.job.job_id != event.job.array_job_id:
                    array = (event.job.array_job_id, int(event.job.submit_time))
                    split.setdefault(array, set()).add(event.job.array_task_id)
                    if kind == "job_end" and not event.job.node_list and key not in jobs:
                        continue  # a task cancelled while it was part of the array has no row of its own
                if kind.startswith("step_"):
                    if kind == "step_end" and states.is_finished(event.job.state):
                        late[key] = max(late.get(key, 0), event.job.derived_exit_code)
                    steps[(key, event.step.step_id, event.step.het_offset)] = event.step
                    job = jobs.get(key)
                    if job is None and key not in self._inx:  # its submission may have been lost
                        job = jobs[key] = _Job(event)
                    if kind == "step_end" and event.step.step_id >= 0 and job is not None:
                        job.energy_known = True
                    continue
                job = jobs.get(key)
                if job is None:
                    job = jobs[key] = _Job(event)
                else:
                    job.last = job.last if job.last.kind == "job_requeue" else event
                if event.HasField("blob"):
                    job.blob = event.blob
                if kind == "job_suspend":
                    suspends.append((key, event))
            elif kind == "node_state":
                self._node_event(conn, event, names)
            elif kind == "reservation":
                self._reservation(conn, event, names)
            elif kind == "cluster":
                self._register(conn, event, names)
        if jobs or steps:
            self._identify(conn, [*jobs, *(k for k, _, _ in steps)], events, names)
        self._write_jobs(conn, jobs, names)
        self._write_steps(conn, steps, names)
        self._split_tasks(conn, split)
        self._late_exit_codes(conn, late)
        for key, event in suspends:
            self._suspend(conn, self._inx[key], event, names)
        if len(self._inx) > 200_000:
            self._inx.clear()

    def _identify(
        self, conn: Connection, keys: Sequence[tuple[int, int]], events: Sequence[pb.AcctEvent], names: Names
    ) -> None:
        """Find or allot job_db_inx of every job in the batch."""
        given = {(e.job.job_id, int(e.job.submit_time)): e.job.job_db_inx for e in events if e.job.job_db_inx}
        missing = [k for k in dict.fromkeys(keys) if k not in self._inx]
        table = self.schema.job
        for start in range(0, len(missing), 400):
            ids = [k[0] for k in missing[start : start + 400]]
            query = sa.select(table.c.job_db_inx, table.c.id_job, table.c.time_submit).where(table.c.id_job.in_(ids))
            for inx, job, submit in conn.execute(query):
                self._inx[(job, submit)] = inx
        for key in missing:
            if key not in self._inx:
                self._inx[key] = given.get(key) or self._new_inx(names)

    def _new_inx(self, names: Names) -> int:
        now = int(time.time() * 1000)
        last, number = self._sequence
        if now <= last:
            number += 1
            if number > 0x3FF:
                last, number = last + 1, 0
        else:
            last, number = now, 0
        self._sequence = (last, number)
        return sluid(names.cluster_id, last, number)

    def _write_jobs(self, conn: Connection, jobs: dict[tuple[int, int], _Job], names: Names) -> None:
        ended = [k for k, job in jobs.items() if job.last.kind == "job_end" and not job.energy_known]
        reported = self._reported(conn, [self._inx[k] for k in ended])
        plain: list[dict[str, Any]] = []
        with_blob: list[dict[str, Any]] = []
        hashes: dict[tuple[str, str], int] = {}
        for key, job in jobs.items():
            event = job.last
            known = job.energy_known or self._inx[key] in reported or states.base(event.job.state) == states.NODE_FAIL
            row = job_row(event.job, names, event.kind, int(event.time), known, self.store_flags)
            row["job_db_inx"] = self._inx[key]
            if job.blob is None:
                plain.append(row)
                continue
            script = job.blob.script.decode("utf-8", "surrogateescape") if "job_script" in self.store_flags else ""
            env = b"\n".join(job.blob.env).decode("utf-8", "surrogateescape") if "job_env" in self.store_flags else ""
            row["script_hash_inx"] = self._hashed(conn, "script", script, hashes)
            row["env_hash_inx"] = self._hashed(conn, "env", env, hashes)
            with_blob.append(row)
        fixed = {"job_db_inx", "id_job", "time_submit"}
        self._upsert(conn, self.schema.job, plain, ("id_job", "time_submit"), fixed)
        self._upsert(conn, self.schema.job, with_blob, ("id_job", "time_submit"), fixed)

    def _reported(self, conn: Connection, inxs: list[int]) -> set[int]:
        step = self.schema.step
        found: set[int] = set()
        for start in range(0, len(inxs), 400):
            query = sa.select(step.c.job_db_inx).where(
                step.c.job_db_inx.in_(inxs[start : start + 400]), step.c.id_step >= 0, step.c.time_end > 0
            )
            found.update(conn.execute(query).scalars())
        return found

    def _hashed(self, conn: Connection, what: str, text: str, cache: dict[tuple[str, str], int]) -> int:
        """The row of a script or environment in its table of distinct texts; 0 for an empty one."""
        if not text:
            return 0
        digest = f"{HASH_SHA256}:{hashlib.sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()}"
        if (what, digest) in cache:
            return cache[what, digest]
        table = self.schema.job_script if what == "script" else self.schema.job_env
        column, body = (("script_hash", "batch_script"), ("env_hash", "env_vars"))[what == "env"]
        now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
        inx = conn.execute(sa.select(table.c.hash_inx).where(table.c[column] == digest)).scalar()
        if inx is None:
            clean = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            values = {column: digest, body: clean, "last_used": now, "deleted": 0}
            result = conn.execute(sa.insert(table).values(full_row(table, values)))
            inx = int((result.inserted_primary_key or (0,))[0])
        else:
            conn.execute(sa.update(table).where(table.c.hash_inx == inx).values(last_used=now))
        cache[what, digest] = inx
        return inx

    def _write_steps(
        self, conn: Connection, steps: dict[tuple[tuple[int, int], int, int], pb.StepRecord], names: Names
    ) -> None:
        rows = []
        for (key, _, _), step in steps.items():
            row = step_row(step, names)
            row["job_db_inx"] = self._inx[key]
            rows.append(row)
        keys = ("job_db_inx", "id_step", "step_het_comp")
        self._upsert(conn, self.schema.step, rows, keys, set(keys))

    def _upsert(
        self, conn: Connection, table: sa.Table, rows: list[dict[str, Any]], key: tuple[str, ...], fixed: set[str]
    ) -> None:
        if not rows:
            return
        columns = tuple(name for name in rows[0] if name in table.c)
        if len(columns) != len(rows[0]):
            rows = [{name: row[name] for name in columns} for row in rows]
        statement = self._upserts.get((table.name, columns))
        if statement is None:
            statement = upsert(conn, table, columns, key, fixed)
            self._upserts[table.name, columns] = statement
        conn.execute(statement, rows)

    def _split_tasks(self, conn: Connection, split: dict[tuple[int, int], set[int]]) -> None:
        """Tasks with a row of their own leave the pending ones of the array's row."""
        table = self.schema.job
        for (array, submit), tasks in split.items():
            where = (table.c.id_job == array, table.c.time_submit <= submit, table.c.array_task_str.is_not(None))
            query = sa.select(table.c.job_db_inx, table.c.array_task_str).where(*where)
            for row in conn.execute(query.order_by(table.c.time_submit.desc()).limit(1)).all():
                bits = int(row.array_task_str, 16) if row.array_task_str[1:2] == "x" else 0
                left = bits & ~sum(1 << task for task in tasks)
                if left != bits:
                    values = {"array_task_str": f"0x{left:X}" if left else None, "array_task_pending": left.bit_count()}
                    conn.execute(sa.update(table).where(table.c.job_db_inx == row.job_db_inx).values(values))

    def _late_exit_codes(self, conn: Connection, late: dict[tuple[int, int], int]) -> None:
        """A step that ends after its job still counts in the job's derived exit code."""
        table = self.schema.job
        for key, status in late.items():
            where = (table.c.job_db_inx == self._inx[key], table.c.derived_ec < status)
            conn.execute(sa.update(table).where(*where).values(derived_ec=status))

    # ------------------------------------------------------------ suspension, nodes, cluster

    def _suspend(self, conn: Connection, inx: int, event: pb.AcctEvent, names: Names) -> None:
        table = self.schema.suspend
        if states.base(event.job.state) == states.SUSPENDED:
            start = int(event.job.suspend_time or event.time)
            row = {"job_db_inx": inx, "id_assoc": names.association(event.job), "time_start": start, "time_end": 0}
            if "deleted" in table.c:
                row["deleted"] = 0
            self._upsert(conn, table, [row], ("job_db_inx", "time_start"), {"job_db_inx", "time_start", "time_end"})
        else:
            conn.execute(
                sa.update(table)
                .where(table.c.job_db_inx == inx, table.c.time_end == 0)
                .values(time_end=int(event.time))
            )

    def _node_event(self, conn: Connection, event: pb.AcctEvent, names: Names) -> None:
        """A node that is down, drained or failing is one open row until it is well again."""
        table = self.schema.event
        node, now = event.node, int(event.time)
        open_row = sa.and_(table.c.node_name == node.name, table.c.time_end == 0)
        bad = node.state & states.NODE_BASE_MASK == states.NODE_DOWN or node.state & _EVENT_FLAGS
        reason = event.text or node.reason
        if bad:
            current = conn.execute(sa.select(table.c.state, table.c.reason).where(open_row)).first()
            if current is not None and (current.state, current.reason) == (node.state, reason):
                return
        conn.execute(sa.update(table).where(open_row).values(time_end=now))
        if bad:
            row = {
                "time_start": now, "time_end": 0, "node_name": node.name, "cluster_nodes": "", "reason": reason,
                "reason_uid": node.reason_uid, "state": node.state, "tres": names.tres_ids(node.tres_cfg, ""),
                "extra": None, "instance_id": None, "instance_type": None, "deleted": 0,
            }  # fmt: skip
            self._upsert(conn, table, [row], ("node_name", "time_start"), {"node_name", "time_start"})

    def _reservation(self, conn: Connection, event: pb.AcctEvent, names: Names) -> None:
        """One row for each time of a reservation; one that has not begun may move, or be as if it had never been."""
        table, one, now = self.schema.resv, event.reservation, int(event.time)
        start, end = int(one.start_time), int(one.end_time)
        mine = table.c.id_resv == one.id
        conn.execute(sa.delete(table).where(mine, table.c.time_start > now, table.c.time_start != start))
        words = set(one.flags.split(","))
        row = {
            "id_resv": one.id, "resv_name": one.name, "time_start": start, "time_end": end, "nodelist": one.nodes,
            "node_inx": node_ranges(expand(one.nodes), names.node_order), "comment": one.comment or None,
            "flags": sum(bit for name, bit in codes.RESERVATION_FLAGS.items() if name in words), "time_force": 0,
            "tres": names.tres_ids(one.tres, ""), "unused_wall": 0.0, "deleted": int(end <= now < start),
            "assoclist": ",".join(str(number) for number in self._entitled(conn, one)),
        }  # fmt: skip
        self._upsert(conn, table, [row], ("id_resv", "time_start"), {"id_resv", "time_start"})

    def _entitled(self, conn: Connection, one: pb.ReservationRecord) -> list[int]:
        """The associations that may use a reservation."""
        table = self.schema.assoc
        conditions = [table.c.deleted == 0]
        for text, column in ((one.users, table.c.user), (one.accounts, table.c.acct)):
            words = [word for word in text.split(",") if word]
            denied = [word[1:] for word in words if word.startswith("-")]
            if denied:
                conditions.append(column.not_in(denied))
            elif words:
                conditions.append(column.in_(words))
        if not (one.users or one.accounts):
            return []
        return list(conn.execute(sa.select(table.c.id_assoc).where(*conditions)).scalars())

    def _register(self, conn: Connection, event: pb.AcctEvent, names: Names) -> None:
        """The controller has started: its address, its TRES, its nodes.

        `event.text` is a JSON object: nodes, tres (in the controller's numbers), tres_names, host, port.
        """
        try:
            told = json.loads(event.text or "{}")
        except ValueError:
            told = {}
        now = int(event.time)
        ensure_cluster(conn, self.schema, self.cluster, now)
        names.cluster_id = self._cluster_id(conn)
        cluster = self.schema.cluster_table
        address = {
            "control_host": told.get("address") or self.address or told.get("host", ""),
            "control_port": told.get("port", 0),
            "last_port": told.get("port", 0),
            "rpc_version": RPC_VERSION,
            "dimensions": 1,
            "flags": CLUSTER_FLAGS,
        }
        conn.execute(sa.update(cluster).where(cluster.c.name == self.cluster).values(address | {"mod_time": now}))
        self._note(conn, now, "modify_cluster", f"name='{self.cluster}'", "", address)
        numbers = {str(number): name for name, number in (told.get("tres_names") or {}).items()}
        self._register_tres(conn, numbers.values(), names, now)
        tres = _renumber(told.get("tres", ""), numbers, names)
        nodes = told.get("nodes", "")
        table = self.schema.event
        open_row = sa.and_(table.c.node_name == "", table.c.time_end == 0)
        current = conn.execute(sa.select(table.c.cluster_nodes, table.c.tres).where(open_row)).first()
        if current is None or (current.cluster_nodes, current.tres) != (nodes, tres):
            conn.execute(sa.update(table).where(open_row).values(time_end=now))
            row = {
                "time_start": now, "time_end": 0, "node_name": "", "cluster_nodes": nodes,
                "reason": "Cluster Registered TRES", "reason_uid": 0xFFFFFFFE, "state": 0, "tres": tres,
                "extra": None, "instance_id": None, "instance_type": None, "deleted": 0,
            }  # fmt: skip
            self._upsert(conn, table, [row], ("node_name", "time_start"), {"node_name", "time_start"})
            # until they report, the nodes of a cluster that starts cold are unknown
            cold = {"cluster_nodes": "", "reason": "cold-start", "reason_uid": self.slurm_uid, "time_end": now}
            rows = [row | cold | {"node_name": name, "tres": ""} for name in expand(nodes)]
            self._upsert(conn, table, rows, ("node_name", "time_start"), {"node_name", "time_start"})
        names.node_order = {name: place for place, name in enumerate(expand(nodes))}

    def _register_tres(self, conn: Connection, wanted: Iterable[str], names: Names, now: int) -> None:
        new = {name for name in wanted if name not in names.tres}
        if any(name == "gres/gpu" for name in wanted):
            new |= {name for name in ("gres/gpumem", "gres/gpuutil") if name not in names.tres}
        table = self.schema.tres
        for full in sorted(new):
            kind, _, name = full.partition("/")
            top = conn.execute(sa.select(sa.func.max(table.c.id))).scalar() or 0
            number = max(top + 1, FIRST_OWN_TRES)
            conn.execute(sa.insert(table).values(creation_time=now, deleted=0, id=number, type=kind, name=name))
            self._note(conn, now, "add_tres", f"id={number}", self.cluster, {"type": kind, "name": name})
            names.tres[full] = number

    def _note(self, conn: Connection, now: int, action: str, name: str, cluster: str, values: dict[str, Any]) -> None:
        journal.write(conn, self.schema, now, action, self.slurm_user, name, cluster, journal.values(values))

    def _load_names(self, conn: Connection) -> Names:
        names = Names()
        schema = self.schema
        ensure_fixed(conn, schema, int(time.time()))
        for row in conn.execute(sa.select(schema.tres.c.id, schema.tres.c.type, schema.tres.c.name)):
            names.tres[f"{row.type}/{row.name}" if row.name else row.type] = row.id
        names.qos = {
            row.name: row.id
            for row in conn.execute(sa.select(schema.qos.c.id, schema.qos.c.name).where(schema.qos.c.deleted == 0))
        }
        assoc = schema.assoc
        columns = (assoc.c.id_assoc, assoc.c.user, assoc.c.acct, assoc.c.partition)
        names.assoc = {
            (row.user, row.acct, row.partition): row.id_assoc
            for row in conn.execute(sa.select(*columns).where(assoc.c.deleted == 0, assoc.c.user != ""))
        }
        event = schema.event
        nodes = conn.execute(
            sa.select(event.c.cluster_nodes).where(event.c.node_name == "").order_by(event.c.time_start.desc()).limit(1)
        ).scalar()
        names.node_order = {name: place for place, name in enumerate(expand(nodes or ""))}
        names.cluster_id = self._cluster_id(conn)
        self.names = names
        return names

    def _cluster_id(self, conn: Connection) -> int:
        table = self.schema.cluster_table
        if "id" not in table.c:
            return 1
        return conn.execute(sa.select(table.c.id).where(table.c.name == self.cluster)).scalar() or 1


class _Job:
    """What a batch says of one job: the last event wins."""

    __slots__ = ("blob", "energy_known", "last")

    def __init__(self, event: pb.AcctEvent) -> None:
        self.last = event
        self.blob: pb.JobBlob | None = event.blob if event.HasField("blob") else None
        self.energy_known = False


def upsert(conn: Connection, table: sa.Table, columns: Sequence[str], key: Sequence[str], fixed: set[str]) -> Any:
    """An insert of `columns` that updates all but `fixed` where the key exists, in the dialect of `conn`."""
    changed = [name for name in columns if name not in fixed]
    if conn.dialect.name == "mysql":
        from sqlalchemy.dialects.mysql import insert as mysql_insert

        statement = mysql_insert(table).values({name: sa.bindparam(name) for name in columns})
        return statement.on_duplicate_key_update({name: statement.inserted[name] for name in changed or key})
    from sqlalchemy.dialects.sqlite import insert as sqlite_insert

    new = sqlite_insert(table).values({name: sa.bindparam(name) for name in columns})
    if not changed:
        return new.on_conflict_do_nothing(index_elements=list(key))
    return new.on_conflict_do_update(index_elements=list(key), set_={name: new.excluded[name] for name in changed})


def _renumber(tres: str, numbers: dict[str, str], names: Names) -> str:
    """A TRES text from the controller's numbers to the database's."""
    counts: dict[int, str] = {}
    for part in tres.split(",") if tres else ():
        number, _, count = part.partition("=")
        name = numbers.get(number)
        target = names.tres.get(name) if name else int(number)
        if target is not None:
            counts[target] = count
    for known in names.tres.values():
        counts.setdefault(known, "0")
    return ",".join(f"{number}={counts[number]}" for number in sorted(counts))


def ensure_fixed(conn: Connection, schema: Schema, now: int) -> None:
    """The rows every accounting database has: the fixed TRES, QOS normal, account and user root."""
    if conn.execute(sa.select(schema.tres.c.id).limit(1)).first() is None:
        for name, number in STATIC.items():
            kind, _, rest = name.partition("/")
            conn.execute(sa.insert(schema.tres).values(creation_time=now, deleted=0, id=number, type=kind, name=rest))
    if conn.execute(sa.select(schema.qos.c.id).limit(1)).first() is None:
        values = {"creation_time": now, "mod_time": now, "deleted": 0, "id": 1, "name": "normal"}
        conn.execute(sa.insert(schema.qos).values(full_row(schema.qos, values | {"description": "Normal QOS default"})))
    if conn.execute(sa.select(schema.acct.c.name).limit(1)).first() is None:
        values = {"creation_time": now, "mod_time": now, "deleted": 0, "name": "root"}
        conn.execute(
            sa.insert(schema.acct).values(
                full_row(schema.acct, values | {"description": "default root account", "organization": "root"})
            )
        )
    if conn.execute(sa.select(schema.user.c.name).limit(1)).first() is None:
        values = {"creation_time": now, "mod_time": now, "deleted": 0, "name": "root", "admin_level": 3}
        conn.execute(sa.insert(schema.user).values(values))


def ensure_cluster(conn: Connection, schema: Schema, name: str, now: int) -> bool:
    """Add a cluster that is not there: its row and the root of its association tree.  True where it was added."""
    ensure_fixed(conn, schema, now)
    table = schema.cluster_table
    row = conn.execute(sa.select(table.c.deleted).where(table.c.name == name)).first()
    if row is not None and not row.deleted:
        return False
    if row is not None:
        conn.execute(sa.update(table).where(table.c.name == name).values(deleted=0, mod_time=now))
    else:
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:2], "big") % 0xFFD + 1
        values = {"creation_time": now, "mod_time": now, "deleted": 0, "name": name, "id": number, "dimensions": 1}
        conn.execute(sa.insert(table).values(full_row(table, values)))
    assoc = schema.assoc
    if conn.execute(sa.select(assoc.c.id_assoc).limit(1)).first() is None:
        common = {"creation_time": now, "mod_time": now, "deleted": 0, "acct": "root", "shares": 1}
        root = {"id_assoc": 1, "user": "", "id_parent": 0, "lineage": "/", "qos": ",1,"}
        user = {"id_assoc": 2, "user": "root", "id_parent": 1, "lineage": "/0-root/", "is_def": 1, "flags": 1 << 17}
        for values in (root, user):
            conn.execute(sa.insert(assoc).values(full_row(assoc, common | values)))
    return True
