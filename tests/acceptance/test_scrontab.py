"""scrontab: tables are taken, shown, edited and survive; their jobs run again and again under one number."""

from __future__ import annotations

import os
import pty
import select
import time
from collections.abc import Callable, Iterator

import pytest

from tests.clusters import users

from .site import Site, until

TABLE = """\
WHO=world
#SCRON --job-name=first --time=2
#SCRON --chdir={work} --output=first.out --open-mode=append
* * * * * echo hello $WHO $(whoami) $HOME
@yearly echo never
"""


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    users.create_missing()
    made = Site("cron", more="ScronParameters=enable,explicit_scancel")
    try:
        made.up()
        yield made
    finally:
        made.close()


@pytest.fixture(autouse=True)
def no_table(site: Site) -> Iterator[None]:
    yield
    site.sh("scrontab -r")


def jobs(site: Site) -> dict[str, int]:
    """The number of each waiting or running job of alice, by name."""
    rows = site.sh("squeue -h -u alice -o '%i %j'").splitlines()
    return {name: int(number) for number, name in (row.split() for row in rows)}


def test_a_table_and_its_jobs(site: Site) -> None:
    assert site.run("scrontab -l").stdout == "no crontab for alice\n"
    text = TABLE.format(work=site.work)
    site.file("table", text)
    assert site.sh("scrontab table") == ""
    assert site.sh("scrontab -l") == text
    found = jobs(site)
    assert sorted(found) == ["echo", "first"]
    assert site.sh("squeue -h -O CronJob,Reason").split() == ["Yes", "BeginTime"] * 2
    shown = site.sh(f"scontrol show job {found['echo']}")
    assert 'CronJob=Yes CrontabSpec="0 0 1 1 *"' in shown and "SubmitLine=scrontab table" in shown
    script = site.sh(f"scontrol write batch_script {found['first']} -")
    assert "#SCRON --job-name=first --time=2\n" in script and "\necho hello world $(whoami) $HOME\n" in script
    refused = site.run(f"scontrol update jobid={found['echo']} timelimit=1")
    assert refused.rc == 1 and refused.stderr.startswith("Cannot modify scrontab jobs through scontrol")
    # a table takes the place of the one before it as a whole
    site.sh("scrontab - < table")
    assert not set(jobs(site).values()) & set(found.values())
    site.sh("scrontab -r")
    assert jobs(site) == {} and site.run("scrontab -l").rc == 1


@pytest.mark.slow
def test_a_job_runs_again_under_its_number(site: Site) -> None:
    """Twice: it waits for the minute, so this takes up to two of them."""
    site.file("table", TABLE.format(work=site.work))
    site.sh("scrontab table")
    number = jobs(site)["first"]
    until(lambda: site.read("first.out").count("\n") >= 2, "two runs", 150.0)
    assert set(site.read("first.out").splitlines()) == {"hello world alice /home/alice"}
    until(lambda: jobs(site).get("first") == number, "its next turn")
    site.until(number, "PENDING")

    def runs() -> list[str]:
        return site.sh(f"sacct -D -X -n -P -j {number} -o JobID,State", "root").split()

    until(lambda: runs().count(f"{number}|COMPLETED") >= 2, "both in accounting")


def test_it_survives_the_controller(site: Site) -> None:
    text = TABLE.format(work=site.work)
    site.file("table", text)
    site.sh("scrontab table")
    before = jobs(site)
    site.kill("slurmctld")
    site.up_again()
    assert (site.sh("scrontab -l"), jobs(site)) == (text, before)
    assert 'CrontabSpec="0 0 1 1 *"' in site.sh(f"scontrol show job {before['echo']}")


def test_cancelling_disables_the_line(site: Site) -> None:
    site.file("table", "@daily one\n#SCRON -J two\n@daily true\n")
    site.sh("scrontab table")
    number = jobs(site)["two"]
    refused = site.run(f"scancel {number}")
    assert (refused.rc, refused.stderr) == (
        2098 & 0xFF,
        f"scancel: error: Kill job error on job id {number}: Cannot cancel scrontab jobs without --cron flag.\n",
    )
    site.sh(f"scancel --cron {number}")
    assert sorted(jobs(site)) == ["one"]
    assert site.sh("scrontab -l") == "@daily one\n#DISABLED: #SCRON -J two\n#DISABLED: @daily true\n"


