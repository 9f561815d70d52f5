"""Schemas as resources, with templates and completion."""

from __future__ import annotations

import json

import mcp.types as t
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

pytestmark = pytest.mark.anyio

TABLE = "database://{connectionId}/tables/{tableName}"


async def read(client: Client, uri: str):
    (contents,) = (await client.read_resource(uri)).contents
    assert (contents.mime_type, contents.uri) == ("application/json", uri)
    return json.loads(contents.text)


async def test_each_source_lists_two_and_none_is_opened(serve, shop, era, records):
    server = serve({"shop": f"sqlite:///{shop}", "down": "sqlite:////nowhere.db"})
    async with Client(server, mode=era) as client:
        listed = [one.uri for one in (await client.list_resources()).resources]
        templates = [one.uri_template for one in (await client.list_resource_templates()).resource_templates]
    assert listed == [f"database://{name}/{what}" for name in ("shop", "down") for what in ("schema", "tables")]
    assert templates == ["database://{connectionId}/schema", "database://{connectionId}/tables", TABLE]
    assert records == []


async def test_the_schema_has_every_table_in_full(serve, era):
    async with Client(serve(), mode=era) as client:
        schema = await read(client, "database://shop/schema")
        names = await read(client, "database://shop/tables")
    assert schema["databaseName"]
    tables = {table["tableName"]: table for table in schema["tables"]}
    assert set(tables) == {"product", "sale", "dear", "odd/name.x y"} == {one["tableName"] for one in names["tables"]}
    sale = tables["sale"]
    assert sale["columns"][1] == {
        "name": "product_id",
        "type": "INTEGER",
        "nullable": False,
        "isPrimaryKey": False,
        "defaultValue": None,
    }
    assert sale["primaryKey"] == ["id"]
    assert sale["indexes"] == [{"name": "sale_product", "columns": ["product_id"], "unique": False}]
    assert sale["foreignKeys"][0]["targetTable"] == "product"
    assert tables["dear"]["kind"] == "view"


@pytest.mark.parametrize("name", ["product", "PRODUCT", "odd%2Fname.x%20y"])
async def test_one_table(serve, era, name):
    async with Client(serve(), mode=era) as client:
        table = await read(client, f"database://shop/tables/{name}")
    assert table["columns"]


@pytest.mark.parametrize(
    "uri",
    [
        "database://shop/tables/nothing",
        "database://shop/tables/",
        "database://shop/nothing",
        "database://nobody/schema",
        "database://shop",
        "other://shop/schema",
    ],
)
async def test_a_missing_one_is_an_error_of_the_clients_era(serve, era, uri):
    async with Client(serve(), mode=era) as client:
        with pytest.raises(MCPError) as caught:
            await client.read_resource(uri)
    assert caught.value.code == (-32002 if era == "legacy" else t.INVALID_PARAMS)
    assert caught.value.data == {"uri": uri}


async def test_a_database_that_is_down_says_why(serve, era):
    async with Client(serve({"down": "sqlite:////nowhere/x.db"}), mode=era) as client:
        with pytest.raises(MCPError) as caught:
            await client.read_resource("database://down/schema")
    assert caught.value.data["error"]["code"] == "connection_failed"


async def test_completion(serve, shop, era):
    server = serve({"shop": f"sqlite:///{shop}", "ship": f"sqlite:///{shop}", "down": "sqlite:////nowhere.db"})
    ref = t.ResourceTemplateReference(uri=TABLE)

    async with Client(server, mode=era) as client:

        async def complete(name: str, value: str, connection: str | None = None) -> list[str]:
            context = {"connectionId": connection} if connection else None
            result = await client.complete(ref, {"name": name, "value": value}, context_arguments=context)
            return result.completion.values

        assert await complete("connectionId", "sh") == ["shop", "ship"]
        assert await complete("connectionId", "") == ["shop", "ship", "down"]
        assert await complete("tableName", "", "shop") == ["dear", "odd/name.x y", "product", "sale"]
        assert await complete("tableName", "a", "shop") == ["dear", "odd/name.x y", "sale"]
        assert await complete("tableName", "prodcut", "shop") == ["product"]
        assert await complete("tableName", "p") == []
        assert await complete("tableName", "p", "down") == []
        assert await complete("tableName", "p", "nobody") == []
        assert await complete("other", "p") == []
        other = t.ResourceTemplateReference(uri="other://{x}")
        assert (await client.complete(other, {"name": "x", "value": ""})).completion.values == []


async def test_completion_says_when_there_is_more(serve, shop, era):
    server = serve({f"shop{number}": f"sqlite:///{shop}" for number in range(120)})
    async with Client(server, mode=era) as client:
        ref = t.ResourceTemplateReference(uri=TABLE)
        completion = (await client.complete(ref, {"name": "connectionId", "value": "s"})).completion
    assert (len(completion.values), completion.total, completion.has_more) == (100, 120, True)
