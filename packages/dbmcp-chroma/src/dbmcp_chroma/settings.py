"""The settings of a Chroma source."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
from pathlib import Path
from typing import Self

from dbmcp_core.settings import Secret, Settings, setting

__all__ = ["CLOUD_HOST", "FILE", "ChromaSettings"]

CLOUD_HOST = "api.trychroma.com"
#: The file that makes a folder one of Chroma's.
FILE = "chroma.sqlite3"
#: A tenant or a database: they become parts of a path.
_PLACE = re.compile(r"[A-Za-z0-9._-]{1,512}")


class ChromaSettings(Settings):
    """The settings of a Chroma source: ``path`` of a folder, or ``host`` of a server, or ``api_key`` of the cloud."""

    path: str | None = setting(
        None,
        doc="The folder of a persistent database, opened in a process of its own.",
        aliases=("persist_directory", "directory", "folder"),
    )
    create_if_not_exists: bool = setting(
        False, doc="Make the database in the folder if there is none, on a read-only source too.", aliases=("create",)
    )
    host: str | None = setting(None, doc="A server's name or address.", aliases=("server", "hostname"))
    port: int | None = setting(None, doc="Its port; left out, 8000, and 443 of the cloud.")
    ssl: bool | None = setting(None, doc="Encrypt, and verify the server; the cloud always is.", aliases=("tls",))
    tls_ca_file: str | None = setting(None, doc="File with the authorities to trust.", operator=True)
    token: Secret | None = setting(None, doc="A token that the server asks for.", aliases=("auth_token",))
    token_header: str = setting("Authorization", doc="The header that takes it: as 'Bearer …', or X-Chroma-Token.")
    user: str | None = setting(None, doc="The account of a server that asks for one.", aliases=("username",))
    password: Secret | None = setting(None, doc="Its password.")
    headers: Secret | None = setting(None, doc='More headers of every request, as JSON: {"Name": "value"}.')
    api_key: Secret | None = setting(None, doc="The key of Chroma Cloud.", aliases=("cloud_api_key",))
    tenant: str | None = setting(None, doc="The tenant; left out, 'default_tenant', or the key's own.")
    database: str | None = setting(
        None, doc="The database; left out, 'default_database', or the key's own.", aliases=("dbname", "db")
    )
    connect_timeout_s: float = setting(10.0, doc="Seconds to wait for a server.")
    sample_size: int = setting(100, doc="Records of a collection that are looked at for its schema.")
    embedding_function: str | None = setting(
        None,
        doc="What makes vectors of texts, in place of the collection's own: a name of Chroma's, or module:Class.",
        operator=True,
    )
    allow_embedding_functions: tuple[str, ...] = setting(
        (),
        doc="Collections' own functions that may be used though they call services or load code, by name.",
        operator=True,
    )
    download_model: bool = setting(
        False, doc="Let Chroma download its default model (80 MB) when it isn't there.", operator=True
    )
    memory_limit_mb: int = setting(
        4_096, doc="Memory of the process that has a folder open, in MiB; 0 is no limit.", operator=True
    )

    def __post_init__(self) -> None:
        if self.path is not None and (self.host is not None or self.api_key is not None):
            raise ValueError("'path' is of a folder, 'host' and 'api_key' of a server: set one of them")
        if self.path is None and self.host is None and self.api_key is None:
            raise ValueError("where is it? Set 'path' (a folder), 'host' (a server) or 'api_key' (the cloud)")
        if self.path == "":
            raise ValueError("'path' is empty")
        if self.host is not None and (not self.host or set(self.host) & set("/@?#\\ \t\r\n")):
            raise ValueError("'host' is a name or an address, no URL")
        for name in ("tenant", "database"):
            value = getattr(self, name)
            if value is not None and (not _PLACE.fullmatch(value) or value in (".", "..")):
                raise ValueError(f"{name!r} has up to 512 letters, digits, '.', '_' or '-'")
        self.request_headers()

    def request_headers(self) -> dict[str, str]:
        """Return the headers of every request, the credentials among them.

        Raises:
            ValueError: Without a part of what can't be read.
        """
        found = _headers(self.headers.reveal()) if self.headers is not None else {}
        if self.token is not None:
            bearer = self.token_header.lower() == "authorization"
            found[self.token_header] = f"Bearer {self.token.reveal()}" if bearer else self.token.reveal()
        if self.user is not None:
            password = self.password.reveal() if self.password is not None else ""
            found["Authorization"] = "Basic " + base64.b64encode(f"{self.user}:{password}".encode()).decode()
        if self.api_key is not None:
            found["X-Chroma-Token"] = self.api_key.reveal()
        for name, value in found.items():
            if not name.replace("-", "").replace("_", "").isalnum() or not f"{name}{value}".isascii():
                raise ValueError("a header's name or value can't be sent")
            if any(ord(character) < 32 for character in value):
                raise ValueError("a header's value can't be sent: it has control characters")
        return found

    def secrets(self) -> tuple[str, ...]:
        """Return the texts that must never show: each header's value too."""
        values = self.request_headers().values()
        bare = tuple(value.partition(" ")[2] for value in values)
        return (*super().secrets(), *filter(None, (*values, *bare)))

    def changes_on_open(self) -> bool:
        """Return whether opening makes a database."""
        if self.path is None or not self.create_if_not_exists:
            return False
        return not (Path(self.path).expanduser() / FILE).exists()

    def relative_to(self, folder: Path) -> Self:
        """Return these settings with the folder and the authorities taken from *folder*."""
        files = {name: getattr(self, name) for name in ("path", "tls_ca_file")}
        found = {name: str(folder / Path(file).expanduser()) for name, file in files.items() if file is not None}
        return dataclasses.replace(self, **found)  # type: ignore[arg-type]  # texts, all of them


def _headers(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ValueError('\'headers\' is a JSON object of texts: {"Name": "value"}')
    return found
