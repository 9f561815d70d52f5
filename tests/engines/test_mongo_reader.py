"""The reader of MongoDB's queries: each form, each literal, each error with its place; no server."""

from __future__ import annotations

import datetime as dt
import json
import math
import time
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("bson")

from bson import DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Timestamp, json_util
from bson.binary import Binary
from bson.datetime_ms import DatetimeMS
from bson.regex import Regex

from dbmcp_core.statement import Kind, RefusalCode, Statement
from dbmcp_mongo.judge import judge
from dbmcp_mongo.reader import ReadError, read, read_value

OID = "5ca4bbcea2dd94ee58162a68"


def document(text: str, *params: Any) -> dict[str, Any]:
    return read(Statement(text, params)).document


FIND = {"find": "users", "filter": {"age": {"$gt": 25}}}
PIPELINE = {"aggregate": "users", "pipeline": [{"$match": {"age": 5}}, {"$limit": 10}], "cursor": {}}


@pytest.mark.parametrize(
    ("text", "params", "expected"),
    [
        ("db.getCollection('users').find({age: {$gt: 25}})", (), FIND),
        ("db.users.find({age: {$gt: 25}})", (), FIND),
        ('db["users"].find({"age": {"$gt": 25,},});', (), FIND),
        ("db.users.find({age: {$gt: 25}}).toArray()", (), FIND),
        ("db.users.find({age: {$gt: 25}}).pretty()", (), FIND),
        (
            "db.users.find({age: {$gt: 25}}).sort({a: -1}).limit(10).skip(20).project({a: 1})",
            (),
            {**FIND, "sort": {"a": -1}, "limit": 10, "skip": 20, "projection": {"a": 1}},
        ),
        (
            "db.users.find({age: {$gt: 25}}).skip(20).project({a: 1}).hint('a_1').batchSize(5).limit(10)",
            (),
            {**FIND, "skip": 20, "projection": {"a": 1}, "hint": "a_1", "batchSize": 5, "limit": 10},
        ),
        (
            "db.users.find({age: {$gt: 25}}).collation({locale: 'de'}).maxTimeMS(50)",
            (),
            {**FIND, "collation": {"locale": "de"}, "maxTimeMS": 50},
        ),
        ("db.users.find({age: {$gt: 25}}).count()", (), {"count": "users", "query": FIND["filter"]}),
        (
            "db.users.find({age: {$gt: 25}}).explain('executionStats')",
            (),
            {"explain": FIND, "verbosity": "executionStats"},
        ),
        ("db.users.explain().find({age: {$gt: 25}})", (), {"explain": FIND, "verbosity": "queryPlanner"}),
        ("db.getCollection('odd name-1').find()", (), {"find": "odd name-1", "filter": {}}),
        ("db['odd']['files'].find()", (), {"find": "odd.files", "filter": {}}),
        ("db.fs.files.find()", (), {"find": "fs.files", "filter": {}}),
        ('{"$match": {"age": 5}, "$limit": 10}', ("users",), PIPELINE),
        ('{"collection": "users", "match": {"age": 5}, "limit": 10}', (), PIPELINE),
        ('{"collection": "users", "$match": {"age": 5}, "$limit": 10}', (), PIPELINE),
        ('{"collection": "users", "age": {"$gt": 25}}', (), FIND),
        ('{"collection": "users"}', (), {"find": "users", "filter": {}}),
        ('{"collection": "users", "filter": {"age": {"$gt": 25}}, "limit": 3}', (), {**FIND, "limit": 3}),
        ('{"find": "users", "filter": {"age": {"$gt": 25}}}', (), FIND),
        ('{"filter": {"age": {"$gt": 25}}, "find": "users"}', (), FIND),
        ('{"aggregate": "users", "pipeline": [{"$match": {"age": 5}}, {"$limit": 10}]}', (), PIPELINE),
        ('[{"$match": {"age": 5}}, {"$limit": 10}]', ("users",), PIPELINE),
        ('[{"$match": {"age": ?}}, {"$limit": 10}]', ("users", 5), PIPELINE),
        ('{"find": {"age": {"$gt": 25}}}', ("users",), FIND),
        ('{"filter": {"age": {"$gt": 25}}}', ("users",), FIND),
        ('{"aggregate": [{"$match": {"age": 5}}, {"$limit": 10}]}', ("users",), PIPELINE),
        (
            '{"aggregate": "users", "pipeline": [{"$match": {"age": 5}}, {"$limit": 10}], "explain": true}',
            (),
            {"explain": PIPELINE, "verbosity": "queryPlanner"},
        ),
        ('{"collection": "users", "pipeline": [{"$match": {"age": 5}}, {"$limit": 10}]}', (), PIPELINE),
        ('{"collection": "users", "operation": {"find": {"age": {"$gt": 25}}}}', (), FIND),
        ('{"collection": "users", "operation": {"find": {"filter": {"age": {"$gt": 25}}}}}', (), FIND),
        ('{"collection": "users", "operation": "find", "filter": {"age": {"$gt": 25}}}', (), FIND),
        ('{"collection": "users", "operation": {"aggregate": [{"$match": {"age": 5}}, {"$limit": 10}]}}', (), PIPELINE),
        ('{"collection": "users", "find": {"age": {"$gt": 25}}}', (), FIND),
        ('{"collection": "users", "operation": {"find": {"age": {"$gt": 25}}, "limit": 3}}', (), {**FIND, "limit": 3}),
        ("db.users.find({age: {$gt: ?}})", (25,), FIND),
        ("db.users.find({age: {$gt: $1}})", (25,), FIND),
        ("db.users.distinct('a', {b: 1})", (), {"distinct": "users", "key": "a", "query": {"b": 1}}),
        ("db.users.estimatedDocumentCount()", (), {"count": "users"}),
        ("db.users.getIndexes()", (), {"listIndexes": "users"}),
        ("db.users.stats()", (), {"collStats": "users"}),
        ("db.users.dropIndex('a_1')", (), {"dropIndexes": "users", "index": "a_1"}),
        (
            "db.users.createIndex({a: 1, b: -1}, {unique: true})",
            (),
            {"createIndexes": "users", "indexes": [{"key": {"a": 1, "b": -1}, "name": "a_1_b_-1", "unique": True}]},
        ),
        (
            "db.users.updateMany({a: 1}, {$set: {b: 2}}, {upsert: true})",
            (),
            {"update": "users", "updates": [{"q": {"a": 1}, "u": {"$set": {"b": 2}}, "multi": True, "upsert": True}]},
        ),
        (
            "db.users.replaceOne({a: 1}, {b: 2})",
            (),
            {"update": "users", "updates": [{"q": {"a": 1}, "u": {"b": 2}, "multi": False}]},
        ),
        ("db.users.deleteOne({a: 1})", (), {"delete": "users", "deletes": [{"q": {"a": 1}, "limit": 1}]}),
        ("db.users.deleteMany({})", (), {"delete": "users", "deletes": [{"q": {}, "limit": 0}]}),
        (
            "db.users.findOneAndUpdate({a: 1}, {$inc: {b: 1}}, {returnDocument: 'after', sort: {c: 1}})",
            (),
            {
                "findAndModify": "users",
                "query": {"a": 1},
                "update": {"$inc": {"b": 1}},
                "new": True,
                "sort": {"c": 1},
            },
        ),
        ("db.users.findOneAndDelete({a: 1})", (), {"findAndModify": "users", "query": {"a": 1}, "remove": True}),
        (
            "db.createView('v', 'users', [], {collation: {locale: 'de'}})",
            (),
            {"create": "v", "viewOn": "users", "pipeline": [], "collation": {"locale": "de"}},
        ),
        (
            "db.users.createIndex({a: 1}, {unique: true}, 'majority')",
            (),
            {"createIndexes": "users", "indexes": [{"key": {"a": 1}, "name": "a_1", "unique": True}]},
        ),
        ("db.stats({scale: 1024})", (), {"dbStats": 1, "scale": 1024}),
        ("db.users.insertOne({_id: 1})", (), {"insert": "users", "documents": [{"_id": 1}], "ordered": True}),
        (
            '{"collection": "users", "operation": {"insertOne": {"document": {"_id": 1}}}}',
            (),
            {"insert": "users", "documents": [{"_id": 1}], "ordered": True},
        ),
    ],
)
def test_every_form_is_its_command(text: str, params: tuple[Any, ...], expected: dict[str, Any]) -> None:
    assert document(text, *params) == expected
    assert next(iter(document(text, *params))) == next(iter(expected))


