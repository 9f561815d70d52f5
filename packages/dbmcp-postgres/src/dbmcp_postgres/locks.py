"""Which layers of read-only hold on a PostgreSQL source, asked of the server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dbmcp_core.database import Lock
from dbmcp_core.errors import DatabaseError

__all__ = ["look"]

_SESSION = """
SELECT pg_catalog.current_setting('transaction_read_only'), pg_catalog.current_setting('statement_timeout'),
       pg_catalog.current_setting('standard_conforming_strings')
"""
_ACCOUNT = """
SELECT CURRENT_USER::text, r.rolsuper,
       ARRAY(SELECT g.rolname::text FROM pg_catalog.pg_roles g
             WHERE g.rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program',
                                 'pg_signal_backend', 'pg_write_all_data', 'pg_maintain')
               AND pg_catalog.pg_has_role(g.oid, 'USAGE') ORDER BY 1),
       (SELECT c.oid::pg_catalog.regclass::text FROM pg_catalog.pg_class c
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
          AND n.nspname NOT LIKE 'pg\\_t%'
          AND (pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
               OR pg_catalog.has_any_column_privilege(c.oid, 'INSERT, UPDATE')) LIMIT 1),
       pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')
FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER
"""

Fetch = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]


def look(fetch: Fetch) -> list[Lock]:
    """Return the layers; *fetch* runs as reads do."""
    ((read_only, timeout, strings),) = fetch(_SESSION, ())
    return [
        Lock("read-only transaction", read_only == "on", "BEGIN READ ONLY, always rolled back; the session is reset"),
        Lock("one statement", _one_only(fetch), "the extended protocol takes no second one"),
        Lock("time limit", timeout not in ("0", ""), f"statement_timeout = {timeout}"),
        Lock("strings", strings == "on", "standard_conforming_strings, as the guard reads them"),
        _account(fetch),
    ]


def _one_only(fetch: Fetch) -> bool:
    try:
        fetch("SELECT 1; SELECT 2", ())
    except DatabaseError as exc:
        return exc.details.get("sqlstate") == "42601"
    return False


def _account(fetch: Fetch) -> Lock:
    ((user, is_super, roles, table, may_create),) = fetch(_ACCOUNT, ())
    rights = ["is a superuser"] if is_super else []
    if not is_super:
        rights += [f"has the role {role}" for role in roles]
        rights += [f"may write to {table}"] if table else []
        rights += ["may create schemas"] if may_create else []
    if rights:
        return Lock("account", False, f"{user} {', '.join(rights)}; use one that may only read")
    return Lock("account", True, f"{user} may only read")
