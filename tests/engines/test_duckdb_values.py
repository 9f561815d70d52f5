"""DuckDB's values: none is rounded or made finite on its way, whatever it is nested in."""

# ruff: noqa: DTZ001, DTZ901 - a TIMESTAMP has no time zone

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import duckdb
import pytest

from dbmcp_core import Client, Limits, QueryFailed, UnsupportedError, connect
from dbmcp_core.values import to_json, to_text

BIG = "123456789012345678901234567890123456789012345678901234567890"
NEWER = tuple(map(int, duckdb.__version__.split(".")[:2])) >= (1, 5)

EXACT: list[tuple[str, Any]] = [
    ("170141183460469231731687303715884105727::HUGEINT", 2**127 - 1),
    ("340282366920938463463374607431768211455::UHUGEINT", 2**128 - 1),
    ("18446744073709551615::UBIGINT", 2**64 - 1),
    ("'12345678901234567890123456789012345678'::DECIMAL(38,0)", Decimal("12345678901234567890123456789012345678")),
    ("'1.0000000000'::DECIMAL(38,10)", Decimal("1.0000000000")),
    ("'-0.1'::DECIMAL(18,1)", Decimal("-0.1")),
    ("0.1::FLOAT", 0.10000000149011612),
    ("1e308::DOUBLE", 1e308),
    ("'inf'::DOUBLE", math.inf),
    ("true", True),
    ("NULL", None),
    ("DATE '2024-02-29'", dt.date(2024, 2, 29)),
    ("DATE '9999-12-31'", dt.date(9999, 12, 31)),
    ("DATE '0001-01-01'", dt.date(1, 1, 1)),
    ("DATE 'infinity'", "infinity"),
    ("DATE '-infinity'", "-infinity"),
    ("DATE '0044-03-15 (BC)'", "0044-03-15 (BC)"),
    ("DATE '12345-01-01'", "12345-01-01"),
    ("TIMESTAMP '2024-02-29 12:00:00.123456'", dt.datetime(2024, 2, 29, 12, 0, 0, 123456)),
    ("TIMESTAMP '9999-12-31 23:59:59.999999'", dt.datetime.max),
    ("TIMESTAMP 'infinity'", "infinity"),
    ("TIMESTAMP '-infinity'", "-infinity"),
    ("TIMESTAMP '0044-03-15 (BC) 01:02:03'", "0044-03-15 (BC) 01:02:03"),
    ("TIMESTAMP '12345-01-01'", "12345-01-01 00:00:00"),
    ("'2024-02-29 12:00:00'::TIMESTAMP_S", dt.datetime(2024, 2, 29, 12)),
    ("'infinity'::TIMESTAMP_S", "infinity"),
    ("'2024-02-29 12:00:00.123'::TIMESTAMP_MS", dt.datetime(2024, 2, 29, 12, 0, 0, 123000)),
    ("'infinity'::TIMESTAMP_MS", "infinity"),
    ("'2024-02-29 12:00:00.123456789'::TIMESTAMP_NS", "2024-02-29 12:00:00.123456789"),
    ("'2024-02-29 12:00:00.5+05:30'::TIMESTAMPTZ", dt.datetime(2024, 2, 29, 6, 30, 0, 500000, dt.UTC)),
    ("'infinity'::TIMESTAMPTZ", "infinity"),
    ("TIME '12:34:56.123456'", dt.time(12, 34, 56, 123456)),
    ("TIME '24:00:00'", "24:00:00"),
    ("'12:34:56.5+05:30'::TIMETZ", dt.time(12, 34, 56, 500000, dt.timezone(dt.timedelta(hours=5, minutes=30)))),
    ("INTERVAL 1 month", "1 month"),
    ("INTERVAL 30 days", "30 days"),
    ("INTERVAL '-1 year 2 months -3 days 04:05:06.789'", "-10 months -3 days 04:05:06.789"),
    ("to_microseconds(9223372036854775807)", "2562047788:00:54.775807"),
    ("'6ba7b810-9dad-11d1-80b4-00c04fd430c8'::UUID", UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")),
    (r"'\x00\xFF'::BLOB", b"\x00\xff"),
    ("'0101'::BIT", "0101"),
    ("bitstring('101', 70)", "101".zfill(70)),
    ("'a'::ENUM('a', 'DATE')", "a"),
    ("chr(0)", "\x00"),
    (f"'{BIG}'::BIGNUM", BIG),
    ("""'{"a":12345678901234567890123,"b":1.10}'::JSON""", '{"a":12345678901234567890123,"b":1.10}'),
    ("[1, NULL, 3]", [1, None, 3]),
    ("[]", []),
    ("[INTERVAL 1 month, NULL]", ["1 month", None]),
    ("[[DATE 'infinity']]", [["infinity"]]),
    ("[1.10::DECIMAL(10,2)]", [Decimal("1.10")]),
    ("[1, 2]::INTEGER[2]", (1, 2)),
    ("[INTERVAL 1 month, INTERVAL 2 days]::INTERVAL[2]", ("1 month", "2 days")),
    ("{'a': 1, 'b c\"d': 'x'}", {"a": 1, 'b c"d': "x"}),
    ("{'a': 1, 'b c\"d': DATE 'infinity'}", {"a": 1, 'b c"d': "infinity"}),
    ("{'a': {'b': [INTERVAL 1 month]}, 'j': '{}'::JSON}", {"a": {"b": ["1 month"]}, "j": "{}"}),
    ("{'interval': 1, 'date': 2}", {"interval": 1, "date": 2}),
    ("row(1, 2)", (1, 2)),
    ("MAP {'k': 1}", {"k": 1}),
    ("MAP {1: 'a', 2: NULL}", {1: "a", 2: None}),
    ("MAP {DATE 'infinity': INTERVAL 1 month}", {"infinity": "1 month"}),
    ("MAP {[1, 2]: 'a'}", {"key": [[1, 2]], "value": ["a"]}),
    ("MAP {}", {}),
    ("1::UNION(num INTEGER, str VARCHAR)", 1),
    ("DATE 'infinity'::UNION(d DATE, str VARCHAR)", "infinity"),
    ("[{'h': 12345678901234567890123::HUGEINT}]", [{"h": 12345678901234567890123}]),
    ("'x'::VARIANT", "x"),
    ("'12:34:56.123456789'::TIME_NS", "12:34:56.123456789"),
    ("'POINT(1 2)'::GEOMETRY", "POINT (1 2)"),
]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with connect("duckdb://", read_only=False) as client:
        yield client


@pytest.mark.parametrize(("expression", "value"), EXACT)
def test_a_value_comes_as_it_is(client: Client, expression: str, value: Any) -> None:
    if "GEOMETRY" in expression and not NEWER:
        pytest.skip("DuckDB has GEOMETRY by itself from 1.5 on")
    result = client.query(f"SELECT {expression} AS x, 'beside' AS y")
    assert [column.name for column in result.columns] == ["x", "y"]
    got = result.rows[0][0]
    assert got == value
    assert isinstance(value, dt.datetime) or type(got) is type(value)
    to_text(got)
    to_json(got)


def test_not_a_number_is_not_null(client: Client) -> None:
    [(alone, nested)] = client.query("SELECT 'nan'::FLOAT, ['nan'::DOUBLE]").rows
    assert math.isnan(alone)
    assert math.isnan(nested[0])


def test_the_types_are_those_of_the_statement_not_of_the_cast(client: Client) -> None:
    result = client.query("SELECT DATE 'infinity' AS d, INTERVAL 1 month AS i, {'a': INTERVAL 1 day} AS s, 1 AS n")
    assert [column.type for column in result.columns] == ["DATE", "INTERVAL", "STRUCT(a INTERVAL)", "INTEGER"]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT DATE '2024-01-01' + n::INTEGER AS d, n FROM range(20000) t(n) ORDER BY n DESC",
        "SELECT DATE '2024-01-01' + n::INTEGER AS d, n FROM range(20000) t(n) ORDER BY n DESC; -- the end",
        "FROM range(20000) t(n) SELECT INTERVAL 1 day AS d, n ORDER BY n DESC",
        "WITH x AS (SELECT TIMESTAMP 'infinity' AS d, n FROM range(20000) t(n)) SELECT * FROM x ORDER BY n DESC;;",
        "(SELECT TIMESTAMP 'infinity' AS d, n FROM range(20000) t(n) ORDER BY n DESC) -- the end",
    ],
)
def test_a_cast_changes_no_order_and_loses_no_row(client: Client, text: str) -> None:
    pages = client.pages(text, limits=Limits(max_rows=7_000))
    assert [row[1] for page in pages for row in page] == list(range(19_999, -1, -1))


