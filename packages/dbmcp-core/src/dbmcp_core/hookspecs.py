"""Every hook of dbmcp, each documented where it is declared. A plugin implements the ones that it wants.

::

    from dbmcp_core import Engine, hookimpl

    @hookimpl
    def dbmcp_engines() -> list[type[Engine]]:
        return [MyEngine]
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from dbmcp_core.call import CallRecord, Policy
    from dbmcp_core.database import Engine

__all__ = ["PROJECT", "hookimpl", "hookspec"]

#: The name of the pluggy project, and of the entry-point group that plugins are found in.
PROJECT = "dbmcp"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def dbmcp_engines() -> Iterable[type[Engine]]:  # type: ignore[empty-body]
    """Return the engine classes that this plugin provides.

    Two plugins that offer one name, or one alias, are a PluginError that names both distributions.
    """


@hookspec
def dbmcp_policies() -> Iterable[Policy]:  # type: ignore[empty-body]
    """Return policies: callables that take a Request and return why it is refused, or None.

    All policies of all plugins are asked about every statement, after the guard and before the database; one
    refusal is enough, and every reason is told. A policy that raises refuses. Asked for once, when an executor is made.
    """


@hookspec
def dbmcp_record(record: CallRecord) -> None:
    """Take the record of one call that has ended: done, refused, failed or stopped.

    Called on the call's own thread before its result leaves. A sink that raises makes the call fail with
    ``record_failed``: what can't be recorded isn't answered.
    """


@hookspec(firstresult=True)
def dbmcp_secrets(scheme: str, reference: str) -> str | None:
    """Return the secret that ``${scheme:reference}`` in a configuration means, or None if *scheme* isn't yours.

    The first plugin that knows it answers. ``${file:/run/secrets/shop}`` is dbmcp's own.
    """
