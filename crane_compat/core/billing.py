"""What a job is billed for each second: its processors, or its resources as its partition weighs them.

Source: slurm.conf(5), TRESBillingWeights and PriorityFlags (MAX_TRES, MAX_TRES_GRES).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from crane_compat.parsers.billing_weights import parse_weights


class Rule(Enum):
    """How the weighed amounts become one; what belongs to no node, licences, is always added."""

    SUM = "all are added"
    MAX = "the most of a node's"
    MAX_AND_GRES = "the most of a node's but its devices, which are added"


def billed(counts: Mapping[str, int], weights: str, rule: Rule = Rule.SUM) -> float:
    """The billing of amounts by resource (memory in MiB) under the TRESBillingWeights of a partition ("" = none)."""
    weighed = parse_weights(weights)
    if not weighed:
        return float(counts.get("cpu", 0))
    most = total = 0.0
    for name, weight in weighed.items():
        amount = counts.get(name, 0) * weight
        kind = name.partition("/")[0]
        if rule is Rule.SUM or kind in ("license", "bb") or (kind == "gres" and rule is Rule.MAX_AND_GRES):
            total += amount
        else:
            most = max(most, amount)
    return total + most
