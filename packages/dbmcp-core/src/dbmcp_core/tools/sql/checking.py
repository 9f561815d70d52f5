"""What is wrong with a statement that a tool would run, as the guard sees it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from dbmcp_core.guard import DIALECTS, judge
from dbmcp_core.statement import Kind, RefusalCode, Statement, Verdict

__all__ = ["Code", "Problem", "faults", "is_unparsable"]

#: Where in the definition, and what.
Problem = tuple[tuple[str | int, ...], str]


class Code(Protocol):
    """The code of a tool that runs as one statement."""

    def problems(self) -> list[Problem]:
        """Return what is wrong with the text by itself; cheap enough for every start."""
        ...

    def check(self, dialect: str, *, read_only: bool, tolerate: Collection[RefusalCode] = ()) -> list[Problem]:
        """Return what is wrong with each statement that the code can become; parses them all.

        ``tolerate`` are verdicts that somebody else decides on: an engine that has a parser of its own, say.
        """
        ...

    def statement(self, arguments: Mapping[str, Any]) -> Statement:
        """Return the statement for these arguments, all values bound."""
        ...

    def samples(self) -> list[Statement]:
        """Return statements that the code can become, for a database to prepare."""
        ...


def faults(
    text: str, dialect: str, *, read_only: bool, tolerate: Collection[RefusalCode] = ()
) -> tuple[str, int | None] | None:
    """Return what is wrong with *text*, and in which line of it, or None."""
    verdict = judge(text, dialect)
    if verdict.code is None or verdict.code in tolerate:
        return None
    reason = (verdict.reason or "the statement is not understood").rstrip(".")
    if verdict.code is RefusalCode.MULTIPLE:
        return f"a tool runs one statement: {reason}", verdict.line
    if verdict.kind not in (Kind.WRITE, Kind.DEFINE):
        return reason, verdict.line
    if read_only:
        return f"{_does(verdict)}, but it may only read (readOnlyHint: true, or a resource): {reason}", verdict.line
    return None


def is_unparsable(text: str, dialect: str) -> bool:
    """Return whether the guard can't read *text*; a database of this dialect may be able to."""
    return dialect in DIALECTS and judge(text, dialect).code is RefusalCode.UNPARSABLE


def _does(verdict: Verdict) -> str:
    return "it changes definitions" if verdict.kind is Kind.DEFINE else "it writes"
