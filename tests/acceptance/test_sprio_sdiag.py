"""sprio and sdiag tell what the controller does."""

from __future__ import annotations

import json
import re

from .site import Site


def _counter(text: str, name: str) -> int:
    found = re.search(rf"^\s*{re.escape(name)}:\s+(\d+)$", text, re.MULTILINE)
    assert found is not None, name
    return int(found[1])


def test_the_parts_are_the_priority_that_squeue_shows(shared_site: Site) -> None:
    blocker = shared_site.submit("-N2 --exclusive -o /dev/null --wrap 'sleep 600'")
    shared_site.until(blocker, "RUNNING")
    waiting = shared_site.submit("-N2 --exclusive -o /dev/null --wrap true")
    held = shared_site.submit("-H -o /dev/null --wrap true", user="bob")
    shown = shared_site.sh("sprio -h -o '%i %Y'").split()
    assert shown == [str(waiting), shared_site.sh(f"squeue -h -o %Q -j {waiting}").strip()]
    assert shared_site.sh(f"sprio -h -j {held}") == ""
    bad = shared_site.run("sprio -j x")
    assert (bad.rc, bad.stderr) == (1, "sprio: error: Invalid job id: x\n")
    shared_site.sh(f"scancel {blocker} {waiting}")
    shared_site.sh(f"scancel {held}", user="bob")
    for job in (blocker, waiting, held):
        shared_site.until(job)


def test_counters_follow_jobs_and_only_operators_reset_them(shared_site: Site) -> None:
    before = shared_site.sh("sdiag")
    job = shared_site.submit("-o /dev/null --wrap true")
    shared_site.until(job, "COMPLETED")
    after = shared_site.sh("sdiag")
    for name in ("Jobs submitted", "Jobs started", "Jobs completed"):
        assert _counter(after, name) == _counter(before, name) + 1
    assert re.search(r"^\talice +\( +\d+\) count:", after, re.MULTILINE)
    document = json.loads(shared_site.sh("sdiag --json"))
    assert document["statistics"]["jobs_submitted"] == _counter(after, "Jobs submitted")
    refused = shared_site.run("sdiag -r")
    assert (refused.rc, refused.stdout) == (255, "")
    assert refused.stderr == "slurm_reset_statistics: Access/permission denied\n"
    assert shared_site.sh("sdiag -r", user="root") == "Reset scheduling statistics\n"
    assert _counter(shared_site.sh("sdiag"), "Jobs submitted") == 0
