"""MongoDB: the contract, on an independent server of its protocol or on what ``DBMCP_TEST_MONGODB_URI`` leads to."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from dbmcp_core import Engine, values
from dbmcp_core.config import Source, load
from dbmcp_core.errors import ConnectionFailed, DbmcpError, QueryFailed
from dbmcp_core.executor import Executor
from dbmcp_core.registry import Registry
from dbmcp_core.statement import Statement
from dbmcp_core.testing import AUTHOR, BOOK, Caller, EngineContract, Table
from dbmcp_core.testing.server_process import free_port

pymongo = pytest.importorskip("pymongo")

from bson.datetime_ms import DatetimeMS  # noqa: E402
from pymongo import monitoring  # noqa: E402

from dbmcp_mongo import Mongo, MongoSettings, client, locks  # noqa: E402
from dbmcp_mongo.values import register  # noqa: E402

URI = "DBMCP_TEST_MONGODB_URI"

HOSTILE = (
    "db.book_data.deleteMany({})",
    "db.book_data.drop()",
    "db.author.insertOne({id: 5})",
    "db.author.updateMany({}, {$set: {name: 'x'}})",
    "db.author.aggregate([{$out: 'book_data'}])",
    "db.author.aggregate([{$merge: {into: 'book_data'}}])",
    "db.author.aggregate([{$facet: {a: [{$out: 'book_data'}]}}])",
    "db.author.aggregate([{$lookup: {from: 'author', pipeline: [{$merge: 'book_data'}], as: 'x'}}])",
    "db.author.find({$where: 'sleep(1) || true'})",
    "db.author.find({a: {$not: {$where: '1'}}})",
    "db.author.find({$expr: {$function: {body: 'function() {}', args: [], lang: 'js'}}})",
    "db.author.aggregate([{$group: {_id: 1, n: {$accumulator: {init: 'x', lang: 'js'}}}}])",
    "db.author.mapReduce(function() {}, function() {}, {out: 'x'})",
    "db.getSiblingDB('admin').system.users.find()",
    "db.adminCommand({shutdown: 1})",
    "db.runCommand({eval: 'db.author.drop()'})",
    "db.runCommand({mapReduce: 'author', map: '', reduce: '', out: 'x'})",
    "db.runCommand({find: 'author', $db: 'admin'})",
    "db.dropDatabase()",
    "db.aggregate([{$currentOp: {}}])",
    "db.author.aggregate([{$changeStream: {}}])",
    "db.system.users.find()",
    "db.author.aggregate([{$lookup: {from: {db: 'admin', coll: 'system.users'}, pipeline: [], as: 'x'}}])",
    "db.author.aggregate([{$unionWith: 'system.users'}])",
    "db.author.find(); db.author.drop()",
    "db.author.find().forEach(function(x) { db.author.drop() })",
    "db.author.renameCollection('x')",
    '{"drop": "author"}',
    '{"delete": "author", "deletes": [{"q": {}, "limit": 0}]}',
    '{"collection": "author", "pipeline": [{"$out": "x"}]}',
    '{"collection": "author", "operation": {"deleteMany": {}}}',
    '{"collection": "author", "$where": "1"}',
    '{"collection": "author", "out": {"a": 1}, "match": {}}',
    '{"find": "author", "find": "system.users"}',
    '{"find": "author", "oplogReplay": true}',
    '{"explain": {"delete": "author", "deletes": [{"q": {}, "limit": 0}]}}',
    "use admin",
    "while (true) {}",
)


class TestMongo(EngineContract):
    """Every document has an ``_id``, so the kit's ``book``, whose columns are told, is a view without it."""

    rejected = "db.book.find({price: {$lessThan: 5}})"
    hostile = HOSTILE

    @pytest.fixture
    def engine(self) -> Engine:
        return Mongo()

    @pytest.fixture
    def settings(self, mongo: dict[str, Any]) -> dict[str, object]:
        return mongo

    def fill(self, main: Caller) -> None:
        for table, name in ((AUTHOR, "author"), (BOOK, "book_data")):
            documents = [dict(zip(table.column_names, row, strict=True)) for row in table.rows]
            main.execute(f"db.{name}.insertMany(?)", [documents])
        main.execute("db.createView('book', 'book_data', [{$project: {_id: 0}}])")

    def reading(self, table: Table) -> Statement:
        fields = ", ".join(f"{name}: 1" for name in table.column_names)
        first = table.column_names[0]
        return Statement(f"db.{table.name}.find({{}}, {{_id: 0, {fields}}}).sort({{{first}: 1}})")

    def finding(self, title: str) -> Statement:
        fields = ", ".join(f"{name}: 1" for name in BOOK.column_names)
        return Statement(f"db.book.find({{title: ?}}, {{_id: 0, {fields}}})", [title])

    def counting(self, main: Caller, count: int) -> Statement:
        numbers = {"$project": {"_id": 0, "n": {"$range": [1, count + 1]}}}
        stages = [{"$documents": [{"one": 1}]}, numbers, {"$unwind": "$n"}]
        return Statement(f"db.aggregate({json.dumps(stages)})")

    def adding(self, table: Table, row: Sequence[Any]) -> Statement | None:
        return Statement(f"db.{table.name}.insertOne(?)", [dict(zip(table.column_names, row, strict=True))])

    def unreachable(self, settings: dict[str, object]) -> dict[str, object] | None:
        return {"host": "127.0.0.1", "port": free_port(), "connect_timeout_s": 0.3}


