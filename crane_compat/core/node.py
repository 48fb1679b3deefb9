"""A node's resources: which cores, how much memory and which devices are free."""

from __future__ import annotations

from dataclasses import dataclass, field

from crane_compat.core import cores
from crane_compat.core import states as st
from crane_compat.parsers.device_request import parse_count
from crane_compat.wire import pb


@dataclass(frozen=True, slots=True)
class GresPool:
    """One kind of generic resource on a node: ``gpu:tesla`` with 2 devices."""

    name: str
    type: str
    count: int
    no_consume: bool = False


def parse_gres(text: str) -> tuple[GresPool, ...]:
    """A node's Gres= value (slurm.conf, NodeName): ``gpu:a100:4(S:0),nvme:no_consume:1``."""
    pools = []
    for item in filter(None, (part.strip() for part in _split_outside_parentheses(text))):
        fields = item.split("(", 1)[0].split(":")
        name, rest = fields[0], fields[1:]
        no_consume = "no_consume" in rest
        rest = [word for word in rest if word != "no_consume"]
        count = parse_count(rest.pop()) if rest and rest[-1][:1].isdigit() else 1
        pools.append(GresPool(name, rest[0] if rest else "", count, no_consume))
    return tuple(pools)


def _split_outside_parentheses(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for index, char in enumerate(text):
        if char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
        elif char == "," and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    parts.append(text[start:])
    return parts


@dataclass(slots=True)
class Node:
    """A node as the scheduler sees it; `record` is what is shown and kept."""

    record: pb.NodeRecord
    free_cores: int = 0  # bit mask of abstract core numbers
    free_memory: int = 0  # MiB
    pools: tuple[GresPool, ...] = ()
    free_devices: list[list[int]] = field(default_factory=list)  # per pool: free device indices
    used_count: list[int] = field(default_factory=list)  # per pool
    jobs: set[int] = field(default_factory=set)  # jobs holding resources here
    features: frozenset[str] = frozenset()
    last_seen: float = 0.0
    down_since: float = 0.0
    boots_for_jobs: bool = False  # switched off, it is switched on for who gets it
    connected: bool = False
    exclusive_job: int = 0
    exclusive_uid: int = -1

    @classmethod
    def of(cls, record: pb.NodeRecord) -> Node:
        node = cls(record)
        node.configure(record)
        return node

    def configure(self, record: pb.NodeRecord) -> None:
        """Take over a (new) configuration with nothing allocated."""
        self.record = record
        count = self.total_cores
        self.free_cores = (1 << count) - 1
        for core in range(min(record.core_spec, count - 1)):
            self.free_cores &= ~(1 << (count - 1 - core))
        self.free_memory = record.memory - record.mem_spec
        self.pools = parse_gres(record.gres)
        self.free_devices = [list(range(pool.count)) if pool.count <= 4096 else [] for pool in self.pools]
        self.used_count = [0] * len(self.pools)
        self.features = frozenset(filter(None, record.active_features.split(",")))
        self.jobs = set()
        record.effective_cpus = self.free_cores.bit_count() * self.cpus_per_core
        record.effective_memory = self.free_memory

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def cpus_per_core(self) -> int:
        """CPUs handed out with a core: 1 where the file counts cores as CPUs (slurm.conf(5), CPUs)."""
        return max(1, self.record.cpus // self.total_cores)

    @property
    def total_sockets(self) -> int:
        return max(1, self.record.boards) * self.record.sockets

    @property
    def total_cores(self) -> int:
        return self.total_sockets * self.record.cores

    def schedulable(self) -> bool:
        """New work may start here: up, registered, not draining or failing."""
        state = self.record.state
        bad = st.NODE_DRAIN | st.NODE_FAILING | st.NODE_NO_RESPOND | st.NODE_REBOOT_REQUESTED | st.NODE_INVALID_REG
        bad |= st.NODE_POWERING_DOWN | st.NODE_POWER_DOWN | st.NODE_REBOOT_ISSUED
        if not self.boots_for_jobs:
            bad |= st.NODE_POWERED_DOWN
        base = state & st.NODE_BASE_MASK
        return not state & bad and base in (st.NODE_IDLE, st.NODE_ALLOCATED, st.NODE_MIXED)

    def pick_cores(self, count: int, order: cores.CoreOrder = cores.IN_TURN, *, free: int | None = None) -> int:
        """A mask of `count` of the free cores, or of those in `free`; the caller has checked that there are enough."""
        among = self.free_cores if free is None else free
        return cores.pick_cores(among, self.total_sockets, self.record.cores, self.cpus_per_core, count, order)

    def sockets_of(self, mask: int) -> int:
        """How many sockets the cores of a mask are on."""
        width = self.record.cores
        every = (1 << width) - 1
        return sum(bool(mask >> socket * width & every) for socket in range(self.total_sockets))

    def gres_free(self, name: str, kind: str) -> int:
        """How many devices of this name (and type, where given) are free."""
        return sum(
            pool.count - used
            for pool, used in zip(self.pools, self.used_count, strict=True)
            if pool.name == name and (not kind or pool.type.lower() == kind.lower())
        )

    def gres_total(self, name: str, kind: str) -> int:
        return sum(
            pool.count for pool in self.pools if pool.name == name and (not kind or pool.type.lower() == kind.lower())
        )

    def take_gres(self, name: str, kind: str, count: int) -> list[pb.GresAlloc]:
        """Take `count` devices; the caller has checked that they are free."""
        taken = []
        for index, pool in enumerate(self.pools):
            if not count:
                break
            if pool.name != name or (kind and pool.type.lower() != kind.lower()):
                continue
            share = min(count, pool.count - self.used_count[index])
            if not share:
                continue
            count -= share
            if not pool.no_consume:
                self.used_count[index] += share
            devices = self.free_devices[index][:share]
            if not pool.no_consume:
                del self.free_devices[index][:share]
            taken.append(pb.GresAlloc(name=pool.name, type=pool.type, count=share, index=devices))
        return taken

    def allocate(self, job_id: int, alloc: pb.NodeAlloc) -> None:
        """Mark what `alloc` holds as used (also when a job is adopted after a restart)."""
        self.free_cores &= ~self.mask_of(alloc)
        self.free_memory -= alloc.memory
        self.record.alloc_cpus += alloc.cpus
        self.record.alloc_memory += alloc.memory
        self.jobs.add(job_id)
        self.show_gres()

    def adopt_gres(self, alloc: pb.NodeAlloc) -> None:
        """Mark the very devices of an existing allocation as used."""
        for gres in alloc.gres:
            for index, pool in enumerate(self.pools):
                if pool.name == gres.name and pool.type == gres.type and not pool.no_consume:
                    self.used_count[index] += gres.count
                    self.free_devices[index] = [d for d in self.free_devices[index] if d not in set(gres.index)]
                    break

    def release(self, job_id: int, alloc: pb.NodeAlloc) -> None:
        """Give back what `alloc` holds; a second release of the same job is a no-op."""
        if job_id not in self.jobs:
            return
        self.jobs.discard(job_id)
        self.free_cores |= self.mask_of(alloc)
        self.free_memory += alloc.memory
        self.record.alloc_cpus -= alloc.cpus
        self.record.alloc_memory -= alloc.memory
        for gres in alloc.gres:
            for index, pool in enumerate(self.pools):
                if pool.name == gres.name and pool.type == gres.type and not pool.no_consume:
                    self.used_count[index] -= gres.count
                    self.free_devices[index] = sorted({*self.free_devices[index], *gres.index})
                    break
        if self.exclusive_job == job_id:
            self.exclusive_job = 0
        self.show_gres()

    def mask_of(self, alloc: pb.NodeAlloc) -> int:
        """The core mask of an allocation's ``cpu_ids``."""
        return cores.cores_of(alloc.cpu_ids, self.cpus_per_core)

    def cpu_ids(self, mask: int) -> str:
        """The abstract CPU numbers of a core mask, ``0-1,4`` (scontrol -d show job, CPU_IDs)."""
        per_core = self.cpus_per_core
        parts: list[str] = []
        core, total = 0, self.total_cores
        while core < total:
            if not mask >> core & 1:
                core += 1
                continue
            start = core
            while core < total and mask >> core & 1:
                core += 1
            low, high = start * per_core, core * per_core - 1
            parts.append(f"{low}-{high}" if high > low else str(low))
        return ",".join(parts)

    def show_gres(self) -> None:
        """Refresh the text of used devices: ``gpu:tesla:1(IDX:0)``."""
        parts = []
        for index, pool in enumerate(self.pools):
            used = sorted(set(range(pool.count)) - set(self.free_devices[index])) if pool.count <= 4096 else []
            name = f"{pool.name}:{pool.type}" if pool.type else pool.name
            spans = index_ranges(used) or "N/A"
            parts.append(f"{name}:{self.used_count[index]}(IDX:{spans})")
        self.record.gres_used = ",".join(parts)

    def show_state(self) -> None:
        """Derive IDLE/MIXED/ALLOCATED from what is in use, and the flags that follow from it."""
        base = self.record.state & st.NODE_BASE_MASK
        if base in (st.NODE_IDLE, st.NODE_MIXED, st.NODE_ALLOCATED):
            if self.record.alloc_cpus == 0 and not self.jobs:
                base = st.NODE_IDLE
            elif self.free_cores == 0 or self.exclusive_job:
                base = st.NODE_ALLOCATED
            else:
                base = st.NODE_MIXED
            self.record.state = (self.record.state & ~st.NODE_BASE_MASK) | base
        self.record.running_jobs = len(self.jobs)


def index_ranges(numbers: list[int]) -> str:
    """``[0, 1, 2, 5]`` → ``0-2,5``."""
    parts: list[str] = []
    start = previous = None
    for number in numbers:
        if previous is not None and number == previous + 1:
            previous = number
            continue
        if start is not None:
            parts.append(f"{start}-{previous}" if previous != start else str(start))
        start = previous = number
    if start is not None:
        parts.append(f"{start}-{previous}" if previous != start else str(start))
    return ",".join(parts)
