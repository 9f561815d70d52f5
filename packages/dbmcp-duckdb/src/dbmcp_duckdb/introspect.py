"""DuckDB's catalogue as our schema values: four queries, however many tables there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from dbmcp_core import ColumnInfo, ForeignKey, IndexInfo, TableName, TableSchema

__all__ = ["NAMES", "TABLES", "name_of", "tables"]

Row = tuple[Any, ...]

_HERE = "database_name = current_database() AND NOT internal"
NAMES = f"""
SELECT schema_name, table_name FROM duckdb_tables() WHERE {_HERE}
UNION ALL SELECT schema_name, view_name FROM duckdb_views() WHERE {_HERE}
"""  # noqa: S608 - our own text
_TABLES = f"""
SELECT schema_name, table_name, 'table', comment, estimated_size FROM duckdb_tables() WHERE {_HERE}
UNION ALL SELECT schema_name, view_name, 'view', comment, NULL FROM duckdb_views() WHERE {_HERE}
"""  # noqa: S608 - our own text
_COLUMNS = f"""
SELECT schema_name, table_name, column_name, data_type, is_nullable, column_default, comment
FROM duckdb_columns() WHERE {_HERE} ORDER BY schema_name, table_name, column_index
"""  # noqa: S608 - our own text
_CONSTRAINTS = """
SELECT schema_name, table_name, constraint_type, constraint_column_names, constraint_name, referenced_table,
    referenced_column_names
FROM duckdb_constraints() WHERE database_name = current_database() ORDER BY schema_name, table_name, constraint_index
"""
_INDEXES = """
SELECT schema_name, table_name, index_name, CAST(expressions AS VARCHAR[]), is_unique
FROM duckdb_indexes() WHERE database_name = current_database() ORDER BY schema_name, table_name, index_name
"""
_GENERATED = """
SELECT schema_name, table_name, sql FROM duckdb_tables()
WHERE database_name = current_database() AND NOT internal AND contains(sql, 'GENERATED ALWAYS AS')
"""
#: What ``tables`` wants the rows of.
TABLES: list[tuple[str, Any]] = [(text, None) for text in (_TABLES, _COLUMNS, _CONSTRAINTS, _INDEXES, _GENERATED)]


def name_of(schema: str, name: str) -> TableName:
    """Return a table's name; the schema ``main`` goes without saying."""
    return TableName(name, None if schema == "main" else schema)


def tables(found: Sequence[Sequence[Row]]) -> list[TableSchema]:
    """Return every table and view, in order, of the rows that ``TABLES`` gave."""
    rows, columns, constraints, indexes, generated = found
    columns_of, constraints_of, indexes_of = _grouped(columns), _grouped(constraints), _grouped(indexes)
    texts = {(row[0], row[1]): row[2] for row in generated}
    made = []
    for schema, name, kind, comment, size in rows:
        key = (schema, name)
        primary = next((tuple(row[1]) for row in constraints_of[key] if row[0] == "PRIMARY KEY"), ())
        names = [row[0] for row in columns_of[key]]
        made.append(
            TableSchema(
                name_of(schema, name),
                kind,
                tuple(_column(row, primary, texts.get(key, "")) for row in columns_of[key]),
                primary,
                _indexes(indexes_of[key], constraints_of[key], names),
                tuple(_foreign_key(schema, row) for row in constraints_of[key] if row[0] == "FOREIGN KEY"),
                comment,
                size,
            )
        )
    return sorted(made, key=lambda table: str(table.name))


def _grouped(rows: Iterable[Row]) -> defaultdict[tuple[str, str], list[Row]]:
    found: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for schema, table, *rest in rows:
        found[schema, table].append(tuple(rest))
    return found


def _column(row: Row, primary: Sequence[str], sql: str) -> ColumnInfo:
    name, kind, nullable, default, comment = row
    # DuckDB 1 doesn't say which columns are computed, but gives their expression as the default.
    is_computed = bool(default) and f"GENERATED ALWAYS AS({_bare(default)})" in sql
    return ColumnInfo(
        name, kind, bool(nullable), name in primary, default, comment, generated="virtual" if is_computed else None
    )


def _bare(default: str) -> str:
    """Return the expression of a computed column without the cast to its type that DuckDB puts around it."""
    return default.removeprefix("CAST(").rpartition(" AS ")[0] if default.startswith("CAST(") else default


def _indexes(rows: Sequence[Row], constraints: Sequence[Row], names: Sequence[str]) -> tuple[IndexInfo, ...]:
    written = {form: name for name in names for form in (name, '"' + name.replace('"', '""') + '"')}
    found = [IndexInfo(name, tuple(written.get(item) for item in items), unique) for name, items, unique in rows]
    keys = [IndexInfo(row[2] or "", tuple(row[1]), unique=True) for row in constraints if row[0] == "UNIQUE"]
    return tuple(sorted(found + keys, key=lambda index: index.name))


def _foreign_key(schema: str, row: Row) -> ForeignKey:
    _, columns, name, target, target_columns = row
    # DuckDB has neither foreign keys between schemas nor actions on delete or update.
    return ForeignKey(tuple(columns), name_of(schema, target), tuple(target_columns), name)
