"""Generic resources and licences that a job asks for: ``gpu:tesla:2,nvme``, ``matlab:2,ansys@srv`` (sbatch(1))."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: binary suffixes of a count (gres.conf(5), Count)
_SHIFT = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50}
_COUNT = re.compile(r"(\d{1,18})([kmgtpKMGTP]?)", re.ASCII)
_MOST = (1 << 64) - 1


class DeviceError(ValueError):
    """No request: the piece at fault and its column (from 1)."""

    def __init__(self, text: str, column: int, part: str) -> None:
        self.text, self.column, self.part = text, column, part
        super().__init__(f"invalid request {text!r}: {part!r} at column {column}")


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """`count` of a device by name and, where it matters, type."""

    name: str
    type: str = ""
    count: int = 1

    def __str__(self) -> str:
        return ":".join((self.name, *([self.type] if self.type else []), str(self.count)))


@dataclass(frozen=True, slots=True)
class LicenseRequest:
    """`count` of a licence; `server` where it is a remote one."""

    name: str
    server: str = ""
    count: int = 1

    def __str__(self) -> str:
        return self.name + (f"@{self.server}" if self.server else "") + f":{self.count}"


def parse_count(text: str) -> int:
    """``4``, ``2k`` = 2048.  Raises ValueError."""
    match = _COUNT.fullmatch(text)
    if match is None:
        raise ValueError(f"not a count: {text!r}")
    number = int(match[1]) << _SHIFT[match[2].lower()]
    if number > _MOST:
        raise ValueError(f"too many: {text!r}")
    return number


def parse_devices(text: str, name: str = "") -> tuple[DeviceRequest, ...]:
    """``name[:type][:count]`` (also ``gres/name``, and ``=`` for a colon), comma separated.  Raises DeviceError.

    name: the device of options that leave it out (--gpus takes ``tesla:2``).  ``none`` is no device.
    """
    found: list[DeviceRequest] = []
    column = 1
    for item in text.split(","):
        if item.strip() and item.strip().lower() != "none":
            found.append(_device(text, column, item, name))
        column += len(item) + 1
    return tuple(found)


def _device(text: str, column: int, item: str, name: str) -> DeviceRequest:
    fields = item.strip().removeprefix("gres/").removeprefix("gres:").replace("=", ":").split(":")
    if name and fields[0] != name:
        fields.insert(0, name)
    count = 1
    if len(fields) > 1 and fields[-1][:1].isdigit():
        try:
            count = parse_count(fields.pop())
        except ValueError:
            raise DeviceError(text, column, item) from None
    if len(fields) > 2 or not all(fields):
        raise DeviceError(text, column, item)
    return DeviceRequest(fields[0], fields[1] if len(fields) > 1 else "", count)


def parse_licenses(text: str) -> tuple[tuple[LicenseRequest, ...], bool]:
    """(requests, whether one of them is enough: written with ``|``).  Raises DeviceError.

    Each is ``name[@server][:count]``; ``=`` and the old ``*`` stand for the colon, ``;`` for the comma.
    """
    any_of = "|" in text
    found: list[LicenseRequest] = []
    column = 1
    for item in re.split(r"[|]" if any_of else r"[,;]", text):
        if item.strip():
            match = re.fullmatch(r"([^\s:=*@,;|]+)(?:@([^\s:=*@,;|]+))?(?:[:=*](\d{1,9}))?", item.strip(), re.ASCII)
            if match is None:
                raise DeviceError(text, column, item)
            found.append(LicenseRequest(match[1], match[2] or "", int(match[3] or 1)))
        column += len(item) + 1
    return tuple(found), any_of