def test_cursor_methods_come_in_any_order() -> None:
    import itertools

    steps = ("sort({a: 1})", "limit(1)", "skip(2)", "project({a: 1})", "hint('x')")
    found = [document("db.u.find()." + ".".join(order)) for order in itertools.permutations(steps)]
    assert all(one == found[0] for one in found)


def test_a_bulk_write_keeps_its_order() -> None:
    command = read(
        Statement(
            "db.u.bulkWrite([{insertOne: {document: {_id: 1}}}, {updateOne: {filter: {_id: 1}, update: {$set: {a: 2}}}},"  # noqa: E501
            " {deleteMany: {filter: {}}}])"
        )
    )
    names = [next(iter(one)) for one in (command.document, *command.more)]
    assert names == ["insert", "update", "delete"]


UTC = dt.UTC


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1), ("-1", -1), ("+5", 5), ("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0), ("-2.5E-3", -0.0025), ("0x1F", 31),
        ("9223372036854775807", 2**63 - 1), ("-9223372036854775808", -(2**63)),
        ("true", True), ("false", False), ("null", None), ("Infinity", math.inf), ("-Infinity", -math.inf),
        ("'a'", "a"), ('"a"', "a"), ("`a`", "a"), (r"'it\'s \u00e9 \x41 \u{1F40D}\n'", "it's é A 🐍\n"),
        ('"\\ud83d\\udc0d"', "🐍"),
        ("[1, 2, ]", [1, 2]), ("{a: 1, 'b': 2, \"c\": 3,}", {"a": 1, "b": 2, "c": 3}), ("{$a: 1, _b: 2, é: 3, 4: 5}",
         {"$a": 1, "_b": 2, "é": 3, "4": 5}),
        ("// note\n[1, /* two */ 2] // end", [1, 2]),
        ("{a: '// no comment /* none */'}", {"a": "// no comment /* none */"}),
        (f"ObjectId('{OID}')", ObjectId(OID)), (f'ObjectID("{OID}")', ObjectId(OID)), (f"new ObjectId('{OID}')", ObjectId(OID)),  # noqa: E501
        ("ISODate('2024-02-29T12:30:00.5Z')", dt.datetime(2024, 2, 29, 12, 30, 0, 500_000, tzinfo=UTC)),
        ("ISODate('2024-02-29')", dt.datetime(2024, 2, 29, tzinfo=UTC)),
        ("new Date('2024-02-29T12:00:00+02:00')", dt.datetime(2024, 2, 29, 10, tzinfo=UTC)),
        ("new Date(0)", dt.datetime(1970, 1, 1, tzinfo=UTC)),
        ("new Date(2024, 0, 31)", dt.datetime(2024, 1, 31, tzinfo=UTC)),
        ("new Date(2024, 0, 31, 10, 20, 30)", dt.datetime(2024, 1, 31, 10, 20, 30, tzinfo=UTC)),
        ("new Date(253402300800000)", DatetimeMS(253402300800000)),
        ("ISODate('+010000-01-01T00:00:00Z')", DatetimeMS(253402300800000)),
        ("NumberLong('5')", Int64(5)), ("NumberLong(5)", Int64(5)), ("Long.fromString('5')", Int64(5)),
        ("NumberInt(7)", 7), ("Int32('7')", 7), ("Double(1)", 1.0), ("NumberDecimal('1.50')", Decimal128("1.50")),
        ("UUID('00112233-4455-6677-8899-aabbccddeeff')", Binary.from_uuid(uuid.UUID("00112233445566778899aabbccddeeff"))),  # noqa: E501
        ("BinData(0, 'AQI=')", b"\x01\x02"), ("BinData(5, 'AQI=')", Binary(b"\x01\x02", 5)), ("HexData(0, '0102')", b"\x01\x02"),  # noqa: E501
        ("Timestamp(1, 2)", Timestamp(1, 2)), ("Timestamp({t: 1, i: 2})", Timestamp(1, 2)),
        ("MinKey()", MinKey()), ("MaxKey", MaxKey()), ("DBRef('c', 1)", DBRef("c", 1)),
        ("/a[/]b\\/c/i", Regex("a[/]b\\/c", "i")), ("new RegExp('^a', 'im')", Regex("^a", "im")), ("/a/gi", Regex("a", "i")),  # noqa: E501
        (f'{{"$oid": "{OID}"}}', ObjectId(OID)), ('{"$date": "2024-02-29T00:00:00Z"}', dt.datetime(2024, 2, 29, tzinfo=UTC)),  # noqa: E501
        ('{"$date": {"$numberLong": "0"}}', dt.datetime(1970, 1, 1, tzinfo=UTC)), ('{"$numberLong": "5"}', Int64(5)),
        ('{"$date": "2009-04-01T00:00:00.000-0700"}', dt.datetime(2009, 4, 1, 7, tzinfo=UTC)),
        ('{"$numberDecimal": "1E+3"}', Decimal128("1E+3")), ('{"$numberDouble": "-Infinity"}', -math.inf),
        ('{"$binary": {"base64": "AQI=", "subType": "05"}}', Binary(b"\x01\x02", 5)),
        ('{"$timestamp": {"t": 1, "i": 2}}', Timestamp(1, 2)), ('{"$minKey": 1}', MinKey()),
        ('{"$regularExpression": {"pattern": "a", "options": "i"}}', Regex("a", "i")),
        ('{"$regex": "a", "$options": "i"}', {"$regex": "a", "$options": "i"}),
        ("{constructor: 1, toString: 2, hasOwnProperty: 3}", {"constructor": 1, "toString": 2, "hasOwnProperty": 3}),
    ],
)  # fmt: skip
def test_every_literal_is_its_value(text: str, value: Any) -> None:
    found = read_value(text)
    assert found == value
    assert type(found) is type(value)


