"""The sample collections: each form of a query against what pymongo answers, and schemas against all documents."""

# ruff: noqa: E501 - a statement and its meaning stand on one line

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dbmcp_core.config import Source
from dbmcp_core.executor import Executor
from dbmcp_core.registry import Registry
from dbmcp_core.statement import Limits
from dbmcp_core.testing import Caller

pymongo = pytest.importorskip("pymongo")

from bson import json_util  # noqa: E402

from dbmcp_mongo import Mongo  # noqa: E402
from dbmcp_mongo.values import kind  # noqa: E402

ALL = [
    "practice/books",
    "practice/countries-small",
    "practice/covers",
    "practice/grades",
    "practice/products",
    "practice/profiles",
    "practice/restaurant",
    "practice/students",
    "sample_analytics/accounts",
    "sample_analytics/customers",
    "sample_mflix/comments",
    "sample_mflix/embedded_movies",
    "sample_mflix/movies",
    "sample_mflix/theaters",
    "sample_mflix/users",
]
#: A collection, a filter that finds some of it, and an order.
QUESTIONS: list[tuple[str, dict[str, Any], dict[str, int]]] = [
    ("sample_analytics/accounts", {"limit": {"$gte": 9000}, "products": "Derivatives"}, {"account_id": 1, "_id": 1}),
    ("sample_analytics/customers", {"email": {"$regex": "gmail", "$options": "i"}}, {"birthdate": -1, "_id": 1}),
    ("sample_mflix/theaters", {"location.address.state": {"$in": ["MN", "MA"]}}, {"theaterId": -1}),
    ("sample_mflix/movies", {"year": {"$gte": 1930}, "genres": "Drama"}, {"title": 1, "_id": 1}),
    (
        "practice/grades",
        {"scores": {"$elemMatch": {"type": "exam", "score": {"$gt": 50}}}},
        {"student_id": 1, "_id": 1},
    ),
    ("practice/countries-small", {"region": "Europe", "area": {"$lt": 100000}}, {"cca2": 1}),
    ("practice/restaurant", {"rating": {"$gte": 5}}, {"name": 1, "_id": -1}),
]
TEXTS: list[tuple[str, str, Callable[[Any], Any]]] = [
    ("sample_analytics/accounts", "db.accounts.aggregate([{$unwind: '$products'}, {$group: {_id: '$products', n: {$sum: 1}}}, {$sort: {n: -1, _id: 1}}])", lambda db: db.accounts.aggregate([{"$unwind": "$products"}, {"$group": {"_id": "$products", "n": {"$sum": 1}}}, {"$sort": {"n": -1, "_id": 1}}])),
    ("sample_analytics/accounts", "db.accounts.distinct('products')", lambda db: [{"products": one} for one in db.accounts.distinct("products")]),
    ("sample_analytics/accounts", "db.accounts.countDocuments({limit: 10000})", lambda db: [{"count": db.accounts.count_documents({"limit": 10000})}]),
    ("sample_analytics/customers", "db.customers.find({birthdate: {$gte: ISODate('1990-01-01'), $lt: new Date('1995-01-01')}}, {name: 1, birthdate: 1}).sort({birthdate: 1, _id: 1})", lambda db: db.customers.aggregate([{"$match": {"$expr": {"$and": [{"$gte": ["$birthdate", {"$toDate": "1990-01-01"}]}, {"$lt": ["$birthdate", {"$toDate": "1995-01-01"}]}]}}}, {"$sort": {"birthdate": 1, "_id": 1}}, {"$project": {"name": 1, "birthdate": 1}}])),
    ("sample_mflix/theaters", "db.theaters.find({'location.address.state': /^m/i}, {theaterId: 1}).sort({theaterId: 1})", lambda db: db.theaters.find({"location.address.state": {"$regex": "^m", "$options": "i"}}, {"theaterId": 1}).sort("theaterId", 1)),
    ("sample_mflix/theaters", '{"collection": "theaters", "group": {"_id": "$location.address.state", "n": {"$sum": 1}}, "sort": {"n": -1, "_id": 1}, "limit": 5}', lambda db: db.theaters.aggregate([{"$group": {"_id": "$location.address.state", "n": {"$sum": 1}}}, {"$sort": {"n": -1, "_id": 1}}, {"$limit": 5}])),
    ("sample_mflix/movies", "db.movies.find({cast: {$size: 4}, 'imdb.rating': {$gte: 7.5}}, {_id: 0, title: 1, year: 1}).sort({year: 1, title: 1}).limit(30)", lambda db: db.movies.find({"cast": {"$size": 4}, "imdb.rating": {"$gte": 7.5}}, {"_id": 0, "title": 1, "year": 1}).sort([("year", 1), ("title", 1)]).limit(30)),
    ("practice/grades", '{"collection": "grades", "unwind": "$scores", "group": {"_id": "$scores.type", "n": {"$sum": 1}}, "sort": {"_id": 1}}', lambda db: db.grades.aggregate([{"$unwind": "$scores"}, {"$group": {"_id": "$scores.type", "n": {"$sum": 1}}}, {"$sort": {"_id": 1}}])),
    ("practice/books", "db.books.find({authors: {$all: ['W. Frank Ableson']}}, {title: 1, publishedDate: 1})", lambda db: db.books.find({"authors": "W. Frank Ableson"}, {"title": 1, "publishedDate": 1})),
]  # fmt: skip


