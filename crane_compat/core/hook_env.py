"""The environment of the site's own programs: prologs, epilogs, mail programs.

Source: slurm.conf(5) and the prolog and epilog guide; which variables are there for which program, and what those
hold that no page describes, is as recorded.
"""

from __future__ import annotations

from crane_compat.core import states as st
from crane_compat.core.job_env import GPU_VARIABLES, array_variables, compress_counts
from crane_compat.core.job_text import over_subscribe, sluid
from crane_compat.wire import pb


def exit_pair(status: int) -> str:
    """A wait status as ``exit code:signal``."""
    return f"{status >> 8 & 0xFF}:{status & 0x7F}"


def job_variables(job: pb.JobRecord, cluster: str) -> dict[str, str]:
    """What every program is told of a job."""
    spec = job.spec
    values = {
        "SLURM_CLUSTER_NAME": cluster,
        "SLURM_JOBID": str(job.job_id),
        "SLURM_JOB_END_TIME": str(int(job.end_time)),
        "SLURM_JOB_GID": str(job.gid),
        "SLURM_JOB_ID": str(job.job_id),
        "SLURM_JOB_NODELIST": job.node_list or "(null)",
        "SLURM_JOB_OVERSUBSCRIBE": over_subscribe(job),
        "SLURM_JOB_PARTITION": job.partition,
        "SLURM_JOB_RESTART_COUNT": str(job.restarts),
        "SLURM_JOB_SLUID": sluid(job),
        "SLURM_JOB_START_TIME": str(int(job.start_time)),
        "SLURM_JOB_UID": str(job.uid),
        "SLURM_JOB_USER": job.user,
        "SLURM_JOB_WORK_DIR": spec.work_dir,
    }
    if job.nodes:
        values["SLURM_JOB_CPUS_PER_NODE"] = compress_counts([node.cpus for node in job.nodes])
        values["SLURM_JOB_NUM_NODES"] = str(len(job.nodes))
    if st.is_finished(job.state):
        values["SLURM_JOB_DERIVED_EC"] = str(job.derived_exit_code)
        values["SLURM_JOB_EXIT_CODE"] = str(job.exit_code)
        values["SLURM_JOB_EXIT_CODE2"] = exit_pair(job.exit_code)
    given = {
        "SLURM_JOB_ACCOUNT": job.account,
        "SLURM_JOB_COMMENT": spec.comment,
        "SLURM_JOB_CONSTRAINTS": spec.features,
        "SLURM_JOB_EXTRA": spec.extra,
        "SLURM_JOB_LICENSES": spec.licenses,
        "SLURM_JOB_RESERVATION": spec.reservation,
        "SLURM_JOB_STDERR": job.std_err,
        "SLURM_JOB_STDIN": job.std_in,
        "SLURM_JOB_STDOUT": job.std_out,
        "SLURM_WCKEY": job.wckey,
    }
    return values | {name: value for name, value in given.items() if value}


def controller_variables(job: pb.JobRecord, cluster: str) -> dict[str, str]:
    """The same with what the controller's programs (PrologSlurmctld, EpilogSlurmctld, MailProg) get besides."""
    values = job_variables(job, cluster) | {
        "SLURM_JOB_GROUP": job.group,
        "SLURM_JOB_NAME": job.spec.name,
        "SLURM_JOB_QOS": job.qos,
    }
    values |= array_variables(job)
    if job.het_job_id:
        values |= {"SLURM_HET_JOB_ID": str(job.het_job_id), "SLURM_HET_JOB_OFFSET": str(job.het_offset)}
    return values


def node_variables(job: pb.JobRecord, cluster: str, conf_file: str, node: str) -> dict[str, str]:
    """The same with what Prolog and Epilog on a node get besides."""
    spec = job.spec
    values = job_variables(job, cluster) | {
        "SLURMD_NODENAME": node,
        "SLURM_CONF": conf_file,
        "SLURM_JOB_CORE_SPEC_COUNT": str(spec.core_spec or spec.thread_spec),
        "SLURM_JOB_CORE_SPEC_TYPE": "threads" if spec.HasField("thread_spec") else "cores",
        "SLURM_NODELIST": job.node_list,
        "SLURM_UID": str(job.uid),
    }
    if spec.HasField("num_tasks"):
        values["SLURM_JOB_NTASKS"] = str(spec.num_tasks)
    alloc = next((each for each in job.nodes if each.node == node), pb.NodeAlloc())
    if devices := ",".join(str(index) for gres in alloc.gres if gres.name == "gpu" for index in gres.index):
        values |= dict.fromkeys(("SLURM_JOB_GPUS", *GPU_VARIABLES), devices)
    return values
