"""One connection of the pool, lent to one statement, and safe to be taken away from it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dbmcp_core.errors import ConnectionFailed, CursorExpired

if TYPE_CHECKING:
    from sqlalchemy.pool import PoolProxiedConnection

__all__ = ["Session"]


class Session:
    """A connection in the hands of one statement.

    The statement uses it under ``busy``, on whatever thread reads its rows. ``end`` may come from another thread: it
    takes the connection at once if nobody is using it, or else as soon as it is let go.
    """

    def __init__(self, pooled: PoolProxiedConnection) -> None:
        self._pooled = pooled
        self._using = threading.Lock()
        self._stopping = threading.Lock()
        self._ended = False
        self._closed = False
        self._gave_way = False
        #: The driver's own connection.
        self.driver: Any = pooled.driver_connection

    @contextmanager
    def busy(self) -> Iterator[Any]:
        """Use the driver's connection."""
        with self._using:
            if self._gave_way:
                raise CursorExpired("The rest of the result was given up: it kept somebody waiting.", hint="Ask again.")
            if self._ended:
                raise ConnectionFailed("The source was disconnected.", hint="Ask again: it is opened anew.")
            try:
                yield self.driver
            finally:
                if self._ended:
                    self._close(reusable=False)

    def give_way(self) -> None:
        """End a session that waits for its reader, and with it whatever it locks; its reader is told why."""
        self._gave_way = True
        self.end(reusable=False)

    def end(self, *, reusable: bool) -> None:
        """Give the connection back to the pool, or close it if it isn't *reusable*."""
        self._ended = True
        if not self._using.acquire(blocking=False):  # its user closes it on the way out
            return
        try:
            self._close(reusable=reusable)
        finally:
            self._using.release()

    def stop(self, stop: Callable[[Any], None]) -> None:
        """Have *stop* end what runs here, from another thread, unless the connection was given back meanwhile.

        It is not closed under it: a driver written in C may take the whole process down for that.
        """
        with self._stopping:
            if not self._closed:
                stop(self.driver)

    def _close(self, *, reusable: bool) -> None:
        with self._stopping:
            if self._closed:
                return
            self._closed = True
            if reusable:
                self._pooled.close()
            else:
                self._pooled.invalidate()
