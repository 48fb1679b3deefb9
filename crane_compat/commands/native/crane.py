"""``crane``: run a cluster on one machine, and install the programs.

up, env, status and down take the same --config and --state, so that several
clusters live side by side.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from crane_compat import SLURM_VERSION, __version__, shared_files
from crane_compat.daemon.background import StartError

F = TypeVar("F", bound=Callable[..., Any])

_CONFIG_HELP = (
    "Directory with slurm.conf and the files beside it, or the name of an example "
    "(slurm.conf.examples).  Placeholders in it (@HOST@, @STATE@ …) are filled in; without any, it is used in place."
)


def _place(function: F) -> F:
    """The two options that say which cluster is meant."""
    for option in (
        click.option("--state", metavar="DIR", help="Where the cluster keeps everything.  [/var/lib/crane/NAME]"),
        click.option("--config", metavar="DIR", help=_CONFIG_HELP + "  [demo]"),
    ):
        function = option(function)
    return function


def _fail(text: str) -> None:
    click.echo(f"crane: error: {text}", err=True)
    raise SystemExit(1)


def _need_root() -> None:
    if os.geteuid() != 0:
        _fail("must be run as root: the node daemons run jobs as the users they belong to")


class _Commands(click.Group):
    """The commands of this module, and those that are loaded only where they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), "lint"])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == "lint":
            from crane_compat.commands.native.lint import lint

            return lint
        return super().get_command(ctx, cmd_name)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", "-V", message=f"crane %(version)s (as Slurm {SLURM_VERSION})")
def cli() -> None:
    """A cluster on this machine, from the slurm.conf of a site."""


@cli.command()
@_place
@click.option("--nodes", metavar="LIST", help="Start these nodes of the host only (hostlist).")
@click.option("--clean", is_flag=True, help="Stop what runs, forget queue and accounting, start afresh.")
@click.option("--quiet", "-q", is_flag=True, help="Say nothing when all is well.")
def up(config: str | None, state: str | None, nodes: str | None, clean: bool, quiet: bool) -> None:
    """Start controller, accounting and the nodes of this host; return when the nodes are idle."""
    from crane_compat.daemon.launcher import install
    from crane_compat.daemon.local import run, site

    _need_root()
    place = site.find(config, state)
    with site.alone(place):
        site.prepare(place)
        conf = site.read(place)
        site.secure(place, conf)
        daemons = site.daemons(place, conf)
        if clean:
            run.stop(place, conf, daemons)
            if left := run.clear(conf, daemons):
                click.echo(f"crane: warning: {left}", err=True)
        chosen = site.daemons(place, conf, nodes) if nodes else [each for each in daemons if not each.on_demand]
        started = run.start(place, chosen, clear=clean)
    if any(daemon.name == "slurmctld" for daemon in chosen):
        run.wait_for_nodes(place, {daemon.node for daemon in chosen if daemon.node})
    if quiet:
        return
    if blocked := install.blocked():
        click.echo(
            f"crane: warning: other users may not enter {blocked}, where this Python is: on a terminal, "
            "salloc and srun will not run for them",
            err=True,
        )
    count = sum(1 for daemon in chosen if daemon.node)
    what = "runs already" if not started else "is up"
    click.echo(f"cluster {conf.cluster_name} {what}: {count} node{'' if count == 1 else 's'}, {place.conf}")
    click.echo(f'for a shell: eval "$(crane env{_options(config, state)})"')


def _options(config: str | None, state: str | None) -> str:
    given = (("--config", config), ("--state", state))
    return "".join(f" {name} {shlex.quote(value)}" for name, value in given if value)


@cli.command()
@_place
def env(config: str | None, state: str | None) -> None:
    """Print the exports of a shell that works with the cluster."""
    from crane_compat.daemon.local import site

    place = site.find(config, state)
    click.echo(f"export PATH={shlex.quote(place.bin)}:$PATH")
    click.echo(f"export SLURM_CONF={shlex.quote(place.conf)}")


