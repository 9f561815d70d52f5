"""The handle of one running statement: its deadline, and the cord that stops it in the database."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dbmcp_core.errors import QueryCancelled, QueryStopped, QueryTimeout

__all__ = ["Running"]

#: Seconds between two looks at the deadlines; also the grain of a deadline.
_TICK_S = 0.02
#: Seconds between two pulls of a cord. The first pull can come a moment before the driver has sent the statement.
_PULL_AGAIN_S = 0.05
#: Seconds after which a caller is answered although the database hasn't let go of the stopped statement.
_STUCK_S = 1.0
_NARROW = "Narrow it (WHERE, LIMIT, fewer joins), or ask with a longer limit."


class Running:
    """One running statement.

    An engine says how to stop it: ``with running.cord(connection.interrupt): …``. Deadline, cancel and a client that
    left all pull that cord, again and again until the engine lets go of it, so a stop can't be missed by coming
    between two steps of the driver. What the driver raises then is turned into the stop's own error by the executor.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cord: Callable[[], None] | None = None
        self._stopped: QueryStopped | None = None
        self._deadline: float | None = None
        self._timeout_s = 0.0
        self._what, self._hint = "The statement", _NARROW
        self._on_stuck: Callable[[QueryStopped], None] | None = None

    def on_stuck(self, tell: Callable[[QueryStopped], None]) -> None:
        """Have *tell* called, from another thread, when the database doesn't let go seconds after it was stopped."""
        self._on_stuck = tell

    @contextmanager
    def cord(self, stop: Callable[[], None]) -> Iterator[None]:
        """Let *stop* end the statement in the database for as long as the block runs.

        *stop* is called from other threads, maybe several times, and must not wait for the statement.
        """
        self.raise_if_stopped()
        with self._lock:
            outer, self._cord = self._cord, stop
        try:
            yield
        finally:
            with self._lock:  # waits for a pull under way: the connection is not used for anything else meanwhile
                self._cord = outer

    @contextmanager
    def within(
        self, timeout_s: float | None, *, what: str = "The statement", hint: str | None = None
    ) -> Iterator[None]:
        """Stop the statement when the block takes longer than *timeout_s* seconds; *what* else runs, with its *hint*.

        Raises:
            QueryStopped: in place of whatever the block raised, when the statement was stopped.
        """
        self._timeout_s, self._what, self._hint = timeout_s or 0.0, what, hint or _NARROW
        self._deadline = time.monotonic() + timeout_s if timeout_s is not None else None
        _watch.add(self)
        try:
            self.raise_if_stopped()
            yield
        except Exception as exc:
            if self._stopped is not None and exc is not self._stopped:
                raise self._stopped from exc
            raise
        finally:
            _watch.discard(self)
            self._deadline = None

    def cancel(self, why: str = "The statement was cancelled by its caller.") -> None:
        """Stop the statement; safe from any thread, at any time, and more than once."""
        self._stop(QueryCancelled(why))

    @property
    def stopped(self) -> bool:
        """Whether the statement was told to stop."""
        return self._stopped is not None

    def raise_if_stopped(self) -> None:
        """Raise the error of the stop, if there was one."""
        if self._stopped is not None:
            raise self._stopped

    def _stop(self, why: QueryStopped) -> None:
        with self._lock:
            if self._stopped is not None:
                return
            self._stopped = why
        threading.Thread(target=self._pull, name="dbmcp-stop", daemon=True).start()

    def _pull(self) -> None:
        wait_s, waited_s = _PULL_AGAIN_S, 0.0
        while True:
            with self._lock:
                if self._cord is not None:
                    self._cord()
            if not _watch.holds(self):
                return
            if waited_s >= _STUCK_S and self._on_stuck is not None and self._stopped is not None:
                self._on_stuck(self._stopped)
                self._on_stuck = None
            time.sleep(wait_s)
            waited_s += wait_s
            wait_s = min(wait_s * 1.5, 1.0)

    def check_deadline(self, now: float) -> None:
        """Stop the statement if *now*, in seconds of the monotonic clock, is past its deadline."""
        deadline = self._deadline
        if deadline is not None and now >= deadline and self._stopped is None:
            self._stop(
                QueryTimeout(
                    f"{self._what} was stopped after {self._timeout_s:g} s, its time limit.",
                    hint=self._hint,
                    details={"timeout_s": self._timeout_s},
                )
            )


class _Watch:
    """One daemon thread that looks at the deadlines of all running statements; asleep while there are none."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._running: set[Running] = set()
        self._some = threading.Event()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, running: Running) -> None:
        self._running.add(running)
        if not self._some.is_set():
            self._some.set()
        if self._thread is None:
            with self._start:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._watch, name="dbmcp-deadlines", daemon=True)
                    self._thread.start()

    def discard(self, running: Running) -> None:
        self._running.discard(running)

    def holds(self, running: Running) -> bool:
        return running in self._running

    def _watch(self) -> None:
        while self._some.wait():
            time.sleep(_TICK_S)
            now = time.monotonic()
            for running in self._running.copy():
                running.check_deadline(now)
            if not self._running:
                self._some.clear()
                if self._running:  # added between the look and the clear
                    self._some.set()


_watch = _Watch()
os.register_at_fork(after_in_child=_watch.reset) if hasattr(os, "register_at_fork") else None
