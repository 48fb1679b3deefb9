"""Limits of QOS and associations: what is counted, who is refused at submission and who must wait.

A limit of a partition's QOS goes before the same one of the job's QOS (unless that has OverPartQOS), and both before
the associations', from the user's up to the root.  Max… limits of an association are inherited from the nearest above
that has them, Grp… limits hold for all below together.  Usage over time (GrpTRESMins, GrpWall) is not counted here.

Source: sacctmgr(1), slurm.schedmd.com/resource_limits, job_reason_codes, the recordings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from crane_compat.core import states as st
from crane_compat.wire import INFINITE

if TYPE_CHECKING:
    from crane_compat.core.cluster import Cluster
    from crane_compat.core.job import Job
    from crane_compat.scheduling.placement import Placement

Key = tuple[str, ...]
Tres = Mapping[str, int]


@dataclass(slots=True)
class Count:
    """What the jobs of one QOS, association, user or account have together."""

    submitted: int = 0
    running: int = 0
    tres: dict[str, int] = field(default_factory=dict)
    jobs: set[int] = field(default_factory=set)  # those that run
    nodes: dict[str, int] = field(default_factory=dict)  # jobs on each; "node" in `tres` is how many these are


@dataclass(frozen=True, slots=True)
class _Counted:
    keys: tuple[Key, ...]
    submitted: int
    running: int
    tres: dict[str, int]
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One limit: of which count (() = of a single job), of which resource, how much, and the reason's name."""

    kind: str
    key: Key
    tres: str
    limit: int
    reason: str
    strict: bool  # DenyOnLimit: a job that can never meet it is refused


@dataclass(frozen=True, slots=True)
class Rules:
    """The limits that a job comes under, in the order in which they are looked at."""

    submit: tuple[Rule, ...]
    jobs: tuple[Rule, ...]
    resources: tuple[Rule, ...]


# ---------------------------------------------------------------- names of reasons


def _kind_of(tres: str, memory: str, licence: str) -> str:
    """A resource's part of a reason's name."""
    kind = tres.partition("/")[0]
    return {
        "cpu": "Cpu", "mem": memory, "node": "Node", "gres": "GRES", "license": licence, "billing": "Billing",
        "energy": "Energy", "bb": "BB",
    }.get(kind, "Unknown")  # fmt: skip


def _assoc_reason(form: str) -> Callable[[str], str]:
    def name(tres: str) -> str:
        kind = _kind_of(tres, "Mem", "Lic")
        usual = {
            "group": f"AssocGrp{kind}" + ("Limit" if kind in ("Cpu", "Mem", "Node") else ""),
            "job": f"AssocMax{kind}PerJob" + ("Limit" if kind in ("Cpu", "Node") else ""),
            "node": f"AssocMax{kind}PerNode",
            "job minutes": f"AssocMax{kind}MinutesPerJob",
            "run minutes": f"AssocGrp{kind}RunMinutes",
        }
        if kind == "Cpu":
            usual |= {"job minutes": "AssocMaxCPUMinutesPerJobLimit", "run minutes": "AssocGrpCPURunMinutesLimit"}
        return usual[form]

    return name


def _qos_reason(form: str) -> Callable[[str], str]:
    def name(tres: str) -> str:
        kind = _kind_of(tres, "Memory", "License")
        usual = {
            "group": f"QOSGrp{kind}",
            "job": f"QOSMax{kind}PerJob" + ("Limit" if kind in ("Cpu", "Node") else ""),
            "user": f"QOSMax{kind}PerUser" + ("Limit" if kind in ("Cpu", "Node") else ""),
            "account": f"Max{kind}PerAccount",
            "node": f"QOSMax{kind}PerNode",
            "job minutes": f"QOSMax{kind}MinutesPerJob" + ("Limit" if kind == "Cpu" else ""),
            "run minutes": f"QOSGrp{kind}RunMinutes",
            "least": "QOSMinCpuNotSatisfied" if kind == "Cpu" else f"QOSMin{kind}",
        }
        if kind in ("Cpu", "Memory", "Node"):
            usual["group"] = {"Cpu": "QOSGrpCpuLimit", "Memory": "QOSGrpMemLimit", "Node": "QOSGrpNodeLimit"}[kind]
        if kind == "Cpu":
            usual["run minutes"] = "QOSGrpCPURunMinutesLimit"
        return usual[form]

    return name


