"""The engine, and what its URLs mean."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, unquote

from dbmcp_core.database import Engine
from dbmcp_core.sqlite.settings import MEMORY, SQLiteSettings

if TYPE_CHECKING:
    from dbmcp_core.sqlite.database import SQLiteDatabase

__all__ = ["SQLite"]


class SQLite(Engine):
    """SQLite 3.37 or newer, on the standard library's ``sqlite3``."""

    name = "sqlite"
    aliases = ("sqlite3",)
    dialect = "sqlite"
    settings = SQLiteSettings

    def open(self, settings: SQLiteSettings) -> SQLiteDatabase:
        """Return the database of ``settings.filename``, not yet connected."""
        from dbmcp_core.sqlite.database import SQLiteDatabase

        return SQLiteDatabase(settings)

    def settings_from_url(self, url: SplitResult) -> dict[str, object]:
        """``sqlite:///relative.db``, ``sqlite:////absolute.db``, ``sqlite:relative.db``; ``sqlite://`` is in memory."""
        if url.netloc:
            raise ValueError(f"an SQLite URL has three slashes before the path: sqlite:///{url.netloc}{url.path}")
        path = unquote(url.path)
        filename = path[1:] if url.path.startswith("/") else path
        return {"filename": filename or MEMORY, **dict(parse_qsl(url.query, keep_blank_values=True))}
