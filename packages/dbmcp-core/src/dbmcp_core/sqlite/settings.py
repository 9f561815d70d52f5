"""The settings of an SQLite source."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Self

from dbmcp_core.settings import Settings, setting

__all__ = ["MEMORY", "SQLiteSettings"]

MEMORY = ":memory:"


class SQLiteSettings(Settings):
    """The settings of an SQLite source."""

    filename: str = setting(
        doc="The database file, or ':memory:' for a database that lives as long as the source.",
        aliases=("database", "path", "file"),
    )
    create_if_not_exists: bool = setting(
        False, doc="Make the file if it is missing, empty, on a read-only source too.", aliases=("create",)
    )
    busy_timeout_s: float = setting(5.0, doc="Seconds to wait for somebody else's lock.")
    max_memory_mb: int = setting(
        256,
        doc="Memory that SQLite may use in this process, in MiB, while a source is open for reading; 0 is no limit.",
    )
    max_value_mb: int = setting(16, doc="Size of one value in a read, in MiB.")

    def changes_on_open(self) -> bool:
        """Return whether opening makes a file."""
        return self.create_if_not_exists and self.filename != MEMORY and not Path(self.filename).expanduser().exists()

    def relative_to(self, folder: Path) -> Self:
        """Return these settings with the file taken from *folder*."""
        if self.filename == MEMORY:
            return self
        return dataclasses.replace(self, filename=str(folder / Path(self.filename).expanduser()))
