"""What happens between a job's start and its first step: prologs on the controller and on the nodes."""

from __future__ import annotations

from pathlib import Path

from crane_compat.core import preparing, steps
from crane_compat.core import states as st
from crane_compat.core.effects import RunProgram
from crane_compat.core.job import Job, WaitingStep
from crane_compat.wire import pb

from .machine_room import MachineRoom

_PROLOG = "PrologSlurmctld=/bin/true"
_EPILOG = "EpilogSlurmctld=/bin/true"


def _programs(room: MachineRoom) -> list[RunProgram]:
    return [effect for effect in room.take()[1] if isinstance(effect, RunProgram)]


def _end(room: MachineRoom, program: RunProgram, status: int = 0) -> None:
    room.cluster.program_ended(program.key, program.job_id, program.epoch, status, room.now)


def _batch_runs(job: Job) -> bool:
    return st.BATCH_STEP in job.steps


def test_the_script_waits_for_prolog_slurmctld(tmp_path: Path) -> None:
    room = MachineRoom(tmp_path, extra=_PROLOG)
    job = room.submit()
    room.schedule()
    (program,) = _programs(room)
    assert program.key == "PrologSlurmctld" and program.variables["SLURM_JOB_NODELIST"] == "n1"
    assert job.state == st.RUNNING | st.CONFIGURING and not _batch_runs(job)
    _end(room, program)
    assert job.state == st.RUNNING and _batch_runs(job)


def test_a_failing_prolog_slurmctld_requeues(tmp_path: Path) -> None:
    room = MachineRoom(tmp_path, extra=_PROLOG)
    job = room.submit()
    room.schedule()
    (program,) = _programs(room)
    _end(room, program, 1)
    room.clean(job)
    assert job.pending and job.record.restarts == 1
    _end(room, program)  # late word of an earlier life
    assert job.pending


def test_a_failing_prolog_slurmctld_cancels_what_cannot_be_requeued(tmp_path: Path) -> None:
    room = MachineRoom(tmp_path, extra=_PROLOG)
    job = room.submit(batch=False, interactive=True)
    room.schedule()
    (program,) = _programs(room)
    _end(room, program, 1)
    assert job.state & st.BASE_MASK == st.CANCELLED


def test_a_step_waits_for_prolog_slurmctld(tmp_path: Path) -> None:
    room = MachineRoom(tmp_path, extra=_PROLOG)
    job = room.submit(batch=False, interactive=True)
    room.schedule()
    (program,) = _programs(room)
    waiting = steps.request_step(room.cluster, [(job, pb.StepRequest(job_id=job.id))], room.now)
    assert isinstance(waiting, WaitingStep)
    _end(room, program)
    assert 0 in job.steps and not job.waiting_steps


def test_the_job_is_completing_until_epilog_slurmctld_has_ended(tmp_path: Path) -> None:
    room = MachineRoom(tmp_path, extra=_EPILOG)
    job = room.submit()
    room.schedule()
    room.take()
    room.finish(job, 3 << 8)
    (program,) = _programs(room)
    assert program.variables["SLURM_JOB_EXIT_CODE2"] == "3:0"
    assert job.state == st.FAILED | st.COMPLETING and not room.cluster.nodes["n1"].jobs
    _end(room, program)
    assert job.state == st.FAILED


def test_programs_run_again_after_a_restart(tmp_path: Path) -> None:
    room = MachineRoom(tmp_path, extra=_PROLOG)
    job = room.submit()
    room.schedule()
    room.take()
    again = MachineRoom(tmp_path, extra=_PROLOG)
    kept = Job(pb.JobRecord.FromString(job.record.SerializeToString()))
    again.cluster.restore(kept)
    (program,) = _programs(again)
    _end(again, program)
    assert _batch_runs(kept)


def test_with_alloc_the_nodes_run_their_prologs_at_once(tmp_path: Path) -> None:
    room = MachineRoom(tmp_path, extra="Prolog=/bin/true\nPrologFlags=Alloc")
    job = room.submit(batch=False, interactive=True, min_nodes=2, max_nodes=2)
    room.schedule()
    room.take()
    assert sorted(each.node for each in room.sent if each.message.HasField("prepare")) == ["n1", "n2"]
    assert job.record.reason == "Prolog"
    preparing.prepared(room.cluster, job, "n2", room.now)
    assert job.record.reason == "Prolog"
    preparing.prepared(room.cluster, job, "n1", room.now)
    assert job.record.reason == "None"


def test_with_nohold_nobody_waits_for_them(tmp_path: Path) -> None:
    room = MachineRoom(tmp_path, extra="Prolog=/bin/true\nPrologFlags=NoHold")
    job = room.submit(batch=False, interactive=True)
    room.schedule()
    assert list(job.record.prolog_nodes) == ["n1"] and job.record.reason == "None"


def test_a_failing_prolog_drains_its_node_and_holds_the_job(tmp_path: Path) -> None:
    room = MachineRoom(tmp_path, extra="Prolog=/bin/false")
    job = room.submit()
    room.schedule()
    node = room.cluster.nodes["n1"]
    preparing.prolog_failed(room.cluster, job, node, room.now)
    room.clean(job)
    assert node.record.state & st.NODE_DRAIN and node.record.reason == "Prolog error"
    assert job.pending and job.record.priority == 0
    assert job.record.reason_text == "launch failed requeued held"


def test_a_failing_prolog_does_not_hold_where_the_site_says_so(tmp_path: Path) -> None:
    room = MachineRoom(tmp_path, extra="Prolog=/bin/false\nSchedulerParameters=nohold_on_prolog_fail")
    job = room.submit()
    room.schedule()
    preparing.prolog_failed(room.cluster, job, room.cluster.nodes["n1"], room.now)
    room.clean(job)
    assert job.pending and job.record.priority > 0


def test_with_contain_there_is_a_step_on_all_nodes_that_ends_well(tmp_path: Path) -> None:
    room = MachineRoom(tmp_path, extra="PrologFlags=Contain")
    job = room.submit(min_nodes=2, max_nodes=2)
    room.schedule()
    extern = job.steps[st.EXTERN_STEP]
    assert extern.waiting == {"n1", "n2"}
    for name in ("n1", "n2"):
        exits = [pb.TaskExit(task=0, status=15)]
        room.cluster.step_done(job, extern, name, exits, None, room.now, error="", oom=False)
    assert (extern.record.state, extern.record.exit_code) == (st.COMPLETED, 0)
