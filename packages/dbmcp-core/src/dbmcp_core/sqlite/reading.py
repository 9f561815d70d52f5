"""Reads: the connection they run on, the stream of their rows, and the types of their columns."""

from __future__ import annotations

import itertools
import re
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from typing import Any

from dbmcp_core.database import Lock, batches
from dbmcp_core.errors import CursorExpired
from dbmcp_core.running import Running
from dbmcp_core.sqlite.binding import bindable, without_parameters
from dbmcp_core.sqlite.errors import Names, wrapped
from dbmcp_core.sqlite.locks import BEGIN, ROLLBACK, SCRATCH_VIEW, Authorizer
from dbmcp_core.statement import Column, Params, Statement
from dbmcp_core.values import UndecodedText

__all__ = ["Describer", "Reader", "Reading"]

Row = tuple[Any, ...]

#: Statements that may give other rows when they run again on the same data.
_VOLATILE = re.compile(
    r"""\b(?:random|randomblob|changes|total_changes|last_insert_rowid)\s*\( | \bcurrent_(?:date|time|timestamp)\b
    | 'now' | \b(?:date|time|datetime|julianday|unixepoch)\s*\(\s*\) | \bstrftime\s*\([^,()]*\)""",
    re.I | re.X,
)


#: Seconds for which types are taken to be what they were; looking costs as much as a small statement.
_LOOK_AGAIN_S = 0.1


def _tolerant(text: bytes) -> str | UndecodedText:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return UndecodedText(text)