#: (limit, whose count, reason) of jobs in a QOS; {} is filled by the QOS, the user, the account
_QOS_JOBS = (
    ("GrpJobs", "qos", "QOSGrpJobsLimit"),
    ("MaxJobsPerAccount", "qos account", "MaxJobsPerAccount"),
    ("MaxJobsPerUser", "qos user", "QOSMaxJobsPerUserLimit"),
)
_QOS_SUBMIT = (
    ("GrpSubmitJobs", "qos", "QOSGrpSubmitJobsLimit"),
    ("MaxSubmitJobsPerAccount", "qos account", "MaxSubmitJobsPerAccount"),
    ("MaxSubmitJobsPerUser", "qos user", "QOSMaxSubmitJobPerUserLimit"),
)
#: (limit, kind, whose count, form of the reason)
_QOS_TRES = (
    ("GrpTRES", "group", "qos", "group"),
    ("GrpTRESRunMins", "run minutes", "qos", "run minutes"),
    ("MaxTRESMinsPerJob", "job minutes", "", "job minutes"),
    ("MaxTRESPerAccount", "group", "qos account", "account"),
    ("MaxTRESPerJob", "job", "", "job"),
    ("MaxTRESPerNode", "node", "", "node"),
    ("MaxTRESPerUser", "group", "qos user", "user"),
    ("MinTRESPerJob", "least", "", "least"),
)


