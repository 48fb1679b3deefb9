"""``scontrol show node``."""

from __future__ import annotations

from crane_compat.commands.format.node_fields import gres_used
from crane_compat.commands.format.node_state import state_flags
from crane_compat.commands.format.texts import moment, or_null
from crane_compat.wire import pb


def node_lines(node: pb.NodeRecord, *, details: bool = False) -> list[str]:
    """The lines of one node."""
    arch = f"Arch={node.arch} " if node.arch else ""
    bound = f"CpuBind={node.cpu_bind} " if node.cpu_bind else ""
    port = f"Port={node.port} " if node.port_set or node.port else ""
    version = f"Version={node.version}" if node.version else ""
    lines = [
        f"NodeName={node.name} {arch}{bound}CoresPerSocket={node.cores} ",
        (
            f"CPUAlloc={node.alloc_cpus} CPUEfctv={node.effective_cpus or node.cpus} CPUTot={node.cpus} "
            f"CPULoad={node.cpu_load:.2f}"
        ),
        f"AvailableFeatures={or_null(node.features)}",
        f"ActiveFeatures={or_null(node.active_features)}",
        f"Gres={or_null(node.gres)}",
    ]
    if details:
        lines += ["GresDrain=N/A", f"GresUsed={gres_used(node)}"]
    lines.append(f"NodeAddr={node.address} NodeHostName={node.hostname} {port}{version}")
    if node.os:
        lines.append(f"OS={node.os} ")
    free = node.free_memory or "N/A"
    lines.append(
        f"RealMemory={node.memory} AllocMem={node.alloc_memory} FreeMem={free} Sockets={node.sockets} "
        f"Boards={max(1, node.boards)}"
    )
    if node.core_spec or node.cpu_spec_list or node.mem_spec:
        reserved = f"CoreSpecCount={node.core_spec} " if node.core_spec else ""
        reserved += f"CPUSpecList={node.cpu_spec_list} " if node.cpu_spec_list else ""
        reserved += f"MemSpecLimit={node.mem_spec}" if node.mem_spec else ""
        lines.append(reserved)
    lines += [
        (
            f"State={state_flags(node.state)} ThreadsPerCore={node.threads} TmpDisk={node.tmp_disk} "
            f"Weight={node.weight} Owner={node.owner or 'N/A'} MCS_label={node.mcs_label or 'N/A'}"
        ),
        f"Partitions={','.join(node.partitions)} ",
        f"BootTime={moment(node.boot_time, 'None')} SlurmdStartTime={moment(node.slurmd_start_time, 'None')}",
        f"LastBusyTime={moment(node.last_busy)} ResumeAfterTime={moment(node.resume_after, 'None')}",
        f"CfgTRES={node.tres_cfg}",
        f"AllocTRES={node.tres_alloc}",
        "CurrentWatts=0 AveWatts=0",
    ]
    if node.reason:
        who = node.reason_user or str(node.reason_uid)
        when = f" [{who}@{moment(node.reason_time)}]" if node.reason_time else ""
        lines.append(f"Reason={node.reason}{when}")
    if node.comment:
        lines.append(f"Comment={node.comment}")
    if node.extra:
        lines.append(f"Extra={node.extra}")
    if node.resv_name:
        lines.append(f"ReservationName={node.resv_name}")
    return lines
