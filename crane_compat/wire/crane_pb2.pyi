from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class JobSpec(_message.Message):
    __slots__ = ("name", "account", "partition", "qos", "comment", "wckey", "reservation", "licenses", "dependency", "features", "prefer", "extra", "min_nodes", "max_nodes", "num_tasks", "cpus_per_task", "ntasks_per_node", "ntasks_per_socket", "ntasks_per_core", "ntasks_per_gpu", "sockets_per_node", "cores_per_socket", "threads_per_core", "mincpus", "mem_per_node", "mem_per_cpu", "mem_per_gpu", "tmp_disk", "core_spec", "thread_spec", "time_limit", "time_min", "begin_time", "deadline", "req_nodes", "exc_nodes", "gres", "gpus", "gpus_per_node", "gpus_per_task", "gpus_per_socket", "cpus_per_gpu", "tres_per_task", "gres_flags", "tres_bind", "gpu_bind", "gpu_freq", "exclusive", "oversubscribe", "overcommit", "contiguous", "spread_job", "use_min_nodes", "hold", "no_kill", "requeue", "wait_all_nodes", "kill_on_invalid_dep", "kill_on_invalid_dep_set", "reboot", "priority", "nice", "switches", "switch_wait", "delay_boot", "array", "het_offset", "distribution", "cpu_bind", "mem_bind", "hint", "network", "burst_buffer", "acctg_freq", "profile", "cpu_freq", "mcs_label", "container", "container_id", "batch_features", "cluster_constraint", "clusters", "batch", "script", "argv", "env", "work_dir", "std_in", "std_out", "std_err", "open_mode", "export_mode", "get_user_env", "mail_user", "mail_type", "signal", "rlimits", "umask", "submit_line", "alloc_node", "alloc_sid", "command", "immediate", "interactive", "srun_job", "uid", "gid", "spank_env", "admin_comment", "cron")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    QOS_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    WCKEY_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    LICENSES_FIELD_NUMBER: _ClassVar[int]
    DEPENDENCY_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    PREFER_FIELD_NUMBER: _ClassVar[int]
    EXTRA_FIELD_NUMBER: _ClassVar[int]
    MIN_NODES_FIELD_NUMBER: _ClassVar[int]
    MAX_NODES_FIELD_NUMBER: _ClassVar[int]
    NUM_TASKS_FIELD_NUMBER: _ClassVar[int]
    CPUS_PER_TASK_FIELD_NUMBER: _ClassVar[int]
    NTASKS_PER_NODE_FIELD_NUMBER: _ClassVar[int]
    NTASKS_PER_SOCKET_FIELD_NUMBER: _ClassVar[int]
    NTASKS_PER_CORE_FIELD_NUMBER: _ClassVar[int]
    NTASKS_PER_GPU_FIELD_NUMBER: _ClassVar[int]
    SOCKETS_PER_NODE_FIELD_NUMBER: _ClassVar[int]
    CORES_PER_SOCKET_FIELD_NUMBER: _ClassVar[int]
    THREADS_PER_CORE_FIELD_NUMBER: _ClassVar[int]
    MINCPUS_FIELD_NUMBER: _ClassVar[int]
    MEM_PER_NODE_FIELD_NUMBER: _ClassVar[int]
    MEM_PER_CPU_FIELD_NUMBER: _ClassVar[int]
    MEM_PER_GPU_FIELD_NUMBER: _ClassVar[int]
    TMP_DISK_FIELD_NUMBER: _ClassVar[int]
    CORE_SPEC_FIELD_NUMBER: _ClassVar[int]
    THREAD_SPEC_FIELD_NUMBER: _ClassVar[int]
    TIME_LIMIT_FIELD_NUMBER: _ClassVar[int]
    TIME_MIN_FIELD_NUMBER: _ClassVar[int]
    BEGIN_TIME_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    REQ_NODES_FIELD_NUMBER: _ClassVar[int]
    EXC_NODES_FIELD_NUMBER: _ClassVar[int]
    GRES_FIELD_NUMBER: _ClassVar[int]
    GPUS_FIELD_NUMBER: _ClassVar[int]
    GPUS_PER_NODE_FIELD_NUMBER: _ClassVar[int]
    GPUS_PER_TASK_FIELD_NUMBER: _ClassVar[int]
    GPUS_PER_SOCKET_FIELD_NUMBER: _ClassVar[int]
    CPUS_PER_GPU_FIELD_NUMBER: _ClassVar[int]
    TRES_PER_TASK_FIELD_NUMBER: _ClassVar[int]
    GRES_FLAGS_FIELD_NUMBER: _ClassVar[int]
    TRES_BIND_FIELD_NUMBER: _ClassVar[int]
    GPU_BIND_FIELD_NUMBER: _ClassVar[int]
    GPU_FREQ_FIELD_NUMBER: _ClassVar[int]
    EXCLUSIVE_FIELD_NUMBER: _ClassVar[int]
    OVERSUBSCRIBE_FIELD_NUMBER: _ClassVar[int]
    OVERCOMMIT_FIELD_NUMBER: _ClassVar[int]
    CONTIGUOUS_FIELD_NUMBER: _ClassVar[int]
    SPREAD_JOB_FIELD_NUMBER: _ClassVar[int]
    USE_MIN_NODES_FIELD_NUMBER: _ClassVar[int]
    HOLD_FIELD_NUMBER: _ClassVar[int]
    NO_KILL_FIELD_NUMBER: _ClassVar[int]
    REQUEUE_FIELD_NUMBER: _ClassVar[int]
    WAIT_ALL_NODES_FIELD_NUMBER: _ClassVar[int]
    KILL_ON_INVALID_DEP_FIELD_NUMBER: _ClassVar[int]
    KILL_ON_INVALID_DEP_SET_FIELD_NUMBER: _ClassVar[int]
    REBOOT_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    NICE_FIELD_NUMBER: _ClassVar[int]
    SWITCHES_FIELD_NUMBER: _ClassVar[int]
    SWITCH_WAIT_FIELD_NUMBER: _ClassVar[int]
    DELAY_BOOT_FIELD_NUMBER: _ClassVar[int]
    ARRAY_FIELD_NUMBER: _ClassVar[int]
    HET_OFFSET_FIELD_NUMBER: _ClassVar[int]
    DISTRIBUTION_FIELD_NUMBER: _ClassVar[int]
    CPU_BIND_FIELD_NUMBER: _ClassVar[int]
    MEM_BIND_FIELD_NUMBER: _ClassVar[int]
    HINT_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    BURST_BUFFER_FIELD_NUMBER: _ClassVar[int]
    ACCTG_FREQ_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    CPU_FREQ_FIELD_NUMBER: _ClassVar[int]
    MCS_LABEL_FIELD_NUMBER: _ClassVar[int]
    CONTAINER_FIELD_NUMBER: _ClassVar[int]
    CONTAINER_ID_FIELD_NUMBER: _ClassVar[int]
    BATCH_FEATURES_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_CONSTRAINT_FIELD_NUMBER: _ClassVar[int]
    CLUSTERS_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    SCRIPT_FIELD_NUMBER: _ClassVar[int]
    ARGV_FIELD_NUMBER: _ClassVar[int]
    ENV_FIELD_NUMBER: _ClassVar[int]
    WORK_DIR_FIELD_NUMBER: _ClassVar[int]
    STD_IN_FIELD_NUMBER: _ClassVar[int]
    STD_OUT_FIELD_NUMBER: _ClassVar[int]
    STD_ERR_FIELD_NUMBER: _ClassVar[int]
    OPEN_MODE_FIELD_NUMBER: _ClassVar[int]
    EXPORT_MODE_FIELD_NUMBER: _ClassVar[int]
    GET_USER_ENV_FIELD_NUMBER: _ClassVar[int]
    MAIL_USER_FIELD_NUMBER: _ClassVar[int]
    MAIL_TYPE_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    RLIMITS_FIELD_NUMBER: _ClassVar[int]
    UMASK_FIELD_NUMBER: _ClassVar[int]
    SUBMIT_LINE_FIELD_NUMBER: _ClassVar[int]
    ALLOC_NODE_FIELD_NUMBER: _ClassVar[int]
    ALLOC_SID_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    IMMEDIATE_FIELD_NUMBER: _ClassVar[int]
    INTERACTIVE_FIELD_NUMBER: _ClassVar[int]
    SRUN_JOB_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    GID_FIELD_NUMBER: _ClassVar[int]
    SPANK_ENV_FIELD_NUMBER: _ClassVar[int]
    ADMIN_COMMENT_FIELD_NUMBER: _ClassVar[int]
    CRON_FIELD_NUMBER: _ClassVar[int]
    name: str
    account: str
    partition: str
    qos: str
    comment: str
    wckey: str
    reservation: str
    licenses: str
    dependency: str
    features: str
    prefer: str
    extra: str
    min_nodes: int
    max_nodes: int
    num_tasks: int
    cpus_per_task: int
    ntasks_per_node: int
    ntasks_per_socket: int
    ntasks_per_core: int
    ntasks_per_gpu: int
    sockets_per_node: int
    cores_per_socket: int
    threads_per_core: int
    mincpus: int
    mem_per_node: int
    mem_per_cpu: int
    mem_per_gpu: int
    tmp_disk: int
    core_spec: int
    thread_spec: int
    time_limit: int
    time_min: int
    begin_time: float
    deadline: float
    req_nodes: str
    exc_nodes: str
    gres: str
    gpus: str
    gpus_per_node: str
    gpus_per_task: str
    gpus_per_socket: str
    cpus_per_gpu: int
    tres_per_task: str
    gres_flags: str
    tres_bind: str
    gpu_bind: str
    gpu_freq: str
    exclusive: str
    oversubscribe: bool
    overcommit: bool
    contiguous: bool
    spread_job: bool
    use_min_nodes: bool
    hold: bool
    no_kill: bool
    requeue: bool
    wait_all_nodes: bool
    kill_on_invalid_dep: bool
    kill_on_invalid_dep_set: bool
    reboot: bool
    priority: int
    nice: int
    switches: int
    switch_wait: int
    delay_boot: int
    array: str
    het_offset: int
    distribution: str
    cpu_bind: str
    mem_bind: str
    hint: str
    network: str
    burst_buffer: str
    acctg_freq: str
    profile: str
    cpu_freq: str
    mcs_label: str
    container: str
    container_id: str
    batch_features: str
    cluster_constraint: str
    clusters: str
    batch: bool
    script: bytes
    argv: _containers.RepeatedScalarFieldContainer[bytes]
    env: _containers.RepeatedScalarFieldContainer[bytes]
    work_dir: str
    std_in: str
    std_out: str
    std_err: str
    open_mode: str
    export_mode: str
    get_user_env: bool
    mail_user: str
    mail_type: _containers.RepeatedScalarFieldContainer[str]
    signal: str
    rlimits: _containers.RepeatedCompositeFieldContainer[RLimit]
    umask: int
    submit_line: str
    alloc_node: str
    alloc_sid: int
    command: str
    immediate: bool
    interactive: bool
    srun_job: bool
    uid: int
    gid: int
    spank_env: _containers.RepeatedScalarFieldContainer[str]
    admin_comment: str
    cron: CronEntry
    def __init__(self, name: _Optional[str] = ..., account: _Optional[str] = ..., partition: _Optional[str] = ..., qos: _Optional[str] = ..., comment: _Optional[str] = ..., wckey: _Optional[str] = ..., reservation: _Optional[str] = ..., licenses: _Optional[str] = ..., dependency: _Optional[str] = ..., features: _Optional[str] = ..., prefer: _Optional[str] = ..., extra: _Optional[str] = ..., min_nodes: _Optional[int] = ..., max_nodes: _Optional[int] = ..., num_tasks: _Optional[int] = ..., cpus_per_task: _Optional[int] = ..., ntasks_per_node: _Optional[int] = ..., ntasks_per_socket: _Optional[int] = ..., ntasks_per_core: _Optional[int] = ..., ntasks_per_gpu: _Optional[int] = ..., sockets_per_node: _Optional[int] = ..., cores_per_socket: _Optional[int] = ..., threads_per_core: _Optional[int] = ..., mincpus: _Optional[int] = ..., mem_per_node: _Optional[int] = ..., mem_per_cpu: _Optional[int] = ..., mem_per_gpu: _Optional[int] = ..., tmp_disk: _Optional[int] = ..., core_spec: _Optional[int] = ..., thread_spec: _Optional[int] = ..., time_limit: _Optional[int] = ..., time_min: _Optional[int] = ..., begin_time: _Optional[float] = ..., deadline: _Optional[float] = ..., req_nodes: _Optional[str] = ..., exc_nodes: _Optional[str] = ..., gres: _Optional[str] = ..., gpus: _Optional[str] = ..., gpus_per_node: _Optional[str] = ..., gpus_per_task: _Optional[str] = ..., gpus_per_socket: _Optional[str] = ..., cpus_per_gpu: _Optional[int] = ..., tres_per_task: _Optional[str] = ..., gres_flags: _Optional[str] = ..., tres_bind: _Optional[str] = ..., gpu_bind: _Optional[str] = ..., gpu_freq: _Optional[str] = ..., exclusive: _Optional[str] = ..., oversubscribe: _Optional[bool] = ..., overcommit: _Optional[bool] = ..., contiguous: _Optional[bool] = ..., spread_job: _Optional[bool] = ..., use_min_nodes: _Optional[bool] = ..., hold: _Optional[bool] = ..., no_kill: _Optional[bool] = ..., requeue: _Optional[bool] = ..., wait_all_nodes: _Optional[bool] = ..., kill_on_invalid_dep: _Optional[bool] = ..., kill_on_invalid_dep_set: _Optional[bool] = ..., reboot: _Optional[bool] = ..., priority: _Optional[int] = ..., nice: _Optional[int] = ..., switches: _Optional[int] = ..., switch_wait: _Optional[int] = ..., delay_boot: _Optional[int] = ..., array: _Optional[str] = ..., het_offset: _Optional[int] = ..., distribution: _Optional[str] = ..., cpu_bind: _Optional[str] = ..., mem_bind: _Optional[str] = ..., hint: _Optional[str] = ..., network: _Optional[str] = ..., burst_buffer: _Optional[str] = ..., acctg_freq: _Optional[str] = ..., profile: _Optional[str] = ..., cpu_freq: _Optional[str] = ..., mcs_label: _Optional[str] = ..., container: _Optional[str] = ..., container_id: _Optional[str] = ..., batch_features: _Optional[str] = ..., cluster_constraint: _Optional[str] = ..., clusters: _Optional[str] = ..., batch: _Optional[bool] = ..., script: _Optional[bytes] = ..., argv: _Optional[_Iterable[bytes]] = ..., env: _Optional[_Iterable[bytes]] = ..., work_dir: _Optional[str] = ..., std_in: _Optional[str] = ..., std_out: _Optional[str] = ..., std_err: _Optional[str] = ..., open_mode: _Optional[str] = ..., export_mode: _Optional[str] = ..., get_user_env: _Optional[bool] = ..., mail_user: _Optional[str] = ..., mail_type: _Optional[_Iterable[str]] = ..., signal: _Optional[str] = ..., rlimits: _Optional[_Iterable[_Union[RLimit, _Mapping]]] = ..., umask: _Optional[int] = ..., submit_line: _Optional[str] = ..., alloc_node: _Optional[str] = ..., alloc_sid: _Optional[int] = ..., command: _Optional[str] = ..., immediate: _Optional[bool] = ..., interactive: _Optional[bool] = ..., srun_job: _Optional[bool] = ..., uid: _Optional[int] = ..., gid: _Optional[int] = ..., spank_env: _Optional[_Iterable[str]] = ..., admin_comment: _Optional[str] = ..., cron: _Optional[_Union[CronEntry, _Mapping]] = ...) -> None: ...

class RLimit(_message.Message):
    __slots__ = ("name", "soft", "hard")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SOFT_FIELD_NUMBER: _ClassVar[int]
    HARD_FIELD_NUMBER: _ClassVar[int]
    name: str
    soft: int
    hard: int
    def __init__(self, name: _Optional[str] = ..., soft: _Optional[int] = ..., hard: _Optional[int] = ...) -> None: ...

class CronEntry(_message.Message):
    __slots__ = ("spec", "line_start", "line_end", "over")
    SPEC_FIELD_NUMBER: _ClassVar[int]
    LINE_START_FIELD_NUMBER: _ClassVar[int]
    LINE_END_FIELD_NUMBER: _ClassVar[int]
    OVER_FIELD_NUMBER: _ClassVar[int]
    spec: str
    line_start: int
    line_end: int
    over: bool
    def __init__(self, spec: _Optional[str] = ..., line_start: _Optional[int] = ..., line_end: _Optional[int] = ..., over: _Optional[bool] = ...) -> None: ...

class JobBlob(_message.Message):
    __slots__ = ("script", "env")
    SCRIPT_FIELD_NUMBER: _ClassVar[int]
    ENV_FIELD_NUMBER: _ClassVar[int]
    script: bytes
    env: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, script: _Optional[bytes] = ..., env: _Optional[_Iterable[bytes]] = ...) -> None: ...

class NodeAlloc(_message.Message):
    __slots__ = ("node", "cpus", "cpu_ids", "memory", "gres")
    NODE_FIELD_NUMBER: _ClassVar[int]
    CPUS_FIELD_NUMBER: _ClassVar[int]
    CPU_IDS_FIELD_NUMBER: _ClassVar[int]
    MEMORY_FIELD_NUMBER: _ClassVar[int]
    GRES_FIELD_NUMBER: _ClassVar[int]
    node: str
    cpus: int
    cpu_ids: str
    memory: int
    gres: _containers.RepeatedCompositeFieldContainer[GresAlloc]
    def __init__(self, node: _Optional[str] = ..., cpus: _Optional[int] = ..., cpu_ids: _Optional[str] = ..., memory: _Optional[int] = ..., gres: _Optional[_Iterable[_Union[GresAlloc, _Mapping]]] = ...) -> None: ...

class GresAlloc(_message.Message):
    __slots__ = ("name", "type", "count", "index")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    count: int
    index: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., count: _Optional[int] = ..., index: _Optional[_Iterable[int]] = ...) -> None: ...

