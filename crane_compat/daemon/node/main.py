"""craned / slurmd: start one node's daemon as Slurm's flags say."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys

from crane_compat import paths
from crane_compat.daemon import background, cli
from crane_compat.daemon import log as daemon_log
from crane_compat.daemon.launcher import spawn
from crane_compat.daemon.node import machine
from crane_compat.daemon.node.craned import Craned
from crane_compat.daemon.rpc.remote import local_names
from crane_compat.daemon.stepd import settings as step_settings
from crane_compat.daemon.stepd.forkserver import ForkServer
from crane_compat.parsers.cgroup_conf import load as load_cgroup
from crane_compat.parsers.gres_conf import load as load_gres
from crane_compat.parsers.slurm_conf import ConfError, SlurmConf, load
from crane_compat.wire import pb

log = logging.getLogger("slurmd")


def find_node(conf: SlurmConf, name: str | None) -> pb.NodeRecord:
    """The node this daemon is: the one named, or the one whose host this is.  Raises StartError."""
    here = local_names()
    for node in conf.nodes:
        if node.name == name or (name is None and (node.hostname or node.name).split(".")[0] in here):
            return node
    if name is not None:
        raise background.StartError(f"node {name} is not in {conf.path}")
    raise background.StartError(f"no node of {conf.path} is this host ({os.uname().nodename}); say which with -N")


def node_settings(conf: SlurmConf, node: pb.NodeRecord) -> pb.StepSettings:
    """What this node's step supervisors must know of the configuration."""
    cgroup = load_cgroup(os.path.join(conf.directory, "cgroup.conf"))

    def given(source: object) -> step_settings.Lookup:
        def look(key: str) -> str | None:
            value = source.get(key)  # type: ignore[attr-defined]
            if value is None:
                return None
            if isinstance(value, bool):
                return "yes" if value else "no"
            if isinstance(value, tuple | list):
                return ",".join(str(item) for item in value) or None
            return str(value)

        return look

    directory = conf.path_of("SlurmdSpoolDir", node=node.name, host=node.hostname)
    settings = step_settings.from_config(given(conf), given(cgroup), directory, conf.path)
    settings.shape.CopyFrom(machine.shape(node))
    if settings.constrain_devices:
        with contextlib.suppress(OSError):  # no gres.conf: no device files
            lines = load_gres(os.path.join(conf.directory, "gres.conf")).of(node.name)
            settings.devices.extend(step_settings.device_files(node.gres, lines))
    return settings


def main(argv: list[str]) -> int:
    """Start the daemon; the exit status."""
    options = cli.parse("slurmd", argv)
    if options.print_node:
        print(machine.node_line(machine.detect(), options.node or os.uname().nodename.split(".")[0]))
        return 0
    return background.quiet_main(lambda: _start(options))


def _start(options: cli.Options) -> int:
    path = paths.conf_path(options.conf)
    try:
        conf = load(path, strict=False)
    except (ConfError, OSError) as exc:
        raise background.StartError(str(exc)) from exc
    node = find_node(conf, options.node)
    if options.print_gres:
        print(node.gres or "No generic resources on this node")
        return 0
    if os.geteuid() != 0:
        raise background.StartError("must be started as root: it runs jobs as the users they belong to")
    settings = node_settings(conf, node)
    owner = background.user_ids(str(conf.get("SlurmUser") or "root"))
    log_file = options.log_file or conf.path_of("SlurmdLogFile", node=node.name, host=node.hostname)

    def run(ready: background.Ready) -> int:
        forks = ForkServer.start(node.name)

        async def serve() -> int:
            craned = Craned(conf, node, settings, forks)
            if options.rebooted:
                craned.boot_time = craned.start_time
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, craned.stopping.set)
            loop.add_signal_handler(signal.SIGHUP, craned._reconfigure)
            loop.add_signal_handler(signal.SIGUSR2, daemon_log.reopen)
            launcher = _launcher(path)
            try:
                await craned.run(ready.ok)
            finally:
                if launcher is not None:
                    launcher.close()
            return 0

        return asyncio.run(serve())

    return background.start(
        run,
        title=options.title if options.node else f"{options.program} {' '.join(options.arguments)}".strip(),
        pid_file=conf.path_of("SlurmdPidFile", node=node.name, host=node.hostname),
        log=background.Log(
            files=(log_file,) if log_file else (),
            level=daemon_log.level_of(str(conf.get("SlurmdDebug") or "info"), options.verbose),
        ),
        foreground=options.foreground,
        systemd=options.systemd,
        directories=[
            (paths.RUN_ROOT, None, 0o755),
            (paths.run_dir(path), owner, 0o755),
            (settings.spool, None, 0o755),
            # the controller, which may share it, and its programs run as SlurmUser
            *([(os.path.dirname(log_file), owner, 0o755)] if log_file else []),
        ],
        nice=options.nice,
    )


def _launcher(conf: str) -> spawn.Keeper | None:
    """Keep a command launcher for this host's users running (one a host and cluster)."""
    return spawn.keep(conf)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
