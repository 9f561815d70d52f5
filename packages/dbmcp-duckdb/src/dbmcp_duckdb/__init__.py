"""DuckDB for dbmcp."""

from __future__ import annotations

from dbmcp_core import Engine, hookimpl
from dbmcp_duckdb.engine import DuckDB
from dbmcp_duckdb.settings import DuckDBSettings

__all__ = ["DuckDB", "DuckDBSettings", "dbmcp_engines"]


@hookimpl
def dbmcp_engines() -> list[type[Engine]]:
    """Give the engine."""
    return [DuckDB]
