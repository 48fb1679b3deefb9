"""#BSUB lines in sbatch's words.

Which option of bsub means what for sbatch; what has no counterpart is left out,
with a note.  Source: bsub(1) of LSF 10.1 and Slurm's own reader of these lines
(which knows -cwd -e -J -m -M -n -o -q -W -x and refuses the rest).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from crane_compat.parsers.directive_words import Item, Word

#: options with the same value under another name
_SAME = {
    "-Jd": "--comment", "-P": "--account", "-U": "--reservation", "-cwd": "--chdir", "-u": "--mail-user",
}  # fmt: skip

#: options without a value
_FLAGS = {
    "-x": ("--exclusive",), "-H": ("--hold",), "-r": ("--requeue",), "-rn": ("--no-requeue",), "-K": ("--wait",),
    "-B": ("--mail-type", "BEGIN"), "-N": ("--mail-type", "END,FAIL"), "-Ne": ("--mail-type", "FAIL"),
    "-ti": ("--kill-on-invalid-dep", "yes"),
}  # fmt: skip

#: what is the case here without being asked for
_NEEDLESS_FLAGS = {"-Zs": "a script is kept as it was submitted", "-ul": "resource limits are passed on"}
_NEEDLESS_VALUES = {"-L": "the script's #! line names the shell"}

#: options without a value and without a counterpart → what to do instead
_NO_FLAGS = {
    "-I": "salloc or srun is for interactive work", "-XF": "run the program on the login host, or tunnel with ssh -X",
    "-ar": "a job's size stays as it is", "-hl": "--mem limits the job on each host",
} | dict.fromkeys(
    ("-Ip", "-Is", "-IS", "-ISp", "-ISs", "-IX"), "srun --pty is for interactive work"
)  # fmt: skip

_ULIMIT = "ulimit in the script sets such limits"
_ARRAYS = "an array's %n limits how many run at once"
#: options with a value and without a counterpart → what to do instead
_NO_VALUES = {
    "-C": _ULIMIT, "-D": _ULIMIT, "-F": _ULIMIT, "-S": _ULIMIT, "-T": _ULIMIT, "-c": _ULIMIT, "-p": _ULIMIT,
    "-v": _ULIMIT,
    "-We": "--time-min lets a job start in a shorter gap", "-E": "call it at the begin of the script",
    "-Ep": "call it at the end of the script", "-f": "copy the files in the script, or with sbcast",
    "-g": _ARRAYS, "-app": "a QOS or partition holds such settings", "-sla": "--qos or --reservation",
    "-Lp": "--licenses counts licences",
    "-sp": "--priority or --nice; the numbers mean something else", "-a": "job_submit.lua sees every job",
    "-k": "the program itself must write checkpoints", "-Q": "scontrol requeue in the script puts a job back",
    "-alloc_flags": "--threads-per-core or --hint, --constraint", "-hostfile": "--nodelist, with -m arbitrary",
    "-core_isolation": "--core-spec keeps cores free", "-freq": "--cpu-freq", "-network": "--network",
    "-data": "copy the files in the script", "-stage": "copy the files in the script", "-ext": "", "-extsched": "",
    "-rcacct": "", "-jobaff": "--exclusive=topo or --switches", "-notify": "--mail-type", "-pack": "one script a job",
    "-eptl": "--deadline", "-ptl": "--deadline", "-cn_cu": "--switches", "-cn_mem": "--mem", "-step_cgroup": "",
    "-smt": "--threads-per-core", "-csm": "", "-jsm": "", "-json": "", "-yaml": "", "-jsdl": "",
}  # fmt: skip

_GLUED = re.compile(r"(-[nWM])(\d.*)|(-R)(.+)", re.DOTALL)


def translate(lines: Sequence[Sequence[Word]]) -> tuple[Item, ...]:
    """The options of #BSUB lines; a value stands on its option's line."""
    given = [pair for line in lines for pair in _pairs(line)]
    script = _Script(
        array=any(o.text == "-J" and v and _ARRAY_NAME.fullmatch(v.text) for o, v in given),
        tasks=any(o.text in ("-n", "-nnodes") for o, _ in given),
        reserves=any(o.text == "-R" and v and _reserves(v.text) for o, v in given),
        project=any(o.text == "-P" for o, _ in given),
        directory=next((v.text for o, v in reversed(given) if o.text == "-outdir" and v), ""),
    )
    items = [item for option, value in given for item in _items(script, option, value)]
    return tuple(items)


