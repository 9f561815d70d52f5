"""A project through a real client: calls, writes, policies, records, and what must never show."""

from __future__ import annotations

import json
import re
import sqlite3
from typing import Any

import anyio
import pytest
from jsonschema import Draft202012Validator
from mcp import Client, MCPError

from dbmcp_core import CallRecord, hookimpl
from dbmcp_core.tools.audit import log as audit

pytestmark = pytest.mark.anyio

CANARY = "c4nary-v4lue"


def structured(result: Any) -> Any:
    assert not result.is_error, result.content
    return result.structured_content["result"]


def code(result: Any) -> str:
    assert result.is_error, result.structured_content
    return result.structured_content["error"]["code"]


async def test_nothing_but_the_project_s_own_is_offered(folder, serve_project, era):
    folder.tool("one")
    async with Client(serve_project(), mode=era) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ["one", "read-on"]
        assert (await client.list_resources()).resources == []
        assert structured(await client.call_tool("one", {})) == [{"n": 1}]
        with pytest.raises(MCPError, match="Unknown tool"):
            await client.call_tool("execute-query", {"query": "SELECT 1"})
        with pytest.raises(MCPError, match="not found"):
            await client.read_resource("dbmcp://shop/schema")


TYPED = """parameters:
  - {name: id, type: integer, minimum: 1}
  - {name: name, type: string, default: null}
return: {type: object, properties: {id: {type: integer}}}"""


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        ({"id": 1}, {"id": 1}),
        ({"id": "1"}, {"id": 1}),
        ({"id": 1.0}, {"id": 1}),
        ({"id": 1.5}, "invalid_arguments"),
        ({"id": "1 OR 1=1"}, "invalid_arguments"),
        ({"id": 0}, "invalid_arguments"),
        ({"id": True}, "invalid_arguments"),
        ({"id": None}, "invalid_arguments"),
        ({}, "invalid_arguments"),
        ({"id": 1, "nane": "tea"}, "invalid_arguments"),
        ({"id": 1, "name": "' OR 1=1 --"}, "invalid_result"),
        ({"id": 99}, "invalid_result"),
    ],
)
async def test_arguments_and_results_are_held_to_their_types(folder, serve_project, given, outcome):
    folder.tool("one", "SELECT id FROM product WHERE id = $id AND name = coalesce($name, name)", TYPED)
    async with Client(serve_project()) as client:
        result = await client.call_tool("one", given)
        if isinstance(outcome, str):
            assert code(result) == outcome
        else:
            assert result.structured_content == outcome


WRITABLE = '[project]\naudit = "audit/calls.jsonl"\n[sources.shop]\nurl = "sqlite:///shop.db"\nread_only = false\n'
NAMED = "parameters: [{name: name, type: string}]"
INSERT = "INSERT INTO product (name) VALUES ($name)"


async def test_a_write_says_what_it_did(folder, serve_project, shop):
    folder.write("dbmcp.toml", WRITABLE)
    folder.tool("add", INSERT, NAMED)
    folder.tool("add_and_tell", f"{INSERT} RETURNING id, name", NAMED)
    async with Client(serve_project()) as client:
        assert structured(await client.call_tool("add", {"name": "x'; DROP TABLE sale; --"})) == [{"Count": 1}]
        assert structured(await client.call_tool("add_and_tell", {"name": "jar"})) == [{"id": 5, "name": "jar"}]
    with sqlite3.connect(shop) as db:
        assert db.execute("SELECT name FROM product WHERE id > 3").fetchall() == [
            ("x'; DROP TABLE sale; --",),
            ("jar",),
        ]
    db.close()


PY = """from dbmcp_core.runtime import db
def py(name):
    return db.execute("INSERT INTO product (name) VALUES ($name)", {"name": name})
"""


