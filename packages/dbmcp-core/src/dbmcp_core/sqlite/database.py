"""One open SQLite database: readers beside one writer, each on a connection that can do no more than it must."""

from __future__ import annotations

import difflib
import errno
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

from dbmcp_core.database import Database, Lock
from dbmcp_core.errors import ConnectionFailed, NotFound, UnsupportedError
from dbmcp_core.running import Running
from dbmcp_core.schema import SchemaInfo, TableName, TableSchema
from dbmcp_core.sqlite import introspect, judge, locks
from dbmcp_core.sqlite.errors import wrapped
from dbmcp_core.sqlite.reading import Describer, Reader, Reading
from dbmcp_core.sqlite.settings import MEMORY, SQLiteSettings
from dbmcp_core.sqlite.writing import write
from dbmcp_core.statement import Outcome, Rows, Statement, Verdict

__all__ = ["SQLiteDatabase"]

_T = TypeVar("_T")

#: Readers that are kept open while nobody uses them.
_IDLE = 8
#: Seconds between two looks at which file is there, and of a waiting write at whether it was stopped meanwhile.
_LOOK_S = 0.05


class SQLiteDatabase(Database):
    """A database file, or a database in memory that lives until ``disconnect``."""

    def __init__(self, settings: SQLiteSettings) -> None:
        self.settings = settings
        self._uri = locks.address(settings)
        self._idle: list[Reader] = []
        self._busy: set[Reader] = set()
        self._pool = threading.Lock()
        self._writing = threading.Lock()
        self._anchor: sqlite3.Connection | None = None
        self._describer: Describer | None = None
        self._identity: tuple[int, int] | None = None
        self._looked_at = 0.0

    def connect(self) -> None:
        """Open the file and read its header, so that a wrong file is found now and not by the first statement."""
        if self._describer is not None:
            return
        if sqlite3.sqlite_version_info < (3, 37):
            raise ConnectionFailed(f"SQLite {sqlite3.sqlite_version} is too old.", hint="dbmcp needs 3.37 or newer.")
        try:
            self._open()
        except BaseException:
            self.disconnect()
            raise

    def _open(self) -> None:
        settings = self.settings
        if settings.filename == MEMORY:
            self._anchor = locks.open_writer(settings, self._uri, create=True)
        else:
            self._check_file(Path(settings.filename).expanduser())
        self._identity = self._look_at_file()
        with wrapped():
            self._describer = Describer(locks.open_scratch(settings, self._uri))
            self.ping()

    def _look_at_file(self) -> tuple[int, int] | None:
        """Return which file the name leads to now; None for a database in memory."""
        if self.settings.filename == MEMORY:
            return None
        path = Path(self.settings.filename).expanduser()
        try:
            found = path.stat()
        except OSError as exc:
            raise _no_file(path, f"is not there any more: {exc.strerror}", "missing") from exc
        return found.st_dev, found.st_ino

    def _follow_file(self) -> None:
        """Leave a file that was deleted, and let go of one that another was put in the place of."""
        now = time.monotonic()
        if now - self._looked_at < _LOOK_S:
            return
        self._looked_at = now
        with self._pool, wrapped():
            identity = self._look_at_file()
            if identity == self._identity or self._describer is None:
                return
            self._identity = identity
            idle, self._idle, self._busy = self._idle, [], set()  # the busy ones end when they are given back
            describer, self._describer = self._describer, Describer(locks.open_scratch(self.settings, self._uri))
        for reader in idle:
            reader.end()
        describer.close()

    def _check_file(self, path: Path) -> None:
        settings = self.settings
        mode = _mode(path)
        if mode is not None and stat.S_ISDIR(mode):
            raise _no_file(path, "is a folder, not a database file", "directory")
        if mode is not None and not stat.S_ISREG(mode):  # to open a pipe would be to wait for its other end
            raise _no_file(path, "is not a regular file", "not_a_database")
        if mode is None:
            if not settings.create_if_not_exists:
                raise _no_file(
                    path, "does not exist", "missing", "Check the path, or set create_if_not_exists = true to make it."
                )
            with wrapped(), closing(locks.open_writer(settings, self._uri, create=True)) as connection:
                connection.execute("PRAGMA user_version = 0")
        # Not by opening it: on POSIX, to close a file gives up every lock that this process has on it, SQLite's too.
        if not os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
            raise _no_file(path, f"can't be read: {os.strerror(errno.EACCES)}", "permission")

    def disconnect(self) -> None:
        """Close every connection; statements still running are interrupted, and end theirs."""
        with self._pool:
            idle, busy = self._idle, self._busy
            self._idle, self._busy = [], set()
            describer, self._describer = self._describer, None
            anchor, self._anchor = self._anchor, None
        for reader in busy:  # in use on another thread, which ends it when it gives it back
            reader.connection.interrupt()
        for reader in idle:
            reader.end()
        if describer is not None:
            describer.close()
        if anchor is not None:
            anchor.close()

    def query(self, statement: Statement, running: Running) -> Rows:
        """Run a read on a connection that can't write."""
        reader = self._take()
        reading = Reading(reader, statement, running, self._names)

        def close() -> None:
            reading.close()
            self._give(reader)

        def park() -> bool:
            with wrapped():
                return reading.park()

        try:
            with wrapped(statement.text, self._names):
                describer = self._open_describer()
                columns = locks.patient(self.settings, running, lambda: reading.start(describer))
        except BaseException:
            close()
            raise
        return Rows(columns, reading.batches(), close, park)

    def execute(self, statement: Statement, running: Running) -> Outcome:
        """Run a write on a connection of its own, and commit it."""
        if self.settings.read_only:
            raise UnsupportedError("This source was opened read-only.")
        self._open_describer()
        with (
            self._write_turn(running),
            wrapped(statement.text, self._names),
            closing(locks.open_writer(self.settings, self._uri)) as connection,
        ):
            return write(connection, statement, running, self.settings)

    @contextmanager
    def _write_turn(self, running: Running) -> Iterator[None]:
        """Wait for the other writers of this source; a statement that is stopped meanwhile waits no longer."""
        while not self._writing.acquire(timeout=_LOOK_S):
            running.raise_if_stopped()
        try:
            yield
        finally:
            self._writing.release()

    def explain(self, statement: Statement) -> str:
        """Return SQLite's query plan, one step a line, indented by depth."""
        with wrapped(statement.text, self._names), self._reader() as reader:
            depth = {0: -1}
            lines = []
            for number, parent, _, detail in reader.fetch(f"EXPLAIN QUERY PLAN {statement.text}", statement.params):
                depth[number] = depth.get(parent, -1) + 1
                lines.append("  " * depth[number] + detail)
            return "\n".join(lines)

    def prepare(self, statement: Statement) -> None:
        """Have SQLite compile a write under EXPLAIN, with an authorizer that allows what writes may do."""
        describer = self._open_describer()
        with wrapped(statement.text, self._names):
            _, error = describer.compile(statement.text, statement.params, "write")
            if error is not None:
                raise error

    def judge(self, statement: Statement, verdict: Verdict) -> Verdict:
        """Let SQLite's own parser decide what the guard could not parse."""
        return judge.second_opinion(self._open_describer(), statement, verdict)

    def get_tables(self, schema: str | None = None) -> list[TableName]:
        """Return all tables and views; SQLite's one schema is ``main``."""
        if schema not in (None, "main"):
            return []
        return [TableName(name) for name in self._look(introspect.read_names)]

    def get_table_schema(self, table: TableName) -> TableSchema:
        """Return one table; names are compared as SQLite does, without regard to case."""
        names = {name.lower(): name for name in self._look(introspect.read_names)}
        name = names.get(table.name.lower())
        found = self._look(lambda connection: introspect.read_tables(connection, [name])) if name is not None else []
        if not found or table.schema not in (None, "main"):
            close = difflib.get_close_matches(table.name.lower(), names, n=3)
            hint = f"Did you mean {', '.join(names[one] for one in close)}?" if close else None
            raise NotFound(f"There is no table {str(table)!r}.", hint=hint, details={"table": str(table)})
        return found[0]

    def get_schema(self) -> SchemaInfo:
        """Return every table and view."""
        name = self.settings.filename
        tables = self._look(introspect.read_tables)
        return SchemaInfo(name if name == MEMORY else Path(name).stem, tuple(tables))

    def schema_version(self) -> Hashable:
        """Return SQLite's own count of schema changes."""
        describer = self._open_describer()
        with wrapped():
            return locks.patient(self.settings, Running(), describer.schema_version)

    def ping(self) -> None:
        """Read the first page."""
        self._look(lambda connection: connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone())

    def locks(self) -> list[Lock]:
        """Ask the connection that reads use what it can't do."""
        with wrapped(), self._reader() as reader:
            return reader.locks()

    def _open_describer(self) -> Describer:
        if self._describer is None:
            raise ConnectionFailed("The database is not connected.")
        return self._describer

    def _look(self, look: Callable[[sqlite3.Connection], _T]) -> _T:
        """Return what *look* finds in the catalogue."""
        with wrapped(), self._reader() as reader:
            return locks.patient(self.settings, Running(), lambda: look(reader.connection))

    def _names(self, kind: str) -> Iterable[str]:
        """Return the tables, or the columns of all tables, for the hint in an error."""
        if kind == "table":
            return self._look(introspect.read_names)
        return {column.name for table in self._look(introspect.read_tables) for column in table.columns}

    @contextmanager
    def _reader(self) -> Iterator[Reader]:
        reader = self._take()
        try:
            yield reader
        finally:
            self._give(reader)

    def _take(self) -> Reader:
        self._open_describer()
        self._follow_file()
        with self._pool:
            reader = self._idle.pop() if self._idle else None
        if reader is None:
            with wrapped():
                reader = Reader(locks.open_reader(self.settings, self._uri))
        with self._pool:
            self._busy.add(reader)
        return reader

    def _give(self, reader: Reader) -> None:
        with self._pool:
            kept = reader in self._busy and len(self._idle) < _IDLE and self._describer is not None
            self._busy.discard(reader)
            if kept:
                self._idle.append(reader)
        if not kept:
            reader.end()


def _mode(path: Path) -> int | None:
    """Return the kind of file that *path* is, or None if there is none."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):  # the last for a path with a NUL
        return None
    except OSError as exc:
        raise _no_file(path, f"can't be read: {exc.strerror}", "permission") from exc


def _no_file(path: Path, what: str, reason: str, hint: str | None = None) -> ConnectionFailed:
    return ConnectionFailed(f"The file {str(path)!r} {what}.", hint=hint, details={"reason": reason})
