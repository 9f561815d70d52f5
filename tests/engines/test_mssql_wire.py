"""What is special to SQL Server's plugin, with both real drivers over the wire: values, catalogue, faults."""

# ruff: noqa: DTZ001, E501 - times without a zone are the point, and a table reads best with its rows whole

from __future__ import annotations

import datetime as dt
import importlib.util
import socket
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlglot

from dbmcp_core import Client, ConnectionFailed, DatabaseError, DbmcpError, Limits, QueryTimeout, Running, connect
from dbmcp_core.testing.server_process import wait_until
from dbmcp_mssql import catalogue, functions, locks
from dbmcp_mssql.database import QUERIES

_PATH = Path(__file__).parents[1] / "servers" / "tds" / "harness.py"
_spec = importlib.util.spec_from_file_location("mssql_harness", _PATH)
assert _spec is not None
assert _spec.loader is not None
harness = sys.modules.setdefault("mssql_harness", importlib.util.module_from_spec(_spec))
_spec.loader.exec_module(harness)

PATIENCE_S = 20.0
TEN = "(VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9))"
ENDLESS = f"SELECT COUNT_BIG(*) AS n FROM {', '.join(f'{TEN} AS {name}(d)' for name in 'abcdefghijklmn')}"
HOW: dict[str, dict[str, object]] = {
    "freetds plain": {"encrypt": "no"},
    "freetds tls": {"encrypt": "yes", "trust_server_certificate": True},
    "microsoft plain": {"encrypt": "no"},
    "microsoft tls": {"encrypt": "yes", "trust_server_certificate": True},
}


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with harness.running() as one:
        yield one


@pytest.fixture(params=HOW)
def settings(server: Any, request: pytest.FixtureRequest) -> Iterator[dict[str, object]]:
    driver = harness.driver(request.param.split()[0])
    server.start()
    made = server.create_database()
    yield {**made, **(HOW[request.param] if server.is_private else {}), "driver": driver, "read_only": False}
    server.start()
    server.drop_database(made["database"])


@pytest.fixture
def client(settings: dict[str, object]) -> Iterator[Client]:
    with connect("mssql://", **settings) as one:
        yield one


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("CAST('2024-02-29 03:04:05.123456' AS DATETIME2(7))", dt.datetime(2024, 2, 29, 3, 4, 5, 123456), "datetime2(7)"),
        ("CAST('2024-02-29 03:04:05.1234567' AS DATETIME2(7))", "2024-02-29 03:04:05.1234567", "datetime2(7)"),
        ("CAST('0001-01-01 00:00:00' AS DATETIME2(7))", dt.datetime(1, 1, 1), "datetime2(7)"),
        ("CAST('9999-12-31 23:59:59.9999999' AS DATETIME2(7))", "9999-12-31 23:59:59.9999999", "datetime2(7)"),
        ("CAST('2024-02-29 03:04:05.123' AS DATETIME)", dt.datetime(2024, 2, 29, 3, 4, 5, 123000), "datetime"),
        ("CAST('1753-01-01 23:59:59.997' AS DATETIME)", dt.datetime(1753, 1, 1, 23, 59, 59, 997000), "datetime"),
        ("CAST('2024-02-29 03:04' AS SMALLDATETIME)", dt.datetime(2024, 2, 29, 3, 4), "smalldatetime"),
        ("CAST('03:04:05.123456' AS TIME(7))", dt.time(3, 4, 5, 123456), "time(7)"),
        ("CAST('23:59:59.9999999' AS TIME(7))", "23:59:59.9999999", "time(7)"),
        (
            "CAST('2024-02-29 03:04:05.5 -05:30' AS DATETIMEOFFSET(7))",
            dt.datetime(2024, 2, 29, 3, 4, 5, 500000, dt.timezone(-dt.timedelta(hours=5, minutes=30))),
            "datetimeoffset(7)",
        ),
        ("CAST('2024-02-29 03:04:05.1234567 +02:00' AS DATETIMEOFFSET(7))", "2024-02-29 03:04:05.1234567 +02:00", "datetimeoffset(7)"),
        ("CAST('12345678901234567890123456789012345.678' AS DECIMAL(38, 3))", Decimal("12345678901234567890123456789012345.678"), "decimal(38,3)"),
        ("CAST('-922337203685477.5808' AS MONEY)", Decimal("-922337203685477.5808"), "decimal(19,4)"),
        ("CAST('0.0001' AS MONEY)", Decimal("0.0001"), "decimal(19,4)"),
        ("CAST('6F9619FF-8B86-D011-B42D-00C04FC964FF' AS UNIQUEIDENTIFIER)", UUID("6f9619ff-8b86-d011-b42d-00c04fc964ff"), "uniqueidentifier"),
        ("CAST(1 AS BIT)", True, "bit"),
        ("CAST(255 AS TINYINT)", 255, "tinyint"),
        ("CAST(-32768 AS SMALLINT)", -32768, "smallint"),
        ("CAST('<a>é</a>' AS XML)", "<a>é</a>", "nvarchar(max)"),
        ("CAST('é€' AS VARCHAR(10))", "é€", "nvarchar(max)"),
        ("CAST('2024-02-29' AS DATE)", dt.date(2024, 2, 29), "date"),
    ],
)  # fmt: skip
def test_a_value_comes_without_loss(client: Client, text: str, value: object, kind: str) -> None:
    result = client.query(f"SELECT {text} AS value")
    assert result.rows == ((value,),)
    assert type(result.rows[0][0]) is type(value)
    assert result.columns[0].type == kind


