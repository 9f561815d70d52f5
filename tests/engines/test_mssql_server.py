"""What SQL Server's plugin does with functions, catalogue, locks and log-ins, with real drivers over the wire.

The server is ours: it keeps these things as far as ``tests/servers/tds`` says, and shows them as SQL Server would.
"""

from __future__ import annotations

import contextlib
import importlib.util
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dbmcp_core import Client, ConfigError, ConnectionFailed, CursorExpired, Limits, Refused, connect

_PATH = Path(__file__).parents[1] / "servers" / "tds" / "harness.py"
_spec = importlib.util.spec_from_file_location("mssql_harness", _PATH)
assert _spec is not None
assert _spec.loader is not None
harness = sys.modules.setdefault("mssql_harness", importlib.util.module_from_spec(_spec))
_spec.loader.exec_module(harness)

PATIENCE_S = 20.0
DRIVERS = ["freetds", "microsoft"]
FUNCTIONS = [
    "CREATE FUNCTION dbo.twice(@a INT) RETURNS INT AS BEGIN RETURN @a * 2 END",
    "CREATE FUNCTION dbo.numbers(@a INT) RETURNS TABLE AS RETURN (SELECT @a AS n UNION ALL SELECT @a + 1)",
    "CREATE FUNCTION dbo.reaches_out(@a INT) RETURNS INT AS BEGIN EXEC master..xp_cmdshell 'x'; RETURN @a END",
    "CREATE FUNCTION dbo.far(@a INT) RETURNS TABLE AS RETURN (SELECT * FROM OPENQUERY(linked, 'SELECT 1 AS a') AS q)",
    "CREATE FUNCTION dbo.hidden(@a INT) RETURNS INT WITH ENCRYPTION AS BEGIN RETURN @a END",
    "CREATE FUNCTION dbo.calls_it(@a INT) RETURNS INT AS BEGIN RETURN dbo.reaches_out(@a) END",
    "CREATE FUNCTION dbo.calls_that(@a INT) RETURNS INT AS BEGIN RETURN dbo.calls_it(@a) END",
    "CREATE FUNCTION dbo.[a.dot](@a INT) RETURNS INT AS BEGIN EXEC xp_x; RETURN @a END",
    "CREATE FUNCTION dbo.rows_of(@a INT) RETURNS @t TABLE (a INT) AS BEGIN EXEC xp_x; RETURN END",
    "CREATE ASSEMBLY good FROM 0x4D",
    "CREATE ASSEMBLY bad FROM 0x4D WITH PERMISSION_SET = UNSAFE",
    "CREATE FUNCTION dbo.clr_safe(@a INT) RETURNS INT AS EXTERNAL NAME good.[c].m",
    "CREATE FUNCTION dbo.clr_unsafe(@a INT) RETURNS INT AS EXTERNAL NAME bad.[c].m",
    "CREATE SYNONYM dbo.alias FOR dbo.twice",
]


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with harness.running() as one:
        if not one.is_private:
            pytest.skip("these functions and log-ins are the test server's")
        yield one


@pytest.fixture(scope="module", params=DRIVERS)
def settings(server: Any, request: pytest.FixtureRequest) -> Iterator[dict[str, object]]:
    made = server.create_database()
    how = {"encrypt": "no"} if request.param == "freetds" else {"trust_server_certificate": True}
    yield {**made, **how, "driver": harness.driver(request.param)}
    server.drop_database(made["database"])


@pytest.fixture(scope="module")
def reader(server: Any, settings: dict[str, object]) -> Iterator[Client]:
    other = server.create_database()["database"]
    for text in FUNCTIONS:
        server.execute(text, settings["database"])
    server.execute("CREATE FUNCTION dbo.elsewhere(@a INT) RETURNS INT AS BEGIN EXEC xp_x; RETURN @a END", other)
    server.execute("CREATE FUNCTION dbo.half(@a INT) RETURNS INT AS BEGIN RETURN @a / 2 END", other)
    with connect("mssql://", **settings, safe_functions=["dbo.hidden"]) as client:
        client.other = other  # type: ignore[attr-defined]
        yield client
    server.drop_database(other)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("SELECT dbo.twice(4) AS a", ((8,),)),
        ("SELECT [DBO].[Twice](4) AS a", ((8,),)),
        ("SELECT n FROM dbo.numbers(1) ORDER BY n", ((1,), (2,))),
        ("SELECT {other}.dbo.half(8) AS a", ((4,),)),
        ("SELECT dbo.hidden(1) AS a", ((1,),)),
    ],
)
def test_a_harmless_function_is_called(reader: Client, text: str, rows: object) -> None:
    assert reader.query(text.format(other=reader.other)).rows == rows  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "call",
    [
        "SELECT dbo.reaches_out(1)",
        "SELECT [dbo].[Reaches_Out](1)",
        "SELECT dbo.calls_it(1)",
        "SELECT dbo.calls_that(1)",
        "SELECT a FROM (SELECT dbo.calls_that(1) AS a) AS x",
        "SELECT * FROM dbo.far(1)",
        "SELECT * FROM far(1)",
        "SELECT * FROM [far](1) AS f",
        "SELECT * FROM rows_of(1)",
        "SELECT dbo.[a.dot](1)",
        "SELECT dbo.clr_unsafe(1)",
        "SELECT dbo.alias(1)",
        "SELECT {other}.dbo.elsewhere(1)",
        "SELECT [{other}].[dbo].[Elsewhere](1)",
        "SELECT * FROM {other}..elsewhere(1)",
    ],
)
def test_a_function_that_can_reach_out_is_refused(reader: Client, call: str) -> None:
    with pytest.raises(Refused) as caught:
        reader.query(call.format(other=reader.other))  # type: ignore[attr-defined]
    assert caught.value.code == "unsafe_function"


