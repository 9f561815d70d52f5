"""Every kind of value of BSON, through texts and parameters into the database, and out again without loss."""

# ruff: noqa: E501 - a value stands on one line

from __future__ import annotations

import datetime as dt
import decimal
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbmcp_core import values
from dbmcp_core.config import Source
from dbmcp_core.executor import Executor
from dbmcp_core.registry import Registry
from dbmcp_core.statement import Statement
from dbmcp_core.testing import Caller

pymongo = pytest.importorskip("pymongo")

import bson  # noqa: E402
from bson import Binary, Code, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp  # noqa: E402
from bson.codec_options import CodecOptions, DatetimeConversion  # noqa: E402
from bson.datetime_ms import DatetimeMS  # noqa: E402

from dbmcp_mongo import Mongo  # noqa: E402
from dbmcp_mongo.reader import read  # noqa: E402
from dbmcp_mongo.values import register  # noqa: E402

OID = "65a1b2c3d4e5f6a7b8c9d0e0"
UUID = "00112233-4455-6677-8899-aabbccddeeff"
NAN = float("nan")


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[arg-type,misc]


#: Extended JSON, what it is, and how it leaves.
KINDS: list[tuple[Any, Any, str]] = [
    ({"$oid": OID}, ObjectId(OID), OID),
    ({"$date": "2024-02-29T12:00:00Z"}, utc(2024, 2, 29, 12), "2024-02-29 12:00:00+00:00"),
    ({"$date": "2024-02-29T13:00:00.123+01:00"}, utc(2024, 2, 29, 12, 0, 0, 123000), "2024-02-29 12:00:00.123000+00:00"),
    ({"$date": {"$numberLong": "1709208000000"}}, utc(2024, 2, 29, 12), "2024-02-29 12:00:00+00:00"),
    ({"$date": 1709208000000}, utc(2024, 2, 29, 12), "2024-02-29 12:00:00+00:00"),
    ({"$date": {"$numberLong": "-1"}}, utc(1969, 12, 31, 23, 59, 59, 999000), "1969-12-31 23:59:59.999000+00:00"),
    ({"$binary": {"base64": "AQI=", "subType": "00"}}, b"\x01\x02", "x'0102'"),
    ({"$binary": {"base64": "AQI=", "subType": "05"}}, Binary(b"\x01\x02", 5), "BinData(5, 'AQI=')"),
    ({"$binary": {"base64": "AQI=", "subType": "80"}}, Binary(b"\x01\x02", 128), "BinData(128, 'AQI=')"),
    ({"$binary": "AQI=", "$type": "05"}, Binary(b"\x01\x02", 5), "BinData(5, 'AQI=')"),
    ({"$type": "00", "$binary": "AQI="}, b"\x01\x02", "x'0102'"),
    ({"$binary": {"base64": "AAECAwQFBgcICQoLDA0ODw==", "subType": "03"}}, Binary(bytes(range(16)), 3), "BinData(3, 'AAECAwQFBgcICQoLDA0ODw==')"),
    ({"$uuid": UUID}, uuid.UUID(UUID), UUID),
    ({"$numberDecimal": "1.50"}, Decimal128("1.50"), "1.50"),
    ({"$numberDecimal": "NaN"}, Decimal128("NaN"), "NaN"),
    ({"$numberDecimal": "Infinity"}, Decimal128("Infinity"), "Infinity"),
    ({"$numberDecimal": "-Infinity"}, Decimal128("-Infinity"), "-Infinity"),
    ({"$numberDecimal": "9.999999999999999999999999999999999E+6144"}, Decimal128("9.999999999999999999999999999999999E+6144"), "9.999999999999999999999999999999999E+6144"),
    ({"$numberDouble": "1.0"}, 1.0, "1.0"),
    ({"$numberDouble": "-Infinity"}, float("-inf"), "-Infinity"),
    ({"$numberInt": "-2147483648"}, -(2**31), "-2147483648"),
    ({"$numberLong": "5"}, Int64(5), "5"),
    ({"$numberLong": "9223372036854775807"}, Int64(2**63 - 1), "9223372036854775807"),
    ({"$numberLong": "-9223372036854775808"}, Int64(-(2**63)), "-9223372036854775808"),
    ({"$timestamp": {"t": 4294967295, "i": 1}}, Timestamp(2**32 - 1, 1), "Timestamp(4294967295, 1)"),
    ({"$minKey": 1}, MinKey(), "MinKey()"),
    ({"$maxKey": 1}, MaxKey(), "MaxKey()"),
    ({"$regularExpression": {"pattern": "^a/b", "options": "im"}}, Regex("^a/b", "im"), "RegExp(\"^a/b\", 'im')"),
    ({"$ref": "users", "$id": {"$oid": OID}}, DBRef("users", ObjectId(OID)), f'{{"$ref":"users","$id":"{OID}"}}'),
    ({"$ref": "users", "$id": 1, "$db": "shop"}, DBRef("users", 1, "shop"), '{"$ref":"users","$id":1,"$db":"shop"}'),
    ([1, {"a": [None, {"$numberLong": "2"}]}], [1, {"a": [None, Int64(2)]}], '[1,{"a":[null,2]}]'),
    ("$not.a.path", "$not.a.path", "$not.a.path"),
    ("\u00e9\U0001f600", "\u00e9\U0001f600", "\u00e9\U0001f600"),
]  # fmt: skip

