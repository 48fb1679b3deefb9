"""Nodes that are switched off and on, rebooted and lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from crane_compat.core import node_failure, updates
from crane_compat.core import states as st
from crane_compat.core.effects import RunProgram, StepChanged
from crane_compat.core.errors import RequestError
from crane_compat.wire import pb

from .machine_room import ROOT, MachineRoom

_SAVING = """SuspendProgram=/s
ResumeProgram=/r
ResumeFailProgram=/f
SuspendTime=60
SuspendTimeout=10
ResumeTimeout=20
SuspendExcNodes=n[1-2]"""


@pytest.fixture
def room(tmp_path: Path) -> MachineRoom:
    room = MachineRoom(tmp_path, extra=_SAVING)
    for node in room.cluster.nodes.values():
        node.record.last_busy = room.now
    return room


def _programs(room: MachineRoom) -> list[tuple[str, str]]:
    effects = room.take()[1]
    return [(effect.key, effect.arguments[0]) for effect in effects if isinstance(effect, RunProgram)]


def _flags(room: MachineRoom, name: str) -> int:
    return room.cluster.nodes[name].record.state & ~st.NODE_BASE_MASK


def _pass(room: MachineRoom, seconds: float) -> None:
    room.now += seconds
    room.cluster.tick(room.now)


def _off(room: MachineRoom) -> None:
    """n3 and n4 are switched off."""
    _pass(room, 60)
    _pass(room, 10)
    for name in ("n3", "n4"):
        room.cluster.nodes[name].connected = False
    room.take()


def test_idle_nodes_are_switched_off_but_those_that_are_excepted(room: MachineRoom) -> None:
    _pass(room, 59)
    assert _programs(room) == []
    _pass(room, 1)
    assert _programs(room) == [("SuspendProgram", "n[3-4]")]
    assert _flags(room, "n3") == st.NODE_POWERING_DOWN
    _pass(room, 10)
    assert _flags(room, "n3") == st.NODE_POWERED_DOWN and _flags(room, "n1") == 0


def test_a_node_with_a_job_stays_on(room: MachineRoom) -> None:
    room.submit(req_nodes="n3", time_limit=30)
    room.schedule()
    _pass(room, 100)
    assert _flags(room, "n3") == 0 and _flags(room, "n4") == st.NODE_POWERING_DOWN


def test_a_job_switches_its_nodes_on_and_waits_for_them(room: MachineRoom) -> None:
    _off(room)
    job = room.submit(gres="gpu:1")
    room.schedule()
    assert _programs(room) == [("ResumeProgram", "n3")]
    assert job.state == st.RUNNING | st.CONFIGURING and st.BATCH_STEP not in job.steps
    assert _flags(room, "n3") == st.NODE_POWERING_UP
    node = room.cluster.nodes["n3"]
    node.connected = True
    room.cluster.power.registered(node, room.now)
    assert job.state == st.RUNNING and st.BATCH_STEP in job.steps
    assert _flags(room, "n3") == 0
    room.check()


def test_nodes_that_are_on_are_taken_first(room: MachineRoom) -> None:
    for name in ("n1", "n2"):
        room.cluster.nodes[name].record.weight = 100
        room.cluster.touch_node(room.cluster.nodes[name])
    _off(room)
    job = room.submit()
    room.schedule()
    assert job.record.node_list == "n1"


def test_a_node_that_does_not_come_up_is_down_and_its_job_requeued(room: MachineRoom) -> None:
    _off(room)
    job = room.submit(gres="gpu:1")
    room.schedule()
    _pass(room, 20)
    assert ("ResumeFailProgram", "n3") in _programs(room)
    record = room.cluster.nodes["n3"].record
    assert record.state & st.NODE_BASE_MASK == st.NODE_DOWN and record.reason == "ResumeTimeout reached"
    assert job.pending and job.record.restarts == 1


def test_a_job_that_cannot_be_requeued_fails_to_boot(room: MachineRoom) -> None:
    _off(room)
    job = room.submit(gres="gpu:1", requeue=False)
    room.schedule()
    _pass(room, 20)
    assert job.state & st.BASE_MASK == st.BOOT_FAIL


def test_a_node_wanted_while_it_is_being_switched_off_comes_up_afterwards(room: MachineRoom) -> None:
    _pass(room, 60)
    room.cluster.power.up(["n3"], room.now)
    assert _programs(room) == [("SuspendProgram", "n[3-4]")]
    _pass(room, 10)
    assert _programs(room) == [("ResumeProgram", "n3")]


def test_not_more_nodes_a_minute_than_the_site_allows(tmp_path: Path) -> None:
    room = MachineRoom(tmp_path, extra=_SAVING.replace("SuspendExcNodes=n[1-2]", "SuspendRate=3"))
    _pass(room, 100)
    assert _programs(room) == [("SuspendProgram", "n[1-3]")]
    _pass(room, 59)
    assert _programs(room) == []
    _pass(room, 1)
    assert _programs(room) == [("SuspendProgram", "n4")]


def test_not_more_nodes_a_minute_are_switched_on_either(tmp_path: Path) -> None:
    room = MachineRoom(tmp_path, extra=_SAVING.replace("SuspendExcNodes=n[1-2]", "ResumeRate=1"))
    _pass(room, 60)
    _pass(room, 10)
    room.take()
    room.submit(min_nodes=2, max_nodes=2, time_limit=30)
    room.schedule()
    assert _programs(room) == [("ResumeProgram", "n1")]
    _pass(room, 59)
    assert _programs(room) == [("ResumeFailProgram", "n1")]


def _change(room: MachineRoom, name: str, **values: str) -> None:
    pairs = [pb.KeyValue(key=key, value=value) for key, value in values.items()]
    updates.update_node(room.cluster, pb.UpdateNode(op="update", names=name, values=pairs), ROOT, room.now)


def test_power_down_waits_for_jobs_and_force_does_not(room: MachineRoom) -> None:
    job = room.submit(req_nodes="n3")
    other = room.submit(req_nodes="n4")
    room.schedule()
    _change(room, "n3", state="POWER_DOWN")
    _change(room, "n4", state="POWER_DOWN_FORCE")
    assert _flags(room, "n3") & st.NODE_POWER_DOWN and job.running
    assert _flags(room, "n4") & st.NODE_POWERING_DOWN and not other.running
    room.finish(job)
    _pass(room, 1)
    assert _flags(room, "n3") == st.NODE_POWERING_DOWN


def test_a_reboot_waits_for_jobs(room: MachineRoom) -> None:
    job = room.submit(req_nodes="n3")
    room.schedule()
    _change(room, "n3", state="REBOOT_ASAP", reason="kernel")
    room.take()
    assert not any(each.message.HasField("reboot") for each in room.sent)
    assert not room.cluster.nodes["n3"].schedulable()
    room.finish(job)
    _pass(room, 1)
    room.take()
    assert [each.node for each in room.sent if each.message.HasField("reboot")] == ["n3"]
    node = room.cluster.nodes["n3"]
    room.cluster.power.registered(node, room.now)
    assert not node.schedulable()  # its link broke for a moment; it has not gone down yet
    node.record.boot_time = room.now + 1
    room.cluster.power.registered(node, room.now)
    assert node.schedulable() and node.record.reason == ""


def test_a_reboot_can_be_called_off(room: MachineRoom) -> None:
    job = room.submit(req_nodes="n3")
    room.schedule()
    _change(room, "n3", state="REBOOT_ASAP")
    _change(room, "n3", state="CANCEL_REBOOT")
    assert room.cluster.nodes["n3"].schedulable() and job.running
    with pytest.raises(RequestError):
        _change(room, "n3", state="CANCEL_REBOOT")


def test_without_programs_nothing_is_switched(tmp_path: Path) -> None:
    room = MachineRoom(tmp_path)
    _pass(room, 10_000)
    with pytest.raises(RequestError):
        _change(room, "n3", state="POWER_DOWN")


# ---------------------------------------------------------------- nodes that are lost


def test_a_lost_node_ends_or_requeues_its_jobs(tmp_path: Path) -> None:
    room = MachineRoom(tmp_path)
    ends, again = room.submit(requeue=False), room.submit(requeue=True)
    room.schedule()
    node = room.cluster.nodes["n1"]
    node_failure.set_down(room.cluster, node, room.now)
    assert (ends.state & st.BASE_MASK, ends.record.exit_code, ends.record.reason) == (st.NODE_FAIL, 1, "NodeDown")
    for job in (ends, again):
        room.clean(job)
    assert again.pending and again.record.restarts == 1
    room.check()


def test_with_no_kill_a_job_goes_on_with_the_nodes_that_are_left(tmp_path: Path) -> None:
    room = MachineRoom(tmp_path)
    job = room.submit(min_nodes=3, max_nodes=3, no_kill=True)
    room.schedule()
    node_failure.set_down(room.cluster, room.cluster.nodes["n2"], room.now)
    assert job.running and job.record.node_list == "n[1,3]" and job.record.num_cpus == 2
    assert "node=2" in job.record.tres_alloc and not room.cluster.nodes["n2"].jobs
    room.check()
    node_failure.set_down(room.cluster, room.cluster.nodes["n1"], room.now)  # where its script runs
    assert not job.running


def test_who_owns_a_step_hears_which_node_is_lost(tmp_path: Path) -> None:
    room = MachineRoom(tmp_path)
    job = room.submit(requeue=False)
    room.schedule()
    room.take()
    node_failure.set_down(room.cluster, room.cluster.nodes["n1"], room.now)
    told = [effect.event for effect in room.take()[1] if isinstance(effect, StepChanged)]
    assert [(event.node, event.node_failed) for event in told] == [("n1", True)]
    assert job.record.failed_node == "n1"