def test_an_assembly_that_is_safe_may_be_called(reader: Client) -> None:
    with pytest.raises(Exception, match=r"(?i)clr_safe") as caught:  # the test server can't run it
        reader.query("SELECT dbo.clr_safe(1)")
    assert not isinstance(caught.value, Refused)


def test_the_catalogue_of_a_table_in_full(server: Any, settings: dict[str, object]) -> None:
    for text in (
        "CREATE TABLE parent (id INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, name NVARCHAR(50) NOT NULL)",
        (
            "CREATE TABLE line (id INT NOT NULL PRIMARY KEY, parent_id INT NOT NULL REFERENCES parent (id), price INT, "
            "amount INT DEFAULT 1, total AS (price * amount), kept AS (price + 1) PERSISTED)"
        ),
        "CREATE UNIQUE NONCLUSTERED INDEX ix_line ON line (price, amount) INCLUDE (parent_id) WHERE (price > 5)",
        (
            "EXEC sys.sp_addextendedproperty @name = N'MS_Description', @value = N'What''s sold; each once', "
            "@level0type = N'SCHEMA', @level0name = N'dbo', @level1type = N'TABLE', @level1name = N'line'"
        ),
        (
            "EXEC sp_addextendedproperty @name = N'MS_Description', @value = N'in cents', @level0type = N'SCHEMA', "
            "@level0name = N'dbo', @level1type = N'TABLE', @level1name = N'line', "
            "@level2type = N'COLUMN', @level2name = N'price'"
        ),
    ):
        server.execute(text, settings["database"])
    with connect("mssql://", **settings) as client:
        line, parent = client.get_table_schema("line"), client.get_table_schema("dbo.parent")
    columns = {column.name: column for column in line.columns}
    assert {name: column.generated for name, column in columns.items() if column.generated} == {
        "total": "virtual",
        "kept": "stored",
    }
    assert (line.comment, columns["price"].comment) == ("What's sold; each once", "in cents")
    assert [(i.name, i.columns, i.unique, i.where) for i in line.indexes] == [
        ("ix_line", ("price", "amount"), True, "(price > 5)")
    ]
    assert (parent.columns[0].generated, parent.columns[0].default_value) == ("identity", None)
    assert parent.primary_key == ("id",)


def test_a_parked_result_gives_way_to_whoever_waits_for_its_lock(server: Any, settings: dict[str, object]) -> None:
    server.execute("CREATE TABLE big (a INT)", settings["database"])
    server.execute(
        "INSERT INTO big SELECT a.n * 10 + b.n FROM (VALUES (1), (2), (3)) AS a(n), (VALUES (1), (2), (3)) AS b(n)",
        settings["database"],
    )
    done = threading.Event()

    def alter() -> None:
        server.execute("ALTER TABLE big ADD b INT", settings["database"])
        done.set()

    with connect("mssql://", **settings) as client:
        first = client.query("SELECT a FROM big", limits=Limits(max_rows=2))
        assert first.cursor is not None
        thread = threading.Thread(target=alter, daemon=True)
        thread.start()
        assert done.wait(PATIENCE_S)
        thread.join()
        with pytest.raises(CursorExpired):
            client.read_on(first.cursor)
        assert client.query("SELECT COUNT(b) AS n FROM big").rows == ((0,),)


