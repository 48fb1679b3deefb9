"""To what tasks are bound: ``--cpu-bind=v,map_cpu:0,2``, ``--mem-bind=local``, ``--gpu-bind=single:2`` (srun(1))."""

from __future__ import annotations

import re

_LIST = r"[\da-fx*-]+(?:,[\da-fx*-]+)*"  # one way only to read it: nothing to go back over
_VOICE = r"q(?:uiet)?|v(?:erbose)?"


def _comma_separated(word: str) -> re.Pattern[str]:
    return re.compile(f"(?:{word})(?:,(?:{word}))*", re.IGNORECASE | re.ASCII)


_CPU = _comma_separated(
    rf"{_VOICE}|n(?:o(?:ne)?)?|y(?:es)?|threads?|cores?|sockets?|ldoms?|rank_ldom|rank|m(?:ap|ask)_(?:cpu|ldom):{_LIST}"
)
_MEM = _comma_separated(rf"{_VOICE}|no(?:ne)?|rank|local|p(?:refer)?|sort|nosort|m(?:ap|ask)_mem:{_LIST}")
_GPU = re.compile(
    rf"(?:(?:{_VOICE}),)?(?:closest|none|single:\d+|per_task:\d+|m(?:ap|ask)(?:_gpu)?:{_LIST})",
    re.IGNORECASE | re.ASCII,
)


def is_cpu_binding(text: str) -> bool:
    """Is it a --cpu-bind value?"""
    return _CPU.fullmatch(text) is not None


def is_memory_binding(text: str) -> bool:
    """Is it a --mem-bind value?"""
    return _MEM.fullmatch(text) is not None


def is_gpu_binding(text: str) -> bool:
    """Is it a --gpu-bind value?"""
    return _GPU.fullmatch(text) is not None
