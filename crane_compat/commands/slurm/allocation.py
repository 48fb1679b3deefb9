"""Getting an allocation and waiting for it, as srun and salloc do.

The words differ between the two commands; they are data (`Words`).
"""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import FrameType

from crane_compat.commands.slurm.submission import RETRIES
from crane_compat.commands.slurm.voice import Voice
from crane_compat.core import states
from crane_compat.core.errors import TEXT, Errno
from crane_compat.daemon.rpc.client import Client, Unreachable
from crane_compat.wire import pb


@dataclass(frozen=True)
class Words:
    """What a command says on the way to its allocation; empty = nothing."""

    refused: str
    pending: str
    queued: str = "job {job} queued and waiting for resources"
    allocated: str = "job {job} has been allocated resources"
    failed: str = "Unable to allocate resources: {text}"
    revoked: str = "Job allocation {job} has been revoked"
    interrupted: str = ""
    cancelled: str = ""


SRUN = Words(
    refused="Unable to allocate resources: {text}",
    pending="",
    cancelled="Job has been cancelled",
)
SALLOC = Words(
    refused="Job submit/allocate failed: {text}",
    pending="Pending job allocation {job}",
    revoked="Job allocation {job} has been revoked.",
    interrupted="Job aborted due to signal",
)

#: Seconds that a controller may be away before we stop counting on it, and between two attempts to reach it.
AWAY_SECS, RETRY_SECS = 60.0, 0.2

#: Signals that end the wait for an allocation.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class GivenUp(Exception):
    """No allocation; everything has been said, `code` is the exit status."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)


class Interrupted(Exception):
    """A signal came while waiting."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(number)


class _TimedOut(Exception):
    pass


@contextlib.contextmanager
def interruptible(seconds: float = 0) -> Iterator[None]:
    """Turn ending signals into Interrupted, and `seconds` passing (if not 0) into _TimedOut."""

    def ending(number: int, _frame: FrameType | None) -> None:
        raise Interrupted(number)

    def alarm(_number: int, _frame: FrameType | None) -> None:
        raise _TimedOut

    before = {number: signal.signal(number, ending) for number in ENDING}
    if seconds:
        before[signal.SIGALRM] = signal.signal(signal.SIGALRM, alarm)
        signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        if seconds:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass
class Allocation:
    """A granted allocation; `client` goes on telling of the job's changes."""

    jobs: list[pb.JobRecord]
    cluster: str
    client: Client
    node_addrs: list[str]

    @property
    def job(self) -> pb.JobRecord:
        """The (first) job."""
        return self.jobs[0]


def test_only(voice: Voice, client: Client, specs: Sequence[pb.JobSpec]) -> int:
    """``--test-only``: say when the job would start."""
    response = client.call(pb.Request(submit=pb.Submit(specs=specs, test_only=True)), check=False)
    if response.rc:
        sys.stderr.write(f"allocation failure: {response.error}\n")
        return 1
    job = response.submitted.job
    start = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(job.start_time))
    voice.info(
        f"Job {job.job_id} to start at {start} a using {job.num_cpus} processors on nodes "
        f"{job.node_list or job.sched_nodes} in partition {job.partition}"
    )
    return 0


def revoke(conf: str, command: str, job_id: int) -> None:
    """Cancel a job that we no longer wait for."""
    with contextlib.suppress(Unreachable), Client.controller(conf, command) as client:
        client.call(pb.Request(cancel=pb.CancelJobs(ids=[str(job_id)])), check=False)


def complete(conf: str, command: str, job_id: int, status: int) -> None:
    """Give an allocation back; `status` is the wait status of what it was for.

    A controller that is away (being restarted) is waited for: nobody else would give the allocation back.
    """
    end = time.monotonic() + AWAY_SECS
    while True:
        try:
            with Client.controller(conf, command) as client:
                client.call(pb.Request(complete_job=pb.CompleteJob(job_id=job_id, exit_code=status)), check=False)
            return
        except Unreachable:
            if time.monotonic() > end:
                return
            time.sleep(RETRY_SECS)


def rejoin(conf: str, command: str, job_id: int) -> Client | None:
    """A connection on which the controller tells of the job again; None where it is not there (yet)."""
    try:
        client = Client.controller(conf, command)
        client.request(pb.Request(watch=pb.WatchJob(job_id=job_id)))
    except Unreachable:
        return None
    return client


def obtain(
    voice: Voice, words: Words, client: Client, conf: str, specs: Sequence[pb.JobSpec], patience: float = 0
) -> Allocation:
    """Submit, wait, and say so; `patience` is the seconds of ``--immediate=SECONDS``, 0 = without end.

    Raises GivenUp where there is no allocation (the reason has been printed), Unreachable.
    """
    job_id = 0
    try:
        with interruptible(patience):
            response = _submitted(voice, client, pb.Request(submit=pb.Submit(specs=specs, watch=True)))
            job_id = response.submitted.job_id
            if response.rc:
                _say_refused(voice, words, response)
                raise GivenUp(1)
            for text in response.messages:
                voice.info(text)
            job, cluster = response.submitted.job, response.submitted.cluster
            if states.is_finished(job.state):  # it could not start at once (--immediate)
                _say_busy(voice, words, job_id, TEXT[Errno.NODES_BUSY])
                raise GivenUp(1)
            jobs = [job]
            addrs: list[str] = []
            if len(specs) > 1 or states.is_pending(job.state):
                if words.pending:
                    voice.info(words.pending.format(job=job_id))
                voice.info(words.queued.format(job=job_id))
                jobs, addrs, client = _wait(voice, words, client, conf, job_id, len(specs))
                voice.info(words.allocated.format(job=job_id))
    except Interrupted as exc:
        if job_id:
            revoke(conf, voice.command, job_id)
            voice.info(words.revoked.format(job=job_id))
        if words.interrupted:
            voice.info(words.interrupted)
        raise GivenUp(1) from exc
    except _TimedOut:
        revoke(conf, voice.command, job_id)
        voice.error(words.failed.format(text="Connection timed out"))
        voice.info(words.revoked.format(job=job_id))
        raise GivenUp(1) from None
    return Allocation(jobs, cluster, client, addrs)


