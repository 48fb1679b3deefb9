"""sacctmgr against recordings, on a database set up as the recorded cluster's."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from crane_compat.wire import pb

from . import builders, dump
from .conftest import Console

pytestmark = pytest.mark.skipif(not dump.GOLDEN.exists(), reason="the recordings are not here")

REGISTRATION = (
    '{"nodes":"n[1-4]","tres":"1=32,2=32000,4=4,5=32,1001=4,1002=4,1003=4","host":"vm","address":"127.0.0.1",'
    '"tres_names":{"gres/gpu":1001,"gres/gpu:tesla":1002,"license/matlab":1003},"port":6917}'
)
#: steps that need a controller, a configuration file or slurmdbd's own statistics; SQL texts of QOS changes;
#: loading files
ELSEWHERE = {
    "show": {6, 7, 24, 25, 26, 27, 70, 86},
    "modify": {74},
    "dump-load": {4, 6, 7, 8, 9, 10, 11, 13},
}


@pytest.fixture
def recorded_cluster(tmp_path: Path, make_console: Any) -> Console:
    """The accounts, users and QOS of the recordings; the controller has registered."""
    console: Console = make_console(builders.service(tmp_path, SlurmUser="slurm"))
    for line in (dump.GOLDEN / "profiles" / "base" / "accounting.cmds").read_text().splitlines():
        if line and not line.startswith("#"):
            status, _, err = console.run(line)
            assert (status, err) == (0, "")
    event = pb.AcctEvent(seq=1, kind="cluster", time=builders.time(), text=REGISTRATION)
    console.service.call("events", {}, [event], 0)
    return console


@pytest.mark.parametrize("name", sorted(ELSEWHERE))
def test_recorded(name: str, recorded_cluster: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(dump.GOLDEN))
    sys.modules.pop("goldenlib", None)
    import goldenlib  # type: ignore[import-not-found]

    monkeypatch.chdir(tmp_path)
    folder = dump.GOLDEN / "scenarios" / "static" / "sacctmgr"
    wrong = []
    for index, step in enumerate(yaml.safe_load((folder / f"{name}.yaml").read_text())["steps"]):
        if not step.get("run", "").startswith("sacctmgr") or index in ELSEWHERE[name]:
            continue
        status, out, err = recorded_cluster.run(step["run"], step.get("user", "root"), step.get("stdin") or "")
        want = step.get("stdout") or ""
        if "stdout_file" in step:
            want = (folder / step["stdout_file"]).read_text()
        rules = step.get("norm", [])
        got = (status, goldenlib.normalise(out, rules), goldenlib.normalise(err, rules))
        if got != (step["rc"], goldenlib.normalise(want, rules), goldenlib.normalise(step.get("stderr") or "", rules)):
            wrong.append(f"{index}: {step['run']}")
    assert wrong == []


def test_unknown_words_are_named(console: Console) -> None:
    assert console.run("sacctmgr -i add user x foo=1 account=a") == (
        1,
        " Unknown option: foo=1\n Use keyword 'where' to modify condition\n",
        "",
    )
    assert console.run("sacctmgr frobnicate") == (1, "", "invalid keyword: frobnicate\n")


def test_default_account_follows(console: Console) -> None:
    for line in ("add cluster lab", "add account a", "add account b", "add user alice account=a,b"):
        assert console.run("sacctmgr -i " + line)[0] == 0
    assert console.run("sacctmgr -i modify user alice set defaultaccount=b")[0] == 0
    assert console.run("sacctmgr -nP show user alice")[1] == "alice|b|None\n"
    assert console.run("sacctmgr -i delete user alice account=b")[0] == 1
    assert console.run("sacctmgr -i delete user alice account=a")[0] == 0


def test_account_cannot_hang_below_itself(console: Console) -> None:
    for line in ("add cluster lab", "add account a", "add account b parent=a"):
        console.run("sacctmgr -i " + line)
    status, _, err = console.run("sacctmgr -i modify account a set parent=b")
    assert status == 1
    assert "below" in err
    assert console.run("sacctmgr -nP show assoc account=b format=lineage")[1] == "/a/b/\n"


def test_only_operators_change_qos(console: Console) -> None:
    console.run("sacctmgr -i add cluster lab")
    assert console.run("sacctmgr -i modify qos normal set priority=5", user="alice")[0] == 1
    assert console.run("sacctmgr -nP show qos format=priority")[1] == "0\n"
