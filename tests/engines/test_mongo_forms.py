"""Queries that are objects: each way of naming a method and its arguments, and what is refused as ambiguous."""

# ruff: noqa: E501 - a query and its reading stand on one line

from __future__ import annotations

import json
from typing import Any

import pytest

from dbmcp_core.statement import Kind, RefusalCode, Statement

pytest.importorskip("pymongo")

from dbmcp_mongo.judge import judge

FIND = {"find": "u", "filter": {"a": 1}}
LIMITED = {**FIND, "limit": 3}
PIPELINE = {"aggregate": "u", "pipeline": [{"$match": {"a": 1}}], "cursor": {}}
ALL = {"find": "u", "filter": {}}
DISTINCT = {"distinct": "u", "key": "a", "query": {}}
SET = {"$set": {"b": 2}}
UPDATE = {"update": "u", "updates": [{"q": {"a": 1}, "u": SET, "multi": False}]}
UPSERT = {"update": "u", "updates": [{"q": {"a": 1}, "u": SET, "multi": False, "upsert": True}]}
REPLACE = {"update": "u", "updates": [{"q": {"a": 1}, "u": {"b": 2}, "multi": False}]}
INSERT = {"insert": "u", "documents": [{"_id": 1, "name": "Ada"}], "ordered": True}
INDEX = {"createIndexes": "u", "indexes": [{"key": {"a": 1}, "name": "a_1", "unique": True}]}

