"""The errors a request can meet: name, number and text as Slurm's clients print them.

Numbers are Slurm's (slurm_errno.h): they show in ``--json`` documents and lua
scripts return them.  Texts are what ``slurm_strerror`` gives in 25.11, checked
against the recordings.
"""

from __future__ import annotations

from enum import IntEnum

#: Wait status of a step whose tasks could not be bound as asked.
CPU_BIND_FAILED = 192 << 8


class Errno(IntEnum):
    """Error numbers; `TEXT` holds what is printed."""

    SUCCESS = 0
    AGAIN = 11  # the system's EAGAIN
    UNEXPECTED_MSG = 1000
    COMMUNICATIONS_CONNECTION = 1001
    PROTOCOL_VERSION = 1005
    INVALID_PARTITION_NAME = 2000
    DEFAULT_PARTITION_NOT_SET = 2001
    ACCESS_DENIED = 2002
    JOB_MISSING_REQUIRED_PARTITION_GROUP = 2003
    REQUESTED_NODES_NOT_IN_PARTITION = 2004
    TOO_MANY_REQUESTED_CPUS = 2005
    INVALID_NODE_COUNT = 2006
    ERROR_ON_DESC_TO_RECORD_COPY = 2007
    JOB_MISSING_SIZE_SPECIFICATION = 2008
    JOB_SCRIPT_MISSING = 2009
    USER_ID_MISSING = 2010
    DUPLICATE_JOB_ID = 2011
    PATHNAME_TOO_LONG = 2012
    NOT_TOP_PRIORITY = 2013
    REQUESTED_NODE_CONFIG_UNAVAILABLE = 2014
    REQUESTED_PART_CONFIG_UNAVAILABLE = 2015
    NODES_BUSY = 2016
    INVALID_JOB_ID = 2017
    INVALID_NODE_NAME = 2018
    WRITING_TO_FILE = 2019
    TRANSITION_STATE_NO_UPDATE = 2020
    ALREADY_DONE = 2021
    INTERCONNECT_FAILURE = 2022
    BAD_DIST = 2023
    JOB_PENDING = 2024
    BAD_TASK_COUNT = 2025
    INVALID_JOB_CREDENTIAL = 2026
    IN_STANDBY_MODE = 2027
    INVALID_NODE_STATE = 2028
    INVALID_FEATURE = 2029
    INVALID_AUTHTYPE_CHANGE = 2030
    ACTIVE_FEATURE_NOT_SUBSET = 2031
    INVALID_SCHEDTYPE_CHANGE = 2032
    INVALID_SELECTTYPE_CHANGE = 2033
    INVALID_SWITCHTYPE_CHANGE = 2034
    FRAGMENTATION = 2035
    NOT_SUPPORTED = 2036
    DISABLED = 2037
    DEPENDENCY = 2038
    BATCH_ONLY = 2039
    INVALID_TASK_MEMORY = 2044
    LICENSES_UNAVAILABLE = 2046
    INVALID_TIME_VALUE = 2047
    JOB_HELD = 2042
    INVALID_ACCOUNT = 2045
    INVALID_LICENSES = 2048
    NEED_RESTART = 2049
    ACCOUNTING_POLICY = 2050
    INVALID_TIME_LIMIT = 2051
    RESERVATION_ACCESS = 2052
    RESERVATION_INVALID = 2053
    INVALID_TIME = 2054
    RESERVATION_BUSY = 2055
    RESERVATION_NOT_USABLE = 2056
    INVALID_WCKEY = 2057
    RESERVATION_OVERLAP = 2058
    PORTS_BUSY = 2059
    PORTS_INVALID = 2060
    PROLOG_RUNNING = 2061
    NO_STEPS = 2062
    INVALID_QOS = 2066
    QOS_PREEMPTION_LOOP = 2067
    NODE_NOT_AVAIL = 2068
    INVALID_CPU_COUNT = 2069
    PARTITION_NOT_AVAIL = 2070
    CIRCULAR_DEPENDENCY = 2071
    INVALID_GRES = 2072
    JOB_NOT_PENDING = 2073
    QOS_THRES = 2074
    PARTITION_IN_USE = 2075
    STEP_LIMIT = 2076
    JOB_SUSPENDED = 2077
    CAN_NOT_START_IMMEDIATELY = 2078
    INTERCONNECT_BUSY = 2079
    RESERVATION_EMPTY = 2080
    INVALID_ARRAY = 2081
    RESERVATION_NAME_DUP = 2082
    JOB_STARTED = 2083
    JOB_FINISHED = 2084
    JOB_NOT_RUNNING = 2085
    JOB_NOT_PENDING_NOR_RUNNING = 2086
    JOB_NOT_SUSPENDED = 2087
    JOB_NOT_FINISHED = 2088
    TRIGGER_DUP = 2089
    INTERNAL = 2090
    INVALID_BURST_BUFFER_CHANGE = 2091
    BURST_BUFFER_PERMISSION = 2092
    BURST_BUFFER_LIMIT = 2093
    INVALID_BURST_BUFFER_REQUEST = 2094
    PRIO_RESET_FAIL = 2095
    CANNOT_MODIFY_CRON_JOB = 2096
    CANNOT_CANCEL_CRON_JOB = 2098
    RSV_ALREADY_STARTED = 2104
    SUBMISSIONS_DISABLED = 2105
    NOT_HET_JOB = 2106
    INVALID_BATCH_FEATURE = 2114
    INVALID_TIME_MIN = 2124
    INVALID_PREFER = 2133
    PARTITION_DOWN = 2101
    MISSING_TIME_LIMIT = 2107
    USER_NOT_FOUND = 4100
    SLURMD_JOB_NOTRUNNING = 4007
    PROLOG_FAILED = 4022
    CORE_RESERVATION_UPDATE = 2109
    RESERVATION_NO_SKIP = 2128
    ERROR = 0xFFFFFFFF  # SLURM_ERROR, -1


