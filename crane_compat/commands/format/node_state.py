"""The one word that says how a node is, long and short, and the ``A+B`` form (sinfo(1), node state codes)."""

from __future__ import annotations

from crane_compat.core import states as st

#: (flag, mark behind the word), the first that fits; the meaning stands in sinfo(1)
_MARKS = (
    (st.NODE_MAINT, "$"),
    (st.NODE_REBOOT_ISSUED, "^"),
    (st.NODE_REBOOT_REQUESTED, "@"),
    (st.NODE_POWERING_UP | st.NODE_POWER_UP, "#"),
    (st.NODE_POWERING_DOWN, "%"),
    (st.NODE_POWERED_DOWN, "~"),
    (st.NODE_POWER_DOWN, "!"),
    (st.NODE_NO_RESPOND, "*"),
)

_BASE_WORDS = {
    st.NODE_UNKNOWN: ("unknown", "unk"),
    st.NODE_DOWN: ("down", "down"),
    st.NODE_IDLE: ("idle", "idle"),
    st.NODE_ALLOCATED: ("allocated", "alloc"),
    st.NODE_ERROR: ("error", "err"),
    st.NODE_MIXED: ("mixed", "mix"),
    st.NODE_FUTURE: ("future", "futr"),
}

#: flag → its word in ``A+B``, in the order they are listed
FLAG_WORDS = {
    st.NODE_BLOCKED: "BLOCKED",
    st.NODE_CLOUD: "CLOUD",
    st.NODE_COMPLETING: "COMPLETING",
    st.NODE_DRAIN: "DRAIN",
    st.NODE_DYNAMIC_FUTURE: "DYNAMIC_FUTURE",
    st.NODE_DYNAMIC_NORM: "DYNAMIC_NORM",
    st.NODE_FAILING: "FAIL",
    st.NODE_INVALID_REG: "INVALID_REG",
    st.NODE_MAINT: "MAINTENANCE",
    st.NODE_POWER_DOWN: "POWER_DOWN",
    st.NODE_POWER_UP: "POWER_UP",
    st.NODE_NO_RESPOND: "NOT_RESPONDING",
    st.NODE_PLANNED: "PLANNED",
    st.NODE_POWERED_DOWN: "POWERED_DOWN",
    st.NODE_POWERING_DOWN: "POWERING_DOWN",
    st.NODE_POWERING_UP: "POWERING_UP",
    st.NODE_REBOOT_ISSUED: "REBOOT_ISSUED",
    st.NODE_REBOOT_REQUESTED: "REBOOT_REQUESTED",
    st.NODE_RES: "RESERVED",
    st.NODE_POWER_DRAIN: "POWER_DRAIN",
}

#: What ``sinfo --states`` takes: word → (flags, base) it stands for; None as base = any
STATES: dict[str, tuple[int, int | None]] = {
    "unknown": (0, st.NODE_UNKNOWN),
    "down": (0, st.NODE_DOWN),
    "idle": (0, st.NODE_IDLE),
    "allocated": (0, st.NODE_ALLOCATED),
    "mixed": (0, st.NODE_MIXED),
    "future": (0, st.NODE_FUTURE),
    "drain": (st.NODE_DRAIN, None),
    "drained": (st.NODE_DRAIN, st.NODE_IDLE),
    "draining": (st.NODE_DRAIN, st.NODE_ALLOCATED),
    "no_respond": (st.NODE_NO_RESPOND, None),
    "reserved": (st.NODE_RES, None),
    "planned": (st.NODE_PLANNED, None),
    "blocked": (st.NODE_BLOCKED, None),
    "cloud": (st.NODE_CLOUD, None),
    "completing": (st.NODE_COMPLETING, None),
    "powering_down": (st.NODE_POWERING_DOWN, None),
    "powered_down": (st.NODE_POWERED_DOWN, None),
    "power_down": (st.NODE_POWER_DOWN, None),
    "powering_up": (st.NODE_POWERING_UP, None),
    "power_up": (st.NODE_POWER_UP, None),
    "inval": (st.NODE_INVALID_REG, None),
    "fail": (st.NODE_FAILING, None),
    "maint": (st.NODE_MAINT, None),
    "reboot": (st.NODE_REBOOT_REQUESTED, None),
    "reboot^": (st.NODE_REBOOT_ISSUED, None),
    "external": (st.NODE_NET, None),
    "dynamic_future": (st.NODE_DYNAMIC_FUTURE, None),
    "dynamic_norm": (st.NODE_DYNAMIC_NORM, None),
}

