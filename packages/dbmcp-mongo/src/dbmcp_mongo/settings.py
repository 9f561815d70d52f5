"""The settings of a MongoDB source, and which options a URI of it may have."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

from dbmcp_core.settings import Secret, Settings, setting

__all__ = ["URI_OPTIONS", "MongoSettings"]

#: What a URI may say. Files, other hosts (a proxy), weaker TLS and programs of one's own are not among it.
URI_OPTIONS = frozenset(
    [
        "replicaset",
        "authsource",
        "authmechanism",
        "tls",
        "ssl",
        "retryreads",
        "retrywrites",
        "w",
        "journal",
        "wtimeoutms",
        "readpreference",
        "readpreferencetags",
        "readconcernlevel",
        "maxstalenessseconds",
        "directconnection",
        "loadbalanced",
        "maxpoolsize",
        "minpoolsize",
        "maxidletimems",
        "waitqueuetimeoutms",
        "appname",
        "connecttimeoutms",
        "sockettimeoutms",
        "serverselectiontimeoutms",
        "localthresholdms",
        "heartbeatfrequencyms",
        "compressors",
        "zlibcompressionlevel",
        "srvmaxhosts",
    ]
)
#: What the name of a database can't have in it.
_UNNAMABLE = frozenset(' ."$/\\\0')
MECHANISMS = frozenset({"DEFAULT", "SCRAM-SHA-1", "SCRAM-SHA-256", "MONGODB-X509", "PLAIN"})


class MongoSettings(Settings):
    """The settings of a MongoDB source."""

    uri: Secret | None = setting(
        None,
        doc="The connection string, mongodb:// or mongodb+srv://, replica sets too; in place of host, port and user.",
        aliases=("connection_string",),
    )
    host: str = setting("localhost", doc="The server's name or address.", aliases=("server", "hostname"))
    port: int = setting(27017, doc="Its port.")
    database: str | None = setting(
        None, doc="The database; left out, the URI's, else 'test'.", aliases=("dbname", "db")
    )
    user: str | None = setting(None, doc="The account.", aliases=("username",))
    password: Secret | None = setting(None, doc="Its password.")
    auth_source: str | None = setting(None, doc="The database that has the account.")
    replica_set: str | None = setting(None, doc="The name of the replica set.")
    max_pool_size: int = setting(20, doc="Connections that may be open at once.")
    use_unified_topology: bool | None = setting(None, doc="Has no meaning any more; taken, and said once in the log.")
    tls: bool | None = setting(None, doc="Encrypt, and verify the server.", aliases=("ssl",))
    tls_ca_file: str | None = setting(None, doc="File with the authorities to trust.", operator=True)
    tls_certificate_key_file: str | None = setting(
        None, doc="File with the client's certificate and private key.", operator=True
    )
    connect_timeout_s: float = setting(10.0, doc="Seconds to wait for a server.")
    sample_size: int = setting(100, doc="Documents of a collection that are looked at for its schema.")

    def secrets(self) -> tuple[str, ...]:
        """Return the texts that must never show: the password of the URI too."""
        found = super().secrets()
        if self.uri is None:
            return found
        user, at, _ = self.uri.reveal().partition("://")[2].rpartition("@")
        _, _, password = user.partition(":")
        return (*found, *filter(None, (password, unquote(password)))) if at else found

    def uri_options(self) -> frozenset[str]:
        """Return the names of the options in the URI, lower case."""
        query = self.uri.reveal().partition("?")[2] if self.uri is not None else ""
        return frozenset(name.lower() for name, _ in parse_qsl(query, keep_blank_values=True))

    def uri_problem(self) -> str | None:
        """Return what is wrong with the URI, without a part of it; None if nothing is."""
        if self.uri is None:
            return None
        try:
            parts = urlsplit(self.uri.reveal())
            options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        except ValueError:
            return "it is no connection string"
        if parts.scheme not in ("mongodb", "mongodb+srv"):
            return "it begins with mongodb:// or mongodb+srv://"
        if not parts.netloc.rpartition("@")[2]:
            return "it names no host"
        if "%2f" in parts.netloc.rpartition("@")[2].lower():
            return "a socket's path is not taken"
        if parts.scheme == "mongodb+srv" and re.search(r",|:[0-9]*$", parts.netloc.rpartition("@")[2]):
            return "mongodb+srv:// takes one name without a port; the name server knows the hosts"
        if _UNNAMABLE & set(unquote(parts.path[1:])):
            return "the name of its database has a character that names can't have"
        return self._options_problem(options)

    def _options_problem(self, options: list[tuple[str, str]]) -> str | None:
        seen: set[str] = set()
        for name, value in options:
            if name.lower() in seen and name.lower() != "readpreferencetags":
                return f"the option {name[:40]!r} is there twice"
            seen.add(name.lower())
            if name.lower() not in URI_OPTIONS:
                return f"the option {name[:40]!r} is not taken; files and TLS have settings of their own"
            if name.lower() == "authmechanism" and value.upper() not in MECHANISMS:
                return "this authMechanism is not taken"
        return None

    def relative_to(self, folder: Path) -> Self:
        """Return these settings with the files of TLS taken from *folder*."""
        files = {name: getattr(self, name) for name in ("tls_ca_file", "tls_certificate_key_file")}
        found = {name: str(folder / Path(file).expanduser()) for name, file in files.items() if file is not None}
        return dataclasses.replace(self, **found)  # type: ignore[arg-type]  # texts, all of them
