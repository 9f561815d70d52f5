"""Every type of MariaDB, through the road, beside what the server itself prints for it."""

# ruff: noqa: DTZ001 - MySQL has no time zones

from __future__ import annotations

import datetime as dt
import struct
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from dbmcp_core.config import Source
from dbmcp_core.errors import QueryFailed, ResourceExhausted
from dbmcp_core.executor import Executor
from dbmcp_core.registry import Registry
from dbmcp_core.testing.caller import Caller
from dbmcp_core.testing.servers import MariaDBServer
from dbmcp_core.values import UndecodedText, to_text
from dbmcp_mysql import MySQL


@pytest.fixture
def caller(mysql_settings: dict[str, Any]) -> Iterator[Caller]:
    engine = MySQL()
    settings = engine.settings.build({**mysql_settings, "read_only": False}, where="test")
    executor = Executor(Registry(), [Source("main", engine, settings, "test")])
    yield Caller(executor)
    executor.close()


def stored(caller: Caller, kind: str, literal: str, text: str = "CAST(v AS CHAR)") -> tuple[Any, str, str]:
    """Return a stored value, its type in the header, and the server's own text of it."""
    caller.execute(f"CREATE TABLE one (v {kind})")
    caller.execute(f"INSERT INTO one VALUES ({literal})")
    result = caller.query(f"SELECT v, {text} FROM one")
    return result.rows[0][0], result.columns[0].type, result.rows[0][1]


@pytest.mark.parametrize(
    ("kind", "literal", "value", "name"),
    [
        ("TINYINT", "-128", -128, "tinyint"),
        ("TINYINT UNSIGNED", "255", 255, "tinyint unsigned"),
        ("BOOLEAN", "TRUE", 1, "tinyint(1)"),
        ("SMALLINT", "-32768", -32768, "smallint"),
        ("MEDIUMINT", "-8388608", -8388608, "mediumint"),
        ("MEDIUMINT UNSIGNED", "16777215", 16777215, "mediumint unsigned"),
        ("INT UNSIGNED", "4294967295", 4294967295, "int unsigned"),
        ("BIGINT", "-9223372036854775808", -(2**63), "bigint"),
        ("BIGINT UNSIGNED", "18446744073709551615", 2**64 - 1, "bigint unsigned"),
        ("DECIMAL(10,2)", "-0.10", Decimal("-0.10"), "decimal(10,2)"),
        ("DECIMAL(5,0)", "12345", Decimal(12345), "decimal(5,0)"),
        ("DECIMAL(10,2) UNSIGNED", "0.10", Decimal("0.10"), "decimal(10,2) unsigned"),
        (
            "DECIMAL(65,30)",
            "12345678901234567890123456789012345.123456789012345678901234567890",
            Decimal("12345678901234567890123456789012345.123456789012345678901234567890"),
            "decimal(65,30)",
        ),
        ("YEAR", "2155", 2155, "year"),
        ("DATE", "'2024-02-29'", dt.date(2024, 2, 29), "date"),
        ("DATE", "'9999-12-31'", dt.date(9999, 12, 31), "date"),
        ("DATETIME", "'2024-01-02 03:04:05'", dt.datetime(2024, 1, 2, 3, 4, 5), "datetime"),
        ("DATETIME(6)", "'9999-12-31 23:59:59.999999'", dt.datetime(9999, 12, 31, 23, 59, 59, 999999), "datetime(6)"),
        ("TIME", "'23:59:59'", dt.time(23, 59, 59), "time"),
        ("TIME(6)", "'00:00:00.000001'", dt.time(0, 0, 0, 1), "time(6)"),
        ("TIME", "'838:59:59'", "838:59:59", "time"),
        ("TIME", "'-00:00:01'", "-00:00:01", "time"),
        ("TIME(3)", "'-838:59:58.900'", "-838:59:58.900", "time(3)"),
        ("CHAR(10)", "'a'", "a", "char(10)"),
        ("VARCHAR(20)", "'😀 é'", "😀 é", "varchar(20)"),
        ("VARCHAR(20) CHARACTER SET latin1", "'é'", "é", "varchar(20)"),
        ("TINYTEXT", "''", "", "tinytext"),
        ("TEXT", "'x'", "x", "text"),
        ("MEDIUMTEXT", "'x'", "x", "mediumtext"),
        ("LONGTEXT", "'x'", "x", "longtext"),
        ("ENUM('a','ü')", "'ü'", "ü", "enum"),
        ("SET('x','y')", "'x,y'", "x,y", "set"),
        ("UUID", "'123e4567-e89b-12d3-a456-426655440000'", "123e4567-e89b-12d3-a456-426655440000", "char(36)"),
        ("INET6", "'2001:db8::1'", "2001:db8::1", "char(39)"),
    ],
)
def test_a_value_is_what_the_server_prints(caller: Caller, kind: str, literal: str, value: Any, name: str) -> None:
    got, header, text = stored(caller, kind, literal)
    assert (got, type(got), header) == (value, type(value), name)
    assert to_text(got) == text


