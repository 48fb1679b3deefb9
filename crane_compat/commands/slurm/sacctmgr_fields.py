"""sacctmgr's columns: for each entity the words format= takes, and the columns shown by default.

A getter takes a row of the accounting call ``show`` and the `Names` of its reply.
"""

from __future__ import annotations

import functools
import pwd
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from crane_compat.accounting import codes, limits
from crane_compat.parsers.time_limit import format_hms

from .quantities import moment

NO_VAL = 0xFFFFFFFE
Row = Mapping[str, Any]


@dataclass(slots=True)
class Names:
    """What numbers in the rows stand for."""

    tres: dict[int, str]
    qos: dict[int, str]
    tree: bool = False  # accounts are indented by their depth


Getter = Callable[[Row, Names], str]


@dataclass(frozen=True, slots=True)
class Field:
    """`names`: the word for format=, then aliases; `least`: letters that must be given."""

    title: str
    width: int
    get: Getter
    names: tuple[str, ...]


def _f(names: str, title: str, width: int, get: Getter) -> Field:
    return Field(title or names.split()[0], width, get, tuple(names.lower().split()))


def text(column: str) -> Getter:
    def get(row: Row, names: Names) -> str:
        value = row.get(column)
        return "" if value is None else str(value)

    return get


def tres(column: str) -> Getter:
    return lambda row, names: limits.show_tres(row.get(column) or "", names.tres)


def one_tres(column: str, number: int) -> Getter:
    """An old one-number column: one TRES of the text."""

    def get(row: Row, names: Names) -> str:
        for part in (row.get(column) or "").split(","):
            key, _, value = part.partition("=")
            if key == str(number):
                return value
        return ""

    return get


def minutes(column: str) -> Getter:
    def get(row: Row, names: Names) -> str:
        value = row.get(column)
        return "" if value is None else format_hms(value * 60)

    return get


def seconds(column: str) -> Getter:
    def get(row: Row, names: Names) -> str:
        value = row.get(column)
        return "" if value is None else format_hms(value)

    return get


def number(column: str) -> Getter:
    def get(row: Row, names: Names) -> str:
        value = row.get(column)
        return "" if value is None else f"{value:.6f}"

    return get


def when(column: str) -> Getter:
    return lambda row, names: moment(row.get(column) or 0)


def account(row: Row, names: Names) -> str:
    return (" " * row.get("depth", 0) if names.tree else "") + str(row.get("acct") or "")


def shares(row: Row, names: Names) -> str:
    value = row.get("shares")
    return "" if value is None else "parent" if value == limits.PARENT_SHARES else str(value)


def qos_names(row: Row, names: Names) -> str:
    return ",".join(sorted(names.qos[n] for n in row.get("qos_list") or () if n in names.qos))


def qos_raw(row: Row, names: Names) -> str:
    return ",".join(str(n) for n in row.get("qos_list") or ())


def default_qos(row: Row, names: Names) -> str:
    return names.qos.get(row.get("def_qos_id") or 0, "")


def preempt(row: Row, names: Names) -> str:
    numbers = [int(n) for n in (row.get("preempt") or "").split(",") if n.isdigit()]
    return ",".join(sorted(names.qos[n] for n in numbers if n in names.qos))


def qos_flags(row: Row, names: Names) -> str:
    shown = limits.show_flags(row.get("flags") or 0)
    return ",".join(part for part in ("Deleted" if row.get("deleted") else "", shown) if part)


def coordinates(row: Row, names: Names) -> str:
    return ",".join(row.get("coordinates") or ())


@functools.cache
def user_with_uid(uid: int) -> str:
    if uid == NO_VAL:
        return ""
    try:
        return f"{pwd.getpwuid(uid).pw_name}({uid})"
    except KeyError:
        return f"({uid})"


def event_user(row: Row, names: Names) -> str:
    return user_with_uid(row["reason_uid"])


def event_state(row: Row, names: Names) -> str:
    return node_state(row["state"]) if row["node_name"] else ""


def node_state(state: int) -> str:
    """A node's state in sinfo's short upper-case form."""
    from crane_compat.core import states

    base = state & states.NODE_BASE_MASK
    busy = base in (states.NODE_ALLOCATED, states.NODE_MIXED) or state & states.NODE_COMPLETING
    star = "*" if state & states.NODE_NO_RESPOND else ""
    if state & states.NODE_MAINT:
        return "MAINT" + star
    if state & states.NODE_DRAIN:
        return ("DRNG" if busy else "DRAIN") + star
    if state & states.NODE_FAILING:
        return ("FAILG" if busy else "FAIL") + star
    short = {0: "UNK", 1: "DOWN", 2: "IDLE", 3: "ALLOC", 4: "ERROR", 5: "MIX", 6: "FUTR"}
    return short.get(base, "?") + star


