"""One question to the accounting daemon, and what the accounting commands say when there is no answer."""

from __future__ import annotations

import json
import sys
from typing import Any

from crane_compat import paths


class NoAnswer(Exception):
    """The daemon cannot be reached, or there is no accounting; `lines` is what the user is told."""

    def __init__(self, lines: list[str], disabled: bool = False) -> None:
        self.lines = lines
        self.disabled = disabled
        super().__init__("\n".join(lines))


def ask(command: str, op: str, args: dict[str, Any]) -> Any:
    """The JSON value of accounting call `op`.  Raises NoAnswer; RequestError where the daemon refuses."""
    from crane_compat.daemon.rpc.client import Client, Unreachable
    from crane_compat.wire import pb

    conf = paths.conf_path()
    try:
        with Client.accounting(conf, command) as client:
            call = pb.AcctCall(op=op, args=json.dumps(args).encode())
            reply = client.call(pb.Request(acct=call))
    except Unreachable as exc:
        raise _no_answer(command, conf, str(exc)) from None
    return json.loads(reply.acct.result or b"null")


def _no_answer(command: str, conf: str, why: str) -> NoAnswer:
    from crane_compat.parsers import slurm_conf

    try:
        site = slurm_conf.load(conf, strict=False)
        kind = str(site.get("AccountingStorageType") or "")
        host, port = site.get("AccountingStorageHost"), site.get("AccountingStoragePort")
    except Exception as exc:  # an unreadable configuration has its own message
        return NoAnswer([f"{command}: error: {exc}"])
    if not kind.endswith("slurmdbd"):
        return NoAnswer([], disabled=True)
    if why == "No such file or directory":  # nobody listens: what a TCP client would have seen
        why = "Connection refused"
    lines = [
        f"{command}: error: _open_persist_conn: failed to open persistent connection to host:{host}:{port}: {why}",
        f"{command}: error: Sending PersistInit msg: {why}",
    ]
    return NoAnswer(lines)


def complain(lines: list[str]) -> None:
    sys.stdout.flush()
    for line in lines:
        print(line, file=sys.stderr)
