"""seff: how much of its CPUs and memory a job used.

Source: the recordings.
"""

from __future__ import annotations

import sys
from typing import Any

from crane_compat.core import states
from crane_compat.core.errors import RequestError

from . import sacct, sacct_fields
from .daemon_call import NoAnswer, ask, complain
from .quantities import parse_tres, seconds

USAGE = """Usage: seff [Options] <Jobid>
       Options:
       -h    Help menu
       -v    Version
       -d    Debug mode: display raw Slurm data"""
MEM_PER_CPU = 1 << 63


def main(argv: list[str]) -> int:
    """Run seff; 2: no such job."""
    letters = {letter for word in argv if word.startswith("-") for letter in word[1:]}
    jobs = [word for word in argv if not word.startswith("-")]
    if "v" in letters:
        print("seff Version 2.1")
        return 1
    if "h" in letters or len(jobs) != 1 or letters - {"d"}:
        print(USAGE)
        return 1
    settings = sacct.Settings()
    try:
        sacct.SETTERS["j"](settings, jobs[0])
    except sacct.Failed:
        complain(["Job not found."])
        return 2
    task_wanted = "_" in jobs[0]
    try:
        reply = ask("seff", "jobs", settings.filter)
    except RequestError as exc:
        complain([f"seff: error: {exc.text}"])
        return 1
    except NoAnswer as exc:
        complain(["Slurm accounting storage is disabled"] if exc.disabled else exc.lines)
        return 1
    found = [line for line in sacct.lines_of(settings, reply) if line.step is None]
    number = int(jobs[0].split("_")[0].split("+")[0]) if jobs[0][:1].isdigit() else 0
    own = [line for line in found if task_wanted or line.job["id_job"] == number]
    if not own:
        complain(["Job not found."])
        return 2
    line = own[-1]
    if "d" in letters:
        for name, value in line.job.items():
            print(f"{name}={value}")
    for text in lines(line):
        sys.stdout.write(text + "\n")
    return 0


def lines(line: Any) -> list[str]:
    """The report on one job (a `sacct_fields.Line`)."""
    job, view = line.job, line.view
    state = states.job_state_name(job["state"])
    out = [f"Job ID: {job['id_job']}"]
    if job["id_array_job"]:
        out.append(f"Array Job ID: {sacct_fields.job_id(line)}")
    out.append(f"Cluster: {view.cluster}")
    out.append(f"User/Group: {sacct_fields.user(line)}/{sacct_fields.group(line)}")
    if job["state"] == states.PENDING:
        return [*out, f"State: {state}", f"Efficiency not available for jobs in the {state} state."]
    out.append(f"State: {state} (exit code {job['exit_code'] >> 8 & 0xFF})")
    nodes, cores = max(line.nodes, 1), max(line.cpus, 1)
    if nodes > 1:
        out += [f"Nodes: {nodes}", f"Cores per node: {cores // nodes}"]
    else:
        out.append(f"Cores: {cores}")
    wall = line.elapsed
    used = sum(s["user_sec"] + s["sys_sec"] + (s["user_usec"] + s["sys_usec"]) / 1e6 for s in line.steps)
    core_wall = wall * cores
    share = 100 * int(used) / core_wall if core_wall else 0.0
    out.append(f"CPU Utilized: {seconds(int(used))}")
    out.append(f"CPU Efficiency: {share:.2f}% of {seconds(core_wall)} core-walltime")
    out.append(f"Job Wall-clock time: {seconds(wall)}")
    out += _memory(line, nodes, cores)
    if job["state"] == states.RUNNING:
        out.append("WARNING: Efficiency statistics can only be obtained after the job has ended as seff tool is based "
                   "on the accounting database data.")  # fmt: skip
    return out


def _memory(line: Any, nodes: int, cores: int) -> list[str]:
    best, estimated = 0, False
    for step in line.steps:
        most = parse_tres(step["tres_usage_in_max"]).get(sacct_fields.MEM, 0) * max(step["task_cnt"], 1)
        if most > best:
            best, estimated = most, step["task_cnt"] > 1
    asked = line.job["mem_req"]
    per, count, unit = (asked & ~MEM_PER_CPU, cores, "core") if asked & MEM_PER_CPU else (asked, nodes, "node")
    total = per * count * 1024**2
    share = 100 * best / total if total else 0.0
    return [
        f"Memory Utilized: {_size(best)}" + (" (estimated maximum)" if estimated else ""),
        f"Memory Efficiency: {share:.2f}% of {_size(total)} ({_size(per * 1024**2)}/{unit})",
    ]


def _size(count: float) -> str:
    """Bytes in MB or a larger unit."""
    value, units = count / 1024**2, ["MB", "GB", "TB", "PB", "EB"]
    while value >= 1024 and len(units) > 1:
        value /= 1024
        units.pop(0)
    return f"{value:.2f} {units[0]}"