#: Short forms that are not the beginning of the long ones.
SHORT_STATES = {"unk": "unknown", "mix": "mixed", "futr": "future", "drng": "draining", "comp": "completing",
                "resv": "reserved", "plnd": "planned", "failg": "fail", "failing": "fail"}  # fmt: skip

_WORKING = (st.NODE_ALLOCATED, st.NODE_MIXED)


def _word(state: int, short: bool) -> str:
    base = state & st.NODE_BASE_MASK
    working = base in _WORKING or bool(state & st.NODE_COMPLETING)
    if state & st.NODE_INVALID_REG:
        return "inval"
    if state & st.NODE_MAINT and not state & st.NODE_DRAIN and base not in (*_WORKING, st.NODE_DOWN):
        return "maint"
    if (
        state & (st.NODE_REBOOT_ISSUED | st.NODE_REBOOT_REQUESTED)
        and not state & st.NODE_DRAIN
        and base == st.NODE_IDLE
    ):
        return "boot" if short else "reboot"
    if state & st.NODE_DRAIN:
        return ("drng" if short else "draining") if working else ("drain" if short else "drained")
    if state & st.NODE_FAILING:
        return ("failg" if short else "failing") if working else "fail"
    if state & st.NODE_COMPLETING and base != st.NODE_DOWN:
        if base in _WORKING:
            return _BASE_WORDS[base][short]
        return "comp" if short else "completing"
    if state & st.NODE_RES and base == st.NODE_IDLE:
        return "resv" if short else "reserved"
    if state & st.NODE_BLOCKED and base == st.NODE_IDLE:
        return "block" if short else "blocked"
    if state & st.NODE_PLANNED and base == st.NODE_IDLE:
        return "plnd" if short else "planned"
    return _BASE_WORDS.get(base, ("unknown", "unk"))[short]


def state_word(state: int, *, short: bool = False) -> str:
    """``idle``, ``draining*``, ``mix~`` …: word and the mark of what matters most."""
    word = _word(state, short)
    for flags, mark in _MARKS:
        if not state & flags:
            continue
        if flags == st.NODE_MAINT and word == "maint":
            continue
        return word + mark
    base = state & st.NODE_BASE_MASK
    if state & st.NODE_PLANNED and base in _WORKING:
        return word + "-"
    if state & st.NODE_COMPLETING and base in _WORKING and not state & st.NODE_DRAIN:
        return word + "+"
    return word


def state_flags(state: int) -> str:
    """``IDLE+CLOUD+POWERED_DOWN``: everything."""
    words = [_BASE_WORDS.get(state & st.NODE_BASE_MASK, ("unknown", ""))[0].upper()]
    words += [word for flag, word in FLAG_WORDS.items() if state & flag]
    return "+".join(words)


def fits(state: int, flags: int, base: int | None) -> bool:
    """Is a node in one of the STATES?"""
    if flags and not state & flags:
        return False
    have = state & st.NODE_BASE_MASK
    if base is None:
        return True
    if base == st.NODE_ALLOCATED:
        working = have == st.NODE_ALLOCATED or (bool(flags) and have == st.NODE_MIXED)
        return working or bool(state & st.NODE_COMPLETING)
    if flags == st.NODE_DRAIN:  # drained: nothing runs any more
        return have not in _WORKING and not state & st.NODE_COMPLETING
    return have == base
