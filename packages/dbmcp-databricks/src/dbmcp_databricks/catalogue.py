"""Unity Catalog's information schema as our schema values, in a number of queries that doesn't grow with the tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from dbmcp_core.schema import ColumnInfo, ForeignKey, TableName, TableSchema

__all__ = ["Fetch", "Scope", "best", "kind_of", "quoted", "read_names", "read_tables"]

Row = tuple[Any, ...]
#: Runs one query with its ``?`` parameters, and returns all its rows.
Fetch = Callable[[str, Sequence[Any]], list[Row]]

_NAMES = "SELECT table_schema, table_name FROM {from_}.tables WHERE {where}"
_TABLES = "SELECT table_schema, table_name, table_type, comment FROM {from_}.tables WHERE {where}"
_COLUMNS = """
SELECT table_schema, table_name, column_name, full_data_type, is_nullable, column_default, comment, ordinal_position
FROM {from_}.columns WHERE {where}
"""
_KEYS = """
SELECT t.table_schema, t.table_name, t.constraint_name, k.column_name, k.ordinal_position,
       k.position_in_unique_constraint, r.unique_constraint_catalog, r.unique_constraint_schema,
       r.unique_constraint_name, r.delete_rule, r.update_rule, t.constraint_type
FROM {from_}.table_constraints AS t
JOIN {from_}.key_column_usage AS k
  ON k.constraint_schema = t.constraint_schema AND k.constraint_name = t.constraint_name AND k.table_name = t.table_name
LEFT JOIN {from_}.referential_constraints AS r
  ON r.constraint_schema = t.constraint_schema AND r.constraint_name = t.constraint_name
WHERE t.constraint_type IN ('PRIMARY KEY', 'FOREIGN KEY') AND {where}
"""
_TARGETS = """
SELECT constraint_schema, constraint_name, table_schema, table_name, column_name, ordinal_position
FROM {from_}.key_column_usage
"""
_KINDS = {"MANAGED": "table", "EXTERNAL": "table", "BASE TABLE": "table", "FOREIGN": "foreign table"}


class Scope(NamedTuple):
    """Which tables are asked for: those of a catalog, of one schema, or those of one name."""

    catalog: str
    schema: str | None = None
    table: str | None = None


def quoted(*parts: str) -> str:
    """Return a name of several parts as SQL."""
    return ".".join("`" + part.replace("`", "``") + "`" for part in parts)


def kind_of(type_: str | None) -> str:
    """Return our word for Databricks' kind of a table."""
    word = (type_ or "MANAGED").upper()
    return "table" if word.endswith("_SHALLOW_CLONE") else _KINDS.get(word, word.lower().replace("_", " "))


def _ask(fetch: Fetch, query: str, scope: Scope, prefix: str = "") -> list[Row]:
    where = [f"{prefix}table_schema <> 'information_schema'"]
    values = []
    for column, value in (("table_schema", scope.schema), ("table_name", scope.table)):
        if value is not None:
            where.append(f"lower({prefix}{column}) = lower(?)")
            values.append(value)
    from_ = f"{quoted(scope.catalog)}.information_schema"
    return fetch(query.format(from_=from_, where=" AND ".join(where)), values)


def read_names(fetch: Fetch, scope: Scope) -> list[TableName]:
    """Return the names of all tables and views of *scope*."""
    return [TableName(name, schema, scope.catalog) for schema, name in _ask(fetch, _NAMES, scope)]


def best(names: Iterable[TableName], wanted: TableName, schema: str | None) -> TableName | None:
    """Return which of *names* is meant: as spelled before any case, in *schema* before any other; None for a tie."""

    def rank(name: TableName) -> tuple[bool, bool, bool]:
        is_here = wanted.schema is not None or (name.schema or "").lower() == (schema or "").lower()
        return (not is_here, name.name != wanted.name, wanted.schema not in (None, name.schema))

    ranked = sorted((rank(name), name) for name in names)
    if not ranked or (len(ranked) > 1 and ranked[0][0] == ranked[1][0]):
        return None
    return ranked[0][1]


def read_tables(fetch: Fetch, scope: Scope) -> list[TableSchema]:
    """Return all tables and views of *scope* in full."""
    columns = _grouped(_ask(fetch, _COLUMNS, scope), 7)
    keys = _grouped(_ask(fetch, _KEYS, scope, "t."), 4)
    targets = _targets(fetch, {row[6] for rows in keys.values() for row in rows if row[6] is not None})
    found = []
    for schema, name, kind, comment in _ask(fetch, _TABLES, scope):
        of_table = keys.get((schema, name), [])
        primary = tuple(row[3] for row in of_table if row[11] == "PRIMARY KEY")
        found.append(
            TableSchema(
                TableName(name, schema, scope.catalog),
                kind_of(kind),
                tuple(_column(row, primary) for row in columns.get((schema, name), ())),
                primary,
                foreign_keys=tuple(_foreign_keys(of_table, targets)),
                comment=comment or None,
            )
        )
    return found


def _grouped(rows: Iterable[Row], order: int) -> dict[tuple[str, str], list[Row]]:
    found: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(rows, key=itemgetter(order)):
        found.setdefault((row[0], row[1]), []).append(row)
    return found


def _column(row: Row, primary: Sequence[str]) -> ColumnInfo:
    _, _, name, kind, nullable, default, comment, _ = row
    return ColumnInfo(name, kind.lower(), nullable != "NO", name in primary, default, comment or None)


def _targets(fetch: Fetch, catalogs: Iterable[str]) -> dict[tuple[str, str, str], list[Row]]:
    """Return the columns of every key, in order, that a key of ours may refer to."""
    found: dict[tuple[str, str, str], list[Row]] = {}
    for catalog in sorted(catalogs):
        rows = fetch(_TARGETS.format(from_=f"{quoted(catalog)}.information_schema"), ())
        for row in sorted(rows, key=itemgetter(5)):
            found.setdefault((catalog, row[0], row[1]), []).append(row)
    return found


def _foreign_keys(rows: Iterable[Row], targets: dict[tuple[str, str, str], list[Row]]) -> Iterable[ForeignKey]:
    by_name: dict[str, list[Row]] = {}
    for row in rows:
        if row[11] == "FOREIGN KEY":
            by_name.setdefault(row[2], []).append(row)
    for name, parts in sorted(by_name.items()):
        catalog, schema, key, on_delete, on_update = parts[0][6:11]
        target = targets.get((catalog, schema, key))
        if not target:  # in a catalog that the account can't see
            continue
        positions = [part[5] or number for number, part in enumerate(parts, 1)]
        there = tuple(target[position - 1][4] for position in positions if position <= len(target))
        columns = tuple(part[3] for part in parts)
        yield ForeignKey(
            columns, TableName(target[0][3], target[0][2], catalog), there, name, _rule(on_delete), _rule(on_update)
        )


def _rule(rule: str | None) -> str | None:
    return None if rule in (None, "NO ACTION", "RESTRICT") else rule
