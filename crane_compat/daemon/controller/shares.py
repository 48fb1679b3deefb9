"""The controller's fair share: charges jobs as they change, calculates in time, keeps usage in the store, tells sshare.

The arithmetic is in `scheduling.usage` and `scheduling.fairshare`.  What is kept is durable together with the end of
the jobs that caused it, so that after a crash no second is charged twice or never.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from crane_compat.daemon.controller.store import Batch, Store
from crane_compat.daemon.rpc.server import Connection
from crane_compat.scheduling.fairshare import FairShare, Member, Method, Policy
from crane_compat.scheduling.priority import is_given, job_priority
from crane_compat.scheduling.usage import Decay, Meter, Usage, amounts
from crane_compat.wire import pb

if TYPE_CHECKING:
    from crane_compat.daemon.controller.controller import Controller

log = logging.getLogger("fairshare")

#: Priorities of so many jobs are renewed in one go: requests wait some ten milliseconds for it at most.
RENEWED_AT_ONCE = 500


class Shares:
    """Fair share of the controller's cluster; without accounting there is none."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self.fair = FairShare(Policy.of(controller.conf), time.time())
        self.meter = Meter(self.fair.ledger)
        self.history_taken = False  # of the accounting database; once in the life of a store
        self._renewed = 0.0  # when the priorities of jobs that wait were
        self._kept: dict[str, str] = {}  # what the store has beside the usage itself

    @property
    def active(self) -> bool:
        return self.controller.cluster.parameters.with_accounting

    # ------------------------------------------------------------ restart

    def restore(self, store: Store) -> None:
        """Take what the store kept, and all jobs that run; to be called once these are there."""
        if not self.active:
            return
        meta, fair, now = store.meta(), self.fair, time.time()
        before = Decay(float(meta.get("usage_half_life", 0)))
        names, ids = json.loads(meta.get("usage_tres", "{}")), self.controller.cluster.tres.ids
        fair.ledger.restore(store.usage(), before, {old: ids[name] for name, old in names.items() if name in ids})
        if before != fair.policy.decay or names != ids:  # the rows in the store would be misread from now on
            fair.ledger.change_decay(fair.policy.decay, now)
        self.history_taken = meta.get("usage_history") == "taken"
        fair.last_reset = float(meta.get("usage_reset", now))
        if fair.policy.reset == "NOW":
            fair.reset(now)
        self.meter.factors = json.loads(meta.get("usage_factors", "{}"))
        self.meter.charged = float(meta.get("usage_charged", 0))
        for job in self.controller.cluster.jobs.values():
            self.meter.observe(job, now)

    def reconfigured(self) -> None:
        """slurm.conf has been read again; weights may be others."""
        now = time.time()
        self.fair.configure(Policy.of(self.controller.conf), now)
        self._publish()
        self._renew_all(now)

    def dampen(self, factor: float) -> None:
        """FairShareDampeningFactor, until slurm.conf is read again."""
        now = time.time()
        self.fair.configure(replace(self.fair.policy, dampening=factor), now)
        self._publish()
        self._renew_all(now)

    # ------------------------------------------------------------ the accounting daemon's part

    def tree_changed(self) -> None:
        """The association tree and the QOS have been read (anew)."""
        qos = self.controller.cluster.accounts.qos.values()
        self.meter.qos_ids = {one.name: one.id for one in qos}
        factors = {one.name: one.limits.get("UsageFactor") for one in qos}
        self.meter.weigh({name: float(factor) for name, factor in factors.items() if factor is not None}, time.time())
        self.fair.take_tree(self.controller.cluster.accounts.by_id.values())
        self._publish()

    def history_call(self) -> dict[str, float] | None:
        """What to ask accounting for, where its usage has not been taken over yet."""
        if self.history_taken:
            return None
        fair = self.fair
        return {"half_life": fair.policy.decay.half_life, "since": fair.reset_since(), "now": fair.ledger.at}

    def take_history(self, rows: dict[str, dict[str, float]]) -> None:
        """The usage that the accounting database knows: seconds by association and resource."""
        ids = self.controller.cluster.tres.ids
        for number, seconds in rows.items():
            tres = {ids[name]: value for name, value in seconds.items() if name in ids}
            usage = Usage(seconds.get("billing", 0.0), 0.0, tres)
            self.fair.ledger.add(int(number), usage)
        self.history_taken = True
        if rows:
            log.info("usage of %d associations taken from the accounting database", len(rows))
        self._calculate(time.time())

    # ------------------------------------------------------------ time and jobs

    def tick(self, now: float) -> None:
        """Calculate, if PriorityCalcPeriod is over; age counts without accounting, too."""
        if self.active and self.controller.cluster.accounts.known and self.fair.due(now):
            self._calculate(now)
        elif not 0.0 <= now - self._renewed < self.fair.policy.calc_period:
            self._renew_all(now)

    def _calculate(self, now: float) -> None:
        cluster = self.controller.cluster
        self.meter.keep(cluster.jobs)
        self.meter.charge_all(now)
        self.fair.calculate(now)
        self._publish()
        self._renew_all(now)

    def _renew_all(self, now: float) -> None:
        cluster = self.controller.cluster
        self._renewed = cluster.priorities_at = now
        if cluster.parameters.priority.multifactor and cluster.pending:
            self._renew(list(cluster.pending), now)

    def _renew(self, waiting: list[int], now: float) -> None:
        """Priorities of jobs that wait: age and fair share have changed.  They are in no need of being kept."""
        cluster = self.controller.cluster
        increase_only = self.fair.policy.increase_only
        for job_id in waiting[:RENEWED_AT_ONCE]:
            job = cluster.jobs.get(job_id)
            if job is None or not job.pending or not job.record.priority or is_given(job.record):
                continue
            before, after = job.record.priority, job_priority(cluster, job, now)
            if after > before or (after < before and not increase_only):
                job.record.priority, job.wire = after, b""
                cluster.wants_scheduling = True
        if rest := waiting[RENEWED_AT_ONCE:]:
            asyncio.get_running_loop().call_soon(self._renew, rest, now)
        else:
            self.controller.kick()

    def _publish(self) -> None:
        self.controller.cluster.accounts.fair_share = self.fair.factors()

    def write(self, changed: Iterable[int], batch: Batch) -> None:
        """Charge the jobs that have changed, and have written what there is to write with them."""
        if not self.active:
            return
        cluster, fair, now = self.controller.cluster, self.fair, time.time()
        for job_id in changed:
            job = cluster.jobs.get(job_id)
            if job is not None:
                self.meter.observe(job, now)
        batch.usage = [(row.assoc_id, row.SerializeToString()) for row in fair.ledger.rows()]
        state = {
            "usage_half_life": repr(fair.policy.decay.half_life),
            "usage_reset": repr(fair.last_reset),
            "usage_charged": repr(self.meter.charged),
            "usage_factors": json.dumps(self.meter.factors),
            "usage_tres": json.dumps(cluster.tres.ids),
        }
        if self.history_taken:
            state["usage_history"] = "taken"
        if state != self._kept:
            self._kept = state
            batch.meta |= state

    # ------------------------------------------------------------ sshare

    def answer(self, connection: Connection, request: pb.Request) -> None:
        """The associations that the caller asks for and may see (PrivateData=usage)."""
        controller, fair = self.controller, self.fair
        cluster, who = controller.cluster, controller.who(connection)
        accounts = {name.lower() for name in request.share_info.accounts}
        users = {name.lower() for name in request.share_info.users}
        everything = "usage" not in cluster.parameters.private or cluster.is_operator(who)
        reply = pb.Shares(
            cluster=controller.conf.cluster_name,
            fair_tree=fair.policy.method is Method.FAIR_TREE,
            tres_names=sorted(cluster.tres.ids, key=lambda name: cluster.tres.ids[name]),
        )
        usage, running = fair.usage(time.time()), self.running()
        for number, member in fair.tree.members.items():
            assoc = member.assoc
            if users and assoc.user and assoc.user.lower() not in users:
                continue
            if accounts and assoc.account.lower() not in accounts:
                continue
            own = everything or assoc.user == who.user
            if not own and not cluster.accounts.coordinates(who.user, (assoc.account,)):
                continue
            self.tell(reply.shares.add(), member, usage[number], running.get(number, {}))
        connection.send(pb.Response(shares=reply))

    def tell(self, share: pb.Share, member: Member, usage: Usage, running: dict[int, float]) -> None:
        """Fill in one association's share."""
        assoc, cluster = member.assoc, self.controller.cluster
        share.assoc_id, share.account, share.user = assoc.id, assoc.account, assoc.user
        share.partition = assoc.partition
        share.parent = member.parent.assoc.account if member.parent is not None else ""
        share.parent_shares = assoc.shares is None
        if assoc.shares is not None and member.parent is not None:
            share.shares_raw = assoc.shares
        share.shares_norm, share.usage_efctv, share.factor = member.shares_norm, member.usage_efctv, member.factor
        share.usage_raw = usage.billing
        if member.usage_norm is not None:
            share.usage_norm = member.usage_norm
        if member.level_fs is not None:
            share.level_fs = member.level_fs
        for name, minutes in (assoc.limits.get("GrpTRESMins") or {}).items():
            share.tres_limit[name] = int(minutes)
        for name, number in cluster.tres.ids.items():
            if seconds := usage.tres.get(number):
                share.tres_used[name] = seconds
            if left := running.get(number):
                share.tres_run[name] = left

    def running(self) -> dict[int, dict[int, float]]:
        """By association and resource, what running jobs may still take until their limits strike."""
        found: dict[int, dict[int, float]] = {}
        for run in self.meter.runs.values():
            sums, left = found.setdefault(run.assoc_id, {}), run.left()
            for number, count in amounts(run.tres_ids).items():
                sums[number] = sums.get(number, 0.0) + count * left
        for number, member in reversed(self.fair.tree.members.items()):  # accounts have what is below them
            if member.parent is not None and number in found:
                above = found.setdefault(member.parent.assoc.id, {})
                for tres, seconds in found[number].items():
                    above[tres] = above.get(tres, 0.0) + seconds
        return found
