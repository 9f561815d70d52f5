"""PostgreSQL's values: what Python holds comes as itself, the rest as the server prints it, and all of it goes back."""

from __future__ import annotations

import datetime as dt
import json
import math
import struct
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbmcp_core.values import UndecodedText, to_json, to_text
from dbmcp_postgres.types import ADAPTERS, FORMAT_TYPE, SESSION, column_types, tolerate

_property = settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


class AsServer:
    """Stands for the text that the server prints."""

    def __repr__(self) -> str:
        return "as the server prints it"


SERVER = AsServer()
Driver = psycopg.Connection[Any]


def opened(options: dict[str, Any], database: str | None = None, **changes: str) -> Driver:
    known = {name: options[name] for name in ("host", "port", "user", "password")}
    known["dbname"] = database or options["database"]
    pinned = " ".join(f"-c {name}={value}" for name, value in (SESSION | changes).items())
    driver = psycopg.connect(
        **known, context=ADAPTERS, cursor_factory=psycopg.RawCursor, options=pinned, autocommit=True
    )
    assert tolerate(driver) is (known["dbname"].endswith("_ascii"))
    return driver


@pytest.fixture
def driver(postgres_settings: dict[str, Any]) -> Iterator[Driver]:
    with opened(postgres_settings) as driver:
        yield driver


def one(driver: Driver, query: str, *params: Any) -> Any:
    row = driver.execute(query.encode(), params).fetchone()
    assert row is not None
    return row[0] if len(row) == 1 else row


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[misc, arg-type]


NINES = "9" * 1000
DEEP = "[" * 65 + "]" * 65

