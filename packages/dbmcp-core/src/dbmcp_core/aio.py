"""The async face over blocking databases: one way to wait for a thread, and a cancel that reaches the database."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import queue
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

from dbmcp_core import client
from dbmcp_core.registry import Registry
from dbmcp_core.running import Running
from dbmcp_core.statement import Limits, Outcome, Params, Result

if TYPE_CHECKING:
    from dbmcp_core.schema import SchemaInfo, TableName, TableSchema

__all__ = ["Client", "connect", "in_thread"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

#: Threads for statements that end at once. More of them would only wait for each other, for Python's global lock.
_FEW = 3
#: Threads in all: more than one source can keep busy, so that a source that hangs doesn't stop others.
_MOST = 200
#: Seconds that a statement waits for one of the few before it gets a thread of its own.
_PATIENCE_S = 0.02


class _Threads:
    """Daemon threads, made as they are needed: one that its database doesn't let go can't keep the process from ending.

    Lighter than ``ThreadPoolExecutor``, whose futures and locks take longer than a small statement.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._number = 0
        self._taken_at = 0.0
        self._watching: asyncio.AbstractEventLoop | None = None

    def run(self, job: Callable[[], None], loop: asyncio.AbstractEventLoop) -> None:
        """Run *job*, which raises nothing, in a thread. Called in *loop*."""
        self._jobs.put(job)
        if self._number < _FEW:
            self._add()
        elif self._watching is None or self._watching.is_closed():
            self._watching = loop
            loop.call_later(_PATIENCE_S, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Add a thread if jobs wait and nobody takes them."""
        if self._jobs.empty():
            self._watching = None
            return
        if time.monotonic() - self._taken_at >= _PATIENCE_S and self._number < _MOST:
            self._add()
        loop.call_later(_PATIENCE_S, self._look, loop)

    def _add(self) -> None:
        with self._lock:
            self._number += 1
        threading.Thread(target=self._work, name="dbmcp-worker", daemon=True).start()

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            self._taken_at = time.monotonic()
            job()
            with self._lock:
                if self._number > _FEW and self._jobs.empty():
                    self._number -= 1
                    return


_threads = _Threads()


async def in_thread(running: Running, function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Await *function* in a worker thread; when the awaiting task is cancelled, stop *running* in the database.

    A statement that was stopped and doesn't end is not waited for: its error comes, and its thread is left to it.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[_T] = loop.create_future()

    def settle(settled: Callable[[Any], None], value: object) -> None:
        if not answer.done():
            settled(value)

    def tell(settled: Callable[[Any], None], value: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits any more
            loop.call_soon_threadsafe(settle, settled, value)

    def job() -> None:
        try:
            result = function(*args, **kwargs)
        except BaseException as exc:  # noqa: BLE001 - it is raised where it is awaited
            tell(answer.set_exception, exc)
        else:
            tell(answer.set_result, result)

    running.on_stuck(lambda error: tell(answer.set_exception, error))
    _threads.run(job, loop)
    try:
        return await answer
    except asyncio.CancelledError:
        running.cancel("The caller cancelled the statement, or went away.")
        raise


async def connect(url: str, *, registry: Registry | None = None, **settings: object) -> Client:
    """Open the database that *url* leads to; see ``dbmcp_core.connect``."""
    return Client(await in_thread(Running(), functools.partial(client.connect, url, registry=registry, **settings)))


class Client:
    """``dbmcp_core.Client`` for ``await``: the same verbs, the same road."""

    def __init__(self, blocking: client.Client) -> None:
        self._blocking = blocking

    async def query(self, text: str, params: Params = (), *, limits: Limits | None = None) -> Result:
        """Run a read and return its first rows."""
        running = Running()
        return await in_thread(running, self._blocking.query, text, params, limits=limits, running=running)

    async def read_on(self, cursor: str, *, limits: Limits | None = None) -> Result:
        """Return the next rows of a truncated result."""
        running = Running()
        return await in_thread(running, self._blocking.read_on, cursor, limits=limits, running=running)

    async def pages(self, text: str, params: Params = (), *, limits: Limits | None = None) -> AsyncIterator[Result]:
        """Run a read and yield its rows page by page, to the end."""
        page = await self.query(text, params, limits=limits)
        yield page
        while page.cursor is not None:
            page = await self.read_on(page.cursor, limits=limits)
            yield page

    async def execute(self, text: str, params: Params = (), *, limits: Limits | None = None) -> Outcome:
        """Run a write and commit it."""
        running = Running()
        return await in_thread(running, self._blocking.execute, text, params, limits=limits, running=running)

    async def explain(self, text: str, params: Params = ()) -> str:
        """Return the plan of a read, without running it."""
        return await in_thread(Running(), self._blocking.explain, text, params)

    async def get_tables(self) -> list[TableName]:
        """Return the names of all tables and views."""
        return await in_thread(Running(), self._blocking.get_tables)

    async def get_table_schema(self, table: str | TableName) -> TableSchema:
        """Return one table in full."""
        return await in_thread(Running(), self._blocking.get_table_schema, table)

    async def get_schema(self) -> SchemaInfo:
        """Return every table in full."""
        return await in_thread(Running(), self._blocking.get_schema)

    async def ping(self) -> None:
        """Make one round trip to the database."""
        await in_thread(Running(), self._blocking.ping)

    async def close(self) -> None:
        """Disconnect; statements still running are stopped."""
        await in_thread(Running(), self._blocking.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()
