"""The process that runs a site's job_submit.lua, beside the controller and under its identity.

A script may run programs, wait for them, or never end: here it holds up nobody but those who submit.  It answers one
call after another on the socket whose number it is given; frames are those of the other protocols.

    python -m crane_compat.filters.host SCRIPT SLURM_CONF FD
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import sys
from typing import Any

from crane_compat.filters import records, updates
from crane_compat.filters.constants import ERROR, SUCCESS
from crane_compat.filters.job_desc import FIELDS, Facts, Unsettable, Value, arguments, set_field, to_text
from crane_compat.filters.runtime import Runtime, ScriptError
from crane_compat.wire import frame, pb

_LENGTH = struct.Struct(">I")

#: job_submit.lua must define both (slurm.schedmd.com/job_submit_plugins)
NEEDED = ("slurm_job_submit", "slurm_job_modify")


class JobSubmit:
    """job_submit.lua and what it knows of the site."""

    def __init__(self, path: str, conf: str = "") -> None:
        self.conf = conf
        self.reply = pb.FilterReply()
        self.qos: dict[str, int] = {}
        self.partitions: dict[str, Any] = {}
        self._table: Any = None
        self.runtime = Runtime(
            path, NEEDED, self._log, self._say, {"get_qos_priority": lambda name: self.qos.get(to_text(name))},
            {"jobs": self._job, "reservations": lambda _name: None},
        )  # fmt: skip

    def answer(self, call: pb.FilterCall) -> pb.FilterReply:
        """Run the script on one request."""
        self.reply = pb.FilterReply()
        if call.HasField("site"):
            self.qos = dict(call.site.qos_priority)
            self.partitions = {one.name: records.partition(one) for one in call.site.partitions}
            self._table = None
        try:
            if self.runtime.refresh():
                self._table = None
            if self._table is None:
                self._table = self.runtime.table(self.partitions)
            self.reply.rc = self._modify(call) if call.kind == "modify" else self._submit(call)
        except ScriptError as exc:
            self._log("error", str(exc))
            self.reply.rc = ERROR
        return self.reply

    def _submit(self, call: pb.FilterCall) -> int:
        spec = pb.JobSpec()
        spec.CopyFrom(call.spec)
        description = self._description(spec, call, {})
        rc = self.runtime.call("slurm_job_submit", description, self._table, call.uid)
        if rc == SUCCESS:
            self.reply.spec.CopyFrom(spec)
        return rc

    def _modify(self, call: pb.FilterCall) -> int:
        spec = updates.spec_of(call.values)
        changed: dict[str, Value] = {}
        description = self._description(spec, call, changed)
        rc = self.runtime.call(
            "slurm_job_modify", description, self.runtime.table(records.job(call.record)), self._table, call.uid
        )
        if rc == SUCCESS:
            self.reply.values.extend(updates.merged(call.values, changed))
        return rc

    def _description(self, spec: pb.JobSpec, call: pb.FilterCall, changed: dict[str, Value]) -> Any:
        facts = Facts(call.uid, call.gid, call.user_name, call.default_account, call.default_qos)
        tables = {
            "environment": lambda: self._environment(spec),
            "argv": lambda: self.runtime.numbered(arguments(spec)),
            "spank_job_env": lambda: self.runtime.numbered([text.encode() for text in spec.spank_env]),
        }

        def get(name: str) -> Any:
            if make := tables.get(name):
                return make()
            field = FIELDS.get(name)
            if field is None:
                self._log("error", f"job_desc has no field {name}")
                return None
            return field.get(spec, facts)

        def put(name: str, value: Any) -> None:
            try:
                set_field(spec, name, value)
                changed[name] = value
            except Unsettable as exc:
                self._log("error", f"job_desc.{name} cannot be set: {exc}")

        return self.runtime.record(get, put)

    def _environment(self, spec: pb.JobSpec) -> Any:
        def get(name: str) -> Any:
            wanted = name.encode() + b"="
            return next((item[len(wanted) :] for item in spec.env if item.startswith(wanted)), None)

        def put(name: str, value: Any) -> None:
            start = name.encode() + b"="
            kept = [item for item in spec.env if not item.startswith(start)]
            if value is not None:
                kept.append(start + (value if isinstance(value, bytes) else to_text(value).encode()))
            spec.env[:] = kept

        def keys() -> list[str]:
            return [item.partition(b"=")[0].decode("utf-8", "replace") for item in spec.env]

        return self.runtime.record(get, put, keys)

    def _job(self, name: Any) -> Any:
        """slurm.jobs[id]: asked of the controller, which does not wait for us."""
        from crane_compat.daemon.rpc.client import Client, Unreachable

        number = to_text(name)
        if not number.isdigit() or not self.conf:
            return None
        with contextlib.suppress(Unreachable), Client.controller(self.conf, "job_submit") as client:
            reply = client.call(pb.Request(list_jobs=pb.ListJobs(job_ids=[int(number)])), check=False)
            # of an array all tasks come: it goes by the one that carries its number
            jobs = sorted(reply.jobs.jobs, key=lambda job: job.job_id != int(number))
            if jobs:
                return records.job(jobs[0])
        return None

    def _log(self, level: str, text: str) -> None:
        self.reply.logs.add(key=level, value=text)

    def _say(self, text: str) -> None:
        self.reply.messages.extend(line for line in text.split("\n") if line)


def serve(filters: JobSubmit, sock: socket.socket) -> None:
    """Answer until the controller is gone."""
    with sock.makefile("rb") as stream:
        while len(head := stream.read(_LENGTH.size)) == _LENGTH.size:
            body = stream.read(_LENGTH.unpack(head)[0])
            sock.sendall(frame(filters.answer(pb.FilterCall.FromString(body))))


def main(path: str, conf: str, number: str) -> None:
    """Serve on an inherited socket."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)  # what a script prints goes where its complaints go
    serve(JobSubmit(path, conf), socket.socket(fileno=int(number)))


if __name__ == "__main__":
    main(*sys.argv[1:])
