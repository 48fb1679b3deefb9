"""A script against the slurm.conf of a site: what its controller would refuse or let wait for ever."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from crane_compat.core import states as st
from crane_compat.core.node import GresPool, parse_gres
from crane_compat.core.parameters import MAX_SCRIPT_SIZE, Parameters
from crane_compat.lint.findings import Subject, Use, at, quoted
from crane_compat.parsers import hostlist
from crane_compat.parsers.arrays import ArrayError, parse_array
from crane_compat.parsers.constraint import ConstraintError, parse_constraint
from crane_compat.parsers.device_request import DeviceError, parse_devices, parse_licenses
from crane_compat.parsers.slurm_conf import SlurmConf
from crane_compat.parsers.time_limit import INFINITE, format_minutes
from crane_compat.wire import pb


@dataclass(frozen=True)
class Site:
    """What a slurm.conf says, ready to be asked.  `of` raises ValueError for settings that are no numbers."""

    parameters: Parameters
    partitions: Mapping[str, pb.PartitionRecord]
    nodes: Mapping[str, pb.NodeRecord]
    features: Mapping[str, frozenset[str]]  # by node
    pools: Mapping[str, tuple[GresPool, ...]]  # by node

    @classmethod
    def of(cls, conf: SlurmConf) -> Site:
        return cls(
            Parameters.of(conf),
            {partition.name: partition for partition in conf.partitions},
            {node.name: node for node in conf.nodes},
            {node.name: frozenset(filter(None, node.features.split(","))) for node in conf.nodes},
            {node.name: parse_gres(node.gres) for node in conf.nodes},
        )


def check_size(subject: Subject, site: Site | None) -> None:
    """A script that is too large to be sent."""
    most = site.parameters.max_script_size if site else MAX_SCRIPT_SIZE
    if len(subject.script) > most:
        text = f"the script has {len(subject.script)} bytes, submitted are at most {most}"
        subject.add("error", "too-large", at(1), text, "keep data in files of their own")


def check_site(subject: Subject, specs: list[pb.JobSpec], site: Site) -> None:
    """All checks, for each component."""
    for component, spec in enumerate(specs):
        check = _Check(subject, site, spec, component)
        check.array()
        check.licenses()
        check.node_names()
        partitions = check.partitions()
        if partitions:
            check.times(partitions)
            check.node_counts(partitions)
            check.shape(partitions)


@dataclass
class _Check:
    subject: Subject
    site: Site
    spec: pb.JobSpec
    component: int

    def place(self, *fields: str) -> Use | None:
        return self.subject.use_of(*fields, component=self.component)

    def refuse(self, code: str, fields: tuple[str, ...], text: str, hint: str = "") -> None:
        self.subject.add("error", code, self.place(*fields) or at(1), text, hint)

    def hinder(self, code: str, fields: tuple[str, ...], text: str, hint: str, *, refused: bool) -> None:
        """A limit of partitions: refused where EnforcePartLimits says so, else waited for without end."""
        text += ": refused at submission" if refused else ": the job waits for ever"
        self.subject.add("error" if refused else "warning", code, self.place(*fields) or at(1), text, hint)

    def refuses(self, over: int, partitions: list[pb.PartitionRecord]) -> bool:
        """Is it a refusal when `over` of the job's partitions do not do?"""
        enforce = self.site.parameters.enforce_part_limits
        return enforce == "ALL" or (enforce == "ANY" and over == len(partitions))

    # ------------------------------------------------------------ what stands for itself

    def array(self) -> None:
        try:
            indexes = parse_array(self.spec.array) if self.spec.array else None
        except ArrayError:
            return  # told already
        most = self.site.parameters.max_array_size
        if indexes and indexes.last >= most:
            text = f"the index {indexes.last} is too large: MaxArraySize is {most}"
            self.refuse("array", ("array",), text, f"indexes up to {most - 1}")

    def licenses(self) -> None:
        try:
            asked = parse_licenses(self.spec.licenses)[0] if self.spec.licenses else ()
        except DeviceError:
            return
        known = self.site.parameters.licenses
        for item in asked:
            name = f"{item.name}@{item.server}" if item.server else item.name
            if name not in known:
                self.refuse("licenses", ("licenses",), f"there is no licence {quoted(name)}", _one_of(name, known))
            elif item.count > known[name]:
                text = f"there are {known[name]} licences {name}, not {item.count}"
                self.refuse("licenses", ("licenses",), text)

    def node_names(self) -> None:
        for field in ("req_nodes", "exc_nodes"):
            try:
                names = hostlist.expand(getattr(self.spec, field))
            except ValueError:
                continue
            unknown = [name for name in names if name not in self.site.nodes]
            if unknown:
                hint = _one_of(unknown[0], self.site.nodes)
                self.refuse("nodes", (field,), f"there is no node {quoted(unknown[0])}", hint)

    def partitions(self) -> list[pb.PartitionRecord]:
        """Those that the job may run in; nothing where that has been an error."""
        known = self.site.partitions
        if not self.spec.partition:
            default = [partition for partition in known.values() if partition.is_default]
            if not default:
                self.refuse("partition", ("partition",), "there is no default partition", f"--partition={_some(known)}")
            return default
        found: list[pb.PartitionRecord] = []
        for name in filter(None, self.spec.partition.split(",")):
            partition = known.get(name)
            if partition is None:
                hint = _one_of(name, known)
                self.refuse("partition", ("partition",), f"there is no partition {quoted(name)}", hint)
            elif partition.state in (st.PARTITION_INACTIVE, st.PARTITION_DRAIN):
                self.refuse("partition", ("partition",), f"the partition {name} takes no jobs now", _some(known))
            else:
                found.append(partition)
        return found

    # ------------------------------------------------------------ limits of partitions

    def times(self, partitions: list[pb.PartitionRecord]) -> None:
        if not self.spec.HasField("time_limit"):
            return
        limit = self.spec.time_limit or INFINITE
        over = [p for p in partitions if p.max_time != INFINITE and limit > p.max_time]
        refused = self.refuses(len(over), partitions)
        if over and (refused or len(over) == len(partitions)):
            most = max(partition.max_time for partition in over)
            text = f"{format_minutes(limit)} is more than {over[0].name} allows ({format_minutes(over[0].max_time)})"
            self.hinder("time-limit", ("time_limit",), text, f"--time={format_minutes(most)}", refused=refused)

    def node_counts(self, partitions: list[pb.PartitionRecord]) -> None:
        least = self.spec.min_nodes or 1
        over = [p for p in partitions if least > min(len(p.node_names), p.max_nodes)]
        refused = self.refuses(len(over), partitions)
        if over and (refused or len(over) == len(partitions)):
            most = min(len(over[0].node_names), over[0].max_nodes)
            text = f"{least} nodes are more than a job can have in {over[0].name} ({most})"
            self.hinder("nodes", ("min_nodes",), text, f"--nodes={most}" if most else "", refused=refused)

    # ------------------------------------------------------------ what nodes have

    def shape(self, partitions: list[pb.PartitionRecord]) -> None:
        """Features, devices, memory and CPUs that no node of any of the partitions has."""
        names = {name for partition in partitions for name in partition.node_names}
        nodes = [node for node in self.site.nodes.values() if node.name in names]
        where = "/".join(partition.name for partition in partitions)
        if not nodes:
            return
        if self.features(nodes, where):
            self.devices(nodes, where)
        spec = self.spec
        most = max(node.memory for node in nodes)
        if spec.mem_per_node > most:
            text = f"{spec.mem_per_node} MiB a node are more than any node of {where} has ({most})"
            self.refuse("size", ("mem_per_node",), text, f"--mem={most}M, or --mem=0 for all of a node")
        cpus = (spec.cpus_per_task or 1) * max(1, spec.ntasks_per_node)
        biggest = max(node.cpus for node in nodes)
        if cpus > biggest and not spec.overcommit:
            text = f"{cpus} CPUs a node are more than any node of {where} has ({biggest})"
            self.refuse(
                "size", ("cpus_per_task", "ntasks_per_node"), text, "fewer --cpus-per-task or --ntasks-per-node"
            )

    def features(self, nodes: list[pb.NodeRecord], where: str) -> bool:
        """May some node be one of the job's?"""
        if not self.spec.features:
            return True
        try:
            constraint = parse_constraint(self.spec.features)
        except ConstraintError:
            return False
        known = frozenset[str]().union(*self.site.features.values())
        unknown = [name for name in constraint.names() if name not in known]
        if unknown:
            hint = _one_of(unknown[0], known)
            self.refuse("constraint", ("features",), f"no node has the feature {quoted(unknown[0])}", hint)
        elif not any(constraint.fits(self.site.features[node.name]) for node in nodes):
            text = f"no node of {where} has {quoted(self.spec.features)}"
            others = sorted(
                {p.name for p in self.site.partitions.values()
                 if any(constraint.fits(self.site.features.get(name, frozenset())) for name in p.node_names)}
            )  # fmt: skip
            self.refuse("constraint", ("features",), text, f"--partition={others[0]}" if others else "")
        else:
            return True
        return False

    def devices(self, nodes: list[pb.NodeRecord], where: str) -> None:
        for field, name, everywhere in (
            ("gres", "", True), ("gpus_per_node", "gpu", True), ("gpus_per_task", "gpu", True), ("gpus", "gpu", False),
        ):  # fmt: skip
            try:
                asked = parse_devices(getattr(self.spec, field), name)
            except DeviceError:
                continue
            for item in asked:
                if item.count and not self.device(field, item.name, item.type, item.count, everywhere, nodes, where):
                    break

    def device(
        self, field: str, name: str, kind: str, count: int, everywhere: bool, nodes: list[pb.NodeRecord], where: str
    ) -> bool:
        """Is there such a device, and on one node (`everywhere`) or on all together enough of it?"""
        if name.lower() not in self.site.parameters.gres_types:
            known = self.site.parameters.gres_types
            self.refuse("gres", (field,), f"{quoted(name)} is none of GresTypes", _one_of(name, known))
            return False
        having = [
            sum(pool.count for pool in self.site.pools[node.name] if pool.name == name and _is(pool, kind))
            for node in nodes
        ]
        shown = f"{name}:{kind}" if kind else name
        most = max(having) if everywhere else sum(having)
        if most >= count:
            return True
        if most:
            text = f"{count} {shown} are more than {'any node' if everywhere else 'all nodes'} of {where} have ({most})"
            hint = "fewer, on more nodes" if everywhere else ""
        else:
            text = f"no node of {where} has {shown}"
            holders = sorted(
                {p.name for p in self.site.partitions.values() for node in p.node_names
                 if any(pool.name == name and _is(pool, kind) for pool in self.site.pools.get(node, ()))}
            )  # fmt: skip
            kinds = sorted({pool.type for pools in self.site.pools.values() for pool in pools if pool.name == name})
            hint = f"--partition={holders[0]}" if holders else f"types of {name}: {', '.join(filter(None, kinds))}"
        self.refuse("gres", (field,), text, hint)
        return False


def _is(pool: GresPool, kind: str) -> bool:
    """A pool without a type may be of any: gres.conf says which."""
    return not kind or not pool.type or pool.type.lower() == kind.lower()


def _some(names: Iterable[str]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:8]) + (" …" if len(listed) > 8 else "")


def _one_of(name: str, names: Iterable[str]) -> str:
    listed = sorted(names)
    close = difflib.get_close_matches(name[:40], listed, 1, 0.75)
    if close:
        return f"did you mean {close[0]}?"
    return f"there are: {_some(listed)}" if listed else "there are none"
