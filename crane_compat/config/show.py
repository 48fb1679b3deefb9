"""The rows of ``scontrol show config``: one table, in the order and the words of Slurm 25.11.

Each row is a name and how its value is written; a row may stand for several
lines (SlurmctldHost[0], SlurmctldHost[1] …) or for none (Prolog where there is
no prolog).  Source: scontrol(1) and recordings of Slurm 25.11.7.
"""

from __future__ import annotations

import pwd
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from crane_compat import SLURM_VERSION
from crane_compat.core.tres import STATIC, configured
from crane_compat.parsers.plain_conf import PlainConf
from crane_compat.parsers.slurm_conf import SlurmConf
from crane_compat.parsers.time_limit import INFINITE, format_hms, parse_minutes, parse_seconds

UNSET = "(null)"

#: Slurm's own plugins are found here where PluginDir says nothing
PLUGIN_DIR = "/usr/lib/slurm"


@dataclass(frozen=True, slots=True)
class _State:
    """What the rows are made of: the file, and what only the running controller knows."""

    conf: SlurmConf
    boot_time: float
    next_job_id: int


_Write = Callable[[_State, str], Iterator[tuple[str, str]]]


def show_config(
    conf: SlurmConf, *, now: float = 0.0, boot_time: float, next_job_id: int, hostname: str = ""
) -> list[tuple[str, str]]:
    """All rows of the main section: (name, value) in the order of printing.

    `boot_time`: seconds since the epoch; `now` and `hostname` belong to the lines around the rows.
    """
    state = _State(conf, boot_time, next_job_id)
    return [row for name, write in ROWS for row in write(state, name)]


def show_cgroup(conf: PlainConf) -> list[tuple[str, str]]:
    """The rows of "Cgroup Support Configuration:"; none with CgroupPlugin=disabled."""
    if (conf.get("CgroupPlugin") or "").lower() == "disabled":
        return []
    return [(name, write(conf.get(name))) for name, write in CGROUP_ROWS]


