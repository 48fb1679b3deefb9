"""Signals by name or number, and ``--signal=B:USR1@60`` (sbatch(1))."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass

_SPEC = re.compile(r"(?:([RBrb]{1,2}):)?([A-Za-z0-9]+)(?:@(\d{1,9}))?$", re.ASCII)


def signal_number(text: str) -> int:
    """``USR1``, ``SIGUSR1``, ``10`` → 10.  Raises ValueError."""
    if re.fullmatch(r"\d{1,3}", text, re.ASCII):
        number = int(text)
        if 0 < number < signal.NSIG:
            return number
        raise ValueError(f"no signal: {text}")
    name = text.upper().removeprefix("SIG")
    try:
        return int(signal.Signals[f"SIG{name}"])
    except KeyError:
        raise ValueError(f"no signal: {text}") from None


@dataclass(frozen=True, slots=True)
class SignalSpec:
    """`seconds` before the end; `batch`: to the script's shell only; `reservation`: also when a reservation ends."""

    number: int
    seconds: int = 60
    batch: bool = False
    reservation: bool = False

    def __str__(self) -> str:
        flags = "R" * self.reservation + "B" * self.batch
        return f"{flags}{':' if flags else ''}{self.number}@{self.seconds}"


def parse_signal_spec(text: str) -> SignalSpec:
    """Read a --signal value.  Raises ValueError."""
    match = _SPEC.match(text)
    if match is None:
        raise ValueError(f"no signal specification: {text!r}")
    flags = (match[1] or "").upper()
    seconds = int(match[3]) if match[3] else 60
    if seconds > 0xFFFF:
        raise ValueError(f"more than 65535 seconds: {text!r}")
    return SignalSpec(signal_number(match[2]), seconds, "B" in flags, "R" in flags)
