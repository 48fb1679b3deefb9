"""The cluster of the recordings, as records: what its controller knew when squeue, sinfo and scontrol were recorded."""

from __future__ import annotations

from dataclasses import dataclass, field

from crane_compat.core import states as st
from crane_compat.wire import INFINITE, pb

#: when the ten jobs were submitted (2026-11-22T14:41:22); they started two seconds later
SUBMITTED = 1795358482
STARTED = SUBMITTED + 2
NOW = SUBMITTED + 4
YEAR = 365 * 24 * 60

UIDS = {"root": 0, "alice": 1003, "bob": 1004, "carol": 1005}


def nodes() -> list[pb.NodeRecord]:
    """Four idle nodes on one host."""
    found = []
    for number in range(1, 5):
        amd = number > 2
        gres = "gpu:tesla:2" if amd else ""
        tres = "cpu=8,mem=8000M,billing=8" + (",gres/gpu=2,gres/gpu:tesla=2" if amd else "")
        partitions = {1: ["debug", "batch", "small", "closed"], 2: ["debug", "batch", "closed"]}
        node = pb.NodeRecord(
            name=f"n{number}", hostname="vm", address="127.0.0.1", port=17000 + number, port_set=True,
            state=st.NODE_IDLE, cpus=8, effective_cpus=8, boards=1, sockets=2, cores=4, threads=1, memory=8000,
            tmp_disk=1000, weight=10 if amd else 1, features="amd" if amd else "intel,ib",
            active_features="amd" if amd else "intel,ib", gres=gres, cpu_load=2.63, free_memory=14676,
            version="25.11.7", arch="x86_64", os="Linux 6.18", boot_time=NOW, slurmd_start_time=NOW, last_busy=NOW,
            tres_cfg=tres, partitions=partitions.get(number, ["debug", "batch", "gpu"]),
            gres_used="gpu:tesla:0(IDX:N/A)" if amd else "",
        )  # fmt: skip
        found.append(node)
    found[3].partitions.append("hidden")
    return found


def partitions() -> list[pb.PartitionRecord]:
    """debug, batch, gpu, small, closed and the hidden one."""

    def one(name: str, hosts: str, numbers: tuple[int, ...], **more: object) -> pb.PartitionRecord:
        count = len(numbers)
        gpus = 2 * sum(number > 2 for number in numbers)
        tres = f"cpu={8 * count},mem={8000 * count}M,node={count},billing={8 * count}"
        if gpus:
            tres += f",gres/gpu={gpus},gres/gpu:tesla={gpus}"
        values: dict[str, object] = {
            "state": st.PARTITION_UP, "max_time": INFINITE, "max_nodes": INFINITE, "priority_job_factor": 1,
            "priority_tier": 1, "oversubscribe": "NO", "total_cpus": 8 * count, "total_nodes": count,
            "tres": tres + ",license/matlab=4",
        }  # fmt: skip
        values.update(more)
        names = [f"n{number}" for number in numbers]
        return pb.PartitionRecord(name=name, nodes=hosts, node_names=names, **values)  # type: ignore[arg-type]

    return [
        one("debug", "n[1-4]", (1, 2, 3, 4), max_time=30, is_default=True, default_time=5, default_time_set=True),
        one("batch", "n[1-4]", (1, 2, 3, 4), max_time=1440, priority_job_factor=10),
        one("gpu", "n[3-4]", (3, 4)),
        one("small", "n1", (1,), max_time=10, max_nodes=1, allow_accounts="physics,optics", deny_qos="high"),
        one("closed", "n[1-2]", (1, 2), state=st.PARTITION_DOWN),
        one("hidden", "n4", (4,), hidden=True, root_only=True),
    ]


