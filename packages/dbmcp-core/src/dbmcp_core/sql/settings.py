"""The settings of a database that is reached over the network."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Self

from dbmcp_core.settings import Secret, Settings, nearest, setting

__all__ = ["ServerSettings"]

#: How TLS is wanted, as PostgreSQL's clients call it, and other words for it.
_TLS = ("disable", "prefer", "require", "verify-ca", "verify-full")
_TLS_WORDS = {"false": "disable", "0": "disable", "no": "disable", "off": "disable"}
_TLS_WORDS |= dict.fromkeys(("true", "1", "yes", "on"), "verify-full")


class ServerSettings(Settings):
    """The settings of a database that is reached over the network."""

    host: str = setting("localhost", doc="The server's name or address.", aliases=("server", "hostname"))
    port: int | None = setting(None, doc="The server's port; left out, the engine's usual one.")
    database: str | None = setting(
        None, doc="The database to connect to; left out, what the server makes of it.", aliases=("dbname", "db")
    )
    user: str | None = setting(None, doc="The account.", aliases=("username",))
    password: Secret | None = setting(None, doc="Its password.", aliases=("passwd",))
    ssl: str | bool = setting(
        "prefer",
        doc="TLS: disable, prefer, require (encrypted, the server not verified), verify-ca, or verify-full (true).",
        aliases=("sslmode", "tls", "ssl_mode"),
    )
    ssl_ca: str | None = setting(
        None, doc="File with the authorities to trust; left out, the system's.", aliases=("sslrootcert",), operator=True
    )
    ssl_cert: str | None = setting(None, doc="File with the client's certificate.", aliases=("sslcert",), operator=True)
    ssl_key: str | None = setting(None, doc="File with the client's private key.", aliases=("sslkey",), operator=True)
    connect_timeout_s: float = setting(10.0, doc="Seconds to wait for a connection.", aliases=("connect_timeout",))

    def __post_init__(self) -> None:
        """Check how TLS is wanted."""
        word = str(self.ssl).strip().lower().replace("_", "-")
        mode = _TLS_WORDS.get(word, word)
        if mode not in _TLS:
            raise ValueError(f"'ssl' wants true, false or a mode, not {self.ssl!r}{nearest(word, _TLS)}")
        object.__setattr__(self, "ssl", mode)

    def relative_to(self, folder: Path) -> Self:
        """Return these settings with the files of TLS taken from *folder*."""
        files = {name: getattr(self, name) for name in ("ssl_ca", "ssl_cert", "ssl_key")}
        found = {name: str(folder / Path(file).expanduser()) for name, file in files.items() if file is not None}
        return dataclasses.replace(self, **found)  # type: ignore[arg-type]  # texts, all of them
