"""Clusters on one host do not meet."""

from __future__ import annotations

from collections.abc import Callable

from .site import Site


def test_two_clusters(make_site: Callable[..., Site]) -> None:
    one, two = make_site("one"), make_site("two")
    job = one.submit("-o /dev/null --wrap 'sleep 60'")
    one.until(job, "RUNNING")
    assert two.sh("squeue -h") == ""
    assert two.submit("-o here-%j.out --wrap 'echo $SLURM_CLUSTER_NAME'") == job  # each counts for itself
    two.until(job, "COMPLETED")
    assert two.read(f"here-{job}.out") == "two\n"
    two.cluster.stop()
    assert one.cluster.job_states(job) == ["RUNNING"]
    assert one.sh("sacct -n -X -P -o State") == "RUNNING\n"


def test_slurm_conf_in_the_environment_chooses(make_site: Callable[..., Site]) -> None:
    one, two = make_site("one"), make_site("two")
    two.submit("-H -J there --wrap true")
    assert one.sh(f"SLURM_CONF={two.conf} squeue -h -o %j") == "there\n"
