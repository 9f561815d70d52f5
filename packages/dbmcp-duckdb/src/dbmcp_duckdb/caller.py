"""What a statement's process is told of who calls: no more than the statement may know."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

__all__ = ["ASKS_ALL", "ASKS_OPEN", "About", "about"]

#: What every statement may ask: who its own caller is.
ASKS_OPEN = frozenset({"get_username", "get_user_email", "get_user_provider"})
#: What those of tools may ask, too.
ASKS_ALL = ASKS_OPEN | {"get_user_external_token", "get_request_header", "get_request_headers_json"}


@dataclass(frozen=True, slots=True, repr=False)
class About:
    """One statement's caller. Token and headers are there for trusted statements alone."""

    trusted: bool = False
    user: Mapping[str, Any] = field(default_factory=dict)
    token: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def entered(self) -> AbstractContextManager[None]:
        """Make this the current call's context, for the code of plugins."""
        from dbmcp_core.running import Running
        from dbmcp_core.settings import Secret
        from dbmcp_core.tools.context import CallContext, entered
        from dbmcp_core.tools.user import ANONYMOUS, User

        user = ANONYMOUS
        if self.user:
            user = User(**self.user, external_token=Secret(self.token) if self.token else None)
        return entered(CallContext(_NoHost(), Running(), user=user, headers=self.headers, door="duckdb"))


class _NoHost:
    """What a plugin has of its project in DuckDB's process: nothing but its own configuration."""

    def __getattr__(self, name: str) -> Any:
        from dbmcp_core.errors import ToolFailed

        raise ToolFailed(
            "A plugin's function can't use the project's database or configuration: it runs in DuckDB's own process.",
            hint="It has its own configuration, and who calls.",
        )


def about(*, trusted: bool, has_functions: bool) -> About | None:
    """Return what is to be told of the call at hand; None where nobody can ask."""
    if not has_functions:
        return About(trusted=True) if trusted else None
    from dbmcp_core.tools.context import current
    from dbmcp_core.tools.user import ANONYMOUS

    context = current()
    if context is None:
        return About(trusted=trusted)
    user = context.user
    known = user.as_condition() if user != ANONYMOUS else {}
    known.update({key: tuple(known[key]) for key in ("permissions", "capabilities") if key in known})
    if not trusted:
        return About(user=known)
    token = user.external_token.reveal() if user.external_token is not None else None
    return About(True, known, token, dict(context.headers))
