"""Fixtures that more than one part of the tests needs."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator

import pytest

# The shell that runs the tests may be set up for some cluster (`eval "$(crane env)"`), or be inside a job.
for _name in [name for name in os.environ if name.startswith(("SLURM", "SBATCH_", "SALLOC_", "SQUEUE_", "SINFO_"))]:
    del os.environ[_name]


def _run_as_mysql(command: list[str]) -> list[str]:
    """MariaDB will not run as root: as its own user where there is one."""
    return command if os.geteuid() != 0 else [*command, "--user=mysql"]


@pytest.fixture(scope="session")
def mariadb_url() -> Iterator[str]:
    """A private MariaDB server on a unix socket, for the length of the tests (skips where none is installed)."""
    server = shutil.which("mariadbd") or shutil.which("mysqld") or "/usr/sbin/mariadbd"
    install = shutil.which("mariadb-install-db") or shutil.which("mysql_install_db")
    if not os.path.exists(server) or install is None:
        pytest.skip("no MariaDB server on this machine (Debian: mariadb-server)")
    place = tempfile.mkdtemp(prefix="crane-mariadb-", dir="/tmp")
    os.chmod(place, 0o755)
    data, address = os.path.join(place, "data"), os.path.join(place, "sock")
    if os.geteuid() == 0:
        shutil.chown(place, "mysql")
    subprocess.run(
        _run_as_mysql([install, f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db"]),
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    process = subprocess.Popen(
        _run_as_mysql(
            [server, "--no-defaults", f"--datadir={data}", f"--socket={address}", "--skip-networking",
             f"--pid-file={place}/pid", "--innodb-buffer-pool-size=64M"]
        ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
                probe.connect(address)
                break
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.skip("MariaDB does not start here")
            time.sleep(0.05)
        import pymysql

        connection = pymysql.connect(unix_socket=address, user="root")
        connection.cursor().execute("CREATE DATABASE crane_test CHARACTER SET utf8mb4")
        connection.close()
        yield f"mysql+pymysql://root@localhost/crane_test?unix_socket={address}&charset=utf8mb4"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        shutil.rmtree(place, ignore_errors=True)