@cli.command()
@_place
def status(config: str | None, state: str | None) -> None:
    """Show daemons, nodes and jobs; exit 0 when all daemons of this host run and the controller answers."""
    from crane_compat.daemon.local import run, site

    place = site.find(config, state)
    conf = site.read(place)
    seen = run.status(place, site.daemons(place, conf))
    width = max(len(label) for label, _, _ in seen.daemons)
    click.echo(f"{'DAEMON':<{width}}  {'PID':>7}  STATE  LOG")
    for label, pid, log_file in seen.daemons:
        click.echo(f"{label:<{width}}  {pid or '-':>7}  {'up' if pid else 'down':<5}  {log_file or '-'}")
    if seen.answers:
        click.echo(f"nodes: {_counts(seen.nodes)}")
        click.echo(f"jobs:  {_counts(seen.jobs)}")
    else:
        click.echo("the controller does not answer")
    sys.exit(0 if seen.answers and all(pid for _, pid, _ in seen.daemons) else 1)


def _counts(numbers: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(numbers.items())) or "none"


@cli.command()
@_place
@click.option("--purge", is_flag=True, help="Remove the state directory as well.")
@click.option("--quiet", "-q", is_flag=True, help="Say nothing when all is well.")
def down(config: str | None, state: str | None, purge: bool, quiet: bool) -> None:
    """Stop the cluster, its running steps included; nothing is left but the state directory."""
    from crane_compat.daemon.local import run, site

    _need_root()
    place = site.find(config, state)
    stopped: list[str] = []
    if os.path.exists(place.conf):
        with site.alone(place):
            conf = site.read(place)
            stopped = run.stop(place, conf, site.daemons(place, conf))
    if purge and os.path.isdir(place.state):
        if not os.path.exists(os.path.join(place.bin, "squeue")):
            _fail(f"{place.state} is no state directory of a cluster: it is not removed")
        shutil.rmtree(place.state)
    if not quiet:
        click.echo(f"stopped: {', '.join(stopped) or 'nothing was running'}")


@cli.command()
@click.option("--prefix", required=True, metavar="DIR", help="Commands go to DIR/bin, daemons to DIR/sbin.")
@click.option("--sysconfdir", metavar="DIR", help="Directory of slurm.conf, compiled in.  [PREFIX/etc; /etc/slurm]")
@click.option("--python-stub", is_flag=True, help="Use the Python stub even where a compiler is found.")
def install(prefix: str, sysconfdir: str | None, python_stub: bool) -> None:
    """Lay down commands, daemons and service units under Slurm's names."""
    from crane_compat.daemon.launcher import install as installer

    root = os.path.abspath(prefix)
    etc = os.path.abspath(sysconfdir) if sysconfdir else _usual_sysconfdir(root)
    try:
        installer.commands(os.path.join(root, "bin"), etc, compiled=not python_stub)
        installer.crane(os.path.join(root, "bin"))
        installer.daemons(os.path.join(root, "sbin"), etc)
        units = os.path.join(root, "lib", "systemd", "system")
        os.makedirs(units, exist_ok=True)
        for name, text in shared_files.units().items():
            text = text.replace("@SBINDIR@", os.path.join(root, "sbin")).replace("@SYSCONFDIR@", etc)
            with open(os.path.join(units, name), "w", encoding="utf-8") as file:
                file.write(text)
    except installer.InstallError as exc:
        _fail(str(exc))
    except OSError as exc:
        _fail(f"cannot write {exc.filename}: {exc.strerror}")
    if blocked := installer.blocked():
        click.echo(
            f"crane: warning: other users may not enter {blocked}, where this Python is; "
            "install from an interpreter that all users may run",
            err=True,
        )
    click.echo(f"commands: {root}/bin, daemons: {root}/sbin, units: {root}/lib/systemd/system, configuration: {etc}")


def _usual_sysconfdir(root: str) -> str:
    return "/etc/slurm" if root in ("/", "/usr", "/usr/local") else os.path.join(root, "etc")


@cli.command()
@click.argument("shell", type=click.Choice(["bash"]))
def completion(shell: str) -> None:
    """Print completions of sbatch, srun and salloc: eval "$(crane completion bash)"."""
    from crane_compat.parsers.option_help import bash_completion

    click.echo(bash_completion(), nl=False)


def main() -> None:
    """Entry point: a sentence and status 1 for what cannot be done."""
    from crane_compat.parsers.slurm_conf import ConfError

    try:
        cli()
    except (StartError, ConfError) as exc:
        _fail(str(exc))
    except Exception as exc:  # the last line of defence
        if os.environ.get("CRANE_DEBUG"):
            raise
        _fail(f"internal error: {type(exc).__name__}: {exc} (with CRANE_DEBUG=1: where)")


if __name__ == "__main__":
    main()