#: Dates beyond Python's, which not every server holds.
FAR: list[tuple[str, Any, str]] = [
    ('{"$date": {"$numberLong": "253402300800000"}}', DatetimeMS(253402300800000), "+010000-01-01 00:00:00+00:00"),
    ('{"$date": {"$numberLong": "-62135596800001"}}', DatetimeMS(-62135596800001), "+000000-12-31 23:59:59.999+00:00"),
    ('{"$date": {"$numberLong": "9223372036854775807"}}', DatetimeMS(2**63 - 1), "+292278994-08-17 07:12:55.807+00:00"),
    ("ISODate('+010000-01-01T00:00:00Z')", DatetimeMS(253402300800000), "+010000-01-01 00:00:00+00:00"),
    ("new Date(8640000000000000)", DatetimeMS(8640000000000000), "+275760-09-13 00:00:00+00:00"),
    ("ISODate('-000001-01-01')", DatetimeMS(-62198755200000), "-000001-01-01 00:00:00+00:00"),
]  # fmt: skip

#: What the shell shows, and takes again.
SHOWN: list[tuple[str, Any]] = [
    ("Binary.createFromBase64('AQI=', 5)", Binary(b"\x01\x02", 5)),
    ("Binary.createFromBase64('AQI=')", b"\x01\x02"),
    ("Binary.createFromHexString('0102', 0)", b"\x01\x02"),
    ("MD5('0102')", Binary(b"\x01\x02", 5)),
    ("BSONRegExp('^a', 'i')", Regex("^a", "i")),
    ("new BSONRegExp('^a')", Regex("^a")),
    ("Timestamp({ t: 1, i: 2 })", Timestamp(1, 2)),
    ("Long('5')", Int64(5)),
    ("new Long('5')", Int64(5)),
    ("Int32(5)", 5),
    ("Double(5)", 5.0),
    ("Decimal128('1E+3')", Decimal128("1E+3")),
    ("DBRef('users', ObjectId('65a1b2c3d4e5f6a7b8c9d0e0'), 'shop')", DBRef("users", ObjectId(OID), "shop")),
    ("ObjectId.createFromTime(1709208000)", ObjectId("65e071c00000000000000000")),
    ("new Date(Date.UTC(2024, 1, 29, 12))", utc(2024, 2, 29, 12)),
    ("MinKey()", MinKey()),
    ("-Infinity", float("-inf")),
    ("-0.0", -0.0),
]  # fmt: skip


@pytest.fixture(scope="module")
def pair(mongo_uri: str) -> Iterator[tuple[Caller, Any]]:
    """The plugin, and the collection ``v`` of the same database as the driver sees it."""
    engine, name = Mongo(), f"dbmcp_{uuid.uuid4().hex[:12]}"
    built = engine.settings.build({"uri": mongo_uri, "database": name, "read_only": False}, where="test")
    executor = Executor(Registry(), [Source("main", engine, built, "test")])
    client: Any = pymongo.MongoClient(
        mongo_uri, tz_aware=True, uuidRepresentation="standard", datetime_conversion="DATETIME_AUTO"
    )
    try:
        yield Caller(executor), client[name].v
    finally:
        client.drop_database(name)
        client.close()
        executor.close()


def same(found: Any, expected: Any) -> bool:
    return type(found) is type(expected) and found == expected


@pytest.mark.parametrize("way", ["text", "parameter"])
@pytest.mark.parametrize(("extended", "value", "shown"), KINDS, ids=str)
def test_extended_json_goes_in_and_comes_out(
    pair: tuple[Caller, Any], way: str, extended: Any, value: Any, shown: str
) -> None:
    caller, collection = pair
    collection.delete_many({})
    if way == "text":
        caller.execute(f"db.v.insertOne({{_id: 1, v: {json.dumps(extended)}}})")
    else:
        caller.execute("db.v.insertOne({_id: 1, v: ?})", [extended])
    assert same(collection.find_one()["v"], value)
    (row,) = caller.query("db.v.find({}, {_id: 0, v: 1})").rows
    assert same(row[0], value)
    assert values.to_text(row[0]) == shown


