"""``--mail-type=BEGIN,END``: when mail is sent (sbatch(1))."""

from __future__ import annotations

ALL = ("INVALID_DEPEND", "BEGIN", "END", "FAIL", "REQUEUE", "STAGE_OUT")
KNOWN = (*ALL, "TIME_LIMIT", "TIME_LIMIT_90", "TIME_LIMIT_80", "TIME_LIMIT_50", "ARRAY_TASKS", "NONE")


def parse_mail_types(text: str) -> tuple[str, ...]:
    """The types in Slurm's order; unknown words are ignored while any is known.  Raises ValueError."""
    words = {word.strip().upper() for word in text.split(",") if word.strip()}
    if "NONE" in words:
        return ()
    chosen = set(ALL) if "ALL" in words else set()
    chosen |= words & set(KNOWN)
    if not chosen:
        raise ValueError(f"no mail type in {text!r}")
    return tuple(name for name in KNOWN if name in chosen)
