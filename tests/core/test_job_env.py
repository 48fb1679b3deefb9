"""Environments against those recorded of Slurm 25.11 (env/batch-*.yaml, env/salloc.yaml, env/srun-direct.yaml)."""

from __future__ import annotations

import pytest

from crane_compat.core import job_env
from crane_compat.core.states import BATCH_STEP
from crane_compat.wire import pb

CONF = "/etc/slurm/slurm.conf"

#: What every batch job of the recordings has, as recorded for `sbatch env.sh`.
PLAIN = {
    "ENVIRONMENT": "BATCH",
    "HOSTNAME": "n1",
    "OMPI_MCA_plm_slurm_args": "--external-launcher",
    "SLURMD_NODENAME": "n1",
    "SLURM_CLUSTER_NAME": "lab",
    "SLURM_CONF": CONF,
    "SLURM_CPUS_ON_NODE": "1",
    "SLURM_GTIDS": "0",
    "SLURM_JOBID": "1001",
    "SLURM_JOB_ACCOUNT": "physics",
    "SLURM_JOB_CPUS_PER_NODE": "1",
    "SLURM_JOB_END_TIME": "1795357142",
    "SLURM_JOB_GID": "1003",
    "SLURM_JOB_ID": "1001",
    "SLURM_JOB_NAME": "env.sh",
    "SLURM_JOB_NODELIST": "n1",
    "SLURM_JOB_NUM_NODES": "1",
    "SLURM_JOB_PARTITION": "debug",
    "SLURM_JOB_QOS": "normal",
    "SLURM_JOB_START_TIME": "1795356842",
    "SLURM_JOB_UID": "1003",
    "SLURM_JOB_USER": "alice",
    "SLURM_LOCALID": "0",
    "SLURM_MEM_PER_CPU": "100",
    "SLURM_NNODES": "1",
    "SLURM_NODEID": "0",
    "SLURM_NODELIST": "n1",
    "SLURM_OOM_KILL_STEP": "0",
    "SLURM_PRIO_PROCESS": "0",
    "SLURM_PROCID": "0",
    "SLURM_SUBMIT_DIR": "/work",
    "SLURM_SUBMIT_HOST": "vm",
    "SLURM_TASKS_PER_NODE": "1",
    "SLURM_TASK_PID": "21351",
    "SLURM_TOPOLOGY_ADDR": "n1",
    "SLURM_TOPOLOGY_ADDR_PATTERN": "node",
    "TMPDIR": "/tmp",
}
SHOWN = ("SLURM", "CUDA", "GPU", "ROCR", "ZE_", "OMPI", "TMPDIR", "ENVIRONMENT", "HOSTNAME")


def job(cpus: tuple[int, ...] = (1,), first_node: int = 1, **spec: object) -> pb.JobRecord:
    fields: dict[str, object] = {"name": "env.sh", "work_dir": "/work", "alloc_node": "vm", "umask": 0o022}
    names = [f"n{first_node + index}" for index in range(len(cpus))]
    record = pb.JobRecord(
        job_id=1001, uid=1003, gid=1003, user="alice", group="alice", partition="debug", account="physics",
        qos="normal", start_time=1795356842, end_time=1795357142, time_limit=5, min_memory=100, memory_per_cpu=True,
        node_list=names[0] if len(names) == 1 else f"n[{first_node}-{first_node + len(cpus) - 1}]",
    )  # fmt: skip
    record.spec.CopyFrom(pb.JobSpec(**(fields | spec)))  # type: ignore[arg-type]
    record.nodes.extend(pb.NodeAlloc(node=name, cpus=count) for name, count in zip(names, cpus, strict=True))
    return record


def shown(env: dict[bytes, bytes]) -> dict[str, str]:
    return {key.decode(): value.decode() for key, value in env.items() if key.decode().startswith(SHOWN)}


def batch(record: pb.JobRecord) -> dict[str, str]:
    launch = pb.StepLaunch(
        step_id=BATCH_STEP, node=record.nodes[0].node, task_ids=[0], env=job_env.batch_env(record, [], "lab", CONF)
    )
    launch.job_alloc.CopyFrom(record.nodes[0])
    return shown(job_env.task_env(job_env.node_env(launch), 0, 0, 21351))


