"""strigger's triggers: what pulls them, whom they tell what, and when they are gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from crane_compat.core import states as st
from crane_compat.core import updates
from crane_compat.core.errors import Errno, RequestError
from crane_compat.core.triggers import PERIOD
from crane_compat.wire import pb

from .machine_room import ALICE, ROOT, MachineRoom


@pytest.fixture
def room(tmp_path: Path) -> MachineRoom:
    return MachineRoom(tmp_path)


def add(room: MachineRoom, res_type: str, res_id: str, kind: str, offset: int = 0, permanent: bool = False) -> int:
    record = pb.TriggerRecord(
        res_type=res_type, res_id=res_id, type=kind, offset=offset, program="/bin/true", permanent=permanent
    )
    return room.cluster.triggers.add(record, ROOT)


def look(room: MachineRoom, seconds: float = PERIOD) -> list[tuple[int, str]]:
    room.now += seconds
    return [(fired.record.id, fired.argument) for fired in room.cluster.triggers.look(room.now)]


def set_state(room: MachineRoom, names: str, state: str) -> None:
    values = [pb.KeyValue(key="state", value=state), pb.KeyValue(key="reason", value="test")]
    updates.update_node(room.cluster, pb.UpdateNode(names=names, op="update", values=values), ROOT, room.now)


def test_only_root_sets_them_and_once(room: MachineRoom) -> None:
    with pytest.raises(RequestError) as refused:
        room.cluster.triggers.add(pb.TriggerRecord(res_type="node", res_id="*", type="down", program="/x"), ALICE)
    assert refused.value.errno == Errno.ACCESS_DENIED
    assert add(room, "node", "*", "down") == 1
    for res_type, res_id, kind in (("node", "*", "down"), ("node", "n9", "down"), ("job", "7", "fini")):
        with pytest.raises(RequestError):
            add(room, res_type, res_id, kind)


def test_nodes(room: MachineRoom) -> None:
    down, all_down = add(room, "node", "n[1-2]", "down"), add(room, "node", "*", "down", permanent=True)
    drained, up = add(room, "node", "n3", "drained"), add(room, "node", "n1", "up")
    assert look(room) == []
    set_state(room, "n[1,3]", "DOWN")
    assert look(room, 1.0) == []  # not yet time to look
    assert look(room) == [(down, "n1"), (all_down, "n[1,3]")]
    set_state(room, "n1", "RESUME")
    set_state(room, "n3", "DRAIN")
    assert look(room) == [(drained, "n3"), (up, "n1")]
    assert list(room.cluster.triggers.by_id) == [all_down]


def test_an_offset_and_idle(room: MachineRoom) -> None:
    late, idle = add(room, "node", "n1", "down", offset=40), add(room, "node", "n2", "idle", offset=20)
    assert look(room) == []
    set_state(room, "n1", "DOWN")
    assert look(room) == []
    assert look(room) == [(idle, "n2")]
    assert look(room) == []
    assert look(room) == [(late, "n1")]


def test_jobs(room: MachineRoom) -> None:
    job = room.submit(req_nodes="n1", time_limit=5)
    room.schedule()
    fini, time = add(room, "job", str(job.id), "fini"), add(room, "job", str(job.id), "time", offset=-200)
    fall = add(room, "job", str(job.id), "down")
    assert look(room) == []
    room.now = job.record.end_time - 200
    assert look(room) == [(time, str(job.id))]
    set_state(room, "n1", "DOWN")
    assert job.record.state & st.BASE_MASK == st.NODE_FAIL
    assert sorted(look(room)) == [(fini, str(job.id)), (fall, str(job.id))]


def test_events_and_clearing(room: MachineRoom) -> None:
    number = add(room, "slurmctld", "*", "reconfig", permanent=True)
    room.cluster.triggers.happened("reconfig")
    assert look(room) == [(number, "reconfig")]
    assert look(room) == []
    with pytest.raises(RequestError) as missing:
        room.cluster.triggers.clear(pb.ClearTrigger(id=99), ROOT)
    assert missing.value.text == "No such process"
    room.cluster.triggers.clear(pb.ClearTrigger(id=number), ROOT)
    assert not room.cluster.triggers.by_id and number in room.take()[0].triggers
