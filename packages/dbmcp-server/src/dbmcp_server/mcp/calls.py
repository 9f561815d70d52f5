"""From an awaiting handler to a blocking executor and back: progress, cancel, and a client that left."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, Protocol, TypeVar

from mcp.server.context import ServerRequestContext
from mcp.types.version import MODERN_PROTOCOL_VERSIONS

from dbmcp_core import DbmcpError, Running
from dbmcp_core.aio import in_thread

__all__ = ["DOOR", "LEFT", "SESSION_PARAMETER", "Calls", "Context", "Departure", "caller"]

_T = TypeVar("_T")
Context = ServerRequestContext[Any, Any]

#: What records call this way to the databases.
DOOR = "mcp"
#: Where an ASGI scope holds the request's departure.
LEFT = "dbmcp.left"
#: The query parameter that names a session of the old SSE transport.
SESSION_PARAMETER = "session_id"
#: Seconds until a call's progress is first reported, and between two reports.
_REPORT_S = 1.0


class Departure(Protocol):
    """What is told when the client of one HTTP request closes its connection."""

    def add(self, told: Callable[[], None]) -> None:
        """Call *told* when the client leaves, or now if it has left."""
        ...

    def remove(self, told: Callable[[], None]) -> None:
        """Forget *told*."""
        ...


def caller(ctx: Context) -> str:
    """Return who is asking, as far as the transport knows: parked rows belong to who asked for them."""
    request = ctx.request
    if request is None:
        return "stdio"
    if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
        return "http"
    if (session := request.query_params.get(SESSION_PARAMETER)) is not None:
        return f"sse:{session}"
    return f"http:{request.headers.get('mcp-session-id', '')}"


class Calls:
    """The calls under way."""

    def __init__(self) -> None:
        self._under_way: set[Running] = set()
        self._stopping = False
        #: Why a source could not be reached, by its name; until it was.
        self.failures: dict[str, str] = {}

    async def run(
        self,
        ctx: Context,
        running: Running,
        source: str | None,
        function: Callable[[], _T],
        tick: Callable[[float], Awaitable[None]] | None = None,
    ) -> _T:
        """Await *function* in a thread. A cancel, or the client's leaving, stops *running* in the database.

        Every second, *tick* is called to report progress; left out, that is the seconds.
        """
        work = _Work(self._under_way, running, function)
        if self._stopping:
            running.cancel("The server is stopping.")
        try:
            with _departing(ctx, running), _reporting(ctx, tick or functools.partial(_tick, ctx)):
                found = await in_thread(running, work)
        except DbmcpError as exc:
            if source is not None and exc.code == "connection_failed":
                self.failures[source] = exc.message
            raise
        finally:
            work.forget()
        if self.failures and source is not None:
            self.failures.pop(source, None)
        return found

    def stop(self) -> None:
        """Stop every statement in its database, and those that come yet."""
        self._stopping = True
        for running in self._under_way.copy():
            running.cancel("The server is stopping.")

    @property
    def busy(self) -> bool:
        """Whether a thread is still in a call."""
        return bool(self._under_way)


class _Work(Generic[_T]):
    """One call, counted from its coming until its thread is done with it."""

    __slots__ = ("_among", "_call", "_running", "_started")

    def __init__(self, among: set[Running], running: Running, call: Callable[[], _T]) -> None:
        self._among, self._running, self._call, self._started = among, running, call, False
        among.add(running)

    def __call__(self) -> _T:
        self._started = True
        try:
            return self._call()
        finally:
            self._among.discard(self._running)

    def forget(self) -> None:
        if not self._started:  # cancelled while it waited for a thread
            self._among.discard(self._running)


@contextmanager
def _departing(ctx: Context, running: Running) -> Iterator[None]:
    """Stop *running* when the client closes its HTTP request. The SDK tells only of some of these."""
    left: Departure | None = ctx.request.scope.get(LEFT) if ctx.request is not None else None
    if left is None:
        yield
        return
    stop = functools.partial(running.cancel, "The client went away.")
    left.add(stop)
    try:
        yield
    finally:
        left.remove(stop)


@contextmanager
def _reporting(ctx: Context, tick: Callable[[float], Awaitable[None]]) -> Iterator[None]:
    """Report progress every second, to a client that asked for it; a call that is fast costs a timer."""
    if not ctx.meta or ctx.meta.get("progress_token") is None:
        yield
        return
    tasks: list[asyncio.Task[None]] = []
    loop = asyncio.get_running_loop()
    timer = loop.call_later(_REPORT_S, lambda: tasks.append(loop.create_task(_report(tick))))
    try:
        yield
    finally:
        timer.cancel()
        for task in tasks:
            task.cancel()


async def _report(tick: Callable[[float], Awaitable[None]]) -> None:
    elapsed = _REPORT_S
    while True:
        await tick(elapsed)
        await asyncio.sleep(_REPORT_S)
        elapsed += _REPORT_S


async def _tick(ctx: Context, elapsed: float) -> None:
    await ctx.session.report_progress(elapsed, None, f"running for {elapsed:g} s")
