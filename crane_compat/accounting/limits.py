"""What can be set on associations and QOS: one table for parsing, storing and printing.

A word on sacctmgr's command line means a setting where it is a beginning of its
name at least `least` letters long.  Source: sacctmgr(1), recordings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from crane_compat.core.tres import format_memory
from crane_compat.parsers.time_limit import format_hms, parse_minutes, parse_seconds

from . import codes

UNSET = -1  #: "-1" removes a limit

PARENT_SHARES = 0x7FFFFFFF

#: qos_table.preempt_mode
PREEMPT_MODES = {"cluster": 0, "off": 0, "suspend": 1, "requeue": 2, "cancel": 8, "gang": 0x8000, "within": 0x4000}


class ValueRefused(Exception):
    """A value that is none for its setting: the text printed (several lines possible).

    `fatal`: the command stops; else the setting is passed over.
    """

    def __init__(self, text: str, fatal: bool = False) -> None:
        self.text, self.fatal = text, fatal
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that can be set.

    `names`: the name to print first, then aliases; `column`: of assoc_table or qos_table;
    `kind`: int, uint, minutes, seconds, tres, shares, qos (one), qos_list, qos_flags, preempt, preempt_mode,
    float, text; `tres`: the TRES an old one-number setting stands for.
    """

    column: str
    kind: str
    names: tuple[str, ...]
    least: int = 4
    tres: str = ""
    hidden: bool = False  # an old form: not printed among limits


def _s(column: str, kind: str, names: str, least: int = 4, tres: str = "") -> Setting:
    return Setting(column, kind, tuple(names.split()), least, tres, bool(tres))


#: settings of associations, in the order they are printed
ASSOCIATION: tuple[Setting, ...] = (
    _s("def_qos_id", "qos", "DefaultQOS DefQOS", 4),
    _s("shares", "shares", "Fairshare Shares", 1),
    _s("grp_jobs_accrue", "int", "GrpJobsAccrue", 8),
    _s("grp_jobs", "int", "GrpJobs", 4),
    _s("grp_submit_jobs", "int", "GrpSubmitJobs", 4),
    _s("grp_tres_mins", "tres", "GrpTRESMins", 8),
    _s("grp_tres_run_mins", "tres", "GrpTRESRunMins", 8),
    _s("grp_tres", "tres", "GrpTRES", 7),
    _s("grp_wall", "minutes", "GrpWall", 4),
    _s("grp_tres_mins", "tres", "GrpCPUMins", 7, "cpu"),
    _s("grp_tres_run_mins", "tres", "GrpCPURunMins", 7, "cpu"),
    _s("grp_tres", "tres", "GrpCPUs", 6, "cpu"),
    _s("grp_tres", "tres", "GrpMemory", 4, "mem"),
    _s("grp_tres", "tres", "GrpNodes", 4, "node"),
    _s("max_jobs_accrue", "int", "MaxJobsAccrue", 8),
    _s("max_jobs", "int", "MaxJobs", 4),
    _s("max_submit_jobs", "int", "MaxSubmitJobs", 4),
    _s("max_tres_mins_pj", "tres", "MaxTRESMinsPerJob MaxTRESMinsPJ", 8),
    _s("max_tres_run_mins", "tres", "MaxTRESRunMins", 8),
    _s("max_tres_pn", "tres", "MaxTRESPerNode MaxTRESPN", 9),
    _s("max_tres_pj", "tres", "MaxTRESPerJob MaxTRESPJ MaxTRES", 7),
    _s("max_tres_mins_pj", "tres", "MaxCPUMinsPerJob MaxCPUMinutes", 7, "cpu"),
    _s("max_tres_pj", "tres", "MaxCPUsPerJob", 6, "cpu"),
    _s("max_tres_pj", "tres", "MaxNodesPerJob", 4, "node"),
    _s("max_wall_pj", "minutes", "MaxWallDurationPerJob", 4),
    _s("min_prio_thresh", "int", "MinPrioThreshold", 4),
    _s("priority", "uint", "Priority", 3),
    _s("qos", "qos_list", "QOS QosLevel", 1),
    _s("comment", "text", "Comment", 3),
)