#: A type, a value as the server reads it, and what comes of it.
VALUES: list[tuple[str, str, Any]] = [
    ("bool", "t", True),
    ("bool", "f", False),
    ("int2", "-32768", -32768),
    ("int4", "-2147483648", -(2**31)),
    ("int8", "9223372036854775807", 2**63 - 1),
    ("oid", "4294967295", 2**32 - 1),
    ("numeric", "1.50", Decimal("1.50")),
    ("numeric", "0.0000000000", Decimal("0.0000000000")),
    ("numeric", "-1e-100", Decimal("-1e-100")),
    ("numeric", NINES + "." + NINES, Decimal(NINES + "." + NINES)),
    ("numeric(38,10)", "1234567890123456789012345678.0123456789", Decimal("1234567890123456789012345678.0123456789")),
    ("float4", "1.1", 1.1),
    ("float4", "3.4028235e38", 3.4028235e38),
    ("float8", "0.1", 0.1),
    ("float8", "5e-324", 5e-324),
    ("float8", "1.7976931348623157e308", 1.7976931348623157e308),
    ("float8", "Infinity", math.inf),
    ("float8", "-Infinity", -math.inf),
    ("date", "2024-02-29", dt.date(2024, 2, 29)),
    ("date", "0001-01-01", dt.date.min),
    ("date", "9999-12-31", dt.date.max),
    ("date", "infinity", SERVER),
    ("date", "-infinity", SERVER),
    ("date", "0044-03-15 BC", SERVER),
    ("date", "10000-01-01", SERVER),
    ("date", "5874897-12-31", SERVER),
    ("timestamp", "2024-02-29 12:00:00.123456", dt.datetime(2024, 2, 29, 12, 0, 0, 123456)),  # noqa: DTZ001
    ("timestamp", "2024-02-29 12:00:00.1", dt.datetime(2024, 2, 29, 12, 0, 0, 100000)),  # noqa: DTZ001
    ("timestamp", "9999-12-31 23:59:59.999999", dt.datetime(9999, 12, 31, 23, 59, 59, 999999)),  # noqa: DTZ001
    ("timestamp", "infinity", SERVER),
    ("timestamp", "-infinity", SERVER),
    ("timestamp", "4713-01-01 00:00:00 BC", SERVER),
    ("timestamp", "0001-12-31 23:59:59.5 BC", SERVER),
    ("timestamp", "294276-12-31 23:59:59.999999", SERVER),
    ("timestamptz", "2024-02-29 12:00:00+05:30", utc(2024, 2, 29, 6, 30)),
    ("timestamptz", "9999-12-31 23:59:59.999999+00", utc(9999, 12, 31, 23, 59, 59, 999999)),
    ("timestamptz", "infinity", SERVER),
    ("timestamptz", "0001-01-01 00:00:00+01", SERVER),
    ("time", "12:34:56.000001", dt.time(12, 34, 56, 1)),
    ("time", "24:00:00", SERVER),
    ("timetz", "12:00:00+05:30", dt.time(12, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=30)))),
    ("timetz", "00:00:00-15:59:59", dt.time(0, tzinfo=dt.timezone(-dt.timedelta(hours=15, minutes=59, seconds=59)))),
    ("timetz", "24:00:00+00", SERVER),
    ("interval", "1 year 2 months -3 days 04:05:06.789", SERVER),
    ("interval", "1 month", SERVER),
    ("interval", "30 days", SERVER),
    ("interval", "0", SERVER),
    ("uuid", "00112233-4455-6677-8899-aabbccddeeff", UUID("00112233-4455-6677-8899-aabbccddeeff")),
    ("text", "", ""),
    ("text", "NULL", "NULL"),
    ("text", "Žofia 李 🐍\t\n\\", "Žofia 李 🐍\t\n\\"),
    ("char(5)", "ab", "ab   "),
    ("varchar(20)", "  x ", "  x "),
    ("name", "pg_class", "pg_class"),
    ('"char"', "a", "a"),
    ("money", "-1234.56", SERVER),
    ("bit(3)", "101", "101"),
    ("varbit", "0001", "0001"),
    ("inet", "192.168.1.5/24", "192.168.1.5/24"),
    ("inet", "::ffff:1.2.3.4", "::ffff:1.2.3.4"),
    ("cidr", "10.0.0.0/8", "10.0.0.0/8"),
    ("cidr", "10.0.0.1/32", "10.0.0.1/32"),
    ("macaddr", "08:00:2b:01:02:03", SERVER),
    ("macaddr8", "08:00:2b:01:02:03:04:05", SERVER),
    ("point", "(1.5,-2)", SERVER),
    ("line", "{1,2,3}", SERVER),
    ("box", "(3,4),(1,2)", SERVER),
    ("path", "[(1,2),(3,4)]", SERVER),
    ("polygon", "((0,0),(1,1),(1,0))", SERVER),
    ("circle", "<(0,0),2>", SERVER),
    ("tsvector", "'a':1 'b':2A", SERVER),
    ("tsquery", "a & !b", SERVER),
    ("pg_lsn", "16/B374D848", SERVER),
    ("xid", "4294967295", SERVER),
    ("tid", "(0,1)", SERVER),
    ("regclass", "pg_class", SERVER),
    ("regtype", "integer", SERVER),
    ("jsonpath", '$."a"[*]?(@ > 1)', SERVER),
    ("int4range", "[1,10)", SERVER),
    ("numrange", "empty", SERVER),
    ("tstzrange", "[2024-01-01 00:00:00+00,infinity)", SERVER),
    ("int2vector", "1 2 3", SERVER),
    ("mood", "so so", SERVER),
    ("pair", '(1,"a ""quoted"" b")', SERVER),
    ("pair", "(,)", SERVER),
    ("positive", "7", 7),
    ("shout", "HELLO", "HELLO"),
    ("jsonb", '{"a": [1, 2.5, "x", null, true, {}]}', {"a": [1, 2.5, "x", None, True, {}]}),
    ("jsonb", '{"price": 12.50}', {"price": 12.5}),
    ("jsonb", '{"id": 12345678901234567890}', '{"id": 12345678901234567890}'),
    ("jsonb", "[]", []),
    ("jsonb", "null", "null"),
    ("jsonb", '"null"', '"null"'),
    ("jsonb", '"{}"', '"{}"'),
    ("jsonb", "1.50", "1.50"),
    ("jsonb", "true", "true"),
    ("jsonb", '{"pi": 3.14159265358979323846}', SERVER),
    ("jsonb", '{"big": 1e400}', SERVER),
    ("json", '{"big": 1e400}', SERVER),
    ("json", '{"bigger": 1e99999999999999999999}', SERVER),
    ("json", '{"smaller": 1e-99999999999999999999}', SERVER),
    ("jsonb", f'{{"digits": {"9" * 5000}}}', SERVER),
    ("jsonb", DEEP, SERVER),
    ("json", '{"a": 1, "a": 2}', SERVER),
    ("json", ' \n{"a" : "\\u00e9"} ', {"a": "é"}),
    ("json", '["\\ud83d"]', ["\ud83d"]),
    ("json", "[" * 1500 + "]" * 1500, SERVER),
    ("json", "[" + ",".join(["[]"] * 200) + "]", [[]] * 200),
    ("int4[]", "{1,NULL,3}", [1, None, 3]),
    ("int4[]", "{{1,2},{3,4}}", [[1, 2], [3, 4]]),
    ("int4[]", "{}", []),
    ("int4[]", "[0:2]={1,2,3}", SERVER),
    ("int4[]", "[1:1][-2:-1]={{1,2}}", SERVER),
    (
        "text[]",
        '{"",NULL,"NULL","a,b","q\\"q","b\\\\s","{}"," x "}',
        ["", None, "NULL", "a,b", 'q"q', "b\\s", "{}", " x "],
    ),
    ("bool[]", "{t,f}", [True, False]),
    ("bytea[]", '{"\\\\x00ff",""}', [b"\x00\xff", b""]),
    ("numeric[]", "{1.50,NaN}", [Decimal("1.50"), SERVER]),
    ("date[]", "{2024-02-29,infinity,0044-03-15 BC}", [dt.date(2024, 2, 29), "infinity", "0044-03-15 BC"]),
    ("timestamptz[]", '{"2024-02-29 12:00:00+00",-infinity}', [utc(2024, 2, 29, 12), "-infinity"]),
    ("jsonb[]", '{"{\\"a\\": 1}","null",NULL,"1.50"}', [{"a": 1}, "null", None, "1.50"]),
    ("interval[]", '{"1 mon"}', ["1 mon"]),
    ("inet[]", "{10.0.0.1/8}", ["10.0.0.1/8"]),
    ("int4range[]", '{"[1,2)"}', ["[1,2)"]),
    ("box[]", "{(3,4),(1,2);(7,8),(5,6)}", ["(3,4),(1,2)", "(7,8),(5,6)"]),
    ("mood[]", '{ok,"so so"}', SERVER),
    ("pair[]", '{"(1,a)"}', SERVER),
]
SINCE_14 = [
    ("numeric", "Infinity", Decimal("Infinity")),
    ("numeric", "-Infinity", Decimal("-Infinity")),
    ("int4multirange", "{[1,3),[5,7)}", SERVER),
]


