"""A real server behind a port."""

from __future__ import annotations

import contextlib
import signal
import socket

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.session import ClientSession
from mcp.client.sse import sse_client

from dbmcp_core.errors import ConfigError
from dbmcp_server.mcp import serve_http
from dbmcp_server.mcp.gate import Gate
from dbmcp_server.options import ServerOptions

pytestmark = pytest.mark.anyio

MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
ACCEPT = {"Accept": "application/json, text/event-stream"}
INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}


def request(method: str, params: dict, number: int = 1) -> dict:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


async def test_a_query(program, era):
    async with Client(program("http").listen().url, mode=era) as client:
        result = await client.call_tool("execute-query", {"query": "SELECT 1 AS x"})
        table = await client.read_resource("database://shop/tables/product")
    assert result.content[0].text == "x\n1\n"
    assert table.contents


async def test_the_transport_of_2024(program, until, shop):
    one = program("http", {}, runtime_connections=True, runtime_allow=["sqlite:///*"]).listen()
    heard = []

    async def hear(message: object) -> None:
        heard.append(type(message).__name__)

    async with (
        sse_client(one.url.replace("/mcp", "/sse")) as (incoming, outgoing),
        ClientSession(incoming, outgoing, message_handler=hear) as session,
    ):
        await session.initialize()
        assert {tool.name for tool in (await session.list_tools()).tools} >= {"connect-database", "execute-query"}
        await session.call_tool("connect-database", {"type": "sqlite", "config": {"filename": str(shop)}})
        result = await session.call_tool("execute-query", {"query": "SELECT 1 AS x"})
        assert result.content[0].text == "x\n1\n"
        await until(lambda: "ToolListChangedNotification" in heard)


async def test_progress(program, era, endless):
    heard = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, message))

    async with Client(program("http").listen().url, mode=era) as client:
        arguments = {"query": endless, "timeout": 1.4}
        await client.call_tool("execute-query", arguments, progress_callback=hear)
    assert heard == [(1.0, "running for 1 s")]


async def test_a_cancel_stops_the_statement(program, era, endless, until):
    one = program("http").listen()
    async with Client(one.url, mode=era) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, "execute-query", {"query": endless})
            await anyio.sleep(0.5)
            tasks.cancel_scope.cancel()
        await until(lambda: one.decisions() == ["stopped"], 2)
        assert not (await client.call_tool("execute-query", {"query": "SELECT 1"})).is_error


@pytest.mark.parametrize("version", ["2025-11-25", "2026-07-28"])
async def test_a_client_that_hangs_up_stops_its_statement(program, endless, until, version):
    one = program("http").listen()
    params = {"name": "execute-query", "arguments": {"query": endless}}
    async with httpx2.AsyncClient(headers=ACCEPT) as http:
        if version == "2026-07-28":
            params["_meta"] = MODERN
            headers = {"MCP-Protocol-Version": version, "Mcp-Method": "tools/call", "Mcp-Name": "execute-query"}
        else:
            opened = await http.post(one.url, json=request("initialize", INITIALIZE))
            headers = {"Mcp-Session-Id": opened.headers["mcp-session-id"], "MCP-Protocol-Version": version}
            initialized = {"jsonrpc": "2.0", "method": "notifications/initialized"}
            await http.post(one.url, json=initialized, headers=headers)
        with anyio.move_on_after(0.5):
            await http.post(one.url, json=request("tools/call", params, 2), headers=headers, timeout=20)
    await until(lambda: one.decisions() == ["stopped"], 2)


async def test_changes_are_told(program, shop, until):
    one = program("http", {}, runtime_connections=True, runtime_allow=["sqlite:///*"]).listen()
    heard = []

    async def hear(message: object) -> None:
        heard.append(type(message).__name__)

    async with (
        Client(one.url, mode="legacy", message_handler=hear) as old,
        Client(one.url) as new,
        new.listen(tools_list_changed=True) as changes,
    ):
        await old.list_tools()

        async def again() -> bool:
            """Make changes until one is heard: the old client's stream opens when it opens."""
            name = {"connectionId": "shop"}
            await new.call_tool("connect-database", {"type": "sqlite", "config": {"filename": str(shop)}, **name})
            await new.call_tool("disconnect-database", name)
            return "ToolListChangedNotification" in heard

        with anyio.fail_after(10):
            while not await again():
                await anyio.sleep(0.05)
            async for event in changes:
                assert type(event).__name__ == "ToolsListChanged"
                break


async def test_a_cursor_belongs_to_its_session(program):
    one = program("http").listen()
    async with Client(one.url, mode="legacy") as first, Client(one.url, mode="legacy") as second:
        page = await first.call_tool("execute-query", {"query": "SELECT id FROM product", "maxRows": 1})
        cursor = {"cursor": page.meta["dbmcp"]["cursor"]}
        stolen = await second.call_tool("execute-query", cursor)
        read = await first.call_tool("execute-query", cursor)
    assert stolen.structured_content["error"]["code"] == "cursor_expired"
    assert read.content[0].text == "id:INTEGER\n2\n3\n"


