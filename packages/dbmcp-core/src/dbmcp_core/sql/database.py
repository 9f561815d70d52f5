"""A database behind a DB-API driver: pooled, streamed, one statement a transaction; reads are always rolled back."""

# ruff: noqa: ARG002 - the defaults of what an engine overrides

from __future__ import annotations

import difflib
import threading
from abc import abstractmethod
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.pool import QueuePool

from dbmcp_core.database import Batch, Database, batch_bytes
from dbmcp_core.errors import ConnectionFailed, DatabaseError, DbmcpError, NotFound, QueryFailed, UnsupportedError
from dbmcp_core.running import Running
from dbmcp_core.schema import SchemaInfo, TableName, TableSchema
from dbmcp_core.settings import Settings, redact
from dbmcp_core.sql import introspect
from dbmcp_core.sql.parked import Parked
from dbmcp_core.sql.session import Session
from dbmcp_core.statement import Column, Outcome, Result, Rows, Statement

__all__ = ["SQLDatabase"]

_SettingsT = TypeVar("_SettingsT", bound=Settings)

#: Idle connections that are kept for the next statement.
_IDLE = 5
#: Rows of a RETURNING clause that are handed back; the others are written all the same.
_RETURNED = 1_000
#: Rows fetched in one go, at the most.
_FETCH_ROWS = 128
_FETCH_BYTES = 262_144