class Library:
    """The collections in one database, each loaded when first asked for."""

    def __init__(self, caller: Caller, database: Any) -> None:
        self.caller = caller
        self.database = database
        self.loaded: dict[str, list[dict[str, Any]]] = {}

    def load(self, path: Path) -> tuple[str, list[dict[str, Any]]]:
        """Return the name of the collection in the file *path*, and its documents."""
        name = path.name.removesuffix(".json")
        if name not in self.loaded:
            text = path.read_text(encoding="utf-8").strip()
            lines = [text] if text.startswith("[") else [line for line in text.splitlines() if line.strip()]
            read = [json_util.loads(line) for line in lines]
            self.loaded[name] = read[0] if text.startswith("[") else read
            self.database[name].insert_many(self.loaded[name])
        return name, self.loaded[name]


@pytest.fixture(scope="module")
def library(mongo_uri: str) -> Iterator[Library]:
    engine, name = Mongo(), f"dbmcp_{secrets.token_hex(6)}"
    settings = engine.settings.build(
        {"uri": mongo_uri, "database": name, "max_bytes": 500_000_000, "sample_size": 1_000_000}, where="test"
    )
    executor = Executor(Registry(), [Source("main", engine, settings, "test")])
    client: Any = pymongo.MongoClient(mongo_uri, tz_aware=True)
    try:
        yield Library(Caller(executor), client[name])
    finally:
        client.drop_database(name)
        client.close()
        executor.close()


def told(documents: Any) -> list[str]:
    """Return each document in canonical Extended JSON, without what is null and in the order of its names."""
    plain = [{key: one[key] for key in sorted(one) if one[key] is not None} for one in documents]
    return [json_util.dumps(one, json_options=json_util.CANONICAL_JSON_OPTIONS) for one in plain]


def answer(library: Library, text: str, params: list[Any]) -> list[str]:
    result = library.caller.query(text, params, limits=Limits(max_rows=1_000_000, max_bytes=500_000_000))
    assert result.cursor is None
    names = [column.name for column in result.columns]
    rows = [dict(zip(names, row, strict=True)) for row in result.rows]
    for row in rows:
        row.update(row.pop("(other fields)", None) or {})
    return told(rows)


