"""#PBS lines in sbatch's words.

Source: qsub(1B) and Slurm's own reader of these lines; what has no counterpart is
left out, with a note.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crane_compat.parsers.directive_words import Item, Word

#: options with the same value under another name
_SAME = {
    "-A": "--account", "-a": "--begin", "-d": "--chdir", "-w": "--chdir", "-e": "--error", "-o": "--output",
    "-J": "--array", "-t": "--array", "-M": "--mail-user", "-N": "--job-name", "-p": "--nice", "-q": "--partition",
    "-v": "--export",
}  # fmt: skip

#: options without a value
_FLAGS = {"-h": ("--hold",)}

#: what is the case here without being asked for
_NEEDLESS_FLAGS = {"-V": "the environment is passed on"}
_NEEDLESS_VALUES = {"-S": "the script's #! line names the shell"}

#: options without a counterpart → what to do instead
_NO_FLAGS = {"-I": "srun --pty is for interactive work", "-X": "run the program on the login host", "-z": "--parsable"}
_NO_VALUES = {
    "-c": "the program itself must write checkpoints", "-C": "write #PBS", "-k": "files are where --output says",
    "-P": "--account or --wckey", "-r": "--requeue or --no-requeue", "-u": "a job runs as who submits it",
}  # fmt: skip

_MAIL = {"n": "NONE", "a": "FAIL", "b": "BEGIN", "e": "END"}


def translate(lines: Sequence[Sequence[Word]]) -> tuple[Item, ...]:
    """The options of #PBS lines; a value stands on its option's line."""
    return tuple(item for line in lines for option, value in _pairs(line) for item in _items(option, value))


_VALUED = _SAME.keys() | _NO_VALUES.keys() | _NEEDLESS_VALUES.keys() | {"-j", "-l", "-m", "-W"}


def _pairs(line: Sequence[Word]) -> Iterator[tuple[Word, Word | None]]:
    words = list(line)
    while words:
        option = words.pop(0)
        short, glued = option.text[:2], option.text[2:]
        if option.text in _VALUED:
            yield option, words.pop(0) if words else None
        elif short in _VALUED and glued:  # getopt: -lnodes=2
            yield option._replace(text=short), option._replace(text=glued)
        else:
            yield option, None


def _items(option: Word, value: Word | None) -> Iterator[Item]:
    name = option.text
    if name in _FLAGS:
        yield Item(option, None, _FLAGS[name])
    elif name in _NEEDLESS_FLAGS:
        yield Item(option, None, (), f"not needed here: {_NEEDLESS_FLAGS[name]}", needless=True)
    elif name in _NO_FLAGS:
        yield Item(option, None, (), f"{name} has no counterpart and is left out", _NO_FLAGS[name])
    elif name not in _VALUED:
        what = f"{name} is no known option of qsub" if name.startswith("-") else f"no option: {name[:40]!r}"
        yield Item(option, None, (), f"{what} and is left out", "see qsub(1B)")
    elif value is None:
        yield Item(option, None, (), f"{name} is left out: it has no value", "qsub refuses the script")
    elif name in _SAME:
        yield Item(option, value, (_SAME[name], value.text))
    elif name in _NEEDLESS_VALUES:
        yield Item(option, value, (), f"not needed here: {_NEEDLESS_VALUES[name]}", needless=True)
    elif name == "-l":
        yield from _resources(option, value)
    elif name == "-m":
        types = ",".join(_MAIL[letter] for letter in value.text if letter in _MAIL)
        yield Item(option, value, ("--mail-type", types or "NONE"))
    elif name == "-j":
        note = "not needed here: stderr goes where stdout goes unless --error is given"
        yield Item(option, value, (), note, needless=True)
    elif name == "-W":
        yield from _attributes(option, value)
    else:
        yield Item(option, value, (), f"{name} has no counterpart and is left out", _NO_VALUES[name])


def _attributes(option: Word, value: Word) -> Iterator[Item]:
    """``-W depend=afterok:12,umask=027``."""
    key, _, rest = value.text.partition("=")
    if key == "depend":
        note = "the numbers must be those of jobs here"
        yield Item(option, value, ("--dependency", rest.removeprefix("on:")), note)
    elif key == "block":
        waits = rest.lower() in ("", "true")
        yield Item(option, value, ("--wait",) if waits else (), needless=not waits)
    else:
        hint = "umask in the script" if key == "umask" else ""
        yield Item(option, value, (), f"-W {key} has no counterpart and is left out", hint)


def _size(text: str, default: str = "0") -> str:
    return text.lower().removesuffix("b").removesuffix("w") or default


def _resources(option: Word, value: Word) -> Iterator[Item]:
    """``-l nodes=2:ppn=4,walltime=1:00:00,mem=2gb``; each resource for itself."""
    for item in value.text.split(","):
        chunk = item.startswith(("nodes=", "select="))
        if chunk and "+" in item:
            text = f"{item} is left out: nodes of several kinds"
            yield Item(option, value, (), text, "heterogeneous jobs: #SBATCH hetjob")
            continue
        for part in item.split(":") if chunk else [item]:
            becomes = _resource(part, select=item.startswith("select="))
            note = "" if becomes else f"{part or 'an empty resource'} has no counterpart and is left out"
            hint = "--constraint, --nodelist, --gres" if note else ""
            yield Item(option, value, becomes, note, hint)


def _resource(text: str, *, select: bool) -> tuple[str, ...]:
    key, _, value = text.partition("=")
    if key in ("nodes", "select"):
        return ("--nodes", value) if value.isdigit() else ()
    if key == "ncpus":
        return ("--cpus-per-task" if select else "--mincpus", value)
    if key in ("gpus", "ngpus"):
        return ("--gres", f"gpu:{value}")
    if key in ("mem", "vmem"):
        return ("--mem", _size(value))
    if key in ("pmem", "pvmem"):
        return ("--mem-per-cpu", _size(value))
    if key == "file":
        return ("--tmp", _size(value))
    plain = {
        "ppn": "--ntasks-per-node", "mpiprocs": "--ntasks-per-node", "procs": "--ntasks", "walltime": "--time",
        "cput": "--time", "nice": "--nice",
    }  # fmt: skip
    return (plain[key], value) if key in plain else ()
