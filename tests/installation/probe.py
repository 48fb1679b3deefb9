"""A command for the launcher's tests: prints what it finds itself to be."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time

from crane_compat import paths
from crane_compat.commands import caller


def facts() -> dict[str, object]:
    mask = os.umask(0)
    os.umask(mask)
    return {
        "pid": os.getpid(),
        "argv": sys.argv,
        "uid": os.getresuid(),
        "gid": os.getresgid(),
        "groups": sorted(os.getgroups()),
        "cwd": os.getcwd(),
        "umask": mask,
        "nofile": resource.getrlimit(resource.RLIMIT_NOFILE),
        "core": resource.getrlimit(resource.RLIMIT_CORE),
        "env": dict(os.environ),
        "conf": paths.conf_path(),
        "session": caller.session_id(),
        "timezone": time.tzname,
        "hangup_ignored": signal.getsignal(signal.SIGHUP) == signal.SIG_IGN,
        "nice": os.getpriority(os.PRIO_PROCESS, 0),
        "fds": sorted(int(name) for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")),
    }


def main(argv: list[str]) -> int:
    match argv:
        case ["facts"]:
            print(json.dumps(facts()))
        case ["cat"]:
            sys.stdout.buffer.write(sys.stdin.buffer.read())
        case ["read", path]:
            with open(path, encoding="utf-8") as file:
                sys.stdout.write(file.read())
        case ["exit", status]:
            print("out")
            print("err", file=sys.stderr)
            return int(status)
        case ["kill", number]:
            os.kill(os.getpid(), int(number))
        case ["wait"]:
            signal.signal(signal.SIGUSR1, lambda *_: os.write(1, b"usr1\n"))
            print(os.getpid(), flush=True)
            while True:
                time.sleep(0.05)  # pause() could miss a signal that has just come
        case ["bytes"]:
            print(os.fsdecode(b"caf\xe9 \xff"), "é")
        case ["fault"]:
            raise RuntimeError("a fault")
        case ["modules"]:
            print(len(sys.modules))
    return 0
