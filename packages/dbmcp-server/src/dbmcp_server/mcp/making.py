"""A tool of dbmcp's own: its arguments are checked before it runs, its failures told as results."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import mcp.types as t

from dbmcp_core import DbmcpError
from dbmcp_server.mcp import arguments as args
from dbmcp_server.mcp import results
from dbmcp_server.mcp.arguments import Argument
from dbmcp_server.mcp.calls import Context
from dbmcp_server.mcp.kernel import Tool

__all__ = ["make"]

_log = logging.getLogger("dbmcp")
_Handler = Callable[[Context, dict[str, Any]], Awaitable[t.CallToolResult]]


def make(
    name: str,
    title: str,
    description: str,
    arguments: Sequence[Argument],
    handler: _Handler,
    *,
    hints: t.ToolAnnotations,
    is_listed: Callable[[], bool] = lambda: True,
) -> Tool:
    """Return a tool whose arguments are checked before *handler* gets them, and whose failures are told as results."""
    known = {one.name: one for one in arguments}

    async def run(ctx: Context, params: t.CallToolRequestParams) -> t.CallToolResult:
        try:
            return await handler(ctx, args.parse(params.arguments, known))
        except DbmcpError as exc:
            return results.error(exc)
        except Exception as exc:  # noqa: BLE001 - it is told as what it is, without its text
            _log.error("%s failed: %s", name, type(exc).__name__)
            return results.internal_error()

    definition = t.Tool(
        name=name,
        title=title,
        description=description,
        input_schema=args.schema(arguments),
        annotations=hints,
    )
    return Tool(definition, run, is_listed)
