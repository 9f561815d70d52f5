"""Rows in the form that a definition promises."""

from __future__ import annotations

from typing import Any

import pytest

from dbmcp_core.errors import ResultInvalid
from dbmcp_core.statement import Column
from dbmcp_core.tools.model import ReturnType
from dbmcp_core.tools.sql.shape import names, shaped, unwrapped, with_durations

ONE, TWO = [Column("a")], [Column("a"), Column("b")]
OBJECT = {"type": "object"}


def returning(**spec: Any) -> ReturnType:
    return ReturnType.model_validate(spec)


def test_rows_are_objects() -> None:
    rows = [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
    assert shaped(TWO, [(1, 2), (3, 4)], None) == rows
    assert shaped(TWO, [(1, 2), (3, 4)], returning(type="array")) == rows
    assert shaped(TWO, [(1, 2), (3, 4)], returning(type="array", items=OBJECT)) == rows
    assert shaped(TWO, [], None) == []


def test_an_array_of_plain_items_is_a_list_of_values() -> None:
    assert shaped(ONE, [("x",), ("y",)], returning(type="array", items={"type": "string"})) == ["x", "y"]


def test_one_object_and_one_value() -> None:
    assert shaped(TWO, [(1, None)], returning(type="object")) == {"a": 1, "b": None}
    assert shaped(ONE, [(1,)], returning(type="integer")) == 1
    assert shaped(ONE, [(None,)], returning(type="string")) is None


@pytest.mark.parametrize(
    ("columns", "rows", "kind", "message"),
    [
        (TWO, [], "object", "No results returned"),
        (ONE, [], "string", "No results returned"),
        (TWO, [(1, 2), (3, 4)], "object", "Expected single row, and the result has 2"),
        (ONE, [(1,), (2,)], "integer", "Expected single row"),
        (TWO, [(1, 2)], "integer", "Expected single value, and the result has 2 columns"),
    ],
)
def test_another_form_than_promised(columns: list[Column], rows: Any, kind: str, message: str) -> None:
    with pytest.raises(ResultInvalid, match=message):
        shaped(columns, rows, returning(type=kind))


def test_a_truncated_result_is_no_single_row() -> None:
    with pytest.raises(ResultInvalid, match="more than one"):
        shaped(ONE, [(1,)], returning(type="integer"), truncated=True)


@pytest.mark.parametrize("kind", ["array", "object"])
def test_two_columns_of_one_name_lose_nothing_silently(kind: str) -> None:
    with pytest.raises(ResultInvalid, match="'a'"):
        shaped([Column("a"), Column("a")], [(1, 2)], returning(type=kind))


@pytest.mark.parametrize(
    ("given", "named"),
    [("a a a", "a a_1 a_2"), ("a A", "a A_1"), ("a a_1 a", "a a_1 a_2"), ("a a a_1", "a a_1 a_1_1"), ("b a", "b a")],
)
def test_twins_are_numbered_as_duckdb_does(given: str, named: str) -> None:
    columns = [Column(name) for name in given.split()]
    assert names(columns, numbers_twins=True) == named.split()


@pytest.mark.parametrize(
    ("value", "kind", "meant"),
    [
        (["a"], "string", "a"),
        ([{"n": 1}], "integer", 1),
        ([{"n": 1}], "object", {"n": 1}),
        ([1, 2], "array", [1, 2]),
        ({"n": 1}, "object", {"n": 1}),
        (None, "object", None),
    ],
)
def test_a_list_for_one_thing_is_rows(value: Any, kind: str, meant: Any) -> None:
    assert unwrapped(value, returning(type=kind)) == meant


@pytest.mark.parametrize("value", [[], [1, 2]])
def test_no_row_and_several_are_not_one_thing(value: Any) -> None:
    with pytest.raises(ResultInvalid, match=r"(row|results)"):
        unwrapped(value, returning(type="integer"))


@pytest.mark.parametrize(
    ("interval", "told"),
    [
        ("1 day 02:00:00", "P1DT2H0M0S"),
        ("02:00:00", "P0DT2H0M0S"),
        ("300:00:01.5", "P12DT12H0M1.5S"),
        ("-1 day", "P-1DT0H0M0S"),
        ("1 month 3 days", "P1M3D"),
        ("1 year -1 days", "1 year -1 days"),
        (None, None),
    ],
)
def test_intervals_are_durations_as_mxcp_tells_them(interval: str | None, told: str | None) -> None:
    columns = [Column("text", "VARCHAR"), Column("span", "INTERVAL")]
    assert with_durations(columns, [("1 day", interval)]) == [["1 day", told]]
    assert with_durations(columns[:1], [("1 day",)]) == [("1 day",)]
