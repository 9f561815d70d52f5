"""Sessions whose results wait for their readers: they give way as soon as somebody waits for their locks.

A transaction that has read a table keeps its definition from being changed, by an ``ALTER`` or a ``DROP``, until it
ends. A result that is being read is in nobody's way for long; one that waits for its reader may be.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from typing import Any

from dbmcp_core.sql.session import Session

__all__ = ["Parked"]

#: Seconds between two looks.
_LOOK_S = 0.5


class Parked:
    """The parked sessions of one database, and the thread that looks after them while there are any.

    Args:
        blocking: Returns those of the drivers' connections that somebody else waits for.
    """

    def __init__(self, blocking: Callable[[Collection[Any]], Collection[Any]]) -> None:
        self._blocking = blocking
        self._changing = threading.Lock()
        self._sessions: set[Session] = set()
        self._looking = False

    def add(self, session: Session) -> None:
        """Look after *session* until it is removed."""
        with self._changing:
            self._sessions.add(session)
            if self._looking:
                return
            self._looking = True
        threading.Thread(target=self._look, name="dbmcp-parked", daemon=True).start()

    def remove(self, session: Session) -> None:
        """Leave *session* to itself: its reader is back, or it has ended."""
        with self._changing:
            self._sessions.discard(session)

    def _look(self) -> None:
        while True:
            time.sleep(_LOOK_S)
            with self._changing:
                sessions = {id(session.driver): session for session in self._sessions}
                if not sessions:
                    self._looking = False
                    return
            try:
                blocking = self._blocking([session.driver for session in sessions.values()])
            except Exception:  # noqa: BLE001 - the database is gone, and so are the locks; this thread must go on
                blocking = [session.driver for session in sessions.values()]
            for driver in blocking:
                session = sessions[id(driver)]
                self.remove(session)
                session.give_way()
