"""What settings of older releases mean today.

One table: a key, the values it is about, and what a file of today says instead.
Source: release notes of 20.11 to 25.11, slurm.conf(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OldSetting:
    """`pattern` matches the whole value in any letter case; ``\\1`` in `value` is its first group.

    `how`: "set" gives `becomes` the value unless the file gives it one; "add" puts the value into `becomes`, a comma
    list; "replace" changes the key itself; "keep" only has something to say.
    """

    key: str
    pattern: str
    how: str
    becomes: str
    value: str
    text: str


OLD_SETTINGS: tuple[OldSetting, ...] = (
    OldSetting(
        "FastSchedule", "2", "add", "SlurmdParameters", "config_overrides", "nodes count as large as this file says"
    ),
    OldSetting("FastSchedule", "0", "keep", "", "", "nodes with less than this file says are drained"),
    OldSetting("CryptoType", r"crypto/(\w+)", "set", "CredType", r"cred/\1", "is called CredType now"),
    OldSetting(
        "SelectType",
        "select/(cons_res|serial|cray_aries)",
        "replace",
        "SelectType",
        "select/cons_tres",
        "has become select/cons_tres",
    ),
    OldSetting(
        "AccountingStoreJobComment",
        "yes|true|up|1",
        "add",
        "AccountingStoreFlags",
        "job_comment",
        "read as AccountingStoreFlags=job_comment",
    ),
    OldSetting(
        "AccountingStorageType",
        "accounting_storage/mysql",
        "replace",
        "AccountingStorageType",
        "accounting_storage/slurmdbd",
        "the database is reached through slurmdbd",
    ),
    OldSetting(
        "AccountingStorageType",
        "accounting_storage/(filetxt|pgsql)",
        "replace",
        "AccountingStorageType",
        "accounting_storage/none",
        "is gone: there will be no accounting",
    ),
    OldSetting(
        "JobContainerType",
        r"job_container/(tmpfs)",
        "set",
        "NamespaceType",
        r"namespace/\1",
        "is called NamespaceType now",
    ),
    OldSetting(
        "AcctGatherInfinibandType",
        r"acct_gather_infiniband/(\w+)",
        "set",
        "AcctGatherInterconnectType",
        r"acct_gather_interconnect/\1",
        "is called AcctGatherInterconnectType now",
    ),
    OldSetting("RoutePlugin", "route/topology", "add", "TopologyParam", "RouteTree", "read as TopologyParam=RouteTree"),
    OldSetting(
        "TopologyPlugin",
        "topology/(none|default|3d_torus)",
        "replace",
        "TopologyPlugin",
        "topology/flat",
        "has become topology/flat",
    ),
    OldSetting(
        "SchedulerType",
        "sched/(wiki2?|hold)",
        "replace",
        "SchedulerType",
        "sched/backfill",
        "is gone: sched/backfill takes its place",
    ),
    OldSetting(
        "SallocDefaultCommand",
        ".+",
        "add",
        "LaunchParameters",
        "use_interactive_step",
        "salloc starts an interactive step instead",
    ),
    OldSetting(
        "MemLimitEnforce",
        "yes|true|up|1",
        "add",
        "JobAcctGatherParams",
        "OverMemoryKill",
        "read as JobAcctGatherParams=OverMemoryKill",
    ),
    OldSetting("DefaultStorageHost", "(.+)", "set", "AccountingStorageHost", r"\1", "read as AccountingStorageHost"),
    OldSetting(
        "DefaultStorageType",
        r"(?:\w+/)?(slurmdbd)",
        "set",
        "AccountingStorageType",
        r"accounting_storage/\1",
        "read as AccountingStorageType",
    ),
    OldSetting(
        "ProctrackType",
        "proctrack/(sgi_job|lua|cray|cray_aries|rms|aix)",
        "replace",
        "ProctrackType",
        "proctrack/linuxproc",
        "is gone: processes are followed by their parents",
    ),
    OldSetting(
        "MpiDefault",
        "openmpi|lam|mpich1_p4|mpich1_shmem|mpichgm|mpichmx|mvapich",
        "replace",
        "MpiDefault",
        "none",
        "is gone: read as none",
    ),
    OldSetting("PriorityFlags", ".*(fair_tree).*", "keep", "", "", "FAIR_TREE is the default"),
)

#: words of comma lists that moved to another list: (old key, word) → (new key, word)
MOVED_WORDS: dict[tuple[str, str], tuple[str, str]] = {
    ("schedulerparameters", "preempt_strict_order"): ("PreemptParameters", "strict_order"),
    ("schedulerparameters", "preempt_reorder_count"): ("PreemptParameters", "reorder_count"),
    ("schedulerparameters", "preempt_youngest_first"): ("PreemptParameters", "youngest_first"),
    ("schedulerparameters", "kill_invalid_depend"): ("DependencyParameters", "kill_invalid_depend"),
    ("schedulerparameters", "max_depend_depth"): ("DependencyParameters", "max_depend_depth"),
    ("slurmctldparameters", "preempt_send_user_signal"): ("PreemptParameters", "send_user_signal"),
}


@dataclass(frozen=True, slots=True)
class Reinterpreted:
    """An old setting found in a file: of `key`; the key that gets the value ("" none); the text for the admin."""

    key: str
    becomes: str
    value: str
    text: str


def reinterpret(values: Mapping[str, object]) -> Iterator[Reinterpreted]:
    """What a file's settings (by lower-case key) mean for other keys; the values to take are lower-case keyed too.

    A list that is added to comes complete: the file's own words, then the new one.
    """
    lists: dict[str, str] = {}

    def added(key: str, word: str) -> str:
        have = lists.get(key.lower()) or str(values.get(key.lower()) or "")
        names = {item.partition("=")[0].strip().lower() for item in have.split(",")}
        if word.partition("=")[0].lower() not in names:
            lists[key.lower()] = have = f"{have},{word}" if have else word
        return have

    for old in OLD_SETTINGS:
        given = values.get(old.key.lower())
        if given is None:
            continue
        text = "yes" if given is True else "no" if given is False else str(given)
        match = re.fullmatch(old.pattern, text, re.IGNORECASE)
        if match is None:
            continue
        value = match.expand(old.value)
        if old.how == "set" and old.becomes.lower() in values:
            continue
        if old.how == "add":
            value = added(old.becomes, value)
        yield Reinterpreted(old.key, "" if old.how == "keep" else old.becomes, value, f"{text}: {old.text}")
    for (key, word), (becomes, new) in MOVED_WORDS.items():
        for item in str(values.get(key) or "").split(","):
            name, equals, value = item.strip().partition("=")
            if name.lower() == word:
                text = f"{word} belongs to {becomes} now: write {becomes}={new}{equals}{value}"
                yield Reinterpreted(key, becomes, added(becomes, f"{new}{equals}{value}"), text)
