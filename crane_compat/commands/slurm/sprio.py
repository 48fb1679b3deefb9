"""sprio: what the priorities of waiting jobs consist of.

Source: sprio(1) and the recordings.
"""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Callable
from dataclasses import dataclass

from crane_compat.commands.format.columns import Field, FieldTable, Layout, parse_letters
from crane_compat.commands.format.sorting import SortError, sort_records
from crane_compat.commands.slurm.arguments import COMMON, Arguments, Option, parse
from crane_compat.commands.slurm.controller_call import Controller, unknown_cluster
from crane_compat.core.errors import RequestError
from crane_compat.wire import pb

USAGE = (
    "Usage: sprio [-j jid[s]] [-u user_name[s]] [-o format] [-p partitions]\n"
    "   [--federation] [--local] [--sibling] [--usage] [-hlnvVw]"
)

OPTIONS = (
    Option("federation", help="jobs of the whole federation"),
    Option("noheader", "h", help="no header"),
    Option("helpformat", help="list the letters of --format"),
    Option("jobs", "j", "optional", "jobs", "only these jobs"),
    Option("local", help="jobs of this cluster only"),
    Option("long", "l", help="all parts"),
    Option("clusters", "M", "required", "names", "which cluster", env="SLURM_CLUSTERS"),
    Option("cluster", "", "required", "name", "the same"),
    Option("norm", "n", help="parts before they are weighted, 0 to 1"),
    Option("format", "o", "required", "format", "what to show"),
    Option("partition", "p", "required", "names", "only these partitions"),
    Option("sort", "S", "required", "letters", "order"),
    Option("sibling", help="jobs of each cluster of the federation by themselves"),
    Option("user", "u", "required", "names", "only jobs of these users"),
    Option("verbose", "v", help="say more"),
    Option("weights", "w", help="the weights instead of jobs"),
    *COMMON,
)


@dataclass(frozen=True, slots=True)
class Row:
    """A job in one of its partitions, or the weights of all."""

    reply: pb.PriorityFactors
    job: pb.JobPriority | None

    @property
    def priority(self) -> int:
        """The sum of the parts as the scheduler takes it."""
        job = self.job
        if job is None:
            return 0
        if job.given:
            return job.given
        parts = job.age + job.assoc + job.fairshare + job.job_size + job.partition_part + job.qos_part
        return min(0xFFFFFFFF, max(1, int(parts + sum(tres.part for tres in job.tres) + job.site - job.nice)))


#: part → its weight in the reply
_WEIGHT_OF = {
    "age": "weight_age", "assoc": "weight_assoc", "fairshare": "weight_fairshare", "job_size": "weight_job_size",
    "partition_part": "weight_partition", "qos_part": "weight_qos",
}  # fmt: skip


def _said(get: Callable[[pb.JobPriority], object]) -> Callable[[Row], str]:
    return lambda row: "" if row.job is None else str(get(row.job))


def _weighted(part: str) -> Callable[[Row], str]:
    def get(row: Row) -> str:
        return str(getattr(row.reply, _WEIGHT_OF[part]) if row.job is None else f"{getattr(row.job, part):.0f}")

    return get


def _normal(part: str) -> Callable[[Row], str]:
    def get(row: Row) -> str:
        if row.job is None:
            return str(getattr(row.reply, _WEIGHT_OF[part]))
        weight = getattr(row.reply, _WEIGHT_OF[part])
        return f"{getattr(row.job, part) / weight if weight else 0.0:.7f}"

    return get


def _tres(row: Row, *, normal: bool) -> str:
    if row.job is None:
        return row.reply.weight_tres
    if normal:
        return ",".join(f"{t.name}={t.part / t.weight if t.weight else 0.0:.2f}" for t in row.job.tres)
    return ",".join(f"{t.name}={t.part:.0f}" for t in row.job.tres)


def _by(part: str) -> Callable[[Row], float]:
    return lambda row: float(getattr(row.job, part)) if row.job is not None else 0.0


def _fields() -> FieldTable[Row]:
    def name(header: str, letter: str, get: Callable[[pb.JobPriority], object]) -> Field[Row]:
        return Field((header.lower(),), header, _said(get), letter, sort=lambda row: get(row.job) if row.job else "")

    fields = [
        Field(
            ("jobid",),
            "JOBID",
            lambda row: "Weights" if row.job is None else str(row.job.job_id),
            "i",
            sort=lambda row: row.job.job_id if row.job else 0,
        ),
        name("PARTITION", "r", lambda job: job.partition),
        name("USER", "u", lambda job: job.user),
        name("ACCOUNT", "o", lambda job: job.account),
        name("QOSNAME", "n", lambda job: job.qos),
        name("NICE", "N", lambda job: job.nice),
        Field(("cluster",), "CLUSTER", lambda row: row.reply.cluster, "c", sort=lambda row: row.reply.cluster),
        Field(
            ("priority",),
            "PRIORITY",
            lambda row: "" if row.job is None else str(row.priority),
            "Y",
            sort=lambda row: row.priority,
        ),
        Field(
            ("priority",),
            "PRIORITY",
            lambda row: "" if row.job is None else f"{row.priority / 0xFFFFFFFF:.8f}",
            "y",
            sort=lambda row: row.priority,
        ),
        Field(("site",), "SITE", lambda row: "1" if row.job is None else str(row.job.site), "S", sort=_by("site")),
        Field(("site",), "SITE", lambda row: "1" if row.job is None else str(row.job.site), "s", sort=_by("site")),
        Field(("tres",), "TRES", lambda row: _tres(row, normal=False), "T", cut=True),
        Field(("tres",), "TRES", lambda row: _tres(row, normal=True), "t", cut=True),
    ]
    for header, letter, part in (
        ("AGE", "A", "age"),
        ("ASSOC", "B", "assoc"),
        ("FAIRSHARE", "F", "fairshare"),
        ("JOBSIZE", "J", "job_size"),
        ("PARTITION", "P", "partition_part"),
        ("QOS", "Q", "qos_part"),
    ):
        fields.append(Field((header.lower(),), header, _weighted(part), letter, sort=_by(part)))
        fields.append(Field((header.lower(),), header, _normal(part), letter.lower(), sort=_by(part)))
    return FieldTable(fields)


