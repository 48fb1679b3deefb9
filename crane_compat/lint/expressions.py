"""Lists and expressions that sbatch passes on unread and the controller refuses."""

from __future__ import annotations

from collections.abc import Callable

from crane_compat.lint.findings import Subject, at, quoted
from crane_compat.parsers import hostlist
from crane_compat.parsers.arrays import parse_array
from crane_compat.parsers.constraint import parse_constraint
from crane_compat.parsers.dependency import parse_dependency
from crane_compat.parsers.device_request import parse_licenses
from crane_compat.wire import pb

#: field of the request, who reads it, an example
_GRAMMARS: tuple[tuple[str, Callable[[str], object], str], ...] = (
    ("array", parse_array, "0-99, 1,3,5 or 0-99:2%10"),
    ("features", parse_constraint, "a&b, a|b or [a|b]"),
    ("prefer", parse_constraint, "a&b, a|b or [a|b]"),
    ("batch_features", parse_constraint, "a&b or a|b"),
    ("dependency", parse_dependency, "afterok:12:13, afterany:12 or singleton"),
    ("licenses", parse_licenses, "name:2,other"),
    ("req_nodes", hostlist.expand, "n1,n[3-5]"),
    ("exc_nodes", hostlist.expand, "n1,n[3-5]"),
)


def check_expressions(subject: Subject, specs: list[pb.JobSpec]) -> None:
    """Refusals of the controller that no configuration can change."""
    told = set()
    for component, spec in enumerate(specs):
        for field, parse, example in _GRAMMARS:
            text: str = getattr(spec, field)
            use = subject.use_of(field, component=component)
            if not text or use in told:
                continue
            try:
                parse(text)
            except ValueError:
                told.add(use)
                name = use.option if use else f"--{field}"
                hint = example
                if "$" in text:
                    hint = f"variables are not filled in: sbatch {name}=… on the command line"
                text = f"{name} is refused at submission: {quoted(text)} cannot be read"
                subject.add("error", "bad-expression", use or at(1), text, hint)
