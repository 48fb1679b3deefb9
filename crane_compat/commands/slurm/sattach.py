"""sattach: see and feed the tasks of a step that runs.

Source: sattach(1) and the recordings.
"""

from __future__ import annotations

import os
import re
import sys

from crane_compat import paths
from crane_compat.commands.slurm.arguments import Arguments, Option, parse
from crane_compat.commands.slurm.step_watch import Listener, Manner, StepRefused, StepWatch, own_descriptor
from crane_compat.commands.slurm.voice import Voice
from crane_compat.core.errors import TEXT, Errno, RequestError
from crane_compat.core.layout import layout_of
from crane_compat.daemon.rpc.client import Client, Unreachable
from crane_compat.daemon.stepd.stream import ALL
from crane_compat.wire import pb

USAGE = "Usage: sattach [options] <jobid.stepid>"

OPTIONS = (
    Option("input-filter", "", "required", "taskid", "give our input to this task only"),
    Option("output-filter", "", "required", "taskid", "show the output of this task only"),
    Option("error-filter", "", "required", "taskid", "show the error output of this task only"),
    Option("label", "l", help="the number of its task before each line"),
    Option("layout", help="print where the tasks are and end"),
    Option("quiet", "Q", help="errors only"),
    Option("verbose", "v", help="say more"),
    Option("version", "V", help="print the version"),
    Option("help", "h", help="show this text"),
    Option("usage", "u", help="a summary"),
)

_STEP = re.compile(r"(?P<job>\d+)(?:_(?P<task>\d+)|\+(?P<offset>\d+))?\.(?P<step>\d+)$", re.ASCII)


def main(argv: list[str]) -> int:
    """Run sattach; the exit status."""
    args = parse("sattach", OPTIONS, argv, os.environ, USAGE)
    voice = Voice("sattach", 1 if args.has("verbose") else 0, args.has("quiet"))
    if len(args.operands) != 1:
        voice.error("too many parameters")
        print(USAGE)
        return 1
    match = _STEP.match(args.operands[0])
    if match is None:
        voice.error("Failed to parse stepid from command line options")
        print(USAGE)
        return 1
    try:
        with Client.controller(paths.conf_path(), "sattach") as client:
            step = pb.AttachStep(job_id=_job(client, match), step_id=int(match["step"]))
            if args.has("layout"):
                return _show_layout(client, step)
            return _attach(voice, args, client, step)
    except Unreachable:
        voice.error(f"Could not get job step info: {TEXT[Errno.COMMUNICATIONS_CONNECTION]}")
    except StepRefused as exc:
        voice.error(f"Could not get job step info: {exc.reason.text}")
    except RequestError as exc:
        voice.error(f"Could not get job step info: {exc.text}")
    return 1


def _job(client: Client, match: re.Match[str]) -> int:
    """The job's own number, also of an array's task or a component.  Raises RequestError."""
    number = int(match["job"])
    if match["task"] is None and match["offset"] is None:
        return number
    reply = client.call(pb.Request(list_jobs=pb.ListJobs(job_ids=[number]))).jobs
    for job in reply.jobs:
        if match["task"] is not None and job.HasField("array_task_id") and job.array_task_id == int(match["task"]):
            return job.job_id
        if match["offset"] is not None and job.het_job_id and job.het_offset == int(match["offset"]):
            return job.job_id
    raise RequestError(Errno.INVALID_JOB_ID)


def _show_layout(client: Client, step: pb.AttachStep) -> int:
    record = client.call(pb.Request(attach_step=step)).step_created.step
    print("Job step layout:")
    print(f"\t{record.num_tasks} tasks, {record.num_nodes} nodes ({record.node_list})\n")
    for index, (node, ranks) in enumerate(zip(record.nodes, layout_of(record), strict=True)):
        print(f"\tNode {index} ({node.node}), {len(ranks)} task(s): {''.join(f'{rank} ' for rank in ranks)}")
    return 0


def _attach(voice: Voice, args: Arguments, client: Client, step: pb.AttachStep) -> int:
    manner = Manner(label=args.has("label"), stdout=own_descriptor("stdout", 1), stderr=own_descriptor("stderr", 2))
    for name, field in (("input", "stdin_rank"), ("output", "stdout_rank"), ("error", "stderr_rank")):
        setattr(manner, field, _rank(voice, f"{name}-filter", args.get(f"{name}-filter")))
    reply = client.call(pb.Request(attach_step=step)).step_created
    nodes = client.call(pb.Request(list_nodes=pb.ListNodes(names=[node.node for node in reply.step.nodes]))).nodes.nodes
    local = all(node.address.startswith("127.") or node.address in ("localhost", os.uname().nodename) for node in nodes)
    try:
        listener = Listener.on("127.0.0.1" if local else os.uname().nodename)
    except OSError as exc:
        voice.error(f"cannot listen for the step's input and output: {exc.strerror}")
        return 1
    code = StepWatch(voice, listener, manner, paths.conf_path()).attach(client, step)
    sys.stdout.flush()
    return code


def _rank(voice: Voice, name: str, value: str | None) -> int:
    if value is None:
        return ALL
    if not value.isascii() or not value.isdigit():
        voice.error(f"Invalid --{name} value {value}")
        raise SystemExit(1)
    return int(value)
