"""A seeded storm over a cluster: jobs are submitted, changed and ended while its daemons are killed.

    python -m tests.integration.chaos --seed 7 --seconds 600

At the end every job must be in a final state that agrees with what its processes wrote down, with accounting, and with
what was asked for; no process and no resource may be left.
"""

from __future__ import annotations

import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from crane_compat.core import states as st
from crane_compat.daemon.rpc.client import Client, Unreachable
from crane_compat.wire import pb
from tests.acceptance.site import Site, until

#: Notes down each life's beginning and end; arguments: seconds, exit code, whether it runs a step
_SCRIPT = """#!/bin/bash
note() { echo "$1 ${SLURM_RESTART_COUNT:-0} $2" >> "$SLURM_SUBMIT_DIR/lives.$SLURM_JOB_ID"; }
note start $$
[ "$3" = step ] && srun -n 2 sleep 0.1
sleep "$1"
note end "$2"
exit "$2"
"""

#: Seconds in which all must have come to an end once the storm is over.
CALM_SECS = 180.0

_KILLED = ("slurmctld", "slurmd.n1", "slurmd.n2")


@dataclass
class Asked:
    """What has been asked for about a job that can change how it ends."""

    code: int
    cancelled: bool = False
    requeued: bool = False


@dataclass
class Storm:
    """One run."""

    site: Site
    seed: int
    asked: dict[int, Asked] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)
    down: dict[str, float] = field(default_factory=dict)  # daemon → when it is started again

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.script = self.site.file("storm.sh", _SCRIPT)

    def run(self, seconds: float) -> None:
        """Rage for so long, then put everything right and look at what has become of it."""
        actions: list[tuple[int, Callable[[], None]]] = [
            (30, self.submit), (5, self.submit_array), (6, self.cancel), (6, self.requeue), (4, self.hold_and_release),
            (3, self.suspend_and_resume), (4, self.update), (2, self.signal), (4, self.kill),
        ]  # fmt: skip
        weights = [weight for weight, _ in actions]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.restart_due()
            self.dice.choices([action for _, action in actions], weights)[0]()
            if len(self.asked) > 40 and self.waiting() > 60:  # give the machine time to do it all
                time.sleep(0.2)
        self.calm()
        self.check()

    # ------------------------------------------------------------ the storm

    def command(self, line: str) -> str | None:
        """A command of alice's; None where it did not come through."""
        outcome = self.site.run(line, "alice", 60)
        assert "Traceback" not in outcome.stderr, outcome.stderr
        return outcome.stdout if outcome.rc == 0 else None

    def submit(self, more: str = "", tasks: int = 1) -> None:
        code = self.dice.choice((0, 0, 0, 1, 3, 77))
        how = self.dice.choice(("plain", "plain", "step"))
        seconds = round(self.dice.uniform(0, 2), 2)
        size = self.dice.choice(("-n1", "-n4", "-N2", "-c3"))
        requeue = self.dice.choice(("--requeue", "--no-requeue"))
        self.done["submissions"] += 1
        answer = self.command(f"sbatch --parsable -o /dev/null {size} {requeue} {more} storm.sh {seconds} {code} {how}")
        if answer is not None:
            self.asked[int(answer)] = Asked(code)

    def submit_array(self) -> None:
        self.submit(f"-a 1-{self.dice.randrange(2, 6)}%{self.dice.randrange(1, 4)}")

    def some_job(self) -> int | None:
        recent = list(self.asked)[-30:]
        return self.dice.choice(recent) if recent else None

    def about(self, what: str, line: str) -> int | None:
        """Run a command about some job; its number."""
        job = self.some_job()
        if job is None:
            return None
        self.done[what] += 1
        self.command(line.format(job=job))
        return job

    def cancel(self) -> None:
        job = self.some_job()
        if job is not None:
            self.asked[job].cancelled = True
            self.done["cancel"] += 1
            self.command(f"scancel {job}")

    def requeue(self) -> None:
        job = self.some_job()
        if job is not None:
            self.asked[job].requeued = True
            self.done["requeue"] += 1
            self.command(f"scontrol {self.dice.choice(('requeue', 'requeuehold'))} {job}")

    def hold_and_release(self) -> None:
        self.about("hold", f"scontrol {self.dice.choice(('hold', 'release', 'release'))} {{job}}")

    def suspend_and_resume(self) -> None:
        job = self.some_job()
        if job is not None:
            self.done["suspend"] += 1
            verb = self.dice.choice(("suspend", "resume", "resume"))
            self.site.run(f"scontrol {verb} {job}", "root", 60)

    def update(self) -> None:
        change = self.dice.choice(("TimeLimit=20", "Nice=5", "StartTime=now", "Comment=storm", "ArrayTaskThrottle=2"))
        self.about("update", f"scontrol update job={{job}} {change}")

    def signal(self) -> None:
        self.about("signal", "scancel -s CONT {job}")

    def kill(self) -> None:
        victim = self.dice.choice(_KILLED)
        if victim in self.down or not self.site.pid(victim):
            return
        self.done[f"kill -9 {victim}"] += 1
        self.site.kill(victim)
        self.down[victim] = time.monotonic() + self.dice.uniform(0, 1.5)

    def restart_due(self, everything: bool = False) -> None:
        for victim, when in list(self.down.items()):
            if everything or time.monotonic() >= when:
                name, _, node = victim.partition(".")
                self.site.start(f"{name} -N {node}" if node else name)
                del self.down[victim]

    def waiting(self) -> int:
        try:
            return sum(not st.is_finished(job.state) for job in self.records())
        except Unreachable:
            return 0

    def records(self) -> list[pb.JobRecord]:
        with Client.controller(self.site.conf, "test") as client:
            return list(client.call(pb.Request(list_jobs=pb.ListJobs(all=True))).jobs.jobs)

    # ------------------------------------------------------------ the calm after it

    def calm(self) -> None:
        """Start what is down, release and resume everything, and wait for the last job to end."""
        self.restart_due(everything=True)

        def over() -> bool:
            left = [job for job in self.records() if not _final(job)]
            for job in left:
                if st.base(job.state) == st.SUSPENDED:
                    self.site.run(f"scontrol resume {job.job_id}", "root")
                elif st.is_pending(job.state):
                    self.site.run(
                        f"scontrol release {job.job_id}; scontrol update job={job.job_id} StartTime=now", "root"
                    )
            return not left

        until(over, f"all jobs of seed {self.seed} over", CALM_SECS)

    def check(self) -> None:
        """Is everything as it must be?  AssertionError."""
        records = {job.job_id: job for job in self.records()}
        lost = [number for number in self.asked if number not in records]
        assert not lost, f"jobs that were accepted are gone: {lost}"
        for job in records.values():
            self.check_job(job)
        self.check_accounting(records)
        assert until_true(lambda: not self.processes()), f"processes are left: {self.processes()}"
        with Client.controller(self.site.conf, "test") as client:
            for node in client.call(pb.Request(list_nodes=pb.ListNodes())).nodes.nodes:
                assert (node.state, node.alloc_cpus, node.alloc_memory) == (st.NODE_IDLE, 0, 0), node

    def check_job(self, job: pb.JobRecord) -> None:
        lives = self.lives(job.job_id)
        asked = self.asked.get(job.array_job_id or job.job_id)
        about = f"job {job.job_id} ({st.job_state_name(job.state)}, {job.restarts} restarts, {asked}): {lives}"
        begun = [life for verb, life, _ in lives if verb == "start"]
        assert len(begun) == len(set(begun)), f"a life began twice: {about}"
        assert all(life <= job.restarts for life in begun), about
        ends = {life: code for verb, life, code in lives if verb == "end"}
        last = ends.get(job.restarts)
        state = st.base(job.state)
        if state == st.COMPLETED:
            assert last == 0 and job.exit_code == 0, about
        elif state == st.FAILED:
            assert last == job.exit_code >> 8 != 0, about
        else:
            assert state == st.CANCELLED, about
            assert asked is None or asked.cancelled, f"nobody cancelled it: {about}"
        if asked is not None and not asked.cancelled:
            assert job.restarts == 0 or asked.requeued, f"nobody requeued it: {about}"

    def lives(self, job: int) -> list[tuple[str, int, int]]:
        """(start or end, restart count, pid or exit code), as the job's script wrote it down."""
        words = [line.split() for line in self.site.read(f"lives.{job}").splitlines()]
        return [(verb, int(life), int(number)) for verb, life, number in words]

    def check_accounting(self, records: dict[int, pb.JobRecord]) -> None:
        """sacct tells the same end of every job that has run; as in Slurm it hides what never was eligible."""
        wanted = {number: st.job_state_name(job.state) for number, job in records.items() if job.node_list}

        def differs() -> list[str]:
            lines = self.site.sh("sacct -a -X -n -P -S now-2hours -o JobIDRaw,State", "root").splitlines()
            told = {int(number): state.split()[0] for number, state in (line.split("|") for line in lines)}
            return [f"{n}: {told.get(n)} for {word}" for n, word in wanted.items() if told.get(n) != word]

        assert until_true(lambda: not differs()), f"accounting differs: {differs()[:5]}"

    def processes(self) -> list[str]:
        """Living processes of the cluster's jobs."""
        mark = f"SLURM_CONF={self.site.conf}\0".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    environment = (entry / "environ").read_bytes()
                except OSError:
                    continue
                if mark in environment and b"SLURM_JOB_ID=" in environment:
                    found.append(f"{entry.name} {(entry / 'cmdline').read_bytes()!r}")
        return found


def until_true(reached: Callable[[], bool], patience: float = 30.0) -> bool:
    """Wait until it is true; whether it came to be."""
    deadline = time.monotonic() + patience
    while not reached():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _final(job: pb.JobRecord) -> bool:
    return st.is_finished(job.state) and not st.is_completing(job.state) and not job.requeue_pending


def main() -> int:
    """Run one storm; 0 where all was well."""
    import argparse

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--keep", help="copy the cluster's state here if something is wrong")
    options = parser.parse_args()
    site = Site("chaos", more="MinJobAge=7200")
    try:
        site.up()
        storm = Storm(site, options.seed)
        storm.run(options.seconds)
        states = Counter(st.job_state_name(job.state) for job in storm.records())
        print(f"seed {options.seed}: {len(storm.asked)} jobs, {dict(states)}; {dict(storm.done)}")
    except AssertionError:
        if options.keep:
            shutil.copytree(site.base, options.keep, symlinks=True, ignore=shutil.ignore_patterns("*.sock"))
        raise
    finally:
        site.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
