"""The tools that every server has: run a statement, find tables, list the connections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import mcp.types as t

from dbmcp_core import Call, Column, DbmcpError, Executor, Intent, Limits, Outcome, Result, Running, Statement, encode
from dbmcp_core.errors import UnknownSource
from dbmcp_core.search import Detail, Found, search
from dbmcp_core.settings import nearest
from dbmcp_server.mcp import arguments as args
from dbmcp_server.mcp import results
from dbmcp_server.mcp.arguments import ArgumentsInvalid
from dbmcp_server.mcp.calls import DOOR, Calls, Context, caller
from dbmcp_server.mcp.kernel import Tool
from dbmcp_server.mcp.making import make

__all__ = ["Tools"]

#: Names of connections that an error tells; who wants more has list-connections.
_MOST_NAMES = 20
#: Failures in which it helps to know the dialect.
_ABOUT_SQL = ("query_failed", "unparsable_statement")

#: Every character of these is paid for by every conversation: what a model does right without being told isn't told.
_CONNECTION = args.text("connectionId", "optional if there is only one")
_PARAMS = args.values("params", "values of placeholders")
_READ = (
    _CONNECTION,
    args.text("query"),
    _PARAMS,
    args.choice("format", ("csv", "json", "markdown")),
    args.integer("maxRows", least=1),
    args.text("cursor", "instead of query: read on"),
    args.seconds("timeout", "seconds"),
)
_WRITE = (_CONNECTION, args.text("query", required=True), _PARAMS)
_SEARCH = (
    args.text("connectionId"),
    args.text("query", "words, or a pattern with *"),
    args.choice("detail", tuple(Detail)),
    args.integer("offset", least=0),
)


class Tools:
    """The handlers of the tools, on one executor.

    Args:
        executor: Whose sources they use.
        calls: Where the calls under way are counted.
        can_write: Whether there is a connection that may write, or one can come.
        can_connect: Whether clients may open connections.
    """

    def __init__(self, executor: Executor, calls: Calls, *, can_write: Callable[[], bool], can_connect: bool) -> None:
        self._executor = executor
        self._calls = calls
        self._can_write = can_write
        self._can_connect = can_connect

    def all(self) -> list[Tool]:
        """Return the tools, in the order in which they are listed."""
        reads = t.ToolAnnotations(
            read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
        )
        writes = t.ToolAnnotations(
            read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=False
        )
        return [
            make(
                "execute-query",
                "Query",
                "Run one reading statement, in the connection's SQL dialect.",
                _READ,
                self.execute_query,
                hints=reads,
            ),
            make(
                "execute-update",
                "Change data",
                "Run one statement that changes rows or tables, in its own transaction.",
                _WRITE,
                self.execute_update,
                hints=writes,
                is_listed=self._can_write,
            ),
            make(
                "search-schema",
                "Search the schema",
                "Find tables and columns. Without query: all.",
                _SEARCH,
                self.search_schema,
                hints=reads,
            ),
            make(
                "list-connections",
                "List connections",
                "List databases and their SQL dialects.",
                (),
                self.list_connections,
                hints=reads,
            ),
        ]

    async def execute_query(self, ctx: Context, given: dict[str, Any]) -> t.CallToolResult:
        """Run a read, or read on a truncated result."""
        running = Running()
        limits = Limits(max_rows=given.get("maxRows"), timeout_s=given.get("timeout"))

        def shown(page: Result | Outcome) -> t.CallToolResult:
            return results.rows(cast("Result", page), given.get("format", "csv"))

        if (cursor := given.get("cursor")) is not None:
            who = caller(ctx)

            def read_on() -> t.CallToolResult:
                return shown(self._executor.read_on(cursor, caller=who, door=DOOR, limits=limits, running=running))

            return await self._calls.run(ctx, running, None, read_on)
        if "query" not in given:
            raise ArgumentsInvalid("The arguments are wrong: 'query' is missing.")
        return await self._execute(ctx, given, Intent.READ, running, limits, shown)

    async def execute_update(self, ctx: Context, given: dict[str, Any]) -> t.CallToolResult:
        """Run a write and commit it."""
        return await self._execute(
            ctx, given, Intent.WRITE, Running(), None, lambda done: results.outcome(cast("Outcome", done))
        )

    async def _execute(
        self,
        ctx: Context,
        given: dict[str, Any],
        intent: Intent,
        running: Running,
        limits: Limits | None,
        shown: Callable[[Result | Outcome], t.CallToolResult],
    ) -> t.CallToolResult:
        """Run the statement, and put its rows into words where it ran: off the event loop."""
        name = self.source(given.get("connectionId"))
        statement = Statement(given["query"], given.get("params", ()))
        call = Call(name, statement, intent, caller(ctx), DOOR, limits)
        try:
            return await self._calls.run(ctx, running, name, lambda: shown(self._executor.run(call, running)))
        except DbmcpError as exc:
            return results.error(exc, self._dialect(name) if exc.code in _ABOUT_SQL else "")

    def _dialect(self, name: str) -> str:
        dialects = {source.name: source.engine.dialect for source in self._executor.sources()}
        return f"The SQL dialect is {dialects[name]}." if dialects.get(name) else ""

    async def search_schema(self, ctx: Context, given: dict[str, Any]) -> t.CallToolResult:
        """Find tables and columns."""
        name = self.source(given.get("connectionId"))
        query, offset = given.get("query", ""), given.get("offset", 0)
        detail = Detail(given["detail"]) if "detail" in given else None
        running, who = Running(), caller(ctx)

        def look() -> Found:
            schema = self._executor.schema(name, caller=who, door=DOOR, running=running)
            return search(schema, query, detail=detail, offset=offset)

        found = await self._calls.run(ctx, running, name, look)
        if not found.shown:
            return results.said(f"No table{' there' if found.total else ' or column'} matches; search for less.")
        told = f"{found.shown} of {found.total} table{'' if found.total == 1 else 's'}"
        if found.next_offset is not None:
            told += f"; for more, ask again with offset {found.next_offset}, or search for something"
        return results.said(found.text, f"{told}.{results.hidden(found.text)}")

    async def list_connections(self, _ctx: Context, _given: dict[str, Any]) -> t.CallToolResult:
        """List the connections; opens none."""
        sources = self._executor.sources()
        if not sources:
            return results.said(f"There is no connection.{self._way_out()}")
        names = ("connectionId", "engine", "dialect", "access", "state")
        lines = []
        for source in sources:
            failure = self._calls.failures.get(source.name)
            state = "open" if self._executor.is_open(source.name) else failure or "not opened yet"
            access = "read-only" if source.settings.read_only else "read and write"
            lines.append((source.name, source.engine.name, source.engine.dialect, access, state))
        return results.said(encode.to_csv([Column(name) for name in names], lines))

    def source(self, given: str | None) -> str:
        """Return the name of the source that a call means.

        Raises:
            UnknownSource: if there is none of that name, or none at all.
            ArgumentsInvalid: if it doesn't say which, and there are several.
        """
        names = [source.name for source in self._executor.sources()]
        if given is None and len(names) == 1:
            return names[0]
        if given is not None and given in names:
            return given
        if not names:
            raise UnknownSource("There is no connection.", hint=self._way_out().strip() or None)
        rest = f" and {len(names) - _MOST_NAMES} more (list-connections)" if len(names) > _MOST_NAMES else ""
        known = ", ".join(names[:_MOST_NAMES]) + rest
        if given is None:
            raise ArgumentsInvalid(f"Several connections are there; say which by connectionId: {known}.")
        close = nearest(given, names)
        told = close.strip(" ()") + "." if "did you mean" in close else f"There are: {known}."
        raise UnknownSource(f"There is no connection {given!r}.", hint=told[0].upper() + told[1:])

    def _way_out(self) -> str:
        if self._can_connect:
            return " Open one with connect-database."
        return " Whoever runs this server has to configure one."