class JobRecord(_message.Message):
    __slots__ = ("resv_id", "list_order", "job_id", "spec", "uid", "gid", "user", "group", "state", "reason", "reason_text", "priority", "restarts", "user_hold", "submit_time", "eligible_time", "accrue_time", "start_time", "end_time", "suspend_time", "pre_suspend_secs", "last_sched_eval", "deadline", "partition", "account", "qos", "assoc_id", "qos_id", "wckey", "time_limit", "min_cpus", "min_nodes", "max_nodes", "num_tasks", "cpus_per_task", "min_memory", "memory_per_cpu", "requeue", "node_list", "batch_host", "nodes", "num_nodes", "num_cpus", "tres_req", "tres_alloc", "tres_req_ids", "tres_alloc_ids", "sched_nodes", "scheduler", "exit_code", "derived_exit_code", "exit_known", "killed_by", "cancelled", "array_job_id", "array_task_id", "array_task_str", "array_max_tasks", "array_count", "array_min", "array_max", "array_step", "het_job_id", "het_offset", "het_job_id_set", "dependency", "job_db_inx", "next_step_id", "std_in", "std_out", "std_err", "admin_comment", "system_comment", "burst_buffer_state", "failed_node", "batch_flag", "site_factor", "begin_requeue", "billing", "prolog_running", "top_exit", "completing_nodes", "wait_reason_since", "revoked", "requeue_pending", "hold_after_requeue", "alloc_host", "epilog_running", "prolog_nodes", "mailed", "hold_reason", "ends")
    RESV_ID_FIELD_NUMBER: _ClassVar[int]
    LIST_ORDER_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    GID_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REASON_TEXT_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    USER_HOLD_FIELD_NUMBER: _ClassVar[int]
    SUBMIT_TIME_FIELD_NUMBER: _ClassVar[int]
    ELIGIBLE_TIME_FIELD_NUMBER: _ClassVar[int]
    ACCRUE_TIME_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    SUSPEND_TIME_FIELD_NUMBER: _ClassVar[int]
    PRE_SUSPEND_SECS_FIELD_NUMBER: _ClassVar[int]
    LAST_SCHED_EVAL_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    QOS_FIELD_NUMBER: _ClassVar[int]
    ASSOC_ID_FIELD_NUMBER: _ClassVar[int]
    QOS_ID_FIELD_NUMBER: _ClassVar[int]
    WCKEY_FIELD_NUMBER: _ClassVar[int]
    TIME_LIMIT_FIELD_NUMBER: _ClassVar[int]
    MIN_CPUS_FIELD_NUMBER: _ClassVar[int]
    MIN_NODES_FIELD_NUMBER: _ClassVar[int]
    MAX_NODES_FIELD_NUMBER: _ClassVar[int]
    NUM_TASKS_FIELD_NUMBER: _ClassVar[int]
    CPUS_PER_TASK_FIELD_NUMBER: _ClassVar[int]
    MIN_MEMORY_FIELD_NUMBER: _ClassVar[int]
    MEMORY_PER_CPU_FIELD_NUMBER: _ClassVar[int]
    REQUEUE_FIELD_NUMBER: _ClassVar[int]
    NODE_LIST_FIELD_NUMBER: _ClassVar[int]
    BATCH_HOST_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    NUM_NODES_FIELD_NUMBER: _ClassVar[int]
    NUM_CPUS_FIELD_NUMBER: _ClassVar[int]
    TRES_REQ_FIELD_NUMBER: _ClassVar[int]
    TRES_ALLOC_FIELD_NUMBER: _ClassVar[int]
    TRES_REQ_IDS_FIELD_NUMBER: _ClassVar[int]
    TRES_ALLOC_IDS_FIELD_NUMBER: _ClassVar[int]
    SCHED_NODES_FIELD_NUMBER: _ClassVar[int]
    SCHEDULER_FIELD_NUMBER: _ClassVar[int]
    EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    DERIVED_EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    EXIT_KNOWN_FIELD_NUMBER: _ClassVar[int]
    KILLED_BY_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    ARRAY_JOB_ID_FIELD_NUMBER: _ClassVar[int]
    ARRAY_TASK_ID_FIELD_NUMBER: _ClassVar[int]
    ARRAY_TASK_STR_FIELD_NUMBER: _ClassVar[int]
    ARRAY_MAX_TASKS_FIELD_NUMBER: _ClassVar[int]
    ARRAY_COUNT_FIELD_NUMBER: _ClassVar[int]
    ARRAY_MIN_FIELD_NUMBER: _ClassVar[int]
    ARRAY_MAX_FIELD_NUMBER: _ClassVar[int]
    ARRAY_STEP_FIELD_NUMBER: _ClassVar[int]
    HET_JOB_ID_FIELD_NUMBER: _ClassVar[int]
    HET_OFFSET_FIELD_NUMBER: _ClassVar[int]
    HET_JOB_ID_SET_FIELD_NUMBER: _ClassVar[int]
    DEPENDENCY_FIELD_NUMBER: _ClassVar[int]
    JOB_DB_INX_FIELD_NUMBER: _ClassVar[int]
    NEXT_STEP_ID_FIELD_NUMBER: _ClassVar[int]
    STD_IN_FIELD_NUMBER: _ClassVar[int]
    STD_OUT_FIELD_NUMBER: _ClassVar[int]
    STD_ERR_FIELD_NUMBER: _ClassVar[int]
    ADMIN_COMMENT_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_COMMENT_FIELD_NUMBER: _ClassVar[int]
    BURST_BUFFER_STATE_FIELD_NUMBER: _ClassVar[int]
    FAILED_NODE_FIELD_NUMBER: _ClassVar[int]
    BATCH_FLAG_FIELD_NUMBER: _ClassVar[int]
    SITE_FACTOR_FIELD_NUMBER: _ClassVar[int]
    BEGIN_REQUEUE_FIELD_NUMBER: _ClassVar[int]
    BILLING_FIELD_NUMBER: _ClassVar[int]
    PROLOG_RUNNING_FIELD_NUMBER: _ClassVar[int]
    TOP_EXIT_FIELD_NUMBER: _ClassVar[int]
    COMPLETING_NODES_FIELD_NUMBER: _ClassVar[int]
    WAIT_REASON_SINCE_FIELD_NUMBER: _ClassVar[int]
    REVOKED_FIELD_NUMBER: _ClassVar[int]
    REQUEUE_PENDING_FIELD_NUMBER: _ClassVar[int]
    HOLD_AFTER_REQUEUE_FIELD_NUMBER: _ClassVar[int]
    ALLOC_HOST_FIELD_NUMBER: _ClassVar[int]
    EPILOG_RUNNING_FIELD_NUMBER: _ClassVar[int]
    PROLOG_NODES_FIELD_NUMBER: _ClassVar[int]
    MAILED_FIELD_NUMBER: _ClassVar[int]
    HOLD_REASON_FIELD_NUMBER: _ClassVar[int]
    ENDS_FIELD_NUMBER: _ClassVar[int]
    resv_id: int
    list_order: int
    job_id: int
    spec: JobSpec
    uid: int
    gid: int
    user: str
    group: str
    state: int
    reason: str
    reason_text: str
    priority: int
    restarts: int
    user_hold: bool
    submit_time: float
    eligible_time: float
    accrue_time: float
    start_time: float
    end_time: float
    suspend_time: float
    pre_suspend_secs: float
    last_sched_eval: float
    deadline: float
    partition: str
    account: str
    qos: str
    assoc_id: int
    qos_id: int
    wckey: str
    time_limit: int
    min_cpus: int
    min_nodes: int
    max_nodes: int
    num_tasks: int
    cpus_per_task: int
    min_memory: int
    memory_per_cpu: bool
    requeue: bool
    node_list: str
    batch_host: str
    nodes: _containers.RepeatedCompositeFieldContainer[NodeAlloc]
    num_nodes: int
    num_cpus: int
    tres_req: str
    tres_alloc: str
    tres_req_ids: str
    tres_alloc_ids: str
    sched_nodes: str
    scheduler: str
    exit_code: int
    derived_exit_code: int
    exit_known: bool
    killed_by: int
    cancelled: bool
    array_job_id: int
    array_task_id: int
    array_task_str: str
    array_max_tasks: int
    array_count: int
    array_min: int
    array_max: int
    array_step: int
    het_job_id: int
    het_offset: int
    het_job_id_set: str
    dependency: str
    job_db_inx: int
    next_step_id: int
    std_in: str
    std_out: str
    std_err: str
    admin_comment: str
    system_comment: str
    burst_buffer_state: str
    failed_node: str
    batch_flag: bool
    site_factor: int
    begin_requeue: int
    billing: str
    prolog_running: bool
    top_exit: int
    completing_nodes: _containers.RepeatedScalarFieldContainer[str]
    wait_reason_since: str
    revoked: bool
    requeue_pending: bool
    hold_after_requeue: bool
    alloc_host: str
    epilog_running: bool
    prolog_nodes: _containers.RepeatedScalarFieldContainer[str]
    mailed: _containers.RepeatedScalarFieldContainer[str]
    hold_reason: str
    ends: Ends
    def __init__(self, resv_id: _Optional[int] = ..., list_order: _Optional[int] = ..., job_id: _Optional[int] = ..., spec: _Optional[_Union[JobSpec, _Mapping]] = ..., uid: _Optional[int] = ..., gid: _Optional[int] = ..., user: _Optional[str] = ..., group: _Optional[str] = ..., state: _Optional[int] = ..., reason: _Optional[str] = ..., reason_text: _Optional[str] = ..., priority: _Optional[int] = ..., restarts: _Optional[int] = ..., user_hold: _Optional[bool] = ..., submit_time: _Optional[float] = ..., eligible_time: _Optional[float] = ..., accrue_time: _Optional[float] = ..., start_time: _Optional[float] = ..., end_time: _Optional[float] = ..., suspend_time: _Optional[float] = ..., pre_suspend_secs: _Optional[float] = ..., last_sched_eval: _Optional[float] = ..., deadline: _Optional[float] = ..., partition: _Optional[str] = ..., account: _Optional[str] = ..., qos: _Optional[str] = ..., assoc_id: _Optional[int] = ..., qos_id: _Optional[int] = ..., wckey: _Optional[str] = ..., time_limit: _Optional[int] = ..., min_cpus: _Optional[int] = ..., min_nodes: _Optional[int] = ..., max_nodes: _Optional[int] = ..., num_tasks: _Optional[int] = ..., cpus_per_task: _Optional[int] = ..., min_memory: _Optional[int] = ..., memory_per_cpu: _Optional[bool] = ..., requeue: _Optional[bool] = ..., node_list: _Optional[str] = ..., batch_host: _Optional[str] = ..., nodes: _Optional[_Iterable[_Union[NodeAlloc, _Mapping]]] = ..., num_nodes: _Optional[int] = ..., num_cpus: _Optional[int] = ..., tres_req: _Optional[str] = ..., tres_alloc: _Optional[str] = ..., tres_req_ids: _Optional[str] = ..., tres_alloc_ids: _Optional[str] = ..., sched_nodes: _Optional[str] = ..., scheduler: _Optional[str] = ..., exit_code: _Optional[int] = ..., derived_exit_code: _Optional[int] = ..., exit_known: _Optional[bool] = ..., killed_by: _Optional[int] = ..., cancelled: _Optional[bool] = ..., array_job_id: _Optional[int] = ..., array_task_id: _Optional[int] = ..., array_task_str: _Optional[str] = ..., array_max_tasks: _Optional[int] = ..., array_count: _Optional[int] = ..., array_min: _Optional[int] = ..., array_max: _Optional[int] = ..., array_step: _Optional[int] = ..., het_job_id: _Optional[int] = ..., het_offset: _Optional[int] = ..., het_job_id_set: _Optional[str] = ..., dependency: _Optional[str] = ..., job_db_inx: _Optional[int] = ..., next_step_id: _Optional[int] = ..., std_in: _Optional[str] = ..., std_out: _Optional[str] = ..., std_err: _Optional[str] = ..., admin_comment: _Optional[str] = ..., system_comment: _Optional[str] = ..., burst_buffer_state: _Optional[str] = ..., failed_node: _Optional[str] = ..., batch_flag: _Optional[bool] = ..., site_factor: _Optional[int] = ..., begin_requeue: _Optional[int] = ..., billing: _Optional[str] = ..., prolog_running: _Optional[bool] = ..., top_exit: _Optional[int] = ..., completing_nodes: _Optional[_Iterable[str]] = ..., wait_reason_since: _Optional[str] = ..., revoked: _Optional[bool] = ..., requeue_pending: _Optional[bool] = ..., hold_after_requeue: _Optional[bool] = ..., alloc_host: _Optional[str] = ..., epilog_running: _Optional[bool] = ..., prolog_nodes: _Optional[_Iterable[str]] = ..., mailed: _Optional[_Iterable[str]] = ..., hold_reason: _Optional[str] = ..., ends: _Optional[_Union[Ends, _Mapping]] = ...) -> None: ...

class Ends(_message.Message):
    __slots__ = ("states", "min_code", "max_code", "max_signal")
    STATES_FIELD_NUMBER: _ClassVar[int]
    MIN_CODE_FIELD_NUMBER: _ClassVar[int]
    MAX_CODE_FIELD_NUMBER: _ClassVar[int]
    MAX_SIGNAL_FIELD_NUMBER: _ClassVar[int]
    states: _containers.RepeatedScalarFieldContainer[int]
    min_code: int
    max_code: int
    max_signal: int
    def __init__(self, states: _Optional[_Iterable[int]] = ..., min_code: _Optional[int] = ..., max_code: _Optional[int] = ..., max_signal: _Optional[int] = ...) -> None: ...

class StepRecord(_message.Message):
    __slots__ = ("job_id", "step_id", "name", "state", "start_time", "end_time", "node_list", "num_nodes", "num_tasks", "num_cpus", "nodes", "exit_code", "time_limit", "uid", "user", "partition", "tres_alloc", "tres_alloc_ids", "tasks_per_node", "submit_line", "work_dir", "std_in", "std_out", "std_err", "srun_host", "srun_pid", "distribution", "network", "usage", "node_usage", "array_job_id", "array_task_id", "cpus_per_task", "overlap", "memory", "killed_by", "cpu_freq", "pending_nodes", "het_job_id", "het_offset", "container", "task_room", "pack_nodes")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    NODE_LIST_FIELD_NUMBER: _ClassVar[int]
    NUM_NODES_FIELD_NUMBER: _ClassVar[int]
    NUM_TASKS_FIELD_NUMBER: _ClassVar[int]
    NUM_CPUS_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    TIME_LIMIT_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    TRES_ALLOC_FIELD_NUMBER: _ClassVar[int]
    TRES_ALLOC_IDS_FIELD_NUMBER: _ClassVar[int]
    TASKS_PER_NODE_FIELD_NUMBER: _ClassVar[int]
    SUBMIT_LINE_FIELD_NUMBER: _ClassVar[int]
    WORK_DIR_FIELD_NUMBER: _ClassVar[int]
    STD_IN_FIELD_NUMBER: _ClassVar[int]
    STD_OUT_FIELD_NUMBER: _ClassVar[int]
    STD_ERR_FIELD_NUMBER: _ClassVar[int]
    SRUN_HOST_FIELD_NUMBER: _ClassVar[int]
    SRUN_PID_FIELD_NUMBER: _ClassVar[int]
    DISTRIBUTION_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    NODE_USAGE_FIELD_NUMBER: _ClassVar[int]
    ARRAY_JOB_ID_FIELD_NUMBER: _ClassVar[int]
    ARRAY_TASK_ID_FIELD_NUMBER: _ClassVar[int]
    CPUS_PER_TASK_FIELD_NUMBER: _ClassVar[int]
    OVERLAP_FIELD_NUMBER: _ClassVar[int]
    MEMORY_FIELD_NUMBER: _ClassVar[int]
    KILLED_BY_FIELD_NUMBER: _ClassVar[int]
    CPU_FREQ_FIELD_NUMBER: _ClassVar[int]
    PENDING_NODES_FIELD_NUMBER: _ClassVar[int]
    HET_JOB_ID_FIELD_NUMBER: _ClassVar[int]
    HET_OFFSET_FIELD_NUMBER: _ClassVar[int]
    CONTAINER_FIELD_NUMBER: _ClassVar[int]
    TASK_ROOM_FIELD_NUMBER: _ClassVar[int]
    PACK_NODES_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    step_id: int
    name: str
    state: int
    start_time: float
    end_time: float
    node_list: str
    num_nodes: int
    num_tasks: int
    num_cpus: int
    nodes: _containers.RepeatedCompositeFieldContainer[NodeAlloc]
    exit_code: int
    time_limit: int
    uid: int
    user: str
    partition: str
    tres_alloc: str
    tres_alloc_ids: str
    tasks_per_node: _containers.RepeatedScalarFieldContainer[int]
    submit_line: str
    work_dir: str
    std_in: str
    std_out: str
    std_err: str
    srun_host: str
    srun_pid: int
    distribution: str
    network: str
    usage: Usage
    node_usage: _containers.RepeatedCompositeFieldContainer[Usage]
    array_job_id: int
    array_task_id: int
    cpus_per_task: int
    overlap: bool
    memory: int
    killed_by: int
    cpu_freq: str
    pending_nodes: _containers.RepeatedScalarFieldContainer[str]
    het_job_id: int
    het_offset: int
    container: str
    task_room: _containers.RepeatedScalarFieldContainer[int]
    pack_nodes: bool
    def __init__(self, job_id: _Optional[int] = ..., step_id: _Optional[int] = ..., name: _Optional[str] = ..., state: _Optional[int] = ..., start_time: _Optional[float] = ..., end_time: _Optional[float] = ..., node_list: _Optional[str] = ..., num_nodes: _Optional[int] = ..., num_tasks: _Optional[int] = ..., num_cpus: _Optional[int] = ..., nodes: _Optional[_Iterable[_Union[NodeAlloc, _Mapping]]] = ..., exit_code: _Optional[int] = ..., time_limit: _Optional[int] = ..., uid: _Optional[int] = ..., user: _Optional[str] = ..., partition: _Optional[str] = ..., tres_alloc: _Optional[str] = ..., tres_alloc_ids: _Optional[str] = ..., tasks_per_node: _Optional[_Iterable[int]] = ..., submit_line: _Optional[str] = ..., work_dir: _Optional[str] = ..., std_in: _Optional[str] = ..., std_out: _Optional[str] = ..., std_err: _Optional[str] = ..., srun_host: _Optional[str] = ..., srun_pid: _Optional[int] = ..., distribution: _Optional[str] = ..., network: _Optional[str] = ..., usage: _Optional[_Union[Usage, _Mapping]] = ..., node_usage: _Optional[_Iterable[_Union[Usage, _Mapping]]] = ..., array_job_id: _Optional[int] = ..., array_task_id: _Optional[int] = ..., cpus_per_task: _Optional[int] = ..., overlap: _Optional[bool] = ..., memory: _Optional[int] = ..., killed_by: _Optional[int] = ..., cpu_freq: _Optional[str] = ..., pending_nodes: _Optional[_Iterable[str]] = ..., het_job_id: _Optional[int] = ..., het_offset: _Optional[int] = ..., container: _Optional[str] = ..., task_room: _Optional[_Iterable[int]] = ..., pack_nodes: _Optional[bool] = ...) -> None: ...

