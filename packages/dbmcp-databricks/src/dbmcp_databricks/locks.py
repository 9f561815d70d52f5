"""Which layers of read-only hold on a Databricks source, asked of the warehouse."""

from __future__ import annotations

from dbmcp_core.database import Lock
from dbmcp_core.errors import DatabaseError
from dbmcp_databricks.catalogue import Fetch

__all__ = ["look"]


def look(fetch: Fetch) -> list[Lock]:
    """Return the layers; *fetch* runs as reads do."""
    ((user,),) = fetch("SELECT current_user()", ())
    return [
        Lock("one statement", _one_only(fetch), "the service itself takes no second one"),
        _time_limit(fetch),
        Lock(
            "account",
            False,
            f"what {user} may do isn't known here, and Databricks has no read-only session: "
            "grant it USE CATALOG, USE SCHEMA and SELECT alone",
        ),
    ]


def _one_only(fetch: Fetch) -> bool:
    try:
        fetch("SELECT 1; SELECT 2", ())
    except DatabaseError as error:
        return error.details.get("sqlstate") == "42601"
    return False


def _time_limit(fetch: Fetch) -> Lock:
    rows = fetch("SET STATEMENT_TIMEOUT", ())
    limit = str(rows[0][-1]) if rows else ""
    return Lock("time limit", limit.isdigit() and limit != "0", f"STATEMENT_TIMEOUT = {limit} s in the session")
