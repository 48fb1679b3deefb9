"""``python -m crane_compat.commands NAME ARGS…``: run a command in this process."""

import os
import signal
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)  # ^C while importing ends the program without a word

from crane_compat import paths  # noqa: E402
from crane_compat.commands import COMMANDS, caller, run  # noqa: E402


def main() -> int:
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        print("usage: python -m crane_compat.commands COMMAND [ARG…]", file=sys.stderr)
        print("commands: " + " ".join(sorted(COMMANDS)), file=sys.stderr)
        return 2
    caller.install_streams()
    if "LC_CTYPE" in os.environ:  # the interpreter sets it in a C locale; jobs must not inherit that
        with open("/proc/self/environ", "rb") as file:
            if not any(item.startswith(b"LC_CTYPE=") for item in file.read().split(b"\0")):
                del os.environ["LC_CTYPE"]
    if directory := os.environ.pop("CRANE_SYSCONFDIR", ""):  # the stub's, not for jobs to inherit
        paths.DEFAULT_CONF = os.path.join(directory, "slurm.conf")
    name = sys.argv[1]
    sys.argv[:2] = [name]
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return run(name, sys.argv[1:])


os._exit(main() & 0xFF)
