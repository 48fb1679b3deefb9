"""A job is its user: ids, groups, umask, limits, directory, environment, and nobody else's business."""

from __future__ import annotations

import pwd
import subprocess
from collections.abc import Iterator

import pytest

from .site import Site

_GROUP = "crane-test-group"


@pytest.fixture(scope="module")
def extra_group() -> Iterator[str]:
    """A group that alice is in besides her own."""
    subprocess.run(["groupadd", "--force", _GROUP], check=True)
    subprocess.run(["usermod", "--append", "--groups", _GROUP, "alice"], check=True)
    yield _GROUP
    subprocess.run(["gpasswd", "--delete", "alice", _GROUP], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["groupdel", _GROUP], check=True)


def test_ids_and_all_groups(extra_group: str, shared_site: Site) -> None:
    expected = shared_site.sh("id")
    assert extra_group in expected
    job = shared_site.submit("-o id-%j.out --wrap 'id; srun id'")
    shared_site.until(job)
    assert shared_site.read(f"id-{job}.out") == expected * 2


def test_umask_limits_directory_and_environment(shared_site: Site) -> None:
    line = (
        "mkdir -p sub && cd sub && umask 027 && ulimit -Sn 321 && ulimit -c 0 && FOO='a b' "
        "sbatch -o mine-%j.out --wrap 'umask; ulimit -Sn; ulimit -c; pwd; echo \"$FOO\"; touch made'"
    )
    job = int(shared_site.sh(line).split()[-1])
    shared_site.until(job)
    assert shared_site.read(f"sub/mine-{job}.out") == f"0027\n321\n0\n{shared_site.work}/sub\na b\n"
    assert shared_site.sh("stat -c '%a %U %G' sub/made") == "640 alice alice\n"


def test_export_none(shared_site: Site) -> None:
    job = int(shared_site.sh("FOO=x sbatch --export=NONE -o none-%j.out --wrap 'echo [$FOO]'").split()[-1])
    shared_site.until(job)
    assert shared_site.read(f"none-{job}.out") == "[]\n"


def test_the_owner_is_who_called_not_what_is_claimed(shared_site: Site) -> None:
    job = int(shared_site.sh("USER=root LOGNAME=root HOME=/root sbatch -o /dev/null --wrap 'sleep 60'").split()[-1])
    assert shared_site.job(job).uid == pwd.getpwnam("alice").pw_uid
    outcome = shared_site.run(f"scancel {job}", user="bob")
    assert outcome.rc == 210
    assert outcome.stderr == f"scancel: error: Kill job error on job id {job}: Access/permission denied\n"
    assert shared_site.run(f"scontrol update jobid={job} priority=99", user="bob").rc == 1
    shared_site.sh(f"scancel {job}", user="root")
    shared_site.until(job, "CANCELLED")


def test_only_root_submits_as_another(shared_site: Site) -> None:
    assert shared_site.run("sbatch --uid=bob --wrap true").rc != 0


def test_a_file_the_user_may_not_write_fails_the_job(shared_site: Site) -> None:
    job = shared_site.submit("-o /root/no.out --wrap true")
    shared_site.until(job)
    assert shared_site.accounted(job)[0] == f"{job}|FAILED|0:53"