async def test_a_cursor_is_read_on_without_a_session(program):
    one = program("http").listen()
    async with Client(one.url) as client:
        page = await client.call_tool("execute-query", {"query": "SELECT id FROM product", "maxRows": 2})
        read = await client.call_tool("execute-query", {"cursor": page.meta["dbmcp"]["cursor"]})
    assert read.content[0].text == "id:INTEGER\n3\n"


@pytest.mark.parametrize("path", ["/mcp", "/sse", "/messages/", "/nothing"])
async def test_foreign_hosts_and_origins_are_refused_everywhere(program, path):
    one = program("http", allowed_hosts=["db.example", "dbs.example:8443"], allowed_origins=["https://app.example"])
    base = one.listen().url.replace("/mcp", path)
    async with httpx2.AsyncClient(headers=ACCEPT) as http:

        async def status(**headers: str) -> int:
            async with http.stream("POST", base, json=request("initialize", INITIALIZE), headers=headers) as answer:
                return answer.status_code

        for host in ("evil.example", "evil.example:80", "localhost.evil.example", "dbs.example", "a@localhost", "[::"):
            assert await status(Host=host) == 421, host
        for host in ("localhost", "localhost:1", "[::1]:2", "127.0.0.1", "DB.example:99", "dbs.example:8443"):
            assert await status(Host=host) not in (421, 403), host
        for origin in ("https://evil.example", "null", "", "http://localhost.evil.example", "file://localhost"):
            assert await status(Origin=origin) == 403, origin
        for origin in ("https://app.example", "http://localhost:5173", "https://[::1]"):
            assert await status(Origin=origin) not in (421, 403), origin


async def test_pages_that_are_known_may_read_their_answers(program):
    one = program("http").listen()
    async with httpx2.AsyncClient() as http:
        asked = {"Origin": "http://localhost:1", "Access-Control-Request-Method": "POST"}
        asked["Access-Control-Request-Headers"] = "mcp-param-x, mcp-session-id"
        allowed = await http.options(one.url, headers=asked)
        refused = await http.options(one.url, headers={**asked, "Origin": "https://evil.example"})
    assert allowed.status_code == 200
    assert "mcp-param-x" in allowed.headers["access-control-allow-headers"]
    assert refused.status_code == 403


async def test_a_body_that_is_too_large_is_refused(program):
    one = program("http").listen()
    async with httpx2.AsyncClient(headers=ACCEPT) as http:
        large = await http.post(one.url, content=b" " * (5 << 20), headers={"Content-Type": "application/json"})
        assert large.status_code == 413


async def test_headers_that_contradict_the_body_are_refused(program):
    one = program("http").listen()
    params = {"name": "execute-query", "arguments": {"query": "SELECT 1"}, "_meta": MODERN}
    headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "list-connections"}
    async with httpx2.AsyncClient(headers=ACCEPT) as http:
        answer = await http.post(one.url, json=request("tools/call", params), headers=headers)
    assert answer.status_code == 400


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_what_runs_and_ends_with_0(program, endless, until, number):
    one = program("http").listen()

    async def ask(mode: str) -> None:
        # How a client sees its server end is the client's matter.
        with contextlib.suppress(Exception, BaseExceptionGroup):
            async with Client(one.url, mode=mode) as client:
                await client.call_tool("execute-query", {"query": endless})

    async with anyio.create_task_group() as tasks:
        for mode in ("auto", "legacy", "auto"):
            tasks.start_soon(ask, mode)
        await anyio.sleep(1)
        code = await anyio.to_thread.run_sync(one.end, number)
        tasks.cancel_scope.cancel()
    assert code == 0
    assert one.decisions() == ["stopped"] * 3
    assert "Traceback" not in one.heard


def test_an_open_port_is_warned_of(program):
    one = program("http", host="0.0.0.0").listen()
    assert one.end() == 0
    assert "no authentication" in one.heard


def test_the_loopback_is_not(program):
    one = program("http").listen()
    assert one.end() == 0
    assert one.heard == ""


def test_a_port_that_is_taken_is_an_error_with_a_reason(registry):
    from dbmcp_core import Executor

    with socket.create_server(("127.0.0.1", 0)) as taken:
        options = ServerOptions(port=taken.getsockname()[1])
        with pytest.raises(ConfigError, match="in use"):
            serve_http(Executor(registry), registry, options)


async def test_two_host_headers_are_refused():
    async def app(scope, receive, send):
        raise AssertionError

    sent = []

    async def send(message):
        sent.append(message)

    gate = Gate(app, hosts=(), origins=())
    for headers in ([(b"host", b"localhost"), (b"host", b"evil.example")], []):
        await gate({"type": "http", "headers": headers, "method": "GET"}, None, send)
        assert sent[0]["status"] == 421
        sent.clear()
