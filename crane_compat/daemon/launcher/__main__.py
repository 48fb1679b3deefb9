"""``python -m crane_compat.daemon.launcher --conf FILE [--parent-fd N]``: the command launcher as a process."""

import argparse
import sys

import setproctitle

from crane_compat.daemon.launcher import launcher

parser = argparse.ArgumentParser(prog="crane-launcher")
parser.add_argument("--conf", required=True, help="the cluster's slurm.conf")
parser.add_argument("--parent-fd", type=int, default=-1, help="end when this pipe does")
options = parser.parse_args()
setproctitle.setproctitle(f"crane-launcher: {options.conf}")
setproctitle.setthreadtitle("crane-launcher")
sys.exit(launcher.run(options.conf, options.parent_fd))