def test_what_only_the_test_server_can_make_of_a_literal_comes_as_bytes(server: Any, client: Client) -> None:
    if not server.is_private:
        pytest.skip("a real server takes no hexadecimal text for these")
    text = "SELECT CAST('00000000000007d1' AS ROWVERSION) AS v, 0x00ff AS b"
    assert client.query(text).rows == ((b"\0\0\0\0\0\0\x07\xd1", b"\x00\xff"),)


POINT = "e6100000010c17d9cef753d34740d34d6210585936c0"


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("HIERARCHYID", "", "/"),
        ("HIERARCHYID", "5b40", "/1/2/"),
        ("HIERARCHYID", "62c0", "/1.1/"),
        ("HIERARCHYID", "3f80", "/-1/"),
        ("HIERARCHYID", "c110", "/16/"),
        ("GEOMETRY", "00000000010c000000000000f03f0000000000000040", "POINT (1 2)"),
        ("GEOGRAPHY", POINT, "POINT (-22.349 47.651)"),
        ("GEOMETRY", "0000000001040000000000000000" + "01000000ffffffffffffffff03", "POLYGON EMPTY"),
        ("GEOMETRY", "00000000020c00", b"\0\0\0\0\x02\x0c\0"),
        ("HIERARCHYID", "a8", b"\xa8"),
    ],
)
def test_types_of_the_clr_come_as_text(server: Any, client: Client, kind: str, raw: str, value: str | bytes) -> None:
    if not server.is_private:
        pytest.skip("a real server takes no hexadecimal text for these")
    result = client.query(f"SELECT 1 AS a, CAST(v AS {kind}) AS v FROM (VALUES ('{raw}'), (NULL)) AS t(v)")
    assert result.rows == ((1, value), (1, None))
    assert result.columns[1].type == kind.lower()
    with_parameter = client.query(f"SELECT CAST(v AS {kind}) AS v FROM (VALUES ('{raw}')) AS t(v) WHERE 1 = ?", [1])
    assert with_parameter.rows == ((value,),)


def test_a_sql_variant_comes_as_what_it_holds_or_is_refused_by_name(
    settings: dict[str, object], client: Client
) -> None:
    text = "SELECT CAST(v AS SQL_VARIANT) AS v FROM (VALUES ('1'), ('two'), ('3')) AS t(v)"
    if "tds" in str(settings["driver"]).lower():
        with pytest.raises(DatabaseError):
            client.query(text)
    else:
        assert client.query(text).rows == ((1,), ("two",), (3,))
    assert client.query("SELECT 1 AS a").rows == ((1,),)