async def test_what_may_not_write_doesn_t(folder, serve_project, shop):
    folder.write(
        "dbmcp.toml",
        '[project]\nconnection = "shop"\n[sources.shop]\nurl = "sqlite:///shop.db"\nread_only = false\n'
        '[sources.safe]\nurl = "sqlite:///shop.db"\n',
    )
    folder.tool("hinted", INSERT, f"{NAMED}\nannotations: {{readOnlyHint: true}}")
    folder.tool("on_safe", INSERT, f"{NAMED}\nconnection: safe")
    folder.python("py", PY, f"{NAMED}\nannotations: {{readOnlyHint: true}}")
    folder.write(
        "resources/r.yml",
        "dbmcp: 1\nresource:\n  uri: shop://add/{name}\n  parameters: [{name: name, type: string}]\n"
        f'  source: {{code: "{INSERT}"}}\n',
    )
    async with Client(serve_project()) as client:
        for name in ("hinted", "on_safe", "py"):
            result = await client.call_tool(name, {"name": "x"})
            assert result.is_error, name
        with pytest.raises(MCPError):
            await client.read_resource("shop://add/x")
    with sqlite3.connect(shop) as db:
        assert db.execute("SELECT count(*) FROM product").fetchone() == (3,)
    db.close()


async def test_policies_hold_at_every_door(folder, serve_project):
    folder.tool("open_one")
    folder.tool("crm_one")
    folder.write("resources/r.yml", "dbmcp: 1\nresource: {uri: 'crm://all', source: {code: SELECT 1 AS n}}\n")
    folder.write("prompts/p.yml", "dbmcp: 1\nprompt: {name: crm_hello, messages: [{prompt: Hello}]}\n")
    folder.write(
        "tools/rules.yml",
        "dbmcp: 1\npolicies:\n  - match: ['*crm*']\n    input:\n"
        "      - {condition: \"user.role != 'sales'\", action: deny, reason: Only for sales.}\n",
    )
    async with Client(serve_project()) as client:
        assert structured(await client.call_tool("open_one", {})) == [{"n": 1}]
        denied = await client.call_tool("crm_one", {})
        assert code(denied) == "policy_denied"
        assert "Only for sales." in denied.content[0].text
        for refused in (client.read_resource("crm://all"), client.get_prompt("crm_hello", {})):
            with pytest.raises(MCPError, match="Only for sales"):
                await refused
    decided = [(one["operation_type"], one["policy_decision"], one["policy_reason"]) for one in folder.records]
    assert decided == [
        ("tool", None, None),
        ("tool", "deny", "Only for sales."),
        ("resource", "deny", "Only for sales."),
        ("prompt", "deny", "Only for sales."),
    ]
    assert [len(one["execution_events"]) for one in folder.records] == [1, 0, 0, 0]
    assert audit.verify(folder.path / "audit" / "calls.jsonl").broken is None


SECRET = """parameters:
  - {name: pin, type: string, sensitive: true, pattern: '^c4', maxLength: 12}
return:
  type: array
  items:
    type: object
    properties: {pin: {type: string, sensitive: true}}
policies: {output: [{condition: 'true', action: filter_sensitive_fields}]}"""


async def test_what_is_sensitive_shows_nowhere(folder, serve_project, caplog):
    folder.write(
        "dbmcp.toml",
        '[project]\naudit = "audit/calls.jsonl"\naudit_results = true\n'
        '[sources]\nshop = "sqlite:///shop.db"\n[records]\nfile = "records.jsonl"\n',
    )
    folder.tool("masked", "SELECT $pin AS pin", SECRET)
    folder.tool("fails", "SELECT $pin AS pin, nothing FROM product", SECRET)
    folder.python("raises", "def raises(pin):\n    raise ValueError('wrong pin')\n", SECRET)
    seen = []
    async with Client(serve_project()) as client:
        for name in ("masked", "fails", "raises"):
            for given in ({"pin": CANARY}, {"pin": f"{CANARY}-too-long"}, {"pin": [CANARY]}, {"pn": CANARY}):
                result = await client.call_tool(name, given)
                seen.append(result.model_dump_json())
        assert structured(await client.call_tool("masked", {"pin": CANARY})) == [{}]
    assert len(folder.records) == 13
    artefacts = [path.read_text() for path in folder.path.rglob("*.jsonl")]
    assert len(artefacts) == 2
    for text in (*artefacts, *seen, caplog.text):
        assert CANARY not in text


