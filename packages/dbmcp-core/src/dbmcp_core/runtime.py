"""What the Python code of a tool may use of its project: the database, configuration, plugins, the client, the caller.

::

    from dbmcp_core.runtime import config, db, log

    def top_customers(limit: int) -> list[dict]:
        log.info("looking")
        return db.execute("SELECT * FROM customer ORDER BY revenue DESC LIMIT $n", {"n": limit})

All of it belongs to the call that the code runs in, and raises ``ToolFailed`` outside of one. Functions under
``on_init`` and ``on_shutdown`` have a call of their own, with nobody as its caller.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar, runtime_checkable

from dbmcp_core.errors import ToolFailed, UnsupportedError
from dbmcp_core.settings import redact
from dbmcp_core.statement import Params
from dbmcp_core.tools.context import CallContext, current
from dbmcp_core.tools.user import User

__all__ = [
    "Hooks",
    "Plugin",
    "SupportsReload",
    "collecting",
    "config",
    "current_user",
    "db",
    "log",
    "mcp",
    "on_init",
    "on_shutdown",
    "plugins",
    "reload_duckdb",
    "udf",
    "user",
]

_Function = TypeVar("_Function", bound=Callable[..., Any])

#: What ``udf`` leaves on a method.
UDF_MARK = "__dbmcp_udf__"


def _call(what: str) -> CallContext:
    context = current()
    if context is None:
        raise ToolFailed(
            f"{what} was used outside of a tool's call.",
            hint="Use it in the tool's function, or in one under on_init; a thread of one's own needs "
            "contextvars.copy_context().run(…).",
        )
    context.running.raise_if_stopped()
    return context


def _refuse_loading(context: CallContext, what: str) -> None:
    if context.is_loading:
        raise ToolFailed(
            f"{what} was used while its module was loaded, as 'dbmcp validate' loads it too.",
            hint="Use it in the tool's function, or in one under on_init.",
        )


# The database


class _Database:
    def execute(self, sql: str, params: Params | None = None, *, source: str | None = None) -> list[dict[str, Any]]:
        """Run one statement, and return its rows as dictionaries; a write without RETURNING has none.

        Args:
            sql: The statement, with placeholders such as ``$name`` for every value.
            params: The values, by name or in order; the driver binds them.
            source: On which source; left out, the project's own.

        Raises:
            DbmcpError: What a client would be told: refused, failed, stopped, …
        """
        context = _call("db.execute()")
        _refuse_loading(context, "db.execute()")
        rows = context.host.execute(context, source, sql, () if params is None else params)
        context.running.raise_if_stopped()
        return rows

    query = execute


db = _Database()


# Configuration


class _Config:
    def get_secret(self, name: str) -> dict[str, Any] | None:
        """Return the parameters of a secret, if there is one of that name and the project may have it."""
        found = _call("config.get_secret()").host.secret(name)
        return None if found is None else _plain(found)

    def get_setting(self, key: str, default: Any = None) -> Any:
        """Return what the project's own configuration says; ``"a.b"`` is the key ``b`` in the table ``a``."""
        found: Any = _call("config.get_setting()").host.site_config
        if key in found:
            return _plain(found[key])
        for part in key.split("."):
            if not isinstance(found, Mapping) or part not in found:
                return default
            found = found[part]
        return _plain(found)

    @property
    def site_config(self) -> dict[str, Any]:
        """The project's own configuration, as a copy."""
        return dict(_plain(_call("config.site_config").host.site_config))

    @property
    def user_config(self) -> dict[str, Any]:
        """The user's configuration, as a copy."""
        return dict(_plain(_call("config.user_config").host.user_config))


def _plain(value: Any) -> Any:
    """Return a copy that a tool may change, of plain dictionaries and lists."""
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return copy.copy(value)


config = _Config()


class _Plugins:
    def get(self, name: str) -> Any:
        """Return the plugin called *name*, or None."""
        return _call("plugins.get()").host.plugins.get(name)

    def list(self) -> list[str]:
        """Return the names of the project's plugins."""
        return list(_call("plugins.list()").host.plugins)


plugins = _Plugins()


# The client