@pytest.mark.parametrize(
    ("kind", "literal", "value", "name"),
    [
        ("FLOAT", "16777216", 16777216.0, "float"),
        ("FLOAT", "0.1", 0.1, "float"),
        ("FLOAT", "1234567.9", 1234567.9, "float"),
        ("FLOAT", "3.4028234663852886e38", 3.4028235e38, "float"),
        ("DOUBLE", "0.1e0 + 0.2e0", 0.1 + 0.2, "double"),
        ("DOUBLE", "1.7976931348623157e308", 1.7976931348623157e308, "double"),
        ("BIT(1)", "b'1'", 1, "bit(1)"),
        ("BIT(64)", f"b'{2**63 + 1:b}'", 2**63 + 1, "bit(64)"),
        ("BINARY(4)", "x'ff80'", b"\xff\x80\0\0", "binary(4)"),
        ("VARBINARY(20)", "x'ff00fe'", b"\xff\0\xfe", "varbinary(20)"),
        ("BLOB", "x'00ff80'", b"\0\xff\x80", "blob"),
        ("LONGBLOB", "''", b"", "longblob"),
        ("POINT", "POINT(1, 2)", b"\0\0\0\0\1" + struct.pack("<Idd", 1, 1, 2), "geometry"),
        ("JSON", "'{\"a\": 12345678901234567890.10}'", '{"a": 12345678901234567890.10}', "longtext"),
        ("INT(6) ZEROFILL", "42", 42, "int unsigned"),
    ],
)
def test_a_value_is_exact(caller: Caller, kind: str, literal: str, value: Any, name: str) -> None:
    got, header, _ = stored(caller, kind, literal, "1")
    assert (got, type(got), header) == (value, type(value), name)


def test_dates_that_python_has_not_come_as_the_servers_text(
    caller: Caller, mysql_server: MariaDBServer, mysql_settings: dict[str, Any]
) -> None:
    mysql_server.execute(
        "SET sql_mode = 'ALLOW_INVALID_DATES'; CREATE TABLE odd (a DATE, b DATE, c DATE, d DATETIME, e DATETIME(3));"
        "INSERT INTO odd VALUES ('0000-00-00', '2024-00-10', '2023-02-31', 0, '2024-00-10 01:02:03.500')",
        mysql_settings["database"],
    )
    expected = ("0000-00-00", "2024-00-10", "2023-02-31", "0000-00-00 00:00:00", "2024-00-10 01:02:03.500")
    assert caller.query("SELECT * FROM odd").rows == (expected,)


def test_text_that_is_not_in_its_character_set_keeps_its_bytes(
    caller: Caller, mysql_server: MariaDBServer, mysql_settings: dict[str, Any]
) -> None:
    row = caller.query("SELECT CONVERT(x'ff41' USING utf8mb4), x'ff41', _binary'a'").rows[0]
    assert row[1:] == (b"\xffA", b"a")
    assert isinstance(row[0], (str, UndecodedText))


def test_a_row_of_nulls_has_a_null_in_each_place(caller: Caller) -> None:
    count = 70
    names = ", ".join("NULL" if n % 3 else str(n) for n in range(count))
    assert caller.query(f"SELECT {names}").rows == (tuple(None if n % 3 else n for n in range(count)),)