#: settings of QOS, in the order they are printed
QOS: tuple[Setting, ...] = (
    _s("description", "text", "Description", 1),
    _s("flags", "qos_flags", "Flags", 2),
    _s("grace_time", "seconds", "GraceTime", 3),
    _s("grp_jobs_accrue", "int", "GrpJobsAccrue", 8),
    _s("grp_jobs", "int", "GrpJobs", 4),
    _s("grp_submit_jobs", "int", "GrpSubmitJobs", 4),
    _s("grp_tres_mins", "tres", "GrpTRESMins", 8),
    _s("grp_tres_run_mins", "tres", "GrpTRESRunMins", 8),
    _s("grp_tres", "tres", "GrpTRES", 7),
    _s("grp_wall", "minutes", "GrpWall", 4),
    _s("grp_tres_mins", "tres", "GrpCPUMins", 7, "cpu"),
    _s("grp_tres_run_mins", "tres", "GrpCPURunMins", 7, "cpu"),
    _s("grp_tres", "tres", "GrpCPUs", 6, "cpu"),
    _s("grp_tres", "tres", "GrpMemory", 4, "mem"),
    _s("grp_tres", "tres", "GrpNodes", 4, "node"),
    _s("limit_factor", "float", "LimitFactor", 5),
    _s("max_jobs_accrue_pa", "int", "MaxJobsAccruePerAccount MaxJobsAccruePA", 14),
    _s("max_jobs_accrue_pu", "int", "MaxJobsAccruePerUser MaxJobsAccruePU", 14),
    _s("max_jobs_pa", "int", "MaxJobsPerAccount MaxJobsPA", 9),
    _s("max_jobs_per_user", "int", "MaxJobsPerUser MaxJobsPU MaxJobs", 4),
    _s("max_submit_jobs_pa", "int", "MaxSubmitJobsPerAccount MaxSubmitJobsPA MaxSubmitPA", 11),
    _s("max_submit_jobs_per_user", "int", "MaxSubmitJobsPerUser MaxSubmitJobsPU MaxSubmitPU MaxSubmitJobs", 6),
    _s("max_tres_run_mins_pa", "tres", "MaxTRESRunMinsPerAccount MaxTRESRunMinsPA MaxTRESRunMinsPerAcct", 16),
    _s("max_tres_run_mins_pu", "tres", "MaxTRESRunMinsPerUser MaxTRESRunMinsPU", 8),
    _s("max_tres_mins_pj", "tres", "MaxTRESMinsPerJob MaxTRESMinsPJ", 8),
    _s("max_tres_pa", "tres", "MaxTRESPerAccount MaxTRESPA MaxTRESPerAcct", 9),
    _s("max_tres_pn", "tres", "MaxTRESPerNode MaxTRESPN", 9),
    _s("max_tres_pu", "tres", "MaxTRESPerUser MaxTRESPU", 9),
    _s("max_tres_pj", "tres", "MaxTRESPerJob MaxTRESPJ MaxTRES", 7),
    _s("max_tres_mins_pj", "tres", "MaxCPUMinsPerJob MaxCPUMinutes", 7, "cpu"),
    _s("max_tres_pu", "tres", "MaxCPUsPerUser MaxCPUsPU", 8, "cpu"),
    _s("max_tres_pj", "tres", "MaxCPUsPerJob", 6, "cpu"),
    _s("max_tres_pu", "tres", "MaxNodesPerUser MaxNodesPU", 9, "node"),
    _s("max_tres_pj", "tres", "MaxNodesPerJob", 4, "node"),
    _s("max_wall_duration_per_job", "minutes", "MaxWall MaxWallDurationPerJob", 4),
    _s("min_prio_thresh", "int", "MinPrioThreshold", 4),
    _s("min_tres_pj", "tres", "MinTRESPerJob MinTRES", 7),
    _s("min_tres_pj", "tres", "MinCPUsPerJob", 6, "cpu"),
    _s("preempt_mode", "preempt_mode", "PreemptMode", 8),
    _s("preempt_exempt_time", "seconds", "PreemptExemptTime", 8),
    _s("preempt", "preempt", "Preempt", 7),
    _s("priority", "uint", "Priority", 3),
    _s("usage_factor", "float", "UsageFactor", 6),
    _s("usage_thres", "float", "UsageThreshold", 6),
)


def find(settings: tuple[Setting, ...], word: str) -> Setting | None:
    """The setting a word on the command line means."""
    word = word.lower()
    for setting in settings:
        for name in setting.names:
            if len(word) >= setting.least and name.lower().startswith(word):
                return setting
    return next((s for s in settings if word in (n.lower() for n in s.names)), None)


# ---------------------------------------------------------------- values


@dataclass(frozen=True, slots=True)
class Numbers:
    """The names values may use: TRES and QOS by name."""

    tres: Mapping[str, int]
    qos: Mapping[str, int]


def parse(setting: Setting, op: str, text: str, numbers: Numbers) -> Any:
    """The value to store; for list kinds ``(op, …)``.  Raises ValueRefused."""
    return _PARSERS[setting.kind](setting, op, text.strip(), numbers)


