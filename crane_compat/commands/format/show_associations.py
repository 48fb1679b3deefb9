"""``scontrol show assoc_mgr``: what the controller keeps of users, associations and QOS.  Source: recordings."""

from __future__ import annotations

import pwd
from collections.abc import Iterator, Mapping, Sequence

from crane_compat.wire import pb

#: The lines of a record: the first word of each is its place.
Lines = list[str]


def _uid(user: str) -> str:
    try:
        return f"{user}({pwd.getpwnam(user).pw_uid})"
    except KeyError:
        return f"{user}(4294967294)"


def user_line(user: pb.AccountUser) -> str:
    """One user."""
    return (
        f"UserName={_uid(user.name)} DefAccount={user.default_account} DefWckey={user.default_wckey}"
        f" AdminLevel={user.admin_level}"
    )


def _amount(limits: Mapping[str, float], name: str, used: float | int, places: int = 0) -> str:
    """``N(3)``, ``5(3)``: the limit, or N for none, and what is used of it."""
    limit = f"{limits[name]:.0f}" if name in limits else "N"
    return f"{limit}({used:.{places}f})" if places else f"{limit}({int(used)})"


def _own(limits: Mapping[str, float], name: str, used: int) -> str:
    """The same for a limit of which nothing is told where it is not set."""
    return _amount(limits, name, used) if name in limits else ""


def _all_tres(
    names: Sequence[str], limits: Mapping[str, float], limit: str, used: Mapping[str, float], unit: float = 1.0
) -> str:
    return ",".join(f"{tres}={_amount(limits, f'{limit}={tres}', used.get(tres, 0) / unit)}" for tres in names)


def _set_tres(names: Sequence[str], limits: Mapping[str, float], limit: str) -> str:
    return ",".join(f"{tres}={limits[key]:.0f}" for tres in names if (key := f"{limit}={tres}") in limits)


def _number(limits: Mapping[str, float], name: str) -> str:
    return f"{limits[name]:.0f}" if name in limits else ""


def association_lines(record: pb.AssocRecord, cluster: str, tres: Sequence[str]) -> Lines:
    """One association."""
    share, limits, held = record.share, record.limits, record.held
    user = _uid(share.user) if share.user else ""
    raw = "parent" if share.parent_shares else str(share.shares_raw if share.HasField("shares_raw") else 1)
    norm = share.usage_norm if share.HasField("usage_norm") else 1.0
    # that of the root, which is beyond compare, and of accounts is none
    factor = share.factor if share.user else 0.0
    parent = f"{share.parent}({record.parent_id})" if share.parent and not share.user else ""
    return [
        (
            f"ClusterName={cluster} Account={share.account} UserName={user} Partition={share.partition}"
            f" Priority={record.priority} ID={share.assoc_id}"
        ),
        f"SharesRaw/Norm/Level/Factor={raw}/{share.shares_norm:.2f}/{record.level_shares or 1}/{factor:.2f}",
        f"UsageRaw/Norm/Efctv={share.usage_raw:.2f}/{norm:.2f}/{share.usage_efctv:.2f}",
        f"ParentAccount={parent} Lineage={record.lineage} DefAssoc={'Yes' if record.is_default else 'No'}",
        (
            f"GrpJobs={_amount(limits, 'GrpJobs', held.running)}"
            f" GrpJobsAccrue={_amount(limits, 'GrpJobsAccrue', held.accruing)}"
        ),
        (
            f"GrpSubmitJobs={_amount(limits, 'GrpSubmitJobs', held.submitted)}"
            f" GrpWall={_amount(limits, 'GrpWall', record.wall / 60, 2)}"
        ),
        f"GrpTRES={_all_tres(tres, limits, 'GrpTRES', held.tres)}",
        f"GrpTRESMins={_all_tres(tres, limits, 'GrpTRESMins', share.tres_used, 60)}",
        f"GrpTRESRunMins={_all_tres(tres, limits, 'GrpTRESRunMins', held.tres_run, 60)}",
        (
            f"MaxJobs={_own(limits, 'MaxJobs', held.running)}"
            f" MaxJobsAccrue={_own(limits, 'MaxJobsAccrue', held.accruing)}"
            f" MaxSubmitJobs={_own(limits, 'MaxSubmitJobs', held.submitted)}"
            f" MaxWallPJ={_number(limits, 'MaxWallDurationPerJob')}"
        ),
        f"MaxTRESPJ={_set_tres(tres, limits, 'MaxTRESPerJob')}",
        f"MaxTRESPN={_set_tres(tres, limits, 'MaxTRESPerNode')}",
        f"MaxTRESMinsPJ={_set_tres(tres, limits, 'MaxTRESMinsPerJob')}",
        f"MinPrioThresh={_number(limits, 'MinPrioThreshold')}",
        f"Comment={record.comment or '(null)'}",
    ]


