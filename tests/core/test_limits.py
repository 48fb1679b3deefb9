"""Limits of QOS and associations: who is refused, who waits and for what, and that the counts stay true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from crane_compat.core import states as st
from crane_compat.core.errors import Errno, RequestError

from .machine_room import ALICE, BOB, MachineRoom

ENFORCED = "AccountingStorageType=accounting_storage/slurmdbd\nAccountingStorageEnforce=limits,qos\n"


def document(**limits: dict[str, Any]) -> dict[str, Any]:
    """root → physics → alice and bob; QOS normal and short; `limits` by name of the account, user or QOS."""

    def assoc(number: int, parent: int, account: str, user: str = "") -> dict[str, Any]:
        return {
            "id": number, "parent_id": parent, "account": account, "user": user, "is_default": bool(user),
            "qos": ["normal", "short"], "default_qos": "normal", "limits": limits.get(user or account, {}),
        }  # fmt: skip

    return {
        "users": [{"name": "alice"}, {"name": "bob"}],
        "accounts": [{"name": "root"}, {"name": "physics"}],
        "associations": [
            assoc(1, 0, "root"), assoc(2, 1, "physics"), assoc(3, 2, "physics", "alice"), assoc(4, 2, "physics", "bob"),
        ],
        "qos": [
            {"id": 1, "name": "normal", "limits": limits.get("normal", {})},
            {"id": 2, "name": "short", "limits": limits.get("short", {}), "flags": ["DenyOnLimit"]},
            {"id": 3, "name": "ofpart", "limits": limits.get("ofpart", {})},
        ],
    }  # fmt: skip


@pytest.fixture
def room(tmp_path: Path) -> MachineRoom:
    return MachineRoom(tmp_path, extra=ENFORCED)


def under(room: MachineRoom, **limits: dict[str, Any]) -> MachineRoom:
    room.cluster.accounts.load(document(**limits))
    room.cluster.limits.accounts_changed()
    return room


def reason_of(room: MachineRoom, **fields: object) -> str:
    job = room.submit(**fields)
    room.schedule()
    return job.record.reason if job.pending else "runs"


@pytest.mark.parametrize(
    ("limits", "fields", "reason"),
    [
        ({"normal": {"MaxTRESPerJob": {"cpu": 2}}}, {"num_tasks": 3}, "QOSMaxCpuPerJobLimit"),
        ({"normal": {"MaxTRESPerJob": {"cpu": 3}}}, {"num_tasks": 3}, "runs"),
        ({"normal": {"MaxTRESPerNode": {"cpu": 2}}}, {"num_tasks": 3, "min_nodes": 1}, "QOSMaxCpuPerNode"),
        ({"normal": {"MaxTRESPerUser": {"gres/gpu": 1}}}, {"gres": "gpu:2"}, "QOSMaxGRESPerUser"),
        ({"normal": {"MaxTRESPerAccount": {"mem": 100}}}, {"mem_per_node": 101}, "MaxMemoryPerAccount"),
        ({"normal": {"GrpTRES": {"node": 1}}}, {"min_nodes": 2, "max_nodes": 2}, "QOSGrpNodeLimit"),
        ({"normal": {"MinTRESPerJob": {"cpu": 4}}}, {"num_tasks": 3}, "QOSMinCpuNotSatisfied"),
        ({"normal": {"MaxWallDurationPerJob": 5}}, {"time_limit": 6}, "QOSMaxWallDurationPerJobLimit"),
        ({"normal": {"MaxTRESMinsPerJob": {"cpu": 10}}}, {"time_limit": 11}, "QOSMaxCpuMinutesPerJobLimit"),
        ({"normal": {"GrpTRESRunMins": {"cpu": 10}}}, {"time_limit": 11}, "QOSGrpCPURunMinutesLimit"),
        ({"physics": {"GrpTRES": {"cpu": 2}}}, {"num_tasks": 3}, "AssocGrpCpuLimit"),
        ({"root": {"GrpTRES": {"license/matlab": 0}}}, {"licenses": "matlab:1"}, "AssocGrpLic"),
        ({"physics": {"MaxTRESPerJob": {"node": 1}}}, {"min_nodes": 2, "max_nodes": 2}, "AssocMaxNodePerJobLimit"),
        ({"physics": {"MaxWallDurationPerJob": 5}, "alice": {"MaxWallDurationPerJob": 9}}, {"time_limit": 8}, "runs"),
        ({"physics": {"MaxWallDurationPerJob": 5}}, {"time_limit": 8}, "AssocMaxWallDurationPerJobLimit"),
        ({"alice": {"MaxTRESMinsPerJob": {"cpu": 10}}}, {"time_limit": 11}, "AssocMaxCPUMinutesPerJobLimit"),
    ],
)  # fmt: skip
def test_what_a_job_waits_for(room: MachineRoom, limits: dict[str, Any], fields: dict[str, Any], reason: str) -> None:
    room.cluster.tres.ids |= {"gres/gpu": 1001, "license/matlab": 1002}
    assert reason_of(under(room, **limits), **fields) == reason


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"normal": {"GrpJobs": 1}}, "QOSGrpJobsLimit"),
        ({"normal": {"MaxJobsPerUser": 1}}, "QOSMaxJobsPerUserLimit"),
        ({"normal": {"MaxJobsPerAccount": 1}}, "MaxJobsPerAccount"),
        ({"physics": {"GrpJobs": 1}}, "AssocGrpJobsLimit"),
        ({"alice": {"MaxJobs": 1}}, "AssocMaxJobsLimit"),
        ({"physics": {"GrpTRES": {"cpu": 1}}}, "AssocGrpCpuLimit"),
    ],
)
def test_the_second_waits_until_the_first_has_ended(room: MachineRoom, limits: dict[str, Any], reason: str) -> None:
    under(room, **limits)
    first = room.submit()
    assert reason_of(room) == reason
    assert first.running
    room.finish(first)
    room.schedule()
    assert [job.running for job in room.cluster.jobs.values()] == [False, True]


@pytest.mark.parametrize(
    ("limits", "fields", "reason"),
    [
        ({"short": {"MaxTRESPerJob": {"cpu": 2}}}, {"qos": "short", "num_tasks": 3}, "QOSMaxCpuPerJobLimit"),
        ({"short": {"MaxWallDurationPerJob": 5}}, {"qos": "short", "time_limit": 6}, "QOSMaxWallDurationPerJobLimit"),
        ({"physics": {"MaxTRESPerJob": {"cpu": 2}}}, {"qos": "short", "num_tasks": 3}, "AssocMaxCpuPerJobLimit"),
        ({"normal": {"MaxSubmitJobsPerUser": 2}}, {"array": "0-2"}, "QOSMaxSubmitJobPerUserLimit"),
        ({"physics": {"GrpSubmitJobs": 2}}, {"array": "0-2"}, "AssocGrpSubmitJobsLimit"),
        ({"alice": {"MaxSubmitJobs": 0}}, {}, "AssocMaxSubmitJobLimit"),
    ],
)
def test_who_is_refused(room: MachineRoom, limits: dict[str, Any], fields: dict[str, Any], reason: str) -> None:
    under(room, **limits)
    number = room.cluster.next_job_id
    with pytest.raises(RequestError) as caught:
        room.submit(**fields)
    assert (caught.value.errno, caught.value.details) == (Errno.ACCOUNTING_POLICY, (reason,))
    assert room.cluster.next_job_id == number and not room.cluster.limits.counts
    if "array" not in fields:
        return
    assert room.submit(BOB, array="0-1").pending


def test_the_partitions_qos_goes_before_the_jobs(room: MachineRoom) -> None:
    under(room, normal={"MaxJobsPerUser": 1}, ofpart={"MaxJobsPerUser": 2})
    assert [reason_of(room) for _ in range(2)] == ["runs", "QOSMaxJobsPerUserLimit"]
    room.cluster.partitions["debug"].qos = "ofpart"
    room.cluster.limits.accounts_changed()
    room.schedule()
    assert reason_of(room) == "QOSMaxJobsPerUserLimit"
    assert sum(job.running for job in room.cluster.jobs.values()) == 2


def test_a_job_without_a_time_limit_gets_the_longest_allowed(room: MachineRoom) -> None:
    under(room, normal={"MaxWallDurationPerJob": 3})
    assert room.submit().record.time_limit == 3


def test_without_enforcement_nothing_is_counted(tmp_path: Path) -> None:
    room = under(MachineRoom(tmp_path), normal={"GrpJobs": 0})
    assert reason_of(room) == "runs" and not room.cluster.limits.counts


# ---------------------------------------------------------------- the counts


def recounted(room: MachineRoom) -> dict[tuple[str, ...], tuple[int, int, int]]:
    """What the counts must be, from the jobs alone."""
    totals: dict[tuple[str, ...], list[int]] = {}
    for job in room.cluster.jobs.values():
        if job.finished:
            continue
        record = job.record
        keys: list[tuple[str, ...]] = [("association", str(a.id)) for a in room.cluster.accounts.chain(record.assoc_id)]
        keys += [
            ("qos", record.qos), ("qos user", record.qos, record.user), ("qos account", record.qos, record.account),
        ]  # fmt: skip
        active = job.running or record.state & st.BASE_MASK == st.SUSPENDED
        for key in keys:
            total = totals.setdefault(key, [0, 0, 0])
            total[0] += len(job.array_pending) if job.is_array else 1
            total[1] += active
            total[2] += record.num_cpus if active else 0
    return {key: (a, b, c) for key, (a, b, c) in totals.items()}


shapes = some.fixed_dictionaries(
    {},
    optional={
        "num_tasks": some.integers(1, 6),
        "array": some.sampled_from(["0-4", "1-3%1"]),
        "qos": some.sampled_from(["normal", "short"]),
        "time_limit": some.integers(1, 30),
    },
)
histories = some.lists(some.tuples(some.sampled_from("sssfcqrtu"), shapes, some.integers(0, 1 << 16)), max_size=40)


@settings(max_examples=150, deadline=None)
@given(histories)
def test_counts_are_what_the_jobs_are(tmp_path_factory: pytest.TempPathFactory, history: list[Any]) -> None:
    room = MachineRoom(tmp_path_factory.mktemp("room"), extra=ENFORCED)
    under(room, physics={"GrpTRES": {"cpu": 6}}, normal={"MaxJobsPerUser": 3, "MaxSubmitJobsPerUser": 9})
    for kind, shape, choice in history:
        live = [j for j in room.cluster.jobs.values() if not j.finished]
        job = live[choice % len(live)] if live else None
        if kind == "s":
            try:
                room.submit(ALICE if choice % 2 else BOB, **shape)
            except RequestError:
                continue
        elif job is None:
            continue
        elif kind == "f" and job.running:
            room.finish(job, (choice % 3) << 8)
        elif kind == "c":
            room.cluster.end_job(job, st.CANCELLED, room.now, killed_by=0)
        elif kind == "q" and job.running:
            room.cluster.requeue(job, room.now)
        elif kind == "r":
            for completing in [j for j in room.cluster.jobs.values() if j.record.completing_nodes]:
                room.clean(completing)
        elif kind == "t":
            room.now += choice % 600
            room.cluster.tick(room.now)
        elif kind == "u" and job.pending:
            job.record.qos = "short"
            room.cluster.touch(job)
        room.schedule()
        counts = room.cluster.limits.counts
        found = {k: (c.submitted, c.running, c.tres.get("cpu", 0)) for k, c in counts.items()}
        assert found == recounted(room)
        running = [j for j in room.cluster.jobs.values() if j.running]
        assert sum(j.record.num_cpus for j in running) <= 6
        for user in ("alice", "bob"):
            assert sum(1 for j in running if j.record.user == user and j.record.qos == "normal") <= 3
