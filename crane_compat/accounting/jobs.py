"""Job and step records out of the database: what sacct, seff and sreport ask for.

`select_jobs` takes a `Filter` and gives rows with the names the commands print;
it knows slurmdbd's rules for time windows, states, duplicates and order.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crane_compat.core import states

from .rows import expand
from .schema import NO_VAL, Schema


@dataclass(slots=True)
class Filter:
    """What to select; empty means "any".  Times are Unix seconds, 0 = open."""

    #: [job id, array task or None, het offset or None]
    jobs: list[list[int | None]] = field(default_factory=list)
    start: int = 0
    end: int = 0
    states: list[int] = field(default_factory=list)
    users: list[int] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    accounts: list[str] = field(default_factory=list)
    associations: list[int] = field(default_factory=list)
    partitions: list[str] = field(default_factory=list)
    qos: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    wckeys: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    reasons: list[int] = field(default_factory=list)
    nodes: str = ""
    node_range: list[int] = field(default_factory=list)  # [min, max]
    cpu_range: list[int] = field(default_factory=list)
    limit_range: list[int] = field(default_factory=list)  # minutes
    duplicates: bool = False
    steps: bool = True
    script: bool = False
    env: bool = False
    whole_het: bool | None = None

    @classmethod
    def of(cls, args: dict[str, Any]) -> Filter:
        """From a request's arguments; unknown ones are ignored (a newer client)."""
        known = {f.name for f in fields(cls)}
        return cls(**{name: value for name, value in args.items() if name in known})


#: the schema's columns a job row carries, as far as the database has them
_JOB_WORDS = """
    job_db_inx account admin_comment array_task_str array_max_tasks constraints container cpus_req derived_ec
    derived_es exit_code extra flags failed_node job_name id_assoc id_array_job id_array_task id_block id_job id_qos
    id_resv id_wckey id_user id_group het_job_id het_job_offset kill_requid state_reason_prev licenses mcs_label
    mem_req nodelist nodes_alloc partition priority qos_req restart_cnt resv_req state timelimit time_submit
    time_eligible time_start time_end time_suspended wckey work_dir segment_size std_err std_in std_out submit_line
    system_comment tres_alloc tres_req gres_used
"""
_JOB_COLUMNS = _JOB_WORDS.split()


def select_jobs(conn: Connection, schema: Schema, wanted: Filter, now: int) -> dict[str, Any]:
    """Rows as ``{"columns": […], "rows": [[…]], "step_columns": […], "steps": {row index: [[…]]}}``."""
    job, assoc, qos = schema.job, schema.assoc, schema.qos
    names = [n for n in _JOB_COLUMNS if n in job.c]
    columns: list[Any] = [job.c[n] for n in names]
    columns += [assoc.c.user.label("user"), assoc.c["lineage"].label("lineage")] if "lineage" in assoc.c else [
        assoc.c.user.label("user"), sa.literal("").label("lineage")
    ]  # fmt: skip
    columns.append(qos.c.name.label("qos"))
    source: Any = job.outerjoin(assoc, job.c.id_assoc == assoc.c.id_assoc).outerjoin(qos, job.c.id_qos == qos.c.id)
    if wanted.script and "script_hash_inx" in job.c:
        columns.append(schema.job_script.c.batch_script.label("script"))
        source = source.outerjoin(schema.job_script, job.c.script_hash_inx == schema.job_script.c.hash_inx)
    if wanted.env and "env_hash_inx" in job.c:
        columns.append(schema.job_env.c.env_vars.label("env"))
        source = source.outerjoin(schema.job_env, job.c.env_hash_inx == schema.job_env.c.hash_inx)
    query = sa.select(*columns).select_from(source).where(*_conditions(schema, wanted))
    query = query.order_by(job.c.time_submit, job.c.id_array_job, job.c.id_array_task, job.c.id_job, job.c.job_db_inx)
    header = [c.name for c in columns]
    rows = [list(row) for row in conn.execute(query)]
    at = {name: index for index, name in enumerate(header)}
    if wanted.partitions:
        partitions = set(wanted.partitions)
        rows = [row for row in rows if partitions.intersection(row[at["partition"]].split(","))]
    if not wanted.duplicates:
        rows = _newest(rows, at)
    if wanted.nodes:  # slurmdbd looks at the nodes of the newest incarnation only
        nodes = set(expand(wanted.nodes))
        rows = [row for row in rows if nodes.intersection(expand(row[at["nodelist"]] or ""))]
    _add_reservations(conn, schema, header, rows, at, now)
    result: dict[str, Any] = {"columns": header, "rows": rows, "now": now}
    if wanted.steps:
        result.update(_steps(conn, schema, [row[at["job_db_inx"]] for row in rows], wanted))
    return result


