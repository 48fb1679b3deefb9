"""sdiag: what the controller has done and how long it took.

Source: sdiag(1) and the recordings.
"""

from __future__ import annotations

import os
import pwd
import sys
import time
from collections.abc import Iterator
from typing import Any

from crane_compat.commands.slurm.arguments import DOCUMENTS, Arguments, Option, parse
from crane_compat.commands.slurm.controller_call import Controller, unknown_cluster
from crane_compat.core.errors import RequestError
from crane_compat.wire import pb

USAGE = "Usage: sdiag [-M cluster] [-aritT]"

OPTIONS = (
    Option("all", "a", help="all statistics"),
    Option("reset", "r", help="begin again at 0"),
    Option("cluster", "M", "required", "name", "which cluster", env="SLURM_CLUSTERS"),
    Option("sort-by-id", "i", help="requests by the number of their type"),
    Option("sort-by-time", "t", help="requests by the time they took together"),
    Option("sort-by-time2", "T", help="requests by the time one takes"),
    Option("version", "V", help="print the version"),
    Option("no-trunc", help="long lines whole"),
    *DOCUMENTS,
    Option("help", "h", help="show this text"),
    Option("usage", help="a summary"),
)

_STARS = "*" * 55


def main(argv: list[str]) -> int:
    """Run sdiag; the exit status."""
    args = parse("sdiag", OPTIONS, argv, os.environ, USAGE)
    controller, form = Controller("sdiag"), args.form("sdiag")
    reset = args.has("reset")
    try:
        if name := args.get("cluster"):
            ours = controller.cluster_name()
            if name not in (ours, "all"):
                print("\n".join(unknown_cluster("sdiag", name)), file=sys.stderr)
                return 1
        told = controller.ask(pb.Request(statistics=pb.Statistics(reset=reset))).statistics.diagnostics
        cluster = controller.cluster_name() if form else ""
    except RequestError as exc:
        print(f"slurm_{'reset' if reset else 'get'}_statistics: {exc.text}", file=sys.stderr)
        return 255
    if reset:
        print("Reset scheduling statistics")
    elif form:
        from crane_compat.commands.format.documents import document, write

        write(document("statistics", _document(told), ["sdiag"], cluster), form)
    else:
        print("\n".join(_lines(args, told)))
    return 0


def _moment(seconds: float) -> str:
    return f"{time.ctime(seconds)} ({int(seconds)})"


def _mean(total: int, count: int) -> int:
    return total // count if count else 0


def _lines(args: Arguments, told: pb.Diagnostics) -> Iterator[str]:
    yield _STARS
    yield f"sdiag output at {_moment(told.now)}"
    yield f"Data since      {_moment(told.since)}"
    yield _STARS
    yield f"Server thread count:  {told.server_threads}"
    yield "RPC queue enabled:    0"
    yield f"Agent queue size:     {told.agent_queue}"
    yield f"Agent count:          {told.agents}"
    yield f"Agent thread count:   {told.agent_threads}"
    yield f"DBD Agent queue size: {told.accounting_queue}"
    yield ""
    yield f"Jobs submitted: {told.submitted}"
    yield f"Jobs started:   {told.started}"
    yield f"Jobs completed: {told.completed}"
    yield f"Jobs canceled:  {told.cancelled}"
    yield f"Jobs failed:    {told.failed}"
    yield ""
    yield f"Job states ts:  {_moment(told.states_time)}"
    yield f"Jobs pending:   {told.pending}"
    yield f"Jobs running:   {told.running}"
    yield ""
    yield from _main(told)
    yield from _backfill(told)
    yield f"Latency for 1000 calls to gettimeofday(): {told.clock_latency} microseconds"
    yield ""
    yield "Remote Procedure Call statistics by message type"
    for call in _sorted(args, told.by_type):
        yield f"\t{call.name or '(unknown)':<40}({call.id:>5}) {_times(call)}"
    yield ""
    yield "Remote Procedure Call statistics by user"
    for call in _sorted(args, told.by_user):
        yield f"\t{_user(call.id):<16}({call.id:>8}) {_times(call)}"
    yield ""
    yield "Pending RPC statistics"
    yield "\tNo pending RPCs"


