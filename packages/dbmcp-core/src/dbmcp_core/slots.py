"""One source's place in the executor: opened when first needed, by one caller at a time, and not hammered when down."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from dbmcp_core.config import Source
from dbmcp_core.database import Database, SupportsLocks
from dbmcp_core.errors import DatabaseError, DbmcpError, LimitExceeded, UnknownSource
from dbmcp_core.running import Running

__all__ = ["Slot"]

_log = logging.getLogger("dbmcp")

#: Seconds that a source is left alone after its first failure to open; doubled at each further one …
_COOL_DOWN_S = 0.5
#: … up to this.
_COOL_DOWN_MOST_S = 15.0
#: Calls that may wait for their turn on one source; more are refused at once.
_MOST_WAITING = 128
#: Seconds between two looks of a waiting call at whether it was stopped meanwhile.
_LOOK_S = 0.05


class Slot:
    """A source, its database while it is open, and the turns of those who use it."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._opening = threading.Lock()
        self._database: Database | None = None
        self._failure: DbmcpError | None = None
        self._failures = 0
        self._again_at = 0.0
        self._turns = threading.BoundedSemaphore(max(1, source.settings.max_concurrent))
        self._waiting = 0
        self._running: set[Running] = set()
        self._removed = False

    def open(self) -> Database:
        """Return the open database; connect it if it isn't.

        Raises:
            DbmcpError: the reason why it can't be opened; for a while after a failure the same one, at once.
        """
        database = self._database
        return database if database is not None else self._open()

    def _open(self) -> Database:
        with self._opening:  # whoever waited here gets the first one's database, or its error
            if self._removed:
                raise UnknownSource(f"Source {self.source.name!r} was removed.")
            if self._database is not None:
                return self._database
            if self._failure is not None and time.monotonic() < self._again_at:
                raise self._failure.with_traceback(None)
            database = self.source.engine.open(self.source.settings)
            try:
                database.connect()
            except DbmcpError as exc:
                database.disconnect()
                self._cool_down(exc)
                raise
            except BaseException:
                database.disconnect()
                raise
            self._database, self._failure, self._failures = database, None, 0
            _warn(self.source, database)
            return database

    def _cool_down(self, exc: DbmcpError) -> None:
        self._failure = exc
        self._again_at = time.monotonic() + min(_COOL_DOWN_S * 2**self._failures, _COOL_DOWN_MOST_S)
        self._failures += 1

    @property
    def is_open(self) -> bool:
        """Whether the database is connected, as far as we know."""
        return self._database is not None

    def drop(self, database: Database | None = None) -> None:
        """Disconnect, so that the next call opens anew; only if it is still *database*, where that is given."""
        with self._opening:
            if self._database is None or (database is not None and self._database is not database):
                return
            database, self._database = self._database, None
        database.disconnect()

    def stop(self, *, removed: bool = False) -> None:
        """Stop every statement that runs here or waits, then disconnect; for good if the source is *removed*."""
        with self._opening:
            self._removed = self._removed or removed
        for running in self._running.copy():
            running.cancel(f"Source {self.source.name!r} was disconnected.")
        self.drop()

    @contextmanager
    def turn(self, running: Running) -> Iterator[None]:
        """Wait for one of the source's turns, and hold it for the block.

        Raises:
            LimitExceeded: if too many wait already.
            QueryStopped: if *running* is stopped while it waits.
        """
        self._running.add(running)
        try:
            if not self._turns.acquire(blocking=False):
                self._wait(running)
            try:
                yield
            finally:
                self._turns.release()
        finally:
            self._running.discard(running)

    def _wait(self, running: Running) -> None:
        if self._waiting >= _MOST_WAITING:
            raise LimitExceeded(
                f"{self._waiting} calls wait for source {self.source.name!r} already.", hint="Try again in a moment."
            )
        self._waiting += 1
        try:
            while not self._turns.acquire(timeout=_LOOK_S):
                running.raise_if_stopped()
        finally:
            self._waiting -= 1


def _warn(source: Source, database: Database) -> None:
    """Log the layers of read-only that don't hold on a source that was just opened."""
    if not source.settings.read_only or not isinstance(database, SupportsLocks):
        return
    try:
        locks = database.locks()
    except DatabaseError as exc:
        _log.warning("Source %r: its locks can't be looked at: %s", source.name, exc)
        return
    for lock in locks:
        if not lock.holds:
            _log.warning("Source %r is read-only, but for the layer %r: %s.", source.name, lock.name, lock.detail)