TEXT: dict[Errno, str] = {
    Errno.SUCCESS: "No error",
    Errno.AGAIN: "Resource temporarily unavailable",
    Errno.UNEXPECTED_MSG: "Unexpected message received",
    Errno.COMMUNICATIONS_CONNECTION: "Unable to contact slurm controller (connect failure)",
    Errno.PROTOCOL_VERSION: "Incompatible versions of client and server code",
    Errno.INVALID_PARTITION_NAME: "Invalid partition name specified",
    Errno.DEFAULT_PARTITION_NOT_SET: "No partition specified or system default partition",
    Errno.ACCESS_DENIED: "Access/permission denied",
    Errno.JOB_MISSING_REQUIRED_PARTITION_GROUP: "User's group not permitted to use this partition",
    Errno.REQUESTED_NODES_NOT_IN_PARTITION: "Requested nodes not in this partition",
    Errno.TOO_MANY_REQUESTED_CPUS: "More processors requested than permitted",
    Errno.INVALID_NODE_COUNT: "Node count specification invalid",
    Errno.ERROR_ON_DESC_TO_RECORD_COPY: "Unable to create job record, try again",
    Errno.JOB_MISSING_SIZE_SPECIFICATION: "Job size specification needs to be provided",
    Errno.JOB_SCRIPT_MISSING: "Job script not specified",
    Errno.USER_ID_MISSING: "Invalid user id",
    Errno.DUPLICATE_JOB_ID: "Duplicate job id",
    Errno.PATHNAME_TOO_LONG: "Pathname of a file, directory or other parameter too long",
    Errno.NOT_TOP_PRIORITY: "Immediate execution impossible, insufficient priority",
    Errno.REQUESTED_NODE_CONFIG_UNAVAILABLE: "Requested node configuration is not available",
    Errno.REQUESTED_PART_CONFIG_UNAVAILABLE: "Requested partition configuration not available now",
    Errno.NODES_BUSY: "Requested nodes are busy",
    Errno.INVALID_JOB_ID: "Invalid job id specified",
    Errno.INVALID_NODE_NAME: "Invalid node name specified",
    Errno.WRITING_TO_FILE: "I/O error writing script/environment to file",
    Errno.TRANSITION_STATE_NO_UPDATE: "Job can not be altered now, try again later",
    Errno.ALREADY_DONE: "Job/step already completing or completed",
    Errno.BAD_DIST: "Task distribution specification invalid",
    Errno.JOB_PENDING: "Job is pending execution",
    Errno.BAD_TASK_COUNT: "Task count specification invalid",
    Errno.INVALID_JOB_CREDENTIAL: "Invalid job credential",
    Errno.IN_STANDBY_MODE: "Slurm backup controller in standby mode",
    Errno.INVALID_NODE_STATE: "Invalid node state specified",
    Errno.INVALID_FEATURE: "Invalid feature specification",
    Errno.ACTIVE_FEATURE_NOT_SUBSET: "Active features not subset of available features",
    Errno.FRAGMENTATION: "Immediate execution impossible. Resources too fragmented for allocation",
    Errno.NOT_SUPPORTED: "Requested operation not supported on this system",
    Errno.DISABLED: "Requested operation is presently disabled",
    Errno.DEPENDENCY: "Job dependency problem",
    Errno.BATCH_ONLY: "Only batch jobs are accepted or processed",
    Errno.LICENSES_UNAVAILABLE: "Licenses not available",
    Errno.INVALID_TIME_VALUE: "Invalid time specified",
    Errno.JOB_HELD: "Job is in held state, pending scheduler release",
    Errno.INVALID_ACCOUNT: "Invalid account or account/partition combination specified",
    Errno.INVALID_LICENSES: "Invalid license specification",
    Errno.ACCOUNTING_POLICY: "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)",
    Errno.INVALID_TIME_LIMIT: "Requested time limit is invalid (missing or exceeds some limit)",
    Errno.RESERVATION_ACCESS: "Access denied to requested reservation",
    Errno.RESERVATION_INVALID: "Requested reservation is invalid",
    Errno.INVALID_TIME: "Invalid time specified",
    Errno.RESERVATION_BUSY: "Requested reservation is in use",
    Errno.RESERVATION_NOT_USABLE: "Requested reservation not usable now",
    Errno.INVALID_WCKEY: "Invalid wckey specification",
    Errno.RESERVATION_OVERLAP: "Requested reservation overlaps with another reservation",
    Errno.PORTS_BUSY: "Requested ports are in use",
    Errno.PORTS_INVALID: "Requires more ports than can be reserved",
    Errno.PROLOG_RUNNING: "SlurmctldProlog is still running",
    Errno.PROLOG_FAILED: "Job prolog failed",
    Errno.NO_STEPS: "Job steps cannot be run on this cluster",
    Errno.INVALID_QOS: "Invalid qos specification",
    Errno.NODE_NOT_AVAIL: "Required node not available (down, drained or reserved)",
    Errno.INVALID_CPU_COUNT: "CPU count specification invalid",
    Errno.PARTITION_DOWN: "Partition in DOWN state",
    Errno.PARTITION_NOT_AVAIL: "Required partition not available (inactive or drain)",
    Errno.CIRCULAR_DEPENDENCY: "Circular job dependency",
    Errno.INVALID_GRES: "Invalid generic resource (gres) specification",
    Errno.JOB_NOT_PENDING: "Job is no longer pending execution",
    Errno.QOS_THRES: "Requested account has breached requested QOS usage threshold",
    Errno.PARTITION_IN_USE: "Partition is in use",
    Errno.STEP_LIMIT: "Step limit reached for this job",
    Errno.JOB_SUSPENDED: "Job is current suspended, requested operation disabled",
    Errno.CAN_NOT_START_IMMEDIATELY: "Job can not start immediately",
    Errno.RESERVATION_EMPTY: "Reservation request lacks users or accounts",
    Errno.INVALID_ARRAY: "Invalid job array specification",
    Errno.RESERVATION_NAME_DUP: "Duplicate reservation name",
    Errno.JOB_STARTED: "Job has already started",
    Errno.JOB_FINISHED: "Job has already finished",
    Errno.JOB_NOT_RUNNING: "Job is not running",
    Errno.JOB_NOT_PENDING_NOR_RUNNING: "Job is not pending nor running",
    Errno.JOB_NOT_SUSPENDED: "Job is not suspended",
    Errno.JOB_NOT_FINISHED: "Job is not finished",
    Errno.INTERNAL: "Slurm internal error",
    Errno.SUBMISSIONS_DISABLED: "System submissions disabled",
    Errno.NOT_HET_JOB: "Job is not a heterogeneous job",
    Errno.INVALID_BATCH_FEATURE: "Job --batch option is invalid or not a subset of --constraint",
    Errno.INVALID_TIME_MIN: "Invalid time-min specification (exceeds job's time or other limits)",
    Errno.INVALID_PREFER: "Invalid preferred feature specification",
    Errno.USER_NOT_FOUND: "Invalid user id",
    Errno.PRIO_RESET_FAIL: "Changes to job priority are not persistent, change nice instead",
    Errno.CANNOT_MODIFY_CRON_JOB: "Cannot modify scrontab jobs through scontrol",
    Errno.CANNOT_CANCEL_CRON_JOB: "Cannot cancel scrontab jobs without --cron flag.",
    Errno.RSV_ALREADY_STARTED: "Reservation already started",
    Errno.CORE_RESERVATION_UPDATE: "Core-based reservation can not be updated",
    Errno.RESERVATION_NO_SKIP: "Reservation given is not skipable, try deleting instead",
    Errno.ERROR: "Unspecified error",
    Errno.INVALID_TASK_MEMORY: "Memory required by task is not available",
    Errno.MISSING_TIME_LIMIT: "Time limit specification required, but not provided",
    Errno.SLURMD_JOB_NOTRUNNING: "Job step not running",
}


class RequestError(Exception):
    """A request is refused: `errno` says why; `text` replaces the usual text where it is more exact.

    `details` are lines a command prints before the error (each behind ``command: error: ``).
    """

    def __init__(self, errno: Errno, text: str = "", details: tuple[str, ...] = ()) -> None:
        self.errno = errno
        self.text = text or TEXT.get(errno, errno.name)
        self.details = details
        super().__init__(self.text)
