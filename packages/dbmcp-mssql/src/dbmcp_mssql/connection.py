"""A connection of pyodbc with what its user needs to know of it: what runs on it, and whether it was told to stop."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from typing import Any

import pyodbc  # type: ignore[import-not-found]

from dbmcp_mssql.clr import DECODERS
from dbmcp_mssql.types import CONVERTERS, LATE_CONVERTERS, parameter

__all__ = ["Connection", "Cursor"]

#: Seconds until a cancel that had no effect is sent again: it may have come before the statement was sent. Sooner it
#: could meet the driver while that puts the error of the first one together, and FreeTDS doesn't survive it.
_CANCEL_AGAIN_S = 1.0


class Cursor:
    """The rows of one statement, as tuples."""

    def __init__(self, connection: Connection, cursor: pyodbc.Cursor) -> None:
        self._connection = connection
        self._cursor = cursor
        #: By a column's place, the type of those whose bytes are to be made text.
        self.types: dict[int, str] = {}

    @property
    def description(self) -> Any:
        """The columns, as DB-API has them; ``None`` where the statement gives no rows."""
        return self._cursor.description

    @property
    def rowcount(self) -> int:
        """How many rows were changed, or -1."""
        return int(self._cursor.rowcount)

    def fetchmany(self, size: int) -> list[tuple[Any, ...]]:
        """Return the next rows."""
        if self._cursor.description is None:
            return []
        rows = [tuple(row) for row in self._cursor.fetchmany(size)]
        self._connection.raise_if_cancelled()
        return [self._decoded(row) for row in rows] if self.types else rows

    def _decoded(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        values = list(row)
        for at, name in self.types.items():
            values[at] = DECODERS[name](values[at]) if values[at] is not None else None
        return tuple(values)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all rows that are left."""
        return [tuple(row) for row in self._cursor.fetchall()] if self._cursor.description is not None else []

    def nextset(self) -> bool:
        """Go on to the next result; raises the error of a statement that came after the first result."""
        return bool(self._cursor.nextset())


class Connection:
    """One connection: a single statement at a time, which can be cancelled from another thread."""

    def __init__(self, driver: pyodbc.Connection) -> None:
        self._driver = driver
        self._running: pyodbc.Cursor | None = None
        self._cancelled = False
        #: A statement that is freed while it is cancelled takes the process down.
        self._freeing = threading.Lock()
        self._cancel_at = -math.inf
        #: The session's number on the server.
        self.spid = 0
        #: Whether something may be left in the session that a rollback doesn't undo.
        self.is_used_up = False
        # Else the driver puts varchar into the encoding of this program's surroundings, which may lack characters.
        driver.setdecoding(pyodbc.SQL_CHAR, encoding="utf-16le", ctype=pyodbc.SQL_WCHAR)
        for kind, convert in CONVERTERS.items():
            driver.add_output_converter(kind, convert)

    def execute(self, text: str, params: Sequence[Any] = ()) -> Cursor:
        """Run one text and return its cursor."""
        self.close_cursor()
        for kind in LATE_CONVERTERS:
            self._driver.remove_output_converter(kind)
        cursor = self._driver.cursor()
        cursor.noscan = True  # braces are no escapes of ODBC's: ``{call …}`` would be a procedure's call
        self._cancelled, self._cancel_at, self._running = False, -math.inf, cursor
        cursor.execute(text, *([[parameter(value) for value in params]] if params else []))
        self.raise_if_cancelled()
        for kind, convert in LATE_CONVERTERS.items():
            self._driver.add_output_converter(kind, convert)
        return Cursor(self, cursor)

    def cancel(self) -> None:
        """End what runs; from another thread, and as often as anybody likes."""
        self._cancelled = True
        with self._freeing:
            now = time.monotonic()
            if self._running is not None and now - self._cancel_at >= _CANCEL_AGAIN_S:
                self._cancel_at = now
                self._running.cancel()

    def raise_if_cancelled(self) -> None:
        """Raise for a cancel that the driver took for the end of the rows."""
        if self._cancelled:
            raise pyodbc.OperationalError("HY008", "[HY008] Operation canceled (0)")

    def close_cursor(self) -> None:
        """Give up the rows that nobody read."""
        with self._freeing:
            cursor, self._running = self._running, None
            if cursor is not None:
                cursor.close()

    def drain(self) -> None:
        """Read to the end of all results, for the errors that may stand there."""
        cursor = self._running
        while cursor is not None and cursor.nextset():
            pass
        self.close_cursor()

    def commit(self) -> None:
        """Commit."""
        self._driver.commit()

    def rollback(self) -> None:
        """Roll back."""
        self.close_cursor()
        self._driver.rollback()

    def close(self) -> None:
        """Close; what isn't committed is rolled back by the server."""
        with self._freeing:
            self._running = None
            self._driver.close()
