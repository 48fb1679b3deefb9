"""Every parameter slurm.conf may hold: type, default, and what becomes of it here (data, no logic).

Source: slurm.conf(5) of releases 20.11 to 26.05.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """One parameter."""

    name: str
    #: str, u16, u32, u64, bool, array (may stand on several lines)
    type: str
    #: what Slurm takes where the file does not say; None: unset
    default: int | str | bool | None = None
    #: M honoured; A accepted and recorded, not acted on; O obsolete, accepted with a notice
    status: str = "M"
    #: first and last release whose parser knows it; "": since before 20.11, still in 26.05
    since: str = ""
    until: str = ""
    #: from this release on only an error message
    defunct: str = ""
    #: what to do about it in a file of today
    instead: str = ""

    def known_in(self, release: str) -> bool:
        """Would that release's parser accept the key (``"23.11"``)?"""
        return (not self.since or self.since <= release) and (not self.until or release <= self.until)


#: lower-case name → parameter
KEYS: dict[str, Key] = {
    key.name.lower(): key
    for key in (
        Key("AccountingStorageBackupHost", "str", status="A"),
        Key("AccountingStorageEnforce", "str", "none"),
        Key("AccountingStorageExternalHost", "str", status="A"),
        Key("AccountingStorageHost", "str", "localhost"),
        Key("AccountingStorageLoc", "str", status="A", until="25.05", instead="write StorageLoc in slurmdbd.conf"),
        Key("AccountingStorageParameters", "str", status="A"),
        Key("AccountingStoragePass", "str", status="A"),
        Key("AccountingStoragePort", "u16", 6819),
        Key("AccountingStorageTRES", "str", "cpu,mem,energy,node,billing,fs/disk,vmem,pages"),
        Key("AccountingStorageType", "str"),
        Key("AccountingStorageUser", "str", status="A", defunct="25.11", instead="write StorageUser in slurmdbd.conf"),
        Key("AccountingStoreFlags", "str", since="21.08"),
        Key("AccountingStoreJobComment", "bool", True, status="O", instead="write AccountingStoreFlags=job_comment"),
        Key("AcctGatherEnergyType", "str", status="A"),
        Key("AcctGatherFilesystemType", "str", status="A"),
        Key("AcctGatherInfinibandType", "str", status="O", instead="write AcctGatherInterconnectType"),
        Key("AcctGatherInterconnectType", "str", status="A"),
        Key("AcctGatherNodeFreq", "u16", 0, status="A"),
        Key("AcctGatherProfileType", "str", status="A"),
        Key("AllowSpecResourcesUsage", "bool", False),
        Key("AuthAltParameters", "str", status="A"),
        Key("AuthAltTypes", "str"),
        Key("AuthInfo", "str", status="A"),
        Key("AuthType", "str", "auth/munge"),
        Key("BackupAddr", "str"),
        Key("BackupController", "str"),
        Key("BatchStartTimeout", "u16", 10),
        Key("BcastExclude", "str", "/lib,/usr/lib,/lib64,/usr/lib64", since="21.08"),
        Key("BcastParameters", "str", since="21.08"),
        Key("BurstBufferParameters", "str", status="A"),
        Key("BurstBufferType", "str", status="A"),
        Key("CacheGroups", "u16", status="O", until="20.11", instead="remove it: groups are always cached"),
        Key("CertgenParameters", "str", status="A", since="25.05"),
        Key("CertgenType", "str", status="A", since="25.05"),
        Key("CertmgrParameters", "str", status="A", since="24.11"),
        Key("CertmgrType", "str", status="A", since="24.11"),
        Key("CheckpointType", "str", status="O", until="20.11", instead="remove it: there is no checkpointing"),
        Key("CliFilterParameters", "str", status="A", since="25.11"),
        Key("CliFilterPlugins", "str"),
        Key("ClusterName", "str"),
        Key("CommunicationParameters", "str", status="A"),
        Key("CompleteWait", "u16", 0),
        Key("ControlAddr", "str"),
        Key("ControlMachine", "str"),
        Key("CoreSpecPlugin", "str", status="O", defunct="24.05", instead="remove it"),
        Key("CpuFreqDef", "str", status="A"),
        Key("CpuFreqGovernors", "str", "ondemand,performance,userspace", status="A"),
        Key("CredType", "str", "cred/munge", status="A"),
        Key("CryptoType", "str", status="O", instead="write CredType=cred/…"),
        Key("DataParserParameters", "str", status="A", since="24.11"),
        Key("DebugFlags", "str", status="A"),
        Key("DefaultStorageHost", "str", status="O", until="20.11", instead="write AccountingStorageHost"),
        Key("DefaultStorageLoc", "str", status="O", until="20.11", instead="write StorageLoc in slurmdbd.conf"),
        Key("DefaultStoragePass", "str", status="O", until="20.11", instead="write StoragePass in slurmdbd.conf"),
        Key("DefaultStoragePort", "u32", status="O", until="20.11", instead="write AccountingStoragePort"),
        Key("DefaultStorageType", "str", status="O", until="20.11", instead="write AccountingStorageType"),
        Key("DefaultStorageUser", "str", status="O", until="20.11", instead="write StorageUser in slurmdbd.conf"),
        Key("DefCPUPerGPU", "u64", 0),
        Key("DefMemPerCPU", "u64", 0),
        Key("DefMemPerGPU", "u64", 0),
        Key("DefMemPerNode", "u64", 0),
        Key("DependencyParameters", "str"),
        Key("DisableRootJobs", "bool", False),
        Key("DownNodes", "array"),
        Key("EioTimeout", "u16", 60, status="A"),
        Key("EnforcePartLimits", "str", "NO"),
        Key("Epilog", "array"),
        Key("EpilogMsgTime", "u32", 2000, status="A"),
        Key("EpilogSlurmctld", "array"),
        Key("EpilogTimeout", "u16", since="25.05"),
        Key("ExtSensorsFreq", "u16", status="O", defunct="23.11", instead="remove it"),
        Key("ExtSensorsType", "str", status="O", defunct="23.11", instead="remove it"),
        Key("FairShareDampeningFactor", "u16", 1),
        Key("FastSchedule", "u16", status="O", instead="remove it; for 2 write SlurmdParameters=config_overrides"),
        Key("FederationParameters", "str", status="A"),
        Key("FirstJobId", "u32", 1),
        Key("FrontendName", "array", status="O", until="24.11", instead="write NodeName lines"),
        Key("GetEnvTimeout", "u16", 2, status="O", defunct="25.05", instead="remove it"),
        Key("GpuFreqDef", "str", status="A"),
        Key("GresTypes", "str"),
        Key("GroupUpdateForce", "u16", 1, status="A"),
        Key("GroupUpdateTime", "u16", 600, status="A"),
        Key("HashPlugin", "str", "hash/k12", status="A", since="24.05"),
        Key("HealthCheckInterval", "u16", 0),
        Key("HealthCheckNodeState", "str", "ANY"),
        Key("HealthCheckProgram", "str"),
        Key("HealthCheckTimeout", "u16", 60, status="A", since="26.05"),
        Key("HttpParserType", "str", status="A", since="25.11"),
        Key("InactiveLimit", "u16", 0),
        Key("InteractiveStepOptions", "str", "--interactive --preserve-env --pty $SHELL"),
        Key("JobAcctGatherFrequency", "str", "30"),
        Key("JobAcctGatherParams", "str"),
        Key("JobAcctGatherType", "str"),
        Key("JobCheckpointDir", "str", status="O", until="20.11", instead="remove it: there is no checkpointing"),
        Key("JobCompHost", "str", status="A"),
        Key("JobCompLoc", "str", status="A"),
        Key("JobCompParams", "str", status="A"),
        Key("JobCompPass", "str", status="A"),
        Key("JobCompPassScript", "str", status="A", since="25.11"),
        Key("JobCompPort", "u32", status="A"),
        Key("JobCompType", "str", "none"),
        Key("JobCompUser", "str", status="A"),
        Key("JobContainerType", "str", status="A"),
        Key(
            "JobCredentialPrivateKey", "str", status="O", defunct="23.11", instead="remove it: CredType has its own key"
        ),
        Key(
            "JobCredentialPublicCertificate",
            "str",
            status="O",
            defunct="23.11",
            instead="remove it: CredType has its own key",
        ),
        Key("JobFileAppend", "u16", 0),
        Key("JobRequeue", "u16", 1),
        Key("JobSubmitPlugins", "str"),
        Key("KeepAliveTime", "u32", status="O", instead="write CommunicationParameters=keepalivetime=…"),
        Key("KillOnBadExit", "u16", 0),
        Key("KillWait", "u16", 30),
        Key("LaunchParameters", "str"),
        Key("LaunchType", "str", status="O", instead="remove it"),
        Key("LicenseParameters", "str", status="A", since="26.05"),
        Key("Licenses", "str"),
        Key("LogTimeFormat", "str", "iso8601_ms", status="A"),
        Key("MailDomain", "str"),
        Key("MailProg", "str", "/bin/mail"),
        Key("MaxArraySize", "u32", 1001),
        Key("MaxBatchRequeue", "u32", 5, since="23.02"),
        Key("MaxDBDMsgs", "u32", 10000, status="A"),
        Key("MaxJobCount", "u32", 10000),
        Key("MaxJobId", "u32", 67043328),
        Key("MaxMemPerCPU", "u64", 0),
        Key("MaxMemPerNode", "u64", 0),
        Key("MaxNodeCount", "u32", since="22.05"),
        Key("MaxStepCount", "u32", 40000),
        Key("MaxTasksPerNode", "u16", 512),
        Key("MCSParameters", "str", status="A"),
        Key("MCSPlugin", "str", status="A"),
        Key("MemLimitEnforce", "str", status="O", until="20.11", instead="write JobAcctGatherParams=OverMemoryKill"),
        Key("MessageTimeout", "u16", 10),
        Key("MetricsAuthUsers", "str", status="A", since="26.05"),
        Key("MetricsParameters", "str", status="A", since="26.05"),
        Key("MetricsType", "str", status="A", since="25.11"),
        Key("MinJobAge", "u32", 300),
        Key("MpiDefault", "str"),
        Key("MpiParams", "str"),
        Key("NamespaceType", "str", status="A", since="25.11"),
        Key("NodeFeaturesPlugins", "str", status="A"),
        Key("NodeName", "array"),
        Key("NodeSet", "array"),
        Key("OverTimeLimit", "u16", 0),
        Key("PartitionName", "array"),
        Key("PluginDir", "str", status="A"),
        Key("PlugStackConfig", "str", "plugstack.conf"),
        Key("PowerAction", "array", status="A", since="26.05"),
        Key("PowerParameters", "str", status="O", defunct="24.05", instead="remove it"),
        Key("PowerPlugin", "str", status="O", defunct="24.05", instead="remove it"),
        Key("PreemptExemptTime", "str", "-1"),
        Key("PreemptMode", "str", "OFF"),
        Key("PreemptParameters", "str", since="23.02"),
        Key("PreemptType", "str"),
        Key("PrEpParameters", "str", status="A"),
        Key("PrEpPlugins", "str", "prep/script", status="A"),
        Key("PriorityCalcPeriod", "str", "5"),
        Key("PriorityDecayHalfLife", "str", "7-0"),
        Key("PriorityFavorSmall", "bool", False),
        Key("PriorityFlags", "str"),
        Key("PriorityMaxAge", "str", "7-0"),
        Key("PriorityParameters", "str", status="A"),
        Key("PrioritySiteFactorParameters", "str", status="A"),
        Key("PrioritySiteFactorPlugin", "str", status="A"),
        Key("PriorityType", "str", "priority/multifactor"),
        Key("PriorityUsageResetPeriod", "str", "NONE"),
        Key("PriorityWeightAge", "u32", 0),
        Key("PriorityWeightAssoc", "u32", 0),
        Key("PriorityWeightFairshare", "u32", 0),
        Key("PriorityWeightJobSize", "u32", 0),
        Key("PriorityWeightPartition", "u32", 0),
        Key("PriorityWeightQOS", "u32", 0),
        Key("PriorityWeightTRES", "str"),
        Key("PrivateData", "str"),
        Key("ProctrackType", "str", "proctrack/cgroup"),
        Key("Prolog", "array"),
        Key("PrologEpilogTimeout", "u16", 65534),
        Key("PrologFlags", "str"),
        Key("PrologSlurmctld", "array"),
        Key("PrologTimeout", "u16", since="25.05"),
        Key("PropagatePrioProcess", "u16", 0),
        Key("PropagateResourceLimits", "str", "ALL"),
        Key("PropagateResourceLimitsExcept", "str"),
        Key("RebootProgram", "str"),
        Key("ReconfigFlags", "str", status="A"),
        Key("RequeueExit", "str"),
        Key("RequeueExitHold", "str"),
        Key("ResumeFailProgram", "str"),
        Key("ResumeProgram", "str"),
        Key("ResumeRate", "u16", 300),
        Key("ResumeTimeout", "u16", 60),
        Key("ResvEpilog", "str", status="A"),
        Key("ResvOverRun", "u16", 0),
        Key("ResvProlog", "str", status="A"),
        Key("ReturnToService", "u16", 0),
        Key("RoutePlugin", "str", status="O", instead="write TopologyParam=RouteTree"),
        Key("SallocDefaultCommand", "str", status="O", instead="write LaunchParameters=use_interactive_step"),
        Key("SbcastParameters", "str", status="O", instead="write BcastParameters"),
        Key("SchedulerAuth", "str", status="O", until="23.11", defunct="20.11", instead="remove it"),
        Key("SchedulerParameters", "str"),
        Key("SchedulerPort", "u16", status="O", until="20.11", instead="remove it"),
        Key("SchedulerRootFilter", "u16", status="O", until="20.11", instead="remove it"),
        Key("SchedulerTimeSlice", "u16", 30),
        Key("SchedulerType", "str", "sched/backfill"),
        Key("ScronParameters", "str"),
        Key("SelectType", "str", "select/cons_tres"),
        Key("SelectTypeParameters", "str", "CR_Core_Memory"),
        Key("SlurmctldAddr", "str"),
        Key("SlurmctldDebug", "str", "info"),
        Key("SlurmctldHost", "array"),
        Key("SlurmctldHttpAuthParameters", "str", status="A", since="26.05"),
        Key("SlurmctldLogFile", "str"),
        Key("SlurmctldParameters", "str"),
        Key("SlurmctldPidFile", "str", "/var/run/slurmctld.pid"),
        Key("SlurmctldPlugstack", "str", status="O", until="22.05", instead="remove it"),
        Key("SlurmctldPort", "str", "6817"),
        Key("SlurmctldPrimaryOffProg", "str", status="A"),
        Key("SlurmctldPrimaryOnProg", "str", status="A"),
        Key("SlurmctldSyslogDebug", "str", "info"),
        Key("SlurmctldTimeout", "u16", 120),
        Key("SlurmdDebug", "str", "info"),
        Key("SlurmdHttpAuthParameters", "str", status="A", since="26.05"),
        Key("SlurmdLogFile", "str"),
        Key("SlurmdParameters", "str"),
        Key("SlurmdPidFile", "str", "/var/run/slurmd.pid"),
        Key("SlurmdPort", "u32", 6818),
        Key("SlurmdSpoolDir", "str", "/var/spool/slurmd"),
        Key("SlurmdSyslogDebug", "str", "info"),
        Key("SlurmdTimeout", "u16", 300),
        Key("SlurmdUser", "str", "root"),
        Key("SlurmSchedLogFile", "str", status="A"),
        Key("SlurmSchedLogLevel", "u16", 0, status="A"),
        Key("SlurmUser", "str", "root"),
        Key("SrunEpilog", "str"),
        Key("SrunPortRange", "str"),
        Key("SrunProlog", "str"),
        Key("StateSaveLocation", "str", "/var/spool"),
        Key("SuspendExcNodes", "str"),
        Key("SuspendExcParts", "str"),
        Key("SuspendExcStates", "str", since="23.02"),
        Key("SuspendProgram", "str"),
        Key("SuspendRate", "u16", 60),
        Key("SuspendTime", "str", "INFINITE"),
        Key("SuspendTimeout", "u16", 30),
        Key("SwitchParameters", "str", status="A", since="21.08"),
        Key("SwitchType", "str", status="A"),
        Key("TaskEpilog", "str"),
        Key("TaskPlugin", "str"),
        Key("TaskPluginParam", "str"),
        Key("TaskProlog", "str"),
        Key("TCPTimeout", "u16", 2, status="A"),
        Key("TLSParameters", "str", status="A", since="24.05"),
        Key("TLSType", "str", status="A", since="24.05"),
        Key("TmpFS", "str", "/tmp"),
        Key("TopologyParam", "str"),
        Key("TopologyPlugin", "str", "topology/flat"),
        Key("TrackWCKey", "bool", False),
        Key("TreeWidth", "u16", 16),
        Key("UnkillableStepProgram", "str"),
        Key("UnkillableStepTimeout", "u16", 60),
        Key("UrlParserType", "str", status="A", since="25.11"),
        Key("UsePAM", "bool", False),
        Key("VSizeFactor", "u16", 0),
        Key("WaitTime", "u16", 0),
        Key("X11Parameters", "str", status="A"),
    )
}