def _main(told: pb.Diagnostics) -> Iterator[str]:
    main = told.main
    minutes = int(told.now - told.since) // 60
    yield "Main schedule statistics (microseconds):"
    yield f"\tLast cycle:   {main.last}"
    yield f"\tMax cycle:    {main.max}"
    yield f"\tTotal cycles: {main.cycles}"
    if main.cycles:
        yield f"\tMean cycle:   {_mean(main.sum, main.cycles)}"
        yield f"\tMean depth cycle:  {_mean(main.depth_sum, main.cycles)}"
    if minutes:
        yield f"\tCycles per minute: {main.cycles // minutes}"
    yield f"\tLast queue length: {main.last_queue}"
    yield ""
    yield "Main scheduler exit:"
    yield f"\tEnd of job queue: {main.ended_queue}"
    for name in ("Hit default_queue_depth", "Hit sched_max_job_start", "Blocked on licenses", "Hit max_rpc_cnt"):
        yield f"\t{name}: 0"
    yield "\tTimeout (max_sched_time): 0"
    yield ""


def _backfill(told: pb.Diagnostics) -> Iterator[str]:
    done = told.backfill
    yield "Backfilling stats"
    yield f"\tTotal backfilled jobs (since last slurm start): {told.backfilled}"
    yield f"\tTotal backfilled jobs (since last stats cycle start): {told.backfilled_since}"
    yield f"\tTotal backfilled heterogeneous job components: {told.backfilled_het}"
    yield f"\tTotal cycles: {done.cycles}"
    yield f"\tLast cycle when: {_moment(done.last_time) if done.last_time else 'N/A'}"
    yield f"\tLast cycle: {done.last}"
    yield f"\tMax cycle:  {done.max}"
    if done.cycles:
        yield f"\tMean cycle: {_mean(done.sum, done.cycles)}"
    yield f"\tLast depth cycle: {done.last_depth}"
    yield f"\tLast depth cycle (try sched): {done.last_tried}"
    if done.cycles:
        yield f"\tDepth Mean: {_mean(done.depth_sum, done.cycles)}"
        yield f"\tDepth Mean (try depth): {_mean(done.tried_sum, done.cycles)}"
    yield f"\tLast queue length: {done.last_queue}"
    if done.cycles:
        yield f"\tQueue length mean: {_mean(done.queue_sum, done.cycles)}"
    yield f"\tLast table size: {done.last_table}"
    if done.cycles:
        yield f"\tMean table size: {_mean(done.table_sum, done.cycles)}"
    yield ""
    yield "Backfill exit"
    yield f"\tEnd of job queue: {done.ended_queue}"
    yield "\tHit bf_max_job_start: 0"
    yield f"\tHit bf_max_job_test: {done.ended_plans}"
    yield "\tSystem state changed: 0"
    yield "\tHit table size limit (bf_node_space_size): 0"
    yield "\tTimeout (bf_max_time): 0"
    yield ""


def _sorted(args: Arguments, calls: Any) -> list[pb.RpcCount]:
    if args.has("sort-by-id"):
        return sorted(calls, key=lambda call: call.id)
    if args.has("sort-by-time"):
        return sorted(calls, key=lambda call: -call.time)
    if args.has("sort-by-time2"):
        return sorted(calls, key=lambda call: -_mean(call.time, call.count))
    return sorted(calls, key=lambda call: -call.count)


def _times(call: pb.RpcCount) -> str:
    return f"count:{call.count:<6} ave_time:{_mean(call.time, call.count):<6} total_time:{call.time}"


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


# ---------------------------------------------------------------- --json, --yaml


