"""SQLite for dbmcp, on the standard library: the embedded default, and the reference for engines to come."""

from __future__ import annotations

from dbmcp_core.database import Engine
from dbmcp_core.hookspecs import hookimpl
from dbmcp_core.sqlite.engine import SQLite

__all__ = ["SQLite", "dbmcp_engines"]


@hookimpl
def dbmcp_engines() -> list[type[Engine]]:
    """Give the one engine of this plugin."""
    return [SQLite]