def test_not_a_number_is_one() -> None:
    assert math.isnan(read_value("NaN"))


@pytest.mark.parametrize(
    ("text", "line", "column", "word"),
    [
        ("db.users.find({age: })", 1, 21, "value"),
        ("db.users.find({a: 1,\n  a: 2})", 2, 3, "twice"),
        ("db.users.find({a: 1 + 2})", 1, 19, "arithmetic"),
        ("db.users.find({a: age})", 1, 19, "variable"),
        ("db.users.find({a: 'x})", 1, 19, "no end"),
        ("db.users.find({a: 1}", 1, 21, "')'"),
        ("db.users.find({a: f(1)})", 1, 19, "functions"),
        ("db.users.find({a: function() { return 1 }})", 1, 19, "functions"),
        ("db.users.find({a: () => 1})", 1, 19, "value"),
        ("db.users.find({a: ObjectId('123')})", 1, 19, "24"),
        ("db.users.find({a: undefined})", 1, 19, "null"),
        ("db.users.find({a: 99999999999999999999})", 1, 19, "64 bits"),
        ("db.users.find({a: 012})", 1, 19, "octal"),
        ("db.users.find({a: Date()})", 1, 19, "ISODate"),
        ("db.users.find({__proto__: 1})", 1, 16, "__proto__"),
        ("db.users.find({a: /x/q})", 1, 19, "flags"),
        ("db.users.find({a: `${b}`})", 1, 19, "template"),
        ("db.users.find().sort({a: 1}).sort({b: 1})", 1, 30, "twice"),
        ("db.users.find().limit(5).count()", 1, 26, "size()"),
        ("db.users.find().length", 1, 17, "leave it out"),
        ("db.users.find()[0]", 1, 16, "indexed"),
        ("db.users.find({}, {}, {nosuch: 1})", 1, 10, "nosuch"),
        ("db.users.fnd({})", 1, 10, "'find'"),
        ("db.odd-name.find({})", 1, 4, "getCollection"),
        ("db.users.find(/* no end", 1, 15, "comment"),
        ("db.users.find({a: [1,,2]})", 1, 22, "gap"),
        ("db.users.find({a: ?})", 1, 19, "parameter"),
        ("db.users.updateOne({a: 1}, {b: 2})", 1, 10, "replaceOne"),
        ('{"collection": "users", "count": 5}', 1, 1, "a stage or a field"),
        ('{"collection": "users", "match": {}, "age": 5}', 1, 1, "a stage or a field"),
        ('{"$match": {}}', 1, 1, "Which collection"),
        ("select * from users", 1, 1, "db.users.find"),
    ],
)
def test_an_error_says_where_and_what_would_be_clear(text: str, line: int, column: int, word: str) -> None:
    with pytest.raises(ReadError) as caught:
        read(Statement(text))
    assert word in caught.value.message
    assert (caught.value.line, caught.value.column) == (line, column)


