"""``--json`` and ``--yaml`` as Slurm's data parser v0.0.44 writes them.

JSON: two blanks a level, empty lists on two lines, ``/`` escaped.  YAML: a tag
before every value.  Source: recordings.
"""

from __future__ import annotations

import functools
import grp
import os
import pwd
import re
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

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


@dataclass(frozen=True, slots=True)
class Form:
    """How a document is written: ``json`` or ``yaml``; `bare`: numbers, ``null`` and ``"Infinity"`` in place of records
    that say whether a number is set, and ``null`` for empty texts (the data parser's flag "complex")."""

    kind: str
    bare: bool = False


def form(command: str, given: Sequence[tuple[str, str]]) -> Form | None:
    """What the options `given` of a command ask for; the later of --json and --yaml counts.  Raises Unwritable."""
    kind, wanted = next(((name, value) for name, value in reversed(given) if name in ("json", "yaml")), ("", ""))
    return Form(kind, check_parser(command, wanted, kind)) if kind else None


def obey(command: str, given: Sequence[tuple[str, str]]) -> Form | None:
    """The same; what cannot be obeyed is said, and ends the command."""
    try:
        return form(command, given)
    except Unwritable as exc:
        print("\n".join(exc.lines), file=sys.stderr)
        print("\n".join(exc.listed), end="\n" if exc.listed else "")
        raise SystemExit(exc.status) from None


def check_parser(command: str, wanted: str, kind: str) -> bool:
    """The value of ``--json=`` or ``--yaml=`` (`kind`): a data parser with flags (``v0.0.44+complex``), or ``list``.

    Is "complex" among the flags?  Raises Unwritable.
    """
    if wanted == "list":
        raise Unwritable(0, ["Possible data_parser plugins:"], PARSERS)
    name, *flags = wanted.split("+")
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
    return "complex" in flags


def document(
    name: str, rows: Any, command: Sequence[str], cluster: str, *, empty: str = "", **moments: float
) -> dict[str, Any]:
    """The whole document around `rows`: `command` are the words of the command line that it names, `moments` the times
    the rows are of, `empty` the warning for a document without rows."""
    major, minor, micro = RELEASE.split(".")
    return {
        name: rows,
        **{key: number(int(seconds)) for key, seconds in moments.items()},
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
        "warnings": [{"description": empty, "source": ""}] if empty and not rows else [],
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


def write(value: Any, how: Form) -> None:
    """Print a document."""
    sys.stdout.write(render(_bare(value) if how.bare else value, how.kind))


#: Names that stand for the number of a user are no texts: there is none, and it shows as "".
_USERS = frozenset({"user", "reason_set_by_user"})


def write_texts(name: str, texts: Iterable[str], frame: dict[str, Any]) -> None:
    """Print the JSON document `frame`, which has no rows yet, with rows that have been written before (`row_text`)."""
    start = f'{{\n  "{name}": [\n'
    rest = render(frame, "json").removeprefix(start)
    out = sys.stdout
    out.write(start)
    between = ""
    for text in texts:
        out.write(between + text)
        between = ",\n"
    out.write("\n" + rest if between else rest)


def row_text(row: dict[str, Any]) -> str:
    """A row as it stands in a JSON document."""
    return render([[row]], "json").removeprefix("[\n  [\n").removesuffix("\n  ]\n]\n")


def text_of(value: str) -> str:
    """A text as it stands in a JSON document."""
    return orjson.dumps(_writable(value)).decode().replace("/", "\\/")


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"set", "infinite", "number"}:
            return "Infinity" if value["infinite"] else value["number"] if value["set"] else None
        return {key: item if key in _USERS and item == "" else _bare(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_bare(item) for item in value]
    return None if value == "" else value


def render(value: Any, kind: str) -> str:
    """`value` as ``json`` or ``yaml``."""
    if kind == "json":
        return _json(value) + "\n"
    return "%YAML 1.1\n--- !!map\n" + "".join(_yaml_map(value, 0)) + "...\n\n"


#: A line that ends with an empty list or map; a line never ends within a text.
_EMPTY = re.compile(r'(?m)^( *)((?:"[^"]*": )?)(\[\]|\{\})(,?)$')


def _json(value: Any) -> str:
    """With every container that has no members on two lines, and every ``/`` escaped."""
    text = orjson.dumps(_writable(value), option=orjson.OPT_INDENT_2).decode().replace("/", "\\/")
    return _EMPTY.sub(lambda found: f"{found[1]}{found[2]}{found[3][0]}\n{found[1]}{found[3][1]}{found[4]}", text)


def _writable(value: Any) -> Any:
    """Counts beyond 64 bits and texts that are no UTF-8, as JSON can have them; all else as it is."""
    try:
        orjson.dumps(value)
    except TypeError:
        if isinstance(value, dict):
            return {key: _writable(item) for key, item in value.items()}
        if isinstance(value, list):
            return [_writable(item) for item in value]
        if isinstance(value, str):
            return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        return float(value)
    return value


def _scalar(value: Any) -> str:
    if value is None:
        return "!!null null"
    if isinstance(value, bool):
        return f"!!bool {'true' if value else 'false'}"
    if isinstance(value, int):
        return f"!!int {value}"
    if isinstance(value, float):
        return f"!!float {value:f}"
    return _tagged(str(value))


#: A text that needs no quotes in YAML, told without asking the library.
_PLAIN = re.compile(r"[A-Za-z0-9_/.+(][A-Za-z0-9_/.+()=,-]*")


@functools.lru_cache(maxsize=4096)
def _tagged(text: str) -> str:
    """A text with its tag, quoted where it must be, as libyaml (which Slurm uses as well) has it."""
    if _PLAIN.fullmatch(text):
        return f"!!str {text}"
    if not text:
        return "!!str"
    import yaml

    style = '"' if text.splitlines() != [text] else None  # a break of lines of any kind
    events = (
        yaml.StreamStartEvent(),
        yaml.DocumentStartEvent(),
        yaml.ScalarEvent(None, None, (True, True), _writable(text), style=style),
        yaml.DocumentEndEvent(),
        yaml.StreamEndEvent(),
    )
    emitted = str(yaml.emit(events, Dumper=yaml.SafeDumper, width=1 << 30, allow_unicode=True))
    return "!!str " + emitted.removesuffix("...\n").removesuffix("\n")


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


#: Wait statuses that are none: not known yet, and an end for want of memory.
_NO_STATUS, _OOM_STATUS = 0xFFFFFFFE, 253


def exit_status(status: int) -> dict[str, Any]:
    """A wait status."""
    code: int | None = None
    number_of: int | None = None
    if status == _NO_STATUS:
        words = ["PENDING"]
    elif status == _OOM_STATUS:
        words, number_of = ["SIGNALED"], 125
    elif status & 0x7F:
        words, number_of = ["SIGNALED"], status & 0x7F
        if status & 0x80:
            words.append("CORE_DUMPED")
    else:
        code = status >> 8 & 0xFF
        words = ["ERROR" if code else "SUCCESS"]
    return {
        "status": words,
        "return_code": number(code),
        "signal": {"id": number(number_of), "name": _signal_name(number_of)},
    }


def _signal_name(value: int | None) -> str:
    try:
        return signal.Signals(value or 0).name.removeprefix("SIG")
    except ValueError:
        return ""
