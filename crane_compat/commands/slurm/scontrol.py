"""scontrol: looking at a cluster and changing it (scontrol(1))."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass

from crane_compat import SLURM_VERSION
from crane_compat.commands.slurm import scontrol_actions as act
from crane_compat.commands.slurm import scontrol_local, scontrol_show, scontrol_update, scontrol_write
from crane_compat.commands.slurm.arguments import COMMON, DOCUMENTS, Option, parse
from crane_compat.commands.slurm.controller_call import unknown_cluster
from crane_compat.commands.slurm.scontrol_help import HELP
from crane_compat.commands.slurm.scontrol_session import Session
from crane_compat.core.errors import RequestError

OPTIONS = (
    Option("all", "a"),
    Option("cluster", "M", "required", "NAME"),
    Option("clusters", "", "required", "NAME"),
    Option("details", "d"),
    Option("federation"),
    Option("future", "F"),
    Option("help", "h"),
    Option("hide"),
    Option("local"),
    Option("oneliner", "o"),
    Option("quiet", "Q"),
    Option("sibling"),
    Option("uid", "u", "required", "USER"),
    Option("verbose", "v"),
    *DOCUMENTS,
    *(option for option in COMMON if option.name != "help"),
)

Action = Callable[[Session, str, list[str]], None]


@dataclass(frozen=True, slots=True)
class Keyword:
    """A command: its name, how short it may be, how many words follow, what it does."""

    name: str
    shortest: int
    least: int
    most: int
    act: Action
    few: str = "too few arguments for keyword:{name}"


def _switch(name: str, value: bool | int) -> Action:
    def act_on(session: Session, op: str, words: list[str]) -> None:
        setattr(session, name, value)

    return act_on


def _exit(session: Session, op: str, words: list[str]) -> None:
    session.over = True


def _help(session: Session, op: str, words: list[str]) -> None:
    print(HELP, end="")


def _version(session: Session, op: str, words: list[str]) -> None:
    print(f"slurm {SLURM_VERSION}")


def _more_details(session: Session, op: str, words: list[str]) -> None:
    session.details += 1


def _verbose(session: Session, op: str, words: list[str]) -> None:
    session.verbose += 1


_MANY = 1 << 20
KEYWORDS: tuple[Keyword, ...] = (
    Keyword("abort", 5, 0, 0, act.shutdown),
    Keyword("all", 3, 0, 0, _switch("all", True)),
    Keyword("cancel_reboot", 3, 1, 1, act.cancel_reboot),
    Keyword("completing", 2, 0, 0, act.completing),
    Keyword(
        "create", 2, 1, _MANY, lambda s, op, w: scontrol_update.create(s, w), "too few arguments for create keyword"
    ),
    Keyword(
        "delete", 3, 1, _MANY, lambda s, op, w: scontrol_update.delete(s, w), "too few arguments for delete keyword"
    ),
    Keyword("details", 3, 0, 0, _more_details),
    Keyword("errnumstr", 2, 1, 1, act.errnumstr),
    Keyword("exit", 1, 0, 0, _exit),
    Keyword("explain", 3, 1, 1, act.explain),
    Keyword("fsdampeningfactor", 2, 1, 1, act.set_level),
    Keyword("getaddrs", 4, 1, 1, scontrol_local.get_addresses),
    Keyword("getent", 3, 0, 1, act.getent),
    Keyword("help", 2, 0, 0, _help),
    Keyword("hide", 2, 0, 0, _switch("all", False)),
    Keyword("hold", 3, 1, _MANY, act.hold),
    Keyword("holdu", 5, 1, _MANY, lambda s, op, w: act.hold(s, "uhold", w)),
    Keyword("listjobs", 5, 0, 1, scontrol_local.list_jobs),
    Keyword("listpids", 5, 0, 2, scontrol_local.list_pids),
    Keyword("liststeps", 5, 0, 1, scontrol_local.list_steps),
    Keyword("notify", 3, 2, _MANY, act.notify),
    Keyword("oneliner", 1, 0, 0, _switch("oneliner", True)),
    Keyword("pidinfo", 3, 1, 1, scontrol_local.pid_info),
    Keyword("ping", 3, 0, 0, act.ping),
    Keyword("power", 3, 2, _MANY, act.power),
    Keyword("quiet", 4, 0, 0, _switch("quiet", True)),
    Keyword("quit", 4, 0, 0, _exit),
    Keyword("reboot", 3, 1, _MANY, act.reboot),
    Keyword("reconfigure", 3, 0, 0, act.reconfigure),
    Keyword("release", 3, 1, _MANY, act.hold),
    Keyword("requeue", 3, 1, _MANY, act.operate),
    Keyword("requeuehold", 8, 1, _MANY, act.requeue_hold),
    Keyword("resume", 3, 1, _MANY, act.operate),
    Keyword("schedloglevel", 3, 1, 1, act.set_level),
    Keyword("setdebug", 3, 1, _MANY, act.set_level),
    Keyword("setdebugflags", 9, 1, _MANY, act.set_level),
    Keyword("show", 2, 1, _MANY, lambda s, op, w: scontrol_show.show(s, w)),
    Keyword("shutdown", 8, 0, 1, act.shutdown),
    Keyword("suspend", 2, 1, _MANY, act.operate),
    Keyword("takeover", 8, 0, 1, act.takeover),
    Keyword("token", 4, 0, 2, act.token),
    Keyword("top", 3, 1, _MANY, act.operate),
    Keyword("uhold", 3, 1, _MANY, act.hold),
    Keyword(
        "update", 2, 1, _MANY, lambda s, op, w: scontrol_update.update(s, w), "too few arguments for update keyword"
    ),
    Keyword("verbose", 4, 0, 0, _verbose),
    Keyword("version", 4, 0, 0, _version),
    Keyword("wait_job", 2, 1, 1, act.wait_job),
    Keyword("write", 3, 1, 3, scontrol_write.write),
)


def run_words(session: Session, words: list[str]) -> None:
    """One command."""
    session.words = words
    word = words[0].lower()
    keyword = next((k for k in KEYWORDS if len(word) >= k.shortest and k.name.startswith(word)), None)
    if keyword is None:
        session.fail(f"invalid keyword: {words[0]}")
        return
    count = len(words) - 1
    if count < keyword.least:
        session.fail(keyword.few.format(name=words[0]))
        return
    if count > keyword.most:
        session.fail(f"too many arguments for keyword:{words[0]}")
        if keyword.act is not _help:
            return
    keyword.act(session, keyword.name, words[1:])


def _interact(session: Session) -> None:
    """Commands from standard input, one a line; where that is no terminal, they are echoed."""
    last: list[str] = []
    echo = not sys.stdin.isatty()
    while not session.over:
        sys.stdout.write("scontrol: ")
        sys.stdout.flush()
        line = sys.stdin.readline()
        if not line:
            print()
            return
        if echo:
            print(line.rstrip("\n"))
        try:
            words = shlex.split(line)
        except ValueError:
            session.fail("scontrol: error: unbalanced quotes")
            continue
        if words == ["!!"]:
            words = last
        if words:
            last = words
            run_words(session, words)


def main(argv: list[str]) -> int:
    args = parse("scontrol", OPTIONS, argv, os.environ, help_text=HELP)
    session = Session()
    session.all = args.has("all") and not args.has("hide")
    session.details = args.counts.get("details", 0)
    session.future, session.oneliner = args.has("future"), args.has("oneliner")
    session.form = args.form("scontrol")
    session.quiet, session.verbose = args.has("quiet"), args.counts.get("verbose", 0)
    if cluster := args.get("cluster") or args.get("clusters"):
        try:
            ours = session.controller.cluster_name()
        except RequestError as exc:
            session.fail(f"slurm_load_ctl_conf error:{exc.text}")
            return session.status
        if cluster not in (ours, "all"):
            session.fail(*unknown_cluster("scontrol", cluster))
            return session.status
    if args.operands:
        run_words(session, args.operands)
    else:
        _interact(session)
    session.controller.close()
    return session.status
