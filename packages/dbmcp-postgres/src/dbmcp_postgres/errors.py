"""What PostgreSQL says went wrong, as an error of dbmcp. https://www.postgresql.org/docs/current/errcodes-appendix.html"""

from __future__ import annotations

import re

import psycopg

from dbmcp_core.errors import (
    ConnectionFailed,
    DatabaseBusy,
    DbmcpError,
    QueryFailed,
    QueryTimeout,
    ResourceExhausted,
    StatementRefused,
)
from dbmcp_core.statement import RefusalCode
from dbmcp_postgres.parameters import UNTYPED

__all__ = ["translate"]

#: By SQLSTATE, or the class of it. Connections: lost, refused, shut down, too many, wrong account, no such database.
_CONNECTION = ("08", "57P", "53300", "28", "3D000", "25P03")
_HINTS = {
    "28": "Check user and password, and what the server's pg_hba.conf lets in.",
    "3D000": "Check the database's name.",
    "53300": "The server has no connection left: try again later, or with a lower max_concurrent.",
}
_REFUSED = "Check database, user and password, and what the server's pg_hba.conf lets in."
_UNREACHED = "Check host and port, and that the server is up."
_TYPED = "Write the parameter's type behind it, as in $name::text, $name::int or $name::text[]."
_BUSY = ("55P03", "40001", "40P01")
_EXHAUSTED = ("53", "54")
_NAME = re.compile(r'(?:[\w$]|"[^"]*")+(?:\.(?:[\w$]|"[^"]*")+)*')


def translate(error: Exception, text: str, prefix: str = "") -> DbmcpError:
    """Return the error for one of psycopg's that the statement *text* raised, sent behind *prefix*."""
    if not isinstance(error, psycopg.Error):
        return QueryFailed(f"PostgreSQL's driver can't take this: {error}.")
    state = error.sqlstate or ""
    if state == "57014" and "statement timeout" in str(error):
        return QueryTimeout("The server stopped the statement at its own time limit.", hint="Narrow it.")
    said = (error.diag.message_primary or str(error)).strip()
    if state.startswith(_CONNECTION) or (not state and _is_lost(error)):
        told = " ".join(said.split())
        unreached = _REFUSED if "FATAL" in told else _UNREACHED  # libpq gives no SQLSTATE before there is a connection
        hint = next((hint for start, hint in _HINTS.items() if state.startswith(start)), unreached)
        return ConnectionFailed(
            f"PostgreSQL: {told}{'' if told[-1:] in '.?' else '.'}", hint=hint, details=_details(state)
        )
    if state == "25006":
        message = f"PostgreSQL's own lock refused the statement: {said}."
        hint = "Only statements that read are allowed here."
        return StatementRefused(message, code=RefusalCode.NOT_A_READ, hint=hint)
    position = int(error.diag.statement_position or 0) - 1 - len(prefix)
    place = _place(text, position)
    where = f" (line {place['line']}, column {place['column']})" if place else ""
    kind = DatabaseBusy if state in _BUSY else ResourceExhausted if state.startswith(_EXHAUSTED) else QueryFailed
    detail = f" {error.diag.message_detail}" if error.diag.message_detail else ""
    missing = _NAME.match(text, position) if state == "42P01" and place else None
    return kind(
        f"PostgreSQL: {said.rstrip('.')}{where}.{detail}",
        hint=_TYPED if UNTYPED.search(said) else error.diag.message_hint,
        details={**_details(state), **place, **({"table": missing[0].replace('"', "")} if missing else {})},
    )


def _is_lost(error: psycopg.Error) -> bool:
    return isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError))


def _details(state: str) -> dict[str, object]:
    return {"sqlstate": state} if state else {}


def _place(text: str, position: int) -> dict[str, object]:
    """Return line and column, from 1, of the character that the server points to."""
    if not 0 <= position < len(text):
        return {}
    return {"line": text.count("\n", 0, position) + 1, "column": position - text.rfind("\n", 0, position)}