def _conditions(schema: Schema, wanted: Filter) -> list[Any]:
    job = schema.job
    c = job.c
    where: list[Any] = [c.deleted == 0]
    if wanted.jobs:
        # one index each: an OR over different columns makes databases read the whole table
        parts = [sa.select(c.job_db_inx).where(term) for item in wanted.jobs for term in _job_terms(c, wanted, *item)]
        where.append(c.job_db_inx.in_(sa.union(*parts) if len(parts) > 1 else parts[0]))
    for column, values in (
        (c.id_user, wanted.users), (c.id_group, wanted.groups), (c.account, wanted.accounts),
        (c.id_assoc, wanted.associations), (c.id_qos, wanted.qos), (c.job_name, wanted.names),
        (c.wckey, wanted.wckeys), (c.state_reason_prev, wanted.reasons),
    ):  # fmt: skip
        if values:
            where.append(column.in_(values))
    if wanted.constraints:
        where += [c.constraints.like(f"%{text}%") for text in wanted.constraints]
    for column, span in ((c.nodes_alloc, wanted.node_range), (c.timelimit, wanted.limit_range)):
        if span:
            where.append(column.between(span[0], span[1]))
    if wanted.cpu_range:
        where.append(c.cpus_req.between(wanted.cpu_range[0], wanted.cpu_range[1]))
    start, end = wanted.start, wanted.end
    if wanted.states:
        where.append(sa.or_(*(_state_condition(schema, state, start, end) for state in wanted.states)))
    elif start or end or not wanted.jobs:
        if end:  # jobs asked for by number are shown also while they are held or wait for others
            where += [c.time_submit <= end] if wanted.jobs else [c.time_eligible > 0, c.time_eligible < end]
        if start and wanted.users:
            where.append(sa.or_(c.time_end >= start, c.time_end == 0))
        elif start:
            recent = [sa.select(c.job_db_inx).where(term) for term in (c.time_end >= start, c.time_end == 0)]
            where.append(c.job_db_inx.in_(sa.union_all(*recent)))
    return where


def _job_terms(c: Any, wanted: Filter, job: int | None, task: int | None, het: int | None) -> list[Any]:
    """Conditions any of which selects the rows of one job id, array task or component."""
    if task is not None:
        return [sa.and_(c.id_array_job == job, c.id_array_task == task)]
    if het is not None:
        component = [] if wanted.whole_het else [c.het_job_offset == het]
        return [sa.and_(c.het_job_id == job, *component)]
    terms = [c.id_job == job, c.id_array_job == job]
    return terms if wanted.whole_het is False else [*terms, c.het_job_id == job]


