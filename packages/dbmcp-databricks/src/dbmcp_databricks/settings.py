"""The settings of a Databricks source."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from dbmcp_core.settings import Secret, Settings, setting

__all__ = ["DatabricksSettings"]

_OPTION = re.compile(r"(?P<name>_[a-z][a-z0-9_]*)=(?P<value>.*)", re.S)
_WHERE = "it stands in the warehouse's connection details, as /sql/1.0/warehouses/…"


@dataclass(frozen=True, kw_only=True)
class DatabricksSettings(Settings):
    """Where the workspace is, which warehouse or cluster runs the statements, and who asks."""

    server_hostname: str = setting(doc="The workspace's host.", aliases=("host", "hostname", "server"))
    http_path: str = setting(doc="The path of the warehouse or cluster, from its connection details.")
    access_token: Secret | None = setting(None, doc="A token of the account.", aliases=("token", "password"))
    client_id: str | None = setting(None, doc="A service principal's OAuth client id, in place of a token.")
    client_secret: Secret | None = setting(None, doc="Its secret.")
    catalog: str | None = setting(None, doc="The catalog to use; left out, the workspace's default.")
    schema: str | None = setting(
        None,
        doc="The schema to use, and the only one that is listed; left out, all of the catalog are.",
        aliases=("database",),
    )
    connect_timeout_s: float = setting(
        30.0, doc="Seconds to wait for a session, and for a stopped warehouse to start.", aliases=("connect_timeout",)
    )
    port: int = setting(443, doc="The host's port.", operator=True)
    ssl_ca: str | None = setting(None, doc="File with the authorities to trust; left out, the system's.", operator=True)
    ssl_verify: bool = setting(True, doc="Whether the host must prove who it is.", operator=True)
    options: tuple[str, ...] = setting((), doc="Private options of the connector, each as _name=value.", operator=True)

    def __post_init__(self) -> None:
        """Check what belongs together, and take the host as people copy it."""
        host = re.sub(r"^https?://", "", self.server_hostname.strip(), flags=re.I).rstrip("/")
        object.__setattr__(self, "server_hostname", host)
        problems = [*self._where_problems(host), *self._who_problems()]
        try:
            self.private_options()
        except ValueError as error:
            problems.append(str(error))
        if problems:
            raise ValueError("; ".join(problems))

    def _where_problems(self, host: str) -> list[str]:
        problems = []
        if not re.fullmatch(r"[A-Za-z0-9.-]+", host):
            problems.append(
                f"'server_hostname' wants the host alone, as dbc-1234.cloud.databricks.com, not {host!r}"
                + (f" ({_WHERE.replace('it stands', 'the path is http_path: it stands')})" if "/" in host else "")
            )
        if not re.fullmatch(r"/?[\w.-]+(?:/[\w.-]+)+(?:\?[\w=&.-]*)?", self.http_path.strip()):
            problems.append(f"'http_path' wants a path, not {self.http_path!r}: {_WHERE}")
        return problems

    def _who_problems(self) -> list[str]:
        token, client = bool(self.access_token), bool(self.client_id)
        if client != bool(self.client_secret):
            return ["'client_id' and 'client_secret' go together"]
        if token and client:
            return ["either 'access_token' or 'client_id' with 'client_secret' is wanted, not both"]
        if not token and not client:
            return ["'access_token', or 'client_id' with 'client_secret', is missing"]
        secret = self.access_token or self.client_secret
        if secret is not None and (not secret.reveal().isascii() or re.search(r"\s", secret.reveal())):
            return ["the token or secret has blanks or letters that none has; was it copied whole?"]
        return []

    def private_options(self) -> dict[str, Any]:
        """Return ``options`` by name, each value as what JSON makes of it, else as text."""
        found: dict[str, Any] = {}
        for option in self.options:
            match = _OPTION.fullmatch(option.strip())
            if match is None or "password" in match["name"]:
                raise ValueError(
                    "'options' wants private options of the connector without secrets, each as _name=value"
                )
            try:
                found[match["name"]] = json.loads(match["value"])
            except ValueError:
                found[match["name"]] = match["value"]
        return found

    def relative_to(self, folder: Path) -> Self:
        """Return these settings with the authorities' file taken from *folder*."""
        if self.ssl_ca is None:
            return self
        return dataclasses.replace(self, ssl_ca=str(folder / Path(self.ssl_ca).expanduser()))
