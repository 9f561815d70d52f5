"""The processes that DuckDB runs in, one for each open file, and the sessions on them.

DuckDB allows one process to open a file for writing, and one process one way of opening it. So the sources on a file
share a process: it is open for reading alone until a source comes that may write, and is then opened anew.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from dbmcp_core import ConnectionFailed, QueryFailed, Running
from dbmcp_core.child import Child, Shared, environment
from dbmcp_duckdb.errors import opening, translated
from dbmcp_duckdb.settings import MEMORY, DuckDBSettings

__all__ = ["Session", "Worker", "lease", "workers", "write_turn"]

#: Seconds after which a statement that doesn't heed its interruption is ended together with its process.
_STUCK_S = 5.0
_LOOK_S = 0.05
#: Sessions that are kept open while nobody uses them.
_IDLE = 8
#: What plugins, which reach out, need of our environment as well.
_NETWORK = (
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
)


@dataclass(eq=False)
class Worker(Child):
    """One process, and the database that is open in it."""

    #: What of the extensions, secrets and plugins didn't work, by what it is.
    problems: dict[str, str] = field(default_factory=dict)
    #: The functions of plugins.
    functions: frozenset[str] = frozenset()
    #: One write at a time: two that change the same rows would fail rather than wait.
    writing: threading.Lock = field(default_factory=threading.Lock)
    _idle: list[Session] = field(default_factory=list)
    _sending: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> Session:
        """Return a session that nobody else uses."""
        with contextlib.suppress(IndexError):
            return self._idle.pop()
        return Session(self, self.connect())

    def give(self, session: Session) -> None:
        """Take *session* back, for the next one."""
        if session.is_usable and len(self._idle) < _IDLE:
            self._idle.append(session)
        else:
            session.close()

    def interrupt(self, place: int, number: int) -> None:
        """Stop a statement, if it is still running."""
        with self._sending, contextlib.suppress(OSError, ValueError):  # the process is gone, and the statement with it
            assert self.process.stdin is not None  # noqa: S101 - for the type checker
            self.process.stdin.write(b"%d %d\n" % (place, number))
            self.process.stdin.flush()

    def lost(self) -> ConnectionFailed:
        """Return the error of a statement whose process has ended."""
        memory = self.path == MEMORY
        return ConnectionFailed(
            "DuckDB's process has ended." + (" What the database in memory held is lost." if memory else ""),
            hint="Try again: the database is opened anew.",
        )

    def stop(self) -> None:
        """Let the process close the database, and end."""
        idle, self._idle = self._idle, []
        for session in idle:
            session.close()
        super().stop()

    def hang_up(self) -> None:
        """Tell the process to end, once no stop of a statement is being sent."""
        with self._sending:
            super().hang_up()


class Session:
    """One connection to a process; it runs one statement at a time."""

    def __init__(self, worker: Worker, connection: Connection) -> None:
        self.worker = worker
        self._connection = connection
        self._using = threading.Lock()
        self._number = 0
        self._stopped_at: float | None = None
        self.is_usable = True
        self._place = self.call("hello")

    def begin(self) -> None:
        """Start a new statement: a stop of the one before doesn't reach it."""
        self._number += 1
        self._stopped_at = None

    def call(self, operation: str, *args: object) -> Any:
        """Return what the process answers, or raise its error as ours."""
        try:
            message = pickle.dumps((operation, self._number, *args))
        except Exception as exc:
            raise QueryFailed(f"DuckDB can't take a parameter: {exc}.") from exc
        with self._using:
            try:
                if not self.is_usable:
                    raise ConnectionFailed("The database is not connected.")
                self._connection.send_bytes(message)
                error, answer = pickle.loads(self._connection.recv_bytes())  # noqa: S301 - from our own process
            except (OSError, EOFError) as exc:
                self.is_usable = False
                raise self.worker.lost() from exc
        if error is not None:
            raise translated(*error)
        return answer

    def interrupt(self) -> None:
        """Stop the statement; called from other threads, until it ends."""
        now = time.monotonic()
        self._stopped_at = self._stopped_at or now
        if now - self._stopped_at > _STUCK_S and self.worker.path != MEMORY:  # a file loses nothing by it
            self.worker.kill()
        self.worker.interrupt(self._place, self._number)

    def close(self) -> None:
        """Stop what runs, and hang up."""
        while not self._using.acquire(timeout=_LOOK_S):
            self.interrupt()
        self.is_usable = False
        self._connection.close()
        self._using.release()