class Reader:
    """One connection for reading, and its authorizer."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._authorizer = Authorizer("read")
        connection.set_authorizer(self._authorizer)

    def begin(self) -> None:
        """Open the read transaction of one statement."""
        self._own(BEGIN)

    def rollback(self) -> None:
        """End it; there is never anything to keep."""
        if self.connection.in_transaction:
            self._own(ROLLBACK)

    def _own(self, text: str) -> None:
        self._authorizer.own = True
        try:
            self.connection.execute(text)
        finally:
            self._authorizer.own = False

    def fetch(self, text: str, params: Params = ()) -> list[Row]:
        """Return all rows of a short statement of ours."""
        return self.connection.execute(text, bindable(text, params)).fetchall()

    def locks(self) -> list[Lock]:
        """Try, one after the other, what must not be possible here."""

        def value(pragma: str) -> int:
            return int(self.connection.execute(f"PRAGMA {pragma}").fetchone()[0])

        heap = value("hard_heap_limit")
        length = self.connection.getlimit(sqlite3.SQLITE_LIMIT_LENGTH)
        return [
            Lock("file opened read-only", self._file_is_read_only(), "mode=ro"),
            Lock("query_only", value("query_only") == 1, "PRAGMA query_only"),
            Lock("authorizer", self._denied("SAVEPOINT dbmcp"), "SQLite asks us at each action it compiles"),
            Lock("schema is not trusted", value("trusted_schema") == 0, "PRAGMA trusted_schema"),
            Lock("memory is limited", heap > 0, f"{heap // 2**20} MiB for SQLite in this process"),
            Lock("values are limited", length < 10**9, f"{length // 2**20} MiB each"),
        ]

    def _denied(self, text: str) -> bool:
        try:
            self.connection.execute(text)
        except sqlite3.Error:
            return True
        return False

    def _file_is_read_only(self) -> bool:
        """Try to write without the other locks."""
        self.connection.set_authorizer(None)
        self.connection.execute("PRAGMA query_only = OFF")
        try:
            self.connection.execute("BEGIN")
            return self._denied("PRAGMA user_version = 0")
        finally:
            self.connection.rollback()
            self.connection.execute("PRAGMA query_only = ON")
            self.connection.set_authorizer(self._authorizer)

    def end(self) -> None:
        """Close the connection."""
        self.connection.close()


class Reading:
    """The rows of one read. From the second batch on a transaction pins the data, so that it can start over."""

    def __init__(self, reader: Reader, statement: Statement, running: Running, names: Names) -> None:
        self._reader = reader
        self._statement = statement
        self._running = running
        self._names = names
        self._seen = 0
        self._cursor: sqlite3.Cursor | None = None
        self._left_at: int | None = None

    def start(self, describer: Describer) -> tuple[Column, ...]:
        """Run the statement up to its first row and return the columns."""
        # Before the statement holds its lock: a writer that waits for it keeps the describer out.
        types = describer.types(self._statement.text)
        # Text that is not UTF-8 stops a fast cursor, and running again must give the same rows.
        if _VOLATILE.search(self._statement.text):
            self._reader.connection.text_factory = _tolerant
        with self._running.cord(self._reader.connection.interrupt):
            self._execute()
        assert self._cursor is not None  # noqa: S101 - for the type checker
        header = self._cursor.description or ()
        if len(types) != len(header):
            types = ("",) * len(header)
        return tuple(Column(entry[0], kind) for entry, kind in zip(header, types, strict=True))

    def _execute(self) -> None:
        text = self._statement.text.rstrip("; \t\r\n\f")  # sqlite3 takes one semicolon at the end, people send two
        self._cursor = self._reader.connection.execute(text, bindable(text, self._statement.params))

    def batches(self) -> Iterator[list[Row]]:
        """Yield the rows in batches; an undecodable text makes it start over, tolerantly, at the row it had reached."""
        with wrapped(self._statement.text, self._names), self._running.cord(self._reader.connection.interrupt):
            while True:
                if self._left_at is not None:
                    self._return()
                try:
                    for batch in batches(self._rows()):
                        self._seen += len(batch)
                        yield batch
                        if self._left_at is not None:
                            break
                        if not batch.is_last and not self._reader.connection.in_transaction:
                            self._reader.begin()  # the open statement has pinned the data, and this keeps it pinned
                    else:
                        return
                except sqlite3.OperationalError as exc:
                    if "decode to UTF-8" not in str(exc) or self._reader.connection.text_factory is _tolerant:
                        raise
                    self._reader.connection.text_factory = _tolerant
                    self._again()

    def _rows(self) -> Iterator[Row]:
        return iter(self._cursor or ())

    def _again(self) -> None:
        """Run the statement again, within the same transaction, up to the first row that was not handed out."""
        self._execute()
        for _ in itertools.islice(self._rows(), self._seen):
            pass

    def park(self) -> bool:
        """Hold no lock while nobody reads, and return whether the reading can go on later.

        With a write-ahead log a reader is in nobody's way, so the statement stays open. Without one it would keep
        writers from committing, so it is given up, to be run again where nothing has changed meanwhile.
        """
        connection = self._reader.connection
        if connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
            return True
        if _VOLATILE.search(self._statement.text):
            return False
        self._left_at = self._data_version()
        self._leave()
        return True

    def _return(self) -> None:
        left_at, self._left_at = self._left_at, None
        self._reader.begin()
        if self._data_version() != left_at:
            raise CursorExpired("The database has changed since the first rows were read.", hint="Ask again.")
        self._again()

    def _data_version(self) -> int:
        return int(self._reader.connection.execute("PRAGMA data_version").fetchone()[0])

    def _leave(self) -> None:
        if self._cursor is not None:
            self._cursor.close()
            self._cursor = None
        self._reader.rollback()

    def close(self) -> None:
        """Leave the connection as it was found."""
        try:
            self._leave()
        finally:
            self._reader.connection.text_factory = str


class Describer:
    """Asks SQLite for the declared types of a result's columns, by way of a temporary view.

    ``sqlite3`` doesn't hand out ``sqlite3_column_decltype``, but a view's columns have types that can be read.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        self._version: Hashable = None
        self._looked_at = 0.0

    def types(self, text: str) -> tuple[str, ...]:
        """Return the types of the columns of *text*, a read; empty where it can't stand in a view."""
        with self._lock:
            now = time.monotonic()
            if now - self._looked_at > _LOOK_AGAIN_S:
                self._looked_at = now
                version = self._schema_version()
                if version != self._version:
                    self._known.clear()
                    self._version = version
            known = self._known.get(text)
            if known is None:
                known = self._known[text] = self._ask(text)
                if len(self._known) > 256:
                    self._known.popitem(last=False)
            return known

    def _ask(self, text: str) -> tuple[str, ...]:
        # A view can't have parameters; none of them decides a column's declared type.
        without = without_parameters(text)
        self._connection.set_authorizer(Authorizer("scratch"))
        try:
            self._connection.execute(f"CREATE TEMP VIEW {SCRATCH_VIEW} AS {without}")
            try:
                rows = self._connection.execute("SELECT type FROM pragma_table_info(?)", [SCRATCH_VIEW]).fetchall()
            finally:
                self._connection.execute(f"DROP VIEW temp.{SCRATCH_VIEW}")
        except sqlite3.Error:  # PRAGMA and EXPLAIN, or a column's name that a view can't have: no types, but rows
            return ()
        finally:
            self._connection.set_authorizer(None)
        return tuple(row[0] for row in rows)

    def schema_version(self) -> int:
        """Return SQLite's count of schema changes."""
        with self._lock:
            return self._schema_version()

    def _schema_version(self) -> int:
        return int(self._connection.execute("PRAGMA schema_version").fetchone()[0])

    def compile(self, text: str, params: Params, role: str = "read") -> tuple[Authorizer, sqlite3.Error | None]:
        """Let SQLite compile *text* without running it; return what that would do, and the error if there is one."""
        authorizer = Authorizer(role)
        explain = text if re.match(r"\s*explain\b", text, re.I) else f"EXPLAIN {text}"
        with self._lock:
            self._connection.set_authorizer(authorizer)
            try:
                self._connection.execute(explain, bindable(explain, params)).close()
            except sqlite3.Error as exc:
                return authorizer, exc
            finally:
                self._connection.set_authorizer(None)
        return authorizer, None

    def close(self) -> None:
        """Close the connection, once whoever uses it is done."""
        with self._lock:
            self._connection.close()
