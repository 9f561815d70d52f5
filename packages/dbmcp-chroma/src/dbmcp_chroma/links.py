"""How requests get to Chroma: sessions of one kind or the other, and a cord on each that runs."""

from __future__ import annotations

import contextlib
import threading
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Protocol

from dbmcp_chroma.library_names import READS, WRITES
from dbmcp_chroma.model import Functions
from dbmcp_chroma.process import FolderSession, Worker, lease, workers
from dbmcp_chroma.settings import FILE, ChromaSettings
from dbmcp_core.errors import ConnectionFailed
from dbmcp_core.running import Running

__all__ = ["Link", "open_link"]

#: Sessions that are kept open while nobody uses them.
_IDLE = 8


class _Session(Protocol):
    @property
    def is_alive(self) -> bool: ...

    def call(self, operation: str, *args: Any) -> Any: ...

    def interrupt(self) -> None: ...

    def close(self) -> None: ...


class Link(ABC):
    """An open way to one tenant's database."""

    def __init__(self, settings: ChromaSettings) -> None:
        self._settings = settings
        self._functions = Functions(
            settings.embedding_function, settings.allow_embedding_functions, settings.download_model
        )
        self._may = READS if settings.read_only else READS | WRITES
        self._changing = threading.Lock()
        self._idle: list[_Session] = []
        self._busy: set[_Session] = set()
        self._is_open = True

    @property
    def is_open(self) -> bool:
        """Whether it can still be used."""
        return self._is_open

    def call(self, running: Running | None, operation: str, *args: Any) -> Any:
        """Run one request; *running* can stop it."""
        if operation not in self._may:
            raise ConnectionFailed(f"{operation!r} is not sent by this source.")
        session = self._take()
        is_usable = False
        try:
            with running.cord(session.interrupt) if running is not None else contextlib.nullcontext():
                answer = session.call(operation, *args)
            is_usable = True
        except ConnectionFailed:
            raise
        except Exception:
            is_usable = running is None or not running.stopped
            raise
        else:
            return answer
        finally:
            self._give(session, is_usable=is_usable)

    def _take(self) -> _Session:
        with self._changing:
            while self._is_open and self._idle:
                session = self._idle.pop()
                if session.is_alive:  # its process may have made way for one that writes
                    self._busy.add(session)
                    return session
                session.close()
        session = self.session()
        with self._changing:
            if self._is_open:
                self._busy.add(session)
                return session
        session.close()
        raise ConnectionFailed("The database is not connected.")

    def _give(self, session: _Session, *, is_usable: bool) -> None:
        with self._changing:
            is_ours = session in self._busy
            self._busy.discard(session)
            if is_ours and is_usable and len(self._idle) < _IDLE:
                self._idle.append(session)
                return
        session.close()

    @abstractmethod
    def session(self) -> _Session:
        """Return a new session."""

    def close(self) -> None:
        """End what runs, and hang up."""
        with self._changing:
            if not self._is_open:
                return
            self._is_open = False
            sessions, self._idle, self._busy = [*self._idle, *self._busy], [], set()
        for session in sessions:
            session.close()


class _FolderLink(Link):
    def __init__(self, settings: ChromaSettings) -> None:
        super().__init__(settings)
        _check_folder(settings)
        self.worker: Worker = lease(settings)
        self._place = settings.tenant or "default_tenant", settings.database or "default_database"

    def session(self) -> FolderSession:
        with self._changing:
            if not self._is_open:
                raise ConnectionFailed("The database is not connected.")
            if not self.worker.is_alive:  # it failed, or made way for a source that writes
                workers.give_up(self.worker)
                self._is_open = False
                self.worker = lease(self._settings)
                self._is_open = True
                self._idle.clear()
        return FolderSession(self.worker, self._place, self._functions, read_only=self._settings.read_only)

    def close(self) -> None:
        was_open = self._is_open
        super().close()
        if was_open:
            workers.give_up(self.worker)


class _ServerLink(Link):
    def session(self) -> Any:
        from dbmcp_chroma.remote import RemoteSession

        return RemoteSession(self._settings, self._functions)


def open_link(settings: ChromaSettings) -> Link:
    """Return a way to where *settings* lead; a folder is opened, a server not asked yet.

    Raises:
        ConnectionFailed: There is no such folder, or it can't be opened.
    """
    return _FolderLink(settings) if settings.path is not None else _ServerLink(settings)


def _check_folder(settings: ChromaSettings) -> None:
    folder = Path(settings.path or "").expanduser()
    try:
        has_file, is_folder = (folder / FILE).is_file(), folder.is_dir()
    except (OSError, ValueError) as exc:
        raise ConnectionFailed(
            f"{str(folder)[:200]!r} can't be read ({type(exc).__name__}).", details={"reason": "permission"}
        ) from None
    if has_file or settings.create_if_not_exists:
        return
    what = f"has no database of Chroma's in it ({FILE})" if is_folder else "is no folder"
    hint = "Check the path, or set create_if_not_exists = true to make one."
    if not folder.is_absolute() and (Path("/") / folder / FILE).exists():
        hint = f"The absolute path is written with four slashes in a URL: chroma:////{folder}"
    raise ConnectionFailed(f"{str(folder)!r} {what}.", hint=hint, details={"reason": "missing"})
