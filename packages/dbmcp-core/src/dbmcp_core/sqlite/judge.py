"""SQLite's own parser on what the guard could not parse."""

from __future__ import annotations

import dataclasses
import sqlite3

from dbmcp_core.schema import TableName
from dbmcp_core.sqlite.errors import wrapped
from dbmcp_core.sqlite.reading import Describer
from dbmcp_core.statement import Kind, RefusalCode, Statement, Verdict

__all__ = ["second_opinion"]


def second_opinion(describer: Describer, statement: Statement, verdict: Verdict) -> Verdict:
    """Return *verdict*, or SQLite's own where the guard's parser failed on a statement that SQLite understands.

    SQLite compiles the statement under ``EXPLAIN`` with an authorizer that allows reading alone: nothing runs, and
    what compiles can only read.
    """
    if verdict.code is not RefusalCode.UNPARSABLE:
        return verdict
    authorizer, error = describer.compile(statement.text, statement.params)
    tables = frozenset(TableName(name) for name in authorizer.tables)
    if error is None:
        return Verdict(Kind.READ, tables)
    if authorizer.denied is not None:
        kind = authorizer.kind_denied()
        return Verdict(kind, tables, code=RefusalCode.NOT_A_READ, reason="SQLite says that it does not only read.")
    if isinstance(error, sqlite3.ProgrammingError) and "one statement" in str(error):
        return dataclasses.replace(verdict, code=RefusalCode.MULTIPLE, reason="Only one statement is allowed.")
    return _as_sqlite_says(statement, verdict, error)


def _as_sqlite_says(statement: Statement, verdict: Verdict, error: sqlite3.Error) -> Verdict:
    try:
        with wrapped(statement.text):
            raise error
    except Exception as exc:  # noqa: BLE001 - whatever it is, it is only quoted
        line, column = getattr(exc, "details", {}).get("line"), getattr(exc, "details", {}).get("column")
        reason = getattr(exc, "message", str(exc))
    return dataclasses.replace(verdict, reason=reason, line=line or verdict.line, column=column or verdict.column)
