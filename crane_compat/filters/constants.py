"""What the global table ``slurm`` of a site's Lua script holds besides functions.

Numbers are Slurm's own, for scripts compare with them and some have them written out.
Source: slurm.h and slurm_errno.h of 25.11 (facts only), job_submit.lua as sites wrote it.
"""

from __future__ import annotations

from crane_compat.core.errors import Errno

SUCCESS, ERROR = 0, -1

NO_VAL8, NO_VAL16, NO_VAL, NO_VAL64 = 0xFE, 0xFFFE, 0xFFFFFFFE, 0xFFFFFFFFFFFFFFFE
INFINITE8, INFINITE16, INFINITE, INFINITE64 = 0xFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF
MEM_PER_CPU = 0x8000000000000000
NICE_OFFSET = 0x80000000

SHARED_NONE, SHARED_OK, SHARED_USER, SHARED_MCS = 0, 1, 2, 3

#: --mail-type word → bit
MAIL = {
    "BEGIN": 0x0001, "END": 0x0002, "FAIL": 0x0004, "REQUEUE": 0x0008, "TIME_LIMIT": 0x0010, "TIME_LIMIT_90": 0x0020,
    "TIME_LIMIT_80": 0x0040, "TIME_LIMIT_50": 0x0080, "STAGE_OUT": 0x0100, "ARRAY_TASKS": 0x0200,
    "INVALID_DEPEND": 0x0400,
}  # fmt: skip

_PLAIN = {
    "SUCCESS": SUCCESS, "FAILURE": -1, "ERROR": ERROR, "NO_VAL": NO_VAL, "NO_VAL8": NO_VAL8, "NO_VAL16": NO_VAL16,
    "NO_VAL64": NO_VAL64, "INFINITE": INFINITE, "INFINITE8": INFINITE8, "INFINITE16": INFINITE16,
    "INFINITE64": INFINITE64, "MEM_PER_CPU": MEM_PER_CPU, "NICE_OFFSET": NICE_OFFSET,
    "ALLOC_SID_ADMIN_HOLD": 0x00000001, "ALLOC_SID_USER_HOLD": 0x00000002,
    "JOB_SHARED_NONE": SHARED_NONE, "JOB_SHARED_OK": SHARED_OK, "JOB_SHARED_USER": SHARED_USER,
    "JOB_SHARED_MCS": SHARED_MCS,
    "GRES_DISABLE_BIND": 0x00000001, "GRES_ENFORCE_BIND": 0x00000002, "KILL_INV_DEP": 0x00000004,
    "NO_KILL_INV_DEP": 0x00000008, "SPREAD_JOB": 0x00000020, "USE_MIN_NODES": 0x00000040,
}  # fmt: skip

#: names that Slurm spells otherwise than ESLURM_<our name>
_SPELT = {
    "SLURMD_JOB_NOTRUNNING": "ESLURMD_JOB_NOTRUNNING",
    "UNEXPECTED_MSG": "SLURM_UNEXPECTED_MSG_ERROR",
    "COMMUNICATIONS_CONNECTION": "SLURM_COMMUNICATIONS_CONNECTION_ERROR",
    "PROTOCOL_VERSION": "SLURM_PROTOCOL_VERSION_ERROR",
}


def constants() -> dict[str, int]:
    """Name → number of everything in ``slurm`` that is one."""
    found = dict(_PLAIN)
    found |= {f"MAIL_JOB_{name}": bit for name, bit in MAIL.items()}
    found |= {f"MAIL_{name}": bit for name, bit in MAIL.items()}
    for errno in Errno:
        if errno not in (Errno.SUCCESS, Errno.AGAIN, Errno.ERROR):
            found[_SPELT.get(errno.name, f"ESLURM_{errno.name}")] = int(errno)
    return found
