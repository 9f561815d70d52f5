"""SQL Server's catalogue as our schema values: a fixed number of queries, however many tables there are."""

# ruff: noqa: S608 - the queries are made of our own constants

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from dbmcp_core.schema import ColumnInfo, ForeignKey, IndexInfo, TableName, TableSchema

__all__ = ["QUERIES", "Fetch", "find", "read_names", "read_tables"]

Row = tuple[Any, ...]
#: Runs one query with its ``?`` parameters, and returns all its rows.
Fetch = Callable[[str, Sequence[Any]], list[Row]]

#: The catalogue shows an account what it has any right on.
_OURS = "o.type IN ('U', 'V') AND o.is_ms_shipped = 0"
_ONE = f"{_OURS} AND o.object_id = ?"
_COMMENT = """LEFT JOIN sys.extended_properties AS p
    ON p.class = 1 AND p.major_id = o.object_id AND p.minor_id = {minor} AND p.name = N'MS_Description'"""
_NAMES = f"""
SELECT o.object_id, s.name AS schema_name, o.name AS table_name
FROM sys.objects AS o JOIN sys.schemas AS s ON s.schema_id = o.schema_id WHERE {_OURS}
"""
_TABLES = f"""
SELECT o.object_id, s.name AS schema_name, o.name AS table_name, o.type, CAST(p.value AS NVARCHAR(4000)) AS comment,
       (SELECT SUM(r.rows) FROM sys.partitions AS r
        WHERE r.object_id = o.object_id AND r.index_id IN (0, 1)) AS estimate
FROM sys.objects AS o JOIN sys.schemas AS s ON s.schema_id = o.schema_id
{_COMMENT.format(minor="0")}
WHERE {{which}}
"""
_COLUMNS = f"""
SELECT c.object_id, c.name, t.name AS type_name, c.max_length, c.precision, c.scale, c.is_nullable, c.is_identity,
       k.is_persisted, d.definition AS default_value, CAST(p.value AS NVARCHAR(4000)) AS comment
FROM sys.objects AS o JOIN sys.columns AS c ON c.object_id = o.object_id
JOIN sys.types AS t ON t.user_type_id = c.user_type_id
LEFT JOIN sys.default_constraints AS d ON d.object_id = c.default_object_id
LEFT JOIN sys.computed_columns AS k ON k.object_id = c.object_id AND k.column_id = c.column_id
{_COMMENT.format(minor="c.column_id")}
WHERE {{which}} ORDER BY c.object_id, c.column_id
"""
#: A column that an index only includes has no place in its key.
_INDEXES = """
SELECT i.object_id, i.name, i.is_unique, i.is_primary_key, i.filter_definition, c.name AS column_name
FROM sys.objects AS o JOIN sys.indexes AS i ON i.object_id = o.object_id
JOIN sys.index_columns AS x ON x.object_id = i.object_id AND x.index_id = i.index_id
JOIN sys.columns AS c ON c.object_id = x.object_id AND c.column_id = x.column_id
WHERE {which} AND i.is_hypothetical = 0 AND i.is_disabled = 0 AND x.is_included_column = 0 AND x.key_ordinal > 0
ORDER BY i.object_id, i.index_id, x.key_ordinal
"""
_FOREIGN_KEYS = """
SELECT f.parent_object_id, f.object_id, f.name, s.name AS schema_name, r.name AS table_name,
       f.delete_referential_action_desc, f.update_referential_action_desc, a.name AS own, b.name AS target
FROM sys.objects AS o JOIN sys.foreign_keys AS f ON f.parent_object_id = o.object_id
JOIN sys.foreign_key_columns AS k ON k.constraint_object_id = f.object_id
JOIN sys.objects AS r ON r.object_id = f.referenced_object_id
JOIN sys.schemas AS s ON s.schema_id = r.schema_id
JOIN sys.columns AS a ON a.object_id = f.parent_object_id AND a.column_id = k.parent_column_id
JOIN sys.columns AS b ON b.object_id = f.referenced_object_id AND b.column_id = k.referenced_column_id
WHERE {which} ORDER BY f.parent_object_id, f.name, f.object_id, k.constraint_column_id
"""
#: Every query, for those who want to look at them.
QUERIES = (
    _NAMES,
    *(query.format(which=w) for query in (_TABLES, _COLUMNS, _INDEXES, _FOREIGN_KEYS) for w in (_OURS, _ONE)),
)
_KINDS = {"U": "table", "V": "view"}
_WITH_LENGTH = {"char", "varchar", "binary", "varbinary"}
_WIDE = {"nchar", "nvarchar"}
_WITH_SCALE = {"datetime2", "datetimeoffset", "time"}


