"""Our requests under the names and numbers that Slurm's messages have (sdiag(1), "RPC statistics").

Numbers as sdiag of Slurm 25.11 prints them; sites' monitoring looks for the names.
"""

from __future__ import annotations

from collections.abc import Callable

from crane_compat.wire import pb

NAMES: dict[int, str] = {
    1002: "MESSAGE_NODE_REGISTRATION_STATUS",
    1003: "REQUEST_RECONFIGURE",
    1005: "REQUEST_SHUTDOWN",
    1008: "REQUEST_PING",
    1016: "RESPONSE_PING_SLURMD",
    1018: "RESPONSE_ACCT_GATHER_UPDATE",
    1021: "REQUEST_LICENSE_INFO",
    2001: "REQUEST_BUILD_INFO",
    2003: "REQUEST_JOB_INFO",
    2005: "REQUEST_JOB_STEP_INFO",
    2007: "REQUEST_NODE_INFO",
    2009: "REQUEST_PARTITION_INFO",
    2021: "REQUEST_JOB_INFO_SINGLE",
    2022: "REQUEST_SHARE_INFO",
    2024: "REQUEST_RESERVATION_INFO",
    2026: "REQUEST_PRIORITY_FACTORS",
    2035: "REQUEST_STATS_INFO",
    2039: "REQUEST_JOB_USER_INFO",
    2040: "REQUEST_NODE_INFO_SINGLE",
    2043: "REQUEST_ASSOC_MGR_INFO",
    2051: "REQUEST_BATCH_SCRIPT",
    2200: "REQUEST_CRONTAB",
    2202: "REQUEST_UPDATE_CRONTAB",
    3001: "REQUEST_UPDATE_JOB",
    3002: "REQUEST_UPDATE_NODE",
    3003: "REQUEST_CREATE_PARTITION",
    3004: "REQUEST_DELETE_PARTITION",
    3005: "REQUEST_UPDATE_PARTITION",
    3006: "REQUEST_CREATE_RESERVATION",
    3008: "REQUEST_DELETE_RESERVATION",
    3009: "REQUEST_UPDATE_RESERVATION",
    3014: "REQUEST_DELETE_NODE",
    3015: "REQUEST_CREATE_NODE",
    4001: "REQUEST_RESOURCE_ALLOCATION",
    4003: "REQUEST_SUBMIT_BATCH_JOB",
    4012: "REQUEST_JOB_WILL_RUN",
    4019: "REQUEST_JOB_READY",
    4023: "REQUEST_JOB_SBCAST_CRED",
    4025: "REQUEST_HET_JOB_ALLOCATION",
    4028: "REQUEST_SUBMIT_BATCH_HET_JOB",
    5001: "REQUEST_JOB_STEP_CREATE",
    5005: "REQUEST_CANCEL_JOB_STEP",
    5014: "REQUEST_SUSPEND",
    5016: "REQUEST_STEP_COMPLETE",
    5017: "REQUEST_COMPLETE_JOB_ALLOCATION",
    5018: "REQUEST_COMPLETE_BATCH_SCRIPT",
    5021: "REQUEST_STEP_LAYOUT",
    5023: "REQUEST_JOB_REQUEUE",
    5032: "REQUEST_KILL_JOB",
    5038: "REQUEST_TOP_JOB",
    5039: "REQUEST_AUTH_TOKEN",
    5041: "REQUEST_KILL_JOBS",
    6002: "RESPONSE_LAUNCH_TASKS",
    6003: "MESSAGE_TASK_EXIT",
    6004: "REQUEST_SIGNAL_TASKS",
    6012: "MESSAGE_EPILOG_COMPLETE",
}

#: requests that are always the same message
_PLAIN: dict[str, int] = {
    "ping": 1008, "watch": 4019, "list_partitions": 2009, "list_reservations": 2024, "list_steps": 2005,
    "list_licenses": 1021, "get_config": 2001, "get_blob": 2051, "statistics": 2035, "update_job": 3001,
    "create_step": 5001, "attach_step": 5021, "end_step": 5005, "complete_job": 5017, "reconfigure": 1003,
    "shutdown": 1005, "token": 5039, "signal_step": 6004, "priority_factors": 2026, "share_info": 2022,
    "assoc_info": 2043, "list_topology": 2018, "file_open": 4023, "get_crontab": 2200, "update_crontab": 2202,
}  # fmt: skip

_NODE: dict[str, int] = {
    "register": 1002, "started": 6002, "exits": 6003, "terminated": 6012, "load": 1016, "usage": 1018,
}  # fmt: skip

_JOB_OPS: dict[str, int] = {"suspend": 5014, "resume": 5014, "requeue": 5023, "requeuehold": 5023, "top": 5038}


def _submit(request: pb.Request) -> int:
    body = request.submit
    if body.test_only:
        return 4012
    batch = bool(body.specs) and body.specs[0].batch
    if len(body.specs) > 1:
        return 4028 if batch else 4025
    return 4003 if batch else 4001


def _list_jobs(request: pb.Request) -> int:
    body = request.list_jobs
    if len(body.job_ids) == 1:
        return 2021
    return 2039 if len(body.uids) == 1 and not body.job_ids else 2003


def _cancel(request: pb.Request) -> int:
    ids = request.cancel.ids
    if len(ids) != 1:
        return 5041
    return 5005 if "." in ids[0] else 5032


def _update_node(request: pb.Request) -> int:
    return {"create": 3015, "delete": 3014}.get(request.update_node.op, 3002)


def _update_partition(request: pb.Request) -> int:
    return {"create": 3003, "delete": 3004}.get(request.update_partition.op, 3005)


def _update_reservation(request: pb.Request) -> int:
    return {"create": 3006, "delete": 3008}.get(request.update_reservation.op, 3009)


def _node_up(request: pb.Request) -> int:
    message = request.node_up
    kind = message.WhichOneof("msg") or ""
    if kind == "done":
        return 5018 if message.done.step_id < 0 else 5016
    return _NODE.get(kind, 0)


#: requests that stand for several of Slurm's messages
_BY_CONTENT: dict[str, Callable[[pb.Request], int]] = {
    "submit": _submit,
    "list_jobs": _list_jobs,
    "list_nodes": lambda request: 2040 if len(request.list_nodes.names) == 1 else 2007,
    "cancel": _cancel,
    "job_op": lambda request: _JOB_OPS.get(request.job_op.op, 3001),
    "update_node": _update_node,
    "update_partition": _update_partition,
    "update_reservation": _update_reservation,
    "node_up": _node_up,
}


def type_of(name: str, request: pb.Request) -> int:
    """The message's number; 0 for one that Slurm has nothing like."""
    content = _BY_CONTENT.get(name)
    return content(request) if content is not None else _PLAIN.get(name, 0)
