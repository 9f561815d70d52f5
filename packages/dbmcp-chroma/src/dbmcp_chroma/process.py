"""The processes that folders are open in, one for each, and the sessions on them.

The sources on a folder share its process: Chroma keeps its indexes in memory, and two processes would not see each
other's writes. It is opened for reading alone until a source comes that may write, and is then opened anew.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dbmcp_chroma.errors import is_dead, translated
from dbmcp_chroma.library_names import WRITES
from dbmcp_chroma.model import Functions
from dbmcp_chroma.settings import ChromaSettings
from dbmcp_core import errors
from dbmcp_core.child import Child, Shared, environment
from dbmcp_core.errors import ConnectionFailed, DbmcpError

__all__ = ["FolderSession", "Worker", "lease", "workers"]

#: Seconds after which a statement that was stopped is ended together with its process: Chroma can't be interrupted.
_STUCK_S = 5.0
#: Seconds that a write has to end when the source is closed.
_WRITE_S = 15.0
_LOOK_S = 0.05
#: Where Chroma's default model lies.
_HOME = ("HOME", "USERPROFILE")


@dataclass(eq=False)
class Worker(Child):
    """One process, and the folder that is open in it."""

    writes: int = 0
    counting: threading.Lock = field(default_factory=threading.Lock)

    def lost(self) -> ConnectionFailed:
        """Return the error of a statement whose process has ended."""
        return ConnectionFailed("Chroma's process has ended.", hint="Try again: the folder is opened anew.")

    def kill_reader(self) -> None:
        """End the process, for a read that was stopped and runs on; not while a write is under way."""
        with self.counting:
            if not self.writes:
                self.process.kill()


class FolderSession:
    """One connection to a process; it runs one request at a time."""

    def __init__(self, worker: Worker, place: tuple[str, str], functions: Functions, *, read_only: bool) -> None:
        self._worker = worker
        self._using = threading.Lock()
        self._stopped_at: float | None = None
        self._connection = worker.connect()
        try:
            self._connection.send_bytes(pickle.dumps((*place, functions, read_only)))
        except (OSError, EOFError) as exc:
            raise worker.lost() from exc

    @property
    def is_alive(self) -> bool:
        """Whether its process is there."""
        return self._worker.is_alive

    def call(self, operation: str, *args: Any) -> Any:
        """Return what the process answers, or raise its error as ours."""
        message = pickle.dumps((operation, *args))
        with self._using, self._writing(operation):
            self._stopped_at = None
            try:
                self._connection.send_bytes(message)
                error, answer = pickle.loads(self._connection.recv_bytes())  # noqa: S301 - from our own process
            except (OSError, EOFError) as exc:
                raise self._worker.lost() from exc
        if error is not None:
            raise self._error(*error)
        return answer

    @contextlib.contextmanager
    def _writing(self, operation: str) -> Any:
        is_write = operation in WRITES
        with self._worker.counting:
            self._worker.writes += is_write
        try:
            yield
        finally:
            with self._worker.counting:
                self._worker.writes -= is_write

    def _error(self, name: str, text: str, hint: str | None = None, details: Any = None) -> DbmcpError:
        ours = getattr(errors, name, None)
        if details is not None and isinstance(ours, type) and issubclass(ours, DbmcpError):
            return ours(text, hint=hint, details=details)
        if is_dead(name, text):
            self._worker.kill()
        return translated(name, text)

    def interrupt(self) -> None:
        """Stop the request; called from other threads, until it ends."""
        now = time.monotonic()
        self._stopped_at = self._stopped_at or now
        if now - self._stopped_at > _STUCK_S:
            self._worker.kill_reader()

    def close(self) -> None:
        """Hang up, once what runs has ended; a write that doesn't end is ended too, with its process."""
        until = time.monotonic() + _WRITE_S
        while not self._using.acquire(timeout=_LOOK_S):
            self.interrupt()
            if time.monotonic() > until:
                self._worker.kill()
        self._connection.close()
        self._using.release()


#: The processes that there are.
workers: Shared[Worker] = Shared()


def lease(settings: ChromaSettings) -> Worker:
    """Return the process that has this folder open, started if need be; give it up afterwards.

    Raises:
        ConnectionFailed: The folder can't be opened, or is open with other settings.
    """
    path = os.path.realpath(Path(settings.path or "").expanduser())
    terms = settings.memory_limit_mb, _is_trusted(settings)
    return workers.lease(
        path,
        read_only=settings.read_only,
        terms=terms,
        start=lambda: _start(settings, path, terms),
        differs=lambda: ConnectionFailed(
            f"The folder {path!r} is open in another source, with other settings.",
            hint="Sources on one folder share memory_limit_mb, and whether functions are named or allowed.",
            details={"reason": "settings"},
        ),
    )


def _is_trusted(settings: ChromaSettings) -> bool:
    """Return whether the operator lets functions run that may need their environment."""
    return settings.embedding_function is not None or bool(settings.allow_embedding_functions)


def _start(settings: ChromaSettings, path: str, terms: tuple[object, ...]) -> Worker:
    worker, error, _ = Worker.start(
        "dbmcp_chroma.worker",
        {"limit_mb": settings.memory_limit_mb},
        path=path,
        read_only=settings.read_only,
        terms=terms,
        environment=dict(os.environ) if _is_trusted(settings) else environment(*_HOME),
    )
    if error is not None:
        raise _unopened(path, *error)
    return worker


def _unopened(path: str, name: str, text: str) -> ConnectionFailed:
    said = " ".join(text.split())[:300].rstrip(".")
    if name in ("ModuleNotFoundError", "ImportError"):
        return ConnectionFailed(f"chromadb can't be loaded: {said}.", details={"reason": "driver"})
    hint = None
    if "migration" in said.lower():
        hint = "An older Chroma made it: open it once with read_only = false, which brings it up to date."
    return ConnectionFailed(f"Chroma can't open {path!r}: {said}.", hint=hint, details={"reason": "failed"})
