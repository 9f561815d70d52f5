"""The settings of a DuckDB source."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Self

from dbmcp_core import Settings, setting
from dbmcp_duckdb.tables import DuckDBPlugins, DuckDBSecrets

__all__ = ["MEMORY", "DuckDBSettings"]

MEMORY = ":memory:"


class DuckDBSettings(Settings):
    """The settings of a DuckDB source."""

    filename: str = setting(
        MEMORY,
        doc="The database file, or ':memory:' for a database that lives as long as the source.",
        aliases=("database", "path", "file"),
    )
    create_if_not_exists: bool = setting(
        False,
        doc="Make the file if it is missing, empty, and its folder; on a read-only source too.",
        aliases=("create",),
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

    external_access: bool = setting(
        False,
        doc="Let statements of tools read files and the network; those of clients still can't.",
        operator=True,
    )
    working_directory: str | None = setting(
        None, doc="The folder from which tools' statements take relative paths.", operator=True
    )
    extensions: tuple[str, ...] = setting(
        (),
        doc="Extensions to load when the database is opened; 'name@community' names where one is from.",
        operator=True,
    )
    install_extensions: bool = setting(False, doc="Download extensions that are missing.", operator=True)
    extension_directory: str | None = setting(
        None, doc="The folder with the extensions; left out, DuckDB's own in the home folder.", operator=True
    )
    duckdb_secrets: DuckDBSecrets | None = setting(
        None,
        doc="Secrets for DuckDB, made when the database is opened: a list of name, type and parameters.",
        aliases=("secrets",),
        operator=True,
    )
    caller_functions: bool = setting(
        False, doc="Have functions that tell of the caller: get_username(), get_request_header(name), …", operator=True
    )
    plugins: DuckDBPlugins | None = setting(
        None, doc="Plugins whose methods tools' statements can call: a list of name, module and config.", operator=True
    )
    plugin_path: tuple[str, ...] = setting((), doc="Folders in which the plugins' modules are.", operator=True)

    def changes_on_open(self) -> bool:
        """Return whether opening makes a file."""
        return self.create_if_not_exists and self.filename != MEMORY and not Path(self.filename).expanduser().exists()

    def relative_to(self, folder: Path) -> Self:
        """Return these settings with the file and the folder taken from *folder*."""
        changed: dict[str, object] = {}
        if self.filename != MEMORY:
            changed["filename"] = str(folder / Path(self.filename).expanduser())
        if self.folder is not None:
            changed["folder"] = str(folder / Path(self.folder).expanduser())
        if self.working_directory is not None:
            changed["working_directory"] = str(folder / Path(self.working_directory).expanduser())
        if self.extension_directory is not None:
            changed["extension_directory"] = str(folder / Path(self.extension_directory).expanduser())
        changed["plugin_path"] = tuple(str(folder / Path(one).expanduser()) for one in self.plugin_path)
        return dataclasses.replace(self, **changed)  # type: ignore[arg-type]  # each is of its field's type

    @property
    def has_functions(self) -> bool:
        """Whether statements may call something that asks who calls."""
        return self.caller_functions or self.plugins is not None
