"""Connections that clients open: when, what, and never more than they may."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from mcp import Client

pytestmark = pytest.mark.anyio


async def call(client: Client, tool: str, **arguments: object):
    return await client.call_tool(tool, arguments)


async def connect(client: Client, path: object, **more: object):
    return await call(client, "connect-database", type="sqlite", config={"filename": str(path), **more})


def code(result) -> str:
    assert result.is_error
    return result.structured_content["error"]["code"]


async def names(client: Client) -> set[str]:
    return {tool.name for tool in (await client.list_tools()).tools}


@pytest.mark.parametrize(
    ("sources", "transport", "allowed", "listed"),
    [
        ({}, "stdio", None, True),
        (None, "stdio", None, False),
        ({}, "http", None, False),
        (None, "stdio", True, True),
        (None, "http", True, True),
        ({}, "stdio", False, False),
    ],
)
async def test_when_clients_may_connect(serve, sources, transport, allowed, listed):
    async with Client(serve(sources, transport=transport, runtime_connections=allowed)) as client:
        assert ("connect-database" in await names(client)) is listed
        assert ("disconnect-database" in await names(client)) is listed


async def test_connect_use_disconnect(serve, shop, era):
    async with Client(serve({}), mode=era) as client:
        none = await call(client, "execute-query", query="SELECT 1")
        assert "connect-database" in none.content[0].text
        result = await connect(client, shop)
        assert not result.is_error
        assert "'shop', read-only" in result.content[0].text
        assert not (await call(client, "execute-query", query="SELECT * FROM product")).is_error
        assert [one.name for one in (await client.list_resources()).resources] == ["shop schema", "shop tables"]
        again = await connect(client, shop)
        assert "'shop-2'" in again.content[0].text
        for name in ("shop", "shop-2"):
            assert not (await call(client, "disconnect-database", connectionId=name)).is_error
        assert (await client.list_resources()).resources == []
        assert code(await call(client, "disconnect-database", connectionId="shop")) == "unknown_source"


async def test_a_connection_that_fails_is_not_kept(serve, tmp_path, era):
    async with Client(serve({}), mode=era) as client:
        assert code(await connect(client, tmp_path / "missing.db")) == "connection_failed"
        assert code(await call(client, "connect-database", type="nosuch", config={})) == "config_invalid"
        assert code(await connect(client, tmp_path / "x.db", colour="red")) == "config_invalid"
        assert code(await call(client, "connect-database", type="sqlite")) == "invalid_arguments"
        assert "There is no connection" in (await call(client, "list-connections")).content[0].text


async def test_a_taken_name_is_refused(serve, shop, era):
    async with Client(serve(runtime_connections=True), mode=era) as client:
        result = await call(
            client, "connect-database", connectionId="shop", type="sqlite", config={"filename": str(shop)}
        )
        assert code(result) == "config_invalid"
        assert not (await call(client, "execute-query", query="SELECT 1")).is_error


async def test_configured_sources_stay(serve, era):
    async with Client(serve(runtime_connections=True), mode=era) as client:
        assert code(await call(client, "disconnect-database", connectionId="shop")) == "refused"


@pytest.mark.parametrize("how", ["setting", "url"])
async def test_a_client_can_not_lift_read_only(serve, shop, era, how):
    config = (
        {"filename": str(shop), "readOnly": False} if how == "setting" else {"url": f"sqlite:///{shop}?read_only=0"}
    )
    async with Client(serve({}), mode=era) as client:
        assert "execute-update" not in await names(client)
        refused = await call(client, "connect-database", type="sqlite", config=config)
        assert code(refused) == "refused"
        assert "--allow-writes" in refused.content[0].text
        await connect(client, shop)
        assert code(await call(client, "execute-update", query="DELETE FROM sale")) == "policy_denied"


async def test_a_client_makes_no_file_where_it_may_not_write(serve, shop, tmp_path, era):
    async with Client(serve({}), mode=era) as client:
        refused = await connect(client, tmp_path / "new.db", createIfNotExists=True)
        assert code(refused) == "refused"
        assert not (tmp_path / "new.db").exists()
        assert not (await connect(client, shop, createIfNotExists=True)).is_error


async def test_with_writes_allowed_connections_write_unless_they_say_not(serve, shop, tmp_path, era):
    async with Client(serve({}, allow_writes=True), mode=era) as client:
        assert "execute-update" in await names(client)
        await connect(client, shop)
        await call(
            client,
            "connect-database",
            connectionId="safe",
            type="sqlite",
            config={"filename": str(shop), "readOnly": True},
        )
        assert not (await call(client, "execute-update", connectionId="shop", query="DELETE FROM sale")).is_error
        refused = await call(client, "execute-update", connectionId="safe", query="DELETE FROM sale")
        assert code(refused) == "policy_denied"
        made = await connect(client, tmp_path / "new.db", createIfNotExists=True)
        assert not made.is_error
        assert "'new', for reading and writing" in made.content[0].text


@pytest.fixture
def data(tmp_path: Path, shop: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for path in (folder / "good.db", tmp_path / "other.db"):
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE t (a)")
        connection.close()
    (folder / "link.db").symlink_to(tmp_path / "other.db")
    return folder


async def test_over_http_only_what_is_listed_may_be_reached(serve, data: Path, era):
    server = serve({}, transport="http", runtime_connections=True, runtime_allow=(f"sqlite:///{data}/*",))
    async with Client(server, mode=era) as client:
        assert not (await connect(client, data / "good.db")).is_error
        for path in (data.parent / "other.db", data / ".." / "other.db", data / "link.db", ":memory:"):
            assert code(await connect(client, path)) == "refused", path
        assert not (await connect(client, f"{data}/../data/good.db")).is_error
        refused = await call(client, "connect-database", type="sqlite", config={"url": f"sqlite:///{data}/link.db"})
        assert code(refused) == "refused"


async def test_over_http_nothing_may_be_reached_by_default(serve, data: Path, era):
    async with Client(serve({}, transport="http", runtime_connections=True), mode=era) as client:
        assert code(await connect(client, data / "good.db")) == "refused"


async def test_secrets_of_the_environment_are_not_expanded_for_clients(serve, era, monkeypatch):
    monkeypatch.setenv("PRIVATE", "/etc/hostname")
    async with Client(serve({}), mode=era) as client:
        result = await connect(client, "${PRIVATE}")
    assert result.is_error
    assert "/etc/hostname" not in repr(result)


async def test_a_client_can_not_lift_the_limits(serve, shop, era):
    limits = {"timeout_s": 9_999, "max_memory_mb": 0, "max_value_mb": 900, "busy_timeout_s": 1}
    async with Client(serve({}), mode=era) as client:
        assert not (await connect(client, shop, **limits)).is_error
        bomb = await call(client, "execute-query", query="SELECT length(zeroblob(100000000))")
        assert code(bomb) == "resource_exhausted"


async def test_what_is_the_operators_alone_a_client_cannot_set(serve, era):
    async with Client(serve({}), mode=era) as client:
        config = {"host": "localhost", "safe_functions": ["public.anything"]}
        result = await call(client, "connect-database", type="postgres", config=config)
        assert code(result) == "refused"
        assert "'safe_functions'" in result.content[0].text
