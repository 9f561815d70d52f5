"""Connections that a client opens and closes: who may, what may be reached, and as what."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import mcp.types as t

from dbmcp_core import DbmcpError, Executor, Registry, Running, Settings
from dbmcp_core.config import Source
from dbmcp_core.config import source as make_source
from dbmcp_core.errors import LimitExceeded, Refused
from dbmcp_core.journal import masked
from dbmcp_core.settings import plain
from dbmcp_server.mcp import arguments as args
from dbmcp_server.mcp import results
from dbmcp_server.mcp.calls import DOOR, Context, caller
from dbmcp_server.mcp.kernel import DbServer, Tool
from dbmcp_server.mcp.making import make
from dbmcp_server.mcp.tools import Tools
from dbmcp_server.options import ServerOptions

__all__ = ["Runtime"]

#: Connections that clients may have open at once.
_MOST = 32

_OPEN = (
    args.text("connectionId", "its name from now on"),
    args.text("type", "engine, such as sqlite", required=True),
    args.table("config", 'settings, such as {"filename": "shop.db"} or {"url": "postgresql://…"}', required=True),
)
_CLOSE = (args.text("connectionId", required=True),)


class Runtime:
    """The connections that clients opened.

    Args:
        executor: Where they are kept.
        registry: Which engines there are.
        options: What is allowed.
        only_listed: Whether to refuse what matches none of ``options.runtime_allow`` even if that is empty.
    """

    def __init__(
        self,
        executor: Executor,
        registry: Registry,
        options: ServerOptions,
        server: DbServer,
        tools: Tools,
        *,
        only_listed: bool,
    ) -> None:
        self._executor = executor
        self._registry = registry
        self._options = options
        self._server = server
        self._calls = server.calls
        self._find = tools.source
        self._only_listed = only_listed or bool(options.runtime_allow)
        self._names: set[str] = set()

    def tools(self) -> list[Tool]:
        """Return the tools that open and close connections."""
        opens = t.ToolAnnotations(
            read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True
        )
        # A database in memory ends with its connection.
        closes = t.ToolAnnotations(
            read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
        )
        return [
            make("connect-database", "Connect", "Open a database.", _OPEN, self.connect, hints=opens),
            make("disconnect-database", "Disconnect", "Close a connection.", _CLOSE, self.disconnect, hints=closes),
        ]

    async def connect(self, ctx: Context, given: dict[str, Any]) -> t.CallToolResult:
        """Open a database, and keep it if it answers."""
        if len(self._names) >= _MOST:
            raise LimitExceeded(f"{_MOST} connections are open.", hint="Disconnect one that isn't used any more.")
        running, who = Running(), caller(ctx)
        found = await self._calls.run(ctx, running, None, lambda: self._open(given, who, running))
        await self._server.changed()
        access = "read-only" if found.settings.read_only else "for reading and writing"
        return results.said(f"Connected {found.engine.name} as {found.name!r}, {access}.")

    def _open(self, given: Mapping[str, Any], who: str, running: Running) -> Source:
        """Open what a client describes; nothing stays of what fails, or is cancelled meanwhile."""
        try:
            found = self._source(given.get("connectionId"), given["type"], given["config"])
            self._executor.add(found)
        except DbmcpError as exc:
            raise masked(exc, _secrets(given["config"])) from None
        self._names.add(found.name)
        try:
            self._executor.ping(found.name, caller=who, door=DOOR, running=running)
            running.raise_if_stopped()
        except BaseException:
            self._forget(found.name)
            raise
        return found

    async def disconnect(self, ctx: Context, given: dict[str, Any]) -> t.CallToolResult:
        """Close a connection that a client opened."""
        name = self._find(given["connectionId"])
        if name not in self._names:
            raise Refused(
                f"Connection {name!r} is configured where the server runs, so clients can't disconnect it.",
                hint="Only connections made by connect-database can be.",
            )
        await self._calls.run(ctx, Running(), None, lambda: self._forget(name))
        await self._server.changed()
        return results.said(f"Disconnected {name!r}.")

    def _forget(self, name: str) -> None:
        self._names.discard(name)
        self._calls.failures.pop(name, None)
        self._executor.remove(name)

    def _source(self, name: str | None, kind: str, config: Mapping[str, Any]) -> Source:
        """Return the source that a client describes, as far as it is allowed to."""
        spec = {key: value for key, value in config.items() if key not in ("engine", "type")}
        found = make_source(self._registry, name or "new", {**spec, "engine": kind}, origin="connect-database")
        settings = _bounded(found.settings)
        if not _says_read_only(spec):
            settings = dataclasses.replace(settings, read_only=not self._options.allow_writes)
        elif not settings.read_only and not self._options.allow_writes:
            raise Refused(
                "This server opens connections read-only.",
                hint="Leave out readOnly; only whoever starts the server can allow writes (--allow-writes).",
            )
        if settings.changes_on_open() and not self._options.allow_writes:
            raise Refused(
                "This server opens connections read-only, so it makes no database.",
                hint="Only whoever starts the server can allow writes (--allow-writes).",
            )
        if own := settings.operators_own():
            raise Refused(
                f"A client can't set {', '.join(map(repr, own))}.",
                hint="That is up to whoever runs this server: in a source of its configuration.",
            )
        found = dataclasses.replace(found, settings=_resolved(settings) if self._only_listed else settings)
        if self._only_listed and not _is_allowed(found, self._options.runtime_allow):
            raise Refused(
                "This server doesn't let clients connect to that.",
                hint="What may be reached is up to whoever starts it (runtime_allow).",
            )
        return found if name else dataclasses.replace(found, name=self._free_name(found))

    def _free_name(self, source: Source) -> str:
        """Return a name made from the database's own."""
        settings = source.settings
        whole = str(getattr(settings, "filename", None) or getattr(settings, "database", None) or "")
        stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", Path(whole).stem).strip("-._")[:50] or source.engine.name
        if whole == ":memory:":
            stem = "memory"
        taken = {one.name for one in self._executor.sources()}
        names = (stem, *(f"{stem}-{number}" for number in range(2, len(taken) + 3)))
        return next(name for name in names if name not in taken)


