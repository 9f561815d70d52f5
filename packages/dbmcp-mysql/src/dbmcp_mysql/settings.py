"""The settings of a MySQL or MariaDB source."""

from __future__ import annotations

from dbmcp_core.settings import setting
from dbmcp_core.sql import ServerSettings

__all__ = ["MySQLSettings"]


class MySQLSettings(ServerSettings):
    """The settings of a MySQL or MariaDB source."""

    all_databases: bool = setting(
        False, doc="Whether the tables of every database are listed, not only those of the one connected to."
    )
    safe_functions: tuple[str, ...] = setting(
        (),
        doc="Stored or loadable functions that a read may call all the same; with their database or without.",
        operator=True,
    )
