"""The base of engines on a DB-API driver, with nothing but its defaults: SQLite by way of SQLAlchemy's dialect."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from dbmcp_core import (
    ConnectionFailed,
    CursorExpired,
    Executor,
    Limits,
    NotFound,
    QueryFailed,
    Registry,
    Settings,
    Source,
    TableName,
    UnsupportedError,
)
from dbmcp_core.errors import ConfigError
from dbmcp_core.running import Running
from dbmcp_core.settings import setting
from dbmcp_core.sql import ServerSettings, SQLEngine
from dbmcp_core.sql.database import SQLDatabase
from dbmcp_core.statement import Statement
from dbmcp_core.testing import Caller


class PlainSettings(Settings):
    """One file."""

    file: str = setting(doc="The file.")


class PlainDatabase(SQLDatabase[PlainSettings]):
    """What the author of the smallest engine writes."""

    drivername = "sqlite"
    waited_for = threading.Event()
    gave_way = threading.Event()

    def open_connection(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self.settings.file}?mode=rw", uri=True, check_same_thread=False)

    def stop(self, driver: sqlite3.Connection) -> None:
        driver.interrupt()

    def blocking(self, drivers: Collection[Any]) -> Collection[Any]:
        if not self.waited_for.is_set():
            return ()
        self.gave_way.set()
        return list(drivers)


class Plain(SQLEngine):
    """The smallest engine."""

    name = "plain"
    dialect = "sqlite"
    settings = PlainSettings

    def open(self, settings: PlainSettings) -> PlainDatabase:
        return PlainDatabase(settings)


@pytest.fixture
def database(shop: Path) -> Iterator[PlainDatabase]:
    with PlainDatabase(PlainSettings(file=str(shop), read_only=False)) as database:
        yield database


@pytest.fixture
def caller(shop: Path) -> Iterator[Caller]:
    engine = Plain()
    executor = Executor(Registry(), [Source("main", engine, PlainSettings(file=str(shop), read_only=False))])
    try:
        yield Caller(executor)
    finally:
        executor.close()


def test_it_reads_and_writes(caller: Caller) -> None:
    assert caller.query("SELECT name FROM product WHERE id = :id", {"id": 2}).rows == (("ink",),)
    assert caller.execute("INSERT INTO customer (name) VALUES (?)", ["Edsger"]).affected_rows == 1
    assert caller.query("SELECT count(*) FROM customer").rows == ((3,),)


def test_the_inspector_tells_the_schema(database: PlainDatabase) -> None:
    assert [str(name) for name in database.get_tables()] == [
        "main.cheap",
        "main.customer",
        "main.product",
        "main.purchase",
    ]
    purchase = database.get_table_schema(TableName("purchase"))
    assert purchase.primary_key == ("id",)
    assert {str(key.target): key.columns for key in purchase.foreign_keys} == {
        "main.customer": ("customer_id",),
        "main.product": ("product_id",),
    }
    assert [(index.name, index.columns) for index in purchase.indexes] == [("purchase_by_customer", ("customer_id",))]
    assert [table.kind for table in database.get_schema().tables] == ["view", "table", "table", "table"]
    assert database.get_table_schema(TableName("product", "main")).columns[2].type == "NUMERIC(10, 2)"


def test_the_nearest_table_is_named(database: PlainDatabase) -> None:
    with pytest.raises(NotFound) as caught:
        database.get_table_schema(TableName("costumer"))
    assert caught.value.hint == "Did you mean main.customer?"


def test_what_the_driver_rejects_is_a_failed_query(database: PlainDatabase) -> None:
    with pytest.raises(QueryFailed, match="no such column"):
        database.query(Statement("SELECT missing FROM product"), Running())
    database.ping()


def test_what_is_not_there_can_not_be_connected_to(tmp_path: Path) -> None:
    with pytest.raises((ConnectionFailed, QueryFailed)):
        PlainDatabase(PlainSettings(file=str(tmp_path / "none.db"))).connect()


def test_a_read_only_source_is_not_written_to(shop: Path) -> None:
    with PlainDatabase(PlainSettings(file=str(shop))) as database, pytest.raises(UnsupportedError):
        database.execute(Statement("DELETE FROM product"), Running())


def test_a_parked_result_gives_way(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PlainDatabase, "waited_for", threading.Event())
    monkeypatch.setattr(PlainDatabase, "gave_way", threading.Event())
    page = caller.query("SELECT a.id FROM product a, product b, product c", limits=Limits(max_rows=1))
    assert page.cursor is not None
    page = caller.read_on(page.cursor, limits=Limits(max_rows=1))  # nobody waits for it
    assert page.cursor is not None
    PlainDatabase.waited_for.set()
    assert PlainDatabase.gave_way.wait(10)
    with pytest.raises(CursorExpired, match="kept somebody waiting"):
        caller.read_on(page.cursor)
    assert caller.query("SELECT count(*) FROM product").rows == ((3,),)


@pytest.mark.parametrize(
    ("given", "mode"),
    [
        ("true", "verify-full"),
        (True, "verify-full"),
        (False, "disable"),
        ("VERIFY_CA", "verify-ca"),
        ("require", "require"),
    ],
)
def test_tls_has_many_spellings(given: object, mode: str) -> None:
    assert ServerSettings.build({"sslmode": given}, where="test").ssl == mode


def test_a_wrong_mode_of_tls_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'ssl' wants true, false or a mode, not 'requir' \(did you mean 'require'"):
        ServerSettings.build({"ssl": "requir"}, where="test")
    settings = ServerSettings.build({"ssl_ca": "ca.pem"}, where="test").relative_to(tmp_path)
    assert settings.ssl_ca == str(tmp_path / "ca.pem")
