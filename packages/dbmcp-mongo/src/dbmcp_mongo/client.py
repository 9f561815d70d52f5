"""The one client of a source: its options are ours, whatever the URI says."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import parse_qsl, urlencode

from pymongo import MongoClient
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri, split_options

from dbmcp_core.errors import ConnectionFailed
from dbmcp_mongo.settings import MongoSettings

__all__ = ["open_client"]

_log = logging.getLogger("dbmcp")
#: Seconds after a statement's time limit at which the server stops by itself, and then the socket.
SERVER_MARGIN_S, SOCKET_MARGIN_S = 2.0, 8.0
_told: list[bool] = []


def open_client(settings: MongoSettings) -> tuple[MongoClient[dict[str, Any]], str]:
    """Return a client that has not connected yet, and the name of its database."""
    _tell_of_topology(settings)
    problem = settings.uri_problem() or _bad_value(settings)
    if problem is not None:
        raise ConnectionFailed(f"The setting 'uri' can't be used: {problem}.", details={"reason": "uri"})
    try:
        client: MongoClient[dict[str, Any]] = MongoClient(**_where(settings), **_fixed(settings))
        name = settings.database or _named(settings)
    except (PyMongoError, ValueError, TypeError) as exc:
        # What the driver says may quote the URI, and with it a password that isn't encoded as it should be.
        raise ConnectionFailed(
            f"The settings of the connection can't be used ({type(exc).__name__}).",
            hint="Is the URI right, and does a mongodb+srv host resolve? In user and password, percent-encode @ : / ?",
        ) from None
    if name is None:
        _log.warning("No database is named, in the URI or by 'database'; as in the shell, 'test' is taken.")
    return client, name or "test"


def _bad_value(settings: MongoSettings) -> str | None:
    """Return which option of the URI has a value that it can't have; the driver by itself would only warn and go on."""
    query = settings.uri.reveal().partition("?")[2] if settings.uri is not None else ""
    for name, value in parse_qsl(query):
        try:
            split_options(urlencode({name: value}), validate=True, warn=False)
        except (PyMongoError, ValueError, TypeError):
            return f"the option {name!r} can't have the value that it has"
    return None


def _tell_of_topology(settings: MongoSettings) -> None:
    if settings.use_unified_topology is not None and not _told:
        _told.append(True)
        _log.info("use_unified_topology has no meaning any more: every client has been like that for years.")


def _named(settings: MongoSettings) -> str | None:
    """Return the database in the URI, without asking a name server about its hosts."""
    if settings.uri is None:
        return None
    uri = settings.uri.reveal().replace("mongodb+srv://", "mongodb://", 1)
    found = parse_uri(uri.partition("?")[0])["database"]
    return str(found) if found else None


def _where(settings: MongoSettings) -> dict[str, Any]:
    if settings.uri is not None:
        return {"host": settings.uri.reveal()}
    found: dict[str, Any] = {"host": settings.host, "port": settings.port}
    if "/" in settings.host:
        raise ConnectionFailed("The setting 'host' is a name or an address, no path and no URL.")
    if settings.user is not None:
        found["username"] = settings.user
        found["password"] = settings.password.reveal() if settings.password is not None else None
    return found


def _fixed(settings: MongoSettings) -> dict[str, Any]:
    wait_ms = max(1, int(settings.connect_timeout_s * 1000))
    options: dict[str, Any] = {
        "appname": "dbmcp",
        "serverSelectionTimeoutMS": wait_ms,
        "connectTimeoutMS": wait_ms,
        "socketTimeoutMS": int((settings.timeout_s + SOCKET_MARGIN_S) * 1000),
        "waitQueueTimeoutMS": wait_ms,
        "maxPoolSize": max(settings.max_pool_size, 1),
        "tz_aware": True,
        "uuidRepresentation": "standard",
        "datetime_conversion": "DATETIME_AUTO",
    }
    more = {
        "authSource": settings.auth_source,
        "replicaSet": settings.replica_set,
        "tls": settings.tls,
        "tlsCAFile": settings.tls_ca_file,
        "tlsCertificateKeyFile": settings.tls_certificate_key_file,
    }
    if settings.max_pool_size == MongoSettings.max_pool_size and "maxpoolsize" in settings.uri_options():
        del options["maxPoolSize"]
    return options | {name: value for name, value in more.items() if value is not None}
