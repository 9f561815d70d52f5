"""The tools, through a real client in this process, in both eras of the protocol."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import anyio
import mcp.types as t
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

pytestmark = pytest.mark.anyio


async def call(client: Client, tool: str, **arguments: object) -> t.CallToolResult:
    return await client.call_tool(tool, arguments)


def texts(result: t.CallToolResult) -> list[str]:
    return [block.text for block in result.content]


def wire(tools: list[t.Tool]) -> str:
    shown = [{"name": x.name, "description": x.description, "inputSchema": x.input_schema} for x in tools]
    return json.dumps(shown, separators=(",", ":"))


async def test_a_query_gives_csv_and_the_facts(serve, era):
    async with Client(serve(), mode=era) as client:
        result = await call(client, "execute-query", query="SELECT id, name, price FROM product ORDER BY id")
    assert texts(result)[0] == 'id:INTEGER,name:TEXT,"price:NUMERIC(10,2)"\n1,tea,4.5\n2,pot,21\n3,cup,\n'
    assert texts(result)[1].startswith("3 rows in ")
    assert result.structured_content is None
    facts = result.meta["dbmcp"]
    assert (facts["rowCount"], facts["truncated"], facts["cursor"]) == (3, False, None)


async def test_json_is_sent_once(serve, era):
    async with Client(serve(), mode=era) as client:
        result = await call(client, "execute-query", query="SELECT id, name FROM product LIMIT 1", format="json")
    assert result.structured_content["rows"] == [[1, "tea"]]
    assert result.structured_content["columns"][1] == {"name": "name", "type": "TEXT"}
    assert result.structured_content["rowCount"] == 1
    assert len(result.content) == 1
    assert "tea" not in texts(result)[0]


async def test_markdown(serve, era):
    async with Client(serve(), mode=era) as client:
        result = await call(client, "execute-query", query="SELECT name FROM product LIMIT 1", format="markdown")
    assert texts(result)[0].splitlines() == ["| name |", "| --- |", "| tea |"]


@pytest.mark.parametrize("params", [[2], {"id": 2}, "[2]"])
async def test_params_in_order_or_by_name(serve, era, params):
    mark = ":id" if isinstance(params, dict) else "?"
    async with Client(serve(), mode=era) as client:
        result = await call(client, "execute-query", query=f"SELECT name FROM product WHERE id = {mark}", params=params)
    assert texts(result)[0] == "name:TEXT\npot\n"


async def test_values_keep_their_meaning_on_the_wire(serve, era):
    query = "SELECT NULL AS n, '' AS e, 9007199254740993 AS i, x'00ff' AS b, 9e999 AS f, -9e999 AS g, 'x' AS e"
    async with Client(serve(), mode=era) as client:
        result = await call(client, "execute-query", query=query)
        structured = (await call(client, "execute-query", query=query, format="json")).structured_content
    assert texts(result)[0] == "n,e,i,b,f,g,e\n,\"\",9007199254740993,x'00ff',Infinity,-Infinity,x\n"
    assert [column["name"] for column in structured["columns"]] == ["n", "e", "i", "b", "f", "g", "e"]
    null, empty, big, blob, inf, minus, text = structured["rows"][0]
    assert (null, empty, text) == (None, "", "x")
    assert big == {"$integer": "9007199254740993"}
    assert (inf, minus) == ({"$float": "Infinity"}, {"$float": "-Infinity"})
    assert isinstance(blob, dict)


async def test_hidden_characters_are_named(serve, era):
    async with Client(serve(), mode=era) as client:
        for form in ("csv", "json", "markdown"):
            result = await call(client, "execute-query", query="SELECT 'a' || char(8238) || 'b'", format=form)
            assert "U+202E" in texts(result)[-1], form


async def test_a_truncated_result_is_read_on_by_cursor(serve, era):
    async with Client(serve(), mode=era) as client:
        first = await call(client, "execute-query", query="SELECT id FROM product ORDER BY id", maxRows="2")
        cursor = first.meta["dbmcp"]["cursor"]
        assert first.meta["dbmcp"]["truncated"]
        assert cursor in texts(first)[1]
        rest = await call(client, "execute-query", cursor=cursor)
        assert texts(rest)[0] == "id:INTEGER\n3\n"
        assert not rest.meta["dbmcp"]["truncated"]
        again = await call(client, "execute-query", cursor=cursor)
    assert again.is_error
    assert again.structured_content["error"]["code"] == "cursor_expired"


async def test_a_timeout_stops_the_statement(serve, era, endless):
    async with Client(serve(), mode=era) as client:
        result = await call(client, "execute-query", query=endless, timeout=0.2)
        after = await call(client, "execute-query", query="SELECT 1")
    assert result.structured_content["error"]["code"] == "query_timeout"
    assert not after.is_error


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"querry": "SELECT 1"}, "'querry' (did you mean 'query'?)"),
        ({"query": 5}, "'query' wants a text, not 5"),
        ({"query": "SELECT 1", "maxRows": 1.5}, "'maxRows' wants a whole number from 1, not 1.5"),
        ({"query": "SELECT 1", "maxRows": True}, "'maxRows' wants a whole number from 1, not True"),
        ({"query": "SELECT 1", "format": "xml"}, "'format' wants one of csv, json, markdown, not 'xml'"),
        ({"query": "SELECT 1", "params": "x"}, "'params' wants an array of values"),
        ({"query": "SELECT 1", "timeout": 0}, "'timeout' wants a number of seconds over 0"),
        ({}, "'query' is missing"),
        ({"query": None}, "'query' is missing"),
    ],
)
async def test_wrong_arguments_are_told_and_nothing_runs(serve, era, records, arguments, told):
    async with Client(serve(), mode=era) as client:
        result = await call(client, "execute-query", **arguments)
    assert result.is_error
    assert result.structured_content["error"]["code"] == "invalid_arguments"
    assert told in texts(result)[0]
    assert records == []


async def test_an_error_has_code_place_remedy_and_dialect(serve, era):
    async with Client(serve(), mode=era) as client:
        result = await call(client, "execute-query", query="SELECT * FROM produkt")
    told = texts(result)[0]
    assert result.is_error
    assert told.startswith("[query_failed] ")
    assert "Did you mean product?" in told
    assert "The SQL dialect is sqlite." in told
    error = result.structured_content["error"]
    assert error["code"] == "query_failed"
    assert error["details"]["line"] == 1
    assert "Traceback" not in told


async def test_a_query_only_reads_even_where_writing_is_allowed(serve, shop, era):
    server = serve({"shop": {"engine": "sqlite", "filename": str(shop), "readOnly": False}})
    async with Client(server, mode=era) as client:
        result = await call(client, "execute-query", query="DELETE FROM sale")
    assert result.is_error
    assert sqlite3.connect(shop).execute("SELECT count(*) FROM sale").fetchone() == (2,)


async def test_an_update_tells_what_it_did(serve, shop, era):
    server = serve({"shop": {"engine": "sqlite", "filename": str(shop), "readOnly": False}})
    async with Client(server, mode=era) as client:
        made = await call(client, "execute-update", query="INSERT INTO product (name) VALUES (?)", params=["jar"])
        changed = await call(client, "execute-update", query="UPDATE product SET price = 1")
        gone = await call(client, "execute-update", query="DELETE FROM product WHERE id = 4 RETURNING id, name")
    assert texts(made) == ["1 row affected; generated keys: 4."]
    assert made.structured_content == {"affectedRows": 1, "generatedKeys": [4]}
    assert texts(changed) == ["4 rows affected."]
    assert gone.structured_content["returned"]["rows"] == [[4, "jar"]]
    assert "jar" not in texts(gone)[0]


async def test_an_update_on_a_read_only_source_is_refused(serve, era):
    async with Client(serve(), mode=era) as client:
        result = await call(client, "execute-update", query="DELETE FROM sale")
    assert result.structured_content["error"]["code"] == "policy_denied"


async def test_tools_that_can_not_work_are_not_listed(serve, shop, era):
    writable = {"shop": {"engine": "sqlite", "filename": str(shop), "readOnly": False}}
    wanted = {
        "read": (serve(), ["execute-query", "search-schema", "list-connections"]),
        "write": (serve(writable), ["execute-query", "execute-update", "search-schema", "list-connections"]),
    }
    for server, names in wanted.values():
        async with Client(server, mode=era) as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == names


async def test_tools_cost_few_tokens_however_many_sources_there_are(serve, shop, era):
    # 1,080 bytes are 241 tokens of o200k_base (measured with gpt-tokenizer 4.0.0); the bound stands for 270 of them.
    async with Client(serve(), mode=era) as client:
        one = wire((await client.list_tools()).tools)
    many = {f"shop{number}": f"sqlite:///{shop}" for number in range(50)}
    async with Client(serve(many), mode=era) as client:
        fifty = wire((await client.list_tools()).tools)
    assert one == fifty
    assert len(one) < 1_200


async def test_annotations_are_true(serve, era):
    async with Client(serve({}, allow_writes=True), mode=era) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    readers = {name for name, tool in tools.items() if tool.annotations.read_only_hint}
    assert readers == {"execute-query", "search-schema", "list-connections"}
    assert tools["execute-update"].annotations.destructive_hint
    assert not tools["execute-update"].annotations.idempotent_hint
    assert tools["connect-database"].annotations.open_world_hint
    assert all(tool.title for tool in tools.values())


async def test_connections_are_listed_without_being_opened(serve, shop, era, records):
    down = "sqlite:////nowhere/at/all.db"
    async with Client(serve({"shop": f"sqlite:///{shop}", "down": down}), mode=era) as client:
        before = texts(await call(client, "list-connections"))[0]
        assert records == []
        await call(client, "execute-query", connectionId="shop", query="SELECT 1")
        failed = await call(client, "execute-query", connectionId="down", query="SELECT 1")
        after = texts(await call(client, "list-connections"))[0]
    assert before.splitlines()[1:] == [
        "shop,sqlite,sqlite,read-only,not opened yet",
        "down,sqlite,sqlite,read-only,not opened yet",
    ]
    assert failed.structured_content["error"]["code"] == "connection_failed"
    assert after.splitlines()[1] == "shop,sqlite,sqlite,read-only,open"
    assert failed.structured_content["error"]["message"] in after


async def test_a_connection_must_be_named_where_there_are_several(serve, shop, era):
    many = {f"shop{number}": f"sqlite:///{shop}" for number in range(25)}
    async with Client(serve(many), mode=era) as client:
        unnamed = await call(client, "execute-query", query="SELECT 1")
        wrong = await call(client, "execute-query", query="SELECT 1", connectionId="shpo7")
        stranger = await call(client, "execute-query", query="SELECT 1", connectionId="xyz")
        right = await call(client, "execute-query", query="SELECT 1", connectionId="shop7")
    assert "shop0, shop1" in texts(unnamed)[0]
    assert "5 more" in texts(unnamed)[0]
    assert "did you mean 'shop7'" in texts(wrong)[0].lower()
    assert wrong.structured_content["error"]["code"] == "unknown_source"
    assert "shop19 and 5 more" in texts(stranger)[0]
    assert not right.is_error


async def test_search_schema(serve, era):
    async with Client(serve(), mode=era) as client:
        everything = await call(client, "search-schema")
        found = await call(client, "search-schema", query="products price", detail="summary")
        paged = await call(client, "search-schema", detail="names", offset="3")
        nothing = await call(client, "search-schema", query="zebra")
        wrong = await call(client, "search-schema", detail="all")
    assert "sale" in texts(everything)[0]
    assert texts(everything)[1] == "4 of 4 tables."
    assert "product(id, name, price)" in texts(found)[0]
    assert texts(paged)[1] == "1 of 4 tables."
    assert "No table" in texts(nothing)[0]
    assert wrong.is_error


async def test_a_long_schema_is_told_in_pages(serve, tmp_path: Path, era):
    path = tmp_path / "many.db"
    connection = sqlite3.connect(path)
    for number in range(1_000):
        connection.execute(f"CREATE TABLE some_table_{number:04} (id)")
    connection.close()
    async with Client(serve({"many": f"sqlite:///{path}"}), mode=era) as client:
        first = await call(client, "search-schema")
        shown = len(texts(first)[0].splitlines())
        assert f"ask again with offset {shown}" in texts(first)[1]
        second = await call(client, "search-schema", offset=shown)
    assert texts(second)[0].splitlines()[0] == f"some_table_{shown:04}"


async def test_an_unknown_tool_is_a_protocol_error(serve, era):
    async with Client(serve(), mode=era) as client:
        with pytest.raises(MCPError) as caught:
            await call(client, "drop-everything")
    assert caught.value.code == t.INVALID_PARAMS


async def test_a_cancel_stops_the_statement_in_the_database(serve, era, endless, records, until):
    async with Client(serve(), mode=era) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, "execute-query", {"query": endless})
            await anyio.sleep(0.3)
            tasks.cancel_scope.cancel()
        await until(lambda: [record.decision for record in records] == ["stopped"], 2)
        assert not (await call(client, "execute-query", query="SELECT 1")).is_error
