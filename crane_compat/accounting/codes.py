"""Numbers the slurmdbd schema stores for words, and back.

Source: slurmdbd schema (encodings), slurm.h enumerations.
"""

from __future__ import annotations

_REASON_WORDS = """
None Priority Dependency Resources PartitionNodeLimit PartitionTimeLimit PartitionDown PartitionInactive
JobHeldAdmin BeginTime Licenses AssociationJobLimit AssociationResourceLimit AssociationTimeLimit Reservation
ReqNodeNotAvail JobHeldUser FrontEndDown SchedDefer PartitionDown NodeDown BadConstraints SystemFailure
JobLaunchFailure NonZeroExitCode TimeLimit InactiveLimit InvalidAccount InvalidQOS QOSUsageThreshold QOSJobLimit
QOSResourceLimit QOSTimeLimit RaisedSignal Defunct Cleaning Prolog QOSNotAllowed AccountNotAllowed
DependencyNeverSatisfied QOSGrpCpuLimit QOSGrpCPUMinutesLimit QOSGrpCPURunMinutesLimit QOSGrpJobsLimit
QOSGrpMemLimit QOSGrpNodeLimit QOSGrpSubmitJobsLimit QOSGrpWallLimit QOSMaxCpuPerJobLimit
QOSMaxCpuMinutesPerJobLimit QOSMaxNodePerJobLimit QOSMaxWallDurationPerJobLimit QOSMaxCpuPerUserLimit
QOSMaxJobsPerUserLimit QOSMaxNodePerUserLimit QOSMaxSubmitJobPerUserLimit QOSMinCpuNotSatisfied AssocGrpCpuLimit
AssocGrpCPUMinutesLimit AssocGrpCPURunMinutesLimit AssocGrpJobsLimit AssocGrpMemLimit AssocGrpNodeLimit
AssocGrpSubmitJobsLimit AssocGrpWallLimit AssocMaxJobsLimit AssocMaxCpuPerJobLimit AssocMaxCPUMinutesPerJobLimit
AssocMaxNodePerJobLimit AssocMaxWallDurationPerJobLimit AssocMaxSubmitJobLimit JobHoldMaxRequeue
JobArrayTaskLimit BurstBufferResources BurstBufferStageIn BurstBufferOperation PowerNotAvail PowerReserved
AssocGrpUnknown AssocGrpUnknownMinutes AssocGrpUnknownRunMinutes AssocMaxUnknownPerJob AssocMaxUnknownPerNode
AssocMaxUnknownMinutesPerJob AssocMaxCpuPerNode AssocGrpMemMinutes AssocGrpMemRunMinutes AssocMaxMemPerJob
AssocMaxMemPerNode AssocMaxMemMinutesPerJob AssocGrpNodeMinutes AssocGrpNodeRunMinutes AssocMaxNodeMinutesPerJob
AssocGrpEnergy AssocGrpEnergyMinutes AssocGrpEnergyRunMinutes AssocMaxEnergyPerJob AssocMaxEnergyPerNode
AssocMaxEnergyMinutesPerJob AssocGrpGRES AssocGrpGRESMinutes AssocGrpGRESRunMinutes AssocMaxGRESPerJob
AssocMaxGRESPerNode AssocMaxGRESMinutesPerJob AssocGrpLic AssocGrpLicMinutes AssocGrpLicRunMinutes
AssocMaxLicPerJob AssocMaxLicMinutesPerJob AssocGrpBB AssocGrpBBMinutes AssocGrpBBRunMinutes AssocMaxBBPerJob
AssocMaxBBPerNode AssocMaxBBMinutesPerJob
"""

#: enum job_state_reason → the word sacct's Reason and squeue print
REASONS: dict[int, str] = dict(enumerate(_REASON_WORDS.split()))
_REASON_NUMBERS = {name: number for number, name in reversed(REASONS.items())}

#: reasons that are never remembered as the "last pending reason"
PASSING = frozenset({"None", "Priority", "Resources"})


def reason_number(word: str) -> int:
    """The number stored for a reason; 0 (None) for one that has none."""
    return _REASON_NUMBERS.get(word, 0)


