"""Job, step, node and partition states.

The numbers are Slurm's (slurm.h), because the slurmdbd schema stores them and
`--json` documents name them: a base state in the low byte, flags above it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crane_compat.wire import pb

# --- jobs and steps: base states (JOB_STATE_BASE)
PENDING, RUNNING, SUSPENDED, COMPLETED, CANCELLED, FAILED = 0, 1, 2, 3, 4, 5
TIMEOUT, NODE_FAIL, PREEMPTED, BOOT_FAIL, DEADLINE, OUT_OF_MEMORY = 6, 7, 8, 9, 10, 11
BASE_MASK = 0xFF

# --- jobs: flags
LAUNCH_FAILED = 1 << 8
UPDATE_DB = 1 << 9
REQUEUED = 1 << 10
REQUEUE_HOLD = 1 << 11
SPECIAL_EXIT = 1 << 12
RESIZING = 1 << 13
CONFIGURING = 1 << 14
COMPLETING = 1 << 15
STOPPED = 1 << 16
RECONFIG_FAIL = 1 << 17
POWER_UP_NODE = 1 << 18
REVOKED = 1 << 19
REQUEUE_FED = 1 << 20
RESV_DEL_HOLD = 1 << 21
SIGNALING = 1 << 22
STAGE_OUT = 1 << 23

#: base state → (name, compact name)
JOB_NAMES: dict[int, tuple[str, str]] = {
    PENDING: ("PENDING", "PD"),
    RUNNING: ("RUNNING", "R"),
    SUSPENDED: ("SUSPENDED", "S"),
    COMPLETED: ("COMPLETED", "CD"),
    CANCELLED: ("CANCELLED", "CA"),
    FAILED: ("FAILED", "F"),
    TIMEOUT: ("TIMEOUT", "TO"),
    NODE_FAIL: ("NODE_FAIL", "NF"),
    PREEMPTED: ("PREEMPTED", "PR"),
    BOOT_FAIL: ("BOOT_FAIL", "BF"),
    DEADLINE: ("DEADLINE", "DL"),
    OUT_OF_MEMORY: ("OUT_OF_MEMORY", "OOM"),
}
#: flags that show instead of the base state, in the order Slurm looks for them
JOB_FLAG_NAMES: dict[int, tuple[str, str]] = {
    COMPLETING: ("COMPLETING", "CG"),
    CONFIGURING: ("CONFIGURING", "CF"),
    RESIZING: ("RESIZING", "RS"),
    REQUEUED: ("REQUEUED", "RQ"),
    REQUEUE_FED: ("REQUEUE_FED", "RF"),
    REQUEUE_HOLD: ("REQUEUE_HOLD", "RH"),
    SPECIAL_EXIT: ("SPECIAL_EXIT", "SE"),
    STOPPED: ("STOPPED", "ST"),
    REVOKED: ("REVOKED", "RV"),
    RESV_DEL_HOLD: ("RESV_DEL_HOLD", "RD"),
    SIGNALING: ("SIGNALING", "SI"),
    STAGE_OUT: ("STAGE_OUT", "SO"),
}


def base(state: int) -> int:
    """The base state without its flags."""
    return state & BASE_MASK


def is_finished(state: int) -> bool:
    """The job has ended (it may still be completing)."""
    return (state & BASE_MASK) > SUSPENDED


def is_completing(state: int) -> bool:
    return bool(state & COMPLETING)


def is_pending(state: int) -> bool:
    return (state & BASE_MASK) == PENDING


def is_running(state: int) -> bool:
    return (state & BASE_MASK) == RUNNING


def recurs(job: pb.JobRecord) -> bool:
    """Does it begin anew after each run, as the jobs of a crontab do?"""
    return job.spec.HasField("cron") and not job.spec.cron.over


def job_state_name(state: int) -> str:
    """The one word squeue's %T prints, e.g. ``COMPLETING``."""
    for flag, (name, _) in JOB_FLAG_NAMES.items():
        if state & flag:
            return name
    return JOB_NAMES[state & BASE_MASK][0]


def job_state_compact(state: int) -> str:
    """The abbreviation squeue's %t prints, e.g. ``CG``."""
    for flag, (_, name) in JOB_FLAG_NAMES.items():
        if state & flag:
            return name
    return JOB_NAMES[state & BASE_MASK][1]


# --- step ids with a meaning (stored so in the slurmdbd schema)
BATCH_STEP, EXTERN_STEP, INTERACTIVE_STEP, PENDING_STEP = -5, -4, -6, -3
#: SignalStep.step_id: every step of the job
ALL_STEPS = -2
STEP_NAMES = {BATCH_STEP: "batch", EXTERN_STEP: "extern", INTERACTIVE_STEP: "interactive", PENDING_STEP: "TBD"}


def step_name(step_id: int) -> str:
    """``batch``, ``extern``, ``0`` … as after the dot in ``1001.batch``."""
    return STEP_NAMES.get(step_id) or str(step_id)


# --- nodes: base states (NODE_STATE_BASE)
NODE_UNKNOWN, NODE_DOWN, NODE_IDLE, NODE_ALLOCATED, NODE_ERROR, NODE_MIXED, NODE_FUTURE = 0, 1, 2, 3, 4, 5, 6
NODE_BASE_MASK = 0xF
NODE_NET = 1 << 4
NODE_RES = 1 << 5
NODE_UNDRAIN = 1 << 6
NODE_CLOUD = 1 << 7
NODE_RESUME = 1 << 8
NODE_DRAIN = 1 << 9
NODE_COMPLETING = 1 << 10
NODE_NO_RESPOND = 1 << 11
NODE_POWERED_DOWN = 1 << 12
NODE_FAILING = 1 << 13
NODE_POWERING_UP = 1 << 14
NODE_MAINT = 1 << 15
NODE_REBOOT_REQUESTED = 1 << 16
NODE_REBOOT_CANCEL = 1 << 17
NODE_POWERING_DOWN = 1 << 18
NODE_DYNAMIC_FUTURE = 1 << 19
NODE_REBOOT_ISSUED = 1 << 20
NODE_PLANNED = 1 << 21
NODE_INVALID_REG = 1 << 22
NODE_POWER_DOWN = 1 << 23
NODE_POWER_UP = 1 << 24
NODE_POWER_DRAIN = 1 << 25
NODE_DYNAMIC_NORM = 1 << 26
NODE_BLOCKED = 1 << 27

NODE_NAMES = {
    NODE_UNKNOWN: "UNKNOWN",
    NODE_DOWN: "DOWN",
    NODE_IDLE: "IDLE",
    NODE_ALLOCATED: "ALLOCATED",
    NODE_ERROR: "ERROR",
    NODE_MIXED: "MIXED",
    NODE_FUTURE: "FUTURE",
}

# --- partitions (PartitionRecord.state)
PARTITION_SUBMIT, PARTITION_SCHED = 1, 2
PARTITION_INACTIVE, PARTITION_DOWN, PARTITION_DRAIN, PARTITION_UP = 0, 1, 2, 3
PARTITION_NAMES = {
    PARTITION_INACTIVE: "INACTIVE",
    PARTITION_DOWN: "DOWN",
    PARTITION_DRAIN: "DRAIN",
    PARTITION_UP: "UP",
}
