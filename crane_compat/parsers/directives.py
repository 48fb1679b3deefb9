"""The options a batch script carries: #SBATCH lines (and #BSUB, #PBS where there are none).

Rules (sbatch(1) and the behaviour of its reader): the line starts in column 0
with the seven bytes ``#SBATCH``; reading stops at the first line that is neither
blank nor a comment; all lines make one command line; quotes may stand within
words, a backslash escapes, an unquoted ``#`` ends the line.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from crane_compat.parsers.option_values import OptionError

_PREFIXES = (b"#SBATCH", b"#SLURM")


def check_script(script: bytes, command: str = "sbatch") -> None:
    """Refuse what is no batch script.  Raises OptionError with sbatch's own lines."""

    def refuse(*lines: str) -> OptionError:
        return OptionError([f"{command}: error: {line}" for line in lines], 1)

    if not script.strip():
        raise refuse("Batch script is empty!")
    if not script.startswith(b"#!"):
        raise refuse(
            "This does not look like a batch script.  The first",
            "line must start with #! followed by the path to an interpreter.",
            "For instance: #!/bin/sh",
        )
    if b"\0" in script:
        raise refuse("The Slurm controller does not allow scripts that", "contain a NULL character '\\0'.")
    if b"\r\n" in script:
        raise refuse("Batch script contains DOS line breaks (\\r\\n)", "instead of expected UNIX line breaks (\\n).")


@dataclass
class Directives:
    """The words of each component's #SBATCH lines, and what another scheduler's lines say in sbatch's words."""

    components: list[list[str]] = field(default_factory=lambda: [[]])
    foreign: list[str] = field(default_factory=list)


def read_directives(command: str, script: bytes, name: str = "", foreign: bool = True) -> Directives:
    """A script's directives; ``#SBATCH hetjob`` starts the next component.  Raises OptionError.

    foreign: read #BSUB and #PBS lines as well (not with --ignore-pbs).
    """
    found = Directives()
    components = found.components
    position = 0
    number = 0
    while position < len(script):
        end = script.find(b"\n", position)
        end = len(script) if end < 0 else end
        line = script[position:end]
        position = end + 1
        number += 1
        if line.startswith(_PREFIXES):
            prefix = _PREFIXES[0] if line.startswith(_PREFIXES[0]) else _PREFIXES[1]
            text = line[len(prefix) :].decode("utf-8", "surrogateescape")
            words = split_words(text, command, name, number)
            if words in (["hetjob"], ["packjob"]):
                components.append([])
            else:
                components[-1] += words
            continue
        stripped = line.lstrip()
        if stripped and not stripped.startswith(b"#"):
            break
    if foreign:
        found.foreign = _foreign(script, command, name)
    return found


def split_words(text: str, command: str = "sbatch", name: str = "", number: int = 0) -> list[str]:
    """A directive's words.  Raises OptionError for a quote without its end."""
    words: list[str] = []
    word: list[str] = []
    inside = False
    quote = ""
    begun = 0  # where reading of the present word began, for the message
    characters = iter(enumerate(text))
    for position, char in characters:
        if char == "\\":
            word.append(next(characters, (0, ""))[1])
            inside = True
        elif quote:
            if char == quote:
                quote = ""
            else:
                word.append(char)
        elif char in "'\"":
            quote = char
            inside = True
        elif char == "#":
            break
        elif char.isspace():
            if inside:
                words.append("".join(word))
                begun = position
            word, inside = [], False
        else:
            word.append(char)
            inside = True
    if quote:
        raise OptionError([f"{command}: fatal: {name}: line {number}: Unmatched `{quote}` in [{text[begun:]}]"], 1)
    if inside:
        words.append("".join(word))
    return words


# ---------------------------------------------------------------- other schedulers' lines

#: #BSUB option → what sbatch makes of it; options without a counterpart are left out
_BSUB = {
    "-cwd": "--chdir", "-e": "--error", "-eo": "--error", "-J": "--job-name", "-o": "--output", "-oo": "--output",
    "-q": "--partition", "-u": "--mail-user",
}  # fmt: skip
_BSUB_FLAGS = {"-x": "--exclusive", "-H": "--hold", "-N": "", "-B": "", "-r": "--requeue", "-rn": "--no-requeue"}


def _lsf_time(text: str) -> str:
    """``[hours:]minutes[/host]`` in Slurm's form."""
    limit = text.partition("/")[0]
    return f"{limit}:00" if ":" in limit else limit


