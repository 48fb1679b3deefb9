"""squeue -r: an array's tasks are shown as they would be one by one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from crane_compat.commands.format.columns import parse_letters
from crane_compat.commands.format.job_fields import View, job_fields
from crane_compat.commands.slurm.squeue import _lines_of_tasks, _tasks_of
from crane_compat.wire import pb


@given(
    tasks=some.sampled_from(["0", "1-3", "1-30:7", "5,9-11", "100-102"]),
    letters=some.lists(some.sampled_from("iAFKPjutMDRoZ"), min_size=1, max_size=6),
    expand=some.booleans(),
    pattern=some.sampled_from(["out-%a", "slurm-%A_%a.out", "log", "%J"]),
)
def test_every_task_as_if_alone(tasks: str, letters: list[str], expand: bool, pattern: str) -> None:
    job = pb.JobRecord(
        job_id=7, array_job_id=7, array_task_str=tasks, user="alice", partition="debug", reason="Resources",
        std_out=pattern, spec=pb.JobSpec(name="n", std_out=pattern, work_dir="/tmp"), num_nodes=1,
    )  # fmt: skip
    layout, _ = parse_letters(" ".join(f"%.9{letter}" for letter in letters), job_fields(View(1.0, expand=expand)))
    expected = list(layout.rows(_tasks_of(job, None)))
    assert list(_lines_of_tasks(layout, [job])) == expected
