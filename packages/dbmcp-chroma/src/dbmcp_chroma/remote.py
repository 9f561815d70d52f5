"""Sessions with a server: each is a client of chromadb's with a connection of its own."""

from __future__ import annotations

import ssl
from typing import Any

from dbmcp_chroma.errors import translated
from dbmcp_chroma.model import Functions
from dbmcp_chroma.settings import CLOUD_HOST, ChromaSettings
from dbmcp_core.errors import ConnectionFailed, DbmcpError

__all__ = ["RemoteSession"]

#: Seconds after a statement's time limit at which a request ends by itself.
_MARGIN_S = 5.0


class RemoteSession:
    """One client; it runs one request at a time."""

    def __init__(self, settings: ChromaSettings, functions: Functions) -> None:
        try:
            from dbmcp_chroma import library, wire
        except Exception as exc:  # chromadb reads its surroundings when it is imported
            raise ConnectionFailed(
                f"chromadb can't be loaded ({type(exc).__name__}).", details={"reason": "driver"}
            ) from exc
        cloud = settings.api_key is not None and settings.host is None
        secure = settings.ssl if settings.ssl is not None else settings.api_key is not None
        host = CLOUD_HOST if cloud else settings.host or ""
        port = settings.port or (443 if settings.api_key is not None else 8000)
        self._secrets = settings.secrets()
        self._seconds = settings.timeout_s + _MARGIN_S
        self._wire = wire.Wire(_trust(settings))
        self._client = wire.client(
            self._wire, settings.request_headers(), settings.connect_timeout_s, settings.timeout_s + _MARGIN_S
        )
        system = library.server_system(host, port, ssl=secure)
        server = library.server_of(system)
        server._session.close()
        server._session = self._client
        shown = f"[{host}]" if ":" in host else host
        server._api_url = f"http{'s' if secure else ''}://{shown}:{port}/api/v2"
        place = (None, None) if settings.api_key is not None else ("default_tenant", "default_database")
        self._library = library.Library(system, settings.tenant or place[0], settings.database or place[1], functions)

    @property
    def is_alive(self) -> bool:
        """Whether it can be used: it connects anew where that is needed."""
        return True

    def call(self, operation: str, *args: Any) -> Any:
        """Return what the server answers, or raise its error as ours."""
        self._wire.begin(self._seconds)
        try:
            return getattr(self._library, operation)(*args)
        except DbmcpError:
            raise
        except Exception as exc:
            raise translated(type(exc).__name__, str(exc), self._secrets) from exc

    def interrupt(self) -> None:
        """Cut the connection; called from other threads."""
        self._wire.cut()

    def close(self) -> None:
        """Hang up."""
        self._wire.cut()
        self._client.close()


def _trust(settings: ChromaSettings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=settings.tls_ca_file)
    except (OSError, ssl.SSLError) as exc:
        raise ConnectionFailed(f"The file of 'tls_ca_file' can't be used: {exc}.") from exc
