"""The server's catalogue as our schema values: a fixed number of queries, however many tables there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from dbmcp_core.schema import ColumnInfo, ForeignKey, IndexInfo, TableName, TableSchema

__all__ = ["Fetch", "find", "read_names", "read_tables"]

Row = tuple[Any, ...]
#: Runs one query with its ``?`` parameters, and returns all its rows.
Fetch = Callable[[str, Sequence[Any]], list[Row]]
#: By database and table.
_Key = tuple[str, str]

_SYSTEM = "('information_schema', 'mysql', 'performance_schema', 'sys')"
_NAMES = (
    "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type NOT IN ('SEQUENCE', 'TEMPORARY')"
)
_TABLES = """
SELECT table_schema, table_name, table_type, table_rows, table_comment FROM information_schema.tables
WHERE table_type NOT IN ('SEQUENCE', 'TEMPORARY')
"""
_COLUMNS = """
SELECT table_schema, table_name, column_name, column_type, is_nullable, column_default, extra, column_comment
FROM information_schema.columns WHERE 1 = 1
"""
_INDEXES = """
SELECT table_schema, table_name, index_name, non_unique, column_name, seq_in_index
FROM information_schema.statistics WHERE 1 = 1
"""
_KEYS = """
SELECT table_schema, table_name, constraint_name, column_name, referenced_table_schema, referenced_table_name,
       referenced_column_name
FROM information_schema.key_column_usage WHERE referenced_table_name IS NOT NULL
"""
_RULES = """
SELECT constraint_schema, table_name, constraint_name, delete_rule, update_rule
FROM information_schema.referential_constraints WHERE 1 = 1
"""
_KINDS = {"BASE TABLE": "table", "VIEW": "view", "SYSTEM VIEW": "view", "SYSTEM VERSIONED": "system versioned table"}
_GENERATED = (("VIRTUAL", "virtual"), ("STORED", "stored"), ("PERSISTENT", "stored"), ("auto_increment", "identity"))


def _fetch(fetch: Fetch, query: str, schema: str | None, table: str | None = None) -> list[Row]:
    """Run *query* for one table, for those of one database, or for all but the system's."""
    column = "constraint_schema" if "constraint_schema" in query else "table_schema"
    if schema is None:
        return fetch(f"{query} AND {column} NOT IN {_SYSTEM}", ())
    if table is None:
        return fetch(f"{query} AND {column} = ?", (schema,))
    return fetch(f"{query} AND {column} = ? AND table_name = ?", (schema, table))


def read_names(fetch: Fetch, schema: str | None) -> list[TableName]:
    """Return the names of all tables and views of *schema*, or of every database; always with the database."""
    return [TableName(name, of) for of, name in _fetch(fetch, _NAMES, schema)]


def find(fetch: Fetch, wanted: TableName, connected: str | None, listed: str | None) -> TableName | None:
    """Return the table that *wanted* means; without a database, the *connected* one's goes before another's.

    The name alone may be ``database.table``. Spelled exactly goes before any other case.
    """
    schema = wanted.schema or connected
    if schema is not None and _fetch(fetch, _NAMES, schema, wanted.name) == [(schema, wanted.name)]:
        return TableName(wanted.name, schema)
    names = read_names(fetch, wanted.schema or listed)
    spelled = str(TableName(wanted.name, wanted.schema))
    ranked = sorted((_rank(name, spelled, connected), name) for name in names if _rank(name, spelled, connected))
    if not ranked or (len(ranked) > 1 and ranked[0][0] == ranked[1][0]):
        return None
    return ranked[0][1]


def _rank(name: TableName, spelled: str, connected: str | None) -> int:
    """Return how well a name fits, the best one first; 0 for not at all."""
    forms = [name.name, str(name)] if name.schema == connected else [str(name), name.name]
    folded = [form.lower() for form in forms]
    if spelled in forms:
        return 1 + forms.index(spelled)
    return 3 + folded.index(spelled.lower()) if spelled.lower() in folded else 0


def read_tables(fetch: Fetch, schema: str | None, table: str | None = None) -> list[TableSchema]:
    """Return all tables and views of *schema* (None: of every database) in full, or the one called *table*."""
    columns = _grouped(_fetch(fetch, _COLUMNS, schema, table), order=None)
    indexes = _grouped(_fetch(fetch, _INDEXES, schema, table), order=itemgetter(2, 5))
    keys = _grouped(_fetch(fetch, _KEYS, schema, table), order=itemgetter(2))
    rules = {tuple(row[:3]): row[3:] for row in _fetch(fetch, _RULES, schema, table)} if keys else {}
    found = []
    for of, name, kind, rows, comment in _fetch(fetch, _TABLES, schema, table):
        key = (of, name)
        primary = tuple(row[4] for row in indexes.get(key, ()) if row[2] == "PRIMARY")
        is_view = kind in ("VIEW", "SYSTEM VIEW")
        found.append(
            TableSchema(
                TableName(name, of),
                _KINDS.get(kind, kind.lower()),
                tuple(_column(row, primary) for row in columns.get(key, ())),
                primary,
                tuple(_indexes(indexes.get(key, ()))),
                tuple(_foreign_keys(keys.get(key, ()), rules)),
                None if is_view else comment or None,
                None if is_view or rows is None else int(rows),
            )
        )
    return found


def _grouped(rows: list[Row], order: Callable[[Row], Any] | None) -> dict[_Key, list[Row]]:
    found: dict[_Key, list[Row]] = {}
    for row in sorted(rows, key=order) if order is not None else rows:
        found.setdefault((row[0], row[1]), []).append(row)
    return found


def _column(row: Row, primary: Sequence[str]) -> ColumnInfo:
    _, _, name, kind, nullable, default, extra, comment = row
    generated = next((word for mark, word in _GENERATED if mark in (extra or "")), None)
    # MariaDB writes expressions, of which NULL is one; MySQL says nothing then.
    known = default if default != "NULL" and generated not in ("virtual", "stored") else None
    return ColumnInfo(name, kind, nullable == "YES", name in primary, known, comment or None, generated)


def _indexes(rows: Iterable[Row]) -> Iterable[IndexInfo]:
    for name, of_one in groupby(rows, itemgetter(2)):
        parts = list(of_one)
        if name != "PRIMARY":
            yield IndexInfo(name, tuple(part[4] for part in parts), not parts[0][3])


def _foreign_keys(rows: Iterable[Row], rules: dict[tuple[Any, ...], Row]) -> Iterable[ForeignKey]:
    for name, of_one in groupby(rows, itemgetter(2)):
        parts = list(of_one)
        on_delete, on_update = rules.get(tuple(parts[0][:3]), (None, None))
        columns, targets = tuple(part[3] for part in parts), tuple(part[6] for part in parts)
        target = TableName(parts[0][5], parts[0][4])
        yield ForeignKey(columns, target, targets, name, _action(on_delete), _action(on_update))


def _action(rule: str | None) -> str | None:
    return None if rule in (None, "NO ACTION", "RESTRICT") else rule
