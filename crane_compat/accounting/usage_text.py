"""A step's usage as the texts of step_table: ``1=250,2=4096,…``, by the numbers of resources.

Source: slurmdbd schema (step_table).
"""

from __future__ import annotations

from crane_compat.wire import pb

USAGE_COLUMNS = tuple(
    f"tres_usage_{way}_{what}"
    for way in ("in", "out")
    for what in ("ave", "max", "max_taskid", "max_nodeid", "min", "min_taskid", "min_nodeid", "tot")
)

TOTALS = tuple(name for name in USAGE_COLUMNS if name.endswith(("_ave", "_tot")))


def usage_columns(usage: pb.Usage, nodes: list[str]) -> dict[str, str]:
    """The sixteen usage texts: CPU in ms, memory in bytes, disk in bytes (slurmdbd schema, step_table)."""
    tasks = max(usage.tasks, 1)

    def place(name: str) -> int:
        return nodes.index(name) if name in nodes else 0

    cpu = int((usage.user_sec + usage.sys_sec) * 1000)
    #: TRES id → total, maximum, minimum, task of the maximum, its node
    read = {
        1: (cpu, cpu // tasks, int(usage.min_cpu * 1000), usage.min_cpu_task, usage.min_cpu_node),
        2: _memory(usage.total_rss, usage.max_rss, tasks, usage.max_rss_task, usage.max_rss_node),
        3: (0, 0, 0, None, ""),
        6: _disk(usage.disk_read, usage.max_disk_read, tasks, usage.max_disk_read_task, usage.max_disk_read_node),
        7: _memory(usage.total_vsize, usage.max_vsize, tasks, usage.max_vsize_task, usage.max_vsize_node),
        8: _disk(usage.total_pages, usage.max_pages, tasks, usage.max_pages_task, usage.max_pages_node),
    }
    write = {
        3: (0, 0, 0, None, ""),
        6: _disk(usage.disk_write, usage.max_disk_write, tasks, usage.max_disk_write_task, usage.max_disk_write_node),
    }
    out = {}
    for way, table in (("in", read), ("out", write)):
        texts: dict[str, list[str]] = {}
        for number, (total, most, least, task, node) in table.items():
            for what, value in (
                ("ave", total // tasks), ("max", most), ("min", least), ("tot", total),
                ("max_taskid", task), ("min_taskid", task), ("max_nodeid", place(node)), ("min_nodeid", place(node)),
            ):  # fmt: skip
                if value is not None:
                    texts.setdefault(what, []).append(f"{number}={value}")
        out.update({f"tres_usage_{way}_{what}": ",".join(values) for what, values in texts.items()})
    return out


Figures = tuple[int, int, int, int | None, str]


def _memory(total: int, most: int, tasks: int, task: int, node: str) -> Figures:
    total = max(total, most)
    return total * 1024, most * 1024, (most if tasks == 1 else total // tasks) * 1024, task, node


def _disk(total: int, most: int, tasks: int, task: int, node: str) -> Figures:
    most = max(most, total // tasks)
    return total, most, most if tasks == 1 else total // tasks, task, node