class Usage(_message.Message):
    __slots__ = ("node", "user_sec", "sys_sec", "max_rss", "max_rss_task", "max_vsize", "max_vsize_task", "total_rss", "total_vsize", "max_pages", "max_pages_task", "disk_read", "disk_write", "min_cpu", "min_cpu_task", "tasks", "max_rss_node", "max_vsize_node", "max_pages_node", "min_cpu_node", "max_disk_read", "max_disk_read_task", "max_disk_read_node", "max_disk_write", "max_disk_write_task", "max_disk_write_node", "sampled", "total_pages")
    NODE_FIELD_NUMBER: _ClassVar[int]
    USER_SEC_FIELD_NUMBER: _ClassVar[int]
    SYS_SEC_FIELD_NUMBER: _ClassVar[int]
    MAX_RSS_FIELD_NUMBER: _ClassVar[int]
    MAX_RSS_TASK_FIELD_NUMBER: _ClassVar[int]
    MAX_VSIZE_FIELD_NUMBER: _ClassVar[int]
    MAX_VSIZE_TASK_FIELD_NUMBER: _ClassVar[int]
    TOTAL_RSS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_VSIZE_FIELD_NUMBER: _ClassVar[int]
    MAX_PAGES_FIELD_NUMBER: _ClassVar[int]
    MAX_PAGES_TASK_FIELD_NUMBER: _ClassVar[int]
    DISK_READ_FIELD_NUMBER: _ClassVar[int]
    DISK_WRITE_FIELD_NUMBER: _ClassVar[int]
    MIN_CPU_FIELD_NUMBER: _ClassVar[int]
    MIN_CPU_TASK_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    MAX_RSS_NODE_FIELD_NUMBER: _ClassVar[int]
    MAX_VSIZE_NODE_FIELD_NUMBER: _ClassVar[int]
    MAX_PAGES_NODE_FIELD_NUMBER: _ClassVar[int]
    MIN_CPU_NODE_FIELD_NUMBER: _ClassVar[int]
    MAX_DISK_READ_FIELD_NUMBER: _ClassVar[int]
    MAX_DISK_READ_TASK_FIELD_NUMBER: _ClassVar[int]
    MAX_DISK_READ_NODE_FIELD_NUMBER: _ClassVar[int]
    MAX_DISK_WRITE_FIELD_NUMBER: _ClassVar[int]
    MAX_DISK_WRITE_TASK_FIELD_NUMBER: _ClassVar[int]
    MAX_DISK_WRITE_NODE_FIELD_NUMBER: _ClassVar[int]
    SAMPLED_FIELD_NUMBER: _ClassVar[int]
    TOTAL_PAGES_FIELD_NUMBER: _ClassVar[int]
    node: str
    user_sec: float
    sys_sec: float
    max_rss: int
    max_rss_task: int
    max_vsize: int
    max_vsize_task: int
    total_rss: int
    total_vsize: int
    max_pages: int
    max_pages_task: int
    disk_read: int
    disk_write: int
    min_cpu: float
    min_cpu_task: int
    tasks: int
    max_rss_node: str
    max_vsize_node: str
    max_pages_node: str
    min_cpu_node: str
    max_disk_read: int
    max_disk_read_task: int
    max_disk_read_node: str
    max_disk_write: int
    max_disk_write_task: int
    max_disk_write_node: str
    sampled: bool
    total_pages: int
    def __init__(self, node: _Optional[str] = ..., user_sec: _Optional[float] = ..., sys_sec: _Optional[float] = ..., max_rss: _Optional[int] = ..., max_rss_task: _Optional[int] = ..., max_vsize: _Optional[int] = ..., max_vsize_task: _Optional[int] = ..., total_rss: _Optional[int] = ..., total_vsize: _Optional[int] = ..., max_pages: _Optional[int] = ..., max_pages_task: _Optional[int] = ..., disk_read: _Optional[int] = ..., disk_write: _Optional[int] = ..., min_cpu: _Optional[float] = ..., min_cpu_task: _Optional[int] = ..., tasks: _Optional[int] = ..., max_rss_node: _Optional[str] = ..., max_vsize_node: _Optional[str] = ..., max_pages_node: _Optional[str] = ..., min_cpu_node: _Optional[str] = ..., max_disk_read: _Optional[int] = ..., max_disk_read_task: _Optional[int] = ..., max_disk_read_node: _Optional[str] = ..., max_disk_write: _Optional[int] = ..., max_disk_write_task: _Optional[int] = ..., max_disk_write_node: _Optional[str] = ..., sampled: _Optional[bool] = ..., total_pages: _Optional[int] = ...) -> None: ...

class NodeRecord(_message.Message):
    __slots__ = ("name", "hostname", "address", "port", "state", "cpus", "boards", "sockets", "cores", "threads", "memory", "tmp_disk", "weight", "features", "active_features", "gres", "reason", "reason_uid", "reason_user", "reason_time", "boot_time", "slurmd_start_time", "last_busy", "alloc_cpus", "alloc_memory", "gres_used", "cpu_load", "free_memory", "os", "arch", "version", "partitions", "core_spec", "mem_spec", "cpu_spec_list", "comment", "extra", "owner", "mcs_label", "real_memory_seen", "cpus_seen", "tres_cfg", "tres_alloc", "resv_name", "running_jobs", "effective_cpus", "effective_memory", "bcast_addr", "resume_after", "index", "port_set", "power_since", "next_state", "cpu_bind")
    NAME_FIELD_NUMBER: _ClassVar[int]
    HOSTNAME_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CPUS_FIELD_NUMBER: _ClassVar[int]
    BOARDS_FIELD_NUMBER: _ClassVar[int]
    SOCKETS_FIELD_NUMBER: _ClassVar[int]
    CORES_FIELD_NUMBER: _ClassVar[int]
    THREADS_FIELD_NUMBER: _ClassVar[int]
    MEMORY_FIELD_NUMBER: _ClassVar[int]
    TMP_DISK_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_FEATURES_FIELD_NUMBER: _ClassVar[int]
    GRES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REASON_UID_FIELD_NUMBER: _ClassVar[int]
    REASON_USER_FIELD_NUMBER: _ClassVar[int]
    REASON_TIME_FIELD_NUMBER: _ClassVar[int]
    BOOT_TIME_FIELD_NUMBER: _ClassVar[int]
    SLURMD_START_TIME_FIELD_NUMBER: _ClassVar[int]
    LAST_BUSY_FIELD_NUMBER: _ClassVar[int]
    ALLOC_CPUS_FIELD_NUMBER: _ClassVar[int]
    ALLOC_MEMORY_FIELD_NUMBER: _ClassVar[int]
    GRES_USED_FIELD_NUMBER: _ClassVar[int]
    CPU_LOAD_FIELD_NUMBER: _ClassVar[int]
    FREE_MEMORY_FIELD_NUMBER: _ClassVar[int]
    OS_FIELD_NUMBER: _ClassVar[int]
    ARCH_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    CORE_SPEC_FIELD_NUMBER: _ClassVar[int]
    MEM_SPEC_FIELD_NUMBER: _ClassVar[int]
    CPU_SPEC_LIST_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    EXTRA_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    MCS_LABEL_FIELD_NUMBER: _ClassVar[int]
    REAL_MEMORY_SEEN_FIELD_NUMBER: _ClassVar[int]
    CPUS_SEEN_FIELD_NUMBER: _ClassVar[int]
    TRES_CFG_FIELD_NUMBER: _ClassVar[int]
    TRES_ALLOC_FIELD_NUMBER: _ClassVar[int]
    RESV_NAME_FIELD_NUMBER: _ClassVar[int]
    RUNNING_JOBS_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_CPUS_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_MEMORY_FIELD_NUMBER: _ClassVar[int]
    BCAST_ADDR_FIELD_NUMBER: _ClassVar[int]
    RESUME_AFTER_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    PORT_SET_FIELD_NUMBER: _ClassVar[int]
    POWER_SINCE_FIELD_NUMBER: _ClassVar[int]
    NEXT_STATE_FIELD_NUMBER: _ClassVar[int]
    CPU_BIND_FIELD_NUMBER: _ClassVar[int]
    name: str
    hostname: str
    address: str
    port: int
    state: int
    cpus: int
    boards: int
    sockets: int
    cores: int
    threads: int
    memory: int
    tmp_disk: int
    weight: int
    features: str
    active_features: str
    gres: str
    reason: str
    reason_uid: int
    reason_user: str
    reason_time: float
    boot_time: float
    slurmd_start_time: float
    last_busy: float
    alloc_cpus: int
    alloc_memory: int
    gres_used: str
    cpu_load: float
    free_memory: int
    os: str
    arch: str
    version: str
    partitions: _containers.RepeatedScalarFieldContainer[str]
    core_spec: int
    mem_spec: int
    cpu_spec_list: str
    comment: str
    extra: str
    owner: str
    mcs_label: str
    real_memory_seen: int
    cpus_seen: int
    tres_cfg: str
    tres_alloc: str
    resv_name: str
    running_jobs: int
    effective_cpus: int
    effective_memory: int
    bcast_addr: str
    resume_after: float
    index: int
    port_set: bool
    power_since: float
    next_state: str
    cpu_bind: str
    def __init__(self, name: _Optional[str] = ..., hostname: _Optional[str] = ..., address: _Optional[str] = ..., port: _Optional[int] = ..., state: _Optional[int] = ..., cpus: _Optional[int] = ..., boards: _Optional[int] = ..., sockets: _Optional[int] = ..., cores: _Optional[int] = ..., threads: _Optional[int] = ..., memory: _Optional[int] = ..., tmp_disk: _Optional[int] = ..., weight: _Optional[int] = ..., features: _Optional[str] = ..., active_features: _Optional[str] = ..., gres: _Optional[str] = ..., reason: _Optional[str] = ..., reason_uid: _Optional[int] = ..., reason_user: _Optional[str] = ..., reason_time: _Optional[float] = ..., boot_time: _Optional[float] = ..., slurmd_start_time: _Optional[float] = ..., last_busy: _Optional[float] = ..., alloc_cpus: _Optional[int] = ..., alloc_memory: _Optional[int] = ..., gres_used: _Optional[str] = ..., cpu_load: _Optional[float] = ..., free_memory: _Optional[int] = ..., os: _Optional[str] = ..., arch: _Optional[str] = ..., version: _Optional[str] = ..., partitions: _Optional[_Iterable[str]] = ..., core_spec: _Optional[int] = ..., mem_spec: _Optional[int] = ..., cpu_spec_list: _Optional[str] = ..., comment: _Optional[str] = ..., extra: _Optional[str] = ..., owner: _Optional[str] = ..., mcs_label: _Optional[str] = ..., real_memory_seen: _Optional[int] = ..., cpus_seen: _Optional[int] = ..., tres_cfg: _Optional[str] = ..., tres_alloc: _Optional[str] = ..., resv_name: _Optional[str] = ..., running_jobs: _Optional[int] = ..., effective_cpus: _Optional[int] = ..., effective_memory: _Optional[int] = ..., bcast_addr: _Optional[str] = ..., resume_after: _Optional[float] = ..., index: _Optional[int] = ..., port_set: _Optional[bool] = ..., power_since: _Optional[float] = ..., next_state: _Optional[str] = ..., cpu_bind: _Optional[str] = ...) -> None: ...

class PartitionRecord(_message.Message):
    __slots__ = ("name", "nodes", "is_default", "state", "max_time", "default_time", "default_time_set", "min_nodes", "max_nodes", "allow_groups", "allow_accounts", "deny_accounts", "allow_qos", "deny_qos", "alloc_nodes", "alternate", "qos", "hidden", "root_only", "disable_root_jobs", "exclusive_user", "exclusive_topo", "lln", "req_resv", "power_down_on_idle", "priority_job_factor", "priority_tier", "oversubscribe", "preempt_mode", "grace_time", "def_mem_per_cpu", "def_mem_per_node", "max_mem_per_cpu", "max_mem_per_node", "max_cpus_per_node", "max_cpus_per_socket", "over_time_limit", "tres_billing_weights", "def_cpu_per_gpu", "def_mem_per_gpu", "select_type_parameters", "resume_timeout", "suspend_timeout", "suspend_time", "total_cpus", "total_nodes", "tres", "cpu_bind", "topology", "node_names", "index")
    NAME_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    IS_DEFAULT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    MAX_TIME_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_TIME_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_TIME_SET_FIELD_NUMBER: _ClassVar[int]
    MIN_NODES_FIELD_NUMBER: _ClassVar[int]
    MAX_NODES_FIELD_NUMBER: _ClassVar[int]
    ALLOW_GROUPS_FIELD_NUMBER: _ClassVar[int]
    ALLOW_ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    DENY_ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    ALLOW_QOS_FIELD_NUMBER: _ClassVar[int]
    DENY_QOS_FIELD_NUMBER: _ClassVar[int]
    ALLOC_NODES_FIELD_NUMBER: _ClassVar[int]
    ALTERNATE_FIELD_NUMBER: _ClassVar[int]
    QOS_FIELD_NUMBER: _ClassVar[int]
    HIDDEN_FIELD_NUMBER: _ClassVar[int]
    ROOT_ONLY_FIELD_NUMBER: _ClassVar[int]
    DISABLE_ROOT_JOBS_FIELD_NUMBER: _ClassVar[int]
    EXCLUSIVE_USER_FIELD_NUMBER: _ClassVar[int]
    EXCLUSIVE_TOPO_FIELD_NUMBER: _ClassVar[int]
    LLN_FIELD_NUMBER: _ClassVar[int]
    REQ_RESV_FIELD_NUMBER: _ClassVar[int]
    POWER_DOWN_ON_IDLE_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_JOB_FACTOR_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_TIER_FIELD_NUMBER: _ClassVar[int]
    OVERSUBSCRIBE_FIELD_NUMBER: _ClassVar[int]
    PREEMPT_MODE_FIELD_NUMBER: _ClassVar[int]
    GRACE_TIME_FIELD_NUMBER: _ClassVar[int]
    DEF_MEM_PER_CPU_FIELD_NUMBER: _ClassVar[int]
    DEF_MEM_PER_NODE_FIELD_NUMBER: _ClassVar[int]
    MAX_MEM_PER_CPU_FIELD_NUMBER: _ClassVar[int]
    MAX_MEM_PER_NODE_FIELD_NUMBER: _ClassVar[int]
    MAX_CPUS_PER_NODE_FIELD_NUMBER: _ClassVar[int]
    MAX_CPUS_PER_SOCKET_FIELD_NUMBER: _ClassVar[int]
    OVER_TIME_LIMIT_FIELD_NUMBER: _ClassVar[int]
    TRES_BILLING_WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    DEF_CPU_PER_GPU_FIELD_NUMBER: _ClassVar[int]
    DEF_MEM_PER_GPU_FIELD_NUMBER: _ClassVar[int]
    SELECT_TYPE_PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    RESUME_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    SUSPEND_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    SUSPEND_TIME_FIELD_NUMBER: _ClassVar[int]
    TOTAL_CPUS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_NODES_FIELD_NUMBER: _ClassVar[int]
    TRES_FIELD_NUMBER: _ClassVar[int]
    CPU_BIND_FIELD_NUMBER: _ClassVar[int]
    TOPOLOGY_FIELD_NUMBER: _ClassVar[int]
    NODE_NAMES_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    name: str
    nodes: str
    is_default: bool
    state: int
    max_time: int
    default_time: int
    default_time_set: bool
    min_nodes: int
    max_nodes: int
    allow_groups: str
    allow_accounts: str
    deny_accounts: str
    allow_qos: str
    deny_qos: str
    alloc_nodes: str
    alternate: str
    qos: str
    hidden: bool
    root_only: bool
    disable_root_jobs: bool
    exclusive_user: bool
    exclusive_topo: bool
    lln: bool
    req_resv: bool
    power_down_on_idle: bool
    priority_job_factor: int
    priority_tier: int
    oversubscribe: str
    preempt_mode: str
    grace_time: int
    def_mem_per_cpu: int
    def_mem_per_node: int
    max_mem_per_cpu: int
    max_mem_per_node: int
    max_cpus_per_node: int
    max_cpus_per_socket: int
    over_time_limit: int
    tres_billing_weights: str
    def_cpu_per_gpu: int
    def_mem_per_gpu: int
    select_type_parameters: str
    resume_timeout: str
    suspend_timeout: str
    suspend_time: str
    total_cpus: int
    total_nodes: int
    tres: str
    cpu_bind: str
    topology: str
    node_names: _containers.RepeatedScalarFieldContainer[str]
    index: int
    def __init__(self, name: _Optional[str] = ..., nodes: _Optional[str] = ..., is_default: _Optional[bool] = ..., state: _Optional[int] = ..., max_time: _Optional[int] = ..., default_time: _Optional[int] = ..., default_time_set: _Optional[bool] = ..., min_nodes: _Optional[int] = ..., max_nodes: _Optional[int] = ..., allow_groups: _Optional[str] = ..., allow_accounts: _Optional[str] = ..., deny_accounts: _Optional[str] = ..., allow_qos: _Optional[str] = ..., deny_qos: _Optional[str] = ..., alloc_nodes: _Optional[str] = ..., alternate: _Optional[str] = ..., qos: _Optional[str] = ..., hidden: _Optional[bool] = ..., root_only: _Optional[bool] = ..., disable_root_jobs: _Optional[bool] = ..., exclusive_user: _Optional[bool] = ..., exclusive_topo: _Optional[bool] = ..., lln: _Optional[bool] = ..., req_resv: _Optional[bool] = ..., power_down_on_idle: _Optional[bool] = ..., priority_job_factor: _Optional[int] = ..., priority_tier: _Optional[int] = ..., oversubscribe: _Optional[str] = ..., preempt_mode: _Optional[str] = ..., grace_time: _Optional[int] = ..., def_mem_per_cpu: _Optional[int] = ..., def_mem_per_node: _Optional[int] = ..., max_mem_per_cpu: _Optional[int] = ..., max_mem_per_node: _Optional[int] = ..., max_cpus_per_node: _Optional[int] = ..., max_cpus_per_socket: _Optional[int] = ..., over_time_limit: _Optional[int] = ..., tres_billing_weights: _Optional[str] = ..., def_cpu_per_gpu: _Optional[int] = ..., def_mem_per_gpu: _Optional[int] = ..., select_type_parameters: _Optional[str] = ..., resume_timeout: _Optional[str] = ..., suspend_timeout: _Optional[str] = ..., suspend_time: _Optional[str] = ..., total_cpus: _Optional[int] = ..., total_nodes: _Optional[int] = ..., tres: _Optional[str] = ..., cpu_bind: _Optional[str] = ..., topology: _Optional[str] = ..., node_names: _Optional[_Iterable[str]] = ..., index: _Optional[int] = ...) -> None: ...

class ReservationRecord(_message.Message):
    __slots__ = ("name", "start_time", "end_time", "nodes", "node_count", "core_count", "features", "partition", "flags", "tres", "users", "accounts", "licenses", "burst_buffer", "groups", "comment", "state", "id", "allowed_partitions", "qos", "cores", "max_start_delay", "purge_seconds", "idle_since", "float_seconds")
    NAME_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    NODE_COUNT_FIELD_NUMBER: _ClassVar[int]
    CORE_COUNT_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    TRES_FIELD_NUMBER: _ClassVar[int]
    USERS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    LICENSES_FIELD_NUMBER: _ClassVar[int]
    BURST_BUFFER_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    QOS_FIELD_NUMBER: _ClassVar[int]
    CORES_FIELD_NUMBER: _ClassVar[int]
    MAX_START_DELAY_FIELD_NUMBER: _ClassVar[int]
    PURGE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    IDLE_SINCE_FIELD_NUMBER: _ClassVar[int]
    FLOAT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    name: str
    start_time: float
    end_time: float
    nodes: str
    node_count: int
    core_count: int
    features: str
    partition: str
    flags: str
    tres: str
    users: str
    accounts: str
    licenses: str
    burst_buffer: str
    groups: str
    comment: str
    state: str
    id: int
    allowed_partitions: str
    qos: str
    cores: _containers.RepeatedCompositeFieldContainer[ReservedCores]
    max_start_delay: int
    purge_seconds: int
    idle_since: float
    float_seconds: float
    def __init__(self, name: _Optional[str] = ..., start_time: _Optional[float] = ..., end_time: _Optional[float] = ..., nodes: _Optional[str] = ..., node_count: _Optional[int] = ..., core_count: _Optional[int] = ..., features: _Optional[str] = ..., partition: _Optional[str] = ..., flags: _Optional[str] = ..., tres: _Optional[str] = ..., users: _Optional[str] = ..., accounts: _Optional[str] = ..., licenses: _Optional[str] = ..., burst_buffer: _Optional[str] = ..., groups: _Optional[str] = ..., comment: _Optional[str] = ..., state: _Optional[str] = ..., id: _Optional[int] = ..., allowed_partitions: _Optional[str] = ..., qos: _Optional[str] = ..., cores: _Optional[_Iterable[_Union[ReservedCores, _Mapping]]] = ..., max_start_delay: _Optional[int] = ..., purge_seconds: _Optional[int] = ..., idle_since: _Optional[float] = ..., float_seconds: _Optional[float] = ...) -> None: ...