class SQLDatabase(Database, Generic[_SettingsT]):
    """A database behind a DB-API driver. An engine says what is particular to it in the methods below ``Differences``.

    Connections come from SQLAlchemy's pool; the statements themselves go to the driver as they are.
    """

    #: SQLAlchemy's name of dialect and driver: ``postgresql+psycopg``.
    drivername: ClassVar[str]

    def __init__(self, settings: _SettingsT) -> None:
        self.settings = settings
        self._engine: sa.Engine | None = None
        self._changing = threading.Lock()
        self._lent: set[Session] = set()
        self._parked = Parked(self.blocking)

    # Differences

    @abstractmethod
    def open_connection(self) -> Any:
        """Return a new connection of the driver. Its errors are translated by the caller."""

    def freshen(self, driver: Any) -> None:
        """Make a pooled connection as good as new, or raise the driver's error if it is dead; before each use."""

    def begin(self, driver: Any, *, writable: bool) -> None:
        """Begin the transaction of one statement; one that isn't *writable* must not be able to write."""

    def rollback(self, driver: Any) -> None:
        """End the transaction of a read, or of a write that failed, and leave nothing behind in the session."""
        driver.rollback()

    def commit(self, driver: Any) -> None:
        """Keep what a write did."""
        driver.commit()

    def run(self, driver: Any, statement: Statement, *, stream: bool) -> Any:
        """Run *statement* and return its cursor; with *stream* its rows must stay on the server until fetched."""
        cursor = driver.cursor()
        cursor.execute(statement.text, *([statement.params] if statement.params else []))
        return cursor

    def columns(self, driver: Any, cursor: Any) -> list[Column]:
        """Return the header of *cursor*, with the database's own names of the types."""
        return [Column(entry[0]) for entry in cursor.description or ()]

    def stop(self, driver: Any) -> None:
        """End what runs on *driver*, from another thread; must not wait for it."""

    def blocking(self, drivers: Collection[Any]) -> Collection[Any]:
        """Return those of *drivers*, which are idle in a transaction, whose locks somebody else waits for."""
        return ()

    def generated_keys(self, cursor: Any) -> tuple[Any, ...]:
        """Return the keys that the database made up for the rows that *cursor* wrote."""
        return ()

    def translate(self, error: Exception, text: str) -> DbmcpError:
        """Return the error of dbmcp for one of the driver's, raised by the statement *text* (empty for none).

        A ``QueryFailed`` with a missing ``table`` in its details gets a hint that names the nearest.
        """
        connected = self._engine is not None and not self._engine.dialect.is_disconnect(error, None, None)  # type: ignore[arg-type]
        return QueryFailed(f"{error}") if connected else ConnectionFailed(f"{error}")

    def read_schema(self, only: TableName | None = None) -> list[TableSchema]:
        """Return every table in full, or those that *only* may mean, in a number of queries that doesn't grow."""
        with self._inspector() as inspector:
            return introspect.read_tables(inspector, only)

    def read_names(self) -> list[TableName]:
        """Return the names of all tables and views."""
        with self._inspector() as inspector:
            return introspect.read_names(inspector)

    # What is the same everywhere

    def connect(self) -> None:
        """Make the pool and one connection."""
        with self._changing:
            if self._engine is None:
                engine = sa.create_engine(
                    f"{self.drivername}://",
                    creator=self.open_connection,
                    poolclass=QueuePool,
                    pool_size=_IDLE,
                    max_overflow=-1,  # the executor bounds how many statements run at once
                    pool_reset_on_return=None,  # done by rollback()
                )
                event.listen(engine, "checkout", self._checkout)
                self._engine = engine
        try:
            self.ping()
        except BaseException:
            self.disconnect()
            raise

    def _checkout(self, driver: Any, record: Any, _: Any) -> None:
        if record.info.setdefault("dbmcp_new", True):
            record.info["dbmcp_new"] = False
            return
        try:
            self.freshen(driver)
        except Exception as error:
            raise exc.DisconnectionError from error  # the pool takes another one, or makes it

    def disconnect(self) -> None:
        """Close every connection; statements still running are stopped, and close theirs."""
        with self._changing:
            engine, self._engine = self._engine, None
            lent, self._lent = self._lent, set()
        for session in lent:
            session.end(reusable=False)
            self._stop(session)
        if engine is not None:
            engine.dispose()

    def query(self, statement: Statement, running: Running) -> Rows:
        """Run a read in a transaction that can't write and is rolled back."""
        session = self._take()

        def close() -> None:
            self._give(session, reusable=not running.stopped)

        try:
            with running.cord(lambda: self._stop(session)), self._translated(statement.text), session.busy() as driver:
                self.begin(driver, writable=False)
                cursor = self.run(driver, statement, stream=True)
                columns = self.columns(driver, cursor)
        except BaseException as error:
            self._give(session, reusable=_survived(error) and not running.stopped)
            raise
        return Rows(columns, self._batches(session, cursor, statement, running), close, lambda: self._park(session))

    def _park(self, session: Session) -> bool:
        if session in self._lent:
            self._parked.add(session)
        return True

    def _batches(self, session: Session, cursor: Any, statement: Statement, running: Running) -> Iterator[Batch]:
        most = 4
        while True:
            self._parked.remove(session)
            with running.cord(lambda: self._stop(session)), self._translated(statement.text), session.busy():
                rows = cursor.fetchmany(most)
            batch = Batch(rows, batch_bytes(rows), is_last=len(rows) < most)
            if batch.is_last:  # what waits from here on waits in memory alone
                self._give(session, reusable=not running.stopped)
            if batch:
                yield batch
            if batch.is_last:
                return
            # A few rows first, more as long as they stay small: wide ones must not pile up in memory.
            most = max(1, min(most * 4, _FETCH_ROWS, _FETCH_BYTES * len(batch) // (batch.bytes + 1)))

    def execute(self, statement: Statement, running: Running) -> Outcome:
        """Run a write in a transaction of its own, and commit it."""
        if self.settings.read_only:
            raise UnsupportedError("This source was opened read-only.")
        session = self._take()
        reusable = False
        try:
            with running.cord(lambda: self._stop(session)), self._translated(statement.text), session.busy() as driver:
                self.begin(driver, writable=True)
                cursor = self.run(driver, statement, stream=False)
                outcome = self._outcome(driver, cursor)
            running.raise_if_stopped()
            with self._translated(statement.text), session.busy() as driver:
                self.commit(driver)
            reusable = True
        except DbmcpError as error:
            reusable = _survived(error) and not running.stopped
            raise
        finally:
            self._give(session, reusable=reusable)
        return outcome

    def _outcome(self, driver: Any, cursor: Any) -> Outcome:
        returned = None
        if cursor.description is not None:
            rows = cursor.fetchmany(_RETURNED + 1)
            more = len(rows) > _RETURNED
            returned = Result(tuple(self.columns(driver, cursor)), tuple(map(tuple, rows[:_RETURNED])), truncated=more)
        affected = cursor.rowcount if cursor.rowcount is not None and cursor.rowcount >= 0 else None
        return Outcome(affected, self.generated_keys(cursor), returned)

    def fetch(self, text: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a read of our own, placeholders in the driver's style."""
        with self.reading(text) as driver:
            return [tuple(row) for row in self.run(driver, Statement(text, params), stream=False).fetchall()]

    @contextmanager
    def reading(self, text: str = "", *, writable: bool = False) -> Iterator[Any]:
        """Use a connection within a transaction that can't write, for something short of our own.

        With *writable* nothing stays of it either; some servers plan writes only where they could be run.
        """
        session = self._take()
        reusable = False
        try:
            with self._translated(text), session.busy() as driver:
                self.begin(driver, writable=writable)
                yield driver
            reusable = True
        except DbmcpError as error:
            reusable = _survived(error)
            raise
        finally:
            self._give(session, reusable=reusable)

    def ping(self) -> None:
        """Make one round trip."""
        self.fetch("SELECT 1")

    def get_tables(self, schema: str | None = None) -> list[TableName]:
        """Return all tables and views, sorted."""
        return sorted((name for name in self.read_names() if schema in (None, name.schema)), key=str)

    def get_table_schema(self, table: TableName) -> TableSchema:
        """Return one table; a name as it is spelled goes before one that differs in case."""
        found = self.read_schema(table) if "\x00" not in str(table) else []
        if found:
            return found[0]
        name = str(table)[:200]
        raise NotFound(f"There is no table {name!r}.", hint=self._nearest(name), details={"table": name})

    def _nearest(self, table: str) -> str | None:
        """Return a hint that names the tables whose names are the nearest."""
        names: dict[str, list[str]] = {}
        for name in map(str, self.get_tables()):
            for known in {name.lower(), name.lower().rpartition(".")[2]}:
                names.setdefault(known, []).append(name)
        close = difflib.get_close_matches(table.lower(), names, n=3)
        found = dict.fromkeys(name for known in close for name in names[known])
        return f"Did you mean {', '.join(list(found)[:5])}?" if found else None

    def get_schema(self) -> SchemaInfo:
        """Return every table and view."""
        tables = sorted(self.read_schema(), key=lambda table: str(table.name))
        return SchemaInfo(getattr(self.settings, "database", None) or "", tuple(tables))

    def completed(self, error: DbmcpError) -> DbmcpError:
        """Return *error* with the tables that were likely meant, and with no secret of this source in it."""
        if isinstance(error, QueryFailed) and error.hint is None and "table" in error.details:
            error.hint = self._nearest(str(error.details["table"]))
        secrets = self.settings.secrets()
        error.message = redact(error.message, secrets)
        error.hint = redact(error.hint, secrets) if error.hint is not None else None
        error.args = (error.message,)
        return error

    # Connections

    def _take(self) -> Session:
        engine = self._engine
        if engine is None:
            raise ConnectionFailed("The database is not connected.")
        with self._translated(""):
            session = Session(engine.raw_connection())
        with self._changing:
            if self._engine is engine:
                self._lent.add(session)
                return session
        session.end(reusable=False)
        raise ConnectionFailed("The database was disconnected.")

    def _give(self, session: Session, *, reusable: bool) -> None:
        """Take a connection back, with nothing of its statement left in it."""
        with self._changing:
            ours = session in self._lent
            self._lent.discard(session)
        self._parked.remove(session)
        if not ours:
            return
        try:
            if reusable:
                with session.busy() as driver:
                    self.rollback(driver)
        except Exception:  # noqa: BLE001 - it was only to be reused; closing it ends the transaction too
            reusable = False
        session.end(reusable=reusable)

    def _stop(self, session: Session) -> None:
        try:
            session.stop(self.stop)
        except Exception:  # noqa: BLE001 - the statement may have ended; if not, the cord is pulled again
            return

    @contextmanager
    def _translated(self, text: str) -> Iterator[None]:
        """Raise what the driver raises in the block as an error of dbmcp, without secrets."""
        try:
            yield
        except DbmcpError:
            raise
        except Exception as error:
            cause = error.orig if isinstance(error, exc.DBAPIError) and error.orig is not None else error
            found = self.translate(cause if isinstance(cause, Exception) else error, text)
            raise self.completed(found) from error

    @contextmanager
    def _inspector(self) -> Iterator[sa.Inspector]:
        engine = self._engine
        if engine is None:
            raise ConnectionFailed("The database is not connected.")
        with self._translated(""), engine.connect() as connection:
            yield sa.inspect(connection)


def _survived(error: BaseException) -> bool:
    """Tell whether a connection whose statement ended with *error* can be rolled back and used again."""
    return isinstance(error, DatabaseError) and not error.broken
