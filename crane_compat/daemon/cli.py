"""The daemons' command lines: Slurm's flags, with Slurm's meaning.

One table a daemon; `parse` turns an argument list into `Options`.  The long
names are those of our own daemons (`cranectld`, `craned`, `cranedbd`) and of
Slurm alike.  Source: slurmctld(8), slurmd(8), slurmdbd(8) of 25.11.
"""

from __future__ import annotations

import getopt
import sys
from dataclasses import dataclass, field
from typing import NoReturn

from crane_compat import SLURM_VERSION


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a daemon was started with."""

    #: the name it was started under: slurmctld, slurmd, slurmdbd or ours
    program: str
    #: as given, without the program's name
    arguments: tuple[str, ...] = ()
    #: -f: the slurm.conf (slurmdbd: the directory's slurmdbd.conf is meant by it); None = the usual one
    conf: str | None = None
    #: -D or --systemd: stay in the foreground
    foreground: bool = False
    #: --systemd: tell the service manager when usable (sd_notify)
    systemd: bool = False
    #: -c: start from nothing (slurmctld), clear what an earlier daemon left (slurmd)
    clear: bool = False
    #: -i: go on where the stored state cannot be read
    ignore_errors: bool = False
    #: -R: recover the full state
    recover: bool = False
    #: -L: log file instead of the configured one
    log_file: str | None = None
    #: -n: nice value
    nice: int = 0
    #: -v, once for each
    verbose: int = 0
    #: -s: working directory is that of the log file or the state
    chdir: bool = False
    #: -N: the node this daemon is
    node: str | None = None
    #: -b: report a reboot of the node
    rebooted: bool = False
    #: -C, -G: print the machine's node line, its generic resources, and end
    print_node: bool = False
    print_gres: bool = False
    #: -Z with --conf: a node that slurm.conf does not know
    dynamic: bool = False
    dynamic_conf: str = ""
    #: -F[feature]: take a FUTURE node
    future: bool = False
    future_feature: str = ""
    #: --conf-server: host[:port] list to fetch the configuration from
    conf_server: str = ""
    extra: str = ""
    instance_id: str = ""
    instance_type: str = ""
    #: --parameters: added to SlurmdParameters
    parameters: str = ""
    #: -M: lock the daemon's pages into memory
    lock_memory: bool = False
    ca_cert: str = ""
    #: -d: accepted for unit files that give it; the supervisor is part of craned
    stepd: str = ""

    @property
    def title(self) -> str:
        """The process title: program, then ``-N name`` first so that ``pgrep -f 'slurmd -N n1'`` finds it."""
        rest = list(self.arguments)
        words = [self.program]
        if self.node is not None:
            words += ["-N", self.node]
            rest = _without_node(rest)
        return " ".join(words + rest)


def _without_node(arguments: list[str]) -> list[str]:
    kept = []
    words = iter(arguments)
    for word in words:
        if word == "-N":
            next(words, None)
        elif not word.startswith("-N"):
            kept.append(word)
    return kept


@dataclass(frozen=True)
class Flag:
    """One option: getopt letter and/or long name, the field it sets, its value's name in the usage, what it does."""

    letter: str
    target: str
    text: str
    value: str = ""
    long: str = ""
    #: "" replaces, "count" adds one
    action: str = ""
    #: further boolean fields set along with it
    also: tuple[str, ...] = field(default=())


_COMMON_HEAD = (
    Flag("D", "foreground", "stay in the foreground and log to the terminal as well"),
    Flag("f", "conf", "read this configuration file", "FILE"),
    Flag("h", "help", "show these options and end"),
)
_COMMON_TAIL = (
    Flag("L", "log_file", "log to this file", "FILE"),
    Flag("n", "nice", "run at this nice value", "N"),
    Flag("s", "chdir", "work in the directory of the log file or of the state"),
    Flag(
        "",
        "systemd",
        "started by a service manager: foreground, notify when usable",
        long="systemd",
        also=("foreground",),
    ),
    Flag("v", "verbose", "log more; may be repeated", action="count"),
    Flag("V", "version", "print the version and end"),
)

