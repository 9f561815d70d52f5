"""PostgreSQL keeps the contract, with an account that may do everything; then what is special to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pytest

from dbmcp_core import Engine
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
