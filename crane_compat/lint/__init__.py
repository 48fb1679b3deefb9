"""What becomes of a job script here: every option, what differs from Slurm and LSF, what is refused.

The verdict is that of the commands' own readers (`parsers.options.parse`); this package
finds the place of what they say and adds what they pass over in silence.
"""

from crane_compat.lint.findings import CODES, Finding, Report, Use
from crane_compat.lint.script import examine, lint_script

__all__ = ["CODES", "Finding", "Report", "Use", "examine", "lint_script"]