def show_mpi(given: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    """The rows of "MPI Plugins Configuration:"; `given`: mpi.conf's settings by lower-case key."""
    return [(name, (given or {}).get(name.lower(), default)) for name, default in MPI_ROWS]


# ---------------------------------------------------------------- how values are written


def _one(function: Callable[[_State, str], str]) -> _Write:
    def write(state: _State, name: str) -> Iterator[tuple[str, str]]:
        yield name, function(state, name)

    return write


def _unit(unit: str, unlimited: str = "") -> _Write:
    """A number with its unit; the largest one is `unlimited` where that is given."""

    def value(state: _State, name: str) -> str:
        number = state.conf.get(name)
        if number is None:
            return UNSET
        return unlimited if unlimited and number in (0xFFFF, 0xFFFFFFFF) else f"{number} {unit}"

    return _one(value)


@_one
def _text(state: _State, name: str) -> str:
    value = state.conf.get(name)
    return UNSET if value is None or value == "" else str(value)


@_one
def _yes_no(state: _State, name: str) -> str:
    return "yes" if state.conf.get(name) else "no"


@_one
def _plugin(state: _State, name: str) -> str:
    """A plugin's name; the plugins that do nothing have none."""
    value = str(state.conf.get(name) or "")
    return UNSET if value.rpartition("/")[2].lower() in ("", "none") else value


@_one
def _secret(state: _State, name: str) -> str:
    """Passwords are nobody's business: only whether there is one."""
    return "********" if state.conf.get(name) else UNSET


@_one
def _upper(state: _State, name: str) -> str:
    return str(state.conf.get(name) or "").upper() or UNSET


def _each(state: _State, name: str) -> Iterator[tuple[str, str]]:
    """A key that may be given several times: a numbered row for each, none where there is none."""
    for index, value in enumerate(state.conf.get(name) or ()):
        yield f"{name}[{index}]", value


def _if_given(write: _Write) -> _Write:
    return lambda state, name: write(state, name) if state.conf.given(name) else iter(())


def _constant(value: str) -> _Write:
    return _one(lambda _state, _name: value)


def _or(fallback: str, write: _Write = _text) -> _Write:
    """As `write`, but `fallback` where the file has no such key."""
    return lambda state, name: write(state, name) if state.conf.given(name) else iter(((name, fallback),))


def _words(state: _State, name: str) -> list[str]:
    return [word.strip() for word in str(state.conf.get(name) or "").split(",") if word.strip()]


def _ordered(order: tuple[str, ...], empty: str, implied: Mapping[str, tuple[str, ...]] | None = None) -> _Write:
    """A set of words in Slurm's own order and spelling, with what they imply; words unknown to it are left out."""
    pairs = [(word, other) for word, others in (implied or {}).items() for other in others]

    @_one
    def write(state: _State, name: str) -> str:
        given = {word.lower() for word in _words(state, name)}
        while more := {w.lower() for word, w in pairs if word.lower() in given} - given:
            given |= more
        return ",".join(word for word in order if word.lower() in given) or empty

    return write


_ENFORCE = ("associations", "limits", "nojobs", "nosteps", "qos", "safe", "wckeys")


@_one
def _enforce(state: _State, name: str) -> str:
    given = {word.lower() for word in _words(state, name)}
    if "all" in given:
        given |= set(_ENFORCE) - {"nojobs", "nosteps"}
    given |= {"associations"} if given & {"1", "2", "3"} else set()
    given |= {"limits"} if given & {"2", "3", "safe"} else set()
    given |= {"associations"} if given & {"limits", "qos", "wckeys"} else set()
    return ",".join(word for word in _ENFORCE if word in given) or "none"


@_one
def _accounting_port(state: _State, name: str) -> str:
    """No port without accounting."""
    return str(state.conf.get(name)) if _has_accounting(state.conf) or state.conf.given(name) else "0"


def _has_accounting(conf: SlurmConf) -> bool:
    return str(conf.get("AccountingStorageType") or "none").rpartition("/")[2].lower() != "none"


_TRES = tuple(STATIC)


@_one
def _tres(state: _State, name: str) -> str:
    """The TRES that always exist, then the others; GPUs come with their two measured ones."""
    return ",".join((*_TRES, *configured(_words(state, name))))


def _time_text(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(seconds))


_GOVERNORS = {
    "conservative": "Conservative", "ondemand": "OnDemand", "performance": "Performance",
    "powersave": "PowerSave", "schedutil": "SchedUtil", "userspace": "UserSpace",
}  # fmt: skip


@_one
def _governors(state: _State, name: str) -> str:
    given = {word.lower() for word in _words(state, name)}
    return ",".join(text for word, text in _GOVERNORS.items() if word in given) or "Unknown"


@_one
def _governor(state: _State, name: str) -> str:
    return ",".join(_GOVERNORS.get(word.lower(), word) for word in _words(state, name)) or "Unknown"


def _memory(kind: str) -> _Write:
    """DefMemPer… or MaxMemPer…: by CPU, by node, or no limit at all."""

    def write(state: _State, _name: str) -> Iterator[tuple[str, str]]:
        for name in (f"{kind}MemPerCPU", f"{kind}MemPerNode"):
            if (number := state.conf.get(name)) and number != 0xFFFFFFFFFFFFFFFF:
                yield name, str(number)
                return
        yield f"{kind}MemPerNode", "UNLIMITED"

    return write


@_one
def _job_defaults(state: _State, _name: str) -> str:
    pairs = (("DefCpuPerGPU", "DefCPUPerGPU"), ("DefMemPerGPU", "DefMemPerGPU"))
    return ",".join(f"{text}={state.conf.get(key)}" for text, key in pairs if state.conf.get(key)) or UNSET


@_one
def _max_nodes(state: _State, name: str) -> str:
    return str(state.conf.get(name) or len(state.conf.nodes))


@_one
def _dbd_messages(state: _State, name: str) -> str:
    """How many messages may wait for the accounting daemon: at least enough for all jobs and nodes."""
    if not _has_accounting(state.conf):
        return "0"
    if state.conf.given(name):
        return str(state.conf.get(name))
    return str(max(10000, 2 * state.conf.get("MaxJobCount") + 4 * len(state.conf.nodes)))


def _duration(minutes: bool, none: str = "00:00:00") -> _Write:
    """A length of time given in Slurm's form (whole number: minutes, or seconds where so stated)."""

    @_one
    def write(state: _State, name: str) -> str:
        text = str(state.conf.get(name) or "0")
        try:
            value = parse_minutes(text) if minutes else parse_seconds(text)
        except ValueError:
            return text
        if value == INFINITE:
            return none
        return format_hms(value * 60 if minutes else value)

    return write


def _priority(write: _Write) -> _Write:
    """Only the multifactor plugin has these."""

    def rows(state: _State, name: str) -> Iterator[tuple[str, str]]:
        return iter(()) if str(state.conf.get("PriorityType")).endswith("/basic") else write(state, name)

    return rows


@_one
def _limits(state: _State, name: str) -> str:
    if state.conf.given("PropagateResourceLimitsExcept") and not state.conf.given(name):
        return UNSET
    return str(state.conf.get(name) or UNSET)


@_one
def _part_limits(state: _State, name: str) -> str:
    value = str(state.conf.get(name) or "NO").upper()
    return "ALL" if value == "YES" else value


@_one
def _user(state: _State, name: str) -> str:
    user = str(state.conf.get(name) or "root")
    try:
        entry = pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
    except KeyError:
        return f"{user}(4294967294)"  # Slurm's number for nobody known
    return f"{entry.pw_name}({entry.pw_uid})"


def _hosts(state: _State, name: str) -> Iterator[tuple[str, str]]:
    for index, (host, address) in enumerate(state.conf.controllers):
        yield f"{name}[{index}]", host if address == host else f"{host}({address})"


_LEVELS = ("quiet", "fatal", "error", "info", "verbose", "debug", "debug2", "debug3", "debug4", "debug5")


@_one
def _level(state: _State, name: str) -> str:
    """A log level by its name, however it was given."""
    if name.endswith("SyslogDebug") and not state.conf.given(name):
        return UNSET
    value = str(state.conf.get(name)).lower()
    return _LEVELS[int(value)] if value.isdigit() and int(value) < len(_LEVELS) else value


@_one
def _port_range(state: _State, name: str) -> str:
    return str(state.conf.get(name) or "0-0")


@_one
def _suspend_time(state: _State, name: str) -> str:
    value = str(state.conf.get(name) or "INFINITE").upper()
    return "INFINITE" if value in ("INFINITE", "UNLIMITED", "NONE", "-1") else f"{value} sec"


@_one
def _namespace(state: _State, name: str) -> str:
    """NamespaceType, or what JobContainerType meant before it."""
    if value := state.conf.get(name):
        return str(value)
    old = str(state.conf.get("JobContainerType") or "")
    return old.replace("job_container/", "namespace/") if old and not old.endswith("/none") else UNSET


@_one
def _first_word(state: _State, name: str) -> str:
    return (_words(state, name) or [UNSET])[0]


@_one
def _task_param(state: _State, name: str) -> str:
    # the odd "(null type)" is what scontrol prints for no binding at all
    words = [word.lower() for word in _words(state, name) if word.lower() not in ("none", "sched")]
    return ",".join(words) or "(null type)"


_PROLOG_FLAGS = ("Alloc", "Contain", "DeferBatch", "ForceRequeueOnFail", "NoHold", "RunInJob", "Serial", "X11")
_PROLOG_IMPLIED = {"X11": ("Contain",), "RunInJob": ("Contain",), "Contain": ("Alloc",), "NoHold": ("Alloc",)}
_PRIVATE = ("accounts", "events", "jobs", "nodes", "partitions", "reservations", "usage", "users")
_PRIORITY_FLAGS = (
    "ACCRUE_ALWAYS", "SMALL_RELATIVE_TO_TIME", "CALCULATE_RUNNING", "DEPTH_OBLIVIOUS", "INCR_ONLY", "MAX_TRES",
    "MAX_TRES_GRES", "NO_FAIR_TREE", "NO_NORMAL_ASSOC", "NO_NORMAL_PART", "NO_NORMAL_QOS", "NO_NORMAL_TRES",
)  # fmt: skip
_NO_NORMAL = {"NO_NORMAL_ALL": ("NO_NORMAL_ASSOC", "NO_NORMAL_PART", "NO_NORMAL_QOS", "NO_NORMAL_TRES")}

_SEC = _unit("sec")
_MIN = _unit("min", unlimited="UNLIMITED")

#: The section as it is printed, from top to bottom.
ROWS: tuple[tuple[str, _Write], ...] = (
    ("AccountingStorageBackupHost", _text),
    ("AccountingStorageEnforce", _enforce),
    ("AccountingStorageHost", _text),
    ("AccountingStorageExternalHost", _text),
    ("AccountingStorageParameters", _text),
    ("AccountingStoragePort", _accounting_port),
    ("AccountingStorageTRES", _tres),
    ("AccountingStorageType", _plugin),
    ("AccountingStoreFlags", _text),
    ("AcctGatherEnergyType", _plugin),
    ("AcctGatherFilesystemType", _plugin),
    ("AcctGatherInterconnectType", _plugin),
    ("AcctGatherNodeFreq", _SEC),
    ("AcctGatherProfileType", _plugin),
    ("AllowSpecResourcesUsage", _yes_no),
    ("AuthAltTypes", _text),
    ("AuthAltParameters", _text),
    ("AuthInfo", _text),
    ("AuthType", _text),
    ("BatchStartTimeout", _SEC),
    ("BcastExclude", _text),
    ("BcastParameters", _text),
    ("BOOT_TIME", _one(lambda state, _name: _time_text(state.boot_time))),
    ("BurstBufferType", _plugin),
    ("CertgenParameters", _text),
    ("CertgenType", _text),
    ("CertmgrParameters", _text),
    ("CertmgrType", _text),
    ("CliFilterParameters", _text),
    ("CliFilterPlugins", _text),
    ("ClusterName", _one(lambda state, _name: state.conf.cluster_name)),
    ("CommunicationParameters", _text),
    ("CompleteWait", _SEC),
    ("CpuFreqDef", _governor),
    ("CpuFreqGovernors", _governors),
    ("CredType", _text),
    ("DataParserParameters", _text),
    ("DebugFlags", _text),
    ("DefMem", _memory("Def")),
    ("DependencyParameters", _text),
    ("DisableRootJobs", _yes_no),
    ("EioTimeout", _text),
    ("EnforcePartLimits", _part_limits),
    ("Epilog", _each),
    ("EpilogMsgTime", _unit("usec")),
    ("EpilogSlurmctld", _each),
    ("EpilogTimeout", _if_given(_text)),
    ("FairShareDampeningFactor", _priority(_text)),
    ("FederationParameters", _text),
    ("FirstJobId", _text),
    ("GresTypes", _text),
    ("GpuFreqDef", _text),
    ("GroupUpdateForce", _text),
    ("GroupUpdateTime", _SEC),
    ("HASH_VAL", _constant("Match")),
    ("HashPlugin", _text),
    ("HealthCheckInterval", _SEC),
    ("HealthCheckNodeState", _upper),
    ("HealthCheckProgram", _text),
    ("HttpParserType", _or("http_parser/libhttp_parser")),
    ("InactiveLimit", _SEC),
    ("InteractiveStepOptions", _text),
    ("JobAcctGatherFrequency", _text),
    ("JobAcctGatherType", _plugin),
    ("JobAcctGatherParams", _text),
    ("JobCompHost", _or("localhost")),
    ("JobCompLoc", _text),
    ("JobCompParams", _text),
    ("JobCompPass", _secret),
    ("JobCompPort", _or("0")),
    ("JobCompType", _plugin),
    ("JobCompUser", _or("root")),
    ("JobDefaults", _job_defaults),
    ("JobFileAppend", _text),
    ("JobRequeue", _text),
    ("JobSubmitPlugins", _text),
    ("KillOnBadExit", _text),
    ("KillWait", _SEC),
    ("LaunchParameters", _text),
    ("Licenses", _text),
    ("LogTimeFormat", _first_word),
    ("MailDomain", _text),
    ("MailProg", _text),
    ("MaxArraySize", _text),
    ("MaxBatchRequeue", _text),
    ("MaxDBDMsgs", _dbd_messages),
    ("MaxJobCount", _text),
    ("MaxJobId", _text),
    ("MaxMem", _memory("Max")),
    ("MaxNodeCount", _max_nodes),
    ("MaxStepCount", _text),
    ("MaxTasksPerNode", _text),
    ("MCSPlugin", _plugin),
    ("MCSParameters", _text),
    ("MessageTimeout", _SEC),
    ("MetricsType", _plugin),
    ("MinJobAge", _SEC),
    ("MpiDefault", _plugin),
    ("MpiParams", _text),
    ("MULTIPLE_SLURMD", _constant("yes")),
    ("NamespaceType", _namespace),
    ("NEXT_JOB_ID", _one(lambda state, _name: str(state.next_job_id))),
    ("NodeFeaturesPlugins", _text),
    ("OverTimeLimit", _MIN),
    ("PluginDir", _or(PLUGIN_DIR)),
    ("PlugStackConfig", _or(UNSET)),
    ("PreemptMode", _upper),
    ("PreemptParameters", _text),
    ("PreemptType", _plugin),
    ("PreemptExemptTime", _duration(minutes=False)),
    ("PrEpParameters", _text),
    ("PrEpPlugins", _text),
    ("PriorityParameters", _text),
    ("PrioritySiteFactorParameters", _text),
    ("PrioritySiteFactorPlugin", _plugin),
    ("PriorityDecayHalfLife", _priority(_duration(minutes=True))),
    ("PriorityCalcPeriod", _priority(_duration(minutes=True))),
    ("PriorityFavorSmall", _priority(_yes_no)),
    ("PriorityFlags", _priority(_ordered(_PRIORITY_FLAGS, "", _NO_NORMAL))),
    ("PriorityMaxAge", _priority(_duration(minutes=True))),
    ("PriorityType", _text),
    ("PriorityUsageResetPeriod", _priority(_upper)),
    ("PriorityWeightAge", _priority(_text)),
    ("PriorityWeightAssoc", _priority(_text)),
    ("PriorityWeightFairShare", _priority(_text)),
    ("PriorityWeightJobSize", _priority(_text)),
    ("PriorityWeightPartition", _priority(_text)),
    ("PriorityWeightQOS", _priority(_text)),
    ("PriorityWeightTRES", _priority(_text)),
    ("PrivateData", _ordered(_PRIVATE, "none")),
    ("ProctrackType", _text),
    ("Prolog", _each),
    ("PrologEpilogTimeout", _text),
    ("PrologSlurmctld", _each),
    ("PrologTimeout", _if_given(_text)),
    ("PrologFlags", _ordered(_PROLOG_FLAGS, UNSET, _PROLOG_IMPLIED)),
    ("PropagatePrioProcess", _text),
    ("PropagateResourceLimits", _limits),
    ("PropagateResourceLimitsExcept", _text),
    ("RebootProgram", _text),
    ("ReconfigFlags", _text),
    ("RequeueExit", _text),
    ("RequeueExitHold", _text),
    ("ResumeFailProgram", _text),
    ("ResumeProgram", _text),
    ("ResumeRate", _unit("nodes/min")),
    ("ResumeTimeout", _SEC),
    ("ResvEpilog", _text),
    ("ResvOverRun", _MIN),
    ("ResvProlog", _text),
    ("ReturnToService", _text),
    ("SchedulerParameters", _text),
    ("SchedulerTimeSlice", _SEC),
    ("SchedulerType", _text),
    ("ScronParameters", _text),
    ("SelectType", _text),
    ("SelectTypeParameters", _upper),
    ("SlurmUser", _user),
    ("SlurmctldAddr", _text),
    ("SlurmctldDebug", _level),
    ("SlurmctldHost", _hosts),
    ("SlurmctldLogFile", _text),
    ("SlurmctldPort", _text),
    ("SlurmctldSyslogDebug", _level),
    ("SlurmctldPrimaryOffProg", _text),
    ("SlurmctldPrimaryOnProg", _text),
    ("SlurmctldTimeout", _SEC),
    ("SlurmctldParameters", _text),
    ("SlurmdDebug", _level),
    ("SlurmdLogFile", _text),
    ("SlurmdParameters", _text),
    ("SlurmdPidFile", _text),
    ("SlurmdPort", _text),
    ("SlurmdSpoolDir", _text),
    ("SlurmdSyslogDebug", _level),
    ("SlurmdTimeout", _SEC),
    ("SlurmdUser", _user),
    ("SlurmSchedLogFile", _text),
    ("SlurmSchedLogLevel", _text),
    ("SlurmctldPidFile", _text),
    ("SLURM_CONF", _one(lambda state, _name: state.conf.path)),
    ("SLURM_VERSION", _constant(SLURM_VERSION)),
    ("SrunEpilog", _text),
    ("SrunPortRange", _port_range),
    ("SrunProlog", _text),
    ("StateSaveLocation", _text),
    ("SuspendExcNodes", _text),
    ("SuspendExcParts", _text),
    ("SuspendExcStates", _text),
    ("SuspendProgram", _text),
    ("SuspendRate", _unit("nodes/min")),
    ("SuspendTime", _suspend_time),
    ("SuspendTimeout", _SEC),
    ("SwitchParameters", _text),
    ("SwitchType", _plugin),
    ("TaskEpilog", _text),
    ("TaskPlugin", _plugin),
    ("TaskPluginParam", _task_param),
    ("TaskProlog", _text),
    ("TCPTimeout", _SEC),
    ("TLSParameters", _text),
    ("TLSType", _or("tls/none")),
    ("TmpFS", _text),
    ("TopologyParam", _text),
    ("TopologyPlugin", _text),
    ("TrackWCKey", _yes_no),
    ("TreeWidth", _text),
    ("UsePam", _yes_no),
    ("UnkillableStepProgram", _text),
    ("UnkillableStepTimeout", _SEC),
    ("UrlParserType", _or("url_parser/libhttp_parser")),
    ("VSizeFactor", _unit("percent")),
    ("WaitTime", _SEC),
    ("X11Parameters", _text),
)


def _given(value: str | None) -> str:
    return value or UNSET


def _flag(value: str | None) -> str:
    return "yes" if (value or "").lower() in ("yes", "up", "true", "1") else "no"


def _percent(value: str | None) -> str:
    try:
        return f"{float(value or 0):.1f}%"
    except ValueError:
        return _given(value)


#: "Cgroup Support Configuration:"
CGROUP_ROWS: tuple[tuple[str, Callable[[str | None], str]], ...] = (
    ("AllowedRAMSpace", _percent),
    ("AllowedSwapSpace", _percent),
    ("CgroupMountpoint", _given),
    ("CgroupPlugin", _given),
    ("ConstrainCores", _flag),
    ("ConstrainDevices", _flag),
    ("ConstrainRAMSpace", _flag),
    ("ConstrainSwapSpace", _flag),
    ("EnableControllers", _flag),
    ("EnableExtraControllers", _given),
    ("IgnoreSystemd", _flag),
    ("IgnoreSystemdOnFailure", _flag),
    ("MaxRAMPercent", _percent),
    ("MaxSwapPercent", _percent),
    ("MemorySwappiness", _given),
    ("MinRAMSpace", lambda value: f"{value or 30}MB"),
    ("SystemdTimeout", lambda value: f"{value or 1000} ms"),
)

#: "MPI Plugins Configuration:" with the defaults of mpi.conf(5)
MPI_ROWS: tuple[tuple[str, str], ...] = (
    ("PMIxCliTmpDirBase", UNSET),
    ("PMIxCollFence", UNSET),
    ("PMIxDebug", "0"),
    ("PMIxDirectConn", "yes"),
    ("PMIxDirectConnEarly", "no"),
    ("PMIxDirectConnUCX", "no"),
    ("PMIxDirectSameArch", "no"),
    ("PMIxEnv", UNSET),
    ("PMIxFenceBarrier", "no"),
    ("PMIxNetDevicesUCX", UNSET),
    ("PMIxShareServerTopology", "no"),
    ("PMIxTimeout", "300"),
    ("PMIxTlsUCX", UNSET),
)
