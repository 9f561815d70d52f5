"""One open SQL Server database: what differs from any other behind a DB-API driver."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pyodbc  # type: ignore[import-not-found]
from sqlalchemy.dialects import registry

from dbmcp_core.database import Lock
from dbmcp_core.errors import DatabaseError, DbmcpError
from dbmcp_core.guard.lexer import LexError, lex
from dbmcp_core.schema import TableName, TableSchema
from dbmcp_core.sql.database import SQLDatabase
from dbmcp_core.statement import Column, Statement, Verdict
from dbmcp_mssql import catalogue, locks
from dbmcp_mssql.clr import DECODERS
from dbmcp_mssql.connection import Connection
from dbmcp_mssql.drivers import ACCESS_TOKEN, connection_string, find_driver, packaged_driver, packed_token
from dbmcp_mssql.errors import translate
from dbmcp_mssql.functions import Functions
from dbmcp_mssql.settings import MSSQLSettings
from dbmcp_mssql.types import may_be_clr, type_name

__all__ = ["QUERIES", "MSSQLDatabase"]

#: What a statement may find changed by its server, login or driver, and what the guard and values rely on.
_SESSION = (
    "SET QUOTED_IDENTIFIER ON; SET ANSI_NULLS ON; SET ANSI_PADDING ON; SET ANSI_WARNINGS ON; SET ARITHABORT ON; "
    "SET CONCAT_NULL_YIELDS_NULL ON; SET NUMERIC_ROUNDABORT OFF; SET XACT_ABORT ON; SET ROWCOUNT 0; SET NOCOUNT OFF; "
    "SET TEXTSIZE 2147483647; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCK_TIMEOUT {lock_ms}"
)
#: Seconds that the driver lets a statement run on after its deadline; for when we can't stop it any more.
_GRACE_S = 2
_SPID = "SELECT @@SPID AS spid"
_SEES_OTHERS = """
SELECT HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE') AS sees,
       (SELECT MAX(CAST(d.is_read_committed_snapshot_on AS INT)) FROM sys.databases AS d
        WHERE d.name = DB_NAME()) AS row_versions
