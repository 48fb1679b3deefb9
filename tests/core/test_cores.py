"""Which cores jobs get, against what Slurm gave on nodes of the same shape."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from crane_compat.core.cores import CoreOrder, pick_cores
from crane_compat.parsers.arguments import parse_command
from tests.core.machine_room import MachineRoom
