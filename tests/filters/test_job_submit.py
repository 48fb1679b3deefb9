"""job_submit.lua: what scripts read and set, what they say, and what becomes of broken ones."""

from __future__ import annotations

import asyncio
import contextlib
import glob
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from crane_compat.core.admission import Identity
from crane_compat.core.cluster import Cluster
from crane_compat.core.errors import Errno, RequestError
from crane_compat.core.parameters import Parameters
from crane_compat.daemon.controller.filter_link import FilterLink
from crane_compat.filters import constants as c
from crane_compat.filters.host import JobSubmit
from crane_compat.filters.job_desc import FIELDS, Facts, Unsettable, set_field
from crane_compat.parsers.slurm_conf import load
from crane_compat.wire import pb

SHARED = os.environ.get("CRANE_SHARED") or os.path.join(os.path.dirname(__file__), "../../../shared")
SCRIPTS = sorted(glob.glob(os.path.join(SHARED, "corpus", "lua", "*.lua")))

SITE = pb.FilterSite(partitions=[pb.PartitionRecord(name="batch", max_time=1440)], qos_priority={"high": 7})


def script(where: Path, submit: str = "", modify: str = "", before: str = "") -> JobSubmit:
    path = where / "job_submit.lua"
    path.write_text(
        f"{before}\nfunction slurm_job_submit(job_desc, part_list, submit_uid)\n{submit}\nend\n"
        f"function slurm_job_modify(job_desc, job_rec, part_list, modify_uid)\n{modify}\nend\nreturn slurm.SUCCESS\n"
    )
    return JobSubmit(str(path))


def ask(filters: JobSubmit, **spec: object) -> pb.FilterReply:
    call = pb.FilterCall(kind="submit", spec=pb.JobSpec(**spec), uid=1003, user_name="alice", site=SITE)  # type: ignore[arg-type]
    return filters.answer(call)


def said(filters: JobSubmit, expression: str, where: Path, **spec: object) -> list[str]:
    return list(ask(script(where, f"slurm.log_user('%s', tostring({expression}))"), **spec).messages)


@pytest.mark.parametrize(
    ("expression", "spec", "text"),
    [
        ("job_desc.num_tasks == slurm.NO_VAL", {}, "true"),
        ("job_desc.num_tasks", {"num_tasks": 3}, "3.0"),
        ("job_desc.min_cpus", {"num_tasks": 3, "cpus_per_task": 2}, "6.0"),
        ("job_desc.partition", {}, "nil"),
        ("job_desc.user_name .. submit_uid", {}, "alice1003.0"),
        ("job_desc.gres", {"gres": "gpu:2", "gpus_per_node": "a100:1"}, "gres/gpu:2,gres/gpu:a100:1"),
        ("job_desc.tres_per_job", {"gpus": "4"}, "gres/gpu:4"),
        ("job_desc.min_mem_per_node", {"mem_per_node": 500}, "500.0"),
        ("job_desc.min_mem_per_cpu", {"mem_per_node": 500}, "nil"),
        ("job_desc.pn_min_memory == slurm.NO_VAL64", {}, "true"),
        ("job_desc.shared == slurm.NO_VAL16", {}, "true"),
        ("job_desc.shared", {"exclusive": "exclusive"}, "0.0"),
        ("job_desc.argc", {"batch": True, "command": "/a.sh", "argv": [b"x", b"y"]}, "3.0"),
        ("job_desc.argv[1]", {"batch": True, "command": "/a.sh", "argv": [b"x", b"y"]}, "x"),
        ("job_desc.environment.HOME", {"env": [b"HOME=/h"]}, "/h"),
        ("job_desc.nosuch", {}, "nil"),
        ("part_list['batch'].max_time", {}, "1440.0"),
        ("slurm.get_qos_priority('high')", {}, "7.0"),
        ("slurm.ESLURM_INVALID_WCKEY", {}, "2057.0"),
        ("slurm.time_str2mins('1-0')", {}, "1440.0"),
        ("slurm.from_json('{\"a\": [1, 2]}').a[2]", {}, "2.0"),
        ("io.popen('echo hi'):read('*l')", {}, "hi"),
        ("unpack({1})", {}, "1"),
        ("job_desc.name", {"name": "größe"}, "größe"),
    ],
)
def test_what_a_script_reads(tmp_path: Path, expression: str, spec: dict[str, object], text: str) -> None:
    assert said(None, expression, tmp_path, **spec) == [text]  # type: ignore[arg-type]


