"""A submission command's line, environment and script directives become requests.

Precedence (sbatch(1)): script, then environment, then command line; within one
source the later option counts.  Only what was given is set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from crane_compat.core.errors import TEXT, Errno
from crane_compat.parsers import hostlist
from crane_compat.parsers.directives import Directives, read_directives
from crane_compat.parsers.getopt_long import Table, UsageError, scan
from crane_compat.parsers.number import leading
from crane_compat.parsers.option_table import OPTIONS, PROPAGATED, Option
from crane_compat.parsers.option_values import EndProgram, OptionError, Origin, hosts_of_file
from crane_compat.wire import pb

__all__ = ["Draft", "EndProgram", "Flags", "OptionError", "Submission", "parse"]


#: options with their values
Found = list[tuple[Option, str | None]]


@dataclass
class Flags:
    """What concerns the command itself, not the job."""

    verbose: int = 0
    quiet: bool = False
    parsable: bool = False
    wait: bool = False
    test_only: bool = False
    wrap: str | None = None
    immediate_secs: int = 0  # 0 = not asked for
    job_id: int | None = None  # srun: the allocation to run in
    no_shell: bool = False
    bell: bool = False
    kill_command: int = 15
    propagate: tuple[str, ...] = ()
    export_file: tuple[bytes, ...] | None = None
    negative_nice: bool = False
    prolog: str = ""  # srun: programs to run here before and after the step; "none" = not even slurm.conf's
    epilog: str = ""
    bcast: str | None = None  # srun: send the program there; "" = to the usual place
    bcast_exclude: str | None = None
    send_libs: str | None = None
    compress: str | None = None


@dataclass
class Draft:
    """One component's request while its options are read."""

    command: str
    component: int = 0
    spec: pb.JobSpec = field(default_factory=pb.JobSpec)
    step: pb.StepRequest = field(default_factory=pb.StepRequest)
    flags: Flags = field(default_factory=Flags)
    notices: list[str] = field(default_factory=list)
    given: dict[str, str | None] = field(default_factory=dict)
    source: str = ""
    source_of: dict[str, str] = field(default_factory=dict)
    applied: list[tuple[Option, str | None]] = field(default_factory=list)

    def error(self, text: str, code: int) -> OptionError:
        return OptionError([f"{self.command}: error: {text}"], code)

    def fatal(self, text: str) -> OptionError:
        return OptionError([f"{self.command}: fatal: {text}"], 1)


@dataclass
class Submission:
    """What a command line asks for: one spec, or one for each component of a heterogeneous job."""

    specs: list[pb.JobSpec]
    steps: list[pb.StepRequest]  # srun: the step's part in each component
    flags: Flags
    operands: list[str]  # script or command with its arguments
    commands: list[list[str]]  # the operands of each component as given
    notices: list[str]
    given: dict[str, str | None]  # the options of the first component
    givens: list[dict[str, str | None]]  # of each
    applied: list[Found]  # the options of each component in the order they took effect, from wherever they came

    @property
    def step(self) -> pb.StepRequest:
        """The step's part in the first component."""
        return self.steps[0]

    @property
    def words(self) -> Iterator[list[str]]:
        """The operands that count for each component: where it has none, those of the next that has some."""
        for index in range(len(self.specs)):
            yield next(filter(None, self.commands[index:]), self.operands)


@lru_cache(maxsize=3)
def table_of(command: str) -> Table[Option]:
    """The options of one command."""
    mine = [option for option in OPTIONS if command in option.commands]
    return Table.of((o for o in mine if o.status != "old"), (o for o in mine if o.status == "old"))


@lru_cache(maxsize=3)
def _variables(command: str) -> tuple[tuple[str, Option], ...]:
    return tuple(
        (name, option) for option in OPTIONS if command in option.commands for name in option.env.get(command, ())
    )


class Filter(Protocol):
    """A site's or a user's say in the options (CliFilterPlugins).  Both may raise OptionError."""

    def setup_defaults(self, draft: Draft) -> None: ...

    def pre_submit(self, draft: Draft, offset: int) -> None: ...


