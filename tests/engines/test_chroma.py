"""Chroma: the contract, in a folder and on a real server, or on what ``DBMCP_TEST_CHROMA_URL`` leads to."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from dbmcp_core import Engine, values
from dbmcp_core.config import load, source
from dbmcp_core.errors import ConfigError, DbmcpError, LimitExceeded, NotFound, QueryFailed
from dbmcp_core.registry import Registry
from dbmcp_core.statement import Limits, Statement
from dbmcp_core.testing import AUTHOR, BOOK, Caller, EngineContract, Table
from dbmcp_core.testing.server_process import free_port

pytest.importorskip("chromadb")

from dbmcp_chroma import Chroma, ChromaSettings, process

_PATH = Path(__file__).parents[1] / "servers" / "chroma" / "harness.py"
_spec = importlib.util.spec_from_file_location("chroma_harness", _PATH)
assert _spec is not None
assert _spec.loader is not None
harness = sys.modules.setdefault("chroma_harness", importlib.util.module_from_spec(_spec))
_spec.loader.exec_module(harness)


@pytest.fixture(scope="module")
def folder() -> Iterator[Any]:
    """A folder with databases."""
    found = harness.Folder()
    yield found
    found.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """A running server."""
    found = harness.Server()
    yield found
    found.close()


HOSTILE = (
    '{"collection": "book", "operation": "delete", "ids": ["1"]}',
    '{"collection": "book", "operation": "delete", "where": {"id": {"$gt": 0}}}',
    '{"delete": "book", "ids": ["1"]}',
    '{"collection": "book", "delete": {"ids": ["1"]}}',
    '{"collection": "book", "operation": {"delete": {"ids": ["1"]}}}',
    '{"collection": "book", "operation": "delete_collection"}',
    '{"delete_collection": "book"}',
    '{"collection": "book", "operation": "add", "ids": ["x"], "embeddings": [[1]]}',
    '{"collection": "book", "operation": "upsert", "ids": ["1"], "embeddings": [[9]]}',
    '{"collection": "book", "operation": "update", "ids": ["1"], "metadatas": [{"title": "x"}]}',
    '{"collection": "book", "operation": "modify_collection", "new_name": "stolen"}',
    '{"collection": "book", "operation": "create_collection", "get_or_create": true}',
    '{"collection": "new-one", "operation": "create"}',
    '{"operation": "reset"}',
    '{"reset": true}',
    '{"operation": "delete_database", "name": "default_database"}',
    '{"collection": "book", "operation": "fork", "new_name": "copy"}',
    '{"collection": "book", "tenant": "other"}',
    '{"collection": "book", "database": "other"}',
    '{"collection": "../../../tenants", "operation": "get"}',
    '{"collection": "book/../author"}',
    '{"collection": "book", "operation": "_delete", "ids": ["1"]}',
    '{"collection": "book", "operation": "__class__"}',
    '{"collection": "book", "operation": "get", "operation": "delete", "ids": ["1"]}',
    '{"collection": "book", "where": {"$where": "1"}}',
    '{"collection": "book"} {"delete_collection": "book"}',
    '{"collection": "book", "include": ["data"]}',
    '[{"delete_collection": "book"}]',
    "DELETE FROM book",
    "client.reset()",
)


class ChromaContract(EngineContract):
    """Chroma's own id is a text, so the kit's columns, its ``id`` too, are keys of metadata under their own names."""

    rejected = '{"collection": "book", "where": {"price": {"$lessThan": 5}}}'
    hostile = HOSTILE

    @pytest.fixture
    def engine(self) -> Engine:
        return Chroma()

    def fill(self, main: Caller) -> None:
        for table in (AUTHOR, BOOK):
            main.execute(f'{{"create_collection": "{table.name}"}}')
            self._add(main, table, table.rows)

    def _add(self, main: Caller, table: Table, rows: Sequence[Sequence[Any]]) -> None:
        for row in rows:
            statement = self.adding(table, row)
            assert statement is not None
            main.execute(statement)

    def reading(self, table: Table) -> Statement:
        return Statement(json.dumps({"collection": table.name, "columns": self._columns(table)}))

    def _columns(self, table: Table) -> dict[str, str]:
        return {name: f"metadata.{name}" for name in table.column_names}

    def finding(self, title: str) -> Statement:
        columns = json.dumps(self._columns(BOOK))
        return Statement(f'{{"collection": "book", "columns": {columns}, "where": {{"title": ?}}}}', [title])

    def counting(self, main: Caller, count: int) -> Statement:
        name = f"numbers-{count}"
        main.execute(f'{{"create_collection": "{name}", "get_or_create": true}}')
        for start in range(1, count + 1, 5_000):
            numbers = range(start, min(start + 5_000, count + 1))
            records = [[str(n) for n in numbers], [[float(n)] for n in numbers], [{"n": n} for n in numbers]]
            main.execute(f'{{"upsert": "{name}", "ids": ?, "embeddings": ?, "metadatas": ?}}', records)
        return Statement(f'{{"collection": "{name}", "columns": ["n"]}}')

    def described(self, table: Table) -> tuple[str, ...]:
        keys = ("metadata.id" if name == "id" else name for name in sorted(table.column_names))
        return ("id", "document", "embedding", *keys)

    def adding(self, table: Table, row: Sequence[Any]) -> Statement | None:
        metadata = dict(zip(table.column_names, row, strict=True))
        text = f'{{"add": "{table.name}", "ids": ?, "embeddings": [[1, 0]], "metadatas": [?]}}'
        return Statement(text, [[str(row[0])], metadata])


class TestChromaFolder(ChromaContract):
    @pytest.fixture
    def settings(self, folder: Any) -> dict[str, object]:
        found: dict[str, object] = folder.settings()
        return found

    def unreachable(self, settings: dict[str, object]) -> dict[str, object] | None:
        return {"path": "/no/such/folder"}

    def drop_connections(self) -> None:
        for worker in list(process.workers.children.values()):
            worker.process.kill()
            worker.process.wait()


class TestChromaServer(ChromaContract):
    @pytest.fixture
    def settings(self, server: Any) -> Iterator[dict[str, object]]:
        with server.database() as found:
            self._server = server
            # The server asks for none; that it never shows is tested all the same.
            yield {**found, "token": "not-asked-for"}

    def unreachable(self, settings: dict[str, object]) -> dict[str, object] | None:
        return {"host": "127.0.0.1", "port": free_port(), "connect_timeout_s": 0.3}

    def drop_connections(self) -> None:
        self._server.restart()


@pytest.fixture(params=["folder", "server"])
def caller(request: pytest.FixtureRequest) -> Iterator[Caller]:
    """A caller on an empty database, in a folder and on a server."""
    if request.param == "folder":
        with harness.calling(request.getfixturevalue("folder").settings()) as found:
            yield found
        return
    with request.getfixturevalue("server").database() as settings, harness.calling(settings) as found:
        yield found


def fill(caller: Caller) -> None:
    """Make a small collection."""
    caller.execute('{"create_collection": "articles", "space": "l2", "metadata": {"about": "energy"}}')
    records = [
        ["a", "b", "c", "d"],
        [[0, 0], [1, 0], [0, 2], [3, 3]],
        ["sun and wind", "only sun", None, ""],
        [{"year": 2020, "tags": ["x", "y"], "big": 2**53 + 1}, {"year": 2021.5, "id": "own"}, None, {"draft": True}],
    ]
    caller.execute('{"add": "articles", "ids": ?, "embeddings": ?, "documents": ?, "metadatas": ?}', records)


def test_records_become_rows(caller: Caller) -> None:
    fill(caller)
    result = caller.query('{"collection": "articles"}')
    assert [(one.name, one.type) for one in result.columns] == [
        ("id", "string"),
        ("document", "string"),
        ("big", "int"),
        ("draft", "bool"),
        ("metadata.id", "string"),
        ("tags", "array<string>"),
        ("year", "int|float"),
    ]
    assert result.rows == (
        ("a", "sun and wind", 2**53 + 1, None, None, ["x", "y"], 2020),
        ("b", "only sun", None, None, "own", None, 2021.5),
        ("c", None, None, None, None, None, None),
        ("d", "", None, True, None, None, None),
    )
    assert [type(row[-1]) for row in result.rows[:2]] == [int, float]


def test_the_nearest_come_first(caller: Caller) -> None:
    fill(caller)
    result = caller.query('{"collection": "articles", "query_embeddings": [[0, 0], [3, 3]], "n_results": 2}')
    assert [one.name for one in result.columns][:4] == ["query", "id", "distance", "document"]
    assert [row[:4] for row in result.rows] == [
        (0, "a", 0.0, "sun and wind"),
        (0, "b", 1.0, "only sun"),
        (1, "d", 0.0, ""),
        (1, "c", 10.0, None),
    ]


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({}, ["a", "b", "c", "d"]),
        ({"where": {"year": {"$gt": 2000}}}, ["a", "b"]),
        ({"where": {"year": 2020}}, ["a"]),
        ({"where": {"year": {"$in": [2020, 5]}}}, ["a"]),
        ({"where": {"year": {"$ne": 2020}}}, ["b", "c", "d"]),
        ({"where": {"draft": True}}, ["d"]),
        ({"where": {"tags": {"$contains": "x"}}}, ["a"]),
        ({"where": {"big": 2**53 + 1}}, ["a"]),
        ({"where": {"big": 2**53}}, []),
        ({"where": {"$or": [{"draft": True}, {"id": "own"}]}}, ["b", "d"]),
        ({"where_document": {"$contains": "sun"}}, ["a", "b"]),
        ({"where_document": {"$regex": "^only"}}, ["b"]),
        ({"where": {"#document": {"$contains": "wind"}}}, ["a"]),
        ({"where": {"year": {"$gt": 0}}, "where_document": {"$contains": "only"}}, ["b"]),
        ({"ids": ["d", "b", "none"]}, ["b", "d"]),
        ({"ids": ["none"]}, []),
        ({"ids": ["a", "d"], "where": {"draft": True}}, ["d"]),
    ],
)
def test_filters_hold_in_every_read(caller: Caller, more: dict[str, Any], found: list[str]) -> None:
    fill(caller)
    base = {"collection": "articles", **more}
    assert [row[0] for row in caller.query(json.dumps({**base, "include": []})).rows] == found
    assert caller.query(json.dumps({**base, "operation": "count"})).rows == ((len(found),),)
    near = caller.query(json.dumps({**base, "query_embeddings": [[0, 0]], "columns": ["id"]}))
    assert sorted(row[0] for row in near.rows) == found


def test_columns_and_include_choose(caller: Caller) -> None:
    fill(caller)

    def names(**more: Any) -> list[str]:
        return [one.name for one in caller.query(json.dumps({"collection": "articles", **more})).columns]

    assert names(include=[]) == ["id"]
    assert names(include=["embeddings", "uris"]) == ["id", "embedding", "uri"]
    assert names(query_embeddings=[[0, 0]], include=["distances"]) == ["query", "id", "distance"]
    assert names(query_embeddings=[[0, 0]], include=[]) == ["query", "id"]
    chosen = {
        "collection": "articles",
        "ids": ["a"],
        "columns": {"x": "year", "all": "metadata", "id": "id", "no": "no"},
    }
    result = caller.query(json.dumps(chosen))
    assert [(one.name, one.type) for one in result.columns] == [
        ("x", "int"),
        ("all", "object"),
        ("id", "string"),
        ("no", ""),
    ]
    assert result.rows == ((2020, {"year": 2020, "tags": ["x", "y"], "big": 2**53 + 1}, "a", None),)


def test_limit_and_offset_page(caller: Caller) -> None:
    fill(caller)

    def ids(**more: Any) -> list[str]:
        return [row[0] for row in caller.query(json.dumps({"collection": "articles", "columns": ["id"], **more})).rows]

    assert ids(limit=2) == ["a", "b"]
    assert ids(limit=2, offset=3) == ["d"]
    assert ids(offset=9) == ids(limit=0) == []
    assert ids(query_embeddings=[[0, 0]], limit=2, offset=1) == ["b", "c"]
    assert ids(query_embeddings=[[0, 0]], n_results=3, offset=1) == ["b", "c"]
    assert ids(query_embeddings=[[0, 0]], n_results=10_000) == ["a", "b", "c", "d"]


def test_vectors_and_distances_are_exact(caller: Caller) -> None:
    numpy = pytest.importorskip("numpy")
    vector = [0.1, 1 / 3, 1e-30, 3.4028234663852886e38 / 1e20, -0.0, 16_777_217.0]
    caller.execute('{"create": "vectors"}')
    caller.execute('{"add": "vectors", "ids": ["v"], "embeddings": [?]}', [vector])
    exact = numpy.array(vector, dtype="float32").tolist()
    assert caller.query('{"peek": "vectors"}').rows == (("v", None, exact),)
    row = caller.query('{"collection": "vectors", "query_embeddings": [?]}', [vector]).rows[0]
    assert row[:3] == (0, "v", 0.0)
    assert values.from_json(json.loads(json.dumps(values.to_json(exact)))) == exact


def test_later_keys_of_metadata_are_not_lost(caller: Caller) -> None:
    caller.execute('{"create": "many"}')
    metadatas: list[dict[str, Any] | None] = [{"n": n} for n in range(100)]
    metadatas[80] = {"n": 80, "late": "x", "later": 1}
    records = [[f"{n:03}" for n in range(100)], [[1.0]] * 100, metadatas]
    caller.execute('{"add": "many", "ids": ?, "embeddings": ?, "metadatas": ?}', records)
    result = caller.query('{"collection": "many"}')
    assert [one.name for one in result.columns] == ["id", "document", "n", "(other metadata)"]
    assert result.rows[80] == ("080", None, 80, {"late": "x", "later": 1})
    assert result.rows[81] == ("081", None, 81, None)
    assert [row[0] for row in result.rows] == records[0]


def test_no_number_of_keys_makes_a_table_endless(caller: Caller) -> None:
    caller.execute('{"create": "wide"}')
    metadatas = [{"common": n, **{f"k{n}-{key}": key for key in range(300)}} for n in range(5)]
    records = [[str(n) for n in range(5)], [[1.0]] * 5, metadatas]
    caller.execute('{"add": "wide", "ids": ?, "embeddings": ?, "metadatas": ?}', records)
    result = caller.query('{"collection": "wide"}')
    names = [one.name for one in result.columns]
    assert len(names) == 203
    assert (names[-1], "common" in names) == ("(other metadata)", True)
    for row, metadata in zip(result.rows, metadatas, strict=True):
        known = dict(zip(names[2:-1], row[2:-1], strict=True))
        assert {key: value for key, value in {**known, **row[-1]}.items() if value is not None} == metadata


def test_the_list_of_collections(caller: Caller) -> None:
    fill(caller)
    caller.execute('{"create": "empty-one", "space": "ip"}')
    result = caller.query('{"operation": "list_collections"}')
    assert [one.name for one in result.columns][:4] == ["name", "count", "dimension", "distance"]
    assert [row[:4] for row in result.rows] == [("articles", 4, 2, "l2"), ("empty-one", 0, None, "ip")]
    assert result.rows[0][5] == {"about": "energy"}


def test_an_empty_collection_answers_everything(caller: Caller) -> None:
    caller.execute('{"create": "empty-one"}')
    assert caller.query('{"collection": "empty-one"}').rows == ()
    assert caller.query('{"peek": "empty-one"}').rows == ()
    assert caller.query('{"count": "empty-one"}').rows == ((0,),)
    result = caller.query('{"collection": "empty-one", "query_embeddings": [[1, 2, 3]]}')
    assert [one.name for one in result.columns] == ["query", "id", "distance", "document"]
    assert result.rows == ()
    assert [one.name for one in caller.table("empty-one").columns] == ["id", "document", "embedding"]


def test_a_collection_is_described(caller: Caller) -> None:
    fill(caller)
    table = caller.table("articles")
    columns = {one.name: one for one in table.columns}
    assert list(columns) == ["id", "document", "embedding", "big", "draft", "metadata.id", "tags", "year"]
    assert (table.kind, table.primary_key, table.estimated_rows) == ("collection", ("id",), 4)
    assert (columns["embedding"].type, columns["embedding"].comment) == ("vector(2)", "distance: l2")
    assert (columns["document"].type, columns["document"].comment) == ("string", "in 75 % of the sample")
    assert (columns["tags"].type, columns["tags"].nullable) == ("array<string>", True)
    assert columns["year"].type == "float|int"
    assert columns["year"].comment == "in 50 % of the sample: float 1, int 1"
    for part in ("a sample of 4 records", "distance l2", "embedding function: default", '"about": "energy"'):
        assert part in (table.comment or "")


def test_the_size_of_the_sample_is_a_setting_and_is_told(folder: Any) -> None:
    with harness.calling(folder.settings(), sample_size=10) as caller:
        caller.execute('{"create": "many"}')
        metadatas = [{"first": n} if n < 50 else {"last": n} for n in range(100)]
        records = [[str(n) for n in range(100)], [[1.0]] * 100, metadatas]
        caller.execute('{"add": "many", "ids": ?, "embeddings": ?, "metadatas": ?}', records)
        table = caller.table("many")
        assert "a sample of 10 records" in (table.comment or "")
        assert {one.name: one.comment for one in table.columns if one.name in ("first", "last")} == dict.fromkeys(
            ("first", "last"), "in 50 % of the sample"
        )


# Writes


def test_writes_say_what_they_changed(caller: Caller) -> None:
    fill(caller)

    def write(**statement: Any) -> int | None:
        return caller.execute(json.dumps({"collection": "articles", **statement})).affected_rows

    assert write(operation="upsert", ids=["a", "e"], embeddings=[[0, 1], [5, 5]], metadatas=[{"year": 1}, None]) == 2
    assert write(operation="update", ids=["b", "none"], metadatas=[{"id": None, "new": "n"}, {"x": 1}]) == 1
    assert write(operation="update", ids=["none"], documents=["x"], embeddings=[[1, 1]]) == 0
    assert write(operation="delete", ids=["c", "none"]) == 1
    assert write(operation="delete", where={"draft": True}) == 1
    assert write(operation="delete", where={"draft": True}) == 0
    result = caller.query(
        '{"collection": "articles", "columns": ["id", "year", "new", "metadata.id", "tags", "embedding"]}'
    )
    assert result.rows == (
        ("a", 1, None, None, ["x", "y"], [0.0, 1.0]),
        ("b", 2021.5, "n", None, None, [1.0, 0.0]),
        ("e", None, None, None, None, [5.0, 5.0]),
    )


def test_an_add_of_what_is_there_changes_nothing(caller: Caller) -> None:
    fill(caller)
    with pytest.raises(QueryFailed, match="1 of the ids are in 'articles' already: 'a'") as caught:
        caller.execute('{"add": "articles", "ids": ["z", "a"], "embeddings": [[1, 1], [2, 2]]}')
    assert caught.value.details["reason"] == "duplicate"
    assert caller.query('{"count": "articles"}').rows == ((4,),)


@pytest.mark.parametrize("operation", ["add", "upsert", "update"])
def test_vectors_of_another_length_are_refused(caller: Caller, operation: str) -> None:
    fill(caller)
    key = "a" if operation == "update" else "new"
    with pytest.raises(QueryFailed, match=r"embeddings\[0\] has 3 numbers, those of 'articles' have 2"):
        caller.execute(f'{{"{operation}": "articles", "ids": ["{key}"], "embeddings": [[1, 2, 3]]}}')
    with pytest.raises(QueryFailed, match=r"query_embeddings\[0\] has 1 numbers"):
        caller.query('{"collection": "articles", "query_embeddings": [[1]]}')


def test_more_than_chroma_writes_at_once_is_refused_as_a_whole(caller: Caller) -> None:
    caller.execute('{"create": "many"}')
    count = 20_000
    with pytest.raises(LimitExceeded, match="nothing was written"):
        caller.execute('{"add": "many", "ids": ?, "embeddings": ?}', [[str(n) for n in range(count)], [[1.0]] * count])
    assert caller.query('{"count": "many"}').rows == ((0,),)


def test_many_records_are_deleted_in_parts(caller: Caller) -> None:
    caller.execute('{"create": "many"}')
    for start in (0, 5_000):
        numbers = range(start, start + 5_000)
        records = [[str(n) for n in numbers], [[1.0]] * 5_000, [{"n": n} for n in numbers]]
        caller.execute('{"add": "many", "ids": ?, "embeddings": ?, "metadatas": ?}', records)
    assert caller.execute('{"delete": "many", "where": {"n": {"$gte": 10}}}').affected_rows == 9_990
    assert caller.query('{"count": "many"}').rows == ((10,),)


def test_many_ids_and_a_filter_together(caller: Caller) -> None:
    caller.execute('{"create": "many"}')
    records = [[str(n) for n in range(3_000)], [[float(n)] for n in range(3_000)], [{"n": n} for n in range(3_000)]]
    caller.execute('{"add": "many", "ids": ?, "embeddings": ?, "metadatas": ?}', records)
    text = '{"collection": "many", "columns": ["n"], "ids": ?, "where": {"n": {"$gte": 2990}}}'
    ids = [str(n) for n in range(9_000)]
    assert [row[0] for row in caller.query(text, [ids]).rows] == list(range(2_990, 3_000))
    assert caller.query(text, [ids[:2_000]]).rows == ()
    near = text.replace('"columns"', '"query_embeddings": [2.0], "n_results": 2, "columns"')
    assert [row[0] for row in caller.query(near, [ids]).rows] == [2_990, 2_991]
    with pytest.raises(DbmcpError, match="10,000 are allowed here"):
        caller.query(text, [[str(n) for n in range(10_001)]])


def test_collections_are_made_changed_and_taken_away(caller: Caller) -> None:
    caller.execute('{"create_collection": "first-one", "space": "cosine", "metadata": {"a": 1}}')
    with pytest.raises(QueryFailed, match="already exists"):
        caller.execute('{"create_collection": "first-one"}')
    caller.execute('{"create_collection": "first-one", "get_or_create": true}')
    caller.execute('{"collection": "first-one", "operation": "modify", "new_name": "second-one", "metadata": {"b": 2}}')
    assert [str(name) for name in caller.tables()] == ["second-one"]
    assert caller.query('{"operation": "list_collections"}').rows == (
        ("second-one", 0, None, "cosine", "default", {"b": 2}),
    )
    with pytest.raises(NotFound, match="second-one"):
        caller.execute('{"delete_collection": "first-one"}')
    caller.execute('{"delete_collection": "second-one"}')
    assert caller.tables() == []


def test_nothing_of_a_deleted_collection_comes_back(caller: Caller) -> None:
    """Chroma's own way of deleting one leaves the lists in its metadata to later records (its issue 7594)."""
    caller.execute('{"create": "first-one"}')
    records = [["a", "b"], [[1.0]] * 2, [{"tags": ["secret"]}] * 2]
    caller.execute('{"add": "first-one", "ids": ?, "embeddings": ?, "metadatas": ?}', records)
    caller.execute('{"delete_collection": "first-one"}')
    caller.execute('{"create": "second-one"}')
    caller.execute('{"add": "second-one", "ids": ?, "embeddings": ?}', [["c", "d", "e"], [[1.0]] * 3])
    assert caller.query('{"collection": "second-one", "include": ["metadatas"]}').rows == (("c",), ("d",), ("e",))


