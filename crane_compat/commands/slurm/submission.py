"""What sbatch, srun and salloc share: the request a command line makes, completed from where it was typed.

The user's environment, working directory, limits and terminal session are part
of a request (sbatch(1)); option errors are printed here, in the command's words.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crane_compat import paths
from crane_compat.commands import caller
from crane_compat.parsers import options
from crane_compat.parsers.option_values import RLIMITS
from crane_compat.wire import pb

if TYPE_CHECKING:
    from crane_compat.commands.slurm.step_watch import Manner
    from crane_compat.filters.cli import CliFilters
    from crane_compat.parsers.slurm_conf import SlurmConf

#: how often a controller without room for another job is asked again; after the n-th time we wait n seconds
RETRIES = 15

#: how long a slurm.conf that is not there yet is waited for, seconds
PATIENCE = 60

UNLIMITED = 0xFFFFFFFFFFFFFFFF


class Refused(Exception):
    """The command line ends here; everything has been printed, `code` is the exit status."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)


@dataclass
class Asked:
    """A complete request."""

    specs: list[pb.JobSpec]
    steps: list[pb.StepRequest]
    flags: options.Flags
    operands: list[str]
    given: dict[str, str | None]  # options of the first component
    givens: list[dict[str, str | None]]  # of each
    filters: CliFilters | None = None  # who wants to know what became of it
    cluster: str = ""  # its name, where the configuration is there to be read

    @property
    def step(self) -> pb.StepRequest:
        """The step's part in the first component."""
        return self.steps[0]

    def manner(self) -> Manner:
        """How srun treats the step's streams."""
        from crane_compat.commands.slurm.step_watch import Manner

        return Manner(
            label=self.step.label,
            kill_on_bad_exit=self.step.kill_on_bad_exit,
            wait_secs=self.step.wait_secs,
            no_status="disable-status" in self.given,
            quit_on_interrupt="quit-on-interrupt" in self.given,
        )


def _end_as_configured(step: pb.StepRequest, conf: SlurmConf) -> None:
    """When a step is ended because of one task, where the command line does not say: KillOnBadExit, WaitTime."""
    if not step.kill_on_bad_exit_set:
        step.kill_on_bad_exit = bool(conf.get("KillOnBadExit"))
    if not step.HasField("wait_secs"):
        step.wait_secs = int(conf.get("WaitTime") or 0)


def exit_error(code: int) -> int:
    """The exit status of an error: SLURM_EXIT_ERROR overrides 1."""
    asked = os.environ.get("SLURM_EXIT_ERROR", "")
    return int(asked) if code == 1 and asked.isdigit() else code


def _configuration(command: str) -> SlurmConf | None:
    """slurm.conf, None where it cannot be read: the controller says what there is to say.  Raises Refused.

    A file that SLURM_CONF names may be about to appear (a shared file system that is not mounted yet).
    """
    path = paths.conf_path()
    if os.environ.get("SLURM_CONF") and not os.path.exists(path):
        sys.stderr.write(
            f"{command}: error: s_p_parse_file: cannot stat file {path}: No such file or directory, "
            f"retrying in 1sec up to {PATIENCE}sec\n"
        )
        sys.stderr.flush()
        for _ in range(PATIENCE):
            time.sleep(1)
            if os.path.exists(path):
                break
        else:
            sys.stderr.write(f"{command}: fatal: Unable to process configuration file\n")
            raise Refused(exit_error(1))
    return _load(path)


def _load(path: str) -> SlurmConf | None:
    from crane_compat.parsers.slurm_conf import ConfError, load

    try:
        return load(path, strict=False)
    except (ConfError, OSError):
        return None


def _against_configuration(command: str, spec: pb.JobSpec, conf: SlurmConf) -> None:
    """What the commands themselves check against slurm.conf.  Raises Refused."""
    if not conf.get("AllowSpecResourcesUsage"):
        for field, name in (("core_spec", "-S"), ("thread_spec", "--thread-spec")):
            if spec.HasField(field):
                sys.stderr.write(
                    f"{command}: error: Ignoring {name} since it's not allowed by configuration "
                    "(AllowSpecResourcesUsage = No)\n"
                )
                spec.ClearField(field)
    own = str(conf.get("ClusterName") or "").lower()
    strangers = [name for name in spec.clusters.split(",") if name and name.lower() not in (own, "all")]
    if strangers:
        for name in strangers:
            sys.stderr.write(f"{command}: error: No cluster '{name}' known by database.\n")
        sys.stderr.write(
            f"{command}: error: '{spec.clusters}' can't be reached now, or it is an invalid entry for --cluster.  "
            "Use 'sacctmgr list clusters' to see available clusters.\n"
        )
        raise Refused(exit_error(1))