@pytest.mark.parametrize(("text", "value"), SHOWN)
def test_what_the_shell_shows_is_read(pair: tuple[Caller, Any], text: str, value: Any) -> None:
    caller, collection = pair
    collection.delete_many({})
    caller.execute(f"db.v.insertOne({{_id: 1, v: {text}}})")
    assert same(collection.find_one()["v"], value)


@pytest.mark.parametrize(("text", "value", "shown"), FAR)
def test_a_date_beyond_pythons_goes_as_bson_has_it(text: str, value: Any, shown: str) -> None:
    register()
    (document,) = read(Statement(f"db.v.insertOne({{v: {text}}})")).document["documents"]
    options = CodecOptions(tz_aware=True, datetime_conversion=DatetimeConversion.DATETIME_AUTO)
    back = bson.decode(bson.encode(document), codec_options=options)["v"]
    assert same(back, value)
    assert values.to_text(back) == shown


def test_code_is_shown_and_never_taken(pair: tuple[Caller, Any]) -> None:
    caller, collection = pair
    collection.delete_many({})
    collection.insert_one({"_id": 1, "v": Code("function() {}"), "w": Code("x", {"a": 1})})
    (row,) = caller.query("db.v.find({}, {_id: 0, v: 1, w: 1})").rows
    assert [values.to_text(one) for one in row] == ['Code("function() {}")', 'Code("x", {"a":1})']
    for parameter in (Code("x"), {"$code": "x"}):
        with pytest.raises(Exception, match=r"(?i)code"):
            caller.execute("db.v.insertOne({v: ?})", [parameter])


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        (decimal.Decimal("1.50"), Decimal128("1.50")),
        (decimal.Decimal("NaN"), Decimal128("NaN")),
        (dt.date(2024, 2, 29), utc(2024, 2, 29)),
        (utc(2024, 2, 29), utc(2024, 2, 29)),
        (uuid.UUID(UUID), uuid.UUID(UUID)),
        (b"\x00", b"\x00"),
        (ObjectId(OID), ObjectId(OID)),
        ((1, 2), [1, 2]),
        (2**31, 2**31),
    ],
    ids=str,
)
def test_a_value_of_python_is_a_parameter(pair: tuple[Caller, Any], parameter: Any, value: Any) -> None:
    caller, collection = pair
    collection.delete_many({})
    caller.execute("db.v.insertOne({_id: 1, v: ?})", [parameter])
    assert collection.find_one()["v"] == value
    assert caller.query("db.v.countDocuments({v: ?})", [parameter]).rows == ((1,),)


@pytest.mark.parametrize(
    "parameter", [2**63, decimal.Decimal("1." + "1" * 40), {"$oid": "x"}, {"a": {"$gt": 1}}, {1: 2}]
)
def test_what_is_no_value_of_bson_is_refused(pair: tuple[Caller, Any], parameter: Any) -> None:
    caller, collection = pair
    collection.delete_many({})
    with pytest.raises(Exception, match=r"parameter"):
        caller.execute("db.v.insertOne({v: ?})", [parameter])
    assert collection.count_documents({}) == 0


leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1).map(lambda one: one if -(2**31) <= one < 2**31 else Int64(one)),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=12),
    st.binary(min_size=12, max_size=12).map(ObjectId),
    st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30), timezones=st.just(dt.UTC)).map(  # noqa: DTZ001
        lambda one: one.replace(microsecond=one.microsecond // 1000 * 1000)
    ),
    st.binary(max_size=12),
    st.binary(max_size=12).map(lambda one: Binary(one, 0x85)),
)
names = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=6).filter(
    lambda name: "$" not in name and "." not in name and name not in ("__proto__", "_id")
)
trees = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=8
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=trees)
def test_any_value_comes_back_through_a_parameter(pair: tuple[Caller, Any], tree: Any) -> None:
    from bson import json_util

    options = json_util.CANONICAL_JSON_OPTIONS
    caller, collection = pair
    collection.delete_many({})
    caller.execute("db.v.insertOne({_id: 1, v: ?})", [json.loads(json_util.dumps(tree, json_options=options))])
    stored = collection.find_one()["v"]
    (row,) = caller.query("db.v.find({}, {_id: 0, v: 1})").rows
    told = [json_util.dumps(one, json_options=options) for one in (stored, row[0], tree)]
    assert told[0] == told[1] == told[2]
