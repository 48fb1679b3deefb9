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
        mask_cpu:<list> specify a CPU ID binding mask for each task
        sockets         auto-generated masks bind to sockets
        cores           auto-generated masks bind to cores
        threads         auto-generated masks bind to threads
        ldoms           auto-generated masks bind to NUMA locality domains
        help            show this help message
"""


def _names(option: Option) -> str:
    value = option.value or "value"
    shown = {"none": "", "required": f"={value}", "optional": f"[={value}]"}[option.takes]
    short = f"-{option.short}, " if option.short else "    "
    return f"  {short}--{option.name}{shown}"


def help_text(command: str) -> str:
    """What --help prints."""
    lines = [f"Usage: {command} {_OPERANDS[command]}", "", "Options:"]
    for option in OPTIONS:
        if command in option.commands:
            lines.append(f"{_names(option):<40} {option.help}")
    return "\n".join(lines) + "\n"


def usage_text(command: str) -> str:
    """What --usage prints."""
    words = [f"[--{o.name}{'=' + (o.value or 'value') if o.takes == 'required' else ''}]" for o in OPTIONS
             if command in o.commands]  # fmt: skip
    lines, line = [], f"Usage: {command}"
    for word in words:
        if len(line) + len(word) > 78:
            lines.append(line)
            line = "            " + word
        else:
            line += " " + word
    return "\n".join([*lines, line, "            " + _OPERANDS[command].split("]...]", 1)[-1].strip()]) + "\n"
