"""What Spark has no information schema for: inline rows in its place, from SHOW, DESCRIBE and our own properties.

Keys are no part of Spark's own tables, and files may hold NULL anywhere; a test declares both as ``TBLPROPERTIES
('test.not_null' = 'id,author_id', 'test.primary_key' = 'id', 'test.foreign_key' = 'author_id:author:id')``.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from typing import Any

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

__all__ = ["replaced"]

_NAMED = re.compile(r"(?:(?P<catalog>`(?:[^`]|``)+`|\w+)\.)?information_schema\.(?P<table>\w+)", re.I)
_COLUMNS = {
    "schemata": "catalog_name schema_name comment",
    "tables": "table_catalog table_schema table_name table_type comment",
    "columns": "table_catalog table_schema table_name column_name ordinal_position column_default is_nullable "
    "full_data_type comment",
    "table_constraints": "constraint_catalog constraint_schema constraint_name table_catalog table_schema table_name "
    "constraint_type",
    "key_column_usage": "constraint_catalog constraint_schema constraint_name table_catalog table_schema table_name "
    "column_name ordinal_position position_in_unique_constraint",
    "referential_constraints": "constraint_catalog constraint_schema constraint_name unique_constraint_catalog "
    "unique_constraint_schema unique_constraint_name match_option update_rule delete_rule",
}
_HIDDEN = re.compile(r"SYS\w*|NULLID|SQLJ|information_schema", re.I)
#: What this thread's statement was told already, by catalog.
_told = threading.local()


def replaced(session: SparkSession, text: str) -> str:
    """Return *text* with the tables of an information schema as inline rows."""
    if "information_schema" not in text.lower():
        return text
    _told.by_catalog = {}
    return _NAMED.sub(lambda found: _inline(session, found["catalog"], found["table"].lower()), text)


def _inline(session: SparkSession, catalog: str | None, table: str) -> str:
    name = catalog.strip("`").replace("``", "`") if catalog else session.catalog.currentCatalog()
    columns = _COLUMNS[table].split()
    rows = [f"({', '.join(map(_literal, row))})" for row in _ROWS[table](session, name)]
    nothing = f"({', '.join('0' if 'position' in column else _NONE for column in columns)})"
    inner = f"SELECT * FROM VALUES {', '.join(rows or [nothing])} AS t({', '.join(columns)})"
    return f"({inner}{'' if rows else ' WHERE false'})"


_NONE = "CAST(NULL AS STRING)"


def _literal(value: Any) -> str:
    if value is None or isinstance(value, int):
        return _NONE if value is None else str(value)
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _quoted(*parts: str) -> str:
    return ".".join("`" + part.replace("`", "``") + "`" for part in parts)


def _schemas(session: SparkSession, catalog: str) -> list[str]:
    names = [row[0] for row in session.sql(f"SHOW SCHEMAS IN {_quoted(catalog)}").collect()]
    return [name.strip("`") for name in names if not _HIDDEN.fullmatch(name)]


def _described(session: SparkSession, catalog: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Describe every table, once a statement."""
    if catalog not in _told.by_catalog:
        _told.by_catalog[catalog] = list(_describe(session, catalog))
    return _told.by_catalog[catalog]


def _describe(session: SparkSession, catalog: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for schema in _schemas(session, catalog):
        for row in session.sql(f"SHOW TABLES IN {_quoted(catalog, schema)}").collect():
            if row["isTemporary"]:
                continue
            name = row["tableName"]
            try:
                told = session.sql(f"DESCRIBE TABLE EXTENDED {_quoted(catalog, schema, name)} AS JSON").collect()
                yield schema, name, json.loads(told[0][0])
            except PySparkException:  # dropped meanwhile, or of a catalog that has no JSON
                fields = session.table(_quoted(catalog, schema, name)).schema.fields
                columns = [{"name": f.name, "type": f.dataType.simpleString(), "nullable": f.nullable} for f in fields]
                yield schema, name, {"columns": columns}


def _tables(session: SparkSession, catalog: str) -> Iterator[tuple[Any, ...]]:
    for schema, name, told in _described(session, catalog):
        yield catalog, schema, name, told.get("type", "MANAGED"), told.get("comment")


def _columns(session: SparkSession, catalog: str) -> Iterator[tuple[Any, ...]]:
    for schema, name, told in _described(session, catalog):
        required = told.get("table_properties", {}).get("test.not_null", "").split(",")
        fields = {field.name: field.dataType for field in session.table(_quoted(catalog, schema, name)).schema.fields}
        for number, column in enumerate(told["columns"]):
            kind = fields[column["name"]].simpleString()
            nullable = "NO" if column["name"] in required or not column.get("nullable", True) else "YES"
            yield (
                catalog,
                schema,
                name,
                column["name"],
                number,
                column.get("default"),
                nullable,
                kind,
                column.get("comment"),
            )


def _keys(session: SparkSession, catalog: str) -> Iterator[tuple[str, str, str, list[str], str | None]]:
    """Yield schema, table, kind, columns and target of each declared key."""
    for schema, name, told in _described(session, catalog):
        properties = told.get("table_properties", {})
        if key := properties.get("test.primary_key"):
            yield schema, name, "PRIMARY KEY", key.split(","), None
        if key := properties.get("test.foreign_key"):
            column, target, _ = key.split(":")
            yield schema, name, "FOREIGN KEY", column.split(","), target


def _constraint(name: str, kind: str) -> str:
    return f"{name}_{'pk' if kind == 'PRIMARY KEY' else 'fk'}"


def _table_constraints(session: SparkSession, catalog: str) -> Iterator[tuple[Any, ...]]:
    for schema, name, kind, _, _ in _keys(session, catalog):
        yield catalog, schema, _constraint(name, kind), catalog, schema, name, kind


def _key_column_usage(session: SparkSession, catalog: str) -> Iterator[tuple[Any, ...]]:
    for schema, name, kind, columns, target in _keys(session, catalog):
        for number, column in enumerate(columns, 1):
            place = number if target else 0
            yield catalog, schema, _constraint(name, kind), catalog, schema, name, column, number, place


def _referential_constraints(session: SparkSession, catalog: str) -> Iterator[tuple[Any, ...]]:
    for schema, name, kind, _, target in _keys(session, catalog):
        if target:
            there = (catalog, schema, _constraint(target, "PRIMARY KEY"))
            yield catalog, schema, _constraint(name, kind), *there, "FULL", "NO ACTION", "NO ACTION"


_ROWS = {
    "schemata": lambda session, catalog: ((catalog, schema, None) for schema in _schemas(session, catalog)),
    "tables": _tables,
    "columns": _columns,
    "table_constraints": _table_constraints,
    "key_column_usage": _key_column_usage,
    "referential_constraints": _referential_constraints,
}
