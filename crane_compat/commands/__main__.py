"""``python -m crane_compat.commands NAME ARGS…``: run a command in this process."""

import os
import sys

from crane_compat.commands import COMMANDS, run

if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
    print("usage: python -m crane_compat.commands COMMAND [ARG…]; commands: " + " ".join(sorted(COMMANDS)), file=sys.stderr)
    sys.exit(2)
STATUS = run(sys.argv[1], sys.argv[2:])
os._exit(STATUS)
