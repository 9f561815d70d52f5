"""The kernel: nothing leaks, lists have pages, changes are told, and one bad tool can't spoil the list."""

from __future__ import annotations

import anyio
import mcp.types as t
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import methods

from dbmcp_core import Database, Engine, Registry, Secret, Settings, hookimpl, setting
from dbmcp_server.mcp.kernel import Prompt, Tool
from dbmcp_server.mcp.paging import PAGE

pytestmark = pytest.mark.anyio

PASSWORD = "s3cr3t-and-l0ng"


def tool(name: str, run, **more) -> Tool:
    return Tool(t.Tool(name=name, description="A test.", input_schema={"type": "object"}, **more), run)


async def nothing(ctx, params):
    return t.CallToolResult(content=[])


async def test_an_unexpected_exception_says_nothing_of_itself(serve, era, caplog):
    server = serve()

    async def fail(ctx, params):
        raise RuntimeError(f"postgres://me:{PASSWORD}@host/db")

    server.add_tool(tool("fail", fail))
    server.add_prompt(Prompt(t.Prompt(name="fail"), fail))
    async with Client(server, mode=era) as client:
        with pytest.raises(MCPError) as caught:
            await client.call_tool("fail", {})
        assert (caught.value.code, caught.value.message) == (t.INTERNAL_ERROR, "Internal server error")
        with pytest.raises(MCPError) as caught:
            await client.get_prompt("fail")
    assert PASSWORD not in repr(caught.value)
    assert PASSWORD not in caplog.text
    assert "RuntimeError" in caplog.text


def leaky_registry(registry: Registry) -> Registry:
    """Add an engine whose driver tells the password in each of its exceptions."""

    class Leaky(Settings):
        password: Secret = setting(doc="The password.")
        host: str = setting("localhost", doc="The host.")

    class LeakyDatabase(Database):
        def __init__(self, settings):
            self.settings = settings

        def connect(self):
            raise OSError(f"cannot connect with {self.settings.password.reveal()}")

        def disconnect(self):
            pass

        query = execute = get_tables = get_table_schema = get_schema = ping = connect

    class LeakyEngine(Engine):
        name = "leaky"
        dialect = "postgres"
        settings = Leaky

        def open(self, settings):
            return LeakyDatabase(settings)

    class Plugin:
        @hookimpl
        def dbmcp_engines(self):
            return [LeakyEngine]

    registry.register(Plugin(), "leaky")
    return registry


async def test_a_drivers_words_never_hold_the_password(serve, registry, era, caplog):
    leaky_registry(registry)
    server = serve({"bad": {"engine": "leaky", "password": PASSWORD}}, runtime_connections=True)
    said = []
    async with Client(server, mode=era) as client:
        said.append(repr(await client.call_tool("execute-query", {"query": "SELECT 1"})))
        said.append(repr(await client.call_tool("search-schema", {})))
        config = {"url": f"leaky://u:{PASSWORD}@h/d"}
        said.append(repr(await client.call_tool("connect-database", {"type": "leaky", "config": config})))
        config = {"password": PASSWORD, "colour": PASSWORD}
        said.append(repr(await client.call_tool("connect-database", {"type": "leaky", "config": config})))
        config = {"password": PASSWORD}
        said.append(repr(await client.call_tool("connect-database", {"type": "leaky", "config": config})))
        said.append(repr(await client.call_tool("list-connections", {})))
        with pytest.raises(MCPError) as caught:
            await client.read_resource("database://bad/schema")
        said.append(repr(caught.value))
    assert "is_error=True" in said[0]
    for one in [*said, caplog.text]:
        assert PASSWORD not in one


async def test_every_list_has_pages(serve, shop, era):
    server = serve({f"shop{number}": f"sqlite:///{shop}" for number in range(PAGE)})
    for number in range(PAGE):
        server.add_tool(tool(f"tool{number}", nothing))
        server.add_prompt(Prompt(t.Prompt(name=f"prompt{number}"), nothing))
    async with Client(server, mode=era) as client:
        for ask, what, total in (
            (client.list_tools, "tools", PAGE + 3),
            (client.list_resources, "resources", 2 * PAGE),
            (client.list_prompts, "prompts", PAGE),
        ):
            found, cursor = [], None
            while True:
                page = await ask(cursor=cursor) if cursor else await ask()
                assert len(getattr(page, what)) <= PAGE
                found += [one.name for one in getattr(page, what)]
                cursor = page.next_cursor
                if cursor is None:
                    break
            assert len(found) == len(set(found)) == total
            for bad in ("x", "ZnJvbSAtMQ==", "é"):
                with pytest.raises(MCPError) as caught:
                    await ask(cursor=bad)
                assert caught.value.code == t.INVALID_PARAMS


