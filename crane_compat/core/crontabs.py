"""scrontab's tables: a text for each user, and a job for each of its entries that begins anew after every run.

Source: scrontab(1).  A new table takes the place of the old one as a whole: waiting jobs of the old one are cancelled,
running ones end and do not begin again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from crane_compat.core import states as st
from crane_compat.core.errors import Errno, RequestError
from crane_compat.parsers.crontab import Schedule, SpecError
from crane_compat.wire import pb

if TYPE_CHECKING:
    from crane_compat.core.admission import Identity
    from crane_compat.core.cluster import Cluster
    from crane_compat.core.job import Job

#: Wait status of a job that was cancelled because its table was changed, as Slurm leaves it.
REPLACED = 1


def next_start(entry: pb.CronEntry, now: float) -> float:
    """When a job of this entry may begin next."""
    return Schedule.parse(entry.spec).after(now)


class Crontabs:
    """The tables of all users."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.by_uid: dict[int, pb.Crontab] = {}

    def restore(self, records: Iterable[pb.Crontab]) -> None:
        self.by_uid = {record.uid: record for record in records}

    def get(self, uid: int, who: Identity) -> pb.Crontab:
        """A user's table, for the user and for operators.  Raises RequestError."""
        if who.uid != uid and not self.cluster.is_operator(who):
            raise RequestError(Errno.USER_ID_MISSING)
        if uid not in self.by_uid:
            raise RequestError(Errno.JOB_SCRIPT_MISSING)
        return self.by_uid[uid]

    def check(self, uid: int, who: Identity) -> None:
        """May `who` change the table of a user?  Raises RequestError."""
        if who.uid not in (uid, 0, self.cluster.slurm_uid):
            raise RequestError(Errno.USER_ID_MISSING)

    def submit(self, spec: pb.JobSpec, owner: Identity, now: float) -> Job:
        """Make the job of an entry, which may begin at the entry's next time.  Raises RequestError."""
        if not spec.batch or not spec.script:
            raise RequestError(Errno.JOB_SCRIPT_MISSING)
        if spec.array or spec.interactive:
            raise RequestError(Errno.NOT_SUPPORTED)
        try:
            schedule = Schedule.parse(spec.cron.spec)
        except SpecError as exc:
            raise RequestError(Errno.ERROR, str(exc) or "no time to begin at") from exc
        spec.cron.spec, spec.cron.over = schedule.text, False
        spec.begin_time = schedule.after(now)
        return self.cluster.submit([spec], owner, now)

    def replace(self, uid: int, text: bytes | None, jobs: Iterable[Job], now: float) -> None:
        """Take a new table with its jobs, or none; the jobs of the old one come to their end."""
        new = {job.id for job in jobs}
        for job in list(self.cluster.jobs.values()):
            if job.record.uid == uid and st.recurs(job.record) and job.id not in new:
                self._retire(job)
                if job.pending:
                    job.record.exit_code = REPLACED
                    self.cluster.end_job(job, st.CANCELLED, now)
        if text is None:
            self.by_uid.pop(uid, None)
        else:
            self.by_uid[uid] = pb.Crontab(uid=uid, text=text)
        self.cluster.changes.crontabs.add(uid)

    def disable(self, job: Job) -> None:
        """Its job is cancelled: the entry counts no more, and shows so when the table is looked at."""
        table = self.by_uid.get(job.record.uid)
        if table is not None:
            table.disabled.add(first=job.record.spec.cron.line_start, last=job.record.spec.cron.line_end)
            self.cluster.changes.crontabs.add(table.uid)
        self._retire(job)

    def _retire(self, job: Job) -> None:
        job.record.spec.cron.over = True
        self.cluster.mark(job)