#: The processes that have a file open.
workers: Shared[Worker] = Shared()


def lease(settings: DuckDBSettings) -> Worker:
    """Return the process that has this database open, started if need be; give it up afterwards.

    Raises:
        ConnectionFailed: The file can't be opened, or is open with other settings.
        DatabaseBusy: It is open in a process that isn't ours.
    """
    path, terms = _path(settings), _terms(settings)
    if path == MEMORY:  # shared with nobody
        worker = _start(settings, path, read_only=False, terms=terms)
        worker.leases = 1
        return worker
    return workers.lease(
        path,
        read_only=settings.read_only,
        terms=terms,
        start=lambda: _start(settings, path, read_only=settings.read_only, terms=terms),
        differs=lambda: ConnectionFailed(
            f"The file {path!r} is open in another source, with other settings.",
            hint="Sources on one file share all settings of their process: folder, memory_limit_mb, threads, "
            "max_temp_mb, external_access, extensions, secrets, plugins, … Make them equal.",
            details={"reason": "settings"},
        ),
    )


def _path(settings: DuckDBSettings) -> str:
    if settings.filename == MEMORY:
        return MEMORY
    return os.path.realpath(Path(settings.filename).expanduser())


def _terms(settings: DuckDBSettings) -> tuple[object, ...]:
    folder = os.path.realpath(Path(settings.folder).expanduser()) if settings.folder is not None else None
    limits = (settings.memory_limit_mb, settings.threads, settings.max_temp_mb)
    reach = (settings.external_access, settings.working_directory, settings.duckdb_secrets)
    extensions = (settings.extensions, settings.install_extensions, settings.extension_directory)
    return folder, limits, reach, extensions, settings.caller_functions, settings.plugins, settings.plugin_path


def _start(settings: DuckDBSettings, path: str, *, read_only: bool, terms: tuple[object, ...]) -> Worker:
    folder = settings.working_directory
    config = {
        "create": settings.create_if_not_exists and path != MEMORY and not Path(path).exists(),
        "folder": terms[0],
        "limit_mb": settings.memory_limit_mb,
        "options": _options(settings),
        **_reach(settings),
    }
    worker, error, found = Worker.start(
        "dbmcp_duckdb.worker",
        config,
        path=path,
        read_only=read_only,
        terms=terms,
        environment=environment(*(_NETWORK if settings.plugins is not None else ())),
        folder=Path(folder).expanduser() if folder is not None else None,
    )
    if error is not None:
        raise opening(error[0], error[1], path)
    worker.problems, worker.functions = found[0], frozenset(found[1])
    return worker


def _reach(settings: DuckDBSettings) -> dict[str, object]:
    """Return what is to be there beside the database, before it is locked up."""
    return {
        "external": settings.external_access,
        "extensions": [one.partition("@")[::2] for one in settings.extensions],
        "install": settings.install_extensions,
        "secrets": settings.duckdb_secrets.entries if settings.duckdb_secrets is not None else (),
        "caller": settings.caller_functions,
        "plugins": settings.plugins.entries if settings.plugins is not None else (),
        "plugin_path": list(settings.plugin_path),
    }


def _options(settings: DuckDBSettings) -> dict[str, object]:
    options: dict[str, object] = {
        "threads": max(1, settings.threads),
        "max_temp_directory_size": f"{settings.max_temp_mb}MiB",
        "autoinstall_known_extensions": settings.external_access and settings.install_extensions,
        "autoload_known_extensions": settings.external_access,
        "allow_community_extensions": any("@" in one for one in settings.extensions),
        "allow_unsigned_extensions": False,
        "allow_persistent_secrets": False,
        "python_enable_replacements": False,
    }
    if settings.external_access or settings.extensions:  # the process has no home of its own to keep them in
        folder = settings.extension_directory or Path.home() / ".duckdb" / "extensions"
        options["extension_directory"] = str(Path(folder).expanduser())
    return options | ({"memory_limit": f"{settings.memory_limit_mb}MiB"} if settings.memory_limit_mb else {})


@contextlib.contextmanager
def write_turn(worker: Worker, running: Running) -> Iterator[None]:
    """Wait for the other writers on this file; a statement that is stopped meanwhile waits no longer."""
    while not worker.writing.acquire(timeout=_LOOK_S):
        running.raise_if_stopped()
    try:
        yield
    finally:
        worker.writing.release()