def await_ready(voice: Voice, words: Words, granted: Allocation, conf: str, say: Callable[[str], None]) -> None:
    """Until the nodes are up and their prologs have run; `say` is told.  Raises GivenUp, Unreachable."""
    jobs = {job.job_id: job for job in granted.jobs}
    if not all(map(_ready, jobs.values())):
        say("Waiting for resource configuration")
        try:
            with interruptible():
                while not all(map(_ready, jobs.values())):
                    job = _next_change(granted, conf, voice.command)
                    if job.job_id in jobs:
                        jobs[job.job_id] = job
                    if states.is_finished(job.state) or states.is_pending(job.state):
                        voice.error(f"Job allocation {granted.job.job_id} has been revoked")
                        raise GivenUp(1)
        except Interrupted as exc:
            revoke(conf, voice.command, granted.job.job_id)
            voice.info(words.revoked.format(job=granted.job.job_id))
            raise GivenUp(1) from exc
        granted.jobs[:] = jobs.values()
    for job in granted.jobs:
        say(f"Nodes {job.node_list} are ready for job")


def _ready(job: pb.JobRecord) -> bool:
    return not job.state & states.CONFIGURING and job.reason != "Prolog"


def _next_change(granted: Allocation, conf: str, command: str) -> pb.JobRecord:
    """The next change of one of an allocation's jobs; a controller that is away is waited for.  Raises Unreachable."""
    end = time.monotonic() + AWAY_SECS
    while True:
        with contextlib.suppress(Unreachable):
            response = granted.client.receive()
            if response is not None and response.job_event.HasField("job"):
                return response.job_event.job
            if response is not None and response.rc == 0:
                continue
        if time.monotonic() > end:
            raise Unreachable("the controller went away")
        time.sleep(RETRY_SECS)
        granted.client.close()
        granted.client = rejoin(conf, command, granted.job.job_id) or granted.client


def _submitted(voice: Voice, client: Client, request: pb.Request) -> pb.Response:
    """The controller's first answer; asked again while it has no room for another job."""
    attempt = 0
    while True:
        client.request(request)
        response = client.receive()
        if response is None:
            raise Unreachable("the controller closed the connection")
        attempt += 1
        if response.rc != Errno.AGAIN or attempt > RETRIES:
            return response
        if attempt == 1:
            voice.error("Slurm controller not responding, sleeping and retrying.")
        time.sleep(attempt)


def _say_refused(voice: Voice, words: Words, response: pb.Response) -> None:
    for text in response.messages:
        voice.error(text)
    if job_id := response.submitted.job_id:
        _say_busy(voice, words, job_id, response.error)
    elif response.rc == Errno.INVALID_GRES:
        voice.error(response.error)
    else:
        voice.error(words.refused.format(text=response.error))


def _say_busy(voice: Voice, words: Words, job_id: int, text: str) -> None:
    voice.error(words.failed.format(text=text))
    if words.pending:
        voice.info(words.revoked.format(job=job_id))


def _wait(
    voice: Voice, words: Words, client: Client, conf: str, job_id: int, components: int
) -> tuple[list[pb.JobRecord], list[str], Client]:
    """Until the job, with all its components, runs: the jobs, their nodes' addresses, who tells of them.

    Raises GivenUp where it ends first, Unreachable where the controller stays away.
    """
    running: dict[int, pb.JobRecord] = {}
    away_since = 0.0
    while True:
        try:
            response = client.receive()
        except Unreachable:
            response = None
        if response is None:
            away_since = away_since or time.monotonic()
            if time.monotonic() - away_since > AWAY_SECS:
                raise Unreachable("the controller went away")
            client.close()
            time.sleep(RETRY_SECS)
            client = rejoin(conf, voice.command, job_id) or client
            continue
        away_since = 0.0
        if response.rc:
            voice.error(words.failed.format(text=response.error))
            raise GivenUp(1)
        event = response.job_event
        if event.notice:
            voice.info(event.notice)
        if not event.HasField("job"):
            continue
        job = event.job
        if states.is_finished(job.state):
            if words.cancelled:
                voice.info(words.cancelled)
            voice.error(words.failed.format(text=TEXT[Errno.ALREADY_DONE]))
            raise GivenUp(1)
        if states.is_running(job.state):
            running[job.het_offset if components > 1 else 0] = job
            if len(running) == components:
                return [running[offset] for offset in sorted(running)], list(event.node_addrs), client
