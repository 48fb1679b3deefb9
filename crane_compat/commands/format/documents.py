"""``--json`` and ``--yaml`` as Slurm's data parser v0.0.44 writes them.

JSON: two blanks a level, empty lists on two lines, ``/`` escaped.  YAML: a tag
before every value.  Source: recordings.
"""

from __future__ import annotations

import grp
import json
import os
import pwd
from collections.abc import Iterator, Sequence
from typing import Any

PARSER = "data_parser/v0.0.44"
RELEASE = "25.11.7"

#: what --json=list names, in its order; all are written as the newest is
PARSERS = ("data_parser/v0.0.43", "data_parser/v0.0.42", "data_parser/v0.0.41", PARSER)


class Unwritable(Exception):
    """--json or --yaml cannot be obeyed, or asks for a list only: what is said instead, and the exit status."""

    def __init__(self, status: int, lines: Sequence[str], listed: Sequence[str] = ()) -> None:
        self.status = status
        self.lines = lines  # for standard error
        self.listed = listed  # for standard output
        super().__init__("\n".join(lines))


def check_parser(command: str, wanted: str, kind: str) -> None:
    """The value of ``--json=`` or ``--yaml=`` (`kind`): a data parser with flags (``v0.0.44+complex``), or ``list``.

    Raises Unwritable.
    """
    if wanted == "list":
        raise Unwritable(0, ["Possible data_parser plugins:"], PARSERS)
    name = wanted.partition("+")[0]
    if name and "data_parser/" + name.removeprefix("data_parser/") not in PARSERS:
        name = "data_parser/" + name.removeprefix("data_parser/")
        failed = "failure loading plugins: Plugin has invalid format or unable to be loaded"
        mime = {"json": "application/json", "yaml": "application/x-yaml"}[kind]
        raise Unwritable(
            1,
            [
                f"{command}: error: load_plugins: unable to find plugin: {name}",
                f"{command}: error: data_parser_g_new: {failed}",
                f"{command}: error: {mime} output not supported by {PARSER}",
            ],
        )


def document(name: str, rows: Any, command: Sequence[str], cluster: str) -> dict[str, Any]:
    """The whole document around `rows`."""
    major, minor, micro = RELEASE.split(".")
    return {
        name: rows,
        "meta": {
            "plugin": {
                "type": "",
                "name": "",
                "data_parser": PARSER,
                "accounting_storage": "accounting_storage/slurmdbd",
            },
            "client": {"source": "", "user": _user(), "group": _group()},
            "command": list(command),
            "slurm": {
                "version": {"major": major, "micro": micro, "minor": minor},
                "release": RELEASE,
                "cluster": cluster,
            },
        },
        "errors": [],
        "warnings": [],
    }


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _group() -> str:
    try:
        return grp.getgrgid(os.getgid()).gr_name
    except KeyError:
        return str(os.getgid())


def render(value: Any, kind: str) -> str:
    """`value` as ``json`` or ``yaml``."""
    if kind == "json":
        return "".join(_json(value, 0)) + "\n"
    return "%YAML 1.1\n--- !!map\n" + "".join(_yaml_map(value, 0)) + "...\n\n"


def _json(value: Any, depth: int) -> Iterator[str]:
    pad = "  " * (depth + 1)
    if isinstance(value, dict):
        yield "{\n"
        for index, (key, item) in enumerate(value.items()):
            yield (",\n" if index else "") + pad + json.dumps(key) + ": "
            yield from _json(item, depth + 1)
        yield "\n" + "  " * depth + "}"
    elif isinstance(value, list):
        yield "[\n"
        for index, item in enumerate(value):
            yield (",\n" if index else "") + pad
            yield from _json(item, depth + 1)
        yield ("\n" if value else "") + "  " * depth + "]"
    elif isinstance(value, str):
        yield json.dumps(value, ensure_ascii=False).replace("/", "\\/")
    else:
        yield json.dumps(value)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return f"!!bool {'true' if value else 'false'}"
    if isinstance(value, int):
        return f"!!int {value}"
    if isinstance(value, float):
        return f"!!float {value:f}"
    text = str(value)
    return f"!!str {text}" if text else "!!str"


def _yaml_value(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, dict):
        yield "!!map\n" if value else "!!map {}\n"
        yield from _yaml_map(value, depth)
    elif isinstance(value, list):
        yield "!!seq\n" if value else "!!seq []\n"
        for item in value:
            pad = "  " * (depth - 1)
            if isinstance(item, dict):
                yield f"{pad}- !!map\n"
                yield from _yaml_map(item, depth)
            else:
                yield f"{pad}- {_scalar(item)}\n"
    else:
        yield _scalar(value) + "\n"


def _yaml_map(value: dict[str, Any], depth: int) -> Iterator[str]:
    for key, item in value.items():
        yield f"{'  ' * depth}!!str {key}: "
        yield from _yaml_value(item, depth + 1)


def number(value: float | None, infinite: bool = False) -> dict[str, Any]:
    """A number that may be unset or infinite."""
    return {"set": value is not None and not infinite, "infinite": infinite, "number": 0 if infinite else value or 0}
