"""Jobs of crontabs: they begin anew after every run, until their line is changed or they are cancelled."""

from __future__ import annotations

from pathlib import Path

import pytest

from crane_compat.core import cancel, updates
from crane_compat.core import states as st
from crane_compat.core.errors import Errno, RequestError
from crane_compat.core.job import Job
from crane_compat.wire import pb

from .machine_room import ALICE, BOB, ROOT, MachineRoom

EVERY_MINUTE = "* * * * *"


@pytest.fixture
def room(tmp_path: Path) -> MachineRoom:
    return MachineRoom(tmp_path, extra="ScronParameters=enable,explicit_scancel")


def entry(when: str, first: int = 1, last: int = 1) -> pb.JobSpec:
    return pb.JobSpec(
        batch=True, name="cron", work_dir="/", script=b"#!/bin/sh\n",
        cron=pb.CronEntry(spec=when, line_start=first, line_end=last),
    )  # fmt: skip


def take(room: MachineRoom, *specs: pb.JobSpec, text: bytes = b"table") -> list[Job]:
    tables = room.cluster.crontabs
    jobs = [tables.submit(spec, ALICE, room.now) for spec in specs]
    tables.replace(ALICE.uid, text, jobs, room.now)
    return jobs


def run(room: MachineRoom, job: Job, status: int = 0) -> None:
    """Let it begin when it may, and end at once."""
    room.now = job.record.spec.begin_time
    room.cluster.tick(room.now)
    assert room.schedule() == 1
    assert job.running
    room.finish(job, status)
    room.take()


def test_it_waits_for_its_time_and_begins_anew(room: MachineRoom) -> None:
    (job,) = take(room, entry(EVERY_MINUTE))
    assert (job.record.reason, job.record.spec.begin_time) == ("BeginTime", room.now - room.now % 60 + 60)
    assert room.schedule() == 0
    number = job.id
    for status in (0, 1 << 8, 9):
        begin = job.record.spec.begin_time
        run(room, job, status)
        assert (job.id, job.pending, job.record.reason) == (number, True, "BeginTime")
        assert job.record.spec.begin_time == job.record.eligible_time == begin + 60


def test_a_new_table_takes_the_place_of_the_old(room: MachineRoom) -> None:
    waiting, running = take(room, entry("@yearly"), entry(EVERY_MINUTE, 2, 3))
    room.now = running.record.spec.begin_time
    room.schedule()
    assert running.running
    (new,) = take(room, entry(EVERY_MINUTE), text=b"new")
    assert room.cluster.crontabs.by_uid[ALICE.uid].text == b"new"
    assert (waiting.record.state, waiting.record.exit_code) == (st.CANCELLED, 1)
    assert running.running and not st.recurs(running.record) and new.pending
    room.finish(running)
    assert running.record.state == st.COMPLETED  # and stays so


def test_a_run_that_ends_by_a_new_table_is_not_repeated(room: MachineRoom) -> None:
    (job,) = take(room, entry(EVERY_MINUTE))
    room.cluster.crontabs.replace(ALICE.uid, None, [], room.now)
    assert not room.cluster.crontabs.by_uid
    assert job.record.state == st.CANCELLED


def test_cancelling_wants_a_word_and_disables_the_line(room: MachineRoom) -> None:
    (job,) = take(room, entry("@daily", 3, 5))
    request = pb.CancelJobs(ids=[str(job.id)])
    (refused,) = cancel.cancel(room.cluster, request, ALICE, room.now)
    assert (refused.rc, job.pending) == (Errno.CANNOT_CANCEL_CRON_JOB, True)
    request.cron = True
    (done,) = cancel.cancel(room.cluster, request, ALICE, room.now)
    assert (done.rc, job.record.state) == (0, st.CANCELLED)
    disabled = room.cluster.crontabs.by_uid[ALICE.uid].disabled
    assert [(lines.first, lines.last) for lines in disabled] == [(3, 5)]


def test_without_explicit_scancel_no_word_is_wanted(tmp_path: Path) -> None:
    room = MachineRoom(tmp_path, extra="ScronParameters=enable")
    (job,) = take(room, entry("@daily"))
    (done,) = cancel.cancel(room.cluster, pb.CancelJobs(ids=[str(job.id)]), ALICE, room.now)
    assert (done.rc, job.record.state) == (0, st.CANCELLED)


def test_scontrol_does_not_change_them(room: MachineRoom) -> None:
    (job,) = take(room, entry("@daily"))
    change = pb.UpdateJob(id=str(job.id), values=[pb.KeyValue(key="timelimit", value="1")])
    (refused,) = updates.update_job(room.cluster, change, ROOT, room.now)
    assert refused.rc == Errno.CANNOT_MODIFY_CRON_JOB


def test_whose_table_it_is(room: MachineRoom) -> None:
    take(room, entry("@daily"))
    tables = room.cluster.crontabs
    assert tables.get(ALICE.uid, ALICE).text == tables.get(ALICE.uid, ROOT).text == b"table"
    tables.check(ALICE.uid, ROOT)
    for forbidden in (lambda: tables.get(ALICE.uid, BOB), lambda: tables.check(ALICE.uid, BOB)):
        with pytest.raises(RequestError) as refused:
            forbidden()
        assert refused.value.errno == Errno.USER_ID_MISSING
    with pytest.raises(RequestError) as missing:
        tables.get(BOB.uid, BOB)
    assert missing.value.errno == Errno.JOB_SCRIPT_MISSING


def test_a_time_that_never_comes_is_refused(room: MachineRoom) -> None:
    with pytest.raises(RequestError):
        room.cluster.crontabs.submit(entry("0 0 30 2 *"), ALICE, room.now)


def test_only_plain_batch_jobs(room: MachineRoom) -> None:
    for field, value in (("array", "1-3"), ("script", b""), ("batch", False), ("interactive", True)):
        spec = entry("@daily")
        setattr(spec, field, value)
        with pytest.raises(RequestError):
            room.cluster.crontabs.submit(spec, ALICE, room.now)
    assert not room.cluster.jobs
