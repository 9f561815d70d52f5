"""A project of MXCP through a real client: the forms that its clients know."""

from __future__ import annotations

import signal
import subprocess
from typing import Any

import anyio
import pytest
from mcp import Client

pytestmark = pytest.mark.anyio


def texts(result: Any) -> list[str]:
    assert not result.is_error, result.content
    return [block.text for block in result.content]


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        ("[{'a': 1}, {'a': None}]", ['{\n  "a": 1\n}', '{\n  "a": null\n}']),
        ("[]", []),
        ("None", []),
        ("[None, 'é', 2.0, [3, [True]]]", ["é", "2.0", "3", "true"]),
        ("{'a': [1]}", ['{\n  "a": [\n    1\n  ]\n}']),
        ("'plain'", ["plain"]),
    ],
)
async def test_the_text_has_a_block_for_each_item(mxcp, serve_project, returned, told):
    mxcp.python("py", f"def py():\n    return {returned}\n")
    async with Client(serve_project()) as client:
        result = await client.call_tool("py", {})
        assert texts(result) == told
        assert result.structured_content == {"result": eval(returned)}


async def test_rows_that_were_cut_say_so_in_a_block_of_their_own(mxcp, serve_project):
    mxcp.tool("many", "SELECT i FROM range(10001) t(i)")
    async with Client(serve_project()) as client:
        result = await client.call_tool("many", {})
    assert len(texts(result)) == 10_001
    assert result.meta["dbmcp"] == {"truncated": True, "cursor": None}
    assert texts(result)[-2:] == ['{\n  "i": 9999\n}', "There are more rows than these; ask for fewer."]


def resource(name: str, more: str) -> str:
    uri = f"shop://{name}/{{x}}"
    return (
        f"mxcp: 1\nresource:\n  uri: {uri}\n  parameters: [{{name: x, type: string}}]\n"
        f"  source: {{code: SELECT $x AS x}}\n{more}"
    )


async def test_resources_are_plain_text_where_nobody_says_otherwise(mxcp, serve_project, era):
    mxcp.write("resources/rows.yml", resource("rows", "  name: rows\n"))
    mxcp.write("resources/one.yml", resource("one", "  return: {type: string}\n"))
    mxcp.write("resources/typed.yml", resource("typed", "  return: {type: string}\n  mime_type: text/csv\n"))
    async with Client(serve_project(), mode=era) as client:
        listed = (await client.list_resource_templates()).resource_templates
        assert {one.uri_template: one.mime_type for one in listed} == {
            "shop://rows/{x}": "text/plain",
            "shop://one/{x}": "text/plain",
            "shop://typed/{x}": "text/csv",
        }
        for name, text in (("rows", '[\n  {\n    "x": "a b"\n  }\n]'), ("one", "a b"), ("typed", "a b")):
            (contents,) = (await client.read_resource(f"shop://{name}/a%20b")).contents
            assert contents.text == text
            assert contents.mime_type == ("text/csv" if name == "typed" else "text/plain")


OBJECT = "return: {type: object, properties: {a: {type: integer}}}"


async def test_null_is_no_object_for_structured_content(mxcp, serve_project):
    mxcp.python(
        "py",
        "def py(found):\n    return {'a': 1} if found else None\n",
        f"parameters: [{{name: found, type: boolean}}]\n{OBJECT}",
    )
    mxcp.python("listed", "def listed():\n    return None\n", "return: {type: array}")
    async with Client(serve_project()) as client:
        assert (await client.call_tool("py", {"found": True})).structured_content == {"a": 1}
        result = await client.call_tool("py", {"found": False})
        assert result.structured_content["error"]["code"] == "invalid_result"
        assert (await client.call_tool("listed", {})).structured_content == {"result": None}


TELLS = """from mxcp.runtime import config, db, mcp
import logging
async def py():
    await mcp.debug("d")
    await mcp.info("key is " + config.get_secret("api")["key"])
    await mcp.progress(1, 4, "a quarter")
    await mcp.progress(1, 4, "not more")
    await mcp.warning("w")
    await mcp.progress(2)
    await mcp.error("e")
    raise ValueError("key was " + config.get_secret("api")["key"])
"""
LINES = [("debug", "d"), ("info", "key is ***"), ("warning", "w"), ("error", "e")]


@pytest.mark.filterwarnings("ignore:The logging capability is deprecated")
@pytest.mark.parametrize("least", [None, "warning"])
async def test_what_code_tells_reaches_the_client_before_the_answer(mxcp, serve_project, era, least):
    mxcp.user("[{name: api, type: custom, parameters: {key: s3cr3t-key}}]")
    mxcp.site("secrets: [api]\n")
    mxcp.python("py", TELLS)
    heard: list[Any] = []

    async def line(params: Any) -> None:
        heard.append((params.level, params.data))

    async def progress(*told: Any) -> None:
        heard.append(told)

    async with Client(serve_project(), mode=era, logging_callback=line) as client:
        meta = None
        if least is not None:
            if era == "legacy":
                await client.session.set_logging_level(least)
            meta = {"io.modelcontextprotocol/logLevel": least}
        elif era == "auto":
            meta = {"io.modelcontextprotocol/logLevel": "debug"}
        result = await client.call_tool("py", {}, progress_callback=progress, meta=meta)
    assert "key was ***" in result.content[0].text
    assert [one for one in heard if len(one) == 2] == LINES[0 if least is None else 2 :]
    assert [one for one in heard if len(one) == 3] == [(1.0, 4.0, "a quarter"), (2.0, None, None)]
    assert "s3cr3t-key" not in repr(heard) + result.model_dump_json()