def txn_action(row: Row, names: Names) -> str:
    return codes.TXN_NAMES.get(row["action"], "Unknown")


def resource_type(row: Row, names: Names) -> str:
    return "License" if row.get("type") == 1 else "Unknown"


#: limits of associations: shown for associations, and with withassoc for users and accounts
_ASSOCIATION = (
    _f("Account acct", "Account", 10, account),
    _f("Cluster", "", 10, text("cluster")),
    _f("Comment", "", 20, text("comment")),
    _f("DefaultQOS defqos", "Def QOS", 9, default_qos),
    _f("Fairshare", "FairShare", 9, shares),
    _f("Shares", "Share", 9, shares),
    _f("GrpCPUMins", "", 11, one_tres("grp_tres_mins", 1)),
    _f("GrpCPURunMins", "", 13, one_tres("grp_tres_run_mins", 1)),
    _f("GrpCPUs", "", 8, one_tres("grp_tres", 1)),
    _f("GrpJobs", "", 7, text("grp_jobs")),
    _f("GrpJobsAccrue", "", 13, text("grp_jobs_accrue")),
    _f("GrpMemory", "GrpMem", 7, one_tres("grp_tres", 2)),
    _f("GrpNodes", "", 8, one_tres("grp_tres", 4)),
    _f("GrpSubmitJobs", "GrpSubmit", 9, text("grp_submit_jobs")),
    _f("GrpTRES", "", 13, tres("grp_tres")),
    _f("GrpTRESMins", "", 13, tres("grp_tres_mins")),
    _f("GrpTRESRunMins", "", 13, tres("grp_tres_run_mins")),
    _f("GrpWall", "", 11, minutes("grp_wall")),
    _f("ID", "", 6, text("id_assoc")),
    _f("Lineage", "", -20, text("lineage")),
    _f("MaxCPUMinsPerJob maxcpumins", "MaxCPUMins", 11, one_tres("max_tres_mins_pj", 1)),
    _f("MaxCPUsPerJob", "MaxCPUs", 8, one_tres("max_tres_pj", 1)),
    _f("MaxJobs", "", 7, text("max_jobs")),
    _f("MaxJobsAccrue", "", 13, text("max_jobs_accrue")),
    _f("MaxNodesPerJob", "MaxNodes", 8, one_tres("max_tres_pj", 4)),
    _f("MaxSubmitJobs", "MaxSubmit", 9, text("max_submit_jobs")),
    _f("MaxTRESPerJob", "MaxTRES", 13, tres("max_tres_pj")),
    _f("MaxTRESPerNode maxtrespn", "", 14, tres("max_tres_pn")),
    _f("MaxTRESMinsPerJob", "MaxTRESMins", 13, tres("max_tres_mins_pj")),
    _f("MaxTRESRunMins", "", 14, tres("max_tres_run_mins")),
    _f("MaxWallDurationPerJob", "MaxWall", 11, minutes("max_wall_pj")),
    _f("MinPrioThreshold", "MinPrioThres", 12, text("min_prio_thresh")),
    _f("ParentID", "Par ID", 6, text("parent_id")),
    _f("ParentName", "", 10, text("parent_acct")),
    _f("Partition", "", 10, text("partition")),
    _f("Priority", "", 10, text("priority")),
    _f("QOSLevel qos", "QOS", 20, qos_names),
    _f("QOSRAW", "QOS_RAW", 10, qos_raw),
    _f("User name", "User", 10, text("user")),
)  # fmt: skip

_USER = (
    _f("AdminLevel", "Admin", 9, text("admin")),
    _f("Coordinators", "Coord Accounts", 20, coordinates),
    _f("DefaultAccount", "Def Acct", 10, text("default_account")),
    _f("DefaultWCKey", "Def WCKey", 10, lambda row, names: ""),
    _f("User name", "User", 10, text("user")),
    *_ASSOCIATION,
)

_ACCOUNT = (
    _f("Account name", "Account", 10, text("acct")),
    _f("Coordinators", "Coord Accounts", 20, coordinates),
    _f("Description", "Descr", 20, text("description")),
    _f("Organization", "Org", 20, text("organization")),
    *_ASSOCIATION,
)