def test_whose_table_it_is(site: Site) -> None:
    site.file("table", "@daily true\n")
    site.sh("scrontab table")
    for line, said in (
        ("-l", "slurm_request_crontab failed: Invalid user id"),
        ("-r", "slurm_remove_crontab failed: Invalid user id"),
    ):
        other = site.run(f"scrontab -u alice {line}", "bob")
        assert (other.rc, other.stdout, other.stderr) == (1, "", f"scrontab: fatal: {said}\n")
    assert site.sh("scrontab -u alice -l", "root") == "@daily true\n"
    site.sh("echo '@weekly false' | scrontab -u alice", "root")
    assert site.sh("scrontab -l") == "@weekly false\n"
    assert site.sh("squeue -h -o %u") == "alice\n"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("61 * * * * true", "something is broken"),
        ("*/1 * * * * true", "bad step value\nscrontab: error: something is broken"),
        ("@reboot true", "invalid @ line\nscrontab: error: something is broken"),
        ("#SCRON --nosuch\n@daily true", "Invalid option found in #SCRON line: --nosuch"),
        ("#SCRON -N1 --array=1-3\n@daily true", "Invalid option found in #SCRON line: --array=1-3"),
        (
            "#SCRON --time=abc\n@daily true",
            "Invalid --time specification\nscrontab: error: Invalid option found in #SCRON line: --time=abc",
        ),
    ],
)
def test_a_table_that_cannot_be(site: Site, table: str, said: str) -> None:
    site.file("table", f"{table}\n")
    outcome = site.run("scrontab table")
    assert (outcome.rc, outcome.stdout) == (1, "There are errors in your crontab.\n")
    assert outcome.stderr == f"scrontab: error: {said}\n"
    assert site.run("scrontab -l").rc == 1


def test_a_refused_job_refuses_the_table(site: Site) -> None:
    site.sh("echo '@daily kept' | scrontab")
    site.file("table", "@daily true\n#SCRON -p nosuch\n@daily true\n")
    outcome = site.run("scrontab table")
    assert outcome.rc == 1
    assert outcome.stdout.splitlines() == [
        "There was an issue with the job submission on lines 2-3",
        "The error code return was: Invalid partition name specified",
        "The error message was: invalid partition specified: nosuch",
    ]
    assert site.sh("scrontab -l") == "@daily kept\n" and sorted(jobs(site)) == ["kept"]


def test_without_a_terminal_nothing_is_edited(site: Site) -> None:
    outcome = site.run("scrontab -e")
    assert (outcome.rc, outcome.stderr) == (1, "scrontab: fatal: Standard input is not a TTY\n")
    missing = site.run("scrontab nosuch")
    assert (missing.rc, missing.stderr) == (1, "scrontab: fatal: failed to open nosuch\n")
    usage = site.run("scrontab --help")
    assert usage.rc == 1 and usage.stderr.startswith("usage:\tscrontab [-u user] file\n")


def test_the_editor_and_the_question(site: Site) -> None:
    """On a terminal: an editor that first writes a bad line, then repairs what it is shown."""
    site.file(
        "editor",
        "#!/bin/sh\n"
        'if grep -q "^#BAD: bad" "$1"; then echo "@daily repaired" > "$1"\n'
        'else cp "$1" seen; echo bad > "$1"; fi\n',
    )
    with_terminal(site, "scrontab -e", {"VISUAL": f"{site.work}/editor"}, [("(y/n) ", "y\n")])
    assert site.sh("scrontab -l") == "@daily repaired\n"
    assert "#SCRON" in site.read("seen")  # who has no table is shown how to write one
    with_terminal(site, "scrontab", {"EDITOR": f"{site.work}/editor"}, [("(y/n) ", "n\n")])
    assert site.sh("scrontab -l") == "@daily repaired\n"
    number = jobs(site)["repaired"]
    assert "scrontab: No modification made" in with_terminal(site, "scrontab -e", {"EDITOR": "true"}, [])
    assert jobs(site)["repaired"] == number
    said = with_terminal(site, "scrontab -e", {"EDITOR": "false"}, [], rc=1)
    assert "scrontab: fatal: editor returned non-zero exit code" in said


def with_terminal(
    site: Site, line: str, env: dict[str, str], answers: list[tuple[str, str]], rc: int = 0, seconds: float = 30.0
) -> str:
    """Run a command of alice on a terminal, answering what it asks; what it printed."""
    environment = users.environment("alice", site.cluster.directories) | env
    import pwd

    alice = pwd.getpwnam("alice")
    pid, terminal = pty.fork()
    if pid == 0:
        os.setgroups(os.getgrouplist("alice", alice.pw_gid))
        os.setgid(alice.pw_gid)
        os.setuid(alice.pw_uid)
        os.chdir(site.work)
        os.execvpe("/bin/sh", ["sh", "-c", line], environment)
    said, deadline = "", time.monotonic() + seconds
    waiting = list(answers)
    try:
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 1.0)[0]:
                continue
            try:
                data = os.read(terminal, 4096)
            except OSError:  # its end
                break
            if not data:
                break
            said += data.decode()
            if waiting and said.endswith(waiting[0][0]):
                os.write(terminal, waiting.pop(0)[1].encode())
    finally:
        os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == rc, said
    assert not waiting, said
    return said


def test_without_the_parameter_there_is_none(make_site: Callable[..., Site]) -> None:
    site = make_site("nocron")
    for arguments in ("-l", "-r", "/dev/null"):
        outcome = site.run(f"scrontab {arguments}")
        assert (outcome.rc, outcome.stderr) == (1, "scrontab: fatal: scrontab is disabled on this cluster\n")
