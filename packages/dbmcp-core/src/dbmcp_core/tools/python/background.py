"""The event loop that ``async def`` tools run on: one for all of them, in a thread of its own.

One loop, so that the sessions which async libraries keep can be used by every call. A tool that blocks it, with
``time.sleep`` or a slow ``db.execute``, must not hold up the others: where the loop doesn't begin with a task within a
second, it is left to the one that blocks it, and the next calls get a new one.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any

from dbmcp_core.errors import QueryCancelled, ToolFailed
from dbmcp_core.running import Running

__all__ = ["run"]

#: Seconds that the loop has to begin with a task.
_PATIENCE_S = 1.0
#: Seconds that a cancelled task has to end, before its caller is answered without it.
_GRACE_S = 2.0


class _Job:
    """One coroutine, on its way to a loop and on it."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self.done: Future[Any] = Future()
        self._coroutine = coroutine
        self._context = contextvars.copy_context()
        self._begin = threading.Lock()
        self._given_up = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._cancelled_at: float | None = None
        self.begun = threading.Event()

    def start(self) -> None:
        """Become a task; called in the loop."""
        with self._begin:
            if self._given_up:
                return
            self._loop = asyncio.get_running_loop()
            self._task = self._loop.create_task(self._run(), context=self._context)
        self.begun.set()

    def give_up(self) -> bool:
        """Return whether no loop has begun with this one; then none will."""
        with self._begin:
            self._given_up = self._task is None
            return self._given_up

    def again(self) -> None:
        """Let another loop begin with it."""
        self._given_up = False

    def stop(self) -> None:
        """Cancel the task; called from other threads, until it ends."""
        now = time.monotonic()
        if self._cancelled_at is None:  # once: what a task does to clean up must not be cancelled as well
            self._cancelled_at = now
            if self._loop is not None and self._task is not None:
                self._loop.call_soon_threadsafe(self._task.cancel)
        elif now - self._cancelled_at > _GRACE_S:
            self._settle(QueryCancelled("The tool was stopped, and doesn't end."))

    async def _run(self) -> None:
        try:
            result = await self._coroutine
        except asyncio.CancelledError:
            self._settle(ToolFailed("The tool's task was cancelled."))
        except SystemExit as exc:  # it would end the loop
            self._settle(ToolFailed(f"The tool wanted to exit ({exc})."))
        except BaseException as exc:  # noqa: BLE001 - it is raised where it is waited for
            self._settle(exc)
        else:
            if not self.done.done():
                self.done.set_result(result)

    def _settle(self, error: BaseException) -> None:
        if not self.done.done():
            self.done.set_exception(error)


def _start_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="dbmcp-tools", daemon=True).start()
    return loop


_changing = threading.Lock()
_current: asyncio.AbstractEventLoop | None = None


def _loop(instead_of: asyncio.AbstractEventLoop | None = None) -> asyncio.AbstractEventLoop:
    """Return the loop for new tasks, another one than *instead_of*."""
    global _current
    with _changing:
        if _current is None or _current is instead_of or _current.is_closed():
            _current = _start_loop()
        return _current


def run(coroutine: Coroutine[Any, Any, Any], running: Running) -> Any:
    """Return what *coroutine* returns, run on the tools' loop with this thread's context; cancelled when stopped."""
    job = _Job(coroutine)
    loop = _loop()
    with running.cord(job.stop):
        loop.call_soon_threadsafe(job.start)
        while not job.begun.wait(_PATIENCE_S) and job.give_up():
            running.raise_if_stopped()
            loop = _loop(instead_of=loop)
            job.again()
            loop.call_soon_threadsafe(job.start)
        return job.done.result()
