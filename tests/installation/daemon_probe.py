"""A daemon for the tests: starts as the real ones do, ends on SIGTERM.  --extra says what goes wrong."""

from __future__ import annotations

import signal
import sys

from crane_compat.daemon import background, cli
from crane_compat.daemon import log as daemon_log


def main(directory: str, argv: list[str]) -> int:
    options = cli.parse("slurmd", argv)

    def run(ready: background.Ready) -> int:
        if options.extra == "refuse":
            raise background.StartError("there is no way")
        if options.extra == "bug":
            raise ZeroDivisionError("a bug")
        if options.extra == "exit":
            return 3
        ending: list[int] = []
        signal.signal(signal.SIGTERM, lambda *_: ending.append(1))
        signal.signal(signal.SIGUSR2, lambda *_: daemon_log.reopen())
        ready.ok()
        while not ending:
            signal.pause()
        return 0

    return background.start(
        run,
        title=options.title,
        pid_file=f"{directory}/run/daemon.pid",
        log=background.Log(files=(f"{directory}/log/daemon.log",), level=daemon_log.level_of("info", options.verbose)),
        foreground=options.foreground,
        systemd=options.systemd,
        directories=[(f"{directory}/spool/deep", None, 0o700)],
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
