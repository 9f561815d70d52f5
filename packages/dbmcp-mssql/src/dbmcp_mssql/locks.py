"""Which layers of read-only hold on an SQL Server source, asked of the server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dbmcp_core.database import Lock

__all__ = ["QUERIES", "look"]

_SESSION = """
SELECT @@TRANCOUNT AS depth, CAST(SESSIONPROPERTY('QUOTED_IDENTIFIER') AS INT) AS quoted,
       CAST(SESSIONPROPERTY('ANSI_NULLS') AS INT) AS nulls
"""
_ACCOUNT = """
SELECT SUSER_SNAME() AS account, IS_SRVROLEMEMBER('sysadmin') AS is_admin, IS_ROLEMEMBER('db_owner') AS is_owner,
       IS_ROLEMEMBER('db_datawriter') AS is_writer, IS_ROLEMEMBER('db_ddladmin') AS is_definer,
       HAS_PERMS_BY_NAME(NULL, NULL, 'CONTROL SERVER') AS controls,
       HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'INSERT') AS inserts,
       HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'UPDATE') AS updates,
       HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'DELETE') AS deletes,
       HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'EXECUTE') AS executes,
       HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'ALTER') AS alters
"""
_WRITABLE = """
SELECT TOP (1) CONCAT(s.name, N'.', o.name) AS writable
FROM sys.objects AS o JOIN sys.schemas AS s ON s.schema_id = o.schema_id
WHERE o.type = 'U' AND o.is_ms_shipped = 0 AND (
    HAS_PERMS_BY_NAME(CONCAT(QUOTENAME(s.name), N'.', QUOTENAME(o.name)), 'OBJECT', 'INSERT') = 1
    OR HAS_PERMS_BY_NAME(CONCAT(QUOTENAME(s.name), N'.', QUOTENAME(o.name)), 'OBJECT', 'UPDATE') = 1
    OR HAS_PERMS_BY_NAME(CONCAT(QUOTENAME(s.name), N'.', QUOTENAME(o.name)), 'OBJECT', 'DELETE') = 1)
"""
QUERIES = (_SESSION, _ACCOUNT, _WRITABLE)
_RIGHTS = (
    "is sysadmin", "is db_owner", "is db_datawriter", "is db_ddladmin", "controls the server", "may insert",
    "may update", "may delete", "may run procedures", "may alter the database",
)  # fmt: skip

Fetch = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]


def look(fetch: Fetch) -> list[Lock]:
    """Return the layers; *fetch* runs as reads do."""
    ((depth, quoted, nulls),) = fetch(_SESSION, ())
    return [
        Lock(
            "transaction",
            depth >= 1,
            "every read is in a transaction that is rolled back; SQL Server has no read-only one",
        ),
        Lock(
            "session options",
            (quoted, nulls) == (1, 1),
            "QUOTED_IDENTIFIER and ANSI_NULLS ON, as the guard reads quotes",
        ),
        _account(fetch),
    ]


def _account(fetch: Fetch) -> Lock:
    ((user, *has),) = fetch(_ACCOUNT, ())
    rights = [right for right, one in zip(_RIGHTS, has, strict=True) if one == 1]
    if not rights and (writable := fetch(_WRITABLE, ())):
        rights = [f"may write to {writable[0][0]}"]
    if rights:
        return Lock("account", False, f"{user} {', '.join(rights)}; use one that may only read")
    return Lock("account", True, f"{user} may only read")
