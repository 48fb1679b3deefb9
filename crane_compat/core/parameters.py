"""The parameters of slurm.conf that the core decides by, as one immutable value."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from crane_compat.core.billing import Rule
from crane_compat.parsers import hostlist
from crane_compat.parsers.slurm_conf import SlurmConf


@dataclass(frozen=True, slots=True)
class PriorityWeights:
    """PriorityWeight* and what scales them (slurm.conf(5))."""

    age: int = 0
    assoc: int = 0
    fairshare: int = 0
    job_size: int = 0
    partition: int = 0
    qos: int = 0
    tres: Mapping[str, float] = field(default_factory=dict)
    max_age: float = 604800.0  # seconds
    favor_small: bool = False
    multifactor: bool = True
    billing: Rule = Rule.SUM


@dataclass(frozen=True, slots=True)
class PowerSettings:
    """SuspendTime and its kind (slurm.conf(5)); times in seconds."""

    saves: bool = False  # SuspendProgram and ResumeProgram are there
    reboots: bool = False  # RebootProgram is there
    idle_time: float = math.inf  # SuspendTime
    suspend_timeout: float = 30.0
    resume_timeout: float = 60.0
    suspend_rate: int = 60  # nodes a minute; 0 = all at once
    resume_rate: int = 300
    excluded_nodes: frozenset[str] = frozenset()
    excluded_parts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, conf: SlurmConf) -> PowerSettings:
        """Read them from a loaded slurm.conf."""
        nodes = str(conf.get("SuspendExcNodes") or "")
        try:
            excluded = frozenset(hostlist.expand(nodes)) if nodes else frozenset()
        except hostlist.HostlistError:
            excluded = frozenset()
        return cls(
            saves=bool(conf.get("SuspendProgram") and conf.get("ResumeProgram")),
            reboots=bool(conf.get("RebootProgram")),
            idle_time=suspend_seconds(str(conf.get("SuspendTime") or "")),
            suspend_timeout=float(conf.get("SuspendTimeout")),
            resume_timeout=float(conf.get("ResumeTimeout")),
            suspend_rate=int(conf.get("SuspendRate")),
            resume_rate=int(conf.get("ResumeRate")),
            excluded_nodes=excluded,
            excluded_parts=frozenset(filter(None, str(conf.get("SuspendExcParts") or "").split(","))),
        )


def suspend_seconds(text: str) -> float:
    """SuspendTime: a number; -1, INFINITE or nothing = never."""
    return float(text) if text.isdigit() else math.inf


#: bf_window where the site does not say it, minutes (slurm.conf(5))
BACKFILL_WINDOW = 1440

#: max_script_size where the site does not say it, bytes (slurm.conf(5))
MAX_SCRIPT_SIZE = 4 << 20


@dataclass(frozen=True, slots=True)
class Parameters:
    """Times in seconds, memory in MiB; None = no such default or limit."""

    cluster_name: str
    first_job_id: int
    max_job_id: int
    max_job_count: int
    max_array_size: int
    min_job_age: int
    kill_wait: int
    slurmd_timeout: int
    over_time_limit: int  # minutes
    job_requeue: bool
    requeue_exit: frozenset[int]  # exit codes of scripts that are run again
    requeue_exit_hold: frozenset[int]  # and of those that wait for a release
    return_to_service: int
    inactive_limit: int
    disable_root_jobs: bool
    enforce_part_limits: str  # NO, ANY, ALL
    def_mem_per_cpu: int | None
    def_mem_per_node: int | None
    max_mem_per_cpu: int | None
    max_mem_per_node: int | None
    def_cpu_per_gpu: int | None
    linear: bool
    memory_is_consumable: bool
    enforce_associations: bool
    enforce_limits: bool
    enforce_qos: bool
    enforce_wckeys: bool
    with_accounting: bool
    mpi_default: str
    licenses: Mapping[str, int]
    accounting_tres: tuple[str, ...]
    gres_types: frozenset[str]
    scheduler: Mapping[str, str | None]
    max_script_size: int  # bytes
    private: frozenset[str]  # what only its owners and operators may see (PrivateData)
    block_cores: bool  # jobs fill one socket after the other (CR_CORE_DEFAULT_DIST_BLOCK)
    cpus_alone: bool  # what is asked for is CPUs (CR_CPU): sockets are filled whatever a job says
    pack_nodes: bool  # steps fill one node after the other (CR_PACK_NODES)
    one_task_per_core: bool  # where a job does not say otherwise (CR_ONE_TASK_PER_CORE)
    max_switch_wait: int  # seconds (SchedulerParameters)
    resv_over_run: float  # seconds that a job may go on after the end of its reservation
    backfill: bool
    backfill_window: int  # seconds (bf_window): what can only start later keeps no nodes for itself
    priority: PriorityWeights
    slurm_user: str
    power: PowerSettings
    health_check_interval: int  # seconds; 0 = never
    health_check_states: frozenset[str]
    mail_domain: str
    prolog: bool
    epilog: bool
    prolog_slurmctld: bool
    epilog_slurmctld: bool
    prolog_flags: frozenset[str]  # alloc, contain, nohold, serial …
    over_memory_kill: bool
    kill_on_invalid_dependency: bool
    max_tasks_per_node: int
    max_step_count: int
    scrontab: bool  # there is one (ScronParameters)
    explicit_scancel: bool  # its jobs are cancelled with --cron only

    @classmethod
    def of(cls, conf: SlurmConf) -> Parameters:
        """Read them from a loaded slurm.conf."""

        def limit(key: str) -> int | None:
            value = conf.get(key)
            return int(value) if value and int(value) != 0xFFFFFFFF else None

        def words(key: str) -> list[str]:
            return [word.strip().lower() for word in str(conf.get(key) or "").split(",") if word.strip()]

        select = words("SelectTypeParameters")
        enforce = set(words("AccountingStorageEnforce"))
        if "all" in enforce:
            enforce |= {"associations", "limits", "qos"}
        if "safe" in enforce:
            enforce.add("limits")
        if enforce & {"limits", "qos", "wckeys"}:
            enforce.add("associations")
        part = str(conf.get("EnforcePartLimits") or "NO").upper()
        tres_weights = {}
        for item in str(conf.get("PriorityWeightTRES") or "").split(","):
            name, _, number = item.partition("=")
            if number:
                tres_weights[name.strip().lower()] = float(number)
        licenses = {}
        for item in str(conf.get("Licenses") or "").replace(";", ",").split(","):
            name, _, number = item.strip().partition(":")
            if name:
                licenses[name] = int(number or 1)
        dependency = conf.params("DependencyParameters")
        scheduler = conf.params("SchedulerParameters")
        return cls(
            cluster_name=conf.cluster_name,
            first_job_id=int(conf.get("FirstJobId")),
            max_job_id=int(conf.get("MaxJobId")),
            max_job_count=int(conf.get("MaxJobCount")),
            max_array_size=int(conf.get("MaxArraySize")),
            min_job_age=int(conf.get("MinJobAge")),
            kill_wait=int(conf.get("KillWait")),
            slurmd_timeout=int(conf.get("SlurmdTimeout")),
            over_time_limit=int(conf.get("OverTimeLimit")),
            job_requeue=bool(conf.get("JobRequeue")),
            requeue_exit=_codes(str(conf.get("RequeueExit") or "")),
            requeue_exit_hold=_codes(str(conf.get("RequeueExitHold") or "")),
            return_to_service=int(conf.get("ReturnToService")),
            inactive_limit=int(conf.get("InactiveLimit")),
            disable_root_jobs=bool(conf.get("DisableRootJobs")),
            enforce_part_limits="ALL" if part == "YES" else part,
            def_mem_per_cpu=limit("DefMemPerCPU"),
            def_mem_per_node=limit("DefMemPerNode"),
            max_mem_per_cpu=limit("MaxMemPerCPU"),
            max_mem_per_node=limit("MaxMemPerNode"),
            def_cpu_per_gpu=limit("DefCPUPerGPU"),
            linear="linear" in str(conf.get("SelectType") or ""),
            block_cores="cr_core_default_dist_block" in select,
            cpus_alone=not {"cr_cpu", "cr_cpu_memory"}.isdisjoint(select),
            pack_nodes="cr_pack_nodes" in select,
            one_task_per_core="cr_one_task_per_core" in select,
            memory_is_consumable=any("memory" in word for word in select),
            enforce_associations="associations" in enforce,
            enforce_limits="limits" in enforce,
            enforce_qos="qos" in enforce,
            enforce_wckeys="wckeys" in enforce,
            with_accounting="slurmdbd" in str(conf.get("AccountingStorageType") or "")
            or "mysql" in str(conf.get("AccountingStorageType") or ""),
            mpi_default=str(conf.get("MpiDefault") or "none").lower().removeprefix("mpi/"),
            licenses=licenses,
            accounting_tres=tuple(
                word.strip() for word in str(conf.get("AccountingStorageTRES") or "").split(",") if word.strip()
            ),
            gres_types=frozenset(words("GresTypes")),
            scheduler=scheduler,
            private=frozenset(words("PrivateData")),
            max_script_size=_natural(scheduler.get("max_script_size"), MAX_SCRIPT_SIZE),
            backfill_window=_natural(scheduler.get("bf_window"), BACKFILL_WINDOW) * 60,
            resv_over_run=_over_run(conf),
            max_switch_wait=_natural(scheduler.get("max_switch_wait"), 300),
            backfill="backfill" in str(conf.get("SchedulerType") or "sched/backfill"),
            priority=PriorityWeights(
                age=int(conf.get("PriorityWeightAge")),
                assoc=int(conf.get("PriorityWeightAssoc")),
                fairshare=int(conf.get("PriorityWeightFairshare")),
                job_size=int(conf.get("PriorityWeightJobSize")),
                partition=int(conf.get("PriorityWeightPartition")),
                qos=int(conf.get("PriorityWeightQOS")),
                tres=tres_weights,
                max_age=_duration(str(conf.get("PriorityMaxAge") or "7-0")),
                favor_small=bool(conf.get("PriorityFavorSmall")),
                billing=_billing_rule(words("PriorityFlags")),
                multifactor="multifactor" in str(conf.get("PriorityType") or "priority/multifactor"),
            ),
            slurm_user=str(conf.get("SlurmUser") or "root"),
            power=PowerSettings.of(conf),
            health_check_interval=int(conf.get("HealthCheckInterval")) if conf.get("HealthCheckProgram") else 0,
            health_check_states=frozenset(words("HealthCheckNodeState")),
            mail_domain=str(conf.get("MailDomain") or ""),
            prolog=bool(conf.get("Prolog")),
            epilog=bool(conf.get("Epilog")),
            prolog_slurmctld=bool(conf.get("PrologSlurmctld")),
            epilog_slurmctld=bool(conf.get("EpilogSlurmctld")),
            prolog_flags=_prolog_flags(words("PrologFlags")),
            over_memory_kill="OverMemoryKill".lower() in str(conf.get("JobAcctGatherParams") or "").lower(),
            kill_on_invalid_dependency="kill_invalid_depend" in dependency or "kill_invalid_depend" in scheduler,
            max_tasks_per_node=int(conf.get("MaxTasksPerNode")),
            max_step_count=int(conf.get("MaxStepCount")),
            scrontab="enable" in conf.params("ScronParameters"),
            explicit_scancel="explicit_scancel" in conf.params("ScronParameters"),
        )


#: PrologFlags that imply others (slurm.conf(5))
_IMPLIED = {"contain": {"alloc"}, "nohold": {"alloc"}, "x11": {"alloc", "contain"}, "forcerequeueonfail": {"alloc"},
            "runinjob": {"alloc", "contain"}, "deferbatch": {"alloc"}}  # fmt: skip


def _prolog_flags(given: Iterable[str]) -> frozenset[str]:
    flags = set(given)
    return frozenset(flags.union(*(_IMPLIED.get(flag, set()) for flag in flags)))


def _billing_rule(flags: Iterable[str]) -> Rule:
    known = {"max_tres": Rule.MAX, "max_tres_gres": Rule.MAX_AND_GRES}
    return next((known[flag] for flag in flags if flag in known), Rule.SUM)


def _over_run(conf: SlurmConf) -> float:
    minutes = int(str(conf.get("ResvOverRun") or 0))
    return math.inf if minutes >= 0xFFFD else minutes * 60.0


def _codes(text: str) -> frozenset[int]:
    """Exit codes as RequeueExit lists them: ``142,1-3``; what is no number is left out."""
    found: set[int] = set()
    for part in text.split(","):
        low, _, high = part.strip().partition("-")
        if low.isdigit() and (high or low).isdigit():
            found.update(range(int(low), min(int(high or low), 255) + 1))
    return frozenset(found)


def _natural(text: str | None, default: int) -> int:
    return int(text) if text and text.isdigit() else default


def _duration(text: str) -> float:
    """A time limit text in seconds; unlimited counts as 7 days, the default."""
    from crane_compat.parsers.time_limit import parse_minutes
    from crane_compat.wire import INFINITE

    minutes = parse_minutes(text)
    return 604800.0 if minutes in (0, INFINITE) else minutes * 60.0
