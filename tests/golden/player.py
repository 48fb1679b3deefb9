"""Playing a recorded scenario on a cluster, step by step, and comparing what each step gives."""

from __future__ import annotations

import difflib
import os
import pwd
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar

from tests.clusters.cluster import FINAL, Cluster
from tests.clusters.users import Command, Outcome, environment, run

from .golden_format import Scenario, Setting, Step, tolerant, view

#: seconds a command gets before it is killed; one that hung when it was recorded needs no patience
PATIENCE, HUNG_PATIENCE = 30.0, 4.0
#: … and for a command in the background, which may have a job's whole time limit to wait for.
JOIN_PATIENCE = 90.0
#: seconds between two looks at a job, and at a command that is repeated until it says something
LOOK, REPEAT = 0.01, 0.1
#: once a wait of a scenario was in vain, what follows is hardly right: no long waits any more
DESPAIR = 3.0


@dataclass(frozen=True)
class Difference:
    """One stream of a step that is not as recorded."""

    stream: str
    recorded: str
    actual: str

    def lines(self) -> Iterator[str]:
        yield from difflib.unified_diff(
            self.recorded.splitlines(),
            self.actual.splitlines(),
            f"recorded {self.stream}",
            f"actual {self.stream}",
            lineterm="",
            n=2,
        )


@dataclass(frozen=True)
class StepResult:
    """What became of one command, or of a file that was read."""

    index: int
    label: str
    differences: list[Difference] = field(default_factory=list)
    seconds: float = 0.0
    #: equal but for what the recorded machine, not its programs, is the reason of (golden_format.TOLERANCES)
    tolerated: bool = False

    @property
    def matched(self) -> bool:
        return not self.differences


@dataclass(frozen=True)
class Result:
    """What became of a scenario; `trouble` says what kept it from being played."""

    name: str
    steps: list[StepResult]
    seconds: float = 0.0
    trouble: str = ""

    @property
    def matched(self) -> int:
        return sum(step.matched for step in self.steps)

    @property
    def tolerated(self) -> int:
        return sum(step.tolerated for step in self.steps)