def test_parameters_keep_their_meaning(client: Client) -> None:
    zoned = dt.datetime(2024, 2, 29, 3, 4, 5, 123456, dt.timezone(dt.timedelta(hours=2)))
    assert client.query("SELECT CAST(? AS NVARCHAR(50)) AS a", [zoned]).rows == (("2024-02-29T03:04:05.123456+02:00",),)
    assert client.query("SELECT CAST(? AS DATETIMEOFFSET(7)) AS a", [zoned]).rows == ((zoned,),)


def test_the_first_dates_are_sent_as_they_are(client: Client) -> None:
    days = [dt.date(1, 1, 1), dt.date(1, 1, 2), dt.date(1752, 12, 31), dt.date(9999, 12, 31)]
    for day in days:
        moment = dt.datetime.combine(day, dt.time(3, 4, 5, 123456))
        found = client.query("SELECT CAST(? AS DATE) AS a, CAST(? AS DATETIME2(7)) AS b", [day, moment])
        assert found.rows == ((day, moment),)


def test_a_fraction_of_a_second_is_sent(client: Client) -> None:
    moment, time = dt.datetime(2024, 2, 29, 3, 4, 5, 123456), dt.time(3, 4, 5, 123456)
    query = "SELECT CAST(? AS DATETIME2(7)) AS a, CAST(? AS TIME(7)) AS b, CAST(? AS TIME(7)) AS c"
    assert client.query(query, [moment, time, dt.time(3, 4, 5)]).rows == ((moment, time, dt.time(3, 4, 5)),)
    with pytest.raises(DatabaseError, match="SQL Server's time has no zone"):
        client.query("SELECT CAST(? AS TIME(7)) AS a", [dt.time(3, tzinfo=dt.UTC)])
    number = 10**37 + 1
    assert client.query("SELECT CAST(? AS DECIMAL(38, 0)) AS a", [number]).rows == ((Decimal(number),),)
    for strange in (10**40, [1, 2], {"a": 1}, dt.timedelta(1)):
        with pytest.raises(DbmcpError) as caught:
            client.query("SELECT CAST(? AS NVARCHAR(50)) AS a", [strange])
        assert caught.value.code == "query_failed"


def test_a_plan_is_shown_without_running_anything(client: Client) -> None:
    client.execute("CREATE TABLE t (a INT NOT NULL PRIMARY KEY, b NVARCHAR(20))")
    assert client.explain("SELECT b FROM t WHERE a = ? AND b = ?", [1, "x"])


def test_columns_and_keys_of_the_catalogue(client: Client) -> None:
    client.execute("CREATE TABLE a (id INT NOT NULL PRIMARY KEY, price DECIMAL(10, 2) DEFAULT 4, at DATETIME2(7))")
    client.execute("CREATE TABLE b (id INT NOT NULL PRIMARY KEY, a_id INT REFERENCES a (id))")
    tables = {table.name.name: table for table in client.get_schema().tables}
    assert [column.type for column in tables["a"].columns][:2] == ["int", "decimal(10,2)"]
    assert "4" in (tables["a"].columns[1].default_value or "")
    assert tables["b"].foreign_keys[0].target.name == "a"
    assert client.get_table_schema("DBO.A").name.name == "a"


def test_temporary_tables_of_a_write_stay_in_no_session(client: Client) -> None:
    client.execute("CREATE TABLE #mine (a INT)")
    for _ in range(3):
        with pytest.raises(DbmcpError):
            client.query("SELECT a FROM #mine")


@pytest.mark.parametrize(
    "text",
    [*QUERIES, *catalogue.QUERIES, *locks.QUERIES, *functions.QUERIES],
    ids=lambda text: " ".join(text.split())[:60],
)
def test_every_statement_of_the_plugins_own_parses_in_t_sql(text: str) -> None:
    for part in text.split(";"):
        assert sqlglot.parse_one(part, read="tsql") is not None


