"""cranedbd / slurmdbd: answers accounting calls over its unix socket.

The work is SQL and done in one thread, so that the loop always answers; the
service itself (`accounting.service`) knows nothing of sockets.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import logging
import os
import signal
import socket
import sys
from pathlib import Path

from crane_compat import paths
from crane_compat.core.errors import Errno, RequestError
from crane_compat.daemon import background, cli
from crane_compat.daemon import log as daemon_log
from crane_compat.daemon.rpc.server import Connection, FrameServer, bind_socket
from crane_compat.parsers.slurm_conf import SlurmConf, load
from crane_compat.wire import pb

log = logging.getLogger("slurmdbd")


class AccountingDaemon:
    """The socket side of one accounting service."""

    def __init__(self, conf: SlurmConf, url: str, slurm_uid: int) -> None:
        from sqlalchemy.exc import SQLAlchemyError

        from crane_compat.accounting.schema import open_engine
        from crane_compat.accounting.service import AccountingService

        self.conf = conf
        self.slurm_uid = slurm_uid
        self.engine = open_engine(url)
        try:
            self.service = AccountingService(self.engine, conf.cluster_name, conf)
        except SQLAlchemyError as exc:
            reason = str(getattr(exc, "orig", None) or exc).splitlines()[0]
            raise background.StartError(f"cannot open the accounting database: {reason}") from exc
        self.thread = concurrent.futures.ThreadPoolExecutor(1, "sql")
        self.version = 0
        self.changed = asyncio.Event()
        self.stopping = asyncio.Event()
        self._tasks: set[asyncio.Future[None]] = set()  # kept from the garbage collector while they run
        self.server = FrameServer({"acct": self.acct, "shutdown": self.shutdown, "ping": self.ping})

    async def run(self, ready: background.Ready, listener: socket.socket) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopping.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: None)
        loop.add_signal_handler(signal.SIGUSR2, daemon_log.reopen)

        def changed(_version: int) -> None:
            loop.call_soon_threadsafe(self._changed)

        self.service.on_change.append(changed)
        await self.server.listen(paths.accounting_socket(self.conf.path), listener)
        ready.ok()
        log.info("slurmdbd started for cluster %s", self.conf.cluster_name)
        await self.stopping.wait()
        await self.server.close()
        self.thread.shutdown()
        self.engine.dispose()
        return 0

    def _changed(self) -> None:
        self.version += 1
        event, self.changed = self.changed, asyncio.Event()
        event.set()

    def ping(self, connection: Connection, request: pb.Request) -> None:
        connection.send(pb.Response(pong=pb.Pong(host=os.uname().nodename, pid=os.getpid())))

    def shutdown(self, connection: Connection, request: pb.Request) -> None:
        if connection.peer.uid not in (0, self.slurm_uid):
            raise RequestError(Errno.ACCESS_DENIED)
        self.stopping.set()

    def acct(self, connection: Connection, request: pb.Request) -> None:
        call = request.acct
        work = self._wait_change if call.op == "wait_change" else self._call
        task = asyncio.ensure_future(work(connection, call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _wait_change(self, connection: Connection, call: pb.AcctCall) -> None:
        since = int(json.loads(call.args or b"{}").get("since", 0))
        while self.version <= since:
            await self.changed.wait()
        result = json.dumps({"version": self.version}).encode()
        connection.send(pb.Response(acct=pb.AcctReply(result=result)))

    async def _call(self, connection: Connection, call: pb.AcctCall) -> None:
        try:
            args = json.loads(call.args) if call.args else {}
            result, last = await asyncio.get_running_loop().run_in_executor(
                self.thread, self.service.call, call.op, args, list(call.events), connection.peer.uid
            )
        except RequestError as exc:
            connection.refuse(exc)
        except (ValueError, KeyError, TypeError) as exc:
            log.exception("accounting call %s failed", call.op)
            connection.refuse(RequestError(Errno.UNEXPECTED_MSG, f"accounting call {call.op}: {exc}"))
        except Exception as exc:
            log.exception("accounting call %s failed", call.op)
            connection.refuse(RequestError(Errno.INTERNAL, str(exc).splitlines()[0]))
        else:
            connection.send(pb.Response(acct=pb.AcctReply(result=json.dumps(result).encode(), last_event=last)))


def database_url(conf: SlurmConf) -> str:
    """crane.toml's ``[accounting] url``, else slurmdbd.conf's Storage…, else SQLite below StateSaveLocation."""
    from crane_compat.config.crane_toml import crane_toml

    table = crane_toml(conf.directory).get("accounting", {})
    if url := table.get("url"):
        return str(url)
    if "url" not in table and (Path(conf.directory) / "slurmdbd.conf").exists():
        from crane_compat.parsers.slurmdbd_conf import load as load_dbd

        dbd = load_dbd(str(Path(conf.directory) / "slurmdbd.conf"))
        if "mysql" in str(dbd.get("StorageType") or "") and dbd.given("StorageHost"):
            import sqlalchemy as sa

            return sa.URL.create(
                "mysql+pymysql",
                str(dbd.get("StorageUser") or "slurm"),
                str(dbd.get("StoragePass") or ""),
                str(dbd.get("StorageHost") or "localhost"),
                int(dbd.get("StoragePort") or 3306),
                str(dbd.get("StorageLoc") or "slurm_acct_db"),
            ).render_as_string(hide_password=False)
    place = Path(conf.path_of("StateSaveLocation")).parent / "accounting"
    return f"sqlite:///{place}/slurm_acct_db.sqlite"


def main(argv: list[str]) -> int:
    """Start the daemon as Slurm's flags say."""
    options = cli.parse("slurmdbd", argv)
    path = paths.conf_path(options.conf)
    if os.path.basename(path) == "slurmdbd.conf":
        path = os.path.join(os.path.dirname(path), "slurm.conf")
    return background.quiet_main(lambda: _start(options, path))


