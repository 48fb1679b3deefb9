"""A Lua state with the global table ``slurm``, as Slurm's Lua plugins give it to site scripts.

Texts cross the border as bytes: what a script cuts out of a string need not be UTF-8.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from crane_compat.filters.constants import ERROR, SUCCESS, constants
from crane_compat.parsers.time_limit import parse_minutes

#: The dialect: what distributions build Slurm with today, and old scripts run on it with the names below.
_DIALECT = "lupa.lua53"

#: Written in Lua because scripts expect Lua's own tables and formats here.
_PRELUDE = b"""
local constants, log, user_message, lookup, run = ...
unpack = unpack or table.unpack
loadstring = loadstring or load
slurm = {}
for name, number in pairs(constants) do slurm[name] = number end
for _, level in ipairs({"error", "info", "verbose", "debug", "debug2", "debug3", "debug4"}) do
  slurm["log_" .. level] = function(...) log(level, string.format(...)) end
end
function slurm.error(text) log("error", tostring(text)) end
function slurm.user_msg(text) user_message(tostring(text)) end
function slurm.log_user(...) user_message(string.format(...)) end
function slurm.log(text) log("info", tostring(text)) end
function slurm.debug(text) log("debug", tostring(text)) end
for name, call in pairs(lookup) do slurm[name] = call end
-- the interpreter at hand is built without popen: "r" reads what the command has printed, "w" feeds it at close
function io.popen(command, mode)
  local file = io.tmpfile()
  if (mode or "r"):sub(1, 1) == "r" then
    file:write(run(command, nil))
    file:seek("set")
    return file
  end
  return setmetatable({}, {__index = {
    write = function(self, ...) file:write(...) return self end,
    flush = function() end,
    close = function() file:seek("set") run(command, file:read("a")) file:close() return true end,
  }})
end
function slurm._record(get, set, keys)
  return setmetatable({}, {
    __index = function(_, name) return get(name) end,
    __newindex = function(_, name, value) set(name, value) end,
    __pairs = keys and function(self)
      local names, position = keys(), 0
      return function()
        position = position + 1
        local name = names[position]
        if name ~= nil then return name, self[name] end
      end
    end,
  })
end
"""


class ScriptError(Exception):
    """The script cannot be loaded, or failed while it ran; the text is Lua's."""


