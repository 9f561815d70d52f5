"""The engine: its settings, and what its URLs mean."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import SplitResult, parse_qsl, unquote

from dbmcp_core.database import Engine
from dbmcp_core.settings import Settings, setting

if TYPE_CHECKING:
    from dbmcp_core.sqlite.database import SQLiteDatabase

__all__ = ["SQLite", "SQLiteSettings"]

MEMORY = ":memory:"


@dataclass(frozen=True, kw_only=True)
class SQLiteSettings(Settings):
    """The settings of an SQLite source."""

    filename: str = setting(
        doc="The database file, or ':memory:' for a database that lives as long as the source.",
        aliases=("database", "path", "file"),
    )
    create_if_not_exists: bool = setting(
        False, doc="Make the file if it is missing; wants read_only = false.", aliases=("create",)
    )
    busy_timeout_s: float = setting(5.0, doc="Seconds to wait for somebody else's lock.")
    max_memory_mb: int = setting(
        256,
        doc="Memory that SQLite may use in this process, in MiB, while a source is open for reading; 0 is no limit.",
    )
    max_value_mb: int = setting(16, doc="Size of one value in a read, in MiB.")

    def relative_to(self, folder: Path) -> Self:
        """Return these settings with the file taken from *folder*."""
        if self.filename == MEMORY:
            return self
        return dataclasses.replace(self, filename=str(folder / Path(self.filename).expanduser()))


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
