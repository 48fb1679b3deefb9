"""sstat: what the steps of running jobs use now.

Source: sstat(1) and the recordings.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from crane_compat.accounting.usage_text import USAGE_COLUMNS, usage_columns
from crane_compat.core import states
from crane_compat.core.errors import Errno, RequestError
from crane_compat.core.tres import STATIC
from crane_compat.parsers import hostlist
from crane_compat.wire import pb

from .arguments import Exit, Option, parse
from .controller_call import Controller
from .daemon_call import complain
from .quantities import NO_VAL
from .record_table import Layout
from .sacct_fields import FIELDS as SACCT_FIELDS
from .sacct_fields import Field, Line, View

USAGE = "Usage: sstat [options] -j <job(.stepid)>\n\tUse --help for help"


OPTIONS = (
    Option("allsteps", "a", help="all running steps of a job, not only the first"),
    Option("helpformat", "e", help="list the fields"),
    Option("help", "h", help="show this text"),
    Option("pidformat", "i", help="the processes of each step on each node"),
    Option("jobs", "j", "required", "job[.step]", "what to look at"),
    Option("noheader", "n", help="no header"),
    Option("noconvert", help="amounts in the unit they are kept in"),
    Option("format", "o", "required", "fields", "what to show, with %WIDTH"),
    Option("fields", "", "required", "fields", "the same"),
    Option("parsable", "p", help="delimit with |, at the end as well"),
    Option("parsable2", "P", help="delimit with |"),
    Option("usage", help="a summary"),
    Option("verbose", "v", help="say more"),
    Option("version", "V", help="print the version"),
)

#: in sstat's order; the others of sacct's fields say nothing about a running step
_NAMES = """
AllocTRES AveCPU AveCPUFreq AveDiskRead AveDiskWrite AvePages AveRSS AveVMSize ConsumedEnergy ConsumedEnergyRaw JobID
MaxDiskRead MaxDiskReadNode MaxDiskReadTask MaxDiskWrite MaxDiskWriteNode MaxDiskWriteTask MaxPages MaxPagesNode
MaxPagesTask MaxRSS MaxRSSNode MaxRSSTask MaxVMSize MaxVMSizeNode MaxVMSizeTask MinCPU MinCPUNode MinCPUTask Nodelist
NTasks Pids ReqCPUFreq ReqCPUFreqMin ReqCPUFreqMax ReqCPUFreqGov TRESUsageInAve TRESUsageInMax TRESUsageInMaxNode
TRESUsageInMaxTask TRESUsageInMin TRESUsageInMinNode TRESUsageInMinTask TRESUsageInTot TRESUsageOutAve TRESUsageOutMax
TRESUsageOutMaxNode TRESUsageOutMaxTask TRESUsageOutMin TRESUsageOutMinNode TRESUsageOutMinTask TRESUsageOutTot
"""

DEFAULT = (
    "jobid,alloctres,maxvmsize,maxvmsizenode,maxvmsizetask,avevmsize,maxrss,maxrssnode,maxrsstask,averss,maxpages,"
    "maxpagesnode,maxpagestask,avepages,mincpu,mincpunode,mincputask,avecpu,ntasks,avecpufreq,reqcpufreqmin,"
    "reqcpufreqmax,reqcpufreqgov,consumedenergy,maxdiskread,maxdiskreadnode,maxdiskreadtask,avediskread,maxdiskwrite,"
    "maxdiskwritenode,maxdiskwritetask,avediskwrite,tresusageinave,tresusageinmax,tresusageinmaxnode,"
    "tresusageinmaxtask,tresusageinmin,tresusageinminnode,tresusageinmintask,tresusageintot,tresusageoutave,"
    "tresusageoutmax,tresusageoutmaxnode,tresusageoutmaxtask,tresusageoutmin,tresusageoutminnode,tresusageoutmintask,"
    "tresusageouttot"
)
PIDS = "jobid,nodelist,pids"

#: the resources that have usage, by number (slurmdbd schema, tres_table)
_TRES = {number: name for name, number in STATIC.items()}

_STEP = re.compile(r"(?P<job>\d+)(?:_(?P<task>\d+))?(?:\.(?P<step>\d+|batch|extern|interactive))?$")
_STEP_IDS = {"batch": states.BATCH_STEP, "extern": states.EXTERN_STEP, "interactive": states.INTERACTIVE_STEP}


class Failed(Exception):
    """Nothing can be shown; the lines for stderr."""

    def __init__(self, *lines: str) -> None:
        self.lines = lines
        super().__init__("\n".join(lines))


@dataclass
class Settings:
    """What the command line asks for."""

    jobs: list[str] = field(default_factory=list)
    format: str = DEFAULT
    all_steps: bool = False
    header: bool = True
    convert: bool = True
    parsable: bool = False
    ending: bool = False


def _fields() -> dict[str, Field]:
    known = {f.name.lower(): f for f in SACCT_FIELDS}
    known["nodelist"] = Field("Nodelist", 20, lambda line: str(line.own["nodelist"]))
    known["pids"] = Field("Pids", 20, lambda line: str(line.own["pids"]))
    known["alloctres"] = Field("AllocTRES", 10, lambda line: str(line.own["tres_alloc_text"]))
    for name in ("AveDiskRead", "AveDiskWrite"):  # narrower than sacct's
        known[name.lower()] = replace(known[name.lower()], width=12)
    return {name.lower(): known[name.lower()] for name in _NAMES.split()}


def read_options(argv: list[str]) -> Settings:
    """Read the command line.  Raises Exit and Failed."""
    given = parse("sstat", OPTIONS, argv, os.environ, USAGE)
    settings = Settings(given.names("jobs") + [word for text in given.operands for word in text.split(",") if word])
    settings.all_steps = given.has("allsteps")
    settings.header, settings.convert = not given.has("noheader"), not given.has("noconvert")
    settings.format = given.get("format") or given.get("fields") or (PIDS if given.has("pidformat") else DEFAULT)
    settings.parsable = given.has("parsable") or given.has("parsable2")
    settings.ending = not given.has("parsable2")
    if given.has("helpformat"):
        _help_format()
        raise Exit(0)
    return settings


def main(argv: list[str]) -> int:
    """Run sstat; the exit status."""
    try:
        return _run(read_options(argv))
    except Failed as exc:
        complain(list(exc.lines))
        return 1
    except RequestError as exc:
        complain([f"sstat: error: {exc.text}"])
        return 1


def _run(settings: Settings) -> int:
    if not settings.jobs:
        raise Failed("sstat: error: You didn't give me any jobs to stat.")
    wanted = []
    for word in settings.jobs:
        match = _STEP.match(word)
        if match is None:
            raise Failed(f"sstat: fatal: Bad job/step specified: {word}")
        wanted.append(match)
    columns = _columns(settings.format)
    layout = Layout(settings.header, settings.parsable, settings.ending)
    controller = Controller("sstat")
    view = View("", _TRES, 0, convert=settings.convert)
    complaints: list[str] = []
    # the header goes out before anything can fail, as sstat's does
    for text in layout.lines([(f.name, width) for f, width in columns], ()):
        print(text)
    rows = (
        [f.get(line) for f, _ in columns]
        for match in wanted
        for line in _lines(controller, view, match, settings, complaints)
    )
    plain = Layout(False, settings.parsable, settings.ending)
    for text in plain.lines([(f.name, width) for f, width in columns], rows):
        print(text)
    sys.stdout.flush()
    complain(complaints)
    return 0


def _columns(text: str) -> list[tuple[Field, int]]:
    known = _fields()
    chosen = []
    for part in filter(None, text.split(",")):
        name, percent, width = part.partition("%")
        found = known.get(name.lower()) or next((f for key, f in known.items() if key.startswith(name.lower())), None)
        if found is None:
            raise Failed(f'sstat: error: Invalid field requested: "{name}"')
        chosen.append((found, int(width) if percent and width.lstrip("-").isdigit() else found.width))
    return chosen


def _lines(
    controller: Controller, view: View, wanted: re.Match[str], settings: Settings, complaints: list[str]
) -> Iterator[Line]:
    """The lines of one job or step named."""
    job_id = int(wanted["job"])
    request = pb.ListSteps(job_id=job_id, usage=True)
    if wanted["step"]:
        request.step_id = _STEP_IDS.get(wanted["step"], int(wanted["step"]) if wanted["step"].isdigit() else 0)
    try:
        reply = controller.ask(pb.Request(list_steps=request)).steps
    except RequestError as exc:
        if exc.errno == Errno.COMMUNICATIONS_CONNECTION:
            complaints.append(f"sstat: error: couldn't get steps for JobId={wanted[0]}")
            return
        reply = pb.Steps()
    steps = [s for s in reply.steps if not wanted["task"] or s.array_task_id == int(wanted["task"])]
    if not steps:
        if wanted["step"]:
            complaints.append(f"sstat: error: StepId={wanted[0]} not found running.")
        else:
            complaints.append(f"sstat: error: No steps running for job {wanted['job']}")
        return
    steps.sort(key=lambda step: (step.job_id, step.step_id))
    if not settings.all_steps and not wanted["step"]:
        steps = [step for step in steps if step.step_id >= 0][:1] or steps[:1]
    for step in steps:
        if settings.format == PIDS:
            for told in reply.usages:
                if (told.job_id, told.step_id) == (step.job_id, step.step_id):
                    yield _line(view, step, told.node, told.pids)
        else:
            pids = [pid for told in reply.usages if told.step_id == step.step_id for pid in told.pids]
            yield _line(view, step, step.node_list, pids)


def _line(view: View, step: pb.StepRecord, nodes: str, pids: Iterable[int]) -> Line:
    """A step as a line of sacct's, with what it uses now."""
    usage = dict.fromkeys(USAGE_COLUMNS, "") | usage_columns(step.usage, hostlist.expand(step.node_list))
    row = {
        "id_step": step.step_id, "step_het_comp": NO_VAL, "nodelist": nodes, "task_cnt": step.num_tasks,
        "pids": ",".join(str(pid) for pid in pids), "tres_alloc_text": step.tres_alloc,
        "act_cpufreq": 0.0, "consumed_energy": 0, "req_cpufreq": 0, "req_cpufreq_min": 0, "req_cpufreq_gov": 0,
        "state": states.RUNNING, **usage,
    }  # fmt: skip
    job = {
        "id_job": step.job_id, "id_array_job": step.array_job_id,
        "id_array_task": step.array_task_id if step.HasField("array_task_id") else NO_VAL,
        "het_job_id": 0, "het_job_offset": NO_VAL, "array_task_str": None,
    }  # fmt: skip
    return Line(view, job, [], row)


def _help_format() -> None:
    names = [f.name for f in _fields().values()]
    for index, name in enumerate(names):
        sys.stdout.write(f"{name:<20}" if (index + 1) % 4 else f"{name:<19}\n")
    if len(names) % 4:
        sys.stdout.write("\n")
