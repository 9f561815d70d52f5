"""Statements of mongosh as people write them, each compared with the pymongo call that it means."""

# ruff: noqa: E501 - a statement and its meaning stand on one line

from __future__ import annotations

import datetime as dt
import re
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dbmcp_core.config import Source
from dbmcp_core.executor import Executor
from dbmcp_core.registry import Registry
from dbmcp_core.testing import Caller

pymongo = pytest.importorskip("pymongo")

from bson import Binary, DBRef, Decimal128, Int64, ObjectId, Regex, json_util  # noqa: E402
from bson.binary import UuidRepresentation  # noqa: E402
from pymongo import ASCENDING, DESCENDING  # noqa: E402

from dbmcp_mongo import Mongo  # noqa: E402

DB = Any
OID = [ObjectId(f"65a1b2c3d4e5f6a7b8c9d0e{n}") for n in range(8)]


def day(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[arg-type,misc]


USERS = [
    {"_id": OID[0], "name": "Ada Lovelace", "age": 36, "status": "active", "email": "ada@example.com", "tags": ["math", "code"], "address": {"city": "London", "zip": "W1", "geo": {"lat": 51.5, "lng": -0.12}}, "scores": [{"k": "a", "v": 5}, {"k": "b", "v": 9}], "created": day(2024, 1, 15), "balance": Decimal128("10.50"), "visits": Int64(7)},
    {"_id": OID[1], "name": "Grace Hopper", "age": 85, "status": "active", "email": "grace@navy.mil", "tags": ["code", "navy"], "address": {"city": "New York", "zip": "10001", "geo": {"lat": 40.7, "lng": -74.0}}, "scores": [{"k": "a", "v": 8}], "created": day(2024, 2, 1, 12), "balance": Decimal128("99.99"), "visits": Int64(9007199254740993)},
    {"_id": OID[2], "name": "alan turing", "age": 41, "status": "inactive", "email": None, "tags": ["math"], "address": {"city": "London", "zip": "NW1"}, "scores": [], "created": day(2023, 12, 31, 23, 59, 59), "balance": Decimal128("0"), "visits": Int64(0)},
    {"_id": OID[3], "name": "Edsger Dijkstra", "age": 72, "status": "pending", "tags": [], "address": {"city": "Rotterdam"}, "created": day(2024, 3, 1), "visits": Int64(3)},
    {"_id": OID[4], "name": "Barbara Liskov", "age": 25, "status": "active", "email": "barbara@mit.edu", "tags": ["code", "math", "logic"], "scores": [{"k": "b", "v": 2}, {"k": "a", "v": 1}], "created": day(2024, 1, 20), "price $": 3},
]  # fmt: skip
ORDERS = [
    {"_id": 1, "user": OID[0], "item": "pen", "qty": 10, "price": 1.5, "day": day(2024, 1, 1, 8), "lines": [{"sku": "p1", "n": 2}, {"sku": "p2", "n": 8}]},
    {"_id": 2, "user": OID[0], "item": "ink", "qty": 2, "price": 7.0, "day": day(2024, 1, 2, 9), "lines": [{"sku": "i1", "n": 2}]},
    {"_id": 3, "user": OID[1], "item": "desk", "qty": 1, "price": 120.0, "day": day(2024, 2, 3), "lines": []},
    {"_id": 4, "user": OID[1], "item": "pen", "qty": 5, "price": 1.5, "day": day(2024, 2, 10)},
    {"_id": 5, "user": OID[7], "item": "lamp", "qty": 3, "price": 30.25, "day": day(2024, 3, 3), "note": "50% off (a.b)"},
]  # fmt: skip
ODD = [
    {"_id": 1, "a b": 1, "x-y": {"z": 2}, "1": "one", "größe": 3},
    {"_id": 2, "a b": 2, "x-y": {"z": 5}, "naïve": "é"},
]
VALUES = [
    {"_id": 1, "b": b"\x00\xff", "u": Binary(b"\x01" * 16, 4), "r": Regex("^a", "i"), "d": DBRef("users", OID[0])},
    {"_id": 2, "big": Int64(2**53 + 1), "dec": Decimal128("1E+3"), "nan": float("nan"), "inf": float("inf")},
]
DATA = {
    "users": USERS,
    "orders": ORDERS,
    "odd name": ODD,
    "a.b": ODD,
    "2024-logs": ODD,
    "fs.files": ODD,
    "values": VALUES,
    "empty": [],
}


def found(documents: Any) -> list[dict[str, Any]]:
    return list(documents)


def count(number: int) -> list[dict[str, Any]]:
    return [{"count": number}]


def users(query: Any = None, projection: Any = None) -> Callable[[DB], Any]:
    return lambda db: db.users.find(query or {}, projection)


def orders(query: Any = None, projection: Any = None) -> Callable[[DB], Any]:
    return lambda db: db.orders.find(query or {}, projection)


def piped(*stages: dict[str, Any], of: str = "users") -> Callable[[DB], Any]:
    return lambda db: db[of].aggregate(list(stages))


def counted(query: Any = None, of: str = "users", **options: Any) -> Callable[[DB], Any]:
    return lambda db: count(db[of].count_documents(query or {}, **options))


def values(key: str, query: Any = None, of: str = "users") -> Callable[[DB], Any]:
    return lambda db: [{key: value} for value in db[of].distinct(key, query)]


BY_USER: dict[str, Any] = {
    "$group": {"_id": "$user", "n": {"$sum": 1}, "total": {"$sum": {"$multiply": ["$qty", "$price"]}}}
}
LOOKUP: dict[str, Any] = {"$lookup": {"from": "orders", "localField": "_id", "foreignField": "user", "as": "orders"}}

FINDS: list[tuple[str, Callable[[DB], Any]]] = [
    ("db.users.find()", users()),
    ("db.users.find({})", users()),
    ("db.users.find();", users()),
    ("  db.users.find( { } )  ;  ", users()),
    ("db.getCollection('users').find({age: {$gt: 25}})", users({"age": {"$gt": 25}})),
    ('db.getCollection("users").find({"age": {"$gt": 25}})', users({"age": {"$gt": 25}})),
    ("db['users'].find({age: 36})", users({"age": 36})),
    ('db["users"].find({age: 36})', users({"age": 36})),
    ("db.collection('users').find({age: 36})", users({"age": 36})),
    ("db.users.find({age: 36}).toArray()", users({"age": 36})),
    ("await db.users.find({age: 36}).toArray();;", users({"age": 36})),
    ("await db.collection('users').findOne({age: 36})", users({"age": 36})),
    ("db.users.find({age: 36}).readPref('secondaryPreferred').readConcern('local')", users({"age": 36})),
    ("db.users.find({age: 36}).allowPartialResults()", users({"age": 36})),
    ("db.users.find(ObjectId('65a1b2c3d4e5f6a7b8c9d0e1'))", users({"_id": OID[1]})),
    ("db.users.findOne(ObjectId('65a1b2c3d4e5f6a7b8c9d0e1'))", users({"_id": OID[1]})),
    ("db.users.find({visits: 9007199254740993n})", users({"visits": Int64(2**53 + 1)})),
    ("db.users.find({created: {$lt: new Date}}).sort({_id: 1})", users({"created": {"$lt": day(2100, 1, 1)}})),
    ("db.users.find({created: {$lt: new Date(Date.now())}})", users({"created": {"$lt": day(2100, 1, 1)}})),
    ("db.users.find().sort('age')", lambda db: db.users.find().sort("age")),
    ("db.users.find().sort('age', -1)", lambda db: db.users.find().sort("age", -1)),
    ("db.users.find().sort({status: 'asc', age: 'desc'})", lambda db: db.users.find().sort([("status", 1), ("age", -1)])),
    ("db.users.find().sort([['status', 'descending'], ['age', 1]])", lambda db: db.users.find().sort([("status", -1), ("age", 1)])),
    ("db.users.find({}, null, {sort: [['age', -1]], limit: 2})", lambda db: db.users.find().sort("age", -1).limit(2)),
    ("db.users.find().sort({age: 1}).limit(-2)", lambda db: db.users.find().sort("age", 1).limit(-2)),
    ("db.users.find().sort({age: 1}).next()", lambda db: db.users.find().sort("age", 1).limit(1)),
    ("db.users.find().sort({age: 1}).limit(3).next()", lambda db: db.users.find().sort("age", 1).limit(1)),
    ("db.users.find({age: 36}).pretty()", users({"age": 36})),
    ("db.users.find({age: 36}).pretty().toArray();", users({"age": 36})),
    ("db.users.find({ 'age': 36, })", users({"age": 36})),
    ("db.users.find({age: 36.0})", users({"age": 36.0})),
    ("db.users.find({age: NumberInt(36)})", users({"age": 36})),
    ("db.users.find({age: NumberInt('36')})", users({"age": 36})),
    ("db.users.find({visits: NumberLong(7)})", users({"visits": 7})),
    ('db.users.find({visits: NumberLong("9007199254740993")})', users({"visits": Int64(2**53 + 1)})),
    ("db.users.find({visits: Long('7')})", users({"visits": 7})),
    ("db.users.find({visits: Long.fromString('9007199254740993')})", users({"visits": Int64(2**53 + 1)})),
    ('db.users.find({balance: NumberDecimal("10.50")})', users({"balance": Decimal128("10.50")})),
    ("db.users.find({balance: {$gte: Decimal128('10')}})", users({"balance": {"$gte": Decimal128("10")}})),
    ("db.users.find({age: {$gt: 25, $lt: 72}})", users({"age": {"$gt": 25, "$lt": 72}})),
    ("db.users.find({age: {$gte: 36, $lte: 72}})", users({"age": {"$gte": 36, "$lte": 72}})),
    ("db.users.find({age: {$ne: 36}})", users({"age": {"$ne": 36}})),
    ("db.users.find({age: {$in: [25, 36,]}})", users({"age": {"$in": [25, 36]}})),
    ("db.users.find({status: {$nin: ['active']}})", users({"status": {"$nin": ["active"]}})),
    ("db.users.find({age: {$not: {$gt: 40}}})", users({"age": {"$not": {"$gt": 40}}})),
    ("db.users.find({$or: [{age: 25}, {status: 'pending'}]})", users({"$or": [{"age": 25}, {"status": "pending"}]})),
    ("db.users.find({$and: [{age: {$gt: 30}}, {tags: 'math'}]})", users({"$and": [{"age": {"$gt": 30}}, {"tags": "math"}]})),
    ("db.users.find({$nor: [{age: 25}, {age: 36}]})", users({"$nor": [{"age": 25}, {"age": 36}]})),
    ("db.users.find({email: {$exists: true}})", users({"email": {"$exists": True}})),
    ("db.users.find({email: {$exists: false}})", users({"email": {"$exists": False}})),
    ("db.users.find({email: null})", users({"email": None})),
    ("db.users.find({email: {$ne: null}})", users({"email": {"$ne": None}})),
    ("db.users.find({email: {$type: 'string'}})", users({"email": {"$type": "string"}})),
    ("db.users.find({email: {$type: 10}})", users({"email": {"$type": 10}})),
    ("db.users.find({age: {$mod: [5, 0]}})", users({"age": {"$mod": [5, 0]}})),
    ("db.users.find({name: /ada/i})", users({"name": re.compile("ada", re.I)})),
    ("db.users.find({name: /^A/})", users({"name": re.compile("^A")})),
    ("db.users.find({name: /lovelace$/i})", users({"name": re.compile("lovelace$", re.I)})),
    ("db.users.find({name: {$regex: 'ada', $options: 'i'}})", users({"name": {"$regex": "ada", "$options": "i"}})),
    ("db.users.find({name: {$regex: /ada/i}})", users({"name": {"$regex": re.compile("ada", re.I)}})),
    ("db.users.find({name: {$regex: /ada/, $options: 'i'}})", users({"name": {"$regex": "ada", "$options": "i"}})),
    ("db.users.find({name: new RegExp('^a', 'i')})", users({"name": re.compile("^a", re.I)})),
    ("db.users.find({name: {$not: /a/i}})", users({"name": {"$not": re.compile("a", re.I)}})),
    ("db.users.find({name: {$in: [/^ada/i, /^grace/i]}})", users({"name": {"$in": [re.compile("^ada", re.I), re.compile("^grace", re.I)]}})),
    (r"db.users.find({email: /\.(com|mil)$/})", users({"email": re.compile(r"\.(com|mil)$")})),
    (r"db.users.find({email: {$regex: '\\.com$'}})", users({"email": {"$regex": r"\.com$"}})),
    ("db.users.find({email: /@[a-z/]+\\.edu/})", users({"email": re.compile("@[a-z/]+\\.edu")})),
    ("db.orders.find({note: /50% off \\(a\\.b\\)/})", orders({"note": re.compile(r"50% off \(a\.b\)")})),
    ("db.users.find({'address.city': 'London'})", users({"address.city": "London"})),
    ('db.users.find({"address.geo.lat": {$gt: 41}})', users({"address.geo.lat": {"$gt": 41}})),
    ("db.users.find({address: {city: 'Rotterdam'}})", users({"address": {"city": "Rotterdam"}})),
    ("db.users.find({'tags.0': 'code'})", users({"tags.0": "code"})),
    ("db.users.find({tags: 'math'})", users({"tags": "math"})),
    ("db.users.find({tags: ['math']})", users({"tags": ["math"]})),
    ("db.users.find({tags: {$all: ['code', 'math']}})", users({"tags": {"$all": ["code", "math"]}})),
    ("db.users.find({tags: {$size: 2}})", users({"tags": {"$size": 2}})),
    ("db.users.find({tags: []})", users({"tags": []})),
    ("db.users.find({tags: {$elemMatch: {$eq: 'navy'}}})", users({"tags": {"$elemMatch": {"$eq": "navy"}}})),
    ("db.users.find({scores: {$elemMatch: {k: 'a', v: {$gte: 5}}}})", users({"scores": {"$elemMatch": {"k": "a", "v": {"$gte": 5}}}})),
    ("db.users.find({scores: {k: 'a', v: 8}})", users({"scores": {"k": "a", "v": 8}})),
    ("db.users.find({'scores.v': {$gt: 7}})", users({"scores.v": {"$gt": 7}})),
    ("db.users.find({created: {$gte: ISODate('2024-01-01')}})", users({"created": {"$gte": day(2024, 1, 1)}})),
    ('db.users.find({created: {$gte: ISODate("2024-01-01T00:00:00Z"), $lt: ISODate("2024-02-01T00:00:00.000Z")}})', users({"created": {"$gte": day(2024, 1, 1), "$lt": day(2024, 2, 1)}})),
    ("db.users.find({created: new Date('2024-02-01T12:00:00Z')})", users({"created": day(2024, 2, 1, 12)})),
    ("db.users.find({created: new Date('2024-02-01T13:00:00+01:00')})", users({"created": day(2024, 2, 1, 12)})),
    ("db.users.find({created: new Date(1706788800000)})", users({"created": day(2024, 2, 1, 12)})),
    ("db.users.find({created: {$lt: new Date(2024, 0, 1)}})", users({"created": {"$lt": day(2024, 1, 1)}})),
    ("db.users.find({created: new ISODate('2024-03-01')})", users({"created": day(2024, 3, 1)})),
    ('db.users.find({created: {"$date": "2024-03-01T00:00:00Z"}})', users({"created": day(2024, 3, 1)})),
    ('db.users.find({created: {$date: {$numberLong: "1709251200000"}}})', users({"created": day(2024, 3, 1)})),
    ("db.users.find({_id: ObjectId('65a1b2c3d4e5f6a7b8c9d0e1')})", users({"_id": OID[1]})),
    ('db.users.find({_id: ObjectId("65A1B2C3D4E5F6A7B8C9D0E1")})', users({"_id": OID[1]})),
    ("db.users.find({_id: new ObjectId('65a1b2c3d4e5f6a7b8c9d0e1')})", users({"_id": OID[1]})),
    ('db.users.find({_id: {"$oid": "65a1b2c3d4e5f6a7b8c9d0e1"}})', users({"_id": OID[1]})),
    ("db.users.find({_id: {$in: [ObjectId('65a1b2c3d4e5f6a7b8c9d0e1'), ObjectId('65a1b2c3d4e5f6a7b8c9d0e2')]}})", users({"_id": {"$in": OID[1:3]}})),
    ("db.users.find({}, {name: 1})", users({}, {"name": 1})),
    ("db.users.find({}, {name: 1, _id: 0})", users({}, {"name": 1, "_id": 0})),
    ("db.users.find({}, {name: true, age: true, _id: false})", users({}, {"name": True, "age": True, "_id": False})),
    ("db.users.find({}, {tags: 0, scores: 0})", users({}, {"tags": 0, "scores": 0})),
    ("db.users.find({}, {'address.city': 1})", users({}, {"address.city": 1})),
    ("db.users.find({}, {address: {city: 1}})", users({}, {"address": {"city": 1}})),
    ("db.users.find({}, {name: 1, tags: {$slice: 1}})", users({}, {"name": 1, "tags": {"$slice": 1}})),
    ("db.users.find({}, {tags: {$slice: [1, 1]}})", users({}, {"tags": {"$slice": [1, 1]}})),
    ("db.users.find({}, {scores: {$elemMatch: {k: 'a'}}})", users({}, {"scores": {"$elemMatch": {"k": "a"}}})),
    ("db.users.find({'scores.k': 'a'}, {'scores.$': 1})", users({"scores.k": "a"}, {"scores.$": 1})),
    ("db.users.find({}, {upper: {$toUpper: '$name'}})", users({}, {"upper": {"$toUpper": "$name"}})),
    ("db.users.find({}, {n: {$size: '$tags'}, _id: 0})", users({}, {"n": {"$size": "$tags"}, "_id": 0})),
    ("db.users.find({}, {limit: 1, comment: true})", users({}, {"limit": 1, "comment": True})),
    ("db.users.find(null, {name: 1})", users({}, {"name": 1})),
    ("db.users.find({$expr: {$gt: ['$visits', '$age']}})", users({"$expr": {"$gt": ["$visits", "$age"]}})),
    ("db.users.find({$expr: {$eq: [{$size: '$tags'}, 2]}})", users({"$expr": {"$eq": [{"$size": "$tags"}, 2]}})),
    ("db.users.find({$comment: 'why', age: 36})", users({"$comment": "why", "age": 36})),
    ("db.users.find({$jsonSchema: {required: ['email']}})", users({"$jsonSchema": {"required": ["email"]}})),
    ("db.users.find({age: {$bitsAllSet: [0]}})", users({"age": {"$bitsAllSet": [0]}})),
    ("db.users.find({age: {$bitsAnyClear: 1}})", users({"age": {"$bitsAnyClear": 1}})),
    ("db.users.find({'price $': 3})", users({"price $": 3})),
    # Cursor methods in any order.
    ("db.users.find().sort({age: 1})", lambda db: db.users.find().sort("age", 1)),
    ("db.users.find().sort({age: -1})", lambda db: db.users.find().sort("age", -1)),
    ("db.users.find().sort({'age': -1}).limit(2)", lambda db: db.users.find().sort("age", -1).limit(2)),
    ("db.users.find().limit(2).sort({age: -1})", lambda db: db.users.find().sort("age", -1).limit(2)),
    ("db.users.find().limit(2).skip(1).sort({age: -1})", lambda db: db.users.find().sort("age", -1).skip(1).limit(2)),
    ("db.users.find().skip(1).limit(2).sort({age: -1}).project({name: 1})", lambda db: db.users.find({}, {"name": 1}).sort("age", -1).skip(1).limit(2)),
    ("db.users.find({}).projection({name: 1, _id: 0}).sort({name: 1})", lambda db: db.users.find({}, {"name": 1, "_id": 0}).sort("name", 1)),
    ("db.users.find().sort({status: 1, age: -1})", lambda db: db.users.find().sort([("status", 1), ("age", -1)])),
    ("db.users.find().sort({name: 1}).collation({locale: 'en', strength: 2})", lambda db: db.users.find().sort("name", 1).collation({"locale": "en", "strength": 2})),
    ("db.users.find({age: 36}).hint({_id: 1})", lambda db: db.users.find({"age": 36}).hint([("_id", 1)])),
    ("db.users.find({age: 36}).hint('_id_')", lambda db: db.users.find({"age": 36}).hint("_id_")),
    ("db.users.find().batchSize(2)", users()),
    ("db.users.find().maxTimeMS(500)", users()),
    ("db.users.find().comment('report')", users()),
    ("db.users.find().allowDiskUse().sort({age: 1})", lambda db: db.users.find().sort("age", 1)),
    ("db.users.find().limit(0).sort({age: 1})", lambda db: db.users.find().sort("age", 1)),
    ("db.users.find({}, {}, {sort: {age: 1}, limit: 2})", lambda db: db.users.find().sort("age", 1).limit(2)),
    ("db.users.find({}, {name: 1}, {skip: 4})", lambda db: db.users.find({}, {"name": 1}).skip(4)),
    ("db.users.find({}, null, {limit: 1})", lambda db: db.users.find().limit(1)),
    ("db.users\n  .find({ status: 'active' })\n  .sort({ age: 1 })\n  .limit(10)\n  .toArray();", lambda db: db.users.find({"status": "active"}).sort("age", 1)),
    ("// the active ones\ndb.users.find({status: 'active'}) // all", users({"status": "active"})),
    ("/* a */ db /* b */ . /* c */ users . find ( /* d */ { /* e */ status : /* f */ 'active' } )", users({"status": "active"})),
    ("db.users.find({\n  // grown up\n  age: { $gte: 18 }, /* and */\n  status: 'active', // trailing\n})", users({"age": {"$gte": 18}, "status": "active"})),
    ("\ufeffdb.users.find({age: 25})\r\n", users({"age": 25})),
    ("db.users.find({status: `active`})", users({"status": "active"})),
    ("db.users.find({name: \"Ada \\u004covelace\"})", users({"name": "Ada Lovelace"})),
    ("db.users.find({age: +36})", users({"age": 36})),
    ("db.users.find({age: 0x24})", users({"age": 36})),
    ("db.users.find({age: 3.6e1})", users({"age": 36.0})),
    ("db.orders.find({price: {$gt: -1.5e-3}})", orders({"price": {"$gt": -0.0015}})),
    ("db.orders.find({price: {$lt: Infinity}})", orders({"price": {"$lt": float("inf")}})),
    ("db.orders.find({price: {$gt: MinKey, $lt: MaxKey()}})", orders({"price": {"$gt": 0}})),
    ("db.orders.find({day: {$gte: ISODate('2024-01-01'), $lte: ISODate('2024-01-31T23:59:59.999Z')}})", orders({"day": {"$gte": day(2024, 1, 1), "$lt": day(2024, 2, 1)}})),
    ("db.orders.find({'lines.sku': 'p2'}, {'lines.n': 1})", orders({"lines.sku": "p2"}, {"lines.n": 1})),
    ("db.orders.find({lines: {$exists: true, $ne: []}})", orders({"lines": {"$exists": True, "$ne": []}})),
    ("db.orders.find({'lines.1': {$exists: true}})", orders({"lines.1": {"$exists": True}})),
    ("db.values.find({b: BinData(0, 'AP8=')})", lambda db: db["values"].find({"_id": 1})),
    ("db.values.find({b: HexData(0, '00ff')})", lambda db: db["values"].find({"_id": 1})),
    ("db.values.find({u: UUID('01010101-0101-0101-0101-010101010101')})", lambda db: db["values"].find({"_id": 1})),
    ("db.values.find({big: {$gt: 9007199254740992}})", lambda db: db["values"].find({"_id": 2})),
    ("db.values.find({nan: NaN})", lambda db: db["values"].find({"_id": 2})),
    ("db.values.find({dec: NumberDecimal('1000')})", lambda db: db["values"].find({"_id": 2})),
    ("db.values.find({d: DBRef('users', ObjectId('65a1b2c3d4e5f6a7b8c9d0e0'))})", lambda db: db["values"].find({"_id": 1})),
    ("db.empty.find()", lambda db: []),
    ("db.nosuch.find({a: 1})", lambda db: []),
    # Odd names of collections and fields.
    ("db['odd name'].find()", lambda db: db["odd name"].find()),
    ('db["odd name"].find({"a b": 2})', lambda db: db["odd name"].find({"a b": 2})),
    ("db.getCollection('odd name').find({'x-y.z': {$gt: 2}})", lambda db: db["odd name"].find({"x-y.z": {"$gt": 2}})),
    ("db.getCollection('a.b').find({1: 'one'})", lambda db: db["a.b"].find({"1": "one"})),
    ("db.a.b.find({größe: 3})", lambda db: db["a.b"].find({"größe": 3})),
    ("db['a.b'].find({naïve: 'é'})", lambda db: db["a.b"].find({"naïve": "é"})),
    ("db['2024-logs'].find({_id: 1})", lambda db: db["2024-logs"].find({"_id": 1})),
    ("db.fs.files.find().limit(1)", lambda db: db["fs.files"].find().limit(1)),
    ("db['fs'].files.find({_id: 2})", lambda db: db["fs.files"].find({"_id": 2})),
    ("db.getCollection('fs').getCollection('files').find({_id: 2})", lambda db: db["fs.files"].find({"_id": 2})),
    # findOne.
    ("db.users.findOne()", lambda db: [db.users.find_one()]),
    ("db.users.findOne({age: 36})", lambda db: [db.users.find_one({"age": 36})]),
    ("db.users.findOne({age: 36}, {name: 1})", lambda db: [db.users.find_one({"age": 36}, {"name": 1})]),
    ("db.users.findOne({}, {_id: 0, name: 1}, {sort: {age: -1}})", lambda db: [db.users.find_one({}, {"_id": 0, "name": 1}, sort=[("age", -1)])]),
    ("db.users.findOne({age: {$gt: 1000}})", lambda db: []),
    ("db.users.findOne({_id: ObjectId('65a1b2c3d4e5f6a7b8c9d0e2')}).toArray()", lambda db: [db.users.find_one({"_id": OID[2]})]),
]  # fmt: skip

COUNTS: list[tuple[str, Callable[[DB], Any]]] = [
    ("db.users.countDocuments()", counted()),
    ("db.users.countDocuments({})", counted()),
    ("db.users.countDocuments({status: 'active'});", counted({"status": "active"})),
    ("db.users.countDocuments({status: 'none'})", counted({"status": "none"})),
    ("db.users.countDocuments({}, {limit: 2})", counted({}, limit=2)),
    ("db.users.countDocuments({age: {$gt: 1}}, {skip: 1, limit: 3})", counted({"age": {"$gt": 1}}, skip=1, limit=3)),
    ("db.users.countDocuments({}, {hint: '_id_'})", counted({}, hint="_id_")),
    ("db.users.countDocuments({}, {maxTimeMS: 1000})", counted()),
    ("db.users.count()", counted()),
    ("db.users.count({status: 'active'})", counted({"status": "active"})),
    ("db.users.find().count()", counted()),
    ("db.users.find({tags: 'math'}).count()", counted({"tags": "math"})),
    ("db.users.find({tags: 'math'}).sort({age: 1}).count()", counted({"tags": "math"})),
    ("db.users.find().limit(2).size()", counted({}, limit=2)),
    ("db.users.find().limit(2).count(true)", counted({}, limit=2)),
    ("db.users.find().skip(3).itcount()", counted({}, skip=3)),
    ("db.users.estimatedDocumentCount()", counted()),
    ("db.users.estimatedDocumentCount({maxTimeMS: 100})", counted()),
    ("db.getCollection('odd name').countDocuments({'a b': {$gte: 1}})", counted({}, of="odd name")),
    ("db.users.distinct('status')", values("status")),
    ('db.users.distinct("address.city")', values("address.city")),
    ("db.users.distinct('tags', {status: 'active'})", values("tags", {"status": "active"})),
    ("db.users.distinct('age', {age: {$gt: 40}}, {maxTimeMS: 100})", values("age", {"age": {"$gt": 40}})),
    ("db.users.distinct('created')", values("created")),
    ("db.users.distinct('nosuch')", values("nosuch")),
    ("db.orders.distinct('user')", values("user", of="orders")),
]  # fmt: skip

PIPELINES_BEHIND: list[tuple[str, Callable[[DB], Any]]] = [
    (
        "db.users.aggregate([{$match: {age: {$gt: 30}}}]).sort({age: -1}).skip(1).limit(2).project({age: 1})",
        lambda db: db.users.aggregate(
            [
                {"$match": {"age": {"$gt": 30}}},
                {"$sort": {"age": -1}},
                {"$skip": 1},
                {"$limit": 2},
                {"$project": {"age": 1}},
            ]
        ),
    ),
    (
        "db.users.aggregate([{$sort: {age: 1}}]).limit(3).match({status: 'active'})",
        lambda db: db.users.aggregate([{"$sort": {"age": 1}}, {"$limit": 3}, {"$match": {"status": "active"}}]),
    ),
    (
        "db.users.aggregate([{$sort: {age: 1}}]).next()",
        lambda db: db.users.aggregate([{"$sort": {"age": 1}}, {"$limit": 1}]),
    ),
    ("db.users.aggregate([{$match: {status: 'active'}}]).itcount()", lambda db: count(3)),
    (
        "db.users.aggregate([{$match: {status: 'active'}}], {readConcern: {level: 'local'}})",
        users({"status": "active"}),
    ),
    ("db.version()", lambda db: [{"version": db.client.server_info()["version"]}]),
    ("db.runCommand({aggregate: 'users', pipeline: [{$match: {age: 36}}], cursor: {}})", users({"age": 36})),
]
PIPELINES: list[tuple[str, Callable[[DB], Any]]] = [
    ("db.users.aggregate([])", piped()),
    ("db.users.aggregate()", piped()),
    ("db.users.aggregate([{$match: {status: 'active'}}])", piped({"$match": {"status": "active"}})),
    ("db.users.aggregate({$match: {status: 'active'}})", piped({"$match": {"status": "active"}})),
    ("db.users.aggregate({$match: {status: 'active'}}, {$limit: 1})", piped({"$match": {"status": "active"}}, {"$limit": 1})),
    ("db.users.aggregate([{$match: {age: {$gt: 30}}}, {$sort: {age: -1}}, {$skip: 1}, {$limit: 2}])", piped({"$match": {"age": {"$gt": 30}}}, {"$sort": {"age": -1}}, {"$skip": 1}, {"$limit": 2})),
    ("db.users.aggregate([{$match: {}}]).toArray()", piped()),
    ("db.users.aggregate([{$project: {name: 1, n: {$size: '$tags'}}}])", piped({"$project": {"name": 1, "n": {"$size": "$tags"}}})),
    ("db.users.aggregate([{$project: {_id: 0, city: '$address.city'}}])", piped({"$project": {"_id": 0, "city": "$address.city"}})),
    ("db.users.aggregate([{$project: {address: 0}}])", piped({"$project": {"address": 0}})),
    ("db.users.aggregate([{$group: {_id: '$status', n: {$sum: 1}}}, {$sort: {_id: 1}}])", piped({"$group": {"_id": "$status", "n": {"$sum": 1}}}, {"$sort": {"_id": 1}})),
    ("db.users.aggregate([{$group: {_id: null, total: {$sum: '$age'}, mean: {$avg: '$age'}, least: {$min: '$age'}, most: {$max: '$age'}}}])", piped({"$group": {"_id": None, "total": {"$sum": "$age"}, "mean": {"$avg": "$age"}, "least": {"$min": "$age"}, "most": {"$max": "$age"}}})),
    ("db.orders.aggregate([{$group: {_id: '$user', n: {$sum: 1}, total: {$sum: {$multiply: ['$qty', '$price']}}}}, {$sort: {total: -1}}])", piped(BY_USER, {"$sort": {"total": -1}}, of="orders")),
    ("db.orders.aggregate([{$group: {_id: {y: {$year: '$day'}, m: {$month: '$day'}}, n: {$sum: 1}}}, {$sort: {'_id.m': 1}}])", piped({"$group": {"_id": {"y": {"$year": "$day"}, "m": {"$month": "$day"}}, "n": {"$sum": 1}}}, {"$sort": {"_id.m": 1}}, of="orders")),
    ("db.orders.aggregate([{$group: {_id: {$dateToString: {format: '%Y-%m', date: '$day'}}, n: {$sum: 1}}}, {$sort: {_id: 1}}])", piped({"$group": {"_id": {"$dateToString": {"format": "%Y-%m", "date": "$day"}}, "n": {"$sum": 1}}}, {"$sort": {"_id": 1}}, of="orders")),
    ("db.orders.aggregate([{$group: {_id: {$dateTrunc: {date: '$day', unit: 'month'}}, n: {$count: {}}}}, {$sort: {_id: 1}}])", piped({"$group": {"_id": {"$dateTrunc": {"date": "$day", "unit": "month"}}, "n": {"$count": {}}}}, {"$sort": {"_id": 1}}, of="orders")),
    ("db.orders.aggregate([{$sort: {_id: 1}}, {$group: {_id: '$item', first: {$first: '$qty'}, last: {$last: '$qty'}, all: {$push: '$qty'}, set: {$addToSet: '$price'}}}, {$sort: {_id: 1}}])", piped({"$sort": {"_id": 1}}, {"$group": {"_id": "$item", "first": {"$first": "$qty"}, "last": {"$last": "$qty"}, "all": {"$push": "$qty"}, "set": {"$addToSet": "$price"}}}, {"$sort": {"_id": 1}}, of="orders")),
    ("db.users.aggregate([{$unwind: '$tags'}])", piped({"$unwind": "$tags"})),
    ("db.users.aggregate([{$unwind: {path: '$scores', preserveNullAndEmptyArrays: true, includeArrayIndex: 'i'}}])", piped({"$unwind": {"path": "$scores", "preserveNullAndEmptyArrays": True, "includeArrayIndex": "i"}})),
    ("db.users.aggregate([{$unwind: '$tags'}, {$group: {_id: '$tags', n: {$sum: 1}}}, {$sort: {n: -1, _id: 1}}])", piped({"$unwind": "$tags"}, {"$group": {"_id": "$tags", "n": {"$sum": 1}}}, {"$sort": {"n": -1, "_id": 1}})),
    ("db.users.aggregate([{$unwind: '$tags'}, {$sortByCount: '$tags'}, {$limit: 1}])", piped({"$unwind": "$tags"}, {"$sortByCount": "$tags"}, {"$limit": 1})),
    ("db.users.aggregate([{$lookup: {from: 'orders', localField: '_id', foreignField: 'user', as: 'orders'}}])", piped(LOOKUP)),
    ("db.users.aggregate([{$lookup: {from: 'orders', let: {u: '$_id'}, pipeline: [{$match: {$expr: {$eq: ['$user', '$$u']}}}, {$project: {item: 1}}], as: 'o'}}, {$sort: {_id: 1}}])", piped({"$lookup": {"from": "orders", "let": {"u": "$_id"}, "pipeline": [{"$match": {"$expr": {"$eq": ["$user", "$$u"]}}}, {"$project": {"item": 1}}], "as": "o"}}, {"$sort": {"_id": 1}})),
    ("db.users.aggregate([{$lookup: {from: 'orders', localField: '_id', foreignField: 'user', pipeline: [{$match: {qty: {$gt: 2}}}], as: 'o'}}])", piped({"$lookup": {"from": "orders", "localField": "_id", "foreignField": "user", "pipeline": [{"$match": {"qty": {"$gt": 2}}}], "as": "o"}})),
    ("db.orders.aggregate([{$lookup: {from: 'users', localField: 'user', foreignField: '_id', as: 'u'}}, {$unwind: '$u'}, {$project: {item: 1, name: '$u.name'}}])", piped({"$lookup": {"from": "users", "localField": "user", "foreignField": "_id", "as": "u"}}, {"$unwind": "$u"}, {"$project": {"item": 1, "name": "$u.name"}}, of="orders")),
    ("db.users.aggregate([{$count: 'n'}])", piped({"$count": "n"})),
    ("db.users.aggregate([{$match: {age: 1}}, {$count: 'n'}])", piped({"$match": {"age": 1}}, {"$count": "n"})),
    ("db.users.aggregate([{$facet: {young: [{$match: {age: {$lt: 40}}}, {$count: 'n'}], old: [{$match: {age: {$gte: 40}}}, {$count: 'n'}]}}])", piped({"$facet": {"young": [{"$match": {"age": {"$lt": 40}}}, {"$count": "n"}], "old": [{"$match": {"age": {"$gte": 40}}}, {"$count": "n"}]}})),
    ("db.users.aggregate([{$addFields: {double: {$multiply: ['$age', 2]}}}])", piped({"$addFields": {"double": {"$multiply": ["$age", 2]}}})),
    ("db.users.aggregate([{$set: {'address.country': 'x'}}])", piped({"$set": {"address.country": "x"}})),
    ("db.users.aggregate([{$unset: ['tags', 'scores']}])", piped({"$unset": ["tags", "scores"]})),
    ("db.users.aggregate([{$unset: 'tags'}])", piped({"$unset": "tags"})),
    ("db.users.aggregate([{$match: {address: {$exists: true}}}, {$replaceRoot: {newRoot: '$address'}}])", piped({"$match": {"address": {"$exists": True}}}, {"$replaceRoot": {"newRoot": "$address"}})),
    ("db.users.aggregate([{$replaceRoot: {newRoot: {$mergeObjects: [{name: '$name'}, '$address']}}}])", piped({"$replaceRoot": {"newRoot": {"$mergeObjects": [{"name": "$name"}, "$address"]}}})),
    ("db.users.aggregate([{$replaceWith: {n: '$name'}}])", piped({"$replaceWith": {"n": "$name"}})),
    ("db.users.aggregate([{$sample: {size: 100}}, {$sort: {_id: 1}}])", piped({"$sort": {"_id": 1}})),
    ("db.users.aggregate([{$bucket: {groupBy: '$age', boundaries: [0, 40, 80], default: 'old', output: {n: {$sum: 1}}}}])", piped({"$bucket": {"groupBy": "$age", "boundaries": [0, 40, 80], "default": "old", "output": {"n": {"$sum": 1}}}})),
    ("db.users.aggregate([{$bucketAuto: {groupBy: '$age', buckets: 2}}])", piped({"$bucketAuto": {"groupBy": "$age", "buckets": 2}})),
    ("db.users.aggregate([{$project: {name: 1}}, {$unionWith: 'orders'}])", piped({"$project": {"name": 1}}, {"$unionWith": "orders"})),
    ("db.users.aggregate([{$project: {name: 1}}, {$unionWith: {coll: 'orders', pipeline: [{$project: {item: 1}}]}}])", piped({"$project": {"name": 1}}, {"$unionWith": {"coll": "orders", "pipeline": [{"$project": {"item": 1}}]}})),
    ("db.orders.aggregate([{$setWindowFields: {partitionBy: '$user', sortBy: {day: 1}, output: {running: {$sum: '$qty', window: {documents: ['unbounded', 'current']}}}}}, {$sort: {_id: 1}}])", piped({"$setWindowFields": {"partitionBy": "$user", "sortBy": {"day": 1}, "output": {"running": {"$sum": "$qty", "window": {"documents": ["unbounded", "current"]}}}}}, {"$sort": {"_id": 1}}, of="orders")),
    ("db.orders.aggregate([{$graphLookup: {from: 'orders', startWith: '$item', connectFromField: 'item', connectToField: 'item', as: 'same', maxDepth: 0}}, {$project: {n: {$size: '$same'}}}])", piped({"$graphLookup": {"from": "orders", "startWith": "$item", "connectFromField": "item", "connectToField": "item", "as": "same", "maxDepth": 0}}, {"$project": {"n": {"$size": "$same"}}}, of="orders")),
    ("db.users.aggregate([{$redact: {$cond: [{$gt: ['$age', 40]}, '$$KEEP', '$$PRUNE']}}])", piped({"$redact": {"$cond": [{"$gt": ["$age", 40]}, "$$KEEP", "$$PRUNE"]}})),
    ("db.users.aggregate([{$project: {k: {$cond: {if: {$gte: ['$age', 40]}, then: 'old', else: 'young'}}}}])", piped({"$project": {"k": {"$cond": {"if": {"$gte": ["$age", 40]}, "then": "old", "else": "young"}}}})),
    ("db.users.aggregate([{$project: {k: {$switch: {branches: [{case: {$lt: ['$age', 30]}, then: 'a'}], default: 'b'}}}}])", piped({"$project": {"k": {"$switch": {"branches": [{"case": {"$lt": ["$age", 30]}, "then": "a"}], "default": "b"}}}})),
    ("db.users.aggregate([{$project: {e: {$ifNull: ['$email', 'none']}}}])", piped({"$project": {"e": {"$ifNull": ["$email", "none"]}}})),
    ("db.users.aggregate([{$project: {m: {$filter: {input: '$tags', as: 't', cond: {$ne: ['$$t', 'math']}}}}}])", piped({"$project": {"m": {"$filter": {"input": "$tags", "as": "t", "cond": {"$ne": ["$$t", "math"]}}}}})),
    ("db.users.aggregate([{$project: {m: {$map: {input: '$tags', as: 't', in: {$toUpper: '$$t'}}}}}])", piped({"$project": {"m": {"$map": {"input": "$tags", "as": "t", "in": {"$toUpper": "$$t"}}}}})),
    ("db.orders.aggregate([{$project: {s: {$reduce: {input: '$lines', initialValue: 0, in: {$add: ['$$value', '$$this.n']}}}}}])", piped({"$project": {"s": {"$reduce": {"input": "$lines", "initialValue": 0, "in": {"$add": ["$$value", "$$this.n"]}}}}}, of="orders")),
    ("db.users.aggregate([{$project: {first: {$arrayElemAt: [{$split: ['$name', ' ']}, 0]}}}])", piped({"$project": {"first": {"$arrayElemAt": [{"$split": ["$name", " "]}, 0]}}})),
    ("db.users.aggregate([{$project: {c: {$concat: ['$name', ' <', {$ifNull: ['$email', '?']}, '>']}}}])", piped({"$project": {"c": {"$concat": ["$name", " <", {"$ifNull": ["$email", "?"]}, ">"]}}})),
    ("db.users.aggregate([{$project: {l: {$literal: '$name'}}}])", piped({"$project": {"l": {"$literal": "$name"}}})),
    ("db.users.aggregate([{$project: {v: {$let: {vars: {a: '$age'}, in: {$add: ['$$a', 1]}}}}}])", piped({"$project": {"v": {"$let": {"vars": {"a": "$age"}, "in": {"$add": ["$$a", 1]}}}}})),
    ("db.users.aggregate([{$match: {$expr: {$lt: ['$age', 40]}}}, {$project: {name: 1}}])", piped({"$match": {"$expr": {"$lt": ["$age", 40]}}}, {"$project": {"name": 1}})),
    ("db.users.aggregate([{$match: {'address.city': 'London', $or: [{age: 36}, {age: 41}]}}])", piped({"$match": {"address.city": "London", "$or": [{"age": 36}, {"age": 41}]}})),
    ("db.users.aggregate([{$sort: {age: 1}}], {allowDiskUse: true})", piped({"$sort": {"age": 1}})),
    ("db.users.aggregate([{$sort: {age: 1}}], {allowDiskUse: true, maxTimeMS: 5000, comment: 'x'})", piped({"$sort": {"age": 1}})),
    ("db.users.aggregate([{$sort: {age: 1}}], {cursor: {batchSize: 2}})", piped({"$sort": {"age": 1}})),
    ("db.users.aggregate([{$sort: {age: 1}}], {batchSize: 2}).toArray()", piped({"$sort": {"age": 1}})),
    ("db.users.aggregate([{$match: {$expr: {$eq: ['$age', '$$x']}}}], {let: {x: 36}})", lambda db: db.users.aggregate([{"$match": {"age": 36}}])),
    ("db.users.aggregate([\n  { $match: { status: 'active' } }, // only these\n  { $sort: { age: 1 } },\n  { $limit: 2 }, /* two */\n]);", piped({"$match": {"status": "active"}}, {"$sort": {"age": 1}}, {"$limit": 2})),
    ("db.aggregate([{$documents: [{a: 1}, {a: 2}]}, {$match: {a: 2}}])", lambda db: [{"a": 2}]),
    ("db.users.aggregate([{$project: {d: {$dateDiff: {startDate: '$created', endDate: ISODate('2024-03-02'), unit: 'day'}}}}])", piped({"$project": {"d": {"$dateDiff": {"startDate": "$created", "endDate": day(2024, 3, 2), "unit": "day"}}}})),
    ("db.users.aggregate([{$group: {_id: '$status', top: {$topN: {n: 1, sortBy: {age: -1}, output: '$name'}}}}, {$sort: {_id: 1}}])", piped({"$group": {"_id": "$status", "top": {"$topN": {"n": 1, "sortBy": {"age": -1}, "output": "$name"}}}}, {"$sort": {"_id": 1}})),
    ("db.users.aggregate([{$project: {o: {$objectToArray: '$address'}}}])", piped({"$project": {"o": {"$objectToArray": "$address"}}})),
    ("db.users.aggregate([{$project: {s: {$sortArray: {input: '$tags', sortBy: 1}}}}])", piped({"$project": {"s": {"$sortArray": {"input": "$tags", "sortBy": 1}}}})),
    ("db.users.aggregate([{$project: {age: {$toString: '$age'}, d: {$toDouble: '$visits'}, i: {$convert: {input: '$status', to: 'int', onError: -1}}}}])", piped({"$project": {"age": {"$toString": "$age"}, "d": {"$toDouble": "$visits"}, "i": {"$convert": {"input": "$status", "to": "int", "onError": -1}}}})),
    ("db.users.aggregate([{$project: {h: {$regexMatch: {input: '$name', regex: /ada/i}}}}])", piped({"$project": {"h": {"$regexMatch": {"input": "$name", "regex": re.compile("ada", re.I)}}}})),
    ("db.users.aggregate([{$project: {in: {$in: ['math', '$tags']}}}])", piped({"$project": {"in": {"$in": ["math", "$tags"]}}})),
    ("db.users.aggregate([{$densify: {field: 'age', range: {step: 50, bounds: [0, 100]}}}, {$count: 'n'}])", piped({"$densify": {"field": "age", "range": {"step": 50, "bounds": [0, 100]}}}, {"$count": "n"})),
    ("db.orders.aggregate([{$fill: {output: {note: {value: '-'}}}}])", piped({"$fill": {"output": {"note": {"value": "-"}}}}, of="orders")),
]  # fmt: skip

A = {"$set": {"a": 1}}
START = [
    {"_id": n, "n": n, "g": n % 2, "tags": ["x", "y"], "items": [{"k": 1, "v": 1}, {"k": 2, "v": 2}]}
    for n in range(1, 6)
]

#: ``w`` is a collection of five documents, new for each statement.
WRITES: list[tuple[str, Callable[[Any], Any]]] = [
    ("db.w.insertOne({_id: 9, name: 'Ada'})", lambda w: w.insert_one({"_id": 9, "name": "Ada"})),
    ("db.w.insertOne({_id: 9, at: ISODate('2024-01-01'), n: NumberLong(5), d: NumberDecimal('1.10'), f: 1.0, t: [null, true]});", lambda w: w.insert_one({"_id": 9, "at": day(2024, 1, 1), "n": Int64(5), "d": Decimal128("1.10"), "f": 1.0, "t": [None, True]})),
    ("db.w.insertOne({_id: ObjectId('65a1b2c3d4e5f6a7b8c9d0e1')}, {writeConcern: {w: 'majority'}})", lambda w: w.insert_one({"_id": OID[1]})),
    ("db.w.insertMany([{_id: 8}, {_id: 9, a: {b: [1, {c: 2}]}}])", lambda w: w.insert_many([{"_id": 8}, {"_id": 9, "a": {"b": [1, {"c": 2}]}}])),
    ("db.w.insertMany([{_id: 8}, {_id: 9}], {ordered: false})", lambda w: w.insert_many([{"_id": 8}, {"_id": 9}])),
    ("db.w.bulkWrite([{insertOne: {_id: 9, a: 1}}])", lambda w: w.insert_one({"_id": 9, "a": 1})),
    ("db.w.findOneAndUpdate({_id: 1}, {$set: {a: 1}}, {returnDocument: 'AFTER'})", lambda w: w.update_one({"_id": 1}, A)),
    ("db.w.insert({_id: 9})", lambda w: w.insert_one({"_id": 9})),
    ("db.w.insert([{_id: 8}, {_id: 9}])", lambda w: w.insert_many([{"_id": 8}, {"_id": 9}])),
    ("db.w.updateOne({_id: 1}, {$set: {a: 1}})", lambda w: w.update_one({"_id": 1}, A)),
    ("db.w.updateOne({_id: 1}, {$set: {'deep.er': 1}, $unset: {tags: ''}})", lambda w: w.update_one({"_id": 1}, {"$set": {"deep.er": 1}, "$unset": {"tags": ""}})),
    ("db.w.updateOne({_id: 99}, {$set: {a: 1}}, {upsert: true})", lambda w: w.update_one({"_id": 99}, A, upsert=True)),
    ("db.w.updateOne({_id: 99}, {$set: {a: 1}, $setOnInsert: {b: 2}}, {upsert: true})", lambda w: w.update_one({"_id": 99}, {"$set": {"a": 1}, "$setOnInsert": {"b": 2}}, upsert=True)),
    ("db.w.updateMany({}, {$inc: {n: 10}})", lambda w: w.update_many({}, {"$inc": {"n": 10}})),
    ("db.w.updateMany({g: 1}, {$mul: {n: 2}})", lambda w: w.update_many({"g": 1}, {"$mul": {"n": 2}})),
    ("db.w.updateMany({n: {$gte: 3}}, {$set: {big: true}})", lambda w: w.update_many({"n": {"$gte": 3}}, {"$set": {"big": True}})),
    ("db.w.updateMany({}, {$rename: {n: 'm'}})", lambda w: w.update_many({}, {"$rename": {"n": "m"}})),
    ("db.w.updateMany({}, {$unset: {items: 1, tags: ''}})", lambda w: w.update_many({}, {"$unset": {"items": 1, "tags": ""}})),
    ("db.w.updateMany({}, {$push: {tags: 'z'}})", lambda w: w.update_many({}, {"$push": {"tags": "z"}})),
    ("db.w.updateOne({_id: 1}, {$push: {tags: {$each: ['a', 'b'], $slice: -3, $sort: 1}}})", lambda w: w.update_one({"_id": 1}, {"$push": {"tags": {"$each": ["a", "b"], "$slice": -3, "$sort": 1}}})),
    ("db.w.updateOne({_id: 1}, {$push: {tags: {$each: ['a'], $position: 0}}})", lambda w: w.update_one({"_id": 1}, {"$push": {"tags": {"$each": ["a"], "$position": 0}}})),
    ("db.w.updateOne({_id: 1}, {$addToSet: {tags: {$each: ['x', 'q']}}})", lambda w: w.update_one({"_id": 1}, {"$addToSet": {"tags": {"$each": ["x", "q"]}}})),
    ("db.w.updateOne({_id: 1}, {$pull: {tags: 'x'}})", lambda w: w.update_one({"_id": 1}, {"$pull": {"tags": "x"}})),
    ("db.w.updateMany({}, {$pull: {items: {v: {$gt: 1}}}})", lambda w: w.update_many({}, {"$pull": {"items": {"v": {"$gt": 1}}}})),
    ("db.w.updateOne({_id: 1}, {$pullAll: {tags: ['x', 'y']}})", lambda w: w.update_one({"_id": 1}, {"$pullAll": {"tags": ["x", "y"]}})),
    ("db.w.updateOne({_id: 1}, {$pop: {tags: -1}})", lambda w: w.update_one({"_id": 1}, {"$pop": {"tags": -1}})),
    ("db.w.updateOne({_id: 1}, {$min: {n: -5}, $max: {g: 9}})", lambda w: w.update_one({"_id": 1}, {"$min": {"n": -5}, "$max": {"g": 9}})),
    ("db.w.updateOne({_id: 1}, {$bit: {n: {or: 6}}})", lambda w: w.update_one({"_id": 1}, {"$bit": {"n": {"or": 6}}})),
    ("db.w.updateOne({_id: 1, 'items.k': 2}, {$set: {'items.$.v': 7}})", lambda w: w.update_one({"_id": 1, "items.k": 2}, {"$set": {"items.$.v": 7}})),
    ("db.w.updateMany({}, {$inc: {'items.$[].v': 1}})", lambda w: w.update_many({}, {"$inc": {"items.$[].v": 1}})),
    ("db.w.updateMany({}, {$set: {'items.$[i].v': 0}}, {arrayFilters: [{'i.k': {$gte: 2}}]})", lambda w: w.update_many({}, {"$set": {"items.$[i].v": 0}}, array_filters=[{"i.k": {"$gte": 2}}])),
    ("db.w.updateMany({}, [{$set: {double: {$multiply: ['$n', 2]}}}, {$unset: 'tags'}])", lambda w: w.update_many({}, [{"$set": {"double": {"$multiply": ["$n", 2]}}}, {"$unset": "tags"}])),
    ("db.w.updateOne({_id: 1}, [{$replaceWith: {_id: '$_id', only: '$n'}}])", lambda w: w.update_one({"_id": 1}, [{"$replaceWith": {"_id": "$_id", "only": "$n"}}])),
    ("db.w.updateOne({n: 3}, {$set: {a: 1}}, {hint: {_id: 1}})", lambda w: w.update_one({"n": 3}, A)),
    ("db.w.updateOne({n: 3}, {$set: {a: 1}}, {collation: {locale: 'en'}})", lambda w: w.update_one({"n": 3}, A)),
    ("db.w.update({g: 1}, {$set: {a: 1}})", lambda w: w.update_one({"g": 1}, A)),
    ("db.w.update({g: 1}, {$set: {a: 1}}, {multi: true})", lambda w: w.update_many({"g": 1}, A)),
    ("db.w.update({_id: 99}, {$set: {a: 1}}, {upsert: true})", lambda w: w.update_one({"_id": 99}, A, upsert=True)),
    ("db.w.update({_id: 99}, {$set: {a: 1}}, true)", lambda w: w.update_one({"_id": 99}, A, upsert=True)),
    ("db.w.update({g: 1}, {$set: {a: 1}}, false, true)", lambda w: w.update_many({"g": 1}, A)),
    ("db.w.replaceOne({_id: 1}, {a: 1})", lambda w: w.replace_one({"_id": 1}, {"a": 1})),
    ("db.w.replaceOne({_id: 99}, {a: 1}, {upsert: true})", lambda w: w.replace_one({"_id": 99}, {"a": 1}, upsert=True)),
    ("db.w.replaceOne({_id: 1}, {})", lambda w: w.replace_one({"_id": 1}, {})),
    ("db.w.deleteOne({_id: 1})", lambda w: w.delete_one({"_id": 1})),
    ("db.w.deleteOne({n: {$lt: 3}, g: 0})", lambda w: w.delete_one({"n": {"$lt": 3}, "g": 0})),
    ("db.w.deleteMany({g: 1})", lambda w: w.delete_many({"g": 1})),
    ("db.w.deleteMany({})", lambda w: w.delete_many({})),
    ("db.w.deleteMany({n: {$gt: 2}}, {hint: '_id_'})", lambda w: w.delete_many({"n": {"$gt": 2}})),
    ("db.w.deleteMany({g: 1}, {writeConcern: {w: 1, j: true}})", lambda w: w.delete_many({"g": 1})),
    ("db.w.remove({g: 1})", lambda w: w.delete_many({"g": 1})),
    ("db.w.remove({g: 1}, true)", lambda w: w.delete_one({"g": 1})),
    ("db.w.remove({g: 1}, {justOne: true})", lambda w: w.delete_one({"g": 1})),
    ("db.w.bulkWrite([{insertOne: {document: {_id: 9}}}, {updateOne: {filter: {_id: 1}, update: {$set: {a: 1}}}}, {updateMany: {filter: {g: 0}, update: {$inc: {n: 1}}}}, {replaceOne: {filter: {_id: 2}, replacement: {r: 1}}}, {deleteOne: {filter: {_id: 3}}}, {deleteMany: {filter: {g: 1, _id: {$gt: 3}}}}])", lambda w: w.bulk_write([pymongo.InsertOne({"_id": 9}), pymongo.UpdateOne({"_id": 1}, A), pymongo.UpdateMany({"g": 0}, {"$inc": {"n": 1}}), pymongo.ReplaceOne({"_id": 2}, {"r": 1}), pymongo.DeleteOne({"_id": 3}), pymongo.DeleteMany({"g": 1, "_id": {"$gt": 3}})])),
    ("db.w.bulkWrite([{updateOne: {filter: {_id: 99}, update: {$set: {a: 1}}, upsert: true}}], {ordered: false})", lambda w: w.update_one({"_id": 99}, A, upsert=True)),
    ("db.w.bulkWrite([{updateOne: {'filter': {_id: 1}, 'update': {'$set': {'items.$[i].v': 5}}, arrayFilters: [{'i.k': 1}]}}])", lambda w: w.update_one({"_id": 1}, {"$set": {"items.$[i].v": 5}}, array_filters=[{"i.k": 1}])),
]  # fmt: skip

BEFORE, AFTER = pymongo.ReturnDocument.BEFORE, pymongo.ReturnDocument.AFTER
RETURNING: list[tuple[str, Callable[[Any], Any]]] = [
    ("db.w.findOneAndUpdate({_id: 1}, {$set: {a: 1}})", lambda w: w.find_one_and_update({"_id": 1}, A)),
    ("db.w.findOneAndUpdate({_id: 1}, {$set: {a: 1}}, {returnDocument: 'after'})", lambda w: w.find_one_and_update({"_id": 1}, A, return_document=AFTER)),
    ("db.w.findOneAndUpdate({_id: 1}, {$set: {a: 1}}, {returnDocument: 'before'})", lambda w: w.find_one_and_update({"_id": 1}, A, return_document=BEFORE)),
    ("db.w.findOneAndUpdate({_id: 1}, {$set: {a: 1}}, {returnNewDocument: true})", lambda w: w.find_one_and_update({"_id": 1}, A, return_document=AFTER)),
    ("db.w.findOneAndUpdate({_id: 1}, {$set: {a: 1}}, {returnOriginal: false})", lambda w: w.find_one_and_update({"_id": 1}, A, return_document=AFTER)),
    ("db.w.findOneAndUpdate({_id: 1}, {$set: {a: 1}}, {new: true})", lambda w: w.find_one_and_update({"_id": 1}, A, return_document=AFTER)),
    ("db.w.findOneAndUpdate({g: 1}, {$inc: {n: 5}}, {sort: {n: -1}, projection: {n: 1}, returnDocument: 'after'})", lambda w: w.find_one_and_update({"g": 1}, {"$inc": {"n": 5}}, {"n": 1}, sort=[("n", -1)], return_document=AFTER)),
    ("db.w.findOneAndUpdate({_id: 99}, {$set: {a: 1}}, {upsert: true, returnDocument: 'after'})", lambda w: w.find_one_and_update({"_id": 99}, A, upsert=True, return_document=AFTER)),
    ("db.w.findOneAndUpdate({_id: 99}, {$set: {a: 1}})", lambda w: w.find_one_and_update({"_id": 99}, A)),
    ("db.w.findOneAndUpdate({_id: 1}, [{$set: {n: {$add: ['$n', 1]}}}], {returnDocument: 'after'})", lambda w: w.find_one_and_update({"_id": 1}, [{"$set": {"n": {"$add": ["$n", 1]}}}], return_document=AFTER)),
    ("db.w.findOneAndReplace({_id: 1}, {r: 1}, {returnDocument: 'after'})", lambda w: w.find_one_and_replace({"_id": 1}, {"r": 1}, return_document=AFTER)),
    ("db.w.findOneAndReplace({_id: 1}, {r: 1})", lambda w: w.find_one_and_replace({"_id": 1}, {"r": 1})),
    ("db.w.findOneAndDelete({g: 1}, {sort: {n: -1}})", lambda w: w.find_one_and_delete({"g": 1}, sort=[("n", -1)])),
    ("db.w.findOneAndDelete({_id: 2}, {projection: {n: 1, _id: 0}})", lambda w: w.find_one_and_delete({"_id": 2}, {"n": 1, "_id": 0})),
    ("db.w.findAndModify({query: {_id: 1}, update: {$set: {a: 1}}, new: true})", lambda w: w.find_one_and_update({"_id": 1}, A, return_document=AFTER)),
    ("db.w.findAndModify({query: {g: 1}, sort: {n: -1}, remove: true})", lambda w: w.find_one_and_delete({"g": 1}, sort=[("n", -1)])),
    ("db.w.findAndModify({query: {_id: 99}, update: {$set: {a: 1}}, upsert: true, new: true, fields: {a: 1}})", lambda w: w.find_one_and_update({"_id": 99}, A, {"a": 1}, upsert=True, return_document=AFTER)),
]  # fmt: skip

INDEXES: list[tuple[str, Callable[[Any], Any]]] = [
    ("db.w.createIndex({n: 1})", lambda w: w.create_index("n")),
    ("db.w.createIndex({n: -1, g: 1})", lambda w: w.create_index([("n", DESCENDING), ("g", ASCENDING)])),
    ("db.w.createIndex({n: 1}, {unique: true, name: 'own'})", lambda w: w.create_index("n", unique=True, name="own")),
    ("db.w.createIndex({'items.k': 1}, {sparse: true, background: true})", lambda w: w.create_index("items.k", sparse=True, background=True)),
    ("db.w.createIndex({n: 1}, {partialFilterExpression: {g: 1}})", lambda w: w.create_index("n", partialFilterExpression={"g": 1})),
    ("db.w.createIndex({at: 1}, {expireAfterSeconds: 3600})", lambda w: w.create_index("at", expireAfterSeconds=3600)),
    ("db.w.createIndexes([{n: 1}, {g: -1}])", lambda w: w.create_indexes([pymongo.IndexModel("n"), pymongo.IndexModel([("g", -1)])])),
    ("db.w.createIndex({'$**': 1})", lambda w: w.create_index([("$**", 1)])),
    ("db.w.ensureIndex({n: 1})", lambda w: w.create_index("n")),
    ("db.w.dropIndex('made_1')", lambda w: w.drop_index("made_1")),
    ("db.w.dropIndex({made: 1})", lambda w: w.drop_index("made_1")),
    ("db.w.dropIndexes()", lambda w: w.drop_indexes()),
    ("db.w.dropIndexes('made_1')", lambda w: w.drop_index("made_1")),
]  # fmt: skip


@pytest.fixture(scope="module")
def pair(mongo_uri: str) -> Iterator[tuple[Caller, DB]]:
    """The plugin on a database with all the data, and the driver on the same."""
    engine, name = Mongo(), f"dbmcp_{secrets.token_hex(6)}"
    settings = engine.settings.build({"uri": mongo_uri, "database": name, "read_only": False}, where="test")
    executor = Executor(Registry(), [Source("main", engine, settings, "test")])
    client: Any = pymongo.MongoClient(mongo_uri, tz_aware=True, uuidRepresentation="standard")
    try:
        for collection, documents in DATA.items():
            client[name].create_collection(collection)
            if documents:
                client[name][collection].insert_many(documents)
        yield Caller(executor), client[name]
    finally:
        client.drop_database(name)
        client.close()
        executor.close()


def told(documents: Any) -> list[str]:
    """Return each document in canonical Extended JSON, so that 1, 1.0 and NumberLong(1) differ; nulls left out."""
    options = json_util.CANONICAL_JSON_OPTIONS.with_options(uuid_representation=UuidRepresentation.STANDARD)
    plain = [{key: one[key] for key in sorted(one) if one[key] is not None} for one in documents if one is not None]
    return [json_util.dumps(one, json_options=options) for one in plain]


def rows(result: Any) -> list[dict[str, Any]]:
    names = [column.name for column in result.columns]
    return [dict(zip(names, row, strict=True)) for row in result.rows]


@pytest.mark.parametrize(
    ("text", "meaning"),
    [*FINDS, *COUNTS, *PIPELINES, *PIPELINES_BEHIND],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_read_answers_what_it_means(pair: tuple[Caller, DB], text: str, meaning: Callable[[DB], Any]) -> None:
    caller, database = pair
    assert told(rows(caller.query(text))) == told(meaning(database))


@pytest.fixture
def twins(pair: tuple[Caller, DB]) -> Iterator[tuple[Caller, Any, Any]]:
    """The plugin, the collection ``w`` that it changes, and one with the same documents that the driver changes."""
    caller, database = pair
    for name in ("w", "twin"):
        database[name].insert_many(START)
        database[name].create_index("made")
    yield caller, database.w, database.twin
    for name in ("w", "twin"):
        database[name].drop()


@pytest.mark.parametrize(
    ("text", "meaning"), [*WRITES, *RETURNING], ids=lambda one: one if isinstance(one, str) else ""
)
def test_a_write_does_what_it_means(twins: tuple[Caller, Any, Any], text: str, meaning: Callable[[Any], Any]) -> None:
    caller, changed, twin = twins
    outcome, answer = caller.execute(text), meaning(twin)
    assert told(changed.find().sort("_id")) == told(twin.find().sort("_id"))
    if text in dict(RETURNING):
        assert outcome.returned is not None
        assert told(rows(outcome.returned)) == told([answer])


@pytest.mark.parametrize(("text", "meaning"), INDEXES, ids=lambda one: one if isinstance(one, str) else "")
def test_an_index_is_what_it_means(twins: tuple[Caller, Any, Any], text: str, meaning: Callable[[Any], Any]) -> None:
    caller, changed, twin = twins
    caller.execute(text)
    meaning(twin)
    assert changed.index_information() == twin.index_information()
    assert [one["name"] for one in rows(caller.query("db.w.getIndexes()"))] == list(twin.index_information())


STAGE = re.compile(r"'stage': '(\w+)'")


@pytest.mark.parametrize(
    ("text", "stages", "has_numbers"),
    [
        ("db.users.find({age: 36}).explain()", ["COLLSCAN"], False),
        ("db.users.find({age: 36}).explain('queryPlanner')", ["COLLSCAN"], False),
        ("db.users.find({age: 36}).explain('executionStats')", ["COLLSCAN"], True),
        ("db.users.find({age: 36}).explain(true)", ["COLLSCAN"], True),
        ("db.users.find({age: 36}).explain(false)", ["COLLSCAN"], False),
        ("db.users.find({_id: ObjectId('65a1b2c3d4e5f6a7b8c9d0e1')}).sort({_id: 1}).explain({verbosity: 'executionStats'})", ["IXSCAN", "IDHACK", "FETCH"], True),
        ("db.users.explain().find({age: 36})", ["COLLSCAN"], False),
        ("db.users.explain('executionStats').find({age: 36}).limit(1)", ["COLLSCAN"], True),
        ("db.users.explain().findOne({age: 36})", ["COLLSCAN"], False),
        ("db.users.explain().aggregate([{$match: {age: 36}}])", ["COLLSCAN"], False),
        ("db.users.aggregate([{$match: {age: 36}}], {explain: true})", ["COLLSCAN"], False),
        ("db.users.aggregate([{$match: {age: 36}}]).explain()", ["COLLSCAN"], False),
        ("db.users.explain().count({age: 36})", ["COLLSCAN"], False),
        ("db.users.explain().distinct('age')", ["COLLSCAN"], False),
        ("db.runCommand({explain: {find: 'users', filter: {age: 36}}, verbosity: 'queryPlanner'})", ["COLLSCAN"], False),
        ('{"explain": {"find": "users", "filter": {"age": 36}}}', ["COLLSCAN"], True),
    ],
)  # fmt: skip
def test_a_plan_is_that_of_the_statement(
    pair: tuple[Caller, DB], text: str, stages: list[str], has_numbers: bool
) -> None:
    told_of = str(rows(pair[0].query(text)))
    assert set(STAGE.findall(told_of)) & set(stages), told_of
    assert ("executionStats" in told_of) is has_numbers


@pytest.mark.parametrize(
    "text",
    [
        "show collections",
        "show tables;",
        "db.getCollectionNames()",
        "db.getCollectionInfos()",
        "db.runCommand({listCollections: 1, nameOnly: true})",
        "db.runCommand('listCollections')",
        '{"listCollections": 1}',
    ],
)
def test_collections_are_listed(pair: tuple[Caller, DB], text: str) -> None:
    caller, database = pair
    assert {one["name"] for one in rows(caller.query(text))} == set(database.list_collection_names())


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("db.users.stats()", {"collStats": "users"}),
        ("db.users.stats(1024)", {"collStats": "users", "scale": 1024}),
        ("db.users.stats({scale: 1024})", {"collStats": "users", "scale": 1024}),
        ("db.stats()", {"dbStats": 1}),
        ("db.runCommand({dbStats: 1})", {"dbStats": 1}),
        ("db.runCommand('ping')", {"ping": 1}),
        ('{"collStats": "users"}', {"collStats": "users"}),
    ],
)
def test_sizes_are_the_servers(pair: tuple[Caller, DB], text: str, command: dict[str, Any]) -> None:
    caller, database = pair
    (found_of,) = rows(caller.query(text))
    expected = {key: value for key, value in database.command(command).items() if "Time" not in key}
    assert {key: found_of[key] for key in ("count", "ns", "scaleFactor", "ok", "collections") if key in expected} == {
        key: value for key, value in expected.items() if key in ("count", "ns", "scaleFactor", "ok", "collections")
    }


def test_there_are_hundreds_of_statements() -> None:
    texts = [text for text, _ in [*FINDS, *COUNTS, *PIPELINES, *WRITES, *RETURNING, *INDEXES]]
    assert len(set(texts)) == len(texts)
    assert len(texts) > 290