class ReservedCores(_message.Message):
    __slots__ = ("node", "core_ids", "mask")
    NODE_FIELD_NUMBER: _ClassVar[int]
    CORE_IDS_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    node: str
    core_ids: str
    mask: str
    def __init__(self, node: _Optional[str] = ..., core_ids: _Optional[str] = ..., mask: _Optional[str] = ...) -> None: ...

class UpdateReservation(_message.Message):
    __slots__ = ("name", "op", "values")
    NAME_FIELD_NUMBER: _ClassVar[int]
    OP_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    name: str
    op: str
    values: _containers.RepeatedCompositeFieldContainer[KeyValue]
    def __init__(self, name: _Optional[str] = ..., op: _Optional[str] = ..., values: _Optional[_Iterable[_Union[KeyValue, _Mapping]]] = ...) -> None: ...

class StepRequest(_message.Message):
    __slots__ = ("job_id", "spec", "overlap", "exact", "whole", "relative", "label", "unbuffered", "pty", "multi_prog", "kill_on_bad_exit", "kill_on_bad_exit_set", "wait_secs", "io_host", "io_port", "io_key", "task_prolog", "task_epilog", "mpi", "win_rows", "win_cols", "immediate", "srun_pid", "srun_host", "interactive", "external", "no_shell", "bcast", "all_cpus", "multi_prog_conf", "components", "het_groups", "task_offset", "node_offset", "het_tasks", "het_nodes", "process_map", "world", "hold_launch", "libraries_sent")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    OVERLAP_FIELD_NUMBER: _ClassVar[int]
    EXACT_FIELD_NUMBER: _ClassVar[int]
    WHOLE_FIELD_NUMBER: _ClassVar[int]
    RELATIVE_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    UNBUFFERED_FIELD_NUMBER: _ClassVar[int]
    PTY_FIELD_NUMBER: _ClassVar[int]
    MULTI_PROG_FIELD_NUMBER: _ClassVar[int]
    KILL_ON_BAD_EXIT_FIELD_NUMBER: _ClassVar[int]
    KILL_ON_BAD_EXIT_SET_FIELD_NUMBER: _ClassVar[int]
    WAIT_SECS_FIELD_NUMBER: _ClassVar[int]
    IO_HOST_FIELD_NUMBER: _ClassVar[int]
    IO_PORT_FIELD_NUMBER: _ClassVar[int]
    IO_KEY_FIELD_NUMBER: _ClassVar[int]
    TASK_PROLOG_FIELD_NUMBER: _ClassVar[int]
    TASK_EPILOG_FIELD_NUMBER: _ClassVar[int]
    MPI_FIELD_NUMBER: _ClassVar[int]
    WIN_ROWS_FIELD_NUMBER: _ClassVar[int]
    WIN_COLS_FIELD_NUMBER: _ClassVar[int]
    IMMEDIATE_FIELD_NUMBER: _ClassVar[int]
    SRUN_PID_FIELD_NUMBER: _ClassVar[int]
    SRUN_HOST_FIELD_NUMBER: _ClassVar[int]
    INTERACTIVE_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_FIELD_NUMBER: _ClassVar[int]
    NO_SHELL_FIELD_NUMBER: _ClassVar[int]
    BCAST_FIELD_NUMBER: _ClassVar[int]
    ALL_CPUS_FIELD_NUMBER: _ClassVar[int]
    MULTI_PROG_CONF_FIELD_NUMBER: _ClassVar[int]
    COMPONENTS_FIELD_NUMBER: _ClassVar[int]
    HET_GROUPS_FIELD_NUMBER: _ClassVar[int]
    TASK_OFFSET_FIELD_NUMBER: _ClassVar[int]
    NODE_OFFSET_FIELD_NUMBER: _ClassVar[int]
    HET_TASKS_FIELD_NUMBER: _ClassVar[int]
    HET_NODES_FIELD_NUMBER: _ClassVar[int]
    PROCESS_MAP_FIELD_NUMBER: _ClassVar[int]
    WORLD_FIELD_NUMBER: _ClassVar[int]
    HOLD_LAUNCH_FIELD_NUMBER: _ClassVar[int]
    LIBRARIES_SENT_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    spec: JobSpec
    overlap: bool
    exact: bool
    whole: bool
    relative: int
    label: bool
    unbuffered: bool
    pty: bool
    multi_prog: bool
    kill_on_bad_exit: bool
    kill_on_bad_exit_set: bool
    wait_secs: int
    io_host: str
    io_port: int
    io_key: bytes
    task_prolog: str
    task_epilog: str
    mpi: str
    win_rows: int
    win_cols: int
    immediate: bool
    srun_pid: int
    srun_host: str
    interactive: bool
    external: bool
    no_shell: bool
    bcast: _containers.RepeatedScalarFieldContainer[str]
    all_cpus: bool
    multi_prog_conf: bytes
    components: _containers.RepeatedCompositeFieldContainer[StepRequest]
    het_groups: _containers.RepeatedScalarFieldContainer[int]
    task_offset: int
    node_offset: int
    het_tasks: int
    het_nodes: int
    process_map: str
    world: _containers.RepeatedScalarFieldContainer[str]
    hold_launch: bool
    libraries_sent: bool
    def __init__(self, job_id: _Optional[int] = ..., spec: _Optional[_Union[JobSpec, _Mapping]] = ..., overlap: _Optional[bool] = ..., exact: _Optional[bool] = ..., whole: _Optional[bool] = ..., relative: _Optional[int] = ..., label: _Optional[bool] = ..., unbuffered: _Optional[bool] = ..., pty: _Optional[bool] = ..., multi_prog: _Optional[bool] = ..., kill_on_bad_exit: _Optional[bool] = ..., kill_on_bad_exit_set: _Optional[bool] = ..., wait_secs: _Optional[int] = ..., io_host: _Optional[str] = ..., io_port: _Optional[int] = ..., io_key: _Optional[bytes] = ..., task_prolog: _Optional[str] = ..., task_epilog: _Optional[str] = ..., mpi: _Optional[str] = ..., win_rows: _Optional[int] = ..., win_cols: _Optional[int] = ..., immediate: _Optional[bool] = ..., srun_pid: _Optional[int] = ..., srun_host: _Optional[str] = ..., interactive: _Optional[bool] = ..., external: _Optional[bool] = ..., no_shell: _Optional[bool] = ..., bcast: _Optional[_Iterable[str]] = ..., all_cpus: _Optional[bool] = ..., multi_prog_conf: _Optional[bytes] = ..., components: _Optional[_Iterable[_Union[StepRequest, _Mapping]]] = ..., het_groups: _Optional[_Iterable[int]] = ..., task_offset: _Optional[int] = ..., node_offset: _Optional[int] = ..., het_tasks: _Optional[int] = ..., het_nodes: _Optional[int] = ..., process_map: _Optional[str] = ..., world: _Optional[_Iterable[str]] = ..., hold_launch: _Optional[bool] = ..., libraries_sent: _Optional[bool] = ...) -> None: ...

class StepCreated(_message.Message):
    __slots__ = ("step", "job", "node_addrs", "warning", "components")
    STEP_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    NODE_ADDRS_FIELD_NUMBER: _ClassVar[int]
    WARNING_FIELD_NUMBER: _ClassVar[int]
    COMPONENTS_FIELD_NUMBER: _ClassVar[int]
    step: StepRecord
    job: JobRecord
    node_addrs: _containers.RepeatedScalarFieldContainer[str]
    warning: str
    components: _containers.RepeatedCompositeFieldContainer[StepRecord]
    def __init__(self, step: _Optional[_Union[StepRecord, _Mapping]] = ..., job: _Optional[_Union[JobRecord, _Mapping]] = ..., node_addrs: _Optional[_Iterable[str]] = ..., warning: _Optional[str] = ..., components: _Optional[_Iterable[_Union[StepRecord, _Mapping]]] = ...) -> None: ...

class StepLaunch(_message.Message):
    __slots__ = ("job_id", "step_id", "uid", "gid", "user", "node", "node_index", "node_list", "job_node_list", "num_nodes", "num_tasks", "task_ids", "tasks_per_node", "request", "script", "env", "alloc", "job_alloc", "deadline", "cluster", "job_name", "job", "cpus_per_node", "oom_kill_step", "step", "epoch", "settings", "topology_addr", "topology_pattern", "default_cpu_bind")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    GID_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    NODE_INDEX_FIELD_NUMBER: _ClassVar[int]
    NODE_LIST_FIELD_NUMBER: _ClassVar[int]
    JOB_NODE_LIST_FIELD_NUMBER: _ClassVar[int]
    NUM_NODES_FIELD_NUMBER: _ClassVar[int]
    NUM_TASKS_FIELD_NUMBER: _ClassVar[int]
    TASK_IDS_FIELD_NUMBER: _ClassVar[int]
    TASKS_PER_NODE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    SCRIPT_FIELD_NUMBER: _ClassVar[int]
    ENV_FIELD_NUMBER: _ClassVar[int]
    ALLOC_FIELD_NUMBER: _ClassVar[int]
    JOB_ALLOC_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_FIELD_NUMBER: _ClassVar[int]
    JOB_NAME_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    CPUS_PER_NODE_FIELD_NUMBER: _ClassVar[int]
    OOM_KILL_STEP_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    TOPOLOGY_ADDR_FIELD_NUMBER: _ClassVar[int]
    TOPOLOGY_PATTERN_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_CPU_BIND_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    step_id: int
    uid: int
    gid: int
    user: str
    node: str
    node_index: int
    node_list: str
    job_node_list: str
    num_nodes: int
    num_tasks: int
    task_ids: _containers.RepeatedScalarFieldContainer[int]
    tasks_per_node: _containers.RepeatedScalarFieldContainer[int]
    request: StepRequest
    script: bytes
    env: _containers.RepeatedScalarFieldContainer[bytes]
    alloc: NodeAlloc
    job_alloc: NodeAlloc
    deadline: float
    cluster: str
    job_name: str
    job: JobRecord
    cpus_per_node: _containers.RepeatedScalarFieldContainer[int]
    oom_kill_step: bool
    step: StepRecord
    epoch: int
    settings: StepSettings
    topology_addr: str
    topology_pattern: str
    default_cpu_bind: str
    def __init__(self, job_id: _Optional[int] = ..., step_id: _Optional[int] = ..., uid: _Optional[int] = ..., gid: _Optional[int] = ..., user: _Optional[str] = ..., node: _Optional[str] = ..., node_index: _Optional[int] = ..., node_list: _Optional[str] = ..., job_node_list: _Optional[str] = ..., num_nodes: _Optional[int] = ..., num_tasks: _Optional[int] = ..., task_ids: _Optional[_Iterable[int]] = ..., tasks_per_node: _Optional[_Iterable[int]] = ..., request: _Optional[_Union[StepRequest, _Mapping]] = ..., script: _Optional[bytes] = ..., env: _Optional[_Iterable[bytes]] = ..., alloc: _Optional[_Union[NodeAlloc, _Mapping]] = ..., job_alloc: _Optional[_Union[NodeAlloc, _Mapping]] = ..., deadline: _Optional[float] = ..., cluster: _Optional[str] = ..., job_name: _Optional[str] = ..., job: _Optional[_Union[JobRecord, _Mapping]] = ..., cpus_per_node: _Optional[_Iterable[int]] = ..., oom_kill_step: _Optional[bool] = ..., step: _Optional[_Union[StepRecord, _Mapping]] = ..., epoch: _Optional[int] = ..., settings: _Optional[_Union[StepSettings, _Mapping]] = ..., topology_addr: _Optional[str] = ..., topology_pattern: _Optional[str] = ..., default_cpu_bind: _Optional[str] = ...) -> None: ...

class StepSettings(_message.Message):
    __slots__ = ("spool", "conf_file", "proctrack", "cgroup_plugin", "cgroup_mount", "constrain_cores", "constrain_ram", "constrain_swap", "allowed_ram_percent", "allowed_swap_percent", "min_ram", "sample_secs", "over_memory_kill", "kill_wait", "task_prolog", "task_epilog", "unkillable_secs", "append_output", "supervisor_pid", "supervisor_start", "task_affinity", "task_param", "block_cores", "shape", "constrain_devices", "devices")
    SPOOL_FIELD_NUMBER: _ClassVar[int]
    CONF_FILE_FIELD_NUMBER: _ClassVar[int]
    PROCTRACK_FIELD_NUMBER: _ClassVar[int]
    CGROUP_PLUGIN_FIELD_NUMBER: _ClassVar[int]
    CGROUP_MOUNT_FIELD_NUMBER: _ClassVar[int]
    CONSTRAIN_CORES_FIELD_NUMBER: _ClassVar[int]
    CONSTRAIN_RAM_FIELD_NUMBER: _ClassVar[int]
    CONSTRAIN_SWAP_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_RAM_PERCENT_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_SWAP_PERCENT_FIELD_NUMBER: _ClassVar[int]
    MIN_RAM_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_SECS_FIELD_NUMBER: _ClassVar[int]
    OVER_MEMORY_KILL_FIELD_NUMBER: _ClassVar[int]
    KILL_WAIT_FIELD_NUMBER: _ClassVar[int]
    TASK_PROLOG_FIELD_NUMBER: _ClassVar[int]
    TASK_EPILOG_FIELD_NUMBER: _ClassVar[int]
    UNKILLABLE_SECS_FIELD_NUMBER: _ClassVar[int]
    APPEND_OUTPUT_FIELD_NUMBER: _ClassVar[int]
    SUPERVISOR_PID_FIELD_NUMBER: _ClassVar[int]
    SUPERVISOR_START_FIELD_NUMBER: _ClassVar[int]
    TASK_AFFINITY_FIELD_NUMBER: _ClassVar[int]
    TASK_PARAM_FIELD_NUMBER: _ClassVar[int]
    BLOCK_CORES_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    CONSTRAIN_DEVICES_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    spool: str
    conf_file: str
    proctrack: str
    cgroup_plugin: str
    cgroup_mount: str
    constrain_cores: bool
    constrain_ram: bool
    constrain_swap: bool
    allowed_ram_percent: float
    allowed_swap_percent: float
    min_ram: int
    sample_secs: int
    over_memory_kill: bool
    kill_wait: int
    task_prolog: _containers.RepeatedScalarFieldContainer[str]
    task_epilog: _containers.RepeatedScalarFieldContainer[str]
    unkillable_secs: int
    append_output: bool
    supervisor_pid: int
    supervisor_start: int
    task_affinity: bool
    task_param: str
    block_cores: bool
    shape: NodeShape
    constrain_devices: bool
    devices: _containers.RepeatedCompositeFieldContainer[DeviceFile]
    def __init__(self, spool: _Optional[str] = ..., conf_file: _Optional[str] = ..., proctrack: _Optional[str] = ..., cgroup_plugin: _Optional[str] = ..., cgroup_mount: _Optional[str] = ..., constrain_cores: _Optional[bool] = ..., constrain_ram: _Optional[bool] = ..., constrain_swap: _Optional[bool] = ..., allowed_ram_percent: _Optional[float] = ..., allowed_swap_percent: _Optional[float] = ..., min_ram: _Optional[int] = ..., sample_secs: _Optional[int] = ..., over_memory_kill: _Optional[bool] = ..., kill_wait: _Optional[int] = ..., task_prolog: _Optional[_Iterable[str]] = ..., task_epilog: _Optional[_Iterable[str]] = ..., unkillable_secs: _Optional[int] = ..., append_output: _Optional[bool] = ..., supervisor_pid: _Optional[int] = ..., supervisor_start: _Optional[int] = ..., task_affinity: _Optional[bool] = ..., task_param: _Optional[str] = ..., block_cores: _Optional[bool] = ..., shape: _Optional[_Union[NodeShape, _Mapping]] = ..., constrain_devices: _Optional[bool] = ..., devices: _Optional[_Iterable[_Union[DeviceFile, _Mapping]]] = ...) -> None: ...

class NodeShape(_message.Message):
    __slots__ = ("boards", "sockets", "cores", "threads", "cpus", "numbers", "domains", "pretended")
    BOARDS_FIELD_NUMBER: _ClassVar[int]
    SOCKETS_FIELD_NUMBER: _ClassVar[int]
    CORES_FIELD_NUMBER: _ClassVar[int]
    THREADS_FIELD_NUMBER: _ClassVar[int]
    CPUS_FIELD_NUMBER: _ClassVar[int]
    NUMBERS_FIELD_NUMBER: _ClassVar[int]
    DOMAINS_FIELD_NUMBER: _ClassVar[int]
    PRETENDED_FIELD_NUMBER: _ClassVar[int]
    boards: int
    sockets: int
    cores: int
    threads: int
    cpus: int
    numbers: _containers.RepeatedScalarFieldContainer[int]
    domains: _containers.RepeatedScalarFieldContainer[str]
    pretended: bool
    def __init__(self, boards: _Optional[int] = ..., sockets: _Optional[int] = ..., cores: _Optional[int] = ..., threads: _Optional[int] = ..., cpus: _Optional[int] = ..., numbers: _Optional[_Iterable[int]] = ..., domains: _Optional[_Iterable[str]] = ..., pretended: _Optional[bool] = ...) -> None: ...

class DeviceFile(_message.Message):
    __slots__ = ("name", "type", "index", "path")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    index: int
    path: str
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., index: _Optional[int] = ..., path: _Optional[str] = ...) -> None: ...

class StepDone(_message.Message):
    __slots__ = ("job_id", "step_id", "node", "epoch", "exits", "usage", "oom", "error", "error_code", "end_time", "last_of_job", "over_memory")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    EXITS_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    OOM_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    LAST_OF_JOB_FIELD_NUMBER: _ClassVar[int]
    OVER_MEMORY_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    step_id: int
    node: str
    epoch: int
    exits: _containers.RepeatedCompositeFieldContainer[TaskExit]
    usage: Usage
    oom: bool
    error: str
    error_code: int
    end_time: float
    last_of_job: bool
    over_memory: bool
    def __init__(self, job_id: _Optional[int] = ..., step_id: _Optional[int] = ..., node: _Optional[str] = ..., epoch: _Optional[int] = ..., exits: _Optional[_Iterable[_Union[TaskExit, _Mapping]]] = ..., usage: _Optional[_Union[Usage, _Mapping]] = ..., oom: _Optional[bool] = ..., error: _Optional[str] = ..., error_code: _Optional[int] = ..., end_time: _Optional[float] = ..., last_of_job: _Optional[bool] = ..., over_memory: _Optional[bool] = ...) -> None: ...

class TaskExit(_message.Message):
    __slots__ = ("task", "status")
    TASK_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    task: int
    status: int
    def __init__(self, task: _Optional[int] = ..., status: _Optional[int] = ...) -> None: ...