def _each(
    record: pb.QosRecord, all_held: Sequence[pb.Holding], tres: Sequence[str], whose: str, short: str
) -> Iterator[tuple[str, Lines]]:
    """What every user, or account, of a QOS holds."""
    limits = record.limits
    for held in all_held:
        yield (
            _uid(held.name) if short == "PU" else held.name,
            [
                (
                    f"MaxJobs{short}={_amount(limits, f'MaxJobs{whose}', held.running)}"
                    f" MaxJobsAccrue{short}={_amount(limits, f'MaxJobsAccrue{whose}', held.accruing)}"
                    f" MaxSubmitJobs{short}={_amount(limits, f'MaxSubmitJobs{whose}', held.submitted)}"
                ),
                f"MaxTRES{short}={_all_tres(tres, limits, f'MaxTRES{whose}', held.tres)}",
                f"MaxTRESRunMins{short}={_all_tres(tres, limits, f'MaxTRESRunMins{whose}', held.tres_run, 60)}",
            ],
        )


def qos_lines(record: pb.QosRecord, tres: Sequence[str], oneliner: bool) -> Lines:
    """One QOS."""
    limits, held = record.limits, record.held
    lines = [
        f"QOS={record.name}({record.id})",
        f"UsageRaw={record.usage_raw:f}",
        (
            f"GrpJobs={_amount(limits, 'GrpJobs', held.running)}"
            f" GrpJobsAccrue={_amount(limits, 'GrpJobsAccrue', held.accruing)}"
            f" GrpSubmitJobs={_amount(limits, 'GrpSubmitJobs', held.submitted)}"
            f" GrpWall={_amount(limits, 'GrpWall', record.wall / 60, 2)}"
        ),
        f"GrpTRES={_all_tres(tres, limits, 'GrpTRES', held.tres)}",
        f"GrpTRESMins={_all_tres(tres, limits, 'GrpTRESMins', record.tres_used, 60)}",
        f"GrpTRESRunMins={_all_tres(tres, limits, 'GrpTRESRunMins', held.tres_run, 60)}",
        f"MaxWallPJ={_number(limits, 'MaxWallDurationPerJob')}",
        f"MaxTRESPJ={_set_tres(tres, limits, 'MaxTRESPerJob')}",
        f"MaxTRESPN={_set_tres(tres, limits, 'MaxTRESPerNode')}",
        f"MaxTRESMinsPJ={_set_tres(tres, limits, 'MaxTRESMinsPerJob')}",
        f"MinPrioThresh={_number(limits, 'MinPrioThreshold')} ",
        f"MinTRESPJ={_set_tres(tres, limits, 'MinTRESPerJob')}",
        f"PreemptMode={record.preempt_mode}",
        f"Priority={record.priority}",
    ]
    sections = (
        ("Account Limits", "No Accounts", record.accounts, "PerAccount", "PA"),
        ("User Limits", "No Users", record.users, "PerUser", "PU"),
    )
    for title, none, all_held, whose, short in sections:
        each = list(_each(record, all_held, tres, whose, short))
        if oneliner:
            told = ",".join(f"{name}={{{' '.join(more)}}}" for name, more in each)
            lines.append(f"{title}={told or none}")
            continue
        lines.append(title)
        for name, more in each:
            lines += [f"  {name}", *(f"    {line}" for line in more)]
        if not each:
            lines.append(f"    {none}")
    return lines
