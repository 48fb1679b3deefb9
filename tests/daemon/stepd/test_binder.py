"""What a step's supervisor makes of the configuration, the job and srun's options."""

from __future__ import annotations

import pytest

from crane_compat.core.states import BATCH_STEP, INTERACTIVE_STEP
from crane_compat.daemon.stepd.binding import Binder
from crane_compat.wire import pb

#: two sockets of two cores with two threads
SHAPE = pb.NodeShape(boards=1, sockets=2, cores=2, threads=2, cpus=8, numbers=range(8))


def launch(
    *, step: int = 0, cores: str = "0-7", tasks: int = 4, param: str = "", default: str = "", **spec: object
) -> pb.StepLaunch:
    return pb.StepLaunch(
        step_id=step,
        node="n1",
        task_ids=range(tasks),
        alloc=pb.NodeAlloc(node="n1", cpu_ids=cores),
        job_alloc=pb.NodeAlloc(node="n1", cpu_ids="0-7"),
        request=pb.StepRequest(spec=pb.JobSpec(**spec)),  # type: ignore[arg-type]
        settings=pb.StepSettings(task_affinity=True, task_param=param, shape=SHAPE),
        default_cpu_bind=default,
    )


def told(order: pb.StepLaunch) -> str:
    return Binder.of(order).environment().get(b"SLURM_CPU_BIND", b"").decode()


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (launch(), "quiet,mask_cpu:0x03,0x30,0x0C,0xC0"),  # as many tasks as cores
        (launch(tasks=3), "quiet,mask_cpu:0xFF"),
        (launch(tasks=3, param="autobind=threads"), "quiet,mask_cpu:0x01,0x10,0x02"),
        (launch(param="threads,verbose"), "verbose,mask_cpu:0x01,0x10,0x02,0x20"),
        (launch(param="none"), "quiet,none"),
        (launch(param="threads", default="sockets"), "quiet,mask_cpu:0x0F,0xF0,0x0F,0xF0"),
        (launch(param="none", default="none", cpu_bind="threads"), "quiet,mask_cpu:0x01,0x10,0x02,0x20"),
        (launch(default="none", cpu_bind="v"), "verbose,none"),
        (launch(hint="nomultithread", threads_per_core=1), "quiet,mask_cpu:0x01,0x10,0x04,0x40"),
        (launch(ntasks_per_core=1, distribution="block:block"), "quiet,mask_cpu:0x03,0x0C,0x30,0xC0"),
        (launch(tasks=2, cores="2-3"), "quiet,mask_cpu:0x04,0x08"),
        (launch(tasks=2, ntasks_per_socket=1), "quiet,mask_cpu:0x0F,0xF0"),
        (
            launch(tasks=2, cpus_per_task=2, cpu_bind="threads", distribution="block:fcyclic"),
            "quiet,mask_cpu:0x11,0x22",
        ),
        (launch(step=BATCH_STEP), ""),
        (launch(step=INTERACTIVE_STEP, tasks=1), ""),
    ],
)
def test_what_the_tasks_are_told(order: pb.StepLaunch, expected: str) -> None:
    assert told(order) == expected


def test_a_site_may_fill_sockets_by_default() -> None:
    order = launch(tasks=2, cpu_bind="cores")
    order.settings.block_cores = True
    assert told(order) == "quiet,mask_cpu:0x03,0x0C"


def test_one_thread_a_core_where_cores_are_counted_as_cpus() -> None:
    order = launch(tasks=4, cores="0-3", cpu_bind="threads")
    order.settings.shape.cpus = 4
    order.job_alloc.cpu_ids = "0-3"
    assert told(order) == "quiet,mask_cpu:0x01,0x10,0x04,0x40"


def test_without_the_plugin_srun_has_the_last_word() -> None:
    order = launch(cpu_bind="rank")
    order.settings.task_affinity = False
    assert Binder.of(order).plan is None and told(order) == ""
