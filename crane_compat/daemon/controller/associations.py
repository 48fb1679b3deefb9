"""What ``scontrol show assoc_mgr`` asks for: users, associations and QOS with their limits and what is held of them."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from crane_compat.core.accounts import ADMIN_LEVELS, Association, Qos
from crane_compat.core.limits import Key
from crane_compat.daemon.rpc.server import Connection
from crane_compat.wire import pb

if TYPE_CHECKING:
    from crane_compat.daemon.controller.controller import Controller

#: QOS.preempt_mode of the database (slurmdbd schema)
_PREEMPT_MODES = ((0x4, "REQUEUE"), (0x1, "SUSPEND"), (0x8, "CANCEL"), (0x10, "WITHIN"))


class Associations:
    """Answers from the accounts, the limits and the fair share of a controller."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller

    def answer(self, connection: Connection, request: pb.Request) -> None:
        """The records that the caller asks for and may see (PrivateData=usage, users)."""
        controller, wanted = self.controller, request.assoc_info
        cluster, who = controller.cluster, controller.who(connection)
        accounts = cluster.accounts
        chosen_users = {name.lower() for name in wanted.users}
        chosen_accounts = {name.lower() for name in wanted.accounts}
        chosen_qos = {name.lower() for name in wanted.qos}
        private = cluster.parameters.private and not cluster.is_operator(who)
        reply = pb.AssocRecords(
            cluster=controller.conf.cluster_name,
            tres_names=sorted(cluster.tres.ids, key=lambda name: cluster.tres.ids[name]),
        )
        levels = {number: name for name, number in ADMIN_LEVELS.items()}
        for name in sorted(accounts.admin):
            if chosen_users and name.lower() not in chosen_users:
                continue
            if private and "users" in cluster.parameters.private and name != who.user:
                continue
            reply.users.add(
                name=name, default_account=accounts.default_account(name), admin_level=levels[accounts.admin[name]],
                default_wckey=accounts.default_wckeys.get(name, ""),
            )  # fmt: skip
        holdings = self._holdings()
        usage, running = controller.shares.fair.usage(time.time()), controller.shares.running()
        for number, member in controller.shares.fair.tree.members.items():
            assoc = member.assoc
            if chosen_users and assoc.user and assoc.user.lower() not in chosen_users:
                continue
            if chosen_accounts and assoc.account.lower() not in chosen_accounts:
                continue
            if private and "usage" in cluster.parameters.private and assoc.user != who.user:
                if not accounts.coordinates(who.user, (assoc.account,)):
                    continue
            record = reply.associations.add(
                level_shares=member.level_shares, lineage=assoc.lineage, is_default=assoc.is_default,
                priority=int(assoc.limits.get("Priority") or 0), comment=assoc.comment,
                parent_id=assoc.parent_id if not assoc.user else 0, wall=usage[number].wall,
            )  # fmt: skip
            controller.shares.tell(record.share, member, usage[number], running.get(number, {}))
            record.held.CopyFrom(holdings.get(("association", str(number)), pb.Holding()))
            self._limits(record.limits, self._inherited(assoc))
        for qos in accounts.qos.values():
            if not chosen_qos or qos.name.lower() in chosen_qos:
                self._tell_qos(reply.qos.add(), qos, holdings)
        connection.send(pb.Response(assoc_records=reply))

    def _inherited(self, assoc: Association) -> dict[str, Any]:
        """An association's limits, with those of one job (Max…) from the nearest above that has them."""
        found: dict[str, Any] = {}
        for above in reversed(self.controller.cluster.accounts.chain(assoc.id)):
            found |= {name: value for name, value in above.limits.items() if name.startswith("Max") or above is assoc}
        return found

    def _limits(self, into: Any, limits: Mapping[str, Any]) -> None:
        for name, value in limits.items():
            if isinstance(value, dict):
                for tres, count in value.items():
                    into[f"{name}={tres}"] = float(count)
            elif isinstance(value, int | float):
                into[name] = float(value)

    def _tell_qos(self, record: pb.QosRecord, qos: Qos, holdings: Mapping[Key, pb.Holding]) -> None:
        ledger, ids = self.controller.shares.fair.ledger, self.controller.cluster.tres.ids
        record.id, record.name, record.priority = qos.id, qos.name, qos.priority
        record.preempt_mode = ",".join(name for bit, name in _PREEMPT_MODES if qos.preempt_mode & bit) or "OFF"
        self._limits(record.limits, qos.limits)
        record.held.CopyFrom(holdings.get(("qos", qos.name), pb.Holding()))
        for kind, names in (("qos account", record.accounts), ("qos user", record.users)):
            keys: Iterable[Key] = (key for key in holdings if key[:2] == (kind, qos.name))
            names.extend(holdings[key] for key in sorted(keys))
        if used := ledger.own.get(-qos.id):
            left = ledger.decay.factor(max(0.0, time.time() - ledger.at))
            record.usage_raw, record.wall = used.billing * left, used.wall * left
            for name, number in ids.items():
                if seconds := used.tres.get(number):
                    record.tres_used[name] = seconds * left

    def _holdings(self) -> dict[Key, pb.Holding]:
        """What is held under every key that limits are counted by."""
        cluster = self.controller.cluster
        found: dict[Key, pb.Holding] = {}
        for key, count in cluster.limits.counts.items():
            held = found[key] = pb.Holding(name=key[-1], running=count.running, submitted=count.submitted)
            for name, number in count.tres.items():
                if number:
                    held.tres[name] = number
        runs = self.controller.shares.meter.runs
        seconds: defaultdict[Key, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
        for job_id, keys, tasks, tres in cluster.limits.counted():
            job = cluster.jobs[job_id]
            waits = tasks if job.pending and job.record.accrue_time else 0
            left = runs[job_id].left() if job_id in runs else 0.0
            for key in keys:
                found[key].accruing += waits
                for name, number in tres.items():
                    seconds[key][name] += number * left
        for key, sums in seconds.items():
            for name, left in sums.items():
                found[key].tres_run[name] = left
        return found
