"""What the server may do: the ``[server]`` table, ``DBMCP_…`` in the environment, or the command line's flags."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, Self

from dbmcp_core.settings import Options, plain, setting

__all__ = ["ServerOptions"]


class ServerOptions(Options):
    """The options of one server."""

    host: str = setting("127.0.0.1", doc="Address to listen on over HTTP.")
    port: int = setting(3001, doc="Port to listen on over HTTP.")
    allowed_hosts: tuple[str, ...] = setting(
        (), doc="Names that clients may call this server by, as 'name' or 'name:port'; loopback names always may."
    )
    allowed_origins: tuple[str, ...] = setting(
        (), doc="Origins whose web pages may call this server; pages of loopback origins always may."
    )
    allow_writes: bool = setting(False, doc="Let connections that a client opens write.")
    runtime_connections: bool | None = setting(
        None, doc="Let clients open connections; left out, on stdio alone, and only without a configured source."
    )
    runtime_allow: tuple[str, ...] = setting(
        (), doc="What a client may open, as patterns of URLs: 'sqlite:////data/*'; wanted over HTTP."
    )

    @property
    def is_local(self) -> bool:
        """Whether nobody but this machine reaches the address; a name that isn't ``localhost`` may be any."""
        try:
            return self.host == "localhost" or ip_address(self.host).is_loopback
        except ValueError:
            return False

    @classmethod
    def load(cls, table: Mapping[str, Any], environment: Mapping[str, str], flags: Mapping[str, Any]) -> Self:
        """Put the options together: *flags* over *environment* over *table*.

        Raises:
            ConfigError: naming what is wrong.
        """
        names = cls.names()
        variables = {
            names[key]: value
            for variable, value in environment.items()
            if variable.startswith("DBMCP_") and (key := plain(variable.removeprefix("DBMCP_"))) in names
        }
        given = {name: value for name, value in flags.items() if value is not None}
        canonical = {names.get(plain(key), key): value for key, value in table.items()}
        return cls.build({**canonical, **variables, **given}, where="[server]")
