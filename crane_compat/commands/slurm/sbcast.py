"""sbcast: send a file to the nodes of a job.

Source: sbcast(1) and the recordings.
"""

from __future__ import annotations

import os
import re
import sys
import time

from crane_compat import paths
from crane_compat.commands.slurm import file_bcast
from crane_compat.commands.slurm.arguments import Arguments, Option, help_of, parse
from crane_compat.commands.slurm.file_bcast import Broadcast, Manner
from crane_compat.commands.slurm.voice import Voice
from crane_compat.core.states import BATCH_STEP, EXTERN_STEP, INTERACTIVE_STEP
from crane_compat.parsers.slurm_conf import ConfError, SlurmConf, load

USAGE = "Usage: sbcast [--exclude] [-CfFjpvV] [--send-libs] SOURCE DEST"

OPTIONS = (
    Option("compress", "C", "optional", "lib", "pack blocks with this library (lz4) on their way", "SBCAST_COMPRESS"),
    Option("exclude", "", "required", "path_list", "leave out shared objects below these", "SBCAST_EXCLUDE"),
    Option("fanout", "F", "required", "num", "nodes that a block goes to at the same time", "SBCAST_FANOUT"),
    Option("force", "f", help="a file of that name is replaced", env="SBCAST_FORCE"),
    Option("jobid", "j", "required", "#[+#][.#]", "of this job, component or step (default: the one we are in)"),
    Option("preserve", "p", help="give the copies the times and modes of the file", env="SBCAST_PRESERVE"),
    Option("send-libs", "", "optional", "yes|no", "send a program's shared objects as well", "SBCAST_SEND_LIBS"),
    Option("size", "s", "required", "num", "size of a block, in bytes, or with k or m", "SBCAST_SIZE"),
    Option("timeout", "t", "required", "secs", "what a node may take for a block", "SBCAST_TIMEOUT"),
    Option("treewidth", "", "required", "num", "the same as --fanout", "SBCAST_TREEWIDTH"),
    Option("verbose", "v", help="say what is done"),
    Option("version", "V", help="show the version and exit"),
    Option("help", help="show this text and exit"),
    Option("usage", help="show the synopsis and exit"),
)

_NUMBER = r"\d{1,9}"
_JOB = re.compile(
    rf"({_NUMBER})(?:\+({_NUMBER}))?(?:\.({_NUMBER}|batch|extern|interactive))?(?:\+({_NUMBER}))?$", re.ASCII
)
_STEPS = {"batch": BATCH_STEP, "extern": EXTERN_STEP, "interactive": INTERACTIVE_STEP}

#: Seconds that Slurm's permission to send lasts: shown with -v.
LIFE = 300


def main(argv: list[str]) -> int:
    """Run sbcast; the exit status."""
    args = parse("sbcast", OPTIONS, argv, os.environ, USAGE, help_of("sbcast", OPTIONS, "[OPTIONS] SOURCE DEST"))
    voice = Voice("sbcast", args.counts.get("verbose", 0))
    conf_path = paths.conf_path()
    try:
        conf = load(conf_path, strict=False)
    except (ConfError, OSError) as exc:
        voice.fatal(f"cannot read {conf_path}: {exc}")
        return 1
    manner = _manner(voice, args, conf)
    if len(args.operands) != 2:
        print(f"Need two file names, have {len(args.operands)} names", file=sys.stderr)
        print('Try "sbcast --help" for more information', file=sys.stderr)
        return 1
    if not _name_job(manner, args.get("jobid") or "") and not _name_job(manner, os.environ.get("SLURM_JOB_ID", "")):
        voice.error("Need a job id to run this command.  Run from within a Slurm job or use the --jobid option.")
        return 1
    source, dest = args.operands
    if not dest.startswith("/"):
        dest = os.path.join(file_bcast.parameter(conf, "DestDir") or os.getcwd(), dest)
    if dest.endswith("/"):
        dest += os.path.basename(source)
    _say(voice, _options(voice, manner, conf, args, source, dest))
    broadcast = Broadcast(voice, conf_path, manner)
    broadcast.on_nodes = lambda nodes: _say(voice, _permission(manner, nodes))
    return broadcast.send(source, dest, lambda found: _say(voice, file_bcast.describe(found)))


def _manner(voice: Voice, args: Arguments, conf: SlurmConf) -> Manner:
    compression = args.get("compress") if args.has("compress") else file_bcast.parameter(conf, "Compression")
    return Manner(
        force=args.has("force"),
        preserve=args.has("preserve"),
        block_size=_size(args.get("size")),
        fanout=_number(args.get("treewidth") or args.get("fanout")),
        timeout=_number(args.get("timeout")),
        compress=file_bcast.wants_compression(voice, compression),
        send_libs=file_bcast.wants_libraries(voice, args.get("send-libs"), conf),
        exclude=file_bcast.excluded(voice, args.get("exclude"), conf),
    )


def _number(text: str | None) -> int:
    """As atoi(3) reads it, and nothing below zero."""
    match = re.match(rf"\s*\+?({_NUMBER})", text or "", re.ASCII)
    return int(match[1]) if match else 0


def _size(text: str | None) -> int:
    if text is None:
        return file_bcast.BLOCK_SIZE
    match = re.match(rf"\s*\+?({_NUMBER})([kKmM]?)$", text, re.ASCII)
    if match is None:
        print("size specification is invalid, ignored", file=sys.stderr)
        return file_bcast.BLOCK_SIZE
    return int(match[1]) * {"": 1, "k": 1 << 10, "m": 1 << 20}[match[2].lower()]


def _name_job(manner: Manner, text: str) -> bool:
    """Take the job from ``12``, ``12.0``, ``12+1`` or ``12+1.0``; False where it is none of these."""
    match = _JOB.match(text)
    if match is None:
        return False
    manner.job_id = int(match[1])
    offset, step = match[2] or match[4], match[3]
    manner.het_offset = int(offset) if offset else None
    manner.step_id = None if step is None else _STEPS[step] if step in _STEPS else int(step)
    return True


def _say(voice: Voice, lines: list[str]) -> None:
    for line in lines:
        voice.verbose(line)


def _options(voice: Voice, manner: Manner, conf: SlurmConf, args: Arguments, source: str, dest: str) -> list[str]:
    rule = "-" * 29

    def word(value: bool) -> str:
        return "true" if value else "false"

    return [
        rule,
        f"block_size = {manner.block_size}",
        f"compress   = {int(manner.compress)}",
        f"exclude    = {args.get('exclude') or conf.get('BcastExclude')}",
        f"force      = {word(manner.force)}",
        f"treewidth     = {manner.fanout}",
        f"preserve   = {word(manner.preserve)}",
        f"send_libs  = {word(manner.send_libs)}",
        f"timeout    = {manner.timeout * 1000}",
        f"verbose    = {voice.verbosity}",
        f"source     = {source}",
        f"dest       = {dest}",
        rule,
    ]


def _permission(manner: Manner, nodes: str) -> list[str]:
    """What -v says of the job and of the right to send to it."""
    now = time.time()
    return [
        f"jobid      = {file_bcast.job_name(manner)}",
        f"node_list  = {nodes}",
        f"Sbcast_cred: JobId   {manner.job_id}",
        f"Sbcast_cred: HetJobId {manner.het_offset or 0}",
        f"Sbcast_cred: StepId  {manner.step_id or 0}",
        f"Sbcast_cred: Nodes   {nodes}",
        f"Sbcast_cred: ctime   {time.ctime(now)}",
        f"Sbcast_cred: Expire  {time.ctime(now + LIFE)}",
    ]