def _pairs(line: Sequence[Word]) -> Iterator[tuple[Word, Word | None]]:
    """(option, value) as bsub takes them; a word that is no option stands alone."""
    words = list(line)
    while words:
        option = words.pop(0)
        name = option.text
        if name in _FLAGS or name in _NEEDLESS_FLAGS or name in _NO_FLAGS or not name.startswith("-"):
            yield option, None
        elif name in _VALUED:
            yield option, words.pop(0) if words else None
        elif match := _GLUED.fullmatch(name):
            short, value = (match[1], match[2]) if match[1] else (match[3], match[4])
            yield option._replace(text=short), option._replace(text=value)
        else:  # not known to us: what follows it is its value unless it looks like an option
            yield option, words.pop(0) if words and not words[0].text.startswith("-") else None


@dataclass
class _Script:
    """What one option's meaning depends on in the others."""

    array: bool
    tasks: bool  # a number of tasks or nodes is given
    reserves: bool  # rusage[mem=…] is given
    project: bool
    directory: str  # of -outdir
    memory: str = ""  # the option that rusage[mem] has become: --mem and --mem-per-cpu exclude one another


def _items(script: _Script, option: Word, value: Word | None) -> Iterator[Item]:
    name = option.text
    if not name.startswith("-"):
        dash = "the dash is a typographic one: write -" if name[:1] in ("–", "—", "−") else ""
        yield Item(option, None, (), f"no option: {_short(name)} is left out", dash or "quote values with blanks")
    elif name in _FLAGS:
        yield Item(option, None, _FLAGS[name])
    elif name in _NEEDLESS_FLAGS:
        yield Item(option, None, (), f"not needed here: {_NEEDLESS_FLAGS[name]}", needless=True)
    elif name in _NO_FLAGS:
        yield Item(option, None, (), f"{name} has no counterpart and is left out", _NO_FLAGS[name])
    elif value is None and name in _VALUED:
        yield Item(option, None, (), f"{name} is left out: it has no value", "bsub refuses the script")
    elif name in _NEEDLESS_VALUES:
        yield Item(option, value, (), f"not needed here: {_NEEDLESS_VALUES[name]}", needless=True)
    elif name in _SAME:
        yield _same(option, value)
    elif name in _NO_VALUES:
        yield Item(option, value, (), f"{name} has no counterpart and is left out", _NO_VALUES[name])
    elif name in _VALUES:
        assert value is not None
        for becomes, note, hint in _VALUES[name](script, name, value.text):
            yield Item(option, value, becomes, note, hint, needless=not becomes and not note)
    else:
        yield Item(option, value, (), f"{name} is no known option of bsub and is left out", "see bsub(1)")


def _same(option: Word, value: Word | None) -> Item:
    assert value is not None
    becomes = (_SAME[option.text], value.text)
    if option.text == "-P":
        note = "the project is taken as account, which slurm.conf may have checked; LSF checks no project"
        return Item(option, value, becomes, note)
    if option.text == "-cwd" and "%" in value.text:
        return Item(option, value, (), "-cwd is left out: --chdir fills in no patterns", "cd in the script")
    return Item(option, value, becomes)


def _short(text: str) -> str:
    return repr(text if len(text) < 40 else text[:37] + "…")


# ---------------------------------------------------------------- options whose values differ

#: (sbatch's words, what is lost or differs, what to write instead)
Meaning = tuple[tuple[str, ...], str, str]
Meanings = Iterator[Meaning]


def _tasks(script: _Script, name: str, text: str) -> Meanings:
    least, comma, most = text.partition(",")
    differs = comma and least.strip() != most.strip()
    note = "all tasks are needed to start; LSF starts with as few as the first number" if differs else ""
    yield ("--ntasks", (most if comma else least).strip()), note, "--ntasks=" + (most or least) if note else ""


def _run_limit(script: _Script, name: str, text: str) -> Meanings:
    limit, slash, _ = text.partition("/")
    note = "the host behind the time is left out: no CPU factors here" if slash else ""
    yield ("--time", f"{limit}:00" if ":" in limit else limit), note, ""


def _memory_limit(script: _Script, name: str, text: str) -> Meanings:
    if script.reserves:
        yield (), "-M is left out: rusage[mem] says what to reserve, and that is the limit here too", "--mem"
        return
    size = text.rstrip("!")
    if size.isdigit():
        note = f"{size} are kilobytes, for each CPU: where LSF_UNIT_FOR_LIMITS differs, so does the size"
        yield ("--mem-per-cpu", f"{size}K"), note, f"with a unit: --mem-per-cpu={size}M"
    else:
        yield ("--mem-per-cpu", size), "for each CPU here; LSF limits each process or the job", ""


