"""The floor: one tool that does nothing, on the MCP SDK alone. ``stdio`` or ``http PORT``."""

from __future__ import annotations

import sys
from typing import Any

import anyio
import mcp.types as t
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

TOOL = t.Tool(name="empty", description="Does nothing.", input_schema={"type": "object", "properties": {}})


async def list_tools(_context: Any, _params: Any) -> t.ListToolsResult:
    return t.ListToolsResult(tools=[TOOL])


async def call_tool(_context: Any, _params: Any) -> t.CallToolResult:
    return t.CallToolResult(content=[t.TextContent(type="text", text="1")])


server: Server[Any] = Server(
    "empty",
    on_list_tools=list_tools,
    on_call_tool=call_tool,
    get_tool_input_schema=lambda _: TOOL.input_schema,  # without it the SDK lists all tools at every call over HTTP
)


async def stdio() -> None:
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


def http(port: int) -> None:
    import uvicorn

    uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=port, http="h11", log_level="error")


if __name__ == "__main__":
    anyio.run(stdio) if sys.argv[1] == "stdio" else http(int(sys.argv[2]))
