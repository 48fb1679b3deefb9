"""Calls that workflow managers and monitors make, and what they count on in the answers."""

from __future__ import annotations

from .site import Site, until


def test_a_held_job_asked_for_by_number_is_in_sacct(shared_site: Site) -> None:
    """ReFrame and Toil give a start time with -j; without -j such jobs are left out."""
    job = shared_site.submit("-H -o /dev/null --wrap true")
    asked = f"SLURM_TIME_FORMAT=%s sacct -S $(date +%F) -P -n -j {job} -o jobid,state,exitcode,end,nodelist"
    until(lambda: shared_site.sh(asked) == f"{job}|PENDING|0:0|Unknown|None assigned\n", "the held job in sacct")
    assert f"{job}|" not in shared_site.sh("sacct -n -P -X -S now-1hour -o jobid,state")
    assert shared_site.sh(f"sacct -n -P -X -j {job} -S 2020-01-01 -E 2020-01-02 -o jobid") == ""
    shared_site.sh(f"scancel {job}")


def test_an_empty_variable_is_one_that_is_not_set(shared_site: Site) -> None:
    """The scripts of Slurm_tools clear what a user may have set by an empty value."""
    listing = "squeue -h -t all -o '%i %S'"
    assert shared_site.sh("SQUEUE_FORMAT= SQUEUE_SORT= squeue") == shared_site.sh("squeue")
    assert shared_site.sh(f"SLURM_TIME_FORMAT= {listing}") == shared_site.sh(listing)
    assert shared_site.sh("SINFO_FORMAT= SINFO_PARTITION= sinfo") == shared_site.sh("sinfo")
    assert shared_site.sh("SACCT_FORMAT= sacct -X -j 1") == shared_site.sh("sacct -X -j 1")


def test_hostnames_of_the_job_one_is_in(shared_site: Site) -> None:
    """PSI/J and PyTorch's recipes name no list."""
    job = shared_site.submit("-N2 -o names.out --wrap 'scontrol show hostnames'")
    shared_site.until(job, "COMPLETED")
    assert shared_site.read("names.out") == "n1\nn2\n"
