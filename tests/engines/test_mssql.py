"""SQL Server's plugin keeps the contract: real drivers, real wire, and a server that is ours (or a real one by URL)."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from dbmcp_core import Engine
from dbmcp_core.call import CallRecord
from dbmcp_core.testing import SQLContract
from dbmcp_core.testing.caller import Caller
from dbmcp_core.testing.data import Table
from dbmcp_mssql import MSSQL

_spec = importlib.util.spec_from_file_location(
    "mssql_harness", Path(__file__).parents[1] / "servers" / "tds" / "harness.py"
)
assert _spec is not None
assert _spec.loader is not None
harness = importlib.util.module_from_spec(_spec)
sys.modules["mssql_harness"] = harness
_spec.loader.exec_module(harness)

_TEN = "(VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9))"
_ENDLESS = ", ".join(f"{_TEN} AS {name}(d)" for name in "abcdefghijklmn")


@pytest.fixture(scope="module")
def mssql_server() -> Iterator[Any]:
    """A running server, one for all tests of this module."""
    with harness.running() as server:
        yield server


class MSSQLContract(SQLContract):
    kind: ClassVar[str]
    more: ClassVar[Mapping[str, object]]
    types: ClassVar[Mapping[str, str | None]] = {
        "integer": "INT",
        "bigint": "BIGINT",
        "float": "FLOAT",
        "text": "NVARCHAR(MAX)",
        "blob": "VARBINARY(MAX)",
    }
    runaway: ClassVar[str | None] = f"SELECT COUNT_BIG(*) AS n FROM {_ENDLESS}"
    runaway_write: ClassVar[str | None] = (
        f"INSERT INTO author (id, name) SELECT 1000 + COUNT(*) % 7, 'run away' FROM {_ENDLESS}"
    )
    hostile: ClassVar[tuple[str, ...]] = (
        *SQLContract.hostile,
        "EXEC sp_executesql N'DELETE FROM book'",
        "EXECUTE ('DELETE FROM book')",
        "{call sp_executesql(N'DELETE FROM book')}",
        "SELECT 1 DELETE FROM book",
        "SELECT * INTO #stolen FROM book",
        "MERGE book AS b USING author AS a ON a.id = b.id WHEN MATCHED THEN DELETE;",
        "SELECT * FROM book WITH (UPDLOCK, HOLDLOCK)",
        "DBCC FREEPROCCACHE",
        "SET XACT_ABORT OFF",
        "WITH a AS (SELECT * FROM book) DELETE FROM a",
        "DELETE FROM book OUTPUT deleted.id",
        "BULK INSERT book FROM '/etc/passwd'",
        "SELECT NEXT VALUE FOR numbers",
    )

    @pytest.fixture
    def engine(self) -> Engine:
        return MSSQL()

    @pytest.fixture
    def settings(self, mssql_server: Any) -> Iterator[dict[str, object]]:
        self.server = mssql_server
        settings = mssql_server.create_database()
        how = {**self.more, "driver": harness.driver(self.kind)}
        yield settings | (how if mssql_server.is_private else {"driver": how["driver"]})
        mssql_server.drop_database(settings["database"])

    def creating(self, table: Table) -> str:
        # A column of an index can't be MAX.
        return super().creating(table).replace("NVARCHAR(MAX)", "NVARCHAR(400)")

    def unreachable(self, settings: dict[str, object]) -> dict[str, object] | None:
        return {**settings, "database": "no_such_database"}

    def drop_connections(self) -> None:
        self.server.drop_connections()

    def test_a_parameter_is_never_spliced(self, filled: Caller, records: list[CallRecord]) -> None:
        if not self.server.is_private:
            pytest.skip("SQL Server takes ' ' and '' for equal, and the test doesn't")
        super().test_a_parameter_is_never_spliced(filled, records)


class TestFreeTDS(MSSQLContract):
    kind = "freetds"
    more: ClassVar[Mapping[str, object]] = {"encrypt": "no"}


class TestMicrosoft(MSSQLContract):
    kind = "microsoft"
    more: ClassVar[Mapping[str, object]] = {"encrypt": "yes", "trust_server_certificate": True}
