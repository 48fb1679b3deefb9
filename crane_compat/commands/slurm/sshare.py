"""sshare: what associations are entitled to, what they have used, and the fair-share factor that follows.

Source: sshare(1) and the recordings.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from crane_compat.core.errors import Errno, RequestError
from crane_compat.wire import pb

from .arguments import DOCUMENTS, Arguments, Exit, Option, help_of, parse
from .controller_call import Controller, unknown_cluster
from .daemon_call import complain
from .record_table import Layout, cell

if TYPE_CHECKING:
    from crane_compat.commands.format.documents import Form

OPTIONS = (
    Option("all", "a", help="users: all, not only the caller"),
    Option("accounts", "A", "required", "NAMES", "accounts: these only"),
    Option("helpformat", "e", help="name the fields that -o takes"),
    DOCUMENTS[0],
    Option("long", "l", help="more columns: usage of the whole, level, limits"),
    Option("partition", "m", help="with the partition that an association is for"),
    Option("cluster", "M", "required", "NAMES", "clusters to ask"),
    Option("clusters", "", "required", "NAMES", "the same"),
    Option("noheader", "n", help="rows only"),
    Option("format", "o", "required", "FIELDS", "columns, each with %WIDTH where another is wanted"),
    Option("parsable", "p", help="separate columns by |, and end lines with it"),
    Option("parsable2", "P", help="separate columns by |"),
    Option("users", "u", "required", "NAMES", "users: these only, by name or number; -1: all"),
    Option("Users", "U", help="users only, no accounts"),
    Option("verbose", "v", help="say what is asked for"),
    Option("version", "V", help="print the version"),
    DOCUMENTS[1],
    Option("help", help="print this text"),
    Option("usage", help="print this text"),
)
#: -h stands in no help: it means -n, as it did once
_HIDDEN = (Option("", "h"),)

#: what sshare shows in place of the shares of an association that uses its parent's
PARENT_SHARES = 0x7FFFFFFF


class Failed(Exception):
    """Nothing can be shown; what is said on stderr, and the status."""

    def __init__(self, text: str, status: int = 1) -> None:
        self.status = status
        super().__init__(text)


@dataclass
class Settings:
    """What the command line asks for."""

    accounts: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)  # none: all
    fields: str = ""
    long: bool = False
    partitions: bool = False
    users_only: bool = False
    clusters: str = ""
    form: Form | None = None
    layout: Layout = field(default_factory=Layout)


# ------------------------------------------------------------ fields


@dataclass(frozen=True, slots=True)
class Row:
    """One association, with what its columns need."""

    share: pb.Share
    label: str  # the account, as deep as it is in the tree
    reply: pb.Shares


Value = str | int | float | None


@dataclass(frozen=True, slots=True)
class Column:
    """A field; a negative width stands on the left."""

    name: str
    width: int
    get: Callable[[Row], Value]


def _factor(row: Row) -> Value:
    """With the Fair Tree accounts have none."""
    return row.share.factor if row.share.user or not row.reply.fair_tree else None


def _raw_shares(row: Row) -> Value:
    if row.share.parent_shares:
        return "parent"
    return row.share.shares_raw if row.share.HasField("shares_raw") else None


def _level(row: Row) -> Value:
    return row.share.level_fs if row.share.HasField("level_fs") and not row.share.parent_shares else None


def _tres(row: Row, seconds: Mapping[str, float]) -> str:
    """All resources that are counted, in minutes."""
    return ",".join(f"{name}={int(seconds.get(name, 0.0) / 60)}" for name in row.reply.tres_names)


def _limits(row: Row) -> str:
    limits = row.share.tres_limit
    return ",".join(f"{name}={limits[name]}" for name in row.reply.tres_names if name in limits)


#: in the order of --helpformat, in which names that are cut short are looked up
COLUMNS = (
    Column("Account", -20, lambda row: row.label),
    Column("Cluster", 10, lambda row: row.reply.cluster),
    Column("EffectvUsage", 13, lambda row: row.share.usage_efctv),
    Column("FairShare", 10, _factor),
    Column("GrpTRESMins", 30, _limits),
    Column("GrpTRESRaw", 30, lambda row: _tres(row, row.share.tres_used)),
    Column("ID", 6, lambda row: row.share.assoc_id),
    Column("LevelFS", 10, _level),
    Column("NormShares", 11, lambda row: row.share.shares_norm),
    Column("NormUsage", 11, lambda row: row.share.usage_norm if row.share.HasField("usage_norm") else None),
    Column("Partition", 12, lambda row: row.share.partition),
    Column("RawShares", 10, _raw_shares),
    Column("RawUsage", 11, lambda row: int(row.share.usage_raw)),
    Column("TRESRunMins", 30, lambda row: _tres(row, row.share.tres_run)),
    Column("User", 10, lambda row: row.share.user),
)


def default_fields(settings: Settings, fair_tree: bool) -> str:
    """The columns where -o names none."""
    names = ["account", "user", "rawshares", "normshares", "rawusage", "effectvusage", "fairshare"]
    if settings.long:
        names.insert(5, "normusage")
        names += [*(["levelfs"] if fair_tree else []), "grptresmins", "tresrunmins"]
    if settings.partitions:
        names.insert(2, "partition")
    return ",".join(names)


def columns_of(text: str) -> list[tuple[Column, int]]:
    """The columns that `text` names, and their widths.  Raises Failed."""
    chosen = []
    for word in dict.fromkeys(part.strip().lower() for part in text.split(",")):
        if not word:
            continue
        name, _, width = word.partition("%")
        column = next((column for column in COLUMNS if column.name.lower().startswith(name)), None)
        if column is None:
            raise Failed(f'sshare: error: Invalid field requested: "{name}"')
        digits = width.lstrip("+-")
        chosen.append((column, int(width) if digits.isdecimal() and int(digits) else column.width))
    return chosen


def text_of(value: Value) -> str:
    """A value where no width limits it."""
    if value is None:
        return ""
    return f"{value:f}" if isinstance(value, float) else str(value)


def padded(value: Value, width: int) -> str:
    """A value in its column, with the blank behind it.

    Texts are cut; numbers never are, but those with a fraction are written with an exponent where they are too long.
    """
    if value is None or isinstance(value, str):
        return cell(value or "", width)
    text, size = text_of(value), abs(width)
    if isinstance(value, float) and len(text) > size:
        digits = size - (len(f"{value:.{size}e}") - size)
        text = f"{value:.{digits}e}" if digits >= 0 else f"{value:e}"
    return (text.ljust(size) if width < 0 else text.rjust(size)) + " "


# ------------------------------------------------------------ the command line


def read_options(argv: list[str]) -> Settings:
    """Read the command line.  Raises Exit and Failed."""
    text = help_of("sshare", OPTIONS)
    given = parse("sshare", (*OPTIONS, *_HIDDEN), argv, os.environ, text.rstrip("\n"), text)
    if given.has("helpformat"):
        _help_format()
        raise Exit(0)
    settings = Settings()
    settings.long, settings.partitions = given.has("long"), given.has("partition")
    settings.users_only = given.has("Users")
    settings.clusters = given.get("cluster") or given.get("clusters") or ""
    settings.fields = ",".join(value for name, value in given.given if name == "format")
    settings.layout = Layout(not (given.has("noheader") or given.has("")), *_separators(given))
    settings.form = given.form("sshare")
    for name, value in given.given:
        if name == "accounts":
            settings.accounts += [word for word in _words(value) if word not in settings.accounts]
    settings.users = _users(given)
    if given.has("verbose"):
        lines = ["Users requested:", *(f"\t: {name}" for name in settings.users or ["all"])]
        complain([*lines, "Accounts requested:", *(f"\t: {name}" for name in settings.accounts or ["all"])])
    return settings


def _separators(given: Arguments) -> tuple[bool, bool]:
    """Separated by |, and an ending one; the later option counts."""
    last = next((name for name, _ in reversed(given.given) if name in ("parsable", "parsable2")), "")
    return bool(last), last == "parsable"


def _words(text: str) -> list[str]:
    return [word for word in (part.strip().lower() for part in text.split(",")) if word]


def _users(given: Arguments) -> list[str]:
    """The users asked for: the caller where none is, nobody in particular where all are.  Raises Failed."""
    users: list[str] = []
    everybody = False
    for name, value in given.given:
        if name == "all" or (name == "users" and value == "-1"):
            everybody = True
        elif name == "users":
            everybody = False
            users += [user for user in map(_user_name, _words(value)) if user not in users]
    if everybody:
        return []
    if not users:
        try:
            users.append(pwd.getpwuid(os.getuid()).pw_name)
        except KeyError:  # a caller without a name sees what everybody has
            return []
    return list(dict.fromkeys(users))


def _user_name(word: str) -> str:
    if not word[0].isdigit():
        return word
    digits = word[: next((i for i, letter in enumerate(word) if not letter.isdigit()), len(word))]
    try:
        return pwd.getpwuid(int(digits)).pw_name
    except (KeyError, OverflowError):
        raise Failed(f"Invalid user id: {digits}") from None


def _help_format() -> None:
    names = [f"{column.name:<17}" for column in COLUMNS]
    for start in range(0, len(names), 4):
        print(" ".join(names[start : start + 4]))


# ------------------------------------------------------------ the work


def main(argv: list[str]) -> int:
    """Run sshare; the exit status."""
    try:
        settings = read_options(argv)
        return _run(settings, argv)
    except Failed as exc:
        complain([str(exc)])
        return exc.status


def _run(settings: Settings, argv: Sequence[str]) -> int:
    controller = Controller("sshare")
    request = pb.Request(share_info=pb.ShareInfo(accounts=settings.accounts, users=settings.users))
    try:
        if settings.clusters:
            ours = controller.cluster_name()
            for name in settings.clusters.split(","):
                if name not in (ours, "all"):
                    raise Failed("\n".join(unknown_cluster("sshare", name)[:2]))
        reply = controller.ask(request).shares
    except RequestError as exc:
        status = 255 if exc.errno == Errno.COMMUNICATIONS_CONNECTION else 1
        raise Failed(f"Couldn't get shares from controller: {exc.text}", status) from None
    if settings.form:
        # the command line lacks its last word there
        _write(reply, ["sshare", *argv[:-1]], settings.form)
        return 0
    if settings.clusters:
        print(f"CLUSTER: {reply.cluster}")
    columns = columns_of(settings.fields or default_fields(settings, reply.fair_tree))
    for line in settings.layout.lines([(column.name, width) for column, width in columns], ()):
        print(line)
    for row in _rows(reply, settings.users_only):
        values = [(column.get(row), width) for column, width in columns]
        if settings.layout.parsable:
            end = settings.layout.delimiter if settings.layout.ending else ""
            print(settings.layout.delimiter.join(text_of(value) for value, _ in values) + end)
        else:
            print("".join(padded(value, width) for value, width in values))
    return 0


def _rows(reply: pb.Shares, users_only: bool) -> Iterator[Row]:
    """The associations with their accounts set in by one blank for each level that is shown above."""
    depths: dict[str, int] = {}
    for share in reply.shares:
        if users_only and not share.user:
            continue
        depth = depths.get(share.parent, -1) + 1
        if not share.user:
            depths[share.account] = depth
        yield Row(share, " " * depth + share.account, reply)


def _write(reply: pb.Shares, command: Sequence[str], form: Form) -> None:
    from crane_compat.commands.format.documents import document, write

    shares = [_record(share, reply) for share in reply.shares]
    write(document("shares", {"shares": shares, "total_shares": 0}, command, reply.cluster), form)


def _record(share: pb.Share, reply: pb.Shares) -> dict[str, object]:
    from crane_compat.commands.format.documents import number

    raw = PARENT_SHARES if share.parent_shares else share.shares_raw if share.HasField("shares_raw") else None
    level = share.level_fs if share.HasField("level_fs") else None
    limits = share.tres_limit
    return {
        "id": share.assoc_id,
        "cluster": reply.cluster,
        "name": share.user or share.account,
        "parent": share.parent,
        "partition": share.partition,
        "shares_normalized": number(share.shares_norm),
        "shares": number(raw),
        "tres": {
            "run_seconds": [
                {"name": name, "value": number(int(share.tres_run.get(name, 0.0)))} for name in reply.tres_names
            ],
            "group_minutes": [
                {"name": name, "value": number(limits.get(name), name not in limits)} for name in reply.tres_names
            ],
            "usage": [{"name": name, "value": share.tres_used.get(name, 0.0)} for name in reply.tres_names],
        },
        "effective_usage": number(share.usage_efctv),
        "usage_normalized": _real(share.usage_norm if share.HasField("usage_norm") else None),
        "usage": int(share.usage_raw),
        "fairshare": {"factor": _real(share.factor), "level": _real(level)},
        "type": ["USER" if share.user else "ASSOCIATION"],
    }


def _real(value: float | None) -> dict[str, object]:
    """A number with a fraction, of which infinity is one."""
    infinite = value == float("inf")
    return {
        "set": value is not None and not infinite,
        "infinite": infinite,
        "number": value if value and not infinite else 0.0,
    }
