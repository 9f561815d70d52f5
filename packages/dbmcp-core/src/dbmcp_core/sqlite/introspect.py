"""SQLite's catalogue as our schema values: a fixed number of queries, however many tables there are."""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from dbmcp_core.schema import ColumnInfo, ForeignKey, IndexInfo, TableName, TableSchema

__all__ = ["read_names", "read_tables"]

_TABLES = """
SELECT name, type, wr FROM pragma_table_list
WHERE schema = 'main' AND type <> 'shadow' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name
"""
_COLUMNS = """
SELECT t.name, c.name, c.type, c."notnull", c.dflt_value, c.pk, c.hidden
FROM pragma_table_list t JOIN pragma_table_xinfo(t.name, 'main') c
WHERE t.schema = 'main' AND t.name IN ({}) ORDER BY t.name, c.cid
"""
_INDEXES = """
SELECT t.name, i.name, i."unique", i.origin, x.name, m.sql
FROM pragma_table_list t JOIN pragma_index_list(t.name, 'main') i JOIN pragma_index_xinfo(i.name, 'main') x
LEFT JOIN sqlite_master m ON m.type = 'index' AND m.name = i.name
WHERE t.schema = 'main' AND t.name IN ({}) AND x."key" ORDER BY t.name, i.name, x.seqno
"""
_FOREIGN_KEYS = """
SELECT t.name, f.id, f."table", f."from", f."to", f.on_update, f.on_delete
FROM pragma_table_list t JOIN pragma_foreign_key_list(t.name, 'main') f
WHERE t.schema = 'main' AND t.name IN ({}) ORDER BY t.name, f.id, f.seq
"""
#: SQLite's limit on bound parameters is higher; one query for this many tables.
_AT_ONCE = 500
_GENERATED = {2: "virtual", 3: "stored"}
_WHERE = re.compile(r"\)\s*where\s+(?P<where>.*)\Z", re.I | re.S)

Row = tuple[Any, ...]


def read_names(connection: sqlite3.Connection) -> list[str]:
    """Return the names of all tables and views, sorted."""
    return [row[0] for row in connection.execute(_TABLES)]


def read_tables(connection: sqlite3.Connection, names: Sequence[str] | None = None) -> list[TableSchema]:
    """Return all tables, or those of *names* that there are, in full and sorted by name."""
    kinds: dict[str, tuple[str, bool]] = {
        row[0]: (row[1], bool(row[2])) for row in connection.execute(_TABLES) if names is None or row[0] in names
    }
    columns, broken = _columns(connection, list(kinds))
    indexes = _grouped(connection, _INDEXES, list(kinds))
    keys = _grouped(connection, _FOREIGN_KEYS, list(kinds))
    counts = _estimates(connection)
    tables = []
    for name, (kind, without_rowid) in kinds.items():
        rows = columns[name]
        primary = tuple(row[0] for row in sorted(rows, key=lambda row: row[4]) if row[4])
        rowid = primary if len(primary) == 1 and not without_rowid else ()
        tables.append(
            TableSchema(
                TableName(name),
                "virtual table" if kind == "virtual" else kind,
                tuple(
                    _column(row, filled=without_rowid or ((row[0],) == rowid and row[1].upper() == "INTEGER"))
                    for row in rows
                    if row[5] != 1
                ),
                primary,
                _indexes(indexes[name]),
                _foreign_keys(keys[name]),
                comment=broken.get(name),
                estimated_rows=counts.get(name),
            )
        )
    return tables


def _grouped(connection: sqlite3.Connection, query: str, names: Sequence[str]) -> defaultdict[str, list[Row]]:
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for start in range(0, len(names), _AT_ONCE):
        some = names[start : start + _AT_ONCE]
        for name, *rest in connection.execute(query.format(",".join("?" * len(some))), some):
            found[name].append(tuple(rest))
    return found


def _columns(
    connection: sqlite3.Connection, names: Sequence[str]
) -> tuple[defaultdict[str, list[Row]], dict[str, str]]:
    """Return the columns by table; and for each view that SQLite can't resolve, its reason."""
    try:
        return _grouped(connection, _COLUMNS, names), {}
    except sqlite3.OperationalError:
        found: defaultdict[str, list[Row]] = defaultdict(list)
        broken = {}
        for name in names:  # one view over a dropped table must not hide the others
            try:
                found.update(_grouped(connection, _COLUMNS, [name]))
            except sqlite3.OperationalError as exc:
                broken[name] = f"broken: {exc}"
        return found, broken


def _column(row: Row, *, filled: bool) -> ColumnInfo:
    """Return one column; *filled* says that its table fills a primary key by itself or refuses NULL in it."""
    name, kind, not_null, default, primary, hidden = row
    never_null = bool(not_null) or bool(primary and filled)
    return ColumnInfo(name, kind, not never_null, bool(primary), default, generated=_GENERATED.get(hidden))


def _indexes(rows: Sequence[Row]) -> tuple[IndexInfo, ...]:
    found: dict[str, tuple[list[str | None], bool, str | None]] = {}
    for name, unique, origin, column, sql in rows:
        if origin == "pk":
            continue
        found.setdefault(name, ([], bool(unique), sql))[0].append(column)
    return tuple(
        IndexInfo(name, tuple(columns), unique, match["where"] if sql and (match := _WHERE.search(sql)) else None)
        for name, (columns, unique, sql) in found.items()
    )


def _foreign_keys(rows: Sequence[Row]) -> tuple[ForeignKey, ...]:
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row)
    return tuple(
        ForeignKey(
            tuple(row[2] for row in parts),
            TableName(parts[0][1]),
            tuple(row[3] for row in parts if row[3] is not None),
            on_update=_action(parts[0][4]),
            on_delete=_action(parts[0][5]),
        )
        for parts in reversed(found.values())  # SQLite counts them from the last declared
    )


def _action(text: str) -> str | None:
    return None if text == "NO ACTION" else text


def _estimates(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the numbers of rows that ANALYZE noted, if it ever ran."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'").fetchone() is None:
        return {}
    stats = connection.execute("SELECT tbl, stat FROM sqlite_stat1 WHERE stat IS NOT NULL").fetchall()
    return {table: int(stat.split()[0]) for table, stat in stats if stat.split()[:1] and stat.split()[0].isdigit()}
