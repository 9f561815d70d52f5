"""One open Databricks source."""

from __future__ import annotations

import math
import re
import time
from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.engine.default import DefaultDialect

from dbmcp_core.database import Lock
from dbmcp_core.errors import ConnectionFailed, DbmcpError, QueryFailed
from dbmcp_core.schema import SchemaInfo, TableName, TableSchema
from dbmcp_core.sql.database import SQLDatabase
from dbmcp_core.statement import Column, Statement
from dbmcp_databricks import catalogue, describe, locks
from dbmcp_databricks.catalogue import Scope
from dbmcp_databricks.connection import Connection, Cursor, knock, unreachable
from dbmcp_databricks.errors import translate
from dbmcp_databricks.settings import DatabricksSettings

__all__ = ["DatabricksDatabase"]

#: Seconds by which the warehouse's own limit is over ours.
_GRACE_S = 2.0
#: Seconds after which an idle session isn't trusted any more: the service ends those of long ago.
_IDLE_S = 300.0
_QUERY = re.compile(r"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*+(?:SELECT|WITH|VALUES|FROM|TABLE|\()", re.I | re.S)


class _Dialect(DefaultDialect):
    """What the pool wants to be called by; statements never pass through SQLAlchemy."""

    name = "databricks"
    driver = "databricks"
    supports_statement_cache = False

    @classmethod
    def import_dbapi(cls) -> Any:
        from databricks import sql

        return sql

    def initialize(self, connection: Any) -> None:
        """Ask the new session nothing."""

    def do_rollback(self, dbapi_connection: Any) -> None:
        """Do nothing: there are no transactions."""


registry.register("dbmcp_databricks", __name__, "_Dialect")


class DatabricksDatabase(SQLDatabase[DatabricksSettings]):
    """Databricks: one statement a time in each session, and nothing that could be rolled back."""

    drivername = "dbmcp_databricks"

    def __init__(self, settings: DatabricksSettings) -> None:
        super().__init__(settings)
        self._catalog = settings.catalog
        self._is_informed = True  # whether there is an information schema, until it turns out that there is none

    def connect(self) -> None:
        """Reach the host, then open a session."""
        if self._engine is None:
            try:
                knock(self.settings)
            except OSError as error:
                raise self.completed(unreachable(error, self.settings)) from error
        super().connect()

    def open_connection(self) -> Connection:
        """Open a session, with the warehouse's own limit a little over ours."""
        limit_s = math.ceil(min(self.settings.timeout_s, 86_400.0) + _GRACE_S)
        return Connection(self.settings, statement_s=limit_s, wait_s=self.settings.connect_timeout_s)

    def freshen(self, driver: Connection) -> None:
        """Leave a session that nobody used for long."""
        if time.monotonic() - driver.used_at > _IDLE_S:
            raise ConnectionFailed("The session was idle for too long.")

    def begin(self, driver: Connection, *, writable: bool) -> None:
        """Remember that a write may leave something in the session, such as a temporary view."""
        driver.wrote = driver.wrote or writable

    def rollback(self, driver: Connection) -> None:
        """End what is left of the statement; give up a session that isn't as good as new."""
        driver.finish()
        if driver.wrote:
            raise ConnectionFailed("The session was written with.")

    def commit(self, driver: Connection) -> None:
        """Do nothing: each statement stands for itself."""

    def run(self, driver: Connection, statement: Statement, *, stream: bool) -> Cursor:  # noqa: ARG002
        """Run *statement*; its rows stay on the server."""
        return driver.run(statement.text, tuple(statement.params))

    def columns(self, driver: Connection, cursor: Cursor) -> list[Column]:  # noqa: ARG002
        """Return the header."""
        return cursor.columns

    def stop(self, driver: Connection) -> None:
        """Cancel the operation."""
        driver.stop()

    def translate(self, error: Exception, text: str) -> DbmcpError:  # noqa: ARG002
        """Return the error of dbmcp for one of the connector's."""
        return translate(error, self.settings)

    def explain(self, statement: Statement) -> str:
        """Return the plan."""
        if not _QUERY.match(statement.text):
            raise QueryFailed("Only a query has a plan to show.", hint="Leave out EXPLAIN, ANALYZE and the like.")
        rows = self.fetch(f"EXPLAIN {statement.text}", tuple(statement.params))
        return "\n".join(str(cell) for row in rows for cell in row)

    def locks(self) -> list[Lock]:
        """Ask the warehouse what holds."""
        return locks.look(self.fetch)

    # Schema

    def read_names(self) -> list[TableName]:
        """Return the names of all tables and views of the catalog, or of the one schema."""
        return self._names(Scope(self._current_catalog(), self.settings.schema))

    def read_schema(self, only: TableName | None = None) -> list[TableSchema]:
        """Return all of them in full, or the one that *only* means."""
        if only is None:
            return self._tables(Scope(self._current_catalog(), self.settings.schema))
        for wanted in _spellings(only):
            if found := self._find(wanted):
                return self._tables(Scope(found.catalog or "", found.schema, found.name))
        return []

    def get_schema(self) -> SchemaInfo:
        """Return every table and view, under the catalog's name."""
        found = super().get_schema()
        return SchemaInfo(self._current_catalog(), found.tables)

    def _current_catalog(self) -> str:
        if self._catalog is None:
            ((self._catalog,),) = self.fetch("SELECT current_catalog()")
        return str(self._catalog)

    def _find(self, wanted: TableName) -> TableName | None:
        scope = Scope(wanted.catalog or self._current_catalog(), wanted.schema or self.settings.schema, wanted.name)
        try:
            names = self._names(scope)
        except QueryFailed:  # there is no such catalog
            return None
        return catalogue.best(names, wanted, self.settings.schema or "default")

    def _names(self, scope: Scope) -> list[TableName]:
        if self._is_informed:
            try:
                return catalogue.read_names(self.fetch, scope)
            except QueryFailed:
                names = describe.read_names(self.fetch, scope)
                self._is_informed = scope.catalog != self._catalog
                return names
        return describe.read_names(self.fetch, scope)

    def _tables(self, scope: Scope) -> list[TableSchema]:
        names = self._names(scope) if not self._is_informed else []
        if self._is_informed:
            try:
                return catalogue.read_tables(self.fetch, scope)
            except QueryFailed:
                names = self._names(scope)
        return [table for name in names if (table := describe.read_table(self.fetch, name)) is not None]


def _spellings(name: TableName) -> list[TableName]:
    """Return what *name* may mean: as it is, and as ``schema.table`` or ``catalog.schema.table`` in one text."""
    parts = name.name.split(".")
    more = [TableName(parts[-1], *reversed(parts[:-1]))] if name.schema is None and len(parts) in (2, 3) else []
    return [name, *(part for part in more if all(parts))]