def _default(args: Arguments, reply: pb.PriorityFactors) -> str:
    """Without --format: the parts that have a weight; with --long all."""
    every, normal = args.has("long"), args.has("norm")
    words = ["%.15i", "%9r"]
    if every or args.has("user"):
        words.append("%.8u")
    if every:
        words.append("%.8o")
    words += ["%10y"] if normal else ["%.10Y", "%.10S"]
    for letter, weight in (
        ("A", reply.weight_age),
        ("B", reply.weight_assoc),
        ("F", reply.weight_fairshare),
        ("J", reply.weight_job_size),
        ("P", reply.weight_partition),
    ):
        if every or weight:
            words.append(f"%10{letter.lower()}" if normal else f"%.10{letter}")
    if every:
        words.append("%.10n")
    if every or reply.weight_qos:
        words.append("%10q" if normal else "%.10Q")
    if every:
        words.append("%.11N")
    if every or reply.weight_tres:
        words.append("%20t" if normal else "%.20T")
    return " ".join(words)


def _uids(text: str) -> set[int]:
    """The users of --user; one that does not exist is named and nobody's."""
    found = set()
    for name in filter(None, text.split(",")):
        try:
            found.add(int(name) if name.isdigit() else pwd.getpwnam(name).pw_uid)
        except KeyError:
            print(f"sprio: error: Invalid user: {name}\n", file=sys.stderr)
            found.add(-1)
    return found


def _jobs(words: list[str]) -> set[int]:
    found = set()
    for word in words:
        if not word.isascii() or not word.isdigit() or not int(word):
            print(f"sprio: error: Invalid job id: {word}", file=sys.stderr)
            raise SystemExit(1)
        found.add(int(word))
    return found


def main(argv: list[str]) -> int:
    """Run sprio; the exit status."""
    args = parse("sprio", OPTIONS, argv, os.environ, USAGE)
    if args.has("jobs") and not args.get("jobs") and args.operands:
        args.values["jobs"] = args.operands.pop(0)
    if args.operands:
        print(USAGE)
        print(f"sprio: error: Unrecognized option: {args.operands[0]}", file=sys.stderr)
        return 1
    table = _fields()
    if args.has("helpformat"):
        for letter in table.letters():
            print(f"%{letter} {table.by_letter[letter].header}")
        return 0
    jobs, uids = _jobs(args.names("jobs")), _uids(args.get("user") or "")
    controller = Controller("sprio")
    try:
        if clusters := args.get("clusters") or args.get("cluster"):
            ours = controller.cluster_name()
            for name in clusters.split(","):
                if name not in (ours, "all"):
                    print("\n".join(unknown_cluster("sprio", name)), file=sys.stderr)
                    return 1
            print(f"CLUSTER: {ours}")
        reply = controller.ask(pb.Request(priority_factors=pb.ListPriorityFactors())).priority_factors
    except RequestError as exc:
        print(f"Couldn't get priority factors from controller: {exc.text}", file=sys.stderr)
        return 255
    if not args.has("weights") and not reply.jobs and (jobs or uids - {-1}):
        print("Unable to find jobs matching user/id(s) specified")
        return 0
    partitions = set(args.names("partition"))
    rows = [Row(reply, None)] if args.has("weights") else [Row(reply, job) for job in reply.jobs]
    shown = [row for row in rows if row.job is None or _wanted(row.job, jobs, uids, partitions)]
    layout, unknown = parse_letters(args.get("format") or _default(args, reply), table)
    for letter in unknown:
        print(f"sprio: error: Invalid job format specification: {letter}", file=sys.stderr)
    return _show(args, layout, shown, table)


def _wanted(job: pb.JobPriority, jobs: set[int], uids: set[int], partitions: set[str]) -> bool:
    return (
        (not jobs or job.job_id in jobs)
        and (not uids or job.uid in uids)
        and (not partitions or job.partition in partitions)
    )


def _show(args: Arguments, layout: Layout[Row], rows: list[Row], table: FieldTable[Row]) -> int:
    def key_of(letter: str, _sign: str) -> Callable[[Row], object] | None:
        field = table.by_letter.get(letter)
        return field.sort if field is not None else None

    if order := args.get("sort"):
        try:
            sort_records(rows, order, key_of)
        except SortError as exc:
            print(f"sprio: error: Invalid sort specification: {exc}", file=sys.stderr)
            return 1
    if not args.has("noheader"):
        print(layout.header())
    for line in layout.rows(rows):
        print(line)
    return 0
