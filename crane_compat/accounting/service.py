"""The accounting daemon's work, without its sockets: one call in, a JSON value out.

`AccountingService.call` is synchronous and may be used from worker threads;
writers take turns.  Who the caller is (`uid`) comes from the socket.
"""

from __future__ import annotations

import pwd
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Protocol

from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from crane_compat.core.errors import Errno, RequestError
from crane_compat.wire import pb

from . import directory, schema
from .jobs import Filter, select_jobs, tres_names
from .permissions import Caller
from .schema import Schema
from .writer import Writer, ensure_fixed


class Config(Protocol):
    """What the service reads of slurm.conf and slurmdbd.conf."""

    def get(self, key: str) -> Any: ...


Result = dict[str, Any] | list[Any]


class AccountingService:
    """All calls of one database; `cluster` is the default cluster of the configuration."""

    def __init__(self, engine: Engine, cluster: str, config: Config) -> None:
        self.engine = engine
        self.cluster = cluster
        self.config = config
        self.started = int(time.time())
        self.lock = threading.Lock()
        #: grows with every change of users, accounts, QOS …; `on_change` is called with it
        self.version = 1
        self.on_change: list[Callable[[int], None]] = []
        schema.create(engine, cluster)
        with engine.begin() as conn:
            ensure_fixed(conn, Schema.found(engine, cluster), self.started)
        self._writers: dict[str, Writer] = {}
        self._by_op: dict[Any, tuple[int, int]] = {}
        self._by_user: dict[Any, tuple[int, int]] = {}

    def call(
        self, op: str, args: dict[str, Any], events: Sequence[pb.AcctEvent] = (), uid: int = 0
    ) -> tuple[Result, int]:
        """Do `op`; returns its JSON value and the number of the last event applied.

        Raises RequestError: unknown operation, no permission, database error.
        """
        operation = _OPERATIONS.get(op)
        if operation is None:
            raise RequestError(Errno.UNEXPECTED_MSG, f"Unknown accounting call {op!r}")
        begin = time.perf_counter_ns()
        try:
            return operation(self, args, events, uid)
        except SQLAlchemyError as exc:
            reason = str(getattr(exc, "orig", None) or exc).splitlines()[0]
            raise RequestError(Errno.INTERNAL, f"The accounting database failed: {reason}") from exc
        finally:
            spent = (time.perf_counter_ns() - begin) // 1000
            for table, key in ((self._by_op, op), (self._by_user, uid)):
                count, total = table.get(key, (0, 0))
                table[key] = (count + 1, total + spent)

    def schema_of(self, cluster: str) -> Schema:
        return Schema.found(self.engine, cluster)

    def caller(self, conn: Connection, uid: int) -> Caller:
        """Who `uid` is and what it may do."""
        return Caller.of(conn, self.schema_of(self.cluster), uid, self._slurm_uids())

    def _slurm_uids(self) -> set[int]:
        uids = {0}
        for name in self._words("SlurmUser"):
            try:
                uids.add(pwd.getpwnam(name.split("(")[0]).pw_uid)
            except KeyError:
                pass
        return uids

    def _words(self, key: str) -> list[str]:
        """A configuration value as lower-case words; none where it is unset or no key of this configuration."""
        try:
            value = self.config.get(key)
        except KeyError:
            return []
        parts = value.split(",") if isinstance(value, str) else value or ()
        return [str(part).strip().lower() for part in parts]

    def _controller_address(self) -> str:
        """The address slurm.conf gives the controller, as a registered controller's row shows it."""
        controllers = getattr(self.config, "controllers", ())
        return str(controllers[0][1]) if controllers else ""

    def changed(self) -> None:
        """Tell who has copies that users, accounts or QOS changed."""
        self.version += 1
        for writer in self._writers.values():
            writer.forget()
        for hook in self.on_change:
            hook(self.version)

    # ------------------------------------------------------------ operations

    def events(self, args: dict[str, Any], events: Sequence[pb.AcctEvent], uid: int) -> tuple[Result, int]:
        """The controller's outbox; answers with the number up to which everything is committed."""
        if uid not in self._slurm_uids():
            raise RequestError(Errno.ACCESS_DENIED)
        cluster = str(args.get("cluster") or self.cluster)
        with self.lock:
            writer = self._writers.get(cluster)
            if writer is None:
                if cluster != self.cluster:
                    schema.create(self.engine, cluster)
                user = (self._words("SlurmUser") or ["root"])[0].split("(")[0]
                writer = self._writers[cluster] = Writer(
                    self.schema_of(cluster),
                    self._words("AccountingStoreFlags"),
                    user,
                    max(self._slurm_uids()),
                    self._controller_address(),
                )
            try:
                with self.engine.begin() as conn:
                    last = writer.apply(conn, events)
            except BaseException:
                writer.forget()
                raise
        if any(e.kind == "cluster" for e in events):
            self.changed()
        return {}, last

    def jobs(self, args: dict[str, Any], events: Sequence[pb.AcctEvent], uid: int) -> tuple[Result, int]:
        """sacct: `args` are a Filter's fields, and the names of clusters and QOS it leaves to us."""
        now = int(args.get("now") or time.time())
        wanted = Filter.of(args)
        with self.engine.begin() as conn:
            base = self.schema_of(self.cluster)
            names = tres_names(conn, base)
            if qos := [str(name).lower() for name in args.get("qos_names") or ()]:
                known_qos = directory.qos_names(conn, base)
                if bad := [name for name in qos if name not in known_qos]:
                    return {"bad_qos": bad[0], "valid_qos": ",".join(known_qos)}, 0
                wanted.qos = directory.qos_numbers(conn, base, qos)
            clusters = args.get("clusters") or [self.cluster]
            known = directory.cluster_names(conn, base)
            if clusters == ["all"]:
                clusters = sorted(known)
            result = [
                {"cluster": name} | select_jobs(conn, self.schema_of(name), wanted, now)
                for name in clusters
                if name in known or name == self.cluster
            ]
        return {"tres": names, "clusters": result, "now": now, "filter": asdict(wanted)}, 0

    def assoc_dump(self, args: dict[str, Any], events: Sequence[pb.AcctEvent], uid: int) -> tuple[Result, int]:
        """Users, accounts, associations, QOS, TRES: all that the controller decides by."""
        with self.engine.begin() as conn:
            document = directory.dump(conn, self.schema_of(self.cluster))
        return document | {"version": self.version}, 0

    def usage(self, args: dict[str, Any], events: Sequence[pb.AcctEvent], uid: int) -> tuple[Result, int]:
        """What associations have used by the roll-ups, decayed by `half_life` (seconds) since `since`: see `usage`."""
        from . import usage

        if uid not in self._slurm_uids():
            raise RequestError(Errno.ACCESS_DENIED)
        now = float(args.get("now") or time.time())
        half_life, since = float(args.get("half_life") or 0), float(args.get("since") or 0)
        with self.engine.begin() as conn:
            return usage.history(conn, self.schema_of(self.cluster), half_life, since, now), 0

    def change(self, args: dict[str, Any], events: Sequence[pb.AcctEvent], uid: int) -> tuple[Result, int]:
        """sacctmgr add/modify/delete: see `changes`."""
        from . import changes

        with self.lock:
            with self.engine.connect() as conn, conn.begin() as transaction:
                caller = self.caller(conn, uid)
                result = changes.apply(conn, self, caller, args)
                if args.get("dry") or result.get("error") or not result.get("changed"):
                    transaction.rollback()
                    return result, 0
            self.changed()
        return result, 0

    def fix_runaway(self, args: dict[str, Any], events: Sequence[pb.AcctEvent], uid: int) -> tuple[Result, int]:
        """Close the records of jobs that the controller does not know."""
        from . import runaway

        with self.lock, self.engine.begin() as conn:
            if not self.caller(conn, uid).is_operator:
                raise RequestError(Errno.ACCESS_DENIED)
            cluster = str(args.get("cluster") or self.cluster)
            return {"fixed": runaway.close(conn, self.schema_of(cluster), list(args.get("jobs") or ()))}, 0

    def settings(self, args: dict[str, Any], events: Sequence[pb.AcctEvent], uid: int) -> tuple[Result, int]:
        """sacctmgr show configuration: our side of it."""
        from .settings import daemon_settings

        return {"daemon": daemon_settings(self.config, self.engine.url, self.started)}, 0

    def statistics(self, args: dict[str, Any], events: Sequence[pb.AcctEvent], uid: int) -> tuple[Result, int]:
        """Calls since the start by operation and by user: [name, count, microseconds]."""
        by_user = [[_user_name(user), count, spent] for user, (count, spent) in self._by_user.items()]
        by_op = [[op, count, spent] for op, (count, spent) in self._by_op.items()]
        return {"since": self.started, "calls": by_op, "users": by_user}, 0

    def ping(self, args: dict[str, Any], events: Sequence[pb.AcctEvent], uid: int) -> tuple[Result, int]:
        return {"version": self.version}, 0

    def show(self, args: dict[str, Any], events: Sequence[pb.AcctEvent], uid: int) -> tuple[Result, int]:
        """sacctmgr show: see `listing`."""
        from . import listing

        with self.engine.begin() as conn:
            return listing.show(conn, self, self.caller(conn, uid), args), 0


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


_Operation = Callable[[AccountingService, dict[str, Any], Sequence[pb.AcctEvent], int], tuple[Result, int]]

_OPERATIONS: dict[str, _Operation] = {
    "events": AccountingService.events,
    "jobs": AccountingService.jobs,
    "assoc_dump": AccountingService.assoc_dump,
    "usage": AccountingService.usage,
    "change": AccountingService.change,
    "show": AccountingService.show,
    "config": AccountingService.settings,
    "statistics": AccountingService.statistics,
    "ping": AccountingService.ping,
    "fix_runaway": AccountingService.fix_runaway,
}
