"""What an engine on a DB-API driver is."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Literal

from dbmcp_core.binding import bind
from dbmcp_core.database import Database, Engine
from dbmcp_core.settings import Settings
from dbmcp_core.sql.settings import ServerSettings
from dbmcp_core.statement import Statement

__all__ = ["SQLEngine"]


class SQLEngine(Engine):
    """An engine whose driver speaks DB-API 2.0 and whose dialect SQLAlchemy knows."""

    #: The dialect that the guard judges in, one of ``dbmcp_core.guard.DIALECTS``.
    dialect: ClassVar[str]
    settings: ClassVar[type[Settings]] = ServerSettings
    #: The placeholders that the driver takes: ``?``, or ``$`` for ``$1``, ``$2``, …
    placeholder: ClassVar[Literal["?", "$"]] = "?"

    @abstractmethod
    def open(self, settings: Any) -> Database:
        """Return the ``SQLDatabase`` of *settings*. Import its module here: it imports the driver."""

    def bind(self, statement: Statement) -> Statement:
        """Return *statement* with placeholders as the driver takes them, whatever the caller's style."""
        return bind(statement, self.dialect, self.placeholder)
