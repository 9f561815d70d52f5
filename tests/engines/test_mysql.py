"""MariaDB keeps the contract, with an account that may do everything; then what is special to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from dbmcp_core import Engine, Statement
from dbmcp_core.testing import SQLContract
from dbmcp_core.testing.caller import Caller
from dbmcp_core.testing.servers import MariaDBServer
from dbmcp_mysql import MySQL

_NAMES = "abcdefghijklmnop"
_FOUR = "(SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3)"
_CROSS = ", ".join(f"{_FOUR} {name}" for name in _NAMES)
_NEVER = " + ".join(f"{name}.n" for name in _NAMES) + " + rand() > 99"


class TestMySQL(SQLContract):
    types: ClassVar[Mapping[str, str | None]] = {
        **SQLContract.types,
        "text": "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
        "blob": "LONGBLOB",
    }
    #: How CAST calls them.
    casts: ClassVar[Mapping[str, str]] = {"integer": "SIGNED", "bigint": "SIGNED", "float": "DOUBLE", "text": "CHAR"}
    unstorable: ClassVar[str] = ""
    runaway: ClassVar[str | None] = f"SELECT count(*) FROM {_CROSS} WHERE {_NEVER}"
    runaway_write: ClassVar[str | None] = (
        f"INSERT INTO author (id, name) SELECT 1000, 'run away' FROM {_CROSS} WHERE {_NEVER}"
    )
    hostile: ClassVar[tuple[str, ...]] = (
        *SQLContract.hostile,
        "SELECT * FROM book FOR UPDATE",
        "SELECT * FROM book LOCK IN SHARE MODE",
        "SELECT 1 INTO OUTFILE '/tmp/dbmcp-stolen'",
        "SELECT @a := 1",
        "SELECT 1 /*! ; DROP TABLE book */",
        "SET SESSION TRANSACTION READ WRITE",
        "SET STATEMENT tx_read_only = 0 FOR DELETE FROM book",
        "BEGIN NOT ATOMIC DELETE FROM book; END",
        "EXECUTE IMMEDIATE 'DELETE FROM book'",
        "LOCK TABLES book WRITE",
        "RENAME TABLE book TO stolen",
        "REPLACE INTO author (id, name) VALUES (1, 'x')",
        "HANDLER book OPEN",
        "DO get_lock('a', 1)",
        "OPTIMIZE TABLE book",
        "ANALYZE DELETE FROM book",
    )

    @pytest.fixture
    def engine(self) -> Engine:
        return MySQL()

    @pytest.fixture
    def settings(self, mysql_settings: dict[str, object]) -> dict[str, object]:
        return mysql_settings

    @pytest.fixture(autouse=True)
    def _server(self, mysql_server: MariaDBServer) -> None:
        self.server = mysql_server

    def echoing(self, value: Any, kind: str) -> Statement:
        return self.bound(f"SELECT CAST({{value}} AS {self.casts[kind]}) AS value", value=value)

    def test_column_names_are_given_as_they_are(self, main: Caller) -> None:
        """The server's names have no characters beyond the basic plane."""
        names = ["plain", "with blank", "Ünï 李", "a.b", "semi;colon", "x" * 60]
        result = main.query("SELECT " + ", ".join(f"1 AS `{name}`" for name in names))
        assert [column.name for column in result.columns] == names

    def unreachable(self, settings: dict[str, object]) -> dict[str, object] | None:
        return {**settings, "database": "no_such_database"}

    def drop_connections(self) -> None:
        self.server.drop_connections()
