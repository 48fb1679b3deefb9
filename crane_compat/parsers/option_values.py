"""What an option's value means: functions that check it and put it into the draft.

Each gives Slurm's own message and exit code for a value it cannot take:
``Invalid numeric value …`` ends with 1, ``Invalid --x specification`` with 255.
The grammars of single options are imported where they are used: most command lines need none.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from crane_compat.parsers.number import MOST, count, leading, natural
from crane_compat.parsers.size import parse_memory
from crane_compat.parsers.time_limit import INFINITE, parse_minutes

if TYPE_CHECKING:
    from crane_compat.parsers.option_table import Option
    from crane_compat.parsers.options import Draft

Setter = Callable[["Draft", "Option", str | None], None]

#: exit(-1) as a shell sees it
SPECIFICATION = 255


class Origin(NamedTuple):
    """Where an option was read: its source (as Draft.source), the component, and which of that source's options it is.

    number: -1 for what lies with none of them alone.
    """

    source: str
    component: int
    number: int = -1


class OptionError(Exception):
    """The command line is refused: the lines for stderr (complete, without line ends) and the exit code.

    `origin` says what is at fault, where that is known; `line` is that of a script which could not be split into words.
    """

    def __init__(self, lines: list[str], code: int, *, line: int = 0) -> None:
        self.lines, self.code, self.line = lines, code, line
        self.origin: Origin | None = None
        super().__init__("\n".join(lines))


class EndProgram(Exception):
    """--help, --usage, --version: text for stdout, and the exit code; `origin` as with OptionError."""

    def __init__(self, text: str, code: int = 0) -> None:
        self.text, self.code = text, code
        self.origin: Origin | None = None
        super().__init__(text)


def bad_specification(draft: Draft, option: Option) -> OptionError:
    return draft.error(f"Invalid --{option.name} specification", SPECIFICATION)


def bad_number(draft: Draft, option: Option, value: str, what: str = "") -> OptionError:
    return draft.error(f'Invalid numeric value "{value}" for {what or "--" + option.name}.', 1)


def natural_of(draft: Draft, option: Option, value: str | None, what: str = "") -> int:
    try:
        return natural(value or "")
    except ValueError:
        raise bad_number(draft, option, value or "", what) from None


def kept(draft: Draft, option: Option, value: str | None) -> None:
    """Accepted; it has no effect here, or is looked up in `draft.given`."""


def broadcast(field: str) -> Setter:
    """What concerns the sending of the program before the step: "" where the option has no value."""

    def apply(draft: Draft, option: Option, value: str | None) -> None:
        setattr(draft.flags, field, value or "")

    return apply


def text(field: str) -> Setter:
    def apply(draft: Draft, option: Option, value: str | None) -> None:
        if field:
            setattr(draft.spec, field, value or "")

    return apply


def flag(field: str) -> Setter:
    def apply(draft: Draft, option: Option, value: str | None) -> None:
        setattr(draft.spec, field, True)

    return apply


def step_flag(field: str) -> Setter:
    def apply(draft: Draft, option: Option, value: str | None) -> None:
        setattr(draft.step, field, True)

    return apply


def step_text(field: str) -> Setter:
    def apply(draft: Draft, option: Option, value: str | None) -> None:
        setattr(draft.step, field, value or "")

    return apply


def run_flag(field: str) -> Setter:
    def apply(draft: Draft, option: Option, value: str | None) -> None:
        setattr(draft.flags, field, True)

    return apply


def run_text(field: str) -> Setter:
    def apply(draft: Draft, option: Option, value: str | None) -> None:
        setattr(draft.flags, field, value or "")

    return apply


def number(field: str, least: int = 1) -> Setter:
    def apply(draft: Draft, option: Option, value: str | None) -> None:
        try:
            parsed = count(value or "")
        except ValueError:
            raise bad_number(draft, option, value or "") from None
        if parsed < least:
            raise bad_number(draft, option, value or "")
        setattr(draft.spec, field, parsed)

    return apply


def former(setter: Setter, name: str) -> Setter:
    """An option under its former name."""

    def apply(draft: Draft, option: Option, value: str | None) -> None:
        draft.notices.append(f"warning: --{option.name} is the former name of --{name}")
        setter(draft, option, value)

    return apply


def checked_number(draft: Draft, option: Option, value: str | None) -> None:
    natural_of(draft, option, value)


def memory(field: str) -> Setter:
    exclusive = ("mem_per_node", "mem_per_cpu", "mem_per_gpu")

    def apply(draft: Draft, option: Option, value: str | None) -> None:
        try:
            parsed = parse_memory(value or "")
        except ValueError:
            raise bad_specification(draft, option) from None
        if field in exclusive:
            for other in exclusive:
                if other != field and draft.spec.HasField(other):
                    # within one source both are a contradiction, from another the later one counts
                    if draft.source_of.get(other) == draft.source:
                        raise draft.fatal("--mem, --mem-per-cpu, and --mem-per-gpu are mutually exclusive.")
                    draft.spec.ClearField(other)
            draft.source_of[field] = draft.source
        setattr(draft.spec, field, parsed)

    return apply


def minutes(field: str) -> Setter:
    def apply(draft: Draft, option: Option, value: str | None) -> None:
        word = (value or "").strip()
        if re.fullmatch(r"\d+-", word):
            word += "0"
        elif re.fullmatch(r"-\d+", word):
            word = "0"  # a negative time counts as none
        try:
            parsed = parse_minutes(word)
        except ValueError:
            raise bad_specification(draft, option) from None
        parsed = min(parsed, INFINITE)
        setattr(draft.spec, field, INFINITE if parsed == 0 and field == "time_limit" else parsed)

    return apply


def _when(draft: Draft, option: Option, value: str | None) -> float:
    from crane_compat.parsers.begin_time import TimeSpecError, parse_time

    try:
        return parse_time(value or "", time.time())
    except TimeSpecError as exc:
        raise OptionError([str(exc), f"{draft.command}: error: Invalid --{option.name} specification"], 255) from None


def begin(draft: Draft, option: Option, value: str | None) -> None:
    draft.spec.begin_time = _when(draft, option, value)


def deadline(draft: Draft, option: Option, value: str | None) -> None:
    draft.spec.deadline = _when(draft, option, value)


def delay_boot(draft: Draft, option: Option, value: str | None) -> None:
    try:
        draft.spec.delay_boot = min(parse_minutes(value or "") * 60, INFINITE)
    except ValueError:
        raise bad_specification(draft, option) from None


def path(field: str) -> Setter:
    def apply(draft: Draft, option: Option, value: str | None) -> None:
        setattr(draft.spec, field, value or "")

    return apply


def chdir(draft: Draft, option: Option, value: str | None) -> None:
    draft.spec.work_dir = value or ""


def distribution(draft: Draft, option: Option, value: str | None) -> None:
    from crane_compat.parsers.distribution import parse_distribution

    try:
        parse_distribution(value or "")
    except ValueError:
        raise bad_specification(draft, option) from None
    draft.spec.distribution = value or ""


def exclusive(draft: Draft, option: Option, value: str | None) -> None:
    word = (value or "").lower()
    if word not in ("", "user", "mcs", "topo", "exclusive", "oversubscribe", "allocation"):
        raise bad_specification(draft, option)
    draft.spec.exclusive = {"": "exclusive", "allocation": "exclusive", "oversubscribe": ""}.get(word, word)


def export(draft: Draft, option: Option, value: str | None) -> None:
    draft.spec.export_mode = value or "NONE"


def export_file(draft: Draft, option: Option, value: str | None) -> None:
    name = value or ""
    try:
        if re.fullmatch(r"\d{1,6}", name, re.ASCII):
            with os.fdopen(int(name), "rb", closefd=False) as file:
                content = file.read()
        else:
            with open(name, "rb") as file:
                content = file.read()
    except (OSError, ValueError):
        raise draft.error(f"Could not open user environment file {name}", 1) from None
    draft.flags.export_file = tuple(part for part in content.split(b"\0") if b"=" in part)


def extra_node_info(draft: Draft, option: Option, value: str | None) -> None:
    fields = ("sockets_per_node", "cores_per_socket", "threads_per_core")
    names = ("first", "second", "third")
    for part, field, name in zip((value or "").split(":"), fields, names, strict=False):
        if part == "*" or not part:
            continue
        try:
            parsed = count(part.split("-")[0])
        except ValueError:
            raise bad_number(draft, option, part, f"{name} arg of -B") from None
        setattr(draft.spec, field, parsed)


def get_user_env(draft: Draft, option: Option, value: str | None) -> None:
    draft.spec.get_user_env = True


def other_id(field: str) -> Setter:
    def apply(draft: Draft, option: Option, value: str | None) -> None:
        import grp
        import pwd

        if os.getuid() != 0:
            raise draft.error(f"--{field} only permitted by root user", SPECIFICATION)
        name = value or ""
        try:
            if name[:1].isdigit():
                found = natural(name, 0xFFFFFFFE)
            else:
                found = pwd.getpwnam(name).pw_uid if field == "uid" else grp.getgrnam(name).gr_gid
        except (KeyError, ValueError):
            raise bad_specification(draft, option) from None
        setattr(draft.spec, field, found)

    return apply


def gpu_bind(draft: Draft, option: Option, value: str | None) -> None:
    from crane_compat.parsers.binding import is_gpu_binding

    if not is_gpu_binding(value or ""):
        raise draft.error(f"Invalid --gpu-bind argument: {value}", SPECIFICATION)
    draft.spec.gpu_bind = value or ""


def gpu_freq(draft: Draft, option: Option, value: str | None) -> None:
    for part in (value or "").split(","):
        word = part.partition("=")[2] or part
        if not (re.fullmatch(r"\d{1,9}", word, re.ASCII) or word in ("low", "medium", "high", "highm1", "verbose")):
            raise draft.error(f"Invalid --gpu-freq argument: gpu:{value}", SPECIFICATION)
    draft.spec.gpu_freq = value or ""


def tres(field: str) -> Setter:
    def apply(draft: Draft, option: Option, value: str | None) -> None:
        if field == "gres" and (value or "").lower() == "help":
            raise EndProgram("Valid gres options are:\n")
        from crane_compat.parsers.device_request import DeviceError, parse_devices

        try:
            parse_devices(value or "", "" if field == "gres" else "gpu")
        except DeviceError:
            raise draft.error("Invalid Trackable RESource (TRES) specification", 1) from None
        setattr(draft.spec, field, value or "")

    return apply


def tres_per_task(draft: Draft, option: Option, value: str | None) -> None:
    for item in (value or "").split(","):
        name, _, amount = item.replace("=", ":").partition(":")
        if name == "cpu":
            draft.spec.cpus_per_task = leading(amount)
            if not draft.spec.cpus_per_task:
                raise draft.fatal("Invalid --tres-per-task=cpu=0")
        elif name.startswith("gres/"):
            draft.spec.gpus_per_task = (
                f"{name.removeprefix('gres/').removeprefix('gpu')}{':' if ':' in name else ''}{amount}"
            )
    draft.spec.tres_per_task = value or ""


def show_help(draft: Draft, option: Option, value: str | None) -> None:
    from crane_compat.parsers.option_help import help_text

    raise EndProgram(help_text(draft.command))


def show_usage(draft: Draft, option: Option, value: str | None) -> None:
    from crane_compat.parsers.option_help import usage_text

    raise EndProgram(usage_text(draft.command))


def autocomplete(draft: Draft, option: Option, value: str | None) -> None:
    from crane_compat.parsers.option_help import completions

    raise EndProgram(completions(draft.command, value or ""))


def show_version(draft: Draft, option: Option, value: str | None) -> None:
    from crane_compat import SLURM_VERSION

    raise EndProgram(f"slurm {SLURM_VERSION}\n")


_HINTS = ("compute_bound", "memory_bound", "multithread", "nomultithread", "help")


def hint(draft: Draft, option: Option, value: str | None) -> None:
    word = value or ""
    if word not in _HINTS:
        raise draft.error(f'unrecognized --hint argument "{word}", see --hint=help', 1)
    if word == "help":
        from crane_compat.parsers.option_help import HINT_HELP

        raise EndProgram(HINT_HELP, 1)
    draft.spec.hint = word
    if word != "multithread":
        draft.spec.threads_per_core = 1
    if word == "memory_bound":
        draft.spec.cores_per_socket = 1


def bell(draft: Draft, option: Option, value: str | None) -> None:
    draft.flags.bell = True


def core_spec(draft: Draft, option: Option, value: str | None) -> None:
    try:
        parsed = count(value or "")
    except ValueError:
        raise bad_number(draft, option, value or "") from None
    draft.spec.core_spec = parsed


def cpu_bind(draft: Draft, option: Option, value: str | None) -> None:
    from crane_compat.parsers.binding import BindingError, parse_cpu_binding

    if value == "help":
        from crane_compat.parsers.option_help import CPU_BIND_HELP

        raise EndProgram(CPU_BIND_HELP, 1)
    try:
        parse_cpu_binding(value or "")
    except BindingError as exc:
        lines = [f"{draft.command}: error: {exc}", f"{draft.command}: fatal: Failed to parse --cpu-bind= values."]
        raise OptionError(lines, 1) from None
    draft.spec.cpu_bind = value or ""


def mem_bind(draft: Draft, option: Option, value: str | None) -> None:
    from crane_compat.parsers.binding import BindingError, parse_memory_binding

    try:
        parse_memory_binding(value or "")
    except BindingError as exc:
        raise draft.error(str(exc), SPECIFICATION) from None
    draft.spec.mem_bind = value or ""


def immediate(draft: Draft, option: Option, value: str | None) -> None:
    seconds = 0 if value is None else natural_of(draft, option, value, "immediate")
    draft.flags.immediate_secs = seconds or 1
    draft.spec.immediate = value is None


def job_id(draft: Draft, option: Option, value: str | None) -> None:
    draft.flags.job_id = max(0, leading(value or ""))


def kill_command(draft: Draft, option: Option, value: str | None) -> None:
    from crane_compat.parsers.signal_spec import signal_number

    try:
        draft.flags.kill_command = signal_number(value) if value else 15
    except ValueError:
        raise bad_specification(draft, option) from None


def kill_on_bad_exit(draft: Draft, option: Option, value: str | None) -> None:
    draft.step.kill_on_bad_exit = not value or natural_of(draft, option, value) != 0
    draft.step.kill_on_bad_exit_set = True


def kill_on_invalid_dep(draft: Draft, option: Option, value: str | None) -> None:
    word = (value or "").lower()
    if word not in ("yes", "no"):
        raise bad_specification(draft, option)
    draft.spec.kill_on_invalid_dep, draft.spec.kill_on_invalid_dep_set = word == "yes", True


def mail_type(draft: Draft, option: Option, value: str | None) -> None:
    from crane_compat.parsers.mail_types import parse_mail_types

    try:
        types = parse_mail_types(value or "")
    except ValueError:
        raise bad_specification(draft, option) from None
    if draft.source_of.get("mail_type") == draft.source:  # several within one source add up
        types = parse_mail_types(",".join((*draft.spec.mail_type, *types)) or "NONE")
    draft.source_of["mail_type"] = draft.source
    draft.spec.mail_type[:] = types


def _mpi_help() -> str:
    from crane_compat.libpmix import installed

    version = installed()
    types = ["none", *(["pmix"] if version else []), "cray_shasta", "pmi2"]
    lines = ["MPI plugin types are...", *(f"\t{name}" for name in types)]
    if version:
        lines.append(f"specific pmix plugin versions available: pmix_v{version}")
    return "\n".join(lines) + "\n"


def _mpi_available(name: str) -> bool:
    from crane_compat.parsers import mpi_types

    if mpi_types.serves(name) != mpi_types.PMIX:
        return mpi_types.is_known(name)
    from crane_compat.libpmix import installed

    version = installed()
    return version is not None and mpi_types.pmix_version(name) in (None, version)


def mpi(draft: Draft, option: Option, value: str | None) -> None:
    kind = value or ""
    if kind == "list":
        raise EndProgram(_mpi_help())
    if not _mpi_available(kind):
        raise OptionError(
            [
                f"{draft.command}: error: MPI: Cannot create context for mpi/{kind}",
                f"{draft.command}: error: MPI: Unable to load any plugin",
                f"{draft.command}: error: Invalid MPI type '{kind}', --mpi=list for acceptable types",
            ],
            1,
        )
    draft.step.mpi = kind


def nice(draft: Draft, option: Option, value: str | None) -> None:
    if value is None:
        draft.spec.nice = 100
        return
    parsed = leading(value)
    if abs(parsed) > MOST - 2:
        raise draft.error("Invalid --nice value, out of range (+/- 2147483645)", SPECIFICATION)
    if parsed < 0 and os.getuid() != 0:
        draft.flags.negative_nice = True
    draft.spec.nice = parsed


def no_allocate(draft: Draft, option: Option, value: str | None) -> None:
    if os.getuid() != 0 or not draft.spec.req_nodes:
        raise draft.error("must specify a node list with -Z, --no-allocate.", 1)


def no_kill(draft: Draft, option: Option, value: str | None) -> None:
    draft.spec.no_kill = value != "off"


def no_shell(draft: Draft, option: Option, value: str | None) -> None:
    draft.flags.no_shell = True


def requeue(yes: bool) -> Setter:
    def apply(draft: Draft, option: Option, value: str | None) -> None:
        draft.spec.requeue = yes

    return apply


def hosts_of_file(draft: Draft, name: str) -> str:
    """The hosts a file names, as a list with commas; a ``#`` starts a comment.  Raises OptionError."""
    try:
        with open(name, encoding="utf-8", errors="surrogateescape") as file:
            words = [w for line in file for w in re.split(r"[,\s]+", line.partition("#")[0].strip()) if w]
    except (OSError, ValueError) as exc:  # ValueError: a NUL in the name
        why = getattr(exc, "strerror", None) or "No such file or directory"
        raise OptionError(
            [
                f"{draft.command}: error: slurm_allocate_resources error opening file {name}, {why}",
                f"{draft.command}: error: Invalid --nodefile node file",
            ],
            SPECIFICATION,
        ) from None
    return ",".join(words)


