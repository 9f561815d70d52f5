"""The process that DuckDB runs in: it opens one database and answers the sessions that connect to it.

A process of its own, for DuckDB's limit on memory covers its tables and sorts but not what a function such as
``repeat`` or ``list_resize`` makes, nor can such a function be interrupted. A process can be limited, and ended.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pickle
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, Listener
from typing import Any, BinaryIO

import duckdb

from dbmcp_core.child import limit_memory
from dbmcp_core.database import batches
from dbmcp_duckdb import exact, opening
from dbmcp_duckdb.caller import About
from dbmcp_duckdb.functions import HIDDEN, Call
from dbmcp_duckdb.kinds import CHANGES, READS, WRITES, NotTaken, one_statement

__all__ = ["NotExact", "TooLarge", "main"]

#: MiB that the process may take beside DuckDB's own limit: its code, threads, and values on their way out.
_BESIDE_MB = 1_024
#: Rows that are made Python's at once.
_AT_ONCE = 8
#: Rows of a RETURNING clause that are handed back; the others are written all the same.
_RETURNED = 1_000
#: Bytes that may be sent at once.
_MOST_BYTES = 64 << 20
#: Seconds that statements have to end when the database is closed.
_PATIENCE_S = 2.0


class NotExact(Exception):
    """A value would lose something on its way through Python."""


class TooLarge(Exception):
    """Some rows are too large to be handed over."""


class Session(threading.Thread):
    """One connection of the parent's, and the statement that runs on it."""

    def __init__(self, place: int, opened: opening.Opened, connection: Connection) -> None:
        super().__init__(daemon=True)
        self._place = place
        self._opened = opened
        self._root = opened.root
        self._connection = connection
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self._rows: Iterator[Any] = iter(())
        self._call: Call | None = None
        #: Which of the parent's statements this is, so that a late stop doesn't hit the next one.
        self.number = 0
        #: Lines that stand before the parent's text in what DuckDB was given.
        self._shift = 0

    def run(self) -> None:
        """Answer until the parent hangs up."""
        with contextlib.suppress(EOFError, OSError):
            while True:
                self._connection.send_bytes(self._answer(self._connection.recv_bytes()))
        self.end()

    def _answer(self, message: bytes) -> bytes:
        self._shift = 0
        try:
            operation, self.number, *args = pickle.loads(message)  # noqa: S301 - from our own parent
            return pickle.dumps((None, getattr(self, operation)(*args)))
        except BaseException as exc:  # noqa: BLE001  # whatever it is, the parent turns it into an error of its own
            self.end()
            return pickle.dumps(((type(exc).__name__, str(exc), self._shift), None))

    def interrupt(self) -> None:
        """Stop what runs; called from another thread."""
        cursor = self._cursor
        if cursor is not None:
            cursor.interrupt()

    # What the parent asks for

    def hello(self) -> int:
        """Return the place that this session is to be stopped by."""
        return self._place

    def query(self, text: str, params: Any, about: About | None = None) -> Any:
        """Run a read up to its first rows, in a transaction that can't write."""
        return self._called(self._query, text, params, about)

    def _query(self, text: str, params: Any, about: About | None) -> tuple[Any, ...]:
        cursor = self._begin()
        text = self._one(cursor, text, READS, about)
        columns = exact.described(cursor, text, params)
        if columns is None:
            cursor = self._begin()  # the failure has spoilt the transaction
            run = text
        else:
            run = exact.wrapped(self._root, text, columns)
            self._shift = int(run != text)
        cursor.execute(run, params)
        header = cursor.description or []
        types = None if columns is not None else [entry[1] for entry in header]
        self._rows = batches(_fetched(cursor, types))
        return columns or [(entry[0], str(entry[1])) for entry in header], *self.fetch()

    def fetch(self) -> tuple[list[tuple[Any, ...]], bool]:
        """Return the next rows, and whether they are known to be the last."""
        batch = next(self._rows, None)
        if batch is None:
            return [], True
        if batch.bytes > _MOST_BYTES:
            raise TooLarge(f"A few rows have {batch.bytes >> 20} MiB; {_MOST_BYTES >> 20} MiB is the limit.")
        return list(batch), batch.is_last

    def execute(self, text: str, params: Any, about: About | None = None) -> Any:
        """Run a write and commit it; an error rolls it back."""
        return self._called(self._execute, text, params, about)

    def _execute(self, text: str, params: Any, about: About | None) -> tuple[Any, ...]:
        cursor = self._new()
        text = self._one(cursor, text, WRITES, about)
        cursor.execute("BEGIN TRANSACTION")
        cursor.execute(text, params)
        header = [(entry[0], str(entry[1])) for entry in cursor.description or []]
        types = [entry[1] for entry in cursor.description or []]
        rows, count = [], 0
        for row in _fetched(cursor, types):
            count += 1
            if count <= _RETURNED:
                rows.append(row)
        cursor.execute("COMMIT")
        self.end()
        return header, rows, count

    def look(self, queries: list[tuple[str, Any]]) -> list[list[tuple[Any, ...]]]:
        """Return the rows of several queries of ours, which see the same state of the database."""
        cursor = self._begin()
        found = [cursor.execute(text, params).fetchall() for text, params in queries]
        self.end()
        return found

    def explain(self, text: str, params: Any, about: About | None = None) -> str:
        """Return the plan of a read, which isn't run."""
        return str(self._called(self._explain, text, params, about))

    def _explain(self, text: str, params: Any, about: About | None) -> str:
        cursor = self._begin()
        text = self._one(cursor, text, frozenset({"SELECT", "MULTI"}), about)
        # A text that begins with ANALYZE is no SELECT, so it can't get here to become EXPLAIN ANALYZE.
        rows = cursor.execute(f"EXPLAIN\n{text}", params).fetchall()
        self.end()
        return "\n".join(str(row[-1]) for row in rows)

    def prepare(self, text: str, params: Any, about: About | None = None) -> None:
        """Have a write planned, which isn't run."""
        self._called(self._prepare, text, params, about)

    def _prepare(self, text: str, params: Any, about: About | None) -> None:
        cursor = self._new()
        cursor.execute("BEGIN TRANSACTION")  # a write isn't planned in one that can't; it is rolled back
        text = self._one(cursor, text, CHANGES, about)
        self._shift = 1
        cursor.execute(f"EXPLAIN\n{text}", params)
        self.end()

    def attempts(self, text: str) -> bool:
        """Return whether *text* runs where a read would."""
        try:
            self._begin().execute(text)
        except duckdb.Error:
            return False
        finally:
            self.end()
        return True

    def end(self) -> None:
        """Leave the statement, its transaction, and all that it may have left behind."""
        self._leave()
        call, self._call = self._call, None
        if call is not None:
            call.end()

    def _leave(self) -> None:
        cursor, self._cursor = self._cursor, None
        self._rows = iter(())
        if cursor is not None:
            with contextlib.suppress(duckdb.Error):
                cursor.rollback()
            cursor.close()

    def _new(self) -> duckdb.DuckDBPyConnection:
        self._leave()
        self._cursor = cursor = self._root.cursor()  # a new one: no temporary table or variable outlives a statement
        if self._call is not None:
            self._call.begin(cursor)
        return cursor

    def _begin(self) -> duckdb.DuckDBPyConnection:
        cursor = self._new()
        cursor.execute("BEGIN TRANSACTION READ ONLY")
        return cursor

    def _called(self, run: Callable[..., Any], text: str, params: Any, about: About | None) -> Any:
        """Run a statement with the functions that it may call; those that only a view names are found by its error."""
        self.end()
        self._call = call = Call(self._opened.functions, about, text)
        while True:
            try:
                return run(text, params, about)
            except duckdb.CatalogException as exc:  # nothing has run yet
                if not call.widen(str(exc)):
                    raise

    def _one(self, cursor: duckdb.DuckDBPyConnection, text: str, allowed: frozenset[str], about: About | None) -> str:
        text = one_statement(cursor, text, allowed)
        if about is None or not about.trusted:
            if HIDDEN in text.lower():  # in a view or a macro it would be there when a tool's statement comes
                raise NotTaken(f"Functions that begin with {HIDDEN} are for the project's tools alone.")
            if self._opened.held is not None:
                self._opened.held.check(cursor, text)
        return text