def _number(setting: Setting, text: str, low: int = UNSET) -> int:
    if text.lstrip("-").isdigit() and int(text) >= low:
        return int(text)
    raise ValueRefused(f"sacctmgr: error: Invalid value for {setting.names[0]} ({text})")


def _int(setting: Setting, op: str, text: str, numbers: Numbers) -> int | None:
    value = _number(setting, text)
    return None if value == UNSET else value


def _text(setting: Setting, op: str, text: str, numbers: Numbers) -> str:
    return text


def _minutes(setting: Setting, op: str, text: str, numbers: Numbers) -> int | None:
    if text in ("-1", "UNLIMITED", "unlimited"):
        return None
    try:
        return parse_minutes(text)
    except ValueError:
        raise ValueRefused(f" Bad {setting.names[0]} time format: {text}", fatal=True) from None


def _seconds(setting: Setting, op: str, text: str, numbers: Numbers) -> int | None:
    if text == "-1":
        return 0
    if text.isdigit():
        return int(text)
    try:
        return parse_seconds(text)
    except ValueError:
        raise ValueRefused(f" Bad {setting.names[0]} time format: {text}", fatal=True) from None


def _float(setting: Setting, op: str, text: str, numbers: Numbers) -> float | None:
    try:
        value = float(text)
    except ValueError:
        raise ValueRefused(f"sacctmgr: error: Invalid value for {setting.names[0]} ({text})") from None
    return None if value == UNSET else value


def _shares(setting: Setting, op: str, text: str, numbers: Numbers) -> int:
    if text.lower() == "parent":
        return PARENT_SHARES
    value = _number(setting, text)
    return 1 if value == UNSET else value


def parse_count(text: str, is_memory: bool) -> int:
    """``4``, ``4G``: a TRES count; memory in MiB.  Raises ValueError."""
    units = "KMGTP"
    letter = text[-1:].upper()
    if letter in units:
        exponent = units.index(letter) - (1 if is_memory else -1)
        return int(float(text[:-1]) * 1024**exponent)
    return int(text)


def _tres(setting: Setting, op: str, text: str, numbers: Numbers) -> tuple[str, dict[int, int]]:
    """Counts by TRES number; -1 removes."""
    if setting.tres:
        text = f"{setting.tres}={text}"
    found: dict[int, int] = {}
    if text in ("-1", ""):
        return ("clear", {})
    for part in text.split(","):
        name, equals, count = part.partition("=")
        key = name.strip().lower()
        number = int(key) if key.isdigit() else numbers.tres.get(key, numbers.tres.get(f"gres/{key}"))
        if number is None or not equals:
            raise ValueRefused(f'sacctmgr: error: Unknown TRES "{name}"', fatal=True)
        try:
            found[number] = parse_count(count.strip(), number == 2)
        except ValueError:
            raise ValueRefused(f'sacctmgr: error: Invalid value for TRES "{part}"', fatal=True) from None
    return ("merge", found)


def _qos_number(text: str, numbers: Numbers) -> int:
    number = numbers.qos.get(text.lower())
    if number is None:
        raise ValueRefused(
            f"sacctmgr: error: You gave a bad qos '{text}'. Valid QOS's are {','.join(numbers.qos)}", fatal=True
        )
    return number


def _qos(setting: Setting, op: str, text: str, numbers: Numbers) -> int | None:
    return None if text in ("-1", "") else _qos_number(text, numbers)


def _qos_list(setting: Setting, op: str, text: str, numbers: Numbers) -> tuple[str, list[int]]:
    """(``=``, ``+`` or ``-``, numbers); signs may stand before the names."""
    words = [word for word in text.strip("\"'").split(",") if word]
    sign = op[0] if op in ("+=", "-=") else "="
    if words and words[0][0] in "+-":
        sign = words[0][0]
    if text in ("", "-1"):
        return ("=", [])
    return (sign, [_qos_number(word.lstrip("+-"), numbers) for word in words])


#: the names printed when a QOS flag is none
_FLAG_NAMES = (
    "Deleted,DenyOnLimit,EnforceUsageThreshold,PartitionMinNodes,PartitionMaxNodes,PartitionTimeLimit,"
    "RequiresReservation,OverPartQOS,PartQOS,NoReserve,NoDecay,Relative,UsageFactorSafe"
)


