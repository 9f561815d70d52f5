"""One open PostgreSQL database: what differs from any other behind a DB-API driver."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Collection, Hashable
from typing import Any, TypeVar

import psycopg

from dbmcp_core.database import Lock
from dbmcp_core.errors import DbmcpError, QueryFailed
from dbmcp_core.guard import judge_words
from dbmcp_core.guard.lexer import LexError, lex
from dbmcp_core.running import Running
from dbmcp_core.schema import TableName, TableSchema
from dbmcp_core.sql.database import SQLDatabase
from dbmcp_core.statement import Column, Outcome, RefusalCode, Rows, Statement, Verdict
from dbmcp_postgres import catalogue, locks
from dbmcp_postgres.errors import translate
from dbmcp_postgres.functions import Functions
from dbmcp_postgres.parameters import with_types
from dbmcp_postgres.settings import PostgresSettings
from dbmcp_postgres.types import ADAPTERS, FORMAT_TYPE, SESSION, column_types, tolerate

__all__ = ["PostgresDatabase"]

#: What a statement may find changed by its account or database, and what lexing and values rely on.
_PINNED = {**SESSION, "standard_conforming_strings": "on", "lo_compat_privileges": "off"}
#: Milliseconds after which the server ends a transaction of ours that nobody reads on; results are parked for 120 s.
_IDLE_MS = 150_000
#: Milliseconds that the server lets a statement run on after its deadline; for when we can't stop it any more.
_GRACE_MS = 2_000
_CURSOR = "dbmcp"
_DECLARE = f'DECLARE "{_CURSOR}" CURSOR FOR '
_EXPLAIN = "EXPLAIN (ANALYZE false) "
_BLOCKING = """
SELECT DISTINCT b.pid FROM pg_catalog.pg_locks l, LATERAL pg_catalog.unnest(pg_catalog.pg_blocking_pids(l.pid)) b (pid)
WHERE NOT l.granted AND b.pid = ANY($1)
"""
_LOCKED = """
SELECT c.relname::pg_catalog.text, n.nspname::pg_catalog.text FROM pg_catalog.pg_locks l
JOIN pg_catalog.pg_class c ON c.oid = l.relation JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE l.locktype = 'relation' AND l.pid = pg_catalog.pg_backend_pid() AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
"""
#: The first words of statements whose rows a server-side cursor can have.
_SELECTS = ("select", "with", "values", "table")
_CHANGES = ("insert", "update", "delete", "merge", "with")
_FIRST_WORD = re.compile(r"[\s(]*([a-z]+)", re.I)


_T = TypeVar("_T")


class _Cursor(psycopg.RawCursor[Any]):
    """Sends every statement by the extended protocol, in which the server takes one statement and no more."""

    def _execute_send(self, query: Any, *, force_extended: bool = True, binary: bool | None = None) -> None:  # noqa: ARG002
        super()._execute_send(query, force_extended=True, binary=binary)


class _ServerCursor(psycopg.RawServerCursor[Any]):
    """Its rows stay on the server until they are fetched, by the same protocol."""

    def __del__(self, *_: object) -> None:
        """Leave it to the end of the transaction: closing it here would be one more round trip."""


def _selects(text: str) -> bool:
    """Tell whether *text* gives rows that a server-side cursor can have."""
    if match := _FIRST_WORD.match(text):
        return match[1].lower() in _SELECTS
    try:
        lexemes = lex(text, "postgres").lexemes  # comments nest, which is beyond a pattern
    except LexError:
        return False
    first = next((lexeme for lexeme in lexemes if not lexeme.is_op("(")), None)
    return first is not None and first.is_word(*_SELECTS)


def _command(driver: psycopg.Connection[Any], text: str) -> None:
    """Run several commands of ours in one round trip; only the simple protocol takes them."""
    psycopg.RawCursor(driver).execute(text.encode())


def _typed(run: Callable[[Statement], _T], statement: Statement) -> _T:
    """Return what *run* gives for *statement*; once more with texts as such, where PostgreSQL can't tell their type."""
    try:
        return run(statement)
    except QueryFailed as error:
        typed = with_types(statement, error)
        if typed is None:
            raise
        try:
            return _typed(run, typed)  # it tells of one at a time
        except QueryFailed:
            raise error from None