@pytest.fixture
def typed(driver: Driver) -> Driver:
    driver.execute(b"""
        CREATE TYPE mood AS ENUM ('ok', 'so so'); CREATE TYPE pair AS (a integer, b text);
        CREATE DOMAIN positive AS integer CHECK (value > 0); CREATE DOMAIN shout AS varchar(10)
    """)
    return driver


def test_values_come_out_exactly(typed: Driver) -> None:
    values = VALUES + (SINCE_14 if typed.info.server_version >= 140000 else [])
    for type_, text, expected in values:
        value, printed = one(typed, f"SELECT CAST($1 AS {type_}), CAST(CAST($1 AS {type_}) AS text)", text)
        where = f"{type_} {text[:40]}"
        if expected is SERVER:
            assert (where, value) == (where, printed)
        elif isinstance(expected, list) and SERVER in expected:
            assert [str(item) for item in value] == ["1.50", "NaN"]
        else:
            assert (where, value, type(value)) == (where, expected, type(expected))
        if "9999" not in where:
            json.dumps(to_json(value))
        if type(value) not in (list, dict):  # a scalar's plain form is one that the server reads as the same value
            same = one(typed, f"SELECT CAST(CAST($1 AS {type_}) AS text) = $2", to_text(value), printed)
            assert (where, same) == (where, True)


