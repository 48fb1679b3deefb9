"""JobSubmitPlugins: who looks at a request before it is admitted.

Slurm's own plugins are functions; a site's job_submit.lua runs in a process of its own.
One call at a time, in the order of the requests.  A script that fails, ends its process or takes too long refuses the
one request that it was asked about; the next finds a new process.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import struct
import sys
from collections.abc import Iterable

from google.protobuf.message import DecodeError

from crane_compat.config.crane_toml import crane_toml
from crane_compat.core.admission import Identity
from crane_compat.core.cluster import Cluster
from crane_compat.core.errors import TEXT, Errno, RequestError
from crane_compat.filters.native import NATIVE
from crane_compat.parsers.slurm_conf import SlurmConf
from crane_compat.wire import MAX_FRAME, frame, pb

log = logging.getLogger("job_submit")

_LENGTH = struct.Struct(">I")
_LEVELS = {"error": logging.ERROR, "info": logging.INFO, "verbose": logging.INFO}


class _Gone(Exception):
    """The process has ended, or answers nothing that can be read."""


class FilterLink:
    """The plugins of one cluster, in the order of the configuration; `active` is False where there are none."""

    def __init__(self, conf: SlurmConf, cluster: Cluster) -> None:
        self.conf, self.cluster = conf, cluster
        words = str(conf.get("JobSubmitPlugins") or "").split(",")
        names = [word.strip().removeprefix("job_submit/") for word in words]
        self.plugins = [name for name in names if name == "lua" or name in NATIVE]
        for name in set(names) - {*self.plugins, ""}:
            log.warning("JobSubmitPlugins=%s has no counterpart here and is left out", name)
        self.path = os.path.join(conf.directory, "job_submit.lua")
        #: seconds a script may take for one request
        self.patience = float(crane_toml(conf.directory).get("filters", {}).get("timeout", 30))
        self._lock = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._told: pb.FilterSite | None = None

    @property
    def active(self) -> bool:
        return bool(self.plugins)

    # ------------------------------------------------------------ questions

    async def submit(self, spec: pb.JobSpec, who: Identity) -> list[str]:
        """Let the plugins change the request; what they say to the user.

        Raises RequestError, with a script's words as details, where one refuses.
        """
        said: list[str] = []
        for name in self.plugins:
            if name == "lua":
                reply = await self._ask(pb.FilterCall(kind="submit", spec=spec), who)
                spec.CopyFrom(reply.spec)
                said += reply.messages
            else:
                NATIVE[name](spec, self.cluster.partitions.values())
        return said

    async def modify(
        self, values: Iterable[pb.KeyValue], record: pb.JobRecord, who: Identity
    ) -> tuple[list[pb.KeyValue], list[str]]:
        """The same for changes of a job, which only a script looks at."""
        if "lua" not in self.plugins:
            return list(values), []
        reply = await self._ask(pb.FilterCall(kind="modify", values=values, record=record), who)
        return list(reply.values), list(reply.messages)

    async def _ask(self, call: pb.FilterCall, who: Identity) -> pb.FilterReply:
        call.uid, call.gid, call.user_name = who.uid, who.gid, who.user
        call.default_account = self.cluster.accounts.default_account(who.user)
        association = self.cluster.accounts.find(who.user, call.default_account, "")
        call.default_qos = association.default_qos if association else ""
        async with self._lock:
            try:
                reply = await asyncio.wait_for(self._exchange(call), self.patience)
            except TimeoutError:
                log.error("%s took over %g s for a request of %s and was ended", self.path, self.patience, who.user)
                self.close()
                raise RequestError(Errno.ERROR) from None
            except (_Gone, OSError) as exc:
                log.error("the process that runs %s: %s", self.path, exc)
                self.close()
                raise RequestError(Errno.ERROR) from None
        for item in reply.logs:
            log.log(_LEVELS.get(item.key, logging.DEBUG), "%s", item.value)
        if reply.rc:
            raise _refusal(reply)
        return reply

    # ------------------------------------------------------------ the process

    async def _exchange(self, call: pb.FilterCall) -> pb.FilterReply:
        if self._process is None or self._process.returncode is not None:
            await self.start()
        assert self._reader and self._writer
        site = self._site()
        if site != self._told:
            call.site.CopyFrom(site)
        self._writer.write(frame(call))
        try:
            (size,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
            if size > MAX_FRAME:
                raise _Gone(f"an answer of {size} bytes")
            reply = pb.FilterReply.FromString(await self._reader.readexactly(size))
        except (asyncio.IncompleteReadError, ConnectionError, DecodeError) as exc:
            raise _Gone(str(exc) or "it has ended") from None
        self._told = site
        return reply

    def _site(self) -> pb.FilterSite:
        return pb.FilterSite(
            partitions=self.cluster.partitions.values(),
            qos_priority={name: qos.priority for name, qos in self.cluster.accounts.qos.items()},
        )

    async def start(self) -> None:
        """Start the process; it loads the script with the first call."""
        self.close()
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "crane_compat.filters.host", self.path, self.conf.path, str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL, pass_fds=(theirs.fileno(),), start_new_session=True,
            )  # fmt: skip
        self._reader, self._writer = await asyncio.open_connection(sock=ours)
        self._told = None

    def close(self) -> None:
        """End the process and what it has started."""
        if self._writer is not None:
            self._writer.close()
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, 9)
        self._process = self._reader = self._writer = None


def _refusal(reply: pb.FilterReply) -> RequestError:
    details = tuple(reply.messages)
    if reply.rc > 0:
        try:
            return RequestError(Errno(reply.rc), details=details)
        except ValueError:
            return RequestError(Errno.ERROR, os.strerror(reply.rc), details)
    return RequestError(Errno.ERROR, TEXT[Errno.ERROR], details)