class NodeRegister(_message.Message):
    __slots__ = ("node", "version", "cpus", "boards", "sockets", "cores", "threads", "memory", "tmp_disk", "os", "arch", "boot_time", "start_time", "cpu_load", "free_memory", "gres", "steps", "hostname", "protocol", "features", "dynamic_conf")
    NODE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CPUS_FIELD_NUMBER: _ClassVar[int]
    BOARDS_FIELD_NUMBER: _ClassVar[int]
    SOCKETS_FIELD_NUMBER: _ClassVar[int]
    CORES_FIELD_NUMBER: _ClassVar[int]
    THREADS_FIELD_NUMBER: _ClassVar[int]
    MEMORY_FIELD_NUMBER: _ClassVar[int]
    TMP_DISK_FIELD_NUMBER: _ClassVar[int]
    OS_FIELD_NUMBER: _ClassVar[int]
    ARCH_FIELD_NUMBER: _ClassVar[int]
    BOOT_TIME_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    CPU_LOAD_FIELD_NUMBER: _ClassVar[int]
    FREE_MEMORY_FIELD_NUMBER: _ClassVar[int]
    GRES_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    HOSTNAME_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    DYNAMIC_CONF_FIELD_NUMBER: _ClassVar[int]
    node: str
    version: str
    cpus: int
    boards: int
    sockets: int
    cores: int
    threads: int
    memory: int
    tmp_disk: int
    os: str
    arch: str
    boot_time: float
    start_time: float
    cpu_load: float
    free_memory: int
    gres: str
    steps: _containers.RepeatedCompositeFieldContainer[StepRef]
    hostname: str
    protocol: int
    features: str
    dynamic_conf: str
    def __init__(self, node: _Optional[str] = ..., version: _Optional[str] = ..., cpus: _Optional[int] = ..., boards: _Optional[int] = ..., sockets: _Optional[int] = ..., cores: _Optional[int] = ..., threads: _Optional[int] = ..., memory: _Optional[int] = ..., tmp_disk: _Optional[int] = ..., os: _Optional[str] = ..., arch: _Optional[str] = ..., boot_time: _Optional[float] = ..., start_time: _Optional[float] = ..., cpu_load: _Optional[float] = ..., free_memory: _Optional[int] = ..., gres: _Optional[str] = ..., steps: _Optional[_Iterable[_Union[StepRef, _Mapping]]] = ..., hostname: _Optional[str] = ..., protocol: _Optional[int] = ..., features: _Optional[str] = ..., dynamic_conf: _Optional[str] = ...) -> None: ...

class StepRef(_message.Message):
    __slots__ = ("job_id", "step_id", "epoch")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    step_id: int
    epoch: int
    def __init__(self, job_id: _Optional[int] = ..., step_id: _Optional[int] = ..., epoch: _Optional[int] = ...) -> None: ...

class NodeUp(_message.Message):
    __slots__ = ("register", "started", "done", "terminated", "load", "usage", "exits", "relay", "reply", "prepared", "file_reply")
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    TERMINATED_FIELD_NUMBER: _ClassVar[int]
    LOAD_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    EXITS_FIELD_NUMBER: _ClassVar[int]
    RELAY_FIELD_NUMBER: _ClassVar[int]
    REPLY_FIELD_NUMBER: _ClassVar[int]
    PREPARED_FIELD_NUMBER: _ClassVar[int]
    FILE_REPLY_FIELD_NUMBER: _ClassVar[int]
    register: NodeRegister
    started: StepStarted
    done: StepDone
    terminated: JobTerminated
    load: NodeLoad
    usage: StepUsage
    exits: TaskExits
    relay: Relay
    reply: NodeReply
    prepared: JobPrepared
    file_reply: FileReply
    def __init__(self, register: _Optional[_Union[NodeRegister, _Mapping]] = ..., started: _Optional[_Union[StepStarted, _Mapping]] = ..., done: _Optional[_Union[StepDone, _Mapping]] = ..., terminated: _Optional[_Union[JobTerminated, _Mapping]] = ..., load: _Optional[_Union[NodeLoad, _Mapping]] = ..., usage: _Optional[_Union[StepUsage, _Mapping]] = ..., exits: _Optional[_Union[TaskExits, _Mapping]] = ..., relay: _Optional[_Union[Relay, _Mapping]] = ..., reply: _Optional[_Union[NodeReply, _Mapping]] = ..., prepared: _Optional[_Union[JobPrepared, _Mapping]] = ..., file_reply: _Optional[_Union[FileReply, _Mapping]] = ...) -> None: ...

class StepStarted(_message.Message):
    __slots__ = ("job_id", "step_id", "node", "pids", "epoch")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    PIDS_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    step_id: int
    node: str
    pids: _containers.RepeatedScalarFieldContainer[int]
    epoch: int
    def __init__(self, job_id: _Optional[int] = ..., step_id: _Optional[int] = ..., node: _Optional[str] = ..., pids: _Optional[_Iterable[int]] = ..., epoch: _Optional[int] = ...) -> None: ...

class TaskExits(_message.Message):
    __slots__ = ("job_id", "step_id", "node", "exits")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    EXITS_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    step_id: int
    node: str
    exits: _containers.RepeatedCompositeFieldContainer[TaskExit]
    def __init__(self, job_id: _Optional[int] = ..., step_id: _Optional[int] = ..., node: _Optional[str] = ..., exits: _Optional[_Iterable[_Union[TaskExit, _Mapping]]] = ...) -> None: ...

class JobPrepared(_message.Message):
    __slots__ = ("job_id", "node", "epoch", "error")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    node: str
    epoch: int
    error: str
    def __init__(self, job_id: _Optional[int] = ..., node: _Optional[str] = ..., epoch: _Optional[int] = ..., error: _Optional[str] = ...) -> None: ...

class JobTerminated(_message.Message):
    __slots__ = ("job_id", "node", "epoch", "error")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    node: str
    epoch: int
    error: str
    def __init__(self, job_id: _Optional[int] = ..., node: _Optional[str] = ..., epoch: _Optional[int] = ..., error: _Optional[str] = ...) -> None: ...

class NodeLoad(_message.Message):
    __slots__ = ("node", "cpu_load", "free_memory")
    NODE_FIELD_NUMBER: _ClassVar[int]
    CPU_LOAD_FIELD_NUMBER: _ClassVar[int]
    FREE_MEMORY_FIELD_NUMBER: _ClassVar[int]
    node: str
    cpu_load: float
    free_memory: int
    def __init__(self, node: _Optional[str] = ..., cpu_load: _Optional[float] = ..., free_memory: _Optional[int] = ...) -> None: ...

class StepUsage(_message.Message):
    __slots__ = ("job_id", "step_id", "node", "usage", "pids", "tasks")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    PIDS_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    step_id: int
    node: str
    usage: Usage
    pids: _containers.RepeatedScalarFieldContainer[int]
    tasks: _containers.RepeatedCompositeFieldContainer[TaskPid]
    def __init__(self, job_id: _Optional[int] = ..., step_id: _Optional[int] = ..., node: _Optional[str] = ..., usage: _Optional[_Union[Usage, _Mapping]] = ..., pids: _Optional[_Iterable[int]] = ..., tasks: _Optional[_Iterable[_Union[TaskPid, _Mapping]]] = ...) -> None: ...

class TaskPid(_message.Message):
    __slots__ = ("pid", "local", "task")
    PID_FIELD_NUMBER: _ClassVar[int]
    LOCAL_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    pid: int
    local: int
    task: int
    def __init__(self, pid: _Optional[int] = ..., local: _Optional[int] = ..., task: _Optional[int] = ...) -> None: ...

class Relay(_message.Message):
    __slots__ = ("id", "request", "peer", "response")
    ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    id: int
    request: Request
    peer: Peer
    response: Response
    def __init__(self, id: _Optional[int] = ..., request: _Optional[_Union[Request, _Mapping]] = ..., peer: _Optional[_Union[Peer, _Mapping]] = ..., response: _Optional[_Union[Response, _Mapping]] = ...) -> None: ...

class Peer(_message.Message):
    __slots__ = ("uid", "gid", "pid")
    UID_FIELD_NUMBER: _ClassVar[int]
    GID_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    uid: int
    gid: int
    pid: int
    def __init__(self, uid: _Optional[int] = ..., gid: _Optional[int] = ..., pid: _Optional[int] = ...) -> None: ...

class NodeReply(_message.Message):
    __slots__ = ("id", "text")
    ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    id: int
    text: str
    def __init__(self, id: _Optional[int] = ..., text: _Optional[str] = ...) -> None: ...

class NodeDown(_message.Message):
    __slots__ = ("registered", "launch", "signal", "terminate", "ack", "shutdown", "reconfigure", "relay", "update_limit", "ping", "notice", "measure", "attach", "prepare", "health_check", "reboot", "file_open", "file_block", "file_end")
    REGISTERED_FIELD_NUMBER: _ClassVar[int]
    LAUNCH_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    TERMINATE_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    SHUTDOWN_FIELD_NUMBER: _ClassVar[int]
    RECONFIGURE_FIELD_NUMBER: _ClassVar[int]
    RELAY_FIELD_NUMBER: _ClassVar[int]
    UPDATE_LIMIT_FIELD_NUMBER: _ClassVar[int]
    PING_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    MEASURE_FIELD_NUMBER: _ClassVar[int]
    ATTACH_FIELD_NUMBER: _ClassVar[int]
    PREPARE_FIELD_NUMBER: _ClassVar[int]
    HEALTH_CHECK_FIELD_NUMBER: _ClassVar[int]
    REBOOT_FIELD_NUMBER: _ClassVar[int]
    FILE_OPEN_FIELD_NUMBER: _ClassVar[int]
    FILE_BLOCK_FIELD_NUMBER: _ClassVar[int]
    FILE_END_FIELD_NUMBER: _ClassVar[int]
    registered: Registered
    launch: StepLaunch
    signal: SignalStep
    terminate: TerminateJob
    ack: AckDone
    shutdown: Shutdown
    reconfigure: Reconfigure
    relay: Relay
    update_limit: UpdateLimit
    ping: Ping
    notice: JobNotice
    measure: StepRef
    attach: AttachStep
    prepare: PrepareJob
    health_check: HealthCheck
    reboot: Reboot
    file_open: FileOpen
    file_block: FileBlock
    file_end: FileEnd
    def __init__(self, registered: _Optional[_Union[Registered, _Mapping]] = ..., launch: _Optional[_Union[StepLaunch, _Mapping]] = ..., signal: _Optional[_Union[SignalStep, _Mapping]] = ..., terminate: _Optional[_Union[TerminateJob, _Mapping]] = ..., ack: _Optional[_Union[AckDone, _Mapping]] = ..., shutdown: _Optional[_Union[Shutdown, _Mapping]] = ..., reconfigure: _Optional[_Union[Reconfigure, _Mapping]] = ..., relay: _Optional[_Union[Relay, _Mapping]] = ..., update_limit: _Optional[_Union[UpdateLimit, _Mapping]] = ..., ping: _Optional[_Union[Ping, _Mapping]] = ..., notice: _Optional[_Union[JobNotice, _Mapping]] = ..., measure: _Optional[_Union[StepRef, _Mapping]] = ..., attach: _Optional[_Union[AttachStep, _Mapping]] = ..., prepare: _Optional[_Union[PrepareJob, _Mapping]] = ..., health_check: _Optional[_Union[HealthCheck, _Mapping]] = ..., reboot: _Optional[_Union[Reboot, _Mapping]] = ..., file_open: _Optional[_Union[FileOpen, _Mapping]] = ..., file_block: _Optional[_Union[FileBlock, _Mapping]] = ..., file_end: _Optional[_Union[FileEnd, _Mapping]] = ...) -> None: ...

