"""The same on MariaDB: schema, writer and changes in its dialect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from crane_compat.accounting import schema
from crane_compat.accounting.service import AccountingService
from crane_compat.core import states
from crane_compat.wire import pb

from .builders import Outbox, job, step

COMMANDS = (
    "add cluster lab", "add qos high Priority=100 MaxTRESPerUser=cpu=16 Flags=DenyOnLimit",
    "add account science Fairshare=10", "add account physics parent=science GrpTRES=cpu=4,mem=4G",
    "add user alice account=physics QOS=normal,high", "modify user alice set qos-=normal",
    "add coordinator account=physics names=alice", "modify account physics set parent=root",
)  # fmt: skip


def test_mariadb(mariadb_url: str, make_console: Any, tmp_path: Path) -> None:
    engine = schema.open_engine(mariadb_url)
    service = AccountingService(engine, "lab", {"SlurmUser": "root", "AccountingStoreFlags": "job_script"})
    console = make_console(service)
    for line in COMMANDS:
        assert console.run("sacctmgr -i " + line)[::2] == (0, "")
    assert (
        console.run("sacctmgr -nP show assoc user=alice format=lineage,qos,grptres")[1] == "/physics/0-alice/|high|\n"
    )
    assert console.run("sacctmgr -nP show assoc account=physics user= format=account,grptres")[1].startswith(
        "physics|cpu=4,mem=4G\n"
    )
    outbox = Outbox()
    blob = pb.JobBlob(script=b"#!/bin/sh\necho \xc3\xa4\n")
    for _ in range(2):
        outbox.seq = 0
        service.call(
            "events",
            {},
            [
                outbox.event("job_submit", job=job(), blob=blob),
                outbox.event("job_start", job=job(state=states.RUNNING)),
                outbox.event("step_start", job=job(state=states.RUNNING), step=step(-5, states.RUNNING)),
                outbox.event("job_end", job=job(state=states.COMPLETED)),
                outbox.event("step_end", job=job(state=states.COMPLETED), step=step(-5, states.COMPLETED)),
            ],
            0,
        )
    assert console.run("sacct -nPj 1001 -o jobid,state,reqmem,user")[1] == (
        "1001|COMPLETED|100M|alice\n1001.batch|COMPLETED||\n"
    )
    assert console.run("sacct -Bj 1001")[1].endswith("echo ä\n")
    with engine.begin() as conn:
        found = schema.Schema.found(engine, "lab")
        assert found.release == schema.RELEASE
        assert conn.execute(sa.select(found.job.c.mem_req)).scalar() == schema.MEM_PER_CPU | 100
    engine.dispose()


def test_old_schema_is_recognised(tmp_path: Path) -> None:
    """A database of an older release is used with the columns it has."""
    engine = schema.open_engine(f"sqlite:///{tmp_path}/old.db")
    with engine.begin() as conn:
        schema._make(conn, schema.GLOBAL, "", "23.02")
        schema._make(conn, schema.CLUSTER, "lab_", "23.02")
    found = schema.Schema.found(engine, "lab")
    assert found.release == "23.02"
    assert "extra" in found.job.c
    assert "std_out" not in found.job.c
    service = AccountingService(engine, "lab", {"SlurmUser": "root"})
    service.call("events", {}, [Outbox().event("job_submit", job=job())], 0)
    reply: Any = service.call("jobs", {"jobs": [[1001, None, None]]}, (), 0)[0]
    assert len(reply["clusters"][0]["rows"]) == 1
