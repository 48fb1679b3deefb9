"""Short ways to make the records and events the accounting tests need."""

from __future__ import annotations

from typing import Any

from crane_compat.accounting import schema
from crane_compat.accounting.service import AccountingService
from crane_compat.core import states
from crane_compat.wire import pb

NOW = 1_795_360_363


def time() -> float:
    """The present: for what commands show "of today"."""
    import time as clock

    return clock.time()


def service(tmp_path: Any = None, **config: Any) -> AccountingService:
    """A service on a fresh SQLite database."""
    values = {"SlurmUser": "root", "AccountingStoreFlags": "job_comment,job_script,job_env,job_extra"} | config
    return AccountingService(schema.open_engine(f"sqlite:///{tmp_path}/acct.db"), "lab", values)


def job(job_id: int = 1001, state: int = states.PENDING, **fields: Any) -> pb.JobRecord:
    spec = fields.pop("spec", {})
    values: dict[str, Any] = {
        "job_id": job_id, "state": state, "uid": 1003, "gid": 1003, "user": "alice", "group": "alice",
        "account": "physics", "partition": "debug", "qos": "normal", "submit_time": NOW, "eligible_time": NOW,
        "time_limit": 5, "min_cpus": 1, "min_memory": 100, "memory_per_cpu": True, "reason": "None",
        "tres_req": "cpu=1,mem=100M,node=1,billing=1", "batch_flag": True, "priority": 10273,
    }  # fmt: skip
    if state != states.PENDING:
        values |= {
            "start_time": NOW + 1, "node_list": "n1", "num_nodes": 1, "scheduler": "Backfill",
            "tres_alloc": "cpu=1,mem=100M,node=1,billing=1",
        }  # fmt: skip
    if states.is_finished(state):
        values["end_time"] = NOW + 11
    record = pb.JobRecord(**(values | fields))
    record.spec.MergeFrom(pb.JobSpec(**({"name": "wrap", "work_dir": "/work", "partition": "debug"} | spec)))
    return record


def step(step_id: int, state: int, **fields: Any) -> pb.StepRecord:
    values: dict[str, Any] = {
        "job_id": 1001, "step_id": step_id, "name": states.STEP_NAMES.get(step_id, "sleep"), "state": state,
        "start_time": NOW + 1, "node_list": "n1", "num_nodes": 1, "num_tasks": 1, "num_cpus": 1,
        "tres_alloc": "cpu=1,mem=100M,node=1", "work_dir": "/work",
    }  # fmt: skip
    if states.is_finished(state):
        values["end_time"] = NOW + 11
    return pb.StepRecord(**(values | fields))


class Outbox:
    """Numbers events as the controller does."""

    def __init__(self) -> None:
        self.seq = 0

    def event(self, kind: str, **fields: Any) -> pb.AcctEvent:
        self.seq += 1
        return pb.AcctEvent(seq=self.seq, kind=kind, time=fields.pop("time", NOW), **fields)