READINGS: list[tuple[Any, dict[str, Any]]] = [
    # The method as the key.
    ({"find": {"a": 1}}, FIND),
    ({"find": {}}, ALL),
    ({"find": {"filter": {"a": 1}}}, FIND),
    ({"find": {"query": {"a": 1}, "limit": 3}}, LIMITED),
    ({"find": {"filter": {"a": 1}, "options": {"limit": 3}}}, LIMITED),
    ({"find": {"filter": {"a": 1}}, "limit": 3}, LIMITED),
    ({"find": {"a": 1}, "limit": 3}, LIMITED),
    ({"find": [{"a": 1}]}, FIND),
    ({"find": [{"a": 1}], "limit": 3}, LIMITED),
    ({"find": [{"a": 1}, None, {"limit": 3}]}, LIMITED),
    ({"find": {"sort": {"a": 1}, "limit": 3}}, {**ALL, "sort": {"a": 1}, "limit": 3}),
    ({"find": {"name": "Ada"}}, {"find": "u", "filter": {"name": "Ada"}}),
    ({"find": {"field": 1, "doc": 2}}, {"find": "u", "filter": {"field": 1, "doc": 2}}),
    ({"find": "u", "filter": {"a": 1}}, FIND),
    ({"find": True, "filter": {"a": 1}}, FIND),
    ({"find": {"limit": {"$gt": 9}, "a": 1}, "limit": 3}, {"find": "u", "filter": {"limit": {"$gt": 9}, "a": 1}, "limit": 3}),
    ({"findOne": {"a": 1}}, {**FIND, "limit": 1, "singleBatch": True}),
    ({"aggregate": [{"$match": {"a": 1}}]}, PIPELINE),
    ({"aggregate": {"pipeline": [{"$match": {"a": 1}}]}}, PIPELINE),
    ({"aggregate": [[{"$match": {"a": 1}}], {"allowDiskUse": True}]}, {**PIPELINE, "allowDiskUse": True}),
    ({"distinct": "a"}, DISTINCT),
    ({"distinct": {"field": "a"}}, DISTINCT),
    ({"distinct": "a", "query": {"b": 1}}, {**DISTINCT, "query": {"b": 1}}),
    ({"distinct": ["a", {"b": 1}]}, {**DISTINCT, "query": {"b": 1}}),
    ({"count": {"a": 1}}, {"count": "u", "query": {"a": 1}}),
    ({"count": True}, {"count": "u"}),
    ({"estimatedDocumentCount": {}}, {"count": "u"}),
    ({"getIndexes": {}}, {"listIndexes": "u"}),
    ({"getIndexes": True}, {"listIndexes": "u"}),
    ({"insertOne": {"_id": 1, "name": "Ada"}}, INSERT),
    ({"insertOne": {"document": {"_id": 1, "name": "Ada"}}}, INSERT),
    ({"insertOne": {"_id": 1, "comment": "x"}}, {**INSERT, "documents": [{"_id": 1, "comment": "x"}]}),
    ({"insertMany": [{"_id": 1, "name": "Ada"}]}, INSERT),
    ({"insertMany": {"documents": [{"_id": 1, "name": "Ada"}], "ordered": False}}, {**INSERT, "ordered": False}),
    ({"updateOne": [{"a": 1}, SET]}, UPDATE),
    ({"updateOne": [{"a": 1}, SET], "upsert": True}, UPSERT),
    ({"updateOne": [{"a": 1}, SET, {"upsert": True}]}, UPSERT),
    ({"updateOne": {"filter": {"a": 1}, "update": SET, "upsert": True}}, UPSERT),
    ({"updateOne": {"filter": {"a": 1}, "update": SET, "options": {"upsert": True}}}, UPSERT),
    ({"updateOne": {"filter": {"a": 1}, "update": SET}, "upsert": True}, UPSERT),
    ({"updateOne": {"a": 1}, "update": SET}, UPDATE),
    ({"replaceOne": {"filter": {"a": 1}, "replacement": {"b": 2}}}, REPLACE),
    ({"deleteMany": {}}, {"delete": "u", "deletes": [{"q": {}, "limit": 0}]}),
    ({"deleteOne": {"filter": {"a": 1}}}, {"delete": "u", "deletes": [{"q": {"a": 1}, "limit": 1}]}),
    ({"createIndex": {"key": {"a": 1}, "unique": True}}, INDEX),
    ({"createIndex": {"a": 1}, "unique": True}, INDEX),
    ({"createIndex": [{"a": 1}, {"unique": True}]}, INDEX),
    ({"dropIndex": "a_1"}, {"dropIndexes": "u", "index": "a_1"}),
    ({"dropIndex": {"name": "a_1"}}, {"dropIndexes": "u", "index": "a_1"}),
    ({"drop": {}}, {"drop": "u"}),
    # The method as a value.
    ({"method": "find", "filter": {"a": 1}, "limit": 3}, LIMITED),
    ({"type": "find", "query": {"a": 1}, "options": {"limit": 3}}, LIMITED),
    ({"name": "find", "filter": {"a": 1}}, FIND),
    ({"op": "find", "filter": {"a": 1}}, FIND),
    ({"action": "find", "filter": {"a": 1}}, FIND),
    ({"operation": "find", "filter": {"a": 1}}, FIND),
    ({"method": "find", "args": [{"a": 1}]}, FIND),
    ({"method": "find", "arguments": [{"a": 1}]}, FIND),
    ({"method": "find", "args": {"filter": {"a": 1}}}, FIND),
    ({"method": "find"}, ALL),
    ({"type": "aggregate", "pipeline": [{"$match": {"a": 1}}]}, PIPELINE),
    ({"type": "updateOne", "filter": {"a": 1}, "update": SET, "upsert": True}, UPSERT),
    ({"type": "replaceOne", "filter": {"a": 1}, "replacement": {"b": 2}}, REPLACE),
    # No method, and yet only one reading.
    ({"filter": {"a": 1}, "limit": 3}, LIMITED),
    ({"pipeline": [{"$match": {"a": 1}}]}, PIPELINE),
    ({"$match": {"a": 1}}, PIPELINE),
    ({"match": {"a": 1}}, PIPELINE),
    ([{"$match": {"a": 1}}], PIPELINE),
]  # fmt: skip

