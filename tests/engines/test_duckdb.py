"""DuckDB keeps the contract: as a file, whose sources share one process, and in memory."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import duckdb
import pytest

from dbmcp_core import Engine
from dbmcp_core.testing import SQLContract
from dbmcp_duckdb import DuckDB


class _DuckDBContract(SQLContract):
    positional: ClassVar[str | None] = "?"
    named: ClassVar[str | None] = "${name}"
    unstorable: ClassVar[str] = ""
    hostile: ClassVar[tuple[str, ...]] = (
        *SQLContract.hostile,
        "CHECKPOINT",
        "FORCE CHECKPOINT",
        "VACUUM",
        "ANALYZE",
        "SET threads = 1",
        "RESET threads",
        "SET VARIABLE a = 1",
        "PRAGMA enable_profiling",
        "PRAGMA threads = 1",
        "USE main",
        "ATTACH ':memory:' AS other",
        "DETACH other",
        "COPY book TO '/tmp/dbmcp-stolen.csv'",
        "COPY (PIVOT book ON author_id USING count(*)) TO '/tmp/dbmcp-stolen.csv'",
        "COPY book FROM '/etc/passwd'",
        "EXPORT DATABASE '/tmp/dbmcp-stolen'",
        "IMPORT DATABASE '/tmp/dbmcp-stolen'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "CREATE TEMP MACRO stolen(a) AS a",
        "CREATE SECRET (TYPE s3)",
        "CREATE SEQUENCE stolen",
        "CREATE TYPE stolen AS ENUM ('a')",
        "MERGE INTO book USING author ON book.id = author.id WHEN MATCHED THEN DELETE",
        "EXPLAIN ANALYZE COPY book TO '/tmp/dbmcp-stolen.csv'",
        "FROM query('SELECT 1')",
        "FROM read_text('/etc/passwd')",
        "FROM '/etc/passwd.csv'",
        "CALL pragma_version()",
        "COMMENT ON TABLE book IS 'x'",
        "ALTER TABLE book RENAME TO gone",
    )

    @pytest.fixture
    def engine(self) -> Engine:
        return DuckDB()


class TestDuckDB(_DuckDBContract):
    @pytest.fixture
    def settings(self, tmp_path: Path) -> dict[str, object]:
        path = tmp_path / "contract.duckdb"
        duckdb.connect(str(path)).close()
        return {"filename": str(path)}

    def unreachable(self, settings: dict[str, object]) -> dict[str, object] | None:
        return {**settings, "filename": f"{settings['filename']}.missing/no.duckdb"}


class TestDuckDBInMemory(_DuckDBContract):
    shared: ClassVar[bool] = False

    @pytest.fixture
    def settings(self) -> dict[str, object]:
        return {"filename": ":memory:"}
