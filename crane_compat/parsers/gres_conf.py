"""gres.conf(5): the devices of the nodes, as typed lines.

    [NodeName=list] Name=gpu [Type=a100] [File=/dev/nvidia[0-3]] [Count=4] [Cores=0-15] [Links=…] [Flags=…]
    [NodeName=list] AutoDetect=nvml

A file that does not exist is an empty one: counts then come from slurm.conf's Gres= alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from crane_compat.parsers import hostlist
from crane_compat.parsers.conf_lines import Line, Word
from crane_compat.parsers.conf_reading import Diagnostic, Reading, entries

KEYS = frozenset(
    "autodetect cores cpus count file files flags links multiplefiles name nodename type".split()
)  # CPUs is the older name of Cores

#: AutoDetect= values; off also ends a global one for some nodes
AUTODETECT = ("nvml", "nvidia", "rsmi", "oneapi", "nrt", "full", "off")

FLAGS = (
    "CountOnly", "explicit", "one_sharing", "all_sharing", "nvidia_gpu_env", "amd_gpu_env", "intel_gpu_env",
    "opencl_env", "no_gpu_env",
)  # fmt: skip

_COUNT = re.compile(r"(\d+)([kKmMgGtTpP]?)", re.ASCII)
_SHIFT = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40, "P": 50}


@dataclass(frozen=True, slots=True)
class GresLine:
    """Devices of one kind; `nodes` None: of every node that reads the line."""

    name: str
    type: str
    count: int
    #: device files, one a device; of a MultipleFiles line all belong to one device
    files: tuple[str, ...]
    #: abstract core numbers next to the devices; empty: all
    cores: tuple[int, ...]
    links: tuple[int, ...]
    flags: frozenset[str]
    nodes: tuple[str, ...] | None
    multiple_files: bool
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class GresConf:
    """A gres.conf."""

    path: str
    lines: tuple[GresLine, ...]
    #: AutoDetect without NodeName, and by node
    autodetect: str
    autodetect_of: dict[str, str]
    diagnostics: tuple[Diagnostic, ...]

    def of(self, node: str) -> tuple[GresLine, ...]:
        """The lines that are about a node."""
        return tuple(line for line in self.lines if line.nodes is None or node in line.nodes)

    def detection(self, node: str) -> str:
        """AutoDetect for a node, lower case; "" none, also where it is off."""
        value = self.autodetect_of.get(node, self.autodetect)
        return "" if value == "off" else value


def parse_count(text: str) -> int:
    """A number of devices: ``4``, ``2k`` (2048).  Raises ValueError."""
    match = _COUNT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a count: {text!r}")
    return int(match[1]) << _SHIFT[match[2].upper()]


def load(path: str) -> GresConf:
    """Read gres.conf.  Whatever cannot be understood is a Diagnostic; raises OSError where the file cannot be read."""
    reading = Reading()
    found: list[GresLine] = []
    everywhere = ""
    by_node: dict[str, str] = {}

    for line, entry in entries(path, reading.unreadable):
        given = _given(reading, line, entry)
        names = _nodes(reading, line, given)
        if detect := given.get("autodetect"):
            value = detect.value.lower()
            if value not in AUTODETECT:
                reading.note("error", line, detect, f"AutoDetect={detect.value}", f"one of {', '.join(AUTODETECT)}")
                continue
            if names is None:
                everywhere = value
            else:
                by_node |= dict.fromkeys(names, value)
        if "name" in given:
            found.append(_gres(reading, line, given, names))
        elif not detect:
            reading.note("error", line, entry[0], "a line without Name", "add Name=gpu or what the devices are")
    return GresConf(path, tuple(found), everywhere, by_node, tuple(reading.diagnostics))


def _given(reading: Reading, line: Line, entry: Iterable[Word]) -> dict[str, Word]:
    given = {}
    for word in entry:
        key = word.key.lower()
        if key not in KEYS:
            reading.note("error", line, word, "no option of gres.conf", "check the spelling or remove it")
            continue
        given[{"cpus": "cores", "files": "file"}.get(key, key)] = word
    return given


def _nodes(reading: Reading, line: Line, given: dict[str, Word]) -> tuple[str, ...] | None:
    word = given.get("nodename")
    return None if word is None else tuple(reading.expand(line, word, word.value))


def _gres(reading: Reading, line: Line, given: dict[str, Word], names: tuple[str, ...] | None) -> GresLine:
    def text(key: str) -> str:
        return given[key].value if key in given else ""

    def numbers(key: str) -> tuple[int, ...]:
        if key not in given:
            return ()
        try:
            if key == "links":  # -1 stands for the device itself
                return tuple(int(part) for part in text(key).split(","))
            return tuple(hostlist.parse_ranges(text(key)))
        except ValueError:
            reading.note("error", line, given[key], f"{text(key)} is not a list of numbers", "write 0-15 or 0,2,4")
            return ()

    multiple = "multiplefiles" in given
    source = given.get("multiplefiles") or given.get("file")
    files = tuple(reading.expand(line, source, source.value)) if source else ()
    count = 1 if multiple else len(files) or 1
    if "count" in given:
        try:
            wanted = parse_count(text("count"))
        except ValueError:
            reading.note(
                "error", line, given["count"], f"Count={text('count')} is not a number", "a number, or 2K, 4M …"
            )
        else:
            shared = text("name").lower() in ("mps", "shard")
            if files and wanted != count and not shared:
                reading.note(
                    "warning", line, given["count"], f"Count={wanted}, but File names {count} devices",
                    "leave Count out: the files are counted",
                )  # fmt: skip
            else:
                count = wanted
    known = {flag.lower(): flag for flag in FLAGS}
    flags = set()
    for flag in filter(None, text("flags").split(",")):
        if flag.lower() in known:
            flags.add(known[flag.lower()])
        else:
            reading.note("error", line, given["flags"], f"unknown flag {flag}", f"one of {', '.join(FLAGS)}")
    return GresLine(
        name=text("name"),
        type=text("type"),
        count=count,
        files=files,
        cores=numbers("cores"),
        links=numbers("links"),
        flags=frozenset(flags),
        nodes=names,
        multiple_files=multiple,
        file=line.file,
        line=line.number,
    )
