"""To what tasks are bound: ``--cpu-bind=v,map_cpu:0,2``, ``--mem-bind=local``, ``--gpu-bind=single:2`` (srun(1))."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

_LIST = r"[\da-fx*-]+(?:,[\da-fx*-]+)*"  # one way only to read it: nothing to go back over
_GPU = re.compile(
    rf"(?:(?:q(?:uiet)?|v(?:erbose)?),)?(?:closest|none|single:\d+|per_task:\d+|m(?:ap|ask)(?:_gpu)?:{_LIST})",
    re.IGNORECASE | re.ASCII,
)

#: Between words; the elements of a list begin with a digit.
_WORDS = re.compile(r",(?!\d)")
_VOICES = {"q": False, "quiet": False, "v": True, "verbose": True}
_NONE = {"n": "none", "no": "none", "none": "none"}
_CPU_MODES = _NONE | {"rank": "rank", "rank_ldom": "rank_ldom"}
_CPU_LISTS = {"map_cpu", "mask_cpu", "map_ldom", "mask_ldom"}
_CPU_UNITS = {
    word: unit for unit in ("threads", "cores", "sockets", "ldoms") for word in (unit, unit.removesuffix("s"))
}
_MEMORY_MODES = _NONE | {"rank": "rank", "local": "local"}
_MEMORY_LISTS = {"map_mem", "mask_mem"}
_MEMORY_FLAGS = {"p": "prefer", "prefer": "prefer", "sort": "sort", "nosort": ""}


#: CpuBind of nodes and partitions (slurm.conf(5)), as it is shown: its number in documents.
CPU_BIND = {"threads": 0x2, "cores": 0x4, "sockets": 0x8, "ldoms": 0x10, "none": 0x20}


def default_unit(text: str) -> str | None:
    """A CpuBind: a key of `CPU_BIND`, "" where it is off; None where it is none of them."""
    word = text.lower()
    return "" if word in ("", "off") else _NONE.get(word) or _CPU_UNITS.get(word)


class BindingError(ValueError):
    """What is wrong, as srun says it."""


@dataclass(frozen=True, slots=True)
class Binding:
    """A --cpu-bind or --mem-bind.

    mode: none, rank, local, rank_ldom, or the name of a list: map_cpu, mask_cpu, map_ldom, mask_ldom, map_mem,
    mask_mem; "" where it is left to us.  unit: what a task gets all of: threads, cores, sockets, ldoms.  values: the
    list's elements, numbers in decimal (map) or hexadecimal (mask) digits, repetitions written out.
    """

    verbose: bool = False
    mode: str = ""
    unit: str = ""
    values: tuple[str, ...] = ()
    prefer: bool = False  # memory: not only
    sort: bool = False  # memory

    @property
    def list(self) -> str:
        """The list as variables tell it."""
        return ",".join(self.values)

    @property
    def type(self) -> str:
        """The rule without its list: ``cores``, ``mask_cpu:``."""
        return ",".join(filter(None, (self.unit, f"{self.mode}:" if self.values else self.mode)))

    @property
    def numbers(self) -> tuple[int, ...]:
        """The list's elements: CPUs or NUMA nodes of a map, masks of them of a mask."""
        return tuple(int(value, 16 if self.mode.startswith("mask") else 10) for value in self.values)


def parse_cpu_binding(text: str) -> Binding:
    """Read a --cpu-bind.  Raises BindingError."""
    found = Binding()
    for word in _WORDS.split(text):
        lower = word.lower()
        name, colon, listed = lower.partition(":")
        if lower in _VOICES:
            found = replace(found, verbose=_VOICES[lower])
        elif lower in _CPU_MODES:
            found = replace(found, mode=_CPU_MODES[lower], values=())
        elif lower in _CPU_UNITS:
            found = replace(found, unit=_CPU_UNITS[lower])
        elif name in _CPU_LISTS:
            found = replace(found, mode=name, values=_elements(f"--cpu-bind={name}", name, listed if colon else ""))
        else:
            raise BindingError(f'unrecognized --cpu-bind argument "{word}"')
    return found


def parse_memory_binding(text: str) -> Binding:
    """Read a --mem-bind.  Raises BindingError."""
    found = Binding()
    for word in _WORDS.split(text):
        lower = word.lower()
        name, colon, listed = lower.partition(":")
        if lower in _VOICES:
            found = replace(found, verbose=_VOICES[lower])
        elif lower in _MEMORY_MODES:
            found = replace(found, mode=_MEMORY_MODES[lower], values=())
        elif lower in _MEMORY_FLAGS:
            flag = _MEMORY_FLAGS[lower]
            found = replace(found, prefer=True) if flag == "prefer" else replace(found, sort=bool(flag))
        elif name in _MEMORY_LISTS:
            found = replace(found, mode=name, values=_elements(f"--mem-bind={name}", name, listed if colon else ""))
        else:
            raise BindingError(f'unrecognized --mem-bind argument "{word}"')
    return found


#: Characters of a list with its repetitions written out, no variable may be longer; digits of an element.
_MAX_TEXT = 100_000
_MAX_DIGITS = {"map": 9, "mask": 4096}


def _elements(option: str, name: str, text: str) -> tuple[str, ...]:
    """A list's elements: of ``0x3*2,1`` these are 3, 3, 1."""
    if not text:
        raise BindingError(f'missing list for "{option}:<list>"')
    digits = "0123456789abcdef" if name.startswith("mask") else "0123456789"
    values: list[str] = []
    length = 0
    for item in text.split(","):
        value, star, times = item.partition("*")
        number = value.removeprefix("0x") if name.startswith("mask") else value
        _check(number, value, digits)
        if star:
            _check(times, f"*{times}", "0123456789")
        count = int(times[:9]) if star else 1
        length += (len(number) + 1) * count
        if length > _MAX_TEXT or len(number) > _MAX_DIGITS[name.partition("_")[0]]:
            raise BindingError(f"Failed to validate number: {item[:64]}, it is out of range")
        values += [number] * count
    return tuple(values)


def _check(number: str, shown: str, digits: str) -> None:
    wrong = next((char for char in number if char not in digits), "" if number else shown[:1] or ",")
    if wrong:
        raise BindingError(f"Failed to validate number: {shown}, the offending character is {wrong}")


def is_gpu_binding(text: str) -> bool:
    """Is it a --gpu-bind value?"""
    return _GPU.fullmatch(text) is not None