def _qos_flags(setting: Setting, op: str, text: str, numbers: Numbers) -> tuple[str, int]:
    if text == "-1":
        return ("=", 0)
    bits = 0
    for word in text.split(","):
        key = word.lstrip("+-").lower()
        name = next((n for n in codes.QOS_FLAGS if key and n.lower().startswith(key)), None)
        if name is None:
            raise ValueRefused(
                f" Unknown QOS flag used in:\n  '{text}'\n Valid QOS flags are\n  '{_FLAG_NAMES}'", fatal=True
            )
        bits |= codes.QOS_FLAGS[name]
    return (op[0] if op in ("+=", "-=") else "=", bits)


def _preempt_mode(setting: Setting, op: str, text: str, numbers: Numbers) -> int:
    bits = 0
    for word in text.lower().split(","):
        if word not in PREEMPT_MODES:
            raise ValueRefused(f" Bad Preempt Mode given: {text}", fatal=True)
        bits |= PREEMPT_MODES[word]
    return bits


_PARSERS: dict[str, Callable[[Setting, str, str, Numbers], Any]] = {
    "int": _int, "uint": _int, "text": _text, "minutes": _minutes, "seconds": _seconds,
    "float": _float, "shares": _shares, "tres": _tres, "qos": _qos, "qos_list": _qos_list, "preempt": _qos_list,
    "qos_flags": _qos_flags, "preempt_mode": _preempt_mode,
}  # fmt: skip


# ---------------------------------------------------------------- storing


def merge(setting: Setting, old: Any, value: Any) -> Any:
    """What the column holds after setting `value` where it held `old`."""
    if setting.kind == "tres":
        how, counts = value
        merged = {} if how == "clear" else dict(_tres_counts(old))
        for number, count in counts.items():
            if count < 0:
                merged.pop(number, None)
            else:
                merged[number] = count
        return ",".join(f"{number}={merged[number]}" for number in sorted(merged))
    if setting.kind in ("qos_list", "preempt"):
        sign, numbers = value
        current = [int(n) for n in (old or "").split(",") if n.strip().isdigit()]
        if sign == "=":
            current = numbers
        elif sign == "+":
            current = current + [n for n in numbers if n not in current]
        else:
            current = [n for n in current if n not in numbers]
        return "," + ",".join(map(str, sorted(current))) + "," if current else ""
    if setting.kind == "qos_flags":
        sign, bits = value
        return {"=": bits, "+": (old or 0) | bits, "-": (old or 0) & ~bits}[sign]
    return value


def _tres_counts(text: str | None) -> dict[int, int]:
    return {int(k): int(v) for k, _, v in (p.partition("=") for p in (text or "").split(",") if p) if v}


# ---------------------------------------------------------------- showing


def show(setting: Setting, stored: Any, tres: Mapping[int, str], qos: Mapping[int, str]) -> str:
    """A column's value as sacctmgr prints it; "" where nothing is set."""
    if stored is None or stored == "":
        return ""
    form = _SHOWN.get(setting.kind)
    return str(stored) if form is None else form(stored, tres, qos)


def show_tres(stored: str, tres: Mapping[int, str]) -> str:
    """``cpu=16,mem=4G``: by number; a TRES the database does not know keeps its number."""
    parts = []
    for number, count in sorted(_tres_counts(stored).items()):
        text = format_memory(count) if number == 2 else str(count)
        parts.append(f"{tres.get(number, number)}={text}")
    return ",".join(parts)


def _show_minutes(value: int, tres: Mapping[int, str], qos: Mapping[int, str]) -> str:
    return format_hms(value * 60)


def _show_qos_names(value: str, tres: Mapping[int, str], qos: Mapping[int, str]) -> str:
    return ",".join(sorted(qos[int(n)] for n in value.split(",") if n.isdigit() and int(n) in qos))


def show_flags(bits: int) -> str:
    """The names of QOS flags, in the order of the alphabet."""
    return ",".join(sorted(name for name, bit in codes.QOS_FLAGS.items() if bits & bit))


def show_preempt_mode(bits: int) -> str:
    if not bits:
        return "cluster"
    return ",".join(name for name, bit in PREEMPT_MODES.items() if bits & bit)


_SHOWN: dict[str, Callable[[Any, Mapping[int, str], Mapping[int, str]], str]] = {
    "tres": lambda value, tres, qos: show_tres(value, tres),
    "minutes": _show_minutes,
    "seconds": lambda value, tres, qos: format_hms(value),
    "shares": lambda value, tres, qos: "parent" if value == PARENT_SHARES else str(value),
    "qos": lambda value, tres, qos: qos.get(value, ""),
    "qos_list": _show_qos_names,
    "preempt": _show_qos_names,
    "qos_flags": lambda value, tres, qos: show_flags(value),
    "preempt_mode": lambda value, tres, qos: show_preempt_mode(value),
    "float": lambda value, tres, qos: f"{value:.6f}",
}