class Player:
    """One scenario on one cluster, which has been started with the scenario's profile and is empty."""

    def __init__(self, scenario: Scenario, cluster: Cluster, host: str, work: str) -> None:
        self.scenario = scenario
        self.cluster = cluster
        self.work = work
        places = {"WORK": self.work, "ETC": cluster.etc, "STATE": cluster.state, "PREFIX": cluster.prefix}
        self.recorded = Setting(scenario.host, {}, scenario.values)
        #: values that a capture has not found keep what they were when recorded, so that the rest can be played
        self.actual = Setting(host, places, dict(scenario.values))
        self.running: dict[str, Command] = {}
        self.results: list[StepResult] = []
        self.patience = PATIENCE
        self.tolerated = False  # in the step being compared

    def play(self) -> Result:
        """Play it all."""
        started = time.monotonic()
        self._fresh_directory()
        try:
            for index, step in enumerate(self.scenario.steps):
                kind = next(key for key in self._KINDS if key in step)
                self._KINDS[kind](self, index, step)
        finally:
            for command in self.running.values():
                command.signal(signal.SIGKILL)
                command.outcome(1.0)
        return Result(self.scenario.name, self.results, time.monotonic() - started)

    def _fresh_directory(self) -> None:
        shutil.rmtree(self.work, ignore_errors=True)
        os.mkdir(self.work)
        os.chmod(self.work, 0o777)

    # ------------------------------------------------------------ the kinds of steps

    def _run(self, index: int, step: Step) -> None:
        started = time.monotonic()
        hung = bool(step.get("timed_out"))
        outcome = self._command(step["run"], step).outcome(HUNG_PATIENCE if hung else PATIENCE)
        self._capture(step, outcome)
        self._compare(index, step, step["run"], outcome, time.monotonic() - started)

    def _background(self, index: int, step: Step) -> None:
        self.running[step["name"]] = self._command(step["background"], step)

    def _join(self, index: int, step: Step) -> None:
        started = time.monotonic()
        command = self.running.pop(step["join"], None)
        if command is None:
            return
        if "signal" in step:
            command.signal(signal.Signals[step["signal"]])
        outcome = command.outcome(JOIN_PATIENCE)
        self._capture(step, outcome)
        self._compare(index, step, f"(end of {step['join']})", outcome, time.monotonic() - started)

    def _signal_background(self, index: int, step: Step) -> None:
        if command := self.running.get(step["signal_background"]):
            command.signal(signal.Signals[step.get("signal", "SIGINT")])

    def _wait_job(self, index: int, step: Step) -> None:
        job = self.actual.fill(str(step["wait_job"]))
        wanted = FINAL if step["state"] == "FINAL" else frozenset(step["state"])
        number = re.match(r"\d+", job)
        if number is None:
            return
        ended = wanted <= FINAL
        wanted |= {"GONE"}  # what is not known will not come to be

        def reached() -> bool:
            states = self.cluster.job_states(int(number[0])) or ["GONE"]
            # of an array, one task that runs is enough; it has ended when all have
            return (all if ended else any)(state in wanted for state in states)

        if self._wait(reached, step, LOOK) and ended:
            time.sleep(self.cluster.settle)

    def _wait_until(self, index: int, step: Step) -> None:
        pattern = re.compile(self.actual.fill(step["match"]))
        line = self.actual.fill(step["wait_until"])
        user = step.get("user", "root")
        env = self._environment(step)
        self._wait(lambda: bool(pattern.search(run(line, user, env, self.work, PATIENCE).stdout)), step, REPEAT)

    def _wait(self, reached: Callable[[], bool], step: Step, pause: float) -> bool:
        deadline = time.monotonic() + min(self.patience, float(step.get("timeout", PATIENCE)))
        while not reached():
            if time.monotonic() > deadline:
                self.patience = DESPAIR
                return False
            time.sleep(pause)
        return True

    def _file(self, index: int, step: Step) -> None:
        path = os.path.join(self.work, self.actual.fill(step["file"]))
        owner = pwd.getpwnam(step.get("user") or "root")
        missing = os.path.dirname(path)
        if not os.path.isdir(missing):
            os.makedirs(missing)
            os.chown(missing, owner.pw_uid, owner.pw_gid)
        with open(path, "w", encoding="utf-8", newline="") as file:
            # only places: braces in a script are the shell's
            file.write(replace(self.actual, values={}).fill(step["content"]))
        os.chown(path, owner.pw_uid, owner.pw_gid)
        os.chmod(path, int(str(step.get("mode", "644")), 8))

    def _read(self, index: int, step: Step) -> None:
        path = os.path.join(self.work, self.actual.fill(step["read"]))
        try:
            with open(path, encoding="utf-8", errors="backslashreplace", newline="") as file:
                actual: str | None = file.read()
        except OSError:
            actual = None
        self._add(index, f"(file {step['read']})", self._differing("content", step.get("content"), actual, step))

    def _sleep(self, index: int, step: Step) -> None:
        time.sleep(step["sleep"])

    def _comment(self, index: int, step: Step) -> None:
        pass

    _KINDS: ClassVar[dict[str, Callable[[Player, int, Step], None]]] = {
        "run": _run,
        "background": _background,
        "join": _join,
        "signal_background": _signal_background,
        "wait_job": _wait_job,
        "wait_until": _wait_until,
        "file": _file,
        "read": _read,
        "sleep": _sleep,
        "comment": _comment,
    }

    # ------------------------------------------------------------ pieces

    def _environment(self, step: Step) -> dict[str, str]:
        env = environment(step.get("user") or "root", self.cluster.directories)
        env.update({name: self.actual.fill(str(value)) for name, value in (step.get("env") or {}).items()})
        return env

    def _command(self, line: str, step: Step) -> Command:
        stdin = step.get("stdin")
        return Command(
            self.actual.fill(line),
            step.get("user") or "root",
            self._environment(step),
            self.actual.fill(os.path.join(self.work, step.get("cwd") or "")),
            None if stdin is None else self.actual.fill(stdin),
        )

    def _capture(self, step: Step, outcome: Outcome) -> None:
        for name, pattern in (step.get("capture") or {}).items():
            for text in (outcome.stdout, outcome.stderr):
                if found := re.search(pattern, text, re.MULTILINE):
                    self.actual.values[name] = found[1]  # type: ignore[index]
                    break

    def _differing(self, stream: str, recorded: str | None, actual: str | None, step: Step) -> list[Difference]:
        if recorded is None or actual is None:
            if recorded is actual:
                return []
            return [Difference(stream, *("(no such file)" if t is None else t for t in (recorded, actual)))]
        one, other = view(recorded, step, self.recorded), view(actual, step, self.actual)
        if one == other:
            return []
        if tolerant(one) == tolerant(other):
            self.tolerated = True
            return []
        return [Difference(stream, one, other)]

    def _compare(self, index: int, step: Step, label: str, outcome: Outcome, seconds: float) -> None:
        differences = []
        if outcome.rc != step.get("rc", 0):
            actual = f"{outcome.rc} (killed after {seconds:.0f} s)" if outcome.timed_out else str(outcome.rc)
            differences.append(Difference("exit status", str(step.get("rc", 0)), actual))
        # only the results of requests are JSON; a complaint is text
        plain = {**step, "compare": "text"} if str(step.get("compare", "")).startswith("json") else step
        differences += self._differing("stdout", step.get("stdout") or "", outcome.stdout, step)
        differences += self._differing("stderr", step.get("stderr") or "", outcome.stderr, plain)
        self._add(index, label, differences, seconds)

    def _add(self, index: int, label: str, differences: list[Difference], seconds: float = 0.0) -> None:
        self.results.append(StepResult(index, label, differences, seconds, self.tolerated and not differences))
        self.tolerated = False
