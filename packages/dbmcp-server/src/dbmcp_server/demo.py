"""A sample shop, and a session of a real MCP client with the real server on it, each step checked."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from mcp import Client, StdioServerParameters
from mcp.types import CallToolResult
from rich.console import Console

from dbmcp_core.encode import from_csv
from dbmcp_server.shop import ORDERS

__all__ = ["show"]

_T = TypeVar("_T")

_REVENUE = """\
SELECT p.name, sum(l.quantity) AS sold, round(sum(l.quantity * l.price), 2) AS revenue
FROM order_lines AS l JOIN products AS p ON p.id = l.product_id JOIN orders AS o ON o.id = l.order_id
WHERE o.ordered_on >= ? GROUP BY p.id ORDER BY revenue DESC, p.name LIMIT 5"""
_SINCE = "2025-07-01"
_DELETE = "DELETE FROM orders"
_RUNAWAY = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
_COUNT = "SELECT count(*) AS orders FROM orders"
#: Seconds that the runaway gets …
_RUNAWAY_S = 1
#: … and that the server has for any answer.
_ANSWER_S = 12.0


def show(path: Path, *, folder: Path, kept: bool) -> bool:
    """Serve *path*, be a client of that server, and tell it all on stdout.

    Args:
        path: The shop.
        folder: Where the server runs, so that no configuration that lies about has a part in this.
        kept: Whether the shop stays; then the end says what to do with it.

    Returns:
        Whether the server did everything that it should.
    """
    console = Console(highlight=False, soft_wrap=True)
    try:
        asyncio.run(_Session(console, path).run(folder))
    except _Unexpected as exc:
        console.print(f"\nThis is not what should happen: {exc}", style="bold red", markup=False)
        return False
    except Exception as exc:  # noqa: BLE001 - whatever went wrong with the server, it is what the demo is there to show
        console.print(f"\nThe session broke off: {_reason(exc)}", style="bold red", markup=False)
        return False
    console.print("\nAll of it went as it should.", style="bold green")
    if kept:
        console.print(f"The shop is {path}. To let your assistant at it:", markup=False)
        console.print(f"  dbmcp config claude-desktop --source {path}", markup=False)
    return True


def _reason(exc: BaseException) -> str:
    """Return what went wrong first, out of the groups that task groups make."""
    while isinstance(exc, BaseExceptionGroup):
        exc = exc.exceptions[0]
    return f"{type(exc).__name__}: {exc}"


class _Unexpected(Exception):
    """The server did something else than it should."""


def _expect(holds: bool, what: str) -> None:
    if not holds:
        raise _Unexpected(what)


class _Session:
    """One client's session with the server, told as it goes."""

    def __init__(self, console: Console, path: Path) -> None:
        self._console = console
        self._path = path
        self._step = 0

    async def run(self, folder: Path) -> None:
        args = ["-m", "dbmcp_server", "serve", str(self._path)]
        self._console.print("A shop with customers, products and orders, in one SQLite file; served by", markup=False)
        self._console.print(f"  {sys.executable} {' '.join(args)}", style="cyan", markup=False)
        server = StdioServerParameters(command=sys.executable, args=args, cwd=folder)
        async with Client(server, read_timeout_seconds=_ANSWER_S) as client:
            await self._tools(client)
            await self._search(client)
            await self._query(client)
            await self._write(client)
            await self._runaway(client)
            await self._afterwards(client)

    async def _tools(self, client: Client) -> None:
        self._say("What can an assistant do here? Nothing is writable, so no tool writes.")
        tools = await self._timed(client.list_tools)
        names = {tool.name for tool in tools.tools}
        for tool in tools.tools:
            self._answer(f"{tool.name}: {(tool.description or '').partition('. ')[0].rstrip('.')}")
        _expect({"execute-query", "search-schema", "list-connections"} <= names, f"the tools are {sorted(names)}.")
        _expect("execute-update" not in names, "there is a tool that writes.")

    async def _search(self, client: Client) -> None:
        self._say("It looks around by words, not by reading the whole schema.")
        text = _text(await self._call(client, "search-schema", query="orders of a customer"))
        _expect("orders" in text and "customers" in text, "the search doesn't find the orders and the customers.")

    async def _query(self, client: Client) -> None:
        self._say("It asks. Values are bound by the driver; rows come as CSV, which costs a model the least.")
        text = _text(await self._call(client, "execute-query", query=_REVENUE, params=[_SINCE]))
        _, rows = from_csv(text)
        _expect(rows == self._rows(_REVENUE, _SINCE), "SQLite itself gives other rows.")

    async def _write(self, client: Client) -> None:
        self._say("It tries to delete the orders. The database never sees that.")
        _expect_error(await self._call(client, "execute-query", query=_DELETE), "not_a_read")

    async def _runaway(self, client: Client) -> None:
        self._say(f"It counts to infinity, with {_RUNAWAY_S} s to do so. SQLite is told to stop.")
        _expect_error(await self._call(client, "execute-query", query=_RUNAWAY, timeout=_RUNAWAY_S), "query_timeout")

    async def _afterwards(self, client: Client) -> None:
        self._say("And the server works on, with every order in its place.")
        _, rows = from_csv(_text(await self._call(client, "execute-query", query=_COUNT)))
        _expect(rows == [(ORDERS,)] == self._rows(_COUNT), f"there are {rows} orders.")

    async def _call(self, client: Client, tool: str, **arguments: Any) -> CallToolResult:
        shown = json.dumps({**arguments, "query": " ".join(arguments["query"].split())}, ensure_ascii=False)
        self._console.print(f"  > {tool} {shown}", style="cyan", markup=False)
        result = await self._timed(lambda: client.call_tool(tool, arguments))
        for block in result.content:
            self._answer(getattr(block, "text", ""))
        return result

    async def _timed(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        started = time.perf_counter()
        answer = await ask()
        self._console.print(f"  < {(time.perf_counter() - started) * 1_000:.0f} ms", style="dim")
        return answer

    def _say(self, text: str) -> None:
        self._step += 1
        self._console.print(f"\n{self._step}. {text}", style="bold", markup=False)

    def _answer(self, text: str) -> None:
        for line in text.splitlines():
            self._console.print(f"    {line}", markup=False)

    def _rows(self, sql: str, *params: object) -> list[tuple[Any, ...]]:
        """Return what SQLite itself says."""
        with closing(sqlite3.connect(self._path)) as connection:
            return connection.execute(sql, params).fetchall()


def _text(result: CallToolResult) -> str:
    """Return the first block of a result that must not be an error."""
    _expect(not result.is_error, "that is an error.")
    return str(getattr(result.content[0], "text", ""))


def _expect_error(result: CallToolResult, code: str) -> None:
    """Check that a result is the error with this code."""
    error = (result.structured_content or {}).get("error", {})
    _expect(bool(result.is_error) and error.get("code") == code, f"the error {code!r} was due.")
