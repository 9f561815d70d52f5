"""SQLite keeps the contract: as a file with a rollback journal, as a file with a write-ahead log, and in memory."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import ClassVar

import pytest

from dbmcp_core import Engine
from dbmcp_core.sqlite import SQLite
from dbmcp_core.testing import SQLContract


class _SQLiteContract(SQLContract):
    unstorable: ClassVar[str] = ""
    hostile: ClassVar[tuple[str, ...]] = (
        *SQLContract.hostile,
        "PRAGMA user_version = 7",
        "PRAGMA user_version(7)",
        "PRAGMA journal_mode = WAL",
        "PRAGMA journal_mode(DELETE)",
        "PRAGMA writable_schema = ON",
        "PRAGMA query_only = OFF",
        "PRAGMA main.user_version = 7",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA incremental_vacuum(1)",
        "PRAGMA optimize",
        "PRAGMA hard_heap_limit = 0",
        "VACUUM",
        "VACUUM INTO '/tmp/dbmcp-stolen.db'",
        "ATTACH '/tmp/dbmcp-attached.db' AS a",
        "ATTACH ':memory:' AS a",
        "DETACH main",
        "REINDEX",
        "ANALYZE",
        "REPLACE INTO author (id, name) VALUES (1, 'x')",
        "CREATE TEMP TABLE stolen (a)",
        "CREATE TEMP TRIGGER t AFTER INSERT ON book BEGIN DELETE FROM author; END",
        "CREATE VIRTUAL TABLE stolen USING fts5(a)",
        "SELECT load_extension('/tmp/anything.so')",
        "SELECT writefile('/tmp/dbmcp-written', 'x')",
        "SELECT readfile('/etc/passwd')",
        "SELECT edit('x')",
        "SELECT fts3_tokenizer('simple', x'00')",
        "EXPLAIN DELETE FROM book",
        "UPDATE sqlite_master SET sql = 'x'",
        "INSERT INTO sqlite_master (type, name) VALUES ('table', 'x')",
        "END",
        "RELEASE a",
    )

    @pytest.fixture
    def engine(self) -> Engine:
        return SQLite()

    def unreachable(self, settings: dict[str, object]) -> dict[str, object] | None:
        return {**settings, "filename": f"{settings['filename']}.missing/no.db"}


class TestSQLite(_SQLiteContract):
    @pytest.fixture
    def settings(self, tmp_path: Path) -> dict[str, object]:
        return {"filename": str(_make(tmp_path / "contract.db", "DELETE"))}


class TestSQLiteWAL(_SQLiteContract):
    @pytest.fixture
    def settings(self, tmp_path: Path) -> dict[str, object]:
        return {"filename": str(_make(tmp_path / "contract.db", "WAL"))}


class TestSQLiteInMemory(_SQLiteContract):
    shared: ClassVar[bool] = False

    @pytest.fixture
    def settings(self) -> dict[str, object]:
        return {"filename": ":memory:"}

    def unreachable(self, settings: dict[str, object]) -> dict[str, object] | None:
        return None


def _make(path: Path, journal: str) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {journal}")
        connection.execute("PRAGMA user_version = 1")
        connection.commit()
    return path