def _line(level: str, message: object) -> None:
    """Send a line, without the values of the project's secrets."""
    context = _call(f"log.{level}()")
    context.tell(level, redact(str(message), context.host.secret_values))


class _Log:
    """Lines for the client's log, and its progress bar. Outside of a call, errors as everything here."""

    def debug(self, message: object, /) -> None:
        """Send a line that only developers want."""
        _line("debug", message)

    def info(self, message: object, /) -> None:
        """Send a line."""
        _line("info", message)

    def warning(self, message: object, /) -> None:
        """Send a warning."""
        _line("warning", message)

    def error(self, message: object, /) -> None:
        """Send an error."""
        _line("error", message)

    def progress(self, done: float, total: float | None = None, message: str | None = None) -> None:
        """Say how far the call is; numbers that don't rise aren't sent."""
        context = _call("log.progress()")
        text = None if message is None else redact(str(message), context.host.secret_values)
        context.tell("progress", (float(done), None if total is None else float(total), text))


log = _Log()


class _AsyncLog:
    """``log``, for ``await``."""

    async def debug(self, message: object, /, **_more: Any) -> None:
        """Send a line that only developers want."""
        log.debug(message)

    async def info(self, message: object, /, **_more: Any) -> None:
        """Send a line."""
        log.info(message)

    async def warning(self, message: object, /, **_more: Any) -> None:
        """Send a warning."""
        log.warning(message)

    async def error(self, message: object, /, **_more: Any) -> None:
        """Send an error."""
        log.error(message)

    async def progress(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        """Say how far the call is."""
        log.progress(progress, total, message)


mcp = _AsyncLog()


# The caller


def current_user() -> User:
    """Return who calls; nobody known is ``ANONYMOUS``."""
    return _call("current_user()").user


class _User:
    """Who calls, at every moment: ``user.role``, ``user.username``, …; ``current_user()`` has the value itself."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(current_user(), name)


user = _User()


# Around the calls


class Hooks:
    """What a project's modules want to have run before the first call and after the last."""

    def __init__(self) -> None:
        self.init: list[Callable[[], Any]] = []
        self.shutdown: list[Callable[[], Any]] = []


#: The hooks of the project whose modules are being loaded.
collecting: ContextVar[Hooks | None] = ContextVar("dbmcp_hooks", default=None)


def on_init(function: _Function) -> _Function:
    """Have *function* run once, before the first call, with the database and the configuration at hand."""
    hooks = collecting.get()
    if hooks is not None:  # a module that somebody else imports, a test for instance, has nothing to start
        hooks.init.append(function)
    return function


def on_shutdown(function: _Function) -> _Function:
    """Have *function* run once, when the project is closed; the last one first."""
    hooks = collecting.get()
    if hooks is not None:
        hooks.shutdown.append(function)
    return function


@runtime_checkable
class SupportsReload(Protocol):
    """A host that can close its database, run something, and open it anew."""

    def reload(self, payload: Callable[[], object] | None, description: str) -> None:
        """Have that done as soon as no call runs; returns at once."""
        ...


def reload_duckdb(payload_func: Callable[[], object] | None = None, description: str = "") -> None:
    """Have the project's database closed, *payload_func* run meanwhile, and the database opened anew.

    It is done after the calls that run now, this one among them; so this returns at once.
    """
    context = _call("reload_duckdb()")
    _refuse_loading(context, "reload_duckdb()")
    host = context.host
    if not isinstance(host, SupportsReload):
        raise UnsupportedError("This project can't reload its database.")
    host.reload(payload_func, description)


# Plugins


def udf(function: _Function) -> _Function:
    """Mark a plugin's method as a function of DuckDB; its annotations are the types of the arguments and the result."""
    setattr(function, UDF_MARK, True)
    return function


class Plugin:
    """The base of a project's plugins: made once with its configuration, closed with ``on_shutdown``."""

    def __init__(self, config: Mapping[str, Any] | None = None, user_context: Any = None) -> None:  # noqa: ARG002
        self._config = dict(config or {})

    def on_shutdown(self) -> None:
        """Let go of what the plugin holds."""

    @property
    def user(self) -> User | None:
        """Who calls, as far as known; None outside of a call."""
        context = current()
        return context.user if context is not None else None