def _state_condition(schema: Schema, state: int, start: int, end: int) -> Any:
    """Jobs that were in `state` at some time of the window (sacct -s)."""
    c = schema.job.c
    base = state & states.BASE_MASK if state <= states.BASE_MASK else state
    if base == states.PENDING:
        parts = [c.time_eligible > 0]
        if end:
            parts.append(c.time_eligible <= end)
        if start:
            waiting = sa.and_(c.time_start == 0, sa.or_(c.time_end == 0, c.time_end >= start))
            parts.append(sa.or_(c.time_start >= start, waiting))
        return sa.and_(*parts)
    if base == states.RUNNING:
        parts = [c.time_start > 0]
        if end:
            parts.append(c.time_start <= end)
        if start:
            parts.append(sa.or_(c.time_end >= start, c.time_end == 0))
        return sa.and_(*parts)
    if base == states.SUSPENDED:
        table = schema.suspend
        parts = [table.c.job_db_inx == c.job_db_inx]
        if end:
            parts.append(table.c.time_start <= end)
        if start:
            parts.append(sa.or_(table.c.time_end >= start, table.c.time_end == 0))
        return sa.exists(sa.select(table.c.job_db_inx).where(*parts))
    parts = [c.state == base, c.time_end > 0]
    if end:
        parts.append(c.time_end <= end)
    if start:
        parts.append(c.time_end >= start)
    return sa.and_(*parts)


def _newest(rows: list[list[Any]], at: dict[str, int]) -> list[list[Any]]:
    """Only the last incarnation of each job id; rows closed by a resize stay."""
    job, state, submit = at["id_job"], at["state"], at["time_submit"]
    last: dict[int, int] = {}
    for row in rows:
        last[row[job]] = max(last.get(row[job], 0), row[submit])
    return [row for row in rows if row[submit] == last[row[job]] or row[state] == states.RESIZING]


def _add_reservations(
    conn: Connection, schema: Schema, header: list[str], rows: list[list[Any]], at: dict[str, int], now: int
) -> None:
    """The reservation's name: the row of its id whose time holds the job's start."""
    header.append("resv_name")
    ids = {row[at["id_resv"]] for row in rows if row[at["id_resv"]]}
    table = schema.resv
    known: dict[int, list[Any]] = {}
    if ids:
        query = sa.select(table.c.id_resv, table.c.resv_name, table.c.time_start, table.c.time_end)
        for line in conn.execute(query.where(table.c.id_resv.in_(ids)).order_by(table.c.time_start)):
            known.setdefault(line.id_resv, []).append(line)
    for row in rows:
        when = row[at["time_start"]] or row[at["time_submit"]]
        name = ""
        for line in known.get(row[at["id_resv"]], ()):
            if line.time_start <= when <= (line.time_end or now):
                name = line.resv_name
        row.append(name)


def _steps(conn: Connection, schema: Schema, inxs: list[int], wanted: Filter) -> dict[str, Any]:
    table = schema.step
    names = [c.name for c in table.c if c.name not in ("deleted", "node_inx")]
    columns = [table.c[n] for n in names]
    found: dict[int, list[list[Any]]] = {}
    for begin in range(0, len(inxs), 400):
        query = sa.select(*columns).where(table.c.job_db_inx.in_(inxs[begin : begin + 400]), table.c.deleted == 0)
        if wanted.end and not wanted.jobs:
            query = query.where(table.c.time_start <= wanted.end)
        if wanted.start and not wanted.jobs:
            query = query.where(sa.or_(table.c.time_end >= wanted.start, table.c.time_end == 0))
        for row in conn.execute(query.order_by(table.c.job_db_inx, table.c.id_step, table.c.step_het_comp)):
            found.setdefault(row.job_db_inx, []).append(list(row))
    steps = {str(index): found[inx] for index, inx in enumerate(inxs) if inx in found}
    return {"step_columns": names, "steps": steps}


def tres_names(conn: Connection, schema: Schema) -> dict[int, str]:
    """Every TRES of the database, deleted ones as well: ``{1001: "gres/gpu"}``."""
    table = schema.tres
    query = sa.select(table.c.id, table.c.type, table.c.name)
    return {row.id: f"{row.type}/{row.name}" if row.name else row.type for row in conn.execute(query)}


__all__ = ["NO_VAL", "Filter", "select_jobs", "tres_names"]
