"""Tools on engines that speak no SQL: their code is the engine's own language, and values are parameters there too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dbmcp_core.errors import DbmcpError, Refused
from dbmcp_core.tools.files.validating import validated
from dbmcp_core.tools.model import Parameter
from dbmcp_core.tools.sql.native import NativeCode
from dbmcp_core.tools.toolbox import Toolbox, ToolCall

Make = Callable[[str, dict[str, Any]], Toolbox]
HOSTILE = ("$where", "x', $or: [{}]", ":name", "{{ name }}", {"$gt": ""}, {"$ne": None}, [{"$gt": ""}], "\0", "", None)


def told(text: str, *names: str, language: str = "sql") -> list[str]:
    parameters = [Parameter(name=name, type="string") for name in names]
    return [message for _, message in NativeCode(text, parameters, language).problems()]


@pytest.mark.parametrize(
    "text",
    [
        "db.book.find({title: :name, year: {$gt: $year}})",
        '{"find": "book", "filter": {"title": :name, "year": {"$in": [$year, :year]}}}',
        "db.book.find({a: ':x', b: \"$y\", title: :name}, {_id: 0}).limit(:year) // :z\n/* :z, $z */",
        "db.book.aggregate([{$match: {title: :name}}, {$match: {year: :year}}])",
        'db.book.find({x: true, "y":null, title::name, n:[:year]})',
    ],
)
def test_names_are_found_where_values_stand_and_nowhere_else(text: str) -> None:
    assert told(text, "name", "year") == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("db.book.find({title: :nam})", "line 1: ':nam' is no parameter (did you mean 'name'?)"),
        ("db.book.find({})", "parameter 'name' is not used in the code"),
        ("db.book.find({title: ?})", "line 1: '?' has no name: write $name for a parameter"),
        ("db.book.find({title: ':name'})", "parameter 'name' is not used in the code"),
        (" ", "the code is empty"),
    ],
)
def test_what_is_wrong_with_names_is_told(text: str, problem: str) -> None:
    assert any(one.startswith(problem) for one in told(text, "name"))


def test_a_template_is_for_sql() -> None:
    assert told("{{ name }}", "name", language="jinja") == [
        "Jinja writes SQL, and this source has another language; write :name for a value"
    ]


def call(toolbox: Toolbox, tool: str, **arguments: Any) -> Any:
    return toolbox.call(ToolCall("tool", tool, arguments)).value


MONGO = """
- name: add
  parameters: [{name: title, type: string}, {name: year, type: integer}]
  source: {code: 'db.book.insertOne({title: $title, year: :year})'}
- name: find
  annotations: {readOnlyHint: true}
  parameters: [{name: title, type: string}]
  source: {code: 'db.book.find({title: :title}, {_id: 0})'}
- name: lie
  annotations: {readOnlyHint: true}
  parameters: [{name: title, type: string}]
  source: {code: 'db.book.deleteMany({title: :title})'}
- name: any
  parameters: [{name: title, type: object}]
  source: {code: 'db.book.find({title: :title}, {_id: 0})'}
"""


def test_mongo(make: Make, mongo: dict[str, Any]) -> None:
    toolbox = make(MONGO, {"engine": "mongo", **mongo})
    for title in ("$where", "x', $or: [{}]", ":title"):
        call(toolbox, "add", title=title, year=1)
        assert call(toolbox, "find", title=title) == [{"title": title, "year": 1}]
    with pytest.raises(Refused):
        call(toolbox, "lie", title=":title")
    for operator in ({"$gt": ""}, {"$where": "1"}, {"a": {"$ne": 1}}):
        with pytest.raises(DbmcpError):
            call(toolbox, "any", title=operator)
    assert call(toolbox, "any", title={"a": 1}) == []


def test_what_mongo_finds_wrong_is_told_before_a_call(make: Make, mongo: dict[str, Any]) -> None:
    tools = MONGO + "- name: broken\n  source: {code: 'db.book.find({title: ))'}\n"
    toolbox = make(tools, {"engine": "mongo", **mongo})
    found = validated(toolbox.project.config, toolbox.executor)
    assert {problem.subject for problem in found.errors} == {"tool:broken", "tool:lie"}
    assert call(toolbox, "find", title="x") == []  # nothing was added or taken away


CHROMA = """
- name: add
  parameters: [{name: id, type: string}, {name: vector, type: array}, {name: topic, type: string}]
  source: {code: '{"collection": "note", "operation": "add", "ids": [:id], "embeddings": [:vector],
    "metadatas": [{"topic": $topic}]}'}
- name: about
  annotations: {readOnlyHint: true}
  parameters: [{name: topic, type: string}]
  source: {code: '{"collection": "note", "operation": "get", "where": {"topic": :topic}}'}
- name: since
  annotations: {readOnlyHint: true}
  parameters: [{name: topic, type: string, format: date}]
  source: {code: '{"collection": "note", "operation": "get", "where": {"topic": :topic}}'}
- name: more
  annotations: {readOnlyHint: true}
  parameters: [{name: topic, type: number}]
  source: {code: '{"collection": "note", "operation": "get", "where": {"topic": {"$gt": :topic}}}'}
- name: says
  annotations: {readOnlyHint: true}
  parameters: [{name: text, type: string}]
  source: {code: '{"collection": "note", "operation": "get", "where_document": {"$contains": :text}}'}
"""


def test_chroma(make: Make, tmp_path: Path) -> None:
    chromadb = pytest.importorskip("chromadb")
    client = chromadb.PersistentClient(str(tmp_path / "chroma"))
    client.create_collection("note", embedding_function=None)
    client.clear_system_cache()
    toolbox = make(CHROMA, {"engine": "chroma", "path": str(tmp_path / "chroma")})
    for number, topic in enumerate(('"}, "x": {"', "$ne", ":topic")):
        call(toolbox, "add", id=str(number), vector=[1, number], topic=topic)
        assert [row["id"] for row in call(toolbox, "about", topic=topic)] == [str(number)]
    call(toolbox, "add", id="dated", vector=[1, 1], topic="2024-02-29")
    assert [row["id"] for row in call(toolbox, "since", topic="2024-02-29")] == ["dated"]
    for tool, given, told in (
        ("more", {"topic": "0.12345678901234567890"}, "No double has all digits of the parameter :topic"),
        ("says", {"text": "a\0"}, "has a NUL"),  # Chroma would find every document with an a
    ):
        with pytest.raises(DbmcpError, match=told):
            call(toolbox, tool, **given)
    assert validated(toolbox.project.config, toolbox.executor).errors == []