async def test_two_columns_of_one_name_are_numbered(mxcp, serve_project):
    mxcp.tool("sql", "SELECT 1 AS a, 2 AS a")
    mxcp.python("py", "from mxcp.runtime import db\ndef py():\n    return db.execute('SELECT 1 AS a, 2 AS a')\n")
    mxcp.site("sql_tools: {enabled: true}\n")
    async with Client(serve_project()) as client:
        for name, given in (("sql", {}), ("py", {}), ("execute_sql_query", {"sql": "SELECT 1 AS a, 2 AS a"})):
            result = await client.call_tool(name, given)
            assert result.structured_content == {"result": [{"a": 1, "a_1": 2}]}, name


async def test_the_three_tools_answer_as_mxcp_does(mxcp, serve_project):
    mxcp.site("sql_tools: {enabled: true}\n")
    mxcp.python("fill", FILL)
    async with Client(serve_project()) as client:
        texts(await client.call_tool("fill", {}))
        tables = await client.call_tool("list_tables", {})
        assert tables.structured_content["result"] == [
            {"name": "pets", "type": "BASE TABLE"},
            {"name": "v", "type": "VIEW"},
        ]
        assert len(texts(tables)) == 2
        for name, columns in COLUMNS.items():
            result = await client.call_tool("get_table_schema", {"table_name": name})
            assert [tuple(one.values()) for one in result.structured_content["result"]] == columns
        assert texts(result) == ["There is no table 'pest' (did you mean 'pets'?)."]


FILL = """from mxcp.runtime import db
def fill():
    for text in (
        "CREATE TABLE pets (id INTEGER PRIMARY KEY, day DATE)",
        "CREATE VIEW v AS SELECT id FROM pets",
        "CREATE SCHEMA s",
        "CREATE TABLE s.other (x VARCHAR)",
    ):
        db.execute(text)
"""
COLUMNS = {
    "pets": [("id", "INTEGER", "NO"), ("day", "DATE", "YES")],
    "v": [("id", "INTEGER", "YES")],
    "other": [("x", "VARCHAR", "YES")],
    "pest": [],
}


async def test_an_error_of_db_execute_shows_which_statement_it_was(mxcp, serve_project):
    mxcp.user("[{name: api, type: custom, parameters: {key: s3cr3t-key}}]")
    mxcp.python("py", "from mxcp.runtime import db\ndef py():\n    db.execute('INVALID s3cr3t-key QUERY')\n")
    async with Client(serve_project()) as client:
        result = await client.call_tool("py", {})
        assert "It begins with 'INVALID *** QUERY'" in result.content[0].text


REFRESH = """import pathlib
from mxcp.runtime import db, on_init, reload_duckdb
DATA = pathlib.Path(__file__).parent.parent / "data"

@on_init
def fill():
    db.execute("CREATE TABLE IF NOT EXISTS t AS SELECT 1 AS n")

def replace():
    (DATA / "new.duckdb").replace(DATA / "db-dev.duckdb")

def refresh():
    reload_duckdb(payload_func=replace, description="new data")
    return db.execute("SELECT n FROM t")
"""


async def test_a_reload_replaces_the_database_between_calls(mxcp, serve_project, until):
    import duckdb

    mxcp.python("refresh", REFRESH)
    mxcp.tool("read", "SELECT n FROM t")
    new = mxcp.path / "data" / "new.duckdb"
    new.parent.mkdir()
    with duckdb.connect(new) as made:
        made.execute("CREATE TABLE t AS SELECT 2 AS n")
    async with Client(serve_project()) as client:

        async def read(name: str) -> Any:
            return (await client.call_tool(name, {})).structured_content["result"]

        assert await read("refresh") == [{"n": 1}]  # the call that asks for it ends with what it began with
        seen: list[Any] = []
        async with anyio.create_task_group() as tasks:

            async def ask() -> None:
                while seen[-1:] != [[{"n": 2}]]:
                    seen.append(await read("read"))

            for _ in range(3):
                tasks.start_soon(ask)
        assert all(rows in ([{"n": 1}], [{"n": 2}]) for rows in seen)
        assert not new.exists()


WHO = """from mxcp.sdk.auth.context import get_user_context
from mxcp.sdk.executor import get_execution_context

def who():
    context = get_execution_context()
    headers = context.get("request_headers") or {}
    return {"team": headers.get("x-team"), "transport": context.get("transport"), "user": get_user_context()}
"""


async def test_code_reads_the_headers_of_its_request(mxcp):
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    mxcp.python("who", WHO)
    command = [*mxcp.command, "--port", "0"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        line = process.stderr.readline().decode()
        assert "listens on" in line, line
        async with (
            httpx2.AsyncClient(headers={"X-Team": "sales"}) as http,
            Client(streamable_http_client(line.split()[-1], http_client=http)) as client,
        ):
            result = await client.call_tool("who", {})
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert result.structured_content["result"] == {"team": "sales", "transport": "mcp", "user": None}


async def test_an_interval_is_a_duration(mxcp, serve_project):
    mxcp.tool("rows", "SELECT INTERVAL '1 day 2 hours' AS v")
    mxcp.tool("one", "SELECT INTERVAL '1 day 2 hours'", "return: {type: string, format: duration}")
    async with Client(serve_project()) as client:
        assert (await client.call_tool("rows", {})).structured_content == {"result": [{"v": "P1DT2H0M0S"}]}
        assert (await client.call_tool("one", {})).structured_content == {"result": "P1DT2H0M0S"}
