"""The settings of a PostgreSQL source."""

from __future__ import annotations

from dbmcp_core.settings import setting
from dbmcp_core.sql import ServerSettings

__all__ = ["PostgresSettings"]


class PostgresSettings(ServerSettings):
    """The settings of a PostgreSQL source."""

    safe_functions: tuple[str, ...] = setting(
        (),
        doc="Functions declared VOLATILE that a read may call all the same; with their schema or without.",
        operator=True,
    )
    role: str | None = setting(
        None, doc="A role to take in every transaction (SET LOCAL ROLE); pg_read_all_data disarms a superuser."
    )
    transaction_pooling: bool = setting(
        False, doc="Whether a pooler such as PgBouncer hands out a server connection for each transaction only."
    )