def forms(name: str, filter_: dict[str, Any], sort: dict[str, int]) -> list[tuple[str, list[Any]]]:
    """Return one question in every form, limited to 20 documents."""
    some, order = json.dumps(filter_), json.dumps(sort)
    stages = [{"$match": filter_}, {"$sort": sort}, {"$limit": 20}]
    options = {"sort": sort, "limit": 20}
    texts: list[tuple[Any, list[Any]]] = [
        (f"db.getCollection('{name}').find({some}).sort({order}).limit(20)", []),
        (f"db['{name}'].find({some}).limit(20).skip(0).sort({order}).toArray()", []),
        (f"db['{name}'].aggregate({json.dumps(stages)})", []),
        ({"$match": filter_, "$sort": sort, "$limit": 20}, [name]),
        ({"collection": name, "match": filter_, "sort": sort, "limit": 20}, []),
        ({"collection": name, "$match": filter_, "$sort": sort, "$limit": 20}, []),
        ({"collection": name, "filter": filter_, **options}, []),
        ({"find": name, "filter": filter_, **options}, []),
        ({"aggregate": name, "pipeline": stages, "cursor": {}}, []),
        (stages, [name]),
        ({"find": filter_, **options}, [name]),
        ({"filter": filter_, **options}, [name]),
        ({"collection": name, "pipeline": stages}, []),
        ({"collection": name, "operation": {"find": filter_, **options}}, []),
        ({"collection": name, "operation": {"find": {"filter": filter_, **options}}}, []),
        ({"collection": name, "operation": {"aggregate": stages}}, []),
        ({"collection": name, "operation": "find", "filter": filter_, **options}, []),
    ]
    return [(text if isinstance(text, str) else json.dumps(text), params) for text, params in texts]


@pytest.mark.parametrize(("path", "filter_", "sort"), QUESTIONS, ids=[one[0] for one in QUESTIONS])
def test_each_form_answers_as_the_driver_does(
    library: Library, sample: Callable[[str], Path], path: str, filter_: dict[str, Any], sort: dict[str, int]
) -> None:
    name, documents = library.load(sample(f"mongo/{path}.json"))
    expected = told(library.database[name].find(filter_).sort(list(sort.items())).limit(20))
    assert len(expected) == 20 < len(documents)
    for text, params in forms(name, filter_, sort):
        assert answer(library, text, params) == expected, text
    everything = told(library.database[name].find(filter_))
    assert answer(library, json.dumps({"collection": name, **filter_}), []) == everything


@pytest.mark.parametrize(("path", "text", "meaning"), TEXTS, ids=[one[1][:60] for one in TEXTS])
def test_a_statement_answers_as_the_driver_does(
    library: Library, sample: Callable[[str], Path], path: str, text: str, meaning: Callable[[Any], Any]
) -> None:
    library.load(sample(f"mongo/{path}.json"))
    expected = told(meaning(library.database))
    assert answer(library, text, []) == expected
    assert expected


@pytest.mark.parametrize("path", ALL)
def test_a_whole_collection_comes_without_loss(library: Library, sample: Callable[[str], Path], path: str) -> None:
    name, _ = library.load(sample(f"mongo/{path}.json"))
    assert answer(library, f"db.getCollection('{name}').find()", []) == told(library.database[name].find())


@pytest.mark.parametrize("path", ALL)
def test_a_schema_is_what_all_documents_show(library: Library, sample: Callable[[str], Path], path: str) -> None:
    name, documents = library.load(sample(f"mongo/{path}.json"))
    table = library.caller.table(name)
    fields: dict[str, set[str]] = {}
    for document in library.database[name].find():
        for key, value in document.items():
            fields.setdefault(key, set()).add(kind(value))
    top = {column.name: column for column in table.columns if column.name in fields}
    assert list(top) == [column.name for column in table.columns if "." not in column.name or column.name in fields]
    assert set(top) == set(fields)
    for key, kinds in fields.items():
        told_of = {one.partition("<")[0] for one in _kinds(top[key].type)}
        assert told_of == kinds - {"null"} or kinds == {"null"}, key
        assert top[key].nullable is ("null" in kinds or any(key not in one for one in documents)), key
    assert table.estimated_rows == len(documents)
    assert table.primary_key == ("_id",)
    assert f"sample of {len(documents)} documents" in str(table.comment)


def _kinds(text: str) -> list[str]:
    """Return the alternatives of ``int|array<int|string>``."""
    found, depth = [""], 0
    for character in text:
        depth += {"<": 1, ">": -1}.get(character, 0)
        if character == "|" and not depth:
            found.append("")
        else:
            found[-1] += character
    return found