async def test_prompts_are_claimed_only_where_there_are_some(serve, era):
    server = serve()
    async with Client(server, mode=era) as client:
        assert client.server_capabilities.prompts is None
        assert client.server_capabilities.tools.list_changed
        assert client.server_capabilities.resources.list_changed


@pytest.mark.parametrize(
    "bad",
    [
        {"name": "a b"},
        {"name": "a" * 65},
        {"description": None},
        {"input_schema": {"type": "array"}},
        {"input_schema": {"$ref": "#/x"}},
        {"output_schema": {"type": "array", "items": {}}},
        {"input_schema": {"type": "object", "properties": {"a": {"type": "strin"}}}},
        {"input_schema": {"type": "object", "properties": {"a": {"type": "object", "x-mcp-header": "A"}}}},
    ],
)
async def test_a_tool_that_would_spoil_the_list_is_refused(serve, bad):
    good = {"name": "a", "description": "A test.", "input_schema": {"type": "object"}}
    with pytest.raises(ValueError, match=r"Tool '"):
        serve().add_tool(Tool(t.Tool(**{**good, **bad}), nothing))


async def test_a_tools_name_is_taken_once(serve):
    with pytest.raises(ValueError, match="already"):
        serve().add_tool(tool("execute-query", nothing))


@pytest.mark.parametrize("version", ["2025-06-18", "2025-11-25", "2026-07-28"])
async def test_our_tools_can_be_told_to_every_era(serve, version):
    from jsonschema import Draft202012Validator

    server = serve({}, allow_writes=True)
    async with Client(server) as client:
        listed = await client.list_tools()
    for one in listed.tools:
        Draft202012Validator.check_schema(one.input_schema)
    listed = t.ListToolsResult(tools=listed.tools).model_dump(by_alias=True, mode="json", exclude_none=True)
    methods.serialize_server_result("tools/list", version, listed)


async def test_lists_say_how_long_they_hold(serve, shop):
    async with Client(serve()) as fixed, Client(serve({})) as open_to_change:
        assert (await fixed.list_tools()).ttl_ms > 0
        assert (await open_to_change.list_tools()).ttl_ms == 0
        assert (await fixed.list_resources()).cache_scope == "private"
        assert (await fixed.read_resource("database://shop/tables")).ttl_ms == 0


async def test_changes_are_told_to_handshake_clients(serve, shop, until):
    heard: list[str] = []

    async def hear(message: object) -> None:
        heard.append(type(message).__name__)

    async with Client(serve({}), mode="legacy", message_handler=hear) as client:
        await client.call_tool("connect-database", {"type": "sqlite", "config": {"filename": str(shop)}})
        await until(lambda: {"ToolListChangedNotification", "ResourceListChangedNotification"} <= set(heard))
        heard.clear()
        await client.call_tool("disconnect-database", {"connectionId": "shop"})
        await until(lambda: {"ToolListChangedNotification", "ResourceListChangedNotification"} <= set(heard))


async def test_changes_are_told_to_who_listens(serve, shop):
    async with (
        Client(serve({})) as client,
        client.listen(tools_list_changed=True, resources_list_changed=True) as changes,
    ):
        await client.call_tool("connect-database", {"type": "sqlite", "config": {"filename": str(shop)}})
        heard = set()
        with anyio.fail_after(5):
            async for event in changes:
                heard.add(type(event).__name__)
                if len(heard) == 2:
                    break
    assert heard == {"ToolsListChanged", "ResourcesListChanged"}


async def test_a_client_that_left_is_forgotten(serve):
    server = serve()
    async with Client(server, mode="legacy") as client:
        await client.list_tools()
        assert len(server._sessions) == 1
    assert not server._sessions


async def test_tracing_costs_nothing_where_nobody_traces(serve):
    assert len(serve().middleware) == 1