@pytest.fixture
def caller(mongo: dict[str, Any]) -> Iterator[Caller]:
    engine = Mongo()
    settings = engine.settings.build({**mongo, "read_only": False}, where="test")
    executor = Executor(Registry(), [Source("main", engine, settings, "test")])
    try:
        yield Caller(executor)
    finally:
        executor.close()


def test_documents_become_columns_and_no_field_is_lost(caller: Caller) -> None:
    caller.execute("db.n.insertMany(?)", [[{"_id": n, "a": n} for n in range(100)] + [{"_id": 100, "late": {"x": 1}}]])
    result = caller.query("db.n.find().sort({_id: 1})")
    assert [column.name for column in result.columns] == ["_id", "a", "(other fields)"]
    assert result.rows[0] == (0, 0, None)
    assert result.rows[-1] == (100, None, {"late": {"x": 1}})
    assert [column.name for column in caller.query("db.n.find({_id: 100})").columns] == ["_id", "late"]


def test_values_lose_nothing(caller: Caller) -> None:
    caller.execute(
        "db.v.insertOne({_id: ObjectId('5ca4bbcea2dd94ee58162a68'), d: NumberDecimal('1.50'),"
        " l: NumberLong('9007199254740993'),"
        " b: BinData(5, 'AQI='), u: UUID('00112233-4455-6677-8899-aabbccddeeff'), t: Timestamp(1, 2), m: MinKey(),"
        " r: /a\\/b/i, near: ISODate('2024-02-29T12:00:00.5Z'), x: HexData(0, '00ff')})"
    )
    result = caller.query("db.v.find()")
    assert [values.to_text(value) for value in result.rows[0]] == [
        "5ca4bbcea2dd94ee58162a68",
        "1.50",
        "9007199254740993",
        "BinData(5, 'AQI=')",
        "00112233-4455-6677-8899-aabbccddeeff",
        "Timestamp(1, 2)",
        "MinKey()",
        "RegExp(\"a\\\\/b\", 'i')",
        "2024-02-29 12:00:00.500000+00:00",
        "x'00ff'",
    ]
    assert [column.type for column in result.columns][:3] == ["objectId", "decimal", "long"]


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (253402300800000, "+010000-01-01 00:00:00+00:00"),
        (-62135596800001, "+000000-12-31 23:59:59.999+00:00"),
        (-(2**63), "-292275055-05-16 16:47:04.192+00:00"),
    ],
)
def test_a_date_that_python_cannot_hold_leaves_as_text(ms: int, text: str) -> None:
    register()
    assert values.to_text(DatetimeMS(ms)) == text