def nodefile(draft: Draft, option: Option, value: str | None) -> None:
    draft.spec.req_nodes = hosts_of_file(draft, value or "")


def nodelist(draft: Draft, option: Option, value: str | None) -> None:
    draft.spec.req_nodes = hosts_of_file(draft, value) if value and "/" in value else value or ""


def nodes(draft: Draft, option: Option, value: str | None) -> None:
    word = (value or "").strip()
    low, dash, high = word.partition("-")
    try:
        if not low and dash:  # "-1": no minimum
            draft.spec.ClearField("min_nodes")
            return
        if "," in word or ":" in word:  # a list of acceptable counts: its smallest is always one of them
            least = most = min(count(part.partition("-")[0]) for part in word.split(","))
        else:
            least = count(low)
            most = count(high) if dash else least
    except ValueError:
        raise draft.error(f'"{value}" is not a valid node count', SPECIFICATION) from None
    if most < least:
        raise draft.error(f"Maximum node count {most} is less than minimum node count {least}", SPECIFICATION)
    if least == 0 and most == 0:
        draft.spec.ClearField("min_nodes")
        draft.spec.ClearField("max_nodes")
        return
    draft.spec.min_nodes, draft.spec.max_nodes = max(1, least), most


def het_group(draft: Draft, option: Option, value: str | None) -> None:
    """Components of the heterogeneous job we are in: ``0,2``, ``0-2``, ``all``."""
    from crane_compat.parsers.arrays import ArrayError, parse_array

    size = os.environ.get("SLURM_HET_SIZE", "")
    if not re.fullmatch(r"\d{1,6}", size, re.ASCII):
        raise draft.error("--het-group expected to be used within an HetJob allocation", 1)
    try:
        chosen = range(int(size)) if value == "all" else parse_array((value or "").strip("[]"))
        groups = tuple(chosen)
    except ArrayError:
        raise draft.error(f"Invalid --het-group specification: {value}", 1) from None
    if not groups or groups[-1] >= int(size):
        raise draft.error(f"Invalid --het-group specification: {value}", 1)
    draft.step.het_groups[:] = groups


