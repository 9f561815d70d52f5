"""The base of engines that speak SQL through a DB-API driver, on SQLAlchemy's pool and inspector.

An engine on it is its differences: an ``SQLEngine`` with ``ServerSettings``, and, in a module of its own that is
imported when a source is opened, an ``SQLDatabase`` (of ``dbmcp_core.sql.database``, which imports SQLAlchemy): how a
transaction begins, what stops a statement, what its errors mean.
"""

from __future__ import annotations

from dbmcp_core.sql.engine import SQLEngine
from dbmcp_core.sql.settings import ServerSettings

__all__ = ["SQLEngine", "ServerSettings"]
