"""Databricks for dbmcp, on databricks-sql-connector."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, unquote

from dbmcp_core import Engine, hookimpl
from dbmcp_core.sql import SQLEngine
from dbmcp_databricks.settings import DatabricksSettings

if TYPE_CHECKING:
    from dbmcp_databricks.database import DatabricksDatabase

__all__ = ["Databricks", "DatabricksSettings", "dbmcp_engines"]


class Databricks(SQLEngine):
    """SQL warehouses and clusters of Databricks, with or without Unity Catalog."""

    name = "databricks"
    dialect = "databricks"
    settings = DatabricksSettings

    def open(self, settings: DatabricksSettings) -> DatabricksDatabase:
        """Return the database, not yet connected."""
        from dbmcp_databricks.database import DatabricksDatabase

        return DatabricksDatabase(settings)

    def settings_from_url(self, url: SplitResult) -> dict[str, object]:
        """Return what ``databricks://token:TOKEN@host/catalog/schema?http_path=…`` spells."""
        if url.password is not None and unquote(url.username or "") != "token":
            raise ValueError("a URL gives the token as token:TOKEN@host")
        names = [unquote(name) for name in url.path.strip("/").split("/") if name]
        if len(names) > 2:
            raise ValueError("a URL's path is a catalog and a schema; the warehouse's goes into ?http_path=")
        parts: dict[str, object] = {
            "access_token": unquote(url.password) if url.password else None,
            "server_hostname": url.hostname,
            "port": url.port,
            **dict(zip(("catalog", "schema"), names, strict=False)),
        }
        found = {name: value for name, value in parts.items() if value is not None}
        return found | dict(parse_qsl(url.query, keep_blank_values=True))


@hookimpl
def dbmcp_engines() -> list[type[Engine]]:
    """Give the engine."""
    return [Databricks]
