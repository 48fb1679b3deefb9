"""Lays the commands and daemons down in a directory: the stub under every command's name, a script for each daemon.

The stub is compiled (a static program of a few dozen KiB of our own code) where
a C compiler is found, else it is the Python one; either has the interpreter and
the configuration directory built in.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib import resources

from crane_compat.commands import COMMANDS
from crane_compat.daemon.cli import ALIASES, FLAGS

_COMPILERS = ("cc", "gcc", "clang", "tcc")
_WAYS = (("-O2", "-static", "-s"), ("-O2", "-s"), ("-O2",))


class InstallError(Exception):
    """Something cannot be written; the text names it."""


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def interpreter() -> str:
    """The interpreter that installed programs run: this one, by the path that keeps its environment."""
    return os.path.abspath(sys.executable)


def blocked() -> str:
    """The first directory on the way to the interpreter that other users may not enter; "" where they can run it."""
    for path in (interpreter(), os.path.realpath(sys.executable), os.path.realpath(__file__)):
        parts = path.split(os.sep)
        for end in range(1, len(parts)):
            directory = os.sep.join(parts[:end]) or os.sep
            if not os.stat(directory).st_mode & 0o001:
                return directory
    return ""


def python_stub(sysconfdir: str) -> bytes:
    """The text of the Python stub as an executable file."""
    head = f"#!{interpreter()} -IS\nPYTHON = {interpreter()!r}\nSYSCONFDIR = {sysconfdir!r}\n"
    return (head + _text("stub.py")).encode()


def compile_stub(target: str, sysconfdir: str) -> bool:
    """Compile the C stub to `target`; False where no compiler can."""
    compiler = next((path for name in _COMPILERS if (path := shutil.which(name))), None)
    if compiler is None:
        return False
    quoted = [
        f'-D{key}="{value}"' for key, value in (("CRANE_PYTHON", interpreter()), ("CRANE_SYSCONFDIR", sysconfdir))
    ]
    for flags in _WAYS:
        done = subprocess.run(
            [compiler, *flags, *quoted, "-x", "c", "-o", target, "-"],
            input=_text("stub.c").encode(),
            capture_output=True,
            check=False,
        )
        if done.returncode == 0:
            os.chmod(target, 0o755)
            return True
    return False


def _write(path: str, data: bytes) -> None:
    temporary = f"{path}.{os.getpid()}.new"
    with open(temporary, "wb") as file:
        file.write(data)
    os.chmod(temporary, 0o755)
    os.replace(temporary, path)


def _link(source: str, target: str) -> None:
    temporary = f"{target}.{os.getpid()}.new"
    try:
        os.link(source, temporary)
    except OSError:  # a file system without hard links
        shutil.copy2(source, temporary)
    os.replace(temporary, target)


def stub(directory: str, sysconfdir: str, compiled: bool = True) -> str:
    """The stub's file in `directory`, made where it is missing or out of date; hidden, named after its content."""
    parts = (interpreter(), sysconfdir, _text("stub.c"), _text("stub.py"), str(compiled))
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    path = os.path.join(directory, f".stub-{digest}")
    if os.path.exists(path):
        return path
    for name in os.listdir(directory):
        if name.startswith(".stub-"):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(directory, name))
    temporary = f"{path}.{os.getpid()}.new"
    if compiled and compile_stub(temporary, sysconfdir):
        os.replace(temporary, path)
    else:
        _write(path, python_stub(sysconfdir))
    return path


def commands(directory: str, sysconfdir: str, names: Iterable[str] = (), compiled: bool = True) -> list[str]:
    """Put the stub into `directory` under every command's name; the names.  Raises InstallError."""
    try:
        os.makedirs(directory, exist_ok=True)
        source = stub(directory, sysconfdir, compiled)
        done = sorted({*COMMANDS, *names})
        for name in done:
            target = os.path.join(directory, name)
            if not os.path.exists(target) or not os.path.samefile(source, target):
                _link(source, target)
        return done
    except OSError as exc:
        raise InstallError(f"cannot write {exc.filename or directory}: {exc.strerror}") from None


_DAEMON = """\
#!{python} -I
import os, sys
os.environ.setdefault("CRANE_SYSCONFDIR", {sysconfdir!r})
from crane_compat.daemon.entry import main
sys.exit(main({name!r}, sys.argv[1:]))
"""

_SHELL = """\
#!/bin/sh
exec {python} -I -m crane_compat.commands.native.crane "$@"
"""


def daemons(directory: str, sysconfdir: str) -> list[str]:
    """Put a script for each daemon, under Slurm's names and ours, into `directory`.  Raises InstallError."""
    try:
        os.makedirs(directory, exist_ok=True)
        names = sorted({*FLAGS, *ALIASES})
        for name in names:
            text = _DAEMON.format(python=interpreter(), sysconfdir=sysconfdir, name=name)
            _write(os.path.join(directory, name), text.encode())
        return names
    except OSError as exc:
        raise InstallError(f"cannot write {exc.filename or directory}: {exc.strerror}") from None


def crane(directory: str) -> None:
    """Put `crane` itself into `directory`.  Raises InstallError."""
    try:
        os.makedirs(directory, exist_ok=True)
        _write(os.path.join(directory, "crane"), _SHELL.format(python=shlex.quote(interpreter())).encode())
    except OSError as exc:
        raise InstallError(f"cannot write {exc.filename or directory}: {exc.strerror}") from None
