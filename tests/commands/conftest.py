"""A controller that says yes: what a command asks of it is kept, nothing runs."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from crane_compat import commands
from crane_compat.daemon.rpc import client as rpc
from crane_compat.wire import pb

#: the command lines are an ordinary user's
USER = 1000


@dataclass
class Said:
    """What one command line gave."""

    rc: int
    stdout: str
    stderr: str
    #: what reached the controller; None = the command did not get so far
    asked: pb.Submit | None


class Reached(Exception):
    """The command has come to ask the controller for something."""


@dataclass
class Controller:
    """Stands in for `Client`; answers `reply`, or where that is None ends the command at its request."""

    requests: list[pb.Request] = field(default_factory=list)
    reply: pb.Response | None = None
    events: list[pb.Response] = field(default_factory=list)

    def call(self, request: pb.Request, check: bool = True) -> pb.Response:
        kept = pb.Request()
        kept.CopyFrom(request)
        self.requests.append(kept)
        if self.reply is None:
            raise Reached
        return self.reply

    def request(self, request: pb.Request) -> None:
        self.call(request)

    def receive(self) -> pb.Response | None:
        return self.events.pop(0) if self.events else None

    def __enter__(self) -> Controller:
        return self

    def __exit__(self, *_: object) -> None:
        pass


Typed = Callable[..., Said]


@pytest.fixture
def controller(monkeypatch: pytest.MonkeyPatch) -> Controller:
    stand_in = Controller()
    monkeypatch.setattr(rpc.Client, "controller", classmethod(lambda *_: stand_in))
    return stand_in


@pytest.fixture
def typed(
    controller: Controller, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Typed]:
    """Run a command line in this process: ``typed(["sbatch", "-n2", …], env={…}, stdin=b"…")``."""
    before = os.getcwd()
    os.chdir(tmp_path_factory.mktemp("submit"))

    def run(words: list[str], env: dict[str, str] | None = None, stdin: bytes = b"") -> Said:
        controller.requests.clear()
        out, err = io.StringIO(), io.StringIO()
        with monkeypatch.context() as patch:
            for name in list(os.environ):
                if name.startswith(("SLURM", "SBATCH", "SALLOC", "SRUN")):
                    patch.delenv(name)
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            patch.setattr(os, "getuid", lambda: USER)
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
            try:
                rc = commands.load(words[0])(words[1:])
            except Reached:
                rc = 0
        asked = controller.requests[0].submit if controller.requests else None
        return Said(rc, out.getvalue(), err.getvalue(), asked)

    yield run
    os.chdir(before)