def parse(
    command: str,
    argv: Sequence[str],
    env: Mapping[str, str],
    script: bytes | None = None,
    script_name: str = "",
    filters: Filter | None = None,
) -> Submission:
    """Read a command line.  Raises OptionError (refused) or EndProgram (--help and the like)."""
    parts = _components(command, argv)
    directives = Directives([])
    if script is not None:
        ignore = "SBATCH_IGNORE_PBS" in env or any(o.name == "ignore-pbs" for found, _ in parts for o, _ in found)
        directives = read_directives(command, script, script_name, foreign=not ignore)
    drafts: list[Draft] = []
    for index in range(max(len(parts), len(directives.words))):
        draft = Draft(command, component=index)
        if filters:
            draft.source = "defaults"
            filters.setup_defaults(draft)
        if drafts:
            draft.flags = drafts[0].flags
            draft.source = "component before"
            _apply(draft, [(o, value) for o, value in drafts[-1].applied if o.name in PROPAGATED])
        else:
            draft.source = "other scheduler"
            _apply(draft, _scan(command, directives.foreign)[0])
        if index < len(directives.words):
            draft.source = "script"
            found, rest = _scan(command, [word.text for word in directives.words[index]])
            _apply(draft, found)
            if rest:
                raise draft.error(f"Invalid directive found in batch script: {rest[0]}", 255)
        draft.source = "environment"
        _environment(draft, env)
        if index < len(parts):
            draft.source = "command line"
            _apply(draft, parts[index][0])
        if filters:
            draft.source = "filter"
            filters.pre_submit(draft, index)
        drafts.append(draft)
    for draft in drafts:
        _arbitrary(draft, env)
        _tasks_of_shape(draft)
        _tasks_of_gpus(draft)
        _conflicts(draft)
        draft.step.spec.CopyFrom(draft.spec)
    commands = [operands for _, operands in parts]
    given = [operands for operands in commands if operands]
    return Submission(
        [draft.spec for draft in drafts],
        [draft.step for draft in drafts],
        drafts[0].flags,
        given[0] if given else [],
        commands,
        [notice for draft in drafts for notice in draft.notices],
        drafts[0].given,
        [draft.given for draft in drafts],
        [draft.applied for draft in drafts],
    )


def operands_of(command: str, argv: Sequence[str]) -> tuple[list[str], str | None]:
    """(the words behind the options, the value of --wrap): what sbatch must know before it reads the script."""
    rest: list[str] = []
    wrap: str | None = None
    for found, operands in _components(command, argv):
        rest = operands or rest
        for option, value in found:
            if option.name == "wrap":
                wrap = value
            elif option.name in ("help", "usage", "version", "autocomplete"):
                option.apply(Draft(command), option, value)
    return rest, wrap


def _components(command: str, argv: Sequence[str]) -> list[tuple[Found, list[str]]]:
    """Options and operands of each component: ``:`` behind the options, with srun behind a command as well."""
    parts: list[tuple[Found, list[str]]] = []
    rest = list(argv)
    while True:
        found, operands = _scan(command, rest)
        end = operands.index(":") if ":" in operands and (command == "srun" or operands[0] == ":") else None
        parts.append((found, operands[:end]))
        if end is None:
            return parts
        rest = operands[end + 1 :]


def _scan(command: str, argv: Sequence[str]) -> tuple[Found, list[str]]:
    try:
        return scan(table_of(command), argv)
    except UsageError as exc:
        raise OptionError([f"{command}: {exc}", f'Try "{command} --help" for more information'], 255) from None


def _apply(draft: Draft, found: Found) -> None:
    for number, (option, raw) in enumerate(found):
        value = unicode(raw) if raw is not None else None
        try:
            option.apply(draft, option, value)
        except (OptionError, EndProgram) as exc:
            exc.origin = Origin(draft.source, draft.component, number)
            raise
        draft.applied.append((option, value))
        draft.given[option.name] = value


