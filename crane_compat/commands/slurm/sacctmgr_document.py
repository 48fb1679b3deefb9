"""sacctmgr's --json and --yaml documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crane_compat.accounting import codes, limits
from crane_compat.commands.format import documents
from crane_compat.commands.format.documents import number

Row = dict[str, Any]


class _Names:
    def __init__(self, reply: Row) -> None:
        self.tres = {int(n): name for n, name in reply["tres"].items()}
        self.qos = {int(n): name for n, name in reply["qos"].items()}


def show(entity: str, reply: Row, form: documents.Form) -> bool:
    """Print the document of a listing; does the entity have one?"""
    if entity not in _DOCUMENTS:
        return False
    name, build = _DOCUMENTS[entity]
    names = _Names(reply)
    rows = [build(row, names) for row in reply["rows"]]
    documents.write(documents.document(name, rows, [], reply["cluster"]), form)
    return True


def _tres(stored: str | None, names: _Names) -> list[Row]:
    out = []
    for part in (stored or "").split(","):
        ident, _, count = part.partition("=")
        if not count:
            continue
        kind, _, name = names.tres.get(int(ident), "").partition("/")
        out.append({"type": kind, "name": name, "id": int(ident), "count": int(count)})
    return out


def _limit(value: float | None, unset: float = 0) -> Row:
    """A limit that is not set is infinite."""
    if value is None:
        return {"set": False, "infinite": True, "number": unset}
    return number(value)


def _tres_record(row: Row, names: _Names) -> Row:
    return {"type": row["type"], "name": row["name"], "id": row["id"], "count": 0}


def _short_assoc(row: Row) -> Row:
    return {
        "account": row["acct"],
        "cluster": row["cluster"],
        "partition": row["partition"],
        "user": row["user"],
        "id": row["id_assoc"],
    }


def _association(row: Row, names: _Names) -> Row:
    wall = _limit(row["max_wall_pj"])
    return {
        "accounting": [],
        "account": row["acct"],
        "cluster": row["cluster"],
        "comment": row.get("comment") or "",
        "default": {"qos": names.qos.get(row["def_qos_id"] or 0, "")},
        "flags": ["DELETED"] if row["deleted"] else [],
        "max": {
            "jobs": {
                "per": {
                    "count": _limit(row["grp_jobs"]),
                    "accruing": _limit(row["grp_jobs_accrue"]),
                    "submitted": _limit(row["grp_submit_jobs"]),
                    "wall_clock": wall,
                },
                "active": _limit(row["max_jobs"]),
                "accruing": _limit(row["max_jobs_accrue"]),
                "total": _limit(row["max_submit_jobs"]),
            },
            "tres": {
                "total": _tres(row["grp_tres"], names),
                "group": {
                    "minutes": _tres(row["grp_tres_mins"], names),
                    "active": _tres(row["grp_tres_run_mins"], names),
                },
                "minutes": {
                    "total": _tres(row["grp_tres_mins"], names),
                    "per": {"job": _tres(row["max_tres_mins_pj"], names)},
                },
                "per": {"job": _tres(row["max_tres_pj"], names), "node": _tres(row["max_tres_pn"], names)},
            },
            "per": {"account": {"wall_clock": _limit(row["grp_wall"])}},
        },
        "id": row["id_assoc"],
        "is_default": bool(row["is_def"]),
        "lineage": row["lineage"] or "",
        "min": {"priority_threshold": _limit(row["min_prio_thresh"])},
        "parent_account": row["parent_acct"],
        "partition": row["partition"],
        "priority": _limit(row["priority"]),
        "qos": [names.qos[n] for n in sorted(row["qos_list"]) if n in names.qos],
        "shares_raw": row["shares"],
        "user": row["user"],
    }


def _user(row: Row, names: _Names) -> Row:
    return {
        "administrator_level": [row["admin"]],
        "associations": [_short_assoc(row)] if "id_assoc" in row else [],
        "coordinators": [],
        "default": {"qos": 0, "account": row["default_account"], "wckey": ""},
        "flags": ["DELETED"] if row["deleted"] else ["NONE"],
        "name": row["name"],
        "old_name": "",
        "wckeys": [],
    }


def _account(row: Row, names: _Names) -> Row:
    return {
        "associations": [_short_assoc(row)] if "id_assoc" in row else [],
        "coordinators": [],
        "description": row["description"],
        "name": row["name"],
        "organization": row["organization"],
        "flags": ["DELETED"] if row["deleted"] else [],
    }


#: QOS flags as the data parser names them
_FLAG_WORDS = {
    "PartitionMinNodes": "PARTITION_MINIMUM_NODE", "PartitionMaxNodes": "PARTITION_MAXIMUM_NODE",
    "PartitionTimeLimit": "PARTITION_TIME_LIMIT", "EnforceUsageThreshold": "ENFORCE_USAGE_THRESHOLD",
    "NoReserve": "NO_RESERVE", "RequiresReservation": "REQUIRED_RESERVATION", "DenyOnLimit": "DENY_LIMIT",
    "OverPartQOS": "OVERRIDE_PARTITION_QOS", "NoDecay": "NO_DECAY", "UsageFactorSafe": "USAGE_FACTOR_SAFE",
    "Relative": "RELATIVE",
}  # fmt: skip


def _qos(row: Row, names: _Names) -> Row:
    bits = row["flags"] or 0
    preempt = [int(n) for n in (row["preempt"] or "").split(",") if n.isdigit()]
    mode = limits.show_preempt_mode(row["preempt_mode"] or 0).upper()
    return {
        "description": row["description"] or "",
        "flags": [_FLAG_WORDS[name] for name, bit in codes.QOS_FLAGS.items() if bits & bit],
        "id": row["id"],
        "limits": {
            "grace_time": row["grace_time"] or 0,
            "max": {
                "active_jobs": {"accruing": _limit(row["grp_jobs_accrue"]), "count": _limit(row["grp_jobs"])},
                "jobs": {
                    "count": _limit(row["grp_submit_jobs"]),
                    "active_jobs": {
                        "per": {"account": _limit(row["max_jobs_pa"]), "user": _limit(row["max_jobs_per_user"])}
                    },
                    "per": {
                        "account": _limit(row["max_submit_jobs_pa"]),
                        "user": _limit(row["max_submit_jobs_per_user"]),
                    },
                },
                "tres": {
                    "total": _tres(row["grp_tres"], names),
                    "minutes": {
                        "total": _tres(row["grp_tres_mins"], names),
                        "per": {
                            "qos": _tres(row["grp_tres_run_mins"], names),
                            "job": _tres(row["max_tres_mins_pj"], names),
                            "account": _tres(row["max_tres_run_mins_pa"], names),
                            "user": _tres(row["max_tres_run_mins_pu"], names),
                        },
                    },
                    "per": {
                        "account": _tres(row["max_tres_pa"], names),
                        "job": _tres(row["max_tres_pj"], names),
                        "node": _tres(row["max_tres_pn"], names),
                        "user": _tres(row["max_tres_pu"], names),
                    },
                },
                "wall_clock": {
                    "per": {"qos": _limit(row["grp_wall"]), "job": _limit(row["max_wall_duration_per_job"])}
                },
                "accruing": {
                    "per": {"account": _limit(row["max_jobs_accrue_pa"]), "user": _limit(row["max_jobs_accrue_pu"])}
                },
            },
            "factor": _limit(row.get("limit_factor"), 0.0),
            "min": {
                "priority_threshold": _limit(row["min_prio_thresh"]),
                "tres": {"per": {"job": _tres(row["min_tres_pj"], names)}},
            },
        },
        "name": row["name"],
        "preempt": {
            "list": sorted(names.qos[n] for n in preempt if n in names.qos),
            "mode": ["DISABLED"] if mode == "CLUSTER" else mode.split(","),
            "exempt_time": _limit(row["preempt_exempt_time"]),
        },
        "priority": number(row["priority"] or 0),
        "usage_factor": number(row["usage_factor"]),
        "usage_threshold": _limit(row["usage_thres"], 0.0),
    }


def _cluster(row: Row, names: _Names) -> Row:
    return {
        "controller": {"host": row["control_host"], "port": row["control_port"]},
        "flags": ["MULTIPLE_SLURMD"] if (row["flags"] or 0) & 128 else [],
        "name": row["name"],
        "nodes": row["nodes"],
        "select_plugin": "",
        "associations": {
            "root": {"account": "root", "cluster": row["name"], "partition": "", "user": "", "id": row["id_assoc"]}
        },
        "rpc_version": row["rpc_version"],
        "tres": _tres(row["tres"], names),
    }


_DOCUMENTS: dict[str, tuple[str, Callable[[Row, _Names], Row]]] = {
    "association": ("associations", _association),
    "user": ("users", _user),
    "account": ("accounts", _account),
    "qos": ("qos", _qos),
    "tres": ("TRES", _tres_record),
    "cluster": ("clusters", _cluster),
}
