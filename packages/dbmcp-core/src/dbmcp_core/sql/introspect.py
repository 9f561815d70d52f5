"""SQLAlchemy's inspector, as our schema: for engines that don't read their catalogue themselves.

Each call below is for all tables of a schema. Where SQLAlchemy's dialect has no bulk query, as on MySQL, it asks
table by table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.reflection import ObjectKind

from dbmcp_core.schema import ColumnInfo, ForeignKey, IndexInfo, TableName, TableSchema

__all__ = ["read_names", "read_tables"]

_SYSTEM = {"information_schema", "pg_catalog", "sys", "mysql", "performance_schema", "temp"}


def read_names(inspector: sa.Inspector) -> list[TableName]:
    """Return the names of all tables and views in all schemas but the system's."""
    return [TableName(name, schema) for schema in _schemas(inspector) for name, _ in _kinds(inspector, schema)]


def read_tables(inspector: sa.Inspector, only: TableName | None = None) -> list[TableSchema]:
    """Return all tables and views, or those that *only* may mean."""
    if only is not None and ("\x00" in only.name or only.catalog is not None):
        return []
    found = []
    for schema in _schemas(inspector):
        if only is not None and only.schema not in (None, schema):
            continue
        kinds = dict(_kinds(inspector, schema))
        names = [name for name in kinds if only is None or name == only.name]
        found += _read(inspector, schema, {name: kinds[name] for name in names})
    return found


def _schemas(inspector: sa.Inspector) -> list[str]:
    return [name for name in inspector.get_schema_names() if name.lower() not in _SYSTEM]


def _kinds(inspector: sa.Inspector, schema: str) -> Iterator[tuple[str, str]]:
    yield from ((name, "table") for name in inspector.get_table_names(schema))
    yield from ((name, "view") for name in inspector.get_view_names(schema))
    try:
        yield from ((name, "materialized view") for name in inspector.get_materialized_view_names(schema))
    except NotImplementedError:  # by a dialect that has none
        return


def _read(inspector: sa.Inspector, schema: str, kinds: Mapping[str, str]) -> list[TableSchema]:
    if not kinds:
        return []
    asked: dict[str, Any] = {"schema": schema, "filter_names": list(kinds), "kind": ObjectKind.ANY}
    columns = inspector.get_multi_columns(**asked)
    keys = inspector.get_multi_pk_constraint(**asked)
    references = inspector.get_multi_foreign_keys(**asked)
    indexes = inspector.get_multi_indexes(**asked)
    comments: Mapping[Any, Any] = {}
    try:
        comments = inspector.get_multi_table_comment(**asked)
    except NotImplementedError:  # by a dialect that has none
        comments = {}
    tables = []
    for name, kind in kinds.items():
        at = (schema, name)
        key = tuple(keys[at]["constrained_columns"] if at in keys else ()) if kind == "table" else ()
        tables.append(
            TableSchema(
                TableName(name, schema),
                kind,
                tuple(_column(column, key) for column in columns.get(at, ())),
                key,
                tuple(_index(index) for index in indexes.get(at, ())),
                tuple(_reference(reference, schema) for reference in references.get(at, ())),
                comments[at]["text"] if at in comments else None,
            )
        )
    return tables


def _column(found: Mapping[str, Any], key: Sequence[str]) -> ColumnInfo:
    generated = None
    if found.get("identity"):
        generated = "identity"
    elif found.get("computed"):
        generated = "stored" if found["computed"].get("persisted") else "virtual"
    name = found["name"]
    kind = "" if isinstance(found["type"], sa.types.NullType) else str(found["type"])
    return ColumnInfo(
        name, kind, found.get("nullable", True), name in key, found.get("default"), found.get("comment"), generated
    )


def _index(found: Mapping[str, Any]) -> IndexInfo:
    return IndexInfo(found["name"] or "", tuple(found["column_names"]), bool(found.get("unique")))


def _reference(found: Mapping[str, Any], schema: str) -> ForeignKey:
    options = found.get("options", {})
    return ForeignKey(
        tuple(found["constrained_columns"]),
        TableName(found["referred_table"], found.get("referred_schema") or schema),
        tuple(found["referred_columns"]),
        found.get("name"),
        options.get("ondelete"),
        options.get("onupdate"),
    )
