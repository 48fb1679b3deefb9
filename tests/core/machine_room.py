"""A cluster without daemons for tests: read like a sentence, look at what was decided.

>>> room = MachineRoom(tmp_path, nodes="n[1-4] CPUs=8")        # doctest: +SKIP
>>> job = room.submit(num_tasks=3)
>>> room.schedule(); room.finish(job)
"""

from __future__ import annotations

from pathlib import Path

from crane_compat.core import states as st
from crane_compat.core.admission import Identity
from crane_compat.core.cluster import Changes, Cluster
from crane_compat.core.effects import Effect, LaunchStep, SendNode
from crane_compat.core.job import Job
from crane_compat.core.parameters import Parameters
from crane_compat.parsers.slurm_conf import load
from crane_compat.scheduling.main_loop import schedule
from crane_compat.wire import pb

CONF = """\
ClusterName=room
SlurmctldHost=localhost
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=100
GresTypes=gpu
Licenses=matlab:2
SchedulerType=sched/backfill
{extra}
{nodes}
{partitions}
"""

NODES = """\
NodeName=n[1-2] CPUs=8 Boards=1 SocketsPerBoard=2 CoresPerSocket=4 ThreadsPerCore=1 RealMemory=8000 Feature=intel
NodeName=n[3-4] CPUs=8 Boards=1 SocketsPerBoard=2 CoresPerSocket=4 ThreadsPerCore=1 RealMemory=8000 Feature=amd Gres=gpu:tesla:2 Weight=10
"""  # noqa: E501

PARTITIONS = """\
PartitionName=debug Nodes=n[1-4] Default=YES DefaultTime=00:05:00 MaxTime=00:30:00 State=UP
PartitionName=small Nodes=n1 MaxNodes=1 State=UP
"""

ALICE = Identity(1001, 1001, "alice", "alice", frozenset({"alice"}))
BOB = Identity(1002, 1002, "bob", "bob", frozenset({"bob"}))
ROOT = Identity(0, 0, "root", "root", frozenset({"root"}))


class MachineRoom:
    """Nodes that do at once what they are told."""

    def __init__(self, where: Path, *, nodes: str = NODES, partitions: str = PARTITIONS, extra: str = "") -> None:
        path = where / "slurm.conf"
        path.write_text(CONF.format(nodes=nodes, partitions=partitions, extra=extra))
        self.conf = load(str(path), strict=True)
        self.now = 1_000_000.0
        self.cluster = Cluster(Parameters.of(self.conf), self.conf.nodes, self.conf.partitions)
        for node in self.cluster.nodes.values():
            node.record.state = st.NODE_IDLE
            node.connected = True
            self.cluster.touch_node(node)
        self.launched: list[LaunchStep] = []
        self.sent: list[SendNode] = []
        self.take()

    def submit(self, who: Identity = ALICE, **fields: object) -> Job:
        spec = pb.JobSpec(batch=True, name="test", work_dir="/tmp", script=b"#!/bin/sh\n")
        for name, value in fields.items():
            setattr(spec, name, value)
        return self.cluster.submit([spec], who, self.now)

    def schedule(self) -> int:
        return schedule(self.cluster, self.now).started

    def take(self) -> tuple[Changes, list[Effect]]:
        changes, effects = self.cluster.take()
        for job in self.cluster.jobs.values():  # what has changed is told, or known not to be as it was written
            if job.id in changes.jobs:
                job.wire = job.record.SerializeToString(deterministic=True)
            elif job.wire:
                assert job.wire == job.record.SerializeToString(deterministic=True)
        self.launched += [e for e in effects if isinstance(e, LaunchStep)]
        self.sent += [e for e in effects if isinstance(e, SendNode)]
        return changes, effects

    def finish(self, job: Job, status: int = 0) -> None:
        """The batch script ends with a wait status, and the node is clean."""
        step = job.steps[st.BATCH_STEP]
        self.cluster.step_done(
            job, step, job.record.batch_host, [pb.TaskExit(task=0, status=status)], None, self.now,
            error="", oom=False, last_of_job=len(job.record.nodes) == 1,
        )  # fmt: skip
        self.clean(job)

    def clean(self, job: Job) -> None:
        """All nodes report that nothing of a completing job is left."""
        for name in list(job.record.completing_nodes):
            self.cluster.node_clean(job, name, self.now)

    def job(self, job_id: int) -> Job:
        return self.cluster.jobs[job_id]

    def check(self) -> None:
        """No core, no MiB and no device is given twice, and the books agree with the allocations."""
        for node in self.cluster.nodes.values():
            cores, memory, devices = 0, 0, set()
            for job_id in node.jobs:
                job = self.cluster.jobs[job_id]
                alloc = next(a for a in job.record.nodes if a.node == node.name)
                mask = node.mask_of(alloc)
                assert not cores & mask, f"cores of {node.name} given twice"
                cores |= mask
                memory += alloc.memory
                for gres in alloc.gres:
                    for index in gres.index:
                        assert (gres.name, gres.type, index) not in devices
                        devices.add((gres.name, gres.type, index))
            assert cores & node.free_cores == 0
            assert cores | node.free_cores == (1 << node.total_cores) - 1
            assert memory <= node.record.memory
            assert memory == node.record.memory - node.free_memory