@pytest.mark.parametrize("size", [250, 251, 65_535, 65_536, 3_000_000])
def test_text_of_every_length_of_length(caller: Caller, size: int) -> None:
    assert caller.query("SELECT ?, REPEAT('y', ?)", ("x" * size, size)).rows == (("x" * size, "y" * size),)


@pytest.mark.parametrize(
    ("value", "column", "text"),
    [
        (None, "INT", None),
        (True, "INT", "1"),
        (2**63, "BIGINT UNSIGNED", "9223372036854775808"),
        (10**40, "DECIMAL(41,0)", "1" + "0" * 40),
        (0.1, "DOUBLE", "0.1"),
        (Decimal("1.50"), "DECIMAL(5,2)", "1.50"),
        (dt.datetime(2024, 1, 2, 3, 4, 5, 6), "DATETIME(6)", "2024-01-02 03:04:05.000006"),
        (dt.date(2024, 1, 2), "DATE", "2024-01-02"),
        (dt.time(1, 2, 3), "TIME", "01:02:03"),
        (dt.timedelta(days=-2, seconds=-3), "TIME", "-48:00:03"),
        (uuid.UUID(int=5), "VARCHAR(36)", str(uuid.UUID(int=5))),
        ({"a": [1, "é"]}, "JSON", '{"a": [1, "é"]}'),
        ("2024-01-02", "DATE", "2024-01-02"),
    ],
    ids=repr,
)
def test_a_parameter_is_a_value_of_its_type(caller: Caller, value: Any, column: str, text: str | None) -> None:
    caller.execute(f"CREATE TABLE one (v {column})")
    caller.execute("INSERT INTO one VALUES (?)", (value,))
    assert caller.query("SELECT CAST(v AS CHAR) FROM one").rows == ((text,),)


@pytest.mark.parametrize(
    "value",
    [
        *(float("nan"), float("inf"), Decimal("NaN"), 10**90, object(), {"a": object()}, "\ud800"),
        *(dt.timedelta(days=40), dt.datetime(2024, 1, 1, tzinfo=dt.UTC)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_that_mysql_has_not_is_refused(caller: Caller, value: Any) -> None:
    with pytest.raises(QueryFailed):
        caller.query("SELECT ?", (value,))
    assert caller.query("SELECT ?", (1,)).rows == ((1,),)


def test_a_parameter_that_is_too_long_for_the_server_is_not_sent(caller: Caller) -> None:
    with pytest.raises(ResourceExhausted, match="MB"):
        caller.query("SELECT LENGTH(?)", ("x" * (17 << 20),))
    assert caller.query("SELECT 1").rows == ((1,),)


def test_names_of_every_placeholder_style_are_bound(caller: Caller) -> None:
    assert caller.query("SELECT :a + :b, ':a', @@version_comment <> ''", {"a": 1, "b": 2}).rows == ((3, ":a", 1),)
    assert caller.query("SELECT %s + %s, '%s'", (1, 2)).rows == ((3, "%s"),)


def test_the_key_that_was_made_up_is_told(caller: Caller) -> None:
    caller.execute("CREATE TABLE made (id INT AUTO_INCREMENT PRIMARY KEY, a INT)")
    assert caller.execute("INSERT INTO made (a) VALUES (1)").generated_keys == (1,)
    outcome = caller.execute("INSERT INTO made (a) VALUES (1), (2)")
    assert (outcome.affected_rows, outcome.generated_keys) == (2, (2,))
    returned = caller.execute("INSERT INTO made (a) SELECT seq FROM seq_1_to_3000 RETURNING id, a").returned
    assert returned is not None
    assert (len(returned.rows), returned.truncated) == (1_000, True)
    assert caller.query("SELECT count(*) FROM made").rows == ((3_003,),)


def test_what_cannot_be_prepared_is_run_as_text(caller: Caller) -> None:
    caller.execute("CREATE TABLE t (a INT)")
    caller.execute("CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.a = NEW.a + 1")
    caller.execute("CREATE PROCEDURE p() SELECT 1")
    caller.execute("INSERT INTO t VALUES (1)")
    assert caller.query("SELECT a FROM t").rows == ((2,),)
