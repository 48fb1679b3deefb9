"""slurmdbd's settings in the order ``sacctmgr show configuration`` lists them."""

from __future__ import annotations

import time
from typing import Any, Protocol

from sqlalchemy.engine import URL


class Config(Protocol):
    def get(self, key: str) -> Any: ...


#: name → what is shown where it is not set; None: "(null)"
_DEFAULTS: dict[str, str | None] = {
    "AllowNoDefAcct": "no", "ArchiveDir": "/tmp", "ArchiveEvents": "no", "ArchiveJobs": "no", "ArchiveResvs": "no",
    "ArchiveScript": None, "ArchiveSteps": "no", "ArchiveSuspend": "no", "ArchiveTXN": "no", "ArchiveUsage": "no",
    "AuthAltTypes": None, "AuthAltParameters": None, "AuthInfo": None, "AuthType": "auth/munge", "BOOT_TIME": "",
    "CommitDelay": "0", "CommunicationParameters": None, "DbdAddr": "localhost", "DbdBackupHost": None,
    "DbdHost": "localhost", "DbdPort": "6819", "DebugFlags": None, "DebugLevel": "info", "DebugLevelSyslog": None,
    "DefaultQOS": None, "DisableCoordDBD": "no", "DisableArchiveCommands": "no", "HashPlugin": "hash/sha256",
    "LogFile": None, "MaxPurgeLimit": "50000", "MaxQueryTimeRange": "UNLIMITED", "MessageTimeout": "10 secs",
    "Parameters": None, "PidFile": "/var/run/slurmdbd.pid", "PluginDir": None, "PrivateData": "none",
    "PurgeEventAfter": "NONE", "PurgeJobAfter": "NONE", "PurgeResvAfter": "NONE", "PurgeStepAfter": "NONE",
    "PurgeSuspendAfter": "NONE", "PurgeTXNAfter": "NONE", "PurgeUsageAfter": "NONE", "SLURMDBD_CONF": None,
    "SLURMDBD_VERSION": "25.11.7", "SlurmUser": "root", "StorageBackupHost": None, "StorageHost": "",
    "StorageLoc": "", "StorageParameters": None, "StoragePassScript": None, "StoragePort": "", "StorageType": "",
    "StorageUser": "", "TCPTimeout": "2 secs", "TLSParameters": None, "TLSType": "tls/none", "TrackWCKey": "no",
    "TrackSlurmctldDown": "no",
}  # fmt: skip


def daemon_settings(config: Config, url: URL, started: int) -> list[list[str]]:
    """[name, value] of every setting."""
    known = {
        "BOOT_TIME": time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(started)),
        "StorageHost": url.host or "localhost",
        "StorageLoc": url.database or "",
        "StoragePort": str(url.port or 0),
        "StorageType": "accounting_storage/" + url.get_backend_name(),
        "StorageUser": url.username or "",
    }
    return [[name, known.get(name) or _shown(config, name, default)] for name, default in _DEFAULTS.items()]


def _shown(config: Config, name: str, default: str | None) -> str:
    try:
        value = config.get(name)
    except KeyError:
        value = None
    if value in (None, ""):
        return "(null)" if default is None else default
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