def parse(command: str, argv: Sequence[str], script: bytes | None = None, script_name: str = "") -> Asked:
    """Read a command line and complete its request.  Raises Refused."""
    conf = _load(paths.conf_path())
    filters = None
    if conf is not None and (plugins := conf.get("CliFilterPlugins")):
        from crane_compat.filters.cli import CliFilters

        filters = CliFilters(command, str(plugins), conf.directory, conf.cluster_name)
    try:
        found = options.parse(command, argv, os.environ, script, script_name, filters)
    except options.EndProgram as exc:
        sys.stdout.write(exc.text)
        raise Refused(exit_error(exc.code)) from None
    except options.OptionError as exc:
        sys.stderr.write("".join(f"{line}\n" for line in exc.lines))
        raise Refused(exit_error(exc.code)) from None
    if command == "srun" and not found.operands and not found.flags.test_only:
        sys.stderr.write("srun: fatal: No command given to execute.\n")
        raise Refused(exit_error(1))
    conf = conf or _configuration(command)
    for notice in found.notices:
        sys.stderr.write(f"{command}: {notice}\n")
    if sys.stderr.isatty():  # programs that read stderr get what Slurm gives them: nothing
        for text in ineffective(found.givens):
            sys.stderr.write(f"{command}: {text}\n")
    if found.flags.verbose and not found.flags.quiet:
        _show_options(command, found, conf)
    if conf is not None:
        for spec in found.specs:
            _against_configuration(command, spec, conf)
        if command == "srun":
            found.flags.prolog = found.flags.prolog or str(conf.get("SrunProlog") or "")
            found.flags.epilog = found.flags.epilog or str(conf.get("SrunEpilog") or "")
            for step in found.steps:
                _end_as_configured(step, conf)
    asked = Asked(found.specs, found.steps, found.flags, found.operands, found.given, found.givens, filters)
    asked.cluster = conf.cluster_name if conf is not None else ""
    line = submit_line(command, argv)
    for spec in asked.specs:
        complete(spec, command, line, found, conf)
    if command == "srun":
        for step, words in zip(asked.steps, found.words, strict=True):
            complete(step.spec, command, line, found, conf)
            step.spec.argv[:] = [os.fsencode(word) for word in words]
            step.spec.name = _base(words)
        if not found.given.get("job-name") and "SLURM_JOB_ID" not in os.environ:
            for spec in asked.specs:
                spec.name = spec.name or _base(found.operands)
    elif command == "salloc":
        for spec in asked.specs:
            spec.name = spec.name or ("no-shell" if found.flags.no_shell else "interactive")
    for spec in asked.specs:
        if command != "sbatch":
            spec.ClearField("env")
            spec.command = options.unicode(found.operands[0]) if found.operands else ""
    return asked


def ineffective(givens: Iterable[Mapping[str, str | None]]) -> list[str]:
    """A line for each reason why options given are without effect; what asks for nothing is not worth one."""
    from crane_compat.parsers.option_table import OPTIONS

    values = {name: value for given in givens for name, value in given.items()}
    reasons: dict[str, list[str]] = {}
    for option in OPTIONS:
        asked = option.name in values and (values[option.name] or "").lower() not in ("no", "none")
        if asked and option.status in ("shown", "recorded"):
            reasons.setdefault(option.why, []).append(f"--{option.name}")
    return [
        f"{', '.join(names)} {'has' if len(names) == 1 else 'have'} no effect: {why}" for why, names in reasons.items()
    ]


def _base(operands: Sequence[str]) -> str:
    return options.unicode(os.path.basename(operands[0])) if operands else ""


def submit_line(command: str, argv: Sequence[str]) -> str:
    """The command line as sacct shows it: the words as they were, joined by blanks."""
    return options.unicode(" ".join([command, *argv]))


