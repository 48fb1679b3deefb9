"""cranectld / slurmctld: start the controller as Slurm's flags say."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys

from crane_compat import paths
from crane_compat.daemon import background, cli
from crane_compat.daemon import log as daemon_log
from crane_compat.daemon.controller.controller import Controller
from crane_compat.daemon.controller.store import Store, StoreError
from crane_compat.daemon.launcher import spawn
from crane_compat.daemon.rpc import keys
from crane_compat.daemon.rpc.server import bind_socket
from crane_compat.parsers.slurm_conf import ConfError, SlurmConf, load

log = logging.getLogger("slurmctld")


def store_url(conf: SlurmConf) -> str:
    """crane.toml's ``[state] url``, else SQLite in StateSaveLocation."""
    from crane_compat.config.crane_toml import crane_toml

    url = crane_toml(conf.directory).get("state", {}).get("url")
    return str(url) if url else f"sqlite:///{conf.path_of('StateSaveLocation')}/crane_state.sqlite"


def main(argv: list[str]) -> int:
    """Start the daemon; the exit status."""
    options = cli.parse("slurmctld", argv)
    return background.quiet_main(lambda: _start(options))


def _start(options: cli.Options) -> int:
    path = paths.conf_path(options.conf)
    try:
        conf = load(path, strict=True)
    except ConfError as exc:
        # Slurm's own lines: what is wrong, then that nothing can be done
        for error in exc.errors:
            print(f"slurmctld: error: {error}", file=sys.stderr)
        print("slurmctld: fatal: Unable to process configuration file", file=sys.stderr)
        return 1
    except OSError as exc:
        raise background.StartError(f"cannot read {path}: {exc.strerror}") from exc
    if conf.fatal:
        for item in conf.fatal:
            print(f"slurmctld: fatal: {item}", file=sys.stderr)
        return 1
    user = str(conf.get("SlurmUser") or "root")
    owner = background.user_ids(user)
    log_file = options.log_file or conf.path_of("SlurmctldLogFile")

    def run(ready: background.Ready) -> int:
        return asyncio.run(_serve(conf, options, owner[0], ready))

    return background.start(
        run,
        title=options.title,
        pid_file=conf.path_of("SlurmctldPidFile"),
        log=background.Log(
            files=(log_file,) if log_file else (),
            level=daemon_log.level_of(str(conf.get("SlurmctldDebug") or "info"), options.verbose),
            owner=owner,
        ),
        foreground=options.foreground,
        systemd=options.systemd,
        directories=[
            (paths.RUN_ROOT, None, 0o755),
            (paths.run_dir(path), owner, 0o755),
            (conf.path_of("StateSaveLocation"), owner, 0o700),
        ],
        nice=options.nice,
    )


async def _serve(conf: SlurmConf, options: cli.Options, slurm_uid: int, ready: background.Ready) -> int:
    launcher = _launcher(conf.path) if os.geteuid() == 0 else None
    listener = bind_socket(paths.controller_socket(conf.path))
    background.become(str(conf.get("SlurmUser") or "root"))
    keys.ensure(conf)
    store = Store(store_url(conf))
    try:
        store.open()
        if options.clear:
            store.clear()
    except StoreError as exc:
        raise background.StartError(str(exc)) from exc
    controller = Controller(conf, store, slurm_uid)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, controller.stopping.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: _reload(controller))
    loop.add_signal_handler(signal.SIGUSR2, daemon_log.reopen)
    gc.collect()
    gc.freeze()
    try:
        await controller.run(ready.ok, listener)
    finally:
        if launcher is not None:
            launcher.close()
    return 0


def _reload(controller: Controller) -> None:
    from crane_compat.core.errors import RequestError

    try:
        controller.reload()
    except RequestError:
        pass  # logged with its reason; the old configuration stays


def _launcher(conf: str) -> spawn.Keeper | None:
    """Keep a command launcher for this host's users running (one a host and cluster)."""
    return spawn.keep(conf)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