@pytest.mark.parametrize(
    ("record", "more"),
    [
        (job(), {}),
        (
            job((4,), num_tasks=2, cpus_per_task=2),
            {
                "SLURM_CPUS_ON_NODE": "4", "SLURM_CPUS_PER_TASK": "2", "SLURM_JOB_CPUS_PER_NODE": "4",
                "SLURM_NPROCS": "2", "SLURM_NTASKS": "2", "SLURM_TASKS_PER_NODE": "2", "SLURM_TRES_PER_TASK": "cpu=2",
            },
        ),
        (
            job((3, 1), num_tasks=4),
            {
                "SLURM_CPUS_ON_NODE": "3", "SLURM_JOB_CPUS_PER_NODE": "3,1", "SLURM_JOB_NODELIST": "n[1-2]",
                "SLURM_JOB_NUM_NODES": "2", "SLURM_NNODES": "2", "SLURM_NODELIST": "n[1-2]", "SLURM_NPROCS": "4",
                "SLURM_NTASKS": "4", "SLURM_TASKS_PER_NODE": "3,1",
            },
        ),
        (
            job((1,), num_tasks=12, overcommit=True),
            {
                "SLURM_NPROCS": "12", "SLURM_NTASKS": "12", "SLURM_OVERCOMMIT": "1", "SLURM_TASKS_PER_NODE": "12",
            },
        ),
        (
            job((8,)),
            {"SLURM_CPUS_ON_NODE": "8", "SLURM_JOB_CPUS_PER_NODE": "8", "SLURM_TASKS_PER_NODE": "8"},
        ),
        (
            job((3, 3), ntasks_per_node=3, cpus_per_task=1),
            {
                "SLURM_CPUS_ON_NODE": "3", "SLURM_CPUS_PER_TASK": "1", "SLURM_JOB_CPUS_PER_NODE": "3(x2)",
                "SLURM_JOB_NODELIST": "n[1-2]", "SLURM_JOB_NUM_NODES": "2", "SLURM_NNODES": "2",
                "SLURM_NODELIST": "n[1-2]", "SLURM_NPROCS": "6", "SLURM_NTASKS": "6", "SLURM_NTASKS_PER_NODE": "3",
                "SLURM_TASKS_PER_NODE": "3(x2)", "SLURM_TRES_PER_TASK": "cpu=1",
            },
        ),
        (
            job(mem_bind="local", gpu_bind="none", ntasks_per_core=1),
            {
                "SLURM_MEM_BIND": "local", "SLURM_MEM_BIND_VERBOSE": "quiet", "SLURM_NTASKS_PER_CORE": "1",
                "SLURM_TRES_BIND": "gres/gpu:none",
            },
        ),
        (
            job(profile="none", acctg_freq="task=1"),
            {"SLURM_ACCTG_FREQ": "task=1", "SLURM_PROFILE": "None"},
        ),
    ],
    ids=["plain", "cpt", "n4N2", "overcommit", "exclusive", "tpn", "bind", "profile"],
)  # fmt: skip
def test_batch(record: pb.JobRecord, more: dict[str, str]) -> None:
    assert batch(record) == PLAIN | more


def test_memory_per_node() -> None:
    record = job(mem_per_node=500)
    record.memory_per_cpu, record.min_memory = False, 500
    env = batch(record)
    assert env["SLURM_MEM_PER_NODE"] == "500" and "SLURM_MEM_PER_CPU" not in env


def test_gpus() -> None:
    record = job(gres="gpu:1", first_node=3)
    record.nodes[0].gres.add(name="gpu", type="tesla", count=2, index=[0, 1])
    env = batch(record)
    for name in ("CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK"):
        assert env[name] == "0,1"
    assert (env["SLURM_GPUS_ON_NODE"], env["SLURM_JOB_GPUS"]) == ("2", "0,1")
    assert "SLURM_STEP_GPUS" not in env


def test_the_users_own_variables_stay() -> None:
    record = job()
    env = job_env.batch_env(record, [b"FOO=a=b", b"TMPDIR=/scratch", b"SLURM_JOB_ID=7", b"junk"], "lab", CONF)
    assert b"FOO=a=b" in env and b"TMPDIR=/scratch" in env and b"SLURM_JOB_ID=1001" in env
    assert not any(item.startswith(b"junk") for item in env)


def test_array() -> None:
    record = job()
    record.job_id, record.array_job_id, record.array_task_id = 1002, 1001, 1
    record.array_count, record.array_min, record.array_max, record.array_step = 3, 1, 5, 2
    env = batch(record)
    assert {key: value for key, value in env.items() if "ARRAY" in key} == {
        "SLURM_ARRAY_JOB_ID": "1001", "SLURM_ARRAY_TASK_COUNT": "3", "SLURM_ARRAY_TASK_ID": "1",
        "SLURM_ARRAY_TASK_MAX": "5", "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_STEP": "2",
    }  # fmt: skip


