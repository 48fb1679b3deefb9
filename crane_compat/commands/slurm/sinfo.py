"""sinfo: partitions and nodes (sinfo(1))."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from crane_compat.commands.format import node_state
from crane_compat.commands.format.columns import FieldTable, Layout, all_letters, parse_letters, parse_names
from crane_compat.commands.format.node_fields import Row, RowField, partition_name, row_fields
from crane_compat.commands.format.sorting import SortError, sort_records
from crane_compat.commands.format.texts import clock, moment
from crane_compat.commands.slurm.arguments import COMMON, DOCUMENTS, Arguments, Option, parse
from crane_compat.commands.slurm.controller_call import Controller, unknown_cluster
from crane_compat.core import states as st
from crane_compat.core.errors import RequestError
from crane_compat.parsers import hostlist
from crane_compat.parsers.time_limit import format_hms
from crane_compat.wire import pb

if TYPE_CHECKING:
    from crane_compat.commands.format.documents import Form

USAGE = """\
Usage: sinfo [-abdelNRrsTv] [-i seconds] [-t states] [-p partition] [-n nodes]
             [-S fields] [-o format] [-O Format] [--federation] [--local]"""

OPTIONS = (
    Option("all", "a", help="also hidden partitions", env="SINFO_ALL"),
    Option("clusters", "M", "required", "NAMES", "ask these clusters", "SLURM_CLUSTERS"),
    Option("dead", "d", help="only nodes that do not respond"),
    Option("exact", "e", help="a row holds nodes of one configuration only"),
    Option("federation", help="all clusters of the federation", env="SINFO_FEDERATION"),
    Option("Format", "O", "required", "FIELDS", "fields by name: name[:[.]width[text]],…"),
    Option("format", "o", "required", "FORMAT", "fields by letter: %[[.]width]letter", "SINFO_FORMAT"),
    Option("future", "F", help="also nodes in state FUTURE"),
    Option("hide", help="leave out hidden partitions (as without -a)"),
    Option("iterate", "i", "required", "SECONDS", "show again every so many seconds"),
    Option("list-reasons", "R", help="why nodes are down, drained or failing"),
    Option("local", help="this cluster only", env="SINFO_LOCAL"),
    Option("long", "l", help="more fields"),
    Option("Node", "N", help="a line for each node and partition"),
    Option("noconvert", help="memory in the unit it is kept in"),
    Option("nodes", "n", "required", "HOSTS", "only these nodes"),
    Option("noheader", "h", help="no line of titles"),
    Option("partition", "p", "required", "NAMES", "only these partitions", "SINFO_PARTITION"),
    Option("reservation", "T", help="reservations instead of nodes"),
    Option("responding", "r", help="only nodes that respond"),
    Option("sort", "S", "required", "FIELDS", "order, e.g. #P,-t", "SINFO_SORT"),
    Option("states", "t", "required", "STATES", "only nodes in these states"),
    Option("summarize", "s", help="a line for each partition"),
    Option("verbose", "v", help="say what is asked for"),
    Option("helpFormat", help="list the names for --Format"),
    Option("helpformat", help="list the letters for --format"),
    Option("helpstate", help="list the states for --states"),
    *DOCUMENTS,
    *COMMON,
)

#: (list-reasons, Node, summarize, long) → the columns; {p} and {n} are the widths of partition and node names
FORMATS: tuple[tuple[str, bool, str], ...] = (
    ("list-reasons", True, "%20E %12U %19H %6t %N"),
    ("list-reasons", False, "%20E %9u %19H %N"),
    ("summarize", True, "%{p}P %.5a %.10l %.16F %N"),
    ("summarize", False, "%{p}P %.5a %.10l %.16F %N"),
    ("Node", True, "%{n}N %.5D %.{p}P %.11T %4c %.8z %.6m %.8d %.6w %.8f %20E"),
    ("Node", False, "%{n}N %.5D %.{p}P %6t"),
    ("", True, "%{p}P %.5a %.10l %.10s %.4r %.8h %.10g %.6D %.11T %.11i %N"),
    ("", False, "%{p}P %.5a %.10l %.6D %.6t %N"),
)

_TROUBLE = st.NODE_DRAIN | st.NODE_FAILING | st.NODE_INVALID_REG


class Unusable(Exception):
    """An option that cannot be; the lines for standard error."""


def _state_filter(words: list[str]) -> list[tuple[int, int | None]]:
    chosen = []
    for word in words:
        lower = word.lower()
        name = node_state.SHORT_STATES.get(lower, lower)
        if name not in node_state.STATES:
            name = next((known for known in node_state.STATES if known.startswith(name)), "")
        if not name:
            raise Unusable(
                f'sinfo: error: Bad state string: "{word}"\nsinfo: error: valid states: {",".join(node_state.STATES)}'
            )
        chosen.append(node_state.STATES[name])
    return chosen


class Info:
    """One run of sinfo: asks, groups, orders, prints."""

    def __init__(self, args: Arguments, argv: Sequence[str], form: Form | None) -> None:
        self.args = args
        self.argv = argv
        self.form = form
        self.controller = Controller("sinfo")
        self.cluster = ""
        self.states = _state_filter(args.names("states")) if args.has("states") else []
        self.nodes: set[str] | None = None
        if args.has("nodes"):
            try:
                self.nodes = set(hostlist.expand(args.values["nodes"]))
            except hostlist.HostlistError:
                raise Unusable(f"sinfo: error: Invalid node list {args.values['nodes']}") from None

    def show(self) -> int:
        """Print once; the exit status."""
        if self.args.has("reservation"):
            return self._show_reservations()
        wanted = self.args.names("partition")
        everything = self.args.has("all") or bool(wanted)
        try:
            listed = self.controller.ask(pb.Request(list_partitions=pb.ListPartitions(all=everything))).partitions
            answer = self.controller.ask(pb.Request(list_nodes=pb.ListNodes(future=self.args.has("future")))).nodes
        except RequestError as exc:
            print(f"slurm_load_partitions: {exc.text}", file=sys.stderr)
            return 1
        partitions = [p for p in listed.partitions if not wanted or p.name in wanted]
        if self.form:
            self._write(partitions, list(answer.nodes), self.form)
            return 0
        now = answer.now or time.time()
        layout, table = self._layout(partitions, list(answer.nodes))
        if any(field.names[0] == "preemptmode" for field in layout.fields):
            self.controller.complete(partitions)
        if self.args.has("verbose"):
            print(self._options_text(layout))
        if self.args.has("iterate") or self.args.has("long") or self.args.has("verbose"):
            print(clock(now))
        if not self.args.has("noheader"):
            print(layout.header())
        rows = self._rows(partitions, [n for n in answer.nodes if self._fits(n)], layout)
        self._sort(rows, table, partitions)
        text = "\n".join(layout.rows(rows))
        if rows:
            sys.stdout.write(text + "\n")
        return 0

    def _write(self, partitions: list[pb.PartitionRecord], nodes: list[pb.NodeRecord], form: Form) -> None:
        """All that rows can show, for nodes that agree in it; what changes by itself (load, free memory) aside."""
        from crane_compat.commands.format.cluster_document import row_record
        from crane_compat.commands.format.documents import document, write

        table = row_fields(self.cluster)
        layout, _ = parse_letters("%P%T%c%X%Y%Z%d%m%w%f%b%G%E", table)
        rows = self._rows(partitions, [node for node in nodes if self._fits(node)], layout)
        self._sort(rows, table, partitions)
        words, cluster = ["sinfo", *self.argv[:-1]], self.controller.cluster_name()
        write(document("sinfo", [row_record(row) for row in rows], words, cluster), form)

    def _fits(self, node: pb.NodeRecord) -> bool:
        args = self.args
        if self.nodes is not None and node.name not in self.nodes:
            return False
        silent = bool(node.state & st.NODE_NO_RESPOND)
        if (args.has("dead") and not silent) or (args.has("responding") and silent):
            return False
        if args.has("list-reasons") and (not node.reason or not self._troubled(node.state)):
            return False
        return not self.states or any(node_state.fits(node.state, *wanted) for wanted in self.states)

    def _troubled(self, state: int) -> bool:
        return bool(state & _TROUBLE) or state & st.NODE_BASE_MASK == st.NODE_DOWN

    def _layout(
        self, partitions: list[pb.PartitionRecord], nodes: list[pb.NodeRecord]
    ) -> tuple[Layout[Row], FieldTable[Row]]:
        args = self.args
        table = row_fields(self.cluster)
        names = args.get("Format")
        if names is not None:
            layout, unknown = parse_names(names, table)
            for word in unknown:
                print(f"sinfo: error: Invalid job format specification: {word}", file=sys.stderr)
            if names != "all":
                return layout, table
        text = "%all" if names is not None else args.get("format")
        if text is None:
            long = args.has("long")
            widths = {
                "p": max([9, *(len(partition_name(p)) for p in partitions)]),
                "n": max([10, *(len(n.name) for n in nodes)]),
            }
            text = next(f for flag, is_long, f in FORMATS if (not flag or args.has(flag)) and is_long == long)
            text = text.format(**widths)
        if text.lower() == "%all":
            text = all_letters(table, "|", " |").removesuffix("|")
        layout, unknown = parse_letters(text, table)
        for letter in unknown:
            print(f"Invalid node format specification: {letter}", file=sys.stderr)
        return layout, table

    def _rows(self, partitions: list[pb.PartitionRecord], nodes: list[pb.NodeRecord], layout: Layout[Row]) -> list[Row]:
        """Nodes that agree in everything shown are one row; each partition has at least one."""
        fields = [field for field in layout.fields if isinstance(field, RowField)]
        exact = self.args.has("exact") or self.args.has("Node")
        node_keys: list[Callable[[pb.NodeRecord], Any]] = [f.node_key for f in fields if f.node_key is not None]
        if exact:
            node_keys += [f.exact_key for f in fields if f.exact_key is not None]
        part_keys = [f.part_key for f in fields if f.part_key is not None]
        single, by_partition = self.args.has("Node"), any("PARTITION" in f.header for f in fields)
        keys = {node.name: tuple([key(node) for key in node_keys]) for node in nodes}
        known = {node.name: node for node in nodes}
        rows: dict[Any, Row] = {}
        firsts: list[Row] = []
        others: list[Row] = []
        seen: dict[Any, set[str]] = {}
        for partition in partitions:
            lead = tuple([key(partition) for key in part_keys])
            fresh = True
            for name in partition.node_names:
                node = known.get(name)
                if node is None:
                    continue
                key = (partition.name, name) if single else (lead, keys[name])
                row = rows.get(key)
                if row is None:
                    row = rows[key] = Row(partition)
                    seen[key] = set()
                    (firsts if fresh or single else others).append(row)
                    fresh = False
                if name not in seen[key]:
                    seen[key].add(name)
                    row.nodes.append(node)
            if fresh and by_partition and not single and not self.args.has("list-reasons"):
                firsts.append(Row(partition))
        return firsts + others

    def _sort(self, rows: list[Row], table: FieldTable[Row], partitions: list[pb.PartitionRecord]) -> None:
        order = {p.name: index for index, p in enumerate(partitions)}
        default = "N" if self.args.has("Node") else "#P,-t"

        def key_of(letter: str, sign: str) -> Any:
            if letter in "PR" and sign == "#":
                return lambda row: order[row.partition.name]
            field = table.by_letter.get(letter)
            return field.sort if field is not None else None

        try:
            sort_records(rows, self.args.get("sort") or default, key_of)
        except SortError as exc:
            raise Unusable(f"sinfo: error: Invalid sort specification: {exc}") from None

    def _show_reservations(self) -> int:
        try:
            reply = self.controller.ask(pb.Request(list_reservations=pb.ListReservations())).reservations
        except RequestError as exc:
            print(f"slurm_load_reservations: {exc.text}", file=sys.stderr)
            return 1
        if not reply.reservations:
            print("No reservations in the system")
            return 0
        width = max([9, *(len(r.name) for r in reply.reservations)])
        form = "%-*s  %8s  %19s  %19s  %11s  %s"
        if not self.args.has("noheader"):
            print(form % (width, "RESV_NAME", "STATE", "START_TIME", "END_TIME", "DURATION", "NODELIST"))
        for one in reply.reservations:
            start, end = moment(one.start_time), moment(one.end_time)
            length = format_hms(one.end_time - one.start_time)
            print(form % (width, one.name, one.state, start, end, length, one.nodes or "(null)"))
        return 0

    def _options_text(self, layout: Layout[Row]) -> str:
        """What -v shows of the options."""
        args = self.args

        def flag(name: str) -> str:
            return "true" if args.has(name) else "false"

        rows = (
            ("dead", flag("dead")), ("exact", str(int(args.has("exact")))),
            ("filtering", str(bool(self.states or self.nodes or args.has("dead") or args.has("responding"))).lower()),
            ("format", layout.describe()), ("iterate", args.get("iterate") or "0"), ("long", flag("long")),
            ("no_header", flag("noheader")), ("node_field", flag("Node")), ("nodes", args.get("nodes") or "n/a"),
            ("partition", args.get("partition") or "n/a"), ("responding", flag("responding")),
            ("states", args.get("states") or "(null)"), ("sort", args.get("sort") or "(null)"),
            ("summarize", flag("summarize")), ("verbose", str(args.counts.get("verbose", 0))),
        )  # fmt: skip
        line = "-" * 29
        return "\n".join([line, *(f"{key:<11} = {value}" for key, value in rows), line, "", ""])


def _lists(args: Arguments) -> bool:
    """--helpstate, --helpformat, --helpFormat."""
    table = row_fields()
    if args.has("helpstate"):
        print("\n".join(node_state.STATES))
    elif args.has("helpformat"):
        print("\n".join(f"%{letter} {table.by_letter[letter].names[0]}" for letter in table.letters()))
    elif args.has("helpFormat"):
        print("\n".join(sorted(table.by_name)))
    else:
        return False
    return True


def main(argv: list[str]) -> int:
    args = parse("sinfo", OPTIONS, argv, os.environ, USAGE)
    if _lists(args):
        return 0
    try:
        return _run(args, argv)
    except Unusable as exc:
        sys.stdout.flush()
        print(exc, file=sys.stderr)
        return 1


def _run(args: Arguments, argv: Sequence[str]) -> int:
    form = args.form("sinfo")
    every = 0
    if (text := args.get("iterate")) is not None:
        if not text.isdigit() or not int(text):
            raise Unusable(f"sinfo: error: Error: invalid entry for --iterate={text}")
        every = int(text)
    info = Info(args, argv, form)
    if clusters := args.get("clusters"):
        try:
            info.cluster = info.controller.cluster_name()
        except RequestError as exc:
            print(f"slurm_load_partitions: {exc.text}", file=sys.stderr)
            return 1
        for name in clusters.split(","):
            if name not in (info.cluster, "all"):
                print("\n".join(unknown_cluster("sinfo", name)), file=sys.stderr)
                return 1
        print(f"CLUSTER: {info.cluster}")
    while True:
        status = info.show()
        if not every:
            return status
        print()
        if sys.stdout.isatty():
            sys.stdout.flush()
        time.sleep(every)