def _plain(value: Any) -> Any:
    """A value for Lua: text as bytes, numbers as Lua's floats (Slurm gives nothing else), tables nested."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


class Runtime:
    """One script and its state; globals live from call to call, and the file is read again when it changes.

    log: called with a level and a text.  say: called with a text for the user.
    needed: functions that the script must define.
    functions: more of ``slurm``.  tables: members of ``slurm`` whose fields a function finds (None = nil).
    """

    def __init__(
        self,
        path: str,
        needed: tuple[str, ...],
        log: Callable[[str, str], None],
        say: Callable[[str], None],
        functions: Mapping[str, Callable[..., Any]] | None = None,
        tables: Mapping[str, Callable[[Any], Any]] | None = None,
    ) -> None:
        self.path, self.needed, self.log, self.say = path, needed, log, say
        self.functions = dict(functions or {})
        self.tables = dict(tables or {})
        self._stamp: tuple[int, int, int] | None = None
        self._lua: Any = None
        self._record: Any = None

    # ------------------------------------------------------------ loading

    def refresh(self) -> bool:
        """Load the script if it is new or has changed: True where there is a new state.

        Raises ScriptError where it cannot be loaded; a state that worked stays, as in Slurm.
        """
        try:
            found = os.stat(self.path)
        except OSError as exc:
            raise ScriptError(f"cannot read {self.path}: {exc.strerror}") from None
        stamp = (found.st_mtime_ns, found.st_ino, found.st_size)
        if stamp == self._stamp and self._lua is not None:
            return False
        self._stamp = stamp
        try:
            lua, record = self._load()
        except ScriptError as exc:
            if self._lua is None:
                raise
            self.log("error", f"{exc}; using the script as it was")
            return False
        self._lua, self._record = lua, record
        return True

    def _load(self) -> tuple[Any, Any]:
        module = importlib.import_module(_DIALECT)
        lua = module.LuaRuntime(register_eval=False, register_builtins=False, encoding=None)
        try:
            with open(self.path, "rb") as file:
                text = file.read()
        except OSError as exc:
            raise ScriptError(f"cannot read {self.path}: {exc.strerror}") from None
        if text.startswith(b"#"):  # Lua's own reader of files skips such a first line
            text = b"--" + text
        values = lua.table_from({name.encode(): float(number) for name, number in constants().items()})
        lookup = lua.table_from({name.encode(): self._guarded(call) for name, call in self._lookup(lua).items()})
        try:
            lua.execute(_PRELUDE, values, self._logged, self._said, lookup, _run)
            record = lua.eval(b"slurm._record")
            lua.execute(b"slurm._record = nil")
            for name, find in self.tables.items():
                lua.globals()[b"slurm"][name.encode()] = record(self._finder(lua, find), None, None)
            load = lua.eval(b"function(text, name) return load(text, name) end")
            loaded = load(text, b"@" + os.fsencode(self.path))
            chunk, problem = loaded if isinstance(loaded, tuple) else (loaded, b"")
            if chunk is None:
                raise ScriptError(_text(problem))
            chunk()
        except module.LuaError as exc:
            raise ScriptError(_error_text(exc)) from None
        missing = [name for name in self.needed if lua.globals()[name.encode()] is None]
        if missing:
            raise ScriptError(f"{self.path}: required function {missing[0]} not present")
        return lua, record

    def _logged(self, level: bytes, text: bytes) -> None:
        self.log(_text(level), _text(text))

    def _said(self, text: bytes) -> None:
        self.say(_text(text))

    def _finder(self, lua: Any, find: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda key: self._to_lua(lua, find(key))

    @staticmethod
    def _guarded(call: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*arguments: Any) -> Any:
            return _plain(call(*arguments))

        return guarded

    def _lookup(self, lua: Any) -> dict[str, Callable[..., Any]]:
        def minutes(text: Any) -> float:
            try:
                return float(parse_minutes(_text(text)))
            except ValueError:
                return float(ERROR)

        return {
            "time_str2mins": minutes,
            "from_json": lambda text: self._to_lua(lua, _decoded(json.loads, text)),
            "from_yaml": lambda text: self._to_lua(lua, _decoded(yaml.safe_load, text)),
            "to_json": lambda value: json.dumps(self._from_lua(value)),
            "to_yaml": lambda value: yaml.safe_dump(self._from_lua(value), sort_keys=False),
            **self.functions,
        }

    # ------------------------------------------------------------ values

    def table(self, value: Any) -> Any:
        """A Lua value for nested dicts, lists, texts and numbers."""
        return self._to_lua(self._lua, value)

    def numbered(self, items: list[bytes]) -> Any:
        """A Lua table of texts that counts from 0, as C's arrays do."""
        return self._lua.table_from({float(index): item for index, item in enumerate(items)})

    def _to_lua(self, lua: Any, value: Any) -> Any:
        if isinstance(value, dict):
            return lua.table_from({_plain(key): self._to_lua(lua, one) for key, one in value.items()})
        if isinstance(value, (list, tuple)):
            return lua.table_from([self._to_lua(lua, one) for one in value])
        return _plain(value)

    def _from_lua(self, value: Any) -> Any:
        if isinstance(value, bytes):
            return _text(value)
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if not hasattr(value, "items"):
            return value
        pairs = list(value.items())
        keys = [key for key, _ in pairs]
        if keys and keys == list(range(1, len(keys) + 1)):
            return [self._from_lua(one) for _, one in pairs]
        return {str(self._from_lua(key)): self._from_lua(one) for key, one in pairs}

    def record(
        self,
        get: Callable[[str], Any],
        put: Callable[[str, Any], None],
        keys: Callable[[], list[str]] | None = None,
    ) -> Any:
        """A Lua table whose fields are read and written through functions; `keys` are what ``pairs`` goes over."""

        def read(name: Any) -> Any:
            return _plain(get(_text(name)))

        def write(name: Any, value: Any) -> None:
            put(_text(name), value)

        def names() -> Any:
            assert keys is not None
            return self._lua.table_from([_plain(name) for name in keys()])

        return self._record(read, write, names if keys else None)

    def call(self, name: str, *arguments: Any) -> int:
        """Call one of the script's functions: the number it returns; anything else counts as success, as in Slurm.

        Raises ScriptError where the script fails.
        """
        function = self._lua.globals()[name.encode()]
        if function is None:
            return SUCCESS
        try:
            result = function(*[_plain(one) for one in arguments])
        except Exception as exc:  # Lua's errors, and those of our own functions that it called
            raise ScriptError(_error_text(exc)) from None
        if isinstance(result, tuple):
            result = result[0] if result else None
        return int(result) if isinstance(result, (int, float)) and not isinstance(result, bool) else SUCCESS


def _run(command: bytes, given: bytes | None) -> bytes:
    """A command of the script's own, through the shell as popen(3) does it: what it printed."""
    done = subprocess.run(
        command, shell=True, input=given, stdin=None if given is not None else subprocess.DEVNULL,
        stdout=subprocess.PIPE if given is None else None, check=False,
    )  # fmt: skip
    return done.stdout or b""


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _error_text(error: Exception) -> str:
    text = error.args[0] if error.args else error
    return _text(text).partition("\nstack traceback")[0]


def _decoded(read: Callable[[str], Any], text: Any) -> Any:
    try:
        return read(_text(text))
    except (ValueError, yaml.YAMLError):
        return None