class Limits:
    """The limits of one cluster and what is counted against them."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.counts: dict[Key, Count] = {}
        self._counted: dict[int, _Counted] = {}
        self._rules: dict[Key, Rules] = {}

    @property
    def enforced(self) -> bool:
        return self.cluster.parameters.enforce_limits and self.cluster.accounts.known

    def accounts_changed(self) -> None:
        """Associations or QOS are others: limits are looked up, and jobs counted, anew."""
        self._rules.clear()
        self.counts.clear()
        self._counted.clear()
        for job in self.cluster.jobs.values():
            self.update(job)

    # ------------------------------------------------------------ counting

    def update(self, job: Job) -> None:
        """Count a job as it is now."""
        if not self.enforced:
            return
        record = job.record
        active = job.running or record.state & st.BASE_MASK == st.SUSPENDED
        submitted = 0 if job.finished else len(job.array_pending) if job.is_array else 1
        before = self._counted.get(job.id)
        if before is None and not submitted:
            return
        keys = self._keys(record.assoc_id, record.qos, record.partition, record.user, record.account)
        if before and before.keys == keys and (before.submitted, before.running) == (submitted, int(active)):
            return
        if before:
            self._add(job.id, before, -1)
            del self._counted[job.id]
        if submitted:
            tres = self.cluster.tres.counts(record.tres_alloc_ids) if active else {}
            nodes = tuple(alloc.node for alloc in record.nodes) if active else ()
            now = _Counted(keys, submitted, int(active), tres, nodes)
            self._add(job.id, now, 1)
            self._counted[job.id] = now

    def forget(self, job_id: int) -> None:
        """A job that never was."""
        before = self._counted.pop(job_id, None)
        if before:
            self._add(job_id, before, -1)

    def counted(self) -> Iterator[tuple[int, tuple[Key, ...], int, dict[str, int]]]:
        """Of each job that counts: its number, the keys it counts under, how many jobs it is, what it holds."""
        for job_id, counted in self._counted.items():
            yield job_id, counted.keys, counted.submitted, counted.tres

    def _add(self, job_id: int, counted: _Counted, sign: int) -> None:
        for key in counted.keys:
            count = self.counts.setdefault(key, Count())
            count.submitted += sign * counted.submitted
            count.running += sign * counted.running
            for name, number in counted.tres.items():
                count.tres[name] = count.tres.get(name, 0) + sign * number
            for node in counted.nodes:
                count.nodes[node] = count.nodes.get(node, 0) + sign
                if not count.nodes[node]:
                    del count.nodes[node]
            if counted.nodes:
                count.tres["node"] = len(count.nodes)
            if counted.running:
                (count.jobs.add if sign > 0 else count.jobs.discard)(job_id)
            if not count.submitted:
                del self.counts[key]

    def _partition_qos(self, partition: str) -> str:
        found = self.cluster.partitions.get(partition.split(",")[0])
        return found.qos if found is not None else ""

    def _keys(self, assoc_id: int, qos: str, partition: str, user: str, account: str) -> tuple[Key, ...]:
        keys: list[Key] = [("association", str(assoc.id)) for assoc in self.cluster.accounts.chain(assoc_id)]
        for name in dict.fromkeys(filter(None, (self._partition_qos(partition), qos))):
            keys += [("qos", name), ("qos user", name, user), ("qos account", name, account)]
        return tuple(keys)

    # ------------------------------------------------------------ limits

    def rules(self, assoc_id: int, qos: str, partition: str, user: str, account: str) -> Rules:
        """The limits of such a job."""
        of_partition = self._partition_qos(partition)
        where = (str(assoc_id), qos, of_partition, user, account)
        found = self._rules.get(where)
        if found is None:
            found = self._rules[where] = self._find(assoc_id, qos, of_partition, user, account)
        return found

    def _find(self, assoc_id: int, qos: str, of_partition: str, user: str, account: str) -> Rules:
        submit: list[Rule] = []
        jobs: list[Rule] = []
        resources: list[Rule] = []
        accounts = self.cluster.accounts
        own = accounts.qos.get(qos)
        both = [accounts.qos[name] for name in dict.fromkeys((of_partition, qos)) if name in accounts.qos]
        if own is not None and "OverPartQOS" in own.flags:
            both.reverse()
        taken: set[tuple[str, str]] = set()

        def first(name: str, tres: str = "") -> bool:
            """Is it the first QOS that has this limit?"""
            fresh = (name, tres) not in taken
            taken.add((name, tres))
            return fresh

        for one in both:
            strict = "DenyOnLimit" in one.flags
            keys: dict[str, Key] = {
                "": (), "qos": ("qos", one.name), "qos user": ("qos user", one.name, user),
                "qos account": ("qos account", one.name, account),
            }  # fmt: skip
            for table, rules, kind in ((_QOS_SUBMIT, submit, "submit"), (_QOS_JOBS, jobs, "jobs")):
                for name, whose, reason in table:
                    if name in one.limits and first(name):
                        rules.append(Rule(kind, keys[whose], "", int(one.limits[name]), reason, strict))
            wall = one.limits.get("MaxWallDurationPerJob")
            if wall is not None and first("MaxWallDurationPerJob"):
                jobs.append(Rule("wall", (), "", int(wall), "QOSMaxWallDurationPerJobLimit", strict))
            for name, kind, whose, form in _QOS_TRES:
                for tres, limit in one.limits.get(name, {}).items():
                    if first(name, tres):
                        resources.append(Rule(kind, keys[whose], tres, limit, _qos_reason(form)(tres), strict))
        self._of_associations(assoc_id, own is not None and "DenyOnLimit" in own.flags, submit, jobs, resources)
        return Rules(tuple(submit), tuple(jobs), tuple(resources))

    def _of_associations(
        self, assoc_id: int, strict: bool, submit: list[Rule], jobs: list[Rule], resources: list[Rule]
    ) -> None:
        chain = self.cluster.accounts.chain(assoc_id)
        inherited: dict[str, Any] = {}
        for assoc in reversed(chain):
            inherited |= {name: value for name, value in assoc.limits.items() if name.startswith("Max")}
        for position, assoc in enumerate(chain):
            key = ("association", str(assoc.id))
            limits = assoc.limits
            if "GrpSubmitJobs" in limits:
                submit.append(Rule("submit", key, "", int(limits["GrpSubmitJobs"]), "AssocGrpSubmitJobsLimit", strict))
            if "GrpJobs" in limits:
                jobs.append(Rule("jobs", key, "", int(limits["GrpJobs"]), "AssocGrpJobsLimit", strict))
            for name, kind, form in (("GrpTRES", "group", "group"), ("GrpTRESRunMins", "run minutes", "run minutes")):
                for tres, limit in limits.get(name, {}).items():
                    resources.append(Rule(kind, key, tres, limit, _assoc_reason(form)(tres), strict))
            if position:
                continue
            if "MaxSubmitJobs" in inherited:
                most = int(inherited["MaxSubmitJobs"])
                submit.append(Rule("submit", key, "", most, "AssocMaxSubmitJobLimit", strict))
            if "MaxJobs" in inherited:
                jobs.append(Rule("jobs", key, "", int(inherited["MaxJobs"]), "AssocMaxJobsLimit", strict))
            if "MaxWallDurationPerJob" in inherited:
                most = int(inherited["MaxWallDurationPerJob"])
                jobs.append(Rule("wall", (), "", most, "AssocMaxWallDurationPerJobLimit", strict))
            for name, kind in (
                ("MaxTRESMinsPerJob", "job minutes"), ("MaxTRESPerJob", "job"), ("MaxTRESPerNode", "node"),
            ):  # fmt: skip
                for tres, limit in inherited.get(name, {}).items():
                    resources.append(Rule(kind, (), tres, limit, _assoc_reason(kind)(tres), strict))

    # ------------------------------------------------------------ decisions

    def refusal(
        self, assoc_id: int, qos: str, partition: str, user: str, account: str, *, tasks: int, minutes: int, tres: Tres
    ) -> str:
        """Why a job is refused at submission; "" where it is not.

        tasks: how many jobs it is.  minutes: its time limit.  tres: what each asks for.
        """
        if not self.enforced:
            return ""
        rules = self.rules(assoc_id, qos, partition, user, account)
        for rule in rules.submit:
            if self._count(rule).submitted + tasks > rule.limit:
                return rule.reason
        for rule in rules.jobs:
            if rule.strict and rule.kind == "wall" and (minutes == INFINITE or minutes > rule.limit):
                return rule.reason
        nodes = max(1, tres.get("node", 1))
        for rule in rules.resources:
            if rule.strict and self._breaks(rule, Count(), tres, minutes, -(-tres.get(rule.tres, 0) // nodes), 0.0):
                return rule.reason
        return ""

    def longest(self, assoc_id: int, qos: str, partition: str, user: str, account: str) -> int:
        """The longest time limit allowed, minutes; INFINITE where there is no such limit."""
        if not self.enforced:
            return INFINITE
        rules = self.rules(assoc_id, qos, partition, user, account)
        return min((rule.limit for rule in rules.jobs if rule.kind == "wall"), default=INFINITE)

    def hindrance(self, job: Job, partition: str, now: float) -> str:
        """Why a waiting job may not start in a partition with what it asks for; "" where it may."""
        broken = self.broken(job, partition, now)
        return broken.reason if broken is not None else ""

    def broken(self, job: Job, partition: str, now: float) -> Rule | None:
        """The first limit that does not let a waiting job start in a partition with what it asks for."""
        if not self.enforced:
            return None
        record = job.record
        rules = self.rules(record.assoc_id, record.qos, partition, record.user, record.account)
        minutes = record.time_limit
        for rule in rules.jobs:
            if rule.kind == "wall":
                if minutes == INFINITE or minutes > rule.limit:
                    return rule
            elif self._count(rule).running >= rule.limit:
                return rule
        if not rules.resources:
            return None
        tres = self.cluster.tres.counts(record.tres_req_ids)
        return self._over(rules, tres, minutes, now, max(1, tres.get("node", 1)))

    def sentence(self, rule: Rule, job: Job) -> str:
        """A limit in plain words, with what is used of it."""
        count = self._count(rule)
        whose = self._whose(rule.key)
        wanted = self.cluster.tres.counts(job.record.tres_req_ids).get(rule.tres, 0)
        unit = " MiB of memory" if rule.tres == "mem" else f" {rule.tres}"
        match rule.kind:
            case "jobs":
                return f"{whose} may run {rule.limit} jobs at a time, and runs {count.running}"
            case "wall":
                return f"a job may take {rule.limit} minutes, and this one asks for {job.record.time_limit}"
            case "group":
                used = count.tres.get(rule.tres, 0)
                return f"{whose} may have {rule.limit}{unit} in use and has {used}; this job asks for {wanted}"
            case "least":
                return f"a job must ask for {rule.limit}{unit}, and this one asks for {wanted}"
            case "job" | "node":
                where = " on a node" if rule.kind == "node" else ""
                return f"a job may have {rule.limit}{unit}{where}, and this one asks for {wanted}"
            case _:
                return f"{whose} may claim {rule.limit} minutes of{unit}, which this job would exceed"

    def _whose(self, key: Key) -> str:
        match key:
            case ("association", number):
                assoc = self.cluster.accounts.by_id.get(int(number))
                if assoc is None:
                    return "the association"
                return f"user {assoc.user} in account {assoc.account}" if assoc.user else f"account {assoc.account}"
            case ("qos", name):
                return f"QOS {name}"
            case ("qos user", name, user):
                return f"user {user} in QOS {name}"
            case ("qos account", name, account):
                return f"account {account} in QOS {name}"
        return "a job"

    def over_with(self, job: Job, partition: str, placement: Placement, now: float) -> str:
        """The same for the CPUs and memory that a placement would give it, which may be more."""
        if not self.enforced:
            return ""
        record = job.record
        rules = self.rules(record.assoc_id, record.qos, partition, record.user, record.account)
        if not rules.resources:
            return ""
        nodes = placement.nodes
        tres = {
            "cpu": sum(node.cpus for node in nodes), "mem": sum(node.memory for node in nodes), "node": len(nodes),
        }  # fmt: skip
        most = max((node.cpus for node in nodes), default=0)
        names = frozenset(self.cluster.table.nodes[node.index].name for node in nodes)
        broken = self._over(rules, tres, record.time_limit, now, 0, most, names)
        return broken.reason if broken is not None else ""

    def _over(
        self, rules: Rules, tres: Tres, minutes: int, now: float, nodes: int, most_cpus: int = 0,
        placed: frozenset[str] = frozenset(),
    ) -> Rule | None:  # fmt: skip
        for rule in rules.resources:
            if rule.tres not in tres and (rule.kind != "least" or not nodes):
                continue
            wanted = tres.get(rule.tres, 0)
            on_a_node = -(-wanted // nodes) if nodes else most_cpus if rule.tres == "cpu" else 0
            if self._breaks(rule, self._count(rule), tres, minutes, on_a_node, now, placed):
                return rule
        return None

    def _count(self, rule: Rule) -> Count:
        return self.counts.get(rule.key) or Count()

    def _breaks(
        self,
        rule: Rule,
        count: Count,
        tres: Tres,
        minutes: int,
        on_a_node: int,
        now: float,
        placed: frozenset[str] = frozenset(),
    ) -> bool:
        wanted = tres.get(rule.tres, 0)
        match rule.kind:
            case "group" if rule.tres == "node":  # one that several jobs share counts once
                return len(count.nodes | dict.fromkeys(placed, 0)) > rule.limit if placed else wanted > rule.limit
            case "group":
                return count.tres.get(rule.tres, 0) + wanted > rule.limit
            case "job":
                return wanted > rule.limit
            case "node":
                return on_a_node > rule.limit
            case "least":
                return wanted < rule.limit
            case "job minutes":
                return (minutes == INFINITE and wanted > 0) or wanted * minutes > rule.limit
            case "run minutes":
                return (minutes == INFINITE and wanted > 0) or (
                    self._run_minutes(count, rule.tres, now) + wanted * minutes > rule.limit
                )
        return False

    def _run_minutes(self, count: Count, tres: str, now: float) -> int:
        """Resource times the minutes that running jobs may still take."""
        total = 0.0
        for job_id in count.jobs:
            job = self.cluster.jobs[job_id]
            left = max(0.0, job.record.end_time - now) if job.record.end_time else 0.0
            total += self._counted[job_id].tres.get(tres, 0) * left / 60.0
        return int(total)
