"""What SQLAlchemy's pool is told about the driver: nothing that would make it ask the server something itself."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine.default import DefaultDialect

__all__ = ["Dialect"]


class Dialect(DefaultDialect):
    """A dialect for the pool alone; statements go to pyodbc as they are."""

    name = "dbmcp_mssql"
    driver = "pyodbc"
    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> Any:
        """Return the driver's module."""
        import pyodbc  # type: ignore[import-not-found]

        return pyodbc

    def initialize(self, connection: Any) -> None:
        """Ask nothing: the catalogue is read by queries of our own."""