def test_names_may_repeat_beside_a_cast(client: Client) -> None:
    result = client.query("SELECT DATE 'infinity' AS a, 2 AS a, 3 AS \"A\"")
    assert [column.name for column in result.columns] == ["a", "a", "A"]
    assert result.rows == (("infinity", 2, 3),)


def test_parameters_go_through_the_cast(client: Client) -> None:
    text = "SELECT CAST(? AS DATE) AS d, ? AS n, INTERVAL 1 month AS i"
    assert client.query(text, ["infinity", 3]).rows == (("infinity", 3, "1 month"),)
    named = "SELECT CAST($d AS DATE) AS d, $d AS again"
    assert client.query(named, {"d": "2024-01-01"}).rows == ((dt.date(2024, 1, 1), "2024-01-01"),)


def test_a_pivot_over_dates_is_exact(client: Client) -> None:
    rows = client.query("PIVOT (SELECT 'a' AS k, DATE 'infinity' AS d) ON k USING max(d)").rows
    assert rows == (("infinity",),)


def test_an_error_has_its_place_in_the_statement_also_under_a_cast(client: Client) -> None:
    with pytest.raises(QueryFailed) as caught:
        client.query("SELECT DATE '2024-01-01' AS d,\n  CAST(chr(120) || n AS INTEGER) FROM range(3) t(n)")
    assert caught.value.details.get("line") == 2


def test_what_returning_gives_is_exact_or_nothing_is_written(client: Client) -> None:
    client.execute("CREATE TABLE event (id INTEGER, day DATE, length INTERVAL)")
    kept = client.execute("INSERT INTO event VALUES (1, DATE '2024-01-01', NULL) RETURNING id, day").returned
    assert kept is not None
    assert kept.rows == ((1, dt.date(2024, 1, 1)),)
    for value in ("(2, DATE 'infinity', NULL)", "(2, NULL, INTERVAL 1 month)"):
        with pytest.raises(UnsupportedError):
            client.execute(f"INSERT INTO event VALUES {value} RETURNING *")
    assert client.query("SELECT id FROM event").rows == ((1,),)


def test_a_summer_time_hour_keeps_its_offset(client: Client) -> None:
    text = "SELECT '2024-10-27 00:30:00+00'::TIMESTAMPTZ AS a, '2024-10-27 01:30:00+00'::TIMESTAMPTZ AS b"
    [(first, second)] = client.query(text).rows
    assert second - first == dt.timedelta(hours=1)