def test_what_a_script_sets(tmp_path: Path) -> None:
    filters = script(
        tmp_path,
        "job_desc.partition = 'batch' job_desc.time_limit = 30 job_desc.admin_comment = 'seen' job_desc.shared = 0 "
        "job_desc.gres = 'gres/gpu:v100:2' job_desc.min_mem_per_cpu = 100 job_desc.environment.NEW = 'x' "
        "job_desc.environment.OLD = nil job_desc.num_tasks = slurm.NO_VAL job_desc.user_id = 0 "
        "job_desc.mail_type = slurm.MAIL_JOB_END return slurm.SUCCESS",
    )
    spec = ask(filters, num_tasks=4, mem_per_node=10, gpus_per_node="1", env=[b"OLD=1", b"KEPT=2"]).spec
    assert (spec.partition, spec.time_limit, spec.admin_comment, spec.exclusive) == ("batch", 30, "seen", "exclusive")
    assert (spec.gres, spec.gpus_per_node, spec.mem_per_cpu) == ("gpu:v100:2", "", 100)
    assert not spec.HasField("mem_per_node") and not spec.HasField("num_tasks")
    assert list(spec.env) == [b"KEPT=2", b"NEW=x"] and list(spec.mail_type) == ["END"]


def test_refusals_and_words_for_the_user(tmp_path: Path) -> None:
    reply = ask(script(tmp_path, "slurm.user_msg('one\\ntwo') return slurm.ESLURM_ACCESS_DENIED"))
    assert (reply.rc, list(reply.messages)) == (Errno.ACCESS_DENIED, ["one", "two"])
    assert ask(script(tmp_path, "return slurm.ERROR")).rc == c.ERROR
    assert ask(script(tmp_path, "")).rc == 0  # what is no number counts as success


def test_modify_sees_and_changes_what_is_asked_for(tmp_path: Path) -> None:
    filters = script(
        tmp_path,
        modify="if job_desc.time_limit ~= slurm.NO_VAL and job_desc.time_limit > job_rec.time_limit then "
        "slurm.log_user('no longer') return slurm.ERROR end "
        "if job_desc.partition == 'old' then job_desc.partition = 'new' end return slurm.SUCCESS",
    )

    def modify(**values: str) -> pb.FilterReply:
        pairs = [pb.KeyValue(key=key, value=value) for key, value in values.items()]
        return filters.answer(pb.FilterCall(kind="modify", values=pairs, record=pb.JobRecord(job_id=7, time_limit=60)))

    assert [(v.key, v.value) for v in modify(partition="old", comment="x").values] == [
        ("comment", "x"), ("partition", "new"),
    ]  # fmt: skip
    assert (modify(timelimit="2:00:00").rc, list(modify(timelimit="2:00:00").messages)) == (c.ERROR, ["no longer"])
    assert modify(timelimit="30").rc == 0


def test_globals_live_and_a_changed_file_is_read_again(tmp_path: Path) -> None:
    filters = script(tmp_path, "count = count + 1 slurm.log_user('%d', count)", before="count = 0")
    assert [ask(filters).messages[0] for _ in range(2)] == ["1", "2"]
    path = tmp_path / "job_submit.lua"
    path.write_text("this is not Lua")
    assert ask(filters).messages[0] == "3"  # the script as it was
    script(tmp_path, "slurm.log_user('new one')")
    assert ask(filters).messages[0] == "new one"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("x = = 1", "unexpected symbol"), ("function slurm_job_submit() end", "slurm_job_modify not present"),
     ("error('at load')", "at load")],
)  # fmt: skip
def test_a_script_that_cannot_be_loaded_refuses(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "job_submit.lua").write_text(text)
    filters = JobSubmit(str(tmp_path / "job_submit.lua"))
    for _ in range(2):
        reply = ask(filters)
        assert reply.rc == c.ERROR and complaint in reply.logs[0].value
    assert ask(JobSubmit(str(tmp_path / "none.lua"))).rc == c.ERROR


