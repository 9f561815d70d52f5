"""Databricks' schema by both roads, three-level names, values of every type, and the statements of our own."""

# ruff: noqa: DTZ001 - a time without a zone is what some columns hold

from __future__ import annotations

import datetime as dt
import importlib.util
import math
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlglot

from dbmcp_core import Statement
from dbmcp_core.errors import ConnectionFailed, NotFound, QueryFailed
from dbmcp_core.running import Running
from dbmcp_core.schema import ForeignKey, TableName
from dbmcp_core.testing.servers import require

MADE = """
CREATE SCHEMA IF NOT EXISTS shop
CREATE TABLE shop.customer (id INT COMMENT 'the key', name STRING) USING parquet COMMENT 'Who buys'
ALTER TABLE shop.customer SET TBLPROPERTIES ('test.primary_key' = 'id', 'test.not_null' = 'id')
CREATE TABLE shop.purchase (id BIGINT, paid DECIMAL(10, 2), tags ARRAY<STRING>) PARTITIONED BY (customer_id INT)
ALTER TABLE shop.purchase SET TBLPROPERTIES ('test.primary_key' = 'id', 'test.foreign_key' = 'customer_id:customer:id')
CREATE VIEW shop.cheap AS SELECT id, paid FROM shop.purchase WHERE paid < 10
CREATE SCHEMA IF NOT EXISTS other
CREATE TABLE other.customer (a INT) USING parquet
CREATE SCHEMA main.app
CREATE TABLE main.app.event (id INT, what STRING)
INSERT INTO main.app.event VALUES (1, 'seen')
"""


def _start() -> Any:
    name = "dbmcp_test_databricks_start"
    if name not in sys.modules:
        path = Path(__file__).parents[1] / "servers" / "databricks" / "start.py"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def _opened(warehouse: str, **more: object) -> Any:
    from dbmcp_databricks import Databricks

    engine = Databricks()
    given = _start().running().settings(warehouse, **more)
    return engine.open(engine.settings.build(given, where="tests"))


@pytest.fixture(scope="module")
def shop() -> None:
    start = _start()
    require("databricks", start.why_missing())
    with _opened("spark", read_only=False) as database:
        for statement in MADE.strip().splitlines():
            database.execute(Statement(statement), Running())


@pytest.mark.parametrize(
    "given", [{"catalog": "nowhere"}, {"schema": "nowhere"}, {"catalog": "main", "schema": "none"}]
)
def test_a_catalog_or_schema_that_is_not_there_is_told(shop: None, given: dict[str, str]) -> None:
    with pytest.raises(ConnectionFailed, match=next(reversed(given.values()))) as caught:
        _opened("spark", **given).connect()
    assert caught.value.hint == "Check catalog and schema."


@pytest.fixture(params=["spark", "plain"])
def database(request: Any, shop: None) -> Iterator[Any]:
    """The shop's catalog, with an information schema and without."""
    with _opened(request.param, catalog="spark_catalog") as database:
        yield database


def _rows(database: Any, text: str, *params: Any) -> list[tuple[Any, ...]]:
    stream = database.query(Statement(text, params), Running())
    try:
        return [row for batch in stream for row in batch]
    finally:
        stream.close()


def test_names_have_three_levels(database: Any) -> None:
    names = {name for name in database.get_tables() if name.schema in ("shop", "other")}
    assert names == {
        TableName("cheap", "shop", "spark_catalog"),
        TableName("customer", "shop", "spark_catalog"),
        TableName("purchase", "shop", "spark_catalog"),
        TableName("customer", "other", "spark_catalog"),
    }
    assert {name.schema for name in database.get_tables("shop")} == {"shop"}


def test_a_table_has_its_columns_and_comments(database: Any) -> None:
    table = database.get_table_schema(TableName("customer", "shop"))
    assert (table.kind, table.comment) == ("table", "Who buys")
    assert [(column.name, column.type, column.comment) for column in table.columns] == [
        ("id", "int", "the key"),
        ("name", "string", None),
    ]
    other = database.get_table_schema(TableName("purchase", "shop"))
    assert [column.type for column in other.columns] == ["bigint", "decimal(10,2)", "array<string>", "int"]
    assert database.get_table_schema(TableName("cheap", "shop")).kind == "view"


