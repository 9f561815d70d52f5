"""Chroma for dbmcp, on chromadb."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, unquote

from dbmcp_chroma.settings import CLOUD_HOST, ChromaSettings
from dbmcp_core import Engine, hookimpl

if TYPE_CHECKING:
    from dbmcp_chroma.database import ChromaDatabase

__all__ = ["Chroma", "ChromaSettings", "dbmcp_engines"]


class Chroma(Engine):
    """Chroma 1.x: a folder, a server, or the cloud."""

    name = "chroma"
    aliases = ("chromadb",)
    dialect = None
    settings = ChromaSettings

    def open(self, settings: ChromaSettings) -> ChromaDatabase:
        """Return the database, not yet connected."""
        from dbmcp_chroma.database import ChromaDatabase

        return ChromaDatabase(settings)

    def settings_from_url(self, url: SplitResult) -> dict[str, object]:
        """``chroma:///folder``, ``chroma:////absolute/folder``; ``chroma://host:8000/tenant/database``.

        ``chroma+https://`` encrypts, ``chroma+cloud:///tenant/database`` is the cloud.
        """
        _, _, way = url.scheme.partition("+")
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        if way not in ("", "http", "https", "cloud"):
            raise ValueError(f"{url.scheme!r}: it is chroma, chroma+http, chroma+https or chroma+cloud")
        if not url.netloc and not way:
            path = unquote(url.path)
            return {"path": path[1:] if path.startswith("/") else path, **query}
        return {**_server(url, way), **query}


def _server(url: SplitResult, way: str) -> dict[str, object]:
    parts = [unquote(part) for part in url.path.split("/") if part]
    if len(parts) > 2:
        raise ValueError("behind the host come tenant and database; a folder's URL has three slashes: chroma:///folder")
    user = unquote(url.username) if url.username else None
    password = unquote(url.password) if url.password else None
    found: dict[str, object | None] = {
        "host": url.hostname or (CLOUD_HOST if way == "cloud" else None),
        "port": url.port,
        "ssl": True if way in ("https", "cloud") else False if way == "http" else None,
        "user": user,
        ("token" if user is None else "password"): password,
        "tenant": parts[0] if len(parts) == 2 else None,
        "database": parts[-1] if parts else None,
    }
    return {name: value for name, value in found.items() if value is not None}


@hookimpl
def dbmcp_engines() -> list[type[Engine]]:
    """Give the engine."""
    return [Chroma]