def unicode(text: str) -> str:
    """The text of a request: bytes that are no UTF-8 become U+FFFD, for a request's fields hold Unicode."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _environment(draft: Draft, env: Mapping[str, str]) -> None:
    for name, option in _variables(draft.command):
        value: str | None = env.get(name)
        if value is None or (not value and option.takes == "required"):
            continue
        value = unicode(value)
        if draft.command == "srun" and name in _ONLY_IN_JOB and "SLURM_JOB_ID" not in env:
            continue
        if draft.command == "srun" and name == "SLURM_JOB_NUM_NODES" and "SLURM_STEP_ID" in env:
            continue
        if option.takes == "none" and option.name != "verbose":
            if not _means_yes(value):
                continue
            value = None
        option.apply(draft, option, value)
        draft.applied.append((option, value))
        if name.startswith(("SBATCH_", "SALLOC_", "SRUN_")):
            draft.given[option.name] = value


def _arbitrary(draft: Draft, env: Mapping[str, str]) -> None:
    """``-m arbitrary``: a host for each task, from -w or the file that SLURM_HOSTFILE names."""
    spec = draft.spec
    if not spec.distribution.startswith("arbitrary"):
        return
    if not spec.req_nodes and (name := env.get("SLURM_HOSTFILE")):
        spec.req_nodes = hosts_of_file(draft, name)
    if spec.req_nodes and not spec.HasField("num_tasks"):
        spec.num_tasks = len(hostlist.expand(spec.req_nodes))


def _tasks_of_shape(draft: Draft) -> None:
    """With -B, or a fixed number of nodes, a job has a task for each socket, core and thread that it asks of a node."""
    spec = draft.spec
    fixed = spec.HasField("min_nodes") or "extra-node-info" in draft.given
    if spec.HasField("num_tasks") or not fixed or (spec.max_nodes and spec.max_nodes != spec.min_nodes):
        return
    shape = max(1, spec.sockets_per_node) * max(1, spec.cores_per_socket) * max(1, spec.threads_per_core)
    if shape > 1:
        spec.num_tasks = max(1, spec.min_nodes) * shape


def _tasks_of_gpus(draft: Draft) -> None:
    """--ntasks-per-gpu: the tasks follow from the GPUs, or the GPUs from the tasks."""
    spec = draft.spec
    if not spec.ntasks_per_gpu:
        return
    from crane_compat.parsers.device_request import DeviceError, parse_devices

    try:
        per_job = sum(item.count for item in parse_devices(spec.gpus, "gpu"))
        per_node = sum(item.count for item in parse_devices(spec.gpus_per_node, "gpu"))
        per_node += sum(item.count for item in parse_devices(spec.gres, "") if item.name == "gpu")
    except DeviceError:
        return  # refused elsewhere
    gpus = per_job or per_node * max(1, spec.min_nodes)
    if gpus and not spec.HasField("num_tasks"):
        spec.num_tasks = gpus * spec.ntasks_per_gpu
    elif not gpus and spec.num_tasks and not spec.gpus_per_task:
        spec.gpus = str(-(-spec.num_tasks // spec.ntasks_per_gpu))


def _means_yes(value: str) -> bool:
    """Does a variable switch a flag on?  An empty one does, ``0``, ``no`` and the like do not."""
    word = value.strip().lower()
    return word in ("", "yes", "y", "true", "t") or leading(word) != 0


#: what a job's own environment tells srun; outside a job such variables are leftovers
_ONLY_IN_JOB = frozenset({"SLURM_JOB_NUM_NODES", "SLURM_NNODES", "SLURM_JOB_NAME"})


def _conflicts(draft: Draft) -> None:
    spec = draft.spec
    if spec.exclusive == "exclusive" and spec.oversubscribe:
        raise draft.fatal("--exclusive and --oversubscribe options are mutually exclusive")
    if spec.HasField("core_spec") and spec.HasField("thread_spec"):
        raise draft.fatal("-S/--core-spec and --thred-spec options are mutually exclusive")
    if draft.command == "srun" and draft.flags.job_id is not None and spec.exclusive == "exclusive":
        # within an allocation it is the step that is exclusive: on the CPUs it asks for
        draft.step.exact, spec.exclusive = True, ""
    if draft.command == "srun" and draft.step.HasField("relative") and draft.flags.job_id is None:
        raise draft.fatal("--relative option invalid for job allocation request")
    if (
        spec.HasField("num_tasks")
        and spec.HasField("min_nodes")
        and spec.num_tasks < spec.min_nodes
        and not spec.req_nodes
        and draft.flags.job_id is None
    ):
        draft.notices.append(
            f"warning: can't run {spec.num_tasks} processes on {spec.min_nodes} nodes, "
            f"setting nnodes to {spec.num_tasks}"
        )
        spec.min_nodes = spec.max_nodes = spec.num_tasks
    if problem := _gpu_problem(spec):
        raise OptionError([f"{draft.command}: error: {text}" for text in (problem, TEXT[Errno.INVALID_GRES])], 1)


def _gpu_problem(spec: pb.JobSpec) -> str:
    """What is wrong between the GPU options; "" = nothing."""
    gpus = spec.gpus or spec.gpus_per_node or spec.gpus_per_task or spec.gpus_per_socket or "gpu" in spec.gres
    sized = spec.HasField("min_nodes") or spec.HasField("num_tasks") or spec.HasField("ntasks_per_node")
    if spec.gpus_per_task and not spec.gpus and not sized:
        return (
            "Failed to validate job spec. --gpus-per-task or --tres-per-task used "
            "without either --gpus or -n/--ntasks is not allowed."
        )
    if spec.HasField("mem_per_gpu") and spec.mem_per_gpu and not gpus:
        return f"Requested mem_per_tres=gres/gpu:{spec.mem_per_gpu} but did not request any GPU."
    if spec.HasField("ntasks_per_gpu") and not gpus and not sized:
        return (
            "gres_job_state_validate: --ntasks-per-tres needs either a GRES GPU specification "
            "or a node/ntask specification"
        )
    return ""
