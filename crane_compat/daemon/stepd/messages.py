"""The lines a step supervisor writes into a job's output.

Slurm 25.11 writes them as its daemons' log lines: ``[local time] error: text``
(LogTimeFormat iso8601_ms).  The texts are those users and tools look for.
"""

from __future__ import annotations

import signal
import time

from crane_compat.core.states import BATCH_STEP, step_name

#: TerminateJob.reason → how the line about the job's end goes on
REASONS: dict[str, str] = {
    "TIME LIMIT": "DUE TO TIME LIMIT",
    "PREEMPTION": "DUE TO PREEMPTION",
    "NODE FAILURE": "DUE TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS",
    "JOB REQUEUE": "DUE TO JOB REQUEUE",
}


def line(text: str, now: float | None = None) -> bytes:
    """`text` as an error line of the supervisor's log."""
    moment = time.time() if now is None else now
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(moment))
    return f"[{stamp}.{int(moment * 1000) % 1000:03d}] error: {text}\n".encode(errors="surrogateescape")


def signal_text(number: int) -> str:
    """The signal's description, as strsignal(3) has it."""
    return signal.strsignal(number) or f"Unknown signal {number}"


def ended(job: int, step: int, node: str, reason: str, number: int, moment: float) -> str:
    """The announcement that a job or step is being ended.

    `reason` is a key of `REASONS`; for any other the signal is named.
    """
    what = f"JOB {job}" if step == BATCH_STEP else f"STEP {job}.{step_name(step)}"
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(moment))
    why = REASONS.get(reason) or f"DUE to SIGNAL {signal_text(number)}"
    return f"*** {what} ON {node} CANCELLED AT {stamp} {why} ***"