@pytest.mark.parametrize(
    "name",
    [
        TableName("event", "app", "main"),
        TableName("main.app.event"),
        TableName("EVENT", "APP", "main"),
    ],
)
def test_a_table_of_another_catalog_is_found(database: Any, name: TableName) -> None:
    assert database.get_table_schema(name).name.schema == "app"
    assert database.get_table_schema(name).name.catalog == "main"


@pytest.mark.parametrize(
    "name",
    [TableName("customer", "none"), TableName("x", "y", "no_such_catalog"), TableName("`"), TableName("a.b.c.d")],
)
def test_a_table_that_is_not_there_is_not_found(database: Any, name: TableName) -> None:
    with pytest.raises(NotFound):
        database.get_table_schema(name)


def test_a_name_in_two_schemas_and_neither_meant_is_not_found(database: Any) -> None:
    with pytest.raises(NotFound, match="customer") as caught:
        database.get_table_schema(TableName("customer"))
    assert "spark_catalog.shop.customer" in (caught.value.hint or "")


def test_keys_come_from_the_information_schema(shop: None) -> None:
    with _opened("spark", catalog="spark_catalog", schema="shop") as database:
        purchase = database.get_table_schema(TableName("purchase"))
        assert purchase.primary_key == ("id",)
        target = TableName("customer", "shop", "spark_catalog")
        assert purchase.foreign_keys == (ForeignKey(("customer_id",), target, ("id",), "purchase_fk"),)
        assert not database.get_table_schema(TableName("customer")).columns[0].nullable


