"""What the code of a call tells its client while it runs: lines for the log, and progress; both in their order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from typing import Any, cast

import mcp.types as t
from mcp.server.session import ServerSession

from dbmcp_server.mcp.calls import Context

__all__ = ["Levels", "Teller", "send_line"]

_log = logging.getLogger("dbmcp")

#: Things that wait to be sent; a client that doesn't read misses what comes after them.
_MOST_WAITING = 1_000
#: What a sign of life adds to the progress of code that counts for itself: the numbers have to rise.
_LITTLE = 1e-6
#: From the least to the worst, as the protocol has them.
_LEVELS: tuple[t.LoggingLevel, ...] = (
    "debug",
    "info",
    "notice",
    "warning",
    "error",
    "critical",
    "alert",
    "emergency",
)
# The protocol calls its log deprecated, and the SDK says so with a warning at each line; for clients up to 2025-11-25
# there is nothing else, and newer ones get it only where they ask for it.
_send_log_message = getattr(ServerSession.send_log_message, "__wrapped__", ServerSession.send_log_message)


async def send_line(
    session: ServerSession, level: t.LoggingLevel, text: str, request: t.RequestId | None = None
) -> None:
    """Send one line, as a part of the answer to *request* if that is given."""
    await _send_log_message(session, level, text, "dbmcp", request)


class Levels:
    """From which level on the client of each session wants lines; all of them, if it didn't say."""

    def __init__(self) -> None:
        self._least: dict[object, int] = {}

    async def set(self, ctx: Context, params: t.SetLevelRequestParams) -> t.EmptyResult:
        """Keep what a client asks for until it goes."""
        connection = ctx.session._connection  # the SDK has no public name for a session
        if connection not in self._least:
            connection.exit_stack.callback(self._least.pop, connection, None)
        self._least[connection] = _LEVELS.index(params.level)
        return t.EmptyResult()

    def wants(self, session: ServerSession, level: t.LoggingLevel) -> bool:
        """Return whether the client of *session* wants a line of that *level*."""
        return _LEVELS.index(level) >= self._least.get(session._connection, 0)


class Teller:
    """The way from the code of one call, on whatever thread it runs, to its client. Telling doesn't wait.

    Args:
        ctx: The request of the call.
        levels: Which lines the client wants.
        counts: Whether the code may report progress of its own; otherwise that is the seconds which it has run.
    """

    def __init__(self, ctx: Context, levels: Levels, *, counts: bool) -> None:
        self._ctx = ctx
        self._levels = levels
        self._step = _LITTLE if counts else 1.0
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[str, Any]] = deque()
        self._lock = threading.Lock()
        self._dropped = 0
        self._done = 0.0
        self._total: float | None = None
        self._sending: asyncio.Task[None] | None = None

    def __call__(self, kind: str, what: Any) -> None:
        """Tell one thing: a line of the level *kind*, or ``progress``."""
        if kind != "progress":
            _log.log(getattr(logging, kind.upper(), logging.INFO), "%s", what)
        with self._lock:
            if len(self._waiting) >= _MOST_WAITING:
                self._dropped += 1
                return
            self._waiting.append((kind, what))
            is_first = len(self._waiting) == 1
        if is_first:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody listens any more
                self._loop.call_soon_threadsafe(self._begin)

    async def tick(self, elapsed: float) -> None:
        """Give a sign of life after *elapsed* seconds."""
        self._done += self._step
        await self._ctx.session.report_progress(self._done, self._total, f"running for {elapsed:g} s")

    async def flush(self) -> None:
        """Wait until everything is sent: what comes after the answer would be nobody's."""
        if self._waiting or self._sending is not None:
            self._begin()
            assert self._sending is not None  # noqa: S101 - for the type checker
            await self._sending
        if self._dropped:
            _log.warning("A call told its client more than it reads: %d lines were left out.", self._dropped)

    def _begin(self) -> None:
        if self._sending is None or self._sending.done():
            self._sending = self._loop.create_task(self._send())

    async def _send(self) -> None:
        while self._waiting:
            kind, what = self._waiting[0]
            with contextlib.suppress(Exception):  # a client that went doesn't fail the call; its end is told elsewhere
                await self._send_one(kind, what)
            with self._lock:
                self._waiting.popleft()

    async def _send_one(self, kind: str, what: Any) -> None:
        session = self._ctx.session
        if kind == "progress":
            done, self._total, message = what
            if done > self._done:
                self._done = done
                await session.report_progress(done, self._total, message)
            return
        level = cast("t.LoggingLevel", kind)
        if self._levels.wants(session, level):
            await send_line(session, level, what, self._ctx.request_id)