def job(job_id: int, name: str, user: str = "alice", **more: object) -> pb.JobRecord:
    """A pending job of one CPU in `debug`; `spec` holds what was asked for."""
    spec: dict[str, object] = {
        "name": name, "alloc_node": "localhost", "alloc_sid": 15212, "work_dir": "/tmp/lab01", "nice": 0,
        "std_in": "/dev/null", "std_out": "slurm-%j.out",
    }  # fmt: skip
    spec.update(more.pop("spec", {}))  # type: ignore[call-overload]
    uid = UIDS[user]
    values: dict[str, object] = {
        "user": user, "group": user, "uid": uid, "gid": uid, "state": st.PENDING, "reason": "None", "requeue": True,
        "account": {"alice": "physics", "bob": "chem", "carol": "optics"}[user], "qos": "normal", "qos_id": 1,
        "assoc_id": {"alice": 7, "bob": 9, "carol": 10}[user], "partition": "debug", "time_limit": 5,
        "submit_time": SUBMITTED, "eligible_time": SUBMITTED, "accrue_time": SUBMITTED,
        "last_sched_eval": STARTED, "scheduler": "Main", "num_nodes": 1, "num_cpus": 1, "num_tasks": 1,
        "min_cpus": 1, "cpus_per_task": 1, "min_memory": 100, "memory_per_cpu": True, "batch_flag": True,
        "tres_req": "cpu=1,mem=100M,node=1,billing=1", "job_db_inx": 6053880000 + job_id,
    }  # fmt: skip
    values.update(more)
    return pb.JobRecord(job_id=job_id, spec=pb.JobSpec(**spec), **values)  # type: ignore[arg-type]


def running(record: pb.JobRecord, hosts: str, *allocs: pb.NodeAlloc) -> pb.JobRecord:
    """The record as that of a job that started two seconds after its submission."""
    record.state = st.RUNNING
    record.start_time = STARTED
    record.end_time = STARTED + record.time_limit * 60
    record.scheduler = "Backfill"
    record.node_list, record.batch_host = hosts, allocs[0].node
    record.nodes.extend(allocs)
    record.tres_alloc = record.tres_req
    return record


