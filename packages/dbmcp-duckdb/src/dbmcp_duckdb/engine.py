"""The engine, and what its URLs mean."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, unquote

from dbmcp_core import Engine, Statement
from dbmcp_duckdb.settings import MEMORY, DuckDBSettings

if TYPE_CHECKING:
    from dbmcp_duckdb.database import DuckDBDatabase

__all__ = ["DuckDB"]


class DuckDB(Engine):
    """DuckDB 1.4 or newer, on its own Python driver."""

    name = "duckdb"
    dialect = "duckdb"
    settings = DuckDBSettings

    def open(self, settings: DuckDBSettings) -> DuckDBDatabase:
        """Return the database of ``settings.filename``, not yet connected."""
        from dbmcp_duckdb.database import DuckDBDatabase

        return DuckDBDatabase(settings)

    def bind(self, statement: Statement) -> Statement:
        """Return *statement* with placeholders as DuckDB takes them: ``$name``, or ``$1``, ``$2``, …."""
        from dbmcp_core.binding import bind

        return bind(statement, "duckdb", "$name")

    def settings_from_url(self, url: SplitResult) -> dict[str, object]:
        """``duckdb:///relative.duckdb``, ``duckdb:////absolute.duckdb``; ``duckdb://`` is in memory."""
        if url.netloc:
            raise ValueError(f"a DuckDB URL has three slashes before the path: duckdb:///{url.netloc}{url.path}")
        path = unquote(url.path)
        filename = path[1:] if url.path.startswith("/") else path
        return {"filename": filename or MEMORY, **dict(parse_qsl(url.query, keep_blank_values=True))}
