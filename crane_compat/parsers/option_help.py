"""The help texts of the submission commands, made from the option table."""

from __future__ import annotations

from crane_compat.parsers.option_table import OPTIONS, Option

_OPERANDS = {
    "sbatch": "[OPTIONS(0)...] [ : [OPTIONS(N)...]] script(0) [args(0)...]",
    "srun": "[OPTIONS(0)... [executable(0) [args(0)...]]] [ : [OPTIONS(N)...]] executable(N) [args(N)...]",
    "salloc": "[OPTIONS(0)...] [ : [OPTIONS(N)]] [command(0) [args(0)...]]",
}

CPU_BIND_HELP = """\
CPU bind options:
    --cpu-bind=         Bind tasks to CPUs
        q[uiet]         quietly bind before task runs (default)
        v[erbose]       verbosely report binding before task runs
        no[ne]          don't bind tasks to CPUs (default)
        map_cpu:<list>  specify a CPU ID binding for each task
                        where <list> is <cpuid1>,<cpuid2>,...<cpuidN>
        mask_cpu:<list> specify a CPU ID binding mask for each task
                        where <list> is <mask1>,<mask2>,...<maskN>
        rank_ldom       bind task by rank to CPUs in a NUMA locality domain
        map_ldom:<list> specify a NUMA locality domain ID for each task
                        where <list> is <ldom1>,<ldom2>,...<ldomN>
        mask_ldom:<list>specify a NUMA locality domain ID mask for each task
                        where <list> is <mask1>,<mask2>,...<maskN>
        sockets         auto-generated masks bind to sockets
        cores           auto-generated masks bind to cores
        threads         auto-generated masks bind to threads
        ldoms           auto-generated masks bind to NUMA locality domains
        help            show this help message
"""

HINT_HELP = """\
Hints about the program (--hint=):
    compute_bound       it computes: use all cores of each socket, one thread a core
    memory_bound        it moves data: use one core of each socket
    multithread         let tasks use the further threads of their cores
    nomultithread       leave the further threads of cores alone
    help                show these hints
"""


def _names(option: Option) -> str:
    value = option.value or "value"
    shown = {"none": "", "required": f"={value}", "optional": f"[={value}]"}[option.takes]
    short = f"-{option.short}, " if option.short else "    "
    return f"  {short}--{option.name}{shown}"


def help_text(command: str) -> str:
    """What --help prints."""
    lines = [f"Usage: {command} {_OPERANDS[command]}", "", "Parallel run options:"]
    for option in OPTIONS:
        if command in option.commands and option.status != "old":
            names = _names(option)
            lines.append(f"{names:<29} {option.help}" if len(names) < 30 else f"{names} {option.help}")
    return "\n".join(lines) + "\n"


def usage_text(command: str) -> str:
    """What --usage prints."""
    words = [f"[--{o.name}{'=' + (o.value or 'value') if o.takes == 'required' else ''}]" for o in OPTIONS
             if command in o.commands and o.status != "old"]  # fmt: skip
    lines, line = [], f"Usage: {command}"
    for word in words:
        if len(line) + len(word) > 78:
            lines.append(line)
            line = "            " + word
        else:
            line += " " + word
    return "\n".join([*lines, line, "            " + _OPERANDS[command].split("]...]", 1)[-1].strip()]) + "\n"


def completions(command: str, text: str) -> str:
    """What --autocomplete prints: the options whose names contain `text`, as a shell's completion wants them."""
    lines = []
    for option in OPTIONS:
        if command in option.commands and text in option.name and option.status != "old":
            if option.takes != "none":
                lines.append(f"--{option.name}=")
            if option.takes == "optional":
                lines.append(f"--{option.name} ")
            elif option.takes == "none":
                lines.append(f"--{option.name}")
    return "".join(f"{line}\n" for line in sorted(lines, key=lambda line: line.rstrip("= "))) + "\n"


def bash_completion() -> str:
    """Bash functions that complete option names, and file names where a value or the program stands."""
    lines = []
    for command in ("sbatch", "srun", "salloc"):
        mine = [option for option in OPTIONS if command in option.commands and option.status != "old"]
        words = [f"--{option.name}" + ("=" if option.takes == "required" else "") for option in mine]
        words += [f"-{option.short}" for option in mine if option.short]
        lines += [
            f"_crane_{command}() {{",
            "    local word=${COMP_WORDS[COMP_CWORD]}",
            "    if [[ $word == -* ]]; then",
            f"        COMPREPLY=($(compgen -W '{' '.join(words)}' -- \"$word\"))",
            "        [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace",
            "    else",
            '        COMPREPLY=($(compgen -f -- "$word"))',
            "    fi",
            "}",
            f"complete -F _crane_{command} -o filenames {command}",
        ]
    return "\n".join(lines) + "\n"