def test_writes_say_what_they_did(caller: Caller) -> None:
    added = caller.execute("db.w.insertMany([{a: 1}, {a: 2}, {_id: 5, a: 3}])")
    assert (added.affected_rows, len(added.generated_keys)) == (3, 2)
    assert caller.execute("db.w.updateMany({a: {$gt: 1}}, {$inc: {a: 10}})").affected_rows == 2
    assert caller.execute("db.w.replaceOne({_id: 5}, {a: 0})").affected_rows == 1
    upserted = caller.execute("db.w.updateOne({_id: 7}, {$set: {a: 7}}, {upsert: true})")
    assert (upserted.affected_rows, upserted.generated_keys) == (1, (7,))
    found = caller.execute("db.w.findOneAndUpdate({_id: 7}, {$set: {a: 8}}, {returnDocument: 'after'})").returned
    assert found is not None
    assert found.rows == ((7, 8),)
    bulk = "db.w.bulkWrite([{insertOne: {document: {_id: 9}}}, {deleteOne: {filter: {_id: 7}}}])"
    assert caller.execute(bulk).affected_rows == 2
    assert caller.execute("db.w.deleteMany({})").affected_rows == 4
    assert caller.query("db.w.countDocuments({})").rows == ((0,),)


def test_nothing_stays_of_a_write_that_fails(caller: Caller) -> None:
    caller.execute("db.t.insertOne({_id: 1})")
    for text in (
        "db.t.insertMany([{_id: 2}, {_id: 1}])",
        "db.t.bulkWrite([{insertOne: {document: {_id: 3}}}, {insertOne: {document: {_id: 1}}}])",
    ):
        with pytest.raises(QueryFailed, match=r"(?i)duplicate"):
            caller.execute(text)
    assert caller.query("db.t.find()").rows == ((1,),)


def test_every_read_answers(caller: Caller) -> None:
    caller.execute("db.r.insertMany([{_id: 1, a: 'x', g: 1}, {_id: 2, a: 'y', g: 1}, {_id: 3, a: 'x', g: 2}])")
    caller.execute("db.r.createIndex({a: 1}, {unique: false})")
    for text, rows in {
        "db.r.find({g: 1}).count()": ((2,),),
        "db.r.find({}).limit(2).size()": ((2,),),
        "db.r.countDocuments({g: 9})": ((0,),),
        "db.r.estimatedDocumentCount()": ((3,),),
        "db.r.distinct('a')": (("x",), ("y",)),
        "db.r.findOne({_id: 2})": ((2, "y", 1),),
        "db.r.aggregate([{$group: {_id: '$g', n: {$sum: 1}}}, {$sort: {_id: 1}}])": ((1, 2), (2, 1)),
        '{"collection": "r", "match": {"g": 1}, "count": "n"}': ((2,),),
        "db.getCollectionNames()": (("r", "collection"),),
    }.items():
        assert caller.query(text).rows == rows, text
    assert [row[-1] for row in caller.query("db.r.getIndexes()", ()).rows] == ["_id_", "a_1"]
    assert "winningPlan" in str(caller.query("db.r.find({a: 'x'}).explain()").rows)
    assert "winningPlan" in caller.executor.explain("main", Statement("db.r.find({a: 'x'})"))
    assert caller.query("db.r.stats()").rows


def test_a_schema_is_what_a_sample_shows(caller: Caller) -> None:
    caller.execute("db.s.insertMany([{_id: 1, a: {b: 1, c: ['x']}, o: 1}, {_id: 2, a: {b: 'two', c: [{d: 2}]}}])")
    caller.execute("db.s.createIndex({'a.b': 1}, {unique: true, partialFilterExpression: {o: 1}})")
    table = caller.table("s")
    assert (table.kind, table.estimated_rows, table.primary_key) == ("collection", 2, ("_id",))
    assert [(column.name, column.type) for column in table.columns] == [
        ("_id", "int"),
        ("a", "object"),
        ("a.b", "int|string"),
        ("a.c", "array<object|string>"),
        ("a.c.d", "int"),
        ("o", "int"),
    ]
    assert [column.nullable for column in table.columns] == [False, False, False, False, True, True]
    assert table.columns[-1].comment == "in 50 % of the sample"
    assert table.comment == "fields as in a sample of 2 documents"
    (index,) = table.indexes
    assert (index.columns, index.unique, index.where) == (("a.b",), True, '{"o": 1}')