#: so many lines of commands end the search for #BSUB and #PBS lines
_FOREIGN_DEPTH = 100


def _foreign(script: bytes, command: str, name: str) -> list[str]:
    """The first of #BSUB and #PBS that the script has, in sbatch's words.

    Slurm refuses a script over an option it does not know, and lets these lines overrule #SBATCH; a script with
    headers for both schedulers is meant to run on both, so we leave such an option out and #SBATCH counts more.
    """
    if command != "sbatch" or (b"#BSUB" not in script and b"#PBS" not in script):
        return []
    lines: dict[str, list[tuple[int, str]]] = {"#BSUB": [], "#PBS": []}
    commands = 0
    for number, line in enumerate(script.split(b"\n"), 1):
        if not line.startswith(b"#"):
            commands += 1
            if commands > _FOREIGN_DEPTH:
                break
            continue
        for prefix, listed in lines.items():
            if line.startswith(prefix.encode()):
                listed.append((number, line.decode("utf-8", "surrogateescape")))
    if lines["#BSUB"]:
        return _bsub(lines["#BSUB"], command, name)
    return _pbs(lines["#PBS"], command, name)


def _bsub(lines: list[tuple[int, str]], command: str, name: str) -> list[str]:
    result: list[str] = []
    for number, line in lines:
        words = iter(split_words(line[5:], command, name, number))
        for word in words:
            if word in _BSUB_FLAGS:
                result += [_BSUB_FLAGS[word]] if _BSUB_FLAGS[word] else []
            elif word == "-n":
                result += ["--ntasks", next(words, "1").split(",")[-1]]
            elif word == "-W":
                result += ["--time", _lsf_time(next(words, ""))]
            elif word == "-M":
                size = next(words, "")
                result += ["--mem-per-cpu", f"{size}K" if size.isdigit() else size]
            elif word == "-m":
                result += ["--nodelist", next(words, "").replace(" ", ",")]
            elif word in _BSUB:
                result += [_BSUB[word], next(words, "")]
            elif word.startswith("-"):
                next(words, None)
    return result


_PBS = {
    "-A": "--account", "-a": "--begin", "-d": "--chdir", "-w": "--chdir", "-e": "--error", "-o": "--output",
    "-J": "--array", "-t": "--array", "-M": "--mail-user", "-N": "--job-name", "-p": "--nice", "-q": "--partition",
}  # fmt: skip
_PBS_IGNORED_WITH_VALUE = ("-c", "-C", "-j", "-k", "-S", "-u", "-r", "-W", "-v")


def _pbs(lines: list[tuple[int, str]], command: str, name: str) -> list[str]:
    result: list[str] = []
    for number, line in lines:
        words = iter(split_words(line[4:], command, name, number))
        for word in words:
            if word == "-l":
                result += _pbs_resources(next(words, ""))
            elif word == "-h":
                result.append("--hold")
            elif word == "-m":
                letters = next(words, "")
                types = {"n": "NONE", "a": "FAIL", "b": "BEGIN", "e": "END"}
                result += ["--mail-type", ",".join(types[c] for c in letters if c in types) or "NONE"]
            elif word in _PBS:
                result += [_PBS[word], next(words, "")]
            elif word in _PBS_IGNORED_WITH_VALUE:
                next(words, None)
    return result


def _pbs_resources(text: str) -> list[str]:
    """``-l nodes=2:ppn=4,walltime=1:00:00,mem=2gb``."""
    result: list[str] = []
    for item in text.split(","):
        for part in item.split(":") if item.startswith(("nodes=", "select=")) else [item]:
            key, _, value = part.partition("=")
            if key in ("nodes", "select") and value.isdigit():
                result += ["--nodes", value]
            elif key in ("ppn", "mpiprocs"):
                result += ["--ntasks-per-node", value]
            elif key == "ncpus":
                result += ["--cpus-per-task", value] if item.startswith("select=") else ["--mincpus", value]
            elif key in ("gpus", "ngpus"):
                result += ["--gres", f"gpu:{value}"]
            elif key in ("walltime", "cput"):
                result += ["--time", value]
            elif key in ("mem", "vmem"):
                result += ["--mem", value.lower().removesuffix("b").removesuffix("w") or "0"]
            elif key in ("pmem", "pvmem"):
                result += ["--mem-per-cpu", value.lower().removesuffix("b") or "0"]
    return result
