"""What all tests share: small real databases, servers, and the sample data beside the checkout where it is there."""

from __future__ import annotations

import gzip
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from dbmcp_core.testing.servers import DatabaseServer, MariaDBServer, PostgresServer, ServerError

# A machine that is busy makes an example slow, and nothing wrong.
settings.register_profile("dbmcp", deadline=None)
settings.load_profile("dbmcp")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

SHOP = """
CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price NUMERIC(10, 2), note TEXT);
CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE purchase (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customer (id),
    product_id INTEGER NOT NULL REFERENCES product (id) ON DELETE CASCADE
);
CREATE INDEX purchase_by_customer ON purchase (customer_id);
CREATE VIEW cheap AS SELECT id, name FROM product WHERE price < 10;
INSERT INTO product VALUES (1, 'pen', 1.5, NULL), (2, 'ink', 7, ''), (3, 'desk', 120, 'heavy');
INSERT INTO customer VALUES (1, 'Ada'), (2, 'Grace');
INSERT INTO purchase VALUES (1, 1, 1), (2, 1, 3), (3, 2, 2);
"""


def pytest_report_header() -> list[str]:
    """Say what the engines are tested on; nothing is started."""
    lines = [_described(kind) for kind in (PostgresServer, MariaDBServer)]
    required = os.environ.get("DBMCP_REQUIRE", "")
    return [*lines, f"DBMCP_REQUIRE: {required} (one that is missing fails)"] if required else lines


def _described(kind: type[DatabaseServer]) -> str:
    try:
        server = kind.from_environment()
        return f"{kind.engine}: {server.describe()}"
    except ServerError as exc:
        return f"{kind.engine}: {exc}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running PostgreSQL, one for all tests; who kills it starts it again."""
    with PostgresServer.from_environment() as server:
        server.require()
        server.start()
        yield server


@pytest.fixture(scope="session")
def mysql_server() -> Iterator[MariaDBServer]:
    """A running MariaDB (or what the URL leads to), one for all tests; who kills it starts it again."""
    with MariaDBServer.from_environment() as server:
        server.require()
        server.start()
        yield server


@pytest.fixture
def postgres_settings(postgres_server: PostgresServer) -> Iterator[dict[str, Any]]:
    """Settings of an empty PostgreSQL database of the test's own."""
    settings = postgres_server.create_database()
    yield settings
    postgres_server.start()
    postgres_server.drop_database(settings["database"])


@pytest.fixture
def mysql_settings(mysql_server: MariaDBServer) -> Iterator[dict[str, Any]]:
    """Settings of an empty MariaDB database of the test's own."""
    settings = mysql_server.create_database()
    yield settings
    mysql_server.start()
    mysql_server.drop_database(settings["database"])


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A small shop, as an SQLite file."""
    path = tmp_path / "shop.db"
    connection = sqlite3.connect(path)
    connection.executescript(SHOP)
    connection.close()
    return path


@pytest.fixture
def big(tmp_path: Path) -> Path:
    """2,500 numbered rows, as an SQLite file."""
    path = tmp_path / "big.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE number (id INTEGER PRIMARY KEY, text TEXT)")
    connection.executemany("INSERT INTO number VALUES (?, ?)", ((i, f"row {i}") for i in range(1, 2_501)))
    connection.commit()
    connection.close()
    return path


@pytest.fixture
def sample(tmp_path: Path) -> Callable[[str], Path]:
    """Unpack one of the sample databases, or skip by its name where they are not there."""

    def unpack(name: str) -> Path:
        packed = SHARED_DATA / f"{name}.gz"
        if not packed.is_file():
            pytest.skip(f"sample data {name} is not beside this checkout ({packed})")
        path = tmp_path / Path(name).name
        with gzip.open(packed) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target)
        return path

    return unpack
