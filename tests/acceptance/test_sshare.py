"""sshare: what jobs have used, whatever happens to the controller; and the factor that follows."""

from __future__ import annotations

import json

from .site import Site, until

_FIELDS = "account,user,rawshares,rawusage,effectvusage,fairshare"


def _accounts(site: Site) -> None:
    for line in (
        "add account physics fairshare=3", "add account chem fairshare=1",
        "add user alice account=physics fairshare=1", "add user bob account=chem fairshare=parent",
    ):  # fmt: skip
        site.sh(f"sacctmgr -i -Q {line}", "root")
    until(lambda: len(_shares(site)) == 6, "the accounts are known to the controller")


def _shares(site: Site) -> dict[str, list[str]]:
    """Account or user → shares, usage, effective usage, factor."""
    rows = [row.split("|") for row in site.sh(f"sshare -a -n -P -o {_FIELDS}").splitlines()]
    return {(row[1] and f"{row[0].strip()}/{row[1]}") or row[0].strip(): row[2:] for row in rows}


def test_usage_outlives_the_controller(site: Site) -> None:
    _accounts(site)
    job = site.submit("-n16 -o /dev/null --wrap 'sleep 1'")
    site.until(job, "COMPLETED")
    running = site.submit("-n8 -o /dev/null --wrap 'while [ ! -e go ]; do sleep .05; done'", user="bob")
    site.until(running, "RUNNING")
    used = int(_shares(site)["physics/alice"][1])
    assert 16 <= used < 100
    for _ in range(2):
        site.kill("slurmctld")
        site.start("slurmctld")
        until(lambda: len(_shares(site)) == 6, "the accounts are known to the controller")
        found = _shares(site)
        assert abs(int(found["physics/alice"][1]) - used) <= 1 and abs(int(found["physics"][1]) - used) <= 1
    # at its start the controller has calculated; root, who has used nothing, comes first
    until(lambda: float(_shares(site)["physics/alice"][2]) == 1.0, "effective usage")
    found = _shares(site)
    assert (found["physics/alice"][0], found["chem/bob"][0]) == ("1", "parent")
    assert (found["physics"][3], found["root"][3]) == ("", "")
    assert {found["physics/alice"][3], found["chem/bob"][3]} == {"0.333333", "0.666667"}
    site.file("go", "")
    site.until(running, "COMPLETED")
    (elapsed,) = [int(row) for row in site.accounted(running, "ElapsedRaw")[:1]]
    assert abs(int(_shares(site)["chem/bob"][1]) - 8 * elapsed) <= 10
    document = json.loads(site.sh("sshare -a --json"))
    (bob,) = [share for share in document["shares"]["shares"] if share["name"] == "bob"]
    assert bob["shares"]["number"] == 0x7FFFFFFF and bob["type"] == ["USER"] and bob["parent"] == "chem"
    assert {entry["name"]: entry["value"] for entry in bob["tres"]["usage"]}["cpu"] > 0
    assert "!!str sshare" in site.sh("sshare -a --yaml")


def test_command_lines(shared_site: Site) -> None:
    for words, status, text in (
        ("-o foo", 1, 'sshare: error: Invalid field requested: "foo"\n'),
        ("-u 4000000000", 1, "Invalid user id: 4000000000\n"),
        ("-M nope", 1, "sshare: error: No cluster 'nope' known by database.\n"),
        ("--json=v0.0.1", 1, "sshare: error: load_plugins: unable to find plugin: data_parser/v0.0.1\n"),
        ("--nothing", 1, "sshare: unrecognized option '--nothing'\n"),
    ):
        outcome = shared_site.run(f"sshare {words}")
        assert (outcome.rc, outcome.stdout) == (status, "") and outcome.stderr.startswith(text), words
    plain, named = shared_site.sh("sshare"), shared_site.sh("sshare -M shared")
    assert named == f"CLUSTER: shared\n{plain}"
    wordy = shared_site.run("sshare -v -A x,Y -u alice -u 0")
    assert wordy.stderr == "Users requested:\n\t: alice\n\t: root\nAccounts requested:\n\t: x\n\t: y\n"
    assert (
        shared_site.run("sshare -v -u alice -a").stderr == "Users requested:\n\t: all\nAccounts requested:\n\t: all\n"
    )
    for option in ("--help", "--usage"):
        assert shared_site.sh(f"sshare {option}").startswith("Usage: sshare")