#: sub-keys of a NodeName line
NODE_KEYS: frozenset[str] = frozenset(
    """
    bcastaddr boards corespeccount corespersocket cpubind cpus cpuspeclist feature features gres
    gresconf memspeclimit nodeaddr nodehostname nodename parameters port procs realmemory reason
    restrictedcorespergpu sockets socketsperboard state suspendtime threadspercore tmpdisk topology
    tresweights weight
    """.split()
)

#: sub-keys of a PartitionName line
PARTITION_KEYS: frozenset[str] = frozenset(
    """
    allocnodes allowaccounts allowgroups allowqos alternate cpubind default defaulttime defcpupergpu
    defmempercpu defmempergpu defmempernode denyaccounts denyqos disablerootjobs exclusive exclusivetopo
    exclusiveuser gracetime hidden lln maxcpuspernode maxcpuspersocket maxmempercpu maxmempernode
    maxnodes maxtime minnodes nodes oversubscribe overtimelimit partitionname powerdownonidle
    preemptmode priority priorityjobfactor prioritytier qos reqresv resumetimeout rootonly
    selecttypeparameters shared state suspendtime suspendtimeout topology tresbillingweights
    """.split()
)

#: keys that take further keys on their line, and which (SlurmctldHost and the like take none but may repeat)
LINE_KEYS: dict[str, frozenset[str]] = {
    "nodename": NODE_KEYS,
    "partitionname": PARTITION_KEYS,
    "nodeset": frozenset({"nodeset", "feature", "nodes"}),
    "downnodes": frozenset({"downnodes", "state", "reason"}),
    "frontendname": frozenset(
        "frontendname allowgroups allowusers denygroups denyusers frontendaddr port reason state".split()
    ),
}
