"""The settings of a DuckDB source."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from dbmcp_core import Settings, setting

__all__ = ["MEMORY", "DuckDBSettings"]

MEMORY = ":memory:"


@dataclass(frozen=True, kw_only=True)
class DuckDBSettings(Settings):
    """The settings of a DuckDB source."""

    filename: str = setting(
        MEMORY,
        doc="The database file, or ':memory:' for a database that lives as long as the source.",
        aliases=("database", "path", "file"),
    )
    create_if_not_exists: bool = setting(
        False, doc="Make the file if it is missing, empty, on a read-only source too.", aliases=("create",)
    )
    folder: str | None = setting(
        None,
        doc="A folder whose Parquet, CSV and JSON files may be read as tables; no other file can be.",
        operator=True,
    )
    memory_limit_mb: int = setting(1_024, doc="Memory for DuckDB's data, in MiB; 0 is no limit.", operator=True)
    threads: int = setting(2, doc="Threads that DuckDB works with.", operator=True)
    max_temp_mb: int = setting(
        2_048, doc="Size of what may be swapped out to a temporary folder, in MiB.", operator=True
    )

    def changes_on_open(self) -> bool:
        """Return whether opening makes a file."""
        return self.create_if_not_exists and self.filename != MEMORY and not Path(self.filename).expanduser().exists()

    def relative_to(self, folder: Path) -> Self:
        """Return these settings with the file and the folder taken from *folder*."""
        changed: dict[str, str] = {}
        if self.filename != MEMORY:
            changed["filename"] = str(folder / Path(self.filename).expanduser())
        if self.folder is not None:
            changed["folder"] = str(folder / Path(self.folder).expanduser())
        return dataclasses.replace(self, **changed)  # type: ignore[arg-type]  # both are texts
