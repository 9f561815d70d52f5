"""PostgreSQL keeps the contract, with an account that may do everything; then what is special to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from dbmcp_core import Client, ConfigError, ConnectionFailed, Engine, StatementRefused, connect
from dbmcp_core.guard import judge
from dbmcp_core.statement import RefusalCode
from dbmcp_core.testing import SQLContract
from dbmcp_core.testing.servers import PostgresServer
from dbmcp_postgres import Postgres


class TestPostgres(SQLContract):
    types: ClassVar[Mapping[str, str | None]] = {**SQLContract.types, "blob": "BYTEA"}
    positional: ClassVar[str | None] = "?"
    hostile: ClassVar[tuple[str, ...]] = (
        *SQLContract.hostile,
        "DO $$ BEGIN DELETE FROM book; END $$",
        "LISTEN a",
        "LOCK TABLE book",
        "SELECT * FROM book FOR UPDATE",
        "SELECT pg_advisory_lock(1)",
        "SELECT lo_create(0)",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "SET TRANSACTION READ WRITE",
        "VACUUM book",
        "REFRESH MATERIALIZED VIEW book_title",
        "DECLARE c CURSOR WITH HOLD FOR SELECT * FROM book",
    )

    @pytest.fixture
    def engine(self) -> Engine:
        return Postgres()

    @pytest.fixture
    def settings(self, postgres_settings: dict[str, object]) -> dict[str, object]:
        return postgres_settings

    @pytest.fixture(autouse=True)
    def _server(self, postgres_server: PostgresServer) -> None:
        self.server = postgres_server

    def unreachable(self, settings: dict[str, object]) -> dict[str, object] | None:
        return {**settings, "database": "no_such_database"}

    def drop_connections(self) -> None:
        self.server.drop_connections()


@pytest.fixture(scope="module")
def drawn(postgres_server: PostgresServer) -> Iterator[Client]:
    """A read-only client on a database with points in it."""
    settings = postgres_server.create_database()
    postgres_server.execute(
        "CREATE TABLE drawn (id int, at point); INSERT INTO drawn VALUES (1, '(1,1)'), (2, '(2,2)')",
        settings["database"],
    )
    with connect("postgresql://", **settings) as client:
        yield client
    postgres_server.drop_database(settings["database"])


@pytest.mark.parametrize(
    ("text", "params", "rows"),
    [
        ("SELECT id FROM ONLY (drawn) ORDER BY id", (), ((1,), (2,))),
        ("SELECT id FROM drawn WHERE at <<| '(2,2)'", (), ((1,),)),
        ("SELECT id FROM drawn WHERE at ~= '(2,2)' AND id = ?", [2], ((2,),)),
        ("SELECT @ -5", (), ((5,),)),
    ],
)
def test_what_only_the_server_can_parse_is_read(drawn: Client, text: str, params: Any, rows: Any) -> None:
    assert judge(text, "postgres").code is RefusalCode.UNPARSABLE
    assert drawn.query(text, params).rows == rows


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("SELECT * INTO made FROM ONLY (drawn)", "not_a_read"),
        ("WITH gone AS (DELETE FROM drawn RETURNING id) SELECT * FROM gone, ONLY (drawn)", "not_a_read"),
        ("SELECT * FROM ONLY (drawn) FOR UPDATE", "not_a_read"),
        ("SELECT passwd FROM pg_shadow, ONLY (drawn)", "not_a_read"),
        ("SELECT pg_sleep(1) FROM ONLY (drawn)", "unsafe_function"),
        ("SELECT lo_create(0), at <<| at FROM drawn", "unsafe_function"),
        ("SELECT * FROM ONLY (drawn); DELETE FROM drawn", "multiple_statements"),
        ("DELETE FROM ONLY (drawn)", "not_a_read"),
        ("SELECT nothing <<| at FROM drawn", "unparsable_statement"),
        ("SELEC id FROM drawn", "unparsable_statement"),
        ("SELECT " + "(" * 200 + "1" + ")" * 200 + ", @ -5", "unparsable_statement"),
    ],
)
def test_what_only_the_server_can_parse_must_be_harmless_all_the_same(drawn: Client, text: str, code: str) -> None:
    with pytest.raises(StatementRefused) as caught:
        drawn.query(text)
    assert caught.value.code == code


def test_what_the_server_cannot_parse_either_is_told_in_its_words(drawn: Client) -> None:
    with pytest.raises(StatementRefused) as caught:
        drawn.query("SELECT id\nFORM drawn x y")
    assert 'syntax error at or near "drawn"' in str(caught.value)
    assert caught.value.details == {"line": 2, "column": 6}


_ENCRYPTED = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


def test_a_server_is_verified_where_that_is_asked_for(postgres_server: PostgresServer) -> None:
    if postgres_server.ca_file is None:
        pytest.skip("this server has no certificate of ours")
    settings = {**postgres_server.settings, "ssl": True}
    with pytest.raises(ConnectionFailed, match="certificate"):  # nobody the system knows has signed it
        connect("postgresql://", **settings)
    with connect("postgresql://", **settings | {"ssl_ca": postgres_server.ca_file}) as client:
        assert client.query(_ENCRYPTED).rows == ((True,),)


def test_encryption_can_be_left_out(postgres_server: PostgresServer) -> None:
    with connect("postgresql://", **postgres_server.settings, ssl=False) as client:
        assert client.query(_ENCRYPTED).rows == ((False,),)


def test_nothing_is_taken_from_the_environment(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A password that lies about is not for whatever host a client names."""
    settings = dict(postgres_server.settings)
    password = str(settings.pop("password"))
    (tmp_path / "pass").write_text(f"*:*:*:*:{password}\n")
    (tmp_path / "pass").chmod(0o600)
    monkeypatch.setenv("PGPASSWORD", password)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pass"))
    with pytest.raises(ConnectionFailed, match="password"):
        connect("postgresql://", **settings)
    monkeypatch.setenv("PGOPTIONS", "-c statement_timeout=1")
    with connect("postgresql://", **settings, password=password) as client:
        assert client.query("SHOW statement_timeout").rows == (("32s",),)


@pytest.mark.parametrize(
    "option", ["options=-c%20a", "service=x", "passfile=/etc/passwd", "hostaddr=1.2.3.4", "sslmod=x"]
)
def test_an_option_that_is_not_ours_is_refused(option: str) -> None:
    with pytest.raises(ConfigError, match="unknown setting"):
        connect(f"postgresql://user@localhost/db?{option}")


def test_a_smaller_role_can_be_taken(postgres_server: PostgresServer) -> None:
    with connect("postgresql://", **postgres_server.settings, role="pg_read_all_data") as client:
        assert client.query("SELECT current_user").rows == (("pg_read_all_data",),)
        assert client.query("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").rows == ((False,),)