def test_step_of_its_own_allocation() -> None:
    """srun -N2 -n3: the second node's task."""
    record = job((2, 1), num_tasks=3, min_nodes=2, srun_job=True)
    record.spec.name = "bash"
    step = pb.StepRecord(job_id=1001, step_id=0, num_nodes=2, num_tasks=3, tasks_per_node=[2, 1], node_list="n[1-2]")
    request = pb.StepRequest(io_host="127.0.0.1", io_port=44677, spec=record.spec, srun_host="vm")
    launch = pb.StepLaunch(node="n2", node_index=1, task_ids=[2])
    launch.env.extend(job_env.step_env(record, step, request, "lab", CONF))
    launch.alloc.CopyFrom(record.nodes[1])
    launch.job_alloc.CopyFrom(record.nodes[1])
    env = shown(job_env.task_env(job_env.node_env(launch), 2, 0, 2909))
    expected = {
        "SLURMD_DEBUG": "2", "SLURMD_NODENAME": "n2", "SLURM_CPUS_ON_NODE": "1", "SLURM_GTIDS": "2",
        "SLURM_JOB_CPUS_PER_NODE": "2,1", "SLURM_JOB_GROUP": "alice", "SLURM_LAUNCH_NODE_IPADDR": "127.0.0.1",
        "SLURM_LOCALID": "0", "SLURM_NODEID": "1", "SLURM_NODELIST": "n[1-2]", "SLURM_NPROCS": "3",
        "SLURM_NTASKS": "3", "SLURM_PROCID": "2", "SLURM_SRUN_COMM_HOST": "127.0.0.1",
        "SLURM_SRUN_COMM_PORT": "44677", "SLURM_STEPID": "0", "SLURM_STEP_ID": "0", "SLURM_STEP_LAUNCHER_PORT": "44677",
        "SLURM_STEP_NODELIST": "n[1-2]", "SLURM_STEP_NUM_NODES": "2", "SLURM_STEP_NUM_TASKS": "3",
        "SLURM_STEP_TASKS_PER_NODE": "2,1", "SLURM_TASKS_PER_NODE": "2,1", "SLURM_UMASK": "0022", "TMPDIR": "/tmp",
    }  # fmt: skip
    assert {key: env.get(key) for key in expected} == expected
    # Recorded: the partition's default memory shows only in batch jobs, the distribution only where asked for.
    assert not {"SLURM_MEM_PER_CPU", "SLURM_DISTRIBUTION", "ENVIRONMENT", "HOSTNAME"} & set(env)


def test_step_in_a_batch_job_says_its_distribution() -> None:
    record = job((3, 1), num_tasks=4)
    step = pb.StepRecord(job_id=1001, step_id=1, num_nodes=1, num_tasks=1, tasks_per_node=[1], node_list="n1")
    request = pb.StepRequest(io_host="127.0.0.1", io_port=1, spec=pb.JobSpec(num_tasks=1))
    env = dict(item.split(b"=", 1) for item in job_env.step_env(record, step, request, "lab", CONF))
    assert env[b"SLURM_DISTRIBUTION"] == b"cyclic"
    assert (env[b"SLURM_NNODES"], env[b"SLURM_JOB_NUM_NODES"]) == (b"1", b"2")


def test_salloc() -> None:
    record = job((3,), first_node=3, gpus="1", cpus_per_task=3, mem_per_node=200, name="interactive")
    env = job_env.alloc_env(record, "lab", CONF)
    expected = {
        "SLURM_CLUSTER_NAME": "lab", "SLURM_CONF": CONF, "SLURM_CPUS_PER_TASK": "3", "SLURM_GPUS": "1",
        "SLURM_JOBID": "1001", "SLURM_JOB_ACCOUNT": "physics", "SLURM_JOB_CPUS_PER_NODE": "3",
        "SLURM_JOB_ID": "1001", "SLURM_JOB_NAME": "interactive", "SLURM_JOB_NODELIST": "n3",
        "SLURM_JOB_NUM_NODES": "1", "SLURM_JOB_PARTITION": "debug", "SLURM_JOB_QOS": "normal",
        "SLURM_MEM_PER_NODE": "200", "SLURM_NNODES": "1", "SLURM_NODELIST": "n3", "SLURM_TASKS_PER_NODE": "1",
        "SLURM_TRES_PER_TASK": "cpu=3",
    }  # fmt: skip
    assert {key: value for key, value in env.items() if key.startswith("SLURM")} == expected
