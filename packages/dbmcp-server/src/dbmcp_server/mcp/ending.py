"""The end of a server: statements stopped in their databases, connections closed, soon, whatever hangs."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

from dbmcp_core import Executor
from dbmcp_server.mcp.kernel import DbServer

__all__ = ["close", "run_until_told"]

_log = logging.getLogger("dbmcp")

#: Seconds that databases get to let go.
_GRACE_S = 5.0
_LOOK_S = 0.01


def run_until_told(serve: Callable[[], Coroutine[Any, Any, None]], server: DbServer, executor: Executor) -> None:
    """Run *serve* to its end or to the first signal; a second one doesn't wait for anything."""
    try:
        asyncio.run(_until_told(serve, server))
    finally:
        close(executor, server)


async def _until_told(serve: Callable[[], Coroutine[Any, Any, None]], server: DbServer) -> None:
    server.loop = asyncio.get_running_loop()
    serving = asyncio.ensure_future(serve())
    told = False

    def end() -> None:
        nonlocal told
        if told:
            os._exit(0)
        told = True
        server.stop()
        serving.cancel()

    _on_signals(end)
    try:
        await serving
    except asyncio.CancelledError:
        if not told:
            raise


def _on_signals(end: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        if sys.platform == "win32":
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(end))
        else:
            loop.add_signal_handler(number, end)


def close(executor: Executor, server: DbServer) -> None:
    """Stop what runs and disconnect everything; what doesn't let go in time is left behind with the process."""
    calls = server.calls
    calls.stop()

    def end() -> None:
        for last in server.at_end:  # what a project's own code wants to do may take its databases
            last()
        executor.close()

    closing = threading.Thread(target=end, name="dbmcp-close", daemon=True)
    closing.start()
    until = time.monotonic() + _GRACE_S
    while (closing.is_alive() or calls.busy) and time.monotonic() < until:
        closing.join(_LOOK_S)
        if not closing.is_alive():
            time.sleep(_LOOK_S)
    if closing.is_alive() or calls.busy:
        _log.error("A database didn't let go within %g s.", _GRACE_S)
        # The interpreter isn't taken down around a thread that is still inside a driver.
        os._exit(0)
