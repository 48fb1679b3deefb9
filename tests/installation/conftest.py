"""A launcher of its own for the tests, serving `probe` besides the real commands."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from crane_compat import paths
from crane_compat.daemon.launcher import install

_START = """
import sys
from crane_compat.commands import COMMANDS, REPEATABLE
REPEATABLE.add("probe")
COMMANDS["probe"] = "tests.installation.probe"
from crane_compat.daemon.launcher import launcher
print("ready", flush=True)
sys.exit(launcher.run(sys.argv[1], int(sys.argv[2])))
"""

ROOT = Path(__file__).resolve().parents[2]


class Launched:
    """A running launcher; `lifeline` is the pipe whose end ends it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.etc = directory / "etc"
        self.etc.mkdir(parents=True)
        self.conf = self.etc / "slurm.conf"
        self.conf.write_text("ClusterName=probe\nSlurmctldHost=localhost\n")
        install.commands(str(directory / "c"), str(self.etc), ["probe"])
        self.compiled = (directory / "c" / "probe").read_bytes().startswith(b"\x7fELF")
        install.commands(str(directory / "python"), str(self.etc), ["probe"], compiled=False)
        read_end, self.lifeline = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-X", "utf8", "-c", _START, str(self.conf), str(read_end)],
            pass_fds=(read_end,),
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
        )
        os.close(read_end)
        assert self.process.stdout and self.process.stdout.readline() == b"ready\n"
        self.socket = paths.launcher_socket(str(self.conf))
        os.set_blocking(self.process.stdout.fileno(), False)
        while not os.path.exists(self.socket):
            assert self.process.poll() is None
            os.sched_yield()

    def stop(self) -> int:
        os.close(self.lifeline)
        return self.process.wait(10)


@pytest.fixture(scope="session")
def launched() -> Iterator[Launched]:
    if os.geteuid() != 0:
        pytest.skip("the launcher runs as root")
    directory = Path(tempfile.mkdtemp(prefix="crane-launched-"))  # pytest's own is closed to other users
    directory.chmod(0o755)
    started = Launched(directory)
    yield started
    shutil.rmtree(directory)
    started.stop()
    os.unlink(started.socket)
    os.rmdir(os.path.dirname(started.socket))


@pytest.fixture(params=["c", "python"])
def probe(request: pytest.FixtureRequest, launched: Launched) -> str:
    """The path of the `probe` command, by either stub."""
    if request.param == "c" and not launched.compiled:
        pytest.skip("no C compiler here")
    return str(launched.directory / request.param / "probe")
