"""What a command run through the launcher sees is what its caller has."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from crane_compat import paths
from crane_compat.daemon.launcher import install
from crane_compat.daemon.launcher.spawn import keep

from .conftest import Launched


def facts(probe: str, **options: Any) -> dict[str, Any]:
    done = subprocess.run([probe, "facts"], capture_output=True, check=False, **options)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def restore() -> None:
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGTSTP):
        signal.signal(number, signal.SIG_DFL)


def waiting(probe: str, **options: Any) -> tuple[subprocess.Popen[bytes], int]:
    process = subprocess.Popen([probe, "wait"], stdout=subprocess.PIPE, preexec_fn=restore, **options)
    assert process.stdout
    return process, int(process.stdout.readline())


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
    return False


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


def can_run_python(uid: int) -> bool:
    """Whether an ordinary user may execute the interpreter at all (its directory may be root's alone)."""
    done = subprocess.run([sys.executable, "-c", ""], user=uid, group=uid, extra_groups=[], check=False)
    return done.returncode == 0


def needs_interpreter(probe: str) -> None:
    try:
        can_run_python(65534)
    except PermissionError:
        if "/python/" in probe:
            pytest.skip("ordinary users cannot run this Python")


def test_stub_compiles_without_a_warning(tmp_path: Path) -> None:
    compiler = shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        pytest.skip("no C compiler here")
    source = Path(install.__file__).with_name("stub.c")
    flags = ["-Wall", "-Wextra", "-Werror", '-DCRANE_PYTHON="/p"', '-DCRANE_SYSCONFDIR="/etc/slurm"']
    subprocess.run([compiler, *flags, "-o", str(tmp_path / "stub"), str(source)], check=True)


def test_identity_is_the_callers(probe: str) -> None:
    needs_interpreter(probe)
    seen = facts(probe, user=65534, group=65533, extra_groups=[7, 65533, 4242])
    assert seen["uid"] == [65534] * 3
    assert seen["gid"] == [65533] * 3
    assert seen["groups"] == [7, 4242, 65533]


def test_environment_directory_umask_and_limits(probe: str, tmp_path: Path) -> None:
    environment = {"A": "1", "TZ": "Asia/Tokyo", "ODD": "a\udcffb", "EMPTY": ""}

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (111, 222))

    seen = facts(probe, env=environment, cwd=tmp_path, umask=0o137, preexec_fn=limit)
    assert seen["env"] == environment
    assert seen["cwd"] == str(tmp_path)
    assert seen["umask"] == 0o137
    assert seen["nofile"] == [111, 222]
    assert seen["timezone"][0] == "JST"
    assert seen["session"] == os.getsid(0)


def test_configuration_is_the_compiled_in_one(probe: str, launched: Launched) -> None:
    assert facts(probe, env={})["conf"] == str(launched.conf)


def test_slurm_conf_elsewhere_is_not_served_from_here(probe: str, tmp_path: Path) -> None:
    other = tmp_path / "slurm.conf"
    other.write_text("")
    done = subprocess.run([probe, "facts"], env={"SLURM_CONF": str(other)}, capture_output=True, check=False)
    assert done.returncode == 2 and b"usage:" in done.stderr  # an own interpreter knows no `probe`


def test_output_status_and_streams(probe: str) -> None:
    done = subprocess.run([probe, "exit", "7"], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (7, b"out\n", b"err\n")
    done = subprocess.run([probe, "bytes"], capture_output=True, check=False, env={"LC_ALL": "C"})
    assert done.stdout == b"caf\xe9 \xff \xc3\xa9\n"
    done = subprocess.run([probe, "cat"], input=b"\xff\0x" * 100000, capture_output=True, check=False)
    assert done.stdout == b"\xff\0x" * 100000


def test_closed_standard_streams(probe: str) -> None:
    for closing in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        done = subprocess.run(["bash", "-c", f'"{probe}" exit 5 {closing}'], capture_output=True, check=False)
        assert done.returncode == 5, closing


def test_other_descriptors_are_passed(probe: str) -> None:
    done = subprocess.run(["bash", "-c", f'"{probe}" read <(echo hidden)'], capture_output=True, check=False)
    assert done.stdout == b"hidden\n"


def test_large_call(probe: str) -> None:
    words = ["x" * 100_000] * 15
    done = subprocess.run([probe, "exit", "3", *words], capture_output=True, check=False)
    assert done.returncode == 0  # `exit` with more words is nothing `probe` knows
    assert facts(probe, env={f"V{i}": "y" * 1000 for i in range(500)})["env"]["V499"] == "y" * 1000


def test_a_fault_is_one_sentence(probe: str) -> None:
    done = subprocess.run([probe, "fault"], capture_output=True, check=False, env={})
    assert done.returncode == 1
    assert done.stderr == b"probe: error: internal error: RuntimeError: a fault\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGSEGV, signal.SIGKILL])
def test_death_by_signal_is_passed_on(probe: str, number: int) -> None:
    assert subprocess.run([probe, "kill", str(int(number))], check=False).returncode == -number


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_signals_reach_the_command(probe: str, number: int) -> None:
    process, child = waiting(probe)
    assert child != process.pid
    process.send_signal(signal.SIGUSR1)
    assert process.stdout and process.stdout.readline() == b"usr1\n"
    process.send_signal(number)
    assert process.wait(5) == -number
    assert gone(child)


def test_stop_and_continue(probe: str) -> None:
    process, child = waiting(probe)
    process.send_signal(signal.SIGTSTP)
    while state(process.pid) != "T" or state(child) != "T":
        os.sched_yield()
    process.send_signal(signal.SIGCONT)
    while state(process.pid) == "T" or state(child) == "T":
        os.sched_yield()
    process.terminate()
    assert process.wait(5) == -signal.SIGTERM


def test_a_killed_stub_takes_the_command_along(probe: str) -> None:
    process, child = waiting(probe)
    process.kill()
    process.wait(5)
    assert gone(child)


def test_ignored_signals_stay_ignored(probe: str) -> None:
    assert facts(probe, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))["hangup_ignored"]