def test_null_is_null_in_every_type(typed: Driver) -> None:
    for type_ in {type_ for type_, _, _ in VALUES}:
        assert one(typed, f"SELECT NULL::{type_}") is None


def test_nan_and_the_negative_zero(driver: Driver) -> None:
    nan, zero, decimal = one(driver, "SELECT 'NaN'::float8, '-0'::float8, 'NaN'::numeric")
    assert math.isnan(nan)
    assert math.copysign(1, zero) == -1
    assert decimal.is_nan()


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xde\xad", bytes(range(256)), b"\\x00"], ids=repr)
def test_bytes(driver: Driver, data: bytes) -> None:
    value, size = one(driver, "SELECT $1::bytea, length($1::bytea)", data)
    assert (value, type(value), size) == (data, bytes, len(data))
    assert to_text(value) == f"x'{data.hex()}'"


def test_a_record_and_what_has_no_type_are_text(driver: Driver) -> None:
    assert one(driver, "SELECT ROW(1, 'a b', NULL)") == '(1,"a b",)'
    assert one(driver, "SELECT 'plain'") == "plain"
    assert one(driver, "SELECT array_agg(ROW(n, n)) FROM generate_series(1, 2) n") in (
        ["(1,1)", "(2,2)"],
        '{"(1,1)","(2,2)"}',
    )


def test_a_zone_with_seconds_is_kept(driver: Driver) -> None:
    driver.execute(b"SET TimeZone = 'Europe/Amsterdam'")
    value, printed = one(
        driver, "SELECT '1890-01-01 00:00:00+00'::timestamptz, '1890-01-01 00:00:00+00'::timestamptz::text"
    )
    assert to_text(value).removesuffix(":00") == printed.removesuffix(":00")
    assert value == utc(1890, 1, 1)


def test_a_date_style_that_is_not_iso_is_given_as_text_and_never_misread(postgres_settings: dict[str, Any]) -> None:
    for style in ("German", "SQL,DMY", "SQL,MDY", "Postgres,DMY"):
        with opened(postgres_settings, DateStyle=style) as driver:
            for type_ in ("date", "timestamp", "timestamptz"):
                value, printed = one(driver, f"SELECT '2024-02-03'::{type_}, '2024-02-03'::{type_}::text")
                assert value == printed


def test_xml_is_text(driver: Driver) -> None:
    try:
        assert one(driver, "SELECT '<a>é</a>'::xml") == "<a>é</a>"
    except psycopg.errors.FeatureNotSupported:
        pytest.skip("this server is built without XML")


def test_extensions_values_are_text(driver: Driver) -> None:
    try:
        driver.execute(b"CREATE EXTENSION hstore; CREATE EXTENSION ltree")
    except psycopg.Error as exc:
        pytest.skip(f"this server has no contrib modules: {exc}")
    assert one(driver, """SELECT 'a=>1, b=>NULL'::hstore, 'a.b.c'::ltree""") == ('"a"=>"1", "b"=>NULL', "a.b.c")
    assert types(driver, "SELECT ''::hstore, NULL::ltree[]") == ["hstore", "ltree[]"]


# Text that is no text


@pytest.fixture
def unchecked(driver: Driver, postgres_settings: dict[str, Any]) -> Iterator[Driver]:
    name = f"{postgres_settings['database']}_ascii"
    driver.execute(
        f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'".encode()
    )
    with opened(postgres_settings, name, client_encoding="SQL_ASCII") as found:
        yield found
    driver.execute(f"DROP DATABASE {name}".encode())


