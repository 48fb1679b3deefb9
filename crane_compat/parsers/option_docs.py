"""``docs/options.md``, made from the option table: ``python -m crane_compat.parsers.option_docs > docs/options.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from crane_compat.parsers.option_table import OPTIONS, Option

_COMMANDS = ("sbatch", "srun", "salloc")

_HEAD = """\
# Options of sbatch, srun and salloc

Made from the table that the command line, the environment, `#SBATCH` lines, `--help` and `crane lint` read
(`crane_compat/parsers/option_table.py`); all options of Slurm 25.11 are in it. Names may be shortened as long as they
are unambiguous. What a command line says counts more than variables, and these more than the script.

| status | |
|---|---|
| honoured | it does what Slurm's manual says |
| shown | kept with the job, shown by `scontrol`, `squeue` and in the job's environment; nothing acts on it |
| recorded | taken, without effect, for the reason given |
| refused | not to be had here: the command says so and ends with 1 |
| former name | of an older Slurm, which 25.11 refuses: taken when written in full, with a line on stderr |

Who gives an option that is shown or recorded only gets a line on stderr, where that is a terminal; programs that read
stderr find there what Slurm writes, which is nothing. `crane lint` says it of scripts.

`B`, `R`, `A`: an option of `sbatch`, `srun`, `salloc`. Fields are those of the request (`JobSpec`, `StepRequest` in
`crane_compat/wire/crane.proto`).

| option | | sets | variables | status | |
|---|---|---|---|---|---|
"""


def _names(option: Option) -> str:
    value = (option.value or "value").replace("|", "\\|")
    shown = {"none": "", "required": f"={value}", "optional": f"[={value}]"}[option.takes]
    short = f"`-{option.short}`, " if option.short else ""
    return f"{short}`--{option.name}{shown}`"


def _row(option: Option) -> str:
    letters = "".join({"sbatch": "B", "srun": "R", "salloc": "A"}[name] for name in option.commands)
    variables = " ".join(f"`{name}`" for name in dict.fromkeys(v for c in _COMMANDS for v in option.env.get(c, ())))
    status = "former name" if option.status == "old" else option.status
    text = f"{option.help}; {option.why}" if option.why else option.help
    fields = " ".join(f"`{name}`" for name in filter(None, option.spec.split(", ")))
    return f"| {_names(option)} | {letters} | {fields} | {variables} | {status} | {text} |"


def text() -> str:
    """The whole document."""
    return _HEAD + "".join(f"{line}\n" for line in _lines())


def _lines() -> Iterator[str]:
    for option in sorted(OPTIONS, key=lambda option: option.name):
        yield _row(option)


if __name__ == "__main__":
    sys.stdout.write(text())