def test_a_write_that_waits_too_long_for_a_lock_is_told(server: Any, settings: dict[str, object]) -> None:
    server.execute("CREATE TABLE held (a INT)", settings["database"])
    with (
        server.connected(settings["database"]) as other,
        connect("mssql://", **settings, read_only=False, lock_timeout_s=0.2) as client,
    ):
        other.autocommit = False
        other.execute("SELECT a FROM held").fetchall()
        with pytest.raises(Exception, match="time out") as caught:
            client.execute("DROP TABLE held")
        assert getattr(caught.value, "code", "") == "database_busy"
        other.rollback()
        client.execute("DROP TABLE held")


@pytest.mark.parametrize(("read_only", "intent"), [(True, "ReadOnly"), (False, "ReadWrite")])
def test_the_server_hears_what_is_intended(settings: dict[str, object], read_only: bool, intent: str) -> None:
    with connect("mssql://", **settings, read_only=read_only) as client:
        found = client.query("SELECT t.program, t.intent FROM test_logins AS t WHERE t.session_id = @@SPID").rows
    assert found == (("dbmcp", intent),)


def test_a_token_of_entra_logs_in(server: Any) -> None:
    token = {name: value for name, value in server.settings.items() if name not in ("user", "password")}
    how: dict[str, object] = {"driver": harness.driver("microsoft"), "trust_server_certificate": True}
    good = {**token, **how, "access_token": server.settings["password"]}
    with connect("mssql://", **good) as client:
        found = client.query("SELECT t.how FROM test_logins AS t WHERE t.session_id = @@SPID").rows
    assert found == (("token",),)
    with pytest.raises(ConnectionFailed) as caught, connect("mssql://", **{**good, "access_token": "canary"}) as client:
        client.ping()
    assert "canary" not in str(caught.value)
    assert caught.value.details["number"] == 18456


def test_freetds_takes_no_token_and_says_so(server: Any) -> None:
    token = {name: value for name, value in server.settings.items() if name not in ("user", "password")}
    how: dict[str, object] = {"driver": harness.driver("freetds"), "encrypt": "no", "access_token": "canary"}
    with pytest.raises(ConfigError) as caught, connect("mssql://", **token, **how) as client:
        client.ping()
    assert "Microsoft's driver" in (caught.value.hint or "")


@pytest.mark.parametrize("kind", DRIVERS)
@pytest.mark.parametrize(
    ("encryption", "settings", "said"),
    [
        ("required", {"encrypt": "no", "trust_server_certificate": True}, None),
        ("required", {"encrypt": "yes", "trust_server_certificate": True}, None),
        ("unsupported", {"encrypt": "no"}, None),
        ("unsupported", {"encrypt": "yes", "trust_server_certificate": True}, "encrypt"),
    ],
)
def test_what_the_server_wants_of_tls(
    kind: str, encryption: str, settings: dict[str, object], said: str | None
) -> None:
    with harness.running(encryption) as one:
        if not one.is_private:
            pytest.skip("a real server has its own mind about TLS")
        how = {**one.settings, **settings, "driver": harness.driver(kind)}
        if said is None:
            with connect("mssql://", **how) as client:
                assert client.query("SELECT 1 AS a").rows == ((1,),)
            return
        with pytest.raises(ConnectionFailed) as caught, connect("mssql://", **how) as client:
            client.ping()
    assert said in (caught.value.hint or "")


@pytest.mark.parametrize("kind", DRIVERS)
def test_a_server_that_speaks_something_else_is_told(server: Any, kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            with listener.accept()[0] as connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        how = {**server.settings, "port": port, "encrypt": "no", "driver": harness.driver(kind), "connect_timeout_s": 3}
        with pytest.raises(ConnectionFailed) as caught, connect("mssql://", **how) as client:
            client.ping()
        thread.join()
    assert f"127.0.0.1,{port}" in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("kind", DRIVERS)
def test_an_address_of_ipv6_is_reached(server: Any, kind: str) -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError as exc:
        pytest.skip(f"there is no IPv6 here: {exc}")
    with listener:
        threading.Thread(target=_forward, args=[listener, server.settings["port"]], daemon=True).start()
        host = f"[::1]:{listener.getsockname()[1]}"
        how = {**server.settings, "host": host, "port": None, "encrypt": "no", "driver": harness.driver(kind)}
        with connect("mssql://", **how) as client:
            assert client.query("SELECT 1 AS a").rows == ((1,),)


def _forward(listener: socket.socket, port: int) -> None:
    with listener.accept()[0] as near, socket.create_connection(("127.0.0.1", port)) as far:
        back = threading.Thread(target=_pipe, args=[far, near], daemon=True)
        back.start()
        _pipe(near, far)
        back.join()


def _pipe(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):  # whoever hangs up first
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
