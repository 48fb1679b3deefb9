"""A recorded MySQL dump of slurmdbd's, loaded into SQLite."""

from __future__ import annotations

import gzip
import os
import re
import sqlite3
from pathlib import Path

from crane_compat.accounting import schema

ROOT = Path(os.environ.get("CRANE_SHARED", Path(__file__).parents[2] / ".." / "shared"))
GOLDEN = ROOT / "golden" / "slurm-25.11"
CLUSTER = "lab"

_INSERT = re.compile(r"INSERT INTO `(\w+)` \(([^)]*)\) VALUES \((.*)\);$")
_VALUE = re.compile(r"'((?:[^'\\]|\\.)*)'|([^,]+)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}


def _value(text: str, quoted: bool) -> object:
    if quoted:
        return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), text, flags=re.S)
    if text == "NULL":
        return None
    if text.startswith("0x"):
        return bytes.fromhex(text[2:]).decode("latin-1")
    number = float(text) if "." in text else int(text)
    return number - (1 << 64) if number >= 1 << 63 else number


def load(target: Path) -> str:
    """Write the golden dump to the SQLite file `target`; returns its SQLAlchemy URL."""
    url = f"sqlite:///{target}"
    engine = schema.open_engine(url)
    schema.create(engine, CLUSTER)
    engine.dispose()
    with sqlite3.connect(target) as db, gzip.open(GOLDEN / "slurm_acct_db.sql.gz", "rt", encoding="latin-1") as dump:
        db.execute("DELETE FROM convert_version_table")
        db.execute("DELETE FROM lab_last_ran_table")
        for line in dump:
            match = _INSERT.match(line.rstrip("\n"))
            if not match:
                continue
            table, columns, body = match.groups()
            values = [_value(m[1] if m[1] is not None else m[2], m[1] is not None) for m in _VALUE.finditer(body)]
            names = columns.replace("`", '"')
            db.execute(f'INSERT INTO "{table}" ({names}) VALUES ({",".join("?" * len(values))})', values)
    return url
