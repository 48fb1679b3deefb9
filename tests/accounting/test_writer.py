"""The controller's events as rows of slurmdbd's schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crane_compat.accounting import rows
from crane_compat.accounting.schema import MEM_PER_CPU, NO_VAL, NO_VAL64
from crane_compat.accounting.service import AccountingService
from crane_compat.core import states
from crane_compat.core.errors import RequestError
from crane_compat.wire import pb

from . import builders
from .builders import NOW, Outbox, job, step


@pytest.fixture
def service(tmp_path: Path) -> AccountingService:
    return builders.service(tmp_path)


def _rows(service: AccountingService, table: str) -> list[dict[str, Any]]:
    with service.engine.begin() as conn:
        return [dict(r._mapping) for r in conn.execute(sa.select(getattr(service.schema_of("lab"), table)))]


def _send(service: AccountingService, *events: pb.AcctEvent) -> int:
    return service.call("events", {}, events, 0)[1]


def test_life_of_a_batch_job(service: AccountingService) -> None:
    outbox = Outbox()
    blob = pb.JobBlob(script=b"#!/bin/sh\ntrue\n", env=[b"A=1"])
    last = _send(
        service,
        outbox.event("job_submit", job=job(spec={"comment": "c1"}), blob=blob),
        outbox.event("job_start", job=job(state=states.RUNNING)),
        outbox.event("step_start", job=job(state=states.RUNNING), step=step(-5, states.RUNNING)),
    )
    assert last == 3
    (row,) = _rows(service, "job")
    assert (row["state"], row["time_start"], row["time_end"], row["nodelist"]) == (1, NOW + 1, 0, "n1")
    assert row["tres_alloc"] == f"1=1,2=100,3={NO_VAL64},4=1,5=1"
    _send(
        service,
        outbox.event("step_end", job=job(state=states.RUNNING), step=step(-5, states.FAILED, exit_code=256)),
        outbox.event("job_end", job=job(state=states.FAILED, exit_code=256, spec={"comment": "c1"})),
    )
    (row,) = _rows(service, "job")
    assert (row["state"], row["exit_code"], row["time_end"], row["derived_es"]) == (5, 256, NOW + 11, "c1")
    assert row["mem_req"] == MEM_PER_CPU | 100
    assert (row["id_array_task"], row["het_job_offset"], row["kill_requid"]) == (NO_VAL, NO_VAL, None)
    assert (row["std_in"], row["std_out"], row["flags"]) == ("/dev/null", "slurm-%j.out", 0x18)
    (script,) = _rows(service, "job_script")
    assert (script["batch_script"], script["hash_inx"]) == ("#!/bin/sh\ntrue\n", row["script_hash_inx"])
    (line,) = _rows(service, "step")
    assert (line["job_db_inx"], line["id_step"], line["state"], line["exit_code"]) == (row["job_db_inx"], -5, 5, 256)
    assert line["tres_alloc"] == "1=1,2=100,4=1"


def test_events_twice_are_rows_once(service: AccountingService) -> None:
    outbox = Outbox()
    events = [
        outbox.event("job_submit", job=job()),
        outbox.event("job_start", job=job(state=states.RUNNING)),
        outbox.event("job_end", job=job(state=states.COMPLETED)),
    ]
    assert _send(service, *events) == 3
    assert _send(service, *events) == 3
    assert _send(service, *events[1:]) == 3
    (row,) = _rows(service, "job")
    assert row["state"] == states.COMPLETED


def test_old_events_do_not_undo_new_ones(service: AccountingService) -> None:
    outbox = Outbox()
    start = outbox.event("job_start", job=job(state=states.RUNNING))
    end = outbox.event("job_end", job=job(state=states.COMPLETED))
    start.seq, end.seq = 11, 12
    _send(service, start, end)
    assert _send(service, start) == 12
    assert _rows(service, "job")[0]["state"] == states.COMPLETED


def test_controller_that_starts_anew_counts_from_one(service: AccountingService) -> None:
    old = Outbox()
    old.seq = 100
    _send(service, old.event("job_submit", job=job(1001)))
    assert _send(service, Outbox().event("job_submit", job=job(1))) == 1
    assert {row["id_job"] for row in _rows(service, "job")} == {1, 1001}


def test_requeue_closes_the_incarnation(service: AccountingService) -> None:
    outbox = Outbox()
    _send(
        service,
        outbox.event("job_start", job=job(state=states.RUNNING)),
        outbox.event("job_requeue", job=job(state=states.RUNNING), time=NOW + 5),
        outbox.event("step_end", job=job(state=states.RUNNING), step=step(-5, states.CANCELLED, exit_code=15)),
        outbox.event("job_submit", job=job(submit_time=NOW + 6, restarts=1)),
    )
    first, second = sorted(_rows(service, "job"), key=lambda row: row["time_submit"])
    assert (first["state"], first["time_end"]) == (states.REQUEUED, NOW + 5)
    assert (second["state"], second["time_end"], second["restart_cnt"]) == (states.PENDING, 0, 1)
    assert first["job_db_inx"] != second["job_db_inx"]


def test_array_row_loses_its_tasks(service: AccountingService) -> None:
    outbox = Outbox()
    _send(
        service,
        outbox.event("job_submit", job=job(1001, array_job_id=1001, array_task_str="1-3,7%2", array_max_tasks=2)),
    )
    (row,) = _rows(service, "job")
    assert (row["array_task_str"], row["array_task_pending"], row["std_out"]) == ("0x8E", 4, "slurm-%A_%a.out")
    task = job(1002, states.RUNNING, array_job_id=1001, array_task_id=2)
    _send(service, outbox.event("job_start", job=task))
    meta, started = sorted(_rows(service, "job"), key=lambda row: row["id_job"])
    assert (meta["array_task_str"], meta["array_task_pending"]) == ("0x8A", 3)
    assert (started["id_array_job"], started["id_array_task"]) == (1001, 2)


def test_cancelled_array_task_has_no_row_of_its_own(service: AccountingService) -> None:
    outbox = Outbox()
    task = job(1002, states.CANCELLED, array_job_id=1001, array_task_id=2, node_list="", num_nodes=0)
    _send(
        service,
        outbox.event("job_submit", job=job(1001, array_job_id=1001, array_task_str="1-2")),
        outbox.event("job_end", job=task),
    )
    (row,) = _rows(service, "job")
    assert row["array_task_str"] == "0x2"


def test_step_after_the_jobs_end_counts(service: AccountingService) -> None:
    outbox = Outbox()
    ended = job(state=states.TIMEOUT, derived_exit_code=15)
    _send(
        service,
        outbox.event("job_end", job=job(state=states.TIMEOUT)),
        outbox.event("step_end", job=ended, step=step(0, states.CANCELLED, exit_code=15)),
    )
    assert _rows(service, "job")[0]["derived_ec"] == 15


def test_suspension(service: AccountingService) -> None:
    outbox = Outbox()
    asleep = job(state=states.SUSPENDED, suspend_time=NOW + 3, pre_suspend_secs=1)
    _send(service, outbox.event("job_suspend", job=asleep))
    assert _rows(service, "job")[0]["time_suspended"] == NOW + 2
    awake = job(state=states.RUNNING, suspend_time=NOW + 8, pre_suspend_secs=6)
    _send(service, outbox.event("job_suspend", job=awake, time=NOW + 8))
    (row,) = _rows(service, "suspend")
    assert (row["time_start"], row["time_end"]) == (NOW + 3, NOW + 8)


def test_node_events_open_and_close(service: AccountingService) -> None:
    outbox = Outbox()
    down = pb.NodeRecord(name="n1", state=states.NODE_DOWN, reason="disk", tres_cfg="cpu=8,mem=8000M,billing=8")
    up = pb.NodeRecord(name="n1", state=states.NODE_IDLE)
    _send(service, outbox.event("node_state", node=down, time=NOW), outbox.event("node_state", node=down, time=NOW + 1))
    (row,) = _rows(service, "event")
    assert (row["time_start"], row["time_end"], row["tres"]) == (NOW, 0, "1=8,2=8000,5=8")
    _send(service, outbox.event("node_state", node=up, time=NOW + 9))
    assert _rows(service, "event")[0]["time_end"] == NOW + 9


def test_tres_are_stored_in_the_databases_numbers(service: AccountingService) -> None:
    outbox = Outbox()
    text = '{"nodes":"n[1-2]","tres":"1=2,1001=4,1002=1","tres_names":{"license/x":1001,"gres/gpu":1002},"port":1}'
    _send(service, outbox.event("cluster", text=text))
    names = {f"{r['type']}/{r['name']}": r["id"] for r in _rows(service, "tres") if r["id"] > 1000}
    assert names == {"gres/gpu": 1001, "gres/gpumem": 1002, "gres/gpuutil": 1003, "license/x": 1004}
    registered = next(row for row in _rows(service, "event") if not row["node_name"])
    assert registered["tres"] == "1=2,2=0,3=0,4=0,5=0,6=0,7=0,8=0,1001=1,1002=0,1003=0,1004=4"
    running = job(state=states.RUNNING, tres_alloc="cpu=1,gres/gpu=2,license/x=1", node_list="n2")
    _send(service, outbox.event("job_start", job=running))
    (row,) = _rows(service, "job")
    assert (row["tres_alloc"], row["node_inx"]) == (f"1=1,3={NO_VAL64},1001=2,1004=1", "1")


def test_only_the_controllers_user_writes(service: AccountingService) -> None:
    with pytest.raises(RequestError):
        service.call("events", {}, [Outbox().event("job_submit", job=job())], 1003)


def test_usage_in_slurmdbds_units() -> None:
    usage = pb.Usage(
        user_sec=1.25, sys_sec=0.5, max_rss=2048, total_rss=3000, max_rss_task=1, max_rss_node="n3", tasks=2,
        sampled=True, disk_read=10, max_disk_read=8,
    )  # fmt: skip
    row = rows.step_row(step(0, states.COMPLETED, node_list="n[2-3]", usage=usage), rows.Names())
    assert (row["user_sec"], row["user_usec"], row["sys_usec"]) == (1, 250000, 500000)
    assert row["tres_usage_in_max"].split(",")[1] == f"2={2048 * 1024}"
    assert row["tres_usage_in_tot"].split(",")[:2] == ["1=1750", f"2={3000 * 1024}"]
    assert row["tres_usage_in_max_nodeid"].split(",")[1] == "2=1"
    assert "3=" not in row["tres_usage_in_max_taskid"]


@pytest.mark.parametrize(
    ("text", "bits"), [("1-5,7", ("0xBE", 6)), ("0-8:2%3", ("0x155", 5)), ("", ("", 0)), ("4", ("0x10", 1))]
)
def test_pending_tasks_as_bitmap(text: str, bits: tuple[str, int]) -> None:
    assert rows.task_bitmap(text) == bits
