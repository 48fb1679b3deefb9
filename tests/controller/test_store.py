"""The state store: what was committed is there again, whatever the database."""

from __future__ import annotations

from pathlib import Path

import pytest

from crane_compat.core import states as st
from crane_compat.core.cluster import Cluster
from crane_compat.daemon.controller import persistence
from crane_compat.daemon.controller.store import Batch, Store, StoreError
from crane_compat.wire import pb
from tests.core.machine_room import MachineRoom


def save(room: MachineRoom, store: Store) -> None:
    changes, _ = room.take()
    store.commit(persistence.batch_of(room.cluster, changes))


def reopened(room: MachineRoom, store: Store) -> Cluster:
    """The cluster as a new controller finds it."""
    cluster = Cluster(room.cluster.parameters, room.conf.nodes, room.conf.partitions)
    persistence.restore(cluster, store)
    return cluster


@pytest.fixture(params=["sqlite", "mariadb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/state.sqlite"
    else:
        url = request.getfixturevalue("mariadb_url")
    opened = Store(url)
    opened.open()
    opened.clear()
    return opened


def test_a_restart_finds_everything_again(tmp_path: Path, store: Store) -> None:
    room = MachineRoom(tmp_path)
    for node in room.cluster.nodes.values():
        room.cluster.touch_node(node)
    running = room.submit(num_tasks=3, gres="gpu:1")
    array = room.submit(array="1-3%1", num_tasks=8)
    first = room.submit()
    waiting = room.submit(dependency=f"afterok:{first.id}")
    held = room.submit(hold=True)
    done = room.submit()
    room.schedule()
    room.finish(done)
    save(room, store)
    cluster = reopened(room, store)
    assert set(cluster.jobs) == set(room.cluster.jobs)
    for job_id, job in room.cluster.jobs.items():
        assert cluster.jobs[job_id].record == job.record
        assert cluster.jobs[job_id].array_pending == job.array_pending
        assert set(cluster.jobs[job_id].steps) == set(job.steps)
    assert cluster.next_job_id == room.cluster.next_job_id
    assert cluster.jobs[running.id].steps[st.BATCH_STEP].waiting == {"n3"}
    for name, node in room.cluster.nodes.items():
        again = cluster.nodes[name]
        assert (again.free_cores, again.free_memory, again.used_count) == (
            node.free_cores, node.free_memory, node.used_count,
        )  # fmt: skip
        assert again.record.state == node.record.state
    assert cluster.jobs[array.id].array_running == room.cluster.jobs[array.id].array_running
    assert {waiting.id, held.id} <= cluster.pending


def test_script_and_environment_are_kept_beside_the_record(tmp_path: Path, store: Store) -> None:
    room = MachineRoom(tmp_path)
    job = room.cluster.submit(
        [pb.JobSpec(batch=True, name="b", script=b"#!/bin/sh\n\xff\n", env=[b"A=\xfe"])], room_user(), room.now
    )
    assert not job.record.spec.script
    save(room, store)
    blob = store.blob(job.id)
    assert blob is not None and (blob.script, list(blob.env)) == (b"#!/bin/sh\n\xff\n", [b"A=\xfe"])
    assert store.blob(job.id + 1) is None


def room_user():  # type: ignore[no-untyped-def]
    from tests.core.machine_room import ALICE

    return ALICE


def test_purged_jobs_are_gone(tmp_path: Path, store: Store) -> None:
    room = MachineRoom(tmp_path)
    job = room.submit()
    room.schedule()
    room.finish(job)
    save(room, store)
    room.now += 301
    room.cluster.tick(room.now)
    save(room, store)
    assert not list(store.jobs()) and not list(store.steps()) and store.blob(job.id) is None


def test_the_outbox_is_kept_until_confirmed(tmp_path: Path, store: Store) -> None:
    events = [pb.AcctEvent(seq=n, kind="job_submit", time=1.0) for n in (1, 2, 3)]
    store.commit(Batch(outbox=[(e.seq, e.SerializeToString()) for e in events]))
    store.commit(Batch(outbox_done=2))
    assert [e.seq for e in store.outbox()] == [3]


def test_another_schema_is_refused_with_a_sentence(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state.sqlite"
    store = Store(url)
    store.open()
    store.commit(Batch(meta={"schema": "999"}))
    store.close()
    with pytest.raises(StoreError, match="schema 999"):
        Store(url).open()


def test_what_cannot_be_written_says_why(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot open the state store"):
        Store(f"sqlite:///{tmp_path}/missing/state.sqlite").open()
