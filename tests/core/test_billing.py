"""What jobs are billed: their processors, or what their partition's weights make of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from crane_compat.core.billing import Rule, billed
from crane_compat.parsers.billing_weights import parse_weights

from .machine_room import MachineRoom

JOB = {"cpu": 4, "mem": 4096, "node": 1, "gres/gpu": 2, "license/matlab": 3}
WEIGHTS = "CPU=1.0,Mem=0.25G,GRES/gpu=2.5,license/matlab=0.5"


@pytest.mark.parametrize(
    ("weights", "rule", "value"),
    [
        ("", Rule.SUM, 4.0),
        (WEIGHTS, Rule.SUM, 4.0 + 1.0 + 5.0 + 1.5),
        (WEIGHTS, Rule.MAX, 5.0 + 1.5),
        (WEIGHTS, Rule.MAX_AND_GRES, 4.0 + 5.0 + 1.5),
        ("node=10", Rule.SUM, 10.0),
        ("CPU=0", Rule.SUM, 0.0),
    ],
)
def test_billing(weights: str, rule: Rule, value: float) -> None:
    assert billed(JOB, weights, rule) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("Mem=1", {"mem": 1.0}),
        ("Mem=1M,CPU=.5", {"mem": 1.0, "cpu": 0.5}),
        ("MEM=1024K", {"mem": 1024.0 * 1024}),
        ("mem=1T, GRES/Big=2", {"mem": 1 / 1024**2, "gres/Big": 2.0}),
        ("cpu=2K", {"cpu": 2 / 1024}),
    ],
)
def test_weights(text: str, weights: dict[str, float]) -> None:
    assert dict(parse_weights(text)) == pytest.approx(weights)


@pytest.mark.parametrize("text", ["CPU", "CPU=", "CPU=one", "CPU=-1", "Mem=1X", "=1"])
def test_no_weights(text: str) -> None:
    with pytest.raises(ValueError, match="not a weight"):
        parse_weights(text)


def test_a_job_is_billed_by_the_partition_it_runs_in(tmp_path: Path) -> None:
    lines = (
        'PartitionName=a Nodes=n[1-4] Default=YES TRESBillingWeights="CPU=0.3,GRES/gpu=2.0"\n'
        "PartitionName=b Nodes=n[1-4] State=UP\n"
    )
    room = MachineRoom(tmp_path, partitions=lines, extra="AccountingStorageTRES=gres/gpu\n")
    weighed = room.submit(num_tasks=4, gres="gpu:1")
    plain = room.submit(num_tasks=4, partition="b")
    assert "billing=3" in weighed.record.tres_req and "billing=4" in plain.record.tres_req
    assert room.schedule() == 2
    assert "billing=3" in weighed.record.tres_alloc and float(weighed.record.billing) == pytest.approx(3.2)
    assert "billing=4" in plain.record.tres_alloc and plain.record.billing == ""
    # 32 processors and 4 devices
    assert "billing=17" in room.cluster.partitions["a"].tres and "billing=32" in room.cluster.partitions["b"].tres