def _says_read_only(config: Mapping[str, Any]) -> bool:
    """Whether *config* itself decides, in a key of its own or in its URL."""
    url = config.get("url")
    in_url = parse_qsl(urlsplit(url).query, keep_blank_values=True) if isinstance(url, str) else []
    return any(plain(key) == "readonly" for key in [*config, *dict(in_url)])


def _bounded(settings: Settings) -> Settings:
    """Return *settings* with no limit higher than its default: a client can't lift what protects the server from it."""
    lower: dict[str, Any] = {}
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if field.name.startswith("max_") or field.name.endswith("timeout_s"):
            lower[field.name] = field.default if not value else min(value, field.default or value)
    return dataclasses.replace(settings, **lower)


def _resolved(settings: Any) -> Any:
    """Return *settings* with the real path of its file, past links and ``..``: what was checked is what is opened."""
    filename = getattr(settings, "filename", None)
    if not isinstance(filename, str) or filename == ":memory:":
        return settings
    return dataclasses.replace(settings, filename=str(Path(filename).expanduser().resolve()))


def _is_allowed(source: Source, patterns: tuple[str, ...]) -> bool:
    target = _target(source)
    return any(fnmatchcase(target, pattern) for pattern in patterns)


def _target(source: Source) -> str:
    """Return the URL that *source* leads to in the end, without user, password and options."""
    settings = source.settings
    filename = getattr(settings, "filename", None)
    if filename is not None:
        return f"{source.engine.name}://" + ("" if filename == ":memory:" else f"/{filename}")
    host = quote(str(getattr(settings, "host", None) or getattr(settings, "server_hostname", None) or ""), safe="")
    port = getattr(settings, "port", None)
    database = quote(str(getattr(settings, "database", None) or ""), safe="")
    return f"{source.engine.name}://{host}{f':{port}' if port else ''}/{database}"


def _secrets(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what in *config* may be a secret, for errors that are raised before its settings are known."""
    named = re.compile("password|passwd|pwd|secret|token|key", re.I).search
    found = [value for key, value in config.items() if isinstance(value, str) and named(key)]
    with contextlib.suppress(ValueError):
        password = urlsplit(str(config.get("url", ""))).password or ""
        found += [password, unquote(password)]
    return tuple(found)
