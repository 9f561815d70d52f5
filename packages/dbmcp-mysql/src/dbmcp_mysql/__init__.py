"""MySQL and MariaDB for dbmcp, on PyMySQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbmcp_core import Engine, hookimpl
from dbmcp_core.sql import SQLEngine
from dbmcp_mysql.settings import MySQLSettings

if TYPE_CHECKING:
    from dbmcp_mysql.database import MySQLDatabase

__all__ = ["MySQL", "MySQLSettings", "dbmcp_engines"]


class MySQL(SQLEngine):
    """MariaDB 10.3 or newer, MySQL 5.7.20 or newer."""

    name = "mysql"
    aliases = ("mariadb",)
    dialect = "mysql"
    settings = MySQLSettings

    def open(self, settings: MySQLSettings) -> MySQLDatabase:
        """Return the database, not yet connected."""
        from dbmcp_mysql.database import MySQLDatabase

        return MySQLDatabase(settings)


@hookimpl
def dbmcp_engines() -> list[type[Engine]]:
    """Give the engine."""
    return [MySQL]