def _hosts(script: _Script, name: str, text: str) -> Meanings:
    """``host1 host2+2 ~host3``: Slurm's own reader takes them as --nodelist."""
    wanted: list[str] = []
    excluded: list[str] = []
    lost: list[str] = []
    for word in text.replace(",", " ").split():
        plain = word.partition("+")[0].rstrip("!")
        if word in ("all", "others") or not plain:
            lost.append(word)
        elif plain.startswith("~"):
            excluded.append(plain[1:])
        else:
            wanted.append(plain)
    if wanted:
        note = "the job gets all of these hosts; LSF takes any of them" if len(wanted) > 1 else ""
        yield ("--nodelist", ",".join(wanted)), note, "--constraint takes any node that has a feature" if note else ""
    if excluded:
        yield ("--exclude", ",".join(excluded)), "", ""
    if lost or not (wanted or excluded):
        yield (), f"-m {' '.join(lost)} is left out", "--partition or --constraint"


_ARRAY_NAME = re.compile(r"(.*?)\[([^\]]+)\](?:%(\d+))?", re.DOTALL)


def _job_name(script: _Script, name: str, text: str) -> Meanings:
    """``name[1-10:2]%5`` is an array of that name."""
    match = _ARRAY_NAME.fullmatch(text)
    if match is None:
        yield ("--job-name", text), "", ""
        return
    indexes = match[2].replace(" ", "") + (f"%{match[3]}" if match[3] else "")
    yield ("--job-name", match[1], "--array", indexes) if match[1] else ("--array", indexes), "", ""


def _files(target: str, suffix: str, *, truncates: bool = False) -> Callable[[_Script, str, str], Meanings]:
    def mean(script: _Script, name: str, text: str) -> Meanings:
        appends = name in ("-o", "-e") and "%J" not in text and "%j" not in text and not text.startswith("/dev/")
        pattern = re.sub(r"%([JI])", lambda m: _pattern(script, m[1]), text)
        if pattern.endswith("/") and suffix:  # bsub(1): a directory gets a file of the job's number
            pattern += ("%A_%a" if script.array else "%j") + suffix
        if script.directory and suffix and not re.search(r"%(JG|E[JI]|[PGU])", script.directory):
            directory = re.sub(r"%([JI])", lambda m: _pattern(script, m[1]), script.directory)
            pattern = pattern if pattern.startswith("/") else f"{directory.rstrip('/')}/{pattern}"
        note = "LSF adds to the file, here it begins anew" if appends and suffix else ""
        becomes = (target, pattern, "--open-mode", "truncate") if truncates else (target, pattern)
        yield becomes, note, "--open-mode=append" if note else ""

    return mean


def _pattern(script: _Script, letter: str) -> str:
    if letter == "J":
        return "%A" if script.array else "%j"
    return "%a" if script.array else "0"


def _output_directory(script: _Script, name: str, text: str) -> Meanings:
    if re.search(r"%(JG|E[JI]|[PGU])", text):
        yield (), f"-outdir is left out: {text} has patterns that only LSF knows", "--output with the whole path"
    else:
        yield (), f"files of -o and -e go into {text}, which is not made", "mkdir it before the job is submitted"


def _queue(script: _Script, name: str, text: str) -> Meanings:
    yield ("--partition", ",".join(text.split())), "", ""


def _group(script: _Script, name: str, text: str) -> Meanings:
    if script.project:
        yield (), "-G is left out: -P says which account to charge", "--account"
    else:
        yield ("--account", text), "the user group is taken as account", ""


def _whole_nodes(script: _Script, name: str, text: str) -> Meanings:
    yield ("--nodes", text, "--exclusive"), "", ""


def _point_in_time(target: str) -> Callable[[_Script, str, str], Meanings]:
    """``[[year:][month:]day:]hour:minute``."""

    def mean(script: _Script, name: str, text: str) -> Meanings:
        parts = text.split(":")
        if not all(re.fullmatch(r"\d{1,4}", part, re.ASCII) for part in parts) or not 2 <= len(parts) <= 5:
            yield (), f"{name} is left out: {_short(text)} is no [[year:][month:]day:]hour:minute", target
            return
        numbers = [int(part) for part in parts]
        clock = f"{numbers[-2]:02d}:{numbers[-1]:02d}"
        if len(numbers) == 2:
            yield (target, clock), "", ""
            return
        now = time.localtime()
        day = numbers[-3]
        month = numbers[-4] if len(numbers) > 3 else now.tm_mon
        year = numbers[-5] if len(numbers) > 4 else now.tm_year
        if len(numbers) == 3 and day < now.tm_mday:
            month, year = (1, year + 1) if month == 12 else (month + 1, year)
        elif len(numbers) == 4 and (month, day) < (now.tm_mon, now.tm_mday):
            year += 1
        yield (target, f"{year:04d}-{month:02d}-{day:02d}T{clock}"), "", ""

    return mean