def test_text_that_its_database_never_checked_loses_nothing(unchecked: Driver) -> None:
    unchecked.execute(b"""
        CREATE TABLE t (id int, value text, list text[], short varchar(9));
        INSERT INTO t SELECT 1, bad, ARRAY[bad, 'fine'], bad FROM convert_from('caf\\351', 'SQL_ASCII') AS made (bad);
        INSERT INTO t VALUES (2, 'caf\xc3\xa9', '{}', NULL)
    """)
    rows = unchecked.execute(b"SELECT value, list, short, ROW(value)::text FROM t ORDER BY id").fetchall()
    bad = UndecodedText(b"caf\xe9")
    assert rows == [(bad, [bad, "fine"], bad, UndecodedText(b"(caf\xe9)")), ("café", [], None, "(café)")]
    assert {type(cell) for cell in (rows[0][0], rows[0][1][0], rows[0][2], rows[0][3])} == {UndecodedText}
    assert one(unchecked, "SELECT id FROM t WHERE value = $1", "café") == 2
    assert one(unchecked, "SELECT value FROM t WHERE value = 'café'") == "café"


# The header


def types(driver: Driver, query: str) -> list[str]:
    def look_up(oid: int, modifier: int) -> str:
        return str(one(driver, FORMAT_TYPE, oid, modifier))

    result = driver.execute(query.encode()).pgresult
    assert result is not None
    return column_types(result, look_up)


def test_types_are_named_as_the_server_names_them(typed: Driver) -> None:
    typed.execute(b"""
        CREATE SCHEMA other; CREATE TYPE other.hue AS ENUM ('red');
        CREATE TABLE wide (
            a integer, b bigint[], c numeric, d numeric(38, 10), e numeric(5, 0)[], f varchar, g varchar(20), h char,
            i char(7)[], j text, k "char", l timestamp, m timestamp(3), n timestamptz(0), o time(6), p timetz(2)[],
            q interval, r interval(3), s interval year to month, t interval day to second(2), u bit(4), v varbit(9),
            w varbit, x jsonb, y double precision, z real, aa mood, ab mood[], ac pair, ad other.hue, ae int4range,
            af bpchar, ag "bit", ah regclass, ai money, aj bytea, ak bool, al inet[], am xid8, an point, ao oid
        )
    """)
    expected = typed.execute(b"""
        SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'wide'::regclass AND attnum > 0
        ORDER BY attnum
    """).fetchall()
    assert types(typed, "SELECT * FROM wide") == [name for (name,) in expected]


def test_types_that_are_built_in_need_no_look_up(driver: Driver) -> None:
    result = driver.execute(b"SELECT 1, 'x'::text, 1.5::numeric(9,2), now(), NULL::varchar(3)[], '{}'::jsonb").pgresult
    assert result is not None

    def never(oid: int, modifier: int) -> str:
        raise AssertionError(oid)

    assert column_types(result, never) == [
        "integer", "text", "numeric(9,2)", "timestamp with time zone", "character varying(3)[]", "jsonb",
    ]  # fmt: skip


def test_every_built_in_type_is_named_as_the_server_names_it(driver: Driver) -> None:
    known = driver.execute(b"""
        SELECT oid::int8, typname, format_type(oid, -1) FROM pg_type
        WHERE typtype IN ('b', 'r', 'm') AND oid < 10000 AND typname NOT IN ('_record', 'gtsvector', '_gtsvector')
    """).fetchall()
    for _, name, shown in known:
        assert types(driver, f'SELECT NULL::pg_catalog."{name}"') == [shown]