def queue() -> list[pb.JobRecord]:
    """The jobs of the squeue recordings, in the controller's order."""
    alloc = pb.NodeAlloc
    array: dict[str, object] = {
        "user": "bob", "partition": "batch", "time_limit": 120, "priority": 12066, "array_job_id": 1002,
        "array_max_tasks": 2,
        "spec": {
            "nice": 7, "std_out": "slurm-%A_%a.out", "alloc_sid": 15238,
            "submit_line": "sbatch -J arr -a 1-4%2 -p batch --nice=7 -t 2:00:00 --wrap sleep 300",
        },
    }  # fmt: skip
    het: dict[str, object] = {"het_job_id": 1007, "het_job_id_set": "1007-1008"}
    het_line = {"submit_line": "sbatch -J het1 -n1 : -J het2 -n1 -p batch --wrap sleep 300"}
    gpu_tres = "cpu=2,mem=700M,node=1,billing=2,gres/gpu=1,gres/gpu:tesla=1"
    gpus = [pb.GresAlloc(name="gpu", type="tesla", count=1, index=[0])]
    return [
        running(
            job(
                1001, "running", time_limit=10, priority=10358, num_nodes=2, max_nodes=2, num_cpus=3, num_tasks=3,
                tres_req="cpu=3,mem=300M,node=2,billing=3",
                spec={
                    "comment": "a comment",
                    "submit_line": "sbatch -J running -N2 -n3 -t 10 --comment=a comment --wrap srun sleep 300",
                },
            ),
            "n[2-3]",
            alloc(node="n2", cpus=2, cpu_ids="2,4", memory=200),
            alloc(node="n3", cpus=1, cpu_ids="0", memory=100),
        ),
        running(job(1009, "arr", **array, array_task_id=1), "n2", alloc(node="n2")),  # type: ignore[arg-type]
        running(
            job(
                1003, "gpujob", partition="gpu", priority=10292, time_limit=YEAR, num_cpus=2, cpus_per_task=2,
                min_memory=700, memory_per_cpu=False, tres_req=gpu_tres,
                spec={
                    "gres": "gpu:tesla:1", "features": "amd", "cpus_per_task": 2, "mail_type": ["END"],
                    "submit_line": "sbatch -J gpujob -p gpu --gres=gpu:tesla:1 -c 2 --mem=700 -C amd --mail-type=END "
                    "--wrap sleep 300",
                },
            ),
            "n3",
            alloc(node="n3", cpus=2, cpu_ids="1-2", memory=700, gres=gpus),
        ),
        job(
            1004, "averyveryverylongjobname", reason="JobHeldUser", priority=0, num_nodes=2, max_nodes=4, num_tasks=2,
            deadline=2051222400, start_time=SUBMITTED + 3600, end_time=SUBMITTED + 3900,
            eligible_time=SUBMITTED + 3600, accrue_time=0,
            tres_req="cpu=1,mem=100M,node=2,billing=1,license/matlab=1",
            spec={
                "exc_nodes": "n4", "licenses": "matlab:1", "tmp_disk": 20,
                "submit_line": "sbatch -J averyveryverylongjobname -H -N 2-4 -x n4 -L matlab:1 -b now+1hour --tmp=20 "
                "--deadline=2035-01-01 --wrap sleep 1",
            },
        ),
        job(
            1005, "dep", "carol", reason="Dependency", priority=10306, dependency="afterok:1001(unfulfilled)",
            num_cpus=4, num_tasks=4, eligible_time=0, accrue_time=0, tres_req="cpu=4,mem=400M,node=1,billing=4",
            spec={
                "contiguous": True, "sockets_per_node": 2, "cores_per_socket": 2, "threads_per_core": 1,
                "submit_line": "sbatch -J dep -d afterok:1001 -A optics --contiguous -B 2:2:1 --wrap sleep 1",
            },
        ),
        job(
            1006, "big", reason="Resources", priority=10494, num_nodes=4, max_nodes=4, num_cpus=4, num_tasks=4,
            start_time=STARTED + YEAR * 60, end_time=STARTED + (YEAR + 5) * 60,
            tres_req="cpu=4,mem=400M,node=4,billing=4",
            spec={
                "exclusive": "exclusive", "req_nodes": "n[1-2]",
                "submit_line": "sbatch -J big -N4 --exclusive -w n[1-2] --wrap sleep 1",
            },
        ),
        running(job(1007, "het1", priority=10273, **het, spec=het_line), "n1", alloc(node="n1")),  # type: ignore[arg-type]
        running(
            job(1008, "het2", priority=12073, partition="batch", time_limit=1440, het_offset=1, **het, spec=het_line),  # type: ignore[arg-type]
            "n2",
            alloc(node="n2"),
        ),
        running(job(1010, "arr", **array, array_task_id=2), "n2", alloc(node="n2")),  # type: ignore[arg-type]
        job(1002, "arr", **array, array_task_str="3-4", reason="JobArrayTaskLimit", eligible_time=0),  # type: ignore[arg-type]
    ]  # fmt: skip


def steps() -> list[pb.StepRecord]:
    """Their steps."""

    def batch(job_id: int, user: str, partition: str, host: str, **more: object) -> pb.StepRecord:
        return pb.StepRecord(
            job_id=job_id, step_id=st.BATCH_STEP, name="batch", user=user, uid=UIDS[user], partition=partition,
            node_list=host, num_nodes=1, num_tasks=1, num_cpus=1, state=st.RUNNING, start_time=STARTED,
            time_limit=INFINITE, nodes=[pb.NodeAlloc(node=host)], **more,  # type: ignore[arg-type]
        )  # fmt: skip

    first = pb.StepRecord(
        job_id=1001, step_id=0, name="sleep", user="alice", uid=1003, partition="debug", node_list="n[2-3]",
        num_nodes=2, num_tasks=3, num_cpus=3, state=st.RUNNING, start_time=STARTED, time_limit=INFINITE,
        srun_host="vm", srun_pid=15870, tres_alloc="cpu=3,mem=300M,node=2", distribution="Block",
        nodes=[pb.NodeAlloc(node="n2"), pb.NodeAlloc(node="n3")],
    )  # fmt: skip
    return [
        batch(1001, "alice", "debug", "n2"),
        first,
        batch(1009, "bob", "batch", "n2", array_job_id=1002, array_task_id=1),
        batch(1003, "alice", "gpu", "n3"),
        batch(1007, "alice", "debug", "n1"),
        batch(1010, "bob", "batch", "n2", array_job_id=1002, array_task_id=2),
    ]


