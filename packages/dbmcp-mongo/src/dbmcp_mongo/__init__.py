"""MongoDB for dbmcp, on pymongo."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, urlencode

from dbmcp_core import Engine, hookimpl
from dbmcp_core.settings import plain
from dbmcp_mongo.settings import MongoSettings

if TYPE_CHECKING:
    from dbmcp_mongo.database import MongoDatabase

__all__ = ["Mongo", "MongoSettings", "dbmcp_engines"]


class Mongo(Engine):
    """MongoDB 5.0 or newer, and what speaks its protocol."""

    name = "mongo"
    aliases = ("mongodb",)
    dialect = None
    settings = MongoSettings
    has_many_hosts = True

    def open(self, settings: MongoSettings) -> MongoDatabase:
        """Return the database, not yet connected."""
        from dbmcp_mongo.database import MongoDatabase

        return MongoDatabase(settings)

    def settings_from_url(self, url: SplitResult) -> dict[str, object]:
        """Return the URL, which may name many hosts, and the settings of its query; the driver's options stay in it."""
        scheme = "mongodb+srv" if url.scheme.endswith("+srv") else "mongodb"
        names = MongoSettings.names()
        query = parse_qsl(url.query, keep_blank_values=True)
        ours = {name: value for name, value in query if plain(name) in names}
        rest = urlencode([(name, value) for name, value in query if plain(name) not in names])
        uri = url._replace(scheme=scheme, path=url.path or "/", query=rest).geturl()
        return {"uri": uri, **ours}


@hookimpl
def dbmcp_engines() -> list[type[Engine]]:
    """Give the engine."""
    return [Mongo]