# Parameters


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        (0, "integer"),
        (2**31 - 1, "integer"),
        (-(2**31), "integer"),
        (2**31, "bigint"),
        (2**63 - 1, "bigint"),
        (2**63, "numeric"),
        (-(10**100), "numeric"),
        (True, "boolean"),
        (1.5, "double precision"),
        (Decimal("1.50"), "numeric"),
        (b"\x00", "bytea"),
        (dt.date(2024, 2, 29), "date"),
        (dt.datetime(2024, 2, 29), "timestamp without time zone"),  # noqa: DTZ001
        (utc(2024, 2, 29), "timestamp with time zone"),
        (dt.time(12), "time without time zone"),
        (dt.time(12, tzinfo=dt.UTC), "time with time zone"),
        (UUID(int=1), "uuid"),
        ({"a": [1, None]}, "jsonb"),
        ([1, 2], "integer[]"),
        ([1, 2**40], "bigint[]"),
        ([[1, 2], [3, None]], "integer[]"),
        ([True], "boolean[]"),
        ([{"a": 1}], "jsonb[]"),
    ],
    ids=repr,
)
def test_a_parameter_has_its_type_and_comes_back(driver: Driver, value: Any, type_: str) -> None:
    back, name = one(driver, "SELECT $1, pg_typeof($1)::text", value)
    assert (back, name) == (value, type_)


def test_a_text_parameter_is_compared_with_anything(driver: Driver) -> None:
    for type_, value in [
        ("integer", "7"), ("date", "2024-02-29"), ("uuid", str(UUID(int=1))), ("inet", "10.0.0.1"),
        ("jsonb", '{"a": 1}'), ("text", "x"),
        ("interval", "1 mon"), ("timestamptz", "infinity"), ("int4range", "[1,3)"), ("bool", "t"),
    ]:  # fmt: skip
        assert one(driver, f"SELECT CAST($1 AS {type_}) = $2", value, value) is True


def test_a_list_is_an_array_for_any(driver: Driver) -> None:
    assert one(driver, "SELECT 'b' = ANY ($1)", ["a", 'b"', None, "b"]) is True
    assert one(driver, "SELECT 3 = ANY ($1)", [1, 2, 3]) is True
    assert one(driver, "SELECT '2024-02-29'::date = ANY ($1)", ["2024-02-29"]) is True
    assert one(driver, "SELECT 3 = ANY ($1)", []) is False
    assert one(driver, "SELECT $1::text[]", ["", "NULL", None, "a,b", '"', "\\"]) == [
        "",
        "NULL",
        None,
        "a,b",
        '"',
        "\\",
    ]


def test_an_integer_does_not_overflow_for_being_small(driver: Driver) -> None:
    assert one(driver, "SELECT $1 * $2", 1000, 1000) == 1_000_000


def test_null_and_text_where_nothing_says_the_type(driver: Driver) -> None:
    assert one(driver, "SELECT $1, $2", None, "text") == (None, "text")


def test_an_integer_of_many_digits_comes_back(driver: Driver) -> None:
    assert one(driver, "SELECT $1::numeric", 10**5000) == Decimal(10**5000)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("a\ud800b", "surrogate"),
        ("a\0b", "NUL"),
        (["a\ud800b"], "surrogate"),
        (object(), "object"),
        ({1, 2}, "set"),
        ({"a": object()}, "object"),
        ({"a": math.nan}, "JSON"),
        ([1, "a"], "mixed"),
        (10**140_000, "overflow"),
        (dt.time(12, tzinfo=dt.UTC).replace(tzinfo=None), None),
    ],
    ids=["surrogate", "NUL", "surrogate in a list", "object", "set", "object in a dict", "NaN in a dict", "mixed list",
         "too long", "fine"],
)  # fmt: skip
def test_what_cannot_be_sent_is_a_clear_error(driver: Driver, value: Any, message: str | None) -> None:
    if message is None:
        assert one(driver, "SELECT $1", value) == value
        return
    with pytest.raises(psycopg.Error, match=message):
        one(driver, "SELECT $1", value)
    assert one(driver, "SELECT 1") == 1


# What holds for all values


def bits(number: float) -> bytes:
    return struct.pack(">d", number)


def same(driver: Driver, type_: str) -> Callable[[Any], tuple[Any, str]]:
    return lambda value: one(driver, f"SELECT CAST($1 AS {type_}), CAST(CAST($1 AS {type_}) AS text)", value)


