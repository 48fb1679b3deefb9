"""``scontrol show hostnames|hostlist|hostlistsorted``: no daemon is asked."""

from __future__ import annotations

import os
import re
import sys

from crane_compat.commands.slurm.scontrol_session import Session
from crane_compat.parsers import hostlist

_NUMBERED = re.compile(r"(.*?)(\d+)$", re.DOTALL)


def _order(name: str) -> tuple[str, int, int]:
    match = _NUMBERED.match(name)
    return (match[1], int(match[2]), len(match[2])) if match else (name, -1, 0)


def _expand(text: str) -> list[str] | None:
    """The names, or None after saying why there are none."""
    if "[" not in text:  # a lone closing bracket is a letter like others
        return [part for part in re.split(r"[,\s]+", text) if part]
    try:
        return hostlist.expand(text)
    except hostlist.HostlistError as exc:
        sys.stdout.flush()
        if "end" not in str(exc):
            print(f"scontrol: error: _parse_single_range: Invalid range: `{exc.part}'", file=sys.stderr)
        print(f"Invalid hostlist: {text}", file=sys.stderr)
        return None


def show_hostnames(session: Session, text: str | None) -> None:
    """The names one a line; without a list those of the job we are in."""
    text = os.environ.get("SLURM_NODELIST") if text is None else text
    if text is None:
        session.warn("scontrol: error: host list is empty")
        return
    names = _expand(text)
    if names is None:
        return
    for name in names:
        print(name)
    if "{" in text:
        session.warn("scontrol: error: hostlist_create_client: controller failed to expand hostlist function")


def show_hostlist(session: Session, text: str, *, ordered: bool) -> None:
    """The shortest list of names given as a list or as a file (an absolute path) of names."""
    if text.startswith("/"):
        try:
            with open(text, encoding="utf-8", errors="surrogateescape") as file:
                text = ",".join(line for line in (row.strip() for row in file) if line and not line.startswith("#"))
        except OSError as exc:
            session.fail(f"scontrol: error: Can't open {text}: {exc.strerror}")
            return
    names = _expand(text)
    if names is None:
        return
    if ordered:
        names.sort(key=_order)
    print(hostlist.compress(names))
