"""Arrays of many tasks: every one of them ends once and is accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from .site import Site, until

TASKS = 10_000


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_each_of_ten_thousand_tasks_is_recorded_with_its_exit(make_site: Callable[..., Site]) -> None:
    site = make_site("array", more=f"MaxArraySize={TASKS + 1}\nMaxJobCount={3 * TASKS}\nMinJobAge=2")
    array = site.submit(f"-t 5 --mem=1 -o /dev/null -a 0-{TASKS - 1} --wrap 'exit $((SLURM_ARRAY_TASK_ID % 5))'")

    def recorded() -> list[list[str]]:
        lines = site.sh(f"sacct -X -n -P -j {array} -s CD,F -S now-1day -o jobid,jobidraw,state,exitcode").splitlines()
        return [line.split("|") for line in lines]

    until(lambda: not site.run(f"squeue -h -j {array},{array}").stdout, "the end of the array", 1500)
    until(lambda: len(recorded()) == TASKS, "all tasks in sacct", 120)
    rows = recorded()
    assert {row[0] for row in rows} == {f"{array}_{task}" for task in range(TASKS)}
    assert len({row[1] for row in rows}) == TASKS
    for name, _, state, code in rows:
        expected = int(name.partition("_")[2]) % 5
        assert (state, code) == ("FAILED" if expected else "COMPLETED", f"{expected}:0"), name
    every = site.sh(f"sacct -D -X -n -P -j {array} -o state").split()
    assert Counter(every) == {"COMPLETED": TASKS // 5, "FAILED": TASKS * 4 // 5}