class Registered(_message.Message):
    __slots__ = ("ok", "error", "version")
    OK_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ok: bool
    error: str
    version: str
    def __init__(self, ok: _Optional[bool] = ..., error: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class PrepareJob(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: JobRecord
    def __init__(self, job: _Optional[_Union[JobRecord, _Mapping]] = ...) -> None: ...

class HealthCheck(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Reboot(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SignalStep(_message.Message):
    __slots__ = ("job_id", "step_id", "signal", "batch_only", "full", "uid", "message", "steps_only")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    BATCH_ONLY_FIELD_NUMBER: _ClassVar[int]
    FULL_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    STEPS_ONLY_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    step_id: int
    signal: int
    batch_only: bool
    full: bool
    uid: int
    message: str
    steps_only: bool
    def __init__(self, job_id: _Optional[int] = ..., step_id: _Optional[int] = ..., signal: _Optional[int] = ..., batch_only: _Optional[bool] = ..., full: _Optional[bool] = ..., uid: _Optional[int] = ..., message: _Optional[str] = ..., steps_only: _Optional[bool] = ...) -> None: ...

class TerminateJob(_message.Message):
    __slots__ = ("job_id", "epoch", "kill_wait", "reason", "uid", "epilog_env", "time", "now", "step_id", "job")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    KILL_WAIT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    EPILOG_ENV_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    epoch: int
    kill_wait: int
    reason: str
    uid: int
    epilog_env: _containers.RepeatedScalarFieldContainer[str]
    time: float
    now: bool
    step_id: int
    job: JobRecord
    def __init__(self, job_id: _Optional[int] = ..., epoch: _Optional[int] = ..., kill_wait: _Optional[int] = ..., reason: _Optional[str] = ..., uid: _Optional[int] = ..., epilog_env: _Optional[_Iterable[str]] = ..., time: _Optional[float] = ..., now: _Optional[bool] = ..., step_id: _Optional[int] = ..., job: _Optional[_Union[JobRecord, _Mapping]] = ...) -> None: ...

class AckDone(_message.Message):
    __slots__ = ("job_id", "step_id", "epoch")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    step_id: int
    epoch: int
    def __init__(self, job_id: _Optional[int] = ..., step_id: _Optional[int] = ..., epoch: _Optional[int] = ...) -> None: ...

class UpdateLimit(_message.Message):
    __slots__ = ("job_id", "deadline", "step_id")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    deadline: float
    step_id: int
    def __init__(self, job_id: _Optional[int] = ..., deadline: _Optional[float] = ..., step_id: _Optional[int] = ...) -> None: ...

class JobNotice(_message.Message):
    __slots__ = ("job_id", "text", "step_id")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    text: str
    step_id: int
    def __init__(self, job_id: _Optional[int] = ..., text: _Optional[str] = ..., step_id: _Optional[int] = ...) -> None: ...

class Shutdown(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Reconfigure(_message.Message):
    __slots__ = ("config_text",)
    CONFIG_TEXT_FIELD_NUMBER: _ClassVar[int]
    config_text: str
    def __init__(self, config_text: _Optional[str] = ...) -> None: ...

class Ping(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Request(_message.Message):
    __slots__ = ("protocol", "command", "ping", "submit", "watch", "list_jobs", "list_nodes", "list_partitions", "list_reservations", "list_steps", "get_config", "cancel", "update_job", "job_op", "update_node", "update_partition", "create_step", "attach_step", "end_step", "reconfigure", "shutdown", "get_blob", "complete_job", "token", "list_licenses", "statistics", "signal_step", "acct", "node_up", "priority_factors", "share_info", "assoc_info", "update_reservation", "explain", "list_topology", "set_level", "set_trigger", "list_triggers", "clear_trigger", "file_open", "file_block", "file_end", "start_step", "update_crontab", "get_crontab")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    PING_FIELD_NUMBER: _ClassVar[int]
    SUBMIT_FIELD_NUMBER: _ClassVar[int]
    WATCH_FIELD_NUMBER: _ClassVar[int]
    LIST_JOBS_FIELD_NUMBER: _ClassVar[int]
    LIST_NODES_FIELD_NUMBER: _ClassVar[int]
    LIST_PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    LIST_RESERVATIONS_FIELD_NUMBER: _ClassVar[int]
    LIST_STEPS_FIELD_NUMBER: _ClassVar[int]
    GET_CONFIG_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    UPDATE_JOB_FIELD_NUMBER: _ClassVar[int]
    JOB_OP_FIELD_NUMBER: _ClassVar[int]
    UPDATE_NODE_FIELD_NUMBER: _ClassVar[int]
    UPDATE_PARTITION_FIELD_NUMBER: _ClassVar[int]
    CREATE_STEP_FIELD_NUMBER: _ClassVar[int]
    ATTACH_STEP_FIELD_NUMBER: _ClassVar[int]
    END_STEP_FIELD_NUMBER: _ClassVar[int]
    RECONFIGURE_FIELD_NUMBER: _ClassVar[int]
    SHUTDOWN_FIELD_NUMBER: _ClassVar[int]
    GET_BLOB_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_JOB_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    LIST_LICENSES_FIELD_NUMBER: _ClassVar[int]
    STATISTICS_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_STEP_FIELD_NUMBER: _ClassVar[int]
    ACCT_FIELD_NUMBER: _ClassVar[int]
    NODE_UP_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FACTORS_FIELD_NUMBER: _ClassVar[int]
    SHARE_INFO_FIELD_NUMBER: _ClassVar[int]
    ASSOC_INFO_FIELD_NUMBER: _ClassVar[int]
    UPDATE_RESERVATION_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    LIST_TOPOLOGY_FIELD_NUMBER: _ClassVar[int]
    SET_LEVEL_FIELD_NUMBER: _ClassVar[int]
    SET_TRIGGER_FIELD_NUMBER: _ClassVar[int]
    LIST_TRIGGERS_FIELD_NUMBER: _ClassVar[int]
    CLEAR_TRIGGER_FIELD_NUMBER: _ClassVar[int]
    FILE_OPEN_FIELD_NUMBER: _ClassVar[int]
    FILE_BLOCK_FIELD_NUMBER: _ClassVar[int]
    FILE_END_FIELD_NUMBER: _ClassVar[int]
    START_STEP_FIELD_NUMBER: _ClassVar[int]
    UPDATE_CRONTAB_FIELD_NUMBER: _ClassVar[int]
    GET_CRONTAB_FIELD_NUMBER: _ClassVar[int]
    protocol: int
    command: str
    ping: Ping
    submit: Submit
    watch: WatchJob
    list_jobs: ListJobs
    list_nodes: ListNodes
    list_partitions: ListPartitions
    list_reservations: ListReservations
    list_steps: ListSteps
    get_config: GetConfig
    cancel: CancelJobs
    update_job: UpdateJob
    job_op: JobOp
    update_node: UpdateNode
    update_partition: UpdatePartition
    create_step: StepRequest
    attach_step: AttachStep
    end_step: EndStep
    reconfigure: Reconfigure
    shutdown: Shutdown
    get_blob: GetBlob
    complete_job: CompleteJob
    token: Token
    list_licenses: ListLicenses
    statistics: Statistics
    signal_step: SignalStep
    acct: AcctCall
    node_up: NodeUp
    priority_factors: ListPriorityFactors
    share_info: ShareInfo
    assoc_info: AssocInfo
    update_reservation: UpdateReservation
    explain: Explain
    list_topology: ListTopology
    set_level: SetLevel
    set_trigger: TriggerRecord
    list_triggers: ListTriggers
    clear_trigger: ClearTrigger
    file_open: FileOpen
    file_block: FileBlock
    file_end: FileEnd
    start_step: StartStep
    update_crontab: UpdateCrontab
    get_crontab: GetCrontab
    def __init__(self, protocol: _Optional[int] = ..., command: _Optional[str] = ..., ping: _Optional[_Union[Ping, _Mapping]] = ..., submit: _Optional[_Union[Submit, _Mapping]] = ..., watch: _Optional[_Union[WatchJob, _Mapping]] = ..., list_jobs: _Optional[_Union[ListJobs, _Mapping]] = ..., list_nodes: _Optional[_Union[ListNodes, _Mapping]] = ..., list_partitions: _Optional[_Union[ListPartitions, _Mapping]] = ..., list_reservations: _Optional[_Union[ListReservations, _Mapping]] = ..., list_steps: _Optional[_Union[ListSteps, _Mapping]] = ..., get_config: _Optional[_Union[GetConfig, _Mapping]] = ..., cancel: _Optional[_Union[CancelJobs, _Mapping]] = ..., update_job: _Optional[_Union[UpdateJob, _Mapping]] = ..., job_op: _Optional[_Union[JobOp, _Mapping]] = ..., update_node: _Optional[_Union[UpdateNode, _Mapping]] = ..., update_partition: _Optional[_Union[UpdatePartition, _Mapping]] = ..., create_step: _Optional[_Union[StepRequest, _Mapping]] = ..., attach_step: _Optional[_Union[AttachStep, _Mapping]] = ..., end_step: _Optional[_Union[EndStep, _Mapping]] = ..., reconfigure: _Optional[_Union[Reconfigure, _Mapping]] = ..., shutdown: _Optional[_Union[Shutdown, _Mapping]] = ..., get_blob: _Optional[_Union[GetBlob, _Mapping]] = ..., complete_job: _Optional[_Union[CompleteJob, _Mapping]] = ..., token: _Optional[_Union[Token, _Mapping]] = ..., list_licenses: _Optional[_Union[ListLicenses, _Mapping]] = ..., statistics: _Optional[_Union[Statistics, _Mapping]] = ..., signal_step: _Optional[_Union[SignalStep, _Mapping]] = ..., acct: _Optional[_Union[AcctCall, _Mapping]] = ..., node_up: _Optional[_Union[NodeUp, _Mapping]] = ..., priority_factors: _Optional[_Union[ListPriorityFactors, _Mapping]] = ..., share_info: _Optional[_Union[ShareInfo, _Mapping]] = ..., assoc_info: _Optional[_Union[AssocInfo, _Mapping]] = ..., update_reservation: _Optional[_Union[UpdateReservation, _Mapping]] = ..., explain: _Optional[_Union[Explain, _Mapping]] = ..., list_topology: _Optional[_Union[ListTopology, _Mapping]] = ..., set_level: _Optional[_Union[SetLevel, _Mapping]] = ..., set_trigger: _Optional[_Union[TriggerRecord, _Mapping]] = ..., list_triggers: _Optional[_Union[ListTriggers, _Mapping]] = ..., clear_trigger: _Optional[_Union[ClearTrigger, _Mapping]] = ..., file_open: _Optional[_Union[FileOpen, _Mapping]] = ..., file_block: _Optional[_Union[FileBlock, _Mapping]] = ..., file_end: _Optional[_Union[FileEnd, _Mapping]] = ..., start_step: _Optional[_Union[StartStep, _Mapping]] = ..., update_crontab: _Optional[_Union[UpdateCrontab, _Mapping]] = ..., get_crontab: _Optional[_Union[GetCrontab, _Mapping]] = ...) -> None: ...

class Response(_message.Message):
    __slots__ = ("rc", "error", "messages", "more", "pong", "submitted", "job_event", "jobs", "nodes", "partitions", "reservations", "steps", "config", "step_created", "step_event", "blob", "results", "token", "licenses", "statistics", "acct", "node_down", "priority_factors", "shares", "assoc_records", "explanations", "topology", "triggers", "file_reply", "crontab")
    RC_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    PONG_FIELD_NUMBER: _ClassVar[int]
    SUBMITTED_FIELD_NUMBER: _ClassVar[int]
    JOB_EVENT_FIELD_NUMBER: _ClassVar[int]
    JOBS_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    RESERVATIONS_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    STEP_CREATED_FIELD_NUMBER: _ClassVar[int]
    STEP_EVENT_FIELD_NUMBER: _ClassVar[int]
    BLOB_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    LICENSES_FIELD_NUMBER: _ClassVar[int]
    STATISTICS_FIELD_NUMBER: _ClassVar[int]
    ACCT_FIELD_NUMBER: _ClassVar[int]
    NODE_DOWN_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FACTORS_FIELD_NUMBER: _ClassVar[int]
    SHARES_FIELD_NUMBER: _ClassVar[int]
    ASSOC_RECORDS_FIELD_NUMBER: _ClassVar[int]
    EXPLANATIONS_FIELD_NUMBER: _ClassVar[int]
    TOPOLOGY_FIELD_NUMBER: _ClassVar[int]
    TRIGGERS_FIELD_NUMBER: _ClassVar[int]
    FILE_REPLY_FIELD_NUMBER: _ClassVar[int]
    CRONTAB_FIELD_NUMBER: _ClassVar[int]
    rc: int
    error: str
    messages: _containers.RepeatedScalarFieldContainer[str]
    more: bool
    pong: Pong
    submitted: Submitted
    job_event: JobEvent
    jobs: Jobs
    nodes: Nodes
    partitions: Partitions
    reservations: Reservations
    steps: Steps
    config: Config
    step_created: StepCreated
    step_event: StepEvent
    blob: JobBlob
    results: OpResults
    token: TokenReply
    licenses: Licenses
    statistics: StatisticsReply
    acct: AcctReply
    node_down: NodeDown
    priority_factors: PriorityFactors
    shares: Shares
    assoc_records: AssocRecords
    explanations: Explanations
    topology: TopologyReply
    triggers: Triggers
    file_reply: FileReply
    crontab: CrontabReply
    def __init__(self, rc: _Optional[int] = ..., error: _Optional[str] = ..., messages: _Optional[_Iterable[str]] = ..., more: _Optional[bool] = ..., pong: _Optional[_Union[Pong, _Mapping]] = ..., submitted: _Optional[_Union[Submitted, _Mapping]] = ..., job_event: _Optional[_Union[JobEvent, _Mapping]] = ..., jobs: _Optional[_Union[Jobs, _Mapping]] = ..., nodes: _Optional[_Union[Nodes, _Mapping]] = ..., partitions: _Optional[_Union[Partitions, _Mapping]] = ..., reservations: _Optional[_Union[Reservations, _Mapping]] = ..., steps: _Optional[_Union[Steps, _Mapping]] = ..., config: _Optional[_Union[Config, _Mapping]] = ..., step_created: _Optional[_Union[StepCreated, _Mapping]] = ..., step_event: _Optional[_Union[StepEvent, _Mapping]] = ..., blob: _Optional[_Union[JobBlob, _Mapping]] = ..., results: _Optional[_Union[OpResults, _Mapping]] = ..., token: _Optional[_Union[TokenReply, _Mapping]] = ..., licenses: _Optional[_Union[Licenses, _Mapping]] = ..., statistics: _Optional[_Union[StatisticsReply, _Mapping]] = ..., acct: _Optional[_Union[AcctReply, _Mapping]] = ..., node_down: _Optional[_Union[NodeDown, _Mapping]] = ..., priority_factors: _Optional[_Union[PriorityFactors, _Mapping]] = ..., shares: _Optional[_Union[Shares, _Mapping]] = ..., assoc_records: _Optional[_Union[AssocRecords, _Mapping]] = ..., explanations: _Optional[_Union[Explanations, _Mapping]] = ..., topology: _Optional[_Union[TopologyReply, _Mapping]] = ..., triggers: _Optional[_Union[Triggers, _Mapping]] = ..., file_reply: _Optional[_Union[FileReply, _Mapping]] = ..., crontab: _Optional[_Union[CrontabReply, _Mapping]] = ...) -> None: ...

class Pong(_message.Message):
    __slots__ = ("version", "host", "start_time", "primary", "pid")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    PRIMARY_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    version: str
    host: str
    start_time: float
    primary: bool
    pid: int
    def __init__(self, version: _Optional[str] = ..., host: _Optional[str] = ..., start_time: _Optional[float] = ..., primary: _Optional[bool] = ..., pid: _Optional[int] = ...) -> None: ...

class FilterSite(_message.Message):
    __slots__ = ("partitions", "qos_priority")
    class QosPriorityEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    QOS_PRIORITY_FIELD_NUMBER: _ClassVar[int]
    partitions: _containers.RepeatedCompositeFieldContainer[PartitionRecord]
    qos_priority: _containers.ScalarMap[str, int]
    def __init__(self, partitions: _Optional[_Iterable[_Union[PartitionRecord, _Mapping]]] = ..., qos_priority: _Optional[_Mapping[str, int]] = ...) -> None: ...

class FilterCall(_message.Message):
    __slots__ = ("kind", "spec", "values", "record", "uid", "user_name", "gid", "default_account", "default_qos", "site")
    KIND_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    USER_NAME_FIELD_NUMBER: _ClassVar[int]
    GID_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_QOS_FIELD_NUMBER: _ClassVar[int]
    SITE_FIELD_NUMBER: _ClassVar[int]
    kind: str
    spec: JobSpec
    values: _containers.RepeatedCompositeFieldContainer[KeyValue]
    record: JobRecord
    uid: int
    user_name: str
    gid: int
    default_account: str
    default_qos: str
    site: FilterSite
    def __init__(self, kind: _Optional[str] = ..., spec: _Optional[_Union[JobSpec, _Mapping]] = ..., values: _Optional[_Iterable[_Union[KeyValue, _Mapping]]] = ..., record: _Optional[_Union[JobRecord, _Mapping]] = ..., uid: _Optional[int] = ..., user_name: _Optional[str] = ..., gid: _Optional[int] = ..., default_account: _Optional[str] = ..., default_qos: _Optional[str] = ..., site: _Optional[_Union[FilterSite, _Mapping]] = ...) -> None: ...

class FilterReply(_message.Message):
    __slots__ = ("rc", "spec", "values", "messages", "logs")
    RC_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    LOGS_FIELD_NUMBER: _ClassVar[int]
    rc: int
    spec: JobSpec
    values: _containers.RepeatedCompositeFieldContainer[KeyValue]
    messages: _containers.RepeatedScalarFieldContainer[str]
    logs: _containers.RepeatedCompositeFieldContainer[KeyValue]
    def __init__(self, rc: _Optional[int] = ..., spec: _Optional[_Union[JobSpec, _Mapping]] = ..., values: _Optional[_Iterable[_Union[KeyValue, _Mapping]]] = ..., messages: _Optional[_Iterable[str]] = ..., logs: _Optional[_Iterable[_Union[KeyValue, _Mapping]]] = ...) -> None: ...

class Submit(_message.Message):
    __slots__ = ("specs", "test_only", "watch")
    SPECS_FIELD_NUMBER: _ClassVar[int]
    TEST_ONLY_FIELD_NUMBER: _ClassVar[int]
    WATCH_FIELD_NUMBER: _ClassVar[int]
    specs: _containers.RepeatedCompositeFieldContainer[JobSpec]
    test_only: bool
    watch: bool
    def __init__(self, specs: _Optional[_Iterable[_Union[JobSpec, _Mapping]]] = ..., test_only: _Optional[bool] = ..., watch: _Optional[bool] = ...) -> None: ...

class Submitted(_message.Message):
    __slots__ = ("job_id", "job", "cluster")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    job: JobRecord
    cluster: str
    def __init__(self, job_id: _Optional[int] = ..., job: _Optional[_Union[JobRecord, _Mapping]] = ..., cluster: _Optional[str] = ...) -> None: ...

class WatchJob(_message.Message):
    __slots__ = ("job_id", "until_started")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    UNTIL_STARTED_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    until_started: bool
    def __init__(self, job_id: _Optional[int] = ..., until_started: _Optional[bool] = ...) -> None: ...

class JobEvent(_message.Message):
    __slots__ = ("job", "notice", "node_addrs", "failed_node")
    JOB_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    NODE_ADDRS_FIELD_NUMBER: _ClassVar[int]
    FAILED_NODE_FIELD_NUMBER: _ClassVar[int]
    job: JobRecord
    notice: str
    node_addrs: _containers.RepeatedScalarFieldContainer[str]
    failed_node: str
    def __init__(self, job: _Optional[_Union[JobRecord, _Mapping]] = ..., notice: _Optional[str] = ..., node_addrs: _Optional[_Iterable[str]] = ..., failed_node: _Optional[str] = ...) -> None: ...

class ListJobs(_message.Message):
    __slots__ = ("job_ids", "uids", "partitions", "with_steps", "all", "details", "active_only", "priority_order")
    JOB_IDS_FIELD_NUMBER: _ClassVar[int]
    UIDS_FIELD_NUMBER: _ClassVar[int]
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    WITH_STEPS_FIELD_NUMBER: _ClassVar[int]
    ALL_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_ONLY_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_ORDER_FIELD_NUMBER: _ClassVar[int]
    job_ids: _containers.RepeatedScalarFieldContainer[int]
    uids: _containers.RepeatedScalarFieldContainer[int]
    partitions: _containers.RepeatedScalarFieldContainer[str]
    with_steps: bool
    all: bool
    details: bool
    active_only: bool
    priority_order: bool
    def __init__(self, job_ids: _Optional[_Iterable[int]] = ..., uids: _Optional[_Iterable[int]] = ..., partitions: _Optional[_Iterable[str]] = ..., with_steps: _Optional[bool] = ..., all: _Optional[bool] = ..., details: _Optional[bool] = ..., active_only: _Optional[bool] = ..., priority_order: _Optional[bool] = ...) -> None: ...

class Jobs(_message.Message):
    __slots__ = ("jobs", "steps", "now", "unknown_id", "last_backfill")
    JOBS_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_ID_FIELD_NUMBER: _ClassVar[int]
    LAST_BACKFILL_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[JobRecord]
    steps: _containers.RepeatedCompositeFieldContainer[StepRecord]
    now: float
    unknown_id: bool
    last_backfill: float
    def __init__(self, jobs: _Optional[_Iterable[_Union[JobRecord, _Mapping]]] = ..., steps: _Optional[_Iterable[_Union[StepRecord, _Mapping]]] = ..., now: _Optional[float] = ..., unknown_id: _Optional[bool] = ..., last_backfill: _Optional[float] = ...) -> None: ...

class ListNodes(_message.Message):
    __slots__ = ("names", "future")
    NAMES_FIELD_NUMBER: _ClassVar[int]
    FUTURE_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    future: bool
    def __init__(self, names: _Optional[_Iterable[str]] = ..., future: _Optional[bool] = ...) -> None: ...

class Nodes(_message.Message):
    __slots__ = ("nodes", "now")
    NODES_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    nodes: _containers.RepeatedCompositeFieldContainer[NodeRecord]
    now: float
    def __init__(self, nodes: _Optional[_Iterable[_Union[NodeRecord, _Mapping]]] = ..., now: _Optional[float] = ...) -> None: ...

class ListPartitions(_message.Message):
    __slots__ = ("all",)
    ALL_FIELD_NUMBER: _ClassVar[int]
    all: bool
    def __init__(self, all: _Optional[bool] = ...) -> None: ...

class Partitions(_message.Message):
    __slots__ = ("partitions", "now")
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    partitions: _containers.RepeatedCompositeFieldContainer[PartitionRecord]
    now: float
    def __init__(self, partitions: _Optional[_Iterable[_Union[PartitionRecord, _Mapping]]] = ..., now: _Optional[float] = ...) -> None: ...

class ListReservations(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Reservations(_message.Message):
    __slots__ = ("reservations",)
    RESERVATIONS_FIELD_NUMBER: _ClassVar[int]
    reservations: _containers.RepeatedCompositeFieldContainer[ReservationRecord]
    def __init__(self, reservations: _Optional[_Iterable[_Union[ReservationRecord, _Mapping]]] = ...) -> None: ...

class ListSteps(_message.Message):
    __slots__ = ("job_id", "step_id", "usage")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    step_id: int
    usage: bool
    def __init__(self, job_id: _Optional[int] = ..., step_id: _Optional[int] = ..., usage: _Optional[bool] = ...) -> None: ...

class Steps(_message.Message):
    __slots__ = ("steps", "now", "usages")
    STEPS_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    USAGES_FIELD_NUMBER: _ClassVar[int]
    steps: _containers.RepeatedCompositeFieldContainer[StepRecord]
    now: float
    usages: _containers.RepeatedCompositeFieldContainer[StepUsage]
    def __init__(self, steps: _Optional[_Iterable[_Union[StepRecord, _Mapping]]] = ..., now: _Optional[float] = ..., usages: _Optional[_Iterable[_Union[StepUsage, _Mapping]]] = ...) -> None: ...

class GetConfig(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Config(_message.Message):
    __slots__ = ("conf_file", "values", "now", "boot_time", "cgroup", "next_job_id", "controller_host", "mpi")
    CONF_FILE_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    BOOT_TIME_FIELD_NUMBER: _ClassVar[int]
    CGROUP_FIELD_NUMBER: _ClassVar[int]
    NEXT_JOB_ID_FIELD_NUMBER: _ClassVar[int]
    CONTROLLER_HOST_FIELD_NUMBER: _ClassVar[int]
    MPI_FIELD_NUMBER: _ClassVar[int]
    conf_file: str
    values: _containers.RepeatedCompositeFieldContainer[KeyValue]
    now: float
    boot_time: float
    cgroup: _containers.RepeatedCompositeFieldContainer[KeyValue]
    next_job_id: int
    controller_host: str
    mpi: _containers.RepeatedCompositeFieldContainer[KeyValue]
    def __init__(self, conf_file: _Optional[str] = ..., values: _Optional[_Iterable[_Union[KeyValue, _Mapping]]] = ..., now: _Optional[float] = ..., boot_time: _Optional[float] = ..., cgroup: _Optional[_Iterable[_Union[KeyValue, _Mapping]]] = ..., next_job_id: _Optional[int] = ..., controller_host: _Optional[str] = ..., mpi: _Optional[_Iterable[_Union[KeyValue, _Mapping]]] = ...) -> None: ...

class KeyValue(_message.Message):
    __slots__ = ("key", "value")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    key: str
    value: str
    def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class CancelJobs(_message.Message):
    __slots__ = ("ids", "signal", "batch", "full", "users", "accounts", "partitions", "qos", "names", "states", "nodelist", "reservation", "wckeys", "interactive_only_list", "hurry", "me", "sibling", "ctld", "signal_set", "cron")
    IDS_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    FULL_FIELD_NUMBER: _ClassVar[int]
    USERS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    QOS_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    NODELIST_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    WCKEYS_FIELD_NUMBER: _ClassVar[int]
    INTERACTIVE_ONLY_LIST_FIELD_NUMBER: _ClassVar[int]
    HURRY_FIELD_NUMBER: _ClassVar[int]
    ME_FIELD_NUMBER: _ClassVar[int]
    SIBLING_FIELD_NUMBER: _ClassVar[int]
    CTLD_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_SET_FIELD_NUMBER: _ClassVar[int]
    CRON_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedScalarFieldContainer[str]
    signal: int
    batch: bool
    full: bool
    users: _containers.RepeatedScalarFieldContainer[str]
    accounts: _containers.RepeatedScalarFieldContainer[str]
    partitions: _containers.RepeatedScalarFieldContainer[str]
    qos: _containers.RepeatedScalarFieldContainer[str]
    names: _containers.RepeatedScalarFieldContainer[str]
    states: _containers.RepeatedScalarFieldContainer[int]
    nodelist: _containers.RepeatedScalarFieldContainer[str]
    reservation: str
    wckeys: _containers.RepeatedScalarFieldContainer[str]
    interactive_only_list: bool
    hurry: bool
    me: bool
    sibling: str
    ctld: bool
    signal_set: bool
    cron: bool
    def __init__(self, ids: _Optional[_Iterable[str]] = ..., signal: _Optional[int] = ..., batch: _Optional[bool] = ..., full: _Optional[bool] = ..., users: _Optional[_Iterable[str]] = ..., accounts: _Optional[_Iterable[str]] = ..., partitions: _Optional[_Iterable[str]] = ..., qos: _Optional[_Iterable[str]] = ..., names: _Optional[_Iterable[str]] = ..., states: _Optional[_Iterable[int]] = ..., nodelist: _Optional[_Iterable[str]] = ..., reservation: _Optional[str] = ..., wckeys: _Optional[_Iterable[str]] = ..., interactive_only_list: _Optional[bool] = ..., hurry: _Optional[bool] = ..., me: _Optional[bool] = ..., sibling: _Optional[str] = ..., ctld: _Optional[bool] = ..., signal_set: _Optional[bool] = ..., cron: _Optional[bool] = ...) -> None: ...

class OpResults(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[OpResult]
    def __init__(self, results: _Optional[_Iterable[_Union[OpResult, _Mapping]]] = ...) -> None: ...

class OpResult(_message.Message):
    __slots__ = ("id", "rc", "error")
    ID_FIELD_NUMBER: _ClassVar[int]
    RC_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    id: str
    rc: int
    error: str
    def __init__(self, id: _Optional[str] = ..., rc: _Optional[int] = ..., error: _Optional[str] = ...) -> None: ...

class UpdateJob(_message.Message):
    __slots__ = ("id", "values")
    ID_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    id: str
    values: _containers.RepeatedCompositeFieldContainer[KeyValue]
    def __init__(self, id: _Optional[str] = ..., values: _Optional[_Iterable[_Union[KeyValue, _Mapping]]] = ...) -> None: ...

class UpdateNode(_message.Message):
    __slots__ = ("names", "values", "op")
    NAMES_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    OP_FIELD_NUMBER: _ClassVar[int]
    names: str
    values: _containers.RepeatedCompositeFieldContainer[KeyValue]
    op: str
    def __init__(self, names: _Optional[str] = ..., values: _Optional[_Iterable[_Union[KeyValue, _Mapping]]] = ..., op: _Optional[str] = ...) -> None: ...

class UpdatePartition(_message.Message):
    __slots__ = ("name", "values", "op")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    OP_FIELD_NUMBER: _ClassVar[int]
    name: str
    values: _containers.RepeatedCompositeFieldContainer[KeyValue]
    op: str
    def __init__(self, name: _Optional[str] = ..., values: _Optional[_Iterable[_Union[KeyValue, _Mapping]]] = ..., op: _Optional[str] = ...) -> None: ...

class JobOp(_message.Message):
    __slots__ = ("op", "ids", "state")
    OP_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    op: str
    ids: _containers.RepeatedScalarFieldContainer[str]
    state: str
    def __init__(self, op: _Optional[str] = ..., ids: _Optional[_Iterable[str]] = ..., state: _Optional[str] = ...) -> None: ...

class AttachStep(_message.Message):
    __slots__ = ("job_id", "step_id", "io_host", "io_port", "io_key")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    IO_HOST_FIELD_NUMBER: _ClassVar[int]
    IO_PORT_FIELD_NUMBER: _ClassVar[int]
    IO_KEY_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    step_id: int
    io_host: str
    io_port: int
    io_key: bytes
    def __init__(self, job_id: _Optional[int] = ..., step_id: _Optional[int] = ..., io_host: _Optional[str] = ..., io_port: _Optional[int] = ..., io_key: _Optional[bytes] = ...) -> None: ...

class EndStep(_message.Message):
    __slots__ = ("job_id", "step_id")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    step_id: int
    def __init__(self, job_id: _Optional[int] = ..., step_id: _Optional[int] = ...) -> None: ...

class CompleteJob(_message.Message):
    __slots__ = ("job_id", "exit_code")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    exit_code: int
    def __init__(self, job_id: _Optional[int] = ..., exit_code: _Optional[int] = ...) -> None: ...

class StepEvent(_message.Message):
    __slots__ = ("step", "exits", "node", "error", "error_code", "started", "notice", "oom", "node_failed")
    STEP_FIELD_NUMBER: _ClassVar[int]
    EXITS_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    OOM_FIELD_NUMBER: _ClassVar[int]
    NODE_FAILED_FIELD_NUMBER: _ClassVar[int]
    step: StepRecord
    exits: _containers.RepeatedCompositeFieldContainer[TaskExit]
    node: str
    error: str
    error_code: int
    started: bool
    notice: str
    oom: bool
    node_failed: bool
    def __init__(self, step: _Optional[_Union[StepRecord, _Mapping]] = ..., exits: _Optional[_Iterable[_Union[TaskExit, _Mapping]]] = ..., node: _Optional[str] = ..., error: _Optional[str] = ..., error_code: _Optional[int] = ..., started: _Optional[bool] = ..., notice: _Optional[str] = ..., oom: _Optional[bool] = ..., node_failed: _Optional[bool] = ...) -> None: ...

class GetBlob(_message.Message):
    __slots__ = ("job_id",)
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    def __init__(self, job_id: _Optional[int] = ...) -> None: ...

class Token(_message.Message):
    __slots__ = ("user", "lifespan")
    USER_FIELD_NUMBER: _ClassVar[int]
    LIFESPAN_FIELD_NUMBER: _ClassVar[int]
    user: str
    lifespan: int
    def __init__(self, user: _Optional[str] = ..., lifespan: _Optional[int] = ...) -> None: ...

class TokenReply(_message.Message):
    __slots__ = ("token",)
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    token: str
    def __init__(self, token: _Optional[str] = ...) -> None: ...

class ListLicenses(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class License(_message.Message):
    __slots__ = ("name", "total", "used", "reserved")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    RESERVED_FIELD_NUMBER: _ClassVar[int]
    name: str
    total: int
    used: int
    reserved: int
    def __init__(self, name: _Optional[str] = ..., total: _Optional[int] = ..., used: _Optional[int] = ..., reserved: _Optional[int] = ...) -> None: ...

class Licenses(_message.Message):
    __slots__ = ("licenses",)
    LICENSES_FIELD_NUMBER: _ClassVar[int]
    licenses: _containers.RepeatedCompositeFieldContainer[License]
    def __init__(self, licenses: _Optional[_Iterable[_Union[License, _Mapping]]] = ...) -> None: ...

class Statistics(_message.Message):
    __slots__ = ("reset",)
    RESET_FIELD_NUMBER: _ClassVar[int]
    reset: bool
    def __init__(self, reset: _Optional[bool] = ...) -> None: ...

class StatisticsReply(_message.Message):
    __slots__ = ("values", "diagnostics")
    VALUES_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[KeyValue]
    diagnostics: Diagnostics
    def __init__(self, values: _Optional[_Iterable[_Union[KeyValue, _Mapping]]] = ..., diagnostics: _Optional[_Union[Diagnostics, _Mapping]] = ...) -> None: ...

class AcctCall(_message.Message):
    __slots__ = ("op", "args", "events")
    OP_FIELD_NUMBER: _ClassVar[int]
    ARGS_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    op: str
    args: bytes
    events: _containers.RepeatedCompositeFieldContainer[AcctEvent]
    def __init__(self, op: _Optional[str] = ..., args: _Optional[bytes] = ..., events: _Optional[_Iterable[_Union[AcctEvent, _Mapping]]] = ...) -> None: ...

class AcctReply(_message.Message):
    __slots__ = ("result", "last_event")
    RESULT_FIELD_NUMBER: _ClassVar[int]
    LAST_EVENT_FIELD_NUMBER: _ClassVar[int]
    result: bytes
    last_event: int
    def __init__(self, result: _Optional[bytes] = ..., last_event: _Optional[int] = ...) -> None: ...

class AcctEvent(_message.Message):
    __slots__ = ("seq", "time", "kind", "job", "step", "node", "blob", "text", "reservation")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    BLOB_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    seq: int
    time: float
    kind: str
    job: JobRecord
    step: StepRecord
    node: NodeRecord
    blob: JobBlob
    text: str
    reservation: ReservationRecord
    def __init__(self, seq: _Optional[int] = ..., time: _Optional[float] = ..., kind: _Optional[str] = ..., job: _Optional[_Union[JobRecord, _Mapping]] = ..., step: _Optional[_Union[StepRecord, _Mapping]] = ..., node: _Optional[_Union[NodeRecord, _Mapping]] = ..., blob: _Optional[_Union[JobBlob, _Mapping]] = ..., text: _Optional[str] = ..., reservation: _Optional[_Union[ReservationRecord, _Mapping]] = ...) -> None: ...

class ListPriorityFactors(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PriorityFactors(_message.Message):
    __slots__ = ("jobs", "priority_type", "cluster", "weight_age", "weight_assoc", "weight_fairshare", "weight_job_size", "weight_partition", "weight_qos", "weight_tres")
    JOBS_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_TYPE_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_AGE_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_ASSOC_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FAIRSHARE_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_JOB_SIZE_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_PARTITION_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_QOS_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_TRES_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[JobPriority]
    priority_type: str
    cluster: str
    weight_age: int
    weight_assoc: int
    weight_fairshare: int
    weight_job_size: int
    weight_partition: int
    weight_qos: int
    weight_tres: str
    def __init__(self, jobs: _Optional[_Iterable[_Union[JobPriority, _Mapping]]] = ..., priority_type: _Optional[str] = ..., cluster: _Optional[str] = ..., weight_age: _Optional[int] = ..., weight_assoc: _Optional[int] = ..., weight_fairshare: _Optional[int] = ..., weight_job_size: _Optional[int] = ..., weight_partition: _Optional[int] = ..., weight_qos: _Optional[int] = ..., weight_tres: _Optional[str] = ...) -> None: ...

class JobPriority(_message.Message):
    __slots__ = ("job_id", "uid", "user", "account", "partition", "qos", "given", "age", "assoc", "fairshare", "job_size", "partition_part", "qos_part", "tres", "site", "nice")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    QOS_FIELD_NUMBER: _ClassVar[int]
    GIVEN_FIELD_NUMBER: _ClassVar[int]
    AGE_FIELD_NUMBER: _ClassVar[int]
    ASSOC_FIELD_NUMBER: _ClassVar[int]
    FAIRSHARE_FIELD_NUMBER: _ClassVar[int]
    JOB_SIZE_FIELD_NUMBER: _ClassVar[int]
    PARTITION_PART_FIELD_NUMBER: _ClassVar[int]
    QOS_PART_FIELD_NUMBER: _ClassVar[int]
    TRES_FIELD_NUMBER: _ClassVar[int]
    SITE_FIELD_NUMBER: _ClassVar[int]
    NICE_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    uid: int
    user: str
    account: str
    partition: str
    qos: str
    given: int
    age: float
    assoc: float
    fairshare: float
    job_size: float
    partition_part: float
    qos_part: float
    tres: _containers.RepeatedCompositeFieldContainer[TresPriority]
    site: int
    nice: int
    def __init__(self, job_id: _Optional[int] = ..., uid: _Optional[int] = ..., user: _Optional[str] = ..., account: _Optional[str] = ..., partition: _Optional[str] = ..., qos: _Optional[str] = ..., given: _Optional[int] = ..., age: _Optional[float] = ..., assoc: _Optional[float] = ..., fairshare: _Optional[float] = ..., job_size: _Optional[float] = ..., partition_part: _Optional[float] = ..., qos_part: _Optional[float] = ..., tres: _Optional[_Iterable[_Union[TresPriority, _Mapping]]] = ..., site: _Optional[int] = ..., nice: _Optional[int] = ...) -> None: ...

class TresPriority(_message.Message):
    __slots__ = ("name", "part", "weight")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    name: str
    part: float
    weight: float
    def __init__(self, name: _Optional[str] = ..., part: _Optional[float] = ..., weight: _Optional[float] = ...) -> None: ...

class Diagnostics(_message.Message):
    __slots__ = ("now", "since", "server_threads", "agent_queue", "agents", "agent_threads", "accounting_queue", "clock_latency", "submitted", "started", "completed", "cancelled", "failed", "pending", "running", "states_time", "main", "backfill", "backfilled", "backfilled_since", "backfilled_het", "by_type", "by_user")
    NOW_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    SERVER_THREADS_FIELD_NUMBER: _ClassVar[int]
    AGENT_QUEUE_FIELD_NUMBER: _ClassVar[int]
    AGENTS_FIELD_NUMBER: _ClassVar[int]
    AGENT_THREADS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTING_QUEUE_FIELD_NUMBER: _ClassVar[int]
    CLOCK_LATENCY_FIELD_NUMBER: _ClassVar[int]
    SUBMITTED_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    PENDING_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    STATES_TIME_FIELD_NUMBER: _ClassVar[int]
    MAIN_FIELD_NUMBER: _ClassVar[int]
    BACKFILL_FIELD_NUMBER: _ClassVar[int]
    BACKFILLED_FIELD_NUMBER: _ClassVar[int]
    BACKFILLED_SINCE_FIELD_NUMBER: _ClassVar[int]
    BACKFILLED_HET_FIELD_NUMBER: _ClassVar[int]
    BY_TYPE_FIELD_NUMBER: _ClassVar[int]
    BY_USER_FIELD_NUMBER: _ClassVar[int]
    now: float
    since: float
    server_threads: int
    agent_queue: int
    agents: int
    agent_threads: int
    accounting_queue: int
    clock_latency: int
    submitted: int
    started: int
    completed: int
    cancelled: int
    failed: int
    pending: int
    running: int
    states_time: float
    main: PassStatistics
    backfill: PassStatistics
    backfilled: int
    backfilled_since: int
    backfilled_het: int
    by_type: _containers.RepeatedCompositeFieldContainer[RpcCount]
    by_user: _containers.RepeatedCompositeFieldContainer[RpcCount]
    def __init__(self, now: _Optional[float] = ..., since: _Optional[float] = ..., server_threads: _Optional[int] = ..., agent_queue: _Optional[int] = ..., agents: _Optional[int] = ..., agent_threads: _Optional[int] = ..., accounting_queue: _Optional[int] = ..., clock_latency: _Optional[int] = ..., submitted: _Optional[int] = ..., started: _Optional[int] = ..., completed: _Optional[int] = ..., cancelled: _Optional[int] = ..., failed: _Optional[int] = ..., pending: _Optional[int] = ..., running: _Optional[int] = ..., states_time: _Optional[float] = ..., main: _Optional[_Union[PassStatistics, _Mapping]] = ..., backfill: _Optional[_Union[PassStatistics, _Mapping]] = ..., backfilled: _Optional[int] = ..., backfilled_since: _Optional[int] = ..., backfilled_het: _Optional[int] = ..., by_type: _Optional[_Iterable[_Union[RpcCount, _Mapping]]] = ..., by_user: _Optional[_Iterable[_Union[RpcCount, _Mapping]]] = ...) -> None: ...

class PassStatistics(_message.Message):
    __slots__ = ("cycles", "last", "max", "sum", "last_time", "last_depth", "depth_sum", "last_tried", "tried_sum", "last_queue", "queue_sum", "last_table", "table_sum", "ended_queue", "ended_plans")
    CYCLES_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    SUM_FIELD_NUMBER: _ClassVar[int]
    LAST_TIME_FIELD_NUMBER: _ClassVar[int]
    LAST_DEPTH_FIELD_NUMBER: _ClassVar[int]
    DEPTH_SUM_FIELD_NUMBER: _ClassVar[int]
    LAST_TRIED_FIELD_NUMBER: _ClassVar[int]
    TRIED_SUM_FIELD_NUMBER: _ClassVar[int]
    LAST_QUEUE_FIELD_NUMBER: _ClassVar[int]
    QUEUE_SUM_FIELD_NUMBER: _ClassVar[int]
    LAST_TABLE_FIELD_NUMBER: _ClassVar[int]
    TABLE_SUM_FIELD_NUMBER: _ClassVar[int]
    ENDED_QUEUE_FIELD_NUMBER: _ClassVar[int]
    ENDED_PLANS_FIELD_NUMBER: _ClassVar[int]
    cycles: int
    last: int
    max: int
    sum: int
    last_time: float
    last_depth: int
    depth_sum: int
    last_tried: int
    tried_sum: int
    last_queue: int
    queue_sum: int
    last_table: int
    table_sum: int
    ended_queue: int
    ended_plans: int
    def __init__(self, cycles: _Optional[int] = ..., last: _Optional[int] = ..., max: _Optional[int] = ..., sum: _Optional[int] = ..., last_time: _Optional[float] = ..., last_depth: _Optional[int] = ..., depth_sum: _Optional[int] = ..., last_tried: _Optional[int] = ..., tried_sum: _Optional[int] = ..., last_queue: _Optional[int] = ..., queue_sum: _Optional[int] = ..., last_table: _Optional[int] = ..., table_sum: _Optional[int] = ..., ended_queue: _Optional[int] = ..., ended_plans: _Optional[int] = ...) -> None: ...

class RpcCount(_message.Message):
    __slots__ = ("id", "name", "count", "time")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    count: int
    time: int
    def __init__(self, id: _Optional[int] = ..., name: _Optional[str] = ..., count: _Optional[int] = ..., time: _Optional[int] = ...) -> None: ...

class ShareInfo(_message.Message):
    __slots__ = ("accounts", "users")
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    USERS_FIELD_NUMBER: _ClassVar[int]
    accounts: _containers.RepeatedScalarFieldContainer[str]
    users: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, accounts: _Optional[_Iterable[str]] = ..., users: _Optional[_Iterable[str]] = ...) -> None: ...

class Shares(_message.Message):
    __slots__ = ("shares", "tres_names", "fair_tree", "cluster")
    SHARES_FIELD_NUMBER: _ClassVar[int]
    TRES_NAMES_FIELD_NUMBER: _ClassVar[int]
    FAIR_TREE_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_FIELD_NUMBER: _ClassVar[int]
    shares: _containers.RepeatedCompositeFieldContainer[Share]
    tres_names: _containers.RepeatedScalarFieldContainer[str]
    fair_tree: bool
    cluster: str
    def __init__(self, shares: _Optional[_Iterable[_Union[Share, _Mapping]]] = ..., tres_names: _Optional[_Iterable[str]] = ..., fair_tree: _Optional[bool] = ..., cluster: _Optional[str] = ...) -> None: ...

class Share(_message.Message):
    __slots__ = ("assoc_id", "account", "user", "parent", "partition", "shares_raw", "parent_shares", "shares_norm", "usage_raw", "usage_norm", "usage_efctv", "factor", "level_fs", "tres_limit", "tres_run", "tres_used")
    class TresLimitEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class TresRunEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class TresUsedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    ASSOC_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    SHARES_RAW_FIELD_NUMBER: _ClassVar[int]
    PARENT_SHARES_FIELD_NUMBER: _ClassVar[int]
    SHARES_NORM_FIELD_NUMBER: _ClassVar[int]
    USAGE_RAW_FIELD_NUMBER: _ClassVar[int]
    USAGE_NORM_FIELD_NUMBER: _ClassVar[int]
    USAGE_EFCTV_FIELD_NUMBER: _ClassVar[int]
    FACTOR_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FS_FIELD_NUMBER: _ClassVar[int]
    TRES_LIMIT_FIELD_NUMBER: _ClassVar[int]
    TRES_RUN_FIELD_NUMBER: _ClassVar[int]
    TRES_USED_FIELD_NUMBER: _ClassVar[int]
    assoc_id: int
    account: str
    user: str
    parent: str
    partition: str
    shares_raw: int
    parent_shares: bool
    shares_norm: float
    usage_raw: float
    usage_norm: float
    usage_efctv: float
    factor: float
    level_fs: float
    tres_limit: _containers.ScalarMap[str, int]
    tres_run: _containers.ScalarMap[str, float]
    tres_used: _containers.ScalarMap[str, float]
    def __init__(self, assoc_id: _Optional[int] = ..., account: _Optional[str] = ..., user: _Optional[str] = ..., parent: _Optional[str] = ..., partition: _Optional[str] = ..., shares_raw: _Optional[int] = ..., parent_shares: _Optional[bool] = ..., shares_norm: _Optional[float] = ..., usage_raw: _Optional[float] = ..., usage_norm: _Optional[float] = ..., usage_efctv: _Optional[float] = ..., factor: _Optional[float] = ..., level_fs: _Optional[float] = ..., tres_limit: _Optional[_Mapping[str, int]] = ..., tres_run: _Optional[_Mapping[str, float]] = ..., tres_used: _Optional[_Mapping[str, float]] = ...) -> None: ...

class TriggerRecord(_message.Message):
    __slots__ = ("id", "res_type", "res_id", "type", "offset", "uid", "gid", "user", "program", "permanent")
    ID_FIELD_NUMBER: _ClassVar[int]
    RES_TYPE_FIELD_NUMBER: _ClassVar[int]
    RES_ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    GID_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    PROGRAM_FIELD_NUMBER: _ClassVar[int]
    PERMANENT_FIELD_NUMBER: _ClassVar[int]
    id: int
    res_type: str
    res_id: str
    type: str
    offset: int
    uid: int
    gid: int
    user: str
    program: str
    permanent: bool
    def __init__(self, id: _Optional[int] = ..., res_type: _Optional[str] = ..., res_id: _Optional[str] = ..., type: _Optional[str] = ..., offset: _Optional[int] = ..., uid: _Optional[int] = ..., gid: _Optional[int] = ..., user: _Optional[str] = ..., program: _Optional[str] = ..., permanent: _Optional[bool] = ...) -> None: ...

class ListTriggers(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Triggers(_message.Message):
    __slots__ = ("triggers",)
    TRIGGERS_FIELD_NUMBER: _ClassVar[int]
    triggers: _containers.RepeatedCompositeFieldContainer[TriggerRecord]
    def __init__(self, triggers: _Optional[_Iterable[_Union[TriggerRecord, _Mapping]]] = ...) -> None: ...

class ClearTrigger(_message.Message):
    __slots__ = ("id", "job_id", "uid")
    ID_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    id: int
    job_id: int
    uid: int
    def __init__(self, id: _Optional[int] = ..., job_id: _Optional[int] = ..., uid: _Optional[int] = ...) -> None: ...

class SetLevel(_message.Message):
    __slots__ = ("what", "value")
    WHAT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    what: str
    value: str
    def __init__(self, what: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class ListTopology(_message.Message):
    __slots__ = ("node",)
    NODE_FIELD_NUMBER: _ClassVar[int]
    node: str
    def __init__(self, node: _Optional[str] = ...) -> None: ...

class TopologyReply(_message.Message):
    __slots__ = ("switches",)
    SWITCHES_FIELD_NUMBER: _ClassVar[int]
    switches: _containers.RepeatedCompositeFieldContainer[Switch]
    def __init__(self, switches: _Optional[_Iterable[_Union[Switch, _Mapping]]] = ...) -> None: ...

class Switch(_message.Message):
    __slots__ = ("name", "level", "link_speed", "nodes", "switches")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    LINK_SPEED_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    SWITCHES_FIELD_NUMBER: _ClassVar[int]
    name: str
    level: int
    link_speed: int
    nodes: str
    switches: str
    def __init__(self, name: _Optional[str] = ..., level: _Optional[int] = ..., link_speed: _Optional[int] = ..., nodes: _Optional[str] = ..., switches: _Optional[str] = ...) -> None: ...

class Explain(_message.Message):
    __slots__ = ("job_id",)
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    def __init__(self, job_id: _Optional[int] = ...) -> None: ...

class Explanations(_message.Message):
    __slots__ = ("jobs", "now", "cluster")
    JOBS_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[Explanation]
    now: float
    cluster: str
    def __init__(self, jobs: _Optional[_Iterable[_Union[Explanation, _Mapping]]] = ..., now: _Optional[float] = ..., cluster: _Optional[str] = ...) -> None: ...

class Explanation(_message.Message):
    __slots__ = ("job", "reason", "text", "because", "ahead", "start", "start_nodes", "nodes_needed", "partitions", "remedies")
    JOB_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    BECAUSE_FIELD_NUMBER: _ClassVar[int]
    AHEAD_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    START_NODES_FIELD_NUMBER: _ClassVar[int]
    NODES_NEEDED_FIELD_NUMBER: _ClassVar[int]
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    REMEDIES_FIELD_NUMBER: _ClassVar[int]
    job: JobRecord
    reason: str
    text: str
    because: _containers.RepeatedScalarFieldContainer[str]
    ahead: int
    start: float
    start_nodes: str
    nodes_needed: int
    partitions: _containers.RepeatedCompositeFieldContainer[PartitionView]
    remedies: _containers.RepeatedCompositeFieldContainer[Remedy]
    def __init__(self, job: _Optional[_Union[JobRecord, _Mapping]] = ..., reason: _Optional[str] = ..., text: _Optional[str] = ..., because: _Optional[_Iterable[str]] = ..., ahead: _Optional[int] = ..., start: _Optional[float] = ..., start_nodes: _Optional[str] = ..., nodes_needed: _Optional[int] = ..., partitions: _Optional[_Iterable[_Union[PartitionView, _Mapping]]] = ..., remedies: _Optional[_Iterable[_Union[Remedy, _Mapping]]] = ...) -> None: ...

class PartitionView(_message.Message):
    __slots__ = ("name", "groups")
    NAME_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    name: str
    groups: _containers.RepeatedCompositeFieldContainer[NodeGroup]
    def __init__(self, name: _Optional[str] = ..., groups: _Optional[_Iterable[_Union[NodeGroup, _Mapping]]] = ...) -> None: ...

class NodeGroup(_message.Message):
    __slots__ = ("cause", "nodes", "count", "text")
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    cause: str
    nodes: str
    count: int
    text: str
    def __init__(self, cause: _Optional[str] = ..., nodes: _Optional[str] = ..., count: _Optional[int] = ..., text: _Optional[str] = ...) -> None: ...

class Remedy(_message.Message):
    __slots__ = ("option", "value", "command")
    OPTION_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    option: str
    value: str
    command: str
    def __init__(self, option: _Optional[str] = ..., value: _Optional[str] = ..., command: _Optional[str] = ...) -> None: ...

class AssocInfo(_message.Message):
    __slots__ = ("users", "accounts", "qos")
    USERS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    QOS_FIELD_NUMBER: _ClassVar[int]
    users: _containers.RepeatedScalarFieldContainer[str]
    accounts: _containers.RepeatedScalarFieldContainer[str]
    qos: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, users: _Optional[_Iterable[str]] = ..., accounts: _Optional[_Iterable[str]] = ..., qos: _Optional[_Iterable[str]] = ...) -> None: ...

class AssocRecords(_message.Message):
    __slots__ = ("users", "associations", "qos", "tres_names", "cluster")
    USERS_FIELD_NUMBER: _ClassVar[int]
    ASSOCIATIONS_FIELD_NUMBER: _ClassVar[int]
    QOS_FIELD_NUMBER: _ClassVar[int]
    TRES_NAMES_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_FIELD_NUMBER: _ClassVar[int]
    users: _containers.RepeatedCompositeFieldContainer[AccountUser]
    associations: _containers.RepeatedCompositeFieldContainer[AssocRecord]
    qos: _containers.RepeatedCompositeFieldContainer[QosRecord]
    tres_names: _containers.RepeatedScalarFieldContainer[str]
    cluster: str
    def __init__(self, users: _Optional[_Iterable[_Union[AccountUser, _Mapping]]] = ..., associations: _Optional[_Iterable[_Union[AssocRecord, _Mapping]]] = ..., qos: _Optional[_Iterable[_Union[QosRecord, _Mapping]]] = ..., tres_names: _Optional[_Iterable[str]] = ..., cluster: _Optional[str] = ...) -> None: ...

class AccountUser(_message.Message):
    __slots__ = ("name", "default_account", "default_wckey", "admin_level")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_WCKEY_FIELD_NUMBER: _ClassVar[int]
    ADMIN_LEVEL_FIELD_NUMBER: _ClassVar[int]
    name: str
    default_account: str
    default_wckey: str
    admin_level: str
    def __init__(self, name: _Optional[str] = ..., default_account: _Optional[str] = ..., default_wckey: _Optional[str] = ..., admin_level: _Optional[str] = ...) -> None: ...

class AssocRecord(_message.Message):
    __slots__ = ("share", "level_shares", "lineage", "is_default", "priority", "parent_id", "comment", "limits", "held", "wall")
    class LimitsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    SHARE_FIELD_NUMBER: _ClassVar[int]
    LEVEL_SHARES_FIELD_NUMBER: _ClassVar[int]
    LINEAGE_FIELD_NUMBER: _ClassVar[int]
    IS_DEFAULT_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    PARENT_ID_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    WALL_FIELD_NUMBER: _ClassVar[int]
    share: Share
    level_shares: int
    lineage: str
    is_default: bool
    priority: int
    parent_id: int
    comment: str
    limits: _containers.ScalarMap[str, float]
    held: Holding
    wall: float
    def __init__(self, share: _Optional[_Union[Share, _Mapping]] = ..., level_shares: _Optional[int] = ..., lineage: _Optional[str] = ..., is_default: _Optional[bool] = ..., priority: _Optional[int] = ..., parent_id: _Optional[int] = ..., comment: _Optional[str] = ..., limits: _Optional[_Mapping[str, float]] = ..., held: _Optional[_Union[Holding, _Mapping]] = ..., wall: _Optional[float] = ...) -> None: ...

class QosRecord(_message.Message):
    __slots__ = ("id", "name", "priority", "preempt_mode", "limits", "held", "accounts", "users", "usage_raw", "wall", "tres_used")
    class LimitsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class TresUsedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    PREEMPT_MODE_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    USERS_FIELD_NUMBER: _ClassVar[int]
    USAGE_RAW_FIELD_NUMBER: _ClassVar[int]
    WALL_FIELD_NUMBER: _ClassVar[int]
    TRES_USED_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    priority: int
    preempt_mode: str
    limits: _containers.ScalarMap[str, float]
    held: Holding
    accounts: _containers.RepeatedCompositeFieldContainer[Holding]
    users: _containers.RepeatedCompositeFieldContainer[Holding]
    usage_raw: float
    wall: float
    tres_used: _containers.ScalarMap[str, float]
    def __init__(self, id: _Optional[int] = ..., name: _Optional[str] = ..., priority: _Optional[int] = ..., preempt_mode: _Optional[str] = ..., limits: _Optional[_Mapping[str, float]] = ..., held: _Optional[_Union[Holding, _Mapping]] = ..., accounts: _Optional[_Iterable[_Union[Holding, _Mapping]]] = ..., users: _Optional[_Iterable[_Union[Holding, _Mapping]]] = ..., usage_raw: _Optional[float] = ..., wall: _Optional[float] = ..., tres_used: _Optional[_Mapping[str, float]] = ...) -> None: ...

class Holding(_message.Message):
    __slots__ = ("name", "running", "submitted", "accruing", "tres", "tres_run")
    class TresEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class TresRunEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    SUBMITTED_FIELD_NUMBER: _ClassVar[int]
    ACCRUING_FIELD_NUMBER: _ClassVar[int]
    TRES_FIELD_NUMBER: _ClassVar[int]
    TRES_RUN_FIELD_NUMBER: _ClassVar[int]
    name: str
    running: int
    submitted: int
    accruing: int
    tres: _containers.ScalarMap[str, int]
    tres_run: _containers.ScalarMap[str, float]
    def __init__(self, name: _Optional[str] = ..., running: _Optional[int] = ..., submitted: _Optional[int] = ..., accruing: _Optional[int] = ..., tres: _Optional[_Mapping[str, int]] = ..., tres_run: _Optional[_Mapping[str, float]] = ...) -> None: ...

class AssocUsage(_message.Message):
    __slots__ = ("assoc_id", "at", "billing", "wall", "tres")
    class TresEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: float
        def __init__(self, key: _Optional[int] = ..., value: _Optional[float] = ...) -> None: ...
    ASSOC_ID_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    BILLING_FIELD_NUMBER: _ClassVar[int]
    WALL_FIELD_NUMBER: _ClassVar[int]
    TRES_FIELD_NUMBER: _ClassVar[int]
    assoc_id: int
    at: float
    billing: float
    wall: float
    tres: _containers.ScalarMap[int, float]
    def __init__(self, assoc_id: _Optional[int] = ..., at: _Optional[float] = ..., billing: _Optional[float] = ..., wall: _Optional[float] = ..., tres: _Optional[_Mapping[int, float]] = ...) -> None: ...

class MpiGather(_message.Message):
    __slots__ = ("name", "nodes", "data")
    NAME_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    name: str
    nodes: _containers.RepeatedScalarFieldContainer[int]
    data: bytes
    def __init__(self, name: _Optional[str] = ..., nodes: _Optional[_Iterable[int]] = ..., data: _Optional[bytes] = ...) -> None: ...

class MpiGathered(_message.Message):
    __slots__ = ("name", "parts", "failed")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    name: str
    parts: _containers.RepeatedScalarFieldContainer[bytes]
    failed: bool
    def __init__(self, name: _Optional[str] = ..., parts: _Optional[_Iterable[bytes]] = ..., failed: _Optional[bool] = ...) -> None: ...

class MpiRelay(_message.Message):
    __slots__ = ("node", "data")
    NODE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    node: int
    data: bytes
    def __init__(self, node: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...

class MpiPairs(_message.Message):
    __slots__ = ("pairs",)
    PAIRS_FIELD_NUMBER: _ClassVar[int]
    pairs: _containers.RepeatedCompositeFieldContainer[MpiPair]
    def __init__(self, pairs: _Optional[_Iterable[_Union[MpiPair, _Mapping]]] = ...) -> None: ...

class MpiPair(_message.Message):
    __slots__ = ("key", "value")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    value: bytes
    def __init__(self, key: _Optional[bytes] = ..., value: _Optional[bytes] = ...) -> None: ...

class PmixReady(_message.Message):
    __slots__ = ("tasks", "error")
    TASKS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[PmixTask]
    error: str
    def __init__(self, tasks: _Optional[_Iterable[_Union[PmixTask, _Mapping]]] = ..., error: _Optional[str] = ...) -> None: ...

class PmixTask(_message.Message):
    __slots__ = ("env",)
    ENV_FIELD_NUMBER: _ClassVar[int]
    env: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, env: _Optional[_Iterable[bytes]] = ...) -> None: ...

class PmixModex(_message.Message):
    __slots__ = ("request", "answer", "rank", "status", "data")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    request: int
    answer: bool
    rank: int
    status: int
    data: bytes
    def __init__(self, request: _Optional[int] = ..., answer: _Optional[bool] = ..., rank: _Optional[int] = ..., status: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...

class FileOpen(_message.Message):
    __slots__ = ("job_id", "step_id", "het_offset", "path", "library", "mode", "force", "preserve", "atime_ns", "mtime_ns", "size", "fanout", "timeout", "transfer", "uid", "gid", "user", "node", "context")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    HET_OFFSET_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    LIBRARY_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    PRESERVE_FIELD_NUMBER: _ClassVar[int]
    ATIME_NS_FIELD_NUMBER: _ClassVar[int]
    MTIME_NS_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    FANOUT_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    GID_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    step_id: int
    het_offset: int
    path: bytes
    library: bytes
    mode: int
    force: bool
    preserve: bool
    atime_ns: int
    mtime_ns: int
    size: int
    fanout: int
    timeout: int
    transfer: int
    uid: int
    gid: int
    user: str
    node: str
    context: StepLaunch
    def __init__(self, job_id: _Optional[int] = ..., step_id: _Optional[int] = ..., het_offset: _Optional[int] = ..., path: _Optional[bytes] = ..., library: _Optional[bytes] = ..., mode: _Optional[int] = ..., force: _Optional[bool] = ..., preserve: _Optional[bool] = ..., atime_ns: _Optional[int] = ..., mtime_ns: _Optional[int] = ..., size: _Optional[int] = ..., fanout: _Optional[int] = ..., timeout: _Optional[int] = ..., transfer: _Optional[int] = ..., uid: _Optional[int] = ..., gid: _Optional[int] = ..., user: _Optional[str] = ..., node: _Optional[str] = ..., context: _Optional[_Union[StepLaunch, _Mapping]] = ...) -> None: ...

class FileBlock(_message.Message):
    __slots__ = ("transfer", "offset", "data", "inflated")
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    INFLATED_FIELD_NUMBER: _ClassVar[int]
    transfer: int
    offset: int
    data: bytes
    inflated: int
    def __init__(self, transfer: _Optional[int] = ..., offset: _Optional[int] = ..., data: _Optional[bytes] = ..., inflated: _Optional[int] = ...) -> None: ...

class FileEnd(_message.Message):
    __slots__ = ("transfer", "whole")
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    WHOLE_FIELD_NUMBER: _ClassVar[int]
    transfer: int
    whole: bool
    def __init__(self, transfer: _Optional[int] = ..., whole: _Optional[bool] = ...) -> None: ...

class FileReply(_message.Message):
    __slots__ = ("transfer", "results", "node_list")
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    NODE_LIST_FIELD_NUMBER: _ClassVar[int]
    transfer: int
    results: _containers.RepeatedCompositeFieldContainer[FileResult]
    node_list: str
    def __init__(self, transfer: _Optional[int] = ..., results: _Optional[_Iterable[_Union[FileResult, _Mapping]]] = ..., node_list: _Optional[str] = ...) -> None: ...

class FileResult(_message.Message):
    __slots__ = ("node", "error", "text")
    NODE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    node: str
    error: int
    text: str
    def __init__(self, node: _Optional[str] = ..., error: _Optional[int] = ..., text: _Optional[str] = ...) -> None: ...

class StartStep(_message.Message):
    __slots__ = ("job_id", "step_id", "program", "libraries_sent")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    PROGRAM_FIELD_NUMBER: _ClassVar[int]
    LIBRARIES_SENT_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    step_id: int
    program: str
    libraries_sent: bool
    def __init__(self, job_id: _Optional[int] = ..., step_id: _Optional[int] = ..., program: _Optional[str] = ..., libraries_sent: _Optional[bool] = ...) -> None: ...

class Crontab(_message.Message):
    __slots__ = ("uid", "text", "disabled")
    UID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    DISABLED_FIELD_NUMBER: _ClassVar[int]
    uid: int
    text: bytes
    disabled: _containers.RepeatedCompositeFieldContainer[LineRange]
    def __init__(self, uid: _Optional[int] = ..., text: _Optional[bytes] = ..., disabled: _Optional[_Iterable[_Union[LineRange, _Mapping]]] = ...) -> None: ...

class LineRange(_message.Message):
    __slots__ = ("first", "last")
    FIRST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    first: int
    last: int
    def __init__(self, first: _Optional[int] = ..., last: _Optional[int] = ...) -> None: ...

class UpdateCrontab(_message.Message):
    __slots__ = ("uid", "text", "jobs", "remove")
    UID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    JOBS_FIELD_NUMBER: _ClassVar[int]
    REMOVE_FIELD_NUMBER: _ClassVar[int]
    uid: int
    text: bytes
    jobs: _containers.RepeatedCompositeFieldContainer[JobSpec]
    remove: bool
    def __init__(self, uid: _Optional[int] = ..., text: _Optional[bytes] = ..., jobs: _Optional[_Iterable[_Union[JobSpec, _Mapping]]] = ..., remove: _Optional[bool] = ...) -> None: ...

class GetCrontab(_message.Message):
    __slots__ = ("uid",)
    UID_FIELD_NUMBER: _ClassVar[int]
    uid: int
    def __init__(self, uid: _Optional[int] = ...) -> None: ...

class CrontabReply(_message.Message):
    __slots__ = ("crontab", "job_ids", "failed", "rc", "error", "message")
    CRONTAB_FIELD_NUMBER: _ClassVar[int]
    JOB_IDS_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    RC_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    crontab: Crontab
    job_ids: _containers.RepeatedScalarFieldContainer[int]
    failed: LineRange
    rc: int
    error: str
    message: str
    def __init__(self, crontab: _Optional[_Union[Crontab, _Mapping]] = ..., job_ids: _Optional[_Iterable[int]] = ..., failed: _Optional[_Union[LineRange, _Mapping]] = ..., rc: _Optional[int] = ..., error: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...