#: job_table.flags
JOB_FLAGS: dict[int, str] = {
    1 << 0: "None",
    1 << 1: "SchedSubmit",
    1 << 2: "SchedMain",
    1 << 3: "SchedBackfill",
    1 << 4: "StartReceived",
    1 << 5: "JobAltered",
}
FLAG_OF_SCHEDULER = {"Submit": 1 << 1, "Main": 1 << 2, "Backfill": 1 << 3}
START_RECEIVED = 1 << 4

#: step_table.task_dist, low bits
DISTRIBUTIONS: dict[int, str] = {0: "Unknown", 1: "Cyclic", 2: "Block", 3: "Arbitrary", 4: "Plane"}


def distribution_number(text: str, tasks: int, nodes: int) -> int:
    """The number of a ``--distribution``; where none is given srun's own choice by the number of tasks."""
    word = text.split(":")[0].split(",")[0].split("=")[0].lower()
    for number, name in DISTRIBUTIONS.items():
        if word == name.lower():
            return number
    return 1 if tasks <= nodes else 2


#: user_table.admin_level
ADMIN_LEVELS: dict[int, str] = {0: "Not Set", 1: "None", 2: "Operator", 3: "Administrator"}

#: qos_table.flags, in the order sacctmgr prints them
QOS_FLAGS: dict[str, int] = {
    "PartitionMinNodes": 1 << 0,
    "PartitionMaxNodes": 1 << 1,
    "PartitionTimeLimit": 1 << 2,
    "EnforceUsageThreshold": 1 << 3,
    "NoReserve": 1 << 4,
    "RequiresReservation": 1 << 5,
    "DenyOnLimit": 1 << 6,
    "OverPartQOS": 1 << 7,
    "NoDecay": 1 << 8,
    "UsageFactorSafe": 1 << 9,
    "Relative": 1 << 10,
}

#: changes kept in txn_table.action: our name → (number, name sacctmgr prints)
TXN: dict[str, tuple[int, str]] = {
    "add_account": (1402, "Add Accounts"),
    "add_coord": (1403, "Add Account Coord"),
    "add_assoc": (1404, "Add Associations"),
    "add_cluster": (1405, "Add Clusters"),
    "add_user": (1406, "Add Users"),
    "modify_account": (1428, "Modify Accounts"),
    "modify_assoc": (1429, "Modify Associations"),
    "modify_cluster": (1430, "Modify Clusters"),
    "modify_user": (1431, "Modify Users"),
    "remove_account": (1435, "Remove Accounts"),
    "remove_coord": (1436, "Remove Account Coords"),
    "remove_assoc": (1437, "Remove Associations"),
    "remove_cluster": (1438, "Remove Clusters"),
    "remove_user": (1439, "Remove Users"),
    "add_qos": (1447, "Add QOS"),
    "remove_qos": (1450, "Remove QOS"),
    "modify_qos": (1451, "Modify QOS"),
    "add_wckey": (1452, "Add WCKeys"),
    "remove_wckey": (1455, "Remove WCKeys"),
    "modify_job": (1476, "Modify Job"),
    "add_resource": (1477, "Add Resources"),
    "remove_resource": (1480, "Remove Resources"),
    "modify_resource": (1481, "Modify Resources"),
    "add_tres": (1485, "Add TRES"),
}
TXN_NAMES = dict(TXN.values())

#: resv_table.flags
RESERVATION_FLAGS: dict[str, int] = {
    "MAINT": 1 << 0, "DAILY": 1 << 2, "WEEKLY": 1 << 4, "IGNORE_JOBS": 1 << 6, "ANY_NODES": 1 << 8, "STATIC": 1 << 10,
    "PART_NODES": 1 << 12, "OVERLAP": 1 << 14, "SPEC_NODES": 1 << 15, "TIME_FLOAT": 1 << 17, "REPLACE": 1 << 18,
    "ALL_NODES": 1 << 19, "PURGE_COMP": 1 << 20, "WEEKDAY": 1 << 21, "WEEKEND": 1 << 23, "FLEX": 1 << 25,
    "NO_HOLD_JOBS_AFTER_END": 1 << 29, "REPLACE_DOWN": 1 << 30, "MAGNETIC": 1 << 32, "HOURLY": 1 << 35,
    "USER_DELETE": 1 << 37, "FORCE_START": 1 << 40,
}  # fmt: skip
