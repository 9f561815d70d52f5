"""Which layers of read-only hold on a MySQL or MariaDB source, asked of the server."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from dbmcp_core.database import Lock
from dbmcp_core.errors import DatabaseError, DbmcpError

__all__ = ["look"]

Fetch = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]

#: Modes under which the server reads quotes, backslashes, bars or comments in another way than the guard.
_MODES = ("ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "PIPES_AS_CONCAT", "ORACLE", "MSSQL", "DB2", "POSTGRESQL", "ANSI")
#: What an account that only reads has.
_HARMLESS = frozenset(
    ("USAGE", "SELECT", "SHOW VIEW", "SHOW DATABASES", "PROCESS", "EXECUTE", "REFERENCES", "SHOW_ROUTINE")
)
_SETTINGS = """
SHOW VARIABLES WHERE variable_name IN
    ('max_statement_time', 'max_execution_time', 'tx_read_only', 'transaction_read_only', 'sql_mode')
"""
_READ_ONLY, _DENIED = 1792, 1142
#: There is no such table; a transaction that can write would say so.
_WRITE = "DELETE FROM mysql.`dbmcp has no such table`"
_GRANT = re.compile(r"GRANT (?P<rights>.+?) ON (?:TABLE |FUNCTION |PROCEDURE |PACKAGE )?(?P<where>\S+) TO ", re.DOTALL)


def look(fetch: Fetch) -> list[Lock]:
    """Return the layers; *fetch* runs as reads do."""
    found: dict[str, str] = dict(fetch(_SETTINGS, ()))
    name = "max_statement_time" if "max_statement_time" in found else "max_execution_time"
    is_read_only = "ON" in (found.get("tx_read_only"), found.get("transaction_read_only"))
    odd = [word for word in _MODES if word in found["sql_mode"].split(",")]
    return [
        Lock(
            "read-only transaction",
            is_read_only and _errno(fetch, _WRITE) in (_READ_ONLY, _DENIED),
            "tried; the session's default, too; always rolled back, the session is reset",
        ),
        Lock("one statement", _errno(fetch, "SELECT 1; SELECT 2") == 1064, "no second one is prepared; tried"),
        Lock("local files", True, "LOCAL INFILE is off; a server that asks for a file gets none"),
        Lock("time limit", float(found.get(name, 0)) > 0, f"{name} = {found.get(name)}"),
        Lock("strings", not odd, f"sql_mode = {found['sql_mode']}"),
        _account(fetch),
    ]


def _errno(fetch: Fetch, text: str) -> object:
    try:
        fetch(text, ())
    except DbmcpError as exc:
        return exc.details.get("errno")
    return None


def _account(fetch: Fetch) -> Lock:
    ((user,),) = fetch("SELECT CURRENT_USER()", ())
    try:
        grants = [str(row[0]) for row in fetch("SHOW GRANTS", ())]
    except DatabaseError as exc:
        return Lock("account", False, f"{user}: its rights can't be read ({exc.message})")
    found: list[str] = []
    for grant in grants:
        found += _beyond_reading(grant)
    if found:
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        return Lock("account", False, f"{user} has {', '.join(found[:3])}{more}; use one that may only read")
    return Lock("account", True, f"{user} may only read")


def _beyond_reading(grant: str) -> list[str]:
    """Return what one line of SHOW GRANTS allows beyond reading."""
    found = _GRANT.match(grant)
    if found is None:
        return [grant.partition(" TO ")[0].removeprefix("GRANT ") + " (a role)"]
    rights = re.sub(r"\([^)]*\)", "", found["rights"]).split(",")  # without the columns that they are for
    rights += ["GRANT OPTION"] if "WITH GRANT OPTION" in grant else []
    return [f"{right.strip()} on {found['where']}" for right in rights if right.strip() not in _HARMLESS]
