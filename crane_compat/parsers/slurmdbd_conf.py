"""slurmdbd.conf(5): where the accounting database is, and what is kept of it."""

from __future__ import annotations

import re

from crane_compat.parsers.plain_conf import PlainConf, PlainKeys, load_plain, types

KEYS = PlainKeys(
    types=types(
        str="archivedir archivescript authinfo authtype authalttypes authaltparameters communicationparameters dbdaddr "
        "dbdbackuphost dbdhost debugflags debuglevel debuglevelsyslog defaultqos hashplugin logfile logtimeformat "
        "maxquerytimerange parameters pidfile plugindir privatedata slurmuser storagebackuphost storagehost storageloc "
        "storageparameters storagepass storagepassscript storagetype storageuser tlsparameters tlstype "
        "purgeeventafter purgejobafter purgejobenvafter purgejobscriptafter purgeresvafter purgestepafter "
        "purgesuspendafter purgetxnafter purgeusageafter",
        flag="allownodefacct allresourcesabsolute archiveevents archivejobs archivejobenv archivejobscript "
        "archiveresvs archivesteps archivesuspend archivetxn archiveusage disablearchivecommands disablecoorddbd "
        "disablerollups preservecaseuser trackslurmctlddown trackwckey",
        number="commitdelay dbdport maxpurgelimit messagetimeout storageport tcptimeout jobpurge steppurge "
        "purgeeventmonths purgejobmonths purgeresvmonths purgestepmonths purgesuspendmonths purgetxnmonths "
        "purgeusagemonths",
    ),
    defaults={
        "archivedir": "/tmp",
        "dbdport": "6819",
        "debuglevel": "info",
        "pidfile": "/var/run/slurmdbd.pid",
        "slurmuser": "root",
        "storagehost": "localhost",
        "storageloc": "slurm_acct_db",
        "storageport": "3306",
    },
    obsolete={
        "jobpurge": "write PurgeJobAfter=…days",
        "steppurge": "write PurgeStepAfter=…days",
        "purgeeventmonths": "write PurgeEventAfter",
        "purgejobmonths": "write PurgeJobAfter",
        "purgeresvmonths": "write PurgeResvAfter",
        "purgestepmonths": "write PurgeStepAfter",
        "purgesuspendmonths": "write PurgeSuspendAfter",
        "purgetxnmonths": "write PurgeTXNAfter",
        "purgeusagemonths": "write PurgeUsageAfter",
    },
)

_AGE = re.compile(r"(\d+)\s*(hours?|days?|months?|)", re.ASCII | re.IGNORECASE)


def purge_age(text: str) -> tuple[int, str]:
    """``12months`` as (12, "month"); a bare number is months.  Raises ValueError."""
    match = _AGE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not an age: {text!r}")
    return int(match[1]), match[2].lower().rstrip("s") or "month"


def load(path: str) -> PlainConf:
    """Read slurmdbd.conf; no file is an empty one."""
    return load_plain(path, KEYS)