def test_records_come_page_by_page(caller: Caller) -> None:
    caller.execute('{"create": "many"}')
    text = "word " * 2_000
    records = [[f"{n:04}" for n in range(700)], [[1.0]] * 700, [text] * 700]
    caller.execute('{"add": "many", "ids": ?, "embeddings": ?, "documents": ?}', records)
    pages = caller.pages('{"collection": "many"}', limits=Limits(max_rows=150))
    assert [row[0] for page in pages for row in page.rows] == records[0]
    assert [len(page.rows) for page in pages] == [150, 150, 150, 150, 100]
    assert caller.query('{"collection": "many", "limit": 150}', limits=Limits(max_rows=150)).truncated is False


# Settings


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("chroma:///data", {"path": "data"}),
        ("chroma:////abs/da%20ta?create=true", {"path": "/abs/da ta", "create_if_not_exists": True}),
        ("chromadb:///data?tenant=acme&database=wiki", {"path": "data", "tenant": "acme", "database": "wiki"}),
        ("chroma://host", {"host": "host"}),
        ("chroma://host:9000/?tenant=acme&database=wiki", {"host": "host", "port": 9000, "tenant": "acme"}),
        ("chroma://host:9000/wiki", {"database": "wiki", "tenant": None}),
        ("chroma+http://host/acme/wiki", {"ssl": False, "tenant": "acme", "database": "wiki"}),
        ("chroma+https://[::1]:8443/acme/wiki", {"ssl": True, "host": "::1", "port": 8443}),
        ("chroma://host?ssl=true&timeout_s=5", {"ssl": True, "timeout_s": 5.0}),
        ("chroma+cloud:///acme/wiki?apiKey=x", {"host": "api.trychroma.com", "ssl": True, "tenant": "acme"}),
    ],
)
def test_urls(url: str, expected: dict[str, object]) -> None:
    registry = Registry()
    settings = source(registry, "one", url).settings
    assert {name: getattr(settings, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"engine": "chroma"}, "where is it? Set 'path'"),
        ({"engine": "chroma", "path": "x", "host": "y"}, "set one of them"),
        ({"engine": "chroma", "path": ""}, "'path' is empty"),
        ({"engine": "chroma", "host": "http://x"}, "'host' is a name or an address"),
        ({"engine": "chroma", "host": "x", "tenant": "../other"}, "'tenant' has up to 512"),
        ({"engine": "chroma", "host": "x", "database": ".."}, "'database' has up to 512"),
        ({"engine": "chroma", "host": "x", "headers": "Name: value"}, "'headers' is a JSON object"),
        ({"engine": "chroma", "host": "x", "token": "a\nb"}, "a header's value can't be sent"),
        ({"engine": "chroma", "host": "x", "tokn": "a"}, "did you mean 'token'?"),
        ("chroma+ftp://host", "it is chroma, chroma+http"),
        ("chroma://host/a/b/c", "behind the host come tenant and database"),
    ],
)
def test_wrong_settings_are_told(spec: Any, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        source(Registry(), "one", spec)
    assert said in str(caught.value)
    assert "a\nb" not in str(caught.value)


def test_the_environment_makes_a_source(tmp_path: Path) -> None:
    environment = {"MCP_CHROMA_HOST": "vectors", "MCP_CHROMA_PORT": "9000", "MCP_CHROMA_TOKEN": "s3cret"}
    environment |= {"MCP_CHROMA_TENANT": "acme", "MCP_CHROMA_DATABASE": "wiki", "MCP_CHROMA_SSL": "true"}
    (one,) = load(Registry(), file=_empty(tmp_path), environment=environment).sources
    assert isinstance(one.settings, ChromaSettings)
    assert (one.name, one.settings.host, one.settings.port, one.settings.ssl) == ("chroma", "vectors", 9000, True)
    assert (one.settings.tenant, one.settings.database) == ("acme", "wiki")
    assert one.settings.request_headers() == {"Authorization": "Bearer s3cret"}
    assert "s3cret" not in repr(one)


def _empty(folder: Path) -> Path:
    file = folder / "dbmcp.toml"
    file.write_text("[sources]\n", encoding="utf-8")
    return file


def test_credentials_become_headers_and_are_secrets() -> None:
    def built(**more: object) -> ChromaSettings:
        return ChromaSettings.build({"host": "x", **more}, where="test")

    assert built(user="ann", password="pw").request_headers() == {"Authorization": "Basic YW5uOnB3"}
    assert built(token="t", tokenHeader="X-Chroma-Token").request_headers() == {"X-Chroma-Token": "t"}
    assert built(api_key="k").request_headers() == {"X-Chroma-Token": "k"}
    assert built(headers='{"X-Key": "hidden"}').request_headers() == {"X-Key": "hidden"}
    everything = built(user="ann", password="pw", token="t", api_key="k", headers='{"X-Key": "hidden"}')
    assert {"pw", "YW5uOnB3", "k", "t", "hidden"} <= set(everything.secrets())
    assert not [one for one in ("YW5uOnB3", "hidden") if one in repr(everything)]


def test_what_only_an_operator_may_set() -> None:
    settings = ChromaSettings.build(
        {
            "host": "x",
            "embedding_function": "default",
            "allow_embedding_functions": "openai",
            "download_model": True,
            "memory_limit_mb": 0,
            "tls_ca_file": "ca.pem",
        },
        where="test",
    )
    assert set(settings.operators_own()) == {
        *("embedding_function", "allow_embedding_functions", "download_model", "memory_limit_mb", "tls_ca_file")
    }


@pytest.mark.parametrize("place", [{"database": "no-such-one"}, {"tenant": "no-such-one"}])
def test_a_tenant_or_database_that_is_not_there_is_told(folder: Any, server: Any, place: dict[str, object]) -> None:
    for settings in (folder.settings(), server.settings()):
        with harness.calling({**settings, **place}) as caller, pytest.raises(DbmcpError, match="not found") as caught:
            caller.tables()
        assert caught.value.code == "connection_failed"
        assert "'tenant' and 'database'" in (caught.value.hint or "")


def test_databases_are_apart(server: Any) -> None:
    with (
        server.database() as one,
        server.database() as other,
        harness.calling(one) as first,
        harness.calling(other) as second,
    ):
        fill(first)
        assert second.tables() == []
        with pytest.raises(NotFound):
            second.query('{"collection": "articles"}')