class Full:
    """A sink whose disk is full."""

    @hookimpl
    def dbmcp_record(self, record: CallRecord) -> None:
        raise OSError(28, "No space left on device")


async def test_what_can_t_be_recorded_isn_t_answered(folder, serve_project):
    folder.tool("one", "SELECT 'told' AS n")
    folder.write("prompts/p.yml", "dbmcp: 1\nprompt: {name: p, messages: [{prompt: told}]}\n")
    async with Client(serve_project(Full())) as client:
        result = await client.call_tool("one", {})
        assert code(result) == "record_failed"
        assert "told" not in result.model_dump_json()
        with pytest.raises(MCPError, match="record_failed"):
            await client.get_prompt("p", {})


async def test_an_audit_log_that_can_t_be_written_stops_calls(folder, serve_project):
    folder.tool("one", "SELECT 'told' AS n")
    folder.write("audit", "in the way")
    async with Client(serve_project()) as client:
        result = await client.call_tool("one", {})
        assert code(result) == "record_failed"
        assert "told" not in result.model_dump_json()


RESOURCE = """dbmcp: 1
resource:
  uri: shop://products/{kind}/{id}
  parameters:
    - {name: kind, type: string, enum: [cheap, dear, decent]}
    - {name: id, type: integer}
  source: {code: 'SELECT $kind AS kind, id FROM product WHERE id = $id'}
"""
PROMPT = """dbmcp: 1
prompt:
  name: report
  parameters:
    - {name: tone, type: string, enum: [formal, friendly]}
    - {name: days, type: integer, default: 7}
  messages:
    - {role: system, prompt: Be brief.}
    - {prompt: "A {{ tone }} report of {{ days }} days."}
"""


async def test_resources_and_prompts(folder, serve_project, era):
    folder.write("resources/r.yml", RESOURCE)
    folder.write("prompts/p.yml", PROMPT)
    async with Client(serve_project(), mode=era) as client:
        (template,) = (await client.list_resource_templates()).resource_templates
        assert template.uri_template == "shop://products/{kind}/{id}"
        read = await client.read_resource("shop://products/cheap/2")
        assert json.loads(read.contents[0].text) == [{"kind": "cheap", "id": 2}]
        for wrong in ("shop://products/cheap/x", "shop://products/c%27/2", "shop://products/cheap"):
            with pytest.raises(MCPError):
                await client.read_resource(wrong)
        (prompt,) = (await client.list_prompts()).prompts
        assert [(one.name, one.required) for one in prompt.arguments] == [("tone", True), ("days", False)]
        got = await client.get_prompt("report", {"tone": "formal", "days": "3"})
        assert [one.content.text for one in got.messages] == ["Be brief.", "A formal report of 3 days."]
        with pytest.raises(MCPError, match="tone"):
            await client.get_prompt("report", {"tone": "rude"})


async def test_values_of_an_enum_are_completed(folder, serve_project, era):
    from mcp.types import PromptReference, ResourceTemplateReference

    folder.write("resources/r.yml", RESOURCE)
    folder.write("prompts/p.yml", PROMPT)
    async with Client(serve_project(), mode=era) as client:
        template = ResourceTemplateReference(uri="shop://products/{kind}/{id}")
        found = await client.complete(template, {"name": "kind", "value": "de"})
        assert found.completion.values == ["dear", "decent"]
        found = await client.complete(PromptReference(name="report"), {"name": "tone", "value": "F"})
        assert found.completion.values == ["formal", "friendly"]
        found = await client.complete(PromptReference(name="nothing"), {"name": "tone", "value": ""})
        assert found.completion.values == []


