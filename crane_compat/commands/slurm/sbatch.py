"""sbatch: submit a batch script (sbatch(1))."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence

from crane_compat import paths
from crane_compat.commands.slurm import submission
from crane_compat.core import states
from crane_compat.core.errors import TEXT, Errno
from crane_compat.daemon.rpc.client import Client, Unreachable
from crane_compat.parsers import options
from crane_compat.parsers.directives import check_script
from crane_compat.wire import pb


class _Unreadable(Exception):
    """There is no such script; the text names it."""


def _find(name: str) -> str:
    """The script's path: as given, else in the working directory, else along PATH."""
    if "/" in name or os.path.exists(name):
        return os.path.join(os.getcwd(), name)
    for directory in os.environ.get("PATH", "").split(":"):
        candidate = os.path.join(directory, name)
        if os.path.isfile(candidate) and os.access(candidate, os.R_OK):
            return candidate
    return os.path.join(os.getcwd(), name)


def _read(name: str) -> tuple[bytes, str]:
    """(content, full path).  Raises _Unreadable."""
    path = _find(name)
    if os.path.isdir(path):
        return b"", path
    try:
        with open(path, "rb") as file:
            return file.read(), os.path.normpath(path)
    except OSError:
        raise _Unreadable(path if os.path.exists(path) else name) from None


def _error(text: str) -> int:
    sys.stderr.write(f"sbatch: error: {text}\n")
    return submission.exit_error(1)


def main(argv: list[str]) -> int:
    """Run the command line; its exit status."""
    try:
        operands, wrap = options.operands_of("sbatch", argv)
    except options.EndProgram as exc:
        sys.stdout.write(exc.text)
        return submission.exit_error(exc.code)
    except options.OptionError as exc:
        sys.stderr.write("".join(f"{line}\n" for line in exc.lines))
        return submission.exit_error(exc.code)
    if wrap is not None:
        if operands:
            return _error("Script arguments not permitted with --wrap option")
        script = b"#!/bin/sh\n# This script was created by sbatch --wrap.\n\n" + os.fsencode(wrap) + b"\n"
        name, command = "wrap", ""
    elif operands:
        try:
            script, command = _read(operands[0])
        except _Unreadable as exc:
            return _error(f"Unable to open file {exc}")
        name = os.path.basename(operands[0])
    else:
        script, name, command = sys.stdin.buffer.read(), "sbatch", ""
    try:
        check_script(script)
        asked = submission.parse("sbatch", argv, script if wrap is None else None, name)
    except options.OptionError as exc:
        sys.stderr.write("".join(f"{line}\n" for line in exc.lines))
        return submission.exit_error(exc.code)
    except submission.Refused as exc:
        return exc.code
    if asked.flags.negative_nice:
        return _error("Batch job submission failed: Invalid --nice value")
    for spec in asked.specs:
        _batch(spec, options.unicode(name), options.unicode(command), operands)
    asked.specs[0].script = script
    return _submit(asked)


def _batch(spec: pb.JobSpec, name: str, command: str, operands: Sequence[str]) -> None:
    """Make a spec a batch job's."""
    spec.batch = True
    spec.name = spec.name or name
    spec.command = command
    spec.argv[:] = [os.fsencode(word) for word in operands[1:]]
    for field in ("std_in", "std_out", "std_err"):
        pattern: str = getattr(spec, field)
        if pattern and not pattern.startswith("/"):
            setattr(spec, field, f"{spec.work_dir.rstrip('/')}/{pattern}")


def _submit(asked: submission.Asked) -> int:
    flags = asked.flags
    request = pb.Request(submit=pb.Submit(specs=asked.specs, test_only=flags.test_only, watch=flags.wait))
    try:
        with Client.controller(paths.conf_path(), "sbatch") as client:
            response = _called(client, request)
            for text in response.messages:
                sys.stderr.write(f"sbatch: {'error: ' if response.rc else ''}{text}\n")
            if flags.test_only:
                return _planned(response)
            if response.rc:
                if response.rc == Errno.INVALID_GRES:
                    return _error(response.error)
                return _error(f"Batch job submission failed: {response.error}")
            if asked.filters:
                asked.filters.post_submit(0, response.submitted.job_id)
            _say_submitted(asked, response.submitted)
            if flags.wait:
                return _wait(client, response.submitted.job_id)
            return 0
    except Unreachable:
        return _error(f"Batch job submission failed: {TEXT[Errno.COMMUNICATIONS_CONNECTION]}")


def _called(client: Client, request: pb.Request) -> pb.Response:
    """The controller's answer; while it has no room for another job it is asked again, ever less often."""
    for attempt in range(1, submission.RETRIES + 1):
        response = client.call(request, check=False)
        if response.rc != Errno.AGAIN:
            return response
        if attempt == 1:
            sys.stderr.write("sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying\n")
            sys.stderr.flush()
        time.sleep(attempt)
    return client.call(request, check=False)


def _planned(response: pb.Response) -> int:
    if response.rc:
        sys.stderr.write(f"allocation failure: {response.error}\n")
        return submission.exit_error(1)
    job = response.submitted.job
    start = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(job.start_time))
    sys.stderr.write(
        f"sbatch: Job {job.job_id} to start at {start} a using {job.num_cpus} processors on nodes "
        f"{job.node_list} in partition {job.partition}\n"
    )
    return 0


def _say_submitted(asked: submission.Asked, submitted: pb.Submitted) -> None:
    if asked.flags.quiet:
        return
    clusters = asked.specs[0].clusters
    if asked.flags.parsable:
        sys.stdout.write(f"{submitted.job_id}" + (f";{submitted.cluster}" if clusters else "") + "\n")
    else:
        where = f" on cluster {submitted.cluster}" if clusters else ""
        sys.stdout.write(f"Submitted batch job {submitted.job_id}{where}\n")
    sys.stdout.flush()


def _wait(client: Client, job_id: int) -> int:
    """Until the job, every task of it, is final: the highest exit code."""
    codes: dict[int, int] = {}
    while (response := client.receive()) is not None:
        job = response.job_event.job
        if states.is_finished(job.state) and not states.is_completing(job.state):
            signalled = job.exit_code & 0x7F
            failed = states.base(job.state) not in (states.COMPLETED, states.FAILED)
            codes[job.job_id] = 1 if signalled or (failed and not job.exit_code) else job.exit_code >> 8 & 0xFF
        if not response.more:
            return max(codes.values(), default=0)
    return _error("the controller went away while waiting for the job; look at it with sacct")