"""
_BLOCKING = "SELECT DISTINCT r.blocking_session_id FROM sys.dm_exec_requests AS r WHERE r.blocking_session_id > 0"
_DESCRIBE = """
SELECT d.column_ordinal, COALESCE(d.user_type_name, d.system_type_name) AS type_name
FROM sys.dm_exec_describe_first_result_set(?, NULL, 0) AS d
"""
_SHOWPLAN = "SET SHOWPLAN_TEXT ON"
#: Every text that this module sends of itself, but for what a statement is explained with.
QUERIES = (_SESSION.format(lock_ms=5000), _SPID, _SEES_OTHERS, _BLOCKING, _SHOWPLAN, _DESCRIBE)

registry.register("dbmcp_mssql", "dbmcp_mssql.dialect", "Dialect")


class MSSQLDatabase(SQLDatabase[MSSQLSettings]):
    """An SQL Server database."""

    drivername = "dbmcp_mssql"

    def __init__(self, settings: MSSQLSettings) -> None:
        super().__init__(settings)
        self._setup = _SESSION.format(lock_ms=int(min(settings.lock_timeout_s, 86_400) * 1000))
        self._functions = Functions(self.fetch, settings.safe_functions)

    def open_connection(self) -> Connection:
        """Connect with these settings and no others: there is no DSN, and each value is in braces."""
        # The pool here is SQLAlchemy's: with unixODBC's beneath it, a connection that was closed would live on.
        pyodbc.pooling = False
        pyodbc.native_uuid = True  # else a uniqueidentifier is a text in capitals, with nothing that tells it apart
        settings = self.settings
        driver = find_driver(settings, pyodbc.drivers(), packaged_driver())
        attributes: dict[int, Any] = {}
        if settings.access_token is not None:
            attributes[ACCESS_TOKEN] = packed_token(settings.access_token.reveal())
        opened = pyodbc.connect(
            connection_string(settings, driver),
            autocommit=False,
            timeout=max(1, round(settings.connect_timeout_s)),
            attrs_before=attributes,
        )
        opened.timeout = int(min(settings.timeout_s, 86_400)) + _GRACE_S
        connection = Connection(opened)
        try:
            connection.spid = int(connection.execute(_SPID).fetchall()[0][0])
            self.freshen(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def freshen(self, driver: Connection) -> None:
        """Set all options of the session anew; one in which a write may have left more is given up."""
        if driver.is_used_up:
            raise pyodbc.OperationalError("08003", "[08003] The session may hold temporary tables (0)")
        driver.execute(self._setup)
        driver.rollback()

    def begin(self, driver: Connection, *, writable: bool) -> None:
        """Leave it to the driver, which begins a transaction with the first statement: autocommit is off."""

    def rollback(self, driver: Connection) -> None:
        """Roll back."""
        driver.rollback()

    def commit(self, driver: Connection) -> None:
        """Commit, unless an error stands behind the first result: a trigger's, for instance."""
        driver.drain()
        driver.commit()

    def run(self, driver: Connection, statement: Statement, *, stream: bool) -> Any:
        """Run *statement*; rows stay on the server until they are fetched, always."""
        if not stream and "#" in statement.text:
            driver.is_used_up = True  # a temporary table lives as long as its session
        cursor = driver.execute(statement.text, tuple(statement.params))
        if stream and any(may_be_clr(entry) for entry in cursor.description or ()):
            cursor.types = self._clr_types(statement)
        return cursor

    def _clr_types(self, statement: Statement) -> dict[int, str]:
        """Return which columns are of types that the driver takes for binary: the server is asked, on another session.

        It runs nothing for that. Where it can't tell, as with a temporary table, they stay binary.
        """
        try:
            found = self.fetch(_DESCRIBE, [_declared(statement)])
        except DatabaseError:
            return {}
        return {int(at) - 1: str(name) for at, name in found if name in DECODERS}

    def columns(self, driver: Connection, cursor: Any) -> list[Column]:  # noqa: ARG002
        """Return the header, with types as the driver knows them."""
        described = enumerate(cursor.description or ())
        return [Column(entry[0], cursor.types.get(at) or type_name(entry)) for at, entry in described]

    def stop(self, driver: Connection) -> None:
        """Have the server cancel what runs on *driver*."""
        driver.cancel()

    def blocking(self, drivers: Collection[Connection]) -> Collection[Connection]:
        """Return those that somebody waits for; all of them where the account can't see who waits.

        Where readers use row versions, they keep nobody from writing.
        """
        ((sees, row_versions),) = self.fetch(_SEES_OTHERS)
        if not sees:
            return () if row_versions else drivers
        blockers = {number for (number,) in self.fetch(_BLOCKING)}
        return [driver for driver in drivers if driver.spid in blockers] if blockers else ()

    def translate(self, error: Exception, text: str) -> DbmcpError:
        """Return the error of dbmcp for one of pyodbc's."""
        port = self.settings.port
        return translate(error, text, f"{self.settings.host},{port}" if port else self.settings.host)

    def judge(self, statement: Statement, verdict: Verdict) -> Verdict:  # noqa: ARG002
        """Ask the catalogue about functions of the database's own."""
        return self._functions.judge(verdict)

    def explain(self, statement: Statement) -> str:
        """Return the plan, on a connection of its own on which nothing is run."""
        text = _declared(statement)
        with self._translated(text):
            connection = self.open_connection()
            try:
                connection.execute(_SHOWPLAN)
                cursor = connection.execute(text)
                results = [cursor.fetchall()]
                while cursor.nextset():
                    results.append(cursor.fetchall())
            finally:
                connection.close()
        plan = [row for rows in results if rows for row in rows]
        return "\n".join(str(row[0]) for row in plan)

    def read_names(self) -> list[TableName]:
        """Return the names of all tables and views."""
        return catalogue.read_names(self.fetch)

    def read_schema(self, only: TableName | None = None) -> list[TableSchema]:
        """Return all tables, or the one that *only* means."""
        if only is None:
            return catalogue.read_tables(self.fetch)
        if only.catalog is not None and only.catalog.lower() != (self.settings.database or only.catalog).lower():
            return []
        number = catalogue.find(self.fetch, only)
        return catalogue.read_tables(self.fetch, number) if number is not None else []

    def locks(self) -> list[Lock]:
        """Ask the server what its session, and its account, can do."""
        return locks.look(self.fetch)


def _declared(statement: Statement) -> str:
    """Return *statement* with variables in place of its placeholders: a plan needs their types, not their values."""
    if not statement.params:
        return statement.text
    try:
        marks = [lexeme.start for lexeme in lex(statement.text, "tsql").lexemes if lexeme.is_op("?")]
    except LexError:  # the guard has said so before
        return statement.text
    text = statement.text
    names: list[str] = []
    for number, (place, value) in reversed(list(enumerate(zip(marks, statement.params, strict=True), 1))):
        text = f"{text[:place]}@dbmcp{number}{text[place + 1 :]}"
        names.insert(0, f"@dbmcp{number} {_variable(value)}")
    return f"DECLARE {', '.join(names)};\n{text}"


def _variable(value: Any) -> str:
    if isinstance(value, bool):
        return "bit"
    kinds = {int: "bigint", float: "float", bytes: "varbinary(8000)"}
    return kinds.get(type(value), "nvarchar(4000)")
