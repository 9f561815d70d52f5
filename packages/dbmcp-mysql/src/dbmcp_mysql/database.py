"""One open MySQL or MariaDB database: what differs from any other behind a DB-API driver."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Collection
from typing import Any

from dbmcp_core.database import Lock
from dbmcp_core.errors import DbmcpError, QueryFailed
from dbmcp_core.schema import TableName, TableSchema
from dbmcp_core.sql.database import SQLDatabase
from dbmcp_core.statement import Column, Statement, Verdict
from dbmcp_mysql import catalogue, locks
from dbmcp_mysql.connection import Connection
from dbmcp_mysql.errors import translate
from dbmcp_mysql.functions import Functions
from dbmcp_mysql.prepared import Cursor
from dbmcp_mysql.settings import MySQLSettings

__all__ = ["MySQLDatabase"]

#: The server's default, whatever the account's: strict, and with quotes and backslashes as the guard reads them.
_MODE = "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
_MYSQL_MODE = f"ONLY_FULL_GROUP_BY,NO_ZERO_IN_DATE,NO_ZERO_DATE,{_MODE}"
#: Seconds that the server lets a statement run on after its deadline; for when we can't stop it any more.
_GRACE_S = 2
#: Seconds after the deadline when a server that says nothing counts as gone.
_SILENCE_S = 10
#: Seconds that the server waits for a reader; results are parked for 120 s.
_READER_S = 150
#: Seconds for the connection that stops what runs on another one.
_STOP_S = 3.0
_BLOCKING = "SELECT 1 FROM information_schema.processlist WHERE state = 'Waiting for table metadata lock' LIMIT 1"
#: Statements that have a plan. After EXPLAIN, an ANALYZE would run what follows.
_BEFORE = r"(?:\s|--\s[^\n]*\n|#[^\n]*\n|/\*.*?\*/|\()*+"
_SELECTS = re.compile(rf"{_BEFORE}(?:select|with|values|table)\b", re.I | re.S)
#: What the server explains beside queries; an EXPLAIN of anything else is refused, or would be another statement.
_CHANGES = re.compile(rf"{_BEFORE}(?:insert|replace|update|delete|with)\b", re.I | re.S)


class MySQLDatabase(SQLDatabase[MySQLSettings]):
    """A MySQL or MariaDB database."""

    drivername = "mysql+pymysql"

    def __init__(self, settings: MySQLSettings) -> None:
        super().__init__(settings)
        self._timeout_s = min(settings.timeout_s, 86_400.0)
        self._product = "MySQL"
        self._functions = Functions(self.fetch, settings)

    def open_connection(self) -> Connection:
        """Connect with these settings and no others: nothing is taken from an option file or the environment."""
        login_s = max(1.0, self.settings.connect_timeout_s)
        connection = Connection(self.settings, login_s=login_s, answer_s=self._timeout_s + _SILENCE_S)
        self._product = connection.product
        self.freshen(connection)
        connection.max_packet = Cursor(connection, "SELECT @@max_allowed_packet").fetchall()[0][0]
        return connection

    def freshen(self, driver: Connection) -> None:
        """Set what neither account nor server may decide; the session was reset when it was given back."""
        seconds = math.ceil(self._timeout_s + _GRACE_S)
        # A result that the server is still sending counts as running.
        limit = f"max_statement_time = {seconds}" if driver.is_mariadb else f"max_execution_time = {seconds * 1000}"
        read_only = "tx_read_only" if driver.is_mariadb else "transaction_read_only"
        driver.command(
            f"SET NAMES utf8mb4, SESSION sql_mode = '{_MODE if driver.is_mariadb else _MYSQL_MODE}', {limit}, "
            # Without it, what commits of its own accord, as every definition does, would then write.
            f"SESSION {read_only} = 1, autocommit = 1, sql_select_limit = DEFAULT, net_write_timeout = {_READER_S}, "
            f"lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds}"
        )

    def begin(self, driver: Connection, *, writable: bool) -> None:
        """Begin a transaction."""
        if writable:
            driver.command("SET SESSION TRANSACTION READ WRITE")
        driver.command(f"START TRANSACTION {'READ WRITE' if writable else 'READ ONLY'}")

    def rollback(self, driver: Connection) -> None:
        """Reset the session, which rolls back and frees its locks; give it up where rows are still to come."""
        if driver.has_rows:
            self.stop(driver)
            driver.abandon()  # so that the reset fails, and the pool drops it
        driver.reset()

    def commit(self, driver: Connection) -> None:
        """Commit; nobody reads the rest of what a write returned."""
        driver.skip_rows()
        driver.command("COMMIT")

    def run(self, driver: Connection, statement: Statement, *, stream: bool) -> Cursor:  # noqa: ARG002
        """Run *statement*; its rows are read one by one."""
        return Cursor(driver, statement.text, tuple(statement.params))

    def columns(self, driver: Connection, cursor: Cursor) -> list[Column]:  # noqa: ARG002
        """Return the header."""
        return cursor.columns

    def stop(self, driver: Connection) -> None:
        """Have the server end what runs on *driver*, by a connection of its own."""
        with contextlib.closing(Connection(self.settings, login_s=_STOP_S, answer_s=_STOP_S)) as other:
            other.command(f"KILL QUERY {driver.thread_id()}")

    def blocking(self, drivers: Collection[Connection]) -> Collection[Connection]:
        """Return all of them if anybody waits to change a table's definition: by whom, the server doesn't say."""
        return drivers if self.fetch(_BLOCKING) else ()

    def generated_keys(self, cursor: Cursor) -> tuple[Any, ...]:
        """Return the number that AUTO_INCREMENT gave to the first row."""
        return (cursor.lastrowid,) if cursor.lastrowid else ()

    def translate(self, error: Exception, text: str) -> DbmcpError:
        """Return the error of dbmcp for one of PyMySQL's."""
        return translate(error, text, self._product)

    def explain(self, statement: Statement) -> str:
        """Return the plan as the server's JSON: each of its fields has a name there."""
        if not _SELECTS.match(statement.text):
            raise QueryFailed("Only a query has a plan to show.", hint="Leave out EXPLAIN, ANALYZE and the like.")
        rows = self.fetch(f"EXPLAIN FORMAT=JSON {statement.text}", tuple(statement.params))
        return "\n".join(str(cell) for row in rows for cell in row)

    def prepare(self, statement: Statement) -> None:
        """Have the server plan a write."""
        if _CHANGES.match(statement.text):
            explained = Statement(f"EXPLAIN {statement.text}", statement.params)
            with self.reading(statement.text, writable=True) as driver:
                self.run(driver, explained, stream=False).fetchall()

    def judge(self, statement: Statement, verdict: Verdict) -> Verdict:  # noqa: ARG002
        """Ask the catalogue about functions that aren't built in."""
        return self._functions.judge(verdict)

    def read_names(self) -> list[TableName]:
        """Return the names of all tables and views."""
        return catalogue.read_names(self.fetch, self._listed)

    def read_schema(self, only: TableName | None = None) -> list[TableSchema]:
        """Return all tables, or the one that *only* means."""
        if only is None:
            return catalogue.read_tables(self.fetch, self._listed)
        name = catalogue.find(self.fetch, only, self.settings.database, self._listed)
        return catalogue.read_tables(self.fetch, name.schema, name.name) if name is not None else []

    @property
    def _listed(self) -> str | None:
        """The one database whose tables are listed, or None for all."""
        return None if self.settings.all_databases else self.settings.database

    def locks(self) -> list[Lock]:
        """Ask the server what its session, and its account, can do."""
        return locks.look(self.fetch)
