"""``crane lint``: what becomes of job scripts here, before anybody submits them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from crane_compat.lint import CODES, Report, examine
from crane_compat.lint.findings import at, readable
from crane_compat.lint.site import Site
from crane_compat.parsers.slurm_conf import ConfError, load

#: Of what a directory holds, these are scripts: with such a line somewhere.
_DIRECTIVES = (b"#SBATCH", b"#SLURM", b"#BSUB", b"#PBS", b"#CBATCH")

#: Larger files in directories are no scripts, bytes; a file that is named is read whatever its size up to `MOST`.
LARGEST = 4 << 20
MOST = 64 << 20


class Unusable(click.ClickException):
    """The command line cannot be carried out; exit status 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(f"crane lint: error: {self.message}", err=True)


def scripts(paths: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """The files named, and below directories those that carry directives.  Raises Unusable."""
    for path in paths:
        if not os.path.isdir(path):
            yield path, _read(path)
            continue
        for directory, below, names in os.walk(path):
            below[:] = sorted(name for name in below if not name.startswith("."))
            for name in sorted(names):
                file = os.path.join(directory, name)
                if os.path.islink(file) or not os.path.isfile(file) or os.path.getsize(file) > LARGEST:
                    continue
                content = _read(file)
                if any(mark in content and _begins_line(content, mark) for mark in _DIRECTIVES):
                    yield file, content


def _begins_line(content: bytes, mark: bytes) -> bool:
    return content.startswith(mark) or b"\n" + mark in content


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            content = file.read(MOST + 1)
    except OSError as exc:
        raise Unusable(f"{readable(path)}: {exc.strerror}") from None
    if len(content) > MOST:
        raise Unusable(f"{readable(path)} has more than {MOST >> 20} MiB: that is no job script")
    return content


def site_of(config: str) -> Site:
    """The site of a slurm.conf, or of the directory it is in.  Raises Unusable."""
    path = os.path.join(config, "slurm.conf") if os.path.isdir(config) else config
    try:
        return Site.of(load(path, strict=False))
    except OSError as exc:
        raise Unusable(f"{readable(path)}: {exc.strerror}") from None
    except (ConfError, ValueError) as exc:
        raise Unusable(f"{readable(path)}: {exc}") from None


def _text(report: Report, meaning: bool) -> Iterator[str]:
    file = readable(report.file)
    if meaning:
        yield f"{file}: {'accepted' if report.accepted else 'refused'}, read by {report.command}"
        for use in report.uses:
            between = "=" if use.option.startswith("--") else " "
            value = "" if use.value is None else between + readable(use.value)
            means = use.means if use.status in ("honoured", "native", "translated") else f"{use.means} ({use.status})"
            yield f"  {use.line:>4}:{use.column:<3} {use.dialect} {use.option}{value}: {readable(means)}"
    for finding in report.findings:
        yield f"{file}:{finding.line}:{finding.column}: {finding.severity}: {finding.text} [{finding.code}]"
        if finding.hint:
            yield f"    hint: {finding.hint}"
        if finding.says:
            yield f"    {report.command} says: {finding.says}"


def _document(report: Report) -> dict[str, Any]:
    return {
        "file": readable(report.file),
        "reader": report.command,
        "accepted": report.accepted,
        "findings": [{key: value for key, value in asdict(each).items() if key != "file"} for each in report.findings],
        "options": [
            asdict(use) | {"value": None if use.value is None else readable(use.value), "means": readable(use.means)}
            for use in report.uses
        ],
    }


def _summary(reports: list[Report]) -> dict[str, Any]:
    severities = Counter(finding.severity for report in reports for finding in report.findings)
    accepted = sum(report.accepted for report in reports)
    return {
        "scripts": len(reports),
        "accepted": accepted,
        "refused": len(reports) - accepted,
        "errors": severities["error"],
        "warnings": severities["warning"],
        "notes": severities["note"],
        "by_code": dict(sorted(Counter(f.code for report in reports for f in report.findings).items())),
    }


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _conclusion(summary: dict[str, Any]) -> Iterator[str]:
    yield (
        f"{_count(summary['scripts'], 'script')}: {summary['accepted']} accepted, {summary['refused']} refused; "
        f"{_count(summary['errors'], 'error')}, {_count(summary['warnings'], 'warning')}, "
        f"{_count(summary['notes'], 'note')}"
    )
    if summary["scripts"] > 1:
        for code, number in sorted(summary["by_code"].items(), key=lambda item: (-item[1], item[0])):
            yield f"  {number:>6}  {code}: {CODES[code]}"


def _as_sbatch(name: str, content: bytes) -> Iterator[str]:
    """The header of a script that is accepted, in sbatch's words alone."""
    from crane_compat.parsers.option_print import directives
    from crane_compat.parsers.options import parse

    yield f"# {readable(name)}"
    yield from map(readable, directives(parse("sbatch", [], {}, content, name.rpartition("/")[2])))


def guarded(content: bytes, name: str, site: Site | None) -> Report:
    """`examine`; a script that cannot be judged gets an error rather than end the run."""
    try:
        return examine(content, name, site)
    except RecursionError:  # thousands of nested brackets in an expression
        report = Report(name, "sbatch")
        from crane_compat.lint.findings import Subject

        subject = Subject(name, content, [], report)
        subject.add("error", "bad-expression", at(1), "an expression is nested too deep")
        return report


@click.command("lint")
@click.argument("paths", metavar="FILE|DIR…", nargs=-1, required=True)
@click.option(
    "--config", metavar="DIR", help="Check partitions, limits, features and devices of this slurm.conf as well."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of text.")
@click.option(
    "--meaning/--no-meaning",
    default=None,
    help="List every option with what it does here.  [where one script is looked at]",
)
@click.option("--as-sbatch", is_flag=True, help="Print the header of each accepted script as #SBATCH lines instead.")
def lint(paths: tuple[str, ...], config: str | None, as_json: bool, meaning: bool | None, as_sbatch: bool) -> None:
    """Say what becomes of job scripts here: what each option means, what differs from before, what is refused.

    #SBATCH, #BSUB, #PBS and #CBATCH lines are read as the commands read them.  Of a directory all files with such lines
    are looked at.  Exit status: 0, or 1 where a script is refused, or 2 where a file cannot be read.
    """
    site = site_of(config) if config else None
    if as_sbatch and as_json:
        raise click.UsageError("--as-sbatch and --json exclude one another.")
    reports = []
    for name, content in scripts(paths):
        report = guarded(content, name, site)
        reports.append(report)
        if as_sbatch and report.accepted and report.command == "sbatch":
            for line in _as_sbatch(name, content):
                click.echo(line)
        elif as_sbatch:
            click.echo(f"crane lint: {readable(name)}: no header for sbatch", err=True)
    summary = _summary(reports)
    if as_sbatch:
        pass
    elif as_json:
        import json

        document = {"version": 1, "scripts": [_document(report) for report in reports], "summary": summary}
        click.echo(json.dumps(document, indent=1, ensure_ascii=True))
    else:
        shows = meaning if meaning is not None else len(reports) == 1
        for report in reports:
            for line in _text(report, shows):
                click.echo(line)
        for line in _conclusion(summary):
            click.echo(line)
    raise SystemExit(1 if summary["refused"] else 0)