_QOS = (
    _f("Name", "", 10, text("name")),
    _f("Description", "Descr", 20, text("description")),
    _f("Flags", "", 20, qos_flags),
    _f("GraceTime", "", 10, lambda row, names: format_hms(row.get("grace_time") or 0)),
    _f("GrpCPUs", "", 8, one_tres("grp_tres", 1)),
    _f("GrpCPUMins", "", 11, one_tres("grp_tres_mins", 1)),
    _f("GrpJobs", "", 7, text("grp_jobs")),
    _f("GrpJobsAccrue", "", 13, text("grp_jobs_accrue")),
    _f("GrpMemory", "GrpMem", 7, one_tres("grp_tres", 2)),
    _f("GrpNodes", "", 8, one_tres("grp_tres", 4)),
    _f("GrpSubmitJobs", "GrpSubmit", 9, text("grp_submit_jobs")),
    _f("GrpTRES", "", 13, tres("grp_tres")),
    _f("GrpTRESMins", "", 13, tres("grp_tres_mins")),
    _f("GrpTRESRunMins", "", 13, tres("grp_tres_run_mins")),
    _f("GrpWall", "", 11, minutes("grp_wall")),
    _f("ID", "", 6, text("id")),
    _f("LimitFactor", "LimitFactor", 11, number("limit_factor")),
    _f("MaxCPUMinsPerJob", "MaxCPUMins", 11, one_tres("max_tres_mins_pj", 1)),
    _f("MaxCPUsPerJob", "MaxCPUs", 8, one_tres("max_tres_pj", 1)),
    _f("MaxCPUsPerUser maxcpuspu", "MaxCPUsPU", 9, one_tres("max_tres_pu", 1)),
    _f("MaxJobsPerUser maxjobspu maxjobs", "MaxJobsPU", 9, text("max_jobs_per_user")),
    _f("MaxJobsPerAccount maxjobspa", "MaxJobsPA", 9, text("max_jobs_pa")),
    _f("MaxJobsAccruePerUser maxjobsaccruepu", "MaxJobsAccruePU", 15, text("max_jobs_accrue_pu")),
    _f("MaxJobsAccruePerAccount maxjobsaccruepa", "MaxJobsAccruePA", 15, text("max_jobs_accrue_pa")),
    _f("MaxNodesPerJob", "MaxNodes", 8, one_tres("max_tres_pj", 4)),
    _f("MaxSubmitJobsPerUser maxsubmitjobspu maxsubmitpu", "MaxSubmitPU", 11, text("max_submit_jobs_per_user")),
    _f("MaxSubmitJobsPerAccount maxsubmitjobspa maxsubmitpa", "MaxSubmitPA", 11, text("max_submit_jobs_pa")),
    _f("MaxTRESPerJob maxtrespj maxtres", "MaxTRES", 13, tres("max_tres_pj")),
    _f("MaxTRESPerAccount maxtrespa", "MaxTRESPA", 13, tres("max_tres_pa")),
    _f("MaxTRESPerNode maxtrespn", "MaxTRESPerNode", 14, tres("max_tres_pn")),
    _f("MaxTRESPerUser maxtrespu", "MaxTRESPU", 13, tres("max_tres_pu")),
    _f("MaxTRESMinsPerJob maxtresmins", "MaxTRESMins", 13, tres("max_tres_mins_pj")),
    _f("MaxTRESRunMinsPerAccount maxtresrunminspa", "MaxTRESRunMinsPA", 22, tres("max_tres_run_mins_pa")),
    _f("MaxTRESRunMinsPerUser maxtresrunminspu", "MaxTRESRunMinsPU", 22, tres("max_tres_run_mins_pu")),
    _f("MaxWallDurationPerJob", "MaxWall", 11, minutes("max_wall_duration_per_job")),
    _f("MinPrioThreshold", "MinPrioThres", 12, text("min_prio_thresh")),
    _f("MinTRESPerJob mintres", "MinTRES", 13, tres("min_tres_pj")),
    _f("Preempt", "", 10, preempt),
    _f("PreemptExemptTime", "", 19, seconds("preempt_exempt_time")),
    _f("PreemptMode", "", 11, lambda row, names: limits.show_preempt_mode(row.get("preempt_mode") or 0)),
    _f("Priority", "", 10, lambda row, names: str(row.get("priority") or 0)),
    _f("UsageFactor", "", 11, number("usage_factor")),
    _f("UsageThreshold", "UsageThres", 10, number("usage_thres")),
)

