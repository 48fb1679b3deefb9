"""``scontrol show`` of steps, reservations and licences."""

from __future__ import annotations

from crane_compat.commands.format.step_fields import shown_id
from crane_compat.commands.format.texts import moment, or_null
from crane_compat.core import states as st
from crane_compat.parsers.time_limit import format_hms, format_limit
from crane_compat.wire import INFINITE, pb


def step_lines(step: pb.StepRecord) -> list[str]:
    """The lines of one step; the batch step has neither resources nor an srun of its own."""
    special = step.step_id < 0
    limit = format_limit(step.time_limit or INFINITE)
    layout = f" Dist={_distribution(step)}" if not special else ""
    cpus, tres = (0, "(null)") if special else (step.num_cpus, or_null(step.tres_alloc))
    return [
        f"StepId={shown_id(step)} UserId={step.uid} StartTime={moment(step.start_time)} TimeLimit={limit}",
        f"State={st.job_state_name(step.state)} Partition={step.partition} NodeList={step.node_list}",
        f"Nodes={step.num_nodes} CPUs={cpus} Tasks={step.num_tasks} Name={step.name} Network={or_null(step.network)}",
        f"TRES={tres}",
        "ResvPorts=(null)",
        f"CPUFreqReq={step.cpu_freq or 'Default'}{layout}",
        f"SrunHost:Pid={or_null(step.srun_host)}:{step.srun_pid}",
    ]


def _distribution(step: pb.StepRecord) -> str:
    """Block and Cyclic are what a step gets that asked for nothing: by nodes, or by tasks where it has one node."""
    if step.distribution:
        return step.distribution.capitalize()
    return "Block" if step.num_nodes > 1 or step.num_tasks > 1 else "Cyclic"


def reservation_lines(one: pb.ReservationRecord) -> list[str]:
    """The lines of one reservation."""
    return [
        (
            f"ReservationName={one.name} StartTime={moment(one.start_time)} EndTime={moment(one.end_time)} "
            f"Duration={format_hms(one.end_time - one.start_time)}"
        ),
        (
            f"Nodes={or_null(one.nodes)} NodeCnt={one.node_count} CoreCnt={one.core_count} "
            f"Features={or_null(one.features)} PartitionName={or_null(one.partition)} Flags={one.flags}"
        ),
        *(f"  NodeName={part.node} CoreIDs={part.core_ids}" for part in one.cores),
        f"TRES={one.tres}",
        f"AllowedPartitions={or_null(one.allowed_partitions)} QOS={or_null(one.qos)}",
        (
            f"Users={or_null(one.users)} Groups={or_null(one.groups)} Accounts={or_null(one.accounts)} "
            f"Licenses={or_null(one.licenses)} State={one.state} BurstBuffer={or_null(one.burst_buffer)}"
        ),
        f"MaxStartDelay={format_hms(one.max_start_delay) if one.max_start_delay else '(null)'}",
    ]


def switch_line(one: pb.Switch) -> str:
    """One switch of topology/tree."""
    nodes = f" Nodes={one.nodes}" if one.nodes else ""
    below = f" Switches={one.switches}" if one.switches else ""
    return f"SwitchName={one.name} Level={one.level} LinkSpeed={one.link_speed}{nodes}{below}"


def license_lines(one: pb.License) -> list[str]:
    """The lines of one licence."""
    free = max(0, one.total - one.used)
    return [
        f"LicenseName={one.name}",
        f"Total={one.total} Used={one.used} Free={free} Reserved={one.reserved} Remote=no",
    ]