def test_a_value_is_no_query_whatever_its_parameters() -> None:
    with pytest.raises(ReadError, match="not a query"):
        read(Statement('{"$date": 1}', ["users"]))


def test_parameters_are_values_and_no_operators() -> None:
    assert document("db.u.find({a: ?})", "$where")["filter"] == {"a": "$where"}
    assert document("db.u.find({a: ?})", {"$oid": OID})["filter"] == {"a": ObjectId(OID)}
    assert read(Statement("db.u.find({a: :name})", {"name": 1})).document["filter"] == {"a": 1}
    for params in ([{"$ne": 1}], [{"a": [{"$gt": 1}]}], [1, 2], []):
        with pytest.raises(ReadError):
            read(Statement("db.u.find({a: ?})", params))


def test_a_parameter_is_no_field_path() -> None:
    def kind(text: str) -> Kind:
        return judge(Statement(text, ["$password"]))[0].kind

    assert kind("db.u.aggregate([{$project: {a: ?}}])") is Kind.UNKNOWN
    assert kind("db.u.find({$expr: {$eq: ['$a', ?]}})") is Kind.UNKNOWN
    assert kind("db.u.find({a: ?})") is Kind.READ
    assert kind("db.u.aggregate([{$match: {a: {$in: [?]}}}])") is Kind.READ
    assert kind("db.u.aggregate([{$project: {a: {$literal: ?}}}])") is Kind.READ


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [
        ("db.u.find()", Kind.READ, None),
        ("db.u.insertOne({a: 1})", Kind.WRITE, RefusalCode.NOT_A_READ),
        ("db.u.createIndex({a: 1})", Kind.DEFINE, RefusalCode.NOT_A_READ),
        ("db.u.drop()", Kind.DEFINE, RefusalCode.NOT_A_READ),
        ("db.dropDatabase()", Kind.ADMIN, RefusalCode.NOT_A_READ),
        ("db.getSiblingDB('x').u.find()", Kind.ADMIN, RefusalCode.NOT_A_READ),
        ("db.runCommand({shutdown: 1})", Kind.ADMIN, RefusalCode.NOT_A_READ),
        ("db.u.aggregate([{$out: 'x'}])", Kind.ADMIN, RefusalCode.NOT_A_READ),
        ("db.u.find({$where: '1'})", Kind.UNKNOWN, RefusalCode.UNSAFE_FUNCTION),
        ("db.u.find({a: {$nope: 1}})", Kind.UNKNOWN, RefusalCode.UNPARSABLE),
        ("db.u.find(); db.u.find()", Kind.UNKNOWN, RefusalCode.MULTIPLE),
        ("", Kind.UNKNOWN, RefusalCode.EMPTY),
        ("  // nothing", Kind.UNKNOWN, RefusalCode.EMPTY),
    ],
)
def test_a_statement_is_judged(text: str, kind: Kind, code: RefusalCode | None) -> None:
    verdict, _ = judge(Statement(text))
    assert (verdict.kind, verdict.code) == (kind, code)


