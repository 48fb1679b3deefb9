"""Directories that a job needs and that are not there."""

from __future__ import annotations

import os
from collections.abc import Callable

from crane_compat.lint.findings import Subject, Use, at, quoted
from crane_compat.wire import pb

_FILES = (("std_out", "output"), ("std_err", "error"), ("std_in", "input"))


def check_paths(subject: Subject, specs: list[pb.JobSpec], isdir: Callable[[str], bool]) -> None:
    """Note directories that are plainly absent: absolute ones, and those relative to where the script is."""
    told: set[Use | None] = set()
    for component, spec in enumerate(specs):
        here = os.path.dirname(subject.file)
        if spec.work_dir and _plain(spec.work_dir):
            use = subject.use_of("work_dir", component=component)
            here = os.path.join(here, spec.work_dir)
            if not isdir(here or "."):
                if use not in told:
                    told.add(use)
                    text = f"the directory {quoted(spec.work_dir)} is not there: the job would run in /tmp"
                    subject.add("note", "no-directory", use or at(1), text, "mkdir it before the job is submitted")
                continue
        elif spec.work_dir:
            continue
        for field, name in _FILES:
            pattern: str = getattr(spec, field)
            use = subject.use_of(field, component=component)
            if pattern and use not in told:
                told.add(use)
                _file(subject, use, name, os.path.join(here, pattern), pattern, isdir)


def _plain(path: str) -> bool:
    """Nothing in it is filled in later, or was meant to be."""
    return not any(mark in path for mark in "%$`\\\0") and not path.startswith("~")


def _file(subject: Subject, use: Use | None, name: str, path: str, pattern: str, isdir: Callable[[str], bool]) -> None:
    directory = os.path.dirname(path) or "."
    if not _plain(pattern.rpartition("/")[0]) or path.startswith("/dev/"):
        return
    if not isdir(directory):
        what = "cannot be read" if name == "input" else "is not made, and the job fails"
        shown = quoted(os.path.dirname(pattern) or directory)
        text = f"the directory {shown} of --{name} is not there: it {what}"
        subject.add("note", "no-directory", use or at(1), text, "mkdir -p it before the job is submitted")
    elif name != "input" and _plain(pattern) and isdir(path):
        text = f"{quoted(pattern)} is a directory: the job cannot write its --{name} there, and fails"
        subject.add("warning", "is-directory", use or at(1), text, f"--{name}={pattern.rstrip('/')}/%x-%j.out")
