"""The settings of an SQL Server source."""

from __future__ import annotations

import re

from dbmcp_core.settings import Secret, Settings, nearest, setting

__all__ = ["MSSQLSettings"]

_ENCRYPT = {"yes": "yes", "true": "yes", "1": "yes", "on": "yes", "mandatory": "yes", "require": "yes"}
_ENCRYPT |= {"no": "no", "false": "no", "0": "no", "off": "no", "optional": "no", "disable": "no", "strict": "strict"}
_INTENTS = {"readonly": "ReadOnly", "readwrite": "ReadWrite"}
#: A name, an address, or a name with an instance; no other protocol (``np:``) and no door for administrators.
_HOST = re.compile(r"(?:[\w.-]{1,255}|\(local\)|\(localdb\))(?:\\[\w$#.-]+)?|(?=.*:)[0-9A-Fa-f:.]{2,45}(?:%[\w.-]+)?")
#: As the Azure portal shows it, and as people write it: a port behind a comma or a colon, IPv6 in brackets.
_WITH_PORT = re.compile(
    r"(?:tcp:)?(?:\[(?P<v6>[0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|(?P<host>[^,:\[\]]+))(?:\s*[,:]\s*(?P<port>\d{1,5}))?\Z"
)


class MSSQLSettings(Settings):
    """The settings of an SQL Server source."""

    host: str = setting(
        "localhost", doc=r"The server's name or address, also as name\instance.", aliases=("server", "hostname")
    )
    instance: str | None = setting(
        None, doc="The instance's name, where it isn't part of the host.", aliases=("instance_name",)
    )
    port: int | None = setting(None, doc="The server's port; left out, 1433, or that of the instance.")
    database: str | None = setting(
        None,
        doc="The database to connect to; left out, the account's own.",
        aliases=("dbname", "db", "initial_catalog"),
    )
    user: str | None = setting(None, doc="The account.", aliases=("username", "uid"))
    password: Secret | None = setting(None, doc="Its password.", aliases=("passwd", "pwd"))
    access_token: Secret | None = setting(
        None, doc="A token of Microsoft Entra in place of user and password.", aliases=("token",)
    )
    trusted_connection: bool = setting(
        False, doc="Log in as whoever runs this program (Windows, Kerberos).", aliases=("integrated",), operator=True
    )
    encrypt: str | bool = setting("yes", doc="TLS: yes (true), no (false), or strict (TDS 8).", aliases=("ssl", "tls"))
    trust_server_certificate: bool = setting(
        False, doc="Take the server's certificate without verifying it.", aliases=("trust_certificate", "trust_cert")
    )
    application_intent: str | None = setting(
        None, doc="ReadOnly or ReadWrite; left out, ReadOnly where the source is read-only.", aliases=("intent",)
    )
    driver: str | None = setting(
        None, doc="The ODBC driver: its registered name or its file; left out, the best there is.", operator=True
    )
    connect_timeout_s: float = setting(
        10.0,
        doc="Seconds to wait for a connection.",
        aliases=("connect_timeout", "connection_timeout", "login_timeout"),
    )
    lock_timeout_s: float = setting(5.0, doc="Seconds to wait for somebody else's lock.", aliases=("lock_timeout",))
    safe_functions: tuple[str, ...] = setting(
        (), doc="Functions of this database that a read may call although they can reach out of it.", operator=True
    )

    def __post_init__(self) -> None:
        """Bring words into one form, and check what belongs together."""
        for name in ("user", "database", "instance"):  # an empty variable of the environment is none
            object.__setattr__(self, name, getattr(self, name) or None)
        self._set_host()
        word = str(self.encrypt).strip().lower()
        if word not in _ENCRYPT:
            raise ValueError(f"'encrypt' wants yes, no or strict, not {self.encrypt!r}{nearest(word, _ENCRYPT)}")
        object.__setattr__(self, "encrypt", _ENCRYPT[word])
        if self.application_intent is not None:
            intent = _INTENTS.get(re.sub("[ _-]", "", self.application_intent).lower())
            if intent is None:
                raise ValueError(f"'application_intent' wants ReadOnly or ReadWrite, not {self.application_intent!r}")
            object.__setattr__(self, "application_intent", intent)
        ways = [self.user is not None, self.access_token is not None, self.trusted_connection]
        if sum(ways) != 1:
            problem = "none is set" if not any(ways) else "more than one is set"
            raise ValueError(
                f"'user' (with 'password'), 'access_token' or 'trusted_connection' says who logs in: {problem}"
            )

    def _set_host(self) -> None:
        host = self.host.strip().replace("%5C", "\\").replace("%5c", "\\")  # from a URL
        if match := _WITH_PORT.match(host):
            host, port = match["v6"] or match["host"].strip(), match["port"]
            if port is not None and self.port not in (None, int(port)):
                raise ValueError(f"'host' says port {port} and 'port' says {self.port}")
            object.__setattr__(self, "port", int(port) if port is not None else self.port)
        if self.instance is not None:
            if "\\" in host and host.partition("\\")[2].lower() != self.instance.lower():
                raise ValueError("'host' and 'instance' name two instances")
            host = host if "\\" in host else f"{host}\\{self.instance}"
        if not _HOST.fullmatch(host):
            raise ValueError(
                rf"'host' wants a name, an address or name\instance, with a port behind a comma, not {self.host!r}"
            )
        if self.port is not None and not 0 < self.port < 65_536:
            raise ValueError(f"'port' wants a number from 1 to 65535, not {self.port}")
        object.__setattr__(self, "host", host)
