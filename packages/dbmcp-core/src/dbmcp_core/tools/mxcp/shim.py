"""The names of MXCP's Python interface, for projects written for it: the same things under ``mxcp.…``.

``install`` makes ``import mxcp.runtime`` and its like lead here, where no package ``mxcp`` is installed; a project that
needs them calls for it, and nothing else changes. What of MXCP isn't here fails as any missing module does, with a
message that says so.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from types import ModuleType
from typing import Any

from dbmcp_core import runtime
from dbmcp_core.tools.context import current
from dbmcp_core.tools.user import ANONYMOUS, User

__all__ = ["ExecutionContext", "MXCPBasePlugin", "UserContext", "get_execution_context", "get_user_context", "install"]


@dataclass(frozen=True, slots=True, repr=False)
class UserContext:
    """Who calls, by MXCP's names for it. ``external_token`` is the token itself."""

    provider: str | None
    user_id: str | None
    username: str | None
    email: str | None
    name: str | None
    role: str
    permissions: tuple[str, ...]
    external_token: str | None
    avatar_url: str | None = None
    raw_profile: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, user: User) -> UserContext:
        """Return *user* by these names."""
        token = user.external_token.reveal() if user.external_token is not None else None
        return cls(
            *(user.provider, user.user_id, user.username, user.email, user.name, user.role, user.permissions), token
        )

    def __repr__(self) -> str:
        return f"UserContext({self.username!r})"


def get_user_context() -> UserContext | None:
    """Return who calls; None outside of a call, and for a caller of whom nothing is known."""
    context = current()
    return None if context is None or context.user == ANONYMOUS else UserContext.of(context.user)


class ExecutionContext:
    """What there is to know of the call at hand: ``get("request_headers")``, ``username``, …"""

    def get(self, key: str, default: Any = None) -> Any:
        """Return the caller's context, the request's headers, the transport, or a configuration."""
        context = current()
        if context is None:
            return default
        known: dict[str, Callable[[], Any]] = {
            "user_context": get_user_context,
            "request_headers": lambda: dict(context.headers) or None,
            "transport": lambda: context.door,
            "site_config": lambda: runtime.config.site_config,
            "user_config": lambda: runtime.config.user_config,
        }
        found = known[key]() if key in known else None
        return default if found is None else found

    @property
    def user_context(self) -> UserContext | None:
        """Who calls."""
        return get_user_context()

    def __getattr__(self, name: str) -> Any:
        if name in ("provider", "user_id", "username", "email", "name", "external_token"):
            return getattr(get_user_context(), name, None)
        if name in ("request_headers", "transport", "site_config", "user_config"):
            return self.get(name)
        raise AttributeError(name)


def get_execution_context() -> ExecutionContext | None:
    """Return the context of the call at hand; None outside of one."""
    return ExecutionContext() if current() is not None else None


class MXCPBasePlugin(runtime.Plugin):
    """The base of plugins, with MXCP's helpers for who calls."""

    @property
    def user_context(self) -> UserContext | None:
        """Who calls."""
        return get_user_context()

    def is_authenticated(self) -> bool:
        """Whether anything is known of the caller."""
        return get_user_context() is not None

    def get_user_token(self) -> str | None:
        """Return the identity provider's token for the caller."""
        return self._of_user("external_token")

    def get_username(self) -> str | None:
        """Return the caller's name for logging in."""
        return self._of_user("username")

    def get_user_email(self) -> str | None:
        """Return the caller's address."""
        return self._of_user("email")

    def get_user_provider(self) -> str | None:
        """Return who vouches for the caller."""
        return self._of_user("provider")

    @staticmethod
    def _of_user(name: str) -> str | None:
        found: str | None = getattr(get_user_context(), name, None)
        return found


_RUNTIME = ("db", "config", "plugins", "mcp", "on_init", "on_shutdown", "reload_duckdb")
#: Each module with what it holds; the packages among them hold modules.
_MODULES: dict[str, dict[str, Any]] = {
    "mxcp": {},
    "mxcp.runtime": {name: getattr(runtime, name) for name in _RUNTIME},
    "mxcp.plugins": {"MXCPBasePlugin": MXCPBasePlugin, "udf": runtime.udf},
    "mxcp.plugins.base": {"MXCPBasePlugin": MXCPBasePlugin, "udf": runtime.udf},
    "mxcp.sdk": {},
    "mxcp.sdk.executor": {"get_execution_context": get_execution_context, "ExecutionContext": ExecutionContext},
    "mxcp.sdk.executor.context": {"get_execution_context": get_execution_context, "ExecutionContext": ExecutionContext},
    "mxcp.sdk.auth": {"get_user_context": get_user_context, "UserContext": UserContext},
    "mxcp.sdk.auth.context": {"get_user_context": get_user_context, "UserContext": UserContext},
}


class _Shim(MetaPathFinder, Loader):
    """Finds and makes the modules above, and those alone."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        if fullname.partition(".")[0] != "mxcp":
            return None
        if fullname not in _MODULES:
            raise ModuleNotFoundError(
                f"dbmcp has no {fullname!r}: it stands for mxcp's Python interface with {', '.join(sorted(_MODULES))}.",
                name=fullname,
            )
        is_package = any(name.startswith(f"{fullname}.") for name in _MODULES)
        return importlib.machinery.ModuleSpec(fullname, self, origin="dbmcp", is_package=is_package)

    def exec_module(self, module: ModuleType) -> None:
        vars(module).update(_MODULES[module.__name__])


def install() -> bool:
    """Have ``mxcp`` mean this module, unless the real package is installed; return whether it does."""
    if any(isinstance(finder, _Shim) for finder in sys.meta_path):
        return True
    if "mxcp" in sys.modules or importlib.util.find_spec("mxcp") is not None:
        return False
    sys.meta_path.append(_Shim())
    return True
