"""``scontrol create|update|delete reservation``: what is typed as a request; source: scontrol(1) and the recordings."""

from __future__ import annotations

import sys
import time

from crane_compat.commands.slurm.scontrol_session import Session
from crane_compat.core.errors import Errno, RequestError
from crane_compat.core.reservations import FlagError, parse_flags
from crane_compat.parsers.begin_time import TimeSpecError, parse_time
from crane_compat.parsers.time_limit import INFINITE, parse_minutes
from crane_compat.wire import pb

#: (key, its shortest form, what it is called in the request)
_KEYS: tuple[tuple[str, int, str], ...] = (
    ("accounts", 1, "accounts"),
    ("allowedpartitions", 2, "allowed_partitions"),
    ("burstbuffer", 2, "burst_buffer"),
    ("comment", 3, "comment"),
    ("corecnt", 5, "core_count"),
    ("corecount", 5, "core_count"),
    ("duration", 1, "duration"),
    ("endtime", 1, "end"),
    ("features", 2, "features"),
    ("flags", 2, "flags"),
    ("groups", 1, "groups"),
    ("licenses", 1, "licenses"),
    ("maxstartdelay", 2, "max_start_delay"),
    ("nodecnt", 5, "node_count"),
    ("nodecount", 5, "node_count"),
    ("nodes", 5, "nodes"),
    ("partitionname", 1, "partition"),
    ("qos", 1, "qos"),
    ("reservationname", 1, "name"),
    ("skip", 2, "skip"),
    ("starttime", 1, "start"),
    ("tres", 1, "tres"),
    ("users", 1, "users"),
)
_EDITABLE = frozenset({"users", "accounts", "groups", "qos", "allowed_partitions", "nodes", "flags"})
_SINGLE_PARTITION = (
    "Note, unless nodes are directly requested a reservation must exist in a single partition.\n"
    "If no partition is requested the default partition is assumed."
)


class _Bad(Exception):
    """What is typed cannot be; the lines for standard error."""

    def __init__(self, *lines: str) -> None:
        self.lines = lines
        super().__init__(*lines)


def _read(words: list[str], ending: str) -> tuple[str, dict[str, str]]:
    """The name and the values; `ending` is what becomes of a request that is wrong.  Raises _Bad."""
    name, values = "", {}
    for word in words:
        key, equals, value = word.partition("=")
        sign = key[-1:] if key[-1:] in "+-" and equals else ""
        key = key.removesuffix(sign).lower() if sign else key.lower()
        found = next((n for full, least, n in _KEYS if len(key) >= least and full.startswith(key)), None)
        if found == "skip" or (found == "flags" and not equals):
            values["skip"] = "1"
            continue
        if found is None or not equals or (sign and found not in _EDITABLE):
            raise _Bad(f"scontrol: error: Unknown parameter {word}.  {ending}")
        if found == "name":
            name = value
        elif found == "tres":
            _read_tres(value, values, ending)
        else:
            values[found] = _value(found, word, f"{sign}={value}" if sign else value, ending)
    return name, values


def _value(name: str, word: str, value: str, ending: str) -> str:
    """A value as the request has it.  Raises _Bad."""
    match name:
        case "start" | "end":
            label = "start" if name == "start" else "end"
            try:
                return repr(parse_time(value, time.time()))
            except TimeSpecError as exc:
                raise _Bad(str(exc), f"scontrol: error: Invalid {label} time {word}.  {ending}") from None
        case "duration":
            try:
                minutes = parse_minutes(value)
            except ValueError:
                raise _Bad(f"scontrol: error: Invalid duration {value}.  {ending}") from None
            return "-1" if minutes == INFINITE else str(minutes * 60)
        case "flags":
            try:
                parse_flags(value.removeprefix("+=").removeprefix("-="))
            except FlagError:
                raise _Bad(f"scontrol: error: Error parsing flags {value}.  {ending}") from None
        case "node_count" | "core_count":
            if not all(part.isdigit() for part in value.split(",")):
                raise _Bad(f"scontrol: error: Invalid node count {value}.  {ending}")
        case "max_start_delay":
            if not value.isdigit():
                raise _Bad(f"scontrol: error: Invalid MaxStartDelay {value}.  {ending}")
    return value


def _read_tres(text: str, values: dict[str, str], ending: str) -> None:
    """``tres=node=1,cpu=4,license/matlab=2``."""
    licenses = []
    for part in text.split(","):
        name, _, count = part.partition("=")
        kind, _, which = name.lower().partition("/")
        if not count.isdigit() or kind not in ("node", "cpu", "license"):
            raise _Bad(f"scontrol: error: Unable to parse TRES {text}.  {ending}")
        if kind == "license":
            licenses.append(f"{which}:{count}")
        else:
            values["node_count" if kind == "node" else "core_count"] = count
    if licenses:
        values["licenses"] = ",".join(licenses)


def create(session: Session, words: list[str]) -> None:
    """``create reservation[=NAME] KEY=VALUE…``."""
    ending = "No reservation created."
    try:
        name, values = _read(words, ending)
        if "start" not in values and "flags" not in values:
            raise _Bad(f"scontrol: error: A start time must be given.  {ending}")
        if not values.keys() & {"end", "duration"}:
            raise _Bad(f"scontrol: error: An end time or duration must be given.  {ending}")
        if not values.keys() & {"users", "accounts", "groups", "allowed_partitions", "qos"}:
            raise _Bad(
                "scontrol: error: Either Users/Groups, AllowedPartitions, QOS and/or Accounts must be specified.  "
                + ending
            )
    except _Bad as exc:
        session.fail(*exc.lines)
        return
    request = pb.UpdateReservation(name=name, op="create", values=_pairs(values))
    try:
        reply = session.controller.ask(pb.Request(update_reservation=request)).results
    except RequestError as exc:
        if exc.errno == Errno.NODES_BUSY and "nodes" not in values and not session.quiet:
            print(_SINGLE_PARTITION)
        session.fail(*_details(exc), f"Error creating the reservation: {exc.text}")
        return
    print(f"Reservation created: {reply.results[0].id}")


def update(session: Session, name: str, words: list[str]) -> None:
    """``update reservation=NAME KEY=VALUE…``."""
    ending = "No reservation update."
    try:
        _, values = _read(words, ending)
        if not values:
            raise _Bad("No reservation changes specified.")
    except _Bad as exc:
        session.fail(*exc.lines)
        return
    request = pb.UpdateReservation(name=name, op="update", values=_pairs(values))
    try:
        session.controller.ask(pb.Request(update_reservation=request))
    except RequestError as exc:
        session.fail(*_details(exc), f"slurm_update error: {exc.text}")
        return
    sys.stdout.write("Reservation updated.\n")


def delete(session: Session, name: str, shown: str) -> None:
    """``delete reservation=NAME``; `shown`: as it was typed."""
    request = pb.UpdateReservation(name=name, op="delete")
    try:
        session.controller.ask(pb.Request(update_reservation=request))
    except RequestError as exc:
        session.fail(f"delete_reservation {shown}: {exc.text}")


def _pairs(values: dict[str, str]) -> list[pb.KeyValue]:
    return [pb.KeyValue(key=key, value=value) for key, value in values.items()]


def _details(error: RequestError) -> list[str]:
    return [f"scontrol: error: {line}" for line in error.details]
