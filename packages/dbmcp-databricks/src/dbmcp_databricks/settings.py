"""The settings of a Databricks source."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from dbmcp_core.settings import Secret, Settings, plain, setting

__all__ = ["DatabricksSettings"]

_OPTION = re.compile(r"(?P<name>_[a-z][a-z0-9_]*)=(?P<value>.*)", re.S)
_PAT, _M2M = "pat", "oauth-m2m"
_TOKEN, _CLIENT = frozenset({"access_token"}), frozenset({"client_id", "client_secret"})
_WHERE = "it stands in the warehouse's connection details, as /sql/1.0/warehouses/…"


class DatabricksSettings(Settings):
    """Where the workspace is, which warehouse or cluster runs the statements, and who asks."""

    server_hostname: str = setting(
        doc="The workspace's host.",
        aliases=("host", "hostname", "server"),
        environment=("DATABRICKS_HOST", "DATABRICKS_SERVER_HOSTNAME"),
    )
    http_path: str = setting(
        doc="The path of the warehouse or cluster, from its connection details.", environment=("DATABRICKS_HTTP_PATH",)
    )
    access_token: Secret | None = setting(
        None,
        doc="A token of the account.",
        aliases=("token", "password"),
        environment=("DATABRICKS_TOKEN", "DATABRICKS_ACCESS_TOKEN"),
    )
    client_id: str | None = setting(
        None,
        doc="A service principal's OAuth client id, in place of a token.",
        environment=("DATABRICKS_CLIENT_ID",),
    )
    client_secret: Secret | None = setting(None, doc="Its secret.", environment=("DATABRICKS_CLIENT_SECRET",))
    auth_type: str | None = setting(
        None,
        doc="Which of the two to use, 'pat' or 'oauth-m2m', where both are given.",
        environment=("DATABRICKS_AUTH_TYPE",),
    )
    catalog: str | None = setting(
        None, doc="The catalog to use; left out, the workspace's default.", environment=("DATABRICKS_CATALOG",)
    )
    schema: str | None = setting(
        None,
        doc="The schema to use, and the only one that is listed; left out, all of the catalog are.",
        aliases=("database",),
        environment=("DATABRICKS_SCHEMA",),
    )
    connect_timeout_s: float = setting(
        30.0, doc="Seconds to wait for a session, and for a stopped warehouse to start.", aliases=("connect_timeout",)
    )
    port: int = setting(443, doc="The host's port.", operator=True)
    ssl_ca: str | None = setting(None, doc="File with the authorities to trust; left out, the system's.", operator=True)
    ssl_verify: bool = setting(True, doc="Whether the host must prove who it is.", operator=True)
    options: tuple[str, ...] = setting((), doc="Private options of the connector, each as _name=value.", operator=True)

    @classmethod
    def from_variables(cls, values: Mapping[str, object], variables: Mapping[str, str]) -> dict[str, object]:
        """Return *values* with what Databricks' own variables add: no second way to log in where *values* have one."""
        names = cls.names()
        given = {names.get(plain(key)) for key in values}
        found = super().from_variables(values, variables)
        for name in _TOKEN if given & _CLIENT else _CLIENT if given & _TOKEN else ():
            if name not in given:
                found.pop(name, None)
        if given & (_TOKEN | _CLIENT) and "auth_type" not in given:
            found.pop("auth_type", None)
        return found

    def __post_init__(self) -> None:
        """Check what belongs together, and take the host as people copy it."""
        # As from a browser's address line, too: https://dbc-1234.cloud.databricks.com/?o=1234
        host = re.sub(r"^https?://", "", self.server_hostname.strip(), flags=re.I)
        host = re.sub(r"/*(?:\?o=\d*)?#?$", "", host)
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

    def token(self) -> str:
        """Return the token to show; empty where the service principal's secret is to be used."""
        use_client = (self.auth_type or "").lower() == _M2M
        return "" if use_client or self.access_token is None else self.access_token.reveal()

    def _who_problems(self) -> list[str]:
        kind = (self.auth_type or "").lower()
        token = self.access_token.reveal() if self.access_token is not None else ""
        secret = self.client_secret.reveal() if self.client_secret is not None else ""
        if kind not in ("", _PAT, _M2M):
            wanted = "'auth_type' is 'pat' (a token) or 'oauth-m2m' (client_id and client_secret)"
            return [f"{wanted}, not {kind!r}: a server has no browser and no other tool's log-in"]
        if kind != _PAT and bool(self.client_id) != bool(secret):
            return ["'client_id' and 'client_secret' go together"]
        if not kind and token and secret:
            return ["either 'access_token' or 'client_id' with 'client_secret' is wanted, not both"]
        if not (token if kind == _PAT else secret if kind == _M2M else token or secret):
            return ["'access_token', or 'client_id' with 'client_secret', is missing"]
        used = self.token() or secret
        if not used.isascii() or re.search(r"\s", used):
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