_CLUSTER = (
    _f("Cluster name", "Cluster", 10, text("cluster")),
    _f("Classification", "Class", 9, text("classification")),
    _f("ControlHost", "", 15, text("control_host")),
    _f("ControlPort", "", 12, text("control_port")),
    _f("Federation", "", 10, text("federation")),
    _f("Features", "", 20, text("features")),
    _f("FedState", "", 12, lambda row, names: ""),
    _f("FedStateRaw", "", 11, text("fed_state")),
    _f("ID", "", 2, text("cluster_id")),
    _f("NodeCount", "", 9, lambda row, names: one_tres("tres", 4)(row, names)),
    _f("NodeNames ClusterNodes", "Cluster Nodes", 20, text("nodes")),
    _f("RPC", "", 5, text("rpc_version")),
    _f("TRES", "", 20, tres("tres")),
    *_ASSOCIATION,
)

_EVENT = (
    _f("Cluster", "", 10, text("cluster")),
    _f("ClusterNodes", "Cluster Nodes", 20, text("cluster_nodes")),
    _f("CPUCount cpus", "CPUs", 7, one_tres("tres", 1)),
    _f("Duration", "", 13, lambda row, names: _duration(row)),
    _f("Event", "", 7, lambda row, names: "Node" if row["node_name"] else "Cluster"),
    _f("Extra", "", 20, text("extra")),
    _f("InstanceId", "", 20, text("instance_id")),
    _f("InstanceType", "", 20, text("instance_type")),
    _f("NodeName", "", -15, text("node_name")),
    _f("Reason", "", 30, text("reason")),
    _f("Start TimeStart", "TimeStart", 19, when("time_start")),
    _f("End TimeEnd", "TimeEnd", 19, when("time_end")),
    _f("State", "", 6, event_state),
    _f("StateRaw", "", 8, text("state")),
    _f("TRES", "", 20, tres("tres")),
    _f("User", "", 10, event_user),
)


def _duration(row: Row) -> str:
    import time

    return format_hms((row["time_end"] or time.time()) - row["time_start"])


_FIELDS: dict[str, tuple[Field, ...]] = {
    "association": _ASSOCIATION,
    "user": _USER,
    "account": _ACCOUNT,
    "qos": _QOS,
    "cluster": _CLUSTER,
    "event": _EVENT,
    "instance": _EVENT,
    "tres": (
        _f("Type", "", 8, text("type")),
        _f("Name", "", 15, text("name")),
        _f("ID", "", 6, text("id")),
    ),
    "transaction": (
        _f("Action", "", 20, txn_action),
        _f("Actor", "", 10, text("actor")),
        _f("Cluster", "", 10, text("cluster")),
        _f("ID", "", 6, text("id")),
        _f("Info", "", 20, text("info")),
        _f("TimeStamp", "Time", 19, when("timestamp")),
        _f("Where", "", 20, text("name")),
    ),
    "wckey": (
        _f("Cluster", "", 10, text("cluster")),
        _f("ID", "", 6, text("id_wckey")),
        _f("WCKey name", "WCKey", 10, text("wckey_name")),
        _f("User", "", 10, text("user")),
    ),
    "reservation": (
        _f("Associations", "Assocs", 20, text("assoclist")),
        _f("Cluster", "", 10, text("cluster")),
        _f("End TimeEnd", "TimeEnd", 19, when("time_end")),
        _f("Flags", "", 20, text("flags")),
        _f("ID", "", 6, text("id_resv")),
        _f("Name", "", 15, text("resv_name")),
        _f("NodeNames", "", 20, text("nodelist")),
        _f("Start TimeStart", "TimeStart", 19, when("time_start")),
        _f("TRES", "", 30, tres("tres")),
        _f("UnusedWall", "", 10, number("unused_wall")),
    ),
    "resource": (
        _f("Allocated", "", 9, text("allocated")),
        _f("Allowed", "", 8, text("allowed")),
        _f("Cluster", "", 10, text("cluster")),
        _f("Count", "", 6, text("count")),
        _f("Description", "Descr", 20, text("description")),
        _f("Flags", "", 20, lambda row, names: "Absolute" if (row.get("flags") or 0) & 1 else ""),
        _f("LastConsumed", "", 12, text("last_consumed")),
        _f("Manager ServerType", "ServerType", 10, text("manager")),
        _f("Name", "", 10, text("name")),
        _f("Server", "", 10, text("server")),
        _f("Type", "", 8, resource_type),
    ),
    "federation": (
        _f("Federation", "", 10, text("name")),
        _f("Cluster", "", 10, text("cluster")),
        _f("ID", "", 2, text("fed_id")),
        _f("Features", "", 20, text("features")),
        _f("FedState", "", 12, text("fed_state")),
    ),
    "problem": (
        _f("Cluster", "", 10, text("cluster")),
        _f("Account", "", 10, text("acct")),
        _f("User", "", 10, text("user")),
        _f("Problem", "", 40, text("problem")),
    ),
    "runaway": (
        _f("ID", "", 12, text("id_job")),
        _f("Name", "", 10, text("job_name")),
        _f("Partition", "", 10, text("partition")),
        _f("Cluster", "", 10, text("cluster")),
        _f("State", "", 10, lambda row, names: _job_state(row)),
        _f("TimeSubmit", "", 19, when("time_submit")),
        _f("TimeStart", "", 19, when("time_start")),
        _f("TimeEnd", "", 19, when("time_end")),
    ),
}


