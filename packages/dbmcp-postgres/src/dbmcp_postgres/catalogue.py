"""PostgreSQL's catalogue as our schema values: a fixed number of queries, however many tables there are."""

# ruff: noqa: S608 - the queries are made of our own constants

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from dbmcp_core.schema import ColumnInfo, ForeignKey, IndexInfo, TableName, TableSchema

__all__ = ["Fetch", "find", "read_names", "read_tables", "version"]

Row = tuple[Any, ...]
#: Runs one query with its ``$1`` parameters, and returns all its rows.
Fetch = Callable[[str, Sequence[Any]], list[Row]]

#: A role that may only write a table is told of it too; what it may do nothing with would lead it into errors.
_USABLE = """
c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
AND (pg_catalog.has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE')
     OR pg_catalog.has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE'))
"""
_OURS = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
#: A partition's rows are its parent's: a table of a thousand partitions is listed once.
_LISTED = f"NOT c.relispartition AND {_OURS} AND {_USABLE}"
_NAMES = f"""
SELECT n.nspname, c.relname
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE {_LISTED} AND ($1::pg_catalog.text IS NULL OR n.nspname = $1::pg_catalog.text)
"""
#: Partitions and system tables aren't listed, but who names one may see it.
_FIND = f"""
SELECT c.oid, n.nspname, c.relname, pg_catalog.array_position(pg_catalog.current_schemas(false), n.nspname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE (pg_catalog.lower(c.relname::pg_catalog.text) = pg_catalog.lower($1::pg_catalog.text)
       AND CASE WHEN $2::pg_catalog.text IS NULL THEN {_OURS}
                ELSE pg_catalog.lower(n.nspname::pg_catalog.text) = pg_catalog.lower($2) END
       OR $2 IS NULL AND pg_catalog.lower(pg_catalog.concat(n.nspname, '.', c.relname)) = pg_catalog.lower($1))
AND ($3::pg_catalog.text IS NULL OR $3 = pg_catalog.current_database()::pg_catalog.text) AND {_USABLE}
"""
#: Before version 14 a table that was never analysed has 0 rows on 0 pages, from then on -1 rows.
_KNOWN = """(c.reltuples > 0 OR c.reltuples = 0 AND (
    c.relpages > 0 OR pg_catalog.current_setting('server_version_num')::pg_catalog.int4 >= 140000))"""