WHOLE: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"collection": "u", "operation": "find"}, ALL),
    ({"collection": "u", "operation": "find", "filter": {"a": 1}, "limit": 3}, LIMITED),
    ({"operation": "find", "collection": "u", "query": {"a": 1}}, FIND),
    ({"collection": "u", "operation": "find", "args": [{"a": 1}]}, FIND),
    ({"collection": "u", "operation": "count"}, {"count": "u"}),
    ({"collection": "u", "operation": "distinct", "field": "a"}, DISTINCT),
    ({"collection": "u", "operation": "aggregate", "pipeline": [{"$match": {"a": 1}}]}, PIPELINE),
    ({"collection": "u", "operation": "updateOne", "filter": {"a": 1}, "update": SET}, UPDATE),
    ({"collection": "u", "operation": {"find": {"a": 1}}, "limit": 3}, LIMITED),
    ({"collection": "u", "operation": {"find": {"a": 1}}, "options": {"limit": 3}}, LIMITED),
    ({"collection": "u", "method": "find", "filter": {"a": 1}}, FIND),
    ({"collection": "u", "find": {"a": 1}, "limit": 3}, LIMITED),
    ({"collection": "u", "filter": {"a": 1}, "limit": 3, "batchSize": 5}, {**LIMITED, "batchSize": 5}),
    ({"collection": "u", "filter": {"a": 1}, "project": {"a": 1}}, {**FIND, "projection": {"a": 1}}),
    ({"collection": "u", "query": {"a": 1}, "fields": {"a": 1}}, {**FIND, "projection": {"a": 1}}),
    ({"collection": "u", "type": "count", "done": 1}, {"find": "u", "filter": {"type": "count", "done": 1}}),
    ({"collection": "u", "limit": {"$gte": 9}, "a": 1}, {"find": "u", "filter": {"limit": {"$gte": 9}, "a": 1}}),
    ({"collection": "u", "count": {"$in": [1]}}, {"find": "u", "filter": {"count": {"$in": [1]}}}),
    ({"collection": "u", "name": "find"}, {"find": "u", "filter": {"name": "find"}}),
    ({"collection": "u", "filter": "x", "a": 1}, {"find": "u", "filter": {"filter": "x", "a": 1}}),
]

DOUBTFUL: list[Any] = [
    {"operation": {}},
    {"operation": []} | {"limit": 1},
    {"operation": None},
    {"operation": 5},
    {"operation": "fnd"},
    {"operation": "login", "level": "info"},
    {"operation": {"$in": ["login", "logout"]}},
    {"operation": {"name": "Ada"}},
    {"operation": {"a": {"$gt": 25}}},
    {"operation": {"fnd": {"a": 1}}},
    {"operation": {"runCommand": {"shutdown": 1}}},
    {"operation": {"type": "fnd", "filter": {"a": 1}}},
    {"operation": {"filter": {"a": 1}, "update": SET}},
    {"operation": {"a": 1}, "limit": 3},
    {"operation": {"find": "other", "filter": {}}},
    {"operation": {"find": {"a": 1}, "deleteMany": {}}},
    {"operation": {"find": {"a": 1}}, "find": {}},
    {"operation": {"find": {"filter": {"a": 1}}, "filter": {}}},
    {"operation": {"find": {"filter": {"a": 1}, "age": 5}}},
    {"operation": {"find": {"limit": 9000}}},
    {"operation": {"method": "find", "args": [{"a": 1}], "limit": 3}},
    {"operation": {"updateOne": [{"a": 1}, SET, {"upsert": True}], "upsert": False}},
    {"filter": {"a": 1}, "type": "premium"},
    {"filter": {"a": 1}, "update": SET},
    {"find": {"a": 1}, "findOne": {"a": 1}},
    {"status": "active", "group": "admin"},
]


@pytest.mark.parametrize(("operation", "expected"), READINGS, ids=str)
def test_an_operation_is_read(operation: Any, expected: dict[str, Any]) -> None:
    verdict, command = judge(Statement(json.dumps({"collection": "u", "operation": operation})))
    assert command is not None, verdict.reason
    assert command.document == expected


@pytest.mark.parametrize(("query", "expected"), WHOLE, ids=str)
def test_a_query_is_read(query: dict[str, Any], expected: dict[str, Any]) -> None:
    verdict, command = judge(Statement(json.dumps(query)))
    assert command is not None, verdict.reason
    assert command.document == expected


@pytest.mark.parametrize("query", DOUBTFUL, ids=str)
def test_what_could_mean_two_things_is_refused_with_a_clear_form(query: dict[str, Any]) -> None:
    verdict, command = judge(Statement(json.dumps({"collection": "u", **query})))
    assert command is None
    assert (verdict.kind, verdict.code) == (Kind.UNKNOWN, RefusalCode.AMBIGUOUS), verdict.reason
    assert (verdict.line, verdict.column) == (1, 1)
    assert any(word in str(verdict.reason) for word in ("clear would be", "keep one", "write one", "leave out"))