def test_a_script_that_fails_while_it_runs_refuses(tmp_path: Path) -> None:
    reply = ask(script(tmp_path, "return nosuch.field"))
    assert reply.rc == c.ERROR and "nosuch" in reply.logs[0].value
    assert ask(script(tmp_path, "job_desc.num_tasks = 'many' return 0")).rc == 0  # told, not taken


@pytest.mark.parametrize("path", SCRIPTS, ids=os.path.basename)
def test_scripts_of_sites_load_and_run(path: str) -> None:
    reply = ask(JobSubmit(path), batch=True, name="job", partition="batch", script=b"#!/bin/sh\n", num_tasks=1)
    problems = [item.value for item in reply.logs if item.key == "error" and "module '" not in item.value]
    assert not problems


writable = [name for name, field in FIELDS.items() if field.set is not None]


@settings(max_examples=300, deadline=None)
@given(some.sampled_from(writable), some.none() | some.floats() | some.text() | some.booleans())
def test_no_value_a_script_sets_does_harm(name: str, value: float | str | bool | None) -> None:
    spec = pb.JobSpec()
    with contextlib.suppress(Unsettable):
        set_field(spec, name, value)
    FIELDS[name].get(spec, Facts())
    spec.SerializeToString()


# ---------------------------------------------------------------- the controller's end


CONF = """\
ClusterName=c
SlurmctldHost=localhost
JobSubmitPlugins={plugins}
NodeName=n1 CPUs=2
PartitionName=a Nodes=n1 Default=YES
PartitionName=b Nodes=n1
PartitionName=hidden Nodes=n1 Hidden=YES
"""
ALICE = Identity(1001, 1001, "alice", "alice", frozenset({"alice"}))


def link(where: Path, plugins: str, crane_toml: str = "") -> FilterLink:
    (where / "slurm.conf").write_text(CONF.format(plugins=plugins))
    (where / "crane.toml").write_text(crane_toml)
    conf = load(str(where / "slurm.conf"))
    return FilterLink(conf, Cluster(Parameters.of(conf), conf.nodes, conf.partitions))


def test_slurms_own_plugins(tmp_path: Path) -> None:
    filters = link(tmp_path, "job_submit/all_partitions,require_timelimit,nosuch")
    spec = pb.JobSpec(time_limit=5)
    assert asyncio.run(filters.submit(spec, ALICE)) == [] and spec.partition == "a,b"
    with pytest.raises(RequestError) as caught:
        asyncio.run(filters.submit(pb.JobSpec(), ALICE))
    assert caught.value.errno == Errno.MISSING_TIME_LIMIT
    assert not link(tmp_path, "").active


def test_a_script_that_hangs_or_dies_refuses_one_request_only(tmp_path: Path) -> None:
    script(
        tmp_path,
        "if job_desc.name == 'hang' then while true do end end if job_desc.name == 'die' then os.exit(3) end "
        "slurm.log_user('fine') job_desc.comment = 'seen' return slurm.SUCCESS",
    )
    filters = link(tmp_path, "lua", "[filters]\ntimeout = 2\n")

    async def run() -> None:
        for name in ("hang", "die"):
            with pytest.raises(RequestError) as caught:
                await filters.submit(pb.JobSpec(name=name), ALICE)
            assert caught.value.text == "Unspecified error"
            spec = pb.JobSpec(name="good")
            assert await filters.submit(spec, ALICE) == ["fine"] and spec.comment == "seen"
        await asyncio.gather(*(filters.submit(pb.JobSpec(name="good"), ALICE) for _ in range(20)))
        filters.close()

    asyncio.run(run())


def test_a_number_of_the_scripts_own_is_told_as_the_systems_error(tmp_path: Path) -> None:
    script(tmp_path, "slurm.log_user('why') return 13")
    filters = link(tmp_path, "lua")

    async def run() -> None:
        with pytest.raises(RequestError) as caught:
            await filters.submit(pb.JobSpec(), ALICE)
        assert (caught.value.text, caught.value.details) == ("Permission denied", ("why",))
        filters.close()

    asyncio.run(run())