def test_a_launcher_is_kept_and_taken_over(tmp_path: Path) -> None:
    conf = tmp_path / "slurm.conf"
    conf.write_text("ClusterName=kept\nSlurmctldHost=localhost\n")
    first = keep(str(conf))
    assert first and first.process
    second = keep(str(conf))
    assert second and second.process is None  # one launcher a cluster and host
    first.close()
    assert first.process.wait(10) == 0
    deadline = time.monotonic() + 10
    while second.process is None and time.monotonic() < deadline:
        os.sched_yield()
    assert second.process is not None
    second.close()
    assert second.process.wait(10) == 0
    shutil.rmtree(paths.run_dir(str(conf)))


def test_a_kept_worker_serves_its_own_user_alone(launched: Launched, tmp_path: Path) -> None:
    probe = str(launched.directory / "c" / "probe")
    nobody: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": []}
    seen_before: dict[int, dict[str, Any]] = {}
    while True:  # a worker is ready again a moment after its caller is gone
        first = facts(probe, **nobody, env={"SECRET": "1"}, umask=0o077)
        second = facts(probe, **nobody, env={"B": "2"}, cwd="/usr", umask=0o022)
        seen_before[first["pid"]] = first
        if second["pid"] in seen_before:
            first = seen_before[second["pid"]]
            break
    assert (second["env"], second["cwd"], second["umask"]) == ({"B": "2"}, "/usr", 0o022)
    assert len(second["fds"]) == len(first["fds"])
    others: list[dict[str, Any]] = [
        {"user": 65533, "group": 65534, "extra_groups": []},
        {"user": 65534, "group": 65533, "extra_groups": []},
        {"user": 65534, "group": 65534, "extra_groups": [7]},
        {},
    ]
    seen = [facts(probe, **other) for other in others]
    assert len({first["pid"], *(each["pid"] for each in seen)}) == 1 + len(others)
    assert [each["uid"][0] for each in seen] == [65533, 65534, 65534, os.getuid()]


def test_a_kept_worker_is_left_out_where_limits_differ(launched: Launched) -> None:
    probe = str(launched.directory / "c" / "probe")
    nobody: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": []}
    kept = facts(probe, **nobody)
    few = facts(probe, **nobody, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (99, 100)))
    assert few["pid"] != kept["pid"] and few["nofile"] == [99, 100]
    polite = facts(probe, **nobody, preexec_fn=lambda: os.nice(3))
    assert polite["nice"] == os.getpriority(os.PRIO_PROCESS, 0) + 3


def test_nobody_can_pose_as_root(launched: Launched) -> None:
    """The kernel says who calls, whatever the message holds: the program below sends root's environment as nobody."""
    seen = facts(
        str(launched.directory / "c" / "probe"), user=65534, group=65534, extra_groups=[], env={"USER": "root"}
    )
    assert seen["uid"] == [65534] * 3 and seen["groups"] == []


def test_garbage_does_not_harm(launched: Launched) -> None:
    import socket

    for data in (b"", b"CRN1", b"GARBAGE-GARBAGE", b"CRN1\xff\xff\xff\xff\0\0\0\0", b"CRN1\x04\0\0\0\0\0\0\0abcd"):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(launched.socket)
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            assert sock.recv(10) in (b"R", b"")
    assert facts(str(launched.directory / "c" / "probe"))["argv"] == ["probe", "facts"]


def test_many_at_once(launched: Launched) -> None:
    probe = str(launched.directory / "c" / "probe")
    processes = [subprocess.Popen([probe, "exit", str(i)], stdout=-3, stderr=-3) for i in range(40)]
    assert [process.wait(20) for process in processes] == list(range(40))


def test_directory_and_socket_rights(launched: Launched) -> None:
    directory = os.stat(paths.run_dir(str(launched.conf)))
    assert (directory.st_uid, directory.st_mode & 0o777) == (0, 0o755)
    assert os.stat(launched.socket).st_mode & 0o777 == 0o666


def test_ends_with_its_daemon(tmp_path: Path, launched: Launched) -> None:
    other = Launched(tmp_path / "other")
    facts(str(other.directory / "c" / "probe"))
    workers = subprocess.run(["pgrep", "-P", str(other.process.pid)], capture_output=True, check=False).stdout.split()
    assert other.stop() == 0
    assert workers and all(gone(int(pid)) for pid in workers)
    os.unlink(other.socket)
    os.rmdir(os.path.dirname(other.socket))
