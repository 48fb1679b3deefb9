"""Advance reservations: nodes, cores and licences kept for some users or accounts from a start to an end.

A reservation holds whole nodes, or chosen cores of them.  Jobs of others do not start where they would still run when
it begins; jobs that ask for it run on nothing else.  Those that repeat move on to their next day when they end.

Source: scontrol(1), "RESERVATIONS"; slurm.schedmd.com/reservations.html; the recordings.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from crane_compat.core import states as st
from crane_compat.core.errors import Errno, RequestError
from crane_compat.parsers import hostlist
from crane_compat.wire import pb

if TYPE_CHECKING:
    from crane_compat.core.admission import Identity
    from crane_compat.core.cluster import Cluster
    from crane_compat.core.job import Job
    from crane_compat.core.node import Node
    from crane_compat.scheduling.placement import Mask

DAY = 86400.0
YEAR = 365 * DAY

#: Flags in the order they are shown, and the shortest form of each.
FLAGS: tuple[tuple[str, int], ...] = (
    ("MAINT", 1), ("FLEX", 3), ("OVERLAP", 1), ("IGNORE_JOBS", 1), ("HOURLY", 1), ("DAILY", 1), ("WEEKDAY", 5),
    ("WEEKEND", 5), ("WEEKLY", 5), ("SPEC_NODES", 1), ("ALL_NODES", 2), ("ANY_NODES", 2), ("STATIC", 1),
    ("PART_NODES", 1), ("TIME_FLOAT", 1), ("REPLACE", 1), ("REPLACE_DOWN", 8), ("PURGE_COMP", 2),
    ("NO_HOLD_JOBS_AFTER_END", 1), ("MAGNETIC", 3), ("USER_DELETE", 1), ("FORCE_START", 2),
)  # fmt: skip
#: What else they are called.
_ALSO = {
    "MAINTENANCE": "MAINT",
    "STATIC_ALLOC": "STATIC",
    "LICENSE_ONLY": "ANY_NODES",
    "NO_HOLD_JOBS_AFTER": "NO_HOLD_JOBS_AFTER_END",
}
#: Flags that follow from the request, not to be asked for.
_DERIVED = frozenset({"SPEC_NODES", "ALL_NODES"})
_REPEATS = {"HOURLY": 3600.0, "DAILY": DAY, "WEEKDAY": DAY, "WEEKEND": DAY, "WEEKLY": 7 * DAY}
#: Nodes show that they are reserved, and replacements are looked for, so often (seconds).
_LOOK = 10.0
#: A job's time that is not limited is taken for so long.
_HORIZON = YEAR


class FlagError(ValueError):
    """A flag that there is not."""


def parse_flags(text: str) -> tuple[set[str], set[str], float | None]:
    """``maint,-daily,purge_comp=10:00``: flags to set, flags to take away, seconds until it is purged where given.

    Raises FlagError.
    """
    given: set[str] = set()
    gone: set[str] = set()
    purge: float | None = None
    for part in text.replace("+", ",").split(","):
        word = part.strip().upper()
        if not word:
            continue
        into = gone if word.startswith("-") else given
        word = word.lstrip("-")
        word, equals, value = word.partition("=")
        name = _ALSO.get(word) or next((n for n, _ in FLAGS if n == word), None)
        name = name or next((n for n, least in FLAGS if len(word) >= least and n.startswith(word)), None)
        if name is None or name in _DERIVED or (equals and name != "PURGE_COMP"):
            raise FlagError(text)
        if equals:
            from crane_compat.parsers.time_limit import parse_seconds

            try:
                purge = float(parse_seconds(value))
            except ValueError:
                raise FlagError(text) from None
        into.add(name)
    return given, gone, purge


def _names(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


@dataclass(slots=True, eq=False)
class Reservation:
    """One reservation; `record` is what is kept and shown, the other fields are read from it."""

    record: pb.ReservationRecord
    flags: frozenset[str] = frozenset()
    nodes: frozenset[str] = frozenset()
    cores: dict[str, int] = field(default_factory=dict)  # of its nodes, where it has not all: masks of cores
    licenses: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.read()

    def read(self) -> None:
        record = self.record
        self.flags = frozenset(_names(record.flags))
        self.nodes = frozenset(hostlist.expand(record.nodes)) if record.nodes else frozenset()
        self.cores = {part.node: int(part.mask, 16) for part in record.cores}
        pairs = (part.partition(":") for part in _names(record.licenses))
        self.licenses = {name: int(count or 1) for name, _, count in pairs}

    @property
    def name(self) -> str:
        return self.record.name

    def active(self, now: float) -> bool:
        return self.record.start_time <= now < self.record.end_time

    def times(self, until: float) -> Iterator[tuple[float, float]]:
        """Its times, (start, end), as far as they begin before `until`."""
        start, end = self.record.start_time, self.record.end_time
        while start < until:
            yield start, end
            moved = self._next(start)
            if moved is None:
                return
            start, end = moved, end + moved - start

    def meets(self, begin: float, end: float) -> bool:
        """Does it hold anything between `begin` and `end`?"""
        return any(begin < its_end and its_start < end for its_start, its_end in self.times(min(end, begin + _HORIZON)))

    def open(self, now: float) -> bool:
        """May the jobs that ask for it start?"""
        return self.active(now) or ("FLEX" in self.flags and now < self.record.start_time)

    def _next(self, start: float) -> float | None:
        """The start after `start` of one that repeats, at the same time of the day by the clock of this place."""
        step = next((seconds for flag, seconds in _REPEATS.items() if flag in self.flags), None)
        if step is None:
            return None
        if step < DAY:
            return start + step
        moment = list(time.localtime(start))
        while True:
            moment[2] += round(step / DAY)
            moment[8] = -1
            found = time.mktime(time.struct_time(moment))
            weekday = time.localtime(found).tm_wday < 5
            if ("WEEKDAY" in self.flags and not weekday) or ("WEEKEND" in self.flags and weekday):
                continue
            return found

    def move_on(self, now: float) -> bool:
        """Of one that repeats and has ended: to its next time.  False where it does not repeat."""
        record = self.record
        while record.end_time <= now:
            moved = self._next(record.start_time)
            if moved is None:
                return False
            record.end_time += moved - record.start_time
            record.start_time = moved
        return True

    def admits(self, user: str, groups: Iterable[str], account: str, qos: str, partition: str) -> bool:
        """May such a job use it?  It has to meet everything that is said of users, accounts, QOS and partitions."""
        record = self.record
        if record.users and not _listed(record.users, (user,)):
            return False
        if record.groups and not _listed(record.groups, groups):
            return False
        if record.accounts and not _listed(record.accounts, (account,)):
            return False
        if record.qos and not _listed(record.qos, (qos,)):
            return False
        return not record.allowed_partitions or _listed(record.allowed_partitions, partition.split(","))


def _listed(text: str, names: Iterable[str]) -> bool:
    """Is one of the names in a list?  One of ``-name`` words names those that are not."""
    words = _names(text)
    denied = {word[1:] for word in words if word.startswith("-")}
    if denied:
        return denied.isdisjoint(names)
    return not set(words).isdisjoint(names)


@dataclass(slots=True)
class Room:
    """What reservations leave to a job: nodes (None = all), and cores of those of which they leave only some."""

    nodes: Mask | None = None
    cores: dict[int, int] = field(default_factory=dict)  # by position of the node
    maintenance: bool = False  # does one of those in the way have MAINT?
    licenses: dict[str, int] = field(default_factory=dict)  # kept for others
    reservation: int = 0  # the number of the one that the job runs in; 0 = in none
    until: float = 0.0  # when the job has to end for it; 0 = it may go on
    refused: str = ""  # the reason why its own reservation does not let it start


class Reservations:
    """All reservations of a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.by_name: dict[str, Reservation] = {}
        self.last_id = 0
        self._looked = 0.0

    def restore(self, records: Iterable[pb.ReservationRecord]) -> None:
        """Take what the store kept."""
        for record in sorted(records, key=lambda one: one.id):
            self.by_name[record.name] = Reservation(record)
            self.last_id = max(self.last_id, record.id)

    # ------------------------------------------------------------ jobs

    def admit(self, spec: pb.JobSpec, who: Identity, account: str, qos: str, partition: str) -> None:
        """Raises RequestError where a job may not ask for the reservations it names."""
        names = _names(spec.reservation)
        if any(name not in self.by_name for name in names):
            raise RequestError(Errno.RESERVATION_INVALID)
        for name in names:
            if not self.by_name[name].admits(who.user, who.groups, account, qos, partition):
                raise RequestError(Errno.RESERVATION_ACCESS)

    def number_of(self, names: str) -> int:
        """The number of the first of some reservations; 0 where there is none."""
        return next((one.record.id for one in self._named(names)), 0)

    def _named(self, names: str) -> list[Reservation]:
        """Those of some names that there are."""
        return [self.by_name[name] for name in _names(names) if name in self.by_name]

    def closed_to(self, job: Job, now: float) -> bool:
        """Does a job wait for its reservation to begin?"""
        wanted = self._named(job.record.spec.reservation)
        return bool(wanted) and not any(one.open(now) for one in wanted)

    def used_by(self, one: Reservation) -> list[Job]:
        """Jobs that are not over and asked for it."""
        return [
            job
            for job in self.cluster.jobs.values()
            if job.record.spec.reservation and not job.finished and one.name in _names(job.record.spec.reservation)
        ]

    def room(self, job: Job, partition: str, now: float) -> Room | None:
        """What is left to a job that would start now; None where reservations do not concern it."""
        if not self.by_name:
            return None
        record = job.record
        minutes = record.time_limit
        end = now + (_HORIZON if minutes >= 0xFFFFFFFE else minutes * 60.0)
        if _names(record.spec.reservation):
            return self._inside(self._named(record.spec.reservation), now, end)
        return self._outside(job, partition, now, end)

    def _outside(self, job: Job, partition: str, now: float, end: float) -> Room | None:
        record = job.record
        room = Room()
        for one in self.by_name.values():
            if not one.meets(now, end):
                continue
            if (
                "MAGNETIC" in one.flags
                and one.active(now)
                and one.admits(record.user, (record.group,), record.account, record.qos, partition)
            ):
                continue
            self._keep_off(room, one)
        return room if room.nodes is not None or room.cores or room.licenses else None

    def _inside(self, mine: list[Reservation], now: float, end: float) -> Room:
        """In the first of its reservations that is open."""
        table = self.cluster.table
        for one in mine:
            if not one.open(now):
                continue
            flexible = "FLEX" in one.flags
            room = Room(reservation=one.record.id, until=0.0 if flexible else one.record.end_time)
            if one.nodes and not flexible:
                room.nodes = table.mask_of(tuple(one.nodes))
            elif room.nodes is None and "ANY_NODES" not in one.flags and not one.nodes:
                room.nodes = np.zeros(len(table.nodes), np.bool_)
            for name, mask in one.cores.items():
                if name in table.index:
                    room.cores[table.index[name]] = mask
            for other in self.by_name.values():
                if other is one or not other.meets(now, end):
                    continue
                shared = other.nodes & one.nodes
                if shared and not other.cores and not other.flags & {"MAINT", "OVERLAP"}:
                    continue  # made to lie over it
                self._keep_off(room, other)
            return room
        return Room(refused="Reservation")

    def _keep_off(self, room: Room, one: Reservation) -> None:
        table = self.cluster.table
        whole = tuple(name for name in one.nodes if name not in one.cores)
        if whole:
            free = ~table.mask_of(whole)
            room.nodes = free if room.nodes is None else room.nodes & free
            room.maintenance |= "MAINT" in one.flags
        for name, mask in one.cores.items():
            if name in table.index:
                position = table.index[name]
                every = (1 << table.nodes[position].total_cores) - 1
                room.cores[position] = room.cores.get(position, every) & ~mask
        for name, count in one.licenses.items():
            room.licenses[name] = room.licenses.get(name, 0) + count

    def licenses_kept(self, now: float) -> dict[str, int]:
        """By licence, how many the reservations hold that are active."""
        kept: dict[str, int] = {}
        for one in self.by_name.values():
            if one.active(now):
                for name, count in one.licenses.items():
                    kept[name] = kept.get(name, 0) + count
        return kept

    # ------------------------------------------------------------ time

    def tick(self, now: float) -> None:
        """End and move on what is due; show on nodes what holds them."""
        if not self.by_name and not self._looked:
            return
        for one in list(self.by_name.values()):
            record = one.record
            if "TIME_FLOAT" in one.flags and record.float_seconds:
                length = record.end_time - record.start_time
                record.start_time = now + record.float_seconds
                record.end_time = record.start_time + length
                continue
            if record.end_time <= now:
                self._ended(one, now)
            elif "PURGE_COMP" in one.flags and one.active(now):
                self._purge_idle(one, now)
        if not self._looked:  # nodes show it a little later
            self._looked = now
        elif now - self._looked >= _LOOK:
            self._looked = now if self.by_name else 0.0
            self._replace(now)
            self._show_on_nodes(now)

    def next_due(self) -> float:
        """When something ends or begins next (seconds since the epoch)."""
        found = float("inf")
        for one in self.by_name.values():
            record = one.record
            found = min(found, record.end_time)
            if record.state != "ACTIVE":
                found = min(found, record.start_time)
        return found if not self.by_name else min(found, self._looked + _LOOK)

    def _ended(self, one: Reservation, now: float) -> None:
        if one.move_on(now):
            self._changed(one, now)
            self.cluster.tell_accounting("reservation", now, reservation=one.record)
            return
        self._remove(one, now)
        for job in self.cluster.jobs.values():
            if not job.pending or one.name not in _names(job.record.spec.reservation):
                continue
            if "NO_HOLD_JOBS_AFTER_END" in one.flags:
                job.record.spec.reservation = ""
            else:
                job.record.state |= st.RESV_DEL_HOLD
                job.record.priority = 0
                job.record.reason = "ReservationDeleted"
            self.cluster.touch(job)

    def _purge_idle(self, one: Reservation, now: float) -> None:
        """PURGE_COMP: nobody has used it for a while."""
        record = one.record
        if any(job.running or job.pending for job in self.used_by(one)):
            record.idle_since = 0.0
        elif not record.idle_since:
            record.idle_since = now
        elif now - record.idle_since >= (record.purge_seconds or 300):
            record.end_time = now
            self._ended(one, now)

    def _replace(self, now: float) -> None:
        """REPLACE, REPLACE_DOWN: nodes that are down, and with the first those in use, make place for others."""
        for one in self.by_name.values():
            if not one.flags & {"REPLACE", "REPLACE_DOWN"} or one.cores:
                continue
            bad = {name for name in one.nodes if not self._up(name)}
            if "REPLACE" in one.flags and one.active(now):
                bad |= {name for name in one.nodes if self.cluster.nodes[name].jobs}
            if not bad:
                continue
            record = one.record
            others = self._candidates(record.partition, record.features, record.start_time, record.end_time, one)
            spare = [name for name in others if name not in one.nodes and not self.cluster.nodes[name].jobs]
            swapped = dict(zip(sorted(bad), spare, strict=False))
            if swapped:
                record.nodes = hostlist.compress(sorted((one.nodes - swapped.keys()) | set(swapped.values())))
                self._changed(one, now)

    def _up(self, name: str) -> bool:
        node = self.cluster.nodes.get(name)
        if node is None:
            return False
        base = node.record.state & st.NODE_BASE_MASK
        return base != st.NODE_DOWN and not node.record.state & (st.NODE_DRAIN | st.NODE_NO_RESPOND)

    def _show_on_nodes(self, now: float) -> None:
        """Nodes of active reservations are "reserved", or under maintenance."""
        wanted: dict[str, tuple[int, str]] = {}
        for one in self.by_name.values():
            one.record.state = "ACTIVE" if one.active(now) else "INACTIVE"
            if one.active(now):
                flag = st.NODE_MAINT if "MAINT" in one.flags else st.NODE_RES
                for name in one.nodes:
                    wanted[name] = (flag, one.name)
        for name, node in self.cluster.nodes.items():
            flag, shown = wanted.get(name, (0, ""))
            record = node.record
            if record.resv_name == shown and record.state & (st.NODE_RES | st.NODE_MAINT) == flag:
                continue
            record.state = record.state & ~(st.NODE_RES | st.NODE_MAINT) | flag
            record.resv_name = shown
            self.cluster.touch_node(node)

    # ------------------------------------------------------------ changes

    def change(self, request: pb.UpdateReservation, who: Identity, now: float) -> str:
        """Create, update or delete one; its name.  Raises RequestError, with sentences for the user where there are."""
        values = {item.key: item.value for item in request.values}
        operator = self.cluster.is_operator(who)
        if request.op == "create":
            if not operator:
                raise RequestError(Errno.USER_ID_MISSING)
            return self._create(request.name, values, now)
        one = self.by_name.get(request.name)
        if one is None:
            raise RequestError(Errno.RESERVATION_INVALID if operator else Errno.USER_ID_MISSING)
        if request.op == "delete":
            if not operator and not ("USER_DELETE" in one.flags and _listed(one.record.users, (who.user,))):
                raise RequestError(Errno.USER_ID_MISSING)
            if self.used_by(one):
                raise RequestError(Errno.RESERVATION_BUSY)
            self._remove(one, now)
            return one.name
        if not operator:
            raise RequestError(Errno.USER_ID_MISSING)
        self._update(one, values, now)
        return one.name

    def _create(self, name: str, values: Mapping[str, str], now: float) -> str:
        if name in self.by_name:
            raise RequestError(Errno.RESERVATION_NAME_DUP)
        record = pb.ReservationRecord(id=self.last_id + 1)
        self._fill(record, values, now, new=True)
        record.name = name or f"{self._owner(record)}_{record.id}"
        if record.name in self.by_name:
            raise RequestError(Errno.RESERVATION_NAME_DUP)
        one = Reservation(record)
        self._check_people(record)
        self._choose(one, values, now)
        self.last_id = record.id
        self.by_name[record.name] = one
        self._changed(one, now)
        self.cluster.tell_accounting("reservation", now, reservation=record)
        return record.name

    @staticmethod
    def _owner(record: pb.ReservationRecord) -> str:
        """What a reservation without a name is called by: its first account or user."""
        first = record.accounts or record.users or record.groups or record.allowed_partitions or record.qos
        return _names(first)[0].lstrip("-") if first else "resv"

    def _fill(self, record: pb.ReservationRecord, values: Mapping[str, str], now: float, *, new: bool) -> None:
        """Times, people, flags."""
        for key in ("users", "accounts", "groups", "qos", "allowed_partitions", "features", "comment", "burst_buffer"):
            if key in values:
                setattr(record, key, _edited(getattr(record, key), values[key]))
        if "partition" in values:
            if values["partition"] not in self.cluster.partitions:
                raise RequestError(Errno.INVALID_PARTITION_NAME)
            record.partition = values["partition"]
        if "licenses" in values:
            record.licenses = self._licenses(values["licenses"])
        if "max_start_delay" in values:
            record.max_start_delay = int(values["max_start_delay"])
        if "flags" in values:
            self._set_flags(record, values["flags"])
        flags = set(_names(record.flags))
        if "TIME_FLOAT" in flags and flags & _REPEATS.keys():
            raise RequestError(
                Errno.NOT_SUPPORTED,
                details=(
                    (
                        "Reservation request has mutually exclusive flags. "
                        "Repeating floating reservations are not supported."
                    ),
                ),
            )
        started = not new and record.start_time <= now
        length = record.end_time - record.start_time
        if "start" in values:
            if started:
                raise RequestError(Errno.RSV_ALREADY_STARTED)
            record.start_time = float(values["start"])
            if record.start_time < now - 60.0:
                raise RequestError(Errno.INVALID_TIME_VALUE)
            record.end_time = record.start_time + length
        elif new:
            record.start_time = now
        if "TIME_FLOAT" in flags:
            record.float_seconds = max(0.0, record.start_time - now)
        if "end" in values:
            record.end_time = float(values["end"])
        elif "duration" in values:
            seconds = float(values["duration"])
            record.end_time = record.start_time + (seconds if seconds >= 0 else YEAR)
        elif new:
            record.end_time = record.start_time + YEAR
        if record.end_time <= max(now, record.start_time):
            raise RequestError(Errno.INVALID_TIME_VALUE)

    def _set_flags(self, record: pb.ReservationRecord, text: str) -> None:
        before = set(_names(record.flags))
        sign, words = (text[0], text[1:]) if text[:1] in "+-" and text[1:2] == "=" else ("=", text)
        given, gone, purge = parse_flags(words.removeprefix("="))
        if purge is not None:
            record.purge_seconds = int(purge)
        if sign == "-":
            flags = before - given
        elif sign == "+":
            flags = (before | given) - gone
        else:
            flags = (given | (before & _DERIVED)) - gone
        record.flags = ",".join(name for name, _ in FLAGS if name in flags)

    def _licenses(self, text: str) -> str:
        known = self.cluster.parameters.licenses
        found = []
        for part in _names(text.replace(";", ",")):
            name, _, count = part.replace("=", ":").partition(":")
            if name not in known or not (count or "1").isdigit():
                raise RequestError(Errno.INVALID_LICENSES)
            found.append(f"{name}:{count or 1}")
        return ",".join(found)

    def _check_people(self, record: pb.ReservationRecord) -> None:
        """Users, groups and accounts that there are; source for the errors: recordings."""
        import grp
        import pwd

        for text, find in ((record.users, pwd.getpwnam), (record.groups, grp.getgrnam)):
            for name in _names(text):
                try:
                    find(name.lstrip("-"))
                except KeyError:
                    raise RequestError(Errno.ERROR) from None
        accounts = self.cluster.accounts
        if accounts.known and any(name.lstrip("-") not in accounts.accounts for name in _names(record.accounts)):
            raise RequestError(Errno.INVALID_ACCOUNT)
        if not (record.users or record.groups or record.accounts or record.qos or record.allowed_partitions):
            raise RequestError(Errno.RESERVATION_EMPTY)

    def _update(self, one: Reservation, values: Mapping[str, str], now: float) -> None:
        changed = pb.ReservationRecord()
        changed.CopyFrom(one.record)
        if "skip" in values:
            if not one.flags & _REPEATS.keys():
                raise RequestError(Errno.RESERVATION_NO_SKIP)
            end = changed.end_time
            trial = Reservation(changed)
            trial.move_on(end)
            one.record.CopyFrom(changed)
            self._changed(one, now)
            self.cluster.tell_accounting("reservation", now, reservation=one.record)
            return
        if values.keys() & {"core_count"} or (one.cores and values.keys() & {"nodes", "node_count"}):
            raise RequestError(Errno.CORE_RESERVATION_UPDATE)
        self._fill(changed, values, now, new=False)
        trial = Reservation(changed)
        self._check_people(changed)
        for job in self.used_by(one):
            record = job.record
            if not trial.admits(record.user, (record.group,), record.account, record.qos, record.partition):
                text = f"Reservation update rejected because of JobId={job.id}"
                raise RequestError(Errno.RESERVATION_BUSY, details=(text,))
        times = (changed.start_time, changed.end_time) != (one.record.start_time, one.record.end_time)
        if values.keys() & {"nodes", "node_count", "core_count", "features", "partition"}:
            self._choose(trial, values, now, instead_of=one)
        elif times and not changed.cores:
            self._check_overlap(trial, trial.nodes, one)
        one.record.CopyFrom(changed)
        self._changed(one, now)
        self.cluster.tell_accounting("reservation", now, reservation=one.record)

    def _changed(self, one: Reservation, now: float) -> None:
        one.read()
        one.record.state = "ACTIVE" if one.active(now) else "INACTIVE"
        self._count(one)
        self.cluster.changes.reservations.add(one.name)
        self.cluster.wants_scheduling = True

    def _remove(self, one: Reservation, now: float) -> None:
        del self.by_name[one.name]
        self.cluster.changes.reservations.add(one.name)
        one.record.end_time = min(one.record.end_time, now)
        self.cluster.tell_accounting("reservation", now, reservation=one.record)
        self._show_on_nodes(now)
        self.cluster.wants_scheduling = True

    def _count(self, one: Reservation) -> None:
        """How many nodes, cores and resources it has."""
        nodes = [self.cluster.nodes[name] for name in one.nodes if name in self.cluster.nodes]
        cores = {node.name: one.cores[node.name].bit_count() if one.cores else node.total_cores for node in nodes}
        cpus = sum(cores[node.name] * node.cpus_per_core for node in nodes)
        one.record.node_count, one.record.core_count = len(one.nodes), sum(cores.values())
        counts = {"cpu": cpus} | {f"license/{name}": count for name, count in one.licenses.items()}
        one.record.tres = ",".join(f"{name}={count}" for name, count in counts.items() if count)

    # ------------------------------------------------------------ choosing nodes

    def _choose(
        self, one: Reservation, values: Mapping[str, str], now: float, instead_of: Reservation | None = None
    ) -> None:
        """Set the nodes and cores of a reservation as it asks for them."""
        record = one.record
        flags = set(_names(record.flags))
        counts = [int(count) for count in _names(values.get("core_count", ""))]
        named = values.get("nodes")
        if named is not None and named[:1] in "+-":
            named = ",".join(
                sorted(one.nodes | set(hostlist.expand(named[2:])))
                if named[0] == "+"
                else sorted(one.nodes - set(hostlist.expand(named[2:])))
            )
        if "PART_NODES" in flags and record.partition:
            nodes = list(self.cluster.partitions[record.partition].node_names)
        elif named is not None:
            if named.upper() == "ALL":
                nodes = list(self.cluster.nodes)
                flags.add("ALL_NODES")
            else:
                try:
                    nodes = hostlist.expand(named)
                except hostlist.HostlistError:
                    raise RequestError(Errno.INVALID_NODE_NAME) from None
            flags.add("SPEC_NODES")
            if not nodes or any(name not in self.cluster.nodes for name in nodes):
                raise RequestError(Errno.INVALID_NODE_NAME)
            if counts:
                record.partition = record.partition or self._default_partition()
        elif "node_count" in values or counts:
            record.partition = record.partition or self._default_partition()
            nodes = self._pick(one, values, counts, instead_of)
        elif "ANY_NODES" in flags:
            nodes = []
        elif record.partition or record.features:
            record.partition = record.partition or self._default_partition()
            nodes = self._candidates(record.partition, record.features, record.start_time, record.end_time, instead_of)
        else:
            raise RequestError(Errno.INVALID_NODE_NAME)
        if named is not None or "PART_NODES" in flags:
            self._check_overlap(one, frozenset(nodes), instead_of)
            new = [name for name in nodes if instead_of is None or name not in instead_of.nodes]
            if "IGNORE_JOBS" not in flags and self._busy(new, record.start_time, instead_of or one):
                raise RequestError(Errno.NODES_BUSY)
        place = {name: position for position, name in enumerate(self.cluster.nodes)}
        record.nodes = hostlist.compress(sorted(nodes, key=place.__getitem__)) if nodes else ""
        del record.cores[:]
        if counts:
            self._take_cores(record, nodes, counts)
        record.flags = ",".join(name for name, _ in FLAGS if name in flags)
        one.read()
        self._count(one)

    def _default_partition(self) -> str:
        found = next((part.name for part in self.cluster.partitions.values() if part.is_default), "")
        if not found:
            raise RequestError(Errno.DEFAULT_PARTITION_NOT_SET)
        return found

    def _candidates(
        self, partition: str, features: str, start: float, end: float, besides: Reservation | None, over: bool = False
    ) -> list[str]:
        """Nodes of a partition that no other reservation has wholly at that time (or any: `over`), those used first at
        the front."""
        table = self.cluster.table
        mask = self.cluster.partition_mask(partition).copy()
        if features:
            mask &= table.with_features(features)
        for other in self.by_name.values():
            if not over and other is not besides and not other.cores and other.meets(start, end):
                mask &= ~table.mask_of(tuple(other.nodes))
        return [table.nodes[int(i)].name for i in table.order if mask[i] and self._up(table.nodes[int(i)].name)]

    def _pick(
        self, one: Reservation, values: Mapping[str, str], counts: list[int], instead_of: Reservation | None
    ) -> list[str]:
        record = one.record
        over = not set(_names(record.flags)).isdisjoint(("MAINT", "OVERLAP"))
        times = record.start_time, record.end_time
        found = self._candidates(record.partition, record.features, *times, instead_of, over)
        kept = [name for name in found if instead_of is not None and name in instead_of.nodes]
        found = kept + [name for name in found if name not in kept]
        if "IGNORE_JOBS" not in record.flags:
            found = [name for name in found if not self._busy([name], record.start_time, instead_of or one)]
        wanted = sum(int(count) for count in _names(values.get("node_count", "")))
        if not wanted:  # as many as the cores need
            left = sum(counts)
            for name in found:
                if left <= 0:
                    break
                wanted += 1
                left -= self.cluster.nodes[name].total_cores
            if left > 0:
                raise RequestError(Errno.NODES_BUSY)
        if len(found) < wanted:
            raise RequestError(Errno.NODES_BUSY)
        return found[:wanted]

    def _busy(self, nodes: Iterable[str], start: float, mine: Reservation) -> bool:
        """Would a job of others still run there at `start`?"""
        for name in nodes:
            for job_id in self.cluster.nodes[name].jobs:
                job = self.cluster.jobs.get(job_id)
                if job is None or mine.name in _names(job.record.spec.reservation):
                    continue
                if not job.record.end_time or job.record.end_time > start:
                    return True
        return False

    def _check_overlap(self, one: Reservation, nodes: frozenset[str], besides: Reservation | None) -> None:
        record = one.record
        if one.flags & {"MAINT", "OVERLAP"} or set(_names(record.flags)) & {"MAINT", "OVERLAP"}:
            return
        for other in self.by_name.values():
            if other in (one, besides) or other.cores or other.flags & {"MAINT", "OVERLAP"}:
                continue
            if nodes & other.nodes and any(
                other.meets(start, end) for start, end in one.times(record.start_time + 8 * DAY)
            ):
                raise RequestError(Errno.RESERVATION_OVERLAP)

    def _take_cores(self, record: pb.ReservationRecord, nodes: list[str], counts: list[int]) -> None:
        """Cores of each node, dealt over its sockets: a count for every node, or one for all together."""
        left = sum(counts)
        each = counts if len(counts) == len(nodes) > 1 else None
        for position, name in enumerate(nodes):
            node: Node = self.cluster.nodes[name]
            taken = min(node.total_cores, each[position] if each else -(-left // (len(nodes) - position)))
            left -= taken
            mask = node.pick_cores(taken, free=(1 << node.total_cores) - 1)
            record.cores.add(node=name, mask=f"{mask:x}", core_ids=_ranges(mask))
        if left > 0:
            raise RequestError(Errno.NODES_BUSY)


def _ranges(mask: int) -> str:
    from crane_compat.core.node import index_ranges

    return index_ranges([core for core in range(mask.bit_length()) if mask >> core & 1])


def _edited(before: str, text: str) -> str:
    """A list after ``+=a,b``, ``-=a`` or a new one."""
    if text[:2] not in ("+=", "-="):
        return text
    words, change = _names(before), _names(text[2:])
    if text[0] == "+":
        return ",".join([*words, *(word for word in change if word not in words)])
    return ",".join(word for word in words if word not in change)
