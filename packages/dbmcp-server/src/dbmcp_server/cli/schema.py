"""Looking around: ``tables``, ``describe``, ``search``."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from dbmcp_core import Executor, SchemaInfo, TableName, TableSchema
from dbmcp_core import search as searching
from dbmcp_core.search import Detail, Found
from dbmcp_server.cli.output import note, write, write_json
from dbmcp_server.cli.setup import DOOR, AsJson, ConfigFile, SourceName, interruptible, opened

__all__ = ["describe", "search", "tables"]


def tables(source: SourceName, *, json: AsJson = False, config: ConfigFile = None) -> None:
    """Print the names of the tables and views, one a line."""
    with opened(source, config) as (executor, one):
        names = interruptible(lambda: executor.tables(one.name, door=DOOR))
    if json:
        write_json({"source": one.name, "tables": [dataclasses.asdict(name) for name in names]})
    else:
        write("".join(f"{name}\n" for name in names))


def describe(
    source: SourceName,
    table: Annotated[str, typer.Argument(metavar="TABLE", help="Its name; SCHEMA.NAME where there are several.")],
    *,
    json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Print one table in full: columns, types, keys, indexes."""
    with opened(source, config) as (executor, one):
        found = interruptible(lambda: executor.table(one.name, _named(executor, one.name, table), door=DOOR))
    if json:
        write_json({"source": one.name, "table": dataclasses.asdict(found)})
    else:
        write(f"{searching.describe(found, Detail.FULL)}\n")


def search(
    source: SourceName,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="WORDS", help="Words of names and comments, or a pattern: 'order_*'."),
    ] = None,
    *,
    detail: Annotated[Detail | None, typer.Option(help="How much to tell; left out, as much as is short.")] = None,
    json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Find tables by words or a pattern, best first.

    Without WORDS, all of them.
    """
    query = " ".join(words or [])
    with opened(source, config) as (executor, one):
        schema = interruptible(lambda: executor.schema(one.name, door=DOOR))
    if json:
        found = [_as_json(table, detail or Detail.FULL) for table in _tables(schema, query)]
        write_json({"source": one.name, "query": query, "total": len(found), "tables": found})
        return
    total = 0
    for page in _pages(schema, query, detail):
        write(f"{page.text}\n" if page.shown else "")
        total = page.total
    if not total:
        note(f"Nothing in {one.name!r} matches {query!r}." if query else f"{one.name!r} has no tables.")


def _named(executor: Executor, source: str, text: str) -> TableName:
    """Return the table that *text* spells, with its schema or without; a name may have a point in it."""
    known = {str(name): name for name in executor.tables(source, door=DOOR)}
    return known.get(text) or TableName(text)


def _pages(schema: SchemaInfo, query: str, detail: Detail | None) -> Iterator[Found]:
    offset: int | None = 0
    while offset is not None:
        page = searching.search(schema, query, detail=detail, offset=offset)
        yield page
        detail, offset = page.detail, page.next_offset


def _tables(schema: SchemaInfo, query: str) -> list[TableSchema]:
    """Return what a search finds as the tables themselves: as many pages of one as there are."""
    by_name = {str(table.name): table for table in schema.tables}
    found: list[TableSchema] = []
    name: list[str] = []
    for page in _pages(schema, query, Detail.NAMES):
        for line in page.text.split("\n"):  # a name may have a line end in it
            name.append(line)
            if (table := by_name.get("\n".join(name))) is not None:
                found.append(table)
                name.clear()
    return found


def _as_json(table: TableSchema, detail: Detail) -> dict[str, Any]:
    if detail is Detail.FULL:
        return dataclasses.asdict(table)
    found: dict[str, Any] = {"name": dataclasses.asdict(table.name), "kind": table.kind}
    return found if detail is Detail.NAMES else {**found, "columns": [column.name for column in table.columns]}
