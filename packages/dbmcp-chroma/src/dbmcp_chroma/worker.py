"""The process that has a folder open: it answers the sessions that connect to it.

A process of its own, for what runs in Chroma can't be interrupted, and some of what it is asked ends its process.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import shutil
import sys
import threading
from multiprocessing.connection import Connection, Listener
from typing import Any

from dbmcp_chroma.library_names import READS, WRITES
from dbmcp_core.child import limit_memory
from dbmcp_core.errors import DbmcpError

__all__ = ["main"]

#: MiB that the process may take beside its limit: what it loads at first.
_BESIDE_MB = 1_024


class _Session(threading.Thread):
    """One connection of the parent's."""

    def __init__(self, library: Any, connection: Connection, allowed: frozenset[str]) -> None:
        super().__init__(daemon=True)
        self._library = library
        self._connection = connection
        self._allowed = allowed

    def run(self) -> None:
        """Answer until the parent hangs up."""
        with contextlib.suppress(EOFError, OSError):
            while True:
                self._connection.send_bytes(self._answer(self._connection.recv_bytes()))

    def _answer(self, message: bytes) -> bytes:
        try:
            operation, *args = pickle.loads(message)  # noqa: S301 - from our own parent
            if operation not in self._allowed:
                raise PermissionError(f"The operation {operation!r} is not allowed here.")
            return pickle.dumps((None, getattr(self._library, operation)(*args)))
        except BaseException as exc:  # noqa: BLE001 - Rust's panics are no Exceptions; the parent says what it was
            return pickle.dumps((_told(exc), None))


def _told(exc: BaseException) -> tuple[Any, ...]:
    if isinstance(exc, DbmcpError):
        return type(exc).__name__, exc.message, exc.hint, exc.details
    return type(exc).__name__, str(exc)


def _open(config: dict[str, Any]) -> tuple[Any, frozenset[str]]:
    from dbmcp_chroma import library

    system = library.folder_system(config["path"], read_only=config["read_only"])
    made = {}

    def of(tenant: str, database: str, functions: Any) -> Any:
        key = (tenant, database, functions)
        if key not in made:
            made[key] = library.Library(system, tenant, database, functions)
        return made[key]

    return of, READS if config["read_only"] else READS | WRITES


def _accept(listener: Listener, of: Any, allowed: frozenset[str]) -> None:
    while True:
        with contextlib.suppress(Exception):  # one that hangs up at once must not take the others down
            connection = listener.accept()
            tenant, database, functions, read_only = pickle.loads(connection.recv_bytes())  # noqa: S301 - our parent
            may = allowed & READS if read_only else allowed
            _Session(of(tenant, database, functions), connection, may).start()


def main() -> None:
    """Run until the parent closes this process's input."""
    config = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our own parent
    answers, sys.stdout = sys.stdout.buffer, sys.stderr  # what chromadb prints is no answer
    error: Any = None
    try:
        os.chdir(config["temporary"])
        limit_memory(config["limit_mb"] and config["limit_mb"] + _BESIDE_MB)
        of, allowed = _open(config)
        listener = Listener(config["address"], backlog=64, authkey=config["key"])
    except BaseException as exc:  # noqa: BLE001 - the parent says it
        error = type(exc).__name__, str(exc)
    with contextlib.suppress(OSError):  # the parent may be gone already
        pickle.dump((error, None), answers)
        answers.flush()
    if error is None:
        threading.Thread(target=_accept, args=[listener, of, allowed], daemon=True).start()
        sys.stdin.buffer.read()
    shutil.rmtree(config["temporary"], ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main()
