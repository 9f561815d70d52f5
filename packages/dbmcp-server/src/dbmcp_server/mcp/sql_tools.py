"""MXCP's three tools that run SQL, under their names; the road, and so the guard, is everybody's."""

from __future__ import annotations

import functools
from typing import Any

import mcp.types as t

from dbmcp_core import Call, Executor, Result, Running, Statement, values
from dbmcp_core.settings import nearest
from dbmcp_core.tools.project import ProjectConfig
from dbmcp_core.tools.sql.shape import names
from dbmcp_core.tools.toolbox import Answer
from dbmcp_server.mcp import answers
from dbmcp_server.mcp import arguments as args
from dbmcp_server.mcp.calls import DOOR, Calls, Context, caller
from dbmcp_server.mcp.kernel import Tool
from dbmcp_server.mcp.making import make

__all__ = ["sql_tools"]

_HINTS = t.ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
_ROWS = {
    "type": "object",
    "properties": {"result": {"type": "array", "items": {"type": "object"}}},
    "required": ["result"],
}


def sql_tools(executor: Executor, calls: Calls, config: ProjectConfig) -> list[Tool]:
    """Return the tools that *config* switches on, for its own source."""
    three = _SqlTools(executor, calls, str(config.connection))
    made = {
        "execute_sql_query": (
            "Run one reading SQL statement.",
            [args.text("sql", "the statement", required=True)],
            three.execute_sql_query,
        ),
        "list_tables": ("List the tables and views.", [], three.list_tables),
        "get_table_schema": (
            "Tell the columns of one table.",
            [args.text("table_name", required=True)],
            three.get_table_schema,
        ),
    }
    offered = [
        make(name, name, config.sql_tools[name] or description, arguments, handler, hints=_HINTS)
        for name, (description, arguments, handler) in made.items()
        if name in config.sql_tools
    ]
    for tool in offered:
        tool.definition.output_schema = _ROWS
    return offered


class _SqlTools:
    def __init__(self, executor: Executor, calls: Calls, source: str) -> None:
        self._executor = executor
        self._calls = calls
        self._source = source

    async def execute_sql_query(self, ctx: Context, given: dict[str, Any]) -> t.CallToolResult:
        running = Running()
        call = Call(self._source, Statement(given["sql"]), caller=caller(ctx), door=DOOR)

        def run() -> t.CallToolResult:
            done = self._executor.run(call, running)
            assert isinstance(done, Result)  # noqa: S101 - a read has rows
            keys = names(done.columns, numbers_twins=True)
            return _listed([dict(zip(keys, map(values.to_json, row), strict=True)) for row in done], done.truncated)

        return await self._calls.run(ctx, running, self._source, run)

    async def list_tables(self, ctx: Context, _given: dict[str, Any]) -> t.CallToolResult:
        running = Running()
        look = functools.partial(self._executor.schema, self._source, caller=caller(ctx), door=DOOR, running=running)
        schema = await self._calls.run(ctx, running, self._source, look)
        found = sorted((one.name.name, one.kind) for one in schema.tables if one.name.schema in (None, "main"))
        return _listed([{"name": name, "type": "VIEW" if kind == "view" else "BASE TABLE"} for name, kind in found])

    async def get_table_schema(self, ctx: Context, given: dict[str, Any]) -> t.CallToolResult:
        running, who, wanted = Running(), caller(ctx), given["table_name"]

        def look() -> t.CallToolResult:
            tables = self._executor.tables(self._source, caller=who, door=DOOR, running=running)
            fitting = [one for one in tables if wanted in (one.name, str(one))]
            if not fitting:
                close = nearest(wanted, {one.name for one in tables} | {str(one) for one in tables})
                return _listed([], note=f"There is no table {wanted[:100]!r}{close}.")
            found = [self._executor.table(self._source, one, caller=who, door=DOOR, running=running) for one in fitting]
            columns = [column for table in found for column in table.columns]
            yes_no = {True: "YES", False: "NO"}
            return _listed([{"name": one.name, "type": one.type, "nullable": yes_no[one.nullable]} for one in columns])

        return await self._calls.run(ctx, running, self._source, look)


def _listed(found: list[dict[str, Any]], truncated: bool = False, note: str = "") -> t.CallToolResult:
    result = answers.of_tool(Answer(found, truncated), as_mxcp=True)
    return result.model_copy(update={"content": [*result.content, t.TextContent(text=note)]}) if note else result
