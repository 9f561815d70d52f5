"""``return`` held to the columns of a query, and what a text tells of those on real databases."""

from __future__ import annotations

from typing import Any

import pytest

from dbmcp_core import Executor
from dbmcp_core.call import Call
from dbmcp_core.guard import columns
from dbmcp_core.statement import Result, Statement
from dbmcp_core.tools.model import ReturnType
from dbmcp_core.tools.sql.returns import return_problems

TOLD = [
    "SELECT id, name FROM product",
    'SELECT p.id AS "Number", upper(name) AS shouted, 1, count(*), NULL FROM product p GROUP BY id, name',
    "SELECT DISTINCT name FROM product ORDER BY name LIMIT 1",
    "WITH q AS (SELECT id AS n FROM product) SELECT n, n + 1 AS next FROM q",
    "SELECT id AS a FROM product UNION ALL SELECT id AS b FROM product ORDER BY 1",
    "SELECT CASE WHEN id = 1 THEN 'one' END AS word, (SELECT max(id) FROM product) AS most FROM product",
    "SELECT id, id FROM product",
]
UNTOLD = [
    "SELECT * FROM product",
    "SELECT product.*, 1 AS one FROM product",
    "VALUES (1, 2)",
    "INSERT INTO product (id, name) VALUES (3, 'x') RETURNING id",
    "SELECT FROM WHERE",
]
DIALECTS = [
    ("mysql", "(SELECT id AS a FROM product)", ["a"]),
    ("duckdb", "FROM product SELECT id", ["id"]),
    ("duckdb", "SELECT number: id FROM product", ["number"]),
    ("duckdb", "SELECT min(COLUMNS(*)) FROM product", None),
    ("duckdb", "SELECT * EXCLUDE (name) FROM product", None),
    ("duckdb", "SELECT unnest({'a': 1, 'b': 2}) AS one", None),
    ("duckdb", "SELECT id FROM product UNION BY NAME SELECT name FROM product", None),
    ("duckdb", "PIVOT product ON name", None),
    ("duckdb", "SUMMARIZE product", None),
    ("postgres", "SELECT (product).* FROM product", None),
    ("postgres", "SELECT unnest(ARRAY[1, 2]) AS n", ["n"]),
    ("postgres", "TABLE product", None),
    ("tsql", "SELECT number = id, [a b] FROM product", ["number", "a b"]),
    ("tsql", "SELECT id FROM product FOR JSON AUTO", None),
    ("databricks", "SELECT explode(m) AS (k, v) FROM product", None),
    ("databricks", "SELECT stack(2, 1, 2) FROM product", None),
    ("databricks", "FROM product |> SELECT id |> AGGREGATE count(*) AS n", None),
    ("databricks", "SELECT upper(name) AS name FROM product", ["name"]),
]


@pytest.mark.parametrize("text", TOLD + UNTOLD)
def test_the_text_tells_what_the_database_does(engine_shop: Executor, text: str) -> None:
    [source] = engine_shop.sources()
    told = columns(text, source.engine.dialect or "")
    if text in UNTOLD:
        assert told is None
        return
    page = engine_shop.run(Call("shop", Statement(text)))
    assert isinstance(page, Result)
    assert told is not None
    assert any(told)
    for mine, its in zip(told, page.columns, strict=True):
        assert mine is None or mine.lower() == its.name.lower()


@pytest.mark.parametrize(("dialect", "text", "expected"), DIALECTS)
def test_what_a_dialect_has_of_its_own(dialect: str, text: str, expected: list[str] | None) -> None:
    assert columns(text, dialect) == expected


def found(text: str, returns: dict[str, Any] | None, dialect: str = "sqlite", **options: bool) -> list[Any]:
    wanted = None if returns is None else ReturnType.model_validate(returns)
    return list(return_problems([Statement(text), Statement(text)], dialect, wanted, **options))


def row(*names: str, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"type": "string"} for name in names}, **more}


@pytest.mark.parametrize(
    ("text", "returns"),
    [
        ("SELECT id, name FROM product", row("id", "name", required=["id", "name"], additionalProperties=False)),
        ("SELECT ID, Name FROM product", {"type": "array", "items": row("id", "name", required=["name"])}),
        ("SELECT id, name FROM product", {"type": "array"}),
        ("SELECT id, name FROM product", None),
        ("SELECT id FROM product", {"type": "array", "items": {"type": "integer"}}),
        ("SELECT id FROM product", {"type": "array", "items": row("id")}),
        ("SELECT count(*) FROM product", {"type": "integer"}),
        ("SELECT count(*), id FROM product", row("count", "id", required=["count"])),
        ("SELECT * FROM product", row("gone", required=["gone"], additionalProperties=False)),
        ("SELECT *, 1 AS more FROM product", {"type": "string"}),
        ("SELECT id, name AS more FROM product", row("id", additionalProperties={"type": "string"})),
        ("INSERT INTO product (id) VALUES (1)", row("id", required=["id"])),
    ],
)
def test_honest_queries_pass(text: str, returns: dict[str, Any] | None) -> None:
    assert found(text, returns) == []


@pytest.mark.parametrize(
    ("text", "returns", "place", "said", "severity"),
    [
        (
            "SELECT id, nam FROM product",
            row("id", "name", required=["name"]),
            ("return", "required"),
            "the result has no column 'name' (did you mean 'nam'?)",
            "error",
        ),
        (
            "SELECT id, nam FROM product",
            {"type": "array", "items": row("id", "name")},
            ("return", "items", "properties", "name"),
            "the result has no column 'name' (did you mean 'nam'?)",
            "warning",
        ),
        (
            "SELECT id, nam, count(*) FROM product",
            row("id", "name", additionalProperties=False),
            ("return", "properties"),
            "the column 'nam' is no property, and 'additionalProperties' is false (did you mean 'name'?)",
            "error",
        ),
        (
            "SELECT id, name FROM product",
            {"type": "integer"},
            ("return", "type"),
            "'integer' wants one column, and the result has 2",
            "error",
        ),
        (
            "SELECT id, name FROM product",
            {"type": "array", "items": {"type": "string"}},
            ("return", "items", "type"),
            "the result has 2 columns: an item is an 'object', no 'string'",
            "error",
        ),
        (
            "SELECT p.id, q.id FROM product p, product q",
            None,
            ("source",),
            "two columns of the result are called 'id'; name them apart with AS",
            "error",
        ),
    ],
)
def test_what_cannot_be_returned_is_told(
    text: str, returns: dict[str, Any] | None, place: tuple[str, ...], said: str, severity: str
) -> None:
    assert found(text, returns) == [(place, said, severity)]


def test_twins_are_numbered_for_mxcp() -> None:
    assert found("SELECT p.id, q.id FROM product p, product q", None, numbers_twins=True) == []
