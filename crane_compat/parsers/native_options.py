"""The options that #CBATCH lines may have: cbatch's, by name, with their counterparts in sbatch.

Source: the public front end's own list (`docs/lint.md` says what is checked of their values).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from crane_compat.parsers.getopt_long import Table


@dataclass(frozen=True, slots=True)
class NativeOption:
    """One option; takes: none, required or optional.

    counterpart: the long name of sbatch's option, "" = none.  same: whatever sbatch's option takes as a value is all
    that this one takes (other grammars are wider, e.g. fractions of memory).  shell: only for the command line in the
    original; in a script it is taken here as well.
    """

    name: str
    short: str
    takes: str
    counterpart: str
    same: bool
    shell: bool = False


def _make(
    name: str, short: str = "", *, takes: str = "required", counterpart: str | None = None, same: bool = True,
    shell: bool = False,
) -> NativeOption:  # fmt: skip
    return NativeOption(name, short, takes, name if counterpart is None else counterpart, same, shell)


def _pod(name: str, takes: str = "required") -> NativeOption:
    return _make(name, takes=takes, counterpart="", same=False)


NATIVE_OPTIONS: tuple[NativeOption, ...] = (
    _make("nodes", "N"),
    _make("ntasks", "n"),
    _make("ntasks-per-node"),
    _make("cpus-per-task", "c", same=False),  # fractions
    _make("mem", same=False),  # fractions, plain bytes
    _make("mem-per-cpu", same=False),
    _make("gres"),
    _make("gpus-per-node"),
    _make("time", "t"),
    _make("partition", "p"),
    _make("account", "A"),
    _make("qos", "q"),
    _make("job-name", "J"),
    _make("nodelist", "w"),
    _make("exclude", "x"),
    _make("exclusive", takes="optional", same=False),  # =true, =false
    _make("reservation", "r"),
    _make("begin", "b", same=False),  # now+1h30m, weekdays
    _make("deadline", same=False, shell=True),
    _make("hold", "H", takes="optional", same=False, shell=True),
    _make("dependency", "d", same=False),  # delays with units
    _make("array", "a"),
    _make("repeat", counterpart="", same=False, shell=True),
    _make("requeue", takes="optional", same=False),
    _make("no-requeue", takes="optional", same=False),
    _make("signal", "s", same=False),  # several
    _make("licenses", "L"),
    _make("wckey"),
    _make("chdir", "D"),
    _make("input", "i"),
    _make("output", "o"),
    _make("error", "e"),
    _make("open-mode"),
    _make("get-user-env", takes="optional", same=False),
    _make("export"),
    _make("interpreter", counterpart="", same=False),
    _make("wrap", shell=True),
    _make("comment"),
    _make("mail-type", same=False),  # OOM, TIMELIMIT
    _make("mail-user"),
    _make("extra-attr", counterpart="extra", same=False),
    _make("json", takes="optional", counterpart="", same=False, shell=True),
    _make("config", "C", counterpart="", same=False, shell=True),
    _make("version", "v", takes="none", counterpart="", same=False, shell=True),
    _make("help", "h", takes="none", counterpart="", same=False, shell=True),
    _pod("pod", "optional"),
    _pod("pod-name"),
    _pod("pod-port"),
    _pod("pod-user"),
    _pod("pod-userns", "optional"),
    _pod("pod-host-network", "optional"),
    _pod("pod-dns"),
)


@lru_cache(maxsize=1)
def native_table() -> Table[NativeOption]:
    """The options as #CBATCH lines have them: long names in full."""
    listed = {option.short: option for option in NATIVE_OPTIONS if option.short}
    listed["Q"] = next(option for option in NATIVE_OPTIONS if option.name == "qos")  # -Q in the original's scripts
    return Table(listed, {}, {option.name: option for option in NATIVE_OPTIONS})
