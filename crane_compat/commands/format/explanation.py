"""Why a job waits, as text and as a document (``squeue --explain``, ``scontrol explain``); our own, not Slurm's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crane_compat.commands.format.documents import number
from crane_compat.commands.format.job_fields import View, job_fields
from crane_compat.commands.format.texts import moment
from crane_compat.wire import pb

_CAUSES = {
    "unfit": "cannot run it", "down": "down or drained", "reserved": "reserved", "busy": "busy",
    "kept": "kept for others", "free": "free",
}  # fmt: skip


def lines(one: pb.Explanation, now: float) -> Iterator[str]:
    """The text."""
    job = one.job
    shown = job_fields(View(now)).by_letter["i"].get(job)
    if not one.reason:
        yield f"Job {shown} ({job.spec.name}, {job.user}): {one.because[0]}."
        return
    yield f"Job {shown} ({job.spec.name}, {job.user}) waits: {one.text or one.reason}."
    for sentence in one.because:
        yield f"  Why: {sentence}."
    if one.ahead and one.start:
        yield f"  {one.ahead} waiting job{'s go' if one.ahead > 1 else ' goes'} before it."
    for part in one.partitions:
        total = sum(group.count for group in part.groups)
        needed = "1 node" if one.nodes_needed <= 1 else f"{one.nodes_needed} nodes"
        yield f"  Partition {part.name} has {total} nodes, and the job needs {needed} at a time:"
        for group in part.groups:
            told = f"{group.nodes} ({group.text})" if group.text else group.nodes
            yield f"    {_CAUSES.get(group.cause, group.cause):<16}{group.count:>6}  {told}"
    if one.start:
        where = f" on {one.start_nodes}" if one.start_nodes else ""
        yield f"  It is expected to start at {moment(one.start)}{where}."
    else:
        yield "  When it will start cannot be said."
    if one.remedies:
        yield "  It would start now:"
    for remedy in one.remedies:
        value = f"--{remedy.option}={remedy.value}" if remedy.value else f"without --{remedy.option}"
        yield f"    {'with ' if remedy.value else ''}{value}" + (f"    {remedy.command}" if remedy.command else "")


def record(one: pb.Explanation) -> dict[str, Any]:
    """The same facts as one entry of a document."""
    return {
        "job_id": one.job.job_id,
        "array_job_id": number(one.job.array_job_id),
        "array_task_id": number(one.job.array_task_id if one.job.HasField("array_task_id") else None),
        "name": one.job.spec.name,
        "user_name": one.job.user,
        "reason": one.reason,
        "reason_text": one.text,
        "because": list(one.because),
        "jobs_ahead": one.ahead,
        "expected_start": number(int(one.start) if one.start else None),
        "expected_nodes": one.start_nodes,
        "nodes_needed": one.nodes_needed,
        "partitions": [
            {
                "name": part.name,
                "nodes": [
                    {"cause": group.cause, "count": group.count, "nodes": group.nodes, "text": group.text}
                    for group in part.groups
                ],
            }
            for part in one.partitions
        ],
        "would_start_now": [
            {"option": remedy.option, "value": remedy.value, "command": remedy.command} for remedy in one.remedies
        ],
    }