def _start(options: cli.Options, path: str) -> int:
    from crane_compat.parsers.slurm_conf import ConfError

    try:
        conf = load(path, strict=False)
    except (ConfError, OSError) as exc:
        raise background.StartError(str(exc)) from exc
    owner = background.user_ids(str(conf.get("SlurmUser") or "root"))
    url = database_url(conf)
    directories = [(paths.RUN_ROOT, None, 0o755), (paths.run_dir(path), owner, 0o755)]
    if url.startswith("sqlite:///"):
        directories.append((os.path.dirname(url.removeprefix("sqlite:///")), owner, 0o700))
    pid_file, log_file, level = _dbd_files(conf)

    def run(ready: background.Ready) -> int:
        listener = bind_socket(paths.accounting_socket(path))
        background.become(str(conf.get("SlurmUser") or "root"))

        async def serve() -> int:
            return await AccountingDaemon(conf, url, owner[0]).run(ready, listener)

        return asyncio.run(serve())

    return background.start(
        run,
        title=options.title,
        pid_file=pid_file,
        log=background.Log(
            files=(options.log_file or log_file,) if options.log_file or log_file else (),
            level=daemon_log.level_of(level, options.verbose),
            owner=owner,
        ),
        foreground=options.foreground,
        systemd=options.systemd,
        directories=directories,
        nice=options.nice,
    )


def _dbd_files(conf: SlurmConf) -> tuple[str, str, str]:
    """Pid file, log file and level of slurmdbd.conf, or the usual ones below the state directory."""
    from crane_compat.parsers.slurmdbd_conf import load as load_dbd

    place = os.path.join(conf.directory, "slurmdbd.conf")
    if os.path.exists(place):
        dbd = load_dbd(place)
        return (
            str(dbd.get("PidFile") or "/run/slurmdbd.pid"),
            str(dbd.get("LogFile") or ""),
            str(dbd.get("DebugLevel") or "info"),
        )
    return os.path.join(paths.run_dir(conf.path), "slurmdbd.pid"), "", "info"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