def _fetched(cursor: duckdb.DuckDBPyConnection, types: list[Any] | None) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of *cursor*; with *types*, those of columns that no cast has made exact."""
    if cursor.description is None:
        return
    while rows := cursor.fetchmany(_AT_ONCE):
        for row in rows:
            if types is not None and not exact.is_exact(types, row):
                raise NotExact("A value of this result can't be handed over exactly.")
        yield from rows


def _accept(listener: Listener, opened: opening.Opened, sessions: dict[int, Session]) -> None:
    for place in itertools.count():
        with contextlib.suppress(Exception):  # one that hangs up at once must not take the others down
            session = Session(place, opened, listener.accept())
            session.start()
            for gone in [key for key, other in sessions.items() if not other.is_alive()]:
                del sessions[gone]
            sessions[place] = session


def _control(lines: BinaryIO, sessions: dict[int, Session]) -> None:
    """Stop statements as the parent says, until it closes its end or is gone."""
    for line in lines:
        place, number = map(int, line.split())
        session = sessions.get(place)
        if session is not None and session.number == number:
            session.interrupt()


def _close(root: duckdb.DuckDBPyConnection, sessions: list[Session]) -> None:
    """End every statement, so that DuckDB closes the file and leaves no log beside it."""
    until = time.monotonic() + _PATIENCE_S
    for session in sessions:
        while session.is_alive() and time.monotonic() < until:
            session.interrupt()
            session.join(0.02)
    root.close()


def _own_streams() -> tuple[BinaryIO, BinaryIO]:
    """Return the streams from and to the parent, and leave others in their place to whatever code is loaded here."""
    incoming = os.fdopen(os.dup(0), "rb")
    outgoing = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    return incoming, outgoing


def main() -> None:
    """Run until the parent closes this process's input."""
    incoming, outgoing = _own_streams()
    config = pickle.load(incoming)  # noqa: S301 - from our own parent
    sessions: dict[int, Session] = {}
    try:
        limit_memory(config["limit_mb"] and config["limit_mb"] + _BESIDE_MB)
        opened = opening.opened(config)
        listener = Listener(config["address"], backlog=64, authkey=config["key"])
        answer: Any = (None, (opened.problems, sorted(opened.functions.macros)))
    except BaseException as exc:  # noqa: BLE001  # the parent says it
        answer = ((type(exc).__name__, str(exc), 0), None)
    with contextlib.suppress(OSError):  # the parent may be gone already
        pickle.dump(answer, outgoing)
        outgoing.close()
    if answer[0] is None:
        threading.Thread(target=_accept, args=[listener, opened, sessions], daemon=True).start()
        _control(incoming, sessions)
        _close(opened.root, list(sessions.values()))
    shutil.rmtree(config["temporary"], ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main()
