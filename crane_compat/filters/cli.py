"""CliFilterPlugins: what looks at the options of sbatch, srun and salloc before a request is sent.

Runs in the command, as its user.  ``lua`` is the site's cli_filter.lua, ``user_defaults`` the user's own
~/.slurm/defaults, ``syslog`` a line for every job.  Source: slurm.schedmd.com/cli_filter_plugins, the recordings.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from crane_compat.filters.constants import NO_VAL, SUCCESS
from crane_compat.filters.job_desc import to_text
from crane_compat.filters.runtime import Runtime, ScriptError
from crane_compat.parsers.option_values import OptionError
from crane_compat.parsers.options import Draft, table_of

#: cli_filter.lua must define them all
NEEDED = ("slurm_cli_setup_defaults", "slurm_cli_pre_submit", "slurm_cli_post_submit")


class OptionView:
    """The options of one component by their long names, as scripts read and set them."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.known = {option.name: option for option in table_of(draft.command).long.values()}

    def get(self, name: str) -> str | None:
        """The value as given; flags are ``set`` or ``unset``; None where an option is not given or not known."""
        option = self.known.get(name)
        if option is None:
            return None
        value = next((value or "set" for one, value in reversed(self.draft.applied) if one.name == name), None)
        return "unset" if value is None and option.takes == "none" else value

    def put(self, name: str, value: str | None) -> None:
        """Give the option as a command line would.  Raises OptionError."""
        option = self.known.get(name)
        if option is None:
            raise OptionError([f"{self.draft.command}: error: cli_filter: there is no option {name}"], 1)
        if value is None or (option.takes == "none" and value == "unset"):
            return
        option.apply(self.draft, option, value if option.takes != "none" else None)
        self.draft.applied.append((option, value))
        self.draft.given[name] = value

    def all(self) -> dict[str, str]:
        """All options given."""
        return {option.name: value or "set" for option, value in self.draft.applied}


class Plugin:
    """One plugin; True = go on."""

    def setup_defaults(self, view: OptionView) -> bool:
        return True

    def pre_submit(self, view: OptionView, offset: int) -> bool:
        return True

    def post_submit(self, offset: int, job_id: int, step_id: int) -> bool:
        return True


class Lua(Plugin):
    """The site's cli_filter.lua."""

    def __init__(self, command: str, path: str) -> None:
        self.command = command
        self.runtime = Runtime(
            path, NEEDED, self._log, self._say,
            {"json_env": lambda *_: json.dumps(dict(os.environ)), "json_cli_options": self._json_options},
        )  # fmt: skip
        self.view: OptionView | None = None

    def setup_defaults(self, view: OptionView) -> bool:
        return self._call("slurm_cli_setup_defaults", view, False)

    def pre_submit(self, view: OptionView, offset: int) -> bool:
        return self._call("slurm_cli_pre_submit", view, offset)

    def post_submit(self, offset: int, job_id: int, step_id: int) -> bool:
        return self._call("slurm_cli_post_submit", None, offset, job_id, step_id)

    def _call(self, name: str, view: OptionView | None, *arguments: Any) -> bool:
        try:
            self.runtime.refresh()
            if view is not None:
                self.view = view
                arguments = (self._options(view), *arguments)
            return self.runtime.call(name, *arguments) == SUCCESS
        except ScriptError as exc:
            self._log("error", str(exc))
            return False

    def _options(self, view: OptionView) -> Any:
        def put(name: str, value: Any) -> None:
            try:
                view.put(name, None if value is None else to_text(value))
            except OptionError as exc:
                sys.stderr.write("".join(f"{line}\n" for line in exc.lines))

        return self.runtime.record(view.get, put, lambda: list(view.all()))

    def _json_options(self, *_: Any) -> str:
        return json.dumps(self.view.all() if self.view else {})

    def _log(self, level: str, text: str) -> None:
        if level in ("error", "info"):
            kind = "error: " if level == "error" else ""
            sys.stderr.write(f"{self.command}: {kind}lua: {text}\n")

    def _say(self, text: str) -> None:
        sys.stderr.write("".join(f"{self.command}: {line}\n" for line in text.split("\n") if line))


class UserDefaults(Plugin):
    """``[command:][cluster:]option = value`` lines of ~/.slurm/defaults."""

    def __init__(self, command: str, cluster: str) -> None:
        self.command, self.cluster = command, cluster

    def setup_defaults(self, view: OptionView) -> bool:
        path = os.path.join(os.environ.get("HOME") or "/", ".slurm", "defaults")
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                lines = [line.partition("#")[0].strip() for line in file]
        except OSError:
            return True
        for line in filter(None, lines):
            key, _, value = line.partition("=")
            *where, name = [word.strip() for word in key.split(":")]
            commands = {"sbatch", "salloc", "srun"} & set(where)
            clusters = set(where) - {"sbatch", "salloc", "srun", "*", ""}
            if (commands and self.command not in commands) or (clusters and self.cluster not in clusters):
                continue
            if name in view.known:
                view.put(name, value.strip() or None)
        return True


class Syslog(Plugin):
    """A line for each job, with its options as JSON."""

    def __init__(self, command: str) -> None:
        self.command = command
        self.options = "{}"

    def pre_submit(self, view: OptionView, offset: int) -> bool:
        self.options = json.dumps(view.all())
        return True

    def post_submit(self, offset: int, job_id: int, step_id: int) -> bool:
        import syslog

        step = "" if step_id == NO_VAL else f".{step_id}"
        syslog.openlog(self.command)
        syslog.syslog(syslog.LOG_INFO, f"post_submit: job {job_id}{step} offset {offset} options {self.options}")
        return True


class CliFilters:
    """All plugins of a command, in the order of the configuration."""

    def __init__(self, command: str, names: str, directory: str, cluster: str) -> None:
        self.command = command
        makers: dict[str, Callable[[], Plugin]] = {
            "lua": lambda: Lua(command, os.path.join(directory, "cli_filter.lua")),
            "user_defaults": lambda: UserDefaults(command, cluster),
            "syslog": lambda: Syslog(command),
        }
        words = [word.strip().removeprefix("cli_filter/") for word in names.split(",")]
        self.plugins = [makers[word]() for word in words if word in makers]

    def _all(self, go: Callable[[Plugin], bool]) -> None:
        if not all(go(plugin) for plugin in self.plugins):
            raise OptionError([f"{self.command}: error: cli_filter plugin terminated with error"], 1)

    def setup_defaults(self, draft: Draft) -> None:
        """Before anything is read.  Raises OptionError where a plugin refuses."""
        self._all(lambda plugin: plugin.setup_defaults(OptionView(draft)))

    def pre_submit(self, draft: Draft, offset: int) -> None:
        """When all has been read.  Raises OptionError where a plugin refuses."""
        self._all(lambda plugin: plugin.pre_submit(OptionView(draft), offset))

    def post_submit(self, offset: int, job_id: int, step_id: int = NO_VAL) -> None:
        """When the controller has accepted it; nothing can be refused any more."""
        for plugin in self.plugins:
            plugin.post_submit(offset, job_id, step_id)