def oom_kill_step(draft: Draft, option: Option, value: str | None) -> None:
    if value not in (None, "0", "1"):
        raise bad_specification(draft, option)


def open_mode(draft: Draft, option: Option, value: str | None) -> None:
    letter = (value or "")[:1].lower()
    if letter not in ("a", "t"):
        raise bad_specification(draft, option)
    draft.spec.open_mode = letter


def priority(draft: Draft, option: Option, value: str | None) -> None:
    word = (value or "").strip()
    if word.upper() == "TOP":
        draft.spec.priority = INFINITE - 1
        return
    draft.spec.priority = max(0, leading(word))


def profile(draft: Draft, option: Option, value: str | None) -> None:
    for part in (value or "").split(","):
        if part.strip().lower() not in ("all", "none", "energy", "task", "lustre", "network"):
            raise draft.error(f"invalid --profile={value} option", SPECIFICATION)
    draft.spec.profile = value or ""


RLIMITS = ("CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS")


def propagate(draft: Draft, option: Option, value: str | None) -> None:
    words = (value or "ALL").upper().split(",")
    for word in words:
        if word not in (*RLIMITS, "ALL", "NONE"):
            raise OptionError(
                [
                    f"{draft.command}: error: Bad rlimit name: {word}",
                    f"{draft.command}: error: --propagate={value} is not valid.",
                ],
                1,
            )
    draft.flags.propagate = tuple(words)