def test_the_number_of_queries_does_not_grow_with_the_tables(shop: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with _opened("spark", catalog="spark_catalog") as database:
        asked = _spied(database, monkeypatch)
        assert len(database.get_schema().tables) >= 4
        assert len(asked) <= 5


def test_a_query_may_join_catalogs(database: Any) -> None:
    text = "SELECT e.what FROM main.app.event e LEFT JOIN spark_catalog.shop.customer c ON c.id = e.id"
    assert _rows(database, text) == [("seen",)]


def test_a_wrong_catalog_or_schema_is_told_at_connect(shop: None) -> None:
    for more in ({"catalog": "no_such_catalog"}, {"schema": "no_such_schema"}):
        with pytest.raises(Exception, match="no_such_"):
            _opened("spark", **more).connect()


def test_every_statement_of_our_own_is_spark_sql(shop: None, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    for warehouse in ("spark", "plain"):
        with _opened(warehouse) as database:
            asked = _spied(database, monkeypatch, asked)
            database.get_schema()
            database.get_table_schema(TableName("customer", "shop"))
            database.locks()
            database.explain(Statement("SELECT 1"))
            database.ping()
    texts = {text for text in asked if text != "SELECT 1; SELECT 2"}
    assert len(texts) > 12
    for text in texts:
        assert len(sqlglot.parse(text, read="databricks")) == 1, text


def _spied(database: Any, monkeypatch: pytest.MonkeyPatch, asked: list[str] | None = None) -> list[str]:
    found = asked if asked is not None else []
    run = database.run
    monkeypatch.setattr(
        database,
        "run",
        lambda driver, statement, **more: found.append(statement.text) or run(driver, statement, **more),
    )
    return found


# Values


@pytest.mark.parametrize(
    ("text", "expected", "kind"),
    [
        ("CAST(1 AS TINYINT)", 1, "tinyint"),
        ("9007199254740993L", 9007199254740993, "bigint"),
        ("CAST(0.1 AS FLOAT)", 0.1, "float"),
        ("CAST('-Infinity' AS DOUBLE)", -math.inf, "double"),
        (
            "CAST('12345678901234567890.123456789012345678' AS DECIMAL(38, 18))",
            Decimal("12345678901234567890.123456789012345678"),
            "decimal(38,18)",
        ),
        ("CAST(0 AS DECIMAL(20, 10))", Decimal("0E-10"), "decimal(20,10)"),
        ("X'00ff'", b"\x00\xff", "binary"),
        ("true", True, "boolean"),
        ("NULL", None, "void"),
        ("DATE '2024-02-29'", dt.date(2024, 2, 29), "date"),
        ("DATE '12020-01-01'", "12020-01-01", "date"),
        ("DATE '-0044-03-15'", "-0044-03-15", "date"),
        (
            "TIMESTAMP '2024-02-29 12:00:00.123456+01:00'",
            dt.datetime(2024, 2, 29, 11, 0, 0, 123456, tzinfo=dt.UTC),
            "timestamp",
        ),
        ("TIMESTAMP_NTZ '2024-02-29 12:00:00'", dt.datetime(2024, 2, 29, 12), "timestamp_ntz"),
        ("TIMESTAMP '-0044-03-15 12:00:00.5'", "-0044-03-15 12:00:00.5+00:00", "timestamp"),
        ("TIMESTAMP_NTZ '12024-01-01 00:00:00'", "12024-01-01 00:00:00", "timestamp_ntz"),
        ("INTERVAL '1-2' YEAR TO MONTH", "INTERVAL '1-2' YEAR TO MONTH", "interval year to month"),
        ("INTERVAL '-1 02:03:04.5' DAY TO SECOND", "INTERVAL '-1 02:03:04.5' DAY TO SECOND", "interval day to second"),
        ("array(INTERVAL '-1 02:03:04.5' DAY TO SECOND)", ["-1 02:03:04.5"], "array<interval day to second>"),
        ("array(1, NULL, 3)", [1, None, 3], "array<int>"),
        ("array(DATE '12020-01-01', DATE '2024-01-01')", ["12020-01-01", dt.date(2024, 1, 1)], "array<date>"),
        ("map('a', 1, 'b', NULL)", {"a": 1, "b": None}, "map<string,int>"),
        ("map(1, 'a')", {1: "a"}, "map<int,string>"),
        ("map(array(1), 'a')", [[[1], "a"]], "map<array<int>,string>"),
        (
            "named_struct('a', 1, 'b', array(named_struct('c', 'x')))",
            {"a": 1, "b": [{"c": "x"}]},
            "struct<a:int,b:array<struct<c:string>>>",
        ),
        ("parse_json('{\"a\": 1.10}')", '{"a":1.1}', "variant"),
        ("'👩‍👩‍👧 \\u0000'", "👩‍👩‍👧 \x00", "string"),
    ],
)
def test_a_value_loses_nothing(shared: Any, text: str, expected: object, kind: str) -> None:
    stream = shared.query(Statement(f"SELECT {text} AS v"), Running())
    ((value,),) = [row for batch in stream for row in batch]
    stream.close()
    assert value == expected
    assert type(value) is type(expected)
    assert stream.columns[0].type == kind


def test_not_a_number_comes_through(shared: Any) -> None:
    ((one, two),) = _rows(shared, "SELECT CAST('NaN' AS DOUBLE), CAST('NaN' AS FLOAT)")
    assert math.isnan(one)
    assert math.isnan(two)


@pytest.mark.parametrize(
    "value",
    [
        Decimal("-0.50"),
        Decimal("12345678901234567890.5"),
        dt.date(2024, 2, 29),
        dt.datetime(2024, 2, 29, 12, 0, 0, 1),
        dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC),
        True,
        None,
        2**63 - 1,
        "it's \\ :name ?",
        [1, 2],
        ["a", "b"],
        {"a": 1},
    ],
)
def test_a_parameter_comes_back(shared: Any, value: object) -> None:
    assert _rows(shared, "SELECT ? AS v", value) == [(value,)]


def test_a_result_of_many_rows_comes_in_batches(shared: Any) -> None:
    stream = shared.query(Statement("SELECT id, repeat('x', 100) FROM range(20000)"), Running())
    sizes = [len(batch) for batch in stream]
    assert sum(sizes) == 20_000
    assert max(sizes) <= 256


def test_an_error_says_where(shared: Any) -> None:
    with pytest.raises(QueryFailed) as caught:
        _rows(shared, "SELECT id\n  FROM range(3) WHERE nothing = 1")
    assert caught.value.details["line"] == 2
    assert caught.value.details["column"] == 23
    assert caught.value.details["sqlstate"] == "42703"
    assert "Relation" not in caught.value.message


@pytest.fixture(scope="module")
def shared(shop: None) -> Iterator[Any]:
    with _opened("spark") as database:
        yield database
