"""Features a job needs of its nodes: ``--constraint='[rack1|rack2]&(intel*2)'`` (sbatch(1)).

    constraint := term {('&' | ',' | '|') term}         ',' is '&'
    term       := NAME ['*' COUNT]
                | '[' constraint ']' ['*' COUNT]        all nodes take the same alternative; counts
                | '(' constraint ')' ['*' COUNT]

Operators have no precedence: they are applied from left to right.  Parentheses may
stand within brackets, otherwise groups do not nest.  The same in lark's notation:
``constraint.lark`` (a property test keeps the two together).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(r"\s*(?:([&|,()\[\]])|\*\s*(\d+)|([^&|,()\[\]*\s]+))", re.ASCII)


class ConstraintError(ValueError):
    """No constraint: the piece at fault and its column (from 1)."""

    def __init__(self, text: str, column: int) -> None:
        self.text, self.column = text, column
        self.part = text[column - 1 : column + 19]
        super().__init__(f"invalid constraint {text!r}: {self.part!r} at column {column}")


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature's name; `count` nodes must have it (0 = all)."""

    name: str
    count: int = 0

    def names(self) -> Iterator[str]:
        yield self.name

    def fits(self, features: frozenset[str]) -> bool:
        return self.name in features

    def __str__(self) -> str:
        return self.name + (f"*{self.count}" if self.count else "")


@dataclass(frozen=True, slots=True)
class Group:
    """Parentheses or brackets around a constraint."""

    bracket: str  # "(" or "["
    inner: Constraint
    count: int = 0

    def names(self) -> Iterator[str]:
        yield from self.inner.names()

    def fits(self, features: frozenset[str]) -> bool:
        if self.bracket == "[":  # which alternative it is, is a matter of all the nodes; one node has one of them
            return any(term.fits(features) for term in self.inner.terms)
        return self.inner.fits(features)

    def __str__(self) -> str:
        closing = ")" if self.bracket == "(" else "]"
        return f"{self.bracket}{self.inner}{closing}" + (f"*{self.count}" if self.count else "")


@dataclass(frozen=True, slots=True)
class Constraint:
    """Terms with an operator (``&`` or ``|``) between each two."""

    terms: tuple[Feature | Group, ...]
    operators: tuple[str, ...] = ()

    def names(self) -> Iterator[str]:
        """Every feature named."""
        for term in self.terms:
            yield from term.names()

    def fits(self, features: frozenset[str]) -> bool:
        """May a node with these features be one of the job's?  (Counts are a matter of all its nodes.)"""
        value = self.terms[0].fits(features)
        for operator, term in zip(self.operators, self.terms[1:], strict=True):
            value = (value and term.fits(features)) if operator == "&" else (value or term.fits(features))
        return value

    def __str__(self) -> str:
        words = [str(self.terms[0])]
        for operator, term in zip(self.operators, self.terms[1:], strict=True):
            words += (operator, str(term))
        return "".join(words)


class _Reader:
    """One pass over the text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str, int]] = []  # (kind, text, column)
        position, end = 0, len(text.rstrip())
        while position < end:
            match = _TOKEN.match(text, position)
            if match is None:
                raise ConstraintError(text, position + 1)
            kind = "name" if match[3] else "count" if match[2] else match[1]
            self.tokens.append((kind, match[3] or match[2] or match[1], match.start(match.lastindex or 0) + 1))
            position = match.end()
        self.next = 0

    def peek(self) -> str:
        return self.tokens[self.next][0] if self.next < len(self.tokens) else ""

    def wrong(self) -> ConstraintError:
        ended = self.next >= len(self.tokens)
        return ConstraintError(self.text, len(self.text) + 1 if ended else self.tokens[self.next][2])

    def take(self, *kinds: str) -> str:
        if self.peek() not in kinds:
            raise self.wrong()
        self.next += 1
        return self.tokens[self.next - 1][1]

    def constraint(self, groups: tuple[str, ...]) -> Constraint:
        """`groups`: the brackets that may open here."""
        terms = [self.term(groups)]
        operators = []
        while self.peek() in ("&", "|", ","):
            operators.append("|" if self.take("&", "|", ",") == "|" else "&")
            terms.append(self.term(groups))
        return Constraint(tuple(terms), tuple(operators))

    def term(self, groups: tuple[str, ...]) -> Feature | Group:
        word = self.take("name", *groups)
        if self.tokens[self.next - 1][0] == "name":
            return Feature(word, self.count())
        inner = self.constraint(("(",) if word == "[" else ())
        self.take("]" if word == "[" else ")")
        return Group(word, inner, self.count())

    def count(self) -> int:
        if self.peek() != "count":
            return 0
        column = self.tokens[self.next][2]
        number = int(self.take("count"))
        if not 0 < number < 1 << 31:
            raise ConstraintError(self.text, column)
        return number


def parse_constraint(text: str) -> Constraint:
    """Read a constraint.  Raises ConstraintError."""
    reader = _Reader(text)
    found = reader.constraint(("(", "["))
    if reader.peek():
        raise reader.wrong()
    return found