def test_every_collection_is_named() -> None:
    verdict, _ = judge(
        Statement(
            "db.a.aggregate([{$lookup: {from: 'b', pipeline: [{$unionWith: 'c'}], as: 'x'}},"
            " {$facet: {one: [{$graphLookup: {from: 'd', startWith: '$x', connectFromField: 'x', connectToField: 'y', as: 'z'}}]}}])"  # noqa: E501
        )
    )
    assert verdict.kind is Kind.READ
    assert {table.name for table in verdict.tables} == {"a", "b", "c", "d"}


@pytest.mark.parametrize("word", ["$out", "$merge", "$where", "$function", "$accumulator", "$changeStream", "$currentOp",  # noqa: E501
                                  "$unknown"])  # fmt: skip
@pytest.mark.parametrize(
    "text",
    [
        "db.u.find({{{word}: 1}})",
        "db.u.find({{a: {{b: [1, {{{word}: 1}}]}}}})",
        "db.u.find({{}}, {{a: {{{word}: 1}}}})",
        "db.u.find().sort({{{word}: 1}})",
        "db.u.find().hint({{{word}: 1}})",
        "db.u.aggregate([{{{word}: 1}}])",
        "db.u.aggregate([{{$facet: {{a: [{{$facet: {{b: [{{{word}: 1}}]}}}}]}}}}])",
        "db.u.aggregate([{{$lookup: {{from: 'x', pipeline: [{{{word}: 1}}], as: 'y'}}}}])",
        "db.u.updateOne({{}}, [{{{word}: 1}}])",
        "db.u.updateOne({{{word}: 1}}, {{$set: {{a: 1}}}})",
        "db.u.insertOne({{a: {{{word}: 1}}}})",
        "db.u.createIndex({{a: 1}}, {{partialFilterExpression: {{{word}: 1}}}})",
        "db.createView('v', 'u', [{{{word}: 1}}])",
        '{{"collection": "u", "{word}": 1}}',
        '{{"find": "u", "filter": {{"\\u0024{bare}": 1}}}}',
    ],
)
def test_what_is_forbidden_is_so_at_every_depth(text: str, word: str) -> None:
    verdict, command = judge(Statement(text.format(word=word, bare=word[1:])))
    assert verdict.kind in (Kind.UNKNOWN, Kind.ADMIN)
    assert command is None


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{a:" * 100_000,
        "db.u.find(" + "{a:" * 5_000 + "1" + "}" * 5_000 + ")",
        "db.u.find({a: " + "9" * 1_000_000 + "})",
        "db.u.find({a: '" + "\\" * 500_000,
        "db.u.find({a: 1" + " " * 1_000_000,
        "/*" * 300_000,
        "//" * 300_000,
        "db" + ".a" * 200_000 + "(",
        "db.u.find({a: /" + "[" * 200_000,
        "db.u.find({a: /" + "(a*)*" * 50_000 + "/",
        "db.u.find({" + ",".join(f"k{n}: 1" for n in range(50_000)) + ", k1: 1})",
        "db.u.find({a: 1e" + "9" * 100_000 + "0})x",
        "db.u.find({a: 0x" + "f" * 200_000 + "})",
        "\x00db.u.find()",
        "db.u.find({'a\\0b': 1})",
        "db\u2028.u.find(\ud800)",
        "db.u.find({a: BinData(0, '" + "A" * 500_000 + "!')})",
    ],
)  # fmt: skip
def test_a_hostile_text_ends_with_an_error_soon(text: str) -> None:
    started = time.process_time()
    with pytest.raises(ReadError):
        read(Statement(text))
    assert time.process_time() - started < 10  # seconds, where a bad parser takes hours


