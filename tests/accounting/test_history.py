"""Our sacct and sacctmgr on a database of the real slurmdbd print what the real ones did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from crane_compat.accounting import schema
from crane_compat.accounting.service import AccountingService

from . import dump

pytestmark = pytest.mark.skipif(not dump.GOLDEN.exists(), reason="the recordings are not here")

#: when each command was recorded that shows running or waiting jobs, in seconds after the dump
NOW = {0: 19, 1: 19, 3: 20, 4: 20, 29: 21}
#: sacct's clock had passed a second's edge that slurmdbd's had not: a second more in Planned
LATER = {1: (("09:49:14|09:49:14|35354", "09:49:15|09:49:15|35355"), ("4294958694", "4294958695"))}
DUMPED = 1_795_360_363
#: answered by daemons' configuration, not by the database
ELSEWHERE = ("show config",)


def _commands() -> list[tuple[int, dict[str, Any]]]:
    path = dump.GOLDEN / "history" / "commands.yaml"
    if not path.exists():
        return []
    listed = enumerate(yaml.safe_load(path.read_text())["commands"])
    return [(n, c) for n, c in listed if c["run"].split()[0] in ("sacct", "sacctmgr")]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    return dump.load(tmp_path_factory.mktemp("history") / "acct.db")


@pytest.mark.parametrize(("number", "command"), _commands(), ids=lambda v: v["run"] if isinstance(v, dict) else str(v))
def test_history(
    number: int, command: dict[str, Any], database: str, make_console: Any, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if any(word in command["run"] for word in ELSEWHERE):
        pytest.skip("not from the database")
    monkeypatch.chdir(tmp_path)
    engine = schema.open_engine(database)
    console = make_console(AccountingService(engine, dump.CLUSTER, {"SlurmUser": "slurm"}))
    console.now = DUMPED + NOW.get(number, 20)
    status, out, err = console.run(command["run"])
    engine.dispose()
    want = (dump.GOLDEN / "history" / command["stdout_file"]).read_text(errors="surrogateescape")
    assert (status, err) == (command["rc"], command["stderr"])
    for ours, theirs in LATER.get(number, ()):
        out = out.replace(ours, theirs)
    assert out == want