EVERYTHING = """parameters:
  - {name: text, type: string, minLength: 1, maxLength: 9, pattern: '^[a-z]+$', examples: [ab], description: Which}
  - {name: broken, type: string, pattern: '[', default: x}
  - {name: kind, type: string, enum: [a, b], default: a}
  - {name: at, type: string, format: date-time, default: null}
  - {name: n, type: integer, minimum: 0, exclusiveMaximum: 10, multipleOf: 2, default: 2}
  - {name: x, type: number, exclusiveMinimum: 0.5, maximum: 9.5, default: 1}
  - {name: list, type: array, minItems: 1, maxItems: 3, uniqueItems: true, items: {enum: [p, q], type: string}}
  - name: nested
    type: object
    sensitive: true
    required: [deep]
    additionalProperties: false
    properties: {deep: {type: object, properties: {er: {type: array, items: {type: object, properties: {}}}}}}
    default: {deep: {}}
return: {type: array, items: {type: object, required: [id], properties: {id: {type: integer, minimum: 1}}}}"""


async def test_schemas_are_whole_and_such_as_strict_hosts_take(folder, serve_project, era):
    folder.tool("one", "SELECT 1 AS id", EVERYTHING)
    folder.tool("one_object", "SELECT 1 AS id", "return: {type: object, properties: {id: {type: integer}}}")
    folder.tool("two", "SELECT 1 AS id")
    async with Client(serve_project(), mode=era) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    for tool in tools.values():
        assert tool.description
        for schema in filter(None, (tool.input_schema, tool.output_schema)):
            Draft202012Validator.check_schema(schema)
            assert schema["type"] == "object"
            assert not schema.keys() & {"anyOf", "oneOf", "allOf", "not", "enum", "$ref"}
            assert all(re.fullmatch("[A-Za-z0-9_.-]{1,64}", name) for name in schema["properties"])
    given = tools["one"].input_schema["properties"]
    assert tools["one"].input_schema["required"] == ["text", "list"]
    assert given["text"] == {
        "type": "string",
        "minLength": 1,
        "maxLength": 9,
        "pattern": "^[a-z]+$",
        "examples": ["ab"],
        "description": "Which",
    }
    assert given["broken"] == {"type": "string", "x-pattern": "[", "default": "x"}
    assert given["kind"] == {"type": "string", "enum": ["a", "b"], "default": "a"}
    assert given["at"] == {"type": "string", "format": "date-time"}
    assert given["n"] == {"type": "integer", "minimum": 0, "exclusiveMaximum": 10, "multipleOf": 2, "default": 2}
    assert given["x"] == {"type": "number", "exclusiveMinimum": 0.5, "maximum": 9.5, "default": 1}
    assert given["list"]["items"] == {"type": "string", "enum": ["p", "q"]}
    assert given["list"].items() >= {"minItems": 1, "maxItems": 3, "uniqueItems": True}.items()
    deep = {"type": "array", "items": {"type": "object", "properties": {}}}
    assert given["nested"]["properties"] == {"deep": {"type": "object", "properties": {"er": deep}}}
    assert given["nested"]["additionalProperties"] is False
    assert given["nested"]["x-sensitive"] is True
    row = tools["one"].output_schema["properties"]["result"]["items"]
    assert row["properties"] == {"id": {"type": ["integer", "null"], "minimum": 1}}
    assert row["required"] == ["id"]


