"""A configuration directory with places to fill in, and its filled-in copy.

``@HOST@`` this host's name, ``@STATE@`` the state directory, ``@ETC@`` the
directory of the copy, ``@DBPORT@`` and ``@DBPASS@`` port and password of a
database of the site's own.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import socket

PLACES = ("HOST", "STATE", "ETC", "DBPORT", "DBPASS")
_PLACE = re.compile(("@(" + "|".join(PLACES) + ")@").encode())


def _files(directory: str) -> list[str]:
    return sorted(entry.name for entry in os.scandir(directory) if entry.is_file() and not entry.name.startswith("."))


def has_places(directory: str) -> bool:
    """Whether any file directly in `directory` holds a place to fill in."""
    for name in _files(directory):
        with open(os.path.join(directory, name), "rb") as file:
            if _PLACE.search(file.read()):
                return True
    return False


def _password(state: str) -> str:
    """The database password that this state directory goes with; made once."""
    path = os.path.join(state, "keys", "database.password")
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip()
    except FileNotFoundError:
        word = os.environ.get("CRANE_DBPASS") or secrets.token_hex(16)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(word + "\n")
        return word


def render(directory: str, state: str, etc: str) -> None:
    """Copy `directory` to `etc` with its places filled in; files that are the same already are left alone."""
    os.makedirs(etc, exist_ok=True)
    words = {
        b"HOST": socket.gethostname().split(".")[0].encode(),
        b"STATE": os.fsencode(state),
        b"ETC": os.fsencode(etc),
        b"DBPORT": os.environ.get("CRANE_DBPORT", "3306").encode(),
    }

    def fill(match: re.Match[bytes]) -> bytes:
        place = match[1]
        return _password(state).encode() if place == b"DBPASS" else words[place]

    for name in _files(directory):
        source, target = os.path.join(directory, name), os.path.join(etc, name)
        with open(source, "rb") as file:
            text = _PLACE.sub(fill, file.read())
        try:
            with open(target, "rb") as file:
                if file.read() == text:
                    continue
        except FileNotFoundError:
            pass
        with open(target + ".new", "wb") as copy:
            copy.write(text)
        shutil.copymode(source, target + ".new")
        os.replace(target + ".new", target)
    for name in set(_files(etc)) - set(_files(directory)):
        os.unlink(os.path.join(etc, name))
