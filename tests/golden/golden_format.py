"""Recordings of a real cluster: reading them, and comparing text that changes from run to run.

A directory in this format holds ``manifest.yaml`` (name, file, profile of each
scenario), ``profiles/NAME/`` (the configuration, with places to fill in, and
``accounting.cmds``) and the scenarios, each a list of steps with what they
printed.  A step's ``norm`` names the rules below that its text needs; both
texts go through the same rules, and columns keep their widths.
"""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

Step = dict[str, Any]
Replacement = str | Callable[[re.Match[str]], str]


def _masked(match: re.Match[str]) -> str:
    return re.sub(r"\d", "#", match[0])


_DATE_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
_WEEKDAY = "(Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_MONTH = "(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_HEX4 = "[0-9a-f]{4}"

#: rule name → its substitutions.  All substitutions are made in this order, whatever the order in `norm`.
_RULES: list[tuple[str, str, Replacement]] = [
    ("ts", _DATE_TIME + r"\.\d{3}", "YYYY-MM-DDTHH:MM:SS.mmm"),
    ("ts", _DATE_TIME, "YYYY-MM-DDTHH:MM:SS"),
    ("ctime", rf"\b{_WEEKDAY} {_MONTH} [ \d]\d \d\d:\d\d:\d\d \d{{4}}", "DDD MMM dd HH:MM:SS YYYY"),
    (
        "ctime",
        rf"\b{_WEEKDAY}, \d\d {_MONTH} \d{{4}} \d\d:\d\d:\d\d [+-]\d{{4}}",
        "DDD, dd MMM YYYY HH:MM:SS +ZZZZ",
    ),
    ("ctime", rf"\b{_MONTH} [ \d]\d \d\d:\d\d(:\d\d)?\b", "MMM dd HH:MM"),
    ("ctime", r"\b(\d\d/\d\d|\d{4}-\d\d-\d\d)[- ]\d\d:\d\d(:\d\d)?\b", "DATE HH:MM"),
    ("epoch", r"\b1[789]\d{8}(\.\d+)?\b", "EPOCH00000"),
    ("sluid", r"\bs[0-9A-HJKMNP-TV-Z]{13}\b", "sSLUIDSLUIDSLU"),
    ("uuid", rf"\b{_HEX4}{_HEX4}-{_HEX4}-{_HEX4}-{_HEX4}-[0-9a-f]{{12}}\b", "UUID"),
    ("secs", r"\b\d{2}:\d{2}\.\d{3}\b", "MM:SS.mmm"),
    ("elapsed", r"\b\d+-\d\d:\d\d:\d\d\b", _masked),
    ("elapsed", r"\b\d+:\d\d:\d\d\b", _masked),
    ("elapsed", r"(?<![\d:.-])\d+:\d\d(?![\d:])", _masked),
    ("load", r"\b(CPULoad|FreeMem|AveWatts|CurrentWatts)=\S+", r"\1=?"),
    ("os", r"\bOS=.*", "OS=?"),
    (
        "pid",
        r"(?i)\b(pid|AllocNode:Sid|Sid|task_pid|SLURM_TASK_PID|slurmctld_pid)([=: ]+)([\w.@-]+:)?\d+",
        r"\1\2\3PID",
    ),
    ("port", r"\b(SLURM_(?:STEP_LAUNCHER_PORT|SRUN_COMM_PORT)|port)=\d+", r"\1=PORT"),
    ("uid", r"\b(alice|bob|carol|dave|slurm)\(\d+\)", r"\1(UID)"),
    ("uid", r"\b(SLURM_JOB_[UG]ID|SLURM_JOB_START_TIME|SLURM_JOB_END_TIME)=\d+", r"\1=N"),
    ("secs", r"\(\d+ secs\)", "(N secs)"),
    ("sched", r"\bScheduler=\S+", "Scheduler=?"),
    ("hex", r"0x[0-9a-fA-F]{6,}", "0xHEX"),
]
RULES = [(name, re.compile(pattern), replacement) for name, pattern, replacement in _RULES]


@dataclass(frozen=True)
class Setting:
    """What in a text belongs to the run, not to the program: names of places, and captured values."""

    host: str = "vm"
    #: placeholder name (``WORK``, ``ETC``, ``STATE``, ``PREFIX``) → directory; a directory inside another comes first
    places: Mapping[str, str] = field(default_factory=dict)
    #: captured job ids and the like
    values: Mapping[str, str] = field(default_factory=dict)

    def fill(self, text: str) -> str:
        """`text` with its placeholders replaced by what they are in this run."""
        for name, directory in self.places.items():
            text = text.replace(f"@{name}@", directory)
        text = text.replace("@HOST@", self.host)
        return re.sub(r"\{(\w+)\}", lambda m: self.values.get(m[1], m[0]), text)

    def neutral(self, text: str) -> str:
        """`text` with what belongs to this run replaced by placeholders."""
        for name, directory in self.places.items():
            text = text.replace(directory, f"@{name}@").replace(directory.replace("/", "\\/"), f"@{name}@")
        return re.sub(rf"(?<![\w.-]){re.escape(self.host)}(?![\w-])", "@HOST@", text)


def normalise(text: str, rules: Iterable[str], setting: Setting) -> str:
    """`text` without what differs from run to run, as far as `rules` and `setting` say."""
    chosen = set(rules)
    text = setting.neutral(text)
    for name, pattern, replacement in RULES:
        if name in chosen:
            text = pattern.sub(replacement, text)
    # longer numbers first, so that no value is taken for a part of another
    for name, value in sorted(setting.values.items(), key=lambda item: -len(item[1])):
        if value.isdecimal():
            text = re.sub(rf"(?<![\d.]){value}(?!\d)", "{" + name + "}", text)
    return text


def shape(document: Any) -> Any:
    """Keys and types of a JSON document; a list is known by its first element."""
    if isinstance(document, dict):
        return {key: shape(value) for key, value in document.items()}
    if isinstance(document, list):
        return [shape(element) for element in document[:1]]
    return type(document).__name__


def _json_text(text: str) -> str:
    return json.dumps(shape(json.loads(text or "null")), indent=1)


def _json_status_text(text: str) -> str:
    document, _, status = text.rstrip().rpartition("\n")
    return f"{_json_text(document.strip())}\n{status.strip()}"


def _sorted_text(text: str) -> str:
    return "\n".join(sorted(text.splitlines()))


#: `compare` of a step → what is compared of its (normalised) text
_VIEWS: dict[str, Callable[[str], str]] = {
    "text": lambda text: text,
    "exact": lambda text: text,
    "sorted": _sorted_text,
    "json": _json_text,
    "json+status": _json_status_text,
}


def _loose(text: str) -> str:
    """For steps whose text was another at a second recording: figures, order and spacing do not count."""
    return "\n".join(sorted(re.sub(r"\s+", " ", re.sub(r"\d+", "#", line)).strip() for line in text.splitlines()))


def view(text: str, step: Step, setting: Setting) -> str:
    """What of a stream's text is compared in `step`."""
    mode = step.get("compare", "text")
    if not mode.startswith("json"):
        text = normalise(text, step.get("norm") or (), setting)
    try:
        text = _VIEWS[mode](text)
    except ValueError:  # no JSON, although it was asked for: some entities have text only
        text = normalise(text, step.get("norm") or (), setting)
    return _loose(text) if step.get("unstable") else text


#: What a recording shows of the machine and the moment rather than of the programs.  Texts that are equal after
#: these substitutions match; they are counted apart.
TOLERANCES: list[tuple[re.Pattern[str], str]] = [
    (re.compile(pattern, re.MULTILINE), replacement)
    for pattern, replacement in [
        # the recorded controller started most jobs at the next backfill cycle, up to 2 s later: commands said so
        (r"^(srun|salloc): job \S+( queued and waiting for| has been allocated) resources\n", ""),
        (r"^salloc: Pending job allocation \S+\n", ""),
        (r"\bSched(Main|Backfill)\b", "Sched?"),
        # times and names of jobs that are cut to a width of letters, so that no rule knows them
        (r"\b(20\d\d)-\d\d-\d\dT(?!\d)", r"\1-MM-DDT"),
        # the kernel's default limits follow the machine's memory
        (r"\b(RLIMIT_(?:NPROC|MEMLOCK|NOFILE|CORE|RSS))=\d+", r"\1=N"),
        # measured memory
        (r"exceeded memory limit \(\d+ >", "exceeded memory limit (N >"),
    ]
]


def tolerant(text: str) -> str:
    """`text` without what TOLERANCES name."""
    for pattern, replacement in TOLERANCES:
        text = pattern.sub(replacement, text)
    return text


@dataclass(frozen=True)
class Scenario:
    """One recording."""

    name: str
    profile: str
    steps: list[Step]
    values: dict[str, str]
    host: str = "vm"


class Recordings:
    """A directory of recordings."""

    def __init__(self, root: str) -> None:
        self.root = root
        with open(os.path.join(root, "manifest.yaml"), encoding="utf-8") as file:
            manifest = yaml.load(file, Loader=_LOADER)
        self.host = str(manifest.get("host", "vm"))
        self.entries: dict[str, dict[str, Any]] = {
            entry["name"]: entry for entry in manifest["scenarios"] if os.path.exists(os.path.join(root, entry["file"]))
        }

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def profile(self, name: str) -> str:
        """The directory of a profile."""
        return os.path.join(self.root, "profiles", name)

    def scenario(self, name: str) -> Scenario:
        """Read one.  Raises KeyError where there is none of that name."""
        path = os.path.join(self.root, self.entries[name]["file"])
        with open(path, encoding="utf-8") as file:
            document = yaml.load(file, Loader=_LOADER)
        steps = [dict(step) for step in document["steps"]]
        for step in steps:
            for key in ("stdout", "stderr", "content"):
                if beside := step.pop(f"{key}_file", None):
                    step[key] = _beside(path, beside)
        values = {key: str(value) for key, value in (document.get("vars") or {}).items()}
        return Scenario(document["name"], document["profile"], steps, values, self.host)


def _beside(path: str, name: str) -> str:
    with open(os.path.join(os.path.dirname(path), name), encoding="utf-8", newline="") as file:
        return file.read()


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@functools.cache
def default_root() -> str:
    """The recordings that come with the tests."""
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "slurm-25.11")