def complete(
    spec: pb.JobSpec, command: str, line: str, found: options.Submission, conf: SlurmConf | None = None
) -> None:
    """Add what every request carries of the place it was made in."""
    here = _cwd()
    if not spec.work_dir:
        spec.work_dir = here
    elif not spec.work_dir.startswith("/"):
        spec.work_dir = os.path.normpath(os.path.join(here, spec.work_dir))
    spec.submit_line = line
    spec.alloc_node = os.uname().nodename
    spec.alloc_sid = caller.session_id()
    mask = os.umask(0)
    os.umask(mask)
    spec.umask = mask
    del spec.rlimits[:]
    spec.rlimits.extend(limits(found.flags.propagate, conf))
    del spec.env[:]
    spec.env.extend(environment(spec, found, command))


def _cwd() -> str:
    try:
        return options.unicode(os.getcwd())
    except OSError:
        return "/"


def limits(asked: tuple[str, ...], conf: SlurmConf | None) -> Iterable[pb.RLimit]:
    """The resource limits to carry along: --propagate, else PropagateResourceLimits(Except) of slurm.conf."""
    names = set(asked)
    if not names:
        if conf is None:
            names = {"ALL"}
        else:
            excepted = {w.strip().upper() for w in str(conf.get("PropagateResourceLimitsExcept") or "").split(",")}
            only = {w.strip().upper() for w in str(conf.get("PropagateResourceLimits") or "ALL").split(",")}
            names = set(RLIMITS) - excepted if excepted - {""} else only
    if "NONE" in names:
        return
    for name in RLIMITS:
        if name in names or "ALL" in names:
            soft, hard = resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))
            yield pb.RLimit(
                name=name,
                soft=UNLIMITED if soft == resource.RLIM_INFINITY else soft,
                hard=UNLIMITED if hard == resource.RLIM_INFINITY else hard,
            )


def environment(spec: pb.JobSpec, found: options.Submission, command: str) -> list[bytes]:
    """The variables that go along under --export (sbatch(1))."""
    if found.flags.export_file is not None:
        return list(found.flags.export_file)
    everything = dict(os.environb)
    everything[b"SLURM_SUBMIT_DIR"] = os.fsencode(_cwd())
    everything[b"SLURM_SUBMIT_HOST"] = os.fsencode(os.uname().nodename)
    if spec.get_user_env:
        everything[b"SLURM_GET_USER_ENV"] = b"1"
    mode = spec.export_mode
    if not mode or mode.upper() == "ALL":
        chosen = everything
    else:
        if command == "sbatch":  # an srun in the job does the same, and the node adds the login environment
            everything[b"SLURM_EXPORT_ENV"] = os.fsencode(mode)
            if mode.upper() != "NIL":
                everything[b"SLURM_GET_USER_ENV"] = b"1"
        chosen = {n: v for n, v in everything.items() if n.startswith((b"SLURM_", b"SPANK_"))}
        for item in _export_items(mode):
            name, given, value = item.partition("=")
            key = os.fsencode(name)
            if name.upper() == "ALL" and not given:
                chosen = {**everything, **chosen}
            elif name.upper() in ("NONE", "NIL") and not given:
                continue
            elif given:
                chosen[key] = os.fsencode(value)
            elif key in everything:
                chosen[key] = everything[key]
    return [name + b"=" + value for name, value in chosen.items()]


def _export_items(text: str) -> list[str]:
    """A comma list; commas within quotes are part of a value, and the quotes stay in it: ``ALL,V="a,b",W``."""
    items, item, quote = [], "", ""
    for char in text:
        if quote:
            quote = "" if char == quote else quote
            item += char
        elif char in "'\"":
            quote = char
            item += char
        elif char == ",":
            items.append(item)
            item = ""
        else:
            item += char
    items.append(item)
    return [item for item in items if item]


def _show_options(command: str, found: options.Submission, conf: SlurmConf | None) -> None:
    """What -v prints: the options that were set."""
    rule = "-" * 20 + " " + "-" * 20
    lines = ["defined options", rule]
    for name in sorted(found.given):
        value = found.given[name]
        shown = str(found.flags.verbose) if name == "verbose" else "set" if value is None else value
        lines.append(f"{name:<20}: {shown}")
    lines += [rule, "end of defined options"]
    sys.stderr.write("".join(f"{command}: {line}\n" for line in lines))
    if found.flags.verbose > 1:
        for limit in limits(found.flags.propagate, conf):
            sys.stderr.write(f"{command}: debug:  propagating RLIMIT_{limit.name}={limit.soft}\n")
        mask = os.umask(0)
        os.umask(mask)
        sys.stderr.write(f"{command}: debug:  propagating SLURM_PRIO_PROCESS=0\n")
        sys.stderr.write(f"{command}: debug:  propagating UMASK={mask:04o}\n")
