"""Every error that dbmcp raises, each with a stable code.

::

    DbmcpError                     error
    ├── ConfigError                config_invalid        a setting, URL or file is wrong
    ├── PluginError                plugin_failed         a plugin can't be loaded, or two collide
    ├── UnknownSource              unknown_source        no source of that name
    ├── UnsupportedError           unsupported           this engine can't do that
    ├── LimitExceeded              limit_exceeded        the call itself is too large, or too many at once
    ├── CursorExpired              cursor_expired        nothing is parked under that cursor
    ├── RecordFailed               record_failed         the call couldn't be recorded, so it isn't answered
    ├── ArgumentsInvalid           invalid_arguments     a tool was called with wrong arguments; nothing was run
    ├── ToolFailed                 tool_failed           the tool's own code failed
    │   └── ResultInvalid          invalid_result        it returned something else than it promised
    ├── Refused                    refused               the database never saw the statement
    │   ├── StatementRefused       (the verdict's code)  the guard doesn't take it as a read
    │   └── PolicyDenied           policy_denied         a policy refused it
    └── DatabaseError              database_error        the database, or the way to it, failed
        ├── ConnectionFailed       connection_failed     not reached, not opened, or lost
        ├── QueryFailed            query_failed          the database rejected the statement
        ├── NotFound               not_found             no such table
        ├── DatabaseBusy           database_busy         locked by somebody else
        ├── ResourceExhausted      resource_exhausted    over a memory or size limit of the engine
        └── QueryStopped           query_stopped         stopped while it ran
            ├── QueryTimeout       query_timeout         over its deadline
            └── QueryCancelled     query_cancelled       cancelled by its caller, or the caller left

A code never changes its meaning: clients and audit records key on it. The codes of
``StatementRefused`` are those of ``dbmcp_core.statement.RefusalCode``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

__all__ = [
    "ArgumentsInvalid",
    "ConfigError",
    "ConnectionFailed",
    "CursorExpired",
    "DatabaseBusy",
    "DatabaseError",
    "DbmcpError",
    "LimitExceeded",
    "NotFound",
    "PluginError",
    "PolicyDenied",
    "QueryCancelled",
    "QueryFailed",
    "QueryStopped",
    "QueryTimeout",
    "RecordFailed",
    "Refused",
    "ResourceExhausted",
    "ResultInvalid",
    "StatementRefused",
    "ToolFailed",
    "UnknownSource",
    "UnsupportedError",
]


class DbmcpError(Exception):
    """The base of all errors of dbmcp.

    Args:
        message: What happened, and where. Never holds a secret.
        hint: What to try next.
        details: Facts for a program: ``line``, ``column``, ``sqlstate``, ``table``, …
    """

    code: str = "error"

    def __init__(self, message: str, *, hint: str | None = None, details: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details: dict[str, object] = dict(details or {})

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


class ConfigError(DbmcpError):
    """A setting, a URL or a configuration file is wrong; nothing was opened."""

    code = "config_invalid"


class PluginError(DbmcpError):
    """A plugin can't be loaded, is not installed, or collides with another."""

    code = "plugin_failed"


class UnknownSource(DbmcpError):
    """No source has that name."""

    code = "unknown_source"


class UnsupportedError(DbmcpError):
    """The engine can't do what was asked."""

    code = "unsupported"


class LimitExceeded(DbmcpError):
    """The call itself is too large, or too many calls are under way; nothing was run."""

    code = "limit_exceeded"


class CursorExpired(DbmcpError):
    """Nothing is parked under that cursor: it was read to the end, timed out, or is another caller's."""

    code = "cursor_expired"


class RecordFailed(DbmcpError):
    """A record sink failed. What can't be recorded isn't answered; a write may have been done all the same."""

    code = "record_failed"


class ArgumentsInvalid(DbmcpError):
    """A tool was called with arguments that it doesn't have, or of the wrong kind; nothing was run."""

    code = "invalid_arguments"


class ToolFailed(DbmcpError):
    """The code of a tool failed, or can't be run."""

    code = "tool_failed"


class ResultInvalid(ToolFailed):
    """A tool returned something else than its definition promises."""

    code = "invalid_result"


class Refused(DbmcpError):
    """The statement was refused; the database never saw it."""

    code = "refused"


class StatementRefused(Refused):
    """The guard does not take the statement as a read. ``code`` is the verdict's."""

    def __init__(
        self, message: str, *, code: str, hint: str | None = None, details: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message, hint=hint, details=details)
        self.code = code


class PolicyDenied(Refused):
    """A policy refused the statement."""

    code = "policy_denied"


class DatabaseError(DbmcpError):
    """The database failed, or the way to it."""

    code = "database_error"
    #: Whether the connection that raised this can't be used again.
    broken: ClassVar[bool] = False


class ConnectionFailed(DatabaseError):
    """The database was not reached, could not be opened, or the connection was lost."""

    code = "connection_failed"
    broken = True


class QueryFailed(DatabaseError):
    """The database rejected the statement; the message is the engine's own."""

    code = "query_failed"


class NotFound(DatabaseError):
    """The database has no table of that name."""

    code = "not_found"


class DatabaseBusy(DatabaseError):
    """Somebody else holds a lock on the database for longer than the busy timeout."""

    code = "database_busy"


class ResourceExhausted(DatabaseError):
    """The statement needed more memory, or a larger value, than the source allows."""

    code = "resource_exhausted"


class QueryStopped(DatabaseError):
    """The statement was stopped in the database while it ran."""

    code = "query_stopped"


class QueryTimeout(QueryStopped):
    """The statement ran into its deadline and was stopped in the database."""

    code = "query_timeout"


class QueryCancelled(QueryStopped):
    """The caller cancelled the statement, or went away; it was stopped in the database."""

    code = "query_cancelled"