def _document(told: pb.Diagnostics) -> dict[str, Any]:
    from crane_compat.commands.format.documents import number

    def when(seconds: float) -> dict[str, Any]:
        return number(int(seconds))

    main, done = told.main, told.backfill
    minutes = int(told.now - told.since) // 60
    return {
        "parts_packed": 0,
        "req_time": when(told.now),
        "req_time_start": when(told.since),
        "server_thread_count": told.server_threads,
        "agent_queue_size": told.agent_queue,
        "agent_count": told.agents,
        "agent_thread_count": told.agent_threads,
        "dbd_agent_queue_size": told.accounting_queue,
        "gettimeofday_latency": told.clock_latency,
        "schedule_cycle_max": main.max,
        "schedule_cycle_last": main.last,
        "schedule_cycle_sum": main.sum,
        "schedule_cycle_total": main.cycles,
        "schedule_cycle_mean": _mean(main.sum, main.cycles),
        "schedule_cycle_mean_depth": _mean(main.depth_sum, main.cycles),
        "schedule_cycle_per_minute": _mean(main.cycles, minutes),
        "schedule_cycle_depth": main.depth_sum,
        "schedule_exit": {
            "end_job_queue": main.ended_queue,
            "default_queue_depth": 0,
            "max_job_start": 0,
            "max_rpc_cnt": 0,
            "max_sched_time": 0,
            "licenses": 0,
        },
        "schedule_queue_length": main.last_queue,
        "jobs_submitted": told.submitted,
        "jobs_started": told.started,
        "jobs_completed": told.completed,
        "jobs_canceled": told.cancelled,
        "jobs_failed": told.failed,
        "jobs_pending": told.pending,
        "jobs_running": told.running,
        "job_states_ts": when(told.states_time),
        "bf_backfilled_jobs": told.backfilled,
        "bf_last_backfilled_jobs": told.backfilled_since,
        "bf_backfilled_het_jobs": told.backfilled_het,
        "bf_cycle_counter": done.cycles,
        "bf_cycle_mean": _mean(done.sum, done.cycles),
        "bf_depth_mean": _mean(done.depth_sum, done.cycles),
        "bf_depth_mean_try": _mean(done.tried_sum, done.cycles),
        "bf_cycle_sum": done.sum,
        "bf_cycle_last": done.last,
        "bf_cycle_max": done.max,
        "bf_exit": {
            "end_job_queue": done.ended_queue,
            "bf_max_job_start": 0,
            "bf_max_job_test": done.ended_plans,
            "bf_max_time": 0,
            "bf_node_space_size": 0,
            "state_changed": 0,
        },
        "bf_last_depth": done.last_depth,
        "bf_last_depth_try": done.last_tried,
        "bf_depth_sum": done.depth_sum,
        "bf_depth_try_sum": done.tried_sum,
        "bf_queue_len": done.last_queue,
        "bf_queue_len_mean": _mean(done.queue_sum, done.cycles),
        "bf_queue_len_sum": done.queue_sum,
        "bf_table_size": done.last_table,
        "bf_table_size_sum": done.table_sum,
        "bf_table_size_mean": _mean(done.table_sum, done.cycles),
        "bf_when_last_cycle": when(done.last_time),
        "bf_active": False,
        "rpcs_by_message_type": [
            {
                "type_id": call.id,
                "message_type": call.name,
                "count": call.count,
                "queued": 0,
                "dropped": 0,
                "cycle_last": 0,
                "cycle_max": 0,
                "total_time": call.time,
                "average_time": number(_mean(call.time, call.count)),
            }
            for call in told.by_type
        ],
        "rpcs_by_user": [
            {
                "user_id": call.id,
                "user": _user(call.id),
                "count": call.count,
                "total_time": call.time,
                "average_time": number(_mean(call.time, call.count)),
            }
            for call in told.by_user
        ],
        "pending_rpcs": [],
        "pending_rpcs_by_hostlist": [],
    }