def test_huge_documents_make_a_smaller_sample_and_that_is_said(caller: Caller, mongo: dict[str, Any]) -> None:
    with pymongo.MongoClient(mongo["uri"]) as raw:
        for number in range(5):
            raw[mongo["database"]]["h"].insert_one({"_id": number, "text": "x" * 12_000_000, f"f{number}": 1})
    table = caller.table("h")
    assert table.comment == "fields as in a sample of 2 documents"
    assert table.estimated_rows == 5


def test_the_environment_of_the_specification_makes_a_source() -> None:
    environment = {
        "MCP_MONGODB_URI": "mongodb://u:pa55@h1,h2/shop?replicaSet=rs0",
        "MCP_MONGODB_DATABASE": "shop",
        "MCP_MONGODB_MAX_POOL_SIZE": "7",
        "MCP_MONGODB_USE_UNIFIED_TOPOLOGY": "true",
    }
    (source,) = load(Registry(), environment=environment).sources
    assert (source.name, source.engine.name, source.settings.max_pool_size) == ("mongodb", "mongo", 7)
    assert "pa55" not in repr(source)
    assert "pa55" in source.settings.secrets()


def test_a_url_may_have_settings_in_its_query() -> None:
    (source,) = load(
        Registry(), named=["shop=mongodb://u:p%40ss@h/x?replicaSet=rs0&w=1&max_rows=5&maxPoolSize=3"], environment={}
    ).sources
    settings = source.settings
    assert isinstance(settings, MongoSettings)
    assert settings.uri is not None
    assert settings.uri.reveal() == "mongodb://u:p%40ss@h/x?w=1"
    assert (settings.replica_set, settings.max_rows, settings.max_pool_size) == ("rs0", 5, 3)
    assert {"p%40ss", "p@ss"} <= set(settings.secrets())


@pytest.mark.parametrize(
    ("url", "uri"),
    [
        ("mongodb://u:pa55@h1:27017,h2:27018,h3/shop?replicaSet=rs0", "mongodb://u:pa55@h1:27017,h2:27018,h3/shop"),
        ("mongodb://[::1]:27017,[::2]:27018/shop", "mongodb://[::1]:27017,[::2]:27018/shop"),
        ("mongodb+srv://u:pa55@cluster.example.net/shop?w=1", "mongodb+srv://u:pa55@cluster.example.net/shop?w=1"),
    ],
)
def test_a_url_may_name_a_replica_set(url: str, uri: str) -> None:
    (source,) = load(Registry(), environment={"DBMCP_URL": url}).sources
    assert (source.name, source.engine.name, source.settings.uri.reveal()) == ("shop", "mongo", uri)
    assert "pa55" not in repr(source)


def test_an_open_server_is_told_of(caller: Caller) -> None:
    found = {lock.name: lock for lock in caller.executor.locks("main")}
    assert found["one database"].holds
    if URI not in os.environ:
        assert not found["account"].holds
        assert "asks for no account" in found["account"].detail


@pytest.mark.parametrize(
    ("roles", "actions", "holds"),
    [
        (["read"], ["find", "listCollections"], True),
        (["read"], [], True),
        (["readWrite"], [], False),
        ([], [], False),
        (["custom"], ["find"], True),
        (["custom"], ["find", "insert"], False),
        (["root"], ["anyAction"], False),
    ],
)
def test_an_account_that_may_write_is_told_of(roles: list[str], actions: list[str], holds: bool) -> None:
    info = {
        "authenticatedUsers": [{"user": "u", "db": "admin"}],
        "authenticatedUserRoles": [{"role": role, "db": "shop"} for role in roles],
        "authenticatedUserPrivileges": [{"resource": {"db": "shop"}, "actions": actions}] if actions else [],
    }
    assert locks.account({"authInfo": info}).holds is holds


