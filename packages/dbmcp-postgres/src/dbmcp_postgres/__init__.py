"""PostgreSQL for dbmcp, on psycopg 3."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from dbmcp_core import Engine, hookimpl
from dbmcp_core.sql import SQLEngine
from dbmcp_postgres.settings import PostgresSettings

if TYPE_CHECKING:
    from dbmcp_core.statement import Statement
    from dbmcp_postgres.database import PostgresDatabase

__all__ = ["Postgres", "PostgresSettings", "dbmcp_engines"]


class Postgres(SQLEngine):
    """PostgreSQL 12 or newer."""

    name = "postgres"
    aliases = ("postgresql", "pg")
    dialect = "postgres"
    settings = PostgresSettings
    placeholder: ClassVar[Literal["?", "$"]] = "$"

    def bind(self, statement: Statement) -> Statement:
        """Return *statement* with ``$1``, ``$2``, …; what is asked for null has a type."""
        from dbmcp_postgres.parameters import with_null_tests

        return with_null_tests(super().bind(statement))

    def open(self, settings: PostgresSettings) -> PostgresDatabase:
        """Return the database, not yet connected."""
        from dbmcp_postgres.database import PostgresDatabase

        return PostgresDatabase(settings)


@hookimpl
def dbmcp_engines() -> list[type[Engine]]:
    """Give the engine."""
    return [Postgres]