def busy_nodes() -> list[pb.NodeRecord]:
    """The nodes while those jobs ran."""
    found = nodes()
    for node, cpus, memory, extra in zip(found, (1, 5, 3, 0), (100, 500, 800, 0), ("", "", "gpu", ""), strict=True):
        node.alloc_cpus, node.alloc_memory = cpus, memory
        if cpus:
            node.state = st.NODE_MIXED
            node.tres_alloc = f"cpu={cpus},mem={memory}M" + (",gres/gpu=1,gres/gpu:tesla=1" if extra else "")
        if extra:
            node.gres_used = "gpu:tesla:1(IDX:0)"
    return found


@dataclass
class Answering:
    """Stands in for `Client`: answers what is listed from these records."""

    user: str = "alice"
    jobs: list[pb.JobRecord] = field(default_factory=list)
    steps: list[pb.StepRecord] = field(default_factory=list)
    nodes: list[pb.NodeRecord] = field(default_factory=nodes)
    partitions: list[pb.PartitionRecord] = field(default_factory=partitions)
    licenses: list[pb.License] = field(
        default_factory=lambda: [pb.License(name="matlab", total=4), pb.License(name="ansys", total=2)]
    )

    def call(self, request: pb.Request, check: bool = True) -> pb.Response:
        kind = request.WhichOneof("body")
        answer = getattr(self, f"_{kind}", None)
        assert answer is not None, f"not asked in the recordings: {kind}"
        response = answer(request)
        assert isinstance(response, pb.Response)
        return pb.Response.FromString(response.SerializeToString())

    def close(self) -> None:
        pass

    def _list_jobs(self, request: pb.Request) -> pb.Response:
        wanted = request.list_jobs
        reply = pb.Jobs(now=NOW)
        for number in wanted.job_ids:
            if not any(number in (j.job_id, j.array_job_id, j.het_job_id) for j in self.jobs):
                reply.unknown_id = True
        for one in self.jobs:
            ids = {one.job_id, one.array_job_id, one.het_job_id}
            if (not wanted.job_ids or ids & set(wanted.job_ids)) and (not wanted.uids or one.uid in wanted.uids):
                reply.jobs.append(one)
        return pb.Response(jobs=reply)

    def _list_steps(self, request: pb.Request) -> pb.Response:
        number = request.list_steps.job_id
        found = [s for s in self.steps if not number or number in (s.job_id, s.array_job_id)]
        return pb.Response(steps=pb.Steps(steps=found, now=NOW))

    def _list_nodes(self, request: pb.Request) -> pb.Response:
        return pb.Response(nodes=pb.Nodes(nodes=self.nodes, now=NOW))

    def _list_partitions(self, request: pb.Request) -> pb.Response:
        everything = request.list_partitions.all or self.user == "root"
        found = [p for p in self.partitions if everything or not p.hidden]
        return pb.Response(partitions=pb.Partitions(partitions=found, now=NOW))

    def _list_reservations(self, request: pb.Request) -> pb.Response:
        return pb.Response(reservations=pb.Reservations())

    def _list_topology(self, request: pb.Request) -> pb.Response:
        return pb.Response(topology=pb.TopologyReply())  # the recorded one was flat

    def _list_licenses(self, request: pb.Request) -> pb.Response:
        return pb.Response(licenses=pb.Licenses(licenses=self.licenses))

    def _get_config(self, request: pb.Request) -> pb.Response:
        rows = [pb.KeyValue(key="ClusterName", value="lab")]
        return pb.Response(config=pb.Config(values=rows, controller_host="vm", now=NOW))

    def _ping(self, request: pb.Request) -> pb.Response:
        return pb.Response(pong=pb.Pong(host="vm", primary=True))