def _job_state(row: Row) -> str:
    from crane_compat.core.states import job_state_name

    return job_state_name(row["state"])


_LIMITS = "maxjobs,maxnodesperjob,maxcpusperjob,maxsubmitjobs,maxwall,maxcpuminsperjob,qos,defaultqos"

#: what is shown without format=
DEFAULTS: dict[str, str] = {
    "association": (
        "cluster,account,user,partition,shares,priority,grpjobs,grptres,grpsubmit,grpwall,grptresmins,maxjobs,"
        "maxtresperjob,maxtrespernode,maxsubmit,maxwall,maxtresmins,qos,defaultqos,grptresrunmins"
    ),
    "association wopl": "cluster,account,user,partition",
    "user": "user,defaultaccount,adminlevel",
    "user withassoc": (
        "user,defaultaccount,adminlevel,cluster,account,partition,shares,priority,maxjobs,maxnodesperjob,"
        "maxcpusperjob,maxsubmit,maxwall,maxcpumins,qos,defaultqos"
    ),
    "account": "account,description,organization",
    "account withassoc": (
        "account,description,organization,cluster,parentname,user,shares,priority,grpjobs,grpnodes,grpcpus,grpmemory,"
        "grpsubmit,grpwall,grpcpumins,maxjobs,maxnodesperjob,maxcpusperjob,maxsubmit,maxwall,maxcpumins,qos,defaultqos"
    ),
    "qos": (
        "name,priority,gracetime,preempt,preemptexempttime,preemptmode,flags%40,usagethreshold,usagefactor,grptres,"
        "grptresmins,grptresrunmins,grpjobs,grpsubmit,grpwall,maxtresperjob,maxtrespernode,maxtresmins,maxwall,"
        "maxtresperuser,maxjobsperuser,maxsubmitjobsperuser,maxtresperaccount,maxtresrunminsperaccount,"
        "maxtresrunminsperuser,maxjobsperaccount,maxsubmitjobsperaccount,mintresperjob"
    ),
    "cluster": (
        "cluster,controlhost,controlport,rpc,shares,grpjobs,grptres,grpsubmit,maxjobs,maxtresperjob,maxsubmit,maxwall,"
        "qos,defaultqos"
    ),
    "event": "cluster,nodename,start,end,state,reason,user",
    "instance": "cluster,nodename,start,end,instanceid,instancetype,extra",
    "tres": "type,name,id",
    "transaction": "timestamp,action,actor,where,info",
    "wckey": "wckey,cluster,user",
    "reservation": "cluster,name,tres,start,end,unusedwall",
    "resource": "name,server,type,count,lastconsumed,allocated,servertype,flags",
    "resource withclusters": "name,server,type,count,lastconsumed,allocated,servertype,cluster,allowed,flags",
    "federation": "federation,cluster,id,features,fedstate",
    "problem": "cluster,account,user,problem",
    "runaway": "id,name,partition,cluster,state,timestart,timeend",
}


def find_field(entity: str, word: str) -> Field | None:
    """The field a word of format= means: exactly, else the first that begins so."""
    word = word.lower()
    fields = _FIELDS[entity]
    for field in fields:
        if word in field.names or word == field.title.lower().replace(" ", ""):
            return field
    return next((f for f in fields if any(name.startswith(word) for name in f.names)), None)
