"""``python -m fuzz [NAME…] --seconds N``: one process for each target, one after the other.

With atheris (`pip install atheris`) inputs are found by coverage; without it, by mutation of the seeds alone.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time

import click

_PIECES = (
    b"[",
    b"]",
    b",",
    b":",
    b"-",
    b"=",
    b"'",
    b'"',
    b"\\",
    b"#",
    b"\n",
    b" ",
    b"*",
    b"%",
    b"@",
    b"&",
    b"|",
    b"0",
    b"9999999999",
)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1)
@click.option("--seconds", type=int, default=60, show_default=True, help="For each target.")
@click.option("--list", "listing", is_flag=True, help="Name the targets.")
@click.option("--here", is_flag=True, hidden=True, help="Fuzz one target in this process.")
def main(names: tuple[str, ...], seconds: int, listing: bool, here: bool) -> None:
    """Look for inputs that break a grammar or take it too long."""
    if here:
        _fuzz(names[0], seconds)
        return
    from fuzz.targets import TARGETS

    if listing:
        click.echo("\n".join(TARGETS))
        return
    if unknown := set(names) - set(TARGETS):
        raise click.UsageError(f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    failed = []
    for name in names or TARGETS:
        done = subprocess.run(
            [sys.executable, "-m", "fuzz", "--here", name, "--seconds", str(seconds)], capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        runs = [line for line in (done.stdout + done.stderr).splitlines() if "runs" in line or "Done" in line]
        click.echo(f"{name:<14} {'failed' if done.returncode else 'ok':<7} {runs[-1].strip() if runs else ''}")
        if done.returncode:
            failed.append(name)
            click.echo(done.stdout[-2000:] + done.stderr[-4000:])
    raise SystemExit(1 if failed else 0)


def _fuzz(name: str, seconds: int) -> None:
    try:
        import atheris
    except ImportError:
        _mutate(name, seconds)
        return
    with atheris.instrument_imports(include=["crane_compat.parsers", "crane_compat.lint"]):
        from fuzz.targets import TARGETS
    target = TARGETS[name]
    with tempfile.TemporaryDirectory() as directory:
        for number, seed in enumerate(target.seeds):
            with open(os.path.join(directory, str(number)), "wb") as file:
                file.write(seed)
        arguments = [f"-max_total_time={seconds}", "-max_len=4096", "-timeout=10", "-rss_limit_mb=4096",
                     f"-artifact_prefix={directory}/", directory]  # fmt: skip
        atheris.Setup([sys.argv[0], *arguments], target.run)
        atheris.Fuzz()


def _mutate(name: str, seconds: int) -> None:
    from fuzz.targets import TARGETS

    target = TARGETS[name]
    chance = random.Random(name)
    pool = list(target.seeds)
    end, runs = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        data = bytearray(chance.choice(pool))
        for _ in range(chance.randint(1, 8)):
            position = chance.randint(0, len(data))
            match chance.randint(0, 3):
                case 0:
                    data[position:position] = chance.choice(_PIECES)
                case 1:
                    del data[position : position + chance.randint(1, 8)]
                case 2:
                    data[position:position] = data[: chance.randint(0, 64)]
                case _:
                    data[position : position + 1] = bytes([chance.randint(0, 255)])
        try:
            target.run(bytes(data[:4096]))
        except BaseException:
            print(f"input: {bytes(data[:4096])!r}", file=sys.stderr)
            raise
        runs += 1
        if chance.random() < 0.01 and len(pool) < 1000:
            pool.append(bytes(data[:4096]))
    print(f"Done {runs} runs (by mutation, without coverage)")


if __name__ == "__main__":
    main()