def read_names(fetch: Fetch) -> list[TableName]:
    """Return the names of all tables and views, always with their schema."""
    return [TableName(name, schema) for _, schema, name in fetch(_NAMES, ())]


def find(fetch: Fetch, wanted: TableName) -> int | None:
    """Return the id of the table that *wanted* means, or None; the name alone may be ``schema.table``.

    Spelled exactly comes before another case, the schema ``dbo`` before others; else only one may have that name.
    """
    found = []
    for number, schema, name in fetch(_NAMES, ()):
        dotted = f"{schema}.{name}"
        spellings = [dotted, name] if wanted.schema is None else [dotted]
        asked = wanted.name if wanted.schema is None else f"{wanted.schema}.{wanted.name}"
        for spelling in spellings:
            if spelling.lower() == asked.lower():
                found.append(((spelling != asked, spelling == name and schema != "dbo"), number))
                break
    best = min((rank for rank, _ in found), default=None)
    numbers = [number for rank, number in found if rank == best]
    return int(numbers[0]) if len(numbers) == 1 else None


def read_tables(fetch: Fetch, number: int | None = None) -> list[TableSchema]:
    """Return all tables and views in full, or the one with this id."""
    which, params = (_OURS, ()) if number is None else (_ONE, (number,))
    tables = fetch(_TABLES.format(which=which), params)
    parts = [_grouped(fetch(query.format(which=which), params)) for query in (_COLUMNS, _INDEXES, _FOREIGN_KEYS)]
    return [_table(row, *(part.get(row[0], []) for part in parts)) for row in tables]


def _grouped(rows: Iterable[Row]) -> dict[int, list[Row]]:
    return {key: list(of_one) for key, of_one in groupby(rows, itemgetter(0))}


def _table(row: Row, columns: Sequence[Row], indexes: Sequence[Row], keys: Sequence[Row]) -> TableSchema:
    _, schema, name, kind, comment, estimate = row
    primary = tuple(index[5] for index in indexes if index[3])
    return TableSchema(
        TableName(name, schema),
        _KINDS[kind.strip()],
        tuple(_column(column, primary) for column in columns),
        primary,
        tuple(_indexes(indexes)),
        tuple(_foreign_keys(keys)),
        comment,
        int(estimate) if estimate is not None and kind.strip() == "U" else None,
    )


def _column(row: Row, primary: Sequence[str]) -> ColumnInfo:
    _, name, kind, length, precision, scale, nullable, identity, persisted, default, comment = row
    generated = "identity" if identity else None if persisted is None else "stored" if persisted else "virtual"
    spelled = _type(kind, length, precision, scale)
    return ColumnInfo(name, spelled, bool(nullable), name in primary, default, comment, generated)


def _type(name: str, length: int, precision: int, scale: int) -> str:
    if name in _WITH_LENGTH or name in _WIDE:
        return f"{name}({'max' if length < 0 else length // 2 if name in _WIDE else length})"
    if name in ("decimal", "numeric"):
        return f"{name}({precision},{scale})"
    return f"{name}({scale})" if name in _WITH_SCALE else name


def _indexes(rows: Iterable[Row]) -> Iterable[IndexInfo]:
    for (name, unique, primary, where), of_one in groupby(rows, itemgetter(1, 2, 3, 4)):
        if not primary:
            yield IndexInfo(name, tuple(row[5] for row in of_one), bool(unique), where)


def _foreign_keys(rows: Iterable[Row]) -> Iterable[ForeignKey]:
    for (_, name, schema, table, on_delete, on_update), of_one in groupby(rows, itemgetter(1, 2, 3, 4, 5, 6)):
        pairs = [(row[7], row[8]) for row in of_one]
        actions = [None if action == "NO_ACTION" else action.replace("_", " ") for action in (on_delete, on_update)]
        columns, targets = tuple(own for own, _ in pairs), tuple(target for _, target in pairs)
        yield ForeignKey(columns, TableName(table, schema), targets, name, *actions)