@_property
@given(number=st.decimals(allow_infinity=False, allow_nan=False).filter(lambda number: abs(number.adjusted()) < 1000))
def test_every_decimal_comes_back(driver: Driver, number: Decimal) -> None:
    value, printed = same(driver, "numeric")(number)
    assert value == number
    assert Decimal(to_text(value)) == Decimal(printed)


@_property
@given(number=st.integers(-(2**63), 2**63 - 1))
def test_every_integer_comes_back(driver: Driver, number: int) -> None:
    assert same(driver, "int8")(number) == (number, str(number))


@_property
@given(number=st.integers(-(10**60), 10**60))
def test_an_integer_of_any_size_comes_back(driver: Driver, number: int) -> None:
    assert same(driver, "numeric")(number) == (Decimal(number), str(number))


@_property
@given(number=st.floats(allow_nan=False))
def test_every_float_comes_back_to_the_last_bit(driver: Driver, number: float) -> None:
    value, printed = same(driver, "float8")(number)
    assert bits(value) == bits(number) == bits(float(printed)) == bits(float(to_text(value)))


@_property
@given(number=st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_every_short_float_is_the_one_that_the_server_prints(driver: Driver, number: float) -> None:
    value, printed = same(driver, "float4")(number)
    assert bits(value) == bits(float(printed))
    assert one(driver, "SELECT CAST($1 AS float4) = CAST($2 AS float4)", value, number) is True


_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@_property
@given(text=_text)
def test_every_text_comes_back(driver: Driver, text: str) -> None:
    assert same(driver, "text")(text) == (text, text)


@_property
@given(texts=st.lists(st.none() | _text))
def test_every_array_of_texts_comes_back(driver: Driver, texts: list[str | None]) -> None:
    assert same(driver, "text[]")(texts)[0] == texts


@_property
@given(data=st.data(), shape=st.lists(st.integers(1, 3), min_size=1, max_size=4))
def test_every_nested_array_comes_back(driver: Driver, data: st.DataObject, shape: list[int]) -> None:
    nested: st.SearchStrategy[Any] = st.none() | st.integers(-(2**31), 2**31 - 1)
    for size in shape:
        nested = st.lists(nested, min_size=size, max_size=size)
    array = data.draw(nested)
    assert same(driver, "int4[]")(array)[0] == array


#: Microseconds since 2000 that a timestamp of the server can be away from it.
_moments = st.integers(-211_813_488_000_000_000, 9_223_371_331_199_999_999)


@_property
@given(microseconds=_moments | st.integers(-63_113_904_000_000_000, 252_455_615_999_999_999))
def test_every_timestamp_is_a_datetime_or_the_servers_text(driver: Driver, microseconds: int) -> None:
    seconds, rest = divmod(microseconds, 1_000_000)
    query = (
        "SELECT moment, moment::text, moment::date, moment::date::text FROM (SELECT timestamp '2000-01-01'"
        " + $1::int8 * interval '1 second' + $2::int4 * interval '1 microsecond') AS made (moment)"
    )
    moment, moment_text, day, day_text = one(driver, query, seconds, rest)
    epoch: Any = dt.datetime(2000, 1, 1)  # noqa: DTZ001
    in_python = 0 <= microseconds + 63_082_281_600_000_000 < 315_537_897_600_000_000
    assert isinstance(moment, dt.datetime if in_python else str)
    assert isinstance(day, dt.date if in_python else str)
    if in_python:
        assert (moment - epoch) // dt.timedelta(microseconds=1) == microseconds
        assert to_text(day) == day_text
    else:
        assert (moment, day) == (moment_text, day_text)


_documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_text, inner, max_size=4),
    max_leaves=12,
)


@_property
@given(document=st.dictionaries(_text, _documents, max_size=4))
def test_every_document_comes_back(driver: Driver, document: dict[str, Any]) -> None:
    value, printed = same(driver, "jsonb")(document)
    assert (json.loads(value) if isinstance(value, str) else value) == json.loads(printed)
    assert one(driver, "SELECT CAST($1 AS jsonb) = CAST($2 AS jsonb)", value, printed) is True
