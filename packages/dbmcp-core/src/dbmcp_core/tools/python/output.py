"""Where a tool's ``print`` goes: to stderr, for stdout may be the stream that the protocol, or a result, is written to.

Only the code inside the block is affected, however many threads print elsewhere at the same time.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TextIO

__all__ = ["aside"]

_inside: ContextVar[bool] = ContextVar("dbmcp_aside", default=False)
_lock = threading.Lock()
_users = 0
_stdout: _Split | None = None


class _Split:
    """A stdout that is stderr to code inside of ``aside``, and itself to everybody else."""

    def __init__(self, real: TextIO) -> None:
        self.real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr if _inside.get() else self.real, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.real)


@contextmanager
def aside() -> Iterator[None]:
    """Send what the block prints to stderr."""
    global _users, _stdout
    with _lock:
        _users += 1
        if _stdout is None:
            _stdout = _Split(sys.stdout)
            sys.stdout = _stdout
    token = _inside.set(True)
    try:
        yield
    finally:
        _inside.reset(token)
        with _lock:
            _users -= 1
            if not _users and _stdout is not None:
                if sys.stdout is _stdout:
                    sys.stdout = _stdout.real
                _stdout = None