class PostgresDatabase(SQLDatabase[PostgresSettings]):
    """A PostgreSQL database."""

    drivername = "postgresql+psycopg"

    def __init__(self, settings: PostgresSettings) -> None:
        super().__init__(settings)
        self._types: dict[tuple[int, int], str] = {}
        self._version: tuple[Hashable, Hashable] | None = None
        self._functions = Functions(self.fetch, settings.safe_functions)
        timeout_ms = int(min(settings.timeout_s, 86_400) * 1000) + _GRACE_MS
        local = {**_PINNED, "statement_timeout": timeout_ms, "idle_in_transaction_session_timeout": _IDLE_MS}
        settle = [f"SET LOCAL {name} = '{value}'" for name, value in local.items()]
        if settings.role is not None:
            role = settings.role.replace('"', '""')
            settle.append(f'SET LOCAL ROLE "{role}"')
        self._settle = "; ".join(settle)

    def open_connection(self) -> psycopg.Connection[Any]:
        """Connect with these settings and no others: nothing is taken from a service file or the environment."""
        settings = self.settings
        password = settings.password.reveal() if settings.password is not None else ""
        connection = psycopg.connect(
            host=settings.host,
            port=settings.port or 5432,
            dbname=settings.database,
            user=settings.user,
            password=password,
            sslmode=settings.ssl,
            sslrootcert=settings.ssl_ca or ("system" if settings.ssl == "verify-full" else None),
            # An empty password and no file: those of the environment are not for whatever host a client names.
            passfile=f"{os.devnull}/none",
            options="",
            gssencmode="disable",
            sslcert=settings.ssl_cert,
            sslkey=settings.ssl_key,
            connect_timeout=max(2, round(settings.connect_timeout_s)),
            application_name="dbmcp",
            client_encoding="UTF8",
            keepalives_idle=30,
            tcp_user_timeout=60_000,
            autocommit=True,
            prepare_threshold=None,
            context=ADAPTERS,
        )
        tolerate(connection)
        return connection

    def freshen(self, driver: psycopg.Connection[Any]) -> None:
        """Reset the session; behind a pooler that is the pooler's to do."""
        driver.execute("SELECT 1" if self.settings.transaction_pooling else "DISCARD ALL")

    def begin(self, driver: psycopg.Connection[Any], *, writable: bool) -> None:
        """Begin a transaction and pin, within it alone, what must not depend on account or database."""
        mode = "READ WRITE" if writable else "READ ONLY"
        _command(driver, f"BEGIN TRANSACTION {mode}; {self._settle}")

    def rollback(self, driver: psycopg.Connection[Any]) -> None:
        """Roll back, and free what a rollback leaves: the locks of a session."""
        _command(driver, "ROLLBACK; SELECT pg_catalog.pg_advisory_unlock_all()")

    def commit(self, driver: psycopg.Connection[Any]) -> None:
        """Commit."""
        driver.execute("COMMIT")

    def run(self, driver: psycopg.Connection[Any], statement: Statement, *, stream: bool) -> Any:
        """Run *statement*; what selects has a cursor on the server, other reads (SHOW, EXPLAIN) are short."""
        params = statement.params or None
        if stream and _selects(statement.text):
            cursor: Any = _ServerCursor(driver, _CURSOR)
            try:
                cursor.execute(statement.text, params)
            except psycopg.Error as error:
                raise self.completed(translate(error, statement.text, _DECLARE)) from error
            return cursor
        return _Cursor(driver).execute(statement.text, params)

    def query(self, statement: Statement, running: Running) -> Rows:
        """Run a read; once more, with texts as such, where their type can't be told: nothing has run then."""
        return _typed(lambda one: SQLDatabase.query(self, one, running), statement)

    def execute(self, statement: Statement, running: Running) -> Outcome:
        """Run a write, as ``query`` does a read."""
        return _typed(lambda one: SQLDatabase.execute(self, one, running), statement)

    def columns(self, driver: psycopg.Connection[Any], cursor: Any) -> list[Column]:  # noqa: ARG002
        """Return the header, with types as ``format_type`` gives them."""
        if cursor.pgresult is None:
            return []
        names = [entry.name for entry in cursor.description or ()]
        return [Column(*pair) for pair in zip(names, column_types(cursor.pgresult, self._type), strict=True)]

    def _type(self, oid: int, modifier: int) -> str:
        """Return the name of a type that isn't built in; it may get another one, but not while this is open."""
        known = self._types.get((oid, modifier))
        if known is None:
            known = self._types[oid, modifier] = str(self.fetch(FORMAT_TYPE, [oid, modifier])[0][0])
        return known

    def stop(self, driver: psycopg.Connection[Any]) -> None:
        """Have the server cancel what runs on *driver*."""
        driver.cancel_safe(timeout=2.0)

    def blocking(self, drivers: Collection[psycopg.Connection[Any]]) -> list[Any]:
        """Return those that somebody waits for, as the lock table has it."""
        by_pid = {driver.info.backend_pid: driver for driver in drivers if not driver.closed}
        return [by_pid[pid] for (pid,) in self.fetch(_BLOCKING, [list(by_pid)])]

    def translate(self, error: Exception, text: str) -> DbmcpError:
        """Return the error of dbmcp for one of psycopg's."""
        prefix = _EXPLAIN if text.startswith(_EXPLAIN) else ""
        return translate(error, text.removeprefix(prefix), prefix)

    def explain(self, statement: Statement) -> str:
        """Return the plan. In brackets, ``ANALYZE`` can't be added by how the statement begins."""
        rows = _typed(lambda one: self.fetch(_EXPLAIN + one.text, tuple(one.params)), statement)
        return "\n".join(line for (line,) in rows)

    def prepare(self, statement: Statement) -> None:
        """Have the server plan a write, which it takes for a read."""
        word = _FIRST_WORD.match(statement.text)
        if word is not None and word[1].lower() in _CHANGES:
            self.explain(statement)

    def judge(self, statement: Statement, verdict: Verdict) -> Verdict:
        """Ask the server about what the guard can't parse, and the catalogue about functions, operators and casts."""
        if verdict.code is RefusalCode.UNPARSABLE:
            verdict = self._parsed(statement, verdict)
        return self._functions.judge(statement.text, verdict)

    def _parsed(self, statement: Statement, verdict: Verdict) -> Verdict:
        """Return the verdict on what PostgreSQL's parser takes for the query of a cursor, which it doesn't run.

        That is a query that neither writes in a CTE nor makes a table. Its analysis locks the tables that it names.
        """
        try:
            with self.reading(statement.text) as driver:
                parsed = driver.pgconn.prepare(b"", (_DECLARE + statement.text).encode())
                if parsed.status != psycopg.pq.ExecStatus.COMMAND_OK:
                    error = psycopg.errors.error_from_result(parsed)
                    raise self.completed(translate(error, statement.text, _DECLARE))
                rows = psycopg.RawCursor(driver).execute(_LOCKED).fetchall()
        except QueryFailed as error:
            line, column = error.details.get("line"), error.details.get("column")
            return dataclasses.replace(verdict, reason=str(error), line=line, column=column)  # type: ignore[arg-type]
        # The question itself locks tables of the catalogue.
        said = statement.text.lower()
        tables = [TableName(*row) for row in rows if row[1] != "pg_catalog" or row[0] in said]
        return judge_words(statement.text, "postgres", tables)

    def read_names(self) -> list[TableName]:
        """Return the names of all tables and views."""
        return catalogue.read_names(self.fetch)

    def read_schema(self, only: TableName | None = None) -> list[TableSchema]:
        """Return all tables, or the one that *only* means."""
        if only is None:
            return catalogue.read_tables(self.fetch)
        oid = catalogue.find(self.fetch, only)
        return catalogue.read_tables(self.fetch, oid) if oid is not None else []

    def schema_version(self) -> Hashable:
        """Return what changes with every definition; at once while nobody on the server has written."""
        self._version = catalogue.version(self.fetch, self._version)
        return self._version[1]

    def locks(self) -> list[Lock]:
        """Ask the server what its session, and its account, can do."""
        return locks.look(self.fetch)
