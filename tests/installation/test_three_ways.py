"""A command gives the same bytes by the C stub, by the Python stub, and in an interpreter of its own."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from crane_compat.commands import COMMANDS

from .conftest import ROOT, Launched

CALLS = [["--version"], ["--no-such-option"], ["--help"], ["no-such-operand", "\udcff\u00e9"], []]

#: started without arguments, these read their input or ask for something that lasts
_WITHOUT = {"salloc", "srun", "sbatch", "scontrol", "sacctmgr"}


def available(name: str) -> bool:
    try:
        importlib.import_module(COMMANDS[name])
    except ImportError:
        return False
    return True


def outcome(command: list[str], launched: Launched) -> tuple[int, bytes, bytes]:
    done = subprocess.run(
        command,
        env={"PATH": "/usr/bin:/bin", "TZ": "UTC", "SLURM_CONF": str(launched.conf), "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
        cwd="/",
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_same_bytes(name: str, launched: Launched) -> None:
    if not available(name):
        pytest.skip(f"{name} cannot be imported")
    for words in CALLS:
        if not words and name in _WITHOUT:
            continue
        ways = [outcome([str(launched.directory / way / name), *words], launched) for way in ("c", "python")]
        ways.append(
            outcome([sys.executable, "-I", "-X", "utf8", "-m", "crane_compat.commands", name, *words], launched)
        )
        assert ways[0] == ways[1] == ways[2], words
        assert b"Traceback" not in ways[0][2]


_NEW_MODULES = """
import contextlib, io, sys
from crane_compat import commands
from crane_compat.daemon.launcher import launcher
launcher.preload()
before = set(sys.modules)
for name in commands.COMMANDS:
    if commands.COMMANDS[name] in before:
        for words in (["--version"], ["-x"], ["-j", "1"], ["show", "job"]):
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                commands.run(name, words)
print(*sorted(set(sys.modules) - before))
"""


def test_the_launcher_has_everything_imported(launched: Launched) -> None:
    """What a command imports on its way costs milliseconds in every call."""
    done = subprocess.run(
        [sys.executable, "-c", _NEW_MODULES],
        env={"SLURM_CONF": str(launched.conf), "PATH": "/usr/bin:/bin"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert done.stdout.split() == []


_HEAVY_MODULES = """
import os, sys
from crane_compat.daemon.launcher import launcher
launcher.preload()
print(len(os.listdir("/proc/self/task")), *sorted(set(sys.modules) & set(launcher.HEAVY)))
"""


def test_the_launcher_stays_small_and_single_threaded() -> None:
    """It forks: a thread (numpy starts some) would not survive that, and its size is paid for by every fork."""
    done = subprocess.run([sys.executable, "-c", _HEAVY_MODULES], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "1\n"


def test_stub_and_paths_agree(launched: Launched) -> None:
    """The C stub, the Python stub and paths.py name the run-time directory alike, through symbolic links too."""
    link = Path(launched.directory) / "link.conf"
    if not link.exists():
        link.symlink_to(launched.conf)
    for way in ("c", "python"):
        done = subprocess.run(
            [str(launched.directory / way / "probe"), "exit", "9"],
            env={"SLURM_CONF": "link.conf"},
            cwd=launched.directory,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 9
