"""Commands run in this process against a service, without daemons or sockets."""

from __future__ import annotations

import grp
import io
import json
import os
import pwd
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pytest

from crane_compat.accounting.service import AccountingService

from . import builders

USERS = {"root": 0, "alice": 1003, "bob": 1004, "carol": 1005, "dave": 1006, "slurm": 64030}


@dataclass
class Console:
    """Types accounting commands as one of the recorded users."""

    service: AccountingService
    uid: int = 0
    now: int | None = None

    def ask(self, command: str, op: str, args: dict[str, Any]) -> Any:
        if self.now is not None:
            args = args | {"now": self.now}
        result, _ = self.service.call(op, json.loads(json.dumps(args)), (), self.uid)
        return json.loads(json.dumps(result))

    def run(self, line: str, user: str = "root", stdin: str = "") -> tuple[int, str, str]:
        """(status, stdout, stderr) of a command line."""
        words = shlex.split(line)
        self.uid = USERS[user]
        module = import_module("crane_compat.commands.slurm." + words[0])
        out, err = io.StringIO(), io.StringIO()
        read, write = os.pipe()
        os.write(write, stdin.encode())
        os.close(write)
        old = sys.stdin
        with os.fdopen(read) as answers:
            sys.stdin = answers
            try:
                with redirect_stdout(out), redirect_stderr(err):
                    status = module.main(words[1:])
            finally:
                sys.stdin = old
        return status, out.getvalue(), err.getvalue()


def _user(name: str) -> pwd.struct_passwd:
    return pwd.struct_passwd((name, "x", USERS[name], USERS[name], "", f"/home/{name}", "/bin/sh"))


def _group(name: str) -> grp.struct_group:
    return grp.struct_group((name, "x", USERS[name], []))


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The users and groups of the recordings, whatever this host has; time in UTC."""
    from crane_compat.commands.slurm import sacct_fields, sacctmgr_fields

    names = {number: name for name, number in USERS.items()}
    monkeypatch.setattr(pwd, "getpwnam", _user)
    monkeypatch.setattr(pwd, "getpwuid", lambda number: _user(names[number]))
    monkeypatch.setattr(grp, "getgrnam", _group)
    monkeypatch.setattr(grp, "getgrgid", lambda number: _group(names[number]))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    for cached in (sacct_fields.user_name, sacct_fields.group_name, sacctmgr_fields.user_with_uid):
        cached.cache_clear()
    yield
    for cached in (sacct_fields.user_name, sacct_fields.group_name, sacctmgr_fields.user_with_uid):
        cached.cache_clear()
    monkeypatch.undo()
    time.tzset()


def _console(service: AccountingService, monkeypatch: pytest.MonkeyPatch) -> Console:
    console = Console(service)
    for name in ("sacct", "sacctmgr", "sacctmgr_file", "seff"):
        monkeypatch.setattr(f"crane_compat.commands.slurm.{name}.ask", console.ask)
    monkeypatch.setattr(os, "getuid", lambda: console.uid)
    return console


@pytest.fixture
def console(tmp_path: Any, people: None, monkeypatch: pytest.MonkeyPatch) -> Console:
    """A console on an empty database."""
    return _console(builders.service(tmp_path), monkeypatch)


@pytest.fixture
def make_console(people: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    return lambda service: _console(service, monkeypatch)