@pytest.mark.parametrize("uri", ["mongodb://u:s3cr/et@h/x", "mongodb://u:s3cr:et@h:99999/x", "mongodb://u:s3cr@et@h/x"])
def test_a_uri_that_cannot_be_read_shows_nothing_of_its_password(uri: str) -> None:
    with pytest.raises(ConnectionFailed) as caught:
        Mongo().open(Mongo.settings.build({"uri": uri, "connect_timeout_s": 0.1}, where="test")).connect()
    assert "s3cr" not in "".join(traceback.format_exception(caught.value))


class _Recorder(monitoring.CommandListener):
    def __init__(self) -> None:
        self.documents: list[dict[str, Any]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.documents.append(dict(event.command))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


def test_nothing_forbidden_reaches_the_wire(mongo: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = _Recorder()
    engine = Mongo()
    settings = engine.settings.build({**mongo, "read_only": False}, where="test")
    monkeypatch.setattr(
        client, "_fixed", lambda one, fixed=client._fixed: {**fixed(one), "event_listeners": [recorder]}
    )
    executor = Executor(Registry(), [Source("main", engine, settings, "test")])
    try:
        for text in HOSTILE:
            with pytest.raises(DbmcpError):
                Caller(executor).query(text)
        Caller(executor).query("db.author.find({}, {a: 1}).limit(3)")
    finally:
        executor.close()
    names = [next(iter(one)) for one in recorder.documents]
    assert [name for name in names if name not in ("hello", "ping", "endSessions")] == ["find"]
    (find,) = [one for one in recorder.documents if "find" in one]
    assert find["maxTimeMS"] == 32_000
    assert find["$db"] == mongo["database"]


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://h/?tlsCAFile=/etc/passwd",
        "mongodb://h/?tlsInsecure=true",
        "mongodb://h/?proxyHost=x",
        "mongodb://h/?authMechanism=MONGODB-AWS",
        "mongodb://%2Ftmp%2Fmongodb.sock/",
        "http://h/",
        "mongodb://",
        "mongodb://u:p@/x",
        "mongodb+srv://h:27017/",
        "mongodb+srv://h1,h2/",
    ],
)
def test_a_uri_has_only_options_that_are_known(uri: str) -> None:
    settings = Mongo.settings.build({"uri": uri}, where="test")
    with pytest.raises(ConnectionFailed, match="'uri'"):
        Mongo().open(settings).connect()


@pytest.mark.parametrize("options", ["tls=true", "replicaSet=nosuch", ""])
def test_a_server_that_is_not_found_is_told_with_what_to_look_at(mongo: dict[str, Any], options: str) -> None:
    uri = f"{mongo['uri']}?{options}" if options else f"mongodb://127.0.0.1:{free_port()}/"
    settings = Mongo.settings.build({"uri": uri, "connect_timeout_s": 0.5}, where="test")
    with pytest.raises(ConnectionFailed, match=r"can't be reached") as caught:
        Mongo().open(settings).connect()
    assert "replica set" in str(caught.value.hint)
    assert "timeouts" not in str(caught.value)


@pytest.mark.parametrize(
    ("rest", "word"),
    [
        ("h/x?readPreference=nonsense", "'readPreference'"),
        ("h/x?tls=maybe", "'tls'"),
        ("h/x?maxPoolSize=many", "'maxPoolSize'"),
        ("h/x?w=1&w=2", "twice"),
        ("h/x?replicaSte=rs", "'replicaSte'"),
        ("h/bad%20name", "name of its database"),
        ("h/a.b", "name of its database"),
    ],
)
def test_what_is_wrong_with_a_uri_is_named_before_a_server_is_asked(rest: str, word: str) -> None:
    settings = Mongo.settings.build({"uri": f"mongodb://u:s3cr3t@{rest}"}, where="test")
    with pytest.raises(ConnectionFailed, match=word) as caught:
        Mongo().open(settings).connect()
    assert "s3cr3t" not in "".join(traceback.format_exception(caught.value))


def test_a_source_without_a_name_of_a_database_says_which_it_takes(
    mongo_uri: str, caplog: pytest.LogCaptureFixture
) -> None:
    database = Mongo().open(Mongo.settings.build({"uri": mongo_uri}, where="test"))
    with caplog.at_level("WARNING", "dbmcp"):
        database.connect()
    database.disconnect()
    assert "'test' is taken" in caplog.text
