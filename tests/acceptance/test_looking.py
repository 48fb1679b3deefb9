"""Documents, explanations, reservations and what scontrol changes, by users on a real cluster."""

from __future__ import annotations

import json
from typing import Any

from .site import Site


def _document(site: Site, command: str, user: str = "alice") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(site.sh(command, user=user))
    assert found["errors"] == [] and found["meta"]["client"]["user"] == user
    return found


def test_documents_say_what_tables_say(shared_site: Site) -> None:
    job = shared_site.submit("-n1 -J 'a \"name\"' --comment 'x/y' -o /dev/null --wrap 'sleep 600'")
    shared_site.until(job, "RUNNING")
    for command in (f"squeue --json -j {job}", f"scontrol show job {job} --json"):
        (row,) = _document(shared_site, command)["jobs"]
        assert (row["job_id"], row["name"], row["comment"], row["job_state"]) == (job, 'a "name"', "x/y", ["RUNNING"])
        assert row["nodes"] == shared_site.sh(f"squeue -h -j {job} -o %N").strip()
        allocated = row["job_resources"]["nodes"]["allocation"][0]
        taken = [core for socket in allocated["sockets"] for core in socket["cores"] if core["status"] == ["ALLOCATED"]]
        assert len(taken) == 1
    names = {node["name"] for node in _document(shared_site, "scontrol show node --json")["nodes"]}
    rows = _document(shared_site, "sinfo --json")["sinfo"]
    assert names == {name for row in rows for name in row["nodes"]["nodes"]}
    steps = _document(shared_site, f"scontrol show step {job} --json")["steps"]
    assert [step["id"] for step in steps] == [f"{job}.batch"]
    listed = shared_site.run("squeue --json=list")
    assert "data_parser/v0.0.44" in listed.stdout.split()
    assert shared_site.run("sinfo --yaml=v1").rc == 1
    shared_site.sh(f"scancel {job}")
    shared_site.until(job)


def test_a_reservation_from_begin_to_end(shared_site: Site) -> None:
    refused = shared_site.run("scontrol create reservation starttime=now duration=5 nodes=n1 users=alice")
    assert (refused.rc, refused.stderr) == (1, "Error creating the reservation: Invalid user id\n")
    told = shared_site.sh(
        "scontrol create reservation reservationname=r starttime=now duration=30 nodes=n1 users=alice", user="root"
    )
    assert told == "Reservation created: r\n"
    outside = shared_site.submit("-w n1 -t 5 -o /dev/null --wrap true", user="bob")
    assert shared_site.run("sbatch --reservation=r --wrap true", user="bob").stderr == (
        "sbatch: error: Batch job submission failed: Access denied to requested reservation\n"
    )
    inside = shared_site.submit("--reservation=r -o /dev/null --wrap 'sleep 600'")
    shared_site.until(inside, "RUNNING")
    assert shared_site.sh(f"squeue -h -j {inside} -o '%N %v'") == "n1 r\n"
    why = shared_site.sh(f"squeue --explain {outside}", user="bob")
    assert "May be reserved for other job" in why and "reserved" in why
    explained = _document(shared_site, f"scontrol explain {outside} --json", user="bob")["explanations"]
    assert explained[0]["reason"] == "ReqNodeNotAvail"
    assert {"option": "nodelist", "value": ""}.items() <= explained[0]["would_start_now"][0].items()
    busy = shared_site.run("scontrol delete reservation=r", user="root")
    assert busy.stderr == "delete_reservation reservation=r: Requested reservation is in use\n"
    shared_site.sh(f"scancel {inside}")
    shared_site.until(inside)
    shared_site.sh("scontrol delete reservation=r", user="root")
    shared_site.until(outside, "COMPLETED")
    assert shared_site.sh("sinfo -T") == "No reservations in the system\n"


def test_what_helps_helps(shared_site: Site) -> None:
    blocker = shared_site.submit("-w n1 --exclusive -o /dev/null --wrap 'sleep 600'")
    shared_site.until(blocker, "RUNNING")
    waiting = shared_site.submit("-w n1 -o /dev/null --wrap true")
    (one,) = _document(shared_site, f"squeue --explain {waiting} --json")["explanations"]
    assert [group["cause"] for group in one["partitions"][0]["nodes"]] == ["unfit", "busy"]
    commands = [remedy["command"] for remedy in one["would_start_now"] if remedy["option"] == "nodelist"]
    shared_site.sh(commands[0])
    shared_site.until(waiting, "COMPLETED")
    shared_site.sh(f"scancel {blocker}")
    shared_site.until(blocker)
    assert shared_site.run("squeue --explain 999999").stderr == "slurm_load_jobs error: Invalid job id specified\n"


def test_a_line_for_a_running_script(shared_site: Site) -> None:
    job = shared_site.submit("-o out-%j --wrap 'sleep 600'")
    shared_site.until(job, "RUNNING")
    shared_site.sh(f"scontrol notify {job} hello there")
    shared_site.sh(f"until grep -q 'error: hello there' out-{job}; do sleep .05; done")
    shared_site.sh(f"scancel {job}")
    shared_site.until(job)


def test_levels_until_the_configuration_is_read_again(shared_site: Site) -> None:
    def shown(key: str) -> str:
        return shared_site.sh(f"scontrol show config | grep '^{key} '").split("=", 1)[1].strip()

    before = shown("SlurmctldDebug"), shown("DebugFlags")
    refused = shared_site.run("scontrol setdebug debug")
    assert refused.stderr == "slurm_set_debug_level error:Permission denied\n"
    shared_site.sh(
        "scontrol setdebug 6; scontrol setdebugflags +Backfill +Steps; scontrol setdebugflags -- -steps", "root"
    )
    assert (shown("SlurmctldDebug"), shown("DebugFlags")) == ("debug2", "Backfill")
    shared_site.sh("scontrol reconfigure", user="root")
    assert (shown("SlurmctldDebug"), shown("DebugFlags")) == before


def test_a_trigger_runs_its_program_as_who_set_it(shared_site: Site) -> None:
    program = shared_site.file(
        "trig.sh", f'#!/bin/sh\necho "$(id -un) $*" > {shared_site.file("told", "", "root")}\n', "root"
    )
    refused = shared_site.run(f"strigger --set --reconfig --program={program}")
    assert (refused.rc, refused.stderr) == (1, "slurm_set_trigger: Access/permission denied\n")
    shared_site.sh(f"strigger --set --reconfig --program={program}", user="root")
    header, row = shared_site.sh("strigger --get").splitlines()
    assert header.split()[0] == "TRIG_ID" and row.split()[1:4] == ["slurmctld", "*", "reconfig"]
    shared_site.sh("scontrol reconfigure", user="root")
    told = program.replace("trig.sh", "told")
    assert (
        shared_site.run(f"until [ -s {told} ]; do sleep .2; done; cat {told}", seconds=40).stdout == "root reconfig\n"
    )
    assert shared_site.sh("strigger --get") == ""
    assert shared_site.run("strigger --clear --id=1").stderr == "slurm_clear_trigger: No such process\n"
