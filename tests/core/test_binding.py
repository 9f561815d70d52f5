"""Placeholders of any style become the driver's; whatever else looks like one stays as it is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbmcp_core.binding import bind
from dbmcp_core.errors import QueryFailed
from dbmcp_core.statement import Statement


def bound(text: str, params: Any, dialect: str = "postgres", style: Any = "$") -> tuple[str, Any]:
    statement = bind(Statement(text, params), dialect, style)
    return statement.text, statement.params


@pytest.mark.parametrize(
    ("text", "params"),
    [
        ("SELECT a FROM t WHERE b = ? AND c > ?", ["x", 2]),
        ("SELECT a FROM t WHERE b = $1 AND c > $2", ["x", 2]),
        ("SELECT a FROM t WHERE b = :1 AND c > :2", ["x", 2]),
        ("SELECT a FROM t WHERE b = %s AND c > %s", ["x", 2]),
        ("SELECT a FROM t WHERE b = :b AND c > :c", {"b": "x", "c": 2}),
        ("SELECT a FROM t WHERE b = :b AND c > :c", {"c": 2, "b": "x"}),
        ("SELECT a FROM t WHERE b = %(b)s AND c > %(c)s", {"b": "x", "c": 2}),
        ("SELECT a FROM t WHERE b = :b AND c > :c", ["x", 2]),
    ],
)
@pytest.mark.parametrize("dialect", ["postgres", "duckdb"])
def test_every_style_becomes_the_drivers(text: str, params: Any, dialect: str) -> None:
    assert bound(text, params, dialect) == ("SELECT a FROM t WHERE b = $1 AND c > $2", ("x", 2))
    assert bound(text, params, dialect, "?") == ("SELECT a FROM t WHERE b = ? AND c > ?", ("x", 2))


@pytest.mark.parametrize(
    ("text", "params", "expected"),
    [
        ("SELECT a FROM t WHERE b = $1 AND c > $2", ["x", 2], "SELECT a FROM t WHERE b = ? AND c > ?"),
        ("SELECT v?::int, ?::int, v:a[0]?::int FROM t", [1], "SELECT v?::int, ?::int, v:a[0]?::int FROM t"),
        ("SELECT raw:a.b, :c FROM t", {"c": 1}, "SELECT raw:a.b, ? FROM t"),
    ],
)
def test_databricks_tells_a_placeholder_from_a_cast_and_a_path(text: str, params: Any, expected: str) -> None:
    assert bound(text, params, "databricks", "?")[0] == expected


@pytest.mark.parametrize("dialect", ["postgres", "mysql", "duckdb", "tsql", "databricks"])
def test_what_is_no_placeholder_stays(dialect: str) -> None:
    text = "SELECT '?', ':a', '%s' /* ? :a */, 'it''s ?' FROM t -- ? :a\nWHERE a = ?"
    assert bound(text, [1], dialect, "?") == (text, (1,))


@pytest.mark.parametrize(
    ("text", "params", "expected"),
    [
        ("SELECT data ? 'k' FROM t WHERE a = ?", [1], "SELECT data ? 'k' FROM t WHERE a = $1"),
        ("SELECT data ?| ? FROM t", [["k"]], "SELECT data ?| $1 FROM t"),
        ("SELECT (data) ? ?", ["k"], "SELECT (data) ? $1"),
        ("SELECT a::int, :a::int", {"a": 1}, "SELECT a::int, $1::int"),
        ("SELECT x[1:n] FROM t WHERE a = :a", {"a": 1}, "SELECT x[1:n] FROM t WHERE a = $1"),
        ("SELECT a % 5, b %s FROM t WHERE c = %(c)s", {"c": 1}, "SELECT a % 5, b %s FROM t WHERE c = $1"),
        ('SELECT "a?b", $$ ? $$ WHERE 1 = ?', [1], 'SELECT "a?b", $$ ? $$ WHERE 1 = $1'),
        ("SELECT e'\\' ?' WHERE 1 = ?", [1], "SELECT e'\\' ?' WHERE 1 = $1"),
        ("SELECT a FROM t LIMIT ? OFFSET ?", [1, 2], "SELECT a FROM t LIMIT $1 OFFSET $2"),
        ("SELECT CASE ? WHEN ? THEN ? ELSE ? END", [1, 2, 3, 4], "SELECT CASE $1 WHEN $2 THEN $3 ELSE $4 END"),
        ("SELECT a FROM t LIMIT :n", {"n": 1}, "SELECT a FROM t LIMIT $1"),
    ],
)
def test_postgres_operators_casts_and_slices_stay(text: str, params: Any, expected: str) -> None:
    assert bound(text, params)[0] == expected


def test_a_name_or_number_that_stands_twice_is_one_value() -> None:
    assert bound("SELECT :a, :b, :a", {"a": 1, "b": 2}) == ("SELECT $1, $2, $1", (1, 2))
    assert bound("SELECT :a, :b, :a", {"a": 1, "b": 2}, "mysql", "?") == ("SELECT ?, ?, ?", (1, 2, 1))
    assert bound("SELECT $2, $1, $2", ["x", "y"]) == ("SELECT $1, $2, $1", ("y", "x"))


def test_without_values_nothing_changes() -> None:
    assert bound("SELECT ?, :a, %s", []) == ("SELECT ?, :a, %s", [])


def test_what_the_guard_will_refuse_is_left_to_it() -> None:
    assert bound("SELECT 'open ?", [1])[0] == "SELECT 'open ?"


@pytest.mark.parametrize(
    ("text", "params", "message"),
    [
        ("SELECT ?", [1, 2], "Values for the placeholders 1 are wanted, and 2 were given"),
        ("SELECT 1", [1], "Values for the placeholders none are wanted"),
        ("SELECT $1, $3", [1, 2], "placeholders 1, 3"),
        ("SELECT ?, :a", [1, 2], "mixes placeholders: :name and ?"),
        ("SELECT :total", {"totl": 1}, "no value for the placeholder 'total' (did you mean 'totl'?)"),
        ("SELECT :a", {"a": 1, "b": 2}, "no placeholder for 'b'"),
        ("SELECT ?", {"a": 1}, "have no names"),
    ],
)
def test_what_does_not_fit_is_said(text: str, params: Any, message: str) -> None:
    with pytest.raises(QueryFailed) as caught:
        bound(text, params)
    assert message in str(caught.value)


@settings(derandomize=True, database=None, deadline=None)
@given(value=st.text(min_size=4))
def test_no_value_gets_into_the_text(value: str) -> None:
    for text, params in (("SELECT ?", [value]), ("SELECT :a", {"a": value}), ("SELECT %s", [value])):
        assert bound(text, params) == ("SELECT $1", (value,))


@pytest.mark.parametrize("trusted", [True, False])
def test_whoever_wrote_the_text_wrote_what_it_becomes(trusted: bool) -> None:
    assert bind(Statement("SELECT :a", {"a": 1}, trusted), "postgres", "$").trusted is trusted


@pytest.mark.parametrize(
    ("text", "params", "expected"),
    [
        ("SELECT $a.b, $a", {"a": 1}, ("SELECT $a.b, $a", {"a": 1})),
        ("SELECT $A", {"a": 1}, ("SELECT $A", {"a": 1})),
        ("SELECT $A, $a", {"a": 1, "A": 2}, ("SELECT $1, $2", (2, 1))),
        ("SELECT :a, :a", {"a": 1}, ("SELECT $1, $1", (1,))),
        ("SELECT $a", [1], ("SELECT $1", (1,))),
    ],
)
def test_names_stay_where_the_driver_takes_them(text: str, params: Any, expected: object) -> None:
    found = bind(Statement(text, params), "duckdb", "$name")
    assert (found.text, found.params) == expected