def relative(draft: Draft, option: Option, value: str | None) -> None:
    try:
        draft.step.relative = count(value or "")
    except ValueError:
        raise bad_number(draft, option, value or "") from None


def resv_ports(draft: Draft, option: Option, value: str | None) -> None:
    if value:
        natural_of(draft, option, value, "--resv-port")


def signal(draft: Draft, option: Option, value: str | None) -> None:
    from crane_compat.parsers.signal_spec import parse_signal_spec

    try:
        parse_signal_spec(value or "")
    except ValueError:
        raise bad_specification(draft, option) from None
    draft.spec.signal = value or ""


def slurmd_debug(draft: Draft, option: Option, value: str | None) -> None:
    if os.getuid() != 0:
        raise draft.error("Use of --slurmd-debug is allowed only for root and SlurmUser(slurm)", SPECIFICATION)


def switches(draft: Draft, option: Option, value: str | None) -> None:
    amount, _, wait = (value or "").partition("@")
    try:
        draft.spec.switches = count(amount)
    except ValueError:
        raise bad_number(draft, option, amount) from None
    if wait:
        try:
            draft.spec.switch_wait = min(parse_minutes(wait) * 60, INFINITE)
        except ValueError:
            raise bad_specification(draft, option) from None


def verbose(draft: Draft, option: Option, value: str | None) -> None:
    # a value is SBATCH_DEBUG's
    draft.flags.verbose = max(0, leading(value)) if value else draft.flags.verbose + 1


def wait_seconds(draft: Draft, option: Option, value: str | None) -> None:
    draft.step.wait_secs = natural_of(draft, option, value)


def zero_or_one(field: str) -> Setter:
    def apply(draft: Draft, option: Option, value: str | None) -> None:
        if value not in ("0", "1"):
            raise bad_number(draft, option, value or "")
        setattr(draft.spec, field, value == "1")

    return apply


def wrap(draft: Draft, option: Option, value: str | None) -> None:
    draft.flags.wrap = value or ""


def x11(draft: Draft, option: Option, value: str | None) -> None:
    raise draft.error(f"X11 forwarding is not available: {option.why}", 1)


def acctg_freq(draft: Draft, option: Option, value: str | None) -> None:
    for part in (value or "").split(","):
        kind, separator, amount = part.partition("=")
        amount = amount if separator else kind
        if not re.fullmatch(r"\d{1,9}", amount, re.ASCII) or (
            separator and kind not in ("task", "energy", "network", "filesystem")
        ):
            raise draft.error(f"Invalid --acctg-freq specification: {value}", SPECIFICATION)
    draft.spec.acctg_freq = value or ""