@pytest.mark.parametrize(
    ("state", "said", "code"),
    [
        ("HY000", "[HY000] [FreeTDS][SQL Server]Unknown error (0) (SQLFetch)", "connection_failed"),
        (
            "08S01",
            "[08S01] [FreeTDS][SQL Server]Write to the server failed (20006) (SQLExecDirectW)",
            "connection_failed",
        ),
        ("40001", "[40001] [Microsoft][ODBC Driver 18][SQL Server]Deadlocked (1205) (SQLExecDirectW)", "database_busy"),
        (
            "42S02",
            "[42S02] [Microsoft][ODBC Driver 18][SQL Server]Invalid object name 'a'. (208) (SQLExecDirectW)",
            "query_failed",
        ),
        ("HYT00", "[HYT00] [Microsoft][ODBC Driver 18]Query timeout expired (0) (SQLExecDirectW)", "query_timeout"),
    ],
)
def test_what_a_driver_says_has_a_code(state: str, said: str, code: str) -> None:
    errors = pytest.importorskip("dbmcp_mssql.errors")
    pyodbc = pytest.importorskip("pyodbc")
    error = errors.translate(pyodbc.Error(state, said), "SELECT 1", "db")
    assert error.code == code
    assert "FreeTDS" not in str(error)


# Faults


def test_a_server_killed_in_mid_query_is_told_and_back_after_its_restart(
    server: Any, settings: dict[str, object]
) -> None:
    if not server.is_private:
        pytest.skip("this server is not ours to kill")
    running, errors = Running(), []
    with connect("mssql://", **settings) as client:
        client.ping()

        def run() -> None:
            try:
                client.query(ENDLESS, running=running)
            except DbmcpError as exc:
                errors.append(exc)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        while not running._cord:
            thread.join(0.01)
        server.kill()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
        assert [type(error) for error in errors] == [ConnectionFailed], errors
        with pytest.raises(ConnectionFailed):
            client.ping()
        server.start()
        wait_until(lambda: _answers(client), "the source is open again", seconds=PATIENCE_S)
        assert client.query("SELECT 1 AS a").rows == ((1,),)


def _answers(client: Client) -> bool:
    try:
        client.ping()
    except ConnectionFailed:  # for a moment after a failure nobody tries anew
        return False
    return True


def test_a_deadline_ends_the_statement_and_not_the_source(client: Client) -> None:
    for _ in range(3):
        with pytest.raises(QueryTimeout):
            client.query(ENDLESS, limits=Limits(timeout_s=0.1))
        assert client.query("SELECT 1 AS a").rows == ((1,),)


def test_a_server_that_never_answers_is_given_up(settings: dict[str, object]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        elsewhere = {**settings, "port": silent.getsockname()[1], "connect_timeout_s": 1}
        with pytest.raises(ConnectionFailed), connect("mssql://", **elsewhere) as client:
            client.ping()


def test_a_wrong_password_says_so_without_saying_it(settings: dict[str, object]) -> None:
    with pytest.raises(ConnectionFailed) as caught, connect("mssql://", **{**settings, "password": "canary"}) as client:
        client.ping()
    assert "canary" not in str(caught.value)
    assert caught.value.details["number"] == 18456


def test_microsofts_driver_verifies_the_certificate(server: Any) -> None:
    how = {"driver": harness.driver("microsoft"), "encrypt": "yes", "trust_server_certificate": False}
    if not server.is_private:
        pytest.skip("this server's certificate may be a good one")
    with pytest.raises(ConnectionFailed) as caught, connect("mssql://", **{**server.settings, **how}) as client:
        client.ping()
    assert "trust_server_certificate" in (caught.value.hint or "")


def test_a_session_has_the_options_that_the_guard_relies_on(client: Client) -> None:
    held = {lock.name: lock.holds for lock in client._executor.locks("main")}
    assert held["transaction"]
    assert held["session options"]
    assert held["account"] is False  # the test's account may do everything