_CONDITION = re.compile(r"(?:(done|ended|exit|started)\(\s*(\d+)\s*\)|(\d+))")
_DEPENDS = {"done": "afterok", "ended": "afterany", "exit": "afternotok", "started": "after", "": "afterok"}


def _dependency(script: _Script, name: str, text: str) -> Meanings:
    """``done(12) && ended(13)``: job numbers, joined all by && or all by ||."""
    parts = [part.strip() for part in re.split(r"(&&|\|\|)", text)]
    operators = set(parts[1::2])
    found = [_CONDITION.fullmatch(part) for part in parts[::2]]
    if len(operators) > 1 or not all(found):
        yield (), f"-w is left out: {_short(text)} has no counterpart", "--dependency with job numbers"
        return
    terms = [f"{_DEPENDS[match[1] or '']}:{match[2] or match[3]}" for match in found if match]
    note = "the numbers must be those of jobs here"
    yield ("--dependency", ("?" if "||" in operators else ",").join(terms)), note, ""


def _environment(script: _Script, name: str, text: str) -> Meanings:
    names: list[str] = []
    lost: list[str] = []
    for word in (part.strip() for part in text.split(",")):
        if word.startswith("~"):
            lost.append(word)
        elif word:
            names.append(word.upper() if word.lower() in ("all", "none") else word)
    note = f"{', '.join(lost)} is left out: nothing is taken from the environment" if lost else ""
    yield ("--export", ",".join(names) or "ALL"), note, "unset it in the script" if note else ""


def _gpus(script: _Script, name: str, text: str) -> Meanings:
    """``num=2/task:mode=exclusive_process:gmodel=V100``, or ``-`` for the default."""
    count, per, lost = "1", "", []
    for part in filter(None, text.split(":")):
        key, _, value = part.strip().partition("=")
        if key == "num":
            count, _, per = value.partition("/")
        elif (key, value) not in _AS_HERE and key != "-":
            lost.append(part.strip())
    task = per == "task" and script.tasks
    note = f"{':'.join(lost)} is left out" if lost else ""
    hint = "--gpus-per-node=TYPE:N where gres.conf names types" if "gmodel" in note else ""
    yield ("--gpus-per-task" if task else "--gpus-per-node", count), note, hint


#: a job has its GPUs to itself, and they are shared by its tasks
_AS_HERE = {
    ("mode", "shared"), ("mode", "exclusive_process"), ("mps", "no"), ("j_exclusive", "yes"), ("j_exclusive", "no"),
    ("block", "no"), ("gpack", "no"),
}  # fmt: skip


# ---------------------------------------------------------------- -R

_SECTION = re.compile(r"\s*([a-z]+)\[([^\[\]]*)\]")
_MEMORY = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*([KMGT]?)B?(?:/(host|task|slot))?", re.IGNORECASE | re.ASCII)
_MEBI = {"K": 1 / 1024, "": 1, "M": 1, "G": 1024, "T": 1024 * 1024}


def _reserves(text: str) -> bool:
    """Does a resource requirement reserve memory in a form that has a counterpart?"""
    return any(
        key == "mem" and _MEMORY.fullmatch(value)
        for section, inner in _SECTION.findall(text)
        if section == "rusage"
        for key, value in _usages(inner)
    )


def _usages(inner: str) -> list[tuple[str, str]]:
    """``mem=4GB, tmp=1GB:duration=1h``; nothing for alternatives (``||``) and phases (``(1 2)``)."""
    if "||" in inner or "(" in inner:
        return []
    pairs = (part.partition("=") for part in re.split(r"[,:]", inner))
    return [(key.strip(), value.strip()) for key, _, value in pairs if key.strip()]


def _requirement(script: _Script, name: str, text: str) -> Meanings:
    """``span[ptile=4] rusage[mem=2000]`` and the like; each section for itself."""
    rest = _SECTION.sub("", text).strip()
    if "{" in text:
        yield (), f"-R is left out: {_short(text)} is compound", "heterogeneous jobs: #SBATCH hetjob"
        return
    for section, inner in _SECTION.findall(text):
        yield from _SECTIONS.get(section, _no_section)(script, section, inner.strip())
    if rest:
        yield (), f"{_short(rest)} is left out: a selection of hosts has no counterpart", "--constraint, --mem, --gres"


