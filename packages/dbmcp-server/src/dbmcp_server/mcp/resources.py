"""Schemas as resources: ``database://{connectionId}/schema``, ``…/tables`` and ``…/tables/{tableName}``."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote, unquote

import mcp.types as t
from mcp.shared.exceptions import MCPError

from dbmcp_core import DbmcpError, Executor, Running
from dbmcp_core.errors import NotFound
from dbmcp_core.schema import ForeignKey, SchemaInfo, TableName, TableSchema
from dbmcp_server.mcp.calls import DOOR, Calls, Context, caller
from dbmcp_server.mcp.kernel import not_found

__all__ = ["SchemaResources"]

_SCHEME = "database://"
_JSON = "application/json"
_ROOT = "database://{connectionId}"


class SchemaResources:
    """The resources of every source. Listing them opens no database; reading one does."""

    def __init__(self, executor: Executor, calls: Calls) -> None:
        self._executor = executor
        self._calls = calls

    def resources(self) -> list[t.Resource]:
        """Return two resources for each source."""
        found = []
        for source in self._executor.sources():
            root = f"{_SCHEME}{quote(source.name, safe='')}"
            found += [
                t.Resource(uri=f"{root}/schema", name=f"{source.name} schema", mime_type=_JSON),
                t.Resource(uri=f"{root}/tables", name=f"{source.name} tables", mime_type=_JSON),
            ]
        return found

    def templates(self) -> list[t.ResourceTemplate]:
        """Return the three templates."""
        made = [("schema", "schema", "Every table in full"), ("tables", "tables", "The names of the tables")]
        made.append(("tables/{tableName}", "table", "One table in full"))
        return [
            t.ResourceTemplate(uri_template=f"{_ROOT}/{path}", name=name, description=text, mime_type=_JSON)
            for path, name, text in made
        ]

    async def read(self, ctx: Context, uri: str) -> t.ReadResourceResult | None:
        """Return the JSON behind *uri*.

        Raises:
            MCPError: if there is no such source or table, or the database can't say.
        """
        if not uri.startswith(_SCHEME):
            return None
        name, _, path = uri.removeprefix(_SCHEME).partition("/")
        name = unquote(name)
        if name not in [source.name for source in self._executor.sources()]:
            raise not_found(ctx, uri)
        running = Running()
        look = self._look(name, path, caller(ctx), running)
        if look is None:
            raise not_found(ctx, uri)
        try:
            found = await self._calls.run(ctx, running, name, look)
        except NotFound:
            raise not_found(ctx, uri) from None
        except DbmcpError as exc:
            raise _failed(exc) from None
        text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
        contents = t.TextResourceContents(uri=uri, mime_type=_JSON, text=text)
        return t.ReadResourceResult(contents=[contents])

    def _look(self, source: str, path: str, who: str, running: Running) -> Callable[[], dict[str, Any]] | None:
        """Return what to ask the database for *path*."""
        executor = self._executor
        if path == "schema":
            return lambda: _schema(executor.schema(source, caller=who, door=DOOR, running=running))
        if path == "tables":
            return lambda: _names(executor.tables(source, caller=who, door=DOOR, running=running))
        kind, _, table = path.partition("/")
        if kind != "tables" or not table:
            return None

        def one() -> dict[str, Any]:
            name = _meant(unquote(table), executor.tables(source, caller=who, door=DOOR, running=running))
            return _table(executor.table(source, name, caller=who, door=DOOR, running=running))

        return one

    async def complete(self, ctx: Context, params: t.CompleteRequestParams) -> Sequence[str] | None:
        """Return names of connections, or of the tables of one."""
        ref, argument = params.ref, params.argument
        if not isinstance(ref, t.ResourceTemplateReference) or not ref.uri.startswith(_ROOT):
            return None
        names = [source.name for source in self._executor.sources()]
        if argument.name == "connectionId":
            return _matching(argument.value, names)
        chosen = (params.context.arguments or {}).get("connectionId") if params.context is not None else None
        source = chosen if chosen is not None else names[0] if len(names) == 1 else None
        if argument.name != "tableName" or source not in names:
            return ()
        try:
            tables = await self._tables(ctx, source)
        except DbmcpError:  # a database that is down has nothing to propose
            return ()
        return _matching(argument.value, [str(table) for table in tables])

    async def _tables(self, ctx: Context, source: str) -> list[TableName]:
        running, who = Running(), caller(ctx)
        return await self._calls.run(
            ctx, running, source, lambda: self._executor.tables(source, caller=who, door=DOOR, running=running)
        )


def _matching(value: str, names: Sequence[str]) -> list[str]:
    """Return the *names* that go on from *value*, then those that have it anywhere, then those that are near it."""
    wanted = value.lower()
    first = [name for name in names if name.lower().startswith(wanted)]
    inside = [name for name in names if wanted in name.lower() and name not in first]
    return first + inside or difflib.get_close_matches(value, names, n=5)


def _meant(wanted: str, tables: Sequence[TableName]) -> TableName:
    """Return the table that *wanted* names: in full, or by the end of its name where that is enough."""
    for is_it in (
        lambda table: str(table) == wanted,
        lambda table: table.name == wanted,
        lambda table: f".{table}".lower().endswith(f".{wanted}".lower()),
    ):
        found = [table for table in tables if is_it(table)]
        if len(found) == 1:
            return found[0]
        if found:
            raise DbmcpError(f"{wanted!r} could be {' or '.join(str(table) for table in found[:10])}.")
    raise NotFound(f"There is no table {wanted!r}.")


def _failed(exc: DbmcpError) -> MCPError:
    data = {"error": {"code": exc.code, "message": exc.message, "hint": exc.hint}}
    return MCPError(t.INTERNAL_ERROR, f"[{exc.code}] {exc.message}", data)


def _names(tables: Sequence[TableName]) -> dict[str, Any]:
    return {"tables": [_name(table) for table in tables]}


def _name(table: TableName) -> dict[str, Any]:
    return _known({"tableName": table.name, "schema": table.schema, "catalog": table.catalog})


def _schema(schema: SchemaInfo) -> dict[str, Any]:
    return {"databaseName": schema.database_name, "tables": [_table(table) for table in schema.tables]}


def _table(table: TableSchema) -> dict[str, Any]:
    columns = [
        {
            "name": column.name,
            "type": column.type,
            "nullable": column.nullable,
            "isPrimaryKey": column.is_primary_key,
            "defaultValue": column.default_value,
            **_known({"generated": column.generated, "comment": column.comment}),
        }
        for column in table.columns
    ]
    indexes = [
        _known({"name": one.name, "columns": one.columns, "unique": one.unique, "where": one.where})
        for one in table.indexes
    ]
    return {
        **_name(table.name),
        "kind": table.kind,
        "columns": columns,
        "primaryKey": table.primary_key,
        "indexes": indexes,
        "foreignKeys": [_foreign_key(key) for key in table.foreign_keys],
        **_known({"comment": table.comment, "estimatedRows": table.estimated_rows}),
    }


def _foreign_key(key: ForeignKey) -> dict[str, Any]:
    target = {"targetTable": key.target.name, "targetSchema": key.target.schema}
    rules = {"name": key.name, "onDelete": key.on_delete, "onUpdate": key.on_update}
    return _known({"columns": key.columns, **target, "targetColumns": key.target_columns, **rules})


def _known(facts: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if value is not None}
