"""Who a uid is, asked of the system's user database and remembered for a minute."""

from __future__ import annotations

import grp
import os
import pwd
import time

from crane_compat.core.admission import Identity

_KEEP = 60.0  # seconds


class Identities:
    """uid, gid → Identity."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[float, Identity]] = {}

    def of(self, uid: int, gid: int) -> Identity:
        """The user behind a uid; one without a passwd entry is known by number."""
        now = time.monotonic()
        found = self._known.get((uid, gid))
        if found is not None and found[0] > now:
            return found[1]
        try:
            entry = pwd.getpwuid(uid)
            name, groups = entry.pw_name, os.getgrouplist(entry.pw_name, gid)
        except KeyError:
            name, groups = str(uid), [gid]
        identity = Identity(uid, gid, name, _group(gid), frozenset(_group(g) for g in groups))
        self._known[(uid, gid)] = (now + _KEEP, identity)
        return identity


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
