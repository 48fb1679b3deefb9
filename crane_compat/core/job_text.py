"""Words that are derived from a job's record, for views of it and for the environment of programs."""

from __future__ import annotations

from crane_compat.wire import pb


def over_subscribe(job: pb.JobRecord) -> str:
    """``OK``: whatever the partition says; ``NO``: alone on its nodes; ``YES``: shares them."""
    spec = job.spec
    if spec.exclusive:
        return {"user": "USER", "mcs": "MCS", "topo": "TOPO"}.get(spec.exclusive, "NO")
    return "YES" if spec.oversubscribe else "OK"


_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def sluid(job: pb.JobRecord) -> str:
    """The job's 64-bit identity (its row in accounting) as ``s`` and 13 digits to the base of 32."""
    return "s" + "".join(_DIGITS[job.job_db_inx >> shift & 31] for shift in range(60, -1, -5))
