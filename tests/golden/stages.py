"""Several stages at a time, each a process; scenarios are handed out as stages become free."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tests.clusters import private_host

from .player import Result
from .stage import result_of

_PROJECT = Path(__file__).resolve().parents[2]


class Stage:
    """One process that plays scenarios on a cluster of its own.

    `keep` is a directory that stays when it ends (state, logs, the work directory); else there is one in /tmp.
    """

    def __init__(self, root: str, backend: str = "crane", keep: str = "") -> None:
        self.root = root
        self.process = subprocess.Popen(
            private_host.command(["-m", "tests.golden.stage", backend, keep]),
            cwd=_PROJECT,
            env={**os.environ, "PYTHONPATH": str(_PROJECT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def play(self, name: str) -> Result:
        """Reset the cluster and play `name`."""
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(json.dumps({"root": self.root, "scenario": name}) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            return Result(name, [], trouble="the process that plays scenarios ended; its stderr says why")
        return result_of(json.loads(answer))

    def close(self) -> None:
        """Stop the cluster and end the process."""
        assert self.process.stdin
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def stage(root: str, backend: str = "crane", keep: str = "") -> Iterator[Stage]:
    """A Stage that is closed in the end."""
    one = Stage(os.path.abspath(root), backend, keep)
    try:
        yield one
    finally:
        one.close()


def play_all(
    names: Iterable[str], root: str, jobs: int, backend: str, keep: str, report: Callable[[Result], None]
) -> list[Result]:
    """Play all of `names`, `jobs` at a time, telling each result as it comes; all results, in the order of names."""
    order = list(names)
    waiting = iter(order)
    lock = threading.Lock()
    results: dict[str, Result] = {}

    def work(number: int) -> None:
        with stage(root, backend, f"{keep}/{number}" if keep and jobs > 1 else keep) as one:
            while True:
                with lock:
                    name = next(waiting, None)
                if name is None:
                    return
                result = one.play(name)
                with lock:
                    results[name] = result
                    report(result)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(min(jobs, len(order)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [results[name] for name in order]
