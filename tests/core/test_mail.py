"""Which mail a job's life sends, to whom, and with what subject."""

from __future__ import annotations

from pathlib import Path

import pytest

from crane_compat.core import cancel
from crane_compat.core import states as st
from crane_compat.core.effects import RunProgram
from crane_compat.wire import pb

from .machine_room import ALICE, MachineRoom

_ALL = ["BEGIN", "END", "FAIL", "REQUEUE", "INVALID_DEPEND"]


@pytest.fixture
def room(tmp_path: Path) -> MachineRoom:
    return MachineRoom(tmp_path, extra="MailProg=/bin/mail")


def _mails(room: MachineRoom) -> list[tuple[str, str]]:
    """(subject, recipient) of what has been sent since the last look."""
    _, effects = room.take()
    sent = [effect for effect in effects if isinstance(effect, RunProgram) and effect.key == "MailProg"]
    assert all(effect.arguments[0] == "-s" for effect in sent)
    return [(effect.arguments[1], effect.arguments[2]) for effect in sent]


def _subjects(room: MachineRoom) -> list[str]:
    return [subject for subject, _ in _mails(room)]


def _submit(room: MachineRoom, *types: str, **fields: object) -> pb.JobSpec:
    spec = pb.JobSpec(batch=True, name="m", work_dir="/tmp", script=b"#!/bin/sh\n", mail_type=types)
    for name, value in fields.items():
        setattr(spec, name, value)
    return spec


def test_begin_and_end(room: MachineRoom) -> None:
    job = room.cluster.submit([_submit(room, *_ALL)], ALICE, room.now)
    room.now += 5
    room.schedule()
    assert _mails(room) == [(f"Slurm Job_id={job.id} Name=m Began, Queued time 00:00:05", "alice")]
    room.now += 61
    room.finish(job)
    assert _subjects(room) == [f"Slurm Job_id={job.id} Name=m Ended, Run time 00:01:01, COMPLETED, ExitCode 0"]


@pytest.mark.parametrize(
    ("types", "status", "subject"),
    [
        (_ALL, 3 << 8, "Failed, Run time 00:00:00, FAILED, ExitCode 3"),
        (["END"], 3 << 8, "Ended, Run time 00:00:00, FAILED, ExitCode 3"),
        (["FAIL"], 0, ""),
        (["FAIL"], 9, "Failed, Run time 00:00:00, FAILED"),
        (["BEGIN"], 1 << 8, ""),
    ],
)
def test_how_it_ended(room: MachineRoom, types: list[str], status: int, subject: str) -> None:
    job = room.cluster.submit([_submit(room, *types)], ALICE, room.now)
    room.schedule()
    room.take()
    room.finish(job, status)
    assert _subjects(room) == ([f"Slurm Job_id={job.id} Name=m {subject}"] if subject else [])


def test_a_cancelled_job_has_ended_also_if_it_never_ran(room: MachineRoom) -> None:
    job = room.cluster.submit([_submit(room, *_ALL)], ALICE, room.now)
    cancel.cancel(room.cluster, pb.CancelJobs(ids=[str(job.id)]), ALICE, room.now)
    assert _subjects(room) == [f"Slurm Job_id={job.id} Name=m Ended, Run time 00:00:00, CANCELLED, ExitCode 0"]


def test_an_array_speaks_with_one_voice(room: MachineRoom) -> None:
    array = room.cluster.submit([_submit(room, *_ALL, array="1-3")], ALICE, room.now)
    room.schedule()
    tasks = [room.cluster.jobs[number] for number in room.cluster.arrays[array.id]]
    name = f"Slurm Array Summary Job_id={array.id}_* ({array.id}) Name=m"
    assert _subjects(room) == [f"{name} Began"]
    for task, status in zip(tasks, (0, 2 << 8, 0), strict=True):
        assert _subjects(room) == []
        room.finish(task, status)
    assert _subjects(room) == [f"{name} Failed, Mixed, ExitCode [0-2]"]


def test_an_array_whose_first_tasks_are_forgotten_still_knows_how_they_ended(room: MachineRoom) -> None:
    array = room.cluster.submit([_submit(room, "END", array="1-2", time_limit=30)], ALICE, room.now)
    room.schedule()
    last, other = array, next(j for j in room.cluster.jobs.values() if j is not array)
    room.finish(other, 7 << 8)
    room.now += room.cluster.parameters.min_job_age + 1
    room.cluster.tick(room.now)
    assert other.id not in room.cluster.jobs
    room.take()
    room.finish(last)
    assert [s.rpartition(", ")[2] for s in _subjects(room)] == ["ExitCode [0-7]"]


def test_each_task_of_an_array_where_that_is_asked_for(room: MachineRoom) -> None:
    array = room.cluster.submit([_submit(room, "BEGIN", "ARRAY_TASKS", array="1-2")], ALICE, room.now)
    room.schedule()
    assert sorted(s.split()[3] for s in _subjects(room)) == [f"Job_id={array.id}_1", f"Job_id={array.id}_2"]


def test_parts_of_the_time_limit_are_told_once(room: MachineRoom) -> None:
    kinds = ("TIME_LIMIT_50", "TIME_LIMIT_80", "TIME_LIMIT_90", "TIME_LIMIT")
    job = room.cluster.submit([_submit(room, *kinds, time_limit=10)], ALICE, room.now)
    room.schedule()
    room.take()
    start, told = room.now, []
    while not job.finished:
        room.now = min(room.now + 60, room.now + room.cluster.next_due(room.now))
        room.cluster.tick(room.now)
        told += [(room.now - start, s.split("=m ")[1].split(",")[0]) for s in _subjects(room)]
    assert told == [
        (300, "Reached 50% of time limit"),
        (480, "Reached 80% of time limit"),
        (540, "Reached 90% of time limit"),
        (600, "Reached time limit"),
    ]


def test_a_dependency_that_cannot_come_is_told_once(room: MachineRoom) -> None:
    first = room.submit()
    room.schedule()
    job = room.cluster.submit([_submit(room, *_ALL, dependency=f"afternotok:{first.id}")], ALICE, room.now)
    room.finish(first)
    room.take()
    room.schedule()
    room.schedule()
    assert _subjects(room) == [f"Slurm Job_id={job.id} Name=m Invalid dependency"]


def test_a_requeued_job_begins_again(room: MachineRoom) -> None:
    job = room.cluster.submit([_submit(room, *_ALL)], ALICE, room.now)
    room.schedule()
    room.take()
    room.cluster.requeue(job, room.now)
    room.clean(job)
    assert _subjects(room) == [f"Slurm Job_id={job.id} Name=m Requeued, Run time 00:00:00"]
    room.now = job.record.eligible_time
    room.schedule()
    assert [s.split("=m ")[1].split(",")[0] for s in _subjects(room)] == ["Began"]


@pytest.mark.parametrize(
    ("domain", "user", "recipient"),
    [("", "", "alice"), ("x.org", "", "alice@x.org"), ("x.org", "bo", "bo@x.org"), ("x.org", "a@b.c", "a@b.c")],
)
def test_recipients(tmp_path: Path, domain: str, user: str, recipient: str) -> None:
    room = MachineRoom(tmp_path, extra=f"MailDomain={domain}" if domain else "")
    room.cluster.submit([_submit(room, "BEGIN", mail_user=user)], ALICE, room.now)
    room.schedule()
    assert [to for _, to in _mails(room)] == [recipient]


def test_nobody_who_has_not_asked_gets_mail(room: MachineRoom) -> None:
    job = room.submit()
    room.schedule()
    room.finish(job)
    assert _mails(room) == []
    assert job.state == st.COMPLETED
