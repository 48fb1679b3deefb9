"""squeue, sinfo and scontrol show against what Slurm printed of the same records."""

from __future__ import annotations

import io
import os
import pwd
import re
import shlex
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from crane_compat import commands
from crane_compat.daemon.rpc import client as rpc
from tests.golden.golden_format import Recordings, Setting, default_root, view

from . import recorded_cluster as rec

#: scenario → the steps that show the records here (later ones changed something)
SCENARIOS: dict[str, range] = {
    "static/sinfo/layouts": range(1000),
    "static/sinfo/format-letters": range(1000),
    "static/sinfo/format-fields": range(1000),
    "static/scontrol/show": range(1000),
    "static/scontrol/hostlist": range(1000),
    "static/scontrol/errors": range(1000),
    "static/errors/other-commands": range(1000),
    "squeue/letters": range(1000),
    "squeue/fields": range(1000),
    "squeue/views": range(1000),
}
_COMMAND = re.compile(r"(squeue|sinfo|scontrol (-\w+ |-M \w+ )*show)\b")
#: documents, what accounting says, help that is ours, and a figure each node had of its own
_OTHER = re.compile(
    r"json|yaml|assoc_mgr|show hostlist$|config|listpids|topoconf|-M nope|--usage|daemons|"
    r"FreeMem|%6s|%e|%all|-O all|%\.12e|slurmd|PWD|write|-i 1 "
)
#: the order of rows that are equal in what is sorted by, and a time told as seen from today
_CHANCE = {"squeue -S N,i -o '%i %N'", "static/sinfo/layouts-47", "squeue/views-71"}
_TAIL = " | tail -n +2"


def lines() -> Iterator[Any]:
    recordings = Recordings(default_root())
    for name, wanted in SCENARIOS.items():
        for index, step in enumerate(recordings.scenario(name).steps):
            run = step.get("run", "")
            plain = run.removesuffix(_TAIL)
            if index not in wanted or not _COMMAND.match(run) or _OTHER.search(run):
                continue
            if {run, f"{name}-{index}"} & _CHANCE:
                continue
            if re.search(r"[;&<>$]|\| ", plain.replace("'%", "")) and "'" not in plain:
                continue
            if re.search(r"\| (grep|head|wc|sed)", plain) or "&" in plain:
                continue
            yield pytest.param(name, step, id=f"{name}-{index}")


def _user(name: str) -> Any:
    if name not in rec.UIDS:
        raise KeyError(name)
    return SimpleNamespace(pw_name=name, pw_uid=rec.UIDS[name])


@pytest.mark.parametrize(("name", "step"), list(lines()))
def test_like_recorded(name: str, step: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    busy = name.startswith("squeue/")
    user = step.get("user", "root")
    answering = rec.Answering(
        user=user,
        jobs=rec.queue() if busy else [],
        steps=rec.steps() if busy else [],
        nodes=rec.busy_nodes() if busy else rec.nodes(),
    )
    ids = dict(zip("abcdefh", map(str, range(1001, 1008)), strict=True))
    setting = Setting(places={"WORK": "/tmp/lab01"}, values=ids if busy else {})
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(rpc.Client, "controller", classmethod(lambda *_: answering))
    monkeypatch.setattr(os, "getuid", lambda: rec.UIDS[user])
    monkeypatch.setattr(pwd, "getpwnam", _user)
    for variable in [v for v in os.environ if v.startswith(("SLURM", "SQUEUE", "SINFO"))]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    for variable, value in step.get("env", {}).items():
        monkeypatch.setenv(variable, value)
    run = setting.fill(step["run"])
    words = shlex.split(run.removesuffix(_TAIL))
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        patch.setattr(sys, "stdin", io.StringIO(step.get("stdin", "")))
        try:
            status = commands.load(words[0])(words[1:])
        except SystemExit as exc:
            status = int(exc.code or 0)
    shown = out.getvalue()
    if run.endswith(_TAIL):
        shown = shown.partition("\n")[2]
    recorded = Setting(values=setting.values)
    assert view(shown, step, setting) == view(step["stdout"], step, recorded)
    assert view(err.getvalue(), step, setting) == view(step["stderr"], step, recorded)
    assert status == step["rc"]
