"""slurmdbd.conf(5): where the accounting database is, and what is kept of it."""

from __future__ import annotations

from crane_compat.parsers.plain_conf import PlainConf, load_plain

KEYS = frozenset(
    """
    allownodefacct allresourcesabsolute archivedir archiveevents archivejobs archivejobenv archivejobscript archiveresvs
    archivescript archivesteps archivesuspend archivetxn archiveusage authinfo authtype authalttypes authaltparameters
    commitdelay communicationparameters dbdaddr dbdbackuphost dbdhost dbdport debugflags debuglevel debuglevelsyslog
    defaultqos disablearchivecommands disablecoorddbd disablerollups hashplugin jobpurge logfile logtimeformat
    maxpurgelimit maxquerytimerange messagetimeout parameters pidfile plugindir preservecaseuser privatedata
    purgeeventafter purgeeventmonths purgejobafter purgejobenvafter purgejobmonths purgejobscriptafter purgeresvafter
    purgeresvmonths purgestepafter purgestepmonths purgesuspendafter purgesuspendmonths purgetxnafter purgetxnmonths
    purgeusageafter purgeusagemonths slurmuser steppurge storagebackuphost storagehost storageloc storageparameters
    storagepass storagepassscript storageport storagetype storageuser tcptimeout tlsparameters tlstype
    trackslurmctlddown trackwckey
    """.split()
)

DEFAULTS = {
    "storagehost": "localhost",
    "storageport": "3306",
    "storageloc": "slurm_acct_db",
    "dbdport": "6819",
    "debuglevel": "info",
    "pidfile": "/var/run/slurmdbd.pid",
    "slurmuser": "root",
}


def load(path: str) -> PlainConf:
    """Read slurmdbd.conf; no file is an empty one."""
    return load_plain(path, KEYS, DEFAULTS)
