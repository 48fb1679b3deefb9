"""One script, all that is to say about it."""

from __future__ import annotations

import os
from collections.abc import Callable

from crane_compat.lint.expressions import check_expressions
from crane_compat.lint.findings import Finding, Report, Subject
from crane_compat.lint.lines import check_lines
from crane_compat.lint.native_lines import check_native
from crane_compat.lint.other_headers import check_other_header
from crane_compat.lint.paths import check_paths
from crane_compat.lint.refusals import check_file, content
from crane_compat.lint.site import Site, check_site, check_size
from crane_compat.lint.uses import note_uses, note_warnings
from crane_compat.parsers.slurm_conf import SlurmConf

_ORDER = {"error": 0, "warning": 1, "note": 2}


def lint_script(script: bytes, name: str, conf: SlurmConf | None = None) -> list[Finding]:
    """What is to say about a script, by line.

    name: the file's, for messages, and to find directories beside it.  conf: the site's slurm.conf; raises ValueError
    for one with settings that are no numbers.
    """
    return examine(script, name, Site.of(conf) if conf else None).findings


def examine(script: bytes, name: str, site: Site | None = None, isdir: Callable[[str], bool] = os.path.isdir) -> Report:
    """The findings, and each option with what becomes of it.  isdir: is there such a directory?"""
    subject = Subject.of(script, name)
    report = subject.report
    check_file(subject)
    check_size(subject, site)
    found = content(subject)
    note_uses(subject, found)
    check_other_header(subject, found)
    note_warnings(subject, found)
    check_lines(subject, found.directives)
    check_native(subject)
    if found.submission:
        specs = found.submission.specs
        check_expressions(subject, specs)
        check_paths(subject, specs, isdir)
        if site and report.command == "sbatch":
            check_site(subject, specs, site)
    report.findings.sort(key=lambda finding: (finding.line, finding.column, _ORDER[finding.severity]))
    report.uses.sort(key=lambda use: (use.line, use.column))
    return report
