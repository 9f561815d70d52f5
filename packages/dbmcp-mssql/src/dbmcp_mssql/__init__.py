"""Microsoft SQL Server for dbmcp, on pyodbc."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbmcp_core import Engine, hookimpl
from dbmcp_core.errors import ConnectionFailed
from dbmcp_core.sql import SQLEngine
from dbmcp_mssql.settings import MSSQLSettings

if TYPE_CHECKING:
    from dbmcp_mssql.database import MSSQLDatabase

__all__ = ["MSSQL", "MSSQLSettings", "dbmcp_engines"]


class MSSQL(SQLEngine):
    """SQL Server 2017 or newer, and Azure SQL."""

    name = "mssql"
    aliases = ("sqlserver",)
    dialect = "tsql"
    settings = MSSQLSettings

    def open(self, settings: MSSQLSettings) -> MSSQLDatabase:
        """Return the database, not yet connected."""
        try:
            from dbmcp_mssql.database import MSSQLDatabase
        except ImportError as exc:  # pyodbc wants the system's unixODBC, which pip doesn't bring
            hint = "Install unixODBC: apt-get install unixodbc, dnf install unixODBC, brew install unixodbc."
            raise ConnectionFailed(f"ODBC can't be loaded: {exc}.", hint=hint) from exc

        return MSSQLDatabase(settings)


@hookimpl
def dbmcp_engines() -> list[type[Engine]]:
    """Give the engine."""
    return [MSSQL]
