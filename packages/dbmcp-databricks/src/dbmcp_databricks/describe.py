"""SHOW and DESCRIBE as our schema values, where there is no information schema: one question for each table."""

from __future__ import annotations

from collections.abc import Iterable

from dbmcp_core.errors import QueryFailed
from dbmcp_core.schema import ColumnInfo, TableName, TableSchema
from dbmcp_databricks.catalogue import Fetch, Row, Scope, kind_of, quoted

__all__ = ["read_names", "read_table"]

_SYSTEM = ("information_schema",)


def read_names(fetch: Fetch, scope: Scope) -> list[TableName]:
    """Return the names of all tables and views of *scope*."""
    wanted = scope.schema.lower() if scope.schema is not None else None
    schemas = [row[0].strip("`") for row in fetch(f"SHOW SCHEMAS IN {quoted(scope.catalog)}", ())]
    found = []
    for schema in schemas:
        if schema in _SYSTEM or wanted not in (None, schema.lower()):
            continue
        found += [
            TableName(name, schema, scope.catalog)
            for _, name, is_temporary, *_ in _shown(fetch, scope.catalog, schema)
            if not is_temporary and (scope.table is None or name.lower() == scope.table.lower())
        ]
    return found


def _shown(fetch: Fetch, catalog: str, schema: str) -> list[Row]:
    """Return schema, name and whether it is a temporary view."""
    try:
        return fetch(f"SHOW TABLES IN {quoted(catalog, schema)}", ())
    except QueryFailed:  # dropped meanwhile, or not for this account
        return []


def read_table(fetch: Fetch, name: TableName) -> TableSchema | None:
    """Return one table in full, or None if it has gone."""
    try:
        rows = fetch(f"DESCRIBE TABLE EXTENDED {quoted(*(p for p in (name.catalog, name.schema, name.name) if p))}", ())
    except QueryFailed:
        return None
    facts = {row[0]: row[1] for row in rows[_length(rows) :]}
    columns = tuple(ColumnInfo(row[0], row[1], comment=row[2] or None) for row in rows[: _length(rows)])
    return TableSchema(name, kind_of(facts.get("Type")), columns, comment=facts.get("Comment") or None)


def _length(rows: Iterable[Row]) -> int:
    """Return how many rows are columns: up to an empty one, or a headline."""
    count = 0
    for name, *_ in rows:
        if not name or name.startswith("# "):
            break
        count += 1
    return count