def _no_section(script: _Script, section: str, inner: str) -> Meanings:
    hints = {"select": "--constraint, --mem, --gres", "same": "--constraint with [a|b]", "cu": "--switches"}
    yield (), f"{section}[{inner}] has no counterpart and is left out", hints.get(section, "")


def _select(script: _Script, section: str, inner: str) -> Meanings:
    if re.fullmatch(r"type\s*==?\s*(any|local)", inner):
        yield (), "", ""
    else:
        yield from _no_section(script, section, inner)


def _span(script: _Script, section: str, inner: str) -> Meanings:
    key, _, value = (part.strip() for part in inner.partition("="))
    if key == "ptile" and value.isdigit():
        yield ("--ntasks-per-node", value), "", ""
    elif key == "hosts" and value == "1":
        yield ("--nodes", "1"), "", ""
    elif key == "hosts" and value == "-1":
        yield (), "", ""
    elif key == "stripe":
        yield ("--distribution", "cyclic"), "", ""
    else:
        yield (), f"span[{inner}] has no counterpart and is left out", "--ntasks-per-node, --distribution"


def _rusage(script: _Script, section: str, inner: str) -> Meanings:
    usages = _usages(inner)
    if not usages:
        yield (), f"rusage[{inner}] is left out: alternatives and phases have no counterpart", "--mem"
        return
    lost: list[str] = []
    for key, value in usages:
        match = _MEMORY.fullmatch(value)
        if key == "mem" and match:
            yield from _reservation(script, float(match[1]) * _MEBI[match[2].upper()], match[3] or "host")
        elif key == "tmp" and match and not match[3]:
            yield ("--tmp", f"{_rounded(float(match[1]) * _MEBI[match[2].upper()])}M"), "", ""
        elif key in ("ngpus", "ngpus_physical", "ngpus_excl_p", "ngpus_shared") and value.isdigit():
            yield ("--gpus-per-node", value), "", ""
        else:
            lost.append(f"{key}={value}" if value else key)
    if lost:
        hint = "resources that are counted: --licenses or --gres"
        yield (), f"rusage[{':'.join(lost)}] is left out", "" if lost[0].startswith(("duration", "decay")) else hint


def _reservation(script: _Script, mebibytes: float, per: str) -> Meanings:
    option = "--mem" if per == "host" else "--mem-per-cpu"
    if script.memory not in ("", option):
        yield (), f"rusage[mem] for each {per} is left out: it was given for something else before", option
        return
    script.memory = option
    where = "each node" if per == "host" else "each CPU"
    note = f"memory for {where}, which is a limit as well"
    if per == "host":
        note += "; LSF counts it for each task where RESOURCE_RESERVE_PER_TASK is set"
    yield (option, f"{_rounded(mebibytes)}M"), note, ""


def _rounded(mebibytes: float) -> int:
    return max(1, -int(-mebibytes // 1))


def _affinity(script: _Script, section: str, inner: str) -> Meanings:
    match = re.fullmatch(r"(core|thread)(?:\((\d+)\))?(:.*)?", inner)
    if match is None:
        yield (), f"affinity[{inner}] has no counterpart and is left out", "--cpus-per-task, --cpu-bind of srun"
        return
    note = f"affinity[{inner}]: where they lie is left out" if match[3] else ""
    yield ("--cpus-per-task", match[2] or "1"), note, "--cpu-bind and --distribution of srun" if note else ""


_SECTIONS: dict[str, Callable[[_Script, str, str], Meanings]] = {
    "select": _select,
    "span": _span,
    "rusage": _rusage,
    "affinity": _affinity,
}

_VALUES: dict[str, Callable[[_Script, str, str], Meanings]] = {
    "-G": _group,
    "-J": _job_name,
    "-M": _memory_limit,
    "-R": _requirement,
    "-W": _run_limit,
    "-b": _point_in_time("--begin"),
    "-e": _files("--error", ".err"),
    "-env": _environment,
    "-eo": _files("--error", ".err", truncates=True),
    "-gpu": _gpus,
    "-i": _files("--input", ""),
    "-is": _files("--input", ""),
    "-m": _hosts,
    "-n": _tasks,
    "-nnodes": _whole_nodes,
    "-o": _files("--output", ".out"),
    "-oo": _files("--output", ".out", truncates=True),
    "-outdir": _output_directory,
    "-q": _queue,
    "-t": _point_in_time("--deadline"),
    "-w": _dependency,
}

_VALUED = _VALUES.keys() | _SAME.keys() | _NO_VALUES.keys() | _NEEDLESS_VALUES.keys()