#: A partitioned table is hardly ever analysed itself, but its partitions are.
_TABLES = f"""
WITH RECURSIVE part (root, oid) AS (
    SELECT c.oid, i.inhrelid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_inherits i ON i.inhparent = c.oid
    WHERE c.relkind = 'p' AND ($1::pg_catalog.oid IS NULL OR c.oid = $1::pg_catalog.oid)
    UNION ALL
    SELECT part.root, i.inhrelid FROM part JOIN pg_catalog.pg_inherits i ON i.inhparent = part.oid
), counted (oid, estimate) AS (
    SELECT part.root, pg_catalog.sum(c.reltuples::pg_catalog.float8) FILTER (WHERE {_KNOWN})
    FROM part JOIN pg_catalog.pg_class c ON c.oid = part.oid WHERE c.relkind <> 'p' GROUP BY part.root
)
SELECT c.oid, n.nspname, c.relname, c.relkind, d.description,
       CASE WHEN c.relkind = 'p' THEN counted.estimate WHEN c.relkind <> 'v' AND {_KNOWN} THEN c.reltuples
       END::pg_catalog.int8,
       pg_catalog.has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN counted ON counted.oid = c.oid
LEFT JOIN pg_catalog.pg_description d
    ON d.objoid = c.oid AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid = 0
WHERE c.oid = $1::pg_catalog.oid OR $1::pg_catalog.oid IS NULL AND {_LISTED}
"""
#: ``$2`` are the tables of which the role may use some columns only.
_COLUMNS = """
SELECT a.attrelid, a.attnum, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
       a.attnotnull OR (t.typtype = 'd' AND t.typnotnull), a.attidentity, a.attgenerated,
       CASE WHEN a.attgenerated = '' THEN pg_catalog.pg_get_expr(e.adbin, e.adrelid) END, d.description
FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS wanted (oid)
JOIN pg_catalog.pg_attribute a ON a.attrelid = wanted.oid
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_attrdef e ON e.adrelid = a.attrelid AND e.adnum = a.attnum
LEFT JOIN pg_catalog.pg_description d
    ON d.objoid = a.attrelid AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped
AND (a.attrelid <> ALL ($2::pg_catalog.oid[])
     OR pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT, INSERT, UPDATE'))
ORDER BY a.attrelid, a.attnum
"""
_INDEXES = """
SELECT i.indrelid, c.relname, i.indkey::pg_catalog.text, i.indnkeyatts, i.indisunique, i.indisprimary,
       pg_catalog.pg_get_expr(i.indpred, i.indrelid)
FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS wanted (oid)
JOIN pg_catalog.pg_index i ON i.indrelid = wanted.oid JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
WHERE i.indisvalid ORDER BY i.indrelid, c.relname
"""
#: A key to a partitioned table has a copy for each of its partitions, with ``conparentid``.
_FOREIGN_KEYS = """
SELECT f.conrelid, f.conname, n.nspname, c.relname, f.confdeltype, f.confupdtype, f.oid, k.attnum, a.attname
FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS wanted (oid)
JOIN pg_catalog.pg_constraint f ON f.conrelid = wanted.oid AND f.contype = 'f' AND f.conparentid = 0
JOIN pg_catalog.pg_class c ON c.oid = f.confrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(f.conkey), pg_catalog.unnest(f.confkey))
    WITH ORDINALITY AS k (attnum, target, place)
JOIN pg_catalog.pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.target
ORDER BY f.conrelid, f.conname, f.oid, k.place
"""
_SNAPSHOT = "SELECT pg_catalog.txid_current_snapshot()::pg_catalog.text"
_CATALOGUES = (
    "namespace", "class", "attribute", "attrdef", "type", "constraint", "index", "inherits", "description",
    "auth_members",
)  # fmt: skip
#: Whoever changes a definition writes a row with a younger xmin: as many rows with the same sum are the same rows.
_FINGERPRINT = f"{_SNAPSHOT}, " + ", ".join(
    "(SELECT (pg_catalog.count(*), pg_catalog.sum(xmin::pg_catalog.text::pg_catalog.int8))::pg_catalog.text"
    f" FROM pg_catalog.pg_{name})"
    for name in _CATALOGUES
)
_KINDS = {"r": "table", "p": "partitioned table", "v": "view", "m": "materialized view", "f": "foreign table"}
_ACTIONS = {"r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
_GENERATED = {"s": "stored", "v": "virtual"}


def read_names(fetch: Fetch, schema: str | None = None) -> list[TableName]:
    """Return the names of all tables and views (of one *schema*), always with their schema, sorted."""
    return sorted((TableName(name, of) for of, name in fetch(_NAMES, [schema])), key=str)


def find(fetch: Fetch, name: TableName) -> int | None:
    """Return the OID of the table that *name* means, or None; the name alone may be ``schema.table``.

    Without a schema the search path decides; beyond it, a table whose name only one schema has. Spelled exactly comes
    before spelled in lower case, and that before any other.
    """
    found = []
    for oid, schema, table, place in fetch(_FIND, [name.name, name.schema, name.catalog]):
        dotted = f"{schema}.{table}"
        if name.schema is None and dotted.lower() == name.name.lower():
            wanted, spelled, place = name.name, dotted, 0
        elif name.schema is None:
            wanted, spelled = name.name, table
        else:
            wanted, spelled, place = f"{name.schema}.{name.name}", dotted, 0
        found.append(((place is None, spelled != wanted, spelled != wanted.lower(), place), oid))
    best = min((rank for rank, _ in found), default=None)
    oids = [oid for rank, oid in found if rank == best]
    return int(oids[0]) if len(oids) == 1 else None


def read_tables(fetch: Fetch, oid: int | None = None) -> list[TableSchema]:
    """Return all tables and views in full and sorted by name, or the one with *oid*."""
    tables = fetch(_TABLES, [oid])
    oids = [row[0] for row in tables]
    columns = _grouped(fetch(_COLUMNS, [oids, [row[0] for row in tables if not row[-1]]]))
    indexes = _grouped(fetch(_INDEXES, [oids]))
    keys = _grouped(fetch(_FOREIGN_KEYS, [oids]))
    found = [_table(row, columns.get(row[0], ()), indexes.get(row[0], ()), keys.get(row[0], ())) for row in tables]
    return sorted(found, key=lambda table: str(table.name))


def version(fetch: Fetch, known: tuple[Hashable, Hashable] | None = None) -> tuple[Hashable, Hashable]:
    """Return what has been written so far, and a value that differs after every change of a definition.

    While nobody on the server has written anything since *known* was returned, the first costs next to nothing and
    says that the second is still true.
    """
    if known is not None and fetch(_SNAPSHOT, [])[0][0] == known[0]:
        return known
    ((snapshot, *prints),) = fetch(_FINGERPRINT, [])
    return snapshot, tuple(prints)


def _grouped(rows: Iterable[Row]) -> dict[int, list[Row]]:
    return {oid: list(of_one) for oid, of_one in groupby(rows, itemgetter(0))}


def _table(row: Row, columns: Sequence[Row], indexes: Sequence[Row], keys: Sequence[Row]) -> TableSchema:
    _, schema, name, kind, comment, estimate, _ = row
    names: dict[int, str | None] = {column[1]: column[2] for column in columns}
    primary = next((_names(index, names) for index in indexes if index[5]), None) or ()
    return TableSchema(
        TableName(name, schema),
        _KINDS[kind],
        tuple(
            ColumnInfo(
                column, type_, not not_null, column in primary, default, note,
                "identity" if identity else _GENERATED.get(generated),
            )
            for _, _, column, type_, not_null, identity, generated, default, note in columns
        ),
        tuple(column for column in primary if column is not None),
        tuple(_indexes(indexes, names)),
        tuple(_foreign_keys(keys, names)),
        comment,
        estimate,
    )  # fmt: skip


def _names(index: Row, names: Mapping[int, str | None]) -> tuple[str | None, ...] | None:
    """Return an index's columns, with None for an expression; None if the role may not see one of them."""
    numbers = [int(number) for number in index[2].split()][: index[3]]  # beyond stand those that it only INCLUDEs
    if any(number > 0 and number not in names for number in numbers):
        return None
    return tuple(names.get(number) for number in numbers)


def _indexes(rows: Iterable[Row], names: Mapping[int, str | None]) -> Iterable[IndexInfo]:
    for row in rows:
        _, name, _, _, unique, primary, where = row
        columns = _names(row, names)
        if columns is not None and not primary:
            yield IndexInfo(name, columns, unique, where)


def _foreign_keys(rows: Iterable[Row], names: Mapping[int, str | None]) -> Iterable[ForeignKey]:
    for (name, schema, table, on_delete, on_update, _), of_one in groupby(rows, itemgetter(1, 2, 3, 4, 5, 6)):
        pairs = [(names.get(row[7]), row[8]) for row in of_one]
        columns = tuple(column for column, _ in pairs if column is not None)
        if len(columns) == len(pairs):
            targets = tuple(target for _, target in pairs)
            actions = _ACTIONS.get(on_delete), _ACTIONS.get(on_update)
            yield ForeignKey(columns, TableName(table, schema), targets, name, *actions)
