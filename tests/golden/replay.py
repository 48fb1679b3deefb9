"""``python -m tests.golden.replay``: play recordings on a cluster of ours and report what matches.

    python -m tests.golden.replay 'job/*' --diff

Prints ``matched N of M commands`` for each scenario and in all (files that
jobs wrote count as commands), with ``--diff`` what differs.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterable

import click

from . import known, stages
from .golden_format import Recordings, default_root
from .player import Result


def chosen(recordings: Recordings, patterns: Iterable[str], profile: str | None) -> list[str]:
    """Names of the scenarios that are meant: by name, group or pattern; none given = all."""
    wanted = list(patterns)
    names = [name for name, entry in recordings.entries.items() if profile in (None, entry["profile"])]
    if not wanted:
        return names
    return [n for n in names if any(n == p or fnmatch.fnmatch(n, p) or n.startswith(p + "/") for p in wanted)]


def _describe(result: Result, diff: bool) -> None:
    tolerated = f", {result.tolerated} of them tolerably" if result.tolerated else ""
    print(
        f"{result.name}: matched {result.matched} of {len(result.steps)} commands{tolerated} ({result.seconds:.1f} s)",
        flush=True,
    )
    if result.trouble:
        print(f"  trouble: {result.trouble}")
    if not diff:
        return
    for step in result.steps:
        if step.matched:
            continue
        print(f"--- {result.name} step {step.index}: {step.label}")
        for difference in step.differences:
            for line in difference.lines():
                print(f"    {line}")
    sys.stdout.flush()


def _by_group(results: Iterable[Result]) -> None:
    groups: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for result in results:
        parts = result.name.split("/")
        group = groups["/".join(parts[:2] if parts[0] == "static" else parts[:1])]
        group[0] += result.matched
        group[1] += len(result.steps)
    for name, (matched, total) in sorted(groups.items()):
        print(f"{name:<20} {matched:>5} of {total:>5}  {100 * matched / max(total, 1):5.1f} %")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("patterns", nargs=-1, metavar="[SCENARIO|GROUP|GLOB]...")
@click.option("--scenario", "more", multiple=True, metavar="GLOB", help="The same as an option.")
@click.option("--root", default=default_root(), metavar="DIR", help="Directory of recordings.")
@click.option("--profile", metavar="NAME", help="Only scenarios recorded under this configuration.")
@click.option("--list", "list_only", is_flag=True, help="Name the scenarios and leave.")
@click.option("--diff/--no-diff", default=False, help="Show what differs.")
@click.option("--known", "known_only", is_flag=True, help="Play what is known to match; fail where it does not.")
@click.option("--jobs", default=1, show_default=True, help="Clusters at a time (needs network namespaces).")
@click.option("--backend", default="crane", type=click.Choice(["crane", "slurm"]), help="Whose daemons and commands.")
@click.option("--keep", default="", metavar="DIR", help="Leave state, logs and files of the last scenario in DIR.")
@click.option("--save-results", metavar="FILE", help="Write all results as JSON.")
@click.option("--save-known", is_flag=True, help="Add what matches to known.txt.")
def main(
    patterns: tuple[str, ...],
    more: tuple[str, ...],
    root: str,
    profile: str | None,
    list_only: bool,
    diff: bool,
    known_only: bool,
    jobs: int,
    backend: str,
    keep: str,
    save_results: str | None,
    save_known: bool,
) -> None:
    """Replay recordings and report what matches."""
    try:
        recordings = Recordings(root)
    except OSError as exc:
        raise click.ClickException(f"{root} is no directory of recordings: {exc.filename}: {exc.strerror}") from None
    names = chosen(recordings, (*patterns, *more), profile)
    listed = known.read() if os.path.exists(known.PATH) else {}
    if known_only:
        names = [name for name in names if name in listed]
    if not names:
        raise click.ClickException("no scenario of that name (--list names them)")
    if list_only:
        for name in names:
            entry = recordings.entries[name]
            print(f"{name:<36} {entry['profile']:<8} {entry['commands']:>4} commands, {entry['reads']} files")
        return
    if os.geteuid() != 0:
        raise click.ClickException("must be run as root: scenarios are played by several users")
    # scenarios of one profile after one another
    names.sort(key=lambda name: (recordings.entries[name]["profile"], list(recordings.entries).index(name)))
    results = stages.play_all(names, root, max(1, jobs), backend, keep, lambda result: _describe(result, diff))
    if len(results) > 1:
        _by_group(results)
    total = sum(len(result.steps) for result in results)
    matched = sum(result.matched for result in results)
    tolerated = sum(result.tolerated for result in results)
    print(
        f"matched {matched} of {total} commands"
        + (f", {tolerated} of them but for the recorded machine's own pace and memory" if tolerated else "")
    )
    if save_results:
        with open(save_results, "w", encoding="utf-8") as file:
            json.dump([dataclasses.asdict(result) for result in results], file, indent=1)
    if save_known:
        ours = set(Recordings(default_root()))
        known.write(known.grown(listed, [result for result in results if result.name in ours]))
    if known_only and (lost := [line for result in results for line in missing(result, listed[result.name])]):
        print("known to match, but does not:\n" + "\n".join(lost))
        sys.exit(1)


def missing(result: Result, steps: frozenset[int] | None) -> list[str]:
    """Which of the steps that should match do not, a line each."""
    if result.trouble:
        return [f"{result.name}: {result.trouble}"]
    return [
        f"{result.name} step {step.index}: {step.label}"
        for step in result.steps
        if not step.matched and (steps is None or step.index in steps)
    ]


if __name__ == "__main__":
    main()