async def test_two_hundred_tools_are_on_the_first_page_and_answer_together(folder, serve_project, era):
    for number in range(200):
        folder.tool(f"tool_{number:03}", f"SELECT {number} AS n")
    async with Client(serve_project(), mode=era) as client:
        listed = await client.list_tools()  # which is all that many a host reads
        assert [tool.name for tool in listed.tools] == [*(f"tool_{number:03}" for number in range(200)), "read-on"]
        assert listed.next_cursor is None
        answers: dict[int, Any] = {}

        async def call(number: int) -> None:
            answers[number] = structured(await client.call_tool(f"tool_{number:03}", {}))

        async with anyio.create_task_group() as tasks:
            for number in range(200):
                tasks.start_soon(call, number)
    assert answers == {number: [{"n": number}] for number in range(200)}
    assert audit.verify(folder.path / "audit" / "calls.jsonl").records == 200


async def test_a_call_that_is_given_up_is_stopped_in_the_database(folder, serve_project, endless, until):
    folder.tool("slow", endless)
    async with Client(serve_project()) as client:
        with anyio.move_on_after(0.3):
            await client.call_tool("slow", {})
        await until(lambda: folder.records)
        (record,) = folder.records
        assert record["operation_status"] == "error"
        assert record["error"].startswith("query_cancelled")
        assert record["execution_events"][0]["decision"] == "stopped"


LOOP = """from dbmcp_core.runtime import db
def py():
    print("this would break the stream")
    while True:
        db.execute("SELECT 1")
"""


async def test_python_has_a_deadline(folder, serve_project):
    folder.write("dbmcp.toml", '[project]\ntimeout_s = 0.3\n[sources]\nshop = "sqlite:///shop.db"\n')
    folder.python("py", LOOP)
    folder.python("aio", "import asyncio\nasync def aio():\n    await asyncio.sleep(3600)\n")
    async with Client(serve_project()) as client:
        for name in ("py", "aio"):
            assert code(await client.call_tool(name, {})) == "query_timeout"


async def test_on_postgres_too(folder, serve_project, postgres_settings, postgres_server):
    settings = "\n".join(f"{key} = {json.dumps(value)}" for key, value in postgres_settings.items())
    folder.write("dbmcp.toml", f'[project]\n[sources.shop]\nengine = "postgres"\nread_only = false\n{settings}\n')
    folder.tool("make", "CREATE TABLE note (id integer PRIMARY KEY, at date, tags text[])")
    folder.tool(
        "add",
        "INSERT INTO note VALUES ($id, $at, $tags) RETURNING id, at, tags",
        "parameters:\n  - {name: id, type: integer}\n  - {name: at, type: string, format: date}\n"
        "  - {name: tags, type: array, items: {type: string}}",
    )
    folder.tool("peek", "DELETE FROM note", "annotations: {readOnlyHint: false}\nenabled: false")
    async with Client(serve_project()) as client:
        await client.call_tool("make", {})
        added = await client.call_tool("add", {"id": "1", "at": "2026-01-31", "tags": ["a", "b'"]})
        assert structured(added) == [{"id": 1, "at": "2026-01-31", "tags": ["a", "b'"]}]
        assert code(await client.call_tool("add", {"id": 2, "at": "2026-02-30", "tags": []})) == "invalid_arguments"
        assert [tool.name for tool in (await client.list_tools()).tools] == ["add", "make", "read-on"]


async def test_an_answer_that_was_cut_is_read_on_through_the_same_policies(folder, serve_project):
    policies = "policies: {output: [{condition: 'true', action: mask_fields, fields: [secret]}]}"
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)"
    folder.tool("many", f"{numbers} SELECT i, '{CANARY}' AS secret FROM n", policies)
    async with Client(serve_project()) as client:
        result = await client.call_tool("many", {})
        rows = structured(result)
        assert len(rows) == 1_000
        cursor = result.meta["dbmcp"]["cursor"]
        while cursor is not None:
            result = await client.call_tool("read-on", {"cursor": cursor})
            rows += structured(result)
            cursor = (result.meta or {}).get("dbmcp", {}).get("cursor")
        assert [row["i"] for row in rows] == list(range(1, 2_501))
        assert {row["secret"] for row in rows} == {"****"}
        assert code(await client.call_tool("read-on", {"cursor": "nothing"})) == "cursor_expired"