FLAGS: dict[str, tuple[Flag, ...]] = {
    "slurmctld": (
        Flag("c", "clear", "start with an empty queue: forget the stored state"),
        *_COMMON_HEAD,
        Flag("i", "ignore_errors", "go on where stored state cannot be read"),
        Flag("R", "recover", "recover everything, node and partition changes included"),
        Flag("r", "recover_jobs", "recover jobs and the state of nodes (the default)"),
        *_COMMON_TAIL,
    ),
    "slurmd": (
        Flag("b", "rebooted", "report that the node has been rebooted"),
        Flag("c", "clear", "clear what an earlier daemon of this node left behind"),
        Flag("C", "print_node", "print this machine as a NodeName line and end"),
        Flag(
            "",
            "ca_cert",
            "certificate of the authority, to fetch the configuration over TLS",
            "FILE",
            long="ca-cert-file",
        ),
        Flag("", "dynamic_conf", "the node's properties, with -Z", "LINE", long="conf"),
        Flag("", "conf_server", "fetch the configuration from the controller there", "HOST[:PORT]", long="conf-server"),
        Flag("d", "stepd", "accepted; step supervisors belong to this program", "FILE"),
        *_COMMON_HEAD,
        Flag("", "extra", "free text kept with the node", "TEXT", long="extra"),
        Flag("F", "future", "take the place of a FUTURE node, of that feature", "[FEATURE]"),
        Flag("G", "print_gres", "print this node's generic resources and end"),
        Flag("", "instance_id", "the cloud's name of this machine", "ID", long="instance-id"),
        Flag("", "instance_type", "the cloud's kind of this machine", "TYPE", long="instance-type"),
        Flag("M", "lock_memory", "lock the daemon into memory"),
        Flag("N", "node", "be this node of the configuration", "NAME"),
        Flag("", "parameters", "added to SlurmdParameters", "LIST", long="parameters"),
        *_COMMON_TAIL,
        Flag("Z", "dynamic", "join as a node that the configuration does not name"),
    ),
    "slurmdbd": (
        *_COMMON_HEAD,
        Flag("R", "recover", "rebuild the association hierarchy", "[CLUSTER]"),
        Flag("u", "print_versions", "end with the database's schema version compared to this program's"),
        *_COMMON_TAIL,
    ),
}

#: our own names of the same daemons
ALIASES = {"cranectld": "slurmctld", "craned": "slurmd", "cranedbd": "slurmdbd"}

#: fields of the table that end the program or say nothing new
_SILENT = {"recover_jobs", "print_versions"}


def usage(program: str) -> str:
    """The text of `-h`."""
    lines = [f"Usage: {program} [OPTIONS]"]
    for flag in FLAGS[ALIASES.get(program, program)]:
        name = f"-{flag.letter}" if flag.letter else f"--{flag.long}"
        glue = "" if flag.value.startswith("[") or not flag.value else " "
        lines.append(f"  {name + glue + flag.value:<26}  {flag.text}")
    return "\n".join(lines)


def _end(status: int, text: str) -> NoReturn:
    print(text, file=sys.stdout if status == 0 and text.startswith("slurm ") else sys.stderr)
    raise SystemExit(status)


def _optional_joined(argv: list[str], letters: str) -> list[str]:
    """getopt has no optional values: ``-Fgpu`` becomes ``-F`` and the value is kept aside by `parse`."""
    return [f"-{word[1]}" if len(word) > 2 and word[0] == "-" and word[1] in letters else word for word in argv]


def parse(program: str, argv: list[str]) -> Options:
    """The options in `argv` (without the program's name).

    Ends the program (SystemExit) for -V (stdout, 0), -h (stderr, 0) and for what is no option (stderr, 1).
    """
    flags = FLAGS[ALIASES.get(program, program)]
    optional = "".join(flag.letter for flag in flags if flag.value.startswith("["))
    letters = "".join(
        flag.letter + (":" if flag.value and not flag.value.startswith("[") else "") for flag in flags if flag.letter
    )
    longs = [flag.long + ("=" if flag.value else "") for flag in flags if flag.long]
    by_name = {f"-{flag.letter}": flag for flag in flags if flag.letter}
    by_name |= {f"--{flag.long}": flag for flag in flags if flag.long}
    try:
        found, operands = getopt.gnu_getopt(_optional_joined(argv, optional), letters, longs)
    except getopt.GetoptError as exc:
        _end(1, f"{program}: {exc.msg}\n{usage(program)}")
    if operands:
        _end(1, f"{program}: unexpected argument '{operands[0]}'\n{usage(program)}")
    joined = {word[:2]: word[2:] for word in argv if len(word) > 2 and word[0] == "-" and word[1] in optional}
    values: dict[str, object] = {}
    for name, value in found:
        flag = by_name[name]
        if flag.target == "help":
            _end(0, usage(program))
        if flag.target == "version":
            _end(0, f"slurm {SLURM_VERSION}")
        if flag.target in _SILENT:
            continue
        if flag.action == "count":
            values[flag.target] = int(str(values.get(flag.target, 0))) + 1
        elif flag.value and not flag.value.startswith("["):
            values[flag.target] = value
        else:
            values[flag.target] = True
        values.update(dict.fromkeys(flag.also, True))
    if "nice" in values:
        try:
            values["nice"] = int(str(values["nice"]))
        except ValueError:
            _end(1, f"{program}: -n takes a number, not '{values['nice']}'")
    if joined.get("-F"):
        values["future_feature"] = joined["-F"]
    return Options(program=program, arguments=tuple(argv), **values)  # type: ignore[arg-type]
