"""Daemons start in the background once usable, replace their predecessor, and leave nothing behind."""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crane_compat.daemon import background, cli
from crane_compat.daemon import log as daemon_log

from .conftest import ROOT


def start(directory: Path, *argv: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.installation.daemon_probe", str(directory), *argv],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


def pid_of(directory: Path) -> int:
    return background.PidFile(str(directory / "run" / "daemon.pid")).holder()


def until(condition: object, patience: float = 5.0) -> bool:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if condition():  # type: ignore[operator]
            return True
        os.sched_yield()
    return False


def test_background_start_and_stop(tmp_path: Path) -> None:
    done = start(tmp_path, "-N", "probe1", "-v")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    pid = pid_of(tmp_path)
    assert (tmp_path / "run" / "daemon.pid").read_text() == f"{pid}\n"
    command = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0")
    assert command == b"slurmd -N probe1 -v"
    assert Path(f"/proc/{pid}/comm").read_text() == "slurmd\n"
    assert os.getsid(pid) != os.getsid(0)
    assert (tmp_path / "spool" / "deep").stat().st_mode & 0o777 == 0o700
    assert background.stop(pid)
    assert not (tmp_path / "run" / "daemon.pid").exists()


def test_a_second_start_replaces_the_first(tmp_path: Path) -> None:
    start(tmp_path)
    first = pid_of(tmp_path)
    assert start(tmp_path).returncode == 0
    second = pid_of(tmp_path)
    assert first and second and first != second
    assert background.stop(second)


def test_a_stale_pid_file_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "daemon.pid").write_text("1\n")
    assert pid_of(tmp_path) == 0
    assert start(tmp_path).returncode == 0
    assert background.stop(pid_of(tmp_path))


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("refuse", "slurmd: fatal: there is no way\n"),
        ("bug", "slurmd: fatal: internal error: ZeroDivisionError: a bug\n"),
        ("exit", "slurmd: fatal: ended before it was usable; its log file says more\n"),
    ],
)
def test_failures_are_told(tmp_path: Path, what: str, text: str) -> None:
    done = start(tmp_path, "--extra", what)
    assert (done.returncode, done.stderr) == (1, text)
    assert not (tmp_path / "run" / "daemon.pid").exists()


def test_unwritable_log_is_told(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file where the directory should be")
    done = start(tmp_path)
    assert done.returncode == 1
    assert "log" in done.stderr and "Traceback" not in done.stderr


def test_foreground_notifies_the_service_manager(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(10)
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.installation.daemon_probe", str(tmp_path), "--systemd"],
            cwd=ROOT,
            env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")},
        )
        assert sock.recv(100) == f"READY=1\nMAINPID={process.pid}".encode()
    process.terminate()
    assert process.wait(10) == 0


def test_log_rotation(tmp_path: Path) -> None:
    start(tmp_path)
    pid = pid_of(tmp_path)
    log = tmp_path / "log" / "daemon.log"
    log.rename(tmp_path / "log" / "daemon.log.1")
    os.kill(pid, signal.SIGUSR2)
    assert until(log.exists)
    assert background.stop(pid)


def test_log_lines_are_slurms(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    handler = daemon_log.LogFile(str(path))
    for level in (daemon_log.INFO, daemon_log.VERBOSE, daemon_log.ERROR, daemon_log.DEBUG, daemon_log.DEBUG2):
        handler.emit(logging.LogRecord("x", level, "", 0, "text %d", (1,), None))
    handler.emit(logging.LogRecord("x", daemon_log.INFO, "", 0, "%d", ("no number",), None))
    lines = path.read_text().splitlines()
    assert all(re.match(r"\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\] ", line) for line in lines[:5])
    assert [line[26:] for line in lines[:5]] == [
        "text 1",
        "text 1",
        "error: text 1",
        "debug:  text 1",
        "debug2: text 1",
    ]
    assert "unprintable" in lines[5]


@pytest.mark.parametrize(
    ("text", "more", "level"),
    [
        ("info", 0, daemon_log.INFO),
        ("3", 0, daemon_log.INFO),
        ("info", 1, daemon_log.VERBOSE),
        ("Debug2", 0, daemon_log.DEBUG2),
        ("debug5", 9, daemon_log.DEBUG5),
        ("nonsense", 0, daemon_log.INFO),
        ("0", 0, 100),
    ],
)
def test_levels(text: str, more: int, level: int) -> None:
    assert daemon_log.level_of(text, more) == level


@pytest.mark.parametrize("program", [*cli.FLAGS, *cli.ALIASES])
def test_version_and_usage(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.parse(program, ["-V"])
    assert end.value.code == 0
    assert capsys.readouterr() == ("slurm 25.11.7\n", "")
    with pytest.raises(SystemExit) as end:
        cli.parse(program, ["-h"])
    assert end.value.code == 0
    assert capsys.readouterr().err.startswith(f"Usage: {program} [OPTIONS]\n")


def test_flags() -> None:
    options = cli.parse("slurmctld", ["-Dcvvf", "/x/slurm.conf", "-L", "/log", "-n", "5"])
    assert (options.foreground, options.clear, options.verbose, options.conf) == (True, True, 2, "/x/slurm.conf")
    assert (options.log_file, options.nice) == ("/log", 5)
    options = cli.parse("slurmd", ["-b", "-f/x", "-Nn1", "-Z", "--conf", "CPUs=4", "-Fgpu"])
    assert (options.node, options.conf, options.dynamic, options.dynamic_conf) == ("n1", "/x", True, "CPUs=4")
    assert (options.future, options.future_feature, options.rebooted) == (True, "gpu", True)
    assert options.title == "slurmd -N n1 -b -f/x -Z --conf CPUs=4 -Fgpu"


@pytest.mark.parametrize("argv", [["-q"], ["--nonsense"], ["-n", "x"], ["operand"], ["-f"]])
def test_bad_flags_are_one_sentence_and_the_usage(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.parse("slurmctld", argv)
    assert end.value.code == 1
    assert capsys.readouterr().err.startswith("slurmctld: ")
