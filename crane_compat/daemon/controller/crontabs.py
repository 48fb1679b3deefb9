"""scrontab's requests: looking at a user's table, and taking a new one."""

from __future__ import annotations

import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from crane_compat.core.admission import Identity
from crane_compat.core.errors import TEXT, Errno, RequestError
from crane_compat.core.job import Job
from crane_compat.daemon.rpc.server import Conversation
from crane_compat.wire import pb

if TYPE_CHECKING:
    from crane_compat.daemon.controller.controller import Controller

#: A table may be as large as a script (bytes).
MAX_TEXT = 4 << 20


class CrontabRequests:
    """The controller's handlers; the tables themselves are the core's."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller

    def _check_enabled(self) -> None:
        if not self.controller.cluster.parameters.scrontab:
            raise RequestError(Errno.DISABLED)

    def get(self, connection: Conversation, request: pb.Request) -> None:
        self._check_enabled()
        who = self.controller.identities.of(connection.peer.uid, connection.peer.gid)
        table = self.controller.cluster.crontabs.get(request.get_crontab.uid, who)
        connection.send(pb.Response(crontab=pb.CrontabReply(crontab=table)))

    def update(self, connection: Conversation, request: pb.Request) -> Coroutine[Any, Any, None]:
        """Put a table and its jobs in the place of the old ones, or nothing of it where one of the jobs is refused."""
        self._check_enabled()
        body = request.update_crontab
        who = self.controller.identities.of(connection.peer.uid, connection.peer.gid)
        self.controller.cluster.crontabs.check(body.uid, who)
        if len(body.text) > MAX_TEXT:
            raise RequestError(Errno.PATHNAME_TOO_LONG)
        owner = who if who.uid == body.uid else self.controller.other(body.uid)
        return self._update(connection, body, owner)

    async def _update(self, connection: Conversation, body: pb.UpdateCrontab, owner: Identity) -> None:
        controller, cluster = self.controller, self.controller.cluster
        reply, said = pb.CrontabReply(), []
        spec = pb.JobSpec()
        jobs: list[Job] = []
        try:
            for spec in body.jobs:
                spec.ClearField("admin_comment")
                if controller.filters.active:
                    said += await controller.filters.submit(spec, owner)
            controller.check_store()
            now = time.time()
            for spec in body.jobs:
                jobs.append(cluster.crontabs.submit(spec, owner, now))
        except RequestError as exc:
            for job in jobs:
                cluster.withdraw(job.id)
            reply.rc, reply.error = int(exc.errno), TEXT.get(exc.errno, exc.text)
            reply.message = "\n".join(exc.details) or (exc.text if exc.text != reply.error else "")
            reply.failed.first, reply.failed.last = spec.cron.line_start, spec.cron.line_end
            connection.send(pb.Response(messages=said, crontab=reply))
            return
        controller.statistics.admitted(jobs)
        cluster.crontabs.replace(body.uid, None if body.remove else body.text, jobs, now)
        reply.job_ids.extend(job.id for job in jobs)
        controller.after_commit(lambda: connection.send(pb.Response(messages=said, crontab=reply)))