def test_a_place_far_down_is_found() -> None:
    with pytest.raises(ReadError) as caught:
        read(Statement("db.u.find({\n" + "// x\n" * 50_000 + "  a: })"))
    assert (caught.value.line, caught.value.column) == (50_002, 6)


# Round trips

keys = st.text(min_size=1, max_size=8).filter(
    lambda key: "\0" not in key and not key.startswith("$") and key != "__proto__" and key.isprintable()
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(max_size=20).filter(lambda text: not any(0xD800 <= ord(one) < 0xE000 for one in text)),
    st.binary(min_size=12, max_size=12).map(ObjectId),
    st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30)).map(  # noqa: DTZ001
        lambda one: one.replace(microsecond=one.microsecond // 1000 * 1000, tzinfo=UTC)
    ),
    st.binary(max_size=20),
    st.uuids().map(Binary.from_uuid),
    st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)).map(lambda pair: Timestamp(*pair)),
    st.decimals(allow_nan=False, places=3, min_value=-(10**20), max_value=10**20).map(lambda one: Decimal128(str(one))),
    st.just(MinKey()),
    st.just(MaxKey()),
)
documents = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=12,
)
CANONICAL = json_util.CANONICAL_JSON_OPTIONS.with_options(
    tz_aware=True, tzinfo=UTC, json_mode=json_util.JSONMode.CANONICAL
)


@given(documents)
def test_extended_json_comes_back_as_it_was(value: Any) -> None:
    assert read_value(json_util.dumps(value, json_options=CANONICAL)) == value


def shell(value: Any) -> str:  # noqa: C901
    """Write *value* as somebody in a shell would."""
    match value:
        case None | bool():
            return json.dumps(value)
        case dict():
            return (
                "{"
                + ", ".join(f"{json.dumps(key)} : {shell(item)}" for key, item in value.items())
                + (",}" if value else "}")
            )
        case list():
            return "[ " + ",\n".join(map(shell, value)) + " ]"
        case float():
            return repr(value).replace("inf", "Infinity")
        case ObjectId():
            return f"ObjectId('{value}')"
        case dt.datetime():
            return f"ISODate('{value:%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03}Z')".replace(
                f"{value:%Y}-", f"{value.year:04}-", 1
            )
        case Binary():
            return f"UUID('{value.as_uuid()}')"
        case bytes():
            return f"HexData(0, '{value.hex()}')"
        case Timestamp():
            return f"Timestamp({value.time}, {value.inc})"
        case Decimal128():
            return f"NumberDecimal('{value}')"
        case MinKey() | MaxKey():
            return f"{type(value).__name__}()"
    return json.dumps(value)


@given(documents)
def test_shell_literals_come_back_as_they_were(value: Any) -> None:
    assert read_value(shell(value)) == value


@given(st.text(max_size=60))
def test_no_text_raises_anything_else(text: str) -> None:
    for whole in (text, f"db.{text}", f"db.u.find({text})", f"{{{text}}}"):
        try:
            read(Statement(whole, ["u"]))
        except ReadError:
            continue
