"""Chroma's statements as they are read: what passes, what doesn't, and what is said of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbmcp_chroma.judge import judge
from dbmcp_chroma.request import KINDS, Request, read
from dbmcp_chroma.text import ReadError, read_object
from dbmcp_core.statement import Kind, RefusalCode, Statement

HONEST: list[tuple[str, str, dict[str, Any]]] = [
    ('{"collection": "docs"}', "get", {}),
    ('  {"collection": "docs"} ; ', "get", {}),
    ('{"collection": "docs", "where": null, "where_document": {}}', "get", {}),
    (
        '{"collection": "docs", "operation": null, "ids": null, "limit": null, "offset": null, "include": null}',
        "get",
        {},
    ),
    ('{"collection": "docs", "operation": "get", "ids": "a"}', "get", {"ids": ["a"]}),
    ('{"collection": "docs", "ids": ["a", "b"], "limit": 0}', "get", {"ids": ["a", "b"], "limit": 0}),
    ('{"collection": "docs", "limit": 5.0, "offset": 2}', "get", {"limit": 5, "offset": 2}),
    ('{"collection": "docs", "include": []}', "get", {"include": []}),
    ('{"collection": "docs", "columns": ["id", "title"]}', "get", {"columns": {"id": "id", "title": "title"}}),
    ('{"collection": "docs", "columns": {"x": "title"}}', "get", {"columns": {"x": "title"}}),
    ('{"collection": "docs", "query_texts": "solar"}', "query", {"query_texts": ["solar"], "n_results": 10}),
    (
        '{"collection": "docs", "queryTexts": ["a"], "nResults": 3, "whereDocument": {"$contains": "x"}}',
        "query",
        {"query_texts": ["a"], "n_results": 3, "where_document": {"$contains": "x"}},
    ),
    ('{"collection": "docs", "query_embeddings": [1, 2]}', "query", {"query_embeddings": [[1, 2]], "n_results": 10}),
    (
        '{"collection": "docs", "query_embeddings": [[1, 2]], "ids": ["a"], "limit": 5, "offset": 10}',
        "query",
        {"query_embeddings": [[1, 2]], "ids": ["a"], "offset": 10, "n_results": 15},
    ),
    ('{"collection": "docs", "operation": "count"}', "count", {}),
    ('{"count": "docs"}', "count", {}),
    ('{"collection": "docs", "operation": "peek", "limit": 3}', "peek", {"limit": 3}),
    ('{"operation": "list_collections"}', "list_collections", {}),
    ('{"operation": "listCollections"}', "list_collections", {}),
    ('{"add": "docs", "ids": ["a"], "embeddings": [[1]]}', "add", {"ids": ["a"], "embeddings": [[1]]}),
    ('{"collection": "docs", "add": {"ids": ["a"], "embeddings": [1]}}', "add", {"ids": ["a"], "embeddings": [[1]]}),
    (
        '{"collection": "docs", "operation": {"add": {"ids": "a", "documents": "t"}}}',
        "add",
        {"ids": ["a"], "documents": ["t"]},
    ),
    ('{"add": {"collection": "docs", "ids": "a", "documents": "t"}}', "add", {"ids": ["a"], "documents": ["t"]}),
    (
        '{"collection": "docs", "operation": "add", "ids": ["a"], "embeddings": [[1]], "metadatas": [{"x": null}]}',
        "add",
        {"ids": ["a"], "embeddings": [[1]], "metadatas": [None]},
    ),
    (
        '{"collection": "docs", "operation": "update", "ids": ["a"], "metadatas": {"x": null}}',
        "update",
        {"ids": ["a"], "metadatas": [{"x": None}]},
    ),
    ('{"collection": "docs", "operation": "delete", "ids": ["a"]}', "delete", {"ids": ["a"]}),
    ('{"collection": "docs", "operation": "delete_collection"}', "delete_collection", {}),
    ('{"drop": "docs"}', "delete_collection", {}),
    (
        '{"create": "docs", "space": "cosine", "metadata": {"a": 1}}',
        "create_collection",
        {"configuration": {"hnsw": {"space": "cosine"}}, "metadata": {"a": 1}},
    ),
    (
        '{"create_collection": "docs", "configuration": {"hnsw": {"space": "ip"}}, "getOrCreate": true}',
        "create_collection",
        {"configuration": {"hnsw": {"space": "ip"}}, "get_or_create": True},
    ),
    ('{"collection": "docs", "operation": "modify", "new_name": "other"}', "modify_collection", {"new_name": "other"}),
]


@pytest.mark.parametrize(("text", "operation", "fields"), HONEST, ids=[text for text, _, _ in HONEST])
def test_what_is_meant_is_read(text: str, operation: str, fields: dict[str, Any]) -> None:
    collection = None if operation == "list_collections" else "docs"
    assert read(Statement(text)) == Request(operation, collection, fields, frozenset(_operators(fields)))


def _operators(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [key for key in value if key.startswith("$")] + [
            one for item in value.values() for one in _operators(item)
        ]
    return [one for item in value for one in _operators(item)] if isinstance(value, list) else []


FILTERS: list[dict[str, Any]] = [
    {"year": 2020},
    {"year": 2020.5},
    {"draft": False},
    {"lang": "en"},
    {"lang": ""},
    {"a b.c-é": "x"},
    {"year": {"$eq": 2020}},
    {"lang": {"$ne": "en"}},
    {"year": {"$gt": -1}},
    {"year": {"$gte": 1.5}},
    {"year": {"$lt": 2**63 - 1}},
    {"year": {"$lte": -(2**63)}},
    {"lang": {"$in": ["en", "de"]}},
    {"year": {"$nin": [1, 2, 3]}},
    {"draft": {"$in": [True]}},
    {"tags": {"$contains": "x"}},
    {"tags": {"$not_contains": 5}},
    {"#document": {"$contains": "solar"}},
    {"$and": [{"year": {"$gt": 2000}}, {"year": {"$lt": 2010}}]},
    {"$or": [{"lang": "en"}, {"$and": [{"lang": "de"}, {"draft": False}]}]},
    {"$and": [{"year": n} for n in range(256)]},
    {"year": {"$in": list(range(10_000))}},
]
DOCUMENT_FILTERS: list[dict[str, Any]] = [
    {"$contains": "solar"},
    {"$not_contains": "$where"},
    {"$regex": "so(l|L)ar.*"},
    {"$not_regex": "^x$"},
    {"$and": [{"$contains": "a"}, {"$or": [{"$regex": "b"}, {"$not_contains": "c"}]}]},
]


@pytest.mark.parametrize("where", FILTERS, ids=lambda where: str(where)[:60])
def test_filters_pass(where: dict[str, Any]) -> None:
    request = read(Statement(json.dumps({"collection": "docs", "where": where})))
    assert request.fields["where"] == where
    assert request.operators == set(_operators(where))


@pytest.mark.parametrize("where", DOCUMENT_FILTERS, ids=str)
def test_filters_of_documents_pass(where: dict[str, Any]) -> None:
    request = read(Statement(json.dumps({"collection": "docs", "query_texts": ["x"], "where_document": where})))
    assert request.fields["where_document"] == where


def _nested(depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {"x": 1}
    for _ in range(depth):
        found = {"$and": [found, {"x": 1}]}
    return found


#: A filter, and what has to be said of it.
WRONG_FILTERS: list[tuple[Any, str]] = [
    ([], "where: wants an object, not a list"),
    ("year > 5", "where: wants an object"),
    (5, "where: wants an object"),
    ({"year": 1, "lang": "en"}, 'where: has 2 keys where one belongs; write {"$and": [{"year": …}, {"lang": …}]}'),
    ({"year": {"$gt": 1, "$lt": 5}}, 'where.year: has 2 operators where one belongs; write {"$and"'),
    ({"year": {}}, "where.year: is an empty object"),
    ({"year": {"$gtt": 1}}, "where.year.$gtt: is no operator (did you mean '$gt'?)"),
    ({"year": {"gt": 1}}, "where.year.gt: is no operator (did you mean '$gt'?)"),
    ({"year": {"$exists": True}}, "where.year.$exists: is no operator"),
    ({"year": {"$not": {"$gt": 5}}}, "where.year.$not: is no operator"),
    ({"year": {"$regex": "x"}}, "where.year.$regex: is no operator ($regex belongs into where_document)"),
    ({"year": {"$gt": "2020"}}, "where.year.$gt: wants a number, not '2020'"),
    ({"year": {"$lte": True}}, "where.year.$lte: wants a number, not true"),
    ({"year": {"$in": 5}}, "where.year.$in: wants a list"),
    ({"year": {"$in": []}}, "where.year.$in: is an empty list"),
    ({"year": {"$in": [1, "a"]}}, "where.year.$in[1]: is a text, and the first item is an integer"),
    ({"year": {"$in": [1, True]}}, "where.year.$in[1]: is true or false"),
    ({"year": {"$nin": [None]}}, "where.year.$nin[0]: wants a text, a number"),
    ({"year": {"$eq": [1]}}, "where.year.$eq: wants one value, not a list"),
    ({"year": {"$eq": {"a": 1}}}, "where.year.$eq: wants a text, a number"),
    ({"year": {"$eq": None}}, "where.year.$eq: wants a text, a number"),
    ({"year": None}, "where.year: can't be compared with null"),
    ({"year": [1, 2]}, 'where.year: wants a value, not a list; write {"$in"'),
    ({"year": 2**63}, "where.year: the integer doesn't fit 64 bits"),
    ({"year": {"$in": [2**64]}}, "where.year.$in[0]: the integer doesn't fit 64 bits"),
    ({"$and": {"year": 1}}, "where.$and: wants a list of conditions"),
    ({"$and": []}, "where.$and: wants at least two conditions"),
    ({"$or": [{"year": 1}]}, "where.$or: wants at least two conditions"),
    ({"$and": [{"year": 1}, {"year": {"$gtt": 1}}]}, "where.$and[1].year.$gtt: is no operator"),
    ({"$and": [{"year": 1}, 5]}, "where.$and[1]: wants an object"),
    ({"$and": [{"year": 1}, {}]}, "where.$and[1]: is an empty object"),
    ({"$and": [{"a": 1}, {"b": 1}], "c": 1}, "where: has 2 keys"),
    ({"$nor": [{"a": 1}, {"b": 1}]}, "where.$nor: is no operator"),
    ({"$not": {"a": 1}}, "where.$not: is no operator"),
    ({"$where": "1"}, "where.$where: is no operator"),
    ({"$eq": 5}, 'where.$eq: stands where a key belongs; write {"key": {"$eq": …}}'),
    ({"$contains": "x"}, "where.$contains: stands where a key belongs"),
    ({"$regex": "x"}, "where.$regex: belongs into where_document"),
    ({"": 1}, "where.: a key of metadata is not empty"),
    ({"#document": "x"}, 'where.#document: wants {"$contains": …}'),
    ({"#document": {"$eq": "x"}}, "where.#document.$eq: of a document there are $contains and $not_contains"),
    ({"#document": {"$contains": 5}}, "where.#document.$contains: wants a text"),
    ({"#embedding": 1}, "where.#embedding: '#embedding' is Chroma's own"),
    ({"chroma:document": "x"}, "is Chroma's own"),
    ({"lang": "\ud800"}, "where.lang: has half a character"),
    ({"lang": "x" * 10_000_001}, "has 10,000,001 characters"),
    ({"$and": [{"year": n} for n in range(257)]}, "the filter has more than 256 conditions"),
    ({"$and": [{"x": 1}] * 20_000}, "the filter has more than 256 conditions"),
    ({"year": {"$in": list(range(10_001))}}, "the filter's lists have more than 10,000 items"),
    ({"$or": [{"a": {"$in": list(range(6_000))}}] * 2}, "the filter's lists have more than 10,000 items"),
]


@pytest.mark.parametrize(("where", "said"), WRONG_FILTERS, ids=[said for _, said in WRONG_FILTERS])
def test_a_wrong_filter_is_told_with_its_place(where: Any, said: str) -> None:
    with pytest.raises(ReadError) as caught:
        read(Statement(json.dumps({"collection": "docs", "where": where})))
    assert said in caught.value.message
    assert caught.value.code is RefusalCode.UNPARSABLE
    assert len(caught.value.message) < 600


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"$contains": ""}, "where_document.$contains: is empty"),
        ({"$regex": ""}, "where_document.$regex: is empty"),
        ({"$contains": 5}, "where_document.$contains: wants a text, not 5"),
        ({"$contains": ["a"]}, "where_document.$contains: wants a text, not a list"),
        ({"$like": "a"}, "where_document.$like: is no operator"),
        ({"title": "a"}, "where_document.title: is no operator of documents; a key of metadata belongs into where"),
        ({"$contains": "a", "$regex": "b"}, "where_document: has 2 keys where one belongs"),
        ({"$and": [{"$contains": "a"}]}, "where_document.$and: wants at least two conditions"),
        ({"$or": [{"$contains": "a"}, {"year": 5}]}, "where_document.$or[1].year: is no operator"),
        ({"$not": {"$contains": "a"}}, "where_document.$not: is no operator"),
        ({"$regex": "a" * 1_001}, "where_document.$regex: has 1,001 characters; 1,000 are allowed"),
        ("solar", "where_document: wants an object, not 'solar'"),
    ],
)
def test_a_wrong_filter_of_documents_is_told_with_its_place(where: Any, said: str) -> None:
    with pytest.raises(ReadError) as caught:
        read(Statement(json.dumps({"collection": "docs", "where_document": where})))
    assert said in caught.value.message


@pytest.mark.parametrize("depth", [20, 1_000, 30_000, 500_000])
def test_deep_nesting_is_refused_and_costs_no_stack(depth: int) -> None:
    deep = '{"$and": [' * depth + '{"x": 1}, {"x": 1}' + ', {"x": 1}]}' * (depth - 1) + "]}"
    with pytest.raises(ReadError, match=r"[nN]ested"):
        read(Statement(f'{{"collection": "docs", "where": {deep}}}'))


def test_the_deepest_good_filter_passes() -> None:
    assert read(Statement(json.dumps({"collection": "docs", "where": _nested(19)})))


DOCS = '"collection": "docs"'
#: A statement, what has to be said of it, and its code.
WRONG: list[tuple[str, str, str]] = [
    ("", "There is no statement", "empty_statement"),
    ("  \n", "There is no statement", "empty_statement"),
    ("[]", "A statement is one JSON object", "unparsable_statement"),
    ("null", "A statement is one JSON object", "unparsable_statement"),
    ("5", "A statement is one JSON object", "unparsable_statement"),
    ('"docs"', "A statement is one JSON object", "unparsable_statement"),
    ("SELECT * FROM docs", "This is no JSON", "unparsable_statement"),
    ("db.docs.find({})", "This is no JSON", "unparsable_statement"),
    ("{'collection': 'docs'}", "This is no JSON", "unparsable_statement"),
    ('{"collection": "docs",}', "This is no JSON", "unparsable_statement"),
    ('{"collection": "docs"', "This is no JSON", "unparsable_statement"),
    ('{"collection": "docs" // x\n}', "This is no JSON", "unparsable_statement"),
    ('{"collection": "do\ncs"}', "This is no JSON", "unparsable_statement"),
    (f"{{{DOCS}}} {{{DOCS}}}", "Only one statement", "multiple_statements"),
    (f"{{{DOCS}}};{{{DOCS}}}", "Only one statement", "multiple_statements"),
    (f'{{{DOCS}, "collection": "other"}}', "The key 'collection' is there twice", "ambiguous_text"),
    (f'{{{DOCS}, "where": {{"a": 1, "a": 2}}}}', "The key 'a' is there twice", "ambiguous_text"),
    (f'{{{DOCS}, "\\u0063ollection": "other"}}', "The key 'collection' is there twice", "ambiguous_text"),
    (f'{{{DOCS}, "where_document": {{"$contains": "a"}}, "whereDocument": null}}', "is there twice", "ambiguous_text"),
    (f'{{{DOCS}, "where": {{"x": NaN}}}}', "NaN is no JSON", "unparsable_statement"),
    (f'{{{DOCS}, "where": {{"x": -Infinity}}}}', "-Infinity is no JSON", "unparsable_statement"),
    (f'{{{DOCS}, "query_embeddings": [[1e999]]}}', "query_embeddings[0][0]: is not a finite", "unparsable_statement"),
    (f'{{{DOCS}, "query_embeddings": [[1e39]]}}', "query_embeddings[0][0]: is not a finite", "unparsable_statement"),
    (f'{{{DOCS}, "query_embeddings": []}}', "query_embeddings: is an empty list", "unparsable_statement"),
    (f'{{{DOCS}, "query_embeddings": [[]]}}', "query_embeddings[0]: is an empty vector", "unparsable_statement"),
    (f'{{{DOCS}, "query_embeddings": [[1], [1, 2]]}}', "query_embeddings[1]: has 2 numbers", "unparsable_statement"),
    (f'{{{DOCS}, "query_embeddings": [["1"]]}}', "query_embeddings[0][0]: wants a number", "unparsable_statement"),
    (f'{{{DOCS}, "query_embeddings": [[true]]}}', "query_embeddings[0][0]: wants a number", "unparsable_statement"),
    (f'{{{DOCS}, "query_embeddings": [[null]]}}', "query_embeddings[0][0]: wants a number", "unparsable_statement"),
    (f'{{{DOCS}, "query_embeddings": "x"}}', "query_embeddings: wants a list of vectors", "unparsable_statement"),
    (f'{{{DOCS}, "query_embeddings": [[[1]]]}}', "query_embeddings[0][0]: wants a number", "unparsable_statement"),
    (f'{{{DOCS}, "query_texts": []}}', "query_texts: is an empty list", "unparsable_statement"),
    (f'{{{DOCS}, "query_texts": [""]}}', "query_texts[0]: is empty", "unparsable_statement"),
    (f'{{{DOCS}, "query_texts": [5]}}', "query_texts[0]: wants a text", "unparsable_statement"),
    (f'{{{DOCS}, "query_texts": ["a"], "query_embeddings": [[1]]}}', "are both there", "unparsable_statement"),
    (f'{{{DOCS}, "query_texts": null}}', "'query_texts' and 'query_embeddings' are missing", "unparsable_statement"),
    (f'{{{DOCS}, "operation": "query"}}', "'query_texts' and 'query_embeddings' are missing", "unparsable_statement"),
    (f'{{{DOCS}, "n_results": 5}}', "n_results: goes with 'query_texts'", "unparsable_statement"),
    (f'{{{DOCS}, "query_texts": ["a"], "n_results": 0}}', "n_results: wants a number from 1", "unparsable_statement"),
    (f'{{{DOCS}, "query_texts": ["a"], "n_results": -1}}', "n_results: wants a number from 1", "unparsable_statement"),
    (f'{{{DOCS}, "query_texts": ["a"], "n_results": 10001}}', "n_results: wants a number", "unparsable_statement"),
    (f'{{{DOCS}, "query_texts": ["a"], "n_results": 1.5}}', "n_results: wants a whole number", "unparsable_statement"),
    (f'{{{DOCS}, "query_texts": ["a"], "n_results": "5"}}', "n_results: wants a whole number", "unparsable_statement"),
    (f'{{{DOCS}, "query_texts": ["a"], "n_results": true}}', "n_results: wants a whole number", "unparsable_statement"),
    (f'{{{DOCS}, "query_texts": ["a", "b"], "n_results": 9999}}', "19,998 results over all", "unparsable_statement"),
    (
        f'{{{DOCS}, "query_texts": ["a"], "n_results": 5, "limit": 5}}',
        "limit: 'n_results' says",
        "unparsable_statement",
    ),
    (f'{{{DOCS}, "limit": -1}}', "limit: wants a number from 0", "unparsable_statement"),
    (f'{{{DOCS}, "offset": 1e30}}', "offset: wants a number from 0", "unparsable_statement"),
    (f'{{{DOCS}, "ids": []}}', "ids: is an empty list", "unparsable_statement"),
    (f'{{{DOCS}, "ids": ["a", "a"]}}', "ids[1]: 'a' is there twice", "unparsable_statement"),
    (f'{{{DOCS}, "ids": [""]}}', "ids[0]: is empty", "unparsable_statement"),
    (f'{{{DOCS}, "ids": [1]}}', "ids[0]: wants a text, not 1", "unparsable_statement"),
    (f'{{{DOCS}, "ids": {{"a": 1}}}}', "ids: wants a list of texts", "unparsable_statement"),
    (f'{{{DOCS}, "include": "documents"}}', "include: wants a list", "unparsable_statement"),
    (f'{{{DOCS}, "include": ["document"]}}', "include[0]: 'document' can't be included", "unparsable_statement"),
    (f'{{{DOCS}, "include": ["data"]}}', "include[0]: 'data' can't be included", "unparsable_statement"),
    (f'{{{DOCS}, "include": [["uris"]]}}', "include[0]: a list can't be included", "unparsable_statement"),
    (f'{{{DOCS}, "include": ["uris", "uris"]}}', "include[1]: 'uris' is there twice", "unparsable_statement"),
    (f'{{{DOCS}, "include": ["distances"]}}', "include: there are distances only", "unparsable_statement"),
    (f'{{{DOCS}, "columns": ["id"], "include": []}}', "include: 'columns' says already", "unparsable_statement"),
    (f'{{{DOCS}, "columns": []}}', "columns: is an empty list", "unparsable_statement"),
    (f'{{{DOCS}, "columns": ["id", "id"]}}', "columns: a column is there twice", "unparsable_statement"),
    (f'{{{DOCS}, "columns": {{"a": 5}}}}', "columns.a: wants a text", "unparsable_statement"),
    (f'{{{DOCS}, "columns": "id"}}', "columns: wants a list of names", "unparsable_statement"),
    (f'{{{DOCS}, "wher": {{}}}}', "wher: is not known to 'get' (did you mean 'where'?)", "unparsable_statement"),
    (f'{{{DOCS}, "filter": {{}}}}', "filter: is not known to 'get'", "unparsable_statement"),
    (f'{{{DOCS}, "query": "x"}}', "query: is an operation", "unparsable_statement"),
    (f'{{{DOCS}, "tenant": "x"}}', "tenant: is a setting of the source", "unparsable_statement"),
    (f'{{{DOCS}, "operation": "find"}}', "operation: 'find' is none", "unparsable_statement"),
    (f'{{{DOCS}, "operation": "upsrt"}}', "(did you mean 'upsert'?)", "unparsable_statement"),
    (f'{{{DOCS}, "operation": 5}}', "operation: wants a name", "unparsable_statement"),
    (f'{{{DOCS}, "operation": {{}}}}', "operation: is a name, or an object with one", "unparsable_statement"),
    (f'{{{DOCS}, "add": {{}}, "delete": {{}}}}', "are operations; one belongs", "multiple_statements"),
    (f'{{{DOCS}, "operation": "get", "add": {{"ids": ["a"]}}}}', "add: is not known to 'get'", "unparsable_statement"),
    (f'{{{DOCS}, "operation": "reset"}}', "operation: 'reset' is not for here", "not_a_read"),
    (f'{{{DOCS}, "fork": "x"}}', "operation: 'fork' is not for here", "not_a_read"),
    ("{}", "collection: wants a text, not null", "unparsable_statement"),
    ('{"collection": 5}', "collection: wants a text", "unparsable_statement"),
    ('{"collection": ["docs"]}', "collection: wants a text, not a list", "unparsable_statement"),
    ('{"collection": ""}', "collection: a collection's name has 3 to 512", "unparsable_statement"),
    ('{"collection": "ab"}', "collection: a collection's name has 3 to 512", "unparsable_statement"),
    ('{"collection": "a/../b"}', "collection: a collection's name has 3 to 512", "unparsable_statement"),
    ('{"collection": "a..b"}', "collection: a collection's name has 3 to 512", "unparsable_statement"),
    ('{"collection": "docs\\n"}', "collection: a collection's name has 3 to 512", "unparsable_statement"),
    ('{"operation": "list_collections", "collection": "docs"}', "list_collections takes none", "unparsable_statement"),
    (f'{{{DOCS}, "documents": ["x"]}}', "'documents' is written by an operation", "unparsable_statement"),
]


@pytest.mark.parametrize(
    ("text", "said", "code"), WRONG, ids=[f"{text[:60]}-{n}" for n, (text, _, _) in enumerate(WRONG)]
)
def test_a_wrong_statement_is_told(text: str, said: str, code: str) -> None:
    verdict, request = judge(Statement(text))
    assert request is None
    assert said in (verdict.reason or "")
    assert (verdict.code, verdict.kind is Kind.READ) == (code, False)


WRITE = '"collection": "docs", "operation"'
WRONG_WRITES: list[tuple[str, str]] = [
    (f'{{{WRITE}: "add"}}', "The operation 'add' wants 'ids'"),
    (f'{{{WRITE}: "add", "ids": ["a"]}}', "wants 'documents', 'embeddings', 'metadatas' or 'uris' beside 'ids'"),
    (f'{{{WRITE}: "add", "ids": ["a"], "metadatas": [{{"x": 1}}]}}', "wants 'embeddings', or 'documents'"),
    (f'{{{WRITE}: "add", "ids": ["a"], "documents": [null]}}', "documents[0]: is null"),
    (f'{{{WRITE}: "add", "ids": ["a", "b"], "documents": ["x"]}}', "documents: has 1 items, and there are 2 ids"),
    (f'{{{WRITE}: "add", "ids": ["a", "a"], "documents": ["x", "y"]}}', "ids[1]: 'a' is there twice"),
    (f'{{{WRITE}: "add", "ids": ["a"], "embeddings": [null]}}', "embeddings[0]: wants a vector"),
    (f'{{{WRITE}: "add", "ids": ["a", "b"], "embeddings": [[1], [1, 2]]}}', "embeddings[1]: has 2 numbers"),
    (f'{{{WRITE}: "update", "ids": ["a", "b"], "embeddings": [[1], [1, 2]]}}', "embeddings[1]: has 2 numbers"),
    (f'{{{WRITE}: "update", "ids": ["a", "b", "c"], "embeddings": [[1], null, [1, 2]]}}', "differ in length"),
    (f'{{{WRITE}: "add", "ids": ["a"], "embeddings": [[1]], "metadatas": [{{}}]}}', "metadatas[0]: is an empty object"),
    (f'{{{WRITE}: "add", "ids": ["a"], "embeddings": [[1]], "metadatas": ["x"]}}', "metadatas[0]: wants an object"),
    (f'{{{WRITE}: "upsert", "ids": ["a"], "embeddings": [[1]], "metadatas": []}}', "metadatas: is an empty list"),
    (f'{{{WRITE}: "upsert", "ids": ["a"], "embeddings": [[1]], "metadata": {{}}}}', "(did you mean 'metadatas'?)"),
    (f'{{{WRITE}: "get", "documents": ["x"]}}', "documents: is not known to 'get'"),
    (f'{{{WRITE}: "delete"}}', "The operation 'delete' wants 'ids', 'where' or 'where_document'"),
    (f'{{{WRITE}: "delete", "where": {{}}}}', "The operation 'delete' wants 'ids', 'where' or 'where_document'"),
    (f'{{{WRITE}: "delete", "where": null, "where_document": {{}}}}', "The operation 'delete' wants"),
    (f'{{{WRITE}: "delete", "ids": null}}', "The operation 'delete' wants"),
    (f'{{{WRITE}: "add", "ids": ["a"], "documents": null}}', "beside 'ids'"),
    (f'{{{WRITE}: "delete", "ids": []}}', "ids: is an empty list"),
    (f'{{{WRITE}: "create", "space": "euclid"}}', "space: is one of l2, cosine, ip"),
    (
        f'{{{WRITE}: "create", "configuration": {{"hnsw": {{"ef_search": 0}}}}}}',
        "configuration.hnsw.ef_search: wants a",
    ),
    (f'{{{WRITE}: "create", "configuration": {{"hnsw": {{"ef_serch": 5}}}}}}', "(did you mean 'ef_search'?)"),
    (f'{{{WRITE}: "create", "configuration": {{"hnsw": {{}}, "spann": {{}}}}}}', "configuration: has hnsw and spann"),
    (
        f'{{{WRITE}: "create", "configuration": {{"embedding_function": {{"name": "openai"}}}}}}',
        "configuration.embedding_function: is not known here; the setting 'embedding_function' says",
    ),
    (f'{{{WRITE}: "create", "metadata": {{"a": {{}}}}}}', "metadata.a: wants a text, a number"),
    (f'{{{WRITE}: "create", "get_or_create": 1}}', "get_or_create: wants true or false"),
    (f'{{{WRITE}: "modify"}}', "The operation 'modify_collection' wants"),
    (f'{{{WRITE}: "modify", "new_name": "a b"}}', "new_name: a collection's name has"),
    (
        f'{{{WRITE}: "modify", "configuration": {{"hnsw": {{"space": "ip"}}}}}}',
        "configuration.hnsw.space: can't be set",
    ),
]


@pytest.mark.parametrize(("text", "said"), WRONG_WRITES)
def test_a_wrong_write_is_told(text: str, said: str) -> None:
    with pytest.raises(ReadError) as caught:
        read(Statement(text))
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"a": {"b": 1}}, "metadatas[0].a: wants a text, a number"),
        ({"a": []}, "metadatas[0].a: is an empty list"),
        ({"a": [1, "x"]}, "metadatas[0].a: a list has values of one type"),
        ({"a": [[1]]}, "metadatas[0].a[0]: wants a text"),
        ({"a": [None]}, "metadatas[0].a[0]: wants a text"),
        ({"a": 2**63}, "metadatas[0].a: the integer doesn't fit 64 bits"),
        ({"a": [1, 2**63]}, "metadatas[0].a[1]: the integer doesn't fit 64 bits"),
        ({"a": float("inf")}, "metadatas[0].a: the number is not finite"),
        ({"": 1}, "metadatas[0]: a key of metadata is not empty"),
        ({"$set": 1}, "metadatas[0].$set: keys that begin with"),
        ({"#document": "x"}, "metadatas[0].#document: keys that begin with"),
        # This one ends Chroma's background worker, and with it everything on its server.
        ({"chroma:document": "x"}, "metadatas[0].chroma:document: keys that begin with"),
        ({"a": "\udfff"}, "metadatas[0].a: has half a character"),
    ],
)
@pytest.mark.parametrize("operation", ["add", "upsert", "update"])
def test_metadata_that_chroma_cannot_hold_is_refused(operation: str, metadata: dict[str, Any], said: str) -> None:
    text = f'{{"{operation}": "docs", "ids": ["a"], "embeddings": [[1]], "metadatas": [?]}}'
    with pytest.raises(ReadError) as caught:
        read(Statement(text, [metadata]))
    assert said in caught.value.message


# Places and parameters


@pytest.mark.parametrize(
    ("text", "params", "line", "column"),
    [
        ('{"collection": "docs",\n "where" {}}', (), 2, 10),
        ('{"collection": "docs", "ids": ?, "where" {}}', [["a"]], 1, 42),
        ('{"collection": "docs", "ids": :names, "where" {}}', {"names": ["a"]}, 1, 47),
        ('{"collection": ?}', (), 1, 16),
        ('{"collection": $2}', ["a"], 1, 16),
        ('{"collection": $0}', ["a"], 1, 16),
        ('{"collection": :name}', ["a"], 1, 16),
        ('{"collection": ?}', {"name": "a"}, 1, 16),
        ('{"a": 1}\n{"b": 1}', (), 2, 1),
    ],
)
def test_an_error_of_the_text_has_its_place(text: str, params: Any, line: int, column: int) -> None:
    verdict, _ = judge(Statement(text, params))
    assert (verdict.line, verdict.column) == (line, column)


@pytest.mark.parametrize(
    ("text", "params"),
    [
        ('{"collection": ?, "ids": ?, "where": {"x": ?}, "limit": ?}', ["docs", ["a", "b"], 5, 3]),
        ('{"collection": $1, "ids": $2, "where": {"x": $3}, "limit": $4}', ["docs", ["a", "b"], 5, 3]),
        ('{"limit": $4, "where": {"x": $3}, "ids": $2, "collection": $1}', ("docs", ("a", "b"), 5, 3)),
        (
            '{"collection": :c, "ids": :ids, "where": {"x":  :x}, "limit"::limit}',
            {"c": "docs", "ids": ["a", "b"], "x": 5, "limit": 3},
        ),
        ('{"collection": "docs", "ids": [?, ?], "where": {"x": 5}, "limit": 3}', ["a", "b"]),
    ],
)
def test_parameters_are_values(text: str, params: Any) -> None:
    expected = {"ids": ["a", "b"], "where": {"x": 5}, "limit": 3}
    assert read(Statement(text, params)).fields == expected


@pytest.mark.parametrize("value", [{"$ne": ""}, {"$gt": 0}, [{"$ne": 1}], {"a": 1}])
@pytest.mark.parametrize(
    "text",
    [
        '{"collection": "docs", "where": {"owner": ?}}',
        '{"collection": "docs", "where": {"owner": {"$eq": ?}}}',
        '{"collection": "docs", "where": {"owner": {"$in": [?]}}}',
        '{"collection": "docs", "where": {"$or": [{"a": 1}, {"owner": ?}]}}',
        '{"collection": "docs", "where_document": {"$contains": ?}}',
        '{"collection": "docs", "where": {"$and": [{"a": 1}, ?]}}',
        '{"collection": "docs", "where": ?}',
        '{"collection": "docs", "operation": ?}',
    ],
)
def test_a_parameter_is_never_an_operator(text: str, value: Any) -> None:
    with pytest.raises(ReadError):
        read(Statement(text, [value]))


def test_placeholders_in_texts_are_texts() -> None:
    text = '{"collection": "docs", "where": {"$and": [{"a": "?"}, {"b :x": "$1 :name \\" NaN ? {["}]}}'
    where = {"$and": [{"a": "?"}, {"b :x": '$1 :name " NaN ? {['}]}
    assert read(Statement(text)).fields == {"where": where}


@pytest.mark.parametrize("params", [["x"], {"x": 1}, [1, 2]])
def test_a_parameter_without_a_placeholder_is_told(params: Any) -> None:
    with pytest.raises(ReadError, match="parameters have no placeholder"):
        read(Statement('{"collection": "docs"}', params))


def test_parameters_may_be_numpys_and_nothing_odd() -> None:
    numpy = pytest.importorskip("numpy")
    text = '{"collection": "docs", "query_embeddings": ?}'
    vectors = numpy.array([[0.5, 1.5]], dtype="float32")
    assert read(Statement(text, [vectors])).fields["query_embeddings"] == [[0.5, 1.5]]
    for odd in (object(), {1, 2}, b"x", numpy.array([[numpy.nan]]), {1: 2}):
        with pytest.raises(ReadError):
            read(Statement(text, [odd]))


_scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
_json = st.recursive(_scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(st.dictionaries(st.text(), _json), st.booleans())
def test_json_is_read_as_python_reads_it(value: dict[str, Any], is_ascii: bool) -> None:
    assert read_object(Statement(json.dumps(value, ensure_ascii=is_ascii))) == value


@given(st.lists(_json, min_size=1, max_size=6), st.sampled_from(["?", "$", ":"]))
def test_parameters_go_to_their_places(values: Sequence[Any], style: str) -> None:
    names = {"?": ["?"] * len(values), "$": [f"${n + 1}" for n in range(len(values))]}
    places = names.get(style) or [f":p{n}" for n in range(len(values))]
    params: Any = list(values) if style != ":" else {f"p{n}": value for n, value in enumerate(values)}
    assert read_object(Statement(f'{{"a":[{",".join(places)}]}}', params)) == {"a": list(values)}


@given(st.text() | st.text(alphabet='{}[]",:?$1 NaInfiytrue\\\n0.-e'))
def test_any_text_is_read_or_refused(text: str) -> None:
    verdict, request = judge(Statement(text))
    assert (request is None) == (verdict.kind is Kind.UNKNOWN or verdict.kind is Kind.ADMIN)


@given(_json, st.sampled_from(["where", "where_document", "ids", "include", "columns", "query_embeddings", "limit"]))
def test_any_value_is_read_or_refused(value: Any, key: str) -> None:
    judge(Statement(json.dumps({"collection": "docs", key: value})))


@pytest.mark.parametrize("operation", KINDS)
def test_only_reads_are_reads(operation: str) -> None:
    reading = operation in ("get", "query", "count", "peek", "list_collections")
    assert (KINDS[operation] is Kind.READ) is reading


def test_reading_a_statement_loads_nothing_heavy() -> None:
    code = (
        "import sys; from dbmcp_chroma.judge import judge; from dbmcp_core.statement import Statement;"
        " from dbmcp_chroma.database import ChromaDatabase;"
        """ judge(Statement('{"collection": "docs", "where": {"x": 1}}'));"""
        " print([name for name in ('chromadb', 'numpy', 'httpx', 'pydantic', 'onnxruntime') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
